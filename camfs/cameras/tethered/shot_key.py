"""The folder of shots that wait on this computer or in the camera, and the keys of its files: the same on all cameras that have it."""

from dataclasses import dataclass

IMAGEDB = "imagedb"
"""The folder's key, and its name."""


@dataclass(frozen=True)
class ImageKey:
    """The key of a file: its name, and a number that no other file had since the mount began."""

    name: str
    number: int
