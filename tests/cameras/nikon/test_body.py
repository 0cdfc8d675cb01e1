"""A Nikon under control and back: shots to card and computer, settings, live view, focus, movies, and what the body does awkwardly."""

import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.api import FolderChanged, Happened
from camfs.cameras.nikon import live_view
from camfs.cameras.ptp.driver import PtpCamera
from camfs.cameras.ptp.objects import ObjectKey
from camfs.cameras.ptp.usblink import UsbLink
from camfs.cameras.still import open_still_camera
from camfs.cameras.tethered.shot_key import IMAGEDB, ImageKey
from camfs.protocols.nikon.codes import NikonEvent, NikonOperation, NikonResponse
from camfs.protocols.ptp.codes import NO_TRANSACTION, EventCode, Operation, ResponseCode
from camfs.protocols.ptp.datasets import Enumeration
from camfs.protocols.ptp.messages import Event
from camfs.virtual.nikon import properties as own
from camfs.virtual.ptp.calls import Answer, Call
from camfs.virtual.ptp.faults import FaultKind
from camfs.virtual.ptp.refusal import Refusal
from camfs.virtual.ptp.state import CameraState
from tests.cameras.nikon.rig import Rig, rigged
from tests.cameras.rig import CARD, CARD_ROOT, emulated, nursery
from tests.zeros import Zeros

JPEG = b"\xff\xd8\xff"

OLD = "-9207,-941C"
"""A body of the D90's kind."""


async def take(rig: Rig, exposure: float | None = None) -> list[str]:
    """Take a picture and return the names of its files."""
    return [(await rig.entry(key)).name for key in await rig.camera.capture(exposure)]


# ---------------------------------------------------------------------- the body is the photographer's


