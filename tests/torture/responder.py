"""A PTP/IP responder of sockets and bytes alone, which shares no code with camfs, and can be told to answer as no camera should.

It serves one card, with files in a folder of depth 1 and in one of depth 6. A `Kind` of hostility says what becomes of each request, of
each new connection, or what is said besides; without one the responder is a good camera. Packets (CIPA DC-X005) are a u32 of the whole
length, a u32 of the type, and the fields.
"""

import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache

DEPTHS = (1, 6)
"""Depths of the folders that hold files."""

FILES = 4
"""Files in each of them."""

CARD, ROOT = 0x00010001, 0xFFFFFFFF
OK, BUSY = 0x2001, 0x2019
UNKNOWN_LENGTH = (1 << 64) - 1
GUID = b"\x5a" * 16

INIT_ACK, EVENT_INIT, EVENT_ACK, INIT_FAIL, REQUEST, RESPONSE, EVENT = 2, 3, 4, 5, 6, 7, 8
START, DATA, END, PING, PONG = 9, 10, 12, 13, 14

SESSIONS = (0x1001, 0x1002, 0x1003)
"""GetDeviceInfo, OpenSession, CloseSession."""
STORAGE_IDS, COUNT, HANDLES, OBJECT_INFO = 0x1004, 0x1006, 0x1007, 0x1008
PARTIAL = 0x101B
OPERATIONS = (0x1001, 0x1002, 0x1003, 0x1004, 0x1005, 0x1006, 0x1007, 0x1008, 0x1009, 0x100A, 0x100B, 0x101B)

THUMBNAIL = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xd9"


def text(value: str) -> bytes:
    """Return a PTP string."""
    return bytes([len(value) + 1]) + (value + "\0").encode("utf-16-le", "surrogatepass") if value else b"\0"


def array(form: str, values: Sequence[int]) -> bytes:
    """Return a PTP array."""
    return struct.pack(f"<I{len(values)}{form}", len(values), *values)


def packet(kind: int, body: bytes = b"") -> bytes:
    """Return a packet."""
    return struct.pack("<II", 8 + len(body), kind) + body


@cache
def content(handle: int) -> bytes:
    """Return the bytes of a file, which no other file has."""
    return random.Random(handle).randbytes(300_000 + handle)


def files_at(depth: int) -> dict[int, str]:
    """Return the files of the folder at a depth: their names by their handles. Its folders have the depth for a handle."""
    return {100 * depth + number: f"{depth}{number}.JPG" for number in range(1, FILES + 1)} if depth in DEPTHS else {}


def folder_at(depth: int) -> str:
    """Return the path of the folder at a depth, below the mount point."""
    return "/".join(["card", *(f"D{each}" for each in range(1, depth + 1))])


@dataclass(frozen=True)
class Answer:
    """A response, and the payload before it, None for no data phase."""

    code: int = OK
    payload: bytes | None = None
    parameters: tuple[int, ...] = ()


