"""The other payloads: capture status, records, picture data, view frame, status and ConfigApi's reply."""

import struct
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.sigma.codes import MAX_PICTURE, CaptureState, Destination, SigmaOperation, SnapMode
from camfs.protocols.sigma.records import (
    CLEAR,
    CLOSE,
    ApiInfo,
    CameraStatus,
    CaptureStatus,
    Movie,
    Picture,
    Snap,
    decode_movie,
    decode_partial,
    decode_pictures,
    decode_view_frame,
    encode_movie,
    encode_partial,
    encode_pictures,
    encode_view_frame,
)
from tests.protocols.sigma.payloads import NEWER, SOUND, UNSOUND, of

# capture status


@pytest.mark.parametrize("name", of(SOUND, SigmaOperation.GetCamCaptStatus))
def test_a_capture_status_comes_back(name: str) -> None:
    assert CaptureStatus.decode(memoryview(SOUND[name])).encode() == SOUND[name]


def test_the_notes_shot() -> None:
    shot = CaptureStatus(0, 0, 1, CaptureState.GENERATED, Destination.COMPUTER)
    assert CaptureStatus.decode(SOUND["9015-notes-generated-id00"]) == shot
    assert CaptureStatus.decode(SOUND["9015-notes-stored-id00"]) == replace(shot, state=CaptureState.STORED)
    assert CaptureStatus.decode(SOUND["9015-notes-cleared-id00"]) == CaptureStatus(0, 1, 1)
    assert CaptureStatus.decode(SOUND["9015-notes-cleared-id02"]) == CaptureStatus(2, 1, 1)
    assert CaptureStatus.decode(SOUND["9015-idle-id00"]) == CaptureStatus(0, 0, 0, 0, Destination.COMPUTER)


@pytest.mark.parametrize(
    ("head", "tail", "pending"), [(0, 0, ()), (28, 28, ()), (0, 2, (0, 1)), (27, 2, (27, 28, 0, 1)), (28, 0, (28,))]
)
def test_entries_that_wait(head: int, tail: int, pending: tuple[int, ...]) -> None:
    assert CaptureStatus(0, head, tail).pending() == pending


@pytest.mark.parametrize("name", of(UNSOUND, SigmaOperation.GetCamCaptStatus))
def test_a_capture_status_of_seven_bytes(name: str) -> None:
    assert len(UNSOUND[name]) == 7
    with pytest.raises(RemoteProtocolError):
        CaptureStatus.decode(UNSOUND[name])


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "06 00 00 01 05 00 02 0f",
        "05 00 00 01 05 00 02 0d",
        "07 00 00 01 05 00 02 00 0f",
        "06 1d 00 00 00 00 00 23",
        "06 00 1d 00 00 00 00 23",
        "06 00 00 1d 00 00 00 23",
    ],
)
def test_a_capture_status_that_does_not_add_up(payload: str) -> None:
    with pytest.raises(RemoteProtocolError):
        CaptureStatus.decode(bytes.fromhex(payload))


def test_a_capture_status_that_cannot_be() -> None:
    with pytest.raises(LocalProtocolError):
        CaptureStatus(256, 0, 0).encode()


# snap and the fixed payloads


def test_the_notes_snap() -> None:
    assert Snap(SnapMode.WITHOUT_AF).encode() == SOUND["901B-notes"]
    assert Snap.decode(memoryview(SOUND["901B-notes"])) == Snap(SnapMode.WITHOUT_AF, 1)
    assert Snap.decode(bytes.fromhex("00 20 03 00 00")) == Snap(SnapMode.START_MOVIE, 3)


def test_a_snap_that_is_none() -> None:
    with pytest.raises(RemoteProtocolError):
        Snap.decode(b"\2\2")
    with pytest.raises(LocalProtocolError):
        Snap(256).encode()


def test_payloads_of_zeros() -> None:
    assert bytes.fromhex("00 00 00 00 00 00 00 00") == CLEAR
    assert all(SOUND[name] == CLEAR for name in of(SOUND, SigmaOperation.ClearImageDBSingle))
    assert bytes(10) == CLOSE


