"""The way to a DC120 on a serial port."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import trio

from camfs.cameras.dc120.driver import Dc120Camera
from camfs.cameras.dc120.line import START_SPEED, Line
from camfs.commands.options import MountOptions
from camfs.transports import serial
from camfs.transports.ports import SerialPort


class Dc120Connection:
    """The way to a DC120, on a serial port that `open_port` opens."""

    def __init__(self, source: str, options: MountOptions, open_port: Callable[[], Awaitable[SerialPort]]) -> None:
        self.source = source
        self._options = options
        self._open_port = open_port
        self._camera: Dc120Camera | None = None

    @property
    def timeout(self) -> float:
        """Seconds for one exchange: at the lowest speed a thumbnail alone takes 15 seconds."""
        assert self._camera is not None
        return 10.0 if self._camera.speed > START_SPEED else 20.0

    async def open(self, work: trio.Nursery) -> Dc120Camera:
        """Open the camera; called once. On failure nothing is left open."""
        self._camera = Dc120Camera(await self._open_line(), work, self._options.tz)
        try:
            await self._camera.open()
        except BaseException:
            await self._camera.aclose()
            raise
        return self._camera

    async def reattach(self) -> None:
        """Let the driver of a camera that was gone go on over a new line.

        Raises:
            CameraError: the camera is not there yet, or another one is in its place.
        """
        assert self._camera is not None
        await self._camera.reattach(await self._open_line())

    async def _open_line(self) -> Line:
        return Line(await self._open_port(), self._options.baud)


def on_port(text: str, device: str | Path, options: MountOptions) -> Dc120Connection:
    """Return the way to the DC120 on a device of this computer; `text` is the SOURCE."""
    return Dc120Connection(text, options, lambda: serial.open_port(device))
