"""What camfs and the emulated cameras say to each other over PTP/IP, as Wireshark's dissector reads it.

The dissector is independent of the codec on both sides. It checks the fields of the packets that begin a connection, the type of every
packet, operation, response and event codes, transaction ids, the announced length of data, and that no packet is shorter than its
fields. It looks neither into data nor into parameters, except those of OpenSession.

It reads only the first packet of a TCP segment, and only if the segment contains all of it. So the packets are cut out of the captured
streams and shown to it one by one, as if they were PDUs from TCP port 15740.
"""

import json
import os
import random
import re
import signal
import socket
import struct
import subprocess
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from camfs.commands.sources import PTPIP_PORT
from camfs.protocols.ptp.codes import EventCode, Operation, ResponseCode, name_of
from camfs.protocols.ptp.packets import PacketType
from camfs.protocols.sigma.codes import SigmaOperation
from tests.mounted.mount import PATIENCE, Mount, mounted, run
from tests.peers.camera import ServedCamera, served

BEGIN, END = b"the capture begins here", b"the capture ends here"
"""Datagrams to the camera's port that nobody receives, but that appear in the capture."""

MOVIE = random.Random(0).randbytes((3 << 20) + 500)


class Capture:
    """Collects what dumpcap writes to its standard output."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.data = bytearray()
        self._process = process
        self._port = port
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        while data := os.read(self._process.stdout.fileno(), 1 << 16):
            with self._news:
                self.data += data
                self._news.notify_all()

    def mark(self, text: bytes) -> None:
        """Send a datagram until it appears: then dumpcap is capturing, and has written everything that was sent before."""
        with self._news, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            for _ in range(round(PATIENCE)):
                datagrams.sendto(text, ("127.0.0.1", self._port))
                if self._news.wait_for(lambda: text in self.data, 1):
                    return
        raise AssertionError("dumpcap captures nothing")

    def finish(self) -> None:
        """End dumpcap, and wait for the last bytes."""
        self._process.send_signal(signal.SIGINT)
        self._reader.join(PATIENCE)
        assert not self._reader.is_alive()


@contextmanager
def captured(port: int, file: Path) -> Iterator[None]:
    """Capture the traffic of a port of loopback into a file while the block runs."""
    words = ["dumpcap", "-q", "-i", "lo", "-f", f"port {port}", "-B", "64", "-w", "-"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            capture = Capture(process, port)
            capture.mark(BEGIN)
            yield
            capture.mark(END)
            capture.finish()
            assert process.stderr is not None
            said = process.stderr.read().decode()
            assert re.search(r"received/dropped on interface .*: \d+/0 ", said), said
        finally:
            process.kill()
    file.write_bytes(capture.data)


def streams(file: Path, port: int) -> dict[tuple[str, bool], bytes]:
    """Return what was sent, by stream and whether the camera sent it, in the order of the streams' beginning."""
    fields = ("tcp.stream", "tcp.srcport", "tcp.seq", "tcp.payload")
    sent: dict[tuple[str, bool], bytearray] = {}
    for stream, source, sequence, payload in tshark(file, *fields, only=f"tcp.port == {port} and tcp.len > 0"):
        data = sent.setdefault((stream, int(source) == port), bytearray())
        before = (
            len(data) + 1 - int(sequence)
        )  # on a busy machine, TCP sends bytes again whose acknowledgement comes late
        assert before >= 0, "a segment is missing"
        again, new = bytes.fromhex(payload)[:before], bytes.fromhex(payload)[before:]
        assert data[len(data) - before :].startswith(again)
        data += new
    return {key: bytes(data) for key, data in sent.items()}


def tshark(file: Path, *fields: str, only: str) -> list[list[str]]:
    """Return fields of the frames that a display filter lets through."""
    words = [word for name in fields for word in ("-e", name)]
    said = run("tshark", "-n", "-r", file, "-Y", only, "-T", "fields", *words, env={"HOME": str(file.parent)})
    return [line.split("\t") for line in said.stdout.splitlines()]


def packets(stream: bytes) -> Iterator[bytes]:
    """Cut a stream into packets by their lengths; it must end with one."""
    at = 0
    while at < len(stream):
        (length,) = struct.unpack_from("<I", stream, at)
        assert 8 <= length <= len(stream) - at
        yield stream[at : at + length]
        at += length


