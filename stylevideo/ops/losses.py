"""The terms of the loss and the statistics they are made of, with their gradients by features in closed form.

Pictures are `(1, 3, H, W)`, features `(1, C, H, W)`, Gram matrices `(1, C, C)`. Sums run in float32 or
better whatever the features' type, since a Gram matrix overflows half precision. Features are read a part at a time, so
that no copy of a whole map is written, of whatever type: to write one takes longer than to compute it.

Knows nothing of networks, layers or weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stylevideo.errors import ShapeError
from stylevideo.ops.parts import parts_of

Unit = Callable[[Tensor], Tensor]
"""(target): the square that counts as one, a scalar."""


def gram_matrix(features: Tensor, region: Tensor | None = None) -> Tensor:
    """Correlate the channels of a feature map with each other, averaged over its locations.

    G = F Fᵀ / (H·W); over a region r, G = Σ r f fᵀ / Σ r.

    Args:
        features: (1, C, H, W), any floating type.
        region: (1, 1, h, w), 0..1, of any size: how much each place counts; None is all alike.
    Returns:
        (1, C, C); float32, or float64 for float64 features.

    Gatys, Ecker, Bethge (2016), equation 3; divided by the number of locations, so that it does not
    depend on the picture's size.
    """
    dtype = _sum_type(features)
    gram = torch.zeros(features.shape[1], features.shape[1], dtype=dtype, device=features.device)
    if region is None:
        for (places,) in parts_of(features):
            wide = places.to(dtype) if places.dtype == torch.float16 else places  # whose squares are beyond its range
            gram += wide.T @ wide  # which sums in float32, whatever type it returns
        return gram[None] / (features.shape[2] * features.shape[3])
    for places, share in parts_of(features, _share(region, features)):
        gram.addmm_(places.to(dtype).T, places * share)
    return gram[None]


def add_gram_gradient(features: Tensor, by_gram: Tensor, region: Tensor | None, gradient: Tensor) -> None:
    """Go back from a symmetric gradient by a Gram matrix, (1, C, C), to one by the features, and add that in place.

    dG/dF is twice the same product, of which one half is enough.
    """
    weights = (2 * by_gram[0]).to(features.dtype)
    if region is None:
        weights /= features.shape[2] * features.shape[3]
        for places, sums in parts_of(features, gradient):
            sums.addmm_(places, weights)
        return
    for places, share, sums in parts_of(features, _share(region, features), gradient):
        sums.addmm_((places * share).to(features.dtype), weights)


def _share(region: Tensor, features: Tensor) -> Tensor:
    """How much each place counts in a mean over a region: (1, 1, H, W), adding up to 1."""
    share = F.interpolate(region.to(features.device, _sum_type(features)), size=features.shape[2:], mode="area")
    return share / share.sum().clamp_min(torch.finfo(share.dtype).tiny)


@dataclass(frozen=True)
class SquareDistance:
    """How far features are from a target: scale·‖x - x*‖² + rest.

    Attributes:
        target: (1, C, h, w), of the features' type.
        scale, rest: scalars on its device, float32 or better.
    """

    target: Tensor
    scale: Tensor
    rest: Tensor

    @classmethod
    def of(cls, targets: Sequence[Tensor], weights: Sequence[float], unit: Unit, like: Tensor) -> SquareDistance:
        """Those from several targets as one, each in its own unit and times its weight, for features like some.

        Σ a·‖x - t‖² is Σa·‖x - m‖² + Σ a·‖t - m‖², with m the mean of the t, weighted by the a.
        """
        scales = [weight / unit(target) for target, weight in zip(targets, weights, strict=True)]
        scale = torch.stack(scales).sum()
        mean = torch.empty_like(like)  # laid out in memory as they are, or reading both at once is slow
        for places, *each in parts_of(mean, *targets):
            weighted = [target * (own / scale) for target, own in zip(each, scales, strict=True)]
            places.copy_(torch.stack(weighted).sum(dim=0))
        apart = [own * square_distance(target, mean) for target, own in zip(targets, scales, strict=True)]
        return cls(mean, scale, torch.stack(apart).sum())

    def value(self, features: Tensor) -> Tensor:
        """Of features (1, C, h, w), a scalar.

        Raises:
            ShapeError: they are of another shape than the target.
        """
        return self.scale * square_distance(features, self.target) + self.rest

    def add_gradient(self, features: Tensor, factor: float, gradient: Tensor) -> None:
        """Add factor times the gradient by the features to what is given, in place."""
        scale = 2 * factor * self.scale
        for sums, mine, target in parts_of(gradient, features, self.target):
            sums.add_((mine - target).mul_(scale))


def square_distance(value: Tensor, target: Tensor) -> Tensor:
    """‖x - x*‖² of two maps (1, C, h, w), a scalar, float32 or better.

    Raises:
        ShapeError: the shapes differ.
    """
    _require_same_shape(value, target)
    dtype = _sum_type(value)
    sums = [torch.linalg.vector_norm(mine - its, dtype=dtype).square() for mine, its in parts_of(value, target)]
    return torch.stack(sums).sum()


def own_square(target: Tensor) -> Tensor:
    """‖x*‖²: distances are then parts of the target, and mean the same for every layer, picture and network."""
    size: Tensor = torch.linalg.vector_norm(target, dtype=_sum_type(target))
    return size.square()


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


def total_variation(image: Tensor) -> Tensor:
    """The mean absolute difference between neighbouring pixels, across and down.

    Args:
        image: (1, 3, H, W).
    Returns:
        A scalar, in units of the picture.

    Rudin, Osher, Fatemi (1992), anisotropic form.
    """
    across, down = _neighbour_differences(image)
    return (across.sum() + down.sum()) / image.numel()


def color_variation(image: Tensor) -> Tensor:
    """The total variation of a picture's colours alone: of each pixel less the mean of its three values.

    Args:
        image: (1, 3, H, W).
    Returns:
        A scalar, in units of the picture; 0 for a grey one.
    """
    return total_variation(image - image.mean(dim=1, keepdim=True))


def total_variation_sum(image: Tensor) -> Tensor:
    """The sum, not the mean, of the absolute differences: the article's total-variation term."""
    across, down = _neighbour_differences(image)
    return across.sum() + down.sum()


def temporal_loss(image: Tensor, warped: Tensor, visible: Tensor) -> Tensor:
    """How far a frame is from the previous one carried along the flow, where that was visible.

    (1/D) Σ c·(x - w)², D being the number of values in the picture.

    Args:
        image, warped: (1, 3, H, W).
        visible: (1, 1, H, W), 0..1.
    Returns:
        A scalar.
    Raises:
        ShapeError: the sizes differ.

    Ruder, Dosovitskiy, Brox (2016), equation 7.
    """
    _require_same_shape(image, warped)
    _require_same_shape(image[:, :1], visible)
    return (visible * (image - warped).square()).mean()


def _neighbour_differences(image: Tensor) -> tuple[Tensor, Tensor]:
    across = (image[..., :, 1:] - image[..., :, :-1]).abs()
    down = (image[..., 1:, :] - image[..., :-1, :]).abs()
    return across, down


def _require_same_shape(value: Tensor, target: Tensor) -> None:
    if value.shape != target.shape:
        raise ShapeError(f"a value of shape {tuple(value.shape)} cannot be compared with {tuple(target.shape)}")
