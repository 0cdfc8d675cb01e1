"""Developed pictures: made once each, by a process of their own, and kept on this computer's disk.

A developed picture is kept under a digest of the raw file's bytes, so it can be no other picture's, whatever the camera calls its files.
The folder keeps the rules of `private_files`. If it does not, or the disk is full, pictures are developed and not kept, which the log says.
"""

import hashlib
import importlib.util
import logging
import os
import subprocess
import sys
from pathlib import Path

import platformdirs
import trio

from camfs import errors
from camfs.private_files import PrivateFolder

log = logging.getLogger(__name__)

CACHE_SIZE = 256 << 20
"""Bytes of developed pictures kept on disk; beyond that the oldest go."""

PATIENCE = 120.0
"""Seconds for a picture on a busy computer; the process has fewer of its own."""

MISSING = "developing a picture needs rawpy, which is not installed: pip install 'camfs[develop]'"

_BEGIN, _END = b"\xff\xd8\xff", b"\xff\xd9"
"""Of a JPEG."""

_HERE = Path(__file__).parents[2]


class DevelopedPictures:
    """The developed pictures on this computer's disk.

    Args:
        folder: where they lie, made when the first one is kept; None for the user's cache folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or platformdirs.user_cache_path("camfs") / "developed"

    def check(self) -> None:
        """See that pictures can be developed here.

        Raises:
            NotSupported: rawpy is not installed.
        """
        if importlib.util.find_spec("rawpy") is None:
            raise errors.NotSupported(MISSING)

    async def develop(self, data: bytes) -> bytes:
        """Return a raw picture as JPEG: from the disk, else developed now and kept. A call that is cancelled ends the process.

        Raises:
            NotSupported: rawpy is not installed.
            NoData: it is no raw picture that can be developed.
        """
        self.check()
        name = f"{hashlib.sha256(data).hexdigest()[:32]}.jpg"
        jpeg = await trio.to_thread.run_sync(self._read, name)
        if not jpeg:
            jpeg = await _run(data)
            await trio.to_thread.run_sync(self._keep, name, jpeg)
        return jpeg

    def _read(self, name: str) -> bytes:
        try:
            jpeg = PrivateFolder(self._folder, make=False).read(name)
            return jpeg if jpeg.startswith(_BEGIN) and jpeg.endswith(_END) else b""
        except FileNotFoundError:
            return b""
        except OSError as error:
            log.warning("developed pictures that were kept are not used: %s", error.strerror)
            return b""

    def _keep(self, name: str, jpeg: bytes) -> None:
        part = f"{name}.part"
        try:
            folder = PrivateFolder(self._folder)
            _make_room(folder, len(jpeg))
            folder.write(part, jpeg)
            try:
                folder.replace(part, name)
            except OSError:
                folder.remove(part)
                raise
        except OSError as error:
            log.warning("a developed picture was not kept on disk: %s", error.strerror)


async def _run(data: bytes) -> bytes:
    """Develop a picture in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(_HERE), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with trio.move_on_after(PATIENCE) as patience:
        done = await trio.run_process(
            [sys.executable, "-P", "-m", "camfs.developing.program"],
            stdin=data,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            env=environment,
            cwd="/",
        )
    if patience.cancelled_caught:
        raise errors.NoData(f"the picture cannot be developed: not done in {PATIENCE:g} s")
    if done.returncode or not done.stdout.startswith(_BEGIN):
        raise errors.NoData(f"the picture cannot be developed: {_reason(done)}")
    return done.stdout


def _reason(done: "subprocess.CompletedProcess[bytes]") -> str:
    if done.returncode < 0:
        return f"the program was ended by signal {-done.returncode}"
    lines = done.stderr.decode("utf-8", "replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), f"exit status {done.returncode}")


def _make_room(folder: PrivateFolder, size: int) -> None:
    files = []
    for name in folder.names():
        try:
            status = folder.status(name)
        except OSError:  # another mount has removed it, or it is not one of ours
            continue
        files.append((status.st_mtime, name, status.st_size))
    total = sum(each for _, _, each in files) + size
    for _, name, each in sorted(files):
        if total <= CACHE_SIZE:
            break
        total -= each
        folder.remove(name)
