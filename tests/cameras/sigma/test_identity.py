"""Shots whose addresses, names, ids and sizes come again: each is told from the others, none is lost, doubled or mixed with another."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.ptp.iplink import IpLink
from camfs.cameras.sigma import identity
from camfs.cameras.sigma.driver import SigmaCamera
from camfs.cameras.still import open_still_camera
from camfs.cameras.tethered.shot_key import IMAGEDB
from camfs.protocols.sigma.codes import CaptureState, Destination, SigmaOperation, SnapMode
from camfs.protocols.sigma.datasets import Dataset
from camfs.protocols.sigma.records import Picture, decode_pictures, encode_pictures
from camfs.virtual.pictures import generated
from camfs.virtual.ptp.calls import Answer, Call
from camfs.virtual.ptp.camera import EmulatedCamera
from camfs.virtual.ptp.state import CameraState
from camfs.virtual.sigma.database import PictureFile, SlotRing
from camfs.virtual.sigma.fp import SigmaFp
from tests.cameras.network import GUID, NetworkRig, networked
from tests.cameras.rig import emulated
from tests.cameras.sigma.program import (
    BOTH_KINDS,
    CONTINUOUS,
    JPEG,
    Disk,
    Fate,
    Killed,
    Program,
    bytes_of,
    program,
    rescued,
)

pytestmark = pytest.mark.usefixtures("disk_without_threads", "small_pictures")

GENERATED, STORED, FAILED, CLEARED = (
    CaptureState.GENERATED,
    CaptureState.STORED,
    CaptureState.FAILED,
    CaptureState.CLEARED,
)


@pytest.fixture
def equal_sizes(monkeypatch: pytest.MonkeyPatch, small_pictures: None) -> None:
    """Make pictures of one size for each format, which begin alike."""

    def make(kind: str, size: int) -> Callable[..., bytes]:
        return lambda shot, *_: bytes(200) + random.Random(f"{kind}{shot.number}").randbytes(size)

    monkeypatch.setattr(generated, "jpeg", make("JPEG", 2500))
    monkeypatch.setattr(generated, "dng", make("DNG", 4000))


def picture(name: str, address: int = 1, size: int = 9) -> Picture:
    return Picture(address, size, "100SIGMA", name, "JPG", 6, 4)


# ---------------------------------------------------------------------- the rules


def test_a_record_is_left_over_for_each_shot_that_is_not_listed() -> None:
    one, other = picture("SDIM0001.JPG"), picture("SDIM0002.JPG")
    assert identity.unlisted([one, other], []) == [one, other]
    assert identity.unlisted([one, other], [one]) == [other]
    assert identity.unlisted([one, one], [one]) == [one]
    assert identity.unlisted([one], [one, other]) == []


A, B, C = picture("A.JPG", 1), picture("B.JPG", 2), picture("C.JPG", 1)


@pytest.mark.parametrize(
    ("states", "new", "listed", "ids", "records"),
    [
        ([GENERATED], [A], [], [0], [A]),
        ([GENERATED, STORED], [A, B], [], [0, 1], [A, B]),
        ([GENERATED], [A, B], [], [0], [A, B]),
        ([FAILED, CLEARED], [], [], [0, 1], []),
        ([FAILED, GENERATED, CLEARED, GENERATED], [A, B], [], [0, 1, 2, 3], [A, B]),
        # one address: the oldest first
        ([GENERATED, GENERATED], [A, C], [], [0], [A]),
        ([FAILED, GENERATED, GENERATED, FAILED], [A, C], [], [0, 1], [A]),
        ([GENERATED] * 4, [A, B, C, B], [], [0, 1], [A, B]),
        # fewer records than entries with pictures
        ([GENERATED, GENERATED, GENERATED], [A], [], [0], [A]),
        # behind shots that are listed
        ([GENERATED], [], [A], [], []),
        ([GENERATED], [C], [A], [], []),
        ([GENERATED], [B], [A], [0], [B]),
        ([FAILED], [], [A], [0], []),
        # nothing to be had
        ([GENERATED, GENERATED], [], [], [0, 1], []),
    ],
)
def test_what_may_be_claimed(
    states: list[CaptureState], new: list[Picture], listed: list[Picture], ids: list[int], records: list[Picture]
) -> None:
    assert identity.claimable(dict(enumerate(states)), new, listed) == (ids, records)


# ---------------------------------------------------------------------- the address is always the same


@pytest.mark.parametrize("reads", [0, 1500, 10_000])
async def test_one_address_for_all_shots(
    reads: int, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """Also while one is read in the middle of the next capture, and after a restart."""
    async with emulated("sigma-fp") as camera:
        async with program(camera, tmp_path) as driver:
            await driver.acquire(BOTH_KINDS)
            for _ in range(5):
                async with trio.open_nursery() as nursery:
                    for name in driver.names()[-2:]:
                        nursery.start_soon(driver.images.read, driver.entry(name), 0, reads)
                    nursery.start_soon(driver.capture)
            assert {file.address for file in exposed} == {0x5D500880, 0x621E9000}
        found = await rescued(camera, tmp_path)
    assert sorted(found.values()) == sorted(bytes_of(file) for file in exposed)
    assert len(exposed) == 10


async def next_shot(driver: Program) -> str:
    """Take a picture whose name is given again."""
    driver.fp.restart_numbers()
    [key] = await driver.capture()
    return key.name


@pytest.mark.parametrize("reads", [0, 1500, 10_000])
async def test_equal_records_one_after_another(
    reads: int, equal_sizes: None, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    async with emulated("sigma-fp", empty=True) as camera:
        async with program(camera, tmp_path) as driver:
            await driver.acquire()
            names = []
            for _ in range(4):
                names.append(await next_shot(driver))
                await driver.images.read(driver.entry(names[-1]), 0, reads)
            assert names == ["SDIM0001.JPG", "SDIM0001~2.JPG", "SDIM0001~3.JPG", "SDIM0001~4.JPG"]
            assert len({(file.name, file.address, file.content.size) for file in exposed}) == 1
            assert await driver.contents() == [bytes_of(file) for file in exposed]
        assert list((await rescued(camera, tmp_path)).values()) == [bytes_of(file) for file in exposed]


async def day_of_equal_names(driver: Program) -> None:
    await driver.acquire()
    await next_shot(driver)
    second = await next_shot(driver)
    await driver.images.read(driver.entry(second), 1024, 500)
    third = await next_shot(driver)
    await driver.read(third)
    await next_shot(driver)
    await driver.images.save()
    await driver.operations.close_application()


async def survivors(folder: Path, exposed: list[PictureFile], *fates: Fate) -> dict[str, bytes]:
    """Let a program live through that day or be killed, let others rescue what it leaves, and return what is found at the end."""
    exposed.clear()
    async with emulated("sigma-fp", empty=True) as camera:
        for index, fate in enumerate(fates):
            try:
                async with program(camera, folder, fate) as driver:
                    if index == 0:
                        await day_of_equal_names(driver)
                    elif driver.fp.locked:
                        await driver.images.rescue()
                        await driver.operations.close_application()
            except Killed:
                pass
        return await rescued(camera, folder)


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_equal_records_and_killed_at_every_step(
    before: bool, equal_sizes: None, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """The first program, and the one that rescues what it left."""
    life = Fate()
    await survivors(tmp_path / "whole", exposed, life)
    assert life.steps > 40
    for step in range(1, life.steps + 1):
        found = await survivors(tmp_path / f"{step}", exposed, Fate(step, before), Fate(9 + step % 7, before))
        assert sorted(found.values()) == sorted(bytes_of(file) for file in exposed), step


# ---------------------------------------------------------------------- several files at one address


def one_address(self: SlotRing, kind: str) -> int:
    return 0x5D500880


async def only_the_oldest(state: CameraState, call: Call) -> Answer:
    """GetPictFileInfo2 that lists one file only."""
    assert state.sigma is not None
    return Answer(encode_pictures(decode_pictures(state.sigma.pictures())[:1]))


def give_out_one_by_one(camera: EmulatedCamera, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the camera show one file of a burst at a time: all at "one address", or in "one record"."""
    if how == "one address":
        monkeypatch.setattr(SlotRing, "_free_address", one_address)
    else:
        camera.override(SigmaOperation.GetPictFileInfo2, only_the_oldest)


