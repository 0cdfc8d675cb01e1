"""What the errors of pyusb become."""

import pytest

from camfs.transports.usberrors import ERRORS, translated
from tests.transports.bus import CODES, failure


def test_the_table_has_all_of_libusb() -> None:
    assert set(ERRORS) == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_each_becomes_one_of_ours_with_a_text(code: int) -> None:
    error = translated(failure(code), "reading")
    assert type(error) is ERRORS.get(code)
    assert str(error).startswith("reading: ")
    assert len(str(error)) > len("reading: ")
