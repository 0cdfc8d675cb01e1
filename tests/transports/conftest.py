"""A USB bus for the tests of the USB transport, empty or with a camera on it."""

from pathlib import Path

import pytest
import usb.backend.libusb1 as libusb

from camfs.transports import mtp, osdescriptor, usb
from tests.transports.bus import Backend, Bus, BusDevice, plug


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bus:
    """Return an empty bus, whose nodes and sysfs are where the tests may write."""
    monkeypatch.setattr(usb, "NODES", tmp_path / "nodes")
    monkeypatch.setattr(usb, "SYSFS", tmp_path / "sysfs")
    monkeypatch.setattr(mtp, "UDEV", tmp_path / "udev")
    monkeypatch.setattr(osdescriptor, "_answers", {})
    devices: Bus = []
    monkeypatch.setattr(libusb, "get_backend", lambda: Backend(devices))
    return devices


@pytest.fixture
def device(bus: Bus) -> BusDevice:
    """Plug a camera in."""
    return plug(bus, BusDevice())
