"""`.thumbnails/`: the tree of pictures over again, each as the camera's own thumbnail."""

import errno
import io
import os
from pathlib import Path

import pytest
from PIL import Image

from tests.mounted.contents import make_file
from tests.mounted.mount import mounted, run


def test_the_tree(camera: Path) -> None:
    with mounted("virtual:sigma-fp", camera):
        shown = run("find", ".", "-type", "f", cwd=camera / ".thumbnails").stdout.split()
        names = [f"./card/DCIM/100SIGMA/SDIM{number:04}" for number in range(1, 5)]
        assert sorted(shown) == sorted([f"{name}.JPG" for name in names] + [f"{name}.DNG.jpg" for name in names])


def test_each_is_a_jpeg_of_the_size_that_stat_tells(camera: Path) -> None:
    with mounted("virtual:sigma-fp", camera):
        for place, _, names in os.walk(camera / ".thumbnails"):
            for name in names:
                path = Path(place, name)
                size = path.stat().st_size
                data = path.read_bytes()
                assert len(data) == size
                with Image.open(io.BytesIO(data)) as picture:
                    assert picture.format == "JPEG"
                    assert max(picture.size) == 160
                    picture.load()


def test_they_cost_a_thumbnail_each(camera: Path) -> None:
    """And not the pictures; once."""
    with mounted("virtual:sigma-fp", camera) as mount:
        run("find", camera / ".thumbnails", "-type", "f")
        mount.trace.transactions()
        for _ in range(2):
            run("ls", "-l", camera / ".thumbnails/card/DCIM/100SIGMA")
            run("sh", "-c", "cat *.JPG *.jpg", cwd=camera / ".thumbnails/card/DCIM/100SIGMA")
        assert [transaction.operation for transaction in mount.trace.transactions()] == ["GetThumb"] * 8


def test_they_are_copied(camera: Path, tmp_path: Path) -> None:
    with mounted("virtual:sigma-fp", camera):
        for command in (["cp", "-r"], ["rsync", "-a"]):
            copy = tmp_path / command[0]
            run(*command, f"{camera}/.thumbnails/", copy)
            assert len(run("find", copy, "-type", "f", "-size", "+500c").stdout.splitlines()) == 8
            run("diff", "-r", camera / ".thumbnails", copy)
        done = run("rsync", "-a", "--itemize-changes", f"{camera}/.thumbnails/", tmp_path / "rsync")
        assert done.stdout == ""


def test_what_is_no_picture_has_none(folder: Path, camera: Path) -> None:
    """A movie may have one; a picture may turn out to have none."""
    for name in ("CLIP.MOV", "NOTE.TXT", "NONE", "BROKEN.JPG"):
        make_file(folder / name, 2000)
    (folder / "PICS").mkdir()
    with mounted(f"virtual:sigma-fp?card={folder}", camera) as mount:
        thumbnails = camera / ".thumbnails/card"
        assert sorted(os.listdir(thumbnails)) == ["BROKEN.JPG", "CLIP.MOV.jpg", "PICS"]
        for name in ("BROKEN.JPG", "CLIP.MOV.jpg"):
            assert (thumbnails / name).stat().st_size == 0
            mount.expect("(?i)thumb")
            with pytest.raises(OSError, match="No data") as failure:
                (thumbnails / name).read_bytes()
            assert failure.value.errno == errno.ENODATA
        for name in ("CLIP.MOV", "NOTE.TXT", "NOTE.TXT.jpg", "NONE", "NONE.jpg", "BROKEN.JPG.jpg"):
            assert not (thumbnails / name).exists()
        run("diff", "-r", folder, camera / "card")


def test_names(folder: Path, camera: Path) -> None:
    """`.jpg` is added unless the name ends so; names that then are the same stay apart."""
    picture = io.BytesIO()
    Image.new("RGB", (320, 240), "red").save(picture, "JPEG")
    for name in ("A.JPG", "B.jpeg", "C.Jpg", "D.png", "D.png.jpg"):
        (folder / name).write_bytes(picture.getvalue())
    with mounted(f"virtual:ptp?card={folder}", camera):
        shown = os.listdir(camera / ".thumbnails/card")
        assert len(set(shown)) == len(shown)
        assert {"A.JPG", "B.jpeg.jpg", "C.Jpg", "D.png.jpg"} < set(shown)
        assert len(shown) == 5
        for name in shown:
            assert (camera / ".thumbnails/card" / name).read_bytes().startswith(b"\xff\xd8")


def test_they_go_with_their_pictures(folder: Path, camera: Path) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (320, 240), "red").save(picture, "JPEG")
    for name in ("A.JPG", "B.JPG"):
        (folder / name).write_bytes(picture.getvalue())
    with mounted(f"virtual:ptp?card={folder}", camera, "allow_delete"):
        assert (camera / ".thumbnails/card/A.JPG").read_bytes()
        (camera / "card/A.JPG").unlink()
        assert os.listdir(camera / ".thumbnails/card") == ["B.JPG"]
        assert not (camera / ".thumbnails/card/A.JPG").exists()


def test_nothing_can_be_written(camera: Path) -> None:
    with mounted("virtual:sigma-fp", camera, "allow_delete"):
        thumbnail = camera / ".thumbnails/card/DCIM/100SIGMA/SDIM0001.JPG"
        for change in (thumbnail.unlink, lambda: thumbnail.write_bytes(b""), lambda: thumbnail.rename(camera / "x")):
            with pytest.raises(OSError, match=r"not permitted|Read-only"):
                change()
