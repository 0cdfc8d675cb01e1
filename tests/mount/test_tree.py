"""The tree: numbers and names that stay, listings that are whole or an error, and what happens when the camera changes."""

import contextlib
import stat

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from camfs import errors
from camfs.cameras.api import EntryChanged, EntryGone, FolderChanged, Gone, Key
from camfs.mount.names import unescape
from camfs.mount.tree import ROOT_INODE, Attributes, File, Folder, Listing, Node, Tree
from tests.cameras.rig import rigged
from tests.cameras.scripted import ScriptedCamera, Thing

POLL = 5.0


class Watched(Tree):
    """A tree that notes what the kernel is told."""

    def __init__(self, camera: ScriptedCamera, *, show_control: bool = False) -> None:
        super().__init__(camera, poll=POLL, show_control=show_control)
        self.entries_told: list[tuple[str, str]] = []
        self.nodes_told: list[str] = []
        self.notes: list[str] = []
        self.stale_entry = lambda folder, name, node: self.entries_told.append((folder.path(), name.decode()))
        self.stale_node = lambda node: self.nodes_told.append(node.path())
        self.note = self.notes.append


async def nodes_of(listing: Listing) -> list[Node]:
    nodes: list[Node] = []
    index = 0
    while True:
        try:
            node = await listing.at(index)
        except IndexError:
            return nodes
        index += 1
        if node is not None:
            nodes.append(node)


async def names_of(folder: Node) -> list[str]:
    assert isinstance(folder, Folder)
    return [node.name.decode() for node in await nodes_of(await folder.listing())]


async def at(tree: Tree, path: str) -> Node:
    node: Node = tree.root
    for name in path.split("/"):
        assert isinstance(node, Folder)
        found = await node.find(name.encode())
        assert found is not None, f"{path}: no {name}"
        node = found
    return node


async def inodes(tree: Tree) -> dict[str, int]:
    """Walk the tree; paths and inode numbers."""
    found: dict[str, int] = {}

    async def walk(folder: Folder) -> None:
        for node in await nodes_of(await folder.listing()):
            found[node.path()] = node.inode
            if isinstance(node, Folder):
                await walk(node)

    await walk(tree.root)
    return found


def dcim(camera: ScriptedCamera, count: int = 3) -> Thing:
    """Make card/DCIM with some files."""
    folder = camera.add(camera.card, "DCIM")
    for number in range(1, count + 1):
        camera.add(folder, f"P{number}.JPG", b"x" * number, mtime_ns=number)
    return folder


# ---------------------------------------------------------------------- looking


async def test_a_walk() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    camera.add(camera.add(folder, "inner"), "deep.txt", b"deep")
    camera.add(camera.root, "memory")
    tree = Watched(camera)
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
    assert await node.attributes() == Attributes(stat.S_IFREG, 0o444, 2, 2)
    assert await (await at(tree, "card/DCIM")).attributes() == Attributes(stat.S_IFDIR, 0o555, 0, 0)
    assert tree.node(node.inode) is node


async def test_the_first_name_costs_two() -> None:
    camera = ScriptedCamera()
    dcim(camera, 1000)
    tree = Watched(camera)
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
    tree = Watched(camera)
    folder = await at(tree, "card/DCIM")
    assert isinstance(folder, Folder)
    assert await folder.find(b"nothing") is None
    camera.calls.clear()
    assert await folder.find(b"nothing") is None
    assert camera.calls == []


async def test_reading_a_directory_describes_as_it_goes() -> None:
    camera = ScriptedCamera()
    dcim(camera, 100)
    tree = Watched(camera)
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
    tree = Watched(camera)
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
    assert len(await nodes_of(await node.listing())) == count
    assert camera.count("describe") == 0


# ---------------------------------------------------------------------- names


async def test_names_that_repeat_are_told_apart_and_stay() -> None:
    camera = ScriptedCamera()
    for size in range(1, 5):
        camera.add(camera.card, "A.JPG", b"x" * size)
    tree = Watched(camera)
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


