"""Settings: what photographers write, against the values and lists of real bodies."""

import contextlib
import struct
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.errors import AccessDenied, InvalidValue
from camfs.protocols.canon_eos.codings import APERTURE, ISO, SHUTTER, Coding, Steps, number_value
from camfs.protocols.canon_eos.events import ChoicesChanged, PropertyChanged, decode_event
from camfs.protocols.canon_eos.formats import ImageFormat
from camfs.protocols.canon_eos.records import decode_reply
from camfs.protocols.canon_eos.settings import SETTINGS, setting_named, setting_of
from tests.protocols.canon_eos.payloads import payload, payloads

Values = dict[int, bytes]
Lists = dict[int, tuple[bytes, ...]]


def state_of(data: bytes) -> tuple[Values, Lists]:
    values: Values = {}
    lists: Lists = defaultdict(tuple)
    for raw in decode_reply(data).records:
        event = decode_event(raw)
        if isinstance(event, PropertyChanged):
            values[event.code] = event.value
        elif isinstance(event, ChoicesChanged):
            lists[event.code] = event.values()
    return values, lists


def u32(number: int) -> bytes:
    return struct.pack("<I", number)


SAID = [
    (APERTURE, "08=f/1 10=f/1.4 13=f/1.6 15=f/1.8 18=f/2 1B=f/2.2 1D=f/2.5 20=f/2.8 23=f/3.2 25=f/3.5 28=f/4 2B=f/4.5"),
    (
        APERTURE,
        "2D=f/5 30=f/5.6 33=f/6.3 35=f/7.1 38=f/8 3B=f/9 3D=f/10 40=f/11 43=f/13 45=f/14 48=f/16 4B=f/18 50=f/22 58=f/32",
    ),
    (APERTURE, "0C=f/1.2 14=f/1.8 1C=f/2.5 24=f/3.5 2C=f/4.5 34=f/6.7 3C=f/9.5 44=f/13 4C=f/19"),
    (
        SHUTTER,
        "10=30 13=25 15=20 18=15 1B=13 1D=10 20=8 23=6 25=5 28=4 2B=3.2 2D=2.5 30=2 33=1.6 35=1.3 38=1 3B=0.8 3D=0.6",
    ),
    (
        SHUTTER,
        "40=0.5 43=0.4 45=0.3 48=1/4 4B=1/5 4D=1/6 50=1/8 53=1/10 55=1/13 58=1/15 5B=1/20 5D=1/25 60=1/30 63=1/40",
    ),
    (
        SHUTTER,
        "65=1/50 68=1/60 6B=1/80 6D=1/100 70=1/125 73=1/160 75=1/200 78=1/250 7B=1/320 7D=1/400 80=1/500 88=1/1000",
    ),
    (SHUTTER, "90=1/2000 98=1/4000 9B=1/5000 9D=1/6400 A0=1/8000 A8=1/16000 0C=bulb 04=bulb 00=auto"),
    (SHUTTER, "14=20 1C=10 64=1/45 6C=1/90 74=1/180 84=1/750 8C=1/1500 94=1/3000 9C=1/6000"),
    (
        ISO,
        "40=50 43=64 45=80 48=100 4B=125 4D=160 50=200 53=250 55=320 58=400 5B=500 5D=640 60=800 63=1000 65=1250 68=1600",
    ),
    (
        ISO,
        "70=3200 73=4000 75=5000 78=6400 7B=8000 7D=10000 80=12800 83=16000 85=20000 88=25600 90=51200 98=102400 A0=204800",
    ),
    (ISO, "A8=409600 00=auto"),
    (Steps(), "00=0 03=+0.3 04=+0.5 05=+0.7 08=+1 0B=+1.3 0D=+1.7 FD=-0.3 F8=-1 F3=-1.7 28=+5 D8=-5 18=+3"),
]


@pytest.mark.parametrize(("coding", "rows"), SAID)
def test_exposure_as_photographers_write_it(coding: Coding, rows: str) -> None:
    for row in rows.split():
        code, text = row.split("=")
        value = u32(int(code, 16))
        assert coding.decode(value) == text
        assert coding.encode(text, [value]) == value


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("shutter-speed", "0.4", 0x43),
        ("shutter-speed", "1/125s", 0x70),
        ("aperture", "5.6", 0x30),
        ("aperture", "F8", 0x38),
        ("iso", "400", 0x58),
        ("iso", "AUTO", 0),
        ("exposure-compensation", "-1/3", 0xFD),
        ("exposure-compensation", "1 2/3", 0x0D),
        ("exposure-compensation", "0.33", 0x03),
        ("exposure-mode", "av", 2),
        ("white-balance", "Kelvin", 9),
        ("color-temperature", "5200 K", 5200),
        ("drive-mode", "18", 0x12),
        ("white-balance-shift-amber", "-3", 0xFFFFFFFD),
        ("prop-d1a4", "0x10", 16),
    ],
)
def test_what_a_text_means(name: str, text: str, code: int) -> None:
    setting = setting_named(name)
    assert setting is not None
    assert setting.encode(text, (), None) == u32(code)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("iso", "fast"),
        ("iso", ""),
        ("iso", "1e999999"),
        ("aperture", "0"),
        ("shutter-speed", "1/0"),
        ("exposure-compensation", "+99"),
        ("exposure-compensation", "0.1"),
        ("exposure-mode", "0x123456789"),
        ("image-quality", "tiff"),
        ("image-quality", "raw+raw+raw"),
        ("color-temperature", "warm"),
        ("artist", "\u00fcnknown"),
        ("artist", "x" * 64),
        ("prop-d1a4", "9" * 5000),
    ],
)
def test_nonsense_is_no_value(name: str, text: str) -> None:
    setting = setting_named(name)
    assert setting is not None
    with pytest.raises(InvalidValue):
        setting.encode(text, (), None)


