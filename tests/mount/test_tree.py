"""The tree: what happens to it, and to what the kernel remembers, when the camera changes."""

import contextlib
import errno
from collections.abc import Awaitable, Callable

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from camfs import errors
from camfs.cameras.api import EntryChanged, EntryGone, FolderChanged, Gone, Key, KeyReused
from camfs.mount.errnos import BadRequest
from camfs.mount.file import File
from camfs.mount.folder import Folder
from camfs.mount.names import unescape
from tests.cameras.rig import Rig, nursery, rigged
from tests.cameras.scripted import ScriptedCamera, Thing
from tests.mount.rig import WatchedTree, at, dcim, inodes, names_of


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_whatever_happens_the_tree_is_what_the_camera_has(data: st.DataObject) -> None:
    """Files come, go, change places and numbers; names repeat. Inodes stay with their files, and are never used again."""

    async def main() -> None:
        camera = ScriptedCamera()
        tree = WatchedTree(camera)
        chance = data.draw(st.randoms(use_true_random=False))
        files: list[Thing] = []
        seen: dict[int, Thing] = {}
        for size in range(1, data.draw(st.integers(1, 25))):
            action = chance.choice(["add", "add", "remove", "event", "renumber", "refresh", "shuffle", "walk"])
            if action == "add":
                files.append(camera.add(camera.card, chance.choice(["A", "B", "C/"]), b"x" * size))
                await tree.apply(FolderChanged(camera.card.number))
            elif action in ("remove", "event") and files:
                gone = files.pop(chance.randrange(len(files)))
                camera.remove(gone)
                if action == "remove":
                    await tree.apply(FolderChanged(camera.card.number))
                else:
                    await tree.apply(EntryGone(gone.number))
            elif action == "renumber":
                order = list(range(100))
                chance.shuffle(order)
                camera.lose_session(lambda number: order[number] if number < 100 else number)  # noqa: B023
            elif action == "refresh":
                await tree.refresh()
            elif action == "shuffle":
                chance.shuffle(camera.card.inside)
                await tree.apply(FolderChanged(camera.card.number))
            found = await inodes(tree)
            assert len(found) == len(files) + 1
            shown = [tree.inodes.find(inode) for path, inode in found.items() if path != "card"]
            assert {node.entry.key for node in shown if isinstance(node, File)} == {file.number for file in files}
            for node in shown:
                assert isinstance(node, File)
                thing = camera.thing(node.entry.key)
                assert unescape(node.name.decode()).startswith(thing.name)
                assert seen.setdefault(node.inode, thing) is thing
                assert await node.current_entry() == camera.entry(thing)

    trio.run(main, clock=MockClock(autojump_threshold=0))


async def test_a_folder_that_goes_takes_all_below_along() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    inner = camera.add(folder, "inner")
    camera.add(inner, "deep.txt", b"deep")
    tree = WatchedTree(camera)
    await inodes(tree)
    deep = await at(tree, "card/DCIM/inner/deep.txt")
    assert isinstance(deep, File)
    camera.remove(folder)
    await tree.apply(EntryGone(folder.number))
    assert deep.removed
    assert set(tree.by_key.values()) == {await at(tree, "card")}
    assert len(list(tree.inodes)) == 2
    with pytest.raises(errors.NotFound):
        await deep.current_entry()
    assert await names_of(await at(tree, "card")) == []
    assert tree.dropped.entries == [("card", "DCIM")]


async def test_a_folder_that_goes_takes_along_what_awaited_its_listing() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = WatchedTree(camera)
    await inodes(tree)
    camera.lose_session()
    listing = await (await at(tree, "card/DCIM")).listing()  # type: ignore[attr-defined]
    await listing.at(0)  # the others are not described yet
    camera.remove(folder)
    await tree.apply(EntryGone(folder.number))
    assert len(list(tree.inodes)) == 2
    assert set(tree.by_key.values()) == {await at(tree, "card")}


# changes


async def test_a_new_object() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = WatchedTree(camera)
    before = await inodes(tree)
    camera.add(folder, "NEW.JPG", b"new")
    assert await inodes(tree) == before
    await tree.apply(FolderChanged(folder.number))
    assert tree.dropped.inodes == ["card/DCIM"]
    camera.calls.clear()
    after = await inodes(tree)
    assert after.items() >= before.items()
    assert set(after) - set(before) == {"card/DCIM/NEW.JPG"}
    assert camera.count("describe") == 1


