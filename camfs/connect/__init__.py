"""From what a SOURCE names to a driver for that camera, and to the same camera again when it comes back.

The one place that knows concrete drivers and transports: everything above asks a camera through `cameras.api`, everything below
asks a wire through `transports.ports`. What a SOURCE needs is imported when that SOURCE is chosen: Python takes longer to read the modules
of all cameras than everything else until the mount is there.
"""

import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from camfs import errors
from camfs.commands.options import OPTIONS, MountOptions
from camfs.commands.sources import PtpIpSource, SerialSource, UsbSource, VirtualSource, parse_source

if TYPE_CHECKING:
    from camfs.connect.dc120 import Dc120Connection
    from camfs.connect.ptp import PtpConnection


MOUNT_OPTIONS = frozenset(option.name for option in OPTIONS)


class NoSuchCamera(errors.TransportError):
    """There is no camera that SOURCE names, or more than one; the text is for the user."""


@asynccontextmanager
async def connect(text: str, options: MountOptions) -> "AsyncIterator[PtpConnection | Dc120Connection]":
    """Find what a SOURCE names; an emulated camera lives while the block runs.

    Raises:
        NoSuchCamera: there is none, or more than one, or an emulated camera does not take an option.
        ValueError: the text is no SOURCE.
    """
    match parse_source(text):
        case UsbSource() as source:
            from camfs.connect import usb

            yield await usb.find(text, source, options)
        case PtpIpSource() as place:
            from camfs.connect import network

            yield network.at(text, place, options)
        case SerialSource(device):
            from camfs.connect import dc120

            yield dc120.on_port(text, device, options)
        case VirtualSource() as model:
            async with _emulated(text, model, options) as connection:
                yield connection


@asynccontextmanager
async def _emulated(
    text: str, source: VirtualSource, options: MountOptions
) -> "AsyncIterator[PtpConnection | Dc120Connection]":
    from camfs import virtual

    connection: PtpConnection | Dc120Connection
    async with contextlib.AsyncExitStack() as stack:
        try:
            if source.model == virtual.DC120:
                from camfs.connect import dc120

                line = await stack.enter_async_context(virtual.attach_dc120(source.options))
                connection = dc120.on_port(text, line, options)
            else:
                from camfs.connect import ptp

                if options.spool is None:
                    options = replace(options, spool=stack.enter_context(_passing_folder()))
                pipes = await stack.enter_async_context(virtual.attach(source.model, source.options))
                connection = ptp.on_pipes(text, pipes, options)
        except virtual.WrongOption as error:
            hint = f"; it is an option of the mount: -o {error.name}" if error.name in MOUNT_OPTIONS else ""
            raise NoSuchCamera(f"virtual:{source.model}?{error.name}={error.value}: {error.reason}{hint}") from None
        except ValueError as error:
            raise NoSuchCamera(str(error)) from None
        yield connection


@contextlib.contextmanager
def _passing_folder() -> Iterator[Path]:
    """Make a folder that goes at the end of the block: the shots of a camera that goes with its mount go with it, too.

    Raises:
        NoSuchCamera: it cannot be made.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="camfs-virtual-", ignore_cleanup_errors=True)
    except OSError as error:
        raise NoSuchCamera(f"there is no room for an emulated camera's shots: {error}") from None
    with folder as path:
        yield Path(path)
