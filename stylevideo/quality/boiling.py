"""How much a surface boils: what changes on it between neighbouring frames besides what moves."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from torch import Tensor

from stylevideo.motion.estimate import Motion
from stylevideo.motion.flow import FarnebackFlow
from stylevideo.motion.frame import Frame
from stylevideo.ops.filters import gaussian_blur, luma
from stylevideo.ops.pyramid import require_same_size
from stylevideo.quality.measures import MeasuredFrame, motion_by
from stylevideo.quality.metrics import ratio, warping_error

CONTRAST_SIGMA = 1 / 40
"""Sigma of what a place's contrast is measured over, in parts of the long edge."""
FAINTEST_CONTRAST = 1.0
"""Contrast that is not raised in full, standard deviation of luma, 0..255: below it there is little but noise."""
EVEN_CONTRAST = 0.2
"""Standard deviation that every place is given, 0..1."""


@dataclass(frozen=True)
class Boiling:
    """Change on a surface from one frame to the next; NaN where nothing of it was visible in both.

    Attributes:
        film, source: root of the mean square of what changed besides what moved, in units of 0..1.
        apart: median distance between the film's motion and the source's, pixels; high where strokes slide.
        motion: median length of the source's motion, pixels.
        visible: share of the surface that could be compared, 0..1.
    """

    film: float
    source: float
    apart: float
    motion: float
    visible: float

    @property
    def times_the_source(self) -> float:
        """The film's change over the source's own."""
        return ratio(self.film, self.source)


def boiling(earlier: MeasuredFrame, later: MeasuredFrame, region: Tensor) -> Boiling:
    """Compare neighbouring frames of a film on a surface, and its source's, each moved by its own motion.

    It is the root of the warping error within a region. Moved by the source's motion, strokes of a high contrast on a
    surface of hardly any would count what that motion misses, many times over; whether they move as the surface does
    is asked separately. Motion is Farneback's, of pictures whose contrast is the same everywhere: on soft surfaces it
    stands still otherwise.

    Args:
        earlier, later: a source frame and the film's picture of it (1, 3, H, W), RGB, 0..1, each.
        region: (1, 1, H, W), 0..1, where the surface is in the later frame.
    Raises:
        ShapeError: the sizes differ.
    """
    require_same_size(later[0].image[:, :1], region)
    frames = (earlier[0].image, later[0].image), (earlier[1], later[1])
    source, film = (_own_motion(*pair) for pair in frames)
    # What of the film cannot be followed is what changed most: the source alone decides what can be compared.
    visible = source.visible * region
    within = visible > 0  # (1, 1, H, W)
    lengths = _lengths(source.flow_to_previous), _lengths(film.flow_to_previous - source.flow_to_previous)
    motion, apart = (float(length[within].median()) if within.any() else math.nan for length in lengths)
    return Boiling(
        film=math.sqrt(warping_error(*frames[1], replace(film, visible=visible))),
        source=math.sqrt(warping_error(*frames[0], replace(source, visible=visible))),
        apart=apart,
        motion=motion,
        visible=ratio(float(visible.sum()), float(region.sum())),
    )


def _own_motion(earlier: Tensor, later: Tensor) -> Motion:
    return motion_by(FarnebackFlow())(Frame(0, _evened(earlier)), Frame(1, _evened(later)))


def _evened(image: Tensor) -> Tensor:
    """Luma whose contrast is the same everywhere, as a picture (1, 3, H, W)."""
    sigma = CONTRAST_SIGMA * max(image.shape[2:])
    plane = luma(image)[None, None]
    detail = plane - gaussian_blur(plane, sigma)
    deviation = gaussian_blur(detail.square(), sigma).sqrt()
    return (0.5 + EVEN_CONTRAST * detail / (deviation + FAINTEST_CONTRAST)).clamp(0, 1).expand(1, 3, -1, -1)


def _lengths(flow: Tensor) -> Tensor:
    return flow.square().sum(1, keepdim=True).sqrt()
