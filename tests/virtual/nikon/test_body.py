"""The emulated Nikon, driven by a host that forgives nothing; its properties are compared with a real Z 6's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.protocols.nikon.codes import IN_MEMORY, WITH_AF, WITHOUT_AF, NikonEvent, NikonOperation, NikonResponse
from camfs.protocols.nikon.events import decode_events, decode_events_ex
from camfs.protocols.nikon.live_view import decode_frame
from camfs.protocols.nikon.property_codes import decode_property_codes
from camfs.protocols.ptp.codes import EventCode, Operation, ResponseCode
from camfs.protocols.ptp.datasets import DeviceInfo, DevicePropDesc, Enumeration, ObjectInfo
from camfs.protocols.ptp.messages import Event
from camfs.virtual import emulate
from camfs.virtual.nikon import properties as own
from camfs.virtual.nikon.body import NikonState, nikon
from tests.cameras.rig import emulated, session_on
from tests.protocols.nikon.samples import descriptions, table
from tests.virtual.maker_host import MakerHost

CARD, MEMORY = 0, 1


class Host(MakerHost):
    """The host and the body."""

    @property
    def body(self) -> NikonState:
        """What the camera has beyond PTP."""
        return nikon(self.camera.state)

    async def insist(self, operation: int, *parameters: int) -> list[int]:
        """Run an operation until it is done, and return how it was refused before."""
        codes: list[int] = []
        while True:
            try:
                await self.run(operation, *parameters)
                return codes
            except errors.Refused as error:
                codes.append(error.code or 0)
            assert len(codes) < 50
            await trio.sleep(0.1)

    async def shoot(self, target: int, focusing: int = WITHOUT_AF) -> None:
        """Take a picture and wait until the body is ready."""
        await self.insist(NikonOperation.InitiateCaptureRecInMedia, focusing, target)
        await self.insist(NikonOperation.DeviceReady)

    async def events(self) -> list[Event]:
        """Ask what has happened."""
        return list(decode_events_ex(await self.run(NikonOperation.GetEventEx)).events)

    async def describe(self, code: int) -> DevicePropDesc:
        """Describe a property."""
        return DevicePropDesc.decode(await self.run(Operation.GetDevicePropDesc, code))


@asynccontextmanager
async def hosted(*, empty: bool = True, operations: str = "", **options: str) -> AsyncIterator[Host]:
    """Run an emulated Nikon with a host."""
    async with (
        emulated("nikon", empty=empty, operations=operations, **options) as camera,
        session_on(camera) as session,
    ):
        yield Host(camera, session)


async def test_it_says_of_itself_what_a_z6_does(jumping_clock: MockClock) -> None:
    real = table("z6")["info"]
    async with hosted() as host:
        made = DeviceInfo.decode(await host.run(Operation.GetDeviceInfo))
        codes = decode_property_codes(await host.run(NikonOperation.GetVendorPropCodes), 2)
    assert {f"{code:04x}" for code in made.operations} <= set(real["operations"])
    assert {f"{code:04x}" for code in (*made.device_properties, *codes)} <= set(real["properties"])
    assert (made.manufacturer, made.model, made.vendor_extension_id) == ("Nikon Corporation", "Z 6", 6)
    assert not set(made.device_properties) & set(codes)


async def test_its_properties_are_those_of_a_z6(jumping_clock: MockClock) -> None:
    real = descriptions("z6")
    async with hosted() as host:
        for code in own.DESCRIPTIONS:
            made, theirs = await host.describe(code.code), real[code.code]
            assert made.data_type == theirs.data_type, hex(code.code)
            if code.code in (own.TIME, own.FRACTION, own.APERTURE, own.ISO, own.LONG_ISO):
                assert isinstance(made.form, Enumeration)
                assert isinstance(theirs.form, Enumeration)
                offered = [value for value in made.form.values if value not in own.SPECIAL]
                assert offered == [value for value in theirs.form.values if value not in own.SPECIAL], hex(code.code)
            elif code.code != own.CLOCK:
                assert type(made.form) is type(theirs.form), hex(code.code)


async def test_what_is_greyed_out(jumping_clock: MockClock) -> None:
    async with hosted() as host:
        assert await host.refused(Operation.SetDevicePropValue, own.MODE, data=b"\2\0") == ResponseCode.AccessDenied
        await host.run(NikonOperation.ChangeCameraMode, 1)
        for mode, aperture, time in ((1, True, True), (2, False, False), (3, True, False), (4, False, True)):
            await host.run(Operation.SetDevicePropValue, own.MODE, data=mode.to_bytes(2, "little"))
            assert (await host.describe(own.APERTURE)).writable == aperture
            assert (await host.describe(own.TIME)).writable == (await host.describe(own.FRACTION)).writable == time
        await host.run(NikonOperation.ChangeCameraMode, 0)
        assert not (await host.describe(own.MODE)).writable


async def test_what_is_there_twice_changes_together(jumping_clock: MockClock) -> None:
    async with hosted() as host:
        pairs = (
            (own.ISO, (800).to_bytes(2, "little"), own.LONG_ISO, 800),
            (own.LONG_ISO, (1600).to_bytes(4, "little"), own.ISO, 1600),
            (own.FRACTION, (0x1007D).to_bytes(4, "little"), own.TIME, 80),
            (own.TIME, (5000).to_bytes(4, "little"), own.FRACTION, 0x10002),
            (own.FRACTION, own.BULB.to_bytes(4, "little"), own.TIME, own.BULB),
        )
        for code, data, other, value in pairs:
            await host.run(Operation.SetDevicePropValue, code, data=data)
            assert (await host.describe(other)).current == value
        changed = [event.parameters[0] for event in await host.events()]
        assert changed[:4] == [own.ISO, own.LONG_ISO, own.LONG_ISO, own.ISO]


async def test_a_release_is_refused_before_it_is_done(jumping_clock: MockClock) -> None:
    async with hosted() as host:
        refused = await host.insist(NikonOperation.InitiateCaptureRecInMedia, WITHOUT_AF, CARD)
        assert refused == [ResponseCode.DeviceBusy, NikonResponse.InvalidStatus]
        waited = await host.insist(NikonOperation.DeviceReady)
        assert set(waited) == {ResponseCode.DeviceBusy}
        codes = [event.code for event in await host.events()]
        assert codes[-1] == EventCode.CaptureComplete
        assert EventCode.ObjectAdded in codes
        assert await host.events() == []


async def test_the_memory_hands_its_pictures_over_under_one_handle(jumping_clock: MockClock) -> None:
    async with hosted() as host:
        await host.shoot(MEMORY)
        await host.shoot(MEMORY)
        told = [event for event in await host.events() if event.code == NikonEvent.ObjectAddedInSDRAM]
        assert [event.parameters for event in told] == [(0,), (0,)]
        names = []
        for _ in told:
            info = ObjectInfo.decode(await host.run(Operation.GetObjectInfo, IN_MEMORY))
            data = await host.run(Operation.GetObject, IN_MEMORY)
            assert len(data) == info.compressed_size
            assert await host.run(Operation.GetPartialObject, IN_MEMORY, 2, 5) == data[2:7]
            await host.run(Operation.DeleteObject, IN_MEMORY, 0)
            names.append(info.filename)
        assert names == ["DSC_0001.JPG", "DSC_0002.JPG"]
        for operation in (Operation.GetObjectInfo, Operation.GetObject, Operation.DeleteObject):
            assert await host.refused(operation, IN_MEMORY) == ResponseCode.InvalidObjectHandle


async def test_the_session_takes_the_memory_with_it(jumping_clock: MockClock) -> None:
    async with hosted() as host:
        await host.run(NikonOperation.ChangeCameraMode, 1)
        await host.shoot(MEMORY)
        host.camera.responder.close_session()
        assert (host.body.memory, host.body.lost, host.body.controlled) == ([], ["DSC_0001.JPG"], False)


async def test_both_lists_of_events(jumping_clock: MockClock) -> None:
    async with hosted() as host:
        host.body.press_shutter()
        codes = [event.code for event in decode_events(await host.run(NikonOperation.CheckEvent)).events]
        assert codes[-1] == EventCode.CaptureComplete
        assert await host.run(NikonOperation.CheckEvent) == b"\0\0"
        assert await host.run(NikonOperation.GetEventEx) == bytes(4)


async def test_focus(jumping_clock: MockClock) -> None:
    async with hosted(awkward="no_focus:2,busy:0") as host:
        await host.run(NikonOperation.AfDrive)
        assert await host.refused(NikonOperation.DeviceReady) == NikonResponse.OutOfFocus
        await host.run(NikonOperation.InitiateCaptureRecInMedia, WITH_AF, CARD)
        assert await host.refused(NikonOperation.DeviceReady) == NikonResponse.OutOfFocus
        assert [event for event in await host.events() if event.code == EventCode.ObjectAdded] == []
        assert await host.refused(NikonOperation.MfDrive, 2, 10) == NikonResponse.NotLiveView
        await host.run(NikonOperation.StartLiveView)
        await host.run(NikonOperation.MfDrive, 2, 10)
        assert await host.refused(NikonOperation.MfDrive, 1, 11) == NikonResponse.MfDriveStepEnd
        assert await host.refused(NikonOperation.MfDrive, 3, 11) == ResponseCode.InvalidParameter


async def test_live_view(jumping_clock: MockClock) -> None:
    async with hosted() as host:
        assert await host.refused(NikonOperation.GetLiveViewImage) == NikonResponse.NotLiveView
        await host.run(NikonOperation.EndLiveView)
        await host.run(NikonOperation.StartLiveView)
        frame = decode_frame(await host.run(NikonOperation.GetLiveViewImage))
        assert list(frame.sizes) == [640, 424, 640, 424]
        assert await host.refused(NikonOperation.GetLiveViewImage) == ResponseCode.DeviceBusy
        await host.run(NikonOperation.EndLiveView)
        assert NikonEvent.LiveViewStateChanged in [event.code for event in await host.events()]


async def test_a_movie_needs_live_view_and_the_application(jumping_clock: MockClock) -> None:
    async with hosted() as host:
        assert await host.refused(NikonOperation.StartMovieRecInCard) == NikonResponse.NotLiveView
        await host.run(NikonOperation.StartLiveView)
        assert await host.refused(NikonOperation.StartMovieRecInCard) == NikonResponse.InvalidStatus
        await host.run(Operation.SetDevicePropValue, own.APPLICATION, data=b"\1")
        await host.run(NikonOperation.StartMovieRecInCard)
        await host.run(NikonOperation.EndMovieRec)
        assert await host.refused(NikonOperation.EndMovieRec) == NikonResponse.InvalidStatus
        assert NikonEvent.MovieRecordComplete in [event.code for event in await host.events()]


async def test_bulb(jumping_clock: MockClock) -> None:
    async with hosted(awkward="busy:0") as host:
        await host.run(Operation.SetDevicePropValue, own.TIME, data=own.BULB.to_bytes(4, "little"))
        refused = await host.refused(NikonOperation.InitiateCaptureRecInMedia, WITHOUT_AF, CARD)
        assert refused == NikonResponse.ShutterSpeedBulb
        await host.run(NikonOperation.ChangeCameraMode, 1)
        await host.run(NikonOperation.InitiateCaptureRecInMedia, WITHOUT_AF, CARD)
        assert await host.refused(NikonOperation.DeviceReady) == NikonResponse.BulbReleaseBusy
        await host.run(NikonOperation.TerminateCapture, 0, 0)
        await host.insist(NikonOperation.DeviceReady)
        assert await host.refused(NikonOperation.TerminateCapture) == ResponseCode.CaptureAlreadyTerminated


async def test_a_list_of_properties_with_long_codes(jumping_clock: MockClock) -> None:
    async with hosted(operations="-90CA,+9439") as host:
        codes = decode_property_codes(await host.run(NikonOperation.GetVendorCodes, 0x0D), 4)
        assert codes[-1] == 0x1D003
        assert await host.refused(NikonOperation.GetVendorCodes, 1) == ResponseCode.InvalidParameter
        assert await host.refused(NikonOperation.GetVendorPropCodes) == ResponseCode.OperationNotSupported


async def test_the_photographer_takes_a_picture(jumping_clock: MockClock) -> None:
    async with hosted(awkward="press:5") as host:
        await host.run(Operation.GetStorageIDs)
        await trio.sleep(6)
        assert host.camera.card.find("DCIM/100NZ6__/DSC_0001.JPG")


@pytest.mark.parametrize("value", ["slow", "busy:many", "busy:-1"])
def test_awkward_sides_that_there_are_none_of(value: str) -> None:
    with pytest.raises(ValueError, match="awkward"):
        emulate("nikon", {"awkward": value})
