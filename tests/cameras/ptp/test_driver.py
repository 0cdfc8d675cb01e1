"""The driver of PTP cameras: listing, describing, sizes and stores, on cameras that are right and on those that are not."""

from collections import Counter
from collections.abc import Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from camfs import errors
from camfs.cameras.api import Usage
from camfs.cameras.ptp.driver import ObjectKey
from camfs.protocols.ptp.codes import (
    ROOT,
    ObjectFormat,
    ObjectHandle,
    ObjectProperty,
    Operation,
    ResponseCode,
    StorageID,
)
from camfs.protocols.ptp.datasets import AccessCapability, StorageInfo, StorageType
from camfs.virtual.pictures.contents import Zeros
from camfs.virtual.ptp.calls import Answer, Call
from camfs.virtual.ptp.descriptions import OBJECT_PROPERTIES
from camfs.virtual.ptp.faults import FaultKind
from camfs.virtual.ptp.operations import get_object, get_object_handles, get_object_prop_list
from camfs.virtual.ptp.state import CameraState
from camfs.virtual.ptp.store import File
from tests.cameras.rig import CARD, CARD_ROOT, MEMORY, Rig, forge, rigged

JPEG = b"\xff\xd8\xff\xe0 a thumbnail \xff\xd9"

GIB = 1 << 30

SEED = [
    "GetDeviceInfo",
    "OpenSession",
    "CloseSession",
    "GetStorageIDs",
    "GetStorageInfo",
    "GetNumObjects",
    "GetObjectHandles",
    "GetObjectInfo",
    "GetObject",
    "GetThumb",
    "DeleteObject",
    "FormatStore",
    "GetDevicePropDesc",
    "GetDevicePropValue",
    "SetDevicePropValue",
    "GetPartialObject",
]
"""The standard operations that the seed lists for the SIGMA fp."""

FURTHER = ["GetPartialObject64", "GetObjectPropValue", "GetObjectPropList", "InitiateCapture"]


def add(rig: Rig, path: str, data: Any = b"bytes", **about: Any) -> File:
    """Put a file on the card, without a word."""
    folder, _, name = path.rpartition("/")
    file = rig.body.card.add_file(folder, name, data, datetime(2024, 5, 4, 9, 30))
    for attribute, value in about.items():
        setattr(file, attribute, value)
    return file


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


# ---------------------------------------------------------------------- the operations


async def test_every_operation_is_used(autojump_clock: MockClock) -> None:
    used: set[str] = set()
    for operations in ("", "-GetPartialObject,-GetPartialObject64"):
        async with rigged(operations=operations) as rig:
            picture = add(rig, "DCIM/100/A.JPG", b"picture", thumbnail=JPEG)
            add(rig, "DCIM/100/B.MOV", Zeros(5 * GIB))
            for number in range(6):
                add(rig, f"{number}.JPG")
            await wait_all_tasks_blocked()
            small, large = sorted(await rig.entries((await rig.entry("DCIM/100")).key), key=lambda entry: entry.name)
            assert await rig.camera.read(small, 0, 7) == b"picture"
            assert large.size == 5 * GIB
            if not operations:
                assert len(await rig.camera.read(large, 4 * GIB + 5, 100)) == 100
            assert await rig.camera.thumbnail(small) == JPEG
            assert await rig.camera.choices("iso")
            assert await rig.camera.setting("iso") == "100"
            await rig.camera.change_setting("iso", "200")
            assert (await rig.camera.usage(CARD_ROOT)).objects == 10
            assert len(await rig.camera.capture()) == 1
            await rig.camera.delete(small)
            assert rig.body.card.objects.get(picture.handle) is None
            await rig.camera.format(CARD_ROOT)
            await rig.camera.list_folder(None)
            await rig.camera.describe(CARD_ROOT, None)
            await rig.camera.release(large)
            await rig.camera.aclose()
            used |= set(rig.operations())
    assert used == {*SEED, *FURTHER}


