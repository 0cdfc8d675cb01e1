"""The log and the reports of a mount: lines that a terminal can show."""

import logging

import pytest

from camfs import errors
from camfs.commands.background import LineFormatter, StderrFormatter, one_line
from camfs.commands.systemd import JournalFormatter

EVIL = "\x1b[2JP\x9bM\r\nsecond"
"""A camera's name for itself."""


def record_of(text: str, error: BaseException | None = None) -> logging.LogRecord:
    return logging.LogRecord(
        "camfs", logging.WARNING, "", 0, "%s", (text,), (type(error), error, None) if error else None
    )


@pytest.mark.parametrize(
    ("formatter", "start"),
    [(LineFormatter(), ""), (StderrFormatter(), "camfs: "), (JournalFormatter("fp"), "<4>fp: ")],
)
def test_messages_are_lines(formatter: logging.Formatter, start: str) -> None:
    assert formatter.format(record_of(EVIL)) == f"{start}?[2JP?M second"
    lines = formatter.format(record_of("ended", ValueError(EVIL))).split("\n")
    assert all(line.startswith(start) and line.isprintable() for line in lines)
    assert lines[0] == f"{start}ended"
    assert "second" in lines[-1]


def test_a_report_is_one_line() -> None:
    assert one_line(errors.DeviceGone(f"another camera is there: {EVIL}")) == "another camera is there: ?[2JP?M second"
