"""camfs killed, or told to end, at random moments of whatever it does, again and again on the same camera and the same spool.

The camera is a process of its own and lives on. At the end camfs is mounted once more, and the camera's card is the truth: an emulated fp
saves each shot there, too, and the trace of a plain PTP camera tells how many pictures it took. On the fp the computer's clock is put back
as well, by up to a year, between two camfs and amid one.
"""

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.mounted.mount import mount_entries
from tests.torture.outcome import Counts, DidNotHold
from tests.torture.processes import (
    BUDGET,
    HANGS,
    LOST,
    MountedCamera,
    ServedCamera,
    Somebody,
    names_in,
    read_part,
    read_whole,
    wait_for,
    write,
)

GENERATIONS = 4
"""How often camfs is killed on one camera before what is there is compared."""

CLOCKS = (0, 2, 3600, 400 * 86_400)
"""Seconds by which the clock is put back."""

QUALITIES = ("fine", "dng", "dng+fine")

ENDINGS: tuple[tuple[signal.Signals, ...], ...] = (
    (signal.SIGKILL,),
    (signal.SIGKILL,),
    (signal.SIGKILL,),
    (signal.SIGTERM,),
    (signal.SIGINT,),
    (signal.SIGTERM, signal.SIGINT),
    (signal.SIGINT, signal.SIGTERM),
    (signal.SIGTERM, signal.SIGKILL),
)
"""Signals that end camfs, one a moment after the other."""


class Photographer:
    """What somebody does with the shots of a SIGMA.

    Attributes:
        taken_away: bytes of shots that were read and removed.
        perhaps: of those whose removal was interrupted.
        copied: of those that were copied to the end.
    """

    def __init__(self, point: Path, chance: random.Random) -> None:
        self._point = point
        self._chance = chance
        self.taken_away: list[bytes] = []
        self.perhaps: list[bytes] = []
        self.copied: list[bytes] = []

    def actions(self) -> list[tuple[Callable[[], None], int]]:
        return [
            (self.capture, 5),
            (self.choose_quality, 2),
            (self.read_a_part, 2),
            (self.copy, 3),
            (self.take_away, 3),
            (self.hand_back, 2),
            (self.unmount, 1),
        ]

    def _shots(self) -> list[Path]:
        names = sorted(names_in(self._point / "imagedb"))
        self._chance.shuffle(names)
        return [self._point / "imagedb" / name for name in names]

    def capture(self) -> None:
        write(self._point / ".capture", str(self._chance.randint(1, 3)))

    def choose_quality(self) -> None:
        write(self._point / ".settings/image-quality", self._chance.choice(QUALITIES))

    def read_a_part(self) -> None:
        for shot in self._shots()[:2]:
            read_part(shot, 0, 1000)

    def copy(self) -> None:
        for shot in self._shots()[:2]:
            self.copied.append(read_whole(shot))

    def take_away(self) -> None:
        """Move some: read whole, then remove."""
        for shot in self._shots()[:2]:
            data = read_whole(shot)
            self.perhaps.append(data)
            shot.unlink()
            self.perhaps.remove(data)
            self.taken_away.append(data)

    def hand_back(self) -> None:
        write(self._point / ".control", "0")

    def unmount(self) -> None:
        if not subprocess.run(["fusermount3", "-u", self._point], capture_output=True, timeout=HANGS).returncode:
            raise FileNotFoundError("unmounted")

    def check(self, waiting: list[bytes], on_card: list[bytes]) -> None:
        """See that each shot on the card was either taken away or waits, once, and that nothing else waits."""
        for data in on_card:
            times = waiting.count(data)
            if data in self.taken_away:
                right = times == 0
            elif data in self.perhaps:
                right = times <= 1
            else:
                right = times == 1
            if not right:
                raise DidNotHold(f"a shot of {len(data)} bytes is there {times} times")
        for what, many in (("waits", waiting), ("was copied", self.copied), ("was taken away", self.taken_away)):
            if wrong := [data for data in many if data not in on_card]:
                raise DidNotHold(f"what {what} is no shot: {[len(data) for data in wrong]} bytes")


def end_at_random(mount: MountedCamera, work: Somebody, chance: random.Random, counts: Counter[str]) -> bool:
    """End camfs by signals at a random moment, or let the work end it; return whether it had to leave the body free."""
    end = time.monotonic() + chance.uniform(0, 2)
    while time.monotonic() < end and work.is_at_work:
        time.sleep(0.002)
    signals = chance.choice(ENDINGS)
    for number in signals:
        if mount.process.poll() is None:
            mount.process.send_signal(number)
            counts[number.name] += 1
        time.sleep(chance.choice((0, 0.01, 0.1)))
    status = mount.wait_for_end()
    work.stop()
    if isinstance(work.failure, OSError) and work.failure.errno not in {None, *LOST}:
        raise DidNotHold(f"before it was ended: {work.failure}; {mount.tail()}")
    counts.update(work.done)
    if status not in (0, -signal.SIGKILL):
        raise DidNotHold(f"camfs ended with {status} after {signals}: {mount.tail()}")
    if status == 0 and mount_entries(mount.point):
        raise DidNotHold(f"a mount is left after {signals}")
    return status == 0


