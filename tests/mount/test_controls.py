"""Control files: what each reads and writes, what guards it, and that the log of events is bounded."""

from datetime import UTC, datetime
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from camfs import errors
from camfs.cameras.api import Camera, EntryGone, FolderChanged, Happened, Key, NoChoices
from camfs.mount.controls import CONTROLS, Control, ControlFile, Controls, Permits, SettingsFolder
from camfs.mount.file import File
from tests.cameras.rig import CARD, nursery, rigged
from tests.cameras.scripted import ScriptedCamera
from tests.mount.rig import WatchedTree, at, names_of


def installed(camera: Camera, work: trio.Nursery, *, show_control: bool = False, **permits: bool) -> Controls:
    made = Controls(WatchedTree(camera, work, show_control=show_control), "virtual:test", Permits(**permits))
    made.install()
    return made


async def read(controls: Controls, path: str) -> str:
    node = await at(controls.tree, path)
    assert isinstance(node, ControlFile)
    return (await node.contents()).decode()


async def write(controls: Controls, path: str, data: bytes | str) -> None:
    node = await at(controls.tree, path)
    assert isinstance(node, ControlFile)
    await node.write(data if isinstance(data, bytes) else data.encode())


# where they are


async def test_control_files_answer_to_their_names_and_are_not_listed() -> None:
    async with nursery() as work:
        controls = installed(ScriptedCamera(), work)
        assert await names_of(controls.tree.root) == ["card"]
        for name in (*CONTROLS, ".events", ".settings", ".thumbnails"):
            node = await at(controls.tree, name)
            assert node.path() == name
            assert (await node.attributes()).lasting is (name == ".thumbnails")
        assert await names_of(await at(controls.tree, ".settings")) == ["iso", "aperture"]
        assert await names_of(await at(controls.tree, ".settings/.choices")) == ["iso", "aperture"]


async def test_they_are_listed_on_request() -> None:
    async with nursery() as work:
        controls = installed(ScriptedCamera(), work, show_control=True)
        assert set(await names_of(controls.tree.root)) == {
            "card",
            ".developed",
            ".events",
            ".liveview.jpg",
            ".liveview.mjpeg",
            ".settings",
            ".thumbnails",
            *CONTROLS,
        }
        assert await names_of(await at(controls.tree, ".settings")) == [".choices", "iso", "aperture"]


@pytest.mark.parametrize(
    ("name", "permissions"),
    [
        (".status", 0o444),
        (".capture", 0o666),
        (".clock", 0o666),
        (".refresh", 0o222),
        (".format", 0o222),
        (".raw", 0o600),
        (".liveview.jpg", 0o600),
        (".focus", 0o666),
        (".events", 0o444),
        (".settings", 0o755),
        (".settings/iso", 0o666),
        (".settings/.choices", 0o755),
        (".settings/.choices/iso", 0o444),
        (".thumbnails", 0o777),
    ],
)
async def test_permissions(name: str, permissions: int) -> None:
    async with nursery() as work:
        controls = installed(ScriptedCamera(), work)
        assert (await (await at(controls.tree, name)).attributes()).permissions == permissions


@pytest.mark.parametrize(("name", "row"), CONTROLS.items())
async def test_what_a_file_does_not_do_is_denied(name: str, row: Control) -> None:
    async with nursery() as work:
        controls = installed(ScriptedCamera(), work)
        if row.read is None:
            with pytest.raises(errors.AccessDenied):
                await read(controls, name)
        if row.write is None:
            with pytest.raises(errors.AccessDenied):
                await write(controls, name, "1")
        else:
            with pytest.raises(errors.InvalidValue):
                await write(controls, name, b"\xff\xfe")


async def test_reading_that_acquires_control_is_for_the_owner() -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        camera.is_remote_controlled = True
        controls = installed(camera, work)
        for name in (".settings/iso", ".settings/.choices/iso", ".focus", ".liveview.jpg"):
            assert not (await (await at(controls.tree, name)).attributes()).permissions & 0o077
        for name in (".control", ".status", ".events", ".capture", ".record", ".clock"):
            assert (await (await at(controls.tree, name)).attributes()).permissions & 0o444 == 0o444


