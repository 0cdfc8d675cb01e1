"""The emulated fp takes pictures, and its image database."""

import io
import struct
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import trio
import trio.testing
from PIL import Image

from camfs.protocols.ptp.codes import Operation, ResponseCode
from camfs.protocols.sigma.codes import CaptureState
from camfs.protocols.sigma.datasets import Dataset
from camfs.protocols.sigma.records import decode_pictures
from camfs.virtual.ptp.store import File, Folder
from camfs.virtual.sigma.behaviour import FIRMWARES
from camfs.virtual.sigma.database import PictureFile
from tests.protocols.sigma.payloads import NEWER
from tests.virtual.ptp.host import Reply
from tests.virtual.sigma.host import OK, Tether, tethered
from tests.zeros import Zeros

MockClock = trio.testing.MockClock

DNG_AND_JPEG, DNG = 0x12, 0x10


async def quality(tether: Tether, code: int) -> None:
    await tether.put(Dataset.GROUP2, ImageQuality=code)


async def destination(tether: Tether, code: int) -> None:
    await tether.put(Dataset.GROUP3, DestToSave=code)


def on_card(tether: Tether) -> set[str]:
    folder = tether.camera.card.find("DCIM/100SIGMA")
    assert isinstance(folder, Folder)
    return {child.name for child in folder.children}


def opened(data: bytes) -> Any:
    return Image.open(io.BytesIO(data))


async def test_the_capture_of_the_notes(autojump_clock: MockClock) -> None:
    async with tethered(firmware="V84") as tether:
        await destination(tether, 2)
        assert await tether.host.do(0x901B, data=bytes.fromhex("02020105")) == OK
        await trio.sleep(1)
        assert await tether.host.data(0x9015, 0) == bytes.fromhex("060000010500020e")
        records = await tether.host.data(0x902D)
        assert len(records) == 60
        assert records[:16] == bytes.fromhex("38000000010000000c00000080050057")
        (picture,) = await tether.pictures()
        assert (picture.path, picture.name, picture.format) == ("100SIGMA", "SDIM0005.JPG", "JPG")
        data = await tether.host.data(0x9022, 0x57000580, 0, picture.size)
        assert data[:4] == picture.size.to_bytes(4, "little")
        assert len(data) == picture.size + 5
        assert sum(data[:-1]) & 0xFF == data[-1]
        assert opened(data[4:-1]).size == (picture.width, picture.height)
        assert await tether.host.data(0x9015, 0) == bytes.fromhex("060000010380028c")
        assert await tether.host.do(0x901C, 0, data=bytes(8)) == OK
        for image_id, expected in enumerate(("0600010100000008", "0601010100000009", "060201010000000a")):
            assert await tether.host.data(0x9015, image_id) == bytes.fromhex(expected)
        assert await tether.host.data(0x902D) == bytes.fromhex("0400000000000000")


async def test_the_records_of_firmware_5_02(autojump_clock: MockClock) -> None:
    """The same names as in the replies of the real body: those equal these byte for byte, but for the sizes of the pictures."""
    async with tethered() as tether:
        for code, name in ((2, "902D-jpeg"), (DNG_AND_JPEG, "902D-dng+jpeg")):
            await quality(tether, code)
            await tether.shoot()
            payload, real = await tether.host.data(0x902D), NEWER[name]
            own = decode_pictures(payload)
            assert decode_pictures(real) == tuple(
                replace(picture, size=theirs.size, width=theirs.width, height=theirs.height)
                for picture, theirs in zip(own, decode_pictures(real), strict=True)
            )
            assert len(payload) == len(real)
            different = [at for at in range(len(real)) if payload[at] != real[at]]
            numbers = [offset + at for offset in offsets(real) for at in (4, 5, 6, 7, 20, 21, 22, 23)]
            assert set(different) <= set(numbers)
            await tether.clear_all()


def offsets(payload: bytes) -> tuple[int, ...]:
    count = int.from_bytes(payload[4:8], "little")
    return struct.unpack_from(f"<{count}I", payload, 8)


