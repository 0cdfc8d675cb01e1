"""Every real body, emulated from what it says of itself, and mounted in this process: listed, read, its settings, one capture.

Nothing may fail but what the body itself refused, nothing may hang, and nothing may end in a traceback. A sample of them runs always; all
466 with `--all-bodies`.
"""

import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC
from pathlib import Path
from typing import TypeVar

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.canon_eos.body import CanonBody
from camfs.cameras.nikon.settings import DESTINATION
from camfs.cameras.ptp.usblink import UsbLink
from camfs.cameras.sigma.driver import SigmaCamera
from camfs.cameras.still import StillCamera, open_still_camera
from camfs.cameras.tethered.driver import AUTOFOCUS, TetheredCamera
from camfs.mount.controls import ControlFile, Controls
from camfs.mount.file import File
from camfs.protocols.canon_eos.settings import SETTINGS as CANON_SETTINGS
from camfs.protocols.ptp.codes import DataType, Operation, ResponseCode
from camfs.protocols.ptp.datasets import DevicePropDesc, Enumeration, StorageType
from camfs.protocols.ptp.properties import DATE_TIME, SHUTTER_SPEED, STANDARD_PROPERTIES, property_name
from camfs.virtual.ptp.camera import EmulatedCamera
from camfs.virtual.ptp.options import Options
from camfs.virtual.ptp.profiles import SIGMA_FP, Profile, StoreTable
from camfs.virtual.ptp.properties import Property
from tests.bodies.facts import Body
from tests.cameras.rig import CARD, nursery
from tests.mount.rig import WatchedTree, at, names_of

T = TypeVar("T")

FOLDER = "DCIM/100BODY"
PICTURES = {"BODY0001.JPG": b"one", "BODY0002.JPG": bytes(range(256)) * 300}

A_WHILE = 300
"""Seconds on the mock clock that no body takes for all that is done with it here."""

_STANDARD_TYPES = {row.code: row.data_type for row in STANDARD_PROPERTIES}


@dataclass
class Mounted:
    """A body that is mounted.

    Attributes:
        body: what it says of itself.
        emulated: the camera.
        camera: its driver.
        controls: the control files, with the tree.
    """

    body: Body
    emulated: EmulatedCamera
    camera: StillCamera
    controls: Controls

    async def read(self, path: str) -> str:
        """Read a control file."""
        node = await at(self.controls.tree, path)
        assert isinstance(node, ControlFile)
        return (await node.contents()).decode()

    async def write(self, path: str, text: str) -> None:
        """Write a control file."""
        node = await at(self.controls.tree, path)
        assert isinstance(node, ControlFile)
        await node.write(text.encode())


def emulate(body: Body, card: Path) -> EmulatedCamera:
    """Make a camera that says of itself what a body says, with two pictures on its card."""
    profile = Profile(
        "body",
        body.info,
        (StoreTable("card", CARD, StorageType.RemovableRAM, "", 0),),
        folder="100BODY",
        prefix="BODY",
    )
    if body.info.vendor_extension_desc == "SIGMA":
        profile = replace(SIGMA_FP, device_info=body.info, folder="100BODY", prefix="BODY")
    camera = EmulatedCamera(profile, Options(folders={"card": card}))
    camera.state.device_info = body.info
    described = {description.code: description for description in body.described}
    for code in body.info.device_properties:
        camera.state.properties[code] = _property(code, described.get(code), body.refused.get(code))
    for name, data in PICTURES.items():
        camera.card.add_file(FOLDER, name, data)
    return camera


def _property(code: int, description: DevicePropDesc | None, refused: int | None) -> Property:
    """Make a property; one of which nothing is known is a number, or a text if the standard says so."""
    if description is None:
        data_type = _STANDARD_TYPES.get(code, DataType.UINT16)
        value = "20240504T093000" if code == DATE_TIME else "text" if data_type == DataType.STRING else 1
        description = DevicePropDesc(code, data_type, True, value, value)
    # Some bodies give the value of what they do not describe (Fujifilm).
    value_refused = None if refused == ResponseCode.DevicePropNotSupported else refused
    return Property(description, description_refused=refused, value_refused=value_refused)


@asynccontextmanager
async def mounted(body: Body, folder: Path) -> AsyncIterator[Mounted]:
    """Open a body with the driver that fits it, and put a tree over it."""
    (folder / "card").mkdir()
    with trio.fail_after(A_WHILE):
        async with emulate(body, folder / "card").running() as emulated, nursery() as work:
            camera = await open_still_camera(
                UsbLink(emulated.open()), work, zone=UTC, timeout=10, idle=300, spool=folder / "spool"
            )
            work.start_soon(camera.listen)
            controls = Controls(WatchedTree(camera, work), "virtual:body")
            controls.install()
            work.start_soon(controls.follow)
            yield Mounted(body, emulated, camera, controls)
            work.cancel_scope.cancel()
            await camera.aclose()


