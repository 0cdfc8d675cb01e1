"""Stores: their names, the room in them, formatting, and cards that are out."""

import pytest
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.api import Usage
from camfs.cameras.ptp.objects import ObjectKey
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
