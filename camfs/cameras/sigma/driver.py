"""The driver of the SIGMA fp and fp L: the card of a PTP camera, and what the body does under remote control.

A `PtpCamera` serves the card. Beside its stores the folder `imagedb` shows the shots that the camera or this computer holds for the
user. Everything else (settings, capture, live view, focus, movies) acquires control first. The states of that, which are the driver's
own, are drawn in `remote`; those of a shot in `imagedb`.
"""

import logging
from collections.abc import Sequence, Set
from datetime import datetime
from pathlib import Path, PurePosixPath

import trio

from camfs import errors
from camfs.cameras.api import Ability, Change, Entry, FolderChanged, Happened, Key, unconfirmed_lines
from camfs.cameras.ptp.driver import PtpCamera
from camfs.cameras.ptp.link import Link
from camfs.cameras.sigma.card import Card
from camfs.cameras.sigma.focus import Focus
from camfs.cameras.sigma.imagedb import ImageFolder
from camfs.cameras.sigma.interval import LOOK
from camfs.cameras.sigma.liveview import LiveView
from camfs.cameras.sigma.operations import SigmaOperations
from camfs.cameras.sigma.raw import RawCommands
from camfs.cameras.sigma.settings import Settings
from camfs.cameras.sigma.shutter import ShotPlan, plan_shot, shutter_at_bulb
from camfs.cameras.sigma.tether import SigmaTether
from camfs.cameras.tethered.entries import CardAndShots, serial, shot_lines
from camfs.cameras.tethered.file_names import default_folder
from camfs.cameras.tethered.image_news import ImageNews
from camfs.cameras.tethered.remote import RemoteControl
from camfs.cameras.tethered.shot_key import ImageKey
from camfs.cameras.tethered.spool import Spool
from camfs.protocols.sigma.codes import NOT_INITIALISED, SigmaOperation, SnapMode

log = logging.getLogger(__name__)

STATUS_SETTINGS = {
    "battery": "battery-level",
    "lens": "focal-length",
    "free-shots": "free-shots",
    "media": "media-status",
    "capture-mode": "capture-mode",
}
"""Lines of `.status` that are settings, shown while the computer has control."""


WATCHED = 3.0
"""Seconds between two looks at what the body has changed."""


class ImageFolderInUse:
    """The folder `imagedb` as the file system uses it: what needs the camera keeps control from being acquired or released meanwhile."""

    def __init__(self, images: ImageFolder, remote: RemoteControl) -> None:
        self._images = images
        self._remote = remote
        self.list, self.describe, self.usage = images.list, images.describe, images.usage

    async def read(self, entry: Entry, offset: int, size: int) -> bytes | memoryview:
        if not self._images.needs_camera(entry.key):
            return await self._images.read(entry, offset, size)
        async with self._remote.unchanged():
            return await self._images.read(entry, offset, size)

    async def remove(self, entry: Entry) -> None:
        async with self._remote.unchanged():
            await self._images.remove(entry)


