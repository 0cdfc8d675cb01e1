"""Tells which settings gphoto2 wrote to group 1: reads the hexdumps in its debug logs with camfs's tables.

Usage: gphoto_writes.py LOG NAME=VALUE [LOG NAME=VALUE]…
"""

import re
import sys
from pathlib import Path

from camfs.protocols.sigma.codes import SigmaOperation
from camfs.protocols.sigma.datasets import Dataset, decode_write
from camfs.protocols.sigma.settings import SETTINGS

HEADER = 12
"""Bytes of a PTP container before its payload."""

DATA = (2).to_bytes(2, "little") + SigmaOperation.SetCamDataGroup1.to_bytes(2, "little")
"""The bytes behind the length in a data container of this operation."""


def payloads(log: str) -> list[bytes]:
    """Return what was sent with SetCamDataGroup1."""
    found = []
    for dump in re.findall(r"Wrote .*hexdump.*\n((?:[0-9a-f]{4}  .*\n)+)", log):
        rows = (line[6:54].replace("-", " ") for line in dump.splitlines())
        data = bytes.fromhex("".join(rows))
        if data[4:8] == DATA:
            found.append(data[HEADER:])
    return found


def main(*arguments: str) -> int:
    """Print what was written, and return 0 if each log has what was wanted of it."""
    status = 0
    for log, wanted in zip(arguments[::2], arguments[1::2], strict=True):
        name = wanted.partition("=")[0]
        written = [
            f"{name}={SETTINGS[name].read(decode_write(Dataset.GROUP1, payload))}"
            for payload in payloads(Path(log).read_text(errors="replace"))
        ]
        print(written)
        status |= written != [wanted]
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
