"""Cameras that list, announce and number their pictures badly: every picture shows, none under another's bytes, no folder empty for it."""

import errno
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from camfs.protocols.ptp.codes import EventCode, Operation, ResponseCode, StorageID
from camfs.protocols.ptp.datasets import decode_handles, encode_handles
from camfs.virtual.pictures.contents import Bytes
from camfs.virtual.ptp.calls import Answer, Call
from camfs.virtual.ptp.camera import EmulatedCamera
from camfs.virtual.ptp.faults import Fault, FaultKind
from camfs.virtual.ptp.operations import get_object_handles
from camfs.virtual.ptp.state import CameraState
from camfs.virtual.ptp.store import File, Folder
from tests.mounted.contents import KIB, make_file
from tests.mounted.inprocess import CameraInProcess, camera_in_process
from tests.mounted.mount import camfs, mounted, run
from tests.mounted.test_controls import write

TAKEN = datetime(2024, 5, 4, 9, 30)

PICTURES = "card/DCIM/100CAMFS"


@pytest.fixture
def served(folder: Path) -> Iterator[CameraInProcess]:
    """Serve a camera without property lists, whose card has one picture."""
    (folder / "DCIM/100CAMFS").mkdir(parents=True)
    make_file(folder / "DCIM/100CAMFS/1.JPG", 300 * KIB)
    with camera_in_process(card=str(folder), operations="-GetObjectPropList") as camera:
        camera.do(lambda body: body.state.stores.pop())
        yield camera


def errno_of_listing(path: Path) -> int:
    """Return the errno of reading a directory, 0 if it can be read."""
    try:
        os.listdir(path)
    except OSError as error:
        return error.errno or -1
    return 0


