"""The emulated Kodak DC120: a camera on a pseudo-terminal, strict about its protocol and as slow as a serial line."""

from camfs.virtual.dc120.camera import EmulatedDC120
from camfs.virtual.dc120.faults import Fault, FaultKind, Quirks

__all__ = ["EmulatedDC120", "Fault", "FaultKind", "Quirks"]
