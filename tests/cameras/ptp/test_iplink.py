"""A session over the network to an emulated camera, on memory where time must be jumped over, else on loopback sockets."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from camfs import errors
from camfs.cameras.ptp import iplink
from camfs.cameras.ptp.driver import PtpCamera
from camfs.cameras.ptp.iplink import IpChannel, IpLink
from camfs.cameras.ptp.session import Session
from camfs.protocols.ptp.codes import EventCode, Operation
from camfs.protocols.ptp.ip import IpConnection
from camfs.protocols.ptp.messages import Event, Request, Role
from camfs.protocols.ptp.packets import (
    InitCommandAck,
    InitCommandRequest,
    InitEventAck,
    InitEventRequest,
    InitFail,
    IpMessage,
    ProbeRequest,
    ProbeResponse,
    Reason,
)
from camfs.transports import tcp
from camfs.transports.ports import ByteStream
from camfs.virtual import emulate
from camfs.virtual.ptp import ptpip
from camfs.virtual.ptp.faults import Fault, FaultKind
from tests.cameras.network import GUID, End, NetworkRig, networked
from tests.cameras.rig import AN_HOUR, CARD_ROOT, Counting, nursery

PICTURE = b"a picture of a hundred bytes, more or less " * 2
THUMBNAIL = b"\xff\xd8\xff\xe0 its thumbnail \xff\xd9"


def prepare(rig: NetworkRig) -> None:
    rig.body.quirks.events = False  # so that the same bytes come in the same order
    rig.body.card.add_file("DCIM", "A.JPG", PICTURE).thumbnail = THUMBNAIL


async def look_around(camera: PtpCamera) -> None:
    """Open the session, list, read, fetch a thumbnail, and change a setting."""
    await camera.open()
    (folder,) = await camera.list_folder(CARD_ROOT)
    (key,) = await camera.list_folder(folder)
    entry = await camera.describe(key, folder)
    assert entry is not None
    assert entry.name == "A.JPG"
    assert await camera.read(entry, 0, 1000) == PICTURE
    assert await camera.thumbnail(entry) == THUMBNAIL
    await camera.change_setting("iso", "200")
    assert await camera.setting("iso") == "200"


async def walk(rig: NetworkRig, listening: bool = False) -> PtpCamera:
    """Connect, look around, and close the session."""
    await rig.link.connect()
    camera = rig.driver()
    if listening:
        rig.nursery.start_soon(camera.listen)
    await look_around(camera)
    await camera.aclose()
    return camera


async def test_a_session_over_sockets() -> None:
    """The same on loopback sockets, with the transport: what no memory shows."""
    body = emulate("ptp", {})
    (listener,) = await ptpip.open_listeners("127.0.0.1", 0)
    port = listener.socket.getsockname()[1]
    async with nursery() as work:
        work.start_soon(ptpip.listen, body, [listener])
        for _ in range(2):  # the next one after it has left
            link = IpLink(lambda: tcp.connect("localhost", port), GUID, "test")
            await link.connect()  # which waits for the camera to notice that the first has left
            camera = PtpCamera(link, work, None, 10)
            work.start_soon(camera.listen)
            await camera.open()
            assert link.camera_name == camera.info.model == "PTP camera"
            ((folder, *_), *_) = [await camera.list_folder(CARD_ROOT)]
            (shots,) = await camera.list_folder(folder)
            entry = await camera.describe((await camera.list_folder(shots))[0], shots)
            assert entry is not None
            whole = await camera.read(entry, 0, entry.size)
            assert whole[:2] == b"\xff\xd8"
            assert len(whole) == entry.size
            await camera.aclose()
    body.close()


# cut, or silent, at every byte


async def bytes_of_a_session() -> int:
    async with networked() as rig:
        prepare(rig)
        await walk(rig)
        return rig.network.moved


@pytest.mark.parametrize(("listening", "step"), [(False, 1), (True, 7)])
async def test_cut_at_every_byte(listening: bool, step: int, autojump_clock: MockClock) -> None:
    end = await bytes_of_a_session()
    assert 1000 < end < 3000
    closing = 18 + 14
    for at in range(0, end, step):
        async with networked() as rig:
            prepare(rig)
            rig.network.cut_at = at
            began = trio.current_time()
            with trio.fail_after(AN_HOUR):
                if at < end - closing:
                    with pytest.raises(errors.DeviceGone):
                        await walk(rig, listening)
                else:
                    await walk(rig, listening)
                await rig.link.aclose()
                with pytest.raises(errors.DeviceGone):
                    await rig.link.receive_event()
            assert trio.current_time() - began <= 2 * iplink.RETRY  # the event connection is tried again
            assert rig.network.connections() == 0
            await wait_all_tasks_blocked()
            assert rig.body.responder.session == 0


async def goes_on(rig: NetworkRig) -> None:
    """What happened once is overcome, or an error of the one operation; then all works again."""
    await rig.link.connect()
    camera = rig.driver()
    with suppress(errors.CameraError):
        await look_around(camera)
    assert not camera.gone
    rig.body.faults.clear()
    await look_around(camera)
    await camera.aclose()


async def number_of_answers() -> int:
    async with networked() as rig:
        prepare(rig)
        await walk(rig)
        return len(rig.body.trace.records) - 1


GARBAGE = (b"\xff" * 12, bytes(12), bytes(700), b"\x0e\0\0\0\x07\0\0\0\1\x20\xff\xff\xff\xff", b"\x0c\0\0\0\x0c\0")


@pytest.mark.parametrize(
    "faults",
    [
        [Fault(FaultKind.STOP, at=at) for at in (0, 7, 8, 13, 20, 31, 32, 40, 60, 100)],
        [Fault(FaultKind.CUT, at=at) for at in (0, 8, 20, 33, 70)],
        [Fault(FaultKind.GARBAGE, data=data) for data in GARBAGE],
        [Fault(FaultKind.NO_ANSWER), Fault(FaultKind.STALE_RESPONSE), Fault(FaultKind.NEWER_RESPONSE)],
        [Fault(FaultKind.STALE_DATA), Fault(FaultKind.LOSE_SESSION), Fault(FaultKind.DELAY, seconds=35)],
    ],
    ids=lambda faults: faults[0].kind.name,
)
async def test_something_happens_at_every_answer(faults: list[Fault], autojump_clock: MockClock) -> None:
    for number in range(await number_of_answers()):
        for example in faults:
            async with networked() as rig:
                prepare(rig)
                rig.body.faults.append(
                    Fault(example.kind, skip=number, at=example.at, data=example.data, seconds=example.seconds)
                )
                with trio.fail_after(300):
                    await goes_on(rig)


async def test_a_camera_that_answers_garbage_is_connected_to_anew(autojump_clock: MockClock) -> None:
    reopened = []
    async with networked() as rig, rig.session(on_reopen=lambda: reopened.append(True)) as session:
        rig.body.faults.append(Fault(FaultKind.GARBAGE, Operation.GetStorageIDs))
        await session.transact(Operation.GetStorageIDs)
        assert reopened == [True]
        assert len(rig.network.ends) >= 4  # one more if the camera had not noticed yet
        assert rig.network.connections() == 2


# transactions


async def test_a_small_transaction_is_one_write_each_way() -> None:
    async with networked() as rig, rig.session() as session:
        command = rig.network.ends[0]
        for operation, parameters, data in (
            (Operation.GetStorageIDs, (), None),
            (Operation.GetDeviceInfo, (), None),
            (Operation.SetDevicePropValue, (0x5005,), b"\4\0"),
        ):
            before = command.sends, command.peer.sends
            await session.transact(operation, *parameters, data=data)
            assert (command.sends, command.peer.sends) == (before[0] + 1, before[1] + 1)


async def test_a_large_object() -> None:
    async with networked() as rig, rig.session() as session:
        content = Counting(20 << 20)
        file = rig.body.card.add_file("DCIM", "A.JPG", b"")
        file.content = content
        at = 0

        async def sink(payload: bytes | memoryview) -> None:
            nonlocal at
            assert payload == content.read(at, len(payload))
            at += len(payload)

        await session.transact(Operation.GetObject, file.handle, sink=sink, limit=1 << 40)
        assert at == content.size


async def cancel_an_object(rig: NetworkRig, session: Session) -> None:
    """Begin to fetch an object larger than all buffers, and have enough of it at its first bytes."""
    file = rig.body.card.add_file("DCIM", "A.JPG", b"")
    file.content = Counting(20 << 20)
    with trio.CancelScope() as enough:

        async def sink(_: bytes | memoryview) -> None:
            enough.cancel()
            await trio.lowlevel.checkpoint()

        await session.transact(Operation.GetObject, file.handle, sink=sink, limit=1 << 40)
    assert enough.cancelled_caught


async def test_cancelling() -> None:
    async with networked() as rig, rig.session() as session:
        await cancel_an_object(rig, session)
        await session.transact(Operation.GetStorageIDs)
        assert len(rig.network.ends) == 2  # the same connections
        assert [record.result for record in rig.body.trace.records] == ["OK", "cancelled", "OK"]
        assert rig.body.trace.records[1].bytes_in < 2 << 20


async def test_a_camera_that_does_not_know_cancel(monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock) -> None:
    async with networked(bandwidth="1000000") as rig, rig.session() as session:
        monkeypatch.setattr(rig.body.responder, "cancel", lambda _: None)
        began = trio.current_time()
        await cancel_an_object(rig, session)
        assert trio.current_time() - began < iplink.CANCEL_TIMEOUT + 2
        await session.transact(Operation.GetStorageIDs)
        assert len(rig.network.ends) >= 4
        assert rig.network.connections() == 2


async def test_cancelling_a_write(autojump_clock: MockClock) -> None:
    """What is left of the data arrives all the same, and then the camera takes the Cancel."""
    async with networked(latency="1") as rig, rig.session() as session:
        with trio.move_on_after(0.5):
            await session.transact(Operation.SetDevicePropValue, 0x5005, data=b"\4\0" * 500_000)
        await session.transact(Operation.GetStorageIDs)
        assert len(rig.network.ends) == 2


@pytest.mark.parametrize("which", [0, 1])
async def test_a_camera_that_leaves_while_it_is_told_to_cancel(which: int, autojump_clock: MockClock) -> None:
    async with networked() as rig, rig.session():
        rig.body.faults.append(Fault(FaultKind.NO_ANSWER))
        await rig.link.send(Request(Operation.GetStorageIDs, 1))
        with trio.move_on_after(1):
            await rig.link.receive()
        rig.network.ends[which].peer.close()
        with pytest.raises(errors.DeviceGone):
            await rig.link.cancel(1)
        with pytest.raises(errors.DeviceGone):
            await rig.link.receive_event()


async def test_cancelling_before_anything_was_sent() -> None:
    async with networked() as rig, rig.session() as session:
        moved = rig.network.moved
        with trio.CancelScope() as scope:
            scope.cancel()
            await session.transact(Operation.GetStorageIDs)
        await session.transact(Operation.GetStorageIDs)
        assert rig.network.moved > moved
        assert rig.body.trace.operations().count("GetStorageIDs") <= 2


# events and pings


async def test_events() -> None:
    async with networked() as rig, rig.session():
        rig.body.state.notify(EventCode.ObjectAdded, 5)
        assert await rig.link.receive_event() == Event(EventCode.ObjectAdded, 0xFFFFFFFF, (5,))


async def test_events_go_on_after_a_reset() -> None:
    async with networked() as rig, rig.session() as session, nursery() as work:
        received: list[Event] = []

        async def receive() -> None:
            received.append(await rig.link.receive_event())

        work.start_soon(receive)
        await wait_all_tasks_blocked()
        await rig.link.reset()
        await session.open()
        rig.body.state.notify(EventCode.ObjectAdded, 5)
        await wait_all_tasks_blocked()
        assert received == [Event(EventCode.ObjectAdded, 0xFFFFFFFF, (5,))]


async def test_a_reset_while_an_answer_is_awaited_does_not_mean_that_the_camera_left() -> None:
    async with networked() as rig, rig.session(), nursery() as work:
        failures: list[Exception] = []

        async def receive() -> None:
            try:
                await rig.link.receive()
            except errors.CameraError as error:
                failures.append(error)

        work.start_soon(receive)
        await wait_all_tasks_blocked()
        await rig.link.reset()
        await wait_all_tasks_blocked()
        assert [type(failure) for failure in failures] == [errors.TransportError]


async def test_a_camera_that_leaves() -> None:
    async with networked() as rig, rig.session() as session:
        rig.network.cut()
        with pytest.raises(errors.DeviceGone):
            await rig.link.receive_event()
        with pytest.raises(errors.DeviceGone):
            await session.transact(Operation.GetStorageIDs)
        assert session.gone


async def test_the_command_connection_ends_alone() -> None:
    async with networked() as rig, rig.session() as session:
        rig.network.ends[0].peer.close()
        with pytest.raises(errors.DeviceGone):
            await session.transact(Operation.GetStorageIDs)
        with pytest.raises(errors.DeviceGone):
            await rig.link.receive_event()


class ScriptedCamera:
    """A camera that says what it is told.

    Attributes:
        answers: to the first packets of connections, in turn; None for no answer.
        command, event: its ends of the connections.
    """

    def __init__(self, *answers: IpMessage | None) -> None:
        self.answers = list(answers) or [InitCommandAck(7, bytes(16), "camera"), InitEventAck()]
        self.asked: list[IpMessage] = []
        self.channels: list[IpChannel] = []

    async def answer(self, stream: ByteStream) -> None:
        """See `IpPort.answer`."""
        channel = IpChannel(stream, IpConnection(Role.RESPONDER))
        self.channels.append(channel)
        with suppress(errors.DeviceGone):
            self.asked.append(await channel.receive())
            answer = self.answers.pop(0)
            if answer is not None:
                await channel.send(answer)

    @property
    def event(self) -> IpChannel:
        return self.channels[1]


async def scripted(rig: NetworkRig, *answers: IpMessage | None, refuse: int = 0) -> ScriptedCamera:
    """Connect to a scripted camera."""
    camera = ScriptedCamera(*answers)
    rig.network.port = camera  # type: ignore[assignment]
    rig.network.refuse = refuse
    await rig.link.connect()
    return camera


async def test_the_camera_may_ping() -> None:
    async with networked() as rig:
        camera = await scripted(rig)
        rig.nursery.start_soon(receive_nothing, rig.link.receive_event)
        await camera.event.send(ProbeRequest())
        assert await camera.event.receive() == ProbeResponse()


async def test_pings_are_no_answer() -> None:
    """However many a camera sends in place of one, who waits for it hears of a failure."""
    async with networked() as rig:
        camera = await scripted(rig)
        await rig.link.send(Request(Operation.GetStorageIDs, 1))
        rig.nursery.start_soon(ping_for_ever, camera.channels[0])
        with pytest.raises(errors.RemoteProtocolError, match="pings instead of an answer"):
            await rig.link.receive()


async def ping_for_ever(channel: IpChannel) -> None:
    while True:
        await channel.send(ProbeRequest())


async def receive_nothing(receive: Callable[[], Awaitable[object]]) -> None:
    raise AssertionError(await receive())


async def test_a_camera_that_falls_silent_has_left(autojump_clock: MockClock) -> None:
    async with networked() as rig:
        camera = await scripted(rig)
        answered = 5

        async def answer_pings() -> None:
            for _ in range(answered):
                assert await camera.event.receive() == ProbeRequest()
                await camera.event.send(ProbeResponse())

        rig.nursery.start_soon(answer_pings)
        began = trio.current_time()
        with pytest.raises(errors.DeviceGone, match="pings"):
            await rig.link.receive_event()
        silent = answered + iplink.PINGS
        assert trio.current_time() - began == pytest.approx(silent * iplink.PING_INTERVAL)


async def test_a_camera_that_never_answered_a_ping_may_not_know_them(autojump_clock: MockClock) -> None:
    async with networked() as rig:
        await scripted(rig)
        with trio.move_on_after(AN_HOUR) as patience:
            await rig.link.receive_event()
        assert patience.cancelled_caught


async def test_nonsense_for_an_event(autojump_clock: MockClock) -> None:
    async with networked() as rig, rig.session() as session, nursery() as work:
        peer = rig.network.ends[1].peer
        await peer.send(memoryview(b"nonsense"))
        with pytest.raises(errors.RemoteProtocolError):
            await rig.link.receive_event()
        received: list[Event] = []

        async def receive() -> None:
            received.append(await rig.link.receive_event())

        work.start_soon(receive)
        await session.transact(Operation.GetStorageIDs)  # on connections of its own
        rig.body.state.notify(EventCode.ObjectAdded, 5)
        await wait_all_tasks_blocked()
        assert received


# the handshake


async def test_the_handshake() -> None:
    async with networked() as rig:
        camera = await scripted(rig)
        assert camera.asked == [InitCommandRequest(GUID, "test"), InitEventRequest(7)]
        assert rig.link.camera_name == "camera"


async def test_the_event_connection_is_tried_again(autojump_clock: MockClock) -> None:
    """A Ricoh Theta does not listen yet when the first connection is made (libgphoto2)."""
    async with networked() as rig:
        camera = ScriptedCamera()
        rig.network.port = camera  # type: ignore[assignment]

        async def dial() -> End:
            if len(rig.network.ends) == 1 and refused:
                raise refused.pop()
            return await rig.network.dial()

        refused = [errors.DeviceGone("refused")] * (iplink.EVENT_TRIES - 1)
        link = IpLink(dial, GUID, "test")
        await link.connect()
        refused = [errors.DeviceGone("refused")] * iplink.EVENT_TRIES
        rig.network.ends.clear()
        camera.answers = [InitCommandAck(7, bytes(16), "camera")]
        with pytest.raises(errors.DeviceGone):
            await IpLink(dial, GUID, "test").connect()


@pytest.mark.parametrize(
    ("answers", "error", "words"),
    [
        ([InitFail(Reason.REJECTED)], errors.DeviceForbidden, "pair it"),
        ([InitFail(Reason.BUSY)] * 20, errors.DeviceInUse, "another program"),
        ([InitFail(Reason.UNSPECIFIED)], iplink.NotAccepted, "reason 3"),
        ([InitFail(4711)], iplink.NotAccepted, "reason 4711"),
        ([None], errors.TransferTimeout, "does not answer"),
        ([InitCommandAck(1, bytes(16), ""), InitFail(Reason.REJECTED)], iplink.NotAccepted, "event connection"),
        ([InitCommandAck(1, bytes(16), ""), None], errors.TransferTimeout, "does not answer"),
    ],
)
async def test_a_camera_that_does_not_take_the_connection(
    answers: list[IpMessage | None], error: type[Exception], words: str, autojump_clock: MockClock
) -> None:
    async with networked() as rig:
        with pytest.raises(error, match=words):
            await scripted(rig, *answers)
        assert rig.network.connections() == 0


async def test_who_speaks_something_else() -> None:
    async with networked() as rig:

        class WebServer:
            async def answer(self, stream: ByteStream) -> None:
                await stream.receive(1000)
                await stream.send(memoryview(b"HTTP/1.1 400 Bad Request\r\n\r\n"))

        rig.network.port = WebServer()  # type: ignore[assignment]
        with pytest.raises(errors.RemoteProtocolError):
            await rig.link.connect()
        assert rig.network.connections() == 0


async def test_nobody_there() -> None:
    async with networked() as rig:
        rig.network.refuse = 1
        with pytest.raises(errors.DeviceGone):
            await rig.link.connect()


async def test_a_reset_that_finds_nobody_means_that_the_camera_left() -> None:
    async with networked() as rig, rig.session():
        rig.network.refuse = 1
        with pytest.raises(errors.DeviceGone):
            await rig.link.reset()
        with pytest.raises(errors.DeviceGone):
            await rig.link.receive_event()
        with pytest.raises(errors.DeviceGone):
            await rig.link.receive()


async def test_a_reset_waits_for_a_camera_that_is_slow_to_notice(autojump_clock: MockClock) -> None:
    async with networked() as rig:
        welcome: list[IpMessage] = [InitCommandAck(7, GUID, "camera"), InitEventAck()]
        await scripted(rig, *welcome)
        rig.network.port = ScriptedCamera(*[InitFail(Reason.BUSY)] * 5, *welcome)  # type: ignore[assignment]
        await rig.link.reset()
        rig.network.port = ScriptedCamera(*[InitFail(Reason.BUSY)] * 1000)  # type: ignore[assignment]
        began = trio.current_time()
        with pytest.raises(errors.DeviceGone, match="another program"):
            await rig.link.reset()
        assert trio.current_time() - began == pytest.approx(iplink.BUSY_TIMEOUT, abs=iplink.RETRY)


async def test_a_reset_that_nobody_answers_means_that_the_camera_left(autojump_clock: MockClock) -> None:
    async with networked() as rig, rig.session():
        rig.network.port = ScriptedCamera(None)  # type: ignore[assignment]
        with pytest.raises(errors.DeviceGone):
            await rig.link.reset()
        with pytest.raises(errors.DeviceGone):
            await rig.link.receive_event()
        assert rig.network.connections() == 0


@pytest.mark.parametrize(("before", "after"), [(GUID, bytes(reversed(GUID))), (bytes(16), bytes(16))])
async def test_a_reset_does_not_take_another_camera(before: bytes, after: bytes) -> None:
    """Its pictures would be taken for those of the camera that left. A GUID of zeros may be anybody's."""
    async with networked() as rig:
        await scripted(rig, InitCommandAck(7, before, "camera"), InitEventAck())
        other = ScriptedCamera(InitCommandAck(7, after, "camera"), InitEventAck())
        rig.network.port = other  # type: ignore[assignment]
        with pytest.raises(errors.DeviceGone, match="another"):
            await rig.link.reset()
        with pytest.raises(errors.DeviceGone):
            await rig.link.receive()
        assert rig.network.connections() == 0
