"""All described values of the real bodies: each reads as a photographer would say it, and means the same code when it is written."""

import re
from collections.abc import Sequence

import pytest

from camfs.protocols.ptp.datasets import DevicePropDesc, Enumeration, Range
from camfs.protocols.ptp.makers import maker_of
from camfs.protocols.ptp.properties import property_name, read_value, write_value, write_values
from camfs.protocols.ptp.values import Value, decode_date_time
from tests.bodies.facts import Body, bodies

DESCRIBED = [(body, description) for body in bodies() for description in body.described]

AS_A_PHOTOGRAPHER_SAYS = {
    "battery-level": r"\d{1,3}%|\d{1,2}/\d{1,2}|\d+",
    "functional-mode": "standard",
    "image-size": r"\d+x\d+",
    "image-quality": r"[a-z+-]+|5|6|12|25",
    "white-balance": r"[a-z-]+[0-9]?|[0-9]+K|0x[0-9a-f]{4}|\d|1[01]",
    "aperture": r"f/\d{1,2}(\.\d{1,2})?|no lens|none",
    "focal-length": r"\d{1,3}(\.\d{1,2})?mm",
    "focus-mode": r"[a-z-]+|0x[0-9a-f]{4}|[012]",
    "metering-mode": r"[a-z-]+|0x[0-9a-f]{4}|[012]",
    "flash": r"[a-z-]+",
    "shutter-speed": r"1/\d{1,4}(\.\d)?|\d{1,3}(\.\d)?|bulb|time",
    "exposure-mode": r"[a-z-]+[123]?|0x[0-9a-f]{4}",
    "iso": r"\d{2,6}|auto(-[123])?|0xd001",
    "exposure-compensation": r"0|[+-]\d(\.[0-9])?|\+0\.00[12]",
    "self-timer": r"\d{1,2}s",
    "drive-mode": r"[a-z][a-z0-9.-]+|0x[0-9a-f]{4}|\d",
    "contrast": r"\d",
    "sharpness": r"[+-]?\d",
    "digital-zoom": r"[14]x",
    "burst-number": r"\d+",
    "burst-interval": r"(0\.5|1)s",
    "timelapse-number": r"\d+",
    "timelapse-interval": r"\d+s",
    "focus-metering": r"[a-z-]+|0x[0-9a-f]{4}",
    "artist": "x*",
    "copyright": "x*",
    "supported-streams": r"\d+",
    "enabled-streams": r"\d+",
    "video-format": "MJPG",
    "video-frame-rate": r"(25|30)fps",
    "audio-volume": r"\d+",
}
"""How the text of a value looks. `0x` is a maker's own value of unknown meaning; +0.001 and +0.002 are placeholders in Sony's lists."""


def values_of(description: DevicePropDesc) -> Sequence[Value]:
    """Return the values that a description names: those of an enumeration, the ends of a range, the default and the present one."""
    match description.form:
        case Enumeration(values):
            offered: Sequence[Value] = values
        case Range(low, high, _):
            offered = (low, high)
        case _:
            offered = ()
    return list(dict.fromkeys([*offered, description.default, description.current]))


def test_there_are_as_many_as_the_bodies_described() -> None:
    assert len(bodies()) == 466
    assert len(DESCRIBED) + sum(len(body.refused) for body in bodies()) == 756


@pytest.mark.parametrize("code", sorted({description.code for _, description in DESCRIBED}), ids=property_name)
def test_every_value_reads_as_a_photographer_says_it_and_means_the_same_code(code: int) -> None:
    for body, description in DESCRIBED:
        if description.code == code:
            check(body, description)


def check(body: Body, description: DevicePropDesc) -> None:
    """Check all values of a description."""
    maker, name, values = maker_of(body.info), property_name(description.code), values_of(description)
    texts = write_values(description, values, maker)
    assert len(set(texts)) == len(values), (str(body), texts)
    for value, text in zip(values, texts, strict=True):
        if name == "date-time":
            assert isinstance(value, str)
            assert decode_date_time(value) is not None
        else:
            assert re.fullmatch(AS_A_PHOTOGRAPHER_SAYS[name], text), (str(body), name, value, text)
        assert read_value(description, text, maker) == value, (str(body), name, value, text)
        assert read_value(description, text.upper(), maker) == value or isinstance(value, str)
    assert write_value(description, description.current, maker) == texts[values.index(description.current)]


@pytest.mark.parametrize(
    ("model", "name", "text"),
    [
        ("D300S", "shutter-speed", "1/250"),
        ("D5000", "shutter-speed", "1/2"),
        ("D5100", "shutter-speed", "1/13"),
        ("X-T3", "shutter-speed", "120"),
        ("X-T4", "shutter-speed", "1/50"),
        ("DMC-GH4", "shutter-speed", "1/8000"),
        ("X-T4", "aperture", "f/4.3"),
        ("D5100", "aperture", "no lens"),
        ("X-A5", "battery-level", "1/3"),
        ("X-T10", "battery-level", "3/10"),
        ("Canon EOS R6", "battery-level", "28%"),
        ("Creative ZEN", "battery-level", "89"),
        ("X-Pro2", "iso", "auto-2"),
        ("LEICA SL (Typ 601)", "iso", "auto"),
        ("X-Pro2", "sharpness", "-2"),
        ("X-T4", "exposure-mode", "program"),
        ("D300S", "white-balance", "color-temperature"),
        ("ILCE-6000", "focus-mode", "af-a"),
        ("ILCE-6000", "flash", "none"),
        ("Z 9", "image-quality", "raw+fine-star"),
    ],
)
def test_what_some_bodies_show(model: str, name: str, text: str) -> None:
    shown = {
        write_value(description, description.current, maker_of(body.info))
        for body, description in DESCRIBED
        if body.info.model == model and property_name(description.code) == name
    }
    assert text in shown
