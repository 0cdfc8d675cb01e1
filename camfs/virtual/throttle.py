"""Throttling: a USB port slowed down to a given bandwidth."""

import trio

from camfs.virtual.usb.pipes import Port


class ThrottledPort:
    """A `Port` that is slowed down.

    Args:
        port: what carries the bytes.
        bandwidth: bytes a second, in both directions together.
    """

    def __init__(self, port: Port, bandwidth: float) -> None:
        self.max_packet_size = port.max_packet_size
        self.stall, self.halted, self.flush, self.send_event = port.stall, port.halted, port.flush, port.send_event
        self._port = port
        self._bandwidth = bandwidth
        self._free = 0.0
        self._in_transfer = False

    async def receive(self) -> tuple[bytes | memoryview, bool]:
        data, end = await self._port.receive()
        await self._spend(len(data), end)
        return data, end

    async def send(self, data: bytes) -> None:
        await self._spend(len(data), not data or len(data) % self.max_packet_size != 0)
        await self._port.send(data)

    async def _spend(self, size: int, end: bool) -> None:
        # Within a transfer time is counted from its start, so that oversleeping does not add up.
        start = self._free if self._in_transfer else trio.current_time()
        self._free = start + size / self._bandwidth
        self._in_transfer = not end
        await trio.sleep_until(self._free)
