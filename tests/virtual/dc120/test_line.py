"""The line of the emulated DC120: time, speeds, cables, hosts that come and go."""

import os
from pathlib import Path

import pytest
import trio
import trio.testing

from camfs.errors import DeviceGone
from camfs.transports.serial import open_port
from camfs.virtual import attach_dc120, emulate_dc120
from camfs.virtual.dc120.line import MAX_LATE, PtyLine
from tests.virtual.dc120.host import D1, E1, E3, SPEEDS, Host, frame, on_terminal


@pytest.fixture
def jumping_clock() -> trio.testing.MockClock:
    """Time passes when nothing else has happened for a fifth of a second: bytes take a moment through a pseudo-terminal."""
    return trio.testing.MockClock(autojump_threshold=0.2)


@pytest.mark.parametrize("baud", [57600, 230400])
async def test_bytes_take_their_time(baud: int) -> None:
    """8 bytes of command, D1, 15 packets, a D2 for each, 00: 10 bit times each, at least, but for what was late before."""
    async with on_terminal(pace="on") as (_, host):
        await host.set_speed(baud)
        start = trio.current_time()
        await host.query("5601000200", 1024, 15)
        assert trio.current_time() - start >= (8 + 1 + 15 * 1026 + 1) * 10 / baud - MAX_LATE


async def test_a_byte_is_never_early() -> None:
    async with on_terminal(pace="on") as (_, host):
        start = trio.current_time()
        await host.send(frame("7F"))
        for received in range(1, 1 + 257):
            await host.read(1)
            assert trio.current_time() - start >= (8 + received) * 10 / 9600


async def test_lateness_does_not_add_up(jumping_clock: trio.testing.MockClock) -> None:
    """What sleeping too long costs is made up for: a clock that only jumps shows the line's own time."""
    async with on_terminal(pace="on") as (_, host):
        await host.set_speed(230400)
        start = trio.current_time()
        await host.status()
        assert trio.current_time() - start == pytest.approx((8 + 1 + 257 + 1 + 1) * 10 / 230400, rel=0.01)


async def test_without_pace_it_is_as_fast_as_it_goes(jumping_clock: trio.testing.MockClock) -> None:
    async with on_terminal() as (_, host):
        start = trio.current_time()
        await host.query("5601000200", 1024, 15)
        assert trio.current_time() == start


# speeds


@pytest.mark.parametrize("host_speed", [baud for baud in SPEEDS if baud != 9600])
async def test_at_different_speeds_nothing_is_understood(
    host_speed: int, jumping_clock: trio.testing.MockClock
) -> None:
    async with on_terminal() as (camera, host):
        await host.port.set_speed(host_speed)
        await host.send(frame("7F"))
        await trio.sleep(1)
        assert {record.operation for record in camera.trace.records} <= {"garbage"}
        host.port.discard_input()
        await host.port.set_speed(9600)
        await host.status()


async def test_the_camera_at_another_speed_than_the_host(jumping_clock: trio.testing.MockClock) -> None:
    async with on_terminal() as (_, host):
        await host.ask("41001152", D1)
        await host.send(frame("7F"))
        with trio.move_on_after(2):
            assert await host.read(2) != D1 + b"\0"  # garbage, if anything
        host.port.discard_input()
        await host.port.set_speed(115200)
        await host.status()


async def test_a_cable_that_carries_less(jumping_clock: trio.testing.MockClock) -> None:
    async with on_terminal(baud="38400") as (_, host):
        await host.set_speed(115200)
        await host.send(frame("7F"))
        with trio.move_on_after(2):
            await host.read(258)
            raise AssertionError
        await host.line_break()
        await host.expect(E1)
        host.port.discard_input()
        await host.set_speed(38400)
        await host.status()


async def test_noise() -> None:
    async with on_terminal() as (camera, host):
        camera.line.to_camera = lambda data: b"\0" + data
        camera.line.to_host = lambda data: data.replace(D1, b"?")
        await host.ask("7F", b"?")
        camera.line.to_camera = camera.line.to_host = bytes
        await host.rest()


# cables


async def test_the_cable_is_out_of_the_camera(jumping_clock: trio.testing.MockClock) -> None:
    async with on_terminal() as (camera, host):
        await host.set_speed(57600)
        camera.line.connected = False
        await host.send(frame("7F"))
        await host.line_break()
        await trio.sleep(5)
        camera.line.connected = True
        await host.port.set_speed(57600)
        await host.status()
        assert [record.operation for record in camera.trace.records] == ["SET_SPEED", "GET_STATUS"]


