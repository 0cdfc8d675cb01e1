"""The command line: arguments, putting a mount together, the background, signals. Only here are concrete transports named."""

import argparse
import contextlib
import errno
import logging
import logging.handlers
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol

import trio

import camfs
from camfs import errors, fuse, virtual
from camfs.blocks import BlockCache
from camfs.cameras.camera import Camera
from camfs.cameras.dc120.camera import Dc120Camera
from camfs.cameras.dc120.line import Line, SerialPort
from camfs.cameras.ptp.camera import PtpCamera
from camfs.cameras.ptp.link import UsbLink, UsbPipes
from camfs.controls import Controls, Permits
from camfs.options import OPTIONS, MountOptions, parse_options
from camfs.sources import FORMS, SerialSource, UsbSource, VirtualSource, parse_source
from camfs.transports import serial, usb
from camfs.tree import Tree

log = logging.getLogger("camfs")

FUSE_DEVICE = "/dev/fuse"
FUSE_CONFIGURATION = "/etc/fuse.conf"

NO_CAMERA = "no camera found (no USB device of class 06/01/01; to try without a camera give virtual:sigma-fp)"

GRACE = 5.0
"""Seconds that requests under way have to end after a signal, before the mount is taken away from under them."""


class MountFailed(Exception):
    """The mount cannot be made; the text is the line for the user."""


