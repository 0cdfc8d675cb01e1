"""Events: what each changes, that each is told of, and that none, nor any nonsense in their place, stops the others."""

from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from camfs import errors
from camfs.cameras.api import Change, EntryChanged, EntryGone, FolderChanged, Gone, Happened, KeyReused
from camfs.cameras.ptp.events import WAITS
from camfs.cameras.ptp.objects import ObjectKey
from camfs.protocols.ptp.codes import ROOT, EventCode, ObjectHandle, Operation, ResponseCode
from camfs.protocols.ptp.containers import encode_event
from camfs.protocols.ptp.messages import Event
from camfs.virtual.ptp.faults import FaultKind
from tests.cameras.rig import CARD, CARD_ROOT, MEMORY, Rig, forge, rigged
from tests.zeros import Zeros


async def send(rig: Rig, code: int, *parameters: int, transaction_id: int = 0xFFFFFFFF) -> None:
    """Have the camera send an event, whatever it lists."""
    rig.body.state.send(Event(code, transaction_id, parameters))
    await wait_all_tasks_blocked()


async def on_the_interrupt_pipe(rig: Rig, data: bytes) -> None:
    """Send bytes in place of an event."""
    await (await rig.body.usb.port()).send_event(data)


async def listed(rig: Rig) -> None:
    """List the stores, as a mount does at once; what was announced before does not count."""
    await rig.entries(None)
    await wait_all_tasks_blocked()
    rig.changes().clear()
    rig.operations()


def told(rig: Rig) -> list[str]:
    """Return the camera's own words of each event."""
    return [change.raw for change in rig.changes() if isinstance(change, Happened)]


def said(rig: Rig) -> list[str]:
    """Return what `.events` calls each event."""
    return [change.text for change in rig.changes() if isinstance(change, Happened)]


def changes(rig: Rig) -> list[Change]:
    return [change for change in rig.changes() if not isinstance(change, Happened)]


