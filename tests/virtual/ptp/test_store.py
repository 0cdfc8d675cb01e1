"""What an emulated camera's stores hold."""

import os
import time
from datetime import datetime
from pathlib import Path

import pytest

from camfs.protocols.ptp.codes import ROOT, EventCode, StorageID
from camfs.protocols.ptp.values import MAX_STRING_UNITS
from camfs.virtual import emulate
from camfs.virtual.pictures.contents import Disk, thumbnail
from camfs.virtual.ptp.scans import scan_disk, scan_generated, scan_numbered
from camfs.virtual.ptp.store import File, Folder, Objects, Store
from tests.zeros import Zeros

ID = StorageID(0x00010001)


def on_disk(path: Path) -> Store:
    return Store(ID, Objects(), scan=scan_disk(path, Disk()))


def paths(folder: Folder, above: str = "") -> dict[str, File | Folder]:
    found: dict[str, File | Folder] = {}
    for node in folder.children:
        assert isinstance(node, File | Folder)
        found[above + node.name] = node
        if isinstance(node, Folder):
            found |= paths(node, f"{above}{node.name}/")
    return found


def file(store: Store, path: str) -> File:
    node = store.find(path)
    assert isinstance(node, File)
    return node


def test_shows_a_folder_with_its_bytes_times_and_empty_folders(tmp_path: Path) -> None:
    (tmp_path / "DCIM" / "100SIGMA").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    (tmp_path / "DCIM" / "100SIGMA" / "Ä B.JPG").write_bytes(b"picture")
    os.utime(tmp_path / "DCIM" / "100SIGMA" / "Ä B.JPG", (0, 1_700_000_000.75))
    store = on_disk(tmp_path)
    assert set(paths(store.root)) == {"DCIM", "DCIM/100SIGMA", "DCIM/100SIGMA/Ä B.JPG", "empty"}
    picture = file(store, "DCIM/100SIGMA/Ä B.JPG")
    assert picture.content.read(0, 100) == b"picture"
    assert picture.content.read(3, 2) == b"tu"
    assert picture.content.read(7, 1) == b""
    assert picture.modified == datetime.fromtimestamp(1_700_000_000)
    empty = store.find("empty")
    assert isinstance(empty, Folder)
    assert empty.children == []


def test_scans_a_folder_when_it_is_first_looked_into_and_never_again(tmp_path: Path) -> None:
    (tmp_path / "A").mkdir()
    store = on_disk(tmp_path)
    (tmp_path / "B").mkdir()
    assert set(paths(store.root)) == {"A", "B"}
    (tmp_path / "C").mkdir()
    assert set(paths(store.root)) == {"A", "B"}


def test_looks_into_no_folder_that_nobody_asks_for(tmp_path: Path) -> None:
    (tmp_path / "A" / "B").mkdir(parents=True)
    store = on_disk(tmp_path)
    assert [node.name for node in store.root.children] == ["A"]
    (tmp_path / "A" / "late").write_bytes(b"")
    assert set(paths(store.root)) == {"A", "A/B", "A/late"}


def test_skips_what_is_no_regular_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "link to a folder").symlink_to(".")
    (tmp_path / "broken").symlink_to("nowhere")
    os.mkfifo(tmp_path / "fifo")
    assert set(paths(on_disk(tmp_path).root)) == {"file"}


