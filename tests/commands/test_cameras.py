"""The lines of `--list`, for cameras on an invented bus whose nodes real processes hold open."""

import subprocess
import sys
from pathlib import Path

import pytest
import usb.backend.libusb1 as libusb

from camfs.commands import cameras
from camfs.commands.mounts import CAMFS
from camfs.transports import mounts, mtp, sysfs, usb
from camfs.transports.holders import Holder
from camfs.transports.mounts import MountEntry
from tests.transports.bus import Backend, BusDevice

HOLD = "import sys; held = open(sys.argv[2]); print(flush=True); input()"


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[BusDevice]:
    """Return an empty bus, of a computer without serial ports and mounts."""
    devices: list[BusDevice] = []
    monkeypatch.setattr(usb, "NODES", tmp_path / "nodes")
    monkeypatch.setattr(usb, "SYSFS", tmp_path / "sysfs")
    monkeypatch.setattr(mtp, "UDEV", tmp_path / "udev")
    monkeypatch.setattr(libusb, "get_backend", lambda: Backend(devices))
    monkeypatch.setattr(sysfs, "adapters", list)
    show_mounts(tmp_path, monkeypatch, "")
    return devices


def plug(bus: list[BusDevice], device: BusDevice) -> None:
    device.plug(usb.NODES, usb.SYSFS)
    bus.append(device)


def listed() -> list[str]:
    """Return the lines of `--list`."""
    return cameras.lines(cameras.find())


