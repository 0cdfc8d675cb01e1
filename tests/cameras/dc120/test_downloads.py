"""Pictures as the DC120's driver reads them: shared by readers, short on a slow line, thumbnails, damaged headers."""

import pytest
import trio
import trio.testing

from camfs import errors
from camfs.cameras.dc120.downloads import GOES_ON
from camfs.protocols.dc120.commands import Code
from camfs.virtual.dc120 import FaultKind
from tests.cameras.dc120.rig import picture, rigged, showing, stored


async def test_a_damaged_picture_can_be_read(jumping_clock: trio.testing.MockClock) -> None:
    damaged = b"\xff" * 5000
    one = stored(1)
    one.content = showing(damaged)
    async with rigged([one]) as rig:
        entry = await rig.entry(1)
        assert await rig.read(entry) == damaged
        with pytest.raises(errors.NoData):
            await rig.camera.thumbnail(entry)
        with pytest.raises(errors.NotSupported):
            await rig.camera.delete(entry)


async def test_reads_are_short_on_a_slow_line_and_shared(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged([stored(1)], throttled=True, baud=115200) as rig:
        entry = await rig.entry(1)
        assert rig.camera.reads_short(entry)
        await rig.camera.read(entry, 0, 1)
        before = trio.current_time()
        some = await rig.camera.read(entry, 0, entry.size)
        assert 0 < len(some) < entry.size
        assert trio.current_time() - before <= 1
        read: list[bytes] = []

        async def reader() -> None:
            read.append(await rig.read(entry))

        async with trio.open_nursery() as readers:
            readers.start_soon(reader)
            readers.start_soon(reader)
        assert read == [picture(1)] * 2
        await rig.settle()
        assert rig.operations().count("GET_MEMORY_FILE") == 1
        assert not rig.camera.reads_short(entry)


async def test_a_thumbnail_without_the_command(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged([stored(1)]) as rig:
        entry = await rig.entry(1)
        known = await rig.camera.thumbnail(entry)
        rig.fail(FaultKind.REFUSE, Code.GET_MEMORY_THUMBNAIL, times=None)
        assert await rig.camera.thumbnail(entry) == known
        await rig.settle()
        files = [each for each in rig.emulated.trace.records if each.operation == "GET_MEMORY_FILE"]
        assert [each.bytes_in for each in files] == [16 * 1024]


async def test_a_slow_picture_comes_to_its_end_though_a_read_ran_out_of_time(
    jumping_clock: trio.testing.MockClock,
) -> None:
    """A program that reads much at once from a slow line fails; when it tries again, the picture is there."""
    async with rigged([stored(1), stored(2)], throttled=True, baud=9600) as rig:
        entry = await rig.entry(1)
        with trio.move_on_after(15.5):  # the budget of a request
            have = 0
            while have < 1 << 15:
                have += len(await rig.camera.read(entry, have, entry.size - have))
        await rig.camera.release(entry)
        await trio.sleep(2 * entry.size / 960)
        before = trio.current_time()
        assert await rig.camera.read(entry, 0, entry.size) == picture(1)
        assert trio.current_time() == before
        assert rig.operations().count("GET_MEMORY_FILE") == 1


async def test_a_transfer_that_nobody_needs_ends_though_a_read_ran_out_of_time(
    jumping_clock: trio.testing.MockClock,
) -> None:
    """It does not hold the line for longer than some minutes: uncompressed pictures take a quarter of an hour."""
    async with rigged([stored(1, size=1_000_000), stored(2)], throttled=True, baud=9600) as rig:
        one, other = [await rig.entry(number) for number in (1, 2)]
        await rig.camera.read(one, 0, 1)
        with trio.move_on_after(5):
            await rig.camera.read(one, 900_000, 1)
        await rig.camera.release(one)
        with trio.move_on_after(15) as patience:
            await rig.camera.read(other, 0, 1)
        assert patience.cancelled_caught
        await trio.sleep(GOES_ON)
        assert await rig.camera.read(other, 0, 1) == picture(2)[:1]
