"""The emulated fp: its modes, what it answers, and what takes it off the bus."""

import json
from pathlib import Path

import pytest
import trio
import trio.testing

from camfs.errors import DeviceGone
from camfs.protocols.ptp.codes import Operation, ResponseCode, StorageID
from camfs.protocols.ptp.datasets import DeviceInfo, decode_handles
from camfs.protocols.sigma.codes import CHECKSUM_ERROR, NOT_INITIALISED, SigmaOperation
from camfs.protocols.sigma.datasets import Dataset
from camfs.protocols.sigma.records import decode_movie, decode_view_frame
from camfs.virtual import attach
from camfs.virtual.sigma.fp import NOISE, Mode
from camfs.virtual.sigma.operations import NAMES, OPERATIONS
from tests.protocols.sigma.payloads import NEWER, SOUND
from tests.virtual.ptp.host import Host, Reply, hosted
from tests.virtual.sigma.host import OK, Tether, tethered

MockClock = trio.testing.MockClock

CARD = StorageID(0x00010001)

AT_DEFAULTS = ("9012", "9013", "9014", "9023", "9027", "9029", "9030", "9031", "9033", "9035")
"""The samples that are the state of one V84 body."""

SERIAL = "0000000091403727"


def refused(code: int) -> Reply:
    return Reply(code)


@pytest.mark.parametrize("name", AT_DEFAULTS)
async def test_replies_at_defaults_are_the_real_bodys(name: str) -> None:
    async with tethered(serial=SERIAL, firmware="V84") as tether:
        assert await tether.host.data(int(name, 16)) == SOUND[name]


async def test_newer_firmware_tells_the_focus_and_the_flash_and_lists_more() -> None:
    """It is what the camera has unless an option says otherwise."""
    async with tethered() as tether:
        assert (await tether.configure()).firmware == "V91"
        assert len(await tether.host.data(0x9031)) == 177
        focus = await tether.get(Dataset.FOCUS)
        assert (focus["FocusState"], focus["FocusPosition"]) == (0, 8999)
        assert (await tether.can_set()).numbers(658) == (5974, 11116)
        info = DeviceInfo.decode(await tether.host.data(Operation.GetDeviceInfo))
        assert len(info.encode()) == 277
        assert info.operations[info.operations.index(0x9034) :][:5] == (0x9034, 0x9038, 0x9039, 0x903A, 0x9035)
        assert (await tether.get(Dataset.GROUP2))["FlashType"] == 0
    async with tethered(firmware="V84") as tether:
        assert "FlashType" not in await tether.get(Dataset.GROUP2)
        assert "FocusPosition" not in await tether.get(Dataset.FOCUS)
        assert 658 not in (await tether.can_set()).entries
        assert not {0x9038, 0x9039, 0x903A, 0x9432, 0x9433, 0x9010} & set(tether.camera.state.device_info.operations)


async def test_newer_firmware_meters_live() -> None:
    """ISO and aperture read as the camera would take them now, unless the photographer sets them; old firmware has nothing to report."""
    async with tethered() as tether:
        assert [(await tether.get(Dataset.GROUP1))[name] for name in ("ISOAuto", "ISOSpeed", "Aperture")] == [1, 40, 48]
        for code in (Dataset.GROUP1.reads, Dataset.GROUP2.reads):
            await tether.host.data(code)
        tether.fp.metered_iso, tether.fp.metered_aperture = 45, 53
        assert 0x9012 in (await tether.changed()).changed
        assert 0x9013 not in (await tether.changed()).changed
        assert [(await tether.get(Dataset.GROUP1))[name] for name in ("ISOAuto", "ISOSpeed", "Aperture")] == [1, 45, 53]
        await tether.put(Dataset.GROUP2, ExposureMode=2)
        assert (await tether.get(Dataset.GROUP1))["Aperture"] == 32
        await tether.put(Dataset.GROUP1, ISOAuto=0)
        assert (await tether.get(Dataset.GROUP1))["ISOSpeed"] == 32
    async with tethered(firmware="V84") as tether:
        assert [(await tether.get(Dataset.GROUP1))[name] for name in ("ISOAuto", "ISOSpeed", "Aperture")] == [
            1,
            0xF8,
            0,
        ]


