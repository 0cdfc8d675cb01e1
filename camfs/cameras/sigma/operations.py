"""The SIGMA's operations over a PTP session, a method for each: payloads in, values out.

They are listed in camfs/protocols/sigma/README.md, "Operation table". Nothing here decides when an operation may be sent, but for three
rules that always hold: what the camera does not list is not sent; what takes the camera off the bus is never sent (`Hazard`); and what
depends on an id or an address is not sent in another PTP session than the one that is open, because it may mean another shot there.
"""

from collections.abc import Sequence

from camfs import errors
from camfs.cameras.ptp.session import Session
from camfs.cameras.ptp.transaction import Reply
from camfs.protocols.ptp.codes import DataPhase, ResponseCode, name_of
from camfs.protocols.sigma import datasets, records
from camfs.protocols.sigma.can_set import CanSetInfo
from camfs.protocols.sigma.codes import MAX_PARTIAL, NOT_INITIALISED, Hazard, SigmaOperation, SnapMode
from camfs.protocols.sigma.datasets import Dataset, Value, Values
from camfs.protocols.sigma.records import ApiInfo, CameraStatus, CaptureStatus, Movie, Picture, Snap

MAX_PAYLOAD = 1 << 20
"""Bytes of any payload but pictures, movies and frames: a hundred times the largest that was seen."""

MAX_FRAME = 16 << 20
"""Bytes of a view frame; those seen have 600 to 644 KB."""

PROBE_TIMEOUT = 1.0
"""Seconds for the answer to the one question that tells whether the body is under remote control."""

PICTURE_TIMEOUT = 5.0
"""Seconds without a byte of picture data (camfs/protocols/sigma/README.md, "PictFileInfo2, GetBigPartialPictFile, ClearImageDBSingle")."""

_HAZARDS: dict[int, Hazard] = {int(operation): operation.hazard for operation in SigmaOperation}


