"""A DC120 on a line that goes wrong: what is read without an error is right, no call takes long, and a line that is good again works.

Most rounds run on a cable in memory, where the clock jumps while all wait, so that hours pass in seconds: list, read all pictures, ask for
the status, under one fault; then once more, on a good line. A few are real mounts on a pseudo-terminal, where programs make calls at once.

    emulated DC120 ── cable, with a fault of `FAULTS` ── driver ── (list, read, status, each within a request's budget) ── compared
"""

import random
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

import trio
import trio.testing

from camfs import errors
from camfs.mount.budget import RECOVERY, Budget, seconds_for
from camfs.protocols.dc120.values import Location
from camfs.virtual import emulate_dc120
from camfs.virtual.dc120 import EmulatedDC120, Fault, FaultKind
from camfs.virtual.dc120.line import PtyLine
from tests.cameras.dc120.rig import CARD, MEMORY, Rig, picture, rigged, stored
from tests.mounted.mount import mounted
from tests.torture.calls import Call, Tally, at_once, await_recovery, check_memory, six_calls, unmount
from tests.torture.outcome import Counts, DidNotHold

T = TypeVar("T")

TIMEOUT = 10.0
"""Seconds of a mount's time-out."""

ONE_IN = 1000
"""One byte of so many goes wrong."""

SIZES = (1, 1023, 1024, 1025, 3000, 5000, 9000)
"""Sizes of pictures: few packets, so that many transfers end well on a bad line."""

ROUNDS = 6
"""Rounds in memory of each fault at least."""

LONGEST_CALL = 40.0
"""Seconds that a program may take on a mount: several requests, of which each waits for the line, and for the others in the kernel."""

SIDE_BY_SIDE = 4
"""Mounts that are tortured at once."""


@dataclass
class Line:
    """A line that goes wrong, and what is random in it."""

    line: PtyLine
    emulated: EmulatedDC120
    nursery: trio.Nursery
    chance: random.Random
    is_bad: bool = True

    def mend(self) -> None:
        """Let the line be good again."""
        self.is_bad = False
        self.line.to_host = self.line.to_camera = bytes
        self.emulated.faults.clear()

    def struck(self, data: bytes) -> list[bool]:
        """Say for each byte whether it goes wrong."""
        return [not self.chance.randrange(ONE_IN) for _ in data]

    def talk(self, seconds: float, words: Callable[[], bytes]) -> None:
        """Let bytes arrive at the host every so many seconds that the camera did not send."""

        async def go_on() -> None:
            while self.is_bad:
                await self.line.send(words())
                await trio.sleep(seconds)

        self.nursery.start_soon(go_on)


def lost(line: Line, data: bytes) -> bytes:
    """Lose bytes."""
    return bytes(byte for byte, bad in zip(data, line.struck(data), strict=True) if not bad)


def doubled(line: Line, data: bytes) -> bytes:
    """Double bytes."""
    return b"".join(bytes([byte] * (1 + bad)) for byte, bad in zip(data, line.struck(data), strict=True))


def changed(line: Line, data: bytes) -> bytes:
    """Change bytes."""
    return bytes(line.chance.randrange(256) if bad else byte for byte, bad in zip(data, line.struck(data), strict=True))


def inserted(line: Line, data: bytes) -> bytes:
    """Let noise come in between."""
    at = line.chance.randrange(len(data) + 1)
    noise = line.chance.randbytes(line.chance.randrange(1, 6)) if line.chance.random() < 0.05 else b""
    return data[:at] + noise + data[at:]


def _on_both_ways(change: Callable[[Line, bytes], bytes]) -> Callable[[Line], None]:
    def set_up(line: Line) -> None:
        line.line.to_host = partial(change, line)
        if line.chance.random() < 0.3:
            line.line.to_camera = partial(change, line)

    return set_up


def silence(line: Line) -> None:
    """Nothing arrives, at one end or both."""
    line.line.to_host = lambda data: b""
    if line.chance.random() < 0.5:
        line.line.to_camera = lambda data: b""


def silence_after(line: Line) -> None:
    """Nothing arrives any more after some bytes."""
    left = line.chance.randrange(5000)

    def count(data: bytes) -> bytes:
        nonlocal left
        passed = data[: max(0, left)]
        left -= len(data)
        return passed

    line.line.to_host = count


def noise(line: Line) -> None:
    """Random bytes come without end."""
    line.talk(line.chance.choice((0.01, 0.3, 1.4)), lambda: line.chance.randbytes(line.chance.randrange(1, 100)))


