"""The manual page and the shells' completions, made from the tables of the command line.

`PAGES` says what is made and where it belongs below a prefix. setup.py writes the pages there when a wheel is built, and so does
`python -m camfs.commands.manual PREFIX`; with `--remove` before PREFIX it removes them. Like the tables, this runs where camfs's
dependencies are missing.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import camfs
from camfs.commands.arguments import FLAGS, SUMMARY, SYNOPSES, VIRTUAL_OPTIONS
from camfs.commands.options import FUSE_OPTIONS, OPTIONS, SPOOL
from camfs.commands.sources import FORMS

DESCRIPTION = (
    "camfs mounts a camera on a directory and returns once the mount is ready; if it cannot mount, it says why in one line. Each store of "
    "the camera is a directory, its pictures are files that hold the camera's own bytes, and nothing is fetched before it is read.",
    "Control files can be opened by name but are not listed: .status, .settings/NAME, .settings/.choices/NAME, .capture, .clock, "
    ".thumbnails, .events, .refresh, and others, depending on the camera. One write is one command; if it fails, the last line of "
    ".status says why.",
    "Unmount with camfs -u MOUNTPOINT. While the camera is unplugged, every access fails with No such device.",
)

EXIT_STATUSES: Mapping[str, str] = {
    "0": "The mount is ready, or, with -f, has been unmounted. With --doctor: all is well.",
    "1": "Nothing is mounted, and stderr says why. With --doctor: something has to be fixed.",
    "2": "A flag is unknown, or there are too few or too many arguments.",
}

SIGNALS: Mapping[str, str] = {
    "SIGTERM, SIGINT": "unmount, leave the camera as it was found, and end",
    "SIGHUP": "list everything on the camera again",
}

FILES: Mapping[str, str] = {
    "/etc/udev/rules.d/70-camfs.rules": "gives cameras to the user who sits at the computer, and starts the unit that mounts them",
    "/etc/systemd/user/camfs@.service": "mounts the camera SOURCE for a user, in $XDG_RUNTIME_DIR/camfs",
    "~/.config/camfs/SOURCE.conf, ~/.config/camfs/camera.conf": "MOUNT_POINT=DIRECTORY and OPTIONS=OPTION,… for that unit",
    "/etc/systemd/system/camfs-system@.service": "mounts a camera for all users, in /run/camfs",
    "/etc/camfs/SOURCE.conf": "the same for that unit",
    SPOOL: "a SIGMA's shots that you have not removed yet",
    "~/.local/state/camfs/guid": "the identity by which cameras on the network know this computer",
    "~/.cache/camfs": "pictures of a DC120, so that they need not be fetched again",
}

EXAMPLES: Mapping[str, str] = {
    "camfs ~/cam": "mount the USB camera",
    "camfs virtual:sigma-fp ~/cam": "mount an emulated camera",
    "camfs -u ~/cam": "unmount",
    "mount -t fuse.camfs usb:1003:c432 /mnt/cam -o allow_other": "mount a camera with mount(8)",
    "usb: /mnt/cam fuse.camfs noauto,user 0 0": "a line of /etc/fstab",
    "systemctl --user start camfs@serial:-dev-ttyUSB0": "let the user's systemd mount it; systemd-escape(1) writes a SOURCE in this form",
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
    yield "Without a SOURCE, camfs mounts the USB camera."
    yield from _tagged({form.text: form.meaning for form in FORMS})
    yield ".PP"
    yield _roff(" ".join(VIRTUAL_OPTIONS.split()))
    yield ".SH OPTIONS"
    yield from _tagged(
        {f"{each.flag} {each.value}".strip(): each.help for each in FLAGS} | {"-h, --help": "show a summary"}
    )
    yield ".SH MOUNT OPTIONS"
    yield from _tagged({option.typed: option.help for option in OPTIONS})
    yield ".PP"
    yield _roff(f"Passed on to FUSE: {', '.join(sorted(FUSE_OPTIONS))}, fsname=, subtype=.")
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
    """Escape a text: what roff would take for commands, and hyphens, which otherwise could not be copied as what is typed."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha").replace("…", "...")
    return f"\\&{text}" if text.startswith((".", "'")) else text