def end_while_mounting(mount: MountedCamera, chance: random.Random, counts: Counter[str]) -> None:
    """End camfs before it is ready, or shortly after."""
    time.sleep(chance.uniform(0, 1))
    number = chance.choice((signal.SIGKILL, signal.SIGTERM, signal.SIGINT))
    mount.process.send_signal(number)
    counts["ended while mounting"] += 1
    mount.wait_for_end()
    if number != signal.SIGKILL and mount_entries(mount.point):
        raise DidNotHold(f"a mount is left after {number.name} while mounting")


def kill_on_a_sigma(seed: int, folder: Path) -> Counts:
    """Capture, copy, remove, hand back and unmount on an emulated fp."""
    chance = random.Random(seed)
    card, point, spool = folder / "card", folder / "camera", folder / "spool"
    (card / "DCIM/100SIGMA").mkdir(parents=True)
    point.mkdir()
    counts: Counter[str] = Counter(kills=0)
    photographer = Photographer(point, chance)
    camera = ServedCamera(folder, "sigma-fp", "--card", str(card), "--snap_time", "0.01")
    mount = None
    try:
        for _ in range(GENERATIONS):
            is_early = chance.random() < 0.15
            if is_early and mount is not None:
                mount.clean()  # else what is left might be of the one before
            clock = (sys.executable, "-m", "tests.torture.wrong_clock", str(chance.choice(CLOCKS)))
            mount = MountedCamera(camera.source, point, folder / "log", f"spool={spool}", clock)
            counts["kills"] += 1
            if is_early:
                end_while_mounting(mount, chance, counts)
                continue
            mount.wait_until_ready()
            work = Somebody(photographer.actions(), chance)
            time.sleep(chance.uniform(0, 0.5))
            mount.process.send_signal(signal.SIGUSR1)  # puts the clock back
            counts["clocks put back"] += 1
            if end_at_random(mount, work, chance, counts):
                check_free(camera)
        mount = MountedCamera(camera.source, point, folder / "log", f"spool={spool}")
        mount.wait_until_ready()
        if mount.status()["control"] != "no":
            raise DidNotHold("the body is not free")
        waiting = [path.read_bytes() for path in (point / "imagedb").iterdir()] if (point / "imagedb").exists() else []
        on_card = [path.read_bytes() for path in (point / "card/DCIM/100SIGMA").iterdir()]
        photographer.check(waiting, on_card)
        mount.unmount()
        check_free(camera)
        camera.check_quiet()
        counts["shots"] = len(on_card)
    except OSError as error:
        raise DidNotHold(f"{error}; {mount.tail() if mount is not None else ''}") from error
    finally:
        camera.close()
        if mount is not None:
            mount.clean()
    return told(counts, "kills", "SIGKILL", "ended while mounting", "clocks put back", "shots")


def check_free(camera: ServedCamera) -> None:
    """See that the last word on who controls the body was that it is free."""
    said = [
        name for name, result in camera.operations() if name in ("ConfigApi", "CloseApplication") and result == "OK"
    ]
    if said[-1:] == ["ConfigApi"]:
        raise DidNotHold("camfs has ended and left the body locked")


def told(counts: Counter[str], *names: str) -> Counts:
    """Return the counts that are reported, and that nothing was lost or doubled, as it would have been noticed."""
    return Counts({**{name: counts[name] for name in names}, "lost or doubled": 0})


