"""`.capture`: what it takes for a command, and how pictures at intervals go on, miss their moment, fail and end."""

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from camfs import errors
from camfs.cameras.api import Key
from camfs.mount.capture import Bulb, Count, End, Every, Shooting, parse
from camfs.mount.events import EventLog
from tests.cameras.rig import nursery
from tests.cameras.scripted import ScriptedCamera, Thing
from tests.cameras.sigma.rig import rigged
from tests.mount.rig import WatchedTree


class Field:
    """A camera that takes pictures when it is told to, and what `.capture` does with it.

    Attributes:
        exposures: what `capture` was asked for, and when, in seconds since the beginning.
        lasts: seconds that the next shots take, in order; the others take none.
        fails: why shots fail, by their numbers from 1 on.
    """

    def __init__(self) -> None:
        self.camera = ScriptedCamera()
        self.folder = self.camera.add(self.camera.card, "DCIM")
        self.exposures: list[tuple[float, Key | None]] = []
        self.lasts: list[float] = []
        self.fails: dict[int, errors.CameraError] = {}
        self.events = EventLog()
        self.tree = WatchedTree(self.camera)
        self.shooting = Shooting(self.tree, self.events)
        self._begun = trio.current_time()
        self.camera.before = self._before

    async def _before(self, call: str, exposure: Key | None) -> None:
        if call != "capture":
            return
        self.exposures.append((round(trio.current_time() - self._begun, 3), exposure))
        number = len(self.exposures)
        if self.lasts:
            await trio.sleep(self.lasts.pop(0))
        if number in self.fails:
            raise self.fails[number]
        self.camera.shot(self.folder, f"P{number}.JPG")

    @property
    def starts(self) -> list[float]:
        return [start for start, _ in self.exposures]

    @property
    def status(self) -> str:
        ((key, text),) = self.shooting.status_lines()
        assert key == "series"
        return text


def file_names(folder: Thing) -> list[str]:
    return [thing.name for thing in folder.inside]


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("1", Count(1)),
        ("999", Count(999)),
        ("007", Count(7)),
        ("bulb 8", Bulb(8)),
        ("bulb 0.5s", Bulb(0.5)),
        ("bulb  3600", Bulb(3600)),
        ("50 every 10s", Every(50, 10)),
        ("50 every 10", Every(50, 10)),
        ("99999 every 0.25s", Every(99_999, 0.25)),
        ("2\tevery 86400s", Every(2, 86_400)),
        ("0", End()),
    ],
)
def test_forms(text: str, meaning: object) -> None:
    assert parse(text) == meaning


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not a number of pictures, nor"),
        ("-1", "not a number of pictures"),
        ("1.5", "not a number of pictures"),
        ("one", "not a number of pictures"),
        ("1000", "1 to 999"),
        ("\u0661", "not a number of pictures"),
        ("\u00b2", "not a number of pictures"),
        ("0x1", "not a number of pictures"),
        ("+1", "not a number of pictures"),
        ("9" * 5000, "1 to 999"),
        ("every", "not a number of pictures"),
        ("bulb", "not a number of pictures"),
        ("1 1", "not a number of pictures, nor"),
        ("bulb -1", "not a number of seconds"),
        ("bulb 0", "more than 0"),
        ("bulb 0.0", "more than 0"),
        ("bulb 3600.5", "at most 3600"),
        ("bulb nan", "not a number of seconds"),
        ("bulb inf", "not a number of seconds"),
        ("bulb 1e3", "not a number of seconds"),
        ("bulb " + "9" * 5000, "at most 3600"),
        ("bulb 8 8", "not a number of pictures, nor"),
        ("bulb every 8s", "not a number of pictures"),
        ("5 every 0s", "more than 0"),
        ("5 every -1s", "not a number of seconds"),
        ("5 every 10m", "not a number of seconds"),
        ("5 every s", "not a number of seconds"),
        ("5 every 86401s", "at most 86400"),
        ("5 every", "not a number of pictures, nor"),
        ("every 5s", "not a number of pictures, nor"),
        ("0 every 5s", "1 to 99999"),
        ("100000 every 5s", "1 to 99999"),
        ("5 Every 5s", "not a number of pictures, nor"),
    ],
)
async def test_what_is_no_form(text: str, reason: str) -> None:
    field = Field()
    with pytest.raises(errors.InvalidValue, match=reason) as caught:
        await field.shooting.write(text)
    assert len(str(caught.value)) < 200
    assert field.camera.calls == []


