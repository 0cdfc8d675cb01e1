"""The command line as tables, from which the parser, `--help`, the manual page and the shells' completions are made.

Only the tables of options and sources are imported here, so that the pages can be made where camfs's dependencies are missing.
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
    "camfs -u MOUNTPOINT",
    "camfs --list [--json]",
    "camfs --doctor [--json]",
    "camfs --install-units [--user]",
    "camfs --uninstall-units [--user]",
)

SUMMARY = "mount a camera as a file system"

VIRTUAL_OPTIONS = (
    "Options of an emulated camera follow its SOURCE, in quotes because of the shell: 'virtual:ptp?objects=100&latency=0.1'.\n"
    "They are not mount options (-o), nor flags; only python -m camfs.virtual, which serves other programs, takes --objects 100."
)
"""What tells the options of emulated cameras from others."""


@dataclass(frozen=True)
class Flag:
    """One flag of the command line.

    Attributes:
        flag: as it is typed.
        help: what it does.
        value: what its value is called; empty if it takes none.
        keywords: what else argparse needs to know.
    """

    flag: str
    help: str
    value: str = ""
    keywords: Mapping[str, Any] = field(default_factory=dict)


FLAGS = (
    Flag(
        "-o",
        "mount options, see below; -o help lists them",
        "OPTION,…",
        {"dest": "options", "action": "append", "default": []},
    ),
    Flag("-f", "stay in the foreground and log to stderr", keywords={"dest": "foreground", "action": "store_true"}),
    Flag(
        "-v",
        "log what happens; -v -v logs every transaction as well",
        keywords={"dest": "verbose", "action": "count", "default": 0},
    ),
    Flag("-u", "unmount", keywords={"dest": "unmount", "action": "store_true"}),
    Flag("--list", "list the cameras that are found, one SOURCE per line", keywords={"action": "store_true"}),
    Flag("--doctor", "explain why a camera cannot be mounted and how to fix it", keywords={"action": "store_true"}),
    Flag("--json", "with --list or --doctor: print JSON, for scripts", keywords={"action": "store_true"}),
    Flag(
        "--install-units",
        "install the udev rule and the systemd units that mount a camera when it is plugged in",
        keywords={"action": "store_true"},
    ),
    Flag("--uninstall-units", "remove them again", keywords={"action": "store_true"}),
    Flag(
        "--user",
        "with --install-units or --uninstall-units: only this user's own unit, which does not need root",
        keywords={"action": "store_true"},
    ),
    Flag("--version", "print the version", keywords={"action": "version"}),
    Flag("-V", "the same as --version", keywords={"action": "version"}),
)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Exit with one line that says what is wrong."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = _Parser(
        prog="camfs",
        usage="\n       ".join(SYNOPSES),
        description="Mount a camera as a file system; the command returns once the mount is ready.",
        epilog=f"""SOURCE (default: usb:):
{_columns({form.text: form.meaning for form in FORMS})}

{VIRTUAL_OPTIONS}

{options_help()}""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "words",
        nargs="*",
        metavar="[SOURCE] MOUNTPOINT",
        help="what to mount, see below, and where",
    )
    for each in FLAGS:
        keywords = dict(each.keywords)
        if each.value:
            keywords["metavar"] = each.value
        if keywords["action"] == "version":
            keywords["version"] = f"camfs {camfs.__version__}"
        made.add_argument(each.flag, help=each.help, **keywords)
    return made


def options_help() -> str:
    """Return what `-o help` prints."""
    return f"""options for -o:
{_columns({option.typed: option.help for option in OPTIONS})}

Options of FUSE (allow_other, default_permissions, ro, …) are passed on to it."""


def _columns(table: Mapping[str, str]) -> str:
    width = max(map(len, table)) + 2
    return "\n".join(f"  {name:{width}}{meaning}" for name, meaning in table.items())
