"""Real bytes and tables of Nikon bodies that lie outside of the repository."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from camfs.protocols.ptp.datasets import DevicePropDesc
from tests.shared import shared, shared_files

FOLDER = "samples/makers/nikon"


def payload(name: str) -> bytes:
    """Return the payload of a hex file."""
    return bytes.fromhex(shared(f"{FOLDER}/{name}.hex").read_text())


def datasets(body: str) -> Iterator[tuple[int, bytes]]:
    """Return code and DevicePropDesc of each property of a body."""
    for line in shared(f"{FOLDER}/reencoded-1014-{body}.tsv").read_text().splitlines():
        if not line.startswith("#"):
            code, _, data = line.partition("\t")
            yield int(code, 16), bytes.fromhex(data)


def descriptions(body: str) -> dict[int, DevicePropDesc]:
    """Return the descriptions of a body's properties."""
    return {code: DevicePropDesc.decode(data) for code, data in datasets(body)}


def table(body: str) -> dict[str, Any]:
    """Return what the summary of a body says."""
    found = json.loads(shared(f"{FOLDER}/props-{body}.json").read_text())
    assert isinstance(found, dict)
    return found


def bodies() -> list[str]:
    """Return the bodies that there are tables of."""
    return [path.stem.removeprefix("reencoded-1014-") for path in _tables()]


def _tables() -> list[Path]:
    return shared_files(f"{FOLDER}/reencoded-1014-*.tsv")