async def test_bulb() -> None:
    field = Field()
    await field.shooting.write("bulb 8")
    assert field.exposures == [(0, 8)]
    assert field.shooting.paths == ["card/DCIM/P1.JPG"]
    assert field.shooting.status_lines() == []


async def test_a_series_begins_with_the_write_and_runs_on(autojump_clock: MockClock) -> None:
    field = Field()
    async with nursery() as work:
        work.start_soon(field.shooting.run)
        await field.shooting.write("4 every 10s")
        assert field.starts == [0]
        assert field.shooting.paths == ["card/DCIM/P1.JPG"]
        assert field.status == "1 of 4 taken, one each 10 s, the next in 10 s"
        await trio.sleep(13)
        assert field.shooting.paths == ["card/DCIM/P2.JPG"]
        assert field.status == "2 of 4 taken, one each 10 s, the next in 7 s"
        await trio.sleep(1000)
        assert field.starts == [0, 10, 20, 30]
        assert file_names(field.folder) == ["P1.JPG", "P2.JPG", "P3.JPG", "P4.JPG"]
        assert field.status == "4 of 4 taken, one each 10 s, over"
        assert b"capture: series 4 of 4 taken, one each 10 s, over\n" in field.events.text


async def test_another_series_after_it(autojump_clock: MockClock) -> None:
    field = Field()
    async with nursery() as work:
        work.start_soon(field.shooting.run)
        await field.shooting.write("2 every 5s")
        with pytest.raises(errors.Busy, match="1 of 2 taken"):
            await field.shooting.write("2 every 5s")
        await trio.sleep(100)
        await field.shooting.write("1 every 5s")
        await field.shooting.write("2 every 5s")
        await trio.sleep(100)
        assert field.starts == [0, 5, 100, 100, 105]


async def test_the_interval_counts_from_start_to_start_and_a_long_shot_misses_moments(
    autojump_clock: MockClock,
) -> None:
    field = Field()
    field.lasts = [3, 9.5, 25, 10, 0]
    async with nursery() as work:
        work.start_soon(field.shooting.run)
        await field.shooting.write("6 every 10s")
        assert trio.current_time() == pytest.approx(3)
        await trio.sleep(1000)
        assert field.starts == [0, 10, 20, 50, 60, 70]
        assert field.status == "6 of 6 taken, one each 10 s, 2 moments missed, over"


async def test_a_first_shot_that_fails_is_the_end(autojump_clock: MockClock) -> None:
    field = Field()
    field.fails[1] = errors.FocusFailed("no focus")
    async with nursery() as work:
        work.start_soon(field.shooting.run)
        with pytest.raises(errors.FocusFailed):
            await field.shooting.write("4 every 10s")
        await trio.sleep(100)
        assert field.starts == [0]
        assert field.shooting.status_lines() == []


async def test_a_later_shot_that_fails_is_told_and_the_series_goes_on(autojump_clock: MockClock) -> None:
    field = Field()
    field.fails[2] = errors.FocusFailed("no focus")
    field.fails[3] = errors.DeviceGone("the camera is gone")
    async with nursery() as work:
        work.start_soon(field.shooting.run)
        await field.shooting.write("5 every 10s")
        await trio.sleep(15)
        assert field.status == "1 of 5 taken, one each 10 s, 1 failed (the last: no focus), the next in 5 s"
        assert field.tree.last_error.endswith("shot 2 of 5 failed: no focus")
        assert b"capture: shot 2 of 5 failed: no focus\n" in field.events.text
        await trio.sleep(100)
        assert field.starts == [0, 10, 20, 30, 40]
        assert file_names(field.folder) == ["P1.JPG", "P4.JPG", "P5.JPG"]
        assert field.status == "3 of 5 taken, one each 10 s, 2 failed (the last: the camera is gone), over"


async def test_a_failure_that_does_not_pass_ends_a_series(autojump_clock: MockClock) -> None:
    field = Field()
    field.fails[3] = errors.StoreFull("the card is full")
    async with nursery() as work:
        work.start_soon(field.shooting.run)
        await field.shooting.write("5 every 10s")
        await trio.sleep(100)
        assert field.starts == [0, 10, 20]
        assert "1 failed (the last: the card is full), ended" in field.status


async def test_a_programming_error_does_not_stop_what_follows(autojump_clock: MockClock) -> None:
    field = Field()
    field.lasts = [0, -1]
    async with nursery() as work:
        work.start_soon(field.shooting.run)
        await field.shooting.write("3 every 10s")
        await trio.sleep(100)
        assert "2 of 3 taken, one each 10 s, 1 failed (the last: ValueError" in field.status


