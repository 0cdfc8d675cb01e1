"""What the emulated fp is set to now, what follows from it, and what its replies show of it.

What a write may change is in `rules.py`.
"""

import math
from collections.abc import Collection
from fractions import Fraction
from typing import Any

from camfs.protocols.sigma import values as words
from camfs.protocols.sigma.datasets import Dataset, Value, Values
from camfs.virtual.sigma import limits
from camfs.virtual.sigma.behaviour import Behaviour
from camfs.virtual.sigma.defaults import DEFAULTS, FOCUS_FIELDS, UNREPORTED
from camfs.virtual.sigma.motor import Motor

NO_ISO, AUTO_ISO_CINE = 0xF8, 56
"""What ISOSpeed is reported as while ISOAuto is on: in STILL by a camera that does not meter it live, and in CINE."""

CUSTOM_BASES = {5: words.PROGRAM, 6: words.APERTURE_PRIORITY, 7: words.MANUAL}
"""What C1 to C3 are based on where they are numbers."""

METERED = 0
"""What ExpComp is reported as in M: the deviation that the meter sees."""


class Settings:
    """All settings.

    Attributes:
        values: as they were written, by the names of their fields, which no two datasets share.
        motor: where the focus is.
        behaviour: how the camera behaves.
    """

    def __init__(self, motor: Motor, behaviour: Behaviour, changed: Values | None = None) -> None:
        self.motor = motor
        self.behaviour = behaviour
        self.values: dict[str, Any] = {name: value for values in DEFAULTS.values() for name, value in values.items()}
        self.values.update(UNREPORTED)
        self.values.update(changed or {})

    @property
    def cine(self) -> bool:
        """Whether the camera is in CINE, for movies."""
        return bool(self.values["CaptureMode"] == words.CINE)

    @property
    def exposure_mode(self) -> int:
        """P, A, S or M; for a custom mode, the one that it is based on."""
        mode = int(self.values["ExposureMode"]) & words.BASE_MODE
        return CUSTOM_BASES.get(mode, mode)

    @property
    def owns_shutter(self) -> bool:
        """Whether the photographer sets the shutter."""
        return self.exposure_mode in (words.SHUTTER_PRIORITY, words.MANUAL)

    @property
    def owns_aperture(self) -> bool:
        """Whether the photographer sets the aperture."""
        return self.exposure_mode in (words.APERTURE_PRIORITY, words.MANUAL)

    @property
    def by_angle(self) -> bool:
        """Whether the shutter is set as an angle."""
        return self.cine and bool(self.values["ShutterUnit"] == words.ANGLE)

    @property
    def top_iso(self) -> int:
        """Code of the highest ISO speed."""
        return limits.ISO_STABILISED if self.values["EImageStab"] == words.ON else limits.ISOS[1]

    @property
    def rates(self) -> tuple[limits.Rate, ...]:
        """Frame rates that there are with this format and size."""
        return limits.RATES[self.values["RecordFormat"], self.values["MovieResolution"]]

    def stabilises(self) -> bool:
        """Say whether electronic stabilisation can be chosen."""
        return not (self.cine and self.values["RecordFormat"] == words.CINEMA_DNG)

    def shown(self, dataset: Dataset, now: float, leave_out: Collection[str] = ()) -> dict[str, Value]:
        """Return the values of a dataset as a reply has them, without the fields to leave out."""
        values, live = self.values, self.behaviour.live_exposure
        metered_aperture, metered_iso = (
            (self.behaviour.metered_aperture, self.behaviour.metered_iso) if live else (0, NO_ISO)
        )
        reported: dict[str, Value] = {
            "ShutterSpeed": values["ShutterSpeed"] if self.owns_shutter else 0,
            "Aperture": values["Aperture"] if self.owns_aperture else metered_aperture,
            "ApertureAuto": int(not self.owns_aperture),
            "ShutterAuto": int(not self.owns_shutter),
            "FrameRate": (limits.READ_BACK[values["FrameRate"][0]],),
            "FocusState": int(self.motor.moving(now)),
            "FocusPosition": self.motor.position(now),
        }
        if values["ISOAuto"]:
            reported["ISOSpeed"] = AUTO_ISO_CINE if self.cine else metered_iso
        reported["ExpCompExcludeAB"] = values["ExpComp"]
        if self.exposure_mode == words.MANUAL:
            reported["ExpComp"] = reported["ExpCompExcludeAB"] = METERED
        return {
            name: reported.get(name, values[name])
            for name in DEFAULTS[dataset]
            if name not in leave_out and (self.behaviour.focus_api or name not in FOCUS_FIELDS)
        }

    def shutter_of_angle(self) -> int:
        """Return the code of the shutter speed nearest to what angle and frame rate amount to."""
        (tenths, full), (frames, per) = self.values["Shutter"][0], self.values["FrameRate"][0]
        exact = 56 + 8 * math.log2(Fraction(full, tenths) * Fraction(frames, per))
        return min(
            (code for code in range(limits.SHUTTERS[0], limits.SHUTTERS[1] + 1) if is_third(code)),
            key=lambda code: abs(code - exact),
        )

    def place_frame(self, wanted: tuple[int, int]) -> tuple[int, int]:
        """Return where the centre of the focus frame goes: within the area, on the grid; to the middle unless FocusArea is one point."""
        if self.values["FocusArea"] != words.ONE_POINT:
            return limits.CENTRE
        height, width = limits.FRAMES[words.ONE_POINT][self.values["DMFSize"]]
        top, bottom, left, right = limits.VALID_AREA
        y, x = (
            low + half + round((min(max(at, low + half), high - half) - low - half) / step) * step
            for at, low, high, half, step in zip(
                wanted, (top, left), (bottom, right), (height // 2, width // 2), limits.GRID, strict=True
            )
        )
        return y, x


def is_third(code: int) -> bool:
    """Say whether an APEX code is one of third stops."""
    return code % 8 in (0, 3, 5)
