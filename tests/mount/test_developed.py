"""`.developed/`: a JPEG for each raw picture, made in the background, once, and for those who wait for it."""

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from camfs import errors
from camfs.cameras.api import EntryChanged, EntryGone, Key
from camfs.developing.pictures import DevelopedPictures
from camfs.mount import developed
from camfs.mount.budget import Budget
from camfs.mount.developed import FORGOTTEN, USUAL_SIZE, Darkroom, DevelopedFile
from camfs.mount.errnos import BadRequest
from camfs.mount.mirror import MirrorFolder
from tests.cameras.rig import nursery
from tests.cameras.scripted import ScriptedCamera, Thing
from tests.mount.rig import WatchedTree, at, names_of


class Lab(DevelopedPictures):
    """Develops at once what it is given, or after a while, or not."""

    def __init__(self) -> None:
        super().__init__(Path("/nowhere"))
        self.given: list[bytes] = []
        self.seconds = 0.0
        self.failure: errors.CameraError | None = None

    def check(self) -> None:
        if isinstance(self.failure, errors.NotSupported):
            raise self.failure

    async def develop(self, data: bytes) -> bytes:
        self.given.append(data)
        await trio.sleep(self.seconds)
        if self.failure is not None:
            raise self.failure
        return b"\xff\xd8\xff" + data


class Bench:
    """A camera with raw pictures and the folder of their developed ones."""

    def __init__(self, work: trio.Nursery, budget: Budget | None = None) -> None:
        self.camera = ScriptedCamera()
        self.folder = self.camera.add(self.camera.card, "Holiday")
        self.raw = self.add("P1.KDC", b"one" * 1000)
        self.add("P2.kdc", b"two")
        self.add("P3.JPG", b"three")
        self.tree = WatchedTree(self.camera, work, budget)
        self.lab = Lab()
        self.darkroom = Darkroom(self.lab)
        self.root = MirrorFolder(self.tree, self.tree.root, b".developed", self.tree.root, self.darkroom)
        work.start_soon(self.darkroom.run)

    def add(self, name: str, data: bytes) -> Thing:
        return self.camera.add(self.folder, name, data, mtime_ns=5_000_000_000, picture=True)

    async def file(self, path: str = "card/Holiday/P1.jpg") -> DevelopedFile:
        node = await at(self.root, path)
        assert isinstance(node, DevelopedFile)
        return node

    async def read(self, path: str = "card/Holiday/P1.jpg") -> bytes:
        handle = await (await self.file(path)).open(writing=False)
        try:
            return bytes(await handle.read(0, 1 << 20))
        finally:
            await handle.close()


async def test_raw_pictures_are_there_as_jpegs() -> None:
    async with nursery() as work:
        bench = Bench(work)
        assert await names_of(bench.root) == ["card"]
        assert await names_of(await at(bench.root, "card/Holiday")) == ["P1.jpg", "P2.jpg"]
        assert bench.camera.count("read") == 0
        file = await bench.file()
        assert await file.parent.find(b"P3.jpg") is None  # type: ignore[attr-defined]
        assert await file.parent.find(b"P1.KDC") is None  # type: ignore[attr-defined]
        shown = await file.attributes()
        assert (shown.size, shown.mtime_ns) == (USUAL_SIZE, 5_000_000_000)


async def test_a_picture_is_made_when_it_is_opened_and_has_its_size_from_then_on() -> None:
    async with nursery() as work:
        bench = Bench(work)
        handle = await (await bench.file()).open(writing=False)
        assert (await (await bench.file()).attributes()).size == 3003
        assert bytes(await handle.read(0, 9)) == b"\xff\xd8\xffoneone"
        assert bytes(await handle.read(3000, 9)) == b"one"
        assert await bench.read() == b"\xff\xd8\xff" + b"one" * 1000
        assert await bench.read("card/Holiday/P2.jpg") == b"\xff\xd8\xfftwo"
        assert bench.lab.given == [b"one" * 1000, b"two"]
        assert bench.camera.count("release") == 2


async def test_it_cannot_be_written() -> None:
    async with nursery() as work:
        bench = Bench(work)
        with pytest.raises(BadRequest):
            await (await bench.file()).open(writing=True)


