"""Strokes that live on purpose: where they change, by how much, and where they are held.

Knows what is carried into a frame; knows nothing of losses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from stylevideo.engine.carry import Carried
from stylevideo.ops.margin import extended, without_margin
from stylevideo.ops.pyramid import enlarged
from stylevideo.ops.warp import warp_crisply, warp_smoothly

CELL_SHARE, LEAST_CELL_PX = 1 / 24, 6.0
"""Distance over which strokes move by themselves, in parts of the picture's height and at least."""
REACH_SHARE = 0.12
"""How far strokes go at a boil of 1, root mean square each way, in parts of that distance: nothing is torn."""
LOOSENED_SHARE = 0.75
"""By which a boil of 1 loosens the hold on what is finished, so that strokes find their own way from there."""


def stirred(carried: Carried, boil: float, flow: Tensor, indices: tuple[int, int], seed: int) -> Carried:
    """What a frame begins with, and is held to, with strokes that have gone a little on their own ways.

    Each frame's strokes are displaced from where the motion leads by a smooth field of chance. What the frame before
    was displaced by is taken back, so that they never go far.

    Args:
        carried: into the frame, with its margin.
        boil: 0..1.
        flow: (1, 2, H, W), pixels, to the frame before, with the margin.
        indices: of the frame whose strokes changed last, and of this one.
        seed: of the chance.
    """
    before, now = (_displacement(carried.coverage, index, boil, seed) for index in indices)
    way = now - warp_smoothly(before, flow)
    image, held = (warp_crisply(picture, way) for picture in (carried.start.image, carried.held))
    convergence = carried.convergence * (1 - LOOSENED_SHARE * boil)
    return replace(carried, start=replace(carried.start, image=image), held=held, convergence=convergence)


def _displacement(like: Tensor, index: int, boil: float, seed: int) -> Tensor:
    """(1, 2, H, W), pixels, for a picture with its margin of the size of (1, 1, H, W)."""
    height, width = size = _size(without_margin(like))
    cell = max(LEAST_CELL_PX, CELL_SHARE * height)
    rows, columns = (round(edge / cell) + 1 for edge in size)
    generator = torch.Generator().manual_seed((seed << 32) + index)
    chance = torch.randn(1, 2, rows, columns, generator=generator).clamp(-2, 2)
    return extended(enlarged(boil * REACH_SHARE * cell * chance, (height, width))).to(like.device)


def _size(maps: Tensor) -> Sequence[int]:
    return maps.shape[2:]
