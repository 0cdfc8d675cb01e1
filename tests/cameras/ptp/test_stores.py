"""Stores: their names, the room in them, formatting, and cards that are out."""

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.api import Usage
from camfs.cameras.ptp.objects import ObjectKey
from camfs.cameras.ptp.rests import LONGEST_REST
from camfs.protocols.ptp.codes import (
    ROOT,
    Operation,
    ResponseCode,
    StorageID,
)
from camfs.protocols.ptp.datasets import AccessCapability, StorageInfo, StorageType
from camfs.virtual.ptp.faults import FaultKind
from tests.cameras.rig import CARD, CARD_ROOT, MEMORY, add, rigged

GIB = 1 << 30


async def test_stores_are_named_for_what_they_are(autojump_clock: MockClock) -> None:
    async with rigged(empty=False) as rig:
        assert await rig.names(None) == ["card", "memory"]


async def test_several_stores_of_a_kind_are_numbered(autojump_clock: MockClock) -> None:
    async with rigged(empty=False) as rig:
        for store in rig.body.state.stores:
            store.storage_type = StorageType.RemovableRAM
        assert await rig.names(None) == ["card", "card2"]
        tags = {entry.tag for entry in await rig.entries(None)}
        assert len(tags) == 2


async def test_a_slot_without_a_card_is_no_store(autojump_clock: MockClock) -> None:
    async with rigged(empty=False) as rig:
        rig.body.state.remove_card(CARD)
        assert await rig.names(None) == ["memory"]


async def test_a_card_that_is_out_but_listed_does_not_hide_the_other_store(autojump_clock: MockClock) -> None:
    """The SIGMA fp lists the id of a store whose card is out."""
    async with rigged(empty=False, quirks=["lists_absent_stores"]) as rig:
        rig.body.state.remove_card(CARD)
        assert await rig.names(None) == ["card", "memory"]
        with pytest.raises(errors.StoreUnavailable):
            await rig.camera.list_folder(CARD_ROOT)


