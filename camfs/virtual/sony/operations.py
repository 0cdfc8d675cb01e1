"""What the emulated Sony answers: its own operations, and the standard ones that concern its card, which it hides, and its memory."""

import struct
from collections.abc import Callable, Mapping
from dataclasses import replace

from camfs.protocols.ptp.codes import ObjectFormat, ObjectHandle, Operation, ResponseCode, StorageID
from camfs.protocols.ptp.datasets import ObjectInfo, encode_handles
from camfs.protocols.ptp.values import encode_date_time
from camfs.protocols.sony.codes import DIRECT, LIVE_VIEW, NEXT_SHOT, Button, SonyOperation
from camfs.protocols.sony.datasets import AllProperties, ExtDeviceInfo
from camfs.protocols.sony.live_view import LiveViewFrame, encode_frame
from camfs.virtual.pictures import generated as pictures
from camfs.virtual.pictures.contents import Bytes
from camfs.virtual.ptp import operations
from camfs.virtual.ptp.calls import OK, Answer, Call, Handler, Slice
from camfs.virtual.ptp.refusal import Refusal
from camfs.virtual.ptp.state import CameraState
from camfs.virtual.sony import properties as own
from camfs.virtual.sony.body import SonyState, sony

PSEUDO_STORAGE = StorageID(0x00010001)

SURPLUS = 60_000
"""Properties that an awkward body announces and does not have."""

IN_MEMORY_STORAGE = StorageID(0x00010001)


def _remote(do: Callable[[SonyState, Call], Answer]) -> Handler:
    """Make a handler of an operation that needs the whole handshake."""

    async def handle(state: CameraState, call: Call) -> Answer:
        body = sony(state)
        if body.awkward.mtp:
            raise Refusal(ResponseCode.OperationNotSupported)
        body.require_remote()
        return do(body, call)

    return handle


async def connect(state: CameraState, call: Call) -> Answer:
    """0x9201: phase, 0, 0."""
    body = sony(state)
    if body.awkward.mtp:
        raise Refusal(ResponseCode.OperationNotSupported)
    body.connect(call.parameters[0])
    return Answer(bytes(8), then=body.press_in_time if call.parameters[0] == 3 else None)


async def get_ext_device_info(state: CameraState, call: Call) -> Answer:
    """0x9202: version. An older body knows the older version alone [choice]."""
    body = sony(state)
    if body.phase < 2:
        raise Refusal(ResponseCode.GeneralError)
    if call.parameters[0] == DIRECT and not body.awkward.modern:
        raise Refusal(ResponseCode.InvalidParameter)
    if body.awkward.empty >= 1:
        body.awkward.empty -= 1
        return Answer(b"")
    codes = [entry.code for entry in body.entries.values() if not entry.is_control]
    operations_and_events = (*SonyOperation, 0xC201, 0xC202, 0xC203)
    return Answer(ExtDeviceInfo(body.version, (*operations_and_events, *codes), tuple(Button)).encode())


def set_control_device_a(body: SonyState, call: Call) -> Answer:
    """0x9205: property; the data phase brings the value."""
    body.write(call.parameters[0], call.payload)
    return OK


def set_control_device_b(body: SonyState, call: Call) -> Answer:
    """0x9207: button, or property to step; the data phase brings what it is told."""
    code, data = call.parameters[0], call.payload
    if code == Button.ManualFocus:
        if len(data) != 2:
            raise Refusal(ResponseCode.InvalidDevicePropFormat)
        body.drive_focus(int.from_bytes(data, "little", signed=True))
    elif code in own.DIALS and code in body.entries:
        if len(data) not in (1, 2):
            raise Refusal(ResponseCode.InvalidDevicePropFormat)
        body.step(code, int.from_bytes(data, "little", signed=True))
    else:
        if len(data) != 2:
            raise Refusal(ResponseCode.InvalidDevicePropFormat)
        body.press(code, int.from_bytes(data, "little"))
    return OK


def get_all_device_prop_data(body: SonyState, call: Call) -> Answer:
    """0x9209, no parameters."""
    entries = body.told()
    announced = len(entries) + SURPLUS if body.awkward.long_lists else None
    return Answer(AllProperties(entries, announced).encode())


# the standard operations


