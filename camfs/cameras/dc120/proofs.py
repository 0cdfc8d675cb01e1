"""Whether the picture that a DC120 sends is the one that was meant by the number.

A number is a place in a list, and shifts when another picture is erased. So the list is asked for just before, and the first packet
of what comes is looked at. A picture that the camera took bears its name in its header. A card that was in a computer may hold other
files: pictures under other names, in lower case, two with their names exchanged, pictures cut short, files that are no KDC pictures at
all. These must be readable, while another picture than the one asked for must not pass.

============================================== ====================================================================================
the first packet                               what is concluded
============================================== ====================================================================================
bears the picture's name, in whatever case     it is the picture
is the one that was proved right before        it is the picture
is another                                     nothing yet. The list is asked for once more; if it names the same files at the same
                                               places, the number still means the picture, and its first packet is remembered
  … and names another file in the list, and    the camera may have sent that other file. So that one is asked for too: if its own
  tells that one's size and not this one's     number gives it, numbers mean what the list says, and this file is a copy of it that
                                               was cut short or made longer. Else the picture is refused
============================================== ====================================================================================

Erasing needs more, since a mistake cannot be undone: `may_erase`.
"""

import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Hashable, Sequence

from camfs import errors
from camfs.protocols import kdc

Listed = tuple[str, int]
"""What a list says of a file: its name, and its size in bytes."""


class Proofs:
    """The first packets of pictures that do not bear their listed names, and were proved right all the same."""

    def __init__(self) -> None:
        self._proved: dict[Hashable, bytes] = {}

    def holds(self, key: Hashable, name: str, first: bytes) -> bool:
        """Say whether a first packet alone shows that the right picture comes.

        Args:
            key: of the picture.
            name: of the picture in the camera's list.
            first: the packet.
        """
        return bears_name(first, name) or self._proved.get(key) == _digest(first)

    def note(self, key: Hashable, first: bytes) -> None:
        """Remember the first packet of a picture that was proved right."""
        self._proved[key] = _digest(first)

    def forget(self, key: Hashable) -> None:
        """Forget a picture, as another one may have its key."""
        self._proved.pop(key, None)


async def is_other_file(
    wanted: Listed, first: bytes, listed: Sequence[Listed], ask: Callable[[int], Awaitable[bytes]]
) -> bool:
    """Say whether the camera has sent another file of the list in place of the wanted one; see the end of the table.

    Args:
        wanted: what the list says of the wanted file.
        first: the first packet that came.
        listed: the list in which the file has its number.
        ask: fetches the first packet of the file at an index of that list.
    """
    header = _header(first)
    if header is None or header.size == wanted[1]:
        return False
    for index, other in enumerate(listed):
        if other != wanted and other[1] == header.size and bears_name(first, other[0]):
            return not bears_name(await ask(index), other[0])
    return False


def may_erase(wanted: Listed, first: bytes, listed: Sequence[Listed], proved: bool) -> bool:
    """Say whether a first packet proves a picture well enough for it to be erased.

    It must be the header of a picture. And it must be `proved`, by its name or since the picture was read; or tell the listed size,
    while no other file in the list has the name that it bears.
    """
    header = _header(first)
    if header is None:
        return False
    is_named_elsewhere = any(other != wanted and bears_name(first, other[0]) for other in listed)
    return proved or (header.size == wanted[1] and not is_named_elsewhere)


def bears_name(first: bytes, name: str) -> bool:
    """Say whether a first packet is the header of a picture with a listed name, in whatever case."""
    header = _header(first)
    return header is not None and header.name.rstrip().casefold() == name.partition(".")[0].casefold()


def _header(first: bytes) -> kdc.Header | None:
    with contextlib.suppress(errors.RemoteProtocolError):
        return kdc.Header.decode(first)
    return None


def _digest(first: bytes) -> bytes:
    return hashlib.sha256(first).digest()
