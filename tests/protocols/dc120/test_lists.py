"""Lists of files: counts, entries, and the three layouts of long lists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.dc120.frames import checksum
from camfs.protocols.dc120.lists import (
    FileEntry,
    ListLayout,
    count_in_list,
    decode_count,
    decode_list,
    encode_count,
    encode_list,
    list_layout,
    packets_in_list,
)

SAMPLES = [("P002032.KDC", 72240), ("P002033.KDC", 101750), ("P002034.KDC", 191912), ("P002035.KDC", 843328)]
entries = st.builds(
    FileEntry,
    st.binary(min_size=12, max_size=12).filter(lambda name: name[0] != 0),
    st.integers(0, 0xFFFFFFFF),
    st.binary(min_size=4, max_size=4),
)


def made(count: int) -> list[FileEntry]:
    """Return a list of so many files."""
    return [FileEntry.named(f"P{number:06}.KDC", 1000 + number) for number in range(count)]


@pytest.mark.parametrize(
    ("count", "payload", "xor"),
    [(4, "00000004 00000000 00000000 00000000", 4), (258, "00000102 00000000 00000000 00000000", 3)],
)
def test_the_number_of_files(count: int, payload: str, xor: int) -> None:
    data = bytes.fromhex(payload)
    assert encode_count(count) == data
    assert decode_count(data) == count
    assert checksum(data) == xor


@pytest.mark.parametrize("size", [0, 15, 17])
def test_a_number_of_files_of_another_length(size: int) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_count(bytes(size))


def test_an_entry() -> None:
    (payload,) = encode_list([FileEntry.named(*SAMPLES[0])])
    assert payload[:22] == bytes.fromhex("0001 50303032303332 20 4B4443 00 00000000 00011A30")
    assert not any(payload[22:])


@pytest.mark.parametrize(("dotted", "xors"), [(False, (0x15, 0xAD, 0x00)), (True, (0x1B, 0xA3, 0x00))])
def test_the_checksums_of_lists(dotted: bool, xors: tuple[int, ...]) -> None:
    for count, xor in zip((1, 3, 4), xors, strict=True):
        files = [FileEntry.named(name, size, dotted=dotted) for name, size in SAMPLES[:count]]
        (payload,) = encode_list(files)
        assert checksum(payload) == xor
        assert [(entry.name, entry.size) for entry in decode_list([payload])] == SAMPLES[:count]


@pytest.mark.parametrize(
    ("field", "name"),
    [
        (b"P002032 KDC\0", "P002032.KDC"),
        (b"P002032.KDC\0", "P002032.KDC"),
        (b"P002032\0KDC\x20", "P002032.KDC"),
        (b"P0020321KDC\x20", "P0020321.KDC"),
        (b"P1      KDC\0", "P1.KDC"),
        (b"ABC     K  \0", "ABC.K"),
        (b"ABC        \0", "ABC"),
        (b"\0\0\0\0\0\0\0\0\0\0\0\0", ""),
        (b"\xff/..  \n \x80\0\0\0", "\xff/.\x80"),
    ],
)
def test_names(field: bytes, name: str) -> None:
    assert FileEntry(field, 0).name == name


@pytest.mark.parametrize("name", ["P00203212.KDC", "P002032.JPEG"])
def test_names_that_no_list_can_hold(name: str) -> None:
    with pytest.raises(LocalProtocolError):
        FileEntry.named(name, 0)


@pytest.mark.parametrize(
    ("count", "paged", "stream"),
    [(0, 1, 1), (1, 1, 1), (12, 1, 1), (13, 2, 2), (25, 3, 2), (26, 3, 3), (38, 4, 3), (64, 6, 6), (100, 9, 8)],
)
def test_packets_of_long_lists(count: int, paged: int, stream: int) -> None:
    files = made(count)
    for listing, packets in [(ListLayout.PAGED, paged), (ListLayout.STREAM, stream)]:
        payloads = encode_list(files, listing)
        assert len(payloads) == packets_in_list(payloads[0]) == packets
        assert count_in_list(payloads[0]) == count
        assert decode_list(payloads) == files
        if count > 12:
            assert list_layout(payloads[0]) is listing


@pytest.mark.parametrize("count", [13, 25, 100])
def test_a_list_cut_after_its_first_packet(count: int) -> None:
    (payload,) = encode_list(made(count), ListLayout.SINGLE)
    assert count_in_list(payload) == count
    assert decode_list([payload]) == made(12)
    assert decode_list(encode_list(made(count), ListLayout.STREAM)[:1]) == made(12)


@pytest.mark.parametrize("listing", [ListLayout.PAGED, ListLayout.STREAM])
@given(files=st.lists(entries, max_size=60))
def test_any_list_comes_back(listing: ListLayout, files: list[FileEntry]) -> None:
    payloads = encode_list(files, listing)
    assert decode_list(payloads) == files
    assert encode_list(decode_list(payloads), listing) == payloads


@given(st.lists(st.binary(min_size=256, max_size=256), min_size=1, max_size=5))
def test_any_packets_are_a_list(payloads: list[bytes]) -> None:
    files = decode_list(payloads)
    assert len(files) <= count_in_list(payloads[0])
    assert all(isinstance(entry.name, str) for entry in files)


@pytest.mark.parametrize("payloads", [[], [bytes(255)], [bytes(256), bytes(1024)]])
def test_packets_that_are_no_list(payloads: list[bytes]) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_list(payloads)
