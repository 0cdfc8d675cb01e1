"""The driver's end of a DC120's serial line: `Line` runs commands on it, one at a time, and finds the speed that works.

The line is *in step* while both ends use the same speed and agree that no command is under way.

========================================= ==========================================================================================
what happens                              what the line does
========================================= ==========================================================================================
it is opened                              tries speeds, the fastest first: sends a break, asks for the status, sets the speed, asks again
a command ends as the protocol says       stays in step, also where the camera refused the command or failed to do it
a command fails otherwise, is cancelled   is out of step
no packet and no end for `LIMIT` seconds  ends the command, whatever else the camera says meanwhile; is out of step
the line is not quiet after a break       gives up after `PROBE_LIMIT` seconds: something else than a DC120 talks on it
no status at 9600 baud after a break      gives up at once, whatever else has come: there is no DC120, and no other speed need be tried
a command is to run, out of step          sends a break, after which the camera listens at 9600 baud, and sets the speed again first
a packet comes damaged                    for `WARY` seconds believes no packet that has not come twice; a reply under way begins again
an answer is destroyed by noise           does the same and runs the command again, unless packets came or the command does harm twice
it cannot be brought back in step         fails commands at once for `REST` seconds
it is closed                              puts the camera back to 9600 baud: by command if in step, else by a break
the port vanishes                         fails all commands with `DeviceGone`, for good
========================================= ==========================================================================================

What happens within a command is the codec's business: `camfs.protocols.dc120.host`.
Facts: camfs/protocols/dc120/README.md, "Line" and camfs/protocols/dc120/README.md, "Sequences".
"""

import contextlib
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import trio

from camfs import errors
from camfs.protocols.dc120.commands import Code, Command, command
from camfs.protocols.dc120.events import Aborted, Completed, Failed, LineReset, Packet, Rejected, Transmit
from camfs.protocols.dc120.frames import DATA_SIZE
from camfs.protocols.dc120.host import HostConnection
from camfs.protocols.dc120.patience import Patience
from camfs.protocols.dc120.status import Status
from camfs.protocols.dc120.values import speed_code
from camfs.transports.ports import SerialPort

log = logging.getLogger(__name__)

START_SPEED = 9600
"""Baud after power-on or a break."""

SPEEDS = (115200, 57600, 38400, 19200, 9600)
"""Baud rates tried, in this order; 230400 is used only where the user asks for it."""

SPEED_CHANGE = 0.3
"""Seconds between a change of speed and the first command at the new one."""

BREAK = 0.3
"""Seconds of a break; what C libraries send is 0.25 to 0.5."""

REST = 2.0
"""Seconds during which calls fail at once, after the line could not be brought back."""

PROBE = Patience(answer=0.5, packet=1.0, completion=1.0)
"""How long to wait for answers while a speed is being tried."""

LIMIT, BUSY_LIMIT, PROBE_LIMIT = 12.0, 125.0, 4.0
"""Seconds that a command may go on without a packet or its end: any command, one that takes or erases a picture, and while a speed is
being tried. The codec knows only silence: to it, a camera that says "still working" for ever is never late.
"""

WARY = 600.0
"""Seconds after a packet was damaged in which each packet is asked for twice: the checksum misses some damage."""

UNPROVEN = 4
"""Packets of pictures that are asked for twice after the line was opened, as nothing is known of it yet."""

RECEIVE_SIZE = 4096


@dataclass(frozen=True)
class ReceivedPacket:
    """A packet of a reply, as it is given to the caller of `Line.run`.

    Attributes:
        index: its place in the reply, from 0.
        payload: its bytes.
        expect: to be called with the number of packets in the whole reply, where this packet tells it.
        came_twice: whether it was asked for a second time, and so is not the packet before once more.
    """

    index: int
    payload: bytes
    expect: Callable[[int], None]
    came_twice: bool


OnPacket = Callable[[ReceivedPacket], Awaitable[bool]]
"""Is called with each packet of a reply; returns whether the next packet is wanted. The reply may begin again, at index 0."""


class _Silence(errors.TransferTimeout):
    """No DC120 answers at 9600 baud after a break, or the line is not quiet then, so other speeds need not be tried."""


