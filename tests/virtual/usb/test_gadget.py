"""What of the gadget can be tested without USB; `tests/usb` tests the rest."""

import ctypes
import os
import shutil
import struct
from pathlib import Path

import pytest
import trio

from camfs.errors import DeviceInUse, TransportError
from camfs.virtual import emulate
from camfs.virtual.usb import functionfs, gadget
from camfs.virtual.usb.aio import Operations


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that looks like a kernel with two controllers, and be root."""
    for name in ("udc/one", "udc/two", "gadgets"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("one", "two"):
        serves(tmp_path, "", name)
    monkeypatch.setattr(gadget, "GADGETS", tmp_path / "gadgets")
    monkeypatch.setattr(gadget, "CONTROLLERS", tmp_path / "udc")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path


def serves(kernel: Path, name: str, controller: str) -> None:
    """Let another gadget use a controller."""
    (kernel / "udc" / controller / "function").write_text(f"{name}\n" if name else "")


async def refused(udc: str | None = None) -> str:
    """Return the message for the user."""
    with pytest.raises(TransportError) as raised:
        await gadget.serve(emulate("sigma-fp"), udc)
    return str(raised.value)


async def test_needs_root(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert await refused() == "a USB gadget needs root"


async def test_needs_configfs(kernel: Path) -> None:
    (kernel / "gadgets").rmdir()
    assert await refused() == f"no {kernel}/gadgets: modprobe libcomposite; mount -t configfs none {kernel}"


@pytest.mark.parametrize("folder", [True, False])
async def test_needs_a_controller(kernel: Path, folder: bool) -> None:
    shutil.rmtree(kernel / "udc")
    if folder:
        (kernel / "udc").mkdir()
    assert await refused() == f"no USB device controller in {kernel}/udc; to try without one: modprobe dummy_hcd"
    assert not list((kernel / "gadgets").iterdir())


async def test_names_the_controllers_there_are(kernel: Path) -> None:
    assert await refused("three") == "no USB device controller three; there are one, two"


async def test_names_who_has_the_controller(kernel: Path) -> None:
    serves(kernel, "keyboard", "two")
    with pytest.raises(DeviceInUse, match=r"^no free USB device controller: two serves the gadget keyboard$"):
        await gadget.serve(emulate("sigma-fp"), "two")
    serves(kernel, "disk", "one")
    assert await refused() == (
        "no free USB device controller: one serves the gadget disk, two serves the gadget keyboard"
    )


@pytest.mark.parametrize(("busy", "free"), [((), "one"), (("one",), "two")])
def test_takes_the_first_controller_that_is_free(kernel: Path, busy: tuple[str, ...], free: str) -> None:
    for controller in busy:
        serves(kernel, f"gadget of {controller}", controller)
    assert gadget.free_controller(None) == free


def test_the_descriptors_are_those_of_a_still_image_device() -> None:
    data = functionfs.descriptors()
    magic, length, flags, *counts = struct.unpack_from("<6I", data)
    assert (magic, length, flags, counts) == (3, len(data), 7, [4, 4, 7])
    found, offset = [], 24
    while offset < len(data):
        found.append(data[offset : offset + data[offset]])
        offset += data[offset]
    assert len(found) == sum(counts)
    assert {one for one in found if one[1] == 4} == {bytes((9, 4, 0, 0, 3, 6, 1, 1, 1))}
    packets = [struct.unpack_from("<xxBBH", one) for one in found if one[1] == 5]
    assert packets == [
        *((0x81, 2, 64), (0x02, 2, 64), (0x83, 3, 64)),
        *((0x81, 2, 512), (0x02, 2, 512), (0x83, 3, 64)),
        *((0x81, 2, 1024), (0x02, 2, 1024), (0x83, 3, 64)),
    ]


def test_the_strings_are_in_english() -> None:
    assert functionfs.strings("Still Image") == struct.pack("<4IH", 2, 30, 1, 1, 0x409) + b"Still Image\0"


async def test_the_kernel_does_operations(tmp_path: Path) -> None:
    operations = Operations()
    file = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(operations.run)
        write = operations.write(file, b"..hello..", 2, 7)
        await write.ended.wait()
        assert write.moved() == 5
        buffer = ctypes.create_string_buffer(16)
        read = operations.read(file, buffer)
        await read.ended.wait()
        assert (read.moved(), buffer.raw[:5]) == (5, b"hello")
        operations.give_up(read)  # nothing to give up
        with pytest.raises(OSError, match="Bad file descriptor"):
            operations.read(9999, buffer)
        nursery.cancel_scope.cancel()
    operations.close()
    os.close(file)


async def test_what_was_begun_can_be_given_up_without_the_task_that_reaps(tmp_path: Path) -> None:
    operations = Operations()
    file = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    write = operations.write(file, b"hello", 0, 5)
    operations.give_up(write)
    assert write.ended.is_set()
    operations.close()
    os.close(file)
