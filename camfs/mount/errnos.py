"""The errno of each failure: one table, and the exception for requests that make no sense for their node."""

import errno

from camfs import errors

ERRNOS: tuple[tuple[type[errors.CameraError], int], ...] = (
    (errors.DeviceGone, errno.ENODEV),
    (errors.DeviceInUse, errno.EBUSY),
    (errors.DeviceForbidden, errno.EACCES),
    (errors.TransferTimeout, errno.ETIMEDOUT),
    (errors.NotFound, errno.ENOENT),
    (errors.StoreUnavailable, errno.ENOMEDIUM),
    (errors.StoreFull, errno.ENOSPC),
    (errors.StoreReadOnly, errno.EROFS),
    (errors.AccessDenied, errno.EACCES),
    (errors.NotPermitted, errno.EPERM),
    (errors.Busy, errno.EBUSY),
    (errors.NotSupported, errno.EOPNOTSUPP),
    (errors.NoData, errno.ENODATA),
    (errors.TooLarge, errno.EFBIG),
    (errors.InvalidValue, errno.EINVAL),
    (errors.FocusFailed, errno.EAGAIN),
    (errors.BufferFull, errno.ENOBUFS),
    (errors.Ended, errno.ECANCELED),
    (errors.CameraError, errno.EIO),
)
"""The errno of each failure: the first row whose class it is."""


def errno_of(error: errors.CameraError) -> int:
    """Return the errno that a failure becomes."""
    return next(number for kind, number in ERRNOS if isinstance(error, kind))


class BadRequest(Exception):
    """A request that makes no sense for its node, such as opening a folder as a file. `.status` does not mention it: nothing has failed.

    Attributes:
        errno: the answer to the kernel.
    """

    def __init__(self, number: int) -> None:
        super().__init__(errno.errorcode[number])
        self.errno = number
