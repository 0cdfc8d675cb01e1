"""An emulated camera with the driver on its cable, for tests; and the same camera with a bare session."""

import sys
import tempfile
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from enum import IntEnum
from typing import Any, Generic, TypeVar

import trio
import trio.testing

from camfs.cameras.api import Camera, Change, Entry, Key
from camfs.cameras.ptp.driver import PtpCamera
from camfs.cameras.ptp.objects import ObjectKey
from camfs.cameras.ptp.session import Session
from camfs.cameras.ptp.usblink import UsbLink
from camfs.protocols.ptp.codes import ROOT, Operation, StorageID
from camfs.virtual import EmulatedCamera, emulate
from camfs.virtual.ptp.calls import Answer, Call, Handler
from camfs.virtual.ptp.descriptions import object_info
from camfs.virtual.ptp.faults import Fault, FaultKind
from camfs.virtual.ptp.operations import get_object_info
from camfs.virtual.ptp.state import CameraState
from camfs.virtual.ptp.store import File
from camfs.virtual.usb.pipes import HostPipes

CARD = StorageID(0x00010001)
MEMORY = StorageID(0x00020001)
CARD_ROOT = ObjectKey(CARD, ROOT)

AN_HOUR = 3600
"""Seconds that no test takes, also on a mock clock."""


@asynccontextmanager
async def nursery() -> AsyncIterator[trio.Nursery]:
    """Open a nursery that is cancelled at the end of the block, and whose only failure comes out bare."""
    try:
        async with trio.open_nursery() as opened:
            yield opened
            opened.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        failure: BaseException = group
        while isinstance(failure, BaseExceptionGroup) and len(failure.exceptions) == 1:
            failure = failure.exceptions[0]
        raise failure from None


@asynccontextmanager
async def emulated(
    model: str = "ptp", *, empty: bool = True, operations: str = "", **options: str
) -> AsyncIterator[EmulatedCamera]:
    """Run an emulated camera.

    Args:
        model: the profile.
        empty: whether its card is empty and its other stores are taken away; else it holds made pictures.
        operations: those that it shall not have: `-95C1,-9803`.
        options: others.
    """
    if operations:
        options["operations"] = operations
    with trio.fail_after(AN_HOUR), tempfile.TemporaryDirectory(prefix="camfs-test-") as nothing:
        if empty and "objects" not in options:
            options.setdefault("card", nothing)
        async with emulate(model, options).running() as camera:
            if empty:
                del camera.state.stores[1:]
            yield camera


@asynccontextmanager
async def session_on(
    camera: EmulatedCamera, on_reopen: Callable[[], None] = lambda: None, *, opened: bool = True, timeout: float = 10
) -> AsyncIterator[Session]:
    """Put a session on an emulated camera's cable."""
    pipes = camera.open()
    session = Session(UsbLink(pipes), timeout, on_reopen)
    if opened:
        await session.open()
    try:
        yield session
    finally:
        await pipes.aclose()


C = TypeVar("C", bound=Camera)


class Watched(Generic[C]):
    """What tests ask of an emulated camera and of any driver on it.

    Attributes:
        body: the emulated camera.
        camera: the driver.
        seen: what the driver has announced.
    """

    body: EmulatedCamera
    camera: C
    seen: list[Change]

    def changes(self) -> list[Change]:
        """Return what the driver has announced so far."""
        while True:
            try:
                self.seen.append(self.camera.changes.receive_nowait())
            except (trio.WouldBlock, trio.EndOfChannel):
                return self.seen

    def operations(self) -> list[str]:
        """Return the operations that the camera saw since this was last asked."""
        names = self.body.trace.operations()
        self.body.trace.records.clear()
        return names

    def count(self, operation: IntEnum) -> int:
        """Count the transactions of an operation that the camera saw."""
        return self.body.trace.operations().count(operation.name)

    def fail(self, kind: FaultKind, operation: int | None = None, **about: object) -> Fault:
        """Let something go wrong."""
        fault = Fault(kind, operation)
        for name, value in about.items():
            assert hasattr(fault, name)
            setattr(fault, name, value)
        self.body.faults.append(fault)
        return fault

    async def described(self, folder: Key | None) -> list[Entry]:
        """List a folder and describe what is in it."""
        found = [await self.camera.describe(key, folder) for key in await self.camera.list_folder(folder)]
        return [entry for entry in found if entry is not None]


