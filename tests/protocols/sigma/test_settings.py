"""The fp's settings as text: what the samples say, every choice written and read, how a refusal is explained."""

from collections.abc import Mapping
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camfs.errors import AccessDenied, InvalidValue, LocalProtocolError, NoData
from camfs.protocols.ptp.properties import STANDARD_PROPERTIES
from camfs.protocols.sigma import datasets
from camfs.protocols.sigma.can_set import CAN_SET_TAGS, CanSetInfo
from camfs.protocols.sigma.codings import Words
from camfs.protocols.sigma.datasets import Dataset, Value, Values
from camfs.protocols.sigma.ifd import IfdEntry, IfdValue
from camfs.protocols.sigma.setting import State
from camfs.protocols.sigma.settings import SETTINGS
from tests.protocols.sigma.payloads import SOUND
from tests.protocols.sigma.test_can_set import ABSENT, FILLED
from tests.protocols.sigma.test_datasets import READ_ONLY

DUMP: Mapping[Dataset, Values] = {
    dataset: datasets.decode(dataset, SOUND[f"{dataset.reads:04X}"])
    for dataset in Dataset
    if dataset is not Dataset.GROUP6
}
"""The dump's state: STILL, P, multi-point AF-S."""

ONE_POINT: Mapping[int, IfdValue] = {614: (3,), 615: (128, 128, 64, 64, 32, 32), 616: (32, 16)}
SHUTTER_RANGE, APERTURE_RANGE = (-1280, 3328, 85), (768, 2304, 85)


def can_set(filled: Mapping[int, IfdValue]) -> CanSetInfo:
    tags = (tag for tag in CAN_SET_TAGS.values() if tag.number in filled or tag.number != ABSENT)
    return CanSetInfo(tuple(IfdEntry(tag.number, tag.type, filled.get(tag.number, ())) for tag in tags))


def state(changes: Mapping[str, Value] | None = None, lists: Mapping[int, IfdValue] | None = None) -> State:
    """Return the state of the dump, with some fields and lists replaced."""
    values = {dataset: {**fields} for dataset, fields in DUMP.items()}
    for name, value in (changes or {}).items():
        values[next((dataset for dataset in DUMP if name in DUMP[dataset]), Dataset.FOCUS)][name] = value
    return State({**values}, can_set({**FILLED, **(lists or {})}))


P = state()
M = state({"ExposureMode": 4}, {212: SHUTTER_RANGE, 213: (0,), 210: APERTURE_RANGE, 217: (0, 0, 85)})
CINE = state(
    {"ExposureMode": 4, "CaptureMode": 2, "RecordFormat": 1, "WhiteBalance": 14, "FocusArea": 2, "FocusPosition": 9000},
    {
        1: (),
        11: (),
        20: (),
        21: (),
        350: (),
        810: (),
        212: SHUTTER_RANGE,
        210: APERTURE_RANGE,
        110: (1, 0),
        112: (0, 1),
        113: (0, 1),
        114: (0, 1),
        150: (1, 2),
        151: (12, 10, 8),
        152: (1, 2),
        160: (1, 2),
        162: (0,),
        161: ((2398, 100), (2500, 100), (2997, 100), (5000, 100), (5994, 100)),
        302: (2500, 10000, 100),
        214: (),
        658: (5974, 11116),
        **ONE_POINT,
    },
)
ANGLE = state(
    {"ExposureMode": 4, "CaptureMode": 2, "ShutterUnit": 2, "Shutter": ((1800, 3600),)},
    {
        214: ((112, 3600), (900, 3600), (1728, 3600), (1800, 3600), (3600, 3600)),
        810: (0, 1),
        501: (0, -1),
        502: (0, -1),
    },
)
HALVES = state(
    {"ExposureMode": 4}, {212: (-1248, 3328, 128), 210: (768, 2304, 128), 217: (-768, 768, 128), 218: (3, 5)}
)
EXOTIC = state(
    {"WhiteBalance": 15},
    {
        252: (1,),
        301: (1, 9),
        325: (1, 2),
        506: (1,),
        611: (0, 49),
        651: (0, 1),
        701: (1, 2, 3),
        20: (255,),
        505: (-1, 0, *range(1, 11)),
        200: tuple(range(1, 11)),
        161: ((0, 0), (25, 1)),
        340: ((-1, 0), (1, 0)),
    },
)
STATES = {"P": P, "M": M, "CINE": CINE, "angle": ANGLE, "halves": HALVES, "exotic": EXOTIC, "nothing": State()}


