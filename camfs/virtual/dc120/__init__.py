"""The emulated Kodak DC120: a camera on a pseudo-terminal, strict about its protocol and as slow as a serial line.

In reading order: `camera` puts it together; `line` is its end of the serial line; `server` answers commands, `handlers` does them;
`state` and `store` are what they change; `faults` makes things go wrong; `options` is what a user may ask for.
"""

from camfs.virtual.dc120.camera import EmulatedDC120
from camfs.virtual.dc120.faults import Fault, FaultKind, Quirks

__all__ = ["EmulatedDC120", "Fault", "FaultKind", "Quirks"]
