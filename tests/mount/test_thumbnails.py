"""`.thumbnails/`: the tree over again, each picture's own thumbnail as JPEG, and nothing else fetched."""

import contextlib
import gc
import io
import struct
import zlib
from typing import cast

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.api import Entry, EntryChanged, EntryGone, FolderChanged
from camfs.mount import thumbnails
from camfs.mount import tree as tree_module
from camfs.mount.file import File
from camfs.mount.mirror import FEW, MirrorFolder
from camfs.mount.thumbnails import (
    FIRST_REST,
    LONGEST_REST,
    Thumbnail,
    Thumbnails,
    as_jpeg,
)
from camfs.mount.tree import Tree
from tests.cameras.rig import rigged
from tests.cameras.scripted import ScriptedCamera, Thing
from tests.mount.rig import WatchedTree, at, names_of, nodes_of


def drawn(kind: str, mode: str = "RGB", size: tuple[int, int] = (16, 12)) -> bytes:
    written = io.BytesIO()
    Image.new(mode, size).save(written, kind)
    return written.getvalue()


def with_pictures() -> tuple[ScriptedCamera, Thing, Tree, MirrorFolder]:
    camera = ScriptedCamera()
    folder = camera.add(camera.card, "DCIM")
    for name in ("A.JPG", "b.jpg", "C.DNG", "D.jpeg"):
        camera.add(folder, name, name.encode() * 10, picture=True)
    camera.add(folder, "notes.txt", b"text")
    tree = WatchedTree(camera)
    root = MirrorFolder(tree, tree.root, b".thumbnails", tree.root, Thumbnails())
    tree.root.control_files[b".thumbnails"] = root
    return camera, folder, tree, root


async def contents(root: MirrorFolder, path: str) -> bytes:
    node = await at(root, path)
    assert isinstance(node, Thumbnail)
    return await node.contents()


# the pictures


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("TIFF", "RGB"), ("TIFF", "CMYK"), ("TIFF", "I;16"), ("PNG", "RGBA"), ("PNG", "P"), ("BMP", "RGB"), ("GIF", "P")],
)
def test_other_formats_become_jpeg(kind: str, mode: str) -> None:
    with Image.open(io.BytesIO(as_jpeg(drawn(kind, mode)))) as picture:
        assert picture.format == "JPEG"
        assert picture.size == (16, 12)


def test_a_jpeg_stays_as_it_is() -> None:
    data = drawn("JPEG")
    assert as_jpeg(data) is data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no picture",
        b"\xff\xd8",
        bytes(5000),
        drawn("TIFF")[:40],
        drawn("PNG")[:50],
        drawn("BMP")[:30],
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n",
        b"MM\0*\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0" + b"\xff" * 100,
    ],
)
def test_what_is_no_picture(data: bytes) -> None:
    with pytest.raises(errors.RemoteProtocolError, match="not a picture"):
        as_jpeg(data)


def test_a_picture_that_no_memory_holds() -> None:
    """A PNG of few bytes that claims 50,000 times 50,000 pixels."""
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
    with pytest.raises(errors.RemoteProtocolError):
        as_jpeg(data)
    with pytest.raises(errors.RemoteProtocolError):
        as_jpeg(drawn("PNG", "1", (5000, 5000)))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["TIFF", "PNG", "BMP", "GIF"]), st.data())
def test_pictures_with_damage_are_pictures_or_one_error(kind: str, data: st.DataObject) -> None:
    damaged = bytearray(drawn(kind))
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(damaged) - 1), st.integers(0, 255)), max_size=8)
    ):
        damaged[place] = value
    del damaged[data.draw(st.integers(1, len(damaged))) :]
    with contextlib.suppress(errors.RemoteProtocolError):
        assert as_jpeg(bytes(damaged)).startswith(b"\xff\xd8\xff")


# the tree


async def test_the_tree_of_pictures() -> None:
    _, _, _, root = with_pictures()
    assert await names_of(root) == ["card"]
    assert await names_of(await at(root, "card/DCIM")) == ["A.JPG", "b.jpg", "C.DNG.jpg", "D.jpeg.jpg"]
    assert await contents(root, "card/DCIM/C.DNG.jpg") == b"\xff\xd8\xffC.DNG"
    assert await contents(root, "card/DCIM/b.jpg") == b"\xff\xd8\xffb.jpg"


