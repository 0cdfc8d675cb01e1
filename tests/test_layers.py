"""The layers, read from the imports of every module: who may know whom."""

import ast
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "camfs").rglob("*.py"))
}
"""Every module of camfs and its file."""

PURE = {
    "collections",
    "contextlib",
    "dataclasses",
    "datetime",
    "enum",
    "fractions",
    "functools",
    "math",
    "operator",
    "re",
    "struct",
    "typing",
}
"""What a protocol uses of the standard library: nothing that reads, writes, waits or knows the computer."""

SOLE_IMPORTERS = {
    "usb": {
        "camfs.transports.osdescriptor",
        "camfs.transports.usb",
        "camfs.transports.usberrors",
        "camfs.transports.usbpipes",
    },
    "serial": {"camfs.transports.serial"},
    "rawpy": {"camfs.developing.program"},
    "pyfuse3": {"camfs.mount.operations", "camfs.mount.refusals", "camfs.mount.kernel"},
}
"""Packages that a few modules hide from all others; of pyfuse3 two have what the kernel asks of us and one what we ask of it."""

WORDS = {"camfs.commands.options", "camfs.commands.sources"}
"""What the command line says, as data: known from `connect` down to `mount.run`, and itself knowing errors alone."""

KEPT = "camfs.private_files"
"""Where whatever camfs keeps on the disk goes through, whoever keeps it."""

PORTS = {"camfs.transports.ports", "camfs.transports.channel"}
"""What may be asked of a wire, and whole messages over one: known on both sides of it."""


@dataclass(frozen=True)
class Layer:
    """Modules, and what they import.

    Attributes:
        members: packages or modules.
        camfs: packages or modules of camfs that they may import; None for any. `camfs` is that module alone.
        foreign: packages that are neither camfs nor the standard library that they may import; None for any.
        forbidden: packages or modules that they may not import.
        standard: packages of the standard library that they may import; None for any.
        exempt: members that are held to other layers only.
    """

    members: frozenset[str]
    camfs: frozenset[str] | None = None
    foreign: frozenset[str] | None = None
    forbidden: frozenset[str] = frozenset()
    standard: frozenset[str] | None = None
    exempt: frozenset[str] = frozenset()

    def holds(self, module: str) -> bool:
        """Say whether a module has to keep to this layer."""
        return is_in(module, self.members) and module not in self.exempt


def is_in(module: str, packages: frozenset[str] | set[str]) -> bool:
    """Say whether a module is one of some packages, or lies in one; in `camfs` itself lies nothing, as all would."""
    return any(module == package or (package != "camfs" and module.startswith(f"{package}.")) for package in packages)


