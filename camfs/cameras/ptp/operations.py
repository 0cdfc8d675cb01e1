"""What a PTP camera can do: its DeviceInfo, and the operations in it that turned out not to work.

Nothing is sent that the camera does not list among its operations. Some cameras list an operation and then answer
OperationNotSupported: it is not sent again, and its fallback is used.
"""

import logging

from camfs import errors
from camfs.cameras.ptp.session import Session
from camfs.cameras.ptp.transaction import Reply
from camfs.protocols.ptp.codes import Operation, ResponseCode
from camfs.protocols.ptp.datasets import DeviceInfo

log = logging.getLogger(__name__)

DATASET_LIMIT = 1 << 16
"""Most bytes of a dataset that describes one thing: the camera, a store, an object, a value."""


class PtpOperations:
    """The operations of one camera, over its session.

    Args:
        session: runs them.

    Attributes:
        session: as given.
        info: the camera's DeviceInfo, as it was last read.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.info = DeviceInfo()
        self._unsupported: set[int] = set()

    async def read_device_info(self) -> None:
        """Read what the camera says of itself."""
        reply = await self.session.transact(Operation.GetDeviceInfo, limit=DATASET_LIMIT)
        self.learn(DeviceInfo.decode(reply.data))

    def learn(self, info: DeviceInfo) -> None:
        """Take a DeviceInfo for the camera's; operations that did not work are tried again."""
        self.info = info
        self._unsupported.clear()

    def has(self, operation: int) -> bool:
        """Say whether the camera lists an operation that, as far as is known, works."""
        return operation in self.info.operations and operation not in self._unsupported

    def require(self, operation: Operation) -> None:
        """Refuse an operation that the camera does not have.

        Raises:
            NotSupported: it does not have it.
        """
        if not self.has(operation):
            raise errors.NotSupported(f"this camera has no {operation.name}")

    def give_up(self, operation: int) -> None:
        """Note that an operation does not work on this camera."""
        self._unsupported.add(operation)

    def try_again(self, operation: int) -> None:
        """Note that an operation that did not work may be worth another attempt."""
        self._unsupported.discard(operation)

    async def attempt(
        self, operation: int, *parameters: int, limit: int = DATASET_LIMIT, repeatable: bool | None = None
    ) -> Reply | None:
        """Run an operation that has a fallback: None if the camera does not list it, or does not support it after all."""
        if not self.has(operation):
            return None
        try:
            return await self.session.transact(operation, *parameters, limit=limit, repeatable=repeatable)
        except errors.NotSupported as error:
            log.info("%s", error)
            if error.code == ResponseCode.OperationNotSupported:
                self.give_up(operation)
            return None
