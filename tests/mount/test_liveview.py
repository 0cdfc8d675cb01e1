"""The live view as files: sizes that programs may believe, and a stream that each reader follows at its own pace."""

import errno
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.ptp.usblink import UsbLink
from camfs.mount.budget import RECOVERY, Budget
from camfs.mount.errnos import BadRequest
from camfs.mount.liveview import ANSWER_WITHIN, FILL, LONGEST_SAME, USUAL_SIZE, FrameFile, Frames, StreamFile
from tests.cameras.rig import emulated, nursery
from tests.cameras.scripted import ScriptedCamera
from tests.cameras.sigma.rig import driven
from tests.mount.rig import WatchedTree


class LiveCamera(ScriptedCamera):
    """Makes a frame in `seconds`, each of another size; `frame` says what it holds."""

    def __init__(self) -> None:
        super().__init__()
        self.made = 0
        self.seconds = 0.1
        self.frame: Callable[[int], bytes] = lambda number: bytes([number]) * (100 + number)

    async def view_frame(self) -> bytes:
        await trio.sleep(self.seconds)
        self.made += 1
        return self.frame(self.made)


class View:
    """A camera's live view as files, with what fetches the stream's frames."""

    def __init__(self, work: trio.Nursery, camera: ScriptedCamera | None = None, budget: float = math.inf) -> None:
        self.camera = LiveCamera()
        self.tree = WatchedTree(camera or self.camera, budget=Budget(budget))
        self.frames = Frames(self.tree)
        self.file = FrameFile(self.tree, self.tree.root, b".liveview.jpg")
        self.stream = StreamFile(self.tree, self.tree.root, b".liveview.mjpeg", self.frames)
        work.start_soon(self.frames.run)


@asynccontextmanager
async def viewed(camera: ScriptedCamera | None = None, budget: float = math.inf) -> AsyncIterator[View]:
    async with nursery() as work:
        yield View(work, camera, budget)


async def test_the_size_is_that_of_the_frame_from_open_on(autojump_clock: MockClock) -> None:
    async with viewed() as view:
        assert (await view.file.attributes()).size == USUAL_SIZE
        assert view.camera.made == 0
        for number in (1, 2, 3):
            handle = await view.file.open(writing=False)
            assert (await view.file.attributes()).size == 100 + number
            assert await handle.read(0, 1000) == bytes([number]) * (100 + number)
            assert await handle.read(100, 1000) == bytes([number]) * number
            await handle.close()
        assert view.camera.made == 3


async def test_a_camera_without_live_view_says_so_at_open() -> None:
    async with viewed(ScriptedCamera()) as view:
        with pytest.raises(errors.NotSupported):
            await view.file.open(writing=False)
        handle = await view.stream.open(writing=False)
        with pytest.raises(errors.NotSupported):
            await handle.read(0, 10)


async def test_nobody_writes() -> None:
    async with viewed() as view:
        for file in (view.file, view.stream):
            with pytest.raises(BadRequest) as refused:
                await file.open(writing=True)
            assert refused.value.errno == errno.EROFS


async def test_a_stream_is_frame_after_frame(autojump_clock: MockClock) -> None:
    async with viewed() as view:
        handle = await view.stream.open(writing=False)
        stream = b"".join([bytes(await handle.read(1000 * turn, 40)) for turn in range(9)])
        assert stream == b"".join(bytes([number]) * (100 + number) for number in (1, 2, 3))[: len(stream)]
        assert len(stream) > 250


async def test_readers_share_frames_and_a_slow_one_skips_some(autojump_clock: MockClock) -> None:
    seen: dict[float, list[int]] = {0.0: [], 0.35: []}
    async with viewed() as view:

        async def read(pause: float) -> None:
            handle = await view.stream.open(writing=False)
            while len(seen[pause]) < 10:
                seen[pause].append((await handle.read(0, 1000))[0])
                await trio.sleep(pause)

        async with trio.open_nursery() as readers:
            for pause in seen:
                readers.start_soon(read, pause)
        assert seen[0.0] == list(range(1, 11))
        assert seen[0.35] == sorted(set(seen[0.35]))
        assert seen[0.35][3] > 6
        assert view.camera.made == max(max(each) for each in seen.values())  # each frame was fetched once


async def test_nothing_is_fetched_while_nobody_reads(autojump_clock: MockClock) -> None:
    async with viewed() as view:
        handle = await view.stream.open(writing=False)
        await trio.sleep(100)
        assert view.camera.made == 0
        await handle.read(0, 10)
        await trio.sleep(100)
        assert view.camera.made == 1
        await handle.close()
        await trio.sleep(100)
        assert view.camera.made == 1


