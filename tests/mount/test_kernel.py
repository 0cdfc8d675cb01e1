"""What is asked of the kernel: what it is to drop, in order and in a thread, and how serving begins and ends."""

import errno
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pyfuse3
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from camfs.mount import kernel as module
from camfs.mount.kernel import Kernel
from camfs.mount.nodes import Node
from tests.cameras.rig import nursery
from tests.cameras.scripted import ScriptedCamera
from tests.mount.rig import WatchedTree

PATIENCE = 30.0
"""Seconds after which a thread that should have gone on is taken to hang."""


@dataclass
class Pyfuse3:
    """Stands for the functions of pyfuse3.

    Attributes:
        calls: what was asked of the kernel.
        threads: that asked it.
        busy: while it is cleared the kernel waits for a lock.
        reached: set when a call has begun.
        failure: what the next call fails with.
        ended: `main` returns when it is set, or fails with what is in `ending`.
    """

    calls: list[tuple[object, ...]] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)
    busy: threading.Event = field(default_factory=threading.Event)
    reached: threading.Event = field(default_factory=threading.Event)
    failure: OSError | None = None
    ended: trio.Event = field(default_factory=trio.Event)
    ending: BaseException | None = None

    def invalidate(self, *what: object) -> None:
        """Stand for invalidate_entry, invalidate_inode and notify_store."""
        self.calls.append(what)
        self.threads.add(threading.current_thread().name)
        self.reached.set()
        assert self.busy.wait(PATIENCE)
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure

    async def main(self) -> None:
        """Stand for main."""
        await self.ended.wait()
        if self.ending is not None:
            raise BaseExceptionGroup("", [self.ending])


@pytest.fixture
def fuse(monkeypatch: pytest.MonkeyPatch) -> Pyfuse3:
    fuse = Pyfuse3()
    fuse.busy.set()
    monkeypatch.setattr(pyfuse3, "invalidate_entry", fuse.invalidate)
    monkeypatch.setattr(pyfuse3, "invalidate_inode", fuse.invalidate)
    monkeypatch.setattr(pyfuse3, "notify_store", fuse.invalidate)
    monkeypatch.setattr(pyfuse3, "main", fuse.main)
    return fuse


@asynccontextmanager
async def serving(fuse: Pyfuse3) -> AsyncIterator[Kernel]:
    """Serve for as long as the block lasts."""
    kernel = Kernel()
    async with nursery() as work:
        work.start_soon(kernel.serve)
        try:
            with trio.fail_after(PATIENCE):
                yield kernel
        finally:
            fuse.busy.set()
            fuse.ended.set()


def nodes() -> tuple[Node, Node, Node]:
    """Make the root, a folder and a file of a tree; the kernel holds the root alone."""
    tree = WatchedTree(ScriptedCamera())
    folder = Node(tree, tree.root, b"folder")
    return tree.root, folder, Node(tree, folder, b"file")


async def test_bytes_are_stored_before_what_invalidates_them_later(fuse: Pyfuse3) -> None:
    _, folder, file = nodes()
    file.lookups = 1
    async with serving(fuse) as kernel:
        await kernel.store(file, 5, memoryview(b"old"))
        kernel.invalidate_inode(file)
        await kernel.store(file, 5, memoryview(b"new"))
        await kernel.store(folder, 0, memoryview(b"of an inode that the kernel does not have"))
        await kernel.flush()
        assert fuse.calls == [(file.inode, 5, b"old"), (file.inode,), (file.inode, 5, b"new")]


async def test_who_stores_goes_on_when_it_is_stored(fuse: Pyfuse3) -> None:
    _, _, file = nodes()
    file.lookups = 1
    async with serving(fuse) as kernel:
        await kernel.store(file, 0, memoryview(b"bytes"))
        assert fuse.calls == [(file.inode, 0, b"bytes")]


