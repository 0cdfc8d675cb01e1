"""The DC120's settings: one table of names, commands and where the status (7F) tells the value.

Two are not in the status, the power-on flash (35) and the album of the next pictures (49): they read as what was last written, and before
that as unknown.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from camfs.errors import InvalidValue
from camfs.protocols.dc120.commands import Code, Command, command
from camfs.protocols.dc120.status import Status
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
    """A setting.

    Attributes:
        choices: its values; None for a text.
        command: makes the command for a code, given the camera's status.
        code: takes the code out of the status; None where it is not there.
        show: writes a code as text, if not as the choices do.
    """

    choices: Choices
    command: Callable[[int, Status], Command]
    code: Callable[[Status], int | None] | None
    show: Callable[[int], str] | None = None

    def text(self, code: int) -> str:
        """Write a code as a photographer does."""
        return self.show(code) if self.show is not None else self.choices.decode(code)


def _plain(code: Code, parameter: str) -> Callable[[int, Status], Command]:
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
"""The settings that are chosen from a table, in the order of the seed's commands."""

USER_NAME = "user-name"
"""The one setting that is a text: up to 57 characters (9E), of which the status shows 30."""

NAMES = (*SETTINGS, USER_NAME)


def user_name_command(text: str) -> Command:
    """Make the command that sets the user's name.

    Raises:
        InvalidValue: too long, or not ASCII.
    """
    return command(Code.SET_USER_NAME, encode_user_name(text))


def code_of(name: str, text: str) -> int:
    """Return the code of a setting's value.

    Raises:
        InvalidValue: none of its choices.
    """
    try:
        return SETTINGS[name].choices.encode(text)
    except InvalidValue as error:
        raise InvalidValue(f"{name}: {text!r}: {error}") from None
