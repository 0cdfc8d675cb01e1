"""Driving the focus of the emulated SIGMA fp."""

from pathlib import Path

import pytest
import trio.testing

from camfs import errors
from camfs.cameras.sigma.focus import TOLERANCE
from camfs.protocols.sigma.codes import CaptureState
from tests.cameras.sigma.rig import Rig, rigged


def position(rig: Rig) -> int:
    """Return where the motor is."""
    where = rig.body.sigma.motor.position(trio.current_time())
    assert isinstance(where, int)
    return where


async def test_state_position_and_range_are_told(tmp_path: Path) -> None:
    async with rigged(tmp_path, empty=True, firmware="V91") as rig:
        lines = dict(line.split(": ") for line in (await rig.camera.focus()).splitlines())
        assert list(lines) == ["mode", "state", "position", "range"]
        assert (lines["mode"], lines["state"]) == ("af-s", "idle")
        assert lines["range"] == "5974-11116"
        assert int(lines["position"]) == position(rig)


async def test_old_firmware_tells_the_mode_only_and_takes_no_position(tmp_path: Path) -> None:
    async with rigged(tmp_path, empty=True, firmware="V84") as rig:
        assert await rig.camera.focus() == "mode: af-s\n"
        with pytest.raises(errors.NotSupported, match="firmware"):
            await rig.camera.change_focus("8500")


@pytest.mark.parametrize("from_mode", ["af-s", "af-c", "manual"])
@pytest.mark.parametrize("as_setting", [False, True])
async def test_a_position_is_driven_to(
    tmp_path: Path, jumping_clock: trio.testing.MockClock, from_mode: str, as_setting: bool
) -> None:
    """Also from autofocus, where the camera takes the mode and drops the position of the first write."""
    async with rigged(tmp_path, empty=True, firmware="V91") as rig:
        await rig.camera.change_setting("focus-mode", from_mode)
        for wanted in (8500, 5974, 11116):
            if as_setting:
                await rig.camera.change_setting("focus-position", str(wanted))
            else:
                await rig.camera.change_focus(str(wanted))
            assert abs(position(rig) - wanted) <= TOLERANCE
            assert "state: idle" in await rig.camera.focus()
        assert await rig.camera.setting("focus-mode") == "manual"


@pytest.mark.parametrize("text", ["5973", "11117", "0", "70000", "-1", "far", "", "AF", "٣"])
async def test_what_is_no_position_of_the_lens_is_not_sent(tmp_path: Path, text: str) -> None:
    async with rigged(tmp_path, empty=True, firmware="V91") as rig:
        with pytest.raises(errors.InvalidValue):
            await rig.camera.change_focus(text)
        assert "SetCamDataGroupFocus" not in rig.operations()


async def test_a_motor_that_goes_elsewhere_is_no_success(tmp_path: Path, jumping_clock: trio.testing.MockClock) -> None:
    async with rigged(tmp_path, empty=True, firmware="V91") as rig:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rig.body.sigma.motor, "drive", lambda where, now: None)
            with pytest.raises(errors.NotPermitted, match="the camera kept position"):
                await rig.camera.change_focus("8500")


async def test_a_motor_that_never_rests_is_not_waited_for_for_ever(
    tmp_path: Path, jumping_clock: trio.testing.MockClock
) -> None:
    async with rigged(tmp_path, empty=True, firmware="V91") as rig:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rig.body.sigma.motor, "moving", lambda now: True)
            with pytest.raises(errors.TransferTimeout, match="rest"):
                await rig.camera.change_focus("8500")
            assert "state: moving" in await rig.camera.focus()


@pytest.mark.parametrize("mode", ["af-s", "af-c"])
async def test_autofocus_once(tmp_path: Path, jumping_clock: trio.testing.MockClock, mode: str) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        await rig.camera.change_setting("focus-mode", mode)
        await rig.camera.change_focus("af")
        assert len(await rig.shoot()) == 1, "whatever it did to the database does not stop the shutter"


async def test_autofocus_that_finds_nothing(tmp_path: Path, jumping_clock: trio.testing.MockClock) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        rig.body.sigma.contrast = False
        with pytest.raises(errors.FocusFailed, match=CaptureState.AF_FAILED.words):
            await rig.camera.change_focus("af")
        assert len(await rig.shoot()) == 1


async def test_no_autofocus_in_mf(tmp_path: Path) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        await rig.camera.change_setting("focus-mode", "manual")
        with pytest.raises(errors.NotPermitted, match="focus-mode is manual"):
            await rig.camera.change_focus("af")
        assert "SnapCommand" not in rig.operations()