@dataclass
class Rig(Watched[PtpCamera]):
    """The driver and the camera that it drives.

    Attributes:
        body: the emulated camera.
        camera: the driver.
        pipes: the host's end of the cable.
        nursery: what the driver works in.
    """

    body: EmulatedCamera
    camera: PtpCamera
    pipes: HostPipes
    nursery: trio.Nursery
    seen: list[Change] = field(default_factory=list)

    async def entries(self, folder: Key | None = CARD_ROOT) -> list[Entry]:
        """List a folder and describe what is in it."""
        return await self.described(folder)

    async def names(self, folder: Key | None = CARD_ROOT) -> list[str]:
        """List the names of a folder's entries, sorted."""
        return sorted(entry.name for entry in await self.entries(folder))

    async def entry(self, path: str, folder: Key | None = CARD_ROOT) -> Entry:
        """Find an entry by its path on the card."""
        name, _, rest = path.partition("/")
        found = next(entry for entry in await self.entries(folder) if entry.name == name)
        return await self.entry(rest, found.key) if rest else found


@asynccontextmanager
async def rigged(
    model: str = "ptp",
    *,
    listening: bool = True,
    opened: bool = True,
    zone: tzinfo = UTC,
    timeout: float = 10,
    empty: bool = True,
    operations: str = "",
    quirks: Sequence[str] = (),
    **options: str,
) -> AsyncIterator[Rig]:
    """Run an emulated camera with the driver on its cable.

    Args:
        model: the profile.
        listening: whether the driver listens to events.
        opened: whether the driver is opened.
        zone: of the camera's clock.
        timeout: seconds until a transaction has failed.
        empty: see `emulated`.
        operations: see `emulated`.
        quirks: those to switch on.
        options: of the emulated camera.
    """
    async with emulated(model, empty=empty, operations=operations, **options) as body, nursery() as work:
        for quirk in quirks:
            assert hasattr(body.quirks, quirk)
            setattr(body.quirks, quirk, True)
        pipes = body.open()
        camera = PtpCamera(UsbLink(pipes), work, zone, timeout)
        if opened:
            await camera.open()
        if listening:
            work.start_soon(camera.listen)
        yield Rig(body, camera, pipes, work)
        work.cancel_scope.cancel()
        await camera.aclose()


class Counting:
    """Bytes that tell where they are, as many as one likes: each eight are their own offset. A `virtual.pictures.contents.Content`."""

    def __init__(self, size: int) -> None:
        self.size = size

    def read(self, offset: int, size: int) -> bytes:
        end = min(offset + size, self.size)
        if end <= offset:
            return b""
        first = offset // 8
        words = array("Q", range(8 * first, end, 8))
        if sys.byteorder == "little":
            words.byteswap()
        return words.tobytes()[offset - 8 * first : end - 8 * first]

    def rendered(self) -> bytes | None:
        return None


def add(rig: Rig, path: str, data: Any = b"bytes", **about: Any) -> File:
    """Put a file on the card; the camera is told of it as by any change of its card."""
    folder, _, name = path.rpartition("/")
    file = rig.body.card.add_file(folder, name, data, datetime(2024, 5, 4, 9, 30))
    for attribute, value in about.items():
        setattr(file, attribute, value)
    return file


def add_counting(rig: Rig, size: int, name: str = "A.MOV", **about: Any) -> Counting:
    """Put a file on the card whose bytes tell where they are."""
    content = Counting(size)
    add(rig, name, content, **about)
    return content


def forge(rig: Rig, handle: int, **fields: Any) -> None:
    """Have the camera lie in an object's ObjectInfo."""
    honest: Handler = rig.body.responder.overrides.get(Operation.GetObjectInfo, get_object_info)

    async def answer(state: CameraState, call: Call) -> Answer:
        if call.parameters[0] != handle:
            return await honest(state, call)
        return Answer(replace(object_info(state, state.node(handle)), **fields).encode())

    rig.body.override(Operation.GetObjectInfo, answer)


async def turns_during(act: Callable[[], Awaitable[object]]) -> int:
    """Count how often another task gets its turn while something is done."""
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take_turns)
        await act()
        nursery.cancel_scope.cancel()
    return turns
