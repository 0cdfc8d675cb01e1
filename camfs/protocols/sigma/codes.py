"""The SIGMA fp's operation, response, capture status and command codes.

Where codes and names are from, and who found which operations harmless or dangerous: camfs/protocols/sigma/README.md,
"Operation table".
"""

from enum import Enum, IntEnum

from camfs.protocols.ptp.codes import DataPhase

SIGMA = "SIGMA"
"""The VendorExtensionDesc by which the camera is recognised: its extension id, 6, claims MTP, which it does not speak."""

NOT_INITIALISED = 0xA081
"""Response code: the body is not under remote control, because ConfigApi was not sent yet."""

CHECKSUM_ERROR = 0xA080
"""Response code that the vendor defines; no body was seen to send it."""

IMAGE_IDS = 29
"""How many ids the image database has: they run from 0 to 28 and then start again."""

MAX_PARTIAL = 0x0800_0000
"""Bytes that one GetBigPartialPictFile may ask for."""

MAX_PICTURE = 256 << 20
"""Bytes. A record that claims more was misread, and asking for that many hangs the camera."""


class Hazard(Enum):
    """What sending an operation may do to the body."""

    NONE = "none"
    GUARDED = "takes the camera off the bus unless its conditions hold"
    FATAL = "takes the camera off the bus"
    UNKNOWN = "no source has ever sent it"


class SigmaOperation(IntEnum):
    """The vendor operations. Those that the PTP notes have in parentheses are not in the fp's DeviceInfo."""

    data_phase: DataPhase
    hazard: Hazard

    def __new__(cls, code: int, data_phase: DataPhase, hazard: Hazard = Hazard.NONE) -> "SigmaOperation":
        member = int.__new__(cls, code)
        member._value_ = code
        member.data_phase = data_phase
        member.hazard = hazard
        return member

    GetCamConfig = 0x9010, DataPhase.IN
    GetCamStatus = 0x9011, DataPhase.IN
    GetCamDataGroup1 = 0x9012, DataPhase.IN
    GetCamDataGroup2 = 0x9013, DataPhase.IN
    GetCamDataGroup3 = 0x9014, DataPhase.IN
    GetCamCaptStatus = 0x9015, DataPhase.IN
    SetCamDataGroup1 = 0x9016, DataPhase.OUT
    SetCamDataGroup2 = 0x9017, DataPhase.OUT
    SetCamDataGroup3 = 0x9018, DataPhase.OUT
    SetCamClockAdj = 0x9019, DataPhase.OUT
    GetCamCanSetInfo = 0x901A, DataPhase.IN
    SnapCommand = 0x901B, DataPhase.OUT
    ClearImageDBSingle = 0x901C, DataPhase.OUT
    ClearImageDBAll = 0x901D, DataPhase.OUT, Hazard.FATAL
    GetPictFileInfo = 0x9020, DataPhase.IN
    GetPartialPictFile = 0x9021, DataPhase.IN
    GetBigPartialPictFile = 0x9022, DataPhase.IN
    GetCamDataGroup4 = 0x9023, DataPhase.IN
    SetCamDataGroup4 = 0x9024, DataPhase.OUT
    GetCamCanSetInfo2 = 0x9025, DataPhase.IN
    GetCamCanSetInfo3 = 0x9026, DataPhase.IN
    GetCamDataGroup5 = 0x9027, DataPhase.IN
    SetCamDataGroup5 = 0x9028, DataPhase.OUT
    GetCamDataGroup6 = 0x9029, DataPhase.IN
    SetCamDataGroup6 = 0x902A, DataPhase.OUT
    GetViewFrame = 0x902B, DataPhase.IN
    GetCamStatus2 = 0x902C, DataPhase.IN
    GetPictFileInfo2 = 0x902D, DataPhase.IN
    GetCamCanSetInfo4 = 0x902E, DataPhase.IN
    CloseApplication = 0x902F, DataPhase.OUT
    GetCamCanSetInfo5 = 0x9030, DataPhase.IN
    GetCamDataGroupFocus = 0x9031, DataPhase.IN
    SetCamDataGroupFocus = 0x9032, DataPhase.OUT
    GetCamDataGroupMovie = 0x9033, DataPhase.IN
    SetCamDataGroupMovie = 0x9034, DataPhase.OUT
    ConfigApi = 0x9035, DataPhase.IN
    GetMovieFileInfo = 0x9036, DataPhase.IN
    GetPartialMovieFile = 0x9037, DataPhase.IN, Hazard.GUARDED
    Unnamed9038 = 0x9038, DataPhase.IN, Hazard.FATAL
    Unnamed9039 = 0x9039, DataPhase.IN
    Unnamed903A = 0x903A, DataPhase.IN, Hazard.FATAL


UNKNOWN_OPERATIONS = frozenset(
    (*range(0x9401, 0x9406), *range(0x9411, 0x9415), *range(0x9421, 0x9425), 0x9431, 0x9432, 0x9433)
)
"""Listed by the fp or the fp L, and no source has ever sent them: only `.raw` does."""


class CaptureState(IntEnum):
    """CaptStatus of an entry of the image database; `words` are what messages say.

    See camfs/protocols/sigma/README.md, "Capture status".
    """

    words: str

    def __new__(cls, code: int, words: str) -> "CaptureState":
        member = int.__new__(cls, code)
        member._value_ = code
        member.words = words
        return member

    CLEARED = 0x0000, "nothing"
    SHOOTING = 0x0001, "shooting"
    SHOT = 0x0002, "shot, no image generated"
    GENERATING = 0x0004, "generating the image"
    GENERATED = 0x0005, "image generated"
    MOVIE_STOPPING = 0x0006, "stopping the movie"
    MOVIE_GENERATED = 0x0007, "movie generated"
    AF_SUCCEEDED = 0x8001, "autofocus succeeded"
    WHITE_BALANCE_TAKEN = 0x8002, "custom white balance taken"
    STORED = 0x8003, "image stored"
    ENDED = 0x8004, "ended without a picture"
    AF_FAILED = 0x6001, "autofocus failed"
    BUFFER_FULL = 0x6002, "the camera's buffer is full"
    WHITE_BALANCE_FAILED = 0x6003, "custom white balance failed"
    GENERATION_FAILED = 0x6004, "generating the image failed"
    FAILED = 0x6005, "the camera failed to take the picture"


def has_failed(state: int) -> bool:
    """Say whether a CaptStatus means that there will be no picture."""
    return state & 0xF000 == 0x6000 or state == CaptureState.ENDED


class SnapMode(IntEnum):
    """What SnapCommand does."""

    GENERAL = 1
    WITHOUT_AF = 2
    AF_DRIVE_ONLY = 3
    START_AF = 4
    STOP_AF = 5
    START_CAPTURE = 6
    STOP_CAPTURE = 7
    START_MOVIE_WITH_AF = 0x10
    START_MOVIE = 0x20
    STOP_MOVIE = 0x30


class Destination(IntEnum):
    """DestToSave of group 3: who keeps a shot. The host can fetch it whatever this says."""

    UNSET = 0
    CAMERA = 1
    COMPUTER = 2
    BOTH = 3
