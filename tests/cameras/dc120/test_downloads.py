"""Pictures as the DC120's driver reads them: shared by readers, short on a slow line, thumbnails, damaged headers."""

import pytest
import trio
import trio.testing

from camfs import errors
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
