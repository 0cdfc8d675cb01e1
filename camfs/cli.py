"""The command line: arguments, putting a mount together, the background, signals. Only here are concrete transports named."""

import contextlib
import errno
import io
import logging
import logging.handlers
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from camfs import errors
from camfs.cameras.api import Camera
from camfs.commands import arguments as usage
from camfs.commands import cameras as listing
from camfs.commands import doctor, units
from camfs.commands import systemd as service
from camfs.commands.options import MountOptions, parse_options
from camfs.commands.sources import parse_source
from camfs.connect import Driver, Wire, wire_to
from camfs.mount.blocks import BlockCache
from camfs.mount.controls import Controls, Permits
from camfs.mount.kernel import Kernel
from camfs.mount.operations import CameraOperations, Ownership, Timeouts
from camfs.mount.tree import Tree

log = logging.getLogger("camfs")

FUSE_DEVICE = "/dev/fuse"
FUSE_CONFIGURATION = "/etc/fuse.conf"

LOOK_AGAIN = 1.0
"""Seconds between two looks for a camera that is gone."""

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    _open_standard_descriptors()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # the help and a camera's name have letters that not every locale has
    parser = usage.parser()
    given = parser.parse_args(arguments)
    _log_to(service.journal_handler() if service.is_journal() else logging.StreamHandler(), given.verbose)
    if given.user and not given.install_units:
        parser.error("--user goes with --install-units")
    commands = given.list + given.doctor + given.install_units
    if commands > 1 or (commands and given.words):
        parser.error("--list, --doctor and --install-units each stand alone")
    try:
        if given.list:
            return _print(listing.lines())
        if given.doctor:
            findings = doctor.examine(doctor.System())
            shown = _print(line for finding in findings for line in finding.lines())
            return shown or int(any(finding.mend for finding in findings))
        if given.install_units:
            return _install_units(given.user)
        if not 1 <= len(given.words) <= 2:
            parser.error("give a mount point, or a source and a mount point")
        mount = _read_mount(given.words, given.options)
        if given.foreground:
            return trio.run(_run, mount, lambda: service.notify(READY="1"))
        return _run_in_background(mount, given.verbose)
    except (MountFailed, errors.CameraError) as error:
        _say_failure(" ".join(str(error).split()))
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _print(lines: Iterable[str]) -> int:
    """Print lines, all of which are made even if nobody reads them; return the exit status."""
    failure = ""
    for line in lines:
        try:
            if not failure:
                print(line, flush=True)
        except OSError as error:  # a pipe whose reader has left, a full disk
            failure = error.strerror or str(error)
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, sys.stdout.fileno())  # or Python would try once more at its end
            os.close(nothing)
    if failure:
        print(f"camfs: stdout: {failure}", file=sys.stderr)
    return int(bool(failure))


def _install_units(for_user: bool) -> int:
    computer = units.this_computer()
    if not for_user and os.geteuid() != 0:
        raise MountFailed(
            f"--install-units needs root: {units.program_for_root()} --install-units; --user installs your own unit alone"
        )
    try:
        return _print(units.install_for_user(computer) if for_user else units.install(computer))
    except OSError as error:
        raise MountFailed(f"{error.filename}: {error.strerror}") from None


def _say_failure(line: str) -> None:
    """Say in one line why there is no mount."""
    service.notify(STATUS=line)
    if service.is_journal():
        log.error("%s", line)
    else:
        print(f"camfs: {line}", file=sys.stderr)


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
    _clean_dead_mount(path)
    try:
        contents = os.listdir(path)
    except FileNotFoundError:
        raise MountFailed(f"{path}: no such directory") from None
    except NotADirectoryError:
        raise MountFailed(f"{path}: not a directory") from None
    except OSError as error:
        if error.errno == errno.ENOTCONN:
            raise MountFailed(
                f"{path}: a dead mount is here; clean it with: fusermount3 -uz {shlex.quote(path)}"
            ) from None
        raise MountFailed(f"{path}: {error.strerror}") from None
    if os.path.ismount(path) and not _is_automount(path):
        mounted = any(mount.point == path for mount in listing.camera_mounts())
        what, unmount = ("a camera", "fusermount3 -u") if mounted else ("something", "umount")
        raise MountFailed(f"{path}: {what} is mounted here already; unmount it with: {unmount} {shlex.quote(path)}")
    if contents and not options.nonempty:
        raise MountFailed(
            f"{path}: not empty, and the mount would hide what is in it; to do so all the same: -o nonempty"
        )


def _clean_dead_mount(path: str) -> None:
    """Take away what a camfs that was killed has left on the mount point; what is another program's stays."""
    while _is_dead(path) and any(mount.point == path for mount in listing.camera_mounts()):
        done = subprocess.run(["fusermount3", "-uz", "--", path], capture_output=True, text=True)
        if done.returncode:
            log.info("%s", done.stderr.strip())
            return
        log.info("a dead mount of camfs was on %s", path)


def _is_dead(path: str) -> bool:
    try:
        os.listdir(path)  # stat may be answered from the kernel's memory
    except OSError as error:
        return error.errno == errno.ENOTCONN
    return False


