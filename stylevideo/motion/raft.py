"""Optical flow by a network, on the device that it lies on."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from stylevideo.motion.frame import Frame
from stylevideo.ops.pyramid import require_same_size

MULTIPLE_PX = 8
LEAST_EDGE_PX = 128
"""Below that the coarsest of RAFT's four correlations is smaller than what is looked up in it."""


class RaftFlow:
    """RAFT as a source of motion.

    Args:
        network: takes two pictures (1, 3, H, W), RGB, -1..1, and gives flow (1, 2, H, W), pixels.
        name: of the network and its weights.
        device: where it computes.
    """

    def __init__(self, network: Callable[[Tensor, Tensor], Tensor], name: str, device: torch.device | str) -> None:
        self._network, self.name, self._device = network, name, device

    def flow(self, frame: Frame, other: Frame) -> Tensor:
        """As of `MotionSource`."""
        require_same_size(frame.image, other.image)
        height, width = frame.image.shape[2:]
        image, target = (_padded(picture.to(self._device) * 2 - 1) for picture in (frame.image, other.image))
        return self._network(image, target)[..., :height, :width].float().to(frame.image.device).contiguous()


def _padded(image: Tensor) -> Tensor:
    """A picture whose right and bottom border is repeated until RAFT takes it."""
    bottom, right = (max(LEAST_EDGE_PX, -(-edge // MULTIPLE_PX) * MULTIPLE_PX) - edge for edge in image.shape[2:])
    return F.pad(image, (0, right, 0, bottom), mode="replicate")
