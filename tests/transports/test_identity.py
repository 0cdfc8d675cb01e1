"""The GUID that cameras know this computer by, and its name."""

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from camfs.errors import TransportError
from camfs.transports import identity


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty state directory."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def test_it_is_made_once(state: Path) -> None:
    guid = identity.read_guid()
    assert len(guid) == 16
    assert identity.read_guid() == guid
    file = state / "camfs" / "guid"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text() == guid.hex() + "\n"
    assert os.listdir(file.parent) == ["guid"]
    file.unlink()
    assert identity.read_guid() != guid


@pytest.mark.parametrize("name", ["", None])
def test_without_a_state_directory_of_ones_own(
    name: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    if name is not None:
        monkeypatch.setenv("XDG_STATE_HOME", name)
    assert identity.guid_path() == tmp_path / ".local" / "state" / "camfs" / "guid"


def test_programs_that_make_it_at_once_get_the_same(state: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        guids = list(pool.map(lambda _: identity.read_guid(), range(32)))
    assert len(set(guids)) == 1


def test_it_may_be_given(state: Path) -> None:
    (state / "camfs").mkdir()
    (state / "camfs" / "guid").write_text("00112233445566778899AABBCCDDEEFF")
    assert identity.read_guid().hex() == "00112233445566778899aabbccddeeff"


@pytest.mark.parametrize("text", ["", "00", "x" * 32, "00" * 17, "é" * 16])
def test_a_file_that_holds_something_else(state: Path, text: str) -> None:
    (state / "camfs").mkdir()
    file = state / "camfs" / "guid"
    file.write_text(text)
    with pytest.raises(TransportError, match="remove it"):
        identity.read_guid()
    assert file.read_text() == text


def test_a_place_that_cannot_be_written(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (state / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(state / "file"))
    with pytest.raises(TransportError, match="know this computer by it"):
        identity.read_guid()


@pytest.mark.parametrize(
    ("host", "name"), [("box.example.org", "camfs box"), ("", "camfs"), ("x" * 63, "camfs " + "x" * 33)]
)
def test_the_name(host: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    assert identity.friendly_name() == name
