"""Control files: `.status`, `.capture`, `.settings/` and the others. A read asks the camera something, a write is a command.

`CONTROLS` has a row for each file that is one command: what reading it returns and what writing to it does. The methods of `Controls` do
that work, and check the mount's options (`Permits`). `.settings/` has such a row for each setting of the camera; `.events` and
`.thumbnails/` work differently and have modules of their own.

* A handle's first read fetches the contents; later reads of the same handle continue in them (`handles.ContentsHandle`).
* One write is one command, as in sysfs. It has happened when write(2) returns, or write(2) fails with the errno of the reason and `.status`
  gives the reason in words, as `last-error`.
* Sizes are 0, as in /proc: what there is to read is known only when it is read.
* A request of the kernel has a budget of time (`budget.py`), except commands that take long by nature (`Control.takes_long`). They wait for
  as long as the driver thinks right. Meanwhile `.status` has a line for each, which says for how long it has waited. It asks
  the camera as little as it can then, and shows what it was told before.
"""

import contextlib
import logging
import stat
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import trio

from camfs import errors
from camfs.cameras.api import Happened, Key, NoChoices
from camfs.developing.pictures import DevelopedPictures
from camfs.mount.capture import Shooting
from camfs.mount.developed import Darkroom
from camfs.mount.events import EventLog, EventsFile, line_of
from camfs.mount.file import File
from camfs.mount.handles import ContentsHandle, Handle
from camfs.mount.help import help_text
from camfs.mount.liveview import FrameFile, Frames, StreamFile
from camfs.mount.mirror import MirrorFolder
from camfs.mount.nodes import Attributes, Directory, DirectoryListing, FixedListing, Node
from camfs.mount.thumbnails import Thumbnails
from camfs.mount.tree import Tree
from camfs.printable import printable, printable_lines

log = logging.getLogger(__name__)

MAX_COMMAND = 8 << 10
"""Bytes of one command."""

STATUS_TIME = 3.0
"""Seconds before the end of its budget at which `.status` is written with what is known; it never fails."""

STATUS_TIME_WHILE_BUSY = 1.0
"""Seconds for which `.status` waits for the driver while a long command runs."""


EVENT = "event"
"""The kind of a failure after an event."""

TOLD_TIME = 1.0
"""Seconds for which `.capture` waits until programs that watch the folder have been told of the picture."""


@dataclass(frozen=True)
class Permits:
    """What the mount's options allow."""

    format: bool = False
    raw: bool = False


