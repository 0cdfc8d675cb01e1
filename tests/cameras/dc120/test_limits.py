"""A line on which something talks for ever: no call goes on for ever, and the camera is there again when it has stopped."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from camfs import errors
from tests.cameras.dc120.rig import MEMORY, Rig, picture, rigged, stored

SENTENCE = b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n"
TALK = {
    "still working": (b"\x10", 0.2),
    "busy": (b"\xf0", 0.7),
    "accepted": (b"\xd1" * 500, 0.2),
    "refused": (b"\xe1", 0.3),
    "done": (b"\0", 0.2),
    "a GPS receiver": (SENTENCE, 0.7),
    "a slow one": (SENTENCE, 1.4),
    "one that leaves time for a command": (SENTENCE, 1.6),
    "one each two seconds": (SENTENCE, 2.1),
    "one each three seconds": (SENTENCE, 3.0),
    "accepted now and then": (b"\xd1", 2.0),
    "a byte now and then": (b"x", 1.6),
    "noise": (bytes(range(256)) * 4, 0.2),
}


@asynccontextmanager
async def talking(rig: Rig, kind: str) -> AsyncIterator[None]:
    """Let something talk in the camera's place while the block runs."""
    data, seconds = TALK[kind]

    async def talk() -> None:
        while True:
            rig.cable._at_host.send_nowait((data, rig.cable.host_baud))
            await trio.sleep(seconds)

    rig.emulated.switch_off()
    async with trio.open_nursery() as talkers:
        talkers.start_soon(talk)
        yield
        talkers.cancel_scope.cancel()
    rig.emulated.switch_on()


@pytest.mark.parametrize("kind", TALK)
async def test_no_camera_is_found(jumping_clock: trio.testing.MockClock, kind: str) -> None:
    async with rigged(baud=None, opened=False) as rig, talking(rig, kind):
        before = trio.current_time()
        with pytest.raises(errors.TransferTimeout, match="no DC120 answers on this line"):
            await rig.camera.open()
        assert trio.current_time() - before < 9


@pytest.mark.parametrize("kind", TALK)
async def test_every_call_ends(jumping_clock: trio.testing.MockClock, kind: str) -> None:
    async with rigged([stored(1), stored(2)], baud=None) as rig:
        one, two = [await rig.entry(number) for number in (1, 2)]
        async with talking(rig, kind):
            for call in (
                lambda: rig.read(one),
                rig.camera.status,
                rig.entries,
                lambda: rig.camera.change_setting("flash", "fill"),
                lambda: rig.camera.thumbnail(two),
                lambda: rig.camera.delete(two),
            ):
                before = trio.current_time()
                with pytest.raises(errors.CameraError):
                    await call()
                assert trio.current_time() - before < 18
                await trio.sleep(3)
        await trio.sleep(3)
        if kind == "refused":  # a refusal leaves the line in step, so only the next command finds that it is not
            with pytest.raises(errors.TransferTimeout):
                await rig.camera.status()
        assert await rig.read(one) == picture(1)
        assert await rig.names() == ["P000001.KDC", "P000002.KDC"]
        assert rig.line.speed == 115200


async def test_a_capture_is_waited_for(jumping_clock: trio.testing.MockClock) -> None:
    """The camera says that it is working: with the self-timer and a long exposure that takes a while."""
    async with rigged([stored(1)], capture="60") as rig, trio.open_nursery() as work:

        async def talk() -> None:
            while True:
                await trio.sleep(5)
                rig.cable._at_host.send_nowait((b"\x10", rig.cable.host_baud))

        work.start_soon(talk)
        (key,) = await rig.camera.capture()
        work.cancel_scope.cancel()
        assert key in await rig.camera.list_folder(MEMORY)


async def test_there_is_no_bulb(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged([stored(1)]) as rig:
        with pytest.raises(errors.NotSupported, match="16 s"):
            await rig.camera.capture(8)
        assert await rig.names() == ["P000001.KDC"]
