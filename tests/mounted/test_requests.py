"""What the kernel asks of a mount: as little as it can, since each request goes through Python."""

from pathlib import Path

from tests.mounted.contents import KIB, MIB, make_file
from tests.mounted.counting import Requests
from tests.mounted.mount import mounted, run

PATIENT = "attr_timeout=3600"
"""On a slow machine what the kernel keeps would be old before it is used."""


def test_a_second_listing_costs_nothing_but_readdirs(folder: Path, camera: Path, tmp_path: Path) -> None:
    for number in range(1000):
        make_file(folder / f"{number:04}.JPG", 10)
    requests = Requests(tmp_path / "requests")
    with mounted(f"virtual:sigma-fp?card={folder}", camera, PATIENT, program=requests.program):
        listed = run("ls", "-l", camera / "card").stdout
        assert len(listed.splitlines()) == 1001
        first = requests.count()
        assert first["getxattr"] <= 2
        assert first["lookup"] <= 5
        assert first["getattr"] <= 5
        assert run("ls", "-l", camera / "card").stdout == listed
        second = requests.count()
        # reading a folder changes when it was last read, so the kernel asks for the folder's own attributes again
        assert second.pop("getattr", 0) <= 1
        assert set(second) <= {"opendir", "readdir", "releasedir"}
        assert second["readdir"] <= first["readdir"]


def test_names_of_a_path_are_looked_up_once(folder: Path, camera: Path, tmp_path: Path) -> None:
    (folder / "DCIM/100SIGMA").mkdir(parents=True)
    make_file(folder / "DCIM/100SIGMA/1.JPG", 10)
    requests = Requests(tmp_path / "requests")
    with mounted(f"virtual:sigma-fp?card={folder}", camera, PATIENT, program=requests.program):
        path = camera / "card/DCIM/100SIGMA/1.JPG"
        path.stat()
        requests.count()
        path.stat()
        run("ls", "-l", path)
        assert set(requests.count()) <= {"getxattr"}
        run("ls", "-l", path)
        assert set(requests.count()) == set()


def test_most_of_what_is_read_in_order_is_given_to_the_kernel_before_it_asks(
    folder: Path, camera: Path, tmp_path: Path
) -> None:
    """How much depends on how busy the machine is, so the best of several files counts."""
    names = [f"{number}.DNG" for number in range(6)]
    for name in names:
        make_file(folder / name, 16 * MIB)
    requests = Requests(tmp_path / "requests")
    with mounted(f"virtual:sigma-fp?card={folder}", camera, PATIENT, program=requests.program) as mount:
        counted = []
        for name in names:
            run("cmp", folder / name, camera / "card" / name)
            counted.append(requests.count()["read"])
        assert sum(read.size for read in mount.trace.reads()) == len(names) * 16 * MIB
        assert min(counted) <= 16 * MIB // (128 * KIB) * 2 // 3
