"""What the eye finds in a painted picture, in numbers: dirt in its colours, edges that are lost, the width of strokes.

Small functions of pictures (1, 3, H, W), RGB, 0..1; none of them uses a network.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from stylevideo.engine.carry import ColorMap
from stylevideo.ops.filters import luma
from stylevideo.ops.orientation import apart, tensors
from stylevideo.ops.pyramid import require_same_size, resize

DIRT_WINDOW_PX = 5
EDGE_SIGMA_PX = 1.2
EDGE_STEP, WEAK_EDGE_STEP = 30.0, 15.0
"""Steps of luma, 0..255, from which on there is an edge, and is one that goes on from such an edge."""
SOBEL_GAIN = 8
"""Sobel's filter of three pixels gives so many times the gradient a pixel."""
ROUNDING_GAIN = 4
"""Gradients are rounded to a fraction of a Sobel unit."""
NEAR_PX = 2
SAME_DIRECTION = math.radians(30)
CHANCE_SHIFTS = ((0.21, 0.34), (0.37, 0.62), (0.5, 0.18), (0.68, 0.79), (0.83, 0.45), (0.29, 0.87), (0.55, 0.5))
"""Displacements, in parts of height and width, at which edges meet by chance alone."""
STROKE_LINES = 240
"""Strokes are measured in a picture reduced to so many lines, so that films of any size are seen from as far away."""
LEAST_STEEPNESS = 0.01
"""Mean steps of luma, 0..255, from a pixel to the next, below which a picture is plain."""
COARSEST_PART = 1 / 10
"""Sigma, in parts of the height, of a blur that leaves things and takes strokes away."""

DETAIL_PART = 1 / 60
"""Sigma, in parts of the height, of a blur that leaves nothing that is fine."""
DIRECTION_SIGMA_PX, DIRECTION_AROUND_PX = 1.0, 3.0
"""Blur before directions are looked at, and over how much around a place they are meant."""
LEAST_COHERENCE, LEAST_POWER_SHARE = 0.3, 0.1
"""Of a place that has a direction, and its contrast in parts of the median."""
EPSILON = 1e-9


def color_dirt(image: Tensor) -> float:
    """How much single pixels differ in colour from those around them.

    Args:
        image: (1, 3, H, W), RGB, 0..1.
    Returns:
        Root mean square of a and b of CIE Lab less their median over 5x5 pixels, in units of Lab: edges and strokes
        do not count, specks do.
    """
    lab = cv2.cvtColor(image[0].permute(1, 2, 0).contiguous().cpu().numpy(), cv2.COLOR_RGB2LAB)
    planes = (np.ascontiguousarray(lab[..., channel]) for channel in (1, 2))
    return math.sqrt(np.mean([np.square(plane - cv2.medianBlur(plane, DIRT_WINDOW_PX)).mean() for plane in planes]))


@dataclass(frozen=True)
class Legibility:
    """What became of a source's edges.

    Attributes:
        recall: part of the source's edge pixels that have an edge of the film nearby.
        chance: the same if the film's edges lay elsewhere.
        precision: part of the film's edge pixels that have an edge of the source nearby.
        precision_chance: the same if the film's edges lay elsewhere.
    """

    recall: float
    chance: float
    precision: float
    precision_chance: float

    @property
    def above_chance(self) -> float:
        """Recall less chance: near 1 where all edges are there and no others, 0 where strokes hide them."""
        return self.recall - self.chance


def legibility(source: Tensor, image: Tensor) -> Legibility:
    """How many of a source frame's strong edges can still be seen in the film's picture.

    An edge is a step of at least 30 of 255 in luma at a blur of 1.2 pixels, thinned to a line; it survives where an
    edge of the film in the same direction, to 30 degrees, lies within two pixels. A picture full of strokes
    has an edge everywhere: what it would meet by chance is what it meets when moved to seven other places.

    Args:
        source, image: (1, 3, H, W), RGB, 0..1.
    Returns:
        Parts of 1; NaN where a picture has no edges.
    Raises:
        ShapeError: the sizes differ.

    J. Canny: A computational approach to edge detection (1986).
    """
    require_same_size(source, image)
    wanted, found = _edges(luma(source).cpu().numpy()), _edges(luma(image).cpu().numpy())
    elsewhere = list(_displaced(found))
    return Legibility(
        recall=_met(wanted, found),
        chance=float(np.mean([_met(wanted, moved) for moved in elsewhere])),
        precision=_met(found, wanted),
        precision_chance=float(np.mean([_met(moved, wanted) for moved in elsewhere])),
    )


def stroke_width(image: Tensor) -> float:
    """The typical width of a picture's strokes, in parts of its height.

    2·mean|u| / mean|∇u|, with u the luma less its blur by a tenth of the height, of the picture reduced to 240 lines:
    for hard stripes their width, for sine waves 2/π of it, for Gaussian noise blurred by sigma 1.8 sigma. By the
    co-area formula this is area by length of border, averaged over all levels: what has little contrast counts little.

    Args:
        image: (1, 3, H, W), RGB, 0..1.
    Returns:
        Parts of the height, from about 1/200 to 1/10; NaN for a plain picture.
    """
    height, width = image.shape[2:]
    lines = min(height, STROKE_LINES)
    brightness = luma(resize(image, (lines, round(width * lines / height)))).cpu().numpy()
    strokes = brightness - _blurred(brightness, COARSEST_PART * lines)
    steepness = np.hypot(np.diff(strokes, axis=0)[:, :-1], np.diff(strokes, axis=1)[:-1]).mean()
    return 2 * float(np.abs(strokes).mean() / steepness) / lines if steepness > LEAST_STEEPNESS else math.nan


