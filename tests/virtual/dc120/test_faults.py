"""Faults of the emulated DC120, and the quirks that have no test elsewhere."""

import pytest
import trio
import trio.testing

from camfs.errors import DeviceGone
from camfs.protocols.dc120.commands import Code
from camfs.transports.serial import open_port
from camfs.virtual.dc120 import EmulatedDC120, Fault, FaultKind
from tests.virtual.dc120.host import D1, D2, E1, E2, E3, OK, Host, checksum, frame, hosted, on_terminal


def results(camera: EmulatedDC120) -> list[str]:
    return [record.result for record in camera.trace.records]


async def test_a_fault_strikes_when_it_is_to() -> None:
    async with hosted() as (camera, host):
        camera.faults.append(Fault(FaultKind.REFUSE, Code.UNKNOWN_96, skip=1, times=2))
        await host.do("97")
        await host.do("96")
        await host.ask("96", E1)
        await host.ask("96", E1)
        await host.do("96")
        camera.faults[:] = [Fault(FaultKind.REFUSE, times=None)]
        for _ in range(10):
            await host.ask("7F", E1)
        camera.faults.clear()
        await host.status()


# before and after a command


async def test_no_notice(jumping_clock: trio.testing.MockClock) -> None:
    async with hosted(capture="3") as (camera, host):
        camera.faults.append(Fault(FaultKind.IGNORE))
        await host.send(frame("7C"))
        await trio.sleep(10)
        assert await host.count() == 5
        assert results(camera) == ["abandoned", "OK"]


async def test_lost_acceptance(jumping_clock: trio.testing.MockClock) -> None:
    async with hosted(capture="3") as (camera, host):
        camera.faults.append(Fault(FaultKind.LOSE_ACCEPTANCE))
        await host.ask("7C", OK)
        assert await host.count() == 6


async def test_refused_and_failed() -> None:
    async with hosted() as (camera, host):
        camera.faults += [Fault(FaultKind.REFUSE), Fault(FaultKind.FAIL, Code.TAKE_PICTURE)]
        await host.ask("7C", E1)
        await host.ask("7C", D1, E2)
        assert await host.count() == 5
        assert results(camera) == ["refused", "failed", "OK"]


async def test_garbage_before_the_acceptance() -> None:
    async with hosted() as (camera, host):
        camera.faults.append(Fault(FaultKind.GARBAGE, data=b"noise"))
        await host.ask("96", b"noise", D1, OK)
        await host.do("96")


async def test_the_end_comes_late_or_never(jumping_clock: trio.testing.MockClock) -> None:
    async with hosted() as (camera, host):
        camera.faults += [Fault(FaultKind.LATE, seconds=7), Fault(FaultKind.NO_END, Code.UNKNOWN_97)]
        start = trio.current_time()
        await host.do("96")
        assert trio.current_time() - start == pytest.approx(7, abs=0.01)
        await host.ask("97", D1)
        await host.do("97")


async def test_it_says_that_it_works() -> None:
    async with hosted() as (camera, host):
        camera.faults.append(Fault(FaultKind.WORKING, data=b"\x10\xf0\x10"))
        await host.ask("7C", D1, b"\x10\xf0\x10", OK)


async def test_an_end_too_many() -> None:
    async with hosted() as (camera, host):
        camera.faults.append(Fault(FaultKind.EXTRA_END, times=2))
        await host.ask("96", D1, OK, OK)
        await host.ask("41009600", D1, OK)  # as the DC240 does
        await host.do("96")


# packets


async def test_a_wrong_checksum_once_and_always() -> None:
    async with hosted() as (camera, host):
        camera.faults.append(Fault(FaultKind.WRONG_CHECKSUM, packet=2))
        await host.ask("5401000200", D1)
        await host.packet(1024)
        await host.send(D2)
        assert checksum(await host.read(1025)) == 0xFF
        await host.send(E3)
        await host.packet(1024)
        camera.faults.append(Fault(FaultKind.WRONG_CHECKSUM, packet=3, times=None))
        await host.send(D2)
        for _ in range(10):
            assert checksum(await host.read(1025)) == 0xFF
            await host.send(E3)
        camera.faults.clear()
        await host.read(1025)
        await host.send(E3)
        await host.packet(1024)


