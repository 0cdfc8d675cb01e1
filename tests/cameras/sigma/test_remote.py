"""Remote control of the SIGMA: acquired when needed, released whatever happens, and nothing lost by either."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio
import trio.testing

from camfs import errors
from camfs.cameras.api import FolderChanged
from camfs.cameras.ptp.session import Session
from camfs.cameras.ptp.transaction import Reply
from camfs.cameras.ptp.usblink import UsbLink
from camfs.cameras.still import open_still_camera
from camfs.cameras.tethered.shot_key import IMAGEDB
from camfs.protocols.ptp.codes import Operation, ResponseCode
from camfs.protocols.sigma.codes import NOT_INITIALISED, Destination, SigmaOperation
from camfs.virtual.ptp.faults import FaultKind
from tests.cameras.rig import CARD_ROOT, emulated, nursery
from tests.cameras.sigma.rig import QUICK, Rig, driven, killed, rigged

WITHIN = 120
"""Seconds on a jumping clock that any end takes at most."""


async def full(*_: object) -> None:
    """Stand for a disk that takes no more."""
    raise errors.StoreFull("no space left on device")


# ---------------------------------------------------------------------- standalone


async def test_browsing_sends_no_vendor_operation_but_one_question(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        camera = rig.camera
        entries = [entry for entry in await rig.walk() if not entry.is_folder]
        assert entries
        for entry in entries:
            await camera.read(entry, 0, 1000)
            await camera.thumbnail(entry)
            await camera.release(entry)
        await camera.delete(entries[0])
        await camera.usage(CARD_ROOT)
        await camera.usage(IMAGEDB)
        await camera.status()
        await camera.refresh()
        await rig.entries(None)
        assert camera.setting_names()
        assert not await camera.has_control()
        assert not await camera.recording()
        await camera.release_control()
        await camera.record(False)
        await camera.aclose()
        assert rig.vendor_operations() == ["GetCamCaptStatus"]
        assert not rig.body.sigma.locked


async def test_a_camera_that_is_silent_at_the_question_is_mounted_and_not_asked_again(
    tmp_path: Path, jumping_clock: trio.testing.MockClock
) -> None:
    async with emulated("sigma-fp", empty=False) as body:
        body.quirks.vendor_is_silent = True
        began = trio.current_time()
        async with driven(body, tmp_path) as rig:
            assert trio.current_time() - began < 5
            assert len(await rig.walk()) > 3
            await rig.camera.status()
            assert rig.vendor_operations() == ["GetCamCaptStatus"]


@pytest.mark.parametrize("kind", [FaultKind.GARBAGE, FaultKind.BAD_DATASET, FaultKind.STALL, FaultKind.REFUSE])
async def test_a_question_that_goes_wrong_does_not_break_the_mount(
    tmp_path: Path, jumping_clock: trio.testing.MockClock, kind: FaultKind
) -> None:
    async with emulated("sigma-fp", empty=False) as body:
        rig = Rig(body, None, None, None, tmp_path)  # type: ignore[arg-type]
        rig.fail(kind, SigmaOperation.GetCamCaptStatus)
        async with driven(body, tmp_path) as rig:
            assert len(await rig.walk()) > 3
            assert not rig.camera.remote.is_acquired
            assert rig.count(SigmaOperation.ConfigApi) == 0


# ---------------------------------------------------------------------- acquiring


async def test_the_body_is_taken_once_at_the_first_need(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        rig.operations()
        async with trio.open_nursery() as work:
            for _ in range(5):
                work.start_soon(rig.camera.setting, "iso")
            work.start_soon(rig.camera.view_frame)
            work.start_soon(rig.camera.focus)
        assert rig.count(SigmaOperation.ConfigApi) == 1
        assert rig.body.sigma.locked
        assert await rig.camera.has_control()


@pytest.mark.parametrize(
    ("values", "destination"),
    [
        ({}, Destination.BOTH),
        ({"MediaStatus": 0}, Destination.COMPUTER),
        ({"MediaFreeSpace": 0}, Destination.COMPUTER),
    ],
)
async def test_shots_are_kept_by_the_computer_and_by_the_card_if_there_is_room(
    tmp_path: Path, values: dict[str, int], destination: Destination
) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        configure = rig.body.sigma.configure

        def with_values() -> bytes:
            reply = configure()
            rig.body.sigma.settings.values.update(values)
            return reply

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rig.body.sigma, "configure", with_values)
            before = rig.operations()
            await rig.camera.acquire_control()
        assert rig.body.sigma.settings.values["DestToSave"] == destination
        assert before
        assert [name for name in rig.operations() if name.startswith("Set")] == ["SetCamDataGroup3"]


@pytest.mark.parametrize("kind", [FaultKind.NO_ANSWER, FaultKind.GARBAGE, FaultKind.BAD_DATASET, FaultKind.STOP])
async def test_a_config_api_whose_answer_is_lost_is_not_forgotten(
    tmp_path: Path, jumping_clock: trio.testing.MockClock, kind: FaultKind
) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        rig.fail(kind, SigmaOperation.ConfigApi)
        with pytest.raises(errors.CameraError):
            await rig.camera.setting("iso")
        assert rig.camera.remote.is_acquired
        assert await rig.camera.setting("iso") == "auto"
        await rig.camera.aclose()
        assert not rig.body.sigma.locked


async def test_a_config_api_that_is_refused_takes_nothing(tmp_path: Path) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        rig.fail(FaultKind.REFUSE, SigmaOperation.ConfigApi)
        with pytest.raises(errors.Refused):
            await rig.camera.setting("iso")
        assert not rig.camera.remote.is_acquired
        assert await rig.camera.setting("iso") == "auto"


async def test_a_body_without_config_api_is_not_held(tmp_path: Path) -> None:
    async with rigged(tmp_path, operations="-9035") as rig:
        with pytest.raises(errors.NotSupported):
            await rig.camera.setting("iso")
        assert not rig.camera.remote.is_acquired
        assert len(await rig.walk()) > 3


@pytest.mark.parametrize("operation", list(SigmaOperation))
async def test_cancelled_at_any_operation_the_body_is_handed_back(
    tmp_path: Path, jumping_clock: trio.testing.MockClock, operation: SigmaOperation
) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        fault = rig.fail(
            FaultKind.DELAY, operation, skip=int(operation == SigmaOperation.ClearImageDBSingle), seconds=1
        )
        with trio.move_on_after(0.5):
            (entry,) = await rig.shoot()
            await rig.camera.read(entry, 0, entry.size)
            await rig.camera.view_frame()
            await rig.camera.release_control()
        rig.body.faults.remove(fault)
        with trio.fail_after(WITHIN):
            await rig.camera.aclose()
        assert not rig.body.sigma.locked
        assert not rig.camera.remote.is_acquired


# ---------------------------------------------------------------------- releasing


async def by_control(rig: Rig) -> None:
    await rig.camera.release_control()


async def by_raw(rig: Rig) -> None:
    assert await rig.camera.raw("902f : 00000000000000000000") == "2001"


async def by_idleness(rig: Rig) -> None:
    await trio.sleep(61)


async def by_the_end(rig: Rig) -> None:
    await rig.camera.aclose()


async def by_the_power_switch(rig: Rig) -> None:
    rig.body.sigma.close()
    with pytest.raises(errors.Refused):
        await rig.camera.capture()


WAYS: list[Callable[[Rig], Awaitable[None]]] = [by_control, by_raw, by_idleness, by_the_end, by_the_power_switch]


@pytest.mark.parametrize("way", WAYS)
async def test_every_way_of_ending_leaves_the_body_free(
    tmp_path: Path, jumping_clock: trio.testing.MockClock, way: Callable[[Rig], Awaitable[None]]
) -> None:
    async with rigged(tmp_path, idle=60) as rig:
        await rig.camera.setting("iso")
        assert rig.camera.remote.is_acquired
        epoch = rig.camera.epoch
        await way(rig)
        assert not rig.camera.remote.is_acquired
        assert not rig.body.sigma.locked
        assert rig.camera.epoch > epoch
        assert not await rig.camera.has_control()


async def test_an_exception_in_the_program_leaves_the_body_free(tmp_path: Path) -> None:
    async with emulated("sigma-fp") as body:
        rig: Rig | None = None
        try:
            async with driven(body, tmp_path) as rig:
                await rig.camera.setting("iso")
                raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        assert rig is not None
        assert not rig.camera.remote.is_acquired
        assert not body.sigma.locked


async def test_cancelled_while_it_is_opened_the_camera_is_closed(tmp_path: Path) -> None:
    async with emulated("sigma-fp") as body, nursery() as work:
        with trio.CancelScope() as scope:
            scope.cancel()
            await open_still_camera(UsbLink(body.open()), work, timeout=10, idle=0, spool=tmp_path)
        async with driven(body, tmp_path) as rig:
            assert not rig.camera.remote.is_acquired


@pytest.mark.parametrize("kind", [FaultKind.NO_ANSWER, FaultKind.GARBAGE, FaultKind.STALL])
async def test_a_hand_back_without_an_answer_is_found_to_have_happened(
    tmp_path: Path, jumping_clock: trio.testing.MockClock, kind: FaultKind
) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.setting("iso")
        rig.fail(kind, SigmaOperation.CloseApplication)
        try:
            await rig.camera.release_control()
        except errors.CameraError:
            await rig.camera.release_control()
        assert not rig.camera.remote.is_acquired
        assert not rig.body.sigma.locked
        assert await rig.camera.setting("iso") == "auto"


async def test_a_dead_camera_does_not_stop_the_end(tmp_path: Path, jumping_clock: trio.testing.MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.shoot()
        rig.fail(FaultKind.NO_ANSWER, None, times=None)
        with pytest.raises(errors.TransportError), trio.fail_after(WITHIN):
            await rig.camera.release_control()
        with trio.fail_after(WITHIN):
            await rig.camera.aclose()


async def test_an_unplugged_camera_ends_at_once(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        await rig.shoot()
        rig.body.unplug()
        with pytest.raises(errors.DeviceGone):
            await rig.camera.setting("iso")
        await rig.camera.aclose()


async def test_shots_are_brought_in_before_the_body_goes_back(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        (entry,) = await rig.shoot()
        waiting = bytes(await rig.camera.read(entry, 0, entry.size))
        (other,) = await rig.shoot()
        await rig.camera.release_control()
        assert not rig.body.sigma.locked
        assert bytes(await rig.camera.read(entry, 0, entry.size)) == waiting
        assert len(bytes(await rig.camera.read(other, 0, other.size))) == other.size
        assert rig.operations()[-1] == "CloseApplication"


async def test_a_body_that_was_switched_off_is_not_said_to_be_left_locked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        async with emulated("sigma-fp", snap_time=QUICK) as body, driven(body, tmp_path) as rig:
            await rig.shoot()
            body.sigma.power_cycle()
    assert "has left the computer's control by itself" in caplog.text
    assert "left locked" not in caplog.text


async def test_shots_that_find_no_room_keep_the_body(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, jumping_clock: trio.testing.MockClock
) -> None:
    """Refused at `.control`, tried again when idle, and at the end the body stays locked: the next mount has the shot."""
    async with emulated("sigma-fp", snap_time=QUICK) as body:
        with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.WARNING):
            patch.setattr("camfs.cameras.tethered.spool.PartialFile.write", full)
            async with driven(body, tmp_path, idle=60) as rig:
                (entry,) = await rig.shoot()
                with pytest.raises(errors.StoreFull):
                    await rig.camera.release_control()
                assert rig.camera.remote.is_acquired
                await trio.sleep(61)
                assert "control of the idle camera is not released" in caplog.text
                assert rig.camera.remote.is_acquired
                seen = bytes(await rig.camera.read(entry, 0, entry.size))
            assert "left locked" in caplog.text
            assert body.sigma.locked
            assert rig.count(SigmaOperation.CloseApplication) == 0
        async with driven(body, tmp_path) as rig:
            assert not body.sigma.locked
            (found,) = await rig.entries()
            assert bytes(await rig.camera.read(found, 0, found.size)) == seen


async def test_nobody_loses_the_body_while_he_uses_it(tmp_path: Path) -> None:
    async with rigged(tmp_path, snap_time="0.2") as rig:
        await rig.camera.acquire_control()
        order: list[str] = []

        async def shoot() -> None:
            await rig.camera.capture()
            order.append("shot")

        async def hand_back() -> None:
            await rig.camera.release_control()
            order.append("handed back")

        async with trio.open_nursery() as work:
            work.start_soon(shoot)
            while not rig.count(SigmaOperation.SnapCommand):
                await trio.lowlevel.checkpoint()
            work.start_soon(hand_back)
        assert order == ["shot", "handed back"]
        (entry,) = await rig.entries()
        assert len(await rig.camera.read(entry, 0, entry.size)) == entry.size


@pytest.mark.parametrize("seed", range(6))
async def test_many_at_once(tmp_path: Path, jumping_clock: trio.testing.MockClock, seed: int) -> None:
    """Whatever is done together, nobody waits for ever, nothing fails but for want of the card, and all shots are there."""
    random = Random(seed)
    shots: list[str] = []
    async with rigged(tmp_path, idle=2) as rig:
        camera = rig.camera

        async def capture() -> None:
            shots.extend(entry.name for entry in await rig.shoot())

        async def read_all() -> None:
            for entry in await rig.entries():
                assert len(await camera.read(entry, 0, entry.size)) == entry.size

        async def browse() -> None:
            with suppress(errors.Busy):
                await rig.walk()

        async def live() -> None:
            while not over:
                await camera.view_frame()
                await trio.sleep(random.random())

        doings: list[Callable[[], Awaitable[object]]] = [
            capture,
            read_all,
            browse,
            camera.focus,
            camera.status,
            lambda: camera.setting("iso"),
            lambda: camera.change_setting("iso", random.choice(["auto", "100", "400"])),
            lambda: camera.release_control(),
            lambda: camera.acquire_control(),
            lambda: camera.raw("9015 0"),
            lambda: trio.sleep(random.random() * 5),
        ]

        async def do() -> None:
            for _ in range(12):
                await random.choice(doings)()
                await trio.sleep(random.random())

        over = False
        async with trio.open_nursery() as work:
            work.start_soon(live)
            async with trio.open_nursery() as doers:
                for _ in range(4):
                    doers.start_soon(do)
            over = True
        await camera.release_control()
        assert not rig.body.sigma.locked
        assert sorted(entry.name for entry in await rig.entries()) == sorted(shots)
        await read_all()


# ---------------------------------------------------------------------- idleness


async def test_use_puts_off_idleness(tmp_path: Path, jumping_clock: trio.testing.MockClock) -> None:
    async with rigged(tmp_path, empty=True, idle=60) as rig:
        for _ in range(5):
            await rig.camera.setting("iso")
            await trio.sleep(50)
            await rig.camera.status()
            assert rig.camera.remote.is_acquired
        await trio.sleep(11)
        assert not rig.camera.remote.is_acquired


async def test_control_that_is_acquired_late_is_not_idle(tmp_path: Path, jumping_clock: trio.testing.MockClock) -> None:
    """Idleness counts from the last use, and before the first there is none."""
    async with rigged(tmp_path, empty=True, idle=60) as rig:
        await trio.sleep(1000)
        await rig.camera.setting("iso")
        await trio.sleep(59)
        assert rig.camera.remote.is_acquired
        await trio.sleep(2)
        assert not rig.camera.remote.is_acquired


async def test_idleness_of_no_seconds_is_never(tmp_path: Path, jumping_clock: trio.testing.MockClock) -> None:
    async with rigged(tmp_path, empty=True, idle=0) as rig:
        await rig.camera.setting("iso")
        await trio.sleep(3000)
        assert rig.camera.remote.is_acquired


async def test_a_movie_is_not_idleness(tmp_path: Path, jumping_clock: trio.testing.MockClock) -> None:
    async with rigged(tmp_path, empty=True, idle=60) as rig:
        await rig.camera.change_setting("capture-mode", "cine")
        await rig.camera.record(True)
        await trio.sleep(600)
        assert rig.camera.remote.is_acquired
        assert await rig.camera.recording()
        await rig.camera.record(False)
        await trio.sleep(61)
        assert not rig.camera.remote.is_acquired


async def test_a_movie_ends_when_the_body_is_handed_back(tmp_path: Path) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        await rig.camera.change_setting("capture-mode", "cine")
        await rig.camera.record(True)
        await rig.camera.release_control()
        assert not rig.body.sigma.locked
        assert not await rig.camera.recording()


# ---------------------------------------------------------------------- a previous program


async def test_a_body_left_locked_is_unlocked_when_it_is_opened(tmp_path: Path) -> None:
    async with emulated("sigma-fp", snap_time=QUICK) as body:
        async with killed(body, tmp_path) as rig:
            await rig.camera.setting("iso")
        assert body.sigma.locked
        body.trace.records.clear()
        async with driven(body, tmp_path) as rig:
            assert not body.sigma.locked
            assert not rig.camera.remote.is_acquired
            seen = rig.vendor_operations()
            assert seen[-1] == "CloseApplication"
            assert "ConfigApi" not in seen


class Killed(BaseException):
    """Nobody catches it, as nothing catches SIGKILL."""


@pytest.mark.parametrize("after", [False, True])
async def test_killed_at_any_operation_of_a_hold_the_next_finds_the_body_free_and_the_shot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jumping_clock: trio.testing.MockClock, after: bool
) -> None:
    transact = Session.transact
    ended = False
    for last in range(1000):
        left = last

        async def counted(session: Session, *arguments: Any, **options: Any) -> Reply:
            nonlocal left
            left -= 1
            if left < 0 and not after:
                raise Killed
            reply = await transact(session, *arguments, **options)
            if left < 0:
                raise Killed
            return reply

        spool = tmp_path / str(last)
        async with emulated("sigma-fp", snap_time=QUICK) as body:
            with monkeypatch.context() as patch:
                patch.setattr(Session, "transact", counted)
                try:
                    async with killed(body, spool) as rig:
                        await rig.shoot()
                        await rig.camera.release_control()
                        ended = True
                except Killed:
                    pass
            async with driven(body, spool) as rig:
                assert not body.sigma.locked
                assert not rig.camera.remote.is_acquired
                taken = "SnapCommand" in rig.operations()
                assert len(await rig.entries()) == taken
        if ended:
            break
    assert ended
    assert last > 10


async def test_its_shots_are_rescued_first(tmp_path: Path) -> None:
    async with emulated("sigma-fp", snap_time=QUICK) as body:
        async with killed(body, tmp_path) as rig:
            await rig.camera.change_setting("image-quality", "dng+fine")
            shot = await rig.shoot()
        async with driven(body, tmp_path) as rig:
            assert not body.sigma.locked
            assert [(entry.name, entry.size) for entry in await rig.entries()] == [
                (entry.name, entry.size) for entry in shot
            ]


async def test_a_rescue_that_fails_leaves_the_shots_where_they_are(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with emulated("sigma-fp", snap_time=QUICK) as body:
        async with killed(body, tmp_path) as rig:
            await rig.shoot()
        with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.WARNING):
            patch.setattr("camfs.cameras.tethered.spool.PartialFile.write", full)
            async with driven(body, tmp_path) as rig:
                assert rig.camera.remote.is_acquired
                assert "stays locked" in caplog.text
                assert rig.count(SigmaOperation.CloseApplication) == 0
                assert [entry.name for entry in await rig.entries(None)] == ["card", "imagedb"]
                with pytest.raises(errors.Busy):
                    await rig.entries(CARD_ROOT)
                (entry,) = await rig.entries()
                assert len(await rig.camera.read(entry, 0, entry.size)) == entry.size
                patch.undo()
                await rig.camera.release_control()
                assert not body.sigma.locked
                (entry,) = await rig.entries()
                assert len(await rig.camera.read(entry, 0, entry.size)) == entry.size


# ---------------------------------------------------------------------- control that ends by itself


async def test_what_is_safe_is_done_again_after_the_body_left(tmp_path: Path) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        for ask in (
            lambda: rig.camera.setting("iso"),
            lambda: rig.camera.choices("iso"),
            lambda: rig.camera.change_setting("iso", "400"),
            rig.camera.focus,
            rig.camera.view_frame,
        ):
            await rig.camera.acquire_control()
            rig.body.sigma.close()
            await trio.testing.wait_all_tasks_blocked()
            await rig.camera.refresh()
            await ask()
            assert rig.body.sigma.locked
            assert rig.camera.remote.is_acquired


async def test_a_shot_is_not_done_again_and_what_was_only_there_is_gone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        await rig.shoot()
        rig.body.sigma.close()
        with pytest.raises(errors.Refused) as refused:
            await rig.camera.capture()
        assert refused.value.code == NOT_INITIALISED
        assert not rig.camera.remote.is_acquired
        assert await rig.entries() == []
        assert len(await rig.shoot()) == 1


async def test_a_lost_session_does_not_empty_the_database(
    tmp_path: Path, jumping_clock: trio.testing.MockClock
) -> None:
    """The first ConfigApi of a session would."""
    async with rigged(tmp_path, empty=True) as rig:
        (entry,) = await rig.shoot()
        epoch = rig.camera.epoch
        rig.fail(FaultKind.LOSE_SESSION, SigmaOperation.GetCamDataGroup1)
        await rig.camera.refresh()
        await rig.camera.setting("iso")
        assert rig.camera.epoch > epoch
        assert rig.camera.remote.is_acquired
        await rig.camera.setting("drive-mode")
        (found,) = await rig.entries()
        assert found == entry
        assert len(await rig.camera.read(found, 0, found.size)) == found.size
        assert rig.count(SigmaOperation.ConfigApi) == 1
        assert len(await rig.shoot()) == 1
        await rig.camera.release_control()
        assert not rig.body.sigma.locked


async def test_a_session_lost_together_with_the_hold_is_found_out(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.setting("iso")
        rig.body.sigma.close()
        rig.fail(FaultKind.LOSE_SESSION, Operation.GetStorageInfo)
        rig.camera.remote.note_unclear()
        await rig.camera.release_control()
        assert not rig.camera.remote.is_acquired
        assert len(await rig.walk()) > 3


async def test_a_silent_body_is_not_taken_anew(tmp_path: Path, jumping_clock: trio.testing.MockClock) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        (entry,) = await rig.shoot()
        rig.camera.remote.note_unclear()
        fault = rig.fail(FaultKind.NO_ANSWER, SigmaOperation.GetCamCaptStatus)
        with pytest.raises(errors.TransferTimeout):
            await rig.camera.setting("iso")
        assert fault.fired == 1
        assert await rig.camera.setting("iso") == "auto"
        assert rig.count(SigmaOperation.ConfigApi) == 1
        assert len(await rig.camera.read(entry, 0, entry.size)) == entry.size


# ---------------------------------------------------------------------- the card meanwhile


async def test_the_listing_in_control_is_the_listing_before(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        before = [await rig.walk(), await rig.entries(None), await rig.camera.usage(CARD_ROOT)]
        await rig.camera.acquire_control()
        rig.operations()
        assert [await rig.walk(), await rig.entries(None), await rig.camera.usage(CARD_ROOT)] == before
        await rig.camera.refresh()
        assert [await rig.walk(), await rig.entries(None), await rig.camera.usage(CARD_ROOT)] == before
        assert rig.operations() == []


async def test_it_is_so_again_in_the_next_hold(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        before = await rig.walk()
        for _ in range(2):
            await rig.camera.acquire_control()
            assert await rig.walk() == before
            await rig.camera.release_control()


async def test_a_lost_session_of_the_card_life_is_listed_anew(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        await rig.walk()
        rig.fail(FaultKind.LOSE_SESSION, Operation.GetStorageIDs)
        await rig.camera.list_folder(None)
        await rig.camera.acquire_control()
        with pytest.raises(errors.Busy):
            await rig.walk()


async def test_what_was_not_listed_is_busy_and_never_empty(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.acquire_control()
        stores = await rig.entries(None)
        assert [entry.name for entry in stores] == ["card", "imagedb"]
        assert (await rig.camera.usage(stores[0].key)).total
        with pytest.raises(errors.Busy, match=r"echo 0 > .control"):
            await rig.entries(stores[0].key)


async def test_what_was_not_described_is_busy(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        keys = await rig.camera.list_folder(CARD_ROOT)
        await rig.camera.acquire_control()
        assert await rig.camera.list_folder(CARD_ROOT) == keys
        with pytest.raises(errors.Busy, match=r"echo 0 > .control"):
            await rig.camera.describe(keys[0], CARD_ROOT)


async def test_an_entry_that_could_not_be_described_stays_so(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        (key,) = await rig.camera.list_folder(CARD_ROOT)
        rig.fail(FaultKind.REFUSE, Operation.GetObjectInfo, code=ResponseCode.AccessDenied)
        with pytest.raises(errors.AccessDenied):
            await rig.camera.describe(key, CARD_ROOT)
        await rig.camera.acquire_control()
        with pytest.raises(errors.AccessDenied):
            await rig.camera.describe(key, CARD_ROOT)


async def test_the_card_is_neither_read_nor_changed_meanwhile(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        file = next(entry for entry in await rig.walk() if not entry.is_folder)
        await rig.camera.acquire_control()
        for ask in (
            lambda: rig.camera.read(file, 0, 100),
            lambda: rig.camera.thumbnail(file),
            lambda: rig.camera.delete(file),
            lambda: rig.camera.format(CARD_ROOT),
            lambda: rig.camera.locate(file.key),
        ):
            with pytest.raises(errors.Busy, match=r"echo 0 > .control"):
                await ask()


async def test_the_body_is_taken_in_the_middle_of_a_card_read(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        file = max((entry for entry in await rig.walk() if not entry.is_folder), key=lambda entry: entry.size)
        refused: list[Exception] = []

        async def read() -> None:
            try:
                while True:
                    await rig.camera.read(file, 0, 1000)
            except errors.CameraError as error:
                refused.append(error)

        async with trio.open_nursery() as work:
            work.start_soon(read)
            await rig.camera.acquire_control()
        assert [type(error) for error in refused] == [errors.Busy]


async def test_after_the_hand_back_new_pictures_are_on_the_card(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        before = {entry.name for entry in await rig.walk()}
        epoch = rig.camera.epoch
        (shot,) = await rig.shoot()
        assert {entry.name for entry in await rig.walk()} == before
        await rig.camera.release_control()
        await trio.testing.wait_all_tasks_blocked()
        assert rig.camera.epoch > epoch
        assert FolderChanged(None) in rig.changes()
        assert {entry.name for entry in await rig.walk()} == before | {shot.name}


async def test_a_deleted_file_does_not_come_back_with_the_listing(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        file = next(entry for entry in await rig.walk() if not entry.is_folder)
        await rig.camera.delete(file)
        await rig.camera.acquire_control()
        assert file.name not in {entry.name for entry in await rig.walk()}
