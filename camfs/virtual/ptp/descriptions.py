"""How an emulated camera describes its objects: with ObjectInfo, and with MTP's object properties."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from camfs.protocols.ptp.codes import ANY_FORMAT, SIZE_UNKNOWN, DataType, ObjectFormat, ObjectHandle, ObjectProperty
from camfs.protocols.ptp.datasets import ObjectInfo
from camfs.protocols.ptp.values import INTEGER_TYPES, Value, encode_date_time, encode_value
from camfs.virtual.pictures import contents
from camfs.virtual.pictures.thumbnails import THUMBNAIL_SIZE
from camfs.virtual.ptp.faults import ClaimedSizes
from camfs.virtual.ptp.state import CameraState
from camfs.virtual.ptp.store import File, Node

PICTURE_FORMATS = {
    "jpg": ObjectFormat.EXIF_JPEG,
    "jpeg": ObjectFormat.EXIF_JPEG,
    "dng": ObjectFormat.DNG,
    "tif": ObjectFormat.TIFF,
    "tiff": ObjectFormat.TIFF,
    "png": ObjectFormat.PNG,
    "gif": ObjectFormat.GIF,
    "bmp": ObjectFormat.BMP,
    "nef": ObjectFormat.Undefined,
    "cr2": ObjectFormat.Undefined,
    "arw": ObjectFormat.Undefined,
}
"""Format of the files that have a thumbnail, by the end of their name; makers have no code of the standard's for their RAW files."""

OTHER_FORMATS = {
    "mov": ObjectFormat.QuickTime,
    "mp4": ObjectFormat.MP4,
    "avi": ObjectFormat.AVI,
    "mpg": ObjectFormat.MPEG,
    "wav": ObjectFormat.WAV,
    "txt": ObjectFormat.Text,
    "htm": ObjectFormat.HTML,
    "html": ObjectFormat.HTML,
}
"""Format of other files, by the end of their name."""

IMAGES = 0xFFFFFFFF
"""As format of GetNumObjects, GetObjectHandles and DeleteObject: images only."""


def format_by_name(name: str) -> ObjectFormat:
    """Return the format that a file of this name most likely has."""
    ending = name.rpartition(".")[2].lower()
    return PICTURE_FORMATS.get(ending) or OTHER_FORMATS.get(ending, ObjectFormat.Undefined)


def is_picture(name: str) -> bool:
    """Say whether a file of this name has a thumbnail."""
    return name.rpartition(".")[2].lower() in PICTURE_FORMATS


def fits(state: CameraState, node: Node, wanted: int) -> bool:
    if wanted == ANY_FORMAT:
        return True
    code = object_format(state, node)
    return 0x3800 <= code < 0x4000 if wanted == IMAGES else code == wanted


NO_OBJECT = ObjectHandle(1)
"""What objects name as their parent with the quirk `unknown_parent`: handles are checksums, and none is so small."""


def object_format(state: CameraState, node: Node) -> int:
    """Return an object's format; Undefined if its format is not among the image formats that the camera lists."""
    if not isinstance(node, File):
        return ObjectFormat.Association
    if node.object_format is not None:
        return node.object_format
    code = format_by_name(node.name)
    return code if code in state.device_info.image_formats else ObjectFormat.Undefined


def object_info(state: CameraState, node: Node) -> ObjectInfo:
    """Return an object's ObjectInfo.

    ThumbCompressedSize is 0, as on many cameras, where the file would have to be read to know it. It is read only where the format
    code does not say that the object is a picture.
    """
    date = _date(node.modified)
    if not isinstance(node, File):
        return ObjectInfo(
            storage=node.store.id,
            object_format=ObjectFormat.Association,
            protection=int(node.protected),
            parent=_parent(state, node),
            association_type=1,
            filename=node.name,
            capture_date=date,
            modification_date=date,
        )
    code = object_format(state, node)
    pictured = is_picture(node.name) or node.thumbnail
    thumb_size = 0
    if node.thumbnail is not None:
        thumb_size = len(node.thumbnail)
    elif pictured and code == ObjectFormat.Undefined:
        with suppress(OSError):
            thumb_size = len(contents.embedded_thumbnail(node.content) or b"")
    return ObjectInfo(
        storage=node.store.id,
        object_format=code,
        protection=int(node.protected),
        compressed_size=_claimed_size(state, node, code),
        thumb_format=ObjectFormat.JFIF if pictured else 0,
        thumb_compressed_size=thumb_size,
        thumb_width=THUMBNAIL_SIZE[0] if pictured else 0,
        thumb_height=THUMBNAIL_SIZE[1] if pictured else 0,
        parent=_parent(state, node),
        filename=node.name,
        capture_date=date,
        modification_date=date,
    )