def _is_automount(path: str) -> bool:
    """Say whether the mount is autofs, which waits for the one that we are to make."""
    kind = ""
    for line in Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines():
        words = line.split(" ")  # proc(5); the last one of a place is on top
        if re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), words[4]) == path:
            kind = words[words.index("-") + 1]
    return kind == "autofs"


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
        os.setsid()  # not before: autofs lets only systemd's own process group through to the mount point
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
    if isinstance(handler, logging.StreamHandler) and handler.formatter is None:
        handler.setFormatter(logging.Formatter("camfs: %(message)s"))


# ---------------------------------------------------------------------- the mount


async def _run(mount: Mount, ready: Callable[[], None]) -> int:
    """Open the camera, mount, serve until unmounted or told to stop, and leave the camera as it was found."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        await _mount_and_serve(mount, signals, ready)
    return 0


async def _mount_and_serve(mount: Mount, signals: AsyncIterator[int], ready: Callable[[], None]) -> None:
    options = mount.options
    async with _wire_to(mount.source, options) as wire, _nursery() as work:
        camera = await _unless_stopped(lambda: wire.open(work), signals)
        try:
            kernel = Kernel()
            tree = Tree(
                camera,
                kernel,
                BlockCache(work, options.cache),
                poll=options.attr_timeout,
                allow_delete=options.allow_delete,
                show_control=options.show_control,
            )
            controls = Controls(tree, wire.source, Permits(format=options.allow_format, raw=options.raw))
            controls.install()
            operations = CameraOperations(
                tree,
                Ownership(options.uid, options.gid, options.umask),
                Timeouts(polled=options.attr_timeout, announced=max(60.0, options.attr_timeout)),
                mount.mount_point,
            )
            with _libfuse_words() as words:
                try:
                    kernel.mount(operations, mount.mount_point, _fuse_options(mount.source, options))
                except RuntimeError as error:
                    raise MountFailed(f"{mount.mount_point}: {words() or error}") from None
            try:
                work.start_soon(_stay_attached, camera, wire)
                work.start_soon(controls.follow)
                await _serve(mount, tree, signals, ready)
            finally:
                kernel.unmount()
        finally:
            work.cancel_scope.cancel()
            await camera.aclose()


async def _unless_stopped(open_camera: Callable[[], Awaitable[Driver]], signals: AsyncIterator[int]) -> Driver:
    """Open the camera, which may take long; a signal ends that.

    Raises:
        MountFailed: there was a signal.
    """
    stopped = 0
    camera: Driver | None = None
    async with _nursery() as opening:

        async def obey_signals() -> None:
            nonlocal stopped
            async for number in signals:
                if number != signal.SIGHUP:
                    stopped = number
                    opening.cancel_scope.cancel()

        opening.start_soon(obey_signals)
        camera = await open_camera()
        opening.cancel_scope.cancel()
    if stopped or camera is None:
        if camera is not None:
            await camera.aclose()
        raise MountFailed(f"stopped by {signal.Signals(stopped).name} before the mount was ready")
    return camera


async def _serve(mount: Mount, tree: Tree, signals: AsyncIterator[int], ready: Callable[[], None]) -> None:
    async with trio.open_nursery() as serving:

        async def obey_signals() -> None:
            async for number in signals:
                if number == signal.SIGHUP:
                    await tree.refresh()
                    continue
                log.info("ending on signal %d", number)
                service.notify(STOPPING="1", STATUS=f"ending on {signal.Signals(number).name}")
                tree.kernel.stop()
                serving.cancel_scope.deadline = trio.current_time() + GRACE
                return

        serving.start_soon(obey_signals)
        name = await _introduce(mount.source, tree.camera)
        log.info("%s is mounted on %s", mount.source, mount.mount_point)
        service.notify(STATUS=f"{name} is mounted on {mount.mount_point}")
        ready()
        await tree.kernel.serve()
        service.notify(STOPPING="1", STATUS="ended")
        serving.cancel_scope.cancel()


async def _introduce(source: str, camera: Camera) -> str:
    """Return the camera's name and the SOURCE; messages in the journal are about it from now on."""
    name = ""
    if service.is_one():
        with contextlib.suppress(errors.CameraError):
            name = dict(await camera.status()).get("camera", "")
    service.name_camera(name or source)
    return f"{name} ({source})" if name else source


async def _stay_attached(camera: Driver, wire: Wire) -> None:
    """Hear what happens at the camera; when it has left, look for it until it is back, and go on. Never returns."""
    while True:
        await camera.listen()
        log.warning("the camera is gone; the mount stays, and answers that there is no such device until it is back")
        service.notify(STATUS="the camera is gone")
        reason = ""
        while camera.gone:
            await trio.sleep(LOOK_AGAIN)
            try:
                await wire.reattach()
            except (errors.CameraError, OSError) as error:
                if str(error) != reason:
                    reason = str(error)
                    log.info("not back: %s", reason)
        log.warning("the camera is back")
        service.notify(STATUS="the camera is back")


@asynccontextmanager
async def _wire_to(source: str, options: MountOptions) -> AsyncIterator[Wire]:
    """Find what SOURCE names; what is wrong with it is said in one line."""
    async with contextlib.AsyncExitStack() as stack:
        try:
            wire = await stack.enter_async_context(wire_to(source, options))
        except ValueError as error:
            raise MountFailed(str(error)) from None
        yield wire


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
