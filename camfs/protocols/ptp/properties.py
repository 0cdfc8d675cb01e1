"""The standard device properties: the names of their settings, and their values as a photographer writes them.

One row for each property (ISO 15740 clause 13.3.5; those from 0x5020 on are in its second edition). Any other property is named
`prop-` and its code, and its value is a number. How a value is written also depends on the maker, and on what the property's
description offers: a battery of 0 to 3 is not a percentage. A text is read against the description, too:

1. what one of the offered values, or the present one, is written as means that value;
2. a text that says the same in another way (`0.3` for `+0.3`, `1/125s`) means it, too;
3. else the text is a number; of an enumeration, it means the value that a camera makes of this number by cutting it off or rounding it.

Two values of one description never have the same text: where the names would be the same, the second is written exactly.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor

from camfs.errors import InvalidValue, LocalProtocolError, RemoteProtocolError
from camfs.protocols.ptp.codes import DataType
from camfs.protocols.ptp.datasets import DevicePropDesc, Enumeration, Range
from camfs.protocols.ptp.makers import Maker, words_of
from camfs.protocols.ptp.notation import (
    CODE,
    EXPOSURE_STEPS,
    FOUR_CHARACTERS,
    ISO,
    NUMBER,
    Notation,
    decimal,
    exposure_time,
    with_words,
)
from camfs.protocols.ptp.values import INTEGER_TYPES, Reader, Value, encode_value

DATE_TIME = 0x5011
"""DateTime, the camera's clock. It is shown as `.clock`, not among the settings."""

BATTERY_LEVEL = 0x5001
SHARPNESS = 0x5015
SHUTTER_SPEED = 0x500D

UNKNOWN = "unknown"
"""The level of a battery that the camera does not know, or does not have."""

MOST_BARS = 20
"""Up to so many a full battery is counted in bars, not in per cent."""

MAX_TEXT = 100
"""Characters of a text that can be a number or a word."""

_U8, _U16, _U32, _I16, _TEXT = DataType.UINT8, DataType.UINT16, DataType.UINT32, DataType.INT16, DataType.STRING


@dataclass(frozen=True)
class StandardProperty:
    """A standard device property.

    Attributes:
        code: its code.
        name: of its setting.
        data_type: the standard's; some cameras have another.
        notation: of its integers; that of the battery and of shutter speeds depends on the camera.
        words: for some of its integers.
    """

    code: int
    name: str
    data_type: DataType
    notation: Notation = NUMBER
    words: Mapping[int, str] = field(default_factory=dict)


def _both(words: Mapping[int, str]) -> Mapping[int, str]:
    """Add the negative numbers that are the same 32 bits: some cameras send signed numbers."""
    return {**words, **{value - (1 << 32): word for value, word in words.items() if value >> 31}}


