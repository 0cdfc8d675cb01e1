"""Contents of any size for the stores of emulated cameras, as a `virtual.pictures.contents.Content`."""


class Zeros:
    """Any number of zero bytes; they take no memory."""

    def __init__(self, size: int) -> None:
        self.size = size

    def read(self, offset: int, size: int) -> bytes:
        return bytes(max(0, min(size, self.size - offset)))

    def rendered(self) -> bytes | None:
        return None
