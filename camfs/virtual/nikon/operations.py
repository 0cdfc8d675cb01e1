"""What the emulated Nikon answers: its own operations, and the standard ones that it answers in its own way."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from camfs.protocols.nikon.codes import (
    PROPERTY_CODES,
    TO_MEMORY,
    WITH_AF,
    NikonOperation,
    NikonResponse,
)
from camfs.protocols.nikon.events import encode_events, encode_events_ex
from camfs.protocols.nikon.live_view import encode_frame
from camfs.protocols.nikon.property_codes import encode_property_codes
from camfs.protocols.ptp.codes import MakerOperation, ObjectHandle, Operation, ResponseCode, StorageID
from camfs.protocols.ptp.datasets import ObjectInfo
from camfs.protocols.ptp.messages import Event
from camfs.protocols.ptp.values import encode_date_time
from camfs.virtual.nikon import properties as own
from camfs.virtual.nikon.body import NikonState, nikon
from camfs.virtual.pictures import generated as pictures
from camfs.virtual.pictures.contents import Bytes
from camfs.virtual.ptp import makers, operations
from camfs.virtual.ptp.calls import OK, Answer, Call, Handler, Slice
from camfs.virtual.ptp.refusal import Refusal
from camfs.virtual.ptp.state import CameraState

HEADER = 384
"""Bytes before the JPEG in a frame of the live view."""

SURPLUS = 60_000
"""Events that an awkward body announces and does not have."""


def _on_body(do: Callable[[NikonState, Call], Answer]) -> Handler:
    """Make a handler of an operation of the body, which first does what was to happen by now."""

    async def handle(state: CameraState, call: Call) -> Answer:
        body = nikon(state)
        body.advance()
        return do(body, call)

    return handle


def _done(do: Callable[[NikonState], None]) -> Callable[[NikonState, Call], Answer]:
    def handle(body: NikonState, call: Call) -> Answer:
        do(body)
        return OK

    return handle


def change_camera_mode(body: NikonState, call: Call) -> Answer:
    """0x90C2: 1 to take the body, 0 to give it back."""
    body.change_mode(call.parameters[0] == 1)
    return OK


def check_event(body: NikonState, call: Call) -> Answer:
    """0x90C7."""
    return _events(body, encode_events)


def get_event_ex(body: NikonState, call: Call) -> Answer:
    """0x941C."""
    return _events(body, encode_events_ex)


def _events(body: NikonState, encode: Callable[[list[Event]], bytes]) -> Answer:
    waiting, body.queue = body.queue, []
    reply = encode(waiting)
    if body.awkward.long_events:
        reply = (len(waiting) + SURPLUS).to_bytes(2, "little") + reply[2:]
    return Answer(reply)


def initiate_capture_rec_in_media(body: NikonState, call: Call) -> Answer:
    """0x9207: autofocus, target."""
    focuses, target, *_ = call.parameters
    body.release(to_memory=target == TO_MEMORY, focuses=focuses == WITH_AF)
    return OK


def capture(body: NikonState, call: Call) -> Answer:
    """0x90C0: a picture into the memory."""
    body.release(to_memory=True, focuses=False, old=True)
    return OK


def af_capture_sdram(body: NikonState, call: Call) -> Answer:
    """0x90CB: the same, with autofocus."""
    body.release(to_memory=True, focuses=True, old=True)
    return OK


async def initiate_capture(state: CameraState, call: Call) -> Answer:
    """0x100E: to where the recording media says; with autofocus, as the body's own button does."""
    body = nikon(state)
    body.advance()
    body.release(to_memory=state.properties[own.MEDIA].value == 1, focuses=True, old=True)
    return OK


def device_ready(body: NikonState, call: Call) -> Answer:
    """0x90C8."""
    body.check_ready()
    return OK


def mf_drive(body: NikonState, call: Call) -> Answer:
    """0x9204: direction, steps."""
    body.drive_focus(*call.parameters[:2])
    return OK


def delete_in_memory(body: NikonState, call: Call) -> Answer:
    """0x90C3: handle; 0 for all."""
    if not call.parameters[0]:
        body.memory.clear()
    else:
        _forget(body, call.parameters[0])
    return OK


def _forget(body: NikonState, handle: int) -> bool:
    """Delete a picture in the memory; False if the handle is not one of the memory's."""
    if body.picture(handle) is None:
        return False
    body.memory.pop(0)
    return True


async def get_vendor_prop_codes(state: CameraState, call: Call) -> Answer:
    """0x90CA."""
    return Answer(encode_property_codes(_vendor_codes(state), 2))


async def get_vendor_codes(state: CameraState, call: Call) -> Answer:
    """0x9439: what to list; also names a property that does not fit 16 bits, as a Z 9 does."""
    if call.parameters[0] != PROPERTY_CODES:
        raise Refusal(ResponseCode.InvalidParameter)
    return Answer(encode_property_codes([*_vendor_codes(state), 0x1D003], 4))


def _vendor_codes(state: CameraState) -> list[int]:
    return [code for code in sorted(state.properties) if code >= own.VENDOR]


def get_live_view_image(body: NikonState, call: Call) -> Answer:
    """0x9203, 0x9428."""
    if not body.live_view:
        raise Refusal(NikonResponse.NotLiveView)
    body.frames += 1
    if body.frames % 5 == 2:
        raise Refusal(ResponseCode.DeviceBusy)
    if body.awkward.dark:
        return Answer(bytes(HEADER + 100))
    shot = pictures.Shot(body.frames % 4, pictures.generated_shots(1)[0].taken)
    picture, comment = pictures.bare_jpeg(shot, 60), b"%016d" % body.frames
    jpeg = picture[:2] + b"\xff\xfe" + (2 + len(comment)).to_bytes(2, "big") + comment + picture[2:]
    return Answer(encode_frame(jpeg, header=HEADER, width=640, height=424))


