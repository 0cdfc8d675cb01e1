"""Every command of the table, byte by byte: what is answered, and what it changes."""

from dataclasses import dataclass
from datetime import datetime

import pytest
import trio
import trio.testing

from camfs.protocols.dc120.commands import FORMS
from camfs.protocols.dc120.values import Location
from camfs.protocols.kdc import Header
from tests.virtual.dc120.host import D1, D2, E1, E2, E4, OK, SPEEDS, extra, hosted


@dataclass(frozen=True)
class Setting:
    """A command that sets something, where the status shows it, and what values it does not take."""

    text: str
    offset: int
    shown: str
    refused: tuple[str, ...] = ()


SETTINGS = (
    Setting("33000101", 32, "0101", ("33000300", "33000002", "33010000")),
    Setting("33000200", 32, "0200"),
    Setting("340001", 34, "01", ("340002", "34000001")),
    Setting("710000", 19, "00", ("710004", "710100")),
    Setting("710003", 19, "03"),
    Setting("720002", 20, "02", ("720003",)),
    Setting("730001", 16, "10", ("730003",)),
    Setting("730002", 16, "27"),
    Setting("740001", 29, "01", ("740002",)),
    Setting("780006", 16, "06", ("780007",)),
    Setting("82003C", 10, "3C", ("820000", "82023C", "820079")),
    Setting("820178", 11, "78"),
    Setting("8B0001", 23, "01", ("8B0002",)),
    Setting("800083", 21, "83", ("800005", "800080", "800085")),
    Setting("800004", 21, "04"),
    Setting("810000000683", 24, "00000683", ("8100000000C9", "810100000683", "810000186A01")),
    Setting("810000186A00", 24, "00186A00"),
)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.text)
async def test_settings_are_read_back(setting: Setting) -> None:
    async with hosted() as (_, host):
        before = await host.status()
        await host.do(setting.text)
        after = await host.status()
        shown = bytes.fromhex(setting.shown)
        place = slice(setting.offset, setting.offset + len(shown))
        assert after[place] == shown
        # nothing else has changed; the clock (12 to 15) runs
        assert [at for at in range(256) if before[at] != after[at] and not 12 <= at < 16] == [
            at for at in range(place.start, place.stop) if before[at] != after[at]
        ]
        for refused in setting.refused:
            await host.ask(refused, E1)
        assert (await host.status())[16:] == after[16:]


async def test_zoom_is_kept_in_macro() -> None:
    async with hosted() as (_, host):
        await host.do("780003")
        await host.do("730002")
        assert (await host.status())[16] == 0x27
        await host.do("730001")
        assert (await host.status())[16] == 0x13


async def test_default_flash_is_that_of_the_next_switching_on() -> None:
    async with hosted() as (camera, host):
        await host.do("35000002")
        await host.ask("350002", E1)  # its parameter is a byte further on than that of 72
        assert (await host.status())[20] == 0
        camera.switch_off()
        camera.switch_on()
        assert (await host.status())[20] == 2


@pytest.mark.parametrize(
    ("first", "then"),
    [(("8B0001",), "800001"), (("800001",), "810000000320"), (("8B0001", "810000000320"), "800084")],
)
async def test_compensation_and_manual_shutter_exclude_each_other(first: tuple[str, ...], then: str) -> None:
    async with hosted() as (camera, host):
        for text in first:
            await host.do(text)
        await host.ask(then, D1, E2)
        await host.do("800000")
        camera.quirks.exclusive_exposure = False
        await host.do(then)


@pytest.mark.parametrize(
    ("text", "moment"),
    [  # examples of the protocol document
        ("750000000034", datetime(1994, 1, 1)),
        ("750012CEA6AC", datetime(1999, 1, 1, 0, 1)),
        ("750012D14934", datetime(1999, 1, 2)),
        ("75001A561734", datetime(2001, 1, 1)),
        ("7500FFFFFFFF", datetime(2062, 1, 19, 3, 13, 41)),
    ],
)
async def test_pictures_are_dated_by_the_clock(
    text: str, moment: datetime, jumping_clock: trio.testing.MockClock
) -> None:
    async with hosted() as (camera, host):
        await host.do(text)
        assert (await host.status())[12:16] == bytes.fromhex(text[4:])
        await host.do("7C")
        assert Header.decode(camera.state.stores[Location.MEMORY].pictures[-1].content.read(0, 1024)).taken == moment