# pictures

PICTURE = Picture(0x57000580, 6_497_353, "100SIGMA", "SDIM0001.JPG", "JPG", 6000, 4000)
RAW = Picture(0x58000000, 27_000_000, "100SIGMA", "SDIM0001.DNG", "DNG", 6064, 4042)


@pytest.mark.parametrize("name", of(SOUND, SigmaOperation.GetPictFileInfo2))
def test_a_picture(name: str) -> None:
    assert decode_pictures(memoryview(SOUND[name])) == (PICTURE,)
    assert encode_pictures((PICTURE,)) == SOUND[name]


def test_raw_and_jpeg() -> None:
    payload = encode_pictures((RAW, PICTURE))
    assert struct.unpack_from("<5I", payload) == (len(payload) - 4, 2, 16, 64, RAW.address)
    assert len(payload) % 4 == 0
    assert decode_pictures(payload) == (RAW, PICTURE)


def test_pictures_of_newer_firmware() -> None:
    jpeg = Picture(0x5D500880, 9_184_857, "100SIGMA", "SDIM0005.JPG", "JPG", 6000, 4000)
    following = replace(jpeg, size=9_067_041, name="SDIM0006.JPG")
    raw = Picture(0x621E9000, 28_699_042, "100SIGMA", "SDIM0006.DNG", "DNG", 6064, 4042)
    assert decode_pictures(NEWER["902D-jpeg"]) == (jpeg,)
    assert decode_pictures(NEWER["902D-dng+jpeg"]) == (raw, following)


@pytest.mark.parametrize("name", of(NEWER, SigmaOperation.GetPictFileInfo2))
def test_pictures_come_back_byte_for_byte(name: str) -> None:
    """The padding, too: in the reply of one file it is not zero."""
    pictures = decode_pictures(NEWER[name])
    assert encode_pictures(pictures) == NEWER[name]
    without = tuple(replace(picture, padding=b"") for picture in pictures)
    assert without == pictures
    assert (encode_pictures(without) == NEWER[name]) is (len(pictures) == 2)


def test_padding_of_another_length_is_not_encoded() -> None:
    assert encode_pictures((replace(PICTURE, padding=b"\1\2\3"),)) == SOUND["902D"]
    assert encode_pictures((replace(PICTURE, padding=b"\1\2"),)) == SOUND["902D"][:-2] + b"\1\2"


def test_texts_that_lie_elsewhere() -> None:
    """A record is found by its offset, and its texts by theirs, wherever they are."""
    head = struct.pack("<5I", 0, 2, 0x28, 0x10, 0x57000580)
    other = struct.pack("<5I", 6_497_353, 0x40, 0x49, int.from_bytes(b"JPG\0", "little"), 4000 << 16 | 6000)
    first = struct.pack("<6I", 0x58000000, 7, 0x40, 0x56, int.from_bytes(b"DNG\0", "little"), 4042 << 16 | 6064)
    body = (head + other + first)[4:] + b"100SIGMA\0SDIM0001.JPG\0SDIM0001.DNG\0"
    payload = len(body).to_bytes(4, "little") + body
    assert decode_pictures(payload) == (replace(RAW, size=7), PICTURE)


def test_no_picture() -> None:
    assert encode_pictures(()) == bytes.fromhex("04 00 00 00 00 00 00 00")
    assert decode_pictures(encode_pictures(())) == ()
    assert decode_pictures(bytes(8)) == ()


@pytest.mark.parametrize("name", of(UNSOUND, SigmaOperation.GetPictFileInfo2))
def test_pictures_cut_short(name: str) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_pictures(UNSOUND[name])


@pytest.mark.parametrize("end", [end for end in range(60) if end != 8])
def test_pictures_that_stop_early(end: int) -> None:
    payload = SOUND["902D"][:end]
    with pytest.raises(RemoteProtocolError):
        decode_pictures(payload)
    if end < 58:  # the name's NUL and what is before it
        with pytest.raises(RemoteProtocolError):
            decode_pictures((end - 4 & 0xFFFFFFFF).to_bytes(4, "little") + payload[4:])


