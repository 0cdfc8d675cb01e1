"""The emulated fp's state: which mode it is in, and what vendor operations do to it.

::

                      ConfigApi                    SnapCommand 0x20 or 0x10, in CINE
    STANDALONE ─────────────────────────► TETHERED ─────────────────────────► RECORDING
               ◄─────────────────────────          ◄─────────────────────────
                 CloseApplication, or                   SnapCommand 0x30
                 the cable comes out
                 (from RECORDING too)

    TETHERED, RECORDING ──fatal operation──► GONE ──power off and on──► STANDALONE

The first ConfigApi of a PTP session resets settings and image database, a further one nothing. The end of a session leaves the mode as it
is. Time is `trio.current_time`, and nothing runs in the background: `advance` does whatever was to happen by now.
Facts: camfs/protocols/sigma/README.md, "Two lives". What else is emulated: camfs/virtual/README.md, "What an emulated SIGMA fp does".
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from pathlib import PurePosixPath
from random import Random
from typing import NoReturn

import trio

from camfs.errors import DeviceGone, RemoteProtocolError
from camfs.protocols.ptp.codes import ResponseCode
from camfs.protocols.sigma import datasets
from camfs.protocols.sigma import values as words
from camfs.protocols.sigma.codes import (
    CHECKSUM_ERROR,
    IMAGE_IDS,
    MAX_PARTIAL,
    CaptureState,
    Destination,
    SigmaOperation,
    SnapMode,
)
from camfs.protocols.sigma.datasets import Dataset
from camfs.protocols.sigma.groups import encode_group, sum_of
from camfs.protocols.sigma.records import (
    ApiInfo,
    CameraStatus,
    CaptureStatus,
    Movie,
    Picture,
    Snap,
    encode_movie,
    encode_partial,
    encode_pictures,
    encode_view_frame,
)
from camfs.protocols.sigma.setting import Setting, State
from camfs.protocols.sigma.settings import SETTINGS
from camfs.virtual.ptp.refusal import Refusal
from camfs.virtual.ptp.store import Store
from camfs.virtual.sigma import rules
from camfs.virtual.sigma.behaviour import NEWEST, Behaviour
from camfs.virtual.sigma.can_set import can_set
from camfs.virtual.sigma.database import PictureFile, Slot, SlotRing, Take
from camfs.virtual.sigma.defaults import DEFAULTS, PHOTOGRAPHERS
from camfs.virtual.sigma.frames import frame
from camfs.virtual.sigma.motor import Motor
from camfs.virtual.sigma.settings import Settings
from camfs.virtual.sigma.shooting import Shooting

COMMUNICATION_VERSION = 1.24

NOISE = 122_868
"""Bytes that GetPartialMovieFile returns after AudioRecord was written: 120 KiB less a container header."""

FRAME_TIME = 0.03
"""Seconds that a view frame takes."""

COMMIT, CLOSE_TOGETHER = 0.1, 0.025
"""Seconds, of a `slow` camera: until a write takes effect, and after a write, within which another is refused."""

_REPORTED = (
    *(dataset.reads for dataset in DEFAULTS),
    SigmaOperation.GetCamCaptStatus,
    SigmaOperation.GetCamCanSetInfo5,
)
"""Reads whose changes GetCamStatus2 lists; GetCamCanSetInfo4 it lists always."""

_DATASET_BITS = (*(Dataset[f"GROUP{number}"] for number in range(1, 7)), Dataset.FOCUS, Dataset.MOVIE)
"""The datasets that the bits of GetCamStatus2's second mask ask for."""

_CAN_SET_5 = 0x10
"""The bit of its first mask that asks for CanSetInfo5."""


class Mode(Enum):
    """Who controls the camera."""

    STANDALONE = "the photographer: it shows its card, and accepts no vendor operation but ConfigApi"
    TETHERED = "the host: it accepts vendor operations, its card reads as empty, its buttons are dead"
    RECORDING = "the host, while it records a movie"
    GONE = "nobody: it is off the bus until its power is switched off and on"


