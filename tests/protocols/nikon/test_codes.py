"""What answers mean."""

import pytest

from camfs import errors
from camfs.protocols.nikon.codes import REASONS, NikonResponse, explained
from camfs.protocols.ptp.codes import ResponseCode, refusal


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (NikonResponse.OutOfFocus, errors.FocusFailed),
        (NikonResponse.InvalidStatus, errors.Busy),
        (NikonResponse.SetPropertyNotSupported, errors.AccessDenied),
        (NikonResponse.ShutterSpeedBulb, errors.NotPermitted),
        (NikonResponse.StoreError, errors.CaptureFailed),
        (ResponseCode.StoreFull, errors.StoreFull),
        (ResponseCode.StoreReadOnly, errors.StoreReadOnly),
    ],
)
def test_a_refusal_is_raised_as_what_it_means_with_its_reason(code: int, kind: type[errors.Refused]) -> None:
    error = explained(refusal(0x9207, code), "a picture")
    assert type(error) is kind
    assert error.code == code
    assert str(error).startswith(f"a picture: {REASONS[code][1]}")


def test_what_nothing_is_known_of_stays_as_it_is() -> None:
    for error in (refusal(0x9207, 0xAFFF), errors.Refused("no code"), refusal(0x9207, ResponseCode.DeviceBusy)):
        assert explained(error, "a picture") is error
