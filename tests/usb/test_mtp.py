"""camfs and gphotofs on an MTP device that is not ours: QEMU's `usb-mtp`."""

import random
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.usb.guest import run_in_guest

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]

# After an object's full packets of 512 bytes, libgphoto2 reads exactly the rest. usb-mtp stalls a bulk read of less than 12 bytes (QEMU's
# hw/usb/dev-mtp.c, "packet too small"), so that only camfs can read objects with a shorter rest.
UNREADABLE_BY_GPHOTOFS = "remainders"

# environment, and the command that mounts
CLIENTS: Mapping[str, tuple[str, list[str]]] = {
    "gphotofs": (f"EXCEPT={UNREADABLE_BY_GPHOTOFS}", ["gphotofs"]),
    "camfs": (f"PYTHONPATH={CHECKOUT}", [sys.executable, "-m", "camfs", "usb:"]),
}


@dataclass(frozen=True)
class ClientRun:
    """What a client has left behind: its exit status, what it printed, and its figures as lines of `name: seconds`."""

    status: int
    output: str
    figures: str


def small_length(chance: random.Random) -> int:
    """A length whose container does not end with 1 to 11 bytes after its last full packet."""
    return chance.randrange(8) * 512 + chance.randint(1, 500)


def make_tree(root: Path) -> None:
    """Makes a file of 60 MB and one of 6, 1,000 small ones, and names and folders that are easy to get wrong."""
    chance = random.Random(1)
    files = {"DCIM/100CAMFS/SDIM0001.DNG": 6_000_000, "DCIM/100CAMFS/SDIM0002.DNG": 60_000_000}
    files |= {f"small/SDIM{number:04}.JPG": small_length(chance) for number in range(1, 1001)}
    for name in (
        "name with spaces.jpg",
        "Grüße aus Köln.jpg",
        "Straße/Über den Wolken/Ärger & Öl/ß.jpg",
        " starts with a space.jpg",
        "no extension",
        "two.dots.in it.tar.gz",
        "a/b/c/d/e/f/g/deep.jpg",
        "日本語/写真.jpg",
    ):
        files[name] = small_length(chance)
    # lengths around a data phase that ends with a full packet, after which usb-mtp sends no empty one
    for length in (0, 1, 499, 500, 501, 512, 4084, 4096, 16384, 65536 - 12, 65536, 300_000, 1 << 20):
        files[f"lengths/{length}.bin"] = length
    for remainder in range(1, 12):
        files[f"{UNREADABLE_BY_GPHOTOFS}/{remainder}.bin"] = 4096 - 12 + remainder
    for name, length in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(length))
    (root / "empty folder").mkdir()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ClientRun]:
    """Lets each client mount, list and copy the same tree, one after the other in one guest."""
    card = tmp_path_factory.mktemp("card")
    make_tree(card)
    # gphotofs asks for this locale by name to get UTF-8; a minimal Debian has only C.UTF-8
    script = "[ -e /usr/lib/locale/en_US.utf8 ] || ln -s C.utf8 /usr/lib/locale/en_US.utf8\n"
    for client, (environment, command) in CLIENTS.items():
        tree = [str(HERE / "mtp-tree.sh"), str(card), f"/scratch/{client}.figures"]
        hold = ["env", environment, "timeout", "-k", "10", "400", "sh", *tree, *command]
        script += f"{shlex.join(hold)} >/scratch/{client}.output 2>&1; echo $? >/scratch/{client}.status\n"
    result = run_in_guest(script, scratch=tmp_path_factory.mktemp("scratch"), usb_mtp=card, timeout=900)
    assert result.status == 0, result.output

    def left(client: str, what: str) -> str:
        file = result.scratch / f"{client}.{what}"
        return file.read_text(errors="replace") if file.exists() else ""

    return {
        client: ClientRun(int(left(client, "status")), left(client, "output"), left(client, "figures"))
        for client in CLIENTS
    }


@pytest.mark.parametrize("client", CLIENTS)
def test_lists_and_copies_byte_for_byte(
    runs: Mapping[str, ClientRun], client: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = runs[client]
    with capsys.disabled():
        print(f"\n{client} on usb-mtp, seconds: " + ", ".join(run.figures.splitlines()))
    assert run.status == 0, run.output
