"""The emulated EOS body as a model: a 60D by what it says of itself."""

from camfs.protocols.ptp.codes import DataType, ObjectFormat, StorageID
from camfs.protocols.ptp.datasets import DeviceInfo, DevicePropDesc, Enumeration, StorageType
from camfs.virtual.canon_eos import operations as own
from camfs.virtual.canon_eos.behaviour import OPTIONS, Behaviour
from camfs.virtual.canon_eos.body import EosBody
from camfs.virtual.options import read_options
from camfs.virtual.ptp.options import Options
from camfs.virtual.ptp.profiles import Profile, StoreTable
from camfs.virtual.ptp.state import CameraState


def _body(state: CameraState, options: Options) -> EosBody:
    return EosBody(state, read_options(Behaviour(), OPTIONS, options.own))


# What a 60D says of itself (camfs/protocols/canon_eos/README.md, "Recognition").
_EOS_OPERATIONS = (
    *range(0x1001, 0x100E),
    0x100F,
    *range(0x1014, 0x1017),
    0x101B,
    *range(0x9101, 0x910D),
    *(0x910E, 0x910F, 0x9110),
    *range(0x9113, 0x9119),
    *range(0x911A, 0x9122),
    *range(0x9127, 0x912A),
    *range(0x912B, 0x9138),
    *range(0x9153, 0x9156),
    *range(0x9157, 0x915B),
    *(0x9160, 0x91F0, 0x91F1, 0x91FE, 0x91FF),
    *range(0x9801, 0x9806),
    *(0x9052, 0x9053, *range(0x9057, 0x905B), 0x905F),
)

CANON_EOS = Profile(
    name="canon-eos",
    device_info=DeviceInfo(
        standard_version=100,
        vendor_extension_id=6,
        vendor_extension_version=200,
        operations=_EOS_OPERATIONS,
        events=(0x4002, 0x4003, 0x4004, 0x4005, 0x4007, 0x4009, 0xC101),
        capture_formats=(ObjectFormat.EXIF_JPEG,),
        image_formats=(
            0x3001,
            0x3002,
            0x3006,
            0x3008,
            0x300A,
            0x300D,
            0x3801,
            0xB101,
            0xB103,
            0xB104,
            0xB105,
            0xBF02,
            0x3800,
        ),
        manufacturer="Canon Inc.",
        model="Canon EOS 60D",
        device_version="3-1.1.0",
        serial_number="12345678901234567890123456789012",
    ),
    stores=(StoreTable("card", StorageID(0x00020001), StorageType.RemovableRAM, "SD", 4),),
    folder="100CANON",
    prefix="IMG_",
    properties=((DevicePropDesc(0x5001, DataType.UINT8, False, 100, 100, Enumeration((0, 50, 75, 100))), False),),
    vendor=own.OPERATIONS,
    vendor_data_out=own.DATA_OUT,
    vendor_names=own.NAMES,
    own_options=OPTIONS,
    maker=_body,
    vendor_id=0x04A9,
    product_id=0x3215,
)
