"""What the emulated fp accepts of a write, and what changes with it."""

from typing import Any

import pytest
import trio
import trio.testing

from camfs.protocols.sigma.datasets import Dataset, Value
from camfs.protocols.sigma.ifd import IfdEntry, IfdType, encode_ifd
from tests.virtual.sigma.host import OK, Tether, tethered

G1, G2, G3, G4, G5 = (Dataset[f"GROUP{number}"] for number in range(1, 6))
FOCUS, MOVIE = Dataset.FOCUS, Dataset.MOVIE
MockClock = trio.testing.MockClock


async def prepare(tether: Tether, *steps: tuple[Dataset, dict[str, Any]]) -> None:
    for dataset, values in steps:
        await tether.put(dataset, **values)


MANUAL = (G2, {"ExposureMode": 4})
APERTURE = (G2, {"ExposureMode": 2})
SHUTTER = (G2, {"ExposureMode": 3})
ISO_MANUAL = (G1, {"ISOAuto": 0})
CINE = (MOVIE, {"CaptureMode": 2})
CINEMA_DNG = (MOVIE, {"RecordFormat": 1})
FHD = (MOVIE, {"MovieResolution": 1})
ANGLE = (MOVIE, {"ShutterUnit": 2})
STABILISED = (G4, {"EImageStab": 1})
BY_TEMPERATURE = (G2, {"WhiteBalance": 14})
ONE_POINT = (FOCUS, {"FocusArea": 2})
MANUAL_FOCUS = (FOCUS, {"FocusMode": 1})


@pytest.mark.parametrize(
    "payload",
    [
        "03 04 00 04 0b",
        "03 04 00 04" + "00" * 17 + "0b",
        "04 04 00 04 00 0c",
        "00 04 00 04 00",
        "03 04 00 04 ff",
        "ff 04 00 04",
    ],
    ids=["packed", "padded", "16 bits", "lazy", "wrong sum", "no sum"],
)
async def test_all_forms_of_a_group_write(payload: str) -> None:
    async with tethered() as tether:
        assert await tether.host.do(0x9017, data=bytes.fromhex(payload)) == OK
        assert (await tether.get(G2))["ExposureMode"] == 4


def forms_of_an_ifd() -> dict[str, bytes]:
    whole = encode_ifd((IfdEntry(1, IfdType.UINT8, (2,)),))
    two = encode_ifd((IfdEntry(1, IfdType.UINT8, (2,)), IfdEntry(50, IfdType.UINT8, (1,))))
    return {
        "reply form": whole,
        "no length": bytes(4) + whole[4:],
        "no zero word and no sum": whole[:-5],
        "wrong sum": whole[:-1] + b"\xff",
        "descending": two[:8] + two[20:32] + two[8:20] + two[32:],
        "with an unknown tag": encode_ifd((IfdEntry(0, IfdType.UINT8, (1,)), IfdEntry(1, IfdType.UINT8, (2,)))),
    }


@pytest.mark.parametrize("form", forms_of_an_ifd())
async def test_all_forms_of_an_ifd_write(form: str) -> None:
    async with tethered() as tether:
        assert await tether.host.do(0x9034, data=forms_of_an_ifd()[form]) == OK
        assert (await tether.get(MOVIE))["CaptureMode"] == 2


@pytest.mark.parametrize(
    ("code", "payload"),
    [
        # What the PTP notes print and does not add up: tag 0 is unknown.
        (0x9034, "15000000 01000000 000001000100000001000000 00000000 1f"),
        # The write of a reserved bit in the PTP notes.
        (0x9024, "03 01 00 02" + "00" * 17 + "06"),
        (0x9017, "03 30 00 07 07 41"),
        (0x9016, "04 00 02 09 00 0f"),  # MediaFreeSpace
        (0x9016, "05 ff"),
        (0x9016, ""),
        (0x9032, "00 00 00 00 ff ff ff ff"),
        (0x9032, "14000000 01000000 040001000100000001000000 00000000 1b"),  # FaceEyeAFStatus
    ],
)
async def test_writes_that_mean_nothing(code: int, payload: str) -> None:
    async with tethered() as tether:
        before = dict(tether.fp.settings.values)
        assert await tether.host.do(code, data=bytes.fromhex(payload)) == OK
        assert tether.fp.settings.values == before


