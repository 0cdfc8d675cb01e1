"""A mapped file that goes: the kernel ends the program with SIGBUS, and nothing wrong is shown."""

import random
from pathlib import Path

from tests.mounted.inprocess import camera_in_process
from tests.mounted.mount import mounted
from tests.torture.outcome import Counts
from tests.torture.readers import TINY, ChangingCard


def test_a_mapped_file_that_goes(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    counts = Counts({"mapped files gone": 0, "SIGBUS": 0})
    with camera_in_process("ptp", card=str(tmp_path / "empty")) as camera:
        card = ChangingCard(camera, tmp_path / "camera", random.Random(1))
        with mounted(camera.source, card.point, TINY) as mount:
            mount.tolerate("no longer on the camera", "is gone")
            card.have_one_mapped(counts)
    assert counts == {"mapped files gone": 1, "SIGBUS": 1}
