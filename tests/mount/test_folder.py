"""Folders: listings that are whole or an error, names and numbers that stay, and which node stands for which entry."""

import contextlib
import stat
from collections.abc import Sequence
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.api import Entry, EntryGone, FolderChanged, Key, KeyReused
from camfs.mount.controls import Controls
from camfs.mount.file import File
from camfs.mount.folder import CHECKED, SETTLING, Folder
from camfs.mount.inodes import ROOT_INODE
from camfs.mount.names import unescape
from camfs.mount.nodes import Attributes, Node
from camfs.protocols.ptp.codes import EventCode
from camfs.protocols.ptp.messages import Event
from tests.cameras.rig import CARD, MEMORY, add, rigged
from tests.cameras.scripted import ScriptedCamera
from tests.mount.rig import POLL, WatchedTree, at, dcim, inodes, names_of, nodes_of

# looking


async def test_a_walk() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    camera.add(camera.add(folder, "inner"), "deep.txt", b"deep")
    camera.add(camera.root, "memory")
    tree = WatchedTree(camera)
    assert list(await inodes(tree)) == [
        "card",
        "card/DCIM",
        "card/DCIM/P1.JPG",
        "card/DCIM/P2.JPG",
        "card/DCIM/P3.JPG",
        "card/DCIM/inner",
        "card/DCIM/inner/deep.txt",
        "memory",
    ]
    assert tree.root.inode == ROOT_INODE
    assert len(set((await inodes(tree)).values())) == 8
    assert ROOT_INODE not in (await inodes(tree)).values()
    node = await at(tree, "card/DCIM/P2.JPG")
    assert await node.attributes() == Attributes(stat.S_IFREG, 0o666, 2, 2)
    assert await (await at(tree, "card/DCIM")).attributes() == Attributes(stat.S_IFDIR, 0o777, 0, 0)
    assert tree.inodes.find(node.inode) is node


async def test_the_first_name_costs_two() -> None:
    camera = ScriptedCamera()
    dcim(camera, 1000)
    tree = WatchedTree(camera)
    await at(tree, "card/DCIM")
    camera.calls.clear()
    await at(tree, "card/DCIM/P1.JPG")
    assert [call for call, _ in camera.calls] == ["list", "describe"]
    camera.calls.clear()
    await at(tree, "card/DCIM/P1.JPG")
    assert camera.calls == []


async def test_a_name_that_is_not_there() -> None:
    camera = ScriptedCamera()
    dcim(camera)
    tree = WatchedTree(camera)
    folder = await at(tree, "card/DCIM")
    assert isinstance(folder, Folder)
    assert await folder.find(b"nothing") is None
    camera.calls.clear()
    assert await folder.find(b"nothing") is None
    assert camera.calls == []


async def test_reading_a_directory_describes_as_it_goes() -> None:
    camera = ScriptedCamera()
    dcim(camera, 100)
    tree = WatchedTree(camera)
    folder = await at(tree, "card/DCIM")
    assert isinstance(folder, Folder)
    listing = await folder.listing()
    camera.calls.clear()
    for index in range(5):
        await listing.at(index)
    assert camera.count("describe") == 5


@pytest.mark.parametrize("count", [1000, 10_000])
async def test_ls_costs_one_call_an_object(count: int) -> None:
    """`ls -l`: a directory read, with a lookup of each name on the way."""
    camera = ScriptedCamera()
    folder = camera.add(camera.card, "DCIM")
    names = [f"P{number}.JPG" for number in range(count)]
    things = {}
    for name in names:
        thing = camera.add(folder, name, b"x")
        things[thing.number] = thing
    tree = WatchedTree(camera)
    node = await at(tree, "card/DCIM")
    assert isinstance(node, Folder)
    camera.thing = things.get  # type: ignore[assignment, method-assign]
    things[folder.number] = folder
    camera.calls.clear()
    steps = 0

    class Counting(trio.abc.Instrument):
        def before_task_step(self, task: trio.lowlevel.Task) -> None:
            nonlocal steps
            steps += 1

    instrument = Counting()
    trio.lowlevel.add_instrument(instrument)
    listing = await node.listing()
    for index in range(count):
        listed = await listing.at(index)
        assert listed is not None
        assert await node.find(listed.name) is listed
    with pytest.raises(IndexError):
        await listing.at(count)
    trio.lowlevel.remove_instrument(instrument)
    assert camera.count("list") == 1
    assert camera.count("describe") == count
    assert steps < 6 * count
    camera.calls.clear()
    assert len(await nodes_of(node)) == count
    assert camera.count("describe") == 0


