"""Claiming a USB interface and moving bytes over its pipes: pyusb with a backend in place of libusb's."""

import struct
import subprocess
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import trio
import usb.backend.libusb1 as libusb

from camfs import errors
from camfs.cameras.ptp.usblink import UsbLink
from camfs.protocols.ptp.codes import Operation
from camfs.protocols.ptp.messages import Request
from camfs.transports import usb, usbpipes
from camfs.transports.ports import UsbPipes
from camfs.transports.usberrors import ERRORS
from camfs.transports.worker import WorkerThread
from tests.transports.bus import BULK_IN, BULK_OUT, CODES, INTERRUPT, Bus, BusDevice, M, event, plug

SLICE = 0.05
REAL_SLICE = usbpipes.SLICE


@pytest.fixture(autouse=True)
def slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten what is waited for."""
    monkeypatch.setattr(usbpipes, "SLICE", SLICE)
    monkeypatch.setattr(usbpipes, "LEAVING", SLICE)


@pytest.fixture
async def pipes(device: BusDevice) -> AsyncIterator[UsbPipes]:
    pipes = await open_only()
    yield pipes
    await pipes.aclose()


async def open_only() -> usbpipes.UsbInterface:
    (camera,) = usb.find()
    return await usbpipes.open_pipes(camera)


async def test_a_silent_camera_is_brought_back_into_step(device: BusDevice) -> None:
    """With slices as they are: what drains the pipes sees that they are silent before its own time is up."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(usbpipes, "SLICE", REAL_SLICE)
        link = UsbLink(await open_only())
        await link.send(Request(Operation.GetDeviceInfo, 5))
        with pytest.raises(trio.TooSlowError), trio.fail_after(0.1):
            await link.receive()
        await link.cancel(5)
        await link.reset()
        await link.aclose()


async def test_a_read_that_gives_up(pipes: UsbPipes, device: BusDevice) -> None:
    with pytest.raises(errors.TransferTimeout):
        await pipes.read(M, SLICE / 2)
    with pytest.raises(errors.TransferTimeout):
        await pipes.read(M, SLICE * 2)
    device.send(bytes(M))
    assert await pipes.read(2 * M, SLICE * 2) == (bytes(M), False)


async def unplug_when_waiting(device: BusDevice) -> None:
    await trio.to_thread.run_sync(device.until_waiting)
    device.unplug()


class Talk:
    """A conversation that sends some writes, then reads until it has so many bytes, or a transfer has ended.

    Args:
        writes: what to send.
        size: bytes to read; 0 for none.
    """

    def __init__(self, *writes: bytes, size: int = 0) -> None:
        self.unsent = deque(writes)
        self.got = b""
        self._left = size

    def wanted(self) -> int:
        return min(self._left, 4 * M)

    def feed(self, data: bytes | memoryview, end_of_transfer: bool) -> None:
        self.got += data
        self._left = 0 if end_of_transfer else self._left - len(data)


CALLS: dict[str, Callable[[UsbPipes], Awaitable[object]]] = {
    "bulk_write": lambda pipes: pipes.converse(Talk(b"command")),
    "bulk_read": lambda pipes: pipes.read(M),
    "intr_read": lambda pipes: pipes.read_event(),
    "ctrl_transfer": lambda pipes: pipes.device_status(),
    "clear_halt": lambda pipes: pipes.clear_halts(),
}


class TestErrors:
    @pytest.mark.parametrize("call", CALLS)
    @pytest.mark.parametrize("code", CODES)
    async def test_no_call_raises_anything_else(self, pipes: UsbPipes, device: BusDevice, call: str, code: int) -> None:
        waits = {"bulk_write", "bulk_read", "intr_read"}
        if code == libusb.LIBUSB_ERROR_TIMEOUT and call in waits:
            return  # the slices
        if code == libusb.LIBUSB_ERROR_PIPE and call == "intr_read":
            return  # cleared: see TestEvents
        device.fail[call] = [code]
        with pytest.raises(errors.TransportError) as raised:
            await CALLS[call](pipes)
        assert raised.type is ERRORS[code]

    async def test_an_error_without_a_code(self, pipes: UsbPipes, device: BusDevice) -> None:
        device.fail["ctrl_transfer"] = [libusb.LIBUSB_ERROR_OTHER]
        with pytest.raises(errors.TransportError, match=r"usb:1003:c432: device status: Unknown error"):
            await pipes.device_status()


