"""IFDs: the camera's replies, the writes of other programs, and generated ones."""

import struct
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.sigma.ifd import IfdEntry, IfdType, IfdValue, decode_ifd, encode_ifd
from tests.protocols.sigma.payloads import SOUND, UNSOUND, of

OPCODES = (0x902C, 0x9030, 0x9031, 0x9032, 0x9033, 0x9034, 0x9035, 0x9039)

ONE_OF_EACH = (
    IfdEntry(1, IfdType.UINT8, (1, 255)),
    IfdEntry(2, IfdType.STRING, "Größe"),
    IfdEntry(3, IfdType.UINT16, (1, 2, 65535)),
    IfdEntry(4, IfdType.UINT32, (0xFFFFFFFF,)),
    IfdEntry(5, IfdType.URATIONAL, ((2398, 100), (0, 0xFFFFFFFF))),
    IfdEntry(6, IfdType.INT8, (-128, -1, 0, 1, 127)),
    IfdEntry(7, IfdType.ANY8, b"\x54\x01\x00\x02"),
    IfdEntry(8, IfdType.INT16, (-1280, 1280, 85)),
    IfdEntry(9, IfdType.INT32, (-1,)),
    IfdEntry(10, IfdType.RATIONAL, ((-10, 10),)),
    IfdEntry(11, IfdType.FLOAT32, (0.5, -2.0)),
    IfdEntry(12, IfdType.FLOAT64, (0.1,)),
    IfdEntry(101, IfdType.UINT8, ()),
    IfdEntry(102, IfdType.STRING, ""),
    IfdEntry(105, IfdType.URATIONAL, ()),
    IfdEntry(107, IfdType.ANY8, b""),
    IfdEntry(111, IfdType.FLOAT32, ()),
)


@pytest.mark.parametrize("name", of(SOUND, *OPCODES))
def test_a_payload_comes_back(name: str) -> None:
    entries = decode_ifd(memoryview(SOUND[name]))
    assert encode_ifd(entries) == SOUND[name]
    assert decode_ifd(SOUND[name], lenient=True) == entries


@pytest.mark.parametrize("name", of(UNSOUND, *OPCODES))
def test_the_notes_write_that_does_not_add_up(name: str) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_ifd(UNSOUND[name])
    assert decode_ifd(UNSOUND[name], lenient=True) == (IfdEntry(0, IfdType.UINT8, (1,)),)


def test_every_type_has_its_form() -> None:
    payload = encode_ifd(ONE_OF_EACH[::-1])
    assert decode_ifd(payload) == ONE_OF_EACH
    assert struct.unpack_from("<II", payload) == (len(payload) - 5, len(ONE_OF_EACH))
    counts = [struct.unpack_from("<I", payload, 12 + 12 * n)[0] for n in range(len(ONE_OF_EACH))]
    assert counts == [2, 6, 3, 1, 2, 5, 4, 3, 1, 1, 2, 1, 0, 0, 0, 0, 0]


def test_integers_and_rationals() -> None:
    entries = {entry.type: entry for entry in ONE_OF_EACH[:12]}
    assert entries[IfdType.INT16].integers == (-1280, 1280, 85)
    assert entries[IfdType.INT16].rationals is None
    assert entries[IfdType.RATIONAL].rationals == ((-10, 10),)
    assert entries[IfdType.RATIONAL].integers is None
    assert {kind for kind in entries if entries[kind].integers is None and entries[kind].rationals is None} == {
        IfdType.STRING,
        IfdType.ANY8,
        IfdType.FLOAT32,
        IfdType.FLOAT64,
    }


def test_no_entries() -> None:
    assert encode_ifd(()) == bytes.fromhex("08 00 00 00 00 00 00 00 00 00 00 00 08")
    assert decode_ifd(encode_ifd(())) == ()


