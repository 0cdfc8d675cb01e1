"""The SIGMA fp as the file system sees it: imagedb beside the card, capture, movies, live view, raw commands, `.status`."""

import struct
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import pytest
import trio
import trio.testing

from camfs import errors
from camfs.cameras.ptp.driver import PtpCamera
from camfs.cameras.ptp.usblink import UsbLink
from camfs.cameras.sigma.driver import SigmaCamera
from camfs.cameras.sigma.liveview import FRAME_BUDGET
from camfs.cameras.still import open_still_camera
from camfs.cameras.tethered.shot_key import IMAGEDB
from camfs.protocols.ptp.codes import DataPhase, Operation
from camfs.protocols.sigma.codes import UNKNOWN_OPERATIONS, CaptureState, Destination, Hazard, SigmaOperation
from camfs.virtual.pictures.contents import Bytes
from camfs.virtual.ptp.faults import FaultKind
from tests.cameras.rig import CARD_ROOT, emulated, nursery
from tests.cameras.sigma.rig import Rig, driven, rigged

OLD = "+9010,+9011,+901A,+9020,+9021,+9025,+9026,+902E"
"""Operations that bodies have and do not list."""

FATAL = [operation for operation in SigmaOperation if operation.hazard is Hazard.FATAL]


# ---------------------------------------------------------------------- which driver


async def test_a_camera_that_is_no_sigma_has_the_driver_of_all(tmp_path: Path) -> None:
    async with emulated("ptp") as body, nursery() as work:
        camera = await open_still_camera(UsbLink(body.open()), work, timeout=10, idle=0, spool=tmp_path)
        assert isinstance(camera, PtpCamera)
        await camera.aclose()


@pytest.mark.parametrize("operation", [Operation.OpenSession, Operation.GetDeviceInfo])
async def test_a_camera_that_cannot_be_opened_is_let_go(
    tmp_path: Path, jumping_clock: trio.testing.MockClock, operation: Operation
) -> None:
    async with emulated("sigma-fp") as body, nursery() as work:
        rig = Rig(body, None, None, None, tmp_path)  # type: ignore[arg-type]
        fault = rig.fail(FaultKind.REFUSE, operation, times=None)
        with pytest.raises(errors.CameraError):
            await open_still_camera(UsbLink(body.open()), work, timeout=10, idle=0, spool=tmp_path)
        body.faults.remove(fault)
        async with driven(body, tmp_path) as rig:
            assert await rig.entries(None)


async def test_the_spool_is_the_users_and_the_cameras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    async with emulated("sigma-fp", serial="0000000091403727") as body, nursery() as work:
        camera = await open_still_camera(UsbLink(body.open()), work, timeout=10, idle=0, spool=None)
        assert isinstance(camera, SigmaCamera)
        await camera.capture()
        await camera.aclose()
    assert [path.name for path in (tmp_path / "camfs/spool/91403727").glob("SDIM*")] == ["SDIM0001.JPG"]


# ---------------------------------------------------------------------- the tree