class TestOpen:
    async def test_claims_and_nothing_else(self, device: BusDevice) -> None:
        pipes = await open_only()
        assert device.calls == [("claim_interface", 0)]
        await pipes.aclose()
        assert device.calls == [("claim_interface", 0), ("release_interface", 0)]
        assert not device.open_handles

    async def test_sets_a_configuration_if_none_is_set(self, device: BusDevice) -> None:
        device.configured = False
        pipes = await open_only()
        assert device.calls == [("set_configuration", 1), ("claim_interface", 0)]
        await pipes.aclose()

    async def test_a_driver_of_the_kernel_makes_way_and_comes_back(self, device: BusDevice) -> None:
        device.driver = True
        pipes = await open_only()
        assert not device.driver
        await pipes.aclose()
        assert device.driver
        assert [call[0] for call in device.calls] == [
            "detach_kernel_driver",
            "claim_interface",
            "release_interface",
            "attach_kernel_driver",
        ]

    @pytest.mark.parametrize("code", [libusb.LIBUSB_ERROR_NOT_SUPPORTED, libusb.LIBUSB_ERROR_NOT_FOUND])
    async def test_a_driver_that_needs_not_make_way(self, device: BusDevice, code: int) -> None:
        device.fail["is_kernel_driver_active"] = [code]
        await (await open_only()).aclose()
        assert [call[0] for call in device.calls] == ["claim_interface", "release_interface"]

    async def test_again_after_it_was_closed(self, device: BusDevice) -> None:
        (camera,) = usb.find()
        for _ in range(2):
            pipes = await usbpipes.open_pipes(camera)
            device.send(b"hello")
            assert await pipes.read(M) == (b"hello", True)
            await pipes.aclose()

    async def test_in_use(self, device: BusDevice) -> None:
        device.driver = True
        device.fail["claim_interface"] = [libusb.LIBUSB_ERROR_BUSY]
        with (usb.NODES / "001/007").open() as node:
            holder = subprocess.Popen(
                ["/usr/libexec/gvfsd-mtp", "-c", "echo; read line"],
                executable="/bin/sh",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=(node.fileno(),),
            )
        with holder:
            assert holder.stdout
            assert holder.stdin
            await trio.to_thread.run_sync(holder.stdout.readline)
            (camera,) = usb.find()
            with pytest.raises(errors.DeviceInUse) as raised:
                await usbpipes.open_pipes(camera)
            holder.stdin.write(b"\n")
        assert str(raised.value) == (
            f"usb:1003:c432 is in use by gvfsd-mtp (pid {holder.pid}); free it with: gio mount -s mtp"
        )
        assert device.driver
        assert not device.open_handles

    async def test_forbidden(self, device: BusDevice) -> None:
        device.fail["open_device"] = [libusb.LIBUSB_ERROR_ACCESS]
        with pytest.raises(errors.DeviceForbidden) as raised:
            await open_only()
        assert str(raised.value) == (
            f"usb:1003:c432: no permission on {usb.NODES}/001/007; "
            "install the udev rule with: sudo camfs --install-units, or as a last resort use sudo"
        )
        assert not device.open_handles

    async def test_gone(self, device: BusDevice) -> None:
        (camera,) = usb.find()
        device.unplug()
        with pytest.raises(errors.DeviceGone):
            await usbpipes.open_pipes(camera)

    @pytest.mark.parametrize(
        ("call", "code"),
        [
            ("open_device", libusb.LIBUSB_ERROR_IO),
            ("set_configuration", libusb.LIBUSB_ERROR_BUSY),
            ("detach_kernel_driver", libusb.LIBUSB_ERROR_OTHER),
            ("claim_interface", libusb.LIBUSB_ERROR_NOT_FOUND),
        ],
    )
    async def test_leaves_nothing_open_when_it_fails(self, device: BusDevice, call: str, code: int) -> None:
        device.configured, device.driver = False, True
        device.fail[call] = [code]
        with pytest.raises(ERRORS[code]):
            await open_only()
        assert not device.open_handles


