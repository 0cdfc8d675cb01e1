"""Pictures whose headers do not bear their names: a card that was in a computer. All are read, and none in place of another."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import cast
from unittest.mock import patch

import pytest
import trio.testing

from camfs import errors
from camfs.cameras.dc120.proofs import bears_name, is_other_file, may_erase
from camfs.protocols.dc120.commands import Code
from camfs.protocols.dc120.lists import FileEntry, ListLayout
from camfs.protocols.dc120.values import Location
from camfs.virtual.dc120 import FaultKind, handlers
from camfs.virtual.dc120.state import CameraState
from camfs.virtual.dc120.store import StoredPicture
from tests.cameras.dc120.rig import CARD, MEMORY, Rig, picture, rigged, showing, stored

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\0" + bytes(range(256)) * 40
RAW = {number: picture(number, 0) for number in (1, 2)}
"""Uncompressed pictures, which have all the same size."""


def files(contents: dict[str, bytes], albums: dict[str, int] | None = None) -> list[StoredPicture]:
    """Return the pictures of a store, by their names in its list."""
    return [StoredPicture(name, showing(data), (albums or {}).get(name, 0)) for name, data in contents.items()]


async def read_all(rig: Rig) -> dict[str, bytes]:
    """Read every picture of the memory."""
    return {entry.name: await rig.read(entry) for entry in await rig.everything()}


KINDS = {
    "renamed": {"HOLIDAY.KDC": picture(1), "DSC_0002.KDC": picture(2)},
    "lower case": {"p000001.kdc": picture(1), "P000002.kdc": picture(2)},
    "exchanged": {"P000001.KDC": picture(2), "P000002.KDC": picture(1)},
    "exchanged, of the same size": {"P000001.KDC": RAW[2], "P000002.KDC": RAW[1]},
    "moved on by one": {"P000001.KDC": picture(3), "P000002.KDC": picture(1), "P000003.KDC": picture(2)},
    "copies": {"P000001.KDC": picture(1), "COPY.KDC": picture(1), "COPY~2.KDC": picture(1)},
    "a copy cut short": {"P000001.KDC": picture(1), "SHORT.KDC": picture(1)[:20_000], "P000002.KDC": picture(2)},
    "a copy made longer": {"LONG.KDC": picture(1) + bytes(5000), "P000001.KDC": picture(1)},
    "a copy with other bytes": {"P000001.KDC": picture(1), "OTHER.KDC": picture(1)[:-1] + b"\x5a"},
    "no KDC": {"PHOTO.KDC": JPEG, "ZEROS.KDC": bytes(5000), "FF.KDC": b"\xff" * 3000, "FF2.KDC": b"\xff" * 3000},
    "tiny": {"EMPTY.KDC": b"", "ONE.KDC": b"1", "FULL.KDC": b"2" * 1024, "TEXT.KDC": b"MM\0*"},
}


@pytest.mark.parametrize("kind", KINDS)
async def test_all_are_read(jumping_clock: trio.testing.MockClock, kind: str) -> None:
    async with rigged(files(KINDS[kind])) as rig:
        for _ in range(2):
            assert await read_all(rig) == KINDS[kind]
            await rig.camera.refresh()
        assert rig.cable.breaks == 1


@pytest.mark.parametrize("quirks", [(), ("album_0_is_all",)])
async def test_in_albums(jumping_clock: trio.testing.MockClock, quirks: tuple[str, ...]) -> None:
    contents = {"A.KDC": picture(3), "B.KDC": picture(1), "P000001.KDC": picture(2), "C.KDC": JPEG}
    async with rigged(files(contents, {"B.KDC": 2, "C.KDC": 2, "P000001.KDC": 1}), quirks=quirks) as rig:
        assert await read_all(rig) == contents


@pytest.mark.parametrize("layout", list(ListLayout))
async def test_copies_beyond_the_list(jumping_clock: trio.testing.MockClock, layout: ListLayout) -> None:
    """Where the list does not reach them, pictures are named by their headers, and two may have the same name."""
    contents = {f"P{number:06}.KDC": picture(number) for number in range(1, 13)}
    contents |= {"COPY.KDC": picture(1), "OTHER.KDC": picture(2) + b"more", "P000013.KDC": picture(13)}
    async with rigged(files(contents)) as rig:
        rig.emulated.quirks.list_layout = layout
        found = await read_all(rig)
        if layout is ListLayout.SINGLE:
            contents["P000001~2.KDC"] = contents.pop("COPY.KDC")
            contents["P000002~2.KDC"] = contents.pop("OTHER.KDC")[:-4]  # only the header tells the size here
        assert found == contents


async def test_the_second_look_costs_a_packet_once(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged(files({"HOLIDAY.KDC": picture(1), "P000002.KDC": picture(2)})) as rig:
        entry = await rig.named("HOLIDAY.KDC")
        rig.operations()
        for _ in range(2):
            assert await rig.camera.read(entry, 0, 1) == picture(1)[:1]
            await rig.camera.release(entry)
            await rig.settle()
        sent = [each for each in rig.emulated.trace.records if each.operation == "GET_MEMORY_FILE"]
        assert [each.bytes_in for each in sent[:1]] == [1024]
        assert len(sent) == 2
        assert await rig.read(entry) == picture(1)
        assert await rig.read(await rig.named("P000002.KDC")) == picture(2)
        await rig.settle()
        assert rig.operations().count("GET_MEMORY_FILE") == 4


@pytest.mark.parametrize("offset", [-1, 1])
async def test_a_camera_that_counts_otherwise(jumping_clock: trio.testing.MockClock, offset: int) -> None:
    """Another picture than the one asked for is never read, whether its name shows it or the list does."""
    honest = CameraState.picture

    def shifted(state: CameraState, location: Location, number: int, album: int) -> StoredPicture:
        return honest(state, location, (number + offset - 1) % 4 + 1, album)

    async with rigged([stored(number) for number in range(1, 5)]) as rig:
        with patch.object(CameraState, "picture", shifted):
            for number in range(1, 5):
                with pytest.raises(errors.RemoteProtocolError, match="another picture"):
                    await rig.read(await rig.entry(number))
                with pytest.raises(errors.NotSupported):
                    await rig.camera.delete(await rig.entry(number))
        assert await read_all(rig) == {f"P{number:06}.KDC": picture(number) for number in range(1, 5)}


def losing(times: int) -> AbstractContextManager[object]:
    """Let the camera lose its first picture just before it sends a file, so many times."""
    left = [None] * times
    honest = handlers.HANDLERS[Code.GET_MEMORY_FILE]

    async def lose(state: CameraState, arguments: handlers.Arguments, extra: bytes) -> Iterable[bytes]:
        if left:
            left.pop()
            del state.stores[Location.MEMORY].pictures[0]
        return await honest(state, arguments, extra)

    return patch.dict(cast(dict[Code, handlers.Handler], handlers.HANDLERS), {Code.GET_MEMORY_FILE: lose})


@pytest.mark.parametrize("times", [1, 2])
async def test_the_list_changes_before_the_transfer(jumping_clock: trio.testing.MockClock, times: int) -> None:
    contents = {f"OTHER{number}.KDC": JPEG + bytes([number]) * 5000 for number in range(8)}
    async with rigged(files(contents)) as rig:
        for name in ("OTHER4.KDC", "OTHER7.KDC"):
            entry = await rig.named(name)
            with losing(times):
                assert await rig.read(entry) == contents[name]
            if times > 1:
                break


async def test_a_list_that_never_stays_the_same(jumping_clock: trio.testing.MockClock) -> None:
    contents = {f"OTHER{number}.KDC": bytes([number]) * 5000 for number in range(9)} | {"Z.KDC": JPEG}
    async with rigged(files(contents)) as rig:
        entry = await rig.named("OTHER7.KDC")
        with losing(9), pytest.raises(errors.RemoteProtocolError, match="something else each time"):
            await rig.read(entry)


async def test_another_picture_takes_the_name(jumping_clock: trio.testing.MockClock) -> None:
    """With another size it is another file. With the same size the bytes that a DOS directory has for the time tell."""
    async with rigged(files({"A.KDC": RAW[1], "B.KDC": picture(1)})) as rig:
        before = await rig.everything()
        assert [await rig.read(entry) for entry in before] == [RAW[1], picture(1)]
        await rig.settle()
        store = rig.emulated.state.stores[Location.MEMORY]
        store.pictures[0].content, store.pictures[1].content = showing(RAW[2]), showing(picture(2))
        honest = handlers.list_entry

        def dated(state: CameraState, one: StoredPicture) -> FileEntry:
            entry = honest(state, one)
            return FileEntry(entry.name_field, entry.size, b"date")

        with patch.object(handlers, "list_entry", dated):
            after = await rig.everything()
            assert before[0].key == after[0].key
            assert before[1].key != after[1].key
            assert [await rig.read(entry) for entry in after] == [RAW[2], picture(2)]
            with pytest.raises(errors.NotFound):
                await rig.camera.delete(before[1])


async def test_who_has_a_picture_open_reads_on_in_it(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged(files({"A.KDC": RAW[1]})) as rig:
        (entry,) = await rig.everything()
        half = b""
        while len(half) < len(RAW[1]) // 2:
            half += await rig.camera.read(entry, len(half), 1 << 16)
        while rig.camera.reads_short(entry):
            await rig.camera.read(entry, len(RAW[1]) - 1, 1)
        await rig.settle()
        (stored_one,) = rig.emulated.state.stores[Location.MEMORY].pictures
        stored_one.content = showing(RAW[2])
        honest = handlers.list_entry
        with patch.object(
            handlers, "list_entry", lambda state, one: FileEntry(honest(state, one).name_field, len(RAW[2]), b"date")
        ):
            await rig.everything()
            assert half + await rig.camera.read(entry, len(half), 1 << 20) == RAW[1]
            await rig.camera.release(entry)
            assert await rig.read(entry) == RAW[2]


@pytest.mark.parametrize("has_command", [True, False])
async def test_thumbnails(jumping_clock: trio.testing.MockClock, has_command: bool) -> None:
    contents = {"A.KDC": picture(2), "B.KDC": picture(1), "C.KDC": JPEG, "D.KDC": picture(2)[:9000], "E.KDC": b""}
    async with rigged(files(contents)) as rig:
        if not has_command:
            rig.fail(FaultKind.REFUSE, Code.GET_MEMORY_THUMBNAIL, times=None)
        for name, data in contents.items():
            entry = await rig.named(name)
            if len(data) > 20_000:
                assert (await rig.camera.thumbnail(entry)).endswith(data[1280:15680])
            else:
                with pytest.raises(errors.NoData):
                    await rig.camera.thumbnail(entry)


async def test_erasing(jumping_clock: trio.testing.MockClock) -> None:
    """A picture is erased by another name too, where nothing in the list could be meant instead."""
    contents = {"P000005.KDC": picture(5), "HOLIDAY.KDC": picture(1), "p000002.kdc": picture(2)}
    doubtful = {"COPY.KDC": picture(5), "CUT.KDC": picture(6)[:30_000], "PHOTO.KDC": JPEG, "ZEROS.KDC": bytes(99)}
    async with rigged(files(contents | doubtful)) as rig:
        for name in doubtful:
            with pytest.raises(errors.NotSupported, match="nothing was erased"):
                await rig.camera.delete(await rig.named(name))
        for name in ("COPY.KDC", "CUT.KDC"):
            entry = await rig.named(name)
            await rig.read(entry)
            await rig.camera.delete(entry)
            contents.pop(name, None)
        for name in list(contents):
            await rig.camera.delete(await rig.named(name))
        assert [entry.name for entry in await rig.everything()] == ["PHOTO.KDC", "ZEROS.KDC"]


async def test_another_card_is_proved_anew(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged(card=files({"A.KDC": picture(1)[:3000], "B.KDC": picture(2)[:3000]})) as rig:
        assert await rig.read((await rig.entries(CARD))[0]) == picture(1)[:3000]
        await rig.settle()
        store = rig.emulated.state.stores.pop(Location.CARD)
        assert await rig.camera.list_folder(None) == [MEMORY]
        store.pictures[0].content = showing(picture(3)[:3000])
        rig.emulated.state.stores[Location.CARD] = store
        assert await rig.read((await rig.entries(CARD))[0]) == picture(3)[:3000]


# ---------------------------------------------------------------------- the rules alone


def test_names() -> None:
    assert bears_name(picture(1), "P000001.KDC")
    assert bears_name(picture(1), "p000001.kdc")
    assert not bears_name(picture(1), "P000002.KDC")
    assert not bears_name(JPEG, "P000001.KDC")
    assert not bears_name(b"", "")


async def test_another_file_of_the_list() -> None:
    size = len(picture(1))
    listed = [("A.KDC", 99), ("P000001.KDC", size)]
    asked: list[int] = []

    async def ask(index: int) -> bytes:
        asked.append(index)
        return picture(2)

    assert not await is_other_file(("A.KDC", size), picture(1), listed, ask)
    assert not await is_other_file(("A.KDC", 99), picture(3), listed, ask)
    assert not await is_other_file(("A.KDC", 99), JPEG, listed, ask)
    assert asked == []
    assert await is_other_file(("A.KDC", 99), picture(1), listed, ask)
    assert asked == [1]


def test_what_may_be_erased() -> None:
    size = len(picture(1))
    alone = [("A.KDC", size)]
    assert may_erase(("A.KDC", size), picture(1), alone, False)
    assert may_erase(("A.KDC", 99), picture(1), alone, True)
    assert not may_erase(("A.KDC", 99), picture(1), alone, False)
    assert not may_erase(("A.KDC", size), picture(1), [*alone, ("P000001.KDC", size)], False)
    assert not may_erase(("A.KDC", size), JPEG, alone, True)