# names


async def test_names_that_repeat_are_told_apart_and_stay() -> None:
    camera = ScriptedCamera()
    for size in range(1, 5):
        camera.add(camera.card, "A.JPG", b"x" * size)
    tree = WatchedTree(camera)
    first = await inodes(tree)
    assert len(first) == 5
    assert "card/A.JPG" in first
    tree.root.stale = True
    (await at(tree, "card")).stale = True  # type: ignore[attr-defined]
    assert await inodes(tree) == first
    await tree.refresh()
    assert await inodes(tree) == first
    camera.lose_session()
    assert await inodes(tree) == first
    camera.card.inside.reverse()
    camera.lose_session()
    assert await inodes(tree) == first
    for name, thing in zip(await names_of(await at(tree, "card")), camera.card.inside, strict=True):
        node = await at(tree, f"card/{name}")
        assert isinstance(node, File)
        assert node.entry.key == thing.number


async def test_a_date_that_was_learnt_makes_no_other_file() -> None:
    """A DC120 tells a picture's date only in its header."""
    camera = ScriptedCamera()
    dcim(camera)
    tree = WatchedTree(camera)
    node = await at(tree, "card/DCIM/P1.JPG")
    assert isinstance(node, File)
    node.entry = replace(node.entry, mtime_ns=77, date_is_exact=False)
    await tree.refresh()
    assert await at(tree, "card/DCIM/P1.JPG") is node
    node.entry = replace(node.entry, mtime_ns=77)
    await tree.refresh()
    assert await at(tree, "card/DCIM/P1.JPG") is not node


async def test_names_that_are_no_names() -> None:
    camera = ScriptedCamera()
    for name in ("a/b", "", "", ".", "..", "a\0b", "a%2Fb", "x" * 300, "x" * 300, "card"):
        camera.add(camera.card, name, b"x")
    names = await names_of(await at(WatchedTree(camera), "card"))
    assert len(set(names)) == 10
    assert all(name not in (".", "..", "") and "/" not in name and "\0" not in name for name in names)
    assert {unescape(name) for name in names} >= {"a/b", ".", "..", "a\0b", "a%2Fb", "card"}


async def test_a_store_with_the_name_of_a_control_file() -> None:
    camera = ScriptedCamera()
    store = camera.add(camera.root, ".status")
    tree = WatchedTree(camera)
    control = Node(tree, tree.root, b".status")
    tree.root.control_files[b".status"] = control
    assert await names_of(tree.root) == ["card", f".status~{store.number:08x}"]
    assert await tree.root.find(b".status") is control
    assert isinstance(await at(tree, f".status~{store.number:08x}"), Folder)


async def test_control_files_are_shown_on_request() -> None:
    camera = ScriptedCamera()
    tree = WatchedTree(camera, show_control=True)
    tree.root.control_files[b".status"] = Node(tree, tree.root, b".status")
    assert await names_of(tree.root) == ["card", ".status"]
    camera.remove(camera.card)
    camera.add(camera.root, "memory")
    await tree.apply(FolderChanged(None))
    assert await names_of(tree.root) == ["memory", ".status"]
    assert ("", "card") in tree.dropped.entries


# reading while it changes


async def test_a_reader_of_a_directory_keeps_the_listing_it_began_with() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera, 20)
    tree = WatchedTree(camera)
    node = await at(tree, "card/DCIM")
    assert isinstance(node, Folder)
    for described in (0, 7, 20):
        listing = await node.listing()
        names = []
        for index in range(20):
            if index == described:
                camera.add(folder, f"NEW{described}.JPG", b"new")
                folder.inside.insert(0, folder.inside.pop())
                await tree.apply(FolderChanged(folder.number))
                await names_of(node)
            shown = await listing.at(index)
            assert shown is not None
            names.append(shown.name)
        assert len(set(names)) == 20
        folder.inside.pop(0)
        await tree.apply(FolderChanged(folder.number))
        await names_of(node)


