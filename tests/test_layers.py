"""The layers, read from the imports of every module: who may know whom (design, "Layers")."""

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

IN_AND_OUT = {
    "asyncio",
    "select",
    "selectors",
    "serial",
    "signal",
    "socket",
    "subprocess",
    "threading",
    "time",
    "trio",
    "usb",
}
"""What a protocol has no use for."""

SOLE_IMPORTERS = {
    "usb": {"camfs.transports.usb", "camfs.transports.usberrors", "camfs.transports.usbpipes"},
    "serial": {"camfs.transports.serial"},
    "pyfuse3": {"camfs.mount.operations", "camfs.mount.kernel"},
}
"""Packages that a few modules hide from all others; of pyfuse3 one has what the kernel asks of us and one what we ask of it."""

WORDS = {"camfs.commands.options", "camfs.commands.sources"}
"""What the command line says, as data: known from `connect` down to `mount.run`, and itself knowing errors alone."""

PORTS = {"camfs.transports.ports", "camfs.transports.channel"}
"""What may be asked of a wire, and whole messages over one: known on both sides of it."""


@dataclass(frozen=True)
class Layer:
    """Modules, and what they import.

    Attributes:
        members: packages or modules.
        camfs: packages or modules of camfs that they may import; None for any.
        foreign: packages that are neither camfs nor the standard library that they may import; None for any.
        forbidden: packages or modules that they may not import.
    """

    members: frozenset[str]
    camfs: frozenset[str] | None = None
    foreign: frozenset[str] | None = None
    forbidden: frozenset[str] = frozenset()


LAYERS = {
    "errors know nobody": Layer(frozenset({"camfs.errors"}), frozenset(), frozenset()),
    "options and sources are words": Layer(frozenset(WORDS), frozenset({"camfs.errors"}), frozenset()),
    "protocols do no I/O": Layer(
        frozenset({"camfs.protocols"}),
        frozenset({"camfs.errors", "camfs.protocols"}),
        frozenset(),
        frozenset(IN_AND_OUT),
    ),
    "transports carry bytes": Layer(
        frozenset({"camfs.transports"}),
        frozenset({"camfs.errors", "camfs.transports"}),
        frozenset({"trio", "usb", "serial", "platformdirs"}),
    ),
    "cameras speak protocols over any port": Layer(
        frozenset({"camfs.cameras"}),
        frozenset({"camfs.cameras", "camfs.protocols", "camfs.errors", *PORTS}),
        frozenset({"trio", "platformdirs"}),
    ),
    "the file system knows cameras by their protocol": Layer(
        frozenset({"camfs.mount"}),
        frozenset({"camfs.mount", "camfs.cameras.api", "camfs.errors", *WORDS}),
        frozenset({"trio", "pyfuse3", "PIL"}),
    ),
    "emulated cameras know nothing of the program that mounts them": Layer(
        frozenset({"camfs.virtual"}),
        frozenset({"camfs.virtual", "camfs.protocols", "camfs.errors", *PORTS}),
    ),
    "connect joins drivers to transports": Layer(
        frozenset({"camfs.connect"}),
        frozenset({"camfs.cameras", "camfs.protocols", "camfs.transports", "camfs.virtual", "camfs.errors", *WORDS}),
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
        frozenset({"camfs", "camfs.commands", "camfs.transports", "camfs.errors"}),
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


def is_in(module: str, packages: frozenset[str] | set[str]) -> bool:
    """Say whether a module is one of some packages, or lies in one."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


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
        elif top not in sys.stdlib_module_names and layer.foreign is not None and top not in layer.foreign:
            wrong.add(name)
    return wrong


IMPORTS = {module: imports_of(path.read_text()) for module, path in MODULES.items()}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_imports_what_it_may(name: str) -> None:
    layer = LAYERS[name]
    members = [module for module in MODULES if is_in(module, layer.members)]
    assert members
    assert {module: wrong for module in members if (wrong := wrong_imports(layer, MODULES[module].read_text()))} == {}


def test_every_module_belongs_to_a_layer() -> None:
    placed = frozenset().union(*(layer.members for layer in LAYERS.values()))
    rest = {module for module in MODULES if not is_in(module, placed)}
    assert rest == {"camfs", "camfs.__main__", "camfs.cli"}


@pytest.mark.parametrize("package", SOLE_IMPORTERS)
def test_few_modules_know_a_package(package: str) -> None:
    importers = {module for module, names in IMPORTS.items() if any(is_in(name, {package}) for name in names)}
    assert importers == SOLE_IMPORTERS[package]


@pytest.mark.parametrize(
    ("package", "importers"),
    [
        ("camfs.virtual", {"camfs.connect", "camfs.virtual"}),
        ("camfs.connect", {"camfs.cli"}),
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
        ("import usb.core", {"usb.core"}),
        ("from camfs import cli", {"camfs.cli"}),
        ("from camfs.cameras.api import Camera", {"camfs.cameras.api"}),
        ("import numpy", {"numpy"}),
        ("import struct\nfrom camfs.errors import ProtocolError\nfrom camfs.protocols.ptp import codes", set()),
    ],
)
def test_a_protocol_that_did_io_would_be_noticed(source: str, wrong: set[str]) -> None:
    assert wrong_imports(LAYERS["protocols do no I/O"], source) == wrong