@pytest.mark.parametrize("firmware", FIRMWARES)
async def test_an_address_is_used_again(firmware: str, autojump_clock: MockClock) -> None:
    """One shot after another has it; of those that wait at the same time each has its own."""
    async with tethered(firmware=firmware) as tether:
        await quality(tether, DNG_AND_JPEG)
        addresses, contents = set(), []
        for _ in range(3):
            await tether.shoot()
            pictures = await tether.pictures()
            addresses.add(tuple(picture.address for picture in pictures))
            contents += [await tether.fetch(picture) for picture in pictures]
            await tether.clear_all()
        assert len(addresses) == 1
        assert len(set(contents)) == 6
        await tether.put(Dataset.GROUP2, DriveMode=2)
        await tether.snap()
        await trio.sleep(5)
        burst = await tether.pictures()
        assert len({picture.address for picture in burst}) == len(burst) == 6
        assert {picture.address for picture in burst[:2]} == set(*addresses)
        await tether.clear(0)
        await tether.clear_all()
        await tether.put(Dataset.GROUP2, DriveMode=1)
        await tether.shoot()
        assert {picture.address for picture in await tether.pictures()} == set(*addresses)


async def test_numbers_that_begin_anew(autojump_clock: MockClock) -> None:
    """Then the same name, number of entry and address are another shot's."""
    async with tethered() as tether:
        tether.camera.card.clear()
        records, contents = [], []
        for _ in range(2):
            tether.fp.restart_numbers()
            await tether.shoot()
            (picture,) = await tether.pictures()
            records.append((picture.name, picture.address))
            contents.append(await tether.fetch(picture))
            await tether.close()
            await tether.configure()
        assert records == [("SDIM0001.JPG", 0x5D500880)] * 2
        assert contents[0] != contents[1]


