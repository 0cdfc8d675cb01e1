"""The standard device properties: the names of their settings, and their values as a photographer writes them.

One row for each property (ISO 15740 clause 13.3.5). Any other property is named `prop-` and its code, and its value is a number.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from camfs.errors import InvalidValue
from camfs.protocols.ptp.codes import DataType
from camfs.protocols.ptp.values import Value

DATE_TIME = 0x5011
"""DateTime, the camera's clock. It is shown as `.clock`, not among the settings."""

BATTERY_LEVEL = 0x5001


@dataclass(frozen=True)
class Notation:
    """How the values of a property are written, if they are integers.

    Attributes:
        write: an integer to text.
        read: text to an integer; raises ValueError for any other text.
    """

    write: Callable[[int], str]
    read: Callable[[str], int]


def _words(words: Mapping[int, str]) -> Notation:
    """Write values as words, and a value that has no word (a vendor's) as a number."""
    numbers = {word: number for number, word in words.items()}
    return Notation(
        lambda value: words.get(value, str(value)),
        lambda text: numbers[text.lower()] if text.lower() in numbers else int(text, 0),
    )


def _number(text: str) -> Fraction:
    """Read a decimal number or a fraction. No exponent: with one, a few characters could make a number of any size."""
    if "e" in text:
        raise ValueError(text)
    return Fraction(text)


def _scaled(unit: Fraction, prefix: str = "", suffix: str = "", signed: bool = False, digits: int = 2) -> Notation:
    """Write a value as a decimal number of `unit`s."""

    def write(value: int) -> str:
        number = f"{float(value * unit):.{digits}f}".rstrip("0").rstrip(".") if digits else str(round(value * unit))
        if number in ("0", "-0"):
            return f"{prefix}0{suffix}"
        return f"{prefix}{'+' if signed and value > 0 else ''}{number}{suffix}"

    def read(text: str) -> int:
        number = text.lower().removeprefix(prefix).removesuffix(suffix.lower()).strip()
        return round(_number(number) / unit)

    return Notation(write, read)


def _write_exposure_time(value: int) -> str:
    if 0 < value < 3000:
        per_second = round(Fraction(10_000, value))
        if abs(Fraction(10_000, per_second) - value) < 1:  # cameras round 1/60 s to 167, or cut it to 166
            return f"1/{per_second}"
    return f"{value / 10_000:.4f}".rstrip("0").rstrip(".")


def _read_exposure_time(text: str) -> int:
    return round(_number(text.lower().removesuffix("s").strip()) * 10_000)


def _read_iso(text: str) -> int:
    return 0xFFFF if text.lower() == "auto" else int(text)


_EXPOSURE_TIME = Notation(_write_exposure_time, _read_exposure_time)
_ISO = Notation(lambda value: "auto" if value == 0xFFFF else str(value), _read_iso)
NUMBER = Notation(str, lambda text: int(text, 0))
"""Written in decimal; read in decimal or, with 0x in front, in hexadecimal."""


@dataclass(frozen=True)
class StandardProperty:
    """A standard device property."""

    code: int
    name: str
    notation: Notation = NUMBER