@pytest.mark.parametrize("how", ["one address", "one record"])
@pytest.mark.parametrize("reads", [False, True], ids=["unread", "read"])
async def test_a_burst_that_is_given_out_one_by_one(
    how: str,
    reads: bool,
    equal_sizes: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    exposed: list[PictureFile],
    autojump_clock: MockClock,
) -> None:
    """No entry is cleared whose file was never seen."""
    async with emulated("sigma-fp") as camera:
        give_out_one_by_one(camera, how, monkeypatch)
        async with program(camera, tmp_path) as driver:
            await driver.acquire()
            await driver.operations.write(Dataset.GROUP2, {"DriveMode": CONTINUOUS})
            [key] = await driver.capture()
            assert driver.images.has_unsaved
            if reads:
                assert await driver.read(key.name) == bytes_of(exposed[0])
                assert driver.images.has_unsaved
            await driver.capture()
            await driver.images.save()
            assert not driver.pending()
            assert not driver.images.has_unsaved
            assert sorted(await driver.contents()) == sorted(bytes_of(file) for file in exposed)
            assert len(exposed) == 2 * driver.fp.burst


@pytest.mark.parametrize("how", ["one address", "one record"])
async def test_a_burst_that_was_left_and_is_given_out_one_by_one(
    how: str,
    equal_sizes: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    exposed: list[PictureFile],
    autojump_clock: MockClock,
) -> None:
    async with emulated("sigma-fp") as camera:
        give_out_one_by_one(camera, how, monkeypatch)
        async with program(camera, tmp_path) as driver:
            await driver.acquire()
            await driver.operations.write(Dataset.GROUP2, {"DriveMode": CONTINUOUS})
            await driver.operations.snap(SnapMode.WITHOUT_AF)
        found = await rescued(camera, tmp_path)
        assert sorted(found.values()) == sorted(bytes_of(file) for file in exposed)
        assert len(found) == 3