class SigmaCamera(CardAndShots):
    """A SIGMA fp on any link; a `cameras.api.Camera`.

    Args:
        ptp: the same camera, opened.
        nursery: runs what goes on in the background.
        idle: release control after this many idle seconds; 0 = never.
        spool: folder for shots; None is the default.
        movies: whether movies are offered for reading.

    Attributes:
        remote: remote control of the body.
        images: the shots that wait.
    """

    def __init__(
        self,
        ptp: PtpCamera,
        nursery: trio.Nursery,
        *,
        idle: float,
        spool: Path | None,
        movies: bool = False,
    ) -> None:
        self._nursery = nursery
        self._operations = SigmaOperations(ptp.session, ptp.info.operations)
        self._image_news = ImageNews(ptp.announce, lambda: self.images.list(), lambda key: self.images.raw(key))
        self.images = ImageFolder(
            self._operations, Spool(spool or default_folder(serial(ptp))), self._image_news.announce, movies=movies
        )
        self._tether = SigmaTether(self._operations)
        self.remote = RemoteControl(self._tether, self.images, idle)
        self._card = Card(ptp, lambda: self.remote.is_acquired)
        super().__init__(ptp, self._card, ImageFolderInUse(self.images, self.remote))
        self._settings = Settings(self._operations)
        self._focus = Focus(self._operations, self._settings, self.images)
        self._live_view = LiveView(self._operations, self._settings, self.remote)
        self._raw = RawCommands(ptp, self._operations, self._tether, self.remote, self.images, self._settings)
        self._battery = self._interval_trouble = ""
        self._is_closing = self._is_ending_control = False
        self.remote.before_acquiring = self._card.learn_stores
        self.remote.after_acquiring = self._settings.learn
        self.remote.when_acquired = lambda: self._tell(Happened("control taken", _raw(SigmaOperation.ConfigApi)))
        self.remote.when_ended = self._when_control_ended
        self._settings.tell = self._tell
        ptp.when_renumbered = self._when_renumbered

    # ------------------------------------------------------------------ life

    async def open(self) -> None:
        """Open the spool, and release the body if a previous program left it locked.

        Raises:
            Refused: shots cannot be kept on this computer. The body was not asked for anything that is its maker's.
            DeviceGone: the camera left.
        """
        await self.images.open()
        self._image_news.note_known()
        await self.remote.recover()

    async def reattach(self, link: Link) -> None:
        """Go on over another link, after the camera was gone. As in `open`: the body may still be locked (PTP/IP).

        Shots that are listed are rescued like all others, once it is certain that the camera still holds them (`identity`).

        Raises:
            CameraError: see `PtpCamera.reattach`.
        """
        self.images.note_contact_lost()
        await self._ptp.reattach(link)
        await self.remote.recover()
        if not self.remote.is_acquired:
            self.images.note_emptied()  # the camera no longer holds what was not rescued

    async def listen(self) -> None:
        """Announce what happens at the camera until it is gone, and release control when idle."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.remote.release_when_idle)
            nursery.start_soon(self._watch_settings)
            await self._ptp.listen()
            self.remote.note_unplugged()
            nursery.cancel_scope.cancel()

    async def _watch_settings(self) -> None:
        """Look now and then what the body has changed, under control and while nobody uses it; that does not put off its release."""
        while True:
            await trio.sleep(WATCHED)
            if self.remote.is_unused:
                try:
                    await self._settings.look()
                except errors.CameraError as error:
                    log.info("what the body has changed: %s", error)
                    if isinstance(error, errors.Refused) and error.code == NOT_INITIALISED:
                        self.remote.note_switched_off()

    async def aclose(self) -> None:
        """Release control, close the session and let go of the device; never raises."""
        self._is_closing = True
        with trio.CancelScope(shield=True):
            if self.gone:
                self.remote.note_unplugged()
            await self.remote.aclose()
            await self.images.aclose()
            await self._ptp.aclose()

    @property
    def is_remote_controlled(self) -> bool:
        return True

    def abilities(self) -> Set[Ability]:
        of_card = self._ptp.abilities() & {Ability.THUMBNAILS, Ability.DELETE, Ability.FORMAT}
        of_body = {Ability.CAPTURE, Ability.SETTINGS, Ability.REMOTE_CONTROL, Ability.MOVIES, Ability.FOCUS}
        return of_card | of_body | {Ability.LIVE_VIEW}

    def _tell(self, *changes: Change) -> None:
        if not self._is_closing:
            self._nursery.start_soon(self._announce_all, changes)

    async def _announce_all(self, changes: Sequence[Change]) -> None:
        for change in changes:
            await self._ptp.announce(change)

    def _when_control_ended(self) -> None:
        """Have the card listed anew: the photographer has or had the body, and handles may mean other objects now.

        What was listed is kept for the next time that control is acquired, until it is listed anew: nothing fresher was seen.
        """
        self._settings.invalidate()
        self._settings.forget_unconfirmed()
        self._is_ending_control = True
        self._ptp.renumber()
        self._is_ending_control = False
        how = (
            Happened("control released", _raw(SigmaOperation.CloseApplication))
            if self.remote.was_released
            else Happened("control lost")
        )
        self._tell(how, FolderChanged(None))

    def _when_renumbered(self) -> None:
        if self.remote.is_acquired:
            self.remote.note_unclear()  # the session was lost: the body is still under control, or was switched off and on
            self.images.note_contact_lost()
        elif not self._is_ending_control:
            self._card.invalidate()

    async def refresh(self) -> None:
        """Forget what was remembered, but for the card's listing under control: there is no other."""
        self._settings.invalidate()
        if not self.remote.is_acquired:
            await self._ptp.refresh()
            self._card.invalidate()

    # ------------------------------------------------------------------ settings, clock

    async def learn_settings(self) -> None:
        pass

    def setting_names(self) -> Sequence[str]:
        return self._settings.names()

    async def setting(self, name: str) -> str:
        return await self.remote.run(lambda: self._settings.read(name))

    async def choices(self, name: str) -> Sequence[str]:
        return await self.remote.run(lambda: self._settings.choices(name))

    async def change_setting(self, name: str, value: str) -> None:
        """Write a setting. A focus position is driven to, which takes more than one write."""
        if name == "focus-position" and value.isascii() and value.isdecimal():
            await self.change_focus(value)
        else:
            await self.remote.run(lambda: self._settings.change(name, value))

    async def clock(self) -> datetime:
        raise errors.NotSupported("the SIGMA's clock cannot be read")

    async def set_clock(self, moment: datetime) -> None:
        raise errors.NotSupported("setting the SIGMA's clock is not supported: its format is unknown")

    # ------------------------------------------------------------------ capture, movies, focus, live view

    async def capture(self, exposure: float | None = None) -> Sequence[Key | PurePosixPath]:
        """Take a picture without autofocus, which would undo a manual focus; `.focus` is for that.

        For a bulb exposure the shutter speed is set to bulb, and back afterwards.

        Raises:
            NotPermitted: the camera does not accept bulb in this exposure-mode, or takes no pictures in its present mode.
        """
        if exposure is None:
            return (await self.capture_several(1))[1]
        async with self.remote.acquired(), shutter_at_bulb(self._settings):
            return await self._capture(await plan_shot(self._operations, exposure=exposure))

    async def capture_several(self, count: int) -> tuple[int, Sequence[Key | PurePosixPath]]:
        """Take pictures by one SnapCommand, and see by the names of their files how many the body has taken."""
        async with self.remote.acquired():
            plan = await plan_shot(self._operations, count)
            files = await self._capture(plan)
        names = {(file.name if isinstance(file, ImageKey | PurePosixPath) else "").partition(".")[0] for file in files}
        return (len(names) if plan.amount > 1 else 1), files

    async def _capture(self, plan: ShotPlan) -> Sequence[Key | PurePosixPath]:
        try:
            files = await self.images.capture(
                SnapMode.WITHOUT_AF,
                plan.budget,
                plan.destination,
                amount=plan.amount,
                hold=plan.hold,
                interval=plan.interval,
            )
        finally:
            self._settings.invalidate()
        if self.images.interval.runs:
            self._nursery.start_soon(self._follow_interval)
        return files

    async def _follow_interval(self) -> None:
        """Bring in what the body takes by itself, for as long as it does."""
        while self.images.interval.runs:
            await trio.sleep(LOOK)
            try:
                async with self.remote.unchanged():
                    if self.remote.is_acquired:
                        await self.images.bring_in_interval()
            except errors.CameraError as error:
                if str(error) != self._interval_trouble:
                    log.warning("a picture of the interval timer is not brought in yet: %s", error)
                self._interval_trouble = str(error)

    async def stop_capture(self) -> None:
        self.images.end_bulb()
        if self.images.interval.runs:
            async with self.remote.unchanged():
                await self.images.interval.stop()
                await (
                    self.images.bring_in_interval()
                )  # so that the next command may follow at once, unless a picture is under way

    async def recording(self) -> bool:
        return self.remote.is_acquired and self.images.recording

    async def record(self, start: bool) -> None:
        if start:
            async with self.remote.acquired():
                await self.images.start_movie(with_af=False)
            self._tell(Happened("recording started", _raw(SigmaOperation.SnapCommand)))
        elif await self.recording():
            async with self.remote.unchanged():
                await self.images.stop_movie()
            self._tell(Happened("recording stopped", _raw(SigmaOperation.SnapCommand)))

    async def focus(self) -> str:
        return await self.remote.run(self._focus.text)

    async def change_focus(self, text: str) -> None:
        if text != "af":
            await self.remote.run(lambda: self._focus.change(text))
            return
        async with self.remote.acquired():  # SnapCommand is not given twice
            await self._focus.change(text)

    async def view_frame(self) -> bytes:
        return await self.remote.run(self._live_view.frame)

    # ------------------------------------------------------------------ raw, status

    async def raw(self, command: str) -> str:
        return await self._raw.run(command)

    async def status(self) -> Sequence[tuple[str, str]]:
        """Return the lines of `.status`. Never acquires control, and asks the camera nothing without it."""
        settings = await self._setting_lines() if self.remote.is_acquired else []
        info = self._tether.info
        lines = [
            ("camera", self._ptp.info.model or "SIGMA"),
            ("serial", serial(self._ptp)),
            ("firmware", info.firmware if info is not None else "not known before control is acquired"),
            ("control", "yes" if self.remote.is_acquired else "no"),
        ]
        if self.remote.is_acquired:
            lines += settings
        elif self._battery:
            lines.append(("battery", self._battery))
        if self.images.interval.text:
            lines.append(("interval-timer", self.images.interval.text))
        lines += shot_lines(self.images)
        return lines

    async def _setting_lines(self) -> list[tuple[str, str]]:
        """Return the settings among the lines of `.status`. Reading them here does not put off the release of an idle camera."""
        lines: list[tuple[str, str]] = []
        for key, name in STATUS_SETTINGS.items():
            try:
                value = await self._settings.read(name)
            except (errors.Refused, errors.RemoteProtocolError) as error:
                log.info("%s: %s", name, error)
                if isinstance(error, errors.Refused) and error.code == NOT_INITIALISED:
                    self.remote.note_switched_off()
                    return []
                continue
            lines.append((key, value))
            if key == "battery":
                self._battery = value
        lines += unconfirmed_lines(self._settings.unconfirmed)
        return [*lines, ("recording", "yes" if self.images.recording else "no")]


def _raw(operation: SigmaOperation) -> str:
    return f"{operation.name} 0x{operation:04X}"
