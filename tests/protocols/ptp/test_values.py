"""PTP's basic types against vectors worked out by hand, and against themselves."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.ptp.codes import DataType
from camfs.protocols.ptp.values import (
    INTEGER_TYPES,
    Reader,
    Value,
    decode_date_time,
    encode_array,
    encode_date_time,
    encode_string,
    encode_value,
)
from tests.protocols.ptp.strategies import ALL_TYPES, ARRAY_TYPES, texts, typed_values

EAST = timezone(timedelta(hours=1, minutes=30))


# integers, typed values


@pytest.mark.parametrize(
    ("data_type", "value", "encoded"),
    [
        (DataType.INT8, -1, "ff"),
        (DataType.UINT8, 255, "ff"),
        (DataType.INT16, -2, "fe ff"),
        (DataType.UINT16, 0x1234, "34 12"),
        (DataType.INT32, -0x80000000, "00 00 00 80"),
        (DataType.UINT32, 0x12345678, "78 56 34 12"),
        (DataType.INT64, -2, "fe ff ff ff ff ff ff ff"),
        (DataType.UINT64, 5_000_000_000, "00 f2 05 2a 01 00 00 00"),
        (DataType.INT128, -1, "ff " * 16),
        (DataType.UINT128, 1 << 120, "00 " * 15 + "01"),
        (DataType.STRING, "", "00"),
        (DataType.STRING, "A", "02 41 00 00 00"),
        (DataType.ARRAY | DataType.UINT16, (1, 0x1014), "02 00 00 00 01 00 14 10"),
        (DataType.ARRAY | DataType.INT8, (-1, 0, 1), "03 00 00 00 ff 00 01"),
        (DataType.ARRAY | DataType.UINT128, (1,), "01 00 00 00 01" + " 00" * 15),
        (DataType.ARRAY | DataType.UINT32, (), "00 00 00 00"),
    ],
)
def test_values_stand_as_the_standard_says(data_type: int, value: Value, encoded: str) -> None:
    data = bytes.fromhex(encoded)
    assert encode_value(data_type, value) == data
    assert Reader(data).value(data_type) == value


def test_the_codes_of_the_types() -> None:
    assert [int(data_type) for data_type in INTEGER_TYPES] == list(range(1, 0xB))
    assert [width for width, _ in INTEGER_TYPES.values()] == [1, 1, 2, 2, 4, 4, 8, 8, 16, 16]
    assert [signed for _, signed in INTEGER_TYPES.values()] == [True, False] * 5


@given(typed_values())
def test_every_type_comes_back(typed: tuple[int, Value]) -> None:
    data_type, value = typed
    reader = Reader(encode_value(data_type, value) + b"rest")
    assert reader.value(data_type) == value
    assert reader.take(4) == b"rest"
    assert reader.remaining == 0


@given(typed_values(), st.data())
def test_a_value_that_is_cut_is_an_error(typed: tuple[int, Value], data: st.DataObject) -> None:
    data_type, value = typed
    encoded = encode_value(data_type, value)
    end = data.draw(st.integers(0, len(encoded) - 1))
    with pytest.raises(RemoteProtocolError):
        Reader(encoded[:end]).value(data_type)


@pytest.mark.parametrize("data_type", INTEGER_TYPES)
def test_integers_have_their_range(data_type: int) -> None:
    width, signed = INTEGER_TYPES[data_type]
    low, high = (-(1 << 8 * width - 1), (1 << 8 * width - 1) - 1) if signed else (0, (1 << 8 * width) - 1)
    for value in (low, high):
        assert Reader(encode_value(data_type, value)).value(data_type) == value
        assert Reader(encode_value(data_type | DataType.ARRAY, (value,))).value(data_type | DataType.ARRAY) == (value,)
    for value in (low - 1, high + 1):
        with pytest.raises(LocalProtocolError):
            encode_value(data_type, value)
        with pytest.raises(LocalProtocolError):
            encode_value(data_type | DataType.ARRAY, (value,))


@pytest.mark.parametrize(
    ("data_type", "value"),
    [
        (DataType.UINT8, "1"),
        (DataType.UINT8, (1,)),
        (DataType.STRING, 1),
        (DataType.STRING, (1,)),
        (DataType.ARRAY | DataType.UINT8, 1),
        (DataType.ARRAY | DataType.UINT8, "1"),
        (0, 1),
        (0xB, 1),
        (DataType.ARRAY, (1,)),
        (0x400B, (1,)),
        (0x8001, 1),
    ],
)
def test_a_value_of_another_type_is_an_error_of_ours(data_type: int, value: Value) -> None:
    with pytest.raises(LocalProtocolError):
        encode_value(data_type, value)


@given(st.integers(0, 0xFFFF).filter(lambda data_type: data_type not in ALL_TYPES), st.binary(max_size=64))
@example(DataType.ARRAY, bytes(64))
def test_an_unknown_type_is_an_error(data_type: int, data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        Reader(data).value(data_type)


@given(st.sampled_from(ALL_TYPES), st.binary(max_size=64))
def test_any_bytes_are_a_value_or_an_error(data_type: int, data: bytes) -> None:
    reader = Reader(data)
    try:
        value = reader.value(data_type)
    except RemoteProtocolError:
        return
    assert isinstance(value, int | str | tuple)
    assert 0 <= reader.remaining < len(data)


@pytest.mark.parametrize("data_type", ARRAY_TYPES)
def test_an_array_longer_than_its_dataset_is_an_error_at_once(data_type: int) -> None:
    with pytest.raises(RemoteProtocolError):
        Reader(b"\xff\xff\xff\xff" + bytes(64)).value(data_type)


def test_a_list_of_handles_is_read_as_an_array_of_them() -> None:
    data = encode_array((5, 0xFFFFFFFE, 1), 4)
    assert data == bytes.fromhex("03 00 00 00 05 00 00 00 fe ff ff ff 01 00 00 00")
    assert Reader(data).u32_array() == Reader(data).array(4) == (5, 0xFFFFFFFE, 1)
    with pytest.raises(RemoteProtocolError):
        Reader(data[:-1]).u32_array()
    with pytest.raises(RemoteProtocolError):
        Reader(b"\xff\xff\xff\xff").u32_array()


def test_a_reader_takes_in_order() -> None:
    reader = Reader(memoryview(bytes(range(1, 16))))
    assert (reader.u8(), reader.u16(), reader.u32(), reader.u64()) == (
        0x01,
        0x0302,
        0x07060504,
        0x0F0E0D0C0B0A0908,
    )
    assert reader.remaining == 0
    assert reader.take(0) == b""
    with pytest.raises(RemoteProtocolError):
        reader.u8()


# strings


@pytest.mark.parametrize(
    ("encoded", "text"),
    [
        ("00", ""),
        ("01 0000", ""),
        ("02 4100 0000", "A"),
        ("01 4100", "A"),
        ("03 4100 4200 4300", "ABC"),
        ("04 4100 0000 4200 0000", "A"),
        ("03 0000 4100 0000", ""),
        ("03 3dd8 00de 0000", "\N{GRINNING FACE}"),
        ("02 3dd8 0000", "\N{REPLACEMENT CHARACTER}"),
        ("02 00de 0000", "\N{REPLACEMENT CHARACTER}"),
        ("03 00de 4100 0000", "\N{REPLACEMENT CHARACTER}A"),
        ("03 3dd8 4100 0000", "\N{REPLACEMENT CHARACTER}A"),
        ("02 4100 3dd8", "A\N{REPLACEMENT CHARACTER}"),
        ("02 e400 0000", "ä"),
        ("02 fffe 0000", "\ufeff"),
    ],
)
def test_strings_as_cameras_send_them(encoded: str, text: str) -> None:
    reader = Reader(bytes.fromhex(encoded) + b"!")
    assert reader.string() == text
    assert reader.take(1) == b"!"


@given(texts())
@example("a" * 254)
@example("\N{GRINNING FACE}" * 127)
@example("\ufeff")
@example("\ufffe")
def test_strings_come_back(text: str) -> None:
    encoded = encode_string(text)
    assert len(encoded) == 1 + (len(text.encode("utf-16-le")) + 2 if text else 0)
    assert encoded[0] == len(encoded) // 2
    reader = Reader(encoded)
    assert reader.string() == text
    assert reader.remaining == 0


def test_255_units_are_read_with_and_without_a_final_nul() -> None:
    assert Reader(b"\xff" + b"a\0" * 255).string() == "a" * 255
    assert Reader(b"\xff" + b"a\0" * 254 + b"\0\0").string() == "a" * 254
    assert encode_string("a" * 254) == b"\xff" + b"a\0" * 254 + b"\0\0"


@pytest.mark.parametrize("text", ["a" * 255, "\N{GRINNING FACE}" * 128, "a\0b", "\0", "a" * 100_000])
def test_strings_that_do_not_fit_are_an_error_of_ours(text: str) -> None:
    with pytest.raises(LocalProtocolError):
        encode_string(text)


def test_a_lone_surrogate_is_written_as_it_is_and_read_as_a_replacement() -> None:
    encoded = encode_string("\ud83d!")
    assert encoded == bytes.fromhex("03 3dd8 2100 0000")
    assert Reader(encoded).string() == "\N{REPLACEMENT CHARACTER}!"


@pytest.mark.parametrize("encoded", ["", "01", "01 41", "02 4100", "02 4100 00", "ff"])
def test_a_string_that_is_cut_is_an_error(encoded: str) -> None:
    with pytest.raises(RemoteProtocolError):
        Reader(bytes.fromhex(encoded)).string()


@pytest.mark.parametrize("encoded", ["", "01", "01 41", "02 4100", "02 4100 00", "ff 0101"])
def test_a_string_at_the_end_of_a_dataset_may_be_missing_or_cut(encoded: str) -> None:
    reader = Reader(bytes.fromhex(encoded))
    assert [reader.string_or_empty() for _ in range(3)] == ["", "", ""]
    assert reader.remaining == 0


# DateTime


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("20240102T030405", datetime(2024, 1, 2, 3, 4, 5, tzinfo=EAST)),
        ("20240102T030405Z", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("20240102T030405+0100", datetime(2024, 1, 2, 2, 4, 5, tzinfo=UTC)),
        ("20240102T030405-0530", datetime(2024, 1, 2, 8, 34, 5, tzinfo=UTC)),
        ("20240102T030405+0000", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("20240102T030405.5", datetime(2024, 1, 2, 3, 4, 5, 500_000, tzinfo=EAST)),
        ("20240102T030405.0Z", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("20240102T030405.25+1400", datetime(2024, 1, 1, 13, 4, 5, 250_000, tzinfo=UTC)),
        ("20240102T030405.123456789Z", datetime(2024, 1, 2, 3, 4, 5, 123_456, tzinfo=UTC)),
        ("20240102T030405.", datetime(2024, 1, 2, 3, 4, 5, tzinfo=EAST)),
        ("20240102T030405.Z", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (" 20240102T030405Z\n", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("20240229T235959Z", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
        ("19700101T000000Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("00010101T000000Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("99991231T235959-1200", datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-12)))),
    ],
)
def test_dates(text: str, moment: datetime) -> None:
    decoded = decode_date_time(text, EAST)
    assert decoded == moment
    assert decoded.tzinfo is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "T",
        "2024",
        "20240102",
        "20240102T",
        "20240102T0304",
        "20240102T03040",
        "20240102T0304055",
        "20240102 030405",
        "2024-01-02T03:04:05",
        "2024:01:02 03:04:05",
        "00000000T000000",
        "20240002T030405",
        "20241302T030405",
        "20240230T030405",
        "20230229T030405",
        "20240102T240405",
        "20240102T036005",
        "20240102T030460",
        "20240102T030405+01",
        "20240102T030405+01:00",
        "20240102T030405+9999",
        "20240102T030405z",
        "20240102T030405x",
        "20240102T030405.5.5",
        "20240102T030405,5",
        "-0240102T030405",
        "20240102T-30405",
        "\N{FULLWIDTH DIGIT TWO}0240102T030405",
        "20240102T030405.\N{ARABIC-INDIC DIGIT FIVE}",
        "\N{REPLACEMENT CHARACTER}" * 15,
        "no date",
    ],
)
def test_nonsense_is_no_date(text: str) -> None:
    assert decode_date_time(text, EAST) is None
    assert decode_date_time(text) is None


@pytest.fixture
def new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "EST5EDT,M3.2.0,M11.1.0")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("new_york")
def test_a_date_without_a_zone_is_this_computers_with_its_summer_time() -> None:
    winter, summer = decode_date_time("20240102T030406"), decode_date_time("20240702T030406.5")
    assert winter == datetime(2024, 1, 2, 8, 4, 6, tzinfo=UTC)
    assert summer == datetime(2024, 7, 2, 7, 4, 6, 500_000, tzinfo=UTC)
    # libgphoto2 lists this one as 1704182646 here; the suffix says otherwise
    suffixed = decode_date_time("20240102T030406.0Z")
    assert suffixed is not None
    assert suffixed.timestamp() == 1704164646


@given(
    st.one_of(
        st.from_regex(r"[0-9]{8}T[0-9]{6}(\.[0-9]*)?(Z|[+-][0-9]{4})?", fullmatch=True),
        st.text("0123456789TZ+-. ", max_size=24),
        st.text(max_size=24),
    ),
    st.sampled_from([None, UTC, EAST, timezone(timedelta(hours=-12))]),
)
@example("00010101T000000", None)
@example("99991231T235959", None)
@example("00010101T000000", EAST)
@example("99991231T235959", timezone(timedelta(hours=-12)))
def test_any_text_is_an_aware_date_or_none(text: str, zone: tzinfo | None) -> None:
    moment = decode_date_time(text, zone)
    if moment is not None:
        assert moment.utcoffset() is not None
        assert isinstance(moment.timestamp(), float)


ZONES = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(timezones=ZONES))
@example(datetime(33, 1, 2, 3, 4, 5, tzinfo=UTC))
def test_dates_with_a_zone_come_back(moment: datetime) -> None:
    text = encode_date_time(moment)
    assert len(text) == 20
    decoded = decode_date_time(text)
    assert decoded == moment.replace(microsecond=0)
    assert decoded.utcoffset() == moment.utcoffset()


@given(st.datetimes(), st.sampled_from([UTC, EAST]))
@example(datetime(1, 1, 1), UTC)
def test_dates_without_a_zone_come_back(moment: datetime, zone: tzinfo) -> None:
    text = encode_date_time(moment)
    assert len(text) == 15
    assert decode_date_time(text, zone) == moment.replace(microsecond=0, tzinfo=zone)


def test_dates_are_written_as_the_standard_says() -> None:
    assert encode_date_time(datetime(2024, 1, 2, 3, 4, 5, 900_000)) == "20240102T030405"
    assert encode_date_time(datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)) == "20240102T030405+0000"
    assert encode_date_time(datetime(2024, 1, 2, 3, 4, 5, tzinfo=timezone(-timedelta(hours=5, minutes=30)))) == (
        "20240102T030405-0530"
    )
    # the local mean time of Berlin until 1893: seconds do not fit
    berlin = timezone(timedelta(minutes=53, seconds=28))
    assert encode_date_time(datetime(1890, 1, 2, 3, 4, 5, tzinfo=berlin)) == "18900102T030405+0053"
