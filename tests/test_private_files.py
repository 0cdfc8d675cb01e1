"""Files that camfs keeps for itself: nothing that somebody else could plant is followed, written or shown."""

import ctypes
import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from camfs import private_files
from camfs.private_files import NotPrivate, PrivateFolder, rename_new

ANOTHER = 65_534
"""The id of another user and his group."""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def refused(path: Path, reason: str) -> None:
    """See that a folder is refused for a reason, and that nothing was made."""
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(NotPrivate) as caught:
        PrivateFolder(path)
    assert reason in str(caught.value.strerror)
    assert sorted(path.parent.rglob("*")) == before


# ---------------------------------------------------------------------- folders


def test_what_is_missing_is_made(tmp_path: Path) -> None:
    folder = PrivateFolder(tmp_path / "a/b/c")
    assert [mode(tmp_path / each) for each in ("a", "a/b", "a/b/c")] == [0o700] * 3
    assert folder.path == tmp_path / "a/b/c"
    with pytest.raises(FileNotFoundError):
        PrivateFolder(tmp_path / "x/y", make=False)
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("before", [0o755, 0o750, 0o711, 0o700, 0o2755])
def test_a_folder_that_others_can_read_is_made_private(before: int, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a").chmod(before)
    PrivateFolder(tmp_path / "a")
    assert mode(tmp_path / "a") == before & ~0o077


def test_a_folder_of_folders_for_others_is_left_alone(tmp_path: Path) -> None:
    """Such as /srv, or a home: who names it did not mean to close it to everybody."""
    (tmp_path / "srv/www").mkdir(parents=True)
    (tmp_path / "srv").chmod(0o755)
    PrivateFolder(tmp_path / "srv")
    assert mode(tmp_path / "srv") == 0o755
    (tmp_path / "srv/www").chmod(0o700)
    PrivateFolder(tmp_path / "srv")
    assert mode(tmp_path / "srv") == 0o700


@pytest.mark.parametrize("before", [0o777, 0o757, 0o1777, 0o702])
def test_a_folder_that_others_can_write_to(before: int, tmp_path: Path) -> None:
    """They may have put anything there, and a sticky one is no better."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a").chmod(before)
    refused(tmp_path / "a", "other users can write to")
    assert mode(tmp_path / "a") == before


def test_a_folder_above_that_others_can_write_to(tmp_path: Path) -> None:
    """Unless it is sticky, as /tmp is."""
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a").chmod(0o777)
    for below in ("a/b", "a/new", "a/b/c"):
        refused(tmp_path / below, "other users can put something else in place")
    (tmp_path / "a").chmod(0o1777)
    PrivateFolder(tmp_path / "a/b/c")


@as_root
def test_a_group_that_others_are_in(tmp_path: Path) -> None:
    """One's own group has no others: many systems let it write."""
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a").chmod(0o775)
    PrivateFolder(tmp_path / "a/b")
    os.chown(tmp_path / "a", 0, ANOTHER)
    (tmp_path / "a").chmod(0o2775)
    refused(tmp_path / "a/b", "other users can put something else in place")
    refused(tmp_path / "a", "other users can write to")


@as_root
@pytest.mark.parametrize("place", [".", "b", "b/c"])
def test_a_folder_of_another_user(place: str, tmp_path: Path) -> None:
    """Wherever on the way, and whatever its mode: he can rename what is in it."""
    (tmp_path / "a/b").mkdir(parents=True)
    os.chown(tmp_path / "a", ANOTHER, ANOTHER)
    (tmp_path / "a").chmod(0o1755)
    refused(tmp_path / "a" / place, "belongs to nobody")


def test_a_link_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o755)
    (tmp_path / "a").symlink_to(tmp_path / "elsewhere")
    refused(tmp_path / "a", "symbolic link")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    refused(tmp_path / "dangling", "symbolic link")
    assert mode(tmp_path / "elsewhere") == 0o755


@pytest.mark.parametrize("target", ["disk", "../{0}/disk", "{1}/disk", "one"])
def test_a_link_of_ones_own_on_the_way(target: str, tmp_path: Path) -> None:
    """A home that lies on another disk."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "one").symlink_to("disk")
    (tmp_path / "home").symlink_to(target.format(tmp_path.name, tmp_path))
    PrivateFolder(tmp_path / "home/spool")
    assert os.listdir(tmp_path / "disk") == ["spool"]
    (tmp_path / "disk").chmod(0o777)
    refused(tmp_path / "home/spool", "other users can put something else in place")


@as_root
def test_a_link_of_another_user_on_the_way(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "home").symlink_to("disk")
    os.chown(tmp_path / "home", ANOTHER, ANOTHER, follow_symlinks=False)
    refused(tmp_path / "home/spool", "symbolic link of nobody")


def test_a_link_that_leads_to_itself(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("a")
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        PrivateFolder(tmp_path / "a/b")


@pytest.mark.parametrize("make", [Path.touch, os.mkfifo])
def test_what_is_no_folder(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "a")
    for path in ("a", "a/b"):
        with pytest.raises(NotADirectoryError):
            PrivateFolder(tmp_path / path)


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file made for trying it: the disk may be full."""
    folder = PrivateFolder(tmp_path)
    folder.check_writable()
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    with pytest.raises(PermissionError):
        folder.check_writable()


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(".")
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    before = os.listdir("/proc/self/fd")
    for path in ("a", "link/b", "open", "open/c", "link"):
        try:
            folder = PrivateFolder(tmp_path / path)
            folder.write("A", b"")
            folder.read("A")
            folder.names()
        except NotPrivate:
            pass
    del folder
    assert os.listdir("/proc/self/fd") == before


