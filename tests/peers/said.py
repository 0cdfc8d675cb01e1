"""What gphoto2 has said and fetched, what camfs says of the same camera, and what the camera has seen of both."""

import io
import json
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from tests.mounted.mount import Mount
from tests.peers.camera import ServedCamera


def seen(camera: ServedCamera, *operations: str) -> list[dict[str, Any]]:
    """Return the lines of the trace of these operations, or of all."""
    lines = map(json.loads, camera.trace.read_text().splitlines())
    return [line for line in lines if not operations or line["op"] in operations]


def current(said: str) -> list[str]:
    """Return the values of settings that gphoto2 has printed."""
    return [line.removeprefix("Current: ") for line in said.splitlines() if line.startswith("Current: ")]


def check_picture(data: bytes) -> dict[int, Any]:
    """Check that bytes are a complete JPEG, and return what its EXIF says about the exposure."""
    assert data.startswith(b"\xff\xd8")
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "JPEG"
        image.load()
        return dict(image.getexif().get_ifd(ExifTags.IFD.Exif))


def setting(mount: Mount, name: str) -> str:
    """Read a setting."""
    return (mount.path / ".settings" / name).read_text().strip()


def files(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}