async def test_two_readers_and_a_finder_at_once() -> None:
    camera = ScriptedCamera()
    dcim(camera, 50)
    tree = WatchedTree(camera)
    folder = await at(tree, "card/DCIM")
    camera.calls.clear()
    results: list[list[str]] = []

    async def reader() -> None:
        results.append(await names_of(folder))

    async def finder(name: str) -> None:
        assert (await at(tree, f"card/DCIM/{name}")).name.decode() == name

    async with trio.open_nursery() as nursery:
        for number in (50, 1, 25):
            nursery.start_soon(reader)
            nursery.start_soon(finder, f"P{number}.JPG")
    assert results == [[f"P{number}.JPG" for number in range(1, 51)]] * 3
    assert camera.count("list") == 1
    assert camera.count("describe") == 50


async def test_what_is_removed_while_a_directory_is_read_is_left_out() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera, 5)
    tree = WatchedTree(camera)
    node = await at(tree, "card/DCIM")
    assert isinstance(node, Folder)
    listing = await node.listing()
    await listing.at(1)
    for index in (3, 0):
        gone = folder.inside[index]
        camera.remove(gone)
        await tree.apply(EntryGone(gone.number))
    assert [shown.name async for shown in listing] == [b"P2.JPG", b"P3.JPG", b"P5.JPG"]


async def test_a_reader_that_is_cancelled_spoils_nothing() -> None:
    for rounds in range(40):
        camera = ScriptedCamera()
        dcim(camera, 5)
        tree = WatchedTree(camera)
        with trio.CancelScope() as scope:

            async def count(rounds: int = rounds, scope: trio.CancelScope = scope) -> None:
                for _ in range(rounds):
                    await trio.lowlevel.checkpoint()
                scope.cancel()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(count)
                await inodes(tree)
                nursery.cancel_scope.cancel()
        assert len(await inodes(tree)) == 7
        if scope.cancelled_caught:
            await tree.refresh()
            assert len(await inodes(tree)) == 7


# polling


async def test_without_events_a_listing_is_checked_when_it_is_old(autojump_clock: MockClock) -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = WatchedTree(camera)
    before = await inodes(tree)
    camera.add(folder, "NEW.JPG", b"new")
    await trio.sleep(POLL / 2)
    assert await inodes(tree) == before
    await trio.sleep(POLL / 2)
    camera.calls.clear()
    assert set(await inodes(tree)) - set(before) == {"card/DCIM/NEW.JPG"}
    assert camera.count("describe") == 2  # the new one, and one that is known, to see that it is still the same


async def test_a_name_that_an_old_listing_lacks_is_looked_for_in_a_new_one(autojump_clock: MockClock) -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = WatchedTree(camera)
    await inodes(tree)
    camera.add(folder, "NEW.JPG", b"new")
    node = await at(tree, "card/DCIM")
    assert isinstance(node, Folder)
    assert await node.find(b"NEW.JPG") is None
    await trio.sleep(POLL)
    camera.calls.clear()
    assert await node.find(b"P1.JPG") is not None
    assert camera.calls == []
    assert await node.find(b"NEW.JPG") is not None


async def test_with_events_it_is_checked_seldom(autojump_clock: MockClock) -> None:
    """No camera can be relied on to announce everything."""
    camera = ScriptedCamera()
    camera.sends_events = True
    folder = dcim(camera)
    tree = WatchedTree(camera)
    before = await inodes(tree)
    camera.add(folder, "NEW.JPG", b"new")
    await trio.sleep(CHECKED - 1)
    camera.calls.clear()
    await inodes(tree)
    assert camera.calls == []
    await trio.sleep(1)
    assert set(await inodes(tree)) - set(before) == {"card/DCIM/NEW.JPG"}


async def test_a_picture_without_an_event_after_events_about_stores(autojump_clock: MockClock) -> None:
    """They do not say that the camera announces pictures, too."""
    async with rigged(operations="-GetObjectPropList") as rig:
        rig.body.card.on_change = lambda event, handle: None
        add(rig, "1.JPG", b"old")
        tree = WatchedTree(rig.camera)
        rig.nursery.start_soon(Controls(tree, "virtual:test").follow)
        card = await at(tree, "card")
        assert await names_of(card) == ["1.JPG"]
        for event in (Event(EventCode.StorageInfoChanged, 0, (CARD,)), Event(EventCode.StoreAdded, 0, (MEMORY,))):
            rig.body.state.send(event)
        await trio.sleep(SETTLING + 1)
        assert tree.settles_at > 0  # the events came
        assert await names_of(card) == ["1.JPG"]
        add(rig, "2.JPG", b"new")
        await trio.sleep(POLL)
        assert await names_of(card) == ["1.JPG", "2.JPG"]


