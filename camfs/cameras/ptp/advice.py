"""What the errors of a camera say to its user where the camera itself does not: why it shows no store, or denies what is in one.

A camera that obeys a program on the computer shows no card, and a phone shows nothing until it is unlocked. Both answer with an empty
list of stores, or with an empty store, so its maker has to tell what the matter is (`camfs/protocols/ptp/modes.py`).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from camfs import errors
from camfs.protocols.ptp.datasets import DeviceInfo
from camfs.protocols.ptp.modes import NIKON_WIFI, remedy_of

SONY_REMOTE = {0x9201, 0x9205, 0x9207}
"""Operations that a Sony camera lists in PC Remote, and in no other mode; its players and phones have 0x9201 for something else."""

SONY_STORAGE = frozenset(range(0x9280, 0x9286))
"""Operations that a Sony camera lists in the modes MTP and Mass Storage, in which no computer can release its shutter."""

PC_REMOTE = "the camera takes no pictures for a computer in this USB mode: choose PC Remote on it if it has that, and connect it anew"


def without_store(info: DeviceInfo) -> str:
    """Return what to do at a camera that shows no store."""
    return remedy_of(f"{info.vendor_extension_desc} {info.manufacturer} {info.model}")


def hides_card(info: DeviceInfo) -> bool:
    """Say whether a camera is in a mode in which an empty store says nothing about the card: a Sony in PC Remote."""
    return "sony" in info.manufacturer.lower() and set(info.operations) >= SONY_REMOTE


def needs_pc_remote(info: DeviceInfo) -> bool:
    """Say whether a camera takes pictures for a computer in another mode than the present one: a Sony that shows its card."""
    return info.manufacturer.strip().lower() == "sony corporation" and set(info.operations) >= SONY_STORAGE


@contextmanager
def explaining_denial(info: DeviceInfo) -> Iterator[None]:
    """Add what can be done to the error of a camera that denies access, where that is known."""
    try:
        yield
    except errors.AccessDenied as error:
        if "nikon" not in info.manufacturer.lower():
            raise
        raise errors.AccessDenied(f"{error}; {NIKON_WIFI}", error.code) from None