class TestBulk:
    async def test_a_short_packet_ends_a_transfer(self, pipes: UsbPipes, device: BusDevice) -> None:
        device.send(bytes(M) + b"end")
        assert await pipes.read(4 * M) == (bytes(M) + b"end", True)

    async def test_an_empty_packet_ends_a_transfer(self, pipes: UsbPipes, device: BusDevice) -> None:
        device.send(bytes(2 * M))
        device.send(b"")
        assert await pipes.read(4 * M) == (bytes(2 * M), True)

    async def test_a_full_read_leaves_the_empty_packet_for_the_next(self, pipes: UsbPipes, device: BusDevice) -> None:
        device.send(bytes(2 * M))
        device.send(b"")
        assert await pipes.read(2 * M) == (bytes(2 * M), False)
        assert await pipes.read(2 * M) == (b"", True)

    async def test_a_read_that_is_no_multiple_of_the_packet(self, pipes: UsbPipes, device: BusDevice) -> None:
        device.send(bytes(100))
        assert await pipes.read(100) == (bytes(100), True)
        device.send(bytes(101))
        with pytest.raises(errors.TransportError, match="Overflow"):
            await pipes.read(100)

    async def test_what_came_when_a_slice_ended_does_not_end_the_transfer(
        self, pipes: UsbPipes, device: BusDevice
    ) -> None:
        device.send(b"a" * M)
        assert await pipes.read(4 * M) == (b"a" * M, False)
        device.send(b"b" * M)
        device.send(b"")
        assert await pipes.read(4 * M) == (b"b" * M, True)

    async def test_a_read_waits_longer_than_a_slice(self, pipes: UsbPipes, device: BusDevice) -> None:
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def late() -> None:
                for _ in range(3):
                    await trio.to_thread.run_sync(device.until_waiting)
                    await trio.sleep(SLICE)
                device.send(b"late")

            assert await pipes.read(M) == (b"late", True)

    async def test_the_caller_may_keep_what_it_got(self, pipes: UsbPipes, device: BusDevice) -> None:
        kept = []
        for letter in (b"a", b"b", b"c"):
            device.send(letter * 100)
            kept.append((await pipes.read(M))[0])
        assert kept == [b"a" * 100, b"b" * 100, b"c" * 100]

    async def test_cancelling_a_read_takes_a_slice_at_most_and_loses_nothing(
        self, pipes: UsbPipes, device: BusDevice
    ) -> None:
        sent, got, cancelled = b"".join(struct.pack("<I", n) * (M // 4) for n in range(200)), bytearray(), 0
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def send() -> None:
                for start in range(0, len(sent), 4 * M):
                    device.send(sent[start : start + 4 * M])
                    await trio.sleep(SLICE / 20)

            while len(got) < len(sent):
                started = time.monotonic()
                with trio.move_on_after(SLICE / 7) as scope:
                    got += (await pipes.read(64 * M))[0]
                cancelled += scope.cancel_called
                assert time.monotonic() - started < 10 * SLICE
        assert bytes(got) == sent
        assert cancelled

    async def test_a_write_is_one_call_whatever_its_size(self, pipes: UsbPipes, device: BusDevice) -> None:
        data = bytes(range(256)) * 20_000
        await pipes.converse(Talk(data, b"", b"next"))
        assert device.written == [data, b"", b"next"]

    async def test_a_write_goes_on_where_the_device_paused(self, pipes: UsbPipes, device: BusDevice) -> None:
        data = bytes(range(256)) * 20
        device.hears = 3 * M
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def listen() -> None:
                await trio.sleep(3 * SLICE)
                device.hears = None

            await pipes.converse(Talk(data))
        assert device.written == [data[: 3 * M], data[3 * M :]]

    async def test_a_write_that_nobody_takes_can_be_cancelled(self, pipes: UsbPipes, device: BusDevice) -> None:
        device.hears = 0
        for data in (b"command", b""):
            with trio.move_on_after(SLICE) as scope:
                await pipes.converse(Talk(data))
            assert scope.cancelled_caught

    async def test_a_whole_transaction_enters_one_thread(
        self, pipes: UsbPipes, device: BusDevice, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        entered = 0
        run = WorkerThread.run

        async def count(thread: WorkerThread, call: Callable[[], Any]) -> Any:
            nonlocal entered
            entered += 1
            return await run(thread, call)

        monkeypatch.setattr(WorkerThread, "run", count)
        answer = bytes(range(256)) * 100 + b"response"
        device.send(answer)
        talk = Talk(b"command", b"data", b"", size=1 << 20)
        await pipes.converse(talk)
        assert (device.written, talk.got, entered) == ([b"command", b"data", b""], answer, 1)

    async def test_a_conversation_that_is_cancelled_can_go_on(self, pipes: UsbPipes, device: BusDevice) -> None:
        sent = b"".join(struct.pack("<I", n) * (M // 4) for n in range(100)) + b"end"
        device.hears, talk = 2 * M + 7, Talk(bytes(3 * M), size=1 << 20)
        with trio.move_on_after(SLICE / 2):
            await pipes.converse(talk)
        assert list(talk.unsent) == [bytes(M - 7)]
        device.hears = None
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def send() -> None:
                for start in range(0, len(sent), 7 * M):
                    device.send(sent[start : start + 7 * M])
                    await trio.sleep(SLICE / 10)

            while talk.wanted():
                with trio.move_on_after(SLICE / 7):
                    await pipes.converse(talk)
        assert talk.got == sent
        assert sum(map(len, device.written)) == 3 * M

    async def test_what_a_conversation_raises_comes_out_as_it_is(self, pipes: UsbPipes, device: BusDevice) -> None:
        class Garbage(Talk):
            def feed(self, data: bytes | memoryview, end_of_transfer: bool) -> None:
                raise errors.RemoteProtocolError("no PTP")

        device.send(b"garbage")
        with pytest.raises(errors.RemoteProtocolError, match="no PTP"):
            await pipes.converse(Garbage(size=M))

    async def test_a_halt(self, pipes: UsbPipes, device: BusDevice) -> None:
        device.halt(BULK_IN, BULK_OUT)
        with pytest.raises(errors.TransferStalled):
            await pipes.read(M)
        with pytest.raises(errors.TransferStalled):
            await pipes.converse(Talk(b"command"))
        await pipes.clear_halts()
        assert device.calls[-2:] == [("clear_halt", BULK_IN), ("clear_halt", BULK_OUT)]
        device.send(b"again")
        assert await pipes.read(M) == (b"again", True)
        await pipes.converse(Talk(b"again"))


class TestEvents:
    async def test_come_while_bulk_goes_on(self, pipes: UsbPipes, device: BusDevice) -> None:
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def listen() -> None:
                assert await pipes.read_event() == event(0x4002)
                device.send(b"after the event")

            nursery.start_soon(pipes.read, M)
            await trio.to_thread.run_sync(device.until_waiting, 2)
            await pipes.converse(Talk(b"command"))
            assert await pipes.device_status() == b"\4\0\1\x20"
            device.send_event(event(0x4002))

    async def test_a_halt_is_cleared(self, pipes: UsbPipes, device: BusDevice) -> None:
        device.halt(INTERRUPT)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pipes.read_event)
            while ("clear_halt", INTERRUPT) not in device.calls:
                await trio.sleep(SLICE / 10)
            device.send_event(event(0x4002))

    async def test_an_endless_halt_does_not_keep_the_machine_busy(self, pipes: UsbPipes, device: BusDevice) -> None:
        device.fail["intr_read"] = [libusb.LIBUSB_ERROR_PIPE] * 1000
        with trio.move_on_after(5 * SLICE):
            await pipes.read_event()
        assert device.calls.count(("clear_halt", INTERRUPT)) <= 6

    async def test_without_the_pipe_unplugging_is_noticed(self, bus: Bus) -> None:
        device = plug(bus, BusDevice(interrupt=False))
        pipes = await open_only()
        with trio.move_on_after(3 * SLICE) as scope:
            await pipes.read_event()
        assert scope.cancelled_caught
        device.unplug()
        with pytest.raises(errors.DeviceGone):
            await pipes.read_event()
        await pipes.aclose()


class TestClassRequests:
    async def test_cancel(self, pipes: UsbPipes, device: BusDevice) -> None:
        await pipes.cancel(9)
        assert device.calls[-1] == ("ctrl_transfer", 0x21, 0x64, 0, 0, bytes.fromhex("014009000000"))

    async def test_device_status(self, pipes: UsbPipes, device: BusDevice) -> None:
        device.answer = bytes.fromhex("0c00192081000000")
        assert await pipes.device_status() == device.answer
        assert device.calls[-1][:5] == ("ctrl_transfer", 0xA1, 0x67, 0, 0)

    async def test_device_reset(self, pipes: UsbPipes, device: BusDevice) -> None:
        await pipes.reset_device()
        assert device.calls[-1] == ("ctrl_transfer", 0x21, 0x66, 0, 0, b"")

    async def test_go_to_the_interface(self, bus: Bus) -> None:
        device = plug(bus, BusDevice(interface=2))
        pipes = await open_only()
        await pipes.device_status()
        assert device.calls[0] == ("claim_interface", 2)
        assert device.calls[-1][4] == 2
        await pipes.aclose()


class TestUnplugging:
    @pytest.mark.parametrize("call", ["bulk_read", "intr_read"])
    async def test_ends_calls_that_wait(self, pipes: UsbPipes, device: BusDevice, call: str) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(unplug_when_waiting, device)
            with pytest.raises(errors.DeviceGone):
                await CALLS[call](pipes)

    async def test_ends_a_write_that_waits(self, pipes: UsbPipes, device: BusDevice) -> None:
        device.hears = 0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(unplug_when_waiting, device)
            with pytest.raises(errors.DeviceGone):
                await pipes.converse(Talk(b"command"))

    @pytest.mark.parametrize("call", CALLS)
    async def test_fails_every_call_from_then_on(self, pipes: UsbPipes, device: BusDevice, call: str) -> None:
        device.unplug()
        with pytest.raises(errors.DeviceGone):
            await pipes.device_status()
        device.gone = False  # another camera may have got the same place
        before = list(device.calls)
        with pytest.raises(errors.DeviceGone):
            await CALLS[call](pipes)
        assert device.calls == before

    async def test_may_show_as_a_failed_transfer_first(self, pipes: UsbPipes, device: BusDevice) -> None:
        device.fail["bulk_read"] = [libusb.LIBUSB_ERROR_IO]
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def unplug() -> None:
                await trio.sleep(SLICE / 3)
                device.unplug()

            with pytest.raises(errors.DeviceGone):
                await pipes.read(M)

    async def test_a_failed_transfer_alone_is_none(self, pipes: UsbPipes, device: BusDevice) -> None:
        device.fail["bulk_read"] = [libusb.LIBUSB_ERROR_IO]
        with pytest.raises(errors.TransportError) as raised:
            await pipes.read(M)
        assert raised.type is errors.TransportError
        device.send(b"still there")
        assert await pipes.read(M) == (b"still there", True)

    async def test_closing_after_it_raises_nothing(self, device: BusDevice) -> None:
        pipes = await open_only()
        device.unplug()
        await pipes.aclose()
        assert not device.open_handles


class TestClosing:
    async def test_waits_for_the_slices_under_way(self, device: BusDevice) -> None:
        pipes = await open_only()
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def read() -> None:
                with pytest.raises(errors.DeviceGone, match="closed"):
                    await pipes.read(M)

            await trio.to_thread.run_sync(device.until_waiting)
            await pipes.aclose()  # the bus fails when closed under a call
            assert not device.open_handles

    async def test_when_cancelled_closes_all_the_same(self, device: BusDevice) -> None:
        pipes = await open_only()
        with trio.CancelScope() as scope:
            scope.cancel()
            await pipes.aclose()
        assert not device.open_handles

    async def test_twice(self, device: BusDevice) -> None:
        pipes = await open_only()
        await pipes.aclose()
        await pipes.aclose()
        assert device.calls.count(("release_interface", 0)) == 1

    @pytest.mark.parametrize("code", CODES)
    async def test_never_raises(self, device: BusDevice, code: int) -> None:
        device.driver = True
        pipes = await open_only()
        device.fail = {"release_interface": [code], "attach_kernel_driver": [code]}
        await pipes.aclose()
        assert not device.open_handles

    @pytest.mark.parametrize("call", CALLS)
    async def test_no_call_opens_it_again(self, device: BusDevice, call: str) -> None:
        pipes = await open_only()
        await pipes.aclose()
        with pytest.raises(errors.DeviceGone):
            await CALLS[call](pipes)
        assert not device.open_handles
