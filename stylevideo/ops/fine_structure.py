"""How much of a picture's fine structure another has: what a face or a letter is read by, whatever its colours."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from stylevideo.ops.pyramid import require_same_size
from stylevideo.ops.tiles import Tile

WINDOW_PX = 7
"""Of the windows within which brightness is compared."""
SCALES = 2
"""Each half of the one before: a window of the second sees twice as far."""
STRUCTURE_C3 = 0.03**2 / 2
"""The article's C3 for pictures of 0..1: what is flatter has hardly a structure."""
HALF_WEIGHT_VARIANCE = 0.03
"""Variance of brightness, 0..1, at which a window counts half: letters count in full, grass and soft shading hardly."""
EPSILON = 1e-10
"""Added below a root, whose slope at 0 is infinite."""
REACH_PX: int = WINDOW_PX // 2 * 2 ** (SCALES - 1)
"""As far around a pixel others decide what is lost there."""


@dataclass(frozen=True)
class _Windows:
    """Brightness at one scale, and what is in the window around each pixel, all (1, 1, h, w).

    Attributes:
        brightness: 0..1.
        count: of the window's pixels that lie within the picture.
        mean, variance: of brightness.
    """

    brightness: Tensor
    count: Tensor
    mean: Tensor
    variance: Tensor


class FineStructure:
    """What is bright and what is dark within small windows of a picture, at any contrast.

    Args:
        image: (1, 3, H, W), RGB, 0..1, or what a tile sees of it.
        tile: whose part of what is lost is meant; the parts of all tiles add up to it. Its corners are even, and it
            sees at least `REACH_PX` around its own.

    Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli: Image quality assessment: from error visibility to structural
    similarity (2004), equation 10.
    """

    def __init__(self, image: Tensor, tile: Tile | None = None) -> None:
        self._image, self._tile = image, tile or Tile.whole((image.shape[2], image.shape[3]))
        self._scales = tuple(map(_windows, _scales(image)))

    def lost_in(self, image: Tensor, counts: Tensor | None = None) -> Tensor:
        """How much of it another picture of the same size lacks; differentiable.

        Args:
            image: (1, 3, H, W), or what a tile sees of it.
            counts: (1, 1, H, W), likewise, how much each pixel's part of the mean counts; 1 if not given.
        Returns:
            A scalar: of one less the correlation within the window, by how much structure there is, the mean over
            pixels, added up over scales; nearly 0 for the picture itself, whatever its contrast.
        Raises:
            ShapeError: the sizes differ.
        """
        require_same_size(self._image, image)
        lost = []
        for scale, (mine, other) in enumerate(zip(self._scales, _scales(image), strict=True)):
            pixels = math.prod(-(-edge // 2**scale) for edge in self._tile.size)
            there = _lost(mine, other)
            if counts is not None:
                counts = F.avg_pool2d(counts, 2, ceil_mode=True) if scale else counts
                there = there * counts
            own = self._tile.own_of(there, 2**scale)
            lost.append(own.mean() * (own.numel() / pixels))
        return torch.stack(lost).sum()


def _lost(wanted: _Windows, brightness: Tensor) -> Tensor:
    """By how much structure there is, around each pixel: (1, 1, h, w)."""
    product = wanted.brightness * brightness
    mean, square, product = _window_means((brightness, brightness.square(), product), wanted.count)
    apart = (wanted.variance * _variance(mean, square)).add(EPSILON).sqrt()
    structure = (product - wanted.mean * mean + STRUCTURE_C3) / (apart + STRUCTURE_C3)
    return wanted.variance / (wanted.variance + HALF_WEIGHT_VARIANCE) * (1 - structure)


def _scales(image: Tensor) -> Iterator[Tensor]:
    """Brightness (1, 1, h, w), from fine to coarse."""
    # All colours alike: weighted as the eye does, the gradient would be greenish, and so would the fringes of letters.
    brightness = image.mean(dim=1, keepdim=True)
    for scale in range(SCALES):
        if scale:
            brightness = F.avg_pool2d(brightness, 2, ceil_mode=True)
        yield brightness


def _windows(brightness: Tensor) -> _Windows:
    count = _window_sums(torch.ones_like(brightness))
    mean, square = _window_means((brightness, brightness.square()), count)
    return _Windows(brightness, count, mean, _variance(mean, square))


def _variance(mean: Tensor, square: Tensor) -> Tensor:
    return (square - mean.square()).clamp_min(0)


def _window_means(planes: Sequence[Tensor], count: Tensor) -> tuple[Tensor, ...]:
    """The mean of the window around each pixel, of as much of it as lies within the picture; all planes in one go."""
    means: Tensor = _WindowMeans.apply(torch.cat(tuple(planes), dim=1), count)
    return torch.split(means, 1, dim=1)


class _WindowMeans(torch.autograd.Function):
    """As pooling does it, but faster: sums of windows are their own transpose."""

    @staticmethod
    def forward(context: Any, planes: Tensor, count: Tensor) -> Tensor:
        context.save_for_backward(count)
        return _window_sums(planes) / count

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _window_sums(gradient / context.saved_tensors[0]), None


def _window_sums(planes: Tensor) -> Tensor:
    """The sum of the window of 7 around each pixel, zeros around the picture; along rows, then along columns."""
    sums = F.pad(planes, (WINDOW_PX // 2,) * 4)
    for axis, edge in ((3, planes.shape[3]), (2, planes.shape[2])):
        two = sums.narrow(axis, 0, edge + 5) + sums.narrow(axis, 1, edge + 5)
        four = two.narrow(axis, 0, edge + 3) + two.narrow(axis, 2, edge + 3)
        sums = four.narrow(axis, 0, edge) + two.narrow(axis, 4, edge) + sums.narrow(axis, 6, edge)
    return sums
