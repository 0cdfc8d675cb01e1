"""Sources that comments, docstrings and READMEs cite: each is a heading of a README in this repository, or a document anybody can find.

A citation is the path of a README from the top of the repository, a comma, and the heading in double quotes; it may go over the end of a
line. What camfs was written from lies outside the repository, so nothing may refer to it.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

FILES = [
    *(ROOT / name for name in ("README.md", "pyproject.toml", "setup.py", ".ci/run", "tests/check")),
    *sorted((ROOT / "systemd").iterdir()),
    *(
        path
        for folder in ("camfs", "tests")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in (".py", ".sh", ".md") and path != Path(__file__)
    ),
]

CITATION = re.compile(r'\b((?:camfs|tests)/[\w./-]*README\.md)`?(?:,[\s#]+"([^"]+)"( and ")?)?')
"""The path, the heading, and what begins a second heading behind it, which is not allowed: the path is written again."""

OUTSIDE = re.compile(
    r"""
    \breference(?:'s)?,?\s+(?:ptp|sigma|dc120|kdc|fuse|usb)\b   # a document and its section
    | \breference(?:'s)?,?\s+(?:\w+-\w+,?\s+)?(?:sections?\s+)?\d
    | \bthe\s+reference(?:'s\b|(?!\s+(?:to|of|count)\b|-)\b)
    | \breference/[\w-]+\.md
    | \bshared/(?:reference|seeds)
    | \b(?:design|style)\.md
    | \(\s*(?:design|style)\b
    | \b(?:see|by|in)\s+(?:design|style)\b
    | \bthe\s+(?:design|style)(?:'s\b|(?!\s+of\b)\b)
    | (?<![-\w])seeds?\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""What refers to documents outside of the repository."""


def headings(markdown: str) -> set[str]:
    """Return the headings of a Markdown text; lines in blocks of code are none."""
    text = re.sub(r"^```.*?^```", "", markdown, flags=re.MULTILINE | re.DOTALL)
    return {heading.strip() for heading in re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE)}


@cache
def headings_of(path: Path) -> set[str] | None:
    """Return the headings of a README; None if there is no such file."""
    return headings(path.read_text()) if path.is_file() else None


def wrong_citations(text: str, root: Path = ROOT) -> list[str]:
    """Return the citations in a text that lead nowhere, each with its line and what is wrong."""
    wrong = []
    for match in CITATION.finditer(text):
        name, heading, second = match.groups()
        found = headings_of(root / name)
        if found is None:
            problem = "there is no such file"
        elif heading is not None and " ".join(re.split(r"[\s#]+", heading)) not in found:
            problem = f"it has no heading {heading!r}"
        elif second:
            problem = "a second heading needs the path once more"
        else:
            continue
        wrong.append(f"{_line(text, match.start())}: {name}: {problem}")
    return wrong


def remarks(source: str) -> Iterator[tuple[int, str]]:
    """Return the comments and texts of a Python module with their lines.

    Texts are docstrings, and strings of several words, as helps and messages are. Comments on neighbouring lines are one.
    """
    module = ast.parse(source)
    docstrings = {node.value for node in ast.walk(module) if isinstance(node, ast.Expr)}
    constants = (node for node in ast.walk(module) if isinstance(node, ast.Constant))
    for constant in constants:
        text = constant.value
        if isinstance(text, str) and (constant in docstrings or len(text.split()) > 1):
            yield constant.lineno, text
    first, last, comment = 0, 0, ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            if token.start[0] != last + 1:
                yield first, comment
                first, comment = token.start[0], ""
            last = token.start[0]
            comment += token.string.lstrip("#") + "\n"
    yield first, comment


def outside(text: str, *, about_chance: bool = False) -> list[tuple[int, str]]:
    """Return what in a text refers to documents outside of the repository, with its line; a random seed does not.

    Args:
        text: is searched.
        about_chance: whether it speaks of random seeds although it does not say so.
    """
    about_chance = about_chance or re.search(r"\brandom", text, re.IGNORECASE) is not None
    return [
        (_line(text, match.start()), match[0])
        for match in OUTSIDE.finditer(text)
        if not (about_chance and match[0].lower().startswith("seed"))
    ]


def outside_of(path: Path) -> list[str]:
    """Return what a file of any kind says of documents outside of the repository."""
    source = path.read_text()
    texts = remarks(source) if path.suffix == ".py" else [(1, source)]
    about_chance = re.search(r"\bRandom\b|\bseed: int\b|--seed\b", source) is not None
    return [
        f"{first + line - 1}: {found}"
        for first, text in texts
        for line, found in outside(text, about_chance=about_chance)
    ]


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def test_every_citation_leads_to_a_heading() -> None:
    wrong = [f"{path.relative_to(ROOT)}:{each}" for path in FILES for each in wrong_citations(path.read_text())]
    assert not wrong, "\n" + "\n".join(wrong)


def test_nothing_refers_to_documents_outside_of_the_repository() -> None:
    found = [f"{path.relative_to(ROOT)}:{each}" for path in FILES for each in outside_of(path)]
    assert not found, "\n" + "\n".join(found)


# the reading itself


def test_headings_are_found_outside_of_code() -> None:
    text = '# One\n\ntext # Two\n\n```sh\n# Three\n```\n\n### Four, "five" ##\n#Six\n'
    assert headings(text) == {"One", 'Four, "five" ##'}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('(camfs/wire/README.md, "One")', None),
        ('# see `camfs/wire/README.md`, "Two words".', None),
        ('# camfs/wire/README.md,\n    # "Two\n    # words"', None),
        ('camfs/wire/README.md,\n    "Two words"', None),
        ("camfs/wire/README.md says more", None),
        ('camfs/wire/README.md, "One"; camfs/wire/README.md, "Two words"', None),
        ('README.md, "Three"', None),  # the one at the top, or in the same folder: not a citation
        ('camfs/wire/README.md, "Three"', "has no heading 'Three'"),
        ('camfs/wire/README.md, "one"', "has no heading 'one'"),
        ('camfs/wire/README.md, "One" and "Two words"', "needs the path once more"),
        ('camfs/line/README.md, "One"', "no such file"),
        ("see tests/README.md", "no such file"),
    ],
)
def test_citations_are_resolved(text: str, problem: str | None, tmp_path: Path) -> None:
    (tmp_path / "camfs/wire").mkdir(parents=True)
    (tmp_path / "camfs/wire/README.md").write_text("# One\n\n## Two words\n")
    wrong = wrong_citations(f"first line\n{text}\n", tmp_path)
    assert [problem in each for each in wrong] == ([] if problem is None else [True]), wrong  # type: ignore[operator]
    assert all(each.startswith("2: ") for each in wrong)


def test_comments_and_texts_are_read_and_nothing_else() -> None:
    source = (
        '"""Module."""\nTABLE = {"seed": 1}\n"""Of it."""\n\n\ndef seed() -> str:\n'
        '    """Function."""\n    # two\n    # lines\n    return "the seed"  # and one\n'
    )
    assert sorted((line, text.strip()) for line, text in remarks(source) if text.strip()) == [
        (1, "Module."),
        (3, "Of it."),
        (7, "Function."),
        (8, "two\n lines\n and one"),
        (10, "the seed"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "(reference ptp, section 4.3)",
        "Reference sigma-fp, sections 6 to 9",
        "a line is cut (reference\nkdc, section 3)",
        "as long as that takes (reference 13.2)",
        "(reference, section 12)",
        "the reference's sections 7 and 8",
        "by the reference's names",
        "as the reference spells it",
        "Layouts: reference/sigma-fp.md",
        "in ../shared/seeds",
        "the seed's list",
        "(seed)",
        "no seed says so",
        '(design, "Layers")',
        "see the design",
        "as style.md has it",
        "the style's words",
    ],
)
def test_what_lies_outside_is_noticed(text: str) -> None:
    assert outside(text)


@pytest.mark.parametrize(
    "text",
    [
        "passed by reference",
        "keeps a reference to the node",
        "the reference count of an inode",
        "ReferenceBlackWhite, InvalidObjectReference",
        "TIFF 6.0, section 2",
        "random numbers with a seed",
        "9012-GetCamDataGroup1-seed.hex",
        "what it has superseded",
        "ls --time-style=+%s",
        "the design of a ring",
    ],
)
def test_ordinary_words_are_left_alone(text: str) -> None:
    assert outside(text) == []