def test_reads_a_sparse_file_above_4_gib(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as large:
        large.truncate(5 << 30)
        large.seek(5 << 30)
        large.write(b"end")
    large_file = file(on_disk(tmp_path), "large")
    assert large_file.size == (5 << 30) + 3
    assert large_file.content.read((5 << 30) - 1, 100) == b"\0end"


def test_a_file_that_grew_is_as_long_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    content = file(on_disk(tmp_path), "file").content
    (tmp_path / "file").write_bytes(b"abcdef")
    assert content.read(0, 100) == b"abc"


def test_cuts_a_name_that_no_ptp_string_holds(tmp_path: Path) -> None:
    (tmp_path / ("n" * 255)).write_bytes(b"")
    assert set(paths(on_disk(tmp_path).root)) == {"n" * (MAX_STRING_UNITS - 1)}


def test_deleting_hides_and_changes_nothing_on_disk(tmp_path: Path) -> None:
    (tmp_path / "A").mkdir()
    (tmp_path / "A" / "file").write_bytes(b"x")
    store = on_disk(tmp_path)
    store.remove("A/file")
    assert set(paths(store.root)) == {"A"}
    store.clear()
    assert set(paths(store.root)) == set()
    assert (tmp_path / "A" / "file").read_bytes() == b"x"


def test_handles_are_the_same_in_each_run_and_in_no_order(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / f"{number:02}").write_bytes(b"")
    first = {path: node.handle for path, node in paths(on_disk(tmp_path).root).items()}
    assert first == {path: node.handle for path, node in paths(on_disk(tmp_path).root).items()}
    in_order = [first[path] for path in sorted(first)]
    assert in_order != sorted(in_order)
    assert len(set(in_order)) == 50
    assert not {0, ROOT} & set(in_order)


def test_a_handle_is_never_used_again() -> None:
    store = Store(ID, Objects())
    seen = set()
    for _ in range(5):
        added = store.add_file("DCIM", "A.JPG", b"")
        seen.add(added.handle)
        store.remove(added)
    assert len(seen) == 5


def test_two_files_of_one_name_are_two_objects() -> None:
    store = Store(ID, Objects())
    first, second = (store.add_file("", "A.JPG", data) for data in (b"1", b"2"))
    assert first.handle != second.handle
    assert [node.handle for node in store.root.children] == [first.handle, second.handle]


def test_tells_of_what_is_added_and_removed() -> None:
    store = Store(ID, Objects())
    told: list[tuple[EventCode, int]] = []
    store.on_change = lambda event, handle: told.append((event, handle))
    added = store.add_file("A", "file", b"")
    folder = store.find("A")
    store.remove("A")
    assert told == [
        (EventCode.ObjectAdded, folder.handle),
        (EventCode.ObjectAdded, added.handle),
        (EventCode.ObjectRemoved, added.handle),
        (EventCode.ObjectRemoved, folder.handle),
    ]
    store.remove(store.add_file("", "quiet", b""), tell=False)
    assert len(told) == 5


def test_finds_nothing_where_nothing_is() -> None:
    store = Store(ID, Objects())
    store.add_file("A", "file", b"")
    for path in ("B", "A/B", "A/file/C"):
        with pytest.raises(KeyError):
            store.find(path)


def test_free_space_shrinks_by_what_is_added() -> None:
    store = Store(ID, Objects())
    capacity, free = store.space()
    store.add_file("A", "file", bytes(1000))
    assert store.space() == (capacity, free - 1000)
    store.add_file("A", "large", Zeros(capacity))
    assert store.space() == (capacity, 0)


def test_ten_thousand_objects_are_made_at_once_and_differ() -> None:
    started = time.monotonic()
    store = Store(ID, Objects(), scan=scan_numbered(10_000, "100SIGMA", "SDIM"))
    folder = store.find("DCIM/100SIGMA")
    assert isinstance(folder, Folder)
    assert len(folder.children) == 10_000
    assert time.monotonic() - started < 0.7
    read = {node.content.read(0, 1 << 20) for node in folder.children[:50] if isinstance(node, File)}
    assert len(read) == 50
    first = file(store, "DCIM/100SIGMA/SDIM0001.JPG").content
    assert first.size == len(first.read(0, 1 << 20)) < 10_000
    assert thumbnail(first) is not None


def test_made_pictures_are_pictures() -> None:
    store = Store(ID, Objects(), scan=scan_generated(2, "100SIGMA", "SDIM", raw=True))
    assert set(paths(store.root)) == {
        "DCIM",
        "DCIM/100SIGMA",
        *(f"DCIM/100SIGMA/SDIM000{number}.{ending}" for number in (1, 2) for ending in ("JPG", "DNG")),
    }
    assert file(store, "DCIM/100SIGMA/SDIM0001.JPG").content.read(0, 3) == b"\xff\xd8\xff"
    assert file(store, "DCIM/100SIGMA/SDIM0001.DNG").content.read(0, 4) == b"II*\0"
    assert store.next_number() == 3


def test_stores_of_a_camera_share_the_handles() -> None:
    camera = emulate("ptp")
    card, memory = camera.state.stores
    handles = [node.handle for store in (card, memory) for node in store.root.descendants()]
    assert len(handles) == len(set(handles))
    assert card.find("DCIM").handle != memory.find("DCIM").handle