async def test_after_an_event_a_listing_is_made_again_for_each_reader_for_a_while(autojump_clock: MockClock) -> None:
    """Cameras announce a picture seconds before they list it."""
    camera = ScriptedCamera()
    camera.sends_events = True
    folder = dcim(camera)
    tree = WatchedTree(camera)
    node = await at(tree, "card/DCIM")
    before = await names_of(node)
    await tree.apply(FolderChanged(folder.number))
    assert await names_of(node) == before
    await trio.sleep(2)
    camera.add(folder, "LATE.JPG", b"late")
    assert await names_of(node) == [*before, "LATE.JPG"]
    await trio.sleep(SETTLING)
    camera.calls.clear()
    await names_of(node)
    assert camera.count("list") == 1  # the first after the time has passed, as the last was made before
    await names_of(node)
    assert camera.count("list") == 1


async def test_after_an_event_about_stores_that_is_true_of_all_folders(autojump_clock: MockClock) -> None:
    """A store comes seconds after its event, and its files seconds after it."""
    camera = ScriptedCamera()
    camera.sends_events = True
    tree = WatchedTree(camera)
    await tree.apply(FolderChanged(None))
    assert await names_of(tree.root) == ["card"]
    await trio.sleep(2)
    memory = camera.add(camera.root, "memory")
    assert await names_of(tree.root) == ["card", "memory"]
    assert await names_of(await at(tree, "memory")) == []
    await trio.sleep(2)
    camera.add(memory, "A.JPG", b"a")
    assert await names_of(await at(tree, "memory")) == ["A.JPG"]


async def test_what_a_new_folder_holds_may_come_later(autojump_clock: MockClock) -> None:
    camera = ScriptedCamera()
    camera.sends_events = True
    folder = dcim(camera)
    tree = WatchedTree(camera)
    await inodes(tree)
    new = camera.add(folder, "101TEST")
    await tree.apply(FolderChanged(folder.number))
    assert await names_of(await at(tree, "card/DCIM/101TEST")) == []
    camera.add(new, "A.JPG", b"a")
    await trio.sleep(2)
    assert await names_of(await at(tree, "card/DCIM/101TEST")) == ["A.JPG"]


@pytest.mark.parametrize("sends_events", [False, True])
async def test_a_file_that_became_another_without_an_event(sends_events: bool, autojump_clock: MockClock) -> None:
    """A card was formatted in the camera: the keys are those of before. A listing that is made again looks at one of them."""
    camera = ScriptedCamera()
    camera.sends_events = sends_events
    folder = dcim(camera, 3)
    tree = WatchedTree(camera)
    before = await inodes(tree)
    open_file = await at(tree, "card/DCIM/P1.JPG")
    assert isinstance(open_file, File)
    camera.remove(folder.inside[2])
    for thing in folder.inside:
        thing.data, thing.mtime_ns = b"other bytes", thing.mtime_ns + 10**9
    await trio.sleep(CHECKED if sends_events else POLL)
    await names_of(await at(tree, "card/DCIM"))
    after = await inodes(tree)
    assert set(before) - set(after) == {"card/DCIM/P3.JPG"}
    for name in ("P1.JPG", "P2.JPG"):
        node = await at(tree, f"card/DCIM/{name}")
        assert isinstance(node, File)
        assert node.size == len(b"other bytes")
        assert node.inode != before[f"card/DCIM/{name}"]
    with pytest.raises(errors.NotFound):
        await open_file.fetch(0, 1)


async def test_a_file_that_has_grown_without_an_event(autojump_clock: MockClock) -> None:
    """It is the same file: who has it open goes on."""
    camera = ScriptedCamera()
    folder = dcim(camera, 1)
    tree = WatchedTree(camera)
    node = await at(tree, "card/DCIM/P1.JPG")
    assert isinstance(node, File)
    folder.inside[0].data = b"longer than before"
    await trio.sleep(POLL)
    assert await nodes_of(await at(tree, "card/DCIM")) == [node]
    assert node.size == 18
    assert tree.dropped.inodes == ["card/DCIM/P1.JPG"]
    assert await node.fetch(0, 18) == b"longer than before"


