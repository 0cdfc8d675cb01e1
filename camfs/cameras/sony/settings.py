"""The settings of a Sony body by name: read out of its state, written with SetControlDeviceA, or stepped to the value.

::

    settable (access 1) ─► written ──────────────────────────┐
    stepped (older protocol) ─► steps ─► where is it now? ───┼─► read back ─► the value: done; no: it stays at another
                                  ▲          │ not there     │
                                  └──────────┘               │
    greyed out, or shown only ─► AccessDenied, with the reason

A body tells its state only under control, so reading a setting needs that. The names of what a body has are known once it was under
control; before that those of `camfs.protocols.sony.settings` are shown.
"""

from collections.abc import Callable, Sequence

import trio

from camfs import errors
from camfs.cameras.api import NoChoices
from camfs.cameras.sony.operations import SonyOperations
from camfs.cameras.sony.state import BodyState
from camfs.cameras.tethered.body import NeedsControl
from camfs.protocols.ptp import properties
from camfs.protocols.ptp.datasets import Enumeration, Range
from camfs.protocols.ptp.makers import Maker
from camfs.protocols.ptp.values import Value, encode_value
from camfs.protocols.sony.codes import DIRECT, SonyProperty
from camfs.protocols.sony.datasets import SETTABLE, Enabled, PropertyState
from camfs.protocols.sony.settings import (
    NOT_SETTINGS,
    SONY_SETTINGS,
    STEPPED,
    SonyNames,
    notation_of,
    steps_between,
    without_placeholders,
)

CONFIRMED = 3.0
"""Seconds within which the body shows what was written; an A58 takes 0.7."""

CONFIRM_STEP = 0.1
"""Seconds between two looks."""

AT_REST = 0.8
"""Seconds without a change after which several steps have been made: longer than an A58 takes for one."""

MOST_ROUNDS = 40
"""How often steps are sent on the way to one value."""

MOST_STEPS = 100
"""Steps that are sent at once: they are counted in a signed byte."""

MAX_LISTED = 1000
"""A range of so many values is listed one by one as choices."""

DESTINATION = "destination"
COMPUTER = "computer"

_STANDARD = ("aperture", "exposure-mode", "white-balance", "image-quality", "focus-mode", "metering-mode")
KNOWN = [*(row.name for row in SONY_SETTINGS), *_STANDARD, "flash", "drive-mode"]
"""Names that are shown before the body has told which it has."""


