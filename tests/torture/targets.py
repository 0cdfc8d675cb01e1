"""What is fuzzed: everything that reads bytes from a device, and samples to begin with.

A target takes any bytes and returns, or raises one of its documented errors. Those of decoders are `CameraError`s. The state machines
of the two initiators (PTP over USB and over IP, the DC120's host) take bytes as a script: each step is an opcode, a length, and that many
bytes. It says what comes over the wire, cut where, and what the driver does meanwhile.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC

from camfs.errors import CameraError, LocalProtocolError
from camfs.mount.thumbnails import as_jpeg
from camfs.printable import is_printable, printable
from camfs.protocols.dc120 import lists, texts
from camfs.protocols.dc120.commands import Code, command, decode_command
from camfs.protocols.dc120.events import Packet
from camfs.protocols.dc120.frames import encode_packet
from camfs.protocols.dc120.host import HostConnection
from camfs.protocols.dc120.status import Status
from camfs.protocols.kdc import Header
from camfs.protocols.ptp import datasets, values
from camfs.protocols.ptp.codes import DataType
from camfs.protocols.ptp.containers import EventPipe, UsbConnection
from camfs.protocols.ptp.ip import IpConnection
from camfs.protocols.ptp.makers import Maker
from camfs.protocols.ptp.messages import Data, DataEnd, DataStart, Event, Request, Response, Role
from camfs.protocols.ptp.packets import (
    InitCommandAck,
    InitCommandRequest,
    InitEventAck,
    InitEventRequest,
    IpMessage,
)
from camfs.protocols.ptp.properties import guess_description, write_value
from camfs.protocols.sigma import can_set, groups, ifd, records
from camfs.protocols.sigma import datasets as sigma
from camfs.transports.osdescriptor import mtp_interface, vendor_code
from tests.protocols.ptp.dialogue import DATA, RESPONSE, container, words
from tests.protocols.sigma.payloads import NEWER, SOUND, UNSOUND
from tests.shared import SHARED

MOST_MESSAGES = 10_000
"""Messages that one script may make a codec give: more would be a codec that never ends."""


@dataclass(frozen=True)
class Target:
    """Something that reads bytes from a device.

    Attributes:
        run: reads them; raises no error but `CameraError`.
        samples: bytes that it understands.
    """

    run: Callable[[bytes], object]
    samples: list[bytes] = field(default_factory=list)

    def try_input(self, data: bytes) -> bool:
        """Give it bytes; say whether it understood them. Whatever else it raises than its documented errors comes out."""
        try:
            self.run(data)
        except CameraError:
            return False
        return True


# ---------------------------------------------------------------------- scripts for state machines


def steps(script: bytes) -> Iterator[tuple[int, bytes]]:
    """Read a script: opcode, length in two bytes, bytes."""
    at = 0
    while at + 3 <= len(script):
        size = int.from_bytes(script[at + 1 : at + 3], "little")
        yield script[at], script[at + 3 : at + 3 + size]
        at += 3 + size


def script(*parts: tuple[int, bytes]) -> bytes:
    """Write a script."""
    return b"".join(bytes((opcode,)) + len(data).to_bytes(2, "little") + data for opcode, data in parts)


def _drain(next_message: Callable[[], object]) -> list[object]:
    """Take all messages that a codec has."""
    found: list[object] = []
    while (message := next_message()) is not None:
        found.append(message)
        assert len(found) < MOST_MESSAGES, "the codec gives messages without end"
    return found


def usb_initiator(data: bytes) -> None:
    """The host's codec on bulk pipes. Opcode 0 sends the next request, 1 receives a piece of a transfer, others its end."""
    codec, number = UsbConnection(Role.INITIATOR), itertools.count(1)
    for opcode, payload in steps(data):
        if opcode == 0:
            try:
                codec.send(Request(0x1009, next(number)))
            except LocalProtocolError:
                continue  # one is under way
        else:
            codec.receive(payload, opcode != 1)
            _drain(codec.next_message)


def ip_initiator(data: bytes) -> None:
    """The host's codec on a TCP connection. Opcode 0 sends a request, 1 and 2 begin a command and an event connection."""
    codec, number = IpConnection(Role.INITIATOR), itertools.count(1)
    for opcode, payload in steps(data):
        try:
            if opcode == 0:
                codec.send(Request(0x1009, next(number)))
            elif opcode == 1:
                codec.send(InitCommandRequest(bytes(16), "camfs"))
            elif opcode == 2:
                codec.send(InitEventRequest(1))
            else:
                codec.receive(payload)
        except LocalProtocolError:
            continue  # not now
        _drain(codec.next_message)


