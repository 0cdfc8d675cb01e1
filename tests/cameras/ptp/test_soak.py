"""Everything at once: readers, listings and settings over a camera at which all kinds of things go wrong, in a fixed order of chance.

What is read is right or an error; when nothing goes wrong any more, all works.
"""

import random
from contextlib import suppress

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.mount.blocks import BlockCache
from camfs.mount.file import File
from camfs.mount.folder import Folder
from camfs.mount.tree import Tree
from camfs.protocols.ptp.codes import Operation, ResponseCode
from camfs.virtual.ptp.faults import FaultKind
from tests.cameras.rig import Counting, Rig, rigged
from tests.mount.rig import POLL, NotedKernel

SIZES = (0, 5, 511, 70_000, 300_000, 1_500_000)

KINDS = [kind for kind in FaultKind if kind is not FaultKind.BAD_DATASET]

CODES = (
    ResponseCode.GeneralError,
    ResponseCode.DeviceBusy,
    ResponseCode.SessionNotOpen,
    ResponseCode.InvalidTransactionID,
    ResponseCode.IncompleteTransfer,
    ResponseCode.AccessDenied,
    ResponseCode.OperationNotSupported,
)


async def walk(tree: Tree) -> dict[str, File]:
    found: dict[str, File] = {}

    async def into(folder: Folder) -> None:
        async for node in await folder.listing():
            if isinstance(node, Folder):
                await into(node)
            elif isinstance(node, File):
                found[node.path()] = node

    await into(tree.root)
    return found


def break_something(rig: Rig, chance: random.Random) -> None:
    kind = chance.choice(KINDS)
    operation = chance.choice(
        [None, Operation.GetPartialObject, Operation.GetObject, Operation.GetObjectInfo, Operation.GetObjectHandles]
    )
    code = chance.choice(CODES)
    if code == ResponseCode.OperationNotSupported and operation not in (None, Operation.GetPartialObject):
        code = ResponseCode.GeneralError
    rig.fail(
        kind, operation, skip=chance.randrange(4), at=chance.randrange(5000), code=code, seconds=chance.random() * 8
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("operations", "quirks"),
    [("", ()), ("-9805", ("split_header", "joined_response")), ("-GetPartialObject,-GetPartialObject64", ())],
    ids=["parts", "one by one", "whole"],
)
async def test_readers_among_faults(
    operations: str, quirks: tuple[str, ...], seed: int, autojump_clock: MockClock
) -> None:
    chance = random.Random(seed)
    async with rigged(operations=operations, quirks=quirks, bandwidth="5000000", packet="512") as rig:
        contents = {}
        for number, size in enumerate(SIZES):
            contents[f"card/DCIM/{number}.MOV"] = content = Counting(size)
            rig.body.card.add_file("DCIM", f"{number}.MOV", content)
        cache = BlockCache(rig.nursery, 2 << 20)
        tree = Tree(rig.camera, NotedKernel(), cache, poll=POLL)

        async def follow() -> None:
            async for change in rig.camera.changes:
                with suppress(errors.CameraError):
                    await tree.apply(change)

        rig.nursery.start_soon(follow)
        assert (await walk(tree)).keys() == contents.keys()
        until = trio.current_time() + 60

        async def reads(seed: int) -> None:
            chance = random.Random(seed)
            while trio.current_time() < until:
                await trio.sleep(chance.random())
                path = chance.choice(list(contents))
                try:
                    node = (await walk(tree))[path]
                    reader = cache.open(node)
                    offset = chance.choice((0, 0, chance.randrange(node.size + 1)))
                    while offset < node.size and chance.random() < 0.95:
                        with trio.move_on_after(chance.choice((0.3, 5, 1000))):
                            data = bytes(await reader.read(offset, 131072))
                            assert data == contents[path].read(offset, 131072)
                            offset += len(data)
                    reader.close()
                    if chance.random() < 0.3:
                        await rig.camera.release(node.entry)
                except KeyError:
                    pass  # of one object something was refused: it is left out, and comes back
                except errors.DeviceGone:
                    raise
                except errors.CameraError:
                    continue

        async def settings() -> None:
            while trio.current_time() < until:
                with suppress(errors.CameraError):
                    assert await rig.camera.setting("iso") == "100"
                await trio.sleep(3)

        async with trio.open_nursery() as nursery:
            for number in range(3):
                nursery.start_soon(reads, 100 * seed + number)
            nursery.start_soon(settings)
            while trio.current_time() < until:
                break_something(rig, chance)
                if chance.random() < 0.1:
                    await tree.refresh()
                await trio.sleep(chance.random() * 10)
        rig.body.faults.clear()
        await trio.sleep(5)
        rig.body.state.change_device_info(rig.body.state.device_info)
        await trio.sleep(5)
        await tree.refresh()
        after = await walk(tree)
        assert {path: node.size for path, node in after.items()} == dict(zip(contents, SIZES, strict=True))
        for path, node in after.items():
            assert bytes(await cache.open(node).read(0, 2 << 20)) == contents[path].read(0, 2 << 20)
        assert not rig.camera.gone