TEXTS = {
    "exposure-mode": "program",
    "shutter-speed": "auto",
    "aperture": "auto",
    "iso": "auto",
    "high-iso-extension": "off",
    "exposure-compensation": "0",
    "exposure-compensation-without-bracket": "0",
    "program-shift": "none",
    "metering-mode": "unset",
    "bracketing": "3 0-+",
    "bracket-step": "0",
    "bracket-shots-left": "0",
    "drive-mode": "single",
    "continuous-speed": "low",
    "interval-timer": "30s x2",
    "flash": "normal",
    "flash-setting": "none",
    "flash-type": None,
    "white-balance": "auto",
    "color-temperature": "5000K",
    "color-mode": "standard",
    "tone-effect": "black-and-white",
    "color-space": "srgb",
    "fill-light": "0",
    "hdr": "off",
    "image-quality": "fine",
    "dng-quality": "14-bit",
    "image-size": "high",
    "aspect-ratio": "3:2",
    "crop": "auto",
    "destination": "unset",
    "electronic-stabilization": "off",
    "distortion-correction": "auto",
    "chromatic-aberration-correction": "auto",
    "diffraction-correction": "off",
    "vignetting-correction": "auto",
    "color-shading-correction": "off",
    "color-shading-acquisition": "off",
    "focal-length": "45mm",
    "lens-wide-end": None,
    "lens-tele-end": None,
    "focus-mode": "af-s",
    "af-lock": "off",
    "face-eye-af": "off",
    "face-eye-status": "none",
    "focus-area": "multi",
    "focus-points": "free",
    "focus-frame-size": "0",
    "focus-frame": "512,340",
    "focus-detection": "none",
    "pre-af": "off",
    "focus-limit": "off",
    "focus-state": None,
    "focus-position": None,
    "focus-peaking": None,
    "af-aux-light": "off",
    "af-aux-light-external": None,
    "capture-mode": "still",
    "movie-format": "mov",
    "movie-size": "uhd",
    "frame-rate": "23.98",
    "cinemadng-quality": "12-bit",
    "mov-quality": "2",
    "shutter-unit": "speed",
    "shutter-angle": None,
    "auto-aperture": "on",
    "auto-shutter": "on",
    "binning": "0",
    "audio-record": "on",
    "audio-channels": "1",
    "audio-gain-method": "0 0",
    "audio-gain": "0",
    "wind-noise-canceller": None,
    "live-view": "on",
    "live-view-magnification": "8x",
    "shutter-sound": "3",
    "af-volume": "5",
    "timer-volume": "5",
    "battery-level": "full",
    "battery-kind": "body",
    "media-status": "card",
    "free-shots": "437",
    "free-buffer": "9",
}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_dump_in_words(name: str) -> None:
    setting = SETTINGS[name]
    if TEXTS[name] is None:
        with pytest.raises(NoData, match=name):
            setting.read(DUMP[setting.dataset])
    else:
        assert setting.read(DUMP[setting.dataset]) == TEXTS[name]


def test_the_notes_in_words() -> None:
    group1 = datasets.decode(Dataset.GROUP1, SOUND["9012-notes"])
    texts = {
        name: SETTINGS[name].read(group1) for name in ("shutter-speed", "aperture", "iso", "focal-length", "free-shots")
    }
    assert texts == {
        "shutter-speed": "1/15",
        "aperture": "f/2.8",
        "iso": "auto",
        "focal-length": "45mm",
        "free-shots": "438",
    }
    assert SETTINGS["exposure-mode"].read(datasets.decode(Dataset.GROUP2, SOUND["9013-notes"])) == "manual"
    group3 = datasets.decode(Dataset.GROUP3, SOUND["9014-notes-dest-pc"])
    assert SETTINGS["destination"].read(group3) == "computer"
    with pytest.raises(NoData):  # f0 00, a lens of 3840 mm
        SETTINGS["lens-wide-end"].read(group3)
    assert SETTINGS["diffraction-correction"].read(datasets.decode(Dataset.GROUP4, SOUND["9023-notes"])) == "on"


