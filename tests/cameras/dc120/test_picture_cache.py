"""Pictures kept on disk: found again by all that is known of them, and never in place of another."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from camfs.cameras.dc120 import picture_cache
from camfs.cameras.dc120.picture_cache import PictureCache
from tests.cameras.dc120.rig import picture

NAME, STAMP = "P000001.KDC", b"date"
DATA = picture(1)
SIZE, FIRST = len(DATA), DATA[:1024]
EDITED = DATA[:-1] + b"\x5a"


@pytest.fixture
def cache(tmp_path: Path) -> PictureCache:
    return PictureCache(tmp_path / "kept")


def kept(place: Path) -> int:
    return len(list((place / "kept").glob("*")))


def test_a_picture(cache: PictureCache, tmp_path: Path) -> None:
    assert cache.read(NAME, SIZE, STAMP, FIRST) is None
    assert cache.beginning(NAME, SIZE, STAMP) is None
    cache.keep(NAME, STAMP, DATA)
    assert cache.read(NAME, SIZE, STAMP, FIRST) == DATA
    assert cache.beginning(NAME, SIZE, STAMP) == FIRST
    cache.drop(NAME, SIZE)
    assert cache.read(NAME, SIZE, STAMP, FIRST) is None
    assert kept(tmp_path) == 0


@pytest.mark.parametrize(
    ("name", "size", "stamp", "first"),
    [
        ("P000002.KDC", SIZE, STAMP, FIRST),
        ("p000001.kdc", SIZE, STAMP, FIRST),
        (NAME, SIZE - 1, STAMP, FIRST),
        (NAME, SIZE, bytes(4), FIRST),
        (NAME, SIZE, STAMP, picture(2)[:1024]),
        (NAME, SIZE, STAMP, FIRST[:100]),
    ],
)
def test_another_picture(cache: PictureCache, name: str, size: int, stamp: bytes, first: bytes) -> None:
    cache.keep(NAME, STAMP, DATA)
    assert cache.read(name, size, stamp, first) is None


def test_names_that_a_file_system_or_a_pattern_takes_otherwise(cache: PictureCache, tmp_path: Path) -> None:
    names = ["A.KDC", "A-1.KDC", "*.KDC", "?.KDC", "[A].KDC", "../A.KDC", "A_B.KDC", "A%B.KDC", "é.KDC", ""]
    for number, name in enumerate(names, 1):
        cache.keep(name, STAMP, picture(number))
    assert kept(tmp_path) == len(names)
    for number, name in enumerate(names, 1):
        data = picture(number)
        assert cache.beginning(name, len(data), STAMP) == data[:1024]
        assert cache.read(name, len(data), STAMP, data[:1024]) == data
        cache.drop(name, len(data))
        assert kept(tmp_path) == len(names) - number


@pytest.mark.parametrize("data", [b"\xff\xd8\xff" + bytes(5000), bytes(5000), b"", DATA[:500]])
def test_what_is_no_picture_is_not_kept(cache: PictureCache, tmp_path: Path, data: bytes) -> None:
    """One JPEG may begin like another one."""
    cache.keep(NAME, STAMP, data)
    assert kept(tmp_path) == 0
    assert cache.read(NAME, len(data), STAMP, data[:1024]) is None


def test_a_camera_without_a_date(cache: PictureCache, tmp_path: Path) -> None:
    """The name alone does not tell one picture from another."""
    data = DATA.replace(b"1998:01:01", b"no such day")[:SIZE]
    cache.keep(NAME, STAMP, data)
    assert kept(tmp_path) == 0


def test_two_that_begin_alike(cache: PictureCache, tmp_path: Path) -> None:
    cache.keep(NAME, STAMP, DATA)
    cache.keep("COPY.KDC", STAMP, DATA)
    assert kept(tmp_path) == 2
    cache.keep("OTHER.KDC", STAMP, EDITED)
    assert kept(tmp_path) == 0
    assert cache.read(NAME, SIZE, STAMP, FIRST) is None
    assert cache.read("OTHER.KDC", SIZE, STAMP, FIRST) is None


@pytest.mark.parametrize(
    "left",
    [DATA[:-1], DATA[:1024] + bytes(SIZE - 1024), DATA[: SIZE // 2].ljust(SIZE, b"\0"), bytes(SIZE), b"", EDITED],
    ids=["short", "beginning", "half", "zeros", "empty", "one byte"],
)
def test_a_copy_that_was_damaged_on_disk(
    left: bytes, cache: PictureCache, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is never served, not even its beginning, and a new one takes its place."""
    for whole in (True, False):
        cache.keep(NAME, STAMP, DATA)
        (file,) = (tmp_path / "kept").iterdir()
        file.write_bytes(left)
        read = cache.read(NAME, SIZE, STAMP, FIRST) if whole else cache.beginning(NAME, SIZE, STAMP)
        assert read is None
        assert kept(tmp_path) == 0
        assert "damaged on the disk" in caplog.text
        cache.keep(NAME, STAMP, DATA)
        file.write_bytes(left)
        cache.keep(NAME, STAMP, DATA)
        assert cache.read(NAME, SIZE, STAMP, FIRST) == DATA


