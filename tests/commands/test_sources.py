"""SOURCE: every form that the command line accepts, and the error for everything else."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.commands.sources import FORMS, PtpIpSource, SerialSource, Source, UsbSource, VirtualSource, parse_source


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("usb:", UsbSource()),
        ("usb", UsbSource()),
        ("usb:1003:c432", UsbSource(vendor=0x1003, product=0xC432)),
        ("usb:1003:C432", UsbSource(vendor=0x1003, product=0xC432)),
        ("usb:0000000091234567", UsbSource(serial="0000000091234567")),
        ("usb:1003", UsbSource(serial="1003")),
        ("usb:1003:c43", UsbSource(serial="1003:c43")),
        ("usb:1.2", UsbSource(bus=1, device=2)),
        ("usb:001.012", UsbSource(bus=1, device=12)),
        ("usb:1.2.3", UsbSource(serial="1.2.3")),
        ("usb: with blanks", UsbSource(serial=" with blanks")),
        ("ptpip:192.168.1.5", PtpIpSource("192.168.1.5", 15740)),
        ("ptpip:192.168.1.5:1", PtpIpSource("192.168.1.5", 1)),
        ("ptpip:camera.local:65535", PtpIpSource("camera.local", 65535)),
        ("ptpip:camera", PtpIpSource("camera", 15740)),
        ("ptpip:[::1]:15740", PtpIpSource("::1", 15740)),
        ("ptpip:[fe80::1%wlan0]", PtpIpSource("fe80::1%wlan0", 15740)),
        ("serial:/dev/ttyUSB0", SerialSource("/dev/ttyUSB0")),
        ("serial:a:b", SerialSource("a:b")),
        ("virtual:sigma-fp", VirtualSource("sigma-fp")),
        ("virtual:sigma-fp?", VirtualSource("sigma-fp")),
        ("virtual:sigma-fp?objects=5", VirtualSource("sigma-fp", {"objects": "5"})),
        (
            "virtual:sigma-fp?card=/a/b&serial=x",
            VirtualSource("sigma-fp", {"card": "/a/b", "serial": "x"}),
        ),
        ("virtual:ptp?card=%2Fa%20b%26c%3Dd", VirtualSource("ptp", {"card": "/a b&c=d"})),
        ("virtual:ptp?card=/a=b?c", VirtualSource("ptp", {"card": "/a=b?c"})),
        ("virtual:ptp?card=/a+b", VirtualSource("ptp", {"card": "/a+b"})),
        ("virtual:ptp?events", VirtualSource("ptp", {"events": ""})),
        ("virtual:ptp?&&events=off&", VirtualSource("ptp", {"events": "off"})),
        ("virtual:nothing", VirtualSource("nothing")),
    ],
)
def test_forms(text: str, source: Source) -> None:
    assert parse_source(text) == source


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "usbx",
        "usb1003",
        "virtual",
        "virtual:",
        "serial:",
        "serial",
        "/dev/ttyUSB0",
        "ptpip",
        "ptpip:",
        "ptpip::15740",
        "ptpip:camera:",
        "ptpip:camera:0",
        "ptpip:camera:65536",
        "ptpip:camera:port",
        "ptpip:camera:15740:15740",
        "ptpip:::1",
        "ptpip:[::1",
        "ptpip:[]",
        "ptpip:a camera",
        "USB:",
        "mtp:",
    ],
)
def test_what_is_no_source(text: str) -> None:
    with pytest.raises(ValueError, match="not a source") as caught:
        parse_source(text)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_a_source_or_a_value_error(text: str) -> None:
    for each in (text, *(f"{scheme}:{text}" for scheme in ("usb", "virtual", "serial", "ptpip"))):
        try:
            parse_source(each)
        except ValueError:
            continue


def test_every_form_is_a_source() -> None:
    """Even as it is in the help, with words in capitals that are to be filled in."""
    kinds = {"usb": UsbSource, "serial": SerialSource, "ptpip": PtpIpSource, "virtual": VirtualSource}
    for form in FORMS:
        assert form.meaning
        assert isinstance(parse_source(form.text), kinds[form.text.partition(":")[0]])


@pytest.mark.parametrize(("text", "number"), [("usb:", 0), ("usb:1003:c432", 1), ("usb:1.7", 2), ("usb:91403727", 3)])
def test_the_first_form_that_matches_counts(text: str, number: int) -> None:
    assert next(form for form in FORMS if re.fullmatch(form.pattern, text)) is FORMS[number]
