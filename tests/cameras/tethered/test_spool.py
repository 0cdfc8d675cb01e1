"""The spool: parts that become files, folders that are held, and disks that fail."""

import errno
import os
import random
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from camfs import errors
from camfs.cameras.tethered.spool import Spool, Stored
from tests.cameras.rig import nursery
from tests.cameras.sigma.program import kept

TAKEN = 1_700_000_000_123_456_789
"""When the files here were taken, in nanoseconds."""

DATA = random.Random(0).randbytes(20_000)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Spool]:
    spool = Spool(folder)
    await spool.open()
    try:
        yield spool
    finally:
        await spool.aclose()


async def add(spool: Spool, name: str, data: bytes = DATA) -> None:
    part = await spool.begin(name, len(data), TAKEN)
    await part.write(0, data)
    await part.finish()


async def leave_part(folder: Path, name: str, *pieces: tuple[int, bytes]) -> None:
    """Leave what a killed program leaves."""
    async with opened(folder) as spool:
        part = await spool.begin(name, len(DATA), TAKEN)
        for offset, data in pieces:
            await part.write(offset, data)


async def test_a_name_with_a_number_of_the_cameras_own(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.files = {"A~1.JPG": Stored(7, 0), "A~1~2.JPG": Stored(7, 0), "A.JPG": Stored(8, 0)}
    assert spool.like("A~1.JPG", 7) == ["A~1.JPG", "A~1~2.JPG"]


async def test_a_beginning_ends_at_the_first_gap(tmp_path: Path) -> None:
    """Even where the gap is so small that the disk does not know of it."""
    async with opened(tmp_path) as spool:
        part = await spool.begin("A.JPG", 100, 0)
        await part.write(0, b"begins")
        await part.write(50, b"behind a gap")
        await part.keep_beginning()
        assert await spool.read("partial-A.JPG", 0, 100) == b"begins"
        part = await spool.begin("B.JPG", 100, 0)
        await part.write(1, b"does not begin")
        await part.keep_beginning()
        assert list(spool.files) == ["partial-A.JPG"]


@pytest.mark.usefixtures("without_threads")
async def test_a_file_in_pieces(tmp_path: Path) -> None:
    """In any order, some twice; it has its name when it is whole, and its date."""
    generator = random.Random(1)
    async with opened(tmp_path / "spool") as spool:
        part = await spool.begin("A.DNG", len(DATA), TAKEN)
        here = bytearray(len(DATA))
        while not part.is_whole:
            offset = generator.randrange(len(DATA))
            size = min(generator.randrange(1, 3000), len(DATA) - offset)
            assert (part.available(offset, size) == 0) is (here[offset] == 0)
            if not here[offset]:
                assert part.missing(offset, size) == (here[offset : offset + size] + b"\1").find(1)
            assert await part.read(offset, size) == DATA[offset : offset + part.available(offset, size)]
            await part.write(offset, DATA[offset : offset + size])
            here[offset : offset + size] = b"\1" * size
            assert part.first_gap() == (here + b"\0").find(0)
            assert spool.files == {}
        await part.finish()
        await part.finish()
        assert await part.read(0, 10) == b""
        await part.write(0, b"too late")
        await part.drop()
        assert await spool.read("A.DNG", 0, 1 << 20) == DATA
        assert await spool.read("A.DNG", 100, 5) == DATA[100:105]
        assert kept(tmp_path / "spool") == ["A.DNG"]
        status = (tmp_path / "spool" / "A.DNG").stat()
        assert status.st_mtime_ns == TAKEN
        assert status.st_mode & 0o777 == 0o600
        assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
        assert spool.like("A.DNG", len(DATA)) == ["A.DNG"]
        assert spool.like("A.DNG", 5) == spool.like("B.DNG", len(DATA)) == []
        total, free = await spool.usage()
        assert 0 <= free <= total
        await spool.remove("A.DNG")
        await spool.remove("A.DNG")
        assert kept(tmp_path / "spool") == []


async def test_it_is_there_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as spool:
        await add(spool, "A.JPG")
        before = spool.files
    async with opened(tmp_path) as spool:
        assert spool.files == before
        assert spool.files["A.JPG"].mtime_ns == TAKEN


async def test_an_empty_file(tmp_path: Path) -> None:
    async with opened(tmp_path) as spool:
        part = await spool.begin("A", 0, TAKEN)
        assert part.is_whole
        await part.finish()
        assert spool.files["A"].size == 0


async def test_two_programs(tmp_path: Path) -> None:
    """The second has a folder of its own; the next to come first takes over what is left there."""
    folder = tmp_path / "0123"
    async with opened(folder) as first, opened(folder) as second, opened(folder) as third:
        assert [each.folder.name for each in (first, second, third)] == ["0123", "0123.2", "0123.3"]
        await add(first, "A.JPG", b"first")
        await add(second, "A.JPG", b"second")
        await add(third, "A.JPG", b"third")
        part = await third.begin("B.JPG", 10, TAKEN)
        await part.write(0, b"part")
        await second.aclose()
        async with opened(folder) as fourth:
            assert fourth.folder.name == "0123.2"
    async with opened(folder) as spool:
        assert spool.folder == folder
        contents = {name: await spool.read(name, 0, 100) for name in spool.files}
        assert contents == {
            "A.JPG": b"first",
            "A~2.JPG": b"second",
            "A~3.JPG": b"third",
            "partial-B.JPG": b"part",
        }
        assert spool.files["A~3.JPG"].mtime_ns == TAKEN


async def test_what_is_held_is_not_taken_over(tmp_path: Path) -> None:
    folder = tmp_path / "0123"
    async with opened(folder) as first, opened(folder) as second:
        await add(second, "A.JPG")
        await first.aclose()
        async with opened(folder) as third:
            assert third.folder == folder
            assert third.files == {}


@pytest.mark.parametrize(
    "pieces", [[], [(0, DATA[:7000])], [(0, DATA[:4096]), (12_288, DATA[12_288:])], [(8192, DATA[8192:])]]
)
async def test_parts_at_the_start(pieces: list[tuple[int, bytes]], tmp_path: Path) -> None:
    """What came without a gap is kept."""
    await leave_part(tmp_path, "A.DNG", *pieces)
    async with opened(tmp_path) as spool:
        if not pieces or pieces[0][0]:
            assert spool.files == {}
        else:
            assert list(spool.files) == ["partial-A.DNG"]
            assert await spool.read("partial-A.DNG", 0, 1 << 20) == pieces[0][1]
        assert kept(tmp_path) == list(spool.files)


async def test_a_part_of_what_is_there_whole(tmp_path: Path) -> None:
    async with opened(tmp_path) as spool:
        await add(spool, "A~2.DNG")
    await leave_part(tmp_path, "A.DNG", (0, DATA[:100]))
    async with opened(tmp_path) as spool:
        assert list(spool.files) == ["A~2.DNG"]
    await leave_part(tmp_path, "A.DNG", (0, DATA[1:100]))
    async with opened(tmp_path) as spool:
        assert list(spool.files) == ["A~2.DNG", "partial-A.DNG"]


async def test_a_partial_file_whose_whole_one_comes(tmp_path: Path) -> None:
    """Also where a block of the disk hid a gap."""
    await leave_part(tmp_path, "A.DNG", (0, DATA[:1000]), (2000, DATA[2000:3000]))
    await leave_part(tmp_path, "B.DNG", (0, DATA[:100]))
    async with opened(tmp_path) as spool:
        assert list(spool.files) == ["partial-A.DNG", "partial-B.DNG"]
        await add(spool, "A.DNG")
        await add(spool, "B.DNG", DATA[1:])
        for name in list(spool.files):
            await spool.drop_partials_of(name)
        assert list(spool.files) == ["partial-B.DNG", "A.DNG", "B.DNG"]


async def test_a_part_that_is_given_up(tmp_path: Path) -> None:
    async with opened(tmp_path) as spool:
        part = await spool.begin("A.DNG", len(DATA), TAKEN)
        await part.write(0, DATA[:100])
        await part.keep_beginning()
        await part.keep_beginning()
        assert list(spool.files) == ["partial-A.DNG"]
        part = await spool.begin("A.DNG", len(DATA), TAKEN)
        await part.write(0, DATA[:100])
        await part.drop()
        assert kept(tmp_path) == ["partial-A.DNG"]


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, errors.StoreFull),
        (errno.EDQUOT, errors.StoreFull),
        (errno.EIO, errors.Refused),
        (errno.EROFS, errors.Refused),
    ],
)
@pytest.mark.parametrize("call", ["pwrite", "fsync", "utime", "open"])
async def test_a_disk_that_fails(
    call: str, number: int, kind: type[errors.Refused], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path) as spool:

        def fail(*arguments: object, **about: object) -> None:
            raise OSError(number, os.strerror(number))

        with monkeypatch.context() as patched:
            patched.setattr(os, call, fail)
            with pytest.raises(errors.Refused) as caught:
                await add(spool, "A")
        assert type(caught.value) is kind
        assert os.strerror(number) in str(caught.value)
        assert spool.files == {}
        await add(spool, "A")
        assert await spool.read("A", 0, len(DATA)) == DATA


