"""The exception tree: everything that can go wrong with a camera, its protocol or its cable.

::

    CameraError
    ├── TransportError                    the cable
    │   ├── DeviceGone                    unplugged, switched off            ENODEV
    │   ├── DeviceInUse                   another program has it             EBUSY
    │   ├── DeviceForbidden               no permission on its node          EACCES
    │   ├── TransferStalled               the endpoint has halted (USB)      EIO
    │   └── TransferTimeout               nothing came in time               ETIMEDOUT
    ├── ProtocolError                     the bytes                          EIO
    │   ├── LocalProtocolError            we were about to say nonsense
    │   └── RemoteProtocolError           the camera said nonsense
    └── Refused                           the camera said no; the session lives
        ├── NotFound                      ENOENT
        ├── StoreUnavailable              ENOMEDIUM
        ├── StoreFull                     ENOSPC
        ├── StoreReadOnly                 EROFS
        ├── AccessDenied                  EACCES
        ├── NotPermitted                  EPERM: no option allows it, or the camera ignored it
        ├── Busy                          EBUSY
        ├── NotSupported                  EOPNOTSUPP
        ├── NoData                        ENODATA: no thumbnail, no such property
        ├── TooLarge                      EFBIG: beyond what the camera's operations can address, or camfs shows
        ├── InvalidValue                  EINVAL
        ├── TransferCut                   EIO: the camera said OK, and had sent less than it announced
        ├── FocusFailed                   EAGAIN: autofocus found nothing; no picture was taken
        ├── BufferFull                    ENOBUFS: the camera has no room for another shot now
        ├── CaptureFailed                 EIO: the camera began and made no picture
        └── Ended                         ECANCELED: the user ended it, before all was done

The errnos are named here for the reader; `camfs.mount.errnos` has the table that the program uses. `Refused` itself, for codes that have no
class of their own, becomes EIO. After `Refused` the next transaction may follow at once. After any other error the wire may be out of
step, and whoever owns it must recover it before the next transaction.
"""


class CommandFailed(Exception):
    """The command cannot do what it was asked to do, for a reason that is not the camera's; the text is the line for the user."""


class CameraError(Exception):
    """Anything that went wrong with a camera."""


class TransportError(CameraError):
    """The link to the camera failed."""


class DeviceGone(TransportError):
    """The camera is unplugged or switched off; nothing that is sent on this transport will be answered any more."""


class DeviceInUse(TransportError):
    """Another process holds the device; the message names the process and the command that frees the device."""


class DeviceForbidden(TransportError):
    """The user may not open the device node."""


class TransferStalled(TransportError):
    """The endpoint has halted (USB STALL); the halt must be cleared before the endpoint is used again."""


class TransferTimeout(TransportError):
    """The camera did not send or accept bytes in time.

    Attributes:
        unfinished: how many of the last payload bytes that have come belong to a packet that did not come whole.
    """

    unfinished = 0


class ProtocolError(CameraError):
    """Bytes that the protocol does not allow."""


class LocalProtocolError(ProtocolError):
    """A message of ours that the protocol does not allow now; it was not sent."""


class RemoteProtocolError(ProtocolError):
    """The peer sent what the protocol does not allow; the codec that raised it is dead."""


class Refused(CameraError):
    """The camera answered with a failure.

    Attributes:
        code: the response code of the protocol (PTP: 0x2002 ...), or None where camfs itself refuses.
    """

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class NotFound(Refused):
    """No such object, store or folder on the camera."""


class StoreUnavailable(Refused):
    """The store is not there now: the card has been removed."""


class StoreFull(Refused):
    """No room left in the store."""


class StoreReadOnly(Refused):
    """The store cannot be changed."""


class AccessDenied(Refused):
    """The object or property is protected."""


class NotPermitted(Refused):
    """This needs an option that was not given, or the camera silently kept its old value."""


class Busy(Refused):
    """The camera is busy, and stayed so for as long as camfs waited."""


class NotSupported(Refused):
    """This camera cannot do that."""


class NoData(Refused):
    """The camera has no such data: the object has no thumbnail, or there is no such property."""


class TooLarge(Refused):
    """The bytes asked for lie beyond what the camera's operations can address, or the entries beyond those that camfs shows."""


class InvalidValue(Refused):
    """The camera does not accept this value."""


class TransferCut(Refused):
    """The camera ended the data before the length that it had announced, and then answered OK. What came is good as far as it goes.

    Attributes:
        sent: how many bytes the response says were sent, None if it does not say. If more, the bytes that are missing may be any.
    """

    sent: int | None = None


class FocusFailed(Refused):
    """Autofocus found nothing to focus on, so no picture was taken."""


class BufferFull(Refused):
    """The camera's buffer has no room for another shot now."""


class CaptureFailed(Refused):
    """The camera accepted the command and made no picture."""


class Ended(Refused):
    """The user ended a command before all of it was done."""
