"""The DC120's driver and the emulated camera that it drives, joined by a cable in memory."""

import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import trio

from camfs.cameras.api import Entry, Key
from camfs.cameras.dc120.contents import AlbumKey, StoreKey
from camfs.cameras.dc120.driver import Dc120Camera
from camfs.cameras.dc120.line import Line
from camfs.cameras.dc120.picture_cache import PictureCache
from camfs.errors import Refused
from camfs.protocols.dc120.commands import Code
from camfs.protocols.dc120.values import Location
from camfs.virtual.dc120 import EmulatedDC120, Fault, FaultKind
from camfs.virtual.dc120.options import parse
from camfs.virtual.dc120.store import StoredPicture
from camfs.virtual.pictures import kdc
from camfs.virtual.pictures.contents import Bytes
from tests.cameras.rig import nursery
from tests.virtual.dc120.cable import Cable, Port

MEMORY, CARD = StoreKey(Location.MEMORY), StoreKey(Location.CARD)


@cache
def picture(number: int, quality: int = 3) -> bytes:
    """Return a generated picture's bytes."""
    return kdc.picture(kdc.Shot(number=number, taken=datetime(1998, 1, 1, 0, number % 60), quality=quality))


def stored(number: int, album: int = 0, size: int | None = None) -> StoredPicture:
    """Return a generated picture for the camera's store, cut short after `size` bytes."""
    return StoredPicture(f"P{number:06}.KDC", showing(picture(number)[:size]), album)


def showing(data: bytes) -> Bytes:
    """Return bytes as the content of a picture."""
    return Bytes(lambda: data)


@dataclass
class Rig:
    """The driver, the camera that it drives, and what lies between."""

    emulated: EmulatedDC120
    camera: Dc120Camera
    line: Line
    cable: Cable
    port: Port
    nursery: trio.Nursery

    def fail(
        self, kind: FaultKind, code: Code | None = None, packet: int | None = None, **about: int | bytes | float | None
    ) -> Fault:
        """Let something go wrong."""
        fault = Fault(kind, code, packet)
        for name, value in about.items():
            assert hasattr(fault, name)
            setattr(fault, name, value)
        self.emulated.faults.append(fault)
        return fault

    async def settle(self) -> None:
        """Wait until the camera is done with what it was at."""
        await self.camera.change_setting("self-timer", "off")

    def operations(self) -> list[str]:
        """Return the commands that the camera saw since this was last asked."""
        names = self.emulated.trace.operations()
        self.emulated.trace.records.clear()
        return names

    async def entries(self, folder: Key | None = MEMORY) -> list[Entry]:
        """List a folder and describe what is in it, without what cannot be described."""
        found = []
        for key in await self.camera.list_folder(folder):
            with contextlib.suppress(Refused):
                entry = await self.camera.describe(key, folder)
                assert entry is not None
                found.append(entry)
        return found

    async def names(self, folder: Key | None = MEMORY) -> list[str]:
        """List the names of a folder's entries, in the camera's order."""
        return [entry.name for entry in await self.entries(folder)]

    async def entry(self, number: int, folder: StoreKey | AlbumKey = MEMORY) -> Entry:
        """Find a picture by the number in its name."""
        return await self.named(f"P{number:06}.KDC", folder)

    async def named(self, name: str, folder: StoreKey | AlbumKey = MEMORY) -> Entry:
        """Find a picture by its name."""
        (entry,) = [entry for entry in await self.everything(folder.location) if entry.name == name]
        return entry

    async def everything(self, location: Location = Location.MEMORY) -> list[Entry]:
        """List and describe the pictures of a store, those in albums too."""
        found = []
        for entry in await self.entries(StoreKey(location)):
            found += await self.entries(entry.key) if isinstance(entry.key, AlbumKey) else [entry]
        return found

    async def read(self, entry: Entry) -> bytes:
        """Read a whole picture and close it."""
        data = b""
        try:
            while len(data) < entry.size:
                data += await self.camera.read(entry, len(data), entry.size - len(data))
        finally:
            await self.camera.release(entry)
        return data


@asynccontextmanager
async def rigged(
    pictures: Iterable[StoredPicture] = (),
    card: Iterable[StoredPicture] | None = None,
    *,
    baud: int | None = 9600,
    throttled: bool = False,
    fastest: int = 230_400,
    opened: bool = True,
    quirks: Sequence[str] = (),
    **options: str,
) -> AsyncIterator[Rig]:
    """Run an emulated camera with the driver on its cable.

    Args:
        pictures: in the memory.
        card: pictures on the card; None for no card.
        baud: see `Line`.
        throttled: whether bytes to the host take their time.
        fastest: baud that the cable carries; faster bytes are lost.
        opened: whether the driver is opened.
        quirks: those to switch.
        options: of the emulated camera.
    """
    with tempfile.TemporaryDirectory(prefix="camfs-test-") as place:
        folders = {"memory": place} if card is None else {"memory": place, "card": place}
        cable = Cable(throttled, fastest)
        emulated = EmulatedDC120(parse({**folders, **options}), keep_trace=True, line=cable)
        state = emulated.state
        state.stores[Location.MEMORY].pictures[:] = list(pictures)
        if card is not None:
            state.stores[Location.CARD].pictures[:] = list(card)
        state.last_number = max(each.last_number() for each in state.stores.values())
        for quirk in quirks:
            setattr(emulated.quirks, quirk, not getattr(emulated.quirks, quirk))
        async with emulated.running(), nursery() as work:
            port = Port(cable)
            line = Line(port, baud)
            camera = Dc120Camera(line, work, UTC, PictureCache(Path(place) / "kept"))
            if opened:
                await camera.open()
            yield Rig(emulated, camera, line, cable, port, work)
            await camera.aclose()
