"""The SIGMA fp's enumerations: the word that a photographer uses for each code, each table once.

A value has two codes: that of its dataset, which is read and written, and that of CanSetInfo5's lists, which for many settings is another.
A row is `Word(text, code, listed)`: see `codings.Word`. Words that other cameras have too are the same as theirs. Where the codes come
from, and on which the sources disagree: camfs/protocols/sigma/README.md, "Enumerations".
"""

from camfs.protocols.sigma.codings import Bits, ChoiceSource, Word, Words


def _reported(text: str, code: int) -> Word:
    return Word(text, code, is_settable=False)


UNSET = _reported("unset", 0)
"""What the camera reports before a setting has a value."""

OFF_ON = (Word("off", 0, 0), Word("on", 1, 1))
ON, OFF = 1, 2
ON_OFF = (UNSET, Word("on", ON, 1), Word("off", OFF, 0))
"""The enumerations of group 4 count from 1."""

# Group 1
PROGRAM_SHIFT = Words((Word("none", 0), Word("plus", 1), Word("minus", 255)), 201, ChoiceSource.AVAILABLE)
BRACKETING = Words(
    (
        Word("off", 0),
        Word("3 0-+", 1),
        Word("3 -0+", 2),
        Word("3 +0-", 3),
        Word("5 0-+", 4),
        Word("5 -0+", 5),
        Word("5 +0-", 6),
    ),
    218,
    ChoiceSource.ANY,
)
"""How many shots, and in which order: 0 as metered, - under, + over. Tag 218 was empty in every dump."""
MEDIA_STATUS = Words((Word("card", 1),), unnamed="status")
BATTERY = Words(
    (
        Word("full", 1),
        Word("66%", 2),
        Word("33%", 3),
        Word("low", 4),
        Word("empty", 5),
        Word("empty", 7),
        Word("ac", 8),
        Word("80%", 10),
        Word("60%", 11),
    )
)

# Group 2
SINGLE, CONTINUOUS, TIMER_2, TIMER_10, INTERVAL = 1, 2, 3, 4, 7
SELF_TIMERS = {TIMER_2: 2.0, TIMER_10: 10.0}
"""Seconds from the release to the picture, by drive mode."""

DRIVE_MODE = Words(
    (
        UNSET,
        Word("single", SINGLE, 1),
        Word("continuous", CONTINUOUS, 2),
        Word("self-timer-2s", TIMER_2, 3),
        Word("self-timer-10s", TIMER_10, 4),
        Word("interval", INTERVAL, 5),
    ),
    1,
)
LIVE_VIEW = Words((Word("off", 0), Word("on", 2)))
PROGRAM, APERTURE_PRIORITY, SHUTTER_PRIORITY, MANUAL = 1, 2, 3, 4
EXPOSURE_MODE = Words(
    (
        UNSET,
        Word("program", PROGRAM, 1, ("p",)),
        Word("aperture-priority", APERTURE_PRIORITY, 2, ("a",)),
        Word("shutter-priority", SHUTTER_PRIORITY, 3, ("s",)),
        Word("manual", MANUAL, 4, ("m",)),
        Word("c1", 5, 5),
        Word("c2", 6, 6),
        Word("c3", 7, 7),
        Word("c4", 8, 8),
        Word("c5", 9, 9),
        Word("c6", 10, 10),
    ),
    200,
)
"""5 to 10, the codes of C1 to C6, are those of the fp L. For C1 to C3 of the fp there are two forms: these numbers, and `CUSTOM_MODES`."""

BASE_MODE = 0x0F
"""The bits of the exposure mode that a custom mode is based on."""

LAST_LISTED_OF_FP = 7
"""C3 in CanSetInfo5: a body that lists more is an fp L."""

