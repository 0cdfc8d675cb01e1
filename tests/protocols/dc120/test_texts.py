"""Album names, user name, paths: the protocol document's extra data as texts."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.errors import InvalidValue, LocalProtocolError, RemoteProtocolError
from camfs.protocols.dc120.commands import Code
from camfs.protocols.dc120.frames import checksum
from camfs.protocols.dc120.texts import AlbumNames, decode_path, encode_user_name
from tests.protocols.dc120.test_frames import EXTRA_DATA

DEFAULT = tuple(f"ALBUM {number}" for number in range(1, 9))
CARD_LIST, MEMORY_LIST = r"\PCCARD\DC120IMG\ALBUM.CTL", r"\MEMORY\ALBUM.CTL"


def payload(name: str) -> bytes:
    """Return the payload of an example of the protocol document."""
    return bytes.fromhex(EXTRA_DATA[name])[1:-1]


def test_the_album_names_of_the_protocol_document() -> None:
    example = AlbumNames.decode(payload("42"))
    assert example.names == DEFAULT
    assert example.encode() == payload("42")
    assert AlbumNames.of(DEFAULT).encode() == payload("42")[:120] + bytes(136)
    assert checksum(AlbumNames.of(DEFAULT).encode()) == 0x08


def test_an_album_is_renamed() -> None:
    before = AlbumNames.decode(payload("42"))
    after = before.renamed(2, "Holiday")
    assert after.names == ("ALBUM 1", "Holiday", *DEFAULT[2:])
    assert after.fields[0] == before.fields[0]
    assert after.rest == bytes(136)
    strange = AlbumNames((b"\xfc" * 15, *before.fields[1:]))
    assert strange.renamed(2, "Holiday").names[0] == "\xfc" * 15


def test_the_lengths_of_album_names() -> None:
    assert AlbumNames.of(["", "x" * 14, *DEFAULT[2:]]).names[:2] == ("", "x" * 14)
    for name in ("x" * 15, "Fête", "a\nb", "a\0b"):
        with pytest.raises(InvalidValue):
            AlbumNames.of([name, *DEFAULT[1:]])
    with pytest.raises(LocalProtocolError):
        AlbumNames.of(DEFAULT[:7])


def test_the_user_name_of_the_protocol_document() -> None:
    assert encode_user_name("Chris Studholme (780) 484-8942") == payload("9E")
    assert encode_user_name("x" * 57) == b"x" * 57 + b"\0"
    with pytest.raises(InvalidValue):
        encode_user_name("x" * 58)


@pytest.mark.parametrize(
    ("name", "code", "path"),
    [
        ("99 album list on the card", Code.UNKNOWN_99, CARD_LIST),
        ("99 album list in memory", Code.UNKNOWN_99, MEMORY_LIST),
        ("99 memory", Code.UNKNOWN_99, r"\MEMORY"),
        ("99 card", Code.UNKNOWN_99, r"\PCCARD\DC120IMG"),
        ("9A album list on the card", Code.UNKNOWN_9A, CARD_LIST),
        ("9A album list in memory", Code.UNKNOWN_9A, MEMORY_LIST),
    ],
)
def test_the_paths_of_the_protocol_document(name: str, code: Code, path: str) -> None:
    assert decode_path(code, payload(name)) == path


def test_the_length_of_a_path() -> None:
    assert decode_path(Code.UNKNOWN_9A, b"x" * 48 + b"\xff" * 18) == "x" * 48


@given(st.binary(min_size=256, max_size=256))
def test_any_album_names_come_back(data: bytes) -> None:
    assert AlbumNames.decode(data).encode() == data
    assert all(isinstance(name, str) for name in AlbumNames.decode(data).names)


@pytest.mark.parametrize(
    "decode",
    [
        AlbumNames.decode,
        lambda data: decode_path(Code.UNKNOWN_99, data),
        lambda data: decode_path(Code.UNKNOWN_9A, data),
    ],
)
@pytest.mark.parametrize("size", [0, 1, 57, 59, 65, 67, 255, 257])
def test_texts_of_another_length(decode: Callable[[bytes], object], size: int) -> None:
    with pytest.raises(RemoteProtocolError):
        decode(bytes(size))
