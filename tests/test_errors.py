"""The exception tree as it is drawn, the errno of each, and that handlers raise these and nothing else."""

import ast
import errno
import inspect
import itertools
import re
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pyfuse3
import pytest

from camfs import errors
from camfs.mount import operations, refusals
from camfs.mount.errnos import ERRNOS, BadRequest, errno_of
from camfs.mount.operations import CameraOperations, Ownership, Timeouts
from camfs.mount.refusals import RefusingOperations
from camfs.protocols.ptp.codes import REFUSALS, Operation, ResponseCode, refusal
from tests.cameras.scripted import ScriptedCamera
from tests.mount.rig import WatchedTree

CLASSES: list[type[errors.CameraError]] = [
    each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, errors.CameraError) and each.__module__ == errors.__name__
]


def drawn() -> dict[str, tuple[str, str | None]]:
    """Read the tree in the docstring: of each class the one above it, and the errno beside it."""
    found: dict[str, tuple[str, str | None]] = {}
    above = ["Exception"]
    for line in (errors.__doc__ or "").splitlines():
        match = re.fullmatch(r"    ((?:[│├└─ ]{4})*)([A-Z]\w+)(?: +(.*))?", line)
        if match:
            depth = len(match[1]) // 4
            del above[depth + 1 :]
            number = re.search(r"\bE[A-Z]+\b", match[3] or "")
            found[match[2]] = (above[-1], number[0] if number else None)
            above.append(match[2])
    return found


def made(kind: type[errors.CameraError]) -> errors.CameraError:
    return kind("what went wrong")


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_class_is_drawn_where_it_stands(kind: type[errors.CameraError]) -> None:
    above, _ = drawn()[kind.__name__]
    assert kind.__base__ is not None
    assert kind.__base__.__name__ == above
    assert kind.__doc__


def test_nothing_else_is_drawn() -> None:
    assert set(drawn()) == {kind.__name__ for kind in CLASSES}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_class_has_the_errno_that_is_drawn(kind: type[errors.CameraError]) -> None:
    name: str | None = kind.__name__
    tree = drawn()
    while name in tree and tree[name][1] is None:
        name = tree[name][0]
    expected = tree[name][1] if name in tree else "EIO"
    assert errno.errorcode[errno_of(made(kind))] == errno.errorcode[getattr(errno, expected or "EIO")]


@pytest.mark.parametrize(("kind", "number"), ERRNOS, ids=lambda part: getattr(part, "__name__", str(part)))
def test_every_row_counts(kind: type[errors.CameraError], number: int) -> None:
    """No row stands behind one that takes its errors, and each gives what it says."""
    assert errno_of(made(kind)) == number
    before = [row for row, _ in ERRNOS[: ERRNOS.index((kind, number))]]
    assert not any(issubclass(kind, row) for row in before)
    assert number != errno.ENOSYS


def test_the_class_of_every_response_code() -> None:
    for code in ResponseCode:
        error = refusal(Operation.GetObject, code)
        assert type(error) is REFUSALS.get(code, errors.Refused)
        assert error.code == code
        assert code.name in str(error)
    assert refusal(0x9999, 0xA5A5).code == 0xA5A5
    assert errno_of(refusal(0x9999, 0xA5A5)) == errno.EIO


# handlers


def class_in(module: ModuleType, name: str) -> ast.ClassDef:
    assert module.__file__ is not None
    source = ast.parse(Path(module.__file__).read_text())
    return next(each for each in source.body if isinstance(each, ast.ClassDef) and each.name == name)


OPERATIONS = class_in(operations, "CameraOperations")
REFUSING = class_in(refusals, "RefusingOperations")

HANDLERS = {
    name: handler
    for name, handler in vars(pyfuse3.Operations).items()
    if inspect.iscoroutinefunction(handler) and not name.startswith("_")
}

UNFAILING = {"forget", "releasedir", "fsyncdir", "flush", "fsync"}
"""Handlers that do nothing that could fail."""

ABSENT = {"getxattr", "listxattr", "setxattr", "removexattr"}
"""Handlers that say that there is no such thing, so that the kernel does not ask again."""


