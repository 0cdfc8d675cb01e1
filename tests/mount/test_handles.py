"""Handles: contents that stay the same until they are written, and directories that are listed when they are read."""

import errno
import select

import pytest

from camfs import errors
from camfs.mount.errnos import BadRequest
from camfs.mount.handles import ContentsHandle, DirectoryHandle, Handle
from tests.cameras.scripted import ScriptedCamera
from tests.mount.rig import WatchedTree, dcim


class Value:
    """What a control file reads and writes."""

    def __init__(self) -> None:
        self.text = b"100\n"
        self.fetched = 0

    async def fetch(self) -> bytes:
        self.fetched += 1
        return self.text

    async def command(self, data: bytes) -> None:
        if data == b"bad":
            raise errors.InvalidValue("bad")
        self.text = data


async def test_contents_are_fetched_by_the_first_read() -> None:
    value = Value()
    handle = ContentsHandle(value.fetch)
    assert value.fetched == 0
    assert await handle.read(0, 2) == b"10"
    value.text = b"200\n"
    assert await handle.read(2, 10) == b"0\n"
    assert await handle.read(4, 10) == b""
    assert value.fetched == 1
    assert await ContentsHandle(value.fetch).read(0, 10) == b"200\n"


async def test_contents_are_fetched_again_after_a_command_that_worked() -> None:
    value = Value()
    handle = ContentsHandle(value.fetch, value.command)
    await handle.read(0, 10)
    with pytest.raises(errors.InvalidValue):
        await handle.write(b"bad")
    await handle.read(0, 10)
    assert value.fetched == 1
    await handle.write(b"400\n")
    assert await handle.read(0, 10) == b"400\n"


async def test_what_takes_no_command() -> None:
    for handle in (Handle(), ContentsHandle(Value().fetch)):
        with pytest.raises(BadRequest) as caught:
            await handle.write(b"1")
        assert caught.value.errno == errno.EBADF
        assert handle.poll(None) == select.POLLIN | select.POLLOUT
        await handle.close()


async def test_a_directory_is_listed_when_it_is_read() -> None:
    camera = ScriptedCamera()
    dcim(camera)
    handle = DirectoryHandle(WatchedTree(camera).root)
    assert camera.calls == []
    found = await handle.next(0)
    assert found is not None
    assert found[1].name == b"card"
    assert await handle.next(found[0]) is None
    assert camera.count("list") == 1
