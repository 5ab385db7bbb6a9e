"""The ladder of scales, and resizing of pictures along it.

Sizes are `(height, width)` in pixels.
"""

from __future__ import annotations

import math

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor

from stylevideo.errors import ShapeError

LEAST_EDGE_PX = 32
"""The shortest edge that VGG-19's fifth block still sees as more than a single pixel."""


def fit_long_edge(height: int, width: int, long_edge: int) -> tuple[int, int]:
    """The size of a picture scaled to this long edge, at least one pixel each way."""
    scale = long_edge / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def scale_ladder(height: int, width: int, coarsest: int) -> tuple[tuple[int, int], ...]:
    """Sizes from the coarsest to the full one, in equal steps that come as near to doubling as they can.

    So large pictures begin at the same size however large they are. Sizes whose short edge would be below
    `LEAST_EDGE_PX` are left out; the full size never is.

    Args:
        height, width: of the full size.
        coarsest: long edge of the coarsest, pixels; half the full one where that is less; 0 for the full size alone.
    """
    long_edge = max(height, width)
    if coarsest == 0:
        return ((height, width),)
    growth = max(2.0, long_edge / coarsest)
    steps = round(math.log2(growth))
    edges = (round(long_edge / growth ** (step / steps)) for step in range(steps, 0, -1))
    sizes = (fit_long_edge(height, width, edge) for edge in edges)
    return (*(size for size in sizes if min(size) >= LEAST_EDGE_PX), (height, width))


def resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize a picture with anti-aliasing.

    Args:
        image: (1, C, H, W), 0..1.
        size: height and width.
    Returns:
        (1, C, height, width), 0..1.
    """
    if image.shape[2:] == size:
        return image
    resized = F.interpolate(image, size=size, mode="bicubic", align_corners=False, antialias=True)
    return resized.clamp(0, 1)


def reduced(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Make a picture smaller for a comparison, each pixel a mean of those that it covers: by OpenCV, on the CPU.

    Args:
        image: (1, C, H, W), on any device.
        size: height and width, at most the picture's.
    Returns:
        (1, C, height, width).
    """
    if image.shape[2:] == size:
        return image
    planes = image[0].permute(1, 2, 0).contiguous().cpu().numpy()
    smaller = cv2.resize(planes, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(smaller).reshape(*size, -1).permute(2, 0, 1)[None].to(image.device)


def enlarged(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Maps (1, C, H, W) at a larger height and width, bilinearly; their values stay what they are."""
    if maps.shape[2:] == size:
        return maps
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=False)


def require_same_size(image: Tensor, other: Tensor) -> None:
    """Refuse two pictures or masks (1, C, H, W) that do not fit together.

    Raises:
        ShapeError: their shapes differ.
    """
    if image.shape != other.shape:
        raise ShapeError(f"pictures of {tuple(image.shape)} and {tuple(other.shape)} differ in size")