def test_whether_it_is_in_place(tmp_path: Path) -> None:
    folder = PrivateFolder(tmp_path / "a")
    assert folder.is_in_place()
    (tmp_path / "a").rename(tmp_path / "b")
    assert not folder.is_in_place()
    (tmp_path / "a").mkdir()
    assert not folder.is_in_place()
    (tmp_path / "a").rmdir()
    (tmp_path / "a").symlink_to("b")
    assert not folder.is_in_place()
    with pytest.raises(FileNotFoundError):
        folder.check_in_place()


# ---------------------------------------------------------------------- files


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Return a file that must be neither shown nor written."""
    path = tmp_path / "secret"
    path.write_bytes(b"secret")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> PrivateFolder:
    return PrivateFolder(tmp_path / "folder")


def planted_link(path: Path, secret: Path) -> None:
    path.symlink_to(secret)


def planted_hard_link(path: Path, secret: Path) -> None:
    path.hardlink_to(secret)


def planted_pipe(path: Path, secret: Path) -> None:
    os.mkfifo(path)


def planted_socket(path: Path, secret: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(path))


def planted_folder(path: Path, secret: Path) -> None:
    path.mkdir()


PLANTED = [planted_link, planted_hard_link, planted_pipe, planted_socket, planted_folder]


@pytest.mark.parametrize("plant", PLANTED)
@pytest.mark.parametrize("writing", [False, True])
def test_what_was_planted_is_not_opened(
    plant: Callable[[Path, Path], None], writing: bool, folder: PrivateFolder, secret: Path
) -> None:
    """At once: a pipe would be waited for."""
    plant(folder.path / "A", secret)
    with pytest.raises(NotPrivate):
        folder.open_file("A", writing)
    with pytest.raises(NotPrivate):
        folder.read("A")
    with pytest.raises(NotPrivate):
        folder.status("A")
    assert secret.read_bytes() == b"secret"


@pytest.mark.parametrize("plant", PLANTED)
def test_what_was_planted_is_not_written(
    plant: Callable[[Path, Path], None], folder: PrivateFolder, secret: Path
) -> None:
    """A new file takes its place; only a folder stays in the way."""
    plant(folder.path / "A", secret)
    if plant is planted_folder:
        with pytest.raises(OSError, match=r"directory|permitted"):
            folder.write("A", b"new")
    else:
        folder.write("A", b"new")
        assert folder.read("A") == b"new"
        assert mode(folder.path / "A") == 0o600
    assert secret.read_bytes() == b"secret"


@as_root
def test_a_file_of_another_user(folder: PrivateFolder) -> None:
    folder.write("A", b"his")
    os.chown(folder.path / "A", ANOTHER, ANOTHER)
    with pytest.raises(NotPrivate, match="belongs to nobody"):
        folder.read("A")


def test_a_file_is_made_private(folder: PrivateFolder) -> None:
    (folder.path / "A").write_bytes(b"copied by hand")
    (folder.path / "A").chmod(0o666)
    assert folder.read("A") == b"copied by hand"
    assert mode(folder.path / "A") == 0o600


@pytest.mark.parametrize("has_renameat2", [True, False])
@pytest.mark.parametrize("plant", PLANTED)
def test_a_file_never_takes_the_place_of_anything(
    plant: Callable[[Path, Path], None],
    has_renameat2: bool,
    folder: PrivateFolder,
    secret: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not has_renameat2:
        monkeypatch.setattr(private_files, "_libc", object())
    plant(folder.path / "B", secret)
    folder.write("A", b"new")
    with pytest.raises(FileExistsError):
        folder.rename("A", "B")
    assert folder.read("A") == b"new"
    folder.rename("A", "C")
    assert folder.read("C") == b"new"
    with pytest.raises(FileNotFoundError):
        folder.rename("A", "D")


def test_a_disk_that_cannot_keep_from_replacing(folder: PrivateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says EINVAL, as NFS does."""

    class Libc:
        def renameat2(self, *_: object) -> int:
            ctypes.set_errno(errno.EINVAL)
            return -1

    monkeypatch.setattr(private_files, "_libc", Libc())
    folder.write("A", b"new")
    folder.write("B", b"old")
    with pytest.raises(FileExistsError):
        rename_new(folder.descriptor, "A", folder.descriptor, "B")
    folder.rename("A", "C")
    assert folder.names() == ["B", "C"]


def test_a_file_that_cannot_be_written_is_not_left(folder: PrivateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for call in ("pwrite", "fsync"):
        with monkeypatch.context() as patched:
            patched.setattr(os, call, fail)
            with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
                folder.write("A", b"new")
        assert folder.names() == []