STANDARD_PROPERTIES = (
    StandardProperty(BATTERY_LEVEL, "battery-level", _U8),
    StandardProperty(0x5002, "functional-mode", _U16, CODE, {0: "standard", 1: "sleep"}),
    StandardProperty(0x5003, "image-size", _TEXT),
    StandardProperty(0x5004, "image-quality", _U8),
    StandardProperty(
        0x5005,
        "white-balance",
        _U16,
        CODE,
        {1: "manual", 2: "auto", 3: "one-push", 4: "daylight", 5: "fluorescent", 6: "tungsten", 7: "flash"},
    ),
    StandardProperty(0x5006, "rgb-gain", _TEXT),
    StandardProperty(0x5007, "aperture", _U16, decimal(2, prefix="f/"), {0: "no lens", 0xFFFE: "no lens"}),
    StandardProperty(0x5008, "focal-length", _U32, decimal(2, suffix="mm")),
    StandardProperty(0x5009, "focus-distance", _U16, decimal(0, suffix="mm"), {0xFFFF: "infinity"}),
    StandardProperty(0x500A, "focus-mode", _U16, CODE, {1: "manual", 2: "auto", 3: "macro"}),
    StandardProperty(
        0x500B,
        "metering-mode",
        _U16,
        CODE,
        {1: "average", 2: "center-weighted", 3: "multi-spot", 4: "center-spot"},
    ),
    StandardProperty(
        0x500C,
        "flash",
        _U16,
        CODE,
        {1: "auto", 2: "off", 3: "fill", 4: "red-eye-auto", 5: "red-eye-fill", 6: "external"},
    ),
    StandardProperty(
        SHUTTER_SPEED,
        "shutter-speed",
        _U32,
        words=_both({0xFFFFFFFF: "bulb", 0xFFFFFFFE: "x-sync", 0xFFFFFFFD: "time"}),
    ),
    StandardProperty(
        0x500E,
        "exposure-mode",
        _U16,
        CODE,
        {
            1: "manual",
            2: "program",
            3: "aperture-priority",
            4: "shutter-priority",
            5: "creative",
            6: "action",
            7: "portrait",
        },
    ),
    StandardProperty(0x500F, "iso", _U16, ISO, _both({0xFFFF: "auto", 0: "auto", 0xFFFFFFFF: "auto"})),
    StandardProperty(0x5010, "exposure-compensation", _I16, EXPOSURE_STEPS),
    StandardProperty(DATE_TIME, "date-time", _TEXT),
    StandardProperty(0x5012, "self-timer", _U32, decimal(3, suffix="s")),
    StandardProperty(0x5013, "drive-mode", _U16, CODE, {1: "single", 2: "burst", 3: "timelapse"}),
    StandardProperty(0x5014, "contrast", _U8),
    StandardProperty(SHARPNESS, "sharpness", _U8),
    StandardProperty(0x5016, "digital-zoom", _U8, decimal(1, suffix="x")),
    StandardProperty(0x5017, "effect", _U16, CODE, {1: "color", 2: "black-and-white", 3: "sepia"}),
    StandardProperty(0x5018, "burst-number", _U16),
    StandardProperty(0x5019, "burst-interval", _U16, decimal(3, suffix="s")),
    StandardProperty(0x501A, "timelapse-number", _U16),
    StandardProperty(0x501B, "timelapse-interval", _U32, decimal(3, suffix="s")),
    StandardProperty(0x501C, "focus-metering", _U16, CODE, {1: "center-spot", 2: "multi-spot"}),
    StandardProperty(0x501D, "upload-url", _TEXT),
    StandardProperty(0x501E, "artist", _TEXT),
    StandardProperty(0x501F, "copyright", _TEXT),
    StandardProperty(0x5020, "supported-streams", _U32),
    StandardProperty(0x5021, "enabled-streams", _U32),
    StandardProperty(0x5022, "video-format", _U32, FOUR_CHARACTERS),
    StandardProperty(0x5023, "video-resolution", _TEXT),
    StandardProperty(0x5024, "video-quality", _U16),
    StandardProperty(0x5025, "video-frame-rate", _U32, decimal(3, suffix="fps")),
    StandardProperty(0x5026, "video-contrast", _U16),
    StandardProperty(0x5027, "video-brightness", _U16),
    StandardProperty(0x5028, "audio-format", _U32, CODE),
    StandardProperty(0x5029, "audio-bit-rate", _U32),
    StandardProperty(0x502A, "audio-sampling-rate", _U32),
    StandardProperty(0x502B, "audio-bits-per-sample", _U16),
    StandardProperty(0x502C, "audio-volume", _U32),
)

_BY_CODE = {row.code: row for row in STANDARD_PROPERTIES}
_BY_NAME = {row.name: row for row in STANDARD_PROPERTIES}
STANDARD_CODES = frozenset(_BY_CODE)


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


_TYPES_BY_LENGTH = {1: DataType.UINT8, 2: DataType.UINT16, 4: DataType.UINT32, 8: DataType.UINT64, 16: DataType.UINT128}


def guess_description(code: int, data: bytes) -> DevicePropDesc:
    """Return a description of a property of which only the value is known, by the type that fits: the standard's if it does."""
    standard = _BY_CODE[code].data_type if code in _BY_CODE else None
    for data_type in (standard, _TYPES_BY_LENGTH.get(len(data)), DataType.STRING):
        reader = Reader(data)
        with suppress(RemoteProtocolError):
            value = reader.value(data_type) if data_type is not None else None
            if value is not None and not reader.remaining:
                return DevicePropDesc(code, data_type or 0, False, value, value)
    return DevicePropDesc(code, DataType.ARRAY | DataType.UINT8, False, tuple(data), tuple(data))


def is_known(description: DevicePropDesc) -> bool:
    """Say whether the present value is one: a camera without a battery gives a level far outside of the range that it describes."""
    form, value = description.form, description.current
    return not (
        description.code == BATTERY_LEVEL
        and isinstance(form, Range)
        and isinstance(value, int)
        and not form.minimum <= value <= form.maximum
    )


def write_values(
    description: DevicePropDesc, values: Iterable[Value], maker: Maker = Maker.OTHER, own: Notation | None = None
) -> Sequence[str]:
    """Write values of a property as text. Strings stay as they are; arrays become numbers with blanks between them.

    Args:
        description: of the property.
        values: of it.
        maker: of the camera.
        own: how the maker's own property is written; None for what is known of standard properties.
    """
    wanted = tuple(values)
    if wanted == (description.current,) and not is_known(description):
        return [UNKNOWN]
    integers = [value for value in wanted if isinstance(value, int)]
    texts = _texts(description, integers, own or _notation(description, maker)) if integers else {}
    return [texts[value] if isinstance(value, int) else _write_plain(value) for value in wanted]


def _write_plain(value: str | tuple[int, ...]) -> str:
    return value if isinstance(value, str) else " ".join(map(str, value))


def write_value(
    description: DevicePropDesc, value: Value, maker: Maker = Maker.OTHER, own: Notation | None = None
) -> str:
    """Write one value of a property as text, like `write_values`."""
    return write_values(description, (value,), maker, own)[0]


