"""Every operation of the emulated cameras, as a host sees it."""

import io
import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import trio
from PIL import Image

from camfs.protocols.ptp.codes import (
    NO_TRANSACTION,
    ROOT,
    SIZE_UNKNOWN,
    DataType,
    EventCode,
    ObjectFormat,
    ObjectHandle,
    ObjectProperty,
    Operation,
    ResponseCode,
    StorageID,
)
from camfs.protocols.ptp.datasets import (
    AccessCapability,
    DeviceInfo,
    DevicePropDesc,
    Enumeration,
    Range,
    StorageInfo,
    StorageType,
    decode_handles,
    decode_object_prop_list,
)
from camfs.protocols.ptp.messages import Event
from camfs.protocols.ptp.values import Reader, decode_date_time, encode_string, encode_value
from camfs.protocols.sigma.codes import NOT_INITIALISED
from camfs.virtual.ptp.faults import PastEnd
from camfs.virtual.ptp.store import File
from tests.virtual.ptp.host import Reply, hosted
from tests.zeros import Zeros

CARD, MEMORY = 0x00010001, 0x00020001
ALL = 0xFFFFFFFF


def refused(code: int) -> Reply:
    return Reply(code)


def unrelated(code: int, *parameters: int) -> Event:
    return Event(code, NO_TRANSACTION, parameters)


async def test_sigma_fp_says_what_the_seed_says() -> None:
    async with hosted("sigma-fp", session=False, serial="1234567890123456", firmware="V84") as (_, host):
        info = DeviceInfo.decode(await host.data(Operation.GetDeviceInfo))
    assert (info.standard_version, info.vendor_extension_id, info.vendor_extension_version) == (100, 6, 100)
    assert (info.vendor_extension_desc, info.functional_mode, info.device_properties) == ("SIGMA", 0, ())
    assert (info.manufacturer, info.model, info.device_version) == ("SIGMA", "SIGMA fp", "1.00")
    assert info.serial_number == "1234567890123456"
    assert len(info.operations) == 59
    assert [code for code in info.operations if code < 0x9000] == [
        *(0x1001, 0x1002, 0x1003, 0x1004, 0x1005, 0x1006, 0x1007, 0x1008, 0x1009, 0x100A, 0x100B, 0x100F),
        *(0x1014, 0x1015, 0x1016, 0x101B),
    ]
    assert not {0x9010, 0x9011, 0x901A, 0x901D, 0x9020, 0x9021, 0x9025, 0x9026, 0x902E} & set(info.operations)
    assert info.events == (0x4001, 0x4002, 0x4003, 0x4004, 0x4005, 0x4006, 0x4008, 0x4009, 0xC401, 0xC411)


async def test_the_default_serial_number_has_16_characters() -> None:
    async with hosted("sigma-fp", session=False) as (_, host):
        assert len(DeviceInfo.decode(await host.data(Operation.GetDeviceInfo)).serial_number) == 16


async def test_vendor_operations_before_config_api_are_refused_with_their_data_eaten() -> None:
    async with hosted("sigma-fp") as (_, host):
        for code in (0x9012, 0x902B, 0x901D, 0x9010, 0x9401):
            assert await host.do(code) == refused(NOT_INITIALISED)
        assert await host.do(0x9016, data=b"\3\4\0\4\x0b") == refused(NOT_INITIALISED)
        assert await host.do(0x9050) == refused(ResponseCode.OperationNotSupported)
        assert (await host.do(Operation.GetDevicePropDesc, 0x5001)) == refused(ResponseCode.DevicePropNotSupported)


async def test_lists_its_stores() -> None:
    async with hosted("ptp") as (_, host):
        assert decode_handles(await host.data(Operation.GetStorageIDs)) == (CARD, MEMORY)
        card, memory = [
            StorageInfo.decode(await host.data(Operation.GetStorageInfo, storage)) for storage in (CARD, MEMORY)
        ]
        assert (card.storage_type, card.filesystem_type) == (StorageType.RemovableRAM, 3)
        assert memory.storage_type == StorageType.FixedRAM
        assert 0 < card.free_space < card.max_capacity
        for storage in (0, ALL, 0x00030001):
            assert await host.do(Operation.GetStorageInfo, storage) == refused(ResponseCode.InvalidStorageID)


async def test_space_of_a_folder_is_that_of_its_disk(tmp_path: Path) -> None:
    async with hosted("sigma-fp", card=str(tmp_path)) as (_, host):
        info = StorageInfo.decode(await host.data(Operation.GetStorageInfo, CARD))
    assert info.max_capacity == os.statvfs(tmp_path).f_blocks * os.statvfs(tmp_path).f_frsize