EVIL = "\x1b]0;P\x07\x9b2J\u202e\n"
"""Text of a camera that a terminal would obey."""


async def test_nothing_unprintable_is_shown() -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        controls = installed(camera, work)
        camera.settings = {"iso": "100", "artist": f"Ana{EVIL}"}
        camera.failing["usage"] = errors.Refused(f"no {EVIL}")
        controls.tree.note_error(f"another camera: {EVIL}")
        controls.events.add(f"Happened {EVIL}", datetime.now(UTC))
        (await controls.tree.stores())[0].name = EVIL.encode()
        texts = [await read(controls, name) for name in (".status", ".settings/artist")]
        for text in (*texts, controls.events.text.decode()):
            assert "?]0;P??2J?" in text
            assert all(line.isprintable() for line in text.split("\n"))
        assert len(texts[1].splitlines()) == 1


async def test_a_command_that_fails_is_logged_each_time(caplog: pytest.LogCaptureFixture) -> None:
    async with nursery() as work:
        controls = installed(ScriptedCamera(), work)
        for _ in range(3):
            controls.tree.note_error("refused", of_command=True)
        for _ in range(3):
            controls.tree.note_error("not described")
        assert caplog.messages == ["refused"] * 3 + ["not described"]


async def test_a_value_can_be_written_back_as_it_is_shown() -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        controls = installed(camera, work)
        camera.settings["artist"] = "Ana \x1b[1m?"
        await write(controls, ".settings/artist", await read(controls, ".settings/artist"))
        assert camera.settings["artist"] == "Ana \x1b[1m?"
        await write(controls, ".settings/artist", "who?")
        assert camera.settings["artist"] == "who?"


async def test_settings_come_and_go() -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        controls = installed(camera, work)
        iso = await at(controls.tree, ".settings/iso")
        camera.settings = {"flash": "auto", "iso": "100"}
        assert await names_of(await at(controls.tree, ".settings")) == ["flash", "iso"]
        assert await at(controls.tree, ".settings/iso") is iso
        folder = await at(controls.tree, ".settings")
        assert isinstance(folder, SettingsFolder)
        for name in (b"aperture", b"", b".", b"ISO"):
            assert await folder.find(name) is None


# reading and writing


@pytest.mark.parametrize("text", ["200", "200\n", " 200 \r\n", "200\0"])
async def test_a_setting(text: str) -> None:
    async with nursery() as work:
        controls = installed(ScriptedCamera(), work)
        assert await read(controls, ".settings/iso") == "100\n"
        await write(controls, ".settings/iso", text)
        assert await read(controls, ".settings/iso") == "200\n"
        with pytest.raises(errors.InvalidValue):
            await write(controls, ".settings/iso", "150")
        assert await read(controls, ".settings/.choices/iso") == "100\n200\n400\n"
        assert await read(controls, ".settings/.choices/aperture") == ""
        with pytest.raises(errors.AccessDenied):
            await write(controls, ".settings/.choices/iso", "100")


async def test_the_clock() -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        controls = installed(camera, work)
        assert await read(controls, ".clock") == "2026-11-19T16:02:00+00:00\n"
        await write(controls, ".clock", "2027-01-02T03:04:05+02:00\n")
        assert camera.now == datetime(2027, 1, 2, 1, 4, 5, tzinfo=UTC)
        await write(controls, ".clock", "2027-01-02 03:04")
        assert camera.now == datetime(2027, 1, 2, 3, 4)
        await write(controls, ".clock", "now\n")
        assert abs((camera.now - datetime.now(UTC)).total_seconds()) < 60
        for text in ("", "yesterday", "2027-13-01", "12:00", "2027-01-01T25:00", "1" * 10_000):
            with pytest.raises(errors.InvalidValue):
                await write(controls, ".clock", text)


