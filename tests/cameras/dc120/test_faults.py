"""Faults on the DC120's line: the driver gives the right bytes, or one error, and the line works afterwards."""

from collections.abc import Callable
from itertools import count

import pytest
import trio
import trio.testing

from camfs import errors
from camfs.cameras.api import FolderChanged
from camfs.protocols.dc120.commands import Code, command
from camfs.protocols.dc120.frames import DATA_SIZE
from camfs.protocols.dc120.host import WARY_RETRIES
from camfs.protocols.dc120.values import Location
from camfs.virtual.dc120 import FaultKind
from tests.cameras.dc120.rig import MEMORY, picture, rigged, stored

FILE = Code.GET_MEMORY_FILE


@pytest.mark.parametrize("start", range(0, 1025, 41))
async def test_every_byte_of_a_packet_wrong_once(jumping_clock: trio.testing.MockClock, start: int) -> None:
    async with rigged([stored(1)]) as rig:
        bytes_ = range(start, min(start + 41, 1025))
        faults = [rig.fail(FaultKind.CHANGE, FILE, packet, at=at) for packet, at in enumerate(bytes_, 1)]
        assert await rig.read(await rig.entry(1)) == picture(1)
        assert {fault.times for fault in faults} == {0}
        assert rig.cable.breaks == 1


@pytest.mark.parametrize("code", [Code.GET_STATUS, Code.GET_FILE_NAMES, Code.GET_FILE_COUNT, Code.GET_ALBUM_NAMES])
async def test_every_list_wrong_once(jumping_clock: trio.testing.MockClock, code: Code) -> None:
    async with rigged([stored(1)]) as rig:
        size = 17 if code is Code.GET_FILE_COUNT else 257
        for at in range(0, size, 16):
            rig.fail(FaultKind.CHANGE, code, at=at)
            assert await rig.names() == ["P000001.KDC"]
        assert rig.cable.breaks == 1


@pytest.mark.parametrize("kind", [FaultKind.DROP, FaultKind.STOP, FaultKind.DUPLICATE, FaultKind.WRONG_CHECKSUM])
@pytest.mark.parametrize("packet", [1, 2, 3])
async def test_a_packet_spoilt_once(jumping_clock: trio.testing.MockClock, kind: FaultKind, packet: int) -> None:
    async with rigged([stored(1, size=3000), stored(2, size=2000)]) as rig:
        rig.fail(kind, FILE, packet, at=500)
        entry = await rig.entry(1)
        data = b""
        for _ in range(2):  # a duplicate may cost a transfer, but never the bytes
            try:
                data = await rig.read(entry)
                break
            except errors.RemoteProtocolError:
                assert kind is FaultKind.DUPLICATE
        assert data == picture(1)[:3000]
        assert await rig.read(await rig.entry(2)) == picture(2)[:2000]


