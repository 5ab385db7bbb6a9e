"""Optical flow between two pictures.

DIS (dense inverse search) by OpenCV, on the CPU; padding happens inside, so any size works.

T. Kroeger, R. Timofte, D. Dai, L. Van Gool: Fast optical flow using dense inverse search (2016),
arXiv:1603.03590.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from stylevideo.errors import ShapeError

LUMA = (0.299, 0.587, 0.114)
PADDED_EDGE_PX = 128
MULTIPLE_PX = 32


class DISFlow:
    """Dense inverse search.

    One object serves one thread.
    """

    def __init__(self) -> None:
        # cv2's stubs do not know the factory in every release.
        self._dis: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def between(self, image: Tensor, other: Tensor) -> Tensor:
        """Find where each pixel of a picture lies in another.

        Args:
            image, other: (1, 3, H, W), RGB, 0..1, on any device.
        Returns:
            (1, 2, H, W), pixels, x then y, float32, on the CPU: the pixel at p of `image` is at
            p + flow(p) of `other`.
        Raises:
            ShapeError: the pictures differ in size.
        """
        if image.shape != other.shape:
            raise ShapeError(f"pictures of {tuple(image.shape)} and {tuple(other.shape)} differ in size")
        height, width = image.shape[2:]
        flow = self._dis.calc(_padded_luma(image), _padded_luma(other), None)
        return torch.from_numpy(flow[:height, :width].copy()).permute(2, 0, 1)[None]  # (1, 2, H, W)


def _padded_luma(image: Tensor) -> np.ndarray:
    """8-bit luma, its right and bottom border repeated until DIS's pyramid fits."""
    weights = torch.tensor(LUMA, device=image.device).view(3, 1, 1)
    luma = ((image[0] * weights).sum(0) * 255).round().clamp(0, 255).byte().cpu().numpy()
    bottom, right = (_padding(edge) for edge in luma.shape)
    return cv2.copyMakeBorder(luma, 0, bottom, 0, right, cv2.BORDER_REPLICATE)


def _padding(edge: int) -> int:
    wanted = max(PADDED_EDGE_PX, -(-edge // MULTIPLE_PX) * MULTIPLE_PX)
    return wanted - edge
