"""Objects: listing, describing, sizes and deleting, on cameras that are right and on those that are not."""

import struct
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from camfs import errors
from camfs.cameras.ptp.objects import ObjectKey
from camfs.protocols.ptp.codes import (
    ROOT,
    EventCode,
    ObjectFormat,
    ObjectHandle,
    ObjectProperty,
    Operation,
    ResponseCode,
)
from camfs.protocols.ptp.datasets import AccessCapability, decode_object_prop_list
from camfs.protocols.ptp.values import encode_value
from camfs.virtual.ptp.calls import Answer, Call, Handler
from camfs.virtual.ptp.descriptions import OBJECT_PROPERTIES
from camfs.virtual.ptp.faults import FaultKind
from camfs.virtual.ptp.operations import get_object_handles, get_object_prop_list
from camfs.virtual.ptp.state import CameraState
from tests.cameras.rig import CARD, CARD_ROOT, MEMORY, Rig, add, forge, rigged

JPEG = b"\xff\xd8\xff\xe0 a thumbnail \xff\xd9"


async def all_entries(rig: Rig) -> dict[str, tuple[bool, int]]:
    """Walk the card and tell of everything whether it is a folder, and its size."""
    found: dict[str, tuple[bool, int]] = {}
    folders = [("", CARD_ROOT)]
    while folders:
        path, key = folders.pop()
        for entry in await rig.entries(key):
            found[path + entry.name] = (entry.is_folder, entry.size)
            if entry.is_folder:
                assert isinstance(entry.key, ObjectKey)
                folders.append((path + entry.name + "/", entry.key))
    return found


# ---------------------------------------------------------------------- listing


@pytest.mark.parametrize("count", [6, 300])
async def test_a_folder_is_described_in_a_few_transactions(count: int, autojump_clock: MockClock) -> None:
    async with rigged(objects=str(count)) as rig:
        folder = await rig.entry("DCIM/100CAMFS")
        rig.operations()
        entries = await rig.entries(folder.key)
        asked = Counter(rig.operations())
        assert len(entries) == count
        assert asked == {"GetObjectHandles": 1, "GetObjectPropList": 5}
        assert all(entry.size and entry.is_picture and entry.mtime_ns for entry in entries)


async def test_without_property_lists_an_object_costs_one(autojump_clock: MockClock) -> None:
    async with rigged(objects="300", operations="-9805") as rig:
        folder = await rig.entry("DCIM/100CAMFS")
        rig.operations()
        by_infos = await rig.entries(folder.key)
        assert Counter(rig.operations()) == {"GetObjectHandles": 1, "GetObjectInfo": 300}
    async with rigged(objects="300") as rig:
        assert await rig.entries((await rig.entry("DCIM/100CAMFS")).key) == by_infos


async def test_property_lists_say_what_infos_say(autojump_clock: MockClock) -> None:
    found: list[dict[str, tuple[bool, int]]] = []
    for operations in ("", "-9805", "-9805,-9803"):
        async with rigged(operations=operations) as rig:
            add(rig, "DCIM/100/A.JPG", b"a")
            add(rig, "DCIM/100/B.DNG", b"bb")
            add(rig, "DCIM/101/C.MOV", b"ccc")
            add(rig, "MISC/notes.txt", b"dddd")
            add(rig, "MISC/ä/Ω 你好 🎞.JPG", b"eeeee")
            add(rig, "at the root", b"")
            found.append(await all_entries(rig))
    assert found[0] == found[1] == found[2]
    assert found[0]["MISC/ä/Ω 你好 🎞.JPG"] == (False, 5)


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        (FaultKind.REFUSE, {"code": ResponseCode.OperationNotSupported}),
        (FaultKind.REFUSE, {"code": ResponseCode.SpecificationByDepthUnsupported}),
        (FaultKind.REFUSE, {"code": ResponseCode.ParameterNotSupported}),
        (FaultKind.REFUSE, {"code": ResponseCode.GeneralError}),
        (FaultKind.REFUSE, {"code": ResponseCode.DeviceBusy}),
        (FaultKind.BAD_DATASET, {"data": b"\1"}),
        (FaultKind.BAD_DATASET, {"data": b"\0\0\0\0"}),
        (FaultKind.BAD_DATASET, {"data": b"\xff" * 100}),
        (FaultKind.BAD_DATASET, {}),
        (FaultKind.GARBAGE, {}),
        (FaultKind.NO_ANSWER, {}),
        (FaultKind.STOP, {"at": 20}),
        (FaultKind.ABORT, {"at": 20}),
    ],
)
async def test_a_camera_whose_property_lists_do_not_work(
    kind: FaultKind, about: dict[str, Any], autojump_clock: MockClock
) -> None:
    async with rigged() as rig:
        names = [f"{letter}.JPG" for letter in "ABCDEFGH"]
        for name in names:
            add(rig, name)
        await wait_all_tasks_blocked()
        rig.fail(kind, Operation.GetObjectPropList, times=None, **about)
        rig.operations()
        assert await rig.names() == names
        assert trio.current_time() < 40
        assert "GetObjectPropList" in rig.operations()
        rig.body.faults.clear()
        await rig.camera.refresh()
        began = trio.current_time()
        assert await rig.names() == names
        assert Counter(rig.operations()) == {"GetObjectHandles": 1, "GetObjectInfo": 8}
        assert trio.current_time() == began


