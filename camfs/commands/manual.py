"""The manual page and the shells' completions, made from the tables of the command line. Like those, it runs where camfs cannot.

`PAGES` says what is made and where it belongs below a prefix. setup.py writes it there as a wheel is built, and so does
`python -m camfs.commands.manual PREFIX`.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import camfs
from camfs.commands.arguments import SOURCES, SUMMARY, SWITCHES, SYNOPSES
from camfs.commands.options import FUSE_OPTIONS, OPTIONS
from camfs.commands.sources import FORMS

DESCRIPTION = (
    "camfs mounts a camera on a directory and returns once the mount answers; if it cannot be made, it says why in one line. A store of "
    "the camera is a directory, its pictures are files with the camera's own bytes, and nothing is fetched before it is read.",
    "Control files answer to their names and are not listed: .status, .settings/NAME, .settings/.choices/NAME, .capture, .clock, "
    ".thumbnails, .events, .refresh, and what else the camera has. One write is one command; when it fails, the last line of .status "
    "says why.",
    "Unmount with fusermount3 -u MOUNTPOINT. A camera that was unplugged answers that there is no such device.",
)

EXIT_STATUSES: Mapping[str, str] = {
    "0": "The mount answers; with -f, it has ended well. With --doctor: all is well.",
    "1": "There is no mount, and stderr says why. With --doctor: there is something to mend.",
    "2": "Flags, or a number of words, that are not the command's.",
}

SIGNALS: Mapping[str, str] = {
    "SIGTERM, SIGINT": "unmount, leave the camera as it was found, and end",
    "SIGHUP": "list everything again",
}

FILES: Mapping[str, str] = {
    "/etc/udev/rules.d/70-camfs.rules": "gives cameras to the user who sits at the computer, and has them mounted",
    "/etc/systemd/user/camfs@.service": "mounts the camera SOURCE for a user, in $XDG_RUNTIME_DIR/camfs",
    "~/.config/camfs/SOURCE.conf, ~/.config/camfs/camera.conf": "MOUNT_POINT=DIRECTORY and OPTIONS=OPTION,… of that unit",
    "/etc/systemd/system/camfs-system@.service": "mounts a camera for all users, in /run/camfs",
    "/etc/camfs/SOURCE.conf": "the same of that unit",
    "~/.local/state/camfs/spool, ~/.local/state/camfs/guid": "a SIGMA's shots that were not taken away yet; who this computer is to a "
    "camera on the network",
    "~/.cache/camfs": "pictures of a DC120, which need not be fetched again",
}

EXAMPLES: Mapping[str, str] = {
    "camfs ~/cam": "mount the USB camera",
    "camfs virtual:sigma-fp ~/cam": "the same without a camera",
    "mount -t fuse.camfs usb:1003:c432 /mnt/cam -o allow_other": "by mount(8)",
    "usb: /mnt/cam fuse.camfs noauto,user 0 0": "as a line of /etc/fstab",
    "systemctl --user start camfs@serial:-dev-ttyUSB0": "by the user's systemd; systemd-escape(1) writes the SOURCE so",
}


# ---------------------------------------------------------------------- the manual page


def manual_page() -> str:
    """Return camfs(1) in the man macros of groff_man(7)."""
    return "\n".join(_manual_lines()) + "\n"


def _manual_lines() -> Iterator[str]:
    yield f'.TH CAMFS 1 "" "camfs {camfs.__version__}" "User Commands"'
    yield ".nh"  # what is to be typed must not be hyphenated
    yield ".ad l"
    yield ".SH NAME"
    yield rf"camfs \- {_roff(SUMMARY)}"
    yield ".SH SYNOPSIS"
    yield ".nf"
    yield from map(_roff, SYNOPSES)
    yield ".fi"
    yield ".SH DESCRIPTION"
    for number, paragraph in enumerate(DESCRIPTION):
        if number:
            yield ".PP"
        yield _roff(paragraph)
    yield ".SH SOURCES"
    yield "Without a SOURCE the USB camera is meant."
    yield from _tagged({form: SOURCES[form] for form in FORMS})
    yield ".SH OPTIONS"
    yield from _tagged(
        {f"{each.flag} {each.value}".strip(): each.help for each in SWITCHES} | {"-h, --help": "show a summary"}
    )
    yield ".SH MOUNT OPTIONS"
    yield from _tagged({f"{each.name}={each.value}" if each.value else each.name: each.help for each in OPTIONS})
    yield ".PP"
    yield _roff(f"Handed on to FUSE: {', '.join(sorted(FUSE_OPTIONS))}, fsname=, subtype=.")
    for title, table in (
        ("EXIT STATUS", EXIT_STATUSES),
        ("SIGNALS", SIGNALS),
        ("FILES", FILES),
        ("EXAMPLES", EXAMPLES),
    ):
        yield f".SH {title}"
        yield from _tagged(table)
    yield ".SH SEE ALSO"
    yield ".BR fusermount3 (1),"
    yield ".BR systemd-escape (1),"
    yield ".BR mount.fuse3 (8)"


def _tagged(table: Mapping[str, str]) -> Iterator[str]:
    for tag, text in table.items():
        yield ".TP"
        yield f"\\fB{_roff(tag)}\\fR"
        yield _roff(text)


def _roff(text: str) -> str:
    """Escape a text: what roff takes for commands, and hyphens, which must stay what is typed."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha").replace("…", "...")
    return f"\\&{text}" if text.startswith((".", "'")) else text


# ---------------------------------------------------------------------- completions