class Line:
    """The line to one camera.

    Args:
        port: the serial port; closed by `close`.
        baud: the only speed to use, None for the fastest that works.

    Attributes:
        speed: in baud.
        vanished: set once the port has vanished.
    """

    def __init__(self, port: SerialPort, baud: int | None = None) -> None:
        self._port = port
        self._speeds = SPEEDS if baud is None else (baud,)
        self._host = HostConnection()
        self._lock = trio.Lock()
        self._in_step = False
        self._packets = 0
        self._unproven = UNPROVEN
        self._begins_again = False
        self._rest_until = self._wary_until = -math.inf
        self.speed = START_SPEED
        self.vanished = trio.Event()

    @property
    def gone(self) -> bool:
        """Whether the port has vanished."""
        return self.vanished.is_set()

    @property
    def busy(self) -> bool:
        """Whether a command is under way."""
        return self._lock.locked()

    async def open(self) -> Status:
        """Find the fastest speed that works, and return the camera's status.

        Raises:
            TransferTimeout: no camera answers at any speed.
        """
        async with self._lock:
            return await self._find_speed()

    async def watch(self) -> None:
        """Wait until the port has vanished, whether this call or a command notices it first."""
        async with trio.open_nursery() as nursery:

            async def look() -> None:
                with contextlib.suppress(errors.DeviceGone):
                    await self._port.hung_up()
                self.vanished.set()

            nursery.start_soon(look)
            await self.vanished.wait()
            nursery.cancel_scope.cancel()

    async def close(self) -> None:
        """Put the camera back to 9600 baud and close the port. Takes two seconds at most; never raises `CameraError`."""
        with trio.CancelScope(shield=True), trio.move_on_after(2):
            async with self._lock:
                try:
                    await self._leave()
                except errors.CameraError as error:
                    log.info("closing the line: %s", error)
        with trio.CancelScope(shield=True):
            await self._port.aclose()

    async def _leave(self) -> None:
        """Put the camera back to 9600 baud: by command, or by a break where a command was interrupted."""
        if self.gone or self.speed == START_SPEED:
            return
        if self._in_step:
            await self._exchange(command(Code.SET_SPEED, speed=speed_code(START_SPEED)))
        else:
            await self._port.set_speed(START_SPEED)
            await self._port.send_break(BREAK)

    async def run(self, wanted: Command, packets: int | None = None, on_packet: OnPacket | None = None) -> list[bytes]:
        """Run a command. Cancelled: the line is out of step, and is brought back before the next command.

        Args:
            wanted: the command.
            packets: how many will come, where the table of commands does not say and the caller knows.
            on_packet: is given the packets one by one; without it they are gathered.

        Returns:
            The payloads gathered.

        Raises:
            NotSupported: the camera refused the command (E1).
            Refused: the camera accepted the command and could not do it (E2).
            TransferTimeout, RemoteProtocolError: the line is out of step, and will be brought back before the next command.
            DeviceGone: the port has vanished.
        """
        async with self._lock:
            if self.gone:
                raise errors.DeviceGone("the serial port is gone")
            if not self._in_step:
                await self._bring_back()
            try:
                return await self._run_once(wanted, packets, on_packet)
            except errors.RemoteProtocolError:
                if self._in_step or self._packets or wanted.form.busy:
                    raise
            await self._bring_back()  # noise destroyed an answer, and nothing else has happened yet
            return await self._run_once(wanted, packets, on_packet)

    async def _run_once(self, wanted: Command, packets: int | None, on_packet: OnPacket | None) -> list[bytes]:
        """Run a command on a line that is in step, and note whether the line still is afterwards."""
        self._in_step = False
        try:
            gathered = await self._exchange(wanted, packets, on_packet)
        except errors.DeviceGone:
            self.vanished.set()
            raise
        except errors.CameraError:
            self._in_step = self._host.idle
            raise
        self._in_step = True
        return gathered

    async def _exchange(
        self,
        wanted: Command,
        packets: int | None = None,
        on_packet: OnPacket | None = None,
        seconds: float | None = None,
    ) -> list[bytes]:
        """Run a command, and end it once it has gone on for some seconds, by default its limit, without a packet."""
        seconds = seconds or (BUSY_LIMIT if wanted.form.busy else LIMIT)
        with trio.move_on_after(seconds) as limit:
            return await self._converse(wanted, packets, on_packet, limit, seconds)
        raise errors.TransferTimeout(f"{wanted}: no end after {seconds:g} seconds")

    async def _converse(
        self,
        wanted: Command,
        packets: int | None,
        on_packet: OnPacket | None,
        limit: trio.CancelScope,
        seconds: float,
    ) -> list[bytes]:
        gathered: list[bytes] = []
        unwanted: errors.CameraError | None = None  # why the caller does not want the rest
        self._begins_again = False
        probes = self._unproven > 0 and wanted.form.reply.size == DATA_SIZE
        self._host.wary = probes or trio.current_time() < self._wary_until
        self._packets = 0
        self._port.discard_input()
        await self._port.send(self._host.send(wanted, packets))
        while True:
            match await self._event():
                case Packet(index, payload):
                    more = True
                    self._packets += 1
                    self._unproven -= wanted.form.reply.size == DATA_SIZE
                    if on_packet is None:
                        gathered.append(payload)
                    else:
                        try:
                            more = await on_packet(ReceivedPacket(index, payload, self._host.expect, self._host.wary))
                        except errors.CameraError as error:
                            unwanted, more = error, False
                    await self._port.send(self._host.acknowledge() if more else self._host.abort())
                    self._host.wary = self._host.wary and (self._unproven > 0 or trio.current_time() < self._wary_until)
                    limit.deadline = trio.current_time() + seconds
                case Completed(confirmed=confirmed):
                    if not confirmed:
                        log.info("%s: the camera did not say that it was done", wanted)
                    if wanted.form.reply.certain and self._packets < (wanted.form.reply.packets or 0):
                        raise errors.RemoteProtocolError(f"{wanted}: ended without a reply")
                    return gathered
                case Aborted() if self._begins_again:
                    self._begins_again, self._packets = False, 0
                    gathered.clear()
                    await self._port.send(self._host.send(wanted, packets))
                case Aborted():
                    if unwanted is not None:
                        raise unwanted
                    return gathered
                case Rejected():
                    raise errors.NotSupported(f"the camera refused the command: {wanted.form.name}")
                case Failed():
                    raise errors.Refused(f"the camera could not do the command: {wanted.form.name}")

    async def _event(self) -> object:
        """Wait for the codec's next event, and meanwhile send what the protocol asks for."""
        while True:
            event = self._host.next_event()
            if self._host.damaged:
                self._host.damaged, self._wary_until = False, trio.current_time() + WARY
                if not self._host.wary:
                    self._host.wary, self._begins_again = True, self._packets > 0
                    if self._begins_again:
                        await self._port.send(self._host.abort())
                        continue
            if isinstance(event, Transmit):
                await self._port.send(event.data)
            elif event is not None:
                return event
            else:
                patience = self._host.patience
                data = b""
                with trio.move_on_after(math.inf if patience is None else patience) as silence:
                    data = await self._port.receive(RECEIVE_SIZE)
                if data:
                    self._host.receive(data)
                elif silence.cancelled_caught:
                    self._host.time_out()

    async def _bring_back(self) -> None:
        if trio.current_time() < self._rest_until:
            raise errors.TransferTimeout("the camera does not answer")
        try:
            await self._find_speed()
        except errors.DeviceGone:
            self.vanished.set()
            raise
        except errors.CameraError:
            self._rest_until = trio.current_time() + REST
            raise

    async def _find_speed(self) -> Status:
        failure: errors.CameraError | None = None
        for speed in self._candidates():
            try:
                status = await self._try_speed(speed)
            except errors.DeviceGone:
                raise
            except _Silence as error:
                failure = error
                break
            except errors.CameraError as error:
                log.info("%d baud: %s", speed, error)
                failure = error
            else:
                self._host = HostConnection()
                self._in_step = True
                self.speed = speed
                log.info("the camera answers at %d baud", speed)
                return status
        raise errors.TransferTimeout(f"no DC120 answers on this line ({failure})")

    def _candidates(self) -> Sequence[int]:
        """Return the speeds to try: all, but none faster than a speed above 9600 baud that has worked before."""
        return [speed for speed in self._speeds if self.speed == START_SPEED or speed <= self.speed]

    async def _try_speed(self, speed: int) -> Status:
        """Send a break, ask for the status to prove that a DC120 is there, change the speed, and prove that in the same way.

        Raises:
            _Silence: no DC120 is there.
            CameraError: this speed does not work.
        """
        self._host = HostConnection(PROBE)
        await self._port.set_speed(START_SPEED)
        await self._port.send_break(BREAK)
        self._host.line_break()
        with trio.move_on_after(PROBE_LIMIT) as limit:
            while not isinstance(await self._event(), LineReset):
                pass
        if limit.cancelled_caught:
            raise _Silence("something talks on the line without being asked")
        try:
            status = await self._ask_status()
        except errors.DeviceGone:
            raise
        except errors.CameraError as error:
            raise _Silence(str(error)) from None
        if speed != START_SPEED:
            await self._exchange(command(Code.SET_SPEED, speed=speed_code(speed)), seconds=PROBE_LIMIT)
            await self._port.set_speed(speed)
            await trio.sleep(SPEED_CHANGE)
            status = await self._ask_status()
        return status

    async def _ask_status(self) -> Status:
        return Status.decode((await self._exchange(command(Code.GET_STATUS), seconds=PROBE_LIMIT))[0])
