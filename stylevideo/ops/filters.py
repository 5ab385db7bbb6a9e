"""Blur and luma."""

from __future__ import annotations

import cv2
import torch
from torch import Tensor


def gaussian_blur(values: Tensor, sigma: float) -> Tensor:
    """Blur maps; the border is repeated.

    Args:
        values: (1, C, H, W), on any device; blurred on the CPU.
        sigma: pixels.
    Returns:
        (1, C, H, W).
    """
    planes = values[0].permute(1, 2, 0).contiguous().cpu().numpy()
    blurred = cv2.GaussianBlur(planes, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return torch.from_numpy(blurred).reshape(*planes.shape).permute(2, 0, 1)[None].to(values.device)


LUMA = (0.299, 0.587, 0.114)


def luma(image: Tensor) -> Tensor:
    """The brightness of each pixel, by the weights of ITU-R BT.601.

    Args:
        image: (1, 3, H, W), RGB, 0..1.
    Returns:
        (H, W), 0..255.
    """
    weights = torch.tensor(LUMA, device=image.device).view(3, 1, 1)
    return (image[0] * weights).sum(0) * 255
