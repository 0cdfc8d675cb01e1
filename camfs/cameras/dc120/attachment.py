"""What a DC120 is attached to: the line in use, and the status that the camera told last over it.

The parts of the driver share one `Attachment`. When the port has vanished and the camera is found again on another one, the driver
replaces the line here, and all of them go on over the new line.
"""

from datetime import datetime, timedelta

import trio

from camfs.cameras.dc120.line import Line, OnPacket
from camfs.protocols.dc120.commands import Code, Command, command
from camfs.protocols.dc120.status import Status


class Attachment:
    """The line to a camera, and what the camera told of itself.

    Args:
        line: not yet open.

    Attributes:
        line: the line in use.
        status: the camera's status, as it was asked for last.
    """

    def __init__(self, line: Line) -> None:
        self.line = line
        self.status = Status()
        self._asked_at = 0.0

    async def open(self) -> None:
        """Find the camera on its line.

        Raises:
            TransferTimeout: no camera answers.
        """
        self._note(await self.line.open())

    def replace(self, line: Line, status: Status) -> None:
        """Go on over another line, which is open and told this status."""
        self.line = line
        self._note(status)

    def _note(self, status: Status) -> None:
        self.status, self._asked_at = status, trio.current_time()

    async def run(self, wanted: Command, packets: int | None = None, on_packet: OnPacket | None = None) -> list[bytes]:
        """Run a command on the line in use: see `Line.run`."""
        return await self.line.run(wanted, packets, on_packet)

    async def ask_status(self) -> Status:
        """Ask the camera for its status, however long the line is busy."""
        payloads = await self.run(command(Code.GET_STATUS))
        self._note(Status.decode(payloads[0]))
        return self.status

    async def read_status(self) -> Status:
        """Ask the camera for its status; while the line is busy, return what it told last."""
        return self.status if self.line.busy else await self.ask_status()

    async def read_clock(self) -> datetime:
        """Read the camera's local time; while the line is busy, reckon it from when it was asked for last."""
        time = (await self.read_status()).time
        if self.line.busy:
            time += timedelta(seconds=int(trio.current_time() - self._asked_at))
        return time
