"""A setting: fields of one dataset under a name of `.settings/`, read as text, written from text, and compared after a write.

The camera answers OK to a write that it ignores. So whoever changes a setting does this:

    choices(state)            what may be written now, for the user
    encode(text, state)       the fields to write
    ... write, read back ...
    took(wanted, values)      whether the camera accepted it; if not,
    other_way(wanted, state)  a second code to try, for the few values that have two, else
    reason(state)             why not, as far as the camera's other settings tell

Most settings are one number with a `Coding`, and `Setting` itself is enough for them. `special.py` has those that are not; `settings.py` is
the table of all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from camfs.errors import AccessDenied, InvalidValue, NoData
from camfs.protocols.sigma.can_set import CanSetInfo
from camfs.protocols.sigma.codings import Coding, Number, Words
from camfs.protocols.sigma.datasets import Dataset, Value, Values

READ_ONLY_REASON = "it can only be read"
NOT_OFFERED = "the camera does not offer it now"


@dataclass
class State:
    """What the camera said last: the fields of each dataset that was read, and what can be set now."""

    values: dict[Dataset, Values] = field(default_factory=dict)
    can_set: CanSetInfo = field(default_factory=CanSetInfo)

    def number(self, dataset: Dataset, name: str) -> int | None:
        """Return a field that has one number; None if it was not read."""
        return number_of(self.values.get(dataset, {}), name)


def number_of(values: Values, name: str) -> int | None:
    """Return a field that has one number; None if it is missing or has several."""
    value = values.get(name)
    return value if isinstance(value, int) else None


Condition = Callable[[State], str]
"""Says why the camera ignores a write in this state; empty if nothing known stands in the way."""


@dataclass(frozen=True)
class Setting:
    """One setting: of one number, unless a subclass says otherwise.

    Attributes:
        name: of its file.
        dataset: where its fields are.
        fields: that it is read from; the first is the one that is written.
        coding: how the number is written.
        read_only: the camera reports it and does not accept it.
        ignored: conditions in which the camera ignores every write.
        hints: conditions in which it ignores some values.
        is_reported: False if a firmware that accepts it may not report it; then the camera's OK has to do.
        read_only_because: why it is read-only, where that needs saying.
    """

    name: str
    dataset: Dataset
    fields: tuple[str, ...]
    coding: Coding = Number()
    read_only: bool = False
    ignored: tuple[Condition, ...] = ()
    hints: tuple[Condition, ...] = ()
    is_reported: bool = True
    read_only_because: str = ""

    def read(self, values: Values) -> str:
        """Write the value in `values`, the fields of this setting's dataset, as text.

        Raises:
            NoData: the field is not in the camera's reply, or has no value now.
        """
        text = self._text(values)
        if text is None:
            known = self.fields[0] in values
            raise NoData(f"{self.name} {'has no value now' if known else 'is not reported by this camera'}")
        return text

    def encode(self, text: str, state: State) -> dict[str, Value]:
        """Read a text; return the fields of this setting's dataset to write.

        Raises:
            InvalidValue: it is not a value of this setting.
            AccessDenied: the setting can only be read.
            LocalProtocolError: other fields that must be written with it were not read.
        """
        if self.read_only:
            raise AccessDenied(f"{self.name}: {self.read_only_because or READ_ONLY_REASON}")
        try:
            return self._encode(text.strip(), state)
        except (ValueError, OverflowError):
            raise InvalidValue(f"{self.name}: {text[:40]!r} is not a valid value") from None

    def took(self, wanted: Mapping[str, Value], values: Values) -> bool:
        """Say whether the camera accepted a write: `values`, read back, mean the same as `wanted`, which was written.

        Two codes with one meaning are the same, and a position may be off by the camera's rounding.
        """
        if self.fields[0] not in values:
            return not self.is_reported
        text = self._text(values)
        return text is not None and text == self._text(wanted)

    def other_way(self, wanted: Mapping[str, Value], state: State) -> dict[str, Value] | None:
        """Return the same value in the other code that some bodies have for it; None if there is only one.

        `state` is that from before the write.
        """
        code = wanted.get(self.fields[0])
        if not isinstance(self.coding, Words) or not isinstance(code, int):
            return None
        other = self.coding.other_code(code)
        return None if other is None else {**wanted, self.fields[0]: other}

    def choices(self, state: State) -> tuple[str, ...]:
        """List what the camera accepts now, by CanSetInfo5 and the tables.

        Empty if the setting cannot be set now or the camera does not say. Of a range of more than `MAX_LISTED` values, the two ends.
        """
        if self.read_only or any(condition(state) for condition in self.ignored):
            return ()
        return self._choices(state)

    def reason(self, state: State) -> str:
        """Say why the camera keeps the value that it has, as far as its state tells; else an empty text.

        See camfs/protocols/sigma/README.md, "Which writes are silently ignored".
        """
        if self.read_only:
            return self.read_only_because or READ_ONLY_REASON
        for condition in (*self.ignored, *self.hints):
            if clause := condition(state):
                return clause
        if self.tag is None or not state.can_set.entries:
            return ""
        entry = state.can_set.entries.get(self.tag)
        if entry is None:
            return "this firmware does not know it"
        return "" if entry.value else NOT_OFFERED

    @property
    def tag(self) -> int | None:
        """The tag of CanSetInfo5 that says what is settable; None where no tag does."""
        return self.coding.tag

    def _text(self, values: Values) -> str | None:
        code = number_of(values, self.fields[0])
        return None if code is None else self.coding.decode(code)

    def _encode(self, text: str, state: State) -> dict[str, Value]:
        return {self.fields[0]: self.coding.encode(text, state.can_set)}

    def _choices(self, state: State) -> tuple[str, ...]:
        return self.coding.choices(state.can_set)
