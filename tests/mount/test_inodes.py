"""Inode numbers: never used again, and their nodes kept for as long as the kernel holds them."""

import pytest

from camfs import errors
from camfs.cameras.api import EntryGone, FolderChanged
from tests.cameras.scripted import ScriptedCamera
from tests.mount.rig import WatchedTree, at, dcim, inodes


async def test_numbers_are_never_used_again() -> None:
    camera = ScriptedCamera()
    tree = WatchedTree(camera)
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
            tree.inodes.find(inode)


async def test_a_removed_node_stays_while_the_kernel_has_it() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = WatchedTree(camera)
    node = await at(tree, "card/DCIM/P1.JPG")
    node.lookups += 3
    await tree.apply(EntryGone(folder.inside[0].number))
    assert node.removed
    assert tree.inodes.find(node.inode) is node
    tree.inodes.forget(node.inode, 2)
    assert tree.inodes.find(node.inode) is node
    tree.inodes.forget(node.inode, 1)
    with pytest.raises(errors.NotFound):
        tree.inodes.find(node.inode)
    tree.inodes.forget(node.inode, 1)  # must not fail


async def test_a_node_that_the_kernel_forgets_keeps_its_number() -> None:
    camera = ScriptedCamera()
    dcim(camera)
    tree = WatchedTree(camera)
    node = await at(tree, "card/DCIM/P1.JPG")
    node.lookups += 1
    tree.inodes.forget(node.inode, 1)
    assert await at(tree, "card/DCIM/P1.JPG") is node


@pytest.mark.parametrize("inode", [0, 2**64 - 1, 999])
async def test_numbers_of_nothing(inode: int) -> None:
    tree = WatchedTree(ScriptedCamera())
    with pytest.raises(errors.NotFound):
        tree.inodes.find(inode)
    tree.inodes.forget(inode, 1)
