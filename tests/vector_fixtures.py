"""Small motion vectors in EXR files, as several programs write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenEXR


def save_channels(path: Path, channels: dict[str, np.ndarray], **header: object) -> Path:
    """An EXR file of one part with these channels, (H, W), of any kind of number."""
    planes = {name: np.ascontiguousarray(plane) for name, plane in channels.items()}
    with OpenEXR.File({"type": OpenEXR.scanlineimage, **header}, planes) as file:
        file.write(str(path))
    return path


def plane(height: int, width: int, value: float) -> np.ndarray:
    """(H, W) float32."""
    return np.full((height, width), value, np.float32)


def save_shift(path: Path, size: tuple[int, int], x: float, y: float) -> Path:
    """Vectors of a picture of a height and width whose pixels all were at p + (x, y); in Nuke's channels, y down."""
    values = {"backward.u": x, "backward.v": -y, "forward.u": -x, "forward.v": y}
    return save_channels(path, {name: plane(*size, value) for name, value in values.items()})
