"""Headers of KDC pictures: those of a real camera, those that hypothesis makes, and nonsense."""

import hashlib
import struct
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.errors import RemoteProtocolError
from camfs.protocols.kdc import ENOUGH, HEADER_SIZE, PICTURE_OFFSET, THUMBNAIL_SIZE, Compression, Header
from tests.shared import shared

_OWNER = b"Zippy The Wonder Camera \0Camera KD"
_LOW = Header(
    name="P002032",
    taken=datetime(1994, 1, 3, 14, 32, 31),
    exposure=534,
    aperture=25,
    distance=48,
    flash=31,
    focal_length=37,
    owner=_OWNER,
    compression=Compression.JPEG,
    bits_per_pixel=75,
    resolution=144,
    picture_size=56560,
    kodak_1=8875,
    kodak_3=10250,
    kodak_4=4000,
    kodak_6=(65600, 65536, 66464, 70698, 65536, 99123, 65536, 85056, 113696, 66304, 65536, 66336),
)
_MEDIUM = replace(
    _LOW,
    name="P002033",
    taken=datetime(1994, 1, 3, 14, 33, 4),
    exposure=489,
    distance=62,
    bits_per_pixel=125,
    resolution=72,
    picture_size=86070,
    kodak_1=9000,
    kodak_3=10375,
    kodak_4=4375,
    kodak_6=(66976, 65536, 66464, 66304, 65536, 77536, 65536, 87200, 115808, 67808, 65536, 66048),
)
_HIGH = replace(
    _MEDIUM,
    name="P002034",
    taken=datetime(1994, 1, 3, 14, 33, 35),
    exposure=449,
    distance=54,
    bits_per_pixel=224,
    picture_size=176232,
    kodak_1=9125,
    kodak_3=10500,
    kodak_4=3625,
    kodak_6=(65536, 66208, 66880, 65536, 67168, 77568, 65536, 86080, 114720, 66880, 65536, 65920),
)
_RAW = replace(
    _HIGH,
    name="P002035",
    taken=datetime(1994, 1, 3, 14, 34, 5),
    distance=45,
    compression=Compression.NONE,
    bits_per_pixel=800,
    picture_size=827648,
    kodak_4=4125,
    kodak_6=(66304, 65536, 65728, 70668, 65536, 99475, 65536, 84416, 113472, 66240, 65536, 66496),
)

REAL = {
    "low": (_LOW, 72240, "e6f0dfde9ad98dc13ba58495c41aac5967286d469f6b2c262cc5b41973a935e0"),
    "medium": (_MEDIUM, 101750, "4d3f1a57e5492ea5a1c33e4a55ae50a7be7ac21f4ef831417bee8e4a27c2985b"),
    "high": (_HIGH, 191912, "dbf2b4734e0ef8f2c52906ef2b5fad9a0c59e670ac0941efcfb5df949c01aeae"),
    "raw": (_RAW, 843328, "07454ca23ca7b55d9a5cc799352f4363844df776590401e77542c2374652af9b"),
}
"""What is known of four pictures of a real camera: the header, the file's size, the SHA-256 of its first 1280 bytes."""


@pytest.mark.parametrize("name", REAL)
def test_writes_the_headers_of_a_real_camera(name: str) -> None:
    header, size, digest = REAL[name]
    data = header.encode()
    assert hashlib.sha256(data).hexdigest() == digest
    assert header.size == size
    assert Header.decode(data) == header


@pytest.mark.parametrize("name", REAL)
def test_reads_the_pictures_of_a_real_camera(name: str) -> None:
    data = shared(f"samples/dc120/flash-{name}.kdc").read_bytes()
    header = Header.decode(data)
    assert header == REAL[name][0]
    assert header.encode() == data[:HEADER_SIZE]
    assert header.size == len(data)
    assert header.thumbnail(data) == data[1280:15680]


def test_the_first_packet_is_enough() -> None:
    header = Header.decode(_LOW.encode()[:ENOUGH])
    defaults = Header()
    assert header == replace(
        _LOW, kodak_1=defaults.kodak_1, kodak_3=defaults.kodak_3, kodak_4=defaults.kodak_4, kodak_6=defaults.kodak_6
    )


