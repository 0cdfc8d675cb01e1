"""An emulated Nikon with its driver on the cable, for tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from camfs.cameras.api import Entry, Key
from camfs.cameras.ptp.usblink import UsbLink
from camfs.cameras.still import open_still_camera
from camfs.cameras.tethered.driver import TetheredCamera
from camfs.cameras.tethered.shot_key import IMAGEDB, ImageKey
from camfs.virtual import EmulatedCamera
from camfs.virtual.nikon.body import NikonState, nikon
from tests.cameras.rig import Watched, emulated, nursery

SERIAL = "6012345"


@dataclass
class Rig(Watched[TetheredCamera]):
    """The driver and the Nikon that it drives.

    Attributes:
        body: the emulated camera.
        camera: its driver.
        spool: where shots are kept.
    """

    body: EmulatedCamera
    camera: TetheredCamera
    spool: Path

    def __post_init__(self) -> None:
        self.seen = []

    @property
    def nikon(self) -> NikonState:
        """The emulated body beyond PTP."""
        return nikon(self.body.state)

    def vendor_operations(self) -> list[str]:
        """Return the maker's operations that the camera saw."""
        known = set(self.body.profile.vendor_names.values())
        return [name for name in self.body.trace.operations() if name in known]

    async def shots(self) -> dict[str, bytes]:
        """Read what `imagedb` holds."""
        found = {}
        for entry in await self.described(IMAGEDB):
            found[entry.name] = bytes(await self.camera.read(entry, 0, entry.size))
        return found

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


@asynccontextmanager
async def driven(body: EmulatedCamera, spool: Path | None, *, idle: float = 0) -> AsyncIterator[Rig]:
    """Put the driver on an emulated Nikon's cable; it is closed at the end."""
    async with nursery() as work:
        camera = await open_still_camera(UsbLink(body.open()), work, timeout=10, idle=idle, spool=spool)
        assert isinstance(camera, TetheredCamera)
        work.start_soon(camera.listen)
        try:
            yield Rig(body, camera, spool or Path())
        finally:
            with trio.CancelScope(shield=True):
                await camera.aclose()


@asynccontextmanager
async def killed(body: EmulatedCamera, spool: Path) -> AsyncIterator[Rig]:
    """Do the same with a driver that ends without any of its clean-up, as by kill -9."""
    async with nursery() as work:
        pipes = body.open()
        camera = await open_still_camera(UsbLink(pipes), work, timeout=10, idle=0, spool=spool)
        assert isinstance(camera, TetheredCamera)
        work.start_soon(camera.listen)
        try:
            yield Rig(body, camera, spool)
        finally:
            work.cancel_scope.cancel()
            with trio.CancelScope(shield=True):
                await pipes.aclose()
                await camera.shots.aclose()


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
