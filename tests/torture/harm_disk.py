"""This computer's disk at its worst, while somebody takes pictures in any order with an emulated SIGMA fp and keeps pictures of a DC120.

* The power is cut before any system call that changes the spool; then there is what was fsynced, with any of the ways in which a disk
  leaves what was not, and the camera. It is mounted again, and each shot must be there once.
* Any such call fails, once or until there is room; the work goes on, then there is room, and each shot must be there once.
* A small disk fills up under a mount, and is made larger.
* Files of the DC120's picture cache are torn, zeroed or changed; what is read is the picture, or nothing.
"""

import contextlib
import errno
import os
import random
import subprocess
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.dc120.picture_cache import PictureCache
from camfs.cameras.tethered.file_names import original_name
from camfs.protocols import kdc as header
from camfs.protocols.sigma.datasets import Dataset
from camfs.virtual.pictures import kdc
from camfs.virtual.sigma.database import PictureFile
from tests.cameras.rig import emulated
from tests.cameras.sigma.mortal_disk import MortalDisk, Unsynced
from tests.cameras.sigma.program import (
    BOTH_KINDS,
    DNG,
    JPEG,
    Killed,
    Program,
    collect_exposed,
    make_small_pictures,
    program,
    rescued,
)
from tests.cameras.sigma.test_imagedb_killed import check
from tests.torture.kill_camfs import Photographer
from tests.torture.outcome import Counts, DidNotHold
from tests.torture.processes import MountedCamera, ServedCamera, Somebody, write

T = TypeVar("T")

DAYS = 40
"""Days of a round."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


class Day:
    """A day of somebody who takes, reads and removes pictures in any order.

    Attributes:
        gone: names of files that were removed.
        perhaps: names of files of which somebody began to remove one.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.gone: list[str] = []
        self.perhaps: list[str] = []

    async def live(self, driver: Program) -> None:
        await driver.acquire(self._chance.choice((JPEG, DNG, BOTH_KINDS)))
        for _ in range(self._chance.randrange(3, 15)):
            with contextlib.suppress(errors.Refused):
                await self._act(driver)

    async def _act(self, driver: Program) -> None:
        match self._chance.randrange(8):
            case 0 | 1 | 2:
                await driver.capture()
            case 3:
                quality = self._chance.choice((JPEG, DNG, BOTH_KINDS))
                await driver.operations.write(Dataset.GROUP2, {"ImageQuality": quality})
            case 4:
                await driver.images.save()
            case 5 if names := driver.names():
                name = self._chance.choice(names)
                self.perhaps.append(original_name(name))
                await driver.images.remove(driver.entry(name))
                self.gone.append(original_name(name))
            case _ if names := driver.names():
                entry = driver.entry(self._chance.choice(names))
                offset = self._chance.choice((0, 0, self._chance.randrange(entry.size)))
                await driver.images.read(entry, offset, self._chance.choice((100, 2000, 10_000)))

    def check(self, found: dict[str, bytes], exposed: list[PictureFile]) -> None:
        """See that each shot is there once; beginnings of some may be, too."""
        whole = {name: data for name, data in found.items() if not name.startswith("partial-")}
        check(whole, exposed, self.gone, self.perhaps)


async def cut_power(chance: random.Random, folder: Path, exposed: list[PictureFile], patch: pytest.MonkeyPatch) -> int:
    """Live through a day until the power is cut, and mount what there is then; return how many shots were taken."""
    exposed.clear()
    spool = folder / "spool"
    spool.mkdir(mode=0o700, parents=True)
    day, disk = Day(chance), MortalDisk(spool, cut_at=chance.randrange(60))
    async with emulated("sigma-fp") as camera:
        with pytest.MonkeyPatch.context() as disk_patch, contextlib.suppress(Killed):
            disk.install(disk_patch)
            async with program(camera, spool, disk.fate) as driver:
                await day.live(driver)
        disk.image(folder / "image", chance.randrange(len(disk.changes) + 1), chance.choice(list(Unsynced)))
        disk.close()
        day.check(await rescued(camera, folder / "image"), exposed)
    return len(exposed)


async def fill_up(chance: random.Random, folder: Path, exposed: list[PictureFile], patch: pytest.MonkeyPatch) -> int:
    """Live through a day on a disk that fails, and another when it works again; return how many shots were taken."""
    exposed.clear()
    spool = folder / "spool"
    spool.mkdir(mode=0o700, parents=True)
    day = Day(chance)
    disk = MortalDisk(spool, fail_at=chance.randrange(60), stays=chance.random() < 0.5, failure=chance.choice(FULL))
    async with emulated("sigma-fp") as camera:
        with pytest.MonkeyPatch.context() as disk_patch:
            disk.install(disk_patch)
            async with program(camera, spool, disk.fate) as driver:
                await day.live(driver)
                disk.fail_at = None
                await driver.images.save()
                await day.live(driver)
                await driver.images.save()
                await driver.operations.close_application()
            day.check(await rescued(camera, spool), exposed)
    disk.close()
    return len(exposed)


