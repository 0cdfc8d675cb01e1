"""The table of states in `camfs.protocols.dc120.camera`: every row of it, on the line."""

import pytest
import trio
import trio.testing

from tests.virtual.dc120.host import D1, D2, E1, E2, E3, E4, OK, Host, extra, frame, hosted, on_terminal

NAMES = bytes(256)
LATE = (D2, E3, E4)


# idle


async def test_a_command_in_pieces() -> None:
    async with hosted() as (_, host):
        for byte in frame("96"):
            await host.send(bytes([byte]))
        await host.expect(D1, OK)


async def test_commands_one_after_the_other_in_one_piece() -> None:
    async with hosted() as (_, host):
        await host.send(frame("96") * 3)
        await host.expect((D1 + OK) * 3)


async def test_an_unknown_command_and_a_bad_value() -> None:
    async with hosted() as (_, host):
        await host.ask("0102030405", E1)
        await host.ask("710009", E1)
        await host.send(bytes.fromhex("7F0000000000011A"))  # byte 6 is 00 in every command
        await host.expect(E1)
        await host.do("96")


@pytest.mark.parametrize("late", LATE)
async def test_late_answers_are_passed_over(late: bytes) -> None:
    async with hosted() as (_, host):
        await host.send(late)
        await host.send(late + late + frame("96"))
        await host.expect(D1, OK)


async def test_stray_bytes_before_a_command_are_dropped_one_by_one() -> None:
    async with hosted() as (_, host):
        for stray in (b"x", b"\0\0", bytes(100), b"\x55" * 7, frame("96")[1:-1]):
            await host.send(stray + frame("96"))
            await host.expect(D1, OK)


async def test_stray_bytes_that_end_as_a_command_does() -> None:
    async with hosted() as (_, host):
        await host.send(b"1234567\x1a")
        await host.expect(E1)
        await host.do("96")


@pytest.mark.parametrize("stray", [b"x", frame("96")[:-1], bytes(20)])
async def test_stray_bytes_and_silence(stray: bytes, jumping_clock: trio.testing.MockClock) -> None:
    async with hosted() as (camera, host):
        await host.do("96")
        start = trio.current_time()
        await host.send(stray)
        await host.expect(E1)  # once, however many there were
        assert trio.current_time() - start == pytest.approx(0.5, abs=0.01)
        await host.do("96")
        assert [record.operation for record in camera.trace.records] == ["UNKNOWN_96", "garbage", "UNKNOWN_96"]


async def test_a_slow_command_is_still_one(jumping_clock: trio.testing.MockClock) -> None:
    async with hosted() as (_, host):
        for byte in frame("96"):
            await trio.sleep(0.4)
            await host.send(bytes([byte]))
        await host.expect(D1, OK)


# extra data


async def test_extra_data_in_pieces() -> None:
    async with hosted() as (_, host):
        await host.ask("42", D1)
        data = extra(NAMES)
        for at in range(0, len(data), 100):
            await host.send(data[at : at + 100])
        await host.expect(D2, OK)


@pytest.mark.parametrize(
    "bad",
    [extra(NAMES)[:-1] + b"\1", b"\x81" + extra(NAMES)[1:], b"\x80\1" + extra(NAMES)[2:]],
    ids=["checksum", "lead", "content"],
)
async def test_bad_extra_data_are_asked_for_again(bad: bytes) -> None:
    async with hosted() as (camera, host):
        before = camera.state.albums
        await host.ask("42", D1)
        for _ in range(5):
            await host.send(bad)
            await host.expect(E3)
        assert camera.state.albums == before
        await host.send(extra(NAMES))
        await host.expect(D2, OK)
        assert camera.state.albums != before


async def test_bad_extra_data_for_ever() -> None:
    async with hosted() as (_, host):
        await host.ask("42", D1)
        for _ in range(5):
            await host.send(extra(NAMES)[:-1] + b"\1")
            await host.expect(E3)
        await host.send(extra(NAMES)[:-1] + b"\1")
        await host.expect(E2)
        await host.do("96")
        assert (await host.query("43")).startswith(b"ALBUM 1")


async def test_too_few_extra_data(jumping_clock: trio.testing.MockClock) -> None:
    async with hosted() as (_, host):
        await host.ask("9E", D1)
        await host.send(extra(bytes(58))[:-1])
        await host.expect(E3)
        await host.send(extra(bytes(58)))
        await host.expect(D2, OK)


async def test_no_extra_data(jumping_clock: trio.testing.MockClock) -> None:
    async with hosted() as (camera, host):
        await host.ask("9E", D1)
        await trio.sleep(11)
        await host.do("96")
        assert [record.result for record in camera.trace.records] == ["abandoned", "OK"]


async def test_too_many_extra_data(jumping_clock: trio.testing.MockClock) -> None:
    async with hosted() as (_, host):
        await host.ask("9E", D1)
        await host.send(extra(bytes(58)) + b"more")
        await host.expect(D2, OK, E1)
        await host.do("96")


async def test_extra_data_that_nobody_wants(jumping_clock: trio.testing.MockClock) -> None:
    async with hosted() as (_, host):
        await host.send(extra(bytes(58)))
        await host.expect(E1)
        await host.do("96")


# sending


async def begun(host: Host) -> bytes:
    """Begin to read a picture; return its first packet."""
    await host.ask("5401000200", D1)
    return await host.packet(1024)


