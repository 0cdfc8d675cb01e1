"""Reading objects in parts: short answers, beyond 4 GiB, refused operations, wrong sizes; and thumbnails."""

from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.ptp.reading import PIECE
from camfs.protocols.ptp.codes import Operation, ResponseCode
from camfs.virtual.ptp.faults import FaultKind, PastEnd
from camfs.virtual.ptp.operations import get_object
from tests.cameras.rig import add, add_counting, rigged
from tests.zeros import Zeros

JPEG = b"\xff\xd8\xff\xe0 a thumbnail \xff\xd9"

GIB = 1 << 30
WHOLE_ONLY = "-GetPartialObject,-GetPartialObject64"


# ---------------------------------------------------------------------- in parts


@pytest.mark.parametrize("packet", ["64", "512", "1024"])
@pytest.mark.parametrize(
    "size",
    [0, 1, 511, 512, 513, 1024 - 12, 512 - 12, 512 - 13, 512 - 11, (1 << 20) - 12, 1 << 20, (1 << 20) + 1, 3 << 20],
)
async def test_whole_files(size: int, packet: str, autojump_clock: MockClock) -> None:
    async with rigged(packet=packet) as rig:
        content = add_counting(rig, size)
        entry = await rig.entry("A.MOV")
        rig.operations()
        assert await rig.camera.read(entry, 0, size + 10) == content.read(0, size)
        assert rig.operations() == ["GetPartialObject"] * -(-size // PIECE)


@pytest.mark.parametrize(
    "quirk", ["split_header", "joined_response", "zero_data_header", "consecutive_ids", "zero_close_response"]
)
@pytest.mark.parametrize("size", [100, 512 - 12, 1024, (1 << 20) - 12, (1 << 20) + 5])
async def test_cameras_that_frame_otherwise(quirk: str, size: int, autojump_clock: MockClock) -> None:
    async with rigged(quirks=[quirk]) as rig:
        content = add_counting(rig, size)
        entry = await rig.entry("A.MOV")
        for _ in range(3):
            assert await rig.camera.read(entry, 0, size) == content.read(0, size)
        assert rig.camera.epoch == 0


@pytest.mark.parametrize("surplus", [1, 11])
@pytest.mark.parametrize("size", [100, 512 - 12, 1024])
async def test_nonsense_behind_the_data(surplus: int, size: int, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        rig.body.quirks.surplus = surplus
        content = add_counting(rig, size)
        entry = await rig.entry("A.MOV")
        assert await rig.camera.read(entry, 0, size) == content.read(0, size)
        assert trio.current_time() == 0


@pytest.mark.parametrize("size", [512 - 12, 1024 - 12, (1 << 20) - 12])
async def test_without_zero_length_packets(size: int, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        rig.body.quirks.zero_length_packets = False
        content = add_counting(rig, size)
        entry = await rig.entry("A.MOV")
        for _ in range(3):
            assert await rig.camera.read(entry, 0, size) == content.read(0, size)
        assert trio.current_time() == 0


@pytest.mark.parametrize(("offset", "size"), [(0, 1), (1, 1), (999, 1), (500, 400), (990, 100), (1000, 5), (2000, 5)])
async def test_parts(offset: int, size: int, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        content = add_counting(rig, 1000)
        rig.body.quirks.past_end = PastEnd.HANGS  # what is asked must lie within the object
        entry = await rig.entry("A.MOV")
        assert await rig.camera.read(entry, offset, size) == content.read(offset, size)
        assert trio.current_time() == 0


@pytest.mark.parametrize("most", [1, 100, 65536])
async def test_short_answers_are_gone_on_from(most: int, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        rig.body.quirks.max_partial = most
        size = 30 * most + 7
        content = add_counting(rig, size)
        entry = await rig.entry("A.MOV")
        assert await rig.camera.read(entry, 3, size) == content.read(3, size)
        assert rig.count(Operation.GetPartialObject) == -(-(size - 3) // most)


async def test_no_bytes_before_the_end_are_an_end(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        content = add_counting(rig, 1000)
        rig.body.quirks.past_end = PastEnd.EMPTY
        entry = replace(await rig.entry("A.MOV"), size=5000)
        assert await rig.camera.read(entry, 500, 4500) == content.read(500, 500)
        assert await rig.camera.read(entry, 2000, 100) == b""


@pytest.mark.parametrize("past_end", list(PastEnd))
async def test_a_size_that_is_too_large(past_end: PastEnd, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        content = add_counting(rig, 1000, claimed_size=5000)
        rig.body.quirks.past_end = past_end
        entry = await rig.entry("A.MOV")
        assert entry.size == 5000
        assert await rig.camera.read(entry, 0, 1000) == content.read(0, 1000)
        with trio.fail_after(40):
            try:
                assert await rig.camera.read(entry, 2000, 100) == b""
            except errors.CameraError:
                assert past_end is not PastEnd.EMPTY
        assert await rig.camera.read(entry, 0, 1000) == content.read(0, 1000)


async def test_a_size_that_is_too_small(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        content = add_counting(rig, 5000, claimed_size=1000)
        entry = await rig.entry("A.MOV")
        assert await rig.camera.read(entry, 0, 9000) == content.read(0, 1000)


async def test_more_bytes_than_were_asked_for_are_an_error(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        content = add_counting(rig, 5000)
        entry = await rig.entry("A.MOV")
        rig.fail(FaultKind.BAD_DATASET, Operation.GetPartialObject, times=None, data=bytes(101))
        with pytest.raises(errors.RemoteProtocolError):
            await rig.camera.read(entry, 0, 100)
        rig.body.faults.clear()
        assert await rig.camera.read(entry, 0, 100) == content.read(0, 100)


async def test_a_slow_line_needs_no_more_patience(autojump_clock: MockClock) -> None:
    """What counts is a second without a byte, not how long a megabyte takes."""
    async with rigged(bandwidth="150000") as rig:
        content = add_counting(rig, 2 << 20)
        entry = await rig.entry("A.MOV")
        assert await rig.camera.read(entry, 0, 2 << 20) == content.read(0, 2 << 20)
        assert rig.camera.epoch == 0
        assert rig.count(Operation.GetPartialObject) == 2


# ---------------------------------------------------------------------- beyond 4 GiB


EDGES = [0, 4 * GIB - 100, 4 * GIB - 50, 4 * GIB, 4 * GIB + 1, 5 * GIB - 60]


@pytest.mark.parametrize("offset", EDGES)
async def test_beyond_four_gigabytes(offset: int, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        content = add_counting(rig, 5 * GIB)
        entry = await rig.entry("A.MOV")
        rig.operations()
        assert await rig.camera.read(entry, offset, 100) == content.read(offset, 100)
        assert rig.operations() == ["GetPartialObject" if offset + 100 <= 4 * GIB else "GetPartialObject64"]


@pytest.mark.parametrize("offset", EDGES)
async def test_with_the_large_operation_only(offset: int, autojump_clock: MockClock) -> None:
    async with rigged(operations="-GetPartialObject") as rig:
        content = add_counting(rig, 5 * GIB)
        entry = await rig.entry("A.MOV")
        assert await rig.camera.read(entry, offset, 100) == content.read(offset, 100)


@pytest.mark.parametrize("offset", EDGES)
async def test_without_the_large_operation(offset: int, autojump_clock: MockClock) -> None:
    async with rigged(operations="-GetPartialObject64") as rig:
        content = add_counting(rig, 5 * GIB)
        entry = await rig.entry("A.MOV")
        if offset + 100 <= 4 * GIB:
            assert await rig.camera.read(entry, offset, 100) == content.read(offset, 100)
        else:
            with pytest.raises(errors.TooLarge):
                await rig.camera.read(entry, offset, 100)
        assert "GetObject" not in rig.operations()


async def test_the_end_of_a_file_whose_size_cannot_be_had(autojump_clock: MockClock) -> None:
    async with rigged(operations="-9803,-9805,-GetPartialObject64") as rig:
        content = add_counting(rig, 5 * GIB)
        entry = await rig.entry("A.MOV")
        assert not entry.size_is_exact
        for offset in (0, 1 * GIB, 4 * GIB - 1000):
            assert await rig.camera.read(entry, offset, 100) == content.read(offset, 100)
        for offset in (entry.size - 100, entry.size - 1):
            with pytest.raises(errors.TooLarge):
                await rig.camera.read(entry, offset, 100)


# ---------------------------------------------------------------------- operations that are listed and refused


@pytest.mark.parametrize("passed", [0, 1, 2])
async def test_a_partial_read_that_is_refused_falls_back_to_the_whole(passed: int, autojump_clock: MockClock) -> None:
    async with rigged(operations="-GetPartialObject64") as rig:
        size = 3 * PIECE + 5
        content = add_counting(rig, size)
        entry = await rig.entry("A.MOV")
        rig.fail(FaultKind.REFUSE, Operation.GetPartialObject, times=None, skip=passed, code=0x2005)
        assert await rig.camera.read(entry, 0, size) == content.read(0, size)
        rig.operations()
        assert await rig.camera.read(entry, 7, size) == content.read(7, size)
        assert rig.operations() == []


async def test_a_partial_read_that_is_refused_falls_back_to_the_large_one(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        content = add_counting(rig, 5000)
        entry = await rig.entry("A.MOV")
        rig.fail(FaultKind.REFUSE, Operation.GetPartialObject, times=None, code=ResponseCode.OperationNotSupported)
        assert await rig.camera.read(entry, 5, 5000) == content.read(5, 5000)
        assert await rig.camera.read(entry, 6, 10) == content.read(6, 10)
        assert rig.count(Operation.GetPartialObject) == 1
        assert rig.count(Operation.GetPartialObject64) == 2


async def test_a_refused_large_read_is_an_error_at_that_point(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        content = add_counting(rig, 5 * GIB)
        entry = await rig.entry("A.MOV")
        rig.fail(FaultKind.REFUSE, Operation.GetPartialObject64, times=None, code=ResponseCode.OperationNotSupported)
        with pytest.raises(errors.TooLarge):
            await rig.camera.read(entry, 4 * GIB, 100)
        assert await rig.camera.read(entry, 4 * GIB - 100, 100) == content.read(4 * GIB - 100, 100)


# ---------------------------------------------------------------------- thumbnails


async def test_thumbnails(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        add(rig, "A.JPG", thumbnail=JPEG)
        add(rig, "B.JPG", thumbnail=b"")
        with_one, without = sorted(await rig.entries(), key=lambda entry: entry.name)
        assert await rig.camera.thumbnail(with_one) == JPEG
        with pytest.raises(errors.NoData):
            await rig.camera.thumbnail(without)


async def test_a_thumbnail_of_a_gigabyte(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        file = add(rig, "A.JPG", Zeros(GIB), thumbnail=JPEG)
        entry = await rig.entry("A.JPG")
        rig.body.override(Operation.GetThumb, get_object)
        with pytest.raises(errors.RemoteProtocolError):
            await rig.camera.thumbnail(entry)
        assert rig.body.usb.moved < 64 << 20
        assert file.thumbnail == JPEG
        assert await rig.names() == ["A.JPG"]
