"""The DC120's settings: a table of their names, their commands and where the status (7F) tells their values; reading and writing.

Two settings are not in the status, the flash after power-on (35) and the album of the next pictures (49). They read as what was written
last, and before that they cannot be read. In macro the status hides the zoom, which reads as what the camera told or was sent last. Of the
user's name the status shows 30 characters. What was written and is not told is in `Settings.unconfirmed`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import trio

from camfs import errors
from camfs.cameras.api import Change, Happened, NoChoices
from camfs.cameras.dc120.attachment import Attachment
from camfs.protocols.dc120.commands import Code, Command, command
from camfs.protocols.dc120.status import STATUS_NAME_SIZE, Status
from camfs.protocols.dc120.texts import encode_user_name
from camfs.protocols.dc120.values import (
    ALBUM,
    DATE_FORMAT,
    EXPOSURE_COMPENSATION,
    EXPOSURE_MODE,
    FLASH,
    FOCUS,
    MACRO_UNITS,
    QUALITY,
    SELF_TIMER,
    SHUTTER_SPEED,
    TIME_FORMAT,
    TIMEOUT,
    ZOOM,
    Choices,
    Timeout,
    decode_shutter_speed,
)


@dataclass(frozen=True)
class Setting:
    """A setting that is chosen from a table.

    Attributes:
        choices: its values.
        command: makes the command that sets a code, given the camera's status.
        code: returns the code that the status tells; None where the status does not.
        show: writes a code as text, where the choices do not.
    """

    choices: Choices
    command: Callable[[int, Status], Command]
    code: Callable[[Status], int | None] | None
    show: Callable[[int], str] | None = None

    def text(self, code: int) -> str:
        """Write a code as a photographer does."""
        return self.show(code) if self.show is not None else self.choices.decode(code)


def _plain(code: Code, parameter: str) -> Callable[[int, Status], Command]:
    """Return what makes a command that carries one setting and nothing else."""
    return lambda value, status: command(code, b"", **{parameter: value})


SETTINGS: Mapping[str, Setting] = {
    "image-quality": Setting(QUALITY, _plain(Code.SET_QUALITY, "quality"), lambda status: status.quality),
    "flash": Setting(FLASH, _plain(Code.SET_FLASH, "flash"), lambda status: status.flash),
    "default-flash": Setting(FLASH, _plain(Code.SET_DEFAULT_FLASH, "flash"), None),
    "focus-mode": Setting(FOCUS, _plain(Code.SET_FOCUS, "focus"), lambda status: status.focus),
    "zoom": Setting(ZOOM, _plain(Code.SET_ZOOM, "zoom"), lambda status: status.zoom),
    "self-timer": Setting(SELF_TIMER, _plain(Code.SET_SELF_TIMER, "timer"), lambda status: status.self_timer),
    "exposure-mode": Setting(
        EXPOSURE_MODE, _plain(Code.SET_EXPOSURE_MODE, "mode"), lambda status: status.exposure_mode
    ),
    "exposure-compensation": Setting(
        EXPOSURE_COMPENSATION,
        _plain(Code.SET_EXPOSURE_COMPENSATION, "compensation"),
        lambda status: status.exposure_compensation,
    ),
    "shutter-speed": Setting(
        SHUTTER_SPEED,
        _plain(Code.SET_SHUTTER_SPEED, "shutter"),
        lambda status: status.shutter_speed,
        decode_shutter_speed,
    ),
    "album": Setting(ALBUM, _plain(Code.SET_ALBUM, "album"), None),
    "date-format": Setting(
        DATE_FORMAT,
        lambda value, status: command(Code.SET_DATE_DISPLAY, date_format=value, time_format=status.time_format),
        lambda status: status.date_format,
    ),
    "time-format": Setting(
        TIME_FORMAT,
        lambda value, status: command(Code.SET_DATE_DISPLAY, date_format=status.date_format, time_format=value),
        lambda status: status.time_format,
    ),
    "macro-units": Setting(MACRO_UNITS, _plain(Code.SET_MACRO_UNITS, "units"), lambda status: status.macro_units),
    "power-timeout": Setting(
        TIMEOUT,
        lambda value, status: command(Code.SET_TIMEOUT, timeout=Timeout.POWER, seconds=value),
        lambda status: status.sleep_timeout,
    ),
    "lcd-timeout": Setting(
        TIMEOUT,
        lambda value, status: command(Code.SET_TIMEOUT, timeout=Timeout.LCD, seconds=value),
        lambda status: status.lcd_timeout,
    ),
}
"""The settings that are chosen from a table, by name."""

USER_NAME = "user-name"
"""The only setting that is a text: up to 57 characters (9E), of which the status shows 30."""

NAMES = (*SETTINGS, USER_NAME)


class Settings:
    """The settings of one camera, read and written. Some commands carry two settings, so one is written after the other.

    Args:
        attachment: to the camera.
        announce: is called with what has been written and the camera does not tell.

    Attributes:
        unconfirmed: the values of such settings.
    """

    def __init__(self, attachment: Attachment, announce: Callable[[Change], None] = lambda _change: None) -> None:
        self.unconfirmed: dict[str, str] = {}
        self._attachment = attachment
        self._announce = announce
        self._known: dict[str, int] = {}
        self._writing = trio.Lock()

    async def read(self, name: str) -> str:
        """Read a setting.

        Raises:
            NoData: the status does not tell it, and it was neither told nor written before in this mount.
        """
        status = await self._read_status()
        if name == USER_NAME:
            return status.user_name
        code = self._code(name, status)
        if code is None:
            raise errors.NoData(f"{name}: the camera does not tell it")
        return SETTINGS[name].text(code)

    def _code(self, name: str, status: Status) -> int | None:
        told = self._told(name, status)
        return told if told is not None else self._known.get(name)

    def _told(self, name: str, status: Status) -> int | None:
        """Return the code that the status tells, and remember it; None if it does not tell it, or not now."""
        read = SETTINGS[name].code
        code = read(status) if read is not None else None
        if code is not None:
            self._known[name] = code
        return code

    async def _read_status(self) -> Status:
        """Ask for the status, and remember the zoom of it, which macro hides."""
        status = await self._attachment.read_status()
        self._told("zoom", status)
        return status

    def _note(self, name: str, value: str, is_confirmed: bool, code: Code) -> None:
        self.unconfirmed.pop(name, None)
        if not is_confirmed:
            self.unconfirmed[name] = value
            self._announce(Happened(f"setting {name} {value}, not confirmed", f"{code.name} 0x{code:02X}"))

    async def change(self, name: str, value: str) -> None:
        """Write a setting and read it back: see `Camera.change_setting`."""
        async with self._writing:
            if name == USER_NAME:
                await self._change_user_name(value)
            else:
                await self._change(name, value)

    async def _change_user_name(self, value: str) -> None:
        await self._attachment.run(command(Code.SET_USER_NAME, encode_user_name(value)))
        shown = (await self._attachment.ask_status()).user_name
        if shown != value[:STATUS_NAME_SIZE]:
            raise errors.NotPermitted(f"{USER_NAME}: the camera kept {shown}")
        self._note(USER_NAME, value, len(value) <= STATUS_NAME_SIZE, Code.SET_USER_NAME)

    async def _change(self, name: str, value: str) -> None:
        setting, code = SETTINGS[name], _code_of(name, value)
        before = await self._attachment.ask_status()
        self._told("zoom", before)
        wanted = setting.command(code, before)
        try:
            await self._attachment.run(wanted)
        except errors.NotSupported:
            raise
        except errors.Refused as error:
            raise errors.NotPermitted(f"{name}: not possible with the camera's other settings: {error}") from None
        kept = self._told(name, await self._attachment.ask_status())
        if kept is not None and kept != code:
            raise errors.NotPermitted(f"{name}: the camera kept {setting.text(kept)}")
        self._known[name] = code
        self._note(name, setting.text(code), kept is not None, wanted.form.code)


def choices(name: str) -> Sequence[str]:
    """List the values of a setting; none for a text."""
    return NoChoices("any text of up to 57 ASCII characters") if name == USER_NAME else SETTINGS[name].choices.texts()


def _code_of(name: str, text: str) -> int:
    """Return the code of a setting's value.

    Raises:
        InvalidValue: the setting does not have this value.
    """
    try:
        return SETTINGS[name].choices.encode(text)
    except errors.InvalidValue as error:
        raise errors.InvalidValue(f"{name}: {text!r}: {error}") from None
