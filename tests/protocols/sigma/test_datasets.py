"""Datasets by name: groups, Focus and Movie; the bytes of the PTP notes and the dumps, and generated ones."""

import re
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.sigma.codes import SigmaOperation
from camfs.protocols.sigma.datasets import TAGS, Dataset, Value, decode, decode_write, encode
from camfs.protocols.sigma.groups import GROUPS
from camfs.protocols.sigma.ifd import IfdEntry, IfdType, IfdValue, encode_ifd
from tests.protocols.sigma.payloads import SOUND, UNSOUND, of

OPERATIONS = {int(operation): dataset for dataset in Dataset for operation in (dataset.reads, dataset.writes)}

FOCUS: dict[str, Value] = {
    "FocusMode": 3,
    "AFLock": 0,
    "FaceEyeAF": 0,
    "FaceEyeAFStatus": 0,
    "FocusArea": 1,
    "OnePointSelection": 0,
    "DMFSize": 0,
    "DMFPos": (340, 512),
    "DMFDetection": (0, 0, 0, 0),
    "PreConstAF": 0,
    "FocusLimit": 0,
}
"""What the sample holds."""

MOVIE: dict[str, Value] = {
    "CaptureMode": 1,
    "ApertureAuto": 1,
    "ShutterAuto": 1,
    "Unidentified5": 0,
    "ShutterUnit": 1,
    "Shutter": ((112, 3600),),
    "AudioRecord": 1,
    "NumOfVoiceChannels": 1,
    "GainAdjustMethod": (0, 0),
    "ManualGainAdjustEV": 0,
    "RecordFormat": 2,
    "CinemaDNGQuality": 12,
    "MovImageQuality": 2,
    "MovieResolution": 2,
    "FrameRate": ((2398, 100),),
    "Binning": 0,
}
"""What the sample holds."""


def test_operations_of_a_dataset() -> None:
    assert (Dataset.GROUP6.reads, Dataset.GROUP6.writes) == (0x9029, 0x902A)
    assert (Dataset.MOVIE.reads, Dataset.MOVIE.writes) == (0x9033, 0x9034)
    for dataset in Dataset:
        assert dataset.reads.name.removeprefix("Get") == dataset.writes.name.removeprefix("Set")


@pytest.mark.parametrize("name", of(SOUND, *OPERATIONS))
def test_a_payload_comes_back(name: str) -> None:
    dataset = OPERATIONS[int(name[:4], 16)]
    payload = SOUND[name]
    values = decode(dataset, memoryview(payload))
    assert decode_write(dataset, payload) == {key: value for key, value in values.items() if key != "Rest"}
    if len(payload) == 22 and payload[0] == 3:  # padded
        assert encode(dataset, values) == payload[:4] + payload[-1:]
    else:
        assert encode(dataset, values) == payload


@pytest.mark.parametrize("name", of(UNSOUND, SigmaOperation.SetCamDataGroupMovie))
def test_the_notes_movie_write_sets_nothing(name: str) -> None:
    assert decode_write(Dataset.MOVIE, UNSOUND[name]) == {}


def test_sizes_of_focus_replies() -> None:
    assert len(encode(Dataset.FOCUS, FOCUS)) == 153
    assert len(encode(Dataset.FOCUS, {**FOCUS, "FocusState": 0, "FocusPosition": 8500})) == 177
    assert decode(Dataset.FOCUS, encode(Dataset.FOCUS, FOCUS)) == FOCUS


def test_the_movie_reply() -> None:
    payload = encode(Dataset.MOVIE, MOVIE)
    assert (len(payload), payload[0], payload[-1]) == (221, 0xD8, 0xC6)
    assert decode(Dataset.MOVIE, payload) == MOVIE


def test_what_the_dumps_say() -> None:
    assert decode(Dataset.FOCUS, SOUND["9031"]) == FOCUS
    assert decode(Dataset.MOVIE, SOUND["9033"]) == MOVIE


