"""The list of a body's own device properties: the replies to GetVendorPropCodes (0x90CA) and GetVendorCodes (0x9439).

Both begin with a u32 count. The codes are u16 in the one, u32 in the other, which also names properties that do not fit 16 bits; how those
are read is not known, so they are left out by whoever reads properties (camfs/protocols/nikon/README.md, "Properties").
"""

from collections.abc import Sequence

from camfs.errors import RemoteProtocolError


def decode_property_codes(data: bytes | memoryview, width: int) -> Sequence[int]:
    """Decode the codes, of `width` bytes each: 2 for 0x90CA, 4 for 0x9439.

    Raises:
        RemoteProtocolError: the list is longer than the reply.
    """
    data = bytes(data)
    count = int.from_bytes(data[:4], "little")
    if len(data) < 4 or len(data) - 4 < count * width:
        raise RemoteProtocolError(f"a list of {count} properties in {len(data)} bytes")
    return [int.from_bytes(data[at : at + width], "little") for at in range(4, 4 + count * width, width)]


def encode_property_codes(codes: Sequence[int], width: int) -> bytes:
    """Encode the codes."""
    return len(codes).to_bytes(4, "little") + b"".join(code.to_bytes(width, "little") for code in codes)
