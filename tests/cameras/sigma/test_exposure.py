"""The files of an exposure: fetched when they are read, safe when they are whole, and never released before."""

import errno
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.sigma import exposure
from camfs.cameras.sigma.exposure import FileEvent, FileState, ShotFile
from camfs.cameras.tethered.shot_key import ImageKey
from camfs.cameras.tethered.spool import Spool
from camfs.protocols.sigma.codes import NOT_INITIALISED, SigmaOperation
from camfs.virtual.ptp.faults import Fault, FaultKind
from camfs.virtual.sigma.database import PictureFile
from tests.cameras.rig import emulated
from tests.cameras.sigma.program import BOTH_KINDS, Disk, MortalSpool, Program, bytes_of, kept, rescued, running

pytestmark = pytest.mark.usefixtures("disk_without_threads", "small_pictures")


async def test_a_shot_is_fetched_once_and_only_when_it_is_read(
    tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    async with running(tmp_path) as driver:
        [key] = await driver.capture()
        assert not driver.count(SigmaOperation.GetBigPartialPictFile)
        entry = driver.images.describe(key)
        whole = bytes_of(exposed[0])
        assert entry.is_local
        assert entry.size == len(whole)
        assert bytes(await driver.images.read(entry, 100, 200)) == whole[100:300]
        assert driver.count(SigmaOperation.GetBigPartialPictFile) == 1
        assert bytes(await driver.images.read(entry, 150, 50)) == whole[150:200]
        assert driver.count(SigmaOperation.GetBigPartialPictFile) == 1
        assert bytes(await driver.images.read(entry, 50, 400)) == whole[50:450]
        assert driver.count(SigmaOperation.GetBigPartialPictFile) == 3
        assert bytes(await driver.images.read(entry, len(whole) - 5, 100)) == whole[-5:]
        assert driver.images.has_unsaved
        assert driver.images.needs_camera(key)
        assert driver.pending()
        assert bytes(await driver.images.read(entry, 0, 10 * len(whole))) == whole
        assert not driver.images.has_unsaved
        assert not driver.images.needs_camera(key)
        assert not driver.pending()
        driver.camera.trace.records.clear()
        assert await driver.read(key.name) == whole
        assert not driver.camera.trace.operations()
        stored = (tmp_path / "spool" / key.name).stat()
        assert stored.st_mtime_ns == entry.mtime_ns
        assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700


async def test_a_camera_that_gives_less_than_asked_for(
    tmp_path: Path, exposed: list[PictureFile], monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with running(tmp_path) as driver:
        await driver.capture()
        partial = driver.fp.partial
        monkeypatch.setattr(driver.fp, "partial", lambda address, offset, size: partial(address, offset, min(size, 99)))
        assert await driver.contents() == [bytes_of(exposed[0])]


async def test_a_camera_that_gives_nothing_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with running(tmp_path) as driver:
        [key] = await driver.capture()
        partial = driver.fp.partial
        monkeypatch.setattr(
            driver.fp, "partial", lambda address, offset, size: partial(address, offset, min(size, max(0, 99 - offset)))
        )
        with pytest.raises(errors.RemoteProtocolError, match="99"):
            await driver.read(key.name)
        assert driver.pending()


async def test_readers_side_by_side(tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock) -> None:
    async with running(tmp_path) as driver:
        await driver.acquire(BOTH_KINDS)
        keys = await driver.capture()
        got: dict[tuple[str, int], bytes] = {}

        async def read(name: str, offset: int, step: int) -> None:
            entry = driver.entry(name)
            for start in range(offset, entry.size, step):
                got[name, start] = bytes(await driver.images.read(entry, start, step))

        async with trio.open_nursery() as nursery:
            for key in keys:
                for offset, step in ((0, 300), (0, 1000), (500, 700)):
                    nursery.start_soon(read, key.name, offset, step)
            nursery.start_soon(driver.capture)
        whole = {file.name: bytes_of(file) for file in exposed}
        assert all(whole[name][start:].startswith(data) for (name, start), data in got.items())
        assert sorted(await driver.contents()) == sorted(whole.values())
        assert not driver.pending()


# ---------------------------------------------------------------------- never released before


def fetches_and_clears(driver: Program) -> list[str]:
    """Return the fetches of pieces and the clears of entries that the camera saw, in order."""
    wanted = ("GetBigPartialPictFile", "ClearImageDBSingle")
    return [name for name in driver.camera.trace.operations() if name in wanted]


@pytest.fixture
def one_piece(monkeypatch: pytest.MonkeyPatch, small_pictures: None) -> None:
    """Have a picture fetched in one piece, so that the first of several readers makes it safe while others fetch."""
    monkeypatch.setattr(exposure, "PIECE", 1 << 20)


async def test_a_shot_is_released_when_its_last_reader_has_fetched(
    tmp_path: Path, exposed: list[PictureFile], one_piece: None, autojump_clock: MockClock
) -> None:
    """Once the entries are cleared, the address may be another shot's."""
    async with running(tmp_path) as driver:
        [key] = await driver.capture()
        got: list[bytes] = []

        async def read() -> None:
            got.append(await driver.read(key.name))

        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(read)
        assert got == [bytes_of(exposed[0])] * 8
        assert fetches_and_clears(driver) == [*["GetBigPartialPictFile"] * 8, "ClearImageDBSingle"]
        assert not driver.pending()


async def test_room_is_made_when_the_last_reader_has_fetched(
    tmp_path: Path, exposed: list[PictureFile], one_piece: None, autojump_clock: MockClock
) -> None:
    async with running(tmp_path) as driver:
        [key] = await driver.capture()
        got: list[bytes] = []

        async def read() -> None:
            got.append(await driver.read(key.name))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(driver.images.save)
            for _ in range(3):
                nursery.start_soon(read)
        assert got == [bytes_of(exposed[0])] * 3
        assert fetches_and_clears(driver)[-1] == "ClearImageDBSingle"
        assert fetches_and_clears(driver).count("GetBigPartialPictFile") > 2
        assert not driver.pending()


async def test_a_removed_shot_is_released_when_its_last_reader_has_fetched(
    tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """He does not get what he fetched; the camera is not asked for what it no longer has, either."""
    async with running(tmp_path) as driver:
        [key] = await driver.capture()
        entry = driver.entry(key.name)
        refused: list[errors.NotFound] = []

        async def read() -> None:
            try:
                await driver.images.read(entry, 0, entry.size)
            except errors.NotFound as error:
                refused.append(error)

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(read)
            await trio.lowlevel.checkpoint()
            nursery.start_soon(driver.images.remove, entry)
        assert len(refused) == 3
        assert fetches_and_clears(driver) == [*["GetBigPartialPictFile"] * 3, "ClearImageDBSingle"]
        assert driver.names() == kept(tmp_path / "spool") == []


async def test_an_unsafe_shot_cannot_be_cleared(tmp_path: Path, autojump_clock: MockClock) -> None:
    """Whatever else is changed here, the one place where entries are cleared refuses."""
    async with running(tmp_path) as driver:
        [key] = await driver.capture()
        [shot] = driver.images._custody.exposures
        await driver.images.read(driver.entry(key.name), 0, 100)
        with pytest.raises(AssertionError):
            await driver.images._custody.clear(shot.ids)
        assert driver.pending()
        assert "ClearImageDBSingle" not in fetches_and_clears(driver)


# ---------------------------------------------------------------------- states


@dataclass
class SlowDisk:
    """A disk that waits before some of its work, and may then fail.

    Attributes:
        reached: set when that work is about to be done.
        go_on: lets it be done.
        failure: what it then fails with.
    """

    work: str
    failure: OSError | None = None
    reached: trio.Event = field(default_factory=trio.Event)
    go_on: trio.Event = field(default_factory=trio.Event)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have all spools use it, for the first such work."""
        run = MortalSpool.run

        async def slow(spool: MortalSpool, function: Callable[..., Any], *arguments: object) -> Any:
            if function.__name__ == self.work and not self.reached.is_set():
                self.reached.set()
                await self.go_on.wait()
                if self.failure is not None:
                    function, arguments = self._fail, ()
            return await run(spool, function, *arguments)

        monkeypatch.setattr(MortalSpool, "run", slow)

    def _fail(self) -> None:
        assert self.failure is not None
        raise self.failure


async def test_a_file_that_becomes_whole_while_it_is_removed_does_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    """Its last bytes are on their way to the disk when `rm` comes."""
    disk = SlowDisk("finish")
    async with running(tmp_path) as driver:
        [key] = await driver.capture()
        entry = driver.entry(key.name)
        disk.install(monkeypatch)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(driver.images.read, entry, 0, entry.size)
            await disk.reached.wait()
            nursery.start_soon(driver.images.remove, entry)
            await trio.testing.wait_all_tasks_blocked()
            disk.go_on.set()
        assert driver.names() == kept(tmp_path / "spool") == []
        assert not driver.pending()
    async with emulated("sigma-fp") as camera:
        assert await rescued(camera, tmp_path / "spool") == {}


async def test_a_file_that_becomes_whole_as_the_camera_is_switched_off_is_not_lost(
    tmp_path: Path, exposed: list[PictureFile], monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    disk = SlowDisk("finish")
    async with running(tmp_path) as driver:
        [key] = await driver.capture()
        entry, file = driver.entry(key.name), driver.images._listed.files[key]
        disk.install(monkeypatch)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(driver.images.read, entry, 0, entry.size)
            await disk.reached.wait()
            driver.fp.power_cycle()
            driver.images.note_emptied()
            disk.go_on.set()
        assert bytes(await file.read(0, file.size)) == bytes_of(exposed[0])
        await driver.acquire()
        await driver.images.save()
        assert driver.names() == [key.name]
        assert await driver.contents() == [bytes_of(exposed[0])]


async def test_a_disk_that_refused_is_not_asked_again_by_readers(
    disk: Disk, tmp_path: Path, exposed: list[PictureFile], caplog: pytest.LogCaptureFixture, autojump_clock: MockClock
) -> None:
    """It is asked again when the file must come into the spool, and then by readers too."""
    async with running(tmp_path) as driver:
        [key] = await driver.capture()
        disk.room = 0
        assert await driver.read(key.name) == bytes_of(exposed[0])
        disk.room = None
        assert await driver.read(key.name) == bytes_of(exposed[0])
        assert caplog.text.count("stays in the camera only") == 1
        assert driver.pending()
        disk.room = 0
        with pytest.raises(errors.StoreFull):
            await driver.images.save()
        disk.room = None
        assert await driver.read(key.name) == bytes_of(exposed[0])
        assert not driver.pending()


async def test_a_disk_that_refused_one_reader_and_not_the_next(
    tmp_path: Path,
    exposed: list[PictureFile],
    one_piece: None,
    monkeypatch: pytest.MonkeyPatch,
    autojump_clock: MockClock,
) -> None:
    """The second one waits with the whole file while the first is refused."""
    disk = SlowDisk("_write", OSError(errno.ENOSPC, "full"))
    async with running(tmp_path) as driver:
        [key] = await driver.capture()
        disk.install(monkeypatch)
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(driver.read, key.name)
            await trio.testing.wait_all_tasks_blocked()
            disk.go_on.set()
        assert not driver.pending()
        assert kept(tmp_path / "spool") == [key.name]
        assert await driver.contents() == [bytes_of(exposed[0])]


async def test_a_file_that_was_safe_is_removed_although_its_shot_is_not(
    disk: Disk, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    async with running(tmp_path) as driver:
        await driver.acquire(BOTH_KINDS)
        raw, jpeg = await driver.capture()
        await driver.read(jpeg.name)
        file = driver.images._listed.files[jpeg]
        states = [file.state]
        disk.room = 0
        await driver.images.remove(driver.entry(jpeg.name))
        assert [*states, file.state] == [FileState.SAFE, FileState.REMOVED]
        assert driver.names() == [raw.name]
        disk.room = None
        await driver.images.save()
        assert await driver.contents() == [bytes_of(exposed[0])]
        assert not driver.pending()


async def test_a_removal_that_fails_leaves_the_file(
    tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    async with running(tmp_path) as driver:
        [key] = await driver.capture()
        entry = driver.entry(key.name)
        driver.camera.faults.append(Fault(FaultKind.REFUSE, SigmaOperation.ClearImageDBSingle))
        with pytest.raises(errors.Refused):
            await driver.images.remove(entry)
        assert driver.images.unsaved == 1
        assert await driver.read(key.name) == bytes_of(exposed[0])
        assert not driver.pending()


async def test_a_removal_that_fails_as_the_camera_was_switched_off_leaves_nothing(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """The file's address may be another shot's by then: it must not be read from there."""
    async with running(tmp_path) as driver:
        [key] = await driver.capture()
        entry = driver.entry(key.name)

        async def clear_when_switched_off(image_id: int) -> None:
            driver.fp.power_cycle()
            driver.images.note_emptied()
            raise errors.Refused("switched off", NOT_INITIALISED)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(driver.operations, "clear", clear_when_switched_off)
            with pytest.raises(errors.Refused):
                await driver.images.remove(entry)
        assert driver.names() == driver.images.lost_names == []
        await driver.acquire()
        await driver.capture()
        with pytest.raises(errors.NotFound):
            await driver.images.read(entry, 0, 100)


@pytest.mark.parametrize("state", FileState)
@pytest.mark.parametrize("event", FileEvent)
def test_what_is_safe_or_gone_does_not_become_unsafe(state: FileState, event: FileEvent, tmp_path: Path) -> None:
    """Only a failed removal, or a spool that lost it, makes a file the camera's again; only STORED makes it safe."""
    file = ShotFile(None, Spool(tmp_path), ImageKey("A", 1), 1, 0, state)  # type: ignore[arg-type]
    file.note(event)
    if state is FileState.SAFE:
        other = FileState.IN_CAMERA if event is FileEvent.SPOILED else FileState.REMOVED
        assert file.state in (FileState.SAFE, other)
    if file.state is FileState.SAFE:
        assert state is FileState.SAFE or event is FileEvent.STORED
    if state in (FileState.REMOVED, FileState.LOST) and file.state is FileState.IN_CAMERA:
        assert (state, event) == (FileState.REMOVED, FileEvent.NOT_REMOVED)
    if event is FileEvent.EMPTIED:
        assert file.state in (FileState.SAFE, FileState.LOST)
