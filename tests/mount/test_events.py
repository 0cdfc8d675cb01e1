"""`.events`: a bounded log of lines, read to its newest, and who waits for the next."""

import errno
import select
from datetime import UTC, datetime

import pytest
import trio
from trio.testing import MockClock

from camfs.cameras.api import Happened, Key
from camfs.mount import events
from camfs.mount.errnos import BadRequest
from camfs.mount.events import EventLog, EventsFile, line_of
from tests.cameras.scripted import ScriptedCamera, Thing
from tests.mount.rig import WatchedTree, at, dcim

NOON = datetime(2026, 11, 19, 12, 0, tzinfo=UTC)


def test_events_are_lines_with_their_time() -> None:
    log = EventLog()
    log.add("ObjectAdded 0x00000001", NOON)
    assert log.text == b"2026-11-19T12:00:00.000+00:00 ObjectAdded 0x00000001\n"
    assert log.changed_ns == NOON.timestamp() * 1e9
    assert log.written == len(log.text)


def test_the_log_of_events_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_EVENTS", 10_000)
    log = EventLog()
    total = 0
    for number in range(2000):
        before = log.written
        log.add(f"event {number} " + "x" * (number % 300), NOON)
        total += log.written - before
        assert len(log.text) <= 10_000
        lines = bytes(log.text).decode().splitlines()
        assert lines[-1].startswith(f"2026-11-19T12:00:00.000+00:00 event {number} ")
        assert all(line.startswith("2026-") for line in lines)
    assert log.written == total > 100_000


def test_a_line_longer_than_the_whole_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_EVENTS", 1000)
    log = EventLog()
    log.add("short", NOON)
    log.add("x" * 5000, NOON)
    log.add("after", NOON)
    assert len(log.text) <= 1000
    assert log.text.endswith(b"after\n")


def test_those_who_wait_are_woken_once() -> None:
    log = EventLog()
    woken: list[int] = []
    for handle in (1, 2, 2):
        log.waiters[handle] = lambda handle=handle: woken.append(handle)  # type: ignore[misc]
    log.add("one", NOON)
    log.add("two", NOON)
    assert woken == [1, 2]
    assert log.waiters == {}


def events_file(log: EventLog) -> EventsFile:
    tree = WatchedTree(ScriptedCamera())
    return EventsFile(tree, tree.root, b".events", log)


async def test_the_file() -> None:
    log = EventLog()
    file = events_file(log)
    handle = await file.open(writing=False)
    assert handle.direct_io
    assert (await file.attributes()).size == 0
    assert await handle.read(0, 100) == b""
    log.add("one", NOON)
    shown = await file.attributes()
    assert (shown.permissions, shown.mtime_ns, shown.lasting) == (0o444, log.changed_ns, False)
    size = shown.size
    whole = await handle.read(0, 1000)
    assert len(whole) == size
    assert bytes(whole).endswith(b" one\n")
    assert await handle.read(size - 4, 100) == b"one\n"
    assert await handle.read(size, 100) == b""


async def test_it_cannot_be_written() -> None:
    file = events_file(EventLog())
    with pytest.raises(BadRequest) as caught:
        await file.open(writing=True)
    assert caught.value.errno == errno.EACCES
    with pytest.raises(BadRequest) as caught:
        await (await file.open(writing=False)).write(b"1")
    assert caught.value.errno == errno.EBADF


async def test_it_is_readable_when_there_is_more_than_was_read() -> None:
    log = EventLog()
    log.add("before", NOON)
    handle = await events_file(log).open(writing=False)
    assert handle.poll(None) == select.POLLIN
    await handle.read(0, 5)
    assert handle.poll(None) == select.POLLIN
    await handle.read(5, 1000)
    assert handle.poll(None) == 0
    assert log.waiters == {}
    woken: list[int] = []
    assert handle.poll(lambda: woken.append(1)) == 0
    log.add("after", NOON)
    assert woken == [1]
    assert handle.poll(None) == select.POLLIN


async def test_who_has_closed_it_is_not_woken() -> None:
    log = EventLog()
    file = events_file(log)
    one, other = await file.open(writing=False), await file.open(writing=False)
    woken: list[str] = []
    one.poll(lambda: woken.append("one"))
    other.poll(lambda: woken.append("other"))
    await one.close()
    log.add("line", NOON)
    assert woken == ["other"]


def happened(thing: Thing, *, is_new: bool = False) -> Happened:
    return Happened("added" if is_new else "removed", f"Raw 0x{thing.number:02X}", (thing.number,), is_new)


async def test_a_line_says_where_what_happened_lies() -> None:
    """Whether anybody has looked there before or not; of what was just removed, too."""
    camera = ScriptedCamera()
    folder = dcim(camera)
    tree = WatchedTree(camera)
    picture = folder.inside[0]
    raw = f"(Raw 0x{picture.number:02X})"
    assert await line_of(tree, happened(picture)) == f"removed {raw}"
    assert await line_of(tree, happened(picture, is_new=True)) == f"added card/DCIM/P1.JPG {raw}"
    assert await line_of(tree, happened(picture)) == f"removed card/DCIM/P1.JPG {raw}"
    tree.remove(await at(tree, "card/DCIM/P1.JPG"), kernel_knows=True)
    assert await line_of(tree, happened(picture)) == f"removed card/DCIM/P1.JPG {raw}"
    assert await line_of(tree, Happened("capture complete")) == "capture complete"
    assert await line_of(tree, Happened("setting iso 400", "Code 1")) == "setting iso 400 (Code 1)"


async def test_a_line_does_not_wait_for_its_path_for_ever(autojump_clock: MockClock) -> None:
    camera = ScriptedCamera()
    picture = dcim(camera).inside[0]
    tree = WatchedTree(camera)

    async def silent(call: str, _key: Key | None) -> None:
        if call == "locate":
            await trio.sleep_forever()

    camera.before = silent
    assert await line_of(tree, happened(picture, is_new=True)) == f"added (Raw 0x{picture.number:02X})"
    assert tree.last_error == ""


async def test_a_line_about_what_the_camera_does_not_show() -> None:
    camera = ScriptedCamera()
    tree = WatchedTree(camera)
    picture = dcim(camera).inside[0]
    camera.remove(picture)
    assert await line_of(tree, happened(picture, is_new=True)) == f"added (Raw 0x{picture.number:02X})"