def chatter(line: Line) -> None:
    """Something else talks on the line."""
    line.talk(line.chance.choice((0.05, 0.7, 1.4)), lambda: b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9*47\r\n")


def working(line: Line) -> None:
    """The camera says that it is working, for ever, to all that it is asked."""
    line.line.to_camera = lambda data: b""
    line.talk(0.05, lambda: line.chance.choice((b"\x10", b"\xf0")))


def accepted(line: Line) -> None:
    """The camera accepts without end, and does nothing."""
    line.line.to_camera = lambda data: b""
    line.talk(0.05, lambda: b"\xd1" * 500)


def echo(line: Line) -> None:
    """What the host sends comes back, and perhaps reaches the camera, too."""
    reaches = line.chance.random() < 0.5

    def reflect(data: bytes) -> bytes:
        if data:
            line.nursery.start_soon(line.line.send, data)
        return data if reaches else b""

    line.line.to_camera = reflect


def bad_sums(line: Line) -> None:
    """Checksums are wrong, for some packets or for ever."""
    times = line.chance.choice((1, 5, 6, 7, None))
    line.emulated.faults.append(Fault(FaultKind.WRONG_CHECKSUM, skip=line.chance.randrange(5), times=times))


def switched_off(line: Line) -> None:
    """The camera is switched off amid something, and on again when the line is to be good."""

    async def switch() -> None:
        await trio.sleep(line.chance.random() * 2)
        line.emulated.switch_off()
        await trio.sleep(line.chance.random() * 10)
        line.emulated.switch_on()

    line.nursery.start_soon(switch)


FAULTS: Mapping[str, Callable[[Line], None]] = {
    **{change.__name__: _on_both_ways(change) for change in (lost, doubled, changed, inserted)},
    **{
        fault.__name__: fault
        for fault in (silence, silence_after, noise, chatter, working, accepted, echo, bad_sums, switched_off)
    },
}
"""What goes wrong on a line."""


@dataclass
class Totals:
    """What all rounds have done."""

    rounds: int = 0
    commands: int = 0
    pictures: int = 0
    failed: int = 0
    longest: float = 0.0


async def in_time(act: Callable[[], Awaitable[T]], totals: Totals, where: str) -> T | None:
    """Do something as a request of the kernel; None if it fails.

    Raises:
        DidNotHold: it took longer than a request may.
    """
    begun = trio.current_time()
    result = None
    try:
        with Budget(seconds_for(TIMEOUT)).limit():
            result = await act()
    except errors.CameraError:
        totals.failed += 1
    taken = trio.current_time() - begun
    totals.longest = max(totals.longest, taken)
    if taken > seconds_for(TIMEOUT) + RECOVERY:
        raise DidNotHold(f"{where}: {taken:.1f} s")
    return result


async def read_all(rig: Rig, contents: Mapping[str, bytes], totals: Totals, where: str) -> bool:
    """List and read everything, and compare what comes; return whether all came."""
    listed = []
    for folder in (MEMORY, CARD):
        listed += await in_time(partial(rig.entries, folder), totals, where) or []
    whole = {entry.name for entry in listed} == set(contents)
    for entry in listed:
        data = b""
        while len(data) < entry.size:
            part = await in_time(partial(rig.camera.read, entry, len(data), entry.size - len(data)), totals, where)
            if not part:
                break
            data += part
            wanted = contents.get(entry.name)
            if wanted is None or not wanted.startswith(data):
                raise DidNotHold(f"{where}: {len(data)} bytes of {entry.name} that are wrong")
        await rig.camera.release(entry)
        totals.pictures += len(data) == entry.size
        whole = whole and len(data) == entry.size
    await in_time(rig.camera.status, totals, where)
    return whole


async def one_round(name: str, seed: int, totals: Totals) -> None:
    """Open the camera, read on a bad line, mend it, and read again."""
    chance, where = random.Random(seed), f"{name}, seed {seed}"
    sizes = {number: chance.choice(SIZES) for number in range(1, 6)}
    contents = {f"P{number:06}.KDC": picture(number)[:size] for number, size in sizes.items()}
    pictures = [stored(number, size=size) for number, size in sizes.items()]
    split = chance.randrange(6)
    async with rigged(pictures[:split], pictures[split:], baud=chance.choice((9600, None)), throttled=True) as rig:
        line = Line(rig.cable, rig.emulated, rig.nursery, chance)
        FAULTS[name](line)
        await read_all(rig, contents, totals, where)
        line.mend()
        for _ in range(5):
            await trio.sleep(5)
            if await read_all(rig, contents, totals, where):
                break
        else:
            raise DidNotHold(f"{where}: the line is good again, and not all pictures can be read")
        totals.commands += len(rig.operations())
    totals.rounds += 1


async def _at_once(function: Callable[..., T], *arguments: object) -> T:
    await trio.lowlevel.checkpoint()
    return function(*arguments)


def in_memory(until: float, seed: int, totals: Totals) -> None:
    """Make rounds on a cable in memory, where time jumps; what belongs into a thread is done at once, as the clock sees no threads."""
    chance = random.Random(seed)
    with patch.object(trio.to_thread, "run_sync", _at_once):
        done = 0
        while done < ROUNDS or time.monotonic() < until:
            for name in FAULTS:
                clock = trio.testing.MockClock(autojump_threshold=0)
                trio.run(one_round, name, chance.randrange(1 << 32), totals, clock=clock)
            done += 1


def hang_up(line: Line) -> None:
    """The adapter is pulled out amid something, and put in again when the line is to be good."""

    async def pull() -> None:
        await trio.sleep(line.chance.random())
        line.line.unplug()
        while line.is_bad:
            await trio.sleep(0.1)
        line.line.plug()

    line.nursery.start_soon(pull)


MOUNTED_FAULTS = {**FAULTS, hang_up.__name__: hang_up}
"""What goes wrong on the line of a mount."""


class Served:
    """An emulated DC120 on a pseudo-terminal, in a thread of its own.

    Args:
        link: where hosts find it.
        seed: of what is random on its line.
    """

    def __init__(self, link: Path, seed: int) -> None:
        self.camera = emulate_dc120({"pace": "off"}, keep_trace=False)
        self.camera.state.stores[Location.MEMORY].pictures[:] = [
            stored(number, size=len(data)) for number, data in enumerate(MOUNTED.values(), 1)
        ]
        self._link, self._seed = link, seed
        self._ready = threading.Event()
        self._thread = threading.Thread(target=trio.run, args=(self._serve,), daemon=True)
        self._thread.start()
        self._ready.wait()

    async def _serve(self) -> None:
        async with self.camera.running(self._link), trio.open_nursery() as nursery:
            self._token = trio.lowlevel.current_trio_token()
            self._line = Line(self.camera.line, self.camera, nursery, random.Random(self._seed))
            self._ready.set()
            await trio.sleep_forever()

    def do(self, change: Callable[[Line], None]) -> None:
        """Change the line."""
        trio.from_thread.run_sync(change, self._line, trio_token=self._token)

    def close(self) -> None:
        """End."""
        self._token.run_sync_soon(self._line.nursery.cancel_scope.cancel)
        self._thread.join()


MOUNTED = {f"P{number:06}.KDC": picture(number)[:size] for number, size in enumerate((3000, 72_240, 20_000, 5000), 1)}
"""The pictures of a mounted camera."""


def one_mount(name: str, seed: int, folder: Path, tally: Tally) -> None:
    """Mount, spoil the line, make calls at once, mend it, and compare everything."""
    folder.mkdir(exist_ok=True)
    where = f"{name}, mounted, seed {seed}"
    link = folder / "line"
    served = Served(link, seed)
    try:
        with mounted(f"serial:{link}", folder / "mount", "timeout=1", env={"XDG_CACHE_HOME": str(folder)}) as mount:
            mount.tolerate("")
            served.do(MOUNTED_FAULTS[name])
            point = mount.path
            calls = six_calls(point, "memory", MOUNTED)
            calls += [Call(("cat", f"{point}/{file}")) for file in (".clock", ".settings/flash")]
            at_once(calls, tally, where)
            served.do(Line.mend)
            await_recovery(point, {"memory": MOUNTED}, where, lambda: "\n".join(mount.lines()[-20:]))
            check_memory(mount, tally, where)
            if "Traceback" in (said := "\n".join(mount.lines())):
                raise DidNotHold(f"{where}:\n{said}")
            unmount(mount, where)
    finally:
        served.close()


def on_mounts(until: float, chance: random.Random, folder: Path, tally: Tally) -> int:
    """Make rounds on mounts, some side by side; return how many."""

    def lane(number: int, seeds: random.Random) -> int:
        done = 0
        while not done or time.monotonic() < until:
            name = "hang_up" if not number and not done else seeds.choice(list(MOUNTED_FAULTS))
            one_mount(name, seeds.randrange(1 << 32), folder / f"{number}", tally)
            done += 1
        return done

    with ThreadPoolExecutor(SIDE_BY_SIDE) as threads:
        lanes = [threads.submit(lane, number, random.Random(chance.random())) for number in range(SIDE_BY_SIDE)]
        return sum(each.result() for each in lanes)


def torture(until: float, seed: int, folder: Path) -> Counts:
    """Let lines go wrong until the time is over: first those of mounts, then those in memory."""
    chance, totals, tally = random.Random(seed), Totals(), Tally(limit=LONGEST_CALL)
    begun = time.monotonic()
    mounts = on_mounts(begun + (until - begun) / 2, chance, folder, tally)
    in_memory(until, chance.randrange(1 << 32), totals)
    return Counts(
        {
            "mounts": mounts,
            "calls": tally.calls,
            "s the longest": round(tally.longest),
            "faults": len(FAULTS),
            "rounds": totals.rounds,
            "commands": totals.commands,
            "pictures compared": totals.pictures,
            "calls that failed": totals.failed,
            "wrong": 0,
            "s of a jumping clock the longest": round(totals.longest),
        }
    )
