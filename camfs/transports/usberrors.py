"""What the errors of pyusb and libusb become in camfs: one table, for whatever looks at the bus or moves bytes over it."""

from collections.abc import Mapping

import usb.backend.libusb1 as libusb
import usb.core

from camfs.errors import DeviceForbidden, DeviceGone, DeviceInUse, TransferStalled, TransferTimeout, TransportError

ERRORS: Mapping[int, type[TransportError]] = {
    libusb.LIBUSB_ERROR_IO: TransportError,
    libusb.LIBUSB_ERROR_INVALID_PARAM: TransportError,
    libusb.LIBUSB_ERROR_ACCESS: DeviceForbidden,
    libusb.LIBUSB_ERROR_NO_DEVICE: DeviceGone,
    libusb.LIBUSB_ERROR_NOT_FOUND: TransportError,
    libusb.LIBUSB_ERROR_BUSY: DeviceInUse,
    libusb.LIBUSB_ERROR_TIMEOUT: TransferTimeout,
    libusb.LIBUSB_ERROR_OVERFLOW: TransportError,
    libusb.LIBUSB_ERROR_PIPE: TransferStalled,
    libusb.LIBUSB_ERROR_INTERRUPTED: TransportError,
    libusb.LIBUSB_ERROR_NO_MEM: TransportError,
    libusb.LIBUSB_ERROR_NOT_SUPPORTED: TransportError,
    libusb.LIBUSB_ERROR_OTHER: TransportError,
}
"""What each of libusb's error codes becomes."""

PYUSB_ERRORS = (usb.core.USBError, NotImplementedError)
"""What pyusb raises, the second for LIBUSB_ERROR_NOT_SUPPORTED."""


def translated(error: Exception, doing: str) -> TransportError:
    """Return the exception of camfs for one of pyusb's.

    Args:
        error: a `USBError` or `NotImplementedError`.
        doing: what failed, for the message.
    """
    code = getattr(error, "backend_error_code", None)
    return ERRORS.get(code or 0, TransportError)(f"{doing}: {getattr(error, 'strerror', None) or error}")
