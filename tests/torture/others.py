"""Others: what users other than the one who has mounted can see and do, and who can read what camfs keeps on disk.

Each round mounts a camera, as root or as a user, with options that let others in or do not, and always with `allow_delete`,
`allow_format` and `raw`, so that nothing but permissions holds anybody back. Then everybody tries everything, on each store and each
control file:

=====================  ==============================  ==============================================================
who                    where others are not let in     where they are (`allow_other`; root also by `allow_root`)
=====================  ==============================  ==============================================================
who has mounted it     may                             may, if the files are his (`uid=`); else as a stranger
root                   nothing at all, not even stat   may
a stranger             nothing at all, not even stat   looks, as the modes say, and the bytes are right; changes nothing
=====================  ==============================  ==============================================================

A camera on which a stranger has tried everything has only been looked at: its trace names each operation. What the mount leaves on disk
(GUID, shots, pictures) is the mounter's, and nobody else can open it, though camfs was started with umask 0.

It has to run as root. In a mount namespace of its own, it lets users give `allow_other`, whatever /etc/fuse.conf says.
"""

import ctypes
import errno
import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mounted.mount import CAMFS, mounted, run
from tests.torture.cameras import STORE, Served, served_camera
from tests.torture.formula import formula, make_formula_file
from tests.torture.outcome import Counts, DidNotHold
from tests.torture.trying import Attempt, as_user, attempts, is_private

ROOT, USER, STRANGER = 0, 65534, 1234
"""User ids, and group ids as well. fusermount3 mounts only for users that have a name, as 65534 has (nobody)."""

LETTING_IN = (
    "",
    "allow_other",
    "allow_root",
    "allow_other,umask=077",
    f"allow_other,uid={USER}",
    "allow_other,umask=0",
)
"""Options that say who may look. With the last one others may command, too, except what is private."""

PRIVATE = (".liveview.jpg", ".liveview.mjpeg", ".raw")
"""Control files that are for the owner alone, whatever the umask."""

LOOKING = {
    *("GetDeviceInfo", "OpenSession", "GetStorageIDs", "GetStorageInfo", "GetNumObjects", "GetObjectHandles"),
    *("GetObjectInfo", "GetObjectPropList", "GetObjectPropValue", "GetObjectPropsSupported", "GetThumb"),
    *("GetObject", "GetPartialObject", "GetPartialObject64", "GetDevicePropDesc", "GetDevicePropValue"),
}
"""Operations that only look. Those of a DC120 begin with GET or UNKNOWN, and SET_SPEED, by which camfs finds and leaves it."""

SIZE = 70_001
"""Bytes of each picture."""

_NEW_MOUNTS = 0x20000

Choice = tuple[int, str, str]
"""Who mounts, with which of `LETTING_IN`, which model."""


def torture(until: float, seed: int, folder: Path) -> Counts:
    """Mount for others, with every option, and try everything."""
    if os.getuid():
        raise SystemExit("the part `others` takes the parts of several users, and so has to run as root")
    separate_mounts(folder)
    choices = random.Random(seed)
    counts = Counts({"mounts by root": 0, "mounts by a user": 0, "mounts refused": 0, "attempts": 0})
    counts.update({"changes by others": 0, "secrets read": 0, "wrong bytes": 0})
    counts.update({"kept files and folders": 0, "not private": 0})
    mounters = (ROOT, USER) if _user_can_run() else (ROOT,)
    if USER in mounters:
        _refuse_without_the_line(folder)
        counts["mounts refused"] += 1
    models, turn = choices.sample(list(STORE), 3), choices.randrange(2)
    rounds = [
        (mounters[(index + turn) % len(mounters)], options, models[index % 3])
        for index, options in enumerate(choices.sample(LETTING_IN, len(LETTING_IN)))
    ]
    everything = list(itertools.product(mounters, LETTING_IN, STORE))
    for number, (mounter, options, model) in enumerate(itertools.chain(rounds, _at_random(choices, everything))):
        if number >= len(rounds) and time.monotonic() >= until:
            break
        place = folder / str(number)
        place.mkdir()
        with _round(place, seed, mounter, options, model) as scene:
            scene.try_everything(counts)
        for kept in scene.kept:
            check_kept(kept, mounter, counts)
        shutil.rmtree(place)
    return counts


def _at_random(choices: random.Random, everything: list[Choice]) -> Iterator[Choice]:
    while True:
        yield choices.choice(everything)


