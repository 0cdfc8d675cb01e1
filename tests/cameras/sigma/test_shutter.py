"""The SIGMA's shutter held open, released for several pictures at once, and released by the body's own interval timer."""

from pathlib import Path

import pytest
import trio
import trio.testing

from camfs import errors
from camfs.cameras.sigma.interval import LOOK
from camfs.protocols.sigma.codes import CaptureState, SigmaOperation
from camfs.virtual.ptp.faults import FaultKind
from tests.cameras.rig import emulated
from tests.cameras.sigma.rig import Rig, driven, killed, rigged

Clock = trio.testing.MockClock


async def manual(rig: Rig, speed: str = "1/60") -> None:
    await rig.camera.change_setting("exposure-mode", "manual")
    await rig.camera.change_setting("shutter-speed", speed)


async def timed(rig: Rig, timer: str) -> None:
    """Set the body's interval timer."""
    await manual(rig)
    await rig.camera.change_setting("drive-mode", "interval")
    await rig.camera.change_setting("interval-timer", timer)


async def names(rig: Rig) -> list[str]:
    return [entry.name for entry in await rig.entries()]


async def told(rig: Rig) -> str:
    return dict(await rig.camera.status()).get("interval-timer", "")


# ---------------------------------------------------------------------- bulb


async def test_bulb_holds_the_shutter_open_and_sets_it_back(tmp_path: Path, jumping_clock: Clock) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        await manual(rig)
        begun = trio.current_time()
        (key,) = await rig.camera.capture(8)
        assert 16 < trio.current_time() - begun < 18  # the dark frame takes as long again
        assert await names(rig) == ["SDIM0001.JPG"]
        assert await rig.camera.setting("shutter-speed") == "1/60"
        assert len(await rig.shoot()) == 1
        assert key in rig.camera.images.list()


async def test_bulb_where_it_is_set_already(tmp_path: Path, jumping_clock: Clock) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        await manual(rig, "bulb")
        assert len(await rig.camera.capture(0.5)) == 1
        assert await rig.camera.setting("shutter-speed") == "bulb"
        with pytest.raises(errors.NotPermitted, match="bulb SECONDS"):
            await rig.camera.capture()


async def test_bulb_after_a_self_timer(tmp_path: Path, jumping_clock: Clock) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        await manual(rig)
        await rig.camera.change_setting("drive-mode", "self-timer-10s")
        begun = trio.current_time()
        assert len(await rig.camera.capture(3)) == 1
        assert trio.current_time() - begun > 13


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"exposure-mode": "program"}, "exposure-mode is program"),
        ({"exposure-mode": "manual", "drive-mode": "interval"}, "drive-mode is interval"),
        ({"capture-mode": "cine"}, "cine|kept"),
    ],
)
async def test_bulb_is_refused(tmp_path: Path, settings: dict[str, str], reason: str) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        for name, value in settings.items():
            await rig.camera.change_setting(name, value)
        before = await rig.camera.setting("shutter-speed")
        with pytest.raises(errors.NotPermitted, match=reason):
            await rig.camera.capture(8)
        assert "SnapCommand" not in rig.operations()
        assert await rig.camera.setting("shutter-speed") == before


async def test_a_bulb_exposure_is_ended_when_it_is_stopped(tmp_path: Path, jumping_clock: Clock) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        await manual(rig)
        begun = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(rig.camera.capture, 3600)
            await trio.sleep(5)
            await rig.camera.stop_capture()
        assert trio.current_time() - begun < 15
        assert await names(rig) == ["SDIM0001.JPG"]
        assert len(await rig.camera.capture(2)) == 1


async def test_a_bulb_exposure_that_is_cancelled_ends_and_its_picture_is_not_lost(
    tmp_path: Path, jumping_clock: Clock
) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        await manual(rig)
        with trio.move_on_after(5):
            await rig.camera.capture(3600)
        assert await rig.camera.setting("shutter-speed") == "1/60"
        await trio.sleep(10)
        await rig.shoot()
        assert await names(rig) == ["SDIM0001.JPG", "SDIM0002.JPG"]


async def test_unmounting_ends_a_bulb_exposure(tmp_path: Path, jumping_clock: Clock) -> None:
    async with emulated("sigma-fp", empty=True, snap_time="0.01") as body:
        async with driven(body, tmp_path) as rig:
            await manual(rig)
            rig.nursery.start_soon(rig.camera.capture, 3600)
            await trio.sleep(3)
        assert not body.sigma.locked
        assert [path.name for path in tmp_path.glob("SDIM*")] == ["SDIM0001.JPG"]


async def test_the_command_that_ends_a_bulb_exposure_must_arrive(tmp_path: Path, jumping_clock: Clock) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        await manual(rig)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(rig.camera.capture, 5)
            await trio.sleep(2)
            rig.fail(FaultKind.REFUSE, SigmaOperation.SnapCommand, code=0x2019)
        assert await names(rig) == ["SDIM0001.JPG"]


# ---------------------------------------------------------------------- several at once


async def test_several_pictures_by_one_command(tmp_path: Path, jumping_clock: Clock) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        await rig.camera.change_setting("image-quality", "dng+fine")
        rig.operations()
        number, keys = await rig.camera.capture_several(5)
        assert (number, len(keys)) == (5, 10)
        assert rig.operations().count("SnapCommand") == 1
        assert len(set(await names(rig))) == 10
        number, keys = await rig.camera.capture_several(999)
        assert number == 10
        for entry in await rig.entries():
            assert len(await rig.camera.read(entry, 0, entry.size)) == entry.size