@pytest.mark.parametrize("transaction_id", [0, 1, 7, 0x12345678, 0xFFFFFFFE])
async def test_a_session_is_opened_by_any_transaction_id(transaction_id: int) -> None:
    """As real bodies do. What follows may go on from there, or begin anew."""
    for following in (transaction_id % 0xFFFFFFFE + 1, 1):
        async with hosted("sigma-fp", session=False) as (_, host):
            host.next_id = transaction_id
            assert await host.do(Operation.OpenSession, 1) == OK
            host.next_id = following
            assert await host.handles()
            assert await host.do(Operation.CloseSession) == OK


# Modes


async def test_a_standalone_camera_accepts_config_api_only() -> None:
    async with hosted("sigma-fp") as (camera, host):
        for code in OPERATIONS:
            if code != SigmaOperation.ConfigApi:
                data = bytes(4) if code in camera.profile.vendor_data_out else None
                assert await host.do(code, data=data) == refused(NOT_INITIALISED), f"{code:04X}"
        assert not camera.sigma.locked
        assert await host.handles()


async def test_a_standalone_camera_can_be_silent(autojump_clock: MockClock) -> None:
    async with hosted("sigma-fp") as (camera, host):
        camera.quirks.vendor_is_silent = True
        transaction = await host.ask(0x9012)
        with trio.move_on_after(100) as scope:
            await host.hear()
        assert scope.cancelled_caught
        await host.recover_quietly(transaction)
        assert len(await host.data(0x9035)) == 79


async def test_the_card_of_a_tethered_camera_reads_as_empty() -> None:
    async with tethered(configured=False) as tether:
        host = tether.host
        (dcim,) = await host.handles()
        storages = await host.data(Operation.GetStorageIDs)
        await tether.configure()
        assert tether.fp.locked
        assert await host.data(Operation.GetStorageIDs) == storages
        assert decode_handles(storages) == (CARD,)
        for parent in (0, 0xFFFFFFFF, dcim):
            assert await host.handles(parent) == []
        assert await host.do(Operation.GetNumObjects, 0xFFFFFFFF) == Reply(ResponseCode.OK, (0,))
        for operation in (Operation.GetObjectInfo, Operation.GetObject, Operation.GetThumb, Operation.DeleteObject):
            assert await host.do(operation, dcim) == refused(ResponseCode.InvalidObjectHandle)
        assert await host.do(Operation.GetPartialObject, dcim, 0, 1) == refused(ResponseCode.InvalidObjectHandle)
        assert await host.do(Operation.DeleteObject, 0xFFFFFFFF) == refused(ResponseCode.InvalidObjectHandle)
        assert await host.do(Operation.FormatStore, CARD) == refused(ResponseCode.StoreNotAvailable)
        await tether.close()
        assert await host.handles() == [dcim]
        assert await host.do(0x9012) == refused(NOT_INITIALISED)


async def test_settings_are_the_users_before_and_after() -> None:
    async with tethered(configured=False) as tether:
        users = dict(tether.fp.settings.values)
        await tether.configure()
        assert tether.fp.settings.values != users
        await tether.put(Dataset.GROUP2, ExposureMode=4)
        await tether.close()
        assert tether.fp.settings.values == users
        assert not tether.fp.locked


async def test_still_or_movie_follows_the_switch_of_the_body() -> None:
    async with tethered() as tether:
        tether.fp.body_switch = 2
        await tether.close()
        assert tether.fp.settings.cine
        await tether.configure()
        assert (await tether.get(Dataset.MOVIE))["CaptureMode"] == 1


