"""Listings that lack something: what is left out, when that is an error, and what is asked once more."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.api import MAX_ENTRIES, Entry, Key, KeyReused
from camfs.mount.folder import SETTLING_AGE, Folder
from camfs.mount.listing import AT_A_TIME
from tests.cameras.rig import turns_during
from tests.cameras.scripted import ScriptedCamera
from tests.mount.rig import WatchedTree, at, dcim, names_of

REFUSALS = [
    (errors.NotFound("unknown handle", 0x2009), errors.Refused),
    (errors.AccessDenied("denied", 0x200F), errors.AccessDenied),
    (errors.Refused("general error", 0x2002), errors.Refused),
    (errors.InvalidValue("no", 0x201D), errors.InvalidValue),
]
"""What describing fails with, and the error that readers of the folder get. Never NotFound: they would take the folder to be gone."""


@pytest.mark.parametrize(("refusal", "error"), REFUSALS)
@pytest.mark.parametrize("good", [0, 1])
async def test_a_folder_of_which_most_cannot_be_described_is_an_error(
    refusal: errors.Refused, error: type[errors.Refused], good: int
) -> None:
    """A Fujifilm X-S10 lists objects and describes none (gphoto2 issue 444)."""
    camera = ScriptedCamera()
    folder = dcim(camera, 4)
    for thing in folder.inside[good:]:
        thing.failure = refusal
    tree = WatchedTree(camera)
    node = await at(tree, "card/DCIM")
    assert isinstance(node, Folder)
    for _ in range(2):
        with pytest.raises(errors.Refused, match=f"{4 - good} of the objects") as failure:
            await names_of(node)
        assert type(failure.value) is error
        assert failure.value.code == refusal.code
        with pytest.raises(error):
            await node.find(b"P4.JPG")
    if good:
        assert await node.find(b"P1.JPG") is not None
    for thing in folder.inside:
        thing.failure = None
    assert await names_of(node) == ["P1.JPG", "P2.JPG", "P3.JPG", "P4.JPG"]


async def test_what_can_be_described_comes_before_the_error() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera, 4)
    for thing in folder.inside[1:]:
        thing.failure = errors.NotFound("unknown handle", 0x2009)
    listing = await (await at(WatchedTree(camera), "card/DCIM")).listing()  # type: ignore[attr-defined]
    index, node = await listing.next(0)
    assert node.name == b"P1.JPG"
    for _ in range(2):
        with pytest.raises(errors.Refused):
            await listing.next(index)


async def test_it_is_listed_once_more_before_that() -> None:
    """What can be described then is shown behind the rest; readers are past its own place."""
    camera = ScriptedCamera()
    folder = dcim(camera, 4)
    for thing in folder.inside[1:]:
        thing.failure = errors.NotFound("unknown handle", 0x2009)
    tree = WatchedTree(camera)
    node = await at(tree, "card/DCIM")
    camera.calls.clear()

    async def recover(call: str, key: Key | None) -> None:
        if call == "list" and camera.count("describe") == 4:
            for thing in folder.inside[1:]:
                thing.failure = None

    camera.before = recover
    assert await names_of(node) == ["P1.JPG", "P2.JPG", "P3.JPG", "P4.JPG"]
    assert camera.count("list") == 2
    assert camera.count("describe") == 7


async def test_what_lies_elsewhere_is_not_missing() -> None:
    """A camera that lists everything, whatever folder it is asked about, and cannot describe one of its objects."""
    camera = ScriptedCamera()
    folder = dcim(camera, 4)
    inner = camera.add(folder, "inner")
    folder.inside[0].failure = errors.NotFound("unknown handle", 0x2009)
    honest = camera.list_folder

    async def list_all(key: Key | None) -> Sequence[Key]:
        return await honest(folder.number) if key == inner.number else await honest(key)

    camera.list_folder = list_all  # type: ignore[method-assign]
    tree = WatchedTree(camera)
    assert await names_of(await at(tree, "card/DCIM")) == ["P2.JPG", "P3.JPG", "P4.JPG", "inner"]
    assert await names_of(await at(tree, "card/DCIM/inner")) == []


async def test_two_readers_wait_for_the_second_list() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera, 2)
    for thing in folder.inside:
        thing.failure = errors.NotFound("unknown handle", 0x2009)
    tree = WatchedTree(camera)
    node = await at(tree, "card/DCIM")

    async def recover(call: str, _key: Key | None) -> None:
        await trio.lowlevel.checkpoint()
        if call == "list" and camera.count("describe") >= 4:
            for thing in folder.inside:
                thing.failure = None

    camera.before = recover
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(names_of, node)
        nursery.start_soon(at, tree, "card/DCIM/P2.JPG")


async def test_what_is_not_listed_any_more_is_no_error() -> None:
    camera = ScriptedCamera()
    folder = dcim(camera, 4)
    tree = WatchedTree(camera)
    listing = await (await at(tree, "card/DCIM")).listing()  # type: ignore[attr-defined]
    for thing in folder.inside[1:]:
        camera.remove(thing)
    assert [node.name async for node in listing] == [b"P1.JPG"]


async def test_a_listing_under_way_when_the_card_is_changed_is_an_error() -> None:
    """Its other keys may mean objects of another card."""
    camera = ScriptedCamera()
    dcim(camera, 4)
    tree = WatchedTree(camera)
    listing = await (await at(tree, "card/DCIM")).listing()  # type: ignore[attr-defined]
    assert await listing.at(0) is not None
    await tree.apply(KeyReused(camera.card.number))
    with pytest.raises(errors.RemoteProtocolError, match="card was changed"):
        await listing.at(1)
    assert len(await names_of(await at(tree, "card/DCIM"))) == 4


async def test_a_file_that_is_left_out_for_a_moment_keeps_its_node(autojump_clock: MockClock) -> None:
    """It may be what an event has just announced: that it is not described yet does not say that it is gone."""
    camera = ScriptedCamera()
    folder = dcim(camera, 4)
    tree = WatchedTree(camera)
    node = await at(tree, "card/DCIM/P2.JPG")
    await names_of(await at(tree, "card/DCIM"))
    await tree.apply(KeyReused(folder.inside[1].number))
    folder.inside[1].failure = errors.NotFound("not yet", 0x2009)
    assert await names_of(await at(tree, "card/DCIM")) == ["P1.JPG", "P3.JPG", "P4.JPG"]
    folder.inside[1].failure = None
    await trio.sleep(SETTLING_AGE)
    assert await at(tree, "card/DCIM/P2.JPG") is node


async def test_a_folder_with_too_many_entries_ends_with_an_error() -> None:
    """What there is up to there can be used; but half a folder must not pass for a whole one."""
    camera = ScriptedCamera()
    folder = dcim(camera, 1)
    first = folder.inside[0]
    keys = [first.number, *range(1000, 1000 + MAX_ENTRIES)]

    async def list_many(key: Key | None) -> Sequence[Key]:
        return keys if key == folder.number else [each.number for each in camera.thing(key).inside]

    async def describe(key: Key, above: Key | None) -> Entry | None:
        thing = first if isinstance(key, int) and key >= 1000 else camera.thing(key)
        return replace(camera.entry(thing), key=key, tag=f"{key}", name=f"P{key}.JPG" if thing is first else thing.name)

    camera.list_folder, camera.describe = list_many, describe  # type: ignore[method-assign, assignment]
    tree = WatchedTree(camera)
    node = await at(tree, "card/DCIM")
    assert isinstance(node, Folder)
    assert await node.find(b"P1005.JPG") is not None
    assert len(tree.notes) == 1
    assert f"more than {MAX_ENTRIES} objects" in tree.notes[0]

    async def miss() -> None:
        with pytest.raises(errors.TooLarge):
            await node.find(b"missing")

    turns = await turns_during(miss)
    assert turns > MAX_ENTRIES / AT_A_TIME / 2
    assert len(node.children) == MAX_ENTRIES
    with pytest.raises(errors.TooLarge):
        await names_of(node)
    del keys[MAX_ENTRIES:]
    node.stale = True
    assert len(await names_of(node)) == MAX_ENTRIES
    assert await node.find(b"missing") is None
