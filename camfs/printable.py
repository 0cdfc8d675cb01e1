"""What of a device's text may reach a terminal: everything but what a terminal obeys, or what shows other than it is.

A camera says what it likes of itself: its model, its serial number, the names of its files, the values of its settings. A terminal takes
escape sequences in such a text for commands, a line break in it begins a line that camfs has not written, and marks of writing direction
make it read backwards. So each place where text leaves camfs for people (control files, the log, what the command prints, what systemd is
told) writes it with `printable`; and file names are escaped where the same characters are (`camfs/mount/names.py`).

The rest is left as it is: letters of all scripts, emoji and the joiners within them, and characters that Python does not know yet.
"""

import unicodedata

_UNPRINTABLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode's categories of controls, of invisible marks of format, of halves of a character, and of separators of lines and paragraphs."""

_JOINERS = "\u200c\u200d"
"""Marks of format that words of Persian and Hindi, and many emoji, are written with. They are harmless."""


def is_printable(letter: str) -> bool:
    """Say whether a character may be shown as it is."""
    return letter.isprintable() or letter in _JOINERS or unicodedata.category(letter) not in _UNPRINTABLE


def printable(text: str) -> str:
    """Return a text with `?` in place of each character that may not be shown; line breaks are among them."""
    if text.isprintable():
        return text
    return "".join(letter if is_printable(letter) else "?" for letter in text)


def printable_lines(text: str) -> str:
    r"""Return a text of several lines as `printable` does, with its line breaks (`\n`)."""
    return "\n".join(map(printable, text.split("\n")))
