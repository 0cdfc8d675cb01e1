"""What the NFS server does: it keeps a handle of a file, and opens it when the kernel has forgotten the file's name."""

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mounted.mount import Mount, mounted

AT_FDCWD = -100
LIBC = ctypes.CDLL(None, use_errno=True)


class FileHandle(ctypes.Structure):
    """`struct file_handle` of name_to_handle_at(2), with room for what FUSE puts there."""

    _fields_ = (("bytes", ctypes.c_uint), ("type", ctypes.c_int), ("handle", ctypes.c_ubyte * 128))


@pytest.fixture(scope="module")
def mount(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mount]:
    """Mount the emulated fp."""
    with mounted("virtual:sigma-fp?objects=20", tmp_path_factory.mktemp("mount") / "camera") as mount:
        yield mount


def handle_of(path: Path) -> FileHandle:
    """Return the handle of a path."""
    handle, mount_id = FileHandle(128), ctypes.c_int()
    status = LIBC.name_to_handle_at(AT_FDCWD, os.fsencode(path), ctypes.byref(handle), ctypes.byref(mount_id), 0)
    assert status == 0, os.strerror(ctypes.get_errno())
    return handle


@pytest.mark.parametrize("name", ["card", "card/DCIM/100SIGMA", "card/DCIM/100SIGMA/SDIM0007.JPG"])
def test_a_handle_outlives_the_kernels_memory(mount: Mount, name: str) -> None:
    path = mount.path / name
    handle, inode = handle_of(path), path.stat().st_ino
    Path("/proc/sys/vm/drop_caches").write_text("2")  # names and inodes
    root = os.open(mount.path, os.O_RDONLY)
    try:
        file = LIBC.open_by_handle_at(root, ctypes.byref(handle), os.O_RDONLY)
        assert file >= 0, os.strerror(ctypes.get_errno())
        try:
            assert os.fstat(file).st_ino == inode
            if path.is_file():
                assert os.read(file, 1 << 16) == path.read_bytes()
            else:
                assert sorted(os.listdir(file)) == sorted(os.listdir(path))
        finally:
            os.close(file)
    finally:
        os.close(root)
