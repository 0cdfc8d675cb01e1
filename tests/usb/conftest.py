"""One guest with systemd for all tests that need one, since its boot takes long."""

from pathlib import Path
from typing import Any

import pytest

from tests.usb.guest import GuestResult, run_in_guest
from tests.usb.sections import Run, left_by, script_command

SCRIPTS = ("plugging.sh", "exporting.sh")
"""In the order in which they run: the second leaves its servers and its mounts behind."""

CHECKS = """
cat /proc/1/comm {file}
systemctl is-system-running
systemctl is-active systemd-udevd systemd-logind dbus
modprobe nfsd && grep -c nfsd /proc/filesystems
ls /sys/class/udc
"""
"""What `test_guest.py` looks at, before the scripts."""


@pytest.fixture(scope="session")
def systemd_result(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> GuestResult:
    """Run the scripts that tests of this run ask for, one after the other in one guest; it ends with status 3."""
    file = tmp_path_factory.mktemp("outside") / "file"
    file.write_text("from outside\n")
    commands = [CHECKS.format(file=file)]
    modules: set[Any] = {getattr(item, "module", None) for item in request.session.items}
    scripts = {module.SCRIPT.name: module for module in modules if hasattr(module, "SCRIPT")}
    for name in SCRIPTS:
        if name in scripts:
            card = tmp_path_factory.mktemp("card")
            scripts[name].make_card(card)
            commands.append(script_command(scripts[name].SCRIPT, card))
    commands.append("exit 3")
    return run_in_guest(
        "\n".join(commands), scratch=tmp_path_factory.mktemp("scratch"), systemd=True, timeout=900 * len(commands)
    )


@pytest.fixture(scope="session")
def systemd_run(systemd_result: GuestResult) -> Run:
    """Return what the sections of all those scripts have left behind."""
    return left_by(systemd_result, *(Path(__file__).with_name(name) for name in SCRIPTS))