def test_writes_of_focus_and_movie() -> None:
    drive: dict[str, Value] = {"FocusPosition": 8500, "PreConstAF": 0, "AFLock": 0, "FocusMode": 1}
    assert encode(Dataset.FOCUS, drive) == SOUND["9032-position-8500"]
    assert encode(Dataset.MOVIE, {"ShutterUnit": 1}) == SOUND["9034-shutter-unit"]


def test_a_position_may_be_written_as_two_numbers() -> None:
    assert encode(Dataset.FOCUS, {"DMFPos": (340, 512)})[16:20] == bytes.fromhex("54 01 00 02")
    payload = encode_ifd((IfdEntry(13, IfdType.UINT16, (340, 512)),))
    assert decode_write(Dataset.FOCUS, payload) == {"DMFPos": (340, 512)}


def test_frames_that_were_detected() -> None:
    values: dict[str, Value] = {"DMFDetection": (1, 2, 3, 4, 5, 6, 7, 8)}
    assert decode(Dataset.FOCUS, encode(Dataset.FOCUS, values)) == values


def test_unknown_tags_and_empty_ones() -> None:
    payload = encode_ifd(
        (
            IfdEntry(1, IfdType.UINT8, ()),
            IfdEntry(10, IfdType.UINT16, (2,)),
            IfdEntry(90, IfdType.INT16, (-1,)),
            IfdEntry(91, IfdType.UINT8, (1, 2)),
            IfdEntry(92, IfdType.URATIONAL, ((1, 2),)),
            IfdEntry(93, IfdType.ANY8, b"\1"),
            IfdEntry(94, IfdType.STRING, "fp"),
            IfdEntry(95, IfdType.FLOAT32, (1.5,)),
            IfdEntry(96, IfdType.STRING, ""),
        )
    )
    assert decode(Dataset.FOCUS, payload) == {
        "FocusArea": 2,
        "Tag90": -1,
        "Tag91": (1, 2),
        "Tag92": ((1, 2),),
        "Tag93": b"\1",
        "Tag94": b"fp",
    }
    assert decode_write(Dataset.FOCUS, payload) == {"FocusArea": 2}


@pytest.mark.parametrize(
    ("dataset", "tag", "kind", "value"),
    [
        (Dataset.FOCUS, 1, IfdType.UINT8, (1, 2)),
        (Dataset.FOCUS, 1, IfdType.STRING, "1"),
        (Dataset.FOCUS, 1, IfdType.URATIONAL, ((1, 2),)),
        (Dataset.FOCUS, 13, IfdType.UINT8, (84, 1, 0, 2)),
        (Dataset.FOCUS, 13, IfdType.ANY8, b"123"),
        (Dataset.FOCUS, 13, IfdType.ANY8, b"123456"),
        (Dataset.FOCUS, 14, IfdType.ANY8, b"1234"),
        (Dataset.MOVIE, 61, IfdType.UINT16, (25,)),
        (Dataset.MOVIE, 61, IfdType.URATIONAL, ((1, 2), (1, 2))),
        (Dataset.MOVIE, 12, IfdType.INT8, (1,)),
    ],
)
def test_a_value_of_another_kind(dataset: Dataset, tag: int, kind: IfdType, value: IfdValue) -> None:
    payload = encode_ifd((IfdEntry(tag, kind, value),))
    assert list(decode(dataset, payload)) == [f"Tag{tag}"]
    assert decode_write(dataset, payload) == {}


