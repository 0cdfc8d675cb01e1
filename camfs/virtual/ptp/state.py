"""An emulated camera without its cable: what it is, its stores, its properties, its clock, and the events it has to tell."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from camfs.protocols.ptp.codes import ALL_STORAGES, NO_TRANSACTION, EventCode, ResponseCode, StorageID
from camfs.protocols.ptp.datasets import DeviceInfo
from camfs.protocols.ptp.messages import Event
from camfs.protocols.ptp.values import Value
from camfs.virtual.ptp.faults import Quirks
from camfs.virtual.ptp.properties import Clock, Property
from camfs.virtual.ptp.refusal import Refusal
from camfs.virtual.ptp.store import File, Folder, Node, Objects, Store
from camfs.virtual.sigma.fp import SigmaFp

MAX_EVENTS = 1024
"""Events that wait for the host; those that come when so many wait are lost."""


@dataclass
class Capture:
    """How InitiateCapture takes a picture.

    Attributes:
        seconds: from the response to the picture.
        folder: path of the folder that pictures go to.
        prefix: four characters that their names begin with.
        capturing: whether one is under way.
    """

    seconds: float = 0.3
    folder: str = "DCIM/100SIGMA"
    prefix: str = "SDIM"
    capturing: bool = False


@dataclass
class CameraState:
    """The camera's state; operations read and change it.

    Attributes:
        stores: the card first.
        objects: all objects of all stores.
        properties: device properties by code.
        events: what waits to be sent.
        on_event: is called when `events` has grown.
        sigma: the SIGMA fp's own state; None on other cameras.
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

    def __post_init__(self) -> None:
        for store in self.stores:
            store.on_change = self.notify

    def notify(self, code: int, *parameters: int, transaction_id: int = NO_TRANSACTION) -> None:
        """Put an event on the list to send, if this camera sends such events."""
        if self.quirks.events and code in self.device_info.events:
            self.send(Event(code, transaction_id, parameters))

    def send(self, event: Event) -> None:
        """Put an event on the list to send, also one that this camera does not list."""
        if len(self.events) < MAX_EVENTS:
            self.events.append(event)
            self.on_event()

    @property
    def hides_objects(self) -> bool:
        """Whether the stores read as empty: the SIGMA fp's in its API life."""
        return self.sigma is not None and self.sigma.locked

    def end_session(self) -> None:
        """Note that the PTP session is over."""
        self.events.clear()
        if self.sigma is not None:
            self.sigma.session_ended()

    def lose_power(self) -> None:
        """Note that the USB cable is out."""
        if self.sigma is not None:
            self.sigma.close()

    def now(self) -> datetime:
        """Return the time on the camera's clock."""
        clocks = [item for item in self.properties.values() if isinstance(item, Clock)]
        return clocks[0].now() if clocks else datetime.now().replace(microsecond=0)

    def store(self, storage: int) -> Store:
        """Return the store of an id.

        Raises:
            Refusal: there is none, or its card is out.
        """
        for store in self.stores:
            if store.id == storage:
                if not store.present:
                    raise Refusal(ResponseCode.StoreNotAvailable)
                return store
        raise Refusal(ResponseCode.InvalidStorageID)

    def chosen_stores(self, storage: int) -> list[Store]:
        """Return the stores that an id names: all that are there for 0xFFFFFFFF."""
        if storage == ALL_STORAGES:
            return [store for store in self.stores if store.present]
        return [self.store(storage)]

    def node(self, handle: int) -> Node:
        """Return the object of a handle.

        Raises:
            Refusal: there is none, or the card it is on is out.
        """
        node = None if self.hides_objects else self.objects.get(handle)
        if node is None:
            raise Refusal(ResponseCode.InvalidObjectHandle)
        if not node.store.present:
            raise Refusal(ResponseCode.StoreNotAvailable)
        return node

    def file(self, handle: int) -> File:
        """Return the object of a handle, which must have bytes."""
        node = self.node(handle)
        if not isinstance(node, File):
            raise Refusal(ResponseCode.InvalidObjectHandle)
        return node

    def listed(self, stores: list[Store], parent: int, deep: bool) -> Iterator[Node]:
        """Return objects of stores: of their roots if the parent is 0, else of a folder; at any depth or the next level only.

        Raises:
            Refusal: the parent is no folder in these stores.
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
        """Change a device property as the photographer would, at the state."""
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
        """Become another camera, as with a turn of the mode dial."""
        self.device_info = device_info
        self.notify(EventCode.DeviceInfoChanged)
