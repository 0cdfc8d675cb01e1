"""Files of the camera: the right bytes in whatever session, and handles that let go of the camera when the last one closes."""

import pytest
import trio

from camfs import errors
from camfs.cameras.api import EntryChanged, Gone, Key
from camfs.mount.file import File
from camfs.mount.handles import Handle
from tests.cameras.rig import nursery
from tests.cameras.scripted import ScriptedCamera
from tests.mount.rig import WatchedTree, at, dcim, inodes, nodes_of


async def test_a_new_session_in_which_keys_have_changed_places() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = WatchedTree(camera)
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
    tree = WatchedTree(camera)
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
    tree = WatchedTree(camera)
    node = await at(tree, "card/DCIM/P2.JPG")
    assert isinstance(node, File)
    key = node.entry.key
    folder.inside.pop(1)
    folder.inside[1].number = folder.inside[0].number
    folder.inside[0].number = key  # type: ignore[assignment]
    camera.epoch += 1
    with pytest.raises(errors.NotFound):
        await node.fetch(0, 2)


async def test_a_session_that_is_lost_while_a_file_is_read() -> None:
    camera = ScriptedCamera()
    dcim(camera)
    tree = WatchedTree(camera)
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
    tree = WatchedTree(camera)
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


# what was kept of it


async def read(node: File) -> bytes:
    """Read a file as who opens it anew."""
    handle = await node.open(writing=False)
    data = bytes(await handle.read(0, 100))
    await handle.close()
    return data


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("how", ["event", "refresh", "gone"])
async def test_bytes_that_have_changed_are_fetched_again(how: str, held: bool) -> None:
    """Also where size and date are what they were, so that all but the bytes says that it is the same file."""
    async with nursery() as work:
        camera = ScriptedCamera()
        thing = dcim(camera).inside[2]
        tree = WatchedTree(camera, work)
        node = await at(tree, "card/DCIM/P3.JPG")
        assert isinstance(node, File)
        node.lookups += held
        assert await read(node) == await read(node) == b"xxx"
        assert camera.count("read") == 1
        thing.data = b"new"
        if how == "event":
            await tree.apply(EntryChanged(thing.number))
        elif how == "refresh":
            await tree.refresh()
        else:
            await tree.apply(Gone())
            camera.epoch += 1
        again = await at(tree, "card/DCIM/P3.JPG")
        assert again is node
        assert await read(node) == b"new"
        if held:
            assert "card/DCIM/P3.JPG" in tree.dropped.inodes


async def test_who_has_it_open_gets_the_bytes_of_now_or_an_error() -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        thing = dcim(camera).inside[2]
        tree = WatchedTree(camera, work)
        node = await at(tree, "card/DCIM/P3.JPG")
        handle = await node.open(writing=False)
        assert bytes(await handle.read(0, 100)) == b"xxx"
        thing.data = b"other and longer"
        await tree.apply(EntryChanged(thing.number))
        assert bytes(await handle.read(0, 100)) == b"other and longer"


# sizes that the camera may have wrong


async def opened(node: File) -> Handle:
    """Open a file."""
    return await node.open(writing=False)


@pytest.mark.parametrize("claimed", [0, 2, 50])
async def test_a_size_in_doubt_is_found_out_when_the_file_is_opened(claimed: int) -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        thing = dcim(camera).inside[2]
        thing.data, thing.claimed = b"four", claimed
        tree = WatchedTree(camera, work)
        node = await at(tree, "card/DCIM/P3.JPG")
        assert isinstance(node, File)
        shown = await node.attributes()
        assert (shown.size, shown.lasting) == (claimed, False)
        handle = await opened(node)
        assert handle.direct_io  # the kernel has heard of another size, and might take that for the end
        shown = await node.attributes()
        assert (shown.size, shown.lasting) == (4, True)
        assert await handle.read(0, 100) == b"four"
        assert await handle.read(4, 100) == b""
        again = await opened(node)
        assert not again.direct_io
        assert camera.count("measure") == 1 + (claimed == 0)
        await handle.close()
        await again.close()


async def test_many_who_open_a_file_at_once_have_it_measured_once() -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        thing = dcim(camera).inside[2]
        thing.claimed = 1
        tree = WatchedTree(camera, work)
        node = await at(tree, "card/DCIM/P3.JPG")
        assert isinstance(node, File)
        async with trio.open_nursery() as openers:
            for _ in range(8):
                openers.start_soon(opened, node)
        assert camera.count("measure") == 1
        assert node.open_handles == 8