async def test_the_states_over_time(autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        await tether.snap()
        seen = []
        for _ in range(10):
            seen.append((await tether.status()).state)
            assert bool(await tether.pictures()) == (seen[-1] == 0x0005)
            await trio.sleep(0.1)
        assert sorted(set(seen)) == [0x0001, 0x0004, 0x0005]
        assert seen == sorted(seen)


@pytest.mark.parametrize(("step", "seconds"), [("0.3", 0.9), ("2", 4.9), ("0", 0)])
async def test_the_time_of_a_step(step: str, seconds: float, autojump_clock: MockClock) -> None:
    async with tethered(snap_time=step) as tether:
        began = trio.current_time()
        await tether.shoot()
        assert trio.current_time() - began <= seconds


async def test_long_exposures_take_twice_their_time(autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        await tether.put(Dataset.GROUP2, ExposureMode=4)
        await tether.put(Dataset.GROUP1, ShutterSpeed=32)
        began = trio.current_time()
        await tether.shoot()
        assert 16 < trio.current_time() - began < 17


@pytest.mark.parametrize(("drive", "seconds"), [(3, 2), (4, 10)])
async def test_timers(drive: int, seconds: float, autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        await tether.put(Dataset.GROUP2, DriveMode=drive)
        began = trio.current_time()
        await tether.shoot()
        assert seconds < trio.current_time() - began < seconds + 1


async def test_bulb_lasts_until_it_is_stopped(autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        await tether.put(Dataset.GROUP2, ExposureMode=4)
        await tether.put(Dataset.GROUP1, ShutterSpeed=8)
        await tether.snap()
        await trio.sleep(1000)
        assert (await tether.status()).state == 0x0001
        await tether.snap(7)
        await trio.sleep(999)
        assert (await tether.status()).state == 0x0001
        await trio.sleep(2)
        assert (await tether.status()).state == 0x0005


async def test_dng_and_jpeg_are_two_records_and_two_entries(autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        await quality(tether, DNG_AND_JPEG)
        await destination(tether, 2)
        await tether.shoot()
        assert (await tether.status()).pending() == (0, 1)
        raw, jpeg = await tether.pictures()
        assert [(each.name, each.format) for each in (raw, jpeg)] == [("SDIM0005.DNG", "DNG"), ("SDIM0005.JPG", "JPG")]
        assert raw.address != jpeg.address
        assert (await tether.fetch(raw))[:4] == b"II*\0"
        assert [(await tether.status(image_id)).state for image_id in (0, 1)] == [5, 5]
        half = jpeg.size // 2
        await tether.partial(jpeg.address, half, jpeg.size)
        assert (await tether.status(1)).state == 5
        await tether.partial(jpeg.address, 0, half)
        assert [(await tether.status(image_id)).state for image_id in (0, 1)] == [0x8003, 0x8003]
        await tether.clear(0)
        assert (await tether.pictures()) == (jpeg,)
        await tether.clear(1)
        assert (await tether.status()).encode()[2:4] == bytes((2, 2))


async def test_an_entry_that_waits_stops_the_shutter_without_an_error(autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        await tether.shoot()
        pictures = await tether.pictures()
        blocked = await tether.snap()
        await trio.sleep(10)
        assert (await tether.status(blocked)).encode() == bytes((6, 1, 0, 2, 0, 0, 0, 9))
        assert await tether.pictures() == pictures
        await tether.clear(0)
        assert (await tether.status()).pending() == (1,)
        assert (await tether.status(await tether.snap())).state == 0
        await tether.clear_all()
        following = await tether.shoot()
        assert (following, (await tether.status(following)).state) == (3, 5)
        assert (await tether.pictures())[0].name == "SDIM0006.JPG"


async def test_ids_wrap_and_no_two_shots_are_alike(autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        names, contents, ids = set(), set(), []
        for _ in range(35):
            ids.append(await tether.shoot())
            (picture,) = await tether.pictures()
            names.add(picture.name)
            contents.add(await tether.fetch(picture))
            await tether.clear_all()
        assert ids == [number % 29 for number in range(35)]
        assert len(names) == len(contents) == 35


async def test_a_full_ring_takes_no_more_entries(autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        for _ in range(40):
            await tether.snap()
        assert (await tether.status()).tail == 28
        await tether.clear_all()
        assert (await tether.status()).pending() == ()


async def test_entries_released_out_of_order(autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        await tether.snap(2, 3)
        await trio.sleep(3)
        assert (await tether.status()).pending() == (0, 1, 2)
        await tether.clear(1)
        assert (await tether.status()).pending() == (0, 1, 2)
        assert len(await tether.pictures()) == 2
        await tether.clear(0)
        assert (await tether.status()).pending() == (2,)
        await tether.clear(7)
        assert await tether.host.do(0x901C, 2, data=bytes(16)) == OK
        assert (await tether.status()).pending() == ()


async def test_continuous_drive_makes_an_entry_a_frame(autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        await tether.put(Dataset.GROUP2, DriveMode=2)
        await tether.snap()
        await trio.sleep(0.7)
        assert [(await tether.status(image_id)).state for image_id in range(3)] == [5, 4, 1]
        await trio.sleep(3)
        assert [picture.name for picture in await tether.pictures()] == [f"SDIM000{number}.JPG" for number in (5, 6, 7)]


async def test_interval_drive_waits_between_its_frames(autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        await tether.put(Dataset.GROUP2, DriveMode=7)
        await tether.snap()
        assert (await tether.status()).pending() == (0,)
        await trio.sleep(29)
        assert (await tether.status()).state == 5
        await tether.snap()
        assert (await tether.status()).pending() == (0,)
        await trio.sleep(1.5)
        assert (await tether.status()).pending() == (0, 1)
        await trio.sleep(1)
        assert (await tether.status(1)).state == 5
        await trio.sleep(100)
        assert (await tether.status()).pending() == (0, 1)


async def test_an_endless_interval_fills_the_ring_until_it_is_stopped(autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        await tether.put(
            Dataset.GROUP5, IntervalSeconds=2, IntervalFrames=0, IntervalSecondsLeft=0, IntervalFramesLeft=0
        )
        await tether.put(Dataset.GROUP2, DriveMode=7)
        await tether.snap()
        await trio.sleep(9)
        assert (await tether.status()).pending() == (0, 1, 2, 3, 4)
        await trio.sleep(1000)
        assert len((await tether.status()).pending()) == 28
        for image_id in range(10):
            await tether.clear(image_id)
        await trio.sleep(4.1)
        assert len((await tether.status()).pending()) == 20
        await tether.snap(7)
        await trio.sleep(1000)
        assert len((await tether.status()).pending()) == 20


async def test_an_amount_is_an_entry_a_frame(autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        await tether.host.do(0x901B, data=bytes((2, 2, 3, 7)))
        assert (await tether.status()).pending() == (0, 1, 2)
        for image_id in range(3):
            await tether.clear(image_id)
        tether.fp.amounts = False
        await tether.host.do(0x901B, data=bytes((2, 2, 3, 7)))
        assert (await tether.status()).pending() == (3,)


async def test_addresses_that_are_none(autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        await tether.shoot()
        (picture,) = await tether.pictures()
        assert await tether.partial(picture.address + 1, 0, 10) == b""
        assert await tether.partial(picture.address, picture.size, 10) == b""
        assert await tether.host.do(0x9022, picture.address, 0, 0x8000001) == Reply(ResponseCode.InvalidParameter)
        assert await tether.host.data(0x9022, 1, 0, 9) == bytes(5)
        tether.fp.sum_byte = False
        assert len(await tether.host.data(0x9022, picture.address, 0, 9)) == 13
        await tether.clear(0)
        assert await tether.partial(picture.address, 0, 10) == b""


@pytest.mark.parametrize(
    ("code", "after", "fetched", "copied"),
    [(0, 0x0005, 0x0005, False), (1, 0x8003, 0x8003, True), (2, 0x0005, 0x8003, False), (3, 0x0005, 0x8003, True)],
)
async def test_destinations(code: int, after: int, fetched: int, copied: bool, autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        await quality(tether, DNG_AND_JPEG)
        await destination(tether, code)
        before = on_card(tether)
        await tether.shoot()
        await trio.sleep(1)
        assert [((await tether.status(image_id)).state) for image_id in (0, 1)] == [after, after]
        assert (await tether.status()).destination == code
        pictures = {picture.name: await tether.fetch(picture) for picture in await tether.pictures()}
        assert set(pictures) == {"SDIM0005.DNG", "SDIM0005.JPG"}
        assert (await tether.status()).state == fetched
        assert await tether.host.handles() == []
        await tether.close()
        assert on_card(tether) - before == (set(pictures) if copied else set())
        for name in pictures if copied else ():
            file = tether.camera.card.find(f"DCIM/100SIGMA/{name}")
            assert await tether.host.data(Operation.GetObject, file.handle) == pictures[name]


@pytest.mark.parametrize("end", ["close", "unplug", "config"])
async def test_a_copy_that_is_under_way_reaches_the_card(end: str, autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        await destination(tether, 1)
        await tether.snap()
        match end:
            case "close":
                await tether.close()
            case "unplug":
                tether.camera.unplug()
            case "config":
                await tether.reconnect()
                await tether.configure()
        assert "SDIM0005.JPG" in on_card(tether)


async def test_names_run_on_and_never_come_twice(autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        names = []
        for _ in range(2):
            await tether.shoot()
            names += [picture.name for picture in await tether.pictures()]
            await tether.close()
            await tether.configure()
        tether.camera.card.add_file("DCIM/100SIGMA", "SDIM0050.JPG", b"a")
        await destination(tether, 1)
        await tether.shoot()
        names += [picture.name for picture in await tether.pictures()]
        await tether.close()
        tether.camera.card.clear()
        await tether.configure()
        await tether.shoot()
        names += [picture.name for picture in await tether.pictures()]
        assert names == ["SDIM0005.JPG", "SDIM0006.JPG", "SDIM0051.JPG", "SDIM0052.JPG"]


async def test_a_folder_of_the_users_is_never_written_to(tmp_path: Any, autojump_clock: MockClock) -> None:
    (tmp_path / "DCIM").mkdir()
    async with tethered(card=str(tmp_path)) as tether:
        await destination(tether, 3)
        await tether.shoot()
        await tether.close()
        assert isinstance(tether.camera.card.find("DCIM/100SIGMA/SDIM0001.JPG"), File)
    assert list((tmp_path / "DCIM").iterdir()) == []


async def test_without_a_card_there_is_no_copy(autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        tether.camera.card.present = False
        await destination(tether, 3)
        await tether.shoot()
        assert len(await tether.pictures()) == 1
        await tether.close()


async def test_a_picture_tells_its_exposure(autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        await quality(tether, DNG_AND_JPEG)
        await tether.put(Dataset.GROUP2, ExposureMode=4)
        await tether.put(Dataset.GROUP1, ShutterSpeed=133, Aperture=53, ISOAuto=0, ISOSpeed=59)
        await tether.shoot()
        raw, jpeg = [await tether.fetch(picture) for picture in await tether.pictures()]
        exif = opened(jpeg).getexif().get_ifd(0x8769)
        assert (exif[0x829A], exif[0x829D], exif[0x8827]) == (Fraction(1, 800), Fraction(71, 10), 1000)
        assert opened(raw).getexif().get_ifd(0x8769)[0x829A] == Fraction(1, 800)


@pytest.mark.parametrize(("code", "names"), [(DNG, ["SDIM0005.DNG"]), (8, ["SDIM0005.JPG"])])
async def test_qualities(code: int, names: list[str], autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        await quality(tether, code)
        await tether.shoot()
        assert [picture.name for picture in await tether.pictures()] == names


@pytest.mark.parametrize(
    "state",
    [CaptureState.AF_FAILED, CaptureState.BUFFER_FULL, CaptureState.GENERATION_FAILED, CaptureState.FAILED],
)
async def test_failures_on_demand(state: CaptureState, autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        tether.fp.failures.append(state)
        failed = await tether.shoot()
        assert (await tether.status(failed)).state == state
        assert await tether.pictures() == ()
        assert (await tether.status()).pending() == (failed,)
        assert (await tether.status(await tether.snap())).state == 0
        await tether.clear_all()
        assert (await tether.status(await tether.shoot())).state == 5


async def test_failures_by_option(autojump_clock: MockClock) -> None:
    async with tethered(failures="buffer,general") as tether:
        for state in (0x6002, 0x6005, 0x0005):
            assert (await tether.status(await tether.shoot())).state == state
            await tether.clear_all()


@pytest.mark.parametrize(("mode", "focus", "state"), [(1, 3, 0x6001), (2, 3, 5), (1, 1, 5)])
async def test_autofocus_fails_without_contrast(mode: int, focus: int, state: int, autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        tether.fp.contrast = False
        await tether.put(Dataset.FOCUS, FocusMode=focus)
        assert (await tether.status(await tether.shoot(mode))).state == state


async def test_no_stills_in_cine(autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        await tether.put(Dataset.MOVIE, CaptureMode=2)
        await tether.snap()
        assert (await tether.status()).pending() == ()


@pytest.mark.parametrize(
    ("spans", "whole"),
    [
        ([(0, 100)], True),
        ([(50, 100), (0, 50)], True),
        ([(0, 40), (60, 100)], False),
        ([(0, 40), (60, 100), (30, 70)], True),
    ],
)
def test_what_was_fetched(spans: list[tuple[int, int]], whole: bool) -> None:
    file = PictureFile("A.JPG", "JPG", Zeros(100))
    for span in spans:
        file.note(*span)
    assert file.is_fetched is whole
