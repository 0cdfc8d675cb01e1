"""An emulated EOS body with the driver on its cable, its spool in a folder of the test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trio

from camfs.cameras.api import Change, Entry, Happened, Key
from camfs.cameras.ptp.usblink import UsbLink
from camfs.cameras.still import open_still_camera
from camfs.cameras.tethered.driver import TetheredCamera
from camfs.cameras.tethered.shot_key import IMAGEDB
from camfs.protocols.canon_eos.codes import CanonOperation
from camfs.protocols.ptp.codes import StorageID
from camfs.virtual import EmulatedCamera
from camfs.virtual.canon_eos.body import EosBody
from camfs.virtual.canon_eos.operations import eos
from camfs.virtual.usb.pipes import HostPipes
from tests.cameras.rig import Watched, emulated, nursery

CARD = StorageID(0x00020001)

STANDARD_NUMBERS = 0x9000
"""Codes of operations below this are the standard's."""


@dataclass
class Rig(Watched[TetheredCamera]):
    """The driver and the camera that it drives.

    Attributes:
        body: the emulated camera.
        camera: the driver.
        pipes: the host's end of the cable.
        nursery: what the driver works in.
        spool: where its shots wait.
    """

    body: EmulatedCamera
    camera: TetheredCamera
    pipes: HostPipes
    nursery: trio.Nursery
    spool: Path
    seen: list[Change] = field(default_factory=list)

    @property
    def eos(self) -> EosBody:
        """What the body has beyond PTP."""
        return eos(self.body.state)

    def vendor_operations(self) -> list[str]:
        """Return the vendor operations that the camera saw since this was last asked."""
        return [name for name in self.operations() if name in CanonOperation.__members__ or name.startswith("0x9")]

    async def shoot(self, exposure: float | None = None) -> list[Entry]:
        """Take a picture, and describe its files."""
        return [await self.entry(key) for key in await self.camera.capture(exposure)]

    async def entry(self, key: Key) -> Entry:
        """Describe a file."""
        entry = await self.camera.describe(key, None)
        assert entry is not None
        return entry

    async def names(self, folder: Key = IMAGEDB) -> list[str]:
        """Return the names in a folder."""
        return [entry.name for entry in await self.described(folder)]

    async def bytes_of(self, entry: Entry) -> bytes:
        """Read a whole file."""
        return bytes(await self.camera.read(entry, 0, entry.size))

    def told(self) -> list[str]:
        """Return the lines for `.events`."""
        return [change.text for change in self.changes() if isinstance(change, Happened)]

    async def until(self, is_so: object) -> None:
        """Wait until something that is called with nothing returns True."""
        assert callable(is_so)
        while not is_so():
            await trio.sleep(0.05)


@asynccontextmanager
async def driven(
    body: EmulatedCamera, spool: Path, *, listening: bool = True, idle: float = 0, timeout: float = 10
) -> AsyncIterator[Rig]:
    """Put the driver on an emulated camera's cable."""
    async with nursery() as work:
        pipes = body.open()
        camera = await open_still_camera(UsbLink(pipes), work, timeout=timeout, idle=idle, spool=spool)
        assert isinstance(camera, TetheredCamera)
        if listening:
            work.start_soon(camera.listen)
        try:
            yield Rig(body, camera, pipes, work, spool)
        finally:
            work.cancel_scope.cancel()
            await camera.aclose()


@asynccontextmanager
async def killed(body: EmulatedCamera, spool: Path) -> AsyncIterator[Rig]:
    """Do the same with a driver that ends without any of its clean-up, as by kill -9."""
    async with nursery() as work:
        pipes = body.open()
        camera = await open_still_camera(UsbLink(pipes), work, timeout=10, idle=0, spool=spool)
        assert isinstance(camera, TetheredCamera)
        try:
            yield Rig(body, camera, pipes, work, spool)
        finally:
            work.cancel_scope.cancel()
            with trio.CancelScope(shield=True):
                await camera.shots.aclose()  # a dead process locks no folder
                await pipes.aclose()


@asynccontextmanager
async def rigged(
    spool: Path, *, listening: bool = True, idle: float = 0, empty: bool = True, **options: str
) -> AsyncIterator[Rig]:
    """Run an emulated EOS body with the driver on its cable."""
    options.setdefault("snap_time", "0.05")
    async with (
        emulated("canon-eos", empty=empty, **options) as body,
        driven(body, spool, listening=listening, idle=idle) as rig,
    ):
        yield rig