LAYERS = {
    "errors know nobody": Layer(frozenset({"camfs.errors"}), frozenset(), frozenset()),
    "what keeps files knows nobody": Layer(frozenset({KEPT}), frozenset(), frozenset()),
    "what is printable knows nobody": Layer(frozenset({"camfs.printable"}), frozenset(), frozenset()),
    "options and sources are words": Layer(frozenset(WORDS), frozenset({"camfs.errors"}), frozenset()),
    "protocols do no I/O": Layer(
        frozenset({"camfs.protocols"}),
        frozenset({"camfs.errors", "camfs.protocols"}),
        frozenset(),
        standard=frozenset(PURE),
    ),
    "texts know no protocol": Layer(frozenset({"camfs.protocols.text"}), frozenset()),
    "APEX codes stand alone": Layer(frozenset({"camfs.protocols.apex"}), frozenset()),
    "PTP knows no maker": Layer(frozenset({"camfs.protocols.ptp"}), frozenset({"camfs.errors", "camfs.protocols.ptp"})),
    "SIGMA's protocol extends PTP": Layer(
        frozenset({"camfs.protocols.sigma"}),
        frozenset(
            {
                "camfs.errors",
                "camfs.protocols.apex",
                "camfs.protocols.ptp",
                "camfs.protocols.sigma",
                "camfs.protocols.text",
            }
        ),
    ),
    "Canon's protocol extends PTP": Layer(
        frozenset({"camfs.protocols.canon_eos"}),
        frozenset(
            {
                "camfs.errors",
                "camfs.protocols.apex",
                "camfs.protocols.ptp",
                "camfs.protocols.canon_eos",
                "camfs.protocols.text",
            }
        ),
    ),
    "Nikon's protocol extends PTP": Layer(
        frozenset({"camfs.protocols.nikon"}),
        frozenset({"camfs.errors", "camfs.protocols.ptp", "camfs.protocols.nikon"}),
    ),
    "Sony's protocol extends PTP": Layer(
        frozenset({"camfs.protocols.sony"}),
        frozenset({"camfs.errors", "camfs.protocols.ptp", "camfs.protocols.sony"}),
    ),
    "the DC120's protocol stands alone": Layer(
        frozenset({"camfs.protocols.dc120"}),
        frozenset({"camfs.errors", "camfs.protocols.dc120", "camfs.protocols.text"}),
    ),
    "KDC files stand alone": Layer(
        frozenset({"camfs.protocols.kdc"}), frozenset({"camfs.errors", "camfs.protocols.text"})
    ),
    "picture files stand alone": Layer(
        frozenset({"camfs.protocols.tiff", "camfs.protocols.embedded"}), frozenset({"camfs.protocols.tiff"})
    ),
    "transports carry bytes": Layer(
        frozenset({"camfs.transports"}),
        frozenset({"camfs.errors", "camfs.transports", KEPT}),
        frozenset({"trio", "usb", "serial", "platformdirs"}),
    ),
    "ports know no transport": Layer(frozenset({"camfs.transports.ports"}), frozenset(), frozenset()),
    "a channel knows ports alone": Layer(
        frozenset({"camfs.transports.channel"}), frozenset({"camfs.transports.ports"}), frozenset({"trio"})
    ),
    "cameras speak protocols over any port": Layer(
        frozenset({"camfs.cameras"}),
        frozenset({"camfs.cameras", "camfs.protocols", "camfs.errors", KEPT, *PORTS}),
        frozenset({"trio", "platformdirs"}),
    ),
    "what is asked of cameras knows no driver": Layer(
        frozenset({"camfs.cameras.api"}), frozenset({"camfs.errors"}), frozenset({"trio"})
    ),
    "the PTP driver knows no maker": Layer(
        frozenset({"camfs.cameras.ptp"}),
        frozenset({"camfs.errors", "camfs.cameras.api", "camfs.cameras.ptp", "camfs.protocols.ptp", *PORTS}),
    ),
    "the SIGMA's driver extends that of PTP": Layer(
        frozenset({"camfs.cameras.sigma"}),
        frozenset(
            {
                "camfs.errors",
                "camfs.cameras.api",
                "camfs.cameras.ptp",
                "camfs.cameras.sigma",
                "camfs.protocols.apex",
                "camfs.cameras.tethered",
                "camfs.protocols.ptp",
                "camfs.protocols.sigma",
            }
        ),
    ),
    "what tethered cameras share knows no maker": Layer(
        frozenset({"camfs.cameras.tethered"}),
        frozenset(
            {
                "camfs.errors",
                "camfs.cameras.api",
                "camfs.cameras.ptp",
                "camfs.cameras.tethered",
                "camfs.protocols.embedded",
                "camfs.protocols.ptp",
                KEPT,
            }
        ),
    ),
    "Nikon's driver is a body of the tethered one": Layer(
        frozenset({"camfs.cameras.nikon"}),
        frozenset(
            {
                "camfs.errors",
                "camfs.cameras.api",
                "camfs.cameras.nikon",
                "camfs.cameras.ptp",
                "camfs.cameras.tethered",
                "camfs.protocols.nikon",
                "camfs.protocols.ptp",
            }
        ),
    ),
    "Canon's driver is a body of the tethered one": Layer(
        frozenset({"camfs.cameras.canon_eos"}),
        frozenset(
            {
                "camfs.errors",
                "camfs.cameras.api",
                "camfs.cameras.canon_eos",
                "camfs.cameras.ptp",
                "camfs.cameras.tethered",
                "camfs.protocols.canon_eos",
                "camfs.protocols.ptp",
            }
        ),
    ),
    "Sony's driver is a body of the tethered one": Layer(
        frozenset({"camfs.cameras.sony"}),
        frozenset(
            {
                "camfs.errors",
                "camfs.cameras.api",
                "camfs.cameras.ptp",
                "camfs.cameras.sony",
                "camfs.cameras.tethered",
                "camfs.protocols.ptp",
                "camfs.protocols.sony",
            }
        ),
    ),
    "the choice among still cameras' drivers knows them all": Layer(
        frozenset({"camfs.cameras.still"}),
        frozenset(
            {
                "camfs.cameras.canon_eos",
                "camfs.cameras.nikon",
                "camfs.cameras.ptp",
                "camfs.cameras.sigma",
                "camfs.cameras.sony",
                "camfs.cameras.tethered",
                "camfs.protocols.ptp.makers",
                "camfs.protocols.sigma.codes",
            }
        ),
    ),
    "the DC120's driver stands alone": Layer(
        frozenset({"camfs.cameras.dc120"}),
        frozenset(
            {
                "camfs.errors",
                "camfs.cameras.api",
                "camfs.cameras.dc120",
                "camfs.protocols.dc120",
                "camfs.protocols.kdc",
                "camfs.transports.ports",
                KEPT,
            }
        ),
    ),
    "the file system knows cameras by their protocol": Layer(
        frozenset({"camfs.mount"}),
        frozenset(
            {"camfs.mount", "camfs.cameras.api", "camfs.developing.pictures", "camfs.errors", "camfs.printable", *WORDS}
        ),
        frozenset({"trio", "pyfuse3", "PIL"}),
    ),
    "developing knows files, and no camera": Layer(
        frozenset({"camfs.developing"}),
        frozenset({"camfs.developing", "camfs.errors", "camfs.protocols.kdc", KEPT}),
        frozenset({"trio", "platformdirs", "rawpy", "PIL"}),
    ),
    "emulated cameras know nothing of the program that mounts them": Layer(
        frozenset({"camfs.virtual"}),
        frozenset({"camfs.virtual", "camfs.protocols", "camfs.errors", *PORTS}),
    ),
    "what all emulated cameras use knows none of them": Layer(
        frozenset({f"camfs.virtual.{name}" for name in ("options", "running", "throttle", "trace")}),
        frozenset({"camfs.virtual.usb.pipes"}),
    ),
    "made pictures know the formats of files": Layer(
        frozenset({"camfs.virtual.pictures"}),
        frozenset(
            {
                "camfs.virtual.pictures",
                "camfs.protocols.embedded",
                "camfs.protocols.tiff",
                "camfs.protocols.kdc",
                "camfs.protocols.dc120.values",
            }
        ),
    ),
    "the emulated PTP camera is also the SIGMA": Layer(
        frozenset({"camfs.virtual.ptp"}),
        frozenset(
            {
                "camfs.errors",
                "camfs.protocols.ptp",
                "camfs.protocols.sigma",
                "camfs.virtual.options",
                "camfs.virtual.pictures",
                "camfs.virtual.ptp",
                "camfs.virtual.running",
                "camfs.virtual.sigma",
                "camfs.virtual.throttle",
                "camfs.virtual.trace",
                "camfs.virtual.usb.pipes",
                *PORTS,
            }
        ),
    ),
    "only where the emulated PTP camera is put together it knows makers": Layer(
        frozenset({"camfs.virtual.ptp"}),
        forbidden=frozenset({"camfs.protocols.sigma", "camfs.virtual.sigma", "camfs.virtual.canon_eos"}),
        exempt=frozenset({f"camfs.virtual.ptp.{name}" for name in ("camera", "options", "profiles", "state")}),
    ),
    "the emulated SIGMA adds to a PTP camera's state": Layer(
        frozenset({"camfs.virtual.sigma"}),
        frozenset(
            {
                "camfs.errors",
                "camfs.protocols.apex",
                "camfs.protocols.ptp",
                "camfs.protocols.sigma",
                "camfs.virtual.pictures",
                "camfs.virtual.ptp.calls",
                "camfs.virtual.ptp.refusal",
                "camfs.virtual.ptp.state",
                "camfs.virtual.ptp.store",
                "camfs.virtual.sigma",
            }
        ),
    ),
    "the emulated EOS adds to a PTP camera's state": Layer(
        frozenset({"camfs.virtual.canon_eos"}),
        frozenset(
            {
                "camfs.errors",
                "camfs.protocols.canon_eos",
                "camfs.protocols.ptp",
                "camfs.virtual.canon_eos",
                "camfs.virtual.options",
                "camfs.virtual.pictures",
                "camfs.virtual.ptp.calls",
                "camfs.virtual.ptp.descriptions",
                "camfs.virtual.ptp.maker_body",
                "camfs.virtual.ptp.makers",
                "camfs.virtual.ptp.operations",
                "camfs.virtual.ptp.options",
                "camfs.virtual.ptp.profiles",
                "camfs.virtual.ptp.refusal",
                "camfs.virtual.ptp.state",
                "camfs.virtual.ptp.store",
            }
        ),
    ),
    "the emulated Nikon adds to a PTP camera's state": Layer(
        frozenset({"camfs.virtual.nikon"}),
        frozenset(
            {
                "camfs.errors",
                "camfs.protocols.ptp",
                "camfs.protocols.nikon",
                "camfs.virtual.pictures",
                *(f"camfs.virtual.ptp.{name}" for name in ("calls", "makers", "operations", "options", "profiles")),
                *(f"camfs.virtual.ptp.{name}" for name in ("maker_body", "properties", "refusal", "state")),
                "camfs.virtual.nikon",
            }
        ),
    ),
    "the emulated Sony adds to a PTP camera's state": Layer(
        frozenset({"camfs.virtual.sony"}),
        frozenset(
            {
                "camfs.errors",
                "camfs.protocols.ptp",
                "camfs.protocols.sony",
                "camfs.virtual.pictures",
                *(f"camfs.virtual.ptp.{name}" for name in ("calls", "operations", "options", "profiles")),
                *(f"camfs.virtual.ptp.{name}" for name in ("maker_body", "refusal", "state")),
                "camfs.virtual.sony",
            }
        ),
    ),
    "the emulated DC120 stands alone": Layer(
        frozenset({"camfs.virtual.dc120"}),
        frozenset(
            {
                "camfs.errors",
                "camfs.protocols.dc120",
                "camfs.protocols.kdc",
                "camfs.virtual.dc120",
                "camfs.virtual.options",
                "camfs.virtual.pictures",
                "camfs.virtual.running",
                "camfs.virtual.trace",
            }
        ),
    ),
    "the emulated USB carries a PTP camera": Layer(
        frozenset({"camfs.virtual.usb"}),
        frozenset({"camfs.errors", "camfs.transports.ports", "camfs.virtual.ptp.camera", "camfs.virtual.usb"}),
    ),
    "of it only the gadget knows the camera": Layer(
        frozenset({"camfs.virtual.usb"}),
        forbidden=frozenset({"camfs.virtual.ptp"}),
        exempt=frozenset({"camfs.virtual.usb.gadget"}),
    ),
    "connect joins drivers to transports": Layer(
        frozenset({"camfs.connect"}),
        frozenset(
            {
                "camfs.connect",
                "camfs.cameras",
                "camfs.protocols",
                "camfs.transports",
                "camfs.virtual",
                "camfs.errors",
                *WORDS,
            }
        ),
        frozenset({"trio"}),
    ),
    "the command line's tables make its pages where nothing is installed": Layer(
        frozenset({"camfs.commands.arguments", "camfs.commands.manual"}),
        frozenset({"camfs", "camfs.commands"}),
        frozenset(),
        frozenset({"camfs.commands.doctor", "camfs.commands.cameras", "camfs.commands.units"}),
    ),
    "commands touch no camera": Layer(
        frozenset({"camfs.commands"}),
        frozenset(
            {
                "camfs",
                "camfs.commands",
                "camfs.transports",
                "camfs.errors",
                "camfs.printable",
                "camfs.protocols.ptp.modes",
            }
        ),
        frozenset({"platformdirs"}),
    ),
}


