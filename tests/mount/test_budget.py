"""The budget of a request: however a camera fails, however deep the folder, however many ask at once, the kernel is answered in time."""

import contextlib
import errno
import itertools
import os
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, TypeVar

import pyfuse3
import pytest
import trio
from pyfuse3 import FileHandleT, FileNameT, FlagT, InodeT
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.api import Camera, Key
from camfs.cameras.ptp.rests import LONGEST_REST
from camfs.mount.budget import IN_A_ROW, LEAST, RECOVERY, REPEATED, SLOW, Budget, seconds_for
from camfs.mount.controls import Controls
from camfs.mount.operations import READDIR_TIME, CameraOperations, Ownership, Timeouts
from camfs.protocols.ptp.codes import Operation, ResponseCode
from camfs.virtual.ptp.calls import Answer, Call, Slice
from camfs.virtual.ptp.faults import FaultKind
from tests.cameras.rig import Rig, add, nursery, rigged
from tests.cameras.scripted import ScriptedCamera
from tests.mount.rig import WatchedTree, dcim
from tests.zeros import Zeros

T = TypeVar("T")

CONTEXT: Any = SimpleNamespace(pid=0)

DEFAULT = seconds_for(10)


class Requests:
    """Makes requests as the kernel does, each within its budget."""

    def __init__(self, camera: Camera, work: trio.Nursery, timeout: float = 10) -> None:
        self.seconds = seconds_for(timeout)
        self.longest = 0.0
        self.tree = WatchedTree(camera, work, Budget(self.seconds))
        self.controls = Controls(self.tree, "virtual:test")
        self.controls.install()
        self.handlers = CameraOperations(self.tree, Ownership(0, 0), Timeouts(5, 60))

    async def ask(self, request: Awaitable[T]) -> T:
        """Wait for the answer or refusal, which is in time."""
        begun = trio.current_time()
        try:
            return await request
        finally:
            self.longest = max(self.longest, trio.current_time() - begun)
            assert self.longest <= self.seconds + 0.1

    async def lookup(self, path: str) -> InodeT:
        """Look up each name of a path."""
        inode = InodeT(1)
        for name in path.split("/"):
            inode = (await self.ask(self.handlers.lookup(inode, FileNameT(name.encode()), CONTEXT))).st_ino
        return inode

    async def open(self, path: str, flags: int = os.O_RDONLY) -> FileHandleT:
        handle = (await self.ask(self.handlers.open(await self.lookup(path), FlagT(flags), CONTEXT))).fh
        assert handle is not None
        return handle

    async def read(self, path: str) -> bytes:
        """Open and read as the kernel does: what fails is read once more, alone, and fails at once if it took long before."""
        handle = await self.open(path)
        begun = trio.current_time()
        try:
            return await self.ask(self.handlers.read(handle, 0, 128 << 10))
        except pyfuse3.FUSEError:
            failed = trio.current_time()
            if failed - begun >= SLOW:
                await refusal(self.handlers.read(handle, 0, 4096))
                assert trio.current_time() == failed
            raise
        finally:
            await self.handlers.release(handle)

    async def ls(self, path: str) -> list[bytes]:
        """List a directory."""
        handle = await self.ask(self.handlers.opendir(await self.lookup(path), CONTEXT))
        listed: list[bytes] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pyfuse3, "readdir_reply", reply_into(listed))
            token: Any = None
            count = -1
            while count < len(listed):
                count = len(listed)
                await self.ask(self.handlers.readdir(handle, count, token))
        return listed


def reply_into(listed: list[bytes]) -> Callable[..., bool]:
    """Return what stands for pyfuse3.readdir_reply: it puts names into a list, and always has room."""

    def reply(_token: object, name: bytes, _attributes: object, _after: int) -> bool:
        listed.append(name)
        return True

    return reply


async def refusal(request: Awaitable[object]) -> int:
    """Return the errno that a request is refused with."""
    with pytest.raises(pyfuse3.FUSEError) as caught:
        await request
    return caught.value.errno


async def hang(call: str, _key: Key | None) -> None:
    if call != "release":
        await trio.sleep_forever()


def test_the_seconds_of_a_budget() -> None:
    assert DEFAULT < 20  # a process that waits longer keeps the computer from being suspended
    assert seconds_for(1) == seconds_for(0.1) == LEAST < 10
    assert seconds_for(60) > 100


# ---------------------------------------------------------------------- a camera that hangs


