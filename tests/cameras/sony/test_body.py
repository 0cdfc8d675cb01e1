"""A Sony in PC Remote under control and back: shots, which reading removes, live view, focus, movies, and what the body does awkwardly."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.api import FolderChanged
from camfs.cameras.ptp.driver import PtpCamera
from camfs.cameras.ptp.usblink import UsbLink
from camfs.cameras.still import open_still_camera
from camfs.cameras.tethered import shots
from camfs.cameras.tethered.shot_key import IMAGEDB
from camfs.protocols.ptp.codes import Operation, ResponseCode
from camfs.protocols.sony.codes import DOWN, NEXT_SHOT, UP, Button, SonyOperation, SonyProperty
from camfs.virtual.ptp.calls import Answer, Call
from camfs.virtual.ptp.faults import Fault, FaultKind
from camfs.virtual.ptp.refusal import Refusal
from camfs.virtual.ptp.state import CameraState
from camfs.virtual.sony import operations as own
from tests.cameras.rig import emulated, nursery
from tests.cameras.sony.rig import Rig, driven, killed, rigged

JPEG = b"\xff\xd8\xff"

BOTH = pytest.mark.parametrize("awkward", ["modern", "modern:0"], ids=["direct", "stepwise"])


def whole(rig: Rig) -> None:
    """Check that no button is left pressed."""
    assert rig.sony.pressed() == set()


# ---------------------------------------------------------------------- the body is the photographer's


async def test_browsing_sends_standard_operations_only(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        camera = rig.camera
        assert await camera.list_folder(None) == [IMAGEDB]
        assert await camera.list_folder(IMAGEDB) == []
        await camera.usage(IMAGEDB)
        await camera.status()
        await camera.refresh()
        await camera.focus()
        assert camera.setting_names()
        assert not await camera.has_control()
        assert not await camera.recording()
        await camera.release_control()
        await camera.record(False)
        await trio.sleep(1000)
        await camera.aclose()
        assert rig.vendor_operations() == []
        assert not [path.name for path in (tmp_path / "spool").iterdir() if not path.name.startswith(".")]


async def test_a_body_that_lists_a_storage_with_nothing_in_it(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, "pseudo") as rig:
        assert await rig.camera.list_folder(None) == [IMAGEDB]
        assert rig.vendor_operations() == []


async def test_the_mode_mtp_is_a_plain_camera_that_names_pc_remote(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with emulated("sony-alpha", empty=False, awkward="mtp") as body, nursery() as work:
        camera = await open_still_camera(UsbLink(body.open()), work, timeout=10, idle=0, spool=tmp_path)
        assert type(camera) is PtpCamera
        (card,) = await camera.list_folder(None)
        assert await camera.list_folder(card)
        with pytest.raises(errors.NotSupported, match="PC Remote"):
            await camera.capture()
        await camera.aclose()


async def test_a_camera_of_another_maker_gets_none_of_it(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with emulated("sony-alpha", maker="Example", extension="6") as body, nursery() as work:
        body.state.change_device_info(replace(body.state.device_info, vendor_extension_desc=""))
        camera = await open_still_camera(UsbLink(body.open()), work, timeout=10, idle=0, spool=tmp_path)
        assert type(camera) is PtpCamera
        await camera.aclose()


@BOTH
async def test_the_body_is_given_back(awkward: str, tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, awkward) as rig:
        await rig.camera.acquire_control()
        assert rig.sony.phase == 3
        before = rig.count(Operation.CloseSession)
        await rig.camera.release_control()
        assert rig.sony.phase == 0
        assert rig.sony.presses[-2:] == [(Button.Half, UP), (Button.Full, UP)]
        assert rig.count(Operation.CloseSession) == before + 1
        assert rig.sony.value(SonyProperty.Priority) in (None, 0)
        assert await rig.take() == ["DSC00001.JPG"]
        await rig.camera.aclose()
        assert rig.sony.phase == 0
        whole(rig)


async def test_priority_is_taken_and_given_back(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, "modern") as rig:
        await rig.camera.acquire_control()
        assert rig.sony.value(SonyProperty.Priority) == 1
        await rig.camera.release_control()
        assert rig.sony.value(SonyProperty.Priority) == 0


async def test_an_idle_body_is_given_back(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, idle=30) as rig:
        await rig.camera.setting("iso")
        assert rig.sony.phase == 3
        await trio.sleep(60)
        assert rig.sony.phase == 0


async def test_what_a_killed_program_left_is_rescued(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with emulated("sony-alpha", empty=False) as body:
        async with killed(body, tmp_path / "spool") as rig:
            await rig.camera.acquire_control()
            await rig.camera.body.operations.press(Button.Half, down=True)  # type: ignore[attr-defined]
        assert rig.sony.pressed() == {Button.Half}
        rig.sony.press_shutter()
        async with driven(body, tmp_path / "spool") as rig:
            assert list(await rig.shots()) == ["DSC00001.JPG"]
            assert rig.sony.phase == 0
            whole(rig)
            assert not await rig.camera.has_control()


# ---------------------------------------------------------------------- the handshake


@pytest.mark.parametrize(
    ("awkward", "versions"),
    [("modern,empty:0", [0x12C]), ("modern,empty:3", [0x12C] * 4), ("empty:4", [0x12C] + [0xC8] * 5)],
)
async def test_the_newer_protocol_is_asked_for_first(
    awkward: str, versions: list[int], tmp_path: Path, jumping_clock: MockClock
) -> None:
    async with rigged(tmp_path, awkward) as rig:
        await rig.camera.acquire_control()
        name = own.NAMES[SonyOperation.GetExtDeviceInfo]
        sent = [record.parameters[0] for record in rig.body.trace.records if record.operation == name]
        assert sent == versions
        assert rig.sony.phase == 3


async def test_a_body_that_tells_nothing(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, "empty:1000") as rig:
        with pytest.raises(errors.Refused, match="does not say what it has"):
            await rig.camera.capture()
        assert not await rig.camera.has_control()


async def test_a_body_that_wants_to_be_paired(tmp_path: Path, jumping_clock: MockClock) -> None:
    async def refuse(state: CameraState, call: Call) -> Answer:
        raise Refusal(0xA101)

    async with rigged(tmp_path) as rig:
        rig.body.override(SonyOperation.Connect, refuse)
        with pytest.raises(errors.AccessDenied, match="paired"):
            await rig.camera.capture()


# ---------------------------------------------------------------------- shots


@BOTH
async def test_shots(awkward: str, tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, awkward) as rig:
        assert await rig.take() == ["DSC00001.JPG"]
        assert await rig.take() == ["DSC00002.JPG"]
        found = await rig.shots()
        assert list(found) == ["DSC00001.JPG", "DSC00002.JPG"]
        assert all(data.startswith(JPEG) for data in found.values())
        assert found["DSC00001.JPG"] != found["DSC00002.JPG"]
        assert rig.sony.memory == []
        whole(rig)


@pytest.mark.parametrize(
    ("awkward", "name", "value"), [("modern", "file-format", "raw+jpeg"), ("", "image-quality", "raw+fine")]
)
async def test_raw_and_jpeg_announced_once(
    awkward: str, name: str, value: str, tmp_path: Path, jumping_clock: MockClock
) -> None:
    async with rigged(tmp_path, awkward) as rig:
        await rig.camera.change_setting(name, value)
        assert await rig.take() == ["DSC00001.ARW", "DSC00001.JPG"]
        assert len(await rig.shots()) == 2


async def test_a_series(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("drive-mode", "continuous")
        assert await rig.take() == ["DSC00001.JPG", "DSC00002.JPG", "DSC00003.JPG"]


async def test_shots_to_the_card_are_seen_by_nobody(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, "modern") as rig:
        await rig.camera.change_setting("destination", "card")
        began = trio.current_time()
        assert await rig.take() == []
        assert trio.current_time() - began < 20
        await trio.sleep(2)
        await rig.camera.change_setting("destination", "both")
        assert rig.sony.on_card == ["DSC00001.JPG"]
        assert await rig.take() == ["DSC00002.JPG"]


async def test_a_full_card(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, "modern") as rig:
        await rig.camera.change_setting("destination", "card")
        rig.sony.put(SonyProperty.FreeShots, 0)
        with pytest.raises(errors.StoreFull):
            await rig.camera.capture()


async def test_the_photographers_picture_appears_without_a_question(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.acquire_control()
        rig.changes()
        rig.sony.press_shutter()
        await trio.sleep(2)
        assert FolderChanged(IMAGEDB) in rig.changes()
        assert list(await rig.shots()) == ["DSC00001.JPG"]


async def test_the_first_shot_waits_until_the_body_takes_it(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, "early:3") as rig:
        assert await rig.take() == ["DSC00001.JPG"]
        assert rig.sony.lost == []


async def test_pictures_of_an_interrupted_run_are_kept(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, "leftover:2") as rig:
        assert await rig.take() == ["DSC00003.JPG"]
        assert list(await rig.shots()) == ["DSC00001.JPG", "DSC00002.JPG", "DSC00003.JPG"]


async def test_nothing_is_read_when_nothing_waits(tmp_path: Path, jumping_clock: MockClock) -> None:
    """It would hang the body. The event lies."""
    async with rigged(tmp_path) as rig:
        await rig.camera.acquire_control()
        rig.body.state.notify(0xC201, NEXT_SHOT)
        await trio.sleep(5)
        assert rig.count(Operation.GetObject) == 0
        assert rig.count(Operation.GetObjectInfo) == 0


async def test_no_room_here_leaves_the_picture_in_the_body(
    tmp_path: Path, jumping_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.acquire_control()
        monkeypatch.setattr(shots, "SPARE", 1 << 60)
        rig.sony.press_shutter()
        await trio.sleep(3)
        assert len(rig.sony.memory) == 1
        assert rig.count(Operation.GetObject) == 0
        with pytest.raises(errors.StoreFull):
            await rig.camera.release_control()
        assert len(rig.sony.memory) == 1
        monkeypatch.setattr(shots, "SPARE", 0)
        await rig.camera.release_control()
        assert list(await rig.shots()) == ["DSC00001.JPG"]
        assert rig.camera.shots.lost_names == []


async def test_no_room_here_takes_no_picture(
    tmp_path: Path, jumping_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shots, "ROOM", 1 << 60)
    async with rigged(tmp_path) as rig:
        with pytest.raises(errors.StoreFull):
            await rig.camera.capture()
        assert rig.sony.presses == []


async def test_a_picture_lost_in_a_broken_read_is_told(
    tmp_path: Path, jumping_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """What came of it is kept as a beginning."""
    async with rigged(tmp_path) as rig:
        await rig.camera.acquire_control()
        rig.body.faults.append(Fault(FaultKind.CUT, Operation.GetObject, at=40_000))
        with pytest.raises(errors.CameraError):
            await rig.camera.capture()
        await trio.sleep(10)
        assert rig.camera.shots.lost_names
        assert "is lost" in caplog.text
        assert await rig.take() == ["DSC00002.JPG"]
        names = list(await rig.shots())
        assert "DSC00002.JPG" in names
        assert [name for name in names if name.startswith("partial-")] == ["partial-DSC00001.JPG"]


async def test_too_fast_is_asked_again(tmp_path: Path, jumping_clock: MockClock) -> None:
    denials = [ResponseCode.AccessDenied, ResponseCode.DeviceBusy]

    async def deny(state: CameraState, call: Call) -> Answer:
        if call.parameters[0] == NEXT_SHOT and denials:
            raise Refusal(denials.pop())
        return await own.get_object(state, call)

    async with rigged(tmp_path, "busy:2") as rig:
        rig.body.override(Operation.GetObject, deny)
        assert await rig.take() == ["DSC00001.JPG"]
        assert denials == []


async def test_bulb(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.acquire_control()
        before = rig.sony.value(SonyProperty.ShutterSpeed)
        await trio.sleep(5)
        assert await rig.take(4.0) == ["DSC00001.JPG"]
        assert rig.sony.value(SonyProperty.ShutterSpeed) == before
        whole(rig)


async def test_bulb_needs_the_dial_at_m(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, "modern,program") as rig:
        with pytest.raises(errors.NotPermitted, match="dial at M"):
            await rig.camera.capture(2.0)
        assert rig.sony.presses == []


async def test_a_bulb_exposure_is_ended_early(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, "modern") as rig, trio.open_nursery() as work:
        work.start_soon(rig.take, 600.0)
        await trio.sleep(20)
        assert Button.Full in rig.sony.pressed()
        await rig.camera.stop_capture()
        await trio.sleep(10)
        assert rig.sony.pressed() == set()
        assert list(await rig.shots()) == ["DSC00001.JPG"]


async def test_bulb_without_an_end_is_refused(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, "modern") as rig:
        await rig.camera.change_setting("shutter-speed", "bulb")
        with pytest.raises(errors.NotPermitted, match="would not end"):
            await rig.camera.capture()


# ---------------------------------------------------------------------- focus


async def test_without_autofocus_the_focus_stays(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, "no_focus:1") as rig:
        assert await rig.take() == ["DSC00001.JPG"]
        assert rig.sony.awkward.no_focus == 1
        assert rig.sony.value(SonyProperty.FocusMode) == 0x8005


@BOTH
async def test_autofocus_that_finds_nothing(awkward: str, tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, f"{awkward},no_focus:1") as rig:
        await rig.camera.change_setting("capture-autofocus", "on")
        with pytest.raises(errors.FocusFailed):
            await rig.camera.capture()
        whole(rig)
        assert (Button.Full, DOWN) not in rig.sony.presses
        assert await rig.take() == ["DSC00001.JPG"]


async def test_a_body_that_takes_nothing_says_why(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, "greyed,no_focus:1") as rig:
        with pytest.raises(errors.FocusFailed):
            await rig.camera.capture()
        rig.sony.awkward.full = 1
        with pytest.raises(errors.CaptureFailed, match="has no room"):
            await rig.camera.capture()
        rig.sony.awkward.full = 0
        assert await rig.take() == ["DSC00001.JPG"]
        whole(rig)


async def test_focus(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_focus("af")
        assert "mode: af-a" in await rig.camera.focus()
        with pytest.raises(errors.NotPermitted, match="manual"):
            await rig.camera.change_focus("near 3")
        await rig.camera.change_setting("focus-mode", "manual")
        await rig.camera.change_focus("near 3")
        await rig.camera.change_focus("far 7")
        assert rig.sony.focus_position == 4
        for text in ("near", "near 0", "far 8", "left 1", "near -1", "af 1", ""):
            with pytest.raises(errors.InvalidValue):
                await rig.camera.change_focus(text)
        whole(rig)


# ---------------------------------------------------------------------- live view, movies


async def test_live_view(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        for _ in range(5):
            assert (await rig.camera.view_frame()).startswith(JPEG)


async def test_a_frame_that_is_no_jpeg(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, "dark") as rig:
        with pytest.raises(errors.RemoteProtocolError, match="without a JPEG"):
            await rig.camera.view_frame()
        rig.sony.awkward.dark = 0
        assert (await rig.camera.view_frame()).startswith(JPEG)
        assert await rig.take() == ["DSC00001.JPG"]


async def test_movies(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.record(True)
        assert await rig.camera.recording()
        assert rig.sony.value(SonyProperty.MovieState) == 1
        await rig.camera.record(False)
        assert not await rig.camera.recording()
        await rig.camera.record(True)
        await rig.camera.aclose()
        assert rig.sony.value(SonyProperty.MovieState) == 0
        whole(rig)


# ---------------------------------------------------------------------- bad input


async def test_a_list_that_announces_more_than_it_holds(
    tmp_path: Path, jumping_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with rigged(tmp_path, "long_lists") as rig:
        assert await rig.camera.setting("aperture") == "f/5"
        assert await rig.take() == ["DSC00001.JPG"]
        told = [record for record in caplog.records if "announces" in record.getMessage()]
        assert len(told) == 1
        assert told[0].levelno == logging.WARNING


async def test_a_body_that_leaves_control_is_taken_again(
    tmp_path: Path, jumping_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with rigged(tmp_path, "leaves:5") as rig:
        await rig.camera.acquire_control()
        await trio.sleep(8)
        assert "left the computer's control by itself" in caplog.text
        assert await rig.take() == ["DSC00001.JPG"]


async def test_a_session_that_is_lost(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        assert await rig.take() == ["DSC00001.JPG"]
        rig.body.faults.append(Fault(FaultKind.LOSE_SESSION, SonyOperation.GetAllDevicePropData))
        assert await rig.take() == ["DSC00002.JPG"]
        assert rig.camera.shots.lost_names == []


async def test_the_cable_is_pulled_and_put_in_again(tmp_path: Path, jumping_clock: MockClock) -> None:
    """A picture that waited in the body comes when it is back."""
    async with rigged(tmp_path) as rig:
        assert await rig.take() == ["DSC00001.JPG"]
        rig.body.unplug()
        while not rig.camera.gone:
            await trio.sleep(0.1)
        assert rig.sony.phase == 0
        rig.sony.press_shutter()
        rig.body.plug()
        await rig.camera.reattach(UsbLink(rig.body.open()))
        async with nursery() as work:
            work.start_soon(rig.camera.listen)
            assert await rig.take() == ["DSC00003.JPG"]
            assert list(await rig.shots()) == ["DSC00001.JPG", "DSC00002.JPG", "DSC00003.JPG"]
            await rig.camera.release_control()
        assert rig.sony.phase == 0
