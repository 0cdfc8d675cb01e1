"""How large objects are: which sizes are believed, and how the others are found out.

ObjectInfo has 32 bits for a size. Real cameras put into them 0 for a large movie (EOS M50 II), the size modulo 4 GiB (umtp-responder,
GoPro), all ones from 4 GiB - 1 on, as the standard wants it, or something too small. A copy of such a size would be short, so::

    a size is ──┬─ of 64 bits (a property, or a Samsung's ObjectInfo), and not all ones ─────────────────────────► believed
                ├─ of 32 bits, neither 0 nor all ones, of a still picture: never 4 GiB ──────────────────────────► believed
                └─ anything else ─► asked for in 64 bits, as the object is described:
                                    GetObjectPropValue, GetObjectPropList, Nikon's GetObjectSize ──┬─ answered ──► believed
                                                                                                   └─ not ───────► doubted

What is doubted is shown as the camera says it, but what it says is empty is looked at first (`look`), as there are programs that never
open an empty file. What turns out not to be empty is shown as the standard wants a size that is not known: as all ones, 4 GiB - 1.
Before it is read it is measured (`measure`)::

    doubted ── read across the end that it is said to have: does it end there? ──┬─ yes ─────────────────────────► exact
                                                                                 └─ no, or reading does not say:
               receive it whole: does GetObject announce how much it sends? ─────┬─ yes ─────────────────────────► exact
                                                                                 ├─ no, but it ends soon ────────► exact
                                                                                 ├─ refused as well, of size 0 ──► exact, empty
                                                                                 └─ no ──► unknown: whoever reads goes on to the end

What was announced counts as exact for as long as the transfer runs, as its end will show (`downloads`). If it is stopped before, the
object is read across that end, too (`check`). Where a transfer goes on otherwise than it was announced, the size is in doubt again
(`contradict`).

So it costs nothing to list and copy still pictures, and one transaction for each other object. A movie on a camera without 64 bits costs
one when it is opened, and an empty file one when it is looked at. All that was found out is remembered until the object changes.

The Canon operation GetObjectInfo64 (0x9170) would tell a size in 64 bits, but the layout of its answer is not known; it is not used.
"""

import logging
import re
from typing import NamedTuple

from camfs import errors
from camfs.cameras.ptp.downloads import Downloads
from camfs.cameras.ptp.operations import DATASET_LIMIT, PtpOperations
from camfs.cameras.ptp.parts import REACH, PartialReads
from camfs.cameras.ptp.stores import Stores
from camfs.protocols.ptp.codes import (
    ANY_FORMAT,
    SIZE_UNKNOWN,
    MakerOperation,
    ObjectFormat,
    ObjectHandle,
    ObjectProperty,
    Operation,
    ResponseCode,
    StorageID,
)
from camfs.protocols.ptp.datasets import ObjectInfo, ObjectPropElement, decode_object_prop_list
from camfs.protocols.ptp.values import INTEGER_TYPES

log = logging.getLogger(__name__)

MAX_SIZE = (1 << 63) - 1
"""The largest size of a file that a file system can show, in bytes."""

UNBOUNDED = 1 << 42
"""Bytes that are shown of an object of unknown size where the camera does not tell how much its store holds: 4 TiB."""

REFUSALS = 3
"""After so many different objects refused in a row with the same code, no further one is asked for its size in this way."""

RAW_FORMATS = {0xB101, 0xB103, 0xB108, 0xB881}
"""Formats of still pictures outside of 0x38xx: raw files of Canon, Nikon, Sony and Microsoft. 0xB104 and 0xB105 are Canon's movies."""

STILL = re.compile(
    r"\.(3fr|arw|bmp|cr[23w]|dcr|dng|erf|fff|gif|hei[cf]|hif|iiq|jp[eg]|jpeg|kdc|mef|mos|mrw|nef|nrw|orf|pef|png|ra[fw]|rw[2l]"
    r"|sr[2fw]|tiff?|webp|x3f)$",
    re.IGNORECASE,
)
"""Names of still pictures. Cameras give the format Undefined to many raw files."""

