"""The driver as a whole: which operations it uses and when, a camera that is gone, the status."""

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from camfs import errors
from camfs.protocols.ptp.codes import (
    Operation,
    ResponseCode,
)
from camfs.virtual.ptp.faults import FaultKind
from tests.cameras.rig import CARD_ROOT, add, rigged
from tests.zeros import Zeros

JPEG = b"\xff\xd8\xff\xe0 a thumbnail \xff\xd9"

GIB = 1 << 30

STANDARD = [
    "GetDeviceInfo",
    "OpenSession",
    "CloseSession",
    "GetStorageIDs",
    "GetStorageInfo",
    "GetNumObjects",
    "GetObjectHandles",
    "GetObjectInfo",
    "GetObject",
    "GetThumb",
    "DeleteObject",
    "FormatStore",
    "GetDevicePropDesc",
    "GetDevicePropValue",
    "SetDevicePropValue",
    "GetPartialObject",
]
"""The standard operations that a SIGMA fp lists."""

FURTHER = ["GetPartialObject64", "GetObjectPropValue", "GetObjectPropList", "InitiateCapture"]


async def test_every_operation_is_used(autojump_clock: MockClock) -> None:
    used: set[str] = set()
    for operations in ("", "-GetPartialObject,-GetPartialObject64"):
        async with rigged(operations=operations) as rig:
            picture = add(rig, "DCIM/100/A.JPG", b"picture", thumbnail=JPEG)
            add(rig, "DCIM/100/B.MOV", Zeros(5 * GIB))
            for number in range(6):
                add(rig, f"{number}.JPG")
            await wait_all_tasks_blocked()
            small, large = sorted(await rig.entries((await rig.entry("DCIM/100")).key), key=lambda entry: entry.name)
            assert await rig.camera.read(small, 0, 7) == b"picture"
            assert large.size == 5 * GIB
            if not operations:
                assert len(await rig.camera.read(large, 4 * GIB + 5, 100)) == 100
            assert await rig.camera.thumbnail(small) == JPEG
            assert await rig.camera.choices("iso")
            assert await rig.camera.setting("iso") == "100"
            await rig.camera.change_setting("iso", "200")
            assert (await rig.camera.usage(CARD_ROOT)).objects == 10
            assert len(await rig.camera.capture()) == 1
            await rig.camera.delete(small)
            assert rig.body.card.objects.get(picture.handle) is None
            await rig.camera.format(CARD_ROOT)
            await rig.camera.list_folder(None)
            await rig.camera.describe(CARD_ROOT, None)
            await rig.camera.release(large)
            await rig.camera.aclose()
            used |= set(rig.operations())
    assert used == {*STANDARD, *FURTHER}


async def test_nothing_is_asked_before_it_is_wanted(autojump_clock: MockClock) -> None:
    async with rigged(operations="-GetObjectPropList", listening=False) as rig:
        for name in "ABC":
            add(rig, f"DCIM/100/{name}.JPG")
        assert rig.operations() == ["OpenSession", "GetDeviceInfo"]
        assert await rig.camera.list_folder(None) == [CARD_ROOT]
        assert rig.operations() == ["GetStorageIDs", "GetStorageInfo"]
        store = await rig.camera.describe(CARD_ROOT, None)
        assert store is not None
        assert store.name == "card"
        assert rig.operations() == []
        (dcim,) = await rig.camera.list_folder(CARD_ROOT)
        assert rig.operations() == ["GetObjectHandles"]
        entry = await rig.camera.describe(dcim, CARD_ROOT)
        assert entry is not None
        assert entry.is_folder
        assert rig.operations() == ["GetObjectInfo"]
        keys = await rig.camera.list_folder((await rig.camera.list_folder(dcim))[0])
        assert rig.operations() == ["GetObjectHandles"] * 2
        assert len(keys) == 3