def added_width(source: Tensor, image: Tensor) -> float:
    """The typical width of the strokes that a style adds to a frame, in parts of its height.

    As `stroke_width`, of the picture's luma less that of the source in the picture's colours (by an affine map), in the
    half of the picture in which the source has least detail: there strokes are the style's alone.

    Args:
        source, image: (1, 3, H, W), RGB, 0..1.
    Returns:
        Parts of the height; NaN where nothing is added.
    Raises:
        ShapeError: the sizes differ.
    """
    require_same_size(source, image)
    lines = min(image.shape[2], STROKE_LINES)
    size = (lines, round(image.shape[3] * lines / image.shape[2]))
    shown, plate = resize(image, size), resize(source, size)
    colored = ColorMap.between(plate, shown, torch.ones_like(plate[:, :1])).of(plate)
    brightness, added = (luma(picture).cpu().numpy() for picture in (plate, shown))
    added = added - luma(colored).cpu().numpy()
    strokes = added - _blurred(added, COARSEST_PART * lines)
    detail = _blurred((brightness - _blurred(brightness, lines * DETAIL_PART)) ** 2, lines * 3 * DETAIL_PART)
    plain = detail[:-1, :-1] <= np.median(detail)
    steepness = np.hypot(np.diff(strokes, axis=0)[:, :-1], np.diff(strokes, axis=1)[:-1])[plain].mean()
    return 2 * float(np.abs(strokes[:-1, :-1][plain]).mean() / steepness) / lines if steepness else math.nan


def misdirection(image: Tensor, field: Tensor) -> tuple[float, float]:
    """How far strokes are from the way they should run.

    Args:
        image: (1, 3, H, W), RGB, 0..1.
        field: (1, 2, H, W), as in `stylevideo.ops.orientation`.
    Returns:
        The median of the angle between the two, degrees, over places where the picture has a direction, chance being
        45; and which part of the picture these are. NaN where it has none.
    """
    told = tensors(image, DIRECTION_SIGMA_PX, DIRECTION_AROUND_PX)
    coherence = torch.linalg.vector_norm(told[:, :2], dim=1, keepdim=True) / told[:, 2:].clamp_min(EPSILON)
    has_one = (coherence > LEAST_COHERENCE) & (told[:, 2:] > LEAST_POWER_SHARE * told[:, 2:].median())
    has_one &= torch.linalg.vector_norm(field, dim=1, keepdim=True) > 1 / 2
    angles = apart(told[:, :2], field)[has_one]
    return (math.degrees(angles.median()) if len(angles) else math.nan), float(has_one.float().mean())


@dataclass(frozen=True, eq=False)
class _Edges:
    """`there`: (H, W), bool; `direction`: (H, W), of the gradient, radians, modulo half a turn."""

    there: np.ndarray
    direction: np.ndarray


def _edges(brightness: np.ndarray) -> _Edges:
    blurred = _blurred(brightness, EDGE_SIGMA_PX)
    gain = SOBEL_GAIN * ROUNDING_GAIN
    across, down = (
        cv2.Sobel(blurred, cv2.CV_32F, *order, scale=ROUNDING_GAIN, borderType=cv2.BORDER_REPLICATE)
        for order in ((1, 0), (0, 1))
    )
    strong, weak = (gain * step / (math.sqrt(2 * math.pi) * EDGE_SIGMA_PX) for step in (EDGE_STEP, WEAK_EDGE_STEP))
    there = cv2.Canny(across.round().astype(np.int16), down.round().astype(np.int16), weak, strong, L2gradient=True)
    return _Edges(there > 0, np.arctan2(down, across) % math.pi)


def _displaced(edges: _Edges) -> Iterator[_Edges]:
    height, width = edges.there.shape
    for down, right in CHANCE_SHIFTS:
        move = (round(down * height), round(right * width))
        yield _Edges(np.roll(edges.there, move, (0, 1)), np.roll(edges.direction, move, (0, 1)))


def _met(wanted: _Edges, found: _Edges) -> float:
    """Part of the wanted edge pixels near a found one of the same direction."""
    if not wanted.there.any():
        return math.nan
    height, width = wanted.there.shape
    there = np.pad(found.there, NEAR_PX)
    direction = np.pad(found.direction, NEAR_PX)
    met = np.zeros_like(wanted.there)
    for down, right in _NEAR:
        window = slice(NEAR_PX + down, NEAR_PX + down + height), slice(NEAR_PX + right, NEAR_PX + right + width)
        apart = np.abs(wanted.direction - direction[window])
        met |= there[window] & (np.minimum(apart, math.pi - apart) <= SAME_DIRECTION)
    return float(met[wanted.there].mean())


_NEAR = tuple(
    (down, right)
    for down in range(-NEAR_PX, NEAR_PX + 1)
    for right in range(-NEAR_PX, NEAR_PX + 1)
    if down**2 + right**2 <= NEAR_PX**2
)


def _blurred(plane: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
