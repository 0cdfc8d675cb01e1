"""The emulated Nikon as a model: a Z 6 by what it says of itself."""

from camfs.protocols.nikon.codes import NikonEvent, NikonOperation
from camfs.protocols.ptp.codes import EventCode, ObjectFormat, StorageID
from camfs.protocols.ptp.datasets import DeviceInfo, StorageType
from camfs.virtual.nikon import operations as own
from camfs.virtual.nikon.body import FOLDER, PREFIX, NikonState
from camfs.virtual.ptp.profiles import Profile, StoreTable

_STANDARD = (*range(0x1001, 0x100C), 0x100E, 0x100F, 0x1014, 0x1015, 0x1016, 0x101B)

_UNLISTED = (NikonOperation.GetVendorCodes,)

NIKON = Profile(
    name="nikon",
    device_info=DeviceInfo(
        standard_version=100,
        vendor_extension_id=6,
        vendor_extension_version=110,
        vendor_extension_desc="Microsoft.com/DeviceServices: 1.0",
        operations=(
            *_STANDARD,
            *sorted(code for code in own.NAMES if code in own.OPERATIONS and code not in _UNLISTED),
        ),
        events=(*range(0x4001, 0x400B), 0x400C, EventCode.CaptureComplete, *sorted(NikonEvent)),
        image_formats=(
            ObjectFormat.Association,
            ObjectFormat.Undefined,
            ObjectFormat.QuickTime,
            ObjectFormat.EXIF_JPEG,
        ),
        manufacturer="Nikon Corporation",
        model="Z 6",
        device_version="V1.00",
        serial_number=f"{6012345:032}",
    ),
    stores=(StoreTable("card", StorageID(0x00010001), StorageType.RemovableRAM, "[Slot 1]", 4),),
    folder=FOLDER.removeprefix("DCIM/"),
    prefix=PREFIX,
    vendor={**own.OPERATIONS, NikonOperation.GetVendorCodes: own.get_vendor_codes},
    vendor_names=own.NAMES,
    options=("awkward", "snap_time"),
    maker=NikonState,
    vendor_id=0x04B0,
    product_id=0x0443,
)
