"""A PTP camera's device properties as settings: by name, as text, written and read back.

GetDevicePropDesc describes a property: its type, its value, the values that it accepts. It is asked for when choices are listed, and
before the first write. To read a value it is asked for once and then remembered, as GetDevicePropValue is enough from then on.
"""

from collections.abc import Sequence
from dataclasses import replace

from camfs import errors
from camfs.cameras.ptp.operations import PtpOperations
from camfs.protocols.ptp import properties
from camfs.protocols.ptp.codes import Operation
from camfs.protocols.ptp.datasets import DevicePropDesc, Enumeration, Range
from camfs.protocols.ptp.values import Reader, Value, encode_value

MAX_LISTED = 1000
"""A range of so many values is listed one by one as choices; of a longer range only the two ends are."""


class PropertySettings:
    """The settings of one camera.

    Args:
        operations: of the camera.
    """

    def __init__(self, operations: PtpOperations) -> None:
        self._operations = operations
        self._session = operations.session
        self._descriptions: dict[int, DevicePropDesc] = {}

    def invalidate(self, code: int | None = None) -> None:
        """Drop the description of a property that may have changed, or of all."""
        if code is None:
            self._descriptions.clear()
        else:
            self._descriptions.pop(code, None)

    @property
    def _codes(self) -> Sequence[int]:
        """The camera's properties, each once; none on a camera that describes none."""
        has_descriptions = self._operations.has(Operation.GetDevicePropDesc)
        return tuple(dict.fromkeys(self._operations.info.device_properties)) if has_descriptions else ()

    def names(self) -> Sequence[str]:
        """Name the settings. The clock is not among them: it has a file of its own."""
        return [properties.property_name(code) for code in self._codes if code != properties.DATE_TIME]

    async def read(self, name: str) -> str:
        """Read a setting's value as text."""
        code = self._code(name)
        return properties.write_value(code, await self.value(code))

    async def value(self, code: int) -> Value:
        """Read a property's value."""
        self._check(code)
        description = self._descriptions.get(code)
        if description is None or not self._operations.has(Operation.GetDevicePropValue):
            return (await self._describe(code)).current
        reply = await self._session.transact(Operation.GetDevicePropValue, code, limit=1 << 20)
        return Reader(reply.data).value(description.data_type)

    async def choices(self, name: str) -> Sequence[str]:
        """List the values that a setting accepts now; of a range longer than `MAX_LISTED` values the first and the last."""
        description = await self._describe(self._code(name))
        match description.form:
            case Enumeration(values):
                pass
            case Range(low, high, step):
                steps = range(low, high + 1, max(step, 1))
                values = tuple(steps) if len(steps) <= MAX_LISTED else (low, high)
            case None:
                values = ()
        return [properties.write_value(description.code, value) for value in values]

    async def change(self, name: str, text: str) -> None:
        """Write a setting and read it back.

        Raises:
            AccessDenied: it is read-only.
            InvalidValue: the text is not one of its values; nothing was sent to the camera.
            NotPermitted: the camera kept what it had.
        """
        description = await self._describe(self._code(name))
        await self.change_value(description.code, _value_of(description, text))

    async def change_value(self, code: int, value: Value, compare: bool = True) -> None:
        """Write a property; with `compare`, read it back to see whether the camera accepted it."""
        self._check(code)
        description = self._descriptions.get(code) or await self._describe(code)
        name = properties.property_name(code)
        if not description.writable:
            raise errors.AccessDenied(f"{name}: read-only on this camera")
        if not self._operations.has(Operation.SetDevicePropValue):
            raise errors.NotSupported(f"{name}: this camera has no settings that can be changed")
        await self._session.transact(
            Operation.SetDevicePropValue, code, data=encode_value(description.data_type, value)
        )
        kept = await self.value(code) if compare else value
        if kept != value:
            raise errors.NotPermitted(f"{name}: the camera kept {properties.write_value(code, kept)}")

    def _code(self, name: str) -> int:
        code = properties.property_code(name)
        if code is None:
            raise errors.NotFound(f"no setting {name}")
        self._check(code)
        return code

    def _check(self, code: int) -> None:
        if code not in self._codes:
            raise errors.NotSupported(f"this camera has no {properties.property_name(code)}")

    async def _describe(self, code: int) -> DevicePropDesc:
        reply = await self._session.transact(Operation.GetDevicePropDesc, code, limit=1 << 20)
        description = replace(DevicePropDesc.decode(reply.data), code=code)
        self._descriptions[code] = description
        return description


def _value_of(description: DevicePropDesc, text: str) -> Value:
    """Return the value that a text stands for: the one of an enumeration that is written so, else the number or text that it reads as.

    Raises:
        InvalidValue: the property does not accept it.
    """
    code, form = description.code, description.form
    if isinstance(form, Enumeration):
        for value in form.values:
            if properties.write_value(code, value).lower() == text.lower():
                return value
    value = properties.read_value(code, description.data_type, text)
    allowed = True
    if isinstance(form, Enumeration):
        allowed = value in form.values
    elif isinstance(form, Range) and isinstance(value, int):
        allowed = form.minimum <= value <= form.maximum and (value - form.minimum) % max(form.step, 1) == 0
    if not allowed:
        raise errors.InvalidValue(f"{properties.property_name(code)}: {text} is not one of its choices")
    try:
        encode_value(description.data_type, value)
    except errors.LocalProtocolError:
        raise errors.InvalidValue(f"{properties.property_name(code)}: {text} is out of range") from None
    return value
