"""An emulated Sony with its driver on the cable, for tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from camfs.cameras.api import Key
from camfs.virtual.sony.body import SonyState, sony
from tests.cameras.rig import emulated
from tests.cameras.tethered.rig import TetheredRig


@dataclass
class Rig(TetheredRig):
    """The driver and the Sony that it drives."""

    @property
    def sony(self) -> SonyState:
        """The emulated body beyond PTP."""
        return sony(self.body.state)

    async def take(self, exposure: float | None = None) -> list[str]:
        """Take a picture and return the names of its files."""
        return [self.name_of(key) for key in await self.camera.capture(exposure)]

    def name_of(self, key: Key) -> str:
        """Return the name of a file in `imagedb`."""
        return self.camera.shots.describe(key).name


driven, killed = Rig.driven, Rig.killed


@asynccontextmanager
async def rigged(tmp_path: Path, awkward: str = "", *, idle: float = 0) -> AsyncIterator[Rig]:
    """Run an emulated Sony with its driver."""
    options = {"awkward": awkward} if awkward else {}
    async with (
        emulated("sony-alpha", empty=False, **options) as body,
        driven(body, tmp_path / "spool", idle=idle) as rig,
    ):
        yield rig