@pytest.mark.parametrize(
    "payload",
    [
        # no zero word, data padded to 4, DataLength all of it, no sum
        "2c 00 00 00 02 00 00 00 01 00 01 00 05 00 00 00 20 00 00 00 02 00 03 00 01 00 00 00 e8 03 00 00"
        "05 04 03 02 01 00 00 00",
        # DataLength 0, no zero word, descending, a sum of its own
        "00 00 00 00 02 00 00 00 02 00 03 00 01 00 00 00 e8 03 00 00 01 00 01 00 05 00 00 00 20 00 00 00"
        "05 04 03 02 01 3f",
        # cut right behind the data
        "00 00 00 00 02 00 00 00 01 00 01 00 05 00 00 00 20 00 00 00 02 00 03 00 01 00 00 00 e8 03 ff ff05 04 03 02 01",
    ],
)
def test_writes_of_other_programs(payload: str) -> None:
    data = bytes.fromhex(payload)
    with pytest.raises(RemoteProtocolError):
        decode_ifd(data)
    values = {entry.tag: entry.value for entry in decode_ifd(data, lenient=True)}
    assert values == {1: (5, 4, 3, 2, 1), 2: (1000,)}


def with_sum(data: bytes) -> bytes:
    return data + bytes((sum(data) & 0xFF,))


REPLY = encode_ifd(
    (IfdEntry(1, IfdType.UINT8, (1,)), IfdEntry(2, IfdType.UINT32, (7, 8)), IfdEntry(3, IfdType.INT8, ()))
)


@pytest.mark.parametrize(
    ("offset", "value"),
    [
        (0, 1),  # DataLength
        (4, 2),
        (4, 4),  # DirectoryCount
        (8, 2),  # a tag twice
        (8, 9),  # tags that do not ascend
        (10, 0),
        (10, 13),  # type
        (12, 0),  # Count
        (12, 5),
        (17, 1),  # more than Count values
        (24, 1),
        (24, 3),
        (28, 47),  # offset of the data
        (28, 49),
        (40, 1),  # the value of an empty entry
        (44, 1),  # zero word
    ],
)
def test_a_reply_must_be_as_the_camera_writes_it(offset: int, value: int) -> None:
    data = bytearray(REPLY[:-1])
    assert data[offset] != value
    data[offset] = value
    with pytest.raises(RemoteProtocolError):
        decode_ifd(with_sum(bytes(data)))


def test_a_reply_must_have_its_sum() -> None:
    for offset in range(len(REPLY)):
        data = bytearray(REPLY)
        data[offset] ^= 0x80
        with pytest.raises(RemoteProtocolError):
            decode_ifd(bytes(data))


@pytest.mark.parametrize("end", range(len(REPLY)))
def test_a_reply_that_stops_early(end: int) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_ifd(REPLY[:end])


def test_what_follows_the_nul_of_a_text_is_dropped() -> None:
    data = bytes.fromhex("14 00 00 00 01 00 00 00 01 00 02 00 04 00 00 00 41 00 42 00 00 00 00 00")
    assert decode_ifd(with_sum(data)) == (IfdEntry(1, IfdType.STRING, "A"),)


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize(("kind", "count"), [(1, 0xFFFFFFFF), (12, 0x20000001), (5, 0x20000000), (2, 1 << 20)])
def test_a_count_is_no_promise(kind: int, count: int, lenient: bool) -> None:
    directory = struct.pack("<HHII", 1, kind, count, 24)
    payload = with_sum(struct.pack("<II", 20, 1) + directory + bytes(4))
    with pytest.raises(RemoteProtocolError):
        decode_ifd(payload, lenient)


def test_values_that_share_bytes_do_not_unfold() -> None:
    count = 1000
    payload = struct.pack("<II", 0, count) + struct.pack("<HHII", 1, IfdType.UINT8, 12 * count, 8) * count + bytes(5)
    tracemalloc.start()
    try:
        with pytest.raises(RemoteProtocolError):
            decode_ifd(payload, lenient=True)
        assert tracemalloc.get_traced_memory()[1] < 50 * len(payload)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "entry",
    [
        IfdEntry(1, IfdType.UINT8, (256,)),
        IfdEntry(1, IfdType.UINT8, (-1,)),
        IfdEntry(1, IfdType.UINT8, (0.5,)),
        IfdEntry(1, IfdType.UINT8, ((1, 2),)),
        IfdEntry(1, IfdType.UINT8, "1"),
        IfdEntry(1, IfdType.INT16, b"12"),
        IfdEntry(1, IfdType.STRING, b"12"),
        IfdEntry(1, IfdType.STRING, (1,)),
        IfdEntry(1, IfdType.STRING, "a\0b"),
        IfdEntry(1, IfdType.STRING, "€"),
        IfdEntry(1, IfdType.ANY8, (1, 2)),
        IfdEntry(1, IfdType.ANY8, "a"),
        IfdEntry(1, IfdType.RATIONAL, (1, 2)),
        IfdEntry(1, IfdType.URATIONAL, ((-1, 2),)),
        IfdEntry(1, IfdType.FLOAT32, (1e300,)),
        IfdEntry(65536, IfdType.UINT8, (1,)),
        IfdEntry(-1, IfdType.UINT8, (1,)),
    ],
)
def test_what_cannot_be_encoded(entry: IfdEntry) -> None:
    with pytest.raises(LocalProtocolError):
        encode_ifd((entry,))


