"""Settings, clock, live view, focus and movies of an EOS body."""

import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.api import Happened, NoChoices
from camfs.protocols.canon_eos.codes import CanonOperation
from camfs.protocols.canon_eos.events import LIST, ChoicesChanged
from camfs.protocols.canon_eos.frames import Block, encode_frame
from camfs.virtual.ptp.calls import OK, Answer, Call
from camfs.virtual.ptp.state import CameraState
from tests.cameras.canon_eos.rig import rigged


@pytest.mark.parametrize(
    ("name", "text", "shown", "code"),
    [
        ("iso", "400", "400", 0x58),
        ("aperture", "f/8", "f/8", 0x38),
        ("aperture", "11", "f/11", 0x40),
        ("shutter-speed", "1/250", "1/250", 0x78),
        ("shutter-speed", "0.4", "0.4", 0x43),
        ("white-balance", "Cloudy", "cloudy", 2),
        ("drive-mode", "continuous-high", "continuous-high", 4),
        ("metering-mode", "spot", "spot", 1),
        ("focus-mode", "ai-servo", "ai-servo", 1),
        ("flash", "off", "off", 1),
        ("color-temperature", "3200", "3200K", 3200),
        ("white-balance-shift-amber", "-2", "-2", 0xFFFFFFFE),
        ("picture-style", "landscape", "landscape", 0x83),
        ("destination", "both", "both", 6),
        ("power-timeout", "30", "30s", 30),
        ("review-time", "hold", "hold", 0xFF),
        ("prop-d1b1", "0", "0", 0),
    ],
)
async def test_a_setting_is_written_and_read_back(
    tmp_path: Path, jumping_clock: MockClock, name: str, text: str, shown: str, code: int
) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting(name, text)
        assert await rig.camera.setting(name) == shown
        assert struct.pack("<I", code) in [value.value for value in rig.eos.properties.values.values()]


async def test_exposure_compensation_where_the_dial_allows_it(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, settings="exposure-mode:aperture-priority") as rig:
        await rig.camera.change_setting("exposure-compensation", "-1/3")
        assert await rig.camera.setting("exposure-compensation") == "-0.3"
        shutter = await rig.camera.choices("shutter-speed")
        assert isinstance(shutter, NoChoices)
        assert "offers no values now" in shutter.why
        with pytest.raises(errors.NotPermitted, match="offers no values now"):
            await rig.camera.change_setting("shutter-speed", "1/125")
        rig.eos.turn_dial("manual")
        await rig.camera.change_setting("shutter-speed", "1/60")
        with pytest.raises(errors.NotPermitted):
            await rig.camera.change_setting("exposure-compensation", "0.3")


async def test_texts(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("artist", "Ada")
        assert await rig.camera.setting("artist") == "Ada"
        with pytest.raises(errors.InvalidValue):
            await rig.camera.change_setting("artist", "\u00c4da")


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("iso", "12800", errors.InvalidValue),
        ("iso", "fast", errors.InvalidValue),
        ("exposure-mode", "program", errors.AccessDenied),
        ("battery", "100%", errors.AccessDenied),
        ("nothing", "1", errors.NoData),
        ("lens", "1", errors.NoData),
        ("prop-d1a4", "1", errors.NoData),
        ("prop-d1d3", "1", errors.AccessDenied),
    ],
)
async def test_what_is_refused(
    tmp_path: Path, jumping_clock: MockClock, name: str, text: str, error: type[errors.CameraError]
) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.acquire_control()
        rig.operations()
        with pytest.raises(error):
            await rig.camera.change_setting(name, text)
        assert "SetDevicePropValueEx" not in rig.operations()


async def test_a_value_that_the_body_does_not_keep(tmp_path: Path, jumping_clock: MockClock) -> None:
    async def nothing(state: CameraState, call: Call) -> Answer:
        return OK

    async with rigged(tmp_path) as rig:
        with rig.body.override(CanonOperation.SetDevicePropValueEx, nothing), pytest.raises(errors.NotPermitted):
            await rig.camera.change_setting("iso", "400")
        assert await rig.camera.setting("iso") == "100"


