"""The TIFF writer and reader, on their own."""

import struct
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from camfs.protocols import tiff
from camfs.protocols.tiff import Data, Tag


def test_writes_the_bytes_of_the_standard() -> None:
    encoded = tiff.encode({Tag.Make: "SIGMA", Tag.Orientation: 1, Tag.ExposureTime: Fraction(1, 125)})
    assert encoded.hex(" ", 2) == (
        "4949 2a00 0800 0000 0300"  # II, 42, IFD0 at 8, three entries
        " 0f01 0200 0600 0000 3200 0000"  # 271 ASCII x 6 at 50
        " 1201 0300 0100 0000 0100 0000"  # 274 SHORT x 1 = 1
        " 9a82 0500 0100 0000 3800 0000"  # 33434 RATIONAL x 1 at 56
        " 0000 0000"  # no next directory
        " 5349 474d 4100 0100 0000 7d00 0000"  # SIGMA, 1/125
    )


def test_data_comes_last_and_shortest_first() -> None:
    encoded = tiff.encode(
        {
            Tag.StripOffsets: Data(b"R" * 101),
            Tag.SubIFDs: {Tag.StripOffsets: Data(b"T" * 9)},
            Tag.Model: "SIGMA fp",
        }
    )
    assert encoded.endswith(b"T" * 9 + b"\0" + b"R" * 101)
    first, second = tiff.directories(encoded)
    (long,), (short,) = first[Tag.StripOffsets.number], second[Tag.StripOffsets.number]
    assert (encoded[long], encoded[short]) == (ord("R"), ord("T"))
    assert long % 2 == short % 2 == 0


def test_reads_the_chain_and_the_values() -> None:
    encoded = tiff.encode({Tag.BitsPerSample: (8, 8, 8), Tag.Make: "SIGMA"}, {Tag.ImageWidth: 70000})
    assert list(tiff.directories(encoded)) == [{258: (8, 8, 8)}, {256: (70000,)}]


def test_reads_big_endian() -> None:
    encoded = struct.pack(">2sHI H HHIHH I", b"MM", 42, 8, 1, 259, 3, 1, 6, 0, 0)
    assert list(tiff.directories(encoded)) == [{259: (6,)}]


def test_a_loop_of_directories_is_read_once() -> None:
    itself = struct.pack("<2sHI H HHII I", b"II", 42, 8, 1, 330, 4, 1, 8, 8)
    assert list(tiff.directories(itself)) == [{330: (8,)}]


def test_an_endless_chain_is_cut() -> None:
    chain = b"II*\0\x08\0\0\0" + b"".join(struct.pack("<HI", 0, 14 + 6 * n) for n in range(1000))
    assert list(tiff.directories(chain)) == [{}] * tiff.MAX_DIRECTORIES


@given(st.binary(max_size=400), st.sampled_from([b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"]))
def test_garbage_after_a_header_never_raises(garbage: bytes, header: bytes) -> None:
    assert len(list(tiff.directories(header + garbage))) <= tiff.MAX_DIRECTORIES
