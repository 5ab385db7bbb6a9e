"""The sample paintings by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from scripts.samples.frames import to_bytes
from scripts.samples.mosaics import paint_glass, paint_points
from scripts.samples.noise import FloatArray
from scripts.samples.oils import paint_expressionist, paint_impasto
from scripts.samples.prints import paint_woodblock

_PAINTERS: dict[str, Callable[[], FloatArray]] = {
    "impasto": paint_impasto,
    "woodblock": paint_woodblock,
    "stained-glass": paint_glass,
    "pointillism": paint_points,
    "expressionist": paint_expressionist,
}

PAINTINGS = tuple(_PAINTERS)


def paint(name: str) -> NDArray[np.uint8]:
    """Paint one of PAINTINGS, (768, 1024, 3) uint8, RGB, sRGB; the same picture every time."""
    return to_bytes(_PAINTERS[name]())