async def test_the_adapter_is_pulled_out_and_put_in() -> None:
    async with on_terminal() as (camera, host):
        await host.status()
        camera.line.unplug()
        with pytest.raises(DeviceGone):
            await host.read(1)
        with pytest.raises(DeviceGone):
            await open_port(camera.path)
        camera.line.unplug()  # once more is nothing
        camera.line.plug()
        again = Host(await open_port(camera.path))
        await again.status()
        await again.port.aclose()


async def test_the_adapter_is_pulled_out_in_the_middle_of_a_packet() -> None:
    async with on_terminal(pace="on") as (camera, host):
        await host.ask("5401000200", D1)
        await host.read(10)
        camera.line.unplug()
        with pytest.raises(DeviceGone):
            await host.read(1024)
        camera.line.plug()
        again = Host(await open_port(camera.path))
        await again.line_break()
        await again.expect(E1)
        await again.do("96")
        await again.port.aclose()


# hosts


async def test_hosts_come_and_go() -> None:
    async with on_terminal() as (camera, host):
        await host.ask("5401000200", D1)
        await host.port.aclose()
        for _ in range(3):
            again = Host(await open_port(camera.path))
            await again.line_break()
            await again.expect(E1)  # and nothing of what the one before left unread
            await again.ask("7F", D1)
            await again.port.aclose()


async def test_what_no_host_is_there_for_is_lost(jumping_clock: trio.testing.MockClock) -> None:
    async with on_terminal(capture="3") as (camera, host):
        await host.ask("7C", D1)
        await host.port.aclose()
        await trio.sleep(5)
        again = Host(await open_port(camera.path))
        await again.do("96")
        assert await again.count() == 6
        await again.port.aclose()
        assert camera.trace.records[0].result == "OK"


async def test_a_host_that_does_not_read(jumping_clock: trio.testing.MockClock) -> None:
    """The terminal fills up; a break still gets through."""
    async with on_terminal() as (_, host):
        await host.send(frame("5401000200") + E3 * 200)
        await trio.sleep(1)
        await host.line_break()
        host.port.discard_input()
        await trio.sleep(1)
        host.port.discard_input()
        await host.do("96")


async def test_only_the_host_has_the_terminal_open() -> None:
    """So programs that look for the holder of the port find the host, not the camera."""
    async with on_terminal() as (camera, host):
        await host.do("96")
        device = os.path.realpath(camera.path)
        links = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
        held = [os.readlink(link) for link in links if os.path.lexists(link)]
        assert held.count(device) == 1


# the link


async def test_the_link_is_gone_in_the_end(tmp_path: Path) -> None:
    link = tmp_path / "camera"
    async with emulate_dc120({"pace": "off"}).running(link) as camera:
        assert camera.path == link
        assert link.readlink().is_char_device()
        camera.line.unplug()
        camera.line.plug()
        assert link.readlink().is_char_device()
    assert not link.is_symlink()


async def test_a_dead_link_is_replaced_and_others_are_not(tmp_path: Path) -> None:
    link, other = tmp_path / "camera", tmp_path / "file"
    link.symlink_to(tmp_path / "nothing")
    async with emulate_dc120({}).running(link):
        assert link.exists()
    other.write_text("mine")
    with pytest.raises(FileExistsError):
        async with emulate_dc120({}).running(other):
            raise AssertionError
    assert other.read_text() == "mine"


async def test_a_link_that_is_no_longer_ours_is_left_alone(tmp_path: Path) -> None:
    link = tmp_path / "camera"
    async with emulate_dc120({}).running(link):
        link.unlink()
        link.symlink_to(tmp_path)
    assert link.readlink() == tmp_path


async def test_attach_gives_the_path_of_a_camera_that_answers() -> None:
    with trio.fail_after(10):
        async with attach_dc120({"pace": "off"}) as path:
            port = await open_port(path)
            await Host(port).status()
            await port.aclose()
        assert not path.parent.exists()


async def test_an_exception_comes_out_as_it_is() -> None:
    with pytest.raises(KeyError):
        async with emulate_dc120({}).running():
            raise KeyError


async def test_an_adapter_that_is_pulled_out_as_the_camera_begins_to_listen() -> None:
    line = PtyLine(False)
    with line.linked():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(line.receive)
            await trio.lowlevel.checkpoint()  # so that it looks whether the adapter is in
            line.unplug()
            with trio.move_on_after(0.1):
                await trio.sleep_forever()
            nursery.cancel_scope.cancel()
