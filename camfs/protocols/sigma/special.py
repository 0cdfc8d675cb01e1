"""The settings that one number cannot express: of several fields, of positions, of rationals, or written in a way of their own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from camfs.errors import LocalProtocolError
from camfs.protocols.apex import decimal, number
from camfs.protocols.sigma import values as words
from camfs.protocols.sigma.can_set import CanSetInfo
from camfs.protocols.sigma.datasets import Dataset, Value, Values
from camfs.protocols.sigma.groups import LENS_CORRECTIONS
from camfs.protocols.sigma.setting import Setting, State, number_of

FOCUS_TOLERANCE = 10
"""Counts of the focus motor by which the position read back may differ from the one written; see
camfs/protocols/sigma/README.md, "Driving focus"."""

FRAME_GRID = (32, 16)
"""The steps of the focus frame, y and x, to which the camera rounds."""

MAX_FOCAL_LENGTH = 1200
"""Millimetres. Group 3 reports ends of the zoom range far beyond any lens (camfs/protocols/sigma/README.md, "Data groups 1 to 6")."""

# Exposure


class Iso(Setting):
    """The speed, or `auto`: two fields that are always written together, as the camera ignores a speed alone while ISO is auto."""

    def _text(self, values: Values) -> str | None:
        return "auto" if values.get("ISOAuto") == 1 else super()._text(values)

    def _encode(self, text: str, state: State) -> dict[str, Value]:
        return {"ISOAuto": 1} if text.lower() == "auto" else {"ISOAuto": 0, **super()._encode(text, state)}

    def _choices(self, state: State) -> tuple[str, ...]:
        speeds = super()._choices(state)
        return ("auto", *speeds) if speeds else ()

    def took(self, wanted: Mapping[str, Value], values: Values) -> bool:
        return self._text(values) is not None and self._text(values) == self._text(wanted)


class ExposureMode(Setting):
    """The exposure mode. A custom mode has two forms: a bit beside the mode that it is based on, or a number of its own.

    A body that reports numbers, or lists more custom modes than the fp has, is first written the number, any other the bit. If the body
    keeps what it had, the other form is written (camfs/protocols/sigma/README.md, "Enumerations").
    """

    def _text(self, values: Values) -> str | None:
        code = number_of(values, self.fields[0])
        if code is None:
            return None
        custom = [text for text, bit in words.CUSTOM_MODES.items() if code & bit]
        return custom[0] if custom else words.EXPOSURE_MODE.decode(code & words.BASE_MODE)

    def _encode(self, text: str, state: State) -> dict[str, Value]:
        code = words.EXPOSURE_MODE.encode(text, state.can_set)
        text = words.EXPOSURE_MODE.decode(code)
        base = (state.number(self.dataset, self.fields[0]) or words.PROGRAM) & words.BASE_MODE
        has_numbers = base > words.MANUAL or max(state.can_set.numbers(200) or (0,)) > words.LAST_LISTED_OF_FP
        if text in words.CUSTOM_MODES and not has_numbers:
            code = words.CUSTOM_MODES[text] | self._base(state)
        return {self.fields[0]: code}

    def other_way(self, wanted: Mapping[str, Value], state: State) -> dict[str, Value] | None:
        text, code = self._text(wanted), number_of(wanted, self.fields[0])
        if text not in words.CUSTOM_MODES or code is None:
            return None
        is_number = code == words.EXPOSURE_MODE.encode(text, state.can_set)
        other = (
            words.CUSTOM_MODES[text] | self._base(state)
            if is_number
            else words.EXPOSURE_MODE.encode(text, state.can_set)
        )
        return {self.fields[0]: other}

    def _base(self, state: State) -> int:
        """Return the mode that a custom mode is to be based on: the present one."""
        return base_mode(state) or words.PROGRAM


_BASE_MODES: Mapping[tuple[int | None, int | None], int] = {
    (1, 1): words.PROGRAM,
    (0, 1): words.APERTURE_PRIORITY,
    (1, 0): words.SHUTTER_PRIORITY,
    (0, 0): words.MANUAL,
}
"""Exposure modes by the flags of the Movie group: the camera chooses the aperture, the shutter
(camfs/protocols/sigma/README.md, "Movie group")."""


def base_mode(state: State) -> int | None:
    """Return the exposure mode, P, A, S or M; of a custom mode the one that it is based on. None if it was not read."""
    code = state.number(Dataset.GROUP2, "ExposureMode")
    if code is None or code & words.BASE_MODE <= words.MANUAL:
        return None if code is None else code & words.BASE_MODE
    aperture, shutter = (state.number(Dataset.MOVIE, name) for name in ("ApertureAuto", "ShutterAuto"))
    return _BASE_MODES.get((aperture, shutter))


# Drive


class IntervalTimer(Setting):
    """Seconds from shot to shot and the number of shots: `30s x2`, `30s endless`. The camera also reports what is left of both."""

    _FORM = re.compile(r"(\d{1,5})\s*s?\s*(?:[x,]?\s*(\d{1,3})|endless)", re.ASCII)

    def _text(self, values: Values) -> str | None:
        seconds, frames = (number_of(values, name) for name in self.fields)
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


# The lens


class Correction(Setting):
    """A correction of the lens: written together with all the others, as they were read, because they are one field of group 4."""

    def _encode(self, text: str, state: State) -> dict[str, Value]:
        read = state.values.get(self.dataset, {})
        names = [subfield.name for subfield in LENS_CORRECTIONS]
        missing = [name for name in names if name not in read]
        if missing:
            raise LocalProtocolError(f"{self.name} is written with {', '.join(missing)}, not read yet")
        return {**{name: read[name] for name in names}, **super()._encode(text, state)}


class LensEnd(Setting):
    """One end of the zoom range, reported only if both ends can be those of a lens."""

    def _text(self, values: Values) -> str | None:
        wide, tele = (number_of(values, name) for name in ("LensWideFocalLength", "LensTeleFocalLength"))
        if wide is None or tele is None or not 16 <= wide <= tele <= 16 * MAX_FOCAL_LENGTH:
            return None
        return super()._text(values)


# Focus


class FocusMode(Setting):
    """How the camera focuses. It lists AF-C for movies too, and then chooses AF-S instead."""

    def _choices(self, state: State) -> tuple[str, ...]:
        films = state.number(Dataset.MOVIE, "CaptureMode") == words.CINE
        return tuple(text for text in super()._choices(state) if not (text == "af-c" and films))


class FocusPosition(Setting):
    """Where the focus motor is. It stays there only if the same write turns off everything that focuses by itself."""

    def _encode(self, text: str, state: State) -> dict[str, Value]:
        return {"FocusMode": words.MANUAL_FOCUS, "AFLock": 0, "PreConstAF": 0, **super()._encode(text, state)}

    def took(self, wanted: Mapping[str, Value], values: Values) -> bool:
        one, other = (number_of(numbers, self.fields[0]) for numbers in (wanted, values))
        return one is not None and other is not None and abs(one - other) <= FOCUS_TOLERANCE


class FocusFrame(Setting):
    """The centre of the focus frame: `x,y` from the top left corner. The camera moves it in steps, within an area."""

    _FORM = re.compile(r"(\d{1,5})(?:\s*,\s*|\s+)(\d{1,5})", re.ASCII)

    @property
    def tag(self) -> int | None:
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
        match wanted.get(self.fields[0]), values.get(self.fields[0]):
            case (int(y), int(x)), (int(y_now), int(x_now)):
                return abs(y - y_now) <= FRAME_GRID[0] and abs(x - x_now) <= FRAME_GRID[1]
        return False

    @staticmethod
    def _reach(state: State) -> tuple[int, int, int, int] | None:
        """Return top, bottom, left and right for the centre: the valid area less half of the frame on each side."""
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
    """The faces that the camera found: `x,y 128x96` for each, with a semicolon between them."""

    def _text(self, values: Values) -> str | None:
        numbers = values.get(self.fields[0])
        if not isinstance(numbers, tuple):
            return None
        frames = [numbers[start : start + 4] for start in range(0, len(numbers) - 3, 4)]
        return "; ".join(f"{x},{y} {width}x{height}" for y, x, height, width in frames if height or width) or "none"


# Movies


@dataclass(frozen=True)
class Ratio(Setting):
    """A rational, which has to be written as the very pair of numbers that the camera declares.

    Attributes:
        pairs: the tag of CanSetInfo5 that holds the pairs.
        turn: what the ratio is multiplied with to give the number that is shown.
        denominator: of the pair that is written, where none is declared.
        suffix: stands behind the number; may be left out on writing.
    """

    pairs: int = 0
    turn: int = 1
    denominator: int = 100
    suffix: str = ""

    @property
    def tag(self) -> int | None:
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
    """Frames a second. What was written as 29.97 reads back as 30, and 59.94 as 60."""

    def took(self, wanted: Mapping[str, Value], values: Values) -> bool:
        one, other = self._value(wanted), self._value(values)
        return one is not None and other is not None and self._alike(one, other)

    def _alike(self, one: Fraction, other: Fraction) -> bool:
        return round(one) == round(other)


class ShutterAngle(Ratio):
    """The angle of the shutter. While the shutter's unit is speed, the camera has something else in this field."""

    def _text(self, values: Values) -> str | None:
        return None if values.get("ShutterUnit") == words.SPEED else super()._text(values)


class GainMethod(Setting):
    """Two numbers of unknown meaning."""

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