def separate_mounts(folder: Path) -> None:
    """Go into a mount namespace of our own, where /etc/fuse.conf lets users give `allow_other`.

    It begins with copies of all mounts. Those of other parts are let go of, or they would live on here after they were unmounted there.
    """
    if ctypes.CDLL(None, use_errno=True).unshare(_NEW_MOUNTS):
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWNS)")
    run("mount", "--make-rprivate", "/")
    for line in Path("/proc/self/mounts").read_text().splitlines():
        if line.split()[2] == "fuse.camfs":
            run("umount", "-l", line.split()[1], status=None)  # which may have gone meanwhile
    (folder / "fuse.conf").write_text("user_allow_other\n")
    Path("/etc/fuse.conf").touch()
    run("mount", "--bind", folder / "fuse.conf", "/etc/fuse.conf")


def _user_can_run() -> bool:
    """Say whether a user can run this camfs: the checkout and Python may lie where only root can go."""
    done = subprocess.run([*_becoming(USER), *CAMFS, "--help"], capture_output=True, check=False)
    if done.returncode:
        print("nothing is mounted by a user, who cannot run", *CAMFS, done.stderr, file=sys.stderr)
    return not done.returncode


def _becoming(user: int) -> tuple[str, ...]:
    setpriv = shutil.which("setpriv")
    assert setpriv is not None, "setpriv (util-linux) is missing"
    return () if user == os.getuid() else (setpriv, f"--reuid={user}", f"--regid={user}", "--clear-groups")


def _refuse_without_the_line(folder: Path) -> None:
    """A user who gives `allow_other` where /etc/fuse.conf does not let him gets no mount."""
    point, empty = folder / "refused", folder / "empty.conf"
    point.mkdir()
    os.chown(point, USER, USER)
    empty.touch()
    run("mount", "--bind", empty, "/etc/fuse.conf")
    done = run(*_becoming(USER), *CAMFS, "virtual:ptp", point, "-o", "allow_other", status=None)
    if done.returncode != 1 or os.path.ismount(point):
        raise DidNotHold(f"allow_other of a user, without user_allow_other: status {done.returncode}, {done.stderr}")
    run("umount", "/etc/fuse.conf")


def check_kept(folder: Path, mounter: int, counts: Counts) -> None:
    """See that all in a folder is the mounter's alone."""
    for path in (folder, *folder.rglob("*")) if folder.exists() else ():
        counts["kept files and folders"] += 1
        if path != folder and not is_private(path, mounter):
            raise DidNotHold(f"{path}: {path.lstat()}, and not private to {mounter}")