async def test_the_first_writes_of_the_notes() -> None:
    async with tethered(firmware="V84") as tether:
        await tether.host.do(0x9017, data=bytes.fromhex("0304000 40b".replace(" ", "")))
        group = await tether.get(G1)
        assert (group["ShutterSpeed"], group["Aperture"], group["ISOAuto"], group["ISOSpeed"]) == (88, 32, 1, 0xF8)
        await tether.host.do(0x9018, data=bytes.fromhex("03008002" + "00" * 17 + "85"))
        assert await tether.host.data(0x9015, 0) == bytes.fromhex("0600000000000208")
        assert await tether.host.data(0x9015, 1) == bytes.fromhex("0601000000000007")
        assert (await tether.host.do(0x9015, 28)).code == 0x2001
        assert (await tether.host.do(0x9015, 29)).code == 0x201D


Steps = tuple[tuple[Dataset, dict[str, Any]], ...]

TAKEN: list[tuple[Steps, Dataset, dict[str, Value]]] = [
    ((MANUAL,), G1, {"ShutterSpeed": 112, "Aperture": 40}),
    ((MANUAL,), G1, {"ShutterSpeed": 8}),
    ((SHUTTER,), G1, {"ShutterSpeed": 96}),
    ((APERTURE,), G1, {"Aperture": 45}),
    ((), G1, {"ISOAuto": 0, "ISOSpeed": 40}),
    ((ISO_MANUAL,), G1, {"ISOSpeed": 96}),
    ((), G1, {"ExpComp": -3}),
    ((), G1, {"ExpComp": 14}),
    ((), G1, {"ProgramShift": 255}),
    ((), G2, {"WhiteBalance": 8}),
    ((), G2, {"WhiteBalance": 14}),
    ((), G2, {"WhiteBalance": 15}),
    ((), G2, {"ImageQuality": 0x12, "Resolution": 4, "DriveMode": 2, "AEMeteringMode": 4}),
    ((), G2, {"ExposureMode": 0x14}),
    ((), G3, {"ColorSpace": 2, "ColorMode": 12, "AFAuxLight": 1, "AFBeep": 0, "TimerSound": 3, "DestToSave": 3}),
    ((), G4, {"DCCropMode": 2, "HighISOExt": 0, "ContShootSpeed": 1, "HDR": 0xFE, "DNGQuality": 12, "FillLight": -48}),
    ((), G4, {"EImageStab": 1, "ShutterSound": 2}),
    ((BY_TEMPERATURE,), G5, {"ColorTemp": 6500}),
    ((), G5, {"AspectRatio": 7}),
    ((), FOCUS, {"FocusMode": 4, "AFLock": 1, "FaceEyeAF": 2, "FocusArea": 2, "PreConstAF": 1}),
    ((MANUAL_FOCUS,), FOCUS, {"FocusMode": 3, "FocusArea": 2, "FaceEyeAF": 1}),
    ((), MOVIE, {"NumOfVoiceChannels": 2}),
    ((CINE,), MOVIE, {"RecordFormat": 1, "CinemaDNGQuality": 8, "MovieResolution": 1, "ManualGainAdjustEV": 1}),
    ((CINE, FHD), MOVIE, {"FrameRate": ((10000, 100),)}),  # reads back otherwise
    ((CINE, MANUAL, ANGLE), MOVIE, {"Shutter": ((1728, 3600),)}),
    ((CINE, SHUTTER), G1, {"ShutterSpeed": 112}),
    ((CINE,), G4, {"EImageStab": 1}),
]