def test_every_value_of_real_bodies_is_written_and_read_back() -> None:
    for name, data in payloads("*9116*").items():
        values, lists = state_of(data)
        for code, value in values.items():
            setting, offered = setting_of(code), lists[code]
            text = setting.read(value, offered)
            if not setting.read_only and len(value) == 4:
                assert setting.encode(text, (), value) == value, (name, setting.name, text)
            for each in offered:
                said = setting.read(each, offered)
                if not setting.read_only and len(each) == 4:
                    assert setting.read(setting.encode(said, offered, value), offered) == said, (name, setting.name)


def test_no_two_choices_of_a_real_body_have_the_same_text() -> None:
    for name, data in payloads("*9116*").items():
        _, lists = state_of(data)
        for code, offered in lists.items():
            setting = setting_of(code)
            if not setting.read_only and code != 0xD120:
                assert len(setting.choices(offered)) == len(set(offered)), (name, setting.name)


def test_named_settings_of_a_60d() -> None:
    values, lists = state_of(payload("eos60d-b-9116-01"))
    said = {row.name: row.read(values[row.code], lists[row.code]) for row in SETTINGS if row.code in values}
    assert said["exposure-mode"] == "manual"
    assert (said["shutter-speed"], said["aperture"], said["iso"]) == ("1/125", "f/5.6", "400")
    assert (said["white-balance"], said["metering-mode"], said["focus-mode"]) == ("auto", "evaluative", "one-shot")
    assert (said["destination"], said["battery"], said["drive-mode"]) == ("card", "50%", "single")
    iso = setting_of(0xD103)
    assert iso.choices(lists[0xD103])[:4] == ("auto", "100", "125", "160")
    quality = setting_of(0xD120)
    assert "raw+large-fine" in quality.choices(lists[0xD120])
    assert {"large-fine", "small-1-normal", "mraw", "sraw+small-3-fine"} <= set(quality.choices(lists[0xD120]))


def test_where_shots_go_on_bodies_with_two_cards() -> None:
    destination = setting_named("destination")
    assert destination is not None
    for body, said in {
        "eos-m50-9116-01": ("card", "both", "computer"),
        "eos5dmark3-9116-01": ("card", "both", "computer"),
        "eos5drs-9116-01": ("card", "both", "card-2", "card-2+computer", "computer"),
        "eos60d-b-9116-01": ("card", "computer", "both"),
    }.items():
        _, lists = state_of(payload(body))
        assert destination.choices(lists[0xD11C]) == said
        for text in said:
            assert destination.read(destination.encode(text, lists[0xD11C], None), lists[0xD11C]) == text


def test_what_is_not_offered_is_refused_before_it_is_sent() -> None:
    iso = setting_of(0xD103)
    offered = (u32(0x48), u32(0x50))
    with pytest.raises(InvalidValue, match="does not offer 400 now"):
        iso.encode("400", offered, u32(0x48))
    assert iso.encode("200", offered, u32(0x48)) == u32(0x50)
    assert iso.encode("400", offered, u32(0x58)) == u32(0x58), "what it has may be written back"


def test_what_can_only_be_read() -> None:
    for name, current in (("battery", u32(1)), ("prop-d1d3", bytes(100))):
        setting = setting_named(name)
        assert setting is not None
        with pytest.raises(AccessDenied):
            setting.encode("1", (), current)
    assert setting_of(0xD1A4).read(b"\1\2\3\4\5\6", ()) == "010203040506"


@pytest.mark.parametrize("name", ["prop-zz", "prop-d103", "nothing", "prop-D1A4", "", "prop-"])
def test_names_that_are_no_setting(name: str) -> None:
    assert setting_named(name) is None


def test_image_formats_of_real_bodies() -> None:
    for name, data in payloads("*9116*").items():
        values, lists = state_of(data)
        for code in (0xD120, 0xD121, 0xD122):
            for value in (*lists[code], *([values[code][:20]] if len(values.get(code, b"")) == 20 else [])):
                read = ImageFormat.decode(value)
                assert ImageFormat.read(read.text()).encode() == value or name.startswith("sx740"), (name, read)
    assert ImageFormat.decode(values_of_60d()).text() == "large-fine"


def values_of_60d() -> bytes:
    return state_of(payload("eos-60d-a-9116-05"))[0][0xD120]


@given(st.binary(max_size=80))
def test_any_value_has_a_text(value: bytes) -> None:
    for setting in (*SETTINGS, setting_of(0xD1A4), setting_of(0xD1A0)):
        assert isinstance(setting.read(value, (value,)), str)
        setting.choices((value, number_value(7)))


@given(st.text(max_size=40))
def test_any_text_is_a_value_or_invalid(text: str) -> None:
    for setting in (*SETTINGS, setting_of(0xD1A4)):
        if not setting.read_only:
            with contextlib.suppress(InvalidValue):
                setting.encode(text, (), None)