async def test_imagedb_stands_beside_the_card(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        card, imagedb = await rig.entries(None)
        assert (card.name, card.is_folder, card.is_local) == ("card", True, False)
        assert (imagedb.name, imagedb.is_folder, imagedb.is_local) == ("imagedb", True, True)
        assert await rig.entries(imagedb.key) == []
        assert (await rig.camera.usage(imagedb.key)).total > 0
        assert await rig.camera.locate(imagedb.key) == [IMAGEDB]


async def test_a_shot_in_imagedb(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        (entry,) = await rig.shoot()
        assert entry.is_local
        assert entry.size_is_exact
        assert abs(datetime.now(UTC).timestamp() - entry.mtime_ns / 1e9) < 3600
        assert await rig.camera.locate(entry.key) == [IMAGEDB, entry.key]
        assert not rig.camera.reads_short(entry)
        data = bytes(await rig.camera.read(entry, 0, entry.size))
        assert data[:3] == b"\xff\xd8\xff"
        assert bytes(await rig.camera.read(entry, 1000, 500)) == data[1000:1500]
        await rig.camera.release(entry)
        with pytest.raises(errors.StoreReadOnly):
            await rig.camera.rename(entry, "other")
        await rig.camera.delete(entry)
        assert await rig.entries() == []


async def test_shots_have_the_thumbnails_that_their_files_carry(tmp_path: Path) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        await rig.camera.change_setting("image-quality", "dng+fine")
        shots = await rig.shoot()
        assert [entry.is_picture for entry in shots] == [True, True]
        rig.operations()
        in_camera = [await rig.camera.thumbnail(entry) for entry in shots]
        assert rig.operations() == ["GetBigPartialPictFile"] * 2  # the beginning of each
        for entry, thumbnail in zip(shots, in_camera, strict=True):
            data = bytes(await rig.camera.read(entry, 0, entry.size))
            assert thumbnail.startswith(b"\xff\xd8\xff")
            assert thumbnail in data
        await rig.camera.release_control()
        assert [await rig.camera.thumbnail(entry) for entry in shots] == in_camera
    async with rigged(tmp_path, empty=True) as rig:
        assert "ConfigApi" not in rig.operations()
        left = await rig.entries()
        assert [await rig.camera.thumbnail(entry) for entry in left if "SDIM" in entry.name] == in_camera
        assert "ConfigApi" not in rig.operations()


async def test_a_shot_whose_thumbnail_stands_at_its_end_or_nowhere(tmp_path: Path) -> None:
    late = b"II*\0" + (1 << 20).to_bytes(4, "little") + bytes((1 << 20) - 8)
    small = b"\xff\xd8\xff\xc0\0\4\0\0\xff\xd9"
    entries = ((0x201, len(late) + 2 + 24 + 4), (0x202, len(small)))
    late += len(entries).to_bytes(2, "little")
    late += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries) + bytes(4) + small
    async with rigged(tmp_path, empty=True) as rig:
        (entry,) = await rig.shoot()
        picture = next(iter(rig.body.sigma.database.files(trio.current_time())))
        picture.content = Bytes(lambda: late)
        (shot,) = rig.camera.images._listed.files.values()
        assert shot.record is not None
        shot.size, shot.record = len(late), replace(shot.record, size=len(late))
        entry = rig.camera.images.describe(entry.key)
        assert await rig.camera.thumbnail(entry) == small
    async with rigged(tmp_path / "other", empty=True) as rig:
        (entry,) = await rig.shoot()
        picture = next(iter(rig.body.sigma.database.files(trio.current_time())))
        picture.content = Bytes(lambda: bytes(entry.size))
        with pytest.raises(errors.NoData, match="carries no thumbnail"):
            await rig.camera.thumbnail(entry)


async def test_imagedb_is_neither_formatted_nor_deleted(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        imagedb = (await rig.entries(None))[1]
        with pytest.raises(errors.NotPermitted):
            await rig.camera.format(IMAGEDB)
        with pytest.raises(errors.NotPermitted):
            await rig.camera.delete(imagedb)


async def test_a_spooled_file_is_read_and_deleted_without_the_body(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        (entry,) = await rig.shoot()
        await rig.camera.release_control()
        rig.operations()
        assert len(await rig.camera.read(entry, 0, entry.size)) == entry.size
        await rig.camera.delete(entry)
        assert rig.operations() == []


async def test_the_clock_is_nobodys(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        rig.operations()
        with pytest.raises(errors.NotSupported, match="clock"):
            await rig.camera.clock()
        with pytest.raises(errors.NotSupported, match="format is unknown"):
            await rig.camera.set_clock(datetime.now(UTC))
        assert rig.operations() == []


# ---------------------------------------------------------------------- capture and movies


@pytest.mark.parametrize("destination", ["computer", "both", "unset"])
async def test_a_picture_is_taken(tmp_path: Path, destination: str) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        await rig.camera.acquire_control()
        if destination == "unset":
            rig.body.sigma.settings.values["DestToSave"] = Destination.UNSET
        else:
            await rig.camera.change_setting("destination", destination)
        keys = await rig.camera.capture()
        assert [(await rig.camera.locate(key))[0] for key in keys] == [IMAGEDB]


async def test_a_picture_for_the_card_alone_is_told_by_its_path(tmp_path: Path) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        await rig.camera.change_setting("destination", "camera")
        assert await rig.camera.capture() == [PurePosixPath("card/DCIM/100SIGMA/SDIM0001.JPG")]
        await rig.camera.release_control()
        assert "SDIM0001.JPG" in {entry.name for entry in await rig.walk()}
        assert await rig.entries() == []


@pytest.mark.parametrize(
    ("speed", "drive"),
    [("30", "single"), ("1/125", "self-timer-10s"), ("30", "self-timer-10s"), ("15", "self-timer-2s")],
)
async def test_long_exposures_and_timers_are_waited_for(
    tmp_path: Path, jumping_clock: trio.testing.MockClock, speed: str, drive: str
) -> None:
    async with rigged(tmp_path, empty=True, snap_time="8") as rig:
        await rig.camera.change_setting("exposure-mode", "manual")
        await rig.camera.change_setting("shutter-speed", speed)
        await rig.camera.change_setting("drive-mode", drive)
        assert len(await rig.shoot()) == 1


async def test_bulb_is_not_begun(tmp_path: Path) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        await rig.camera.change_setting("exposure-mode", "manual")
        await rig.camera.change_setting("shutter-speed", "bulb")
        with pytest.raises(errors.NotPermitted, match="bulb"):
            await rig.camera.capture()
        assert "SnapCommand" not in rig.operations()


async def test_no_picture_is_begun_in_cine(tmp_path: Path) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        await rig.camera.change_setting("capture-mode", "cine")
        with pytest.raises(errors.NotPermitted, match="capture-mode still"):
            await rig.camera.capture()
        assert "SnapCommand" not in rig.operations()
        await rig.camera.change_setting("capture-mode", "still")
        assert len(await rig.shoot()) == 1


@pytest.mark.parametrize(
    ("state", "failure"),
    [
        (CaptureState.AF_FAILED, errors.FocusFailed),
        (CaptureState.BUFFER_FULL, errors.BufferFull),
        (CaptureState.GENERATION_FAILED, errors.CaptureFailed),
        (CaptureState.FAILED, errors.CaptureFailed),
    ],
)
async def test_a_picture_that_fails_does_not_stop_the_next(
    tmp_path: Path, state: CaptureState, failure: type[errors.Refused]
) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        rig.body.sigma.failures.append(state)
        with pytest.raises(failure):
            await rig.camera.capture()
        assert rig.camera.remote.is_acquired
        assert len(await rig.shoot()) == 1


async def test_a_movie(tmp_path: Path) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        with pytest.raises(errors.NotPermitted, match="cine"):
            await rig.camera.record(True)
        await rig.camera.change_setting("capture-mode", "cine")
        await rig.camera.record(True)
        assert await rig.camera.recording()
        await rig.camera.record(False)
        assert not await rig.camera.recording()
        await rig.camera.release_control()
        assert [entry.name for entry in await rig.walk() if entry.name.endswith(".MOV")]


# ---------------------------------------------------------------------- live view


async def test_view_frames(tmp_path: Path) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        frames = [await rig.camera.view_frame() for _ in range(4)]
        assert all(frame.startswith(b"\xff\xd8") and frame.endswith(b"\xff\xd9") for frame in frames)
        assert len(set(frames)) == 4


async def test_live_view_is_switched_on_once_in_a_hold(tmp_path: Path) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        for _ in range(2):
            await rig.camera.change_setting("live-view", "off")
            rig.operations()
            await rig.camera.view_frame()
            await rig.camera.view_frame()
            assert rig.operations().count("SetCamDataGroup2") == 1
            await rig.camera.release_control()


@pytest.mark.parametrize("busy", [1, 7])
async def test_a_frame_that_is_not_ready_is_asked_for_at_once(
    tmp_path: Path, jumping_clock: trio.testing.MockClock, busy: int
) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        await rig.camera.view_frame()
        rig.body.sigma.gaps = 0
        rig.body.sigma.busy = busy
        rig.operations()
        before = trio.current_time()
        await rig.camera.view_frame()
        assert trio.current_time() - before < 0.05
        assert rig.operations().count("GetViewFrame") == busy + 1


async def test_a_camera_without_frames_is_busy(tmp_path: Path, jumping_clock: trio.testing.MockClock) -> None:
    async with rigged(tmp_path, empty=True, latency="0.01") as rig:
        await rig.camera.acquire_control()
        rig.body.sigma.busy = 1_000_000
        before = trio.current_time()
        with pytest.raises(errors.Busy):
            await rig.camera.view_frame()
        assert trio.current_time() - before < 2 * FRAME_BUDGET


# ---------------------------------------------------------------------- every operation


async def test_every_operation_is_within_reach_and_the_fatal_ones_are_not(
    tmp_path: Path, jumping_clock: trio.testing.MockClock
) -> None:
    async with rigged(tmp_path, movies=True, firmware="V91", operations=f"{OLD},+901D") as rig:
        camera = rig.camera
        listed = rig.body.state.device_info.operations
        assert set(SigmaOperation) <= set(listed)
        for name, value in (
            ("iso", "400"),
            ("drive-mode", "single"),
            ("color-mode", "vivid"),
            ("hdr", "off"),
            ("aspect-ratio", "16:9"),
            ("focus-mode", "af-s"),
        ):
            await camera.change_setting(name, value)
        await trio.sleep(2)
        await camera.setting("iso")
        await camera.change_focus("af")
        await camera.focus()
        await camera.view_frame()
        (shot,) = await rig.shoot()
        await camera.read(shot, 0, shot.size)
        await camera.release_control()
        await camera.change_setting("capture-mode", "cine")
        await camera.record(True)
        await trio.sleep(2)
        await camera.record(False)
        take = next(entry for entry in await rig.entries() if entry.name.endswith(".MOV"))
        assert len(await camera.read(take, 0, 1000)) == 1000
        by_methods = set(rig.operations())
        for operation in SigmaOperation:
            if operation.hazard is Hazard.NONE and operation.name not in by_methods:
                data = " : 00" if operation.data_phase is DataPhase.OUT else ""
                assert (await camera.raw(f"{operation:x}{data}")).startswith("2001")
        for operation in FATAL:
            with pytest.raises(errors.NotPermitted, match="off the bus"):
                await camera.raw(f"{operation:x}")
        seen = by_methods | set(rig.operations())
        assert {operation.name for operation in SigmaOperation if operation not in FATAL} <= seen
        assert not {operation.name for operation in FATAL} & seen
        assert not rig.body.sigma.gone


@pytest.mark.parametrize("operation", FATAL)
async def test_a_fatal_operation_is_not_sent_in_any_spelling(tmp_path: Path, operation: SigmaOperation) -> None:
    async with rigged(tmp_path, empty=True, firmware="V91", operations="+901D") as rig:
        for command in (f"{operation:04X}", f" {operation:x} 0 : 00", f"0x{operation:x}", f"0000{operation:04x}"):
            with pytest.raises((errors.NotPermitted, errors.InvalidValue)):
                await rig.camera.raw(command)
        assert not rig.body.sigma.gone
        assert rig.vendor_operations() == ["GetCamCaptStatus"]


async def test_what_the_camera_does_not_list_is_not_sent(tmp_path: Path) -> None:
    async with rigged(tmp_path, empty=True, operations="-902B") as rig:
        rig.operations()
        for code in ("902b", "9010", "9abc", "95c1"):
            with pytest.raises(errors.NotSupported):
                await rig.camera.raw(code)
        with pytest.raises(errors.NotSupported):
            await rig.camera.view_frame()
        assert not {"GetViewFrame", "GetCamConfig"} & set(rig.operations())


# ---------------------------------------------------------------------- raw


async def test_raw_commands_keep_the_hold_true_to_the_body(tmp_path: Path) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        answer = await rig.camera.raw("9035")
        assert bytes.fromhex(answer.partition(" : ")[2])[56 + 4 :].startswith(b"SIGMA fp")
        assert rig.camera.remote.is_acquired
        assert await rig.camera.raw("9035") == answer
        assert rig.count(SigmaOperation.ConfigApi) == 1
        assert await rig.camera.raw("902f : 00") == "2001"
        assert not rig.camera.remote.is_acquired
        assert not rig.body.sigma.locked


async def test_a_raw_write_is_seen_in_the_settings(tmp_path: Path) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        assert await rig.camera.setting("iso") == "auto"
        assert await rig.camera.raw("9016 : 04 18 00 00 30 4c") == "2001"
        assert await rig.camera.setting("iso") == "400"


async def test_a_raw_write_without_data_is_not_begun(tmp_path: Path) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        with pytest.raises(errors.InvalidValue, match="needs data"):
            await rig.camera.raw("9019")
        assert not rig.camera.remote.is_acquired


async def test_raw_commands_of_the_standard_take_nothing(tmp_path: Path) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        assert (await rig.camera.raw("1004")).startswith("2001 : ")
        for nonsense in ("", "nonsense", "9012 zz", "9012 : zz"):
            with pytest.raises(errors.InvalidValue):
                await rig.camera.raw(nonsense)
        assert (await rig.camera.raw("9015 0")).startswith("2001 : 06")


async def test_operations_that_nobody_knows_are_for_raw(tmp_path: Path) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        for code in sorted(UNKNOWN_OPERATIONS & set(rig.body.state.device_info.operations)):
            assert await rig.camera.raw(f"{code:x}") == "2005"


@pytest.mark.parametrize("movies", [False, True])
async def test_a_raw_piece_of_a_movie_passes_the_guard(tmp_path: Path, movies: bool) -> None:
    async with rigged(tmp_path, empty=True, movies=movies) as rig:
        camera = rig.camera
        for command in ("9037 0 0 0 100", "9037", "9037 0 0 1 100", "9037 1 0 0 100", "9037 0 0 0 ffffffff"):
            with pytest.raises(errors.Refused):
                await camera.raw(command)
        await camera.change_setting("capture-mode", "cine")
        await camera.record(True)
        with pytest.raises(errors.Refused):
            await camera.raw("9037 0 0 0 100")
        await camera.record(False)
        if movies:
            (take,) = await rig.entries()
            data = bytes(await camera.read(take, 0, 0x100))
            assert await camera.raw("9037 0 0 0 100") == f"2001 : {data.hex()}"
            await camera.delete(take)
        with pytest.raises(errors.Refused):
            await camera.raw("9037 0 0 0 100")
        assert not rig.body.sigma.gone


@pytest.mark.parametrize("data", ["02200123", "02100113", "0020"])
async def test_no_take_is_read_while_a_raw_command_records(tmp_path: Path, data: str) -> None:
    async with rigged(tmp_path, empty=True, movies=True) as rig:
        camera = rig.camera
        await camera.change_setting("capture-mode", "cine")
        await camera.record(True)
        await camera.record(False)
        (take,) = await rig.entries()
        assert await camera.raw(f"901b : {data}") == "2001"
        assert await camera.recording()
        with pytest.raises(errors.Refused):
            await camera.read(take, 0, 0x100)
        with pytest.raises(errors.Refused):
            await camera.raw("9037 0 0 0 100")
        assert await camera.raw("901b : 02300133") == "2001"
        assert not await camera.recording()
        assert not rig.body.sigma.gone


# ---------------------------------------------------------------------- .status


async def test_status_before_in_and_after_control(tmp_path: Path) -> None:
    async with rigged(tmp_path, empty=True, serial="0000000091403727", firmware="V91") as rig:
        rig.operations()
        before = await rig.camera.status()
        assert before == [
            ("camera", "SIGMA fp"),
            ("serial", "91403727"),
            ("firmware", "not known before control is acquired"),
            ("control", "no"),
            ("imagedb", "0 files, 0 only in the camera"),
        ]
        assert rig.operations() == []
        await rig.shoot()
        during = await rig.camera.status()
        free_shots = dict(during)["free-shots"]
        assert free_shots.isdecimal()
        assert during == [
            ("camera", "SIGMA fp"),
            ("serial", "91403727"),
            ("firmware", "V91"),
            ("control", "yes"),
            ("battery", "full"),
            ("lens", "45mm"),
            ("free-shots", free_shots),
            ("media", "card"),
            ("capture-mode", "still"),
            ("recording", "no"),
            ("imagedb", "1 file, 1 only in the camera"),
        ]
        await rig.camera.release_control()
        rig.operations()
        assert await rig.camera.status() == [
            ("camera", "SIGMA fp"),
            ("serial", "91403727"),
            ("firmware", "V91"),
            ("control", "no"),
            ("battery", "full"),
            ("imagedb", "1 file, 0 only in the camera"),
        ]
        assert rig.operations() == []


async def test_status_of_a_camera_that_garbles_its_settings(tmp_path: Path) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        await rig.camera.acquire_control()
        await rig.camera.refresh()
        rig.fail(FaultKind.BAD_DATASET, SigmaOperation.GetCamDataGroup1, times=None)
        keys = [key for key, _ in await rig.camera.status()]
        assert keys == ["camera", "serial", "firmware", "control", "capture-mode", "recording", "imagedb"]


async def test_status_names_what_was_lost(tmp_path: Path) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        (shot,) = await rig.shoot()
        assert "lost" not in dict(await rig.camera.status())
        rig.body.sigma.power_cycle()
        await rig.camera.change_setting("iso", "400")
        assert dict(await rig.camera.status())["lost"].startswith(f"{shot.name} ")


async def test_status_finds_out_that_the_body_left(tmp_path: Path) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        await rig.camera.acquire_control()
        await rig.camera.refresh()
        rig.body.sigma.close()
        assert dict(await rig.camera.status())["control"] == "no"
        assert not rig.camera.remote.is_acquired


# ---------------------------------------------------------------------- a camera that leaves


async def test_every_call_on_a_camera_that_left_says_so(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        camera = rig.camera
        file = next(entry for entry in await rig.walk() if not entry.is_folder)
        (shot,) = await rig.shoot()
        rig.body.unplug()
        asks: list[Callable[[], Awaitable[object]]] = [
            lambda: camera.setting("iso"),
            lambda: camera.change_setting("iso", "400"),
            camera.capture,
            camera.view_frame,
            camera.focus,
            lambda: camera.read(shot, 0, shot.size),
        ]
        for ask in asks:
            with pytest.raises(errors.DeviceGone):
                await ask()
        await trio.testing.wait_all_tasks_blocked()
        assert camera.gone
        assert not camera.remote.is_acquired
        asks = [
            lambda: camera.read(file, 0, 100),
            lambda: camera.thumbnail(file),
            lambda: camera.list_folder(None),
            lambda: camera.list_folder(CARD_ROOT),
            lambda: camera.describe(file.key, None),
            lambda: camera.usage(CARD_ROOT),
            lambda: camera.acquire_control(),
        ]
        for ask in asks:
            with pytest.raises(errors.DeviceGone):
                await ask()


async def test_a_held_camera_that_left_does_not_show_what_it_showed(tmp_path: Path) -> None:
    async with rigged(tmp_path, listening=False) as rig:
        await rig.walk()
        await rig.camera.acquire_control()
        rig.body.unplug()
        with pytest.raises(errors.DeviceGone):
            await rig.camera.view_frame()
        assert rig.camera.remote.is_acquired
        with pytest.raises(errors.DeviceGone):
            await rig.walk()
        with pytest.raises(errors.DeviceGone):
            await rig.camera.usage(CARD_ROOT)
        await rig.camera.aclose()
        assert not rig.camera.remote.is_acquired
