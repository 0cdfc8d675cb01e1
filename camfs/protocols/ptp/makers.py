"""What makers put into the standard device properties: values of their own, by the words on the body.

The standard leaves values from 0x8000 on to the makers, and makers also give its own values another meaning. A table has what is known
of a maker's values; any other stays a number. Where bodies of one maker differ, the values that a body offers tell which table is its
own (camfs/protocols/ptp/README.md, "Device properties").
"""

from collections.abc import Collection, Mapping
from enum import Enum

from camfs.protocols.ptp.datasets import DeviceInfo


class Maker(Enum):
    """Who made the camera, as far as it matters here: how the name may begin in DeviceInfo, and the vendor extension id, if known."""

    CANON = ("canon",), 0x0B
    NIKON = ("nikon",), 0x0A
    FUJIFILM = ("fujifilm", "fuji photo"), 0x0E
    SONY = ("sony",), 0x11
    LEICA = ("leica",), None
    RICOH = ("ricoh",), None
    OLYMPUS = ("olympus", "omsystem", "om digital"), None
    OTHER = (), None


def maker_of(info: DeviceInfo) -> Maker:
    """Tell who made a camera: by its manufacturer, else by the extension, as many makers send the id of MTP, 6."""
    for text in (info.manufacturer, info.vendor_extension_desc):
        for maker in Maker:
            if text.strip().lower().startswith(maker.value[0]):
                return maker
    return next((maker for maker in Maker if maker.value[1] == info.vendor_extension_id), Maker.OTHER)


_FORGETFUL = {0x9114, 0x9115, 0x9116, 0x913D}


def loses_next_session(info: DeviceInfo) -> bool:
    """Say whether a camera is of those that answer nothing in the session after one that was closed: EOS bodies since 2012.

    Which they are: camfs/protocols/canon_eos/README.md, "Sessions".
    """
    return maker_of(info) is Maker.CANON and set(info.operations) >= _FORGETFUL


_TO_MEMORY = {0x90C0, 0x90CB, 0x9207}


def forgets_with_session(info: DeviceInfo) -> bool:
    """Say whether pictures that wait for the computer in a camera's memory are lost when its session is closed: in a Nikon's.

    See camfs/protocols/nikon/README.md, "Capture".
    """
    return maker_of(info) is Maker.NIKON and not _TO_MEMORY.isdisjoint(info.operations)


def _table(rows: str) -> Mapping[int, str]:
    """Read `value=word` pairs."""
    return {int(value, 0): word for value, _, word in (row.partition("=") for row in rows.split())}


_NIKON_SCENES = _table("0x8011=portrait 0x8012=landscape 0x8013=macro 0x8014=sports 0x8015=night-portrait 0x8017=child")
_NIKON_QUALITIES = _table("0=basic 1=normal 2=fine 4=raw 5=raw+basic 6=raw+normal 7=raw+fine")
_NIKON_STAR_QUALITIES = _table("""0=basic 1=basic-star 2=normal 3=normal-star 4=fine 5=fine-star 6=tiff 7=raw
8=raw+basic 9=raw+basic-star 10=raw+normal 11=raw+normal-star 12=raw+fine 13=raw+fine-star""")

_FUJIFILM_AUTO_ISO = {-number: f"auto-{number}" for number in (1, 2, 3, 4, 400, 800, 1600, 3200, 6400)}
"""Automatic ISO is a negative number: of one of the settings 1 to 4, or up to this ISO."""
_FUJIFILM_MINUTES = {64_000_000 + 30 * row: str(60 * time) for row, time in enumerate((2, 4, 8, 15, 30, 60), 1)}
"""Shutter speeds of some minutes, which are no times but numbered."""

