"""Payloads of real EOS bodies, in ../shared, by their file names."""

from pathlib import Path

from tests.shared import shared, shared_files

FOLDER = "samples/makers/canon-eos"


def payload(name: str) -> bytes:
    """Return the bytes of a payload, by its name without `.hex`."""
    return bytes.fromhex(shared(f"{FOLDER}/{name}.hex").read_text())


def payloads(pattern: str) -> dict[str, bytes]:
    """Return the payloads whose names match, one at least."""
    return {path.stem: read(path) for path in shared_files(f"{FOLDER}/{pattern}.hex")}


def read(path: Path) -> bytes:
    """Return the bytes of one file."""
    return bytes.fromhex(path.read_text())
