"""Connecting: what a camera that has just been switched on refuses is tried again for a while, what will not change fails at once."""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.ptp.iplink import IpLink, NotAccepted
from camfs.cameras.ptp.link import Link
from camfs.commands.options import parse_options
from camfs.connect import NoSuchCamera, connect, network, usb
from camfs.connect.ptp import PATIENCE, PtpConnection
from camfs.protocols.ptp.codes import Operation, ResponseCode
from camfs.virtual.ptp.faults import Fault, FaultKind
from tests.cameras.network import GUID, NetworkRig, networked

OPTIONS = parse_options([])


@asynccontextmanager
async def opened(
    rig: NetworkRig,
    refusals: tuple[type[errors.CameraError], ...] = network.REFUSALS,
    before: Callable[[], Awaitable[None]] | None = None,
) -> AsyncIterator[None]:
    """Open the camera of a network, calling `before` each time before it is connected to, and close it again."""

    async def open_link() -> Link:
        if before is not None:
            await before()
        link = IpLink(rig.network.dial, GUID, "test")
        await link.connect()
        return link

    camera = await PtpConnection("ptpip:test", OPTIONS, open_link, refusals).open(rig.nursery)
    try:
        yield
    finally:
        await camera.aclose()


async def test_nobody_listens_at_first(autojump_clock: MockClock) -> None:
    async with networked() as rig:
        rig.network.refuse = 10
        async with opened(rig):
            assert 2 < trio.current_time() < PATIENCE


async def test_another_program_leaves(autojump_clock: MockClock) -> None:
    async with networked() as rig:
        first = IpLink(rig.network.dial, GUID, "first")
        await first.connect()

        async def leave() -> None:
            await trio.sleep(5)
            await first.aclose()

        rig.nursery.start_soon(leave)
        async with opened(rig):
            assert 5 <= trio.current_time() < 7


@pytest.mark.parametrize("at", [1, 100, 200, 300])
async def test_the_connection_is_closed_at_first(at: int, autojump_clock: MockClock) -> None:
    """In the handshake, or when the session is opened, or when the camera tells what it is."""
    async with networked() as rig:
        tries = 0

        async def cut_three_times() -> None:
            nonlocal tries
            tries += 1
            rig.network.cut_at = rig.network.moved + at if tries <= 3 else None

        async with opened(rig, before=cut_three_times):
            assert tries == 4


@pytest.mark.parametrize("refusals", [network.REFUSALS, usb.REFUSALS], ids=["network", "USB"])
async def test_no_session_at_first(refusals: tuple[type[errors.CameraError], ...], autojump_clock: MockClock) -> None:
    async with networked() as rig:
        busy = Fault(FaultKind.REFUSE, Operation.OpenSession, times=None, code=ResponseCode.DeviceBusy)
        rig.body.faults.append(busy)

        async def be_ready() -> None:
            await trio.sleep(7)
            rig.body.faults.clear()

        rig.nursery.start_soon(be_ready)
        async with opened(rig, refusals):
            assert 7 <= trio.current_time() < 12


async def test_a_camera_that_always_refuses(autojump_clock: MockClock) -> None:
    """After some seconds the mount gives up, and says why."""
    async with networked() as rig:
        rig.network.refuse = 10_000
        with pytest.raises(errors.DeviceGone, match="refused"):
            async with opened(rig):
                pass
        assert PATIENCE - 1 < trio.current_time() < PATIENCE + 1
        rig.network.refuse = 0
        first = IpLink(rig.network.dial, GUID, "first")
        await first.connect()
        with pytest.raises(errors.DeviceInUse, match="another program"):
            async with opened(rig):
                pass


@pytest.mark.parametrize(
    "failure",
    [
        errors.DeviceForbidden("the camera does not let this computer in"),
        errors.TransportError("no such host"),
        errors.TransferTimeout("does not answer"),
        errors.RemoteProtocolError("does not speak PTP/IP"),
    ],
    ids=repr,
)
async def test_what_waiting_does_not_change(failure: errors.CameraError, autojump_clock: MockClock) -> None:
    async with networked() as rig:

        async def fail() -> None:
            raise failure

        with pytest.raises(type(failure)):
            async with opened(rig, before=fail):
                pass
        assert trio.current_time() == 0


async def test_a_usb_camera_in_use_is_reported_at_once(autojump_clock: MockClock) -> None:
    async with networked() as rig:

        async def fail() -> None:
            raise errors.DeviceInUse("in use by gvfs")

        with pytest.raises(errors.DeviceInUse):
            async with opened(rig, usb.REFUSALS, before=fail):
                pass
        assert trio.current_time() == 0


async def test_a_refusal_without_a_reason(autojump_clock: MockClock) -> None:
    async with networked() as rig:
        tries = 0

        async def refuse() -> None:
            nonlocal tries
            tries += 1
            if tries <= 3:
                raise NotAccepted("reason 3")

        async with opened(rig, before=refuse):
            assert tries == 4


async def test_a_host_that_does_not_exist() -> None:
    async with trio.open_nursery() as work, connect("ptpip:no-such-host.invalid", OPTIONS) as connection:
        began = trio.current_time()
        with pytest.raises(errors.TransportError, match=r"no-such-host\.invalid"):
            await connection.open(work)
        assert trio.current_time() - began < PATIENCE / 2


async def test_no_folder_for_the_shots_of_an_emulated_camera(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(NoSuchCamera, match=r"no room for an emulated camera's shots: .*No such file"):
        async with connect("virtual:sigma-fp", OPTIONS):
            pass
    async with connect("virtual:sigma-fp", parse_options([f"spool={tmp_path / 'kept'}"])):
        pass
