"""The block cache: recently read parts of files, bounded in bytes; each block is fetched once, however many readers wait for it.

A *block* is `BLOCK` bytes of a file, at a multiple of `BLOCK`. On a miss only the blocks that were asked for are fetched, so `head` or an
EXIF reader costs a block or two. A reader that has gone on without a gap for `SEQUENTIAL` bytes is probably copying the file: from then
on a task fetches ahead of it, `RUN` blocks in a request and one request at a time, so that another reader or a setting waits for one
such request at most. Where a request takes long, the next ones are for a block each: whoever waits has a budget of time (`budget.py`).

What was fetched ahead is passed on to the kernel's page cache, so that most of it is never asked for, and dropped here once the reader is
past it: a copy of a large file leaves the blocks of other files alone.

The way of a block::

    absent ── begin ──> in flight ── fetched ──> kept ── evicted, or dropped ──> absent
                          │
                          ├── dropped meanwhile: who waits fetches it again
                          └── failed: who waits gets the error; as part of a longer request the block is first tried once more alone

Fetches run in tasks of the cache, not of the readers: a cancelled reader does not cancel a fetch that others wait for.
"""

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import trio

from camfs.errors import CameraError, RemoteProtocolError
from camfs.mount.budget import Budget

log = logging.getLogger(__name__)

BLOCK = 256 << 10
"""Bytes of a block. The kernel begins a file with two requests of 128 KiB; they cost one fetch."""

RUN = 4
"""Blocks in one request of a sequential reader: 1 MiB."""

LONG, SHORT = 4.0, 1.0
"""Seconds of a request after which the next ones are for one block, and within which they are for `RUN` blocks again."""

SEQUENTIAL = 2 * BLOCK
"""Bytes that a reader has read without a gap before blocks are fetched ahead of it."""

SLACK = 1 << 20
"""Bytes by which requests of one sequential reader may overtake each other: the kernel has several in flight."""

CAPACITY = 64 << 20
"""Bytes kept where no mount says how many; a mount without the option `cache` keeps as many."""

AHEAD = 8 << 20
"""Bytes to fetch ahead of a sequential reader at most; all readers together get a quarter of the cache if that is less."""


class Source(Protocol):
    """A file that blocks are fetched from. Sources are compared by identity."""

    @property
    def size(self) -> int:
        """Bytes of the file."""

    async def fetch(self, offset: int, size: int) -> bytes | memoryview:
        """Fetch `size` bytes from `offset`, both within the file; fewer mean that the file ends there, whatever its size says."""


PassOn = Callable[[int, memoryview], Awaitable[None]]
"""Is given the offset of bytes in a file, and the bytes, to keep them beside the cache."""


class _Fetch:
    """One request in flight, for a run of blocks.

    Attributes:
        blocks: their indexes.
        pass_on: is given the bytes before those who wait for the blocks go on.
        kept: set when the blocks have come.
        done: set when those who wait for them may go on.
        failure: why they have not come.
        dropped: whether the file has changed meanwhile.
    """

    def __init__(self, first: int, count: int, pass_on: PassOn | None = None) -> None:
        self.blocks = range(first, first + count)
        self.pass_on = pass_on
        self.kept = trio.Event()
        self.done = trio.Event()
        self.failure: CameraError | None = None
        self.dropped = False


