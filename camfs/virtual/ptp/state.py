"""The state of an emulated PTP camera: what it is, its stores, its properties, its clock, and the events that wait for the host."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from camfs.protocols.ptp.codes import ALL_STORAGES, NO_TRANSACTION, EventCode, ResponseCode, StorageID
from camfs.protocols.ptp.datasets import DeviceInfo
from camfs.protocols.ptp.messages import Event
from camfs.protocols.ptp.values import Value
from camfs.virtual.ptp.faults import Quirks
from camfs.virtual.ptp.maker_body import MakerBody
from camfs.virtual.ptp.properties import Clock, Property
from camfs.virtual.ptp.refusal import Refusal
from camfs.virtual.ptp.store import File, Folder, Node, Objects, Store
from camfs.virtual.sigma.fp import SigmaFp

MAX_EVENTS = 1024
"""Events that wait for the host at most; further ones are lost."""


@dataclass
class Capture:
    """How InitiateCapture takes a picture.

    Attributes:
        seconds: time from the response to the picture.
        folder: path of the folder for new pictures.
        prefix: four characters that their names begin with.
        capturing: whether a capture is under way.
    """

    seconds: float = 0.3
    folder: str = "DCIM/100SIGMA"
    prefix: str = "SDIM"
    capturing: bool = False


@dataclass
class CameraState:
    """The camera's state, which its operations read and change; tests may do both, too.

    Attributes:
        device_info: what GetDeviceInfo answers.
        stores: the card first.
        objects: all objects of all stores.
        properties: device properties by code.
        quirks: what is always different about this camera.
        capture: how it takes pictures.
        events: events that wait to be sent.
        on_event: is called when `events` has grown.
        sigma: the SIGMA fp's own state; None on other cameras.
        maker: the state of another maker's body beyond PTP; None for none.
    """

    device_info: DeviceInfo
    stores: list[Store]
    objects: Objects
    properties: dict[int, Property] = field(default_factory=dict)
    quirks: Quirks = field(default_factory=Quirks)
    capture: Capture = field(default_factory=Capture)
    events: list[Event] = field(default_factory=list)
    on_event: Callable[[], None] = lambda: None
    sigma: SigmaFp | None = None
    maker: MakerBody | None = None

    def __post_init__(self) -> None:
        for store in self.stores:
            store.on_change = self.notify

    def notify(self, code: int, *parameters: int, transaction_id: int = NO_TRANSACTION) -> None:
        """Send an event, if this camera lists it and sends events."""
        if self.quirks.events and code in self.device_info.events:
            self.send(Event(code, transaction_id, parameters))

    def send(self, event: Event) -> None:
        """Send an event, even one that this camera does not list."""
        if self.maker is not None and not self.maker.happened(event):
            return
        if len(self.events) < MAX_EVENTS:
            self.events.append(event)
            self.on_event()

    @property
    def hides_objects(self) -> bool:
        """Whether the stores read as empty, as the SIGMA fp's do under remote control."""
        return self.sigma is not None and self.sigma.locked

    def end_session(self) -> None:
        """Do what the end of the PTP session brings with it."""
        self.events.clear()
        if self.sigma is not None:
            self.sigma.session_ended()
        if self.maker is not None:
            self.maker.session_ended()

    def lose_power(self) -> None:
        """Do what pulling the USB cable brings with it."""
        if self.sigma is not None:
            self.sigma.close()
        if self.maker is not None:
            self.maker.power_lost()

    def now(self) -> datetime:
        """Return the time on the camera's clock."""
        clocks = [item for item in self.properties.values() if isinstance(item, Clock)]
        return clocks[0].now() if clocks else datetime.now().replace(microsecond=0)

    def store(self, storage: int) -> Store:
        """Return the store with an id.

        Raises:
            Refusal: there is none, or its card has been removed.
        """
        for store in self.stores:
            if store.id == storage:
                if not store.present:
                    raise Refusal(ResponseCode.StoreNotAvailable)
                return store
        raise Refusal(ResponseCode.InvalidStorageID)

    def chosen_stores(self, storage: int) -> list[Store]:
        """Return the stores that an id stands for: 0xFFFFFFFF for all that are present."""
        if storage == ALL_STORAGES:
            return [store for store in self.stores if store.present]
        return [self.store(storage)]

    def node(self, handle: int) -> Node:
        """Return the object with a handle.

        Raises:
            Refusal: there is none, or its card has been removed.
        """
        node = None if self.hides_objects else self.objects.get(handle)
        if node is None:
            raise Refusal(ResponseCode.InvalidObjectHandle)
        if not node.store.present:
            raise Refusal(ResponseCode.StoreNotAvailable)
        return node

    def file(self, handle: int) -> File:
        """Return the file with a handle; refused as for `node`, and for a folder."""
        node = self.node(handle)
        if not isinstance(node, File):
            raise Refusal(ResponseCode.InvalidObjectHandle)
        return node

    def listed(self, stores: list[Store], parent: int, deep: bool) -> Iterator[Node]:
        """Return the objects in some stores.

        Args:
            stores: where to look.
            parent: handle of the folder to list; 0 for the root of each store.
            deep: all levels below it; otherwise the next level only.

        Raises:
            Refusal: the parent is not a folder in these stores.
        """
        if self.hides_objects:
            return
        if not parent:
            folders = [store.root for store in stores]
        else:
            node = self.objects.get(parent)
            if not isinstance(node, Folder) or node.store not in stores:
                raise Refusal(ResponseCode.InvalidParentObject)
            folders = [node]
        for folder in folders:
            yield from folder.descendants(None if deep else 1)

    def set_property(self, code: int, value: Value) -> None:
        """Change a device property as the photographer would, on the camera."""
        self.properties[code].put(value)
        self.notify(EventCode.DevicePropChanged, code)

    def remove_card(self, storage: StorageID) -> None:
        """Take the card out."""
        store = self.store(storage)
        store.present = False
        self.notify(EventCode.StoreRemoved, storage)

    def insert_card(self, storage: StorageID) -> None:
        """Put the card in again."""
        for store in self.stores:
            if store.id == storage:
                store.present = True
        self.notify(EventCode.StoreAdded, storage)

    def change_device_info(self, device_info: DeviceInfo) -> None:
        """Change what the camera says it is, as a turn of the mode dial may do."""
        self.device_info = device_info
        self.notify(EventCode.DeviceInfoChanged)