def test_every_field_that_has_a_name_is_a_setting() -> None:
    unknown = {"Unidentified5", "ISOAuto", "IntervalSecondsLeft", "IntervalFramesLeft"}
    fields = {field for setting in SETTINGS.values() for field in setting.fields}
    reported = {field for values in DUMP.values() for field in values if "Reserved" not in field}
    assert reported - fields == unknown - {"ISOAuto"}
    assert fields - reported == {
        "FlashType",
        "AFAuxLightEF",
        "FocusState",
        "FocusPosition",
        "FocusPeaking",
        "WindNoiseCanceller",
    }


def test_settings_are_named_as_those_of_other_cameras() -> None:
    theirs = {row.name for row in STANDARD_PROPERTIES}
    assert theirs & SETTINGS.keys() == {
        *(
            "iso",
            "aperture",
            "shutter-speed",
            "exposure-compensation",
            "exposure-mode",
            "white-balance",
            "metering-mode",
        ),
        *("image-quality", "image-size", "flash", "focus-mode", "drive-mode", "focal-length", "battery-level"),
    }
    assert all(name == setting.name for name, setting in SETTINGS.items())


def test_what_the_camera_does_not_accept_is_read_only() -> None:
    for setting in SETTINGS.values():
        assert setting.read_only or not READ_ONLY[setting.dataset] & set(setting.fields), setting.name


@pytest.mark.parametrize("now", STATES.values(), ids=STATES)
@pytest.mark.parametrize("name", SETTINGS)
def test_every_choice_can_be_written_and_reads_as_it_was_written(name: str, now: State) -> None:
    setting = SETTINGS[name]
    choices = setting.choices(now)
    values = {**DUMP, **now.values}[setting.dataset]
    assert len(set(choices)) == len(choices)
    for text in choices:
        wanted = setting.encode(text, now)
        after = {**values, **wanted}
        assert setting.read(after) == text
        assert setting.took(wanted, after)
        assert datasets.decode_write(setting.dataset, datasets.encode(setting.dataset, wanted)) == wanted
        assert sum(setting.took(setting.encode(other, now), after) for other in choices) == 1


@pytest.mark.parametrize(
    ("now", "name", "choices"),
    [
        (P, "iso", 26),
        (P, "exposure-compensation", 31),
        (P, "shutter-speed", ()),
        (P, "aperture", ()),
        (P, "color-temperature", ()),
        (P, "white-balance", 12),
        (P, "color-mode", 16),
        (P, "focus-frame", ()),
        (P, "frame-rate", ()),
        (P, "shutter-unit", ()),
        (P, "focus-mode", ("manual", "af-s", "af-c")),
        (P, "metering-mode", ("evaluative", "center-weighted", "spot")),
        (P, "image-quality", ("dng", "dng+fine", "fine", "normal", "basic")),
        (P, "image-size", ("high", "medium", "low")),
        (P, "drive-mode", ("single", "continuous", "self-timer-2s", "self-timer-10s", "interval")),
        (P, "aspect-ratio", ("21:9", "16:9", "3:2", "a-size", "4:3", "7:6", "1:1")),
        (P, "exposure-mode", ("program", "aperture-priority", "shutter-priority", "manual", "c1", "c2", "c3")),
        (P, "fill-light", 51),
        (P, "color-shading-correction", ("auto",)),
        (P, "color-shading-acquisition", ()),
        (P, "destination", ("camera", "computer", "both", "unset")),
        (P, "battery-level", ()),
        (P, "audio-record", ()),
        (P, "interval-timer", ("1s x1", "1s x99", "1s endless", "3600s x1", "3600s x99", "3600s endless")),
        (M, "exposure-compensation", ()),
        (M, "aperture", 19),
        (CINE, "frame-rate", ("23.98", "25", "29.97", "50", "59.94")),
        (CINE, "color-temperature", 76),
        (CINE, "drive-mode", ()),
        (CINE, "color-space", ()),
        (CINE, "electronic-stabilization", ()),
        (CINE, "focus-mode", ("manual", "af-s")),
        (CINE, "focus-position", ("5974", "11116")),
        (CINE, "focus-frame", ("160,149", "864,533")),
        (CINE, "focus-frame-size", ("0", "1", "2")),
        (CINE, "shutter-angle", ()),
        (CINE, "mov-quality", ("1", "2")),
        (ANGLE, "shutter-angle", ("11.2deg", "90deg", "172.8deg", "180deg", "360deg")),
        (ANGLE, "shutter-speed", ()),
        (state({"ExposureMode": 2}, {217: (-768, 768, 128)}), "exposure-compensation", 13),
        (HALVES, "bracketing", ("off", "3 0-+", "3 -0+", "3 +0-", "5 0-+", "5 -0+", "5 +0-")),
        (EXOTIC, "white-balance", ("auto",)),
        (EXOTIC, "image-size", ()),
        (EXOTIC, "exposure-mode", 10),
        (EXOTIC, "tone-effect", ("black-and-white",)),
        (EXOTIC, "fill-light", ()),
        (STATES["nothing"], "iso", ()),
        (STATES["nothing"], "white-balance", ()),
        (STATES["nothing"], "color-space", ("srgb", "adobe-rgb")),
    ],
)
def test_choices(now: State, name: str, choices: tuple[str, ...] | int) -> None:
    listed = SETTINGS[name].choices(now)
    assert len(listed) == choices if isinstance(choices, int) else listed == choices