def object_info(handle: int, *, name: str = "", parent: int | None = None, size: int | None = None) -> bytes:
    """Return the ObjectInfo of a folder or file, with other fields than the true ones if they are given."""
    is_folder = handle <= DEPTHS[-1]
    above = handle - 1 if is_folder else handle // 100
    told = 0 if is_folder else len(content(handle)) if size is None else size
    numbers = (CARD, 0x3001 if is_folder else 0x3801, 0, told, 0x3808, len(THUMBNAIL), 160, 120, 0, 0, 0)
    place = (above if parent is None else parent, int(is_folder), 0, 0)
    name = name or (f"D{handle}" if is_folder else files_at(handle // 100)[handle])
    dates = text("20240102T030405") * 2
    return struct.pack("<IHHIHIIIIII", *numbers) + struct.pack("<IHII", *place) + text(name) + dates + text("")


def children(parent: int) -> list[int]:
    """Return the handles of what lies in a folder; ROOT is the card itself."""
    depth = 0 if parent == ROOT else parent
    return ([depth + 1] if depth < DEPTHS[-1] else []) + list(files_at(depth))


def is_known(handle: int) -> bool:
    """Say whether an object has this handle."""
    return 1 <= handle <= DEPTHS[-1] or handle in files_at(handle // 100)


def device_info() -> bytes:
    """Return the DeviceInfo."""
    lists = (OPERATIONS, (0x4002, 0x4003, 0x4004, 0x4005), (), (), (0x3001, 0x3801))
    names = ("Camfs", "Hostile", "1", "13")
    head = struct.pack("<HIH", 100, 0, 0) + text("") + struct.pack("<H", 0)
    return head + b"".join(array("H", each) for each in lists) + b"".join(map(text, names))


def true_answer(operation: int, parameters: Sequence[int]) -> Answer:
    """Return what a good camera answers."""
    first, second, third, *_ = (*parameters, 0, 0, 0)
    match operation:
        case 0x1001:
            return Answer(payload=device_info())
        case 0x1002 | 0x1003:
            return Answer()
        case 0x1004:
            return Answer(payload=array("I", [CARD]))
        case 0x1005:
            numbers = struct.pack("<HHHQQI", 4, 3, 0, 32 << 30, 16 << 30, 1000)
            return Answer(payload=numbers + text("SD") + text(""))
        case 0x1006:
            return Answer(parameters=(len(children(third)),))
        case 0x1007:
            return Answer(payload=array("I", children(third)))
    if operation not in OPERATIONS:
        return Answer(0x2005)
    if not is_known(first):
        return Answer(0x2009)
    match operation:
        case 0x1008:
            return Answer(payload=object_info(first))
        case 0x1009:
            return Answer(payload=content(first))
        case 0x100A:
            return Answer(payload=THUMBNAIL)
        case 0x101B:
            data = content(first)[second : second + third]
            return Answer(payload=data, parameters=(len(data),))
    return Answer(0x200D)


@dataclass
class Talk:
    """One request, and the connection on which it is answered.

    Attributes:
        responder: whose connection it is.
        wire: the connection.
        operation, transaction, parameters: of the request.
        random: for choices; its state goes on from request to request.
    """

    responder: "Responder"
    wire: socket.socket
    operation: int
    transaction: int
    parameters: tuple[int, ...]
    random: random.Random

    @property
    def answer(self) -> Answer:
        """What a good camera answers."""
        return true_answer(self.operation, self.parameters)

    def lasts(self) -> bool:
        """Say whether the hostility that began the answer still goes on."""
        return self.responder.kind is not None

    def send(self, *packets: bytes) -> None:
        """Send bytes; the responder's end of the connection fails if the other end has left."""
        data = b"".join(packets)
        self.wire.sendall(data)
        self.responder.packets += len(packets)

    def start(self, length: int) -> bytes:
        """Return the packet that announces data."""
        return packet(START, struct.pack("<IQ", self.transaction, length))

    def data(self, payload: bytes, kind: int = DATA) -> bytes:
        """Return a packet of data."""
        return packet(kind, struct.pack("<I", self.transaction) + payload)

    def response(self, code: int = OK, parameters: Sequence[int] = (), ahead: int = 0) -> bytes:
        """Return a response, to a transaction so many ahead of the one that was requested."""
        head = struct.pack("<HI", code, (self.transaction + ahead) % (1 << 32))
        return packet(RESPONSE, head + struct.pack(f"<{len(parameters)}I", *parameters))

    def packets_of(self, answer: Answer) -> list[bytes]:
        """Return the packets of an answer."""
        end = self.response(answer.code, answer.parameters)
        if answer.payload is None:
            return [end]
        return [self.start(len(answer.payload)), self.data(answer.payload, END), end]

    def reply(self, answer: Answer | None = None, **changes: object) -> None:
        """Answer: as a good camera, or with this answer, or with changes to the good one."""
        self.send(*self.packets_of(replace(answer or self.answer, **changes)))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Kind:
    """A kind of hostility.

    Attributes:
        name: of it.
        talk: answers a request.
        greet: is given each new connection, before it is served; returns whether it is to be served at all.
        spares_sessions: whether requests about the camera and its session are answered rightly, so that it can be believed in at all.
        drops: whether all connections are closed when it begins.
        lies: whether the bytes, names or sizes that it tells are other than those of the good camera, so that they prove nothing.
        answers: whether it answers rightly in the end, however late: a walk through folders then is several requests that each take long.
    """

    name: str
    talk: Callable[[Talk], None] = Talk.reply
    greet: Callable[["Responder", socket.socket], bool] = lambda responder, wire: True
    spares_sessions: bool = True
    drops: bool = False
    lies: bool = False
    answers: bool = False


@dataclass
class Responder:
    """Listens on loopback, in threads of its own, until it is closed.

    Attributes:
        kind: how it is hostile now; None for a good camera.
        requests, packets: how many it got and sent.
    """

    seed: int
    kind: Kind | None = None
    requests: int = 0
    packets: int = 0
    wires: list[socket.socket] = field(default_factory=list)
    events: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.source = f"ptpip:127.0.0.1:{self._listener.getsockname()[1]}"
        self._random = random.Random(self.seed)
        threading.Thread(target=self._accept, daemon=True).start()

    def turn(self, kind: Kind | None) -> None:
        """Become hostile, or good again."""
        self.kind = kind
        if kind is not None and kind.drops:
            self.drop()

    def drop(self) -> None:
        """Close all connections."""
        wires, self.wires, self.events = self.wires, [], []
        for wire in wires:
            close(wire)

    def close(self) -> None:
        """End."""
        close(self._listener)
        self.drop()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                wire = self._listener.accept()[0]
                wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.wires.append(wire)
                threading.Thread(target=self._serve, args=(wire,), daemon=True).start()

    def _serve(self, wire: socket.socket) -> None:
        try:
            if self.kind is not None and not self.kind.greet(self, wire):
                return
            kind, _ = receive(wire)
            if kind == EVENT_INIT:
                wire.sendall(packet(EVENT_ACK))
                self.events.append(wire)
                self._listen(wire)
            else:
                name = "hostile\0".encode("utf-16-le")
                wire.sendall(packet(INIT_ACK, struct.pack("<I", 1) + GUID + name + struct.pack("<I", 0x10000)))
                self._talk(wire)
        except (OSError, EOFError):
            pass  # the initiator has left, or this side has closed the connection
        finally:
            close(wire)

    def _listen(self, wire: socket.socket) -> None:
        while True:
            if receive(wire)[0] == PING:
                wire.sendall(packet(PONG))

    def _talk(self, wire: socket.socket) -> None:
        while True:
            kind, body = receive(wire)
            if kind == PING:
                wire.sendall(packet(PONG))
            if kind != REQUEST:
                continue
            _, operation, transaction = struct.unpack_from("<IHI", body)
            parameters = struct.unpack_from(f"<{(len(body) - 10) // 4}I", body, 10)
            self.requests += 1
            talk = Talk(self, wire, operation, transaction, parameters, self._random)
            hostile = self.kind
            if hostile is None or (hostile.spares_sessions and operation in SESSIONS):
                talk.reply()
            else:
                hostile.talk(talk)


def receive(wire: socket.socket) -> tuple[int, bytes]:
    """Receive a packet.

    Raises:
        EOFError: the connection has ended.
    """
    size, kind = struct.unpack("<II", exactly(wire, 8))
    return kind, exactly(wire, size - 8)


def exactly(wire: socket.socket, size: int) -> bytes:
    """Receive so many bytes."""
    got = b""
    while len(got) < size:
        data = wire.recv(size - len(got))
        if not data:
            raise EOFError
        got += data
    return got


def close(wire: socket.socket) -> None:
    """Close a connection, also under a call of another thread."""
    with suppress(OSError):
        wire.shutdown(socket.SHUT_RDWR)
    wire.close()


def reset(wire: socket.socket) -> None:
    """Close a connection so that the other end gets an error instead of an end."""
    with suppress(OSError):
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.close()


def pause() -> None:
    """Let others run for a moment, in a flood."""
    time.sleep(0.001)