async def test_an_entry_that_never_goes(tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock) -> None:
    """A camera that does not clear is found out, and the picture is there once."""

    async def keeps(state: CameraState, call: Call) -> Answer:
        return Answer()

    async with emulated("sigma-fp") as camera, program(camera, tmp_path) as driver:
        await driver.acquire()
        await driver.capture()
        camera.override(SigmaOperation.ClearImageDBSingle, keeps)
        with pytest.raises(errors.CaptureFailed, match="does not become empty"):
            await driver.images.save()
        assert await driver.contents() == [bytes_of(exposed[0])]


# ---------------------------------------------------------------------- contact was lost


def other_hands(fp: SigmaFp, quality: int = JPEG) -> None:
    """Switch the camera off and on; then let somebody else take it, and a picture, with the numbers begun anew."""
    fp.power_cycle()
    fp.restart_numbers()
    fp.configure()
    fp.settings.values.update(ImageQuality=quality, DestToSave=Destination.COMPUTER)
    fp.snap_time = 0
    fp._shooting.shoot(fp.settings, 1, False, trio.current_time())


@pytest.mark.parametrize("reads", [[], [(0, 100)], [(0, 700), (1200, 200)], [(100, 50)]])
@pytest.mark.parametrize("quality", [JPEG, BOTH_KINDS], ids=["jpeg", "dng and jpeg"])
async def test_the_camera_still_holds_the_shot(
    quality: int,
    reads: list[tuple[int, int]],
    tmp_path: Path,
    exposed: list[PictureFile],
    autojump_clock: MockClock,
) -> None:
    """Whoever has read a part reads on in the same file."""
    async with emulated("sigma-fp") as camera, program(camera, tmp_path) as driver:
        await driver.acquire(quality)
        keys = await driver.capture()
        entry = driver.entry(keys[0].name)
        for offset, size in reads:
            await driver.images.read(entry, offset, size)
        driver.images.note_contact_lost()
        clears = driver.count(SigmaOperation.ClearImageDBSingle)
        data = bytes_of(exposed[0])
        assert await driver.images.read(entry, 1000, 1000) == data[1000:2000]
        assert driver.count(SigmaOperation.ClearImageDBSingle) == clears
        driver.images.note_contact_lost()
        await driver.capture()
        assert await driver.contents() == [bytes_of(file) for file in exposed]
        assert driver.images.list()[: len(keys)] == list(keys)
        assert not driver.images.lost_names


