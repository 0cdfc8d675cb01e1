"""Files of the camera: the right bytes in whatever session, and handles that let go of the camera when the last one closes."""

import pytest

from camfs import errors
from camfs.cameras.api import EntryChanged, Gone, Key
from camfs.mount.file import File
from tests.cameras.rig import nursery
from tests.cameras.scripted import ScriptedCamera
from tests.mount.rig import WatchedTree, at, dcim, inodes


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