async def test_a_packet_that_is_never_right(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged([stored(1, size=5000), stored(2, size=5000)]) as rig:
        fault = rig.fail(FaultKind.WRONG_CHECKSUM, FILE, 3, times=WARY_RETRIES + 1)
        one = await rig.entry(1)
        with pytest.raises(errors.RemoteProtocolError):
            await rig.read(one)
        assert fault.times == 0
        assert await rig.read(await rig.entry(2)) == picture(2)[:5000]
        assert await rig.read(one) == picture(1)[:5000]


async def test_a_thumbnail_whose_packets_are_never_right(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged([stored(1)]) as rig:
        rig.fail(FaultKind.REFUSE, Code.GET_MEMORY_THUMBNAIL, times=None)
        fault = rig.fail(FaultKind.WRONG_CHECKSUM, FILE, 5, times=None)
        with pytest.raises(errors.RemoteProtocolError):
            await rig.camera.thumbnail(await rig.entry(1))
        fault.times = 0
        assert (await rig.camera.thumbnail(await rig.entry(1))).startswith(b"P6 80 60 255\n")


async def test_noise_before_answers(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged([stored(1, size=3000)]) as rig:
        rig.fail(FaultKind.GARBAGE, times=None, data=b"\x55\xaa\x1a\xe3")
        assert await rig.read(await rig.entry(1)) == picture(1)[:3000]
        await rig.camera.change_setting("flash", "fill")
        assert await rig.camera.setting("flash") == "fill"


@pytest.mark.parametrize("kind", [FaultKind.IGNORE, FaultKind.REFUSE, FaultKind.LOSE_ACCEPTANCE, FaultKind.NO_END])
@pytest.mark.parametrize("code", [FILE, Code.GET_FILE_NAMES, Code.SET_FLASH, Code.GET_STATUS])
async def test_an_answer_that_is_missing_once(
    jumping_clock: trio.testing.MockClock, kind: FaultKind, code: Code
) -> None:
    async with rigged([stored(1, size=3000)]) as rig:
        fault = rig.fail(kind, code)
        entry = await rig.entry(1)
        data = b""
        for _ in range(2):
            try:
                data = await rig.read(entry)
                break
            except (errors.RemoteProtocolError, errors.TransferTimeout):
                assert kind is FaultKind.LOSE_ACCEPTANCE
        assert data == picture(1)[:3000]
        await rig.camera.change_setting("flash", "fill")
        assert await rig.camera.setting("flash") == "fill"
        assert fault.times == 0


async def test_refused_for_ever(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged([stored(1, size=3000)]) as rig:
        entry = await rig.entry(1)
        rig.fail(FaultKind.REFUSE, FILE, times=None)
        with pytest.raises(errors.NotSupported):
            await rig.read(entry)
        rig.emulated.faults.clear()
        rig.fail(FaultKind.FAIL, FILE)
        with pytest.raises(errors.Refused):
            await rig.read(entry)
        assert await rig.read(entry) == picture(1)[:3000]
        assert rig.cable.breaks == 1


@pytest.mark.parametrize("seconds", [0.5, 4.0, 20.0])
async def test_a_late_end(jumping_clock: trio.testing.MockClock, seconds: float) -> None:
    """An end that comes too late may cost calls, since answers to commands that were sent again come when others are due."""
    async with rigged([stored(1, size=3000)]) as rig:
        rig.fail(FaultKind.LATE, FILE, seconds=seconds)
        rig.fail(FaultKind.LATE, Code.SET_FLASH, seconds=seconds)
        assert await rig.read(await rig.entry(1)) == picture(1)[:3000]
        for flash in ("fill", "none"):
            for _ in range(4):
                try:
                    await rig.camera.change_setting("flash", flash)
                    assert await rig.camera.setting("flash") == flash
                    break
                except (errors.TransferTimeout, errors.RemoteProtocolError):
                    assert seconds > 5
            else:
                raise AssertionError("the line does not recover")


async def test_switched_off_in_the_middle(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged([stored(1, size=5000), stored(2, size=3000)]) as rig:
        rig.fail(FaultKind.SWITCH_OFF, FILE, 3, at=100)
        entry = await rig.entry(1)
        before = trio.current_time()
        with pytest.raises(errors.TransferTimeout):
            await rig.read(entry)
        for _ in range(3):
            with pytest.raises(errors.TransferTimeout):
                await rig.camera.status()
        assert trio.current_time() - before < 60
        assert not rig.camera.gone
        rig.emulated.switch_on()
        await trio.sleep(3)
        assert await rig.read(entry) == picture(1)[:5000]
        assert await rig.read(await rig.entry(2)) == picture(2)[:3000]


async def test_a_break_in_the_middle(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged([stored(1, size=5000)], baud=None) as rig:
        rig.fail(FaultKind.BREAK, FILE, 3, at=100)
        entry = await rig.entry(1)
        with pytest.raises(errors.CameraError):
            await rig.read(entry)
        assert await rig.read(entry) == picture(1)[:5000]
        assert rig.line.speed == 115200


async def test_unplugged(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged([stored(1, size=5000), stored(2)]) as rig:
        one, two = await rig.entry(1), await rig.entry(2)
        rig.nursery.start_soon(rig.camera.listen)
        rig.fail(FaultKind.UNPLUG, FILE, 3, at=100)
        before = trio.current_time()
        failures = []

        async def expect_gone(reading: trio.MemorySendChannel[None]) -> None:
            async with reading:
                with pytest.raises(errors.DeviceGone):
                    await rig.read(one)
                failures.append(1)

        send, receive = trio.open_memory_channel[None](0)
        async with trio.open_nursery() as readers:
            for _ in range(3):
                readers.start_soon(expect_gone, send.clone())
            send.close()
        receive.close()
        assert len(failures) == 3
        assert rig.camera.gone
        for call in (
            rig.camera.status,
            rig.camera.capture,
            rig.camera.clock,
            lambda: rig.camera.delete(two),
            lambda: rig.read(two),
        ):
            with pytest.raises(errors.DeviceGone):
                await call()
        assert trio.current_time() - before < 3
        assert type(await rig.camera.changes.receive()).__name__ in ("EntryChanged", "Gone")


async def test_another_picture_under_the_number(jumping_clock: trio.testing.MockClock) -> None:
    async with rigged([stored(1), stored(2)]) as rig:
        entry = await rig.entry(1)
        store = next(iter(rig.emulated.state.stores.values()))
        store.pictures[0].content, store.pictures[1].content = store.pictures[1].content, store.pictures[0].content
        with pytest.raises(errors.NotFound):
            await rig.read(entry)
        with pytest.raises(errors.NotFound):
            await rig.camera.delete(entry)
        assert len(store.pictures) == 2
        assert rig.camera.changes.receive_nowait() == FolderChanged(MEMORY)
        assert await rig.read(await rig.entry(1)) == picture(2)
        assert rig.cable.breaks == 1


def damaging(*packets: int) -> Callable[[bytes], bytes]:
    """Return what damages packets, counted as they come, in two bytes and in the same bits: the checksum does not see it."""
    numbers = count()

    def damage(data: bytes) -> bytes:
        if len(data) != DATA_SIZE + 1 or next(numbers) not in packets:
            return data
        return bytes([data[0] ^ 8]) + data[1:500] + bytes([data[500] ^ 8]) + data[501:]

    return damage


@pytest.mark.parametrize("packet", range(4))
async def test_a_new_line_is_not_believed_at_once(jumping_clock: trio.testing.MockClock, packet: int) -> None:
    async with rigged([stored(1, size=5000)]) as rig:
        entry = await rig.entry(1)
        rig.cable.to_host = damaging(packet)
        assert await rig.read(entry) == picture(1)[:5000]


@pytest.mark.parametrize("seen", [2, 4])
async def test_damage_that_is_seen_makes_the_line_wary(jumping_clock: trio.testing.MockClock, seen: int) -> None:
    """A reply under way begins again, as what came before may be damaged, too; later ones are checked from the beginning."""
    async with rigged([stored(number, size=9000) for number in (1, 2, 3)]) as rig:
        one, two, three = [await rig.entry(number) for number in (1, 2, 3)]
        await rig.read(one)  # the line has proved itself
        rig.fail(FaultKind.WRONG_CHECKSUM, FILE, seen)
        assert await rig.read(two) == picture(2)[:9000]
        rig.cable.to_host = damaging(0, 7)
        assert await rig.read(three) == picture(3)[:9000]


async def test_a_picture_that_was_left_is_read_on_at_any_speed(jumping_clock: trio.testing.MockClock) -> None:
    """What is known comes over the line again, and no read waits for all of it."""
    async with rigged([stored(1, size=60_000)], throttled=True, baud=9600) as rig:
        entry = await rig.entry(1)
        assert await rig.camera.read(entry, 0, 100)
        await trio.sleep(50)
        await rig.camera.release(entry)
        await trio.sleep(5)
        data = b""
        while len(data) < entry.size:
            with trio.fail_after(5):
                data += await rig.camera.read(entry, len(data), 1 << 17)
        assert data == picture(1)[:60_000]


@pytest.mark.parametrize("code", [Code.GET_FILE_COUNT, Code.GET_STATUS, Code.GET_ALBUM_NAMES])
async def test_a_reply_cut_off_after_a_byte_is_an_error(jumping_clock: trio.testing.MockClock, code: Code) -> None:
    """Its first byte may look like the end of the command."""
    async with rigged([stored(1)]) as rig:
        await rig.entries()
        replies = count()

        def cut(data: bytes) -> bytes:
            return data if len(data) < 17 else b"\0"[next(replies) :]

        rig.cable.to_host = cut
        with pytest.raises(errors.CameraError):
            await rig.line.run(
                command(code, location=Location.MEMORY) if code is Code.GET_FILE_COUNT else command(code)
            )
        rig.cable.to_host = bytes
        assert await rig.read(await rig.entry(1)) == picture(1)