STANDARD_PROPERTIES = (
    StandardProperty(BATTERY_LEVEL, "battery-level", _scaled(Fraction(1), suffix="%", digits=0)),
    StandardProperty(0x5002, "functional-mode", _words({0: "standard", 1: "sleep"})),
    StandardProperty(0x5003, "image-size"),
    StandardProperty(0x5004, "image-quality"),
    StandardProperty(
        0x5005,
        "white-balance",
        _words({1: "manual", 2: "auto", 3: "one-push", 4: "daylight", 5: "fluorescent", 6: "tungsten", 7: "flash"}),
    ),
    StandardProperty(0x5006, "rgb-gain"),
    StandardProperty(0x5007, "aperture", _scaled(Fraction(1, 100), prefix="f/")),
    StandardProperty(0x5008, "focal-length", _scaled(Fraction(1, 100), suffix="mm")),
    StandardProperty(
        0x5009,
        "focus-distance",
        Notation(
            lambda value: "infinity" if value == 0xFFFF else f"{value}mm",
            lambda text: 0xFFFF if text.lower() == "infinity" else int(text.lower().removesuffix("mm")),
        ),
    ),
    StandardProperty(0x500A, "focus-mode", _words({1: "manual", 2: "auto", 3: "macro"})),
    StandardProperty(
        0x500B, "metering-mode", _words({1: "average", 2: "center-weighted", 3: "multi-spot", 4: "center-spot"})
    ),
    StandardProperty(
        0x500C,
        "flash",
        _words({1: "auto", 2: "off", 3: "fill", 4: "red-eye-auto", 5: "red-eye-fill", 6: "external"}),
    ),
    StandardProperty(0x500D, "shutter-speed", _EXPOSURE_TIME),
    StandardProperty(
        0x500E,
        "exposure-mode",
        _words(
            {
                1: "manual",
                2: "program",
                3: "aperture-priority",
                4: "shutter-priority",
                5: "creative",
                6: "action",
                7: "portrait",
            }
        ),
    ),
    StandardProperty(0x500F, "iso", _ISO),
    StandardProperty(0x5010, "exposure-compensation", _scaled(Fraction(1, 1000), signed=True, digits=1)),
    StandardProperty(DATE_TIME, "date-time"),
    StandardProperty(0x5012, "self-timer", _scaled(Fraction(1, 1000), suffix="s", digits=3)),
    StandardProperty(0x5013, "drive-mode", _words({1: "single", 2: "burst", 3: "timelapse"})),
    StandardProperty(0x5014, "contrast"),
    StandardProperty(0x5015, "sharpness"),
    StandardProperty(0x5016, "digital-zoom", _scaled(Fraction(1, 10), suffix="x", digits=1)),
    StandardProperty(0x5017, "effect", _words({1: "color", 2: "black-and-white", 3: "sepia"})),
    StandardProperty(0x5018, "burst-number"),
    StandardProperty(0x5019, "burst-interval", _scaled(Fraction(1, 1000), suffix="s", digits=3)),
    StandardProperty(0x501A, "timelapse-number"),
    StandardProperty(0x501B, "timelapse-interval", _scaled(Fraction(1, 1000), suffix="s", digits=3)),
    StandardProperty(0x501C, "focus-metering", _words({1: "center-spot", 2: "multi-spot"})),
    StandardProperty(0x501D, "upload-url"),
    StandardProperty(0x501E, "artist"),
    StandardProperty(0x501F, "copyright"),
)

_BY_CODE = {row.code: row for row in STANDARD_PROPERTIES}
_BY_NAME = {row.name: row for row in STANDARD_PROPERTIES}


def property_name(code: int) -> str:
    """Return the name of a property's setting: `iso`, or `prop-d0a1` for a property that is not standard."""
    return _BY_CODE[code].name if code in _BY_CODE else f"prop-{code:04x}"


def property_code(name: str) -> int | None:
    """Return the code of the property whose setting has this name, None if there is none."""
    if name in _BY_NAME:
        return _BY_NAME[name].code
    digits = name.removeprefix("prop-")
    if digits != name and len(digits) == 4 and all(digit in "0123456789abcdef" for digit in digits):
        return int(digits, 16)
    return None


def write_value(code: int, value: Value) -> str:
    """Write a property's value as text. Strings stay as they are; arrays become numbers with blanks between them."""
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return _notation(code).write(value)


def read_value(code: int, data_type: int, text: str) -> Value:
    """Read what `write_value` writes.

    Raises:
        InvalidValue: the text cannot be a value of this property.
    """
    try:
        if data_type == DataType.STRING:
            return text
        if data_type & DataType.ARRAY:
            return tuple(int(number, 0) for number in text.split())
        return _notation(code).read(text.strip())
    except (ValueError, ZeroDivisionError, OverflowError):
        raise InvalidValue(f"{property_name(code)}: {text!r} is not a valid value") from None


def _notation(code: int) -> Notation:
    return _BY_CODE[code].notation if code in _BY_CODE else NUMBER
