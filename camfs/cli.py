"""The `camfs` command: reads the command line and hands on what it says, to a mount or to another command, which alone is imported then."""

import argparse
import io
import logging
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterable, Sequence

import trio

from camfs.commands import arguments, background, mounting, systemd
from camfs.commands.options import parse_options
from camfs.commands.sources import is_source, parse_source
from camfs.connect import connect
from camfs.errors import CameraError, CommandFailed
from camfs.mount.run import Mount, run
from camfs.printable import printable

log = logging.getLogger("camfs")


def main(words: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status.

    Args:
        words: the command line, this process's own if there is none.
    """
    background.open_standard_descriptors()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # the help and cameras' names have letters that not every locale has
    parser = arguments.parser()
    given = parser.parse_intermixed_args(words)
    background.log_to(systemd.journal_handler() if systemd.is_journal() else logging.StreamHandler(), given.verbose)
    _check_arguments(parser, given)
    try:
        if "help" in ",".join(given.options).split(","):
            return _print([arguments.options_help()])
        if given.unmount:
            return _print(mounting.unmount(given.words[0]))
        if given.list:
            from camfs.commands import cameras

            return _print(cameras.lines())
        if given.doctor:
            return _run_doctor()
        if given.install_units:
            from camfs.commands import units

            return _print(units.install_on_this_computer(given.user))
        return _mount(given)
    except (CommandFailed, CameraError) as error:
        _report_failure(background.one_line(error))
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _check_arguments(parser: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    """Exit with a line on what does not go together."""
    if given.user and not given.install_units:
        parser.error("--user needs --install-units")
    commands = given.list + given.doctor + given.install_units
    if commands + given.unmount > 1 or (commands and given.words):
        parser.error("use only one of -u, --list, --doctor and --install-units, all but -u without a mount point")
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
        raise CommandFailed(str(error)) from None
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


def _in_order(words: Sequence[str]) -> tuple[str, str]:
    """Return SOURCE and MOUNTPOINT.

    Raises:
        CommandFailed: one is missing, or they are swapped.
    """
    *before, last = words
    if is_source(last) and not os.path.isdir(last):
        if not before:
            raise CommandFailed(f"{last} is a source; where is it to be mounted? camfs {last} MOUNTPOINT")
        if not is_source(before[0]):
            raise CommandFailed(f"the source comes first: camfs {last} {before[0]}")
    return (before[0] if before else "usb:"), last


def _run_doctor() -> int:
    from camfs.commands import doctor

    findings = doctor.examine(doctor.System())
    status = _print(line for finding in findings for line in finding.lines())
    return status or int(any(finding.fix for finding in findings))


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
