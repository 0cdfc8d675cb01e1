"""What a user can do at a camera that shows no store, or that denies what is in one.

A camera never says why: one that obeys a computer's program shows no card, a phone shows nothing until it is unlocked, and both answer
with an empty list of stores. So the maker has to tell what it is. Sources: camfs/protocols/ptp/README.md, "Cameras that show no store".
"""

from collections.abc import Iterator
from contextlib import contextmanager

from camfs import errors
from camfs.protocols.ptp.datasets import DeviceInfo

PHONE = "unlock the phone and choose File transfer (MTP) for its USB connection"

REMEDIES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("apple", "iphone", "ipad", "ipod"), "unlock the phone and tap Trust (or Allow) on it"),
    (("android.com", "google", "motorola", "pixel", "oneplus", "xiaomi", "huawei", "nokia", "htc", "lge"), PHONE),
    (
        ("sony",),
        "set the camera's USB mode to MTP or Mass Storage: in PC Remote it shows no card",
    ),
    (
        ("olympus", "omsystem", "om system", "om digital"),
        "choose Storage or MTP at the camera as it is plugged in: in its control mode (tethering, RAW) it shows no card",
    ),
    (("panasonic", "lumix"), "set the camera's USB mode to PC(Storage): in PC(Tether) it shows no card"),
    (
        ("fujifilm",),
        "set the camera's connection mode to USB Card Reader: for tethering or raw conversion it shows no card",
    ),
)
"""Words of which a camera's description has one, in lower case, and what to do if it shows no store. The first row that fits counts."""

NO_CARD = "put a card into the camera, and see that it is switched to showing pictures to a computer"
"""What to do about any other."""

NIKON_DENIES = (
    "connected to a computer by its own Wi-Fi, a Nikon shows only pictures that were marked for upload: "
    "choose Connect to smart device at the camera instead, or use the USB cable"
)

SONY_CONNECT = 0x9201
"""An operation that a Sony lists in PC Remote and in no other mode."""


def by_name(name: str) -> str:
    """Return what to do at a device of this name that shows no store; empty if any device may be meant."""
    words = name.lower()
    return next((remedy for known, remedy in REMEDIES if any(word in words for word in known)), "")


def without_store(info: DeviceInfo) -> str:
    """Return what to do at a camera that shows no store."""
    return by_name(f"{info.vendor_extension_desc} {info.manufacturer} {info.model}") or NO_CARD


def hides_card(info: DeviceInfo) -> bool:
    """Say whether a camera is in a mode in which an empty store says nothing about the card: a Sony in PC Remote."""
    return "sony" in info.manufacturer.lower() and SONY_CONNECT in info.operations


@contextmanager
def explaining_denial(info: DeviceInfo) -> Iterator[None]:
    """Add to the error of a camera that denies access what can be done about it, where that is known."""
    try:
        yield
    except errors.AccessDenied as error:
        if "nikon" not in info.manufacturer.lower() or NIKON_DENIES in str(error):
            raise
        raise errors.AccessDenied(f"{error}; {NIKON_DENIES}", error.code) from None
