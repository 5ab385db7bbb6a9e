"""Along which way a picture's strokes run, and how far that is from a wanted one. Knows no networks.

A direction is that of a line: half a turn leaves it as it is. So fields are `(1, 2, H, W)`: cosine and sine of twice
the angle, counted from the x axis towards the y axis, which points down; shorter than 1 where a direction is unsure, 0
where there is none.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from stylevideo.ops.filters import gaussian_blur
from stylevideo.ops.tiles import Tile

LEVELS = 3
"""Of blur, each twice as wide as the one before, at which strokes are looked at."""
LEAST_POWER = 1e-5
"""Mean square of steps from pixel to pixel, 0..1, below which a picture is plain."""


def tensors(image: Tensor, sigma: float, around: float) -> Tensor:
    """The structure tensor: how a picture changes, and which way its lines run.

    Args:
        image: (1, C, H, W), 0..1.
        sigma: blur before it is looked at, pixels.
        around: blur behind that: over how much of the picture a direction is meant.
    Returns:
        (1, 3, H, W): cosine and sine of twice the angle of its lines, times power, and the power of its changes.

    J. Bigun, G. H. Granlund: Optimal orientation detection of linear symmetry (1987).
    """
    across, down = _steps(gaussian_blur(image, sigma))
    parts = (down.square() - across.square(), -2 * across * down, across.square() + down.square())
    told = torch.cat([part.sum(dim=1, keepdim=True) for part in parts], dim=1)
    return gaussian_blur(F.pad(told, (0, 1, 0, 1), mode="replicate"), around)


def apart(field: Tensor, other: Tensor) -> Tensor:
    """The angle between two fields' directions: (1, 1, H, W), radians, 0 to a quarter turn; chance is an eighth."""
    cosine = (F.normalize(field, dim=1) * F.normalize(other, dim=1)).sum(dim=1, keepdim=True)
    return cosine.clamp(-1, 1).acos() / 2


def astray(image: Tensor, field: Tensor, unit: Tensor, tile: Tile | None = None) -> Tensor:
    """How much of a picture's changes runs along a field's lines, where strokes have none, rather than across.

    Σ |f| (∇I · t)² over the picture, by which is divided what counts as one, t being the unit vector along the lines f;
    mean over the colours, and over blurs of about 0, 1 and 2 pixels.

    Args:
        image: (1, 3, H, W), 0..1, or what a tile sees of it.
        field: (1, 2, H, W), likewise.
        unit: (LEVELS,), as of `power`, of a picture with as much contrast as is wanted.
        tile: whose part of the mean is meant; the parts of all tiles add up to it.
    Returns:
        A scalar; about 0.5 where strokes run any way.
    """
    field = field[..., :-1, :-1]
    strength = torch.linalg.vector_norm(field, dim=1, keepdim=True)
    lost = image.new_zeros(())
    for blurred, one in zip(_levels(image), unit, strict=True):
        across, down = _steps(blurred)
        twice = field[:, :1] * (across.square() - down.square()) + 2 * field[:, 1:] * across * down
        own = _own(F.pad((strength * (across.square() + down.square()) + twice) / 2, (0, 1, 0, 1)), tile)
        lost = lost + own.sum() / (one * _count(own, tile))
    return lost / LEVELS


def power(image: Tensor) -> Tensor:
    """How strongly a picture (1, 3, H, W) changes at each level: (LEVELS,)."""
    steps = [_steps(blurred) for blurred in _levels(image)]
    return torch.stack([(across.square() + down.square()).mean() for across, down in steps]).clamp_min(LEAST_POWER)


def _levels(image: Tensor) -> list[Tensor]:
    levels = [image]
    for level in range(1, LEVELS):
        levels.append(_smoothed(levels[-1], level))
    return levels


def _smoothed(image: Tensor, reach: int) -> Tensor:
    """By 1, 2, 1 at so many pixels' distance, each way."""
    padded = F.pad(image, (reach,) * 4, mode="replicate")
    padded = (padded[..., : -2 * reach] + 2 * padded[..., reach:-reach] + padded[..., 2 * reach :]) / 4
    return (padded[..., : -2 * reach, :] + 2 * padded[..., reach:-reach, :] + padded[..., 2 * reach :, :]) / 4


def _steps(image: Tensor) -> tuple[Tensor, Tensor]:
    """Of a picture (1, C, H, W) between four neighbours, across and down: (1, C, H - 1, W - 1) each."""
    rows, columns = image[..., 1:, :] + image[..., :-1, :], image[..., 1:] + image[..., :-1]
    return (rows[..., 1:] - rows[..., :-1]) / 2, (columns[..., 1:, :] - columns[..., :-1, :]) / 2


def _own(maps: Tensor, tile: Tile | None) -> Tensor:
    return maps if tile is None else tile.own_of(maps)


def _count(own: Tensor, tile: Tile | None) -> int:
    return own.numel() if tile is None else own.shape[1] * tile.size[0] * tile.size[1]