def test_a_tag_twice_cannot_be_encoded() -> None:
    with pytest.raises(LocalProtocolError):
        encode_ifd((IfdEntry(1, IfdType.UINT8, (1,)), IfdEntry(1, IfdType.UINT8, (2,))))


def integers(low: int, high: int) -> st.SearchStrategy[IfdValue]:
    return st.lists(st.integers(low, high), max_size=6).map(tuple)


def pairs(low: int, high: int) -> st.SearchStrategy[IfdValue]:
    number = st.integers(low, high)
    return st.lists(st.tuples(number, number), max_size=4).map(tuple)


VALUES: dict[IfdType, st.SearchStrategy[IfdValue]] = {
    IfdType.UINT8: integers(0, 2**8 - 1),
    IfdType.STRING: st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=8),
    IfdType.UINT16: integers(0, 2**16 - 1),
    IfdType.UINT32: integers(0, 2**32 - 1),
    IfdType.URATIONAL: pairs(0, 2**32 - 1),
    IfdType.INT8: integers(-(2**7), 2**7 - 1),
    IfdType.ANY8: st.binary(max_size=8),
    IfdType.INT16: integers(-(2**15), 2**15 - 1),
    IfdType.INT32: integers(-(2**31), 2**31 - 1),
    IfdType.RATIONAL: pairs(-(2**31), 2**31 - 1),
    IfdType.FLOAT32: st.lists(st.floats(width=32, allow_nan=False), max_size=4).map(tuple),
    IfdType.FLOAT64: st.lists(st.floats(allow_nan=False), max_size=4).map(tuple),
}


@st.composite
def directories(draw: st.DrawFn) -> tuple[IfdEntry, ...]:
    """Draw entries in the order of their tags."""
    entries = []
    for tag in sorted(draw(st.sets(st.integers(0, 65535), max_size=6))):
        kind = draw(st.sampled_from(IfdType))
        entries.append(IfdEntry(tag, kind, draw(VALUES[kind])))
    return tuple(entries)


@given(directories())
def test_any_entries_come_back(entries: tuple[IfdEntry, ...]) -> None:
    payload = encode_ifd(entries)
    assert decode_ifd(payload) == entries
    assert decode_ifd(payload, lenient=True) == entries


@given(st.binary(max_size=80), st.integers(0, 8), st.booleans())
def test_random_bytes(noise: bytes, count: int, lenient: bool) -> None:
    with suppress(RemoteProtocolError):
        decode_ifd(noise, lenient)
    framed = with_sum(struct.pack("<II", len(noise) + 4, count) + noise)
    with suppress(RemoteProtocolError):
        decode_ifd(framed, lenient)


@given(directories(), st.data())
def test_a_byte_that_changed(entries: tuple[IfdEntry, ...], data: st.DataObject) -> None:
    changed = bytearray(encode_ifd(entries)[:-1])
    changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    payload = bytes(changed)
    with suppress(RemoteProtocolError):
        decode_ifd(payload, lenient=True)
    with suppress(RemoteProtocolError):
        decoded = decode_ifd(with_sum(payload))
        if not any(entry.type in (IfdType.STRING, IfdType.FLOAT32, IfdType.FLOAT64) for entry in decoded):
            assert encode_ifd(decoded) == with_sum(payload)
