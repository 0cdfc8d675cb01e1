"""The lock on the wire: one holder at a time, urgent callers first, and a cancelled waiter does not lose it for the others."""

import functools

import trio
import trio.testing

from camfs.cameras.ptp.priority_lock import PriorityLock


async def test_one_at_a_time_in_order() -> None:
    lock = PriorityLock()
    order: list[str] = []

    async def use(name: str, *, urgent: bool) -> None:
        async with lock.acquired(urgent):
            order.append(name)
            await trio.testing.wait_all_tasks_blocked()
            order.append(name)

    async with trio.open_nursery() as nursery, lock.acquired():
        for name, urgent in (("block", False), ("frame", False), ("iso", True), ("shutter", True)):
            nursery.start_soon(functools.partial(use, name, urgent=urgent))
            await trio.testing.wait_all_tasks_blocked()
    assert order == ["iso", "iso", "shutter", "shutter", "block", "block", "frame", "frame"]


async def test_a_cancelled_waiter_hands_the_lock_on() -> None:
    lock = PriorityLock()
    got = False

    async def wait(scope: trio.CancelScope) -> None:
        with scope:
            async with lock.acquired():
                raise AssertionError("it was cancelled")

    async def get() -> None:
        nonlocal got
        async with lock.acquired():
            got = True

    async with trio.open_nursery() as nursery:
        early, late = trio.CancelScope(), trio.CancelScope()
        async with lock.acquired():
            nursery.start_soon(wait, early)
            nursery.start_soon(wait, late)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(get)
            await trio.testing.wait_all_tasks_blocked()
            early.cancel()
            await trio.testing.wait_all_tasks_blocked()
            late.cancel()  # it is still in the queue when the lock is handed on
    assert got
    with trio.fail_after(1):
        async with lock.acquired():
            pass


async def test_whoever_comes_while_the_lock_is_handed_on_waits() -> None:
    lock = PriorityLock()
    inside = 0

    async def use() -> None:
        nonlocal inside
        async with lock.acquired():
            inside += 1
            assert inside == 1
            await trio.lowlevel.checkpoint()
            inside -= 1

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(use)
            await trio.lowlevel.checkpoint()
