"""An EOS body whose answers go wrong, at each operation of a shot: nothing is lost, and its keys come alive again."""

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.protocols.canon_eos.codes import CanonOperation
from camfs.protocols.ptp.codes import Operation
from camfs.virtual.ptp.faults import FaultKind
from tests.cameras.canon_eos.rig import Rig, rigged

OPERATIONS = (
    CanonOperation.GetEvent,
    CanonOperation.RemoteReleaseOn,
    CanonOperation.RemoteReleaseOff,
    Operation.GetPartialObject,
    CanonOperation.TransferComplete,
)

KINDS = (
    FaultKind.NO_ANSWER,
    FaultKind.GARBAGE,
    FaultKind.LOSE_SESSION,
    FaultKind.ABORT,
)


def here_or_in_the_body(rig: Rig, taken: int) -> None:
    """Check that each of so many shots is in the spool or still waits in the body."""
    here = [path.name for path in rig.spool.iterdir() if path.suffix == ".JPG"]
    waiting = [shot.name for shot in rig.eos.waiting.values()]
    assert {*here, *waiting} >= {f"IMG_{number:04}.JPG" for number in range(1, taken + 1)}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_shot_to_this_computer_survives(
    tmp_path: Path, jumping_clock: MockClock, operation: int, kind: FaultKind
) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("destination", "computer")
        rig.fail(kind, operation)
        try:
            await rig.camera.capture()
        except errors.CameraError:
            await trio.sleep(20)
        rig.body.faults.clear()
        taken = rig.eos.number
        here_or_in_the_body(rig, taken)
        assert len(await rig.shoot()) >= 1
        here_or_in_the_body(rig, rig.eos.number)
        await rig.camera.release_control()
        assert not rig.eos.waiting
        assert rig.eos.keys_are_alive
    here_or_in_the_body(rig, rig.eos.number)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "operation",
    [
        CanonOperation.SetRemoteMode,
        CanonOperation.SetEventMode,
        CanonOperation.GetEvent,
        CanonOperation.RequestDevicePropValue,
        CanonOperation.SetDevicePropValueEx,
    ],
    ids=lambda operation: operation.name,
)
async def test_the_body_comes_back_whatever_goes_wrong_as_it_is_taken(
    tmp_path: Path, jumping_clock: MockClock, operation: int, kind: FaultKind
) -> None:
    async with rigged(tmp_path) as rig:
        rig.fail(kind, operation)
        try:
            await rig.camera.change_setting("iso", "400")
        except errors.CameraError:
            await trio.sleep(10)
        rig.body.faults.clear()
        await rig.camera.change_setting("iso", "800")
        assert await rig.camera.setting("iso") == "800"
        await rig.camera.release_control()
        assert rig.eos.keys_are_alive


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "operation", [CanonOperation.SetRemoteMode, CanonOperation.SetEventMode], ids=lambda operation: operation.name
)
async def test_the_body_comes_back_whatever_goes_wrong_as_it_is_given_back(
    tmp_path: Path, jumping_clock: MockClock, operation: int, kind: FaultKind
) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.acquire_control()
        rig.fail(kind, operation)
        try:
            await rig.camera.release_control()
        except errors.CameraError:
            await rig.camera.release_control()
        assert rig.eos.keys_are_alive
        assert await rig.camera.setting("iso") == "100"
    assert rig.eos.keys_are_alive


@pytest.mark.parametrize("seconds", [0.001, 0.01, 0.03, 0.05, 0.06, 0.1, 0.2, 0.5])
async def test_a_cancelled_shot_is_not_lost(tmp_path: Path, jumping_clock: MockClock, seconds: float) -> None:
    async with rigged(tmp_path, latency="0.005") as rig:
        await rig.camera.change_setting("destination", "computer")
        with trio.move_on_after(seconds):
            await rig.camera.capture()
        await trio.sleep(5)
        here_or_in_the_body(rig, rig.eos.number)
        await rig.shoot()
        await rig.camera.release_control()
        assert not rig.eos.waiting
        assert rig.eos.keys_are_alive
    here_or_in_the_body(rig, rig.eos.number)
