"""What is wrong with an emulated camera: quirks, which it always has, and faults, which happen a number of times.

Tests set both, also while the camera runs. Each is something that a real camera has done or that a broken one might do
(camfs/virtual/README.md, "What an emulated PTP camera does").
"""

from dataclasses import dataclass, field, fields
from enum import Enum

from camfs.protocols.ptp.codes import DataType, ResponseCode


class PastEnd(Enum):
    """What a partial read does that begins at the end of its object or behind it."""

    REFUSED = "InvalidParameter"
    EMPTY = "OK and no bytes"
    HANGS = "no answer, until Cancel or DeviceReset"


class ClaimedSizes(Enum):
    """What ObjectInfo says of the size of anything but a still picture, in its 32 bits."""

    TRUE = "the size, or all ones from 4 GiB - 1 on"
    ZERO = "0 (EOS M50 II, of large movies)"
    MODULO = "the size modulo 4 GiB (umtp-responder)"
    ONES = "all ones"
    SMALL = "half the size"


class PartialReads(Enum):
    """What partial reads do, those of all operations."""

    WORK = "give what was asked for"
    REFUSED = "InvalidParameter"
    SILENT_INSIDE = "no answer, until Cancel or DeviceReset, except at the beginning of an object"
    SILENT_AT_FULL_PACKET = "no answer where it would fill its last packet (Samsung)"


@dataclass
class Quirks:
    """How a camera differs from the standard, or from other cameras where the standard leaves a choice.

    Attributes:
        zero_length_packets: end a data container whose length is a multiple of the packet size with an empty packet, as required.
        split_header: send the data header in a transfer of its own (Android, Microsoft).
        joined_response: send the response in the transfer of the data.
        surplus: number of meaningless bytes behind a data container, in its transfer; 0 to 11 (seen on a music player).
        zero_data_header: send 0 as code and transaction id of data headers (Creative).
        zero_close_response: answer CloseSession with transaction id 0 (Leica).
        consecutive_ids: refuse a transaction id that is not the last one + 1; otherwise only one that is not newer.
        any_opening_id: accept OpenSession with any transaction id, where the standard has 0, and any id after it (SIGMA fp).
        busy_after_cancel: number of GetDeviceStatus replies after a Cancel that say DeviceBusy.
        cancel_ends_transfer: end the open transfer of a cancelled transaction with an empty packet; otherwise it just stops.
        ignores_parent: GetObjectHandles gives all objects of the store, whatever parent was asked for.
        own_parent: objects in a root folder name themselves as their parent (EOS).
        storage_parent: objects in a root folder name the storage id as their parent (Apple).
        format_filter: GetObjectHandles can filter by format; otherwise SpecificationByFormatUnsupported.
        past_end: what a partial read at the end or behind it does.
        max_partial: most bytes that a partial read gives; None for no limit.
        partial_reads: what partial reads do.
        claimed_sizes: what ObjectInfo says of sizes.
        size_type: type of the property ObjectSize; of fewer than 64 bits, its value is that of ObjectInfo.
        tells_lengths: GetObject announces how many bytes it sends; otherwise the data only end.
        deletes_folders: DeleteObject on a folder deletes what is in it, too; otherwise it answers PartialDeletion and deletes nothing.
        reports_own_changes: events also report what the host itself deleted or set.
        unknown_parent: objects in a root folder name a parent that is no object (iPhone, libgphoto2 issue 1254).
        lists_slots: GetStorageIDs lists every slot by an id whose low half is 0, also those with cards (Lumix, libgphoto2 issue 1243).
        lists_absent_stores: GetStorageIDs still lists a store whose card was removed (SIGMA fp).
        vendor_is_silent: vendor operations before ConfigApi get no response at all, rather than a refusal (SIGMA fp).
        events: whether events are sent; the SIGMA fp lists ten and never sends one.
    """

    zero_length_packets: bool = True
    split_header: bool = False
    joined_response: bool = False
    surplus: int = 0
    zero_data_header: bool = False
    zero_close_response: bool = False
    consecutive_ids: bool = False
    any_opening_id: bool = False
    busy_after_cancel: int = 1
    cancel_ends_transfer: bool = True
    ignores_parent: bool = False
    own_parent: bool = False
    storage_parent: bool = False
    unknown_parent: bool = False
    format_filter: bool = True
    past_end: PastEnd = PastEnd.REFUSED
    max_partial: int | None = None
    partial_reads: PartialReads = PartialReads.WORK
    claimed_sizes: ClaimedSizes = ClaimedSizes.TRUE
    size_type: DataType = DataType.UINT64
    tells_lengths: bool = True
    deletes_folders: bool = True
    reports_own_changes: bool = True
    lists_slots: bool = False
    lists_absent_stores: bool = False
    vendor_is_silent: bool = False
    events: bool = True


SWITCHES = tuple(quirk.name for quirk in fields(Quirks) if quirk.default is False)
"""The names of the quirks that most cameras have not, and that are switched on."""


class FaultKind(Enum):
    """What happens to a transaction. Bytes are counted from the start of the answer, headers included."""

    REFUSE = "answers `code` and does nothing else; DeviceBusy is the usual one"
    LOSE_SESSION = "closes the session before the operation"
    DELAY = "waits `seconds` before it answers"
    NO_ANSWER = "does the operation and never answers; the next transaction works"
    STALE_RESPONSE = "first sends a response to the transaction before"
    STALE_DATA = "first sends a data container and a response to the transaction before"
    NEWER_RESPONSE = "first sends a response to a transaction that has not been requested yet"
    GARBAGE = "sends `data` instead of the whole answer"
    BAD_DATASET = "sends `data` instead of the payload, in a correct container"
    STALL = "halts both bulk pipes instead of sending byte `at`; sends the rest when the halts are cleared"
    ABORT = "cancels: sends CancelTransaction and halts both bulk pipes instead of sending byte `at`; the transaction is over"
    STOP = "sends nothing from byte `at` on, and takes nothing until Cancel or DeviceReset"
    CUT = "ends the data before byte `at` and answers `code`"


@dataclass
class Fault:
    """A fault that will happen.

    Attributes:
        kind: what happens.
        operation: only in transactions with this operation; None for any.
        parameter: only in transactions with this first parameter (usually an object handle); None for any.
        skip: number of such transactions that pass unharmed first.
        times: how many times it happens; None for always.
        at: byte of the answer, header included: 12 + n is byte n of the payload.
        code: response code.
        parameters: of that response, where data are cut: a camera may count more bytes than it has sent.
        data: bytes to send; if empty, some that mean nothing.
        seconds: how long.
        fired: how many times it has happened.
    """

    kind: FaultKind
    operation: int | None = None
    parameter: int | None = None
    skip: int = 0
    times: int | None = 1
    at: int = 0
    code: int = ResponseCode.GeneralError
    parameters: tuple[int, ...] = ()
    data: bytes = b""
    seconds: float = 0
    fired: int = field(default=0)

    def happens(self, operation: int, parameters: tuple[int, ...]) -> bool:
        """Count a transaction, and say whether the fault happens in it."""
        if self.operation not in (None, operation) or self.parameter not in (None, *parameters[:1]):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None and self.fired >= self.times:
            return False
        self.fired += 1
        return True
