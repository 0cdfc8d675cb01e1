"""What real bodies say of themselves: 466 of them, out of public summaries, condensed in `tests/samples/bodies.txt`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from camfs.protocols.ptp.codes import DataType
from camfs.protocols.ptp.datasets import DeviceInfo, DevicePropDesc, Enumeration, Range
from camfs.protocols.ptp.values import Value

SAMPLE = Path(__file__).parent.parent / "samples" / "bodies.txt"

_DESCRIBED = re.compile(r"(?P<code>[0-9a-f]{4}):(?P<type>[0-9a-f]+)(?P<access>[rw])(?P<form>f\d+)?=(?P<value>.*)")


@dataclass(frozen=True)
class Body:
    """One body.

    Attributes:
        info: its DeviceInfo, without a serial number.
        described: its standard properties, as far as they are known.
        refused: the response code to GetDevicePropDesc, of properties that it did not describe.
    """

    info: DeviceInfo
    described: Sequence[DevicePropDesc]
    refused: dict[int, int]

    def __str__(self) -> str:
        return f"{self.info.manufacturer} {self.info.model} {self.info.device_version}"


@cache
def bodies() -> Sequence[Body]:
    """Read the sample."""
    codes: dict[str, set[int]] = {}
    texts: dict[str, str] = {}
    found = []
    for line in SAMPLE.read_text().splitlines():
        if "|" in line:
            found.append(_body(line, codes, texts))
            continue
        name, _, text = line.partition(" ")
        if name[0] in "oep":
            codes[name] = _codes(text, codes)
        else:
            texts[name] = text
    return found


def _codes(text: str, known: dict[str, set[int]]) -> set[int]:
    """Read a list: codes, ranges of codes, and an earlier list with what is added (+) and taken away (~)."""
    codes: set[int] = set()
    for word in text.split():
        if word in known:
            codes |= known[word]
            continue
        first, _, last = word.lstrip("+~").partition("-")
        numbers = range(int(first, 16), int(last or first, 16) + 1)
        codes = codes.difference(numbers) if word[0] == "~" else codes.union(numbers)
    return codes


def _body(line: str, codes: dict[str, set[int]], texts: dict[str, str]) -> Body:
    maker, model, version, standard, extension, extension_version, text, operations, events, listed, words = line.split(
        "|"
    )
    info = DeviceInfo(
        standard_version=int(standard),
        vendor_extension_id=int(extension, 16),
        vendor_extension_version=int(extension_version),
        vendor_extension_desc=texts[text],
        operations=tuple(sorted(codes[operations])),
        events=tuple(sorted(codes[events])),
        device_properties=tuple(sorted(codes[listed])),
        manufacturer=maker,
        model=model,
        device_version=version,
    )
    refused = {
        int(code, 16): int(response, 16) for code, _, response in (w.partition("!") for w in words.split() if "!" in w)
    }
    return Body(info, [_description(word, texts) for word in words.split() if "!" not in word], refused)


def _description(word: str, texts: dict[str, str]) -> DevicePropDesc:
    match = _DESCRIBED.fullmatch(word)
    assert match is not None, word
    data_type = int(match["type"], 16)

    def value(text: str) -> Value:
        return text if data_type == DataType.STRING else int(text)

    form: Range | Enumeration | None = None
    if match["form"]:
        kind, *values = texts[match["form"]].split()
        form = Range(*map(int, values)) if kind == "range" else Enumeration(tuple(map(value, values)))
    current = value(match["value"])
    return DevicePropDesc(int(match["code"], 16), data_type, match["access"] == "w", current, current, form)
