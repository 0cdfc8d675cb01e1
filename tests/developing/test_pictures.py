"""Developed pictures are made once, kept by their raw bytes, and a program that fails or crashes harms nobody."""

import importlib.util
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import trio

from camfs import errors
from camfs.developing import pictures
from camfs.developing.pictures import DevelopedPictures
from tests.developing.test_program import generated, opened


@pytest.fixture
def developed(tmp_path: Path) -> DevelopedPictures:
    return DevelopedPictures(tmp_path / "developed")


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Note what is given to the program, and let it answer with that, as a JPEG."""
    given: list[bytes] = []

    async def run(data: bytes) -> bytes:
        await trio.lowlevel.checkpoint()
        given.append(data)
        return b"\xff\xd8\xff" + data + b"\xff\xd9"

    monkeypatch.setattr(pictures, "_run", run)
    return given


async def test_each_is_made_once(developed: DevelopedPictures, runs: list[bytes], tmp_path: Path) -> None:
    for data in (b"one", b"two", b"one"):
        assert await developed.develop(data) == b"\xff\xd8\xff" + data + b"\xff\xd9"
    assert await DevelopedPictures(tmp_path / "developed").develop(b"two") == b"\xff\xd8\xfftwo\xff\xd9"
    assert runs == [b"one", b"two"]
    assert (tmp_path / "developed").stat().st_mode & 0o777 == 0o700
    files = list((tmp_path / "developed").iterdir())
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600] * 2


async def test_what_is_kept_is_bounded(
    developed: DevelopedPictures, runs: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "CACHE_SIZE", 3500)
    for number in range(10):
        await developed.develop(bytes([number]) * 1000)
    assert len(list((tmp_path / "developed").iterdir())) == 3
    await developed.develop(bytes([9]) * 1000)
    assert len(runs) == 10


async def test_a_copy_that_was_damaged_is_made_again(
    developed: DevelopedPictures, runs: list[bytes], tmp_path: Path
) -> None:
    await developed.develop(b"one")
    (file,) = (tmp_path / "developed").iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    assert await developed.develop(b"one") == b"\xff\xd8\xffone\xff\xd9"
    assert len(runs) == 2


async def test_a_folder_that_is_not_safe_is_done_without(
    developed: DevelopedPictures, runs: list[bytes], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "developed").symlink_to(tmp_path)
    assert await developed.develop(b"one") == b"\xff\xd8\xffone\xff\xd9"
    assert "was not kept on disk" in caplog.text
    assert list(tmp_path.iterdir()) == [tmp_path / "developed"]


async def test_without_rawpy(developed: DevelopedPictures, runs: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(errors.NotSupported, match=r"camfs\[develop\]"):
        await developed.develop(b"one")
    assert runs == []


async def test_the_program_itself(developed: DevelopedPictures) -> None:
    assert opened(await developed.develop(generated(3))).size == (1301, 976)
    with pytest.raises(errors.NoData, match="cannot be developed: no raw picture that libraw knows"):
        await developed.develop(b"no picture")


async def test_a_program_that_crashes(developed: DevelopedPictures, monkeypatch: pytest.MonkeyPatch) -> None:
    async def crash(*_: Any, **__: Any) -> Any:
        await trio.lowlevel.checkpoint()
        return subprocess.CompletedProcess([], -11, b"", b"")

    monkeypatch.setattr(trio, "run_process", crash)
    with pytest.raises(errors.NoData, match="ended by signal 11"):
        await developed.develop(b"one")


async def test_a_program_that_does_not_end(
    developed: DevelopedPictures, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run_process, pid = trio.run_process, tmp_path / "pid"

    async def sleep(_command: list[str], **about: Any) -> Any:
        return await run_process(["/bin/sh", "-c", f"echo $$ > {pid}; exec sleep 1000"], **about)

    monkeypatch.setattr(pictures, "PATIENCE", 0.5)
    monkeypatch.setattr(trio, "run_process", sleep)
    with pytest.raises(errors.NoData, match="not done"):
        await developed.develop(b"one")
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