async def test_names_that_are_no_names() -> None:
    camera = ScriptedCamera()
    for name in ("a/b", "", "", ".", "..", "a\0b", "a%2Fb", "x" * 300, "x" * 300, "card"):
        camera.add(camera.card, name, b"x")
    names = await names_of(await at(Watched(camera), "card"))
    assert len(set(names)) == 10
    assert all(name not in (".", "..", "") and "/" not in name and "\0" not in name for name in names)
    assert {unescape(name) for name in names} >= {"a/b", ".", "..", "a\0b", "a%2Fb", "card"}


async def test_a_store_with_the_name_of_a_control_file() -> None:
    camera = ScriptedCamera()
    store = camera.add(camera.root, ".status")
    tree = Watched(camera)
    control = Node(tree, tree.root, b".status")
    tree.root.hidden[b".status"] = control
    assert await names_of(tree.root) == ["card", f".status~{store.number:08x}"]
    assert await tree.root.find(b".status") is control
    assert isinstance(await at(tree, f".status~{store.number:08x}"), Folder)


async def test_control_files_are_shown_on_request() -> None:
    camera = ScriptedCamera()
    tree = Watched(camera, show_control=True)
    tree.root.hidden[b".status"] = Node(tree, tree.root, b".status")
    assert await names_of(tree.root) == ["card", ".status"]
    camera.remove(camera.card)
    camera.add(camera.root, "memory")
    await tree.apply(FolderChanged(None))
    assert await names_of(tree.root) == ["memory", ".status"]
    assert ("", "card") in tree.entries_told


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_whatever_happens_the_tree_is_what_the_camera_has(data: st.DataObject) -> None:
    """Files come, go, change places and numbers; names repeat. Inodes stay with their files, and are never used again."""

    async def main() -> None:
        camera = ScriptedCamera()
        tree = Watched(camera)
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
            shown = [tree.node(inode) for path, inode in found.items() if path != "card"]
            assert {node.entry.key for node in shown if isinstance(node, File)} == {file.number for file in files}
            for node in shown:
                assert isinstance(node, File)
                thing = camera.thing(node.entry.key)
                assert unescape(node.name.decode()).startswith(thing.name)
                assert seen.setdefault(node.inode, thing) is thing
                assert await node.current_entry() == camera.entry(thing)

    trio.run(main, clock=MockClock(autojump_threshold=0))


# ---------------------------------------------------------------------- numbers


async def test_numbers_are_never_used_again() -> None:
    camera = ScriptedCamera()
    tree = Watched(camera)
    used: set[int] = set()
    for number in range(50):
        thing = camera.add(camera.card, f"{number}.JPG", b"x")
        await tree.apply(FolderChanged(camera.card.number))
        inode = (await inodes(tree))[f"card/{number}.JPG"]
        assert inode not in used
        used.add(inode)
        camera.remove(thing)
        await tree.apply(EntryGone(thing.number))
        with pytest.raises(errors.NotFound):
            tree.node(inode)


async def test_a_removed_node_stays_while_the_kernel_has_it() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = Watched(camera)
    node = await at(tree, "card/DCIM/P1.JPG")
    node.lookups += 3
    await tree.apply(EntryGone(folder.inside[0].number))
    assert node.removed
    assert tree.node(node.inode) is node
    tree.forget(node.inode, 2)
    assert tree.node(node.inode) is node
    tree.forget(node.inode, 1)
    with pytest.raises(errors.NotFound):
        tree.node(node.inode)
    tree.forget(node.inode, 1)  # must not fail


async def test_a_node_that_the_kernel_forgets_keeps_its_number() -> None:
    camera = ScriptedCamera()
    dcim(camera)
    tree = Watched(camera)
    node = await at(tree, "card/DCIM/P1.JPG")
    node.lookups += 1
    tree.forget(node.inode, 1)
    assert await at(tree, "card/DCIM/P1.JPG") is node


@pytest.mark.parametrize("inode", [0, 2**64 - 1, 999])
async def test_numbers_of_nothing(inode: int) -> None:
    tree = Watched(ScriptedCamera())
    with pytest.raises(errors.NotFound):
        tree.node(inode)
    tree.forget(inode, 1)


