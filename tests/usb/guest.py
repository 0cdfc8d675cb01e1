"""Runs a shell script as root in a Linux guest under QEMU, where the tests have a USB bus.

The guest has Debian's kernel and this machine's root file system. So every program and every path is the same inside, and nothing that
the script writes gets out, except what it puts into `/scratch`. The kernel loads `dummy_hcd`: `/sys/class/udc/dummy_udc.0` exists, and a
gadget that uses it is a device on the bus of the guest itself.

The processor is always emulated: guests hang under KVM on some machines that offer it. Python runs about 17 times slower inside.
(tests/README.md, "The guest with a USB stack")
"""

import fcntl
import gzip
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

INIT = Path(__file__).with_name("guest-init.sh")

MODULES = (
    "virtio_pci",
    "9pnet_virtio",
    "9p",
    "overlay",
    "fuse",
    "dummy_hcd",
    "libcomposite",
    "usb_f_fs",
    "xhci-hcd",
    "xhci-pci",
)
"""Kernel modules that are loaded at boot."""

MORE_MODULES = ("autofs4", "nfsd", "nfsv3", "nfsv4")
"""Kernel modules that `modprobe` finds in the guest."""

ETC = Path(__file__).with_name("guest-etc")
"""Files that replace those in `/etc` when systemd runs."""

MASKED = (
    "systemd-binfmt.service",
    "systemd-hwdb-update.service",
    "systemd-journal-catalog-update.service",
    "systemd-journal-flush.service",
    "systemd-machine-id-commit.service",
    "systemd-modules-load.service",
    "systemd-pstore.service",
    "systemd-sysusers.service",
    "systemd-update-utmp.service",
    "proc-sys-fs-binfmt_misc.automount",
)
"""Units that systemd would start by itself and that cost time or touch what does not belong to the guest."""

DEBIAN_PACKAGE = {
    "qemu-system-x86_64": "qemu-system-x86",
    "apt-cache": "apt",
    "apt-get": "apt",
    "dpkg": "dpkg",
    "depmod": "kmod",
    "modprobe": "kmod",
    "cpio": "cpio",
    "systemctl": "systemd",
    "udevadm": "udev",
    "dbus-daemon": "dbus",
}

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/run/home",
    "LANG": "C.UTF-8",
}

KERNELS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "camfs-guest"
"""Where boot files are kept: in the user's own cache, as this is read before `conftest.py` gives the tests another."""


class GuestError(Exception):
    """The guest could not be prepared, did not boot, panicked, or did not finish in time."""


@dataclass(frozen=True)
class GuestResult:
    """What a script left behind.

    Attributes:
        status: Its exit status; 128 + the number of the signal if one ended it.
        output: Its standard output and standard error, mixed.
        console: The kernel's messages.
        scratch: The folder that was `/scratch` in the guest.
        seconds: Time that QEMU ran.
    """

    status: int
    output: str
    console: str
    scratch: Path
    seconds: float


@dataclass(frozen=True)
class BootFiles:
    """A kernel and the initramfs that belongs to it."""

    kernel: Path
    initramfs: Path


