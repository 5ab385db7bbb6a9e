"""Optical flow between two frames: where motion comes from.

`MotionSource` is what any source of motion is to the rest. Two are here, by OpenCV, on the CPU: DIS (dense inverse
search), which the optimiser uses, and Farneback's, which judges the result by other means.

T. Kroeger, R. Timofte, D. Dai, L. Van Gool: Fast optical flow using dense inverse search (2016),
arXiv:1603.03590.
G. Farnebäck: Two-frame motion estimation based on polynomial expansion (2003).
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import cv2
import numpy as np
import torch
from torch import Tensor

from stylevideo.motion.frame import Frame
from stylevideo.ops.filters import luma
from stylevideo.ops.pyramid import require_same_size

PADDED_EDGE_PX = 128
MULTIPLE_PX = 32
FINEST_EDGE_PX = 1024
"""DIS goes down to the scale whose long edge is at most this: pixels themselves up to here, halves up to twice it."""

FARNEBACK_LEVELS = 5
FARNEBACK_WINDOW_PX = 21
FARNEBACK_ITERATIONS = 5
FARNEBACK_NEIGHBOURHOOD_PX = 7
FARNEBACK_SIGMA_PX = 1.5


def halvings(height: int, width: int) -> int:
    """How many times a picture is halved before DIS looks at it most finely."""
    return max(0, math.ceil(math.log2(max(height, width) / FINEST_EDGE_PX)))


class MotionSource(Protocol):
    """Finds where the pixels of one frame lie in another; one object serves one thread.

    It is asked for neighbouring frames and for frames that lie far apart, large ones at a reduced size.
    """

    @property
    def name(self) -> str:
        """By what it is known: frames that were painted with another are not gone on from."""
        ...

    def flow(self, frame: Frame, other: Frame) -> Tensor:
        """Find where each pixel of a frame lies in another.

        Args:
            frame, other: of one size, on any device.
        Returns:
            (1, 2, H, W), pixels, x then y, float32, on the frame's device: the pixel at p of `frame` is at
            p + flow(p) of `other`.
        Raises:
            ShapeError: the frames differ in size.
        """
        ...


class _OfPictures:
    """A source of motion that looks at the pictures alone."""

    name: str

    def flow(self, frame: Frame, other: Frame) -> Tensor:
        """As of `MotionSource`."""
        return self.between(frame.image, other.image).to(frame.image.device)

    def between(self, image: Tensor, other: Tensor) -> Tensor:
        """The same for pictures (1, 3, H, W), RGB, 0..1, on any device; the flow lies on the CPU."""
        raise NotImplementedError


class DISFlow(_OfPictures):
    """Dense inverse search, padded inside, so that any size works."""

    name = "DIS"

    def __init__(self) -> None:
        # cv2's stubs do not know the factory in every release.
        self._dis: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def between(self, image: Tensor, other: Tensor) -> Tensor:
        """As of `MotionSource.flow`, for pictures (1, 3, H, W), RGB, 0..1; the flow lies on the CPU."""
        require_same_size(image, other)
        height, width = image.shape[2:]
        self._dis.setFinestScale(halvings(height, width))
        flow = self._dis.calc(_padded(_luma_bytes(image)), _padded(_luma_bytes(other)), None)
        return _to_flow(flow[:height, :width])


class FarnebackFlow(_OfPictures):
    """Polynomial expansion, weighted by a Gaussian window.

    Shares nothing with DIS but the pictures' luma, so that one engine's mistakes do not hide the other's.
    """

    name = "Farneback"

    def between(self, image: Tensor, other: Tensor) -> Tensor:
        """As of `DISFlow.between`."""
        require_same_size(image, other)
        start: Any = None  # cv2's stubs want an array where the documentation says that none is needed
        flow = cv2.calcOpticalFlowFarneback(
            _luma_bytes(image),
            _luma_bytes(other),
            start,
            pyr_scale=0.5,
            levels=FARNEBACK_LEVELS,
            winsize=FARNEBACK_WINDOW_PX,
            iterations=FARNEBACK_ITERATIONS,
            poly_n=FARNEBACK_NEIGHBOURHOOD_PX,
            poly_sigma=FARNEBACK_SIGMA_PX,
            flags=cv2.OPTFLOW_FARNEBACK_GAUSSIAN,
        )
        return _to_flow(flow)


def _luma_bytes(image: Tensor) -> np.ndarray:
    """(H, W) uint8."""
    rounded: np.ndarray = luma(image).round().clamp(0, 255).byte().cpu().numpy()
    return rounded


def _padded(picture: np.ndarray) -> np.ndarray:
    """A picture whose right and bottom border is repeated until DIS's pyramid fits."""
    bottom, right = (_padding(edge) for edge in picture.shape)
    return cv2.copyMakeBorder(picture, 0, bottom, 0, right, cv2.BORDER_REPLICATE)


def _padding(edge: int) -> int:
    wanted = max(PADDED_EDGE_PX, -(-edge // MULTIPLE_PX) * MULTIPLE_PX)
    return wanted - edge


def _to_flow(flow: np.ndarray) -> Tensor:
    """(H, W, 2) to (1, 2, H, W)."""
    return torch.from_numpy(flow.copy()).permute(2, 0, 1)[None]
