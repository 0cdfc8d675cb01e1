"""The emulated EOS body, driven by a host that forgives nothing; what it says is compared with a real 60D where that is possible."""

import struct

import pytest
import trio
from trio.testing import MockClock

from camfs.errors import DeviceGone
from camfs.protocols.canon_eos.codes import CanonOperation, CanonResponse, Property, Record
from camfs.protocols.canon_eos.datasets import DeviceInfoEx, ObjectEntry
from camfs.protocols.canon_eos.events import (
    LIST,
    ChoicesChanged,
    Numbered,
    ObjectOnCard,
    OnlineInfo,
    PropertyChanged,
    TransferRequested,
)
from camfs.protocols.canon_eos.frames import picture_of
from camfs.protocols.canon_eos.online import has_focused
from camfs.protocols.canon_eos.records import END
from camfs.protocols.ptp.codes import Operation, ResponseCode
from camfs.protocols.ptp.datasets import DeviceInfo, StorageInfo
from camfs.virtual import emulate
from tests.protocols.canon_eos.payloads import payload
from tests.protocols.canon_eos.test_settings import state_of
from tests.virtual.canon_eos.host import hosted


async def test_it_says_of_itself_what_a_60d_does(jumping_clock: MockClock) -> None:
    real = DeviceInfo.decode(payload("eos-60d-a-1001-01"))
    async with hosted() as host:
        made = DeviceInfo.decode(await host.run(Operation.GetDeviceInfo))
    assert set(made.operations) == set(real.operations)
    assert set(made.events) == set(real.events)
    assert (made.manufacturer, made.model, made.vendor_extension_id) == (real.manufacturer, real.model, 6)


async def test_its_first_reply_is_like_a_real_one(jumping_clock: MockClock) -> None:
    real, real_lists = state_of(payload("eos60d-b-9116-01"))
    async with hosted() as host:
        await host.run(CanonOperation.SetRemoteMode, 1)
        await host.run(CanonOperation.SetEventMode, 1)
        made, made_lists = state_of(await host.run(CanonOperation.GetEvent))
        assert await host.run(CanonOperation.GetEvent) == END
    theirs = set(real) - {0xD11E}
    assert len(set(made) & theirs) >= 30
    assert {code for code in made if code not in real} <= {Property.OnlineInfoVersion}
    for code in set(made) & theirs:
        assert len(made[code]) == len(real[code]) or code in (Property.ImageFormat, 0xD1A1), hex(code)
    for code in (Property.Aperture, Property.Iso, Property.CaptureDestination):
        assert set(made_lists[code]) <= set(real_lists[code]) | {b"\x25\0\0\0", b"\x28\0\0\0"}, hex(code)


async def test_without_the_remote_state_nothing_is_done(jumping_clock: MockClock) -> None:
    async with hosted() as host:
        for operation in (
            CanonOperation.GetEvent,
            CanonOperation.RemoteReleaseOn,
            CanonOperation.GetViewFinderData,
            CanonOperation.PCHDDCapacity,
        ):
            assert await host.refused(operation, 1) == ResponseCode.GeneralError
        assert host.body.keys_are_alive
        await host.tether()
        assert not host.body.keys_are_alive
        await host.run(CanonOperation.SetRemoteMode, 0)
        assert await host.refused(CanonOperation.GetEvent) == ResponseCode.GeneralError
        assert host.body.keys_are_alive


async def test_the_end_of_a_session_leaves_it_as_it_is(jumping_clock: MockClock) -> None:
    async with hosted() as host:
        await host.tether()
        await host.session.close()
        assert not host.body.keys_are_alive
        await host.session.open()
        assert await host.events() == []


async def test_properties_obey_their_lists(jumping_clock: MockClock) -> None:
    async with hosted() as host:
        await host.tether()
        await host.write(Property.Iso, 0x58)
        assert await host.events() == [PropertyChanged(Property.Iso, struct.pack("<I", 0x58))]
        for code, number in ((Property.Iso, 0x59), (Property.ExposureMode, 1), (0xD104, 3)):
            data = struct.pack("<III", 12, code, number)
            assert await host.refused(CanonOperation.SetDevicePropValueEx, data=data) == ResponseCode.DeviceBusy
        bad = struct.pack("<III", 99, Property.Iso, 0x58)
        assert await host.refused(CanonOperation.SetDevicePropValueEx, data=bad) == ResponseCode.InvalidParameter
        unknown = struct.pack("<III", 12, 0xD1FF, 1)
        assert await host.refused(CanonOperation.SetDevicePropValueEx, data=unknown)


