"""Taking pictures, on cameras that tell when it is done and on those that do not; and the status of a camera."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from camfs import errors
from camfs.cameras.ptp.capture import CAPTURE_AWAITED, CAPTURE_LATE, CAPTURE_QUIET, CAPTURE_TIMEOUT
from camfs.cameras.ptp.objects import ObjectKey
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
        assert trio.current_time() < CAPTURE_TIMEOUT / 2


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


async def test_a_picture_that_never_comes(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await prepared(rig)
        rig.body.state.capture.seconds = 1000
        with pytest.raises(errors.TransferTimeout):
            await rig.camera.capture()
        assert trio.current_time() == pytest.approx(CAPTURE_TIMEOUT, abs=CAPTURE_LATE)


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