def run_in_guest(
    script: str,
    *,
    scratch: Path,
    usb_mtp: Path | None = None,
    systemd: bool = False,
    timeout: float = 300,
    memory_mib: int = 2048,
) -> GuestResult:
    """Boots a guest, runs a script in it, and waits until the guest is gone.

    The script runs under `/bin/sh` in a fresh `HOME`, with the time zone of the caller's `TZ`, no standard input, and
    `/proc`, `/sys`, `/dev`, configfs and `lo` as on a running system. `/run` is empty. There is no network, and no udev
    unless with systemd.

    With systemd as PID 1, the script is a unit that starts once udev, D-Bus and logind run. Nothing starts because this machine has
    enabled it. The console shows the journal. `/etc/fstab` is empty.

    Args:
        script: Shell text.
        scratch: An existing folder, shared read-write as `/scratch`.
        usb_mtp: A folder that QEMU's PTP/MTP device `usb-mtp` serves on the guest's bus, read-only and named `CARD`.
        systemd: Boot systemd.
        timeout: Seconds for everything, including the boot (about 5, or 20 with systemd).
        memory_mib: The guest's memory; what the script writes outside of `/scratch` may take three quarters of it.

    Raises:
        GuestError: There is no exit status: the guest could not be prepared, or panicked, or was killed at the timeout. The
            message shows the end of the output and of the console.
    """
    boot = prepared_boot_files()
    with tempfile.TemporaryDirectory(prefix="camfs-guest-") as folder:
        control = Path(folder)
        console_file = control / "console"
        (control / "script").write_text(script, encoding="utf-8")
        environment = ENVIRONMENT | ({"TZ": os.environ["TZ"]} if "TZ" in os.environ else {})
        (control / "environment").write_text(
            "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()), encoding="utf-8"
        )
        arguments = f"console=ttyS0 quiet panic=-1 lifetime={timeout + 10:.0f}"
        if systemd:
            for name in ("systemctl", "udevadm", "dbus-daemon"):
                _program(name)
            shutil.copytree(ETC, control / "etc")
            arguments += " manager=systemd systemd.unit=guest.target systemd.crash_reboot"
            arguments += "".join(f" systemd.mask={unit}" for unit in MASKED)
        command = [
            *(_program("qemu-system-x86_64"), "-accel", "tcg,thread=multi", "-cpu", "max", "-M", "q35"),
            *("-smp", "2", "-m", str(memory_mib), "-rtc", "base=utc,clock=host"),
            # only curses makes QEMU call setlocale(); without that, usb-mtp names every file with an umlaut "Oops"
            *("-nodefaults", "-display", "curses", "-no-reboot", "-serial", f"file:{console_file}"),
            *("-kernel", str(boot.kernel), "-initrd", str(boot.initramfs)),
            # the kernel hands `lifetime` on to init, which powers off then, in case nobody is left here to kill QEMU
            *("-append", arguments),
            *_share("root", Path("/"), "readonly=on"),
            *_share("control", control, "readonly=off"),
            *_share("scratch", scratch, "readonly=off"),
        ]
        if usb_mtp is not None:
            device = f"usb-mtp,rootdir={_quoted(usb_mtp)},desc=CARD"
            command += ["-device", "qemu-xhci", "-device", device]
        started = time.monotonic()
        try:
            with _terminal() as terminal:
                qemu = subprocess.run(
                    command,
                    stdin=terminal,
                    stdout=terminal,
                    stderr=subprocess.PIPE,
                    env=os.environ | {"LC_ALL": "C.UTF-8", "TERM": "dumb"},
                    text=True,
                    timeout=timeout,
                    check=False,
                )
            ended = f"ended (QEMU's status {qemu.returncode}) without the script's status: {qemu.stderr}"
        except subprocess.TimeoutExpired:
            ended = f"was killed after {timeout:g} s"
        seconds = time.monotonic() - started
        console, output = _text(console_file), _text(control / "output")
        status = _text(control / "status")
    if not status.endswith("\n"):
        raise GuestError(f"the guest {ended}\n--- output\n{_tail(output)}\n--- console\n{_tail(console)}")
    return GuestResult(int(status), output, console, scratch, seconds)


@cache
def prepared_boot_files() -> BootFiles:
    """Returns the kernel and initramfs, made from Debian's packages on the first call and kept in the user's cache.

    The kernel is the one that `linux-image-amd64` depends on. Nothing is installed. Any number of processes may call this at once, and
    one that dies in the middle leaves nothing that another might think is finished.

    Raises:
        GuestError: A program is missing, or apt has no index or no network.
    """
    version = _kernel_version()
    recipe = hashlib.sha256(INIT.read_bytes() + repr((MODULES, MORE_MODULES)).encode()).hexdigest()[:12]
    KERNELS.mkdir(parents=True, exist_ok=True)
    folder = KERNELS / f"{version}-{recipe}"
    with _locked(KERNELS / "lock"):
        if not folder.exists():
            partial = KERNELS / "partial"
            shutil.rmtree(partial, ignore_errors=True)
            (partial / "boot").mkdir(parents=True)
            _make_boot_files(version, partial)
            (partial / "boot").rename(folder)
            shutil.rmtree(partial)
    return BootFiles(folder / "vmlinuz", folder / "initramfs")


def _kernel_version() -> str:
    """The version of the kernel that `linux-image-amd64` depends on, such as `6.1.0-56-amd64`."""
    depends = _apt("apt-cache", "depends", "linux-image-amd64").decode()
    version = re.search(r"Depends: linux-image-(\S+)", depends)
    if version is None:
        raise GuestError("linux-image-amd64 depends on no kernel")
    return version[1]


