"""Small pictures for tests."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def to_image(picture: np.ndarray) -> Tensor:
    """(H, W, 3) uint8 to (1, 3, H, W), 0..1."""
    return torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255


def noise_image(height: int, width: int, seed: int = 0) -> Tensor:
    """(1, 3, H, W), 0..1, every pixel by chance."""
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))
