"""The stores of a PTP camera: which there are, what they are called, how much room they have, formatting.

A store is a card or memory, by the storage type of its StorageInfo; several of one kind are numbered: `card`, `card2`. A store keeps its
name for as long as the driver lives.

Nothing but a name and the room hangs on StorageInfo, so a camera that does not give it shows its pictures all the same. A store that is
not described is called a card. A camera that never answers is asked once: its stores' room is unknown from then on
(camfs/protocols/ptp/README.md, "Answers that mean something else").
"""

import logging
from collections.abc import Sequence

from camfs import errors
from camfs.cameras.api import Usage
from camfs.cameras.ptp.operations import DATASET_LIMIT, PtpOperations
from camfs.protocols.ptp.codes import ANY_FORMAT, ANYWHERE, SIZE_UNKNOWN, Operation, StorageID
from camfs.protocols.ptp.datasets import ObjectInfo, StorageInfo, StorageType, decode_handles

log = logging.getLogger(__name__)

FORMAT_TIME = 300.0
"""Seconds for the answer to FormatStore: a large card that is slow may need minutes."""

UNLIMITED = (SIZE_UNKNOWN, (1 << 64) - 1)
"""Sizes that mean that the camera does not know."""


class Stores:
    """The stores of one camera.

    Args:
        operations: of the camera.
    """

    def __init__(self, operations: PtpOperations) -> None:
        self._operations = operations
        self._kinds: dict[StorageID, str] = {}
        self._is_silent = False

    def forget_failures(self) -> None:
        """Ask again what the camera did not answer."""
        self._is_silent = False

    @property
    def named(self) -> Sequence[StorageID]:
        """The stores that `name` was asked of: those that the file system shows."""
        return tuple(self._kinds)

    async def list(self) -> Sequence[StorageID]:
        """List the stores, without the slots that have no card."""
        reply = await self._operations.session.transact(Operation.GetStorageIDs, limit=DATASET_LIMIT)
        # a slot without a card is an id whose low half is 0
        return [StorageID(number) for number in sorted(set(decode_handles(reply.data))) if number & 0xFFFF]

    async def name(self, storage: StorageID) -> str:
        """Return a store's name."""
        if storage not in self._kinds:
            try:
                info = await self._info(storage)
            except errors.Refused as error:
                # a card that is out, on cameras that list it nevertheless (SIGMA fp): it must not hide the other stores
                log.info("storage %#x: %s", storage, error)
                info = None
            storage_type = StorageType.Undefined if info is None else info.storage_type
            built_in = storage_type in (StorageType.FixedROM, StorageType.FixedRAM)
            self._kinds[storage] = "memory" if built_in else "card"
        kind = self._kinds[storage]
        number = sorted(other for other in self._kinds if self._kinds[other] == kind).index(storage) + 1
        return kind if number == 1 else f"{kind}{number}"

    def that_may_hold(self, info: ObjectInfo) -> Sequence[StorageID]:
        """Return the stores that an object may be in: the one that its info names, or all if that is not one of ours."""
        return (info.storage,) if info.storage in self._kinds else self.named

    async def usage(self, storage: StorageID) -> Usage:
        """Measure the room in a store; none where the camera does not say.

        Raises:
            Refused: the camera refuses to say.
        """
        info = await self._info(storage)
        if info is None:
            return Usage(0, 0)
        objects: int | None = None
        try:
            reply = await self._operations.attempt(
                Operation.GetNumObjects, storage, ANY_FORMAT, ANYWHERE, repeatable=True
            )
            if reply is not None and reply.parameters:
                objects = reply.parameters[0]
        except errors.DeviceGone:
            raise
        except errors.Refused as error:
            log.info("%s", error)
        except errors.CameraError as error:
            await self._check_camera()
            log.info("counting objects: %s", error)
            self._operations.give_up(Operation.GetNumObjects)
        total, free = (0 if size in UNLIMITED else size for size in (info.max_capacity, info.free_space))
        return Usage(total, min(free, total), objects)

    async def format(self, storage: StorageID) -> None:
        """Delete all that a store holds."""
        self._operations.require(Operation.FormatStore)
        await self._operations.session.transact(Operation.FormatStore, storage, 0, timeout=FORMAT_TIME)

    async def _info(self, storage: StorageID) -> StorageInfo | None:
        """Ask for a StorageInfo; None if the camera does not give it. Then it is not asked for any, if it answers otherwise.

        Raises:
            Refused: the camera's answer for this store.
            CameraError: the camera does not answer, whatever it is asked.
        """
        if self._is_silent:
            return None
        try:
            reply = await self._operations.session.transact(Operation.GetStorageInfo, storage, limit=DATASET_LIMIT)
        except (errors.DeviceGone, errors.Refused):
            raise
        except errors.CameraError as error:
            await self._check_camera()
            log.warning("the camera does not describe its stores: %s", error)
            self._is_silent = True
            return None
        try:
            return StorageInfo.decode(reply.data)
        except errors.RemoteProtocolError as error:
            log.info("storage %#x: %s", storage, error)
            return None

    async def _check_camera(self) -> None:
        """Find out, after an operation was not answered, whether it is the operation that fails, or the camera.

        Raises:
            CameraError: it is the camera.
        """
        await self._operations.session.transact(Operation.GetStorageIDs, limit=DATASET_LIMIT)
