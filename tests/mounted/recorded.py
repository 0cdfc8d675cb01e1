"""camfs on a USB bus with a recorded device: `python -m tests.mounted.recorded RECORDING ARGUMENTS OF CAMFS…`."""

import sys
import tempfile
from pathlib import Path
from unittest.mock import patch

import usb.backend.libusb1 as libusb

from camfs.cli import main
from camfs.transports import mtp, usb
from tests.transports import recording
from tests.transports.bus import Backend, plug


def run() -> int:
    """Plug the device in and run the command."""
    with (
        tempfile.TemporaryDirectory() as place,
        patch.object(usb, "NODES", Path(place) / "nodes"),
        patch.object(usb, "SYSFS", Path(place) / "sysfs"),
        patch.object(mtp, "UDEV", Path(place) / "udev"),
    ):
        devices = [plug([], recording.device(sys.argv[1]))]
        with patch.object(libusb, "get_backend", lambda: Backend(devices)):
            return main(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(run())
