"""Many programs at once on one camera: nobody gets a wrong byte, an error, or waits for ever."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from tests.mounted.contents import make_file
from tests.mounted.mount import PATIENCE, mounted, run

FILES = 120

REFRESH = """
import sys
for _ in range(30):
    with open(sys.argv[1], "w") as file:
        file.write("1\\n")
"""

DELETE = """
import os, sys
for name in sys.argv[2:]:
    os.unlink(os.path.join(sys.argv[1], name))
"""


def fill(folder: Path) -> dict[str, str]:
    """Make files of all sorts of sizes in two folders; return their digests by path."""
    digests = {}
    for number in range(FILES):
        path = folder / f"{100 + number % 2}SIGMA" / f"SDIM{number:04}.JPG"
        path.parent.mkdir(exist_ok=True)
        make_file(path, number * number * 50)
        digests[str(path.relative_to(folder))] = hashlib.md5(path.read_bytes()).hexdigest()
    return digests


def start(*command: str | Path, cwd: Path) -> subprocess.Popen[str]:
    """Start a program."""
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def output(process: subprocess.Popen[str]) -> str:
    """Return what a program wrote, once it has ended well."""
    out, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    return out


def test_listing_reading_and_refreshing(folder: Path, camera: Path, tmp_path: Path) -> None:
    digests = fill(folder)
    with mounted(f"virtual:ptp?card={folder}&latency=0.0005", camera):
        card = camera / "card"
        refreshers = [start(sys.executable, "-c", REFRESH, camera / ".refresh", cwd=camera) for _ in range(2)]
        listers = [start("find", ".", "-type", "f", "-printf", "%P %s\n", cwd=card) for _ in range(3)]
        readers = [start("md5sum", *sorted(digests, reverse=number % 2 == 1), cwd=card) for number in range(3)]
        copier = start("cp", "-r", ".", tmp_path / "copy", cwd=card)
        curious = [start("sh", "-c", "cat .status .events .settings/* > /dev/null", cwd=camera) for _ in range(2)]
        for lister in listers:
            shown = dict(line.split() for line in output(lister).splitlines())
            assert shown == {path: str((folder / path).stat().st_size) for path in digests}
        for reader in readers:
            assert {name: digest for digest, name in map(str.split, output(reader).splitlines())} == digests
        for other in (*refreshers, copier, *curious):
            output(other)
        run("diff", "-r", folder, tmp_path / "copy")
        run("diff", "-r", folder, card)


def test_reading_and_deleting(folder: Path, camera: Path) -> None:
    """Half of the files go while the other half is read, in the same folders."""
    digests = fill(folder)
    doomed, kept = ([path for path in digests if (int(path[-8:-4]) // 2) % 2 == side] for side in (0, 1))
    with mounted(f"virtual:ptp?card={folder}&latency=0.0005", camera, "allow_delete"):
        card = camera / "card"
        deleters = [start(sys.executable, "-c", DELETE, card, *doomed[side::2], cwd=camera) for side in (0, 1)]
        readers = [start("md5sum", *kept, cwd=card) for _ in range(2)]
        lister = start("ls", "-R", ".", cwd=card)
        for reader in readers:
            assert {name: digest for digest, name in map(str.split, output(reader).splitlines())} == {
                path: digests[path] for path in kept
            }
        for other in (*deleters, lister):
            output(other)
        assert run("find", ".", "-type", "f", "-printf", "%P\n", cwd=card).stdout.split() != []
        assert sorted(run("find", ".", "-type", "f", "-printf", "%P\n", cwd=card).stdout.split()) == sorted(kept)
    assert len(os.listdir(folder / "100SIGMA")) == FILES // 2


def test_capturing_while_copying(folder: Path, camera: Path, tmp_path: Path) -> None:
    digests = fill(folder)
    with mounted(f"virtual:ptp?card={folder}", camera):
        copier = start("rsync", "-a", f"{camera}/card/", tmp_path / "copy", cwd=camera)
        shooter = start("sh", "-c", "for i in 1 2 3; do echo 1 > .capture; done; cat .capture", cwd=camera)
        path = output(shooter).strip()
        output(copier)
        assert (camera / path).read_bytes()[:2] == b"\xff\xd8"
        run("rsync", "-a", f"{camera}/card/", tmp_path / "copy")
        copied = {each for each in digests if (tmp_path / "copy" / each).exists()}
        assert copied == set(digests)
        assert len(run("find", tmp_path / "copy", "-type", "f").stdout.splitlines()) == FILES + 3
