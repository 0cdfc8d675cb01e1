"""The modes in which cameras and phones show no card to a computer, and what their users can do about it, as a table by maker.

Sources: camfs/protocols/ptp/README.md, "Cameras that show no store".
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Maker:
    """What is known of a maker's devices.

    Attributes:
        words: of which the device's description of itself has one, in lower case.
        usb_vendors: USB vendor ids.
        remedy: what to do if the device shows no store.
    """

    words: tuple[str, ...]
    usb_vendors: tuple[int, ...]
    remedy: str


MAKERS = (
    Maker(("apple", "iphone", "ipad", "ipod"), (0x05AC,), "unlock the phone and tap Trust (or Allow) on it"),
    Maker(
        ("android.com", "google", "motorola", "oneplus", "xiaomi", "huawei", "htc", "lge"),
        (0x18D1, 0x22B8, 0x2A70, 0x2717, 0x12D1, 0x0BB4, 0x1004, 0x0FCE),
        "unlock the phone and choose File transfer (MTP) for its USB connection",
    ),
    Maker(
        ("sony",),
        (0x054C,),
        "set the camera's USB mode to MTP or Mass Storage: in PC Remote it shows no card",
    ),
    Maker(
        ("olympus", "omsystem", "om system", "om digital"),
        (0x07B4, 0x33A2),
        "choose Storage or MTP at the camera as it is plugged in: while a computer controls it, it shows no card",
    ),
    Maker(
        ("panasonic", "lumix"),
        (0x04DA,),
        "set the camera's USB mode to PC(Storage): in PC(Tether) it shows no card",
    ),
    Maker(
        ("fujifilm",),
        (0x04CB,),
        "set the camera's connection mode to USB Card Reader: in the modes for tethering and raw conversion it shows no card",
    ),
)
"""The first that fits a device counts."""

NO_STORE = "the camera shows no store"
"""How the error begins that a remedy ends, after a colon."""

ANY_CAMERA = "put a card into the camera, and choose storage or MTP in its USB menu if it has one"
"""The remedy for a device of any other maker."""

NIKON_WIFI = (
    "over its own Wi-Fi a Nikon shows a computer only what was marked for upload: "
    "choose Connect to smart device at the camera instead, or use the USB cable"
)
"""The remedy for a Nikon that denies access to its pictures."""


def remedy_of(description: str) -> str:
    """Return what to do at a device that shows no store, by what it says of itself."""
    text = description.lower()
    return next((maker.remedy for maker in MAKERS if any(word in text for word in maker.words)), ANY_CAMERA)


def remedy_of_usb(vendor: int) -> str | None:
    """Return the same by the device's USB vendor id; None if nothing is known of the maker."""
    return next((maker.remedy for maker in MAKERS if vendor in maker.usb_vendors), None)
