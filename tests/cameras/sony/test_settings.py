"""A Sony's settings: read, written, stepped to the value, and refused with a reason."""

from pathlib import Path

import pytest
from trio.testing import MockClock

from camfs import errors
from camfs.protocols.sony.codes import SonyOperation, SonyProperty
from tests.cameras.sony.rig import rigged

STEPS = SonyOperation.SetControlDeviceB
WRITES = SonyOperation.SetControlDeviceA

VALUES = {
    "iso": ["400", "auto", "1600", "100"],
    "aperture": ["f/2.8", "f/22", "f/5.6"],
    "shutter-speed": ["1/4000", "30", "bulb", "1/125", "0.5"],
    "exposure-compensation": ["+0.3", "-3", "0"],
}


@pytest.mark.parametrize("awkward", ["modern", "slow:0.3", "backwards", ""])
@pytest.mark.parametrize("name", VALUES)
async def test_exposure_is_set_to_the_value(name: str, awkward: str, tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, awkward) as rig:
        await rig.camera.acquire_control()
        for value in VALUES[name]:
            await rig.camera.change_setting(name, value)
            assert await rig.camera.setting(name) == value
        assert bool(rig.count(STEPS)) == (awkward != "modern")


async def test_every_setting_of_every_list(tmp_path: Path, jumping_clock: MockClock) -> None:
    for number, awkward in enumerate(("modern", "")):
        async with rigged(tmp_path / str(number), awkward) as rig:
            await rig.camera.acquire_control()
            count = 0
            for name in rig.camera.setting_names():
                before = await rig.camera.setting(name)
                for choice in list(await rig.camera.choices(name))[:8]:
                    if name in ("capture-autofocus", "prop-d25a"):
                        continue
                    await rig.camera.change_setting(name, choice)
                    assert await rig.camera.setting(name) == choice
                    count += 1
                if before and await rig.camera.choices(name) and name not in ("capture-autofocus", "prop-d25a"):
                    await rig.camera.change_setting(name, before)
            assert count > 40


async def test_reading_acquires_control_and_asks_once(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        assert await rig.camera.setting("iso") == "auto"
        assert await rig.camera.has_control()
        before = rig.count(SonyOperation.GetAllDevicePropData)
        for name in rig.camera.setting_names():
            await rig.camera.setting(name)
        assert rig.count(SonyOperation.GetAllDevicePropData) <= before + 2


async def test_a_value_that_steps_go_over(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        with pytest.raises(errors.InvalidValue, match="no such value; it stays at f/5"):
            await rig.camera.change_setting("aperture", "f/5.3")
        assert await rig.camera.setting("aperture") == "f/5"


async def test_a_value_beyond_the_end(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        with pytest.raises(errors.NotPermitted, match="stays at f/2"):
            await rig.camera.change_setting("aperture", "f/1.4")


@pytest.mark.parametrize("awkward", ["program", "program,modern"])
async def test_what_the_dial_decides(awkward: str, tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, awkward) as rig:
        for name, value in (("aperture", "f/8"), ("shutter-speed", "1/60"), ("exposure-mode", "manual")):
            with pytest.raises(errors.AccessDenied, match=name):
                await rig.camera.change_setting(name, value)
            assert not list(await rig.camera.choices(name))
        assert await rig.camera.setting("exposure-mode") == "program"
        assert rig.count(STEPS) == 0


async def test_what_is_greyed_out(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, "greyed,modern") as rig:
        with pytest.raises(errors.AccessDenied, match="greyed out"):
            await rig.camera.change_setting("iso", "400")
        with pytest.raises(errors.AccessDenied, match="only be read"):
            await rig.camera.change_setting("battery-level", "50%")


async def test_values_that_are_none(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, "modern") as rig:
        for name, value in (("iso", "123"), ("aperture", "f/3"), ("white-balance", "pink"), ("shutter-speed", "soon")):
            with pytest.raises(errors.InvalidValue):
                await rig.camera.change_setting(name, value)
        with pytest.raises(errors.NoData):
            await rig.camera.setting("nonsense")


async def test_a_write_that_the_body_ignores(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, "modern") as rig:
        await rig.camera.acquire_control()
        rig.sony.write = lambda code, data: None  # type: ignore[method-assign]
        with pytest.raises(errors.NotPermitted, match="stays at f"):
            await rig.camera.change_setting("aperture", "f/8")


async def test_destination(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path / "old") as rig:
        assert await rig.camera.setting("destination") == "computer"
        assert await rig.camera.choices("destination") == ["computer"]
        await rig.camera.change_setting("destination", "computer")
        with pytest.raises(errors.InvalidValue):
            await rig.camera.change_setting("destination", "card")
    async with rigged(tmp_path / "new", "modern") as rig:
        assert await rig.camera.choices("destination") == ["computer", "both", "card"]
        await rig.camera.change_setting("destination", "both")
        assert rig.sony.value(SonyProperty.Destination) == 0x11
        assert rig.count(WRITES) >= 1
