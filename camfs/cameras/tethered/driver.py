"""The driver of a body that a computer can control, of any maker: a PTP camera, and what its maker's `Body` does beyond PTP.

driver ─┬─ ptp            the card, copying, what any PTP camera does
        ├─ body           settings, shutter, live view, focus, movies, in the maker's way
        ├─ remote ─ mark  who has the body; it is given back whatever happens
        ├─ following      what happens in the body
        ├─ shutter        one picture
        └─ shots ─ spool  the folder `imagedb`: shots that came to this computer

Listing and copying send what any PTP camera is sent, and nothing of the maker's. The body is acquired by what needs it: a picture, a frame
of the live view, the focus, a movie, a setting that cannot be read or changed otherwise, and `.control`. It is released on `.control` 0,
after an idle time, at the end, and by the next program if this one is killed.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence, Set
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import trio

from camfs import errors
from camfs.cameras.api import Ability, Happened, Key
from camfs.cameras.ptp.driver import PtpCamera
from camfs.cameras.ptp.link import Link
from camfs.cameras.tethered.body import Body, NeedsControl, ShotWaits
from camfs.cameras.tethered.entries import CardAndShots, serial, shot_lines
from camfs.cameras.tethered.file_names import default_folder
from camfs.cameras.tethered.following import Following
from camfs.cameras.tethered.image_news import ImageNews
from camfs.cameras.tethered.mark import MarkedTether
from camfs.cameras.tethered.remote import RemoteControl
from camfs.cameras.tethered.shot_key import IMAGEDB
from camfs.cameras.tethered.shots import ShotFolder
from camfs.cameras.tethered.shutter import Shutter
from camfs.cameras.tethered.spool import Spool

log = logging.getLogger(__name__)

T = TypeVar("T")

AUTOFOCUS = "capture-autofocus"
"""The setting that is camfs's own: whether the body focuses before a picture. It does not, unless the user says so: that would undo a
manual focus."""

SWITCH = ("off", "on")


class HeldShots:
    """What remote control asks about shots (`remote.Shots`), before the body is released and after one was found tethered."""

    def __init__(self, body: Body, shots: ShotFolder) -> None:
        self.following: Following | None = None
        self._body = body
        self._shots = shots

    @property
    def has_unsaved(self) -> bool:
        return self._shots.unsaved > 0

    @property
    def recording(self) -> bool:
        return self._body.recording

    async def save(self) -> None:
        """Stop the movie, and receive what waits in the body."""
        if self._body.recording:
            await self._body.record(False)
        assert self.following is not None
        await self.following.ask()

    async def rescue(self) -> None:
        """Take the body, and receive what a previous program left in it: what it tells of, then what it has told that program of.

        A shot that is here already is one that could not be let go, or the last that the other program received. Two of them in a row
        say that the body gives the same one again and again.
        """
        await self._body.enter()
        for news in await self._body.poll():
            if isinstance(news, ShotWaits):
                self._shots.note_waiting(news.handle)
        await self._shots.bring_in(rescuing=True)
        doubles = 0
        while doubles < 2 and (handle := await self._body.left_behind()) is not None:
            self._shots.note_waiting(handle)
            doubles = 0 if await self._shots.bring_in(rescuing=True) else doubles + 1

    def note_emptied(self) -> None:
        self._shots.note_emptied()


class TetheredCamera(CardAndShots):
    """A body on any link; a `cameras.api.Camera`.

    Args:
        ptp: the same camera, opened.
        body: what its maker's bodies do.
        nursery: runs what goes on in the background.
        idle: release control after this many idle seconds; 0 = never.
        spool: folder for shots; None is the default.

    Attributes:
        ptp: as given.
        body: as given.
        remote: remote control of the body.
        shots: the shots that came to this computer.
    """

    def __init__(self, ptp: PtpCamera, body: Body, nursery: trio.Nursery, *, idle: float, spool: Path | None) -> None:
        self.ptp = ptp
        self.body = body
        self._nursery = nursery
        kept = Spool(spool or default_folder(serial(ptp)))
        self._names_spool = spool is not None
        self._image_news = ImageNews(ptp.announce, lambda: self.shots.list())
        self.shots = ShotFolder(body, kept, self._image_news.announce)
        super().__init__(ptp, ptp, self.shots)
        held = HeldShots(body, self.shots)
        self._tether = MarkedTether(body, ptp, kept)
        self.remote = RemoteControl(self._tether, held, idle)
        self._following = held.following = Following(body, self.remote, self.shots, ptp.events, ptp.announce)
        self._shutter = Shutter(body, self._following, self.shots, ptp)
        self._focuses = self._is_closing = False
        self.remote.when_acquired = lambda: self._tell("control taken")
        self.remote.when_ended = self._when_control_ended
        ptp.when_renumbered = self._when_renumbered

    # ------------------------------------------------------------------ life

    async def open(self) -> None:
        """See what waits in the spool, and release the body if a previous program was killed while it had it.

        Raises:
            Refused: shots cannot be kept in the folder that was named for them. The body was not asked for anything that is its maker's.
            DeviceGone: the camera left.
        """
        await self.shots.open(is_wanted=self._names_spool)
        self._image_news.note_known()
        await self.remote.recover()

    async def reattach(self, link: Link) -> None:
        """Go on over another link, after the camera was gone.

        Raises:
            CameraError: see `PtpCamera.reattach`.
        """
        await self.ptp.reattach(link)
        self.body.note_left()
        await self.remote.recover()
        self.shots.note_emptied()

    async def listen(self) -> None:
        """Announce what happens at the camera until it is gone, and release control when idle."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.remote.release_when_idle)
            nursery.start_soon(self._following.run)
            await self.ptp.listen()
            self.remote.note_unplugged()
            nursery.cancel_scope.cancel()

    async def aclose(self) -> None:
        """Release control, close the session and let go of the device; never raises."""
        self._is_closing = True
        with trio.CancelScope(shield=True):
            if self.gone:
                self.remote.note_unplugged()
            await self.remote.aclose()
            if not self.remote.is_acquired and not self.gone:
                await self._tether.aclose()
            await self.shots.aclose()
            await self.ptp.aclose(holds_shots=self.remote.is_acquired and self.shots.unsaved > 0)

    @property
    def is_remote_controlled(self) -> bool:
        return self.body.settings_need_control

    def _when_control_ended(self) -> None:
        self.body.note_left()
        self.body.settings.invalidate()
        self._tell("control released" if self.remote.was_released else "control lost")

    def _tell(self, text: str) -> None:
        if not self._is_closing:
            self._nursery.start_soon(self.ptp.announce, Happened(text))

    def abilities(self) -> Set[Ability]:
        return (
            self.ptp.abilities() | {Ability.CAPTURE, Ability.SETTINGS, Ability.REMOTE_CONTROL} | self.body.abilities()
        )

    def _when_renumbered(self) -> None:
        self.shots.note_session_lost()
        if self.remote.is_acquired:
            self.remote.note_unclear()  # the session was lost, and with it control on some bodies

    # ------------------------------------------------------------------ listing

    async def list_folder(self, key: Key | None) -> Sequence[Key]:
        if key is None and not self.body.shows_card:
            return [*await self._stores_that_show_something(), IMAGEDB]
        return await super().list_folder(key)

    async def _stores_that_show_something(self) -> Sequence[Key]:
        """List the stores of a body that shows no card: it lists none, or one in which there is nothing."""
        shown: list[Key] = []
        with suppress(errors.StoreUnavailable):
            for store in await self.ptp.list_folder(None):
                with suppress(errors.StoreUnavailable):
                    await self.ptp.list_folder(store)
                    shown.append(store)
        return shown

    async def refresh(self) -> None:
        self.body.settings.invalidate()
        await self.ptp.refresh()

    # ------------------------------------------------------------------ settings, clock

    async def learn_settings(self) -> None:
        await self.body.settings.learn()

    def setting_names(self) -> Sequence[str]:
        return [*self.body.settings.names(), AUTOFOCUS]

    async def setting(self, name: str) -> str:
        if name == AUTOFOCUS:
            return SWITCH[self._focuses]
        return await self._read(lambda: self.body.settings.read(name))

    async def choices(self, name: str) -> Sequence[str]:
        if name == AUTOFOCUS:
            return SWITCH
        return await self._read(lambda: self.body.settings.choices(name))

    async def _read(self, work: Callable[[], Awaitable[T]]) -> T:
        """Ask the body something that it may tell under remote control only: the body is acquired if it says so."""
        if not (self.body.settings_need_control and self.remote.is_acquired):
            try:
                return await work()
            except NeedsControl as error:
                log.info("%s; control is acquired", error)
        return await self.remote.run(work)

    async def change_setting(self, name: str, value: str) -> None:
        """Write a setting. The body is acquired only if it does not let the setting be changed otherwise."""
        if name == AUTOFOCUS:
            if value not in SWITCH:
                raise errors.InvalidValue(f"{name}: {value!r} is not on or off")
            self._focuses = value == SWITCH[1]
            return
        if not self.remote.is_acquired:
            try:
                await self.body.settings.change(name, value)
                return
            except NeedsControl as error:
                log.info("%s: %s; control is acquired", name, error)
        await self.remote.run(lambda: self.body.settings.change(name, value))

    async def clock(self) -> datetime:
        return await self._read(self.body.clock)

    async def set_clock(self, moment: datetime) -> None:
        await self._read(lambda: self.body.set_clock(moment))

    # ------------------------------------------------------------------ capture, movies, focus, live view

    async def capture(self, exposure: float | None = None) -> Sequence[Key]:
        async with self.remote.acquired():
            return (await self._shutter.take(autofocus=self._focuses, exposure=exposure))[1]

    async def capture_several(self, count: int) -> tuple[int, Sequence[Key]]:
        async with self.remote.acquired():
            return await self._shutter.take(autofocus=self._focuses, exposure=None)

    async def stop_capture(self) -> None:
        self.body.end_exposure()

    async def recording(self) -> bool:
        return self.remote.is_acquired and self.body.recording

    async def record(self, start: bool) -> None:
        if start:
            async with self.remote.acquired():
                await self.body.record(True)
        elif await self.recording():
            async with self.remote.unchanged():
                await self.body.record(False)

    async def focus(self) -> str:
        return await self._read(self.body.focus_text)

    async def change_focus(self, text: str) -> None:
        async with self.remote.acquired():
            await self.body.change_focus(text)

    async def view_frame(self) -> bytes:
        return await self.remote.run(self.body.frame)

    # ------------------------------------------------------------------ raw, status

    async def raw(self, command: str) -> str:
        try:
            return await self.ptp.raw(command)
        finally:
            self.body.settings.invalidate()

    async def status(self) -> Sequence[tuple[str, str]]:
        """Return the lines of `.status`. Never acquires control."""
        lines = [*await self.ptp.status(), ("control", "yes" if self.remote.is_acquired else "no")]
        lines += await self.body.status()
        if self.remote.is_acquired:
            lines.append(("recording", "yes" if self.body.recording else "no"))
        lines += shot_lines(self.shots)
        return lines
