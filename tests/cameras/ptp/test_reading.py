"""Reading objects, in parts and of what is received whole: short answers, behind 4 GiB, wrong sizes; and thumbnails."""

from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.api import Entry, EntryChanged
from camfs.cameras.ptp import downloads, parts, reading
from camfs.cameras.ptp.parts import PIECE
from camfs.protocols.ptp.codes import Operation
from camfs.virtual.ptp.faults import ClaimedSizes, FaultKind, PastEnd
from camfs.virtual.ptp.operations import get_object
from tests.cameras.rig import Rig, add, add_counting, rigged
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


# ---------------------------------------------------------------------- behind what parts reach


@pytest.fixture
def short_reach(monkeypatch: pytest.MonkeyPatch) -> int:
    """Let GetPartialObject reach 12 MiB, so that what lies behind is quickly received."""
    reach = 12 << 20
    for module in (parts, reading):
        monkeypatch.setattr(module, "REACH", reach)
    return reach


async def copied(rig: Rig, entry: Entry, offset: int = 0) -> bytes:
    """Read a file to its end as the block cache does for who copies it."""
    pieces = []
    while piece := await rig.camera.read(entry, offset, 1 << 20):
        pieces.append(bytes(piece))
        offset += len(piece)
    await rig.camera.release(entry)
    return b"".join(pieces)


async def test_a_copy_that_parts_do_not_reach_is_received_once(short_reach: int, autojump_clock: MockClock) -> None:
    """From its first byte on, as soon as it is seen to be a copy; so its reader waits for nothing at the border."""
    async with rigged(operations="-95C1") as rig:
        content = add_counting(rig, 2 * short_reach + 5)
        entry = await rig.entry("A.MOV")
        assert await copied(rig, entry) == content.read(0, content.size)
        assert rig.count(Operation.GetObject) == 1
        assert rig.count(Operation.GetPartialObject) <= downloads.COPYING >> 20


async def test_a_copy_that_parts_reach_is_read_in_parts(short_reach: int, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        content = add_counting(rig, 2 * short_reach + 5)
        entry = await rig.entry("A.MOV")
        assert await copied(rig, entry) == content.read(0, content.size)
        assert "GetObject" not in rig.operations()


async def test_a_place_that_parts_do_not_reach(short_reach: int, autojump_clock: MockClock) -> None:
    """What lies before it is received and not kept; later places come from the same transfer."""
    async with rigged(operations="-95C1") as rig:
        content = add_counting(rig, 3 * short_reach + 5)
        entry = await rig.entry("A.MOV")
        for offset in (short_reach + 10, 2 * short_reach, short_reach, 3 * short_reach - 95, 10, short_reach - 50):
            assert await rig.camera.read(entry, offset, 100) == content.read(offset, 100)
        assert rig.count(Operation.GetObject) == 1


async def test_a_copy_from_a_place_that_parts_do_not_reach(short_reach: int, autojump_clock: MockClock) -> None:
    async with rigged(operations="-95C1") as rig:
        content = add_counting(rig, 3 * short_reach + 5)
        entry = await rig.entry("A.MOV")
        start = short_reach + 12345
        assert await copied(rig, entry, start) == content.read(start, content.size)
        assert rig.count(Operation.GetObject) == 1


async def test_5_gigabytes_on_a_camera_whose_parts_reach_4(autojump_clock: MockClock) -> None:
    async with rigged(operations="-95C1") as rig:
        add(rig, "A.MOV", Zeros(5 * GIB))
        entry = await rig.entry("A.MOV")
        assert await rig.camera.read(entry, 5 * GIB - 50, 100) == bytes(50)
        assert await rig.camera.read(entry, 4 * GIB - 50, 100) == bytes(100)
        assert [name for name in rig.operations() if name.startswith("GetO") and name != "GetObjectInfo"].count(
            "GetObject"
        ) == 1


async def test_a_transfer_is_stopped_for_reads_elsewhere(autojump_clock: MockClock) -> None:
    """It was begun to learn the size; the reader wants the index at the end of a movie."""
    async with rigged(operations="-9803,-9805", bandwidth="10000000", listening=False) as rig:
        rig.body.quirks.claimed_sizes = ClaimedSizes.ZERO
        content = add_counting(rig, GIB)
        entry = await rig.camera.measure(await rig.entry("A.MOV"), reading=True)
        assert await rig.camera.read(entry, 0, 1000) == content.read(0, 1000)
        assert await rig.camera.read(entry, GIB - 1000, 1000) == content.read(GIB - 1000, 1000)
        assert trio.current_time() < 5
        assert [record.result for record in rig.body.trace.records if record.operation == "GetObject"] == ["cancelled"]


async def test_a_transfer_that_serves_a_copy_is_not_stopped(short_reach: int, autojump_clock: MockClock) -> None:
    async with rigged(operations="-95C1", bandwidth="10000000", listening=False) as rig:
        content = add_counting(rig, 60 << 20)
        entry = await rig.entry("A.MOV")

        async def copy() -> None:
            assert await copied(rig, entry) == content.read(0, content.size)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(copy)
            await trio.sleep(3)
            assert await rig.camera.read(entry, 50 << 20, 100) == content.read(50 << 20, 100)
        assert rig.count(Operation.GetObject) == 1


# ---------------------------------------------------------------------- objects that are larger than the camera says


async def test_a_reader_of_too_small_a_size_gets_an_error_at_the_end(autojump_clock: MockClock) -> None:
    """The size is corrected at once, so that the next one gets all."""
    async with rigged(operations=WHOLE_ONLY + ",-9805,-9803", bandwidth="1000000") as rig:
        content = add_counting(rig, 3 << 20, "A.JPG", claimed_size=1 << 20)
        await rig.entries(None)
        entry = await rig.entry("A.JPG")
        assert (entry.size, entry.size_is_exact) == (1 << 20, True)
        assert await rig.camera.read(entry, 0, 1000) == content.read(0, 1000)
        with pytest.raises(errors.RemoteProtocolError):
            await rig.camera.read(entry, (1 << 20) - 1000, 1000)
        assert EntryChanged(entry.key) in rig.changes()
        await rig.camera.release(entry)
        better = await rig.entry("A.JPG")
        assert (better.size, better.size_is_exact) == (3 << 20, True)
        assert await copied(rig, better) == content.read(0, 3 << 20)


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