async def test_capture() -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        folder = camera.add(camera.card, "DCIM")
        for number in range(500):
            camera.add(folder, f"OLD{number}.JPG", b"old")
        controls = installed(camera, work)
        assert await read(controls, ".capture") == ""
        camera.shot(folder, "NEW1.JPG", "NEW1.DNG")
        await write(controls, ".capture", "1\n")
        assert await read(controls, ".capture") == "card/DCIM/NEW1.JPG\ncard/DCIM/NEW1.DNG\n"
        assert len(camera.calls) < 20
        node = await at(controls.tree, "card/DCIM/NEW1.DNG")
        assert isinstance(node, File)
        for number in (2, 3):
            camera.shot(folder, f"NEW{number}.JPG")
        await write(controls, ".capture", "2")
        assert await read(controls, ".capture") == "card/DCIM/NEW3.JPG\n"
        assert camera.count("capture") == 3
        assert "NEW2.JPG" in await names_of(await at(controls.tree, "card/DCIM"))


async def test_a_capture_that_fails() -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        folder = camera.add(camera.card, "DCIM")
        controls = installed(camera, work)
        camera.shot(folder, "NEW1.JPG")
        with pytest.raises(errors.TransferTimeout):
            await write(controls, ".capture", "5")
        assert await read(controls, ".capture") == "card/DCIM/NEW1.JPG\n"


async def test_refresh() -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        camera.sends_events = True
        controls = installed(camera, work)
        assert await names_of(controls.tree.root) == ["card"]
        camera.add(camera.root, "memory")
        assert await names_of(controls.tree.root) == ["card"]
        flushed = []

        async def flush() -> None:
            flushed.append(await names_of(controls.tree.root))

        controls.tree.kernel.flush = flush  # type: ignore[method-assign]
        await write(controls, ".refresh", "1\n")
        assert flushed == [["card", "memory"]]


async def test_format() -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        camera.sends_events = True
        memory = camera.add(camera.root, "memory")
        for store in (camera.card, memory):
            camera.add(store, "A.JPG", b"a")
        with pytest.raises(errors.NotPermitted):
            await write(installed(camera, work), ".format", "card")
        controls = installed(camera, work, format=True)
        assert await names_of(await at(controls.tree, "memory")) == ["A.JPG"]
        for text in ("", "*", "card2", "card/", "CARD", "."):
            with pytest.raises(errors.NotFound):
                await write(controls, ".format", text)
        assert camera.count("format") == 0
        flushed = []

        async def flush() -> None:
            flushed.append(await names_of(await at(controls.tree, "memory")))

        controls.tree.kernel.flush = flush  # type: ignore[method-assign]
        await write(controls, ".format", "memory\n")
        assert flushed == [[]]
        assert await names_of(await at(controls.tree, "memory")) == []
        assert await names_of(await at(controls.tree, "card")) == ["A.JPG"]


async def test_raw() -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        controls = installed(camera, work)
        with pytest.raises(errors.NotPermitted):
            await read(controls, ".raw")
        with pytest.raises(errors.NotPermitted):
            await write(controls, ".raw", "1001")
        assert camera.calls == []
        controls = installed(camera, work, raw=True)
        assert await read(controls, ".raw") == ""
        await write(controls, ".raw", "1001\n")
        assert await read(controls, ".raw") == "2001 : 31303031\n"
        camera.failing["raw"] = errors.InvalidValue("no")
        with pytest.raises(errors.InvalidValue):
            await write(controls, ".raw", "x")
        assert await read(controls, ".raw") == "2001 : 31303031\n"


# status


def lines_of(text: str) -> dict[str, str]:
    assert text.endswith("\n")
    return dict(line.split(": ", 1) for line in text.splitlines())


async def test_status() -> None:
    async with nursery() as work:
        controls = installed(ScriptedCamera(), work)
        assert (await read(controls, ".status")).splitlines() == [
            "camera: Scripted",
            "serial: 1",
            "firmware: 1.0",
            "source: virtual:test",
            "battery: 50%",
            "card: 64.0 GB, 16.0 GB free",
            "transfer: none",
        ]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (errors.StoreUnavailable("no store: tap Trust"), "stores: none: no store: tap Trust"),
        (errors.AccessDenied("denied; use the cable"), "stores: not available: denied; use the cable"),
        (errors.TransferTimeout("no answer in 10 s"), "stores: not available: no answer in 10 s"),
    ],
)
async def test_status_says_why_there_is_no_store(error: errors.CameraError, line: str) -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        controls = installed(camera, work)
        camera.failing["list"] = error
        assert line in (await read(controls, ".status")).splitlines()
        camera.failing.clear()
        camera.remove(camera.card)
        assert "stores: none" in (await read(controls, ".status")).splitlines()


