"""Recordings of the USB traffic of real devices, played as devices of a `bus`: below pyusb, so that all of camfs's own code runs on them.

A recording was made with umockdev. Its `.ioctl` file has a line for each URB that came back to the program that was recorded::

    USBDEVFS_REAPURBNDELAY return type endpoint status flags buffer-length actual-length 0 data

Lines are indented: those below a request answer it, one step further in for each next one. Where the same request was sent again, the
answers to it stand one after the other, and each begins at the first step again. Its `.umockdev` file has the device's descriptors and
what the kernel knew of it.

A device that plays a recording answers by what is asked, whatever the order. What was not asked in the recording is refused with
OperationNotSupported, and a part of an object is cut out of the whole where that was recorded. It keeps count of its session.
"""

import lzma
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.shared import shared
from tests.transports.bus import BusDevice

CANON, XPERIA = "canon-powershot-sx200", "sony-xperia-mini-pro"
"""The recordings."""

COMMAND, DATA, RESPONSE = 1, 2, 3
OK, SESSION_NOT_OPEN, OPERATION_NOT_SUPPORTED, SESSION_ALREADY_OPEN = 0x2001, 0x2003, 0x2005, 0x201E
GET_DEVICE_INFO, OPEN_SESSION, CLOSE_SESSION = 0x1001, 0x1002, 0x1003
GET_OBJECT, GET_PARTIAL_OBJECT = 0x1009, 0x101B
CANCEL, RESET = 0x64, 0x66

_BULK = "3"
_HEADER = struct.Struct("<IHHI")

Asked = tuple[int, tuple[int, ...]]
"""An operation and its parameters."""


@dataclass(frozen=True)
class Answer:
    """What a device answered: the payload of the data phase, None if there was none; the response and its parameters."""

    data: bytes | None
    code: int
    parameters: tuple[int, ...] = ()


@dataclass
class Recording:
    """What was recorded of a device.

    Attributes:
        answers: all answers to each request.
        left_over: containers that the device still sent to a program before.
        ids: vendor and product.
        texts: what the kernel read from the device.
        descriptors: device and configuration descriptor, likewise.
    """

    answers: dict[Asked, list[Answer]] = field(default_factory=dict)
    left_over: list[bytes] = field(default_factory=list)
    ids: tuple[int, int] = (0, 0)
    texts: dict[str, str] = field(default_factory=dict)
    descriptors: bytes = b""

    def answered(self, operation: int) -> dict[tuple[int, ...], Answer]:
        """Return the first answer to each request of an operation, by its parameters."""
        return {parameters: all_[0] for (code, parameters), all_ in self.answers.items() if code == operation}


def read(ioctls: Path, about: Path) -> Recording:
    """Read a recording: its `.ioctl.xz` and its `.umockdev` file."""
    recording = Recording()
    _read_device(recording, about.read_text())
    with lzma.open(ioctls, "rt") as file:
        for request, replies in _transactions(file):
            _, _, operation, transaction = _HEADER.unpack_from(request)
            asked = (operation, _parameters(request))
            for reply in replies:
                containers = list(_containers(reply))
                own = [each for each in containers if _HEADER.unpack_from(each)[3] == transaction]
                answer = _answer(own)
                if answer is not None:
                    recording.answers.setdefault(asked, []).append(answer)
                    recording.left_over += containers[: containers.index(own[0])]
            assert asked in recording.answers
    return recording


def _read_device(recording: Recording, text: str) -> None:
    """Read the first device of a `.umockdev` file; the others are the hubs above it."""
    text = text.partition("\n\n")[0]
    recording.texts = dict(re.findall(r"^A: (\w+)=(.*)$", text, re.MULTILINE))
    recording.ids = (int(recording.texts["idVendor"], 16), int(recording.texts["idProduct"], 16))
    (descriptors,) = re.findall(r"^H: descriptors=(\w+)$", text, re.MULTILINE)
    recording.descriptors = bytes.fromhex(descriptors)


def _transactions(lines: Iterator[str]) -> Iterator[tuple[bytes, list[bytes]]]:
    """Give each request, with the bytes of each answer to it."""
    request, replies, first_step = b"", list[bytes](), -1
    for line in lines:
        words = line.split()
        if not words[0].startswith("USBDEVFS_REAPURB") or words[2] != _BULK:
            continue
        data, step = bytes.fromhex(words[9]), len(line) - len(line.lstrip(" "))
        assert len(data) == int(words[7])
        if not int(words[3]) & 0x80:
            if request:
                yield request, replies
            request, replies, first_step = data, [], -1
        elif first_step < 0 or step <= first_step:
            replies.append(data)
            first_step = step
        else:
            replies[-1] += data
    yield request, replies


