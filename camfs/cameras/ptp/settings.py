"""A PTP camera's device properties as settings: by name, as text, written and read back.

GetDevicePropDesc describes a property: its type, its value, the values that it accepts. It is asked for when choices are listed, and
before each write. To read a value it is asked for once and then remembered, as GetDevicePropValue is enough from then on. Some cameras
refuse to describe a property and give its value all the same: then its type is guessed from the bytes, and it can only be read.

What a value is written as, and which value a text means, is told in `camfs.protocols.ptp.properties`.

Programs read all settings at once, and cameras list properties that they do not give just now, or ever. So their word is believed
(camfs/protocols/ptp/README.md, "Answers that mean something else"):

* DeviceBusy is asked again in the steps of `BUSY_STEPS`. If a property stays busy, no other is asked twice for `BUSY_REST` seconds, unless
  it is to be written or was written just now.
* A question that was not answered is not asked again for `SILENCE_REST` seconds; no property is asked for so, once two in a row were not
  answered.
"""

import copy
import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import trio

from camfs import errors
from camfs.cameras.api import NoChoices
from camfs.cameras.ptp.operations import PtpOperations
from camfs.cameras.ptp.transaction import Reply
from camfs.protocols.ptp import properties
from camfs.protocols.ptp.codes import Operation, ResponseCode
from camfs.protocols.ptp.datasets import DevicePropDesc, Enumeration, Range
from camfs.protocols.ptp.makers import Maker, maker_of
from camfs.protocols.ptp.notation import Notation
from camfs.protocols.ptp.values import Reader, Value, encode_value

log = logging.getLogger(__name__)

BUSY_STEPS = (0.1, 0.2, 0.3, 0.4)
"""Seconds to wait before each repetition while the camera is too busy to give a property."""

BUSY_REST = 30.0
"""Seconds for which a camera is believed that it is busy, after a property has stayed so."""

SILENCE_REST = 20.0
"""Seconds for which what was not answered is not asked again."""

Question = tuple[Operation, int]
"""An operation that is sent for a property, and the property."""

MAX_VALUE = 1 << 20
"""Most bytes of a property's description or value."""

NO_CHOICES = "the camera does not say which values it takes"
READ_ONLY = "it can only be read"
"""Why there are no choices."""

MAX_LISTED = 1000
"""A range of so many values is listed one by one as choices; of a longer range only the two ends are."""

SETTLE_POLL = 0.1
"""Seconds until a value is read again that is not yet what was written."""

_NOT_NOW = (ResponseCode.DeviceBusy, ResponseCode.SessionNotOpen)
"""Refusals that say nothing about the property."""


class Names(Protocol):
    """What the settings of a maker's camera are called, and how their values are written."""

    @property
    def codes(self) -> Sequence[int]:
        """The properties that the camera has."""

    def name(self, code: int) -> str:
        """Return the name of a property's setting."""

    def code(self, name: str) -> int | None:
        """Return the code of the property whose setting has this name; None if there is none."""

    def notation(self, description: DevicePropDesc) -> Notation | None:
        """Return how the integers of a property are written; None if that is as with any maker's."""


class StandardNames:
    """The names of a camera that nothing more is known of.

    Args:
        operations: of the camera.
    """

    def __init__(self, operations: PtpOperations) -> None:
        self._operations = operations
        self.name = properties.property_name
        self.code = properties.property_code

    @property
    def codes(self) -> Sequence[int]:
        return self._operations.info.device_properties

    def notation(self, description: DevicePropDesc) -> Notation | None:
        return None


