"""The ways in which a PTP/IP responder can be hostile, each a function of the request that it is about: `KINDS`, one row for each.

Where camfs must see that something is wrong, the bytes of files are the true ones, cut or framed wrongly: whatever comes out of `cat`
without an error has to be right.
"""

import random
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress

from tests.torture.responder import (
    BUSY,
    COUNT,
    DATA,
    DEPTHS,
    END,
    EVENT,
    HANDLES,
    INIT_FAIL,
    OBJECT_INFO,
    OK,
    PARTIAL,
    PING,
    ROOT,
    STORAGE_IDS,
    UNKNOWN_LENGTH,
    Answer,
    Kind,
    Responder,
    Talk,
    array,
    content,
    object_info,
    packet,
    pause,
    reset,
)

# Data phases and responses


def endless(talk: Talk) -> None:
    """Send data without end."""
    talk.send(talk.start(UNKNOWN_LENGTH))
    piece = talk.data(talk.random.randbytes(1 << 16))
    while talk.lasts():
        talk.send(piece)
        pause()


def endless_empty(talk: Talk) -> None:
    """Send packets of no data without end."""
    talk.send(talk.start(UNKNOWN_LENGTH))
    while talk.lasts():
        talk.send(talk.data(b"") * 1000)
        pause()


def longer(talk: Talk) -> None:
    """Send more data than was announced, from one byte to some packets."""
    answer = talk.answer
    if answer.payload is None:
        talk.reply()
        return
    more = talk.random.choice((1, 2, 100, 70_000))
    _, *rest = talk.packets_of(Answer(OK, answer.payload + bytes(more), answer.parameters))
    talk.send(talk.start(len(answer.payload)), *rest)


def shorter(talk: Talk) -> None:
    """Announce four gigabytes, send a part of what there is, and say OK."""
    answer = talk.answer
    if answer.payload is None:
        talk.reply()
        return
    part = answer.payload[: talk.random.randrange(len(answer.payload) + 1)]
    talk.send(talk.start((1 << 32) - 1), talk.data(part, END), talk.response(OK, answer.parameters))


def claims(talk: Talk) -> None:
    """Announce 2^63 bytes, in a packet of 4 GiB, and send a thousand."""
    head = struct.pack("<III", (1 << 32) - 1, talk.random.choice((DATA, END)), talk.transaction)
    talk.send(talk.start(1 << 63), head + talk.random.randbytes(1000))


def one_byte_a_second(talk: Talk) -> None:
    """Answer rightly, one byte a second."""
    data = b"".join(talk.packets_of(talk.answer))
    for at in range(len(data)):
        if not talk.lasts():
            talk.send(data[at:])
            return
        talk.send(data[at : at + 1])
        time.sleep(1)


def starts(talk: Talk) -> None:
    """Announce data a hundred thousand times, and answer."""
    for _ in range(100):
        talk.send(talk.start(0) * 1000)
    talk.reply()


def without_data(talk: Talk) -> None:
    """Say OK where there should be data."""
    talk.reply(Answer(OK, None, talk.answer.parameters))


def without_response(talk: Talk) -> None:
    """Send the data and no response."""
    talk.send(*talk.packets_of(talk.answer)[:-1])


def wrong_transaction(talk: Talk) -> None:
    """Answer rightly, to a transaction that was never requested."""
    answer = talk.answer
    ahead = talk.random.choice((1, 7, -3, 1 << 31))
    stranger = Talk(talk.responder, talk.wire, talk.operation, talk.transaction + ahead & 0xFFFFFFFF, (), talk.random)
    talk.send(*stranger.packets_of(answer))


def old_responses(talk: Talk) -> None:
    """Answer the transaction before, without end."""
    while talk.lasts():
        talk.send(talk.response(ahead=-1) * 1000)
        pause()


# Said besides


def event_flood(talk: Talk) -> None:
    """Send events without end while a request is answered: of objects that do not exist, of stores that come and go."""
    codes = (0x4002, 0x4003, 0x4007, 0x4008, 0x400B, 0x4001, 0xC001, 0x4004, 0x4005)
    for _ in range(300):
        if not talk.lasts():
            break
        handles = (talk.random.choice((ROOT, 0, 1, 6, 101, 604, talk.random.randrange(1 << 32))) for _ in range(100))
        head = struct.pack("<HI", talk.random.choice(codes), 0xFFFFFFFF)
        flood = b"".join(packet(EVENT, head + struct.pack("<I", handle)) for handle in handles)
        for wire in tuple(talk.responder.events):
            with suppress(OSError):
                wire.sendall(flood)
    talk.reply()


