"""Picture info: each field stands where the DC210 has it, and all other bytes are zeros."""

import pytest

from camfs.protocols.dc120.info import PictureInfo


@pytest.mark.parametrize(
    ("name", "offset", "size"),
    [
        ("camera_type", 1, 1),
        ("quality", 4, 1),
        ("number", 6, 2),
        ("size", 8, 4),
        ("clock", 12, 4),
        ("flash_fired", 16, 1),
        ("flash", 17, 1),
        ("zoom", 21, 1),
        ("f_number", 26, 1),
        ("battery", 27, 1),
        ("exposure", 28, 4),
    ],
)
def test_each_field_is_at_its_place(name: str, offset: int, size: int) -> None:
    value = 0xA5A6A7A8 >> 8 * (4 - size)
    payload = PictureInfo(**{name: value}).encode()  # type: ignore[arg-type]
    assert payload == value.to_bytes(size, "big").rjust(offset + size, b"\0").ljust(256, b"\0")


def test_the_name() -> None:
    payload = PictureInfo(name_field=b"P002032 KDC\0").encode()
    assert payload == b"P002032 KDC".rjust(43, b"\0").ljust(256, b"\0")
