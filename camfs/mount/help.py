"""`.help`: what the control files do, in a line each, and what this camera can do."""

from collections.abc import Set

from camfs.cameras.api import Ability

HELP: dict[str, tuple[str, Ability | None]] = {
    ".help": ("this list", None),
    ".status": ("the camera, its stores, what runs now, what failed last", None),
    ".events": ("what happened, a line each; tail -f follows it", None),
    ".capture": (
        "write a number to take so many pictures, `50 every 10s`, or, on a camera with bulb, `bulb 8`; 0 ends them. "
        "Read the paths of the last one",
        Ability.CAPTURE,
    ),
    ".settings": (
        "a file for each setting, to read and write; .settings/.choices/NAME lists its values",
        Ability.SETTINGS,
    ),
    ".clock": ("the camera's time; write `now`, or a time such as 2026-11-19T16:02:00", Ability.CLOCK),
    ".control": (
        "1 while this computer controls the camera; write 0 to release it, 1 to take it",
        Ability.REMOTE_CONTROL,
    ),
    ".record": ("write 1 to start a movie, 0 to stop it", Ability.MOVIES),
    ".focus": (
        "the focus; write `af`, a position (SIGMA), or `near 2` or `far 2` (steps, on other bodies)",
        Ability.FOCUS,
    ),
    ".liveview.jpg": ("a new frame of the live view each time that it is opened", Ability.LIVE_VIEW),
    ".liveview.mjpeg": ("the live view as a stream without end, for video players", Ability.LIVE_VIEW),
    ".thumbnails": ("the camera's thumbnails, in the folders of their pictures", Ability.THUMBNAILS),
    ".developed": ("KDC pictures as JPEG, in the folders of their pictures", None),
    ".refresh": ("write anything to have everything listed again", None),
    ".format": ("write a store's name to delete all that is in it", Ability.FORMAT),
    ".raw": ("write a raw command in hexadecimal, read the reply", None),
}
"""What each control file is for, and what the camera must be able to do for it."""

OPTIONS = {".format": "allow_format", ".raw": "raw"}
"""Mount options that control files need."""


def help_text(name: str, abilities: Set[Ability], options: Set[str]) -> str:
    """Return the text of `.help`.

    Args:
        name: of the camera.
        abilities: what it can do.
        options: those of `OPTIONS` with which it is mounted, and `allow_delete`.
    """
    can = [ability.value for ability in Ability if ability in abilities]
    lines = [f"{name or 'this camera'} can: {', '.join(can) or 'be read'}"]
    for file, (text, ability) in HELP.items():
        if ability is not None and ability not in abilities:
            lines.append(f"{file}: (not with this camera) {text}")
        elif file in OPTIONS and OPTIONS[file] not in options:
            lines.append(f"{file}: (needs -o {OPTIONS[file]}) {text}")
        else:
            lines.append(f"{file}: {text}")
    if Ability.DELETE in abilities:
        lines.append("rm: deletes on the camera" + ("" if "allow_delete" in options else ", with -o allow_delete"))
    return "".join(f"{line}\n" for line in lines)
