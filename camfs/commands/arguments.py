"""The command line as tables: the parser, `--help`, the manual page and the shells' completions are made from them.

Nothing is imported here but the tables of options and sources, so that the pages can be made where camfs cannot run.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import camfs
from camfs.commands.options import OPTIONS
from camfs.commands.sources import FORMS

SYNOPSES = (
    "camfs [SOURCE] MOUNTPOINT [-o OPTION,…] [-f] [-v]",
    "camfs --list",
    "camfs --doctor",
    "camfs --install-units [--user]",
)

SUMMARY = "mount a camera as a file system"

SOURCES: Mapping[str, str] = {
    "usb:": "the USB camera; if there are several, camfs names them and mounts none",
    "usb:VID:PID": "by its USB ids, four hexadecimal digits each",
    "usb:SERIAL": "by its serial number",
    "usb:BUS.DEV": "by its place, decimal, as lsusb shows it",
    "serial:DEVICE": "a Kodak DC120 on a serial port",
    "ptpip:HOST": "a camera on the network (PTP/IP)",
    "virtual:sigma-fp": "an emulated SIGMA fp",
    "virtual:ptp": "an emulated plain PTP camera",
    "virtual:dc120": "an emulated Kodak DC120",
}
"""What the forms of a SOURCE mean."""


@dataclass(frozen=True)
class Switch:
    """One option of the command line.

    Attributes:
        flag: as it is typed.
        help: what it does.
        value: what it takes, empty for nothing.
        keywords: the rest that argparse wants to know.
    """

    flag: str
    help: str
    value: str = ""
    keywords: Mapping[str, Any] = field(default_factory=dict)


SWITCHES = (
    Switch("-o", "mount options, see below", "OPTION,…", {"dest": "options", "action": "append", "default": []}),
    Switch("-f", "stay in front, log to stderr", keywords={"dest": "foreground", "action": "store_true"}),
    Switch("-v", "say more; twice: every transaction", keywords={"dest": "verbose", "action": "count", "default": 0}),
    Switch("--list", "list the cameras found, one SOURCE a line", keywords={"action": "store_true"}),
    Switch("--doctor", "say why a camera cannot be mounted, and the mend", keywords={"action": "store_true"}),
    Switch(
        "--install-units",
        "install the udev rule and the systemd units that mount a camera when it is plugged in",
        keywords={"action": "store_true"},
    ),
    Switch(
        "--user", "with --install-units: only the unit of this user; needs no root", keywords={"action": "store_true"}
    ),
    Switch("--version", "say which version this is", keywords={"action": "version"}),
)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    width = max(len(option.name + option.value) for option in OPTIONS) + 3
    options = "\n".join(
        f"  {option.name + ('=' + option.value if option.value else ''):{width}}{option.help}" for option in OPTIONS
    )
    made = _Parser(
        prog="camfs",
        usage="\n       ".join(SYNOPSES),
        description="Mount a camera as a file system; returns once the mount answers.",
        epilog=f"options for -o:\n{options}\n\nThose of FUSE (allow_other, default_permissions, ro, …) are handed on.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "words",
        nargs="*",
        metavar="[SOURCE] MOUNTPOINT",
        help=f"SOURCE: {', '.join(FORMS)}; without it the only USB camera",
    )
    for switch in SWITCHES:
        keywords = dict(switch.keywords)
        if switch.value:
            keywords["metavar"] = switch.value
        if keywords["action"] == "version":
            keywords["version"] = f"camfs {camfs.__version__}"
        made.add_argument(switch.flag, help=switch.help, **keywords)
    return made
