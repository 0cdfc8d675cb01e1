"""What an emulated camera does on each operation: a function for each (see `calls`), and the table of them at the end.

A docstring begins with the operation's code and parameters (camfs/protocols/ptp/README.md, "Operations").
"""

import struct

import trio

from camfs.protocols.ptp.codes import (
    ANY_FORMAT,
    ROOT,
    EventCode,
    ObjectFormat,
    ObjectHandle,
    Operation,
    ResponseCode,
)
from camfs.protocols.ptp.datasets import (
    AccessCapability,
    StorageInfo,
    encode_handles,
)
from camfs.virtual.pictures import contents
from camfs.virtual.pictures import generated as pictures
from camfs.virtual.pictures.contents import Bytes
from camfs.virtual.pictures.generated import Shot
from camfs.virtual.ptp.calls import OK, Answer, Call, Handler, Slice
from camfs.virtual.ptp.descriptions import (
    OBJECT_PROPERTIES,
    encode_object_info,
    encode_property,
    fits,
    is_picture,
    object_info,
)
from camfs.virtual.ptp.faults import PastEnd
from camfs.virtual.ptp.properties import Property
from camfs.virtual.ptp.refusal import Refusal
from camfs.virtual.ptp.state import CameraState
from camfs.virtual.ptp.store import File, Folder, Node, Store

EVERYTHING = 0xFFFFFFFF
"""As handle: every object (DeleteObject, GetObjectPropList). As property or depth: all of them."""


async def get_device_info(state: CameraState, call: Call) -> Answer:
    """0x1001, no parameters."""
    return Answer(state.device_info.encode())


async def get_storage_ids(state: CameraState, call: Call) -> Answer:
    """0x1004, no parameters. An empty slot has an id whose low half is 0; some cameras go on listing the id of the card."""
    return Answer(
        encode_handles(
            store.id if store.present or state.quirks.lists_absent_stores else store.id & 0xFFFF0000
            for store in state.stores
        )
    )


async def get_storage_info(state: CameraState, call: Call) -> Answer:
    """0x1005: storage."""
    store = state.store(call.parameters[0])
    capacity, free = store.space()
    return Answer(
        StorageInfo(
            storage_type=store.storage_type,
            access_capability=store.access,
            max_capacity=capacity,
            free_space=free,
            free_images=store.free_images,
            description=store.description,
        ).encode()
    )


async def format_store(state: CameraState, call: Call) -> Answer:
    """0x100F: storage, file system format (0: the camera chooses)."""
    storage, filesystem, *_ = call.parameters
    store = state.store(storage)
    if store.access is not AccessCapability.ReadWrite:
        raise Refusal(ResponseCode.StoreReadOnly)
    if filesystem > 3:
        raise Refusal(ResponseCode.InvalidParameter)
    if state.hides_objects:
        raise Refusal(ResponseCode.StoreNotAvailable)
    store.clear()
    if state.quirks.reports_own_changes:
        if EventCode.StorageInfoChanged in state.device_info.events:
            state.notify(EventCode.StorageInfoChanged, store.id)
        else:
            state.notify(EventCode.StoreRemoved, store.id)
            state.notify(EventCode.StoreAdded, store.id)
    return OK


async def get_num_objects(state: CameraState, call: Call) -> Answer:
    """0x1006: storage, format, parent."""
    return Answer(parameters=(len(_listed(state, call)),))


async def get_object_handles(state: CameraState, call: Call) -> Answer:
    """0x1007: storage, format, parent."""
    return Answer(encode_handles(sorted(_listed(state, call))))


def _listed(state: CameraState, call: Call) -> list[ObjectHandle]:
    storage, wanted, parent, *_ = call.parameters
    stores = state.chosen_stores(storage)
    if wanted != ANY_FORMAT and not state.quirks.format_filter:
        raise Refusal(ResponseCode.SpecificationByFormatUnsupported)
    if state.quirks.ignores_parent:
        parent = 0
    nodes = state.listed(stores, 0 if parent == ROOT else parent, deep=parent == 0)
    return [node.handle for node in nodes if fits(state, node, wanted)]


async def get_object_info(state: CameraState, call: Call) -> Answer:
    """0x1008: handle."""
    return Answer(encode_object_info(object_info(state, state.node(call.parameters[0]))))