async def test_an_object_that_goes() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = WatchedTree(camera)
    before = await inodes(tree)
    camera.remove(folder.inside[1])
    await tree.apply(FolderChanged(folder.number))
    assert set(before) - set(await inodes(tree)) == {"card/DCIM/P2.JPG"}
    assert tree.dropped.entries == [("card/DCIM", "P2.JPG")]


async def test_an_object_that_is_replaced_by_another_of_its_name() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = WatchedTree(camera)
    before = await inodes(tree)
    camera.remove(folder.inside[1])
    camera.add(folder, "P2.JPG", b"other bytes", mtime_ns=77)
    await tree.apply(FolderChanged(folder.number))
    after = await inodes(tree)
    assert set(after) == set(before)
    assert after["card/DCIM/P2.JPG"] not in before.values()
    assert ("card/DCIM", "P2.JPG") in tree.dropped.entries


async def test_a_change_of_bytes() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = WatchedTree(camera)
    before = await inodes(tree)
    folder.inside[0].data = b"longer than before"
    await tree.apply(EntryChanged(folder.inside[0].number))
    assert await inodes(tree) == before
    node = await at(tree, "card/DCIM/P1.JPG")
    assert (await node.attributes()).size == 18
    assert tree.dropped.inodes == ["card/DCIM/P1.JPG"]


async def test_a_change_of_name() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = WatchedTree(camera)
    await inodes(tree)
    folder.inside[0].name = "RENAMED.JPG"
    await tree.apply(EntryChanged(folder.inside[0].number))
    assert await names_of(await at(tree, "card/DCIM")) == ["RENAMED.JPG", "P2.JPG", "P3.JPG"]
    assert tree.dropped.entries == [("card/DCIM", "P1.JPG")]


# a key that is used again


@pytest.mark.parametrize(
    ("name", "data", "mtime_ns", "stays"),
    [
        ("P2.JPG", b"xx", 2, True),  # the event came late, and the file had been listed before
        ("P2.JPG", b"yy", 2, True),  # that cannot be told, but the bytes are fetched anew
        ("P2.JPG", b"yy", 9, False),
        ("P2.JPG", b"yyy", 2, False),
        ("NEW.JPG", b"xx", 2, False),
        ("P2.JPG", None, 2, False),
    ],
)
async def test_a_key_that_is_used_again(name: str, data: bytes | None, mtime_ns: int, stays: bool) -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    async with nursery() as work:
        tree = WatchedTree(camera, work)
        before = await inodes(tree)
        node = await at(tree, "card/DCIM/P2.JPG")
        assert isinstance(node, File)
        handle = await node.open(writing=False)
        assert bytes(await handle.read(0, 9)) == b"xx"
        thing = folder.inside[1]
        thing.name, thing.data, thing.mtime_ns = name, data, mtime_ns
        await tree.apply(KeyReused(thing.number))
        assert ("card/DCIM", "P2.JPG") in tree.dropped.entries
        assert "card/DCIM/P2.JPG" in tree.dropped.inodes
        after = await inodes(tree)
        assert set(after) == {"card", "card/DCIM", "card/DCIM/P1.JPG", f"card/DCIM/{name}", "card/DCIM/P3.JPG"}
        assert (after[f"card/DCIM/{name}"] == before["card/DCIM/P2.JPG"]) is stays
        if stays:
            assert bytes(await handle.read(0, 9)) == data
        else:  # never the bytes of two files in one copy
            with pytest.raises(BadRequest) as failure:
                await handle.read(0, 9)
            assert failure.value.errno == errno.ESTALE
        await handle.close()
        if data is not None:
            again = await (await at(tree, f"card/DCIM/{name}")).open(writing=False)
            assert bytes(await again.read(0, 9)) == data
            assert again.keep_cache is not stays  # the kernel may not have dropped the pages yet
            await again.close()


async def test_a_key_that_is_used_again_in_another_folder() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    other = camera.add(camera.card, "OTHER")
    tree = WatchedTree(camera)
    await inodes(tree)
    thing = folder.inside[1]
    camera.remove(thing)
    other.inside.append(thing)
    thing.above, thing.name = other, "NEW.JPG"
    await tree.apply(KeyReused(thing.number))
    await tree.apply(FolderChanged(other.number))
    assert await names_of(await at(tree, "card/DCIM")) == ["P1.JPG", "P3.JPG"]
    assert await names_of(await at(tree, "card/OTHER")) == ["NEW.JPG"]


async def test_a_folder_whose_key_is_used_again_for_one_of_its_name() -> None:
    """Nothing below it is taken for what it was."""
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = WatchedTree(camera)
    before = await inodes(tree)
    folder.inside[0].data = b"new bytes"
    await tree.apply(KeyReused(folder.number))
    after = await inodes(tree)
    changed = {path for path in before if after[path] != before[path]}
    assert changed == {"card/DCIM/P1.JPG"}