CUSTOM_MODES = {"c1": 0x10, "c2": 0x20, "c3": 0x40}
"""The bits beside the exposure mode that a custom mode is based on, such as 0x14 for C1 based on M. 0x80 is a star in the display."""
METERING_MODE = Words(
    (
        UNSET,
        Word("evaluative", 1, 1),
        Word("center-weighted", 2, 2),
        Word("center-area", 3),
        Word("spot", 4, 3),
    ),
    250,
)
FLASH_TYPE = Words((Word("none", 0), Word("built-in", 1), Word("external", 2)))
FLASH = Bits(
    (
        ("red-eye", 0x01),
        ("fp", 0x02),
        ("multi", 0x04),
        ("wireless-1", 0x08),
        ("wireless-2", 0x10),
        ("wireless-3", 0x20),
        ("slow-sync", 0x40),
    ),
    none="normal",
    tag=252,
)
FLASH_SETTING = Words(
    (
        Word("none", 0),
        Word("ttl-auto", 1),
        Word("ttl-manual", 2),
        _reported("disabled", 0x80),
        _reported("warning", 0x81),
    )
)
BY_TEMPERATURE = 14
WHITE_BALANCE = Words(
    (
        Word("auto", 1, 1),
        Word("auto-light-source", 15, 2),
        Word("daylight", 2, 3, ("sunlight",)),
        Word("shade", 3, 4),
        Word("overcast", 4, None, ("cloudy",)),
        Word("tungsten", 5, 5, ("incandescent",)),
        Word("fluorescent", 6, 6),
        Word("flash", 7, 7),
        Word("color-temperature", BY_TEMPERATURE, 8),
        Word("custom-1", 8),
        Word("custom-2", 10),
        Word("custom-3", 12),
        Word("custom-1-capture", 9),
        Word("custom-2-capture", 11),
        Word("custom-3-capture", 13),
    ),
    301,
    unnamed="wb",
    unclear=(frozenset(range(9, 13)), frozenset({"overcast", "custom-1", "custom-2", "custom-3"})),
)
"""Codes 9 to 12 of the list are overcast and the three custom ones; the sources disagree about which is which."""
IMAGE_SIZE = Words(
    (Word("high", 1, 1), Word("medium", 2, 2), Word("medium", 3), Word("low", 4, 3), _reported("raw", 0xFF)), 20
)
DNG, DNG_AND_JPEG = 0x10, 0x12
IMAGE_QUALITY = Words(
    (
        Word("dng", DNG, 2),
        Word("dng+fine", DNG_AND_JPEG, 18, ("dng+jpeg",)),
        Word("fine", 0x02, 16),
        Word("normal", 0x04, 32),
        Word("basic", 0x08, 48),
    ),
    11,
)

# Group 3
COLOR_SPACE = Words((UNSET, Word("srgb", 1), Word("adobe-rgb", 2, None, ("adobergb",))))
COLOR_MODE = Words(
    (
        Word("standard", 3, 1),
        Word("vivid", 4, 2),
        Word("neutral", 5, 3),
        Word("portrait", 6, 4),
        Word("landscape", 7, 5),
        Word("cinema", 11, 6),
        Word("teal-and-orange", 13),
        Word("sunset-red", 9, 7),
        Word("forest-green", 10, 8),
        Word("powder-blue", 15),
        Word("fov-classic-blue", 8, 9),
        Word("fov-classic-yellow", 12, 10),
        Word("warm-gold", 17),
        Word("warm-gold", 1, None, ("sepia",)),
        Word("monochrome", 2, 11),
        Word("duotone", 16),
        Word("off", 14),
        Word("normal", 0, is_offered=False),
    ),
    320,
    ChoiceSource.ANY,
)
"""The codes that tag 320 lists beyond 11 are unknown. Code 1 showed one warm tone on an fp and is called sepia by others; 17 is warm gold
from firmware 5.0 on."""
BATTERY_KIND = Words((Word("none", 0), Word("body", 1), Word("ac", 2)))
AF_LIGHT = Words((UNSET, Word("on", 1), Word("off", 2)))
DESTINATION = Words((Word("camera", 1), Word("computer", 2), Word("both", 3), Word("unset", 0)))

