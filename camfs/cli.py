"""The `camfs` command: reads the command line and hands on what it says, to a mount or to another command, which alone is imported then."""

import argparse
import io
import json
import logging
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterable, Sequence

import trio

from camfs.commands import arguments, background, mounting, systemd
from camfs.commands.options import parse_options
from camfs.commands.sources import kind_of, parse_source
from camfs.connect import connect
from camfs.errors import CameraError, CommandFailed
from camfs.mount.run import Mount, run
from camfs.printable import printable

log = logging.getLogger("camfs")

COMMANDS = "--list, --doctor, --install-units and --uninstall-units"


def main(words: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status.

    Args:
        words: the command line, this process's own if there is none.
    """
    background.open_standard_descriptors()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # the help and cameras' names have letters that not every locale has
    parser = arguments.parser()
    given, unknown = parser.parse_known_intermixed_args(words)
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{_hint_for_emulated(given.words)}")
    background.log_to(systemd.journal_handler() if systemd.is_journal() else logging.StreamHandler(), given.verbose)
    _check_arguments(parser, given)
    try:
        if "help" in ",".join(given.options).split(","):
            return _print(arguments.options_help().splitlines())
        if given.unmount:
            return _print(mounting.unmount(given.words[0]))
        if given.list:
            return _list(given.json)
        if given.doctor:
            return _run_doctor(given.json)
        if given.install_units:
            from camfs.commands import units

            return _print(units.install_on_this_computer(given.user))
        if given.uninstall_units:
            from camfs.commands import units

            return _print(units.uninstall_from_this_computer(given.user))
        return _mount(given)
    except (CommandFailed, CameraError) as error:
        _report_failure(background.one_line(error))
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _check_arguments(parser: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    """Exit with a line on what does not go together."""
    if given.user and not (given.install_units or given.uninstall_units):
        parser.error("--user needs --install-units or --uninstall-units")
    if given.json and not (given.list or given.doctor):
        parser.error("--json needs --list or --doctor")
    commands = given.list + given.doctor + given.install_units + given.uninstall_units
    if commands + given.unmount > 1 or (commands and given.words):
        parser.error(f"use only one of -u, {COMMANDS}, all but -u without a mount point")
    if given.unmount and len(given.words) != 1:
        parser.error("-u takes a mount point, and nothing else")
    if not commands and not 1 <= len(given.words) <= 2 and "help" not in ",".join(given.options).split(","):
        parser.error("give a mount point, or a source and a mount point")


def _mount(given: argparse.Namespace) -> int:
    """Mount, after checking everything that can be checked before the camera is touched."""
    source, mount_point = _in_order(given.words)
    try:
        options = parse_options(given.options)
        parse_source(source)
    except ValueError as error:
        hint = _hint_for_emulated([source]) if "unknown option" in str(error) else ""
        raise CommandFailed(f"{error}{hint}") from None
    mount = Mount(source, mounting.check_mount_point(mount_point, options), options)
    mounting.check_fuse(options)

    def run_mount(ready: Callable[[], None]) -> int:
        remains = mounting.Remains(mount.mount_point)

        def note_and_report() -> None:
            remains.note_mounted()
            ready()

        try:
            return trio.run(run, mount, connect(source, options), systemd, note_and_report)
        finally:
            remains.detach()

    if given.foreground:

        def ready() -> None:
            systemd.notify(READY="1")
            _welcome(mount)

        return run_mount(ready)
    status = background.run_in_background(mount.mount_point, given.verbose, run_mount)
    if not status:
        _welcome(mount)
    return status


def _welcome(mount: Mount) -> None:
    """Tell a user at a terminal that the mount is ready, and of what a listing does not show."""
    if sys.stdout is not None and sys.stdout.isatty():
        point = shlex.quote(mount.mount_point)
        print(printable(f"camfs: {mount.source} is mounted on {point}; to unmount it: fusermount3 -u {point}"))
        print(
            printable(f"camfs: control files are there too, though ls does not list them: cat {point}/.help"),
            flush=True,
        )


def _hint_for_emulated(words: Sequence[str]) -> str:
    """Return how an emulated camera gets its options, if one is named."""
    source = next((word for word in words if kind_of(word) == "virtual"), "")
    joint = "&" if "?" in source else "?"
    return f"; options of an emulated camera follow its SOURCE: '{source}{joint}name=value'" if source else ""


def _in_order(words: Sequence[str]) -> tuple[str, str]:
    """Return SOURCE and MOUNTPOINT.

    Raises:
        CommandFailed: one is missing, or they are swapped.
    """
    *before, last = words
    if kind_of(last) and not os.path.isdir(last):
        if not before:
            raise CommandFailed(f"{last} is a source; where is it to be mounted? camfs {last} MOUNTPOINT")
        if not kind_of(before[0]):
            raise CommandFailed(f"the source comes first: camfs {last} {before[0]}")
    return (before[0] if before else "usb:"), last


def _list(as_json: bool) -> int:
    from camfs.commands import cameras

    found = cameras.find()
    if as_json:
        return _print(json.dumps([each.facts() for each in found], indent=2).splitlines())
    if not found:
        print(f"camfs: {cameras.NOTHING}", file=sys.stderr)
    return _print(cameras.lines(found))


def _run_doctor(as_json: bool) -> int:
    from camfs.commands import doctor

    findings = doctor.examine(doctor.System())
    is_well = not any(finding.fix for finding in findings)
    if as_json:
        text = json.dumps({"ok": is_well, "findings": [finding.facts() for finding in findings]}, indent=2)
        return _print(text.splitlines()) or int(not is_well)
    return _print(line for finding in findings for line in finding.lines()) or int(not is_well)


def _print(lines: Iterable[str]) -> int:
    """Print lines, all of which are made even if nobody reads them; return the exit status."""
    failure = ""
    for line in lines:
        try:
            if not failure:
                print(printable(line), flush=True)
        except OSError as error:  # a pipe whose reader has left, a full disk
            failure = error.strerror or str(error)
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, sys.stdout.fileno())  # or Python would try once more at its end
            os.close(nothing)
    if failure:
        print(f"camfs: stdout: {failure}", file=sys.stderr)
    return int(bool(failure))


def _report_failure(line: str) -> None:
    """Say in one line why the command failed."""
    systemd.notify(STATUS=line)
    if systemd.is_journal():
        log.error("%s", line)
    else:
        print(f"camfs: {line}", file=sys.stderr)
