"""Which shot is which: how a shot in the camera's ring is told from another one.

Neither an address nor a name nor an id tells it. The camera uses the address of a shot again for the next one, the numbers in names begin
anew when its menu says so and an empty card is put in, and ids are modulo 29 and begin at 0 with each ConfigApi. So the next shot may have
all three of the last one, and the same size (camfs/protocols/sigma/README.md, "PictFileInfo2, GetBigPartialPictFile,
ClearImageDBSingle"). camfs goes by this instead:

- **While control is unbroken**, entries appear and are cleared by camfs's own commands only. An entry that it has listed is the same shot
  until camfs clears it. Of the records that the camera sends, one for each listed file is that file's; what is left over is
  another shot's, even if it is equal in all that it says (`unlisted`).
- **After contact was lost**, because the session was opened again or another connection was made, the camera may have been switched off,
  and may have been in other hands. A listed exposure is then unconfirmed, and nothing is fetched of it and no entry cleared until it is
  certain that the camera still holds it: all its entries wait, its records are there, and the camera gives each byte again that
  it gave before (`is_same`). Whoever has read a part of the file can then read on. If it is not the same shot, the exposure is lost, and
  what the camera holds is listed as another.
- **A shot that an earlier program left** may be in the spool already. All its bytes are compared (`is_in_spool`).
- **Files at one address** cannot be fetched one by one: the camera gives out the oldest. Only as many entries are claimed at a time as
  there are records of files that can be fetched (`claimable`). The others are looked at again once those are cleared, so that no
  entry is cleared whose file was never seen.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from camfs import errors
from camfs.cameras.sigma.exposure import PIECE, Exposure, FileState, ShotFile, digest, fetch
from camfs.cameras.sigma.operations import SigmaOperations
from camfs.cameras.sigma.ring import has_picture
from camfs.cameras.tethered.file_names import safe_name
from camfs.cameras.tethered.spool import Spool
from camfs.protocols.sigma.records import Picture

log = logging.getLogger(__name__)


def unlisted(records: Iterable[Picture], listed: Iterable[Picture]) -> list[Picture]:
    """Return the records that are left over when one is taken away for each listed file."""
    left = Counter(listed)
    new = []
    for record in records:
        if left[record]:
            left[record] -= 1
        else:
            new.append(record)
    return new


def claimable(
    states: Mapping[int, int], new: Sequence[Picture], listed: Iterable[Picture]
) -> tuple[list[int], list[Picture]]:
    """Return the oldest entries that may be claimed now, and the records of their files.

    Args:
        states: final states of entries that nobody here knows, by id, the oldest first.
        new: records that belong to them.
        listed: records of older files that are listed here and that the camera still holds.

    Returns:
        All entries and records, unless the entries that hold pictures are more than the files that can be fetched. Nothing if the
        listed files have to go first. If the camera has no record although nothing is in the way, the entries are given up.
    """
    listed = list(listed)
    addresses = {record.address for record in listed}
    reachable = []
    for record in new:
        if record.address not in addresses:
            addresses.add(record.address)
            reachable.append(record)
    ids, with_picture = list(states), [image_id for image_id, state in states.items() if has_picture(state)]
    if len(reachable) >= len(with_picture) or not (new or listed):
        return ids, reachable
    if not reachable:
        return [], []
    return ids[: ids.index(with_picture[len(reachable) - 1]) + 1], reachable


async def is_same(exposure: Exposure, records: Iterable[Picture], spool: Spool) -> bool:
    """Say whether the camera still holds an exposure whose entries all wait, by its records and by each byte that it gave before.

    A file that the user removed is not saved before its entry is cleared. So equal records do not do for it, if the camera never gave a
    byte of the whole exposure.
    """
    left = Counter(records)
    for file in exposure.files:
        if not isinstance(file.record, Picture) or not left[file.record]:
            return False
        left[file.record] -= 1
    is_certain = all(file.state is not FileState.REMOVED for file in exposure.files)
    for file in exposure.files:
        assert isinstance(file.record, Picture)
        if file.state is FileState.SAFE:
            if not await _equals(file.operations, file.record, spool, file.key.name):
                return False
            is_certain = True
        elif file.fetched:
            if not await _gives_again(file, file.record):
                return False
            is_certain = True
    return is_certain and bool(exposure.files)


async def _gives_again(file: ShotFile, record: Picture) -> bool:
    """Say whether the camera gives the same bytes as it gave of a file before."""
    for (offset, size), before in list(file.fetched.items()):
        data = b""
        while len(data) < size:
            data += await fetch(file.operations, record, offset + len(data), size - len(data))
        if digest(data) != before:
            return False
    return True


async def is_in_spool(operations: SigmaOperations, spool: Spool, picture: Picture) -> bool:
    """Say whether the spool has a file of a shot already, by comparing the bytes."""
    for name in spool.like(safe_name(picture.name), picture.size):
        if await _equals(operations, picture, spool, name):
            log.info("%s is in the spool already", name)
            return True
    return False


async def _equals(operations: SigmaOperations, picture: Picture, spool: Spool, name: str) -> bool:
    offset = 0
    while offset < picture.size:
        piece = await fetch(operations, picture, offset, PIECE)
        try:
            if piece != await spool.read(name, offset, len(piece)):
                return False
        except errors.Refused as error:
            log.warning("%s: %s", name, error)
            return False
        offset += len(piece)
    return True
