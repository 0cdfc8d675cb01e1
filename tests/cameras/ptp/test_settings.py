"""Settings, clock and raw commands of a PTP camera."""

import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from camfs import errors
from camfs.cameras.api import NoChoices
from camfs.protocols.ptp.codes import DataType, Operation, ResponseCode
from camfs.protocols.ptp.datasets import DevicePropDesc, Enumeration, Range
from camfs.protocols.ptp.properties import STANDARD_PROPERTIES
from camfs.protocols.ptp.values import Value
from camfs.virtual.ptp.faults import FaultKind
from camfs.virtual.ptp.properties import Property
from tests.cameras.rig import Rig, rigged


async def offer(
    rig: Rig,
    code: int,
    data_type: int,
    value: Value,
    form: Range | Enumeration | None = None,
    *,
    writable: bool = True,
    ignores_writes: bool = False,
) -> Property:
    """Give the camera one property and no other."""
    made = Property(DevicePropDesc(code, data_type, writable, value, value, form), ignores_writes)
    rig.body.state.properties.clear()
    rig.body.state.properties[code] = made
    rig.body.state.change_device_info(replace(rig.body.state.device_info, device_properties=(code,)))
    await wait_all_tasks_blocked()
    return made


@pytest.mark.parametrize(
    ("code", "data_type", "value", "name", "text"),
    [
        (0x5001, DataType.UINT8, 75, "battery-level", "75%"),
        (0x5003, DataType.STRING, "6000x4000", "image-size", "6000x4000"),
        (0x5005, DataType.UINT16, 4, "white-balance", "daylight"),
        (0x5005, DataType.UINT16, 0x8001, "white-balance", "0x8001"),
        (0x5007, DataType.UINT16, 280, "aperture", "f/2.8"),
        (0x5007, DataType.UINT16, 1600, "aperture", "f/16"),
        (0x5008, DataType.UINT32, 4500, "focal-length", "45mm"),
        (0x5009, DataType.UINT16, 0xFFFF, "focus-distance", "infinity"),
        (0x5009, DataType.UINT16, 1500, "focus-distance", "1500mm"),
        (0x500A, DataType.UINT16, 2, "focus-mode", "auto"),
        (0x500B, DataType.UINT16, 2, "metering-mode", "center-weighted"),
        (0x500C, DataType.UINT16, 2, "flash", "off"),
        (0x500D, DataType.UINT32, 80, "shutter-speed", "1/125"),
        (0x500D, DataType.UINT32, 300_000, "shutter-speed", "30"),
        (0x500E, DataType.UINT16, 3, "exposure-mode", "aperture-priority"),
        (0x500F, DataType.UINT16, 400, "iso", "400"),
        (0x500F, DataType.UINT16, 0xFFFF, "iso", "auto"),
        (0x5010, DataType.INT16, -1000, "exposure-compensation", "-1"),
        (0x5010, DataType.INT16, 300, "exposure-compensation", "+0.3"),
        (0x5010, DataType.INT16, 0, "exposure-compensation", "0"),
        (0x5012, DataType.UINT32, 2500, "self-timer", "2.5s"),
        (0x5013, DataType.UINT16, 2, "drive-mode", "burst"),
        (0x5016, DataType.UINT8, 15, "digital-zoom", "1.5x"),
        (0x501E, DataType.STRING, "Zoë Ω", "artist", "Zoë Ω"),
        (0xD0A1, DataType.ARRAY + DataType.UINT8, (1, 2, 255), "prop-d0a1", "1 2 255"),
        (0xD0A1, DataType.ARRAY + DataType.INT32, (-1, 2), "prop-d0a1", "-1 2"),
        (0xD0A1, DataType.ARRAY + DataType.UINT8, (), "prop-d0a1", ""),
        (0xD0A2, DataType.UINT128, (1 << 128) - 1, "prop-d0a2", str((1 << 128) - 1)),
        (0xD0A2, DataType.INT128, -(1 << 127), "prop-d0a2", str(-(1 << 127))),
        (0xD0A3, DataType.INT8, -128, "prop-d0a3", "-128"),
        (0xD0A4, DataType.UINT64, (1 << 64) - 1, "prop-d0a4", str((1 << 64) - 1)),
    ],
)
async def test_a_value_is_read_and_written_as_text(
    code: int, data_type: int, value: Value, name: str, text: str, autojump_clock: MockClock
) -> None:
    async with rigged() as rig:
        made = await offer(rig, code, data_type, value)
        assert rig.camera.setting_names() == [name]
        assert await rig.camera.setting(name) == text
        other: Value = "other" if isinstance(value, str) else (9,) if isinstance(value, tuple) else 1
        made.put(other)
        await rig.camera.change_setting(name, text)
        assert made.value == value
        assert await rig.camera.setting(name) == text