async def test_a_body(body: Body, tmp_path: Path, caplog: pytest.LogCaptureFixture, jumping_clock: MockClock) -> None:
    caplog.set_level(logging.DEBUG, "camfs")
    async with mounted(body, tmp_path) as mount:
        await check_pictures(mount)
        await check_status(mount)
        if isinstance(mount.camera, SigmaCamera):
            await check_sigma_settings(mount)
        else:
            await check_settings(mount)
        if Operation.InitiateCapture in body.info.operations:
            await check_capture(mount)
        await check_pictures(mount)
    assert not [record.getMessage() for record in caplog.records if record.exc_info]


async def check_pictures(mount: Mounted) -> None:
    """List the card, and read what is in it."""
    stores = ["card", "imagedb"] if isinstance(mount.camera, SigmaCamera | TetheredCamera) else ["card"]
    assert await names_of(mount.controls.tree.root) == stores
    assert await names_of(await at(mount.controls.tree, "card")) == ["DCIM"]
    assert set(PICTURES) <= set(await names_of(await at(mount.controls.tree, f"card/{FOLDER}")))
    for name, data in PICTURES.items():
        file = await at(mount.controls.tree, f"card/{FOLDER}/{name}")
        assert isinstance(file, File)
        handle = await file.open(writing=False)
        assert b"".join([bytes(await handle.read(offset, 4096)) for offset in range(0, len(data), 4096)]) == data
        await handle.close()


async def check_status(mount: Mounted) -> None:
    """Read `.status`."""
    lines = (await mount.read(".status")).splitlines()
    name = mount.body.info.model or mount.body.info.manufacturer or "PTP camera"
    assert f"camera: {' '.join(name.split())}" in lines
    assert any(line.startswith("card: ") and "not available" not in line for line in lines), lines


async def check_settings(mount: Mounted) -> None:
    """Read all settings and choices; write the present values back, then all choices."""
    operations = mount.body.info.operations
    readable = {Operation.GetDevicePropDesc, Operation.GetDevicePropValue} & set(operations)
    codes = [code for code in mount.body.info.device_properties if code != DATE_TIME] if readable else []
    name_of = property_name
    if isinstance(mount.camera, TetheredCamera):
        await mount.camera.learn_settings()
        name_of = mount.camera.ptp.properties.vocabulary.name
    names = {name_of(code): mount.emulated.state.properties[code] for code in codes}
    own = []
    if isinstance(mount.camera, TetheredCamera):
        is_canon = isinstance(mount.camera.body, CanonBody)
        own = [*([row.name for row in CANON_SETTINGS] if is_canon else [DESTINATION]), AUTOFOCUS]
    assert await names_of(await at(mount.controls.tree, ".settings")) == [*names, *own]
    for name, made in names.items():
        before = made.value
        reads = Operation.GetDevicePropValue in operations and made.value_refused is None
        describes = Operation.GetDevicePropDesc in operations and made.description_refused is None
        text = await expect(mount.read(f".settings/{name}"), made.value_refused, reads or describes)
        choices = await expect(mount.read(f".settings/.choices/{name}"), made.description_refused, describes)
        if text is None or choices is None:
            continue
        assert len(set(choices.splitlines())) == len(choices.splitlines())
        writable = made.description.writable and Operation.SetDevicePropValue in operations
        await expect(mount.write(f".settings/{name}", text), None, writable)
        assert made.value == before
        if writable and isinstance(made.description.form, Enumeration):
            offered = dict.fromkeys(made.description.form.values)
            for value, choice in zip(offered, choices.splitlines(), strict=True):
                await mount.write(f".settings/{name}", choice)
                assert made.value == value


async def check_sigma_settings(mount: Mounted) -> None:
    """Read all settings and choices of a SIGMA; a setting that its firmware has not vanishes once that is known."""
    for name in mount.camera.setting_names():
        for path in (f".settings/{name}", f".settings/.choices/{name}"):
            with contextlib.suppress(errors.NoData):  # what the body does not show now
                if name in mount.camera.setting_names():
                    await mount.read(path)


async def expect(act: Awaitable[T], refused: int | None, succeeds: bool) -> T | None:
    """Do something that has to succeed, or to be refused: with the code that the camera answers, if it answers one."""
    if succeeds:
        return await act
    with pytest.raises(errors.Refused) as caught:
        await act
    if refused is not None:
        assert caught.value.code == refused
    return None


async def check_capture(mount: Mounted) -> None:
    """Take a picture and read it. Bulb, which may have been written last, would not end, and is refused by who knows the body."""
    time = mount.emulated.state.properties.get(SHUTTER_SPEED)
    if time is not None and isinstance(time.description.form, Enumeration):
        time.put(time.description.form.values[0])
    await mount.write(".capture", "1")
    (path,) = (await mount.read(".capture")).split()
    file = await at(mount.controls.tree, path)
    assert isinstance(file, File)
    assert bytes(await file.fetch(0, 2)) == b"\xff\xd8"
