"""Packets, extra data and checksums: the protocol document's examples, and pictures of a real camera."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.protocols.dc120.frames import Answer, checksum, data_payloads, encode_extra, encode_packet, packets_in
from tests.shared import shared

EXTRA_DATA = {
    "42": """
        80414C42 554D2031 00000000 00000000 414C4255 4D203200 00000000 00000041
        4C42554D 20330000 00000000 0000414C 42554D20 34000000 00000000 00414C42
        554D2035 00000000 00000000 414C4255 4D203600 00000000 00000041 4C42554D
        20370000 00000000 0000414C 42554D20 38000000 00000000 0000043F 01000027
        300000EF 16C04BCF 17000000 00B7270F 000D001C 6202007B 4BEF1608 7F052AAF
        170F0000 00B7271C 6202003F 011E7F97 46AF170F 000000B7 27D00000 001C6202
        009C4670 7F28006F 010F0000 00B727D0 007D16F6 BFD714D6 14467F89 40487F48
        7F2841BF 173F0127 30F7BFC2 40907F28 007716F6 BF110100 00010000 00A8A17F
        000B""",
    "99 album list on the card": """
        805C5043 43415244 5C444331 3230494D 475C414C 42554D2E 43544C00 00000000
        00000000 00000000 00000000 00000000 00000000 00000000 0000000E""",
    "99 album list in memory": """
        805C4D45 4D4F5259 5C414C42 554D2E43 544C0000 00000000 00000000 00000000
        00000000 00000000 00000000 00000000 00000000 00000000 00000023""",
    "99 memory": """
        805C4D45 4D4F5259 00000000 00000000 00000000 00000000 00000000 00000000
        00000000 00000000 00000000 00000000 00000000 00000000 0000005D""",
    "99 card": """
        805C5043 43415244 5C444331 3230494D 47000000 00000000 00000000 00000000
        00000000 00000000 00000000 00000000 00000000 00000000 00000070""",
    "9A album list on the card": """
        805C5043 43415244 5C444331 3230494D 475C414C 42554D2E 43544C00 00000000
        00000000 00000000 00000000 00000000 00FFFFFF FFFFFFFF FFFFFFFF FFFFFFFF
        FF00000E""",
    "9A album list in memory": """
        805C4D45 4D4F5259 5C414C42 554D2E43 544C0000 00000000 00000000 00000000
        00000000 00000000 00000000 00000000 00FFFFFF FFFFFFFF FFFFFFFF FFFFFFFF
        FF000023""",
    "9E": """
        80436872 69732053 74756468 6F6C6D65 20283738 30292034 38342D38 39343200
        00000000 00000000 00000000 00000000 00000000 00000000 0000001A""",
}
"""All extra data in the protocol document, as they go to the camera."""

REAL = {
    "flash-low": (71, "00 6F 40 2B 4C D0 03 DA 89 87 1E 3D 93 12 D3 FD", 0x05),
    "flash-medium": (100, "8E 07 D5 00 3F D3 1F DE 39 50 C5 BB 6C 3C DE F1", 0x72),
    "flash-high": (188, "89 A5 3D FF ED F4 47 F8 A5 8F 3E 10 86 F8 29 DB", 0x90),
    "flash-raw": (824, "21 BD C1 C6 29 DF E8 80 6B 39 74 FE CA E0 FD BA", 0x8B),
}
"""Pictures of a real camera: the number of packets, the checksums of the first 16 and of the last."""


@pytest.mark.parametrize("name", EXTRA_DATA)
def test_the_extra_data_of_the_protocol_document(name: str) -> None:
    data = bytes.fromhex(EXTRA_DATA[name])
    assert len(data) - 2 == {"42": 256, "99": 58, "9A": 66, "9E": 58}[name[:2]]
    assert encode_extra(data[1:-1]) == data


@given(st.binary())
def test_the_checksum_takes_a_packet_to_zero(payload: bytes) -> None:
    assert checksum(encode_packet(payload)) == 0
    expected = 0
    for byte in payload:
        expected ^= byte
    assert checksum(payload) == expected


def test_the_answers() -> None:
    documented = {"00": "COMPLETED", "D1": "ACCEPTED", "D2": "RECEIVED", "E1": "BREAK", "E3": "REPEAT", "E4": "ABORT"}
    assert {f"{answer:02X}": answer.name for answer in Answer if f"{answer:02X}" in documented} == documented
    assert {answer for answer in Answer if f"{answer:02X}" not in documented} == {0x10, 0xE2, 0xF0}


@pytest.mark.parametrize("size", [0, 1, 1024, 1025, 15680, 72240])
def test_pictures_in_packets(size: int) -> None:
    data = random.Random(size).randbytes(size)
    payloads = list(data_payloads(data))
    assert {len(payload) for payload in payloads} <= {1024}
    assert b"".join(payloads)[:size] == data
    assert not any(b"".join(payloads)[size:])


@pytest.mark.parametrize("name", REAL)
def test_the_packets_of_real_pictures(name: str) -> None:
    data = shared(f"samples/dc120/{name}.kdc").read_bytes()
    payloads = list(data_payloads(data))
    count, first, last = REAL[name]
    assert len(payloads) == packets_in(len(data)) == count
    assert b"".join(payloads)[: len(data)] == data
    assert bytes(map(checksum, payloads[:16])) == bytes.fromhex(first)
    assert checksum(payloads[-1]) == last


@pytest.mark.parametrize(("size", "packets"), [(0, 0), (1, 1), (1024, 1), (1025, 2), (15680, 16)])
def test_the_number_of_packets(size: int, packets: int) -> None:
    assert packets_in(size) == len(list(data_payloads(bytes(size)))) == packets
