"""Throttling: a link that is slowed down to a given bandwidth and latency.

Time is counted from the beginning of a transaction, that is from the first bytes that the host sends after an answer::

    begin ── request / bandwidth ──► ── data from the host / bandwidth ──► ── latency ──► ── answer / bandwidth ──► over

So a transaction takes at least latency + bytes / bandwidth, and never less for the time that the link was idle before. Within it the link
may be late by `SLACK` and catch up: the clock wakes too late now and then, and a camera gets its next bytes ready while the last ones are
on their way. A host that takes nothing for longer than that does not get the rest faster.
"""

import trio

from camfs.virtual.usb.pipes import Port

SLACK = 0.02
"""Seconds by which a link may be late and catch up."""


class Throttle:
    """When a link is free again.

    Args:
        bandwidth: bytes a second, in both directions together; None for no limit.
        latency: seconds that each transaction takes besides.
    """

    def __init__(self, bandwidth: float | None, latency: float) -> None:
        self._bandwidth = bandwidth
        self._latency = latency
        self._free = 0.0

    def begin(self) -> None:
        """Note that a transaction begins now."""
        self._free = max(self._free, trio.current_time())

    async def move(self, size: int) -> None:
        """Wait for the time that these bytes take. Cancelled: they count as moved."""
        if self._bandwidth:
            await self._spend(size / self._bandwidth)

    async def work(self) -> None:
        """Wait for the time that the camera takes to answer."""
        if self._latency:
            await self._spend(self._latency)

    async def _spend(self, seconds: float) -> None:
        self._free = max(self._free, trio.current_time() - SLACK) + seconds
        await trio.sleep_until(self._free)


class ThrottledPort:
    """A `Port` that is slowed down.

    Args:
        port: what carries the bytes.
        throttle: the time that they take.
    """

    def __init__(self, port: Port, throttle: Throttle) -> None:
        self.max_packet_size = port.max_packet_size
        self.stall, self.halted, self.flush, self.send_event = port.stall, port.halted, port.flush, port.send_event
        self._port = port
        self._throttle = throttle
        self._in_transfer = False

    async def receive(self) -> tuple[bytes | memoryview, bool]:
        data, end = await self._port.receive()
        if not self._in_transfer:
            self._throttle.begin()
        self._in_transfer = not end
        await self._throttle.move(len(data))
        return data, end

    async def send(self, data: bytes) -> None:
        await self._throttle.move(len(data))
        await self._port.send(data)
