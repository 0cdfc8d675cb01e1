"""The emulated camera's PTP/IP port, as a strict initiator sees it."""

from collections.abc import Sequence

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from camfs.errors import DeviceGone, RemoteProtocolError
from camfs.protocols.ptp.codes import EventCode, Operation, ResponseCode
from camfs.protocols.ptp.ip import IpConnection
from camfs.protocols.ptp.messages import Data, DataEnd, DataStart, Event, Request, Response, Role
from camfs.protocols.ptp.packets import (
    Cancel,
    InitCommandAck,
    InitCommandRequest,
    InitEventRequest,
    InitFail,
    IpMessage,
    ProbeRequest,
    ProbeResponse,
    Reason,
)
from camfs.virtual.ptp import ptpip
from camfs.virtual.ptp.iplink import IpChannel
from tests.cameras.network import GUID, networked
from tests.cameras.rig import Counting
from tests.virtual.ptp.initiator import Initiator, call, initiator

OK = ResponseCode.OK
ISO = 0x500F


async def is_closed(channel: IpChannel) -> bool:
    """Say whether the camera closes a connection and sends nothing more."""
    try:
        await channel.receive()
    except DeviceGone:
        return True
    return False


# the handshake


async def test_who_the_camera_is() -> None:
    guids = set()
    for serial in ("1", "1", "2"):
        async with networked(serial=serial) as rig:
            _, ack = await call(rig, InitCommandRequest(GUID, "test"))
            assert isinstance(ack, InitCommandAck)
            assert ack.name == rig.body.state.device_info.model
            guids.add(ack.guid)
    assert len(guids) == 2


async def test_one_initiator_at_a_time() -> None:
    async with networked() as rig:
        for number in (1, 2):
            async with initiator(rig) as first:
                assert first.number == number
                assert await first.ask(Operation.OpenSession, 1) == (OK, None)
                second, answer = await call(rig, InitCommandRequest(bytes(16), "another"))
                assert answer == InitFail(Reason.BUSY)
                assert await is_closed(second)
                for wrong in (first.number, first.number + 1, 0):
                    event, answer = await call(rig, InitEventRequest(wrong))
                    assert answer == InitFail(Reason.REJECTED)
                    assert await is_closed(event)
                assert (await first.ask(Operation.GetStorageIDs))[0] == OK
            assert rig.body.responder.session == 0


async def test_an_event_connection_without_the_other() -> None:
    async with networked() as rig:
        assert (await call(rig, InitEventRequest(1)))[1] == InitFail(Reason.REJECTED)


async def test_half_an_initiator_may_leave_and_the_next_is_taken_at_once(autojump_clock: MockClock) -> None:
    async with networked() as rig:
        half, _ = await call(rig, InitCommandRequest(GUID, "test"))
        await half.aclose()
        await wait_all_tasks_blocked()
        async with initiator(rig) as whole:
            assert (await whole.ask(Operation.GetDeviceInfo))[0] == OK
        assert trio.current_time() < 1


@pytest.mark.parametrize("message", [None, InitCommandRequest(GUID, "test")])
async def test_half_an_initiator_is_not_waited_for_for_ever(
    message: IpMessage | None, autojump_clock: MockClock
) -> None:
    async with networked() as rig:
        if message is None:
            half = IpChannel(await rig.network.dial(), IpConnection(Role.INITIATOR))
            half.codec.send(InitEventRequest(1))
        else:
            half, _ = await call(rig, message)
        began = trio.current_time()
        assert await is_closed(half)
        assert trio.current_time() - began == pytest.approx(ptpip.HANDSHAKE_TIMEOUT)
        async with initiator(rig):
            pass


async def test_a_request_that_comes_early_is_done() -> None:
    async with networked() as rig:
        command, ack = await call(rig, InitCommandRequest(GUID, "test"))
        assert isinstance(ack, InitCommandAck)
        await command.send(Request(Operation.GetDeviceInfo, 1))
        await wait_all_tasks_blocked()
        await call(rig, InitEventRequest(ack.connection))
        assert isinstance(await command.receive(), DataStart)


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 100, b"\x08\0\0\0\x04\0\0\0"])
async def test_who_speaks_something_else(data: bytes) -> None:
    async with networked() as rig:
        stranger = await rig.network.dial()
        await stranger.send(memoryview(data))
        with pytest.raises(DeviceGone):
            await stranger.receive(100)


# leaving


@pytest.mark.parametrize("which", ["command", "event"])
async def test_one_connection_that_ends_takes_the_other_with_it(which: str) -> None:
    async with networked() as rig, initiator(rig) as host:
        await host.ask(Operation.OpenSession, 1)
        await host.ask(Operation.SetDevicePropValue, ISO, data=(200).to_bytes(2, "little"))
        ended, other = (host.command, host.event) if which == "command" else (host.event, host.command)
        await ended.aclose()
        assert await is_closed(other)
        assert rig.body.responder.session == 0
        async with initiator(rig) as after:  # the session is closed, and all else as it was
            assert (await after.ask(Operation.GetStorageIDs))[0] == ResponseCode.SessionNotOpen
            after.next_id = 0
            await after.ask(Operation.OpenSession, 1)
            assert await after.ask(Operation.GetDevicePropValue, ISO) == (OK, (200).to_bytes(2, "little"))


async def test_leaving_in_the_midst_of_an_object() -> None:
    async with networked() as rig:
        file = rig.body.card.add_file("DCIM", "A.JPG", b"")
        file.content = Counting(20 << 20)
        async with initiator(rig) as host:
            await host.ask(Operation.OpenSession, 1)
            await host.begin(Operation.GetObject, file.handle)
            assert isinstance(await host.command.receive(), DataStart)
        async with initiator(rig) as after:
            assert (await after.ask(Operation.GetDeviceInfo))[0] == OK