class BlockCache:
    """Blocks of many files.

    Args:
        nursery: runs the fetches.
        capacity: bytes kept; the least recently used blocks are evicted first.
        budget: the time that a fetch may take; None for no limit.
    """

    def __init__(self, nursery: trio.Nursery, capacity: int = CAPACITY, budget: Budget | None = None) -> None:
        self._nursery = nursery
        self._capacity = capacity
        self._budget = budget or Budget()
        self._blocks_per_request = RUN
        self._readers_ahead = 0
        self._blocks: OrderedDict[tuple[Source, int], memoryview] = OrderedDict()
        self._bytes = 0
        self._fetches: dict[tuple[Source, int], _Fetch] = {}

    def open(self, source: Source, pass_on: PassOn | None = None) -> "BlockReader":
        """Return a reader of a file.

        Args:
            source: the file.
            pass_on: is given what is fetched ahead of the reader; then the cache does not keep it behind the reader.
        """
        return BlockReader(self, source, pass_on)

    def sources_in_flight(self) -> Iterator[Source]:
        """Yield the files with fetches in flight."""
        return iter({id(source): source for source, _ in self._fetches}.values())

    def drop(self, source: Source) -> None:
        """Drop a file's blocks, because it has changed; blocks in flight will not be kept either."""
        for key in [key for key in self._blocks if key[0] is source]:
            self._bytes -= len(self._blocks.pop(key))
        for key in [key for key in self._fetches if key[0] is source]:
            self._fetches.pop(key).dropped = True

    async def read(self, source: Source, offset: int, size: int) -> bytes | memoryview:
        """Read `size` bytes from `offset`, fewer only at the end of the file.

        Raises:
            RemoteProtocolError: the file is shorter than its size says.
            CameraError: it could not be fetched.
        """
        whole = source.size
        end = min(offset + size, whole)
        if offset >= end:
            return b""
        first, last = offset // BLOCK, (end - 1) // BLOCK
        self.begin(source, first, last - first + 1)
        parts: list[memoryview] = []
        for index in range(first, last + 1):
            block = await self._block(source, index)
            start = index * BLOCK
            part = block[max(offset - start, 0) : end - start]
            if len(part) < min(end - start, BLOCK) - max(offset - start, 0):
                if source.size != whole:  # it changed meanwhile
                    return await self.read(source, offset, size)
                raise RemoteProtocolError(f"the file ends at byte {start + len(block)} of {source.size}")
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def begin(self, source: Source, first: int, count: int, pass_on: PassOn | None = None) -> _Fetch | None:
        """Begin to fetch those of these blocks that are neither kept nor in flight; return the last request begun."""
        begun: _Fetch | None = None
        run_start: int | None = None
        for index in range(first, first + count + 1):
            wanted = (
                index < first + count and (source, index) not in self._blocks and (source, index) not in self._fetches
            )
            if wanted and run_start is None:
                run_start = index
            elif run_start is not None and (not wanted or index - run_start >= self._blocks_per_request):
                begun = self._start(source, run_start, index - run_start, pass_on)
                run_start = index if wanted else None
        return begun

    def _start(self, source: Source, first: int, count: int, pass_on: PassOn | None = None) -> _Fetch:
        fetch = _Fetch(first, count, pass_on)
        for index in fetch.blocks:
            self._fetches[source, index] = fetch
        self._nursery.start_soon(self._run, source, fetch)
        return fetch

    async def _run(self, source: Source, fetch: _Fetch) -> None:
        offset = fetch.blocks.start * BLOCK
        size = min(fetch.blocks.stop * BLOCK, source.size) - offset
        try:
            with self._budget.limit(), self._timed():
                data = memoryview(await source.fetch(offset, size) if size > 0 else b"")
            for index in fetch.blocks:
                start = (index - fetch.blocks.start) * BLOCK
                if start >= len(data):
                    raise RemoteProtocolError(f"the file ends at byte {offset + len(data)} of {source.size}")
                if self._fetches.get((source, index)) is fetch:
                    block = data[start : start + BLOCK]
                    # a view would keep the whole request in memory for as long as any of its blocks
                    self._keep((source, index), block if len(data) <= BLOCK else memoryview(bytes(block)))
            fetch.kept.set()
            if fetch.pass_on is not None and not fetch.dropped:
                await fetch.pass_on(offset, data)
        except CameraError as error:
            fetch.failure = error
        except Exception as error:
            log.exception("fetching bytes %d to %d", offset, offset + size)
            fetch.failure = CameraError(f"{type(error).__name__}: {error}")
        finally:
            for index in fetch.blocks:
                if self._fetches.get((source, index)) is fetch:
                    del self._fetches[source, index]
            fetch.kept.set()
            fetch.done.set()

    def forget(self, source: Source, index: int) -> None:
        """Do not keep a block any longer, as it is not likely to be read again here."""
        block = self._blocks.pop((source, index), None)
        if block is not None:
            self._bytes -= len(block)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        """Choose the length of the next requests by how long the block takes."""
        begun = trio.current_time()
        try:
            yield
        finally:
            seconds = trio.current_time() - begun
            if seconds >= LONG:
                self._blocks_per_request = 1
            elif seconds <= SHORT:
                self._blocks_per_request = RUN

    def _keep(self, key: tuple[Source, int], block: memoryview) -> None:
        self._blocks[key] = block
        self._bytes += len(block)
        while self._bytes > self._capacity and len(self._blocks) > 1:
            _, oldest = self._blocks.popitem(last=False)
            self._bytes -= len(oldest)

    async def _block(self, source: Source, index: int) -> memoryview:
        """Wait for a block. One that failed as part of a longer request is tried once more alone."""
        alone = False
        while True:
            block = self._blocks.get((source, index))
            if block is not None:
                self._blocks.move_to_end((source, index))
                return block
            fetch = self._fetches.get((source, index))
            if fetch is None:
                fetch = self._start(source, index, 1)
            await fetch.done.wait()
            if fetch.failure is not None and not fetch.dropped and (source, index) not in self._blocks:
                if alone or len(fetch.blocks) == 1:
                    raise fetch.failure
                alone = True


