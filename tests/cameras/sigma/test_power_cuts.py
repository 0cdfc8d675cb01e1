"""The computer's power is cut at any system call that changes the spool: then there is what was fsynced, and what the camera still has."""

import os
from pathlib import Path

import pytest
from trio.testing import MockClock

from camfs.virtual.sigma.database import PictureFile
from tests.cameras.rig import emulated
from tests.cameras.sigma.mortal_disk import MortalDisk, Unsynced
from tests.cameras.sigma.program import BOTH_KINDS, Fate, Killed, bytes_of, program, rescued
from tests.cameras.sigma.test_imagedb_killed import busy_day, check

pytestmark = pytest.mark.usefixtures("disk_without_threads", "small_pictures")


async def day_with_a_power_cut(
    folder: Path, exposed: list[PictureFile], cut_at: int | None, *, death: int | None, changes: int, unsynced: Unsynced
) -> tuple[MortalDisk, dict[str, bytes], list[str], list[str]]:
    """Live through a day until the power is cut, or be killed and have it cut while another program rescues; then mount what there is."""
    removed: list[str] = []
    asked: list[str] = []
    exposed.clear()
    spool = folder / "spool"
    spool.mkdir(mode=0o700, parents=True)
    async with emulated("sigma-fp") as camera:
        if death is not None:
            with pytest.raises(Killed):
                async with program(camera, spool, Fate(death)) as driver:
                    await busy_day(driver, removed, asked)
        disk = MortalDisk(spool, cut_at=cut_at)
        with pytest.MonkeyPatch.context() as patch:
            disk.install(patch)
            try:
                async with program(camera, spool, disk.fate) as driver:
                    if death is None:
                        await busy_day(driver, removed, asked)
                    elif driver.fp.locked:
                        await driver.images.rescue()
                        await driver.operations.close_application()
            except Killed:
                assert cut_at is not None
        disk.image(folder / "image", changes, unsynced)
        disk.close()
        return disk, await rescued(camera, folder / "image"), removed, asked


async def cut_everywhere(folder: Path, exposed: list[PictureFile], unsynced: Unsynced, death: int | None) -> None:
    whole, *_ = await day_with_a_power_cut(
        folder / "whole", exposed, None, death=death, changes=99, unsynced=Unsynced.WRITTEN
    )
    for cut_at in range(len(whole.calls)):
        for changes in range(99):
            disk, found, removed, asked = await day_with_a_power_cut(
                folder / f"{cut_at}-{changes}", exposed, cut_at, death=death, changes=changes, unsynced=unsynced
            )
            beginnings = [name for name in found if name.startswith("partial-")]
            check({name: found[name] for name in found if name not in beginnings}, exposed, removed, asked)
            if changes >= len(disk.changes):
                break


@pytest.mark.parametrize("unsynced", Unsynced)
async def test_a_day(unsynced: Unsynced, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock) -> None:
    """Cut at each call, with each beginning of the changes of names that were not synchronised: each shot is there once."""
    await cut_everywhere(tmp_path, exposed, unsynced, None)


@pytest.mark.parametrize("death", range(24, 80, 13))
async def test_a_rescue(death: int, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock) -> None:
    """So is what a program that was killed left, if the power is cut while the next one brings it in."""
    await cut_everywhere(tmp_path, exposed, Unsynced.DROPPED, death)


async def test_a_damaged_file_is_set_aside_and_fetched_again(
    tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """The power is cut at any call of that, too."""
    cut_at, calls = -1, 1
    while cut_at < calls:
        exposed.clear()
        spool, image = tmp_path / str(cut_at), tmp_path / f"{cut_at}-image"
        async with emulated("sigma-fp") as camera:
            async with program(camera, spool) as driver:
                await driver.acquire(BOTH_KINDS)
                raw, _ = await driver.capture()
                await driver.read(raw.name)
            os.truncate(spool / raw.name, 1000)
            disk = MortalDisk(spool, cut_at=cut_at if cut_at >= 0 else None)
            with pytest.MonkeyPatch.context() as patch:
                disk.install(patch)
                try:
                    async with program(camera, spool, disk.fate) as driver:
                        await driver.images.rescue()
                        await driver.operations.close_application()
                except Killed:
                    assert cut_at >= 0
            calls = max(calls, len(disk.calls))
            disk.image(image, cut_at % 4, Unsynced.DROPPED)
            disk.close()
            found = await rescued(camera, image)
        assert sorted(found.values()) == sorted(bytes_of(file) for file in exposed)
        cut_at += 1
    assert calls > 10
