"""A PTP camera's device properties as settings: by name, as text, written and read back.

GetDevicePropDesc says what a property is and what it takes; it is asked when the choices are wanted or a value is about to be
written, and remembered for reading, where GetDevicePropValue is enough.
"""

from collections.abc import Sequence
from dataclasses import replace

from camfs import errors
from camfs.cameras.ptp.session import Session
from camfs.protocols.ptp import properties
from camfs.protocols.ptp.codes import Operation
from camfs.protocols.ptp.datasets import DevicePropDesc, Enumeration, Range
from camfs.protocols.ptp.values import Reader, Value, encode_value

MAX_LISTED = 1000
"""Steps of a range that are listed one by one as choices; of a longer range only the two ends are."""


class PropertySettings:
    """The settings of a camera, over its session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._codes: tuple[int, ...] = ()
        self._operations: Sequence[int] = ()
        self._descriptions: dict[int, DevicePropDesc] = {}

    def offer(self, codes: Sequence[int], operations: Sequence[int]) -> None:
        """Take the codes of the properties that the camera has, and of what it does; none can be had without descriptions."""
        self._codes = tuple(dict.fromkeys(codes)) if Operation.GetDevicePropDesc in operations else ()
        self._operations = operations

    def forget(self, code: int | None = None) -> None:
        """Forget a property's description, or all."""
        if code is None:
            self._descriptions.clear()
        else:
            self._descriptions.pop(code, None)

    def names(self) -> Sequence[str]:
        """Name the settings; the clock has a file of its own."""
        return [properties.property_name(code) for code in self._codes if code != properties.DATE_TIME]

    async def read(self, name: str) -> str:
        """Read a setting's value as text."""
        code = self._code(name)
        return properties.write_value(code, await self.value(code))

    async def value(self, code: int) -> Value:
        """Read a property's value."""
        self._check(code)
        description = self._descriptions.get(code)
        if description is None or Operation.GetDevicePropValue not in self._operations:
            return (await self._describe(code)).current
        reply = await self._session.transact(Operation.GetDevicePropValue, code, limit=1 << 20)
        return Reader(reply.data).value(description.data_type)

    async def choices(self, name: str) -> Sequence[str]:
        """List what a setting takes now; of a range longer than `MAX_LISTED` steps the first and the last value."""
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
            InvalidValue: not a value of it; the camera was not asked to take it.
            NotPermitted: the camera kept what it had.
        """
        description = await self._describe(self._code(name))
        await self.change_value(description.code, _value_of(description, text))

    async def change_value(self, code: int, value: Value, compare: bool = True) -> None:
        """Write a property; with `compare`, read it back and see that the camera took it."""
        self._check(code)
        description = self._descriptions.get(code) or await self._describe(code)
        name = properties.property_name(code)
        if not description.writable:
            raise errors.AccessDenied(f"{name}: the camera does not let it be set")
        if Operation.SetDevicePropValue not in self._operations:
            raise errors.NotSupported(f"{name}: this camera lets nothing be set")
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
    """Find the value that a text means: of an enumeration the one written so, else whatever the text reads as and the form allows."""
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
        raise errors.InvalidValue(f"{properties.property_name(code)}: {text} is none of its choices")
    try:
        encode_value(description.data_type, value)
    except errors.LocalProtocolError:
        raise errors.InvalidValue(f"{properties.property_name(code)}: {text} is out of range") from None
    return value
