"""The whole way from the bus to the driver, against what real cameras sent: recordings of USB traffic, played below pyusb.

A Canon PowerShot SX200 with two pictures, which are compared with the files on its card, and a Sony Ericsson Xperia mini pro with 960
files, which is an MTP device of vendor class and begins in the session of a program before.
"""

import io
import struct
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import pytest
import trio
from PIL import Image

from camfs import connect, errors
from camfs.cameras.api import Entry, Key
from camfs.cameras.ptp.driver import PtpCamera
from camfs.commands.options import parse_options
from camfs.transports import usb, usbpipes
from tests.cameras.rig import nursery
from tests.shared import shared
from tests.transports import recording
from tests.transports.bus import Bus, plug
from tests.transports.conftest import bus as bus
from tests.transports.recording import CANON, XPERIA, RecordedDevice

GET_STORAGE_INFO, GET_OBJECT_INFO, GET_THUMB, GET_OBJECT_PROP_VALUE = 0x1005, 0x1008, 0x100A, 0x9803
OBJECT_SIZE = 0xDC04
FOLDER = 0x3001


@pytest.fixture(autouse=True)
def slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten what is waited for."""
    monkeypatch.setattr(usbpipes, "SLICE", 0.05)


@asynccontextmanager
async def opened(source: str, options: str = "tz=UTC") -> AsyncIterator[PtpCamera]:
    """Open the camera that SOURCE names, as a mount does."""
    async with connect.connect(source, parse_options([options])) as connection, nursery() as work:
        camera = await connection.open(work)
        assert isinstance(camera, PtpCamera)
        yield camera
        await camera.aclose()


async def list_all(camera: PtpCamera, folder: Key | None = None) -> dict[PurePosixPath, Entry]:
    """List and describe everything, by its path."""
    found: dict[PurePosixPath, Entry] = {}
    for key in await camera.list_folder(folder):
        entry = await camera.describe(key, folder)
        assert entry is not None
        found[PurePosixPath(entry.name)] = entry
        if entry.is_folder:
            below = await list_all(camera, key)
            found |= {PurePosixPath(entry.name) / path: each for path, each in below.items()}
    return found


@dataclass(frozen=True)
class Info:
    """What a recorded ObjectInfo says, read by this test alone."""

    is_folder: bool
    size: int
    parent: int
    name: str
    date: str

    @property
    def mtime_ns(self) -> int:
        """When it was modified, or else captured, as an entry has it; 0 where the device does not say."""
        if not self.date:
            return 0
        moment = datetime.strptime(self.date[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        return int(moment.timestamp()) * 10**9


def read_info(data: bytes) -> Info:
    (form, size, parent) = struct.unpack_from("<4xH2xI26xI", data)
    texts, at = [], 52
    for _ in range(4):  # name, capture date, modification date, keywords
        length = data[at]
        texts.append(data[at + 1 : at + 1 + 2 * length].decode("utf-16-le").rstrip("\0"))
        at += 1 + 2 * length
    return Info(form == FOLDER, size, parent, texts[0], texts[2] or texts[1])


def paths_of(device: RecordedDevice) -> dict[PurePosixPath, tuple[int, Info]]:
    """Return handle and ObjectInfo of each recorded object, by its path below the store."""
    infos = {
        handle: read_info(answer.data or b"")
        for (handle,), answer in device.recording.answered(GET_OBJECT_INFO).items()
    }

    def path(handle: int) -> PurePosixPath:
        info = infos[handle]
        return (path(info.parent) if info.parent in infos else PurePosixPath()) / info.name

    return {path(handle): (handle, info) for handle, info in infos.items()}


async def read_whole(camera: PtpCamera, entry: Entry, piece: int) -> bytes:
    data = b""
    while len(data) < entry.size:
        data += bytes(await camera.read(entry, len(data), min(piece, entry.size - len(data))))
    await camera.release(entry)
    return data


# ---------------------------------------------------------------------- the Canon


async def test_the_canon_s_pictures_are_the_files_on_its_card(bus: Bus) -> None:
    device = plug(bus, recording.device(CANON))
    with tarfile.open(shared(f"samples/recordings/{CANON}-photos.tar")) as card:
        files = {PurePosixPath(each.name): card.extractfile(each) for each in card if each.isfile()}
        on_card = {path: file.read() for path, file in files.items() if file is not None and path.suffix == ".JPG"}
    assert len(on_card) == 2
    async with opened("usb:04a9:31c0") as camera:
        entries = await list_all(camera)
        assert {str(path) for path in entries} == {
            "card",
            "card/DCIM",
            "card/DCIM/100CANON",
            "card/DCIM/100CANON/IMG_0001.JPG",
            "card/DCIM/100CANON/IMG_0002.JPG",
        }
        for path, data in on_card.items():
            entry = entries["card" / path]
            assert entry.size == len(data)
            assert entry.is_picture
            for piece in (1 << 20, 5000):
                assert await read_whole(camera, entry, piece) == data
                await camera.refresh()
    assert isinstance(device, RecordedDevice)
    assert not device.in_session
    assert device.open_handles == 0


async def test_the_canon_s_thumbnails(bus: Bus) -> None:
    device = plug(bus, recording.device(CANON))
    assert isinstance(device, RecordedDevice)
    sent = device.recording.answered(GET_THUMB)
    async with opened("usb:") as camera:
        entries = await list_all(camera)
        for path, (handle, info) in paths_of(device).items():
            if not info.is_folder:
                thumbnail = await camera.thumbnail(entries["card" / path])
                assert thumbnail == sent[handle,].data
                with Image.open(io.BytesIO(thumbnail)) as picture:
                    assert picture.size == (160, 120)


async def test_the_canon_s_dates_and_status(bus: Bus) -> None:
    device = plug(bus, recording.device(CANON))
    assert isinstance(device, RecordedDevice)
    async with opened("usb:") as camera:
        entries = await list_all(camera)
        for path, (_, info) in paths_of(device).items():
            assert entries["card" / path].mtime_ns == info.mtime_ns
            assert info.mtime_ns or info.is_folder
        status = dict(await camera.status())
        assert "PowerShot SX200 IS" in status["camera"]
        for name in camera.setting_names():  # it lists properties; none of their values was recorded
            with pytest.raises(errors.CameraError):
                await camera.setting(name)


# ---------------------------------------------------------------------- the Xperia


async def test_the_xperia_is_found_and_left_alone_before_it_is_opened(bus: Bus) -> None:
    device = plug(bus, recording.device(XPERIA))
    (camera,) = usb.find()
    assert (camera.source, camera.product_name, camera.serial) == ("usb:0fce:0166", "MiniPro", "0123456789ABCDEF")
    assert not device.calls


async def test_all_of_the_xperia_s_files_are_listed(bus: Bus) -> None:
    """Names, sizes and dates of 960 files in 117 folders; it begins in the session of a program before, amid its answer."""
    device = plug(bus, recording.device(XPERIA))
    assert isinstance(device, RecordedDevice)
    expected = paths_of(device)
    sizes = device.recording.answered(GET_OBJECT_PROP_VALUE)
    with trio.fail_after(60):
        async with opened("usb:0fce:0166") as camera:
            entries = await list_all(camera)
            (store,) = [path for path in entries if len(path.parts) == 1]
            found = {path.relative_to(store): entry for path, entry in entries.items() if path != store}
            usage = await camera.usage(entries[store].key)
            for path in list(found)[:50]:
                if found[
                    path
                ].size:  # what was never read has no recorded bytes: that is an error, and not a short file
                    with pytest.raises(errors.CameraError):
                        await camera.read(found[path], 0, 100)
    assert found.keys() == expected.keys()
    assert sum(not entry.is_folder for entry in found.values()) == 960
    for path, (handle, info) in expected.items():
        entry = found[path]
        assert entry.is_folder == info.is_folder
        if not info.is_folder:
            assert entry.size == info.size
            assert entry.size == int.from_bytes(sizes[handle, OBJECT_SIZE].data or b"", "little")
        assert entry.mtime_ns == info.mtime_ns, path
    ((_, answer),) = device.recording.answered(GET_STORAGE_INFO).items()
    total, free = struct.unpack_from("<6xQQ", answer.data or b"")
    assert (usage.total, usage.free) == (total, free)


async def test_the_xperia_goes_on_after_it_was_plugged_in_again(bus: Bus, tmp_path: Path) -> None:
    device = plug(bus, recording.device(XPERIA))
    async with connect.connect("usb:", parse_options(["tz=UTC"])) as connection, nursery() as work:
        camera = await connection.open(work)
        (store,) = await camera.list_folder(None)
        folders = await camera.list_folder(store)
        device.unplug()
        with pytest.raises(errors.DeviceGone):
            await camera.list_folder(store)
        again = recording.device(XPERIA)
        again.address = 9
        plug(bus, again)
        await connection.reattach()
        (store,) = await camera.list_folder(None)
        assert len(await camera.list_folder(store)) == len(folders)
        await camera.aclose()
