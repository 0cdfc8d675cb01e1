"""An EOS body under the tethered driver: who has it, and what is undone."""

import logging
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.api import Entry
from camfs.cameras.ptp.driver import PtpCamera
from camfs.cameras.ptp.usblink import UsbLink
from camfs.cameras.still import open_still_camera
from camfs.cameras.tethered.driver import TetheredCamera
from camfs.protocols.canon_eos.codes import CanonOperation
from camfs.protocols.ptp.codes import MakerOperation, Operation
from camfs.virtual.canon_eos.operations import eos
from camfs.virtual.ptp.calls import Answer, Call
from camfs.virtual.ptp.faults import FaultKind
from camfs.virtual.ptp.state import CameraState
from tests.cameras.canon_eos.rig import Rig, driven, killed, rigged
from tests.cameras.rig import Counting, emulated, nursery


async def test_browsing_and_copying_send_standard_operations_only(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, objects="20") as rig:
        (store, _) = await rig.camera.list_folder(None)
        (dcim,) = await rig.described(store)
        (folder,) = await rig.described(dcim.key)
        for entry in await rig.described(folder.key):
            await rig.bytes_of(entry)
            await rig.camera.thumbnail(entry)
        await rig.camera.usage(store)
        await rig.camera.refresh()
        await rig.camera.status()
        assert list(rig.camera.setting_names())
        await rig.camera.setting("battery-level")
        await rig.camera.setting("capture-autofocus")
        await trio.sleep(100)
        assert rig.vendor_operations() == []
        assert rig.eos.keys_are_alive
    assert rig.vendor_operations() == []


