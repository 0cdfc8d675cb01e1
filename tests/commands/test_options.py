"""Mount options: those of the table, those of mount(8) and libfuse, and the errors for all others."""

import os
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.commands.options import (
    FUSE_OPTIONS,
    MOUNT_OPTIONS,
    OPTIONS,
    MountOptions,
    parse_options,
    read_size,
    read_zone,
)

SUMMER = datetime(2026, 7, 1)


def test_the_defaults() -> None:
    assert parse_options([]) == MountOptions(
        allow_delete=False,
        allow_format=False,
        raw=False,
        show_control=False,
        nonempty=False,
        tz=None,
        uid=os.getuid(),
        gid=os.getgid(),
        umask=0o022,
        cache=64 << 20,
        timeout=10.0,
        baud=None,
        idle=300.0,
        spool=None,
        movies=False,
        noinotify=False,
        attr_timeout=5.0,
        fuse=frozenset(),
    )


def test_the_help_says_the_default() -> None:
    helps = {option.typed: option.help for option in OPTIONS}
    assert helps["cache=SIZE"] == "size of the block cache (default: 64M)"
    assert helps["spool=DIR"].endswith(" (default: ~/.local/state/camfs/spool)")
    assert "default" not in helps["movies"]


@pytest.mark.parametrize("option", [each for each in OPTIONS if each.read is None], ids=lambda each: each.name)
def test_switches(option: Any) -> None:
    assert getattr(parse_options([option.name]), option.name) is True
    assert getattr(parse_options(["ro"]), option.name) is False
    for word in (f"{option.name}=1", f"{option.name}=", f"{option.name}=no"):
        with pytest.raises(ValueError, match="takes no value"):
            parse_options([word])


@pytest.mark.parametrize("option", [each for each in OPTIONS if each.read is not None], ids=lambda each: each.name)
def test_values(option: Any) -> None:
    assert option.value
    with pytest.raises(ValueError, match="takes a value"):
        parse_options([option.name])
    for value in ("", "nonsense", "-5", "1e999", "nan", "0x", "9" * 5000):
        with pytest.raises(ValueError, match=f"^-o {option.name}=") as caught:
            parse_options([f"{option.name}={value}"])
        assert "\n" not in str(caught.value)
        assert not re.search("literal|convert|timedelta", str(caught.value)), "Python's words"


@pytest.mark.parametrize(
    ("word", "name", "value"),
    [
        ("uid=1000", "uid", 1000),
        ("gid=0", "gid", 0),
        ("uid=4294967295", "uid", 4294967295),
        ("umask=077", "umask", 0o077),
        ("umask=0", "umask", 0),
        ("umask=0777", "umask", 0o777),
        ("cache=1M", "cache", 1 << 20),
        ("cache=2g", "cache", 2 << 30),
        ("cache=1024K", "cache", 1 << 20),
        ("cache=5000000", "cache", 5_000_000),
        ("timeout=0.5", "timeout", 0.5),
        ("timeout=3600", "timeout", 3600),
        ("attr_timeout=30", "attr_timeout", 30),
        ("baud=9600", "baud", 9600),
    ],
)
def test_values_that_are_taken(word: str, name: str, value: Any) -> None:
    assert getattr(parse_options([word]), name) == value


@pytest.mark.parametrize(
    "word",
    [
        "uid=4294967296",
        "uid=no-such-user",
        "gid=no-such-group",
        "uid=",
        "uid=1.5",
        "umask=8",
        "umask=1777",
        "umask=-1",
        "cache=0",
        "cache=1023K",
        "cache=64T",
        "cache=64MB",
        "timeout=0",
        "timeout=0.01",
        "timeout=inf",
        "timeout=3601",
        "attr_timeout=-1",
        "tz=Mars/Olympus",
        "tz=../../etc/passwd",
        "tz=Europe",
        "tz=+2500",
        "tz=+0260",
        "baud=fast",
    ],
)
def test_values_that_are_not(word: str) -> None:
    with pytest.raises(ValueError, match=f"^-o {word.split('=')[0]}=") as caught:
        parse_options([word])
    assert not re.search("literal|convert|timedelta", str(caught.value)), "Python's words"


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("UTC", 0),
        ("+0200", 2),
        ("-0730", -7.5),
        ("+05:45", 5.75),
        ("Europe/Berlin", 2),
        ("America/New_York", -4),
        ("+0000", 0),
    ],
)
def test_zones(text: str, hours: float) -> None:
    assert SUMMER.replace(tzinfo=read_zone(text)).utcoffset() == timedelta(hours=hours)
    assert SUMMER.replace(tzinfo=parse_options([f"tz={text}"]).tz).utcoffset() == timedelta(hours=hours)


@given(st.text(max_size=20))
def test_any_text_is_a_zone_or_a_value_error(text: str) -> None:
    try:
        zone = read_zone(text)
    except ValueError:
        return
    assert SUMMER.replace(tzinfo=zone).utcoffset() is not None


@given(st.text(max_size=20))
def test_any_text_is_a_size_or_a_value_error(text: str) -> None:
    try:
        size = read_size(text)
    except ValueError:
        return
    assert size >= 1 << 20


@given(st.lists(st.text(max_size=40), max_size=4))
def test_any_texts_are_options_or_a_value_error(texts: list[str]) -> None:
    said = "-o "
    try:
        parse_options(texts)
    except ValueError as error:
        said = str(error)
    assert said.startswith(("-o ", "unknown option -o "))


def test_several_in_one_text_and_in_several() -> None:
    options = parse_options(["ro,allow_delete", " umask=077 ,, uid=5", "uid=6"])
    assert options.allow_delete
    assert (options.umask, options.uid) == (0o077, 6)
    assert options.fuse == {"ro"}


@pytest.mark.parametrize("word", sorted(FUSE_OPTIONS) + ["fsname=x", "subtype=y"])
def test_options_of_libfuse_are_handed_on(word: str) -> None:
    assert parse_options([word]).fuse == {word}


@pytest.mark.parametrize("word", [*sorted(MOUNT_OPTIONS), "x-systemd.automount", "x-gvfs-show", "comment=hello"])
def test_options_of_mount_mean_nothing(word: str) -> None:
    assert parse_options([word]) == parse_options([])


@pytest.mark.parametrize("word", ["allow_deletee", "ALLOW_DELETE", "big_writes", "allow_other=1", "=", "ro=1", "x"])
def test_options_that_nobody_knows(word: str) -> None:
    with pytest.raises(ValueError, match="unknown option -o"):
        parse_options([word])


def test_every_option_sets_a_field() -> None:
    fields = set(MountOptions.__dataclass_fields__)
    assert {option.name for option in OPTIONS} | {"fuse"} == fields
    assert not {option.name for option in OPTIONS} & (FUSE_OPTIONS | MOUNT_OPTIONS)
    assert all(option.meaning for option in OPTIONS)
    assert all(bool(option.value) == bool(option.default or option.otherwise) for option in OPTIONS)


def test_users_and_groups_by_name() -> None:
    options = parse_options(["uid=root,gid=root"])
    assert (options.uid, options.gid) == (0, 0)