IGNORED: list[tuple[Steps, Dataset, dict[str, Value]]] = [
    ((), G1, {"ShutterSpeed": 112, "Aperture": 40}),
    ((APERTURE,), G1, {"ShutterSpeed": 112}),
    ((SHUTTER,), G1, {"Aperture": 40}),
    ((SHUTTER,), G1, {"ShutterSpeed": 8}),
    ((MANUAL,), G1, {"ShutterSpeed": 111}),
    ((MANUAL,), G1, {"ShutterSpeed": 163}),
    ((MANUAL,), G1, {"Aperture": 29}),
    ((MANUAL,), G1, {"ExpComp": 8}),
    ((MANUAL,), G1, {"ProgramShift": 1}),
    ((), G1, {"ExpComp": 43}),
    ((), G1, {"ExpComp": 4}),
    ((), G1, {"ISOSpeed": 40}),
    ((ISO_MANUAL,), G1, {"ISOSpeed": 99}),
    ((ISO_MANUAL, STABILISED), G1, {"ISOSpeed": 83}),
    ((CINE, MANUAL, ANGLE), G1, {"ShutterSpeed": 112}),
    ((CINE, MANUAL), MOVIE, {"Shutter": ((1728, 3600),)}),
    ((CINE, ANGLE), MOVIE, {"Shutter": ((1728, 3600),)}),
    ((CINE, MANUAL, ANGLE), MOVIE, {"Shutter": ((1729, 3600),)}),
    ((), G2, {"WhiteBalance": 9}),
    ((), G2, {"AEMeteringMode": 3}),
    ((), G5, {"ColorTemp": 6500}),
    ((BY_TEMPERATURE,), G5, {"ColorTemp": 6550}),
    ((), G4, {"LVMagnifyRatio": 1}),
    ((), G4, {"FillLight": 51}),
    ((), FOCUS, {"FocusMode": 2}),
    ((), FOCUS, {"FocusArea": 3}),
    ((), FOCUS, {"FocusLimit": 1}),
    ((), FOCUS, {"DMFPos": (149, 160)}),
    ((MANUAL_FOCUS,), FOCUS, {"FocusArea": 2}),
    ((MANUAL_FOCUS,), FOCUS, {"FaceEyeAF": 1}),
    ((CINE,), G5, {"AspectRatio": 3, "ToneEffect": 0}),
    ((CINE,), G3, {"ColorSpace": 2}),
    ((CINE,), G2, {"DriveMode": 2, "ImageQuality": 4, "Resolution": 1}),
    ((CINE,), G4, {"DNGQuality": 12, "HDR": 1, "HighISOExt": 2, "ContShootSpeed": 1}),
    ((CINE, CINEMA_DNG), G4, {"EImageStab": 1}),
    ((), MOVIE, {"FrameRate": ((2500, 100),)}),
    ((), MOVIE, {"MovieResolution": 1, "RecordFormat": 1, "CinemaDNGQuality": 8, "ShutterUnit": 2}),
    ((CINE,), MOVIE, {"FrameRate": ((25, 1),)}),
    ((CINE,), MOVIE, {"FrameRate": ((10_000, 100),)}),
    ((CINE,), MOVIE, {"MovImageQuality": 1, "ApertureAuto": 0, "Unidentified5": 3}),
]


@pytest.mark.parametrize(("steps", "dataset", "values"), TAKEN)
async def test_takes(steps: Steps, dataset: Dataset, values: dict[str, Value]) -> None:
    async with tethered() as tether:
        await prepare(tether, *steps)
        expected = {**values, "FrameRate": ((100, 1),)} if "FrameRate" in values else values
        assert await tether.tell(dataset, **values) == expected


@pytest.mark.parametrize(("steps", "dataset", "values"), IGNORED)
async def test_ignores(steps: Steps, dataset: Dataset, values: dict[str, Value]) -> None:
    async with tethered() as tether:
        await prepare(tether, *steps)
        before = dict(tether.fp.settings.values)
        payload = await tether.host.data(dataset.reads)
        await tether.put(dataset, **values)
        assert tether.fp.settings.values == before
        assert await tether.host.data(dataset.reads) == payload


async def test_values_that_become_others() -> None:
    async with tethered() as tether:
        await tether.put(G2, WhiteBalance=2)
        assert await tether.tell(G2, WhiteBalance=13) == {"WhiteBalance": 1}
        await tether.put(MOVIE, CaptureMode=2)
        await tether.put(FOCUS, FocusMode=1)
        assert await tether.tell(FOCUS, FocusMode=4) == {"FocusMode": 3}
        for declared, read in ((2398, (2398, 100)), (2500, (25, 1)), (2997, (30, 1))):
            assert await tether.tell(MOVIE, FrameRate=((declared, 100),)) == {"FrameRate": (read,)}


