"""The terms of the loss and the statistics they are made of, with their gradients by features in closed form.

Pictures are `(1, 3, H, W)`, features `(1, C, H, W)`, Gram matrices `(1, C, C)`. Sums run in float32 or
better whatever the features' type, since a Gram matrix overflows half precision. Features are read a part at a time, so
that no copy of a whole map is written, of whatever type: to write one takes longer than to compute it.

Knows nothing of networks, layers or weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
import torch.nn.functional as F
from torch import Tensor

from stylevideo.errors import ShapeError
from stylevideo.ops.parts import parts_of
from stylevideo.ops.tiles import Tile

Unit = Callable[[Tensor], Tensor]
"""(target): the square that counts as one, a scalar; those of a target's parts add up to its own."""


def gram_matrix(features: Tensor, share: Tensor | int | None = None) -> Tensor:
    """Correlate the channels of a feature map with each other, averaged over its locations.

    G = F Fᵀ / (H·W); over a region with the shares r of its places, G = Σ r f fᵀ. Those of a map's parts add up to that
    of the map.

    Args:
        features: (1, C, H, W), any floating type.
        share: (1, 1, H, W), how much each place counts, as `shares` tells; or how many places the whole map has, of
            which this is a part, all alike; None where it is the whole.
    Returns:
        (1, C, C); float32, or float64 for float64 features.

    Gatys, Ecker, Bethge (2016), equation 3; divided by the number of locations, so that it does not
    depend on the picture's size.
    """
    dtype = _sum_type(features)
    gram = torch.zeros(features.shape[1], features.shape[1], dtype=dtype, device=features.device)
    if not isinstance(share, Tensor):
        for (places,) in parts_of(features):
            wide = places.to(dtype) if places.dtype == torch.float16 else places  # whose squares are beyond its range
            gram += wide.T @ wide  # which sums in float32, whatever type it returns
        return gram[None] / (share or features.shape[2] * features.shape[3])
    for places, weights in parts_of(features, share):
        gram.addmm_(places.to(dtype).T, places * weights)
    return gram[None]


def add_gram_gradient(features: Tensor, by_gram: Tensor, share: Tensor | int | None, gradient: Tensor) -> None:
    """Go back from a symmetric gradient by a Gram matrix, (1, C, C), to one by the features, and add that in place.

    dG/dF is twice the same product, of which one half is enough.
    """
    weights = (2 * by_gram[0]).to(features.dtype)
    if not isinstance(share, Tensor):
        weights /= share or features.shape[2] * features.shape[3]
        for places, sums in parts_of(features, gradient):
            sums.addmm_(places, weights)
        return
    for places, counts, sums in parts_of(features, share, gradient):
        sums.addmm_((places * counts).to(features.dtype), weights)


def shares(region: Tensor, size: tuple[int, int]) -> Tensor:
    """How much each place of a map of some height and width counts in a mean over a region (1, 1, h, w) of 0..1.

    Returns:
        (1, 1, *size), adding up to 1.
    """
    share = F.interpolate(region.to(_sum_type(region)), size=size, mode="area")
    return share / share.sum().clamp_min(torch.finfo(share.dtype).tiny)


class TargetSums:
    """What must be known of several targets of a map together; of the map's parts it adds up.

    Args:
        unit: in what distances from them are measured.
        resting: what parts add whose features do not change, (2, targets): squares that count as one, and
            ‖x - t‖², as `resting_sums` tells; None where there are none.
    Attributes:
        squares: that count as one, a scalar for each target.
        resting: ‖x - t‖² of the parts whose features do not change, likewise.
        apart: ‖t - t'‖² of the other parts, for each two of them, by their numbers.
    """

    def __init__(self, unit: Unit, resting: Tensor | None = None) -> None:
        self._unit = unit
        self.squares, self.resting = (list(row.unbind()) for row in resting) if resting is not None else ([], [])
        self.apart: dict[tuple[int, int], Tensor] = {}

    def add(self, targets: Sequence[Tensor]) -> None:
        """Count a part of the map: (1, C, h, w) of each target."""
        before = self.squares or [targets[0].new_zeros((), dtype=_sum_type(targets[0]))] * len(targets)
        self.squares = [square + self._unit(target) for square, target in zip(before, targets, strict=True)]
        for first, second in combinations(range(len(targets)), 2):
            distance = square_distance(targets[first], targets[second])
            self.apart[first, second] = self.apart.get((first, second), 0) + distance


