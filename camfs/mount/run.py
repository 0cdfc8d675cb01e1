"""The life of a mount: it is put together around a camera, answers the kernel, and ends on a signal or when it is unmounted.

::

    connect → open the camera → build the tree → mount → serve → unmount → close the camera
                 │ a signal: CommandFailed                 │
                 ▼                                         ├ SIGHUP: list everything again
               (nothing is mounted)                        ├ SIGTERM, SIGINT: end; requests under way get `GRACE` seconds
                                                           └ the camera leaves: look for it until it is back; the mount stays

Everything that was opened is closed in the opposite order, whatever ends it. The first signal decides that the mount ends; others that come
until the process is gone change nothing, its exit status neither.
"""

import contextlib
import logging
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Protocol

import trio

from camfs import errors
from camfs.cameras.api import Camera
from camfs.commands.options import FOR_OTHERS, MountOptions
from camfs.mount.blocks import BlockCache
from camfs.mount.budget import Budget, seconds_for
from camfs.mount.caller import CallerProcess
from camfs.mount.controls import Controls, Permits
from camfs.mount.kernel import Kernel
from camfs.mount.operations import CameraOperations, Ownership, Timeouts
from camfs.mount.tree import STORES, Tree

log = logging.getLogger("camfs")

LOOK_AGAIN = 1.0
"""Seconds between two attempts to find a camera that has left."""

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""What a mount obeys."""

GRACE = 5.0
"""Seconds that requests under way have to end after a signal; then the mount is taken away from under them."""


class Driver(Camera, Protocol):
    """An open camera, which is listened to and closed."""

    async def listen(self) -> None:
        """Announce what happens at the camera; returns when the camera is gone."""

    async def aclose(self) -> None:
        """Leave the camera as it was found; never raises."""


class Connection(Protocol):
    """The way to one camera."""

    @property
    def source(self) -> str:
        """The SOURCE as `.status` shows it."""

    @property
    def timeout(self) -> float:
        """Seconds after which an exchange with the camera has failed, once it is open."""

    async def open(self, work: trio.Nursery) -> Driver:
        """Open the camera with the driver that fits it; called once. On failure nothing is left open."""

    async def reattach(self) -> None:
        """Find the camera, which was gone, and let its driver go on with it.

        Raises:
            CameraError: it is not there yet, or another one is in its place.
        """


class Supervisor(Protocol):
    """Who started the mount and wants to know how it stands; here systemd."""

    def is_listening(self) -> bool:
        """Say whether it wants to know anything."""

    def notify(self, **states: str) -> None:
        """Tell it states by their names in sd_notify(3)."""

    def name_camera(self, name: str) -> None:
        """Let the log's messages be about this camera from now on."""


@dataclass(frozen=True)
class Mount:
    """What to mount, where, and how.

    Attributes:
        source: the SOURCE as the user gave it.
        mount_point: an absolute path without symbolic links.
        options: the mount options.
    """

    source: str
    mount_point: str
    options: MountOptions


async def run(
    mount: Mount,
    connecting: AbstractAsyncContextManager[Connection],
    supervisor: Supervisor,
    ready: Callable[[], None],
) -> int:
    """Open the camera, mount it, and serve until it is unmounted or a signal ends it; return the exit status.

    Args:
        mount: what to mount.
        connecting: connects to the camera and, at its end, lets go of it.
        supervisor: is told how the mount stands.
        ready: called once, when the mount answers.

    Raises:
        CommandFailed: libfuse does not mount, or a signal came before the mount was ready.
        CameraError: the camera cannot be found or opened.
    """
    with _signals() as signals:
        async with connecting as connection, _nursery() as work:
            camera = await _unless_stopped(lambda: connection.open(work), signals)
            try:
                tree = _build(mount.options, camera, work, Budget(seconds_for(connection.timeout)))
                controls = _install_controls(mount.options, tree, connection.source)
                async with _caller_of(mount, tree):
                    _mount(mount, tree)
                    try:
                        work.start_soon(_stay_attached, camera, connection, supervisor)
                        work.start_soon(controls.follow)
                        work.start_soon(tree.watchers.run)
                        await _serve(mount, tree, signals, supervisor, ready)
                    finally:
                        tree.failures.flush()
                        tree.kernel.unmount()
            finally:
                work.cancel_scope.cancel()
                await camera.aclose()
    return 0


