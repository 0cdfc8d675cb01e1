"""The image database of the emulated fp: a ring of 29 slots, from which the host fetches shots and releases them.

::

    slot    head        head+1             tail-1      tail
            oldest  ──► …            ──►   newest      the next shot's

Each release of the shutter is a `Take`. It has a file for each format, and each file has a slot of its own. A slot is in use until the host
releases it; `head` then moves on, over all slots that are free. The place of its file in the camera's memory is then free, too, and the
next file of that format takes it: so one shot after another has the same address. See
camfs/protocols/sigma/README.md, "Image database and capture".
"""

import itertools
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from camfs.protocols.sigma.codes import IMAGE_IDS, CaptureState, Destination
from camfs.virtual.pictures.contents import Content

BETWEEN_ADDRESSES = 0x0200_0000
"""How far apart the files of shots that wait at the same time are."""


@dataclass
class PictureFile:
    """A file of a take.

    Attributes:
        folder: the path of its folder on the card.
        address: where it is in the camera's memory; GetBigPartialPictFile names it by that.
        fetched: spans of bytes that the host has read, in order; no two of them touch.
    """

    name: str
    format: str
    content: Content
    width: int = 0
    height: int = 0
    folder: str = "DCIM"
    address: int = 0
    fetched: list[tuple[int, int]] = field(default_factory=list)

    def note(self, start: int, end: int) -> None:
        """Note that the host has read some bytes."""
        spans: list[tuple[int, int]] = []
        for span in sorted([*self.fetched, (start, end)]):
            if spans and span[0] <= spans[-1][1]:
                spans[-1] = spans[-1][0], max(spans[-1][1], span[1])
            else:
                spans.append(span)
        self.fetched = spans

    @property
    def is_fetched(self) -> bool:
        """Whether the host has read all of it."""
        return self.fetched == [(0, self.content.size)]


@dataclass
class Take:
    """One release of the shutter, or a movie: its states over time, and its files.

    Attributes:
        destination: DestToSave when it was taken.
        states: each with the time at which it begins, ascending.
        files: they can be read from `GENERATED` or `MOVIE_GENERATED` on.
    """

    destination: int
    states: list[tuple[float, CaptureState]]
    files: list[PictureFile] = field(default_factory=list)

    def state(self, now: float) -> CaptureState:
        """Return the state at a time: a picture for the host is stored once the host has read it."""
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
        """Say whether its files can be read."""
        return self.state(now) in (CaptureState.GENERATED, CaptureState.STORED)

    def generated_at(self) -> float:
        """Return when its files can be read; infinity for never, as far as is known."""
        there = (CaptureState.GENERATED, CaptureState.MOVIE_GENERATED)
        return next((time for time, state in self.states if state in there), float("inf"))


@dataclass
class Slot:
    """A slot in use: a take, and which of its files is in this slot. A shot that an older slot blocked has neither."""

    take: Take | None = None
    file: PictureFile | None = None


class SlotRing:
    """The ring of slots.

    Args:
        addresses: where the first file of each format that waits is in the camera's memory.

    Attributes:
        head: id of the oldest slot in use.
        tail: id that the next shot gets; equal to `head` when no slot is in use.
        slots: those in use, by id.
        used: whether any slot was ever in use.
    """

    def __init__(self, addresses: Mapping[str, int]) -> None:
        self.head = self.tail = 0
        self.slots: dict[int, Slot] = {}
        self.used = False
        self._autofocus: dict[int, list[tuple[float, CaptureState]]] = {}
        self._addresses = addresses

    @property
    def pending(self) -> bool:
        """Whether a slot waits to be released."""
        return self.head != self.tail

    @property
    def room(self) -> int:
        """Slots that can still be used: not all, because with 29 in use head and tail would say that none is."""
        return IMAGE_IDS - 1 - (self.tail - self.head) % IMAGE_IDS

    def add(self, slot: Slot) -> None:
        """Use the slot at the tail; nothing happens when there is no room."""
        if self.room:
            if slot.file is not None:
                slot.file.address = self._free_address(slot.file.format)
            self._autofocus.clear()
            self.slots[self.tail] = slot
            self.tail = (self.tail + 1) % IMAGE_IDS
            self.used = True

    def _free_address(self, kind: str) -> int:
        """Return the lowest address for a file of this format at which none waits; 0 for a movie, which is in no memory."""
        taken = {slot.file.address for slot in self.slots.values() if slot.file is not None}
        if kind not in self._addresses:
            return 0
        places = itertools.count(self._addresses[kind], BETWEEN_ADDRESSES)
        return next(place for place in places if place not in taken)

    def autofocus(self, states: list[tuple[float, CaptureState]]) -> None:
        """Show the course of an AF-only command at the tail's id, without using the slot."""
        self._autofocus = {self.tail: states}

    def clear(self, image_id: int) -> None:
        """Release a slot; the head moves over all released ones at the front."""
        self.slots.pop(image_id, None)
        self._autofocus.pop(image_id, None)
        while self.pending and self.head not in self.slots:
            self.head = (self.head + 1) % IMAGE_IDS

    def state(self, image_id: int, now: float) -> tuple[int, int]:
        """Return CaptStatus and DestToSave of an id; zeros for a free slot."""
        if image_id in self._autofocus:
            return Take(0, self._autofocus[image_id]).state(now), 0
        take = self.slots.get(image_id, Slot()).take
        return (0, 0) if take is None else (take.state(now), take.destination)

    def states(self, now: float) -> tuple[object, ...]:
        """Return all that a host would see if it asked about every id."""
        return self.head, self.tail, tuple(self.state(image_id, now) for image_id in range(IMAGE_IDS))

    def files(self, now: float) -> Iterator[PictureFile]:
        """Return the files that can be read, in the order of their slots."""
        ids = ((self.head + step) % IMAGE_IDS for step in range((self.tail - self.head) % IMAGE_IDS))
        for image_id in ids:
            slot = self.slots.get(image_id, Slot())
            if slot.take is not None and slot.file is not None and slot.take.is_there(now):
                yield slot.file
