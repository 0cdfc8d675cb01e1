"""An emulated DC120 put together: its state, its line, and the server that answers on it."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from camfs.protocols.dc120.texts import ALBUMS
from camfs.protocols.dc120.values import Location
from camfs.virtual.dc120.line import PtyLine
from camfs.virtual.dc120.options import GENERATED, DC120Options
from camfs.virtual.dc120.server import CommandServer
from camfs.virtual.dc120.state import CameraState
from camfs.virtual.dc120.store import Store, generated, scan
from camfs.virtual.pictures.contents import Disk
from camfs.virtual.running import running
from camfs.virtual.trace import Trace

GENERATED_IN_MEMORY = 5
GENERATED_ON_CARD = 6
GENERATED_ALBUMS = (1, 2)
"""Albums of the last pictures in the memory, unless folders say what albums there are."""


class EmulatedDC120:
    """A DC120; `running` brings it to life.

    Args:
        options: what the user or the test asked for.
        keep_trace: whether `trace.records` fills.
        line: its end of the serial line; None for a pseudo-terminal as the options say.

    Attributes:
        state: its stores, albums, settings and clock.
        quirks: what is different about it, where sources differ or are silent.
        line: its end of the serial line; tests pull it out and make noise on it.
        trace: what it saw.
        faults: what is to go wrong; append to it.

    Raises:
        ValueError: a folder cannot be a camera's store; the message names the option.
        OSError: the trace cannot be written.
    """

    def __init__(self, options: DC120Options, keep_trace: bool = False, line: PtyLine | None = None) -> None:
        self._disk = Disk()
        self.quirks = options.quirks
        albums: list[str] = []
        stores = {location: self._store(location, options, albums) for location in (Location.MEMORY, Location.CARD)}
        if not options.has_folders:
            albums = [f"ALBUM {number}" for number in range(1, ALBUMS + 1)]  # as in the protocol document's example
        self.state = CameraState(
            {location: store for location, store in stores.items() if store},
            albums,
            self.quirks,
            options.capture_seconds,
        )
        self.trace = Trace(options.trace, keep_trace)
        self.line = line or PtyLine(options.throttled, options.fastest)
        self._server = CommandServer(self.state, self.line, self.trace)
        self.faults = self._server.faults

    def _store(self, location: Location, options: DC120Options, albums: list[str]) -> Store | None:
        folder = options.folders.get(location)
        if isinstance(folder, Path):
            try:
                return Store(location, scan(folder, self._disk, albums))
            except (ValueError, OSError) as error:
                raise ValueError(f"option {location.name.lower()}={folder}: {error}") from None
        if location is Location.CARD:
            if folder is not GENERATED:
                return None
            return Store(location, generated(GENERATED_ON_CARD, GENERATED_IN_MEMORY + 1))
        return Store(location, generated(GENERATED_IN_MEMORY, 1, () if options.has_folders else GENERATED_ALBUMS))

    @property
    def path(self) -> Path:
        """Where a host opens the line."""
        return self.line.path

    def switch_off(self) -> None:
        """Switch it off, amid whatever it is doing."""
        self._server.switch_off()

    def switch_on(self) -> None:
        """Switch it on again: it listens at 9600 baud, and its flash is at the default."""
        self._server.switch_on()

    @asynccontextmanager
    async def running(self, link: Path | None = None) -> AsyncIterator["EmulatedDC120"]:
        """Run the camera while the block runs. An exception that the block raises passes through unchanged.

        Args:
            link: a symlink to be made, at which hosts find the line; None for one in a temporary folder.

        Raises:
            OSError: the link cannot be made.
        """
        try:
            with self.line.linked(link):
                self.trace.start()
                self.state.clock = self.state.clock  # it runs from now on
                async with running(self._server.run):
                    yield self
        finally:
            self.trace.close()
            self._disk.close()


async def serve(camera: EmulatedDC120, link: Path) -> None:
    """Let the camera answer on a pseudo-terminal until SIGINT or SIGTERM. Then, and also when cancelled, the link is removed.

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
