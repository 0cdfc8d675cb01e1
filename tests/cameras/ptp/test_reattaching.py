"""A camera that is unplugged and plugged in again: the driver goes on with it, and with no other."""

import contextlib

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from camfs import errors
from camfs.cameras.api import FolderChanged, Gone
from camfs.cameras.ptp.usblink import UsbLink
from camfs.protocols.ptp.codes import Operation
from camfs.virtual.ptp.faults import Fault, FaultKind
from tests.cameras.rig import Rig, emulated, rigged


async def unplugged(rig: Rig) -> None:
    rig.body.unplug()
    await wait_all_tasks_blocked()
    assert rig.camera.gone
    assert Gone() in rig.changes()


async def test_it_goes_on(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        rig.body.card.add_file("", "A.JPG", b"before")
        assert await rig.names() == ["A.JPG"]
        epoch = rig.camera.epoch
        await unplugged(rig)
        with pytest.raises(errors.DeviceGone):
            await rig.names()
        rig.body.card.add_file("", "B.JPG", b"meanwhile")
        rig.body.plug()
        await rig.camera.reattach(UsbLink(rig.body.open()))
        assert not rig.camera.gone
        assert rig.camera.epoch > epoch
        assert FolderChanged(None) in rig.changes()
        rig.nursery.start_soon(rig.camera.listen)
        assert await rig.names() == ["A.JPG", "B.JPG"]
        assert bytes(await rig.camera.read(await rig.entry("B.JPG"), 0, 100)) == b"meanwhile"
        await unplugged(rig)


async def test_another_camera_is_not_taken_for_it(autojump_clock: MockClock) -> None:
    async with rigged() as rig, emulated(serial="9999") as other:
        await unplugged(rig)
        pipes = other.open()
        with pytest.raises(errors.DeviceGone, match="another camera"):
            await rig.camera.reattach(UsbLink(pipes))
        assert rig.camera.gone
        with pytest.raises(errors.DeviceGone):
            await rig.names()
        rig.body.plug()
        await rig.camera.reattach(UsbLink(rig.body.open()))
        assert await rig.names() == []


async def test_gone_again_while_it_comes_back(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await unplugged(rig)
        rig.body.plug()
        pipes = rig.body.open()
        rig.body.unplug()
        with pytest.raises(errors.DeviceGone):
            await rig.camera.reattach(UsbLink(pipes))
        assert rig.camera.gone
        rig.body.plug()
        with trio.fail_after(60):
            await rig.camera.reattach(UsbLink(rig.body.open()))
        assert not rig.camera.gone


async def test_nobody_waits_for_a_camera_that_is_looked_for(autojump_clock: MockClock) -> None:
    """What is there in its place takes the connection and does not answer."""
    async with rigged() as rig, emulated() as dumb:
        await unplugged(rig)
        dumb.faults.append(Fault(FaultKind.NO_ANSWER, times=None))
        pipes = dumb.open()

        async def look() -> None:
            with pytest.raises(errors.CameraError):
                await rig.camera.reattach(UsbLink(pipes))

        async with trio.open_nursery() as looking:
            looking.start_soon(look)
            await wait_all_tasks_blocked()
            began = trio.current_time()
            with pytest.raises(errors.DeviceGone):
                await rig.camera.setting("iso")
            assert trio.current_time() == began


async def test_parts_are_read_again_of_a_camera_that_had_fallen_silent_before_it_left(
    autojump_clock: MockClock,
) -> None:
    async with rigged(operations="-95C1") as rig:
        rig.body.card.add_file("", "A.JPG", b"before")
        entry = await rig.entry("A.JPG")
        rig.body.quirks.busy_after_cancel = 1000
        rig.body.faults.append(Fault(FaultKind.STOP, Operation.GetPartialObject))
        with contextlib.suppress(errors.CameraError):
            await rig.camera.read(entry, 0, 100)
        await unplugged(rig)
        rig.body.plug()
        await rig.camera.reattach(UsbLink(rig.body.open()))
        rig.operations()
        assert bytes(await rig.camera.read(await rig.entry("A.JPG"), 0, 100)) == b"before"
        assert "GetPartialObject" in rig.operations()
        assert "GetObject" not in rig.operations()
