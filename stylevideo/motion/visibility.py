"""What of a frame was visible before, and which flow is motion at all."""

from __future__ import annotations

import torch
from torch import Tensor

from stylevideo.errors import ShapeError
from stylevideo.ops.warp import sample_positions, warp_smoothly

STILL_PX, MOVING_PX = 0.02, 0.06
"""Flow up to the first is none, and from the second on as it was found; see `deadband`."""


def deadband(flow: Tensor) -> Tensor:
    """Set flow that is too small to be motion to zero, so that still pixels are copied, not resampled.

    Below 0.02 px the flow is zero, from 0.06 px on it is left as it is, and in between it is eased. The
    threshold is low because what it takes away is lost: under a camera that drifts by 0.1 px a frame, strokes
    that stayed behind would be a whole pixel off after ten frames.

    Args:
        flow: (1, 2, H, W), pixels.
    Returns:
        (1, 2, H, W).
    """
    length = flow.square().sum(1, keepdim=True).sqrt()  # (1, 1, H, W)
    return flow * ((length - STILL_PX) / (MOVING_PX - STILL_PX)).clamp(0, 1)


def visibility(flow_to_previous: Tensor, flow_to_next: Tensor) -> Tensor:
    """Mark the pixels of a frame that were also visible in the previous frame.

    A pixel is hidden when following the flow there and back does not return near its start, when it
    lies on a motion boundary, or when it came from outside the picture.

    Args:
        flow_to_previous: (1, 2, H, W), pixels, from this frame to the previous one.
        flow_to_next: (1, 2, H, W), pixels, from the previous frame to this one.
    Returns:
        (1, 1, H, W); 1 where visible, 0 where hidden.
    Raises:
        ShapeError: the two flows differ in size.

    Ruder, Dosovitskiy, Brox (2016), equations 5 and 6.
    """
    if flow_to_previous.shape != flow_to_next.shape:
        raise ShapeError(f"flows of {tuple(flow_to_previous.shape)} and {tuple(flow_to_next.shape)} differ in size")
    back = flow_to_previous
    forth = warp_smoothly(flow_to_next, back)
    square = back.square().sum(1, keepdim=True)  # (1, 1, H, W)
    mismatch = (forth + back).square().sum(1, keepdim=True)
    occluded = mismatch > 0.01 * (square + forth.square().sum(1, keepdim=True)) + 0.5
    boundary = _gradient_square(back) > 0.01 * square + 0.002
    return (~(occluded | boundary | outside(back))).to(back.dtype)


def outside(flow_to_previous: Tensor) -> Tensor:
    """Mark where flow (1, 2, H, W), pixels, leads more than half a pixel out of the picture: (1, 1, H, W), bool."""
    height, width = flow_to_previous.shape[2:]
    x, y = sample_positions(flow_to_previous)
    outside = (x < -0.5) | (x > width - 0.5) | (y < -0.5) | (y > height - 0.5)
    return outside.reshape(1, 1, height, width)


def _gradient_square(flow: Tensor) -> Tensor:
    """|∇u|² + |∇v|²: (1, 1, H, W)."""
    down, across = torch.gradient(flow, dim=(2, 3))
    return (down.square() + across.square()).sum(1, keepdim=True)
