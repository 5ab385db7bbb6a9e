"""How good a picture is, in numbers: likeness to the style, steadiness along the flow, sharpness.

Each measure is a small function of pictures `(1, 3, H, W)`, RGB, 0..1. No measure stands for itself: blur lowers the
warping error, noise raises sharpness, so read them together, and beside the source's own. NaN means that there was
nothing to measure. Knows no files.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import replace

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor

from stylevideo.engine.frame_losses import FrameLosses
from stylevideo.engine.objective import Objective
from stylevideo.engine.targets import StyleTargets
from stylevideo.engine.terms import GramTerm
from stylevideo.models.vgg import VGG19
from stylevideo.motion.estimate import Motion
from stylevideo.motion.frame import Frame
from stylevideo.ops.filters import luma
from stylevideo.ops.losses import relative_square_error
from stylevideo.ops.pyramid import require_same_size
from stylevideo.ops.tiles import Tile
from stylevideo.ops.warp import warp
from stylevideo.settings.settings import Settings

STILL_WINDOW_PX = 5
STILL_DIFFERENCE = 2 / 255


@torch.no_grad()
def warping_error(previous: Tensor, image: Tensor, motion: Motion) -> float:
    """How far a picture is from an earlier one carried along the motion, where that was visible.

    E = Σ c·|x - w(x')|² / (3 Σ c).

    Args:
        previous, image: (1, 3, H, W), 0..1.
        motion: of `image` from `previous`.
    Returns:
        Mean square per value, in squared units of 0..1: 0 where everything sticks; NaN where nothing is visible.
    Raises:
        ShapeError: the sizes differ.

    Ruder, Dosovitskiy, Brox (2016), arXiv:1604.08610, equation 7, per visible pixel; as a measure of films: Lai et al.:
    Learning blind video temporal consistency (2018), arXiv:1808.00449.
    """
    require_same_size(previous, image)
    flow, visible = motion.flow_to_previous.to(image.device), motion.visible.to(image.device)
    return _masked_mean_square(image - warp(previous.to(image.device), flow), visible)


@torch.no_grad()
def flicker(previous_source: Tensor, source: Tensor, previous: Tensor, image: Tensor) -> float:
    """How much the film changes where the source stands still: flicker that no flow can excuse.

    Σ s·|x_t - x_{t-1}|² / (3 Σ s). A pixel is still, s = 1, where the source's mean absolute difference over the 5x5
    pixels around it and the three channels is below 2/255: grain and compression may pass, motion may not. It is the
    warping error for a motion of zero, where that is beyond doubt; the choice of the pixels is our own.

    Args:
        previous_source, source: (1, 3, H, W), 0..1, two neighbouring frames of the source.
        previous, image: (1, 3, H, W), 0..1, the film's.
    Returns:
        Mean square per value, in squared units of 0..1, as the warping error; NaN where no pixel is still.
    Raises:
        ShapeError: the sizes differ.
    """
    require_same_size(previous_source, source)
    require_same_size(previous, image)
    require_same_size(source, image)
    change = (source - previous_source).abs().mean(1, keepdim=True)  # (1, 1, H, W)
    around = F.avg_pool2d(
        change, STILL_WINDOW_PX, stride=1, padding=STILL_WINDOW_PX // 2, count_include_pad=False
    )  # (1, 1, H, W)
    still = (around < STILL_DIFFERENCE).to(image)
    return _masked_mean_square(image - previous.to(image.device), still)


@torch.no_grad()
def sharpness(image: Tensor) -> float:
    """How much fine detail a picture has, noise included: the variance of the Laplacian of its luma.

    Args:
        image: (1, 3, H, W), 0..1.
    Returns:
        0 for a plain picture, some hundreds to thousands for a detailed one; luma counts 0..255.

    J. L. Pech-Pacheco et al.: Diatom autofocusing in brightfield microscopy (2000).
    """
    return _laplacian_variance(luma(image))


@torch.no_grad()
def coarse_sharpness(image: Tensor) -> float:
    """The sharpness of a picture reduced to half its size by averaging 2x2 pixels.

    Sees structure of two pixels and more, as strokes have it; of noise that is independent from pixel to pixel only a
    quarter is left.

    Args:
        image: (1, 3, H, W), 0..1, at least 2x2 pixels.
    Returns:
        As `sharpness`.
    """
    return _laplacian_variance(F.avg_pool2d(luma(image)[None, None], 2)[0, 0])


@torch.no_grad()
def brightness(image: Tensor) -> float:
    """The mean luma of a picture (1, 3, H, W): 0..255."""
    return float(luma(image).mean())


@torch.no_grad()
def style_distance(vgg: VGG19, image: Tensor, style: Sequence[GramTerm], region: Tensor | None = None) -> float:
    """How far a picture's feature statistics are from the style's: mean over the terms of ‖G - G*‖² / ‖G*‖².

    The network sees the whole picture, so features near a region's border know what is beyond it.

    Args:
        vgg: the network.
        image: (1, 3, H, W), 0..1.
        style: at least one term.
        region: (1, 1, H, W), 0..1, of which alone the statistics are taken, such as what was newly uncovered.
    Returns:
        0 at the target, 1 for a picture without any features; no upper bound; NaN for an empty region.
    Raises:
        ShapeError: the region's size is not the picture's.

    Gatys, Ecker, Bethge (2016), equation 5, relative to the target. L. A. Gatys et al.: Controlling perceptual factors
    in neural style transfer (2017), arXiv:1611.07865, section 4; its guidance channel is the square root of our region.
    """
    if region is not None:
        require_same_size(image[:, :1], region)
        if not region.any():
            return math.nan
    features = vgg(image.to(_device(vgg)), tuple(dict.fromkeys(term.layer for term in style)))
    whole = Tile.whole((image.shape[2], image.shape[3]))
    grams = [replace(term, region=region).statistics(whole, features[term.layer]) for term in style]
    return statistics.fmean(
        float(relative_square_error(gram, term.target)) for gram, term in zip(grams, style, strict=True)
    )


@torch.no_grad()
def frame_losses(vgg: VGG19, frame: Frame, image: Tensor, targets: StyleTargets, settings: Settings) -> FrameLosses:
    """The losses of a picture (1, 3, H, W), 0..1, of a source frame of its size, without a temporal term."""
    device = _device(vgg)
    style = targets.at((image.shape[2], image.shape[3]))
    return Objective(vgg, frame.image.to(device), style, None, settings.losses).value(image.to(device)).numbers()


def ratio(film: float, source: float) -> float:
    """The film's value over the source's; NaN where the source's is zero."""
    return film / source if source else math.nan


def _masked_mean_square(difference: Tensor, mask: Tensor) -> float:
    """Σ m·|d|² / (3 Σ m), NaN for an empty mask."""
    return float((mask * difference.square()).sum() / (difference.shape[1] * mask.sum()))


def _laplacian_variance(plane: Tensor) -> float:
    """Of a plane (H, W)."""
    return float(cv2.Laplacian(plane.cpu().numpy(), cv2.CV_32F).var())


def _device(vgg: VGG19) -> torch.device:
    return next(vgg.buffers()).device
