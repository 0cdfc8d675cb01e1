"""Values against the protocol document's lists, and clocks and shutter speeds beyond them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.errors import InvalidValue, LocalProtocolError
from camfs.protocols.dc120 import values
from camfs.protocols.dc120.values import (
    ALBUM,
    CLOCK_END,
    DATE_FORMAT,
    EPOCH,
    EXPOSURE_COMPENSATION,
    EXPOSURE_MODE,
    FLASH,
    FOCUS,
    MACRO_UNITS,
    QUALITY,
    SELF_TIMER,
    SHUTTER_SPEED,
    SPEED,
    TIME_FORMAT,
    TIMEOUT,
    ZOOM,
    Choices,
    decode_clock,
    decode_focus_zoom,
    decode_shutter_speed,
    encode_clock,
    encode_focus_zoom,
    speed_code,
    speed_of,
)

TABLES = [table for table in vars(values).values() if isinstance(table, Choices)]
ALL = [(table, code) for table in TABLES for code in table]


@pytest.mark.parametrize(
    ("table", "code", "text"),
    [
        (DATE_FORMAT, 0, "dd/mm/yy"),
        (DATE_FORMAT, 1, "mm/dd/yy"),
        (DATE_FORMAT, 2, "yy/mm/dd"),
        (TIME_FORMAT, 0, "12h"),
        (TIME_FORMAT, 1, "24h"),
        (MACRO_UNITS, 0, "cm"),
        (MACRO_UNITS, 1, "inch"),
        (FLASH, 0, "auto"),
        (FLASH, 1, "fill"),
        (FLASH, 2, "none"),
        (ALBUM, 0, "none"),
        (ALBUM, 1, "1"),
        (ALBUM, 8, "8"),
        (QUALITY, 0, "uncompressed"),
        (QUALITY, 1, "best"),
        (QUALITY, 2, "better"),
        (QUALITY, 3, "good"),
        (FOCUS, 0, "multi-spot"),
        (FOCUS, 1, "single-spot"),
        (FOCUS, 2, "macro"),
        (SELF_TIMER, 0, "off"),
        (SELF_TIMER, 1, "on"),
        (EXPOSURE_MODE, 0, "auto"),
        (EXPOSURE_MODE, 1, "manual"),
        (ZOOM, 0, "37mm"),
        (ZOOM, 1, "46mm"),
        (ZOOM, 2, "61mm"),
        (ZOOM, 3, "77mm"),
        (ZOOM, 4, "92mm"),
        (ZOOM, 5, "100mm"),
        (ZOOM, 6, "111mm"),
        (TIMEOUT, 0x3C, "60s"),
        (TIMEOUT, 0x78, "120s"),
        (EXPOSURE_COMPENSATION, 0x00, "0"),
        (EXPOSURE_COMPENSATION, 0x01, "+0.5"),
        (EXPOSURE_COMPENSATION, 0x02, "+1.0"),
        (EXPOSURE_COMPENSATION, 0x03, "+1.5"),
        (EXPOSURE_COMPENSATION, 0x04, "+2.0"),
        (EXPOSURE_COMPENSATION, 0x81, "-0.5"),
        (EXPOSURE_COMPENSATION, 0x82, "-1.0"),
        (EXPOSURE_COMPENSATION, 0x83, "-1.5"),
        (EXPOSURE_COMPENSATION, 0x84, "-2.0"),
        (SPEED, 0x9600, "9600"),
        (SPEED, 0x1920, "19200"),
        (SPEED, 0x3840, "38400"),
        (SPEED, 0x5760, "57600"),
        (SPEED, 0x1152, "115200"),
        (SPEED, 0x2304, "230400"),
        (SHUTTER_SPEED, 0x0000C8, "1/500"),
        (SHUTTER_SPEED, 0x0000E9, "1/430"),
        (SHUTTER_SPEED, 0x000107, "1/380"),
        (SHUTTER_SPEED, 0x00012F, "1/330"),
        (SHUTTER_SPEED, 0x00014D, "1/300"),
        (SHUTTER_SPEED, 0x000190, "1/250"),
        (SHUTTER_SPEED, 0x0001BC, "1/225"),
        (SHUTTER_SPEED, 0x000320, "1/125"),
        (SHUTTER_SPEED, 0x000683, "1/60"),
        (SHUTTER_SPEED, 0x000D05, "1/30"),
        (SHUTTER_SPEED, 0x001A0B, "1/15"),
        (SHUTTER_SPEED, 0x0030D4, "1/8"),
        (SHUTTER_SPEED, 0x0061A8, "1/4"),
        (SHUTTER_SPEED, 0x00C350, "1/2"),
        (SHUTTER_SPEED, 0x0186A0, "1"),
        (SHUTTER_SPEED, 0x030D40, "2"),
        (SHUTTER_SPEED, 0x061A80, "4"),
        (SHUTTER_SPEED, 0x0C3500, "8"),
        (SHUTTER_SPEED, 0x186A00, "16"),
    ],
)
def test_the_values_of_the_protocol_document(table: Choices, code: int, text: str) -> None:
    assert table.decode(code) == text
    assert table.encode(text) == code


@pytest.mark.parametrize(("table", "code"), ALL)
def test_each_choice_comes_back(table: Choices, code: int) -> None:
    assert table.encode(table.decode(code)) == code
    assert table.decode(code) in table.texts()


@pytest.mark.parametrize(
    ("table", "text", "code"),
    [
        (QUALITY, " Best\n", 1),
        (ZOOM, "37", 0),
        (ZOOM, "100 mm", 5),
        (ZOOM, "100 MM", 5),
        (EXPOSURE_COMPENSATION, "0.5", 0x01),
        (EXPOSURE_COMPENSATION, "-1/2", 0x81),
        (EXPOSURE_COMPENSATION, "+0", 0x00),
        (EXPOSURE_COMPENSATION, "2", 0x04),
        (SHUTTER_SPEED, "0.5", 0x00C350),
        (SHUTTER_SPEED, "1/1", 0x0186A0),
        (TIMEOUT, "60", 0x3C),
        (TIME_FORMAT, "24", 1),
    ],
)
def test_other_ways_to_write_a_value(table: Choices, text: str, code: int) -> None:
    assert table.encode(text) == code


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("text", ["", "nonsense", "1/0", "1e99999999", "nan", "0x01", "1/125000", "٣٧", "-"])
def test_what_no_table_has_is_an_invalid_value(table: Choices, text: str) -> None:
    with pytest.raises(InvalidValue, match=table.name):
        table.encode(text)


def test_an_unlisted_code_is_shown() -> None:
    assert QUALITY.decode(9) == "0x09"
    assert ZOOM.decode(7) == "0x07"


@pytest.mark.parametrize(
    ("value", "time"),
    [
        (0x00000034, datetime(1994, 1, 1)),
        (0x03C26734, datetime(1995, 1, 1)),
        (0x0784CE34, datetime(1996, 1, 1)),
        (0x0B49D834, datetime(1997, 1, 1)),
        (0x0F0C3F34, datetime(1998, 1, 1)),
        (0x12CEA634, datetime(1999, 1, 1)),
        (0x12CEA6AC, datetime(1999, 1, 1, 0, 1)),
        (0x12CEC254, datetime(1999, 1, 1, 1)),
        (0x12D14934, datetime(1999, 1, 2)),
        (0x13206334, datetime(1999, 2, 1)),
        (0x16910D34, datetime(2000, 1, 1)),
        (0x1A561734, datetime(2001, 1, 1)),
        (0x0006DFEE, datetime(1994, 1, 3, 14, 34, 5)),
        (0x0CD94EB4, datetime(1997, 6, 1, 12)),
        (0x172E0014, datetime(2000, 2, 29, 12, 34, 56)),
        (0x7861F834, datetime(2026, 1, 1)),
        (0xA5B68632, datetime(2038, 1, 19, 3, 14, 7)),
        (0xFFFFFFFF, datetime(2062, 1, 19, 3, 13, 41, 500000)),
    ],
)
def test_the_clock(value: int, time: datetime) -> None:
    assert decode_clock(value) == time
    assert encode_clock(time) == value


def test_the_clock_before_its_beginning() -> None:
    assert decode_clock(0) == decode_clock(0x33) == EPOCH


@given(st.integers(0x34, 0xFFFFFFFF))
def test_the_clock_both_ways(value: int) -> None:
    assert encode_clock(decode_clock(value)) == value


@given(st.datetimes(EPOCH, CLOCK_END))
def test_the_clock_is_right_within_half_a_second(time: datetime) -> None:
    assert timedelta() <= time - decode_clock(encode_clock(time)) < timedelta(seconds=0.5)


@pytest.mark.parametrize("time", [EPOCH - timedelta(microseconds=1), CLOCK_END + timedelta(seconds=1)])
def test_times_that_the_clock_cannot_show(time: datetime) -> None:
    with pytest.raises(InvalidValue):
        encode_clock(time)


def test_the_clock_has_no_zone() -> None:
    with pytest.raises(LocalProtocolError):
        encode_clock(datetime(2000, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("code", "text"),
    [(0xC8, "1/500"), (449, "1/223"), (489, "1/204"), (534, "1/187"), (0, "0"), (1, "1/100000"), (150_000, "1.5")],
)
def test_shutter_speeds_of_the_automatic(code: int, text: str) -> None:
    assert decode_shutter_speed(code) == text


def test_focus_and_zoom_in_one_byte() -> None:
    assert decode_focus_zoom(0x27) == (2, None)
    assert decode_focus_zoom(0x10) == (1, 0)
    assert encode_focus_zoom(2, 4) == 0x27
    for focus in (0, 1):
        for zoom in ZOOM:
            assert decode_focus_zoom(encode_focus_zoom(focus, zoom)) == (focus, zoom)


def test_speeds_in_baud() -> None:
    assert [speed_of(code) for code in SPEED] == [9600, 19200, 38400, 57600, 115200, 230400]
    assert [speed_code(speed_of(code)) for code in SPEED] == list(SPEED)
    with pytest.raises(InvalidValue):
        speed_code(4800)
