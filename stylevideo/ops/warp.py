"""Moving pictures along optical flow.

A warp here is *backward*: every pixel of the new picture looks up where it was. Flow is `(1, 2, H, W)`,
pixels, x then y. Knows nothing of where flow comes from.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import torch
from torch import Tensor

from stylevideo.errors import ShapeError

Kernel = Callable[[Tensor], Tensor]
"""Weights by the distance in pixels."""

LANCZOS_TAPS = 8
LINEAR_TAPS = 2


def warp(image: Tensor, flow_to_previous: Tensor) -> Tensor:
    """Carry a picture of the previous frame to where it is now.

    Samples with an 8-tap Lanczos kernel, since a picture that is warped hundreds of times must not
    blur; beyond the border the nearest pixel is repeated. May over- and undershoot the input's range.

    Args:
        image: (1, C, H, W), the previous frame's.
        flow_to_previous: (1, 2, H, W), pixels: the pixel now at p was at p + flow(p).
    Returns:
        (1, C, H, W).
    Raises:
        ShapeError: the sizes differ.
    """
    return _resample(image, flow_to_previous, _lanczos, LANCZOS_TAPS)


def warp_smoothly(values: Tensor, flow_to_previous: Tensor) -> Tensor:
    """Carry maps that must not overshoot, such as moments or flow: samples bilinearly.

    Every value is a weighted mean of its neighbours, so a second moment stays positive, and the square of
    a first moment stays below the second where it was so before. Beyond the border the nearest pixel is
    repeated.

    Args:
        values: (1, C, H, W), the previous frame's.
        flow_to_previous: (1, 2, H, W), pixels.
    Returns:
        (1, C, H, W).
    Raises:
        ShapeError: the sizes differ.
    """
    return _resample(values, flow_to_previous, _linear, LINEAR_TAPS)


def warp_roughly(image: Tensor, flow_to_previous: Tensor) -> Tensor:
    """Carry a picture for a comparison, not for keeps: bicubic by OpenCV, to 1/32 px, many times faster on a CPU.

    Args:
        image: (1, 3, H, W).
        flow_to_previous: (1, 2, H, W), pixels.
    Returns:
        (1, 3, H, W).
    Raises:
        ShapeError: the sizes differ.
    """
    _require_fit(image, flow_to_previous)
    height, width = image.shape[2:]
    x, y = (position.reshape(height, width).cpu().numpy() for position in sample_positions(flow_to_previous))
    planes = image[0].permute(1, 2, 0).contiguous().cpu().numpy()
    moved = cv2.remap(planes, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return torch.from_numpy(moved).permute(2, 0, 1)[None].to(image.device)


def sample_positions(flow: Tensor) -> tuple[Tensor, Tensor]:
    """Column and row, in pixels, from which each pixel is taken: two of (H*W,)."""
    height, width = flow.shape[2:]
    row, column = torch.meshgrid(
        torch.arange(height, device=flow.device, dtype=flow.dtype),
        torch.arange(width, device=flow.device, dtype=flow.dtype),
        indexing="ij",
    )
    return (column + flow[0, 0]).flatten(), (row + flow[0, 1]).flatten()


def _resample(values: Tensor, flow: Tensor, kernel: Kernel, taps: int) -> Tensor:
    """Look up maps (1, C, H, W) with a separable kernel; beyond the border the nearest pixel is repeated.

    Written with gathers, which every device has, where `grid_sample` lacks kernels and borders on some.
    """
    _require_fit(values, flow)
    _, channels, height, width = values.shape
    x, y = sample_positions(flow)
    columns, column_weights = _taps(x, width, kernel, taps)
    rows, row_weights = _taps(y, height, kernel, taps)
    flat = values.reshape(channels, height * width)
    result = torch.zeros_like(flat)
    for row, row_weight in zip(rows, row_weights, strict=True):
        line = torch.zeros_like(flat)
        for column, column_weight in zip(columns, column_weights, strict=True):
            line += flat.index_select(1, row * width + column) * column_weight
        result += line * row_weight
    return result.reshape(1, channels, height, width)


def _require_fit(values: Tensor, flow: Tensor) -> None:
    if flow.shape != (1, 2, *values.shape[2:]):
        raise ShapeError(f"flow of shape {tuple(flow.shape)} does not fit a picture of {tuple(values.shape)}")


def _taps(position: Tensor, size: int, kernel: Kernel, taps: int) -> tuple[Tensor, Tensor]:
    """The pixels that a kernel reaches, and their weights, which add up to one: two of (taps, N)."""
    base = position.floor()
    offsets = torch.arange(1 - taps // 2, taps // 2 + 1, device=position.device, dtype=position.dtype)
    weights = kernel(position - base - offsets[:, None])  # (taps, N)
    indices = (base + offsets[:, None]).long().clamp(0, size - 1)
    return indices, weights / weights.sum(0)


def _lanczos(distance: Tensor) -> Tensor:
    return torch.sinc(distance) * torch.sinc(distance / (LANCZOS_TAPS // 2))


def _linear(distance: Tensor) -> Tensor:
    return 1 - distance.abs()
