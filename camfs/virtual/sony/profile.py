"""The emulated Sony as a model: an A6000 in PC Remote by what it says of itself."""

from camfs.protocols.ptp.codes import ObjectFormat, StorageID
from camfs.protocols.ptp.datasets import DeviceInfo, StorageType
from camfs.protocols.sony.codes import SonyEvent, SonyOperation
from camfs.virtual.ptp.profiles import Profile, StoreTable
from camfs.virtual.sony import operations as own
from camfs.virtual.sony.body import FOLDER, PREFIX, SonyState

SONY_ALPHA = Profile(
    name="sony-alpha",
    device_info=DeviceInfo(
        standard_version=100,
        vendor_extension_id=0x11,
        vendor_extension_version=100,
        vendor_extension_desc="Sony PTP Extensions",
        operations=(*range(0x1001, 0x100B), 0x101B, *SonyOperation),
        events=(SonyEvent.ObjectAdded, SonyEvent.ObjectRemoved, SonyEvent.DevicePropChanged),
        image_formats=(ObjectFormat.EXIF_JPEG, 0xB101, 0xB301),
        manufacturer="Sony Corporation",
        model="ILCE-6000",
        device_version="3.21",
        serial_number=f"{3456789:032}",
    ),
    stores=(StoreTable("card", StorageID(0x00010001), StorageType.RemovableRAM, "SD", 4),),
    folder=FOLDER,
    prefix=PREFIX,
    vendor=own.OPERATIONS,
    vendor_data_out=frozenset(map(int, own.DATA_OUT)),
    vendor_names=own.NAMES,
    options=("awkward", "snap_time"),
    maker=SonyState,
    vendor_id=0x054C,
    product_id=0x094E,
)
