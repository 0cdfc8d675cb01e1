"""The words of enumerations, by their codes: a table for each property that has them.

Which are from bodies' bytes and which only from a client's source: camfs/protocols/canon_eos/README.md, "Settings".
"""

from collections.abc import Mapping

from camfs.protocols.canon_eos.codings import Words


def _table(rows: str) -> Mapping[int, str]:
    """Read `code=word` pairs, the codes in hexadecimal."""
    return {int(code, 16): word for code, word in (row.split("=") for row in rows.split())}


EXPOSURE_MODE = Words(
    _table("""0=program 1=shutter-priority 2=aperture-priority 3=manual 4=bulb 5=a-dep 6=dep 7=custom-1 8=lock
9=auto A=night-portrait B=sports C=portrait D=landscape E=close-up F=flash-off 10=custom-2 11=custom-3
13=creative-auto 14=movie 16=scene-intelligent-auto 17=handheld-night 18=hdr-backlight 19=scene 1B=food
1E=grainy-black-and-white 1F=soft-focus 20=toy-camera 21=fish-eye 22=water-painting 23=miniature
24=hdr-art-standard 25=hdr-art-vivid 26=hdr-art-bold 27=hdr-art-embossed 2D=panning 31=hdr 32=self-portrait
33=hybrid-auto 34=smooth-skin 37=flexible-priority"""),
    also={"p": 0, "tv": 1, "av": 2, "m": 3, "fv": 0x37},
)
WHITE_BALANCE = Words(
    _table("""0=auto 1=daylight 2=cloudy 3=tungsten 4=fluorescent 5=flash 6=custom 8=shade 9=color-temperature
A=pc-1 B=pc-2 C=pc-3 14=pc-4 15=pc-5 F=custom-2 10=custom-3 12=custom-4 13=custom-5 17=auto-white-priority"""),
    also={"kelvin": 9, "k": 9},
)
FOCUS_MODE = Words(_table("0=one-shot 1=ai-servo 2=ai-focus 3=manual"), also={"mf": 3})
MANUAL_FOCUS = 3
LIVE_VIEW_FOCUS = Words(
    _table("""0=quick 1=live 2=face 3=multi 4=zone 5=expand-cross 6=expand-surround 7=zone-large-horizontal
8=zone-large-vertical A=spot B=flexible-zone-1 C=flexible-zone-2 D=flexible-zone-3 E=whole-area""")
)
DRIVE_MODE = Words(
    _table("""0=single 1=continuous 2=movie 4=continuous-high 5=continuous-low 6=single-silent-shooting
7=self-timer-continuous 10=self-timer-10s 11=self-timer-2s 12=continuous-super-high 13=single-silent
14=continuous-silent 15=silent-high 16=silent-low""")
)
METERING_MODE = Words(_table("0=center-weighted 1=spot 2=average 3=evaluative 4=partial 5=center-weighted-average"))
FLASH = Words(_table("0=on 1=off"))
PICTURE_STYLE = Words(
    _table("""81=standard 82=portrait 83=landscape 84=neutral 85=faithful 86=monochrome 87=auto
88=fine-detail 21=user-1 22=user-2 23=user-3""")
)
BATTERY = Words(_table("0=low 1=50% 2=100% 4=75% 5=25%"))
COLOR_SPACE = Words(_table("1=srgb 2=adobe-rgb"))
ASPECT_RATIO = Words(_table("0=3:2 1=1:1 2=4:3 7=16:9"))
OFF_ON = Words(_table("0=off 1=on"))