class SigmaFp(Behaviour):
    """What an emulated fp has beyond PTP.

    Args:
        card: where copies of pictures go.
        clock: tells the camera's time.
        folder: DCF folder of new pictures.
        prefix: four characters that their names begin with.
        serial_number: for the ConfigApi reply: 8 digits.
        firmware: one of `behaviour.FIRMWARES`.
        snap_time: seconds of each step of a capture.

    Attributes:
        mode: see `Mode`.
        settings: those in force.
        photographers_settings: those in force whenever the camera is standalone.
        on_gone: takes the camera off the bus.
    """

    def __init__(
        self,
        card: Store,
        clock: Callable[[], datetime],
        *,
        folder: str = "100SIGMA",
        prefix: str = "SDIM",
        serial_number: str = "91234567",
        firmware: str = NEWEST,
        snap_time: float = 0.3,
    ) -> None:
        super().__init__(snap_time=snap_time)
        self.be_of(firmware)
        self.card = card
        self.firmware = firmware
        self.motor = Motor()
        self.settings = self.photographers_settings = Settings(self.motor, self, PHOTOGRAPHERS)
        self.mode = Mode.STANDALONE
        self.on_gone: Callable[[], None] = lambda: None
        self._shooting = Shooting(self, self.motor, card, clock, f"DCIM/{folder}", prefix)
        self._clock = clock
        self._serial_number = serial_number
        self._configured = False
        self._seen: dict[int, object] = {}
        self._uncommitted: list[tuple[float, Dataset, bytes]] = []
        self._last_write = float("-inf")
        self._copies = 0
        self._audio_written = False
        self._frames = self._frames_asked = 0

    @property
    def database(self) -> SlotRing:
        """The image database: shots that wait."""
        return self._shooting.database

    # Modes

    @property
    def locked(self) -> bool:
        """Whether the body's buttons are dead."""
        return self.mode is not Mode.STANDALONE

    @property
    def gone(self) -> bool:
        """Whether the camera is off the bus."""
        return self.mode is Mode.GONE

    def configure(self) -> bytes:
        """ConfigApi: take remote control; the first one of a PTP session resets everything."""
        if not self.locked:
            self.photographers_settings = self.settings
        if not self.locked or not self._configured:
            self._finish()
            self.settings = Settings(self.motor, self)
            self.settings.values["MediaFreeSpace"] -= min(self._copies, self.settings.values["MediaFreeSpace"])
            self._shooting.database = SlotRing(self.addresses)
            for name, text in self.begins_with:
                self._begin_with(SETTINGS[name], text)
            self._seen.clear()
            self.mode = Mode.TETHERED
        self._configured = True
        return ApiInfo("SIGMA fp", self._serial_number, self.firmware, COMMUNICATION_VERSION).encode()

    def _begin_with(self, setting: Setting, text: str) -> None:
        now = trio.current_time()
        shown = {dataset: self.settings.shown(dataset, now) for dataset in DEFAULTS}
        rules.write(self.settings, setting.encode(text, State(dict(shown), can_set(self.settings))), now)

    def close(self) -> None:
        """CloseApplication, or the cable is out: the photographer's settings are in force again."""
        if self.mode in (Mode.TETHERED, Mode.RECORDING):
            self._finish()
            self._restore()

    def _restore(self) -> None:
        self.settings = self.photographers_settings
        self.settings.values["CaptureMode"] = self.body_switch
        self._shooting.database = SlotRing(self.addresses)
        self._configured = False
        self.mode = Mode.STANDALONE

    def session_ended(self) -> None:
        """The PTP session is over: the mode stays, and the next ConfigApi counts as a first one."""
        self._configured = False

    def die(self) -> NoReturn:
        """Leave the bus for good.

        Raises:
            DeviceGone: always.
        """
        self.mode = Mode.GONE
        self.on_gone()
        raise DeviceGone("the emulated camera hangs")

    def power_cycle(self) -> None:
        """Switch off and on."""
        self._shooting.lose_power()
        self._uncommitted.clear()
        self._audio_written = False
        if self.locked:
            self._restore()

    def _finish(self) -> None:
        """End what is under way: writes, a recording, a bulb exposure, copies to the card."""
        self._uncommitted.clear()
        for take in self._shooting.finish(self.settings, trio.current_time()):
            self._copy(take)

    def advance(self) -> float:
        """Do what was to happen by now, and return the time."""
        now = trio.current_time()
        self._shooting.advance(self.settings, now)
        for take in self._shooting.due(now):
            self._copy(take)
        while self._uncommitted and self._uncommitted[0][0] <= now:
            _, dataset, payload = self._uncommitted.pop(0)
            self._apply(dataset, payload, now)
        return now

    def _copy(self, take: Take) -> None:
        """Put a take's files on the card, which shows them once the camera is standalone."""
        if self.card.present:
            for file in take.files:
                self.card.add_file(file.folder, file.name, file.content, self._clock())
            self._copies += 1
            if self.locked:
                self.settings.values["MediaFreeSpace"] = max(0, self.settings.values["MediaFreeSpace"] - 1)

    # Settings

    def dataset(self, dataset: Dataset) -> bytes:
        """Return the reply to the read of a dataset."""
        if dataset is Dataset.GROUP6:
            return encode_group(6, {}, rest=bytes(2))
        hidden = () if self.flash_type else ("FlashType",)
        return datasets.encode(dataset, self.settings.shown(dataset, self.advance(), hidden))

    def read(self, operation: SigmaOperation) -> bytes:
        """Read a dataset or CanSetInfo5 for the host, which has then seen it."""
        payload = self._payload(operation)
        self._seen[operation] = payload
        return payload

    def _payload(self, operation: int) -> bytes:
        if operation == SigmaOperation.GetCamCanSetInfo5:
            self.advance()
            return can_set(self.settings).encode()
        return self.dataset(_BY_READ[operation])

    def write(self, dataset: Dataset, payload: bytes) -> None:
        """Do a write. What the camera does not accept it ignores.

        Raises:
            Refusal: the camera is busy, or `strict` and the sum is wrong.
        """
        now = self.advance()
        if self.strict and (not payload or sum_of(payload[:-1]) != payload[-1]):
            raise Refusal(CHECKSUM_ERROR)
        self._be_busy()
        if self.slow and now - self._last_write < CLOSE_TOGETHER:
            raise Refusal(ResponseCode.DeviceBusy)
        self._last_write = now
        if self.slow:
            self._uncommitted.append((now + COMMIT, dataset, payload))
        else:
            self._apply(dataset, payload, now)

    def _apply(self, dataset: Dataset, payload: bytes, now: float) -> None:
        try:
            values = datasets.decode_write(dataset, payload)
        except RemoteProtocolError:
            return
        if "AudioRecord" in values:
            self._audio_written = True
        if self.mode is not Mode.RECORDING:
            rules.write(self.settings, values, now)

    def _be_busy(self) -> None:
        if self.busy:
            self.busy -= 1
            raise Refusal(ResponseCode.DeviceBusy)

    def status(self, can_sets: int, groups: int) -> bytes:
        """GetCamStatus2: what has changed since the host read it, and the datasets that the masks ask for."""
        now = self.advance()
        changed = [
            operation
            for operation in _REPORTED
            if self._seen.get(operation)
            != (self.database.states(now) if operation is SigmaOperation.GetCamCaptStatus else self._payload(operation))
        ]
        asked = [dataset.reads for bit, dataset in enumerate(_DATASET_BITS) if groups >> bit & 1]
        if can_sets & _CAN_SET_5:
            asked.append(SigmaOperation.GetCamCanSetInfo5)
        nested: dict[int, bytes] = {operation: self.read(operation) for operation in asked}
        return CameraStatus(tuple(sorted((*changed, SigmaOperation.GetCamCanSetInfo4))), nested).encode()

    # The image database

    def restart_numbers(self) -> None:
        """Let the numbers of pictures begin anew, as with an empty card: names that were given come again."""
        self._shooting.restart_numbers()

    def capture_status(self, image_id: int) -> bytes:
        """GetCamCaptStatus."""
        now = self.advance()
        if image_id >= IMAGE_IDS:
            raise Refusal(ResponseCode.InvalidParameter)
        self._seen[SigmaOperation.GetCamCaptStatus] = self.database.states(now)
        state, destination = self.database.state(image_id, now)
        if image_id == 0 and not self.database.used:
            destination = self.settings.values["DestToSave"]
        return CaptureStatus(image_id, self.database.head, self.database.tail, state, destination).encode()

    def snap(self, command: Snap) -> None:
        """SnapCommand."""
        now = self.advance()
        films = self.mode is Mode.RECORDING
        match command.mode:
            case SnapMode.START_MOVIE | SnapMode.START_MOVIE_WITH_AF:
                if self.mode is Mode.TETHERED and self.settings.cine:
                    self._shooting.start_movie(now)
                    self.mode = Mode.RECORDING
            case SnapMode.STOP_MOVIE:
                if films:
                    self._shooting.stop_movie(self.settings, now)
                    self.mode = Mode.TETHERED
            case _ if films:
                pass
            case SnapMode.GENERAL | SnapMode.WITHOUT_AF:
                if not self.settings.cine:
                    manual_focus = self.settings.values["FocusMode"] == words.MANUAL_FOCUS
                    focuses = command.mode == SnapMode.GENERAL and not manual_focus
                    self._shooting.shoot(self.settings, max(1, command.amount), focuses, now)
            case SnapMode.AF_DRIVE_ONLY | SnapMode.START_AF:
                self._shooting.focus_alone(now)
            case SnapMode.STOP_CAPTURE:
                self._shooting.stop(now)

    def pictures(self) -> bytes:
        """GetPictFileInfo2."""
        files = tuple(self.database.files(self.advance()))
        padding = self.padding if len(files) == 1 else b""
        return encode_pictures(
            tuple(
                Picture(
                    file.address,
                    file.content.size,
                    PurePosixPath(file.folder).name,
                    file.name,
                    file.format,
                    file.width,
                    file.height,
                    padding,
                )
                for file in files
            )
        )

    def partial(self, address: int, offset: int, length: int) -> bytes:
        """GetBigPartialPictFile."""
        if length > MAX_PARTIAL:
            raise Refusal(ResponseCode.InvalidParameter)
        data = b""
        file = next((each for each in self.database.files(self.advance()) if each.address == address), None)
        if file is not None:
            data = file.content.read(offset, length)
            if data:
                file.note(offset, offset + len(data))
        return encode_partial(data, check=self.sum_byte)

    def clear(self, image_id: int) -> None:
        """ClearImageDBSingle."""
        self.advance()
        self.database.clear(image_id)

    async def view_frame(self) -> bytes | None:
        """GetViewFrame: every now and then there is no frame, which the camera says in two ways.

        Returns:
            The payload; None for a response without data, the one way.

        Raises:
            Refusal: DeviceBusy, the other way.
        """
        self.advance()
        self._be_busy()
        await trio.sleep(FRAME_TIME)
        self._frames_asked += 1
        if self.settings.values["SpecialMode"] != 2:
            raise Refusal(ResponseCode.DeviceBusy)
        if self.gaps and self._frames_asked % self.gaps == 0:
            if self._frames_asked % (2 * self.gaps):
                raise Refusal(ResponseCode.DeviceBusy)
            return None
        self._frames += 1
        return encode_view_frame(frame(self._frames))

    def _movie(self, image_id: int) -> PictureFile | None:
        """Return the movie in a slot, if it is complete."""
        slot = self.database.slots.get(image_id, Slot())
        there = slot.take is not None and slot.take.state(self.advance()) is CaptureState.MOVIE_GENERATED
        return slot.file if there else None

    def movie(self, image_id: int) -> bytes:
        """GetMovieFileInfo."""
        file = self._movie(image_id)
        return encode_movie(None if file is None else Movie(file.format, file.content.size, file.folder, file.name))

    def partial_movie(self, parameters: tuple[int, ...]) -> bytes:
        """GetPartialMovieFile: 0, offset, 0, length of the movie in slot 0; with anything else the camera leaves the bus.

        Raises:
            Refusal: the third parameter is 1.
            DeviceGone: the camera has left the bus.
        """
        first, offset, third, length, *_ = parameters
        if third == 1:
            raise Refusal(ResponseCode.GeneralError)
        file, take = self._movie(0), self.database.slots.get(0, Slot()).take
        served = take is not None and take.destination != Destination.COMPUTER and self.mode is not Mode.RECORDING
        if file is None or not served or first or third or offset + length > file.content.size:
            self.die()
        return Random(NOISE).randbytes(NOISE) if self._audio_written else file.content.read(offset, length)


_BY_READ: Mapping[int, Dataset] = {dataset.reads: dataset for dataset in Dataset}
