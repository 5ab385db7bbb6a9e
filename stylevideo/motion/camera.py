"""Steadying optical flow: where it is a guess, the camera's motion takes its place.

On a plain wall any motion explains the picture, and the flow there is what moves next to it: strokes would crawl
over the wall whenever somebody passes. The motion of the camera, if it explains a place as well, is the better guess.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from stylevideo.ops.filters import blur_roughly
from stylevideo.ops.warp import warp_roughly

SAMPLES_ACROSS = 64
"""Places along a row at which the camera's motion is measured."""
LEAST_SAMPLES = 30
AGREED_PX = 0.15
"""A place follows the camera if its flow differs by no more than this."""
LEAST_AGREEMENT = 0.25
"""Part of the places with structure that must follow the camera."""
CAMERA_TOLERANCE = 1.2
"""The camera's motion explains a place as well as the flow if its error is at most this many times as large."""
NOISE = 1 / 255
"""Error that means nothing, root of the variances summed over the channels, 0..1."""
WINDOW = 1 / 85
"""Size of a place, sigma in parts of the long edge."""
CORNER_WINDOW_PX = 7
CORNER_APERTURE_PX = 3


def use_camera_motion(
    flow: Tensor, trusted: Tensor, image: Tensor, other: Tensor, noise: float = NOISE
) -> tuple[Tensor, Tensor]:
    """Replace flow by the camera's motion where that explains the picture as well.

    The camera's motion is the similarity (shift, turn, zoom) that more places with structure agree on than on any
    other; if less than a quarter do, there is none.

    Args:
        flow: (1, 2, H, W), pixels: the pixel at p of `image` is at p + flow(p) of `other`.
        trusted: (1, 1, H, W), above 0 where the flow may be used to measure the camera's motion.
        image, other: (1, 3, H, W), 0..1, on the flow's device; the camera itself is found on the CPU.
        noise: of the pictures, 0..1: what was made smaller has less.
    Returns:
        The flow, (1, 2, H, W), and how much of it is the camera's: (1, 1, H, W), 0..1.
    Raises:
        ShapeError: the flow does not fit the pictures.
    """
    camera = camera_motion(flow, trusted, image)
    if camera is None:
        return flow, torch.zeros_like(flow[:, :1])
    as_well = _error(camera, image, other) <= CAMERA_TOLERANCE * _error(flow, image, other) + noise**2
    weight = blur_roughly(as_well.float(), WINDOW * max(image.shape[2:]))
    return torch.lerp(flow, camera, weight), weight


def _error(flow: Tensor, image: Tensor, other: Tensor) -> Tensor:
    """Variance of the difference around each pixel, so that flickering light is no motion: (1, 1, H, W)."""
    window = WINDOW * max(image.shape[2:])
    difference = warp_roughly(other, flow) - image
    squares = blur_roughly(difference.square(), window) - blur_roughly(difference, window).square()
    return squares.sum(1, keepdim=True)


def camera_motion(flow: Tensor, trusted: Tensor, image: Tensor) -> Tensor | None:
    """The flow of one similarity for the whole picture, as `use_camera_motion` finds it.

    Args:
        flow, trusted, image: as of `use_camera_motion`.
    Returns:
        (1, 2, H, W), pixels; None if too few places agree on one.
    """
    height, width = image.shape[2:]
    step = max(1, width // SAMPLES_ACROSS)
    rows, columns = (grid.ravel() for grid in np.mgrid[step // 2 : height : step, step // 2 : width : step])
    gray = image[0].mean(0).cpu().numpy()
    structure = cv2.cornerMinEigenVal(gray, CORNER_WINDOW_PX, ksize=CORNER_APERTURE_PX)[rows, columns]
    usable = (trusted[0, 0].cpu().numpy()[rows, columns] > 0) & (structure > np.median(structure))
    if usable.sum() < LEAST_SAMPLES:
        return None
    here = np.stack((columns, rows), 1)[usable].astype(np.float32)
    there = here + flow[0].permute(1, 2, 0).cpu().numpy()[rows, columns][usable]
    matrix, inliers = cv2.estimateAffinePartial2D(here, there, method=cv2.RANSAC, ransacReprojThreshold=AGREED_PX)
    if matrix is None or inliers.mean() < LEAST_AGREEMENT:
        return None
    y, x = np.mgrid[0:height, 0:width]
    moved = np.stack([row[0] * x + row[1] * y + row[2] for row in matrix])
    return torch.from_numpy((moved - np.stack((x, y)))[None].astype(np.float32)).to(flow.device)
