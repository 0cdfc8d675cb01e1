"""Pictures as they come over the line: from byte 0, once, for all who read, and kept on disk for the next mount.

The DC120 cannot seek. A transfer begins with the first read that needs it, feeds every reader as it goes, and is aborted (E4) when the last
of them has closed the file. The prefix that has come stays: a later transfer of the same picture begins at 0 again, but what was
read before is served at once, and compared. A picture that has come whole goes to the disk; there it is found again after a remount,
and trusted when the camera's first packet is its beginning.
"""

import contextlib
import hashlib
import logging
import math
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import trio

from camfs import errors
from camfs.protocols.dc120.frames import DATA_SIZE, packets_in

log = logging.getLogger(__name__)

ANSWER = 0.8
"""Seconds after which a read is answered with what there is: pyfuse3 cannot be interrupted (reference fuse)."""

KEPT = 256 << 20
"""Bytes of pictures kept on disk for one camera, oldest out first."""

TakePacket = Callable[[int, bytes], Awaitable[bool]]
"""Takes a packet (index, payload) and says whether the next one is wanted."""

Transfer = Callable[[int, TakePacket], Awaitable[None]]
"""Runs a transfer: told the number of packets, and who takes them."""


class PictureStore:
    """The pictures of one camera on this computer's disk.

    Args:
        folder: where they lie; made when the first is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of_camera(cls, *marks: str) -> "PictureStore":
        """Return the store of a camera that is told from others by some texts: it has no serial number."""
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        digest = hashlib.sha256("\0".join(marks).encode()).hexdigest()[:16]
        return cls(root / "camfs" / f"dc120-{digest}")

    def read(self, name: str, size: int) -> bytes | None:
        """Return a picture that was kept, None if there is none of this name and size."""
        try:
            data = self._path(name, size).read_bytes()
        except OSError:
            return None
        return data if len(data) == size else None

    def keep(self, name: str, data: bytes) -> None:
        """Keep a picture; what the disk does not take is not kept."""
        path = self._path(name, len(data))
        part = path.with_suffix(".part")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_room(len(data))
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.rename(path)
        except OSError as error:
            log.warning("%s is not kept on disk: %s", name, error.strerror)
            with contextlib.suppress(OSError):
                part.unlink()

    def forget(self, name: str, size: int) -> None:
        """Drop a picture."""
        with contextlib.suppress(OSError):
            self._path(name, size).unlink()

    def _path(self, name: str, size: int) -> Path:
        safe = "".join(character if character.isalnum() else "_" for character in name)
        return self._folder / f"{safe}-{size}.kdc"

    def _make_room(self, size: int) -> None:
        files = sorted(self._folder.glob("*.kdc"), key=lambda path: path.stat().st_mtime)
        total = sum(path.stat().st_size for path in files) + size
        for path in files:
            if total <= KEPT:
                break
            total -= path.stat().st_size
            path.unlink()


class Picture:
    """One picture's bytes, as far as they have come.

    Args:
        name: the camera's name for it.
        size: bytes, from the camera's list.
        transfer: fetches it from the camera.
        store: where it is kept.
        on_header: told the first packet's bytes when they are known.
    """

    def __init__(
        self,
        name: str,
        size: int,
        transfer: Transfer,
        store: PictureStore,
        on_header: Callable[[bytes], None],
    ) -> None:
        self.name = name
        self.size = size
        self._transfer = transfer
        self._store = store
        self._on_header = on_header
        self._data = bytearray()
        self._doubtful = bytearray()
        self._last = b""
        self._kept: bytes | None = None
        self._looked = False
        self._running = False
        self._files_open = False
        self._looking = 0
        self._look_size = 0
        self._failure: errors.CameraError | None = None
        self._news = trio.lowlevel.ParkingLot()

    @property
    def whole(self) -> bool:
        """Whether all of it has come."""
        return len(self._data) == self.size

    @property
    def received(self) -> int:
        """Bytes that have come."""
        return len(self._data)

    @property
    def in_use(self) -> bool:
        """Whether it is being read or transferred."""
        return self._running or self._is_wanted

    @property
    def _is_wanted(self) -> bool:
        return self._files_open or (self._looking > 0 and len(self._data) < self._look_size)

    def close(self) -> None:
        """Hear that no file is open on it: a transfer under way is aborted at its next packet."""
        self._files_open = False

    async def read(self, nursery: trio.Nursery, offset: int, size: int) -> bytes:
        """Read up to `size` bytes at `offset`: at least one, unless at the end, and what there is after about a second.

        Raises:
            CameraError: the transfer failed; what came before stays, and the next read begins another.
        """
        self._files_open = True
        return await self._read(nursery, offset, size, trio.current_time() + ANSWER)

    async def look(self, nursery: trio.Nursery, size: int) -> bytes:
        """Read the first `size` bytes, all of them."""
        self._look_size = max(size, self._look_size) if self._looking else size
        self._looking += 1
        try:
            return await self._read(nursery, 0, size, math.inf)
        finally:
            self._looking -= 1

    async def _read(self, nursery: trio.Nursery, offset: int, size: int, deadline: float) -> bytes:
        end = min(offset + size, self.size)
        while len(self._data) < end:
            some = len(self._data) > offset
            if some and trio.current_time() >= deadline:
                break
            self._begin(nursery)
            with trio.move_on_at(deadline if some else math.inf):
                await self._news.park()
            if self._failure is not None:
                if len(self._data) <= offset or deadline == math.inf:
                    raise self._failure
                break
        return bytes(self._data[offset : min(end, len(self._data))])

    def _begin(self, nursery: trio.Nursery) -> None:
        if not self._running:
            self._running, self._failure = True, None
            nursery.start_soon(self._run)

    async def _run(self) -> None:
        if not self._looked:
            self._looked = True
            self._kept = await trio.to_thread.run_sync(self._store.read, self.name, self.size)
        try:
            await self._transfer(packets_in(self.size), self._take)
            if len(self._data) + len(self._doubtful) == self.size:
                self._data += self._doubtful
            elif not self.whole and self._is_wanted:
                raise errors.RemoteProtocolError(f"{self.name} ends at byte {len(self._data)} of {self.size}")
        except errors.CameraError as error:
            self._failure = error
        finally:
            self._running = False
            self._doubtful.clear()
            self._news.unpark_all()
        if self.whole and self._kept is None:
            await trio.to_thread.run_sync(self._store.keep, self.name, bytes(self._data))

    async def _take(self, index: int, payload: bytes) -> bool:
        start = index * DATA_SIZE
        payload = payload[: self.size - start]
        if index == 0:
            self._on_header(payload)
            if self._kept is not None and self._kept.startswith(payload):
                self._data[:] = self._kept
                self._news.unpark_all()
                return False
            self._kept = None
        known = bytes(self._data[start : start + len(payload)])
        if not payload.startswith(known):
            self._data.clear()
            raise errors.RemoteProtocolError(f"{self.name} is not what it was when its beginning was read")
        if len(known) < len(payload):
            self._add(start, payload)
        self._last = payload
        self._news.unpark_all()
        return self._is_wanted or start + len(payload) == self.size

    def _add(self, start: int, payload: bytes) -> None:
        """Take new bytes. A packet like the one before may be that one again, sent twice: only the right end of the transfer tells.

        If it was, the camera has a packet left when it should be done, which the codec finds. Until then such bytes are no reader's.
        """
        if self._doubtful or (start and self._last.startswith(payload)):
            self._doubtful += payload
        else:
            self._data[start:] = payload
