"""What an operation of an emulated camera raises in order to answer with a failure."""


class Refusal(Exception):
    """The operation fails, with a response code and possibly with parameters."""

    def __init__(self, code: int, *parameters: int) -> None:
        super().__init__(f"0x{code:04X}")
        self.code = code
        self.parameters = parameters