async def test_the_check_of_one_file_takes_turns(autojump_clock: MockClock) -> None:
    """So that one handle that is used again, as a Sony does, is found too."""
    camera = ScriptedCamera()
    folder = dcim(camera, 3)
    tree = WatchedTree(camera)
    node = await at(tree, "card/DCIM")
    await names_of(node)
    camera.calls.clear()
    for _ in range(3):
        await trio.sleep(POLL)
        await names_of(node)
    assert {key for call, key in camera.calls if call == "describe"} == {thing.number for thing in folder.inside}


# a store under another key


async def test_a_store_whose_key_changes_keeps_its_inodes_and_open_files(autojump_clock: MockClock) -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = WatchedTree(camera)
    before = await inodes(tree)
    open_file = await at(tree, "card/DCIM/P3.JPG")
    assert isinstance(open_file, File)
    for thing in (camera.card, folder, *folder.inside):
        thing.number += 100
    await trio.sleep(POLL)
    camera.failing["list"] = errors.StoreUnavailable("no such storage", 0x2008)

    async def before_call(call: str, key: Key | None) -> None:
        if call == "list" and (key is None or key == camera.card.number or key == folder.number):
            camera.failing.pop("list", None)
        elif call == "list":
            camera.failing["list"] = errors.StoreUnavailable("no such storage", 0x2008)

    camera.before = before_call
    assert await names_of(await at(tree, "card/DCIM")) == ["P1.JPG", "P2.JPG", "P3.JPG"]
    assert await inodes(tree) == before
    assert await open_file.fetch(0, 3) == b"xxx"


async def test_a_store_that_lists_nothing_any_more_is_looked_for(autojump_clock: MockClock) -> None:
    """Some cameras answer with an empty list for a storage that is not there: that is no empty folder."""
    camera = ScriptedCamera()
    dcim(camera)
    camera.add(camera.root, "memory")
    tree = WatchedTree(camera)
    await inodes(tree)
    card = await at(tree, "card")
    camera.root.inside.remove(camera.card)
    honest = camera.list_folder

    async def list_folder(key: Key | None) -> Sequence[Key]:
        return [] if key == camera.card.number else await honest(key)

    camera.list_folder = list_folder  # type: ignore[method-assign]
    await trio.sleep(POLL)
    with pytest.raises(errors.NotFound):
        await names_of(card)
    assert await names_of(tree.root) == ["memory"]


async def test_a_card_that_is_put_in_again_has_its_inodes_again(autojump_clock: MockClock) -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    camera.add(camera.root, "memory")
    tree = WatchedTree(camera)
    before = await inodes(tree)
    open_file = await at(tree, "card/DCIM/P3.JPG")
    assert isinstance(open_file, File)
    camera.remove(camera.card)
    await tree.apply(KeyReused(camera.card.number))
    await tree.apply(FolderChanged(None))
    assert await names_of(tree.root) == ["memory"]
    assert ("", "card") in tree.dropped.entries
    with pytest.raises(errors.NotFound):
        await open_file.fetch(0, 1)
    camera.root.inside.append(camera.card)
    for thing in (camera.card, folder, *folder.inside):
        thing.number += 100
    await tree.apply(FolderChanged(None))
    assert await inodes(tree) == before
    assert await open_file.fetch(0, 3) == b"xxx"


# a new session


async def test_a_new_session_in_which_all_keys_are_others() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    camera.add(camera.add(folder, "inner"), "deep.txt", b"deep")
    tree = WatchedTree(camera)
    before = await inodes(tree)
    deep = await at(tree, "card/DCIM/inner/deep.txt")
    assert isinstance(deep, File)
    camera.lose_session()
    assert await deep.fetch(0, 4) == b"deep"  # also what is open
    assert await inodes(tree) == before