class SigmaOperations:
    """The vendor operations.

    Args:
        session: the PTP session.
        listed: the operations that the camera lists.
    """

    def __init__(self, session: Session, listed: Sequence[int]) -> None:
        self._session = session
        self._listed = frozenset(listed)

    def has(self, operation: int) -> bool:
        """Say whether the camera lists an operation."""
        return operation in self._listed

    def check(self, operation: int) -> None:
        """Refuse what the camera does not list, and what takes it off the bus.

        Raises:
            NotPermitted: it takes the camera off the bus.
            NotSupported: the camera does not list it.
        """
        if _HAZARDS.get(operation) is Hazard.FATAL:
            raise errors.NotPermitted(f"{name_of(SigmaOperation, operation)} takes the camera off the bus")
        if not self.has(operation):
            raise errors.NotSupported(f"this camera has no {name_of(SigmaOperation, operation)}")

    async def _transact(
        self,
        operation: SigmaOperation,
        *parameters: int,
        data: bytes | None = None,
        limit: int = MAX_PAYLOAD,
        timeout: float | None = None,
        urgent: bool = True,
        same_session: bool = False,
    ) -> Reply:
        self.check(operation)
        reads = (
            operation.data_phase is DataPhase.IN
            and operation.hazard is Hazard.NONE
            and operation is not SigmaOperation.ConfigApi
        )
        return await self._session.transact(
            operation,
            *parameters,
            data=data,
            limit=limit,
            timeout=timeout,
            repeatable=reads,
            same_session=same_session,
            urgent=urgent,
        )

    # ------------------------------------------------------------------ remote control

    async def config_api(self) -> ApiInfo:
        """0x9035: acquire remote control; the body's buttons are dead from now on. A second one in a PTP session changes nothing."""
        return ApiInfo.decode((await self._transact(SigmaOperation.ConfigApi)).data)

    async def close_application(self) -> None:
        """0x902F: release remote control; the camera's image database is emptied."""
        await self._transact(SigmaOperation.CloseApplication, data=records.CLOSE)

    async def probe(self) -> CaptureStatus | None:
        """0x9015: one try with a short timeout; None unless the body is under remote control.

        Raises:
            TransferTimeout: no answer at all. A standalone body may do that too.
        """
        operation = SigmaOperation.GetCamCaptStatus
        if not self.has(operation):
            return None
        try:
            reply = await self._session.transact(
                operation, 0, limit=MAX_PAYLOAD, timeout=PROBE_TIMEOUT, repeatable=False, urgent=True
            )
        except errors.Refused as error:
            if error.code not in (NOT_INITIALISED, ResponseCode.OperationNotSupported):
                raise
            return None
        return CaptureStatus.decode(reply.data) if reply.data else None

    async def status(self) -> CameraStatus:
        """0x902C: what has changed and was not read since."""
        return CameraStatus.decode((await self._transact(SigmaOperation.GetCamStatus2)).data)

    # ------------------------------------------------------------------ settings

    async def read(self, dataset: Dataset) -> dict[str, Value]:
        """0x9012 to 0x9014, 0x9023, 0x9027, 0x9029, 0x9031, 0x9033: read a group."""
        return datasets.decode(dataset, (await self._transact(dataset.reads)).data)

    async def write(self, dataset: Dataset, values: Values) -> None:
        """0x9016 to 0x9018, 0x9024, 0x9028, 0x9032, 0x9034: write fields of a group. OK does not say that the camera uses them.

        Raises:
            NotPermitted: group 6, of which nothing is known, and AudioRecord, which breaks movie transfer until a power cycle.
        """
        if dataset is Dataset.GROUP6:
            raise errors.NotPermitted("group 6 is unknown and is not written")
        if "AudioRecord" in values:
            raise errors.NotPermitted("writing AudioRecord breaks movie transfer until the camera is switched off")
        await self._transact(dataset.writes, data=datasets.encode(dataset, values))

    async def can_set(self) -> CanSetInfo:
        """0x9030: read what can be set now."""
        return CanSetInfo.decode((await self._transact(SigmaOperation.GetCamCanSetInfo5)).data)

    # ------------------------------------------------------------------ pictures

    async def capture_status(self, image_id: int) -> CaptureStatus:
        """0x9015: read the database's head and tail, and the state of one entry."""
        reply = await self._transact(SigmaOperation.GetCamCaptStatus, image_id)
        return CaptureStatus.decode(reply.data)

    async def snap(self, mode: int, amount: int = 1) -> None:
        """0x901B: take pictures, drive the focus, start or stop a movie. Never sent twice: it is not idempotent."""
        await self._transact(SigmaOperation.SnapCommand, data=Snap(mode, amount).encode(), same_session=True)

    async def stop_capture(self) -> None:
        """0x901B, mode 7: end a bulb exposure, or what the interval timer goes on with. Sent again if need be: it must not be lost."""
        self.check(SigmaOperation.SnapCommand)
        await self._session.transact(
            SigmaOperation.SnapCommand, data=Snap(SnapMode.STOP_CAPTURE).encode(), repeatable=True, urgent=True
        )

    async def clear(self, image_id: int) -> None:
        """0x901C: clear an entry of the database."""
        await self._transact(SigmaOperation.ClearImageDBSingle, image_id, data=records.CLEAR, same_session=True)

    async def pictures(self) -> tuple[Picture, ...]:
        """0x902D: read the records of the pictures that wait."""
        return records.decode_pictures((await self._transact(SigmaOperation.GetPictFileInfo2)).data)

    async def read_picture(self, address: int, offset: int, size: int) -> memoryview:
        """0x9022: read a piece of a picture, `MAX_PARTIAL` bytes at most; it may be shorter, and is empty past the end."""
        assert 0 < size <= MAX_PARTIAL
        reply = await self._transact(
            SigmaOperation.GetBigPartialPictFile,
            address,
            offset,
            size,
            limit=size + 64,
            timeout=PICTURE_TIMEOUT,
            urgent=False,
            same_session=True,
        )
        return records.decode_partial(reply.data)[:size]

    async def view_frame(self) -> bytes | None:
        """0x902B: fetch a view frame, a JPEG; None if there is none now."""
        self.check(SigmaOperation.GetViewFrame)
        try:
            reply = await self._session.transact(
                SigmaOperation.GetViewFrame, limit=MAX_FRAME, repeatable=True, waits_while_busy=False
            )
        except errors.Busy:
            return None
        return records.decode_view_frame(reply.data)

    # ------------------------------------------------------------------ movies

    async def movie(self, image_id: int) -> Movie | None:
        """0x9036: read the record of a movie."""
        return records.decode_movie((await self._transact(SigmaOperation.GetMovieFileInfo, image_id)).data)

    async def read_movie(self, offset: int, size: int) -> bytes | memoryview:
        """0x9037: read a piece of the movie at index 0. The caller has made sure that there is one: else the camera leaves the bus.

        Raises:
            RemoteProtocolError: what came does not have the length asked for: it is garbage, not a short read.
        """
        reply = await self._transact(
            SigmaOperation.GetPartialMovieFile, 0, offset, 0, size, limit=MAX_PARTIAL, urgent=False, same_session=True
        )
        if len(reply.data) != size:
            raise errors.RemoteProtocolError(f"{len(reply.data)} bytes of a movie where {size} were asked for")
        return reply.data