@contextmanager
def _signals() -> Iterator[AsyncIterator[int]]:
    """Receive signals in the block. Those that come later are ignored, as the process is about to end and has its exit status."""
    ended = False

    def handle(number: int, _frame: FrameType | None) -> None:
        """Handle a signal that has come before the receiver was there, or that it has left."""
        if not ended:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    for number in SIGNALS:
        signal.signal(number, handle)
    try:
        with trio.open_signal_receiver(*SIGNALS) as received:
            try:
                yield received
            finally:
                ended = True
    finally:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)  # the interpreter's end would put back what they do by default


def _build(options: MountOptions, camera: Camera, work: trio.Nursery, budget: Budget) -> Tree:
    return Tree(
        camera,
        Kernel(),
        BlockCache(work, options.cache, budget),
        poll=options.attr_timeout,
        allow_delete=options.allow_delete,
        show_control=options.show_control,
        budget=budget,
    )


@asynccontextmanager
async def _caller_of(mount: Mount, tree: Tree) -> AsyncIterator[None]:
    """Run the process that tells programs which watch folders; it starts before the block mounts, and ends after it has unmounted."""
    caller = None
    if (
        not mount.options.noinotify and "ro" not in mount.options.fuse
    ):  # a read-only mount lets nobody make or remove a file
        try:
            caller = await trio.to_thread.run_sync(
                CallerProcess, mount.mount_point
            )  # which waits for the program to be loaded
            tree.watchers.caller = caller
        except OSError as error:
            log.warning("programs that watch folders are not told of new pictures: %s", error)
    try:
        yield
    finally:
        if caller is not None:
            await caller.aclose()


def _install_controls(options: MountOptions, tree: Tree, source: str) -> Controls:
    controls = Controls(tree, source, Permits(format=options.allow_format, raw=options.raw))
    controls.install()
    return controls


def _mount(mount: Mount, tree: Tree) -> None:
    """Mount, and make one line of what libfuse says if it does not."""
    options = mount.options
    handlers = CameraOperations(
        tree,
        Ownership(options.uid, options.gid, options.umask),
        _timeouts(options),
    )
    with _stderr_of_libfuse() as read:
        try:
            tree.kernel.mount(handlers, mount.mount_point, _fuse_options(mount))
        except RuntimeError as error:
            raise errors.CommandFailed(f"{mount.mount_point}: {read() or error}") from None


def _timeouts(options: MountOptions) -> Timeouts:
    """Return how long the kernel may keep names and attributes: not at all with `allow_root`.

    For `allow_root` the kernel lets everybody in, and libfuse refuses the requests of all but root and us
    (camfs/mount/README.md, "What the kernel does"). What the kernel remembers, it tells everybody without a request.
    """
    if "allow_root" in options.fuse:
        return Timeouts(polled=0, announced=0)
    return Timeouts(polled=options.attr_timeout, announced=max(60.0, options.attr_timeout))


def _fuse_options(mount: Mount) -> set[str]:
    given = {name.partition("=")[0] for name in mount.options.fuse}
    own = {"fsname": mount.source.replace(",", "%2C"), "subtype": "camfs"}
    modes = {"default_permissions"} if given & FOR_OTHERS else set()
    return set(mount.options.fuse) | modes | {f"{name}={value}" for name, value in own.items() if name not in given}


