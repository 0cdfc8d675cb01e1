"""The driver on a body that answers as the EOS 60D of a log did: what it asks that the log has gets the log's answer.

The log is of another program (gphoto2 --list), so the driver does not ask in its order, nor all that it asks. Each operation has the
answers that the log has for it with the same parameters, one after the other, and then the last of them again. Records that came after a
property was written come only after the driver has written one. What the log never has is answered with OperationNotSupported, and the test
says which those are.
"""

import re
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from trio.testing import MockClock

from camfs import errors
from camfs.protocols.canon_eos.codes import CanonOperation
from camfs.protocols.ptp.codes import Operation
from camfs.virtual.ptp.calls import Answer, Call
from camfs.virtual.ptp.state import CameraState
from tests.cameras.canon_eos.rig import Rig, driven
from tests.cameras.rig import emulated
from tests.protocols.canon_eos.payloads import FOLDER, payload
from tests.shared import shared

LINE = re.compile(r"(\w{4})\(([\w,]*)\) +(?:(\S+) \[(\d+)\] +)?(\w{4})(?: +x(\d+))?")

SESSIONS = (Operation.OpenSession, Operation.CloseSession)

Question = tuple[int, tuple[int, ...]]
Reply = tuple[bytes | None, int]


class Log:
    """The answers of a session, and what was asked that it does not have.

    Attributes:
        missing: questions without an answer in the log.
        asked: questions that had one.
    """

    def __init__(self, name: str) -> None:
        self.missing: set[Question] = set()
        self.asked: set[Question] = set()
        self._replies: dict[Question, list[Reply]] = defaultdict(list)
        self._writes: list[tuple[bytes, int]] = []
        self._later: dict[int, list[Reply]] = defaultdict(list)
        for line in shared(f"{FOLDER}/{name}.txt").read_text().splitlines()[1:]:
            match = LINE.fullmatch(line.strip())
            assert match is not None, line
            code, parameters, sample, size, response, times = match.groups()
            data = payload(sample) if sample else None
            assert data is None or len(data) == int(size)
            question = int(code, 16), tuple(int(word, 16) for word in parameters.split(",") if word)
            if question[0] == CanonOperation.SetDevicePropValueEx:
                assert data is not None
                self._writes.append((data, int(response, 16)))
            elif question[0] == CanonOperation.GetEvent and self._writes:
                self._later[len(self._writes)].append((data, int(response, 16)))
            else:
                self._replies[question] += [(data, int(response, 16))] * min(int(times or 1), 10)

    @property
    def operations(self) -> set[int]:
        """The operations that it has."""
        return {operation for operation, _ in self._replies} | {CanonOperation.SetDevicePropValueEx}

    def answer(self, operation: int, call: Call) -> Answer:
        """Return the log's answer to a question."""
        if operation == CanonOperation.SetDevicePropValueEx:
            found = [code for data, code in self._writes if data == call.payload]
            question: Question = operation, tuple(call.payload)
            (self.asked if found else self.missing).add(question)
            self._replies[CanonOperation.GetEvent, ()] += self._later.pop(min(self._later, default=0), [])
            return Answer(code=found[0] if found else 0x2005)
        for length in range(6):
            question = operation, call.parameters[:length]
            if any(call.parameters[length:]) or question not in self._replies:
                continue
            self.asked.add(question)
            replies = self._replies[question]
            data, code = replies.pop(0) if len(replies) > 1 else replies[0]
            return Answer(data, code=code)
        self.missing.add((operation, call.parameters))
        return Answer(code=0x2005)


@asynccontextmanager
async def played(name: str, spool: Path) -> AsyncIterator[tuple[Rig, Log]]:
    """Drive a body that answers from a log."""
    log = Log(name)
    async with emulated("canon-eos") as body:

        def overridden(operation: int) -> None:
            async def handle(state: CameraState, call: Call) -> Answer:
                return log.answer(operation, call)

            body.override(operation, handle)

        for operation in {*log.operations, *body.state.device_info.operations}.difference(SESSIONS):
            overridden(operation)
        async with driven(body, spool, listening=False) as rig:
            yield rig, log


async def test_browsing_asks_only_what_the_log_has_or_is_standard(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with played("session-eos60d-b", tmp_path) as (rig, log):
        assert rig.camera.ptp.info.model == "Canon EOS 60D"
        with pytest.raises(errors.CameraError):  # the log lists by 9101 and 9102, as that program does
            await rig.camera.list_folder(None)
        assert all(operation < 0x9000 for operation, _ in log.asked | log.missing)


async def test_settings_are_those_of_the_log(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with played("session-eos-60d-a", tmp_path) as (rig, log):
        said = {name: await rig.camera.setting(name) for name in ("aperture", "iso", "exposure-mode", "focus-mode")}
        assert said == {"aperture": "f/4", "iso": "1600", "exposure-mode": "aperture-priority", "focus-mode": "manual"}
        assert await rig.camera.setting("image-quality") == "large-fine"
        assert (await rig.camera.choices("aperture"))[0] == "f/3.5"
        assert await rig.camera.choices("shutter-speed") == ()
        assert (0x9116, ()) in log.asked
        assert (0x9127, (0xD115,)) in log.asked
        assert {operation for operation, _ in log.missing} == set()


async def test_a_value_that_the_body_refused_in_the_log(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with played("session-eos-60d-a", tmp_path) as (rig, log):
        with pytest.raises(errors.InvalidValue):  # 0x24 is in no list of this lens
            await rig.camera.change_setting("aperture", "0x24")
        assert not any(operation == CanonOperation.SetDevicePropValueEx for operation, _ in log.asked)


async def test_the_body_is_given_back_as_in_the_log(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with played("session-eos-60d-a", tmp_path) as (rig, log):
        await rig.camera.acquire_control()
        rig.operations()
        await rig.camera.release_control()
        left = rig.operations()
    assert left[-2:] == ["SetRemoteMode", "SetEventMode"]
    assert {(0x9114, (1,)), (0x9115, (1,)), (0x9114, (0,)), (0x9115, (0,))} <= log.asked
    assert {operation for operation, _ in log.missing} <= {CanonOperation.AfCancel}


async def test_the_destination_is_written_as_in_the_log(tmp_path: Path, jumping_clock: MockClock) -> None:
    async with played("session-eos60d-b", tmp_path) as (rig, log):
        await rig.camera.change_setting("destination", "computer")
        assert (CanonOperation.SetDevicePropValueEx, tuple(payload("eos-60d-a-9110-01"))) in log.asked
        assert {operation for operation, _ in log.missing} <= {CanonOperation.PCHDDCapacity}
