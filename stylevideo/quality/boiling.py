"""How much a surface boils: what changes on it between neighbouring frames besides what moves."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from stylevideo.motion.estimate import Motion
from stylevideo.motion.flow import FarnebackFlow
from stylevideo.ops.pyramid import require_same_size
from stylevideo.quality.measures import MeasuredFrame, motion_by
from stylevideo.quality.metrics import ratio, warping_error


@dataclass(frozen=True)
class Boiling:
    """Change on a surface from one frame to the next; NaN where nothing of it was visible in both.

    Attributes:
        film, source: root of the mean square of what changed, in units of 0..1.
        visible: share of the surface that could be compared, 0..1.
    """

    film: float
    source: float
    visible: float

    @property
    def times_the_source(self) -> float:
        """The film's change over the source's own."""
        return ratio(self.film, self.source)


def boiling(earlier: MeasuredFrame, later: MeasuredFrame, region: Tensor) -> Boiling:
    """Compare neighbouring frames of a film on a surface, and its source's, moved by Farneback's flow of the source.

    It is the root of the warping error within a region.

    Args:
        earlier, later: a source frame and the film's picture of it (1, 3, H, W), RGB, 0..1, each.
        region: (1, 1, H, W), 0..1, where the surface is in the later frame.
    Raises:
        ShapeError: the sizes differ.
    """
    require_same_size(later[0].image[:, :1], region)
    found = motion_by(FarnebackFlow())(earlier[0], later[0])
    within = Motion(found.flow_to_previous, found.visible * region)
    return Boiling(
        film=math.sqrt(warping_error(earlier[1], later[1], within)),
        source=math.sqrt(warping_error(earlier[0].image, later[0].image, within)),
        visible=ratio(float(within.visible.sum()), float(region.sum())),
    )
