"""The bitmask groups: the bytes of the PTP notes and the dumps, every form of a write, and generated ones."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.sigma.groups import GROUPS, decode_group, decode_group_write, encode_group
from tests.protocols.sigma.payloads import SOUND, of

READS = {0x9012: 1, 0x9013: 2, 0x9014: 3, 0x9023: 4, 0x9027: 5, 0x9029: 6}
WRITES = {0x9016: 1, 0x9017: 2, 0x9018: 3, 0x9024: 4, 0x9028: 5, 0x902A: 6}

MASKS = {1: 0x7FFF, 2: 0xFC3F, 3: 0xA3FF, 4: 0x3FF0, 5: 0x002B, 6: 0}
"""What the fp's replies announce."""


def group_of(name: str) -> int:
    return {**READS, **WRITES}[int(name[:4], 16)]


def test_a_group_has_sixteen_fields_and_each_name_once() -> None:
    assert list(GROUPS) == [1, 2, 3, 4, 5, 6]
    for number, group in GROUPS.items():
        assert group.number == number
        assert [field.bit for field in group.fields] == list(range(16))
        names = [subfield.name for field in group.fields for subfield in field.subfields]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", of(SOUND, *READS))
def test_a_reply_comes_back(name: str) -> None:
    number = group_of(name)
    group = decode_group(number, memoryview(SOUND[name]))
    present = [field for field in GROUPS[number].fields if MASKS[number] >> field.bit & 1]
    assert list(group.values) == [subfield.name for field in present for subfield in field.subfields]
    assert encode_group(number, group.values, rest=group.rest) == SOUND[name]
    assert decode_group_write(number, SOUND[name]) == group.values


@pytest.mark.parametrize("name", of(SOUND, *WRITES))
def test_a_write_of_the_vendors_program_comes_back(name: str) -> None:
    number, payload = group_of(name), SOUND[name]
    group = decode_group(number, payload)
    assert group.rest == b""
    padding = bytes(len(payload) - payload[0] - 2)
    assert encode_group(number, group.values) == payload[: payload[0] + 1] + payload[-1:]
    assert payload[payload[0] + 1 : -1] == padding
    assert decode_group_write(number, payload) == group.values


def test_the_notes_group_1() -> None:
    assert decode_group(1, SOUND["9012-notes"]).values == {
        "ShutterSpeed": 88,
        "Aperture": 32,
        "ProgramShift": 0,
        "ISOAuto": 1,
        "ISOSpeed": 0xF8,
        "ExpComp": 0,
        "ABValue": 0,
        "ABSetting": 1,
        "FrameBufferState": 9,
        "MediaFreeSpace": 438,
        "MediaStatus": 1,
        "CurrentLensFocalLength": 45 * 16,
        "BatteryState": 1,
        "ABShotRemainNumber": 0,
        "ExpCompExcludeAB": 0,
    }


def test_the_notes_group_2() -> None:
    assert decode_group(2, SOUND["9013-notes"]).values == {
        "DriveMode": 1,
        "SpecialMode": 2,
        "ExposureMode": 4,
        "AEMeteringMode": 1,
        "Reserved4": 0,
        "Reserved5": 1,
        "FlashMode": 0,
        "FlashSetting": 0,
        "Reserved12": 0,
        "WhiteBalance": 1,
        "Resolution": 1,
        "ImageQuality": 2,
    }


def test_the_notes_group_3() -> None:
    assert decode_group(3, SOUND["9014-notes-dest-pc"]).values == {
        "Reserved0": 0,
        "Reserved1": 0,
        "Reserved2": 0,
        "ColorSpace": 1,
        "ColorMode": 3,
        "BatteryKind": 1,
        "LensWideFocalLength": 0xF000,
        "LensTeleFocalLength": 0xF000,
        "AFAuxLight": 2,
        "AFBeep": 5,
        "TimerSound": 5,
        "DestToSave": 2,
    }


def test_the_notes_group_4() -> None:
    assert decode_group(4, SOUND["9023-notes"]).values == {
        "DCCropMode": 0,
        "LVMagnifyRatio": 3,
        "HighISOExt": 1,
        "ContShootSpeed": 3,
        "HDR": 0xFF,
        "DNGQuality": 14,
        "FillLight": 0,
        "LOCDistortion": 1,
        "LOCChromaticAberration": 1,
        "LOCDiffraction": 1,
        "LOCVignetting": 1,
        "LOCColorShade": 0xFE,
        "LOCColorShadeAcquisition": 2,
        "EImageStab": 2,
        "ShutterSound": 5,
    }


def test_group_5() -> None:
    assert decode_group(5, SOUND["9027"]).values == {
        "IntervalSeconds": 30,
        "IntervalFrames": 2,
        "IntervalSecondsLeft": 0,
        "IntervalFramesLeft": 2,
        "ColorTemp": 5000,
        "AspectRatio": 3,
        "ToneEffect": 1,
    }


def test_group_6_has_bytes_that_its_mask_does_not_announce() -> None:
    group = decode_group(6, SOUND["9029"])
    assert (group.values, group.rest) == ({}, b"\0\0")