@pytest.mark.parametrize("operation", [Operation.GetThumb, Operation.DeleteObject, Operation.FormatStore])
async def test_what_the_camera_does_not_list_is_not_asked(operation: Operation, autojump_clock: MockClock) -> None:
    async with rigged(operations=f"-{operation.name}") as rig:
        add(rig, "A.JPG")
        entry = await rig.entry("A.JPG")
        calls: dict[Operation, tuple[Coroutine[Any, Any, object], type[errors.Refused]]] = {
            Operation.GetThumb: (rig.camera.thumbnail(entry), errors.NoData),
            Operation.DeleteObject: (rig.camera.delete(entry), errors.NotSupported),
            Operation.FormatStore: (rig.camera.format(CARD_ROOT), errors.NotSupported),
        }
        for call, error in calls.values():
            if error is calls[operation][1] and call is calls[operation][0]:
                with pytest.raises(error):
                    await call
            call.close()
        assert operation.name not in rig.operations()


async def test_a_device_that_is_no_camera(autojump_clock: MockClock) -> None:
    for data in (b"\0", b"\xff" * 200, bytes(11)):
        async with rigged(opened=False, listening=False) as rig:
            rig.fail(FaultKind.BAD_DATASET, Operation.GetDeviceInfo, times=None, data=data)
            with pytest.raises(errors.RemoteProtocolError, match="PTP"):
                await rig.camera.open()


async def test_gone(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        add(rig, "A.JPG")
        entry = await rig.entry("A.JPG")
        rig.body.unplug()
        await wait_all_tasks_blocked()
        assert rig.camera.gone
        calls = [
            rig.camera.list_folder(None),
            rig.camera.list_folder(CARD_ROOT),
            rig.camera.describe(CARD_ROOT, None),
            rig.camera.describe(entry.key, CARD_ROOT),
            rig.camera.locate(entry.key),
            rig.camera.read(entry, 0, 5),
            rig.camera.thumbnail(entry),
            rig.camera.delete(entry),
            rig.camera.usage(CARD_ROOT),
            rig.camera.format(CARD_ROOT),
            rig.camera.setting("iso"),
            rig.camera.choices("iso"),
            rig.camera.change_setting("iso", "200"),
            rig.camera.clock(),
            rig.camera.set_clock(datetime.now(UTC)),
            rig.camera.capture(),
            rig.camera.raw("1001"),
        ]
        for call in calls:
            with pytest.raises(errors.DeviceGone):
                await call
        assert trio.current_time() == 0


async def test_status(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        assert dict(await rig.camera.status()) == {
            "camera": "PTP camera",
            "serial": "0123456789",
            "firmware": "1.0",
            "battery": "75%",
        }
        rig.fail(FaultKind.REFUSE, Operation.GetDevicePropDesc, times=None)
        rig.fail(FaultKind.REFUSE, Operation.GetDevicePropValue, times=None)
        assert dict(await rig.camera.status())["serial"] == "0123456789"


@pytest.mark.parametrize(
    "operation",
    [Operation.GetStorageIDs, Operation.GetObjectHandles, Operation.GetObjectInfo, Operation.GetPartialObject],
)
@pytest.mark.parametrize("maker", ["Nikon Corporation", "Canon Inc."])
async def test_a_nikon_that_denies_access_says_what_to_do(
    operation: Operation, maker: str, autojump_clock: MockClock
) -> None:
    """Over its own Wi-Fi, if it was told to connect to a computer (libgphoto2 issue 976)."""
    async with rigged(operations="-9805") as rig:
        add(rig, "A.JPG")
        rig.body.state.change_device_info(replace(rig.body.state.device_info, manufacturer=maker))
        await wait_all_tasks_blocked()
        entry = await rig.entry("A.JPG")
        rig.fail(FaultKind.REFUSE, operation, times=None, code=ResponseCode.AccessDenied)
        rig.fail(
            FaultKind.REFUSE, Operation.GetObject, times=None, code=ResponseCode.AccessDenied
        )  # which would be asked next
        ask: dict[Operation, Callable[[], Awaitable[object]]] = {
            Operation.GetStorageIDs: lambda: rig.camera.list_folder(None),
            Operation.GetObjectHandles: lambda: rig.camera.list_folder(CARD_ROOT),
            Operation.GetObjectInfo: lambda: rig.camera.describe(entry.key, CARD_ROOT),
            Operation.GetPartialObject: lambda: rig.camera.read(entry, 0, 1),
        }
        with pytest.raises(errors.AccessDenied) as failure:
            await ask[operation]()
        assert ("Connect to smart device" in str(failure.value)) is (maker == "Nikon Corporation")
