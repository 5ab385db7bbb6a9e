"""How a cloud of features becomes another with the least movement, both taken for Gaussians. Knows no networks.

A covariance is `(C, C)`, a mean `(C,)`, both float32 or float64. Nothing here makes the host wait for the device.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stylevideo.ops.parts import parts_of

RIDGE = 1e-3
"""Added to the variances, in parts of the covariances' size: directions that have less stay as they are."""
STEPS = 12
"""Newton-Schulz steps: eigenvalues of a ridge's size come to one in eleven."""
LARGEST_SCALE = 2.8
"""Of a step; 3 would send the largest eigenvalue to zero, and rounding beyond it."""
EPSILON = 1e-12


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and covariance of a map's places: (1, C, h, w) to (C,) and (C, C)."""
    mean = features.mean(dim=(0, 2, 3), dtype=torch.float32)
    covariance = mean.new_zeros(len(mean), len(mean))
    for (places,) in parts_of(features):
        centred = places.float() - mean
        covariance.addmm_(centred.T, centred)
    return mean, covariance / (features.shape[2] * features.shape[3])


def sums_about(features: Tensor, point: Tensor, counts: Tensor | None = None) -> Tensor:
    """What a part of a map adds to the sums that `cloud_of` reads: of (1, x - p) (1, x - p)ᵀ over its places x.

    Args:
        features: (1, C, h, w).
        point: (C,), about where the places' mean is: far from it digits are lost.
        counts: (1, 1, h, w), how much each place counts; all alike if not given.
    Returns:
        (C + 1, C + 1), float32.
    """
    if counts is not None:
        return _weighed_sums_about(features, point, counts)
    count, channels = math.prod(features.shape[2:]), len(point)
    whole, products = point.new_zeros(channels), point.new_zeros(channels, channels)
    for (places,) in parts_of(features):
        away = places.float() - point
        whole += away.sum(dim=0)
        products.addmm_(away.T, away)
    sums = point.new_full((channels + 1, channels + 1), count)
    sums[0, 1:], sums[1:, 0], sums[1:, 1:] = whole, whole, products
    return sums


def _weighed_sums_about(features: Tensor, point: Tensor, counts: Tensor) -> Tensor:
    sums = point.new_zeros(len(point) + 1, len(point) + 1)
    for places, weights in parts_of(features, counts):
        away = F.pad(places.float() - point, (1, 0), value=1.0)
        sums.addmm_(away.T, away * weights)
    return sums


def cloud_of(sums: Tensor, point: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (C,) and covariance (C, C) of the places of which these are the sums about a point (C,)."""
    means = sums / sums[0, 0]
    away = means[0, 1:]
    return point + away, means[1:, 1:] - torch.outer(away, away)


def blended(statistics: Sequence[tuple[Tensor, Tensor]], parts: Sequence[float]) -> tuple[Tensor, Tensor]:
    """Mean and covariance of several clouds together, of which each is a part; the parts add up to 1."""
    mean = torch.stack([part * own for (own, _), part in zip(statistics, parts, strict=True)]).sum(dim=0)
    spreads = [covariance + torch.outer(own - mean, own - mean) for own, covariance in statistics]
    return mean, torch.stack([part * spread for spread, part in zip(spreads, parts, strict=True)]).sum(dim=0)


def ridge_of(places: Tensor, channels: int) -> Tensor:
    """For a cloud of so many places, a scalar: of fewer than there are channels it is larger.

    They span some directions alone, along which a small ridge lets the map lead far beyond the other cloud.
    """
    return RIDGE * (channels / places).clamp_min(1)


def transport_matrix(source: Tensor, target: Tensor, ridge: Tensor | float = RIDGE) -> Tensor:
    """The symmetric A with A source A = target: what takes one Gaussian's places to the other's with least movement.

    Both covariances may be singular: a ridge in parts of their size keeps the result bounded, and at the identity
    where they are equal.

    Args:
        source, target: (C, C), covariances.
        ridge: in parts of their size, at least `RIDGE`.
    Returns:
        (C, C).

    M. Knott, C. S. Smith: On the optimal mapping of distributions (1984), for A, the geometric mean of `target` and
    the inverse of `source`. N. J. Higham: Functions of matrices (2008), chapter 6, for the coupled Newton-Schulz
    iteration, which leads from the two to A and its inverse and needs no root of either; J. Chen, E. Chow: A stable
    scaling of Newton-Schulz (2014), for the scales.
    """
    identity = torch.eye(len(source), dtype=source.dtype, device=source.device)
    ridge = ridge * (torch.linalg.norm(source) + torch.linalg.norm(target)) / 2 + EPSILON
    source, target = source + ridge * identity, target + ridge * identity
    size, target_size = torch.linalg.norm(source), torch.linalg.norm(target)
    forth, back = target / target_size, source / size
    least = RIDGE  # the root of the least eigenvalue of back @ forth, whose roots are to become one
    for _ in range(STEPS):
        scale = min(LARGEST_SCALE, 3 / (1 + least + least**2))
        half = math.sqrt(scale) / 2
        step = torch.addmm(identity, back, forth, beta=3 * half, alpha=-scale * half)
        forth, back = forth @ step, step @ back
        least *= half * (3 - scale * least**2)
    symmetric: Tensor = (forth + forth.T) / 2
    return symmetric * torch.sqrt(target_size / size)


@dataclass(frozen=True)
class Transport:
    """Takes a cloud's places to where they belong in another.

    Attributes:
        start, end: (C,), the clouds' means.
        matrix: (C, C), symmetric.
    """

    start: Tensor
    end: Tensor
    matrix: Tensor

    @classmethod
    def between(
        cls, own: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor], ridge: Tensor | float = RIDGE
    ) -> Transport:
        """Of two clouds of these means and covariances."""
        return cls(own[0], other[0], transport_matrix(own[1], other[1], ridge))

    def of(self, features: Tensor) -> Tensor:
        """Each place of a map where it belongs: (1, C, h, w), as the features."""
        moved = torch.empty_like(features)
        for there, places in parts_of(moved, features):
            there.copy_(torch.addmm(self.end, places.float() - self.start, self.matrix))
        return moved