def names_in(tree: ast.AST) -> set[str]:
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} | {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name)
    }


def test_no_handler_raises_enosys_but_those_of_extended_attributes() -> None:
    """The kernel does not ask again for as long as the mount lives."""
    for path in (Path(operations.__file__).parent).rglob("*.py"):
        if path != Path(refusals.__file__):
            assert "ENOSYS" not in names_in(ast.parse(path.read_text())), path
    for handler in REFUSING.body:
        if isinstance(handler, ast.AsyncFunctionDef):
            assert ("ENOSYS" in names_in(handler)) is (handler.name in ABSENT), handler.name


@pytest.mark.parametrize("name", HANDLERS)
def test_every_handler_is_there(name: str) -> None:
    """Those of pyfuse3 raise ENOSYS."""
    assert name in {**vars(RefusingOperations), **vars(CameraOperations)}


@pytest.mark.parametrize("handler", [each for each in OPERATIONS.body if isinstance(each, ast.AsyncFunctionDef)])
def test_every_handler_translates_its_failures(handler: ast.AsyncFunctionDef) -> None:
    if handler.name in HANDLERS:
        decorated = any(isinstance(each, ast.Name) and each.id == "_answers" for each in handler.decorator_list)
        assert decorated is (handler.name not in UNFAILING)
        if handler.name in UNFAILING:
            assert not any(isinstance(node, ast.Await | ast.Raise) for node in ast.walk(handler))


def test_refusals_ask_nobody() -> None:
    for handler in REFUSING.body:
        assert not any(isinstance(node, ast.Await) for node in ast.walk(handler)), ast.unparse(handler)


def test_handlers_raise_fuse_errors_and_camera_errors() -> None:
    for node in itertools.chain(ast.walk(OPERATIONS), ast.walk(REFUSING)):
        if isinstance(node, ast.Raise) and node.exc is not None:
            raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            name = raised.attr if isinstance(raised, ast.Attribute) else getattr(raised, "id", "")
            assert name in {"FUSEError", *(kind.__name__ for kind in CLASSES)}, ast.unparse(node)


class Trap:
    """Stands for anything a handler looks at: using it fails with an error of choice."""

    def __init__(self, error: Exception) -> None:
        self.__dict__["error"] = error

    def __getattr__(self, name: str) -> Any:
        raise self.__dict__["error"]


@pytest.mark.parametrize(
    "error", [*(made(kind) for kind in CLASSES), BadRequest(errno.EISDIR), ZeroDivisionError("a bug")], ids=repr
)
async def test_a_failure_comes_out_as_a_fuse_error(error: Exception) -> None:
    tree = WatchedTree(ScriptedCamera())
    handlers = CameraOperations(tree, Ownership(0, 0), Timeouts(5, 60))
    trap: Any = Trap(error)
    tree.inodes = tree.camera = trap
    expected = errno.EIO
    if isinstance(error, errors.CameraError):
        expected = errno_of(error)
    elif isinstance(error, BadRequest):
        expected = error.errno
    context: Any = SimpleNamespace(pid=0)
    for call in (
        handlers.getattr(pyfuse3.InodeT(1), context),
        handlers.lookup(pyfuse3.InodeT(1), pyfuse3.FileNameT(b"card"), context),
        handlers.opendir(pyfuse3.InodeT(1), context),
        handlers.open(pyfuse3.InodeT(1), pyfuse3.FlagT(0), context),
        handlers.statfs(context),
        handlers.unlink(pyfuse3.InodeT(1), pyfuse3.FileNameT(b"card"), context),
        handlers.rmdir(pyfuse3.InodeT(1), pyfuse3.FileNameT(b"card"), context),
        handlers.access(pyfuse3.InodeT(1), pyfuse3.ModeT(0), context),
    ):
        with pytest.raises(pyfuse3.FUSEError) as caught:
            await call
        assert caught.value.errno == expected
    quiet = not isinstance(error, errors.CameraError) or isinstance(error, errors.NotFound | errors.DeviceGone)
    assert tree.notes == ([] if quiet else ["what went wrong"] * 8)
