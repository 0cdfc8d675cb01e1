"""What the stores of the emulated DC120 hold: folders of pictures, albums, long lists, room."""

import os
from datetime import datetime
from pathlib import Path

import pytest
import trio.testing

from camfs.protocols.dc120.lists import ListLayout, decode_list
from camfs.protocols.dc120.values import Location
from camfs.protocols.kdc import Header
from camfs.virtual import emulate_dc120
from camfs.virtual.dc120.store import StoredPicture
from camfs.virtual.pictures import kdc
from tests.shared import shared_files
from tests.virtual.dc120.host import D1, E2, Host, hosted
from tests.zeros import Zeros


@pytest.fixture(scope="session", params=["generated", "real"])
def originals(request: pytest.FixtureRequest) -> dict[str, bytes]:
    """Four pictures by their names, P002032.KDC and so on: generated ones, or those of a real camera."""
    if request.param == "generated":
        return {f"{shot.name}.KDC": kdc.picture(shot) for shot in kdc.generated_shots(4, 2032)}
    pictures = [path.read_bytes() for path in shared_files("samples/dc120/*.kdc")]
    return {picture[440:447].decode() + ".KDC": picture for picture in pictures}


def fill(folder: Path, pictures: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in pictures.items():
        (folder / name).write_bytes(content)


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*") if not path.is_dir()
    }


async def read_all(host: Host, where: str = "00") -> dict[str, bytes]:
    command = {"00": "54", "01": "64"}[where]
    names = await host.names(where)
    return {name: await host.file(number, size, command) for number, (name, size) in enumerate(names, 1)}


async def test_serves_a_folder_byte_for_byte(tmp_path: Path, originals: dict[str, bytes]) -> None:
    fill(tmp_path / "memory", originals)
    fill(tmp_path / "card", {"A.kdc": b"no picture", "EMPTY.KDC": b"", "EVEN.KDC": bytes(2048)})
    (tmp_path / "card" / "notes.txt").write_text("no picture")
    before = snapshot(tmp_path)
    async with hosted(memory=str(tmp_path / "memory"), card=str(tmp_path / "card")) as (_, host):
        await host.set_speed(230400)
        assert await read_all(host) == originals
        assert await read_all(host, "01") == {
            "A.kdc": b"no picture",
            "EMPTY.KDC": b"",
            "EVEN.KDC": bytes(2048),
        }
        for text in ("6501000100", "6601000100"):  # what is no picture has neither info nor thumbnail
            await host.ask(text, D1, E2)
        while await host.count():
            await host.do("7B000001")
    assert snapshot(tmp_path) == before


async def test_sub_folders_are_albums(tmp_path: Path) -> None:
    fill(tmp_path / "memory", {"B.KDC": b"b", "D.KDC": b"d"})
    fill(tmp_path / "memory" / "Holiday", {"A.KDC": b"a", "C.KDC": b"c"})
    fill(tmp_path / "memory" / "empty", {})
    fill(tmp_path / "card" / "Holiday", {"E.KDC": b"e"})
    fill(tmp_path / "card" / "Zoo", {"A.KDC": b"another"})
    async with hosted(memory=str(tmp_path / "memory"), card=str(tmp_path / "card")) as (camera, host):
        names = await host.query("43")
        assert [names[at : at + 15].rstrip(b"\0") for at in range(0, 120, 15)] == [b"Holiday", b"empty", b"Zoo"] + [
            b""
        ] * 5
        assert [name for name, _ in await host.names()] == ["A.KDC", "B.KDC", "C.KDC", "D.KDC"]
        assert [name for name, _ in await host.names("00", 1)] == ["A.KDC", "C.KDC"]
        assert [await host.count("01", album) for album in range(4)] == [2, 1, 0, 1]
        assert await host.file(2, 1, album=1) == b"c"
        camera.quirks.album_0_is_all = False
        assert [name for name, _ in await host.names()] == ["B.KDC", "D.KDC"]
        assert await host.file(2, 1) == b"d"
        await host.do("7B000001")  # erasing has no album: it counts all pictures
        assert [name for name, _ in await host.names("00", 1)] == ["C.KDC"]


async def test_names_that_no_list_holds(tmp_path: Path, originals: dict[str, bytes]) -> None:
    name, content = next(iter(originals.items()))
    fill(tmp_path, {"a picture with a long name.kdc": content})
    async with hosted(memory=str(tmp_path)) as (_, host):
        assert await host.names() == [(name, len(content))]


async def test_a_long_name_without_a_name_in_the_header_becomes_short(
    tmp_path: Path, originals: dict[str, bytes]
) -> None:
    """As on a card that was in a computer: DOS lists the short name that each file with a long name has too."""
    name, content = next(iter(originals.items()))
    others = {f"my holiday {letter}.kdc": letter.encode() for letter in "äbc"}
    fill(tmp_path, {"a picture with a long name.kdc": content, "another one of these.kdc": content, **others})
    async with hosted(memory=str(tmp_path)) as (_, host):
        assert await read_all(host) == {
            name: content,
            "ANOTHE~1.KDC": content,
            "MYHOLI~1.KDC": b"b",
            "MYHOLI~2.KDC": b"c",
            "MYHOLI~3.KDC": "ä".encode(),
        }


