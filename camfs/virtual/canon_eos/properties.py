"""The properties of an emulated EOS body: values, what they may be set to, and what is greyed out.

A row has the value and the choices as a photographer writes them; the bytes come from the codings of the protocol. What the dial allows
follows the lists of real bodies: in P both lists of exposure are empty, in Av that of the shutter, in Tv that of the aperture, in M that
of the compensation, and in the automatic modes all of them (camfs/protocols/canon_eos/README.md, "Settings").
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from camfs.protocols.canon_eos.codes import Property
from camfs.protocols.canon_eos.codings import number_of, number_value
from camfs.protocols.canon_eos.events import LIST, ChoicesChanged, PropertyChanged
from camfs.protocols.canon_eos.settings import setting_named, setting_of

NO_LIST, OPAQUE = 1, 7
"""Kinds of properties without a list: the body alone sets them, or they are no numbers."""


@dataclass
class Value:
    """A property.

    Attributes:
        value: its bytes.
        kind: `LIST`, or another number where there is no list.
        choices: the elements of the list, when nothing is greyed out.
        on_request: its value comes only when it is asked for.
    """

    value: bytes
    kind: int = NO_LIST
    choices: tuple[bytes, ...] = ()
    on_request: bool = False


_ROWS = """
exposure-mode               = manual
shutter-speed               = 1/125 | bulb 30 25 20 15 13 10 8 6 5 4 3.2 2.5 2 1.6 1.3 1 0.8 0.6 0.5 0.4 0.3 1/4 1/5 1/6 1/8 1/10 1/13 \
1/15 1/20 1/25 1/30 1/40 1/50 1/60 1/80 1/100 1/125 1/160 1/200 1/250 1/320 1/400 1/500 1/640 1/800 1/1000 1/1250 1/1600 1/2000 1/2500 \
1/3200 1/4000 1/5000 1/6400 1/8000
aperture                    = f/5.6 | f/3.5 f/4 f/4.5 f/5 f/5.6 f/6.3 f/7.1 f/8 f/9 f/10 f/11 f/13 f/14 f/16 f/18 f/20 f/22
iso                         = 100 | auto 100 125 160 200 250 320 400 500 640 800 1000 1250 1600 2000 2500 3200 4000 5000 6400
exposure-compensation       = 0 | -5 -4 -3 -2.7 -2.3 -2 -1.7 -1.3 -1 -0.7 -0.3 0 +0.3 +0.7 +1 +1.3 +1.7 +2 +2.3 +2.7 +3 +4 +5
metering-mode               = evaluative | evaluative partial spot center-weighted-average
bracket-step                = 0 | 0 +0.3 +0.7 +1 +1.3 +1.7 +2
drive-mode                  = single | single continuous-high continuous-low self-timer-2s self-timer-10s
flash                       = on | on off
focus-mode                  = one-shot | one-shot ai-focus ai-servo
live-view-focus             = live | live face quick
image-quality               = large-fine | large-fine large-normal medium-fine small-1-fine raw+large-fine raw
white-balance               = auto | auto daylight shade cloudy tungsten fluorescent flash custom color-temperature
color-temperature           = 5200K | 2500K 3200K 4000K 5200K 5600K 6500K 10000K
white-balance-shift-amber   = 0 | -3 -2 -1 0 +1 +2 +3
white-balance-shift-magenta = 0 | -3 -2 -1 0 +1 +2 +3
color-space                 = srgb | srgb adobe-rgb
picture-style               = standard | standard portrait landscape neutral faithful monochrome user-1 user-2 user-3
aspect-ratio                = 3:2 | 3:2 4:3 16:9 1:1
destination                 = card | card computer both
free-shots                  = 3938
battery                     = 50%
power-timeout               = 0
review-time                 = 2s | off 2s 4s 8s hold
"""
"""Name, value and choices, as on a 60D with a zoom lens."""

_TEXTS = {
    Property.Owner: b"\0",
    Property.Artist: b"\0",
    Property.Copyright: b"\0",
    Property.SerialNumber: b"1234567890\0",
}
"""Texts that come only when they are asked for."""

SHOTS_ON_CARD = 3938
SHOTS_HERE = 9999

_AUTOMATIC = {9, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0x13, 0x14, 0x16}
_SHUTTER_MODES = {1, 3}
_APERTURE_MODES = {2, 3, 4}
MOVIE_MODE = 0x14
BULB_MODE = 4


class Properties:
    """All properties of one body."""

    def __init__(self) -> None:
        self.values: dict[int, Value] = {**dict(_named()), **_numbered()}
        self.in_movie_mode = False

    @property
    def exposure_mode(self) -> int:
        """The dial."""
        return number_of(self.values[Property.ExposureMode].value)

    def number(self, code: int) -> int:
        """Return a property that is a number."""
        return number_of(self.values[code].value)

    def put(self, code: int, value: bytes | int) -> list[PropertyChanged | ChoicesChanged]:
        """Change a property, as the body itself does; return what is to be told: the lists that change with the dial, too."""
        before = {each: self.choices(each) for each in self.values}
        changed = self.values[code]
        changed.value = number_value(value) if isinstance(value, int) else value
        lists = [self.list_of(each) for each in self.values if self.choices(each) != before[each]]
        return [self.value_of(code), *lists]

    def value_of(self, code: int) -> PropertyChanged:
        """Return the record of a value."""
        return PropertyChanged(code, self.values[code].value)

    def list_of(self, code: int) -> ChoicesChanged:
        """Return the record of a list."""
        own, choices = self.values[code], self.choices(code)
        return ChoicesChanged(code, own.kind, len(choices), b"".join(choices))

    def choices(self, code: int) -> tuple[bytes, ...]:
        """Return what a property may be set to now: nothing if it is greyed out."""
        return () if self._is_grey(code) else self.values[code].choices

    def _is_grey(self, code: int) -> bool:
        mode = self.exposure_mode
        if code == Property.ShutterSpeed:
            return mode not in _SHUTTER_MODES
        if code == Property.Aperture:
            return mode not in _APERTURE_MODES
        if code == 0xD104:
            return mode in (3, BULB_MODE) or mode in _AUTOMATIC
        if code == Property.MovieRecording:
            return not (mode == MOVIE_MODE or self.in_movie_mode)
        return mode in _AUTOMATIC and code in (Property.Iso, 0xD106, 0xD107, 0xD109, 0xD1DC, 0xD110)

    def choose(self, name: str, text: str) -> None:
        """Begin with a value of a setting, as a photographer writes it.

        Raises:
            ValueError: it is none.
        """
        setting = setting_named(name)
        if setting is None or setting.code not in self.values:
            raise ValueError(f"the emulated body has no {name}")
        try:
            self.values[setting.code].value = setting.coding.encode(text, self.values[setting.code].choices)
        except (ValueError, ZeroDivisionError):
            raise ValueError(f"{text} is no {name}") from None


def _named() -> Iterator[tuple[int, Value]]:
    for row in _ROWS.strip().splitlines():
        name, _, rest = row.partition("=")
        value, _, choices = rest.partition("|")
        setting = setting_named(name.strip())
        assert setting is not None
        coding = setting.coding
        listed = tuple(coding.encode(text) for text in choices.split())
        yield setting.code, Value(coding.encode(value.strip(), listed), LIST if listed else NO_LIST, listed)


def _numbered() -> Mapping[int, Value]:
    listed = {
        Property.EvfOutput: (0, range(1, 8)),
        Property.EvfMode: (1, range(2)),
        Property.MovieRecording: (0, (4, 0)),
    }
    return {
        **{
            code: Value(number_value(value), LIST, tuple(map(number_value, each)))
            for code, (value, each) in listed.items()
        },
        **{code: Value(text, OPAQUE, on_request=True) for code, text in _TEXTS.items()},
        Property.OnlineInfoVersion: Value(number_value(7)),
        Property.FocusInfo: Value(bytes(100), OPAQUE),
        Property.DateTime: Value(bytes(4), OPAQUE),
        0xD116: Value(number_value(0x80000287)),
        0xD11E: Value(number_value(0x00020001)),
        0xD1A1: Value(struct.pack("<II", 8, 0), OPAQUE),
    }


def takes(properties: Properties, code: int, value: bytes) -> bool:
    """Say whether the body lets itself be set so by a computer."""
    own = properties.values[code]
    if own.kind == LIST:
        ends_view = code == Property.EvfOutput and value == number_value(0)
        return ends_view or value in properties.choices(code)
    if own.kind == OPAQUE:
        return (code == Property.DateTime and len(value) == 4) or (own.on_request and value.endswith(b"\0"))
    return setting_of(code).name == "power-timeout"
