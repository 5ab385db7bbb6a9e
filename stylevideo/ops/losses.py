"""The terms of the loss and the statistics they are made of: each a pure, differentiable function.

Pictures are `(1, 3, H, W)`, features `(1, C, H, W)`, Gram matrices `(1, C, C)`. Sums run in float32 or
better whatever the features' type, since a Gram matrix overflows half precision.

Knows nothing of networks, layers or weights.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from stylevideo.errors import ShapeError


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
    wide = features if features.dtype == torch.float64 else features.float()
    flat = wide.flatten(2)  # (1, C, H*W)
    if region is None:
        return flat @ flat.transpose(1, 2) / flat.shape[2]
    share = F.interpolate(region.to(flat), size=features.shape[2:], mode="area").flatten(2)  # (1, 1, H*W)
    return flat * share @ flat.transpose(1, 2) / share.sum().clamp_min(torch.finfo(flat.dtype).tiny)


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


def mean_square_error(value: Tensor, target: Tensor) -> Tensor:
    """The mean of (x - x*)², as the article's content and style terms use it.

    Raises:
        ShapeError: the shapes differ.
    """
    _require_same_shape(value, target)
    return (value - target).square().mean()


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