async def test_what_is_no_ptp_ends_the_connection() -> None:
    async with networked() as rig, initiator(rig) as host:
        await host.command.write(b"\xff" * 20)
        assert await is_closed(host.command)
        assert await is_closed(host.event)


async def test_what_is_no_ptp_on_the_event_connection() -> None:
    async with networked() as rig, initiator(rig) as host:
        await host.event.write(b"\xff" * 20)
        assert await is_closed(host.event)
        assert await is_closed(host.command)


# transactions


async def test_data_go_both_ways() -> None:
    async with networked() as rig:
        content = Counting((1 << 20) + 5)
        file = rig.body.card.add_file("DCIM", "A.JPG", b"")
        file.content = content
        async with initiator(rig) as host:
            await host.ask(Operation.OpenSession, 1)
            assert await host.ask(Operation.GetObject, file.handle) == (OK, content.read(0, content.size))
            assert await host.ask(Operation.GetPartialObject, file.handle, 100, 50) == (OK, content.read(100, 50))
            assert await host.ask(Operation.SetDevicePropValue, ISO, data=b"\xc8\0") == (OK, None)
            assert await host.ask(0x9999, data=b"of an unknown operation") == (
                ResponseCode.OperationNotSupported,
                None,
            )
            assert await host.ask(Operation.CloseSession) == (OK, None)


async def test_the_time_of_a_slow_link(autojump_clock: MockClock) -> None:
    async with networked(bandwidth="100000") as rig:
        file = rig.body.card.add_file("DCIM", "A.JPG", b"")
        file.content = Counting(1_000_000)
        async with initiator(rig) as host:
            await host.ask(Operation.OpenSession, 1)
            began = trio.current_time()
            await host.ask(Operation.GetObject, file.handle)
            assert trio.current_time() - began == pytest.approx(10, rel=0.05)


# events, Probe, Cancel


async def test_events_go_to_the_event_connection() -> None:
    async with networked() as rig, initiator(rig) as host:
        await host.ask(Operation.OpenSession, 1)
        rig.body.state.notify(EventCode.ObjectAdded, 5)
        assert await host.event.receive() == Event(EventCode.ObjectAdded, 0xFFFFFFFF, (5,))


async def test_probes_are_answered() -> None:
    async with networked() as rig, initiator(rig) as host:
        for channel in (host.event, host.command):
            await channel.send(ProbeRequest(), ProbeResponse(), ProbeRequest())
            assert [await channel.receive() for _ in range(2)] == [ProbeResponse(), ProbeResponse()]


@pytest.mark.parametrize("bandwidth", [None, "1000000"])
async def test_cancelling_an_object(bandwidth: str | None, autojump_clock: MockClock) -> None:
    async with networked(**({"bandwidth": bandwidth} if bandwidth else {})) as rig:
        file = rig.body.card.add_file("DCIM", "A.JPG", b"")
        file.content = Counting(20 << 20)
        async with initiator(rig) as host:
            await host.ask(Operation.OpenSession, 1)
            number = await host.begin(Operation.GetObject, file.handle)
            assert isinstance(await host.command.receive(), DataStart)
            await host.event.send(Cancel(number))
            code, data = await finish_cancelled(host, number)
            assert code == ResponseCode.TransactionCanceled
            assert len(data) < file.content.size
            assert data == file.content.read(0, len(data))  # whole packets, up to where it ended
            assert (await host.ask(Operation.GetStorageIDs))[0] == OK
            assert [record.result for record in rig.body.trace.records] == ["OK", "cancelled", "OK"]


async def finish_cancelled(host: Initiator, number: int) -> tuple[int, bytes]:
    """Receive everything up to the response."""
    data = b""
    while True:
        match await host.command.receive():
            case Data(piece):
                data += piece
            case Response(code, answered):
                assert answered == number
                return code, data


@pytest.mark.parametrize("ways", [("event", "command"), ("command",)])
async def test_cancelling_data_that_go_to_the_camera(ways: Sequence[str]) -> None:
    """A Cancel on the event connection may overtake data; they are received up to the Cancel that comes instead of the rest."""
    async with networked() as rig, initiator(rig) as host:
        await host.ask(Operation.OpenSession, 1)
        code = Operation.SetDevicePropValue
        await host.command.send(Request(code, 1, (ISO,)), DataStart(code, 1, 1000), Data(bytes(10)))
        await wait_all_tasks_blocked()
        if "event" in ways:
            await host.event.send(Cancel(1))
            await wait_all_tasks_blocked()
        await host.command.send(Data(bytes(10)), Cancel(1))
        assert await host.finish(1) == (ResponseCode.TransactionCanceled, None)
        host.next_id = 2
        assert (await host.ask(Operation.GetStorageIDs))[0] == OK


@pytest.mark.parametrize("number", [0, 1, 2, 4711])
async def test_a_cancel_that_comes_too_late_or_too_early_does_nothing(number: int) -> None:
    async with networked() as rig, initiator(rig) as host:
        await host.ask(Operation.OpenSession, 1)
        await host.ask(Operation.GetStorageIDs)
        await host.event.send(Cancel(number))
        await host.command.send(Cancel(number))
        await wait_all_tasks_blocked()
        assert (await host.ask(Operation.GetStorageIDs))[0] == OK


async def test_data_without_a_request_end_the_connection() -> None:
    async with networked() as rig, initiator(rig) as host:
        await host.ask(Operation.OpenSession, 1)
        await host.command.send(DataStart(0, 0, 1), Data(b"x"), DataEnd())
        with pytest.raises((DeviceGone, RemoteProtocolError)):
            await host.command.receive()