async def test_nothing_is_asked_before_it_is_wanted(autojump_clock: MockClock) -> None:
    async with rigged(operations="-GetObjectPropList", listening=False) as rig:
        for name in "ABC":
            add(rig, f"DCIM/100/{name}.JPG")
        assert rig.operations() == ["OpenSession", "GetDeviceInfo"]
        assert await rig.camera.list_folder(None) == [CARD_ROOT]
        assert rig.operations() == ["GetStorageIDs"]
        store = await rig.camera.describe(CARD_ROOT, None)
        assert store is not None
        assert store.name == "card"
        assert rig.operations() == ["GetStorageInfo"]
        (dcim,) = await rig.camera.list_folder(CARD_ROOT)
        assert rig.operations() == ["GetObjectHandles"]
        entry = await rig.camera.describe(dcim, CARD_ROOT)
        assert entry is not None
        assert entry.is_folder
        assert rig.operations() == ["GetObjectInfo"]
        keys = await rig.camera.list_folder((await rig.camera.list_folder(dcim))[0])
        assert rig.operations() == ["GetObjectHandles"] * 2
        assert len(keys) == 3


@pytest.mark.parametrize("operation", [Operation.GetThumb, Operation.DeleteObject, Operation.FormatStore])
async def test_what_the_camera_does_not_list_is_not_asked(operation: Operation, autojump_clock: MockClock) -> None:
    async with rigged(operations=f"-{operation.name}") as rig:
        add(rig, "A.JPG")
        entry = await rig.entry("A.JPG")
        calls: dict[Operation, tuple[Coroutine[Any, Any, object], type[errors.Refused]]] = {
            Operation.GetThumb: (rig.camera.thumbnail(entry), errors.NoData),
            Operation.DeleteObject: (rig.camera.delete(entry), errors.NotSupported),
            Operation.FormatStore: (rig.camera.format(CARD_ROOT), errors.NotSupported),
        }
        for call, error in calls.values():
            if error is calls[operation][1] and call is calls[operation][0]:
                with pytest.raises(error):
                    await call
            call.close()
        assert operation.name not in rig.operations()


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


async def test_parents_that_go_in_a_circle(autojump_clock: MockClock) -> None:
    async with rigged(operations="-9805") as rig:
        file = add(rig, "DCIM/100/A.JPG")
        dcim, inner = rig.body.card.find("DCIM"), rig.body.card.find("DCIM/100")
        forge(rig, dcim.handle, parent=inner.handle)
        with trio.fail_after(5), pytest.raises(errors.CameraError):
            await rig.camera.locate(ObjectKey(CARD, file.handle))
        forge(rig, file.handle, parent=file.handle)
        assert [key.handle for key in await rig.camera.locate(ObjectKey(CARD, file.handle))] == [ROOT, file.handle]


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


# ---------------------------------------------------------------------- sizes


@pytest.mark.parametrize("size", [0, 1, 4 * GIB - 2, 4 * GIB - 1, 4 * GIB, 5 * GIB, 1 << 40])
@pytest.mark.parametrize("operations", ["", "-9803", "-9805", "-9803,-9805"])
async def test_sizes_of_four_gigabytes_and_more(size: int, operations: str, autojump_clock: MockClock) -> None:
    async with rigged(operations=operations) as rig:
        add(rig, "A.MOV", Zeros(size))
        add(rig, "B.MOV", Zeros(size))
        for entry in await rig.entries():
            if operations == "-9803,-9805" and size >= 4 * GIB - 1:
                assert (entry.size, entry.size_is_exact) == (4 * GIB - 1, False)
            else:
                assert (entry.size, entry.size_is_exact) == (size, True)


@pytest.mark.parametrize("operation", [Operation.GetObjectPropValue, Operation.GetObjectPropList])
@pytest.mark.parametrize(
    ("kind", "about"),
    [
        (FaultKind.REFUSE, {"code": ResponseCode.OperationNotSupported}),
        (FaultKind.REFUSE, {"code": ResponseCode.ObjectPropNotSupported}),
        (FaultKind.REFUSE, {"code": ResponseCode.GeneralError}),
        (FaultKind.BAD_DATASET, {"data": b"\1\2\3"}),
        (FaultKind.BAD_DATASET, {"data": bytes(4)}),
        (FaultKind.GARBAGE, {}),
    ],
)
async def test_a_large_size_that_cannot_be_had(
    operation: Operation, kind: FaultKind, about: dict[str, Any], autojump_clock: MockClock
) -> None:
    async with rigged(operations="-9805" if operation is Operation.GetObjectPropValue else "-9803") as rig:
        add(rig, "A.MOV", Zeros(5 * GIB))
        rig.fail(kind, operation, times=None, **about)
        entry = await rig.entry("A.MOV")
        assert (entry.size, entry.size_is_exact) == (4 * GIB - 1, False)