async def test_a_size_that_was_found_out_is_found_out_anew_in_a_new_session() -> None:
    """The file is known again by its name and date, although the camera tells its size no better than before."""
    camera = ScriptedCamera()
    folder = dcim(camera, 1)
    tree = WatchedTree(camera)
    node = await at(tree, "card/DCIM/P1.JPG")
    assert isinstance(node, File)
    honest = camera.entry
    camera.entry = lambda thing: replace(honest(thing), size=0, size_is_exact=False)  # type: ignore[method-assign]
    camera.lose_session()
    assert await node.fetch(0, 1) == b"x"
    assert (node.entry.key, node.entry.size, node.entry.size_is_exact) == (folder.inside[0].number, 0, False)


async def test_a_folder_that_is_not_there_in_the_new_session() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = WatchedTree(camera)
    node = await at(tree, "card/DCIM")
    file = await at(tree, "card/DCIM/P1.JPG")
    assert isinstance(node, Folder)
    assert isinstance(file, File)
    camera.remove(folder)
    other = camera.add(camera.card, "OTHER")
    camera.add(other, "P1.JPG", b"x", mtime_ns=1)
    other.number = folder.number
    camera.epoch += 1
    with pytest.raises(errors.NotFound):
        await node.listing()
    with pytest.raises(errors.NotFound):
        await file.fetch(0, 1)


@pytest.mark.parametrize("when", ["list", "describe"])
@pytest.mark.parametrize("passed", range(5))
async def test_a_session_that_is_lost_while_a_folder_is_listed(when: str, passed: int) -> None:
    """Half a listing must not pass for a whole one, nor one with what other keys mean now."""
    camera = ScriptedCamera()
    dcim(camera, 4)
    tree = WatchedTree(camera)
    await at(tree, "card/DCIM")
    left = passed

    async def before(call: str, _key: Key | None) -> None:
        nonlocal left
        if call == when:
            left -= 1
            if left == -1:
                camera.lose_session(lambda number: number % 4 + 3 if number > 2 else number)

    camera.before = before
    with contextlib.suppress(errors.RemoteProtocolError):
        names = await names_of(await at(tree, "card/DCIM"))
        assert names == ["P1.JPG", "P2.JPG", "P3.JPG", "P4.JPG"]
    assert await names_of(await at(tree, "card/DCIM")) == ["P1.JPG", "P2.JPG", "P3.JPG", "P4.JPG"]


async def test_a_session_that_is_lost_before_a_folder_is_listed_by_its_key_of_then() -> None:
    """The camera does not know the key any more: the folder is looked for, and is not taken to be gone."""
    camera = ScriptedCamera()
    dcim(camera)
    tree = WatchedTree(camera)
    node = await at(tree, "card/DCIM")
    assert isinstance(node, Folder)
    node.stale = True

    async def before(call: str, _key: Key | None) -> None:
        if call == "list":
            camera.before = ScriptedCamera().before
            camera.lose_session(lambda number: number + 100)

    camera.before = before
    assert await names_of(node) == ["P1.JPG", "P2.JPG", "P3.JPG"]


# what goes wrong


