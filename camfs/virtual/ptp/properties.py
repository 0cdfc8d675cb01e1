"""The device properties of an emulated camera: their values, and the rules for writing them."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.ptp.codes import DataType, ResponseCode
from camfs.protocols.ptp.datasets import DevicePropDesc, Enumeration, Range
from camfs.protocols.ptp.values import Reader, Value, decode_date_time, encode_date_time, encode_value
from camfs.virtual.ptp.refusal import Refusal

MAX_STRING = 64
"""Characters that a text property holds."""

MAX_ARRAY = 64
"""Elements that an array property holds."""


@dataclass
class Property:
    """A device property.

    Attributes:
        description: what GetDevicePropDesc answers; holds the value, too.
        ignores_writes: a legal value is answered with OK, and nothing changes.
        description_refused: the response code to GetDevicePropDesc, where the camera does not describe the property.
        value_refused: the response code to GetDevicePropValue, where it does not give the value.
    """

    description: DevicePropDesc
    ignores_writes: bool = False
    description_refused: int | None = None
    value_refused: int | None = None

    @property
    def value(self) -> Value:
        """The value now."""
        return self.description.current

    def described(self) -> DevicePropDesc:
        """Return what GetDevicePropDesc answers now."""
        return self.description

    def encoded(self) -> bytes:
        """Return what GetDevicePropValue answers now."""
        return encode_value(self.description.data_type, self.value)

    def put(self, value: Value) -> None:
        """Set the value without any check, as the camera's own buttons do."""
        self.description = replace(self.description, current=value)

    def write(self, data: bytes) -> bool:
        """Set the value as SetDevicePropValue does.

        Returns:
            Whether it changed.

        Raises:
            Refusal: the property is read-only, or it does not take these bytes.
        """
        if not self.description.writable:
            raise Refusal(ResponseCode.AccessDenied)
        reader = Reader(data)
        try:
            value = reader.value(self.description.data_type)
        except RemoteProtocolError:
            raise Refusal(ResponseCode.InvalidDevicePropFormat) from None
        if reader.remaining:
            raise Refusal(ResponseCode.InvalidDevicePropFormat)
        if not self._takes(value):
            raise Refusal(ResponseCode.InvalidDevicePropValue)
        if self.ignores_writes or value == self.value:
            return False
        self.put(value)
        return True

    def _takes(self, value: Value) -> bool:
        match self.description.form:
            case Range(low, high, step):
                return isinstance(value, int) and low <= value <= high and (not step or (value - low) % step == 0)
            case Enumeration(values) if values:
                return value in values
        return isinstance(value, int) or len(value) <= (MAX_STRING if isinstance(value, str) else MAX_ARRAY)


class Clock(Property):
    """The camera's clock. It runs in local time without a zone, and begins with the computer's time.

    Args:
        code: the property's code.
    """

    def __init__(self, code: int) -> None:
        super().__init__(DevicePropDesc(code, DataType.STRING, True, "", ""))
        self._ahead = timedelta()

    @property
    def value(self) -> Value:
        """The time now, as a DateTime string."""
        return encode_date_time(self.now())

    def now(self) -> datetime:
        """Return the time now, naive, whole seconds."""
        return (datetime.now() + self._ahead).replace(microsecond=0)

    def described(self) -> DevicePropDesc:
        return replace(self.description, current=self.value)

    def put(self, value: Value) -> None:
        """Set the clock.

        Raises:
            LocalProtocolError: the value is not a DateTime string.
        """
        moment = decode_date_time(value) if isinstance(value, str) else None
        if moment is None:
            raise LocalProtocolError(f"{value!r} is not a date")
        self._ahead = moment.astimezone().replace(tzinfo=None) - datetime.now()

    def _takes(self, value: Value) -> bool:
        return isinstance(value, str) and decode_date_time(value) is not None
