"""The emulated fp's two lives, and what it does in the second (reference sigma-fp, section 23).

::

    CARD ──ConfigApi──► API ──snap 0x20, 0x10 in CINE──► RECORDING
         ◄──CloseApplication, cable out── ◄──snap 0x30──
    any  ──fatal command──► GONE, until the power is switched off and on

Time is `trio.current_time`; nothing runs in the background: what was to happen by now is done when it is next looked at.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from fractions import Fraction
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
from camfs.virtual.sigma import footage, settings
from camfs.virtual.sigma.can_set import can_set
from camfs.virtual.sigma.database import Entry, ImageDatabase, PictureFile, Take
from camfs.virtual.sigma.frames import frame
from camfs.virtual.sigma.motor import AUTOFOCUSED, Motor
from camfs.virtual.sigma.settings import DEFAULTS, USERS, Settings

COMMUNICATION_VERSION = 1.24

FIRMWARES = ("V84", "V91")
"""Tags of firmware: V91 is 5.02 and drives the focus."""

NOISE = 122_868
"""Bytes that GetPartialMovieFile gives after AudioRecord was written: 120 KiB less a header."""

BURST = 3
"""Pictures of a SnapCommand in continuous drive, if it asks for fewer."""

FRAME_TIME = 0.03
"""Seconds that a view frame takes."""

GAPS = 5
"""Every so many view frames there is none."""

COMMIT, CLOSE_TOGETHER = 0.1, 0.025
"""Seconds, of a `slow` camera: until a write shows, and within which no other is taken."""

_REPORTED = (
    *(dataset.reads for dataset in DEFAULTS),
    SigmaOperation.GetCamCaptStatus,
    SigmaOperation.GetCamCanSetInfo5,
)
"""Reads whose changes GetCamStatus2 tells; GetCamCanSetInfo4 it always tells."""

_DATASET_BITS = (*(Dataset[f"GROUP{number}"] for number in range(1, 7)), Dataset.FOCUS, Dataset.MOVIE)
"""What the bits of GetCamStatus2's second mask ask for."""
_CAN_SET_5 = 0x10
"""The bit of its first mask."""


class Life(Enum):
    """What the camera takes."""

    CARD = "the photographer's: the card, and no vendor operation but ConfigApi"
    API = "the host's: vendor operations, an empty card, dead buttons"
    RECORDING = "the host's, while it films"
    GONE = "off the bus, until a power cycle"