@pytest.mark.parametrize("first", ["read", "save", "capture", "remove"])
@pytest.mark.parametrize("reads", [[(0, 1500)], [(300, 100)], [(0, 100), (1024, 2000)]])
async def test_the_camera_holds_another_shot_of_the_same_record(
    reads: list[tuple[int, int]],
    first: str,
    equal_sizes: None,
    tmp_path: Path,
    exposed: list[PictureFile],
    autojump_clock: MockClock,
) -> None:
    """What was read of the first stays as far as it goes, and no byte of the other is in it; the other is whole."""
    async with emulated("sigma-fp", empty=True) as camera, program(camera, tmp_path) as driver:
        await driver.acquire()
        [key] = await driver.capture()
        entry = driver.entry(key.name)
        for offset, size in reads:
            await driver.images.read(entry, offset, size)
        other_hands(driver.fp)
        assert len({(file.name, file.address, file.content.size) for file in exposed}) == 1
        assert driver.fp.database.head == 0
        driver.images.note_contact_lost()
        match first:
            case "read":
                with pytest.raises(errors.NotFound, match="switched off"):
                    await driver.images.read(entry, 0, 2700)
            case "save":
                await driver.images.save()
            case "capture":
                await driver.capture()
            case "remove":
                await driver.images.remove(entry)
        await driver.images.save()
        assert not driver.pending()
        found = [await driver.read(name) for name in driver.names()]
        assert found.count(bytes_of(exposed[1])) == 1
        assert bytes_of(exposed[0]) not in found
        kept = [data for data in found if data not in [bytes_of(file) for file in exposed]]
        offset, size = reads[0]
        assert kept == ([] if offset else [bytes_of(exposed[0])[:size]])
        assert list(driver.images.lost_names) == ["SDIM0001.JPG"]


