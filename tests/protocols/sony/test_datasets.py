"""What bodies say of themselves and of their state: real bytes decode and encode back, and bad ones lose nothing."""

import struct

import pytest

from camfs.errors import RemoteProtocolError
from camfs.protocols.ptp.codes import DataType
from camfs.protocols.ptp.containers import EventPipe
from camfs.protocols.ptp.datasets import DeviceInfo, Enumeration, Range
from camfs.protocols.ptp.values import Reader
from camfs.protocols.sony.codes import DIRECT, PC_REMOTE, STEPWISE, SonyEvent
from camfs.protocols.sony.datasets import AllProperties, Enabled, ExtDeviceInfo, PropertyState
from tests.protocols.sony.samples import payload, properties


@pytest.mark.parametrize(
    ("name", "version", "codes", "controls"),
    [
        ("a7sm3-9202", DIRECT, 320, 47),
        ("a7r4-9202-mode2", STEPWISE, 65, 16),
        ("a5100-9202-mode2", STEPWISE, 31, 6),
        ("lgp93-9202-mode2", STEPWISE, 29, 6),
    ],
)
def test_ext_device_info_of_real_bodies(name: str, version: int, codes: int, controls: int) -> None:
    data = payload(name)
    info = ExtDeviceInfo.decode(data)
    assert (info.version, len(info.codes), len(info.controls)) == (version, codes, controls)
    assert info.encode() == data


@pytest.mark.parametrize(("name", "count"), [("a7sm3-9209", 320), ("a6000-9209", 34)])
def test_all_properties_of_real_bodies(name: str, count: int) -> None:
    data = payload(name)
    reply = AllProperties.decode(data)
    assert (len(reply.entries), reply.rest, reply.trouble) == (count, b"", "")
    assert reply.encode() == data


def test_the_newer_body_lists_all_enumerations_twice() -> None:
    found = properties("a7sm3-9209").values()
    listed = [entry for entry in found if isinstance(entry.form, Enumeration)]
    assert len(listed) == 250
    assert all(entry.known is not None and set(_values(entry)) <= set(entry.known) for entry in listed)
    assert not any(entry.is_control for entry in found)


def _values(entry: PropertyState) -> tuple[object, ...]:
    assert isinstance(entry.form, Enumeration)
    return entry.form.values


def test_the_older_body_lists_them_once_and_its_buttons() -> None:
    found = properties("a6000-9209")
    assert all(entry.known is None for entry in found.values())
    assert len([entry for entry in found.values() if entry.is_control]) == 6
    aperture = found[0x5007]
    assert (aperture.access, aperture.enabled, aperture.current) == (0, Enabled.SHOWN_ONLY, 500)
    assert aperture.form == Range(0, 0xFFFF, 1)


def test_a_reply_that_was_cut_keeps_what_it_has() -> None:
    data = payload("a5100-9209-begin")
    reply = AllProperties.decode(data)
    assert [entry.code for entry in reply.entries] == [0x5004, 0x5005, 0x5007]
    assert "announces 36 and holds 3" in reply.trouble
    assert reply.encode() == data


def test_the_last_entries_of_an_a7r_v() -> None:
    data = payload("a7rm5-9209-tail")
    reader = Reader(data)
    entries = []
    while reader.remaining:
        entries.append(PropertyState.read(reader))
    assert len(entries) == 2
    assert b"".join(entry.encode() for entry in entries) == data


def test_device_info_of_an_a7r_ii() -> None:
    info = DeviceInfo.decode(payload("a7r2-1001"))
    assert (info.manufacturer, info.model, info.vendor_extension_id) == ("Sony Corporation", "ILCE-7RM2", 0x11)
    assert set(info.operations) >= PC_REMOTE
    assert info.device_properties == ()


def test_the_smaller_replies_of_an_a7s_iii() -> None:
    assert payload("a7sm3-9201") == bytes(8)
    assert payload("a7sm3-1004") == bytes(4)
    assert payload("a7sm3-9205") == b"\x01"


@pytest.mark.parametrize(
    ("data", "code"),
    [("10000000040003c2ffffffff1dd20000", 0xD21D), ("10000000040003c2ffffffff04500000", 0x5004)],
)
def test_events_of_an_a6000_and_an_a6400(data: str, code: int) -> None:
    (event,) = EventPipe().receive(bytes.fromhex(data))
    assert (event.code, event.parameters) == (SonyEvent.DevicePropChanged, (code,))


# ---------------------------------------------------------------------- bad input


def entry(code: int, *, count: int, values: bytes) -> bytes:
    """Return an entry with an enumeration of bytes that says that it has so many."""
    return struct.pack("<HHBBBBBH", code, DataType.UINT8, 1, 1, 0, 0, 2, count) + values


GOOD = entry(0x5004, count=2, values=b"\x02\x03")


def test_an_enumeration_longer_than_the_reply() -> None:
    data = struct.pack("<II", 3, 0) + GOOD + entry(0xD203, count=60_000, values=b"\1\2\3")
    reply = AllProperties.decode(data)
    assert [each.code for each in reply.entries] == [0x5004]
    assert "60000 values" in reply.trouble
    assert reply.encode() == data


def test_an_enumeration_of_sixty_thousand() -> None:
    data = struct.pack("<II", 2, 0) + entry(0xD203, count=60_000, values=bytes(60_000)) + GOOD
    reply = AllProperties.decode(data)
    assert [each.code for each in reply.entries] == [0xD203, 0x5004]
    assert reply.trouble == ""
    assert reply.encode() == data


@pytest.mark.parametrize("announced", [60_000, 0xFFFFFFFF])
def test_more_announced_than_there_is(announced: int) -> None:
    data = struct.pack("<II", announced, 0) + GOOD
    reply = AllProperties.decode(data)
    assert len(reply.entries) == 1
    assert str(announced) in reply.trouble
    assert reply.encode() == data


def test_bytes_behind_the_last_entry() -> None:
    data = struct.pack("<II", 1, 0) + GOOD + b"\xff\xff\xff"
    reply = AllProperties.decode(data)
    assert len(reply.entries) == 1
    assert "3 bytes too many" in reply.trouble
    assert reply.encode() == data


@pytest.mark.parametrize("data", [b"", b"\1", bytes(7), struct.pack("<IIHHBB", 1, 0, 0x5004, 0x77, 1, 1) + bytes(9)])
def test_nonsense_is_no_error(data: bytes) -> None:
    reply = AllProperties.decode(data)
    assert reply.entries == ()
    assert reply.trouble
    assert reply.encode() == data


def test_every_cut_of_a_real_reply() -> None:
    data = payload("a6000-9209")
    for size in range(len(data)):
        reply = AllProperties.decode(data[:size])
        assert reply.trouble
        assert reply.encode() == data[:size]


def test_a_device_info_that_is_longer_than_it_is() -> None:
    with pytest.raises(RemoteProtocolError):
        ExtDeviceInfo.decode(struct.pack("<HI", DIRECT, 60_000) + bytes(8))
    with pytest.raises(RemoteProtocolError):
        ExtDeviceInfo.decode(b"\x2c")


def test_a_body_that_is_not_ready() -> None:
    assert ExtDeviceInfo.decode(struct.pack("<H", STEPWISE)) == ExtDeviceInfo(STEPWISE)
