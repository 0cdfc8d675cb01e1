"""`rm` with -o allow_delete: gone here and on the camera, and nothing else is."""

import errno
import os
from pathlib import Path

import pytest

from tests.mounted.contents import MIB, make_file
from tests.mounted.mount import Mount, mounted, run

DELETE = "allow_delete,attr_timeout=3600"


@pytest.fixture
def source(folder: Path) -> str:
    """Return a camera with some files and folders."""
    for path in ("1.JPG", "2.JPG", "DCIM/100SIGMA/3.JPG", "DCIM/100SIGMA/4.JPG"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        make_file(folder / path, 1000)
    (folder / "empty").mkdir()
    return f"virtual:sigma-fp?card={folder}"


def deletions(mount: Mount) -> list[str]:
    """Return the results of the deletions that the camera saw since the last call."""
    return [each.result for each in mount.trace.transactions() if each.operation == "DeleteObject"]


def refresh(camera: Path) -> None:
    """Have everything listed again."""
    (camera / ".refresh").write_text("1\n")


def test_rm(source: str, folder: Path, camera: Path) -> None:
    with mounted(source, camera, DELETE) as mount:
        run("rm", camera / "card/1.JPG")
        assert deletions(mount) == ["OK"]
        for _ in range(2):
            assert not (camera / "card/1.JPG").exists()
            assert sorted(os.listdir(camera / "card")) == ["2.JPG", "DCIM", "empty"]
            refresh(camera)
        with pytest.raises(FileNotFoundError):
            os.unlink(camera / "card/1.JPG")
        assert deletions(mount) == []
    assert len((folder / "1.JPG").read_bytes()) == 1000
    with mounted(source, camera, DELETE):
        run("diff", "-r", folder, camera / "card")


def test_rmdir(source: str, folder: Path, camera: Path) -> None:
    with mounted(source, camera, DELETE) as mount:
        run("rmdir", camera / "card/empty")
        assert deletions(mount) == ["OK"]
        assert not (camera / "card/empty").exists()
        for full in ("DCIM", "DCIM/100SIGMA"):
            with pytest.raises(OSError, match="not empty") as failure:
                os.rmdir(camera / "card" / full)
            assert failure.value.errno == errno.ENOTEMPTY
        with pytest.raises(PermissionError):
            os.rmdir(camera / "card")
        assert deletions(mount) == []
        refresh(camera)
        assert sorted(os.listdir(camera / "card")) == ["1.JPG", "2.JPG", "DCIM"]
    assert (folder / "empty").is_dir()


def test_rm_of_a_tree(source: str, folder: Path, camera: Path) -> None:
    before = run("ls", "-laR", folder).stdout
    with mounted(source, camera, DELETE) as mount:
        run("bash", "-c", 'rm -r "$1"/*', "bash", camera / "card")
        assert deletions(mount) == ["OK"] * 7
        assert os.listdir(camera / "card") == []
        refresh(camera)
        assert os.listdir(camera / "card") == []
    assert run("ls", "-laR", folder).stdout == before


def test_rm_of_many_while_listing(folder: Path, camera: Path) -> None:
    """`find -delete` reads the folder on while it deletes from it."""
    for number in range(300):
        make_file(folder / f"{number:03}.JPG", 10)
        make_file(folder / f"{number:03}.DNG", 10)
    with mounted(f"virtual:sigma-fp?card={folder}", camera, DELETE):
        run("find", camera / "card", "-name", "*.DNG", "-delete")
        assert sorted(os.listdir(camera / "card")) == [f"{number:03}.JPG" for number in range(300)]


def test_mv_off_the_camera(source: str, folder: Path, camera: Path, tmp_path: Path) -> None:
    with mounted(source, camera, DELETE):
        run("mv", camera / "card/1.JPG", camera / "card/DCIM", tmp_path)
        assert (tmp_path / "1.JPG").read_bytes() == (folder / "1.JPG").read_bytes()
        run("diff", "-r", folder / "DCIM", tmp_path / "DCIM")
        assert sorted(os.listdir(camera / "card")) == ["2.JPG", "empty"]


def test_rsync_moves_off_the_camera(source: str, folder: Path, camera: Path, tmp_path: Path) -> None:
    with mounted(source, camera, DELETE):
        run("rsync", "-a", "--remove-source-files", f"{camera}/card/", tmp_path / "copy")
        run("diff", "-r", folder, tmp_path / "copy")
        assert run("find", camera / "card", "-type", "f").stdout == ""


def test_a_file_that_is_open_when_it_is_deleted(folder: Path, camera: Path) -> None:
    make_file(folder / "LARGE.MOV", 4 * MIB)
    with mounted(f"virtual:sigma-fp?card={folder}", camera, DELETE), open(camera / "card/LARGE.MOV", "rb") as file:
        assert file.read(10) == (folder / "LARGE.MOV").read_bytes()[:10]
        os.unlink(camera / "card/LARGE.MOV")
        assert os.fstat(file.fileno()).st_size == 4 * MIB
        with pytest.raises(OSError, match="Stale") as failure:
            os.pread(file.fileno(), 10, 3 * MIB)
        assert failure.value.errno == errno.ESTALE


def test_deleting_makes_room(camera: Path) -> None:
    with mounted("virtual:ptp", camera, DELETE):
        pictures = camera / "card/DCIM/100CAMFS"
        before = os.statvfs(camera / "card")
        size = sum(entry.stat().st_size for entry in os.scandir(pictures))
        run("bash", "-c", 'rm "$1"/*', "bash", pictures)
        after = os.statvfs(camera / "card")
        assert after.f_blocks == before.f_blocks
        assert abs((after.f_bfree - before.f_bfree) * after.f_frsize - size) <= 2 * after.f_frsize


def test_a_camera_that_cannot_delete(folder: Path, camera: Path) -> None:
    make_file(folder / "1.JPG", 10)
    with mounted(f"virtual:sigma-fp?card={folder}&operations=-DeleteObject", camera, DELETE) as mount:
        mount.expect("(?i)delete")
        with pytest.raises(OSError, match="not supported") as failure:
            os.unlink(camera / "card/1.JPG")
        assert failure.value.errno == errno.EOPNOTSUPP
        assert os.listdir(camera / "card") == ["1.JPG"]


def test_folders_are_writable_with_the_option(source: str, camera: Path) -> None:
    """So that file managers offer to delete; files themselves stay read-only."""
    with mounted(source, camera, DELETE):
        assert os.access(camera / "card", os.W_OK)
        assert os.access(camera / "card/DCIM", os.W_OK)
        assert not os.access(camera / "card/1.JPG", os.W_OK)
    with mounted(source, camera):
        assert not os.access(camera / "card/DCIM", os.W_OK)