async def test_a_folder_that_goes_takes_all_below_along() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    inner = camera.add(folder, "inner")
    camera.add(inner, "deep.txt", b"deep")
    tree = Watched(camera)
    await inodes(tree)
    deep = await at(tree, "card/DCIM/inner/deep.txt")
    assert isinstance(deep, File)
    camera.remove(folder)
    await tree.apply(EntryGone(folder.number))
    assert deep.removed
    assert set(tree.by_key.values()) == {await at(tree, "card")}
    assert len(list(tree.nodes())) == 2
    with pytest.raises(errors.NotFound):
        await deep.current_entry()
    assert await names_of(await at(tree, "card")) == []
    assert tree.entries_told == [("card", "DCIM")]


async def test_a_folder_that_goes_takes_along_what_awaited_its_listing() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = Watched(camera)
    await inodes(tree)
    camera.lose_session()
    listing = await (await at(tree, "card/DCIM")).listing()  # type: ignore[attr-defined]
    await listing.at(0)  # the others are not described yet
    camera.remove(folder)
    await tree.apply(EntryGone(folder.number))
    assert len(list(tree.nodes())) == 2
    assert set(tree.by_key.values()) == {await at(tree, "card")}


# ---------------------------------------------------------------------- changes


async def test_a_new_object() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = Watched(camera)
    before = await inodes(tree)
    camera.add(folder, "NEW.JPG", b"new")
    assert await inodes(tree) == before
    await tree.apply(FolderChanged(folder.number))
    assert tree.nodes_told == ["card/DCIM"]
    camera.calls.clear()
    after = await inodes(tree)
    assert after.items() >= before.items()
    assert set(after) - set(before) == {"card/DCIM/NEW.JPG"}
    assert camera.count("describe") == 1


async def test_an_object_that_goes() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = Watched(camera)
    before = await inodes(tree)
    camera.remove(folder.inside[1])
    await tree.apply(FolderChanged(folder.number))
    assert set(before) - set(await inodes(tree)) == {"card/DCIM/P2.JPG"}
    assert tree.entries_told == [("card/DCIM", "P2.JPG")]


async def test_an_object_that_is_replaced_by_another_of_its_name() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = Watched(camera)
    before = await inodes(tree)
    camera.remove(folder.inside[1])
    camera.add(folder, "P2.JPG", b"other bytes", mtime_ns=77)
    await tree.apply(FolderChanged(folder.number))
    after = await inodes(tree)
    assert set(after) == set(before)
    assert after["card/DCIM/P2.JPG"] not in before.values()
    assert ("card/DCIM", "P2.JPG") in tree.entries_told


async def test_a_change_of_bytes() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = Watched(camera)
    before = await inodes(tree)
    folder.inside[0].data = b"longer than before"
    await tree.apply(EntryChanged(folder.inside[0].number))
    assert await inodes(tree) == before
    node = await at(tree, "card/DCIM/P1.JPG")
    assert (await node.attributes()).size == 18
    assert tree.nodes_told == ["card/DCIM/P1.JPG"]


async def test_a_change_of_name() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = Watched(camera)
    await inodes(tree)
    folder.inside[0].name = "RENAMED.JPG"
    await tree.apply(EntryChanged(folder.inside[0].number))
    assert await names_of(await at(tree, "card/DCIM")) == ["RENAMED.JPG", "P2.JPG", "P3.JPG"]
    assert tree.entries_told == [("card/DCIM", "P1.JPG")]


async def test_changes_of_what_is_not_known() -> None:
    camera = ScriptedCamera()
    dcim(camera)
    tree = Watched(camera)
    for change in (FolderChanged(999), EntryGone(999), EntryChanged(999), FolderChanged(camera.card.number)):
        await tree.apply(change)
    assert tree.entries_told == []
    assert tree.nodes_told == []
    assert camera.calls == []


async def test_a_change_of_stores() -> None:
    camera = ScriptedCamera()
    dcim(camera)
    tree = Watched(camera)
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
    assert ("", "card") in tree.entries_told


