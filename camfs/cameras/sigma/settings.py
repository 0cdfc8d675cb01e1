"""The camera's settings as text: read from its datasets, written, and read back, because every refusal looks like success
(camfs/protocols/sigma/README.md, "Which writes are silently ignored").

`protocols.sigma.settings` says what each setting is called, how it is written and why it may be refused; here is when the camera is asked.
A dataset is read for all its settings at once and used for a second. Then one GetCamStatus2 says which datasets have changed.
"""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import trio

from camfs import errors
from camfs.cameras.api import Happened, NoChoices
from camfs.cameras.sigma.operations import SigmaOperations
from camfs.protocols.sigma.codes import SigmaOperation
from camfs.protocols.sigma.datasets import Dataset, Value, Values
from camfs.protocols.sigma.setting import Setting, State
from camfs.protocols.sigma.settings import SETTINGS
from camfs.protocols.sigma.values import AF_C, AF_S

log = logging.getLogger(__name__)

FRESH = 1.0
"""Seconds for which what was read is used without asking."""

STALE = 10.0
"""Seconds after which a dataset is read again whatever GetCamStatus2 says: that it names all changes is inferred, not documented."""

ACCEPT_TIME = 0.5
"""Seconds that the camera has to accept a value: white balance needs that long
(camfs/protocols/sigma/README.md, "Which writes are silently ignored")."""

READ_BACK = 0.05
"""Seconds between two looks at whether it did."""

READ_DATASETS = tuple(dataset for dataset in Dataset if dataset is not Dataset.GROUP6)
"""All but group 6, of which nothing is known."""

_ALONG: Mapping[tuple[str, Value], Values] = {
    ("FocusMode", AF_S): {"PreConstAF": 0},
    ("FocusMode", AF_C): {"PreConstAF": 1},
}
"""What is written along with a value: AF-S with PreConstAF on hunts for ever, AF-C without it does not follow
(camfs/protocols/sigma/README.md, "Driving focus")."""


