"""The settings: every field of groups 1 to 5, Focus and Movie under a name of `.settings/`, written as a photographer writes it.

One row a setting in `SETTINGS`; the mount, the choices, the reasons of refusals and the emulated camera's rules come from it. Reference
sigma-fp, sections 6 to 9, 11, 18 and 19.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Protocol

from camfs.errors import AccessDenied, InvalidValue, LocalProtocolError, NoData
from camfs.protocols.sigma import values as words
from camfs.protocols.sigma.apex import APERTURE, BULB, EV, ISO, SHUTTER, THIRD, Scale, decimal, number, signed
from camfs.protocols.sigma.can_set import CanSetInfo
from camfs.protocols.sigma.datasets import Dataset, Value, Values
from camfs.protocols.sigma.values import Words

MAX_LISTED = 1000
"""Steps of a range that are listed one by one as choices; of a longer range only the two ends are."""

FOCUS_TOLERANCE = 10
"""Counts of the focus motor; where it stopped it reads a few beside where it was sent (section 18)."""

FRAME_GRID = (32, 16)
"""Steps of the focus frame, y and x, to which the camera rounds."""

MAX_FOCAL_LENGTH = 1200
"""Millimetres; group 3 tells ends of the lens far beyond any lens (section 6.3)."""


@dataclass
class State:
    """What the camera said last: each dataset that was read, and what is settable now."""

    values: dict[Dataset, Values] = field(default_factory=dict)
    can_set: CanSetInfo = field(default_factory=CanSetInfo)

    def text(self, name: str) -> str:
        """Write a setting as it was read last; empty if it was not."""
        setting = SETTINGS[name]
        try:
            return setting.read(self.values.get(setting.dataset, {}))
        except NoData:
            return ""

    def number(self, dataset: Dataset, name: str) -> int | None:
        """Return a field that has one number; None if it was not read."""
        return _number(self.values.get(dataset, {}), name)


def _number(values: Values, name: str) -> int | None:
    value = values.get(name)
    return value if isinstance(value, int) else None


class Coding(Protocol):
    """How one number is written."""

    @property
    def tag(self) -> int | None:
        """Where CanSetInfo5 says what is settable; None where it does not."""

    def decode(self, code: int) -> str | None:
        """Write a code as text; None if it is no value."""

    def encode(self, text: str, can_set: CanSetInfo) -> int:
        """Return the code of a text; raises ValueError."""

    def choices(self, can_set: CanSetInfo) -> tuple[str, ...]:
        """List what may be set now."""


@dataclass(frozen=True)
class Steps:
    """Stops, in the steps that the camera declares: thirds where it declares none."""

    scale: Scale
    tag: int | None = None

    def decode(self, code: int) -> str | None:
        """See `Coding.decode`."""
        return self.scale.decode(code)

    def encode(self, text: str, can_set: CanSetInfo) -> int:
        """See `Coding.encode`."""
        return self.scale.encode(text, self._range(can_set)[2])

    def choices(self, can_set: CanSetInfo) -> tuple[str, ...]:
        """See `Coding.choices`; a range of one value is how the camera says that it cannot be set."""
        low, high, step = self._range(can_set)
        return self.scale.texts(low, high, step) if low < high else ()

    def _range(self, can_set: CanSetInfo) -> tuple[int, int, int]:
        """Return the declared minimum, maximum and finest step; the ISO has two steps."""
        numbers = can_set.numbers(self.tag) if self.tag is not None else None
        return (numbers[0], numbers[1], numbers[-1]) if numbers and len(numbers) > 2 else (0, 0, THIRD)


NON_APEX_SHUTTER = 213
"""Tag that contains 0 where bulb is offered."""


class Shutter(Steps):
    """The shutter speed, with its word for as long as one likes."""

    def choices(self, can_set: CanSetInfo) -> tuple[str, ...]:
        """See `Coding.choices`."""
        bulb = (self.scale.words[BULB],) if 0 in (can_set.numbers(NON_APEX_SHUTTER) or ()) else ()
        return bulb + super().choices(can_set)


@dataclass(frozen=True)
class Number:
    """A number with its unit.

    Attributes:
        tag: of CanSetInfo5: [min, max] or [min, max, step], of numbers as they are written.
        low: of the codes, where the tag declares nothing.
        high: the same.
        unit: what a count of the code is.
        start: the code of 0.
        suffix: behind the number; may be left out on writing.
        has_sign: positive numbers are written with a plus.
        is_rational: the tag has rationals.
        is_list: the tag has the codes themselves.
    """

    tag: int | None = None
    low: int = 0
    high: int = 0xFF
    unit: Fraction = Fraction(1)
    start: int = 0
    suffix: str = ""
    has_sign: bool = False
    is_rational: bool = False
    is_list: bool = False

    def decode(self, code: int) -> str | None:
        """See `Coding.decode`."""
        if not self.low <= code <= self.high:
            return None
        value = (code - self.start) * self.unit
        return (signed(value) if self.has_sign else decimal(value)) + self.suffix

    def encode(self, text: str, can_set: CanSetInfo) -> int:
        """See `Coding.encode`."""
        code = number(text.lower().removesuffix(self.suffix.lower()).strip()) / self.unit + self.start
        allowed = self._declared(can_set) or range(self.low, self.high + 1)
        if code.denominator != 1 or int(code) not in allowed:
            raise ValueError(text)
        return int(code)

    def choices(self, can_set: CanSetInfo) -> tuple[str, ...]:
        """See `Coding.choices`."""
        codes = self._declared(can_set) or range(0)
        if self.is_list and self.tag is not None:
            listed = tuple(can_set.numbers(self.tag) or ())
        elif len(codes) > MAX_LISTED:
            listed = (codes[0], codes[-1])
        else:
            listed = tuple(codes)
        return tuple(text for code in listed if (text := self.decode(code)) is not None)

    def _declared(self, can_set: CanSetInfo) -> range | None:
        """Return the codes of the declared range; None if there is none."""
        if self.tag is None or self.is_list:
            return None
        if self.is_rational:
            pairs = can_set.rationals(self.tag) or ()
            ends = [Fraction(*pair) for pair in pairs if pair[1]]
        else:
            ends = [Fraction(end) for end in can_set.numbers(self.tag) or ()]
        if len(ends) < 2:
            return None
        low, high = (round(end / self.unit) + self.start for end in ends[:2])
        step = round(ends[2] / self.unit) if len(ends) > 2 else 1
        return range(max(low, self.low), min(high, self.high) + 1, max(step, 1))


class FrameSize(Number):
    """The size of the focus frame: 0 is the largest of as many as the tag says."""

    def _declared(self, can_set: CanSetInfo) -> range | None:
        counts = can_set.numbers(self.tag) if self.tag is not None else None
        return range(min(counts[0], self.high + 1)) if counts else None


@dataclass(frozen=True)
class Flash:
    """The flash mode: bits, written with a plus between them."""

    tag: int = 252

    def decode(self, code: int) -> str | None:
        """See `Coding.decode`."""
        texts = [word for word, bit in words.FLASH_BITS if code & bit]
        unnamed = code & ~sum(bit for _, bit in words.FLASH_BITS)
        return "+".join([*texts, *([f"code-{unnamed}"] if unnamed else [])]) or "normal"

    def encode(self, text: str, can_set: CanSetInfo) -> int:
        """See `Coding.encode`."""
        bits = dict(words.FLASH_BITS)
        texts = text.lower().split("+")
        if texts == ["normal"]:
            return 0
        if not bits.keys() >= set(texts):
            raise ValueError(text)
        return sum(bits[word] for word in set(texts))

    def choices(self, can_set: CanSetInfo) -> tuple[str, ...]:
        """See `Coding.choices`; the codes of the tag are unknown, so that it is filled has to do."""
        return ("normal", *(word for word, _ in words.FLASH_BITS)) if can_set.numbers(self.tag) else ()


Condition = Callable[[State], str]
"""Why the camera does not take a value now; empty if nothing known keeps it."""


def _while(name: str, *texts: str) -> Condition:
    """While another setting has one of these values."""
    return lambda state: f"{name} is {state.text(name)}" if state.text(name) in texts else ""


def _unless(name: str, text: str) -> Condition:
    """While another setting has any other value."""
    return lambda state: f"{name} is {state.text(name)}" if state.text(name) not in ("", text) else ""


def _exposure_mode(*modes: int) -> Condition:
    """While the exposure mode is one of these, a custom one made of it included."""

    def condition(state: State) -> str:
        code = state.number(Dataset.GROUP2, "ExposureMode")
        if code is None or code & words.BASE_MODE not in modes:
            return ""
        text, base = state.text("exposure-mode"), words.EXPOSURE_MODE.decode(code & words.BASE_MODE)
        return f"exposure-mode is {text}" + (f" ({base})" if text != base else "")

    return condition


def _all(*conditions: Condition) -> Condition:
    """While all of these hold: what the last says."""
    return lambda state: conditions[-1](state) if all(condition(state) for condition in conditions) else ""


def _no_flash(state: State) -> str:
    """While the camera says that no flash can be set."""
    flash = state.can_set.entries.get(Flash.tag)
    return "the camera does not offer it now" if flash is not None and not flash.value else ""


_ONLY_TOLD = "it can only be read"
_IN_CINE = _while("capture-mode", "cine")
_IN_STILL = _while("capture-mode", "still")


@dataclass(frozen=True)
class Setting:
    """One setting: of one number, unless a subclass says otherwise.

    Attributes:
        name: of its file.
        dataset: where it is.
        fields: that it is read from; the first is written.
        coding: of the number.
        read_only: the camera only tells it.
        ignored: what makes the camera ignore a write (section 19).
        hints: what makes it ignore some values.
        is_told: False if firmware that takes it may not tell it: then its OK has to do.
        read_only_because: why, where that needs saying.
    """

    name: str
    dataset: Dataset
    fields: tuple[str, ...]
    coding: Coding = Number()
    read_only: bool = False
    ignored: tuple[Condition, ...] = ()
    hints: tuple[Condition, ...] = ()
    is_told: bool = True
    read_only_because: str = ""

    def read(self, values: Values) -> str:
        """Write the value in `values` (of this setting's dataset) as text.

        Raises:
            NoData: the camera does not tell it (the field is not in its reply), or has no value now.
        """
        text = self._text(values)
        if text is None:
            known = self.fields[0] in values
            raise NoData(f"{self.name} {'has no value now' if known else 'is not told by this camera'}")
        return text

    def encode(self, text: str, state: State) -> dict[str, Value]:
        """Read a text: the fields to write, of this setting's dataset.

        Raises:
            InvalidValue: it is no value of this setting.
            AccessDenied: the setting can only be read.
            LocalProtocolError: the fields that must be written with it were not read.
        """
        if self.read_only:
            raise AccessDenied(f"{self.name}: {self.read_only_because or _ONLY_TOLD}")
        try:
            return self._encode(text.strip(), state)
        except (ValueError, OverflowError):
            raise InvalidValue(f"{self.name}: {text[:40]!r} is no value of it") from None

    def took(self, wanted: Mapping[str, Value], values: Values) -> bool:
        """Say whether what was read back is what was written: codes that mean the same are the same, positions within their grid."""
        if self.fields[0] not in values:
            return not self.is_told
        text = self._text(values)
        return text is not None and text == self._text(wanted)

    def other_way(self, wanted: Mapping[str, Value]) -> dict[str, Value] | None:
        """Return the same value in the other code that some bodies have for it, to be tried where the first did not take."""
        code = wanted.get(self.fields[0])
        if not isinstance(self.coding, Words) or not isinstance(code, int):
            return None
        other = self.coding.other_code(code)
        return None if other is None else {**wanted, self.fields[0]: other}

    def choices(self, state: State) -> tuple[str, ...]:
        """List what the camera takes now, by CanSetInfo5 and the tables; empty if it is not settable now or the camera does not say.

        Of a range of more than `MAX_LISTED` values the two ends.
        """
        if self.read_only or any(condition(state) for condition in self.ignored):
            return ()
        return self._choices(state)

    def reason(self, state: State) -> str:
        """Say why the camera keeps what it has, as far as its state tells (reference section 19); else an empty text."""
        if self.read_only:
            return self.read_only_because or _ONLY_TOLD
        for condition in (*self.ignored, *self.hints):
            if clause := condition(state):
                return clause
        if self.tag is None or not state.can_set.entries:
            return ""
        entry = state.can_set.entries.get(self.tag)
        if entry is None:
            return "this firmware does not know it"
        return "" if entry.value else "the camera does not offer it now"

    @property
    def tag(self) -> int | None:
        """The tag of CanSetInfo5 that says what is settable."""
        return self.coding.tag

    def _text(self, values: Values) -> str | None:
        code = _number(values, self.fields[0])
        return None if code is None else self.coding.decode(code)

    def _encode(self, text: str, state: State) -> dict[str, Value]:
        return {self.fields[0]: self.coding.encode(text, state.can_set)}

    def _choices(self, state: State) -> tuple[str, ...]:
        return self.coding.choices(state.can_set)


class Iso(Setting):
    """The speed, or `auto`: two fields, always written together, as the speed alone is ignored in auto."""

    def _text(self, values: Values) -> str | None:
        return "auto" if values.get("ISOAuto") == 1 else super()._text(values)

    def _encode(self, text: str, state: State) -> dict[str, Value]:
        return {"ISOAuto": 1} if text.lower() == "auto" else {"ISOAuto": 0, **super()._encode(text, state)}

    def _choices(self, state: State) -> tuple[str, ...]:
        speeds = super()._choices(state)
        return ("auto", *speeds) if speeds else ()

    def took(self, wanted: Mapping[str, Value], values: Values) -> bool:
        """See `Setting.took`."""
        return self._text(values) is not None and self._text(values) == self._text(wanted)


class ExposureMode(Setting):
    """The exposure mode. A custom mode is a number of its own on the fp L; on the fp it is a bit beside the mode it is made of."""

    def _text(self, values: Values) -> str | None:
        code = _number(values, self.fields[0])
        if code is None:
            return None
        custom = [text for text, bit in words.CUSTOM_MODES.items() if code & bit]
        return custom[0] if custom else words.EXPOSURE_MODE.decode(code & words.BASE_MODE)

    def _encode(self, text: str, state: State) -> dict[str, Value]:
        code = words.EXPOSURE_MODE.encode(text, state.can_set)
        text = words.EXPOSURE_MODE.decode(code)
        base = (state.number(self.dataset, self.fields[0]) or words.PROGRAM) & words.BASE_MODE
        is_fp_l = base > words.MANUAL or max(state.can_set.numbers(200) or (0,)) > words.LAST_LISTED_OF_FP
        if text in words.CUSTOM_MODES and not is_fp_l:
            code = words.CUSTOM_MODES[text] | (base or words.PROGRAM)
        return {self.fields[0]: code}


LOC = (
    "LOCDistortion",
    "LOCChromaticAberration",
    "LOCDiffraction",
    "LOCVignetting",
    "LOCColorShade",
    "LOCColorShadeAcquisition",
)
"""The corrections of group 4, one field."""


class Correction(Setting):
    """A correction of the lens: written with all others, as they were read."""

    def _encode(self, text: str, state: State) -> dict[str, Value]:
        read = state.values.get(self.dataset, {})
        missing = [part for part in LOC if part not in read]
        if missing:
            raise LocalProtocolError(f"{self.name} is written with {', '.join(missing)}, not read yet")
        return {**{part: read[part] for part in LOC}, **super()._encode(text, state)}


class IntervalTimer(Setting):
    """Seconds from shot to shot and their number: `30s x2`, `30s endless`. What is left of both is told and written as zero."""

    _FORM = re.compile(r"(\d{1,5})\s*s?\s*(?:[x,]?\s*(\d{1,3})|endless)", re.ASCII)

    def _text(self, values: Values) -> str | None:
        seconds, frames = (_number(values, name) for name in self.fields)
        if seconds is None or frames is None:
            return None
        return self._write(seconds, frames)

    def _encode(self, text: str, state: State) -> dict[str, Value]:
        match = self._FORM.fullmatch(text.lower())
        if match is None or match[2] == "0":
            raise ValueError(text)
        seconds, frames = int(match[1]), int(match[2] or 0)
        (low, high), most = self._limits(state.can_set) or ((0, 0xFFFF), 0xFF)
        if not (low <= seconds <= high and frames <= most):
            raise ValueError(text)
        return {"IntervalSeconds": seconds, "IntervalFrames": frames, "IntervalSecondsLeft": 0, "IntervalFramesLeft": 0}

    def _choices(self, state: State) -> tuple[str, ...]:
        limits = self._limits(state.can_set)
        if limits is None:
            return ()
        (low, high), most = limits
        return tuple(self._write(seconds, frames) for seconds in (low, high) for frames in (1, most, 0))

    @property
    def tag(self) -> int | None:
        """See `Setting.tag`."""
        return 4

    @staticmethod
    def _write(seconds: int, frames: int) -> str:
        return f"{seconds}s x{frames}" if frames else f"{seconds}s endless"

    @staticmethod
    def _limits(can_set: CanSetInfo) -> tuple[tuple[int, int], int] | None:
        """Return the range of the seconds and the most shots; of tag 3 only the third number is understood."""
        seconds, frames = can_set.numbers(4) or (), can_set.numbers(3) or ()
        if len(seconds) < 2 or len(frames) < 3:
            return None
        return (seconds[0], seconds[1]), frames[2]


@dataclass(frozen=True)
class Ratio(Setting):
    """A rational, of which the camera wants the very pair that it declares.

    Attributes:
        pairs: tag of CanSetInfo5 with the pairs.
        turn: what the number 1 is.
        denominator: of a pair, where none is declared.
        suffix: behind the number; may be left out on writing.
    """

    pairs: int = 0
    turn: int = 1
    denominator: int = 100
    suffix: str = ""

    @property
    def tag(self) -> int | None:
        """See `Setting.tag`."""
        return self.pairs

    def _text(self, values: Values) -> str | None:
        value = self._value(values)
        return None if value is None else self._write(value)

    def _encode(self, text: str, state: State) -> dict[str, Value]:
        digits = text.lower().removesuffix(self.suffix).removesuffix("°").strip()
        wanted = number(digits)
        declared = self._declared(state.can_set)
        if declared:
            same = [pair for pair, value in declared.items() if self._write(value) == self._write(wanted)]
            alike = [pair for pair, value in declared.items() if self._alike(value, wanted)]
            if not same and not alike:
                raise ValueError(text)
            return {self.fields[0]: ((same or alike)[0],)}
        numerator = round(wanted / self.turn * self.denominator)
        if not 0 < numerator <= 0xFFFF:
            raise ValueError(text)
        return {self.fields[0]: ((numerator, self.denominator),)}

    def _choices(self, state: State) -> tuple[str, ...]:
        return tuple(dict.fromkeys(map(self._write, self._declared(state.can_set).values())))

    def _alike(self, one: Fraction, other: Fraction) -> bool:
        return one == other

    def _value(self, values: Values) -> Fraction | None:
        match values.get(self.fields[0]):
            case ((int(numerator), int(denominator)),) if numerator and denominator:
                return Fraction(numerator, denominator) * self.turn
        return None

    def _declared(self, can_set: CanSetInfo) -> dict[tuple[int, int], Fraction]:
        pairs = can_set.rationals(self.pairs) or ()
        return {pair: Fraction(*pair) * self.turn for pair in pairs if all(pair)}

    def _write(self, value: Fraction) -> str:
        return decimal(value, 2) + self.suffix


class FrameRate(Ratio):
    """Frames a second. 29.97 reads back as 30, 59.94 as 60."""

    def took(self, wanted: Mapping[str, Value], values: Values) -> bool:
        """See `Setting.took`."""
        one, other = self._value(wanted), self._value(values)
        return one is not None and other is not None and self._alike(one, other)

    def _alike(self, one: Fraction, other: Fraction) -> bool:
        return round(one) == round(other)


class ShutterAngle(Ratio):
    """The angle of the shutter; while its unit is speed the camera keeps something else there."""

    def _text(self, values: Values) -> str | None:
        return None if values.get("ShutterUnit") == words.SPEED else super()._text(values)


class FocusMode(Setting):
    """How it focuses. The camera declares AF-C for movies too, and takes AF-S instead."""

    def _choices(self, state: State) -> tuple[str, ...]:
        return tuple(text for text in super()._choices(state) if not (text == "af-c" and _IN_CINE(state)))


class FocusPosition(Setting):
    """Where the focus motor is; it stays there only if all that focuses by itself is off in the same write."""

    def _encode(self, text: str, state: State) -> dict[str, Value]:
        return {"FocusMode": words.MANUAL_FOCUS, "AFLock": 0, "PreConstAF": 0, **super()._encode(text, state)}

    def took(self, wanted: Mapping[str, Value], values: Values) -> bool:
        """See `Setting.took`."""
        one, other = (_number(numbers, self.fields[0]) for numbers in (wanted, values))
        return one is not None and other is not None and abs(one - other) <= FOCUS_TOLERANCE


class FocusFrame(Setting):
    """The centre of the focus frame: `x,y` from the top left corner. The camera moves it in steps, within an area."""

    _FORM = re.compile(r"(\d{1,5})(?:\s*,\s*|\s+)(\d{1,5})", re.ASCII)

    @property
    def tag(self) -> int | None:
        """See `Setting.tag`."""
        return 616

    def _text(self, values: Values) -> str | None:
        match values.get(self.fields[0]):
            case (int(y), int(x)):
                return f"{x},{y}"
        return None

    def _encode(self, text: str, state: State) -> dict[str, Value]:
        match = self._FORM.fullmatch(text)
        if match is None:
            raise ValueError(text)
        x, y = int(match[1]), int(match[2])
        height, width = (*(state.can_set.numbers(612) or ()), 0xFFFF, 0xFFFF)[:2]
        if y > height or x > width:
            raise ValueError(text)
        top, bottom, left, right = self._reach(state) or (0, height, 0, width)
        return {self.fields[0]: (min(max(y, top), bottom), min(max(x, left), right))}

    def _choices(self, state: State) -> tuple[str, ...]:
        reach = self._reach(state)
        if reach is None or not any(state.can_set.numbers(616) or ()):
            return ()
        top, bottom, left, right = reach
        return (f"{left},{top}", f"{right},{bottom}")

    def took(self, wanted: Mapping[str, Value], values: Values) -> bool:
        """See `Setting.took`."""
        match wanted.get(self.fields[0]), values.get(self.fields[0]):
            case (int(y), int(x)), (int(y_now), int(x_now)):
                return abs(y - y_now) <= FRAME_GRID[0] and abs(x - x_now) <= FRAME_GRID[1]
        return False

    @staticmethod
    def _reach(state: State) -> tuple[int, int, int, int] | None:
        """Return top, bottom, left and right for the centre: the valid area less half of the frame (section 18)."""
        area, sizes = state.can_set.numbers(613) or (), state.can_set.numbers(615) or ()
        size = state.number(Dataset.FOCUS, "DMFSize")
        if len(area) < 4 or size is None or len(sizes) < 2 * size + 2:
            return None
        height, width = sizes[2 * size : 2 * size + 2]
        top, bottom, left, right = (
            area[0] + height // 2,
            area[1] - height // 2,
            area[2] + width // 2,
            area[3] - width // 2,
        )
        return (top, bottom, left, right) if top <= bottom and left <= right else None


class FocusDetection(Setting):
    """The frames that the camera found: `x,y 128x96`, a semicolon between them."""

    def _text(self, values: Values) -> str | None:
        numbers = values.get(self.fields[0])
        if not isinstance(numbers, tuple):
            return None
        frames = [numbers[start : start + 4] for start in range(0, len(numbers) - 3, 4)]
        return "; ".join(f"{x},{y} {width}x{height}" for y, x, height, width in frames if height or width) or "none"


class LensEnd(Setting):
    """An end of the zoom range, told only if both ends are those of a lens."""

    def _text(self, values: Values) -> str | None:
        wide, tele = (_number(values, name) for name in ("LensWideFocalLength", "LensTeleFocalLength"))
        if wide is None or tele is None or not 16 <= wide <= tele <= 16 * MAX_FOCAL_LENGTH:
            return None
        return super()._text(values)


class GainMethod(Setting):
    """Two numbers of which nobody knows more."""

    def _text(self, values: Values) -> str | None:
        numbers = values.get(self.fields[0])
        return " ".join(map(str, numbers)) if isinstance(numbers, tuple) else None

    def _encode(self, text: str, state: State) -> dict[str, Value]:
        numbers = tuple(int(number) for number in text.split())
        if len(numbers) != 2 or not all(-128 <= number <= 127 for number in numbers):
            raise ValueError(text)
        return {self.fields[0]: numbers}

    def _choices(self, state: State) -> tuple[str, ...]:
        return ()


_MILLIMETRES = Number(high=0xFFFF, unit=Fraction(1, 16), suffix="mm")
_G1, _G2, _G3, _G4, _G5 = Dataset.GROUP1, Dataset.GROUP2, Dataset.GROUP3, Dataset.GROUP4, Dataset.GROUP5
_FOCUS, _MOVIE = Dataset.FOCUS, Dataset.MOVIE

_SPEED_OF_CAMERA = _exposure_mode(words.PROGRAM, words.APERTURE_PRIORITY)
_APERTURE_OF_CAMERA = _exposure_mode(words.PROGRAM, words.SHUTTER_PRIORITY)
_STILL_ONLY = (_IN_CINE,)
_CINE_ONLY = (_IN_STILL,)

_ROWS = (
    # Exposure
    ExposureMode("exposure-mode", _G2, ("ExposureMode",), words.EXPOSURE_MODE),
    Setting(
        "shutter-speed",
        _G1,
        ("ShutterSpeed",),
        Shutter(SHUTTER, 212),
        ignored=(_SPEED_OF_CAMERA, _while("shutter-unit", "angle")),
    ),
    Setting("aperture", _G1, ("Aperture",), Steps(APERTURE, 210), ignored=(_APERTURE_OF_CAMERA,)),
    Iso("iso", _G1, ("ISOSpeed", "ISOAuto"), Steps(ISO, 215), hints=(_while("electronic-stabilization", "on"),)),
    Setting("high-iso-extension", _G4, ("HighISOExt",), words.HIGH_ISO, ignored=_STILL_ONLY),
    Setting("exposure-compensation", _G1, ("ExpComp",), Steps(EV, 217), ignored=(_exposure_mode(words.MANUAL),)),
    Setting("exposure-compensation-without-bracket", _G1, ("ExpCompExcludeAB",), Steps(EV), read_only=True),
    Setting("program-shift", _G1, ("ProgramShift",), words.PROGRAM_SHIFT),
    Setting("metering-mode", _G2, ("AEMeteringMode",), words.METERING_MODE),
    Setting("bracketing", _G1, ("ABSetting",), words.BRACKETING),
    Setting("bracket-step", _G1, ("ABValue",), Steps(EV)),
    Setting("bracket-shots-left", _G1, ("ABShotRemainNumber",), read_only=True),
    # Drive and flash
    Setting("drive-mode", _G2, ("DriveMode",), words.DRIVE_MODE, ignored=_STILL_ONLY),
    Setting("continuous-speed", _G4, ("ContShootSpeed",), words.CONTINUOUS_SPEED, ignored=_STILL_ONLY),
    IntervalTimer("interval-timer", _G5, ("IntervalSeconds", "IntervalFrames"), ignored=_STILL_ONLY),
    Setting("flash", _G2, ("FlashMode",), Flash()),
    Setting("flash-setting", _G2, ("FlashSetting",), words.FLASH_SETTING, ignored=(_no_flash,)),
    Setting("flash-type", _G2, ("FlashType",), words.FLASH_TYPE, read_only=True),
    # Colour
    Setting("white-balance", _G2, ("WhiteBalance",), words.WHITE_BALANCE),
    Setting(
        "color-temperature",
        _G5,
        ("ColorTemp",),
        Number(302, high=0xFFFF, suffix="K"),
        ignored=(_unless("white-balance", "color-temperature"),),
    ),
    Setting("color-mode", _G3, ("ColorMode",), words.COLOR_MODE),
    Setting("tone-effect", _G5, ("ToneEffect",), words.TONE_EFFECT, ignored=_STILL_ONLY),
    Setting("color-space", _G3, ("ColorSpace",), words.COLOR_SPACE, ignored=_STILL_ONLY),
    Setting(
        "fill-light",
        _G4,
        ("FillLight",),
        Number(340, low=-50, high=50, unit=Fraction(1, 10), has_sign=True, is_rational=True),
    ),
    Setting("hdr", _G4, ("HDR",), words.HDR, ignored=_STILL_ONLY),
    # The picture
    Setting("image-quality", _G2, ("ImageQuality",), words.IMAGE_QUALITY, ignored=_STILL_ONLY),
    Setting("dng-quality", _G4, ("DNGQuality",), words.DNG_QUALITY, ignored=_STILL_ONLY),
    Setting("image-size", _G2, ("Resolution",), words.IMAGE_SIZE, ignored=_STILL_ONLY),
    Setting("aspect-ratio", _G5, ("AspectRatio",), words.ASPECT_RATIO, ignored=_STILL_ONLY),
    Setting("crop", _G4, ("DCCropMode",), words.CROP),
    Setting("destination", _G3, ("DestToSave",), words.DESTINATION),
    Setting(
        "electronic-stabilization",
        _G4,
        ("EImageStab",),
        words.STABILIZATION,
        ignored=(_all(_IN_CINE, _while("movie-format", "cinemadng")),),
    ),
    # The lens
    Correction("distortion-correction", _G4, ("LOCDistortion",), words.DISTORTION),
    Correction("chromatic-aberration-correction", _G4, ("LOCChromaticAberration",), words.CHROMATIC_ABERRATION),
    Correction("diffraction-correction", _G4, ("LOCDiffraction",), words.DIFFRACTION),
    Correction("vignetting-correction", _G4, ("LOCVignetting",), words.VIGNETTING),
    Correction("color-shading-correction", _G4, ("LOCColorShade",), words.COLOR_SHADING),
    Correction(
        "color-shading-acquisition",
        _G4,
        ("LOCColorShadeAcquisition",),
        words.COLOR_SHADING_ACQUISITION,
    ),
    Setting("focal-length", _G1, ("CurrentLensFocalLength",), _MILLIMETRES, read_only=True),
    LensEnd("lens-wide-end", _G3, ("LensWideFocalLength",), _MILLIMETRES, read_only=True),
    LensEnd("lens-tele-end", _G3, ("LensTeleFocalLength",), _MILLIMETRES, read_only=True),
    # Focus
    FocusMode(
        "focus-mode",
        _FOCUS,
        ("FocusMode",),
        words.FOCUS_MODE,
        hints=(lambda state: "capture-mode is cine, which has no af-c" if _IN_CINE(state) else "",),
    ),
    Setting("af-lock", _FOCUS, ("AFLock",), words.AF_LOCK),
    Setting("face-eye-af", _FOCUS, ("FaceEyeAF",), words.FACE_EYE_AF, ignored=(_while("focus-mode", "manual"),)),
    Setting("face-eye-status", _FOCUS, ("FaceEyeAFStatus",), words.FACE_EYE_STATUS, read_only=True),
    Setting("focus-area", _FOCUS, ("FocusArea",), words.FOCUS_AREA, ignored=(_while("focus-mode", "manual"),)),
    Setting("focus-points", _FOCUS, ("OnePointSelection",), words.FOCUS_POINTS),
    Setting("focus-frame-size", _FOCUS, ("DMFSize",), FrameSize(614)),
    FocusFrame("focus-frame", _FOCUS, ("DMFPos",), ignored=(_unless("focus-area", "one-point"),)),
    FocusDetection("focus-detection", _FOCUS, ("DMFDetection",), read_only=True),
    Setting("pre-af", _FOCUS, ("PreConstAF",), words.PRE_AF),
    Setting("focus-limit", _FOCUS, ("FocusLimit",), words.FOCUS_LIMIT),
    Setting("focus-state", _FOCUS, ("FocusState",), words.FOCUS_STATE, read_only=True),
    FocusPosition(
        "focus-position",
        _FOCUS,
        ("FocusPosition",),
        Number(658, high=0xFFFF),
        hints=(_unless("focus-mode", "manual"),),
    ),
    Setting("focus-peaking", _FOCUS, ("FocusPeaking",), words.FOCUS_PEAKING, is_told=False),
    Setting("af-aux-light", _G3, ("AFAuxLight",), words.AF_LIGHT),
    Setting("af-aux-light-external", _G5, ("AFAuxLightEF",), words.AF_LIGHT, is_told=False),
    # Movies
    Setting("capture-mode", _MOVIE, ("CaptureMode",), words.CAPTURE_MODE),
    Setting("movie-format", _MOVIE, ("RecordFormat",), words.MOVIE_FORMAT, ignored=_CINE_ONLY),
    Setting("movie-size", _MOVIE, ("MovieResolution",), words.MOVIE_SIZE, ignored=_CINE_ONLY),
    FrameRate("frame-rate", _MOVIE, ("FrameRate",), pairs=161, ignored=_CINE_ONLY),
    Setting("cinemadng-quality", _MOVIE, ("CinemaDNGQuality",), words.CINEMA_DNG_QUALITY, ignored=_CINE_ONLY),
    Setting("mov-quality", _MOVIE, ("MovImageQuality",), Number(152, is_list=True), ignored=_CINE_ONLY),
    Setting("shutter-unit", _MOVIE, ("ShutterUnit",), words.SHUTTER_UNIT, ignored=_CINE_ONLY),
    ShutterAngle(
        "shutter-angle",
        _MOVIE,
        ("Shutter",),
        pairs=214,
        turn=360,
        denominator=3600,
        suffix="deg",
        ignored=(_SPEED_OF_CAMERA, _while("shutter-unit", "speed")),
    ),
    Setting("auto-aperture", _MOVIE, ("ApertureAuto",), words.FLAG, read_only=True),
    Setting("auto-shutter", _MOVIE, ("ShutterAuto",), words.FLAG, read_only=True),
    Setting("binning", _MOVIE, ("Binning",), Number(162, is_list=True), ignored=_CINE_ONLY),
    Setting(
        "audio-record",
        _MOVIE,
        ("AudioRecord",),
        words.FLAG,
        read_only=True,
        read_only_because="writing it breaks movie transfer until the camera is switched off",
    ),
    Setting("audio-channels", _MOVIE, ("NumOfVoiceChannels",), Number(111, is_list=True)),
    GainMethod("audio-gain-method", _MOVIE, ("GainAdjustMethod",), Number(112)),
    Setting("audio-gain", _MOVIE, ("ManualGainAdjustEV",), Number(113, is_list=True)),
    Setting("wind-noise-canceller", _MOVIE, ("WindNoiseCanceller",), words.WIND_NOISE_CANCELLER, is_told=False),
    # The body
    Setting("live-view", _G2, ("SpecialMode",), words.LIVE_VIEW),
    Setting("live-view-magnification", _G4, ("LVMagnifyRatio",), words.MAGNIFICATION),
    Setting("shutter-sound", _G4, ("ShutterSound",), Number(801, start=2, low=2)),
    Setting("af-volume", _G3, ("AFBeep",), Number(802)),
    Setting("timer-volume", _G3, ("TimerSound",), Number(803)),
    Setting("battery-level", _G1, ("BatteryState",), words.BATTERY, read_only=True),
    Setting("battery-kind", _G3, ("BatteryKind",), words.BATTERY_KIND, read_only=True),
    Setting("media-status", _G1, ("MediaStatus",), words.MEDIA_STATUS, read_only=True),
    Setting("free-shots", _G1, ("MediaFreeSpace",), Number(high=0xFFFF), read_only=True),
    Setting("free-buffer", _G1, ("FrameBufferState",), read_only=True),
)

SETTINGS: Mapping[str, Setting] = {row.name: row for row in _ROWS}
"""By name, in the order that a photographer would look for them."""
