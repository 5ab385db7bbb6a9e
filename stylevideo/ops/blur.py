"""Gaussian blur on the CPU."""

from __future__ import annotations

import cv2
import torch
from torch import Tensor


def gaussian_blur(values: Tensor, sigma: float) -> Tensor:
    """Blur maps; the border is repeated.

    Args:
        values: (1, C, H, W), on the CPU.
        sigma: pixels.
    Returns:
        (1, C, H, W).
    """
    planes = values[0].permute(1, 2, 0).contiguous().numpy()
    blurred = cv2.GaussianBlur(planes, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return torch.from_numpy(blurred).reshape(*planes.shape).permute(2, 0, 1)[None]
