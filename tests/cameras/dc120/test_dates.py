"""The date of a picture: asked for with its first packet, when somebody wants it and nothing else goes on."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import pytest
import trio
import trio.testing

from camfs import errors
from camfs.cameras.dc120.contents import PictureKey
from camfs.cameras.dc120.downloads import DATE_TIME, REST
from camfs.protocols.dc120.commands import Code
from camfs.virtual.dc120 import FaultKind
from camfs.virtual.dc120.store import StoredPicture
from tests.cameras.dc120.rig import Rig, picture, rigged, showing, stored

Clock = trio.testing.MockClock


def taken(number: int) -> int:
    """Return the date of a generated picture, in nanoseconds."""
    return int(datetime(1998, 1, 1, 0, number, tzinfo=UTC).timestamp()) * 1_000_000_000


async def transfers(rig: Rig) -> int:
    await rig.settle()
    return rig.operations().count("GET_MEMORY_FILE")


async def test_a_date_costs_one_packet_once(jumping_clock: Clock) -> None:
    async with rigged([stored(1), stored(2)]) as rig:
        entry = await rig.entry(1)
        assert not entry.date_is_exact
        await transfers(rig)
        found = await rig.camera.measure(entry, reading=False)
        assert found == replace(entry, mtime_ns=taken(1), date_is_exact=True)
        assert rig.camera._downloads.of(entry).received == 1024
        assert await transfers(rig) == 1
        assert await rig.entry(1) == found
        assert await rig.camera.measure(found, reading=False) == found
        assert await transfers(rig) == 0
        assert await rig.read(found) == picture(1)


async def test_who_reads_a_picture_needs_not_ask(jumping_clock: Clock) -> None:
    async with rigged([stored(1)]) as rig:
        entry = await rig.entry(1)
        assert await rig.camera.measure(entry, reading=True) == entry
        assert await transfers(rig) == 0
        await rig.read(entry)
        assert await rig.entry(1) == replace(entry, mtime_ns=taken(1), date_is_exact=True)


async def test_no_date_is_asked_for_while_the_line_is_busy(jumping_clock: Clock) -> None:
    async with rigged([stored(1), stored(2)], throttled=True) as rig:
        one, two = await rig.entries()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(rig.read, one)
            await trio.sleep(1)
            begun = trio.current_time()
            assert await rig.camera.measure(two, reading=False) == two
            assert trio.current_time() == begun
        assert (await rig.camera.measure(two, reading=False)).mtime_ns == taken(2)


async def test_a_file_without_a_date(jumping_clock: Clock) -> None:
    async with rigged([StoredPicture("A.JPG", showing(b"\xff\xd8\xff" + bytes(5000)), 0)]) as rig:
        (entry,) = await rig.entries()
        found = await rig.camera.measure(entry, reading=False)
        assert found == replace(entry, date_is_exact=True)
        await transfers(rig)
        assert await rig.camera.measure(found, reading=False) == found
        assert await transfers(rig) == 0


async def test_a_camera_that_does_not_tell_is_not_asked_for_each_picture(jumping_clock: Clock) -> None:
    async with rigged([stored(number) for number in range(1, 9)]) as rig:
        entries = await rig.entries()
        fault = rig.fail(FaultKind.IGNORE, Code.GET_MEMORY_FILE, times=None)
        begun = trio.current_time()
        for entry in entries:
            assert await rig.camera.measure(entry, reading=False) == entry
        assert trio.current_time() - begun <= DATE_TIME + 1
        rig.emulated.faults.remove(fault)
        await trio.sleep(REST)
        assert (await rig.camera.measure(entries[3], reading=False)).mtime_ns == taken(4)


async def test_a_picture_that_is_gone_keeps_nobody_from_the_dates_of_others(jumping_clock: Clock) -> None:
    async with rigged([stored(1), stored(2)]) as rig:
        one, two = await rig.entries()
        gone = replace(one, key=cast(PictureKey, one.key)._replace(name="P000009.KDC"))
        assert await rig.camera.measure(gone, reading=False) == gone
        assert (await rig.camera.measure(two, reading=False)).mtime_ns == taken(2)


async def test_a_camera_that_has_left(jumping_clock: Clock) -> None:
    async with rigged([stored(1)]) as rig:
        entry = await rig.entry(1)
        rig.cable.unplug()
        with pytest.raises(errors.DeviceGone):
            await rig.camera.measure(entry, reading=False)
