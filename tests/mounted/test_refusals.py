"""What a mount refuses, and the errno it gives: nothing can be written into a store."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.mounted.contents import make_file
from tests.mounted.mount import Mount, mounted, run


@pytest.fixture(scope="module")
def plain_mount(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mount]:
    """Mount a folder without any option, for all tests of this module."""
    folder = tmp_path_factory.mktemp("folder")
    make_file(folder / "1.JPG", 1000)
    (folder / "empty").mkdir()
    (folder / "full").mkdir()
    make_file(folder / "full/2.JPG", 1000)
    with mounted(f"virtual:sigma-fp?card={folder}", tmp_path_factory.mktemp("mount") / "camera") as mount:
        yield mount


@pytest.fixture
def plain(plain_mount: Mount) -> Iterator[Path]:
    """Return the card, and see afterwards that it is as it was."""
    yield plain_mount.path / "card"
    plain_mount.check_log()
    assert sorted(os.listdir(plain_mount.path / "card")) == ["1.JPG", "empty", "full"]
    assert os.stat(plain_mount.path / "card/1.JPG").st_size == 1000


CHANGES: dict[str, tuple[Callable[[Path], object], int]] = {
    "create": (lambda card: os.open(card / "new", os.O_CREAT | os.O_WRONLY), errno.EROFS),
    "create exclusively": (lambda card: os.open(card / "new", os.O_CREAT | os.O_EXCL), errno.EROFS),
    "open for writing": (lambda card: os.open(card / "1.JPG", os.O_WRONLY), errno.EROFS),
    "open for both": (lambda card: os.open(card / "1.JPG", os.O_RDWR), errno.EROFS),
    "open to append": (lambda card: os.open(card / "1.JPG", os.O_WRONLY | os.O_APPEND), errno.EROFS),
    "open to truncate": (lambda card: os.open(card / "1.JPG", os.O_WRONLY | os.O_TRUNC), errno.EROFS),
    "truncate": (lambda card: os.truncate(card / "1.JPG", 0), errno.EROFS),
    "touch": (lambda card: os.utime(card / "1.JPG"), errno.EROFS),
    "touch a folder": (lambda card: os.utime(card / "empty"), errno.EROFS),
    "chmod": (lambda card: os.chmod(card / "1.JPG", 0o777), errno.EROFS),
    "chown": (lambda card: os.chown(card / "1.JPG", 1, 1), errno.EROFS),
    "mkdir": (lambda card: os.mkdir(card / "new"), errno.EROFS),
    "mkdir beside the stores": (lambda card: os.mkdir(card.parent / "new"), errno.EROFS),
    "create beside the stores": (lambda card: (card.parent / "new").touch(), errno.EROFS),
    "mkfifo": (lambda card: os.mkfifo(card / "new"), errno.EROFS),
    "rename": (lambda card: os.rename(card / "1.JPG", card / "new"), errno.EROFS),
    "rename over another": (lambda card: os.rename(card / "1.JPG", card / "full/2.JPG"), errno.EROFS),
    "rename a folder": (lambda card: os.rename(card / "empty", card / "new"), errno.EROFS),
    "rename a store": (lambda card: os.rename(card, card.parent / "new"), errno.EROFS),
    "rename out": (lambda card: os.rename(card / "1.JPG", card.parents[1] / "new"), errno.EXDEV),
    "link": (lambda card: os.link(card / "1.JPG", card / "new"), errno.EROFS),
    "symlink": (lambda card: os.symlink("1.JPG", card / "new"), errno.EROFS),
    "setxattr": (lambda card: os.setxattr(card / "1.JPG", "user.comment", b"x"), errno.EOPNOTSUPP),
    "removexattr": (lambda card: os.removexattr(card / "1.JPG", "user.comment"), errno.EOPNOTSUPP),
    "getxattr": (lambda card: os.getxattr(card / "1.JPG", "user.comment"), errno.EOPNOTSUPP),
    "readlink": (lambda card: os.readlink(card / "1.JPG"), errno.EINVAL),
    "listdir of a file": (lambda card: os.listdir(card / "1.JPG"), errno.ENOTDIR),
    "a file as a folder": (lambda card: os.stat(card / "1.JPG/x"), errno.ENOTDIR),
    "open a folder for writing": (lambda card: os.open(card / "empty", os.O_WRONLY), errno.EISDIR),
    "unlink a folder": (lambda card: os.unlink(card / "empty"), errno.EISDIR),
    "rmdir a file": (lambda card: os.rmdir(card / "1.JPG"), errno.ENOTDIR),
    "unlink what is not there": (lambda card: os.unlink(card / "none"), errno.ENOENT),
    "rmdir a store": (lambda card: os.rmdir(card), errno.EPERM),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changes(plain_mount: Mount, plain: Path, change: str) -> None:
    act, answer = CHANGES[change]
    plain_mount.tolerate("nothing can be renamed")
    with pytest.raises(OSError, match="Errno") as failure:
        act(plain)
    assert failure.value.errno == answer


def test_deleting_needs_its_option(plain_mount: Mount, plain: Path) -> None:
    for act, name in ((os.unlink, "1.JPG"), (os.rmdir, "empty"), (os.rmdir, "full")):
        plain_mount.expect("deleting needs the mount option allow_delete")
        with pytest.raises(PermissionError) as failure:
            act(plain / name)
        assert failure.value.errno == errno.EPERM
    assert "allow_delete" in plain_mount.read_status()["last-error"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("rm", "-f", "1.JPG"), "Operation not permitted"),
        (("rm", "-rf", "."), ""),
        (("rm", "-rf", "full"), "Operation not permitted"),
        (("rmdir", "empty"), "Operation not permitted"),
        (("touch", "new"), "Read-only file system"),
        (("touch", "1.JPG"), "Read-only file system"),
        (("mkdir", "new"), "Read-only file system"),
        (("mv", "1.JPG", "new"), "Read-only file system"),
        (("ln", "1.JPG", "new"), "Read-only file system"),
        (("ln", "-s", "1.JPG", "new"), "Read-only file system"),
        (("cp", "1.JPG", "new"), "Read-only file system"),
        (("truncate", "-s", "0", "1.JPG"), "Read-only file system"),
        (("chmod", "u+w", "1.JPG"), "Read-only file system"),
        (("chown", "1:1", "1.JPG"), "Read-only file system"),
        (("bash", "-c", "echo > 1.JPG"), "Read-only file system"),
        (("bash", "-c", "echo >> 1.JPG"), "Read-only file system"),
        (("bash", "-c", "echo > new"), "Read-only file system"),
        (("dd", "if=/dev/zero", "of=1.JPG", "count=1", "conv=notrunc"), "Read-only file system"),
        (("tar", "-xf", "{archive}"), "Read-only file system"),
        (("rsync", "-a", "{archive}", "."), "Read-only file system"),
    ],
)
def test_programs(plain_mount: Mount, plain: Path, command: tuple[str, ...], said: str, tmp_path: Path) -> None:
    """They say what is wrong, end with a failure, and nothing has changed."""
    make_file(tmp_path / "new", 10)
    archive = tmp_path / "archive.tar"
    run("tar", "-cf", archive, "-C", tmp_path, "new")
    plain_mount.tolerate("nothing can be renamed")
    if command[0] in ("rm", "rmdir") and said:
        plain_mount.expect("allow_delete")
    done = run(*(word.format(archive=archive) for word in command), cwd=plain, status=None)
    assert done.returncode != 0
    assert said in done.stderr


def test_extended_attributes(plain: Path) -> None:
    for path in (plain / "1.JPG", plain):
        with pytest.raises(OSError, match=os.strerror(errno.EOPNOTSUPP)):
            os.listxattr(path)
    assert run("ls", "-l", plain / "1.JPG").stdout[10] in " ."


def test_access(plain: Path) -> None:
    for path in (plain, plain / "1.JPG", plain.parent):
        assert os.access(path, os.R_OK)
        assert os.access(path, os.F_OK)
    assert not os.access(plain / "none", os.F_OK)


def test_locks(plain: Path) -> None:
    """A reader may lock what it reads."""
    run("flock", "-s", "-n", plain / "1.JPG", "true")


def test_fsync_and_close(plain: Path) -> None:
    file = os.open(plain / "1.JPG", os.O_RDONLY)
    os.fsync(file)
    os.close(file)
    directory = os.open(plain, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(directory)
    os.close(directory)
    run("sync", "-f", plain / "1.JPG")