@pytest.mark.parametrize(
    ("size", "wanted", "got"),
    [
        (0, (0, 0), (149, 160)),
        (0, (680, 1020), (533, 864)),
        (0, (200, 300), (213, 304)),
        (1, (0, 1023), (117, 896)),
        (2, (681, 0), (581, 112)),
        (2, (120, 130), (133, 128)),
    ],
)
async def test_a_focus_frame_is_clamped_and_snaps(size: int, wanted: tuple[int, int], got: tuple[int, int]) -> None:
    async with tethered() as tether:
        await prepare(tether, ONE_POINT)
        info = await tether.can_set()
        assert (info.numbers(614), info.numbers(615)) == ((3,), (128, 128, 64, 64, 32, 32))
        assert info.numbers(616) == (32, 16)
        await tether.put(FOCUS, DMFSize=size)
        assert await tether.tell(FOCUS, DMFPos=wanted) == {"DMFPos": got}
        await tether.put(FOCUS, FocusArea=1)
        focus = await tether.get(FOCUS)
        assert (focus["DMFPos"], focus["DMFSize"]) == ((340, 512), 0)


async def test_capture_mode_moves_others() -> None:
    async with tethered() as tether:
        await prepare(tether, MANUAL, (G1, {"ShutterSpeed": 112}), (FOCUS, {"FocusMode": 4}), CINE)
        assert (await tether.get(G5))["AspectRatio"] == 2
        assert (await tether.get(G2))["Resolution"] == 4
        assert (await tether.get(G1))["ShutterSpeed"] == 93
        assert (await tether.get(G1))["ISOSpeed"] == 56
        assert (await tether.get(FOCUS))["FocusMode"] == 3
        await prepare(tether, ANGLE, (MOVIE, {"CaptureMode": 1}))
        assert (await tether.get(G5))["AspectRatio"] == 3
        assert (await tether.get(MOVIE))["ShutterUnit"] == 1
        assert (await tether.get(G1))["ISOSpeed"] == 40


@pytest.mark.parametrize(("mode", "flags"), [(1, (1, 1)), (2, (0, 1)), (3, (1, 0)), (4, (0, 0)), (0x44, (0, 0))])
async def test_exposure_mode_says_who_owns_what(mode: int, flags: tuple[int, int]) -> None:
    async with tethered() as tether:
        await tether.put(G2, ExposureMode=mode)
        movie, group, info = await tether.get(MOVIE), await tether.get(G1), await tether.can_set()
        assert (movie["ApertureAuto"], movie["ShutterAuto"]) == flags
        assert (group["Aperture"] == 48, group["ShutterSpeed"] == 0) == tuple(map(bool, flags))
        assert info.numbers(210) == (() if flags[0] else (768, 2304, 85))
        assert info.numbers(212) == (() if flags[1] else (-1280, 3328, 85))
        assert info.numbers(213) == (() if any(flags) else (0,))
        assert info.numbers(217) == ((-1280, 1280, 85) if any(flags) else (0, 0, 85))


@pytest.mark.parametrize(
    ("form", "own", "other"),
    [("bits", (0x14, 0x24, 0x44, 0x11), (5, 6, 7)), ("numbers", (5, 6, 7), (0x14, 0x24, 0x44, 0x10))],
)
async def test_the_two_forms_of_custom_modes(form: str, own: tuple[int, ...], other: tuple[int, ...]) -> None:
    """The body takes and reports one of them, and keeps what it has where the other is written."""
    async with tethered(custom_modes=form) as tether:
        for code in own:
            assert await tether.tell(G2, ExposureMode=code) == {"ExposureMode": code}
            for wrong in other:
                assert await tether.tell(G2, ExposureMode=wrong) == {"ExposureMode": code}
        assert await tether.tell(G2, ExposureMode=3) == {"ExposureMode": 3}


@pytest.mark.parametrize(("code", "flags"), [(5, (1, 1)), (6, (0, 1)), (7, (0, 0))])
async def test_a_custom_mode_with_a_number_is_based_on_another(code: int, flags: tuple[int, int]) -> None:
    async with tethered(custom_modes="numbers") as tether:
        await tether.put(G2, ExposureMode=code)
        movie = await tether.get(MOVIE)
        assert (movie["ApertureAuto"], movie["ShutterAuto"]) == flags