def pings(talk: Talk) -> None:
    """Ask whether the initiator is there, a million times, and answer then."""
    for _ in range(1000):
        if not talk.lasts():
            break
        talk.send(packet(PING) * 1000)
        pause()
    talk.reply()


# Listings and descriptions


def cycles(talk: Talk) -> None:
    """List each folder in itself, with those above it."""
    if talk.operation == HANDLES:
        talk.reply(Answer(OK, array("I", [*range(1, DEPTHS[-1] + 1), *range(101, 105)])))
        return
    if talk.operation == OBJECT_INFO and talk.parameters[0] <= DEPTHS[-1]:
        talk.reply(Answer(OK, object_info(talk.parameters[0], parent=talk.random.choice((0, 1, 6)))))
        return
    talk.reply()


def duplicates(talk: Talk) -> None:
    """List each object many times, and give all the same name."""
    answer = talk.answer
    if talk.operation == HANDLES and answer.payload:
        talk.reply(answer, payload=array("I", struct.unpack(f"<{len(answer.payload) // 4}I", answer.payload)[1:] * 500))
        return
    if talk.operation == OBJECT_INFO:
        talk.reply(Answer(OK, object_info(talk.parameters[0], name="SAME.JPG")))
        return
    talk.reply()


def million_handles(talk: Talk) -> None:
    """List a million objects in each folder."""
    if talk.operation == HANDLES:
        talk.reply(Answer(OK, array("I", range(1, 1_000_001))))
        return
    if talk.operation == COUNT:
        talk.reply(Answer(OK, None, (1_000_000,)))
        return
    if talk.operation == OBJECT_INFO:
        handle = talk.parameters[0]
        talk.reply(Answer(OK, object_info(101, name=f"{handle}.JPG", parent=talk.random.randrange(7))))
        return
    talk.reply()


def disagree(talk: Talk) -> None:
    """Describe each object otherwise each time, with another size and in another folder."""
    chance = talk.random
    if talk.operation == COUNT:
        talk.reply(Answer(OK, None, (chance.randrange(1 << 32),)))
        return
    if talk.operation == OBJECT_INFO and talk.parameters[0] > DEPTHS[-1]:
        size = chance.choice((0, 1, 299_999, 1 << 31, (1 << 32) - 1))
        talk.reply(Answer(OK, object_info(talk.parameters[0], size=size, parent=chance.randrange(1 << 32))))
        return
    talk.reply()


def other_amounts(talk: Talk) -> None:
    """Give another part of the bytes than was asked for, and tell another number of them."""
    if talk.operation != PARTIAL:
        talk.reply()
        return
    handle, offset, size = talk.parameters
    data = content(handle)[offset : offset + talk.random.choice((0, 1, size - 1, size, size + 1, size * 2))]
    talk.reply(Answer(OK, data, (talk.random.choice((0, len(data), 1 << 31)),)))


def odd_names(talk: Talk) -> None:
    """Give objects names that no file can have, or that no terminal should get."""
    names = ("/", "..", ".", "\0", "a/../../b", "\x1b[2J\x1b]0;x\7", "\ud800", "\r\n", "x" * 254, "‮gpj.exe", "%2F", " ")
    if talk.operation == OBJECT_INFO:
        talk.reply(Answer(OK, object_info(talk.parameters[0], name=talk.random.choice(names))))
        return
    talk.reply()


def stores_that_change(talk: Talk) -> None:
    """List other stores each time: none, thousands, those that do not exist."""
    if talk.operation == STORAGE_IDS:
        stores = talk.random.choice(([], range(0x10001, 0x10001 + 5000), [0, ROOT, 0x10000], [0x10001] * 50))
        talk.reply(Answer(OK, array("I", stores)))
        return
    talk.reply()


# Bytes that mean nothing


def random_bytes(talk: Talk) -> None:
    """Send random bytes instead of packets."""
    talk.send(talk.random.randbytes(talk.random.choice((1, 7, 8, 100, 5000))))


