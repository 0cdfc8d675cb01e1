"""What is wrong with an emulated camera: quirks, which it always has, and faults, which happen so many times and stop.

Both are for tests to set and to change while the camera runs; each is one that a real camera has shown (reference ptp, section 13)
or that a broken one may.
"""

from dataclasses import dataclass, field
from enum import Enum

from camfs.protocols.ptp.codes import ResponseCode


class PastEnd(Enum):
    """What a partial read does that begins at or behind the end of its object."""

    REFUSED = "InvalidParameter"
    EMPTY = "OK and no bytes"
    HANGS = "no answer, until Cancel or DeviceReset"


@dataclass
class Quirks:
    """How a camera differs from the standard, or from others where that leaves a choice.

    Attributes:
        zero_length_packets: end a data container of a multiple of the packet size with an empty packet, as one must.
        split_header: send the data header in a transfer of its own (Android, Microsoft).
        joined_response: send the response in the transfer of the data.
        surplus: bytes of nonsense behind a data container, in its transfer; 0 to 11 (seen on a player).
        zero_data_header: leave code and transaction id of data headers 0 (Creative).
        zero_close_response: answer CloseSession with transaction id 0 (Leica).
        consecutive_ids: refuse a transaction id that is not the last one + 1; else only one that is not newer.
        busy_after_cancel: GetDeviceStatus replies that say DeviceBusy after a Cancel.
        cancel_ends_transfer: end the open transfer of a cancelled transaction with an empty packet; else it just stops.
        ignores_parent: GetObjectHandles gives all objects of the store whatever the parent.
        own_parent: objects in a root say they are their own parent (EOS).
        storage_parent: objects in a root say that their parent is the storage id (Apple).
        format_filter: GetObjectHandles can choose by format; else SpecificationByFormatUnsupported.
        past_end: what a partial read at or behind the end does.
        max_partial: bytes that a partial read gives at most; None for no limit.
        deletes_folders: DeleteObject on a folder with children deletes them; else PartialDeletion and nothing is deleted.
        reports_own_changes: events tell of what the host itself deleted or set.
        lists_absent_stores: the id of a store whose card is out stays in GetStorageIDs (SIGMA fp).
        vendor_is_silent: vendor operations before ConfigApi get no reply at all, not even a refusal (SIGMA, reference 23.1).
        events: whether events are sent; the SIGMA fp lists ten and never sends one.
    """

    zero_length_packets: bool = True
    split_header: bool = False
    joined_response: bool = False
    surplus: int = 0
    zero_data_header: bool = False
    zero_close_response: bool = False
    consecutive_ids: bool = False
    busy_after_cancel: int = 1
    cancel_ends_transfer: bool = True
    ignores_parent: bool = False
    own_parent: bool = False
    storage_parent: bool = False
    format_filter: bool = True
    past_end: PastEnd = PastEnd.REFUSED
    max_partial: int | None = None
    deletes_folders: bool = True
    reports_own_changes: bool = True
    lists_absent_stores: bool = False
    vendor_is_silent: bool = False
    events: bool = True


class FaultKind(Enum):
    """What happens to a transaction. Bytes are counted over the whole answer, headers included."""

    REFUSE = "answers `code` and does nothing else; DeviceBusy is the usual one"
    LOSE_SESSION = "the session is closed before the operation"
    DELAY = "answers `seconds` later"
    NO_ANSWER = "does it and never answers; the next transaction works"
    STALE_RESPONSE = "a response of the transaction before comes first"
    STALE_DATA = "a data container and a response of the transaction before come first"
    NEWER_RESPONSE = "a response of a transaction that was not asked for yet comes first"
    GARBAGE = "`data` in place of the whole answer"
    BAD_DATASET = "`data` in place of the payload, in a faultless container"
    STALL = "halts both bulk pipes in place of byte `at`; the rest follows when the halts are cleared"
    ABORT = "the camera cancels: event CancelTransaction, both bulk pipes halted in place of byte `at`, the transaction is over"
    STOP = "sends no more from byte `at` on, and takes nothing until Cancel or DeviceReset"
    CUT = "ends the data early, in place of byte `at`, and answers `code`"


@dataclass
class Fault:
    """A fault to happen.

    Attributes:
        kind: what happens.
        operation: in transactions of this operation only; None for any.
        parameter: in transactions with this first parameter only (an object handle, mostly); None for any.
        skip: let so many of them pass first.
        times: happen so many times; None for always.
        at: byte of the answer, header included; with 12 + n the payload stops at its byte n.
        code: response code.
        data: bytes to send; random looking ones if empty.
        seconds: how long.
        fired: how often it has happened.
    """

    kind: FaultKind
    operation: int | None = None
    parameter: int | None = None
    skip: int = 0
    times: int | None = 1
    at: int = 0
    code: int = ResponseCode.GeneralError
    data: bytes = b""
    seconds: float = 0
    fired: int = field(default=0)

    def happens(self, operation: int, parameters: tuple[int, ...]) -> bool:
        """Count a transaction and say whether the fault happens to it."""
        if self.operation not in (None, operation) or self.parameter not in (None, *parameters[:1]):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None and self.fired >= self.times:
            return False
        self.fired += 1
        return True