async def test_an_event_in_a_new_session_is_not_about_what_had_its_key_before() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera, 2)
    one, other = folder.inside
    tree = Watched(camera)
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
    tree = Watched(camera)
    await inodes(tree)
    await tree.refresh()
    await at(tree, "card/DCIM/P2.JPG")  # P3 is not described again yet
    gone = folder.inside[2]
    camera.remove(gone)
    await tree.apply(EntryGone(gone.number))
    camera.add(folder, "P3.JPG", b"xxx", mtime_ns=3)
    await tree.apply(FolderChanged(folder.number))
    assert await names_of(await at(tree, "card/DCIM")) == ["P1.JPG", "P2.JPG", "P3.JPG"]


# ---------------------------------------------------------------------- reading while it changes


async def test_a_reader_of_a_directory_keeps_the_listing_it_began_with() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera, 20)
    tree = Watched(camera)
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
    tree = Watched(camera)
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
    tree = Watched(camera)
    node = await at(tree, "card/DCIM")
    assert isinstance(node, Folder)
    listing = await node.listing()
    await listing.at(1)
    for index in (3, 0):
        gone = folder.inside[index]
        camera.remove(gone)
        await tree.apply(EntryGone(gone.number))
    assert [shown.name for shown in await nodes_of(listing)] == [b"P2.JPG", b"P3.JPG", b"P5.JPG"]


async def test_a_reader_that_is_cancelled_spoils_nothing() -> None:
    for rounds in range(40):
        camera = ScriptedCamera()
        dcim(camera, 5)
        tree = Watched(camera)
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


# ---------------------------------------------------------------------- polling


async def test_without_events_a_listing_is_checked_when_it_is_old(autojump_clock: MockClock) -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = Watched(camera)
    before = await inodes(tree)
    camera.add(folder, "NEW.JPG", b"new")
    await trio.sleep(POLL / 2)
    assert await inodes(tree) == before
    await trio.sleep(POLL / 2)
    camera.calls.clear()
    assert set(await inodes(tree)) - set(before) == {"card/DCIM/NEW.JPG"}
    assert camera.count("describe") == 1


async def test_a_name_that_an_old_listing_lacks_is_looked_for_in_a_new_one(autojump_clock: MockClock) -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = Watched(camera)
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


async def test_with_events_it_is_not(autojump_clock: MockClock) -> None:
    camera = ScriptedCamera()
    camera.sends_events = True
    dcim(camera)
    tree = Watched(camera)
    await inodes(tree)
    await trio.sleep(1000)
    camera.calls.clear()
    await inodes(tree)
    assert camera.calls == []


async def test_refresh() -> None:
    camera = ScriptedCamera()
    camera.sends_events = True
    folder = dcim(camera)
    tree = Watched(camera)
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
    assert ("", "card") in tree.entries_told
    assert "card/DCIM/P1.JPG" in tree.nodes_told


# ---------------------------------------------------------------------- a new session


async def test_a_new_session_in_which_all_keys_are_others() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    camera.add(camera.add(folder, "inner"), "deep.txt", b"deep")
    tree = Watched(camera)
    before = await inodes(tree)
    deep = await at(tree, "card/DCIM/inner/deep.txt")
    assert isinstance(deep, File)
    camera.lose_session()
    assert await deep.fetch(0, 4) == b"deep"  # also what is open
    assert await inodes(tree) == before


async def test_a_new_session_in_which_keys_have_changed_places() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = Watched(camera)
    before = await inodes(tree)
    nodes = [await at(tree, f"card/DCIM/P{number}.JPG") for number in (1, 2, 3)]
    camera.lose_session(lambda number: number % 3 + 3 if number > 2 else number)
    for number, node in enumerate(nodes, 1):
        assert isinstance(node, File)
        assert await node.fetch(0, 10) == b"x" * number
    assert await inodes(tree) == before
    assert len(folder.inside) == 3


async def test_a_file_that_is_another_in_the_new_session() -> None:
    """It has the name, and not the bytes: who has the old one open must not get the new one's."""
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = Watched(camera)
    node = await at(tree, "card/DCIM/P2.JPG")
    assert isinstance(node, File)
    folder.inside[1].data = b"quite another"
    camera.lose_session(lambda number: number)
    with pytest.raises(errors.NotFound):
        await node.fetch(0, 2)
    new = await at(tree, "card/DCIM/P2.JPG")
    assert new is not node
    assert isinstance(new, File)
    assert await new.fetch(0, 13) == b"quite another"