async def test_nobody_waits_for_a_thread_that_waits(fuse: Pyfuse3, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may wait for pages that are free once a read is answered, and that read for who stores: that would be a deadlock."""
    monkeypatch.setattr(module, "STORE_TIME", PATIENCE / 2)
    _, _, file = nodes()
    file.lookups = 1
    async with serving(fuse) as kernel:
        fuse.busy.clear()
        kernel.invalidate_inode(file)
        await trio.to_thread.run_sync(fuse.reached.wait)
        with trio.fail_after(PATIENCE / 4):
            await kernel.store(file, 0, memoryview(b"bytes"))
        assert fuse.calls == [(file.inode,)]
        fuse.busy.set()
        await kernel.flush()
        assert fuse.calls == [(file.inode,), (file.inode, 0, b"bytes")]


async def test_few_bytes_wait_for_a_thread_that_waits(fuse: Pyfuse3) -> None:
    _, _, file = nodes()
    file.lookups = 1
    data = memoryview(bytes(module.MOST_QUEUED // 4))
    async with serving(fuse) as kernel:
        fuse.busy.clear()
        kernel.invalidate_inode(file)
        for number in range(10):
            await kernel.store(file, number, data)
        fuse.busy.set()
        await kernel.flush()
        assert [call[1] for call in fuse.calls[1:]] == [0, 1, 2, 3]
        await kernel.store(file, 10, data)
        assert len(fuse.calls) == 6


async def test_the_kernel_is_asked_in_order_by_a_thread(fuse: Pyfuse3) -> None:
    root, folder, file = nodes()
    folder.lookups = file.lookups = 1
    async with serving(fuse) as kernel:
        kernel.invalidate_entry(root, b"folder")
        kernel.invalidate_inode(folder)
        kernel.invalidate_entry(folder, b"file")
        kernel.invalidate_inode(file)
        await kernel.flush()
        assert fuse.calls == [(1, b"folder"), (folder.inode,), (folder.inode, b"file"), (file.inode,)]
        assert fuse.threads == {"notify"}


async def test_what_the_kernel_does_not_hold_is_not_asked_of_it(fuse: Pyfuse3) -> None:
    """The root it always holds, and without having looked it up."""
    root, folder, file = nodes()
    async with serving(fuse) as kernel:
        kernel.invalidate_entry(folder, b"file")
        kernel.invalidate_inode(folder)
        kernel.invalidate_inode(file)
        kernel.invalidate_entry(root, b"folder")
        await kernel.flush()
        assert fuse.calls == [(1, b"folder")]


async def test_a_name_in_a_folder_that_the_kernel_holds_is_dropped_whoever_holds_the_file(fuse: Pyfuse3) -> None:
    """The kernel may remember the name without the node: that there is none of this name, or a node it has forgotten since."""
    _, folder, _ = nodes()
    folder.lookups = 1
    async with serving(fuse) as kernel:
        kernel.invalidate_entry(folder, b"file")
        await kernel.flush()
        assert fuse.calls == [(folder.inode, b"file")]


async def test_a_handler_goes_on_while_the_kernel_waits(fuse: Pyfuse3) -> None:
    """The kernel may wait for the very request that the handler is about to answer."""
    root, folder, _ = nodes()
    folder.lookups = 1
    fuse.busy.clear()
    async with serving(fuse) as kernel:
        kernel.invalidate_entry(root, b"folder")
        await trio.to_thread.run_sync(fuse.reached.wait, PATIENCE)
        kernel.invalidate_inode(folder)  # returns at once
        assert len(fuse.calls) == 1
        fuse.busy.set()
        await kernel.flush()
        assert len(fuse.calls) == 2


async def test_flush_waits_until_the_kernel_has_dropped_all(fuse: Pyfuse3) -> None:
    root, _, _ = nodes()
    fuse.busy.clear()
    flushed = trio.Event()
    async with serving(fuse) as kernel, nursery() as work:
        kernel.invalidate_entry(root, b"one")
        kernel.invalidate_entry(root, b"other")

        async def flush() -> None:
            await kernel.flush()
            flushed.set()

        work.start_soon(flush)
        await trio.to_thread.run_sync(fuse.reached.wait, PATIENCE)
        await wait_all_tasks_blocked(0.01)
        assert not flushed.is_set()
        fuse.busy.set()
        await flushed.wait()
        assert fuse.calls == [(1, b"one"), (1, b"other")]


async def test_what_the_kernel_refuses_stops_nothing(fuse: Pyfuse3, caplog: pytest.LogCaptureFixture) -> None:
    root, _, _ = nodes()
    caplog.set_level(logging.DEBUG, module.__name__)
    async with serving(fuse) as kernel:
        for number in (errno.ENOENT, errno.ENOTEMPTY, errno.EBADF):
            fuse.failure = OSError(number, "refused")
            kernel.invalidate_entry(root, b"name")
            await kernel.flush()
        kernel.invalidate_entry(root, b"after")
        await kernel.flush()
        assert fuse.calls[-1] == (1, b"after")
    assert len(caplog.records) == 2  # that it has no such name is no news


async def test_what_was_asked_before_serving_is_done_then(fuse: Pyfuse3) -> None:
    root, _, _ = nodes()
    kernel = Kernel()
    kernel.invalidate_entry(root, b"early")
    async with nursery() as work:
        work.start_soon(kernel.serve)
        await kernel.flush()
        assert fuse.calls == [(1, b"early")]
        fuse.ended.set()


async def served(kernel: Kernel) -> set[str]:
    """Serve to the end; return the names of the threads that are left."""
    await kernel.serve()
    return {thread.name for thread in threading.enumerate()}


async def test_serving_ends_with_its_thread(fuse: Pyfuse3) -> None:
    fuse.ended.set()
    assert "invalidate" not in await served(Kernel())


async def test_a_connection_that_the_kernel_closed_is_an_end_as_any(fuse: Pyfuse3) -> None:
    fuse.ended.set()
    fuse.ending = ConnectionAbortedError()
    assert "invalidate" not in await served(Kernel())


async def test_another_failure_comes_out(fuse: Pyfuse3) -> None:
    fuse.ended.set()
    fuse.ending = ZeroDivisionError("a bug")
    with pytest.raises(BaseExceptionGroup) as caught:
        await Kernel().serve()
    assert caught.group_contains(ZeroDivisionError)


async def test_an_invalidation_that_is_stuck_does_not_keep_the_mount(
    fuse: Pyfuse3, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unmounting is what frees it; what is queued behind it is not asked any more."""
    monkeypatch.setattr(module, "JOIN", 0.05)
    root, _, _ = nodes()
    kernel = Kernel()
    fuse.busy.clear()
    kernel.invalidate_entry(root, b"stuck")
    kernel.invalidate_entry(root, b"behind")
    async with nursery() as work:
        work.start_soon(kernel.serve)
        await trio.to_thread.run_sync(fuse.reached.wait, PATIENCE)
        fuse.ended.set()
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "notify")
    fuse.busy.set()
    thread.join(PATIENCE)
    assert fuse.calls == [(1, b"stuck")]


def test_mounting_and_unmounting(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []

    def note(name: str) -> Callable[..., None]:
        return lambda *args, **kwargs: calls.append((name, *args, kwargs))

    for name in ("init", "terminate", "close"):
        monkeypatch.setattr(pyfuse3, name, note(name))
    kernel, operations = Kernel(), pyfuse3.Operations()
    kernel.mount(operations, "/mnt/cam", {"ro"})
    kernel.stop()
    kernel.unmount()
    assert calls == [("init", operations, "/mnt/cam", {"ro"}, {}), ("terminate", {}), ("close", {"unmount": True})]