_BASH = r"""# bash completion for camfs; made from its tables of options and sources
_camfs()
{
    # bash takes : and = for ends of words, and a SOURCE has both: so the word is looked up in the line, and its beginning cut off again.
    local line=${COMP_LINE:0:COMP_POINT} word words before candidates
    word=${line##*[[:blank:]]}
    before=${line%"$word"}
    before=${before%"${before##*[![:blank:]]}"}
    before=${before##*[[:blank:]]}
    COMPREPLY=()
    if [[ $before == -o ]]; then
        local given=${word%"${word##*,}"}
        candidates=$(compgen -P "$given" -W '@MOUNT_OPTIONS@' -- "${word##*,}")
        compopt -o nospace 2>/dev/null
    elif [[ $word == -* ]]; then
        candidates=$(compgen -W '@SWITCHES@' -- "$word")
    else
        words='@SOURCES@'
        [[ $word == usb:?* ]] && words+=" $(camfs --list 2>/dev/null | sed 's/ .*//')"
        candidates=$(compgen -W "$words" -- "$word")
        [[ $candidates == *: ]] && compopt -o nospace 2>/dev/null
        case $word in
            serial:*) candidates=$(compgen -P serial: -f -- "${word#serial:}") ;;
            *) candidates+=$'\n'$(compgen -d -- "$word"); compopt -o filenames 2>/dev/null ;;
        esac
    fi
    local cut=${word%"${word##*[:=]}"} candidate
    while IFS= read -r candidate; do
        [[ -n $candidate ]] && COMPREPLY+=("${candidate#"$cut"}")
    done <<<"$candidates"
}
complete -F _camfs camfs
"""


def bash_completion() -> str:
    """Return what goes into share/bash-completion/completions."""
    return _filled(
        _BASH,
        MOUNT_OPTIONS=" ".join(
            [*(f"{each.name}=" if each.value else each.name for each in OPTIONS), *sorted(FUSE_OPTIONS)]
        ),
        SWITCHES=" ".join([*(each.flag for each in SWITCHES), "--help"]),
        SOURCES=" ".join(_typed_forms()),
    )


_ZSH = r"""#compdef camfs
# zsh completion for camfs; made from its tables of options and sources
_camfs_options()
{
    local -a options
    options=(
@MOUNT_OPTIONS@
    )
    _values -s , 'mount option' $options
}
_camfs_words()
{
    local -a sources
    sources=(
@SOURCES@
    )
    _alternative 'sources:source:compadd -S "" -a sources' 'directories:mount point:_directories'
}
_arguments -s -S \
@SWITCHES@
    '*:source or mount point:_camfs_words'
"""


def zsh_completion() -> str:
    """Return what goes into share/zsh/site-functions."""
    options = [f"'{each.name}[{_zsh(each.help)}]{f':{each.value}:' if each.value else ''}'" for each in OPTIONS]
    switches = []
    for each in SWITCHES:
        repeated = "*" if each.keywords["action"] in ("append", "count") else ""
        value = ":mount options:_camfs_options" if each.value else ""
        switches.append(f"    '{repeated}{each.flag}[{_zsh(each.help)}]{value}' \\")
    return _filled(
        _ZSH,
        MOUNT_OPTIONS="\n".join(f"        {option}" for option in [*options, *sorted(FUSE_OPTIONS)]),
        SOURCES="\n".join(f"        '{form}'" for form in _typed_forms()),
        SWITCHES="\n".join(switches),
    )


def _zsh(text: str) -> str:
    """Escape a description: quotes of the shell, and what _arguments takes for its end."""
    return re.sub(r"([\[\]:\\])", r"\\\1", text).replace("'", "'\\''")


def fish_completion() -> str:
    """Return what goes into share/fish/vendor_completions.d."""
    lines = ["# fish completion for camfs; made from its tables of options and sources"]
    options = [f"{each.name}{'=' if each.value else ''}\t{each.help}" for each in OPTIONS]
    options += [f"{name}\thanded on to FUSE" for name in sorted(FUSE_OPTIONS)]
    for each in SWITCHES:
        flag = f"-l {each.flag[2:]}" if each.flag.startswith("--") else f"-s {each.flag[1:]}"
        value = f" -x -a {_fish('(__fish_append , ' + ' '.join(map(_fish, options)) + ')')}" if each.value else ""
        lines.append(f"complete -c camfs {flag} -d {_fish(each.help)}{value}")
    lines.append("complete -c camfs -f -a '(__fish_complete_directories)'")
    lines += [f"complete -c camfs -f -a {_fish(form)} -d {_fish(_meaning(form))}" for form in _typed_forms()]
    return "\n".join(lines) + "\n"


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _typed_forms() -> list[str]:
    """Return what can be typed of each form of SOURCE: up to the word that stands for something."""
    return list(
        dict.fromkeys(form.partition(":")[0] + ":" + re.sub(r"^[A-Z].*", "", form.partition(":")[2]) for form in FORMS)
    )


def _meaning(typed: str) -> str:
    return next(SOURCES[form] for form in FORMS if form.startswith(typed))


def _filled(template: str, **values: str) -> str:
    for name, value in values.items():
        template = template.replace(f"@{name}@", value)
    return template


# ---------------------------------------------------------------------- where they go

PAGES: Mapping[str, Callable[[], str]] = {
    "share/man/man1/camfs.1": manual_page,
    "share/bash-completion/completions/camfs": bash_completion,
    "share/zsh/site-functions/_camfs": zsh_completion,
    "share/fish/vendor_completions.d/camfs.fish": fish_completion,
}
"""What is made, by its place below a prefix."""


def write(prefix: Path) -> list[Path]:
    """Write all pages below a prefix; return their paths."""
    written = []
    for place, make in PAGES.items():
        path = prefix / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(make(), "utf-8")
        written.append(path)
    return written


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: python -m camfs.commands.manual PREFIX")
    print(*write(Path(sys.argv[1])), sep="\n")