async def get_object_prop_value(state: CameraState, call: Call) -> Answer:
    """0x9803: handle, property."""
    handle, code, *_ = call.parameters
    node = state.node(handle)
    if code not in OBJECT_PROPERTIES:
        raise Refusal(ResponseCode.ObjectPropNotSupported)
    data_type, value = OBJECT_PROPERTIES[code]
    return Answer(encode_property(data_type, value(state, node)))


async def get_object_prop_list(state: CameraState, call: Call) -> Answer:
    """0x9805: handle, format, property, group, depth (MTP 1.1, D.2.37).

    Handle 0 is the root, so depth 1 gives its children. Any other handle gives the object itself with its descendants down to the
    depth, as on Android. Handle 0xFFFFFFFF gives every object.
    """
    handle, wanted, code, group, depth = call.parameters
    if code == 0:
        raise Refusal(ResponseCode.SpecificationByGroupUnsupported if group else ResponseCode.ParameterNotSupported)
    if code != EVERYTHING and code not in OBJECT_PROPERTIES:
        raise Refusal(ResponseCode.ObjectPropNotSupported)
    codes = list(OBJECT_PROPERTIES) if code == EVERYTHING else [code]
    levels = None if depth == EVERYTHING or handle == EVERYTHING else depth
    nodes: list[Node] = []
    if handle in (0, EVERYTHING):
        for store in state.chosen_stores(EVERYTHING):
            nodes.extend(store.root.descendants(levels))
    else:
        node = state.node(handle)
        nodes.append(node)
        if isinstance(node, Folder):
            nodes.extend(node.descendants(levels))
    elements = [
        struct.pack("<IHH", node.handle, each, OBJECT_PROPERTIES[each][0])
        + encode_property(OBJECT_PROPERTIES[each][0], OBJECT_PROPERTIES[each][1](state, node))
        for node in nodes
        if fits(state, node, wanted)
        for each in codes
    ]
    return Answer(len(elements).to_bytes(4, "little") + b"".join(elements))


async def get_object(state: CameraState, call: Call) -> Answer:
    """0x1009: handle."""
    file = state.file(call.parameters[0])
    return Answer(Slice(file.content, 0, file.content.size))


async def get_partial_object(state: CameraState, call: Call) -> Answer:
    """0x101B: handle, offset, largest number of bytes."""
    handle, offset, wanted, *_ = call.parameters
    return _part(state, state.file(handle), offset, wanted)


async def get_partial_object_64(state: CameraState, call: Call) -> Answer:
    """0x95C1: handle, low half of the offset, high half, largest number of bytes."""
    handle, low, high, wanted, _ = call.parameters
    return _part(state, state.file(handle), low | high << 32, wanted)


def _part(state: CameraState, file: File, offset: int, wanted: int) -> Answer:
    size = file.content.size
    if not wanted:
        raise Refusal(ResponseCode.InvalidParameter)
    if offset >= size and (offset or size):
        match state.quirks.past_end:
            case PastEnd.REFUSED:
                raise Refusal(ResponseCode.InvalidParameter)
            case PastEnd.HANGS:
                return Answer(silent=True)
            case PastEnd.EMPTY:
                pass
    length = max(0, min(wanted, size - offset, state.quirks.max_partial or wanted))
    return Answer(Slice(file.content, offset, length), (length,))


async def get_thumb(state: CameraState, call: Call) -> Answer:
    """0x100A: handle."""
    node = state.node(call.parameters[0])
    if not isinstance(node, File):
        raise Refusal(ResponseCode.NoThumbnailPresent)
    data = node.thumbnail
    if data is None and is_picture(node.name):
        try:
            data = await trio.to_thread.run_sync(contents.thumbnail, node.content)
        except OSError:
            raise Refusal(ResponseCode.GeneralError) from None
    if not data:
        raise Refusal(ResponseCode.NoThumbnailPresent)
    return Answer(data)


async def delete_object(state: CameraState, call: Call) -> Answer:
    """0x100B: handle, format. Handle 0xFFFFFFFF is everything, or everything of the format (ISO 15740, 10.5.11)."""
    handle, wanted, *_ = call.parameters
    if handle == EVERYTHING and not state.hides_objects:
        nodes = [node for store in state.chosen_stores(EVERYTHING) for node in store.root.descendants()]
        if any(node.store.access is AccessCapability.ReadOnly for node in nodes):
            raise Refusal(ResponseCode.StoreReadOnly)
        doomed = [node for node in nodes if fits(state, node, wanted)]
        return _delete(state, doomed)
    if wanted:
        raise Refusal(ResponseCode.SpecificationByFormatUnsupported)
    node = state.node(handle)
    if node.store.access is AccessCapability.ReadOnly:
        raise Refusal(ResponseCode.StoreReadOnly)
    if node.protected:
        raise Refusal(ResponseCode.ObjectWriteProtected)
    below = list(node.descendants()) if isinstance(node, Folder) else []
    if below and not state.quirks.deletes_folders:
        raise Refusal(ResponseCode.PartialDeletion)
    return _delete(state, [node, *below])