@pytest.mark.parametrize(("model", "listed"), [("ptp", (0x00010000, MEMORY)), ("sigma-fp", (CARD,))])
async def test_a_card_that_is_out(model: str, listed: tuple[int, ...]) -> None:
    async with hosted(model) as (camera, host):
        (dcim,) = await host.handles(storage=CARD)
        camera.state.remove_card(StorageID(CARD))
        assert decode_handles(await host.data(Operation.GetStorageIDs)) == listed
        for code in (Operation.GetStorageInfo, Operation.GetObjectHandles, Operation.FormatStore):
            assert await host.do(code, CARD) == refused(ResponseCode.StoreNotAvailable)
        assert await host.do(Operation.GetObjectInfo, dcim) == refused(ResponseCode.StoreNotAvailable)
        assert dcim not in await host.handles()
        camera.state.insert_card(StorageID(CARD))
        assert await host.handles(storage=CARD) == [dcim]


async def test_formats() -> None:
    async with hosted("ptp") as (camera, host):
        old = await host.handles(0)
        assert await host.do(Operation.FormatStore, CARD) == Reply(ResponseCode.OK)
        assert await host.handles(storage=CARD) == []
        assert await host.handles(storage=MEMORY) != []
        gone = next(handle for handle in old if camera.state.objects.get(handle) is None)
        assert await host.do(Operation.GetObjectInfo, gone) == refused(ResponseCode.InvalidObjectHandle)
        info = StorageInfo.decode(await host.data(Operation.GetStorageInfo, CARD))
        assert info.free_space == info.max_capacity
        assert await host.event() == unrelated(EventCode.StorageInfoChanged, CARD)


async def test_formats_not() -> None:
    async with hosted("ptp") as (camera, host):
        assert await host.do(Operation.FormatStore, ALL) == refused(ResponseCode.InvalidStorageID)
        assert await host.do(Operation.FormatStore, CARD, 99) == refused(ResponseCode.InvalidParameter)
        for access in (AccessCapability.ReadOnly, AccessCapability.ReadOnlyWithDeletion):
            camera.card.access = access
            assert await host.do(Operation.FormatStore, CARD) == refused(ResponseCode.StoreReadOnly)
        assert await host.handles(storage=CARD) != []


async def test_lists_a_level_or_all() -> None:
    async with hosted("ptp") as (camera, host):
        card, memory = camera.state.stores
        roots = {card.find("DCIM").handle, memory.find("DCIM").handle}
        assert set(await host.handles(ROOT)) == roots
        assert await host.handles(ROOT, MEMORY) == [memory.find("DCIM").handle]
        assert await host.handles(card.find("DCIM").handle) == [card.find("DCIM/100CAMFS").handle]
        everything = await host.handles(0)
        assert len(everything) == len(set(everything)) == 2 + 4 + 2 + 2
        assert set(await host.handles(0, MEMORY)) == {node.handle for node in memory.root.descendants()}
        assert everything != [node.handle for store in (card, memory) for node in store.root.descendants()]


async def test_counts_what_it_lists() -> None:
    async with hosted("ptp") as (_, host):
        for storage, parent in ((ALL, 0), (ALL, ROOT), (MEMORY, 0)):
            count = len(await host.handles(parent, storage))
            assert await host.do(Operation.GetNumObjects, storage, 0, parent) == Reply(ResponseCode.OK, (count,))


async def test_lists_by_format() -> None:
    async with hosted("ptp") as (camera, host):
        camera.card.add_file("DCIM/100CAMFS", "A.TXT", b"text")

        async def names(wanted: int) -> list[str]:
            data = await host.data(Operation.GetObjectHandles, CARD, wanted, 0)
            return sorted([(await host.info(handle)).filename for handle in decode_handles(data)])

        pictures = [f"CAMF000{number}.JPG" for number in range(1, 5)]
        assert await names(ObjectFormat.EXIF_JPEG) == pictures
        assert await names(ALL) == pictures
        assert await names(ObjectFormat.Text) == ["A.TXT"]
        assert await names(ObjectFormat.Association) == ["100CAMFS", "DCIM"]
        assert await names(ObjectFormat.BMP) == []
        camera.quirks.format_filter = False
        reply = await host.do(Operation.GetObjectHandles, CARD, ObjectFormat.Text, 0)
        assert reply == refused(ResponseCode.SpecificationByFormatUnsupported)