_SONY_BRACKETS = {
    0x8000 | shots << 8 | code | (kind == "continuous"): f"bracket-{shots}x{step}-{kind}"
    for shots in (3, 5, 7, 9)
    for step, code in {"0.3": 0x36, "0.5": 0x56, "0.7": 0x76, "1": 0x10, "2": 0x20, "3": 0x30}.items()
    for kind in ("continuous", "single")
}
"""Drive modes: how many shots, and how many steps of exposure they are apart."""

_WORDS: dict[tuple[Maker, int], Mapping[int, str]] = {
    (Maker.NIKON, 0x5005): _table(
        "0x8010=cloudy 0x8011=shade 0x8012=color-temperature 0x8013=preset 0x8014=off 0x8016=natural-light-auto"
    ),
    (Maker.NIKON, 0x500A): _table("0x8010=af-s 0x8011=af-c 0x8012=af-a 0x8013=af-f"),
    (Maker.NIKON, 0x500B): _table("3=matrix 4=spot 0x8010=highlight"),
    (Maker.NIKON, 0x500C): _table("4=red-eye 0x8010=normal 0x8011=slow 0x8012=rear 0x8013=red-eye-slow"),
    (Maker.NIKON, 0x500E): _table("0x8010=auto 0x8050=u1 0x8051=u2 0x8052=u3"),
    (Maker.NIKON, 0x5013): _table("""2=continuous 0x8010=continuous-low 0x8011=self-timer 0x8012=mirror-up
0x8013=remote 0x8014=quick-remote 0x8015=delayed-remote 0x8016=quiet 0x8018=quiet-continuous"""),
    (Maker.NIKON, 0x501C): _table("2=dynamic 0x8010=single-point 0x8011=auto"),
    (Maker.FUJIFILM, 0x5005): _table("""8=underwater 0x8001=fluorescent-1 0x8002=fluorescent-2 0x8003=fluorescent-3
0x8004=fluorescent-4 0x8005=fluorescent-5 0x8006=shade 0x8007=color-temperature 0x8008=custom-1 0x8009=custom-2
0x800a=custom-3 0x800b=custom-4 0x800c=custom-5 0x8020=auto-white-priority 0x8021=auto-ambience-priority"""),
    (Maker.FUJIFILM, 0x5007): _table("0xffff=auto"),
    (Maker.FUJIFILM, 0x500A): _table("0x8001=af-s 0x8002=af-c"),
    (Maker.FUJIFILM, 0x500B): _table("3=multi 4=spot"),
    (Maker.FUJIFILM, 0x500C): _table(
        "0x8001=front 0x8002=red-eye 0x8003=red-eye-slow 0x8004=slow 0x8005=rear-slow 0x8006=rear"
    ),
    (Maker.FUJIFILM, 0x500D): _FUJIFILM_MINUTES,
    (Maker.FUJIFILM, 0x500E): _table("5=program 6=program"),
    (Maker.FUJIFILM, 0x500F): {**_FUJIFILM_AUTO_ISO, **{(1 << 32) + n: word for n, word in _FUJIFILM_AUTO_ISO.items()}},
    (Maker.SONY, 0x5004): _table("""1=light 2=standard 3=fine 4=extra-fine 0x10=raw 0x11=raw+light 0x12=raw+standard
0x13=raw+fine 0x14=raw+extra-fine 0x31=heif-light 0x32=heif-standard 0x33=heif-fine 0x34=heif-extra-fine
0x41=raw+heif-light 0x42=raw+heif-standard 0x43=raw+heif-fine 0x44=raw+heif-extra-fine"""),
    (Maker.SONY, 0x5005): _table("""0x8001=fluorescent-warm-white 0x8002=fluorescent-cool-white
0x8003=fluorescent-day-white 0x8004=fluorescent-daylight 0x8010=cloudy 0x8011=shade 0x8012=color-temperature
0x8020=custom-1 0x8021=custom-2 0x8022=custom-3 0x8023=preset 0x8030=underwater"""),
    (Maker.SONY, 0x5007): _table("0xffff=none"),
    (Maker.SONY, 0x500A): _table("2=af-s 0x8004=af-c 0x8005=af-a 0x8006=dmf 0x8007=mf-r 0x8008=af-d 0x8009=preset"),
    (Maker.SONY, 0x500B): _table(
        "0x8001=multi 0x8002=center 0x8003=entire-screen 0x8004=spot-standard 0x8005=spot-large 0x8006=highlight"
    ),
    (Maker.SONY, 0x500C): _table(
        "0=none 0x8001=slow 0x8003=rear 0x8004=wireless 0x8031=red-eye-slow-on 0x8032=red-eye-slow-off "
        "0x8041=wireless-slow 0x8042=wireless-rear"
    ),
    (Maker.SONY, 0x500E): _table("""0x8000=intelligent-auto 0x8001=superior-auto 0x8011=sports 0x8012=sunset
0x8013=night 0x8014=landscape 0x8015=macro 0x8016=handheld-twilight 0x8017=night-portrait 0x8018=anti-motion-blur
0x8041=panorama 0x8050=movie-program 0x8051=movie-aperture-priority 0x8052=movie-shutter-priority
0x8053=movie-manual 0x8054=movie-scene"""),
    (Maker.SONY, 0x5013): {
        **_table("""2=continuous 0x8010=continuous-high-plus 0x8012=continuous-low 0x8013=continuous-normal
0x8014=speed-priority 0x8015=continuous-middle 0x8005=self-timer-2s 0x8003=self-timer-5s 0x8004=self-timer-10s
0x8008=self-timer-10s-3x 0x8009=self-timer-10s-5x 0x800c=self-timer-5s-3x 0x800d=self-timer-5s-5x
0x800e=self-timer-2s-3x 0x800f=self-timer-2s-5x 0x8018=bracket-white-balance-low 0x8028=bracket-white-balance-high
0x8019=bracket-dro-low 0x8029=bracket-dro-high"""),
        **_SONY_BRACKETS,
    },
    (Maker.LEICA, 0x5005): {0xC000 + kelvin: f"{kelvin}K" for kelvin in range(1000, 0x4000, 50)},
    (Maker.RICOH, 0x5005): _table("""0x8001=shade 0x8002=cloudy 0x8003=fluorescent-daylight
0x8004=fluorescent-day-white 0x8005=fluorescent-white 0x8006=fluorescent-warm-white 0x8007=color-temperature
0x8008=underwater 0x8020=tungsten-2"""),
    (Maker.RICOH, 0x500E): _table("0x8003=iso-priority"),
    (Maker.RICOH, 0x5013): _table("0x8002=movie 0x8003=interval-composite 0x8004=bracket 0x8005=live-streaming"),
    (Maker.OLYMPUS, 0x500D): _table("0xfffffffc=bulb 0xfffffffb=time 0xfffffffa=composite"),
}


def words_of(maker: Maker, code: int, offered: Collection[int]) -> Mapping[int, str]:
    """Return the maker's words for values of a standard property.

    Args:
        maker: of the camera.
        code: the property's.
        offered: the values that the camera offers.
    """
    words = _WORDS.get((maker, code), {})
    if maker is Maker.NIKON and code == 0x5004:
        return _nikon_qualities(offered)
    if maker is Maker.NIKON and code == 0x500E and 0x8017 in offered:  # a dial with scenes, and no Nikon 1
        return {**words, **_NIKON_SCENES}
    return words


def _nikon_qualities(offered: Collection[int]) -> Mapping[int, str]:
    if max(offered, default=0) > 7:  # a Z 30 has no stars, and ends with 12
        return _NIKON_STAR_QUALITIES
    if 7 in offered:
        return {**_NIKON_QUALITIES, 3: "tiff"}
    few = {value: word for value, word in _NIKON_QUALITIES.items() if value < 5}
    return {**few, 3: "raw", 4: "raw+basic"} if 3 in offered else few