@pytest.mark.parametrize(
    "path", ["card/DCIM/C.DNG", "card/DCIM/notes.txt", "card/DCIM/notes.txt.jpg", ".thumbnails", "x"]
)
async def test_what_has_no_place_there(path: str) -> None:
    _, _, _, root = with_pictures()
    folder, _, name = path.rpartition("/")
    node = await at(root, folder) if folder else root
    assert isinstance(node, MirrorFolder)
    assert await node.find(name.encode()) is None


async def test_nodes_stay_the_same() -> None:
    _, folder, tree, root = with_pictures()
    before = [node.inode for node in await nodes_of(await at(root, "card/DCIM"))]
    await tree.apply(FolderChanged(folder.number))
    assert [node.inode for node in await nodes_of(await at(root, "card/DCIM"))] == before
    assert len(set(before)) == 4
    for inode in before:
        assert isinstance(tree.inodes.find(inode), Thumbnail)


async def test_names_that_meet() -> None:
    camera, folder, _, root = with_pictures()
    camera.add(folder, "C.DNG.jpg", b"beside", picture=True)
    names = await names_of(await at(root, "card/DCIM"))
    assert len(names) == len(set(names)) == 5
    seen = {name: await contents(root, f"card/DCIM/{name}") for name in names}
    assert sorted(seen.values()) == sorted(
        b"\xff\xd8\xff" + name for name in (b"A.JPG", b"b.jpg", b"C.DNG", b"D.jpeg", b"C.DNG.jpg")
    )


def test_names() -> None:
    camera = ScriptedCamera()
    tree = WatchedTree(camera)
    thing = camera.add(camera.card, "A", b"a", picture=True)
    for name, expected in ((b"A", b"A.jpg"), (b"A.JPG", b"A.JPG"), (b"A.jPg", b"A.jPg"), (b"A.jpeg", b"A.jpeg.jpg")):
        assert Thumbnails().name_for(File(tree, tree.root, name, camera.entry(thing))) == expected
    thing.picture = False
    assert Thumbnails().name_for(File(tree, tree.root, b"A", camera.entry(thing))) is None


# what it costs


async def test_a_listing_fetches_no_thumbnail_and_a_thumbnail_no_picture() -> None:
    camera, _, _, root = with_pictures()
    for node in await nodes_of(await at(root, "card/DCIM")):
        assert (await node.attributes(exact=False)).size == 0
    assert camera.count("thumbnail") == 0
    node = await at(root, "card/DCIM/A.JPG")
    assert (await node.attributes()).size == 3 + 5
    assert await contents(root, "card/DCIM/A.JPG") == b"\xff\xd8\xffA.JPG"
    assert camera.count("thumbnail") == 1
    assert camera.count("read") == 0


async def test_a_thumbnail_is_fetched_again_when_the_picture_changed() -> None:
    camera, folder, tree, root = with_pictures()
    await contents(root, "card/DCIM/A.JPG")
    folder.inside[0].data = b"other bytes"
    await tree.apply(EntryChanged(folder.inside[0].number))
    await contents(root, "card/DCIM/A.JPG")
    assert camera.count("thumbnail") == 2


async def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thumbnails, "KEPT", 30)
    camera, _, _, root = with_pictures()
    kept = cast(Thumbnails, root._mirror)
    for _ in range(3):
        for name in ("A.JPG", "b.jpg", "C.DNG.jpg", "D.jpeg.jpg"):
            await contents(root, f"card/DCIM/{name}")
            assert kept._bytes == sum(len(jpeg) for _, jpeg in kept._kept.values()) <= 30
    assert camera.count("thumbnail") > 4


async def test_two_at_once_do_not_spoil_the_count() -> None:
    _, _, _, root = with_pictures()
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(contents, root, "card/DCIM/A.JPG")
    kept = cast(Thumbnails, root._mirror)
    assert kept._bytes == 8


# what goes wrong


async def test_a_picture_without_a_thumbnail() -> None:
    camera, folder, _, root = with_pictures()
    node = await at(root, "card/DCIM/A.JPG")
    folder.inside[0].picture = False
    assert (await node.attributes()).size == 0
    assert isinstance(node, Thumbnail)
    with pytest.raises(errors.NoData):
        await node.contents()
    assert camera.count("read") == 0


