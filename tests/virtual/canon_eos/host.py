"""A host for the emulated EOS body that forgives nothing: it decodes every reply with the codec and checks every answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from camfs.protocols.canon_eos.codes import CanonOperation
from camfs.protocols.canon_eos.datasets import PropertyWrite
from camfs.protocols.canon_eos.events import Event, Other, decode_event
from camfs.protocols.canon_eos.records import decode_reply
from camfs.virtual.canon_eos.body import EosBody
from camfs.virtual.canon_eos.operations import eos
from tests.cameras.rig import emulated, session_on
from tests.virtual.maker_host import MakerHost


class Host(MakerHost):
    """The host and the body."""

    @property
    def body(self) -> EosBody:
        """What the camera has beyond PTP."""
        return eos(self.camera.state)

    async def write(self, code: int, number: int) -> None:
        """Set a property that is a number."""
        data = PropertyWrite(code, number.to_bytes(4, "little")).encode()
        await self.run(CanonOperation.SetDevicePropValueEx, data=data)

    async def events(self) -> list[Event]:
        """Take the records of one reply; none of them may be unreadable."""
        reply = decode_reply(await self.run(CanonOperation.GetEvent))
        assert not reply.trouble
        events = [decode_event(raw) for raw in reply.records]
        assert not [event for event in events if isinstance(event, Other)]
        return events

    async def tether(self) -> list[Event]:
        """Bring the body into the remote state, and return its first records."""
        await self.run(CanonOperation.SetRemoteMode, 1)
        await self.run(CanonOperation.SetEventMode, 1)
        return await self.events()


@asynccontextmanager
async def hosted(*, empty: bool = True, operations: str = "", **options: str) -> AsyncIterator[Host]:
    """Run an emulated EOS body with a host on its cable."""
    options.setdefault("snap_time", "0.05")
    async with (
        emulated("canon-eos", empty=empty, operations=operations, **options) as camera,
        session_on(camera) as session,
    ):
        yield Host(camera, session)