async def test_a_file_without_a_date_is_never_taken_for_the_same() -> None:
    camera = ScriptedCamera()
    thing = camera.add(camera.card, "A.JPG", b"old")
    tree = WatchedTree(camera)
    node = await at(tree, "card/A.JPG")
    assert isinstance(node, File)
    thing.data = b"new"
    for key in (thing.number, camera.card.number):
        await tree.apply(KeyReused(key))
        assert node.removed
        with pytest.raises(errors.NotFound):
            await node.fetch(0, 3)
        node = await at(tree, "card/A.JPG")
        assert isinstance(node, File)
        assert await node.fetch(0, 3) == b"new"


async def test_what_is_fetched_of_a_key_that_is_used_again_meanwhile() -> None:
    """The bytes in flight may be the new file's: they are neither kept nor given out as the old one's."""
    camera = ScriptedCamera()
    folder = dcim(camera)
    async with nursery() as work:
        tree = WatchedTree(camera, work)
        node = await at(tree, "card/DCIM/P2.JPG")
        thing = folder.inside[1]
        fetched = trio.Event()

        async def before(call: str, _key: Key | None) -> None:
            if call == "read":
                camera.before = ScriptedCamera().before
                thing.data, thing.mtime_ns = b"yy", 9
                fetched.set()
                await wait_all_tasks_blocked()

        camera.before = before
        handle = await node.open(writing=False)
        async with trio.open_nursery() as reading:

            async def read() -> None:
                with pytest.raises(BadRequest):
                    await handle.read(0, 2)

            reading.start_soon(read)
            await fetched.wait()
            await tree.apply(KeyReused(thing.number))


async def test_finding_something_new_under_a_key_that_was_known() -> None:
    """A Sony gives each shot the same handle; its event may be applied later."""
    camera = ScriptedCamera()
    folder = dcim(camera, 1)
    tree = WatchedTree(camera)
    old = await at(tree, "card/DCIM/P1.JPG")
    thing = folder.inside[0]
    thing.name, thing.mtime_ns = "P2.JPG", 9
    node = await tree.find_new(await camera.locate(thing.number))
    assert node.path() == "card/DCIM/P2.JPG"
    assert node is not old
    assert await names_of(await at(tree, "card/DCIM")) == ["P2.JPG"]


async def test_a_change_of_what_cannot_be_described_now_puts_it_in_doubt() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = WatchedTree(camera)
    await inodes(tree)
    folder.inside[0].data = b"longer"
    folder.inside[0].failure = errors.AccessDenied("not now", 0x200F)
    with pytest.raises(errors.AccessDenied):
        await tree.apply(EntryChanged(folder.inside[0].number))
    folder.inside[0].failure = None
    node = await at(tree, "card/DCIM/P1.JPG")
    assert (await node.attributes()).size == 6


async def test_changes_of_what_is_not_known() -> None:
    camera = ScriptedCamera()
    dcim(camera)
    tree = WatchedTree(camera)
    unknown = (FolderChanged(999), EntryGone(999), EntryChanged(999), KeyReused(999))
    for change in (*unknown, FolderChanged(camera.card.number)):
        await tree.apply(change)
    assert tree.dropped.entries == []
    assert tree.dropped.inodes == []
    assert camera.calls == []


async def test_a_change_of_stores() -> None:
    camera = ScriptedCamera()
    dcim(camera)
    tree = WatchedTree(camera)
    before = await inodes(tree)
    memory = camera.add(camera.root, "memory")
    camera.add(memory, "M.JPG", b"m")
    await tree.apply(FolderChanged(None))
    after = await inodes(tree)
    assert set(after) - set(before) == {"memory", "memory/M.JPG"}
    assert after.items() >= before.items()
    camera.remove(camera.card)
    await tree.apply(FolderChanged(None))
    assert set(await inodes(tree)) == {"memory", "memory/M.JPG"}
    assert ("", "card") in tree.dropped.entries


async def test_an_event_in_a_new_session_is_not_about_what_had_its_key_before() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera, 2)
    one, other = folder.inside
    tree = WatchedTree(camera)
    before = await inodes(tree)
    numbers = {one.number: other.number, other.number: one.number}
    camera.lose_session(lambda number: numbers.get(number, number))
    camera.remove(other)  # its key is what the key of `one` was
    await tree.apply(EntryGone(other.number))
    await tree.apply(EntryChanged(other.number))
    after = await inodes(tree)
    assert set(after) == set(before) - {"card/DCIM/P2.JPG"}
    assert after["card/DCIM/P1.JPG"] == before["card/DCIM/P1.JPG"]