async def test_a_body_that_takes_fewer_than_it_is_told(tmp_path: Path) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        rig.body.sigma.amounts = False
        number, keys = await rig.camera.capture_several(5)
        assert (number, len(keys)) == (1, 1)


async def test_continuous_drive_counts_releases_of_the_shutter(tmp_path: Path, jumping_clock: Clock) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        await rig.camera.change_setting("drive-mode", "continuous")
        number, keys = await rig.camera.capture_several(5)
        assert (number, len(keys)) == (1, 3)


# ---------------------------------------------------------------------- the interval timer


@pytest.mark.parametrize("quality", ["fine", "dng+fine"])
async def test_the_interval_timer_goes_on_after_the_first_picture(
    tmp_path: Path, jumping_clock: Clock, quality: str
) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        await timed(rig, "60s x3")
        await rig.camera.change_setting("image-quality", quality)
        files = 2 if quality == "dng+fine" else 1
        begun = trio.current_time()
        assert len(await rig.shoot()) == files
        assert trio.current_time() - begun < 5
        assert await told(rig) == "1 of 3 taken, one each 60 s, goes on"
        with pytest.raises(errors.Busy, match="interval timer"):
            await rig.camera.capture()
        await trio.sleep(65)
        assert len(await names(rig)) == 2 * files
        assert await told(rig) == "2 of 3 taken, one each 60 s, goes on"
        await trio.sleep(60)
        assert len(await names(rig)) == 3 * files
        assert await told(rig) == "3 of 3 taken, one each 60 s, over"
        assert not rig.body.sigma.database.pending
        await rig.camera.change_setting("drive-mode", "single")
        assert len(await rig.shoot()) == files


async def test_an_endless_interval_is_ended(tmp_path: Path, jumping_clock: Clock) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        await timed(rig, "2s endless")
        assert len(await rig.shoot()) == 1
        await trio.sleep(100)
        assert 48 <= len(await names(rig)) <= 52
        await rig.camera.stop_capture()
        await trio.sleep(5)
        number = len(await names(rig))
        await trio.sleep(100)
        assert len(await names(rig)) == number
        assert await told(rig) == f"{number} taken, one each 2 s, ended"
        assert len(set(await names(rig))) == number


async def test_the_next_shot_may_follow_at_once_where_an_interval_was_ended(
    tmp_path: Path, jumping_clock: Clock
) -> None:
    """`echo 0 > .capture; echo 1 > .capture`."""
    async with rigged(tmp_path, empty=True) as rig:
        await timed(rig, "30s endless")
        assert len(await rig.shoot()) == 1
        await rig.camera.stop_capture()
        await rig.camera.change_setting("drive-mode", "single")
        assert len(await rig.shoot()) == 1


async def test_a_long_exposure_under_way_is_not_given_up(tmp_path: Path, jumping_clock: Clock) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        await timed(rig, "90s x2")
        await rig.camera.change_setting("shutter-speed", "30")
        assert len(await rig.shoot()) == 1
        await trio.sleep(170)
        assert len(await names(rig)) == 2
        assert (await told(rig)).endswith("over")


async def test_a_row_whose_first_picture_fails_does_not_go_on(tmp_path: Path, jumping_clock: Clock) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        await timed(rig, "2s endless")
        rig.body.sigma.failures.append(CaptureState.BUFFER_FULL)
        with pytest.raises(errors.BufferFull):
            await rig.camera.capture()
        await trio.sleep(20)
        assert not rig.body.sigma.database.pending
        assert await names(rig) == []
        assert len(await rig.shoot()) == 1


async def test_releasing_control_ends_the_interval_timer_and_keeps_its_pictures(
    tmp_path: Path, jumping_clock: Clock
) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        await timed(rig, "2s endless")
        await rig.shoot()
        await trio.sleep(2.1 + LOOK / 10)
        await rig.camera.release_control()
        assert not rig.body.sigma.locked
        taken = await names(rig)
        assert len(taken) == 2
        await trio.sleep(20)
        assert await names(rig) == taken


async def test_the_idle_time_does_not_end_the_interval_timer(tmp_path: Path, jumping_clock: Clock) -> None:
    async with rigged(tmp_path, empty=True, idle=30) as rig:
        await timed(rig, "60s x3")
        await rig.shoot()
        await trio.sleep(125)
        assert len(await names(rig)) == 3
        await trio.sleep(40)
        assert not rig.body.sigma.locked


async def test_a_full_disk_keeps_the_pictures_in_the_camera(
    tmp_path: Path, jumping_clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        await timed(rig, "2s x4")
        await rig.shoot()
        full = True
        bring_in = rig.camera.images._custody.bring_in

        async def refuse(exposures: object) -> None:
            if full:
                raise errors.StoreFull("no room")
            await bring_in(exposures)  # type: ignore[arg-type]

        monkeypatch.setattr(rig.camera.images._custody, "bring_in", refuse)
        await trio.sleep(20)
        assert rig.body.sigma.database.pending
        assert (await told(rig)).endswith("goes on")
        full = False
        await trio.sleep(5)
        assert not rig.body.sigma.database.pending
        assert len(await names(rig)) == 4
        assert (await told(rig)).endswith("over")


async def test_what_the_timer_took_while_camfs_was_killed_is_rescued(tmp_path: Path, jumping_clock: Clock) -> None:
    async with emulated("sigma-fp", empty=True, snap_time="0.01") as body:
        async with killed(body, tmp_path) as rig:
            await timed(rig, "2s x4")
            await rig.shoot()
        await trio.sleep(20)
        async with driven(body, tmp_path) as rig:
            assert len(await names(rig)) == 4
