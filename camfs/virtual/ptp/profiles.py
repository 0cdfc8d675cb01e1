"""The PTP cameras that can be emulated, as tables: what each says it is, its stores, its properties, its quirks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from camfs.protocols.ptp.codes import SIZE_UNKNOWN, DataType, EventCode, ObjectFormat, Operation, StorageID
from camfs.protocols.ptp.datasets import DeviceInfo, DevicePropDesc, Enumeration, Range, StorageType
from camfs.protocols.ptp.values import Value
from camfs.virtual.options import Option
from camfs.virtual.ptp import makers
from camfs.virtual.ptp.calls import Handler
from camfs.virtual.ptp.faults import Quirks
from camfs.virtual.ptp.maker_body import MakerBody
from camfs.virtual.ptp.options import Options
from camfs.virtual.ptp.properties import Clock, Property
from camfs.virtual.ptp.state import CameraState
from camfs.virtual.sigma import operations as sigma


@dataclass(frozen=True)
class StoreTable:
    """A store of a profile.

    Attributes:
        option: the option that names a folder to show in it.
        id: storage id.
        storage_type: as in StorageInfo.
        description: as in StorageInfo.
        shots: number of generated pictures in it if no folder is given.
        free_images: as in StorageInfo.
    """

    option: str
    id: StorageID
    storage_type: StorageType
    description: str
    shots: int
    free_images: int = SIZE_UNKNOWN


@dataclass(frozen=True)
class Profile:
    """A model of camera.

    Attributes:
        name: as in `virtual:NAME`.
        device_info: what GetDeviceInfo answers; an option may change the serial number.
        stores: its stores, the card first.
        folder: DCF folder of the generated pictures, and of those that it takes.
        prefix: four characters that the names of its pictures begin with.
        raw: whether each generated picture has a DNG beside it.
        properties: descriptions, each with a flag that says whether writes are ignored; every camera gets its own copy.
        clock: code of the property that is the camera's clock; None for none.
        quirks: what is different about it; every camera gets its own copy.
        vendor: the maker's operations.
        vendor_data_out: those of them that send data to the camera.
        vendor_names: their names in the trace.
        options: options that only some models have, besides the stores.
        own_options: options that only this model has.
        has_api_life: whether it can be under remote control, as the SIGMA fp can.
        maker: makes the state of a maker's body beyond PTP.
        vendor_id, product_id: those of its USB device descriptor.
    """

    name: str
    device_info: DeviceInfo
    stores: tuple[StoreTable, ...]
    folder: str
    prefix: str
    raw: bool = False
    properties: tuple[tuple[DevicePropDesc, bool], ...] = ()
    clock: int | None = None
    quirks: Quirks = field(default_factory=Quirks)
    vendor: Mapping[int, Handler] = field(default_factory=dict)
    vendor_data_out: frozenset[int] = frozenset()
    vendor_names: Mapping[int, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    own_options: Mapping[str, Option[Any]] = field(default_factory=dict)
    has_api_life: bool = False
    maker: Callable[[CameraState, Options], MakerBody] | None = None
    vendor_id: int = 0
    product_id: int = 0

    def new_properties(self) -> dict[int, Property]:
        """Return the properties of a new camera."""
        made = {description.code: Property(description, ignored) for description, ignored in self.properties}
        if self.clock is not None:
            made[self.clock] = Clock(self.clock)
        return made


# The list in the PTP notes, in its order, without the operations that stand in parentheses there: the camera did not list those.
_SIGMA_STANDARD = (*range(0x1001, 0x100C), 0x100F, 0x1014, 0x1015, 0x1016, 0x101B)
_SIGMA_VENDOR = (
    *range(0x9012, 0x901A),
    0x901B,
    0x901C,
    *range(0x9022, 0x9025),
    *range(0x9027, 0x902E),
    *range(0x902F, 0x9038),
    *range(0x9401, 0x9406),
    *range(0x9411, 0x9415),
    *range(0x9421, 0x9425),
    0x9431,
)
_SIGMA_EVENTS = (0x4001, 0x4002, 0x4003, 0x4004, 0x4005, 0x4006, 0x4008, 0x4009, 0xC401, 0xC411)

SIGMA_FP = Profile(
    name="sigma-fp",
    device_info=DeviceInfo(
        standard_version=100,
        vendor_extension_id=6,
        vendor_extension_version=100,
        vendor_extension_desc="SIGMA",
        operations=_SIGMA_STANDARD + _SIGMA_VENDOR,
        events=_SIGMA_EVENTS,
        # The PTP notes do not say; these are an fp L's, which has no code for DNG (camfs/protocols/sigma/README.md, "Identity").
        image_formats=(ObjectFormat.Association, ObjectFormat.Script, ObjectFormat.QuickTime, ObjectFormat.EXIF_JPEG),
        manufacturer="SIGMA",
        model="SIGMA fp",
        device_version="1.00",
        serial_number="0000000091234567",
    ),
    stores=(StoreTable("card", StorageID(0x00010001), StorageType.RemovableRAM, "SD card", 4, free_images=0),),
    folder="100SIGMA",
    prefix="SDIM",
    raw=True,
    quirks=Quirks(lists_absent_stores=True, any_opening_id=True, events=False),
    vendor=sigma.OPERATIONS,
    vendor_data_out=sigma.DATA_OUT,
    vendor_names=sigma.NAMES,
    options=("firmware", "custom_modes", "snap_time", "failures", "settings"),
    has_api_life=True,
    vendor_id=0x1003,
    product_id=0xC432,
)


def _description(
    code: int, data_type: int, writable: bool, value: Value, form: Range | Enumeration | None = None
) -> DevicePropDesc:
    return DevicePropDesc(code, data_type, writable, value, value, form)


_EXPOSURE_TIMES = (1, 2, 5, 10, 20, 40, 80, 166, 333, 666, 1250, 2500, 5000, 10_000, 20_000, 300_000)
_ARRAY_OF_UINT8 = DataType.ARRAY + DataType.UINT8

PTP = Profile(
    name="ptp",
    device_info=DeviceInfo(
        standard_version=100,
        operations=(
            *(operation for operation in range(0x1001, 0x100C)),
            *(Operation.InitiateCapture, Operation.FormatStore),
            *(Operation.GetDevicePropDesc, Operation.GetDevicePropValue, Operation.SetDevicePropValue),
            Operation.GetPartialObject,
            *(Operation.GetPartialObject64, Operation.GetObjectPropValue, Operation.GetObjectPropList),
        ),
        events=tuple(EventCode),
        image_formats=tuple(ObjectFormat),
        capture_formats=(ObjectFormat.EXIF_JPEG,),
        manufacturer="camfs",
        model="PTP camera",
        device_version="1.0",
        serial_number="0123456789",
    ),
    stores=(
        StoreTable("card", StorageID(0x00010001), StorageType.RemovableRAM, "Card", 4),
        StoreTable("memory", StorageID(0x00020001), StorageType.FixedRAM, "Internal memory", 2),
    ),
    folder="100CAMFS",
    prefix="CAMF",
    # Standard codes, types and units: ISO 15740, 13.5.
    properties=(
        # battery, per cent
        (_description(0x5001, DataType.UINT8, False, 75, Range(0, 100, 1)), False),
        # image size, pixels
        (_description(0x5003, DataType.STRING, True, "6000x4000", Enumeration(("6000x4000", "3000x2000"))), False),
        # white balance: manual, automatic, daylight, fluorescent, tungsten, flash
        (_description(0x5005, DataType.UINT16, True, 2, Enumeration((1, 2, 4, 5, 6, 7))), False),
        # f-number, hundredths
        (_description(0x5007, DataType.UINT16, True, 560, Enumeration((200, 280, 400, 560, 800, 1100, 1600))), False),
        # metering: average, centre-weighted, multi-spot, centre-spot; the camera's dial decides, whatever the host writes
        (_description(0x500B, DataType.UINT16, True, 2, Enumeration((1, 2, 3, 4))), True),
        # exposure time, tenths of a millisecond
        (_description(0x500D, DataType.UINT32, True, 80, Enumeration(_EXPOSURE_TIMES)), False),
        # ISO; 0xFFFF is automatic
        (
            _description(0x500F, DataType.UINT16, True, 100, Enumeration((100, 200, 400, 800, 1600, 6400, 0xFFFF))),
            False,
        ),
        # exposure compensation, thousandths of a step
        (_description(0x5010, DataType.INT16, True, 0, Enumeration((-2000, -1000, -333, 0, 333, 1000, 2000))), False),
        # delay before a capture, milliseconds
        (_description(0x5012, DataType.UINT32, True, 0, Range(0, 10_000, 500)), False),
        # artist
        (_description(0x501E, DataType.STRING, True, ""), False),
        # the maker's
        (_description(0xD0A1, _ARRAY_OF_UINT8, True, (1, 2, 3, 255)), False),
        (_description(0xD0A2, DataType.UINT128, False, 0x0123456789ABCDEF0123456789ABCDEF), False),
    ),
    clock=0x5011,
    vendor=makers.OPERATIONS,
    vendor_names=makers.NAMES,
)

PROFILES = {profile.name: profile for profile in (SIGMA_FP, PTP)}
"""The models, by the name in `virtual:NAME`."""