def test_choices_of_stops_are_in_their_order() -> None:
    assert SETTINGS["iso"].choices(P)[:4] == ("auto", "100", "125", "160")
    assert SETTINGS["iso"].choices(P)[-1] == "25600"
    assert SETTINGS["shutter-speed"].choices(M)[:3] == ("bulb", "30", "25")
    assert SETTINGS["shutter-speed"].choices(M)[-1] == "1/8000"
    assert SETTINGS["shutter-speed"].choices(CINE)[0] == "30"
    assert "1/45" in SETTINGS["shutter-speed"].choices(HALVES)
    stabilized = state({"EImageStab": 1}, {215: (1280, 2816, 256, 85)})
    assert SETTINGS["iso"].choices(stabilized)[-1] == "6400"


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("iso", "400", {"ISOAuto": 0, "ISOSpeed": 48}),
        ("iso", "auto", {"ISOAuto": 1}),
        ("shutter-speed", "1/125", {"ShutterSpeed": 112}),
        ("shutter-speed", "bulb", {"ShutterSpeed": 8}),
        ("shutter-speed", "sync", {"ShutterSpeed": 162}),
        ("aperture", " f/2.8\n", {"Aperture": 32}),
        ("exposure-compensation", "+1/3", {"ExpComp": 3}),
        ("exposure-compensation", "-0.7", {"ExpComp": -5}),
        ("exposure-compensation", "+1.7", {"ExpComp": 14}),
        ("program-shift", "minus", {"ProgramShift": 255}),
        ("exposure-mode", "manual", {"ExposureMode": 4}),
        ("exposure-mode", "A", {"ExposureMode": 2}),
        ("exposure-mode", "c2", {"ExposureMode": 0x21}),
        ("metering-mode", "spot", {"AEMeteringMode": 4}),
        ("drive-mode", "interval", {"DriveMode": 7}),
        ("white-balance", "color-temperature", {"WhiteBalance": 14}),
        ("white-balance", "sunlight", {"WhiteBalance": 2}),
        ("white-balance", "custom-2", {"WhiteBalance": 10}),
        ("white-balance", "wb-13", {"WhiteBalance": 13}),
        ("white-balance", "wb-200", {"WhiteBalance": 200}),
        ("image-size", "medium", {"Resolution": 2}),
        ("image-size", "low", {"Resolution": 4}),
        ("image-quality", "basic", {"ImageQuality": 8}),
        ("color-mode", "Warm Gold", {"ColorMode": 17}),
        ("color-mode", "sepia", {"ColorMode": 1}),
        ("flash", "red-eye+slow-sync", {"FlashMode": 0x41}),
        ("hdr", "auto", {"HDR": 0xFE}),
        ("crop", "on", {"DCCropMode": 2}),
        ("fill-light", "-0.4", {"FillLight": -4}),
        ("color-temperature", "5600", {"ColorTemp": 5600}),
        ("shutter-sound", "3", {"ShutterSound": 5}),
        ("bracketing", "5 -0+", {"ABSetting": 5}),
        ("dng-quality", "12", {"DNGQuality": 12}),
        ("destination", "computer", {"DestToSave": 2}),
        ("aspect-ratio", "a-size", {"AspectRatio": 7}),
        ("focus-position", "8500", {"FocusMode": 1, "AFLock": 0, "PreConstAF": 0, "FocusPosition": 8500}),
        ("audio-gain-method", "0 1", {"GainAdjustMethod": (0, 1)}),
        ("frame-rate", "29.97", {"FrameRate": ((2997, 100),)}),
        ("shutter-angle", "180", {"Shutter": ((1800, 3600),)}),
        ("shutter-angle", "172.8°", {"Shutter": ((1728, 3600),)}),
        ("capture-mode", "cine", {"CaptureMode": 2}),
    ],
)
def test_encodes_fields_of_its_dataset(name: str, text: str, wanted: Values) -> None:
    setting = SETTINGS[name]
    assert setting.encode(text, P) == wanted
    assert datasets.decode_write(setting.dataset, datasets.encode(setting.dataset, wanted)) == wanted


