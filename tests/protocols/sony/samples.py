"""Real bytes and tables of Sony bodies that lie outside of the repository."""

import json
from typing import Any

from camfs.protocols.sony.datasets import AllProperties, PropertyState
from tests.shared import shared, shared_files

FOLDER = "samples/makers/sony"


def payload(name: str) -> bytes:
    """Return the payload of a hex file."""
    return bytes.fromhex(shared(f"{FOLDER}/{name}.hex").read_text())


def properties(name: str) -> dict[int, PropertyState]:
    """Return what a reply to GetAllDevicePropData tells, by code."""
    return {entry.code: entry for entry in AllProperties.decode(payload(name)).entries}


def tables() -> dict[str, list[dict[str, Any]]]:
    """Return the property tables of the bodies that there are summaries of."""
    found = {}
    for path in shared_files(f"{FOLDER}/props-*.json"):
        found[path.stem.removeprefix("props-")] = json.loads(path.read_text())["properties"]
    return found