@pytest.mark.parametrize(
    ("dial", "grey"),
    [
        ("program", {Property.Aperture, Property.ShutterSpeed}),
        ("aperture-priority", {Property.ShutterSpeed}),
        ("shutter-priority", {Property.Aperture}),
        ("manual", {0xD104}),
        ("bulb", {Property.ShutterSpeed, 0xD104}),
        ("auto", {Property.Aperture, Property.ShutterSpeed, 0xD104, Property.Iso}),
    ],
)
async def test_the_dial_greys_lists_out(jumping_clock: MockClock, dial: str, grey: set[int]) -> None:
    exposure = {Property.Aperture, Property.ShutterSpeed, 0xD104, Property.Iso}
    async with hosted(settings=f"exposure-mode:{dial}") as host:
        lists = {e.code: e.count for e in await host.tether() if isinstance(e, ChoicesChanged) and e.kind == LIST}
        assert {code for code in exposure if not lists[code]} == grey


async def test_turning_the_dial_tells_the_lists_that_change(jumping_clock: MockClock) -> None:
    async with hosted() as host:
        await host.tether()
        host.body.turn_dial("aperture-priority")
        told = await host.events()
        assert PropertyChanged(Property.ExposureMode, struct.pack("<I", 2)) in told
        assert {e.code for e in told if isinstance(e, ChoicesChanged)} == {Property.ShutterSpeed, 0xD104}


async def test_texts_come_when_they_are_asked_for(jumping_clock: MockClock) -> None:
    async with hosted() as host:
        first = await host.tether()
        assert Property.Artist not in {e.code for e in first if isinstance(e, PropertyChanged)}
        await host.run(CanonOperation.RequestDevicePropValue, Property.Artist)
        assert await host.events() == [PropertyChanged(Property.Artist, b"\0")]
        assert await host.refused(CanonOperation.RequestDevicePropValue, 0xD1FF) == ResponseCode.GeneralError


async def test_a_picture_to_the_card(jumping_clock: MockClock) -> None:
    async with hosted() as host:
        await host.tether()
        await host.run(CanonOperation.RemoteReleaseOn, 1, 0)
        (info,) = await host.events()
        assert isinstance(info, OnlineInfo)
        assert has_focused(info, 7)
        await host.run(CanonOperation.RemoteReleaseOn, 2, 0)
        assert await host.refused(CanonOperation.RemoteReleaseOn, 1, 0) == ResponseCode.DeviceBusy
        await host.run(CanonOperation.RemoteReleaseOff, 2)
        await host.run(CanonOperation.RemoteReleaseOff, 1)
        await trio.sleep(1)
        told = await host.events()
        assert told[0] == Numbered(Record.CameraStatus, 1)
        assert told[-1] == Numbered(Record.CameraStatus, 0)
        added = [event for event in told if isinstance(event, ObjectOnCard)]
        assert [event.object_format for event in added] == [0x3001, 0x3001, 0x3801]
        assert len(await host.run(Operation.GetObject, added[-1].handle)) == added[-1].size


async def test_a_picture_to_the_computer(jumping_clock: MockClock) -> None:
    async with hosted() as host:
        await host.tether()
        await host.write(Property.CaptureDestination, 4)
        assert await host.refused(CanonOperation.RemoteReleaseOn, 2, 1) == CanonResponse.ObjectNotReady
        await host.run(CanonOperation.PCHDDCapacity, 0x0FFFFFFF, 0x1000, 1)
        shots = [
            e.value for e in await host.events() if isinstance(e, PropertyChanged) and e.code == Property.ShotsLeft
        ]
        assert [int.from_bytes(value, "little") for value in shots] == [0, 4096]
        await host.run(CanonOperation.RemoteReleaseOn, 2, 1)
        await trio.sleep(1)
        (request,) = [event for event in await host.events() if isinstance(event, TransferRequested)]
        assert await host.refused(Operation.GetObjectInfo, request.handle) == ResponseCode.InvalidObjectHandle
        assert await host.refused(CanonOperation.RemoteReleaseOn, 2, 1) == ResponseCode.DeviceBusy
        whole = await host.run(Operation.GetObject, request.handle)
        assert len(whole) == request.size
        assert await host.run(Operation.GetPartialObject, request.handle, 10, 20) == whole[10:30]
        assert await host.run(CanonOperation.CanonGetPartialObject, request.handle, 10, 20) == whole[10:30]
        await host.run(CanonOperation.TransferComplete, request.handle)
        assert await host.refused(CanonOperation.TransferComplete, request.handle) == ResponseCode.InvalidObjectHandle
        assert await host.refused(Operation.GetObject, request.handle) == ResponseCode.InvalidObjectHandle
        assert await host.events() == [Numbered(Record.CameraStatus, 0)]
        assert not list(host.camera.card.root.children)