async def test_a_file_whose_key_is_another_s_in_the_new_session() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = Watched(camera)
    node = await at(tree, "card/DCIM/P2.JPG")
    assert isinstance(node, File)
    key = node.entry.key
    folder.inside.pop(1)
    folder.inside[1].number = folder.inside[0].number
    folder.inside[0].number = key  # type: ignore[assignment]
    camera.epoch += 1
    with pytest.raises(errors.NotFound):
        await node.fetch(0, 2)


async def test_a_folder_that_is_not_there_in_the_new_session() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = Watched(camera)
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
    tree = Watched(camera)
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
    tree = Watched(camera)
    node = await at(tree, "card/DCIM")
    assert isinstance(node, Folder)
    node.stale = True

    async def before(call: str, _key: Key | None) -> None:
        if call == "list":
            camera.before = ScriptedCamera().before
            camera.lose_session(lambda number: number + 100)

    camera.before = before
    assert await names_of(node) == ["P1.JPG", "P2.JPG", "P3.JPG"]


async def test_a_session_that_is_lost_while_a_file_is_read() -> None:
    camera = ScriptedCamera()
    dcim(camera)
    tree = Watched(camera)
    node = await at(tree, "card/DCIM/P3.JPG")
    assert isinstance(node, File)
    lost = False

    async def before(call: str, _key: Key | None) -> None:
        nonlocal lost
        if call == "read" and not lost:
            lost = True
            camera.lose_session(lambda number: number % 3 + 3 if number > 2 else number)

    camera.before = before
    assert await node.fetch(0, 10) == b"xxx"
    assert camera.count("read") == 2


@pytest.mark.parametrize("call", ["list", "read", "describe"])
async def test_a_session_that_is_lost_again_and_again(call: str) -> None:
    camera = ScriptedCamera()
    dcim(camera)
    tree = Watched(camera)
    node = await at(tree, "card/DCIM/P3.JPG")
    assert isinstance(node, File)

    async def before(name: str, _key: Key | None) -> None:
        if name == call:
            camera.lose_session()

    camera.before = before
    camera.lose_session()
    for _ in range(2):
        with pytest.raises(errors.RemoteProtocolError):
            await node.fetch(0, 10)
    assert len(camera.calls) < 100
    camera.before = ScriptedCamera().before
    assert await node.fetch(0, 10) == b"xxx"


# ---------------------------------------------------------------------- what goes wrong


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
    tree = Watched(camera)
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
    tree = Watched(camera)
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
    tree = Watched(camera)
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
    tree = Watched(camera)
    node = await at(tree, "card/DCIM")
    assert isinstance(node, Folder)
    listing = await node.listing()
    folder.inside.clear()
    assert await nodes_of(listing) == []
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
    tree = Watched(camera)
    before = await inodes(tree)
    await tree.refresh()
    camera.failing["list"] = error
    with pytest.raises(type(error)):
        await inodes(tree)
    with pytest.raises(type(error)):
        await at(tree, "card")
    camera.failing.clear()
    assert await inodes(tree) == before


async def test_gone_is_never_an_empty_directory() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = Watched(camera)
    for path in await inodes(tree):
        (await at(tree, path)).lookups += 1
    nodes = [await at(tree, path) for path in ("card", "card/DCIM")]
    camera.gone = True
    await tree.apply(Gone())
    assert set(tree.nodes_told) >= {"card", "card/DCIM", "card/DCIM/P1.JPG"}
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


async def test_a_camera_that_leaves_while_a_directory_is_read() -> None:
    camera = ScriptedCamera()
    dcim(camera)
    tree = Watched(camera)
    node = await at(tree, "card/DCIM")
    assert isinstance(node, Folder)
    listing = await node.listing()
    await listing.at(0)
    camera.gone = True
    with pytest.raises(errors.DeviceGone):
        await nodes_of(listing)


