"""Texts that end in NUL, as SIGMA's and Kodak's cameras send them. They are read as Latin-1, so that no byte is lost."""


def decode_text(field: bytes) -> str:
    """Return the text in a field, up to its first NUL."""
    return field.partition(b"\0")[0].decode("latin-1")
