"""The other payloads: capture status, picture and movie records, picture data, view frame, status and ConfigApi's reply.

Reference sigma-fp, sections 5, 12 to 16. Little endian. Capture status and SnapCommand are framed as the groups are, but without a mask;
status and ConfigApi's reply are IFDs; the rest has neither check nor tags.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.sigma.codes import IMAGE_IDS, MAX_PICTURE
from camfs.protocols.sigma.groups import sum_of
from camfs.protocols.sigma.ifd import IfdEntry, IfdType, decode_ifd, encode_ifd

_CAPTURE_STATUS = struct.Struct("<BBBBHB")
"""All but the sum."""


def _pack(form: struct.Struct, what: str, *values: int | bytes) -> bytes:
    """Pack numbers of ours.

    Raises:
        LocalProtocolError: one does not fit.
    """
    try:
        return form.pack(*values)
    except struct.error:
        raise LocalProtocolError(f"{what} cannot be {values}") from None


@dataclass(frozen=True)
class CaptureStatus:
    """GetCamCaptStatus, 8 bytes (12.1). Entries that wait run from `head` up to before `tail`, modulo 29.

    `state` and `destination` (see `codes.CaptureState`, `codes.Destination`) are those of `image_id`; `head` and `tail` are the same
    whatever id is asked.
    """

    image_id: int
    head: int
    tail: int
    state: int = 0
    destination: int = 0

    def pending(self) -> tuple[int, ...]:
        """Return the ids of the entries that wait, in order."""
        return tuple((self.head + n) % IMAGE_IDS for n in range((self.tail - self.head) % IMAGE_IDS))

    def encode(self) -> bytes:
        """Encode.

        Raises:
            LocalProtocolError: a number that does not fit.
        """
        numbers = (self.image_id, self.head, self.tail, self.state, self.destination)
        data = _pack(_CAPTURE_STATUS, "capture status", _CAPTURE_STATUS.size - 1, *numbers)
        return data + bytes((sum_of(data),))

    @classmethod
    def decode(cls, payload: bytes | memoryview) -> "CaptureStatus":
        """Decode; ids are checked to be below 29.

        Raises:
            RemoteProtocolError: it does not add up.
        """
        data = bytes(payload)
        if len(data) != _CAPTURE_STATUS.size + 1 or data[0] != _CAPTURE_STATUS.size - 1:
            raise RemoteProtocolError(f"capture status of {len(data)} bytes: {data[:8].hex(' ')}")
        if data[-1] != sum_of(data[:-1]):
            raise RemoteProtocolError(f"sum of capture status is {sum_of(data[:-1]):#04x}, not {data[-1]:#04x}")
        _, image_id, head, tail, state, destination = _CAPTURE_STATUS.unpack_from(data)
        if max(image_id, head, tail) >= IMAGE_IDS:
            raise RemoteProtocolError(f"image database from {head} to {tail}, asked for {image_id}")
        return cls(image_id, head, tail, state, destination)


_SNAP = struct.Struct("<BBB")


@dataclass(frozen=True)
class Snap:
    """SnapCommand's payload, 4 bytes (12.3); `mode` is one of `codes.SnapMode`."""

    mode: int
    amount: int = 1

    def encode(self) -> bytes:
        """Encode.

        Raises:
            LocalProtocolError: a number that does not fit.
        """
        data = _pack(_SNAP, "snap", _SNAP.size - 1, self.mode, self.amount)
        return data + bytes((sum_of(data),))

    @classmethod
    def decode(cls, payload: bytes | memoryview) -> "Snap":
        """Decode leniently: mode and amount at offsets 1 and 2.

        Raises:
            RemoteProtocolError: it ends before them.
        """
        if len(payload) < _SNAP.size:
            raise RemoteProtocolError(f"snap of {len(payload)} bytes")
        return cls(payload[1], payload[2])


CLEAR = bytes(8)
"""The payload of ClearImageDBSingle (the seed's)."""

CLOSE = bytes(10)
"""The payload of CloseApplication."""


@dataclass(frozen=True)
class Picture:
    """A record of GetPictFileInfo2 (13.1). `path` and `name` as sent: only the last component of a name may be used."""

    address: int
    size: int
    path: str
    name: str
    format: str
    width: int
    height: int


_PICTURES = struct.Struct("<II")
_PICTURE = struct.Struct("<IIII4sHH")


def decode_pictures(payload: bytes | memoryview) -> tuple[Picture, ...]:
    """Decode GetPictFileInfo2: any number of records, by the offset table; none of an 8-byte shell.

    Raises:
        RemoteProtocolError: it does not add up, or a size is beyond `MAX_PICTURE`.
    """
    data = bytes(payload)
    if len(data) == _PICTURES.size:  # nothing waits; no source says what the shell holds
        return ()
    length, count = _take(_PICTURES, data, 0)
    if length != len(data) - 4 or count > IMAGE_IDS:
        raise RemoteProtocolError(f"picture records of {len(data)} bytes: DataLength {length}, {count} files")
    return tuple(_picture_at(data, at) for at in _take(struct.Struct(f"<{count}I"), data, _PICTURES.size))


