"""What an emulated camera's stores hold at first: a directory on disk, generated pictures, or many small ones."""

import os
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

from camfs.protocols.ptp.values import MAX_STRING_UNITS
from camfs.virtual.pictures import generated as pictures
from camfs.virtual.pictures.contents import Bytes, Disk, DiskFile, Numbered, local_time
from camfs.virtual.ptp.store import File, Folder, Node, Scan


def scan_disk(path: Path, disk: Disk) -> Scan:
    """Show the regular files and directories in a directory; what cannot be read is left out."""

    def scan(folder: Folder) -> Iterator[Node]:
        try:
            entries = list(os.scandir(path))
        except OSError:
            return
        for entry in entries:
            name = _camera_name(entry.name)
            try:
                status = entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    inner = scan_disk(path / entry.name, disk)
                    yield Folder(folder.store, folder, name, local_time(status.st_mtime), inner)
                elif entry.is_file(follow_symlinks=False):
                    file = DiskFile(disk, path / entry.name, status.st_size)
                    yield File(folder, name, file, local_time(status.st_mtime))
            except OSError:
                continue

    return scan


def _camera_name(name: str) -> str:
    """Cut a name to what a PTP string holds with its final NUL; Linux allows one unit more."""
    units = name.encode("utf-16-le", "surrogatepass")[: 2 * (MAX_STRING_UNITS - 1)]
    return units.decode("utf-16-le", "surrogatepass")


def scan_generated(shots: int, folder_name: str, prefix: str, raw: bool) -> Scan:
    """Show generated pictures in one DCF folder; for a root folder.

    Args:
        shots: how many.
        folder_name: name of the DCF folder (DCF 2.0: 100 to 999, then five characters).
        prefix: four characters that each picture's name begins with.
        raw: whether there is a DNG beside each JPEG.
    """

    def scan_folder(folder: Folder) -> Iterator[Node]:
        for shot in pictures.generated_shots(shots):
            name = f"{prefix}{shot.number:04}"
            yield File(folder, f"{name}.JPG", Bytes(partial(pictures.jpeg, shot)), shot.taken)
            if raw:
                yield File(folder, f"{name}.DNG", Bytes(partial(pictures.dng, shot)), shot.taken)

    return _scan_dcim(folder_name, scan_folder)


def scan_numbered(count: int, folder_name: str, prefix: str) -> Scan:
    """Show `count` small pictures in one DCF folder; for a root folder."""

    def scan_folder(folder: Folder) -> Iterator[Node]:
        for number in range(1, count + 1):
            yield File(folder, f"{prefix}{number:04}.JPG", Numbered(number), _TAKEN)

    return _scan_dcim(folder_name, scan_folder)


_TAKEN = datetime(2024, 5, 4, 9, 30)
"""Date of the folders and of the small pictures."""


def _scan_dcim(name: str, scan: Scan) -> Scan:
    def scan_root(root: Folder) -> Iterator[Node]:
        yield Folder(root.store, root, "DCIM", _TAKEN, lambda dcim: [Folder(dcim.store, dcim, name, _TAKEN, scan)])

    return scan_root