def _containers(data: bytes) -> Iterator[bytes]:
    while data:
        (length,) = struct.unpack_from("<I", data)
        yield data[:length]
        data = data[length:]


def _answer(containers: list[bytes]) -> Answer | None:
    """Return the answer in a data container, if there is one, and a response.

    Where several sessions were recorded, a response may stand with the answers to another request: what is no whole answer gives None.
    """
    data = None
    for container in containers:
        _, kind, code, _ = _HEADER.unpack_from(container)
        if kind == RESPONSE:
            return Answer(data, code, _parameters(container))
        assert kind == DATA
        data = container[_HEADER.size :]
    return None


def _parameters(container: bytes) -> tuple[int, ...]:
    return struct.unpack_from(f"<{(len(container) - _HEADER.size) // 4}I", container, _HEADER.size)


def named(name: str) -> Recording:
    """Read one of the recordings of `shared`, or skip the test that asks for it."""
    folder = f"samples/recordings/{name}"
    return read(shared(f"{folder}.ioctl.xz"), shared(f"{folder}.umockdev"))


def device(name: str) -> "RecordedDevice":
    """Return a device that plays one of the recordings of `shared`."""
    return RecordedDevice(named(name), interface_name="MTP" if name == XPERIA else "Still Image")


class RecordedDevice(BusDevice):
    """A device that plays a recording.

    Args:
        recording: what it plays.
        interface_name: as the kernel gives it; recordings leave it out.

    Attributes:
        recording: what it plays.
        refused: what was asked and had no answer.
        in_session: whether a session is open; so it begins if the recording does.
    """

    def __init__(self, recording: Recording, interface_name: str = "") -> None:
        descriptors = recording.descriptors[18:]  # the configuration's; the device's are before it
        interface = descriptors[9:18]
        super().__init__(
            vendor=recording.ids[0],
            product=recording.ids[1],
            triple=(interface[5], interface[6], interface[7]),
            interface=interface[2],
            interface_name=interface_name,
            serial=recording.texts["serial"],
            product_name=recording.texts["product"],
            endpoints=[struct.unpack_from("<BBH", descriptors, at + 2) for at in (18, 25, 32)],
        )
        self.recording = recording
        self.refused: list[Asked] = []
        self.in_session = bool(recording.left_over)
        for container in recording.left_over:
            self.send(container)

    def hear(self, data: bytes) -> None:
        """Answer a request; the data phase of one that was refused is dropped."""
        _, kind, operation, transaction = _HEADER.unpack_from(data)
        if kind != COMMAND:
            return
        answer = self._answer(operation, _parameters(data))
        if answer.data is not None:
            container = _HEADER.pack(_HEADER.size + len(answer.data), DATA, operation, transaction) + answer.data
            self.send(container)
            if len(container) % self.endpoints[0][2] == 0:
                self.send(b"")
        parameters = struct.pack(f"<{len(answer.parameters)}I", *answer.parameters)
        self.send(_HEADER.pack(_HEADER.size + len(parameters), RESPONSE, answer.code, transaction) + parameters)

    def hear_request(self, request: int) -> None:
        if request in (CANCEL, RESET):
            self.packets.clear()
        if request == RESET:
            self.in_session = False

    def _answer(self, operation: int, parameters: tuple[int, ...]) -> Answer:
        if operation == OPEN_SESSION:
            was_open, self.in_session = self.in_session, True
            return Answer(None, SESSION_ALREADY_OPEN if was_open else OK, (1,) if was_open else ())
        if operation == CLOSE_SESSION:
            was_open, self.in_session = self.in_session, False
            return Answer(None, OK if was_open else SESSION_NOT_OPEN)
        if not self.in_session and operation != GET_DEVICE_INFO:
            return Answer(None, SESSION_NOT_OPEN)
        if (operation, parameters) in self.recording.answers:
            return self.recording.answers[operation, parameters][0]
        if operation == GET_PARTIAL_OBJECT and (GET_OBJECT, parameters[:1]) in self.recording.answers:
            whole = self.recording.answers[GET_OBJECT, parameters[:1]][0].data or b""
            part = whole[parameters[1] : parameters[1] + parameters[2]]
            return Answer(part, OK, (len(part),))
        self.refused.append((operation, parameters))
        return Answer(None, OPERATION_NOT_SUPPORTED)
