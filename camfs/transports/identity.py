"""What this program tells cameras on the network about itself: a GUID, by which they recognise it, and a name to show.

The GUID is 16 random bytes, made once and kept as hexadecimal digits in a file that only the user may read.
"""

import contextlib
import os
import secrets
import socket
from pathlib import Path

import platformdirs

from camfs.errors import TransportError

GUID_SIZE = 16
"""Bytes."""

MAX_NAME = 39
"""Characters of the name that are sent: camfs/protocols/ptp/README.md, "PTP/IP"."""


def guid_path() -> Path:
    """Return where the GUID is kept: `$XDG_STATE_HOME/camfs/guid`, by default `~/.local/state/camfs/guid`."""
    return platformdirs.user_state_path("camfs") / "guid"


def read_guid() -> bytes:
    """Return the GUID, and make it if there is none. Programs that make it at the same time get the same one.

    Raises:
        TransportError: it can neither be read nor made.
    """
    path = guid_path()
    try:
        with contextlib.suppress(FileNotFoundError):
            return _parse(path)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = path.with_name(f"guid.{secrets.token_hex(8)}")
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(GUID_SIZE) + "\n")
            with contextlib.suppress(FileExistsError):
                os.link(made, path)
        finally:
            made.unlink()
        return _parse(path)
    except OSError as error:
        raise TransportError(f"{path}: {error.strerror}; cameras on the network know this computer by it") from error


def _parse(path: Path) -> bytes:
    try:
        guid = bytes.fromhex(path.read_text("ascii"))
    except ValueError:
        guid = b""
    if len(guid) != GUID_SIZE:
        raise TransportError(f"{path} does not hold {2 * GUID_SIZE} hexadecimal digits; remove it to get a new GUID")
    return guid


def friendly_name() -> str:
    """Return the name for a camera to show: `camfs`, and the computer's name without its domain."""
    name = socket.gethostname().partition(".")[0]
    return f"camfs {name}".strip()[:MAX_NAME]