async def test_a_frame_that_was_begun_is_read_to_its_end(autojump_clock: MockClock) -> None:
    async with viewed() as view:
        slow, fast = await view.stream.open(writing=False), await view.stream.open(writing=False)
        begun = bytes(await slow.read(0, 50))
        for _ in range(5):
            await fast.read(0, 1000)
        assert begun + bytes(await slow.read(0, 1000)) == b"\1" * 101
        assert (await slow.read(0, 1000))[0] == 5


async def test_who_comes_later_gets_no_old_frame(autojump_clock: MockClock) -> None:
    async with viewed() as view:
        first = await view.stream.open(writing=False)
        await first.read(0, 1000)
        await trio.sleep(3600)
        later = await view.stream.open(writing=False)
        assert (await later.read(0, 1000))[0] == 2


async def test_a_frame_that_comes_again_is_not_passed_on_at_once(autojump_clock: MockClock) -> None:
    async with viewed() as view:
        view.camera.seconds = 0.0
        view.camera.frame = lambda number: b"still" if number < 500 else b"moving"
        handle = await view.stream.open(writing=False)
        assert await handle.read(0, 1000) == b"still"
        begun = trio.current_time()
        while (part := await handle.read(0, 1000)) == FILL:
            pass
        assert part == b"still"
        assert trio.current_time() - begun == pytest.approx(LONGEST_SAME, abs=0.1)
        assert view.camera.made < 500


async def test_a_reader_is_answered_each_second_and_one_fetch_goes_on(autojump_clock: MockClock) -> None:
    async with viewed() as view:
        view.camera.seconds = 5.5
        handle = await view.stream.open(writing=False)
        answers = []
        for _ in range(6):
            begun = trio.current_time()
            answers.append(bytes(await handle.read(0, 1000)))
            assert trio.current_time() - begun <= ANSWER_WITHIN
        assert answers == [FILL] * 5 + [b"\1" * 101]
        assert view.camera.made == 1


async def test_when_the_camera_gives_no_frame_each_reader_hears_of_it_once(autojump_clock: MockClock) -> None:
    async with viewed() as view:
        view.camera.seconds = 0.5
        readers = [await view.stream.open(writing=False) for _ in range(2)]
        view.camera.frame = lambda number: _fail(errors.DeviceGone("unplugged"))
        for reader in readers:
            with pytest.raises(errors.DeviceGone):
                await reader.read(0, 1000)
        view.camera.frame = lambda number: b"back"
        late = await view.stream.open(writing=False)
        for reader in (*readers, late):
            assert await reader.read(0, 1000) == b"back"


def _fail(error: errors.CameraError) -> bytes:
    raise error


async def test_a_camera_that_is_silent_for_longer_than_a_request_may_take(autojump_clock: MockClock) -> None:
    async with viewed(budget=12 + RECOVERY) as view:
        view.camera.seconds = 1000
        handle = await view.stream.open(writing=False)
        for _ in range(11):
            assert await handle.read(0, 1000) == FILL
        await trio.sleep(1)
        with pytest.raises(errors.TransferTimeout):
            await handle.read(0, 1000)
        view.camera.seconds = 0.1
        assert await handle.read(0, 1000) == b"\1" * 101


async def test_a_programming_error_is_no_end_of_the_stream(autojump_clock: MockClock) -> None:
    async with viewed() as view:
        view.camera.frame = lambda number: b"x" * (1 // (number - 1))
        handle = await view.stream.open(writing=False)
        with pytest.raises(errors.RemoteProtocolError):
            await handle.read(0, 1000)
        assert await handle.read(0, 1000) == b"x"


async def test_a_stream_over_an_unplugged_cable_and_a_new_one(tmp_path: Path) -> None:
    """On a real driver, with a reader that keeps the file open: ENODEV, and the camera's frames again when it is back."""
    async with emulated("sigma-fp") as body, driven(body, tmp_path) as rig, nursery() as work:
        tree = WatchedTree(rig.camera, work)
        frames = Frames(tree)
        work.start_soon(frames.run)
        handle = await StreamFile(tree, tree.root, b".liveview.mjpeg", frames).open(writing=False)

        async def next_frame() -> bytes:
            while (part := bytes(await handle.read(0, 4 << 20))) == FILL:
                pass
            return part

        for _ in range(3):
            assert (await next_frame()).startswith(b"\xff\xd8\xff")
        rig.body.unplug()
        with pytest.raises(errors.DeviceGone):
            await next_frame()
        with pytest.raises(errors.DeviceGone):
            await next_frame()
        body.plug()
        await rig.camera.reattach(UsbLink(body.open()))
        for _ in range(3):
            assert (await next_frame()).startswith(b"\xff\xd8\xff")
        assert rig.camera.remote.is_acquired
