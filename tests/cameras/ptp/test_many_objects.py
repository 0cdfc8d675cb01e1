"""A camera that lists millions of objects: what is taken of the list, what that costs, and that others get their turn meanwhile."""

import struct
import tracemalloc
from collections.abc import Awaitable, Callable

import pytest

from camfs import errors
from camfs.cameras.api import MAX_ENTRIES
from camfs.cameras.ptp.objects import MOST_OBJECTS, ObjectKey
from camfs.protocols.ptp.codes import ANY_FORMAT, ObjectHandle, Operation
from camfs.protocols.ptp.datasets import HANDLES_AT_A_TIME, encode_handles
from camfs.virtual.ptp.calls import Answer, Call
from camfs.virtual.ptp.state import CameraState
from tests.cameras.rig import CARD, CARD_ROOT, Rig, rigged, turns_during

FIRST = 0x100
"""The first of many handles."""


def listing(payload: bytes) -> Callable[[CameraState, Call], Awaitable[Answer]]:
    """Answer GetObjectHandles with the same list always."""

    async def handler(state: CameraState, call: Call) -> Answer:
        return Answer(payload)

    return handler


async def list_root(rig: Rig, payload: bytes) -> list[ObjectKey]:
    rig.body.override(Operation.GetObjectHandles, listing(payload))
    return [*await rig.camera.list_folder(CARD_ROOT)]


async def test_of_too_many_one_more_is_returned_than_is_shown() -> None:
    async with rigged(operations="-GetObjectPropList") as rig:
        await rig.camera.list_folder(None)
        keys = await list_root(rig, encode_handles(range(FIRST, FIRST + 1_000_000)))
        assert MAX_ENTRIES < len(keys) < MAX_ENTRIES + 10
        assert keys[:MAX_ENTRIES] == [ObjectKey(CARD, ObjectHandle(FIRST + n)) for n in range(MAX_ENTRIES)]
        folder = ObjectKey(CARD, ObjectHandle(FIRST))  # a folder that lists itself
        assert len(await rig.camera.list_folder(folder)) > MAX_ENTRIES


async def test_as_many_as_are_shown_are_returned() -> None:
    async with rigged(operations="-GetObjectPropList") as rig:
        await rig.camera.list_folder(None)
        keys = await list_root(rig, encode_handles([0xFFFFFFFF, 0, *range(FIRST, FIRST + MAX_ENTRIES), FIRST]))
        assert len(keys) == MAX_ENTRIES


async def test_memory_is_in_proportion_to_what_is_shown() -> None:
    payload = encode_handles(range(FIRST, FIRST + 2_000_000))
    async with rigged(operations="-GetObjectPropList") as rig:
        await rig.camera.list_folder(None)
        tracemalloc.start()
        try:
            await list_root(rig, payload)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 5 * len(payload)  # the list itself, a copy of it, and some 300 bytes for each that is shown


async def test_others_get_their_turn() -> None:
    """Also where the whole list has to be gone through, because it names the same object again and again."""
    count = 2_000_000
    payload = struct.pack("<I", count) + struct.pack("<I", FIRST) * count
    async with rigged(operations="-GetObjectPropList") as rig:
        await rig.camera.list_folder(None)
        rig.body.override(Operation.GetObjectHandles, listing(payload))
        request = (Operation.GetObjectHandles, CARD, ANY_FORMAT, CARD_ROOT.handle)
        transfer = await turns_during(lambda: rig.camera.session.transact(*request))
        assert await turns_during(lambda: rig.camera.list_folder(CARD_ROOT)) > transfer + count / HANDLES_AT_A_TIME / 2


async def test_a_picture_is_not_looked_for_among_too_many() -> None:
    async with rigged() as rig:
        await rig.camera.list_folder(None)
        rig.body.override(Operation.GetObjectHandles, listing(encode_handles(range(FIRST, FIRST + MOST_OBJECTS + 1))))
        with pytest.raises(errors.TooLarge):
            await rig.camera.capture()


async def test_too_many_stores() -> None:
    async with rigged() as rig:

        async def many(state: CameraState, call: Call) -> Answer:
            return Answer(encode_handles(range(0x10001, 0x10001 + 5000)))

        rig.body.override(Operation.GetStorageIDs, many)
        with pytest.raises(errors.TooLarge, match="5000 stores"):
            await rig.camera.list_folder(None)