async def test_refuses_a_parent_that_is_no_folder_there() -> None:
    async with hosted("ptp") as (camera, host):
        picture = camera.card.find("DCIM/100CAMFS/CAMF0001.JPG").handle
        for storage, parent in ((ALL, picture), (ALL, 12345), (MEMORY, camera.card.find("DCIM").handle)):
            for code in (Operation.GetObjectHandles, Operation.GetNumObjects):
                assert await host.do(code, storage, 0, parent) == refused(ResponseCode.InvalidParentObject)
        assert await host.do(Operation.GetObjectHandles, 0, 0, 0) == refused(ResponseCode.InvalidStorageID)


async def test_describes_objects(tmp_path: Path) -> None:
    folder = tmp_path / "DCIM" / "100SIGMA"
    folder.mkdir(parents=True)
    (folder / "A.JPG").write_bytes(bytes(5000))
    (folder / "A.MOV").write_bytes(b"")
    moment = datetime(2024, 1, 2, 3, 4, 5).timestamp()
    os.utime(folder / "A.JPG", (moment, moment))
    async with hosted("sigma-fp", card=str(tmp_path)) as (camera, host):
        dcim, inner, picture, movie = [
            await host.info(camera.card.find(path).handle)
            for path in ("DCIM", "DCIM/100SIGMA", "DCIM/100SIGMA/A.JPG", "DCIM/100SIGMA/A.MOV")
        ]
        assert (dcim.object_format, dcim.association_type, dcim.parent) == (ObjectFormat.Association, 1, 0)
        assert inner.parent == camera.card.find("DCIM").handle
        assert (picture.filename, picture.compressed_size, picture.storage) == ("A.JPG", 5000, CARD)
        assert (picture.object_format, picture.association_type) == (ObjectFormat.EXIF_JPEG, 0)
        assert picture.capture_date == picture.modification_date == "20240102T030405"
        assert movie.object_format == ObjectFormat.QuickTime
        assert await host.do(Operation.GetObjectInfo, 4711) == refused(ResponseCode.InvalidObjectHandle)


async def test_sigma_fp_has_no_format_for_dng_but_tells_the_size_of_its_thumbnail() -> None:
    async with hosted("sigma-fp") as (camera, host):
        handle = camera.card.find("DCIM/100SIGMA/SDIM0001.DNG").handle
        info = await host.info(handle)
        assert info.object_format == ObjectFormat.Undefined
        assert info.thumb_compressed_size == len(await host.data(Operation.GetThumb, handle))