async def test_browsing_and_copying_send_standard_operations_only(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        camera = rig.camera
        assert await camera.list_folder(None) == [CARD_ROOT, IMAGEDB]
        assert await camera.list_folder(IMAGEDB) == []
        (dcim,) = await rig.described(CARD_ROOT)
        (folder,) = await rig.described(dcim.key)
        files = await rig.described(folder.key)
        assert len(files) == 4
        for entry in files:
            assert bytes(await camera.read(entry, 0, entry.size))[:3] == JPEG
            await camera.thumbnail(entry)
            await camera.release(entry)
        await camera.delete(files[0])
        for store in (CARD_ROOT, IMAGEDB):
            await camera.usage(store)
        await camera.status()
        await camera.refresh()
        await camera.focus()
        await camera.clock()
        assert camera.setting_names()
        assert not await camera.has_control()
        assert not await camera.recording()
        await camera.release_control()
        await camera.record(False)
        await trio.sleep(1000)
        await camera.aclose()
        assert rig.vendor_operations() == []
        assert not [path.name for path in (tmp_path / "spool").iterdir() if not path.name.startswith(".")]


async def test_settings_are_read_without_control(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.learn_settings()
        names = rig.camera.setting_names()
        assert {"iso", "aperture", "shutter-speed", "destination", "capture-autofocus", "prop-500d"} <= set(names)
        for name in names:
            await rig.camera.setting(name)
            await rig.camera.choices(name)
        assert set(rig.vendor_operations()) == {"GetVendorPropCodes"}
        assert rig.count(NikonOperation.GetVendorPropCodes) == 1


async def test_the_photographers_picture_appears_without_a_question(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.described(None)
        rig.nikon.press_shutter()
        await trio.sleep(1)
        assert any(isinstance(change, FolderChanged) for change in rig.changes())
        assert rig.vendor_operations() == []


async def test_a_nikon_1_is_driven_as_any_camera(tmp_path: Path, jumping_clock: MockClock) -> None:
    """GetVendorPropCodes hangs some of them."""
    async with emulated("nikon", empty=False) as body, nursery() as work:
        body.state.change_device_info(replace(body.state.device_info, model="J1"))
        camera = await open_still_camera(UsbLink(body.open()), work, timeout=10, idle=0, spool=tmp_path)
        assert type(camera) is PtpCamera
        await camera.aclose()


async def test_a_camera_of_another_maker_gets_none_of_it(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with emulated("nikon", empty=False, maker="Example", extension="6") as body, nursery() as work:
        camera = await open_still_camera(UsbLink(body.open()), work, timeout=10, idle=0, spool=tmp_path)
        assert type(camera) is PtpCamera
        await camera.aclose()


# ---------------------------------------------------------------------- shots


@pytest.mark.parametrize("operations", ["", "-941C", OLD, f"{OLD},-90C0", "-90C2", "-90CA", "-90CA,+9439", "-90C8"])
async def test_shots_to_the_card_and_to_the_computer(operations: str, tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, operations=operations) as rig:
        (name,) = await take(rig)
        assert rig.body.card.find(f"DCIM/100NZ6__/{name}")
        await rig.camera.change_setting("destination", "computer")
        first, second = await take(rig), await take(rig)
        assert len({name, *first, *second}) == 3
        shots = await rig.shots()
        assert set(shots) == {*first, *second}
        assert all(data.startswith(JPEG) for data in shots.values())
        assert len(set(shots.values())) == 2
        assert rig.nikon.memory == []
        await rig.camera.release_control()
        assert not rig.nikon.controlled
        assert rig.body.state.properties[own.MEDIA].value == 0


async def test_raw_and_jpeg_are_two_files(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("image-quality", "raw+fine")
        for destination, files in (("card", 2), ("computer", 2), ("both", 4)):
            await rig.camera.change_setting("destination", destination)
            names = await take(rig)
            assert len(names) == files
            assert {name[-3:] for name in names} == {"NEF", "JPG"}
        assert len(await rig.shots()) == 4


async def test_both_have_the_same_bytes(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("destination", "both")
        on_card, here = await rig.camera.capture()
        assert isinstance(here, ImageKey)
        assert await rig.bytes_of(on_card) == await rig.bytes_of(here)


@pytest.mark.parametrize("destination", ["card", "computer"])
async def test_a_burst_is_whole(destination: str, tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("drive-mode", "continuous")
        await rig.camera.change_setting("burst-number", "5")
        await rig.camera.change_setting("destination", destination)
        number, keys = await rig.camera.capture_several(5)
        assert number == 5
        assert len(set(keys)) == 5
        assert rig.nikon.memory == []


async def test_an_event_before_its_object_is_waited_for(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, awkward="late:3", empty=True) as rig:
        assert len(await take(rig)) == 1


async def test_events_that_come_by_both_ways_count_once(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.acquire_control()
        rig.changes()
        rig.nikon.press_shutter()
        await trio.sleep(10)
        told = [change for change in rig.changes() if "ObjectAdded" in getattr(change, "raw", "")]
        assert len(told) == 1


async def test_events_that_are_only_asked_for_are_heard_under_control(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, awkward="polled") as rig:
        await rig.described(None)
        await rig.camera.acquire_control()
        rig.changes()
        rig.nikon.press_shutter()
        await trio.sleep(3)
        assert any(isinstance(change, FolderChanged) for change in rig.changes())


async def test_what_waited_before_control_is_not_told_again(tmp_path: Path, jumping_clock: MockClock) -> None:
    """Else whoever reads that picture just now gets an error, as its handle seems to be another's."""
    async with rigged(tmp_path) as rig:
        rig.nikon.press_shutter()
        await trio.sleep(100)
        rig.changes().clear()
        await rig.camera.acquire_control()
        await trio.sleep(10)
        assert not [change for change in rig.changes() if "ObjectAdded" in getattr(change, "raw", "")]


async def test_the_bodys_button_sends_shots_here_if_the_body_is_set_so(
    tmp_path: Path, jumping_clock: MockClock
) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("recording-media", "memory")
        await rig.camera.acquire_control()
        rig.nikon.press_shutter()
        rig.nikon.press_shutter()
        await trio.sleep(5)
        assert len(await rig.shots()) == 2
        assert FolderChanged(IMAGEDB) in rig.changes()
        assert rig.nikon.memory == []


async def test_autofocus_only_if_the_user_says_so(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, awkward="no_focus:1") as rig:
        assert await rig.camera.setting("capture-autofocus") == "off"
        assert len(await take(rig)) == 1
        await rig.camera.change_setting("capture-autofocus", "on")
        with pytest.raises(errors.FocusFailed, match="autofocus found nothing"):
            await rig.camera.capture()
        assert len(await take(rig)) == 1
        with pytest.raises(errors.InvalidValue):
            await rig.camera.change_setting("capture-autofocus", "maybe")


@pytest.mark.parametrize("operations", ["", OLD])
async def test_failures_say_why(operations: str, tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, awkward="full", operations=operations) as rig:
        with pytest.raises(errors.StoreFull, match="the card is full"):
            await rig.camera.capture()
    async with rigged(tmp_path, awkward="busy:100000", operations=operations) as rig:
        with pytest.raises(errors.Busy):
            await rig.camera.capture()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (NikonResponse.HardwareError, errors.CaptureFailed),
        (NikonResponse.MirrorUpSequence, errors.Busy),
        (NikonResponse.ApertureRingNotSet, errors.AccessDenied),
        (NikonResponse.ShutterSpeedTime, errors.NotPermitted),
        (NikonResponse.StoreUnformatted, errors.CaptureFailed),
        (ResponseCode.StoreNotAvailable, errors.StoreUnavailable),
        (0xAFFF, errors.Refused),
    ],
)
async def test_an_answer_becomes_what_it_means(
    code: int, kind: type[errors.Refused], tmp_path: Path, jumping_clock: MockClock
) -> None:
    async with rigged(tmp_path) as rig:
        rig.fail(FaultKind.REFUSE, NikonOperation.InitiateCaptureRecInMedia, code=code)
        with pytest.raises(kind):
            await rig.camera.capture()
        assert len(await take(rig)) == 1


async def test_a_body_that_wants_one_parameter(tmp_path: Path, jumping_clock: MockClock) -> None:
    """As a D3X."""
    async with rigged(tmp_path) as rig:
        lengths: list[int] = []
        own_handler = rig.body.profile.vendor[NikonOperation.InitiateCaptureRecInMedia]

        async def strict(state: CameraState, call: Call) -> Answer:
            lengths.append(1 if not call.parameters[1] else 2)
            if call.parameters[1]:
                raise Refusal(ResponseCode.ParameterNotSupported)
            to_memory = int(state.properties[own.MEDIA].value == 1)
            return await own_handler(state, Call((call.parameters[0], to_memory, 0, 0, 0)))

        with rig.body.override(NikonOperation.InitiateCaptureRecInMedia, strict):
            await rig.camera.change_setting("destination", "computer")
            assert len(await take(rig)) == 1
            assert len(await rig.shots()) == 1


async def test_a_body_with_a_fresh_handle_for_each_shot(tmp_path: Path, jumping_clock: MockClock) -> None:
    """As a D700."""
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("destination", "computer")
        await rig.camera.acquire_control()
        file = rig.body.card.add_file("RAM", "DSC_0099.JPG", JPEG + bytes(100))
        rig.body.state.send(Event(NikonEvent.ObjectAddedInSDRAM, NO_TRANSACTION, (file.handle,)))
        await trio.sleep(5)
        assert await rig.shots() == {"DSC_0099.JPG": JPEG + bytes(100)}
        assert rig.body.state.objects.get(file.handle) is None


async def test_bulb(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("exposure-mode", "program")
        began = trio.current_time()
        assert len(await take(rig, 7.5)) == 1
        assert 7.5 <= trio.current_time() - began < 20
        assert await rig.camera.setting("exposure-mode") == "program"
        assert rig.body.state.properties[own.TIME].value == 400


async def test_bulb_is_ended_before_its_time(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig, trio.open_nursery() as work:
        began = trio.current_time()
        work.start_soon(rig.camera.capture, 500.0)
        await trio.sleep(5)
        await rig.camera.stop_capture()
        with trio.fail_after(60):
            while rig.count(NikonOperation.TerminateCapture) == 0 or rig.nikon.is_exposing:
                await trio.sleep(1)
        assert trio.current_time() - began < 60


async def test_nothing_is_ended_where_nothing_is_exposed(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.stop_capture()
        assert len(await take(rig, 2)) == 1
        assert rig.count(NikonOperation.TerminateCapture) == 1


async def test_bulb_is_put_back_if_the_shot_fails(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, awkward="full") as rig:
        with pytest.raises(errors.StoreFull):
            await rig.camera.capture(2)
        assert rig.body.state.properties[own.TIME].value == 400


async def test_an_exposure_that_would_not_end_is_not_begun(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("shutter-speed", "bulb")
        with pytest.raises(errors.NotPermitted, match="would not end"):
            await rig.camera.capture()
        assert rig.count(NikonOperation.InitiateCaptureRecInMedia) == 0


async def test_a_long_exposure_is_waited_for(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("shutter-speed", "30")
        began = trio.current_time()
        assert len(await take(rig)) == 1
        assert trio.current_time() - began >= 30


# ---------------------------------------------------------------------- settings


async def test_what_the_photographers_body_lets_be_changed_needs_no_control(
    tmp_path: Path, jumping_clock: MockClock
) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("iso", "102400")
        await rig.camera.change_setting("aperture", "f/8")
        assert not await rig.camera.has_control()
        assert not rig.nikon.controlled
        assert await rig.camera.setting("iso") == "102400"
        await rig.camera.change_setting("prop-500f", "800")
        assert await rig.camera.setting("iso") == "800"


async def test_control_is_acquired_where_a_setting_needs_it(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, awkward="greyed") as rig:
        await rig.camera.change_setting("shutter-speed", "1/500")
        assert await rig.camera.has_control()
        assert await rig.camera.setting("shutter-speed") == "1/500"
        await rig.camera.change_setting("exposure-mode", "aperture-priority")
        with pytest.raises(errors.AccessDenied, match="exposure-mode is aperture-priority"):
            await rig.camera.change_setting("shutter-speed", "1/60")


async def test_what_can_never_be_changed_takes_no_control(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        for name, value in (("battery-level", "50%"), ("focus-mode", "manual"), ("free-shots", "1")):
            with pytest.raises(errors.AccessDenied):
                await rig.camera.change_setting(name, value)
        with pytest.raises(errors.InvalidValue):
            await rig.camera.change_setting("iso", "123")
        assert not rig.nikon.controlled


async def test_a_property_that_is_listed_and_not_there_gives_way(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        rig.body.state.properties[own.LONG_ISO].description_refused = ResponseCode.DevicePropNotSupported
        rig.body.state.properties[own.LONG_ISO].value_refused = ResponseCode.DevicePropNotSupported
        assert await rig.camera.setting("iso") == "160"
        await rig.camera.change_setting("iso", "640")
        assert rig.body.state.properties[own.ISO].value == 640


async def test_a_body_that_takes_its_time_to_show_a_value(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        property_, asked = rig.body.state.properties[0x5005], 0

        async def late(state: CameraState, call: Call) -> Answer:
            nonlocal asked
            asked += 1
            return Answer(property_.encoded() if asked > 3 else b"\2\0")

        with rig.body.override(Operation.GetDevicePropValue, late):
            await rig.camera.change_setting("white-balance", "cloudy")
        property_.ignores_writes = True
        with pytest.raises(errors.NotPermitted, match="the camera kept cloudy"):
            await rig.camera.change_setting("white-balance", "shade")


async def test_a_change_on_the_body_is_seen(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        assert await rig.camera.setting("iso") == "160"
        rig.body.state.set_property(own.LONG_ISO, 400)
        assert await rig.camera.setting("iso") == "400"


async def test_a_body_that_left_control_by_itself_is_entered_again(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, awkward="greyed") as rig:
        await rig.camera.acquire_control()
        rig.nikon.leave_by_itself()
        await rig.camera.change_setting("shutter-speed", "1/500")
        assert rig.nikon.controlled


async def test_a_body_in_a_mode_without_control(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, awkward="locked") as rig:
        for use in (rig.camera.acquire_control, rig.camera.capture, rig.camera.view_frame):
            with pytest.raises(errors.Busy, match="present state"):
                await use()
        assert not await rig.camera.has_control()
        assert len(await rig.described(CARD_ROOT)) == 1


async def test_a_mode_that_does_not_change_is_no_failure(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        rig.fail(
            FaultKind.REFUSE, NikonOperation.ChangeCameraMode, code=NikonResponse.ChangeCameraModeFailed, times=None
        )
        assert len(await take(rig)) == 1
        await rig.camera.release_control()
        assert not await rig.camera.has_control()


# ---------------------------------------------------------------------- live view, focus, movies, clock


async def test_live_view(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        frames = [await rig.camera.view_frame() for _ in range(8)]
        assert all(frame.startswith(JPEG) and frame.endswith(b"\xff\xd9") for frame in frames)
        assert len(set(frames)) == 8
        assert rig.count(NikonOperation.StartLiveView) == 1
        assert len(await take(rig)) == 1
        await rig.camera.release_control()
        assert not rig.nikon.live_view


async def test_live_view_that_the_body_has_ended_begins_again(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.view_frame()
        rig.nikon.leave_by_itself()
        assert (await rig.camera.view_frame()).startswith(JPEG)


async def test_live_view_is_ended_though_the_body_has_told_of_its_beginning(
    tmp_path: Path, jumping_clock: MockClock
) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.view_frame()
        await trio.sleep(5)
        await rig.camera.release_control()
        assert not rig.nikon.live_view


async def test_news_outlive_a_question_that_fails(tmp_path: Path, jumping_clock: MockClock) -> None:
    """What was told before the failure is told once only."""
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("recording-media", "memory")
        rig.nikon.press_shutter()
        await rig.camera.acquire_control()  # which has heard of the shot
        rig.fail(FaultKind.REFUSE, NikonOperation.GetEventEx, code=ResponseCode.GeneralError, times=2)
        await trio.sleep(60)
        assert len(await rig.shots()) == 1


async def test_live_view_goes_on_after_a_picture_that_ended_it(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("capture-autofocus", "on")
        for _ in range(3):
            assert (await rig.camera.view_frame()).startswith(JPEG)
            assert len(await take(rig)) == 1
        assert rig.count(NikonOperation.AfDrive) >= 3, "in live view it focuses by itself, and releases without"
        assert (await rig.camera.view_frame()).startswith(JPEG)


async def test_live_view_that_is_prohibited_says_why(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        rig.body.state.properties[own.LIVE_VIEW_PROHIBITED].put(1 << 8 | 1 << 24)
        with pytest.raises(errors.Busy, match="the battery is low"):
            await rig.camera.view_frame()
        assert rig.count(NikonOperation.StartLiveView) == 0
        await rig.camera.release_control()
        assert rig.body.state.properties[own.MEDIA].value == 0
        rig.body.state.properties[own.LIVE_VIEW_PROHIBITED].put(1 << 24)
        assert (await rig.camera.view_frame()).startswith(JPEG)


async def test_frames_without_a_picture_are_a_clear_error(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, awkward="dark") as rig:
        with pytest.raises(errors.RemoteProtocolError, match="without a JPEG"):
            await rig.camera.view_frame()
        assert len(await take(rig)) == 1


@pytest.mark.parametrize("steps", [1, 100, 900])
async def test_the_focus_is_driven_in_steps(steps: int, tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_focus(f"far {steps}")
        assert rig.nikon.focus_position == steps
        await rig.camera.change_focus(f"near {steps}")
        assert rig.nikon.focus_position == 0
        with pytest.raises(errors.InvalidValue, match="at its end"):
            await rig.camera.change_focus("near 1")


async def test_many_steps_are_sent_in_parts(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        sent: list[tuple[int, ...]] = []

        async def drive(state: CameraState, call: Call) -> Answer:
            sent.append(call.parameters[:2])
            return Answer()

        with rig.body.override(NikonOperation.MfDrive, drive):
            await rig.camera.change_focus("near 40000")
        assert sent == [(1, 32767), (1, 7233)]


@pytest.mark.parametrize("text", ["", "near", "far 0", "far -1", "sideways 5", "12"])
async def test_what_is_no_command_to_the_focus(text: str, tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        with pytest.raises(errors.InvalidValue):
            await rig.camera.change_focus(text)


async def test_autofocus_alone(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, awkward="no_focus:1") as rig:
        with pytest.raises(errors.FocusFailed):
            await rig.camera.change_focus("af")
        await rig.camera.change_focus("af")
        assert "mode: af-s" in await rig.camera.focus()


async def test_movies(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.record(True)
        assert rig.nikon.recording
        assert await rig.camera.recording()
        await rig.camera.record(False)
        assert not await rig.camera.recording()
        assert rig.body.state.properties[own.APPLICATION].value == 0
        names = [node.name for node in rig.body.card.find("DCIM/100NZ6__").children]  # type: ignore[attr-defined]
        assert [name for name in names if name.endswith("MOV")]


async def test_a_movie_ends_when_control_is_released(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.record(True)
        await rig.camera.release_control()
        assert not rig.nikon.recording
        assert not rig.nikon.controlled
        assert rig.body.state.properties[own.APPLICATION].value == 0


async def test_a_movie_that_cannot_begin(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        rig.body.state.properties[own.MOVIE_PROHIBITED].put(1 << 3 | 0x6000)
        with pytest.raises(errors.NotPermitted, match="the card is full"):
            await rig.camera.record(True)
        assert rig.body.state.properties[own.APPLICATION].value == 0
        assert not await rig.camera.recording()


async def test_a_movie_whose_end_is_not_told(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.record(True)

        async def silent(state: CameraState, call: Call) -> Answer:
            rig.nikon.recording = False
            return Answer()

        began = trio.current_time()
        with rig.body.override(NikonOperation.EndMovieRec, silent), pytest.raises(errors.TransferTimeout):
            await rig.camera.record(False)
        assert trio.current_time() - began < live_view.MOVIE_TIME + 10
        assert not await rig.camera.recording()


async def test_the_clock(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        moment = (await rig.camera.clock()).replace(year=2031)
        await rig.camera.set_clock(moment)
        assert (await rig.camera.clock()).year == 2031
        assert not rig.nikon.controlled


# ---------------------------------------------------------------------- bad input


async def test_a_list_of_events_that_is_too_long_is_warned_of_once(
    tmp_path: Path, jumping_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with rigged(tmp_path, awkward="long_events") as rig:
        assert len(await take(rig)) == 1
        await trio.sleep(20)
    said = [
        record for record in caplog.records if record.levelno >= logging.WARNING and "events" in record.getMessage()
    ]
    assert len(said) == 1
    assert "announces 6000" in said[0].getMessage()


async def test_a_list_of_properties_that_is_too_long_leaves_the_standard_ones(
    tmp_path: Path, jumping_clock: MockClock
) -> None:
    async def long(state: CameraState, call: Call) -> Answer:
        return Answer(b"\x60\xea\0\0\x10\xd0")

    async with rigged(tmp_path) as rig:
        with rig.body.override(NikonOperation.GetVendorPropCodes, long):
            assert await rig.camera.setting("iso") == "160"
        assert "prop-d0b4" not in rig.camera.setting_names()


async def test_unknown_events_are_lines_and_nothing_else(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.acquire_control()
        rig.changes().clear()
        rig.body.state.send(Event(0xC7FF, NO_TRANSACTION, (7,)))
        rig.body.state.send(Event(EventCode.UnreportedStatus, NO_TRANSACTION, ()))
        await trio.sleep(5)
        told = [getattr(change, "text", "") for change in rig.changes()]
        assert "0xC7FF 0x00000007" in told


async def test_a_description_that_cannot_be_read_names_its_setting(tmp_path: Path, jumping_clock: MockClock) -> None:
    """Such as one that announces 60,000 values and holds three."""

    async def long(state: CameraState, call: Call) -> Answer:
        return Answer(bytes.fromhex("0750 0400 01 9001 9001 02 60ea 9001 3002 2003"))

    async with rigged(tmp_path) as rig:
        with rig.body.override(Operation.GetDevicePropDesc, long):
            with pytest.raises(errors.RemoteProtocolError, match=r"aperture: .* too early"):
                await rig.camera.choices("aperture")
            assert await rig.camera.setting("aperture") == "f/4"
        assert "f/5.6" in await rig.camera.choices("aperture")


async def test_an_enumeration_of_60_000_values(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        property_ = rig.body.state.properties[own.LONG_ISO]
        property_.description = replace(property_.description, form=Enumeration(tuple(range(1, 60_001))))
        assert len(await rig.camera.choices("iso")) == 60_000
        await rig.camera.change_setting("iso", "59999")
        assert await rig.camera.setting("iso") == "59999"


async def test_a_movie_beyond_4_gib_is_read_by_the_makers_operations(tmp_path: Path, jumping_clock: MockClock) -> None:
    size = (5 << 30) + 12345
    async with rigged(tmp_path) as rig:
        file = rig.body.card.add_file("DCIM/100NZ6__", "DSC_0099.MOV", Zeros(size))
        entry = await rig.entry(ObjectKey(CARD, file.handle))
        entry = await rig.camera.measure(entry, reading=True)
        assert (entry.size, entry.size_is_exact) == (size, True)
        assert await rig.camera.read(entry, (5 << 30) - 10, 100) == bytes(100)
        assert len(await rig.camera.read(entry, size - 10, 100)) == 10
        assert set(rig.vendor_operations()) == {"GetObjectSize", "GetPartialObjectEx"}


async def test_a_picture_that_no_event_tells_of_is_looked_for(
    tmp_path: Path, jumping_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Reading empties the queue: what a spoiled reply would have told is told nowhere else."""
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("destination", "computer")
        await rig.camera.change_setting("image-quality", "raw+fine")
        rig.fail(FaultKind.BAD_DATASET, NikonOperation.GetEventEx, data=bytes(4), times=None)
        assert len(await take(rig)) == 2
        assert len(await rig.shots()) == 2
        assert "did not tell" in caplog.text


@pytest.mark.parametrize("data", [b"\0", b"\xff" * 7, b"\xff" * 5000, bytes(5000), b"\x60\xea" + bytes(40)])
@pytest.mark.parametrize(
    "operation",
    [
        NikonOperation.GetEventEx,
        NikonOperation.GetVendorPropCodes,
        NikonOperation.GetLiveViewImage,
        Operation.GetDevicePropDesc,
        Operation.GetDevicePropValue,
        Operation.GetObjectInfo,
    ],
)
async def test_nonsense_is_an_error_or_a_warning_and_the_camera_works_on(
    operation: int, data: bytes, tmp_path: Path, jumping_clock: MockClock
) -> None:
    async def listen() -> None:
        async for _ in rig.camera.changes:
            pass

    async with rigged(tmp_path) as rig, nursery() as work:
        work.start_soon(listen)
        await rig.camera.change_setting("destination", "computer")
        rig.fail(FaultKind.BAD_DATASET, operation, data=data, times=None)
        for use in (
            rig.camera.learn_settings,
            lambda: rig.camera.setting("iso"),
            lambda: rig.camera.choices("shutter-speed"),
            lambda: rig.camera.change_setting("exposure-mode", "program"),
            rig.camera.view_frame,
            rig.camera.capture,
            lambda: rig.camera.change_focus("far 5"),
            rig.camera.release_control,
        ):
            with suppress(errors.CameraError):
                await use()
        rig.body.faults.clear()
        await trio.sleep(100)
        await rig.camera.refresh()
        await rig.camera.change_setting("destination", "card")
        assert len(await take(rig)) == 1
        await rig.camera.release_control()
        assert not rig.nikon.controlled
        assert rig.nikon.memory == []


async def test_events_call_settings_as_the_folder_of_settings_does(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.learn_settings()
        rig.changes()
        await rig.camera.change_setting("iso", "800")
        await trio.sleep(10)
        told = [change.text for change in rig.changes() if isinstance(change, Happened)]
        assert "setting iso 800" in told