def read_value(
    description: DevicePropDesc, text: str, maker: Maker = Maker.OTHER, own: Notation | None = None, name: str = ""
) -> Value:
    """Read what `write_value` writes; `name` is the setting's, for errors.

    Raises:
        InvalidValue: the text cannot be a value of this property, or the camera does not offer the value.
    """
    name, data_type, form = name or property_name(description.code), description.data_type, description.form
    if text == UNKNOWN and not is_known(description):
        return description.current
    try:
        value: Value | None
        if data_type == DataType.STRING:
            offered = form.values if isinstance(form, Enumeration) else ()
            value = next((each for each in offered if str(each).lower() == text.lower()), text)
        elif data_type & DataType.ARRAY:
            value = tuple(int(number, 0) for number in text.split())
        else:
            value = _read_integer(description, text.strip(), own or _notation(description, maker))
    except (ValueError, ZeroDivisionError, OverflowError):
        raise InvalidValue(f"{name}: {text[:MAX_TEXT]!r} is not a valid value") from None
    if value is None or not _is_offered(description, value):
        raise InvalidValue(f"{name}: {text[:MAX_TEXT]} is not one of its choices")
    try:
        encode_value(data_type, value)
    except LocalProtocolError:
        raise InvalidValue(f"{name}: {text[:MAX_TEXT]} is out of range") from None
    return value


def _is_offered(description: DevicePropDesc, value: Value) -> bool:
    """Say whether a value may be written: the present one always may, and an enumeration of nothing forbids nothing."""
    match description.form:
        case Enumeration(values) if values:
            return value in values or value == description.current
        case Range(low, high, step) if isinstance(value, int):
            return (low <= value <= high and (value - low) % max(step, 1) == 0) or value == description.current
    return True


def _read_integer(description: DevicePropDesc, text: str, notation: Notation) -> int | None:
    """Return the integer that a text means; None if the camera does not offer it."""
    if len(text) > MAX_TEXT:
        raise ValueError(text)
    texts = _texts(description, (), notation)
    for value, own in texts.items():
        if own.lower() == text.lower():
            return value
    if text.lower().startswith(_RAW):
        return _in_range(description.data_type, int(text, 0))
    meant = notation.read(text)
    for value, own in texts.items():
        if not own.startswith(_RAW) and notation.read(own)[0] == meant[0]:
            return value
    for number in meant:
        for value in (int(number), floor(number + Fraction(1, 2))):
            if value == _in_range(description.data_type, value) and _is_offered(description, value):
                return value
    return None


_RAW = ("0x", "-0x")


def _in_range(data_type: int, value: int) -> int:
    """Return a number as a signed type has it, if it was written without a sign."""
    width, signed = INTEGER_TYPES.get(data_type, (0, False))
    return value - (1 << 8 * width) if signed and 1 << (8 * width - 1) <= value < 1 << 8 * width else value


def _texts(description: DevicePropDesc, more: Iterable[int], notation: Notation) -> dict[int, str]:
    """Return the texts of what a description names (what it offers, and the present value), and of more values."""
    form = description.form
    ends = (form.minimum, form.maximum) if isinstance(form, Range) else ()
    texts: dict[int, str] = {}
    taken: set[str] = set()
    for value in (*_offered(description), *ends, *more, description.current):
        if isinstance(value, int) and value not in texts:
            names = (notation.write(value), notation.exact(value), hex(value))
            texts[value] = next(name for name in names if name.lower() not in taken)
            taken.add(texts[value].lower())
    return texts


def _offered(description: DevicePropDesc) -> Sequence[int]:
    """Return the integers of an enumeration, each once."""
    values = description.form.values if isinstance(description.form, Enumeration) else ()
    return [value for value in dict.fromkeys(values) if isinstance(value, int)]


def _notation(description: DevicePropDesc, maker: Maker) -> Notation:
    code, offered = description.code, _offered(description)
    if code not in _BY_CODE:
        return NUMBER
    if code == BATTERY_LEVEL:
        return _battery_notation(description, maker)
    if (
        code == SHARPNESS
        and maker is Maker.FUJIFILM
        and isinstance(description.form, Range)
        and description.form.step == 10
    ):
        return decimal(1, signed=True)
    row = _BY_CODE[code]
    notation = row.notation
    if code == SHUTTER_SPEED:
        notation = exposure_time(maker, offered)
    words = {**row.words, **words_of(maker, code, offered)}
    if 0 in offered and 0 not in words and max(offered) < 0x100 and notation is CODE:
        return NUMBER  # a numbering of the maker's own, from 0 on; the standard leaves 0 undefined
    return with_words(notation, words, row.words) if words else notation


def _battery_notation(description: DevicePropDesc, maker: Maker) -> Notation:
    """Write a percentage; where the description ends at a few bars, 2/3; without a unit, if it goes beyond 100."""
    match description.form:
        case Range(_, high, _):
            full = high
        case Enumeration(values) if values:
            full = max(_offered(description), default=0)
        case _:
            full = max(100, description.current if isinstance(description.current, int) else 0)
            if maker is Maker.FUJIFILM:  # which counts bars
                return NUMBER
    if full > 100:
        return NUMBER
    return decimal(0, suffix="%" if full > MOST_BARS else f"/{full}")
