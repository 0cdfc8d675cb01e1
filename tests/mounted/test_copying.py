"""The programs that people copy pictures with, on a mount of everything that is awkward."""

import errno
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.mounted.contents import SIZES
from tests.mounted.mount import Mount, mounted, run


def files_of(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder, by their path in it."""
    return {
        os.path.relpath(os.path.join(place, name), folder): Path(place, name).read_bytes()
        for place, _, names in os.walk(folder)
        for name in names
    }


def paths_of(folder: Path) -> set[str]:
    """Return the paths of everything below a folder."""
    return {
        os.path.relpath(os.path.join(place, name), folder)
        for place, folders, names in os.walk(folder)
        for name in folders + names
    }


def transferred(rsync: str) -> int:
    """Read from rsync's statistics how many files it transferred."""
    match = re.search(r"Number of regular files transferred: (\d+)", rsync)
    assert match
    return int(match[1])


def test_diff_finds_no_difference(awkward: Path, card: Path) -> None:
    assert run("diff", "-r", awkward, card).stdout == ""


def test_diff_finds_no_difference_in_the_background(awkward: Path, camera: Path) -> None:
    with mounted(f"virtual:sigma-fp?card={awkward}", camera, background=True):
        assert run("diff", "-r", awkward, camera / "card").stdout == ""


def test_listing_has_everything(awkward: Path, card: Path) -> None:
    assert paths_of(card) == paths_of(awkward)
    assert sorted(os.listdir(card / "names")) == sorted(os.listdir(awkward / "names"))


@pytest.mark.parametrize("size", SIZES)
def test_cmp_of_each_size(awkward: Path, card: Path, size: int) -> None:
    name = f"sizes/{size:08}.bin"
    assert (card / name).stat().st_size == size
    run("cmp", awkward / name, card / name)


def test_rsync_has_nothing_to_do_the_second_time(
    awkward: Path, awkward_mount: Mount, card: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    first = run("rsync", "-a", "--stats", f"{card}/", copy)
    assert transferred(first.stdout) == len(files_of(awkward))
    assert files_of(copy) == files_of(awkward)
    awkward_mount.trace.transactions()
    second = run("rsync", "-a", "--stats", "--itemize-changes", f"{card}/", copy)
    assert transferred(second.stdout) == 0
    assert "f.s" not in second.stdout
    assert ".d" not in second.stdout
    assert awkward_mount.trace.reads() == []


def test_rsync_has_nothing_to_do_after_another_mount(awkward: Path, tmp_path: Path, camera: Path) -> None:
    source = f"virtual:sigma-fp?card={awkward}"
    with mounted(source, camera):
        run("rsync", "-a", f"{camera}/", tmp_path / "copy")
    with mounted(source, camera) as mount:
        again = run("rsync", "-a", "--stats", "--itemize-changes", f"{camera}/", tmp_path / "copy")
        assert transferred(again.stdout) == 0
        # as the fp tells sizes in 32 bits, the empty file is asked for a byte, which it has not
        assert sum(read.size for read in mount.trace.reads()) == 0


def test_rsync_compares_checksums(awkward: Path, card: Path) -> None:
    assert transferred(run("rsync", "-a", "--checksum", "--dry-run", "--stats", f"{card}/", awkward).stdout) == 0


def test_rsync_with_delete_deletes_nothing(awkward: Path, card: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(awkward, copy)
    assert "deleting" not in run("rsync", "-a", "--delete", "-v", f"{card}/", copy).stdout


def test_cp_keeps_times(awkward: Path, card: Path, tmp_path: Path) -> None:
    run("cp", "-a", card, tmp_path / "copy")
    for path in sorted(paths_of(awkward)):
        assert (tmp_path / "copy" / path).stat().st_mtime_ns == (awkward / path).stat().st_mtime_ns, path
    assert files_of(tmp_path / "copy") == files_of(awkward)


def test_cp_of_the_mount_copies_pictures_and_nothing_else(
    awkward: Path, awkward_mount: Mount, card: Path, tmp_path: Path
) -> None:
    run("cp", "-r", f"{awkward_mount.path}/", tmp_path / "copy")
    assert sorted(os.listdir(tmp_path / "copy")) == ["card", "imagedb"]
    assert paths_of(tmp_path / "copy" / "card") == paths_of(awkward)


def test_mv_copies_and_leaves_the_original(awkward: Path, awkward_mount: Mount, card: Path, tmp_path: Path) -> None:
    awkward_mount.expect("deleting needs the mount option allow_delete")
    done = run("mv", card / "in the root.jpg", tmp_path, status=1)
    assert "Operation not permitted" in done.stderr
    assert (tmp_path / "in the root.jpg").read_bytes() == (awkward / "in the root.jpg").read_bytes()
    assert (card / "in the root.jpg").exists()


def test_tar_carries_all_over(awkward: Path, card: Path, tmp_path: Path) -> None:
    run("tar", "-cf", tmp_path / "card.tar", "-C", card, ".")
    run("tar", "-df", tmp_path / "card.tar", "-C", card)
    copy = tmp_path / "copy"
    copy.mkdir()
    run("tar", "-xf", tmp_path / "card.tar", "-C", copy)
    run("diff", "-r", awkward, copy)


def test_find_by_size(card: Path) -> None:
    for size in SIZES:
        found = run("find", card / "sizes", "-type", "f", "-size", f"{size}c").stdout.splitlines()
        assert found == [str(card / "sizes" / f"{size:08}.bin")]
    empty = run("find", card, "-type", "f", "-empty").stdout.splitlines()
    assert empty == [str(card / "sizes" / "00000000.bin")]


def test_find_counts_files_and_folders(awkward: Path, card: Path) -> None:
    for kind in "fd":
        expected = run("find", awkward, "-type", kind, "-printf", "x").stdout
        assert run("find", card, "-type", kind, "-printf", "x").stdout == expected


def test_find_with_newer(awkward: Path, card: Path) -> None:
    """By times, with the empty folders that find -empty looks into."""
    for test in (["-newermt", "2023-11-25 UTC"], ["-type", "d", "-empty"]):
        shown = run("find", ".", *test, cwd=card).stdout.splitlines()
        expected = run("find", ".", *test, "-not", "-path", ".", cwd=awkward).stdout.splitlines()
        assert sorted(set(shown) - {"."}) == sorted(expected)


def test_du(awkward: Path, card: Path) -> None:
    """Apparent sizes are those of the files; blocks are the same rounded up to 512 bytes."""
    sizes = [len(data) for data in files_of(awkward).values()]
    assert int(run("du", "-s", "--apparent-size", "-B1", card).stdout.split()[0]) == sum(sizes)
    assert int(run("du", "-s", "-B1", card).stdout.split()[0]) == sum(-(-size // 512) * 512 for size in sizes)


def test_md5sum(awkward: Path, card: Path, tmp_path: Path) -> None:
    names = sorted(path for path in paths_of(awkward) if (awkward / path).is_file())
    sums = run("md5sum", "--", *names, cwd=awkward).stdout
    assert run("md5sum", "--", *names, cwd=card).stdout == sums
    (tmp_path / "sums").write_text(sums, errors="surrogateescape")
    run("md5sum", "--quiet", "-c", tmp_path / "sums", cwd=card)


def test_ls(card: Path) -> None:
    lines = run("ls", "-la", "--time-style=+%s", card / "sizes").stdout.splitlines()
    files = [line.split() for line in lines if line.startswith("-")]
    assert {line[0] for line in files} == {"-rw-r--r--"}
    assert [int(line[4]) for line in files] == sorted(SIZES)


def test_ls_recursively_shows_what_the_folder_has(awkward: Path, card: Path) -> None:
    assert run("ls", "-RA", ".", cwd=card).stdout == run("ls", "-RA", ".", cwd=awkward).stdout


def test_stat(awkward: Path, card: Path) -> None:
    seen = set()
    for path in [".", *paths_of(awkward)]:
        here, there = (card / path).lstat(), (awkward / path).lstat()
        assert here.st_mode | 0o777 == there.st_mode | 0o777
        assert stat.S_IMODE(here.st_mode) == (0o755 if stat.S_ISDIR(here.st_mode) else 0o644)
        assert here.st_uid == os.getuid()
        assert here.st_gid == os.getgid()
        assert here.st_blocks == -(-here.st_size // 512)
        assert here.st_atime == here.st_mtime == here.st_ctime
        if path != ".":
            assert here.st_mtime_ns == there.st_mtime_ns
        seen.add(here.st_ino)
    assert len(seen) == len(paths_of(awkward)) + 1
    assert run("stat", "-c", "%s %F %A", card / "sizes/00004097.bin").stdout == "4097 regular file -rw-r--r--\n"


def test_inode_numbers_stay(card: Path, awkward: Path) -> None:
    before = {path: (card / path).lstat().st_ino for path in paths_of(awkward)}
    listed = {
        os.path.relpath(entry.path, card): entry.inode()
        for place in [card, *(card / path for path in paths_of(awkward) if (awkward / path).is_dir())]
        for entry in os.scandir(place)
    }
    assert listed == before


def test_dot_and_dot_dot(card: Path) -> None:
    assert os.stat(card / "sizes" / "..").st_ino == card.stat().st_ino
    assert os.stat(card / "sizes" / ".").st_ino == (card / "sizes").stat().st_ino
    assert os.stat(card / "DCIM" / "100SIGMA" / "deep" / ".." / ".." / "..").st_ino == card.stat().st_ino


def test_names_in_the_other_case_or_form_are_not_there(card: Path) -> None:
    for name in (
        "NAMES",
        "names/100% SURE.JPG",
        "names/A\u0308pfel, O\u0308l & U\u0308berma\u00df.jpg",
        "names/nothing",
    ):
        assert not (card / name).exists()


def test_names_that_are_too_long(card: Path) -> None:
    """Before Linux 6.14 the kernel itself knows those of more than 1024 bytes."""
    for length in (255, 256, 1024, 1025):
        with pytest.raises(OSError, match=r"xxx") as failure:
            (card / ("x" * length)).stat()
        assert failure.value.errno in (errno.ENOENT, errno.ENAMETOOLONG)


def test_a_program_of_the_shell(awkward: Path, card: Path) -> None:
    """Globs and redirections."""
    script = 'cd "$1" && for file in sizes/*.bin; do wc -c < "$file"; done'
    done = subprocess.run(["sh", "-c", script, "sh", card], capture_output=True, text=True, check=True)
    assert [int(line) for line in done.stdout.split()] == sorted(SIZES)