def test_thumbnail() -> None:
    pixels = bytes(range(256)) * 57
    data = _LOW.encode() + pixels[:THUMBNAIL_SIZE] + b"picture"
    assert len(data) == PICTURE_OFFSET + 7
    assert _LOW.thumbnail(data) == pixels[:THUMBNAIL_SIZE]
    with pytest.raises(RemoteProtocolError, match="14399"):
        _LOW.thumbnail(data[: PICTURE_OFFSET - 1])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "nothing"),
        (b"MM\0*\0\0", "begins with"),
        (b"II*\0" + _LOW.encode()[4:], "begins with"),
        (_LOW.encode()[:8], "unnamed"),
        (_LOW.encode().replace(b"DC120 ZOOM", b"DC50 Zoom "), "DC50"),
        (_LOW.encode()[:500], "unnamed"),
        (replace(_LOW, picture_size=0).encode(), "main picture"),
        (b"MM\0*\xff\xff\xff\xff" + _LOW.encode()[8:], "unnamed"),
    ],
)
def test_refuses_what_is_no_picture_of_a_dc120(data: bytes, message: str) -> None:
    with pytest.raises(RemoteProtocolError, match=message):
        Header.decode(data)


@pytest.mark.parametrize("date", [b"0000:00:00 00:00:00", b"1994:13:03 14:32:31", b"\xff" * 19, b"".ljust(19, b"\0")])
def test_a_date_that_is_none(date: bytes) -> None:
    assert Header.decode(_LOW.encode().replace(b"1994:01:03 14:32:31", date)).taken is None


def test_pointers_are_followed() -> None:
    """A directory may lie elsewhere than the camera puts it."""
    data = bytearray(_LOW.encode())
    moved = data[648:882]
    struct.pack_into(">I", data, 258, 1024)
    data[648:882] = bytes(234)
    data[1024 : 1024 + 234] = moved
    assert Header.decode(bytes(data)).picture_size == 56560


def test_refuses_to_write_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="picture_size"):
        replace(_LOW, picture_size=1 << 32).encode()
    with pytest.raises(ValueError, match="kodak_6"):
        replace(_LOW, kodak_6=(1,)).encode()


_DATES = st.datetimes(datetime(1994, 1, 1), datetime(2062, 1, 19)).map(lambda date: date.replace(microsecond=0))
_NUMBERS = st.integers(0, 0xFFFFFFFF)
HEADERS = st.builds(
    Header,
    name=st.from_regex(r"[A-Z][0-9]{6}", fullmatch=True),
    taken=st.none() | _DATES,
    exposure=_NUMBERS,
    aperture=_NUMBERS,
    distance=_NUMBERS,
    flash=st.integers(0, 0xFFFF),
    focal_length=_NUMBERS,
    owner=st.binary(min_size=34, max_size=34),
    battery=st.sampled_from(("Full", "Low", "")),
    compression=st.integers(0, 0xFFFF),
    bits_per_pixel=_NUMBERS,
    resolution=_NUMBERS,
    picture_size=st.integers(1, 0xFFFFFFFF),
    kodak_6=st.tuples(*[_NUMBERS] * 12),
)


@given(HEADERS)
def test_reads_what_it_writes(header: Header) -> None:
    data = header.encode()
    assert len(data) == HEADER_SIZE
    assert Header.decode(data) == header


@given(HEADERS, st.lists(st.tuples(st.integers(0, HEADER_SIZE - 1), st.integers(0, 255)), max_size=20), st.integers(0))
def test_damage_gives_a_header_or_an_error(header: Header, damage: list[tuple[int, int]], end: int) -> None:
    data = bytearray(header.encode())
    for at, value in damage:
        data[at] = value
    try:
        read = Header.decode(bytes(data[: end % (HEADER_SIZE + 1)]))
    except RemoteProtocolError:
        return
    assert read.size > 0
    assert read.taken is None or read.taken - datetime(1, 1, 1) >= timedelta()


@given(st.binary(max_size=2000))
def test_nonsense_gives_an_error(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        Header.decode(b"MM\0*" + data)
