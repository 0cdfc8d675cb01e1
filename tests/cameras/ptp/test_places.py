"""Where objects lie: parents that are right, wrong, no objects at all, or in a circle."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from camfs import errors
from camfs.cameras.api import FolderChanged
from camfs.cameras.ptp.objects import ObjectKey
from camfs.protocols.ptp.codes import ROOT, EventCode, ObjectHandle, Operation, ResponseCode, StorageID
from camfs.protocols.ptp.messages import Event
from camfs.virtual.ptp.faults import FaultKind
from camfs.virtual.ptp.store import File
from tests.cameras.rig import CARD, CARD_ROOT, MEMORY, Rig, add, forge, rigged

NO_OBJECT = ObjectHandle(0x7777)


async def path_of(rig: Rig, file: File) -> list[ObjectHandle]:
    """Locate a file; the handles below the root."""
    first, *way = await rig.camera.locate(ObjectKey(StorageID(0), file.handle))
    assert first == CARD_ROOT
    assert {key.storage for key in way} == {CARD}
    return [key.handle for key in way]


def handles(rig: Rig, *paths: str) -> list[ObjectHandle]:
    return [rig.body.card.find(path).handle for path in paths]


@pytest.mark.parametrize("listed", [False, True])
async def test_folders_of_the_root_whose_parent_is_no_object(listed: bool, autojump_clock: MockClock) -> None:
    """An iPhone (libgphoto2 issue 1254)."""
    async with rigged(quirks=["unknown_parent"], operations="-9805") as rig:
        file = add(rig, "202405__/IMG_1.HEIC")
        if listed:
            assert await rig.names() == ["202405__"]
            assert await rig.names((await rig.entry("202405__")).key) == ["IMG_1.HEIC"]
        assert await path_of(rig, file) == handles(rig, "202405__", "202405__/IMG_1.HEIC")


async def test_no_parent_is_an_object(autojump_clock: MockClock) -> None:
    """The lists of the folders that are known tell where an object is; what is in none of them is shown in the root."""
    async with rigged(operations="-9805") as rig:
        first = add(rig, "A/B/1.JPG")
        for path in ("A", "A/B", "A/B/1.JPG"):
            forge(rig, rig.body.card.find(path).handle, parent=NO_OBJECT)
        assert await path_of(rig, first) == [first.handle]
        assert (await rig.entry("A/B/1.JPG")).name == "1.JPG"
        second = add(rig, "A/B/2.JPG")
        forge(rig, second.handle, parent=NO_OBJECT)
        for file in (first, second):
            assert await path_of(rig, file) == [*handles(rig, "A", "A/B"), file.handle]


async def test_a_parent_that_is_not_believed(autojump_clock: MockClock) -> None:
    """The camera says of all files that they lie in the root; its lists are right."""
    async with rigged(operations="-9805") as rig:
        files = [add(rig, f"DCIM/100/{name}.JPG") for name in "AB"]
        for file in files:
            forge(rig, file.handle, parent=ObjectHandle(0))
        await rig.entry("DCIM/100/A.JPG")
        assert await path_of(rig, files[1]) == handles(rig, "DCIM", "DCIM/100", "DCIM/100/B.JPG")


@pytest.mark.parametrize("storage", [0, 0x00990001, 0x00020000])
async def test_an_object_that_does_not_say_in_which_store_it_is(storage: int, autojump_clock: MockClock) -> None:
    async with rigged(operations="-9805", empty=False) as rig:
        file = rig.body.state.stores[1].add_file("", "IN.JPG", b"in")
        forge(rig, file.handle, storage=storage)
        assert await rig.names(None) == ["card", "memory"]
        way = await rig.camera.locate(ObjectKey(StorageID(0), file.handle))
        assert way == [ObjectKey(MEMORY, ROOT), ObjectKey(MEMORY, file.handle)]


async def test_a_parent_that_the_camera_denies_for_a_while(autojump_clock: MockClock) -> None:
    async with rigged(operations="-9805") as rig:
        file = add(rig, "DCIM/A.JPG")
        (dcim,) = handles(rig, "DCIM")
        await rig.entry("DCIM/A.JPG")
        rig.camera.renumber()  # it is not known any more where DCIM was listed
        rig.fail(FaultKind.REFUSE, Operation.GetObjectInfo, times=None, parameter=dcim, code=ResponseCode.AccessDenied)
        assert await path_of(rig, file) == [file.handle]


# ---------------------------------------------------------------------- which folders a new object changes


async def changed_by(rig: Rig, file: File) -> list[object]:
    """Announce an object, and return the folders that are to be listed again."""
    rig.changes().clear()
    rig.body.state.send(Event(EventCode.ObjectAdded, 0xFFFFFFFF, (file.handle,)))
    await wait_all_tasks_blocked()
    return [change.key for change in rig.changes() if isinstance(change, FolderChanged)]


async def silently(rig: Rig) -> None:
    """Let the camera announce nothing by itself."""
    rig.body.card.on_change = lambda event, handle: None
    await rig.entries(None)
    await wait_all_tasks_blocked()


async def test_folders_that_were_never_listed_change_those_above(autojump_clock: MockClock) -> None:
    """The camera may have made them for this picture, and announced the picture alone."""
    async with rigged(operations="-9805") as rig:
        await silently(rig)
        file = add(rig, "DCIM/101/A.JPG")
        dcim, inner = (ObjectKey(CARD, handle) for handle in handles(rig, "DCIM", "DCIM/101"))
        assert await changed_by(rig, file) == [inner, dcim, CARD_ROOT]
        await rig.entry("DCIM/101/A.JPG")
        assert await changed_by(rig, file) == [inner]


@pytest.mark.parametrize("path", ["NEW", "A/B/NEW.JPG"])
async def test_a_parent_that_is_no_object_changes_any_folder(path: str, autojump_clock: MockClock) -> None:
    async with rigged(operations="-9805") as rig:
        add(rig, "A/B/1.JPG")
        await silently(rig)
        await rig.entry("A/B/1.JPG")
        file = add(rig, path)
        forge(rig, file.handle, parent=NO_OBJECT)
        assert await changed_by(rig, file) == [None]
        assert not rig.camera.sends_events


async def test_an_object_in_a_store_that_is_not_shown_yet(autojump_clock: MockClock) -> None:
    async with rigged(operations="-9805", empty=False) as rig:
        memory = rig.body.state.stores.pop()
        memory.on_change = lambda event, handle: None
        await silently(rig)
        file = memory.add_file("", "IN.JPG", b"in")
        rig.body.state.stores.append(memory)
        assert await changed_by(rig, file) == [None]
        assert await rig.names(None) == ["card", "memory"]


async def test_parents_in_a_circle_change_any_folder(autojump_clock: MockClock) -> None:
    async with rigged(operations="-9805") as rig:
        await silently(rig)
        file = add(rig, "DCIM/100/A.JPG")
        dcim, inner = handles(rig, "DCIM", "DCIM/100")
        forge(rig, dcim, parent=inner)
        with trio.fail_after(5):
            assert await changed_by(rig, file) == [None]
            with pytest.raises(errors.RemoteProtocolError, match="circle"):
                await rig.camera.locate(ObjectKey(CARD, file.handle))
            forge(rig, file.handle, parent=file.handle)
            assert await path_of(rig, file) == [file.handle]