def test_a_copy_of_an_earlier_version(cache: PictureCache, tmp_path: Path) -> None:
    """Nothing tells whether its bytes are whole."""
    cache.keep(NAME, STAMP, DATA)
    (file,) = (tmp_path / "kept").iterdir()
    file.rename(file.with_name(file.name.rpartition("-")[0] + ".kdc"))
    assert cache.read(NAME, SIZE, STAMP, FIRST) is None
    assert cache.beginning(NAME, SIZE, STAMP) is None


def test_the_oldest_make_room(cache: PictureCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_cache, "CACHE_SIZE", 3 * 70_000)
    for number in range(1, 6):
        cache.keep(f"P{number:06}.KDC", STAMP, picture(number))
    assert 2 <= kept(tmp_path) <= 3
    assert cache.beginning("P000005.KDC", len(picture(5)), STAMP) == picture(5)[:1024]


@pytest.mark.parametrize("back", [3600, 365 * 86400], ids=["an hour", "a year"])
def test_the_oldest_make_room_where_the_clock_was_put_back(
    back: int, cache: PictureCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those kept last stay, whatever the clock said when they were kept."""
    monkeypatch.setattr(picture_cache, "CACHE_SIZE", sum(len(picture(number)) for number in (5, 6, 7)))
    for number in range(1, 5):
        cache.keep(f"P{number:06}.KDC", STAMP, picture(number))
    for file in (tmp_path / "kept").iterdir():
        then = file.stat().st_mtime_ns + back * 10**9
        os.utime(file, ns=(then, then))
    for number in range(5, 8):
        cache.keep(f"P{number:06}.KDC", STAMP, picture(number))
    assert sorted(file.name[:7] for file in (tmp_path / "kept").iterdir()) == ["P000005", "P000006", "P000007"]


def test_what_was_half_written_makes_room(cache: PictureCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that is killed while it keeps a picture leaves a part, which nobody completes."""
    cache.keep(NAME, STAMP, DATA)
    (file,) = (tmp_path / "kept").iterdir()
    part = file.rename(file.with_name(file.name + ".part"))
    monkeypatch.setattr(picture_cache, "CACHE_SIZE", len(picture(2)))
    cache.keep("P000002.KDC", STAMP, picture(2))
    assert not part.exists()
    assert kept(tmp_path) == 1


def test_a_disk_that_takes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    PictureCache(tmp_path / "file").keep(NAME, STAMP, DATA)
    assert f"{NAME} was not kept on disk" in caplog.text


def test_what_is_kept_is_private(cache: PictureCache, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir(mode=0o755)
    cache.keep(NAME, STAMP, DATA)
    (file,) = (tmp_path / "kept").iterdir()
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o700
    assert file.stat().st_mode & 0o777 == 0o600


def unsafe_mode(folder: Path) -> None:
    folder.chmod(0o777)


def unsafe_above(folder: Path) -> None:
    folder.parent.chmod(0o777)


def unsafe_link(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to("elsewhere")


@pytest.mark.parametrize("spoil", [unsafe_mode, unsafe_above, unsafe_link])
def test_a_folder_that_is_not_safe_is_done_without(
    spoil: Callable[[Path], None], cache: PictureCache, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is read from it or written to it, which the log says."""
    cache.keep(NAME, STAMP, DATA)
    spoil(tmp_path / "kept")
    assert cache.read(NAME, SIZE, STAMP, FIRST) is None
    assert cache.beginning(NAME, SIZE, STAMP) is None
    assert "pictures that were kept on disk are not used" in caplog.text
    cache.keep("OTHER.KDC", STAMP, picture(2))
    assert "OTHER.KDC was not kept on disk" in caplog.text
    cache.drop(NAME, SIZE)
    assert kept(tmp_path) == 1


def plant_link(path: Path, secret: Path) -> None:
    path.symlink_to(secret)


def plant_hard_link(path: Path, secret: Path) -> None:
    path.hardlink_to(secret)


def plant_pipe(path: Path, secret: Path) -> None:
    os.mkfifo(path)


def plant_folder(path: Path, secret: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("plant", [plant_link, plant_hard_link, plant_pipe, plant_folder])
@pytest.mark.parametrize("suffix", ["", ".part"])
def test_what_was_planted(
    plant: Callable[[Path, Path], None], suffix: str, cache: PictureCache, tmp_path: Path
) -> None:
    """It is not shown in place of a picture, and what it leads to is not written."""
    cache.keep(NAME, STAMP, DATA)
    (file,) = (tmp_path / "kept").iterdir()
    secret = tmp_path / "secret"
    file.rename(secret)
    plant(file.with_name(file.name + suffix), secret)
    assert cache.read(NAME, SIZE, STAMP, FIRST) is None
    assert cache.beginning(NAME, SIZE, STAMP) is None
    cache.keep(NAME, STAMP, DATA)
    assert cache.read(NAME, SIZE, STAMP, FIRST) == (None if plant is plant_folder else DATA)
    assert secret.read_bytes() == DATA
