"""Lists of a body's own properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.errors import RemoteProtocolError
from camfs.protocols.nikon.property_codes import decode_property_codes, encode_property_codes
from tests.protocols.nikon.samples import bodies, descriptions


@given(st.lists(st.integers(0, 0xFFFF), max_size=300))
def test_what_is_encoded_is_decoded(codes: list[int]) -> None:
    assert decode_property_codes(encode_property_codes(codes, 2), 2) == codes


@given(st.lists(st.integers(0, 0xFFFFFFFF), max_size=300))
def test_codes_of_32_bits_too(codes: list[int]) -> None:
    assert decode_property_codes(encode_property_codes(codes, 4), 4) == codes


def test_the_properties_of_real_bodies() -> None:
    for body in bodies():
        codes = [code for code in descriptions(body) if code >= 0xD000]
        assert decode_property_codes(encode_property_codes(codes, 2), 2) == codes


@pytest.mark.parametrize("data", [b"", b"\1\0\0", b"\1\0\0\0", b"\1\0\0\0\0", b"\x60\xea\0\0" + bytes(100)])
def test_a_list_longer_than_the_reply_is_an_error(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_property_codes(data, 2)


def test_what_follows_the_list_is_left() -> None:
    assert decode_property_codes(b"\1\0\0\0\x10\xd0" + bytes(5), 2) == [0xD010]
