"""This computer's disk fails at any system call that changes the spool: nothing is lost, nothing is there twice, and it goes on later."""

import contextlib
import errno
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.sigma.exposure import FileState
from camfs.protocols.sigma.datasets import Dataset
from camfs.virtual.sigma.database import PictureFile
from tests.cameras.rig import emulated
from tests.cameras.sigma.mortal_disk import MortalDisk
from tests.cameras.sigma.program import BOTH_KINDS, JPEG, Program, program, rescued
from tests.cameras.sigma.test_imagedb_killed import check

pytestmark = pytest.mark.usefixtures("disk_without_threads", "small_pictures")


def steps(driver: Program, removed: list[str], asked: list[str]) -> list[Callable[[], Awaitable[object]]]:
    """Return what somebody does who goes on whatever fails."""

    async def read_all() -> None:
        for name in driver.names():
            await driver.read(name)

    async def remove() -> None:
        name = driver.names()[0]
        asked.append(name)
        await driver.images.remove(driver.entry(name))
        removed.append(name)

    return [
        driver.capture,
        lambda: driver.images.read(driver.entry(driver.names()[0]), 1024, 500),
        read_all,
        lambda: driver.operations.write(Dataset.GROUP2, {"ImageQuality": JPEG}),
        driver.capture,
        driver.capture,
        remove,
        read_all,
        driver.images.save,
    ]


async def day(folder: Path, exposed: list[PictureFile], **failing: object) -> MortalDisk:
    """Live through a day on a disk that fails, then on one that has room again, and once more as another program."""
    removed: list[str] = []
    asked: list[str] = []
    exposed.clear()
    spool = folder / "spool"
    spool.mkdir(mode=0o700, parents=True)
    disk = MortalDisk(spool, **failing)  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        disk.install(patch)
        async with emulated("sigma-fp") as camera:
            async with program(camera, spool) as driver:
                await driver.acquire(BOTH_KINDS)
                for step in steps(driver, removed, asked):
                    with contextlib.suppress(errors.Refused):
                        await step()
                    safe = [file.state is FileState.SAFE for file in driver.images._listed.files.values()]
                    assert driver.images.unsaved == safe.count(False)
                    assert driver.images.unsaved <= 2 or not disk.stays
                    if disk.failed and disk.stays and driver.images.unsaved:
                        assert driver.pending()
                if disk.stays and disk.failed:
                    assert (driver.images.trouble != "") is driver.images.has_unsaved
                disk.fail_at = None
                await driver.images.save()
                assert not driver.pending()
                assert driver.images.trouble == ""
                await driver.capture()
                await driver.images.save()
                check({name: await driver.read(name) for name in driver.names()}, exposed, removed, asked)
                await driver.operations.close_application()
            check(await rescued(camera, spool), exposed, removed, asked)
    disk.close()
    return disk


@pytest.mark.parametrize("stays", [False, True], ids=["once", "until there is room"])
@pytest.mark.parametrize("failure", [errno.ENOSPC, errno.EIO], ids=errno.errorcode.get)
async def test_a_disk_that_fails_at_every_call(
    failure: int, stays: bool, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    calls = len((await day(tmp_path / "whole", exposed)).calls)
    assert calls > 30
    for fail_at in range(calls):
        await day(tmp_path / str(fail_at), exposed, fail_at=fail_at, stays=stays, failure=failure)