class Controls:
    """What the control files act on, and what they remember.

    Args:
        tree: with its camera; the files are put into its root by `install`.
        source: SOURCE of the command line, for `.status`.
        permits: what the mount's options allow.

    Attributes:
        events: the text of `.events`.
    """

    def __init__(self, tree: Tree, source: str, permits: Permits = Permits()) -> None:
        self.tree = tree
        self.camera = tree.camera
        self.source = source
        self.permits = permits
        self.events = EventLog()
        self._raw_reply = ""
        self._no_choices = ""
        self._identity: Sequence[tuple[str, str]] = ()
        self._rooms: Sequence[tuple[str, str]] = ()
        self._running: dict[object, tuple[str, float]] = {}
        self.shooting = Shooting(tree, self.events)
        self.frames = Frames(tree)
        self.darkroom = Darkroom(DevelopedPictures())

    def install(self) -> None:
        """Put the control files into the root of the tree, where they are found by name."""
        root = self.tree.root
        for name, control in CONTROLS.items():
            root.control_files[name.encode()] = ControlFile(self, root, name.encode(), control)
        root.control_files[b".liveview.jpg"] = FrameFile(self.tree, root, b".liveview.jpg")
        root.control_files[b".liveview.mjpeg"] = StreamFile(self.tree, root, b".liveview.mjpeg", self.frames)
        root.control_files[b".events"] = EventsFile(self.tree, root, b".events", self.events)
        root.control_files[b".settings"] = SettingsFolder(self, root, b".settings", setting_file)
        root.control_files[b".thumbnails"] = MirrorFolder(self.tree, root, b".thumbnails", root, Thumbnails())
        root.control_files[b".developed"] = MirrorFolder(self.tree, root, b".developed", root, self.darkroom)

    async def follow(self) -> None:
        """Apply what happens at the camera, and do what goes on by itself, for as long as the mount lives."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.shooting.run)
            nursery.start_soon(self.darkroom.run)
            nursery.start_soon(self.frames.run)
            await self._follow_changes()
            nursery.cancel_scope.cancel()

    async def _follow_changes(self) -> None:
        """Apply what happens at the camera to the tree and to `.events`."""
        async for change in self.camera.changes:
            try:
                if isinstance(change, Happened):
                    moment = datetime.now().astimezone()
                    self.events.add(await line_of(self.tree, change), moment)
                    continue
                with self.tree.budget.limit():  # requests wait meanwhile
                    await self.tree.apply(change)
            except errors.CameraError as error:
                self.tree.note_error(f"after an event: {error}", kind=EVENT)
            except Exception as error:
                log.exception("after an event")
                self.tree.note_error(f"after an event: {type(error).__name__}: {error}", kind=EVENT)
            else:
                self.tree.note_success(EVENT)

    # what each file reads and writes

    async def read_help(self) -> str:
        """Return what the control files do. Never fails, and does not disturb the camera."""
        options = {"allow_format": self.permits.format, "raw": self.permits.raw, "allow_delete": self.tree.allow_delete}
        with self._status_time(), contextlib.suppress(errors.CameraError):
            self._identity = self._identity or await self.camera.status()
        given = {name for name, is_given in options.items() if is_given}
        return help_text(dict(self._identity).get("camera", ""), self.camera.abilities(), given)

    async def read_status(self) -> str:
        """Return `key: value` lines. Never fails, and asks the camera little."""
        transfer = self._transfer()
        with self._status_time():
            try:
                self._identity = await self.camera.status()
                if not self._is_busy and not self.camera.gone:
                    self._rooms = await self._store_lines()
            except errors.CameraError as error:
                log.info("status: %s", error)
        lines = [*self._identity]
        lines.insert(min(3, len(lines)), ("source", self.source))
        lines += [("connected", "no")] if self.camera.gone else self._rooms
        lines.append(("transfer", transfer))
        lines += self._running_lines()
        lines += self.shooting.status_lines()
        lines += self.darkroom.status_lines()
        if self._no_choices:
            lines.append(("no-choices", self._no_choices))
        if (failure := self.tree.last_failure) is not None:
            lines.append(("last-error-time", failure.time.isoformat(timespec="seconds")))
            lines.append(("last-error", failure.text))
        return "".join(f"{key}: {' '.join(value.split())}\n" for key, value in lines)

    def note_choices(self, name: str, choices: Sequence[str]) -> None:
        """Remember for `.status` why a setting that was asked for its values has none to list."""
        if choices:
            if self._no_choices.startswith(f"{name}: "):
                self._no_choices = ""
        else:
            why = choices.why if isinstance(choices, NoChoices) else "the camera does not say which values it takes"
            self._no_choices = f"{name}: {why}"

    def _status_time(self) -> trio.CancelScope:
        """Return the scope in which `.status` asks the camera."""
        if self._is_busy:
            return trio.move_on_after(STATUS_TIME_WHILE_BUSY)
        left = trio.current_effective_deadline() - trio.current_time()
        return trio.move_on_after(min(max(left - STATUS_TIME, left / 2), self.tree.budget.seconds_in_a_row))

    @property
    def _is_busy(self) -> bool:
        """Whether the camera is doing what takes long, and is asked little."""
        return bool(self._running) or self.shooting.is_taking

    async def _store_lines(self) -> list[tuple[str, str]]:
        lines: list[tuple[str, str]] = []
        try:
            stores = await self._stores()
        except errors.StoreUnavailable as error:
            return [("stores", f"none: {error}")]
        except errors.CameraError as error:
            return [("stores", f"not available: {error}")]
        if not stores:
            lines.append(("stores", "none"))
        for name, key in stores:
            lines.append((name, await self._room(key)))
        for store in await self.tree.stores():
            if store.is_local:
                lines.append((f"{store.name.decode()}-disk", f"{await self._room(store.key)}, on this computer"))
        return lines

    async def _room(self, store: Key | None) -> str:
        try:
            usage = await self.camera.usage(store)
        except errors.CameraError as error:
            return f"not available: {error}"
        return f"{_gigabytes(usage.total)}, {_gigabytes(usage.free)} free"

    def _running_lines(self) -> list[tuple[str, str]]:
        """Return a line for each long command that runs: what it is, and for how long it has waited."""
        now = trio.current_time()
        lines = []
        for name, begun in self._running.values():
            what = f"{self.shooting.doing}, " if name == "capture" and self.shooting.doing else ""
            lines.append((name, f"{what}waiting for the camera, {now - begun:.0f} s"))
        return lines

    @contextlib.contextmanager
    def running(self, name: str) -> Iterator[None]:
        """Let `.status` tell of a long command while the block runs."""
        command = object()
        self._running[command] = name, trio.current_time()
        try:
            yield
        finally:
            del self._running[command]

    def _transfer(self) -> str:
        files = [source for source in self.tree.blocks.sources_in_flight() if isinstance(source, File)]
        return ", ".join(file.path() for file in files) or "none"

    async def _stores(self) -> list[tuple[str, Key | None]]:
        """Return the names and keys of the stores in the camera."""
        stores = await self.tree.stores()
        return [(store.name.decode(), store.key) for store in stores if not store.is_local]

    async def read_capture(self) -> str:
        """Return the paths of the last picture's files."""
        return "".join(f"{path}\n" for path in self.shooting.paths)

    async def write_capture(self, text: str) -> None:
        """Take pictures, or end what takes them by itself (`capture.parse`)."""
        await self.shooting.write(text)
        with trio.move_on_after(TOLD_TIME):
            await self.tree.watchers.told()

    async def read_control(self) -> str:
        """Return 1 while the camera is under remote control."""
        return f"{await self.camera.has_control():d}\n"

    async def write_control(self, text: str) -> None:
        """Take control of the camera, or end what takes pictures and give the camera back."""
        if _read_switch(text):
            await self.camera.acquire_control()
        else:
            await self.shooting.end()
            await self.camera.release_control()

    async def read_record(self) -> str:
        """Return 1 while a movie is being recorded."""
        return f"{await self.camera.recording():d}\n"

    async def write_record(self, text: str) -> None:
        """Start or stop a movie."""
        await self.camera.record(_read_switch(text))

    async def read_focus(self) -> str:
        """Return the state and the position of the focus."""
        return await self.camera.focus()

    async def write_focus(self, text: str) -> None:
        """Drive the focus: `af`, or to a position."""
        await self.camera.change_focus(text)

    async def read_clock(self) -> str:
        """Return the camera's time, ISO 8601 with its zone."""
        return (await self.camera.clock()).isoformat() + "\n"

    async def write_clock(self, text: str) -> None:
        """Set the camera's time: ISO 8601, or `now`."""
        try:
            moment = datetime.now().astimezone() if text == "now" else datetime.fromisoformat(text)
        except ValueError:
            raise errors.InvalidValue(f"{text!r} is not a time: write 2026-11-19T16:02:00, or now") from None
        await self.camera.set_clock(moment)

    async def write_refresh(self, _text: str) -> None:
        """List everything again."""
        await self.tree.refresh()
        await self.tree.kernel.flush()

    async def write_format(self, text: str) -> None:
        """Format the store of this name."""
        if not self.permits.format:
            raise errors.NotPermitted("formatting needs the mount option allow_format")
        for name, store in await self._stores():
            if name == text:
                await self.camera.format(store)
                await self.tree.refresh()
                await self.tree.kernel.flush()
                return
        raise errors.NotFound(f"no store {text!r}")

    async def read_raw(self) -> str:
        """Return the last reply."""
        self._check_raw()
        return self._raw_reply + "\n" if self._raw_reply else ""

    async def write_raw(self, text: str) -> None:
        """Send a raw command."""
        self._check_raw()
        self._raw_reply = await self.camera.raw(text)

    def _check_raw(self) -> None:
        if not self.permits.raw:
            raise errors.NotPermitted("raw commands need the mount option raw")