@contextlib.contextmanager
def small_quick_days() -> Iterator[tuple[list[PictureFile], pytest.MonkeyPatch]]:
    """Have days pass without threads, waiting for the disk and large pictures; gives the files that were exposed."""

    async def run_at_once(function: Callable[..., T], *arguments: object) -> T:
        await trio.lowlevel.checkpoint()
        return function(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trio.to_thread, "run_sync", run_at_once)
        patch.setattr(os, "fsync", lambda descriptor: None)
        make_small_pictures(patch)
        yield collect_exposed(patch), patch


def _days(
    live: Callable[[random.Random, Path, list[PictureFile], pytest.MonkeyPatch], Awaitable[int]],
    what: str,
    seed: int,
    folder: Path,
) -> Counts:
    shots = 0
    with small_quick_days() as (exposed, patch):
        for number in range(DAYS):
            chance = random.Random(f"{seed} {number}")
            try:
                shots += trio.run(
                    live, chance, folder / str(number), exposed, patch, clock=MockClock(autojump_threshold=0)
                )
            except Exception as error:
                raise DidNotHold(f"{what}, day {number}: {type(error).__name__}: {error}") from error
    return Counts({what: DAYS, "shots": shots, "lost or doubled": 0})


def cut_the_power(seed: int, folder: Path) -> Counts:
    """Cut the power at random calls of random days."""
    return _days(cut_power, "power cuts", seed, folder)


def let_calls_fail(seed: int, folder: Path) -> Counts:
    """Let random calls of random days fail."""
    return _days(fill_up, "days on a failing disk", seed, folder)


def fill_a_small_disk(seed: int, folder: Path) -> Counts:
    """Let a small disk fill up under a mount, and make it larger: each shot is there once, whatever failed."""
    chance = random.Random(seed)
    card, point, small = folder / "card", folder / "camera", folder / "small"
    (card / "DCIM/100SIGMA").mkdir(parents=True)
    point.mkdir()
    small.mkdir()
    photographer = Photographer(point, chance)
    size = chance.choice(("256k", "1m", "3m"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", small], check=True)
    camera = ServedCamera(folder, "sigma-fp", "--card", str(card), "--snap_time", "0.01")
    mount = MountedCamera(camera.source, point, folder / "log", f"spool={small / 'spool'}")
    refused = frozenset({errno.ENOSPC, errno.ENOBUFS, errno.EIO, errno.EBUSY, errno.EPERM, errno.ENOENT, errno.ESTALE})
    try:
        mount.wait_until_ready()
        for room in ("", "size=200m"):
            if room:
                subprocess.run(["mount", "-o", f"remount,{room}", small], check=True)
            work = Somebody(photographer.actions()[:-1], chance, refused)
            for _ in range(chance.randrange(2, 6)):
                with contextlib.suppress(OSError):
                    write(point / ".capture", "1")
            work.stop()
        write(point / ".control", "0")
        waiting = [path.read_bytes() for path in (point / "imagedb").iterdir()]
        on_card = [path.read_bytes() for path in (point / "card/DCIM/100SIGMA").iterdir()]
        photographer.check(waiting, on_card)
        mount.unmount()
        camera.check_quiet()
    except OSError as error:
        raise DidNotHold(f"{error}; {mount.tail()}") from error
    finally:
        camera.close()
        mount.clean()
        subprocess.run(["umount", "-l", small], check=True)
    return Counts({"full disks": 1, "shots": len(on_card), "lost or doubled": 0})


def damage_kept_pictures(seed: int, folder: Path) -> Counts:
    """Damage what the DC120's picture cache has kept, and read it."""
    chance, counts = random.Random(seed), Counter(damaged=0, served=0)
    cache = PictureCache(folder / "kept")
    pictures = [kdc.picture(shot) for shot in kdc.generated_shots(3)]
    for _ in range(30):
        data = chance.choice(pictures)
        cache.keep("P000001.KDC", b"date", data)
        (kept,) = (folder / "kept").glob("*.kdc")
        left = bytearray(data)
        for _ in range(chance.randrange(3)):
            start = chance.randrange(len(left))
            match chance.randrange(4):
                case 0:
                    del left[start:]
                case 1:
                    left[start:] = bytes(len(left) - start)
                case 2:
                    left[start] ^= 1 << chance.randrange(8)
                case 3:
                    left[start:] = chance.choice(pictures)[start : len(left)].ljust(len(left) - start, b"\0")
            if not left:
                break
        kept.write_bytes(left)
        counts["damaged"] += bytes(left) != data
        first = data[: header.ENOUGH]
        if (beginning := cache.beginning("P000001.KDC", len(data), b"date")) not in (None, first):
            raise DidNotHold(f"the beginning of a damaged picture was served: {beginning!r}")
        read = cache.read("P000001.KDC", len(data), b"date", first)
        if read not in (None, data) or (read is None and bytes(left) == data):
            raise DidNotHold(f"of {len(data)} bytes, {len(left)} of them left, {read and len(read)} were served")
        counts["served"] += read is not None
        cache.drop("P000001.KDC", len(data))
    return Counts({"damaged kept pictures": counts["damaged"], "served wrong": 0})
