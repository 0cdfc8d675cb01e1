"""A program that is killed at any step of what it does with shots: none is lost, and none is there twice."""

import contextlib
import random
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.tethered.file_names import original_name
from camfs.protocols.sigma.codes import SigmaOperation
from camfs.protocols.sigma.datasets import Dataset
from camfs.virtual import EmulatedCamera
from camfs.virtual.ptp.faults import Fault, FaultKind
from camfs.virtual.sigma.database import PictureFile
from camfs.virtual.sigma.fp import Mode
from tests.cameras.rig import emulated
from tests.cameras.sigma.program import (
    BOTH_KINDS,
    DNG,
    FAILURES,
    JPEG,
    Disk,
    Fate,
    Killed,
    Program,
    bytes_of,
    program,
    rescued,
)

pytestmark = pytest.mark.usefixtures("disk_without_threads", "small_pictures")


async def busy_day(driver: Program, removed: list[str], asked: list[str]) -> None:
    """Take, read and remove pictures in the ways that there are."""
    await driver.acquire(BOTH_KINDS)
    raw, jpeg = await driver.capture()
    await driver.images.read(driver.entry(raw.name), 1024, 500)
    await driver.read(raw.name)
    asked.append(raw.name)
    await driver.images.remove(driver.entry(raw.name))
    removed.append(raw.name)
    await driver.read(jpeg.name)
    await driver.operations.write(Dataset.GROUP2, {"ImageQuality": JPEG})
    [first] = await driver.capture()
    await driver.images.read(driver.entry(first.name), 0, 1200)
    [second] = await driver.capture()
    asked.append(second.name)
    await driver.images.remove(driver.entry(second.name))
    removed.append(second.name)
    await driver.capture()
    await driver.images.save()
    await driver.operations.close_application()


def check(found: dict[str, bytes], exposed: list[PictureFile], removed: list[str], asked: list[str]) -> None:
    """No shot lost, none twice."""
    contents = list(found.values())
    for file in exposed:
        times = contents.count(bytes_of(file))
        if file.name in removed:
            assert times == 0, file.name
        elif file.name in asked:
            assert times <= 1, file.name
        else:
            assert times == 1, file.name
    assert len(contents) <= len(exposed)
    assert all(data in [bytes_of(file) for file in exposed] for data in contents)


async def one_day(
    folder: Path, exposed: list[PictureFile], *fates: Fate
) -> tuple[dict[str, bytes], list[str], list[str]]:
    """Let a program live to its end or be killed, others rescue what it leaves and be killed too, and return what is found then."""
    removed: list[str] = []
    asked: list[str] = []
    exposed.clear()
    async with emulated("sigma-fp") as camera:
        for index, fate in enumerate(fates):
            try:
                async with program(camera, folder, fate) as driver:
                    if index == 0:
                        await busy_day(driver, removed, asked)
                    elif driver.fp.locked:
                        await driver.images.rescue()
                        await driver.operations.close_application()
            except Killed:
                pass
        found = await rescued(camera, folder)
        assert camera.state.sigma is not None
        assert camera.state.sigma.mode is Mode.STANDALONE
    return found, removed, asked


async def test_a_program_that_is_not_killed(
    tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    found, removed, asked = await one_day(tmp_path, exposed, Fate())
    check(found, exposed, removed, asked)
    assert len(exposed) == 5
    assert len(found) == 3


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_a_program_that_is_killed_at_every_step(
    before: bool, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """Before or after each transaction and each work on the disk, without any clean-up; the next program finds each shot once."""
    life = Fate()
    await one_day(tmp_path / "whole", exposed, life)
    assert life.steps > 60
    for step in range(1, life.steps + 1):
        found, removed, asked = await one_day(tmp_path / str(step), exposed, Fate(step, before))
        check(found, exposed, removed, asked)


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_a_rescue_that_is_killed_at_every_step(
    before: bool, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """So is the one after it."""
    life = Fate()
    await one_day(tmp_path / "whole", exposed, life)
    for death in range(20, life.steps, 9):
        rescue = Fate()
        await one_day(tmp_path / f"{death}", exposed, Fate(death), rescue)
        for step in range(1, rescue.steps + 1):
            fates = Fate(death), Fate(step, before), Fate(step + 3, before)
            found, removed, asked = await one_day(tmp_path / f"{death}-{step}", exposed, *fates)
            check(found, exposed, removed, asked)


class Walk:
    """A day of someone who does anything in any order, on a computer whose power fails and whose disk fills up.

    Attributes:
        gone: names of files that were removed.
        doubtful: names of files that somebody began to remove, and was interrupted.
    """

    def __init__(self, camera: EmulatedCamera, folder: Path, disk: Disk, chance: random.Random) -> None:
        self.camera, self.folder, self.disk, self.chance = camera, folder, disk, chance
        self.gone: set[str] = set()
        self.doubtful: set[str] = set()

    async def program(self, steps: int) -> None:
        """Live as one program."""
        fate = Fate(self.chance.randrange(5, 200), self.chance.random() < 0.5)
        try:
            async with program(self.camera, self.folder, fate) as driver:
                if driver.fp.locked:
                    await driver.images.rescue()
                    await driver.operations.close_application()
                await driver.acquire()
                for _ in range(steps):
                    with contextlib.suppress(errors.CameraError):
                        await self.act(driver)
        except* (Killed, errors.CameraError):
            pass

    async def act(self, driver: Program) -> None:
        match self.chance.randrange(10):
            case 0 | 1:
                await driver.operations.write(
                    Dataset.GROUP2, {"ImageQuality": self.chance.choice((JPEG, DNG, BOTH_KINDS))}
                )
                with trio.move_on_after(self.chance.choice((0.2, 0.5, 60, 60, 60))):
                    await driver.capture()
            case 2:
                self.disk.room = self.chance.choice((None, None, 0, 2000))
            case 3:
                await driver.images.save()
            case 4 if names := driver.names():
                name = self.chance.choice(names)
                self.doubtful.add(original_name(name))
                await driver.images.remove(driver.entry(name))
                if not driver.pending():  # else the disk is full, and the rest of its shot found no room
                    self.doubtful.discard(original_name(name))
                    self.gone.add(original_name(name))
            case 5:
                driver.fp.failures.append(self.chance.choice(list(FAILURES))[0])
            case 6:
                operation = self.chance.choice(list(SigmaOperation))
                kind = self.chance.choice((FaultKind.NO_ANSWER, FaultKind.REFUSE, FaultKind.STALL))
                driver.camera.faults.append(Fault(kind, operation))
            case 7:
                driver.images.note_contact_lost()
            case _ if names := driver.names():
                async with trio.open_nursery() as nursery:
                    for _ in range(2):
                        nursery.start_soon(self.read, driver, self.chance.choice(names))

    async def read(self, driver: Program, name: str) -> None:
        with contextlib.suppress(errors.CameraError):
            entry = driver.entry(name)
            offset = self.chance.choice((0, self.chance.randrange(entry.size)))
            await driver.images.read(entry, offset, self.chance.choice((100, 2000, 10_000)))


@pytest.mark.parametrize("seed", range(40))
async def test_anything_in_any_order(
    seed: int, disk: Disk, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """No shot lost, none twice."""
    async with emulated("sigma-fp") as camera:
        walk = Walk(camera, tmp_path / "spool", disk, random.Random(seed))
        for _ in range(8):
            await walk.program(30)
        disk.room = None
        camera.faults.clear()
        found = await rescued(camera, tmp_path / "spool")
    check(found, exposed, list(walk.gone), list(walk.doubtful))
