"""Payloads of every size, also beyond 4 GiB: how they are cut into bulk writes, and that they pass without standing in memory."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from camfs.protocols.ptp.codes import Operation
from camfs.protocols.ptp.containers import UsbConnection
from camfs.protocols.ptp.messages import Data, DataEnd, DataStart, Message, Request, Response, Role
from tests.protocols.ptp.dialogue import DATA, RESPONSE, Dialogue, container

GET = int(Operation.GetObject)
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
UNKNOWN = 0xFFFFFFFF


def sizes(packet: int) -> list[int]:
    """List sizes around multiples of M, and those at which hosts change how they read."""
    around = [count * packet - 12 + more for count in (1, 2, 16) for more in (-1, 0, 1)]
    return [0, 1, *around, 512 * KIB - 12, 512 * KIB, MIB, MIB + 1]


CASES = [(packet, size) for packet in (64, 512, 1024) for size in sizes(packet)]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("pieces", [1, 2, 7, 1000])
@pytest.mark.parametrize(("packet", "size"), CASES)
def test_a_container_is_cut_into_whole_packets_and_a_short_one(packet: int, size: int, pieces: int, role: Role) -> None:
    payload = (bytes(range(251)) * (size // 251 + 1))[:size]
    piece = size // pieces + 1
    sender = UsbConnection(role, packet)
    writes = sender.send(DataStart(GET, 7, size))
    for start in range(0, size, piece):
        writes += sender.send(Data(memoryview(payload)[start : start + piece]))
    writes += sender.send(DataEnd())

    assert b"".join(writes) == container(DATA, GET, 7, payload)
    assert all(write and len(write) % packet == 0 for write in writes[:-1])
    assert len(writes[-1]) < packet
    assert (writes[-1] == b"") == ((size + 12) % packet == 0)


@pytest.mark.parametrize(("packet", "size"), CASES)
def test_a_split_header_leaves_the_payload_to_transfers_of_its_own(packet: int, size: int) -> None:
    sender = UsbConnection(Role.RESPONDER, packet, split_header=True)
    payload = bytes(size)
    first = sender.send(DataStart(GET, 7, size))
    rest = [*sender.send(Data(payload)), *sender.send(DataEnd())]
    if not size:
        assert (first, rest) == ([], [container(DATA, GET, 7)])
        return
    assert first == [container(DATA, GET, 7, b"", 12 + size)]
    assert b"".join(rest) == payload
    assert all(write and len(write) % packet == 0 for write in rest[:-1])
    assert (rest[-1] == b"") == (size % packet == 0)


@pytest.mark.parametrize(("packet", "size"), CASES)
def test_a_device_without_zero_length_packets_writes_all_but_them(packet: int, size: int) -> None:
    sender = UsbConnection(Role.RESPONDER, packet, zero_length_packets=False)
    writes = [*sender.send(DataStart(GET, 7, size)), *sender.send(Data(bytes(size))), *sender.send(DataEnd())]
    assert b"" not in writes
    assert b"".join(writes) == container(DATA, GET, 7, bytes(size))


@pytest.mark.parametrize("split_header", [False, True])
@pytest.mark.parametrize(("packet", "size"), CASES)
def test_every_size_arrives(packet: int, size: int, split_header: bool) -> None:
    dialogue = Dialogue(packet, read_size=512 * KIB, split_header=split_header)
    messages: list[Message] = [DataStart(GET, 7, size), DataEnd(), Response(0x2001, 7)]
    if size:
        messages.insert(1, Data(bytes(range(256)) * (size // 256) + bytes(size % 256)))
    dialogue.ask(Request(GET, 7))
    assert dialogue.answer(*messages) == messages


# beyond 4 GiB


@contextmanager
def little_memory(limit: int) -> Iterator[None]:
    """See that no more than `limit` bytes are in use at any time."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("speaker", Role)
@pytest.mark.parametrize("size", [4 * GIB - 14, 4 * GIB - 13, 4 * GIB - 1, 4 * GIB, 5 * GIB])
def test_gigabytes_pass_without_standing_in_memory(size: int, speaker: Role) -> None:
    packet = 1024
    initiator, responder = UsbConnection(Role.INITIATOR, packet), UsbConnection(Role.RESPONDER, packet)
    sender, receiver = (initiator, responder) if speaker is Role.INITIATOR else (responder, initiator)
    (request,) = initiator.send(Request(GET, 7))
    responder.receive(request, True)
    assert responder.next_message() == Request(GET, 7)

    block = memoryview(bytes(MIB))
    starts: list[DataStart] = []
    arrived = 0
    left = size
    with little_memory(8 * MIB):
        assert sender.send(DataStart(GET, 7, size)) == []
        while left:
            piece = block[: min(left, MIB)]
            left -= len(piece)
            for write in sender.send(Data(piece)):
                assert len(write) % packet == 0
                receiver.receive(write, False)
                while (message := receiver.next_message()) is not None:
                    if isinstance(message, DataStart):
                        starts.append(message)
                    else:
                        assert isinstance(message, Data)
                        arrived += len(message.payload)
        (last,) = sender.send(DataEnd())
        assert len(last) == (size + 12) % packet
        receiver.receive(last, True)
        while (message := receiver.next_message()) != DataEnd():
            assert isinstance(message, Data)
            arrived += len(message.payload)
    assert starts == [DataStart(GET, 7, size if size + 12 < UNKNOWN else None)]
    assert arrived == size
    assert receiver.next_message() is None


def test_a_stale_payload_of_gigabytes_is_dropped_without_standing_in_memory() -> None:
    initiator = UsbConnection(Role.INITIATOR, 1024)
    initiator.send(Request(GET, 7))
    block = bytes(MIB)
    initiator.receive(container(DATA, GET, 6, b"", UNKNOWN), True)
    with little_memory(MIB):
        for _ in range(5 * KIB):
            initiator.receive(block, False)
            assert initiator.next_message() is None
    initiator.receive(b"", True)
    initiator.receive(container(RESPONSE, 0x2001, 7), True)
    assert initiator.next_message() == Response(0x2001, 7)