async def test_0_ends_a_series_and_a_shot_under_way_is_finished(autojump_clock: MockClock) -> None:
    field = Field()
    field.lasts = [0, 5]
    async with nursery() as work:
        work.start_soon(field.shooting.run)
        await field.shooting.write("5 every 10s")
        await trio.sleep(12)
        assert field.shooting.is_taking
        await field.shooting.write("0")
        assert trio.current_time() == pytest.approx(12)
        await trio.sleep(100)
        assert field.starts == [0, 10]
        assert file_names(field.folder) == ["P1.JPG", "P2.JPG"]
        assert field.status == "2 of 5 taken, one each 10 s, ended"
        await field.shooting.write("5 every 10s")
        await trio.sleep(3)
        await field.shooting.write("0")
        await trio.sleep(100)
        assert field.status == "1 of 5 taken, one each 10 s, ended"


async def test_0_ends_a_count_and_what_the_camera_does_by_itself(autojump_clock: MockClock) -> None:
    field = Field()
    field.lasts = [1] * 10
    async with nursery() as work:
        work.start_soon(field.shooting.run)
        ended: list[str] = []

        async def count() -> None:
            with pytest.raises(errors.Ended) as caught:
                await field.shooting.write("10")
            ended.append(str(caught.value))

        work.start_soon(count)
        await trio.sleep(2.5)
        await field.shooting.write("0")
        assert field.camera.count("stop_capture") == 1
        await trio.sleep(100)
        assert ended == ["ended after 3 of 10 pictures"]
        await field.shooting.write("0")


async def test_others_take_pictures_between_those_of_a_series(autojump_clock: MockClock) -> None:
    field = Field()
    field.lasts = [0, 0, 5]
    async with nursery() as work:
        work.start_soon(field.shooting.run)
        await field.shooting.write("3 every 10s")
        await trio.sleep(5)
        await field.shooting.write("1")
        await trio.sleep(6)
        assert field.starts == [0, 5, 10]
        await field.shooting.write("1")
        assert field.starts == [0, 5, 10, 15]
        await trio.sleep(100)
        assert field.starts == [0, 5, 10, 15, 20]


async def test_a_series_counts_from_its_first_shot_not_from_the_wait_for_it(autojump_clock: MockClock) -> None:
    field = Field()
    field.lasts = [7]
    async with nursery() as work:
        work.start_soon(field.shooting.run)
        work.start_soon(field.shooting.write, "1")
        await wait_all_tasks_blocked()
        await field.shooting.write("3 every 10s")
        await trio.sleep(100)
        assert field.starts == [0, 7, 17, 27]


async def test_the_end_of_the_mount_ends_a_series(autojump_clock: MockClock) -> None:
    field = Field()
    field.lasts = [0, 5]
    async with nursery() as work:
        work.start_soon(field.shooting.run)
        await field.shooting.write("5 every 10s")
        await trio.sleep(12)
        work.cancel_scope.cancel()
    await trio.sleep(100)
    assert field.starts == [0, 10]
    assert file_names(field.folder) == ["P1.JPG"]
    await wait_all_tasks_blocked()


async def test_a_camera_is_not_idle_between_the_shots_of_a_series(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, empty=True, idle=30) as rig, nursery() as work:
        shooting = Shooting(WatchedTree(rig.camera, work), EventLog())
        work.start_soon(shooting.run)
        await rig.camera.change_setting("iso", "400")
        await shooting.write("4 every 600s")
        await trio.sleep(1900)
        assert shooting.status_lines() == [("series", "4 of 4 taken, one each 600 s, over")]
        assert rig.operations().count("ConfigApi") == 1
        await trio.sleep(40)
        assert not rig.body.sigma.locked


async def test_the_camera_can_be_given_back_at_any_moment_of_a_series(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with rigged(tmp_path, empty=True, snap_time="1") as rig, nursery() as work:
        shooting = Shooting(WatchedTree(rig.camera, work), EventLog())
        work.start_soon(shooting.run)
        for moment in range(40):
            await shooting.write("100 every 5s")
            await trio.sleep(4 + moment / 20)
            await shooting.end()
            with trio.fail_after(60):
                await rig.camera.release_control()
            assert not rig.body.sigma.locked
            await trio.sleep(20)
            assert not rig.body.sigma.locked