async def test_a_repeated_config_api_resets_nothing(autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        await tether.put(Dataset.GROUP2, ExposureMode=4)
        await tether.shoot()
        await tether.configure()
        assert (await tether.get(Dataset.GROUP2))["ExposureMode"] == 4
        assert (await tether.status()).pending() == (0,)


@pytest.mark.parametrize("how", ["close application", "new session", "reset"])
async def test_the_first_config_api_resets_all(how: str, autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        users = dict(tether.fp.photographers_settings.values)
        await tether.put(Dataset.GROUP2, ExposureMode=4)
        await tether.shoot()
        if how == "close application":
            await tether.close()
        elif how == "new session":
            await tether.reconnect()
        else:
            await tether.host.pipes.reset_device()
            tether.host.restart()
            await tether.host.open_session()
        assert tether.fp.locked == (how != "close application")
        await tether.configure()
        assert (await tether.get(Dataset.GROUP2))["ExposureMode"] == 1
        assert (await tether.status()).encode() == bytes.fromhex("0600000000000006")
        await tether.close()
        assert tether.fp.settings.values == users


async def test_the_body_stays_locked_for_the_next_program(autojump_clock: MockClock) -> None:
    """A program that dies leaves its session open and its shots in the database; a new session may ask for them at once."""
    async with tethered() as tether:
        await tether.put(Dataset.GROUP2, ExposureMode=4)
        await tether.shoot()
        await tether.host.pipes.aclose()
        assert tether.fp.locked
        host = Host(tether.camera.open())
        assert (await host.do(Operation.OpenSession, 1)).code == ResponseCode.SessionAlreadyOpened
        for fresh in (False, True):
            if fresh:
                await host.do(Operation.CloseSession)
                await host.open_session()
            following = Tether(tether.camera, host)
            assert (await following.status()).pending() == (0,)
            assert [picture.name for picture in await following.pictures()] == ["SDIM0005.JPG"]
            assert (await following.get(Dataset.GROUP2))["ExposureMode"] == 4


async def test_a_pulled_cable_ends_remote_control(autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        users = dict(tether.fp.photographers_settings.values)
        await tether.shoot()
        tether.camera.unplug()
        assert not tether.fp.locked
        assert tether.fp.settings.values == users
        tether.camera.plug()
        host = Host(tether.camera.open())
        await host.open_session()
        assert await host.do(0x9015) == refused(NOT_INITIALISED)
        assert await host.handles()
        following = Tether(tether.camera, host)
        await following.configure()
        assert (await following.status()).pending() == ()


async def test_a_cable_that_breaks_in_a_transfer_does_the_same(autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        tether.camera.usb.unplug_at = tether.camera.usb.moved + 100
        with pytest.raises(DeviceGone):
            await tether.host.data(0x9030)
        await trio.testing.wait_all_tasks_blocked()
        assert not tether.fp.locked


async def test_events_never_come(autojump_clock: MockClock) -> None:
    async with tethered(configured=False) as tether:
        tether.camera.card.add_file("", "A.JPG", b"a")
        tether.camera.state.notify(0xC401)
        await tether.configure()
        await tether.put(Dataset.GROUP3, DestToSave=3)
        await tether.shoot()
        await tether.close()
        with trio.move_on_after(1000) as scope:
            await tether.host.event()
        assert scope.cancelled_caught


# Reads


async def test_odd_operations() -> None:
    async with tethered() as tether:
        do = tether.host.do
        for code in (0x9010, 0x9011, 0x901A, 0x9020, 0x9021, 0x9025, 0x9026, 0x902E):
            assert await do(code) == Reply(ResponseCode.OK, (), b"")
        for code in (0x901E, 0x901F, *range(0x903B, 0x9043)):
            assert await do(code) == OK
        for code in (0x9401, 0x9414, 0x9431, 0x9433, 0x9050, 0x95C1):
            assert await do(code) == refused(ResponseCode.OperationNotSupported)
        expected = "14000000 01000000 010001000100000000000000 00000000 18"
        assert await do(0x9039) == Reply(ResponseCode.OK, (), bytes.fromhex(expected))
        assert await do(0x9019, data=b"now") == OK
        assert await do(0x902A, data=bytes(6)) == OK
        assert await do(0x9035, 0) == await do(0x9035)
        assert await do(0x901B, data=b"") == refused(ResponseCode.GeneralError)


async def test_more_operations_can_be_listed_or_taken_away() -> None:
    async with tethered(operations="+9010,+901D,-GetViewFrame,-101B,+9012") as tether:
        listed = tether.camera.state.device_info.operations
        assert listed[-2:] == (0x9010, 0x901D)
        assert not {0x902B, 0x101B} & set(listed)
        assert listed.count(0x9012) == 1
        assert await tether.host.do(0x902B) == refused(ResponseCode.OperationNotSupported)
        assert await tether.host.do(0x9010) == Reply(ResponseCode.OK, (), b"")


async def test_flash_type_moves_the_fields_behind_it() -> None:
    async with tethered(firmware="V84") as tether:
        assert (await tether.host.data(0x9013))[1:3] == b"\x3f\xfc"
        tether.fp.flash_type = True
        data = await tether.host.data(0x9013)
        assert (len(data), data[1:3]) == (17, b"\x3f\xfd")
        assert (await tether.get(Dataset.GROUP2))["WhiteBalance"] == 1


async def test_the_change_list(autojump_clock: MockClock) -> None:
    always = 0x902E
    everything = (0x9012, 0x9013, 0x9014, 0x9015, 0x9023, 0x9027, always, 0x9030, 0x9031, 0x9033)
    async with tethered() as tether:
        assert (await tether.changed()).changed == everything
        for code in set(everything) - {always}:
            await tether.host.data(code)
        assert (await tether.changed(0, 0, 0)).changed == (always,)
        assert len(await tether.host.data(0x902C, 0, 0, 0)) == 73
        await tether.put(Dataset.GROUP2, ExposureMode=4)
        assert (await tether.changed()).changed == (0x9012, 0x9013, always, 0x9030, 0x9033)
        await tether.host.data(0x9030)
        assert (await tether.changed()).changed == (0x9012, 0x9013, always, 0x9033)
        await tether.snap()
        assert 0x9015 in (await tether.changed()).changed
        await tether.status(5)
        assert 0x9015 not in (await tether.changed()).changed
        await trio.sleep(0.4)
        assert 0x9015 in (await tether.changed()).changed
        await tether.reconnect()
        await tether.configure()
        assert (await tether.changed()).changed == everything


async def test_masks_bring_the_datasets_too() -> None:
    async with tethered() as tether:
        status = await tether.changed(0x10, 0xFF, 0)
        codes = {0x9012, 0x9013, 0x9014, 0x9023, 0x9027, 0x9029, 0x9030, 0x9031, 0x9033}
        assert set(status.nested) == codes
        for code in codes:
            assert status.nested[code] == await tether.host.data(code)
        assert (await tether.changed()).changed == (0x9015, 0x902E)
        assert set((await tether.changed(0, 0x41, 0)).nested) == {0x9012, 0x9031}


async def test_view_frames(autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        replies = [await tether.host.do(0x902B) for _ in range(20)]
        frames = {bytes(decode_view_frame(reply.data) or b"") for reply in replies if reply.data}
        assert len(frames) == 16
        assert replies[4] == replies[14] == refused(ResponseCode.DeviceBusy)
        assert replies[9] == replies[19] == OK
        assert replies[0].data
        assert replies[0].data[:12] == bytes(10) + b"\xff\xd8"
        assert all(500_000 < len(frame) < 700_000 for frame in frames)
        tether.fp.gaps = 0
        assert all([(await tether.host.do(0x902B)).data for _ in range(20)])
        await tether.put(Dataset.GROUP2, SpecialMode=0)
        assert await tether.host.do(0x902B) == refused(ResponseCode.DeviceBusy)


# Writes that are refused with an error


async def test_a_strict_camera_checks_sums() -> None:
    async with tethered() as tether:
        tether.fp.strict = True
        assert await tether.host.do(0x9017, data=bytes.fromhex("0304000400")) == refused(CHECKSUM_ERROR)
        assert await tether.host.do(0x9017, data=b"") == refused(CHECKSUM_ERROR)
        await tether.put(Dataset.GROUP2, ExposureMode=4)
        await tether.put(Dataset.FOCUS, FocusMode=1)


async def test_a_busy_camera_takes_no_writes() -> None:
    async with tethered() as tether:
        tether.fp.busy = 2
        for _ in range(2):
            assert await tether.host.do(0x9017, data=bytes.fromhex("030400040b")) == refused(ResponseCode.DeviceBusy)
        assert await tether.tell(Dataset.GROUP2, ExposureMode=4) == {"ExposureMode": 4}


async def test_a_slow_camera_shows_writes_later(autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        tether.fp.slow = True
        assert await tether.tell(Dataset.GROUP2, ExposureMode=4) == {"ExposureMode": 1}
        assert await tether.host.do(0x9017, data=bytes.fromhex("030400040b")) == refused(ResponseCode.DeviceBusy)
        await trio.sleep(0.03)
        await tether.put(Dataset.GROUP2, DriveMode=2)
        await trio.sleep(0.08)
        group = await tether.get(Dataset.GROUP2)
        assert (group["ExposureMode"], group["DriveMode"]) == (4, 1)
        await trio.sleep(0.03)
        assert (await tether.get(Dataset.GROUP2))["DriveMode"] == 2


# Movies, and operations that take the camera off the bus


async def film(tether: Tether, seconds: float = 2, **settings: int) -> int:
    await tether.put(Dataset.MOVIE, CaptureMode=2)
    if settings:
        await tether.put(Dataset.MOVIE, **settings)
    image_id = await tether.snap(0x20)
    assert tether.mode() is Mode.RECORDING
    assert (await tether.status()).tail == image_id
    await trio.sleep(seconds)
    await tether.snap(0x30)
    assert tether.mode() is Mode.TETHERED
    return image_id


async def test_a_movie(autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        image_id = await film(tether)
        assert (await tether.status(image_id)).state == 0x0006
        assert await tether.host.data(0x9036, image_id) == NEWER["9036-none"]
        await trio.sleep(0.3)
        status = await tether.status(image_id)
        assert (status.state, status.tail) == (0x0007, 1)
        payload = await tether.host.data(0x9036)
        movie = decode_movie(payload)
        assert movie is not None
        name = f"A001_001_{tether.camera.state.now():%Y%m%d}.MOV"
        assert (movie.format, movie.name, movie.size > 2_000_000) == ("MOV", name, True)
        real = NEWER["9036-mov"]
        assert payload == real[:32] + movie.size.to_bytes(8, "little") + real[40:-22] + name.encode() + b"\0"
        assert decode_movie(await tether.host.data(0x9036, 3)) is None
        assert await tether.pictures() == ()
        pieces = [
            await tether.host.data(0x9037, 0, at, 0, min(1 << 20, movie.size - at))
            for at in range(0, movie.size, 1 << 20)
        ]
        whole = b"".join(pieces)
        assert len(whole) == movie.size
        assert whole[4:12] == b"ftypqt  "
        assert await tether.host.do(0x9037, 0, 0, 1, 100) == refused(ResponseCode.GeneralError)
        await tether.clear(image_id)
        await tether.close()
        file = tether.camera.card.find(f"CINEMA/{name}")
        assert await tether.host.data(Operation.GetObject, file.handle) == whole


async def test_a_cinema_dng_take_has_an_entry_and_no_file_to_fetch(autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        await film(tether, RecordFormat=1)
        await trio.sleep(0.3)
        assert (await tether.status()).encode()[2:6] == bytes((0, 1, 7, 0))
        assert await tether.host.data(0x9036) == NEWER["9036-none"]
        await tether.close()
        name = f"A001_001_{tether.camera.state.now():%Y%m%d}_000001.DNG"
        assert tether.camera.card.find(f"CINEMA/A001_001/{name}")


async def test_no_movie_in_still() -> None:
    async with tethered() as tether:
        await tether.snap(0x20)
        assert tether.mode() is Mode.TETHERED
        await tether.snap(0x30)
        assert (await tether.status()).pending() == ()


async def test_while_it_films_nothing_can_be_set(autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        await tether.put(Dataset.MOVIE, CaptureMode=2)
        await tether.snap(0x10)
        await tether.put(Dataset.GROUP2, ExposureMode=4)
        await tether.snap(2)
        assert (await tether.get(Dataset.GROUP2))["ExposureMode"] == 1
        assert (await tether.status()).pending() == ()
        await tether.close()
        assert tether.mode() is Mode.STANDALONE
        await tether.configure()
        assert tether.mode() is Mode.TETHERED


async def test_audio_record_spoils_movie_transfer_until_a_power_cycle(autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        await tether.put(Dataset.MOVIE, AudioRecord=1)
        await tether.close()
        await tether.configure()
        await film(tether)
        await trio.sleep(0.3)
        assert len(await tether.host.data(0x9037, 0, 0, 0, 1000)) == NOISE
        tether.camera.power_cycle()
        host = Host(tether.camera.open())
        await host.open_session()
        tether = Tether(tether.camera, host)
        await tether.configure()
        await film(tether)
        await trio.sleep(0.3)
        assert len(await host.data(0x9037, 0, 0, 0, 1000)) == 1000


async def dead(tether: Tether) -> None:
    """See that the camera has left, and only a power cycle brings it back."""
    await trio.testing.wait_all_tasks_blocked()
    assert tether.mode() is Mode.GONE
    with pytest.raises(DeviceGone):
        tether.camera.open()
    tether.camera.plug()
    with pytest.raises(DeviceGone):
        tether.camera.open()
    tether.camera.power_cycle()
    assert tether.mode() is Mode.STANDALONE
    host = Host(tether.camera.open())
    await host.open_session()
    assert await host.handles()


@pytest.mark.parametrize("code", [0x901D, 0x9038, 0x903A])
async def test_fatal_operations(code: int, autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        with pytest.raises(DeviceGone):
            await tether.host.do(code)
        await dead(tether)


@pytest.mark.parametrize(
    "why", ["none", "picture", "cleared", "moved on", "host", "filming", "index", "third", "beyond"]
)
async def test_partial_movie_file_is_deadly(why: str, autojump_clock: MockClock) -> None:
    async with tethered() as tether:
        parameters = [0, 0, 0, 1000]
        if why == "picture":
            await tether.shoot()
        elif why != "none":
            if why == "host":
                await tether.put(Dataset.GROUP3, DestToSave=2)
            await film(tether)
            await trio.sleep(0.3)
        if why in ("cleared", "moved on"):
            await tether.clear(0)
        if why == "moved on":
            await film(tether)
            await trio.sleep(0.3)
        if why == "filming":
            await tether.snap(0x20)
        parameters[0] += why == "index"
        parameters[2] += 2 * (why == "third")
        parameters[3] += (1 << 30) * (why == "beyond")
        with pytest.raises(DeviceGone):
            await tether.host.do(0x9037, *parameters)
        await dead(tether)


# The trace


async def test_the_trace_names_vendor_operations(tmp_path: Path) -> None:
    path = tmp_path / "trace"
    async with attach("sigma-fp", {"trace": str(path)}) as pipes:
        host = Host(pipes)
        await host.open_session()
        for code in (0x9035, 0x902F, 0x902F, 0x9401):
            await host.do(code, data=bytes(10) if code == 0x902F else None)
        lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["op"], line["result"]) for line in lines[1:]] == [
        ("ConfigApi", "OK"),
        ("CloseApplication", "OK"),
        ("CloseApplication", "0xA081"),
        ("0x9401", "0xA081"),
    ]
    assert set(NAMES) <= set(OPERATIONS)
