"""Shots that wait in a body for this computer: announced by a record, read in pieces, and then let go by TransferComplete.

A body holds such a shot, and takes no other, until it is let go. It may use the handle again for the next one. So a shot is read within one
PTP session: in the next one the body announces anew what waits, and only a record that says the same of a handle means the same shot.
"""

from camfs import errors
from camfs.cameras.canon_eos.operations import NOT_NOW, CanonOperations
from camfs.cameras.ptp.driver import PtpCamera
from camfs.cameras.tethered.body import Keep, WaitingShot
from camfs.cameras.tethered.not_now import while_not_now
from camfs.protocols.canon_eos.codes import MAX_PIECE, CanonOperation
from camfs.protocols.canon_eos.events import TransferRequested
from camfs.protocols.ptp.codes import SIZE_UNKNOWN, ObjectFormat, Operation

NOT_READY = 10.0
"""Seconds for which a shot that waits may not be ready to be read."""

MOST_BYTES = 1 << 34
"""Bytes of a shot: more than any movie has."""

_ENDINGS = {ObjectFormat.EXIF_JPEG: "JPG", 0xB101: "CRW", 0xB103: "CR2", 0xB108: "CR3", ObjectFormat.QuickTime: "MOV"}
"""What names end in, by format, of shots that come without a name."""


class WaitingShots:
    """The shots that wait in one body.

    Args:
        ptp: the same camera, opened.
        operations: of the body.
    """

    def __init__(self, ptp: PtpCamera, operations: CanonOperations) -> None:
        self._ptp = ptp
        self._operations = operations
        self._announced: dict[int, TransferRequested] = {}

    def __bool__(self) -> bool:
        return bool(self._announced)

    def note(self, event: TransferRequested) -> bool:
        """Note a record; return whether it announces a shot that was not announced before."""
        is_new = self._announced.get(event.handle) != event
        self._announced[event.handle] = event
        return is_new

    def clear(self) -> None:
        """Note that none waits."""
        self._announced.clear()

    def describe(self, handle: int) -> WaitingShot:
        """Describe a shot.

        Raises:
            NotFound: the body holds none of this handle.
        """
        event = self._announced.get(handle)
        if event is None:
            raise errors.NotFound(f"the camera holds no shot 0x{handle:08X}")
        ending = _ENDINGS.get(event.object_format, "BIN")
        name = event.name or f"IMG_{handle & 0xFFFF:04X}.{ending}"
        return WaitingShot(handle, name, 0 if event.size == SIZE_UNKNOWN else event.size)

    async def read(self, shot: WaitingShot, keep: Keep) -> int:
        """Read a shot in pieces. It ends at the size that the body has announced, or, if it announced none, where it gives no more.

        Raises:
            NotFound: the body does not hold it any more.
            RemoteProtocolError: it gives less than it has announced.
            TransferTimeout: the session was lost meanwhile; the shot has to be read from its beginning.
        """
        size, epoch = 0, self._ptp.epoch
        while size < (shot.size or MOST_BYTES):
            piece = await self._read_piece(shot.handle, size, min(MAX_PIECE, (shot.size or MOST_BYTES) - size))
            if self._ptp.epoch != epoch:
                raise errors.TransferTimeout(
                    f"{shot.name}: the connection was lost while it was read; it is read again"
                )
            if not piece:
                break
            await keep(size, piece)
            size += len(piece)
        if size < shot.size:
            raise errors.RemoteProtocolError(f"{shot.name}: the camera gave {size} of {shot.size} bytes")
        return size

    async def _read_piece(self, handle: int, offset: int, size: int) -> bytes | memoryview:
        operation: int = Operation.GetPartialObject
        parameters: tuple[int, ...] = (handle, offset, size)
        if offset + size > SIZE_UNKNOWN:
            operation = CanonOperation.CanonGetPartialObject64
            parameters = (handle, offset & SIZE_UNKNOWN, size, offset >> 32)
        elif Operation.GetPartialObject not in self._ptp.info.operations:
            operation = CanonOperation.CanonGetPartialObject
        try:
            reply = await while_not_now(
                lambda: self._ptp.session.transact(
                    operation, *parameters, limit=size, repeatable=True, same_session=True
                ),
                NOT_NOW,
                NOT_READY,
            )
        except errors.NotFound:
            self._announced.pop(handle, None)  # the body was switched off, for example
            raise
        return reply.data

    async def let_go(self, shot: WaitingShot) -> None:
        """Let the body forget a shot. One that it refuses to forget is not announced any more either.

        Raises:
            Busy: the body cannot do it now.
            Refused: it does not know the shot.
        """
        try:
            await self._operations.insist(CanonOperation.TransferComplete, shot.handle)
        except errors.Busy:
            raise
        except errors.Refused:
            self._announced.pop(shot.handle, None)
            raise
        self._announced.pop(shot.handle, None)