_COMMANDS = (
    command(Code.GET_STATUS),
    command(Code.GET_FILE_NAMES, location=0),
    command(Code.GET_MEMORY_FILE, number=1),
    command(Code.SET_ALBUM_NAMES, bytes(256)),
    command(Code.TAKE_PICTURE),
    command(Code.ERASE, location=0, number=1),
)


def dc120_host(data: bytes) -> None:
    """The host's codec on a serial line. Opcodes 0 to 5 send a command, 6 is silence, 7 an abort, 8 a break, others are bytes that come."""
    codec = HostConnection()
    for opcode, payload in steps(data):
        try:
            if opcode < len(_COMMANDS):
                codec.send(_COMMANDS[opcode], 3 if opcode == 2 else None)
            elif opcode == 6 and codec.patience is not None:
                codec.time_out()
            elif opcode == 7:
                codec.abort()
            elif opcode == 8:
                codec.line_break()
            elif opcode > 8:
                codec.receive(payload)
        except LocalProtocolError:
            continue  # not now
        for event in _drain(codec.next_event):
            if isinstance(event, Packet):
                codec.acknowledge()
                _drain(codec.next_event)


# ---------------------------------------------------------------------- decoders


def _texts_of(*names: str) -> None:
    """See that a terminal obeys nothing of what would be shown."""
    for name in names:
        assert all(map(is_printable, printable(name))), "unprintable text"


def _device_info(data: bytes) -> None:
    info = datasets.DeviceInfo.decode(data)
    _texts_of(info.manufacturer, info.model, info.serial_number, info.device_version)
    info.encode()


def _object_info(data: bytes) -> None:
    info = datasets.ObjectInfo.decode(data)
    _texts_of(info.filename)
    for date in (info.capture_date, info.modification_date):
        values.decode_date_time(date, UTC)


def _property(data: bytes) -> None:
    description = datasets.DevicePropDesc.decode(data)
    for maker in Maker:
        write_value(description, description.current, maker)


def _value(data: bytes) -> None:
    write_value(guess_description(0xD001, data), 0)


def _header(data: bytes) -> None:
    Header.decode(data).thumbnail(data)


def _status(data: bytes) -> None:
    status = Status.decode(data)
    _texts_of(status.user_name, status.card_label)
    for read in ("time", "focus", "zoom", "identity", "battery"):
        getattr(status, read)


def _lists(data: bytes) -> None:
    pages = [data[start : start + 256] for start in range(0, len(data), 256)]
    if pages:
        lists.packets_in_list(pages[0])
    for entry in lists.decode_list(pages):
        _texts_of(entry.name)


def _events(data: bytes) -> None:
    pipe = EventPipe()
    for _, payload in steps(data):
        pipe.receive(payload)


def _sigma(dataset: sigma.Dataset) -> Callable[[bytes], object]:
    return lambda data: sigma.decode(dataset, data)


def _shared(pattern: str) -> list[bytes]:
    """Return samples beside the checkout, if they are there: hexadecimal text, or bytes."""
    found: list[bytes] = []
    for path in sorted(SHARED.glob(pattern)):
        data = path.read_bytes()
        if path.suffix == ".hex":
            text = data.decode().split("#")[0]
            try:
                data = bytes.fromhex(text)
            except ValueError:
                continue  # with remarks
        found.append(data[: 1 << 16])
    return found


def _payloads(*codes: str) -> list[bytes]:
    found = {**SOUND, **UNSOUND, **NEWER}
    return [data for name, data in found.items() if name.startswith(codes)]


_INFO = datasets.DeviceInfo(manufacturer="SIGMA", model="fp", operations=(0x1001, 0x1002), serial_number="1")
_OBJECT = datasets.ObjectInfo(filename="SDIM0001.JPG", compressed_size=1 << 20, capture_date="20261119T160200.0+0100")
_PROPERTY = datasets.DevicePropDesc(0x5005, DataType.UINT16, True, 2, 4, datasets.Enumeration((1, 2, 4)))
_ENTRIES = [lists.FileEntry.named(f"P{number:06}.KDC", 50_000) for number in range(1, 30)]
_ANSWER = container(DATA, 0x1009, 1, bytes(40)), container(RESPONSE, 0x2001, 1, words(1))