async def test_two_who_want_it_wait_for_one(autojump_clock: MockClock) -> None:
    async with nursery() as work:
        bench = Bench(work)
        bench.lab.seconds = 5
        async with trio.open_nursery() as readers:
            for _ in range(3):
                readers.start_soon(bench.read)
            await wait_all_tasks_blocked()
            assert bench.darkroom.status_lines() == [("developing", "card/Holiday/P1.KDC, being developed")]
        assert len(bench.lab.given) == 1
        assert bench.darkroom.status_lines() == []


async def test_who_cannot_wait_longer_is_told_and_finds_it_made_later(autojump_clock: MockClock) -> None:
    async with nursery() as work:
        bench = Bench(work)
        bench.lab.seconds = 30
        with pytest.raises(errors.Busy, match="being developed"), trio.fail_after(10):
            await bench.read()
        assert 8 < trio.current_time() < 10
        await trio.sleep(22)
        assert bench.lab.given == [b"one" * 1000]
        begun = trio.current_time()
        assert await bench.read() == b"\xff\xd8\xff" + b"one" * 1000
        assert trio.current_time() == begun
        assert len(bench.lab.given) == 1


async def test_a_picture_that_comes_slowly(autojump_clock: MockClock) -> None:
    async with nursery() as work:
        bench = Bench(work)

        async def slowly(call: str, key: Key | None) -> None:
            await trio.sleep(20 if call == "read" else 0)

        bench.camera.before = slowly
        with pytest.raises(errors.Busy, match="0 % received"), trio.fail_after(10):
            await bench.read()
        await trio.sleep(15)
        assert await bench.read() == b"\xff\xd8\xff" + b"one" * 1000


async def test_what_nobody_waits_for_is_not_made(autojump_clock: MockClock) -> None:
    async with nursery() as work:
        bench = Bench(work)
        bench.lab.seconds = FORGOTTEN + 20
        for path in ("card/Holiday/P1.jpg", "card/Holiday/P2.jpg"):
            with pytest.raises(errors.Busy), trio.fail_after(5):
                await bench.read(path)
        await trio.sleep(500)
        assert bench.lab.given == [b"one" * 1000]
        assert bench.darkroom.status_lines() == []
        bench.lab.seconds = 0
        assert await bench.read("card/Holiday/P2.jpg") == b"\xff\xd8\xfftwo"


@pytest.mark.parametrize("failure", [errors.NoData("no picture"), errors.NotSupported("needs rawpy")])
async def test_what_cannot_be_developed(failure: errors.CameraError) -> None:
    async with nursery() as work:
        bench = Bench(work)
        bench.lab.failure = failure
        for _ in range(2):
            with pytest.raises(type(failure), match=str(failure)):
                await bench.read()
        assert bench.camera.count("read") == (0 if isinstance(failure, errors.NotSupported) else 1)
        assert bench.camera.count("release") >= bench.camera.count("read")
        bench.lab.failure = None
        assert await bench.read() == b"\xff\xd8\xff" + b"one" * 1000


@pytest.mark.parametrize("failure", [errors.TransferTimeout("silent"), errors.DeviceGone("gone")])
async def test_a_camera_that_does_not_give_it(failure: errors.CameraError) -> None:
    async with nursery() as work:
        bench = Bench(work)
        bench.camera.failing["read"] = failure
        with pytest.raises(type(failure)):
            await bench.read()
        del bench.camera.failing["read"]
        assert await bench.read() == b"\xff\xd8\xff" + b"one" * 1000


async def test_a_picture_that_is_another_now_is_made_again() -> None:
    async with nursery() as work:
        bench = Bench(work)
        assert await bench.read() == b"\xff\xd8\xff" + b"one" * 1000
        bench.raw.data, bench.raw.mtime_ns = b"new", 9
        await bench.tree.apply(EntryChanged(bench.raw.number))
        assert await bench.read() == b"\xff\xd8\xffnew"
        bench.camera.remove(bench.raw)
        await bench.tree.apply(EntryGone(bench.raw.number))
        assert await bench.root.find(b"card") is not None
        with pytest.raises(AssertionError):
            await bench.file()


async def test_what_is_kept_in_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(developed, "KEPT", 3005)
    async with nursery() as work:
        bench = Bench(work)
        for _ in range(2):
            await bench.read()
            await bench.read("card/Holiday/P2.jpg")
        assert len(bench.lab.given) == 4


async def test_a_file_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(developed, "MOST", 2999)
    async with nursery() as work:
        bench = Bench(work)
        with pytest.raises(errors.NoData, match="no picture that can be developed"):
            await bench.read()
        assert bench.camera.count("read") == 0
