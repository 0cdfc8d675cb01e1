"""An emulated SIGMA fp with the driver on its cable, its spool in a folder of the test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trio

from camfs.cameras.api import Change, Entry, Key
from camfs.cameras.ptp.usblink import UsbLink
from camfs.cameras.sigma.driver import SigmaCamera
from camfs.cameras.still import open_still_camera
from camfs.cameras.tethered.shot_key import IMAGEDB
from camfs.protocols.sigma.codes import SigmaOperation
from camfs.virtual import EmulatedCamera
from camfs.virtual.usb.pipes import HostPipes
from tests.cameras.rig import CARD_ROOT, Watched, emulated, nursery

QUICK = "0.01"
"""Seconds of each step of a capture."""


@dataclass
class Rig(Watched[SigmaCamera]):
    """The driver and the camera that it drives.

    Attributes:
        body: the emulated camera.
        camera: the driver.
        pipes: the host's end of the cable.
        nursery: what the driver works in.
        spool: where its shots wait.
    """

    body: EmulatedCamera
    camera: SigmaCamera
    pipes: HostPipes
    nursery: trio.Nursery
    spool: Path
    seen: list[Change] = field(default_factory=list)

    def vendor_operations(self) -> list[str]:
        """Return the vendor operations among these."""
        return [name for name in self.operations() if name in SigmaOperation.__members__]

    async def entries(self, folder: Key | None = IMAGEDB) -> list[Entry]:
        """List a folder and describe what is in it."""
        return await self.described(folder)

    async def walk(self, folder: Key | None = CARD_ROOT) -> list[Entry]:
        """Describe all that is in a folder, at any depth."""
        found: list[Entry] = []
        for entry in await self.entries(folder):
            found.append(entry)
            if entry.is_folder:
                found += await self.walk(entry.key)
        return found

    async def shoot(self) -> list[Entry]:
        """Take a picture."""
        entries = [await self.camera.describe(key, IMAGEDB) for key in await self.camera.capture()]
        return [entry for entry in entries if entry is not None]


@asynccontextmanager
async def driven(
    body: EmulatedCamera,
    spool: Path,
    *,
    listening: bool = True,
    idle: float = 0,
    timeout: float = 10,
    movies: bool = False,
) -> AsyncIterator[Rig]:
    """Put the driver on an emulated camera's cable."""
    async with nursery() as work:
        pipes = body.open()
        camera = await open_still_camera(UsbLink(pipes), work, timeout=timeout, idle=idle, spool=spool, movies=movies)
        assert isinstance(camera, SigmaCamera)
        if listening:
            work.start_soon(camera.listen)
        try:
            yield Rig(body, camera, pipes, work, spool)
        finally:
            work.cancel_scope.cancel()
            await camera.aclose()


@asynccontextmanager
async def killed(body: EmulatedCamera, spool: Path, *, movies: bool = False) -> AsyncIterator[Rig]:
    """Do the same with a driver that ends without any of its clean-up, as by kill -9."""
    async with nursery() as work:
        pipes = body.open()
        camera = await open_still_camera(UsbLink(pipes), work, timeout=10, idle=0, spool=spool, movies=movies)
        assert isinstance(camera, SigmaCamera)
        try:
            yield Rig(body, camera, pipes, work, spool)
        finally:
            work.cancel_scope.cancel()
            with trio.CancelScope(shield=True):
                await pipes.aclose()
                await camera.images.aclose()


@asynccontextmanager
async def rigged(
    spool: Path,
    *,
    listening: bool = True,
    idle: float = 0,
    timeout: float = 10,
    movies: bool = False,
    empty: bool = False,
    operations: str = "",
    **options: str,
) -> AsyncIterator[Rig]:
    """Run an emulated fp with the driver on its cable.

    Args:
        spool: folder for shots.
        listening: whether the driver listens to events, and releases control when idle.
        idle: seconds until it does.
        timeout: seconds until a transaction has failed.
        movies: whether movies are offered for reading.
        empty: whether its card is empty.
        operations: see `emulated`.
        options: of the emulated camera.
    """
    options.setdefault("snap_time", QUICK)
    async with (
        emulated("sigma-fp", empty=empty, operations=operations, **options) as body,
        driven(body, spool, listening=listening, idle=idle, timeout=timeout, movies=movies) as rig,
    ):
        yield rig