class Settings:
    """The settings, while the computer has control; the caller sees to that.

    Args:
        operations: the vendor operations.

    Attributes:
        tell: called with each setting that turns out to have changed, whoever changed it.
        unconfirmed: what was written to settings that the camera does not report.
    """

    def __init__(self, operations: SigmaOperations) -> None:
        self.tell: Callable[[Happened], None] = lambda _change: None
        self.unconfirmed: dict[str, str] = {}
        self._operations = operations
        self._state = State()
        self._read_at: dict[Dataset, float] = {}
        self._checked_at: dict[Dataset, float] = {}
        self._names: Sequence[str] = tuple(SETTINGS)
        self._is_learnt = False
        self._reading = trio.Lock()
        self._changing = trio.Lock()

    def forget_unconfirmed(self) -> None:
        """Note that the settings are the photographer's again."""
        self.unconfirmed.clear()

    def invalidate(self) -> None:
        """Ask again before anything that was read is used."""
        self._checked_at.clear()
        self._read_at.clear()

    async def learn(self) -> None:
        """See, when control is first acquired, which settings the camera has: those whose fields it sends or says how to set."""
        self.invalidate()
        if self._is_learnt:
            return
        state = await self._read_all()
        if not state.can_set.entries:
            return
        self._names = [
            name
            for name, setting in SETTINGS.items()
            if any(field in state.values[setting.dataset] for field in setting.fields)
            or setting.tag in state.can_set.entries
        ]
        self._is_learnt = True

    def names(self) -> Sequence[str]:
        """Name the settings: before control is first acquired, all that there may be."""
        return self._names

    def _setting(self, name: str) -> Setting:
        if name not in SETTINGS:
            raise errors.NotFound(f"no setting {name}")
        return SETTINGS[name]

    # ------------------------------------------------------------------ datasets

    async def values(self, dataset: Dataset) -> Values:
        """Return a dataset's fields as they are now, or were within the last second."""
        async with self._reading:
            now = trio.current_time()
            if now - self._checked_at.get(dataset, -math.inf) >= FRESH and (
                now - self._read_at.get(dataset, -math.inf) >= STALE or await self._has_changed(dataset)
            ):
                # noted before the answer: what is invalidated while it is being read stays invalid
                self._read_at[dataset] = self._checked_at[dataset] = now
                before = self._state.values.get(dataset, {})
                try:
                    self._state.values[dataset] = await self._operations.read(dataset)
                except BaseException:
                    self._read_at.pop(dataset, None)
                    self._checked_at.pop(dataset, None)
                    raise
                self._tell_changes(dataset, before)
            return self._state.values[dataset]

    async def look(self) -> None:
        """Ask which datasets have changed, and read those again that were read before, so that what the body has changed is told."""
        if not self._read_at or not self._operations.has(SigmaOperation.GetCamStatus2):
            return
        async with self._reading:
            changed = (await self._operations.status()).changed
            datasets = [dataset for dataset in self._read_at if dataset.reads in changed]
            for dataset in datasets:
                self._checked_at.pop(dataset, None)
                self._read_at.pop(dataset, None)
        for dataset in datasets:
            await self.values(dataset)

    def _tell_changes(self, dataset: Dataset, before: Values) -> None:
        """Tell which settings of a dataset are not what they were when it was last read."""
        now = self._state.values[dataset]
        for setting in SETTINGS.values() if before else ():
            fields = [name for name in setting.fields if before.get(name) != now.get(name)]
            if setting.dataset is not dataset or not fields:
                continue
            try:
                text = setting.read(now)
            except errors.NoData:
                continue
            raw = " ".join(f"{name} {_code(now.get(name))}" for name in fields)
            self.tell(Happened(f"setting {setting.name} {text}", f"{dataset.reads.name} {raw}"))

    async def _has_changed(self, dataset: Dataset) -> bool:
        """Ask which datasets have changed; those that have not are used for another second."""
        if not self._operations.has(SigmaOperation.GetCamStatus2):
            return True
        try:
            changed = (await self._operations.status()).changed
        except (errors.RemoteProtocolError, errors.Refused) as error:
            log.info("which settings have changed: %s", error)
            return True
        for known in list(self._read_at):
            if known.reads in changed:
                self._checked_at.pop(known, None)
                self._read_at.pop(known, None)
            else:
                self._checked_at[known] = trio.current_time()
        return dataset not in self._read_at

    async def _read_all(self) -> State:
        """Read all datasets and what can be set. A dataset that the camera garbles stays as it was."""
        for dataset in READ_DATASETS:
            try:
                await self.values(dataset)
            except (errors.RemoteProtocolError, errors.NotSupported) as error:
                log.info("%s: %s", dataset.name, error)
                self._state.values.setdefault(dataset, {})
        return await self._with_choices()

    async def _with_choices(self) -> State:
        """Read what can be set. If that cannot be had, values are written all the same: reading back decides."""
        try:
            self._state.can_set = await self._operations.can_set()
        except (errors.RemoteProtocolError, errors.NotSupported) as error:
            log.info("what can be set: %s", error)
        return self._state

    async def write(self, dataset: Dataset, values: Values) -> None:
        """Write fields of a dataset. Whatever was read is invalid then: writing one field changes others."""
        try:
            await self._operations.write(dataset, values)
        finally:
            self.invalidate()

    async def read_back(self, dataset: Dataset, accepted: Callable[[Values], bool]) -> bool:
        """Read a dataset until the camera has accepted what was written, for `ACCEPT_TIME` at most, and say whether it has."""
        deadline = trio.current_time() + ACCEPT_TIME
        while True:
            self.invalidate()
            if accepted(await self.values(dataset)):
                return True
            if trio.current_time() >= deadline:
                return False
            await trio.sleep(READ_BACK)

    # ------------------------------------------------------------------ settings

    async def read(self, name: str) -> str:
        """Read a setting as text.

        Raises:
            NoData: the camera does not say it now.
        """
        setting = self._setting(name)
        return setting.read(await self.values(setting.dataset))

    async def choices(self, name: str) -> Sequence[str]:
        """List the values that a setting can have now."""
        setting, state = self._setting(name), await self._read_all()
        return setting.choices(state) or NoChoices(
            setting.reason(state) or "the camera does not say which values it takes"
        )

    async def change(self, name: str, text: str) -> None:
        """Write a setting and read it back.

        Raises:
            InvalidValue: not a value of this setting; the camera was not asked.
            AccessDenied: it can only be read.
            NotPermitted: the camera kept what it had.
        """
        setting = self._setting(name)
        async with self._changing:  # else one caller reads back what another wrote
            await self._change(setting, text)

    async def _change(self, setting: Setting, text: str) -> None:
        await self.values(setting.dataset)
        wanted = setting.encode(text, await self._with_choices())
        along = {field: value for item in wanted.items() for field, value in _ALONG.get(item, {}).items()}
        other = setting.other_way(wanted, self._state)
        for values in (wanted,) if other is None else (wanted, other):
            await self.write(setting.dataset, {**values, **along})
            if await self.read_back(setting.dataset, partial(setting.took, values)):
                self._note_whether_reported(setting, text)
                return
        if "PreConstAF" in along:
            await self._leave_af_s_still()
        raise await self._refusal(setting)

    def _note_whether_reported(self, setting: Setting, text: str) -> None:
        """Tell that the camera has answered OK to a value and does not report it, which some firmware does with some settings."""
        self.unconfirmed.pop(setting.name, None)
        if setting.fields[0] not in self._state.values.get(setting.dataset, {}):
            self.unconfirmed[setting.name] = text
            self.tell(Happened(f"setting {setting.name} {text}, not confirmed", setting.dataset.writes.name))

    async def _leave_af_s_still(self) -> None:
        """If the camera made AF-S of AF-C (in CINE), undo what was written along: AF-S with PreConstAF on hunts for ever."""
        focus = self._state.values.get(Dataset.FOCUS, {})
        if focus.get("FocusMode") == AF_S and focus.get("PreConstAF") == 1:
            await self.write(Dataset.FOCUS, {"PreConstAF": 0})

    async def _refusal(self, setting: Setting) -> errors.NotPermitted:
        """Return the error that says what value the camera kept, and why, as far as is known."""
        state = await self._read_all()
        try:
            kept = setting.read(state.values[setting.dataset])
        except errors.NoData:
            kept = "what it had"
        reason = setting.reason(state)
        return errors.NotPermitted(f"{setting.name}: the camera kept {kept}" + (f" ({reason})" if reason else ""))


def _code(value: Value | None) -> str:
    return f"0x{value:02X}" if isinstance(value, int) else str(value)
