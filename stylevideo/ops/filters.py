"""Blur and luma."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor

WIDE_PX = 4.0
"""From this sigma on what is lost by halving is too little to be seen."""
HALVED_VARIANCE = 1.0
"""What halving and enlarging blur by themselves, square pixels: a quarter by means of two, the rest by lines."""


def gaussian_blur(values: Tensor, sigma: float) -> Tensor:
    """Blur maps; the border is repeated.

    Args:
        values: (1, C, H, W), on any device; blurred on the CPU.
        sigma: pixels.
    Returns:
        (1, C, H, W).
    """
    return _by_planes(values, sigma, _blurred)


def blur_roughly(values: Tensor, sigma: float) -> Tensor:
    """As `gaussian_blur`; wide ones by narrower ones of planes half as large, many times faster, nearly the same."""
    return _by_planes(values, sigma, _blurred_roughly)


def _by_planes(values: Tensor, sigma: float, blur: Callable[[np.ndarray, float], np.ndarray]) -> Tensor:
    planes = values[0].permute(1, 2, 0).contiguous().cpu().numpy()
    blurred = blur(planes, sigma)
    return torch.from_numpy(blurred).reshape(*planes.shape).permute(2, 0, 1)[None].to(values.device)


def _blurred(planes: np.ndarray, sigma: float) -> np.ndarray:
    """Planes (H, W) or (H, W, C)."""
    return cv2.GaussianBlur(planes, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)


def _blurred_roughly(planes: np.ndarray, sigma: float) -> np.ndarray:
    if sigma < WIDE_PX:
        return _blurred(planes, sigma)
    height, width = planes.shape[:2]
    half = cv2.resize(planes, (-(-width // 2), -(-height // 2)), interpolation=cv2.INTER_AREA)
    narrower = _blurred_roughly(half, math.sqrt(sigma**2 - HALVED_VARIANCE) / 2)
    return cv2.resize(narrower, (width, height), interpolation=cv2.INTER_LINEAR)


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
