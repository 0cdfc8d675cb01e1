"""An emulated Nikon with its driver on the cable, for tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from camfs.cameras.api import Entry, Key
from camfs.cameras.tethered.shot_key import ImageKey
from camfs.virtual.nikon.body import NikonState, nikon
from tests.cameras.rig import emulated
from tests.cameras.tethered.rig import TetheredRig

SERIAL = "6012345"


@dataclass
class Rig(TetheredRig):
    """The driver and the Nikon that it drives."""

    @property
    def nikon(self) -> NikonState:
        """The emulated body beyond PTP."""
        return nikon(self.body.state)

    async def bytes_of(self, key: Key) -> bytes:
        """Read a file by its key."""
        entry = await self.entry(key)
        return bytes(await self.camera.read(entry, 0, entry.size))

    async def entry(self, key: Key) -> Entry:
        """Describe a file by its key."""
        if isinstance(key, ImageKey):
            return self.camera.shots.describe(key)
        entry = await self.camera.describe(key, (await self.camera.locate(key))[-2])
        assert entry is not None
        return entry


driven, killed = Rig.driven, Rig.killed


@asynccontextmanager
async def rigged(
    tmp_path: Path, *, idle: float = 0, empty: bool = False, operations: str = "", awkward: str = ""
) -> AsyncIterator[Rig]:
    """Run an emulated Nikon with its driver."""
    options = {"awkward": awkward} if awkward else {}
    async with (
        emulated("nikon", empty=empty, operations=operations, **options) as body,
        driven(body, tmp_path / "spool", idle=idle) as rig,
    ):
        yield rig
