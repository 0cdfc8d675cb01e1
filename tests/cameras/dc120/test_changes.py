"""Taking and erasing pictures on the DC120: always the right ones, also when answers are lost or lists change meanwhile."""

import pytest
import trio
import trio.testing

from camfs import errors
from camfs.cameras.api import Happened
from camfs.protocols.dc120.commands import Code
from camfs.protocols.dc120.values import Location
from camfs.virtual.dc120 import FaultKind
from tests.cameras.dc120.rig import CARD, MEMORY, Rig, picture, rigged, stored
from tests.cameras.dc120.test_settings import changes


def left(rig: Rig, location: Location = Location.MEMORY) -> list[str]:
    """Return what the camera has."""
    return [each.name for each in rig.emulated.state.stores[location].pictures]


async def test_numbers_shift(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged([stored(number, number % 3) for number in range(1, 8)]) as rig:
        expected = [f"P{number:06}.KDC" for number in range(1, 8)]
        for number in (2, 7, 1, 4):
            await rig.camera.delete(await rig.entry(number))
            expected.remove(f"P{number:06}.KDC")
            assert left(rig) == expected
        assert await rig.read(await rig.entry(6)) == picture(6)


async def test_the_list_changed_since_it_was_read(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged([stored(number) for number in range(1, 5)]) as rig:
        entries = {number: await rig.entry(number) for number in range(1, 5)}
        del rig.emulated.state.stores[Location.MEMORY].pictures[0]
        await rig.camera.delete(entries[3])
        assert left(rig) == ["P000002.KDC", "P000004.KDC"]
        with pytest.raises(errors.NotFound):
            await rig.camera.delete(entries[1])
        assert left(rig) == ["P000002.KDC", "P000004.KDC"]


async def test_many_at_once(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged([stored(number) for number in range(1, 7)], throttled=True, baud=115200) as rig:
        entries = {number: await rig.entry(number) for number in range(1, 7)}
        read: list[bytes] = []

        async def reader() -> None:
            read.append(await rig.read(entries[6]))

        async with trio.open_nursery() as work:
            for number in (1, 3, 5):
                work.start_soon(rig.camera.delete, entries[number])
            work.start_soon(reader)
            work.start_soon(rig.camera.thumbnail, entries[4])
        assert left(rig) == ["P000002.KDC", "P000004.KDC", "P000006.KDC"]
        assert read == [picture(6)]


async def test_a_number_that_no_list_tells(jumping_clock: trio.testing.MockClock) -> None:
    """Here album 0 lists only pictures in no album, while erasing counts all pictures: the list would give a wrong number."""
    async with rigged([stored(1, 1), stored(2), stored(3)], quirks=["album_0_is_all"]) as rig:
        for number in (1, 2, 3):
            with pytest.raises(errors.NotSupported):
                await rig.camera.delete(await rig.entry(number))
        assert len(left(rig)) == 3


@pytest.mark.parametrize("kind", [FaultKind.NO_END, FaultKind.LOSE_ACCEPTANCE, FaultKind.IGNORE, FaultKind.FAIL])
async def test_an_erasure_without_its_answer(jumping_clock: trio.testing.MockClock, kind: FaultKind) -> None:
    async with rigged([stored(1), stored(2), stored(3)]) as rig:
        entry = await rig.entry(2)
        rig.fail(kind, Code.ERASE)
        try:
            await rig.camera.delete(entry)
        except errors.CameraError:
            assert len(left(rig)) == 3
        else:
            assert left(rig) == ["P000001.KDC", "P000003.KDC"]
        assert rig.operations().count("ERASE") == 1


async def test_capture(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged([stored(1)], card=[]) as rig:
        (key,) = await rig.camera.capture()
        assert await rig.camera.locate(key) == [CARD, key]
        assert left(rig, Location.CARD) == ["P000002.KDC"]
        entry = await rig.camera.describe(key, CARD)
        assert entry is not None
        content = rig.emulated.state.stores[Location.CARD].pictures[0].content
        assert await rig.read(entry) == content.read(0, content.size)
        await rig.camera.delete(entry)
        assert [change for change in changes(rig.camera) if isinstance(change, Happened)] == [
            Happened("added", "TAKE_PICTURE 0x7C", (key,), is_new=True),
            Happened("removed", "ERASE 0x7B", (key,)),
        ]


async def test_capture_while_others_read(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged([stored(1)], throttled=True, baud=115200) as rig:
        entry = await rig.entry(1)
        shots: list[object] = []

        async def shoot() -> None:
            shots.extend(await rig.camera.capture())

        async with trio.open_nursery() as work:
            for _ in range(2):
                work.start_soon(shoot)
                work.start_soon(rig.read, entry)
        assert len(set(shots)) == 2


@pytest.mark.parametrize("kind", [FaultKind.NO_END, FaultKind.LOSE_ACCEPTANCE, FaultKind.IGNORE, FaultKind.FAIL])
async def test_a_capture_without_its_answer(jumping_clock: trio.testing.MockClock, kind: FaultKind) -> None:
    async with rigged([stored(1)]) as rig:
        rig.fail(kind, Code.TAKE_PICTURE)
        try:
            assert len(await rig.camera.capture()) == 1
        except errors.CameraError:
            assert left(rig) == ["P000001.KDC"]
        else:
            assert left(rig) == ["P000001.KDC", "P000002.KDC"]
            assert (await rig.names())[1] == "P000002.KDC"
        assert rig.operations().count("TAKE_PICTURE") == 1
        assert MEMORY in await rig.camera.list_folder(None)