async def test_what_needs_the_body_takes_it_and_gives_it_back(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        assert not await rig.camera.has_control()
        assert await rig.camera.setting("iso") == "100"
        assert await rig.camera.has_control()
        assert rig.eos.is_tethered
        assert not rig.eos.keys_are_alive
        await rig.camera.release_control()
        assert rig.eos.keys_are_alive
        assert not rig.eos.is_tethered
        before = rig.vendor_operations()
        assert before[:3] == ["SetRemoteMode", "SetEventMode", "GetEvent"]
        assert before[-2:] == ["SetRemoteMode", "SetEventMode"]
    assert rig.vendor_operations() == []


async def test_an_idle_body_is_given_back(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, idle=60) as rig:
        await rig.camera.setting("iso")
        await trio.sleep(50)
        assert rig.eos.is_tethered
        await trio.sleep(70)
        assert rig.eos.keys_are_alive


async def test_the_end_gives_the_body_back(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("destination", "computer")
        await rig.camera.view_frame()
        await rig.camera.acquire_control()
    assert rig.eos.keys_are_alive
    assert rig.eos.properties.number(0xD11C) == 2
    assert rig.eos.properties.number(0xD1B0) == 0
    assert rig.operations()[-1] == "CloseSession"


async def test_after_a_crash_the_next_mount_gives_the_body_back(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with emulated("canon-eos") as body:
        async with killed(body, tmp_path) as rig:
            await rig.camera.acquire_control()
        assert not eos(body.state).keys_are_alive
        async with driven(body, tmp_path) as rig:
            assert eos(body.state).keys_are_alive
            assert not await rig.camera.has_control()
            rig.operations()
            await rig.camera.list_folder(None)
        assert rig.vendor_operations() == []
        async with driven(body, tmp_path) as rig:
            pass
        assert rig.vendor_operations() == []


async def test_a_shot_that_a_crash_left_in_the_body_is_received(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with emulated("canon-eos", snap_time="0.05") as body:
        async with killed(body, tmp_path) as rig:
            await rig.camera.change_setting("destination", "computer")
            eos(body.state).press_shutter()
            assert len(eos(body.state).waiting) == 1
        async with driven(body, tmp_path) as rig:
            assert eos(body.state).keys_are_alive
            assert not eos(body.state).waiting
            assert await rig.names() == ["IMG_0001.JPG"]


async def test_a_shot_that_was_safe_when_camfs_was_killed_is_not_kept_twice(
    tmp_path: Path, jumping_clock: MockClock
) -> None:
    async def never(state: CameraState, call: Call) -> Answer:
        return Answer(code=0x2019)

    async with emulated("canon-eos", snap_time="0.05") as body:
        async with killed(body, tmp_path) as rig:
            await rig.camera.change_setting("destination", "computer")
            eos(body.state).press_shutter()
            with body.override(CanonOperation.TransferComplete, never), pytest.raises(errors.Busy):
                await rig.camera.release_control()
            assert await rig.names() == ["IMG_0001.JPG"]
            assert len(eos(body.state).waiting) == 1
        async with driven(body, tmp_path) as rig:
            assert await rig.names() == ["IMG_0001.JPG"]
            assert not eos(body.state).waiting
            assert eos(body.state).keys_are_alive


async def test_a_destination_that_the_body_does_not_take_any_more(
    tmp_path: Path, jumping_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("destination", "both")
        await rig.camera.release_control()
        rig.eos.properties.values[0xD11C].choices = ((2).to_bytes(4, "little"),)
        assert await rig.camera.setting("destination") == "card"
        assert "do not go where they went" in caplog.text
        assert len(await rig.shoot()) == 1


async def test_a_session_that_is_lost_does_not_leave_dead_keys(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.acquire_control()
        rig.fail(FaultKind.LOSE_SESSION)
        assert await rig.camera.setting("iso") == "100"
        assert rig.eos.is_tethered
        await rig.camera.release_control()
        assert rig.eos.keys_are_alive


async def test_a_lost_session_that_ends_the_remote_state_costs_no_shot(
    tmp_path: Path, jumping_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("destination", "computer")
        rig.eos.session_ended = rig.eos.leave_tethering  # type: ignore[method-assign]
        rig.eos.press_shutter()
        rig.fail(FaultKind.LOSE_SESSION)
        await trio.sleep(20)
        assert await rig.names() == ["IMG_0001.JPG"]
        assert not rig.eos.waiting
        assert "lost" not in caplog.text
        await rig.camera.release_control()
        assert rig.eos.keys_are_alive


async def test_a_body_that_leaves_by_itself_is_noticed_and_taken_again(
    tmp_path: Path, jumping_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.acquire_control()
        rig.eos.leave_tethering()
        await trio.sleep(2)
        assert not await rig.camera.has_control()
        assert "left the computer's control by itself" in caplog.text
        assert await rig.camera.setting("iso") == "100"
        assert rig.eos.is_tethered


async def test_a_change_meets_a_body_that_has_just_left(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, listening=False) as rig:
        await rig.camera.acquire_control()
        rig.eos.leave_tethering()
        assert await rig.camera.setting("iso") == "100"
        rig.eos.leave_tethering()
        await rig.camera.change_setting("iso", "400")
        rig.eos.leave_tethering()
        assert len(await rig.shoot()) == 1
        rig.eos.leave_tethering()
        assert await rig.camera.view_frame()


async def test_taking_the_body_that_was_broken_off_is_done_again(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, listening=False) as rig:
        rig.fail(FaultKind.DELAY, CanonOperation.SetEventMode, seconds=5)
        with trio.move_on_after(2) as scope:
            await rig.camera.acquire_control()
        assert scope.cancelled_caught
        assert await rig.camera.setting("iso") == "100"
        await rig.camera.release_control()
        assert rig.eos.keys_are_alive


async def test_a_body_that_does_not_let_itself_be_taken_keeps_its_keys(
    tmp_path: Path, jumping_clock: MockClock
) -> None:
    async with rigged(tmp_path) as rig:
        rig.fail(FaultKind.REFUSE, CanonOperation.SetEventMode, code=0x2002)
        with pytest.raises(errors.AccessDenied):
            await rig.camera.setting("iso")
        assert not await rig.camera.has_control()
        assert rig.eos.keys_are_alive
        assert await rig.camera.setting("iso") == "100"


async def test_after_a_body_left_by_itself_the_next_mount_leaves_it_alone(
    tmp_path: Path, jumping_clock: MockClock
) -> None:
    async with emulated("canon-eos") as body:
        async with driven(body, tmp_path) as rig:
            await rig.camera.acquire_control()
            rig.eos.leave_tethering()
            await trio.sleep(2)
        rig.operations()
        async with driven(body, tmp_path) as rig:
            await rig.camera.list_folder(None)
        assert rig.vendor_operations() == []


async def test_large_files_are_read_by_canons_own_operation(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, operations="+9172") as rig:
        content = Counting(5 << 30)
        rig.body.card.add_file("DCIM/100CANON", "MVI_0001.MOV", content)
        entries = [entry for entry in await walk(rig) if not entry.is_folder]
        (entry,) = [await rig.camera.measure(entry, reading=True) for entry in entries]
        for offset in (0, (4 << 30) - 4096, (4 << 30) + 12345, (5 << 30) - 4096):
            assert await rig.camera.read(entry, offset, 4096) == content.read(offset, 4096)
        await rig.camera.release(entry)
        assert rig.count(MakerOperation.CanonGetPartialObject64) > 0


async def walk(rig: Rig) -> list[Entry]:
    """Describe all that is on the card."""
    store, _ = await rig.camera.list_folder(None)
    found: list[Entry] = []
    folders = [store]
    while folders:
        for entry in await rig.described(folders.pop()):
            found.append(entry)
            if entry.is_folder:
                folders.append(entry.key)
    return found


async def test_the_bodys_button_while_the_photographer_has_it(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        assert not await walk(rig)
        rig.eos.press_shutter()
        await trio.sleep(1)
        assert [entry.name for entry in await walk(rig) if not entry.is_folder] == ["IMG_0001.JPG"]
        assert rig.camera.sends_events
        assert rig.vendor_operations() == []


@pytest.mark.parametrize("pieces", ["1", "7", "40"])
async def test_the_first_state_may_come_in_pieces(tmp_path: Path, jumping_clock: MockClock, pieces: str) -> None:
    async with rigged(tmp_path, pieces=pieces) as rig:
        assert await rig.camera.setting("iso") == "100"
        await rig.camera.change_setting("iso", "400")
        assert await rig.camera.setting("iso") == "400"
        assert await rig.camera.setting("picture-style") == "standard"


async def test_a_busy_body_is_waited_for(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.acquire_control()
        rig.eos.behaviour.busy = 20
        await rig.camera.change_setting("iso", "200")
        assert rig.eos.properties.number(0xD103) == 0x50


async def test_a_body_is_kept_from_switching_itself_off(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, auto_off="30") as rig:
        await rig.camera.acquire_control()
        await trio.sleep(300)
        assert await rig.camera.setting("iso") == "100"
        assert 25 <= rig.count(CanonOperation.KeepDeviceOn) <= 35


async def test_a_body_that_would_forget_the_next_session_keeps_this_one(
    tmp_path: Path, jumping_clock: MockClock
) -> None:
    async with emulated("canon-eos", operations="+913d", forgets_session="on") as body:
        for _ in range(3):
            async with driven(body, tmp_path) as rig:
                assert await rig.camera.setting("iso") == "100"
                assert await rig.camera.list_folder(None)
            assert "CloseSession" not in rig.operations()
            assert eos(body.state).keys_are_alive


@pytest.mark.parametrize("forgets", [True, False])
async def test_a_session_that_another_program_left_open(
    tmp_path: Path, jumping_clock: MockClock, forgets: bool
) -> None:
    """A body that would answer nothing in the next session is not brought into one."""
    async with emulated("canon-eos", operations="+913d" if forgets else "") as body:
        body.responder.session = 7
        async with driven(body, tmp_path) as rig:
            assert await rig.camera.setting("iso") == "100"
            assert (body.responder.session == 7) == forgets
            assert ("CloseSession" in rig.operations()) != forgets


async def test_an_older_body_has_its_session_closed(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with emulated("canon-eos") as body:
        async with driven(body, tmp_path) as rig:
            await rig.camera.list_folder(None)
        assert rig.operations()[-1] == Operation.CloseSession.name


@pytest.mark.parametrize(
    ("model", "options", "kind"),
    [
        ("canon-eos", {}, TetheredCamera),
        ("canon-eos", {"operations": "-9116"}, PtpCamera),
        ("canon-eos", {"maker": "Somebody"}, PtpCamera),
        ("ptp", {"maker": "Canon Inc."}, PtpCamera),
        ("ptp", {"maker": "Somebody", "operations": "+9114,+9115,+9116"}, PtpCamera),
    ],
)
async def test_which_cameras_it_drives(
    tmp_path: Path, jumping_clock: MockClock, model: str, options: dict[str, str], kind: type
) -> None:
    async with emulated(model, extension="6", empty=True, **options) as body, nursery() as work:
        camera = await open_still_camera(UsbLink(body.open()), work, timeout=10, idle=0, spool=tmp_path)
        assert type(camera) is kind
        await camera.aclose()


async def test_unplugging_under_control(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.acquire_control()
        rig.body.unplug()
        with pytest.raises(errors.DeviceGone):
            await rig.camera.setting("iso")
        rig.body.plug()
        await rig.camera.reattach(UsbLink(rig.body.open()))
        assert not await rig.camera.has_control()
        assert rig.eos.keys_are_alive
        rig.nursery.start_soon(rig.camera.listen)
        assert await rig.camera.setting("iso") == "100"


async def test_records_that_are_lost_on_the_way_are_asked_for_again(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, listening=False) as rig:
        await rig.camera.acquire_control()
        rig.eos.write(0xD103, (0x58).to_bytes(4, "little"))
        rig.fail(FaultKind.GARBAGE, CanonOperation.GetEvent)
        with pytest.raises(errors.CameraError):
            await rig.camera.setting("iso")
        assert await rig.camera.setting("iso") == "400"


@pytest.mark.parametrize("level", [logging.WARNING])
async def test_nothing_is_warned_of_in_an_ordinary_life(
    tmp_path: Path, jumping_clock: MockClock, caplog: pytest.LogCaptureFixture, level: int
) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.setting("iso")
        await rig.camera.change_setting("destination", "both")
        await rig.shoot()
        await rig.camera.view_frame()
        await rig.camera.change_focus("near 3")
        await trio.sleep(30)
        await rig.camera.release_control()
    assert [record.getMessage() for record in caplog.records if record.levelno >= level] == []