async def test_choices_are_those_of_this_moment(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        assert (await rig.camera.choices("iso"))[:3] == ("auto", "100", "125")
        dial = await rig.camera.choices("exposure-mode")
        assert isinstance(dial, NoChoices)
        assert "on the camera itself" in dial.why
        rig.eos.tell(ChoicesChanged(0xD103, LIST, 2, struct.pack("<II", 0x48, 0x50)))
        assert await rig.camera.choices("iso") == ("100", "200")
        rig.eos.tell(ChoicesChanged(0xD106, LIST, 60000, struct.pack("<60000I", *range(60000))))
        assert len(await rig.camera.choices("drive-mode")) == 60000
        assert await rig.camera.setting("iso") == "100"


async def test_names_before_and_after_the_body_has_told_them(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        assert {"iso", "aperture", "shutter-count", "battery-level", "capture-autofocus"} <= set(
            rig.camera.setting_names()
        )
        await rig.camera.acquire_control()
        names = rig.camera.setting_names()
        assert {"iso", "aperture", "battery-level", "prop-d1b0", "artist"} <= set(names)
        assert "shutter-count" not in names
        for name in names:
            assert isinstance(await rig.camera.setting(name), str)
            await rig.camera.choices(name)


async def test_news_of_settings(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.acquire_control()
        rig.told()
        rig.eos.turn_dial("program")
        await trio.sleep(2)
        assert "setting exposure-mode program" in [
            change.text for change in rig.changes() if isinstance(change, Happened)
        ]


async def test_clock(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        shown = await rig.camera.clock()
        assert abs(shown - datetime.now(UTC)) < timedelta(seconds=5)
        moment = datetime(2030, 5, 4, 9, 30, tzinfo=UTC)
        await rig.camera.set_clock(moment)
        assert abs(await rig.camera.clock() - moment) < timedelta(seconds=5)
        with pytest.raises(errors.InvalidValue):
            await rig.camera.set_clock(datetime(1969, 1, 1, tzinfo=UTC))


async def test_live_view(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        first, second = await rig.camera.view_frame(), await rig.camera.view_frame()
        assert first.startswith(b"\xff\xd8")
        assert first != second
        assert rig.body.trace.records[-1].operation == "GetViewFinderData"
        await rig.shoot()
        await rig.camera.release_control()
        assert rig.eos.properties.number(0xD1B0) == 0


@pytest.mark.parametrize(
    "reply",
    [
        encode_frame([Block(1, b"no picture")]),
        encode_frame([Block(4, bytes(4))]),
        struct.pack("<II", 0x7FFFFFFF, 1),
        b"",
    ],
)
async def test_frames_that_are_no_pictures(tmp_path: Path, jumping_clock: MockClock, reply: bytes) -> None:
    async def nonsense(state: CameraState, call: Call) -> Answer:
        return Answer(reply)

    async with rigged(tmp_path) as rig:
        with (
            rig.body.override(CanonOperation.GetViewFinderData, nonsense),
            pytest.raises(errors.RemoteProtocolError, match="live-view"),
        ):
            await rig.camera.view_frame()
        assert (await rig.camera.view_frame()).startswith(b"\xff\xd8")
        assert await rig.camera.setting("iso") == "100"


async def test_a_live_view_that_never_begins(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        rig.eos.behaviour.not_ready = 1_000_000
        with pytest.raises(errors.Busy):
            await rig.camera.view_frame()


async def test_focus(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        assert await rig.camera.focus() == "mode: one-shot\nstate: unknown\n"
        await rig.camera.change_focus("af")
        assert "state: focused" in await rig.camera.focus()
        before = rig.eos.focus_position
        await rig.camera.change_focus("far 3")
        assert rig.eos.focus_position == before + 3
        await rig.camera.change_focus("near 2 large")
        assert rig.eos.focus_position == before + 3 - 80
        await rig.camera.change_focus("af")
        assert rig.operations().count("DoAf") == 1
        for text in ("", "near", "near 0", "near x", "far 3 huge", "far 3 small more", "5000", "near 101"):
            with pytest.raises(errors.InvalidValue):
                await rig.camera.change_focus(text)


@pytest.mark.parametrize("in_view", [False, True])
async def test_focus_that_finds_nothing(tmp_path: Path, jumping_clock: MockClock, in_view: bool) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.acquire_control()
        if in_view:
            await rig.camera.view_frame()
        rig.eos.behaviour.failures = ["af"]
        with pytest.raises(errors.FocusFailed):
            await rig.camera.change_focus("af")
        await rig.camera.change_focus("af")


async def test_a_lens_at_manual_focus(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, settings="focus-mode:manual") as rig:
        with pytest.raises(errors.NotPermitted, match="manual"):
            await rig.camera.change_focus("af")
        await rig.camera.change_setting("capture-autofocus", "on")
        assert len(await rig.shoot()) == 1


@pytest.mark.parametrize("mode", ["manual", "movie"])
async def test_movies(tmp_path: Path, jumping_clock: MockClock, mode: str) -> None:
    async with rigged(tmp_path, settings=f"exposure-mode:{mode}") as rig:
        assert not await rig.camera.recording()
        await rig.camera.record(True)
        assert await rig.camera.recording()
        assert rig.eos.recording
        await trio.sleep(3)
        await rig.camera.record(False)
        assert not rig.eos.recording
        assert not rig.eos.properties.in_movie_mode
        await trio.sleep(2)
        assert [node.name for node in rig.body.card.folder("DCIM/100CANON").children] == ["MVI_0001.MOV"]


async def test_a_movie_that_the_body_ends_by_itself(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.record(True)
        rig.eos.tell(*rig.eos.properties.put(0xD1B8, 0))
        await trio.sleep(2)
        assert not await rig.camera.recording()
        await rig.camera.record(True)
        assert await rig.camera.recording()


async def test_a_movie_ends_when_the_body_is_given_back(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.record(True)
        await rig.camera.release_control()
        assert not rig.eos.recording
        assert rig.eos.keys_are_alive


async def test_no_movie_where_the_dial_does_not_allow_one(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, operations="-9133,-9134") as rig:
        with pytest.raises(errors.NotPermitted, match="dial"):
            await rig.camera.record(True)


async def test_status(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        before = dict(await rig.camera.status())
        assert before["camera"] == "Canon EOS 60D"
        assert before["control"] == "no"
        await rig.camera.acquire_control()
        after = dict(await rig.camera.status())
        assert (after["control"], after["battery"]) == ("yes", "100%")
        assert "battery-level" not in after
