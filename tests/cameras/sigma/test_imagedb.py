"""The folder `imagedb`: shots taken, removed, rescued and released in any order, on a disk that may be full."""

import os
from pathlib import Path, PurePosixPath

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.api import FolderChanged
from camfs.cameras.tethered.shot_key import IMAGEDB
from camfs.protocols.sigma.codes import Destination, SigmaOperation, SnapMode
from camfs.protocols.sigma.datasets import Dataset
from camfs.protocols.sigma.records import Picture
from camfs.virtual.sigma.database import PictureFile
from tests.cameras.rig import emulated
from tests.cameras.sigma.program import (
    BOTH_KINDS,
    BUDGET,
    CONTINUOUS,
    DNG,
    JPEG,
    Disk,
    bytes_of,
    kept,
    program,
    rescued,
    running,
)

pytestmark = pytest.mark.usefixtures("disk_without_threads", "small_pictures")


# ---------------------------------------------------------------------- shots


@pytest.mark.parametrize("reads", [True, False], ids=["read", "unread"])
@pytest.mark.parametrize("quality", [JPEG, DNG, BOTH_KINDS], ids=["jpeg", "dng", "dng and jpeg"])
async def test_forty_in_a_row(
    quality: int, reads: bool, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """The ids wrap, the shutter never stops, and each shot is there byte for byte."""
    async with running(tmp_path) as driver:
        await driver.acquire(quality)
        for number in range(40):
            keys = await driver.capture()
            assert len(keys) == len(exposed) - len(driver.names()) + len(keys) == (2 if quality == BOTH_KINDS else 1)
            assert driver.changes[-1] == FolderChanged(IMAGEDB)
            assert driver.pending()
            if reads:
                for key, file in zip(keys, exposed[-len(keys) :], strict=True):
                    assert key.name == file.name
                    assert await driver.read(key.name) == bytes_of(file)
                assert not driver.pending()
            assert driver.images.unsaved == (0 if reads else len(keys)), number
        assert [bytes_of(file) for file in exposed] == await driver.contents()
        assert not driver.pending()
        assert len(set(driver.names())) == 40 * len(keys)
        assert driver.count(SigmaOperation.SnapCommand) == 40


@pytest.mark.parametrize("reads", [True, False], ids=["read", "unread"])
async def test_entries_are_cleared_oldest_first(reads: bool, tmp_path: Path, autojump_clock: MockClock) -> None:
    """By the camera's count, which begins again after 28, and whichever file of a shot is read first."""
    async with running(tmp_path) as driver:
        await driver.acquire(BOTH_KINDS)
        for _ in range(15):
            keys = await driver.capture()
            if reads:
                for key in reversed(keys):
                    await driver.read(key.name)
        await driver.images.save()
        records = driver.camera.trace.records
    cleared = [record.parameters[0] for record in records if record.operation == SigmaOperation.ClearImageDBSingle.name]
    assert cleared == [number % 29 for number in range(30)]


async def test_continuous_drive(tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock) -> None:
    async with running(tmp_path) as driver:
        await driver.operations.write(Dataset.GROUP2, {"DriveMode": CONTINUOUS})
        keys = await driver.capture()
        assert len(keys) == len(exposed) == driver.fp.burst
        await driver.capture()
        assert len(exposed) == 2 * driver.fp.burst
        assert await driver.contents() == [bytes_of(file) for file in exposed]


async def test_a_shot_for_the_card(tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock) -> None:
    async with running(tmp_path) as driver:
        await driver.acquire(BOTH_KINDS, Destination.CAMERA)
        for _ in range(3):
            paths = await driver.images.capture(SnapMode.WITHOUT_AF, BUDGET, Destination.CAMERA)
            assert paths == [PurePosixPath("card/DCIM/100SIGMA", file.name) for file in exposed[-2:]]
            assert not driver.pending()
        assert driver.names() == []
        assert not driver.count(SigmaOperation.GetBigPartialPictFile)


async def test_a_name_that_comes_again_gets_a_number(
    tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "SDIM0001.JPG").write_bytes(b"of another card")
    async with running(tmp_path) as driver:
        [key] = await driver.capture()
        assert key.name == "SDIM0001~2.JPG"
        assert await driver.contents() == [b"of another card", bytes_of(exposed[0])]
    async with emulated("sigma-fp") as camera:
        assert (await rescued(camera, spool)).keys() == {"SDIM0001.JPG", "SDIM0001~2.JPG"}


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/tmp/x", "..", ".hidden", "", "a\0b", "X" * 300 + ".JPG", "\n%2F"]
)
async def test_names_are_not_trusted(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with running(tmp_path) as driver:
        honest = driver.operations.pictures

        async def records() -> tuple[Picture, ...]:
            [picture] = await honest()
            return (Picture(picture.address, picture.size, "../..", name, "JPG", 1, 1),)

        monkeypatch.setattr(driver.operations, "pictures", records)
        [key] = await driver.capture()
        await driver.read(key.name)
        assert os.listdir(tmp_path) == ["spool"]
        assert kept(tmp_path / "spool") == [key.name]
        assert len(key.name) <= 100


# ---------------------------------------------------------------------- removing


@pytest.mark.parametrize("reads", [0, 100, 10_000])
async def test_removing(reads: int, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock) -> None:
    """An unread file of a pair goes; the other one stays, and stays after a restart."""
    async with running(tmp_path) as driver:
        await driver.acquire(BOTH_KINDS)
        raw, jpeg = await driver.capture()
        await driver.images.read(driver.entry(raw.name), 0, reads)
        entry = driver.entry(raw.name)
        await driver.images.remove(entry)
        assert driver.names() == [jpeg.name]
        assert not driver.pending()
        with pytest.raises(errors.NotFound):
            await driver.images.read(entry, 0, 1)
        assert kept(tmp_path / "spool") == [jpeg.name]
        assert await driver.read(jpeg.name) == bytes_of(exposed[1])
        await driver.images.remove(driver.entry(jpeg.name))
        assert driver.names() == kept(tmp_path / "spool") == []


async def test_removing_while_it_is_read(tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock) -> None:
    async with running(tmp_path) as driver:
        [key] = await driver.capture()
        entry = driver.entry(key.name)
        got: list[bytes] = []

        async def read() -> None:
            try:
                got.append(bytes(await driver.images.read(entry, 0, entry.size)))
            except errors.CameraError:
                got.append(b"")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await trio.lowlevel.checkpoint()
            nursery.start_soon(driver.images.remove, entry)
        assert got[0] in (b"", bytes_of(exposed[0]))
        assert driver.names() == kept(tmp_path / "spool") == []
        assert not driver.pending()


# ---------------------------------------------------------------------- a full disk


@pytest.mark.parametrize("room", [0, 1100, 3500])
async def test_a_full_disk(
    room: int, disk: Disk, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """Readers get their bytes, the shot stays in the camera, and no other is taken."""
    async with running(tmp_path) as driver:
        await driver.acquire(BOTH_KINDS)
        disk.room = room
        keys = await driver.capture()
        for _ in range(2):
            assert await driver.contents() == [bytes_of(file) for file in exposed]
        assert driver.pending()
        snaps = driver.count(SigmaOperation.SnapCommand)
        with pytest.raises(errors.StoreFull):
            await driver.capture()
        with pytest.raises(errors.StoreFull):
            await driver.images.save()
        assert driver.count(SigmaOperation.SnapCommand) == snaps
        assert driver.images.has_unsaved
        assert await driver.contents() == [bytes_of(file) for file in exposed]
        await driver.images.remove(driver.entry(keys[0].name))
        assert driver.names() == [keys[1].name]
        assert driver.pending()
        disk.room = None
        await driver.capture()
        assert await driver.contents() == [bytes_of(file) for file in exposed[1:]]
        assert not driver.pending()
        assert sorted(kept(tmp_path / "spool")) == sorted(driver.names())


async def test_a_full_disk_and_all_is_removed(
    disk: Disk, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """`mv` away from a full disk: what is removed needs no room, and the shutter works again."""
    async with running(tmp_path) as driver:
        await driver.acquire(BOTH_KINDS)
        disk.room = 0
        for key in await driver.capture():
            await driver.read(key.name)
            await driver.images.remove(driver.entry(key.name))
        assert not driver.pending()
        assert len(await driver.capture()) == 2


async def test_a_full_disk_at_a_rescue(
    disk: Disk, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """What was left is listed and can be read, and nothing is released."""
    async with emulated("sigma-fp") as camera:
        async with program(camera, tmp_path / "spool") as driver:
            await driver.acquire()
            await driver.capture()
        async with program(camera, tmp_path / "spool") as driver:
            disk.room = 0
            with pytest.raises(errors.StoreFull):
                await driver.images.rescue()
            assert driver.images.has_unsaved
            assert driver.pending()
            assert await driver.contents() == [bytes_of(exposed[0])]
            disk.room = None
            await driver.images.save()
            assert not driver.pending()


# ---------------------------------------------------------------------- endings


async def test_what_a_power_cycle_takes(tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock) -> None:
    """Files that only the camera held go; what came of one stays as what it is."""
    async with running(tmp_path) as driver:
        await driver.acquire(BOTH_KINDS)
        raw, jpeg = await driver.capture()
        await driver.read(jpeg.name)
        entry = driver.entry(raw.name)
        await driver.images.read(entry, 0, 1500)
        driver.fp.power_cycle()
        driver.images.note_emptied()
        assert driver.names() == [jpeg.name]
        with pytest.raises(errors.NotFound):
            await driver.images.read(entry, 0, 1)
        await driver.acquire()
        [key] = await driver.capture()
        assert driver.names() == [jpeg.name, f"partial-{raw.name}", key.name]
        assert await driver.read(f"partial-{raw.name}") == bytes_of(exposed[0])[:1500]
        assert await driver.read(jpeg.name) == bytes_of(exposed[1])


async def test_a_part_that_nobody_completes(
    tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """Of a camera that was switched off after its program was killed."""
    async with emulated("sigma-fp") as camera:
        async with program(camera, tmp_path) as driver:
            await driver.acquire(BOTH_KINDS)
            raw, _ = await driver.capture()
            await driver.images.read(driver.entry(raw.name), 0, 1500)
            driver.fp.power_cycle()
        found = await rescued(camera, tmp_path)
        assert found == {f"partial-{raw.name}": bytes_of(exposed[0])[:1500]}
        assert await rescued(camera, tmp_path) == found


async def test_a_shot_that_is_being_exposed_is_waited_for(
    tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    async with emulated("sigma-fp") as camera:
        async with program(camera, tmp_path) as driver:
            await driver.acquire()
            driver.fp.snap_time = 6
            await driver.operations.snap(SnapMode.WITHOUT_AF)
        assert list((await rescued(camera, tmp_path)).values()) == [bytes_of(exposed[0])]


async def test_a_shot_on_the_card_is_not_rescued(
    tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    async with emulated("sigma-fp") as camera:
        async with program(camera, tmp_path) as driver:
            await driver.acquire(destination=Destination.CAMERA)
            await driver.operations.snap(SnapMode.WITHOUT_AF)
        assert await rescued(camera, tmp_path) == {}
        assert len(exposed) == 1