def _claimed_size(state: CameraState, file: File, code: int) -> int:
    """Return the 32 bits for an object's size."""
    claim = ClaimedSizes.TRUE if 0x3800 <= code < 0x4000 else state.quirks.claimed_sizes
    return {
        ClaimedSizes.TRUE: min(file.size, SIZE_UNKNOWN),
        ClaimedSizes.ZERO: 0,
        ClaimedSizes.MODULO: file.size & 0xFFFFFFFF,
        ClaimedSizes.ONES: SIZE_UNKNOWN,
        ClaimedSizes.SMALL: min(file.size // 2, SIZE_UNKNOWN - 1),
    }[claim]


def _date(moment: datetime | None) -> str:
    return "" if moment is None else encode_date_time(moment)


def _parent(state: CameraState, node: Node) -> ObjectHandle:
    assert node.parent is not None
    if node.parent.handle == 0:
        if state.quirks.own_parent:
            return node.handle
        if state.quirks.storage_parent:
            return ObjectHandle(node.store.id)
        if state.quirks.unknown_parent:
            return NO_OBJECT
    return node.parent.handle


def encode_object_info(info: ObjectInfo) -> bytes:
    """Encode an ObjectInfo; also one whose name contains NUL, which the codec rightly refuses."""
    if "\0" not in info.filename:
        return info.encode()
    data = replace(info, filename="").encode()
    return data[:52] + _encode_text(info.filename) + data[53:]


def _encode_text(text: str) -> bytes:
    units = text.encode("utf-16-le", "surrogatepass")
    return bytes((len(units) // 2 + 1,)) + units + b"\0\0"


def encode_property(data_type: int, value: Value) -> bytes:
    return _encode_text(value) if isinstance(value, str) and value else encode_value(data_type, value)


def _size(state: CameraState, node: Node) -> int:
    return node.size if isinstance(node, File) else 0


OBJECT_PROPERTIES: dict[int, tuple[int, Callable[[CameraState, Node], Value]]] = {
    ObjectProperty.StorageID: (DataType.UINT32, lambda state, node: node.store.id),
    ObjectProperty.ObjectFormat: (DataType.UINT16, object_format),
    ObjectProperty.ProtectionStatus: (DataType.UINT16, lambda state, node: int(node.protected)),
    ObjectProperty.ObjectSize: (DataType.UINT64, _size),
    ObjectProperty.ObjectFileName: (DataType.STRING, lambda state, node: node.name),
    ObjectProperty.DateCreated: (DataType.STRING, lambda state, node: _date(node.modified)),
    ObjectProperty.DateModified: (DataType.STRING, lambda state, node: _date(node.modified)),
    ObjectProperty.ParentObject: (DataType.UINT32, _parent),
    ObjectProperty.PersistentUniqueObjectIdentifier: (
        DataType.UINT128,
        lambda state, node: node.store.id << 32 | node.handle,
    ),
    ObjectProperty.Name: (DataType.STRING, lambda state, node: node.name),
}
"""Data type and value of each object property."""


def object_property(state: CameraState, node: Node, code: int) -> tuple[int, Value]:
    """Return the data type and the value of one of an object's properties."""
    data_type, value = OBJECT_PROPERTIES[code]
    if code == ObjectProperty.ObjectSize and state.quirks.size_type != DataType.UINT64 and isinstance(node, File):
        width, _ = INTEGER_TYPES[state.quirks.size_type]
        return state.quirks.size_type, _claimed_size(state, node, object_format(state, node)) % (1 << 8 * width)
    return data_type, value(state, node)