def show_mounts(place: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let /proc/self/mounts have these lines."""
    (place / "mounts").write_text("proc /proc proc rw 0 0\n" + text)
    monkeypatch.setattr(mounts, "MOUNTS", place / "mounts")


def test_nothing(bus: list[BusDevice]) -> None:
    assert listed() == []


def test_cameras(bus: list[BusDevice]) -> None:
    """The form is fixed, since scripts read it."""
    plug(bus, BusDevice())
    assert listed() == ["usb:1003:c432   SIGMA fp   serial 91403727   free"]
    plug(bus, BusDevice(vendor=0x04A9, product=0x3218, address=8, serial=None, product_name="Canon Digital Camera"))
    assert listed() == [
        "usb:1003:c432   SIGMA fp               serial 91403727   free",
        "usb:04a9:3218   Canon Digital Camera   serial unknown    free",
    ]


def test_mtp_devices_of_vendor_class(bus: list[BusDevice]) -> None:
    """By the interface's name, or by what libmtp's rules have told udev. No other device of that class is listed or touched."""
    vendor = {"triple": (255, 255, 0), "vendor": 0x0FCE}
    plug(bus, BusDevice(**vendor, product=0x0166, address=2, serial="1", product_name="MiniPro", interface_name="MTP"))  # type: ignore[arg-type]
    marked = {"properties": {"ID_MTP_DEVICE": "1"}, "interface_name": ""}
    plug(bus, BusDevice(**vendor, product=0x0167, address=3, serial=None, product_name="Player", **marked))  # type: ignore[arg-type]
    unknown = BusDevice(**vendor, product=0x0168, address=4, interface_name="")  # type: ignore[arg-type]
    plug(bus, unknown)
    assert listed() == [
        "usb:0fce:0166   MiniPro   serial 1         free",
        "usb:0fce:0167   Player    serial unknown   free",
    ]
    assert not unknown.calls


def test_for_scripts(bus: list[BusDevice], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys are fixed. Names are whole, since JSON can hold them."""
    plug(bus, BusDevice(product_name="fp\x1b[2J"))
    plug(bus, BusDevice(vendor=0x04A9, product=0x3218, address=8, serial=None))
    show_mounts(tmp_path, monkeypatch, "usb:1003:c432 /run/camfs/x fuse.camfs rw,allow_other 0 0\n")
    assert [each.facts() for each in cameras.find()] == [
        {
            "source": "usb:1003:c432",
            "name": "fp\x1b[2J",
            "serial": "91403727",
            "kind": "usb",
            "free": False,
            "users": [{"program": "camfs", "pid": None, "mount_point": "/run/camfs/x"}],
        },
        {"source": "usb:04a9:3218", "name": "SIGMA fp", "serial": None, "kind": "usb", "free": True, "users": []},
    ]


def test_what_is_known_only_because_it_is_mounted(
    bus: list[BusDevice], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Emulated cameras, those on the network, and one that was unplugged; each once."""
    plug(bus, BusDevice())
    mounted = {
        "usb:91403727": "/a/plugged",
        "usb:04a9:3218": "/a/unplugged",
        "virtual:sigma-fp?serial=7&card=/x%2Cy": "/a/emulated",
        "virtual:dc120": "/a/kodak",
        "ptpip:[::1]:15741": "/a/net",
        "whatever": "/a/named",
    }
    show_mounts(tmp_path, monkeypatch, "".join(f"{source} {at} fuse.camfs rw 0 0\n" for source, at in mounted.items()))
    assert listed() == [
        "usb:1003:c432                         SIGMA fp                serial 91403727   in use by camfs at /a/plugged",
        "usb:04a9:3218                         USB camera              serial unknown    in use by camfs at /a/unplugged",
        "virtual:sigma-fp?serial=7&card=/x,y   emulated SIGMA fp       serial 7          in use by camfs at /a/emulated",
        "virtual:dc120                         emulated Kodak DC120    serial unknown    in use by camfs at /a/kodak",
        "ptpip:[::1]:15741                     camera on the network   serial unknown    in use by camfs at /a/net",
        "whatever                              camera                  serial unknown    in use by camfs at /a/named",
    ]
    assert [each.facts()["kind"] for each in cameras.find()] == ["usb", "usb", "virtual", "virtual", "ptpip", None]


def test_two_of_a_kind(bus: list[BusDevice]) -> None:
    plug(bus, BusDevice())
    plug(bus, BusDevice(address=8, serial="2"))
    assert [line.split()[0] for line in listed()] == ["usb:91403727", "usb:2"]


def test_serial_ports(bus: list[BusDevice], monkeypatch: pytest.MonkeyPatch) -> None:
    port = sysfs.Adapter(Path("/dev/ttyUSB0"), "FT232R USB UART", "A50285BI")
    monkeypatch.setattr(sysfs, "adapters", lambda: [port])
    assert listed() == ["serial:/dev/ttyUSB0   FT232R USB UART   serial A50285BI   free"]


def test_a_camera_s_name_does_nothing_to_the_terminal(bus: list[BusDevice]) -> None:
    plug(bus, BusDevice(product_name="fp\x1b[2J\N{RIGHT-TO-LEFT OVERRIDE}"))
    assert listed() == ["usb:1003:c432   fp?[2J?   serial 91403727   free"]


def test_in_use_by_camfs(bus: list[BusDevice], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process called camfs holds the node open and has its mount point in its command line."""
    plug(bus, BusDevice())
    package = tmp_path / "camfs"
    package.write_text(HOLD)
    node = usb.NODES / "001/007"
    show_mounts(tmp_path, monkeypatch, "usb: /home/ana/my\\040cam fuse.camfs rw 0 0\n")
    command = [sys.executable, str(package), "usb:", str(node), "my cam"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        lines = listed()
        process.stdin.write(b"\n")
    assert lines == [
        f"usb:1003:c432   SIGMA fp   serial 91403727   in use by camfs (pid {process.pid}) at /home/ana/my cam"
    ]


@pytest.mark.parametrize("source", ["usb:1003:c432", "usb:91403727", "usb:1.7"])
def test_mounted_by_root(bus: list[BusDevice], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """Root's open files are hidden from other users, but its mounts are not."""
    plug(bus, BusDevice())
    show_mounts(tmp_path, monkeypatch, f"{source} /run/camfs/x fuse.camfs rw,allow_other 0 0\n")
    assert listed() == ["usb:1003:c432   SIGMA fp   serial 91403727   in use by camfs at /run/camfs/x"]


def test_only_camfs_has_a_mount_point() -> None:
    assert cameras.mount_point(Holder(1, "gphoto2"), [MountEntry("usb:", "/mnt", CAMFS)]) is None
    assert cameras.mount_point(Holder(2**30, "camfs"), [MountEntry("usb:", "/mnt", CAMFS)]) is None