@contextlib.contextmanager
def _stderr_of_libfuse() -> Iterator[Callable[[], str]]:
    """Catch what libfuse writes to stderr; the function that this gives returns it as one line."""
    with tempfile.TemporaryFile() as caught:
        kept = os.dup(2)
        os.dup2(caught.fileno(), 2)

        def read() -> str:
            caught.seek(0)
            return "; ".join(caught.read().decode("utf-8", "replace").split("\n")).strip("; ")

        try:
            yield read
        finally:
            os.dup2(kept, 2)
            os.close(kept)


async def _unless_stopped(open_camera: Callable[[], Awaitable[Driver]], signals: AsyncIterator[int]) -> Driver:
    """Open the camera, which may take long; a signal ends that.

    Raises:
        CommandFailed: there was a signal.
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
        raise errors.CommandFailed(f"stopped by {signal.Signals(stopped).name} before the mount was ready")
    return camera


async def _serve(
    mount: Mount,
    tree: Tree,
    signals: AsyncIterator[int],
    supervisor: Supervisor,
    ready: Callable[[], None],
) -> None:
    """Answer the kernel until the mount is unmounted or a signal ends it."""
    async with trio.open_nursery() as serving:

        async def obey_signals() -> None:
            async for number in signals:
                if number == signal.SIGHUP:
                    await tree.refresh()
                    continue
                log.info("ending on signal %d", number)
                supervisor.notify(STOPPING="1", STATUS=f"ending on {signal.Signals(number).name}")
                tree.kernel.stop()
                serving.cancel_scope.deadline = trio.current_time() + GRACE
                return

        serving.start_soon(obey_signals)
        name = await _introduce(mount.source, tree.camera, supervisor)
        log.info("%s is mounted on %s", mount.source, mount.mount_point)
        supervisor.notify(STATUS=f"{name} is mounted on {mount.mount_point}")
        ready()
        serving.start_soon(_report_stores, tree)
        await tree.kernel.serve()
        supervisor.notify(STOPPING="1", STATUS="ended")
        serving.cancel_scope.cancel()


async def _report_stores(tree: Tree) -> None:
    """Say in the log, before anybody looks, if the camera shows no store, and what to do."""
    try:
        with tree.budget.limit():  # requests wait meanwhile
            await tree.stores()
    except errors.Refused as error:
        tree.note_error(str(error), kind=STORES)
    except errors.CameraError as error:
        log.info("the stores: %s", error)


async def _introduce(source: str, camera: Camera, supervisor: Supervisor) -> str:
    """Return the camera's name and the SOURCE, and let the log name the camera; without a supervisor the camera is not asked."""
    name = ""
    if supervisor.is_listening():
        with contextlib.suppress(errors.CameraError):
            name = dict(await camera.status()).get("camera", "")
    supervisor.name_camera(name or source)
    return f"{name} ({source})" if name else source


async def _stay_attached(camera: Driver, connection: Connection, supervisor: Supervisor) -> None:
    """Hear what happens at the camera; when it has left, look for it until it is back, and go on. Never returns."""
    while True:
        await camera.listen()
        log.warning("the camera is gone; the mount stays, and answers that there is no such device until it is back")
        supervisor.notify(STATUS="the camera is gone")
        reason = ""
        while camera.gone:
            await trio.sleep(LOOK_AGAIN)
            try:
                await connection.reattach()
            except (errors.CameraError, OSError) as error:
                if str(error) != reason:
                    reason = str(error)
                    log.info("not back: %s", reason)
        log.warning("the camera is back")
        supervisor.notify(STATUS="the camera is back")


@asynccontextmanager
async def _nursery() -> AsyncIterator[trio.Nursery]:
    """Open a nursery that raises a single failure bare, not as a group: the user reads one line."""
    try:
        async with trio.open_nursery() as nursery:
            yield nursery
    except BaseExceptionGroup as group:
        failure: BaseException = group
        while isinstance(failure, BaseExceptionGroup) and len(failure.exceptions) == 1:
            failure = failure.exceptions[0]
        raise failure from None