@pytest.mark.parametrize(
    ("offset", "value"),
    [
        (0, 57),
        (4, 2),
        (4, 30),
        (4, 0x40000000),
        (8, 40),
        (8, 0xFFFFFFFF),
        (16, MAX_PICTURE + 1),
        (20, 61),
        (24, 0x80000000),
    ],
)
def test_pictures_that_do_not_add_up(offset: int, value: int) -> None:
    payload = bytearray(SOUND["902D"])
    struct.pack_into("<I", payload, offset, value)
    with pytest.raises(RemoteProtocolError):
        decode_pictures(bytes(payload))


@pytest.mark.parametrize(
    "picture",
    [
        replace(PICTURE, size=1 << 32),
        replace(PICTURE, width=65536),
        replace(PICTURE, format="JPEG2"),
        replace(PICTURE, name="a\0b"),
        replace(PICTURE, path="€"),
    ],
)
def test_a_picture_that_cannot_be(picture: Picture) -> None:
    with pytest.raises(LocalProtocolError):
        encode_pictures((picture,))


names = st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=12)
words = st.integers(0, 65535)
pictures = st.builds(
    Picture,
    address=st.integers(0, 2**32 - 1),
    size=st.integers(0, MAX_PICTURE),
    path=names,
    name=names,
    format=st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=4),
    width=words,
    height=words,
    padding=st.binary(max_size=3),
)


@given(st.lists(pictures, max_size=4).map(tuple))
def test_any_pictures_come_back(pictures: tuple[Picture, ...]) -> None:
    payload = encode_pictures(pictures)
    assert decode_pictures(payload) == pictures
    assert encode_pictures(decode_pictures(payload)) == payload


# movies

MOVIE = Movie("MOV", 5_000_000_000, "CINEMA", "A001_002_20240504.MOV")


def test_a_movie() -> None:
    payload = encode_movie(MOVIE)
    assert struct.unpack_from("<QQ8sQ", payload, 8) == (1, 24, b"MOV\0\0\0\0\0", MOVIE.size)
    assert decode_movie(memoryview(payload)) == MOVIE


def test_movies_of_newer_firmware() -> None:
    assert decode_movie(NEWER["9036-mov"]) == Movie("MOV", 19_069_480, "CINEMA", "A001_027_20260802.MOV")
    assert decode_movie(NEWER["9036-none"]) is None


@pytest.mark.parametrize("name", of(NEWER, SigmaOperation.GetMovieFileInfo))
def test_movies_come_back_byte_for_byte(name: str) -> None:
    assert encode_movie(decode_movie(NEWER[name])) == NEWER[name]


def test_no_movie() -> None:
    assert encode_movie(None) == bytes((16, *bytes(15)))
    assert decode_movie(bytes(16)) is None


@pytest.mark.parametrize("end", [*range(16), 20, 30, 55, 64, 77])
def test_a_movie_that_stops_early(end: int) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_movie(encode_movie(MOVIE)[:end])


def test_a_movie_that_lies_elsewhere() -> None:
    payload = encode_movie(MOVIE)
    with pytest.raises(RemoteProtocolError):
        decode_movie(payload[:16] + b"\xff" * 8 + payload[24:])
    with pytest.raises(RemoteProtocolError):
        decode_movie(payload[:40] + b"\xff" * 8 + payload[48:])
    with pytest.raises(LocalProtocolError):
        encode_movie(replace(MOVIE, size=1 << 64))


# picture data


def test_picture_data() -> None:
    assert encode_partial(b"\xff\xd8", check=False) == bytes.fromhex("02 00 00 00 ff d8")
    assert encode_partial(memoryview(b"\xff\xd8")) == bytes.fromhex("02 00 00 00 ff d8 d9")
    assert encode_partial(b"") == bytes(5)
    for check in (True, False):
        assert bytes(decode_partial(encode_partial(b"\xff\xd8", check))) == b"\xff\xd8"
    assert bytes(decode_partial(bytes.fromhex("01 00 00 00 07") + bytes(64))) == b"\7"
    assert bytes(decode_partial(memoryview(bytes(4)))) == b""


