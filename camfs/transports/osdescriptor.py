"""The Microsoft OS descriptor of a USB device, by which it may say that it speaks MTP.

`camfs.transports.mtp` says who may be asked, since asking can do harm. Facts: camfs/protocols/ptp/README.md, "Microsoft OS descriptor".
"""

import logging
import struct
from typing import Any

import usb.util

from camfs.errors import DeviceForbidden
from camfs.transports.usberrors import PYUSB_ERRORS, translated

log = logging.getLogger(__name__)

PATIENCE = 500
"""Milliseconds that an answer may take."""

GET_DESCRIPTOR, STRING, OS_STRING = 6, 3, 0xEE
DEVICE_IN, VENDOR_IN = 0x80, 0xC0
"""bmRequestType of a standard and of a vendor request to the device."""
COMPATIBLE_IDS = 4
"""wIndex of the request for the compatible ids."""

_OS_STRING = struct.Struct("<BB14sBx")
_HEADER = struct.Struct("<IHHB7x")
_FUNCTION = struct.Struct("<Bx8s8s6x")
_SIGNATURE = "MSFT100".encode("utf-16-le")
_MOST_FUNCTIONS = 10

_answers: dict[tuple[int, int, int, int], int | None] = {}
"""What devices answered, by bus, address and ids: an address is given anew each time that something is plugged in."""


def ask(device: Any) -> int | None:
    """Ask a device, once as long as it is plugged in, for its OS descriptor. Blocks.

    Args:
        device: pyusb's; it is closed again.

    Returns:
        The number of its MTP interface; None if it has none, or does not answer.

    Raises:
        DeviceForbidden: no permission on its node.
    """
    key = (device.bus, device.address, device.idVendor, device.idProduct)
    if key not in _answers:
        _answers[key] = _ask(device)
    return _answers[key]


def _ask(device: Any) -> int | None:
    try:
        string = bytes(device.ctrl_transfer(DEVICE_IN, GET_DESCRIPTOR, STRING << 8 | OS_STRING, 0, 18, PATIENCE))
        code = vendor_code(string)
        if code is None:
            return None
        size = _HEADER.size + _MOST_FUNCTIONS * _FUNCTION.size
        return mtp_interface(bytes(device.ctrl_transfer(VENDOR_IN, code, 0, COMPATIBLE_IDS, size, PATIENCE)))
    except PYUSB_ERRORS as error:
        failure = translated(error, f"{device.idVendor:04x}:{device.idProduct:04x}")
        if isinstance(failure, DeviceForbidden):
            raise DeviceForbidden(f"{failure}: no permission to ask it whether it speaks MTP") from error
        log.info("asking for the OS descriptor: %s", failure)
        return None
    finally:
        usb.util.dispose_resources(device)


def vendor_code(string: bytes) -> int | None:
    """Return the request by which a device gives its compatible ids, from its string 0xEE; None if that is no OS string."""
    if len(string) < _OS_STRING.size:
        return None
    _, kind, signature, code = _OS_STRING.unpack_from(string)
    return int(code) if kind == STRING and signature == _SIGNATURE else None


def mtp_interface(ids: bytes) -> int | None:
    """Return the number of the interface whose compatible id is MTP; None if there is none."""
    if len(ids) < _HEADER.size:
        return None
    _, _, index, count = _HEADER.unpack_from(ids)
    if index != COMPATIBLE_IDS:
        return None
    for at in range(_HEADER.size, len(ids) - _FUNCTION.size + 1, _FUNCTION.size)[:count]:
        number, compatible, _ = _FUNCTION.unpack_from(ids, at)
        if compatible.rstrip(b"\0") == b"MTP":
            return int(number)
    return None
