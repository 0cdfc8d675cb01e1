"""Develops one raw picture: `python -m camfs.developing.program`, the file on its standard input, a JPEG on its standard output.

It is a process of its own for two reasons. Developing is seconds of computing, for which the mount would stand still. And what a camera
sends is not trusted: libraw is a large program in C++, and a file that makes it crash must not take the mount along. So the process has
little memory and time, and no open files but these. If it fails, it says why in one line on standard error, and its exit status is 1.

LibRaw reads all four qualities of the DC120 (camfs/protocols/dc120/README.md, "KDC layout"). It develops a JPEG that was cut short without
an error; so a file that is shorter than its header says is refused.
"""

import contextlib
import io
import os
import resource
import sys

from camfs import errors
from camfs.protocols import kdc

MEMORY = 2 << 30
"""Bytes of address space; a picture of the DC120 takes a tenth."""

SECONDS = 60
"""Seconds of computing; a picture of the DC120 takes one."""

MOST = 64 << 20
"""Bytes of a raw picture."""

JPEG_QUALITY = 92

DATE_TIME, ORIGINAL, EXIF = 0x0132, 0x9003, 0x8769
"""Tags of the date, and of the directory of a JPEG in which the second of them stands."""


class CannotDevelop(Exception):
    """The file is no raw picture that can be developed; the text says why."""


def develop(data: bytes) -> bytes:
    """Return a raw picture as JPEG.

    Raises:
        CannotDevelop: it is none, or not all of it is there.
    """
    try:
        import rawpy
    except ImportError as error:
        raise CannotDevelop(f"rawpy is not installed: {error}") from None
    from PIL import Image

    header = _header(data)
    if header is not None and header.size > len(data):
        raise CannotDevelop(f"{len(data)} bytes of a picture of {header.size}")
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            picture = Image.fromarray(raw.postprocess(use_camera_wb=True))
    except rawpy.LibRawError as error:
        raise CannotDevelop(f"no raw picture that libraw knows: {_text(error)}") from None
    exif = Image.Exif()
    if header is not None and header.taken is not None:
        exif[DATE_TIME] = exif.get_ifd(EXIF)[ORIGINAL] = f"{header.taken:%Y:%m:%d %H:%M:%S}"
    jpeg = io.BytesIO()
    picture.save(jpeg, "JPEG", quality=JPEG_QUALITY, exif=exif)
    return jpeg.getvalue()


def _header(data: bytes) -> kdc.Header | None:
    try:
        return kdc.Header.decode(data)
    except errors.RemoteProtocolError:
        return None


def _text(error: Exception) -> str:
    text = error.args[0] if error.args else ""
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)


def main() -> int:
    """Develop what comes on standard input."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        os.nice(5)
    try:
        jpeg = develop(sys.stdin.buffer.read(MOST))
    except (CannotDevelop, MemoryError) as error:
        print(" ".join(str(error).split()) or "too little memory", file=sys.stderr)
        return 1
    sys.stdout.buffer.write(jpeg)
    return 0


if __name__ == "__main__":
    sys.exit(main())