def _delete(state: CameraState, doomed: list[Node]) -> Answer:
    """Delete objects, children first; protected ones stay, and so do the folders that they are in."""
    left = False
    for node in reversed(doomed):
        if node.protected or (isinstance(node, Folder) and node.children):
            left = True
            continue
        node.store.remove(node, tell=state.quirks.reports_own_changes)
    return Answer(code=ResponseCode.PartialDeletion) if left else OK


async def get_device_prop_desc(state: CameraState, call: Call) -> Answer:
    """0x1014: property."""
    described = _property(state, call)
    if described.description_refused is not None:
        raise Refusal(described.description_refused)
    return Answer(described.described().encode())


async def get_device_prop_value(state: CameraState, call: Call) -> Answer:
    """0x1015: property."""
    read = _property(state, call)
    if read.value_refused is not None:
        raise Refusal(read.value_refused)
    return Answer(read.encoded())


async def set_device_prop_value(state: CameraState, call: Call) -> Answer:
    """0x1016: property; the data phase brings the value."""
    if _property(state, call).write(call.payload) and state.quirks.reports_own_changes:
        state.notify(EventCode.DevicePropChanged, call.parameters[0])
    return OK


def _property(state: CameraState, call: Call) -> Property:
    code = call.parameters[0]
    if code not in state.properties:
        raise Refusal(ResponseCode.DevicePropNotSupported)
    return state.properties[code]


async def initiate_capture(state: CameraState, call: Call) -> Answer:
    """0x100E: storage (0: any), format (0: any). After the response come the events ObjectAdded and CaptureComplete."""
    storage, wanted, *_ = call.parameters
    store = state.store(storage or state.stores[0].id)
    if wanted not in (0, ObjectFormat.EXIF_JPEG):
        raise Refusal(ResponseCode.InvalidObjectFormatCode)
    if store.access is not AccessCapability.ReadWrite:
        raise Refusal(ResponseCode.StoreReadOnly)
    if not store.space()[1]:
        raise Refusal(ResponseCode.StoreFull)
    if state.capture.capturing:
        raise Refusal(ResponseCode.DeviceBusy)
    state.capture.capturing = True

    async def capture() -> None:
        try:
            await trio.sleep(state.capture.seconds)
            add_picture(state, store)
            state.notify(EventCode.CaptureComplete, transaction_id=call.transaction_id)
        finally:
            state.capture.capturing = False

    return Answer(then=capture)


def add_picture(state: CameraState, store: Store) -> File:
    """Take a picture, as the shutter button does: put a new JPEG into a store."""
    shot = Shot(store.next_number(), state.now())
    name = f"{state.capture.prefix}{shot.number:04}.JPG"
    return store.add_file(state.capture.folder, name, Bytes(pictures.jpeg(shot)), shot.taken)


OPERATIONS: dict[int, Handler] = {
    Operation.GetDeviceInfo: get_device_info,
    Operation.GetStorageIDs: get_storage_ids,
    Operation.GetStorageInfo: get_storage_info,
    Operation.GetNumObjects: get_num_objects,
    Operation.GetObjectHandles: get_object_handles,
    Operation.GetObjectInfo: get_object_info,
    Operation.GetObject: get_object,
    Operation.GetThumb: get_thumb,
    Operation.DeleteObject: delete_object,
    Operation.InitiateCapture: initiate_capture,
    Operation.FormatStore: format_store,
    Operation.GetDevicePropDesc: get_device_prop_desc,
    Operation.GetDevicePropValue: get_device_prop_value,
    Operation.SetDevicePropValue: set_device_prop_value,
    Operation.GetPartialObject: get_partial_object,
    Operation.GetPartialObject64: get_partial_object_64,
    Operation.GetObjectPropValue: get_object_prop_value,
    Operation.GetObjectPropList: get_object_prop_list,
}
"""The operations except OpenSession and CloseSession, which the responder does. A profile adds its vendor's."""
