"""A Nikon's settings: its standard and its own properties, and what can be changed only under remote control.

Reading sends standard operations, and the maker's list of its properties once, when settings are first looked at. While the body is the
photographer's, it describes exposure mode and exposure values as read-only; under remote control most of them become writable. So a change
that is refused as read-only asks for control (`NeedsControl`). A body that has left control by itself says the same again: it is then
entered anew, once (camfs/protocols/nikon/README.md, "Modes").

`destination` is camfs's own: whether the shots that camfs takes go to the card, to this computer or to both. Those by the body's own button
go where the property RecordingMedia says (`recording-media`), which nothing here changes for longer than a shot.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import trio

from camfs import errors
from camfs.cameras.nikon.operations import NikonOperations
from camfs.cameras.ptp.driver import PtpCamera
from camfs.cameras.tethered.body import NeedsControl
from camfs.protocols.nikon.codes import NikonProperty, explained
from camfs.protocols.nikon.settings import PREFERRED, NikonNames
from camfs.protocols.ptp.datasets import Enumeration
from camfs.protocols.ptp.values import Value

log = logging.getLogger(__name__)

T = TypeVar("T")

DESTINATION = "destination"
CARD, COMPUTER, BOTH = DESTINATIONS = ("card", "computer", "both")

SETTLING = 2.0
"""Seconds for which a body may show the old value after it has accepted a new one."""

EXPOSURE_MODE = 0x500E
EXPOSURE_VALUES = (0x5007, 0x500D, NikonProperty.ExposureTime, EXPOSURE_MODE, 0x500F, NikonProperty.IsoSensitivity)
"""Properties that are read-only as long as the dials decide."""


class NikonSettings:
    """The settings of one body.

    Args:
        ptp: the same camera, opened.
        operations: its own operations.

    Attributes:
        destination: one of `DESTINATIONS`.
        is_controlled: whether the computer has the body.
        enter_again: takes the body anew.
    """

    def __init__(self, ptp: PtpCamera, operations: NikonOperations) -> None:
        self.destination = CARD
        self.is_controlled = False
        self.enter_again: Callable[[], Awaitable[None]] = _nothing
        self._ptp = ptp
        self._operations = operations
        self._known: Sequence[int] | None = None
        self._dropped: set[int] = set()
        self._learning = trio.Lock()
        ptp.properties.settling = SETTLING
        self._name()

    def _name(self) -> None:
        codes = [*self._ptp.info.device_properties, *(self._known or ())]
        self._ptp.properties.vocabulary = NikonNames([code for code in codes if code not in self._dropped])

    async def learn(self) -> None:
        """Ask once which properties of the maker's there are; a body that does not say has the standard ones."""
        async with self._learning:
            if self._known is None:
                try:
                    self._known = await self._operations.property_codes()
                except (errors.Refused, errors.RemoteProtocolError) as error:
                    log.warning("the camera does not list its own properties: %s", error)
                    if isinstance(error, errors.Busy):
                        return
                    self._known = ()
                self._name()

    def names(self) -> Sequence[str]:
        return [*dict.fromkeys(self._ptp.properties.names()), DESTINATION]

    async def read(self, name: str) -> str:
        if name == DESTINATION:
            return self.destination
        return await self._with_fallback(name, lambda: self._ptp.properties.read(name))

    async def choices(self, name: str) -> Sequence[str]:
        if name == DESTINATION:
            return DESTINATIONS
        return await self._with_fallback(name, lambda: self._ptp.properties.choices(name))

    async def change(self, name: str, text: str) -> None:
        if name == DESTINATION:
            if text not in DESTINATIONS:
                raise errors.InvalidValue(f"{name}: {text!r} is not one of {', '.join(DESTINATIONS)}")
            self.destination = text
            return
        try:
            await self._with_fallback(name, lambda: self._ptp.properties.change(name, text))
        except errors.AccessDenied as error:
            if self._ptp.properties.vocabulary.code(name) not in EXPOSURE_VALUES:
                raise
            if not self.is_controlled:
                raise NeedsControl(str(error), error.code) from None
            await self.enter_again()
            self.invalidate()
            await self._once_more(name, text)
        if self._ptp.properties.vocabulary.code(name) == EXPOSURE_MODE:
            self.invalidate()  # what apertures and times there are has changed

    async def _once_more(self, name: str, text: str) -> None:
        try:
            await self._with_fallback(name, lambda: self._ptp.properties.change(name, text))
        except errors.AccessDenied as error:
            mode = "" if name == "exposure-mode" else await self._exposure_mode()
            raise errors.AccessDenied(f"{error}{mode}", error.code) from None

    async def _exposure_mode(self) -> str:
        try:
            return f" (exposure-mode is {await self._ptp.properties.read('exposure-mode')})"
        except errors.Refused:
            return ""

    async def _with_fallback(self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        """Do something with a setting. A property that is listed and is not there after all gives way to the standard one."""
        await self.learn()
        for _ in PREFERRED.get(name, ()):
            code = self._ptp.properties.vocabulary.code(name)
            try:
                return await call()
            except errors.NoData:
                if code is None or code == PREFERRED[name][-1]:
                    raise
                self._dropped.add(code)
                self._name()
        try:
            return await call()
        except errors.Refused as error:
            raise explained(error, name) from None

    def invalidate(self, code: int | None = None) -> None:
        self._ptp.properties.invalidate(code)

    # ------------------------------------------------------------------ by code

    def has(self, code: int) -> bool:
        """Say whether the body is known to have a property."""
        return code in self._ptp.properties.vocabulary.codes

    async def value(self, code: int) -> Value | None:
        """Read a property; None if the body does not have it, or does not give it now."""
        if not self.has(code):
            return None
        try:
            return await self._ptp.properties.value(code)
        except errors.Refused as error:
            log.info("property 0x%04X: %s", code, error)
            return None

    async def write(self, code: int, value: int) -> None:
        """Write a property."""
        try:
            await self._ptp.properties.change_value(code, value)
        except errors.Refused as error:
            raise explained(error, self._ptp.properties.vocabulary.name(code)) from None

    async def offered(self, code: int) -> Sequence[int]:
        """Return the integers that an enumerated property offers; none if it is not one."""
        description = await self._ptp.properties.describe(code)
        values = description.form.values if isinstance(description.form, Enumeration) else ()
        return [value for value in values if isinstance(value, int)]


async def _nothing() -> None:
    pass