def resting_sums(features: Tensor, targets: Sequence[Tensor], unit: Unit, counts: Tensor | None = None) -> Tensor:
    """What a part of a map (1, C, h, w) adds that does not change, for `TargetSums`: (2, targets).

    `counts`: as of `square_distance`.
    """
    squares = torch.stack([unit(target) for target in targets])
    return torch.stack((squares, torch.stack([square_distance(features, target, counts) for target in targets])))


@dataclass(frozen=True)
class SquareDistance:
    """How far features are from several targets, each in its own unit and by its weight, as from one.

    Σ a·‖x - t‖² is Σa·‖x - m‖² + rest, with m the mean of the t, weighted by the a. What does not change of a map is in
    the rest altogether.

    Attributes:
        weights: of each target in the mean; they add up to 1.
        scale, rest: Σa and rest. All scalars on the device, float32 or better.
    """

    weights: tuple[Tensor, ...]
    scale: Tensor
    rest: Tensor

    @classmethod
    def of(cls, sums: TargetSums, weights: Sequence[float]) -> SquareDistance:
        """From targets of these sums, that have these weights."""
        scales = [weight / square for square, weight in zip(sums.squares, weights, strict=True)]
        scale = torch.stack(scales).sum()
        rest = torch.zeros_like(scale)
        for (first, second), apart in sums.apart.items():
            rest = rest + scales[first] * scales[second] / scale * apart
        for own, distance in zip(scales, sums.resting, strict=False):
            rest = rest + own * distance
        return cls(tuple(own / scale for own in scales), scale, rest)

    def mean(self, targets: Sequence[Tensor]) -> Tensor:
        """The one target that stands for all: (1, C, h, w), as each of them, laid out as the first."""
        if len(targets) == 1:
            return targets[0]
        mean = torch.empty_like(targets[0])
        for places, *each in parts_of(mean, *targets):
            weighted = [target * weight for target, weight in zip(each, self.weights, strict=True)]
            places.copy_(torch.stack(weighted).sum(dim=0))
        return mean

    def value(self, square: Tensor) -> Tensor:
        """By the square of the distance from the mean, ‖x - m‖², both scalars."""
        return self.scale * square + self.rest

    def add_gradient(
        self, features: Tensor, mean: Tensor, factor: float, gradient: Tensor, counts: Tensor | None = None
    ) -> None:
        """Add factor times the gradient by the features to what is given, in place; all three maps (1, C, h, w).

        `counts`: as of `square_distance`.
        """
        scale = 2 * factor * self.scale
        if counts is None:
            for sums, mine, target in parts_of(gradient, features, mean):
                sums.addcmul_(mine - target, scale)
            return
        for sums, mine, target, own in parts_of(gradient, features, mean, counts):
            sums.addcmul_(mine - target, (scale * own).to(mine.dtype))


def square_distance(value: Tensor, target: Tensor, counts: Tensor | None = None) -> Tensor:
    """‖x - x*‖² of two maps (1, C, h, w), a scalar, float32 or better.

    `counts`: (1, 1, h, w), how much each place's square counts; 1 if not given.

    Raises:
        ShapeError: the shapes differ.
    """
    _require_same_shape(value, target)
    dtype = _sum_type(value)
    if counts is not None:
        parts = parts_of(value, target, counts)
        weighed = [((mine - its).to(dtype).square().sum(dim=1) * own[:, 0]).sum() for mine, its, own in parts]
        return torch.stack(weighed).sum()
    sums = [torch.linalg.vector_norm(mine - its, dtype=dtype).square() for mine, its in parts_of(value, target)]
    return torch.stack(sums).sum()


def own_square(target: Tensor) -> Tensor:
    """‖x*‖²: distances are then parts of the target, and mean the same for every layer, picture and network."""
    # Place by place: a norm of all at once adds up one after another on a CPU, and loses the fifth digit.
    lengths = [torch.linalg.vector_norm(places, dim=1, dtype=_sum_type(target)) for (places,) in parts_of(target)]
    return torch.stack([length.square().sum() for length in lengths]).sum()


