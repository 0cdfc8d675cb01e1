"""A DC120 whose line vanishes and comes back: the driver goes on over another port."""

from datetime import timedelta
from unittest.mock import patch

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from camfs import errors
from camfs.cameras.api import FolderChanged, Gone
from camfs.cameras.dc120.line import Line
from camfs.virtual.dc120 import state
from tests.cameras.dc120.rig import CARD, MEMORY, Rig, picture, rigged, stored
from tests.virtual.dc120.cable import Port

A_DAY = 86400.0


async def pull(rig: Rig) -> None:
    """Pull the cable while nothing is under way."""
    rig.nursery.start_soon(rig.camera.listen)
    await wait_all_tasks_blocked()
    rig.cable.pulled.set()
    await wait_all_tasks_blocked()
    assert rig.camera.gone


def plugged(rig: Rig) -> Line:
    """Plug the cable in again, to another port."""
    rig.cable.pulled = trio.Event()
    return Line(Port(rig.cable), 9600)


async def test_a_line_that_vanishes_while_idle_is_noticed_and_let_go_of(jumping_clock: MockClock) -> None:
    """An adapter that is plugged in again gets its old name only where nobody has the old one open."""
    async with rigged([stored(1)]) as rig:
        await pull(rig)
        assert rig.port.closed
        assert rig.camera.changes.receive_nowait() == Gone()
        with pytest.raises(errors.DeviceGone):
            await rig.camera.status()


async def test_it_goes_on(jumping_clock: MockClock) -> None:
    """Pictures in the memory are the same files as before. Those on the card may be another card's, with the same names."""
    async with rigged([stored(1), stored(2)], card=[stored(7)]) as rig:
        before = await rig.entries()
        (on_card,) = await rig.entries(CARD)
        epoch = rig.camera.epoch
        await pull(rig)
        await trio.sleep(A_DAY)
        await rig.camera.reattach(plugged(rig))
        assert not rig.camera.gone
        assert rig.camera.epoch > epoch
        assert [rig.camera.changes.receive_nowait() for _ in range(2)] == [Gone(), FolderChanged(None)]
        after = await rig.entries()
        assert [one.is_like(other) for one, other in zip(before, after, strict=True)] == [True, True]
        (other,) = await rig.entries(CARD)
        assert other.mtime_ns - on_card.mtime_ns >= timedelta(days=1).total_seconds() * 1e9
        assert await rig.read(after[1]) == picture(2)


async def test_another_is_not_taken_for_it(jumping_clock: MockClock) -> None:
    async with rigged([stored(1)]) as rig:
        await rig.entries(MEMORY)
        await pull(rig)
        line = plugged(rig)
        with (
            patch.object(state, "CAMERA_TYPE", state.CAMERA_TYPE + 1),
            pytest.raises(errors.DeviceGone, match="another camera"),
        ):
            await rig.camera.reattach(line)
        assert rig.camera.gone
        with pytest.raises(errors.DeviceGone):
            await rig.camera.status()
