"""A spool that something else has changed: files cut short, damaged or planted, and a folder that was removed. No shot is lost by it."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.api import FolderChanged
from camfs.cameras.tethered.shot_key import IMAGEDB
from camfs.cameras.tethered.spool import Spool
from camfs.protocols.sigma.codes import SigmaOperation
from camfs.virtual.sigma.database import PictureFile
from tests.cameras.rig import emulated
from tests.cameras.sigma.program import BOTH_KINDS, Program, bytes_of, kept, program, rescued, running
from tests.cameras.sigma.rig import driven, rigged
from tests.cameras.tethered.test_spool import DATA, TAKEN, add, opened

pytestmark = pytest.mark.usefixtures("disk_without_threads", "small_pictures")


# ---------------------------------------------------------------------- damaged


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def grown(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def zeroed(path: Path) -> None:
    """As a disk does that lost the bytes, with the time that the file had."""
    status = path.stat()
    with path.open("r+b") as file:
        file.write(bytes(100))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def without_its_sum(path: Path) -> None:
    cut_short(path.with_name(f".{path.name}.sum"))


HARM = [cut_short, emptied, grown, zeroed]


@pytest.mark.parametrize("harm", [*HARM, without_its_sum])
async def test_a_file_that_was_damaged_is_set_aside(
    harm: Callable[[Path], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Found by its size at the next start, else by its digest when it is first read; and nobody takes it for a picture."""
    async with opened(tmp_path) as spool:
        await add(spool, "A.JPG")
        await add(spool, "B.JPG")
    harm(tmp_path / "A.JPG")
    bytes_left = (tmp_path / "A.JPG").read_bytes()
    async with opened(tmp_path) as spool:
        assert ("A.JPG" in spool.files) is (harm is zeroed)
        with pytest.raises(errors.Refused):
            await spool.read("A.JPG", 0, 10)
        assert list(spool.files) == ["B.JPG"]
        assert await spool.read("B.JPG", 0, len(DATA)) == DATA
        assert kept(tmp_path) == ["A.JPG.damaged", "B.JPG"]
        assert (tmp_path / "A.JPG.damaged").read_bytes() == bytes_left
        assert list(spool.unusable) == ["A.JPG.damaged"]
        assert "A.JPG is set aside as A.JPG.damaged" in caplog.text
        assert spool.free_name("A.JPG") == "A.JPG"
        await add(spool, "A.JPG")
    harm(tmp_path / "A.JPG")
    async with opened(tmp_path) as spool:
        with pytest.raises(errors.Refused):
            await spool.read("A.JPG", 0, 10)
        assert sorted(spool.unusable) == ["A.JPG.damaged", "A.JPG~2.damaged"]


@pytest.mark.parametrize("harm", HARM)
async def test_a_file_that_is_damaged_while_it_is_offered(harm: Callable[[Path], None], tmp_path: Path) -> None:
    async with opened(tmp_path) as spool:
        await add(spool, "A.JPG")
        assert await spool.read("A.JPG", 0, len(DATA)) == DATA
        assert await spool.holds("A.JPG")
        harm(tmp_path / "A.JPG")
        assert not await spool.holds("A.JPG")
        assert kept(tmp_path) == ["A.JPG.damaged"]


