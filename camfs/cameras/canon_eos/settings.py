"""The settings of an EOS body by name: values from its records, written with SetDevicePropValueEx, and confirmed by a record.

A body tells its properties only in the remote state, so reading one needs control. What it lists as standard device properties (battery
level, and a few of no name) is read in the standard way and needs none. The names of what a body has are known once it was under control;
before that all names of `camfs.protocols.canon_eos.settings` are shown.
"""

from collections.abc import Awaitable, Callable, Sequence

import trio

from camfs import errors
from camfs.cameras.api import NoChoices
from camfs.cameras.canon_eos.operations import CanonOperations
from camfs.cameras.canon_eos.state import BodyState
from camfs.cameras.ptp.driver import PtpCamera
from camfs.cameras.tethered.body import NeedsControl
from camfs.protocols.canon_eos.codes import CanonOperation, Property
from camfs.protocols.canon_eos.codings import Words
from camfs.protocols.canon_eos.datasets import PropertyWrite
from camfs.protocols.canon_eos.events import LIST
from camfs.protocols.canon_eos.settings import NOT_SETTINGS, SETTINGS, Setting, setting_named, setting_of
from camfs.protocols.ptp.codes import ResponseCode

CONFIRMED = 2.0
"""Seconds within which a record confirms what was written."""

TOLD = 1.0
"""Seconds within which a value comes that was asked for."""

STEP = 0.05
"""Seconds between two questions for records."""


