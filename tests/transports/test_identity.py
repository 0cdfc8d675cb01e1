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


@pytest.mark.parametrize("name", ["guid", "guid.0000"])
def test_a_link_that_was_planted(name: str, state: Path) -> None:
    """What it leads to is neither read nor written."""
    secret = state / "secret"
    secret.write_text("00" * 16)
    (state / "camfs").mkdir()
    (state / "camfs" / name).symlink_to(secret)
    if name == "guid":
        with pytest.raises(TransportError, match="symbolic link"):
            identity.read_guid()
    else:
        assert identity.read_guid() != bytes(16)
    assert secret.read_text() == "00" * 16


def test_a_folder_that_others_can_write_to(state: Path) -> None:
    (state / "camfs").mkdir()
    (state / "camfs").chmod(0o777)
    with pytest.raises(TransportError, match="other users can write to"):
        identity.read_guid()
    assert os.listdir(state / "camfs") == []


def test_what_was_there_is_made_private(state: Path) -> None:
    (state / "camfs").mkdir(mode=0o755)
    (state / "camfs" / "guid").write_text("11" * 16)
    (state / "camfs" / "guid").chmod(0o644)
    assert identity.read_guid() == b"\x11" * 16
    assert (state / "camfs").stat().st_mode & 0o777 == 0o700
    assert (state / "camfs" / "guid").stat().st_mode & 0o777 == 0o600


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
