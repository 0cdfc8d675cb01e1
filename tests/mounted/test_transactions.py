"""What reading and listing costs on the wire, counted in the trace of the emulated camera."""

import os
from pathlib import Path

from tests.mounted.contents import KIB, MIB, make_file, make_sparse
from tests.mounted.mount import mounted, run

PATIENT = "attr_timeout=3600"
"""On a slow machine a listing would be old before it is complete, and be asked for again; the fp sends no events."""


def test_head_of_a_large_file(folder: Path, camera: Path) -> None:
    make_sparse(folder / "LARGE.DNG", 60_000_000)
    with mounted(f"virtual:sigma-fp?card={folder}", camera, PATIENT) as mount:
        run("head", "-c", "65536", camera / "card/LARGE.DNG")
        reads = mount.trace.reads()
        assert 1 <= len(reads) <= 2
        assert sum(read.size for read in reads) <= 512 * KIB
        run("head", "-c", "65536", camera / "card/LARGE.DNG")
        assert mount.trace.transactions() == []


def test_tail_of_a_large_file(folder: Path, camera: Path) -> None:
    make_sparse(folder / "LARGE.DNG", 60_000_000)
    with mounted(f"virtual:sigma-fp?card={folder}", camera, PATIENT) as mount:
        run("tail", "-c", "65536", camera / "card/LARGE.DNG")
        assert len(mount.trace.reads()) <= 2


def test_a_file_is_not_read_before_it_is_read(folder: Path, camera: Path) -> None:
    make_file(folder / "LARGE.DNG", MIB)
    with mounted(f"virtual:sigma-fp?card={folder}", camera, PATIENT) as mount:
        run("ls", "-l", camera / "card")
        with open(camera / "card/LARGE.DNG", "rb"):
            assert mount.trace.reads() == []


def test_a_movie_whose_size_may_be_wrong_is_measured_once(folder: Path, camera: Path) -> None:
    """By one read across its end, as the fp tells sizes in 32 bits only. An empty file costs one when it is looked at."""
    make_file(folder / "LARGE.MOV", MIB)
    make_file(folder / "EMPTY.TXT", 0)
    with mounted(f"virtual:sigma-fp?card={folder}", camera, PATIENT) as mount:
        looks: list[list[tuple[int, ...]]] = [[(0, 1)], []]
        for expected in looks:
            run("ls", "-l", camera / "card")
            assert [each.parameters[1:] for each in mount.trace.reads()] == expected
        openings: list[list[tuple[int, ...]]] = [[(MIB - 1, 2)], []]
        for expected in openings:
            with open(camera / "card/LARGE.MOV", "rb"):
                assert [each.parameters[1:] for each in mount.trace.reads()] == expected
        assert (camera / "card/EMPTY.TXT").read_bytes() == b""
        assert mount.trace.reads() == []


def test_sequential_reading_reads_each_byte_once(folder: Path, camera: Path) -> None:
    make_file(folder / "LARGE.DNG", 12 * MIB + 345)
    with mounted(f"virtual:sigma-fp?card={folder}", camera, PATIENT) as mount:
        run("dd", f"if={camera}/card/LARGE.DNG", "of=/dev/null", "bs=1M")
        reads = mount.trace.reads()
        assert sum(read.size for read in reads) == 12 * MIB + 345
        assert len(reads) <= 20
        run("dd", f"if={camera}/card/LARGE.DNG", "of=/dev/null", "bs=1M")
        assert mount.trace.reads() == []


def test_listing_ten_thousand(camera: Path) -> None:
    """One transaction an object or fewer, none when it is listed again, and few to look at one."""
    with mounted("virtual:sigma-fp?objects=10000", camera, PATIENT) as mount:
        pictures = camera / "card/DCIM/100SIGMA"
        first = run("ls", "-l", pictures).stdout.splitlines()
        assert len(first) == 10_001
        transactions = mount.trace.transactions()
        # besides one an object: what opens the session, and the listings of the card, DCIM and the folder
        assert len(transactions) <= 10_000 + 10
        assert run("ls", "-l", pictures).stdout.splitlines() == first
        assert len(mount.trace.transactions()) <= 1
        assert (pictures / "SDIM9999.JPG").read_bytes()
        assert len(mount.trace.transactions()) <= 1


def test_listing_by_properties(camera: Path) -> None:
    """A camera with GetObjectPropList tells of a folder in a few transactions."""
    with mounted("virtual:ptp?objects=2000", camera, PATIENT) as mount:
        assert len(run("ls", "-l", camera / "card/DCIM/100CAMFS").stdout.splitlines()) == 2001
        assert len(mount.trace.transactions()) <= 40


def test_the_first_picture_is_there_before_the_last_is_listed(camera: Path) -> None:
    """A path that is known is looked up without describing the whole folder."""
    with mounted("virtual:sigma-fp?objects=10000", camera, PATIENT) as mount:
        pictures = camera / "card/DCIM/100SIGMA"
        listing = os.scandir(pictures)
        assert next(listing).stat().st_size
        assert len(mount.trace.transactions()) < 1000
        listing.close()


def test_nothing_is_listed_before_it_is_looked_at(camera: Path) -> None:
    with mounted("virtual:sigma-fp?objects=10000", camera, PATIENT) as mount:
        assert sorted(os.listdir(camera)) == ["card", "imagedb"]
        # the third asks whether a program that was killed has left the body locked
        seen = {transaction.operation for transaction in mount.trace.transactions()}
        assert seen <= {"OpenSession", "GetDeviceInfo", "GetCamCaptStatus"}
        assert os.listdir(camera / "card") == ["DCIM"]
        assert len(mount.trace.transactions()) <= 2


def test_a_name_that_is_not_there_is_asked_for_once(folder: Path, camera: Path) -> None:
    for number in range(20):
        make_file(folder / f"{number}.JPG", 100)
    with mounted(f"virtual:sigma-fp?card={folder}", camera, PATIENT) as mount:
        assert not (camera / "card/NONE.JPG").exists()
        mount.trace.transactions()
        for name in ("NONE.JPG", ".git", ".hidden", "desktop.ini"):
            assert not (camera / "card" / name).exists()
        assert mount.trace.transactions() == []