def test_one_correction_is_written_with_all_others() -> None:
    setting = SETTINGS["vignetting-correction"]
    assert setting.encode("off", P) == {
        "LOCDistortion": 1,
        "LOCChromaticAberration": 1,
        "LOCDiffraction": 2,
        "LOCVignetting": 2,
        "LOCColorShade": 0xFE,
        "LOCColorShadeAcquisition": 2,
    }
    with pytest.raises(LocalProtocolError, match="not read yet"):
        setting.encode("off", State())


def test_the_interval_timer_is_written_whole() -> None:
    setting = SETTINGS["interval-timer"]
    for text, seconds, frames in [("30s x2", 30, 2), ("5 10", 5, 10), ("1s endless", 1, 0), ("60 s,3", 60, 3)]:
        assert setting.encode(text, P) == {
            "IntervalSeconds": seconds,
            "IntervalFrames": frames,
            "IntervalSecondsLeft": 0,
            "IntervalFramesLeft": 0,
        }
    for text in ("0s x2", "3601s x2", "30s x0", "30s x100", "30s", "x2", "endless"):
        with pytest.raises(InvalidValue):
            setting.encode(text, P)
    left = {"IntervalSeconds": 30, "IntervalFrames": 2, "IntervalSecondsLeft": 17, "IntervalFramesLeft": 1}
    assert setting.took(setting.encode("30s x2", P), left)


def test_custom_modes_are_bits_on_the_fp_and_numbers_on_the_fp_l() -> None:
    setting = SETTINGS["exposure-mode"]
    assert setting.encode("c1", M) == {"ExposureMode": 0x14}
    assert setting.encode("c1", EXOTIC) == {"ExposureMode": 5}
    assert setting.encode("c6", P) == {"ExposureMode": 10}
    for code, text in [
        (0x14, "c1"),
        (0xC2, "c3"),
        (0x84, "manual"),
        (7, "c3"),
        (10, "c6"),
        (0, "unset"),
        (11, "code-11"),
    ]:
        assert setting.read({"ExposureMode": code}) == text
    assert SETTINGS["shutter-speed"].reason(state({"ExposureMode": 0x11})) == "exposure-mode is c1 (program)"


@pytest.mark.parametrize(
    ("before", "text", "first", "second"),
    [
        ({"ExposureMode": 4}, "c1", 0x14, 5),
        ({"ExposureMode": 4}, "c2", 0x24, 6),
        ({"ExposureMode": 4}, "c3", 0x44, 7),
        ({"ExposureMode": 1}, "C3", 0x41, 7),
        ({"ExposureMode": 0x22}, "c1", 0x12, 5),
        ({"ExposureMode": 6, "ApertureAuto": 0, "ShutterAuto": 1}, "c1", 5, 0x12),
        ({"ExposureMode": 6, "ApertureAuto": 1, "ShutterAuto": 0}, "c3", 7, 0x43),
        ({"ExposureMode": 6, "ApertureAuto": 7, "ShutterAuto": 0}, "c3", 7, 0x41),
        ({}, "c1", 0x11, 5),
    ],
)
def test_a_custom_mode_has_two_forms(before: dict[str, Value], text: str, first: int, second: int) -> None:
    """A body that reports numbers is first written the number, any other the bit; each has the other form as its other way."""
    setting, known = SETTINGS["exposure-mode"], state(before)
    assert setting.encode(text, known) == {"ExposureMode": first}
    assert setting.other_way({"ExposureMode": first}, known) == {"ExposureMode": second}
    for wanted in (first, second):
        for read in (first, second):
            assert setting.took({"ExposureMode": wanted}, {"ExposureMode": read})
    assert not setting.took({"ExposureMode": first}, {"ExposureMode": 4})