def write_pdus(file: Path, pdus: Iterable[bytes]) -> None:
    """Write packets of PTP/IP as a capture file of the link type WIRESHARK_UPPER_PDU: each behind tags that name its dissector.

    Tags are big endian: u16 tag, u16 length, value. 14 names a dissector table, 32 is the number in it, 0 ends them
    (Wireshark's epan/exported_pdu.h).
    """
    table = b"tcp.port"
    tags = struct.pack(">HH8sHHIHH", 14, len(table), table, 32, 4, PTPIP_PORT, 0, 0)
    with file.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, 252))
        for number, pdu in enumerate(pdus):
            length = len(tags) + len(pdu)
            out.write(struct.pack("<IIII", number, 0, length, length) + tags + pdu)


NUMBERS = ("pktType", "len", "opcode", "eventcode", "transactionID", "datalen", "connection")
TEXTS = ("guid", "name", "version")
"""Fields of the dissector. Its opcode is also a response's code."""

NONE = -1

NOT_SEEN = {PacketType.INIT_FAIL, PacketType.CANCEL, PacketType.PROBE_REQUEST, PacketType.PROBE_RESPONSE}
"""Types of packets that occur when something goes wrong."""


@dataclass(frozen=True)
class Packet:
    """A packet as the dissector reads it: `NONE`, or no text, for a field that it does not have.

    Attributes:
        by_camera: who sent it.
        code: of an operation, or of a response.
    """

    by_camera: bool
    type: PacketType
    length: int
    code: int
    event: int
    transaction: int
    data_length: int
    connection: int
    guid: str
    name: str
    version: str


def dissected(capture: Path, port: int) -> list[Packet]:
    """Return all packets of a capture, stream by stream, and see that the dissector has nothing to say against any."""
    sent = [(by_camera, pdu) for (_, by_camera), data in streams(capture, port).items() for pdu in packets(data)]
    file = capture.with_name("pdus.pcap")
    write_pdus(file, (pdu for _, pdu in sent))
    rows = tshark(file, *(f"ptpip.{name}" for name in (*NUMBERS, *TEXTS)), only="ptpip")
    assert tshark(file, "frame.number", "_ws.expert", only="_ws.malformed or _ws.expert") == []
    found = []
    for (by_camera, pdu), row in zip(sent, rows, strict=True):
        kind, length, code, event, transaction, data_length, connection = (
            int(text or str(NONE), 0) for text in row[:-3]
        )
        assert length == len(pdu)
        fields = (PacketType(kind), length, code, event, transaction, data_length, connection)
        found.append(Packet(by_camera, *fields, *row[-3:]))
    return found


def check_beginning(found: list[Packet], model: str) -> None:
    """See that two connections were made as they should, and that the packets of each kind come from the right side."""
    ask, ask_events, answer, answer_events = (
        next(packet for packet in found if packet.type is kind)
        for kind in (
            PacketType.INIT_COMMAND_REQUEST,
            PacketType.INIT_EVENT_REQUEST,
            PacketType.INIT_COMMAND_ACK,
            PacketType.INIT_EVENT_ACK,
        )
    )
    assert [packet.by_camera for packet in (ask, ask_events, answer, answer_events)] == [False, False, True, True]
    assert (answer.name, answer.version) == (model, "1.0")
    assert (ask.name.split()[0], ask.version) == ("camfs", "1.0")
    assert len(ask.guid) == len(answer.guid) == 32
    assert ask_events.connection == answer.connection > 0
    assert sum(packet.type <= PacketType.INIT_FAIL for packet in found) == 4


def check_transactions(found: list[Packet], camera: ServedCamera) -> None:
    """See that all else is transactions and events, and hold the transactions against what the camera says that it saw."""
    asked = [packet for packet in found if packet.type is PacketType.REQUEST]
    assert [packet.transaction for packet in asked] == list(range(len(asked)))
    lines = [json.loads(line) for line in camera.trace.read_text().splitlines()]
    seen = [(line["op"], line["out"], line["in"], line["result"]) for line in lines]
    known = sum(packet.type is PacketType.EVENT or packet.type <= PacketType.INIT_FAIL for packet in found)
    transactions = []
    for request in asked:
        parts = [packet for packet in found if packet.transaction == request.transaction and packet.event == NONE]
        known += len(parts)
        first, *out = (packet for packet in parts if not packet.by_camera)
        *back, response = (packet for packet in parts if packet.by_camera)
        assert (first, response.type) == (request, PacketType.RESPONSE)
        codes = SigmaOperation if request.code in set(SigmaOperation) else Operation
        result = name_of(ResponseCode, response.code)
        transactions.append((name_of(codes, request.code), check_data(out), check_data(back), result))
    assert known == len(found)
    last = len(asked) - 1
    assert transactions[:last] == seen[:last]  # the camera may not yet have written down the last
    assert transactions[last] == ("CloseSession", 0, 0, "OK")