async def test_lists_tell_when_a_file_was_written(tmp_path: Path) -> None:
    """In the bytes between name and size, as a DOS directory does: a host can tell that a file was changed."""
    fill(tmp_path, {"A.KDC": b"a"})
    os.utime(tmp_path / "A.KDC", times=(datetime(1999, 5, 4, 3, 2, 1).timestamp(),) * 2)
    async with hosted(memory=str(tmp_path)) as (_, host):
        (entry,) = decode_list([await host.query("4A")])
        assert entry.data == ((3 << 11 | 2 << 5 | 0) | (19 << 9 | 5 << 5 | 4) << 16).to_bytes(4, "little")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["A.KDC", "album/A.KDC"], "two pictures are called A.KDC"),
        ([f"{number}/A{number}.KDC" for number in range(9)], "8 would be album 9"),
        (["an album's name/A.KDC"], "cannot be an album's name"),
        (["Übung/A.KDC"], "cannot be an album's name"),
    ],
)
def test_folders_that_no_camera_could_have(tmp_path: Path, files: list[str], message: str) -> None:
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes(b"x")
    with pytest.raises(ValueError, match=f"option memory={tmp_path}: .*{message}"):
        emulate_dc120({"memory": str(tmp_path)})


async def test_links_do_not_lead_out_of_a_folder(tmp_path: Path) -> None:
    fill(tmp_path / "memory", {"A.KDC": b"a"})
    (tmp_path / "memory" / "B.KDC").symlink_to(tmp_path / "memory" / "A.KDC")
    (tmp_path / "memory" / "album").symlink_to(tmp_path)
    async with hosted(memory=str(tmp_path / "memory")) as (_, host):
        assert [name for name, _ in await host.names()] == ["A.KDC"]


async def test_a_file_that_vanishes(tmp_path: Path) -> None:
    fill(tmp_path, {"A.KDC": bytes(5000), "B.KDC": b"\1" * 5000})
    async with hosted(memory=str(tmp_path)) as (_, host):
        (tmp_path / "A.KDC").unlink()
        await host.ask("5401000100", D1, E2)
        await host.ask("5401000200", D1)
        await host.packet(1024)
        os.truncate(tmp_path / "B.KDC", 1024)
        await host.send(b"\xd2")
        assert await host.packet(1024) == bytes(1024)


# long lists


def numbered(count: int) -> list[StoredPicture]:
    return [StoredPicture(f"P{number:06}.KDC", Zeros(number)) for number in range(1, count + 1)]


@pytest.mark.parametrize(("count", "paged", "stream"), [(0, 1, 1), (12, 1, 1), (13, 2, 2), (25, 3, 2), (64, 6, 6)])
async def test_lists_of_any_length(count: int, paged: int, stream: int) -> None:
    async with hosted() as (camera, host):
        camera.state.stores[Location.MEMORY].pictures = numbered(count)
        expected = [(f"P{number:06}.KDC", number) for number in range(1, count + 1)]
        assert await host.names() == expected
        assert -(-count // 12) <= paged
        await host.query("4A", packets=paged)
        camera.quirks.list_layout = ListLayout.STREAM
        data = await host.query("4A", packets=stream)
        assert data[:2] == count.to_bytes(2, "big")
        rows = [data[2 + 20 * row :][:20] for row in range(count)]
        assert [int.from_bytes(row[16:], "big") for row in rows] == list(range(1, count + 1))
        camera.quirks.list_layout = ListLayout.SINGLE
        single = await host.query("4A")
        assert single[:242] == (count.to_bytes(2, "big") + b"".join(rows[:12])).ljust(242, b"\0")


async def test_the_other_spelling_of_names() -> None:
    async with hosted() as (camera, host):
        camera.quirks.dotted_names = True
        assert (await host.query("4A"))[2:14] == b"P000001.KDC\0"
        camera.quirks.dotted_names = False
        assert (await host.query("4A"))[2:14] == b"P000001 KDC\0"


# room


async def test_a_full_memory() -> None:
    async with hosted() as (camera, host):
        await host.do("710000")
        assert (await host.status())[46:48] == bytes(2)
        before = await host.names()
        await host.ask("7C", D1, E2)
        assert await host.names() == before
        await host.do("710003")
        left = (await host.status())[53]
        for _ in range(left):
            await host.do("7C")
        assert await host.count() == 5 + left
        camera.state.stores[Location.MEMORY].capacity = 0
        await host.ask("7C", D1, E2)
        await host.ask("77", D1, E2)
        while await host.count():
            await host.do("7B000001")
        camera.state.stores[Location.MEMORY].capacity = 1 << 20
        await host.do("7C")


async def test_a_card_is_put_in_and_taken_out() -> None:
    async with hosted(card="made") as (camera, host):
        card = camera.state.stores.pop(Location.CARD)
        assert (await host.status())[30] == 0
        await host.ask("6401000100", D1, E2)
        await host.do("7C")
        assert (await host.names())[-1][0] == "P000012.KDC"
        camera.state.stores[Location.CARD] = card
        assert await host.count("01") == 6


async def test_taken_pictures_are_dated_and_numbered(
    tmp_path: Path, originals: dict[str, bytes], jumping_clock: trio.testing.MockClock
) -> None:
    fill(tmp_path, {name: originals[name] for name in sorted(originals)[:2]})
    async with hosted(memory=str(tmp_path), capture="0") as (_, host):
        await host.do("75000CD94EB4")  # 1997-06-01 12:00
        await host.do("710003")
        await host.do("7C")
        name, size = (await host.names())[-1]
        assert name == "P002034.KDC"
        assert Header.decode(await host.file(3, size)).taken == datetime(1997, 6, 1, 12)