async def test_a_folder_in_itself() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    inner = camera.add(folder, "inner")
    inner.inside = [inner, folder, camera.card]
    things: dict[Key | None, Thing] = {thing.number: thing for thing in (camera.card, folder, *folder.inside)}
    things[None] = camera.root
    camera.thing = things.__getitem__  # type: ignore[assignment, method-assign]
    tree = Watched(camera)
    assert await names_of(await at(tree, "card/DCIM/inner")) == []


async def test_a_key_that_is_listed_twice() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    honest = camera.list_folder

    async def twice(key: Key | None) -> list[Key]:
        return [*await honest(key), *await honest(key)]

    camera.list_folder = twice  # type: ignore[method-assign]
    tree = Watched(camera)
    for _ in range(2):
        assert await names_of(await at(tree, "card/DCIM")) == ["P1.JPG", "P2.JPG", "P3.JPG"]
        await tree.apply(FolderChanged(folder.number))


# ---------------------------------------------------------------------- by keys


async def test_finding_by_keys_describes_only_the_way() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera, 1000)
    tree = Watched(camera)
    thing = folder.inside[500]
    node = await tree.find_by_keys(await camera.locate(thing.number))
    assert node.path() == "card/DCIM/P501.JPG"
    assert camera.count("describe") == 3
    assert camera.count("list") == 0
    assert await at(tree, "card/DCIM/P501.JPG") is node
    assert (await inodes(tree))["card/DCIM/P501.JPG"] == node.inode


async def test_finding_by_keys_in_a_new_session() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = Watched(camera)
    before = await inodes(tree)
    camera.lose_session(lambda number: number % 3 + 3 if number > 2 else number)
    new = camera.add(folder, "NEW.JPG", b"new")
    for thing in (*folder.inside[:3], new):
        node = await tree.find_by_keys(await camera.locate(thing.number))
        assert node.path() == f"card/DCIM/{thing.name}"
        assert before.get(node.path(), node.inode) == node.inode


async def test_finding_what_is_not_there() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = Watched(camera)
    with pytest.raises(errors.NotFound):
        await tree.find_by_keys([camera.card.number, 999])
    with pytest.raises(errors.NotFound):
        await tree.find_by_keys([camera.card.number, folder.inside[0].number])


# ---------------------------------------------------------------------- on a real driver


async def test_ls_of_many_on_an_emulated_camera(autojump_clock: MockClock) -> None:
    async with rigged(objects="1500", operations="-9805") as rig:
        tree = Tree(rig.camera)
        rig.operations()
        found = await inodes(tree)
        assert len(found) == 1503
        assert len(rig.operations()) <= 1503 + 5


async def test_a_lost_session_on_an_emulated_camera(autojump_clock: MockClock) -> None:
    async with rigged(objects="12") as rig:
        tree = Tree(rig.camera)
        before = await inodes(tree)
        node = await at(tree, "card/DCIM/100CAMFS/CAMF0007.JPG")
        assert isinstance(node, File)
        data = bytes(await node.fetch(0, 100))
        rig.body.responder.close_session()
        assert bytes(await node.fetch(0, 100)) == data
        assert rig.camera.epoch == 1
        assert await inodes(tree) == before


async def test_another_card_on_an_emulated_camera(autojump_clock: MockClock) -> None:
    """With the handles of the first, as they are made from numbers; other names, other bytes."""
    async with rigged(objects="8") as rig:
        tree = Tree(rig.camera)

        async def follow() -> None:
            async for change in rig.camera.changes:
                await tree.apply(change)

        rig.nursery.start_soon(follow)
        before = await inodes(tree)
        rig.body.state.remove_card(rig.body.card.id)
        await wait_all_tasks_blocked()
        assert await inodes(tree) == {}
        for node in rig.body.card.folder("DCIM/100CAMFS").children:
            node.name = node.name.replace("CAMF", "ELSE")
        rig.body.state.insert_card(rig.body.card.id)
        await wait_all_tasks_blocked()
        after = await inodes(tree)
        assert "card/DCIM/100CAMFS/ELSE0001.JPG" in after
        assert not set(after.values()) & set(before.values())