async def answering(camera: ScriptedCamera, answers: dict[str, bytes | errors.CameraError]) -> list[str]:
    """Let a camera answer with thumbnails by the pictures' names; what is asked is put into the list that this returns."""
    asked: list[str] = []

    async def thumbnail(entry: Entry) -> bytes:
        asked.append(entry.name)
        answer = answers[entry.name]
        if isinstance(answer, errors.CameraError):
            raise answer
        return answer

    camera.thumbnail = thumbnail  # type: ignore[method-assign]
    return asked


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense",
        b"",
        b"II*\0" + bytes(200),
        errors.NoData("none", 0x2010),
        errors.Refused("general error", 0x2002),
        errors.AccessDenied("denied", 0x200F),
        errors.NotSupported("not supported", 0x2005),
        errors.NotFound("no such object", 0x2009),
        errors.InvalidValue("invalid", 0x201D),
    ],
    ids=repr,
)
async def test_a_thumbnail_that_cannot_be_had(answer: bytes | errors.CameraError, autojump_clock: MockClock) -> None:
    """In whatever way the camera says so, once: stat shows an empty file, and only reading fails."""
    camera, _, _, root = with_pictures()
    asked = await answering(camera, {"A.JPG": answer, "b.jpg": drawn("JPEG")})
    node = await at(root, "card/DCIM/A.JPG")
    assert isinstance(node, Thumbnail)
    for _ in range(3):
        assert (await node.attributes()).size == 0
        with pytest.raises(errors.NoData):
            await node.contents()
    assert asked == ["A.JPG"]
    assert (await (await at(root, "card/DCIM/b.jpg")).attributes()).size == len(drawn("JPEG"))
    assert await names_of(await at(root, "card/DCIM")) == ["A.JPG", "b.jpg", "C.DNG.jpg", "D.jpeg.jpg"]


async def test_a_picture_that_has_changed_is_asked_about_again(autojump_clock: MockClock) -> None:
    camera, folder, tree, root = with_pictures()
    answers: dict[str, bytes | errors.CameraError] = {"A.JPG": errors.Refused("general error", 0x2002)}
    await answering(camera, answers)
    node = await at(root, "card/DCIM/A.JPG")
    assert (await node.attributes()).size == 0
    answers["A.JPG"] = drawn("JPEG")
    folder.inside[0].mtime_ns += 1
    await tree.apply(EntryChanged(folder.inside[0].number))
    assert (await node.attributes()).size > 0


async def test_what_there_is_none_of_is_asked_for_again_after_a_refresh(autojump_clock: MockClock) -> None:
    camera, _, tree, root = with_pictures()
    answers: dict[str, bytes | errors.CameraError] = {"A.JPG": errors.Refused("general error", 0x2002)}
    await answering(camera, answers)
    assert (await (await at(root, "card/DCIM/A.JPG")).attributes()).size == 0
    answers["A.JPG"] = drawn("JPEG")
    await tree.refresh()
    assert (await (await at(root, "card/DCIM/A.JPG")).attributes()).size > 0


@pytest.mark.parametrize("failure", [errors.TransferTimeout("silence"), errors.Busy("busy", 0x2019)], ids=repr)
async def test_a_camera_that_does_not_answer_is_left_alone(
    failure: errors.CameraError, autojump_clock: MockClock
) -> None:
    """For all pictures, as each would cost a time-out; for longer each time, until it answers."""
    camera, _, _, root = with_pictures()
    names = ("A.JPG", "b.jpg", "C.DNG", "D.jpeg")
    answers: dict[str, bytes | errors.CameraError] = dict.fromkeys(names, failure)
    asked = await answering(camera, answers)
    shown = [await at(root, f"card/DCIM/{name}") for name in ("A.JPG", "b.jpg", "C.DNG.jpg", "D.jpeg.jpg")]
    for rest in (FIRST_REST, 2 * FIRST_REST, 4 * FIRST_REST, LONGEST_REST, LONGEST_REST):
        asked.clear()
        for node in shown:
            assert isinstance(node, Thumbnail)
            assert (await node.attributes()).size == 0
            with pytest.raises(type(failure)):
                await node.contents()
        assert len(asked) == 1
        await trio.sleep(rest - 1)
        assert (await shown[0].attributes()).size == 0
        assert len(asked) == 1
        await trio.sleep(1)
    answers.update(dict.fromkeys(names, drawn("JPEG")))
    assert [(await node.attributes()).size for node in shown] == [len(drawn("JPEG"))] * 4


