"""A body that the computer has taken is given back: asked to, when idle, at the end, and after a program that was killed."""

import contextlib
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from unittest.mock import AsyncMock

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.ptp.usblink import UsbLink
from camfs.cameras.tethered import following
from camfs.cameras.tethered.following import TWIN, Twins
from camfs.cameras.tethered.mark import MARK
from camfs.protocols.nikon.codes import NikonOperation
from camfs.protocols.ptp.codes import NO_TRANSACTION, Operation, ResponseCode
from camfs.protocols.ptp.messages import Event
from camfs.virtual.nikon import properties as own
from camfs.virtual.ptp.faults import FaultKind
from tests.cameras.nikon.rig import Rig, driven, killed, rigged
from tests.cameras.rig import emulated

BOUND = 200
"""Seconds on a jumping clock that any end takes at most."""


async def busy(rig: Rig) -> None:
    """Have the body do all that has to be undone: live view, the movie application, shots to the computer."""
    await rig.camera.change_setting("destination", "computer")
    await rig.camera.acquire_control()
    await rig.camera.view_frame()
    await rig.camera.record(True)
    assert rig.nikon.controlled


def is_the_photographers(rig: Rig) -> bool:
    """Say whether nothing is left of what `busy` has done."""
    values = [rig.body.state.properties[code].value for code in (own.MEDIA, own.APPLICATION, own.LIVE_VIEW)]
    return not (rig.nikon.controlled or rig.nikon.live_view or rig.nikon.recording or any(values))


async def by_hand(rig: Rig) -> None:
    await rig.camera.release_control()


async def by_waiting(rig: Rig) -> None:
    await rig.camera.record(False)  # a movie is use
    await trio.sleep(400)


@pytest.mark.parametrize("way", [by_hand, by_waiting])
async def test_all_is_undone(way: Callable[[Rig], Awaitable[None]], tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, idle=300) as rig:
        await busy(rig)
        assert (rig.spool / MARK).exists()
        await way(rig)
        assert is_the_photographers(rig)
        assert not await rig.camera.has_control()
        assert not (rig.spool / MARK).exists()
        await rig.camera.acquire_control()
        assert rig.nikon.controlled


