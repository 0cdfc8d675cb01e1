"""Pictures with an EOS body: to the card, to this computer, to both; how they fail; and those by the body's own button."""

import errno
import logging
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.api import FolderChanged
from camfs.cameras.tethered.shot_key import IMAGEDB, ImageKey
from camfs.mount.errnos import errno_of
from camfs.protocols.canon_eos.codes import CanonOperation
from camfs.protocols.canon_eos.events import PropertyChanged
from camfs.protocols.ptp.codes import Operation
from camfs.virtual.ptp.calls import Answer, Call
from camfs.virtual.ptp.faults import FaultKind
from camfs.virtual.ptp.state import CameraState
from tests.cameras.canon_eos.rig import Rig, rigged


def files_on_card(rig: Rig) -> dict[str, bytes]:
    folder = rig.body.card.folder("DCIM/100CANON")
    return {node.name: node.content.read(0, node.content.size) for node in folder.children}  # type: ignore[attr-defined]


async def test_to_the_card(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        (entry,) = await rig.shoot()
        assert entry.name == "IMG_0001.JPG"
        assert await rig.bytes_of(entry) == files_on_card(rig)["IMG_0001.JPG"]
        assert [key.handle for key in (await rig.camera.locate(entry.key))[-1:]]  # type: ignore[attr-defined]
        assert await rig.names() == []
        assert rig.count(CanonOperation.PCHDDCapacity) == 0
        (second,) = await rig.shoot()
        assert second.name == "IMG_0002.JPG"


async def test_to_this_computer(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("destination", "computer")
        assert await rig.camera.setting("destination") == "computer"
        for number in (1, 2, 3):
            (entry,) = await rig.shoot()
            assert isinstance(entry.key, ImageKey)
            assert entry.name == f"IMG_{number:04}.JPG"
            assert (tmp_path / entry.name).read_bytes() == await rig.bytes_of(entry)
        assert files_on_card(rig) == {}
        assert not rig.eos.waiting
        assert rig.count(CanonOperation.TransferComplete) == 3


async def test_to_both(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("destination", "both")
        on_card, here = await rig.shoot()
        assert isinstance(here.key, ImageKey)
        assert not isinstance(on_card.key, ImageKey)
        assert on_card.name == here.name == "IMG_0001.JPG"
        assert await rig.bytes_of(here) == await rig.bytes_of(on_card)


@pytest.mark.parametrize(("destination", "count"), [("card", 2), ("computer", 2), ("both", 4)])
async def test_raw_and_jpeg(tmp_path: Path, jumping_clock: MockClock, destination: str, count: int) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("image-quality", "raw+large-fine")
        await rig.camera.change_setting("destination", destination)
        entries = await rig.shoot()
        assert len(entries) == count
        assert {entry.name for entry in entries} == {"IMG_0001.CR2", "IMG_0001.JPG"}


@pytest.mark.parametrize("records", ["32", "64", "long"])
async def test_bodies_of_all_generations(tmp_path: Path, jumping_clock: MockClock, records: str) -> None:
    async with rigged(tmp_path, records=records) as rig:
        await rig.camera.change_setting("destination", "both")
        assert [entry.name for entry in await rig.shoot()] == ["IMG_0001.JPG", "IMG_0001.JPG"]


async def test_a_shot_is_let_go_only_when_it_is_safe(
    tmp_path: Path, jumping_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("destination", "computer")
        kept: list[bytes] = []

        async def look(state: CameraState, call: Call) -> Answer:
            shot = rig.eos.waiting[call.parameters[0]]
            kept.append((tmp_path / shot.name).read_bytes())
            assert kept[-1] == shot.content.read(0, shot.content.size)
            rig.eos.transfer_complete(call.parameters[0])
            return Answer()

        with rig.body.override(CanonOperation.TransferComplete, look):
            await rig.shoot()
        assert len(kept) == 1


async def test_a_full_disk_keeps_the_shot_in_the_body(
    tmp_path: Path, jumping_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rigged(tmp_path, listening=False) as rig:
        await rig.camera.change_setting("destination", "computer")
        spool = rig.camera.shots._spool
        begin = spool.begin

        async def full(*_: object) -> object:
            raise errors.StoreFull("no room")

        monkeypatch.setattr(spool, "begin", full)
        with pytest.raises(errors.StoreFull):
            await rig.camera.capture()
        assert len(rig.eos.waiting) == 1
        assert rig.count(CanonOperation.TransferComplete) == 0
        with pytest.raises(errors.StoreFull):
            await rig.camera.release_control()
        assert rig.eos.is_tethered
        monkeypatch.setattr(spool, "begin", begin)
        await rig.camera.release_control()
        assert not rig.eos.waiting
        assert await rig.names() == ["IMG_0001.JPG"]


async def test_a_piece_that_is_not_ready_is_asked_for_again(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("destination", "computer")
        refusals = [0x2019, 0xA102, 0xA102]

        async def late(state: CameraState, call: Call) -> Answer:
            if refusals:
                return Answer(code=refusals.pop())
            handler = rig.body.responder._handlers[Operation.GetPartialObject]
            return await handler(state, call)

        with rig.body.override(Operation.GetPartialObject, late):
            (entry,) = await rig.shoot()
        assert not refusals
        assert entry.size > 1000


async def test_a_shot_is_not_put_together_from_two_sessions(
    tmp_path: Path, jumping_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from camfs.virtual.pictures import generated as pictures

    content = bytes(range(250)) * 10_000
    monkeypatch.setattr(pictures, "jpeg", lambda *_: content)
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("destination", "computer")
        rig.eos.press_shutter()

        async def then_lost(state: CameraState, call: Call) -> Answer:
            if call.parameters[1]:
                rig.body.restore(Operation.GetPartialObject)
                rig.fail(FaultKind.LOSE_SESSION)
            handler = rig.body.responder._handlers[Operation.GetPartialObject]
            return await handler(state, call)

        rig.body.override(Operation.GetPartialObject, then_lost)
        await trio.sleep(30)
        (entry,) = await rig.described(IMAGEDB)
        assert await rig.bytes_of(entry) == content
        offsets = [r.parameters[1] for r in rig.body.trace.records if r.operation == "GetPartialObject"]
        assert offsets.count(0) == 2
        assert not rig.eos.waiting


async def test_pieces_have_a_mebibyte_at_most(
    tmp_path: Path, jumping_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from camfs.virtual.pictures import generated as pictures

    monkeypatch.setattr(pictures, "jpeg", lambda *_: bytes(3_500_000))
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("destination", "computer")
        rig.operations()
        (entry,) = await rig.shoot()
        assert entry.size == 3_500_000
        parts = [record for record in rig.body.trace.records if record.operation == "GetPartialObject"]
        assert [record.parameters[2] for record in parts] == [1 << 20, 1 << 20, 1 << 20, 3_500_000 - (3 << 20)]


@pytest.mark.parametrize(
    ("failure", "error", "number"),
    [
        ("af", errors.FocusFailed, errno.EAGAIN),
        ("card", errors.StoreFull, errno.ENOSPC),
        ("readonly", errors.StoreReadOnly, errno.EROFS),
        ("lens", errors.Refused, errno.EIO),
        ("battery", errors.Refused, errno.EIO),
        ("memory", errors.Busy, errno.EBUSY),
        ("busy", errors.Busy, errno.EBUSY),
        ("none", errors.TransferTimeout, errno.ETIMEDOUT),
    ],
)
async def test_how_a_picture_fails(
    tmp_path: Path, jumping_clock: MockClock, failure: str, error: type[errors.CameraError], number: int
) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("capture-autofocus", "on")
        await rig.camera.acquire_control()

        async def always(state: CameraState, call: Call) -> Answer:
            rig.eos.behaviour.failures = [failure]
            handler = rig.body.responder._handlers[CanonOperation.RemoteReleaseOn]
            return await handler(state, call)

        with rig.body.override(CanonOperation.RemoteReleaseOn, always), pytest.raises(error) as caught:
            await rig.camera.capture()
        assert errno_of(caught.value) == number
        rig.eos.behaviour.failures = []
        assert rig.operations().count("RemoteReleaseOff") >= 1
        assert [entry.name for entry in await rig.shoot()] == ["IMG_0001.JPG"]


async def test_without_autofocus_nothing_focuses(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.acquire_control()
        rig.eos.behaviour.failures = ["af"]
        await rig.shoot()
        pressed = [r.parameters for r in rig.body.trace.records if r.operation == "RemoteReleaseOn"]
        assert pressed == [(1, 1), (2, 1)]


async def test_a_body_that_says_nothing_of_focus_releases_all_the_same(
    tmp_path: Path, jumping_clock: MockClock
) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("capture-autofocus", "on")
        await rig.camera.acquire_control()
        rig.eos.behaviour.reports_focus = False
        assert len(await rig.shoot()) == 1


async def test_bulb(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, auto_off="60") as rig:
        await rig.camera.acquire_control()
        before = trio.current_time()
        (entry,) = await rig.shoot(exposure=130)
        assert trio.current_time() - before >= 130
        assert entry.name == "IMG_0001.JPG"
        assert await rig.camera.setting("shutter-speed") == "1/125"


async def test_a_bulb_exposure_that_is_ended_early(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.acquire_control()
        before = trio.current_time()

        async def end() -> None:
            await trio.sleep(12)
            await rig.camera.stop_capture()

        rig.nursery.start_soon(end)
        assert len(await rig.shoot(exposure=600)) == 1
        assert 12 <= trio.current_time() - before < 60
        await rig.camera.stop_capture()
        assert len(await rig.shoot(exposure=2)) == 1


async def test_bulb_that_the_dial_does_not_allow(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, settings="exposure-mode:program") as rig:
        with pytest.raises(errors.NotPermitted, match="dial"):
            await rig.camera.capture(5)
    async with rigged(tmp_path, settings="shutter-speed:bulb") as rig:
        with pytest.raises(errors.NotPermitted, match="would not end"):
            await rig.camera.capture()
        assert len(await rig.shoot(exposure=2)) == 1


async def test_a_cancelled_exposure_lets_the_button_go(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.acquire_control()
        with trio.move_on_after(3):
            await rig.camera.capture(600)
        assert [r.parameters for r in rig.body.trace.records if r.operation == "RemoteReleaseOff"] == [(2,), (1,)]
        await trio.sleep(2)
        assert list(files_on_card(rig)) == ["IMG_0001.JPG"]


async def test_a_wrong_mode_of_the_dial_is_no_permission(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, settings="exposure-mode:movie") as rig:
        with pytest.raises(errors.AccessDenied):
            await rig.camera.capture()
        rig.eos.turn_dial("manual")
        assert len(await rig.shoot()) == 1


@pytest.mark.parametrize("destination", ["card", "computer"])
async def test_the_bodys_own_button(tmp_path: Path, jumping_clock: MockClock, destination: str) -> None:
    async with rigged(tmp_path) as rig:
        store, _ = await rig.camera.list_folder(None)
        await rig.camera.change_setting("destination", destination)
        rig.changes().clear()
        rig.eos.press_shutter()
        await trio.sleep(2)
        changed = [change.key for change in rig.changes() if isinstance(change, FolderChanged)]
        if destination == "card":
            assert changed
            assert IMAGEDB not in changed
        else:
            assert IMAGEDB in changed
            assert await rig.names() == ["IMG_0001.JPG"]
            assert not rig.eos.waiting
        assert rig.camera.sends_events == (destination == "card")
        assert store in await rig.camera.list_folder(None)


async def test_a_record_before_its_object(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, late="3") as rig:
        assert [entry.name for entry in await rig.shoot()] == ["IMG_0001.JPG"]


async def test_the_destination_is_the_photographers_again(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("destination", "computer")
        await rig.camera.release_control()
        assert rig.eos.properties.number(0xD11C) == 2
        (entry,) = await rig.shoot()
        assert isinstance(entry.key, ImageKey), "what was chosen holds the next time"


async def test_handles_that_are_used_again(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path) as rig:
        await rig.camera.change_setting("destination", "computer")
        first, second = await rig.shoot(), await rig.shoot()
        read = [record.parameters[0] for record in rig.body.trace.records if record.operation == "GetPartialObject"]
        assert read[0] == read[1]
        assert first[0].name != second[0].name
        assert await rig.bytes_of(first[0]) != await rig.bytes_of(second[0])


async def test_a_shot_that_vanished_with_the_bodys_power_is_told(
    tmp_path: Path, jumping_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with rigged(tmp_path, listening=False) as rig:
        await rig.camera.change_setting("destination", "computer")
        rig.eos.press_shutter()

        async def gone(state: CameraState, call: Call) -> Answer:
            return Answer(code=0x2009)

        with rig.body.override(Operation.GetPartialObject, gone):
            await rig.camera.shots.bring_in()
            await rig.camera._following.ask()
        assert rig.camera.shots.unsaved == 0
        assert "lost" in caplog.text
        assert any(key == "lost" for key, _ in await rig.camera.status())


async def test_pictures_in_a_burst_are_all_files_of_the_shot(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, settings="drive-mode:continuous-high") as rig:
        assert len(await rig.shoot()) == 3


async def test_an_old_body_releases_by_one_operation(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, operations="-9128,-9129") as rig:
        assert [entry.name for entry in await rig.shoot()] == ["IMG_0001.JPG"]
        rig.eos.behaviour.failures = ["af"]
        with pytest.raises(errors.FocusFailed):
            await rig.camera.capture()
        rig.eos.behaviour.failures = ["card"]
        with pytest.raises(errors.StoreFull):
            await rig.camera.capture()
        with pytest.raises(errors.NotSupported):
            await rig.camera.capture(5)


async def test_a_compact_body_is_spoken_to_in_its_way(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, operations="-910f") as rig:
        await rig.shoot()
        seen = [(r.operation, r.parameters) for r in rig.body.trace.records]
        assert ("SetRemoteMode", (0x15,)) in seen
        assert ("RemoteReleaseOn", (3, 1)) in seen
        assert ("RemoteReleaseOff", (3,)) in seen


async def test_an_unknown_or_broken_record_loses_nothing(
    tmp_path: Path, jumping_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    import struct

    async with rigged(tmp_path) as rig:
        await rig.camera.acquire_control()
        good = PropertyChanged(0xD103, struct.pack("<I", 0x58)).record().encode()
        odd = struct.pack("<II", 20, 0xC1FE) + bytes(12)
        short = struct.pack("<III", 12, 0xC181, 1)
        cut = struct.pack("<II", 4000, 0xC189)
        end = struct.pack("<II", 8, 0)
        replies = [odd + short + good + cut, short + cut, end]

        async def answer(state: CameraState, call: Call) -> Answer:
            return Answer(replies.pop(0) if replies else end)

        with rig.body.override(CanonOperation.GetEvent, answer):
            assert await rig.camera.setting("iso") == "400"
            await trio.sleep(5)
        warnings = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
        assert len([text for text in warnings if "4000 bytes" in text]) == 1
        assert len([text for text in warnings if "0xC181" in text]) == 1
        assert len(await rig.shoot()) == 1
