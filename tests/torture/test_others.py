"""The namespace in which others are tried holds no mount of this machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mounted.mount import mounted, run

SEPARATE = "import sys; from pathlib import Path; from tests.torture.others import separate_mounts as separate"


@pytest.mark.skipif(os.getuid() != 0, reason="only root makes mount namespaces")
def test_a_mount_ends_though_there_is_another_namespace(tmp_path: Path) -> None:
    """Else camfs would go on until that namespace ends."""
    script = f"{SEPARATE}; separate(Path(sys.argv[1])); print('separate', flush=True); sys.stdin.read()"
    with mounted("virtual:ptp", tmp_path / "camera") as mount:
        command = [sys.executable, "-c", script, str(tmp_path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "separate\n"
            run("fusermount3", "-u", tmp_path / "camera")
            assert mount.wait() == 0
            assert other.poll() is None
            other.communicate()
