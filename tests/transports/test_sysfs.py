"""What the kernel tells of USB devices and serial adapters: folders like those of a real /sys."""

from pathlib import Path

import pytest

from camfs.transports import mtp, sysfs
from camfs.transports.sysfs import Adapter, UsbDevice


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put /sys where the tests may write."""
    monkeypatch.setattr(sysfs, "DEVICES", tmp_path / "bus/usb/devices")
    monkeypatch.setattr(sysfs, "TERMINALS", tmp_path / "class/tty")


def write(folder: Path, **texts: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text + "\n")


def plug(
    place: Path, name: str, ids: str, interfaces: dict[str, str], *, where: tuple[int, int] = (1, 7), **texts: str
) -> Path:
    """Make a device and its interfaces ("060101": its interface string)."""
    folder = place / "devices/pci0000:00/usb1" / name
    vendor, product = ids.split(":")
    write(folder, idVendor=vendor, idProduct=product, busnum=str(where[0]), devnum=str(where[1]), **texts)
    for number, (triple, string) in enumerate(interfaces.items()):
        numbers = {
            f"bInterface{word}": triple[2 * i : 2 * i + 2] for i, word in enumerate(("Class", "SubClass", "Protocol"))
        }
        write(folder / f"{name}:1.{number}", **numbers, **({"interface": string} if string else {}))
    (place / "bus/usb/devices").mkdir(parents=True, exist_ok=True)
    for each in (folder, *folder.glob(f"{name}:*")):
        (place / "bus/usb/devices" / each.name).symlink_to(each)
    return folder


def attach(place: Path, interface: Path, name: str) -> None:
    """Make the terminal of an adapter."""
    folder = interface / name / "tty" / name if name.startswith("ttyUSB") else interface / "tty" / name
    folder.mkdir(parents=True)
    (place / "class/tty").mkdir(parents=True, exist_ok=True)
    (place / "class/tty" / name).symlink_to(folder)


def test_without_usb() -> None:
    assert sysfs.usb_devices() == []
    assert sysfs.adapters() == []


def test_devices(tmp_path: Path) -> None:
    plug(tmp_path, "1-2", "0781:5567", {"080650": ""}, where=(1, 9), product="Cruzer")
    plug(tmp_path, "1-1", "1003:c432", {"060101": "Still Image"}, product="SIGMA fp", serial="91403727")
    plug(tmp_path, "1-3", "18d1:4ee1", {"ffff00": "MTP", "ff4201": "ADB"}, where=(1, 3))
    plug(tmp_path, "1-4", "1003:c432", {"080650": ""}, where=(2, 1), product="SIGMA fp")
    phone, camera, stick, disk = sysfs.usb_devices()
    assert camera == UsbDevice(0x1003, 0xC432, 1, 7, "SIGMA fp", ((6, 1, 1),), "91403727")
    assert str(camera) == "usb 1003:c432 (bus 1 device 7)"
    assert [each.is_camera for each in (phone, camera, stick, disk)] == [True, True, False, False]
    assert [each.is_card_reader for each in (phone, camera, stick, disk)] == [False, False, True, True]
    assert phone.name == "unnamed device"


def test_a_vendor_s_own_interface_is_no_camera(tmp_path: Path) -> None:
    plug(tmp_path, "1-1", "0403:6001", {"ffffff": "FT232R USB UART"})
    assert not sysfs.usb_devices()[0].is_camera


@pytest.mark.parametrize(
    ("marked", "endpoints", "driver", "speaks", "may_speak"),
    [
        (False, "03", False, False, True),
        (True, "03", False, True, False),
        (False, "02", False, False, False),
        (True, "02", False, False, False),
        (True, "03", True, False, False),
        (False, "03", True, False, False),
    ],
)
def test_an_mtp_device_without_a_name(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    marked: bool,
    endpoints: str,
    driver: bool,
    speaks: bool,
    may_speak: bool,
) -> None:
    """udev says so, or nobody. An interface that looks otherwise, or has a driver of the kernel, is no candidate."""
    monkeypatch.setattr(mtp, "UDEV", tmp_path / "udev")
    folder = plug(tmp_path, "1-1", "0fce:0166", {"ffff00": ""}, dev="189:6")
    write(folder / "1-1:1.0", bNumEndpoints=endpoints, **({"driver": ""} if driver else {}))
    write(tmp_path / "udev", **{"c189:6": "S:libmtp-1-1\nE:ID_BUS=usb" + ("\nE:ID_MTP_DEVICE=1" if marked else "")})
    (device,) = sysfs.usb_devices()
    assert (device.speaks_mtp, device.may_speak_mtp, device.is_camera) == (speaks, may_speak, speaks)


def test_what_has_half_gone_is_left_out(tmp_path: Path) -> None:
    folder = plug(tmp_path, "1-1", "1003:c432", {"060101": ""})
    (folder / "1-1:1.0/bInterfaceClass").unlink()
    assert sysfs.usb_devices()[0].interfaces == ()
    (folder / "devnum").unlink()
    assert sysfs.usb_devices() == []


def test_adapters(tmp_path: Path) -> None:
    cable = plug(tmp_path, "1-1", "0403:6001", {"ffffff": ""}, product="FT232R USB UART", serial="A50285BI")
    modem = plug(tmp_path, "1-2", "2341:0043", {"020201": ""})
    attach(tmp_path, cable / "1-1:1.0", "ttyUSB0")
    attach(tmp_path, modem / "1-2:1.0", "ttyACM0")
    attach(tmp_path, tmp_path / "devices/pnp0/00:05", "ttyS0")
    assert sysfs.adapters() == [
        Adapter(Path("/dev/ttyACM0"), "USB serial adapter", None),
        Adapter(Path("/dev/ttyUSB0"), "FT232R USB UART", "A50285BI"),
    ]
