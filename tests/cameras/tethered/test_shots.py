"""Shots that wait in a body: received, made safe, and only then let go, whatever goes wrong at any step. On an emulated Nikon."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from camfs import errors, private_files
from camfs.cameras.tethered import partial_file, shots
from camfs.cameras.tethered.body import WaitingShot
from camfs.cameras.tethered.shot_key import IMAGEDB, ImageKey
from camfs.protocols.nikon.codes import NikonEvent, NikonOperation
from camfs.protocols.ptp.codes import NO_TRANSACTION, Operation, ResponseCode
from camfs.protocols.ptp.messages import Event
from camfs.virtual.nikon import operations
from camfs.virtual.nikon import properties as own
from camfs.virtual.ptp.calls import Answer, Call
from camfs.virtual.ptp.faults import FaultKind
from camfs.virtual.ptp.state import CameraState
from tests.cameras.nikon.rig import Rig, driven, killed, rigged
from tests.cameras.rig import emulated


async def to_computer(rig: Rig) -> None:
    """Have shots sent to the computer."""
    await rig.camera.change_setting("destination", "computer")


def kept(folder: Path) -> dict[str, bytes]:
    """Return the whole files of a spool."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


# ---------------------------------------------------------------------- the order


async def test_a_shot_is_let_go_only_when_its_bytes_are_safe(
    tmp_path: Path, jumping_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the body is told to let go, the file has its name and its bytes, and file and folder are synchronised, in this order."""
    synchronised: list[str] = []
    fsync = os.fsync

    def noting(descriptor: int) -> None:
        synchronised.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    async with rigged(tmp_path) as rig:
        await to_computer(rig)
        seen = []

        async def checking(state: CameraState, call: Call) -> Answer:
            picture = rig.nikon.memory[0]
            assert kept(rig.spool)[picture.name] == picture.data
            assert [Path(path).name for path in synchronised[-3:]] == [
                f".{picture.name}.part",
                f".{picture.name}.sum",
                rig.spool.name,
            ]
            seen.append(picture.name)
            return await operations.delete_object(state, call)

        await rig.camera.change_setting("image-quality", "raw+fine")
        await rig.camera.acquire_control()
        synchronised.clear()
        with rig.body.override(Operation.DeleteObject, checking):
            keys = await rig.camera.capture()
        assert [key.name for key in keys if isinstance(key, ImageKey)] == seen
        assert len(seen) == 2


@pytest.mark.parametrize("step", ["describe_shot", "read_shot", "let_go"])
async def test_a_program_that_is_killed_loses_nothing_that_it_has_listed(
    step: str, tmp_path: Path, jumping_clock: MockClock
) -> None:
    """The next program goes on in the session that was left open, so that the shot waits on; what was safe here is offered once."""
    async with emulated("nikon", empty=False) as body:
        safe: list[bytes] = []

        async def until_killed() -> None:
            async with killed(body, tmp_path / "spool") as rig:
                await to_computer(rig)
                await rig.camera.capture()
                safe.extend((await rig.shots()).values())

                async def killing(*_: Any) -> None:
                    raise KeyboardInterrupt

                setattr(rig.camera.body, step, killing)
                safe.append(b"")
                await rig.camera.capture()

        with pytest.raises(KeyboardInterrupt):
            await until_killed()
        async with driven(body, tmp_path / "spool") as rig:
            found = await rig.shots()
            assert len(found) == len(safe)
            assert set(safe) - {b""} <= set(found.values())
            assert not [name for name in found if "~" in name]
            assert not rig.nikon.controlled


# ---------------------------------------------------------------------- failures


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """Return a switch for a full disk."""
    switch = {"full": False}
    write = private_files.write_all

    def maybe(descriptor: int, offset: int, data: bytes | memoryview) -> None:
        if switch["full"]:
            raise OSError(errno.ENOSPC, "no space left")
        write(descriptor, offset, data)

    monkeypatch.setattr(partial_file, "write_all", maybe)
    return switch


async def test_a_full_disk_leaves_the_shot_in_the_body(
    full: dict[str, bool], tmp_path: Path, jumping_clock: MockClock
) -> None:
    async with rigged(tmp_path) as rig:
        await to_computer(rig)
        full["full"] = True
        with pytest.raises(errors.StoreFull):
            await rig.camera.capture()
        assert len(rig.nikon.memory) == 1
        data = rig.nikon.memory[0].data
        assert dict(await rig.camera.status())["imagedb"] == "0 files, 1 only in the camera"
        with pytest.raises(errors.StoreFull):
            await rig.camera.capture()
        assert len(rig.nikon.memory) == 1, "another shot was taken"
        with pytest.raises(errors.StoreFull):
            await rig.camera.release_control()
        assert rig.nikon.controlled
        full["full"] = False
        await rig.camera.release_control()
        assert not rig.nikon.controlled
        assert list((await rig.shots()).values()) == [data]
        assert rig.nikon.memory == []


async def test_a_disk_without_room_takes_no_picture(
    tmp_path: Path, jumping_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shots, "ROOM", 1 << 62)
    async with rigged(tmp_path) as rig:
        assert await rig.camera.capture()  # to the card
        await to_computer(rig)
        with pytest.raises(errors.StoreFull, match="may need"):
            await rig.camera.capture()
        assert rig.count(NikonOperation.InitiateCaptureRecInMedia) == 3  # two busy answers, and the one to the card


@pytest.mark.parametrize(
    "kind", [FaultKind.NO_ANSWER, FaultKind.CUT, FaultKind.REFUSE, FaultKind.STALL, FaultKind.GARBAGE]
)
@pytest.mark.parametrize("operation", [Operation.GetObject, Operation.GetObjectInfo])
async def test_a_transfer_that_fails_is_made_again(
    kind: FaultKind, operation: Operation, tmp_path: Path, jumping_clock: MockClock
) -> None:
    async with rigged(tmp_path) as rig:
        await to_computer(rig)
        await rig.camera.acquire_control()
        rig.fail(kind, operation, at=700, times=1, code=ResponseCode.GeneralError)
        names = []
        try:
            names += [key.name for key in await rig.camera.capture() if isinstance(key, ImageKey)]
        except errors.CameraError:
            await trio.sleep(60)  # the body is asked again meanwhile
        found = await rig.shots()
        if rig.nikon.lost:
            assert found == {}, "a reset ends the session, and empties the memory"
        else:
            assert len(found) == 1
            assert next(iter(found.values())).endswith(b"\xff\xd9")
        assert rig.nikon.memory == []
        assert not [path for path in rig.spool.iterdir() if path.name.endswith(".part")]


async def test_what_is_shorter_than_announced_is_not_let_go(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await to_computer(rig)
        await rig.camera.acquire_control()
        rig.fail(FaultKind.CUT, Operation.GetObject, at=5000, times=None, code=ResponseCode.OK)
        with pytest.raises(errors.CameraError):
            await rig.camera.capture()
        assert len(rig.nikon.memory) == 1
        assert await rig.shots() == {}
        rig.body.faults.clear()
        await trio.sleep(30)
        assert len(await rig.shots()) == 1


async def test_bytes_are_believed_more_than_what_was_announced(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await to_computer(rig)

        async def describe(handle: int) -> WaitingShot:
            return WaitingShot(handle, "DSC_0001.JPG", 77)

        rig.camera.body.describe_shot = describe  # type: ignore[method-assign]
        await rig.camera.capture()
        ((name, data),) = (await rig.shots()).items()
        assert (name, len(data) > 77) == ("DSC_0001.JPG", True)


async def test_a_shot_that_is_safe_and_not_let_go_is_not_received_again(
    tmp_path: Path, jumping_clock: MockClock
) -> None:
    async with rigged(tmp_path) as rig:
        await to_computer(rig)
        for operation in (Operation.DeleteObject, NikonOperation.DelImageSDRAM):
            rig.fail(FaultKind.REFUSE, operation, code=ResponseCode.DeviceBusy, times=None)
        with pytest.raises(errors.Busy):
            await rig.camera.capture()
        assert len(await rig.shots()) == 1
        assert len(rig.nikon.memory) == 1
        rig.body.faults.clear()
        await rig.camera.capture()
        assert len(await rig.shots()) == 2
        assert len(set((await rig.shots()).values())) == 2
        assert rig.nikon.memory == []


async def test_a_body_that_lets_go_by_itself(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await to_computer(rig)

        async def gone(state: CameraState, call: Call) -> Answer:
            rig.nikon.memory.clear()
            return Answer(code=ResponseCode.InvalidObjectHandle)

        with rig.body.override(Operation.DeleteObject, gone):
            await rig.camera.capture()
        assert len(await rig.shots()) == 1


async def test_a_body_that_deletes_in_its_own_way(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await to_computer(rig)
        rig.fail(FaultKind.REFUSE, Operation.DeleteObject, code=ResponseCode.AccessDenied, times=None)
        await rig.camera.capture()
        assert rig.nikon.memory == []
        assert rig.count(NikonOperation.DelImageSDRAM) == 1


async def test_a_session_that_is_lost_takes_its_shots_and_says_so(
    full: dict[str, bool], tmp_path: Path, jumping_clock: MockClock
) -> None:
    async with rigged(tmp_path) as rig:
        await to_computer(rig)
        full["full"] = True
        with pytest.raises(errors.StoreFull):
            await rig.camera.capture()
        rig.fail(FaultKind.LOSE_SESSION, Operation.GetDevicePropDesc)
        assert await rig.camera.setting("iso")
        full["full"] = False
        assert await rig.camera.capture()
        assert "0xFFFF0001" in dict(await rig.camera.status())["lost"]
        assert len(await rig.shots()) == 1


async def test_another_shot_under_the_same_handle_is_not_let_go(
    tmp_path: Path, jumping_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session is lost after a shot was received and before it is let go: its handle is another one's by then."""
    async with rigged(tmp_path) as rig:
        await to_computer(rig)
        await rig.camera.acquire_control()
        finish = partial_file.PartialFile.finish

        async def finishing(self: partial_file.PartialFile) -> None:
            await finish(self)
            monkeypatch.setattr(partial_file.PartialFile, "finish", finish)
            rig.body.responder.close_session()
            await rig.camera.ptp.refresh()
            await rig.camera.ptp.session.transact(Operation.GetStorageIDs)
            rig.body.state.properties[own.MEDIA].put(1)
            rig.nikon.press_shutter()

        monkeypatch.setattr(partial_file.PartialFile, "finish", finishing)
        await rig.camera.capture()
        await trio.sleep(60)
        assert len(set((await rig.shots()).values())) == 2
        assert rig.nikon.memory == []


# ---------------------------------------------------------------------- the folder


async def test_files_are_read_removed_and_still_there_for_the_next_program(
    tmp_path: Path, jumping_clock: MockClock
) -> None:
    async with emulated("nikon", empty=False) as body:
        async with driven(body, tmp_path / "spool") as rig:
            await to_computer(rig)
            (first,), (second,) = await rig.camera.capture(), await rig.camera.capture()
            before = await rig.shots()
            assert isinstance(first, ImageKey)
            assert isinstance(second, ImageKey)
            assert await rig.camera.locate(first) == [IMAGEDB, first]
            await rig.camera.delete(rig.camera.shots.describe(first))
            with pytest.raises(errors.NotFound):
                rig.camera.shots.describe(first)
            with pytest.raises(errors.NotPermitted):
                await rig.camera.delete((await rig.described(None))[-1])
        async with driven(body, tmp_path / "spool") as rig:
            assert await rig.shots() == {second.name: before[second.name]}
            assert rig.vendor_operations()[-1:] != ["ChangeCameraMode"] or not rig.nikon.controlled


async def test_a_file_that_was_damaged_is_set_aside(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with emulated("nikon", empty=False) as body:
        async with driven(body, tmp_path / "spool") as rig:
            await to_computer(rig)
            (key,) = await rig.camera.capture()
            assert isinstance(key, ImageKey)
        (tmp_path / "spool" / key.name).write_bytes(b"nonsense")
        async with driven(body, tmp_path / "spool") as rig:
            assert await rig.shots() == {}
            assert f"{key.name}.damaged" in dict(await rig.camera.status())["not-offered"]


async def test_a_folder_that_was_named_and_cannot_be_used_is_refused_when_mounting(
    tmp_path: Path, jumping_clock: MockClock
) -> None:
    """Not when the first shot has been taken."""
    (tmp_path / "spool").write_bytes(b"a file is in the way")
    async with emulated("nikon", empty=False) as body:
        with pytest.raises(errors.Refused, match="cannot be kept"):
            async with driven(body, tmp_path / "spool"):
                pass
        assert not set(body.trace.operations()) & set(body.profile.vendor_names.values())


async def test_a_folder_that_nobody_named_does_not_keep_the_camera_from_being_mounted(
    tmp_path: Path, jumping_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cameras that are only copied from need no spool."""
    (tmp_path / "state").write_bytes(b"a file is in the way")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    async with emulated("nikon", empty=False) as body, driven(body, None) as rig:
        assert len(await rig.described(None)) == 2
        assert await rig.camera.capture()
        await to_computer(rig)
        with pytest.raises(errors.Refused, match="cannot be kept"):
            await rig.camera.capture()


async def test_the_same_handle_twice_is_two_shots(tmp_path: Path, jumping_clock: MockClock) -> None:
    """All events may come before the first picture is fetched."""
    async with rigged(tmp_path) as rig:
        await to_computer(rig)
        await rig.camera.change_setting("recording-media", "memory")
        await rig.camera.acquire_control()
        for _ in range(3):
            rig.nikon.press_shutter()
        assert len(rig.nikon.memory) == 3
        await trio.sleep(10)
        assert len(set((await rig.shots()).values())) == 3


async def test_an_event_too_many_is_no_shot(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await to_computer(rig)
        await rig.camera.acquire_control()
        rig.body.state.send(Event(NikonEvent.ObjectAddedInSDRAM, NO_TRANSACTION, (0,)))
        await trio.sleep(60)
        assert await rig.shots() == {}
        assert await rig.camera.capture()
        assert len(await rig.shots()) == 1