@dataclass
class Scene:
    """A camera that is mounted, and all there is to know of it.

    Attributes:
        point: where it is mounted.
        camera: the emulated one.
        model: which.
        mounter: who has mounted it.
        options: of `LETTING_IN`.
        seed: of the bytes of its pictures.
        kept: the folders in which camfs keeps its own files.
    """

    point: Path
    camera: Served
    model: str
    mounter: int
    options: str
    seed: int
    kept: tuple[Path, ...]

    def __str__(self) -> str:
        return f"{self.model} mounted by user {self.mounter} with {self.options or 'no option'}, seed {self.seed}"

    @property
    def owner(self) -> int:
        """Who owns the files."""
        return USER if "uid=" in self.options else self.mounter

    def lets_in(self, user: int) -> bool:
        """Say whether the kernel lets a user look at anything at all."""
        return "allow_other" in self.options or user == self.mounter or ("allow_root" in self.options and user == ROOT)

    def try_everything(self, counts: Counts) -> None:
        """Have everybody try everything on every path."""
        counts["mounts by root" if self.mounter == ROOT else "mounts by a user"] += 1
        paths = [(name, is_folder) for name, is_folder in as_user(self.mounter, self._paths)]
        if not {".status", ".capture", ".raw", f"{STORE[self.model]}/1.KDC"} <= {name for name, _ in paths}:
            raise DidNotHold(f"{self}: the mounter sees only {paths}")
        self._check_owner()
        for user in (STRANGER, USER, ROOT):
            if not self.lets_in(user):
                self._check_kept_out(user, as_user(user, lambda: attempts(self.point, paths)), counts)
            elif user not in (ROOT, self.owner):
                self._check_looker(user, paths, counts)

    def _paths(self) -> list[tuple[str, bool]]:
        """Return all paths in the mount and whether each is a folder, the control files included."""
        found = [("", True)]
        for place, folders, files in os.walk(self.point):
            inside = Path(place).relative_to(self.point)
            found += [(str(inside / name), name in folders) for name in [*folders, *files]]
        return found

    def _check_owner(self) -> None:
        """See that whoever may do something can do it: else nothing is shown by what others cannot."""
        picture = self.point / STORE[self.model] / "1.KDC"

        def act() -> list[str]:
            with open(self.point / ".refresh", "w") as file:
                file.write("1\n")
            if self.model == "sigma-fp":
                for name, text in ((".capture", "1"), (".control", "0")):
                    (self.point / name).write_text(text)
            return [(self.point / ".status").read_text()[:4], picture.read_bytes().hex()]

        said = as_user(self.owner if self.lets_in(self.owner) else self.mounter, act)
        if said != ["came", formula(self.seed + 1, 0, SIZE).hex()]:
            raise DidNotHold(f"{self}: the owner reads {said[0]!r} in .status, or not the bytes of {picture}")

    def _check_kept_out(self, user: int, tried: Sequence[Attempt], counts: Counts) -> None:
        for what, path, number, _ in tried:
            counts["attempts"] += 1
            if number not in (
                errno.EACCES,
                errno.EPERM,
                *((errno.EBUSY,) if not path else ()),
            ):  # a mount point is busy
                raise DidNotHold(f"{self}: user {user}: {what} of {path}: {errno.errorcode.get(number, 'done')}")

    def _check_looker(self, user: int, paths: list[tuple[str, bool]], counts: Counts) -> None:
        """Let a user who may only look try everything; where the umask lets others command, only what is private."""
        if self.options.endswith("umask=0"):
            paths = [path for path in paths if path[0] in PRIVATE]
        before = len(self._operations())
        for what, path, number, content in as_user(user, lambda: attempts(self.point, paths)):
            counts["attempts"] += 1
            where = f"{self}: user {user}: {what} of {path}: {errno.errorcode.get(number, 'done')}"
            if what not in ("stat", "read", "list") and not number:
                raise DidNotHold(where)
            if what == "read" and not number and (path in PRIVATE or "umask=077" in self.options):
                raise DidNotHold(where)
            is_picture = path.startswith(f"{STORE[self.model]}/") and "umask=077" not in self.options
            if what == "read" and is_picture and content != formula(self.seed + int(Path(path).stem), 0, 4096).hex():
                raise DidNotHold(f"{where}, with the bytes {content[:64]}…")
        changing = {name for name in self._operations()[before:] if not is_looking(name)}
        if changing:
            raise DidNotHold(f"{self}: user {user} had the camera do {changing}")

    def _operations(self) -> list[str]:
        """Return what the camera has been asked for; `.status` is read first, so that earlier lines are there."""
        as_user(self.mounter, lambda: (self.point / ".status").read_text()[:1])
        return [json.loads(line)["op"] for line in self.camera.trace.read_text().splitlines(True) if line[-1] == "\n"]


def is_looking(operation: str) -> bool:
    """Say whether an operation only looks."""
    return operation in LOOKING or operation.startswith(("GET_", "UNKNOWN", "SET_SPEED"))


@contextmanager
def _round(place: Path, seed: int, mounter: int, options: str, model: str) -> Iterator[Scene]:
    """Mount a camera as a user does, with umask 0; afterwards look through what is kept once more."""
    pictures, point = place / "pictures", place / "camera"
    kept = tuple(place / name for name in ("state", "cache"))
    for folder in (pictures, point, *kept):
        folder.mkdir()
        os.chown(folder, mounter, mounter)
    for number in (1, 2):
        make_formula_file(pictures / f"{number}.KDC", seed + number, SIZE)
    environment = {"XDG_STATE_HOME": str(kept[0]), "XDG_CACHE_HOME": str(kept[1]), "HOME": str(place)}
    given = ",".join(filter(None, (options, "allow_delete,allow_format,raw,show_control,idle=0")))
    extra = ("--snap_time", "0.01") if model == "sigma-fp" else ()
    with served_camera(model, place, pictures, *extra) as camera:
        if camera.terminal is not None:
            os.chown(camera.terminal, mounter, mounter)
        before = os.umask(0)
        try:
            with mounted(camera.source, point, given, env=environment, program=(*_becoming(mounter), *CAMFS)) as mount:
                mount.tolerate(".")  # what is refused is said
                os.umask(before)
                yield Scene(point, camera, model, mounter, options, seed, kept)
        finally:
            os.umask(before)
