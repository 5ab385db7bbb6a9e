"""Smooth random fields shared by the sample scenes and the sample paintings."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

# float32 unless a docstring says otherwise. OpenCV's type stubs do not tell element types, so nor does this.
FloatArray = NDArray[Any]


def value_noise(shape: tuple[int, int], cell: float, rng: np.random.Generator) -> FloatArray:
    """Smooth noise of `shape` (rows, columns) in about [-1, 1]; its bumps are `cell` pixels wide."""
    cell = max(cell, 1.0)
    rows, columns = (int(np.ceil(side / cell)) + 3 for side in shape)
    knots = rng.uniform(-1.0, 1.0, (rows, columns)).astype(np.float32)
    grid = cv2.resize(knots, None, fx=cell, fy=cell, interpolation=cv2.INTER_CUBIC)
    # The first cell is cut away: there the resize repeats the border instead of interpolating.
    margin = int(cell)
    return np.ascontiguousarray(grid[margin : margin + shape[0], margin : margin + shape[1]])


def fractal_noise(
    shape: tuple[int, int],
    cell: float,
    octaves: int,
    rng: np.random.Generator,
    gain: float = 0.5,
    ridged: bool = False,
) -> FloatArray:
    """Octaves of value noise, each half as wide and `gain` times as strong as the one before.

    Plain noise lies in about [-1, 1]; ridged noise, sharp crests between round valleys, in [0, 1].
    """
    total = np.zeros(shape, np.float32)
    weight, weights = 1.0, 0.0
    for octave in range(octaves):
        layer = value_noise(shape, cell / 2**octave, rng)
        if ridged:
            layer = (1.0 - np.minimum(np.abs(layer), 1.0)) ** 2
        total += weight * layer
        weights += weight
        weight *= gain
    return total / np.float32(weights)


def smoothstep(low: float, high: float, values: FloatArray) -> FloatArray:
    """0 where `values` are below `low`, 1 above `high`, and a smooth ramp between."""
    ramp = np.clip((values - low) / (high - low), 0.0, 1.0)
    return (ramp * ramp * (3.0 - 2.0 * ramp)).astype(np.float32)


def blend(below: FloatArray, above: FloatArray, weight: FloatArray) -> FloatArray:
    """Mix two colour fields (H, W, 3), or colours (3,), by a weight field (H, W) in [0, 1]."""
    mixed = above - below
    if mixed.ndim <= weight.ndim:
        mixed = np.multiply(weight[..., None], mixed, dtype=np.float32)
    else:
        mixed *= weight[..., None]
    mixed += below
    return mixed


def colour(code: str) -> FloatArray:
    """The colour of a six-digit hexadecimal code as (3,) RGB in [0, 1]."""
    return np.array([int(code[i : i + 2], 16) / 255.0 for i in (0, 2, 4)], np.float32)
