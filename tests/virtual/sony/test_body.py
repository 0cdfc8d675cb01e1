"""The emulated Sony, driven by a host that forgives nothing; its properties are compared with those of an A6000 and an A7S III."""

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.protocols.ptp.codes import Operation, ResponseCode
from camfs.protocols.ptp.datasets import Enumeration, ObjectInfo, decode_handles
from camfs.protocols.sony.codes import (
    DIRECT,
    DOWN,
    LIVE_VIEW,
    NEXT_SHOT,
    STEPWISE,
    UP,
    Button,
    SonyOperation,
    SonyProperty,
)
from camfs.protocols.sony.datasets import AllProperties, ExtDeviceInfo, PropertyState
from camfs.protocols.sony.live_view import decode_frame
from camfs.virtual import emulate
from camfs.virtual.sony import properties as own
from camfs.virtual.sony.body import SonyState, sony
from tests.cameras.rig import emulated, session_on
from tests.protocols.sony.samples import properties
from tests.virtual.maker_host import MakerHost


class Host(MakerHost):
    """The host and the body."""

    @property
    def body(self) -> SonyState:
        """What the camera has beyond PTP."""
        return sony(self.camera.state)

    async def connect(self) -> None:
        """Shake hands."""
        for phase in (1, 2, 3):
            assert await self.run(SonyOperation.Connect, phase, 0, 0) == bytes(8)

    async def state(self) -> dict[int, PropertyState]:
        """Ask for all properties."""
        reply = AllProperties.decode(await self.run(SonyOperation.GetAllDevicePropData))
        assert not reply.trouble
        return {entry.code: entry for entry in reply.entries}

    async def value(self, code: int) -> int:
        """Return the value of a property."""
        return (await self.state())[code].number

    async def press(self, button: int, state: int) -> None:
        """Press a button or let it go."""
        await self.run(SonyOperation.SetControlDeviceB, button, data=struct.pack("<H", state))

    async def shoot(self) -> None:
        """Take a picture, and wait until it is exposed."""
        for button, state in ((Button.Half, DOWN), (Button.Full, DOWN), (Button.Full, UP), (Button.Half, UP)):
            await self.press(button, state)
        await trio.sleep(2)


@asynccontextmanager
async def hosted(awkward: str = "", *, connected: bool = True) -> AsyncIterator[Host]:
    """Run an emulated Sony with a host."""
    options = {"awkward": awkward} if awkward else {}
    async with emulated("sony-alpha", empty=False, **options) as camera, session_on(camera) as session:
        host = Host(camera, session)
        if connected:
            await host.connect()
        yield host


@pytest.mark.parametrize(("table", "body"), [("STEPWISE_PROPERTIES", "a6000"), ("DIRECT_PROPERTIES", "a7sm3")])
def test_properties_are_those_of_a_real_body(table: str, body: str) -> None:
    real = properties(f"{body}-9209")
    for entry in getattr(own, table):
        if entry.code == SonyProperty.FreeShots:
            continue  # that body had no card
        assert entry.data_type == real[entry.code].data_type, f"{entry.code:04x}"
        assert type(entry.form) is type(real[entry.code].form), f"{entry.code:04x}"
        if isinstance(entry.form, Enumeration):
            theirs = real[entry.code]
            assert isinstance(theirs.form, Enumeration)
            known = set(theirs.known or theirs.form.values)
            if entry.code not in (SonyProperty.ExposureCompensation, SonyProperty.LiveViewState):
                assert set(entry.form.values) <= known, f"{entry.code:04x}"


def test_an_unknown_awkward_side() -> None:
    with pytest.raises(ValueError, match="none of backwards"):
        emulate("sony-alpha", {"awkward": "moody"})


async def test_nothing_before_the_handshake(jumping_clock: MockClock) -> None:
    async with hosted(connected=False) as host:
        for operation in (SonyOperation.GetAllDevicePropData, SonyOperation.GetExtDeviceInfo):
            assert await host.refused(operation) == ResponseCode.GeneralError
        assert await host.refused(SonyOperation.Connect, 3, 0, 0) == ResponseCode.GeneralError
        await host.connect()
        assert await host.state()


async def test_there_is_no_card(jumping_clock: MockClock) -> None:
    async with hosted() as host:
        assert decode_handles(await host.run(Operation.GetStorageIDs)) == ()
    async with hosted("pseudo") as host:
        (storage,) = decode_handles(await host.run(Operation.GetStorageIDs))
        assert decode_handles(await host.run(Operation.GetObjectHandles, storage, 0, 0xFFFFFFFF)) == ()


async def test_versions(jumping_clock: MockClock) -> None:
    async with hosted("empty:1") as host:
        assert await host.refused(SonyOperation.GetExtDeviceInfo, DIRECT) == ResponseCode.InvalidParameter
        assert await host.run(SonyOperation.GetExtDeviceInfo, STEPWISE) == b""
        info = ExtDeviceInfo.decode(await host.run(SonyOperation.GetExtDeviceInfo, STEPWISE))
        assert (info.version, set(info.controls)) == (STEPWISE, set(Button))
    async with hosted("modern") as host:
        assert ExtDeviceInfo.decode(await host.run(SonyOperation.GetExtDeviceInfo, DIRECT, 1)).version == DIRECT