async def test_a_file_that_is_deleted_and_made_again_while_nothing_is_listed() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = WatchedTree(camera)
    await inodes(tree)
    await tree.refresh()
    await at(tree, "card/DCIM/P2.JPG")  # P3 is not described again yet
    gone = folder.inside[2]
    camera.remove(gone)
    await tree.apply(EntryGone(gone.number))
    camera.add(folder, "P3.JPG", b"xxx", mtime_ns=3)
    await tree.apply(FolderChanged(folder.number))
    assert await names_of(await at(tree, "card/DCIM")) == ["P1.JPG", "P2.JPG", "P3.JPG"]


async def _gone(tree: WatchedTree, camera: ScriptedCamera, folder: Thing) -> None:
    camera.remove(folder)
    await tree.apply(EntryGone(folder.number))


async def _swapped(tree: WatchedTree, camera: ScriptedCamera, folder: Thing) -> None:
    await tree.apply(KeyReused(camera.card.number))


async def _refreshed(tree: WatchedTree, camera: ScriptedCamera, folder: Thing) -> None:
    await tree.refresh()


@pytest.mark.parametrize("happen", [_gone, _swapped, _refreshed])
async def test_names_below_a_folder_that_is_in_doubt_or_gone(
    happen: Callable[[WatchedTree, ScriptedCamera, Thing], Awaitable[None]],
) -> None:
    """The kernel drops those that it knows, too: while a program stands in the folder, it keeps them when that loses its name."""
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = WatchedTree(camera)
    for path in await inodes(tree):
        (await at(tree, path)).lookups += path != "card/DCIM/P2.JPG"
    await happen(tree, camera, folder)
    dropped = {name for above, name in tree.dropped.entries if above == "card/DCIM"}
    assert dropped == {"P1.JPG", "P3.JPG"}


async def test_the_first_change_of_a_session() -> None:
    """It may be about something that the tree knows by another key: the kernel must not go on with its name."""
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = WatchedTree(camera)
    for path in await inodes(tree):
        (await at(tree, path)).lookups += 1
    camera.lose_session()
    gone = folder.inside[1]
    camera.remove(gone)
    await tree.apply(EntryGone(gone.number))
    assert ("card/DCIM", "P2.JPG") in tree.dropped.entries
    tree.dropped.entries.clear()
    assert await names_of(await at(tree, "card/DCIM")) == ["P1.JPG", "P3.JPG"]
    tree.dropped.entries.clear()
    await tree.apply(EntryGone(gone.number))
    assert tree.dropped.entries == []


@pytest.mark.parametrize("change", [EntryGone, EntryChanged])
async def test_a_key_that_meant_another_in_the_session_before(
    change: Callable[[Key], EntryGone | EntryChanged],
) -> None:
    """The folder is listed, and not yet described to the end: the file that had this key before is not what is gone or changed."""
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = WatchedTree(camera)
    before = await inodes(tree)
    first, second, third = folder.inside
    first.number, second.number, third.number = third.number, first.number, second.number
    camera.epoch += 1
    node = await at(tree, "card/DCIM")
    assert isinstance(node, Folder)
    await node.listing()
    if change is EntryGone:
        camera.remove(second)
    await tree.apply(change(second.number))
    after = await inodes(tree)
    assert after["card/DCIM/P1.JPG"] == before["card/DCIM/P1.JPG"]
    assert after["card/DCIM/P3.JPG"] == before["card/DCIM/P3.JPG"]


# polling


async def test_refresh() -> None:
    camera = ScriptedCamera()
    camera.sends_events = True
    folder = dcim(camera)
    tree = WatchedTree(camera)
    before = await inodes(tree)
    for path in ("card", "card/DCIM/P1.JPG"):
        (await at(tree, path)).lookups += 1
    folder.inside[1].data = b"grown"
    camera.add(folder, "NEW.JPG", b"new")
    await tree.refresh()
    after = await inodes(tree)
    assert camera.count("refresh") == 1
    assert set(after) - set(before) == {"card/DCIM/NEW.JPG"}
    assert after["card/DCIM/P1.JPG"] == before["card/DCIM/P1.JPG"]
    assert (await (await at(tree, "card/DCIM/P2.JPG")).attributes()).size == 5
    assert ("", "card") in tree.dropped.entries
    assert "card/DCIM/P1.JPG" in tree.dropped.inodes


# what goes wrong


