"""What the DC120's driver lists: long lists in all layouts, nonsense in them, albums, a card that comes and goes."""

from unittest.mock import patch

import pytest
import trio
import trio.testing

from camfs import errors
from camfs.cameras.dc120.contents import AlbumKey, PictureKey
from camfs.protocols.dc120.lists import FileEntry, ListLayout
from camfs.protocols.dc120.values import Location
from camfs.virtual.dc120 import handlers
from camfs.virtual.dc120.state import CameraState
from camfs.virtual.dc120.store import StoredPicture
from tests.cameras.dc120.rig import CARD, MEMORY, picture, rigged, showing, stored


@pytest.mark.parametrize("count", [0, 1, 12, 13, 25, 40])
@pytest.mark.parametrize("layout", list(ListLayout))
@pytest.mark.parametrize("dotted", [False, True])
async def test_lists_of_any_length(
    jumping_clock: trio.testing.MockClock, layout: ListLayout, count: int, dotted: bool
) -> None:
    async with rigged([stored(number, size=3000) for number in range(1, count + 1)]) as rig:
        rig.emulated.quirks.list_layout, rig.emulated.quirks.dotted_names = layout, dotted
        assert await rig.names() == [f"P{number:06}.KDC" for number in range(1, count + 1)]
        assert rig.cable.breaks == 1


async def test_a_long_list_is_read_to_its_end(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged([stored(number) for number in range(1, 16)]) as rig:
        for rig.emulated.quirks.list_layout in ListLayout:
            assert await rig.read(await rig.entry(15)) == picture(15)
            await rig.camera.refresh()


async def test_a_damaged_header_beyond_the_list(jumping_clock: trio.testing.MockClock) -> None:
    pictures = [stored(number) for number in range(1, 16)]
    damaged = b"\xff" * 2000
    pictures[12] = StoredPicture("P000013.KDC", showing(damaged))
    async with rigged(pictures) as rig:
        rig.emulated.quirks.list_layout = ListLayout.SINGLE
        assert len(await rig.camera.list_folder(MEMORY)) == 15
        assert await rig.names() == [f"P{number:06}.KDC" for number in range(1, 16) if number != 13]
        assert await rig.read(await rig.entry(15)) == picture(15)


async def test_nonsense_in_a_list_hides_nothing(jumping_clock: trio.testing.MockClock) -> None:
    honest = handlers.list_entry

    def lying(state: CameraState, one: StoredPicture) -> FileEntry:
        entry = honest(state, one)
        match one.name:
            case "P000001.KDC":
                return FileEntry(b"\xff/\x00\x01..\x00\x00\x00\x00\x00\x00", entry.size)
            case "P000002.KDC":
                return FileEntry(entry.name_field, 0xFFFFFFFF)
            case "P000003.KDC":
                return FileEntry(bytes(12), 0)
        return entry

    with patch.object(handlers, "list_entry", lying):
        async with rigged([stored(number) for number in range(1, 6)]) as rig:
            keys = await rig.camera.list_folder(MEMORY)
            assert len(keys) == 5
            with pytest.raises(errors.CameraError):
                await rig.camera.describe(PictureKey(Location.MEMORY, "P000002.KDC", 0xFFFFFFFF), MEMORY)
            for number in (4, 5):
                assert await rig.read(await rig.entry(number)) == picture(number)
            assert (await rig.camera.usage(MEMORY)).objects == 5


@pytest.mark.parametrize("quirks", [(), ("album_0_is_all",)])
async def test_albums(jumping_clock: trio.testing.MockClock, quirks: tuple[str, ...]) -> None:
    pictures = [stored(1, 2), stored(2), stored(3, 1), stored(4, 2)]
    async with rigged(pictures, quirks=quirks) as rig:
        albums = await rig.camera.list_folder(MEMORY)
        assert albums == [
            AlbumKey(Location.MEMORY, 1),
            AlbumKey(Location.MEMORY, 2),
            PictureKey(Location.MEMORY, "P000002.KDC", len(picture(2))),
        ]
        assert await rig.names(AlbumKey(Location.MEMORY, 2)) == ["P000001.KDC", "P000004.KDC"]
        for number in range(1, 5):
            assert await rig.read(await rig.entry(number)) == picture(number)


async def test_an_album_with_a_name_that_is_not_ascii(jumping_clock: trio.testing.MockClock) -> None:
    """It keeps its bytes when another one is renamed."""
    async with rigged([stored(1, 1), stored(2, 2)]) as rig:
        names = rig.emulated.state.albums
        strange = "Été".encode("latin-1").ljust(15, b"\0")
        rig.emulated.state.albums = type(names)((strange, *names.fields[1:]))
        assert (await rig.names())[0] == "Été"
        (entry,) = [entry for entry in await rig.entries() if entry.key == AlbumKey(Location.MEMORY, 2)]
        await rig.camera.rename(entry, "Other")
        assert await rig.names() == ["Été", "Other"]
        assert rig.emulated.state.albums.fields[0] == strange


async def test_another_card_has_pictures_of_the_same_names(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged(card=[stored(1, size=3000)]) as rig:
        assert await rig.read(await rig.entry(1, CARD)) == picture(1)[:3000]
        await rig.settle()
        store = rig.emulated.state.stores.pop(Location.CARD)
        assert await rig.camera.list_folder(None) == [MEMORY]
        with pytest.raises(errors.StoreUnavailable):
            await rig.camera.list_folder(CARD)
        other = picture(1)[:2999] + b"\x5a"
        store.pictures[0].content = showing(other)
        rig.emulated.state.stores[Location.CARD] = store
        data = await rig.read(await rig.entry(1, CARD))
        assert data[:1024] == other[:1024]


async def test_lists_during_a_transfer_are_answered_from_memory(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged([stored(1), stored(2)], throttled=True, baud=115200) as rig:
        entry = await rig.entry(1)
        names = await rig.names()
        assert len(await rig.camera.read(entry, 0, 1024)) == 1024
        now = trio.current_time()
        assert await rig.names() == names
        await rig.camera.status()
        await rig.camera.setting("flash")
        assert trio.current_time() == now
        await rig.camera.release(entry)
        await rig.camera.change_setting("flash", "fill")
        assert rig.emulated.trace.records[-2].operation == "SET_FLASH"
        assert [each.result for each in rig.emulated.trace.records if each.operation == "GET_MEMORY_FILE"] == [
            "aborted"
        ]
