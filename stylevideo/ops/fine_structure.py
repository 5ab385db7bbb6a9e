"""How much of a picture's fine structure another has: what a face or a letter is read by, whatever its colours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from stylevideo.ops.pyramid import require_same_size

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


@dataclass(frozen=True)
class _Windows:
    """Brightness at one scale, and its mean and variance within the window around each pixel: (1, 1, h, w)."""

    brightness: Tensor
    mean: Tensor
    variance: Tensor


class FineStructure:
    """What is bright and what is dark within small windows of a picture, at any contrast.

    Args:
        image: (1, 3, H, W), RGB, 0..1.

    Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli: Image quality assessment: from error visibility to structural
    similarity (2004), equation 10.
    """

    def __init__(self, image: Tensor) -> None:
        self._image = image
        self._scales = tuple(_windows(image))

    def lost_in(self, image: Tensor) -> Tensor:
        """How much of it another picture of the same size lacks; differentiable.

        Returns:
            A scalar: of one less the correlation within the window, by how much structure there is, the mean over
            pixels, added up over scales; nearly 0 for the picture itself, whatever its contrast.
        Raises:
            ShapeError: the sizes differ.
        """
        require_same_size(self._image, image)
        lost = [_lost(mine, other) for mine, other in zip(self._scales, _windows(image), strict=True)]
        return torch.stack(lost).sum()


def _lost(wanted: _Windows, found: _Windows) -> Tensor:
    together = _window_means(wanted.brightness * found.brightness) - wanted.mean * found.mean
    apart = (wanted.variance * found.variance).add(EPSILON).sqrt()
    structure = (together + STRUCTURE_C3) / (apart + STRUCTURE_C3)
    return (wanted.variance / (wanted.variance + HALF_WEIGHT_VARIANCE) * (1 - structure)).mean()


def _windows(image: Tensor) -> Iterator[_Windows]:
    # All colours alike: weighted as the eye does, the gradient would be greenish, and so would the fringes of letters.
    brightness = image.mean(dim=1, keepdim=True)
    for scale in range(SCALES):
        if scale:
            brightness = F.avg_pool2d(brightness, 2, ceil_mode=True)
        mean = _window_means(brightness)
        yield _Windows(brightness, mean, (_window_means(brightness.square()) - mean.square()).clamp_min(0))


def _window_means(plane: Tensor) -> Tensor:
    """The mean of the window around each pixel, of as much of it as lies within the picture."""
    means: Tensor = _WindowMeans.apply(plane)
    return means


class _WindowMeans(torch.autograd.Function):
    """As pooling does it, but faster: sums of windows are their own transpose."""

    @staticmethod
    def forward(context: Any, plane: Tensor) -> Tensor:
        context.save_for_backward(count := _window_sums(torch.ones_like(plane)))
        return _window_sums(plane) / count

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return _window_sums(gradient / context.saved_tensors[0])


def _window_sums(plane: Tensor) -> Tensor:
    """The sum of the window of 7 around each pixel, zeros around the picture; along rows, then along columns."""
    reach = WINDOW_PX // 2
    sums = F.pad(plane, (reach, reach, reach, reach))
    for axis, edge in ((3, plane.shape[3]), (2, plane.shape[2])):
        two = sums.narrow(axis, 0, edge + 5) + sums.narrow(axis, 1, edge + 5)
        four = two.narrow(axis, 0, edge + 3) + two.narrow(axis, 2, edge + 3)
        sums = four.narrow(axis, 0, edge) + two.narrow(axis, 4, edge) + sums.narrow(axis, 6, edge)
    return sums