Read = Callable[[Controls], Awaitable[str | bytes]]
Write = Callable[[Controls, str], Awaitable[None]]


@dataclass(frozen=True)
class Control:
    """What reading and writing a control file does; None for what is denied.

    Attributes:
        takes_long: whether a write may take longer than the budget of a request.
        is_private: whether reading it is for the owner of the mount's files alone, whatever the umask: it shows what the owner asked of
            the camera.
        disturbs: whether reading it acquires control of a camera that has remote control; there it is private, too.
    """

    read: Read | None = None
    write: Write | None = None
    takes_long: bool = False
    is_private: bool = False
    disturbs: bool = False


CONTROLS: dict[str, Control] = {
    ".help": Control(read=Controls.read_help),
    ".status": Control(read=Controls.read_status),
    ".capture": Control(Controls.read_capture, Controls.write_capture, takes_long=True),
    ".control": Control(Controls.read_control, Controls.write_control, takes_long=True),
    ".record": Control(Controls.read_record, Controls.write_record, takes_long=True),
    ".focus": Control(Controls.read_focus, Controls.write_focus, takes_long=True, disturbs=True),
    ".clock": Control(Controls.read_clock, Controls.write_clock),
    ".refresh": Control(write=Controls.write_refresh),
    ".format": Control(write=Controls.write_format, takes_long=True),
    ".raw": Control(Controls.read_raw, Controls.write_raw, is_private=True),
}
"""The control files that are one command each; `.events`, `.settings/`, `.thumbnails/` and the live view have their own classes."""


