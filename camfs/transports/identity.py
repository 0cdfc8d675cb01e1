"""What this program tells cameras on the network about itself: a GUID, by which they recognise it, and a name to show.

The GUID is 16 random bytes, made once and kept as hexadecimal digits in a file that only the user may read
(`camfs.private_files`).
"""

import contextlib
import secrets
import socket
from pathlib import Path

import platformdirs

from camfs.errors import TransportError
from camfs.private_files import PrivateFolder

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
        TransportError: it can neither be read nor made, or somebody else may have put it there (`camfs.private_files`).
    """
    path = guid_path()
    try:
        folder = PrivateFolder(path.parent)
        if not folder.has(path.name):
            made = f"{path.name}.{secrets.token_hex(8)}"
            folder.write(made, f"{secrets.token_hex(GUID_SIZE)}\n".encode())
            with contextlib.suppress(FileExistsError):
                folder.rename(made, path.name)
            folder.remove(made)
            folder.sync()
        return _parse(path, folder.read(path.name))
    except OSError as error:
        raise TransportError(f"{path}: {error.strerror}; cameras on the network know this computer by it") from error


def _parse(path: Path, text: bytes) -> bytes:
    try:
        guid = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        guid = b""
    if len(guid) != GUID_SIZE:
        raise TransportError(f"{path} does not hold {2 * GUID_SIZE} hexadecimal digits; remove it to get a new GUID")
    return guid


def friendly_name() -> str:
    """Return the name for a camera to show: `camfs`, and the computer's name without its domain."""
    name = socket.gethostname().partition(".")[0]
    return f"camfs {name}".strip()[:MAX_NAME]
