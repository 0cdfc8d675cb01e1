"""The settings of the SIGMA fp: every one of them on the emulated camera, and what is asked of the camera for them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from camfs import errors
from camfs.cameras.sigma.settings import FRESH, READ_DATASETS
from camfs.protocols.ptp.codes import ResponseCode
from camfs.protocols.sigma.codes import SigmaOperation
from camfs.protocols.sigma.datasets import Dataset, Values
from camfs.protocols.sigma.settings import SETTINGS
from camfs.virtual.ptp.calls import Answer, Call
from camfs.virtual.ptp.faults import FaultKind
from camfs.virtual.ptp.state import CameraState
from camfs.virtual.sigma import rules
from camfs.virtual.sigma.behaviour import FIRMWARES
from camfs.virtual.sigma.settings import Settings
from tests.cameras.sigma.rig import Rig, rigged

STATES = (
    {"capture-mode": "still", "exposure-mode": "program", "focus-mode": "af-s"},
    {"exposure-mode": "manual"},
    {"exposure-mode": "aperture-priority", "focus-area": "one-point"},
    {"exposure-mode": "shutter-priority", "white-balance": "color-temperature"},
    {"color-mode": "monochrome"},
    {"capture-mode": "cine", "exposure-mode": "manual", "movie-format": "mov", "movie-size": "fhd"},
    {"movie-format": "cinemadng"},
    {"movie-format": "mov", "shutter-unit": "angle"},
)
"""What is set, one after the other, so that every setting is settable some time."""

ROUNDED = {"focus-position", "focus-frame", "frame-rate"}
"""What the camera reads back as something near it: camfs/protocols/sigma/README.md, "Driving focus", and of frame rates
camfs/protocols/sigma/README.md, "Movie group"."""

NOT_OFFERED = {
    *("bracketing", "bracket-step", "flash", "flash-setting", "tone-effect", "live-view-magnification"),
    *("distortion-correction", "chromatic-aberration-correction", "color-shading-acquisition"),
    *("focus-limit", "mov-quality", "audio-gain-method"),
}
"""What the camera reports and lets be set in no known state: empty in CanSetInfo5, or not in it."""

NOT_ALL_TAKEN = {"color-mode"}
"""What has choices that this body ignores: colour modes of other firmware."""


@asynccontextmanager
async def held(spool: Path, **options: Any) -> AsyncIterator[Rig]:
    """Run the camera with the body held."""
    async with rigged(spool, empty=True, **options) as rig:
        await rig.camera.acquire_control()
        rig.operations()
        yield rig


async def test_every_setting_is_read_set_to_each_choice_and_read_back(
    tmp_path: Path, jumping_clock: trio.testing.MockClock
) -> None:
    told: set[str] = set()
    taken: set[tuple[str, str]] = set()
    refused: set[str] = set()
    state: dict[str, str] = {}
    async with held(tmp_path, firmware="V91") as rig:
        rig.body.sigma.settings.values["LensWideFocalLength"] = 24 * 16
        rig.body.sigma.settings.values["LensTeleFocalLength"] = 70 * 16
        camera = rig.camera
        for changed in STATES:
            state.update(changed)
            for name, value in state.items():
                await camera.change_setting(name, value)
            for name in SETTINGS:
                try:
                    before = await camera.setting(name)
                    told.add(name)
                except errors.NoData:
                    before = ""
                choices = await camera.choices(name)
                for choice in choices:
                    if (name, choice) in taken:
                        continue
                    try:
                        await camera.change_setting(name, choice)
                    except errors.NotPermitted:
                        refused.add(name)
                        continue
                    if before and name not in ROUNDED:
                        assert await camera.setting(name) == choice
                    taken.add((name, choice))
                for again, value in state.items():
                    if await camera.setting(again) != value:
                        await camera.change_setting(again, value)
                if before in choices and await camera.setting(name) != before:
                    await camera.change_setting(name, before)
    written = {name for name, _ in taken}
    read_only = {name for name, setting in SETTINGS.items() if setting.read_only}
    assert set(SETTINGS) - told - written == set()
    assert set(SETTINGS) - written - read_only <= NOT_OFFERED
    assert not written & read_only
    assert refused <= NOT_ALL_TAKEN


async def test_what_can_only_be_read_is_not_written(tmp_path: Path) -> None:
    async with held(tmp_path) as rig:
        for name, setting in SETTINGS.items():
            if setting.read_only:
                with pytest.raises(errors.AccessDenied, match=name):
                    await rig.camera.change_setting(name, "1")
                assert await rig.camera.choices(name) == ()
        assert not [name for name in rig.operations() if name.startswith("Set")]


async def test_nonsense_does_not_reach_the_camera(tmp_path: Path) -> None:
    async with held(tmp_path, firmware="V91") as rig:
        for name, setting in SETTINGS.items():
            if not setting.read_only:
                with pytest.raises(errors.InvalidValue):
                    await rig.camera.change_setting(name, "nonsense")
        with pytest.raises(errors.NotFound):
            await rig.camera.setting("nonsense")
        assert not [name for name in rig.operations() if name.startswith("Set")]


@pytest.mark.parametrize(
    ("given", "name", "value", "words"),
    [
        ({}, "shutter-speed", "1/250", "shutter-speed: the camera kept auto (exposure-mode is program)"),
        ({}, "aperture", "f/8", "aperture: the camera kept f/5.6 (exposure-mode is program)"),
        ({}, "color-temperature", "3000", "color-temperature: the camera kept 5000K (white-balance is auto)"),
        ({}, "frame-rate", "25", "frame-rate: the camera kept 23.98 (capture-mode is still)"),
        ({"focus-mode": "manual"}, "face-eye-af", "face", "face-eye-af: the camera kept off (focus-mode is manual)"),
    ],
)
async def test_a_value_that_was_ignored_is_refused_with_the_reason(
    tmp_path: Path, jumping_clock: trio.testing.MockClock, given: dict[str, str], name: str, value: str, words: str
) -> None:
    async with held(tmp_path) as rig:
        for other, needed in given.items():
            await rig.camera.change_setting(other, needed)
        with pytest.raises(errors.NotPermitted) as refused:
            await rig.camera.change_setting(name, value)
        assert str(refused.value) == words


@pytest.mark.parametrize(
    ("form", "writes", "codes"),
    [("bits", [1, 1, 1, 1, 1], [0x11, 0x21, 0x41, 4, 0x14]), ("numbers", [2, 1, 1, 1, 2], [5, 6, 7, 4, 5])],
)
@pytest.mark.parametrize("firmware", FIRMWARES)
async def test_custom_modes_are_set_in_the_form_that_the_body_takes(
    form: str,
    writes: list[int],
    codes: list[int],
    firmware: str,
    tmp_path: Path,
    jumping_clock: trio.testing.MockClock,
) -> None:
    """One is written, and where the read-back differs the other; what the body reports tells which is the first."""
    async with held(tmp_path, custom_modes=form, firmware=firmware) as rig:
        for text, count, code in zip(("c1", "c2", "c3", "manual", "c1"), writes, codes, strict=True):
            await rig.camera.change_setting("exposure-mode", text)
            assert rig.operations().count("SetCamDataGroup2") == count
            assert await rig.camera.setting("exposure-mode") == text
            assert rig.body.sigma.settings.values["ExposureMode"] == code
        await rig.camera.change_setting("exposure-mode", "c1")
        choices = await rig.camera.choices("exposure-mode")
        assert choices == ("program", "aperture-priority", "shutter-priority", "manual", "c1", "c2", "c3")


async def test_a_custom_mode_that_the_body_takes_in_no_form(
    tmp_path: Path, jumping_clock: trio.testing.MockClock
) -> None:
    async with held(tmp_path) as rig:
        with pytest.raises(errors.NotPermitted, match="the camera kept program"):
            await rig.camera.change_setting("exposure-mode", "c4")

        async def ignored(state: CameraState, call: Call) -> Answer:
            return Answer()

        rig.body.override(SigmaOperation.SetCamDataGroup2, ignored)
        rig.operations()
        with pytest.raises(errors.NotPermitted, match="the camera kept program"):
            await rig.camera.change_setting("exposure-mode", "c2")
        assert rig.operations().count("SetCamDataGroup2") == 2


async def test_what_the_camera_meters_is_read_live(tmp_path: Path, jumping_clock: trio.testing.MockClock) -> None:
    async with held(tmp_path) as rig:
        assert await rig.camera.setting("aperture") == "f/5.6"
        assert await rig.camera.setting("iso") == "auto"
        rig.body.sigma.metered_aperture = 53
        rig.body.sigma.metered_iso = 80
        await trio.sleep(FRESH)
        assert await rig.camera.setting("aperture") == "f/7.1"
        assert await rig.camera.setting("iso") == "auto"
        await rig.camera.change_setting("iso", "400")
        assert await rig.camera.setting("iso") == "400"
        await rig.camera.change_setting("exposure-mode", "manual")
        assert await rig.camera.setting("aperture") == "f/2.8"


async def test_a_write_is_waited_for(tmp_path: Path, jumping_clock: trio.testing.MockClock) -> None:
    async with held(tmp_path) as rig:
        rig.body.sigma.slow = True
        for value in ("100", "200", "auto", "400"):
            await rig.camera.change_setting("iso", value)
            assert await rig.camera.setting("iso") == value


async def test_a_busy_camera_is_asked_again(tmp_path: Path, jumping_clock: trio.testing.MockClock) -> None:
    async with held(tmp_path) as rig:
        rig.body.sigma.busy = 3
        await rig.camera.change_setting("iso", "400")
        assert await rig.camera.setting("iso") == "400"


async def test_two_who_write_the_same_do_not_read_back_each_other(
    tmp_path: Path, jumping_clock: trio.testing.MockClock
) -> None:
    async with held(tmp_path, latency="0.01") as rig:
        async with trio.open_nursery() as work:
            for value in ("100", "200", "400", "auto"):
                work.start_soon(rig.camera.change_setting, "iso", value)
        assert await rig.camera.setting("iso") in ("100", "200", "400", "auto")


async def test_one_read_serves_a_group_for_a_second(tmp_path: Path, jumping_clock: trio.testing.MockClock) -> None:
    async with held(tmp_path) as rig:
        await trio.sleep(FRESH)
        await rig.camera.setting("iso")
        rig.operations()
        for name in ("iso", "aperture", "shutter-speed", "exposure-compensation"):
            await rig.camera.setting(name)
        assert rig.operations() == []


async def test_then_one_question_tells_what_has_changed(tmp_path: Path, jumping_clock: trio.testing.MockClock) -> None:
    async with held(tmp_path) as rig:
        await rig.camera.setting("iso")
        await rig.camera.setting("drive-mode")
        await trio.sleep(FRESH)
        rig.operations()
        rig.body.sigma.settings.values["DriveMode"] = 2
        assert await rig.camera.setting("iso") == "auto"
        assert rig.operations() == ["GetCamStatus2"]
        assert await rig.camera.setting("drive-mode") == "continuous"
        assert rig.operations() == ["GetCamDataGroup2"]


async def test_a_camera_without_that_question_is_read_again(
    tmp_path: Path, jumping_clock: trio.testing.MockClock
) -> None:
    async with held(tmp_path, operations="-902C") as rig:
        await rig.camera.setting("iso")
        await trio.sleep(FRESH)
        rig.operations()
        assert await rig.camera.setting("iso") == "auto"
        assert rig.operations() == ["GetCamDataGroup1"]


async def test_after_a_write_everything_is_read_again(tmp_path: Path) -> None:
    async with held(tmp_path) as rig:
        assert await rig.camera.setting("shutter-speed") == "auto"
        await rig.camera.change_setting("exposure-mode", "manual")
        assert await rig.camera.setting("shutter-speed") == "1/15"


async def test_the_names_are_those_of_this_body_once_it_was_held(tmp_path: Path) -> None:
    async with rigged(tmp_path, empty=True, firmware="V84") as rig:
        assert list(rig.camera.setting_names()) == list(SETTINGS)
        await rig.camera.acquire_control()
        names = set(rig.camera.setting_names())
        assert names < set(SETTINGS)
        assert not names & {"focus-position", "focus-state", "flash-type"}
        assert {"iso", "focus-peaking", "frame-rate"} <= names


@pytest.mark.parametrize("kind", [FaultKind.BAD_DATASET, FaultKind.REFUSE])
async def test_a_body_that_garbles_what_can_be_set_is_set_all_the_same(tmp_path: Path, kind: FaultKind) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        rig.fail(kind, SigmaOperation.GetCamCanSetInfo5, times=None, code=ResponseCode.OperationNotSupported)
        await rig.camera.change_setting("iso", "400")
        assert await rig.camera.setting("iso") == "400"
        assert list(rig.camera.setting_names()) == list(SETTINGS)


@pytest.mark.parametrize("operation", [each.reads for each in READ_DATASETS if each is not Dataset.GROUP1])
async def test_a_garbled_group_takes_nothing_away_but_its_settings(tmp_path: Path, operation: SigmaOperation) -> None:
    async with rigged(tmp_path, empty=True) as rig:
        rig.fail(FaultKind.BAD_DATASET, operation, times=None)
        assert await rig.camera.setting("iso") == "auto"
        for name, setting in SETTINGS.items():
            if setting.dataset.reads == operation and name in rig.camera.setting_names():
                with pytest.raises(errors.RemoteProtocolError):
                    await rig.camera.setting(name)


@pytest.mark.parametrize(("mode", "pre_af"), [("af-c", 1), ("af-s", 0)])
async def test_the_focus_mode_brings_its_pre_af(tmp_path: Path, mode: str, pre_af: int) -> None:
    async with held(tmp_path) as rig:
        rig.body.sigma.settings.values["PreConstAF"] = 1 - pre_af
        await rig.camera.change_setting("focus-mode", mode)
        assert rig.body.sigma.settings.values["PreConstAF"] == pre_af


async def test_af_c_that_became_af_s_does_not_hunt(tmp_path: Path, jumping_clock: trio.testing.MockClock) -> None:
    async with held(tmp_path) as rig:
        await rig.camera.change_setting("capture-mode", "cine")
        with pytest.raises(errors.NotPermitted, match="the camera kept af-s"):
            await rig.camera.change_setting("focus-mode", "af-c")
        assert rig.body.sigma.settings.values["PreConstAF"] == 0


async def test_the_other_code_of_a_value_is_tried(tmp_path: Path, jumping_clock: trio.testing.MockClock) -> None:
    """Medium pictures are 2 in one source and 3 in another."""
    async with held(tmp_path) as rig:
        write = rules.write

        def write_without_two(settings: Settings, values: Values, now: float) -> None:
            write(settings, {name: value for name, value in values.items() if (name, value) != ("Resolution", 2)}, now)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rules, "write", write_without_two)
            await rig.camera.change_setting("image-size", "medium")
        assert rig.body.sigma.settings.values["Resolution"] == 3
        assert await rig.camera.setting("image-size") == "medium"


async def test_settings_do_not_wait_behind_a_transfer(
    tmp_path: Path, jumping_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A setting is written while a file is read, after the one piece of it that is under way."""
    monkeypatch.setattr("camfs.cameras.sigma.exposure.PIECE", 500_000)
    async with held(tmp_path, bandwidth="1000000") as rig:
        await rig.camera.change_setting("image-quality", "dng")
        (entry,) = await rig.shoot()
        rig.operations()
        async with trio.open_nursery() as work:
            work.start_soon(rig.camera.read, entry, 0, entry.size)
            await trio.sleep(0.25)
            await rig.camera.change_setting("iso", "400")
        seen = rig.operations()
        assert seen.index("GetBigPartialPictFile") < seen.index("SetCamDataGroup1")
        assert "GetBigPartialPictFile" in seen[seen.index("SetCamDataGroup1") :]