def test_a_field_more_moves_those_behind_it() -> None:
    values = decode_group(2, SOUND["9013-notes"]).values
    with_flash = encode_group(2, {**values, "FlashType": 3})
    assert with_flash[:3] == bytes.fromhex("0f 3f fd")
    assert len(with_flash) == 17
    assert decode_group(2, with_flash).values == {**values, "FlashType": 3}


@pytest.mark.parametrize("name", ["ExpComp", "ABValue", "ExpCompExcludeAB"])
def test_steps_of_exposure_are_signed(name: str) -> None:
    assert encode_group(1, {name: -8})[3] == 0xF8
    assert decode_group(1, encode_group(1, {name: -8})).values == {name: -8}


def test_fill_light_is_signed() -> None:
    assert encode_group(4, {"FillLight": -50}) == bytes.fromhex("03 00 04 ce d5")
    assert decode_group(4, bytes.fromhex("03 00 04 ce d5")).values == {"FillLight": -50}


@pytest.mark.parametrize(
    "payload",
    [
        "04 18 00 00 28 44",  # packed
        "04 18 00 00 28 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 44",  # padded
        "00 18 00 00 28 00",  # lazy
        "04 18 00 00 28 00 44",  # the last value as u16
        "04 18 00 00 28",  # without a sum
    ],
)
def test_the_body_reads_every_form_of_a_write_alike(payload: str) -> None:
    assert decode_group_write(1, bytes.fromhex(payload)) == {"ISOAuto": 0, "ISOSpeed": 0x28}


@pytest.mark.parametrize(
    ("payload", "values"),
    [
        ("04 00 80 02 00 86", {"DestToSave": 2}),  # one field as u16
        ("00 00 80 02 00", {"DestToSave": 2}),
    ],
)
def test_a_field_of_one_byte_may_be_written_as_two(payload: str, values: dict[str, int]) -> None:
    assert decode_group_write(3, memoryview(bytes.fromhex(payload))) == values


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "03",
        "02 00 00",
        "03 04 00 04 0c",  # sum
        "04 04 00 04 0c",  # length
        "02 04 00 04 0a",
        "02 04 00 06",  # a field that is not there
        "00 04 00 04 08",  # lazy
        "03 00 80 02 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 86",
        "03 00 80 02 00 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 00 86",  # more than zeros behind the values
        "03 00 80 02 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 85",  # 21 bytes
    ],
)
def test_what_does_not_add_up(payload: str) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_group(2, bytes.fromhex(payload))


@pytest.mark.parametrize(
    ("number", "payload"), [(1, ""), (1, "03 04"), (1, "03 04 00"), (4, "08 00 08 01 01 01 01 01")]
)
def test_a_write_that_ends_within_a_field(number: int, payload: str) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_group_write(number, bytes.fromhex(payload))


@pytest.mark.parametrize(
    ("number", "values"),
    [
        (1, {"ISO": 1}),
        (2, {"ISOSpeed": 1}),
        (1, {"ISOSpeed": 256}),
        (1, {"ISOSpeed": -1}),
        (1, {"ExpComp": 128}),
        (5, {"ColorTemp": 65536}),
        (5, {"IntervalSeconds": 30, "IntervalFrames": 2}),
        (4, {"LOCDistortion": 1}),
    ],
)
def test_what_cannot_be_written(number: int, values: dict[str, int]) -> None:
    with pytest.raises(LocalProtocolError):
        encode_group(number, values)


def test_what_a_group_cannot_hold() -> None:
    with pytest.raises(LocalProtocolError):
        encode_group(1, {}, bytes(254))


@st.composite
def groups(draw: st.DrawFn) -> tuple[int, dict[str, int]]:
    """Draw a group's number and values of some of its fields."""
    number = draw(st.sampled_from(sorted(GROUPS)))
    values = {}
    for field in draw(st.lists(st.sampled_from(GROUPS[number].fields), unique=True)):
        for subfield in field.subfields:
            top = 1 << 8 * subfield.width
            numbers = st.integers(-top // 2, top // 2 - 1) if subfield.signed else st.integers(0, top - 1)
            values[subfield.name] = draw(numbers)
    return number, values


@given(groups(), st.binary(max_size=8))
def test_any_values_come_back(group: tuple[int, dict[str, int]], rest: bytes) -> None:
    number, values = group
    payload = encode_group(number, values, rest)
    decoded = decode_group(number, payload)
    assert (decoded.values, decoded.rest) == (values, rest)
    assert decode_group_write(number, payload) == values
    assert decode_group_write(number, b"\0" + payload[1:-1] + b"\0") == values
    if len(payload) < 22:
        padded = payload[:-1].ljust(21, b"\0") + payload[-1:]
        assert decode_group(number, padded) == decoded


@given(st.sampled_from(sorted(GROUPS)), st.binary(max_size=40))
def test_random_bytes(number: int, payload: bytes) -> None:
    with suppress(RemoteProtocolError):
        decode_group_write(number, payload)
    with suppress(RemoteProtocolError):
        decode_group(number, payload)
    framed = bytes((len(payload),)) + payload
    framed += bytes((sum(framed) & 0xFF,))
    with suppress(RemoteProtocolError):
        group = decode_group(number, framed)
        assert encode_group(number, group.values, rest=group.rest) == framed
