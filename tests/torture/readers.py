"""Readers: many processes read at random, in every way there is, while files come and go; not one byte may be wrong.

Each round mounts one of three cameras with a tiny cache (1 MiB), and starts `READERS` processes (`reader`) on it:

=============  ====================================================  ===================================================
where          what is there                                         what happens meanwhile
=============  ====================================================  ===================================================
`card/` (PTP)  files of all sizes, two of up to 5 GiB                the camera deletes and adds, with an event or without;
                                                                     a name comes again with other bytes; `rm`; `.refresh`
`imagedb/`     shots of a SIGMA, from the camera or from the spool   shots are taken and moved away, control is given back
`memory/`      pictures of a DC120, which come as short reads        `rm`, `.refresh`; the disk's copies are lost
=============  ====================================================  ===================================================

On the card some files are mapped, too (`mapper`): when such a file goes, its pages end in SIGBUS, or in the bytes that were there.
"""

import contextlib
import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from camfs.virtual.pictures import kdc
from camfs.virtual.sigma import footage
from camfs.virtual.sigma.database import PictureFile
from tests.mounted.inprocess import CameraInProcess, camera_in_process
from tests.mounted.mount import PATIENCE, mounted
from tests.torture.cameras import served_camera
from tests.torture.formula import MIB, Known
from tests.torture.outcome import Counts, DidNotHold

READERS = 5
"""Processes that read at once."""

STAYING, LARGE, COMING = 12, 2, 8
"""Files on the card: small ones that stay, large ones that stay, and those that come and go."""

SHORTEST, LONGEST = 6.0, 90.0
"""Seconds of a round."""

FOLDER = "DCIM/100CAMFS"

TINY = "cache=1M,allow_delete,tz=UTC"


def torture(until: float, seed: int, folder: Path) -> Counts:
    """Read from each kind of camera in turn."""
    counts = Counts({"reads": 0, "bytes": 0, "wrong": 0, "files gone": 0, "mapped files gone": 0, "SIGBUS": 0})
    kinds: list[Callable[[float, int, Path, Counts], None]] = [_card, _imagedb, _dc120]
    number = 0
    while number < len(kinds) or time.monotonic() < until:
        left = max(0.0, until - time.monotonic()) / (len(kinds) - number % len(kinds))
        place = folder / str(number)
        place.mkdir()
        kinds[number % len(kinds)](min(LONGEST, max(SHORTEST, left)), seed + number, place, counts)
        shutil.rmtree(place)
        number += 1
    return counts


@contextlib.contextmanager
def _reading(folder: Path, seconds: float, seed: int, truth: str, counts: Counts) -> Iterator[Callable[[], bool]]:
    """Have processes read in the block, which goes on for as long as the function that it gets says so."""
    until = time.monotonic() + seconds
    words = [sys.executable, "-m", "tests.torture.reader", str(folder), repr(until)]
    readers = [
        subprocess.Popen([*words, f"{seed}-{number}", truth], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for number in range(READERS)
    ]
    try:
        yield lambda: time.monotonic() < until and all(reader.poll() is None for reader in readers)
        for reader in readers:
            said, wrong = reader.communicate(timeout=PATIENCE)
            if reader.returncode:
                raise DidNotHold(f"{folder}, seed {seed}: {wrong}")
            found = json.loads(said)
            counts["reads"] += found["reads"]
            counts["bytes"] += found["bytes"]
            counts["files gone"] += found["gone"]
            for way in found.keys() - {"reads", "bytes", "gone"}:
                counts[way] = counts.get(way, 0) + found[way]
    finally:
        for reader in readers:
            reader.kill()
            reader.communicate()


# ---------------------------------------------------------------------- a card, on which objects come and go


def _card(seconds: float, seed: int, place: Path, counts: Counts) -> None:
    (place / "empty").mkdir()
    with camera_in_process("ptp", card=str(place / "empty")) as camera:
        card = ChangingCard(camera, place / "camera", random.Random(seed))
        card.fill()
        with mounted(camera.source, card.point, TINY) as mount:
            mount.tolerate(".")  # of files that have gone
            with _reading(card.folder, seconds, seed, "known", counts) as goes_on:
                card.have_one_mapped(counts)
                while goes_on():
                    card.change()
                    time.sleep(card.choices.uniform(0.02, 0.2))
                    if card.choices.random() < 0.03:
                        card.have_one_mapped(counts)


class ChangingCard:
    """A card of a camera in this process, whose files come and go.

    Args:
        camera: has an empty card.
        point: where it is going to be mounted.
        choices: makes all random choices.

    Attributes:
        folder: where its files are in the mount.
    """

    def __init__(self, camera: CameraInProcess, point: Path, choices: random.Random) -> None:
        self.point = point
        self.folder = point / "card" / FOLDER
        self.choices = choices
        self._camera = camera
        self._versions = dict.fromkeys((f"C{number:03}.JPG" for number in range(COMING)), 0)

    def fill(self) -> None:
        """Put the files that stay on it, and the first version of the others."""
        for number in range(STAYING):
            self._add(Known(f"K{number:03}{self.choices.randrange(1000):03}.DNG"))
        for number in range(LARGE):
            self._add(Known(f"L{number:03}{self.choices.randrange(1000):03}.MOV"))
        for name in self._versions:
            self._add(Known(name))

    def _add(self, known: Known) -> None:
        self._camera.do(lambda camera: camera.card.add_file(FOLDER, known.name, known, known.time))

    def _remove(self, name: str, tell: bool) -> bool:
        """Have the camera delete a file; False if it has none of that name."""
        try:
            self._camera.do(lambda camera: camera.card.remove(f"{FOLDER}/{name}", tell=tell))
        except KeyError:
            return False
        return True

    def change(self) -> None:
        """Let one thing happen: the camera deletes, adds or replaces a file, or a program deletes one or has all listed again."""
        name = self.choices.choice(tuple(self._versions))
        what = self.choices.choice(("delete", "add", "replace", "replace", "rm", "refresh"))
        if what in ("delete", "replace"):
            self._remove(name, tell=self.choices.random() < 0.7)
        if what in ("add", "replace") and not self._is_there(name):
            self._versions[name] += 1
            self._add(Known(name, self._versions[name]))
        if what == "rm":
            try:
                os.unlink(self.folder / name)
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ESTALE, errno.EIO):
                    raise
        if what == "refresh":
            self.refresh()

    def _is_there(self, name: str) -> bool:
        return self._camera.do(lambda camera: camera.card.folder(FOLDER).find(name) is not None)

    def refresh(self) -> None:
        """Have camfs list everything again."""
        (self.point / ".refresh").write_text("1\n")

    def have_one_mapped(self, counts: Counts) -> None:
        """Have a process map a file, delete the file, and see how the process ends."""
        names = (f"M{self.choices.randrange(1_000_000):06}.DNG" for _ in range(1000))
        known = next(known for known in map(Known, names) if known.size > MIB)
        self._add(known)
        path = self.folder / known.name
        self._wait(path, True)
        words = [sys.executable, "-m", "tests.torture.mapper", str(path)]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as mapper:
            try:
                assert mapper.stdout is not None
                if mapper.stdout.readline() != b"mapped\n":
                    raise DidNotHold(f"{known.name} cannot be mapped: {mapper.communicate()[1].decode()}")
                self._remove(known.name, tell=self.choices.random() < 0.5)
                self._wait(path, False)
                said = b"".join(mapper.communicate(b"\n", timeout=PATIENCE))
            finally:
                mapper.kill()
        if mapper.returncode not in (0, -signal.SIGBUS) or (mapper.returncode and b"read: " not in said):
            raise DidNotHold(f"{known.name} was mapped and is gone: status {mapper.returncode}, {said.decode()}")
        counts["mapped files gone"] += 1
        counts["SIGBUS"] += mapper.returncode == -signal.SIGBUS

    def _wait(self, path: Path, there: bool) -> None:
        """Wait until a file is in the mount, or is not there any more."""
        until = time.monotonic() + PATIENCE
        while path.exists() != there:
            assert time.monotonic() < until, f"{path} is {'not ' if there else ''}there after {PATIENCE:g} s"
            self.refresh()