class ControlFile(Node):
    """A control file that is one command."""

    allows_truncation = True

    def __init__(self, controls: Controls, parent: Node, name: bytes, control: Control) -> None:
        super().__init__(controls.tree, parent, name)
        self._controls = controls
        self._control = control

    async def attributes(self, exact: bool = True) -> Attributes:
        readable = 0o444 if self._control.read is not None else 0
        writable = 0o222 if self._control.write is not None else 0
        is_private = self._control.is_private or (self._control.disturbs and self.tree.camera.is_remote_controlled)
        return Attributes(stat.S_IFREG, (readable | writable) & (0o700 if is_private else 0o777), lasting=False)

    async def open(self, writing: bool) -> Handle:
        return ContentsHandle(self.contents, self.write)

    async def contents(self) -> bytes:
        """Return what there is to read.

        Raises:
            AccessDenied: it can only be written.
        """
        if self._control.read is None:
            raise errors.AccessDenied(f"{self.path()} can only be written")
        contents = await self._control.read(self._controls)
        return contents if isinstance(contents, bytes) else printable_lines(contents).encode()

    async def write(self, data: bytes) -> None:
        """Carry out one command.

        Raises:
            AccessDenied: it can only be read.
            InvalidValue: the bytes are not text, or too many.
        """
        if self._control.write is None:
            raise errors.AccessDenied(f"{self.path()} can only be read")
        if len(data) > MAX_COMMAND:
            raise errors.InvalidValue(f"{self.path()}: more than {MAX_COMMAND} bytes")
        try:
            text = data.decode().strip("\0 \t\r\n")
        except UnicodeDecodeError:
            raise errors.InvalidValue(f"{self.path()}: not text") from None
        takes_long = self._control.takes_long
        try:
            with self._controls.running(self.path().lstrip(".")) if takes_long else self.tree.budget.limit():
                await self._control.write(self._controls, text)
        except errors.NotFound as error:  # handlers note none of these, but this name somebody has typed
            self.tree.note_error(str(error), kind=("write", self.path()), of_command=True)
            raise


def setting_file(name: str) -> Control:
    """Return what a file of `.settings/` does."""

    async def read(controls: Controls) -> str:
        return printable(await controls.camera.setting(name)) + "\n"

    async def write(controls: Controls, text: str) -> None:
        await controls.camera.change_setting(name, await _meant(controls, name, text) if "?" in text else text)

    return Control(read, write, disturbs=True)


async def _meant(controls: Controls, name: str, text: str) -> str:
    """Return the value that reading a setting, or its choices, shows as this text; the text itself if there is none."""
    camera = controls.camera
    for values in ([await camera.setting(name)], await camera.choices(name)):
        for value in values:
            if printable(value) == text:
                return value
    return text


def choices_file(name: str) -> Control:
    """Return what a file of `.settings/.choices/` does."""

    async def read(controls: Controls) -> str:
        choices = await controls.camera.choices(name)
        controls.note_choices(name, choices)
        return "".join(f"{printable(choice)}\n" for choice in choices)

    return Control(read, disturbs=True)


class SettingsFolder(Directory):
    """`.settings/` or its `.choices/`: a file for each setting of the camera."""

    def __init__(self, controls: Controls, parent: Node, name: bytes, control: Callable[[str], Control]) -> None:
        super().__init__(controls.tree, parent, name)
        self._controls = controls
        self._control = control
        self._files: dict[bytes, Node] = {}
        self._choices = SettingsFolder(controls, self, b".choices", choices_file) if control is setting_file else None

    async def attributes(self, exact: bool = True) -> Attributes:
        return Attributes(stat.S_IFDIR, 0o755, lasting=False)

    async def find(self, name: bytes) -> Node | None:
        if self._choices is not None and name == self._choices.name:
            return self._choices
        await self._controls.camera.learn_settings()
        return {node.name: node for node in self._nodes()}.get(name)

    async def listing(self) -> DirectoryListing:
        shown = [self._choices] if self._choices is not None and self.tree.show_control else []
        await self._controls.camera.learn_settings()
        return FixedListing([*shown, *self._nodes()])

    def _nodes(self) -> list[Node]:
        names = [name.encode() for name in self._controls.camera.setting_names()]
        for name in names:
            if name not in self._files:
                self._files[name] = ControlFile(self._controls, self, name, self._control(name.decode()))
        return [self._files[name] for name in names]


def _read_switch(text: str) -> bool:
    if text not in ("0", "1"):
        raise errors.InvalidValue(f"{text!r} is neither 0 nor 1")
    return text == "1"


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"
