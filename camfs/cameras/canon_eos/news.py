"""Takes the records of a body: the state learns from them, and what they mean for others is kept until it is asked for.

    GetEvent ─► record ─┬─► state           values, lists, busy, focus
                        ├─► waiting shots   for this computer
                        └─► news            until `take`: objects on the card, shots, settings, as lines for `.events`

GetEvent hands its records over once. When a reply was lost on the way, or nobody waited for it any more, the body is made to tell its whole
state anew before anything else is asked, and folders are listed again, as the reply may have announced an object.
"""

import logging
from collections.abc import Callable, Sequence

import trio

from camfs import errors
from camfs.cameras.canon_eos.operations import CanonOperations
from camfs.cameras.canon_eos.state import BodyState
from camfs.cameras.canon_eos.waiting_shots import WaitingShots
from camfs.cameras.tethered.body import News, OnCard, ShotComplete, ShotWaits, Told
from camfs.protocols.canon_eos.codes import CARD_EVENTS, CanonOperation, Record
from camfs.protocols.canon_eos.events import (
    Event,
    Numbered,
    ObjectOnCard,
    Other,
    PropertyChanged,
    TransferRequested,
    decode_event,
)
from camfs.protocols.canon_eos.settings import NOT_SETTINGS, PREFIX, setting_of
from camfs.protocols.ptp import messages
from camfs.protocols.ptp.codes import NO_TRANSACTION, EventCode, ResponseCode

log = logging.getLogger(__name__)

EVENTS = 1
"""What switches records on."""

MOST_REPLIES = 64
"""Replies with records that are taken one after the other: a body that always has more must not keep all others from their turn."""


class RecordTaker:
    """Takes the records of one body.

    Args:
        operations: of the body.
        state: learns from them.
        waiting: learns of shots that wait for this computer.

    Attributes:
        awaits_shot: whether the next word that the body is idle says that a shot is complete.
        when_closing: called when the body says that it will switch itself off soon.
    """

    def __init__(self, operations: CanonOperations, state: BodyState, waiting: WaitingShots) -> None:
        self.awaits_shot = False
        self.when_closing: Callable[[], None] = lambda: None
        self._operations = operations
        self._state = state
        self._waiting = waiting
        self._news: list[News] = []
        self._has_lost_some = False
        self._warned: set[int] = set()
        self._asking = trio.Lock()

    def begin(self) -> None:
        """Note that the body tells its whole state from now on."""
        self._has_lost_some = False
        self._state.clear()

    def end(self) -> None:
        """Note that the body is the photographer's: what waited in it waits no more."""
        self.awaits_shot = False
        self._state.clear()
        self._waiting.clear()
        self._news = [news for news in self._news if not isinstance(news, ShotWaits)]

    def take(self) -> list[News]:
        """Return the news that have come, each once."""
        news, self._news = self._news, []
        return news

    def give_back(self, news: Sequence[News]) -> None:
        """Keep news that were taken too early."""
        self._news += news

    async def ask(self, *, tells: bool = True) -> int:
        """Take the records that wait, and return how many came.

        Args:
            tells: whether changed settings are news.
        """
        async with self._asking:
            if self._has_lost_some:
                await self._operations.insist(CanonOperation.SetEventMode, EVENTS)
                self._has_lost_some = False
                self._news.append(OnCard(_event(EventCode.ObjectAdded, 0)))
            count = 0
            for _ in range(MOST_REPLIES):
                taken = await self._take_reply(tells)
                count += taken
                if not taken:
                    break
            return count

    async def _take_reply(self, tells: bool) -> int:
        try:
            reply = await self._operations.records()
        except errors.Refused:
            raise
        except BaseException:
            self._has_lost_some = True
            raise
        if reply.trouble:
            self._warn(0, f"the camera's records: {reply.trouble}; those before it are taken")
        for raw in reply.records:
            event = decode_event(raw)
            has_changed = self._state.note(event)
            self._news += self._read(event, tells and has_changed)
        return len(reply.records)

    async def is_remote(self) -> bool:
        """Say whether the body is in the remote state: only then it has records, or says that there are none."""
        try:
            await self.ask()
        except errors.Refused as error:
            if error.code == ResponseCode.GeneralError:
                return False
            raise
        return True

    def _warn(self, code: int, text: str) -> None:
        """Log what is wrong with a kind of record: the first time as a warning."""
        log.log(logging.INFO if code in self._warned else logging.WARNING, "%s", text)
        self._warned.add(code)

    def _read(self, event: Event, has_changed: bool) -> Sequence[News]:
        match event:
            case PropertyChanged(code, value) if has_changed and code not in NOT_SETTINGS:
                setting = setting_of(code)
                if not setting.name.startswith(PREFIX):
                    return [Told(f"setting {setting.name} {setting.read(value, self._state.offered(code))}")]
            case ObjectOnCard(handle=handle):
                return [OnCard(_event(EventCode.ObjectAdded if event.is_new else EventCode.ObjectInfoChanged, handle))]
            case TransferRequested(handle=handle) if self._waiting.note(event):
                return [ShotWaits(handle)]
            case Numbered(code, number) if code in CARD_EVENTS:
                return [OnCard(_event(CARD_EVENTS[code], number))]
            case Numbered(Record.CameraStatus, 0) if self.awaits_shot:
                self.awaits_shot = False
                return [ShotComplete()]
            case Other(raw, trouble) if trouble:
                self._warn(raw.code, f"{trouble}; it is left out")
            case Other(raw):
                if raw.code == Record.WillShutDownSoon:
                    self.when_closing()
                log.debug("record 0x%X: %s", raw.code, raw.body[:64].hex())
        return []


def _event(code: int, number: int) -> messages.Event:
    return messages.Event(code, NO_TRANSACTION, (number,))
