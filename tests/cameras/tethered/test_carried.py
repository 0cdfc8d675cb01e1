"""Thumbnails out of the files of shots: how much of them is read, and what carries none."""

import pytest
import trio

from camfs import errors
from camfs.cameras.api import Entry
from camfs.cameras.tethered.carried import MOST, PIECE, carried_thumbnail
from camfs.protocols.embedded import HEAD_SIZE
from camfs.virtual.pictures.generated import generated_shots, jpeg, thumbnail

SHOT = generated_shots(1)[0]


class Shelf:
    """A file that is read in pieces, never more than `gives` bytes at once."""

    def __init__(self, data: bytes, gives: int = PIECE) -> None:
        self.data = data
        self.gives = gives
        self.read_to = 0
        self.entry = Entry("X.JPG", "X.JPG", "1", False, len(data), is_picture=True)

    async def read(self, entry: Entry, offset: int, size: int) -> bytes:
        await trio.lowlevel.checkpoint()
        assert size <= PIECE
        self.read_to = max(self.read_to, offset + size)
        return self.data[offset : offset + min(size, self.gives)]


@pytest.mark.parametrize("gives", [PIECE, 1000])
async def test_the_beginning_is_enough(gives: int) -> None:
    shelf = Shelf(jpeg(SHOT) + bytes(1 << 20), gives)
    assert await carried_thumbnail(shelf.entry, shelf.read) == thumbnail(SHOT)
    assert shelf.read_to == HEAD_SIZE


@pytest.mark.parametrize("size", [0, 3, 5000, HEAD_SIZE, HEAD_SIZE + 1, 3 << 20])
async def test_a_file_that_carries_none_is_read_to_its_end(size: int) -> None:
    shelf = Shelf(bytes(size))
    with pytest.raises(errors.NoData):
        await carried_thumbnail(shelf.entry, shelf.read)
    assert shelf.read_to == size


async def test_no_more_is_read_than_a_picture_may_have() -> None:
    shelf = Shelf(bytes(MOST + PIECE))
    with pytest.raises(errors.NoData):
        await carried_thumbnail(shelf.entry, shelf.read)
    assert shelf.read_to == MOST


async def test_a_failure_is_passed_on() -> None:
    async def read(entry: Entry, offset: int, size: int) -> bytes:
        raise errors.NotFound("gone")

    with pytest.raises(errors.NotFound):
        await carried_thumbnail(Shelf(b"x").entry, read)
