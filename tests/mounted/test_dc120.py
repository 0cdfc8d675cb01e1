"""A mounted DC120: the emulated camera behind its pseudo-terminal, with four pictures of a real camera, or generated ones in a clone."""

import errno
import io
import json
import mmap
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import numpy
import pytest
import rawpy
from PIL import Image

from camfs.protocols.dc120.commands import FORMS, TABLE, Code
from camfs.protocols.kdc import Header
from camfs.virtual.pictures import kdc
from tests.mounted.mount import Mount, camfs, mounted, run
from tests.mounted.trace import Transaction
from tests.shared import IN_CI, SHARED, shared_files

FILES = ("GET_MEMORY_FILE", "GET_CARD_FILE")
DATE = 1024
"""Bytes of a transfer for a picture's date: its first packet."""

FENCE = "SET_SELF_TIMER"
"""Written to have the camera answer a command: the lines of all earlier ones are in the trace then."""
ALBUM_FILE = r"\MEMORY\ALBUM.CTL"
SMALL, MEDIUM, LARGE = "P002032.KDC", "P002034.KDC", "P002035.KDC"


def four_pictures() -> dict[str, bytes]:
    """Return a picture of each quality by its name: a real camera's, which must be there in CI, or generated ones in a clone."""
    if IN_CI or SHARED.exists():
        pictures = [path.read_bytes() for path in shared_files("samples/dc120/*.kdc")]
        return {f"{Header.decode(data).name}.KDC": data for data in pictures}
    return {f"{shot.name}.KDC": kdc.picture(shot) for shot in kdc.generated_shots(4, 2032)}


def small_picture(number: int) -> bytes:
    """Return a made picture of the smallest quality."""
    return kdc.picture(kdc.Shot(number=number, taken=datetime(1998, 1, 1, 0, number % 60), quality=3))