@pytest.mark.parametrize("payload", ["", "00", "00 00 00", "01 00 00 00", "ff ff ff ff 00"])
def test_picture_data_that_stop_early(payload: str) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_partial(bytes.fromhex(payload))


# view frame


def test_a_view_frame() -> None:
    jpeg = bytes.fromhex("ff d8 ff da 00 ff d9 00 ff d9")
    assert encode_view_frame(jpeg) == bytes(10) + jpeg
    for frame in (encode_view_frame(jpeg), jpeg, b"\xff" * 3 + jpeg + b"\0\1"):
        assert decode_view_frame(memoryview(frame)) == jpeg


def test_a_view_frame_without_an_end_or_a_picture() -> None:
    assert decode_view_frame(bytes.fromhex("00 ff d9 ff d8 01")) == bytes.fromhex("ff d8 01")
    assert decode_view_frame(bytes(10)) is None
    assert decode_view_frame(b"") is None


# ConfigApi and the camera's status


def test_the_dumps_blob() -> None:
    info = ApiInfo.decode(memoryview(SOUND["9035"]))
    assert (info.model, info.serial, info.firmware) == ("SIGMA fp", "91403727", "V84")
    assert info.version == pytest.approx(1.24)
    assert info.encode() == SOUND["9035"]
    assert replace(info, version=1.24).encode() == SOUND["9035"]


def test_a_blob_without_entries() -> None:
    assert ApiInfo.decode(SOUND["9039"]) == ApiInfo("", "", "", 0.0)
    with pytest.raises(LocalProtocolError):
        ApiInfo("€", "", "", 0.0).encode()


SIX_OPEN = (0x9013, 0x9014, 0x9015, 0x9023, 0x9027, 0x902E)


def test_six_groups_open() -> None:
    assert CameraStatus.decode(memoryview(SOUND["902C-six-open"])) == CameraStatus(SIX_OPEN)
    assert CameraStatus(SIX_OPEN).encode() == SOUND["902C-six-open"]


@pytest.mark.parametrize(("count", "length", "first"), [(0, 0x44, 72), (2, 0x44, 72), (3, 0x4A, 78), (4, 0x4C, 80)])
def test_sizes_of_the_status(count: int, length: int, first: int) -> None:
    payload = CameraStatus(SIX_OPEN[:count]).encode()
    assert struct.unpack_from("<I", payload) == (length,)
    assert struct.unpack_from("<I", payload, 16) == (first,)
    assert CameraStatus.decode(payload) == CameraStatus(SIX_OPEN[:count])


def test_a_status_with_whole_groups() -> None:
    status = CameraStatus((0x902E,), {0x9013: SOUND["9013-notes"], 0x9029: SOUND["9029"]})
    payload = status.encode()
    assert struct.unpack_from("<I", payload, 16) == (len(payload) - 1,)
    assert CameraStatus.decode(payload) == status


def test_a_status_that_cannot_be() -> None:
    with pytest.raises(LocalProtocolError):
        CameraStatus((65536,)).encode()
    with pytest.raises(RemoteProtocolError):
        CameraStatus.decode(SOUND["902C-six-open"][:-1])


@given(st.binary(max_size=80), st.integers(0, 3))
def test_random_bytes(noise: bytes, count: int) -> None:
    body = (len(noise) + 4).to_bytes(4, "little") + count.to_bytes(4, "little") + noise
    wide = (len(noise)).to_bytes(8, "little") + count.to_bytes(8, "little") + (24).to_bytes(8, "little") + noise
    for payload in (noise, body, body + bytes((sum(body) & 0xFF,)), wide):
        for decode in (
            CaptureStatus.decode,
            Snap.decode,
            decode_pictures,
            decode_movie,
            decode_partial,
            decode_view_frame,
            ApiInfo.decode,
            CameraStatus.decode,
        ):
            with suppress(RemoteProtocolError):
                decode(payload)
