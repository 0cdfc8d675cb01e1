"""The live view as files: sizes that programs may believe, and a stream that each reader follows at its own pace."""

import errno
from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.mount.errnos import BadRequest
from camfs.mount.liveview import LONGEST_SAME, USUAL_SIZE, FrameFile, StreamFile
from tests.cameras.scripted import ScriptedCamera
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


def files() -> tuple[LiveCamera, FrameFile, StreamFile]:
    camera = LiveCamera()
    tree = WatchedTree(camera)
    return camera, FrameFile(tree, tree.root, b".liveview.jpg"), StreamFile(tree, tree.root, b".liveview.mjpeg")


async def test_the_size_is_that_of_the_frame_from_open_on(autojump_clock: MockClock) -> None:
    camera, file, _ = files()
    assert (await file.attributes()).size == USUAL_SIZE
    assert camera.made == 0
    for number in (1, 2, 3):
        handle = await file.open(writing=False)
        assert (await file.attributes()).size == 100 + number
        assert await handle.read(0, 1000) == bytes([number]) * (100 + number)
        assert await handle.read(100, 1000) == bytes([number]) * number
        await handle.close()
    assert camera.made == 3


async def test_a_camera_without_live_view_says_so_at_open() -> None:
    tree = WatchedTree(ScriptedCamera())
    with pytest.raises(errors.NotSupported):
        await FrameFile(tree, tree.root, b".liveview.jpg").open(writing=False)
    handle = await StreamFile(tree, tree.root, b".liveview.mjpeg").open(writing=False)
    with pytest.raises(errors.NotSupported):
        await handle.read(0, 10)


async def test_nobody_writes() -> None:
    for file in files()[1:]:
        with pytest.raises(BadRequest) as refused:
            await file.open(writing=True)
        assert refused.value.errno == errno.EROFS


async def test_a_stream_is_frame_after_frame(autojump_clock: MockClock) -> None:
    _, _, file = files()
    handle = await file.open(writing=False)
    stream = b"".join([bytes(await handle.read(1000 * turn, 40)) for turn in range(9)])
    assert stream == b"".join(bytes([number]) * (100 + number) for number in (1, 2, 3))[: len(stream)]
    assert len(stream) > 250


async def test_readers_share_frames_and_a_slow_one_skips_some(autojump_clock: MockClock) -> None:
    camera, _, file = files()
    seen: dict[float, list[int]] = {0.0: [], 0.35: []}

    async def read(pause: float) -> None:
        handle = await file.open(writing=False)
        while len(seen[pause]) < 10:
            seen[pause].append((await handle.read(0, 1000))[0])
            await trio.sleep(pause)

    async with trio.open_nursery() as nursery:
        for pause in seen:
            nursery.start_soon(read, pause)
    assert seen[0.0] == list(range(1, 11))
    assert seen[0.35] == sorted(set(seen[0.35]))
    assert seen[0.35][3] > 6
    assert camera.made == max(max(each) for each in seen.values())  # each frame was fetched once


async def test_who_comes_later_gets_no_old_frame(autojump_clock: MockClock) -> None:
    _, _, file = files()
    first = await file.open(writing=False)
    await first.read(0, 1000)
    await trio.sleep(3600)
    later = await file.open(writing=False)
    assert (await later.read(0, 1000))[0] == 2


async def test_a_frame_that_comes_again_is_not_passed_on_at_once(autojump_clock: MockClock) -> None:
    camera, _, file = files()
    camera.seconds = 0.0
    camera.frame = lambda number: b"still" if number < 500 else b"moving"
    handle = await file.open(writing=False)
    assert await handle.read(0, 1000) == b"still"
    begun = trio.current_time()
    assert await handle.read(0, 1000) == b"still"
    assert trio.current_time() - begun == pytest.approx(LONGEST_SAME, abs=0.1)
    assert camera.made < 500