@pytest.mark.parametrize("text", ["program", "m", "c4", "c6"])
def test_other_exposure_modes_have_one_form(text: str) -> None:
    setting = SETTINGS["exposure-mode"]
    for known in (P, M, EXOTIC):
        assert setting.other_way(setting.encode(text, known), known) is None


@pytest.mark.parametrize(
    ("flags", "shutter", "aperture"),
    [((1, 1), True, True), ((0, 1), True, False), ((1, 0), False, True), ((0, 0), False, False)],
)
def test_what_a_custom_mode_with_a_number_is_based_on(flags: tuple[int, int], shutter: bool, aperture: bool) -> None:
    """The number does not say it; the flags of the Movie group do."""
    known = state({"ExposureMode": 5, "ApertureAuto": flags[0], "ShutterAuto": flags[1]})
    for name, camera_sets in (("shutter-speed", shutter), ("aperture", aperture)):
        assert SETTINGS[name].reason(known).startswith("exposure-mode is c1 (") is camera_sets
    unknown = state({"ExposureMode": 5, "ApertureAuto": 2})
    assert "exposure-mode" not in SETTINGS["shutter-speed"].reason(unknown)


def test_rates_take_the_declared_pair() -> None:
    rate = SETTINGS["frame-rate"]
    for text, pair in [("29.97", (2997, 100)), ("30", (2997, 100)), ("60", (5994, 100)), ("25.0", (2500, 100))]:
        assert rate.encode(text, CINE) == {"FrameRate": (pair,)}
    for text in ("12", "111.98", "0", "1/0", "fast"):
        with pytest.raises(InvalidValue):
            rate.encode(text, CINE)
    assert rate.took({"FrameRate": ((2997, 100),)}, {"FrameRate": ((30, 1),)})
    assert rate.took({"FrameRate": ((5994, 100),)}, {"FrameRate": ((60, 1),)})
    assert rate.took({"FrameRate": ((2500, 100),)}, {"FrameRate": ((25, 1),)})
    assert not rate.took({"FrameRate": ((2997, 100),)}, {"FrameRate": ((2398, 100),)})
    assert rate.read({"FrameRate": ((30, 1),)}) == "30"
    with pytest.raises(NoData):
        rate.read({"FrameRate": ((30, 0),)})
    with pytest.raises(InvalidValue):
        SETTINGS["shutter-angle"].encode("123", ANGLE)


@pytest.mark.parametrize(
    ("name", "wanted", "values", "took"),
    [
        ("exposure-compensation", {"ExpComp": 14}, {"ExpComp": 13}, True),
        ("exposure-compensation", {"ExpComp": 14}, {"ExpComp": 11}, False),
        ("shutter-speed", {"ShutterSpeed": 157}, {"ShutterSpeed": 156}, True),
        ("shutter-speed", {"ShutterSpeed": 16}, {"ShutterSpeed": 17}, True),
        ("shutter-speed", {"ShutterSpeed": 112}, {"ShutterSpeed": 0}, False),
        ("image-size", {"Resolution": 2}, {"Resolution": 3}, True),
        ("color-mode", {"ColorMode": 17}, {"ColorMode": 1}, True),
        ("white-balance", {"WhiteBalance": 13}, {"WhiteBalance": 1}, False),
        ("iso", {"ISOAuto": 1}, {"ISOAuto": 1, "ISOSpeed": 0xF8}, True),
        ("iso", {"ISOAuto": 0, "ISOSpeed": 48}, {"ISOAuto": 0, "ISOSpeed": 48}, True),
        ("iso", {"ISOAuto": 0, "ISOSpeed": 48}, {"ISOAuto": 1, "ISOSpeed": 48}, False),
        ("iso", {"ISOAuto": 0, "ISOSpeed": 48}, {}, False),
        ("focus-position", {"FocusPosition": 9000, "FocusMode": 1}, {"FocusPosition": 9005, "FocusMode": 1}, True),
        ("focus-position", {"FocusPosition": 6500}, {"FocusPosition": 8999}, False),
        ("focus-position", {"FocusPosition": 6500}, {}, False),
        ("focus-position", {"FocusPosition": 0}, {"FocusPosition": 0}, True),
        ("focus-frame", {"DMFPos": (300, 600)}, {"DMFPos": (309, 608)}, True),
        ("focus-frame", {"DMFPos": (300, 600)}, {"DMFPos": (340, 512)}, False),
        ("focus-peaking", {"FocusPeaking": 3}, {}, True),
        ("focus-peaking", {"FocusPeaking": 3}, {"FocusPeaking": 0}, False),
        ("color-space", {"ColorSpace": 2}, {}, False),
    ],
)
def test_took(name: str, wanted: Values, values: Values, took: bool) -> None:
    assert SETTINGS[name].took(wanted, values) is took


