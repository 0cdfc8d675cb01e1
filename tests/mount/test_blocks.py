"""The block cache: what it holds, what it fetches, and that a reader gets the file's bytes or an error, whatever happens meanwhile."""

import random
import tracemalloc
from collections.abc import Callable

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from camfs import errors
from camfs.commands.options import parse_options
from camfs.mount import blocks
from camfs.mount.blocks import AHEAD, BLOCK, LONG, RUN, SEQUENTIAL, SHORT, BlockCache, BlockReader
from camfs.mount.budget import RECOVERY, Budget
from tests.cameras.rig import nursery
from tests.mount.rig import bytes_held

KERNEL = 128 << 10
"""Bytes of a read as the kernel's own read-ahead sends it."""


class Memory:
    """A file in memory that notes what is fetched of it.

    Attributes:
        fetched: offset and size of each fetch, in order.
        under_way: fetches at this moment; `most_under_way` is the most there ever were.
        gate: fetches wait for it.
        fails: raises what a fetch shall fail with.
        seconds: that a fetch takes.
    """

    def __init__(self, data: bytes, claimed: int | None = None) -> None:
        self.data = data
        self.claimed = claimed
        self.fetched: list[tuple[int, int]] = []
        self.under_way = self.most_under_way = 0
        self.gate: trio.Event | None = None
        self.fails: Callable[[int, int], None] = lambda offset, size: None
        self.seconds = 0.0

    @property
    def size(self) -> int:
        return len(self.data) if self.claimed is None else self.claimed

    async def fetch(self, offset: int, size: int) -> bytes | memoryview:
        assert size > 0
        assert 0 <= offset < offset + size <= self.size
        self.fetched.append((offset, size))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        data = self.data[offset : offset + size]
        try:
            if self.gate is not None:
                await self.gate.wait()
            await trio.sleep(self.seconds)
            self.fails(offset, size)
        finally:
            self.under_way -= 1
        return data

    def bytes_fetched(self) -> int:
        return sum(size for _, size in self.fetched)


def made(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


async def read_through(reader: BlockReader, size: int, step: int = KERNEL) -> bytes:
    pieces = [bytes(await reader.read(offset, step)) for offset in range(0, size, step)]
    return b"".join(pieces)


class Pages:
    """Takes what is passed on of a file, as the kernel does: offset and bytes."""

    def __init__(self) -> None:
        self.passed_on: list[tuple[int, bytes]] = []

    async def take(self, offset: int, data: memoryview) -> None:
        self.passed_on.append((offset, bytes(data)))


# what is read


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 5 * BLOCK + 77])
async def test_a_file(size: int) -> None:
    async with nursery() as work:
        cache, data = BlockCache(work), made(size)
        for step in (KERNEL, 1 << 20, 100_001):
            assert await read_through(cache.open(Memory(data)), size + step, step) == data