async def test_files_that_somebody_deleted(tmp_path: Path) -> None:
    async with opened(tmp_path) as spool:
        await add(spool, "A")
        (tmp_path / "A").unlink()
        with pytest.raises(errors.NotFound):
            await spool.read("A", 0, 1)
        await spool.remove("A")
        assert spool.files == {}


@pytest.mark.parametrize("place", ["file", "file/spool"])
async def test_a_folder_that_cannot_be_made(place: str, tmp_path: Path) -> None:
    """A mount is refused, before a shot needs it."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(errors.Refused, match=r"cannot be kept on this computer.*Not a directory.*-o spool=DIR"):
        await Spool(tmp_path / place).open()
    assert os.listdir(tmp_path) == ["file"]


async def test_after_the_end(tmp_path: Path) -> None:
    async with opened(tmp_path) as spool:
        await spool.aclose()
        with pytest.raises(errors.Refused):
            await spool.begin("A", 1, TAKEN)


async def test_a_slow_disk_stops_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And who is cancelled meanwhile has the file all the same."""
    reached, go_on, fsync = threading.Event(), threading.Event(), os.fsync

    def slow(descriptor: int) -> None:
        reached.set()
        assert go_on.wait(10)
        fsync(descriptor)

    async with opened(tmp_path) as spool, nursery() as work:
        part = await spool.begin("A", len(DATA), TAKEN)
        await part.write(0, DATA)
        monkeypatch.setattr(os, "fsync", slow)
        scope, ended = trio.CancelScope(), trio.Event()

        async def finish() -> None:
            with scope:
                await part.finish()
            ended.set()

        work.start_soon(finish)
        await trio.to_thread.run_sync(reached.wait)
        scope.cancel()
        assert not ended.is_set()
        go_on.set()
        await ended.wait()
        assert list(spool.files) == kept(tmp_path) == ["A"]


