"""An emulated camera in this process, on loopback: a test changes it, and has it misbehave, while camfs has it mounted."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import trio

from camfs.protocols.ptp.messages import Event
from camfs.virtual import emulate
from camfs.virtual.ptp import ptpip
from camfs.virtual.ptp.camera import EmulatedCamera

T = TypeVar("T")


@dataclass
class CameraInProcess:
    """A camera that answers in a thread of its own.

    Attributes:
        camera: what only that thread may touch: see `do`.
        source: its SOURCE.
    """

    camera: EmulatedCamera
    source: str
    _token: trio.lowlevel.TrioToken

    def do(self, change: Callable[[EmulatedCamera], T]) -> T:
        """Change the camera, or look at it, between two of its transactions."""
        return trio.from_thread.run_sync(change, self.camera, trio_token=self._token)

    def announce(self, code: int, *parameters: int) -> None:
        """Let the camera send an event, whatever it lists."""
        self.do(lambda camera: camera.state.send(Event(code, 0xFFFFFFFF, parameters)))


@contextmanager
def camera_in_process(model: str = "ptp", **options: str) -> Iterator[CameraInProcess]:
    """Serve an emulated camera over PTP/IP during the block."""
    camera = emulate(model, options)
    served: list[tuple[int, trio.lowlevel.TrioToken, trio.CancelScope]] = []
    ready = threading.Event()

    async def serve() -> None:
        (listener,) = await ptpip.open_listeners("127.0.0.1", 0)
        with trio.CancelScope() as scope:
            served.append((listener.socket.getsockname()[1], trio.lowlevel.current_trio_token(), scope))
            ready.set()
            await ptpip.listen(camera, [listener])

    thread = threading.Thread(target=trio.run, args=(serve,), daemon=True)
    thread.start()
    assert ready.wait(10), "the emulated camera does not start"
    port, token, scope = served[0]
    try:
        yield CameraInProcess(camera, f"ptpip:127.0.0.1:{port}", token)
    finally:
        token.run_sync_soon(scope.cancel)
        thread.join(10)
        camera.close()
