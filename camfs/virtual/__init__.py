"""Emulated cameras, which speak the protocols of real ones from the other side; README.md says what each does."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from camfs.virtual.canon_eos.profile import CANON_EOS
from camfs.virtual.dc120 import EmulatedDC120
from camfs.virtual.dc120.options import parse as parse_dc120
from camfs.virtual.nikon.profile import NIKON
from camfs.virtual.options import WrongOption
from camfs.virtual.ptp.camera import EmulatedCamera
from camfs.virtual.ptp.options import parse
from camfs.virtual.ptp.profiles import PROFILES as PTP_PROFILES
from camfs.virtual.sony.profile import SONY_ALPHA
from camfs.virtual.usb.pipes import HostPipes

__all__ = [
    "DC120",
    "MODELS",
    "PROFILES",
    "EmulatedCamera",
    "EmulatedDC120",
    "WrongOption",
    "attach",
    "attach_dc120",
    "emulate",
    "emulate_dc120",
]

PROFILES = {**PTP_PROFILES, NIKON.name: NIKON, CANON_EOS.name: CANON_EOS, SONY_ALPHA.name: SONY_ALPHA}
"""The models on USB, by the name in `virtual:NAME`."""

DC120 = "dc120"
"""The model on a serial line; all others are `PROFILES`, which are on USB."""

MODELS = (*PROFILES, DC120)

_RAW_AND_JPEG = "image-quality:dng+fine"
"""What a SIGMA in this process shoots unless its option `settings` says otherwise. By itself, as its USB interface makes it and as other
programs are served it, it shoots JPEGs alone; gphoto2 cannot fetch two files of a shot."""


def emulate(model: str, options: Mapping[str, str] | None = None, *, keep_trace: bool = True) -> EmulatedCamera:
    """Make an emulated PTP camera. It answers in `async with camera.running():`, and `camera.open()` gives the host's pipes.

    Args:
        model: one of `PROFILES`.
        options: those of `virtual:MODEL?name=value`, which stand in `camfs.virtual.ptp.options.OPTIONS`.
        keep_trace: whether the camera keeps what it saw in `camera.trace.records`.

    Raises:
        ValueError: an unknown model or option, or a value that it cannot have; the message names it.
    """
    if model not in PROFILES:
        raise ValueError(f"no emulated camera {model!r}; there are {', '.join(MODELS)}")
    profile = PROFILES[model]
    parsed = parse(options or {}, (*(store.option for store in profile.stores), *profile.options), profile.own_options)
    try:
        return EmulatedCamera(profile, parsed, keep_trace)
    except OSError as error:
        raise WrongOption("trace", str(parsed.trace), error.strerror or str(error)) from None


@asynccontextmanager
async def attach(model: str, options: Mapping[str, str]) -> AsyncIterator[HostPipes]:
    """Run an emulated PTP camera in this process, and give the host's end of its cable.

    Raises:
        ValueError: as by `emulate`.
    """
    if model == "sigma-fp":
        options = {**options, "settings": ",".join(filter(None, (_RAW_AND_JPEG, options.get("settings"))))}
    async with emulate(model, options, keep_trace=False).running() as camera:
        yield camera.open()


def emulate_dc120(options: Mapping[str, str] | None = None, *, keep_trace: bool = True) -> EmulatedDC120:
    """Make an emulated DC120. It answers in `async with camera.running():`, and its serial line is at `camera.path`.

    Args:
        options: those of `virtual:dc120?name=value`, which stand in `camfs.virtual.dc120.options.OPTIONS`.
        keep_trace: whether the camera keeps what it saw in `camera.trace.records`.

    Raises:
        ValueError: an unknown option, or a value that it cannot have; the message names it.
    """
    parsed = parse_dc120(options or {})
    try:
        return EmulatedDC120(parsed, keep_trace)
    except OSError as error:
        raise WrongOption("trace", str(parsed.trace), error.strerror or str(error)) from None


@asynccontextmanager
async def attach_dc120(options: Mapping[str, str]) -> AsyncIterator[Path]:
    """Run an emulated DC120 in this process, and give the path of its serial line, a pseudo-terminal.

    Raises:
        ValueError: as by `emulate_dc120`.
    """
    async with emulate_dc120(options, keep_trace=False).running() as camera:
        yield camera.path