async def test_all_settings_and_choices_of_a_camera(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        names = rig.camera.setting_names()
        assert "iso" in names
        assert "date-time" not in names
        assert rig.operations() == ["OpenSession", "GetDeviceInfo"]
        for name in names:
            before = await rig.camera.setting(name)
            choices = await rig.camera.choices(name)
            if choices and name not in ("battery-level", "metering-mode"):
                assert before in choices
                for choice in choices:
                    await rig.camera.change_setting(name, choice)
                    assert await rig.camera.setting(name) == choice


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (None, []),
        (Enumeration((3, 1, 2)), ["3", "1", "2"]),
        (Enumeration(()), []),
        (Range(1, 5, 2), ["1", "3", "5"]),
        (Range(1, 5, 0), ["1", "2", "3", "4", "5"]),
        (Range(5, 1, 1), []),
        (Range(-2, 2, 1), ["-2", "-1", "0", "1", "2"]),
        (Range(0, 999, 1), [str(number) for number in range(1000)]),
        (Range(0, 1000, 1), ["0", "1000"]),
        (Range(-(1 << 31), (1 << 31) - 1, 1), [str(-(1 << 31)), str((1 << 31) - 1)]),
    ],
)
async def test_choices(form: Range | Enumeration | None, expected: list[str], autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await offer(rig, 0xD0A1, DataType.INT32, 1, form)
        assert list(await rig.camera.choices("prop-d0a1")) == expected


async def test_choices_are_those_of_now(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        made = await offer(rig, 0xD0A1, DataType.INT32, 1, Enumeration((1, 2)))
        assert await rig.camera.choices("prop-d0a1") == ["1", "2"]
        made.description = replace(made.description, form=Enumeration((1, 3)))
        assert await rig.camera.choices("prop-d0a1") == ["1", "3"]


@pytest.mark.parametrize(
    ("data_type", "form", "text"),
    [
        (DataType.UINT16, Enumeration((1, 2)), "3"),
        (DataType.UINT16, Enumeration((1, 2)), ""),
        (DataType.UINT16, Enumeration((1, 2)), "one"),
        (DataType.UINT16, Range(0, 100, 10), "15"),
        (DataType.UINT16, Range(0, 100, 10), "110"),
        (DataType.UINT16, Range(0, 100, 10), "-10"),
        (DataType.UINT16, None, "65536"),
        (DataType.UINT16, None, "-1"),
        (DataType.UINT16, None, "1.5"),
        (DataType.UINT16, None, "9" * 5000),
        (DataType.INT8, None, "128"),
        (DataType.STRING, None, "x" * 255),
        (DataType.STRING, None, "a\0b"),
        (DataType.STRING, Enumeration(("small", "large")), "medium"),
        (DataType.ARRAY + DataType.UINT8, None, "1 256"),
        (DataType.ARRAY + DataType.UINT8, None, "1 x"),
    ],
)
async def test_a_value_that_is_none_leaves_the_camera_alone(
    data_type: int, form: Range | Enumeration | None, text: str, autojump_clock: MockClock
) -> None:
    async with rigged() as rig:
        value: Value = "small" if data_type == DataType.STRING else (1,) if data_type & DataType.ARRAY else 1
        made = await offer(rig, 0xD0A1, data_type, value, form)
        rig.operations()
        with pytest.raises(errors.InvalidValue):
            await rig.camera.change_setting("prop-d0a1", text)
        assert "SetDevicePropValue" not in rig.operations()
        assert made.value == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("aperture", "f/0.1"),
        ("aperture", "wide"),
        ("aperture", "f/"),
        ("aperture", "1/0"),
        ("aperture", "nan"),
        ("aperture", "inf"),
        ("shutter-speed", "1/0"),
        ("shutter-speed", "1/126"),
        ("shutter-speed", ""),
        ("iso", "1e3"),
        ("iso", "150"),
        ("white-balance", "purple"),
        ("exposure-compensation", "+7"),
        ("self-timer", "0.7s"),
    ],
)
async def test_texts_that_are_no_value(name: str, text: str, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        with pytest.raises(errors.InvalidValue):
            await rig.camera.change_setting(name, text)
        assert "SetDevicePropValue" not in rig.operations()


@pytest.mark.parametrize(
    ("name", "text", "kept"),
    [
        ("aperture", "2.8", "f/2.8"),
        ("aperture", "F/2.8", "f/2.8"),
        ("shutter-speed", "1/125s", "1/125"),
        ("shutter-speed", "1", "1"),
        ("shutter-speed", "1s", "1"),
        ("iso", "AUTO", "auto"),
        ("white-balance", "Daylight", "daylight"),
        ("white-balance", "4", "daylight"),
        ("exposure-compensation", "1", "+1"),
        ("exposure-compensation", "-1.0", "-1"),
        ("self-timer", "2", "2s"),
        ("self-timer", "2.5 s", "2.5s"),
    ],
)
async def test_ways_to_write(name: str, text: str, kept: str, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await rig.camera.change_setting(name, text)
        assert await rig.camera.setting(name) == kept


@pytest.mark.parametrize("row", STANDARD_PROPERTIES, ids=lambda row: row.name)
async def test_a_text_of_any_length_takes_no_time(row: Any, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await offer(rig, row.code, DataType.UINT32, 1)
        if row.code == 0x5011:
            return
        for text in ("1e99999", "1/1e99999", "9" * 100_000, "0x" + "f" * 1000, "-" * 100_000):
            with pytest.raises(errors.InvalidValue):
                await rig.camera.change_setting(row.name, text)


async def test_a_write_that_is_ignored_is_told(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        with pytest.raises(errors.NotPermitted, match="center-weighted"):
            await rig.camera.change_setting("metering-mode", "average")
        assert await rig.camera.setting("metering-mode") == "center-weighted"
        await rig.camera.change_setting("metering-mode", "center-weighted")


async def test_a_value_that_the_camera_rounds_is_told(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        made = await offer(rig, 0xD0A1, DataType.UINT16, 100)
        honest = made.write

        def rounds(data: bytes) -> bool:
            return honest((int.from_bytes(data, "little") // 100 * 100).to_bytes(2, "little"))

        made.write = rounds  # type: ignore[method-assign]
        with pytest.raises(errors.NotPermitted, match="200"):
            await rig.camera.change_setting("prop-d0a1", "250")


async def test_a_read_only_setting(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        with pytest.raises(errors.AccessDenied):
            await rig.camera.change_setting("battery-level", "80%")
        assert "SetDevicePropValue" not in rig.operations()


@pytest.mark.parametrize("name", ["zoom", "", "prop-", "prop-D0A1", "prop-00d0a1", "../iso", "prop-d0ff", "user-name"])
async def test_names_of_no_setting(name: str, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        rig.operations()
        for call in (
            rig.camera.setting(name),
            rig.camera.choices(name),
            rig.camera.change_setting(name, "1"),
        ):
            with pytest.raises((errors.NotFound, errors.NotSupported)):
                await call
        assert rig.operations() == []


async def test_a_property_that_is_listed_twice_or_not_there(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        info = rig.body.state.device_info
        rig.body.state.change_device_info(replace(info, device_properties=(0x500F, 0x500F, 0xD0FF)))
        await wait_all_tasks_blocked()
        assert rig.camera.setting_names() == ["iso", "prop-d0ff"]
        with pytest.raises(errors.NoData):
            await rig.camera.setting("prop-d0ff")


async def test_a_camera_without_properties(autojump_clock: MockClock) -> None:
    async with rigged("sigma-fp", empty=False) as rig:
        assert rig.camera.setting_names() == []
        with pytest.raises(errors.NotSupported):
            await rig.camera.clock()
        with pytest.raises(errors.NotSupported):
            await rig.camera.set_clock(datetime.now(UTC))


@pytest.mark.parametrize(
    ("operation", "can_read", "can_write"),
    [
        (Operation.GetDevicePropDesc, True, False),
        (Operation.GetDevicePropValue, True, True),
        (Operation.SetDevicePropValue, True, False),
    ],
)
async def test_operations_on_properties_that_the_camera_has_not(
    operation: Operation, can_read: bool, can_write: bool, autojump_clock: MockClock
) -> None:
    async with rigged(operations=f"-{operation.name}") as rig:
        assert ("iso" in rig.camera.setting_names()) == can_read
        for _ in range(2):
            if can_read:
                assert await rig.camera.setting("iso") == "100"
        if can_write:
            await rig.camera.change_setting("iso", "200")
            assert await rig.camera.setting("iso") == "200"
        else:
            with pytest.raises(errors.NotSupported):
                await rig.camera.change_setting("iso", "200")
        assert operation.name not in rig.operations()


@pytest.mark.parametrize("data", [b"\1", bytes(4), b"\x0f\x50\xff\x7f\1" + bytes(50), b"\xff" * 60])
async def test_a_description_that_is_none(data: bytes, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        rig.fail(FaultKind.BAD_DATASET, Operation.GetDevicePropDesc, times=None, data=data)
        for call in (rig.camera.choices("iso"), rig.camera.change_setting("iso", "200")):
            with pytest.raises(errors.CameraError):
                await call
        assert await rig.camera.setting("iso") == "100"
        rig.body.faults.clear()
        await rig.camera.change_setting("iso", "200")
        assert await rig.camera.setting("iso") == "200"


async def test_a_description_of_another_property(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        other = rig.body.state.properties[0x5007].described().encode()
        rig.fail(FaultKind.BAD_DATASET, Operation.GetDevicePropDesc, times=None, data=other)
        with pytest.raises(errors.CameraError):
            await rig.camera.change_setting("iso", "f/4")
        assert "SetDevicePropValue" not in rig.operations()


@pytest.mark.parametrize(
    "code",
    [ResponseCode.DevicePropNotSupported, ResponseCode.GeneralError, ResponseCode.IncompleteTransfer, 0xA123],
)
async def test_a_property_that_is_not_described_but_has_a_value(code: int, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        rig.fail(FaultKind.REFUSE, Operation.GetDevicePropDesc, times=None, code=code)
        names = rig.camera.setting_names()
        assert {"iso", "shutter-speed", "battery-level", "image-size", "prop-d0a2"} <= set(names)
        expected = {"iso": "100", "shutter-speed": "1/125", "image-size": "6000x4000", "exposure-compensation": "0"}
        for name, text in expected.items():
            assert await rig.camera.setting(name) == text
        rig.operations()
        assert await rig.camera.setting("iso") == "100"
        assert rig.operations() == ["GetDevicePropValue"]
        assert dict(await rig.camera.status())["battery"] == "75%"
        for call in (rig.camera.choices("iso"), rig.camera.change_setting("iso", "100")):
            with pytest.raises(errors.Refused) as caught:
                await call
            assert caught.value.code == code
        await rig.camera.refresh()
        rig.body.faults.clear()
        await rig.camera.change_setting("iso", "200")
        assert await rig.camera.setting("iso") == "200"


async def test_a_property_that_has_neither_description_nor_value(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        for operation in (Operation.GetDevicePropDesc, Operation.GetDevicePropValue):
            rig.fail(FaultKind.REFUSE, operation, times=None, code=ResponseCode.AccessDenied)
        with pytest.raises(errors.AccessDenied):
            await rig.camera.setting("iso")
        assert "battery" not in dict(await rig.camera.status())


@pytest.mark.parametrize("form", [Enumeration((2, 1)), Range(1, 3, 1)])
async def test_the_present_value_may_be_written_back(form: Range | Enumeration, autojump_clock: MockClock) -> None:
    """Even if the camera does not offer it, and refuses it."""
    async with rigged() as rig:
        made = await offer(rig, 0x500C, DataType.UINT16, 0, form)
        text = await rig.camera.setting("flash")
        await rig.camera.change_setting("flash", text)
        assert (await rig.camera.setting("flash"), made.value) == (text, 0)
        with pytest.raises(errors.InvalidValue):
            await rig.camera.change_setting("flash", "4")
        await rig.camera.change_setting("flash", "off")
        assert made.value == 2


async def test_a_refusal_of_another_value_is_told(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        rig.fail(FaultKind.REFUSE, Operation.SetDevicePropValue, code=ResponseCode.InvalidDevicePropValue)
        with pytest.raises(errors.InvalidValue):
            await rig.camera.change_setting("iso", "200")


async def test_an_empty_enumeration_is_none(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        made = await offer(rig, 0x5007, DataType.UINT16, 430, Enumeration(()))
        choices = await rig.camera.choices("aperture")
        assert isinstance(choices, NoChoices)
        assert "does not say" in choices.why
        await rig.camera.change_setting("aperture", "f/5.6")
        assert made.value == 560


async def test_a_camera_that_rounds_what_has_the_same_name(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        made = await offer(rig, 0x500D, DataType.UINT32, 80)

        def rounds(data: bytes) -> bool:
            made.put(int.from_bytes(data, "little") + 1)
            return True

        made.write = rounds  # type: ignore[method-assign]
        await rig.camera.change_setting("shutter-speed", "1/60")
        assert made.value == 167
        with pytest.raises(errors.NotPermitted, match="1/99"):
            await rig.camera.change_setting("shutter-speed", "1/100")


async def test_a_list_with_the_same_values_twice(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await offer(rig, 0x500D, DataType.UINT32, 40, Enumeration((166, 40, 2, 2, 1, 1, 40, 40)))
        assert await rig.camera.choices("shutter-speed") == ["1/60", "1/250", "1/4000", "1/8000"]
        for choice in await rig.camera.choices("shutter-speed"):
            await rig.camera.change_setting("shutter-speed", choice)
            assert await rig.camera.setting("shutter-speed") == choice


async def test_the_maker_decides_what_values_mean(autojump_clock: MockClock) -> None:
    async with rigged(extension="e") as rig:
        made = await offer(rig, 0x500D, DataType.UINT32, 7812, Enumeration((7812, 15625, 0xFFFFFFFF)))
        assert await rig.camera.setting("shutter-speed") == "1/125"
        assert await rig.camera.choices("shutter-speed") == ["1/125", "1/60", "bulb"]
        await rig.camera.change_setting("shutter-speed", "1/60")
        assert made.value == 15625


async def test_a_value_that_is_too_short(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        assert await rig.camera.setting("iso") == "100"
        rig.fail(FaultKind.BAD_DATASET, Operation.GetDevicePropValue, data=b"\1")
        with pytest.raises(errors.RemoteProtocolError):
            await rig.camera.setting("iso")
        assert await rig.camera.setting("iso") == "100"


async def test_a_setting_that_is_never_set_twice(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        rig.fail(FaultKind.NO_ANSWER, Operation.SetDevicePropValue)
        with pytest.raises(errors.TransferTimeout):
            await rig.camera.change_setting("iso", "200")
        assert rig.count(Operation.SetDevicePropValue) == 1
        assert await rig.camera.setting("iso") == "200"


# ---------------------------------------------------------------------- clock


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-7)), ZoneInfo("Europe/Berlin")], ids=str)
async def test_the_clock(zone: Any, autojump_clock: MockClock) -> None:
    async with rigged(zone=zone) as rig:
        for text in ("2026-01-19T16:02:00+00:00", "2026-07-19T16:02:00+05:30", "1999-12-31T23:59:59-08:00"):
            moment = datetime.fromisoformat(text)
            await rig.camera.set_clock(moment)
            shown = await rig.camera.clock()
            assert shown.utcoffset() == moment.astimezone(zone).utcoffset()
            assert timedelta(0) <= shown - moment <= timedelta(seconds=3)


async def test_a_time_without_a_zone_is_the_camera_s_own(autojump_clock: MockClock) -> None:
    async with rigged(zone=timezone(timedelta(hours=9))) as rig:
        await rig.camera.set_clock(datetime(2026, 11, 19, 16, 2))
        shown = await rig.camera.clock()
        assert (shown.hour, shown.minute, shown.utcoffset()) == (16, 2, timedelta(hours=9))


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("20240504T093000", "2024-05-04T09:30:00+02:00"),
        ("20240504T093000Z", "2024-05-04T09:30:00+00:00"),
        ("20240504T093000-0400", "2024-05-04T09:30:00-04:00"),
        ("20240504T093000.5", "2024-05-04T09:30:00.500000+02:00"),
    ],
)
async def test_zones_of_the_clock(sent: str, shown: str, autojump_clock: MockClock) -> None:
    async with rigged(zone=timezone(timedelta(hours=2))) as rig:
        await offer(rig, 0x5011, DataType.STRING, sent)
        assert (await rig.camera.clock()).isoformat() == shown


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("20201128T140958+0100", "20261119T170200+0900"),
        ("20201128T140958Z", "20261119T170200+0900"),
        ("20201128T140958.0", "20261119T170200"),
        ("", "20261119T170200"),
    ],
)
async def test_the_clock_is_set_with_a_zone_if_it_has_one(before: str, after: str, autojump_clock: MockClock) -> None:
    async with rigged(zone=timezone(timedelta(hours=9))) as rig:
        made = await offer(rig, 0x5011, DataType.STRING, before)
        await rig.camera.set_clock(datetime(2026, 11, 19, 8, 2, tzinfo=UTC))
        assert made.value == after
        await rig.camera.set_clock(datetime(2026, 11, 19, 17, 2))
        assert made.value == after


@pytest.mark.parametrize("sent", ["", "yesterday", "20241304T000000"])
async def test_a_clock_that_shows_no_time(sent: str, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await offer(rig, 0x5011, DataType.STRING, sent)
        with pytest.raises(errors.RemoteProtocolError):
            await rig.camera.clock()


async def test_a_clock_of_another_type(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await offer(rig, 0x5011, DataType.UINT32, 5)
        with pytest.raises(errors.CameraError):
            await rig.camera.clock()
        with pytest.raises(errors.CameraError):
            await rig.camera.set_clock(datetime(2026, 11, 19, 16, 2, tzinfo=UTC))


async def test_a_clock_that_cannot_be_set(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await offer(rig, 0x5011, DataType.STRING, "20240504T093000", writable=False)
        with pytest.raises(errors.AccessDenied):
            await rig.camera.set_clock(datetime(2026, 11, 19, 16, 2, tzinfo=UTC))


async def test_a_clock_that_ignores_what_it_is_told(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        await offer(rig, 0x5011, DataType.STRING, "20240504T093000", ignores_writes=True)
        with pytest.raises(errors.NotPermitted):
            await rig.camera.set_clock(datetime(2026, 11, 19, 16, 2, tzinfo=UTC))


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_times_that_no_zone_has(moment: str, autojump_clock: MockClock) -> None:
    async with rigged(zone=UTC) as rig:
        with pytest.raises(errors.InvalidValue):
            await rig.camera.set_clock(datetime.fromisoformat(moment))
        assert "SetDevicePropValue" not in rig.operations()


# ---------------------------------------------------------------------- raw


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("1006 ffffffff 0 0", "2001 00000000"),
        ("1015 500f", "2001 : 6400"),
        ("1015 0x500F", "2001 : 6400"),
        ("1008 77777777", "2009"),
        ("9999", "2005"),
        ("1016 500f : c800", "2001"),
        ("1016 500f : c8 00", "2001"),
        ("1016 500f :", "201b"),
        ("1004", "2001 : 0100000001000100"),
    ],
)
async def test_raw(command: str, answer: str, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        assert await rig.camera.raw(command) == answer


@pytest.mark.parametrize(
    "command",
    ["", ":", "10 zz", "1001 1 2 3 4 5 6", "11001", "-1", "1001 -1", "1001 100000000", "1016 500f : c", "1016 : xx"],
)
async def test_raw_nonsense_is_not_sent(command: str, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        rig.operations()
        with pytest.raises(errors.InvalidValue):
            await rig.camera.raw(command)
        assert rig.operations() == []


@pytest.mark.parametrize("command", ["1003", "1002 5", "1010", "1016 500f", "1001 : 00", "100c 1 2"])
async def test_raw_commands_that_upset_the_session(command: str, autojump_clock: MockClock) -> None:
    """What the user breaks, the next transaction mends."""
    async with rigged() as rig:
        rig.body.card.add_file("", "A.JPG", b"a")
        with contextlib.suppress(errors.CameraError):
            await rig.camera.raw(command)
        assert await rig.names() == ["A.JPG"]
        assert await rig.names() == ["A.JPG"]


async def test_raw_is_never_sent_twice(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        rig.fail(FaultKind.NO_ANSWER, Operation.GetDeviceInfo)
        with pytest.raises(errors.TransferTimeout):
            await rig.camera.raw("1001")
        assert rig.count(Operation.GetDeviceInfo) == 2
        rig.fail(FaultKind.REFUSE, Operation.GetStorageIDs, code=ResponseCode.GeneralError)
        assert await rig.camera.raw("1004") == "2002"
        assert rig.count(Operation.GetStorageIDs) == 1


# ---------------------------------------------------------------------- a camera that does not tell


async def read_all(rig: Rig) -> list[str]:
    """Read every setting as `grep . .settings/*` does; return the names of those that cannot be read."""
    failed = []
    for name in rig.camera.setting_names():
        try:
            await rig.camera.setting(name)
        except errors.CameraError:
            failed.append(name)
    return failed


async def offer_many(rig: Rig, count: int = 55) -> list[int]:
    """Give the camera so many properties and no other; return their codes."""
    codes = list(range(0xD001, 0xD001 + count))
    rig.body.state.properties.clear()
    for code in codes:
        rig.body.state.properties[code] = Property(DevicePropDesc(code, DataType.UINT8, True, 1, 1, None), False)
    rig.body.state.change_device_info(replace(rig.body.state.device_info, device_properties=tuple(codes)))
    await wait_all_tasks_blocked()
    return codes


@pytest.mark.parametrize("operation", [Operation.GetDevicePropDesc, Operation.GetDevicePropValue])
async def test_properties_that_are_always_busy(operation: Operation, autojump_clock: MockClock) -> None:
    """The THETA Z1: 46 of 55. The others are read, and all together take a second."""
    async with rigged() as rig:
        codes = await offer_many(rig)
        assert await read_all(rig) == []
        if operation is Operation.GetDevicePropDesc:
            await rig.camera.refresh()
        began = trio.current_time()
        for code in codes[:46]:
            rig.fail(FaultKind.REFUSE, operation, parameter=code, times=None, code=ResponseCode.DeviceBusy)
        for _ in range(3):
            assert len(await read_all(rig)) == 46
        assert trio.current_time() - began < 2


async def test_a_property_that_is_busy_for_a_moment(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        codes = await offer_many(rig)
        rig.fail(
            FaultKind.REFUSE, Operation.GetDevicePropDesc, parameter=codes[0], times=3, code=ResponseCode.DeviceBusy
        )
        assert await read_all(rig) == []


async def test_a_busy_camera_is_waited_for_when_a_setting_is_written(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        codes = await offer_many(rig)
        for code in codes[1:]:
            rig.fail(
                FaultKind.REFUSE, Operation.GetDevicePropDesc, parameter=code, times=None, code=ResponseCode.DeviceBusy
            )
        assert len(await read_all(rig)) == 54
        for operation in (Operation.GetDevicePropDesc, Operation.SetDevicePropValue, Operation.GetDevicePropValue):
            rig.fail(FaultKind.REFUSE, operation, parameter=codes[0], times=10, code=ResponseCode.DeviceBusy)
        await rig.camera.change_setting("prop-d001", "7")
        assert await rig.camera.setting("prop-d001") == "7"


async def test_properties_that_are_answered_with_no_session(autojump_clock: MockClock) -> None:
    """The Leica SL3 and Q3: 65 of them. None costs a session."""
    async with rigged() as rig:
        codes = await offer_many(rig, 80)
        for code in codes[:65]:
            rig.fail(
                FaultKind.REFUSE,
                Operation.GetDevicePropDesc,
                parameter=code,
                times=None,
                code=ResponseCode.SessionNotOpen,
            )
        epoch = rig.camera.epoch
        for _ in range(2):
            assert len(await read_all(rig)) == 65
        assert rig.camera.epoch == epoch
        assert rig.count(Operation.OpenSession) == 1
        assert trio.current_time() < 1


@pytest.mark.parametrize("operation", [Operation.GetDevicePropDesc, Operation.GetDevicePropValue])
async def test_a_camera_that_never_gives_a_property(operation: Operation, autojump_clock: MockClock) -> None:
    """Two are tried, and then none for a while."""
    async with rigged() as rig:
        await offer_many(rig)
        assert await read_all(rig) == []
        if operation is Operation.GetDevicePropDesc:
            await rig.camera.refresh()
        rig.fail(FaultKind.NO_ANSWER, operation, times=None)
        began = trio.current_time()
        for name in rig.camera.setting_names():
            with trio.move_on_after(15) as scope, pytest.raises(errors.TransferTimeout):
                await rig.camera.setting(name)
            assert not scope.cancelled_caught
        assert trio.current_time() - began < 30
        rig.body.faults.clear()
        await trio.sleep(30)
        assert await read_all(rig) == []


@pytest.mark.parametrize("kind", [FaultKind.NO_ANSWER, FaultKind.GARBAGE])
async def test_one_property_that_is_never_given_does_not_hide_the_others(
    kind: FaultKind, autojump_clock: MockClock
) -> None:
    async with rigged() as rig:
        codes = await offer_many(rig)
        for operation in (Operation.GetDevicePropDesc, Operation.GetDevicePropValue):
            rig.fail(kind, operation, parameter=codes[20], times=None)
        for _ in range(3):
            assert await read_all(rig) == [f"prop-{codes[20]:04x}"]
        assert trio.current_time() < 30


async def test_a_battery_level_out_of_its_range_is_not_shown() -> None:
    """umtp-responder gives 0x8000 of 0 to 100 (camfs/protocols/ptp/README.md, "Device properties")."""
    async with rigged() as rig:
        await offer(rig, 0x5001, DataType.UINT16, 75, Range(0, 100, 1), writable=False)
        assert dict(await rig.camera.status())["battery"] == "75%"
        rig.body.state.set_property(0x5001, 0x8000)
        await wait_all_tasks_blocked()
        assert "battery" not in dict(await rig.camera.status())
        assert await rig.camera.setting("battery-level") == "unknown"
