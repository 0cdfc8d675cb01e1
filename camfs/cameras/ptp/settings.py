"""A PTP camera's device properties as settings: by name, as text, written and read back.

GetDevicePropDesc describes a property: its type, its value, the values that it accepts. It is asked for when choices are listed, and
before each write. To read a value it is asked for once and then remembered, as GetDevicePropValue is enough from then on. Some cameras
refuse to describe a property and give its value all the same: then its type is guessed from the bytes, and it can only be read.

What a value is written as, and which value a text means, is told in `camfs.protocols.ptp.properties`.
"""

from collections.abc import Sequence
from dataclasses import replace

from camfs import errors
from camfs.cameras.ptp.operations import PtpOperations
from camfs.protocols.ptp import properties
from camfs.protocols.ptp.codes import Operation, ResponseCode
from camfs.protocols.ptp.datasets import DevicePropDesc, Enumeration, Range
from camfs.protocols.ptp.makers import Maker, maker_of
from camfs.protocols.ptp.values import Reader, Value, encode_value

MAX_LISTED = 1000
"""A range of so many values is listed one by one as choices; of a longer range only the two ends are."""

_NOT_NOW = (ResponseCode.DeviceBusy, ResponseCode.SessionNotOpen)
"""Refusals that say nothing about the property."""


class PropertySettings:
    """The settings of one camera.

    Args:
        operations: of the camera.
    """

    def __init__(self, operations: PtpOperations) -> None:
        self._operations = operations
        self._session = operations.session
        self._descriptions: dict[int, DevicePropDesc] = {}
        self._undescribed: set[int] = set()

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
        return tuple(dict.fromkeys(self._operations.info.device_properties)) if readable else ()

    @property
    def _maker(self) -> Maker:
        return maker_of(self._operations.info)

    def names(self) -> Sequence[str]:
        """Name the settings. The clock is not among them: it has a file of its own."""
        return [properties.property_name(code) for code in self._codes if code != properties.DATE_TIME]

    async def read(self, name: str) -> str:
        """Read a setting's value as text."""
        description = await self._present(self._code(name))
        return properties.write_value(description, description.current, self._maker)

    async def value(self, code: int) -> Value:
        """Read a property's value."""
        return (await self._present(code)).current

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
        return list(dict.fromkeys(properties.write_values(description, values, self._maker)))

    async def change(self, name: str, text: str) -> None:
        """Write a setting and read it back.

        Raises:
            AccessDenied: it is read-only.
            InvalidValue: the text is not one of its values; nothing was sent to the camera.
            NotPermitted: the camera kept what it had.
        """
        description = await self._describe(self._code(name))
        value = properties.read_value(description, text, self._maker)
        try:
            await self._write(description, value)
        except errors.InvalidValue:
            if value != description.current:  # not all cameras offer the value that they have
                raise
        kept = await self.value(description.code)
        if kept == value:
            return
        shown, wanted = (properties.write_value(description, each, self._maker) for each in (kept, value))
        if shown != wanted:
            raise errors.NotPermitted(f"{name}: the camera kept {shown}")

    async def change_value(self, code: int, value: Value) -> None:
        """Write a property, without a look at what the camera makes of it."""
        await self._write(self._descriptions.get(code) or await self._describe(code), value)

    async def _write(self, description: DevicePropDesc, value: Value) -> None:
        name = properties.property_name(description.code)
        if not description.writable:
            raise errors.AccessDenied(f"{name}: read-only on this camera")
        if not self._operations.has(Operation.SetDevicePropValue):
            raise errors.NotSupported(f"{name}: this camera has no settings that can be changed")
        data = encode_value(description.data_type, value)
        await self._session.transact(Operation.SetDevicePropValue, description.code, data=data)

    def _code(self, name: str) -> int:
        code = properties.property_code(name)
        if code is None:
            raise errors.NotFound(f"no setting {name}")
        self._check(code)
        return code

    def _check(self, code: int) -> None:
        if code not in self._codes:
            raise errors.NotSupported(f"this camera has no {properties.property_name(code)}")

    async def _present(self, code: int) -> DevicePropDesc:
        """Return a property's description with the value that it has now."""
        self._check(code)
        description = self._descriptions.get(code)
        gives_values = self._operations.has(Operation.GetDevicePropValue)
        if not gives_values:
            return await self._describe(code)
        if description is None and self._operations.has(Operation.GetDevicePropDesc) and code not in self._undescribed:
            try:
                return await self._describe(code)
            except errors.RemoteProtocolError:
                pass  # the value may be readable
            except errors.Refused as error:
                if error.code in _NOT_NOW:
                    raise
                self._undescribed.add(code)
        reply = await self._session.transact(Operation.GetDevicePropValue, code, limit=1 << 20)
        if description is None:
            return properties.guess_description(code, bytes(reply.data))
        return replace(description, current=Reader(reply.data).value(description.data_type))

    async def _describe(self, code: int) -> DevicePropDesc:
        self._check(code)
        self._operations.require(Operation.GetDevicePropDesc)
        reply = await self._session.transact(Operation.GetDevicePropDesc, code, limit=1 << 20)
        description = replace(DevicePropDesc.decode(reply.data), code=code)
        self._descriptions[code] = description
        return description