@dataclass(frozen=True)
class Mount:
    """What is to be mounted, where and how."""

    source: str
    mount_point: str
    options: MountOptions


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    width = max(len(option.name + option.value) for option in OPTIONS) + 3
    options = "\n".join(
        f"  {option.name + ('=' + option.value if option.value else ''):{width}}{option.help}" for option in OPTIONS
    )
    parser = _Parser(
        prog="camfs",
        usage="camfs [SOURCE] MOUNTPOINT [-o OPTION,…] [-f] [-v]\n       camfs --list",
        description="Mount a camera as a file system; returns once the mount answers.",
        epilog=f"options for -o:\n{options}\n\nThose of FUSE (allow_other, default_permissions, ro, …) are handed on.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="[SOURCE] MOUNTPOINT",
        help=f"SOURCE: {', '.join(FORMS)}; without it the only USB camera",
    )
    parser.add_argument("-o", dest="options", action="append", default=[], metavar="OPTION,…", help="see below")
    parser.add_argument("-f", dest="foreground", action="store_true", help="stay in front, log to stderr")
    parser.add_argument("-v", dest="verbose", action="count", default=0, help="say more; twice: every transaction")
    parser.add_argument("--list", action="store_true", help="list the cameras found, one SOURCE a line")
    parser.add_argument("--version", action="version", version=f"camfs {camfs.__version__}")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    _open_standard_descriptors()
    parser = _parser()
    given = parser.parse_args(arguments)
    _log_to(logging.StreamHandler(), given.verbose)
    try:
        if given.list:
            return _list_cameras()
        if not 1 <= len(given.words) <= 2:
            parser.error("give a mount point, or a source and a mount point")
        mount = _read_mount(given.words, given.options)
        if given.foreground:
            return trio.run(_run, mount, lambda: None)
        return _run_in_background(mount, given.verbose)
    except (MountFailed, errors.CameraError) as error:
        print(f"camfs: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _open_standard_descriptors() -> None:
    """Open those of stdin, stdout and stderr that the caller closed: FUSE's descriptor must not get their numbers, which are reused."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number, which is this


def _read_mount(words: Sequence[str], option_texts: list[str]) -> Mount:
    """Check everything that can be checked before the camera is touched."""
    source = words[0] if len(words) == 2 else "usb:"
    try:
        options = parse_options(option_texts)
        parse_source(source)
    except ValueError as error:
        raise MountFailed(str(error)) from None
    if not words[-1]:
        raise MountFailed("the mount point is empty")
    mount_point = os.path.realpath(words[-1])
    _check_mount_point(mount_point, options)
    _check_fuse(options)
    return Mount(source, mount_point, options)


def _check_mount_point(path: str, options: MountOptions) -> None:
    try:
        contents = os.listdir(path)
    except FileNotFoundError:
        raise MountFailed(f"{path}: no such directory") from None
    except NotADirectoryError:
        raise MountFailed(f"{path}: not a directory") from None
    except OSError as error:
        if error.errno == errno.ENOTCONN:
            raise MountFailed(f"{path}: a dead mount is here; clean it with: fusermount3 -uz {path}") from None
        raise MountFailed(f"{path}: {error.strerror}") from None
    if os.path.ismount(path):
        raise MountFailed(f"{path}: something is mounted here already; unmount it with: fusermount3 -u {path}")
    if contents and not options.nonempty:
        raise MountFailed(
            f"{path}: not empty, and the mount would hide what is in it; to do so all the same: -o nonempty"
        )


def _check_fuse(options: MountOptions) -> None:
    if not os.path.exists(FUSE_DEVICE):
        raise MountFailed(f"FUSE is missing: no {FUSE_DEVICE}; load it with: sudo modprobe fuse")
    if os.geteuid() == 0:
        return
    if shutil.which("fusermount3") is None:
        raise MountFailed("FUSE is missing: no fusermount3; install it with: sudo apt install fuse3")
    if "allow_other" in options.fuse:
        with contextlib.suppress(OSError):
            lines = Path(FUSE_CONFIGURATION).read_text().split("\n")
            if "user_allow_other" not in (line.strip() for line in lines):
                raise MountFailed(f"-o allow_other needs the line user_allow_other in {FUSE_CONFIGURATION}")


# ---------------------------------------------------------------------- background


def _run_in_background(mount: Mount, verbose: int) -> int:
    """Fork; return 0 once the child's mount answers, or 1 with its one line."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        try:
            with os.fdopen(reading, "rb") as report:
                message = report.read().decode("utf-8", "replace")
        except KeyboardInterrupt:
            os.kill(child, signal.SIGTERM)
            os.waitpid(child, 0)
            raise
        if message == "ready":
            # A process that waits for an answer of its own cannot even be killed: the child must not do this itself.
            try:
                os.stat(mount.mount_point)
            except OSError as error:
                raise MountFailed(f"{mount.mount_point}: mounted, and ended at once: {error.strerror}") from None
            return 0
        os.waitpid(child, 0)
        print(f"camfs: {message or 'it ended before the mount was ready'}", file=sys.stderr)
        return 1
    os.close(reading)
    os.setsid()
    status = 1
    try:
        status = _run_as_child(mount, writing, verbose)
    finally:
        os._exit(status)


def _run_as_child(mount: Mount, report: int, verbose: int) -> int:
    said = False

    def say(message: str) -> None:
        nonlocal said
        if not said:
            said = True
            os.write(report, message.encode())
            os.close(report)

    def ready() -> None:
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(nothing, standard)
        os.chdir("/")
        _log_to(_system_log(), verbose)
        say("ready")

    try:
        return trio.run(_run, mount, ready)
    except (MountFailed, errors.CameraError) as error:
        if said:
            log.error("%s", error)
        say(" ".join(str(error).split()))
    except BaseException as error:
        if said:
            log.exception("ended")
        say(f"{type(error).__name__}: {error}")
    return 1


def _system_log() -> logging.Handler:
    """Return the system's log where there is one, else nowhere."""
    with contextlib.suppress(OSError):
        handler = logging.handlers.SysLogHandler("/dev/log")
        handler.ident = f"camfs[{os.getpid()}]: "
        return handler
    return logging.NullHandler()


def _is_awaited(record: logging.LogRecord) -> bool:
    """Say whether what pyfuse3 reports is news: an answer that finds no request (ENOENT) came after a lazy unmount or an abort."""
    return not record.getMessage().endswith("fuse_reply_* failed with No such file or directory")


def _log_to(handler: logging.Handler, verbose: int) -> None:
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    for name, lowest in (("camfs", level), ("pyfuse3", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.propagate = False
        logger.setLevel(lowest)
    logging.getLogger("pyfuse3").filters[:] = [_is_awaited]
    if isinstance(handler, logging.StreamHandler):
        handler.setFormatter(logging.Formatter("camfs: %(message)s"))


# ---------------------------------------------------------------------- the mount


async def _run(mount: Mount, ready: Callable[[], None]) -> int:
    """Open the camera, mount, serve until unmounted or told to stop, and leave the camera as it was found."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        await _mount_and_serve(mount, signals, ready)
    return 0


async def _mount_and_serve(mount: Mount, signals: AsyncIterator[int], ready: Callable[[], None]) -> None:
    options = mount.options
    async with _wire(mount.source, options) as (source, driver), _nursery() as work:
        camera = driver(work)
        try:
            await _unless_stopped(camera.open, signals)
            tree = Tree(
                camera,
                poll=options.attr_timeout,
                allow_delete=options.allow_delete,
                show_control=options.show_control,
            )
            blocks = BlockCache(work, options.cache)
            controls = Controls(
                camera, tree, blocks, source, permits=Permits(format=options.allow_format, raw=options.raw)
            )
            controls.install()
            operations = fuse.CameraOperations(
                tree,
                blocks,
                controls,
                fuse.Ownership(options.uid, options.gid, options.umask),
                fuse.Timeouts(polled=options.attr_timeout, announced=max(60.0, options.attr_timeout)),
            )
            with _libfuse_words() as words:
                try:
                    fuse.mount(operations, mount.mount_point, _fuse_options(mount.source, options))
                except RuntimeError as error:
                    raise MountFailed(f"{mount.mount_point}: {words() or error}") from None
            try:
                work.start_soon(camera.listen)
                work.start_soon(controls.follow)
                await _serve(mount, operations, tree, signals, ready)
            finally:
                fuse.unmount()
        finally:
            work.cancel_scope.cancel()
            await camera.aclose()


async def _unless_stopped(open_camera: Callable[[], Awaitable[None]], signals: AsyncIterator[int]) -> None:
    """Open the camera, which may take long; a signal ends that.

    Raises:
        MountFailed: there was a signal.
    """
    stopped = 0
    async with _nursery() as opening:

        async def obey_signals() -> None:
            nonlocal stopped
            async for number in signals:
                if number != signal.SIGHUP:
                    stopped = number
                    opening.cancel_scope.cancel()

        opening.start_soon(obey_signals)
        await open_camera()
        opening.cancel_scope.cancel()
    if stopped:
        raise MountFailed(f"stopped by {signal.Signals(stopped).name} before the mount was ready")


async def _serve(
    mount: Mount,
    operations: fuse.CameraOperations,
    tree: Tree,
    signals: AsyncIterator[int],
    ready: Callable[[], None],
) -> None:
    async with trio.open_nursery() as serving:

        async def obey_signals() -> None:
            async for number in signals:
                if number == signal.SIGHUP:
                    await tree.refresh()
                    continue
                log.info("ending on signal %d", number)
                fuse.stop()
                serving.cancel_scope.deadline = trio.current_time() + GRACE
                return

        serving.start_soon(obey_signals)
        log.info("%s is mounted on %s", mount.source, mount.mount_point)
        ready()
        await fuse.serve(operations)
        serving.cancel_scope.cancel()


@asynccontextmanager
async def _nursery() -> AsyncIterator[trio.Nursery]:
    """Open a nursery whose only failure is raised bare: what the user reads is one line, not a group."""
    try:
        async with trio.open_nursery() as nursery:
            yield nursery
    except BaseExceptionGroup as group:
        failure: BaseException = group
        while isinstance(failure, BaseExceptionGroup) and len(failure.exceptions) == 1:
            failure = failure.exceptions[0]
        raise failure from None


def _fuse_options(source: str, options: MountOptions) -> set[str]:
    named = {name.partition("=")[0] for name in options.fuse}
    own = {"fsname": source.replace(",", "%2C"), "subtype": "camfs"}
    return set(options.fuse) | {f"{name}={value}" for name, value in own.items() if name not in named}


@contextlib.contextmanager
def _libfuse_words() -> Iterator[Callable[[], str]]:
    """Catch what libfuse writes to stderr, to make one line of it."""
    with tempfile.TemporaryFile() as caught:
        kept = os.dup(2)
        os.dup2(caught.fileno(), 2)
        words = ""

        def read() -> str:
            nonlocal words
            caught.seek(0)
            words = "; ".join(caught.read().decode("utf-8", "replace").split("\n")).strip("; ")
            return words

        try:
            yield read
        finally:
            os.dup2(kept, 2)
            os.close(kept)


# ---------------------------------------------------------------------- cameras


class Driver(Camera, Protocol):
    """A camera that is opened, listened to and closed."""

    async def open(self) -> None:
        """Find the camera on its wire."""

    async def listen(self) -> None:
        """Announce what happens at the camera until it is gone."""

    async def aclose(self) -> None:
        """Leave the camera as it was found; never raises."""


Wire = tuple[str, Callable[[trio.Nursery], Driver]]
"""An open wire: the SOURCE as `.status` shows it, and what makes a driver on it."""


@asynccontextmanager
async def _wire(text: str, options: MountOptions) -> AsyncIterator[Wire]:
    """Open the wire to what a SOURCE names."""
    async with contextlib.AsyncExitStack() as stack:
        match parse_source(text):
            case UsbSource() as source:
                camera = await _find_usb(text, source)
                wire: Wire = camera.source, _ptp_driver(await usb.open_pipes(camera), options)
            case SerialSource(device):
                wire = text, _dc120_driver(await serial.open_port(device), options)
            case VirtualSource(model, settings):
                wire = text, await _virtual_driver(model, settings, options, stack)
        yield wire


async def _virtual_driver(
    model: str, settings: dict[str, str], options: MountOptions, stack: contextlib.AsyncExitStack
) -> Callable[[trio.Nursery], Driver]:
    try:
        if model == "dc120":
            line = await stack.enter_async_context(virtual.attach_dc120(settings))
        else:
            pipes = await stack.enter_async_context(virtual.attach(model, settings))
            return _ptp_driver(pipes, options)
    except ValueError as error:
        raise MountFailed(str(error)) from None
    return _dc120_driver(await serial.open_port(line), options)


def _ptp_driver(pipes: UsbPipes, options: MountOptions) -> Callable[[trio.Nursery], Driver]:
    return lambda work: PtpCamera(UsbLink(pipes), work, options.tz, options.timeout)


def _dc120_driver(port: SerialPort, options: MountOptions) -> Callable[[trio.Nursery], Driver]:
    return lambda work: Dc120Camera(Line(port, options.baud), work, options.tz)


async def _find_usb(text: str, source: UsbSource) -> usb.UsbCamera:
    found = await trio.to_thread.run_sync(
        lambda: usb.find(source.vendor, source.product, source.serial, source.bus, source.device)
    )
    if not found:
        raise MountFailed(
            NO_CAMERA if source == UsbSource() else f"no camera {text} found; camfs --list shows those that are there"
        )
    if len(found) > 1:
        names = ", ".join(f"{camera.source} ({camera.product_name})" for camera in found)
        raise MountFailed(f"{len(found)} cameras found, give one as SOURCE: {names}")
    return found[0]


def _list_cameras() -> int:
    for camera in usb.find():
        print(
            f"{camera.source:<16}{camera.product_name:<11}{'serial ' + (camera.serial or 'unknown'):<24}{camera.use()}"
        )
    return 0
