"""A whole small session that is cut, or falls silent, at every byte: an error in bounded time, and never anything else."""

from contextlib import suppress

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from camfs import errors
from camfs.cameras.ptp.rests import LONGEST_REST
from camfs.virtual.ptp.faults import FaultKind
from tests.cameras.rig import CARD_ROOT, Rig, rigged

PICTURE = b"a picture of a hundred bytes, more or less " * 2
THUMBNAIL = b"\xff\xd8\xff\xe0 its thumbnail \xff\xd9"


async def prepare(rig: Rig) -> None:
    await wait_all_tasks_blocked()
    file = rig.body.card.add_file("DCIM", "A.JPG", PICTURE)
    file.thumbnail = THUMBNAIL


async def look_around(rig: Rig) -> None:
    """Open the session, list, read and fetch a thumbnail."""
    await rig.camera.open()
    assert await rig.names(None) == ["card"]
    entry = await rig.entry("DCIM/A.JPG")
    assert await rig.camera.read(entry, 0, 1000) == PICTURE
    assert await rig.camera.thumbnail(entry) == THUMBNAIL
    assert (await rig.camera.usage(CARD_ROOT)).objects == 2
    assert await rig.camera.setting("iso") == "100"


async def walk(rig: Rig) -> None:
    """Look around, and close the session."""
    await look_around(rig)
    await rig.camera.aclose()


async def bytes_of_a_session() -> int:
    async with rigged(opened=False, listening=False) as rig:
        await prepare(rig)
        await walk(rig)
        return rig.body.usb.moved


@pytest.mark.parametrize(("listening", "step"), [(False, 1), (True, 7)])
async def test_unplugged_at_every_byte(listening: bool, step: int, autojump_clock: MockClock) -> None:
    end = await bytes_of_a_session()
    assert 1000 < end < 2000
    for at in range(0, end + 1, step):
        async with rigged(opened=False, listening=listening) as rig:
            await prepare(rig)
            rig.body.usb.unplug_at = at
            began = trio.current_time()
            with suppress(errors.DeviceGone):
                await walk(rig)
                assert at >= end - 28  # CloseSession, whose failure is nobody's
                continue
            assert rig.camera.gone
            for call in (rig.camera.list_folder(None), rig.camera.list_folder(CARD_ROOT), rig.camera.usage(CARD_ROOT)):
                with pytest.raises(errors.DeviceGone):
                    await call
            await rig.camera.aclose()
            assert trio.current_time() == began


async def length_of_answers() -> list[int]:
    """Return the bytes of each answer in the session, or a few more."""
    async with rigged(opened=False, listening=False) as rig:
        await prepare(rig)
        await look_around(rig)
        return [28 + record.bytes_in if record.bytes_in else 16 for record in rig.body.trace.records]


async def goes_on(rig: Rig) -> None:
    """What happened once is overcome, or an error of the one operation; then all works again."""
    try:
        await look_around(rig)
    except errors.DeviceGone:
        raise
    except errors.CameraError:
        await look_around(rig)


@pytest.mark.parametrize(
    ("kind", "step"), [(FaultKind.STOP, 1), (FaultKind.ABORT, 5), (FaultKind.STALL, 5), (FaultKind.CUT, 5)]
)
async def test_something_happens_at_every_byte(kind: FaultKind, step: int, autojump_clock: MockClock) -> None:
    for number, length in enumerate(await length_of_answers()):
        for at in range(0, length, step):
            async with rigged(opened=False, listening=False) as rig:
                await prepare(rig)
                fault = rig.fail(kind, skip=number, at=at)
                with trio.fail_after(60):
                    await goes_on(rig)
                assert fault.fired


async def test_a_camera_that_falls_silent_for_good_at_every_answer(autojump_clock: MockClock) -> None:
    """It is still plugged in; every operation fails in bounded time, and it may come back at any time: then it is used again soon."""
    for number in range(len(await length_of_answers())):
        for at in (0, 5, 11):
            async with rigged(opened=False, listening=False) as rig:
                await prepare(rig)
                rig.fail(FaultKind.STOP, skip=number, at=at, times=None)
                with trio.fail_after(240):
                    with pytest.raises(errors.CameraError):
                        await look_around(rig)
                    assert not rig.camera.gone
                    for call in (
                        rig.camera.list_folder(None),
                        rig.camera.list_folder(CARD_ROOT),
                        rig.camera.usage(CARD_ROOT),
                    ):
                        with pytest.raises(errors.CameraError):
                            await call
                    rig.body.faults.clear()
                    await trio.sleep(LONGEST_REST)
                    assert await rig.camera.list_folder(None) == [CARD_ROOT]


async def test_garbage_at_every_answer(autojump_clock: MockClock) -> None:
    for number in range(len(await length_of_answers())):
        for data in (b"\xff" * 12, bytes(12), bytes(700), b"\x10\0\0\0\3\0\1\x20" + bytes(8), b"\x0c\0\0\0\2\0"):
            async with rigged(opened=False, listening=False) as rig:
                await prepare(rig)
                rig.fail(FaultKind.GARBAGE, skip=number, data=data)
                with trio.fail_after(60):
                    await goes_on(rig)
