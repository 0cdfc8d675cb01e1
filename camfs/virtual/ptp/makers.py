"""The operations of makers that read large objects, for emulated cameras that list them (`operations=+9431`, `maker=Nikon`).

Parameters: camfs/protocols/ptp/README.md, "Sizes at and above 4 GiB".
"""

from collections.abc import Mapping

from camfs.protocols.ptp.codes import MakerOperation
from camfs.virtual.ptp.calls import Answer, Call, Handler
from camfs.virtual.ptp.operations import read_part
from camfs.virtual.ptp.state import CameraState


async def nikon_get_object_size(state: CameraState, call: Call) -> Answer:
    """0x9421: handle."""
    return Answer(state.file(call.parameters[0]).content.size.to_bytes(8, "little"))


async def nikon_get_partial_object_ex(state: CameraState, call: Call) -> Answer:
    """0x9431: handle, low half of the offset, high half, low half of the largest number of bytes, high half."""
    handle, low, high, size, size_high = call.parameters
    return read_part(state, handle, low | high << 32, size | size_high << 32)


async def canon_get_partial_object_64(state: CameraState, call: Call) -> Answer:
    """0x9172: handle, low half of the offset, largest number of bytes, high half of the offset."""
    handle, low, size, high, _ = call.parameters
    return read_part(state, handle, low | high << 32, size)


async def sony_get_partial_large_object(state: CameraState, call: Call) -> Answer:
    """0x9211: handle, low half of the offset, high half, largest number of bytes."""
    handle, low, high, size, _ = call.parameters
    return read_part(state, handle, low | high << 32, size)


OPERATIONS: Mapping[int, Handler] = {
    MakerOperation.NikonGetObjectSize: nikon_get_object_size,
    MakerOperation.NikonGetPartialObjectEx: nikon_get_partial_object_ex,
    MakerOperation.CanonGetPartialObject64: canon_get_partial_object_64,
    MakerOperation.SonyGetPartialLargeObject: sony_get_partial_large_object,
}

NAMES: Mapping[int, str] = {operation: operation.name for operation in MakerOperation}
"""Their names in the trace."""