def wait_until(holds: Callable[[], bool], seconds: float = 12) -> None:
    """Wait for what is promised within some seconds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.2)


def refuse(body: EmulatedCamera, operation: int, **about: object) -> Fault:
    fault = Fault(FaultKind.REFUSE, operation, times=None)
    for name, value in about.items():
        setattr(fault, name, value)
    body.faults.append(fault)
    return fault


# ---------------------------------------------------------------------- stores


def test_a_camera_that_lists_slots_in_place_of_stores(camera: Path) -> None:
    with mounted("virtual:ptp?quirks=lists_slots", camera):
        assert sorted(os.listdir(camera)) == ["card", "memory"]
        assert len(os.listdir(camera / PICTURES)) == 4


def test_no_store_is_no_empty_directory(served: CameraInProcess, camera: Path, tmp_path: Path) -> None:
    """`.status`, the log and the doctor say what to do, and the mount shows the store once it is there."""

    def lock(body: EmulatedCamera) -> None:
        body.card.present = False
        body.state.device_info = replace(body.state.device_info, manufacturer="Apple Inc.", model="Apple iPhone")

    served.do(lock)
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy/old.jpg").touch()
    with mounted(served.source, camera) as mount:
        mount.expect("shows no store.*tap Trust")
        assert errno_of_listing(camera) == errno.ENOMEDIUM
        assert "tap Trust" in mount.read_status()["stores"]
        report = camfs("--doctor").stdout.splitlines()
        (place,) = [number for number, line in enumerate(report) if str(camera) in line]
        assert report[place].startswith("FAIL")
        assert "tap Trust" in report[place + 1]
        run("rsync", "-r", "--delete", f"{camera}/", tmp_path / "copy", status=23)
        assert os.listdir(tmp_path / "copy") == ["old.jpg"]
        mount.tolerate("shows no store")
        served.do(lambda body: body.state.insert_card(body.card.id))
        wait_until(lambda: errno_of_listing(camera) == 0)
        assert os.listdir(camera / PICTURES) == ["1.JPG"]
        assert "stores" not in mount.read_status()


@pytest.mark.parametrize("announced", [True, False])
def test_a_store_whose_id_changes(served: CameraInProcess, camera: Path, folder: Path, announced: bool) -> None:
    """An iPhone has another id in each session (libgphoto2 issue 132)."""
    whole = (folder / "DCIM/100CAMFS/1.JPG").read_bytes()

    def change_id(body: EmulatedCamera) -> None:
        before, body.card.id = body.card.id, StorageID(0x00010007)
        if announced:
            body.state.notify(EventCode.StoreRemoved, before)
            body.state.notify(EventCode.StoreAdded, body.card.id)

    with mounted(served.source, camera, "attr_timeout=1") as mount:
        before = os.stat(camera / PICTURES / "1.JPG")
        with open(camera / PICTURES / "1.JPG", "rb", buffering=0) as file:
            assert file.read(10) == whole[:10]
            served.do(change_id)
            mount.tolerate("NotAvailable|InvalidStorageID|shows no store")
            time.sleep(1.1)
            wait_until(lambda: errno_of_listing(camera / PICTURES) == 0)
            assert os.listdir(camera) == ["card"]
            assert os.stat(camera / PICTURES / "1.JPG").st_ino == before.st_ino
            file.seek(200 * KIB)
            assert file.read(10) == whole[200 * KIB : 200 * KIB + 10]


def test_a_card_that_is_out_is_an_error_also_to_who_is_in_it(served: CameraInProcess, camera: Path) -> None:
    with mounted(served.source, camera) as mount:
        assert os.listdir(camera / PICTURES) == ["1.JPG"]
        with subprocess.Popen(
            ["sh", "-c", "read line; ls ."], cwd=camera / PICTURES, stdin=subprocess.PIPE, stderr=subprocess.PIPE
        ) as inside:
            served.do(lambda body: body.state.remove_card(body.card.id))
            wait_until(lambda: errno_of_listing(camera) == errno.ENOMEDIUM)
            assert errno_of_listing(camera / PICTURES) == errno.ENOMEDIUM
            _, complaint = inside.communicate(b"\n")
            assert b"No medium found" in complaint
        mount.expect("shows no store")
        mount.tolerate("NotAvailable")


# ---------------------------------------------------------------------- objects that come late, or are never described


@pytest.mark.parametrize(
    "code", [ResponseCode.InvalidObjectHandle, ResponseCode.AccessDenied, ResponseCode.GeneralError]
)
@pytest.mark.parametrize("listed", [True, False])
def test_a_picture_that_is_announced_early(
    served: CameraInProcess, camera: Path, code: ResponseCode, listed: bool
) -> None:
    """A Nikon D5500 describes it two seconds later (gphoto2 issue 164)."""

    def take(body: EmulatedCamera) -> Fault:
        file = body.card.add_file("DCIM/100CAMFS", "2.JPG", b"new", TAKEN)

        async def without_it(state: CameraState, call: Call) -> Answer:
            answer = await get_object_handles(state, call)
            assert isinstance(answer.payload, bytes)
            return Answer(encode_handles(handle for handle in decode_handles(answer.payload) if handle != file.handle))

        if not listed:
            body.override(Operation.GetObjectHandles, without_it)
        return refuse(body, Operation.GetObjectInfo, parameter=file.handle, code=code)

    def recover(body: EmulatedCamera) -> None:
        fault.times = 0
        body.restore(Operation.GetObjectHandles)

    with mounted(served.source, camera) as mount:
        mount.tolerate("cannot be described")
        assert os.listdir(camera / PICTURES) == ["1.JPG"]
        fault = served.do(take)
        time.sleep(1)
        assert "1.JPG" in os.listdir(camera / PICTURES)
        served.do(recover)
        wait_until(lambda: "2.JPG" in os.listdir(camera / PICTURES))
        assert (camera / PICTURES / "2.JPG").read_bytes() == b"new"


def test_a_folder_of_which_little_can_be_described(served: CameraInProcess, camera: Path, tmp_path: Path) -> None:
    """rsync copies what there is and deletes nothing from the copy."""

    def spoil(body: EmulatedCamera) -> None:
        for number in range(2, 6):
            file = body.card.add_file("DCIM/100CAMFS", f"{number}.JPG", b"new", TAKEN)
            refuse(body, Operation.GetObjectInfo, parameter=file.handle, code=ResponseCode.InvalidObjectHandle)

    served.do(spoil)
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "2.JPG").write_bytes(b"copied before")
    with mounted(served.source, camera) as mount:
        mount.expect("4 of the objects that the camera lists here cannot be described")
        mount.tolerate("not shown", "never described")
        assert errno_of_listing(camera / PICTURES) == errno.EIO
        run("rsync", "-rt", "--delete", f"{camera / PICTURES}/", copy, status=23)
        assert sorted(os.listdir(copy)) == ["1.JPG", "2.JPG"]
        served.do(lambda body: body.faults.clear())
        wait_until(lambda: errno_of_listing(camera / PICTURES) == 0)
        run("rsync", "-rt", "--delete", f"{camera / PICTURES}/", copy)
        assert len(os.listdir(copy)) == 5


def test_a_parent_that_is_no_object(folder: Path, camera: Path) -> None:
    """An iPhone's folders name one (libgphoto2 issue 1254); the picture that is taken is found all the same."""
    with mounted("virtual:ptp?quirks=unknown_parent&operations=-GetObjectPropList", camera):
        assert write(camera / ".capture", "1") == 0
        assert (camera / ".capture").read_text() == f"{PICTURES}/CAMF0005.JPG\n"
        assert (camera / PICTURES / "CAMF0005.JPG").read_bytes()[:2] == b"\xff\xd8"