def _picture_at(data: bytes, offset: int) -> Picture:
    address, size, path, name, code, width, height = _take(_PICTURE, data, offset)
    if size > MAX_PICTURE:
        raise RemoteProtocolError(f"picture record at {offset}: a picture of {size} bytes")
    return Picture(address, size, _text_at(data, path), _text_at(data, name), _text_of(code), width, height)


def encode_pictures(pictures: tuple[Picture, ...]) -> bytes:
    """Encode records as the camera lays them out: the records, then the texts, then zeros up to a multiple of 4.

    Raises:
        LocalProtocolError: a number or a text that does not fit.
    """
    records_start = _PICTURES.size + 4 * len(pictures)
    offsets = [records_start + n * _PICTURE.size for n in range(len(pictures))]
    texts_start = records_start + len(pictures) * _PICTURE.size
    records = texts = b""
    for picture in pictures:
        path = texts_start + len(texts)
        texts += _cell(picture.path)
        name = texts_start + len(texts)
        texts += _cell(picture.name)
        kind = _cell(picture.format, 4)
        records += _pack(
            _PICTURE, "picture record", picture.address, picture.size, path, name, kind, picture.width, picture.height
        )
    body = struct.pack(f"<I{len(offsets)}I", len(offsets), *offsets) + records + texts
    body += bytes(-len(body) % 4)
    return len(body).to_bytes(4, "little") + body


_MOVIES = struct.Struct("<QQ")
_MOVIE = struct.Struct("<8sQQQ")


@dataclass(frozen=True)
class Movie:
    """The record of GetMovieFileInfo (section 14), a take of format `MOV`."""

    format: str
    size: int
    path: str
    name: str


def decode_movie(payload: bytes | memoryview) -> Movie | None:
    """Decode GetMovieFileInfo; None for no movie. Of several the first: no source has seen more than one.

    Raises:
        RemoteProtocolError: the record lies outside of it.
    """
    data = bytes(payload)
    _, count = _take(_MOVIES, data, 0)  # what DataLength counts is not known
    if not count:
        return None
    (offset,) = _take(struct.Struct("<Q"), data, _MOVIES.size)
    code, size, path, name = _take(_MOVIE, data, offset)
    return Movie(_text_of(code), size, _text_at(data, path), _text_at(data, name))


def encode_movie(movie: Movie | None) -> bytes:
    """Encode; 16 zero bytes for no movie.

    DataLength and padding follow GetPictFileInfo2: what comes behind the length, a multiple of the word.

    Raises:
        LocalProtocolError: a number or a text that does not fit.
    """
    if movie is None:
        return bytes(_MOVIES.size)
    offset = _MOVIES.size + 8
    path = offset + _MOVIE.size
    texts = _cell(movie.path)
    name = path + len(texts)
    texts += _cell(movie.name)
    record = _pack(_MOVIE, "movie record", _cell(movie.format, 8), movie.size, path, name)
    body = struct.pack("<QQ", 1, offset) + record + texts
    body += bytes(-len(body) % 8)
    return len(body).to_bytes(8, "little") + body


def _take(form: struct.Struct, data: bytes, offset: int) -> tuple[Any, ...]:
    """Unpack what lies at an offset.

    Raises:
        RemoteProtocolError: it lies outside, or partly.
    """
    if offset + form.size > len(data):
        raise RemoteProtocolError(f"record of {len(data)} bytes ends within {form.size} at {offset}")
    return form.unpack_from(data, offset)


def _text_of(cell: bytes) -> str:
    """Return the text of a cell, up to its first NUL; Latin-1, so that no byte is lost."""
    return cell.split(b"\0", 1)[0].decode("latin-1")


def _text_at(data: bytes, offset: int) -> str:
    """Return the text from an offset to its NUL.

    Raises:
        RemoteProtocolError: there is none.
    """
    end = data.find(b"\0", offset) if offset <= len(data) else -1
    if end < 0:
        raise RemoteProtocolError(f"record of {len(data)} bytes without the text at {offset}")
    return data[offset:end].decode("latin-1")


def _cell(text: str, size: int = 0) -> bytes:
    """Return a text with its NUL, or filled up with NULs to `size` bytes.

    Raises:
        LocalProtocolError: it does not fit.
    """
    try:
        data = text.encode("latin-1")
    except UnicodeError:
        data = b"\0"
    if b"\0" in data or (size and len(data) > size):
        raise LocalProtocolError(f"a record cannot hold {text!r}")
    return data.ljust(size or len(data) + 1, b"\0")