# ---------------------------------------------------------------------- completions

CONTROL_FILES = (
    ".capture .clock .control .developed .events .focus .format .help .liveview.jpg .liveview.mjpeg .raw .record .refresh .settings "
    ".status .thumbnails"
)
"""The control files of all cameras, which no shell can complete by itself, since they are not listed."""

_BASH = r"""# bash completion for camfs; made from its tables of options and sources
_camfs()
{
    # bash ends words at : and =, and a SOURCE has both. So this takes the word from the line, and later cuts off what bash keeps of it.
    local line=${COMP_LINE:0:COMP_POINT} word before candidates each
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
        candidates=$(compgen -W '@FLAGS@' -- "$word")
    else
        candidates=$(compgen -W '@SOURCES@' -- "$word")
        case $word in
            usb:* | serial:*)
                local listed
                listed=$(compgen -W "$(camfs --list 2>/dev/null | sed 's/ .*//')" -- "$word")
                [[ $word == serial:* ]] && listed+=$'\n'$(compgen -P serial: -f -- "${word#serial:}" | _camfs_quoted)
                [[ $listed == *[![:space:]]* ]] && candidates=$listed
                ;;
            *)
                # Directories alone are left to bash (-o dirnames), which knows best how to quote them.
                [[ -z $word || -n $candidates ]] && candidates+=$'\n'$(compgen -d -- "$word" | _camfs_quoted)
                ;;
        esac
    fi
    local cut=
    for each in : =; do
        [[ $word == *"$each"* && $COMP_WORDBREAKS == *"$each"* ]] || continue
        [[ ${word%"$each"*} == "$cut"* ]] && cut=${word%"$each"*}$each
    done
    while IFS= read -r each; do
        [[ -n $each ]] && COMPREPLY+=("${each#"$cut"}")
    done <<<"$candidates"
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[:/] ]] && compopt -o nospace 2>/dev/null
}
_camfs_quoted()
{
    local path
    while IFS= read -r path; do
        [[ -d ${path#serial:} ]] && path+=/
        printf '%q\n' "$path"
    done
}
complete -o dirnames -F _camfs camfs

# For programs that read and write control files: complete -o default -F _camfs_control_files cat echo tail
_camfs_control_files()
{
    local line=${COMP_LINE:0:COMP_POINT} word folder
    word=${line##*[[:blank:]>]}
    folder=${word%/*}
    COMPREPLY=()
    [[ ${word##*/} == .* ]] || return
    if [[ $folder == "$word" ]]; then
        folder=.
    elif [[ $folder == "~"* ]]; then
        folder=$HOME${folder#"~"}
    fi
    [[ $(stat -f -c %T -- "$folder" 2>/dev/null) == fuse* ]] || return
    grep -qF " $(cd -- "$folder" && pwd -P) fuse.camfs " /proc/self/mounts || return
    local name
    for name in $(compgen -W '@CONTROL_FILES@' -- "${word##*/}"); do
        [[ -e $folder/$name ]] || continue
        [[ -d $folder/$name ]] && name+=/
        COMPREPLY+=("${word%"${word##*/}"}$name")
    done
    [[ ${COMPREPLY[*]} == */ ]] && compopt -o nospace 2>/dev/null
}
"""