@pytest.mark.parametrize("name", ["a/b", "a\0b", "", ".", "..", "ä\U0001f4f7", "n" * 254])
async def test_gives_any_name(name: str) -> None:
    async with hosted("ptp") as (camera, host):
        handle = camera.card.add_file("", name, b"x").handle
        data = await host.data(Operation.GetObjectInfo, handle)
        units = name.encode("utf-16-le") + b"\0\0" if name else b""
        assert data[52 : 53 + len(units)] == bytes((len(units) // 2,)) + units
        assert data[53 + len(units) :] == bytes(3)
        named = await host.data(Operation.GetObjectPropValue, handle, ObjectProperty.ObjectFileName)
        assert named == bytes((len(units) // 2,)) + units
        listed = decode_object_prop_list(await host.data(Operation.GetObjectPropList, handle, 0, ALL, 0, 0))
        assert [each.value for each in listed if each.code == ObjectProperty.Name] == [name.split("\0")[0]]


@pytest.mark.parametrize(
    ("size", "told"),
    [((1 << 32) - 2, (1 << 32) - 2), ((1 << 32) - 1, SIZE_UNKNOWN), (1 << 32, SIZE_UNKNOWN), (5 << 30, SIZE_UNKNOWN)],
)
async def test_tells_large_sizes_by_property(size: int, told: int) -> None:
    async with hosted("ptp") as (camera, host):
        handle = camera.card.add_file("", "L.MOV", Zeros(size)).handle
        assert (await host.info(handle)).compressed_size == told
        data = await host.data(Operation.GetObjectPropValue, handle, ObjectProperty.ObjectSize)
        assert data == size.to_bytes(8, "little")


async def test_gives_object_properties() -> None:
    async with hosted("ptp") as (camera, host):
        file = camera.card.add_file("A", "B.JPG", b"12345", datetime(2024, 5, 6, 7, 8, 9))
        expected = {
            ObjectProperty.StorageID: (DataType.UINT32, CARD),
            ObjectProperty.ObjectFormat: (DataType.UINT16, ObjectFormat.EXIF_JPEG),
            ObjectProperty.ProtectionStatus: (DataType.UINT16, 0),
            ObjectProperty.ObjectSize: (DataType.UINT64, 5),
            ObjectProperty.ObjectFileName: (DataType.STRING, "B.JPG"),
            ObjectProperty.DateCreated: (DataType.STRING, "20240506T070809"),
            ObjectProperty.DateModified: (DataType.STRING, "20240506T070809"),
            ObjectProperty.ParentObject: (DataType.UINT32, camera.card.find("A").handle),
            ObjectProperty.Name: (DataType.STRING, "B.JPG"),
        }
        for code, (data_type, value) in expected.items():
            data = await host.data(Operation.GetObjectPropValue, file.handle, code)
            assert Reader(data).value(data_type) == value
        listed = decode_object_prop_list(await host.data(Operation.GetObjectPropList, file.handle, 0, ALL, 0, 0))
        unique = ObjectProperty.PersistentUniqueObjectIdentifier
        assert {each.code: (each.data_type, each.value) for each in listed if each.code != unique} == expected
        reply = await host.do(Operation.GetObjectPropValue, file.handle, 0xDC42)
        assert reply == refused(ResponseCode.ObjectPropNotSupported)
        reply = await host.do(Operation.GetObjectPropValue, 4711, ObjectProperty.Name)
        assert reply == refused(ResponseCode.InvalidObjectHandle)


async def test_lists_object_properties_of_many() -> None:
    async with hosted("ptp") as (camera, host):
        card, memory = camera.state.stores
        dcim, folder = card.find("DCIM"), card.find("DCIM/100CAMFS")
        pictures = {node.handle for node in card.root.descendants() if isinstance(node, File)}

        async def listed(handle: int, depth: int, wanted: int = 0) -> set[ObjectHandle]:
            data = await host.data(Operation.GetObjectPropList, handle, wanted, ObjectProperty.ObjectSize, 0, depth)
            return {each.handle for each in decode_object_prop_list(data)}

        assert await listed(dcim.handle, 0) == {dcim.handle}
        assert await listed(dcim.handle, 1) == {dcim.handle, folder.handle}
        assert await listed(folder.handle, 1) == {folder.handle} | pictures
        assert await listed(folder.handle, 1, ObjectFormat.EXIF_JPEG) == pictures
        assert await listed(dcim.handle, ALL) == {dcim.handle, folder.handle} | pictures
        assert await listed(0, 1) == {dcim.handle, memory.find("DCIM").handle}
        assert await listed(ALL, 0) == set(await host.handles(0))
        for parameters, code in (
            ((4711, 0, ALL, 0, 0), ResponseCode.InvalidObjectHandle),
            ((ALL, 0, 0, 0, 0), ResponseCode.ParameterNotSupported),
            ((ALL, 0, 0, 4, 0), ResponseCode.SpecificationByGroupUnsupported),
            ((ALL, 0, 0xDC42, 0, 0), ResponseCode.ObjectPropNotSupported),
        ):
            assert await host.do(Operation.GetObjectPropList, *parameters) == refused(code)


M = 512
SIZES = (0, 1, M - 13, M - 12, M - 11, 2 * M - 12, 512 * 1024 - 12, 1 << 20, (1 << 20) + 1)


@pytest.mark.parametrize("size", SIZES)
async def test_gives_an_object_whole(size: int) -> None:
    data = os.urandom(size)
    async with hosted("ptp") as (camera, host):
        handle = camera.card.add_file("", "A", data).handle
        assert await host.data(Operation.GetObject, handle) == data


@pytest.mark.parametrize("size", SIZES)
async def test_gives_a_part(size: int) -> None:
    data = os.urandom(max(size, 1))
    async with hosted("ptp") as (camera, host):
        handle = camera.card.add_file("", "A", data).handle
        for offset, wanted in ((0, ALL), (0, 1), (len(data) // 2, len(data)), (len(data) - 1, 100)):
            part = data[offset : offset + wanted]
            for code, parameters in (
                (Operation.GetPartialObject, (offset, wanted)),
                (Operation.GetPartialObject64, (offset, 0, wanted)),
            ):
                reply = await host.do(code, handle, *parameters)
                assert reply == Reply(ResponseCode.OK, (len(part),), part)


async def test_gives_parts_beyond_4_gib(tmp_path: Path) -> None:
    with (tmp_path / "L.MOV").open("wb") as large:
        large.seek(5 << 30)
        large.write(b"end")
    async with hosted("ptp", card=str(tmp_path)) as (camera, host):
        handle = camera.card.find("L.MOV").handle
        reply = await host.do(Operation.GetPartialObject64, handle, (1 << 30) - 1, 1, 100)
        assert reply == Reply(ResponseCode.OK, (4,), b"\0end")


async def test_folders_and_strangers_have_no_bytes() -> None:
    async with hosted("ptp") as (camera, host):
        for handle in (camera.card.find("DCIM").handle, 4711):
            for code in (Operation.GetObject, Operation.GetPartialObject, Operation.GetPartialObject64):
                assert await host.do(code, handle, 0, 100, 100) == refused(ResponseCode.InvalidObjectHandle)


async def test_the_end_of_an_object(autojump_clock: trio.testing.MockClock) -> None:
    async with hosted("ptp") as (camera, host):
        handle = camera.card.add_file("", "A", b"abc").handle
        empty = camera.card.add_file("", "B", b"").handle
        assert await host.do(Operation.GetPartialObject, handle, 0, 0) == refused(ResponseCode.InvalidParameter)
        assert await host.do(Operation.GetPartialObject, empty, 0, 5) == Reply(ResponseCode.OK, (0,), b"")
        for offset in (3, 4, ALL):
            camera.quirks.past_end = PastEnd.REFUSED
            reply = await host.do(Operation.GetPartialObject, handle, offset, 5)
            assert reply == refused(ResponseCode.InvalidParameter)
            camera.quirks.past_end = PastEnd.EMPTY
            reply = await host.do(Operation.GetPartialObject, handle, offset, 5)
            assert reply == Reply(ResponseCode.OK, (0,), b"")
        camera.quirks.past_end = PastEnd.HANGS
        with trio.move_on_after(60) as scope:
            await host.do(Operation.GetPartialObject, handle, 3, 5)
        assert scope.cancelled_caught


async def test_parts_can_be_short() -> None:
    async with hosted("ptp") as (camera, host):
        camera.quirks.max_partial = 2
        handle = camera.card.add_file("", "A", b"abc").handle
        assert await host.do(Operation.GetPartialObject, handle, 0, 3) == Reply(ResponseCode.OK, (2,), b"ab")


async def test_a_size_that_lies_changes_what_is_told_and_not_what_is_there() -> None:
    async with hosted("ptp") as (camera, host):
        for lie in (0, 2, 100):
            file = camera.card.add_file("", "A", b"abc")
            file.claimed_size = lie
            assert (await host.info(file.handle)).compressed_size == lie
            assert await host.data(Operation.GetObject, file.handle) == b"abc"


async def test_a_file_that_shrinks_ends_in_zeros_and_an_error(tmp_path: Path) -> None:
    (tmp_path / "A").write_bytes(b"abcdef")
    (tmp_path / "B").write_bytes(b"abcdef")
    async with hosted("ptp", card=str(tmp_path)) as (camera, host):
        handles = [camera.card.find(name).handle for name in "AB"]
        (tmp_path / "A").write_bytes(b"ab")
        (tmp_path / "B").unlink()
        for handle, data in zip(handles, (b"ab\0\0\0\0", bytes(6)), strict=True):
            assert await host.do(Operation.GetObject, handle) == Reply(ResponseCode.IncompleteTransfer, (), data)


async def test_gives_the_thumbnail_in_a_picture() -> None:
    async with hosted("sigma-fp") as (camera, host):
        for name in ("SDIM0001.JPG", "SDIM0001.DNG"):
            file = camera.card.find(f"DCIM/100SIGMA/{name}")
            assert isinstance(file, File)
            data = await host.data(Operation.GetThumb, file.handle)
            assert data in file.content.read(0, file.size)
            assert Image.open(io.BytesIO(data)).size == (160, 120)


async def test_renders_a_thumbnail_where_there_is_none(tmp_path: Path) -> None:
    Image.new("RGB", (640, 480), "red").save(tmp_path / "A.PNG")
    async with hosted("ptp", card=str(tmp_path)) as (camera, host):
        data = await host.data(Operation.GetThumb, camera.card.find("A.PNG").handle)
    assert Image.open(io.BytesIO(data)).size == (160, 120)


async def test_has_no_thumbnail() -> None:
    async with hosted("ptp") as (camera, host):
        add = camera.card.add_file
        refusing = add("", "R.JPG", b"not asked")
        refusing.thumbnail = b""
        for node in (add("", "A.TXT", b"text"), add("", "B.JPG", b"no picture"), camera.card.find("DCIM"), refusing):
            assert await host.do(Operation.GetThumb, node.handle) == refused(ResponseCode.NoThumbnailPresent)
        assert await host.do(Operation.GetThumb, 4711) == refused(ResponseCode.InvalidObjectHandle)


async def test_a_thumbnail_that_is_no_picture() -> None:
    async with hosted("ptp") as (camera, host):
        file = camera.card.add_file("", "A.JPG", b"")
        file.thumbnail = b"nonsense"
        assert await host.data(Operation.GetThumb, file.handle) == b"nonsense"
        assert (await host.info(file.handle)).thumb_compressed_size == 8


async def test_deletes_a_file() -> None:
    async with hosted("ptp") as (camera, host):
        node = camera.card.find("DCIM/100CAMFS/CAMF0001.JPG")
        assert await host.do(Operation.DeleteObject, node.handle) == Reply(ResponseCode.OK)
        assert await host.event() == unrelated(EventCode.ObjectRemoved, node.handle)
        assert await host.do(Operation.GetObjectInfo, node.handle) == refused(ResponseCode.InvalidObjectHandle)
        assert await host.do(Operation.DeleteObject, node.handle) == refused(ResponseCode.InvalidObjectHandle)
        assert node.parent is not None
        assert node.handle not in await host.handles(node.parent.handle)


async def test_deletes_a_folder_with_its_children_or_not() -> None:
    async with hosted("ptp") as (camera, host):
        dcim = camera.card.find("DCIM")
        camera.quirks.deletes_folders = False
        assert await host.do(Operation.DeleteObject, dcim.handle) == refused(ResponseCode.PartialDeletion)
        assert len(await host.handles(0, CARD)) == 6
        camera.quirks.deletes_folders = True
        assert await host.do(Operation.DeleteObject, dcim.handle) == Reply(ResponseCode.OK)
        assert await host.handles(0, CARD) == []
        told = [(await host.event()) for _ in range(6)]
        assert {event.code for event in told} == {EventCode.ObjectRemoved}
        assert told[-1].parameters == (dcim.handle,)


async def test_protected_objects_stay_with_the_folders_around_them() -> None:
    async with hosted("ptp") as (camera, host):
        kept = camera.card.find("DCIM/100CAMFS/CAMF0002.JPG")
        kept.protected = True
        assert (await host.info(kept.handle)).protection == 1
        assert await host.do(Operation.DeleteObject, kept.handle) == refused(ResponseCode.ObjectWriteProtected)
        dcim = camera.card.find("DCIM")
        assert await host.do(Operation.DeleteObject, dcim.handle) == refused(ResponseCode.PartialDeletion)
        assert {node.name for node in camera.card.root.descendants()} == {"DCIM", "100CAMFS", kept.name}


async def test_deletes_everything() -> None:
    async with hosted("ptp") as (camera, host):
        camera.card.add_file("A", "B.TXT", b"")
        assert await host.do(Operation.DeleteObject, ALL, ObjectFormat.EXIF_JPEG) == Reply(ResponseCode.OK)
        assert {(await host.info(handle)).filename for handle in await host.handles(0)} == {
            *("DCIM", "100CAMFS", "A", "B.TXT")
        }
        assert await host.do(Operation.DeleteObject, ALL) == Reply(ResponseCode.OK)
        assert await host.handles(0) == []


async def test_deletes_nothing() -> None:
    async with hosted("ptp") as (camera, host):
        handle = camera.card.find("DCIM/100CAMFS/CAMF0001.JPG").handle
        reply = await host.do(Operation.DeleteObject, handle, ObjectFormat.EXIF_JPEG)
        assert reply == refused(ResponseCode.SpecificationByFormatUnsupported)
        camera.card.access = AccessCapability.ReadOnly
        for doomed in (handle, ALL):
            assert await host.do(Operation.DeleteObject, doomed) == refused(ResponseCode.StoreReadOnly)
        assert len(await host.handles(0)) == 10


async def test_a_store_that_is_read_only_with_deletion() -> None:
    async with hosted("ptp") as (camera, host):
        camera.card.access = AccessCapability.ReadOnlyWithDeletion
        handle = camera.card.find("DCIM/100CAMFS/CAMF0001.JPG").handle
        assert await host.do(Operation.DeleteObject, handle) == Reply(ResponseCode.OK)


async def test_need_not_tell_the_host_of_its_own_deeds() -> None:
    async with hosted("ptp") as (camera, host):
        camera.quirks.reports_own_changes = False
        await host.do(Operation.DeleteObject, camera.card.find("DCIM").handle)
        await host.do(Operation.FormatStore, CARD)
        await host.do(Operation.SetDevicePropValue, 0x5012, data=(500).to_bytes(4, "little"))
        camera.state.set_property(0x5001, 50)
        assert await host.event() == unrelated(EventCode.DevicePropChanged, 0x5001)


async def test_describes_its_properties() -> None:
    async with hosted("ptp") as (_, host):
        info = DeviceInfo.decode(await host.data(Operation.GetDeviceInfo))
        described = {
            code: DevicePropDesc.decode(await host.data(Operation.GetDevicePropDesc, code))
            for code in info.device_properties
        }
        assert all(code == description.code for code, description in described.items())
        assert described[0x5001] == DevicePropDesc(0x5001, DataType.UINT8, False, 75, 75, Range(0, 100, 1))
        assert isinstance(described[0x5010].form, Enumeration)
        assert -333 in described[0x5010].form.values
        assert described[0xD0A1].current == (1, 2, 3, 255)
        assert described[0xD0A2].current == 0x0123456789ABCDEF0123456789ABCDEF
        assert {description.data_type for description in described.values()} >= {2, 3, 4, 6, 10, 0x4002, 0xFFFF}
        for code, description in described.items():
            if code != 0x5011:
                value = await host.data(Operation.GetDevicePropValue, code)
                assert value == encode_value(description.data_type, description.current)
        for operation in (Operation.GetDevicePropDesc, Operation.GetDevicePropValue):
            assert await host.do(operation, 0x5099) == refused(ResponseCode.DevicePropNotSupported)


@pytest.mark.parametrize(
    ("code", "data"),
    [
        (0x5003, encode_string("3000x2000")),
        (0x5005, b"\4\0"),
        (0x500D, (1250).to_bytes(4, "little")),
        (0x5010, (-1000).to_bytes(2, "little", signed=True)),
        (0x5012, (10_000).to_bytes(4, "little")),
        (0x501E, encode_string("Jörg 📷")),
        (0x501E, b"\0"),
        (0xD0A1, b"\2\0\0\0\x00\xff"),
        (0xD0A1, bytes(4)),
    ],
)
async def test_takes_a_value(code: int, data: bytes) -> None:
    async with hosted("ptp") as (_, host):
        before = await host.data(Operation.GetDevicePropValue, code)
        assert await host.do(Operation.SetDevicePropValue, code, data=data) == Reply(ResponseCode.OK)
        assert await host.data(Operation.GetDevicePropValue, code) == data
        described = DevicePropDesc.decode(await host.data(Operation.GetDevicePropDesc, code))
        assert encode_value(described.data_type, described.current) == data
        if data != before:
            assert await host.event() == unrelated(EventCode.DevicePropChanged, code)


@pytest.mark.parametrize(
    ("code", "data", "refusal"),
    [
        (0x5001, b"\x10", ResponseCode.AccessDenied),
        (0xD0A2, bytes(16), ResponseCode.AccessDenied),
        (0x5003, encode_string("1x1"), ResponseCode.InvalidDevicePropValue),
        (0x5005, b"\x03\0", ResponseCode.InvalidDevicePropValue),
        (0x5005, b"\x02", ResponseCode.InvalidDevicePropFormat),
        (0x5005, b"\x02\0\0", ResponseCode.InvalidDevicePropFormat),
        (0x5005, b"", ResponseCode.InvalidDevicePropFormat),
        (0x5012, (501).to_bytes(4, "little"), ResponseCode.InvalidDevicePropValue),
        (0x5012, (10_500).to_bytes(4, "little"), ResponseCode.InvalidDevicePropValue),
        (0x5011, encode_string("now"), ResponseCode.InvalidDevicePropValue),
        (0x501E, encode_string("n" * 65), ResponseCode.InvalidDevicePropValue),
        (0xD0A1, b"\2\0\0\0\1", ResponseCode.InvalidDevicePropFormat),
        (0xD0A1, (65).to_bytes(4, "little") + bytes(65), ResponseCode.InvalidDevicePropValue),
        (0x5099, b"\0", ResponseCode.DevicePropNotSupported),
        (0x501E, bytes(100_000), ResponseCode.InvalidDevicePropFormat),
    ],
)
async def test_refuses_a_value(code: int, data: bytes, refusal: int) -> None:
    async with hosted("ptp") as (_, host):
        before = await host.do(Operation.GetDevicePropValue, code)
        assert await host.do(Operation.SetDevicePropValue, code, data=data) == refused(refusal)
        if code != 0x5011:
            assert await host.do(Operation.GetDevicePropValue, code) == before


async def test_one_property_ignores_what_is_written() -> None:
    async with hosted("ptp") as (_, host):
        assert await host.do(Operation.SetDevicePropValue, 0x500B, data=b"\4\0") == Reply(ResponseCode.OK)
        assert await host.data(Operation.GetDevicePropValue, 0x500B) == b"\2\0"
        assert await host.do(Operation.SetDevicePropValue, 0x500B, data=b"\x09\0") == refused(
            ResponseCode.InvalidDevicePropValue
        )


async def test_the_clock_runs_from_where_it_is_set() -> None:
    async with hosted("ptp") as (camera, host):

        async def clock() -> datetime:
            moment = decode_date_time(Reader(await host.data(Operation.GetDevicePropValue, 0x5011)).string())
            assert moment is not None
            return moment.replace(tzinfo=None)

        assert abs(await clock() - datetime.now()) < timedelta(seconds=5)
        assert await host.do(Operation.SetDevicePropValue, 0x5011, data=encode_string("20200102T030405")) == Reply(
            ResponseCode.OK
        )
        assert timedelta() <= await clock() - datetime(2020, 1, 2, 3, 4, 4) < timedelta(seconds=6)
        assert abs(camera.state.now() - await clock()) < timedelta(seconds=5)


async def test_takes_a_picture(autojump_clock: trio.testing.MockClock) -> None:
    async with hosted("ptp") as (camera, host):
        capture = host.next_id
        assert await host.do(Operation.InitiateCapture) == Reply(ResponseCode.OK)
        assert await host.do(Operation.InitiateCapture) == refused(ResponseCode.DeviceBusy)
        added, complete = await host.event(), await host.event()
        assert added.code == EventCode.ObjectAdded
        assert (complete.code, complete.transaction_id) == (EventCode.CaptureComplete, capture)
        info = await host.info(added.parameters[0])
        assert (info.filename, info.storage, info.object_format) == ("CAMF0005.JPG", CARD, ObjectFormat.EXIF_JPEG)
        assert info.parent == camera.card.find("DCIM/100CAMFS").handle
        assert Image.open(io.BytesIO(await host.data(Operation.GetObject, added.parameters[0]))).size == (1200, 800)
        assert await host.do(Operation.InitiateCapture, MEMORY, ObjectFormat.EXIF_JPEG) == Reply(ResponseCode.OK)
        assert (await host.info((await host.event()).parameters[0])).storage == MEMORY


async def test_takes_a_picture_onto_an_empty_card(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    async with hosted("ptp", card=str(tmp_path)) as (camera, host):
        assert await host.do(Operation.InitiateCapture) == Reply(ResponseCode.OK)
        told = [await host.event() for _ in range(4)]
        assert [event.code for event in told] == [EventCode.ObjectAdded] * 3 + [EventCode.CaptureComplete]
        assert camera.card.find("DCIM/100CAMFS/CAMF0001.JPG").handle == told[2].parameters[0]
        assert list(tmp_path.iterdir()) == []


async def test_takes_no_picture() -> None:
    async with hosted("ptp") as (camera, host):
        assert await host.do(Operation.InitiateCapture, 0x00050001) == refused(ResponseCode.InvalidStorageID)
        reply = await host.do(Operation.InitiateCapture, 0, ObjectFormat.DNG)
        assert reply == refused(ResponseCode.InvalidObjectFormatCode)
        camera.card.capacity = 1000
        assert await host.do(Operation.InitiateCapture) == refused(ResponseCode.StoreFull)
        camera.card.access = AccessCapability.ReadOnly
        assert await host.do(Operation.InitiateCapture) == refused(ResponseCode.StoreReadOnly)
    async with hosted("sigma-fp") as (_, host):
        assert await host.do(Operation.InitiateCapture) == refused(ResponseCode.OperationNotSupported)


async def test_parents_that_are_wrong() -> None:
    async with hosted("ptp") as (camera, host):
        dcim, folder = camera.card.find("DCIM"), camera.card.find("DCIM/100CAMFS")
        camera.quirks.own_parent = True
        assert (await host.info(dcim.handle)).parent == dcim.handle
        assert (await host.info(folder.handle)).parent == dcim.handle
        camera.quirks.own_parent, camera.quirks.storage_parent = False, True
        assert (await host.info(dcim.handle)).parent == CARD
        camera.quirks.storage_parent, camera.quirks.unknown_parent = False, True
        parent = (await host.info(dcim.handle)).parent
        assert await host.do(Operation.GetObjectInfo, parent) == refused(ResponseCode.InvalidObjectHandle)
        assert (await host.info(folder.handle)).parent == dcim.handle
        camera.quirks.ignores_parent = True
        assert len(await host.handles(ROOT, CARD)) == len(await host.handles(folder.handle, CARD)) == 6


async def test_slots_in_place_of_stores() -> None:
    async with hosted("ptp", quirks="lists_slots") as (_, host):
        assert decode_handles(await host.data(Operation.GetStorageIDs)) == (0x00010000, 0x00020000)
        assert len(await host.handles(ROOT, CARD)) == 1
        assert await host.do(Operation.GetStorageInfo, 0x00010000) == refused(ResponseCode.InvalidStorageID)
