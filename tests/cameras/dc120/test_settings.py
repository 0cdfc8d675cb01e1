"""The DC120's settings: what the camera does not take, and what is read back meanwhile."""

import contextlib

import pytest
import trio
import trio.testing

from camfs import errors
from camfs.cameras.api import Change, Happened, NoChoices
from camfs.cameras.dc120.driver import Dc120Camera
from camfs.protocols.dc120.commands import Code
from camfs.virtual.dc120 import FaultKind
from tests.cameras.dc120.rig import rigged, stored


async def test_a_setting_is_read_back_while_a_transfer_waits(jumping_clock: trio.testing.MockClock) -> None:
    """Once the setting is written, the transfer has the line. The value read back must not be the one known from before."""
    async with rigged([stored(1)], throttled=True, baud=115200) as rig:
        entry = await rig.entry(1)
        async with trio.open_nursery() as work:
            work.start_soon(rig.camera.change_setting, "flash", "fill")
            work.start_soon(rig.read, entry)
            work.start_soon(rig.camera.change_setting, "date-format", "yy/mm/dd")
            work.start_soon(rig.camera.change_setting, "time-format", "24h")
        for name, value in (("flash", "fill"), ("date-format", "yy/mm/dd"), ("time-format", "24h")):
            assert await rig.camera.setting(name) == value


async def test_macro_hides_the_zoom_which_reads_as_it_was_told_or_sent_last(
    jumping_clock: trio.testing.MockClock,
) -> None:
    async with rigged() as rig:
        await rig.camera.change_setting("zoom", "77mm")
        for name, value in (("flash", "fill"), ("focus-mode", "macro"), ("date-format", "yy/mm/dd")):
            await rig.camera.change_setting(name, value)
            assert await rig.camera.setting("zoom") == "77mm"
        await rig.camera.change_setting("zoom", "92mm")
        assert await rig.camera.setting("zoom") == "92mm"
        await rig.camera.change_setting("focus-mode", "multi-spot")
        assert await rig.camera.setting("zoom") == "92mm"


async def test_the_zoom_that_was_told_before_macro(jumping_clock: trio.testing.MockClock) -> None:
    """Nobody has asked for it: it was in a status that was asked for something else."""
    async with rigged() as rig:
        await rig.camera.change_setting("focus-mode", "macro")
        assert await rig.camera.setting("zoom") == "37mm"


@pytest.mark.parametrize(
    ("name", "value"),
    [("default-flash", "fill"), ("album", "3"), ("user-name", "A name of more than thirty characters")],
)
async def test_what_the_camera_does_not_tell_is_said_to_be_unconfirmed(
    name: str, value: str, jumping_clock: trio.testing.MockClock
) -> None:
    async with rigged() as rig:
        assert "not-confirmed" not in dict(await rig.camera.status())
        await rig.camera.change_setting("flash", "fill")
        assert "not-confirmed" not in dict(await rig.camera.status())
        await rig.camera.change_setting(name, value)
        assert dict(await rig.camera.status())["not-confirmed"].startswith(f"{name} {value} (")
        told = [change for change in changes(rig.camera) if isinstance(change, Happened)]
        assert [change.text for change in told] == [f"setting {name} {value}, not confirmed"]
        assert told[0].raw.startswith("SET_")


def changes(camera: Dc120Camera) -> list[Change]:
    found = []
    with contextlib.suppress(trio.WouldBlock):
        while True:
            found.append(camera.changes.receive_nowait())
    return found


async def test_a_text_has_no_choices_and_says_so(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged() as rig:
        choices = await rig.camera.choices("user-name")
        assert isinstance(choices, NoChoices)
        assert "57" in choices.why


async def test_a_setting_that_fails(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged() as rig:
        rig.fail(FaultKind.FAIL, Code.SET_ZOOM)
        with pytest.raises(errors.NotPermitted):
            await rig.camera.change_setting("zoom", "61mm")
        await rig.camera.change_setting("zoom", "61mm")
        assert await rig.camera.setting("zoom") == "61mm"
