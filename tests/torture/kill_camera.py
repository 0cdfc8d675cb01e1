"""The camera killed, stopped and started again at random moments, while programs read and take pictures; the mount stays.

What is read is right or an error, each system call returns within the budget, no listing is short, and when the camera is back the mount
works again. A camera that was only stopped (SIGSTOP, SIGCONT) has all its shots, so none may be lost or doubled; one that was killed and
started again is as after its power was cut, and has what lies on its card.
"""

import errno
import random
import signal
import time
from collections import Counter
from pathlib import Path

from camfs.mount.errnos import ERRNOS
from tests.torture.kill_camfs import Copier, Photographer, fill_card, told
from tests.torture.outcome import Counts, DidNotHold
from tests.torture.processes import BUDGET, MountedCamera, ServedCamera, Somebody, wait_for, write

TROUBLES = 4
"""How often the camera is in trouble while one mount lives."""

TOLERATED = frozenset({errno.ESTALE, *(number for _, number in ERRNOS)})
"""What programs get while it is."""

PAUSES = (0.02, 0.3, 1, 2.5, 5)
"""Seconds for which the camera is stopped or gone at most."""

OPTIONS = "timeout=1"


def is_back(mount: MountedCamera) -> bool:
    """Say whether the camera is there for the mount."""
    return mount.status().get("connected") != "no"


def stop_a_sigma(seed: int, folder: Path) -> Counts:
    """Stop an emulated fp within captures and reads, and let it go on."""
    chance = random.Random(seed)
    card, point = folder / "card", folder / "camera"
    (card / "DCIM/100SIGMA").mkdir(parents=True)
    point.mkdir()
    counts: Counter[str] = Counter()
    photographer = Photographer(point, chance)
    camera = ServedCamera(folder, "sigma-fp", "--card", str(card), "--snap_time", "0.01")
    mount = MountedCamera(camera.source, point, folder / "log", f"{OPTIONS},spool={folder / 'spool'}")
    try:
        mount.wait_until_ready()
        work = Somebody(photographer.actions()[:-1], chance, TOLERATED)
        for _ in range(TROUBLES):
            time.sleep(chance.uniform(0, 1))
            camera.signal(signal.SIGSTOP)
            time.sleep(chance.uniform(0, chance.choice(PAUSES)))
            camera.signal(signal.SIGCONT)
            counts["stops"] += 1
        work.stop()
        counts.update(work.done)
        wait_for("the camera is back", lambda: is_back(mount), 2 * BUDGET)
        wait_for("handing back", lambda: hands_back(mount), 3 * BUDGET)
        waiting = [path.read_bytes() for path in (point / "imagedb").iterdir()]
        on_card = [path.read_bytes() for path in (point / "card/DCIM/100SIGMA").iterdir()]
        photographer.check(waiting, on_card)
        counts["shots"] = len(on_card)
        mount.unmount()
        camera.check_quiet()
    except OSError as error:
        raise DidNotHold(f"{error}; {mount.tail()}") from error
    finally:
        camera.close()
        mount.clean()
    return told(counts, "stops", "shots")


def hands_back(mount: MountedCamera) -> bool:
    """Hand the body back, if the camera lets it, so that its card can be looked at, and list that again."""
    try:
        write(mount.point / ".control", "0")
        write(mount.point / ".refresh", "1")
    except OSError as error:
        if error.errno not in TOLERATED:
            raise
        return False
    return mount.status()["control"] == "no"


def kill_a_plain_camera(seed: int, folder: Path) -> Counts:
    """Kill or stop an emulated plain PTP camera within reads and captures, and start it again."""
    chance = random.Random(seed)
    card, point = folder / "card", folder / "camera"
    point.mkdir()
    copier = Copier(point, fill_card(card, chance), chance)
    counts: Counter[str] = Counter()
    camera = ServedCamera(folder, "ptp", "--card", str(card), "--bandwidth", "8000000")
    mount = MountedCamera(camera.source, point, folder / "log", f"{OPTIONS},cache=1M")
    actions = [(copier.copy, 4), (copier.read_a_part, 6), (copier.walk, 2), (copier.try_capture, 1)]
    try:
        mount.wait_until_ready()
        work = [Somebody(actions, random.Random(seed + number), TOLERATED) for number in range(2)]
        for _ in range(TROUBLES):
            time.sleep(chance.uniform(0, 1))
            if chance.random() < 0.3:
                camera.signal(signal.SIGSTOP)
                time.sleep(chance.uniform(0, chance.choice(PAUSES)))
                counts["stops"] += 1
            if chance.random() < 0.8:
                camera.signal(signal.SIGKILL)
                time.sleep(chance.uniform(0, chance.choice(PAUSES)))
                camera.start()
                counts["camera kills"] += 1
            else:
                camera.signal(signal.SIGCONT)
            wait_for("the camera is back", lambda: is_back(mount), 2 * BUDGET)
        for each in work:
            each.stop()
            counts["reads"] += each.done["copy"] + each.done["read_a_part"]
            if each.failure is not None:
                raise DidNotHold(f"{each.failure}; {mount.tail()}")
        wait_for("reading everything", lambda: reads_all(copier), 2 * BUDGET)
        mount.unmount()
        camera.check_quiet()
    except OSError as error:
        raise DidNotHold(f"{error}; {mount.tail()}") from error
    finally:
        camera.close()
        mount.clean()
    return Counts({**{name: counts[name] for name in ("camera kills", "stops", "reads")}, "wrong": 0})


def reads_all(copier: Copier) -> bool:
    """Say whether all can be read; what can be is right."""
    try:
        copier.walk()
        copier.compare_all()
    except OSError as error:
        if error.errno not in TOLERATED:
            raise
        return False
    return True