@pytest.mark.parametrize(
    "request_of",
    [
        lambda made: made.handlers.lookup(InodeT(1), FileNameT(b"card"), CONTEXT),
        lambda made: made.handlers.statfs(CONTEXT),
    ],
    ids=["lookup", "statfs"],
)
async def test_a_request_ends(request_of: Callable[[Requests], Awaitable[Any]], autojump_clock: MockClock) -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        camera.before = hang
        made = Requests(camera, work)
        assert await refusal(made.ask(request_of(made))) == errno.ETIMEDOUT
        assert trio.current_time() == pytest.approx(DEFAULT - RECOVERY)
        assert "did not answer" in made.tree.last_error


async def test_a_read_ends_and_does_not_begin_again_at_once(autojump_clock: MockClock) -> None:
    """When reading ahead has failed, the kernel asks for the page alone."""
    async with nursery() as work:
        camera = ScriptedCamera()
        dcim(camera)
        made = Requests(camera, work)
        await made.lookup("card/DCIM/P1.JPG")
        camera.before = hang
        assert await refusal(made.read("card/DCIM/P1.JPG")) == errno.ETIMEDOUT
        await trio.sleep(REPEATED)
        camera.before = ScriptedCamera().before
        assert await made.read("card/DCIM/P1.JPG") == b"x"


async def test_a_fetch_has_a_budget_of_its_own(autojump_clock: MockClock) -> None:
    """Whoever comes late waits for the fetch that is under way; when that ends, the block is fetched anew."""
    async with nursery() as work:
        camera = ScriptedCamera()
        dcim(camera)
        made = Requests(camera, work)
        await made.lookup("card/DCIM/P1.JPG")
        camera.before = hang
        ended = []

        async def read() -> None:
            assert await refusal(made.read("card/DCIM/P1.JPG")) == errno.ETIMEDOUT
            ended.append(trio.current_time())

        async with trio.open_nursery() as readers:
            readers.start_soon(read)
            await trio.sleep(10)
            readers.start_soon(read)
        assert ended == [pytest.approx(DEFAULT - RECOVERY)] * 2
        assert list(made.tree.blocks.sources_in_flight()) == []


async def test_a_failure_that_came_at_once_is_not_remembered(autojump_clock: MockClock) -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        dcim(camera)
        made = Requests(camera, work)
        camera.failing["list"] = errors.TransferStalled("stalled")
        assert await refusal(made.lookup("card")) == errno.EIO
        camera.failing.clear()
        assert await made.lookup("card") > 1


async def test_what_failed_after_long_is_remembered_for_a_moment(autojump_clock: MockClock) -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        dcim(camera)
        made = Requests(camera, work)

        async def slow(_call: str, _key: Key | None) -> None:
            await trio.sleep(SLOW)

        camera.before = slow
        camera.failing["list"] = errors.TransferStalled("stalled")
        assert await refusal(made.lookup("card")) == errno.EIO
        camera.failing.clear()
        assert await refusal(made.lookup("card")) == errno.EIO
        assert await made.lookup(".status") > 1
        assert trio.current_time() == SLOW
        await trio.sleep(REPEATED)
        assert await made.lookup("card") > 1


async def test_a_slow_folder_is_given_out_in_parts(autojump_clock: MockClock) -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        dcim(camera, 100)
        made = Requests(camera, work)
        await made.lookup("card/DCIM")

        async def slow(_call: str, _key: Key | None) -> None:
            await trio.sleep(0.5)

        camera.before = slow
        assert await made.ls("card/DCIM") == [b"P%d.JPG" % number for number in range(1, 101)]
        assert made.longest <= READDIR_TIME + 1