async def test_a_waiting_shot_is_announced_again_after_the_body_was_taken_anew(jumping_clock: MockClock) -> None:
    async with hosted() as host:
        await host.tether()
        await host.write(Property.CaptureDestination, 4)
        host.body.press_shutter()
        (before,) = [event for event in await host.events() if isinstance(event, TransferRequested)]
        (after,) = [event for event in await host.tether() if isinstance(event, TransferRequested)]
        assert before == after


async def test_records_come_in_pieces(jumping_clock: MockClock) -> None:
    async with hosted(pieces="10") as host:
        counts = [len(await host.tether())] + [len(await host.events()) for _ in range(8)]
        assert counts == [10, 0, 10, 0, 10, 0, 10, 0, 10]


async def test_an_object_that_is_announced_too_early(jumping_clock: MockClock) -> None:
    async with hosted(late="2") as host:
        await host.tether()
        host.body.press_shutter()
        added = [event for event in await host.events() if isinstance(event, ObjectOnCard)][-1]
        assert await host.refused(Operation.GetObjectInfo, added.handle) == ResponseCode.InvalidObjectHandle
        await trio.sleep(3)
        assert await host.run(Operation.GetObjectInfo, added.handle)


async def test_the_card_in_canons_way(jumping_clock: MockClock) -> None:
    async with hosted(empty=False) as host:
        assert await host.run(CanonOperation.CanonGetStorageIDs) == payload("eos-60d-a-9101-01")
        info = await host.run(CanonOperation.CanonGetStorageInfo, 0x20001)
        assert StorageInfo.decode(info).max_capacity > 0
        (dcim,) = ObjectEntry.decode_list(await host.run(CanonOperation.GetObjectInfoEx, 0x20001, 0xFFFFFFFF, 0x100000))
        assert dcim.name == "DCIM"
        (folder,) = ObjectEntry.decode_list(
            await host.run(CanonOperation.GetObjectInfoEx, 0x20001, dcim.handle, 0x100000)
        )
        files = ObjectEntry.decode_list(
            await host.run(CanonOperation.GetObjectInfoEx, 0x20001, folder.handle, 0x100000)
        )
        assert sorted(entry.name for entry in files) == [f"IMG_000{number}.JPG" for number in range(1, 5)]
        DeviceInfoEx.decode(await host.run(CanonOperation.GetDeviceInfoEx))


async def test_live_view(jumping_clock: MockClock) -> None:
    async with hosted() as host:
        await host.tether()
        assert await host.refused(CanonOperation.GetViewFinderData, 0x200000) == ResponseCode.DeviceBusy
        assert await host.refused(CanonOperation.DriveLens, 1) == ResponseCode.GeneralError
        await host.write(Property.EvfOutput, 2)
        for _ in range(2):
            assert await host.refused(CanonOperation.GetViewFinderData, 0x200000) == CanonResponse.ObjectNotReady
        frames = [picture_of(await host.run(CanonOperation.GetViewFinderData, 0x200000)) for _ in range(2)]
        assert frames[0] != frames[1]
        await host.run(CanonOperation.DriveLens, 0x8003)
        assert await host.refused(CanonOperation.DriveLens, 4) == ResponseCode.InvalidParameter


async def test_it_switches_itself_off(jumping_clock: MockClock) -> None:
    async with hosted(auto_off="20") as host:
        await host.tether()
        await trio.sleep(15)
        await host.run(CanonOperation.KeepDeviceOn)
        await trio.sleep(15)
        await host.events()
        await trio.sleep(30)
        with pytest.raises(DeviceGone):
            await host.events()
        host.camera.power_cycle()
        assert host.body.keys_are_alive


async def test_the_photographer_presses_the_button(jumping_clock: MockClock) -> None:
    async with hosted(presses="1") as host:
        await host.tether()
        await trio.sleep(2)
        assert any(isinstance(event, ObjectOnCard) for event in await host.events())
        assert not any(isinstance(event, ObjectOnCard) for event in await host.events())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pieces", "0"),
        ("pieces", "many"),
        ("failures", "rain"),
        ("settings", "iso:fast"),
        ("settings", "shutter-count:1"),
        ("settings", "iso"),
        ("records", "16"),
        ("late", "-1"),
        ("auto_off", "soon"),
        ("forgets_session", "perhaps"),
        ("firmware", "V84"),
    ],
)
def test_options_that_cannot_be(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name if name != "settings" else "iso|shutter-count|fast"):
        emulate("canon-eos", {name: value})