async def test_the_clock_runs(jumping_clock: trio.testing.MockClock) -> None:
    async with hosted() as (_, host):
        assert (await host.status())[12:16] == bytes.fromhex("00000034")
        await host.do("75000B49D834")
        await trio.sleep(3600.5)
        assert int.from_bytes((await host.status())[12:16], "big") == 0x0B49D834 + 7201


async def test_the_clock_stops_at_its_last_value(jumping_clock: trio.testing.MockClock) -> None:
    async with hosted() as (_, host):
        await host.do("7500FFFFFFFF")
        await trio.sleep(100)
        assert (await host.status())[12:16] == bytes.fromhex("FFFFFFFF")


async def test_status() -> None:
    async with hosted(card="made") as (_, host):
        status = await host.status()
        assert status[30] == 0x80
        assert status[36:38] == bytes((0, 5))  # pictures in memory
        assert status[56:58] == bytes((0, 6))  # on the card
        assert status[77:88] == b"DC120CARD  "
        assert status[122:126] == bytes((0, 2, 0, 0))  # albums in use
        assert status[126:] == bytes(130)
        left = [int.from_bytes(status[at : at + 2], "big") for at in range(46, 54, 2)]
        assert left == sorted(left)
        assert left[3] > left[0]


@pytest.mark.parametrize("baud", SPEEDS)
async def test_speeds(baud: int) -> None:
    async with hosted() as (camera, host):
        await host.set_speed(baud)
        await host.status()
        assert camera.line.speed == baud
        await host.set_speed(9600)
        await host.status()


@pytest.mark.parametrize("text", ["41004800", "41000000", "41009601", "410096000001", "41019600", "4100FFFF"])
async def test_other_speeds_are_refused(text: str) -> None:
    async with hosted() as (camera, host):
        await host.ask(text, E1)
        assert camera.line.speed == 9600
        await host.status()


# the protocol document's extra data of command 42: eight names, then left-over memory, then the checksum
ALBUM_NAMES = bytes.fromhex(
    "80414C42 554D2031 00000000 00000000 414C4255 4D203200 00000000 00000041"
    "4C42554D 20330000 00000000 0000414C 42554D20 34000000 00000000 00414C42"
    "554D2035 00000000 00000000 414C4255 4D203600 00000000 00000041 4C42554D"
    "20370000 00000000 0000414C 42554D20 38000000 00000000 0000043F 01000027"
    "300000EF 16C04BCF 17000000 00B7270F 000D001C 6202007B 4BEF1608 7F052AAF"
    "170F0000 00B7271C 6202003F 011E7F97 46AF170F 000000B7 27D00000 001C6202"
    "009C4670 7F28006F 010F0000 00B727D0 007D16F6 BFD714D6 14467F89 40487F48"
    "7F2841BF 173F0127 30F7BFC2 40907F28 007716F6 BF110100 00010000 00A8A17F"
    "000B"
)


def album_names(*names: str) -> bytes:
    return b"".join(name.encode().ljust(15, b"\0") for name in names).ljust(256, b"\0")


async def test_album_names() -> None:
    async with hosted() as (_, host):
        names = album_names("Holiday", "", "x" * 14, "y" * 15)
        await host.ask("42", D1)
        await host.send(extra(names))
        await host.expect(D2, OK)
        assert await host.query("43") == names
        await host.ask("42", D1)
        await host.send(ALBUM_NAMES)
        await host.expect(D2, OK)
        # what lies behind the names is the host's left-over memory: the camera ignores it
        assert await host.query("43") == album_names(*(f"ALBUM {number}" for number in range(1, 9)))
        await host.ask("4301", E1)
        await host.ask("4201", E1)


SEED_NAME = bytes.fromhex(
    "80436872 69732053 74756468 6F6C6D65 20283738 30292034 38342D38 39343200"
    "00000000 00000000 00000000 00000000 00000000 00000000 0000001A"
)


async def test_user_name() -> None:
    async with hosted() as (camera, host):
        await host.ask("9E", D1)
        await host.send(SEED_NAME)
        await host.expect(D2, OK)
        assert (await host.status())[90:120] == b"Chris Studholme (780) 484-8942"
        await host.ask("9E", D1)
        await host.send(extra(b"Ana".ljust(58, b"\0")))
        await host.expect(D2, OK)
        # copied without clearing, as the left-overs in the sample pictures show
        assert (await host.status())[90:120] == b"Ana\0s Studholme (780) 484-8942"
        await host.do("7C")
        owner = camera.state.stores[Location.MEMORY].pictures[-1].content.read(562, 34)
        assert owner == b"Ana\0s Studholme (780) 484-8942".ljust(34, b"\0")