async def test_a_file_of_unknown_size_is_read_to_its_end() -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        thing = dcim(camera).inside[2]
        thing.data, thing.claimed, thing.bound = b"x" * 100, 0, 1 << 40
        tree = WatchedTree(camera, work)
        node = await at(tree, "card/DCIM/P3.JPG")
        assert isinstance(node, File)
        handle = await opened(node)
        assert handle.direct_io
        shown = await node.attributes()
        assert (shown.size, shown.lasting) == (1 << 40, False)
        assert await handle.read(0, 60) == b"x" * 60
        assert await handle.read(60, 60) == b"x" * 40
        assert await handle.read(100, 60) == b""
        thing.claimed = thing.bound = None
        await tree.apply(EntryChanged(thing.number))
        assert await handle.read(50, 60) == b"x" * 50
        shown = await node.attributes()
        assert (shown.size, shown.lasting) == (100, True)
        await handle.close()


@pytest.mark.parametrize("held", [False, True])
async def test_a_file_that_cannot_be_measured_is_not_opened(held: bool) -> None:
    """What the camera may have begun to send for it is for nobody then, unless somebody else reads it."""
    async with nursery() as work:
        camera = ScriptedCamera()
        thing = dcim(camera).inside[2]
        tree = WatchedTree(camera, work)
        node = await at(tree, "card/DCIM/P3.JPG")
        assert isinstance(node, File)
        if held:
            await opened(node)
        thing.claimed = 0
        node.entry = camera.entry(thing)
        camera.failing["measure"] = errors.AccessDenied("no")
        with pytest.raises(errors.AccessDenied):
            await opened(node)
        assert camera.count("release") == (not held)
        assert node.open_handles == held


async def test_who_has_a_file_open_is_never_told_a_size_in_doubt() -> None:
    """After a lost session its size is in doubt again; the kernel would take it for the end of the file."""
    async with nursery() as work:
        camera = ScriptedCamera()
        thing = dcim(camera).inside[2]
        thing.data, thing.claimed = b"four", 0
        tree = WatchedTree(camera, work)
        node = await at(tree, "card/DCIM/P3.JPG")
        assert isinstance(node, File)
        handle = await opened(node)
        assert await handle.read(0, 2) == b"fo"
        inode = node.inode
        camera.lose_session()
        assert [each.name for each in await nodes_of(node.folder)] == [b"P1.JPG", b"P2.JPG", b"P3.JPG"]
        assert not node.entry.size_is_exact
        assert (await node.attributes(exact=False)).size == 4
        assert (await node.attributes()).size == 4
        assert await handle.read(2, 100) == b"ur"
        thing.data = b"five!"
        await tree.apply(EntryChanged(thing.number))
        assert (await node.attributes(exact=False)).size == 5
        assert await handle.read(2, 100) == b"ve!"
        assert (await at(tree, "card/DCIM/P3.JPG")).inode == inode


async def test_a_file_that_cannot_be_measured_any_more_is_an_error_to_who_reads_it() -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        thing = dcim(camera).inside[2]
        thing.data, thing.claimed = b"four", 0
        tree = WatchedTree(camera, work)
        node = await at(tree, "card/DCIM/P3.JPG")
        assert isinstance(node, File)
        handle = await opened(node)
        camera.failing["measure"] = errors.RemoteProtocolError("nonsense")
        await tree.apply(EntryChanged(thing.number))
        with pytest.raises(errors.RemoteProtocolError):
            await handle.read(0, 100)
        with pytest.raises(errors.RemoteProtocolError):
            await node.attributes()


async def test_an_empty_file_is_shown_although_it_cannot_be_looked_at() -> None:
    camera = ScriptedCamera()
    thing = dcim(camera).inside[2]
    thing.claimed = 0
    tree = WatchedTree(camera)
    node = await at(tree, "card/DCIM/P3.JPG")
    camera.failing["measure"] = errors.Busy("no")
    assert (await node.attributes()).size == 0
    camera.failing["measure"] = errors.DeviceGone("no")
    with pytest.raises(errors.DeviceGone):
        await node.attributes()