# ---------------------------------------------------------------------- handles that are used again


def replace_picture(body: EmulatedCamera, name: str, data: bytes, moment: datetime) -> None:
    """Give a new picture the handle of the old one, as a Sony does (gphoto2 issues 153, 328)."""
    file = body.card.find("DCIM/100CAMFS").children[0]  # type: ignore[attr-defined]
    assert isinstance(file, File)
    file.name, file.content, file.modified = name, Bytes(data), moment
    body.state.notify(EventCode.ObjectAdded, file.handle)


@pytest.mark.parametrize(
    ("name", "size", "moment"),
    [("1.JPG", 300 * KIB, datetime(2025, 1, 1)), ("1.JPG", 200 * KIB, TAKEN), ("2.JPG", 300 * KIB, TAKEN)],
)
def test_a_handle_that_is_used_again(
    served: CameraInProcess, camera: Path, folder: Path, name: str, size: int, moment: datetime
) -> None:
    old, new = (folder / "DCIM/100CAMFS/1.JPG").read_bytes(), os.urandom(size)
    path = camera / PICTURES / "1.JPG"
    with mounted(served.source, camera):
        assert path.read_bytes() == old
        with open(path, "rb", buffering=0) as file:
            assert file.read(10) == old[:10]
            served.do(lambda body: replace_picture(body, name, new, moment))
            wait_until(lambda: os.listdir(camera / PICTURES) == [name])
            shown = (size, moment.astimezone().timestamp())
            wait_until(lambda: ((found := (camera / PICTURES / name).stat()).st_size, found.st_mtime) == shown)
            is_new = (camera / PICTURES / name).read_bytes() == new
            assert is_new
            try:  # never the bytes of two pictures in one copy
                rest = file.read(200 * KIB)
            except OSError as error:
                if error.errno != errno.ESTALE:
                    raise
            else:
                is_old = rest == old[10 : 10 + len(rest)]  # from pages that the kernel has not dropped yet
                assert is_old


def test_a_handle_that_is_used_again_while_its_picture_is_copied(
    served: CameraInProcess, camera: Path, folder: Path, tmp_path: Path
) -> None:
    large = os.urandom(4 << 20)

    def begin(body: EmulatedCamera) -> None:
        replace_picture(body, "1.JPG", large, TAKEN)
        body.faults.append(Fault(FaultKind.DELAY, Operation.GetPartialObject, times=None, seconds=0.5))

    served.do(begin)
    with mounted(served.source, camera):
        wait_until(lambda: (camera / PICTURES / "1.JPG").stat().st_size == len(large))
        with subprocess.Popen(["cp", camera / PICTURES / "1.JPG", tmp_path / "copy"], stderr=subprocess.PIPE) as copy:
            time.sleep(1)
            served.do(lambda body: replace_picture(body, "1.JPG", large[::-1], datetime(2025, 1, 1)))
            _, complaint = copy.communicate()
        assert copy.returncode == 1
        assert b"Stale file handle" in complaint


@pytest.mark.parametrize("announces", ["stores", "objects", "nothing"])
def test_a_card_that_was_formatted_in_the_camera(
    served: CameraInProcess, camera: Path, folder: Path, announces: str
) -> None:
    """Its new objects have the handles of the old ones."""
    new = os.urandom(100 * KIB)

    def reformat(body: EmulatedCamera) -> None:
        replace_at = body.card.find("DCIM/100CAMFS")
        assert isinstance(replace_at, Folder)
        body.state.device_info, info = replace(body.state.device_info, events=()), body.state.device_info
        replace_picture(body, "1.JPG", new, datetime(2025, 1, 1))
        body.state.device_info = info
        if announces == "stores":
            body.state.notify(EventCode.StoreRemoved, body.card.id)
            body.state.notify(EventCode.StoreAdded, body.card.id)
        elif announces == "objects":
            for node in (body.card.find("DCIM"), replace_at, replace_at.children[0]):
                body.state.notify(EventCode.ObjectAdded, node.handle)

    with mounted(served.source, camera, "attr_timeout=1") as mount:
        path = camera / PICTURES / "1.JPG"
        assert path.read_bytes() == (folder / "DCIM/100CAMFS/1.JPG").read_bytes()
        served.do(reformat)
        mount.tolerate("another object in its place")
        time.sleep(1.1)
        wait_until(lambda: bool(os.listdir(camera / PICTURES)) and path.stat().st_size == len(new))
        assert path.read_bytes() == new
