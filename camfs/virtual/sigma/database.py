"""The image database of the emulated fp: 29 slots from which the host fetches and releases shots (reference sigma-fp, 12 and 23.5)."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from camfs.protocols.sigma.codes import IMAGE_IDS, CaptureState, Destination
from camfs.virtual.pictures.contents import Content

FIRST_ADDRESS, BETWEEN_ADDRESSES, ADDRESSES = 0x57000580, 0x0200_0000, 64
"""Where files lie in the camera's memory; an address comes back after so many files."""


@dataclass
class PictureFile:
    """A file of a take.

    Attributes:
        address: what GetBigPartialPictFile asks for.
        fetched: spans of bytes that the host has got, in order, apart from each other.
    """

    name: str
    format: str
    content: Content
    width: int = 0
    height: int = 0
    address: int = 0
    fetched: list[tuple[int, int]] = field(default_factory=list)

    def note(self, start: int, end: int) -> None:
        """Note that the host got some bytes."""
        spans: list[tuple[int, int]] = []
        for span in sorted([*self.fetched, (start, end)]):
            if spans and span[0] <= spans[-1][1]:
                spans[-1] = spans[-1][0], max(spans[-1][1], span[1])
            else:
                spans.append(span)
        self.fetched = spans

    @property
    def is_fetched(self) -> bool:
        """Whether the host got all of it."""
        return self.fetched == [(0, self.content.size)]


@dataclass
class Take:
    """One release of the shutter, or a movie: its states over time, and its files, which have an entry each.

    Attributes:
        destination: DestToSave when it was taken.
        states: time and state, ascending.
        files: complete from `GENERATED` or `MOVIE_GENERATED` on.
    """

    destination: int
    states: list[tuple[float, CaptureState]]
    files: list[PictureFile] = field(default_factory=list)

    def state(self, now: float) -> CaptureState:
        """Return the state at a time."""
        at = bisect_right([time for time, _ in self.states], now)
        state = self.states[max(0, at - 1)][1]
        if (
            state is CaptureState.GENERATED
            and self.destination in (Destination.COMPUTER, Destination.BOTH)
            and all(file.is_fetched for file in self.files)
        ):
            return CaptureState.STORED
        return state

    def is_there(self, now: float) -> bool:
        """Say whether its files are."""
        return self.state(now) in (CaptureState.GENERATED, CaptureState.STORED)

    def generated_at(self) -> float:
        """Return when its files are there; infinity for never, as far as is known."""
        there = (CaptureState.GENERATED, CaptureState.MOVIE_GENERATED)
        return next((time for time, state in self.states if state in there), float("inf"))


@dataclass
class Entry:
    """A slot in use: a take and which of its files is this entry's. Of a shot that an older entry blocked there is neither."""

    take: Take | None = None
    file: PictureFile | None = None


class ImageDatabase:
    """The ring.

    Attributes:
        head: id of the oldest entry.
        tail: id that the next entry gets; equal to `head` when there is none.
        entries: by id.
        used: whether there was ever an entry.
    """

    def __init__(self) -> None:
        self.head = self.tail = 0
        self.entries: dict[int, Entry] = {}
        self.used = False
        self._autofocus: dict[int, list[tuple[float, CaptureState]]] = {}
        self._files = 0

    @property
    def pending(self) -> bool:
        """Whether an entry waits to be released."""
        return self.head != self.tail

    @property
    def room(self) -> int:
        """Entries that can still be made: with all slots in use head and tail would say that there are none."""
        return IMAGE_IDS - 1 - (self.tail - self.head) % IMAGE_IDS

    def add(self, entry: Entry) -> None:
        """Make an entry; nothing happens when there is no room."""
        if self.room:
            if entry.file is not None:
                entry.file.address = FIRST_ADDRESS + self._files % ADDRESSES * BETWEEN_ADDRESSES
                self._files += 1
            self._autofocus.clear()
            self.entries[self.tail] = entry
            self.tail = (self.tail + 1) % IMAGE_IDS
            self.used = True

    def autofocus(self, states: list[tuple[float, CaptureState]]) -> None:
        """Show the course of an AF-only command on the slot at the tail, without an entry."""
        self._autofocus = {self.tail: states}

    def clear(self, image_id: int) -> None:
        """Release an entry; the head moves over all released ones at the front."""
        self.entries.pop(image_id, None)
        self._autofocus.pop(image_id, None)
        while self.pending and self.head not in self.entries:
            self.head = (self.head + 1) % IMAGE_IDS

    def state(self, image_id: int, now: float) -> tuple[int, int]:
        """Return CaptStatus and DestToSave of an id; zeros of a free slot."""
        if image_id in self._autofocus:
            return Take(0, self._autofocus[image_id]).state(now), 0
        take = self.entries.get(image_id, Entry()).take
        return (0, 0) if take is None else (take.state(now), take.destination)

    def states(self, now: float) -> tuple[object, ...]:
        """Return all that a host can see by asking for every id."""
        return self.head, self.tail, tuple(self.state(image_id, now) for image_id in range(IMAGE_IDS))

    def files(self, now: float) -> Iterator[PictureFile]:
        """Return the files that can be fetched, in the order of their entries."""
        ids = ((self.head + step) % IMAGE_IDS for step in range((self.tail - self.head) % IMAGE_IDS))
        for image_id in ids:
            entry = self.entries.get(image_id, Entry())
            if entry.take is not None and entry.file is not None and entry.take.is_there(now):
                yield entry.file

    def takes(self) -> Iterator[Take]:
        """Return the takes of all entries."""
        for entry in self.entries.values():
            if entry.take is not None:
                yield entry.take
