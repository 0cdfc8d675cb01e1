"""The emulated fp under remote control over PTP/IP: a lost connection, unlike a pulled cable, leaves the body locked."""

import pytest
import trio
import trio.testing

from camfs import errors
from camfs.cameras.ptp.iplink import IpLink
from camfs.protocols.sigma.codes import SigmaOperation as Sigma
from camfs.protocols.sigma.records import CaptureStatus, Snap
from tests.cameras.network import GUID, NetworkRig, networked


def next_program(rig: NetworkRig) -> None:
    rig.link = IpLink(rig.network.dial, GUID, "test")


async def test_the_next_connection_finds_the_shots(autojump_clock: trio.testing.MockClock) -> None:
    async with networked("sigma-fp") as rig:
        async with rig.session() as session:
            await session.transact(Sigma.ConfigApi)
            await session.transact(Sigma.SnapCommand, data=Snap(2).encode())
            await trio.sleep(1)
            rig.network.cut()
        await trio.testing.wait_all_tasks_blocked()
        assert rig.body.sigma.locked
        next_program(rig)
        async with rig.session() as session:
            reply = await session.transact(Sigma.GetCamCaptStatus, 0)
            assert CaptureStatus.decode(reply.data).pending() == (0,)
            await session.transact(Sigma.ConfigApi)
            reply = await session.transact(Sigma.GetCamCaptStatus, 0)
            assert CaptureStatus.decode(reply.data).pending() == ()


async def test_a_fatal_operation_ends_all_connections(autojump_clock: trio.testing.MockClock) -> None:
    async with networked("sigma-fp") as rig:
        async with rig.session() as session:
            await session.transact(Sigma.ConfigApi)
            with pytest.raises(errors.CameraError):
                await session.transact(Sigma.Unnamed9038)
        assert rig.body.sigma.gone
        await trio.testing.wait_all_tasks_blocked()
        assert rig.network.connections() == 0
        next_program(rig)
        with pytest.raises(errors.CameraError):
            async with rig.session() as session:
                await session.transact(Sigma.ConfigApi)