async def test_exposure_compensation_in_m_is_the_meters() -> None:
    async with tethered() as tether:
        await tether.put(G1, ExpComp=8)
        assert (await tether.get(G1))["ExpCompExcludeAB"] == 8
        await tether.put(G2, ExposureMode=4)
        assert (await tether.get(G1))["ExpComp"] == 0
        await tether.put(G2, ExposureMode=1)
        assert (await tether.get(G1))["ExpComp"] == 8


async def test_stabilisation_bounds_the_iso() -> None:
    async with tethered() as tether:
        await tether.put(G1, ISOAuto=0, ISOSpeed=96)
        assert (await tether.can_set()).numbers(215) == (1280, 3328, 256, 85)
        await tether.put(G4, EImageStab=1)
        assert (await tether.get(G1))["ISOSpeed"] == 80
        assert (await tether.can_set()).numbers(215) == (1280, 2816, 256, 85)
        await prepare(tether, CINE, CINEMA_DNG)
        assert (await tether.get(G4))["EImageStab"] == 2
        assert (await tether.can_set()).numbers(810) == ()


@pytest.mark.parametrize(
    ("format_", "size", "rates", "depths"),
    [
        (1, 1, (2398, 2500, 2997, 5000, 5994), (12, 10, 8)),
        (1, 2, (2398, 2500), ()),
        (2, 1, (2398, 2500, 2997, 5000, 5994, 10_000, 11_198), (12, 10, 8)),
        (2, 2, (2398, 2500, 2997), (12, 10, 8)),
    ],
)
async def test_lists_of_formats_and_sizes(
    format_: int, size: int, rates: tuple[int, ...], depths: tuple[int, ...]
) -> None:
    async with tethered() as tether:
        await prepare(tether, CINE, (MOVIE, {"RecordFormat": format_, "MovieResolution": size}))
        info = await tether.can_set()
        assert info.rationals(161) == tuple((rate, 100) for rate in rates)
        assert info.numbers(151) == depths
        assert (info.numbers(150), info.numbers(160)) == ((1, 2), (1, 2))


async def test_cine_swaps_eighteen_lists() -> None:
    async with tethered() as tether:
        still = (await tether.can_set()).entries
        await tether.put(MOVIE, CaptureMode=2)
        cine = (await tether.can_set()).entries
        assert set(still) == set(cine)
        swapped = [tag for tag in still if bool(still[tag].value) != bool(cine[tag].value)]
        assert len(swapped) == 18
        assert not any(cine[tag].value for tag in (1, 2, 3, 4, 11, 12, 20, 21, 350))
        assert cine[600].value == (1, 4, 3)


async def test_a_frame_rate_that_is_not_offered_any_more_falls_to_23_98() -> None:
    async with tethered() as tether:
        await prepare(tether, CINE, FHD, (MOVIE, {"FrameRate": ((5000, 100),)}))
        assert (await tether.get(MOVIE))["FrameRate"] == ((50, 1),)
        await tether.put(MOVIE, MovieResolution=2)
        assert (await tether.get(MOVIE))["FrameRate"] == ((2398, 100),)


async def test_shutter_and_frame_rate_move_each_other() -> None:
    async with tethered() as tether:
        await prepare(tether, CINE, MANUAL)
        await tether.put(G1, ShutterSpeed=104)
        await tether.put(MOVIE, FrameRate=((2997, 100),))
        assert (await tether.get(G1))["ShutterSpeed"] == 93
        await tether.put(G1, ShutterSpeed=104)
        assert (await tether.get(MOVIE))["FrameRate"] == ((2398, 100),)


async def test_the_shutter_unit_decides_which_list_there_is() -> None:
    async with tethered() as tether:
        await prepare(tether, CINE, MANUAL)
        info = await tether.can_set()
        assert (info.rationals(214), info.numbers(212)) == ((), (1184, 3328, 85))
        await prepare(tether, ANGLE, (MOVIE, {"Shutter": ((1800, 3600),)}))
        info = await tether.can_set()
        assert info.numbers(212) == ()
        assert (info.rationals(214) or ())[0] == (112, 3600)
        assert (await tether.get(G1))["ShutterSpeed"] == 101
        await tether.put(MOVIE, Shutter=((900, 3600),))
        assert (await tether.get(G1))["ShutterSpeed"] == 109


