"""A file of the spool that is not whole yet. Its bytes come in any order.

It stands beside the whole files as `.NAME.part`, and is finished, dropped, or kept as the beginning that it is. Somebody may remove it
meanwhile, or the whole folder: the bytes are then written nowhere, which is `NotFound`, and it has to be begun again.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import trio

from camfs.private_files import PrivateFolder, write_all

if TYPE_CHECKING:
    from camfs.cameras.tethered.spool import Spool


COMPARED = 4096
"""Bytes compared at once; a hole in a partial file is at least as long."""


class PartialFile:
    """A partial file.

    One task at a time uses its descriptor: none may be closed while a thread writes to it, as its number may already be another file's.

    Attributes:
        size: bytes of the file when it is whole.
    """

    def __init__(
        self, spool: "Spool", name: str, size: int, mtime_ns: int, folder: PrivateFolder, descriptor: int
    ) -> None:
        self.size = size
        self._spool = spool
        self._name = name
        self._mtime_ns = mtime_ns
        self._folder = folder
        self._descriptor: int | None = descriptor
        self._ranges: list[tuple[int, int]] = []
        self._lock = trio.Lock()

    @property
    def is_whole(self) -> bool:
        """Whether all bytes are in."""
        return not self.size or self._ranges == [(0, self.size)]

    def available(self, offset: int, size: int) -> int:
        """Say how many of these bytes are in, from the first up to a gap."""
        return next((min(end - offset, size) for start, end in self._ranges if start <= offset < end), 0)

    def missing(self, offset: int, size: int) -> int:
        """Say how many of these bytes are missing, from the first, which must be, up to one that is in."""
        return min([start - offset for start, _ in self._ranges if start >= offset] + [size])

    def first_gap(self) -> int:
        """Return the offset of the first byte that is not in."""
        return self._ranges[0][1] if self._ranges and self._ranges[0][0] == 0 else 0

    async def read(self, offset: int, size: int) -> bytes:
        """Read those of these bytes that are in, none if the file was closed meanwhile."""
        async with self._lock:
            if self._descriptor is None:
                return b""
            return await self._spool.run(os.pread, self._descriptor, self.available(offset, size), offset)

    async def write(self, offset: int, data: bytes | memoryview) -> None:
        """Write bytes at their offset; nothing if the file was closed meanwhile.

        Raises:
            NotFound: somebody removed it.
        """
        async with self._lock:
            if self._descriptor is not None:
                await self._spool.run_writing(self._write, self._descriptor, offset, data)
                self._ranges = list(_merged([*self._ranges, (offset, offset + len(data))]))

    async def finish(self) -> None:
        """Make the whole file safe on the disk and give it its name. A second call does nothing.

        Raises:
            NotFound: somebody removed it.
        """
        async with self._lock:
            if self._descriptor is not None:
                arguments = self._folder, self._descriptor, self._name, self._mtime_ns
                self._spool.files[self._name] = await self._spool.run_writing(self._spool.finish, *arguments)
                self._close()

    async def drop(self) -> None:
        """Delete it."""
        async with self._lock:
            if self._close():
                await self._spool.run(self._spool.drop, self._folder, self._name)

    async def keep_beginning(self) -> None:
        """Keep what came without a gap as `partial-NAME`, because the rest will not come."""
        async with self._lock:
            if self._descriptor is not None:
                await self._spool.run(os.ftruncate, self._descriptor, self.first_gap())
            if self._close():
                await self._spool.run(self._spool.keep_beginning, self._folder, self._name)

    def _write(self, descriptor: int, offset: int, data: bytes | memoryview) -> None:
        self._folder.check_in_place()
        if not os.fstat(descriptor).st_nlink:
            raise FileNotFoundError(errno.ENOENT, f"{self._name} was removed before it was whole")
        write_all(descriptor, offset, data)

    def __del__(self) -> None:
        self._close()

    def _close(self) -> bool:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
        return descriptor is not None


def _merged(ranges: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    start = end = -1
    for first, last in sorted(ranges):
        if first <= end:
            end = max(end, last)
        else:
            if end > start:
                yield start, end
            start, end = first, last
    if end > start:
        yield start, end


def begins(here: PrivateFolder, partial: int, whole: str) -> bool:
    """Say whether a file is the beginning of another. Zeros in it count as equal: they may be gaps within one block of the disk."""
    offset = 0
    with here.opened(whole) as full:
        while got := os.pread(partial, COMPARED, offset):
            wanted = os.pread(full, COMPARED, offset)
            if got != wanted and (
                len(got) > len(wanted) or any(a and a != b for a, b in zip(got, wanted, strict=False))
            ):
                return False
            offset += len(got)
    return True