# the standard operations, where they concern the memory or a property


async def get_object_info(state: CameraState, call: Call) -> Answer:
    """0x1008: handle."""
    handle = call.parameters[0]
    picture = nikon(state).picture(handle)
    if picture is None:
        nikon(state).check_seen(handle)
        return await operations.get_object_info(state, call)
    return Answer(
        ObjectInfo(
            storage=StorageID(0),
            object_format=picture.format,
            compressed_size=len(picture.data),
            parent=ObjectHandle(0),
            filename=picture.name,
            capture_date=encode_date_time(picture.taken),
            modification_date=encode_date_time(picture.taken),
        ).encode()
    )


async def get_object(state: CameraState, call: Call) -> Answer:
    """0x1009: handle."""
    picture = nikon(state).picture(call.parameters[0])
    if picture is None:
        return await operations.get_object(state, call)
    return Answer(Slice(Bytes(picture.data), 0, len(picture.data)))


async def get_partial_object(state: CameraState, call: Call) -> Answer:
    """0x101B: handle, offset, largest number of bytes."""
    handle, offset, wanted, *_ = call.parameters
    picture = nikon(state).picture(handle)
    if picture is None:
        return await operations.get_partial_object(state, call)
    part = picture.data[offset : offset + wanted]
    return Answer(part, (len(part),))


async def delete_object(state: CameraState, call: Call) -> Answer:
    """0x100B: handle, format."""
    if _forget(nikon(state), call.parameters[0]):
        return OK
    return await operations.delete_object(state, call)


async def set_device_prop_value(state: CameraState, call: Call) -> Answer:
    """0x1016: property; the data phase brings the value."""
    body, code = nikon(state), call.parameters[0]
    body.refuse_if_locked()
    before = state.properties[code].value if code in state.properties else None
    quiet, state.quirks.reports_own_changes = state.quirks.reports_own_changes, False
    try:
        answer = await operations.set_device_prop_value(state, call)
    finally:
        state.quirks.reports_own_changes = quiet
    if state.properties[code].value != before and quiet:
        for each in body.follow(code):
            state.send(Event(0x4006, 0xFFFFFFFF, (each,)))
    return answer


async def get_storage_ids(state: CameraState, call: Call) -> Answer:
    """0x1004, no parameters. The photographer waits until a host has asked for the stores, and may then take a picture."""
    return replace(await operations.get_storage_ids(state, call), then=nikon(state).press_in_time)


async def get_object_handles(state: CameraState, call: Call) -> Answer:
    """0x1007: storage, format, parent. What was to happen by now happens before the card is listed."""
    nikon(state).advance()
    return await operations.get_object_handles(state, call)


OPERATIONS: Mapping[int, Handler] = {
    MakerOperation.NikonGetObjectSize: makers.nikon_get_object_size,
    MakerOperation.NikonGetPartialObjectEx: makers.nikon_get_partial_object_ex,
    NikonOperation.Capture: _on_body(capture),
    NikonOperation.AfDrive: _on_body(_done(NikonState.focus)),
    NikonOperation.ChangeCameraMode: _on_body(change_camera_mode),
    NikonOperation.DelImageSDRAM: _on_body(delete_in_memory),
    NikonOperation.CheckEvent: _on_body(check_event),
    NikonOperation.DeviceReady: _on_body(device_ready),
    NikonOperation.GetVendorPropCodes: get_vendor_prop_codes,
    NikonOperation.AfCaptureSDRAM: _on_body(af_capture_sdram),
    NikonOperation.StartLiveView: _on_body(_done(NikonState.start_live_view)),
    NikonOperation.EndLiveView: _on_body(_done(NikonState.end_live_view)),
    NikonOperation.GetLiveViewImage: _on_body(get_live_view_image),
    NikonOperation.MfDrive: _on_body(mf_drive),
    NikonOperation.AfDriveCancel: _on_body(lambda body, call: OK),
    NikonOperation.InitiateCaptureRecInMedia: _on_body(initiate_capture_rec_in_media),
    NikonOperation.StartMovieRecInCard: _on_body(_done(NikonState.start_movie)),
    NikonOperation.EndMovieRec: _on_body(_done(NikonState.end_movie)),
    NikonOperation.TerminateCapture: _on_body(_done(NikonState.terminate)),
    NikonOperation.CancelImagesInSDRAM: _on_body(_done(lambda body: body.memory.clear())),
    NikonOperation.GetEventEx: _on_body(get_event_ex),
    Operation.GetStorageIDs: get_storage_ids,
    Operation.GetObjectInfo: get_object_info,
    Operation.GetObject: get_object,
    Operation.GetPartialObject: get_partial_object,
    Operation.GetObjectHandles: get_object_handles,
    Operation.DeleteObject: delete_object,
    Operation.InitiateCapture: initiate_capture,
    Operation.SetDevicePropValue: set_device_prop_value,
}
"""By code. GetVendorCodes is there for a body that lists it (`operations=-90CA,+9439`)."""

NAMES: Mapping[int, str] = {operation: operation.name for operation in NikonOperation}
"""Their names in the trace."""