class CanonSettings:
    """The settings of one body; a `tethered.body.Settings`.

    Args:
        ptp: the same camera, opened.
        operations: of the body.
        state: what the records have told.

    Attributes:
        is_controlled: whether the body is in the remote state.
        ask: asks for records, and lets the state take them.
        while_tethered: does something that only a body in the remote state does; if it has left that by itself, after bringing it back.
        change_destination: lets shots go where this value says.
    """

    def __init__(self, ptp: PtpCamera, operations: CanonOperations, state: BodyState) -> None:
        self.is_controlled = False
        self.ask: Callable[[], Awaitable[object]]
        self.while_tethered: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]]
        self.change_destination: Callable[[int], Awaitable[None]]
        self._ptp = ptp
        self._operations = operations
        self._state = state
        self._reported: Sequence[str] = ()

    async def learn(self) -> None:
        """Nothing is asked: a body tells its settings when it is under control."""

    def note_reported(self) -> None:
        """Note which settings the body has: those that it has just told."""
        codes = [*self._state.values, *(code for code in self._state.lists if code not in self._state.values)]
        has = {setting_of(code).name for code in codes if code not in NOT_SETTINGS}
        named = [row.name for row in SETTINGS]
        self._reported = [*(name for name in named if name in has), *sorted(has.difference(named))]

    def names(self) -> Sequence[str]:
        own = self._reported or [row.name for row in SETTINGS]
        return [*(name for name in self._ptp.properties.names() if name not in own), *own]

    def invalidate(self, code: int | None = None) -> None:
        """Drop nothing: the body itself tells what changes."""
        self._ptp.properties.invalidate(code)

    def _is_standard(self, name: str) -> bool:
        return name in self._ptp.properties.names() and name not in (self._reported or [row.name for row in SETTINGS])

    async def _setting(self, name: str) -> Setting:
        """Return a setting of the body, whose value is the newest.

        Raises:
            NoData: it has none of that name.
        """
        setting = setting_named(name)
        if setting is None or setting.code in NOT_SETTINGS:
            raise errors.NoData(f"this camera has no setting {name}")
        if not self.is_controlled:
            raise NeedsControl(f"{name}: the camera tells its settings under remote control only")
        await self.while_tethered(self._ask)
        return setting

    async def _ask(self) -> None:
        await self.ask()

    async def read(self, name: str) -> str:
        if self._is_standard(name):
            return await self._ptp.properties.read(name)
        setting = await self._setting(name)
        value = await self.value(setting.code)
        if value is None:
            raise errors.NoData(f"{name} is not reported by this camera")
        return setting.read(value, self._state.offered(setting.code))

    async def value(self, code: int) -> bytes | None:
        """Return the bytes of a property, asking for one that was not told; None if it does not come."""
        if code not in self._state.values:
            await self._request(code)
        return self._state.values.get(code)

    async def _request(self, code: int) -> None:
        """Have the body tell a value, and wait until it has."""
        if not self._operations.has(CanonOperation.RequestDevicePropValue):
            return
        try:
            await self._operations.insist(CanonOperation.RequestDevicePropValue, code)
        except errors.Refused as error:
            if error.code != ResponseCode.GeneralError:
                raise
            return  # the body has no such property
        await self._wait(lambda: code in self._state.values, TOLD)

    async def newest(self, code: int) -> bytes | None:
        """Return the bytes of a property that changes by itself, such as the clock."""
        before = self._state.values.pop(code, None)
        await self._request(code)
        if code not in self._state.values and before is not None:
            self._state.values[code] = before
        return self._state.values.get(code)

    async def _wait(self, is_so: Callable[[], bool], seconds: float) -> bool:
        """Ask for records until something is so, this long at most; say whether it is."""
        until = trio.current_time() + seconds
        while True:
            await self.ask()
            if is_so() or trio.current_time() >= until:
                return is_so()
            await trio.sleep(STEP)

    async def choices(self, name: str) -> Sequence[str]:
        if self._is_standard(name):
            return await self._ptp.properties.choices(name)
        setting = await self._setting(name)
        try:
            self._check_open(setting)
        except errors.Refused as error:
            return NoChoices(str(error))
        offered = setting.choices(self._state.offered(setting.code))
        return offered or NoChoices(f"{name}: the camera does not list its values")

    async def change(self, name: str, text: str) -> None:
        if self._is_standard(name):
            await self._ptp.properties.change(name, text)
            return
        setting = await self._setting(name)
        current = await self.value(setting.code)
        if current is None:
            raise errors.NoData(f"{name} is not reported by this camera")
        self._check_open(setting)
        wanted = setting.encode(text, self._state.offered(setting.code), current)
        if setting.code == Property.CaptureDestination:
            await self.change_destination(int.from_bytes(wanted, "little"))
        elif wanted != current:
            await self.write(setting, wanted)

    def _check_open(self, setting: Setting) -> None:
        """See that the body lets a property be set.

        Raises:
            AccessDenied: only the photographer sets it, on the body.
            NotPermitted: it cannot be set now.
        """
        kind, offered = self._state.lists.get(setting.code, (LIST, None))
        if setting.read_only:
            raise errors.AccessDenied(f"{setting.name}: it can only be read")
        if kind != LIST and isinstance(setting.coding, Words):
            raise errors.AccessDenied(f"{setting.name}: it is set on the camera itself")
        if kind == LIST and offered is not None and not offered:
            raise errors.NotPermitted(f"{setting.name}: the camera offers no values now, in this mode")

    async def write(self, setting: Setting, value: bytes) -> None:
        """Write a property, and wait until the body confirms it.

        Raises:
            Busy: the body did not take it.
            NotPermitted: it kept the value that it had.
        """
        await self._send(setting.code, value)
        if not await self._wait(lambda: self._state.values.get(setting.code) == value, CONFIRMED):
            kept = setting.read(self._state.values.get(setting.code, b""), self._state.offered(setting.code))
            raise errors.NotPermitted(f"{setting.name}: the camera stays at {kept}")

    async def _send(self, code: int, value: bytes) -> None:
        data = PropertyWrite(code, value).encode()

        async def send() -> None:
            await self._operations.insist(CanonOperation.SetDevicePropValueEx, data=data)

        await self.while_tethered(send)

    async def send_number(self, code: int, number: int) -> None:
        """Write a property that is a number and changes by itself, so that no record can confirm it."""
        await self._send(code, number.to_bytes(4, "little"))

    async def write_number(self, code: int, number: int) -> None:
        """Write a property that is a number, and wait until the body confirms it."""
        await self.write(setting_of(code), number.to_bytes(4, "little"))
