"""What a SIGMA tells of itself in `.events`: shots, settings that the body has changed, and who has the body."""

from pathlib import Path

import trio
from trio.testing import MockClock

from camfs.cameras.api import Ability, Happened
from tests.cameras.sigma.rig import Rig, rigged


async def happened(rig: Rig) -> list[Happened]:
    """Return what has happened since this was last asked."""
    await trio.testing.wait_all_tasks_blocked()
    found = [change for change in rig.changes() if isinstance(change, Happened)]
    rig.changes().clear()
    return found


async def test_control_is_taken_and_released(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.acquire_control()
        assert Happened("control taken", "ConfigApi 0x9035") in await happened(rig)
        await rig.camera.release_control()
        assert await happened(rig) == [Happened("control released", "CloseApplication 0x902F")]


async def test_control_that_is_released_because_nobody_uses_it(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, idle=60) as rig:
        await rig.camera.acquire_control()
        await trio.sleep(120)
        assert Happened("control released", "CloseApplication 0x902F") in await happened(rig)


async def test_a_shot_and_its_going(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        (entry,) = await rig.shoot()
        (added,) = [change for change in await happened(rig) if change.text == "added"]
        assert (added.keys, added.is_new) == ((entry.key,), True)
        assert added.raw.startswith("ImageId 0x")
        await rig.camera.delete(entry)
        assert [(change.text, change.keys) for change in await happened(rig)] == [("removed", (entry.key,))]


async def test_shots_that_waited_are_no_news(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.shoot()
    async with rigged(tmp_path) as rig:
        assert len(await rig.entries()) == 1
        assert await happened(rig) == []


async def test_settings_that_change(tmp_path: Path, jumping_clock: MockClock) -> None:
    """Those that the computer writes, and those that the body changes by itself: nobody reads them meanwhile."""
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("iso", "400")
        assert any(
            change.text == "setting iso 400" and "GetCamDataGroup1" in change.raw for change in await happened(rig)
        )
        rig.body.sigma.settings.values["ISOSpeed"] = rig.body.sigma.settings.values["ISOSpeed"] + 8
        await trio.sleep(30)
        changed = [change.text for change in await happened(rig)]
        assert [text for text in changed if text.startswith("setting iso ")] == ["setting iso 800"]


async def test_looking_at_settings_does_not_keep_the_body(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, idle=60) as rig:
        await rig.camera.setting("iso")
        await trio.sleep(100)
        assert not await rig.camera.has_control()
        rig.operations()
        await trio.sleep(100)
        assert rig.operations() == [], "what is not under control is not looked at"


async def test_movies(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("capture-mode", "cine")
        await rig.camera.record(True)
        await rig.camera.record(False)
        texts = [change.text for change in await happened(rig)]
        assert [text for text in texts if text.startswith("recording")] == ["recording started", "recording stopped"]


async def test_what_it_can_do(tmp_path: Path) -> None:
    async with rigged(tmp_path) as rig:
        assert {Ability.CAPTURE, Ability.REMOTE_CONTROL, Ability.LIVE_VIEW, Ability.MOVIES} <= rig.camera.abilities()
        assert Ability.CLOCK not in rig.camera.abilities()
