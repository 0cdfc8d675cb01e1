"""The other payloads: capture status, picture and movie records, picture data, view frame, status and ConfigApi's reply.

All little endian. Capture status and SnapCommand are framed as the groups are, but without a mask; GetCamStatus2 and ConfigApi's reply are
IFDs; the others have neither sum nor tags. Offsets in a record count from the start of the payload. Sources, in this order:
camfs/protocols/sigma/README.md, "Capture status";
camfs/protocols/sigma/README.md, "PictFileInfo2, GetBigPartialPictFile, ClearImageDBSingle";
camfs/protocols/sigma/README.md, "Movies"; camfs/protocols/sigma/README.md, "View frames";
camfs/protocols/sigma/README.md, "GetCamStatus2"; camfs/protocols/sigma/README.md, "Encoding B: the IFD".
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.sigma.codes import IMAGE_IDS, MAX_PICTURE
from camfs.protocols.sigma.groups import sum_of
from camfs.protocols.sigma.ifd import IfdEntry, IfdType, decode_ifd, encode_ifd
from camfs.protocols.text import decode_text

_CAPTURE_STATUS = struct.Struct("<BBBBHB")
"""Everything before the sum."""


def _pack(form: struct.Struct, what: str, *values: int | bytes) -> bytes:
    """Pack our own numbers.

    Raises:
        LocalProtocolError: a number does not fit.
    """
    try:
        return form.pack(*values)
    except struct.error:
        raise LocalProtocolError(f"{what} cannot be {values}") from None


@dataclass(frozen=True)
class CaptureStatus:
    """GetCamCaptStatus, 8 bytes.

    `head` and `tail` are the same whatever id is asked about; the entries that wait are those from `head` up to but without `tail`, modulo
    29. `state` (a `codes.CaptureState`) and `destination` (a `codes.Destination`) are those of the entry `image_id`.
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
            LocalProtocolError: a number does not fit.
        """
        numbers = (self.image_id, self.head, self.tail, self.state, self.destination)
        data = _pack(_CAPTURE_STATUS, "capture status", _CAPTURE_STATUS.size - 1, *numbers)
        return data + bytes((sum_of(data),))

    @classmethod
    def decode(cls, payload: bytes | memoryview) -> "CaptureStatus":
        """Decode; all three ids must be below 29.

        Raises:
            RemoteProtocolError: length, sum or an id is wrong.
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
    """SnapCommand's payload, 4 bytes; `mode` is one of `codes.SnapMode`, `amount` the number of pictures."""

    mode: int
    amount: int = 1

    def encode(self) -> bytes:
        """Encode.

        Raises:
            LocalProtocolError: a number does not fit.
        """
        data = _pack(_SNAP, "snap", _SNAP.size - 1, self.mode, self.amount)
        return data + bytes((sum_of(data),))

    @classmethod
    def decode(cls, payload: bytes | memoryview) -> "Snap":
        """Decode as leniently as the camera does: mode and amount are at offsets 1 and 2, whatever the rest is.

        Raises:
            RemoteProtocolError: the payload ends before them.
        """
        if len(payload) < _SNAP.size:
            raise RemoteProtocolError(f"snap of {len(payload)} bytes")
        return cls(payload[1], payload[2])


CLEAR = bytes(8)
"""The payload of ClearImageDBSingle: the camera accepts any length, and this is what the PTP notes show."""

CLOSE = bytes(10)
"""The payload of CloseApplication."""


@dataclass(frozen=True)
class Picture:
    """A record of GetPictFileInfo2.

    Attributes:
        address: where the camera's memory holds the file, for GetBigPartialPictFile. The camera uses it again for later shots.
        path: the folder's name, as the camera sent it.
        name: the file's, as the camera sent it: only its last component may be used.
        padding: what stands behind the record's texts, up to a multiple of 4. It means nothing, and is not always zero.
    """

    address: int
    size: int
    path: str
    name: str
    format: str
    width: int
    height: int
    padding: bytes = field(default=b"", compare=False)


_PICTURES = struct.Struct("<II")
_PICTURE = struct.Struct("<IIII4sHH")