@pytest.mark.parametrize(
    ("dataset", "name", "value"),
    [
        (Dataset.GROUP1, "ISO", 1),
        (Dataset.GROUP1, "ISOSpeed", 256),
        (Dataset.GROUP1, "ISOSpeed", (1,)),
        (Dataset.GROUP1, "ISOSpeed", b"1"),
        (Dataset.GROUP1, "Rest", 1),
        (Dataset.FOCUS, "CaptureMode", 1),
        (Dataset.FOCUS, "Tag1", 1),
        (Dataset.FOCUS, "FocusMode", 256),
        (Dataset.FOCUS, "FocusMode", (1,)),
        (Dataset.FOCUS, "FocusMode", b"1"),
        (Dataset.FOCUS, "DMFPos", 340),
        (Dataset.FOCUS, "DMFPos", (340, 512, 1)),
        (Dataset.FOCUS, "DMFPos", (340, 65536)),
        (Dataset.FOCUS, "DMFPos", ((340, 512),)),
        (Dataset.FOCUS, "DMFPos", b"1234"),
        (Dataset.FOCUS, "DMFDetection", (1, 2)),
        (Dataset.MOVIE, "FrameRate", 25),
        (Dataset.MOVIE, "FrameRate", (2500, 100)),
        (Dataset.MOVIE, "FrameRate", ((-1, 100),)),
        (Dataset.MOVIE, "GainAdjustMethod", 1),
    ],
)
def test_what_cannot_be_written(dataset: Dataset, name: str, value: Value) -> None:
    with pytest.raises(LocalProtocolError):
        encode(dataset, {name: value})


READ_ONLY = {
    **{
        Dataset[f"GROUP{group.number}"]: {
            each.name for field in group.fields for each in field.subfields if each.read_only
        }
        for group in GROUPS.values()
    },
    **{dataset: {tag.name for tag in tags if tag.read_only} for dataset, tags in TAGS.items()},
}
"""Names of what the camera reports and does not accept."""


def test_what_can_only_be_read() -> None:
    assert READ_ONLY[Dataset.GROUP5] == {"IntervalSecondsLeft", "IntervalFramesLeft"}
    assert READ_ONLY[Dataset.FOCUS] == {"FaceEyeAFStatus", "DMFDetection", "FocusState"}
    assert READ_ONLY[Dataset.GROUP4] == READ_ONLY[Dataset.GROUP6] == set()
    assert READ_ONLY[Dataset.GROUP1] == {
        "FrameBufferState",
        "MediaFreeSpace",
        "MediaStatus",
        "CurrentLensFocalLength",
        "BatteryState",
        "ABShotRemainNumber",
        "ExpCompExcludeAB",
    }


def tag_values(dataset: Dataset) -> Iterator[tuple[str, st.SearchStrategy[Value]]]:
    for tag in TAGS[dataset]:
        if tag.type is IfdType.URATIONAL:
            number = st.integers(0, 2**32 - 1)
            yield tag.name, st.tuples(st.tuples(number, number))
        elif tag.type is IfdType.ANY8:
            word = st.integers(0, 65535)
            frame = st.tuples(word, word) if tag.count else st.tuples(*[word] * 4)
            yield (
                tag.name,
                frame if tag.count else st.lists(frame, min_size=1, max_size=3).map(lambda frames: sum(frames, ())),
            )
        else:
            bits = int(re.sub(r"\D", "", tag.type.name))
            low = -(1 << bits - 1) if tag.type in (IfdType.INT8, IfdType.INT16) else 0
            one = st.integers(low, low + (1 << bits) - 1)
            yield tag.name, one if tag.count == 1 else st.tuples(*[one] * (tag.count or 1))


@pytest.mark.parametrize("dataset", TAGS)
@given(data=st.data())
def test_any_values_come_back(dataset: Dataset, data: st.DataObject) -> None:
    values = data.draw(st.fixed_dictionaries({}, optional=dict(tag_values(dataset))))
    payload = encode(dataset, values)
    assert decode(dataset, payload) == values
    assert decode_write(dataset, payload) == values


@given(st.sampled_from(Dataset), st.binary(max_size=60), st.integers(0, 4))
def test_random_bytes(dataset: Dataset, noise: bytes, count: int) -> None:
    body = (len(noise) + 4).to_bytes(4, "little") + count.to_bytes(4, "little") + noise
    for payload in (noise, body + bytes((sum(body) & 0xFF,))):
        with suppress(RemoteProtocolError):
            decode(dataset, payload)
        with suppress(RemoteProtocolError):
            decode_write(dataset, payload)
