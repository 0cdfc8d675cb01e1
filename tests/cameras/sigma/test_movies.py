"""Movies: recorded to the card, and read only where that is safe."""

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.api import Entry
from camfs.protocols.sigma.codes import Destination, SigmaOperation
from camfs.protocols.sigma.datasets import Dataset, encode
from camfs.virtual.ptp.faults import Fault, FaultKind
from camfs.virtual.sigma.database import PictureFile
from camfs.virtual.sigma.fp import Mode
from tests.cameras.sigma.program import CINE, MOV, Program, bytes_of, running

pytestmark = pytest.mark.usefixtures("disk_without_threads", "small_pictures")


async def filmed(driver: Program, seconds: float = 2) -> None:
    await driver.images.start_movie()
    assert driver.images.recording
    with pytest.raises(errors.Busy):
        await driver.capture()
    await trio.sleep(seconds)
    await driver.images.stop_movie()
    assert not driver.images.recording


async def cine(driver: Program, destination: int = Destination.BOTH) -> None:
    await driver.acquire(destination=destination)
    await driver.operations.write(Dataset.MOVIE, {"CaptureMode": CINE})
    await driver.operations.write(Dataset.MOVIE, {"RecordFormat": MOV})


async def test_movies_need_cine(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with running(tmp_path) as driver:
        with pytest.raises(errors.NotPermitted, match="cine"):
            await driver.images.start_movie()
        assert not driver.images.recording
        await driver.images.stop_movie()


async def test_a_movie_is_on_the_card(tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock) -> None:
    async with running(tmp_path) as driver:
        await cine(driver)
        for _ in range(3):
            await filmed(driver)
            assert not driver.pending()
        assert len(exposed) == 3
        assert driver.names() == []
        await driver.operations.write(Dataset.MOVIE, {"CaptureMode": 1})
        await driver.capture()
        with pytest.raises(errors.Refused):
            await driver.images.read_movie(0, 1)


async def test_a_movie_is_read(tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock) -> None:
    async with running(tmp_path, movies=True) as driver:
        await cine(driver)
        await filmed(driver, 0.1)
        [take] = exposed
        entry = driver.entry(take.name)
        assert entry.size == take.content.size
        assert bytes(await driver.images.read(entry, 5000, 3000)) == take.content.read(5000, 3000)
        assert bytes(await driver.images.read(entry, entry.size - 10, 3000)) == bytes_of(take)[-10:]
        assert bytes(await driver.images.read_movie(0, 16)) == take.content.read(0, 16)
        for offset, size in ((entry.size - 1, 2), (-1, 5), (0, 0)):
            with pytest.raises(errors.InvalidValue):
                await driver.images.read_movie(offset, size)
        assert not driver.images.has_unsaved
        await driver.images.remove(entry)
        assert not driver.pending()
        with pytest.raises(errors.Refused):
            await driver.images.read(entry, 0, 1)


async def test_a_movie_whose_read_would_take_the_camera_off_the_bus(
    tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """Each way in which what was at index 0 is there no more; `running` checks that the camera is."""
    async with running(tmp_path, movies=True) as driver:

        async def refused(entry: Entry) -> None:
            with pytest.raises(errors.Refused):
                await driver.images.read(entry, 0, 100)
            with pytest.raises(errors.Refused):
                await driver.images.read_movie(0, 1)

        await cine(driver)
        await filmed(driver)
        entry = driver.entry(exposed[0].name)
        await driver.operations.clear(0)  # by another program
        await refused(entry)
        await cine(driver)
        await filmed(driver)  # at index 1
        assert driver.names() == []
        await driver.operations.close_application()
        driver.images.note_emptied()
        await cine(driver)
        await filmed(driver)
        entry = driver.entry(exposed[-1].name)
        assert await driver.images.read(entry, 0, 100)
        await driver.images.start_movie()
        await refused(entry)
        await driver.images.stop_movie()
        await refused(entry)
        await driver.operations.close_application()
        driver.images.note_emptied()
        await cine(driver, Destination.COMPUTER)
        await filmed(driver)
        assert driver.names() == []
        await refused(entry)
        await driver.operations.close_application()
        driver.images.note_emptied()
        await cine(driver)
        await filmed(driver)
        entry = driver.entry(exposed[-1].name)
        driver.fp.write(Dataset.MOVIE, encode(Dataset.MOVIE, {"AudioRecord": 1}))
        with pytest.raises(errors.RemoteProtocolError):
            await driver.images.read(entry, 0, 100)
        await refused(entry)


async def test_saving_ends_a_movie(tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock) -> None:
    async with running(tmp_path, movies=True) as driver:
        await cine(driver)
        await driver.images.start_movie(with_af=True)
        await trio.sleep(1)
        await driver.images.save()
        assert not driver.images.recording
        assert not driver.pending()
        assert driver.names() == []
        assert len(exposed) == 1


@pytest.mark.parametrize("command", [0, 1])
@pytest.mark.parametrize("kind", [FaultKind.NO_ANSWER, FaultKind.STALL, FaultKind.REFUSE])
async def test_a_command_of_a_movie_that_ends_unclearly(
    kind: FaultKind, command: int, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """It can be stopped, and the camera films no longer than that."""
    async with running(tmp_path) as driver:
        await cine(driver)
        driver.camera.faults.append(Fault(kind, SigmaOperation.SnapCommand, skip=command))
        for change in (driver.images.start_movie, driver.images.stop_movie, driver.images.stop_movie):
            try:
                await change()
            except errors.CameraError:
                await trio.sleep(1)
        assert not driver.images.recording
        assert driver.fp.mode is Mode.TETHERED
        await filmed(driver)
        assert not driver.pending()


async def test_a_stop_that_is_cancelled(tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock) -> None:
    async with running(tmp_path) as driver:
        await cine(driver)
        await driver.images.start_movie()
        with trio.move_on_after(0.1):
            await driver.images.stop_movie()
        await driver.images.stop_movie()
        await filmed(driver)
        assert not driver.pending()
        assert len(exposed) == 2
