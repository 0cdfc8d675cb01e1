"""The codes, against the operations that the PTP notes and the fp L list."""

from camfs.protocols.ptp.codes import DataPhase
from camfs.protocols.sigma.codes import UNKNOWN_OPERATIONS, CaptureState, Hazard, SigmaOperation, has_failed

# fmt: off
VENDOR_OPERATIONS = {
    *range(0x9012, 0x901A), 0x901B, 0x901C, *range(0x9022, 0x9025), *range(0x9027, 0x902E), *range(0x902F, 0x9038),
    *range(0x9401, 0x9406), *range(0x9411, 0x9415), *range(0x9421, 0x9425), 0x9431,
}
# fmt: on


def test_every_operation_of_the_notes_and_of_the_fp_l_is_known() -> None:
    known = {int(operation) for operation in SigmaOperation} | UNKNOWN_OPERATIONS
    assert known >= VENDOR_OPERATIONS | {0x9038, 0x9039, 0x903A, 0x9432, 0x9433}
    assert UNKNOWN_OPERATIONS.isdisjoint(map(int, SigmaOperation))
    assert len(VENDOR_OPERATIONS) == 59 - 16  # standard ones


def test_which_way_the_data_go() -> None:
    out = {operation for operation in SigmaOperation if operation.data_phase is DataPhase.OUT}
    assert {int(operation) for operation in out - {SigmaOperation.ClearImageDBAll}} == {
        *(0x9016, 0x9017, 0x9018, 0x9019, 0x901B, 0x901C, 0x9024, 0x9028, 0x902A, 0x902F, 0x9032, 0x9034)
    }
    assert all(operation.data_phase is DataPhase.IN for operation in set(SigmaOperation) - out)


def test_what_takes_the_camera_off_the_bus() -> None:
    hazards = {operation: operation.hazard for operation in SigmaOperation if operation.hazard is not Hazard.NONE}
    assert {int(operation): hazard for operation, hazard in hazards.items()} == {
        0x901D: Hazard.FATAL,
        0x9037: Hazard.GUARDED,
        0x9038: Hazard.FATAL,
        0x903A: Hazard.FATAL,
    }


def test_states_of_failure() -> None:
    failed = {state for state in CaptureState if has_failed(state)}
    assert failed == {
        CaptureState.AF_FAILED,
        CaptureState.BUFFER_FULL,
        CaptureState.WHITE_BALANCE_FAILED,
        CaptureState.GENERATION_FAILED,
        CaptureState.FAILED,
        CaptureState.ENDED,
    }
    assert has_failed(0x6006)
