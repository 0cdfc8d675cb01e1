"""Raw commands of `.raw` that are SIGMA's own, kept from breaking what the driver knows of the camera.

Those that change the camera's mode go by `RemoteControl`, those about movies and the one that clears an entry by `ImageFolder`, and those
that take the camera off the bus are not sent.
"""

from collections.abc import Sequence

from camfs import errors
from camfs.cameras.ptp.driver import PtpCamera
from camfs.cameras.sigma.imagedb import ImageFolder
from camfs.cameras.sigma.operations import SigmaOperations
from camfs.cameras.sigma.settings import Settings
from camfs.cameras.sigma.tether import SigmaTether
from camfs.cameras.tethered.remote import RemoteControl
from camfs.protocols.ptp.codes import DataPhase, name_of
from camfs.protocols.sigma.codes import NOT_INITIALISED, SigmaOperation, SnapMode

FIRST_VENDOR_OPERATION = 0x9000

TAKES_DATA = frozenset(operation for operation in SigmaOperation if operation.data_phase is DataPhase.OUT)
"""Operations that the camera waits for data of."""

MOVIE_MODES = (SnapMode.START_MOVIE, SnapMode.START_MOVIE_WITH_AF, SnapMode.STOP_MOVIE)
"""What SnapCommand does that is not about pictures."""


class RawCommands:
    """Runs raw commands.

    Args:
        ptp: sends them as they are.
        operations: says what may be sent.
        remote: acquires and releases control.
        images: starts, stops and reads movies, and clears entries.
        settings: are invalid after a command.
    """

    def __init__(
        self,
        ptp: PtpCamera,
        operations: SigmaOperations,
        tether: SigmaTether,
        remote: RemoteControl,
        images: ImageFolder,
        settings: Settings,
    ) -> None:
        self._ptp = ptp
        self._operations = operations
        self._tether = tether
        self._remote = remote
        self._images = images
        self._settings = settings

    async def run(self, command: str) -> str:
        """Run a command: see `PtpCamera.raw`."""
        try:
            operation, *parameters = (int(word, 16) for word in command.partition(":")[0].split())
        except ValueError:
            return await self._ptp.raw(command)  # which says what a command is
        if operation < FIRST_VENDOR_OPERATION:
            return await self._ptp.raw(command)
        self._operations.check(operation)
        if operation in TAKES_DATA and ":" not in command:
            raise errors.InvalidValue(f"{name_of(SigmaOperation, operation)} needs data; write it after a colon")
        if operation == SigmaOperation.CloseApplication:
            await self._remote.release()
            return "2001"
        async with self._remote.acquired():
            if operation == SigmaOperation.ConfigApi:
                info = self._tether.info
                return f"2001 : {info.encode().hex()}" if info is not None else "2001"
            if operation == SigmaOperation.GetPartialMovieFile:
                return f"2001 : {(await self._read_movie(parameters)).hex()}"
            if operation == SigmaOperation.ClearImageDBSingle:
                await self._images.clear_entry(parameters[0] if parameters else 0)
                return "2001"
            if operation == SigmaOperation.SnapCommand:
                if (mode := _snap_mode(command)) in MOVIE_MODES:
                    await self._record(mode)
                    return "2001"
                self._images.note_unlisted()
            answer = await self._ptp.raw(command)
            self._settings.invalidate()
            if answer == f"{NOT_INITIALISED:04x}":
                self._remote.note_switched_off()
            return answer

    async def _record(self, mode: int) -> None:
        """Start or stop a movie as `.record` does. No movie may be read while one is being recorded, so that has to be known."""
        if mode == SnapMode.STOP_MOVIE:
            await self._images.stop_movie()
        else:
            await self._images.start_movie(with_af=mode == SnapMode.START_MOVIE_WITH_AF)

    async def _read_movie(self, parameters: Sequence[int]) -> bytes | memoryview:
        """Run GetPartialMovieFile in the only form that is known not to take the camera off the bus."""
        match parameters:
            case (0, offset, 0, size):
                return await self._images.read_movie(offset, size)
        raise errors.NotPermitted("the only safe form is 9037 0 OFFSET 0 SIZE")


def _snap_mode(command: str) -> int | None:
    """Return the mode in the data of a raw SnapCommand, at offset 1; None if there is none."""
    try:
        data = bytes.fromhex(command.partition(":")[2])
    except ValueError:
        return None
    return data[1] if len(data) > 1 else None
