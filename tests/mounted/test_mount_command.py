"""mount(8), by type and by a line of an fstab. Runs as root, in a mount namespace that has camfs in /usr/local/bin.

mount(8) gives its helpers no PATH (measured with util-linux 2.38), so the shell uses its own: /usr/local/bin, /usr/bin and the like.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.mounted.contents import make_file
from tests.mounted.mount import run

INSTALLED = """\
mount --bind "$1" /usr/local/bin
shift
exec sh -ec "$@"
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Return a folder with camfs in it, which becomes /usr/local/bin."""
    place = tmp_path / "bin"
    place.mkdir()
    (place / "camfs").symlink_to(Path(sys.executable).parent / "camfs")
    return place


def where_installed(programs: Path, script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a shell script in a new mount namespace where camfs is installed; the mounts end with the script."""
    command = ["unshare", "--mount", "sh", "-ec", INSTALLED, "sh", programs, script, "sh", *arguments]
    return run(*command, status=None)


def test_by_type(programs: Path, camera: Path, folder: Path) -> None:
    make_file(folder / "1.JPG", 5000)
    script = """
        mount -t fuse.camfs "virtual:sigma-fp?card=$1" "$2" -o ro,nosuid,uid=1234
        findmnt -no SOURCE,FSTYPE "$2"
        stat -c %u "$2/card/1.JPG"
        diff -r "$1" "$2/card"
        umount "$2"
        ls -A "$2"
    """
    done = where_installed(programs, script, folder, camera)
    assert done.stdout.split() == [f"virtual:sigma-fp?card={folder}", "fuse.camfs", "1234"], done.stderr
    assert done.returncode == 0


def test_by_fstab(programs: Path, camera: Path, tmp_path: Path) -> None:
    fstab = tmp_path / "fstab"
    fstab.write_text(f"virtual:dc120?pace=off {camera} fuse.camfs noauto,user,x-systemd.automount,allow_other 0 0\n")
    done = where_installed(programs, 'mount -T "$1" "$2"; ls "$2"; umount "$2"', fstab, camera)
    assert "memory" in done.stdout.split(), done.stderr
    assert done.returncode == 0


def test_why_not(programs: Path, camera: Path) -> None:
    """The user sees what camfs says, and that it failed."""
    done = where_installed(programs, 'mount -t fuse.camfs usb:1.127 "$1"', camera)
    assert done.returncode != 0
    assert done.stderr == "camfs: no camera usb:1.127 found; camfs --list shows those that are there\n"