async def get_storage_ids(state: CameraState, call: Call) -> Answer:
    """0x1004, no parameters."""
    body = sony(state)
    if body.awkward.mtp:
        return await operations.get_storage_ids(state, call)
    return Answer(encode_handles([PSEUDO_STORAGE] if body.awkward.pseudo else []))


async def get_object_handles(state: CameraState, call: Call) -> Answer:
    """0x1007: storage, format, parent."""
    if sony(state).awkward.mtp:
        return await operations.get_object_handles(state, call)
    return Answer(encode_handles([]))


async def get_object_info(state: CameraState, call: Call) -> Answer:
    """0x1008: handle."""
    body, handle = sony(state), call.parameters[0]
    if body.awkward.mtp:
        return await operations.get_object_info(state, call)
    body.require_remote()
    picture = body.next_picture()
    if handle == LIVE_VIEW:
        return Answer(_info("live.jpg", ObjectFormat.EXIF_JPEG, len(_frame(body, 0)), "").encode())
    if handle != NEXT_SHOT or picture is None:
        raise Refusal(ResponseCode.InvalidObjectHandle)
    return Answer(_info(picture.name, picture.format, len(picture.data), encode_date_time(picture.taken)).encode())


def _info(name: str, code: int, size: int, date: str) -> ObjectInfo:
    return ObjectInfo(
        storage=IN_MEMORY_STORAGE,
        object_format=code,
        compressed_size=size,
        parent=ObjectHandle(0),
        filename=name,
        capture_date=date,
        modification_date=date,
    )


def _frame(body: SonyState, number: int) -> bytes:
    shot = pictures.Shot(number % 4, pictures.generated_shots(1)[0].taken)
    return pictures.bare_jpeg(shot, 60)


async def get_object(state: CameraState, call: Call) -> Answer:
    """0x1009: handle. A picture is removed by being read, and the body hangs when none waits."""
    body, handle = sony(state), call.parameters[0]
    if body.awkward.mtp:
        return await operations.get_object(state, call)
    body.require_remote()
    if handle == LIVE_VIEW:
        body.check_frame()
        if body.awkward.dark:
            return Answer(struct.pack("<IIII", 16, 100, 0, 0) + bytes(100))
        return Answer(encode_frame(LiveViewFrame(_frame(body, body.focus_position), b"\1\0\0\0")))
    if handle != NEXT_SHOT:
        raise Refusal(ResponseCode.InvalidObjectHandle)
    picture = body.next_picture()
    if picture is None:
        return Answer(silent=True)
    body.memory.pop(0)
    return Answer(Slice(Bytes(picture.data), 0, len(picture.data)))


async def no_parts(state: CameraState, call: Call) -> Answer:
    """0x101B of what waits in the memory."""
    if sony(state).awkward.mtp:
        return await operations.get_partial_object(state, call)
    raise Refusal(ResponseCode.InvalidObjectHandle)


async def get_device_info(state: CameraState, call: Call) -> Answer:
    """0x1001, no parameters. In the mode MTP it is another camera."""
    body = sony(state)
    if not body.awkward.mtp:
        return await operations.get_device_info(state, call)
    info = replace(
        state.device_info,
        vendor_extension_id=0xFFFFFFFF,
        vendor_extension_desc="microsoft.com: 1.0",
        operations=(*range(0x1001, 0x100B), 0x1014, 0x1015, 0x1016, 0x101B, *range(0x9280, 0x9286)),
        events=(0x4004, 0x4005, 0x4006),
    )
    return Answer(info.encode())


OPERATIONS: Mapping[int, Handler] = {
    SonyOperation.Connect: connect,
    SonyOperation.GetExtDeviceInfo: get_ext_device_info,
    SonyOperation.SetControlDeviceA: _remote(set_control_device_a),
    SonyOperation.SetControlDeviceB: _remote(set_control_device_b),
    SonyOperation.GetAllDevicePropData: _remote(get_all_device_prop_data),
    Operation.GetDeviceInfo: get_device_info,
    Operation.GetStorageIDs: get_storage_ids,
    Operation.GetObjectHandles: get_object_handles,
    Operation.GetObjectInfo: get_object_info,
    Operation.GetObject: get_object,
    Operation.GetPartialObject: no_parts,
}

DATA_OUT = frozenset({SonyOperation.SetControlDeviceA, SonyOperation.SetControlDeviceB})

NAMES: Mapping[int, str] = {operation: operation.name for operation in SonyOperation}
"""Their names in the trace."""