@pytest.mark.parametrize("at", [0, 100, 256])
async def test_a_changed_byte_and_a_lost_one(at: int) -> None:
    async with hosted() as (camera, host):
        names = await host.query("4A")
        whole = names + bytes([checksum(names)])
        camera.faults.append(Fault(FaultKind.CHANGE, Code.GET_FILE_NAMES, at=at))
        await host.ask("4A", D1)
        changed = await host.read(257)
        assert [index for index in range(257) if changed[index] != whole[index]] == [at]
        camera.faults.append(Fault(FaultKind.DROP, at=at))
        await host.send(E3)
        assert await host.read(256) == whole[:at] + whole[at + 1 :]
        await host.send(E3)
        await host.packet()
        await host.send(D2)
        await host.expect(OK)


async def test_a_packet_that_stops() -> None:
    async with hosted() as (camera, host):
        camera.faults.append(Fault(FaultKind.STOP, at=20))
        await host.ask("7F", D1)
        await host.read(20)
        await host.send(E3)
        await host.packet()


async def test_a_packet_twice() -> None:
    async with hosted() as (camera, host):
        camera.faults.append(Fault(FaultKind.DUPLICATE))
        await host.ask("7F", D1)
        assert await host.packet() == await host.packet()
        await host.send(D2)
        await host.expect(OK)


@pytest.mark.parametrize("at", [0, 500])
async def test_pulled_out_in_a_packet(at: int) -> None:
    async with on_terminal() as (camera, host):
        camera.faults.append(Fault(FaultKind.UNPLUG, packet=2, at=at))
        await host.ask("5401000200", D1)
        await host.packet(1024)
        await host.send(D2)
        with pytest.raises(DeviceGone):
            await host.read(1025)
        camera.line.plug()
        again = Host(await open_port(camera.path))
        await again.line_break()
        await again.expect(E1)
        await again.status()
        await again.port.aclose()


async def test_switched_off_in_a_packet(jumping_clock: trio.testing.MockClock) -> None:
    async with hosted() as (camera, host):
        camera.faults.append(Fault(FaultKind.SWITCH_OFF, packet=1, at=500))
        await host.ask("5401000200", D1)
        await host.read(500)
        await host.send(E3 + frame("7F"))
        await trio.sleep(1)
        camera.switch_on()
        await host.status()


async def test_a_break_in_a_packet() -> None:
    async with hosted() as (camera, host):
        await host.set_speed(57600)
        camera.quirks.silent_break = True
        camera.faults.append(Fault(FaultKind.BREAK, packet=1, at=500))
        await host.ask("5401000200", D1)
        await host.read(500)
        await trio.testing.wait_all_tasks_blocked()
        await host.port.set_speed(9600)
        await host.status()
        assert results(camera) == ["OK", "OK", "broken off", "OK"]


# what libgphoto2's driver needs


async def test_libgphoto2s_session() -> None:
    async with hosted(dialect="libgphoto2", card="made") as (camera, host):
        await host.port.send_break(0)
        await host.expect(E1)
        await host.ask("41001152", D1)
        await host.port.set_speed(115200)
        await host.query("7F")
        assert (await host.query("44"))[:8] == b"ALBUM 1\0"
        assert (await host.query("4401"))[:8] == b"ALBUM 1\0"
        assert (await host.query("4A0000000001"[:10]))[:2] == b"\0\5"
        await host.query("4A00000001")
        # preview: 16 packets of a picture, then E4
        await host.ask("5400000100", D1)
        for _ in range(15):
            await host.packet(1024)
            await host.send(D2)
        await host.packet(1024)
        await host.send(b"\xe4")
        await host.do("77")
        assert await host.count() == 6
        await host.ask("7A00000100", D1, b"\x10", OK)
        assert await host.count() == 5
        await host.ask("7B01000103", D1, b"\x10", OK)
        assert await host.count("01") == 5
        await host.ask("7A00000900", D1, E2)
        for text in ("7A01000100", "4402", "440001"):
            await host.ask(text, E1)
        assert {"0x44", "0x77", "0x7A"} <= set(camera.trace.operations())


async def test_libgphoto2s_next_session_begins_with_a_break_that_nobody_sees() -> None:
    async with hosted(dialect="libgphoto2") as (camera, host):
        await host.set_speed(115200)
        await host.port.set_speed(9600)
        await host.send(frame("41001152"))  # garbled in a real camera too, had it not been reset
        await host.expect(E1)
        await host.ask("41001152", D1)
        assert camera.line.speed == 115200