class SigmaFp:
    """What an emulated fp has beyond PTP.

    Args:
        card: where copies of pictures go.
        clock: tells the camera's time.
        folder: DCF folder of new pictures.
        prefix: four characters that their names begin with.
        serial_number: of the ConfigApi reply: 8 digits.
        firmware: one of `FIRMWARES`.
        snap_time: seconds of each step of a capture.

    Attributes:
        life: see `Life`.
        settings: those in force.
        database: shots that wait.
        on_gone: takes the camera off the bus.
        body_switch: the body's still/movie switch, which CaptureMode follows in the card life.
        failures: states in which the next pictures end, one each.
        begins_with: settings other than the defaults that the API life begins with: name in `.settings`, value.
        contrast: whether autofocus finds the subject.
        flash_type: group 2 tells FlashType, as an fp L does.
        strict: a write with a wrong sum is refused.
        slow: writes show after `COMMIT`, and one `CLOSE_TOGETHER` after another is refused.
        busy: so many writes and view frames are answered with DeviceBusy.
        sum_byte: whether a sum follows the bytes of a picture.
        gaps: every so many view frames there is none; 0 for never.
        burst: pictures of a SnapCommand in continuous drive.
    """

    def __init__(
        self,
        card: Store,
        clock: Callable[[], datetime],
        *,
        folder: str = "100SIGMA",
        prefix: str = "SDIM",
        serial_number: str = "91234567",
        firmware: str = FIRMWARES[0],
        snap_time: float = 0.3,
    ) -> None:
        self.card = card
        self.firmware = firmware
        self.snap_time = snap_time
        self.motor = Motor()
        self.settings = Settings(self.motor, USERS)
        self.database = ImageDatabase()
        self.life = Life.CARD
        self.on_gone: Callable[[], None] = lambda: None
        self.body_switch = words.STILL
        self.failures: list[CaptureState] = []
        self.begins_with: Sequence[tuple[str, str]] = ()
        self.contrast = True
        self.flash_type = False
        self.strict = False
        self.slow = False
        self.busy = 0
        self.sum_byte = True
        self.gaps = GAPS
        self.burst = BURST
        self.focus_api = firmware != FIRMWARES[0]
        self._clock = clock
        self._folder, self._prefix = folder, prefix
        self._serial_number = serial_number
        self._users = self.settings
        self._configured = False
        self._seen: dict[int, object] = {}
        self._unwritten: list[Take] = []
        self._uncommitted: list[tuple[float, Dataset, bytes]] = []
        self._last_write = float("-inf")
        self._last_number = 0
        self._copies = 0
        self._recording_since: float | None = None
        self._audio_written = False
        self._frames = self._frames_asked = 0
        self._bulb: Take | None = None

    # The lives.

    @property
    def locked(self) -> bool:
        """Whether the body's buttons are dead."""
        return self.life is not Life.CARD

    @property
    def gone(self) -> bool:
        """Whether the camera is off the bus."""
        return self.life is Life.GONE

    @property
    def focus_api(self) -> bool:
        """Whether the firmware drives the focus; tests may change it."""
        return self._focus_api

    @focus_api.setter
    def focus_api(self, drives: bool) -> None:
        self._focus_api = self.settings.focus_api = drives

    def configure(self) -> bytes:
        """ConfigApi: begin the API life, anew if it is the first one of the PTP session."""
        if not self.locked:
            self._users = self.settings
        if not self.locked or not self._configured:
            self._finish()
            self.settings = Settings(self.motor)
            self.settings.focus_api = self.focus_api
            self.settings.values["MediaFreeSpace"] -= min(self._copies, self.settings.values["MediaFreeSpace"])
            self.database = ImageDatabase()
            for name, text in self.begins_with:
                self._begin_with(SETTINGS[name], text)
            self._seen.clear()
            self.life = Life.API
        self._configured = True
        return ApiInfo("SIGMA fp", self._serial_number, self.firmware, COMMUNICATION_VERSION).encode()

    def _begin_with(self, setting: Setting, text: str) -> None:
        now = trio.current_time()
        shown = {dataset: self.settings.shown(dataset, now) for dataset in DEFAULTS}
        self.settings.write(setting.encode(text, State(dict(shown), can_set(self.settings))), now)

    def close(self) -> None:
        """CloseApplication, or the cable is out: the photographer's settings are back."""
        if self.life in (Life.API, Life.RECORDING):
            self._finish()
            self._restore()

    def _restore(self) -> None:
        self.settings = self._users
        self.settings.values["CaptureMode"] = self.body_switch
        self.database = ImageDatabase()
        self._configured = False
        self.life = Life.CARD

    def session_ended(self) -> None:
        """The PTP session is over: the body stays as it is, and the next ConfigApi counts as a first one."""
        self._configured = False

    def die(self) -> NoReturn:
        """Leave the bus for good.

        Raises:
            DeviceGone: always.
        """
        self.life = Life.GONE
        self.on_gone()
        raise DeviceGone("the emulated camera hangs")

    def power_cycle(self) -> None:
        """Switch off and on."""
        self._unwritten.clear()
        self._uncommitted.clear()
        self._recording_since = self._bulb = None
        self._audio_written = False
        if self.locked:
            self._restore()

    def _finish(self) -> None:
        """End what is under way: a recording, a bulb exposure, copies to the card."""
        now = trio.current_time()
        self._uncommitted.clear()
        if self._recording_since is not None:
            self._stop_movie(now)
        self._end_bulb(now)
        for take in self._unwritten:
            if take.states[0][0] <= now:
                self._copy(take)
        self._unwritten.clear()

    def advance(self) -> float:
        """Do what was to happen by now, and return the time."""
        now = trio.current_time()
        for take in [take for take in self._unwritten if take.generated_at() + self.snap_time <= now]:
            self._unwritten.remove(take)
            self._copy(take)
        while self._uncommitted and self._uncommitted[0][0] <= now:
            _, dataset, payload = self._uncommitted.pop(0)
            self._take(dataset, payload, now)
        return now

    def _copy(self, take: Take) -> None:
        """Put a take's files on the card, where the card life shows them."""
        if self.card.present:
            for file in take.files:
                self.card.add_file(f"DCIM/{self._folder}", file.name, file.content, self._clock())
            self._copies += 1
            if self.locked:
                self.settings.values["MediaFreeSpace"] = max(0, self.settings.values["MediaFreeSpace"] - 1)

    # Settings.

    def dataset(self, dataset: Dataset) -> bytes:
        """Return the reply to the read of a dataset."""
        if dataset is Dataset.GROUP6:
            return encode_group(6, {}, rest=bytes(2))
        hidden = () if self.flash_type else ("FlashType",)
        return datasets.encode(dataset, self.settings.shown(dataset, self.advance(), hidden))

    def read(self, operation: SigmaOperation) -> bytes:
        """Do the read of a dataset or of CanSetInfo5: the host has seen it."""
        payload = self._payload(operation)
        self._seen[operation] = payload
        return payload

    def _payload(self, operation: int) -> bytes:
        if operation == SigmaOperation.GetCamCanSetInfo5:
            self.advance()
            return can_set(self.settings).encode()
        return self.dataset(_BY_READ[operation])

    def write(self, dataset: Dataset, payload: bytes) -> None:
        """Do a write.

        Raises:
            Refusal: busy, or a wrong sum that matters; what the camera does not want it ignores.
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
            self._take(dataset, payload, now)

    def _take(self, dataset: Dataset, payload: bytes, now: float) -> None:
        try:
            values = datasets.decode_write(dataset, payload)
        except RemoteProtocolError:
            return
        if "AudioRecord" in values:
            self._audio_written = True
        if self.life is not Life.RECORDING:
            self.settings.write(values, now)

    def _be_busy(self) -> None:
        if self.busy:
            self.busy -= 1
            raise Refusal(ResponseCode.DeviceBusy)

    def status(self, can_sets: int, groups: int) -> bytes:
        """GetCamStatus2: what changed since the host read it; with masks, those datasets too."""
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

    # Pictures.

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
        manual_focus = self.settings.values["FocusMode"] == words.MANUAL_FOCUS
        match command.mode:
            case SnapMode.START_MOVIE | SnapMode.START_MOVIE_WITH_AF:
                if self.life is Life.API and self.settings.cine:
                    self._recording_since = now
                    self.life = Life.RECORDING
            case SnapMode.STOP_MOVIE:
                if self.life is Life.RECORDING:
                    self._stop_movie(now)
            case _ if self.life is Life.RECORDING:
                pass
            case SnapMode.GENERAL | SnapMode.WITHOUT_AF:
                if not self.settings.cine:
                    focuses = command.mode == SnapMode.GENERAL and not manual_focus
                    self._shoot(max(1, command.amount), focuses, now)
            case SnapMode.AF_DRIVE_ONLY | SnapMode.START_AF:
                outcome = CaptureState.AF_SUCCEEDED if self.contrast else CaptureState.AF_FAILED
                self.database.autofocus([(now, CaptureState.SHOOTING), (now + self.snap_time, outcome)])
                self._focus(now)
            case SnapMode.STOP_CAPTURE:
                self._end_bulb(now)

    def _focus(self, now: float) -> None:
        """Let autofocus look for the subject, which has moved a little since it last did."""
        self.motor.drive(AUTOFOCUSED + 37 * (self.motor.moves % 7), now)

    def _shoot(self, amount: int, focuses: bool, now: float) -> None:
        """Take pictures, or only move the tail if an entry waits."""
        if self.database.pending:
            self.database.add(Entry())
            return
        values = self.settings.values
        spacing = self._shooting_time()
        if values["DriveMode"] == words.CONTINUOUS:
            amount = max(amount, self.burst)
        elif values["DriveMode"] == words.INTERVAL:
            amount = values["IntervalFrames"] or IMAGE_IDS
            spacing = max(spacing, values["IntervalSeconds"])
        begin = now + words.SELF_TIMERS.get(values["DriveMode"], 0.0)
        if focuses:
            self._focus(now)
        for index in range(amount):
            if not self._expose(now, begin + index * spacing, focuses):
                return

    def _shooting_time(self) -> float:
        exposure = footage.exposure_time(self.settings)
        # From a second on the camera takes a dark frame, too.
        return self.snap_time + (2 * float(exposure) if exposure >= Fraction(1) else 0)

    def _expose(self, now: float, begin: float, focuses: bool) -> bool:
        """Take one picture, and say whether there was room for it."""
        values = self.settings.values
        failure = self.failures.pop(0) if self.failures else None
        if failure is None and focuses and not self.contrast:
            failure = CaptureState.AF_FAILED
        take = Take(values["DestToSave"], [(now, CaptureState.SHOOTING)])
        done = begin + self._shooting_time()
        if failure is not None:
            take.states.append((done, failure))
            self.database.add(Entry(take))
            return bool(self.database.room)
        files = footage.picture_files(self.settings, self._number(), self._clock(), self._prefix)
        if self.database.room < len(files):
            return False
        take.files = files
        if self.settings.owns_shutter and values["ShutterSpeed"] == settings.BULB:
            self._bulb = take
        else:
            self._generate(take, done)
        for file in files:
            self.database.add(Entry(take, file))
        if take.destination in (Destination.CAMERA, Destination.BOTH):
            self._unwritten.append(take)
        return take is not self._bulb

    def _generate(self, take: Take, done: float) -> None:
        take.states += [(done, CaptureState.GENERATING), (done + self.snap_time, CaptureState.GENERATED)]
        if take.destination == Destination.CAMERA:
            take.states.append((done + 2 * self.snap_time, CaptureState.STORED))

    def _end_bulb(self, now: float) -> None:
        if self._bulb is not None:
            take, self._bulb = self._bulb, None
            self._generate(take, now)

    def _number(self) -> int:
        """Return the number of the next file: it runs on from the card's, and none comes twice."""
        self._last_number = max(self.card.next_number(), self._last_number + 1)
        return self._last_number

    def pictures(self) -> bytes:
        """GetPictFileInfo2."""
        return encode_pictures(
            tuple(
                Picture(file.address, file.content.size, self._folder, file.name, file.format, file.width, file.height)
                for file in self.database.files(self.advance())
            )
        )

    def partial(self, address: int, offset: int, length: int) -> bytes:
        """GetBigPartialPictFile."""
        if length > MAX_PARTIAL:
            raise Refusal(ResponseCode.InvalidParameter)
        data = b""
        for file in self.database.files(self.advance()):
            if file.address == address:
                data = file.content.read(offset, length)
                if data:
                    file.note(offset, offset + len(data))
        return encode_partial(data, check=self.sum_byte)

    def clear(self, image_id: int) -> None:
        """ClearImageDBSingle."""
        self.advance()
        self.database.clear(image_id)

    async def view_frame(self) -> bytes | None:
        """GetViewFrame: every now and then there is none, which is said in two ways.

        Raises:
            Refusal: there is none.
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

    # Movies.

    def _stop_movie(self, now: float) -> None:
        """End a take: it gets its entry now, and its footage goes to the card."""
        assert self._recording_since is not None
        seconds = now - self._recording_since
        self._recording_since = None
        self.life = Life.API
        values = self.settings.values
        take = Take(
            values["DestToSave"],
            [(now, CaptureState.MOVIE_STOPPING), (now + self.snap_time, CaptureState.MOVIE_GENERATED)],
        )
        number = self._number()
        if values["RecordFormat"] == settings.MOV:
            take.files = [footage.movie_file(number, seconds, self._prefix)]
            self.database.add(Entry(take, take.files[0]))
        else:
            take.files = [footage.dng_file(self.settings, number, self._clock(), self._prefix)]
            self.database.add(Entry(take))
        self._unwritten.append(take)

    def _movie(self, image_id: int) -> PictureFile | None:
        """Return the movie of an entry, if it is complete."""
        entry = self.database.entries.get(image_id, Entry())
        there = entry.take is not None and entry.take.state(self.advance()) is CaptureState.MOVIE_GENERATED
        return entry.file if there else None

    def movie(self, image_id: int) -> bytes:
        """GetMovieFileInfo."""
        file = self._movie(image_id)
        return encode_movie(None if file is None else Movie(file.format, file.content.size, self._folder, file.name))

    def partial_movie(self, parameters: tuple[int, ...]) -> bytes:
        """GetPartialMovieFile: 0, offset, 0, length; all else is deadly.

        Raises:
            Refusal: the third parameter is 1.
            DeviceGone: that was it.
        """
        first, offset, third, length, *_ = parameters
        if third == 1:
            raise Refusal(ResponseCode.GeneralError)
        file, take = self._movie(0), self.database.entries.get(0, Entry()).take
        served = take is not None and take.destination != Destination.COMPUTER and self.life is not Life.RECORDING
        if file is None or not served or first or third or offset + length > file.content.size:
            self.die()
        return Random(NOISE).randbytes(NOISE) if self._audio_written else file.content.read(offset, length)


_BY_READ: Mapping[int, Dataset] = {dataset.reads: dataset for dataset in Dataset}
