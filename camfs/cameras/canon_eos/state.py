"""What the records have told of a body: the values of its properties, what they may be set to, and whether it is busy.

There is no operation that reads a property; all that is known of one has come as a record since the body entered the remote state.
"""

from collections.abc import Sequence

from camfs.protocols.canon_eos.codes import Property, Record
from camfs.protocols.canon_eos.codings import number_of
from camfs.protocols.canon_eos.events import ChoicesChanged, Event, Numbered, OnlineInfo, PropertyChanged
from camfs.protocols.canon_eos.online import has_focused


class BodyState:
    """The state of one body, as far as it has told.

    Attributes:
        values: bytes by property.
        lists: what properties may be set to, by property; kind and elements.
        is_busy: whether it said that it is busy.
        focus: whether autofocus has found its point; None since `forget_focus`.
    """

    def __init__(self) -> None:
        self.values: dict[int, bytes] = {}
        self.lists: dict[int, tuple[int, Sequence[bytes]]] = {}
        self.is_busy = False
        self.focus: bool | None = None

    def clear(self) -> None:
        """Forget everything."""
        self.values.clear()
        self.lists.clear()
        self.is_busy = False
        self.focus = None

    def note(self, event: Event) -> bool:
        """Take what a record tells; return whether it has changed what is known of a property's value."""
        match event:
            case PropertyChanged(code, value):
                changed = self.values.get(code) != value
                self.values[code] = value
                if code == Property.FocusInfo and any(value[20:]) and changed:
                    self.focus = True
                return changed
            case ChoicesChanged(code, kind):
                self.lists[code] = kind, event.values()
            case Numbered(Record.CameraStatus, number):
                self.is_busy = number != 0
            case OnlineInfo():
                focused = has_focused(event, self.number(Property.OnlineInfoVersion))
                self.focus = self.focus if focused is None else focused
        return False

    def number(self, code: int) -> int | None:
        """Return a property that is a number; None if it is not known."""
        value = self.values.get(code)
        return None if value is None else number_of(value)

    def offered(self, code: int) -> Sequence[bytes]:
        """Return what a property may be set to now; none if it has no list, or an empty one."""
        return self.lists.get(code, (0, ()))[1]

    def forget_focus(self) -> None:
        """Wait for news of autofocus from now on."""
        self.focus = None
