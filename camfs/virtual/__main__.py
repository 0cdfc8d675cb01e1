"""`python -m camfs.virtual MODEL …`: serves an emulated camera to other programs.

* `MODEL --ptpip [HOST:]PORT`: on the network; HOST is 127.0.0.1 unless given, and PORT 0 means any free port.
* `MODEL --gadget`: as a USB device of this computer, through FunctionFS.
* `dc120 --pty LINK`: as a serial line, a pseudo-terminal that the symlink LINK leads to.

Options are flags here, `--name value`. camfs takes the same ones after a SOURCE, `'virtual:MODEL?name=value'`; who mixes the two is told.
"""

import argparse
import re
import shlex
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import trio

from camfs.errors import CameraError
from camfs.virtual import DC120, PROFILES, WrongOption, emulate, emulate_dc120
from camfs.virtual.dc120.camera import serve as serve_dc120
from camfs.virtual.dc120.options import OPTIONS as DC120_OPTIONS
from camfs.virtual.options import Option
from camfs.virtual.ptp import ptpip
from camfs.virtual.ptp.options import table_of

LOOPBACK = "127.0.0.1"
"""The host to listen at by default."""


EPILOG = "MODEL --help lists its options; camfs takes them after a question mark: camfs 'virtual:MODEL?name=value' MOUNTPOINT"


def _place(text: str) -> tuple[str, int]:
    """Read [HOST:]PORT, with brackets around an IPv6 address."""
    match = re.fullmatch(r"(?:(?:\[([^\[\]]+)\]|([^:\[\]]+)):)?([0-9]{1,5})", text)
    if match is None or int(match[3]) > 0xFFFF:
        raise argparse.ArgumentTypeError(f"{text} is not [HOST:]PORT")
    return match[1] or match[2] or LOOPBACK, int(match[3])


def _ptp(model: str, options: Mapping[str, str], arguments: argparse.Namespace) -> Callable[[], Awaitable[None]]:
    camera = emulate(model, options, keep_trace=False)
    if arguments.ptpip is not None:
        return lambda: ptpip.serve(camera, *arguments.ptpip)
    from camfs.virtual.usb import gadget  # needs FunctionFS, and root

    return lambda: gadget.serve(camera)


def _pty(_: str, options: Mapping[str, str], arguments: argparse.Namespace) -> Callable[[], Awaitable[None]]:
    camera = emulate_dc120(options, keep_trace=False)
    return lambda: serve_dc120(camera, arguments.pty)


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    command = argparse.ArgumentParser(
        "python -m camfs.virtual", description="Serve an emulated camera to other programs.", epilog=EPILOG
    )
    models = command.add_subparsers(dest="model", required=True, metavar="MODEL", help=", ".join((*PROFILES, DC120)))
    for name, profile in PROFILES.items():
        model = models.add_parser(name, epilog=EPILOG)
        table = {**table_of((*(store.option for store in profile.stores), *profile.options)), **profile.own_options}
        ways = model.add_mutually_exclusive_group(required=True)
        ways.add_argument("--ptpip", metavar="[HOST:]PORT", type=_place, help="on the network")
        ways.add_argument("--gadget", action="store_true", help="as a USB device, through FunctionFS")
        _add_options(model, table)
        model.set_defaults(serve=_ptp, table=table)
    model = models.add_parser(DC120, epilog=EPILOG)
    model.add_argument(
        "--pty", metavar="LINK", type=Path, required=True, help="where to make a symlink to its serial line"
    )
    _add_options(model, DC120_OPTIONS)
    model.set_defaults(serve=_pty, table=DC120_OPTIONS)
    return command


def _add_options(model: argparse.ArgumentParser, table: Mapping[str, Option[Any]]) -> None:
    for name, option in table.items():
        model.add_argument(f"--{name}", metavar=option.value, help=option.help)


def _as_flags(source: str) -> list[str]:
    """Write a SOURCE of an emulated camera as the words of this command."""
    model, _, options = source.removeprefix("virtual:").partition("?")
    pairs = (pair.partition("=") for pair in options.split("&") if pair)
    return [model, *(word for name, _, value in pairs for word in (f"--{name}", unquote(value)))]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    command = parser()
    if words and (words[0].startswith("virtual:") or "?" in words[0]):
        command.error(f"{words[0]} is a SOURCE of camfs; here it is: {shlex.join([*_as_flags(words[0]), *words[1:]])}")
    parsed = command.parse_args(words)
    given = {name: getattr(parsed, name) for name in parsed.table}
    options = {name: value for name, value in given.items() if value is not None}
    try:
        trio.run(parsed.serve(parsed.model, options, parsed))
    except WrongOption as error:
        print(f"camfs.virtual: --{error.name} {error.value}: {error.reason}", file=sys.stderr)
        return 1
    except (ValueError, CameraError, OSError) as error:
        print(f"camfs.virtual: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
