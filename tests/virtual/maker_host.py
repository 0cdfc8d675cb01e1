"""A host that runs operations of a maker's emulated body and forgives nothing; each maker's tests add what is its own."""

from dataclasses import dataclass

import pytest

from camfs import errors
from camfs.cameras.ptp.session import Session
from camfs.virtual import EmulatedCamera


@dataclass
class MakerHost:
    """The host and the camera.

    Attributes:
        camera: the emulated camera.
        session: on its cable.
    """

    camera: EmulatedCamera
    session: Session

    async def run(self, operation: int, *parameters: int, data: bytes | None = None) -> bytes:
        """Run an operation, and return its data."""
        reply = await self.session.transact(operation, *parameters, data=data, repeatable=False, waits_while_busy=False)
        return bytes(reply.data)

    async def refused(self, operation: int, *parameters: int, data: bytes | None = None) -> int:
        """Run an operation that is refused, and return the response code."""
        with pytest.raises(errors.Refused) as caught:
            await self.run(operation, *parameters, data=data)
        assert caught.value.code is not None
        return caught.value.code
