"""The table of the emulated body's vendor operations: from a code to the handler that calls `EosBody`."""

import struct
from collections.abc import Awaitable, Callable, Mapping
from typing import cast

import trio

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.canon_eos.codes import Button, CanonOperation, Record
from camfs.protocols.canon_eos.datasets import (
    DeviceInfoEx,
    ObjectEntry,
    PropertyWrite,
    encode_entries,
    encode_numbers,
)
from camfs.protocols.ptp.codes import ROOT, DataPhase, MakerOperation, Operation, ResponseCode
from camfs.virtual.canon_eos.behaviour import FOCUS
from camfs.virtual.canon_eos.body import EPOCH, EosBody
from camfs.virtual.pictures.contents import Content
from camfs.virtual.ptp import makers, operations
from camfs.virtual.ptp.calls import OK, Answer, Call, Handler, Slice
from camfs.virtual.ptp.descriptions import object_format
from camfs.virtual.ptp.refusal import Refusal
from camfs.virtual.ptp.state import CameraState
from camfs.virtual.ptp.store import File

LAST_LIST = (0, 1, 2, 4)
"""The list of unknown purpose, as a 60D has it; libgphoto2 2.5.30 does not accept an empty one."""

PADDING = bytes(2)
"""What follows a StorageInfo on a 60D."""


def eos(state: CameraState) -> EosBody:
    """Return the body of a camera that has one."""
    assert isinstance(state.maker, EosBody)
    return state.maker


def _tethered(do: Callable[[EosBody, Call], Answer | None]) -> Handler:
    """Make a handler of an operation that only a tethered body does."""

    async def handle(state: CameraState, call: Call) -> Answer:
        body = eos(state)
        body.require_tether()
        return do(body, call) or OK

    return handle


def _always(do: Callable[[EosBody, Call], Answer | None]) -> Handler:
    """Make a handler of an operation that the body does in any mode."""

    async def handle(state: CameraState, call: Call) -> Answer:
        body = eos(state)
        body.advance()
        return do(body, call) or OK

    return handle


def _then(follows: Callable[[], object] | None) -> Answer:
    return OK if follows is None else Answer(then=cast("Callable[[], Awaitable[None]]", follows))


# the card, in Canon's way


async def get_storage_ids(state: CameraState, call: Call) -> Answer:
    """0x9101, no parameters."""
    return Answer(encode_numbers(store.id if store.present else store.id & 0xFFFF0000 for store in state.stores))


async def get_storage_info(state: CameraState, call: Call) -> Answer:
    """0x9102: storage."""
    answer = await operations.get_storage_info(state, call)
    assert isinstance(answer.payload, bytes)
    return Answer(answer.payload + PADDING)


async def get_object_info_ex(state: CameraState, call: Call) -> Answer:
    """0x9109: storage, parent, 0x100000."""
    storage, parent, *_ = call.parameters
    nodes = state.listed(state.chosen_stores(storage), 0 if parent in (0, ROOT) else parent, deep=False)
    entries = []
    for node in nodes:
        if eos(state).is_hidden(node.handle):
            continue
        taken = 0 if node.modified is None else int((node.modified - EPOCH).total_seconds())
        entry = ObjectEntry(
            node.handle,
            node.store.id,
            object_format(state, node),
            node.size if isinstance(node, File) else 0,
            node.name,
            taken,
        )
        try:
            entry.encode()
        except LocalProtocolError:
            continue
        entries.append(entry)
    return Answer(encode_entries(entries))


def _content(state: CameraState, handle: int) -> Content | None:
    shot = eos(state).waiting.get(handle)
    return None if shot is None else shot.content


async def get_object_info(state: CameraState, call: Call) -> Answer:
    """0x1008: handle. Not of a shot that waits for the computer, nor of an object that was announced too early."""
    if eos(state).is_hidden(call.parameters[0]):
        raise Refusal(ResponseCode.InvalidObjectHandle)
    return await operations.get_object_info(state, call)


async def get_object(state: CameraState, call: Call) -> Answer:
    """0x1009, 0x9104: handle."""
    content = _content(state, call.parameters[0])
    if content is None:
        return await operations.get_object(state, call)
    return Answer(Slice(content, 0, content.size))


async def get_partial_object(state: CameraState, call: Call) -> Answer:
    """0x101B, 0x9107: handle, offset, largest number of bytes."""
    handle, offset, wanted, *_ = call.parameters
    content = _content(state, handle)
    if content is None:
        return await operations.get_partial_object(state, call)
    length = max(0, min(wanted, content.size - offset))
    return Answer(Slice(content, offset, length), (length,))


async def get_partial_object_64(state: CameraState, call: Call) -> Answer:
    """0x9172: handle, low half of the offset, largest number of bytes, high half of the offset."""
    handle, low, size, *_ = call.parameters
    if _content(state, handle) is not None:
        return await get_partial_object(state, Call((handle, low, size, 0, 0)))
    return await makers.canon_get_partial_object_64(state, call)


# the body


