"""What is done about a body that says *not now*: the same again, for a while. Each maker's bodies say it with answers of their own."""

from collections.abc import Awaitable, Callable, Container
from typing import TypeVar

import trio

from camfs import errors

T = TypeVar("T")

STEP = 0.05
"""Seconds between two attempts."""


async def while_not_now(work: Callable[[], Awaitable[T]], answers: Container[int | None], seconds: float) -> T:
    """Do something, again and again while the body cannot do it now.

    Args:
        work: what is done; it raises `Refused` if the body refuses.
        answers: response codes that mean *not now*.
        seconds: for which it is done again; then the last refusal is raised.
    """
    until = trio.current_time() + seconds
    while True:
        try:
            return await work()
        except errors.Refused as error:
            if error.code not in answers or trio.current_time() >= until:
                raise
        await trio.sleep(STEP)
