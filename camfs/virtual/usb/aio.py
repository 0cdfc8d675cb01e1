"""Linux's asynchronous reads and writes (io_submit(2)) for trio.

The endpoints of FunctionFS need them. A read or write there lasts until the host wants it, and only one that was submitted this way
can be given up without a signal and without a thread that hangs. The C library has no wrappers for these system calls, so they are
called by number.
"""

import contextlib
import ctypes
import os
import platform
import struct

import trio

_NUMBERS = {
    # machine, size of a pointer in bits: io_setup, io_destroy, io_getevents, io_submit, io_cancel
    ("x86_64", 64): (206, 207, 208, 209, 210),
    ("arm", 64): (0, 1, 4, 2, 3),
    ("arm", 32): (243, 244, 245, 246, 247),
}

READ, WRITE = 0, 1
"""IOCB_CMD_PREAD, IOCB_CMD_PWRITE."""

_SIGNAL_EVENTFD = 1
"""IOCB_FLAG_RESFD."""

MAX_OPERATIONS = 32
"""Most operations under way at once."""

_libc = ctypes.CDLL(None, use_errno=True)


class _ControlBlock(ctypes.Structure):
    """struct iocb of linux/aio_abi.h."""

    _fields_ = (
        ("data", ctypes.c_uint64),
        ("key_and_flags", ctypes.c_uint32 * 2),
        ("opcode", ctypes.c_uint16),
        ("priority", ctypes.c_int16),
        ("file", ctypes.c_uint32),
        ("buffer", ctypes.c_uint64),
        ("size", ctypes.c_uint64),
        ("offset", ctypes.c_int64),
        ("reserved", ctypes.c_uint64),
        ("flags", ctypes.c_uint32),
        ("eventfd", ctypes.c_uint32),
    )


_COMPLETION = struct.Struct("QQqq")
"""struct io_event: our number for the operation, address of the iocb, result, second result."""


class Operation:
    """A read or write that the kernel has accepted.

    Attributes:
        ended: is set when the operation has ended.
        result: the number of bytes moved, or minus an errno; valid once the operation has ended.
    """

    def __init__(self, block: _ControlBlock, memory: object) -> None:
        self.ended = trio.Event()
        self.result = 0
        self._block = block
        self._memory = memory  # kept alive: the kernel uses it until the operation has ended

    def moved(self) -> int:
        """Return the number of bytes moved.

        Raises:
            OSError: it failed.
        """
        if self.result < 0:
            raise OSError(-self.result, os.strerror(-self.result))
        return self.result


class Operations:
    """Begins operations, and notices their end while `run` runs."""

    def __init__(self) -> None:
        machine = "arm" if platform.machine().startswith(("arm", "aarch")) else platform.machine()
        bits = 8 * ctypes.sizeof(ctypes.c_void_p)
        if (machine, bits) not in _NUMBERS:
            raise OSError(f"the numbers of the system calls for {machine} with {bits} bits are not known")
        self._setup, self._destroy, self._getevents, self._submit, self._cancel = _NUMBERS[machine, bits]
        self._context = ctypes.c_ulong(0)
        self._eventfd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._running: dict[int, Operation] = {}
        self._count = 0
        self._call(self._setup, ctypes.c_uint(MAX_OPERATIONS), ctypes.byref(self._context))

    def _call(self, number: int, *arguments: object) -> int:
        result = int(_libc.syscall(ctypes.c_long(number), *arguments))
        if result < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return result

    def read(self, file: int, buffer: "ctypes.Array[ctypes.c_char]") -> Operation:
        """Begin to read into a buffer.

        Raises:
            OSError: the kernel did not accept it.
        """
        return self._begin(READ, file, ctypes.addressof(buffer), len(buffer), buffer)

    def write(self, file: int, data: bytes, start: int, end: int) -> Operation:
        """Begin to write `data[start:end]`.

        Raises:
            OSError: the kernel did not accept it.
        """
        address = ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0
        return self._begin(WRITE, file, address + start, end - start, data)

    def _begin(self, opcode: int, file: int, address: int, size: int, memory: object) -> Operation:
        self._count += 1
        block = _ControlBlock(
            data=self._count,
            opcode=opcode,
            file=file,
            buffer=address,
            size=size,
            flags=_SIGNAL_EVENTFD,
            eventfd=self._eventfd,
        )
        operation = Operation(block, memory)
        self._running[self._count] = operation
        try:
            pointer = ctypes.pointer(block)
            self._call(self._submit, self._context, ctypes.c_long(1), ctypes.byref(pointer))
        except OSError:
            del self._running[block.data]
            raise
        return operation

    def give_up(self, operation: Operation, patience: float = 1.0) -> None:
        """Cancel an operation and wait until it has ended; how many bytes it has moved is not known.

        Args:
            operation: what to cancel.
            patience: most seconds to wait; the kernel takes microseconds.
        """
        if operation.ended.is_set():
            return
        completion = ctypes.create_string_buffer(_COMPLETION.size)
        # EINPROGRESS: it is about to end, with an event like any other. EINVAL: it has just ended.
        with contextlib.suppress(OSError):
            self._call(self._cancel, self._context, ctypes.byref(operation._block), completion)
        deadline = trio.current_time() + patience
        while not operation.ended.is_set() and trio.current_time() < deadline:
            self._reap(wait=0.1)

    async def run(self) -> None:
        """Notice operations that end; never returns."""
        while True:
            await trio.lowlevel.wait_readable(self._eventfd)
            os.eventfd_read(self._eventfd)
            self._reap()

    def _reap(self, wait: float = 0) -> None:
        completions = ctypes.create_string_buffer(_COMPLETION.size * MAX_OPERATIONS)
        patience = (ctypes.c_long * 2)(0, int(wait * 1e9))
        try:
            count = self._call(
                self._getevents,
                self._context,
                ctypes.c_long(1 if wait else 0),
                ctypes.c_long(MAX_OPERATIONS),
                completions,
                ctypes.byref(patience),
            )
        except InterruptedError:
            return
        for number, _, result, _ in _COMPLETION.iter_unpack(completions.raw[: count * _COMPLETION.size]):
            operation = self._running.pop(number)
            operation.result = result
            operation.ended.set()

    def close(self) -> None:
        """Cancel what still runs, and wait until it has ended."""
        self._call(self._destroy, self._context)
        os.close(self._eventfd)
