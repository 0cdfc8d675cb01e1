"""Reading parts of objects: which operation reads which bytes, and what is done when one fails.

Each of these is used where the camera lists it and, if it is a maker's own, on that maker's cameras alone:

==================================== =============== ===================================================================
operation                            reaches         trusted
==================================== =============== ===================================================================
GetPartialObject                     4 GiB           yes
GetPartialObject64 (Android's)       everything      yes
0x9431 GetPartialObjectEx (Nikon)    everything      yes
0x9172 GetPartialObject64 (Canon)    everything      after a trial, as the order of its parameters is not quite certain
0x9211 GetPartialLargeObject (Sony)  everything      after a trial
==================================== =============== ===================================================================

A trial reads some bytes that GetPartialObject reaches, which must be the same, and some behind 4 GiB, which must not be those at the same
place modulo 4 GiB (`_prove`). An operation that fails its trial is not used; what lies behind 4 GiB is then received whole.

What becomes of a request for a part::

    asked ─┬─ bytes, perhaps fewer than asked for ──────────────────────────────────► these bytes
           ├─ silence in the middle, or an end before the announced length ─────────► the bytes that have come
           ├─ the object or its store is not there; the camera is busy or gone ─────► the error
           ├─ OperationNotSupported ───► another operation, and never this one again
           ├─ its reply fills its last USB packet ───► a byte less; if that helps, so for all such from now on
           ├─ GeneralError, a stall, garbage ───► once more
           ├─ a stall or garbage again, or a refusal behind data ───────────────────► the error
           └─ refused with another code, silence, or no bytes at all ───────────────► None: the object has to be received whole

Of an object whose part could not be read, no part is asked for again. An operation that has failed for two objects, with none read in
between, or that has fallen silent and cost the session, is not used any more, until everything is listed again.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import trio

from camfs import errors
from camfs.cameras.ptp.operations import PtpOperations
from camfs.protocols.ptp.codes import MakerOperation, ObjectHandle, Operation, ResponseCode

log = logging.getLogger(__name__)

PIECE = 1 << 20
"""Most bytes asked of GetPartialObject: libgphoto2 asks so many, so cameras are used to it."""

REACH = 1 << 32
"""Bytes of an object that GetPartialObject can read: its offset has 32 bits."""

PACKET = 512
"""Bytes of a USB packet. A reply that fills its last packet must be followed by an empty one, which some cameras get wrong."""

CONTAINER_HEADER = 12

TRIAL = 1024
"""Bytes that a trial reads at a time, and where it begins."""

_TRANSIENT = (ResponseCode.GeneralError, ResponseCode.IncompleteTransfer)
"""Refusals that may pass."""

_NO_PARTS = (errors.Refused, errors.TransferTimeout)
"""Failures, without any data, of cameras that cannot read this part; it may be had by receiving the object whole."""

_NO_FAULT_OF_THE_PART = (errors.NotFound, errors.StoreUnavailable, errors.Busy, errors.DeviceGone)
"""Errors that say nothing about reading in parts."""

Payload = bytes | memoryview


@dataclass(frozen=True)
class LargeRead:
    """An operation that reads parts of objects of any size.

    Attributes:
        operation: its code.
        maker: what the Manufacturer in the DeviceInfo begins with, in small letters; "" for all.
        is_trusted: whether it needs no trial.
        parameters: returns its parameters behind the handle, for an offset and a number of bytes.
    """

    operation: int
    maker: str
    is_trusted: bool
    parameters: Callable[[int, int], tuple[int, ...]]


LARGE_READS = (
    LargeRead(Operation.GetPartialObject64, "", True, lambda at, size: (_low(at), at >> 32, size)),
    LargeRead(MakerOperation.NikonGetPartialObjectEx, "nikon", True, lambda at, size: (_low(at), at >> 32, size, 0)),
    LargeRead(MakerOperation.CanonGetPartialObject64, "canon", False, lambda at, size: (_low(at), size, at >> 32)),
    LargeRead(MakerOperation.CanonGetPartialObject64, "canon", False, lambda at, size: (_low(at), at >> 32, size)),
    LargeRead(MakerOperation.SonyGetPartialLargeObject, "sony", False, lambda at, size: (_low(at), at >> 32, size)),
)
"""Operations that reach behind 4 GiB, in the order in which they are tried.

Sources: camfs/protocols/ptp/README.md, "Sizes at and above 4 GiB".
"""


def _low(offset: int) -> int:
    return offset & 0xFFFFFFFF


class _Part:
    """The data of one reply, as far as they have come; `announced` is their length as the camera announced it, 0 if it did not."""

    def __init__(self) -> None:
        self._pieces: list[Payload] = []
        self.received = 0
        self.announced = 0

    def begin(self, length: int | None) -> None:
        self._pieces, self.received, self.announced = [], 0, length or 0

    async def take(self, data: Payload) -> None:
        self._pieces.append(data)
        self.received += len(data)

    def drop_last(self, count: int) -> None:
        """Take back the last bytes: they may not be the object's."""
        if count:
            self._pieces = [self.data[:-count]]
            self.received -= count

    @property
    def data(self) -> Payload:
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)