async def test_all_is_undone_at_the_end(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        rig.operations()
        await busy(rig)
        await rig.camera.aclose()
        names = rig.operations()
        undone = ("EndMovieRec", "EndLiveView", "ChangeCameraMode", "CloseSession")
        assert [name for name in names if name in undone][-4:] == list(undone)
        assert not (rig.spool / MARK).exists()


async def test_asking_what_happened_is_no_use(tmp_path: Path, jumping_clock: MockClock) -> None:
    """Else the body would never be idle."""
    async with rigged(tmp_path, idle=60) as rig:
        await rig.camera.acquire_control()
        await trio.sleep(50)
        assert rig.count(NikonOperation.GetEventEx) > 40
        await trio.sleep(20)
        assert not rig.nikon.controlled
        rig.operations()
        await trio.sleep(1000)
        assert rig.operations() == []


async def test_a_killed_program_leaves_a_mark_and_the_next_one_gives_the_body_back(
    tmp_path: Path, jumping_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with emulated("nikon", empty=False) as body:
        ended = body.state.maker
        assert ended is not None
        async with killed(body, tmp_path / "spool") as rig:
            await rig.camera.acquire_control()
            rig.nikon.session_ended = lambda: None  # type: ignore[method-assign]
        assert rig.nikon.controlled
        async with driven(body, tmp_path / "spool") as rig:
            assert not rig.nikon.controlled
            assert not (rig.spool / MARK).exists()
            assert "left the camera's body locked" in caplog.text
        rig.body.trace.records.clear()
        async with driven(body, tmp_path / "spool") as rig:
            assert rig.vendor_operations() == []


async def test_a_killed_program_that_left_shots(tmp_path: Path, jumping_clock: MockClock) -> None:
    """A body whose memory outlives the session, as over a connection that was not closed, hands them over."""
    async with emulated("nikon", empty=False) as body:
        async with killed(body, tmp_path / "spool") as rig:
            await rig.camera.change_setting("recording-media", "memory")
            await rig.camera.acquire_control()
            rig.nikon.session_ended = rig.nikon.session_opened = lambda: None  # type: ignore[method-assign]
        rig.nikon.press_shutter()
        data = rig.nikon.memory[0].data
        async with driven(body, tmp_path / "spool") as rig:
            assert list((await rig.shots()).values()) == [data]
            assert rig.nikon.memory == []


@pytest.mark.parametrize("kind", [FaultKind.NO_ANSWER, FaultKind.REFUSE, FaultKind.GARBAGE])
@pytest.mark.parametrize(
    "operation",
    [
        NikonOperation.ChangeCameraMode,
        NikonOperation.EndLiveView,
        NikonOperation.EndMovieRec,
        NikonOperation.GetEventEx,
    ],
)
async def test_the_end_is_bounded_whatever_the_body_does(
    kind: FaultKind, operation: NikonOperation, tmp_path: Path, jumping_clock: MockClock
) -> None:
    async with rigged(tmp_path) as rig:
        await busy(rig)
        rig.fail(kind, operation, times=None, code=ResponseCode.GeneralError)
        began = trio.current_time()
        await rig.camera.aclose()
        assert trio.current_time() - began < BOUND


async def test_a_refused_step_does_not_keep_the_rest_from_being_undone(
    tmp_path: Path, jumping_clock: MockClock
) -> None:
    async with rigged(tmp_path) as rig:
        await busy(rig)
        await rig.camera.record(False)
        rig.fail(FaultKind.REFUSE, NikonOperation.EndLiveView, times=None, code=ResponseCode.GeneralError)
        await rig.camera.release_control()
        assert not rig.nikon.controlled
        assert rig.body.state.properties[own.MEDIA].value == 0


async def test_a_body_that_does_not_answer_keeps_its_mark(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.acquire_control()
        rig.fail(FaultKind.NO_ANSWER, NikonOperation.ChangeCameraMode, times=None)
        with pytest.raises(errors.CameraError):
            await rig.camera.release_control()
        assert (rig.spool / MARK).exists()


async def test_a_body_that_refuses_is_not_marked(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, awkward="locked") as rig:
        with pytest.raises(errors.Busy):
            await rig.camera.acquire_control()
        assert not (rig.spool / MARK).exists()


async def test_a_lost_session_ends_control_and_the_next_need_takes_it_again(
    tmp_path: Path, jumping_clock: MockClock
) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.acquire_control()
        rig.fail(FaultKind.LOSE_SESSION, Operation.GetStorageInfo)
        for entry in await rig.described(None):
            await rig.camera.usage(entry.key)
        await rig.camera.refresh()
        for entry in await rig.described(None):
            await rig.camera.usage(entry.key)
        assert await rig.camera.capture()
        assert rig.nikon.controlled


async def test_unplugged_and_back(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with emulated("nikon", empty=False) as body, driven(body, tmp_path / "spool") as rig:
        await busy(rig)
        body.unplug()
        await trio.sleep(5)
        with pytest.raises(errors.DeviceGone):
            await rig.camera.capture()
        body.plug()
        await rig.camera.reattach(UsbLink(body.open()))
        assert is_the_photographers(rig)
        assert not (rig.spool / MARK).exists()


async def test_many_at_once(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, idle=1) as rig:
        await rig.camera.change_setting("destination", "computer")

        async def again(work: Callable[[], Awaitable[object]]) -> None:
            for _ in range(5):
                with contextlib.suppress(errors.Busy):  # a picture is being taken
                    await work()
                await trio.sleep(1)

        async with trio.open_nursery() as work:
            for each in (
                rig.camera.capture,
                rig.camera.capture,
                rig.camera.view_frame,
                rig.camera.release_control,
                lambda: rig.camera.setting("iso"),
                lambda: rig.camera.change_setting("iso", "400"),
                rig.camera.status,
            ):
                work.start_soon(again, each)
        assert len(await rig.shots()) >= 5
        assert rig.nikon.memory == []


async def test_a_body_that_stops_answering_is_warned_of_once(
    tmp_path: Path, jumping_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.acquire_control()
        caplog.clear()
        rig.fail(FaultKind.REFUSE, NikonOperation.GetEventEx, times=None, code=ResponseCode.GeneralError)
        await trio.sleep(100)
        said = [record for record in caplog.records if record.name == following.__name__]
        assert [record.levelno for record in said].count(logging.WARNING) == 1


async def test_an_event_by_two_ways_is_one(jumping_clock: MockClock) -> None:
    twins, event = Twins(), Event(0x4002, NO_TRANSACTION, (7,))
    assert twins.is_news(event, "link")
    assert not twins.is_news(event, "poll")
    assert twins.is_news(event, "poll")
    assert twins.is_news(event, "poll"), "by the same way it is another"
    assert not twins.is_news(event, "link")
    assert not twins.is_news(event, "link")
    assert twins.is_news(event, "link")
    await trio.sleep(TWIN + 1)
    assert twins.is_news(event, "poll"), "too late for a twin"


@pytest.mark.parametrize("ending", ["killed", "full disk"])
async def test_a_session_that_was_left_open_keeps_what_waits_in_the_memory(
    ending: str, tmp_path: Path, jumping_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On USB a body does not notice that a program ended. The next one goes on in its session, and looks for what was told to the first."""
    async with emulated("nikon", empty=False) as body:
        monkeypatch.setattr(body.responder, "close_session", lambda: None)  # as the cable stays in
        how = killed if ending == "killed" else driven
        async with how(body, tmp_path / "spool") as rig:
            await rig.camera.change_setting("image-quality", "raw+fine")
            await rig.camera.change_setting("recording-media", "memory")
            await rig.camera.acquire_control()
            with monkeypatch.context() as patches:
                patches.setattr(rig.camera.shots, "bring_in", AsyncMock(return_value=[]))
                rig.nikon.press_shutter()
                await trio.sleep(10)
                assert rig.nikon.queue == []
                held = [picture.data for picture in rig.nikon.memory]
                assert len(held) == 2
                if ending != "killed":
                    await rig.camera.aclose()
        async with driven(body, tmp_path / "spool") as rig:
            assert sorted((await rig.shots()).values()) == sorted(held)
            assert rig.nikon.memory == []
            assert rig.nikon.lost == []
            assert not rig.nikon.controlled