TARGETS: Mapping[str, Target] = {
    "DeviceInfo": Target(
        _device_info, [_INFO.encode(), *_shared("samples/makers/*/*1001*.hex"), *_shared("samples/recordings/*.bin")]
    ),
    "ObjectInfo": Target(_object_info, [_OBJECT.encode(), *_shared("samples/makers/*/*1008*.hex")]),
    "StorageInfo": Target(datasets.StorageInfo.decode, [*_shared("samples/makers/*/*1005*.hex")]),
    "DevicePropDesc": Target(_property, [_PROPERTY.encode(), *_shared("samples/makers/*/*1014*.hex")]),
    "a value without a description": Target(_value, [b"\1\0"]),
    "object property list": Target(datasets.decode_object_prop_list, [words(1, 1) + b"\x07\xdc\xff\xff\2a\0\0\0"]),
    "handles": Target(datasets.decode_handles, [words(3, 1, 2, 3), *_shared("samples/makers/*/*1007*.hex")]),
    "events": Target(_events, [script((1, container(4, 0x4002, 0xFFFFFFFF, words(7))))]),
    "USB initiator": Target(usb_initiator, [script((0, b""), (2, _ANSWER[0]), (2, _ANSWER[1]), (0, b""), (1, b"\14"))]),
    "IP initiator": Target(ip_initiator),
    "DC120 host": Target(
        dc120_host,
        [
            script((0, b""), (9, b"\xd1"), (9, encode_packet(bytes(256))), (9, b"\0"), (6, b"")),
            script((2, b""), (9, b"\xd1"), (9, encode_packet(bytes(1024)) * 3), (7, b""), (9, b"\xe4"), (8, b"")),
        ],
    ),
    "DC120 status": Target(_status, [Status.decode(bytes(256)).encode()]),
    "DC120 albums": Target(texts.AlbumNames.decode, [texts.AlbumNames.of(("A",) * 8).encode()]),
    "DC120 lists": Target(_lists, [b"".join(lists.encode_list(_ENTRIES, layout)) for layout in lists.ListLayout]),
    "DC120 count": Target(lists.decode_count, [lists.encode_count(3)]),
    "DC120 command": Target(decode_command, [each.encode()[:8] for each in _COMMANDS]),
    "KDC": Target(_header, [*(data[:20_000] for data in _shared("samples/dc120/*.kdc"))]),
    "OS descriptor": Target(
        lambda data: (vendor_code(data), mtp_interface(data)), [b"\x12\3MSFT100\x20\0".ljust(18, b"\0")]
    ),
    "thumbnail": Target(as_jpeg, [b"P6 2 2 255\n" + bytes(12), b"\xff\xd8\xff\xd9"]),
    "SIGMA pictures": Target(records.decode_pictures, _payloads("902D")),
    "SIGMA movie": Target(records.decode_movie, _payloads("9036")),
    "SIGMA partial": Target(records.decode_partial, [words(4) + b"abcd"]),
    "SIGMA view frame": Target(records.decode_view_frame, [words(4) + b"\xff\xd8\xff\xd9"]),
    "SIGMA capture status": Target(records.CaptureStatus.decode, _payloads("9015")),
    "SIGMA snap": Target(records.Snap.decode, _payloads("901B")),
    "SIGMA API": Target(records.ApiInfo.decode, _payloads("9035")),
    "SIGMA status": Target(records.CameraStatus.decode, _payloads("902C")),
    "SIGMA directories": Target(
        lambda data: (ifd.decode_ifd(data, lenient=True), ifd.decode_ifd(data)), _payloads("903")
    ),
    "SIGMA choices": Target(can_set.CanSetInfo.decode, _payloads("9030")),
    **{
        f"SIGMA {dataset.name}": Target(
            _sigma(dataset), _payloads("9012", "9013", "9014", "9023", "9027", "9029", "903")
        )
        for dataset in sigma.Dataset
    },
    "SIGMA writes": Target(
        lambda data: groups.decode_group_write(data[0] % 5 + 1 if data else 1, data[1:]), _payloads("9017", "9018")
    ),
}
"""The targets by name. Whoever adds a decoder of a device's bytes adds it here."""


def _ip_samples() -> list[bytes]:
    """Return what a responder says on each of its connections, as scripts."""
    found = []
    for opcode, asking, accepting in (
        (1, InitCommandRequest(bytes(16), "camfs"), InitCommandAck(1, bytes(16), "fp")),
        (2, InitEventRequest(1), InitEventAck()),
    ):
        host, camera = IpConnection(Role.INITIATOR), IpConnection(Role.RESPONDER)
        _tell(host, camera, asking)
        accepted = _tell(camera, host, accepting)
        if opcode == 2:
            found.append(script((2, b""), (3, accepted), (3, _tell(camera, host, Event(0x4002, 0xFFFFFFFF, (7,))))))
            continue
        _tell(host, camera, Request(0x1009, 1))
        answer = _tell(camera, host, DataStart(0x1009, 1, 10), Data(bytes(10)), DataEnd(), Response(0x2001, 1))
        found.append(script((1, b""), (3, accepted), (0, b""), (3, answer)))
    return found


def _tell(speaker: IpConnection, listener: IpConnection, *messages: IpMessage) -> bytes:
    """Send messages from one side to the other, and return their bytes."""
    said = b"".join(bytes(piece) for message in messages for piece in speaker.send(message))
    listener.receive(said)
    _drain(listener.next_message)
    return said


TARGETS["IP initiator"].samples.extend(_ip_samples())
