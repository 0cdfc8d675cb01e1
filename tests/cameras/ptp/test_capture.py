"""Taking pictures, on cameras that tell when it is done and on those that do not; and the status of a camera."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from camfs import errors
from camfs.cameras.ptp.capture import CAPTURE_AWAITED, CAPTURE_LATE, CAPTURE_QUIET, READY
from camfs.cameras.ptp.objects import ObjectKey
from camfs.cameras.ptp.waiting import LONGEST, USUAL
from camfs.protocols.ptp.codes import NO_TRANSACTION, EventCode, Operation, ResponseCode
from camfs.protocols.ptp.datasets import AccessCapability
from camfs.protocols.ptp.messages import Event
from camfs.virtual.pictures.contents import Bytes
from camfs.virtual.ptp.faults import FaultKind
from tests.cameras.rig import CARD, Rig, rigged


async def prepared(rig: Rig, without: Sequence[EventCode] = ()) -> None:
    """Let the camera have a folder for its pictures, and not list some events."""
    rig.body.card.folder("DCIM/100CAMFS")
    info = rig.body.state.device_info
    rig.body.state.device_info = replace(info, events=tuple(code for code in info.events if code not in without))
    rig.body.state.send(Event(EventCode.DeviceInfoChanged, NO_TRANSACTION))
    await wait_all_tasks_blocked()


def newest(rig: Rig) -> ObjectKey:
    folder = rig.body.card.folder("DCIM/100CAMFS")
    return ObjectKey(CARD, folder.children[-1].handle)


async def test_a_picture(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await prepared(rig)
        assert await rig.camera.capture() == [newest(rig)]
        assert trio.current_time() < 0.5
        entry = await rig.camera.describe(newest(rig), None)
        assert entry is not None
        assert bytes(await rig.camera.read(entry, 0, 3)) == b"\xff\xd8\xff"


async def test_a_camera_that_lists_events_and_sends_none(autojump_clock: MockClock) -> None:
    async with rigged(events="off") as rig:
        await prepared(rig)
        assert await rig.camera.capture() == [newest(rig)]
        assert trio.current_time() < USUAL / 2


async def test_one_after_another(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await prepared(rig)
        keys = [tuple(await rig.camera.capture()) for _ in range(4)]
        assert len(set(keys)) == 4
        assert all(len(each) == 1 for each in keys)


async def test_the_folder_that_the_camera_makes_for_it_is_none_of_its_files(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        assert await rig.camera.capture() == [newest(rig)]


@pytest.mark.parametrize(
    ("without", "slack"),
    [
        ([EventCode.CaptureComplete], CAPTURE_QUIET),
        ([EventCode.ObjectAdded], CAPTURE_LATE),
        ([EventCode.ObjectAdded, EventCode.CaptureComplete], 2 * CAPTURE_QUIET),
        (list(EventCode), 2 * CAPTURE_QUIET),
    ],
)
async def test_without_some_events(without: list[EventCode], slack: float, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await prepared(rig, without)
        rig.body.card.add_file("DCIM/100CAMFS", "OLD.JPG", b"a")
        await wait_all_tasks_blocked()
        assert await rig.camera.capture() == [newest(rig)]
        assert trio.current_time() < 1 + slack


async def test_an_event_that_is_listed_and_never_sent(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await prepared(rig)
        info = rig.body.state.device_info
        kept = tuple(code for code in info.events if code != EventCode.CaptureComplete)
        rig.body.state.device_info = replace(info, events=kept)  # of which the driver does not hear
        assert await rig.camera.capture() == [newest(rig)]
        assert trio.current_time() < 1 + CAPTURE_LATE


@pytest.mark.parametrize("without", [[], [EventCode.CaptureComplete]])
async def test_two_files_of_one_shot(without: list[EventCode], autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await prepared(rig, without)
        rig.body.state.capture.seconds = 2
        async with trio.open_nursery() as nursery:

            async def raw() -> None:
                await trio.sleep(1.5)
                rig.body.card.add_file("DCIM/100CAMFS", "SHOT.DNG", Bytes(b"raw"))

            nursery.start_soon(raw)
            keys = await rig.camera.capture()
        assert {key.handle for key in keys} == {
            child.handle for child in rig.body.card.folder("DCIM/100CAMFS").children
        }


async def test_a_long_exposure(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await prepared(rig)
        rig.body.state.capture.seconds = 40
        assert await rig.camera.capture() == [newest(rig)]


async def test_there_is_no_bulb(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await prepared(rig)
        before = len(rig.operations())
        with pytest.raises(errors.NotSupported, match="bulb"):
            await rig.camera.capture(8)
        assert "InitiateCapture" not in rig.operations()[before:]


async def test_a_picture_that_never_comes(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await prepared(rig)
        rig.body.state.capture.seconds = 1000
        with pytest.raises(errors.TransferTimeout):
            await rig.camera.capture()
        assert trio.current_time() == pytest.approx(USUAL, abs=CAPTURE_LATE)


async def test_a_camera_that_leaves_while_it_takes_a_picture(autojump_clock: MockClock) -> None:
    """Who waits for the picture hears of it at once, and does not wait for as long as it might have taken."""
    async with rigged() as rig:
        rig.body.state.capture.seconds = 50

        async def leave() -> None:
            await trio.sleep(1)
            rig.body.unplug()

        begun = trio.current_time()
        async with trio.open_nursery() as work:
            work.start_soon(leave)
            with pytest.raises(errors.DeviceGone):
                await rig.camera.capture()
        assert trio.current_time() - begun < 5


async def test_a_full_store(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await prepared(rig)
        rig.body.card.disk = None
        rig.body.card.capacity = 0
        with pytest.raises(errors.StoreFull):
            await rig.camera.capture()
        rig.body.card.capacity = 1 << 40
        assert await rig.camera.capture() == [newest(rig)]


async def test_a_store_that_is_full_when_the_picture_is_taken(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await prepared(rig)
        rig.body.state.capture.seconds = 1000

        async def full() -> None:
            await trio.sleep(3)
            rig.body.state.notify(EventCode.StoreFull, CARD)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(full)
            with pytest.raises(errors.StoreFull):
                await rig.camera.capture()
        assert trio.current_time() < 4


async def test_a_store_that_takes_no_pictures(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await prepared(rig)
        rig.body.card.access = AccessCapability.ReadOnly
        with pytest.raises(errors.StoreReadOnly):
            await rig.camera.capture()


async def test_a_camera_that_takes_no_pictures(autojump_clock: MockClock) -> None:
    async with rigged("sigma-fp", empty=False) as rig:
        rig.operations()
        with pytest.raises(errors.NotSupported):
            await rig.camera.capture()
        assert rig.operations() == []


async def test_a_camera_that_is_busy_with_the_last_picture(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await prepared(rig)
        rig.fail(FaultKind.REFUSE, Operation.InitiateCapture, times=5, code=ResponseCode.DeviceBusy)
        assert await rig.camera.capture() == [newest(rig)]


@pytest.mark.parametrize("kind", [FaultKind.NO_ANSWER, FaultKind.ABORT, FaultKind.GARBAGE])
async def test_a_shutter_is_not_released_twice(kind: FaultKind, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await prepared(rig)
        rig.fail(kind, Operation.InitiateCapture)
        with pytest.raises(errors.CameraError):
            await rig.camera.capture()
        assert rig.count(Operation.InitiateCapture) == 1
        await trio.sleep(3)
        assert len(await rig.camera.capture()) == 1


async def test_two_at_once(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await prepared(rig)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(rig.camera.capture)
            await wait_all_tasks_blocked()
            with pytest.raises(errors.Busy):
                await rig.camera.capture()


async def test_a_capture_that_is_cancelled(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await prepared(rig)
        with trio.move_on_after(0.1) as scope:
            await rig.camera.capture()
        assert scope.cancelled_caught
        await trio.sleep(3)
        assert await rig.camera.capture() == [newest(rig)]


async def test_capturing_never_enumerates(autojump_clock: MockClock) -> None:
    async with rigged(objects="2000") as rig:
        rig.operations()
        (key,) = await rig.camera.capture()
        assert len(rig.operations()) < 10
        way = await rig.camera.locate(key)
        assert len(way) == 4


@pytest.mark.parametrize("announces", [True, False])
async def test_a_file_of_the_shot_that_can_be_described_late(announces: bool, autojump_clock: MockClock) -> None:
    """The shot is not over before, whatever CaptureComplete says."""
    async with rigged(operations="-9805", events="on" if announces else "off") as rig:
        await prepared(rig)
        rig.body.card.add_file("DCIM/100CAMFS", "OLD.JPG", b"a")
        await wait_all_tasks_blocked()

        async def refuse() -> None:
            await trio.sleep(0.2)
            raw = rig.body.card.add_file("DCIM/100CAMFS", "SHOT.DNG", b"raw")
            rig.fail(FaultKind.REFUSE, Operation.GetObjectInfo, times=2, parameter=raw.handle, code=0x2009)

        rig.nursery.start_soon(refuse)
        keys = await rig.camera.capture()
        entries = [await rig.camera.describe(key, None) for key in keys]
        assert sorted(entry.name for entry in entries if entry is not None) == ["CAMF0001.JPG", "SHOT.DNG"]


@pytest.mark.parametrize("announces", [True, False])
async def test_an_object_that_is_never_described_does_not_keep_the_shot(
    announces: bool, autojump_clock: MockClock
) -> None:
    async with rigged(operations="-9805", events="on" if announces else "off") as rig:
        await prepared(rig)

        async def refuse() -> None:
            await trio.sleep(0.2)
            odd = rig.body.card.add_file("DCIM/100CAMFS", "ODD", b"odd")
            rig.fail(FaultKind.REFUSE, Operation.GetObjectInfo, times=None, parameter=odd.handle, code=0x2009)

        rig.nursery.start_soon(refuse)
        (key,) = await rig.camera.capture()
        entry = await rig.camera.describe(key, None)
        assert entry is not None
        assert entry.name == "CAMF0001.JPG"
        assert trio.current_time() < CAPTURE_AWAITED + 4 * CAPTURE_LATE


async def test_a_picture_in_a_folder_whose_parent_is_no_object(autojump_clock: MockClock) -> None:
    async with rigged(quirks=["unknown_parent"], operations="-9805") as rig:
        await prepared(rig)
        (key,) = await rig.camera.capture()
        assert key == newest(rig)
        assert len(await rig.camera.locate(key)) == 4


# ---------------------------------------------------------------------- long exposures


def set_exposure(rig: Rig, tenths_of_ms: int | None) -> None:
    """Set the exposure time; None takes the property away."""
    if tenths_of_ms is not None:
        held = rig.body.state.properties[0x500D]
        held.description = replace(held.description, current=tenths_of_ms)
        return
    del rig.body.state.properties[0x500D]
    info = rig.body.state.device_info
    rig.body.state.change_device_info(
        replace(info, device_properties=tuple(code for code in info.device_properties if code != 0x500D))
    )


@pytest.mark.parametrize("seconds", [20, 100, 900, 1800])
@pytest.mark.parametrize("events", ["on", "off"])
async def test_a_camera_that_is_busy_while_it_exposes(seconds: int, events: str, autojump_clock: MockClock) -> None:
    """It answers DeviceBusy to everything, whether it announces the picture or has to be asked for it."""
    async with rigged(events=events) as rig:
        await prepared(rig)
        rig.body.state.capture.seconds = seconds

        async def expose() -> None:
            await trio.sleep(0.5)
            fault = rig.fail(FaultKind.REFUSE, times=None, code=ResponseCode.DeviceBusy)
            await trio.sleep(seconds - 1)
            rig.body.faults.remove(fault)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(expose)
            keys = await rig.camera.capture()
        assert keys == [newest(rig)]
        assert seconds <= trio.current_time() < seconds + 15


@pytest.mark.parametrize("exposure", [300, 900])
async def test_a_camera_that_tells_its_exposure_time(exposure: int, autojump_clock: MockClock) -> None:
    """With a dark frame it takes twice as long."""
    async with rigged() as rig:
        await prepared(rig)
        set_exposure(rig, 10_000 * exposure)
        rig.body.state.capture.seconds = 2 * exposure + 20
        assert await rig.camera.capture() == [newest(rig)]


async def test_a_picture_that_does_not_come_after_a_long_exposure(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await prepared(rig)
        set_exposure(rig, 10_000 * 100)
        rig.body.state.capture.seconds = 5000
        with pytest.raises(errors.TransferTimeout):
            await rig.camera.capture()
        assert trio.current_time() == pytest.approx(USUAL + 2 * 100, abs=CAPTURE_LATE)


@pytest.mark.parametrize("exposure", [None, 0xFFFFFFFF], ids=["no such property", "bulb"])
async def test_a_camera_that_does_not_tell_its_exposure_time(exposure: int | None, autojump_clock: MockClock) -> None:
    """It is waited for while it answers, and asked little."""
    async with rigged() as rig:
        await prepared(rig)
        set_exposure(rig, exposure)
        rig.body.state.capture.seconds = 900
        rig.operations()
        assert await rig.camera.capture() == [newest(rig)]
        assert len(rig.operations()) < 70
        rig.body.state.capture.seconds = 5000
        began = trio.current_time()
        with pytest.raises(errors.TransferTimeout):
            await rig.camera.capture()
        assert trio.current_time() - began < LONGEST + 40


async def test_a_shot_that_is_over_without_a_picture(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await prepared(rig)
        set_exposure(rig, None)
        rig.body.state.capture.seconds = 5000

        async def over() -> None:
            await trio.sleep(3)
            rig.body.state.notify(EventCode.CaptureComplete)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(over)
            with pytest.raises(errors.TransferTimeout):
                await rig.camera.capture()
        assert trio.current_time() < USUAL + CAPTURE_LATE


@pytest.mark.parametrize("events", ["on", "off"])
async def test_a_camera_that_falls_silent_while_it_takes_a_picture(events: str, autojump_clock: MockClock) -> None:
    async with rigged(events=events) as rig:
        await prepared(rig)
        rig.body.state.capture.seconds = 5000

        async def silence() -> None:
            await trio.sleep(0.5)
            rig.fail(FaultKind.NO_ANSWER, times=None)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(silence)
            with pytest.raises(errors.TransferTimeout):
                await rig.camera.capture()
        assert trio.current_time() < 2 * USUAL + 30


async def test_a_camera_that_answers_when_it_has_exposed(autojump_clock: MockClock) -> None:
    async with rigged(timeout=1) as rig:
        await prepared(rig)
        rig.fail(FaultKind.DELAY, Operation.InitiateCapture, seconds=90)
        assert await rig.camera.capture() == [newest(rig)]


@pytest.mark.parametrize("operation", [Operation.InitiateCapture, Operation.GetObjectInfo])
async def test_a_camera_that_stores_a_picture_for_long(operation: Operation, autojump_clock: MockClock) -> None:
    """The last one before the shot, or this one after it."""
    async with rigged() as rig:
        await prepared(rig)
        busy = rig.fail(FaultKind.REFUSE, operation, times=None, code=ResponseCode.DeviceBusy)
        if operation is Operation.GetObjectInfo:
            busy.skip = 1

        async def store() -> None:
            await trio.sleep(READY - 5)
            rig.body.faults.clear()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(store)
            keys = await rig.camera.capture()
        assert keys == [newest(rig)]


async def test_a_camera_that_is_always_busy(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await prepared(rig)
        rig.fail(FaultKind.REFUSE, Operation.InitiateCapture, times=None, code=ResponseCode.DeviceBusy)
        with pytest.raises(errors.Busy):
            await rig.camera.capture()
        assert READY <= trio.current_time() < READY + 10


async def test_the_status_asks_nothing_while_a_picture_is_taken(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await prepared(rig)
        before = await rig.camera.status()
        assert "battery" in dict(before)
        rig.body.state.capture.seconds = 20
        async with trio.open_nursery() as nursery:
            nursery.start_soon(rig.camera.capture)
            await trio.sleep(2)
            rig.operations()
            assert await rig.camera.status() == before
            assert rig.operations() == []
