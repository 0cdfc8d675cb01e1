"""Makes the picture of Thunar in README: ``python -m tests.desk tests/desk/thunar.png``, best not as root, as Thunar warns of that."""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.desk.thunar import thunar


def make(picture: Path) -> None:
    """Mount an emulated camera, take pictures with it, and show the folder."""
    with tempfile.TemporaryDirectory(prefix="ana-") as home:
        point = Path(home) / "cam"
        point.mkdir()
        subprocess.run([sys.executable, "-m", "camfs", "virtual:ptp", point], check=True)
        try:
            with thunar(point / "card/DCIM/100CAMFS") as desk:
                desk.when_still()
                (point / ".capture").write_text("2\n")
                shown = desk.when_still()
        finally:
            subprocess.run(["fusermount3", "-u", point], check=True)
    shown.quantize(64).save(picture, optimize=True)


make(Path(sys.argv[1]))