# Group 4
CROP = Words((Word("auto", 0, -1), Word("off", 1, 0), Word("on", 2, 1)), 500)
MAGNIFICATION = Words((UNSET, Word("1x", 1), Word("4x", 2), Word("8x", 3)), 701, ChoiceSource.ANY)
HIGH_ISO = Words((Word("auto", 0), Word("off", 1), Word("on", 2)))
CONTINUOUS_SPEED = Words((_reported("auto", 0), Word("high", 1, 1), Word("medium", 2, 2), Word("low", 3, 3)), 2)
HDR = Words(
    (UNSET, Word("off", 0xFF, 0), Word("auto", 0xFE, -1), Word("1", 1, 1), Word("2", 2, 2), Word("3", 3, 3)), 350
)
DNG_QUALITY = Words((Word("12-bit", 12, 12, ("12",)), Word("14-bit", 14, 14, ("14",))), 12)
_AUTO_OFF = (UNSET, Word("auto", 1, -1), Word("off", 2, 0))
DISTORTION = Words(_AUTO_OFF, 501)
CHROMATIC_ABERRATION = Words(_AUTO_OFF, 502)
DIFFRACTION = Words(ON_OFF, 503)
VIGNETTING = Words(_AUTO_OFF, 504)
COLOR_SHADING = Words(
    (
        UNSET,
        Word("auto", 0xFF, -1),
        Word("off", 0xFE, 0),
        *(Word(str(number), number, number) for number in range(1, 11)),
    ),
    505,
)
COLOR_SHADING_ACQUISITION = Words(ON_OFF, 506, ChoiceSource.AVAILABLE)
STABILIZATION = Words(ON_OFF, 810)

# Group 5
ASPECT_RATIO = Words(
    (
        UNSET,
        Word("21:9", 1, 1),
        Word("16:9", 2, 2),
        Word("3:2", 3, 3),
        Word("a-size", 7, 4),
        Word("4:3", 4, 5),
        Word("7:6", 5, 6),
        Word("1:1", 6, 7),
    ),
    21,
)
"""`a-size` is 1.41:1, the shape of A4 paper."""
TONE_EFFECT = Words((UNSET, Word("black-and-white", 1, 1)), 325)

# Focus
MANUAL_FOCUS, AUTO_FOCUS, AF_S, AF_C = 1, 2, 3, 4
FOCUS_MODE = Words(
    (
        Word("manual", MANUAL_FOCUS, 1, ("mf",)),
        Word("auto", AUTO_FOCUS, 2, ("af",)),
        Word("af-s", AF_S, 3),
        Word("af-c", AF_C, 4),
    ),
    600,
)
AF_LOCK = Words(OFF_ON, 601, ChoiceSource.AVAILABLE)
FACE_EYE_AF = Words((Word("off", 0, 0), Word("face", 1, 1), Word("face-eye", 2, 2)), 602)
FACE_EYE_STATUS = Words((Word("none", 0), Word("found", 1)))
MULTI_POINT, ONE_POINT = 1, 2
FOCUS_AREA = Words((Word("multi", MULTI_POINT, 1), Word("one-point", ONE_POINT, 2), Word("tracking", 3, 3)), 610)
FOCUS_POINTS = Words((Word("free", 0, 0), Word("49", 49, 49)), 611)
PRE_AF = Words(OFF_ON, 650)
FOCUS_LIMIT = Words(OFF_ON, 651)
FOCUS_STATE = Words((Word("idle", 0), Word("moving", 1)))
FOCUS_PEAKING = Words(
    (Word("off", 0, 0), Word("white", 1, 1), Word("black", 2, 2), Word("red", 3, 3), Word("yellow", 4, 4)), 702
)

# Movie
STILL, CINE = 1, 2
CAPTURE_MODE = Words((Word("still", STILL), Word("cine", CINE)))
FLAG = Words((Word("off", 0), Word("on", 1)))
SPEED, ANGLE = 1, 2
SHUTTER_UNIT = Words((Word("speed", SPEED), Word("angle", ANGLE)))
WIND_NOISE_CANCELLER = Words(OFF_ON, 114)
CINEMA_DNG, MOV = 1, 2
MOVIE_FORMAT = Words((Word("cinemadng", CINEMA_DNG, 1, ("dng",)), Word("mov", MOV, 2)), 150)
CINEMA_DNG_QUALITY = Words(
    (Word("8-bit", 8, 8, ("8",)), Word("10-bit", 10, 10, ("10",)), Word("12-bit", 12, 12, ("12",))), 151
)
FHD, UHD = 1, 2
MOVIE_SIZE = Words((Word("fhd", FHD, 1), Word("uhd", UHD, 2)), 160)
