"""Payloads of a real SIGMA fp: those that the reference prints, by operation and what they are, and the samples beside the repository.

Names begin with the opcode, as those of the sample files do.
"""

from pathlib import Path

_PRINTED = {
    "9012-seed": "13 ff 7f 58 20 00 01 f8 00 00 01 09 b6 01 01 d0 02 01 00 00 97",
    "9013-seed": "0e 3f fc 01 02 04 01 00 01 00 00 00 01 01 02 56",
    "9014-seed": "10 ff a3 00 00 00 01 03 01 00 f0 00 f0 02 05 05 00 a3",
    "9014-seed-dest-pc": "10 ff a3 00 00 00 01 03 01 00 f0 00 f0 02 05 05 02 a5",
    "9015-generated": "06 00 00 01 05 00 02 0e",
    "9015-stored": "06 00 00 01 03 80 02 8c",
    "9015-cleared-0": "06 00 01 01 00 00 00 08",
    "9015-cleared-1": "06 01 01 01 00 00 00 09",
    "9015-cleared-2": "06 02 01 01 00 00 00 0a",
    "9015-idle-0": "06 00 00 00 00 00 02 08",
    "9015-idle-1": "06 01 00 00 00 00 00 07",
    "9016-iso-auto-off": "03 08 00 00 0b",
    "9016-iso-200": "03 10 00 28 3b",
    "9016-both": "04 18 00 00 28 44",
    "9017-seed": "03 04 00 04 0b",
    "9018-seed": "03 00 80 02" + " 00" * 17 + " 85",
    "901B-seed": "02 02 01 05",
    "9023-seed": "11 f0 3f 00 03 01 03 ff 0e 00 01 01 01 01 fe 02 02 05 5f",
    "9024-seed": "03 01 00 02" + " 00" * 17 + " 06",
    "9027": "0c 2b 00 1e 00 02 00 00 02 88 13 03 01 f8",
    "9029": "04 00 00 00 00 04",
    "902C-six-open": (
        "50 00 00 00 05 00 00 00 01 00 04 00 01 00 00 00 54 00 00 00 02 00 03 00 01 00 00 00 01 00 00 00"
        "03 00 03 00 01 00 00 00 00 00 00 00 04 00 03 00 06 00 00 00 48 00 00 00 05 00 03 00 00 00 00 00"
        "00 00 00 00 00 00 00 00 13 90 14 90 15 90 23 90 27 90 2e 90 2e"
    ),
    "902D": (
        "38 00 00 00 01 00 00 00 0c 00 00 00 80 05 00 57 49 24 63 00 24 00 00 00 2d 00 00 00 4a 50 47 00"
        "70 17 a0 0f 31 30 30 53 49 47 4d 41 00 53 44 49 4d 30 30 30 31 2e 4a 50 47 00 00 00"
    ),
    "9032-position-8500": (
        "38 00 00 00 04 00 00 00 01 00 01 00 01 00 00 00 01 00 00 00 02 00 01 00 01 00 00 00 00 00 00 00"
        "33 00 01 00 01 00 00 00 00 00 00 00 51 00 03 00 01 00 00 00 34 21 00 00 00 00 00 00 23"
    ),
    "9034-shutter-unit": "14 00 00 00 01 00 00 00 06 00 01 00 01 00 00 00 01 00 00 00 00 00 00 00 1e",
    "9035": (
        "4a 00 00 00 04 00 00 00 01 00 02 00 09 00 00 00 3c 00 00 00 02 00 02 00 09 00 00 00 45 00 00 00"
        "03 00 02 00 04 00 00 00 56 38 34 00 05 00 0b 00 01 00 00 00 52 b8 9e 3f 00 00 00 00 53 49 47 4d"
        "41 20 66 70 00 39 31 34 30 33 37 32 37 00 b3"
    ),
    "9039": "14 00 00 00 01 00 00 00 01 00 01 00 01 00 00 00 00 00 00 00 00 00 00 00 18",
}

_UNSOUND = {
    "9015-short-0": "06 00 00 00 00 02 08",
    "9015-short-1": "06 01 00 00 00 00 07",
    "902D-partial": "38 00 00 00 01 00 00 00 0c 00 00 00 80 05 00 57 c2 b8 07 00 24 00 00 00",
    "9034-inconsistent": "15 00 00 00 01 00 00 00 00 00 01 00 01 00 00 00 01 00 00 00 00 00 00 00 1f",
}

_FILES = {
    path.stem: path.read_text()
    for path in sorted((Path(__file__).parents[4] / "shared" / "samples" / "sigma-fp").glob("*.hex"))
}


def _is_sound(name: str) -> bool:
    """Say whether a sample file adds up: its own list tells which do not."""
    return not name.endswith(("-short", "-partial", "-inconsistent"))


SOUND = {
    name: bytes.fromhex(text) for name, text in {**_PRINTED, **_FILES}.items() if name in _PRINTED or _is_sound(name)
}
"""Payloads whose lengths and sums hold."""

UNSOUND = {
    name: bytes.fromhex(text)
    for name, text in {**_UNSOUND, **_FILES}.items()
    if name in _UNSOUND or not _is_sound(name)
}
"""Payloads that the sources print with a slip."""


def of(payloads: dict[str, bytes], *opcodes: int) -> list[str]:
    """Return the names of the payloads of some operations."""
    return [name for name in payloads if int(name[:4], 16) in opcodes]