class PropertySettings:
    """The settings of one camera.

    Args:
        operations: of the camera.

    Attributes:
        vocabulary: what its settings are called.
        settling: seconds for which a camera may go on to show the value that it had before a write.
    """

    def __init__(self, operations: PtpOperations) -> None:
        self.vocabulary: Names = StandardNames(operations)
        self.settling = 0.0
        self._operations = operations
        self._session = operations.session
        self._descriptions: dict[int, DevicePropDesc] = {}
        self._undescribed: set[int] = set()
        self._believed_until = -math.inf
        self._silences: dict[Question, tuple[float, errors.CameraError]] = {}
        self._silences_in_a_row: dict[Operation, int] = {}

    def forget_failures(self) -> None:
        """Ask again what the camera did not answer."""
        self._believed_until = -math.inf
        self._silences.clear()
        self._silences_in_a_row.clear()

    def invalidate(self, code: int | None = None) -> None:
        """Drop the description of a property that may have changed, or of all."""
        if code is None:
            self._descriptions.clear()
            self._undescribed.clear()
        else:
            self._descriptions.pop(code, None)
            self._undescribed.discard(code)

    @property
    def _codes(self) -> Sequence[int]:
        """The camera's properties, each once; none on a camera that neither describes them nor gives their values."""
        readable = self._operations.has(Operation.GetDevicePropDesc) or self._operations.has(
            Operation.GetDevicePropValue
        )
        return tuple(dict.fromkeys(self.vocabulary.codes)) if readable else ()

    @property
    def _maker(self) -> Maker:
        return maker_of(self._operations.info)

    def names(self) -> Sequence[str]:
        """Name the settings. The clock is not among them: it has a file of its own."""
        return [self.vocabulary.name(code) for code in self._codes if code != properties.DATE_TIME]

    async def read(self, name: str) -> str:
        """Read a setting's value as text."""
        description = await self._present(self._code(name))
        return self._write_values(description, (description.current,))[0]

    def _write_values(self, description: DevicePropDesc, values: Sequence[Value]) -> Sequence[str]:
        return properties.write_values(description, values, self._maker, self.vocabulary.notation(description))

    async def value(self, code: int, *, patient: bool = False) -> Value:
        """Read a property's value; `patient` waits for a busy camera as long as a command does."""
        return (await self._present(code, patient=patient)).current

    async def choices(self, name: str) -> Sequence[str]:
        """List the values that a setting accepts now; of a range longer than `MAX_LISTED` values the first and the last."""
        description = await self._describe(self._code(name))
        values: Sequence[Value]
        match description.form:
            case Enumeration(offered):
                values = offered
            case Range(low, high, step):
                steps = range(low, high + 1, max(step, 1))
                values = steps if len(steps) <= MAX_LISTED else (low, high)
            case None:
                values = ()
        if not values:
            return NoChoices(NO_CHOICES if description.writable else READ_ONLY)
        return list(dict.fromkeys(self._write_values(description, values)))

    async def change(self, name: str, text: str) -> None:
        """Write a setting and read it back.

        Raises:
            AccessDenied: it is read-only.
            InvalidValue: the text is not one of its values; nothing was sent to the camera.
            NotPermitted: the camera kept what it had.
        """
        description = await self._describe(self._code(name), patient=True)
        value = properties.read_value(description, text, self._maker, self.vocabulary.notation(description), name)
        try:
            await self._write(description, value)
        except errors.InvalidValue:
            if value != description.current:  # not all cameras offer the value that they have
                raise
        until = trio.current_time() + self.settling
        while (kept := await self.value(description.code, patient=True)) != value:
            if trio.current_time() >= until:
                break
            await trio.sleep(SETTLE_POLL)
        else:
            return
        shown, wanted = (
            self._write_values(description, (each,))[0] for each in (kept, value)
        )  # which may have one name
        if shown != wanted:
            raise errors.NotPermitted(f"{name}: the camera kept {shown}")

    async def describe(self, code: int) -> DevicePropDesc:
        """Ask for a property's description."""
        return await self._describe(code)

    async def change_value(self, code: int, value: Value) -> None:
        """Write a property, without a look at what the camera makes of it."""
        await self._write(self._descriptions.get(code) or await self._describe(code, patient=True), value)

    async def _write(self, description: DevicePropDesc, value: Value) -> None:
        name = self.vocabulary.name(description.code)
        if not description.writable:
            raise errors.AccessDenied(f"{name}: read-only on this camera")
        if not self._operations.has(Operation.SetDevicePropValue):
            raise errors.NotSupported(f"{name}: this camera has no settings that can be changed")
        data = encode_value(description.data_type, value)
        await self._session.transact(Operation.SetDevicePropValue, description.code, data=data)

    def _code(self, name: str) -> int:
        code = self.vocabulary.code(name)
        if code is None:
            raise errors.NotFound(f"no setting {name}")
        self._check(code)
        return code

    def _check(self, code: int) -> None:
        if code not in self._codes:
            raise errors.NotSupported(f"this camera has no {self.vocabulary.name(code)}")

    async def _ask(self, operation: Operation, code: int, patient: bool) -> Reply:
        """Ask for a property, with as much patience as there is reason for.

        Raises:
            CameraError: what the camera answers, or that it did not answer lately.
        """
        if not patient:
            self._check_silence(operation, code)
        delays = iter(() if patient or trio.current_time() < self._believed_until else BUSY_STEPS)
        while True:
            try:
                reply = await self._session.transact(operation, code, limit=MAX_VALUE, waits_while_busy=patient)
            except errors.Busy:
                self._silences_in_a_row.pop(operation, None)
                delay = next(delays, None)
                if delay is None:
                    self._believed_until = trio.current_time() + BUSY_REST
                    raise
                await trio.sleep(delay)
            except (errors.DeviceGone, errors.Refused):
                self._silences_in_a_row.pop(operation, None)
                raise
            except errors.CameraError as error:
                log.info("property 0x%04X: %s; not asked again for %g s", code, error, SILENCE_REST)
                self._silences[operation, code] = trio.current_time() + SILENCE_REST, error
                self._silences_in_a_row[operation] = self._silences_in_a_row.get(operation, 0) + 1
                raise
            else:
                self._silences_in_a_row.pop(operation, None)
                return reply

    def _check_silence(self, operation: Operation, code: int) -> None:
        """Fail as the camera failed lately to answer this question, or the last two like it."""
        now = trio.current_time()
        self._silences = {question: silence for question, silence in self._silences.items() if silence[0] > now}
        like = [silence[1] for question, silence in self._silences.items() if question[0] == operation]
        own = self._silences.get((operation, code))
        if own is not None:
            raise copy.copy(own[1]).with_traceback(None)
        if like and self._silences_in_a_row.get(operation, 0) >= 2:
            raise copy.copy(like[-1]).with_traceback(None)

    async def _present(self, code: int, *, patient: bool = False) -> DevicePropDesc:
        """Return a property's description with the value that it has now."""
        self._check(code)
        description = self._descriptions.get(code)
        gives_values = self._operations.has(Operation.GetDevicePropValue)
        if not gives_values:
            return await self._describe(code, patient=patient)
        if description is None and self._operations.has(Operation.GetDevicePropDesc) and code not in self._undescribed:
            try:
                return await self._describe(code, patient=patient)
            except errors.RemoteProtocolError:
                pass  # the value may be readable
            except errors.Refused as error:
                if error.code in _NOT_NOW:
                    raise
                self._undescribed.add(code)
        reply = await self._ask(Operation.GetDevicePropValue, code, patient)
        if description is None:
            return properties.guess_description(code, bytes(reply.data))
        return replace(description, current=Reader(reply.data).value(description.data_type))

    async def _describe(self, code: int, *, patient: bool = False) -> DevicePropDesc:
        self._check(code)
        self._operations.require(Operation.GetDevicePropDesc)
        reply = await self._ask(Operation.GetDevicePropDesc, code, patient)
        try:
            description = replace(DevicePropDesc.decode(reply.data), code=code)
        except errors.RemoteProtocolError as error:
            raise errors.RemoteProtocolError(
                f"{self.vocabulary.name(code)}: the camera's description of it cannot be read: {error}"
            ) from None
        self._descriptions[code] = description
        return description
