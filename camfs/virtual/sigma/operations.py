"""The table of the emulated fp's vendor operations: from a code to the handler that calls `SigmaFp`.

Which of them a real fp answers with empty data, without data, or never again: camfs/protocols/sigma/README.md, "Operation table".
"""

from collections.abc import Callable, Mapping

from camfs.errors import RemoteProtocolError
from camfs.protocols.ptp.codes import DataPhase, ResponseCode
from camfs.protocols.sigma.codes import NOT_INITIALISED, UNKNOWN_OPERATIONS, Hazard, SigmaOperation
from camfs.protocols.sigma.datasets import Dataset
from camfs.protocols.sigma.ifd import IfdEntry, IfdType, encode_ifd
from camfs.protocols.sigma.records import Snap
from camfs.virtual.ptp.calls import OK, Answer, Call, Handler
from camfs.virtual.ptp.refusal import Refusal
from camfs.virtual.ptp.state import CameraState
from camfs.virtual.sigma.behaviour import FIRMWARES
from camfs.virtual.sigma.fp import SigmaFp

EMPTY = Answer(b"")
"""A data phase without data."""


def _tethered(do: Callable[[SigmaFp, Call], Answer]) -> Handler:
    """Make a handler of an operation that works under remote control only; else it is refused, or not answered."""

    async def handle(state: CameraState, call: Call) -> Answer:
        return _early(state) or do(_fp(state), call)

    return handle


def _fp(state: CameraState) -> SigmaFp:
    assert state.sigma is not None
    return state.sigma


def _early(state: CameraState) -> Answer | None:
    """Return the answer to a vendor operation if it comes before ConfigApi; None if it comes after it."""
    if _fp(state).locked:
        return None
    if state.quirks.vendor_is_silent:
        return Answer(silent=True)
    raise Refusal(NOT_INITIALISED)


async def config_api(state: CameraState, call: Call) -> Answer:
    """0x9035; the parameter, if there is one, does not matter."""
    return Answer(_fp(state).configure())


async def get_view_frame(state: CameraState, call: Call) -> Answer:
    """0x902B."""
    return _early(state) or Answer(await _fp(state).view_frame())


def close_application(fp: SigmaFp, call: Call) -> Answer:
    """0x902F; its data do not matter."""
    fp.close()
    return OK


def _read(operation: SigmaOperation) -> Callable[[SigmaFp, Call], Answer]:
    return lambda fp, call: Answer(fp.read(operation))


def _write(dataset: Dataset) -> Callable[[SigmaFp, Call], Answer]:
    def write(fp: SigmaFp, call: Call) -> Answer:
        fp.write(dataset, call.payload)
        return OK

    return write


def snap_command(fp: SigmaFp, call: Call) -> Answer:
    """0x901B."""
    try:
        command = Snap.decode(call.payload)
    except RemoteProtocolError:
        raise Refusal(ResponseCode.GeneralError) from None
    fp.snap(command)
    return OK


def clear_image_db_single(fp: SigmaFp, call: Call) -> Answer:
    """0x901C: image id."""
    fp.clear(call.parameters[0])
    return OK


def _not_supported(fp: SigmaFp, call: Call) -> Answer:
    raise Refusal(ResponseCode.OperationNotSupported)


FLAG = encode_ifd((IfdEntry(1, IfdType.UINT8, (0,)),))
"""What 0x9039 answers; nobody knows what it means."""

_WITH_EMPTY_DATA = (0x9010, 0x9011, 0x901A, 0x9020, 0x9021, 0x9025, 0x9026, 0x902E)
"""Operations that the fp answers with an empty data phase."""

_WITHOUT_DATA = (0x901E, 0x901F, *range(0x903B, 0x9043))
"""Operations that the fp answers without a data phase."""

_DO: Mapping[int, Callable[[SigmaFp, Call], Answer]] = {
    **{code: lambda fp, call: EMPTY for code in _WITH_EMPTY_DATA},
    **{code: lambda fp, call: OK for code in _WITHOUT_DATA},
    **dict.fromkeys(UNKNOWN_OPERATIONS, _not_supported),
    **{dataset.reads: _read(dataset.reads) for dataset in Dataset},
    **{dataset.writes: _write(dataset) for dataset in Dataset},
    SigmaOperation.GetCamCanSetInfo5: _read(SigmaOperation.GetCamCanSetInfo5),
    SigmaOperation.GetCamCaptStatus: lambda fp, call: Answer(fp.capture_status(call.parameters[0])),
    SigmaOperation.SetCamClockAdj: lambda fp, call: OK,
    SigmaOperation.SnapCommand: snap_command,
    SigmaOperation.ClearImageDBSingle: clear_image_db_single,
    SigmaOperation.GetBigPartialPictFile: lambda fp, call: Answer(fp.partial(*call.parameters[:3])),
    SigmaOperation.GetCamStatus2: lambda fp, call: Answer(fp.status(*call.parameters[:2])),
    SigmaOperation.GetPictFileInfo2: lambda fp, call: Answer(fp.pictures()),
    SigmaOperation.CloseApplication: close_application,
    SigmaOperation.GetMovieFileInfo: lambda fp, call: Answer(fp.movie(call.parameters[0])),
    SigmaOperation.GetPartialMovieFile: lambda fp, call: Answer(fp.partial_movie(call.parameters)),
    SigmaOperation.Unnamed9039: lambda fp, call: Answer(FLAG),
    **{operation: lambda fp, call: fp.die() for operation in SigmaOperation if operation.hazard is Hazard.FATAL},
}

OPERATIONS: Mapping[int, Handler] = {
    **{code: _tethered(do) for code, do in _DO.items()},
    SigmaOperation.ConfigApi: config_api,
    SigmaOperation.GetViewFrame: get_view_frame,
}
"""By code, including those that the camera answers although it does not list them."""

DATA_OUT = frozenset(
    operation
    for operation in SigmaOperation
    if operation.data_phase is DataPhase.OUT and operation.hazard is not Hazard.FATAL
)
"""Operations that send data to the camera; the fatal ones are fatal without any."""

NAMES: Mapping[int, str] = {operation: operation.name for operation in SigmaOperation}

_NEW = {0x9034: (0x9038, 0x9039, 0x903A), 0x9431: (0x9432, 0x9433)}
"""What newer firmware lists behind an operation; see camfs/protocols/sigma/README.md, "Identity"."""


def of_firmware(listed: tuple[int, ...], firmware: str) -> tuple[int, ...]:
    """Return the operations that DeviceInfo lists with a firmware; `listed` are those of the oldest, which the PTP notes show."""
    if firmware == FIRMWARES[0]:
        return listed
    return tuple(each for code in listed for each in (code, *_NEW.get(code, ())))