def imports_of(source: str) -> set[str]:
    """Return the absolute names of what a module imports, wherever in it: `from camfs import errors` is `camfs.errors`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "a relative import"
            assert node.module is not None
            submodules = {f"{node.module}.{name.name}" for name in node.names} & MODULES.keys()
            found.update(submodules)
            if len(submodules) < len(node.names):
                found.add(node.module)
        elif isinstance(node, ast.Name | ast.Attribute):
            name = node.id if isinstance(node, ast.Name) else node.attr
            assert name not in ("__import__", "import_module"), "an import that cannot be read"
    return found


def wrong_imports(layer: Layer, source: str) -> set[str]:
    """Return what a module of a layer imports and may not."""
    wrong = set()
    for name in imports_of(source):
        top = name.partition(".")[0]
        if is_in(name, layer.forbidden):
            wrong.add(name)
        elif top == "camfs":
            if layer.camfs is not None and not is_in(name, layer.camfs):
                wrong.add(name)
        else:
            allowed = layer.standard if top in sys.stdlib_module_names else layer.foreign
            if allowed is not None and top not in allowed:
                wrong.add(name)
    return wrong


IMPORTS = {module: imports_of(path.read_text()) for module, path in MODULES.items()}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_imports_what_it_may(name: str) -> None:
    layer = LAYERS[name]
    members = [module for module in MODULES if layer.holds(module)]
    assert members
    assert layer.exempt <= MODULES.keys()
    assert {module: wrong for module in members if (wrong := wrong_imports(layer, MODULES[module].read_text()))} == {}


def test_every_module_belongs_to_a_layer() -> None:
    placed = frozenset().union(*(layer.members for layer in LAYERS.values()))
    rest = {module for module in MODULES if not is_in(module, placed)}
    assert rest == {"camfs", "camfs.__main__", "camfs.cli"}


def test_every_family_has_a_layer_of_its_own() -> None:
    general = {"camfs.protocols", "camfs.cameras", "camfs.virtual"}
    families = frozenset().union(*(layer.members for layer in LAYERS.values())) - general
    rest = {module for module in MODULES if is_in(module, general) and not is_in(module, families)}
    assert rest == {*general, "camfs.virtual.__main__"}


@pytest.mark.parametrize("package", SOLE_IMPORTERS)
def test_few_modules_know_a_package(package: str) -> None:
    importers = {module for module, names in IMPORTS.items() if any(is_in(name, {package}) for name in names)}
    assert importers == SOLE_IMPORTERS[package]


@pytest.mark.parametrize(
    ("package", "importers"),
    [
        ("camfs.virtual", {"camfs.connect", "camfs.virtual"}),
        ("camfs.connect", {"camfs.cli", "camfs.connect"}),
        ("camfs.mount", {"camfs.cli", "camfs.mount"}),
        ("camfs.cli", {"camfs.__main__"}),
    ],
)
def test_who_knows_the_outside(package: str, importers: set[str]) -> None:
    found = {module for module, names in IMPORTS.items() if any(is_in(name, {package}) for name in names)}
    assert {module for module in found if not is_in(module, importers)} == set()


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_it_is_for(module: str) -> None:
    docstring = ast.get_docstring(ast.parse(MODULES[module].read_text()))
    assert docstring is not None
    first = docstring.splitlines()[0]
    assert first.strip()
    assert len(docstring.partition("\n\n")[0].strip()) >= 20


# the reading itself


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import trio", {"trio"}),
        ("import usb.core as core", {"usb.core"}),
        ("from usb import core", {"usb"}),
        ("from camfs import errors, __version__", {"camfs.errors", "camfs"}),
        ("from camfs.protocols import ptp", {"camfs.protocols.ptp"}),
        ("from camfs.protocols.ptp.codes import Operation", {"camfs.protocols.ptp.codes"}),
        ("def late():\n    import time", {"time"}),
        ("if TYPE_CHECKING:\n    from camfs.mount.tree import x", {"camfs.mount.tree"}),
        ("try:\n    import serial\nexcept ImportError:\n    pass", {"serial"}),
    ],
)
def test_imports_are_found_wherever_they_stand(source: str, names: set[str]) -> None:
    assert imports_of(source) == names


@pytest.mark.parametrize(
    "source",
    ["from . import errors", "from ..errors import CameraError", "__import__('usb')", "importlib.import_module('usb')"],
)
def test_imports_that_cannot_be_read_are_refused(source: str) -> None:
    with pytest.raises(AssertionError):
        imports_of(source)


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("import trio", {"trio"}),
        ("import time", {"time"}),
        ("from socket import socket", {"socket"}),
        ("import os, pathlib, tempfile, fcntl, ssl", {"os", "pathlib", "tempfile", "fcntl", "ssl"}),
        ("import http.client", {"http.client"}),
        ("import usb.core", {"usb.core"}),
        ("from camfs import cli", {"camfs.cli"}),
        ("from camfs.cameras.api import Camera", {"camfs.cameras.api"}),
        ("import numpy", {"numpy"}),
        ("import struct\nfrom camfs.errors import ProtocolError\nfrom camfs.protocols.ptp import codes", set()),
    ],
)
def test_a_protocol_that_did_io_would_be_noticed(source: str, wrong: set[str]) -> None:
    assert wrong_imports(LAYERS["protocols do no I/O"], source) == wrong


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("camfs.commands.doctor", "camfs.cameras.ptp.driver"),
        ("camfs.commands.manual", "camfs.cli"),
        ("camfs.cameras.api", "camfs.cameras.tethered.spool"),
        ("camfs.cameras.ptp.session", "camfs.cameras.tethered.remote"),
        ("camfs.cameras.dc120.line", "camfs.cameras.ptp.link"),
        ("camfs.cameras.sigma.card", "camfs.transports.usb"),
        ("camfs.transports.ports", "camfs.transports.usb"),
        ("camfs.transports.channel", "camfs.transports.usb"),
        ("camfs.protocols.ptp.values", "camfs.protocols.sigma"),
        ("camfs.protocols.ptp.values", "os"),
        ("camfs.protocols.sigma.records", "camfs.protocols.dc120.fields"),
        ("camfs.protocols.dc120.values", "camfs.protocols.kdc"),
        ("camfs.protocols.kdc", "camfs.protocols.dc120.fields"),
        ("camfs.virtual.ptp.store", "camfs.virtual.sigma"),
        ("camfs.virtual.ptp.store", "camfs.virtual.dc120"),
        ("camfs.virtual.ptp.camera", "camfs.virtual.dc120"),
        ("camfs.virtual.dc120.store", "camfs.virtual.ptp.store"),
        ("camfs.virtual.usb.pipes", "camfs.virtual.ptp.camera"),
        ("camfs.virtual.throttle", "camfs.virtual.ptp.responder"),
    ],
)
def test_a_family_that_knew_another_would_be_noticed(module: str, imported: str) -> None:
    layers = [layer for layer in LAYERS.values() if layer.holds(module)]
    assert module in MODULES
    assert imported in set().union(*(wrong_imports(layer, f"import {imported}") for layer in layers))
