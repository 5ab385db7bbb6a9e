"""Where one shot dissolves into the next: frames that are a mix of the pictures before and behind them, more and more.

Between two frames that show different things each frame is split into the part that lies on the straight line from
the one to the other, and the rest. In a dissolve the part rises evenly from the one end to the other, nothing happens
before and after, hardly a rest is left, and detail is lost on the way, since two pictures that have nothing in common
are averaged. A camera that moves, light that changes, a wipe, a cut and a fade each fail one of these. Knows pictures
and their indices; knows nothing of files.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

JUDGED_SIZE = (32, 18)
"""Width and height at which frames are compared: so small that a little motion does not count."""
SOFTNESS_PX, DETAIL_PX = 0.7, 3.0
"""Sigma of the blur of the small picture, and of the blur beside which it has detail."""
SPANS = (12, 16, 20, 26, 32, 40, 48, 56, 64)
"""Frames from one to the other of the two that are compared: a dissolve is shorter than the longest."""
LEAST_FRAMES = 6
"""A quicker change is taken for none: what moves fast is one as well."""
LEAST_APART, MOST_ALIKE = 0.04, 0.4
"""Root mean square by which two pictures differ, 0..1, and the correlation of their luma's detail, up to which they
show different things."""
LEAST_DETAIL = 0.1
"""Detail of the flatter of both, in parts of the other's: below it, it is hardly a picture, as in a fade."""
MIXED = (0.15, 0.85)
"""Shares of the picture behind between which the course of a dissolve is measured."""
MOST_UNEVEN = 0.06
"""Root mean square by which shares may be off an even rise, with nothing before and after."""
MOST_REST = 0.3
"""Rest of the frames of a dissolve, in parts of how far its ends are apart."""
MOST_DETAIL = 0.8
"""Detail of the middle frame, in parts of the mean of both ends': a mix of two pictures has half, a picture all."""
LEAST_AROUND = 1.5
"""Frames before and after that are not mixed."""
INEXACT = 0.25
"""Frames by which a beginning and an end may be off."""
LEAST_HITS = 3
"""So many pairs of frames must tell the same."""


@dataclass(frozen=True)
class Dissolve:
    """The frames of a dissolve.

    Attributes:
        first: index of the first mixed frame.
        stop: index of the frame behind the last one: the first that shows the next picture alone.
    """

    first: int
    stop: int


@dataclass(frozen=True)
class _Small:
    index: int
    picture: np.ndarray
    detail: np.ndarray

    @property
    def contrast(self) -> float:
        return float(np.square(self.detail).mean())


@dataclass(frozen=True)
class _Hit:
    """Where two frames say that a dissolve begins and ends: moments at which nothing and all is of the next picture."""

    begins: float
    ends: float


class DissolveFinder:
    """Is shown a clip's frames, one after another, and says where it dissolves; holds as many as the longest span."""

    def __init__(self) -> None:
        self._recent: deque[_Small] = deque(maxlen=max(SPANS) + 1)
        self._hits: list[_Hit] = []

    def add(self, index: int, picture: np.ndarray | None) -> None:
        """See the next frame.

        Args:
            index: of the frame; one more than the last one's.
            picture: (H, W, 3) uint8, any order of channels; None for one that is black, white or of one colour: nothing
                dissolves over it.
        """
        if picture is None:
            self._recent.clear()
            return
        self._recent.append(_small(index, picture))
        frames = list(self._recent)
        for span in SPANS:
            if span < len(frames) and (hit := _hit(frames[-span - 1 :])):
                self._hits.append(hit)

    def found(self) -> tuple[Dissolve, ...]:
        """The dissolves, in order; where several are told that overlap, the longest."""
        return tuple(map(_longest, _overlapping(self._hits)))


def _small(index: int, picture: np.ndarray) -> _Small:
    small = cv2.GaussianBlur(cv2.resize(picture, JUDGED_SIZE, interpolation=cv2.INTER_AREA), (0, 0), SOFTNESS_PX)
    floats = small.astype(np.float32) / 255
    luma = floats.mean(2)
    return _Small(index, floats.ravel(), (luma - cv2.GaussianBlur(luma, (0, 0), DETAIL_PX)).ravel())


def _hit(frames: Sequence[_Small]) -> _Hit | None:
    """What the first and the last of some frames say of those between; None for no dissolve."""
    before, after = frames[0], frames[-1]
    way = after.picture - before.picture
    length = float(way @ way)
    if length < LEAST_APART**2 * len(way) or not _differ(before, after):
        return None
    offsets = np.stack([frame.picture - before.picture for frame in frames])
    shares = offsets @ way / length
    course = _course(shares)
    if course is None:
        return None
    begins, ends = course
    even = np.clip((np.arange(len(shares)) - begins) / (ends - begins), 0, 1)
    mixed = (even > 0) & (even < 1)
    rest = np.sqrt(np.square(offsets - shares[:, None] * way).sum(1) / length)
    middle = frames[round((begins + ends) / 2)].contrast
    is_even = np.sqrt(np.square(shares - even).mean()) < MOST_UNEVEN and rest[mixed].mean() < MOST_REST
    is_mixed = middle < MOST_DETAIL * (before.contrast + after.contrast) / 2
    return _Hit(before.index + begins, before.index + ends) if is_even and is_mixed else None


def _differ(before: _Small, after: _Small) -> bool:
    """Whether both are pictures, of different things."""
    flatter, other = sorted((before.contrast, after.contrast))
    if flatter < LEAST_DETAIL * other:
        return False
    return float((before.detail * after.detail).mean()) < MOST_ALIKE * math.sqrt(flatter * other)


def _course(shares: np.ndarray) -> tuple[float, float] | None:
    """Between which places a share rises from 0 to 1, by the straight line through what lies between `MIXED`.

    None where it rises too quickly, or is not at its ends for long enough.
    """
    rising = np.arange(np.flatnonzero(shares >= MIXED[0])[0], np.flatnonzero(shares <= MIXED[1])[-1] + 1)
    if len(rising) < LEAST_FRAMES // 2:
        return None
    slope, offset = np.polyfit(rising, shares[rising], 1)
    if slope <= 0:
        return None
    begins, ends = -offset / slope, (1 - offset) / slope
    around = min(begins, len(shares) - 1 - ends)
    return (begins, ends) if ends - begins > LEAST_FRAMES and around >= LEAST_AROUND else None


def _overlapping(hits: Sequence[_Hit]) -> list[list[_Hit]]:
    """Hits by the dissolve that they tell of, without those that are too few."""
    groups: list[list[_Hit]] = []
    for hit in sorted(hits, key=lambda hit: hit.begins):
        if groups and hit.begins < max(other.ends for other in groups[-1]):
            groups[-1].append(hit)
        else:
            groups.append([hit])
    return [group for group in groups if len(group) >= LEAST_HITS]


def _longest(hits: Sequence[_Hit]) -> Dissolve:
    longest = max(hits, key=lambda hit: hit.ends - hit.begins)
    return Dissolve(int(longest.begins + INEXACT) + 1, math.ceil(longest.ends - INEXACT))
