"""The driver of the SIGMA fp and fp L: the card of a PTP camera, and what the body does while the computer holds it.

A `PtpCamera` serves the card. Beside its stores the folder `imagedb` shows the shots that the camera or this computer holds for the
user. Everything else (settings, capture, live view, focus, movies) takes the body first: `control`.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, tzinfo
from pathlib import Path, PurePosixPath
from typing import TypeVar

import trio

from camfs import errors
from camfs.cameras.api import Change, Entry, FolderChanged, Key, Usage
from camfs.cameras.ptp.driver import PtpCamera
from camfs.cameras.ptp.usblink import Link
from camfs.cameras.sigma.card import Card
from camfs.cameras.sigma.exposure import ImageKey
from camfs.cameras.sigma.focus import Focus
from camfs.cameras.sigma.imagedb import IMAGEDB, ImageFolder
from camfs.cameras.sigma.operations import SigmaOperations
from camfs.cameras.sigma.remote import IDLE, Control
from camfs.cameras.sigma.settings import Settings
from camfs.cameras.sigma.spool import Spool, default_folder
from camfs.protocols.ptp.codes import DataPhase, name_of
from camfs.protocols.sigma.apex import BULB, COUNTS, SHUTTER
from camfs.protocols.sigma.codes import NOT_INITIALISED, SIGMA, Destination, SigmaOperation, SnapMode
from camfs.protocols.sigma.datasets import Dataset
from camfs.protocols.sigma.values import CINE, INTERVAL, SELF_TIMERS

log = logging.getLogger(__name__)

T = TypeVar("T")

CAPTURE_BUDGET = 30.0
"""Seconds for a shot to be made, on top of twice its exposure, as the dark frame doubles it (reference 12.4)."""

LONGEST = 30.0
"""Seconds that a body exposes at most where it chooses."""

MOVIE_MODES = (SnapMode.START_MOVIE, SnapMode.START_MOVIE_WITH_AF, SnapMode.STOP_MOVIE)
"""What SnapCommand does that is not about pictures."""

FRAME_BUDGET = 2.0
"""Seconds to ask for a view frame."""

LIVE_VIEW = 2
"""SpecialMode."""

FIRST_VENDOR_OPERATION = 0x9000

SIGMA_WRITES = frozenset(operation for operation in SigmaOperation if operation.data_phase is DataPhase.OUT)
"""Operations that the camera waits for data of."""

STATUS_SETTINGS = {
    "battery": "battery-level",
    "lens": "focal-length",
    "free-shots": "free-shots",
    "media": "media-status",
    "capture-mode": "capture-mode",
}
"""Lines of `.status` that are settings, shown while the body is held."""


async def open_still_camera(
    link: Link,
    nursery: trio.Nursery,
    *,
    zone: tzinfo | None = None,
    timeout: float = 10.0,
    idle: float = IDLE,
    spool: Path | None = None,
    movies: bool = False,
) -> "PtpCamera | SigmaCamera":
    """Open a still image camera with the driver that fits it; on failure it is closed again.

    Args:
        link: carries the messages; closed by the camera's `aclose`.
        nursery: runs what goes on in the background.
        zone: of dates without one.
        timeout: seconds without a byte after which a transaction has failed.
        idle: seconds without use after which a SIGMA's body is handed back; 0 is never.
        spool: folder for a SIGMA's shots; None is the default.
        movies: whether a SIGMA's takes are offered for reading.
    """
    camera: PtpCamera | SigmaCamera = PtpCamera(link, nursery, zone, timeout)
    try:
        await camera.open()
        if isinstance(camera, PtpCamera) and camera.info.vendor_extension_desc.startswith(SIGMA):
            camera = SigmaCamera(camera, nursery, idle=idle, spool=spool, movies=movies)
            await camera.open()
    except BaseException:
        await camera.aclose()
        raise
    return camera


class SigmaCamera:
    """A SIGMA fp on any link. See `cameras.camera.Camera` for its methods.

    Args:
        ptp: the same camera, opened.
        nursery: runs what goes on in the background.
        idle: seconds without use after which the body is handed back; 0 is never.
        spool: folder for shots; None is the default.
        movies: whether takes are offered for reading.

    Attributes:
        control: which life the body is in.
        images: the shots that wait.
    """

    def __init__(
        self,
        ptp: PtpCamera,
        nursery: trio.Nursery,
        *,
        idle: float = IDLE,
        spool: Path | None = None,
        movies: bool = False,
    ) -> None:
        self._ptp = ptp
        self._nursery = nursery
        self._operations = SigmaOperations(ptp.session, ptp.info.operations)
        self.images = ImageFolder(
            self._operations, Spool(spool or default_folder(self._serial())), ptp.announce, movies=movies
        )
        self.control = Control(self._operations, self.images, idle)
        self._card = Card(ptp, lambda: self.control.held)
        self._settings = Settings(self._operations)
        self._focus = Focus(self._operations, self._settings, self.images)
        self._live_view_in = 0
        self._battery = ""
        self._is_closing = self._is_ending_hold = False
        self.control.before_taking = self._card.learn_stores
        self.control.after_taking = self._settings.learn
        self.control.when_ended = self._when_ended
        ptp.when_renumbered = self._when_renumbered

    # ------------------------------------------------------------------ life

    async def open(self) -> None:
        """Open the spool, and unlock the body if a previous program left it locked."""
        await self.images.open()
        await self.control.find()

    async def reattach(self, link: Link) -> None:
        """Go on over another link, after the camera was gone: as after `open`, for the body may be held still (PTP/IP).

        Raises:
            CameraError: see `PtpCamera.reattach`.
        """
        await self._ptp.reattach(link)
        await self.control.find()
        self.images.note_emptied()  # what was not rescued the camera does not hold any more

    async def listen(self) -> None:
        """Announce what happens at the camera until it is gone, and hand the idle body back."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.control.watch)
            await self._ptp.listen()
            self.control.note_gone()
            nursery.cancel_scope.cancel()

    async def aclose(self) -> None:
        """Hand the body back, close the session and let go of the device; never raises."""
        self._is_closing = True
        with trio.CancelScope(shield=True):
            if self.gone:
                self.control.note_gone()
            await self.control.aclose()
            await self.images.aclose()
            await self._ptp.aclose()

    @property
    def epoch(self) -> int:
        """See `Camera.epoch`."""
        return self._ptp.epoch

    @property
    def changes(self) -> trio.MemoryReceiveChannel[Change]:
        """See `Camera.changes`."""
        return self._ptp.changes

    @property
    def gone(self) -> bool:
        """See `Camera.gone`."""
        return self._ptp.gone

    @property
    def sends_events(self) -> bool:
        """See `Camera.sends_events`."""
        return self._ptp.sends_events

    def _serial(self) -> str:
        """Return the serial number: 8 digits, which DeviceInfo pads with zeros (reference section 1)."""
        return self._ptp.info.serial_number.lstrip("0") or self._ptp.info.serial_number

    def _when_ended(self) -> None:
        """The photographer has had the body, or has it now: the card may hold other objects under the same handles.

        What was listed is kept for the next hold, though, until it is listed anew: it is as fresh as anything that was seen.
        """
        self._settings.forget()
        self._is_ending_hold = True
        self._ptp.renumber()
        self._is_ending_hold = False
        if not self._is_closing:
            self._nursery.start_soon(self._ptp.announce, FolderChanged(None))

    def _when_renumbered(self) -> None:
        if self.control.held:
            self.control.doubt()  # the session was lost: the body is still held, or was switched off and on
        elif not self._is_ending_hold:
            self._card.forget()

    # ------------------------------------------------------------------ listing

    async def list_folder(self, key: Key | None) -> Sequence[Key]:
        """See `Camera.list_folder`. While the body is held: what was listed before."""
        if key == IMAGEDB:
            return self.images.list()
        keys: Sequence[Key] = await self._card.list_folder(key)
        return [*keys, IMAGEDB] if key is None else keys

    async def describe(self, key: Key, folder: Key | None) -> Entry | None:
        """See `Camera.describe`. While the body is held: as it was described before."""
        if key == IMAGEDB:
            return Entry(IMAGEDB, "imagedb", "imagedb", is_folder=True, is_local=True)
        if isinstance(key, ImageKey):
            return self.images.describe(key)
        return await self._card.describe(key, folder)

    async def locate(self, key: Key) -> Sequence[Key]:
        """See `Camera.locate`."""
        if key == IMAGEDB:
            return [IMAGEDB]
        if isinstance(key, ImageKey):
            return [IMAGEDB, key]
        return await self._card.live(lambda: self._ptp.locate(key))

    # ------------------------------------------------------------------ data

    def reads_short(self, entry: Entry) -> bool:
        """See `Camera.reads_short`."""
        return False

    async def read(self, entry: Entry, offset: int, size: int) -> bytes | memoryview:
        """See `Camera.read`."""
        if not isinstance(entry.key, ImageKey):
            return await self._card.live(lambda: self._ptp.read(entry, offset, size))
        if not self.images.needs_camera(entry.key):
            return await self.images.read(entry, offset, size)
        async with self.control.kept():
            return await self.images.read(entry, offset, size)

    async def release(self, entry: Entry) -> None:
        """See `Camera.release`."""
        if not isinstance(entry.key, ImageKey):
            await self._ptp.release(entry)

    async def thumbnail(self, entry: Entry) -> bytes:
        """See `Camera.thumbnail`. The camera makes none of what its image database holds."""
        if isinstance(entry.key, ImageKey):
            raise errors.NoData("the camera gives no thumbnails of shots that wait")
        return await self._card.live(lambda: self._ptp.thumbnail(entry))

    async def delete(self, entry: Entry) -> None:
        """See `Camera.delete`."""
        if entry.key == IMAGEDB:
            raise errors.NotPermitted("imagedb cannot be deleted")
        if isinstance(entry.key, ImageKey):
            async with self.control.kept():
                await self.images.remove(entry)
        else:
            await self._card.live(lambda: self._ptp.delete(entry))
            self._card.drop(entry.key)

    async def rename(self, entry: Entry, name: str) -> None:
        """See `Camera.rename`."""
        raise errors.StoreReadOnly("nothing can be renamed on this camera")

    async def usage(self, store: Key) -> Usage:
        """See `Camera.usage`."""
        return await (self.images.usage() if store == IMAGEDB else self._card.usage(store))

    async def format(self, store: Key) -> None:
        """See `Camera.format`."""
        if store == IMAGEDB:
            raise errors.NotPermitted("imagedb is no store: delete its files")
        await self._card.live(lambda: self._ptp.format(store))
        self._card.forget()

    async def refresh(self) -> None:
        """See `Camera.refresh`. While the body is held the card's listing is all that there is."""
        self._settings.forget()
        if not self.control.held:
            await self._ptp.refresh()
            self._card.forget()

    # ------------------------------------------------------------------ settings, clock

    def setting_names(self) -> Sequence[str]:
        """See `Camera.setting_names`."""
        return self._settings.names()

    async def setting(self, name: str) -> str:
        """See `Camera.setting`."""
        return await self.control.held_for(lambda: self._settings.read(name))

    async def choices(self, name: str) -> Sequence[str]:
        """See `Camera.choices`."""
        return await self.control.held_for(lambda: self._settings.choices(name))

    async def change_setting(self, name: str, value: str) -> None:
        """See `Camera.change_setting`. A focus position is driven to, which takes more than one write."""
        if name == "focus-position" and value.isascii() and value.isdecimal():
            await self.change_focus(value)
        else:
            await self.control.held_for(lambda: self._settings.change(name, value))

    async def clock(self) -> datetime:
        """See `Camera.clock`."""
        raise errors.NotSupported("the SIGMA does not tell its clock")

    async def set_clock(self, moment: datetime) -> None:
        """See `Camera.set_clock`."""
        raise errors.NotSupported("how the SIGMA's clock is set (0x9019) is in no source")

    # ------------------------------------------------------------------ capture, movies, focus, live view

    async def capture(self) -> Sequence[Key | PurePosixPath]:
        """See `Camera.capture`. Without autofocus, which would take a manual focus away: `.focus` does that before."""
        async with self.control.needed():
            group1, group2, group3 = [
                await self._operations.read(group) for group in (Dataset.GROUP1, Dataset.GROUP2, Dataset.GROUP3)
            ]
            speed, drive = group1.get("ShutterSpeed"), group2.get("DriveMode")
            if speed == BULB:
                raise errors.NotPermitted("shutter-speed is bulb: the exposure would not end")
            if (await self._operations.read(Dataset.MOVIE)).get("CaptureMode") == CINE:
                raise errors.NotPermitted("pictures are taken in capture-mode still; the camera is in cine")
            exposure = 2 ** ((SHUTTER.zero - speed) / COUNTS) if isinstance(speed, int) and speed else LONGEST
            budget = CAPTURE_BUDGET + 2 * exposure + (SELF_TIMERS.get(drive, 0.0) if isinstance(drive, int) else 0.0)
            if drive == INTERVAL:
                budget += await self._interval_time()
            destination = group3.get("DestToSave")
            try:
                return await self.images.capture(
                    SnapMode.WITHOUT_AF, budget, destination if isinstance(destination, int) else Destination.UNSET
                )
            finally:
                self._settings.forget()

    async def _interval_time(self) -> float:
        """Return the seconds from the first to the last picture of the interval timer.

        Raises:
            NotPermitted: there is no last one.
        """
        group = await self._operations.read(Dataset.GROUP5)
        seconds, frames = group.get("IntervalSeconds"), group.get("IntervalFrames")
        if not isinstance(seconds, int) or not isinstance(frames, int):
            return 0
        if not frames:
            raise errors.NotPermitted("interval-timer is endless: the shooting would not end")
        return float(seconds * (frames - 1))

    async def has_control(self) -> bool:
        """See `Camera.has_control`."""
        return self.control.held

    async def acquire_control(self) -> None:
        """See `Camera.acquire_control`."""
        async with self.control.needed():
            pass

    async def release_control(self) -> None:
        """See `Camera.release_control`."""
        await self.control.hand_back()

    async def recording(self) -> bool:
        """See `Camera.recording`."""
        return self.control.held and self.images.recording

    async def record(self, start: bool) -> None:
        """See `Camera.record`."""
        if start:
            async with self.control.needed():
                await self.images.start_movie(with_af=False)
        elif await self.recording():
            async with self.control.kept():
                await self.images.stop_movie()

    async def focus(self) -> str:
        """See `Camera.focus`."""
        return await self.control.held_for(self._focus.text)

    async def change_focus(self, text: str) -> None:
        """See `Camera.change_focus`."""
        if text != "af":
            await self.control.held_for(lambda: self._focus.change(text))
            return
        async with self.control.needed():  # SnapCommand is not given twice
            await self._focus.change(text)

    async def view_frame(self) -> bytes:
        """See `Camera.view_frame`. A frame that is not ready is asked for again at once (reference section 15)."""
        return await self.control.held_for(self._view_frame)

    async def _view_frame(self) -> bytes:
        if self._live_view_in != self.control.holds:
            if (await self._settings.values(Dataset.GROUP2)).get("SpecialMode") != LIVE_VIEW:
                await self._settings.write(Dataset.GROUP2, {"SpecialMode": LIVE_VIEW})
            self._live_view_in = self.control.holds
        deadline = trio.current_time() + FRAME_BUDGET
        while trio.current_time() < deadline:
            frame = await self._operations.view_frame()
            if frame is not None:
                return frame
        raise errors.Busy(f"the camera made no view frame in {FRAME_BUDGET:g} s")

    # ------------------------------------------------------------------ raw, status

    async def raw(self, command: str) -> str:
        """See `Camera.raw`. Operations that change the body's life go by `control`; those that take it off the bus are not sent."""
        try:
            operation, *parameters = (int(word, 16) for word in command.partition(":")[0].split())
        except ValueError:
            return await self._ptp.raw(command)  # which says what a command is
        if operation < FIRST_VENDOR_OPERATION:
            return await self._ptp.raw(command)
        self._operations.check(operation)
        if operation in SIGMA_WRITES and ":" not in command:
            raise errors.InvalidValue(f"{name_of(SigmaOperation, operation)} takes data: write them behind a colon")
        if operation == SigmaOperation.CloseApplication:
            await self.control.hand_back()
            return "2001"
        async with self.control.needed():
            if operation == SigmaOperation.ConfigApi:
                return f"2001 : {self.control.info.encode().hex()}" if self.control.info is not None else "2001"
            if operation == SigmaOperation.GetPartialMovieFile:
                return f"2001 : {(await self._raw_movie(parameters)).hex()}"
            if operation == SigmaOperation.SnapCommand and (mode := _snap_mode(command)) in MOVIE_MODES:
                await self._raw_record(mode)
                return "2001"
            answer = await self._ptp.raw(command)
            self._settings.forget()
            if answer == f"{NOT_INITIALISED:04x}":
                self.control.note_left()
            return answer

    async def _raw_record(self, mode: int) -> None:
        """Start or stop a movie as `.record` does: that one is being recorded has to be known, as no take may be read then (section 14)."""
        if mode == SnapMode.STOP_MOVIE:
            await self.images.stop_movie()
        else:
            await self.images.start_movie(with_af=mode == SnapMode.START_MOVIE_WITH_AF)

    async def _raw_movie(self, parameters: Sequence[int]) -> bytes | memoryview:
        """Run GetPartialMovieFile in the one form that is known not to take the camera off the bus."""
        match parameters:
            case (0, offset, 0, size):
                return await self.images.read_movie(offset, size)
        raise errors.NotPermitted("the only safe form is 9037 0 OFFSET 0 SIZE")

    async def status(self) -> Sequence[tuple[str, str]]:
        """See `Camera.status`. Never takes the body, and asks nothing of one that is not held."""
        held = await self._held_status() if self.control.held else []
        info = self.control.info
        lines = [
            ("camera", self._ptp.info.model or "SIGMA"),
            ("serial", self._serial()),
            ("firmware", info.firmware if info is not None else "not known before the body is taken"),
            ("control", "yes" if self.control.held else "no"),
        ]
        if self.control.held:
            lines += held
        elif self._battery:
            lines.append(("battery", self._battery))
        files = len(self.images.list())
        lines.append(("imagedb", f"{files} file{'s' * (files != 1)}, {self.images.unsaved} only in the camera"))
        if self.images.lost_names:
            lines.append(("lost", f"{', '.join(self.images.lost_names)} (the camera was switched off before)"))
        return lines

    async def _held_status(self) -> list[tuple[str, str]]:
        """Tell what the body tells while it is held; not being needed, this does not put off its idleness."""
        lines: list[tuple[str, str]] = []
        for key, name in STATUS_SETTINGS.items():
            try:
                value = await self._settings.read(name)
            except (errors.Refused, errors.RemoteProtocolError) as error:
                log.info("%s: %s", name, error)
                if isinstance(error, errors.Refused) and error.code == NOT_INITIALISED:
                    self.control.note_left()
                    return []
                continue
            lines.append((key, value))
            if key == "battery":
                self._battery = value
        return [*lines, ("recording", "yes" if self.images.recording else "no")]


def _snap_mode(command: str) -> int | None:
    """Return the mode in the data of a raw SnapCommand, at offset 1; None if there is none."""
    try:
        data = bytes.fromhex(command.partition(":")[2])
    except ValueError:
        return None
    return data[1] if len(data) > 1 else None
