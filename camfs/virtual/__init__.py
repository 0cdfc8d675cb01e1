"""Emulated cameras: they speak the cameras' own protocols, from the other side of the wire."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from camfs.cameras.ptp.link import UsbPipes
from camfs.virtual.camera import EmulatedCamera
from camfs.virtual.options import parse
from camfs.virtual.profiles import PROFILES

__all__ = ["PROFILES", "EmulatedCamera", "attach", "emulate"]


def emulate(model: str, options: Mapping[str, str] | None = None, *, keep_trace: bool = True) -> EmulatedCamera:
    """Make an emulated camera; `async with camera.running():` brings it to life, `camera.open()` gives the host's pipes.

    Args:
        model: one of `PROFILES`.
        options: as in `virtual:MODEL?name=value`; see `camfs.virtual.options.OPTIONS`.
        keep_trace: whether the camera keeps what it saw in `camera.trace.records`.

    Raises:
        ValueError: an unknown model or option, or a value it cannot have; the message names it.
    """
    if model not in PROFILES:
        raise ValueError(f"no emulated camera {model!r}; there are {', '.join(PROFILES)}")
    profile = PROFILES[model]
    parsed = parse(options or {}, tuple(store.option for store in profile.stores))
    try:
        return EmulatedCamera(profile, parsed, keep_trace)
    except OSError as error:
        raise ValueError(f"option trace={parsed.trace}: {error.strerror}") from None


@asynccontextmanager
async def attach(model: str, options: Mapping[str, str]) -> AsyncIterator[UsbPipes]:
    """Run an emulated camera in this process and give the host's end of its cable.

    Raises:
        ValueError: see `emulate`.
    """
    async with emulate(model, options, keep_trace=False).running() as camera:
        yield camera.open()