def decode_partial(payload: bytes | memoryview) -> memoryview:
    """Decode GetBigPartialPictFile: the bytes that AcquiredSize announces, without what follows them (13.2).

    Raises:
        RemoteProtocolError: there are fewer.
    """
    view = memoryview(payload)
    size = int.from_bytes(view[:4], "little")
    if len(view) < 4 + size or len(view) < 4:
        raise RemoteProtocolError(f"picture data of {len(view)} bytes with AcquiredSize {size}")
    return view[4 : 4 + size]


def encode_partial(data: bytes | memoryview, check: bool = True) -> bytes:
    """Encode; with `check`, the sum of all before behind it."""
    payload = len(data).to_bytes(4, "little") + data
    return payload + bytes((sum_of(payload),)) if check else payload


_VIEW_FRAME_HEAD = 10
"""Bytes before the JPEG, of unknown content."""
_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"


def decode_view_frame(payload: bytes | memoryview) -> bytes | None:
    """Decode GetViewFrame: the JPEG from its SOI to its end; None if there is none (section 15).

    Its end is the last EOI, whatever follows; a frame without one is returned as far as it goes.
    """
    data = bytes(payload)
    start = data.find(_SOI)
    if start < 0:
        return None
    end = data.rfind(_EOI, start + len(_SOI))
    return data[start : end + len(_EOI)] if end >= 0 else data[start:]


def encode_view_frame(jpeg: bytes) -> bytes:
    """Encode: ten zero bytes and the JPEG."""
    return bytes(_VIEW_FRAME_HEAD) + jpeg


@dataclass(frozen=True)
class ApiInfo:
    """ConfigApi's reply (section 5).

    Attributes:
        model: `SIGMA fp`.
        serial: 8 digits; DeviceInfo has 16.
        firmware: a tag such as `V84`.
        version: of the API, a 32-bit float.
    """

    model: str
    serial: str
    firmware: str
    version: float

    def encode(self) -> bytes:
        """Encode.

        Raises:
            LocalProtocolError: a text that does not fit.
        """
        return encode_ifd(
            (
                IfdEntry(1, IfdType.STRING, self.model),
                IfdEntry(2, IfdType.STRING, self.serial),
                IfdEntry(3, IfdType.STRING, self.firmware),
                IfdEntry(5, IfdType.FLOAT32, (self.version,)),
            )
        )

    @classmethod
    def decode(cls, payload: bytes | memoryview) -> "ApiInfo":
        """Decode; a missing entry is empty or 0.

        Raises:
            RemoteProtocolError: it does not add up.
        """
        values = {(entry.tag, entry.type): entry.value for entry in decode_ifd(payload)}
        model, serial, firmware = (str(values.get((tag, IfdType.STRING), "")) for tag in (1, 2, 3))
        version = values.get((5, IfdType.FLOAT32)) or (0.0,)
        return cls(model, serial, firmware, float(cast(tuple[float, ...], version)[0]))


_FIRST_OPCODE = 0x9000
"""Tags of GetCamStatus2 from here on are opcodes."""


@dataclass(frozen=True)
class CameraStatus:
    """GetCamStatus2 (section 16).

    Attributes:
        changed: opcodes of reads whose data the host has not fetched since they changed.
        nested: complete payloads by opcode, of a request with masks.
    """

    changed: tuple[int, ...]
    nested: Mapping[int, bytes] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Encode; tag 1 is what it is in the sizes measured, the total less 1.

        Raises:
            LocalProtocolError: a code that does not fit.
        """
        entries = (
            IfdEntry(2, IfdType.UINT16, (1,)),
            IfdEntry(3, IfdType.UINT16, (0,)),
            IfdEntry(4, IfdType.UINT16, self.changed),
            IfdEntry(5, IfdType.UINT16, ()),
            *(IfdEntry(opcode, IfdType.ANY8, payload) for opcode, payload in self.nested.items()),
        )
        total = len(encode_ifd((IfdEntry(1, IfdType.UINT32, (0,)), *entries)))
        return encode_ifd((IfdEntry(1, IfdType.UINT32, (total - 1,)), *entries))

    @classmethod
    def decode(cls, payload: bytes | memoryview) -> "CameraStatus":
        """Decode.

        Raises:
            RemoteProtocolError: it does not add up.
        """
        entries = decode_ifd(payload)
        changed = next((entry.integers for entry in entries if entry.tag == 4), None)
        nested = {
            entry.tag: entry.value
            for entry in entries
            if entry.tag >= _FIRST_OPCODE and entry.type is IfdType.ANY8 and isinstance(entry.value, bytes)
        }
        return cls(changed or (), nested)