def fill(folder: Path, *names: str) -> Path:
    """Put made pictures into a folder, by paths like `ALBUM/P000001.KDC`."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(small_picture(int(Path(name).stem[1:])))
    return folder


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pytest.MonkeyPatch]:
    """Keep pictures of the module's mounts in a folder of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield patch


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep pictures of one test's mounts in a folder of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the four pictures, one of them in an album."""
    folder = tmp_path_factory.mktemp("memory")
    (folder / "HOLIDAY").mkdir()
    for index, (name, data) in enumerate(sorted(four_pictures().items())):
        (folder / ("HOLIDAY" if index == 1 else "") / name).write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of small pictures for the card: more than a packet of a list names."""
    numbers = range(1, 15)
    return fill(
        tmp_path_factory.mktemp("card"),
        *(("HOLIDAY/" if number > 12 else "") + f"P{number:06}.KDC" for number in numbers),
    )


@pytest.fixture(scope="module")
def shared(memory: Path, card: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mount]:
    """Mount both folders for all tests that change nothing but settings; what watchers would be told costs commands, which are counted."""
    source = f"virtual:dc120?memory={memory}&card={card}&pace=off"
    with mounted(source, tmp_path_factory.mktemp("mount") / "camera", "raw,noinotify,tz=UTC") as mount:
        yield mount


@pytest.fixture
def mount(shared: Mount) -> Iterator[Mount]:
    """Return the shared mount, its trace read so far, and see afterwards that camfs had nothing to say."""
    commands(shared)
    yield shared
    shared.check_log()


def commands(mount: Mount) -> list[Transaction]:
    """Return what the camera was told since the last call, but to tell its status."""
    (mount.path / ".settings/self-timer").write_text("off")
    trace = mount.trace
    with trace.path.open("rb") as file:
        file.seek(trace._offset)
        whole, newline, _ = file.read().rpartition(b"\n")
    trace._offset += len(whole + newline)
    found = [
        Transaction(line["op"], tuple(line["params"]), line["in"], line["result"])
        for line in map(json.loads, whole.splitlines())
    ]
    return [each for each in found if each.operation not in (FENCE, "GET_STATUS")]


def transfers(mount: Mount) -> list[Transaction]:
    """Return the transfers of files since the last look at the trace."""
    return [each for each in commands(mount) if each.operation in FILES]


def path_data(code: Code, path: str) -> str:
    """Return the extra data of a command that takes a path, in hexadecimal."""
    return path.encode().ljust(FORMS[code].extra, b"\0").hex()


def refused(mount: Mount, number: int, says: str, call: Callable[[], object]) -> None:
    """Expect a call to fail, and camfs to say why."""
    with pytest.raises(OSError, match=re.escape(os.strerror(number))) as failure:
        call()
    assert failure.value.errno == number
    if says:
        mount.expect(says)


def put(path: Path, text: str) -> Callable[[], None]:
    """Return what writes a text once, as a shell's echo does; Python's own files try again when they are closed."""

    def write() -> None:
        file = os.open(path, os.O_WRONLY)
        try:
            assert os.write(file, text.encode() + b"\n") == len(text.encode()) + 1
        finally:
            os.close(file)

    return write


def expect_picture(path: Path, data: bytes | None = None) -> None:
    """Expect LibRaw to take a file for a picture of the DC120, with the thumbnail that lies in it."""
    content = path.read_bytes()
    assert data is None or content == data
    with rawpy.imread(io.BytesIO(content)) as raw:
        assert (raw.sizes.raw_width, raw.sizes.raw_height) == (kdc.COLUMNS, kdc.ROWS)
        assert raw.raw_image.max() > raw.raw_image.min()
        thumbnail = raw.extract_thumb()
    assert thumbnail.format == rawpy.ThumbFormat.BITMAP
    assert numpy.asarray(thumbnail.data).tobytes() == Header.decode(content).thumbnail(content)


# ---------------------------------------------------------------------- the tree


def test_the_mount_equals_the_folders(mount: Mount, memory: Path, card: Path) -> None:
    run("diff", "-r", memory, mount.path / "memory")
    run("diff", "-r", card, mount.path / "card")
    assert sorted(os.listdir(mount.path)) == ["card", "memory"]


def test_pictures_open_in_libraw(mount: Mount) -> None:
    for name, data in four_pictures().items():
        path = mount.path / "memory" / name
        expect_picture(path if path.exists() else mount.path / "memory/HOLIDAY" / name, data)


def test_thumbnails(mount: Mount, memory: Path) -> None:
    for path in sorted(memory.rglob("*.KDC")):
        with Image.open(mount.path / ".thumbnails/memory" / f"{path.relative_to(memory)}.jpg") as thumbnail:
            assert (thumbnail.format, thumbnail.size) == ("JPEG", (80, 60))
            seen = numpy.asarray(thumbnail.convert("RGB"), dtype=int)
        data = path.read_bytes()
        there = numpy.frombuffer(Header.decode(data).thumbnail(data), dtype=numpy.uint8).reshape(60, 80, 3).astype(int)
        assert numpy.abs(seen - there).mean() < 6


def test_nothing_can_be_made_or_moved(mount: Mount) -> None:
    memory = mount.path / "memory"
    refused(mount, errno.EROFS, "", lambda: (memory / "NEW").mkdir())
    refused(mount, errno.EROFS, "", lambda: (memory / "HOLIDAY/NEW").mkdir())
    refused(mount, errno.EROFS, "only albums", lambda: (memory / SMALL).rename(memory / "P000009.KDC"))
    refused(mount, errno.EROFS, "", lambda: (memory / SMALL).rename(memory / "HOLIDAY" / SMALL))
    refused(mount, errno.EROFS, "", lambda: (memory / "new.kdc").write_bytes(b"1"))
    refused(mount, errno.EPERM, "allow_delete", lambda: (memory / SMALL).unlink())
    assert not {each.operation for each in commands(mount)} & {"ERASE", "SET_ALBUM_NAMES"}


@pytest.mark.parametrize(("name", "says"), [("fifteen letters", "takes 14 characters"), ("Größe", "ASCII")])
def test_a_name_that_no_album_takes(mount: Mount, name: str, says: str) -> None:
    refused(mount, errno.EINVAL, says, lambda: (mount.path / "memory/HOLIDAY").rename(mount.path / "memory" / name))
    assert commands(mount) == []


def test_albums_are_renamed_everywhere(mount: Mount) -> None:
    for old, new in (("HOLIDAY", "fourteen chars"), ("fourteen chars", "HOLIDAY")):
        (mount.path / "memory" / old).rename(mount.path / "memory" / new)
        (mount.path / ".refresh").write_text("1")
        for store in ("memory", "card"):
            listed = os.listdir(mount.path / store)
            assert new in listed
            assert old not in listed
        assert len(os.listdir(mount.path / "card" / new)) == 2


def test_mv_of_an_album(mount: Mount) -> None:
    run("mv", mount.path / "memory/HOLIDAY", mount.path / "memory/Trip")
    try:
        assert "Trip" in os.listdir(mount.path / "memory")
    finally:
        run("mv", mount.path / "memory/Trip", mount.path / "memory/HOLIDAY")


# ---------------------------------------------------------------------- control files


def test_settings(mount: Mount) -> None:
    settings = mount.path / ".settings"
    names = sorted(set(os.listdir(settings)) - {"user-name", ".choices"})
    assert len(names) == 15
    for name in names:
        choices = (settings / ".choices" / name).read_text().splitlines()
        assert choices
        for choice in [
            *choices,
            "auto" if name == "exposure-mode" else "0" if name == "exposure-compensation" else choices[0],
        ]:
            (settings / name).write_text(choice + "\n")
            assert (settings / name).read_text() == choice + "\n"
        commands(mount)
        for wrong in ("none of these", "7/13"):
            refused(mount, errno.EINVAL, f"{name}: {wrong!r}", put(settings / name, wrong))
        assert commands(mount) == []
        assert (settings / name).read_text() in [choice + "\n" for choice in choices]


def test_settings_that_exclude_each_other(mount: Mount) -> None:
    settings = mount.path / ".settings"
    (settings / "exposure-compensation").write_text("+1.0")
    refused(
        mount, errno.EPERM, "not possible with the camera's other settings", put(settings / "shutter-speed", "1/125")
    )
    (settings / "exposure-compensation").write_text("0")
    (settings / "shutter-speed").write_text("1/125")
    assert (settings / "shutter-speed").read_text() == "1/125\n"


def test_user_name(mount: Mount) -> None:
    path = mount.path / ".settings/user-name"
    path.write_text("A. Photographer\n")
    assert path.read_text() == "A. Photographer\n"
    assert mount.read_status()["user-name"] == "A. Photographer"
    path.write_text("x" * 57)
    assert path.read_text() == "x" * 30 + "\n"
    commands(mount)
    for wrong, says in (("x" * 58, "57 characters"), ("Jürgen", "ASCII")):
        refused(mount, errno.EINVAL, says, put(path, wrong))
    assert commands(mount) == []


def test_clock(mount: Mount) -> None:
    clock = mount.path / ".clock"
    clock.write_text("1999-12-31T23:59:58+00:00")
    assert (
        datetime.fromisoformat(clock.read_text().strip()) - datetime(1999, 12, 31, 23, 59, 58, tzinfo=UTC)
    ).days == 0
    clock.write_text("now\n")
    assert (datetime.fromisoformat(clock.read_text().strip()) - datetime.now(UTC)).days in (-1, 0)
    commands(mount)
    for wrong in ("tomorrow", "1993-12-31T00:00:00+00:00", "2063-01-01T00:00:00+00:00"):
        refused(
            mount,
            errno.EINVAL,
            "is not a time" if wrong == "tomorrow" else "the clock runs from 1994",
            put(clock, wrong),
        )
    assert commands(mount) == []


def test_status(mount: Mount) -> None:
    status = mount.read_status()
    assert status["camera"] == "Kodak DC120"
    assert status["line"] == "115200 baud"
    wanted = "firmware battery user-name clock power-timeout lcd-timeout memory card memory-albums card-albums transfer"
    assert set(wanted.split()) <= status.keys()
    assert (status["memory-albums"], status["card-albums"], status["card-pictures"]) == ("1", "1", "14")
    assert "free" in status["memory"]
    assert "free" in status["card"]


def test_raw(mount: Mount) -> None:
    raw = mount.path / ".raw"
    raw.write_text("7F 00 00 00 00 00 00 1A\n")
    assert len(bytes.fromhex(raw.read_text())) == 256
    raw.write_text(f"9A 00 00 00 00 00 00 1A : {path_data(Code.UNKNOWN_9A, ALBUM_FILE)}")
    assert bytes.fromhex(raw.read_text()).startswith(b"HOLIDAY\0")
    commands(mount)
    for wrong in (
        "",
        "7F",
        "7F 00 00 00 00 00 00 00",
        "7A 00 00 01 00 00 00 1A",
        "9E 00 00 00 00 00 00 1A : 00",
        "71 00 09 00 00 00 00 1A",
    ):
        refused(mount, errno.EINVAL, "a raw command is|takes 58 bytes", put(raw, wrong))
    refused(mount, errno.EPERM, "sets the line's speed itself", put(raw, "41 00 96 00 00 00 00 1A"))
    assert commands(mount) == []


def test_raw_needs_its_option(folder: Path, camera: Path) -> None:
    with mounted(f"virtual:dc120?memory={folder}&pace=off", camera, "baud=9600") as mount:
        refused(mount, errno.EPERM, "mount option raw", put(camera / ".raw", "7F 00 00 00 00 00 00 1A"))
        assert os.listdir(camera / "memory") == []
        assert mount.read_status()["line"] == "9600 baud"


# ---------------------------------------------------------------------- taking and erasing pictures


def test_capture(folder: Path, camera: Path) -> None:
    room = kdc.QUALITIES[3].largest
    fill(folder, "P000001.KDC")
    with (folder / "P000007.KDC").open("wb") as file:
        file.truncate((2 << 20) - len(small_picture(1)) - room - room // 8)
    with mounted(f"virtual:dc120?memory={folder}&pace=off&capture=0.3", camera) as mount:
        (camera / ".settings/image-quality").write_text("good")
        (camera / ".settings/album").write_text("3")
        (camera / ".capture").write_text("1\n")
        path = camera / (camera / ".capture").read_text().strip()
        assert path == camera / "memory/ALBUM 3/P000008.KDC"
        expect_picture(path)
        assert "P000008.KDC" in os.listdir(camera / "memory/ALBUM 3")
        commands(mount)
        refused(mount, errno.ENOSPC, "memory is full", put(camera / ".capture", "1"))
        assert [each.result for each in commands(mount) if each.operation == "TAKE_PICTURE"] == ["failed"]
        refused(mount, errno.EINVAL, "not a number of pictures", put(camera / ".capture", "a few"))
        assert os.listdir(camera / "memory/ALBUM 3") == ["P000008.KDC"]


def test_rm(folder: Path, camera: Path) -> None:
    names = [
        "A/P000001.KDC",
        "P000002.KDC",
        "B/P000003.KDC",
        "P000004.KDC",
        "A/P000005.KDC",
        "P000006.KDC",
        "P000007.KDC",
    ]
    fill(folder, *names)
    with mounted(f"virtual:dc120?memory={folder}&pace=off", camera, "allow_delete") as mount:
        memory = camera / "memory"
        assert (memory / "P000007.KDC").read_bytes() == small_picture(7)
        for gone in (["P000002.KDC", "P000004.KDC"], ["A/P000001.KDC", "P000006.KDC"]):
            run("rm", *(memory / name for name in gone))
            names = [name for name in names if name not in gone]
            for name in names:
                assert (memory / name).read_bytes() == small_picture(int(name[-10:-4]))
            found = sorted(str(path.relative_to(memory)) for path in memory.rglob("*.KDC"))
            assert found == sorted(names)
        erased = [each.parameters for each in commands(mount) if each.operation == "ERASE"]
        assert erased == [(0, 2, 0), (0, 3, 0), (0, 1, 0), (0, 3, 0)]
        refused(mount, errno.ENOENT, "", lambda: (memory / "P000002.KDC").unlink())


def test_rm_at_once_in_two_folders(folder: Path, camera: Path) -> None:
    fill(folder, "A/P000001.KDC", "B/P000002.KDC", "C/P000003.KDC", "P000004.KDC")
    with mounted(f"virtual:dc120?memory={folder}&pace=off", camera, "allow_delete"), ThreadPoolExecutor() as pool:
        memory = camera / "memory"
        list(memory.rglob("*"))
        list(pool.map(lambda name: run("rm", memory / name), ("A/P000001.KDC", "B/P000002.KDC", "P000004.KDC")))
        (camera / ".refresh").write_text("1")
        assert [path.name for path in memory.rglob("*.KDC")] == ["P000003.KDC"]
        assert (memory / "C/P000003.KDC").read_bytes() == small_picture(3)


# ---------------------------------------------------------------------- reading


@pytest.fixture(scope="module")
def paced(memory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mount]:
    """Mount the pictures on a line as slow as a real one, with nothing kept on disk."""
    place = tmp_path_factory.mktemp("paced")
    environment = {"XDG_CACHE_HOME": str(place / "cache")}
    with mounted(f"virtual:dc120?memory={memory}", place / "camera", env=environment) as mount:
        yield mount


def test_a_beginning_takes_a_few_packets(paced: Mount, memory: Path) -> None:
    commands(paced)
    head = subprocess.run(["head", "-c", "1024", paced.path / "memory" / LARGE], capture_output=True, check=True).stdout
    assert head == (memory / LARGE).read_bytes()[:1024]
    (transfer,) = transfers(paced)  # which asks the camera for more: the line is free
    assert transfer.result == "aborted"
    assert transfer.size <= 16 * 1024
    assert paced.read_status()["transfer"] == "none"


def test_pages_of_a_picture_that_is_still_coming(folder: Path, camera: Path, tmp_path: Path, own_cache: Path) -> None:
    """sendfile(2) and mmap(2) ask for pages, which are whole and right however slow the line is; and the size stays."""
    fill(folder, "P000001.KDC", "P000002.KDC")
    with mounted(f"virtual:dc120?memory={folder}", camera):
        shutil.copyfile(camera / "memory/P000001.KDC", tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == small_picture(1)
        with (
            open(camera / "memory/P000002.KDC", "rb") as file,
            mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ) as mapped,
        ):
            assert mapped[:] == small_picture(2)
            assert os.fstat(file.fileno()).st_size == len(small_picture(2))


def test_two_readers_share_a_transfer(paced: Mount, memory: Path) -> None:
    os.listdir(paced.path / "memory")
    commands(paced)
    with ThreadPoolExecutor() as pool:
        comparing = [pool.submit(run, "cmp", memory / SMALL, paced.path / "memory" / SMALL) for _ in range(2)]
        assert [each.result().returncode for each in comparing] == [0, 0]
    (transfer,) = transfers(paced)
    assert transfer.result == "OK"
    run("cmp", memory / SMALL, paced.path / "memory" / SMALL)
    assert transfers(paced) == []


def test_lists_and_settings_are_answered_during_a_transfer(paced: Mount) -> None:
    listed = sorted(os.listdir(paced.path / "memory"))
    flash = (paced.path / ".settings/flash").read_text()
    commands(paced)
    with (paced.path / "memory" / MEDIUM).open("rb", buffering=0) as file:
        assert len(file.read(1024)) > 0
        assert sorted(os.listdir(paced.path / "memory")) == listed
        assert (paced.path / ".settings/flash").read_text() == flash
        assert paced.read_status()["line"] == "115200 baud"
        (paced.path / ".clock").read_text()
        assert len(file.read(1024)) > 0
    (transfer,) = transfers(paced)
    assert transfer.result == "aborted"


def test_pictures_are_kept_between_mounts(memory: Path, folder: Path, camera: Path, own_cache: Path) -> None:
    shutil.copytree(memory, folder, dirs_exist_ok=True)
    source = f"virtual:dc120?memory={folder}&pace=off"
    with mounted(source, camera) as mount:
        run("diff", "-r", folder, camera / "memory")
        sizes = sorted(path.stat().st_size for path in folder.rglob("*.KDC"))
        whole = sorted(each.size for each in transfers(mount) if each.size > DATE)
        assert whole == [-(-size // 1024) * 1024 for size in sizes]
        times = {path: path.stat().st_mtime_ns for path in camera.rglob("*.KDC")}
    changed = bytearray((folder / SMALL).read_bytes())
    at = changed.index(b"1994:")
    changed[at : at + 4] = b"1999"
    changed[-1] ^= 0xFF
    written = (folder / SMALL).stat()
    (folder / SMALL).write_bytes(changed)
    os.utime(folder / SMALL, ns=(written.st_atime_ns, written.st_mtime_ns))
    with mounted(source, camera) as mount:
        assert {path: path.stat().st_mtime_ns for path in camera.rglob("*.KDC")} == times
        run("diff", "-r", folder, camera / "memory")
        transferred = transfers(mount)
        assert [each.size for each in transferred if each.result == "OK"] == [-(-len(changed) // 1024) * 1024]
        assert [each.size for each in transferred if each.result != "OK"] == [1024] * 3
        assert (camera / "memory" / SMALL).stat().st_mtime_ns > times[camera / "memory" / SMALL]
    assert own_cache.is_dir()


def pc_files() -> dict[str, bytes]:
    """Return files as a card may have them that was in a computer, by paths below the store."""
    one, two, three = small_picture(1), small_picture(2), small_picture(3)
    raw = {number: kdc.picture(kdc.Shot(number, datetime(1998, 1, number), quality=0)) for number in (8, 9)}
    jpeg = b"\xff\xd8\xff\xe0\x00\x10JFIF\0" + bytes(range(256)) * 30
    return {
        "HOLIDAY.KDC": one,
        "p000002.kdc": two,
        "COPY.KDC": one,
        "CUT.KDC": one[:20_000],
        "P000005.KDC": three,
        "P000008.KDC": raw[9],
        "P000009.KDC": raw[8],
        "ALBUM/P000003.KDC": small_picture(5),
        "ALBUM/DSC_0007.KDC": small_picture(7),
        "PHOTO.KDC": jpeg,
        "PHOTO2.KDC": jpeg + b"more",
        "ZEROS.KDC": bytes(5000),
        "EMPTY.KDC": b"",
    }


def test_a_card_that_was_in_a_computer(folder: Path, tmp_path: Path, camera: Path, own_cache: Path) -> None:
    """Headers name other files, or there are none: everything is copied, also when files were exchanged between two mounts."""
    files = pc_files()
    for name, data in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    source = f"virtual:dc120?memory={folder}&card={folder}&pace=off"
    exchanged = [("HOLIDAY.KDC", "p000002.kdc"), ("P000008.KDC", "P000009.KDC"), ("PHOTO.KDC", "ZEROS.KDC")]
    for exchanging in (False, True):
        for one, other in exchanged if exchanging else ():
            (folder / one).rename(tmp_path / "aside")
            (folder / other).rename(folder / one)
            (tmp_path / "aside").rename(folder / other)
        with mounted(source, camera) as mount:
            for store in ("memory", "card"):
                run("diff", "-r", folder, camera / store)
                copied = tmp_path / f"{store}{exchanging}"
                run("cp", "-r", camera / store, copied)
                run("diff", "-r", folder, copied)
            for name in ("HOLIDAY.KDC", "P000008.KDC", "ALBUM/DSC_0007.KDC"):
                with Image.open(camera / ".thumbnails/memory" / f"{name}.jpg") as thumbnail:
                    seen = numpy.asarray(thumbnail.convert("RGB"), dtype=int)
                data = (folder / name).read_bytes()
                there = numpy.frombuffer(Header.decode(data).thumbnail(data), dtype=numpy.uint8).reshape(60, 80, 3)
                assert numpy.abs(seen - there.astype(int)).mean() < 6
            refused(mount, errno.ENODATA, "no thumbnail", (camera / ".thumbnails/card/PHOTO.KDC.jpg").read_bytes)


def test_edited_between_two_mounts(folder: Path, camera: Path, own_cache: Path) -> None:
    """The header and the size of the picture are as before; the list tells when the file was written."""
    fill(folder, "P000001.KDC")
    for data in (small_picture(1), small_picture(1)[:-1] + b"\x5a"):
        (folder / "P000001.KDC").write_bytes(data)
        os.utime(folder / "P000001.KDC", (0, 1_000_000_000 + 60 * data[-1]))
        with mounted(f"virtual:dc120?memory={folder}&pace=off", camera):
            assert (camera / "memory/P000001.KDC").read_bytes() == data


def test_rm_of_renamed_pictures(folder: Path, camera: Path) -> None:
    files = pc_files()
    for name, data in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    with mounted(f"virtual:dc120?memory={folder}&pace=off", camera, "allow_delete") as mount:
        memory = camera / "memory"
        for name in ("p000002.kdc", "ALBUM/DSC_0007.KDC"):
            run("rm", memory / name)
            del files[name]
        refused(mount, errno.EOPNOTSUPP, "nothing was erased", (memory / "PHOTO.KDC").unlink)
        refused(mount, errno.EOPNOTSUPP, "nothing was erased", (memory / "P000008.KDC").unlink)
        (camera / ".refresh").write_text("1")
        left = {str(path.relative_to(memory)): path.read_bytes() for path in memory.rglob("*.*") if path.is_file()}
        assert left == files


def test_rsync(memory: Path, folder: Path, camera: Path, own_cache: Path) -> None:
    """The dates are right the first time; each costs a packet, once."""
    with mounted(f"virtual:dc120?memory={memory}&pace=off", camera, "tz=UTC") as mount:
        run("rsync", "-a", f"{camera}/", folder)
        run("diff", "-r", memory, folder / "memory")
        for path in (folder / "memory").rglob("*.KDC"):
            taken = Header.decode(path.read_bytes()).taken
            assert taken is not None
            assert path.stat().st_mtime == taken.replace(tzinfo=UTC).timestamp()
        sizes = [each.size for each in transfers(mount)]
        assert (sum(size > DATE for size in sizes), sum(size == DATE for size in sizes)) == (4, 4)
        assert run("rsync", "-ai", f"{camera}/", folder).stdout == ""
        run("ls", "-lR", camera)
        assert transfers(mount) == []


def test_looking_for_names_asks_for_no_dates(memory: Path, camera: Path, own_cache: Path) -> None:
    with mounted(f"virtual:dc120?memory={memory}&pace=off", camera) as mount:
        run("find", camera, "-name", "*.KDC")
        assert (camera / "memory" / SMALL).read_bytes() == (memory / SMALL).read_bytes()
        assert [each.size > DATE for each in transfers(mount)] == [True]


def test_a_serial_line(folder: Path, camera: Path, tmp_path: Path, own_cache: Path) -> None:
    """The same camera mounted twice: it is left at 9600 baud, an album keeps its name, a second camfs is told who has the line."""
    fill(folder, "A/P000001.KDC", "P000002.KDC")
    camera.mkdir(exist_ok=True)
    link, trace = tmp_path / "line", tmp_path / "trace"
    options = ("--memory", folder, "--pace", "off", "--trace", trace)
    with subprocess.Popen(
        [sys.executable, "-m", "camfs.virtual", "dc120", "--pty", link, *options], stdout=subprocess.PIPE
    ) as emulated:
        try:
            assert emulated.stdout is not None
            assert emulated.stdout.readline()
            (tmp_path / "second").mkdir()
            for album, new in (("A", "Trip"), ("Trip", "A")):
                done = camfs(f"serial:{link}", camera)
                assert done.returncode == 0, done.stderr
                try:
                    second = camfs(f"serial:{link}", tmp_path / "second")
                    assert second.returncode != 0
                    assert "in use" in second.stderr or "another" in second.stderr
                    assert sorted(os.listdir(camera / "memory")) == sorted([album, "P000002.KDC"])
                    assert (camera / f"memory/{album}/P000001.KDC").read_bytes() == small_picture(1)
                    (camera / "memory" / album).rename(camera / "memory" / new)
                finally:
                    run("fusermount3", "-u", camera)
                lines = [json.loads(line) for line in trace.read_text().splitlines()]
                last = lines[-1]
                while last["op"] != "SET_SPEED" or last["params"] != [0x9600]:
                    last = json.loads(trace.read_text().splitlines()[-1])
        finally:
            emulated.terminate()


# ---------------------------------------------------------------------- every command


RAW_ONLY = {
    Code.GET_MEMORY_INFO: "",
    Code.GET_CARD_INFO: "",
    Code.UNKNOWN_96: "",
    Code.UNKNOWN_97: "",
    Code.UNKNOWN_99: r"\MEMORY",
    Code.UNKNOWN_9A: ALBUM_FILE,
}
"""Commands that nobody knows the use of, or whose reply nobody knows: by `.raw` only, with a path for those that take one."""


def test_every_command_is_reachable(folder: Path, tmp_path: Path, camera: Path) -> None:
    memory = fill(folder, "A/P000001.KDC", "P000002.KDC")
    card = fill(tmp_path / "card", "P000003.KDC", "P000004.KDC")
    source = f"virtual:dc120?memory={memory}&card={card}&pace=off&capture=0"
    with mounted(source, camera, "allow_delete,raw") as mount:
        for name in os.listdir(camera / ".settings"):
            choices = (camera / ".settings/.choices" / name).read_text().splitlines() or ["someone"]
            (camera / ".settings" / name).write_text("0" if "0" in choices else choices[0])
        for path in list(camera.rglob("*.KDC")):
            (camera / ".thumbnails" / f"{path.relative_to(camera)}.jpg").read_bytes()
            path.read_bytes()
        (camera / ".clock").write_text("now")
        (camera / ".capture").write_text("1")
        (camera / "memory/A").rename(camera / "memory/B")
        (camera / "card/P000003.KDC").unlink()
        (camera / "memory/P000002.KDC").unlink()
        (camera / ".status").read_text()
        commands(mount)
        seen = {json.loads(line)["op"] for line in mount.trace.path.read_text().splitlines()}
        assert {form.code.name for form in TABLE} - seen == {code.name for code in RAW_ONLY}
        for code, path_in_camera in RAW_ONLY.items():
            number = 0 if "UNKNOWN" in code.name else 1
            extra = f": {path_data(code, path_in_camera)}" if path_in_camera else ""
            (camera / ".raw").write_text(
                f"{code:02X} 01 00 {number:02X} 00 00 00 1A{extra}"
                if number
                else f"{code:02X} 00 00 00 00 00 00 1A{extra}"
            )
        assert [each.operation for each in commands(mount) if each.result == "OK"] == [code.name for code in RAW_ONLY]