def decode_pictures(payload: bytes | memoryview) -> tuple[Picture, ...]:
    """Decode GetPictFileInfo2: any number of records, by the table of their offsets. A reply of 8 bytes has none.

    Raises:
        RemoteProtocolError: the payload is malformed, or a size is beyond `MAX_PICTURE`.
    """
    data = bytes(payload)
    if len(data) == _PICTURES.size:  # nothing waits; no source says what these 8 bytes are
        return ()
    length, count = _unpack_at(_PICTURES, data, 0)
    if length != len(data) - 4 or count > IMAGE_IDS:
        raise RemoteProtocolError(f"picture records of {len(data)} bytes: DataLength {length}, {count} files")
    offsets = _unpack_at(struct.Struct(f"<{count}I"), data, _PICTURES.size)
    ends = sorted((*offsets, len(data)))
    return tuple(_picture_at(data, at, next((end for end in ends if end > at), len(data))) for at in offsets)


def _picture_at(data: bytes, offset: int, following: int) -> Picture:
    """Decode the record at an offset; `following` is where the next record begins, or the payload ends."""
    address, size, path, name, code, width, height = _unpack_at(_PICTURE, data, offset)
    if size > MAX_PICTURE:
        raise RemoteProtocolError(f"picture record at {offset}: a picture of {size} bytes")
    texts = _text_at(data, path), _text_at(data, name)
    padding = data[name + len(texts[1]) + 1 : following]
    return Picture(address, size, *texts, decode_text(code), width, height, padding if len(padding) < 4 else b"")


def encode_pictures(pictures: tuple[Picture, ...]) -> bytes:
    """Encode as the camera does: each record is followed by its texts, and by its padding up to a multiple of 4.

    A padding that does not fit there is replaced by zeros.

    Raises:
        LocalProtocolError: a number or a text does not fit.
    """
    offset = _PICTURES.size + 4 * len(pictures)
    offsets, records = [], b""
    for picture in pictures:
        offsets.append(offset)
        path = offset + _PICTURE.size
        texts = _text_field(picture.path)
        name = path + len(texts)
        texts += _text_field(picture.name)
        kind = _text_field(picture.format, 4)
        numbers = picture.address, picture.size, path, name, kind, picture.width, picture.height
        padding = picture.padding if len(picture.padding) == -len(texts) % 4 else bytes(-len(texts) % 4)
        record = _pack(_PICTURE, "picture record", *numbers) + texts + padding
        records += record
        offset += len(record)
    body = struct.pack(f"<I{len(offsets)}I", len(offsets), *offsets) + records
    return len(body).to_bytes(4, "little") + body


_MOVIES = struct.Struct("<QQ")
_MOVIE = struct.Struct("<8sQQQ")


@dataclass(frozen=True)
class Movie:
    """The record of GetMovieFileInfo: a take of format `MOV`."""

    format: str
    size: int
    path: str
    name: str


def decode_movie(payload: bytes | memoryview) -> Movie | None:
    """Decode GetMovieFileInfo; None for no movie. If there are several, the first: no source has seen more than one.

    Raises:
        RemoteProtocolError: the payload is malformed.
    """
    data = bytes(payload)
    _, count = _unpack_at(_MOVIES, data, 0)  # DataLength does not matter: by some sources it is 0 if there is no movie
    if not count:
        return None
    (offset,) = _unpack_at(struct.Struct("<Q"), data, _MOVIES.size)
    code, size, path, name = _unpack_at(_MOVIE, data, offset)
    return Movie(decode_text(code), size, _text_at(data, path), _text_at(data, name))


def encode_movie(movie: Movie | None) -> bytes:
    """Encode as the camera does: DataLength counts the whole payload, nothing pads it, and no movie is a payload without records.

    Raises:
        LocalProtocolError: a number or a text does not fit.
    """
    if movie is None:
        return _MOVIES.pack(_MOVIES.size, 0)
    offset = _MOVIES.size + 8
    path = offset + _MOVIE.size
    texts = _text_field(movie.path)
    name = path + len(texts)
    texts += _text_field(movie.name)
    record = _pack(_MOVIE, "movie record", _text_field(movie.format, 8), movie.size, path, name)
    body = struct.pack("<QQ", 1, offset) + record + texts
    return (8 + len(body)).to_bytes(8, "little") + body


def _unpack_at(form: struct.Struct, data: bytes, offset: int) -> tuple[Any, ...]:
    """Unpack what lies at an offset.

    Raises:
        RemoteProtocolError: it does not lie within the data.
    """
    if offset + form.size > len(data):
        raise RemoteProtocolError(f"record of {len(data)} bytes ends within {form.size} at {offset}")
    return form.unpack_from(data, offset)


