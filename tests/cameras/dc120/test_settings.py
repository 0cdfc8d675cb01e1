"""The DC120's settings: what the camera does not take, and what is read back meanwhile."""

import pytest
import trio
import trio.testing

from camfs import errors
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


async def test_a_setting_that_fails(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged() as rig:
        rig.fail(FaultKind.FAIL, Code.SET_ZOOM)
        with pytest.raises(errors.NotPermitted):
            await rig.camera.change_setting("zoom", "61mm")
        await rig.camera.change_setting("zoom", "61mm")
        assert await rig.camera.setting("zoom") == "61mm"