async def test_gone_is_never_an_empty_directory() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = WatchedTree(camera)
    for path in await inodes(tree):
        (await at(tree, path)).lookups += 1
    nodes = [await at(tree, path) for path in ("card", "card/DCIM")]
    camera.gone = True
    await tree.apply(Gone())
    assert set(tree.dropped.inodes) >= {"card", "card/DCIM", "card/DCIM/P1.JPG"}
    for node in nodes:
        assert isinstance(node, Folder)
        node.stale = True
        with pytest.raises(errors.DeviceGone):
            await names_of(node)
    with pytest.raises(errors.DeviceGone):
        await tree.apply(FolderChanged(None))
    with pytest.raises(errors.DeviceGone):
        await names_of(tree.root)
    assert len(folder.inside) == 3


# something new


async def test_finding_something_new_describes_only_the_way() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera, 1000)
    tree = WatchedTree(camera)
    thing = folder.inside[500]
    node = await tree.find_new(await camera.locate(thing.number))
    assert node.path() == "card/DCIM/P501.JPG"
    assert camera.count("describe") == 3
    assert camera.count("list") == 0
    assert await at(tree, "card/DCIM/P501.JPG") is node
    assert (await inodes(tree))["card/DCIM/P501.JPG"] == node.inode


async def test_finding_something_new_in_a_new_session() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = WatchedTree(camera)
    before = await inodes(tree)
    camera.lose_session(lambda number: number % 3 + 3 if number > 2 else number)
    new = camera.add(folder, "NEW.JPG", b"new")
    for thing in (*folder.inside[:3], new):
        node = await tree.find_new(await camera.locate(thing.number))
        assert node.path() == f"card/DCIM/{thing.name}"
        assert before.get(node.path(), node.inode) == node.inode


async def test_finding_what_is_not_there() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = WatchedTree(camera)
    with pytest.raises(errors.NotFound):
        await tree.find_new([camera.card.number, 999])
    with pytest.raises(errors.NotFound):
        await tree.find_new([camera.card.number, folder.inside[0].number])


# on a real driver


async def test_ls_of_many_on_an_emulated_camera(autojump_clock: MockClock) -> None:
    async with rigged(objects="1500", operations="-9805") as rig:
        tree = WatchedTree(rig.camera, rig.nursery)
        rig.operations()
        found = await inodes(tree)
        assert len(found) == 1503
        assert len(rig.operations()) <= 1503 + 5


async def test_a_lost_session_on_an_emulated_camera(autojump_clock: MockClock) -> None:
    async with rigged(objects="12") as rig:
        tree = WatchedTree(rig.camera, rig.nursery)
        before = await inodes(tree)
        node = await at(tree, "card/DCIM/100CAMFS/CAMF0007.JPG")
        assert isinstance(node, File)
        data = bytes(await node.fetch(0, 100))
        rig.body.responder.close_session()
        assert bytes(await node.fetch(0, 100)) == data
        assert rig.camera.epoch == 1
        assert await inodes(tree) == before


async def follow(rig: Rig, tree: WatchedTree) -> None:
    """Apply what the camera announces, as a mount does."""
    async for change in rig.camera.changes:
        with contextlib.suppress(errors.StoreUnavailable):
            await tree.apply(change)


async def test_another_card_on_an_emulated_camera(autojump_clock: MockClock) -> None:
    """With the handles of the first, as they are made from numbers; other names, other bytes."""
    async with rigged(objects="8") as rig:
        tree = WatchedTree(rig.camera, rig.nursery)
        rig.nursery.start_soon(follow, rig, tree)
        before = await inodes(tree)
        open_file = await at(tree, "card/DCIM/100CAMFS/CAMF0001.JPG")
        assert isinstance(open_file, File)
        rig.body.state.remove_card(rig.body.card.id)
        await wait_all_tasks_blocked()
        for path in ("", "card", "card/DCIM"):  # never an empty directory
            with pytest.raises(errors.StoreUnavailable):
                await (names_of(await at(tree, path)) if path else names_of(tree.root))
        for node in rig.body.card.folder("DCIM/100CAMFS").children:
            node.name = node.name.replace("CAMF", "ELSE")
        rig.body.state.insert_card(rig.body.card.id)
        await wait_all_tasks_blocked()
        after = await inodes(tree)
        assert "card/DCIM/100CAMFS/ELSE0001.JPG" in after
        assert {path for path, inode in after.items() if before.get(path) == inode} == {
            "card",
            "card/DCIM",
            "card/DCIM/100CAMFS",
        }
        assert not {inode for path, inode in after.items() if "ELSE" in path} & set(before.values())
        with pytest.raises(errors.NotFound):
            await open_file.fetch(0, 1)