async def test_status_tells_the_time_of_the_last_error_until_that_succeeds() -> None:
    async with nursery() as work:
        controls = installed(ScriptedCamera(), work)
        for kind in ("this", "that"):
            controls.tree.note_error(f"{kind} failed", kind=kind)
        lines = (await read(controls, ".status")).splitlines()
        moment = datetime.fromisoformat(lines[-2].removeprefix("last-error-time: "))
        assert abs((datetime.now(UTC) - moment).total_seconds()) < 60
        assert lines[-1] == "last-error: that failed"
        controls.tree.note_success("this")
        assert lines_of(await read(controls, ".status"))["last-error"] == "that failed"
        controls.tree.note_success("that")
        assert not {"last-error", "last-error-time"} & set(lines_of(await read(controls, ".status")))


async def test_status_says_why_a_setting_has_no_choices() -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        controls = installed(camera, work)
        assert await read(controls, ".settings/.choices/aperture") == ""
        assert lines_of(await read(controls, ".status"))["no-choices"].startswith("aperture: ")
        assert await read(controls, ".settings/.choices/iso") != ""
        assert "no-choices" in lines_of(await read(controls, ".status"))

        async def explained(name: str) -> NoChoices:
            return NoChoices("it can only be read")

        camera.choices = explained  # type: ignore[method-assign]
        assert await read(controls, ".settings/.choices/iso") == ""
        assert lines_of(await read(controls, ".status"))["no-choices"] == "iso: it can only be read"


async def test_status_tells_the_last_error_in_a_line() -> None:
    async with nursery() as work:
        controls = installed(ScriptedCamera(), work)
        controls.tree.note_error("two\nlines\tof it")
        assert lines_of(await read(controls, ".status"))["last-error"] == "two lines of it"


@pytest.mark.parametrize("call", ["status", "usage", "list", "describe"])
@pytest.mark.parametrize(
    "error", [errors.TransferTimeout("no answer"), errors.StoreUnavailable("no card"), errors.RemoteProtocolError("?")]
)
async def test_status_never_fails(call: str, error: errors.CameraError) -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        controls = installed(camera, work)
        camera.failing[call] = error
        found = lines_of(await read(controls, ".status"))
        assert found["source"] == "virtual:test"
        assert ("camera" in found) == (call != "status")


async def test_status_of_a_store_that_is_out_tells_of_the_other() -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        memory = camera.add(camera.root, "memory")
        controls = installed(camera, work)

        async def before(call: str, key: Key | None) -> None:
            if call == "usage" and key == camera.card.number:
                raise errors.StoreUnavailable("no card")

        camera.before = before
        found = lines_of(await read(controls, ".status"))
        assert found["card"] == "not available: no card"
        assert found["memory"].startswith("64.0 GB")
        assert memory.number


async def test_status_of_a_camera_that_is_gone() -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        controls = installed(camera, work)
        await read(controls, ".status")
        camera.gone = True
        found = lines_of(await read(controls, ".status"))
        assert found["camera"] == "Scripted"
        assert found["connected"] == "no"
        assert "card" not in found


async def test_status_names_what_is_under_way(autojump_clock: MockClock) -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        camera.add(camera.card, "A.MOV", bytes(1000))
        controls = installed(camera, work)
        node = await at(controls.tree, "card/A.MOV")
        assert isinstance(node, File)

        async def before(call: str, _key: Key | None) -> None:
            if call == "read":
                await trio.sleep(5)

        camera.before = before
        async with trio.open_nursery() as readers:
            readers.start_soon(controls.tree.blocks.open(node).read, 0, 100)
            await wait_all_tasks_blocked()
            assert lines_of(await read(controls, ".status"))["transfer"] == "card/A.MOV"
        assert lines_of(await read(controls, ".status"))["transfer"] == "none"