async def get_event(state: CameraState, call: Call) -> Answer:
    """0x9116, no parameters."""
    return Answer(eos(state).take_records())


def get_device_info_ex(body: EosBody, call: Call) -> Answer:
    """0x9108, no parameters."""
    records = tuple(sorted(int(code) for code in Record if code))
    return Answer(DeviceInfoEx(records, tuple(body.properties.values), LAST_LIST).encode())


def set_device_prop_value_ex(body: EosBody, call: Call) -> None:
    """0x9110; the data phase brings property and value."""
    try:
        write = PropertyWrite.decode(call.payload)
    except (RemoteProtocolError, struct.error):
        raise Refusal(ResponseCode.InvalidParameter) from None
    body.write(write.code, write.value)


def remote_release(body: EosBody, call: Call) -> Answer:
    """0x910F, no parameters: the response's parameter tells how it went."""
    try:
        if body.behaviour.failures[:1] == [FOCUS]:
            body.behaviour.failures.pop(0)
            return Answer(parameters=(1,))
        return _then(body.press(Button.BOTH, focuses=True))
    except Refusal as refusal:
        reason: dict[int, int] = {ResponseCode.StoreFull: 7, ResponseCode.StoreReadOnly: 8}
        return Answer(parameters=(reason.get(refusal.code, refusal.code),))


async def get_view_finder_data(state: CameraState, call: Call) -> Answer:
    """0x9153: size, 0, 0."""
    body = eos(state)
    body.require_tether()
    await trio.sleep(0.01)
    return Answer(body.view())


def set_remote_mode(body: EosBody, call: Call) -> None:
    body.set_remote_mode(call.parameters[0])


def set_event_mode(body: EosBody, call: Call) -> None:
    body.set_event_mode(call.parameters[0])


def keep_device_on(body: EosBody, call: Call) -> None:
    body.kept_on_at = trio.current_time()


def set_ui_lock(body: EosBody, call: Call) -> None:
    body.locked = True


def reset_ui_lock(body: EosBody, call: Call) -> None:
    body.locked = False


def _nothing(body: EosBody, call: Call) -> None:
    pass


OPERATIONS: Mapping[int, Handler] = {
    CanonOperation.CanonGetStorageIDs: get_storage_ids,
    CanonOperation.CanonGetStorageInfo: get_storage_info,
    CanonOperation.CanonGetObject: get_object,
    CanonOperation.CanonDeleteObject: operations.delete_object,
    CanonOperation.CanonGetPartialObject: get_partial_object,
    CanonOperation.GetDeviceInfoEx: _always(get_device_info_ex),
    CanonOperation.GetObjectInfoEx: get_object_info_ex,
    CanonOperation.GetThumbEx: operations.get_thumb,
    CanonOperation.RemoteRelease: _tethered(remote_release),
    CanonOperation.SetDevicePropValueEx: _tethered(set_device_prop_value_ex),
    CanonOperation.SetRemoteMode: _always(set_remote_mode),
    CanonOperation.SetEventMode: _always(set_event_mode),
    CanonOperation.GetEvent: get_event,
    CanonOperation.TransferComplete: _always(lambda body, call: body.transfer_complete(call.parameters[0])),
    CanonOperation.CancelTransfer: _always(lambda body, call: body.transfer_complete(call.parameters[0])),
    CanonOperation.PCHDDCapacity: _tethered(lambda body, call: body.note_capacity(call.parameters[1])),
    CanonOperation.SetUILock: _always(set_ui_lock),
    CanonOperation.ResetUILock: _always(reset_ui_lock),
    CanonOperation.KeepDeviceOn: _always(keep_device_on),
    CanonOperation.RequestDevicePropValue: _tethered(lambda body, call: body.request_value(call.parameters[0])),
    CanonOperation.RemoteReleaseOn: _tethered(
        lambda body, call: _then(body.press(call.parameters[0], focuses=not call.parameters[1]))
    ),
    CanonOperation.RemoteReleaseOff: _always(lambda body, call: _then(body.let_go(call.parameters[0]))),
    CanonOperation.MovieSelectSWOn: _tethered(lambda body, call: body.select_movies(True)),
    CanonOperation.MovieSelectSWOff: _tethered(lambda body, call: body.select_movies(False)),
    CanonOperation.SetRequestOLCInfoGroup: _always(_nothing),
    CanonOperation.GetViewFinderData: get_view_finder_data,
    CanonOperation.DoAf: _tethered(lambda body, call: body.autofocus()),
    CanonOperation.DriveLens: _tethered(lambda body, call: body.drive_lens(call.parameters[0])),
    CanonOperation.AfCancel: _always(_nothing),
    Operation.GetObjectInfo: get_object_info,
    Operation.GetObject: get_object,
    Operation.GetPartialObject: get_partial_object,
    MakerOperation.CanonGetPartialObject64: get_partial_object_64,
}

DATA_OUT = frozenset(operation for operation in CanonOperation if operation.data_phase is DataPhase.OUT)

NAMES: Mapping[int, str] = {operation: operation.name for operation in CanonOperation}