async def test_a_picture_that_is_deleted() -> None:
    camera, folder, tree, root = with_pictures()
    node = await at(root, "card/DCIM/A.JPG")
    assert isinstance(node, Thumbnail)
    gone = folder.inside[0]
    camera.remove(gone)
    await tree.apply(EntryGone(gone.number))
    with pytest.raises(errors.NotFound):
        await node.contents()
    assert await names_of(await at(root, "card/DCIM")) == ["b.jpg", "C.DNG.jpg", "D.jpeg.jpg"]


async def without_thumbnail(entry: Entry) -> bytes:
    raise errors.NoData("none", 0x2010)


async def test_what_there_is_none_of_is_kept_no_longer_than_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is what asked for it, which the failure's traceback would hold."""
    camera, folder, tree, root = with_pictures()
    monkeypatch.setattr(camera, "thumbnail", without_thumbnail)
    monkeypatch.setattr(tree_module, "REMOVED_KEPT", 10)
    before = sum(isinstance(each, errors.NoData) for each in gc.get_objects())
    for number in range(200):
        thing = camera.add(folder, f"{number}.JPG", b"picture", picture=True)
        await tree.apply(FolderChanged(folder.number))
        nodes = [await at(tree.root, f"card/DCIM/{number}.JPG"), await at(root, f"card/DCIM/{number}.JPG")]
        with pytest.raises(errors.NoData):
            await contents(root, f"card/DCIM/{number}.JPG")
        for node in nodes:
            node.lookups += 1
        camera.remove(thing)
        await tree.apply(EntryGone(thing.number))
        for node in nodes:
            tree.inodes.forget(node.inode, 1)
    del nodes, node
    gc.collect()
    assert sum(isinstance(each, errors.NoData) for each in gc.get_objects()) - before < 2 * FEW


async def test_thumbnails_in_a_new_session() -> None:
    camera, folder, _, root = with_pictures()
    node = await at(root, "card/DCIM/A.JPG")
    assert isinstance(node, Thumbnail)
    camera.lose_session(lambda number: number % 4 + 3 if 3 <= number <= 6 else number)
    assert await node.contents() == b"\xff\xd8\xffA.JPG"
    lost = False

    async def before(call: str, _key: object) -> None:
        nonlocal lost
        if call == "thumbnail" and not lost:
            lost = True
            camera.lose_session(lambda number: number % 4 + 3 if 3 <= number <= 6 else number)

    camera.before = before
    other = await at(root, "card/DCIM/b.jpg")
    assert isinstance(other, Thumbnail)
    assert await other.contents() == b"\xff\xd8\xffb.jpg"
    assert len(folder.inside) == 5


async def test_a_camera_that_is_gone() -> None:
    camera, _, _, root = with_pictures()
    node = await at(root, "card/DCIM/A.JPG")
    assert isinstance(node, Thumbnail)
    camera.gone = True
    with pytest.raises(errors.DeviceGone):
        await node.contents()
    with pytest.raises(errors.DeviceGone):
        await node.attributes()


async def test_on_an_emulated_camera() -> None:
    async with rigged() as rig:
        for name, thumbnail in (("A.JPG", drawn("JPEG")), ("B.NEF", drawn("TIFF")), ("C.JPG", b"junk"), ("D.JPG", b"")):
            rig.body.card.add_file("DCIM", name, b"picture").thumbnail = thumbnail
        rig.body.card.find("DCIM/B.NEF").object_format = 0xB101  # type: ignore[attr-defined]
        tree = WatchedTree(rig.camera, rig.nursery)
        root = MirrorFolder(tree, tree.root, b".thumbnails", tree.root, Thumbnails())
        assert sorted(await names_of(await at(root, "card/DCIM"))) == ["A.JPG", "B.NEF.jpg", "C.JPG", "D.JPG"]
        assert await contents(root, "card/DCIM/A.JPG") == drawn("JPEG")
        assert (await contents(root, "card/DCIM/B.NEF.jpg")).startswith(b"\xff\xd8\xff")
        for name in ("C.JPG", "D.JPG"):
            with pytest.raises(errors.NoData):
                await contents(root, f"card/DCIM/{name}")
        assert "GetPartialObject" not in rig.operations()
