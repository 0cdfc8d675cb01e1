"""The program of a small process that makes system calls on the mount, from which the kernel tells inotify what has happened there.

Why that has to be another process is told in `camfs/mount/README.md`, "Programs that watch folders"; `caller.py` runs it. It imports only
what is built into the interpreter, and so has less than 3 MB of memory of its own.

Requests come on stdin, one at a time: a letter of `CALLS` and a path below the mount point, ended by a NUL. The answer on stdout is the
errno in decimal, 0 for success, and a line break. The process ends with its stdin, so it outlives nobody.
"""

import posix
import sys

FILE = 0o100644
"""Type and mode of a file that is made, for mknod(2)."""


def create(path: bytes) -> None:
    """Have CREATE, OPEN and CLOSE_WRITE told of a file."""
    posix.mknod(path, FILE)
    posix.close(posix.open(path, posix.O_WRONLY | posix.O_CLOEXEC))


CALLS = {b"f": create, b"d": posix.mkdir, b"u": posix.unlink, b"r": posix.rmdir}
"""What each letter asks for: a file or directory that appears, a file or directory that goes."""


def answer(request: bytes, mount_point: bytes) -> int:
    """Carry out a request; return the errno."""
    try:
        CALLS[request[:1]](mount_point + b"/" + request[1:])
    except OSError as error:
        return error.errno or 0
    return 0


def serve(requests: int, answers: int, mount_point: bytes) -> None:
    """Carry out requests until their descriptor is at its end, or nobody reads the answers."""
    pending = b""
    while received := posix.read(requests, 1 << 16):
        *whole, pending = (pending + received).split(b"\0")
        for request in whole:
            try:
                posix.write(answers, b"%d\n" % answer(request, mount_point))
            except BrokenPipeError:
                return


if __name__ == "__main__":
    posix.chdir("/")
    serve(0, 1, sys.argv[1].encode(sys.getfilesystemencoding(), "surrogateescape"))
