"""Options of the emulated DC120, its trace, and `python -m camfs.virtual dc120 --pty LINK` from outside."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from camfs.transports.serial import open_port
from camfs.virtual import DC120, MODELS, attach_dc120, emulate, emulate_dc120
from camfs.virtual.__main__ import main
from camfs.virtual.dc120.options import parse
from tests.virtual.dc120.host import D1, D2, E1, E2, Host, extra, hosted


def test_is_one_of_the_models() -> None:
    assert DC120 in MODELS
    with pytest.raises(ValueError, match="dc120"):
        emulate("dc119")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colour": "red"}, "option colour=red: .* no such option; it has memory, card,"),
        ({"serial": "1"}, "serial"),
        ({"memory": "/does/not/exist"}, "memory=/does/not/exist: no such folder"),
        ({"memory": "made"}, "no such folder"),
        ({"card": __file__}, "not a folder"),
        ({"pace": "slow"}, "pace=slow: on or off"),
        ({"baud": "9601"}, "baud=9601: one of 9600, 19200"),
        ({"capture": "-1"}, "capture"),
        ({"capture": "soon"}, "capture"),
        ({"sleep": "yes"}, "sleep"),
        ({"dialect": "dc210"}, "dialect=dc210: one of document, libgphoto2"),
        ({"trace": ""}, "trace"),
        ({"trace": "/does/not/exist"}, "trace=/does/not/exist: No such file"),
    ],
)
def test_says_what_is_wrong(options: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        emulate_dc120(options)


@pytest.mark.parametrize("dialect", ["document", "seed"])
def test_names_of_the_default_dialect(dialect: str) -> None:
    assert parse({"dialect": dialect}) == parse({}) != parse({"dialect": "libgphoto2"})


async def test_writes_a_line_for_each_command_at_once(tmp_path: Path) -> None:
    path = tmp_path / "trace"
    with trio.fail_after(20):
        async with attach_dc120({"pace": "off", "trace": str(path)}) as line:
            host = Host(await open_port(line))
            await host.line_break()
            await host.expect(E1)
            await host.count("00", 2)
            await host.ask("5401000900", D1, E2)
            await host.ask("9E", D1)
            await host.send(extra(bytes(58)))
            await host.expect(D2, b"\0")
            await host.ask("710004", E1)
            await host.ask("44", E1)
            lines = [json.loads(text) for text in path.read_text().splitlines()]
            await host.port.aclose()
    assert [line.pop("t") >= 0 for line in lines] == [True] * 6
    assert lines == [
        {"op": "break", "params": [], "out": 0, "in": 0, "result": "OK"},
        {"op": "GET_FILE_COUNT", "params": [0, 2], "out": 0, "in": 16, "result": "OK"},
        {"op": "GET_MEMORY_FILE", "params": [1, 9, 0], "out": 0, "in": 0, "result": "failed"},
        {"op": "SET_USER_NAME", "params": [], "out": 58, "in": 0, "result": "OK"},
        {"op": "SET_QUALITY", "params": [0, 4, 0, 0, 0], "out": 0, "in": 0, "result": "refused"},
        {"op": "0x44", "params": [0, 0, 0, 0, 0], "out": 0, "in": 0, "result": "refused"},
    ]


async def test_keeps_a_trace_in_memory_for_tests() -> None:
    async with hosted() as (camera, host):
        await host.status()
        assert camera.trace.operations() == ["GET_STATUS"]


class Served:
    """The command in a process of its own."""

    def __init__(self, link: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "camfs.virtual", "dc120", "--pty", str(link), "--pace", "off", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == f"a Kodak DC120 is at {link}\n"

    def end(self, number: int) -> int:
        """Send a signal; return the exit status."""
        self.process.send_signal(number)
        output, errors = self.process.communicate(timeout=20)
        assert (output, errors) == ("", "")
        return self.process.returncode


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    camera = Served(tmp_path / "camera", "--card", "made")
    yield camera
    camera.process.kill()
    camera.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_serves_other_programs_until_told_to_end(served: Served, tmp_path: Path, number: int) -> None:
    with trio.fail_after(20):
        for _ in range(2):
            host = Host(await open_port(tmp_path / "camera"))
            await host.line_break()
            await host.expect(E1)
            assert await host.count("01") == 6
            await host.port.aclose()
    assert served.end(number) == 0
    assert not os.path.lexists(tmp_path / "camera")


async def test_one_that_was_killed_leaves_a_link_that_the_next_replaces(served: Served, tmp_path: Path) -> None:
    served.process.kill()
    served.process.wait()
    assert os.path.lexists(tmp_path / "camera")
    again = Served(tmp_path / "camera")
    with trio.fail_after(20):
        host = Host(await open_port(tmp_path / "camera"))
        await host.status()
        await host.port.aclose()
    assert again.end(signal.SIGTERM) == 0


def test_command_line_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("mine")
    for arguments, message in (
        (["--pty", str(tmp_path / "file")], "File exists"),
        (["--pty", str(tmp_path / "no" / "folder")], "No such file"),
        (["--pty", str(tmp_path / "link"), "--memory", "/does/not/exist"], "no such folder"),
    ):
        assert main(["dc120", *arguments]) == 1
        output = capsys.readouterr()
        assert output.err.startswith("camfs.virtual: ")
        assert message in output.err
        assert output.err.count("\n") == 1
    for arguments in (
        ["dc120"],
        ["dc120", "--gadget"],
        ["dc120", "--pty", "x", "--serial", "1"],
        ["ptp", "--pty", "x"],
    ):
        with pytest.raises(SystemExit, match="2"):
            main(arguments)
    capsys.readouterr()