def _make_boot_files(version: str, folder: Path) -> None:
    """Makes `vmlinuz` and `initramfs` for a kernel version in `boot`, and leaves what they were made from beside it."""
    boot, packages, unpacked, initramfs = (folder / name for name in ("boot", "packages", "unpacked", "initramfs"))
    packages.mkdir()
    # apt's own user cannot write into a private folder
    download = ("apt-get", "-o", "APT::Sandbox::User=root", "download")
    _apt(*download, f"linux-image-{version}", "busybox-static", cwd=packages)
    for package in packages.iterdir():
        _run("dpkg", "-x", str(package), str(unpacked))
    _run("depmod", "-b", str(unpacked), version)

    (initramfs / "bin").mkdir(parents=True)
    shutil.copy(unpacked / "bin/busybox", initramfs / "bin")
    shutil.copy(INIT, initramfs / "init")
    (initramfs / "init").chmod(0o755)
    tree = Path("lib/modules", version)
    modules = {
        name: [Path(path).relative_to(unpacked) for path in _module_paths(unpacked, version, name)]
        for name in MODULES + MORE_MODULES
    }
    for module in {path for paths in modules.values() for path in paths}:
        (initramfs / module).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(unpacked / module, initramfs / module)
    for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        shutil.copy(unpacked / tree / name, initramfs / tree)
    _run("depmod", "-b", str(initramfs), version)
    loaded = dict.fromkeys(path for name in MODULES for path in modules[name])
    (initramfs / "modules").write_text("".join(f"/{path}\n" for path in loaded))

    names = "\n".join(str(path.relative_to(initramfs)) for path in sorted(initramfs.rglob("*")))
    archive = _run("cpio", "-o", "-H", "newc", "--quiet", "-R", "0:0", cwd=initramfs, stdin=names.encode())
    (boot / "initramfs").write_bytes(gzip.compress(archive, compresslevel=6))
    shutil.copy(unpacked / f"boot/vmlinuz-{version}", boot / "vmlinuz")


def _module_paths(root: Path, version: str, name: str) -> list[str]:
    """The files of a module and of the modules that it needs, in loading order; none if it is built into the kernel."""
    depends = _run("modprobe", "-d", str(root), "-S", version, "--show-depends", name).decode()
    # "insmod PATH" or "builtin NAME"
    return [words[1] for line in depends.splitlines() if (words := line.split())[0] == "insmod"]


@contextmanager
def _terminal() -> Iterator[int]:
    """A terminal that nobody reads: QEMU writes one screen (2 KB with TERM=dumb) to it, which its buffer holds."""
    outside, inside = os.openpty()
    try:
        yield inside
    finally:
        os.close(inside)
        os.close(outside)


def _share(tag: str, folder: Path, access: str) -> tuple[str, str]:
    """QEMU's arguments for a 9p share.

    `multidevs=remap`, because two file systems beneath the folder may use the same inode number.
    """
    share = f"local,path={_quoted(folder)},mount_tag={tag},security_model=none,multidevs=remap,{access}"
    return "-virtfs", share


def _quoted(path: Path) -> str:
    """A path in QEMU's option syntax, which doubles commas."""
    return str(path.absolute()).replace(",", ",,")


def _apt(*command: str, cwd: Path | None = None) -> bytes:
    """Runs apt, which usually fails because its index is missing or names packages that have been replaced."""
    try:
        return _run(*command, cwd=cwd)
    except GuestError as error:
        raise GuestError(f"run apt-get update, then try again: {error}") from error


def _run(*command: str, cwd: Path | None = None, stdin: bytes | None = None) -> bytes:
    """Runs a program and returns its standard output.

    Raises:
        GuestError: It is missing, or it failed; the message shows what it printed.
    """
    done = subprocess.run(
        [_program(command[0]), *command[1:]], cwd=cwd, input=stdin or b"", capture_output=True, check=False
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise GuestError(f"{shlex.join(command)} failed with status {done.returncode}: {said}")
    return done.stdout


def _program(name: str) -> str:
    """The path of a program; an administrator's programs are found even if they are not in PATH."""
    path = shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")
    if path is None:
        raise GuestError(f"{name} is missing: apt-get install {DEBIAN_PACKAGE[name]}")
    return path


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Holds an exclusive lock, which the kernel releases however the process ends."""
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""


def _tail(text: str, characters: int = 4000) -> str:
    return text[-characters:]