@pytest.mark.parametrize(
    ("offset", "size"),
    [
        (0, 1),
        (BLOCK - 1, 2),
        (BLOCK, BLOCK),
        (BLOCK - 5, 3 * BLOCK),
        (0, 10 * BLOCK),
        (6 * BLOCK, 10),
        (5 * BLOCK + 70, 100),
        (99 * BLOCK, 5),
        (7, 0),
    ],
)
async def test_parts(offset: int, size: int) -> None:
    async with nursery() as work:
        data = made(5 * BLOCK + 77)
        assert await BlockCache(work).open(Memory(data)).read(offset, size) == data[offset : offset + size]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 9 * BLOCK),
    st.lists(st.tuples(st.integers(0, 9 * BLOCK), st.integers(0, 3 * BLOCK)), max_size=30),
    st.integers(1, 12),
    st.randoms(use_true_random=False),
)
def test_random_reads_give_the_bytes(
    size: int, reads: list[tuple[int, int]], capacity: int, chance: random.Random
) -> None:
    """Whatever is read in whatever order by two readers at once, with fetches that fail, and a cache that is too small."""
    data = (bytes(range(251)) * (size // 251 + 1))[:size]

    async def main() -> None:
        def fails(_offset: int, _size: int) -> None:
            if chance.random() < 0.1:
                raise errors.TransferTimeout("no answer")

        async with nursery() as work:
            cache, source = BlockCache(work, capacity * BLOCK), Memory(data)
            source.fails = fails
            source.seconds = 0.01

            async def one(order: list[tuple[int, int]]) -> None:
                reader = cache.open(source)
                for offset, length in order:
                    try:
                        got = await reader.read(offset, length)
                    except errors.TransferTimeout:
                        continue
                    assert got == data[offset : offset + length]
                    if chance.random() < 0.05:
                        cache.drop(source)
                reader.close()

            async with trio.open_nursery() as readers:
                readers.start_soon(one, reads)
                readers.start_soon(one, list(reversed(reads)))
            assert bytes_held(cache) <= capacity * BLOCK

    trio.run(main, clock=MockClock(autojump_threshold=0))


# what is fetched


async def test_a_head_costs_a_block() -> None:
    async with nursery() as work:
        cache, source = BlockCache(work), Memory(made(60 << 20))
        reader = cache.open(source)
        await reader.read(0, KERNEL)
        await reader.read(KERNEL, KERNEL)
        await wait_all_tasks_blocked()
        assert source.fetched == [(0, BLOCK)]
        again = cache.open(source)
        await again.read(0, 65536)
        assert source.fetched == [(0, BLOCK)]


async def test_an_exif_reader_pays_for_what_it_reads() -> None:
    async with nursery() as work:
        cache, source = BlockCache(work), Memory(made(30 << 20))
        reader = cache.open(source)
        for offset in (0, 20 << 20, 4096, 29 << 20, 100_000, 10 << 20):
            await reader.read(offset, 4096)
        await wait_all_tasks_blocked()
        assert len(source.fetched) == 4
        assert source.bytes_fetched() == 4 * BLOCK


async def test_what_is_read_over_and_over_is_no_copy() -> None:
    async with nursery() as work:
        cache, source = BlockCache(work), Memory(made(30 << 20))
        reader = cache.open(source)
        for _ in range(500):
            await reader.read(0, 4096)
        await wait_all_tasks_blocked()
        assert source.fetched == [(0, BLOCK)]


async def test_reading_backwards_is_no_copy() -> None:
    async with nursery() as work:
        cache, source = BlockCache(work), Memory(made(8 << 20))
        reader = cache.open(source)
        for offset in range(4 << 20, 0, -KERNEL):
            await reader.read(offset - KERNEL, KERNEL)
        await wait_all_tasks_blocked()
        assert source.bytes_fetched() == 4 << 20


@pytest.mark.parametrize("step", [4096, KERNEL, 1 << 20])
async def test_a_copy_fetches_each_byte_once_in_large_requests(step: int, autojump_clock: MockClock) -> None:
    async with nursery() as work:
        size = 20 << 20
        source = Memory(made(size))
        source.seconds = 0.05
        assert await read_through(BlockCache(work).open(source), size, step) == source.data
        assert source.bytes_fetched() == size
        assert len(source.fetched) <= size // (2 * BLOCK)
        assert source.most_under_way <= 3


async def test_a_copy_is_fetched_ahead_for_but_not_without_end(autojump_clock: MockClock) -> None:
    async with nursery() as work:
        source = Memory(made(40 << 20))
        reader = BlockCache(work).open(source)
        read = SEQUENTIAL
        await read_through(reader, read)
        await wait_all_tasks_blocked()
        assert source.bytes_fetched() == read
        while read < 16 << 20:
            await reader.read(read, KERNEL)
            read += KERNEL
            await wait_all_tasks_blocked()
            assert source.bytes_fetched() <= read + min(read, AHEAD) + RUN * BLOCK
        assert source.bytes_fetched() >= read + AHEAD - RUN * BLOCK


async def test_requests_that_overtake_each_other_are_a_copy_too(autojump_clock: MockClock) -> None:
    async with nursery() as work:
        size = 8 << 20
        cache, source = BlockCache(work), Memory(made(size))
        source.seconds = 0.01
        reader = cache.open(source)
        offsets = list(range(0, size, KERNEL))
        for start in range(0, len(offsets), 4):
            async with trio.open_nursery() as reads:
                for offset in reversed(offsets[start : start + 4]):
                    reads.start_soon(reader.read, offset, KERNEL)
        assert source.bytes_fetched() == size
        assert len(source.fetched) < 20


async def test_a_reader_that_is_closed_is_not_fetched_ahead_for(autojump_clock: MockClock) -> None:
    async with nursery() as work:
        source = Memory(made(40 << 20))
        source.seconds = 1
        reader = BlockCache(work).open(source)
        await read_through(reader, 4 << 20)
        reader.close()
        await trio.sleep(100)
        assert source.bytes_fetched() < 4 << 20 | 2 * RUN * BLOCK | 8 << 20
        fetched = source.bytes_fetched()
        await trio.sleep(100)
        assert source.bytes_fetched() == fetched <= (4 << 20) + 2 * RUN * BLOCK


async def test_a_sequential_reader_leaves_the_line_to_others_in_between(autojump_clock: MockClock) -> None:
    """One request ahead at a time: what comes in between waits behind no more than one."""
    async with nursery() as work:
        source = Memory(made(40 << 20))
        source.seconds = 0.1
        reader = BlockCache(work).open(source)
        await read_through(reader, 10 << 20)
        source.most_under_way = 0
        await trio.sleep(5)
        assert source.most_under_way <= 1


async def test_failing_to_read_ahead_is_nobody_s_failure(autojump_clock: MockClock) -> None:
    async with nursery() as work:
        size = 6 << 20
        source = Memory(made(size))

        def fails(offset: int, _size: int) -> None:
            if offset > 2 << 20:
                raise errors.TransferTimeout("no answer")

        source.fails = fails
        reader = BlockCache(work).open(source)
        assert await read_through(reader, 2 << 20) == source.data[: 2 << 20]
        await wait_all_tasks_blocked()
        source.fails = lambda offset, size: None
        for offset in range(2 << 20, size, KERNEL):
            assert await reader.read(offset, KERNEL) == source.data[offset : offset + KERNEL]


@pytest.mark.parametrize(
    ("readers", "capacity"), [(1, 1 << 20), (8, 64 << 20), (8, 4 << 20), (4, 1 << 20), (2, 1 << 20)]
)
async def test_readers_side_by_side_do_not_drive_out_what_was_fetched_for_the_others(
    readers: int, capacity: int, autojump_clock: MockClock
) -> None:
    async with nursery() as work:
        size = 6 << 20
        cache = BlockCache(work, capacity)
        sources = [Memory(made(size, seed)) for seed in range(readers)]

        async def one(source: Memory) -> None:
            reader = cache.open(source)
            for offset in range(0, size, KERNEL):
                assert await reader.read(offset, KERNEL) == source.data[offset : offset + KERNEL]
                await trio.sleep(0.001)
            reader.close()

        for source in sources:
            source.seconds = 0.02
        async with trio.open_nursery() as running:
            for source in sources:
                running.start_soon(one, source)
        assert sum(source.bytes_fetched() for source in sources) <= 1.1 * readers * size


# once for all who wait


async def test_all_who_wait_for_a_block_are_served_by_one_fetch() -> None:
    async with nursery() as work:
        cache, source = BlockCache(work), Memory(made(BLOCK))
        source.gate = trio.Event()
        served: list[bytes] = []

        async def one() -> None:
            served.append(bytes(await cache.open(source).read(5, 100)))

        async with trio.open_nursery() as readers:
            for _ in range(20):
                readers.start_soon(one)
            await wait_all_tasks_blocked()
            assert list(cache.sources_in_flight()) == [source]
            source.gate.set()
        assert served == [source.data[5:105]] * 20
        assert source.fetched == [(0, BLOCK)]
        assert list(cache.sources_in_flight()) == []


async def test_a_reader_that_is_cancelled_takes_nothing_from_the_others() -> None:
    async with nursery() as work:
        cache, source = BlockCache(work), Memory(made(3 * BLOCK))
        source.gate = trio.Event()
        served: list[bytes] = []
        leaving = trio.CancelScope()

        async def leaves() -> None:
            with leaving:
                await cache.open(source).read(0, 3 * BLOCK)

        async def stays() -> None:
            served.append(bytes(await cache.open(source).read(0, 3 * BLOCK)))

        async with trio.open_nursery() as readers:
            readers.start_soon(leaves)
            await wait_all_tasks_blocked()
            readers.start_soon(stays)
            await wait_all_tasks_blocked()
            leaving.cancel()
            await wait_all_tasks_blocked()
            source.gate.set()
        assert served == [source.data]
        assert source.fetched == [(0, 3 * BLOCK)]


# failures


async def test_a_failure_is_told_to_all_who_wait_and_not_kept() -> None:
    async with nursery() as work:
        cache, source = BlockCache(work), Memory(made(BLOCK))
        source.gate = trio.Event()

        def fails(_offset: int, _size: int) -> None:
            raise errors.TransferTimeout("no answer")

        source.fails = fails
        failed = 0

        async def one() -> None:
            nonlocal failed
            with pytest.raises(errors.TransferTimeout):
                await cache.open(source).read(0, 10)
            failed += 1

        async with trio.open_nursery() as readers:
            for _ in range(5):
                readers.start_soon(one)
            await wait_all_tasks_blocked()
            source.gate.set()
        assert failed == 5
        assert len(source.fetched) == 1
        source.fails = lambda offset, size: None
        assert await cache.open(source).read(0, 10) == source.data[:10]


async def test_a_run_that_fails_is_fetched_a_block_at_a_time() -> None:
    async with nursery() as work:
        cache, source = BlockCache(work), Memory(made(4 * BLOCK))

        def fails(offset: int, size: int) -> None:
            if offset <= 2 * BLOCK < offset + size:
                raise errors.Refused("a bad sector", 0x2002)

        source.fails = fails
        reader = cache.open(source)
        with pytest.raises(errors.Refused):
            await reader.read(0, 4 * BLOCK)
        for index in (0, 1, 3):
            assert await reader.read(index * BLOCK, BLOCK) == source.data[index * BLOCK : (index + 1) * BLOCK]
        with pytest.raises(errors.Refused):
            await reader.read(2 * BLOCK, BLOCK)


async def test_a_fetch_that_has_a_bug_is_an_error_of_the_read() -> None:
    """It must not take the mount down."""
    async with nursery() as work:
        cache, source = BlockCache(work), Memory(made(4 * BLOCK))

        def fails(_offset: int, _size: int) -> None:
            raise ZeroDivisionError("a bug")

        source.fails = fails
        with pytest.raises(errors.CameraError):
            await cache.open(source).read(0, 4 * BLOCK)
        source.fails = lambda offset, size: None
        assert await cache.open(source).read(0, 4 * BLOCK) == source.data


async def test_a_file_that_ends_before_its_size_says_so() -> None:
    async with nursery() as work:
        source = Memory(made(2 * BLOCK + 1000), claimed=10 * BLOCK)
        cache = BlockCache(work)
        reader = cache.open(source)
        assert await reader.read(0, 2 * BLOCK) == source.data[: 2 * BLOCK]
        assert await reader.read(2 * BLOCK, 1000) == source.data[2 * BLOCK :]
        for offset, size in (
            (2 * BLOCK, 1001),
            (2 * BLOCK + 999, 2),
            (3 * BLOCK, 1),
            (9 * BLOCK, BLOCK),
            (0, 10 * BLOCK),
        ):
            with pytest.raises(errors.RemoteProtocolError):
                await reader.read(offset, size)


async def test_an_end_that_came_too_early_once_is_not_believed_for_ever() -> None:
    async with nursery() as work:
        cache, source = BlockCache(work), Memory(made(BLOCK))
        whole, source.data, source.claimed = source.data, b"", BLOCK
        with pytest.raises(errors.RemoteProtocolError):
            await cache.open(source).read(0, 100)
        source.data = whole
        assert await cache.open(source).read(0, 100) == whole[:100]


async def test_blocks_that_are_empty_are_not_kept() -> None:
    async with nursery() as work:
        cache, source = BlockCache(work), Memory(b"", claimed=1 << 50)
        reader = cache.open(source)
        for offset in range(0, 1 << 50, 1 << 42):
            with pytest.raises(errors.RemoteProtocolError):
                await reader.read(offset, 1)
        assert len(cache._blocks) == 0


async def test_more_bytes_than_were_asked_for() -> None:
    async with nursery() as work:
        cache, source = BlockCache(work), Memory(made(3 * BLOCK))

        class Generous(Memory):
            async def fetch(self, offset: int, size: int) -> bytes | memoryview:
                return self.data[offset : offset + 2 * size]

        generous = Generous(source.data)
        for index in range(3):
            assert await cache.open(generous).read(index * BLOCK, 10) == source.data[index * BLOCK : index * BLOCK + 10]
        assert bytes_held(cache) <= 3 * BLOCK


# what is kept


async def test_no_more_is_kept_than_may_be() -> None:
    async with nursery() as work:
        capacity = 8 * BLOCK
        cache = BlockCache(work, capacity)
        sources = [Memory(made(6 * BLOCK, seed)) for seed in range(6)]
        for source in sources * 2:
            assert await read_through(cache.open(source), source.size) == source.data
            assert cache._bytes == bytes_held(cache) <= capacity


async def test_what_was_not_used_longest_goes_first() -> None:
    async with nursery() as work:
        cache, source = BlockCache(work, 4 * BLOCK), Memory(made(100 * BLOCK))
        reader = cache.open(source)
        for index in (0, 20, 40, 60):
            await reader.read(index * BLOCK, 1)
        await reader.read(0, 1)
        await reader.read(80 * BLOCK, 1)
        source.fetched.clear()
        for index in (0, 40, 60, 80):
            await reader.read(index * BLOCK, 1)
        assert source.fetched == []
        await reader.read(20 * BLOCK, 1)
        assert source.fetched == [(20 * BLOCK, BLOCK)]


async def test_the_bound_is_one_of_memory() -> None:
    """Of a long request one block may stay: then the rest must really go."""
    async with nursery() as work:
        capacity = 16 * BLOCK
        cache = BlockCache(work, capacity)

        class Fresh(Memory):
            async def fetch(self, offset: int, size: int) -> bytes | memoryview:
                return bytes(size)

        source = Fresh(b"", claimed=1 << 40)
        reader = cache.open(source)
        tracemalloc.start()
        try:
            for run in range(200):
                await reader.read(4 * run * RUN * BLOCK, RUN * BLOCK)
                for kept in range(max(0, run - 12), run):
                    await reader.read(4 * kept * RUN * BLOCK, 1)
            held = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        assert bytes_held(cache) <= capacity
        assert held < 1.3 * capacity


async def test_reading_more_at_once_than_the_cache_holds() -> None:
    async with nursery() as work:
        cache, source = BlockCache(work, 2 * BLOCK), Memory(made(9 * BLOCK))
        assert await cache.open(source).read(0, 9 * BLOCK) == source.data
        assert bytes_held(cache) <= 2 * BLOCK


async def test_dropping_a_file() -> None:
    async with nursery() as work:
        cache, source, other = BlockCache(work), Memory(made(3 * BLOCK)), Memory(made(BLOCK, 2))
        await cache.open(source).read(0, 3 * BLOCK)
        await cache.open(other).read(0, BLOCK)
        cache.drop(source)
        assert bytes_held(cache) == BLOCK
        source.data = made(3 * BLOCK, 3)
        assert await cache.open(source).read(0, 3 * BLOCK) == source.data
        other.fetched.clear()
        assert await cache.open(other).read(0, BLOCK) == other.data
        assert other.fetched == []


async def test_dropping_while_fetching() -> None:
    """What was asked for before the file changed is neither kept nor given to those who ask after."""
    async with nursery() as work:
        cache, source = BlockCache(work), Memory(b"old " * (BLOCK // 4) * 2)
        source.gate = trio.Event()
        served: list[bytes] = []

        async def one() -> None:
            served.append(bytes(await cache.open(source).read(0, 2 * BLOCK)))

        async with trio.open_nursery() as readers:
            readers.start_soon(one)
            await wait_all_tasks_blocked()
            cache.drop(source)
            old_gate, source.gate = source.gate, trio.Event()
            source.data = b"new " * (BLOCK // 4) * 2
            readers.start_soon(one)
            await wait_all_tasks_blocked()
            old_gate.set()
            await wait_all_tasks_blocked()
            assert bytes_held(cache) == 0
            source.gate.set()
        assert served == [source.data] * 2
        assert await cache.open(source).read(0, 8) == b"new new "


async def test_a_fetch_that_fails_after_the_file_was_forgotten_is_nobody_s() -> None:
    async with nursery() as work:
        cache, source = BlockCache(work), Memory(made(BLOCK))
        source.gate = trio.Event()
        served: list[bytes] = []

        def fails(_offset: int, _size: int) -> None:
            if len(source.fetched) == 1:
                raise errors.NotFound("the object has changed", 0x2009)

        source.fails = fails

        async def one() -> None:
            served.append(bytes(await cache.open(source).read(0, BLOCK)))

        async with trio.open_nursery() as readers:
            readers.start_soon(one)
            await wait_all_tasks_blocked()
            cache.drop(source)
            source.gate.set()
        assert served == [source.data]


async def test_a_file_that_shrinks_while_it_is_fetched_ahead() -> None:
    async with nursery() as work:
        cache, source = BlockCache(work), Memory(made(8 * BLOCK))
        reader = cache.open(source)
        source.gate = trio.Event()
        async with trio.open_nursery() as readers:

            async def one() -> None:
                assert bytes(await reader.read(0, 8 * BLOCK)) in (b"", source.data, source.data[:100])

            readers.start_soon(one)
            await wait_all_tasks_blocked()
            cache.drop(source)
            source.data = source.data[:100]
            source.gate.set()
            with trio.move_on_after(1):
                await wait_all_tasks_blocked()
            readers.cancel_scope.cancel()
        assert await reader.read(0, 8 * BLOCK) == source.data


async def test_a_request_that_has_not_begun_when_the_file_shrinks() -> None:
    async with nursery() as work:
        cache, source = BlockCache(work), Memory(made(8 * BLOCK))
        cache.begin(source, 4, 4)
        source.data = source.data[:100]
        await wait_all_tasks_blocked()
        assert source.fetched == []
        assert await cache.open(source).read(0, 200) == source.data


def test_the_cache_s_own_numbers() -> None:
    assert blocks.CAPACITY == parse_options([]).cache >= 4 * AHEAD
    assert AHEAD % (RUN * BLOCK) == 0


# slow lines, and time that is up


@pytest.mark.parametrize("rate", [20_000, 40_000, 100_000, 1_000_000])
async def test_a_copy_over_a_slow_line(rate: int, autojump_clock: MockClock) -> None:
    """Requests become short, so that each is answered within its budget and so is every reader."""

    class SlowLine(Memory):
        async def fetch(self, offset: int, size: int) -> bytes | memoryview:
            self.seconds = size / rate
            return await super().fetch(offset, size)

    async with nursery() as work:
        budget, source = Budget(18.5), SlowLine(made(3 << 20))
        reader = BlockCache(work, budget=budget).open(source)
        pieces = []
        for offset in range(0, source.size, KERNEL):
            with budget.limit():
                pieces.append(bytes(await reader.read(offset, KERNEL)))
        assert b"".join(pieces) == source.data
        assert source.bytes_fetched() == source.size


async def test_requests_become_long_again(autojump_clock: MockClock) -> None:
    async with nursery() as work:
        cache, source = BlockCache(work), Memory(made(40 << 20))
        reader = cache.open(source)
        source.seconds = LONG
        await read_through(reader, 2 << 20)
        source.seconds = SHORT / 10
        source.fetched.clear()
        await read_through(cache.open(source), 20 << 20)
        assert max(size for _, size in source.fetched) == RUN * BLOCK


async def test_a_fetch_whose_time_is_up(autojump_clock: MockClock) -> None:
    async with nursery() as work:
        cache, source = BlockCache(work, budget=Budget(10)), Memory(made(BLOCK))
        source.gate = trio.Event()
        with pytest.raises(errors.TransferTimeout):
            await cache.read(source, 0, KERNEL)
        assert trio.current_time() == 10 - RECOVERY
        assert source.under_way == 0
        source.gate.set()
        assert await cache.read(source, 0, KERNEL) == source.data[:KERNEL]


# what is passed on


async def test_what_is_fetched_ahead_is_passed_on_once() -> None:
    async with nursery() as work:
        source, pages = Memory(made(12 * RUN * BLOCK + 77)), Pages()
        source.seconds = 0.001
        reader = BlockCache(work).open(source, pages.take)
        assert await read_through(reader, source.size) == source.data
        end = 0
        for offset, data in sorted(pages.passed_on):
            assert offset >= end
            assert data == source.data[offset : offset + len(data)]
            end = offset + len(data)
        assert source.bytes_fetched() == source.size
        assert sum(len(data) for _, data in pages.passed_on) > source.size // 2


async def test_what_was_asked_for_is_not_passed_on() -> None:
    async with nursery() as work:
        source, pages = Memory(made(20 * BLOCK)), Pages()
        reader = BlockCache(work).open(source, pages.take)
        for index in (0, 19, 7, 3, 12):
            await reader.read(index * BLOCK, BLOCK)
        assert pages.passed_on == []


async def test_a_copy_leaves_the_blocks_of_other_files() -> None:
    async with nursery() as work:
        cache = BlockCache(work, 2 * AHEAD)
        other, large = Memory(made(BLOCK)), Memory(made(8 * AHEAD))
        await cache.open(other).read(0, 10)
        reader = cache.open(large, Pages().take)
        most = 0
        for offset in range(0, large.size, KERNEL):
            await reader.read(offset, KERNEL)
            most = max(most, bytes_held(cache))
        assert most <= 2 * AHEAD
        reader.close()
        await cache.open(other).read(0, 10)
        assert len(other.fetched) == 1
        assert (
            bytes_held(cache) <= BLOCK + SEQUENTIAL + 2 * BLOCK
        )  # what was asked for before the reader was sequential


async def test_what_has_changed_meanwhile_is_not_passed_on() -> None:
    async with nursery() as work:
        cache, source, pages = BlockCache(work), Memory(made(8 * BLOCK)), Pages()
        reader = cache.open(source, pages.take)
        await reader.read(0, SEQUENTIAL)
        source.gate = trio.Event()
        work.start_soon(reader.read, SEQUENTIAL, 10)
        await wait_all_tasks_blocked()
        cache.drop(source)
        gate, source.gate = source.gate, None
        gate.set()
        await wait_all_tasks_blocked()
        assert all(offset < SEQUENTIAL for offset, _ in pages.passed_on)
