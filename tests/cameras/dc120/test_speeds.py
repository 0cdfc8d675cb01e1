"""The DC120's line: the fastest speed that works, the one that is asked for, and 9600 baud after closing."""

import pytest
import trio
import trio.testing

from camfs import errors
from camfs.protocols.dc120.commands import Code
from camfs.virtual.dc120 import FaultKind
from tests.cameras.dc120.rig import picture, rigged, stored


@pytest.mark.parametrize("fastest", [9600, 19200, 38400, 57600, 115200, 230400])
async def test_the_fastest_that_works(jumping_clock: trio.testing.MockClock, fastest: int) -> None:
    async with rigged([stored(1, size=3000)], baud=None, fastest=fastest) as rig:
        assert rig.line.speed == rig.cable.speed == rig.cable.host_baud == min(fastest, 115200)
        assert await rig.read(await rig.entry(1)) == picture(1)[:3000]
    assert rig.cable.speed == 9600
    assert rig.port.closed


@pytest.mark.parametrize("baud", [9600, 38400, 230400])
async def test_the_one_that_is_asked_for(jumping_clock: trio.testing.MockClock, baud: int) -> None:
    async with rigged(baud=baud) as rig:
        assert rig.line.speed == rig.cable.speed == baud
    assert rig.cable.speed == 9600


async def test_none_that_works(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged(baud=115200, fastest=19200, opened=False) as rig:
        with pytest.raises(errors.TransferTimeout):
            await rig.camera.open()
    assert rig.port.closed


async def test_no_camera(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged(baud=None, opened=False) as rig:
        rig.emulated.switch_off()
        before = trio.current_time()
        with pytest.raises(errors.TransferTimeout):
            await rig.camera.open()
        assert trio.current_time() - before < 10


async def test_the_zero_after_a_change_of_speed(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged(baud=None, opened=False) as rig:
        rig.fail(FaultKind.EXTRA_END, Code.SET_SPEED)
        await rig.camera.open()
        assert rig.line.speed == 115200


async def test_leaving_in_the_middle(jumping_clock: trio.testing.MockClock) -> None:
    """A command that was interrupted leaves the camera at its speed; the break at closing brings it back to 9600 baud."""
    async with rigged([stored(1)], baud=None, throttled=True) as rig:
        entry = await rig.entry(1)
        with trio.move_on_after(0.02) as scope:
            await rig.camera.delete(entry)
        assert scope.cancelled_caught
        assert rig.cable.speed == 115200
        await rig.camera.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert rig.cable.speed == 9600
