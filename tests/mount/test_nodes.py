"""Nodes: their paths, and listings that pass over places that show nothing."""

import errno

import pytest

from camfs.mount.errnos import BadRequest
from camfs.mount.nodes import Directory, DirectoryListing, FixedListing, Node
from tests.cameras.scripted import ScriptedCamera
from tests.mount.rig import WatchedTree


class Gaps(DirectoryListing):
    """Places of which some show nothing."""

    def __init__(self, places: list[Node | None]) -> None:
        self.places = places
        self.asked: list[int] = []

    async def at(self, index: int) -> Node | None:
        self.asked.append(index)
        return self.places[index]


def some_nodes(count: int) -> list[Node]:
    tree = WatchedTree(ScriptedCamera())
    return [Node(tree, tree.root, b"%d" % number) for number in range(count)]


async def test_places_that_show_nothing_are_passed_over() -> None:
    one, other = some_nodes(2)
    listing = Gaps([None, one, None, None, other, None])
    assert [node async for node in listing] == [one, other]
    assert await listing.next(0) == await listing.next(1) == (2, one)
    assert await listing.next(2) == (5, other)
    assert await listing.next(5) is None
    assert await listing.next(6) is None


async def test_no_more_is_asked_than_the_next_one_takes() -> None:
    (node,) = some_nodes(1)
    listing = Gaps([None, node, node, node])
    await listing.next(0)
    assert listing.asked == [0, 1]


@pytest.mark.parametrize("count", [0, 1, 3])
async def test_nodes_that_are_all_there(count: int) -> None:
    nodes = some_nodes(count)
    assert [node async for node in FixedListing(nodes)] == nodes
    with pytest.raises(IndexError):
        await FixedListing(nodes).at(count)


async def test_a_directory_is_not_opened_as_a_file() -> None:
    tree = WatchedTree(ScriptedCamera())
    for writing in (False, True):
        with pytest.raises(BadRequest) as caught:
            await Directory(tree, tree.root, b"folder").open(writing)
        assert caught.value.errno == errno.EISDIR


def test_paths() -> None:
    tree = WatchedTree(ScriptedCamera())
    folder = Directory(tree, tree.root, b"folder")
    assert tree.root.path() == ""
    assert folder.path() == "folder"
    assert Node(tree, folder, b"caf\xc3\xa9 \xff").path() == "folder/café �"