MOVING = re.compile(
    r"\.(360|3g[2p]|avi|braw|crm|insv|lrv|m2ts?|m4v|mkv|mov|mp4|mpe?g|mts|mxf|nev|r3d|webm|wmv)$", re.IGNORECASE
)
"""Names of movies, whatever their format says."""


class Size(NamedTuple):
    """A size in bytes.

    Attributes:
        value: bytes.
        is_exact: whether there is no doubt about it.
        is_bound: whether it is known only that there are not more bytes.
    """

    value: int
    is_exact: bool
    is_bound: bool = False


class Sizes:
    """The sizes of one camera's objects, as far as they are known.

    Args:
        operations: of the camera.
        stores: which bound the size of what they hold.
        parts: reads across the end of objects.
        downloads: receives objects whole.
    """

    def __init__(self, operations: PtpOperations, stores: Stores, parts: PartialReads, downloads: Downloads) -> None:
        self._operations = operations
        self._stores = stores
        self._parts = parts
        self._downloads = downloads
        self._exact: dict[ObjectHandle, int] = {}
        self._doubted: dict[ObjectHandle, int] = {}
        self._bounds: dict[ObjectHandle, int] = {}
        self._looked_at: dict[ObjectHandle, bool | None] = {}
        self._at_least: dict[ObjectHandle, int] = {}
        self._announced: set[ObjectHandle] = set()
        self._contradicted: set[ObjectHandle] = set()
        self._distrusted: set[ObjectHandle] = set()
        self._capacities: dict[StorageID, int] = {}
        self._reads_across_ends = True
        self._refusals: dict[int, tuple[int, set[ObjectHandle]]] = {}

    def forget(self, handle: ObjectHandle) -> None:
        """Forget the size of an object that has changed, or is gone."""
        for sizes in (self._exact, self._doubted, self._bounds, self._looked_at, self._at_least):
            sizes.pop(handle, None)
        for handles in (self._announced, self._contradicted, self._distrusted):
            handles.discard(handle)

    def forget_all(self) -> None:
        """Forget all sizes: handles may mean other objects now."""
        for sizes in (self._exact, self._doubted, self._bounds, self._looked_at, self._at_least):
            sizes.clear()
        for handles in (self._announced, self._contradicted, self._distrusted):
            handles.clear()

    def note(self, handle: ObjectHandle, size: int) -> Size:
        """Note the exact size of an object, and return it."""
        for sizes in (self._doubted, self._bounds, self._looked_at):
            sizes.pop(handle, None)
        self._announced.discard(handle)
        self._exact[handle] = size
        return Size(size, True)

    def allows(self, handle: ObjectHandle, size: int) -> bool:
        """Say whether an object may be of a size: not if more of it has been read."""
        return size >= self._at_least.get(handle, 0)

    def contradict(self, handle: ObjectHandle) -> bool:
        """Note that GetObject did not send as much of an object as it had announced; return whether its size was taken from there.

        The first time may be a disturbance on the wire, and the object is measured anew; the second time it is not.
        """
        if handle not in self._announced:
            return False
        is_first = handle not in self._contradicted
        self.forget(handle)
        (self._contradicted if is_first else self._distrusted).add(handle)
        return True

    async def check(self, handle: ObjectHandle) -> None:
        """See that an object may be read: that a size which was only announced is the true one, once nobody waits for it to come.

        Raises:
            RemoteProtocolError: nothing that the camera says tells where it ends.
        """
        if handle in self._announced and not self._downloads.is_under_way(handle):
            self._announced.discard(handle)
            if await self._ends_at(handle, self._exact[handle]) is False:
                self.forget(handle)
                self._distrusted.add(handle)
        if handle in self._distrusted:
            raise errors.RemoteProtocolError("the camera has more of this object than it announces")

    def note_property(self, element: ObjectPropElement) -> int | None:
        """Note the property ObjectSize of an object, and return what goes for the 32 bits of its ObjectInfo; None if it tells nothing."""
        width, _ = INTEGER_TYPES.get(element.data_type, (0, False))
        if not isinstance(element.value, int) or element.value < 0 or width < 4:
            return None
        if _is_believed(element.value, width):
            self.note(element.handle, element.value)
        return min(element.value, SIZE_UNKNOWN)

    def known(self, handle: ObjectHandle) -> int | None:
        """Return the exact size of an object, if it is known beside its ObjectInfo."""
        return self._exact.get(handle)

    # ------------------------------------------------------------------ as an object is described

    async def describe(self, handle: ObjectHandle, info: ObjectInfo) -> Size:
        """Return the size of an object: as its ObjectInfo says, or as the camera says in 64 bits."""
        if handle in self._exact:
            return Size(self._exact[handle], True)
        if handle in self._bounds:
            return Size(self._bounds[handle], False, True)
        size = info.compressed_size
        if SIZE_UNKNOWN < size <= MAX_SIZE or (0 < size < SIZE_UNKNOWN and is_still_picture(info)):
            return Size(size, True)
        if handle not in self._doubted:
            self._doubted[handle] = min(size, SIZE_UNKNOWN)
            try:
                await self._ask(handle)
            except errors.Busy:
                self.forget(handle)
                return Size(min(size, SIZE_UNKNOWN), False)
        if handle in self._exact:
            return Size(self._exact[handle], True)
        return self._shown(handle, self._doubted.get(handle, min(size, SIZE_UNKNOWN)))

    def is_doubted(self, handle: ObjectHandle) -> bool:
        """Say whether the size that an object was described with may be wrong."""
        return handle in self._doubted

    def _shown(self, handle: ObjectHandle, size: int) -> Size:
        """Return the size of an object in doubt as it is shown."""
        return Size(SIZE_UNKNOWN if self._looked_at.get(handle) is False else size, False)

    async def _ask(self, handle: ObjectHandle) -> None:
        """Ask for the size of an object in 64 bits, in each way that the camera has until one tells it."""
        data = await self._attempt(Operation.GetObjectPropValue, handle, ObjectProperty.ObjectSize)
        if data is not None:
            self._consider(handle, len(data), int.from_bytes(data, "little"))
        else:
            data = await self._attempt(Operation.GetObjectPropList, handle, ANY_FORMAT, ObjectProperty.ObjectSize, 0, 0)
            for element in _elements(data) if data is not None else ():
                if element.handle == handle and element.code == ObjectProperty.ObjectSize:
                    width, _ = INTEGER_TYPES.get(element.data_type, (0, False))
                    self._consider(handle, width, element.value)
        if handle not in self._exact and self._operations.info.manufacturer.lower().startswith("nikon"):
            data = await self._attempt(MakerOperation.NikonGetObjectSize, handle)
            if data is not None:
                self._consider(handle, len(data), int.from_bytes(data, "little"))

    def _consider(self, handle: ObjectHandle, width: int, value: object) -> None:
        """Believe a size that has come in so many bytes, or take it for the likeliest at least."""
        if isinstance(value, int) and _is_believed(value, width):
            self.note(handle, value)
        elif isinstance(value, int) and width >= 4 and 0 < value < SIZE_UNKNOWN:
            self._doubted[handle] = value

    async def _attempt(self, operation: int, handle: ObjectHandle, *parameters: int) -> bytes | memoryview | None:
        """Run an operation that may tell a size; None if it does not. One that is refused again and again is not asked any more."""
        if not self._operations.has(operation):
            return None
        try:
            reply = await self._operations.session.transact(
                operation, handle, *parameters, limit=DATASET_LIMIT, repeatable=False
            )
        except (errors.Busy, errors.NotFound, errors.StoreUnavailable, errors.DeviceGone):
            raise
        except (errors.Refused, errors.RemoteProtocolError) as error:
            log.info("size of object %#x: %s", handle, error)
            code = error.code or 0 if isinstance(error, errors.Refused) else 0
            before, refused = self._refusals.get(operation, (code, set()))
            refused = {handle, *(refused if before == code else ())}
            self._refusals[operation] = code, refused
            if code == ResponseCode.OperationNotSupported or len(refused) >= REFUSALS:
                self._operations.give_up(operation)
            return None
        except errors.TransportError as error:
            log.info("size of object %#x: %s; not asked in this way any more", handle, error)
            self._operations.give_up(operation)
            return None
        self._refusals.pop(operation, None)
        return reply.data

    # ------------------------------------------------------------------ before an object is read

    async def look(self, handle: ObjectHandle, size: int) -> Size:
        """See whether an object that is said to be empty is; other doubts are left to `measure`."""
        if handle in self._exact:
            return Size(self._exact[handle], True)
        if size == 0 and handle not in self._looked_at:
            self._looked_at[handle] = is_empty = await self._ends_at(handle, 0)
            if is_empty:
                return self.note(handle, 0)
        return self._shown(handle, size)

    async def measure(self, handle: ObjectHandle, storage: StorageID, size: int) -> Size:
        """Find out how large an object is whose size is doubted.

        The object may be received for that, and is then there for those who read it; else it has to be released (`Downloads`).

        Args:
            handle: the object.
            storage: the store that it is in.
            size: as it was described.

        Raises:
            CameraError: it cannot be read, so its size does not matter.
        """
        await self.check(handle)
        if handle in self._exact:
            return Size(self._exact[handle], True)
        if handle in self._bounds:
            return Size(self._bounds[handle], False, True)
        ends = None if size == SIZE_UNKNOWN else await self._ends_at(handle, size)
        if ends:
            return self.note(handle, size)
        bound = await self._bound(storage)
        try:
            length = await self._downloads.measure(handle)
        except (errors.NotFound, errors.StoreUnavailable, errors.AccessDenied, errors.Busy):
            raise
        except errors.Refused as error:
            if size == 0 and ends is None and error.code is not None:
                return self.note(handle, 0)  # the camera says in every way that there is nothing to be read of it
            raise
        if length is None:
            self._bounds[handle] = bound
            return Size(bound, False, True)
        if not self.allows(handle, length):
            raise errors.RemoteProtocolError(f"the camera sends {length} bytes of an object that it has more of")
        self.note(handle, length)
        self._announced.add(handle)
        return Size(length, True)

    async def _ends_at(self, handle: ObjectHandle, size: int) -> bool | None:
        """Say whether an object ends after so many bytes, by reading the last of them and one more; None if that tells nothing.

        Such a read begins inside the object, as cameras hang at others (libgphoto2); only an empty object has no inside.
        """
        offset, wanted = (size - 1, 2) if size else (0, 1)
        if not self._reads_across_ends or not self._parts.reaches(handle, offset + wanted):
            return None
        try:
            count = await self._parts.count(handle, offset, wanted)
            if count == wanted:
                self._at_least[handle] = offset + wanted
            return count == wanted - 1
        except (errors.NotFound, errors.StoreUnavailable, errors.Busy, errors.DeviceGone):
            raise
        except errors.Refused as error:
            log.info("%s", error)
        except (errors.TransportError, errors.RemoteProtocolError) as error:
            log.info("reading across the end of object %#x: %s; not done again", handle, error)
            self._reads_across_ends = False
            return None
        try:
            # a camera that gives the last byte and refuses the one behind it knows where the object ends
            return True if size and await self._parts.count(handle, offset, 1) == 1 else None
        except errors.Refused:
            return None

    async def _bound(self, storage: StorageID) -> int:
        """Return a number of bytes that no object in a store exceeds."""
        if storage not in self._capacities:
            try:
                total = (await self._stores.usage(storage)).total
            except errors.DeviceGone:
                raise
            except errors.CameraError as error:
                log.info("room of storage %#x: %s", storage, error)
                total = 0
            self._capacities[storage] = max(total, 2 * REACH) if total else UNBOUNDED
        return self._capacities[storage]


def is_still_picture(info: ObjectInfo) -> bool:
    """Say whether an object is a still picture, by its format and its name."""
    if MOVING.search(info.filename):
        return False
    if info.object_format == ObjectFormat.Undefined:
        return STILL.search(info.filename) is not None
    return 0x3800 <= info.object_format < 0x4000 or info.object_format in RAW_FORMATS


def _is_believed(size: int, width: int) -> bool:
    """Say whether a size that has come in so many bytes needs no doubt."""
    return width >= 8 and 0 <= size <= MAX_SIZE and size != SIZE_UNKNOWN


def _elements(data: bytes | memoryview) -> list[ObjectPropElement]:
    try:
        return decode_object_prop_list(data)
    except errors.RemoteProtocolError as error:
        log.info("size by a property list: %s", error)
        return []
