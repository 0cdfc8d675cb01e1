"""Makes an emulated camera a USB device of this computer: a gadget in configfs with one function, a FunctionFS.

This needs root and a USB device controller (UDC): the port of a Raspberry Pi Zero, or the kernel's dummy_hcd, which plugs the device
into the same computer.

A gadget outlives a process that is killed. So first whatever a gadget of the same name has left behind is removed.
"""

import ctypes
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import trio

from camfs.errors import DeviceGone, DeviceInUse, TransportError
from camfs.virtual.ptp.camera import EmulatedCamera
from camfs.virtual.usb.aio import Operations
from camfs.virtual.usb.functionfs import EndpointPort, Ep0Event, Function

GADGETS = Path("/sys/kernel/config/usb_gadget")
CONTROLLERS = Path("/sys/class/udc")
MOUNTS = Path("/proc/self/mounts")

INTERFACE_NAME = "Still Image"
ENGLISH = "0x409"

_NO_VENDOR = (0x1D6B, 0x0104)
"""Ids for a profile without any: those of the Linux Foundation's multifunction gadget."""

_libc = ctypes.CDLL(None, use_errno=True)


async def serve(
    camera: EmulatedCamera, udc: str | None = None, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
    """Let a camera answer on USB until SIGINT or SIGTERM. Then, or when cancelled, the gadget is removed completely.

    Args:
        camera: must not run elsewhere; closed at the end.
        udc: a controller in /sys/class/udc; None for the first free one.
        task_status: is told the controller's name once the device is on the bus.

    Raises:
        DeviceInUse: the controller serves another gadget.
        TransportError: this needs root, or something that the kernel lacks; the message says which.
    """
    try:
        with (
            trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals,
            _gadget(camera, udc) as (gadget, controller),
            _function(gadget) as function,
        ):
            _bind(gadget, controller)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(function.operations.run)
                nursery.start_soon(_answer_host, camera, function)
                task_status.started(controller)
                async for _ in signals:
                    nursery.cancel_scope.cancel()
                    break
    finally:
        camera.close()


async def _answer_host(camera: EmulatedCamera, function: Function) -> None:
    """Answer the host's requests; the camera begins anew each time that the host enables the interface."""
    one_at_a_time = trio.Lock()
    connected = trio.CancelScope()

    async def connect(scope: trio.CancelScope) -> None:
        with scope:
            async with one_at_a_time:
                with suppress(DeviceGone):
                    port = EndpointPort(function)
                    try:
                        await camera.responder.run(port)
                    finally:
                        port.close()

    async with trio.open_nursery() as nursery:
        while True:
            event, setup = await function.event()
            match event:
                case Ep0Event.SETUP:
                    await function.answer(setup, camera.responder)
                case Ep0Event.ENABLE:  # perhaps without the DISABLE that should come before it
                    connected.cancel()
                    connected = trio.CancelScope()
                    nursery.start_soon(connect, connected)
                case Ep0Event.DISABLE | Ep0Event.UNBIND:
                    connected.cancel()
                    camera.state.lose_power()


@contextmanager
def _gadget(camera: EmulatedCamera, udc: str | None) -> Iterator[tuple[Path, str]]:
    """Make the gadget's folders, and remove them at the end."""
    if os.geteuid() != 0:
        raise TransportError("a USB gadget needs root")
    if not GADGETS.is_dir():
        raise TransportError(f"no {GADGETS}: modprobe libcomposite; mount -t configfs none {GADGETS.parent}")
    controller = free_controller(udc)
    gadget = GADGETS / f"camfs-{controller}"
    _remove(gadget)
    try:
        _make(gadget, camera)
        yield gadget, controller
    finally:
        _remove(gadget)


def free_controller(udc: str | None) -> str:
    """Return the controller to use: the named one, or the first free one."""
    controllers = sorted(each.name for each in CONTROLLERS.iterdir()) if CONTROLLERS.is_dir() else []
    if not controllers:
        raise TransportError(f"no USB device controller in {CONTROLLERS}; to try without one: modprobe dummy_hcd")
    if udc is not None and udc not in controllers:
        raise TransportError(f"no USB device controller {udc}; there are {', '.join(controllers)}")
    taken = []
    for controller in controllers if udc is None else [udc]:
        gadget = (CONTROLLERS / controller / "function").read_text().strip()
        if not gadget:
            return controller
        taken.append(f"{controller} serves the gadget {gadget}")
    raise DeviceInUse(f"no free USB device controller: {', '.join(taken)}")


def _make(gadget: Path, camera: EmulatedCamera) -> None:
    info, profile = camera.state.device_info, camera.profile
    vendor, product = (profile.vendor_id, profile.product_id) if profile.vendor_id else _NO_VENDOR
    function, configuration = gadget / f"functions/ffs.{gadget.name}", gadget / "configs/c.1"
    gadget.mkdir()
    for name, value in (
        ("idVendor", f"0x{vendor:04x}"),
        ("idProduct", f"0x{product:04x}"),
        ("bcdDevice", "0x0100"),
        ("bcdUSB", "0x0200"),
    ):
        (gadget / name).write_text(value)
    strings = gadget / "strings" / ENGLISH
    strings.mkdir()
    for name, text in (
        ("manufacturer", info.manufacturer),
        ("product", info.model),
        ("serialnumber", info.serial_number),
    ):
        (strings / name).write_text(text)
    configuration.mkdir()
    try:
        function.mkdir()
    except FileNotFoundError:
        raise TransportError("the kernel has no FunctionFS: modprobe usb_f_fs") from None
    (configuration / function.name).symlink_to(function)


@contextmanager
def _function(gadget: Path) -> Iterator[Function]:
    """Mount the gadget's FunctionFS and open its files; at the end take the gadget off the bus and close them."""
    folder = tempfile.mkdtemp(prefix="camfs-gadget-")
    try:
        if _libc.mount(gadget.name.encode(), folder.encode(), b"functionfs", 0, None):
            code = ctypes.get_errno()
            raise TransportError(f"mounting functionfs failed: {os.strerror(code)}")
    except BaseException:
        os.rmdir(folder)
        raise
    operations = Operations()
    function = None
    try:
        function = Function(Path(folder), INTERFACE_NAME, operations)
        yield function
    finally:
        _unbind(gadget)  # this ends the operations on the endpoints
        operations.close()
        if function is not None:
            function.close()


def _bind(gadget: Path, controller: str) -> None:
    """Put the gadget on the bus."""
    try:
        (gadget / "UDC").write_text(controller)
    except OSError as error:
        raise TransportError(f"USB device controller {controller}: {error.strerror}") from None


def _unbind(gadget: Path) -> None:
    with suppress(OSError):  # it was not bound
        (gadget / "UDC").write_text("\n")


def _remove(gadget: Path) -> None:
    """Take a gadget off the bus, unmount its FunctionFS, and remove its folders, inner ones first; it may be incomplete."""
    if not gadget.is_dir():
        return
    _unbind(gadget)
    for line in MOUNTS.read_text().splitlines():
        device, folder, kind = line.split(" ")[:3]
        if kind == "functionfs" and device == gadget.name:
            _libc.umount2(folder.encode(), 0)
            with suppress(OSError):
                os.rmdir(folder)
    for configuration in gadget.glob("configs/*"):
        for link in configuration.iterdir():
            if link.is_symlink():
                link.unlink()
    for pattern in ("configs/*", "functions/*", "strings/*"):
        for part in gadget.glob(pattern):
            part.rmdir()
    gadget.rmdir()