@pytest.mark.parametrize("code", [ResponseCode.OperationNotSupported, ResponseCode.GeneralError])
async def test_a_store_that_is_not_described_is_a_card(code: ResponseCode, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        rig.fail(FaultKind.REFUSE, Operation.GetStorageInfo, times=None, code=code)
        assert await rig.names(None) == ["card"]


NO_LIMIT = (1 << 64) - 1


@pytest.mark.parametrize(
    ("total", "free", "expected"),
    [
        (1000, 400, Usage(1000, 400, 1)),
        (1000, NO_LIMIT, Usage(1000, 0, 1)),
        (1000, 0xFFFFFFFF, Usage(1000, 0, 1)),
        (NO_LIMIT, NO_LIMIT, Usage(0, 0, 1)),
        (NO_LIMIT, 5, Usage(0, 0, 1)),
        (1000, 4000, Usage(1000, 1000, 1)),
        (0, 0, Usage(0, 0, 1)),
        (64 * GIB, 3 * GIB, Usage(64 * GIB, 3 * GIB, 1)),
    ],
)
async def test_usage(total: int, free: int, expected: Usage, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        add(rig, "A.JPG")
        rig.fail(
            FaultKind.BAD_DATASET,
            Operation.GetStorageInfo,
            data=StorageInfo(max_capacity=total, free_space=free).encode(),
        )
        assert await rig.camera.usage(CARD_ROOT) == expected


@pytest.mark.parametrize(
    "code", [ResponseCode.OperationNotSupported, ResponseCode.GeneralError, ResponseCode.StoreFull]
)
async def test_usage_without_a_count(code: ResponseCode, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        rig.fail(FaultKind.REFUSE, Operation.GetNumObjects, times=None, code=code)
        usage = await rig.camera.usage(CARD_ROOT)
        assert usage.objects is None
        assert usage.total > 0


async def test_usage_of_a_card_that_is_out(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        rig.body.state.remove_card(CARD)
        with pytest.raises(errors.StoreUnavailable):
            await rig.camera.usage(CARD_ROOT)


async def test_formatting(autojump_clock: MockClock) -> None:
    async with rigged(empty=False) as rig:
        await rig.camera.format(ObjectKey(MEMORY, ROOT))
        assert await rig.names(ObjectKey(MEMORY, ROOT)) == []
        assert await rig.names() == ["DCIM"]
        rig.body.card.access = AccessCapability.ReadOnly
        with pytest.raises(errors.StoreReadOnly):
            await rig.camera.format(CARD_ROOT)
        with pytest.raises(errors.StoreUnavailable):
            await rig.camera.format(ObjectKey(StorageID(0x00990001), ROOT))


# ---------------------------------------------------------------------- a camera that does not tell


@pytest.mark.parametrize("kind", [FaultKind.NO_ANSWER, FaultKind.GARBAGE])
async def test_a_camera_that_never_describes_its_stores_shows_them_all_the_same(
    kind: FaultKind, autojump_clock: MockClock
) -> None:
    """The GoPro HERO8. It is asked once, whatever the number of stores; their room is not known."""
    async with rigged(empty=False) as rig:
        rig.fail(kind, Operation.GetStorageInfo, times=None)
        with trio.move_on_after(15) as scope:
            assert await rig.names(None) == ["card", "card2"]
        assert not scope.cancelled_caught
        asked = rig.count(Operation.GetStorageInfo)
        began = trio.current_time()
        for store in (CARD_ROOT, ObjectKey(MEMORY, ROOT)):
            usage = await rig.camera.usage(store)
            assert (usage.total, usage.free) == (0, 0)
        assert await rig.names(None) == ["card", "card2"]
        assert await rig.names() == ["DCIM"]
        assert trio.current_time() == began
        assert rig.count(Operation.GetStorageInfo) == asked <= 2


async def test_a_camera_that_describes_its_stores_again(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        rig.fail(FaultKind.NO_ANSWER, Operation.GetStorageInfo, times=None)
        assert (await rig.camera.usage(CARD_ROOT)).total == 0
        rig.body.faults.clear()
        assert (await rig.camera.usage(CARD_ROOT)).total == 0
        await rig.camera.refresh()
        assert (await rig.camera.usage(CARD_ROOT)).total > 0


@pytest.mark.parametrize("code", [ResponseCode.DeviceBusy, ResponseCode.SessionNotOpen])
async def test_a_store_that_is_never_described_for_other_reasons(code: ResponseCode, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        add(rig, "A.JPG")
        rig.fail(FaultKind.REFUSE, Operation.GetStorageInfo, times=None, code=code)
        assert await rig.names(None) == ["card"]
        assert await rig.names() == ["A.JPG"]
        assert rig.count(Operation.OpenSession) == 1
        assert trio.current_time() < 5


async def test_a_silent_camera_is_not_taken_for_one_that_does_not_describe_its_stores(
    autojump_clock: MockClock,
) -> None:
    async with rigged() as rig:
        rig.fail(FaultKind.NO_ANSWER, times=None)
        with pytest.raises(errors.TransferTimeout):
            await rig.camera.describe(CARD_ROOT, None)
        with pytest.raises(errors.TransferTimeout):
            await rig.camera.usage(CARD_ROOT)
        rig.body.faults.clear()
        await trio.sleep(LONGEST_REST)
        assert (await rig.camera.usage(CARD_ROOT)).total > 0


async def test_a_camera_that_never_counts_its_objects(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        rig.fail(FaultKind.NO_ANSWER, Operation.GetNumObjects, times=None)
        for _ in range(3):
            usage = await rig.camera.usage(CARD_ROOT)
            assert usage.total > 0
            assert usage.objects is None
        assert rig.count(Operation.GetNumObjects) <= 2
