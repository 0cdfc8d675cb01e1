"""An emulated PTP camera, complete: its state, its responder and its in-process USB cable."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace

from camfs.virtual.pictures.contents import Disk
from camfs.virtual.ptp.calls import Handler
from camfs.virtual.ptp.faults import Fault
from camfs.virtual.ptp.options import Options
from camfs.virtual.ptp.profiles import Profile, StoreTable
from camfs.virtual.ptp.responder import Responder
from camfs.virtual.ptp.scans import scan_disk, scan_generated, scan_numbered
from camfs.virtual.ptp.state import CameraState, Capture
from camfs.virtual.ptp.store import Objects, Store
from camfs.virtual.running import running
from camfs.virtual.sigma.fp import SigmaFp
from camfs.virtual.sigma.operations import of_firmware
from camfs.virtual.trace import Trace
from camfs.virtual.usb.pipes import EmulatedUsb, HostPipes


class EmulatedCamera:
    """A camera of some model; it answers while `running`.

    Args:
        profile: the model.
        options: what the user or the test asked for.
        keep_trace: whether `trace.records` is filled.

    Attributes:
        profile: the model.
        state: its stores, properties, clock and so on.
        quirks: what is always different about it.
        trace: what it saw.
        responder: answers requests, USB class requests too; `responder.run(port)` serves it on another port.
        usb: its cable in this process, which can be pulled, also in the middle of a transfer.
    """

    def __init__(self, profile: Profile, options: Options, keep_trace: bool = False) -> None:
        self.profile = profile
        self.quirks = replace(profile.quirks)
        if options.events is not None:
            self.quirks.events = options.events
        self.quirks.claimed_sizes = options.sizes
        self.quirks.partial_reads = options.partial_reads
        for quirk in options.quirks:
            setattr(self.quirks, quirk, True)
        self._disk = Disk()
        objects = Objects()
        properties = profile.new_properties()
        info = profile.device_info
        self.state = CameraState(
            replace(
                info,
                operations=_listed(profile, options),
                device_properties=tuple(sorted(properties)),
                manufacturer=options.maker or info.manufacturer,
                serial_number=options.serial or info.serial_number,
                vendor_extension_id=info.vendor_extension_id if options.extension is None else options.extension,
            ),
            [self._store(table, objects, options) for table in profile.stores],
            objects,
            properties,
            self.quirks,
            Capture(folder=f"DCIM/{profile.folder}", prefix=profile.prefix),
        )
        if profile.maker is not None:
            self.state.maker = profile.maker(self.state, options)
            self.state.maker.leave_bus = self._leave_bus
        if profile.has_api_life:
            self.state.sigma = SigmaFp(
                self.card,
                self.state.now,
                folder=profile.folder,
                prefix=profile.prefix,
                serial_number=self.state.device_info.serial_number[-8:],
                firmware=options.firmware,
                snap_time=options.snap_time,
            )
            self.state.sigma.failures.extend(options.failures)
            self.state.sigma.begins_with = options.settings
            self.state.sigma.numbers_custom_modes = options.numbers_custom_modes
            self.state.sigma.on_gone = self._leave_bus
        self.trace = Trace(options.trace, keep_trace)
        self.responder = Responder(
            self.state,
            self.trace,
            vendor={code: handler for code, handler in profile.vendor.items() if code not in options.without},
            vendor_data_out=profile.vendor_data_out,
            vendor_names=profile.vendor_names,
            latency=options.latency,
            bandwidth=options.bandwidth,
        )
        self.usb = EmulatedUsb(self.responder, options.packet)

    def _store(self, table: StoreTable, objects: Objects, options: Options) -> Store:
        folder = options.folders.get(table.option)
        if folder is not None:
            scan = scan_disk(folder, self._disk)
        elif options.objects is not None and table.option == "card":
            scan = scan_numbered(options.objects, self.profile.folder, self.profile.prefix)
        else:
            scan = scan_generated(table.shots, self.profile.folder, self.profile.prefix, self.profile.raw)
        store = Store(
            table.id,
            objects,
            storage_type=table.storage_type,
            description=table.description,
            free_images=table.free_images,
            scan=scan,
        )
        store.disk = folder
        return store

    @property
    def card(self) -> Store:
        """The first store."""
        return self.state.stores[0]

    @property
    def faults(self) -> list[Fault]:
        """What will go wrong; append to it."""
        return self.responder.faults

    def override(self, operation: int, handler: Handler) -> ExitStack:
        """Let a handler answer an operation, until `restore` or the end of the `with` block that this call opens.

        Args:
            operation: any except OpenSession and CloseSession, whether the camera has it or not.
            handler: may call the camera's own handler, a function in `camfs.virtual.ptp.operations`.
        """
        self.responder.overrides[operation] = handler
        undo = ExitStack()
        undo.callback(self.restore, operation)
        return undo

    def restore(self, operation: int) -> None:
        """Let the camera itself answer an operation again."""
        self.responder.overrides.pop(operation, None)

    def open(self) -> HostPipes:
        """Claim the camera's USB interface, as a host program does (`EmulatedUsb.open`)."""
        return self.usb.open()

    @property
    def sigma(self) -> SigmaFp:
        """What a SIGMA fp has beyond PTP; only for a SIGMA fp."""
        assert self.state.sigma is not None
        return self.state.sigma

    def _leave_bus(self) -> None:
        self.usb.unplug()

    def unplug(self) -> None:
        """Pull the cable."""
        self.usb.unplug()
        self.state.lose_power()

    def plug(self) -> None:
        """Put the cable in again; `open` then gives new pipes. A camera that hangs stays off the bus."""
        hangs = self.state.sigma is not None and self.state.sigma.gone
        if not hangs and not (self.state.maker is not None and self.state.maker.gone):
            self.usb.plug()

    def power_cycle(self) -> None:
        """Switch the camera off and on, with its cable in."""
        self.unplug()
        if self.state.sigma is not None:
            self.state.sigma.power_cycle()
        if self.state.maker is not None:
            self.state.maker.power_cycled()
        self.plug()

    async def run(self) -> None:
        """Answer on the cable in this process, however often it is pulled and put in again; never returns."""
        while True:
            await self.responder.run(await self.usb.port())
            self.state.lose_power()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["EmulatedCamera"]:
        """Run the camera during the block; an exception of the block comes out unwrapped."""
        try:
            async with running(self.run):
                yield self
        finally:
            self.close()

    def close(self) -> None:
        """Pull the cable, and close the files that the camera has open."""
        self.usb.unplug()
        self.trace.close()
        self._disk.close()


def _listed(profile: Profile, options: Options) -> tuple[int, ...]:
    """Return the operations that DeviceInfo lists: the profile's, as a SIGMA's firmware and the options change them."""
    operations = profile.device_info.operations
    if profile.has_api_life:
        operations = of_firmware(operations, options.firmware)
    listed = [code for code in operations if code not in options.without]
    return (*listed, *(code for code in options.listed if code not in listed))