class SonySettings:
    """The settings of one body; a `tethered.body.Settings`.

    Args:
        operations: of the body.
        state: what it has told.

    Attributes:
        is_controlled: whether the body is under control.
    """

    def __init__(self, operations: SonyOperations, state: BodyState) -> None:
        self.is_controlled = False
        self._operations = operations
        self._state = state
        self._names = SonyNames(())
        self._reported: Sequence[str] = ()

    async def learn(self) -> None:
        """Nothing is asked: a body tells its settings when it is under control."""

    def note_reported(self) -> None:
        """Note which settings the body has: those that it has just told."""
        codes = [code for code, entry in self._state.entries.items() if not entry.is_control]
        codes = [code for code in codes if code not in NOT_SETTINGS]
        self._names = SonyNames(codes)
        names = {self._names.name(code) for code in codes}
        known = [name for name in KNOWN if name in names]
        self._reported = [*known, *sorted(names.difference(known))]

    def names(self) -> Sequence[str]:
        names = self._reported or KNOWN
        return names if DESTINATION in names else [*names, DESTINATION]

    def invalidate(self, code: int | None = None) -> None:
        self._state.invalidate()

    async def _entry(self, name: str) -> PropertyState:
        """Return a property of the body as it is now.

        Raises:
            NoData: it has none of that name.
            NeedsControl: it is not under control.
        """
        if not self.is_controlled:
            raise NeedsControl(f"{name}: the camera tells its settings under remote control only")
        await self._state.ask_if_old()
        if not self._reported:
            self.note_reported()
        code = self._names.code(name)
        entry = self._state.entries.get(code) if code is not None else None
        if entry is None or entry.is_control or entry.code in NOT_SETTINGS:
            raise errors.NoData(f"this camera has no setting {name}")
        return entry

    def _is_camfs_own(self, name: str) -> bool:
        """Say whether a name is that of the destination on a body that has no such setting: its pictures come to the computer."""
        return name == DESTINATION and self.is_controlled and SonyProperty.Destination not in self._state.entries

    async def read(self, name: str) -> str:
        if self._is_camfs_own(name):
            return COMPUTER
        description = (await self._entry(name)).description
        return properties.write_value(description, description.current, Maker.SONY, notation_of(description))

    async def choices(self, name: str) -> Sequence[str]:
        if self._is_camfs_own(name):
            return [COMPUTER]
        entry = await self._entry(name)
        try:
            self._check_open(entry, name)
        except errors.Refused as error:
            return NoChoices(str(error))
        description = without_placeholders(entry.description)
        match description.form:
            case Enumeration(values) if values:
                offered: Sequence[Value] = values
            case Range(low, high, step) if (high - low) // max(step, 1) <= MAX_LISTED:
                offered = range(low, high + 1, max(step, 1))
            case _:
                return NoChoices(f"{name}: the camera does not list its values")
        return list(dict.fromkeys(properties.write_values(description, offered, Maker.SONY, notation_of(description))))

    async def change(self, name: str, text: str) -> None:
        if self._is_camfs_own(name):
            if text != COMPUTER:
                raise errors.InvalidValue(f"{name}: this camera's pictures go to the computer alone")
            return
        self._state.invalidate()
        entry = await self._entry(name)
        self._check_open(entry, name)
        description = without_placeholders(entry.description)
        value = properties.read_value(description, text, Maker.SONY, notation_of(description), name)
        await self.set(entry.code, value)

    def _is_stepped(self, entry: PropertyState) -> bool:
        return entry.access != SETTABLE and self._state.version < DIRECT and entry.code in STEPPED

    def _check_open(self, entry: PropertyState, name: str) -> None:
        """See that the body lets a property be set now.

        Raises:
            AccessDenied: it does not.
        """
        if entry.access != SETTABLE and not self._is_stepped(entry):
            raise errors.AccessDenied(f"{name}: it can only be read")
        if entry.enabled == Enabled.SHOWN_ONLY:
            raise errors.AccessDenied(
                f"{name}: the camera only shows it now; it is set on the body, or its dial rules it out"
            )
        if entry.enabled != Enabled.YES:
            raise errors.AccessDenied(f"{name}: it is greyed out on the camera now")

    # ------------------------------------------------------------------ by code

    def is_open(self, code: int) -> bool:
        """Say whether a property can be set now."""
        entry = self._state.entries.get(code)
        return entry is not None and (
            entry.enabled == Enabled.YES and (entry.access == SETTABLE or self._is_stepped(entry))
        )

    async def set(self, code: int, value: Value) -> None:
        """Set a property that can be set now, and see that the body has it.

        Raises:
            NotPermitted: the body stays at another value.
            InvalidValue: it has no such value.
        """
        entry = self._state.entries[code]
        name = self._names.name(code)
        if entry.current == value:
            return
        if self._is_stepped(entry):
            assert isinstance(value, int)
            await self._step_to(code, value, name)
            return
        await self._operations.write(code, encode_value(entry.data_type, value), name)
        if not await self._wait(lambda: self._state.entries[code].current == value, CONFIRMED):
            raise errors.NotPermitted(f"{name}: the camera stays at {self._text(code)}")

    def _text(self, code: int) -> str:
        description = self._state.entries[code].description
        return properties.write_value(description, description.current, Maker.SONY, notation_of(description))

    async def _wait(self, is_so: Callable[[], bool], seconds: float) -> bool:
        """Look again until something is so, this long at most; say whether it is."""
        until = trio.current_time() + seconds
        while True:
            await self._state.ask()
            if is_so() or trio.current_time() >= until:
                return is_so()
            await trio.sleep(CONFIRM_STEP)

    # ------------------------------------------------------------------ steps

    async def _step_to(self, code: int, target: int, name: str) -> None:
        """Step to a value, look where that has led, and go on.

        If steps lead away from the value, or nowhere, they are counted the other way from then on. If single steps lead over it, the body
        has no such value, and what it had is restored.
        """
        begun_at = self._state.number(code)
        turned = False
        towards = 0
        for _ in range(MOST_ROUNDS):
            entry = self._state.entries[code]
            current = entry.number
            steps = steps_between(entry.description, current, target)
            if not steps:
                return
            if towards and steps == -towards and abs(steps) == 1 and begun_at is not None:
                await self._restore(code, begun_at, turned)
                raise errors.InvalidValue(f"{name}: the camera has no such value; it stays at {self._text(code)}")
            await self._step(code, -steps if turned else steps, name)
            now = self._state.entries[code].number
            if now == current and not turned:
                turned, towards = True, 0  # perhaps this was the end of the dial
                continue
            if now == current:
                raise errors.NotPermitted(f"{name}: the camera stays at {self._text(code)}")
            left = steps_between(entry.description, now, target)
            if left and left * steps > 0 and abs(left) > abs(steps) and not turned:
                turned, towards = True, 0
            else:
                towards = steps if abs(steps) == 1 else 0
        raise errors.NotPermitted(f"{name}: the camera has come no nearer than {self._text(code)}")

    async def _restore(self, code: int, value: int, turned: bool) -> None:
        """Step back to a value that the body has had."""
        for _ in range(MOST_ROUNDS):
            entry = self._state.entries[code]
            steps = steps_between(entry.description, entry.number, value)
            if not steps:
                return
            await self._step(code, -steps if turned else steps, self._names.name(code))
            if self._state.entries[code].number == entry.number:
                return

    def _has_changed(self, code: int) -> Callable[[], bool]:
        """Return what says whether a property is another than now."""
        before = self._state.number(code)
        return lambda: self._state.number(code) != before

    async def _step(self, code: int, steps: int, name: str) -> None:
        """Send steps, and wait until the body has come to rest."""
        steps = min(max(steps, -MOST_STEPS), MOST_STEPS)
        has_changed = self._has_changed(code)
        await self._operations.control(code, steps.to_bytes(1, "little", signed=True), name)
        if not await self._wait(has_changed, CONFIRMED) or abs(steps) == 1:
            return
        while True:
            if not await self._wait(self._has_changed(code), AT_REST):
                return