async def test_white_balance_by_temperature_has_a_range() -> None:
    async with tethered() as tether:
        assert (await tether.can_set()).numbers(302) == ()
        await prepare(tether, BY_TEMPERATURE)
        assert (await tether.can_set()).numbers(302) == (2500, 10_000, 100)


async def test_the_interval_timer_goes_as_a_whole() -> None:
    async with tethered() as tether:
        left = {"IntervalSecondsLeft": 0, "IntervalFramesLeft": 0}
        await tether.put(G5, IntervalSeconds=60, IntervalFrames=0, **left)
        group = await tether.get(G5)
        assert (group["IntervalSeconds"], group["IntervalFrames"], group["IntervalFramesLeft"]) == (60, 0, 2)


# Focus.


def to(position: int) -> dict[str, Value]:
    """Return the write that drives the focus by hand."""
    return {"FocusMode": 1, "AFLock": 0, "PreConstAF": 0, "FocusPosition": position}


async def at_rest(tether: Tether) -> int:
    while (focus := await tether.get(FOCUS))["FocusState"]:
        await trio.sleep(0.01)
    assert isinstance(focus["FocusPosition"], int)
    return focus["FocusPosition"]


async def test_the_write_that_leaves_af_drops_the_position(autojump_clock: MockClock) -> None:
    async with tethered(firmware="V91") as tether:
        await tether.put(FOCUS, **to(6500))
        focus = await tether.get(FOCUS)
        assert (focus["FocusMode"], focus["FocusState"], focus["FocusPosition"]) == (1, 0, 8999)
        await tether.put(FOCUS, **to(6500))
        focus = await tether.get(FOCUS)
        assert (focus["FocusState"], focus["FocusPosition"]) == (1, 8999)
        await trio.sleep(0.1)
        assert (await tether.get(FOCUS))["FocusPosition"] == 7999
        assert abs(await at_rest(tether) - 6500) <= 6


@pytest.mark.parametrize(("wanted", "got"), [(0, 5974), (65535, 11116), (9000, 9000)])
async def test_positions_are_clamped_to_the_lens(wanted: int, got: int, autojump_clock: MockClock) -> None:
    async with tethered(firmware="V91") as tether:
        await prepare(tether, MANUAL_FOCUS, (FOCUS, to(wanted)))
        assert abs(await at_rest(tether) - got) <= 6


@pytest.mark.parametrize("left_on", [{"AFLock": 1}, {"PreConstAF": 1}, {"FocusMode": 3}])
async def test_a_position_does_not_hold_where_the_camera_focuses(
    left_on: dict[str, Value], autojump_clock: MockClock
) -> None:
    async with tethered(firmware="V91") as tether:
        await prepare(tether, MANUAL_FOCUS, (FOCUS, {**to(6500), **left_on}))
        assert abs(await at_rest(tether) - 8999) <= 6


async def test_old_firmware_drives_no_focus(autojump_clock: MockClock) -> None:
    async with tethered(firmware="V84") as tether:
        await prepare(tether, MANUAL_FOCUS, (FOCUS, to(6500)))
        tether.fp.focus_api = True
        assert await at_rest(tether) == 8999
        await tether.put(FOCUS, **to(6500))
        assert abs(await at_rest(tether) - 6500) <= 6


async def test_autofocus_alone_moves_the_lens(autojump_clock: MockClock) -> None:
    async with tethered(firmware="V91") as tether:
        await prepare(tether, MANUAL_FOCUS, (FOCUS, to(6500)))
        await at_rest(tether)
        tail = await tether.snap(3)
        await trio.sleep(1)
        status = await tether.status(tail)
        assert (status.state, status.head, status.tail) == (0x8001, tail, tail)
        assert abs(await at_rest(tether) - 6500) > 1000
        tether.fp.contrast = False
        await tether.snap(4)
        await trio.sleep(1)
        assert (await tether.status(tail)).state == 0x6001
        await tether.snap(5)
        assert (await tether.status()).pending() == ()