async def test_what_is_safe_here_is_not_mistaken_for_what_the_camera_holds(
    equal_sizes: None, disk: Disk, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """One file of a pair is safe, the other has no room, and the entries wait. Then they are those of another shot."""
    async with emulated("sigma-fp", empty=True) as camera, program(camera, tmp_path) as driver:
        await driver.acquire(BOTH_KINDS)
        raw, jpeg = await driver.capture()
        await driver.read(raw.name)
        disk.room = 0
        await driver.read(jpeg.name)
        other_hands(driver.fp, BOTH_KINDS)
        disk.room = None
        driver.images.note_contact_lost()
        await driver.images.save()
        found = await driver.contents()
        assert sorted(found) == sorted(bytes_of(exposed[index]) for index in (0, 2, 3))


async def test_a_file_that_was_removed_does_not_take_another_with_it(
    equal_sizes: None, disk: Disk, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """The entry of a removed file is cleared unseen: but not if it may be another's by now."""
    async with emulated("sigma-fp", empty=True) as camera, program(camera, tmp_path) as driver:
        await driver.acquire(BOTH_KINDS)
        raw, jpeg = await driver.capture()
        disk.room = 0
        await driver.images.remove(driver.entry(jpeg.name))
        assert driver.names() == [raw.name]
        other_hands(driver.fp, BOTH_KINDS)
        disk.room = None
        driver.images.note_contact_lost()
        await driver.images.save()
        assert sorted(await driver.contents()) == sorted(bytes_of(file) for file in exposed[2:])


async def test_a_file_that_was_removed_stays_so(
    equal_sizes: None, disk: Disk, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    async with emulated("sigma-fp", empty=True) as camera, program(camera, tmp_path) as driver:
        await driver.acquire(BOTH_KINDS)
        raw, jpeg = await driver.capture()
        disk.room = 0
        await driver.images.read(driver.entry(raw.name), 0, 500)
        await driver.images.remove(driver.entry(jpeg.name))
        disk.room = None
        driver.images.note_contact_lost()
        await driver.images.save()
        assert await driver.contents() == [bytes_of(exposed[0])]


async def test_contact_that_is_lost_while_the_ring_is_emptied_clears_nothing(
    tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    async with emulated("sigma-fp") as camera, program(camera, tmp_path) as driver:
        await driver.acquire(BOTH_KINDS)
        await driver.capture()

        async def and_contact_is_lost(state: CameraState, call: Call) -> Answer:
            driver.images.note_contact_lost()
            assert state.sigma is not None
            return Answer(state.sigma.partial(*call.parameters[:3]))

        with (
            camera.override(SigmaOperation.GetBigPartialPictFile, and_contact_is_lost),
            pytest.raises(errors.Busy, match="not certain"),
        ):
            await driver.images.save()
        assert driver.fp.database.slots.keys() == {0, 1}
        await driver.images.save()
        assert await driver.contents() == [bytes_of(file) for file in exposed]


async def test_contact_that_is_lost_in_the_middle_of_a_capture(
    tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """The shot is not listed unseen, and is there before the next."""
    async with emulated("sigma-fp") as camera, program(camera, tmp_path) as driver:
        await driver.acquire()

        async def and_contact_is_lost(state: CameraState, call: Call) -> Answer:
            driver.images.note_contact_lost()
            assert state.sigma is not None
            return Answer(state.sigma.pictures())

        with (
            camera.override(SigmaOperation.GetPictFileInfo2, and_contact_is_lost),
            pytest.raises(errors.Busy, match="contact"),
        ):
            await driver.capture()
        assert driver.names() == []
        assert driver.images.has_unsaved
        await driver.capture()
        assert await driver.contents() == [bytes_of(file) for file in exposed]
        assert len(exposed) == 2


async def test_records_that_make_no_sense_confirm_nothing(
    tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    async with emulated("sigma-fp") as camera, program(camera, tmp_path) as driver:
        await driver.acquire()
        [key] = await driver.capture()
        await driver.images.read(driver.entry(key.name), 0, 500)
        driver.images.note_contact_lost()
        calls = 0

        async def garbled(state: CameraState, call: Call) -> Answer:
            nonlocal calls
            calls += 1
            assert state.sigma is not None
            return Answer(bytes(7) if calls < 3 else state.sigma.pictures())

        camera.override(SigmaOperation.GetPictFileInfo2, garbled)
        await driver.images.save()
        assert [await driver.read(name) for name in driver.names() if not name.startswith("partial-")] == [
            bytes_of(exposed[0])
        ]


# ---------------------------------------------------------------------- over the network, where a cut leaves the body locked


class Mounted:
    """The driver on a network that can be cut."""

    def __init__(self, rig: NetworkRig, camera: SigmaCamera) -> None:
        self.rig, self.camera, self.fp = rig, camera, rig.body.sigma

    async def cut_and_reattach(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.rig.network.cut()
        with pytest.raises(errors.CameraError):
            await self.camera.change_setting("iso", "400")
        await trio.testing.wait_all_tasks_blocked()
        meanwhile()
        link = IpLink(self.rig.network.dial, GUID, "test")
        await link.connect()
        await self.camera.reattach(link)

    async def read(self, name: str) -> bytes:
        entries = [await self.camera.describe(key, IMAGEDB) for key in await self.camera.list_folder(IMAGEDB)]
        [entry] = [each for each in entries if each is not None and each.name == name]
        return bytes(await self.camera.read(entry, 0, entry.size))

    def names(self) -> list[str]:
        return [key.name for key in self.camera.images.list()]


@asynccontextmanager
async def on_the_network(spool: Path, **options: str) -> AsyncIterator[Mounted]:
    async with networked("sigma-fp", snap_time="0.01", **options) as rig:
        await rig.link.connect()
        camera = await open_still_camera(rig.link, rig.nursery, timeout=10, idle=0, spool=spool)
        assert isinstance(camera, SigmaCamera)
        try:
            yield Mounted(rig, camera)
        finally:
            await camera.aclose()


async def test_back_with_the_shot(tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock) -> None:
    """Reading goes on where it was, in the same file; the shot is brought in and the body unlocked."""
    async with on_the_network(tmp_path / "spool") as mounted:
        [key] = await mounted.camera.capture()
        entry = await mounted.camera.describe(key, IMAGEDB)
        assert entry is not None
        data = bytes_of(exposed[0])
        assert await mounted.camera.read(entry, 0, 700) == data[:700]
        await mounted.cut_and_reattach()
        assert not mounted.fp.locked
        assert mounted.camera.images.list() == [key]
        assert await mounted.camera.read(entry, 700, 10_000) == data[700:]
        assert not mounted.camera.images.lost_names


@pytest.mark.parametrize("reads", [0, 700])
async def test_back_with_another_shot_of_the_same_record(
    reads: int, equal_sizes: None, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    async with on_the_network(tmp_path / "spool") as mounted:
        await mounted.camera.change_setting("destination", "computer")
        [key] = await mounted.camera.capture()
        entry = await mounted.camera.describe(key, IMAGEDB)
        assert entry is not None
        if reads:
            await mounted.camera.read(entry, 0, reads)
        await mounted.cut_and_reattach(lambda: other_hands(mounted.fp))
        assert len({(file.name, file.address, file.content.size) for file in exposed}) == 1
        assert not mounted.fp.locked
        found = {name: await mounted.read(name) for name in mounted.names()}
        assert list(found.values()).count(bytes_of(exposed[1])) == 1
        if reads:
            assert found["partial-SDIM0001.JPG"] == bytes_of(exposed[0])[:reads]
            assert list(mounted.camera.images.lost_names) == ["SDIM0001.JPG"]
            with pytest.raises(errors.NotFound):
                await mounted.camera.read(entry, reads, 10)
        assert len(found) == 1 + bool(reads)


async def test_back_with_a_full_disk(
    disk: Disk, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """What finds no room stays in the camera, which stays locked, and stays listed and readable."""
    async with on_the_network(tmp_path / "spool") as mounted:
        await mounted.camera.capture()
        disk.room = 0
        await mounted.cut_and_reattach()
        assert mounted.fp.locked
        assert mounted.names() == ["SDIM0001.JPG"]
        assert not mounted.camera.images.lost_names
        assert await mounted.read("SDIM0001.JPG") == bytes_of(exposed[0])
        disk.room = None
        await mounted.camera.release_control()
        assert await mounted.read("SDIM0001.JPG") == bytes_of(exposed[0])


async def test_nothing_is_read_of_a_camera_that_comes_back_before_it_is_known(
    equal_sizes: None, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """A reader who is there while the camera is attached again gets bytes of the first shot or none."""
    async with on_the_network(tmp_path / "spool", latency="0.01") as mounted:
        [key] = await mounted.camera.capture()
        entry = await mounted.camera.describe(key, IMAGEDB)
        assert entry is not None
        await mounted.camera.read(entry, 0, 300)
        got: list[bytes] = []

        async def read() -> None:
            while True:
                await trio.sleep(0.003)
                try:
                    got.append(bytes(await mounted.camera.read(entry, 1000, 200)))
                except errors.NotFound:
                    return
                except errors.CameraError:
                    pass

        with trio.move_on_after(100):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(read)
                await mounted.cut_and_reattach(lambda: other_hands(mounted.fp))
        assert set(got) <= {bytes_of(exposed[0])[1000:1200]}


# ---------------------------------------------------------------------- raw commands


async def test_a_raw_clear_saves_the_shot_first(
    tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    async with on_the_network(tmp_path / "spool") as mounted:
        await mounted.camera.change_setting("image-quality", "dng+fine")
        await mounted.camera.capture()
        assert await mounted.camera.raw("901c 1 : 0000000000000000") == "2001"
        assert mounted.names() == ["SDIM0001.DNG", "SDIM0001.JPG"]
        assert not mounted.fp.database.slots
        assert await mounted.camera.raw("901c 9 : 0000000000000000") == "2001"
        assert await mounted.camera.raw("901b : 02020105") == "2001"
        assert mounted.camera.images.has_unsaved
        await mounted.camera.release_control()
        assert [await mounted.read(name) for name in mounted.names()] == [bytes_of(file) for file in exposed]


async def test_a_raw_shot_is_found(tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock) -> None:
    async with on_the_network(tmp_path / "spool") as mounted:
        for _ in range(2):
            mounted.fp.restart_numbers()
            assert await mounted.camera.raw("901b : 02020105") == "2001"
            await trio.sleep(1)
            await mounted.camera.raw("901c 0 : 0000000000000000")
            await mounted.camera.raw("901c 1 : 0000000000000000")
        await mounted.camera.release_control()
        assert [await mounted.read(name) for name in mounted.names()] == [bytes_of(file) for file in exposed]
        assert len(exposed) == 2
