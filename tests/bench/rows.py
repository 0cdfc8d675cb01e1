"""The rows of the comparison: what is measured on the mount of one program, from its start to its last read.

Everything that is measured is less for the better program: seconds, processor seconds per GB, megabytes. No file is read in two rows
except where the row says so, so that nothing has to be dropped from the caches of this computer, where other programs run as well.
"""

import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.bench.programs import Program, Running, running

OBJECTS = 1000
PIECE = 1 << 20
POSITION = 50_000_000
NOISE = 1_000_003
"""Bytes after which a movie repeats itself: a prime number, so that no two blocks of it are the same."""

READERS = 4
RANDOM_READS = 200

SMALL_FILE = 4000
"""Bytes. After its last full packet a container goes on for 12 bytes or more, or gphotofs fails on usb-mtp (tests/usb/test_mtp.py)."""


Values = dict[str, float]
"""What a program measured, by the name of the row."""

Round = dict[str, Values]
"""What each program measured, by its name."""


@dataclass(frozen=True)
class Card:
    """A folder that a camera serves: DCIM/100CAMFS with small files to list, DCIM/101CAMFS with movies to read.

    Attributes:
        path: the folder.
        large: bytes of the movie that is read from its beginning to its end.
        medium: bytes of those of which parts are read; more than `POSITION`.
        each: bytes of those that are read side by side.
    """

    path: Path
    large: int
    medium: int
    each: int

    def make(self) -> None:
        """Make the files; then they are in the page cache, so that the camera costs little."""
        listed, movies = self.path / "DCIM" / "100CAMFS", self.path / "DCIM" / "101CAMFS"
        listed.mkdir(parents=True)
        movies.mkdir()
        for number in range(OBJECTS):
            (listed / f"CAM_{number:04}.JPG").write_bytes(bytes(SMALL_FILE))
        sizes = {"LARGE": self.large, "HEAD": self.medium, "MIDDLE": self.medium, "RANDOM": self.medium}
        sizes |= {f"READ{number}": self.each for number in range(READERS)}
        for name, size in sizes.items():
            noise = random.Random(name).randbytes(min(size, NOISE))
            with open(movies / f"{name}.MOV", "wb") as file:
                for written in range(0, size, len(noise)):
                    file.write(noise[: size - written])

    @property
    def megabytes(self) -> str:
        """The size of the large movie, as rows name it."""
        return f"{self.large // 1_000_000 if self.large % PIECE else self.large // PIECE} MB"


def seconds(action: Callable[[], object]) -> float:
    """Return how long an action takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def list_folder(folder: Path) -> int:
    """List a folder as a user does, and return the number of lines."""
    done = subprocess.run(["ls", "-l", folder], stdout=subprocess.PIPE, check=True, env={"LC_ALL": "C", "TZ": "UTC"})
    return done.stdout.count(b"\n") - 1


def timed_read(read: Callable[[Path], bytes], shown: Path, served: Path) -> float:
    """Return how long it takes to read a file on a mount, after holding what was read against the file that the camera serves."""
    began = time.perf_counter()
    data = read(shown)
    took = time.perf_counter() - began
    assert data == read(served), f"{shown.name} has other bytes than the camera"
    return took


def read_part(path: Path, offset: int, size: int) -> bytes:
    """Read a part of a file."""
    file = os.open(path, os.O_RDONLY)
    try:
        return os.pread(file, size, offset)
    finally:
        os.close(file)


def read_whole(path: Path) -> bytes:
    """Read a file from its beginning to its end, 1 MiB at a time; return the last of it, and its length."""
    buffer, last, total = bytearray(PIECE), 0, 0
    with open(path, "rb", buffering=0) as file:
        while taken := file.readinto(buffer):
            last, total = taken, total + taken
    return bytes(buffer[:last]) + str(total).encode()


def read_at_random(path: Path) -> bytes:
    """Read pages of a file at places that are the same each time."""
    chance = random.Random(1)
    with open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        return b"".join(os.pread(file.fileno(), 4096, chance.randrange(size - 4096)) for _ in range(RANDOM_READS))


def read_side_by_side(folder: Path) -> bytes:
    """Read files at the same time, each in a thread."""
    with ThreadPoolExecutor(READERS) as readers:
        return b"".join(readers.map(read_whole, (folder / f"READ{number}.MOV" for number in range(READERS))))


def wait_for_tree(mount: Running) -> Path:
    """Return the mount's DCIM, whatever the program calls the store."""
    for entry in os.scandir(mount.path):
        if (found := Path(entry.path) / "DCIM").is_dir() and (found / "100CAMFS").is_dir():
            return found
    raise AssertionError(f"no DCIM in {os.listdir(mount.path)}")


def measure(program: Program, point: Path, card: Card) -> Values:
    """Return what each row measures, in order, without the rows where the program fails, which is printed."""
    found: Values = {}

    def row(name: str, value: Callable[[], float]) -> None:
        try:
            found[name] = value()
        except (OSError, AssertionError, subprocess.CalledProcessError) as error:
            print(f"{program.name}: {name}: {error}", flush=True)

    try:
        with running(program, point) as mount:
            tree = wait_for_tree(mount)
            found["mount to tree"] = time.perf_counter() - mount.started
            _measure_reads(mount, tree, card, row)
    except (OSError, AssertionError) as error:
        print(f"{program.name}: {error}", flush=True)
    return found


def _measure_reads(mount: Running, tree: Path, card: Card, row: Callable[[str, Callable[[], float]], None]) -> None:
    listed, movies, large = tree / "100CAMFS", tree / "101CAMFS", card.megabytes

    def list_all() -> None:
        assert (count := list_folder(listed)) == OBJECTS, f"{count} objects"

    def read(name: str, how: Callable[[Path], bytes]) -> Callable[[], float]:
        return lambda: timed_read(how, movies / name, card.path / "DCIM" / "101CAMFS" / name)

    row(f"ls -l of {OBJECTS:,}", lambda: seconds(list_all))
    row("ls -l again", lambda: seconds(list_all))
    row("first 64 KiB", read("HEAD.MOV", lambda path: read_part(path, 0, 1 << 16)))
    before = mount.cpu_seconds()
    row(large, read("LARGE.MOV", read_whole))
    row(f"CPU seconds per GB of the {large}", lambda: (mount.cpu_seconds() - before) / card.large * 1e9)
    row(f"{large} again", read("LARGE.MOV", read_whole))
    row(f"RSS after the {large}", mount.resident_megabytes)
    row("256 KiB at 50 MB", read("MIDDLE.MOV", lambda path: read_part(path, POSITION, 1 << 18)))
    row(f"{RANDOM_READS} random 4 KiB", read("RANDOM.MOV", read_at_random))
    row(f"{READERS} readers, {READERS} files", read("", read_side_by_side))


def in_turns(programs: list[Program], point: Path, card: Card, rounds: int) -> Iterator[Round]:
    """Measure the programs one after the other, as often as asked, in the other order every second time."""
    for number in range(rounds):
        order = programs if number % 2 == 0 else programs[::-1]
        measured = {program.name: measure(program, point, card) for program in order}
        print(f"round {number + 1} of {rounds} is over", flush=True)
        yield {program.name: measured[program.name] for program in programs}