async def test_a_property_list_that_is_cut_leaves_the_rest_to_infos(autojump_clock: MockClock) -> None:
    async with rigged(objects="20") as rig:
        folder = await rig.entry("DCIM/100CAMFS")

        async def half(state: CameraState, call: Call) -> Answer:
            answer = await get_object_prop_list(state, call)
            assert isinstance(answer.payload, bytes)
            return Answer(answer.payload[: len(answer.payload) // 2])

        rig.body.override(Operation.GetObjectPropList, half)
        rig.operations()
        entries = await rig.entries(folder.key)
        assert len({entry.name for entry in entries}) == 20
        assert len({entry.size for entry in entries}) == 1
        assert 5 < rig.count(Operation.GetObjectInfo) < 20


@pytest.mark.parametrize(
    ("code", "data_type", "value"),
    [
        (ObjectProperty.ObjectSize, 0xFFFF, "big"),
        (ObjectProperty.ObjectSize, 0x0007, -5),
        (ObjectProperty.ObjectFileName, 0x0006, 7),
        (ObjectProperty.ObjectFormat, 0xFFFF, "JPEG"),
        (ObjectProperty.ParentObject, 0xFFFF, "DCIM"),
        (ObjectProperty.DateModified, 0x0008, 20240504),
        (ObjectProperty.ObjectFileName, 0x4002, (1, 2)),
    ],
)
async def test_properties_of_strange_types(
    code: ObjectProperty, data_type: int, value: Any, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    monkeypatch.setitem(OBJECT_PROPERTIES, code, (data_type, lambda body, node: value))
    async with rigged() as rig:
        names = [f"{letter}.JPG" for letter in "ABCDEFGH"]
        for name in names:
            add(rig, name, b"12345")
        entries = await rig.entries()
        assert "GetObjectPropList" in rig.operations()
        assert sorted((entry.name, entry.size) for entry in entries) == [(name, 5) for name in names]


# ---------------------------------------------------------------------- lists that leave something out


def leaves_out(code: ObjectProperty, odd_ones_only: bool) -> Handler:
    """Return a handler that answers lists of one property without its elements, or without every other."""

    async def answer(state: CameraState, call: Call) -> Answer:
        whole = await get_object_prop_list(state, call)
        if call.parameters[2] != code:
            return whole
        assert isinstance(whole.payload, bytes)
        kept = [each for each in decode_object_prop_list(whole.payload) if odd_ones_only and each.handle % 2]
        packed = [
            struct.pack("<IHH", each.handle, each.code, each.data_type) + encode_value(each.data_type, each.value)
            for each in kept
        ]
        return Answer(len(kept).to_bytes(4, "little") + b"".join(packed))

    return answer


async def as_described(rig: Rig, count: int) -> set[tuple[str, int, bool, int, bool]]:
    """Put files on the card, list them, and tell what is known of each."""
    for number in range(count):
        add(rig, f"{number}.JPG", b"12345")
    return {(each.name, each.size, each.size_is_exact, each.mtime_ns, each.is_picture) for each in await rig.entries()}


@pytest.mark.parametrize("odd_ones_only", [False, True])
@pytest.mark.parametrize(
    "code",
    [
        ObjectProperty.ObjectFileName,
        ObjectProperty.ObjectFormat,
        ObjectProperty.ObjectSize,
        ObjectProperty.DateModified,
        ObjectProperty.ParentObject,
    ],
)
async def test_what_a_list_leaves_out_is_asked_of_the_object(
    code: ObjectProperty, odd_ones_only: bool, autojump_clock: MockClock
) -> None:
    async with rigged(operations="-9805") as rig:
        expected = await as_described(rig, 8)
    async with rigged() as rig:
        rig.body.override(Operation.GetObjectPropList, leaves_out(code, odd_ones_only))
        assert await as_described(rig, 8) == expected


@pytest.mark.parametrize("date", ["", "nonsense", "00000000T000000", "20241304T093000", "2024-05-04"])
async def test_a_list_with_a_date_that_is_none(
    date: str, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with rigged(operations="-9805") as rig:
        expected = await as_described(rig, 8)
    monkeypatch.setitem(OBJECT_PROPERTIES, ObjectProperty.DateModified, (0xFFFF, lambda state, node: date))
    async with rigged() as rig:
        assert await as_described(rig, 8) == expected
        assert "GetObjectPropList" in rig.operations()


@pytest.mark.parametrize("count", [3, 8])
async def test_objects_whose_format_does_not_tell_whether_they_have_a_thumbnail(
    count: int, autojump_clock: MockClock
) -> None:
    async with rigged() as rig:
        for number in range(count):
            thumbnail = JPEG if number % 2 else b""
            add(rig, f"{number}.X3F", b"12345", object_format=ObjectFormat.Undefined, thumbnail=thumbnail)
        entries = await rig.entries()
        assert {int(entry.name[0]) % 2 == 1 for entry in entries if entry.is_picture} == {True}
        assert sum(entry.is_picture for entry in entries) == count // 2


async def test_a_folder_listed_again_costs_its_news_only(autojump_clock: MockClock) -> None:
    """Entries that the tree knows by their keys are not described again, so they need not be read again either."""
    async with rigged(objects="300") as rig:
        folder = await rig.entry("DCIM/100CAMFS")
        await rig.entries(folder.key)
        new = add(rig, "DCIM/100CAMFS/NEW.JPG")
        await wait_all_tasks_blocked()
        rig.operations()
        keys = await rig.camera.list_folder(folder.key)
        entry = await rig.camera.describe(ObjectKey(CARD, new.handle), folder.key)
        assert len(keys) == 301
        assert entry is not None
        assert rig.operations() == ["GetObjectHandles", "GetObjectInfo"]


async def test_a_camera_that_ignores_the_parent(autojump_clock: MockClock) -> None:
    paths = ["DCIM/100/A.JPG", "DCIM/100/B.JPG", "DCIM/101/C.JPG", "MISC/D.TXT", "E.TXT"]
    expected = {"DCIM", "DCIM/100", "DCIM/101", "MISC", *paths}
    for operations in ("", "-9805"):
        async with rigged(quirks=["ignores_parent"], operations=operations, listening=False) as rig:
            for path in paths:
                add(rig, path)
            rig.operations()
            assert set(await all_entries(rig)) == expected
            asked = Counter(rig.operations())
            assert asked["GetObjectInfo"] <= len(expected) + 1
            assert asked["GetObjectHandles"] == 5
            assert set(await all_entries(rig)) == expected
            assert "GetObjectInfo" not in rig.operations()


async def test_a_camera_that_ignores_parent_and_storage(autojump_clock: MockClock) -> None:
    async with rigged(empty=False, objects="3", quirks=["ignores_parent"]) as rig:
        rig.body.state.stores[1].add_file("", "IN.JPG", b"in")

        async def everywhere(state: CameraState, call: Call) -> Answer:
            if call.parameters[0] != 0xFFFFFFFF:
                return Answer(code=ResponseCode.ParameterNotSupported)
            return await get_object_handles(state, call)

        rig.body.override(Operation.GetObjectHandles, everywhere)
        for store in await rig.camera.list_folder(None):
            await rig.camera.describe(store, None)
        assert await rig.names(CARD_ROOT) == ["DCIM"]
        assert "IN.JPG" in await rig.names(ObjectKey(MEMORY, ROOT))
        assert (await rig.names((await rig.entry("DCIM/100CAMFS")).key))[0] == "CAMF0001.JPG"


@pytest.mark.parametrize("quirk", ["own_parent", "storage_parent"])
@pytest.mark.parametrize("operations", ["", "-9805"])
async def test_objects_of_the_root_that_name_another_parent(
    quirk: str, operations: str, autojump_clock: MockClock
) -> None:
    async with rigged(quirks=[quirk], operations=operations) as rig:
        add(rig, "A.JPG")
        add(rig, "DCIM/100/B.JPG")
        assert set(await all_entries(rig)) == {"A.JPG", "DCIM", "DCIM/100", "DCIM/100/B.JPG"}
        entry = await rig.entry("DCIM/100/B.JPG")
        assert next(key.handle for key in await rig.camera.locate(entry.key)) == ROOT
        assert len(await rig.camera.locate(entry.key)) == 4


async def test_a_camera_that_says_of_all_objects_that_they_lie_in_the_root(autojump_clock: MockClock) -> None:
    """Its lists are right, so a folder must not read as empty because of its infos."""
    async with rigged(operations="-9805") as rig:
        files = [add(rig, f"DCIM/100/{name}.JPG") for name in "AB"]
        for file in files:
            forge(rig, file.handle, parent=ObjectHandle(0))
        assert set(await all_entries(rig)) == {"DCIM", "DCIM/100", "DCIM/100/A.JPG", "DCIM/100/B.JPG"}


async def test_a_folder_that_lists_itself_and_wildcards(autojump_clock: MockClock) -> None:
    async with rigged(operations="-9805") as rig:
        add(rig, "DCIM/A.JPG")
        folder = await rig.entry("DCIM")

        async def more(state: CameraState, call: Call) -> Answer:
            answer = await get_object_handles(state, call)
            assert isinstance(answer.payload, bytes)
            numbers = [0, 0xFFFFFFFF, call.parameters[2]]
            numbers += [
                int.from_bytes(answer.payload[i : i + 4], "little") for i in range(4, len(answer.payload), 4)
            ] * 2
            return Answer(len(numbers).to_bytes(4, "little") + b"".join(n.to_bytes(4, "little") for n in numbers))

        rig.body.override(Operation.GetObjectHandles, more)
        assert await rig.names(folder.key) == ["A.JPG"]
        assert await rig.names() == ["DCIM"]


async def test_a_store_that_takes_no_storage_id(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        add(rig, "A.JPG")
        rig.fail(FaultKind.REFUSE, Operation.GetObjectHandles, times=None, parameter=CARD, code=0x2006)
        assert await rig.names() == ["A.JPG"]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (ResponseCode.StoreNotAvailable, errors.StoreUnavailable),
        (ResponseCode.InvalidStorageID, errors.StoreUnavailable),
        (ResponseCode.InvalidParentObject, errors.NotFound),
        (ResponseCode.InvalidObjectHandle, errors.NotFound),
        (ResponseCode.AccessDenied, errors.AccessDenied),
        (ResponseCode.DeviceBusy, errors.Busy),
    ],
)
async def test_a_listing_that_is_refused_is_an_error(
    code: ResponseCode, error: type[errors.CameraError], autojump_clock: MockClock
) -> None:
    async with rigged() as rig:
        add(rig, "A.JPG")
        rig.fail(FaultKind.REFUSE, Operation.GetObjectHandles, times=None, code=code)
        with pytest.raises(error):
            await rig.camera.list_folder(CARD_ROOT)


@pytest.mark.parametrize("data", [b"\1", b"\2\0\0\0\1\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\x0f" + bytes(400)])
async def test_a_list_of_handles_that_is_none(data: bytes, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        add(rig, "A.JPG")
        rig.fail(FaultKind.BAD_DATASET, Operation.GetObjectHandles, data=data)
        with pytest.raises(errors.RemoteProtocolError):
            await rig.camera.list_folder(CARD_ROOT)
        assert await rig.names() == ["A.JPG"]


@pytest.mark.parametrize("data", [b"\1", bytes(51), b"\xff" * 52, b""])
async def test_an_info_that_is_none_is_the_object_s_own_trouble(data: bytes, autojump_clock: MockClock) -> None:
    """What concerns one object is a refusal: only these may hide it."""
    async with rigged(operations="-9805") as rig:
        file = add(rig, "A.JPG")
        rig.fail(FaultKind.BAD_DATASET, Operation.GetObjectInfo, times=None, data=data or b"\0")
        (key,) = await rig.camera.list_folder(CARD_ROOT)
        assert key.handle == file.handle
        try:
            entry = await rig.camera.describe(key, CARD_ROOT)
        except errors.Refused:
            pass
        else:
            assert entry is None or entry.name == ""


async def test_an_object_that_the_camera_chokes_on_is_told_from_a_camera_that_chokes(
    autojump_clock: MockClock,
) -> None:
    async with rigged(operations="-9805") as rig:
        file = add(rig, "A.JPG")
        (key,) = await rig.camera.list_folder(CARD_ROOT)
        rig.fail(FaultKind.GARBAGE, Operation.GetObjectInfo, times=None, parameter=file.handle)
        with pytest.raises(errors.Refused):
            await rig.camera.describe(key, CARD_ROOT)
        rig.fail(FaultKind.GARBAGE, None, times=None)
        with pytest.raises((errors.RemoteProtocolError, errors.TransportError)):
            await rig.camera.describe(key, CARD_ROOT)


# ---------------------------------------------------------------------- entries


async def test_an_entry_says_what_the_camera_says(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        add(rig, "A.JPG", b"12345")
        entry = await rig.entry("A.JPG")
        assert (entry.name, entry.is_folder, entry.size, entry.size_is_exact, entry.is_picture) == (
            "A.JPG",
            False,
            5,
            True,
            True,
        )
        assert entry.mtime_ns == datetime(2024, 5, 4, 9, 30, tzinfo=UTC).timestamp() * 1e9


@pytest.mark.parametrize(
    ("modified", "captured", "expected"),
    [
        ("20240504T093000", "", "2024-05-04T09:30:00+00:00"),
        ("", "20240504T093000", "2024-05-04T09:30:00+00:00"),
        ("nonsense", "20240504T093000", "2024-05-04T09:30:00+00:00"),
        ("20240504T093000", "20200101T000000", "2024-05-04T09:30:00+00:00"),
        ("20240504T093000.7", "", "2024-05-04T09:30:00.700000+00:00"),
        ("20240504T093000Z", "", "2024-05-04T09:30:00+00:00"),
        ("20240504T093000+0530", "", "2024-05-04T04:00:00+00:00"),
        ("20240504T093000.", "", "2024-05-04T09:30:00+00:00"),
        ("19040504T093000", "", "1904-05-04T09:30:00+00:00"),
        ("00000000T000000", "", None),
        ("20241304T093000", "", None),
        ("", "", None),
        ("00010101T000000", "", "0001-01-01T00:00:00+00:00"),
        ("99991231T235959", "", "9999-12-31T23:59:59+00:00"),
    ],
)
async def test_dates(modified: str, captured: str, expected: str | None, autojump_clock: MockClock) -> None:
    async with rigged(operations="-9805") as rig:
        forge(rig, add(rig, "A.JPG").handle, modification_date=modified, capture_date=captured)
        entry = await rig.entry("A.JPG")
        moment = datetime.fromisoformat(expected) if expected else None
        assert entry.mtime_ns == (round(moment.timestamp() * 10) * 10**8 if moment else 0)


async def test_all_associations_are_folders(autojump_clock: MockClock) -> None:
    """A burst or a panorama is one too, and what lies in it would not be seen otherwise."""
    async with rigged(operations="-9805") as rig:
        add(rig, "DCIM/100/A.JPG")
        forge(rig, rig.body.card.find("DCIM/100").handle, association_type=3)
        assert (await rig.entry("DCIM/100")).is_folder
        assert (await rig.entry("DCIM/100/A.JPG")).size == 5


async def test_pictures_are_told_by_format_or_thumbnail(autojump_clock: MockClock) -> None:
    async with rigged(operations="-9805") as rig:
        add(rig, "A.JPG")
        add(rig, "B.TXT")
        add(rig, "C.X3F", object_format=ObjectFormat.Undefined, thumbnail=JPEG)
        add(rig, "D.MOV")
        add(rig, "E.NEF", object_format=0xB101)
        add(rig, "F.WAV")
        entries = {entry.name: entry.is_picture for entry in await rig.entries()}
        assert entries == {"A.JPG": True, "B.TXT": False, "C.X3F": True, "D.MOV": True, "E.NEF": True, "F.WAV": False}


async def test_tags_tell_all_apart(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        for _ in range(5):
            add(rig, "A.JPG")
        entries = await rig.entries()
        assert len({entry.tag for entry in entries}) == len(entries) == 5


# ---------------------------------------------------------------------- deleting


async def test_deleting(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        add(rig, "A.JPG")
        protected = add(rig, "B.JPG", protected=True)
        await rig.camera.delete(await rig.entry("A.JPG"))
        assert await rig.names() == ["B.JPG"]
        with pytest.raises(errors.AccessDenied):
            await rig.camera.delete(await rig.entry("B.JPG"))
        rig.body.card.access = AccessCapability.ReadOnly
        protected.protected = False
        with pytest.raises(errors.StoreReadOnly):
            await rig.camera.delete(await rig.entry("B.JPG"))


@pytest.mark.parametrize("handle", [0, 0xFFFFFFFF])
async def test_handles_that_mean_everything_are_never_deleted(handle: int, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        add(rig, "A.JPG")
        entry = await rig.entry("A.JPG")
        with pytest.raises(errors.NotPermitted):
            await rig.camera.delete(replace(entry, key=ObjectKey(CARD, ObjectHandle(handle))))
        assert "DeleteObject" not in rig.operations()
        assert await rig.names() == ["A.JPG"]


@pytest.mark.parametrize("command", ["delete", "format"])
async def test_nothing_is_deleted_on_a_card_that_was_put_in_meanwhile(command: str, autojump_clock: MockClock) -> None:
    """The command waits for a read; before its turn another card is put in, on which the same handle means another picture."""
    async with rigged() as rig:
        add(rig, "A.JPG")
        entry = await rig.entry("A.JPG")
        rig.fail(FaultKind.DELAY, Operation.GetPartialObject, seconds=5)

        async def order() -> None:
            with pytest.raises(errors.Refused, match="the card was changed"):
                await (rig.camera.delete(entry) if command == "delete" else rig.camera.format(CARD_ROOT))

        async with trio.open_nursery() as work:
            work.start_soon(rig.camera.read, entry, 0, 5)
            await trio.sleep(1)
            work.start_soon(order)
            await trio.sleep(1)
            rig.body.state.notify(EventCode.StoreRemoved, CARD)
        assert not {"DeleteObject", "FormatStore"} & {*rig.operations()}
        assert await rig.names() == ["A.JPG"]


async def test_nothing_is_deleted_in_a_session_that_did_not_list_it(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        add(rig, "A.JPG")
        entry = await rig.entry("A.JPG")
        rig.fail(FaultKind.LOSE_SESSION, Operation.DeleteObject)
        with pytest.raises(errors.CameraError):
            await rig.camera.delete(entry)
        assert await rig.names() == ["A.JPG"]
        assert rig.camera.epoch == 1
        await rig.camera.delete(await rig.entry("A.JPG"))
        assert await rig.names() == []