async def test_a_packet_is_repeated_however_often() -> None:
    async with hosted() as (_, host):
        first = await begun(host)
        for _ in range(20):
            await host.send(E3)
            assert await host.packet(1024) == first
        await host.send(D2)
        second = await host.packet(1024)
        assert second != first
        await host.send(E3)
        assert await host.packet(1024) == second


async def test_the_last_packet_is_repeated() -> None:
    async with hosted() as (_, host):
        await host.ask("7F", D1)
        status = await host.packet()
        await host.send(E3)
        assert await host.packet() == status
        await host.send(D2)
        await host.expect(OK)


async def test_an_abort_is_not_answered() -> None:
    async with hosted() as (camera, host):
        await begun(host)
        await host.send(D2)
        await host.packet(1024)
        await host.send(E4)
        await host.do("96")
        assert [(record.bytes_in, record.result) for record in camera.trace.records] == [(2048, "aborted"), (0, "OK")]


async def test_a_command_in_place_of_an_answer() -> None:
    async with hosted() as (camera, host):
        await begun(host)
        await host.do("96")
        assert [record.result for record in camera.trace.records] == ["abandoned", "OK"]


async def test_nonsense_in_place_of_an_answer(jumping_clock: trio.testing.MockClock) -> None:
    async with hosted() as (camera, host):
        await begun(host)
        await host.send(b"x")
        await host.expect(E1)
        await host.send(D2)
        await host.do("96")
        assert [record.result for record in camera.trace.records] == ["abandoned", "refused", "OK"]


async def test_silence_in_place_of_an_answer(jumping_clock: trio.testing.MockClock) -> None:
    async with hosted() as (camera, host):
        await begun(host)
        await trio.sleep(9.5)
        await host.send(E3)
        await host.packet(1024)
        await trio.sleep(10.5)
        await host.send(E3)  # late
        await host.do("96")
        assert [record.result for record in camera.trace.records] == ["abandoned", "OK"]


# busy


async def test_what_comes_while_it_is_busy_is_done_afterwards(jumping_clock: trio.testing.MockClock) -> None:
    async with hosted(capture="3") as (camera, host):
        await host.ask("7C", D1)
        await host.send(frame("96") * 9)  # 72 bytes; 64 are kept
        await host.expect(OK)
        assert trio.current_time() == pytest.approx(3, abs=0.3)
        await host.expect((D1 + OK) * 8)
        await host.do("97")
        assert len(camera.trace.records) == 10


# breaks


async def test_a_break_at_rest() -> None:
    async with hosted() as (camera, host):
        await host.line_break()
        await host.expect(E1)
        await host.do("96")
        camera.quirks.silent_break = True
        await host.line_break()
        await host.do("96")


async def test_a_break_after_half_a_command() -> None:
    async with hosted() as (_, host):
        await host.send(frame("7F")[:5])
        await host.line_break()
        await host.expect(E1)
        await host.do("96")


async def test_a_break_in_the_extra_data() -> None:
    async with hosted() as (_, host):
        await host.ask("42", D1)
        await host.send(extra(NAMES)[:100])
        await host.line_break()
        await host.expect(E1)
        await host.do("96")


async def test_a_break_between_packets() -> None:
    async with hosted() as (camera, host):
        await begun(host)
        await host.line_break()
        await host.expect(E1)
        await host.do("96")
        assert [record.result for record in camera.trace.records] == ["OK", "broken off", "OK"]
        assert [record.operation for record in camera.trace.records] == ["break", "GET_MEMORY_FILE", "UNKNOWN_96"]


async def test_a_break_in_the_middle_of_a_packet() -> None:
    async with on_terminal(pace="on") as (_, host):
        await host.ask("5401000200", D1)
        head = await host.read(100)
        assert head.startswith(b"MM\0*")
        await host.line_break()
        rest = b""
        while not rest.endswith(E1):
            rest += await host.read(1)
        assert len(rest) < 64  # what had left before
        await host.do("96")


async def test_a_break_while_a_picture_is_taken(jumping_clock: trio.testing.MockClock) -> None:
    async with hosted(capture="100") as (_, host):
        await host.ask("7C", D1)
        await host.line_break()
        await host.expect(E1)
        assert await host.count() == 5
        assert trio.current_time() < 50


async def test_a_break_sets_the_speed_back() -> None:
    async with hosted() as (camera, host):
        await host.set_speed(115200)
        await host.do("96")
        await host.line_break()
        await host.expect(E1)
        assert camera.line.speed == 9600
        await host.do("96")


# asleep


async def test_it_falls_asleep_and_is_woken(jumping_clock: trio.testing.MockClock) -> None:
    async with hosted(sleep="on") as (_, host):
        await host.do("82003C")
        await trio.sleep(59)
        await host.do("96")
        await trio.sleep(61)
        await host.send(frame("7F"))  # wakes it, and is lost
        await trio.sleep(1)
        await host.do("96")
        await trio.sleep(61)
        await host.line_break()
        await host.expect(E1)
        await host.do("820078")
        await trio.sleep(119)
        await host.do("96")


async def test_it_stays_awake_by_default(jumping_clock: trio.testing.MockClock) -> None:
    async with hosted() as (_, host):
        await trio.sleep(10_000)
        await host.do("96")


# switched off


async def test_switched_off_it_hears_nothing(jumping_clock: trio.testing.MockClock) -> None:
    async with hosted() as (camera, host):
        await host.set_speed(115200)
        await begun(host)
        camera.switch_off()
        await host.send(D2)
        await host.line_break()
        await trio.sleep(20)
        camera.switch_on()
        await host.do("96")
        assert [record.result for record in camera.trace.records] == ["OK", "broken off", "OK"]