@pytest.mark.parametrize(
    "error",
    [
        errors.Refused("general", 0x2002),
        errors.AccessDenied("no", 0x200F),
        errors.NotFound("gone", 0x2009),
        errors.NotSupported("no", 0x2005),
        errors.InvalidValue("no", 0x201D),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
async def test_one_bad_object_never_hides_the_folder(error: errors.Refused, place: int) -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    folder.inside[place].failure = error
    tree = WatchedTree(camera)
    names = [f"P{number}.JPG" for number in (1, 2, 3) if number != place + 1]
    assert await names_of(await at(tree, "card/DCIM")) == names
    assert len(tree.notes) == 1
    assert "card/DCIM" in tree.notes[0]
    node = await at(tree, "card/DCIM")
    assert isinstance(node, Folder)
    assert await node.find(b"P%d.JPG" % (place + 1)) is None
    folder.inside[place].failure = None
    await tree.apply(FolderChanged(folder.number))
    assert len(await names_of(node)) == 3


@pytest.mark.parametrize(
    "error",
    [
        errors.Busy("busy", 0x2019),
        errors.StoreUnavailable("no card", 0x2013),
        errors.TransferTimeout("no answer"),
        errors.TransferStalled("halted"),
        errors.TransportError("no session"),
        errors.RemoteProtocolError("garbage"),
        errors.DeviceGone("gone"),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
async def test_what_is_about_the_camera_is_an_error(error: errors.CameraError, place: int) -> None:
    """A folder that lacks what could not be asked about is a folder that rsync deletes from the copy."""
    camera = ScriptedCamera()
    folder = dcim(camera)
    folder.inside[place].failure = error
    tree = WatchedTree(camera)
    node = await at(tree, "card/DCIM")
    assert isinstance(node, Folder)
    for _ in range(2):
        with pytest.raises(type(error)):
            await names_of(node)
        with pytest.raises(type(error)):
            await node.find(b"P3.JPG" if place < 2 else b"nothing")
    folder.inside[place].failure = None
    assert await names_of(node) == ["P1.JPG", "P2.JPG", "P3.JPG"]


async def test_not_one_object_that_can_be_described_is_no_empty_folder() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    for thing in folder.inside:
        thing.failure = errors.AccessDenied("locked", 0x200F)
    tree = WatchedTree(camera)
    node = await at(tree, "card/DCIM")
    assert isinstance(node, Folder)
    for _ in range(2):
        with pytest.raises(errors.AccessDenied):
            await names_of(node)
        with pytest.raises(errors.AccessDenied):
            await node.find(b"P1.JPG")
    for thing in folder.inside:
        thing.failure = None
    await tree.apply(FolderChanged(folder.number))
    assert len(await names_of(node)) == 3


async def test_all_objects_that_were_deleted_meanwhile_leave_an_empty_folder() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = WatchedTree(camera)
    node = await at(tree, "card/DCIM")
    assert isinstance(node, Folder)
    listing = await node.listing()
    folder.inside.clear()
    assert await listing.next(0) is None
    assert await names_of(node) == []


@pytest.mark.parametrize(
    "error",
    [
        errors.TransferTimeout("no answer"),
        errors.StoreUnavailable("no card", 0x2013),
        errors.Busy("busy", 0x2019),
        errors.Refused("general", 0x2002),
        errors.RemoteProtocolError("garbage"),
    ],
)
async def test_a_listing_that_fails_is_an_error_and_asked_for_again(error: errors.CameraError) -> None:
    camera = ScriptedCamera()
    dcim(camera)
    tree = WatchedTree(camera)
    before = await inodes(tree)
    await tree.refresh()
    camera.failing["list"] = error
    with pytest.raises(type(error)):
        await inodes(tree)
    with pytest.raises(type(error)):
        await at(tree, "card")
    camera.failing.clear()
    assert await inodes(tree) == before


async def test_a_camera_that_leaves_while_a_directory_is_read() -> None:
    camera = ScriptedCamera()
    dcim(camera)
    tree = WatchedTree(camera)
    node = await at(tree, "card/DCIM")
    assert isinstance(node, Folder)
    listing = await node.listing()
    await listing.at(0)
    camera.gone = True
    with pytest.raises(errors.DeviceGone):
        assert [node async for node in listing]


class Circular(ScriptedCamera):
    """A camera whose folder lists itself and those it lies in, and that describes each of them wherever it is listed."""

    def __init__(self) -> None:
        super().__init__()
        folder = dcim(self)
        self.inner = self.add(folder, "inner")
        self.add(self.inner, "deep.txt", b"deep")
        self.circle: list[Key] = [self.inner.number, folder.number, self.card.number]

    async def list_folder(self, key: Key | None) -> Sequence[Key]:
        listed = await super().list_folder(key)
        return [*self.circle, *listed] if key == self.inner.number else listed

    async def describe(self, key: Key, folder: Key | None) -> Entry | None:
        return await super().describe(key, None)


async def test_a_folder_in_itself() -> None:
    """A walk of it would never end."""
    camera = Circular()
    tree = WatchedTree(camera)
    assert await names_of(await at(tree, "card/DCIM/inner")) == ["deep.txt"]
    assert len(await inodes(tree)) == 7


async def test_a_key_that_is_listed_twice() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    honest = camera.list_folder

    async def twice(key: Key | None) -> list[Key]:
        return [*await honest(key), *await honest(key)]

    camera.list_folder = twice  # type: ignore[method-assign]
    tree = WatchedTree(camera)
    for _ in range(2):
        assert await names_of(await at(tree, "card/DCIM")) == ["P1.JPG", "P2.JPG", "P3.JPG"]
        await tree.apply(FolderChanged(folder.number))
