"""Stores: which there are, their names, the room in them, formatting, cards that are out, and cameras that show none."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from camfs import errors
from camfs.cameras.api import Usage
from camfs.cameras.ptp.objects import ObjectKey
from camfs.cameras.ptp.rests import LONGEST_REST
from camfs.cameras.ptp.stores import FILLING
from camfs.protocols.ptp.codes import (
    ROOT,
    Operation,
    ResponseCode,
    StorageID,
)
from camfs.protocols.ptp.datasets import AccessCapability, StorageInfo, StorageType, encode_handles
from camfs.virtual.ptp.calls import Answer, Call
from camfs.virtual.ptp.faults import FaultKind
from camfs.virtual.ptp.state import CameraState
from tests.cameras.rig import CARD, CARD_ROOT, MEMORY, Rig, add, rigged

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


# ---------------------------------------------------------------------- which there are


def list_ids(rig: Rig, *ids: int) -> None:
    """Let the camera list these storage ids, whatever stores it has."""

    async def answer(_state: CameraState, _call: Call) -> Answer:
        return Answer(encode_handles(ids))

    rig.body.override(Operation.GetStorageIDs, answer)


async def test_slots_in_place_of_stores(autojump_clock: MockClock) -> None:
    """A Lumix lists 0x00010000 and 0x00020000, and takes ...1 in all operations (libgphoto2 issue 1243)."""
    async with rigged(empty=False, quirks=["lists_slots"]) as rig:
        assert await rig.names(None) == ["card", "memory"]
        assert await rig.names() == ["DCIM"]
        rig.body.state.remove_card(CARD)
        await wait_all_tasks_blocked()
        assert await rig.names(None) == ["memory"]


async def test_an_empty_slot_beside_a_card_costs_one_question(autojump_clock: MockClock) -> None:
    async with rigged(empty=False) as rig:
        rig.body.state.remove_card(MEMORY)
        await wait_all_tasks_blocked()
        rig.operations()
        assert await rig.camera.list_folder(None) == [CARD_ROOT]
        assert rig.operations() == [
            "GetStorageIDs",
            "GetStorageInfo",
            "GetStorageInfo",
        ]  # the slot, and the card's name
        assert await rig.camera.list_folder(None) == [CARD_ROOT]
        assert rig.operations() == ["GetStorageIDs", "GetStorageInfo"]


@pytest.mark.parametrize("number", [0x00010002, 0x00010000, 0x00010007, 0x00020001])
async def test_a_store_that_is_where_no_rule_puts_it(number: int, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        add(rig, "A.JPG")
        rig.body.card.id = StorageID(number)
        list_ids(rig, number & 0xFFFF0000)
        (entry,) = await rig.entries(None)
        assert entry.name == "card"
        assert await rig.names(entry.key) == ["A.JPG"]


@pytest.mark.parametrize("number", [0, 0xFFFFFFFF, 0xFEEDFACE])
async def test_ids_that_are_no_stores(number: int, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        list_ids(rig, number, CARD)
        assert await rig.camera.list_folder(None) == [CARD_ROOT]
        list_ids(rig, number)
        with pytest.raises(errors.StoreUnavailable, match=f"{number:#010x}"):
            await rig.camera.list_folder(None)


def describe_as(rig: Rig, **fields: Any) -> None:
    """Let the camera be another."""
    rig.body.state.change_device_info(replace(rig.body.state.device_info, **fields))


@pytest.mark.parametrize(
    ("maker", "model", "extension", "remedy"),
    [
        ("Apple Inc.", "Apple iPhone", "", "unlock the phone and tap Trust"),
        ("Google", "Pixel 7", "microsoft.com: 1.0; android.com: 1.0;", "choose File transfer"),
        ("Sony", "H4113", "microsoft.com: 1.0; android.com: 1.0;", "choose File transfer"),
        ("Sony Corporation", "ILCE-7M4", "Sony PTP Extensions", "MTP or Mass Storage"),
        ("OLYMPUS", "E-M1MarkII", "", "choose Storage or MTP"),
        ("OM Digital Solutions", "OM-1", "", "choose Storage or MTP"),
        ("Panasonic", "DC-G9M2", "", r"PC\(Storage\)"),
        ("FUJIFILM", "X-S10", "fujifilm.co.jp: 1.0;", "USB Card Reader"),
        ("Canon Inc.", "Canon EOS R", "", "put a card into the camera"),
        ("", "", "", "put a card into the camera"),
    ],
)
@pytest.mark.parametrize("ids", [(), (0x00010000, 0x00020000)])
async def test_no_store_is_an_error_that_says_what_to_do(
    maker: str, model: str, extension: str, remedy: str, ids: tuple[int, ...], autojump_clock: MockClock
) -> None:
    async with rigged() as rig:
        describe_as(rig, manufacturer=maker, model=model, vendor_extension_desc=extension)
        rig.body.card.present = False
        list_ids(rig, *ids)
        await wait_all_tasks_blocked()
        with pytest.raises(errors.StoreUnavailable, match=remedy):
            await rig.camera.list_folder(None)
        rig.body.card.present = True
        rig.body.restore(Operation.GetStorageIDs)
        assert await rig.names(None) == ["card"]


async def test_a_sony_in_pc_remote_has_a_store_that_says_nothing(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        operations = (*rig.body.state.device_info.operations, 0x9201, 0x9205, 0x9207)
        describe_as(rig, manufacturer="Sony Corporation", operations=operations)
        await wait_all_tasks_blocked()
        assert await rig.names(None) == ["card"]
        for ask in (rig.camera.list_folder, rig.camera.usage):
            with pytest.raises(errors.StoreUnavailable, match="PC Remote"):
                await ask(CARD_ROOT)
        add(rig, "DSC1.JPG")
        assert await rig.names() == ["DSC1.JPG"]


async def test_a_card_that_was_just_put_in_is_given_time(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        assert await rig.names(None) == ["card"]
        rig.body.state.remove_card(CARD)
        rig.body.state.insert_card(CARD)
        await wait_all_tasks_blocked()

        async def read_card() -> None:
            await trio.sleep(2)
            rig.body.card.on_change = lambda event, handle: None
            rig.body.card.add_file("", "A.JPG", b"a")

        rig.nursery.start_soon(read_card)
        assert await rig.names() == ["A.JPG"]
        rig.body.card.remove("A.JPG")
        assert await rig.names() == []
        assert trio.current_time() < 2 * FILLING
        before = trio.current_time()
        assert await rig.names() == []
        assert trio.current_time() == before


# ---------------------------------------------------------------------- names


async def stores_of(rig: Rig, *stores: tuple[int, str]) -> dict[str, int]:
    """Let the camera have stores by id and volume label, and return the ids of those that are shown by their names."""
    labels = dict(stores)

    async def answer_info(_state: CameraState, call: Call) -> Answer:
        return Answer(StorageInfo(volume_label=labels[call.parameters[0]], max_capacity=GIB).encode())

    list_ids(rig, *labels)
    rig.body.override(Operation.GetStorageInfo, answer_info)
    entries = await rig.entries(None) if labels else []
    return {entry.name: entry.key.storage for entry in entries}  # type: ignore[attr-defined]


A1, A2, A9, B1, B9, C1 = 0x00010001, 0x00010002, 0x00010009, 0x00020001, 0x00020009, 0x00030001


@pytest.mark.parametrize(
    "steps",
    [
        # an iPhone: another id in each session
        [({A1: ""}, {"card": A1}), ({A9: ""}, {"card": A9}), ({A1: ""}, {"card": A1}), ({A2: ""}, {"card": A2})],
        # the only card is called card, whatever card was there before
        [({A1: "X"}, {"card": A1}), ({B1: "Y"}, {"card": B1}), ({A1: "X"}, {"card": A1})],
        # one of two is swapped: the other keeps its name
        [
            ({A1: "X", B1: "Y"}, {"card": A1, "card2": B1}),
            ({B1: "Y"}, {"card2": B1}),
            ({A2: "Z", B1: "Y"}, {"card": A2, "card2": B1}),
        ],
        [
            ({A1: "X", B1: "Y"}, {"card": A1, "card2": B1}),
            ({A1: "X"}, {"card": A1}),
            ({A1: "X", C1: "Z"}, {"card": A1, "card2": C1}),
            ({A1: "X", B1: "Y", C1: "Z"}, {"card": A1, "card2": C1, "card3": B1}),
        ],
        # both ids are others: the slots and the labels tell which is which
        [({A1: "", B1: ""}, {"card": A1, "card2": B1}), ({A9: "", B9: ""}, {"card": A9, "card2": B9})],
        [({A1: "X", B1: "Y"}, {"card": A1, "card2": B1}), ({A9: "Y", B9: "X"}, {"card": B9, "card2": A9})],
        [({A1: "", B1: ""}, {"card": A1, "card2": B1}), ({B9: ""}, {"card2": B9}), ({A1: ""}, {"card": A1})],
    ],
)
async def test_a_store_keeps_its_name(
    steps: Sequence[tuple[Mapping[int, str], Mapping[str, int]]], autojump_clock: MockClock
) -> None:
    async with rigged() as rig:
        for stores, shown in steps:
            assert await stores_of(rig, *stores.items()) == shown


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