async def test_a_digest_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And again when the file has changed, if only in its time."""
    async with opened(tmp_path) as spool:
        await add(spool, "A.JPG")
    read: list[int] = []
    pread = os.pread

    def counting(descriptor: int, size: int, offset: int) -> bytes:
        read.append(size)
        return pread(descriptor, size, offset)

    monkeypatch.setattr(os, "pread", counting)
    async with opened(tmp_path) as spool:
        assert read == []
        for _ in range(3):
            await spool.read("A.JPG", 5, 10)
        assert read.count(10) == 3
        assert len(read) == 3 + 2
        os.utime(tmp_path / "A.JPG")
        await spool.read("A.JPG", 5, 10)
        assert len(read) == 3 + 2 + 1 + 2


async def test_a_file_of_an_earlier_version_is_offered_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "A.JPG").write_bytes(b"without a digest")
    async with opened(tmp_path) as spool:
        assert await spool.read("A.JPG", 0, 100) == b"without a digest"
        cut_short(tmp_path / "A.JPG")
        with pytest.raises(errors.Refused, match="damaged"):
            await spool.read("A.JPG", 0, 100)


async def test_sizes_and_digests_go_with_their_files(tmp_path: Path) -> None:
    folder = tmp_path / "0123"
    async with opened(folder) as first, opened(folder) as second:
        await add(first, "A.JPG", b"first")
        await add(second, "A.JPG", b"second")
    (folder / ".gone.sum").write_text("of a file that somebody removed")
    async with opened(folder) as spool:
        assert sorted(os.listdir(folder)) == [".A.JPG.sum", ".A~2.JPG.sum", "A.JPG", "A~2.JPG"]
        assert [each.digest != "" for each in spool.files.values()] == [True, True]
        await spool.remove("A~2.JPG")
        assert sorted(os.listdir(folder)) == [".A.JPG.sum", "A.JPG"]


async def test_no_file_takes_the_place_of_another(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """That somebody put there meanwhile; the same picture is not kept twice."""
    async with opened(tmp_path) as spool:
        for name, content in (("A.JPG", b"another"), ("B.JPG", DATA)):
            part = await spool.begin(name, len(DATA), TAKEN)
            await part.write(0, DATA)
            (tmp_path / name).write_bytes(content)
            await part.finish()
        (tmp_path / "C.JPG").mkdir()
        await add(spool, "C.JPG")
        assert kept(tmp_path) == ["A.JPG", "A~2.JPG", "B.JPG", "C.JPG", "C~2.JPG"]
        assert await spool.read("A~2.JPG", 0, 100) == b"another"
        assert sorted(spool.files) == ["A.JPG", "A~2.JPG", "B.JPG", "C.JPG"]
        assert [await spool.read(name, 0, len(DATA)) for name in ("A.JPG", "B.JPG", "C.JPG")] == [DATA] * 3


# ---------------------------------------------------------------------- planted


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(DATA)
    return path


def link(path: Path, secret: Path) -> None:
    path.symlink_to(secret)


def hard_link(path: Path, secret: Path) -> None:
    path.hardlink_to(secret)


def pipe(path: Path, secret: Path) -> None:
    os.mkfifo(path)


def folder_there(path: Path, secret: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("plant", [link, hard_link, pipe, folder_there])
@pytest.mark.parametrize("name", ["A.JPG", ".A.JPG.part", ".A.JPG.sum", "partial-A.JPG", "A.JPG.damaged"])
async def test_what_was_planted_is_neither_shown_nor_written(
    plant: Callable[[Path, Path], None], name: str, tmp_path: Path, secret: Path
) -> None:
    """A shot of that name finds its place all the same."""
    (tmp_path / "spool").mkdir()
    plant(tmp_path / "spool" / name, secret)
    async with opened(tmp_path / "spool") as spool:
        assert spool.files == {}
        assert list(spool.unusable) == ([] if name.startswith(".") else [name])
        free = spool.free_name("A.JPG")
        assert free == ("A~2.JPG" if name == "A.JPG" else "A.JPG")
        await add(spool, free, b"shot")
    async with opened(tmp_path / "spool") as spool:
        assert [await spool.read(each, 0, 100) for each in spool.files] == [b"shot"]
    assert secret.read_bytes() == DATA


@pytest.mark.parametrize("place", [".", "0123", "0123.2"])
async def test_a_folder_that_others_can_write_to_is_refused(place: str, tmp_path: Path) -> None:
    """So is one in such a folder. One that is only taken over from is left as it is."""
    folder = tmp_path / "spools/0123"
    async with opened(folder) as first, opened(folder) as second:
        await add(first, "A.JPG")
        await add(second, "B.JPG")
    (folder.parent / place).chmod(0o777)
    if place == "0123.2":
        async with opened(folder) as spool:
            assert list(spool.files) == ["A.JPG"]
    else:
        with pytest.raises(errors.Refused, match="other users can"):
            await Spool(folder).open()
    assert kept(folder) == ["A.JPG"]


# ---------------------------------------------------------------------- removed


def removed(folder: Path) -> None:
    shutil.rmtree(folder)


def removed_with_what_is_above(folder: Path) -> None:
    shutil.rmtree(folder.parent)


def moved_away(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))


def emptied_folder(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def cleared_out(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


REMOVALS = [removed, removed_with_what_is_above, moved_away, emptied_folder, cleared_out]


@pytest.mark.parametrize("remove", REMOVALS)
async def test_the_folder_is_made_and_locked_again(remove: Callable[[Path], None], tmp_path: Path) -> None:
    folder = tmp_path / "spools/0123"
    async with opened(folder) as spool:
        await add(spool, "A.JPG")
        part = await spool.begin("B.JPG", len(DATA), TAKEN)
        await part.write(0, DATA[:100])
        remove(folder)
        with pytest.raises(errors.NotFound):
            await part.write(100, DATA[100:])
        await part.drop()
        with pytest.raises(errors.NotFound):
            await spool.read("A.JPG", 0, 10)
        assert spool.files == {}
        assert not await spool.holds("A.JPG")
        await spool.usage()
        await add(spool, "A.JPG")
        assert await spool.read("A.JPG", 0, len(DATA)) == DATA
        assert kept(folder) == ["A.JPG"]
        assert folder.stat().st_mode & 0o777 == 0o700
        async with opened(folder) as second:
            assert second.folder.name == "0123.2"


async def test_descriptors_of_folders_that_were_removed(tmp_path: Path) -> None:
    """They do not add up."""
    async with opened(tmp_path / "spool") as spool:
        await add(spool, "A.JPG")
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            shutil.rmtree(tmp_path / "spool")
            await add(spool, "A.JPG")
        assert len(os.listdir("/proc/self/fd")) == before


async def capture_and_read_a_part(driver: Program) -> None:
    await driver.acquire(BOTH_KINDS)
    raw, jpeg = await driver.capture()
    await driver.read(raw.name)
    await driver.images.read(driver.entry(jpeg.name), 0, 1200)


async def read_on(driver: Program) -> None:
    assert len([await driver.read(name) for name in driver.names()]) == 2


async def shoot(driver: Program) -> None:
    assert len(await driver.capture()) == 2


async def hand_back(driver: Program) -> None:
    await driver.images.save()


@pytest.mark.parametrize("go_on", [read_on, shoot, hand_back])
@pytest.mark.parametrize("remove", REMOVALS)
async def test_a_folder_that_is_removed_while_the_camera_has_the_shot(
    remove: Callable[[Path], None],
    go_on: Callable[[Program], object],
    tmp_path: Path,
    exposed: list[PictureFile],
    autojump_clock: MockClock,
) -> None:
    """Although one of its files was safe already, and a part of the other was here: both are fetched again, and nothing fails."""
    async with emulated("sigma-fp") as camera:
        async with program(camera, tmp_path / "spools/0123") as driver:
            await capture_and_read_a_part(driver)
            remove(tmp_path / "spools/0123")
            await go_on(driver)  # type: ignore[misc]
            await driver.images.save()
            assert not driver.pending()
            assert driver.images.trouble == ""
            assert await driver.contents() == [bytes_of(file) for file in exposed]
            await driver.operations.close_application()
        found = await rescued(camera, tmp_path / "spools/0123")
    assert list(found.values()) == [bytes_of(file) for file in exposed]


async def test_what_only_a_removed_folder_had_is_listed_no_more(
    tmp_path: Path, exposed: list[PictureFile], caplog: pytest.LogCaptureFixture, autojump_clock: MockClock
) -> None:
    async with running(tmp_path) as driver:
        [key] = await driver.capture()
        await driver.read(key.name)
        assert not driver.pending()
        entry = driver.entry(key.name)
        shutil.rmtree(tmp_path / "spool")
        driver.changes.clear()
        with pytest.raises(errors.NotFound):
            await driver.images.read(entry, 0, 10)
        assert driver.names() == []
        assert driver.changes == [FolderChanged(IMAGEDB)]
        assert f"{key.name} is not in the spool any more" in caplog.text
        await driver.capture()
        assert await driver.contents() == [bytes_of(exposed[1])]


@pytest.mark.parametrize("harm", [*HARM, Path.unlink])
async def test_a_file_that_is_damaged_while_the_camera_has_the_shot(
    harm: Callable[[Path], None], tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """It is fetched again when it is read, and looked at once more before its entry is cleared."""
    async with running(tmp_path) as driver:
        await driver.acquire(BOTH_KINDS)
        raw, _ = await driver.capture()
        for _ in range(2):
            assert await driver.read(raw.name) == bytes_of(exposed[0])
            harm(tmp_path / "spool" / raw.name)
        assert driver.pending()
        await driver.images.save()
        assert not driver.pending()
        assert await driver.contents() == [bytes_of(file) for file in exposed]


@pytest.mark.parametrize("harm", [*HARM, Path.unlink, without_its_sum])
async def test_a_file_that_is_damaged_between_two_programs(
    harm: Callable[[Path], None], tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """The camera still has it, and gives it again; `.status` names what was set aside."""
    async with emulated("sigma-fp") as camera:
        async with program(camera, tmp_path / "spool") as driver:
            await driver.acquire(BOTH_KINDS)
            raw, _ = await driver.capture()
            await driver.read(raw.name)
        harm(tmp_path / "spool" / raw.name)
        found = await rescued(camera, tmp_path / "spool")
        assert sorted(found.values()) == sorted(bytes_of(file) for file in exposed)
        async with program(camera, tmp_path / "spool") as driver:
            named = [] if harm is Path.unlink else [f"{tmp_path}/spool/{raw.name}.damaged (it was set aside before)"]
            assert driver.images.unusable == named


async def test_a_disk_that_does_not_give_back_what_it_took(
    tmp_path: Path, exposed: list[PictureFile], monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    """A partial file that cannot be read is fetched again."""
    async with running(tmp_path) as driver:
        [key] = await driver.capture()
        await driver.images.read(driver.entry(key.name), 0, 1100)

        def fail(*_: object) -> bytes:
            raise OSError(5, os.strerror(5))

        with monkeypatch.context() as patched:
            patched.setattr(os, "pread", fail)
            assert bytes(await driver.images.read(driver.entry(key.name), 100, 700)) == bytes_of(exposed[0])[100:800]
        assert await driver.read(key.name) == bytes_of(exposed[0])


# ---------------------------------------------------------------------- the driver


async def test_status_names_what_is_not_offered(tmp_path: Path, autojump_clock: MockClock) -> None:
    spool = tmp_path / "spool"
    async with opened(spool) as before:
        await add(before, "A.JPG")
    cut_short(spool / "A.JPG")
    (spool / "B.JPG").symlink_to("/etc/passwd")
    (spool / "\x1b[31m").mkdir()
    (spool / os.fsdecode(b"\xff")).mkdir()
    async with rigged(spool) as rig:
        lines = dict(await rig.camera.status())
        assert "spool" not in lines
        assert f"{spool}/A.JPG.damaged ({len(DATA) // 2} of {len(DATA)} bytes are left)" in lines["not-offered"]
        assert f"{spool}/B.JPG (B.JPG is a symbolic link)" in lines["not-offered"]
        assert [entry.name for entry in await rig.entries()] == []


async def test_status_says_that_nothing_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with rigged(tmp_path / "spool") as rig:
        (entry, *_) = await rig.shoot()

        def fail(*_: object) -> bytes:
            raise OSError(28, os.strerror(28))

        with monkeypatch.context() as patched:
            patched.setattr(os, "pwrite", fail)
            await rig.camera.read(entry, 0, entry.size)
            assert (
                "No space left on device; what the camera holds stays there" in dict(await rig.camera.status())["spool"]
            )
            with pytest.raises(errors.StoreFull):
                await rig.shoot()
        await rig.shoot()
        assert "spool" not in dict(await rig.camera.status())


async def test_a_spool_that_is_not_safe_refuses_the_camera_before_it_is_touched(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool").chmod(0o777)
    async with emulated("sigma-fp") as camera:
        with pytest.raises(errors.Refused, match=r"other users can write to .*-o spool=DIR"):
            async with driven(camera, tmp_path / "spool"):
                pass
        assert not set(camera.trace.operations()) & set(SigmaOperation.__members__)


async def test_what_is_released_in_part_is_not_fetched_again(
    tmp_path: Path, exposed: list[PictureFile], monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    """Its address may be another shot's."""
    async with running(tmp_path) as driver:
        await driver.acquire(BOTH_KINDS)
        await driver.capture()
        clear, cleared = driver.operations.clear, 0

        async def clear_one(image_id: int) -> None:
            nonlocal cleared
            cleared += 1
            if cleared == 2:
                raise errors.Busy("not now")
            await clear(image_id)

        monkeypatch.setattr(driver.operations, "clear", clear_one)
        with pytest.raises(errors.Busy):
            await driver.images.save()
        shutil.rmtree(tmp_path / "spool")
        fetched = driver.count(SigmaOperation.GetBigPartialPictFile)
        await driver.images.save()
        assert driver.count(SigmaOperation.GetBigPartialPictFile) == fetched
        assert not driver.pending()
        assert driver.names() == []