# ---------------------------------------------------------------------- shots


def _imagedb(seconds: float, seed: int, place: Path, counts: Counts) -> None:
    (place / "empty").mkdir()
    choices, point, shots = random.Random(seed), place / "camera", place / "camera" / "imagedb"
    options = f"{TINY},spool={place / 'spool'}"
    with (
        patch.object(footage, "picture_files", _known_files),
        camera_in_process("sigma-fp", card=str(place / "empty"), snap_time="0.01") as camera,
        mounted(camera.source, point, options) as mount,
    ):
        mount.tolerate(".")  # of files that have gone
        (point / ".settings/image-quality").write_text("dng+fine")
        (point / ".capture").write_text("2")
        with _reading(shots, seconds, seed, "name", counts) as goes_on:
            while goes_on():
                if choices.random() < 0.2:
                    (point / ".control").write_text("0")
                (point / ".capture").write_text(str(choices.randrange(1, 3)))
                counts["shots"] = counts.get("shots", 0) + 1
                waiting = sorted(os.listdir(shots))
                for name in choices.sample(waiting, max(0, len(waiting) - 6)):
                    if (shots / name).read_bytes() != Known(name).read(0, Known(name).size):
                        raise DidNotHold(f"{name}: the shot is not the one that was taken, seed {seed}")
                    os.unlink(shots / name)
                time.sleep(choices.uniform(0, 0.5))


_picture_files = footage.picture_files


def _known_files(*arguments: Any) -> list[PictureFile]:
    """Return the files of a picture, with contents that are known by their names."""
    files = _picture_files(*arguments)
    for file in files:
        file.content = Known(file.name)
    return files


# ---------------------------------------------------------------------- a serial line


def _dc120(seconds: float, seed: int, place: Path, counts: Counts) -> None:
    choices, point, pictures = random.Random(seed), place / "camera", place / "pictures"
    pictures.mkdir()
    for number in range(1, 11):
        shot = kdc.Shot(number=number, taken=datetime(1998, 1, 1, 0, number), quality=choices.choice((1, 2, 3)))
        (pictures / f"{'K' if number <= 5 else 'P'}{number:06}.KDC").write_bytes(kdc.picture(shot))
    with served_camera("dc120", place, pictures) as camera, mounted(camera.source, point, TINY) as mount:
        mount.tolerate(".")  # of files that have gone
        with _reading(point / "memory", seconds, seed, str(pictures), counts) as goes_on:
            while goes_on():
                time.sleep(choices.uniform(0.2, 1))
                going = [name for name in os.listdir(point / "memory") if name.startswith("P")]
                if going and choices.random() < 0.1:
                    os.unlink(point / "memory" / choices.choice(going))
                if choices.random() < 0.2:
                    (point / ".refresh").write_text("1\n")
                if choices.random() < 0.2:
                    shutil.rmtree(Path(os.environ["XDG_CACHE_HOME"]) / "camfs", ignore_errors=True)