async def test_number_of_files_and_their_names() -> None:
    async with hosted(card="made") as (_, host):
        assert [await host.count("00", album) for album in range(9)] == [5, 1, 1, 0, 0, 0, 0, 0, 0]
        assert await host.count("01") == 6
        names = await host.names()
        assert [name for name, _ in names] == [f"P00000{number}.KDC" for number in range(1, 6)]
        assert await host.names("00", 2) == names[4:]
        assert await host.names("00", 3) == []
        for text in ("450200", "45000000 09", "4501000100", "4A020000", "4A00000009", "4A00010000"):
            await host.ask(text, E1)


async def test_files() -> None:
    async with hosted(card="made") as (camera, host):
        for command, where, location in (("54", "00", Location.MEMORY), ("64", "01", Location.CARD)):
            for number, (name, size) in enumerate(await host.names(where), 1):
                picture = camera.state.stores[location].pictures[number - 1]
                assert picture.name == name
                assert await host.file(number, size, command) == picture.content.read(0, size)
        name, size = (await host.names("00", 2))[0]
        assert await host.file(1, size, "54", album=2) == await host.file(5, size)
        # byte 1 is 01 in the protocol document, 00 from libgphoto2
        await host.query("5400000100", 1024, -(-(await host.names())[0][1] // 1024))
        for text in ("5402000100", "5401000109", "540100010001"):
            await host.ask(text, E1)
        for text in ("5401000000", "5401000600", "5401FFFF00", "5401000201", "6401000700", "5501000600", "6601000000"):
            await host.ask(text, D1, E2)


async def test_thumbnails() -> None:
    async with hosted(card="made") as (camera, host):
        for command, location in (("56", Location.MEMORY), ("66", Location.CARD)):
            data = await host.query(f"{command}01000200", 1024, 15)
            assert data == camera.state.stores[location].pictures[1].content.read(1280, 14400).ljust(15360, b"\0")


async def test_image_info() -> None:
    async with hosted(card="made") as (_, host):
        for command, where, number in (("55", "00", 4), ("65", "01", 2)):
            name, size = (await host.names(where))[number - 1]
            data = await host.query(f"{command}01{number:04X}")
            # the DC210's layout: compression, number, size, exposure, name
            assert data[4] == {4: 0, 2: 3}[number]
            assert data[6:12] == number.to_bytes(2, "big") + size.to_bytes(4, "big")
            assert int.from_bytes(data[28:32], "big") == {4: 800, 2: 1667}[number]
            assert data[32:43] == f"{name[:7]} KDC".encode()


async def test_without_a_card() -> None:
    async with hosted() as (_, host):
        assert (await host.status())[30] == 0
        assert await host.count("01") == 0
        assert await host.names("01") == []
        for text in ("6401000100", "6501000100", "6601000100", "7B010001"):
            await host.ask(text, D1, E2)


async def test_pictures_are_taken_with_the_settings(jumping_clock: trio.testing.MockClock) -> None:
    async with hosted(card="made", capture="5") as (camera, host):
        for text in ("490003", "710003", "720001", "780006", "8B0001", "8100000030D4"):
            await host.do(text)
        start = trio.current_time()
        await host.do("7C")
        assert trio.current_time() - start == pytest.approx(5, abs=0.01)
        assert [name for name, _ in await host.names("01", 3)] == ["P000012.KDC"]
        header = Header.decode(camera.state.stores[Location.CARD].pictures[-1].content.read(0, 1280))
        assert (header.name, header.bits_per_pixel, header.flash, header.focal_length, header.exposure) == (
            "P000012",
            75,
            31,
            111,
            12500,
        )
        await host.do("740001")
        start = trio.current_time()
        await host.do("77")  # what libgphoto2 sends for memory
        assert trio.current_time() - start == pytest.approx(15, abs=0.01)
        assert (await host.names())[-1][0] == "P000013.KDC"
        for text in ("7C01", "7700000001", "490009"):
            await host.ask(text, E1)


async def test_erasing_moves_numbers_down() -> None:
    async with hosted(card="made") as (_, host):
        memory, card = await host.names(), await host.names("01")
        await host.do("7B000002")
        assert await host.names() == memory[:1] + memory[2:]
        assert await host.names("00", 1) == memory[3:4]
        await host.do("7B010006")
        assert await host.names("01") == card[:5]
        await host.ask("7B000005", D1, E2)
        await host.ask("7B000000", D1, E2)
        await host.ask("7B020001", E1)
        await host.do("7B00000101")  # the album in byte 4, which libgphoto2 sends, makes no difference
        assert await host.names() == memory[2:]
        await host.do("7C")  # names are not used again
        assert (await host.names("01"))[-1][0] == "P000012.KDC"


@pytest.mark.parametrize(("number", "seconds"), [(1, 0.9), (5, 0.5)])
async def test_erasing_takes_longer_the_more_pictures_move(
    number: int, seconds: float, jumping_clock: trio.testing.MockClock
) -> None:
    async with hosted() as (camera, host):
        camera.quirks.erase_seconds = (0.5, 2.0)
        start = trio.current_time()
        await host.do(f"7B00{number:04X}")
        assert trio.current_time() - start == pytest.approx(seconds, abs=0.01)


def path_data(path: str, code: int) -> bytes:
    """Return the extra data of 99 or 9A as the protocol document has them."""
    return extra(path.encode().ljust(48, b"\0") + (bytes(10) if code == 0x99 else b"\xff" * 16 + bytes(2)))


async def test_the_unknown_commands() -> None:
    async with hosted(card="made") as (_, host):
        await host.do("96")
        await host.do("97")
        for folder, names in ((r"\MEMORY", await host.names()), (r"\PCCARD\DC120IMG", await host.names("01"))):
            await host.ask("99", D1)
            await host.send(path_data(folder, 0x99))
            await host.expect(D2)
            data = await host.rest()
            assert data[:2] == bytes((0, len(names) + 1))
            assert data[22:33] == names[0][0].replace(".", " ").encode()
            await host.ask("99", D1)
            await host.send(path_data(folder + r"\ALBUM.CTL", 0x99))
            await host.expect(D2)
            assert (await host.rest())[:13] == b"\0\x01ALBUM   CTL"
            await host.ask("9A", D1)
            await host.send(path_data(folder + r"\ALBUM.CTL", 0x9A))
            await host.expect(D2)
            assert (await host.rest(1024))[:8] == b"ALBUM 1\0"
        for code, path in ((0x99, r"\NOTHING"), (0x9A, r"\MEMORY"), (0x9A, r"\ALBUM.CTL"), (0x99, "")):
            await host.ask(f"{code:02X}", D1)
            await host.send(path_data(path, code))
            await host.expect(D2, E2)


async def test_the_card_is_missing_from_paths() -> None:
    async with hosted() as (camera, host):
        await host.ask("99", D1)
        await host.send(path_data(r"\PCCARD\DC120IMG", 0x99))
        await host.expect(D2, E2)
        camera.quirks.album_file_packet = 256
        await host.ask("9A", D1)
        await host.send(path_data(r"\MEMORY\ALBUM.CTL", 0x9A))
        await host.expect(D2)
        await host.rest(256)


KNOWN = bytes(FORMS)


async def test_refuses_commands_that_the_table_does_not_have() -> None:
    async with hosted() as (camera, host):
        for code in range(256):
            if code not in KNOWN and code not in (0x77, *D2, 0xE3, 0xE4):
                await host.ask(f"{code:02X}", E1)
        assert {record.result for record in camera.trace.records} == {"refused"}


# a command for each row of the table
EVERY = (
    ("33000100", "34000100", "35000002", "41009600", "42", "43", "45", "490001", "4A", "5401000100", "6401000100")
    + ("5501000100", "6501000100", "5601000100", "6601000100", "710001", "720001", "730001", "740000", "750006DFEE")
    + ("780001", "7B000001", "7B010001", "7C", "7F", "82003C", "820178", "8B0001", "800000", "8100000000C8")
    + ("96", "97", "99", "9A", "9E")
)


async def test_every_command_of_the_table_is_accepted() -> None:
    assert {int(text[:2], 16) for text in EVERY} == set(FORMS)
    async with hosted(card="made") as (camera, host):
        for text in EVERY:
            form = FORMS[int(text[:2], 16)]
            await host.ask(text, D1)
            if form.extra:
                await host.send(extra(bytes(form.extra)))
                await host.expect(D2)
            if form.code in (0x99, 0x9A):
                await host.expect(E2)  # an empty path
            elif form.reply.size:
                await host.packet(form.reply.size)
                await host.send(E4)
            elif form.code != 0x41:
                await host.expect(OK)
        assert {record.result for record in camera.trace.records} == {"OK", "aborted", "failed"}