def check_data(data: list[Packet]) -> int:
    """See that packets are a payload, and return its size; none are none."""
    if not data:
        return 0
    start, *middle, end = data
    assert (start.type, end.type) == (PacketType.START_DATA, PacketType.END_DATA)
    assert {packet.type for packet in middle} <= {PacketType.DATA}
    assert start.data_length == sum(packet.length - 12 for packet in data[1:])
    return start.data_length


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """Return a folder for a camera's card: a large file."""
    card = tmp_path / "card"
    (card / "DCIM/100TEST").mkdir(parents=True)
    (card / "DCIM/100TEST/FILE0001.MOV").write_bytes(MOVIE)
    return card


def use(mount: Mount) -> None:
    """List, read, take a picture and read it, write a setting."""
    listed = [path for path in (mount.path / "card").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in listed] == [MOVIE]
    (mount.path / ".capture").write_text("1")
    assert (mount.path / (mount.path / ".capture").read_text().strip()).read_bytes().startswith(b"\xff\xd8")
    (mount.path / ".settings/iso").write_text("400")


def test_a_mount_of_the_fp(card: Path, tmp_path: Path) -> None:
    with served("sigma-fp", tmp_path, "--card", str(card), "--snap_time", "0.05") as camera:
        with (
            captured(camera.port, tmp_path / "capture"),
            mounted(camera.source, tmp_path / "camfs", f"spool={tmp_path}/spool") as mount,
        ):
            use(mount)
            (mount.path / ".liveview.jpg").read_bytes()
            (mount.path / ".control").write_text("0")
            assert sorted(path.name for path in (mount.path / "card/DCIM").iterdir()) == ["100SIGMA", "100TEST"]
        found = dissected(tmp_path / "capture", camera.port)
        check_beginning(found, "SIGMA fp")
        check_transactions(found, camera)
    assert {packet.type for packet in found} == set(PacketType) - NOT_SEEN - {PacketType.EVENT}
    assert {packet.code for packet in found} >= {
        *(Operation.GetPartialObject, Operation.GetObjectHandles, SigmaOperation.ConfigApi),
        *(SigmaOperation.SnapCommand, SigmaOperation.GetBigPartialPictFile, SigmaOperation.SetCamDataGroup1),
        *(SigmaOperation.GetViewFrame, SigmaOperation.CloseApplication),
    }


def test_a_mount_of_a_camera_with_events(card: Path, tmp_path: Path) -> None:
    with served("ptp", tmp_path, "--card", str(card)) as camera:
        with captured(camera.port, tmp_path / "capture"), mounted(camera.source, tmp_path / "camfs") as mount:
            use(mount)
        found = dissected(tmp_path / "capture", camera.port)
        check_beginning(found, "PTP camera")
        check_transactions(found, camera)
    assert {packet.type for packet in found} == set(PacketType) - NOT_SEEN
    assert {packet.event for packet in found} >= {EventCode.ObjectAdded, EventCode.CaptureComplete}
    assert {packet.code for packet in found} >= {Operation.InitiateCapture, Operation.SetDevicePropValue}


@pytest.mark.parametrize("missing", range(1, 5))
def test_the_dissector_notices(missing: int, tmp_path: Path) -> None:
    """A packet whose last field is cut short."""
    name = "SIGMA fp\0".encode("utf-16-le")
    body = struct.pack("<I16s", 1, bytes(16)) + name + struct.pack("<I", 0x10000)[:-missing]
    file = tmp_path / "pdus.pcap"
    write_pdus(file, [struct.pack("<II", 8 + len(body), PacketType.INIT_COMMAND_ACK) + body])
    assert len(tshark(file, "frame.number", only="_ws.malformed")) == 1
