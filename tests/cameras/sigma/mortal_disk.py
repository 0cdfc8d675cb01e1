"""The disk under a spool's folder: each system call that changes it is counted, may fail, or may be the one at which the power is cut.

What is on the disk after a power cut follows the model of a journalling file system that keeps no promise beyond POSIX. Of a file it has
what there was at its last fsync. Of the folder it has the names of its last fsync, and after these a beginning of the changes that came
later: a file may have its name without its bytes.
"""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from camfs import private_files
from tests.cameras.sigma.program import Fate, Killed


class Unsynced(Enum):
    """What is left of bytes that were written after the last fsync."""

    DROPPED = "the file is as it was then"
    ZEROS = "the file has its length, and zeros in place of them"
    CUT = "half of them"
    WRITTEN = "all of them"


@dataclass
class Node:
    """A file: its bytes at its last fsync, and an open descriptor of it."""

    descriptor: int
    synced: bytes = b""

    def content(self) -> bytes:
        return os.pread(self.descriptor, os.fstat(self.descriptor).st_size, 0)

    def left(self, unsynced: Unsynced) -> bytes:
        now = self.content()
        match unsynced:
            case Unsynced.DROPPED:
                return self.synced
            case Unsynced.ZEROS:
                return self.synced[: len(now)].ljust(len(now), b"\0")
            case Unsynced.CUT:
                return now[: (len(self.synced) + len(now)) // 2]
            case Unsynced.WRITTEN:
                return now


@dataclass
class MortalDisk:
    """A disk of which a folder is watched.

    Attributes:
        folder: the spool's, which is there already.
        fate: of the program, which dies with the power.
        calls: how many calls have changed the folder so far, and which.
        cut_at: the call, from 0, before which the power is cut.
        fail_at: the call, from 0, that fails.
        stays: whether all calls after that fail, too, but for those that remove something.
        failure: errno of the failure.
    """

    folder: Path
    fate: Fate = field(default_factory=Fate)
    calls: list[str] = field(default_factory=list)
    cut_at: int | None = None
    fail_at: int | None = None
    stays: bool = False
    failure: int = errno.ENOSPC
    names: dict[str, Node] = field(default_factory=dict)
    synced: dict[str, Node] = field(default_factory=dict)
    changes: list[Callable[[dict[str, Node]], object]] = field(default_factory=list)
    _nodes: dict[int, Node] = field(default_factory=dict)

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Have the program use it; what is in the folder already is on the disk."""
        for path in self.folder.iterdir():
            node = self._node(os.open(path, os.O_RDONLY))
            node.synced = node.content()
            self.names[path.name] = self.synced[path.name] = node
        for call in ("open", "pwrite", "ftruncate", "utime", "fsync", "unlink", "rename"):
            patch.setattr(os, call, getattr(self, f"_{call}")(getattr(os, call)))
        patch.setattr(private_files, "rename_new", self._rename_new(private_files.rename_new))

    def close(self) -> None:
        """Let go of all files."""
        for node in self._nodes.values():
            os.close(node.descriptor)
        self._nodes.clear()

    def image(self, folder: Path, changes: int, unsynced: Unsynced) -> None:
        """Make what is left after a power cut, with the first of the changes of the folder that are not synchronised."""
        names = dict(self.synced)
        for change in self.changes[:changes]:
            change(names)
        folder.mkdir(mode=0o700)
        for name, node in names.items():
            (folder / name).write_bytes(node.left(unsynced))

    def _node(self, descriptor: int) -> Node:
        self._nodes[os.fstat(descriptor).st_ino] = node = Node(
            descriptor
        )  # stays open, so that no other file gets its number
        return node

    def _is_here(self, folder: int | None) -> bool:
        return folder is not None and folder >= 0 and os.readlink(f"/proc/self/fd/{folder}") == str(self.folder)

    @property
    def failed(self) -> bool:
        """Whether a call has failed."""
        return self.fail_at is not None and len(self.calls) > self.fail_at

    def _count(self, call: str, removes: bool = False) -> None:
        if self.cut_at is not None and len(self.calls) >= self.cut_at:
            self.fate.at = 0
            raise Killed
        self.calls.append(call)
        number = len(self.calls) - 1
        if self.fail_at is not None and (
            number == self.fail_at or (self.stays and number > self.fail_at and not removes)
        ):
            raise OSError(self.failure, os.strerror(self.failure))

    def _change(self, change: Callable[[dict[str, Node]], object]) -> None:
        change(self.names)
        self.changes.append(change)

    def _open(self, real: Callable[..., int]) -> Callable[..., int]:
        def call(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
            if not flags & os.O_CREAT or not self._is_here(dir_fd):
                return real(path, flags, mode, dir_fd=dir_fd)
            self._count(f"create {path}")
            descriptor = real(path, flags, mode, dir_fd=dir_fd)
            node = self._node(os.dup(descriptor))
            self._change(lambda names: names.update({path: node}))
            return descriptor

        return call

    def _on_file(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(descriptor: Any, *arguments: Any, **about: Any) -> Any:
            if isinstance(descriptor, int) and os.fstat(descriptor).st_ino in self._nodes:
                self._count(name)
            return real(descriptor, *arguments, **about)

        return call

    def _pwrite(self, real: Callable[..., Any]) -> Callable[..., Any]:
        return self._on_file("pwrite", real)

    def _ftruncate(self, real: Callable[..., Any]) -> Callable[..., Any]:
        return self._on_file("ftruncate", real)

    def _utime(self, real: Callable[..., Any]) -> Callable[..., Any]:
        return self._on_file("utime", real)

    def _fsync(self, real: Callable[[int], None]) -> Callable[[int], None]:
        def call(descriptor: int) -> None:
            node = self._nodes.get(os.fstat(descriptor).st_ino)
            if node is not None:
                self._count("fsync of a file")
                node.synced = node.content()
            elif self._is_here(descriptor):
                self._count("fsync of the folder")
                self.synced, self.changes = dict(self.names), []
            else:
                real(descriptor)

        return call

    def _unlink(self, real: Callable[..., None]) -> Callable[..., None]:
        def call(path: Any, *, dir_fd: int | None = None) -> None:
            if self._is_here(dir_fd) and path in self.names:
                self._count(f"unlink {path}", removes=True)
                real(path, dir_fd=dir_fd)
                self._change(lambda names: names.pop(path, None))
            else:
                real(path, dir_fd=dir_fd)

        return call

    def _rename(self, real: Callable[..., None]) -> Callable[..., None]:
        def call(path: Any, new: Any, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None) -> None:
            assert not self._is_here(src_dir_fd), "a file of the spool takes the place of another"
            real(path, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

        return call

    def _rename_new(self, real: Callable[[int, str, int, str], None]) -> Callable[[int, str, int, str], None]:
        def call(folder: int, name: str, target: int, new: str) -> None:
            assert self._is_here(folder)
            assert self._is_here(target)
            self._count(f"rename {name} {new}")
            real(folder, name, target, new)
            self._change(lambda names: names.update({new: names.pop(name)}) if name in names else None)

        return call