@pytest.mark.parametrize("claimed", [1 << 63, (1 << 64) - 1])
@pytest.mark.parametrize("operations", ["", "-9803", "-9805"])
async def test_sizes_that_no_file_can_have(claimed: int, operations: str, autojump_clock: MockClock) -> None:
    async with rigged(operations=operations) as rig:
        for name in ("A.MOV", "B.MOV"):
            add(rig, name, claimed_size=claimed)
        for entry in await rig.entries():
            assert 0 <= entry.size < 1 << 63


# ---------------------------------------------------------------------- stores


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


# ---------------------------------------------------------------------- thumbnails, deleting, formatting


async def test_thumbnails(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        add(rig, "A.JPG", thumbnail=JPEG)
        add(rig, "B.JPG", thumbnail=b"")
        with_one, without = sorted(await rig.entries(), key=lambda entry: entry.name)
        assert await rig.camera.thumbnail(with_one) == JPEG
        with pytest.raises(errors.NoData):
            await rig.camera.thumbnail(without)


async def test_a_thumbnail_of_a_gigabyte(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        file = add(rig, "A.JPG", Zeros(GIB), thumbnail=JPEG)
        entry = await rig.entry("A.JPG")
        rig.body.override(Operation.GetThumb, get_object)
        with pytest.raises(errors.RemoteProtocolError):
            await rig.camera.thumbnail(entry)
        assert rig.body.usb.moved < 64 << 20
        assert file.thumbnail == JPEG
        assert await rig.names() == ["A.JPG"]


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


# ---------------------------------------------------------------------- life


async def test_a_device_that_is_no_camera(autojump_clock: MockClock) -> None:
    for data in (b"\0", b"\xff" * 200, bytes(11)):
        async with rigged(opened=False, listening=False) as rig:
            rig.fail(FaultKind.BAD_DATASET, Operation.GetDeviceInfo, times=None, data=data)
            with pytest.raises(errors.RemoteProtocolError, match="PTP"):
                await rig.camera.open()


async def test_gone(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        add(rig, "A.JPG")
        entry = await rig.entry("A.JPG")
        rig.body.unplug()
        await wait_all_tasks_blocked()
        assert rig.camera.gone
        calls = [
            rig.camera.list_folder(None),
            rig.camera.list_folder(CARD_ROOT),
            rig.camera.describe(CARD_ROOT, None),
            rig.camera.describe(entry.key, CARD_ROOT),
            rig.camera.locate(entry.key),
            rig.camera.read(entry, 0, 5),
            rig.camera.thumbnail(entry),
            rig.camera.delete(entry),
            rig.camera.usage(CARD_ROOT),
            rig.camera.format(CARD_ROOT),
            rig.camera.setting("iso"),
            rig.camera.choices("iso"),
            rig.camera.change_setting("iso", "200"),
            rig.camera.clock(),
            rig.camera.set_clock(datetime.now(UTC)),
            rig.camera.capture(),
            rig.camera.raw("1001"),
        ]
        for call in calls:
            with pytest.raises(errors.DeviceGone):
                await call
        assert trio.current_time() == 0


async def test_status(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        assert dict(await rig.camera.status()) == {
            "camera": "PTP camera",
            "serial": "0123456789",
            "firmware": "1.0",
            "battery": "75%",
        }
        rig.fail(FaultKind.REFUSE, Operation.GetDevicePropDesc, times=None)
        rig.fail(FaultKind.REFUSE, Operation.GetDevicePropValue, times=None)
        assert dict(await rig.camera.status())["serial"] == "0123456789"
