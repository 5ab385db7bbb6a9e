"""What a rendered shot is made of: pictures with their exact motion and occlusion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scripts.samples.noise import FloatArray


@dataclass(frozen=True)
class RenderedFrame:
    """One picture of a shot and where its surfaces were in the picture before.

    image: (H, W, 3) uint8, RGB, sRGB.
    flow_to_previous: (H, W, 2) float32, pixels, x then y: what pixel (x, y) shows was at
        (x + flow x, y + flow y) in the previous picture. Zeros in a shot's first frame.
    visible: (H, W) bool: what the pixel shows was inside the previous picture and not hidden there.
        All False in a shot's first frame, which has no picture before it.
    flow_from_previous: (H, W, 2) float32, pixels, where it was asked for: what pixel (x, y) of the picture before
        shows is now at (x + flow x, y + flow y). Zeros in a shot's first frame.
    """

    image: NDArray[np.uint8]
    flow_to_previous: FloatArray
    visible: NDArray[np.bool_]
    flow_from_previous: FloatArray | None = None


def pixel_grid(width: int, height: int) -> tuple[FloatArray, FloatArray]:
    """Column and row of every pixel centre, each (height, width) float32, counted from 0."""
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return columns, rows


def is_inside(columns: FloatArray, rows: FloatArray, width: int, height: int) -> NDArray[np.bool_]:
    """Whether places in pixels lie between the outermost pixel centres of a picture."""
    return (columns >= 0) & (columns <= width - 1) & (rows >= 0) & (rows <= height - 1)


def to_bytes(image: FloatArray) -> NDArray[np.uint8]:
    """A picture in [0, 1] as uint8."""
    return (np.clip(image, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
