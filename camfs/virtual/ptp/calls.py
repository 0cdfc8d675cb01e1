"""A request as the operations of an emulated camera get it, and what they answer.

An operation is a function of the camera's state and a `Call`. It returns an `Answer`, or raises `Refusal` to fail with a response code.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from camfs.protocols.ptp.codes import ResponseCode
from camfs.virtual.pictures.contents import Content
from camfs.virtual.ptp.faults import Fault
from camfs.virtual.ptp.state import CameraState


@dataclass(frozen=True, slots=True)
class Call:
    """One request: five parameters (0 where the host sent fewer) and the payload that came with it."""

    parameters: tuple[int, int, int, int, int]
    payload: bytes = b""
    transaction_id: int = 0


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of an object, which is sent in pieces."""

    content: Content
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answers.

    Attributes:
        payload: what the data phase carries; None for no data phase.
        parameters: the response's parameters.
        code: the response's code.
        then: what to do after the response.
        silent: there is no answer at all, until Cancel or DeviceReset.
        tells_length: whether the data phase announces how long it is; else it only ends.
        fault: what goes wrong while this answer is sent.
    """

    payload: bytes | Slice | None = None
    parameters: tuple[int, ...] = ()
    code: int = ResponseCode.OK
    then: Callable[[], Awaitable[None]] | None = None
    silent: bool = False
    tells_length: bool = True
    fault: Fault | None = None


Handler = Callable[[CameraState, Call], Awaitable[Answer]]

OK = Answer()