def test_the_other_code_of_a_value() -> None:
    assert SETTINGS["image-size"].other_way({"Resolution": 2}, P) == {"Resolution": 3}
    assert SETTINGS["image-size"].other_way({"Resolution": 3}, P) is None
    assert SETTINGS["color-mode"].other_way({"ColorMode": 17}, P) == {"ColorMode": 1}
    assert SETTINGS["color-mode"].other_way({"ColorMode": 3}, P) is None
    assert SETTINGS["iso"].other_way({"ISOAuto": 0, "ISOSpeed": 48}, P) is None
    assert SETTINGS["frame-rate"].other_way({"FrameRate": ((25, 1),)}, P) is None


@pytest.mark.parametrize(
    ("changes", "name", "reason"),
    [
        ({"ExposureMode": 1}, "shutter-speed", "exposure-mode is program"),
        ({"ExposureMode": 2}, "shutter-speed", "exposure-mode is aperture-priority"),
        ({"ExposureMode": 4, "ShutterUnit": 2}, "shutter-speed", "shutter-unit is angle"),
        ({"ExposureMode": 4, "ShutterUnit": 1}, "shutter-angle", "shutter-unit is speed"),
        ({"ExposureMode": 1}, "shutter-angle", "exposure-mode is program"),
        ({"ExposureMode": 3}, "aperture", "exposure-mode is shutter-priority"),
        ({"ExposureMode": 4}, "exposure-compensation", "exposure-mode is manual"),
        ({"EImageStab": 1}, "iso", "electronic-stabilization is on"),
        ({}, "iso", ""),
        ({}, "color-temperature", "white-balance is auto"),
        ({"WhiteBalance": 14}, "color-temperature", "the camera does not offer it now"),
        ({}, "focus-frame", "focus-area is multi"),
        ({"FocusMode": 1}, "focus-area", "focus-mode is manual"),
        ({"FocusMode": 1}, "face-eye-af", "focus-mode is manual"),
        ({"CaptureMode": 2}, "focus-mode", "capture-mode is cine, which has no af-c"),
        ({}, "focus-mode", ""),
        ({}, "focus-position", "focus-mode is af-s"),
        ({"FocusMode": 1}, "focus-position", "this firmware does not know it"),
        *(
            ({"CaptureMode": 2}, name, "capture-mode is cine")
            for name in (
                *(
                    "aspect-ratio",
                    "color-space",
                    "tone-effect",
                    "drive-mode",
                    "image-quality",
                    "image-size",
                    "dng-quality",
                ),
                *("hdr", "high-iso-extension", "continuous-speed", "interval-timer"),
            )
        ),
        *(
            ({}, name, "capture-mode is still")
            for name in ("frame-rate", "movie-size", "movie-format", "cinemadng-quality", "shutter-unit")
        ),
        ({"CaptureMode": 2, "RecordFormat": 1}, "electronic-stabilization", "movie-format is cinemadng"),
        ({"RecordFormat": 1}, "electronic-stabilization", ""),
        ({}, "white-balance", ""),
        ({}, "flash", "the camera does not offer it now"),
        ({}, "flash-setting", "the camera does not offer it now"),
        ({}, "audio-record", "writing it breaks movie transfer until the camera is switched off"),
        ({}, "battery-level", "it can only be read"),
    ],
)
def test_reasons(changes: Mapping[str, Value], name: str, reason: str) -> None:
    assert SETTINGS[name].reason(state(changes)) == reason
    assert SETTINGS[name].reason(State()) in ("", reason)