async def test_a_camera_cannot_write_lines_of_its_own_into_the_status() -> None:
    async with nursery() as work:
        camera = ScriptedCamera()

        async def status() -> list[tuple[str, str]]:
            return [("camera", "A\nlast-error: none\r\nbattery: 100%")]

        camera.status = status  # type: ignore[method-assign]
        text = await read(installed(camera, work), ".status")
        assert text.startswith("camera: A last-error: none battery: 100%\n")


# events


async def test_following_the_camera() -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        folder = camera.add(camera.card, "DCIM")
        thing = camera.add(folder, "A.JPG", b"a")
        controls = installed(camera, work)
        work.start_soon(controls.follow)
        assert await names_of(await at(controls.tree, "card/DCIM")) == ["A.JPG"]
        camera.sends_events = True
        camera.announce(Happened("0xC401 0x00000001"))
        camera.add(folder, "B.JPG", b"b")
        camera.announce(FolderChanged(folder.number))
        camera.remove(thing)
        camera.announce(EntryGone(thing.number))
        await wait_all_tasks_blocked()
        assert await names_of(await at(controls.tree, "card/DCIM")) == ["B.JPG"]
        assert bytes(controls.events.text).endswith(b" 0xC401 0x00000001\n")


@pytest.mark.parametrize("error", [errors.TransferTimeout("no answer"), ZeroDivisionError("a bug")])
async def test_following_goes_on_after_a_failure(error: Any) -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        controls = installed(camera, work)
        work.start_soon(controls.follow)
        await names_of(controls.tree.root)
        camera.failing["list"] = error
        camera.announce(FolderChanged(None))
        await wait_all_tasks_blocked()
        assert str(error) in controls.tree.last_error
        camera.failing.clear()
        camera.announce(Happened("still here"))
        await wait_all_tasks_blocked()
        assert b"still here" in controls.events.text


async def test_an_object_that_is_not_shown_is_told_in_the_status() -> None:
    async with nursery() as work:
        camera = ScriptedCamera()
        camera.add(camera.card, "A.JPG", b"a")
        camera.add(camera.card, "B.JPG", b"b").failure = errors.AccessDenied("locked", 0x200F)
        controls = installed(camera, work)
        assert await names_of(await at(controls.tree, "card")) == ["A.JPG"]
        assert "locked" in lines_of(await read(controls, ".status"))["last-error"]


# on a real driver


async def test_every_control_of_an_emulated_camera(autojump_clock: MockClock) -> None:
    async with rigged() as rig, nursery() as work:
        controls = installed(rig.camera, work, raw=True, format=True)
        work.start_soon(controls.follow)
        rig.body.card.folder("DCIM/100CAMFS")
        for name in await names_of(await at(controls.tree, ".settings")):
            assert (await read(controls, f".settings/{name}")).endswith("\n")
            await read(controls, f".settings/.choices/{name}")
        await write(controls, ".settings/iso", "400\n")
        assert await read(controls, ".settings/iso") == "400\n"
        await write(controls, ".clock", "2026-01-02T03:04:05+00:00")
        assert (await read(controls, ".clock")).startswith("2026-01-02T03:04:")
        await write(controls, ".capture", "2")
        (path,) = (await read(controls, ".capture")).split()
        node = await at(controls.tree, path)
        assert isinstance(node, File)
        assert bytes(await controls.tree.blocks.open(node).read(0, 3)) == b"\xff\xd8\xff"
        assert len(await names_of(await at(controls.tree, "card/DCIM/100CAMFS"))) == 2
        await write(controls, ".raw", "1015 500f")
        assert await read(controls, ".raw") == "2001 : 9001\n"
        await write(controls, ".refresh", "1")
        await write(controls, ".format", "card")
        assert await names_of(await at(controls.tree, "card")) == []
        assert b"ObjectAdded" in controls.events.text
        assert "card" in lines_of(await read(controls, ".status"))
        assert rig.body.card.id == CARD
