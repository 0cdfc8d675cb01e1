"""PriorityLock on the line: one at a time, urgent ones first, and none lost to a cancelled waiter."""

import functools

import trio
import trio.testing

from camfs.cameras.ptp.priority_lock import PriorityLock


async def test_one_at_a_time_in_order() -> None:
    turns = PriorityLock()
    order: list[str] = []

    async def use(name: str, *, urgent: bool) -> None:
        async with turns.taken(urgent):
            order.append(name)
            await trio.testing.wait_all_tasks_blocked()
            order.append(name)

    async with trio.open_nursery() as nursery, turns.taken():
        for name, urgent in (("block", False), ("frame", False), ("iso", True), ("shutter", True)):
            nursery.start_soon(functools.partial(use, name, urgent=urgent))
            await trio.testing.wait_all_tasks_blocked()
    assert order == ["iso", "iso", "shutter", "shutter", "block", "block", "frame", "frame"]


async def test_a_cancelled_waiter_passes_the_turn_on() -> None:
    turns = PriorityLock()
    got = False

    async def wait(scope: trio.CancelScope) -> None:
        with scope:
            async with turns.taken():
                raise AssertionError("it was cancelled")

    async def get() -> None:
        nonlocal got
        async with turns.taken():
            got = True

    async with trio.open_nursery() as nursery:
        early, late = trio.CancelScope(), trio.CancelScope()
        async with turns.taken():
            nursery.start_soon(wait, early)
            nursery.start_soon(wait, late)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(get)
            await trio.testing.wait_all_tasks_blocked()
            early.cancel()
            await trio.testing.wait_all_tasks_blocked()
            late.cancel()  # it is still in the queue when the turn is passed on
    assert got
    with trio.fail_after(1):
        async with turns.taken():
            pass


async def test_whoever_comes_while_the_turn_is_passed_on_waits() -> None:
    turns = PriorityLock()
    inside = 0

    async def use() -> None:
        nonlocal inside
        async with turns.taken():
            inside += 1
            assert inside == 1
            await trio.lowlevel.checkpoint()
            inside -= 1

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(use)
            await trio.lowlevel.checkpoint()