def entries(target: Tensor) -> Tensor:
    """How many numbers there are: distances become means, as the article's content and style terms use them."""
    return torch.full((), target.numel(), dtype=_sum_type(target), device=target.device)


def _sum_type(values: Tensor) -> torch.dtype:
    return torch.promote_types(values.dtype, torch.float32)


def relative_square_error(value: Tensor, target: Tensor) -> Tensor:
    """The squared distance from a target in parts of the target's own square: ‖x - x*‖² / ‖x*‖².

    0 at the target, 1 for a value of zero: it means the same for every layer, picture and weights file.

    Args:
        value, target: of one shape.
    Returns:
        A scalar.
    Raises:
        ShapeError: the shapes differ.
    """
    _require_same_shape(value, target)
    return (value - target).square().sum() / target.square().sum()


def total_variation(image: Tensor, tile: Tile | None = None) -> Tensor:
    """The mean absolute difference between neighbouring pixels, across and down.

    Args:
        image: (1, 3, H, W), or what a tile sees of it.
        tile: whose part of the mean is meant; the parts of all tiles add up to it.
    Returns:
        A scalar, in units of the picture.

    Rudin, Osher, Fatemi (1992), anisotropic form.
    """
    return total_variation_sum(image, tile) / _values_of_whole(image, tile)


def color_variation(image: Tensor, tile: Tile | None = None) -> Tensor:
    """The total variation of a picture's colours alone: of each pixel less the mean of its three values.

    Args:
        image, tile: as of `total_variation`.
    Returns:
        A scalar, in units of the picture; 0 for a grey one.
    """
    return total_variation(image - image.mean(dim=1, keepdim=True), tile)


def total_variation_sum(image: Tensor, tile: Tile | None = None) -> Tensor:
    """The sum, not the mean, of the absolute differences: the article's total-variation term."""
    across, down = _neighbour_differences(image)
    if tile is None:
        return across.sum() + down.sum()
    return tile.own_of(across).sum() + tile.own_of(down).sum()  # a difference is its first pixel's


def temporal_loss(image: Tensor, warped: Tensor, visible: Tensor, tile: Tile | None = None) -> Tensor:
    """How far a frame is from the previous one carried along the flow, where that was visible.

    (1/D) Σ c·(x - w)², D being the number of values in the picture.

    Args:
        image, warped: (1, 3, H, W), or what a tile sees of it.
        visible: (1, 1, H, W), 0..1, likewise.
        tile: as of `total_variation`.
    Returns:
        A scalar.
    Raises:
        ShapeError: the sizes differ.

    Ruder, Dosovitskiy, Brox (2016), equation 7.
    """
    _require_same_shape(image, warped)
    _require_same_shape(image[:, :1], visible)
    return _mean_over(visible * (image - warped).square(), tile)


def source_loss(image: Tensor, source: Tensor, tile: Tile | None = None, counts: Tensor | None = None) -> Tensor:
    """How far a frame's pixels are from the source's: the mean of (x - s)².

    Args:
        image, source: (1, 3, H, W), or what a tile sees of it.
        tile: as of `total_variation`.
        counts: (1, 1, H, W), likewise, how much each pixel's square counts; 1 if not given.
    Returns:
        A scalar.
    Raises:
        ShapeError: the sizes differ.
    """
    _require_same_shape(image, source)
    square = (image - source).square()
    return _mean_over(square if counts is None else square * counts, tile)


def _mean_over(values: Tensor, tile: Tile | None) -> Tensor:
    """The mean of values (1, 3, H, W) of a picture, or a tile's part of it."""
    if tile is None:
        return values.mean()
    own = tile.own_of(values)
    return own.mean() * (own.numel() / _values_of_whole(values, tile))


def _values_of_whole(image: Tensor, tile: Tile | None) -> int:
    return image.numel() if tile is None else image.shape[1] * math.prod(tile.size)


def _neighbour_differences(image: Tensor) -> tuple[Tensor, Tensor]:
    across = (image[..., :, 1:] - image[..., :, :-1]).abs()
    down = (image[..., 1:, :] - image[..., :-1, :]).abs()
    return across, down


def _require_same_shape(value: Tensor, target: Tensor) -> None:
    if value.shape != target.shape:
        raise ShapeError(f"a value of shape {tuple(value.shape)} cannot be compared with {tuple(target.shape)}")