def bash_completion() -> str:
    """Return what goes into share/bash-completion/completions."""
    return _filled(
        _BASH,
        MOUNT_OPTIONS=" ".join(
            [*(f"{option.name}=" if option.value else option.name for option in OPTIONS), *sorted(FUSE_OPTIONS)]
        ),
        FLAGS=" ".join([*(each.flag for each in FLAGS), "--help"]),
        SOURCES=" ".join(_typed_sources()),
        CONTROL_FILES=CONTROL_FILES,
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
    local -a sources open listed
    sources=(
@SOURCES@
    )
    [[ $PREFIX == (usb|serial):* ]] && listed=(${(f)"$(camfs --list 2>/dev/null)"}) && sources+=(${listed%% *})
    open=(${(M)sources:#*:})  # something follows
    compadd -S '' -a open
    sources=(${sources:#*:})
    compadd -a sources
    if compset -P serial:; then
        _files
    else
        _directories
    fi
}
_arguments -s -S \
@FLAGS@
    '*:source or mount point:_camfs_words'
"""


def zsh_completion() -> str:
    """Return what goes into share/zsh/site-functions."""
    options = [
        f"'{option.name}[{_zsh(option.help)}]{f':{option.value}:' if option.value else ''}'" for option in OPTIONS
    ]
    flags = []
    for each in FLAGS:
        repeated = "*" if each.keywords["action"] in ("append", "count") else ""
        value = ":mount options:_camfs_options" if each.value else ""
        flags.append(f"    '{repeated}{each.flag}[{_zsh(each.help)}]{value}' \\")
    return _filled(
        _ZSH,
        MOUNT_OPTIONS="\n".join(f"        {each}" for each in [*options, *sorted(FUSE_OPTIONS)]),
        SOURCES="\n".join(f"        '{typed}'" for typed in _typed_sources()),
        FLAGS="\n".join(flags),
    )


def _zsh(text: str) -> str:
    """Escape a description: the shell's quotes, and what _arguments would take for the end of it."""
    return re.sub(r"([\[\]:\\])", r"\\\1", text).replace("'", "'\\''")


def fish_completion() -> str:
    """Return what goes into share/fish/vendor_completions.d."""
    lines = ["# fish completion for camfs; made from its tables of options and sources"]
    options = [f"{option.name}{'=' if option.value else ''}\t{option.help}" for option in OPTIONS]
    options += [f"{name}\tpassed on to FUSE" for name in sorted(FUSE_OPTIONS)]
    for each in FLAGS:
        flag = f"-l {each.flag[2:]}" if each.flag.startswith("--") else f"-s {each.flag[1:]}"
        value = f" -x -a {_fish('(__fish_append , ' + ' '.join(map(_fish, options)) + ')')}" if each.value else ""
        lines.append(f"complete -c camfs {flag} -d {_fish(each.help)}{value}")
    lines += [
        "complete -c camfs -f",
        *(f"complete -c camfs -a {_fish(typed)} -d {_fish(meaning)}" for typed, meaning in _typed_sources().items()),
        _fish_condition("-m", "(usb|serial):", "(camfs --list 2>/dev/null | string replace -r '[ ].*' '')"),
        _fish_condition(
            "-m",
            "serial:",
            "(__fish_complete_path (commandline -ct | string replace serial: '') | string replace -r ^ serial:)",
        ),
        _fish_condition("-v", ".*:", "(__fish_complete_directories)"),
    ]
    return "\n".join(lines) + "\n"


def _fish_condition(how: str, pattern: str, candidates: str) -> str:
    """Return a line that offers candidates where the word begins with a pattern (-m), or does not (-v)."""
    condition = f"string match -qr{how.replace('-m', '')[1:]} {_fish('^' + pattern)} -- (commandline -ct)"
    return f"complete -c camfs -n {_fish(condition)} -a {_fish(candidates)}"


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _typed_sources() -> dict[str, str]:
    """Return what can be typed of the forms of SOURCE before something has to be filled in, with the meaning of the first such form."""
    typed: dict[str, str] = {}
    for form in FORMS:
        typed.setdefault(form.typed, form.meaning)
    return typed


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
"""What makes each page, by the page's place below a prefix."""


def write(prefix: Path) -> list[Path]:
    """Write all pages below a prefix; return their paths."""
    written = []
    for place, make in PAGES.items():
        path = prefix / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(make(), "utf-8")
        written.append(path)
    return written


def remove(prefix: Path) -> list[Path]:
    """Remove the pages below a prefix; return the paths of those that were there."""
    removed = [path for place in PAGES if (path := prefix / place).is_file()]
    for path in removed:
        path.unlink()
    return removed


if __name__ == "__main__":
    *flags, last = sys.argv[1:] or [""]
    if flags not in ([], ["--remove"]) or not last or last.startswith("-"):
        sys.exit("usage: python -m camfs.commands.manual [--remove] PREFIX")
    print(*(remove if flags else write)(Path(last)), sep="\n")