def test_read_only_settings_cannot_be_written() -> None:
    for setting in SETTINGS.values():
        if setting.read_only:
            with pytest.raises(AccessDenied, match=setting.name):
                setting.encode("1", P)
    with pytest.raises(AccessDenied, match="breaks movie transfer"):
        SETTINGS["audio-record"].encode("on", P)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("shutter-speed", "auto"),
        ("shutter-speed", "1/45"),
        ("aperture", "f/6.7"),
        ("iso", "450"),
        ("iso", ""),
        ("white-balance", "wb-256"),
        ("white-balance", "wb-²"),
        ("white-balance", "13"),
        ("image-size", "raw"),
        ("image-size", "code-255"),
        ("metering-mode", "unset"),
        ("metering-mode", "code-0"),
        ("flash", ""),
        ("flash", "normal+multi"),
        ("fill-light", "+0.3"),
        ("fill-light", "5.2"),
        ("af-volume", "6"),
        ("af-volume", "1.5"),
        ("shutter-sound", "-1"),
        ("focus-frame", "2000,10"),
        ("focus-frame", "512"),
        ("focus-frame-size", "4"),
        ("audio-gain-method", "0"),
        ("audio-gain-method", "0 200"),
        ("color-temperature", "70000K"),
    ],
)
def test_what_is_no_value(name: str, text: str) -> None:
    with pytest.raises(InvalidValue, match=name):
        SETTINGS[name].encode(text, P)


def test_positions_keep_to_what_is_declared() -> None:
    frame = SETTINGS["focus-frame"]
    assert frame.encode("600, 300", CINE) == frame.encode("600 300", State()) == {"DMFPos": (300, 600)}
    assert frame.encode("0,0", CINE) == {"DMFPos": (149, 160)}
    assert frame.encode("1024,682", CINE) == {"DMFPos": (533, 864)}
    small = state({"FocusArea": 2, "DMFSize": 2}, ONE_POINT)
    assert frame.choices(small) == ("112,101", "912,581")
    for text in ("5973", "11117", "near"):
        with pytest.raises(InvalidValue):
            SETTINGS["focus-position"].encode(text, CINE)


def test_found_faces() -> None:
    setting = SETTINGS["focus-detection"]
    assert setting.read({"DMFDetection": (100, 200, 64, 48, 300, 400, 32, 24)}) == "200,100 48x64; 400,300 24x32"


def test_a_lens_with_credible_ends() -> None:
    group3 = {"LensWideFocalLength": 24 * 16, "LensTeleFocalLength": 70 * 16}
    assert [SETTINGS[name].read(group3) for name in ("lens-wide-end", "lens-tele-end")] == ["24mm", "70mm"]


def test_tables_have_each_code_once() -> None:
    for setting in SETTINGS.values():
        if isinstance(setting.coding, Words):
            rows = setting.coding.words
            listed = [word.listed for word in rows if word.listed is not None]
            assert len({word.code for word in rows}) == len(rows), setting.name
            assert len(set(listed)) == len(listed), setting.name
            assert setting.coding.tag is None or setting.coding.tag in CAN_SET_TAGS


NUMBERS = st.integers(-(2**31), 2**31)
VALUES = st.one_of(NUMBERS, st.tuples(NUMBERS, NUMBERS), st.tuples(st.tuples(NUMBERS, NUMBERS)), st.binary(max_size=9))


@given(name=st.sampled_from(list(SETTINGS)), data=st.data())
@settings(max_examples=500)
def test_any_value_reads_as_text_or_not_at_all(name: str, data: st.DataObject) -> None:
    setting = SETTINGS[name]
    with suppress(NoData):
        assert setting.read({field: data.draw(VALUES) for field in setting.fields})


@given(
    name=st.sampled_from([name for name, setting in SETTINGS.items() if not setting.read_only]),
    text=st.one_of(st.text(max_size=12), st.from_regex(r"[-+0-9./sfKx, ]{1,8}", fullmatch=True)),
)
@settings(max_examples=1000)
def test_any_text_is_fields_that_can_be_sent_or_no_value(name: str, text: str) -> None:
    setting = SETTINGS[name]
    with suppress(InvalidValue):
        wanted = setting.encode(text, P)
        assert datasets.decode_write(setting.dataset, datasets.encode(setting.dataset, wanted)) == wanted