@pytest.mark.parametrize("call", ["pwrite", "pread", "fsync"])
@pytest.mark.parametrize("end", ["drop", "keep_beginning", "finish"])
async def test_nobody_closes_a_file_that_a_thread_works_on(
    call: str, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of its descriptor may be another file's by then, and the bytes go there."""
    reached, go_on, real = threading.Event(), threading.Event(), getattr(os, call)
    numbers: list[str] = []

    def slow(descriptor: int, *arguments: object) -> object:
        if not reached.is_set():
            before = os.readlink(f"/proc/self/fd/{descriptor}")
            reached.set()
            assert go_on.wait(10)
            numbers.extend([before, os.readlink(f"/proc/self/fd/{descriptor}")])
        return real(descriptor, *arguments)

    async with opened(tmp_path) as spool, nursery() as work:
        partial = await spool.begin("A", len(DATA), TAKEN)
        await partial.write(0, DATA if call == "fsync" else DATA[:100])
        monkeypatch.setattr(os, call, slow)
        working = {
            "pwrite": lambda: partial.write(100, DATA[100:]),
            "pread": lambda: partial.read(0, 100),
            "fsync": partial.finish,
        }[call]
        work.start_soon(working)
        await trio.to_thread.run_sync(reached.wait)
        ended = trio.Event()

        async def close() -> None:
            await getattr(partial, end)()
            ended.set()

        work.start_soon(close)
        with trio.move_on_after(0.05):
            await ended.wait()
        assert not ended.is_set()
        go_on.set()
        await ended.wait()
    assert numbers[0] == numbers[1]
    assert numbers[0].startswith(str(tmp_path))