async def test_reading_removes_and_counts_down(jumping_clock: MockClock) -> None:
    async with hosted() as host:
        await host.run(SonyOperation.SetControlDeviceA, SonyProperty.ImageQuality, data=b"\x13")
        await host.shoot()
        assert await host.value(SonyProperty.ObjectInMemory) == 0x8002
        names = []
        for left in (0x8001, 0):
            info = ObjectInfo.decode(await host.run(Operation.GetObjectInfo, NEXT_SHOT))
            names.append(info.filename)
            assert len(await host.run(Operation.GetObject, NEXT_SHOT)) == info.compressed_size
            assert await host.value(SonyProperty.ObjectInMemory) == left
        assert names == ["DSC00001.ARW", "DSC00001.JPG"]


async def test_reading_when_nothing_waits_hangs(jumping_clock: MockClock) -> None:
    async with hosted() as host:
        assert await host.refused(Operation.GetObjectInfo, NEXT_SHOT) == ResponseCode.InvalidObjectHandle
        with pytest.raises(errors.TransferTimeout):
            await host.session.transact(Operation.GetObject, NEXT_SHOT, timeout=2, repeatable=False)


async def test_writes_to_what_is_stepped_are_ignored(jumping_clock: MockClock) -> None:
    """As libgphoto2 sends them after it has stepped, and 0 to the exposure time, which would be bulb."""
    async with hosted() as host:
        for code, data in ((SonyProperty.Aperture, b"\x30\x02"), (SonyProperty.ShutterSpeed, bytes(4))):
            before = await host.value(code)
            await host.run(SonyOperation.SetControlDeviceA, code, data=data)
            assert await host.value(code) == before
        await host.run(SonyOperation.SetControlDeviceB, SonyProperty.Iso, data=b"\x05")
        assert await host.value(SonyProperty.Iso) == 200
        await host.run(SonyOperation.SetControlDeviceB, SonyProperty.ShutterSpeed, data=b"\xff")
        assert await host.value(SonyProperty.ShutterSpeed) == own.fraction_of(80)


async def test_steps_take_their_time(jumping_clock: MockClock) -> None:
    async with hosted("slow:0.7") as host:
        await host.run(SonyOperation.SetControlDeviceB, SonyProperty.Aperture, data=b"\x02")
        assert await host.value(SonyProperty.Aperture) == 500
        await trio.sleep(0.8)
        assert await host.value(SonyProperty.Aperture) == 560
        await trio.sleep(0.8)
        assert await host.value(SonyProperty.Aperture) == 630


async def test_bad_values(jumping_clock: MockClock) -> None:
    async with hosted("modern") as host:
        write = SonyOperation.SetControlDeviceA
        assert await host.refused(write, 0xD999, data=b"\1") == ResponseCode.DevicePropNotSupported
        assert await host.refused(write, SonyProperty.Iso, data=b"\1") == ResponseCode.InvalidDevicePropFormat
        assert await host.refused(write, SonyProperty.Iso, data=bytes(4)) == ResponseCode.InvalidDevicePropValue
        press = SonyOperation.SetControlDeviceB
        assert await host.refused(press, Button.Half, data=b"\1") == ResponseCode.InvalidDevicePropFormat
        assert await host.refused(press, Button.Half, data=b"\7\0") == ResponseCode.InvalidParameter
        assert await host.refused(press, 0xD999, data=b"\2\0") == ResponseCode.InvalidParameter


async def test_a_release_without_focus_takes_nothing(jumping_clock: MockClock) -> None:
    async with hosted("no_focus:1") as host:
        await host.press(Button.Half, DOWN)
        assert await host.value(SonyProperty.FocusFound) == 3
        await host.press(Button.Full, DOWN)
        await host.press(Button.Full, UP)
        await host.press(Button.Half, UP)
        await trio.sleep(5)
        assert await host.value(SonyProperty.ObjectInMemory) == 0
        await host.shoot()
        assert await host.value(SonyProperty.ObjectInMemory) == 0x8001


async def test_the_first_shot_is_lost_when_it_comes_early(jumping_clock: MockClock) -> None:
    async with hosted("early:3") as host:
        await host.shoot()
        assert await host.value(SonyProperty.ObjectInMemory) == 0
        await trio.sleep(3)
        await host.shoot()
        assert await host.value(SonyProperty.ObjectInMemory) == 0x8001


async def test_frames_that_are_asked_for_too_fast(jumping_clock: MockClock) -> None:
    async with hosted() as host:
        assert await host.refused(Operation.GetObject, LIVE_VIEW) == ResponseCode.InvalidObjectHandle
        await trio.sleep(0.1)
        assert decode_frame(await host.run(Operation.GetObject, LIVE_VIEW)).focus
        assert await host.refused(Operation.GetObject, LIVE_VIEW) == ResponseCode.AccessDenied
        assert ObjectInfo.decode(await host.run(Operation.GetObjectInfo, LIVE_VIEW)).compressed_size > 1000


async def test_the_end_of_the_session_gives_it_back(jumping_clock: MockClock) -> None:
    async with hosted() as host:
        await host.press(Button.Movie, DOWN)
        await host.shoot()
        await host.session.renew()
        assert host.body.phase == 0
        assert await host.refused(SonyOperation.GetAllDevicePropData) == ResponseCode.GeneralError
        await host.connect()
        state = await host.state()
        assert state[SonyProperty.MovieState].number == 0
        assert state[SonyProperty.ObjectInMemory].number == 0x8001
