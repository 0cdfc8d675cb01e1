"""Both codecs joined by a line in memory, with a program for the camera, and faults.

Time passes only when neither end has anything to say.
"""

from collections.abc import Callable, Sequence

from camfs.protocols.dc120.camera import CameraConnection
from camfs.protocols.dc120.commands import Command
from camfs.protocols.dc120.events import (
    Aborted,
    Acknowledged,
    CommandReceived,
    Completed,
    ExtraReceived,
    Failed,
    HostEvent,
    Packet,
    Rejected,
    Transmit,
    UnknownCommand,
)
from camfs.protocols.dc120.host import HostConnection

Fault = Callable[[bytes], bytes]
Answers = Callable[[Command, bytes], Sequence[bytes] | None]
"""What the camera does with a command and its extra data: packets to send, None for a failure."""

MAX_STEPS = 100_000


def unharmed(data: bytes) -> bytes:
    """Let everything through."""
    return data


class ByteFault:
    """Changes a single byte of all that pass, once.

    Args:
        position: counted from the first byte that passes.
        change: makes of the byte what arrives: nothing, another, more.
    """

    def __init__(self, position: int, change: Callable[[int], bytes]) -> None:
        self._left = position
        self._change = change

    def __call__(self, data: bytes) -> bytes:
        at, self._left = self._left, self._left - len(data)
        if 0 <= at < len(data):
            return data[:at] + self._change(data[at]) + data[at + 1 :]
        return data


class Camera:
    """A program for the camera's codec: accepts the commands of the table, answers as it is told, and keeps the commands."""

    def __init__(self, answers: Answers) -> None:
        self.codec = CameraConnection()
        self.commands: list[Command] = []
        self.frames: list[bytes] = []
        self._answers = answers
        self._left: list[bytes] = []

    def react(self) -> bytes:
        """Return what the camera sends after what it has received."""
        out = b""
        while (event := self.codec.next_event()) is not None:
            match event:
                case Transmit(data):
                    out += data
                case CommandReceived(command):
                    self.commands.append(command)
                    out += self.codec.accept()
                    if not command.form.extra and command.form.completes:
                        out += self._answer(command, b"")
                case ExtraReceived(payload):
                    out += self._answer(self.commands[-1], payload)
                case UnknownCommand(frame):
                    self.frames.append(frame)
                    out += self.codec.refuse()
                case Acknowledged():
                    out += self._next()
        return out

    def _answer(self, command: Command, extra: bytes) -> bytes:
        packets = self._answers(command, extra)
        if packets is None:
            return self.codec.fail()
        self._left = list(packets)
        return self._next()

    def _next(self) -> bytes:
        return self.codec.packet(self._left.pop(0)) if self._left else self.codec.complete()


class Line:
    """Both ends, joined.

    Args:
        answers: the camera's program.
        cut: bytes that arrive at a time.
        to_host, to_camera: what the line does to that which is sent.
        abort_after: the packet that the host answers with an abort.
    """

    def __init__(
        self,
        answers: Answers,
        *,
        cut: int = 1 << 20,
        to_host: Fault = unharmed,
        to_camera: Fault = unharmed,
        abort_after: int | None = None,
    ) -> None:
        self.host = HostConnection()
        self.camera = Camera(answers)
        self.seconds = 0.0
        self._cut = cut
        self._to_host = to_host
        self._to_camera = to_camera
        self._abort_after = abort_after
        self._camera_waited = 0.0

    def run(self, command: Command, packets: int | None = None) -> list[HostEvent]:
        """Run a command to its end; return the host's events, all but `Transmit`.

        Raises:
            CameraError: what the host's codec raised.
        """
        heard: list[HostEvent] = []
        to_camera = self._to_camera(self.host.send(command, packets))
        for _ in range(MAX_STEPS):
            to_camera = self._camera_hears(to_camera)
            event = self.host.next_event()
            if isinstance(event, Transmit):
                to_camera += self._to_camera(event.data)
                continue
            if event is None:
                if not to_camera:
                    to_camera += self._wait()
                continue
            heard.append(event)
            match event:
                case Packet(index) if index == self._abort_after:
                    to_camera += self._to_camera(self.host.abort())
                case Packet():
                    to_camera += self._to_camera(self.host.acknowledge())
                case Completed() | Rejected() | Failed() | Aborted():
                    return heard
        raise AssertionError("the two never come to an end")

    def _camera_hears(self, data: bytes) -> bytes:
        """Give the camera bytes, and the host what the camera answers."""
        if data:
            self._camera_waited = 0.0
        for start in range(0, len(data), self._cut):
            self.camera.codec.receive(data[start : start + self._cut])
            self._host_hears(self.camera.react())
        return b""

    def _host_hears(self, data: bytes) -> None:
        data = self._to_host(data) if data else b""
        for start in range(0, len(data), self._cut):
            self.host.receive(data[start : start + self._cut])

    def _wait(self) -> bytes:
        """Let time pass until one of them has waited long enough."""
        host, camera = self.host.patience, self.camera.codec.patience
        assert host is not None, "the host waits for nothing, and nothing happens"
        camera_left = None if camera is None else camera - self._camera_waited
        if camera_left is not None and camera_left < host:
            self.seconds += camera_left
            self._camera_waited = 0.0
            self.camera.codec.time_out()
            self._host_hears(self.camera.react())
        else:
            self.seconds += host
            self._camera_waited += host
            self.host.time_out()
        return b""