def random_datasets(talk: Talk) -> None:
    """Send random bytes in packets that are right, and the bytes of files cut at random."""
    answer = talk.answer
    if answer.payload is None:
        talk.reply()
        return
    if talk.operation == PARTIAL:
        talk.reply(answer, payload=answer.payload[: talk.random.randrange(len(answer.payload))])
        return
    talk.reply(answer, payload=talk.random.randbytes(talk.random.choice((0, 1, 4, 53, 400, 70_000))))


def random_packets(talk: Talk) -> None:
    """Send packets of random types, lengths and bodies."""
    for _ in range(talk.random.randrange(1, 20)):
        body = talk.random.randbytes(talk.random.choice((0, 2, 4, 12, 40)))
        size = talk.random.choice((8 + len(body),) * 9 + (0, 7, 9, (1 << 32) - 1))
        talk.send(struct.pack("<II", size, talk.random.randrange(16)) + body)


# Refusals and silence


def busy(talk: Talk) -> None:
    """Be busy for ever."""
    talk.send(talk.response(BUSY))


def busy_altogether(talk: Talk) -> None:
    """Be busy for ever, also for who wants to open a session."""
    talk.send(talk.response(BUSY))


def refusals(talk: Talk) -> None:
    """Refuse with any code."""
    talk.send(talk.response(talk.random.choice((*range(0x2000, 0x2025), 0xA001, 0xA801, 0, 0xFFFF))))


def sessions_lost(talk: Talk) -> None:
    """Say that there is no session, whatever is asked, and open one each time that this is wanted."""
    talk.send(talk.response(0x2003))


def silent(talk: Talk) -> None:
    """Say nothing."""


def silent_after(talk: Talk) -> None:
    """Fall silent in the middle of an answer."""
    data = b"".join(talk.packets_of(talk.answer))
    talk.send(data[: talk.random.randrange(len(data))])


# Connections


def closes(talk: Talk) -> None:
    """Close the connection before some packet, or amid it."""
    data = b"".join(talk.packets_of(talk.answer))
    if talk.random.random() < 0.5:
        talk.reply()
        return
    talk.send(data[: talk.random.choice((0, 8, 20, talk.random.randrange(len(data))))])
    if talk.random.random() < 0.5:
        talk.wire.close()
    else:
        reset(talk.wire)


def hang_up(responder: Responder, wire: socket.socket) -> bool:
    """Close each new connection."""
    return False


def silent_handshake(responder: Responder, wire: socket.socket) -> bool:
    """Accept each new connection and say nothing."""
    while responder.kind is not None:
        time.sleep(0.1)
    return False


def odd_handshake(responder: Responder, wire: socket.socket) -> bool:
    """Answer each new connection with something else: random bytes, a refusal, another camera's identity."""
    chance = random.Random(time.monotonic_ns())
    other = struct.pack("<I", 1) + b"other camera's id" + "x\0".encode("utf-16-le") + struct.pack("<I", 0x10000)
    wire.sendall(
        chance.choice(
            (chance.randbytes(500), packet(INIT_FAIL, struct.pack("<I", chance.randrange(4))), packet(2, other))
        )
    )
    return False


def _at_door(greet: Callable[[Responder, socket.socket], bool]) -> Kind:
    return Kind(greet.__name__, greet=greet, drops=True)


TRUTHFUL = (
    endless, endless_empty, longer, shorter, claims, starts, without_data, without_response, random_datasets, busy, sessions_lost,
    silent_after, other_amounts, event_flood,
)  # fmt: skip
ALTOGETHER = (
    one_byte_a_second, wrong_transaction, old_responses, pings, random_bytes, random_packets, busy_altogether, refusals, silent, closes,
)  # fmt: skip
LYING = (cycles, duplicates, million_handles, disagree, odd_names, stores_that_change)

LATE = (event_flood, pings, starts, one_byte_a_second)

KINDS = (
    *(Kind(talk.__name__, talk, answers=talk in LATE) for talk in TRUTHFUL),
    *(Kind(talk.__name__, talk, spares_sessions=False, answers=talk in LATE) for talk in ALTOGETHER),
    *(Kind(talk.__name__, talk, lies=True) for talk in LYING),
    *(_at_door(greet) for greet in (hang_up, silent_handshake, odd_handshake)),
)
"""All kinds."""