class Copier:
    """What somebody does with a plain PTP camera.

    Attributes:
        contents: what lies on the card, by path.
        removed: what was removed.
        perhaps: what perhaps was.
        taken: the paths of pictures that were taken, and said to be there.
    """

    def __init__(self, point: Path, contents: dict[str, bytes], chance: random.Random) -> None:
        self._point = point
        self._chance = chance
        self.contents = contents
        self.removed: set[str] = set()
        self.taken: list[str] = []
        self.perhaps: set[str] = set()

    def actions(self) -> list[tuple[Callable[[], None], int]]:
        return [(self.copy, 4), (self.read_a_part, 4), (self.remove, 1), (self.capture, 2), (self.walk, 1)]

    def _chosen(self) -> str:
        return self._chance.choice(sorted(self.contents.keys() - self.removed - self.perhaps))

    def copy(self) -> None:
        path = self._chosen()
        assert read_whole(self._point / "card" / path) == self.contents[path], f"{path}: wrong bytes"

    def read_a_part(self) -> None:
        path = self._chosen()
        offset = self._chance.randrange(len(self.contents[path]))
        size = self._chance.randrange(1, 300_000)
        data = read_part(self._point / "card" / path, offset, size)
        assert data == self.contents[path][offset : offset + size], f"{path}: wrong bytes at {offset}"

    def remove(self) -> None:
        if len(self.removed | self.perhaps) < len(self.contents) // 2:
            path = self._chosen()
            self.perhaps.add(path)
            (self._point / "card" / path).unlink()
            self.perhaps.remove(path)
            self.removed.add(path)

    def capture(self) -> None:
        write(self._point / ".capture", "1")
        self.taken.append((self._point / ".capture").read_text().strip())

    def try_capture(self) -> None:
        """Take a picture, which the camera loses with its power."""
        write(self._point / ".capture", "1")

    def compare_all(self) -> None:
        """Read all files."""
        for path, data in self.contents.items():
            assert read_whole(self._point / "card" / path) == data, f"{path}: wrong bytes"

    def walk(self) -> None:
        """See that no folder lacks what is in it: an error is no shorter listing."""
        for folder in sorted({str(Path(path).parent) for path in self.contents}):
            names = names_in(self._point / "card" / folder)
            there = {
                path for path in self.contents.keys() - self.removed - self.perhaps if str(Path(path).parent) == folder
            }
            missing = there - {f"{folder}/{name}" for name in names}
            assert not missing, f"{folder}: {missing} are not listed"

    def check(self, begun: int) -> int:
        """See that all is there which was not removed, and return how many pictures are.

        Args:
            begun: how many the camera began to take; it gives one up when its connection is cut meanwhile.
        """
        card = self._point / "card"
        found = {str(path.relative_to(card)) for path in card.rglob("*") if path.is_file()}
        missing = self.contents.keys() - found - self.removed - self.perhaps
        if missing or found & self.removed:
            raise DidNotHold(f"missing: {missing}; removed and still there: {found & self.removed}")
        for path in found & self.contents.keys():
            assert (card / path).read_bytes() == self.contents[path], f"{path}: wrong bytes"
        shots = {f"card/{path}" for path in found - self.contents.keys()}
        different = {(self._point / shot).read_bytes() for shot in shots}
        if (
            not {*self.taken} <= shots
            or len({*self.taken}) != len(self.taken)
            or not len(different) == len(shots) <= begun
        ):
            raise DidNotHold(f"{self.taken} were taken, {begun} begun, and {sorted(shots)} are there")
        return len(shots)


def fill_card(card: Path, chance: random.Random) -> dict[str, bytes]:
    """Put files of known contents on a card, and return them by their paths."""
    contents = {}
    for number in range(1, 9):
        path = f"DCIM/10{number % 3}CANON/IMG_{number:04}.JPG"
        contents[path] = chance.randbytes(chance.choice((1000, 100_000, 300_000, 3_000_000)))
        (card / path).parent.mkdir(parents=True, exist_ok=True)
        (card / path).write_bytes(contents[path])
    return contents


def kill_on_a_plain_camera(seed: int, folder: Path) -> Counts:
    """Copy, remove and capture on an emulated plain PTP camera, whose line is slow enough to be cut within a transfer."""
    chance = random.Random(seed)
    card, point = folder / "card", folder / "camera"
    point.mkdir()
    copier = Copier(point, fill_card(card, chance), chance)
    counts: Counter[str] = Counter()
    camera = ServedCamera(folder, "ptp", "--card", str(card), "--bandwidth", "8000000")
    mount = None
    try:
        for _ in range(GENERATIONS):
            is_early = chance.random() < 0.15
            if is_early and mount is not None:
                mount.clean()  # else what is left might be of the one before
            mount = MountedCamera(camera.source, point, folder / "log", "allow_delete")
            counts["kills"] += 1
            if is_early:
                end_while_mounting(mount, chance, counts)
                continue
            mount.wait_until_ready()
            end_at_random(mount, Somebody(copier.actions(), chance), chance, counts)
        mount = MountedCamera(camera.source, point, folder / "log")
        mount.wait_until_ready()
        counts["shots"] = copier.check(camera.operations().count(("InitiateCapture", "OK")))
        mount.unmount()
        wait_for("the session's end", lambda: camera.operations()[-1] == ("CloseSession", "OK"), BUDGET)
        camera.check_quiet()
    except OSError as error:
        raise DidNotHold(f"{error}; {mount.tail() if mount is not None else ''}") from error
    finally:
        camera.close()
        if mount is not None:
            mount.clean()
    return told(counts, "kills", "SIGKILL", "ended while mounting", "shots")
