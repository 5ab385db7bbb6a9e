"""Whether strokes move as the things do that they paint: sparse tracks in the film against the same in the source.

Uses neither a network nor a dense flow. Corners of the film's picture, which are its strokes, are followed to a later
frame twice: in the film and, from the same places, in the source.

B. D. Lucas, T. Kanade: An iterative image registration technique (1981). J.-Y. Bouguet: Pyramidal implementation of
the Lucas Kanade feature tracker (2000). J. Shi, C. Tomasi: Good features to track (1994). Z. Kalal, K. Mikolajczyk,
J. Matas: Forward-backward error (2010).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from torch import Tensor

from stylevideo.ops.filters import luma
from stylevideo.ops.pyramid import require_same_size
from stylevideo.quality.measures import MeasuredFrame

MOST_CORNERS = 1000
CORNER_QUALITY = 0.01
CORNER_DISTANCE_PX = 5.0
WINDOW_PX = 15
PYRAMID_LEVELS = 3
LEAST_EIGENVALUE = 2e-3
"""Of OpenCV's gradient matrix: some 1.4 grey levels a pixel along the weaker direction; plainer places are left out."""
RETURN_PX = 0.5
"""A track counts if it comes back this near to its start."""
APART_PX = 1.0
"""Beyond this a film's track disagrees with the source's."""
MOVING_PX = 1.0
"""Slower things tell nothing of speed."""
LEAST_TRACKS = 20


@dataclass(frozen=True, eq=False)
class Tracks:
    """How far the same places travel from one frame to another, pixels, x then y.

    Attributes:
        source, film: (N, 2), found in both.
    """

    source: np.ndarray
    film: np.ndarray


@dataclass(frozen=True)
class Agreement:
    """How far the film's tracks are from the source's; NaN where fewer than twenty tracks tell of it.

    Attributes:
        tracks: how many.
        median, worst_tenth: of |film - source|, pixels: the median and the 90th percentile.
        apart: share of tracks that differ by more than a pixel, 0..1.
        speed: of strokes over that of things, along the way of the things: 1 where strokes stick, 0 where they stand
            still while things move under them (a shower door). The slope of least absolute deviations through the
            origin, over tracks of at least a pixel in the source, so that a few lost tracks do not count.
    """

    tracks: int
    median: float
    worst_tenth: float
    apart: float
    speed: float


def tracks_between(earlier: MeasuredFrame, later: MeasuredFrame) -> Tracks:
    """Follow the corners of a film's picture, in the film and in the source.

    Args:
        earlier, later: a source frame and the film's picture of it (1, 3, H, W), RGB, 0..1, each.
    Raises:
        ShapeError: the sizes differ.
    """
    require_same_size(earlier[0].image, earlier[1])
    require_same_size(earlier[1], later[1])
    require_same_size(later[0].image, later[1])
    film = _grey(earlier[1])
    corners: np.ndarray | None = cv2.goodFeaturesToTrack(film, MOST_CORNERS, CORNER_QUALITY, CORNER_DISTANCE_PX)
    if corners is None:
        return Tracks(np.zeros((0, 2), np.float32), np.zeros((0, 2), np.float32))
    by_film, in_film = _followed(corners, film, _grey(later[1]))
    by_source, in_source = _followed(corners, _grey(earlier[0].image), _grey(later[0].image))
    both = in_source & in_film
    return Tracks(by_source[both], by_film[both])


def film_tracks(pairs: Iterable[MeasuredFrame], span: int = 1, shot_starts: Collection[int] = ()) -> Iterator[Tracks]:
    """The tracks of a film from each frame to the one so many later; holds only these frames.

    Args:
        pairs: the source's frames in order, each with the film's picture of it.
        span: frames from the earlier to the later.
        shot_starts: indices of source frames that follow a cut, over which nothing is followed.
    """
    before: deque[MeasuredFrame] = deque(maxlen=span)
    for pair in pairs:
        if pair[0].index in shot_starts:
            before.clear()
        if len(before) == span:
            yield tracks_between(before[0], pair)
        before.append(pair)


def agreement(tracks: Sequence[Tracks]) -> Agreement:
    """How tracks agree, of one pair of frames or of all of a film, each track counting alike."""
    source, film = (
        np.concatenate([np.zeros((0, 2), np.float32), *(getattr(found, name) for found in tracks)])
        for name in ("source", "film")
    )
    if len(source) < LEAST_TRACKS:
        return Agreement(len(source), *(math.nan,) * 4)
    distance = np.linalg.norm(film - source, axis=1)
    return Agreement(
        len(source),
        float(np.median(distance)),
        float(np.percentile(distance, 90)),
        float((distance > APART_PX).mean()),
        _speed(source, film),
    )


def _speed(source: np.ndarray, film: np.ndarray) -> float:
    length = np.linalg.norm(source, axis=1)
    moving = length >= MOVING_PX
    if moving.sum() < LEAST_TRACKS:
        return math.nan
    source, film, length = source[moving], film[moving], length[moving]
    along = (film * source).sum(1) / length**2
    # What minimises the sum of |film - slope * source| is the median of the slopes, weighted by the lengths.
    order = np.argsort(along)
    weight = np.cumsum(length[order])
    return float(along[order][np.searchsorted(weight, weight[-1] / 2)])


def _grey(image: Tensor) -> np.ndarray:
    """(H, W) uint8."""
    rounded: np.ndarray = luma(image).round().clamp(0, 255).byte().cpu().numpy()
    return rounded


def _followed(points: np.ndarray, earlier: np.ndarray, later: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far each point travels, (N, 2), and whether it was found there and back, (N,) bool."""
    there, found = _lucas_kanade(points, earlier, later)
    back, found_back = _lucas_kanade(there, later, earlier)
    returned = np.linalg.norm((back - points).reshape(-1, 2), axis=1) < RETURN_PX
    return (there - points).reshape(-1, 2), found & found_back & returned


def _lucas_kanade(points: np.ndarray, earlier: np.ndarray, later: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    start: Any = None  # cv2's stubs want an array where the documentation says that none is needed
    there, status, _ = cv2.calcOpticalFlowPyrLK(
        earlier,
        later,
        points,
        start,
        winSize=(WINDOW_PX, WINDOW_PX),
        maxLevel=PYRAMID_LEVELS,
        minEigThreshold=LEAST_EIGENVALUE,
    )
    return there, status.reshape(-1) == 1
