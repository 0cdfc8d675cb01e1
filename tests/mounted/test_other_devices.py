"""`camfs serial:` on a line where something else than a DC120 is: it ends, and says so."""

import os
import pty
import threading
import tty
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.mounted.mount import camfs, mount_entries

SENTENCE = b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n"

TALK: dict[str, tuple[bytes, float]] = {
    "GPS": (SENTENCE, 0.2),
    "slow GPS": (SENTENCE, 1.4),
    "slower GPS": (SENTENCE, 2.1),
    "noise": (os.urandom(200), 0.01),
    "answers": (b"\xd1", 2.0),
}
"""What a device says unasked, and each how many seconds."""

ANSWERS: dict[str, Callable[[bytes], bytes]] = {
    "echo": lambda said: said,
    "modem": lambda said: said + b"\r\nERROR\r\n",
    "console": lambda said: b"\r\nlogin: ",
    "accepts": lambda said: b"\xd1",
    "working": lambda said: b"\x10",
    "nothing": lambda said: b"",
}
"""What a device answers."""


@contextmanager
def device(say: bytes, seconds: float | None, answer: Callable[[bytes], bytes]) -> Iterator[str]:
    """Let something be on a line; gives the SOURCE."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    os.set_blocking(ours, False)
    ended = threading.Event()

    def talk() -> None:
        while not ended.wait(seconds):
            with suppress(BlockingIOError):  # nobody reads
                os.write(ours, say)

    def reply() -> None:
        while not ended.wait(0.005):
            with suppress(BlockingIOError):  # nobody has said anything
                os.write(ours, answer(os.read(ours, 4096)))

    threads = [threading.Thread(target=each) for each in ((talk, reply) if seconds is not None else (reply,))]
    for thread in threads:
        thread.start()
    try:
        yield f"serial:{os.ttyname(theirs)}"
    finally:
        ended.set()
        for thread in threads:
            thread.join()
        os.close(ours)
        os.close(theirs)


def test_something_else_is_on_the_line(tmp_path: Path) -> None:
    devices: dict[str, tuple[bytes, float | None, Callable[[bytes], bytes]]] = {
        **{name: (say, seconds, ANSWERS["nothing"]) for name, (say, seconds) in TALK.items()},
        **{name: (b"", None, answer) for name, answer in ANSWERS.items()},
    }

    def try_one(name: str) -> tuple[int, str]:
        point = tmp_path / name
        point.mkdir()
        with device(*devices[name]) as source:
            done = camfs(source, point)
        assert not mount_entries(point)
        return done.returncode, done.stderr

    with ThreadPoolExecutor(len(devices)) as pool:
        for name, (status, said) in zip(devices, pool.map(try_one, devices), strict=True):
            assert (status, "no DC120 answers on this line" in said, len(said.splitlines())) == (1, True, 1), (
                name,
                said,
            )