def _text_at(data: bytes, offset: int) -> str:
    """Return the text from an offset to its NUL.

    Raises:
        RemoteProtocolError: there is no NUL.
    """
    end = data.find(b"\0", offset) if offset <= len(data) else -1
    if end < 0:
        raise RemoteProtocolError(f"record of {len(data)} bytes without the text at {offset}")
    return data[offset:end].decode("latin-1")


def _text_field(text: str, size: int = 0) -> bytes:
    """Return a text and a NUL, or filled up with NULs to `size` bytes.

    Raises:
        LocalProtocolError: the text does not fit, or is not Latin-1.
    """
    try:
        data = text.encode("latin-1")
    except UnicodeError:
        data = b"\0"
    if b"\0" in data or (size and len(data) > size):
        raise LocalProtocolError(f"a record cannot hold {text!r}")
    return data.ljust(size or len(data) + 1, b"\0")


def decode_partial(payload: bytes | memoryview) -> memoryview:
    """Decode GetBigPartialPictFile: the bytes that AcquiredSize announces, without what may follow them.

    Raises:
        RemoteProtocolError: there are fewer bytes.
    """
    view = memoryview(payload)
    size = int.from_bytes(view[:4], "little")
    if len(view) < 4 + size or len(view) < 4:
        raise RemoteProtocolError(f"picture data of {len(view)} bytes with AcquiredSize {size}")
    return view[4 : 4 + size]


def encode_partial(data: bytes | memoryview, check: bool = True) -> bytes:
    """Encode, with the sum of all bytes behind them if `check` is set."""
    payload = len(data).to_bytes(4, "little") + data
    return payload + bytes((sum_of(payload),)) if check else payload


_VIEW_FRAME_HEAD = 10
"""Bytes before the JPEG, whose content is unknown."""
_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"


def decode_view_frame(payload: bytes | memoryview) -> bytes | None:
    """Decode GetViewFrame: the JPEG, from its SOI to the last EOI; None if there is none.

    A frame without EOI is returned as far as it goes.
    """
    data = bytes(payload)
    start = data.find(_SOI)
    if start < 0:
        return None
    end = data.rfind(_EOI, start + len(_SOI))
    return data[start : end + len(_EOI)] if end >= 0 else data[start:]


def encode_view_frame(jpeg: bytes) -> bytes:
    """Encode: ten zeros and the JPEG."""
    return bytes(_VIEW_FRAME_HEAD) + jpeg


@dataclass(frozen=True)
class ApiInfo:
    """ConfigApi's reply.

    Attributes:
        model: `SIGMA fp`.
        serial: 8 digits; the serial number in DeviceInfo has 16.
        firmware: a tag such as `V84`, not the version in the menu.
        version: of the API.
    """

    model: str
    serial: str
    firmware: str
    version: float

    def encode(self) -> bytes:
        """Encode.

        Raises:
            LocalProtocolError: a text does not fit.
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
            RemoteProtocolError: it is not a well-formed IFD.
        """
        values = {(entry.tag, entry.type): entry.value for entry in decode_ifd(payload)}
        model, serial, firmware = (str(values.get((tag, IfdType.STRING), "")) for tag in (1, 2, 3))
        version = values.get((5, IfdType.FLOAT32)) or (0.0,)
        return cls(model, serial, firmware, float(cast(tuple[float, ...], version)[0]))


_FIRST_OPCODE = 0x9000
"""Tags of GetCamStatus2 from here on are operation codes."""


@dataclass(frozen=True)
class CameraStatus:
    """GetCamStatus2.

    Attributes:
        changed: operation codes of the reads whose data have changed since the host last read them.
        nested: complete payloads by operation code, which a request with masks asks for.
    """

    changed: tuple[int, ...]
    nested: Mapping[int, bytes] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Encode; tag 1 holds the total less 1, as it does in all replies measured.

        Raises:
            LocalProtocolError: a code does not fit.
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
            RemoteProtocolError: it is not a well-formed IFD.
        """
        entries = decode_ifd(payload)
        changed = next((entry.integers for entry in entries if entry.tag == 4), None)
        nested = {
            entry.tag: entry.value
            for entry in entries
            if entry.tag >= _FIRST_OPCODE and entry.type is IfdType.ANY8 and isinstance(entry.value, bytes)
        }
        return cls(changed or (), nested)
