"""A thread of one's own: what comes back from it, and what becomes of a call whose caller is cancelled."""

import threading

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from camfs.transports.worker import WorkerThread

PATIENCE = 30.0


async def test_results_and_failures_come_back() -> None:
    thread = WorkerThread("worker")
    assert await thread.run(lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        await thread.run(lambda: 1 / 0)
    assert await thread.run(lambda: threading.current_thread().name) == "worker"
    thread.close()


async def test_calls_run_one_after_the_other_in_one_thread() -> None:
    thread, seen, order = WorkerThread("worker"), set(), []

    def note(number: int) -> int:
        seen.add(threading.get_ident())
        order.append(number)
        return number

    async def call(number: int) -> None:
        assert await thread.run(lambda: note(number)) == number

    async with trio.open_nursery() as nursery:
        for number in range(100):
            nursery.start_soon(call, number)
    assert len(seen) == 1
    assert sorted(order) == list(range(100))
    thread.close()


async def test_who_is_cancelled_waits_for_the_call_and_gets_its_result() -> None:
    thread, go_on, scope = WorkerThread("worker"), threading.Event(), trio.CancelScope()
    results: list[bool] = []

    async def call() -> None:
        with scope:
            results.append(await thread.run(lambda: go_on.wait(PATIENCE)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(call)
        await wait_all_tasks_blocked()
        scope.cancel()
        await wait_all_tasks_blocked()
        assert results == []
        go_on.set()
    assert results == [True]
    thread.close()


async def test_who_is_cancelled_before_does_not_call() -> None:
    thread, called = WorkerThread("worker"), []
    with trio.CancelScope() as scope:
        scope.cancel()
        await thread.run(lambda: called.append(1))
    assert called == []
    thread.close()


async def test_the_thread_ends() -> None:
    thread = WorkerThread("worker that ends")
    running = await thread.run(threading.current_thread)
    thread.close()
    running.join(PATIENCE)
    assert not running.is_alive()