class BlockReader:
    """Reads one open file through the cache, and has the cache fetch ahead once the reading is sequential."""

    def __init__(self, cache: BlockCache, source: Source, pass_on: PassOn | None = None) -> None:
        self._cache = cache
        self._source = source
        self._pass_on = pass_on
        self._kept_from = self._ahead_to = 0
        self._reached = 0
        self._run_length = 0
        self._fetching_ahead = False
        self._closed = False

    async def read(self, offset: int, size: int) -> bytes | memoryview:
        """Read as `BlockCache.read` does."""
        end = min(offset + size, self._source.size)
        if abs(offset - self._reached) <= SLACK:
            self._run_length += max(0, end - self._reached)
            self._reached = max(self._reached, end)
        else:
            self._run_length = end - offset
            self._reached = end
            self._ahead_to = self._kept_from = -(-end // BLOCK)
        if self._run_length > SEQUENTIAL:
            if self._ahead_to * BLOCK < end:  # not one block for itself, where more is wanted at once
                self._ahead_to = max(self._ahead_to, offset // BLOCK)
                self._fetch_next()
            if not self._fetching_ahead:
                self._fetching_ahead = True
                self._cache._nursery.start_soon(self._fetch_ahead)
            self._forget_before((self._reached - SLACK) // BLOCK)
        return await self._cache.read(self._source, offset, size)

    def close(self) -> None:
        """End the reading; nothing more is fetched ahead than the request in flight."""
        self._closed = True
        self._forget_before(self._ahead_to)

    async def _pass_on_unasked(self, offset: int, data: memoryview) -> None:
        """Pass on what nobody has asked for yet: the kernel has locked the pages of what it waits for."""
        asked = max(0, self._reached - offset)
        if self._pass_on is not None and asked < len(data):
            await self._pass_on(offset + asked, data[asked:])

    def _forget_before(self, index: int) -> None:
        """Do not keep the blocks that a sequential reader has behind it: the kernel has all their bytes."""
        if self._pass_on is not None:
            for block in range(self._kept_from, index):
                self._cache.forget(self._source, block)
            self._kept_from = max(self._kept_from, index)

    def _fetch_next(self) -> _Fetch | None:
        """Begin to fetch what comes next, as much as one request may be for; return the request."""
        cache, start = self._cache, self._ahead_to * BLOCK
        wanted = self._source.size if self._run_length > AHEAD else self._target()
        count = max(1, min(cache._blocks_per_request, -(-(wanted - start) // BLOCK)))
        fetch = cache.begin(self._source, self._ahead_to, count, self._pass_on and self._pass_on_unasked)
        self._ahead_to += count
        return fetch

    def _target(self) -> int:
        """Return up to where to fetch ahead: as much as the reader has read, up to `AHEAD` bytes.

        Sequential readers share a quarter of the cache, so that read-ahead cannot evict another reader's blocks.
        """
        ahead = min(self._run_length, AHEAD, self._cache._capacity // 4 // max(1, self._cache._readers_ahead))
        return min(self._reached + ahead, self._source.size)

    async def _fetch_ahead(self) -> None:
        """Stay ahead of the reader, one request at a time."""
        self._cache._readers_ahead += 1
        try:
            while not self._closed:
                self._ahead_to = max(self._ahead_to, self._reached // BLOCK)
                if self._ahead_to * BLOCK >= self._target():
                    break
                fetch = self._fetch_next()
                if fetch is not None:
                    await fetch.kept.wait()
                    if fetch.failure is not None:
                        log.debug("reading ahead: %s", fetch.failure)
                        break
        finally:
            self._cache._readers_ahead -= 1
            self._fetching_ahead = False
