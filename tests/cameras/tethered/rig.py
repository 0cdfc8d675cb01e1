"""The driver of a maker's emulated body on its cable, for tests: driven, closed well, or killed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import trio

from camfs.cameras.api import Change
from camfs.cameras.ptp.usblink import UsbLink
from camfs.cameras.still import open_still_camera
from camfs.cameras.tethered.driver import TetheredCamera
from camfs.cameras.tethered.shot_key import IMAGEDB
from camfs.virtual import EmulatedCamera
from tests.cameras.rig import Watched, nursery


@dataclass
class TetheredRig(Watched[TetheredCamera]):
    """The driver and the body that it drives.

    Attributes:
        body: the emulated camera.
        camera: its driver.
        spool: where shots are kept.
    """

    body: EmulatedCamera
    camera: TetheredCamera
    spool: Path
    seen: list[Change] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def driven(cls, body: EmulatedCamera, spool: Path | None, *, idle: float = 0) -> AsyncIterator[Self]:
        """Put the driver on an emulated body's cable; it is closed at the end."""
        async with nursery() as work:
            camera = await open_still_camera(UsbLink(body.open()), work, timeout=10, idle=idle, spool=spool)
            assert isinstance(camera, TetheredCamera)
            work.start_soon(camera.listen)
            try:
                yield cls(body, camera, spool or Path())
            finally:
                with trio.CancelScope(shield=True):
                    await camera.aclose()

    @classmethod
    @asynccontextmanager
    async def killed(cls, body: EmulatedCamera, spool: Path) -> AsyncIterator[Self]:
        """Do the same with a driver that ends without any of its clean-up, as by kill -9."""
        async with nursery() as work:
            pipes = body.open()
            camera = await open_still_camera(UsbLink(pipes), work, timeout=10, idle=0, spool=spool)
            assert isinstance(camera, TetheredCamera)
            work.start_soon(camera.listen)
            try:
                yield cls(body, camera, spool)
            finally:
                work.cancel_scope.cancel()
                with trio.CancelScope(shield=True):
                    await pipes.aclose()
                    await camera.shots.aclose()

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