class PartialReads:
    """Reads parts of the objects of one camera.

    Args:
        operations: of the camera.
    """

    def __init__(self, operations: PtpOperations) -> None:
        self._operations = operations
        self._session = operations.session
        self._whole: set[ObjectHandle] = set()
        self._proven: set[LargeRead] = set()
        self._disproven: set[LargeRead] = set()
        self._spares_packets = False
        self._refused: dict[int, set[ObjectHandle]] = {}
        self._silent: dict[int, set[ObjectHandle]] = {}
        self._sessions_lost = 0
        self._one_at_a_time = trio.Lock()

    def forget(self, handle: ObjectHandle) -> None:
        """Read an object in parts again: it has changed, or is gone."""
        self._whole.discard(handle)

    def forget_all(self) -> None:
        """Read all objects in parts again: handles may mean others now."""
        self._whole.clear()

    def lose_session(self) -> None:
        """Note that the session was lost: what fell silent before is not risked again, nor what is being asked now."""
        self._sessions_lost += 1
        for operation in self._silent:
            self._give_up(operation, "has cost the session")

    def retry(self) -> None:
        """Try everything again that has failed."""
        for operation in (*self._silent, *self._refused):
            self._operations.try_again(operation)
        for record in (self._silent, self._refused, self._whole, self._disproven):
            record.clear()
        self._spares_packets = False

    def _give_up(self, operation: int, why: str) -> None:
        log.info("operation 0x%04X %s; it is not used any more", operation, why)
        self._operations.give_up(operation)

    # ------------------------------------------------------------------ what can be read

    def reaches(self, handle: ObjectHandle, end: int) -> bool:
        """Say whether the bytes of an object before `end` can be read in parts, as far as is known."""
        if handle in self._whole:
            return False
        return (end <= REACH and self._operations.has(Operation.GetPartialObject)) or bool(self._large_reads())

    def _large_reads(self) -> Sequence[LargeRead]:
        """Return the operations that reach behind 4 GiB: proven ones and those whose trial is still to come."""
        maker = self._operations.info.manufacturer.lower()
        return [
            each
            for each in LARGE_READS
            if self._operations.has(each.operation)
            and maker.startswith(each.maker)
            and each not in self._disproven
            and (self._is_good(each) or self._operations.has(Operation.GetPartialObject))
        ]

    def _is_good(self, large: LargeRead) -> bool:
        """Say whether an operation needs no trial any more."""
        return large.is_trusted or large in self._proven

    async def reaches_behind(self, handle: ObjectHandle) -> bool:
        """Say whether what lies behind 4 GiB in an object can be read in parts."""
        async with self._one_at_a_time:
            return await self._try_large_reads(handle, REACH)

    async def _try_large_reads(self, handle: ObjectHandle, offset: int) -> bool:
        """Find out whether bytes behind 4 GiB can be read in parts.

        Args:
            handle: an object that is larger.
            offset: a place in it behind 4 GiB.
        """
        for each in self._large_reads():
            if self._is_good(each):
                return True
            if await self._prove(each, handle, offset):
                self._proven.add(each)
                return True
            log.info("operation 0x%04X does not read as expected behind 4 GiB; not used", each.operation)
            self._disproven.add(each)
        return False

    async def _prove(self, large: LargeRead, handle: ObjectHandle, offset: int) -> bool:
        """Try an operation: it must read what GetPartialObject reads, and other bytes behind 4 GiB than at the same low offset."""
        try:
            expected = await self._ask(_Part(), Operation.GetPartialObject, handle, (TRIAL, TRIAL), TRIAL)
            found = await self._ask(_Part(), large.operation, handle, large.parameters(TRIAL, TRIAL), TRIAL)
            if not found or bytes(found) != bytes(expected):
                return False
            behind = await self._ask(_Part(), large.operation, handle, large.parameters(offset, TRIAL), TRIAL)
            low = await self._ask(_Part(), Operation.GetPartialObject, handle, (_low(offset), TRIAL), TRIAL)
        except errors.DeviceGone:
            raise
        except (errors.Refused, errors.TransportError, errors.RemoteProtocolError) as error:
            log.info("%s", error)
            return False
        return len(behind) > 0 and bytes(behind) != bytes(low[: len(behind)])

    # ------------------------------------------------------------------ reading

    async def count(self, handle: ObjectHandle, offset: int, size: int) -> int:
        """Return how many of some bytes an object has, in order to find its end.

        Raises:
            Refused: the camera does not read there.
            CameraError: it does not answer.
        """
        async with self._one_at_a_time:
            operation, parameters, size = self._request(offset, size)
            return len(await self._ask(_Part(), operation, handle, parameters, size))

    async def read(self, handle: ObjectHandle, offset: int, size: int) -> Payload | None:
        """Read a part of an object: at least one byte; None if it can only be received whole.

        Raises:
            CameraError: the object is not there, or this part of it is unreadable.
        """
        async with self._one_at_a_time:  # who waits here need not ask what has failed for another
            if offset + size > REACH and handle not in self._whole:
                await self._try_large_reads(handle, max(offset, REACH))
            while self.reaches(handle, offset + 1):
                try:
                    return await self._read(handle, offset, size)
                except errors.NotSupported as error:
                    if error.code != ResponseCode.OperationNotSupported:
                        raise
                    log.info("%s", error)
                    self._operations.give_up(self._request(offset, size)[0])
            return None

    async def _read(self, handle: ObjectHandle, offset: int, size: int) -> Payload | None:
        """Read a part, in another way if the first fails; None if there is none.

        Raises:
            CameraError: it is no use to read the object otherwise, or the camera does not know the operation.
        """
        once_more, sparing = True, self._spares_packets
        while True:
            shorter = sparing and size > 1 and _fills_packets(size)
            operation, parameters, asked = self._request(offset, size - 1 if shorter else size)
            part, failure = _Part(), None
            sessions_lost = self._sessions_lost
            try:
                await self._ask(part, operation, handle, parameters, asked)
            except _NO_FAULT_OF_THE_PART:
                raise
            except (errors.Refused, errors.TransportError, errors.RemoteProtocolError) as error:
                failure = error
            if failure is None and part.received:
                self._spares_packets = self._spares_packets or shorter
                self._refused.pop(operation, None)
                return part.data
            log.info("%d bytes at %d of object %#x: %s", asked, offset, handle, failure or "nothing comes")
            was_silent = isinstance(failure, errors.TransferTimeout)
            if isinstance(failure, errors.TransferTimeout):
                part.drop_last(failure.unfinished)
                if self._sessions_lost != sessions_lost:
                    self._give_up(operation, "has cost the session")
            fills = asked > 1 and _fills_packets(asked) and not sparing
            is_beginning = isinstance(failure, errors.TransferCut) and failure.sent in (None, 0, part.received)
            if 0 < part.received < part.announced and (was_silent or is_beginning):
                if was_silent and fills:
                    self._spares_packets = True
                elif was_silent:
                    self._note_failure(operation, handle, was_silent)
                return part.data
            if isinstance(failure, errors.Refused) and failure.code == ResponseCode.OperationNotSupported:
                raise failure
            if fills:
                sparing = True
            elif once_more and _may_pass(failure):
                once_more = False
            elif failure is not None and (part.received or not isinstance(failure, _NO_PARTS)):
                raise failure
            else:
                self._note_failure(operation, handle, was_silent)
                return None

    def _request(self, offset: int, size: int) -> tuple[int, tuple[int, ...], int]:
        """Return the operation that reads a part, its parameters behind the handle, and how many bytes it asks for.

        Raises:
            NotSupported: there is none.
        """
        size = min(size, PIECE)
        usable = next((each for each in self._large_reads() if self._is_good(each)), None)
        within = offset + size <= REACH or (offset < REACH and usable is None)
        if within and self._operations.has(Operation.GetPartialObject):
            size = min(size, REACH - offset)
            return Operation.GetPartialObject, (offset, size), size
        if usable is None:
            raise errors.NotSupported("this camera does not read parts of objects here")
        return usable.operation, usable.parameters(offset, size), size

    async def _ask(
        self, part: _Part, operation: int, handle: ObjectHandle, parameters: tuple[int, ...], size: int
    ) -> Payload:
        """Ask once for a part."""
        await self._session.transact(
            operation, handle, *parameters, sink=part.take, limit=size, repeatable=False, on_length=part.begin
        )
        return part.data

    def _note_failure(self, operation: int, handle: ObjectHandle, was_silent: bool) -> None:
        """Note that a part of an object could not be read: the object is received whole from now on, and after two of them all are."""
        self._whole.add(handle)
        # a camera that has fallen silent twice is not asked a third time, even if it has answered in between
        failed = (self._silent if was_silent else self._refused).setdefault(operation, set())
        failed.add(handle)
        if len(failed) > 1:
            self._give_up(operation, "fails again and again")


def _fills_packets(size: int) -> bool:
    """Say whether a reply of so many bytes fills its last packet."""
    return (CONTAINER_HEADER + size) % PACKET == 0


def _may_pass(failure: errors.CameraError | None) -> bool:
    """Say whether the same request may work if it is made once more."""
    if isinstance(failure, errors.Refused):
        return failure.code in _TRANSIENT
    return failure is not None and not isinstance(failure, errors.TransferTimeout)
