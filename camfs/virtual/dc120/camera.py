"""An emulated DC120 put together: its body, its line, and who answers on it."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from camfs.protocols.dc120.texts import ALBUMS
from camfs.protocols.dc120.values import Location
from camfs.virtual.dc120.line import Line
from camfs.virtual.dc120.options import MADE, Options
from camfs.virtual.dc120.server import Responder
from camfs.virtual.dc120.state import Body
from camfs.virtual.dc120.store import Store, made, scan
from camfs.virtual.pictures.contents import Disk
from camfs.virtual.trace import Trace

MADE_IN_MEMORY = 5
MADE_ON_CARD = 6
MADE_ALBUMS = (1, 2)
"""Of the last pictures in the memory, unless folders say what albums there are."""


class EmulatedDC120:
    """A DC120; `running` brings it to life.

    Args:
        options: what the user or the test asked for.
        keep_trace: whether `trace.records` fills.

    Attributes:
        body: its state: stores, albums, settings, clock.
        quirks: where sources differ about it.
        line: what it hangs on: pull it out, make noise on it.
        trace: what it saw.
        faults: what is to go wrong; append to it.

    Raises:
        ValueError: a folder that cannot be a camera's store; the message names the option.
        OSError: the trace cannot be written.
    """

    def __init__(self, options: Options, keep_trace: bool = False) -> None:
        self._disk = Disk()
        self.quirks = options.quirks
        albums: list[str] = []
        stores = {location: self._store(location, options, albums) for location in (Location.MEMORY, Location.CARD)}
        if not options.has_folders:
            albums = [f"ALBUM {number}" for number in range(1, ALBUMS + 1)]  # as in the seed, command 42
        self.body = Body(
            {location: store for location, store in stores.items() if store},
            albums,
            self.quirks,
            options.capture_seconds,
        )
        self.trace = Trace(options.trace, keep_trace)
        self.line = Line(options.paced, options.fastest)
        self._responder = Responder(self.body, self.line, self.trace)
        self.faults = self._responder.faults

    def _store(self, location: Location, options: Options, albums: list[str]) -> Store | None:
        folder = options.folders.get(location)
        if isinstance(folder, Path):
            try:
                return Store(location, scan(folder, self._disk, albums))
            except (ValueError, OSError) as error:
                raise ValueError(f"option {location.name.lower()}={folder}: {error}") from None
        if location is Location.CARD:
            return Store(location, made(MADE_ON_CARD, MADE_IN_MEMORY + 1)) if folder is MADE else None
        return Store(location, made(MADE_IN_MEMORY, 1, () if options.has_folders else MADE_ALBUMS))

    @property
    def path(self) -> Path:
        """Where a host opens its line."""
        return self.line.path

    def switch_off(self) -> None:
        """Switch it off: what it was doing is lost."""
        self._responder.switch_off()

    def switch_on(self) -> None:
        """Switch it on again: 9600 baud, the flash at its default."""
        self._responder.switch_on()

    @asynccontextmanager
    async def running(self, link: Path | None = None) -> AsyncIterator["EmulatedDC120"]:
        """Run the camera while the block runs; an exception of the block comes out as it is.

        Args:
            link: where hosts find its line; None for a place of its own.

        Raises:
            OSError: the link cannot be made.
        """
        try:
            with self.line.linked(link):
                self.trace.start()
                self.body.clock = self.body.clock  # from now on it runs
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._responder.run)
                    try:
                        yield self
                    finally:
                        nursery.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            if len(group.exceptions) == 1:
                raise group.exceptions[0] from group.exceptions[0].__cause__
            raise
        finally:
            self.trace.close()
            self._disk.close()


async def serve(camera: EmulatedDC120, link: Path) -> None:
    """Let the camera answer on a pseudo-terminal until SIGINT or SIGTERM; then, or when cancelled, the link is gone.

    Args:
        camera: not running elsewhere; closed at the end.
        link: a symlink to be made; programs open it as they would a serial port.

    Raises:
        OSError: the link cannot be made.
    """
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with camera.running(link):
            print(f"a Kodak DC120 is at {link}", flush=True)
            async for _ in signals:
                return