async def test_object_added(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await listed(rig)
        file = rig.body.card.add_file("DCIM", "A.JPG", b"a")
        await wait_all_tasks_blocked()
        dcim = rig.body.card.find("DCIM")
        # DCIM was never listed, so the root may lack it
        in_dcim = [FolderChanged(ObjectKey(CARD, dcim.handle)), FolderChanged(CARD_ROOT)]
        assert changes(rig) == [FolderChanged(CARD_ROOT), *in_dcim]
        assert told(rig) == [f"ObjectAdded 0x{dcim.handle:08X}", f"ObjectAdded 0x{file.handle:08X}"]
        rig.changes().clear()
        rig.operations()
        rig.body.card.add_file("DCIM", "B.JPG", b"b")
        await wait_all_tasks_blocked()
        assert changes(rig) == [FolderChanged(ObjectKey(CARD, dcim.handle))]
        assert rig.operations() == ["GetObjectInfo"]


async def test_object_removed(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        file = rig.body.card.add_file("", "A.JPG", b"a")
        await listed(rig)
        rig.body.card.remove(file)
        await wait_all_tasks_blocked()
        assert changes(rig) == [EntryGone(ObjectKey(CARD, file.handle))]
        assert told(rig) == [f"ObjectRemoved 0x{file.handle:08X}"]
        assert rig.operations() == []


async def test_object_info_changed(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        file = rig.body.card.add_file("", "A.JPG", b"a")
        await listed(rig)
        await send(rig, EventCode.ObjectInfoChanged, file.handle)
        # it was never described, so its folder may have been listed without it
        assert changes(rig) == [EntryChanged(ObjectKey(CARD, file.handle)), FolderChanged(CARD_ROOT)]
        await rig.names()
        rig.changes().clear()
        await send(rig, EventCode.ObjectInfoChanged, file.handle)
        assert changes(rig) == [EntryChanged(ObjectKey(CARD, file.handle))]


@pytest.mark.parametrize("code", [EventCode.StoreAdded, EventCode.StoreRemoved])
@pytest.mark.parametrize("number", [CARD, 0, 0xFFFFFFFF])
async def test_another_card(code: EventCode, number: int, autojump_clock: MockClock) -> None:
    """Handles of the new one may be those of the old one, so nothing that was known of the store may stay."""
    async with rigged(empty=False) as rig:
        await listed(rig)
        await send(rig, code, number)
        stores = [CARD_ROOT] if number == CARD else [CARD_ROOT, ObjectKey(MEMORY, ROOT)]
        assert changes(rig) == [*map(KeyReused, stores), FolderChanged(None)]
        assert told(rig) == [f"{code.name} 0x{number:08X}"]


async def test_an_unknown_store(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await listed(rig)
        await send(rig, EventCode.StoreAdded, 0x00030001)
        assert changes(rig) == [FolderChanged(None)]


async def test_another_card_with_the_same_handles(autojump_clock: MockClock) -> None:
    async with rigged(operations="-9805") as rig:
        file = rig.body.card.add_file("", "A.JPG", b"a")
        await listed(rig)
        assert (await rig.entry("A.JPG")).size == 1
        rig.body.state.remove_card(CARD)
        file.content = Zeros(5)
        file.name = "B.JPG"
        rig.body.state.insert_card(CARD)
        await wait_all_tasks_blocked()
        assert [(entry.name, entry.size) for entry in await rig.entries()] == [("B.JPG", 5)]


async def test_storage_info_changed(autojump_clock: MockClock) -> None:
    """Cameras send it for each picture: the free space is another. The handles are the same."""
    async with rigged() as rig:
        await listed(rig)
        await send(rig, EventCode.StorageInfoChanged, CARD)
        assert changes(rig) == [FolderChanged(None)]
        assert rig.camera.epoch == 0


async def test_device_property_changed(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        assert await rig.camera.setting("iso") == "100"
        rig.body.state.set_property(0x500F, 400)
        await wait_all_tasks_blocked()
        assert await rig.camera.setting("iso") == "400"
        assert told(rig) == ["DevicePropChanged 0x0000500F"]
        assert changes(rig) == []


async def test_what_happened_is_said_in_words(autojump_clock: MockClock) -> None:
    """Each event with the entry that it is about, or the setting and its new value; the camera's own words stand behind."""
    async with rigged(empty=False) as rig:
        await listed(rig)
        file = rig.body.card.add_file("", "A.JPG", b"a")
        rig.body.card.remove(file)
        rig.body.state.set_property(0x500F, 400)
        for code in (EventCode.StoreFull, EventCode.CaptureComplete, 0xC401):
            await send(rig, code, 7)
        happened = {change.raw: change for change in rig.changes() if isinstance(change, Happened)}
        key = ObjectKey(CARD, file.handle)
        assert happened[f"ObjectRemoved 0x{file.handle:08X}"].text == "removed"
        assert key in happened[f"ObjectRemoved 0x{file.handle:08X}"].keys
        assert happened["DevicePropChanged 0x0000500F"].text == "setting iso 400"
        assert happened["StoreFull 0x00000007"].text == "store full"
        assert happened["CaptureComplete 0x00000007"].text == "capture complete"
        assert happened["0xC401 0x00000007"].text == "event"


async def test_a_new_object_is_told_with_its_place(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await listed(rig)
        file = rig.body.card.add_file("", "A.JPG", b"a")
        await wait_all_tasks_blocked()
        (added,) = [change for change in rig.changes() if isinstance(change, Happened)]
        assert added == Happened("added", f"ObjectAdded 0x{file.handle:08X}", (ObjectKey(CARD, file.handle),), True)


async def test_the_values_of_a_storm_of_changes_are_read_once(autojump_clock: MockClock) -> None:
    """Bodies announce some properties many times a second: what is told is the last value."""
    async with rigged() as rig:
        await listed(rig)
        for number in range(50):
            rig.body.state.send(Event(EventCode.DevicePropChanged, 0xFFFFFFFF, (0x500F,)))
            if number == 25:
                rig.body.state.properties[0x500F].put(200)
        await trio.sleep(5)
        assert said(rig)[-1] == "setting iso 200"
        assert len(rig.operations()) <= 3


async def test_a_property_that_cannot_be_read_is_told_without_its_value(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await listed(rig)
        await send(rig, EventCode.DevicePropChanged, 0xD0FE)
        await trio.sleep(5)
        assert said(rig) == ["setting prop-d0fe"]


async def test_a_property_that_changes_while_it_is_read(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        assert await rig.camera.setting("iso") == "100"
        rig.fail(FaultKind.DELAY, Operation.GetDevicePropValue, seconds=2)
        async with trio.open_nursery() as nursery:

            async def read() -> None:
                assert await rig.camera.setting("iso") in ("100", "400")

            nursery.start_soon(read)
            await trio.sleep(1)
            rig.body.state.set_property(0x500F, 400)


async def test_device_info_changed(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        assert "iso" in rig.camera.setting_names()
        info = rig.body.state.device_info
        rig.body.state.change_device_info(replace(info, model="Other", device_properties=(0x5007,)))
        await wait_all_tasks_blocked()
        assert rig.camera.setting_names() == ["aperture"]
        assert dict(await rig.camera.status())["camera"] == "Other"
        assert told(rig) == ["DeviceInfoChanged"]


async def test_request_object_transfer(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        file = rig.body.card.add_file("", "A.JPG", b"a")
        await listed(rig)
        await send(rig, EventCode.RequestObjectTransfer, file.handle)
        assert changes(rig) == [FolderChanged(CARD_ROOT)]
        assert told(rig) == [f"RequestObjectTransfer 0x{file.handle:08X}"]


@pytest.mark.parametrize("code", [0xC401, 0xC411, 0x4FFF, 0xFFFF, 0x400E])
@pytest.mark.parametrize("parameters", [(), (1,), (1, 2, 0xFFFFFFFF)])
async def test_what_means_nothing_to_camfs_is_told(
    code: int, parameters: tuple[int, ...], autojump_clock: MockClock
) -> None:
    async with rigged("sigma-fp", empty=False, events="on") as rig:
        await send(rig, code, *parameters)
        name = "UnreportedStatus" if code == 0x400E else f"0x{code:04X}"
        assert told(rig) == [" ".join([name, *(f"0x{parameter:08X}" for parameter in parameters)])]
        assert changes(rig) == []


async def test_every_event_that_an_fp_lists_without_parameters_or_with_nonsense(autojump_clock: MockClock) -> None:
    listed_events = (0x4001, 0x4002, 0x4003, 0x4004, 0x4005, 0x4006, 0x4008, 0x4009, 0xC401, 0xC411)
    async with rigged("sigma-fp", empty=False, events="on") as rig:
        await listed(rig)
        for code in listed_events:
            for parameters in ((), (0,), (0xFFFFFFFF,), (0x12345678, 2, 3)):
                await send(rig, code, *parameters)
        await trio.sleep(100)
        # the two of no property are joined, as those of one property are that come at once
        assert len(told(rig)) == 4 * len(listed_events) - 1
        rig.body.card.add_file("", "NEW.JPG", b"a")
        await wait_all_tasks_blocked()
        assert changes(rig)[-1] == FolderChanged(CARD_ROOT)
        assert "NEW.JPG" in await rig.names()


async def test_which_events_end_the_polling(autojump_clock: MockClock) -> None:
    """A camera that tells of its dials or of its cards may still say nothing of its pictures."""
    async with rigged() as rig:
        await listed(rig)
        for code in (0x4001, 0x4004, 0x4005, 0x4006, 0x4008, 0xC401, 0x400C, 0x400D):
            await send(rig, code, 1)
            assert not rig.camera.sends_events
        file = rig.body.card.add_file("", "A.JPG", b"a")
        await wait_all_tasks_blocked()
        assert rig.camera.sends_events
        assert file.handle


async def test_where_parents_are_wrong_events_do_not_tell_the_folder(autojump_clock: MockClock) -> None:
    async with rigged(operations="-9805") as rig:
        file = rig.body.card.add_file("DCIM", "A.JPG", b"a")
        await wait_all_tasks_blocked()
        assert rig.camera.sends_events
        forge(rig, file.handle, parent=ObjectHandle(0))
        assert await rig.names((await rig.entry("DCIM")).key) == ["A.JPG"]
        assert not rig.camera.sends_events


@pytest.mark.parametrize("storage", [0, 0x00990001])
async def test_an_object_that_names_no_store_of_ours(storage: int, autojump_clock: MockClock) -> None:
    async with rigged(operations="-9805") as rig:
        file = rig.body.card.add_file("", "A.JPG", b"a")
        forge(rig, file.handle, storage=storage)
        await listed(rig)
        await send(rig, EventCode.ObjectAdded, file.handle)
        await send(rig, EventCode.ObjectInfoChanged, file.handle)
        key = ObjectKey(CARD, file.handle)
        assert changes(rig) == [FolderChanged(CARD_ROOT), EntryChanged(key), FolderChanged(CARD_ROOT)]
        assert await rig.names() == ["A.JPG"]


async def test_a_handle_that_is_used_again(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        for number in range(8):
            rig.body.card.add_file("", f"{number}.MOV", Zeros(5 << 30))
        await listed(rig)
        entry = (await rig.entries())[0]
        assert entry.size == 5 << 30
        rig.changes().clear()
        file = rig.body.state.objects.get(entry.key.handle)  # type: ignore[attr-defined]
        file.content = Zeros(7)  # type: ignore[union-attr]
        await send(rig, EventCode.ObjectAdded, entry.key.handle)  # type: ignore[attr-defined]
        assert changes(rig) == [KeyReused(entry.key), FolderChanged(CARD_ROOT)]
        again = await rig.camera.describe(entry.key, CARD_ROOT)
        assert again is not None
        assert again.size == 7


async def test_a_handle_that_is_described_while_its_event_is_handled(autojump_clock: MockClock) -> None:
    """What was learnt then may be true of the object before."""
    async with rigged(operations="-9805") as rig:
        file = rig.body.card.add_file("", "A.JPG", b"a")
        await listed(rig)
        rig.fail(FaultKind.DELAY, Operation.GetObjectInfo, seconds=2)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(rig.names)
            await trio.sleep(1)
            await send(rig, EventCode.ObjectAdded, file.handle)
            await trio.sleep(2)
        assert KeyReused(ObjectKey(CARD, file.handle)) in changes(rig)


@pytest.mark.parametrize(
    "code", [ResponseCode.InvalidObjectHandle, ResponseCode.AccessDenied, ResponseCode.GeneralError]
)
@pytest.mark.parametrize("refusals", [1, 4])
async def test_an_object_that_is_announced_before_it_can_be_described(
    code: ResponseCode, refusals: int, autojump_clock: MockClock
) -> None:
    """A Nikon D5500 does it for two seconds (gphoto2 issue 164)."""
    async with rigged(operations="-9805") as rig:
        await listed(rig)
        times = 2 * refusals if code is ResponseCode.GeneralError else refusals  # which is repeated at once
        rig.fail(FaultKind.REFUSE, Operation.GetObjectInfo, times=times, code=code)
        file = rig.body.card.add_file("", "A.JPG", b"a")
        await wait_all_tasks_blocked()
        assert changes(rig) == []
        await trio.sleep(sum(WAITS[:refusals]) + 0.1)
        assert changes(rig) == [FolderChanged(CARD_ROOT)]
        rig.operations()
        await trio.sleep(sum(WAITS))
        assert rig.operations() == []
        assert file.handle


async def test_an_object_that_is_never_described(autojump_clock: MockClock, caplog: pytest.LogCaptureFixture) -> None:
    async with rigged(operations="-9805") as rig:
        await listed(rig)
        rig.fail(FaultKind.REFUSE, Operation.GetObjectInfo, times=None, code=ResponseCode.InvalidObjectHandle)
        rig.body.card.add_file("", "A.JPG", b"a")
        await trio.sleep(sum(WAITS) + 1)
        assert changes(rig) == [FolderChanged(None)]
        assert rig.count(Operation.GetObjectInfo) == len(WAITS) + 1
        assert "never described it" in caplog.text


async def test_an_object_that_goes_before_it_could_be_described(autojump_clock: MockClock) -> None:
    async with rigged(operations="-9805") as rig:
        await listed(rig)
        rig.fail(FaultKind.REFUSE, Operation.GetObjectInfo, times=1, code=ResponseCode.InvalidObjectHandle)
        file = rig.body.card.add_file("", "A.JPG", b"a")
        await wait_all_tasks_blocked()
        rig.body.card.remove(file)
        await trio.sleep(sum(WAITS))
        assert changes(rig) == [EntryGone(ObjectKey(CARD, file.handle))]
        assert rig.count(Operation.GetObjectInfo) == 2


async def test_a_change_of_what_cannot_be_described_now(autojump_clock: MockClock) -> None:
    async with rigged(operations="-9805") as rig:
        file = rig.body.card.add_file("", "A.JPG", b"a")
        await listed(rig)
        await rig.names()
        rig.fail(FaultKind.REFUSE, Operation.GetObjectInfo, times=1, code=ResponseCode.AccessDenied)
        await send(rig, EventCode.ObjectInfoChanged, file.handle)
        assert changes(rig) == [KeyReused(ObjectKey(CARD, file.handle)), FolderChanged(None)]


@pytest.mark.parametrize("code", [EventCode.ObjectAdded, EventCode.ObjectRemoved, EventCode.ObjectInfoChanged])
@pytest.mark.parametrize("parameters", [(), (0,), (0xFFFFFFFF,)])
async def test_an_event_about_no_one_object(
    code: EventCode, parameters: tuple[int, ...], autojump_clock: MockClock
) -> None:
    """The handle 0xFFFFFFFF is the key of the store itself, which must not be taken for an object."""
    async with rigged() as rig:
        await listed(rig)
        await send(rig, code, *parameters)
        assert changes(rig) == [FolderChanged(None)]
        assert rig.operations() == []


@pytest.mark.parametrize("with_parameter", [False, True])
async def test_the_camera_cancels_a_transaction(with_parameter: bool, autojump_clock: MockClock) -> None:
    """CancelTransaction names the transaction in the event's own transaction id (ISO 15740, 12.5.1)."""
    async with rigged() as rig:
        rig.body.card.add_file("", "A.JPG", b"bytes")
        entry = await rig.entry("A.JPG")
        rig.fail(FaultKind.STOP, Operation.GetPartialObject, at=14)
        async with trio.open_nursery() as nursery:

            async def cancel() -> None:
                await trio.sleep(1)
                current = rig.body.responder.last_id
                assert current
                if with_parameter:
                    await send(rig, EventCode.CancelTransaction, current)
                else:
                    await send(rig, EventCode.CancelTransaction, transaction_id=current)

            nursery.start_soon(cancel)
            assert await rig.camera.read(entry, 0, 5) == b"bytes"
        assert trio.current_time() < 5
        assert rig.count(Operation.GetPartialObject) == 2


async def test_a_cancel_does_not_wait_behind_other_events(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        file = rig.body.card.add_file("", "A.JPG", b"bytes")
        entry = await rig.entry("A.JPG")
        rig.fail(FaultKind.STOP, Operation.GetPartialObject, at=14)
        async with trio.open_nursery() as nursery:

            async def cancel() -> None:
                await trio.sleep(1)
                await send(rig, EventCode.ObjectAdded, file.handle)  # asks for its info: in turn
                await send(rig, EventCode.CancelTransaction, transaction_id=rig.body.responder.last_id or 0)

            nursery.start_soon(cancel)
            assert await rig.camera.read(entry, 0, 5) == b"bytes"
        assert trio.current_time() < 5


async def test_the_camera_resets_itself(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        rig.body.card.add_file("", "A.JPG", b"a")
        await listed(rig)
        await send(rig, EventCode.DeviceReset)
        rig.body.responder.close_session()
        epoch = rig.camera.epoch
        assert epoch > 0
        assert FolderChanged(None) in changes(rig)
        assert await rig.names() == ["A.JPG"]


async def test_the_session_is_opened_again_after_a_reset(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await listed(rig)
        rig.body.responder.session = 0
        await on_the_interrupt_pipe(rig, encode_event(Event(EventCode.DeviceReset, 0xFFFFFFFF)))
        await trio.sleep(1)
        assert rig.body.responder.session


async def test_events_go_on_after_nonsense(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await listed(rig)
        for nonsense in (b"", b"\1", b"\xff" * 12, bytes(24), b"\x0c\0\0\0\4\0\2\x40", bytes(500)):
            await on_the_interrupt_pipe(rig, nonsense)
            await trio.sleep(1)
        for _ in range(3):  # the first may be taken for the rest of one that was cut
            await send(rig, 0xC401, 1)
            await trio.sleep(1)
        assert told(rig)[-1] == "0xC401 0x00000001"


async def test_an_event_in_pieces(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        data = encode_event(Event(0xC401, 5, (1, 2)))
        for at in range(0, len(data), 7):
            await on_the_interrupt_pipe(rig, data[at : at + 7])
        await wait_all_tasks_blocked()
        assert told(rig) == ["0xC401 0x00000001 0x00000002"]


async def test_a_flood(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        for number in range(500):
            rig.body.state.send(Event(0xC401, 0xFFFFFFFF, (number,)))
        await wait_all_tasks_blocked()
        assert told(rig) == [f"0xC401 0x{number:08X}" for number in range(500)]


async def test_events_while_a_folder_is_read(autojump_clock: MockClock) -> None:
    async with rigged(operations="-9805") as rig:
        for number in range(20):
            rig.body.card.add_file("", f"{number}.JPG", b"a")
        await listed(rig)
        keys = await rig.camera.list_folder(CARD_ROOT)
        for number, key in enumerate(keys):
            rig.body.card.add_file("", f"NEW{number}.JPG", b"a")
            assert await rig.camera.describe(key, CARD_ROOT) is not None
        await wait_all_tasks_blocked()
        assert changes(rig) == [FolderChanged(CARD_ROOT)] * 20


@pytest.mark.parametrize("kind", [FaultKind.REFUSE, FaultKind.NO_ANSWER, FaultKind.GARBAGE, FaultKind.BAD_DATASET])
async def test_an_event_whose_object_cannot_be_had(kind: FaultKind, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await listed(rig)
        rig.fail(kind, Operation.GetObjectInfo, times=2, data=b"\1")
        rig.body.card.add_file("", "A.JPG", b"a")
        await trio.sleep(60)
        rig.body.card.add_file("", "B.JPG", b"a")
        await wait_all_tasks_blocked()
        assert {FolderChanged(CARD_ROOT), FolderChanged(None)} & set(changes(rig))
        assert await rig.names() == ["A.JPG", "B.JPG"]


async def test_gone(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        rig.body.unplug()
        await wait_all_tasks_blocked()
        assert changes(rig) == [Gone()]
        assert rig.camera.gone


async def test_gone_while_an_event_is_acted_upon(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await listed(rig)
        rig.fail(FaultKind.NO_ANSWER, Operation.GetObjectInfo)
        rig.body.card.add_file("", "A.JPG", b"a")
        await wait_all_tasks_blocked()
        rig.body.unplug()
        await wait_all_tasks_blocked()
        assert changes(rig) == [Gone()]
        with pytest.raises(errors.DeviceGone):
            await rig.camera.list_folder(None)


async def test_no_events_at_all(autojump_clock: MockClock) -> None:
    async with rigged("sigma-fp", empty=False) as rig:
        rig.body.card.add_file("", "A.JPG", b"a")
        await wait_all_tasks_blocked()
        assert rig.changes() == []
        assert not rig.camera.sends_events
        assert "A.JPG" in await rig.names()
