"""The models of emulated cameras: attached in this process, and served by the command line."""

import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from camfs.virtual import PROFILES, attach
from camfs.virtual.__main__ import main, parser
from tests.virtual.ptp.host import Host


def test_names_the_models() -> None:
    assert set(PROFILES) >= {"sigma-fp", "ptp"}


async def test_attach_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="colour"):
        async with attach("ptp", {"colour": "red"}):
            raise AssertionError


async def test_attach_gives_the_pipes_of_a_camera_that_answers() -> None:
    async with attach("ptp", {}) as pipes:
        host = Host(pipes)
        await host.open_session()
        assert await host.handles()


def test_command_line_says_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ptp", "--gadget", "--card", "/does/not/exist"]) == 1
    assert capsys.readouterr().err == "camfs.virtual: --card /does/not/exist: no such folder\n"
    for arguments in ([], ["ptp"], ["dc119", "--gadget"], ["ptp", "--gadget", "--colour", "red"]):
        with pytest.raises(SystemExit, match="2"):
            main(arguments)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("15740", ("127.0.0.1", 15740)),
        ("0", ("127.0.0.1", 0)),
        ("0.0.0.0:15740", ("0.0.0.0", 15740)),
        ("camera.local:1", ("camera.local", 1)),
        ("[::1]:65535", ("::1", 65535)),
    ],
)
def test_where_to_listen(text: str, place: tuple[str, int]) -> None:
    arguments = parser().parse_args(["ptp", "--ptpip", text])
    assert arguments.ptpip == place


@pytest.mark.parametrize("text", ["", "host", "host:", ":1", "::1", "[::1]", "::1:5", "1:65536", "host:-1", "[]:1"])
def test_where_it_cannot_listen(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["ptp", "--ptpip", text])
    assert f"{text} is not [HOST:]PORT" in capsys.readouterr().err


def test_help_names_the_options_of_the_model_alone(capsys: pytest.CaptureFixture[str]) -> None:
    for model, has, has_not in (("ptp", "--memory", "--firmware"), ("sigma-fp", "--firmware", "--memory")):
        with pytest.raises(SystemExit):
            main([model, "--help"])
        told = capsys.readouterr().out
        assert has in told
        assert "--objects" in told
        assert has_not not in told


def test_one_way_to_serve_must_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    for ways in ([], ["--gadget", "--ptpip", "0"]):
        with pytest.raises(SystemExit):
            main(["ptp", *ways])
    assert "--ptpip" in capsys.readouterr().err


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert main(["ptp", "--ptpip", str(other.getsockname()[1])]) == 1
    assert capsys.readouterr().err.startswith("camfs.virtual: [Errno 98] ")


@pytest.mark.parametrize(
    ("model", "where", "line"),
    [
        ("ptp", "0", r"a PTP camera is at ptpip:127\.0\.0\.1:(\d+)\n"),
        ("sigma-fp", "127.0.0.2:0", r"a SIGMA fp is at ptpip:127\.0\.0\.2:(\d+)\n"),
        ("ptp", "localhost:0", r"a PTP camera is at ptpip:localhost:(\d+)\n"),
    ],
)
def test_the_command_says_where_it_listens_and_ends_on_a_signal(model: str, where: str, line: str) -> None:
    words = [sys.executable, "-m", "camfs.virtual", model, "--ptpip", where]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert re.fullmatch(line, process.stdout.readline())
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(60) == 0
        assert process.stderr.read() == ""


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("virtual:ptp", "ptp"),
        ("ptp?objects=3&card=/a%20b", "ptp --objects 3 --card '/a b'"),
        ("virtual:dc120?", "dc120"),
    ],
)
def test_a_source_is_told_from_a_model(source: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([source, "--ptpip", "0"])
    assert f"{source} is a SOURCE of camfs; here it is: {words} --ptpip 0\n" in capsys.readouterr().err
