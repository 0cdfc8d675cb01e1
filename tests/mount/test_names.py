"""Names: whatever a camera calls its objects becomes a legal name, unlike its neighbours', that can be read back."""

import os

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from camfs.mount.names import MAX_NAME, escape, unescape, unique

NAMES = st.one_of(
    st.text(max_size=300),
    st.text(alphabet="%./\0 2FfEe05~-aé🎞", max_size=40),
    st.sampled_from(["", ".", "..", "...", "%", "%%", "%2F", "%252F", "%2", "%zz", "/", "\0", "a" * 255, "é" * 200]),
)
TAGS = st.integers(0, 0xFFFFFFFF).map("{:08x}".format)


def is_legal(name: bytes) -> bool:
    return 0 < len(name) <= MAX_NAME and name not in (b".", b"..") and b"/" not in name and b"\0" not in name


@pytest.mark.parametrize(
    ("name", "escaped"),
    [
        ("SDIM0001.JPG", "SDIM0001.JPG"),
        ("ä Ω 你好 🎞.JPG", "ä Ω 你好 🎞.JPG"),
        (" leading and trailing ", " leading and trailing "),
        (".hidden", ".hidden"),
        ("...", "..."),
        (".", "%2E"),
        ("..", "%2E%2E"),
        ("a/b", "a%2Fb"),
        ("/", "%2F"),
        ("a\0b", "a%00b"),
        ("100%", "100%"),
        ("100% JPG", "100% JPG"),
        ("a%2Fb", "a%252Fb"),
        ("%2e", "%252e"),
        ("%/2F", "%%2F2F"),
        ("new\nline", "new%0Aline"),
        ("\x1b]0;title\x07", "%1B]0;title%07"),
        ("\x7f\x9b31m", "%7F%C2%9B31m"),
        ("gpj.\u202eJPG", "gpj.%E2%80%AEJPG"),
        ("\ufeff\u2066\u2028", "%EF%BB%BF%E2%81%A6%E2%80%A8"),
        ("👨\u200d👩 क्\u200cष \U000fabcd", "👨\u200d👩 क्\u200cष \U000fabcd"),
        ("-rf", "-rf"),
    ],
)
def test_escaping(name: str, escaped: str) -> None:
    assert escape(name) == escaped
    assert unescape(escaped) == name


@given(NAMES)
def test_escaping_can_be_undone(name: str) -> None:
    assert unescape(escape(name)) == name


@given(NAMES, NAMES)
def test_different_names_stay_different(one: str, other: str) -> None:
    assert (escape(one) == escape(other)) == (one == other)


@given(NAMES, TAGS)
@example("é" * 128, "00000001")
@example("\ud800", "00000001")
def test_every_name_is_legal(name: str, tag: str) -> None:
    made = unique(name, tag, ())
    assert is_legal(made)
    made.decode()
    assert is_legal(unique(name, tag, {made}))


@given(NAMES.filter(bool), TAGS)
def test_a_name_that_fits_is_kept(name: str, tag: str) -> None:
    made = unique(name, tag, ())
    if len(escape(name).encode("utf-8", "replace")) <= MAX_NAME:
        assert unescape(os.fsdecode(made)) == name
    else:
        assert tag.encode() in made


@settings(max_examples=50)
@given(st.lists(NAMES, min_size=1, max_size=30))
def test_all_names_of_a_folder_are_different(names: list[str]) -> None:
    taken: set[bytes] = set()
    for number, name in enumerate(names * 3):
        made = unique(name, f"{number:08x}", taken)
        assert is_legal(made)
        assert made not in taken
        taken.add(made)


@pytest.mark.parametrize(
    ("name", "taken", "expected"),
    [
        ("A.JPG", (), "A.JPG"),
        ("A.JPG", ("A.JPG",), "A~0000000a.JPG"),
        ("A.JPG", ("A.JPG", "A~0000000a.JPG"), "A~0000000a~1.JPG"),
        ("A", ("A",), "A~0000000a"),
        (".hidden", (".hidden",), ".hidden~0000000a"),
        ("a.tar.gz", ("a.tar.gz",), "a.tar~0000000a.gz"),
        ("a.with a long ending that is none", ("a.with a long ending that is none",), None),
        ("", (), "unnamed-0000000a"),
        ("", ("unnamed-0000000a",), "unnamed-0000000a~0000000a"),
        ("a.jpg", ("A.JPG",), "a.jpg"),
    ],
)
def test_names_that_are_taken(name: str, taken: tuple[str, ...], expected: str | None) -> None:
    made = unique(name, "0000000a", {each.encode() for each in taken}).decode()
    assert made == (expected or name + "~0000000a")


@pytest.mark.parametrize("name", ["x" * 300 + ".JPG", "é" * 200 + ".JPG", "🎞" * 100 + ".JPG", "a." + "b" * 300])
def test_long_names_keep_their_ending(name: str) -> None:
    one, other = unique(name, "00000001", ()), unique(name, "00000002", ())
    assert one != other
    assert len(one) <= MAX_NAME
    assert one.endswith(b".JPG") or not name.endswith(".JPG")
    one.decode()


def test_the_same_name_comes_out_the_same_each_time() -> None:
    assert unique("A.JPG", "00000001", {b"A.JPG"}) == unique("A.JPG", "00000001", {b"A.JPG", b"B.JPG"})
