"""Payloads of a real SIGMA fp, by the operation and what they are: those of `tests/samples`, and a few that were rebuilt.

A name is that of the file without the operation's name: `9012` is the body that libgphoto2 dumped, `9012-notes` what the PTP notes print.
"""

from pathlib import Path

_SAMPLES = Path(__file__).parents[2] / "samples"

_REBUILT = {
    # The notes print these two with a zero byte missing.
    "9015-idle-id00": "06 00 00 00 00 00 02 08",
    "9015-idle-id01": "06 01 00 00 00 00 00 07",
    # Fields and values from other sources, framed with true length and sum.
    "9016-iso-auto-off": "03 08 00 00 0b",
    "9016-iso-200": "03 10 00 28 3b",
    "9016-both": "04 18 00 00 28 44",
    "902C-six-open": (
        "50 00 00 00 05 00 00 00 01 00 04 00 01 00 00 00 54 00 00 00 02 00 03 00 01 00 00 00 01 00 00 00"
        "03 00 03 00 01 00 00 00 00 00 00 00 04 00 03 00 06 00 00 00 48 00 00 00 05 00 03 00 00 00 00 00"
        "00 00 00 00 00 00 00 00 13 90 14 90 15 90 23 90 27 90 2e 90 2e"
    ),
    "9032-position-8500": (
        "38 00 00 00 04 00 00 00 01 00 01 00 01 00 00 00 01 00 00 00 02 00 01 00 01 00 00 00 00 00 00 00"
        "33 00 01 00 01 00 00 00 00 00 00 00 51 00 03 00 01 00 00 00 34 21 00 00 00 00 00 00 23"
    ),
    "9034-shutter-unit": "14 00 00 00 01 00 00 00 06 00 01 00 01 00 00 00 01 00 00 00 00 00 00 00 1e",
    "9039": "14 00 00 00 01 00 00 00 01 00 01 00 01 00 00 00 00 00 00 00 00 00 00 00 18",
}


def _read(folder: str) -> dict[str, bytes]:
    """Read the payloads of a folder of samples; a name loses its second component."""
    files = sorted((_SAMPLES / folder).glob("*.hex"))
    assert files
    names = {path: path.stem.split("-", 2) for path in files}
    return {"-".join((name[0], *name[2:])): bytes.fromhex(path.read_text()) for path, name in names.items()}


def _is_sound(name: str) -> bool:
    """Say whether a sample adds up; `tests/samples/README.md` lists those that do not."""
    return not name.endswith(("-short", "-partial", "-inconsistent"))


_FILES = _read("sigma-fp")

SOUND = {
    **{name: bytes.fromhex(text) for name, text in _REBUILT.items()},
    **{name: payload for name, payload in _FILES.items() if _is_sound(name)},
}
"""Payloads whose lengths and sums hold."""

UNSOUND = {name: payload for name, payload in _FILES.items() if not _is_sound(name)}
"""Payloads that the notes print with a slip, or not to their end."""

NEWER = _read("sigma-fp-5.02")
"""Replies of a body with firmware 5.02, which lays out and pads the same records otherwise."""


def of(payloads: dict[str, bytes], *opcodes: int) -> list[str]:
    """Return the names of the payloads of some operations."""
    return [name for name in payloads if int(name[:4], 16) in opcodes]
