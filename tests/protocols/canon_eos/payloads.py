"""Payloads of real EOS bodies by their file names: a few in `tests/samples`, all of them in ../shared."""

from pathlib import Path

from tests.shared import shared, shared_files

FOLDER = "samples/makers/canon-eos"

HERE = Path(__file__).parents[2] / "samples/canon-eos"


def payload(name: str) -> bytes:
    """Return the bytes of a payload, by its name without `.hex`."""
    own = HERE / f"{name}.hex"
    return read(own if own.exists() else shared(f"{FOLDER}/{name}.hex"))


def payloads(pattern: str) -> dict[str, bytes]:
    """Return the payloads whose names match, one at least."""
    return {path.stem: read(path) for path in shared_files(f"{FOLDER}/{pattern}.hex")}


def read(path: Path) -> bytes:
    """Return the bytes of one file."""
    return bytes.fromhex(path.read_text())
