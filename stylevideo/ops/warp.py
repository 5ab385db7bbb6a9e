"""Moving pictures along optical flow.

A warp here is *backward*: every pixel of the new picture looks up where it was. Flow is `(1, 2, H, W)`,
pixels, x then y. Knows nothing of where flow comes from.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor

from stylevideo.errors import ShapeError

Kernel = Callable[[Tensor], Tensor]
"""Weights by the distance in pixels."""

SINC_TAPS = 8
LINEAR_TAPS = 2
FINE_TAPS = (-1, 4, 10, 4, -1)
"""What is not fine, sixteenths: a half-band filter, whose rest is strokes of up to about two pixels."""
FINE_REACH = len(FINE_TAPS) // 2
FINE_WINDOW = 9
"""Around a pixel, in which contrast is measured, pixels."""
FINE_AGAIN = 1.25
"""Times so much fine detail is added as is missing, since a fifth of what is added lies below the band."""
MOST_GIVEN_BACK = 2.0
"""Fine contrast is enlarged by this factor at most: where a picture is nearly plain, the ratio is chance."""
LEAST_POWER = 1e-8
"""Mean square of a range of 0..1: what is plainer stays plain."""


def warp(image: Tensor, flow_to_previous: Tensor) -> Tensor:
    """Carry a picture of the previous frame to where it is now.

    Samples with a windowed sinc of 8 taps, since a picture that is warped hundreds of times must not
    blur; beyond the border the nearest pixel is repeated. May over- and undershoot the input's range.

    Args:
        image: (1, C, H, W), the previous frame's.
        flow_to_previous: (1, 2, H, W), pixels: the pixel now at p was at p + flow(p).
    Returns:
        (1, C, H, W).
    Raises:
        ShapeError: the sizes differ.
    """
    return _resample(image, flow_to_previous, _windowed_sinc, SINC_TAPS)


def warp_crisply(image: Tensor, flow_to_previous: Tensor) -> Tensor:
    """Carry a picture of the previous frame, with as much contrast of finest strokes as it had there.

    Resampling between pixels takes away a part of what is finest, strokes that come nearer become coarser, and frame
    by frame both add up. So what the strokes around each pixel lose of their contrast is given back to what is left.

    Args:
        image: (1, 3, H, W), the previous frame's, 0..1.
        flow_to_previous: (1, 2, H, W), pixels.
    Returns:
        (1, 3, H, W), 0..1.
    Raises:
        ShapeError: the sizes differ.
    """
    warped = warp(image, flow_to_previous)
    fine = _fine(warped)
    known = _known(flow_to_previous)
    before = _mean_around(known * warp_smoothly(_power(_fine(image)), flow_to_previous))
    lost = (before / _mean_around(known * _power(fine))).sqrt().clamp(1, MOST_GIVEN_BACK) - 1
    return (warped + FINE_AGAIN * lost * fine).clamp(0, 1)


def _fine(image: Tensor) -> Tensor:
    """What of a picture (1, 3, H, W) changes from pixel to pixel."""
    taps = (torch.tensor(FINE_TAPS) / sum(FINE_TAPS)).to(image.device, image.dtype, non_blocking=True)
    channels = image.shape[1]
    rest = F.pad(image, (FINE_REACH,) * 4, mode="replicate")
    for shape in ((1, -1), (-1, 1)):
        rest = F.conv2d(rest, taps.view(1, 1, *shape).expand(channels, -1, -1, -1), groups=channels)
    return image - rest


def _power(values: Tensor) -> Tensor:
    """Mean square of the channels: (1, 1, H, W)."""
    return values.square().mean(dim=1, keepdim=True)


def _mean_around(power: Tensor) -> Tensor:
    return F.avg_pool2d(power, FINE_WINDOW, stride=1, padding=FINE_WINDOW // 2).clamp_min(LEAST_POWER)


def _known(flow: Tensor) -> Tensor:
    """1 where flow leads into the picture and `_fine` sees no border, else 0: (1, 1, H, W)."""
    height, width = flow.shape[2:]
    x, y = sample_positions(flow)
    inside = ((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)).reshape(1, 1, height, width)
    away = torch.zeros_like(inside)
    away[..., FINE_REACH : height - FINE_REACH, FINE_REACH : width - FINE_REACH] = True
    return (inside & away).to(flow.dtype)


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


def _windowed_sinc(distance: Tensor) -> Tensor:
    """Lanczos' window squared: as it is, it enlarges waves of three pixels by 1.6 %, which as many warps is a weave."""
    return torch.sinc(distance) * torch.sinc(distance / (SINC_TAPS // 2)).square()


def _linear(distance: Tensor) -> Tensor:
    return 1 - distance.abs()