async def test_a_part_of_a_folder_that_fails_gives_out_what_it_has(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    """The error comes with the next request; the kernel holds no entry of a reply that failed."""
    async with nursery() as work:
        camera = ScriptedCamera()
        folder = dcim(camera, 5)
        made = Requests(camera, work)
        inode = await made.lookup("card/DCIM")
        listed: list[bytes] = []
        monkeypatch.setattr(pyfuse3, "readdir_reply", reply_into(listed))
        folder.inside[2].failure = errors.TransferTimeout("silence")
        handle = await made.handlers.opendir(inode, CONTEXT)
        token: Any = None
        await made.handlers.readdir(handle, 0, token)
        assert listed == [b"P1.JPG", b"P2.JPG"]
        assert await refusal(made.handlers.readdir(handle, 2, token)) == errno.ETIMEDOUT
        assert {node.name: node.lookups for node in made.tree.inodes if node.name.startswith(b"P")} == {
            b"P1.JPG": 1,
            b"P2.JPG": 1,
        }


# ---------------------------------------------------------------------- commands


@pytest.mark.parametrize("name", [".settings/iso", ".clock"])
async def test_a_command_ends(name: str, autojump_clock: MockClock) -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        made = Requests(camera, work)
        handle = await made.open(name, os.O_WRONLY)
        camera.before = hang
        command = b"now" if name == ".clock" else b"100"
        assert await refusal(made.ask(made.handlers.write(handle, 0, command))) == errno.ETIMEDOUT


async def test_a_long_command_goes_on_and_the_status_tells(autojump_clock: MockClock) -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        folder = dcim(camera)
        made = Requests(camera, work)
        camera.shot(folder, "NEW1.JPG")
        camera.shot(folder, "NEW2.JPG")
        before = (await made.read(".status")).decode()

        async def expose(call: str, _key: Key | None) -> None:
            await trio.sleep(900 if call == "capture" else 0)

        camera.before = expose
        handle = await made.open(".capture", os.O_WRONLY)
        async with trio.open_nursery() as shooting:
            shooting.start_soon(made.handlers.write, handle, 0, b"2")
            await trio.sleep(500)
            camera.calls.clear()
            status = (await made.read(".status")).decode()
            assert status == before + "capture: shot 1 of 2, waiting for the camera, 500 s\n"
            assert camera.calls == [("status", None)]
            await trio.sleep(500)
            assert "capture: shot 2 of 2, waiting for the camera, 1000 s" in (await made.read(".status")).decode()
        assert trio.current_time() == 1800
        assert "capture:" not in (await made.read(".status")).decode()


@pytest.mark.parametrize("busy", [False, True])
async def test_the_status_of_a_camera_that_hangs(busy: bool, autojump_clock: MockClock) -> None:
    """It is what was known before, in time; while a long command runs, at once."""
    async with nursery() as work:
        camera = ScriptedCamera()
        made = Requests(camera, work)
        before = (await made.read(".status")).decode()
        camera.before = hang
        if busy:
            handle = await made.open(".capture", os.O_WRONLY)
            work.start_soon(made.handlers.write, handle, 0, b"1")
            await trio.sleep(20)
        begun = trio.current_time()
        status = (await made.read(".status")).decode()
        assert status.startswith(before)
        if busy:
            assert "capture: shot 1 of 1, waiting for the camera, 2" in status
            assert trio.current_time() - begun < 2


# ---------------------------------------------------------------------- a PTP camera in all its ways

DEEP = "/".join(f"D{level}" for level in range(1, 7))

OPERATIONS = [
    Operation.GetStorageIDs,
    Operation.GetStorageInfo,
    Operation.GetNumObjects,
    Operation.GetObjectHandles,
    Operation.GetObjectInfo,
    Operation.GetObject,
    Operation.GetThumb,
    Operation.GetDevicePropDesc,
    Operation.GetDevicePropValue,
    Operation.GetPartialObject,
    Operation.GetObjectPropValue,
    Operation.GetObjectPropList,
]


async def never_ends(_state: object, _call: Call) -> Answer:
    return Answer(Slice(Zeros(1 << 40), 0, 1 << 40))


def spoil(rig: Rig, way: str, operation: Operation) -> None:
    """Let an operation go wrong, always."""
    match way:
        case "silent":
            rig.fail(FaultKind.NO_ANSWER, operation, times=None)
        case "slow":
            rig.fail(FaultKind.DELAY, operation, times=None, seconds=8)
        case "garbage":
            rig.fail(FaultKind.GARBAGE, operation, times=None)
        case "bad dataset":
            rig.fail(FaultKind.BAD_DATASET, operation, times=None)
        case "endless":
            rig.body.override(operation, never_ends)
        case _:
            rig.fail(FaultKind.REFUSE, operation, times=None, code=ResponseCode[way])


WAYS = ["silent", "slow", "garbage", "bad dataset", "endless", "DeviceBusy", "SessionNotOpen", "GeneralError"]


async def try_everything(made: Requests, folder: str) -> None:
    """Make every kind of request about a file; what comes of them does not matter, but that they end in time does."""
    path = f"card/{folder}/A.JPG"
    for act, name in (
        (made.ls, "card"),
        (made.ls, f"card/{folder}"),
        (made.read, path),
        (made.lookup, f".thumbnails/{path}"),
        (made.read, f".thumbnails/{path}"),
        (made.read, ".settings/iso"),
        (made.read, ".settings/iso"),
        (made.read, ".settings/.choices/iso"),
    ):
        with contextlib.suppress(pyfuse3.FUSEError):
            await act(name)
    with contextlib.suppress(pyfuse3.FUSEError):
        await made.ask(made.handlers.statfs(CONTEXT))
    assert b"camera: " in await made.read(".status")


async def grown(rig: Rig) -> None:
    """Put a picture into a folder, and into one six deep."""
    for folder in ("D1", DEEP):
        rig.body.card.folder(folder)
        add(rig, f"{folder}/A.JPG", bytes(3 << 20))


@pytest.mark.parametrize(
    ("operation", "way"),
    [
        pytest.param(operation, way, id=f"{operation.name}-{way}")
        for operation, way in itertools.product(OPERATIONS, WAYS)
        if (operation, way) != (Operation.GetObject, "bad dataset")  # that is a shorter object, and no failure
    ],
)
async def test_an_operation_that_always_fails(operation: Operation, way: str, jumping_clock: MockClock) -> None:
    """At depth 1 and 6, for one program and for six at once, with the usual time-out and a short one; and afterwards all is well."""
    without = "-95C1,-GetPartialObject" if operation is Operation.GetObject else ""
    for folder, timeout, programs in (("D1", 10, 1), (DEEP, 10, 6), (DEEP, 1, 1)):
        async with rigged(timeout=timeout, operations=without) as rig:
            await grown(rig)
            made = Requests(rig.camera, rig.nursery, timeout)
            rig.nursery.start_soon(made.controls.follow)
            spoil(rig, way, operation)
            async with trio.open_nursery() as asking:
                for _ in range(programs):
                    asking.start_soon(try_everything, made, folder)
            rig.body.faults.clear()
            rig.body.restore(operation)
            await made.controls.write_refresh("")
            await trio.sleep(LONGEST_REST)
            assert await made.read(f"card/{folder}/A.JPG") == bytes(128 << 10)
            assert await made.lookup(f".thumbnails/card/{folder}/A.JPG") > 1


async def test_requests_that_waited_in_the_kernel_are_short(autojump_clock: MockClock) -> None:
    """The kernel makes one lookup after the other in a directory: whoever came last has waited for the first one's whole budget."""
    async with rigged() as rig:
        await grown(rig)
        made = Requests(rig.camera, rig.nursery)
        for operation in OPERATIONS:
            rig.fail(FaultKind.DELAY, operation, times=None, seconds=8)
        rig.fail(FaultKind.NO_ANSWER, Operation.GetStorageIDs, times=None)
        begun = trio.current_time()
        with pytest.raises(pyfuse3.FUSEError):
            await made.lookup("card")
        assert trio.current_time() - begun > SLOW

        async def read_status() -> None:
            assert b"camera: " in await made.read(".status")

        async with trio.open_nursery() as waited:
            waited.start_soon(read_status)
            with pytest.raises(pyfuse3.FUSEError):
                await made.lookup(".thumbnails/card")
        assert trio.current_time() - begun < 20


async def test_a_request_after_one_that_timed_out_may_take_its_time(autojump_clock: MockClock) -> None:
    """A file's bytes at once, as other files do not wait for each other in the kernel; all else a moment later."""
    async with rigged() as rig:
        await grown(rig)
        made = Requests(rig.camera, rig.nursery)
        file = await made.open("card/D1/A.JPG")
        rig.fail(FaultKind.NO_ANSWER, Operation.GetObjectHandles, times=None)
        rig.fail(FaultKind.DELAY, Operation.GetPartialObject, times=None, seconds=IN_A_ROW + 1)
        with pytest.raises(pyfuse3.FUSEError):
            await made.ls("card/D1/D2")
        assert await made.ask(made.handlers.read(file, 0, 4096)) == bytes(4096)
        await trio.sleep(REPEATED)
        rig.body.faults.clear()
        rig.fail(FaultKind.DELAY, Operation.GetObjectHandles, times=None, seconds=IN_A_ROW + 1)
        await made.controls.write_refresh("")
        assert await made.ls("card/D1/D2") == [b"D3"]


@pytest.mark.parametrize("kind", [FaultKind.NO_ANSWER, FaultKind.GARBAGE, FaultKind.STOP])
async def test_attempts_do_not_multiply_with_each_folder(kind: FaultKind, autojump_clock: MockClock) -> None:
    """If every answer is bad, a read at depth 6 costs no more than one at depth 1."""
    costs = []
    for folder in ("D1", DEEP):
        async with rigged() as rig:
            await grown(rig)
            rig.body.quirks.busy_after_cancel = 1 << 20  # each failure costs the session
            made = Requests(rig.camera, rig.nursery)
            await made.lookup(f"card/{folder}/A.JPG")
            for operation in OPERATIONS:
                rig.fail(kind, operation, times=None, at=12)
            rig.operations()
            with pytest.raises(pyfuse3.FUSEError):
                await made.read(f"card/{folder}/A.JPG")
            costs.append(len(rig.operations()))
    assert costs[1] < 40
