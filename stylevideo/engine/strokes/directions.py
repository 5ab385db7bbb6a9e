"""Which way strokes should run in a frame: one direction, a picture's, along the source's edges, or along its motion.

Knows frames with their motion; knows nothing of files and of losses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stylevideo.motion.estimate import Motion
from stylevideo.motion.frame import Frame
from stylevideo.ops.filters import blur_roughly
from stylevideo.ops.margin import extended
from stylevideo.ops.orientation import tensors
from stylevideo.ops.pyramid import fit_long_edge, resize
from stylevideo.ops.warp import warp_smoothly

LONG_EDGE_PX = 192
"""At which edges and motion are looked at: what is finer leads no strokes."""
EDGE_SIGMA_PX, AROUND_PX = 1.5, 4.0
"""Blur before edges are looked at, and over how much around them they lead strokes."""
WIDER, RINGS = 2.5, 3
"""Where there is nothing to go by, so many times as far around is looked, again and again."""
LEAST_SHARE = 0.02
"""Power, in parts of the mean, from which on a place goes by itself and not by what lies around it."""
NEWEST_SHARE = 0.1
"""Of a frame in what it goes by, the rest is carried from those before: directions must not flicker."""
LEAST_POWER = 1e-9


@dataclass(frozen=True)
class Directions:
    """Where `--stroke-angle` wants strokes to run.

    Attributes:
        degrees: against the clock, from lines that lie; None where it is not the same everywhere.
        picture: (1, 2, H, W), cosine and sine of the angle, likewise; fitted to what is painted.
        by_motion: whether the motion leads, or the source's edges, where neither of both is given.
    """

    degrees: float | None = None
    picture: Tensor | None = None
    by_motion: bool = False

    def known(self, frame: Frame, motion: Motion | None, before: Tensor | None) -> Tensor | None:
        """What a frame's field is made of, to be kept for the next frame; None where that needs nothing.

        Args:
            frame: of the source.
            motion: from the frame before.
            before: what was known of that.
        Returns:
            (1, 3, h, w), small: cosine and sine of twice the angle, times power, and power; angles as in `orientation`.
        """
        if self.degrees is not None or self.picture is not None:
            return None
        size = (frame.image.shape[2], frame.image.shape[3])
        small = fit_long_edge(*size, min(LONG_EDGE_PX, max(size)))
        now = _along_motion(motion, small, size) if self.by_motion else _along_edges(frame, small)
        if before is None or motion is None or before.shape != now.shape:
            return now
        flow = _fitted_flow(motion, small, size)
        visible = F.interpolate(motion.visible.to(now.device), size=small, mode="area")
        return torch.lerp(now, warp_smoothly(before.to(now.device), flow), (1 - NEWEST_SHARE) * visible)

    def field(self, known: Tensor | None, size: tuple[int, int]) -> Tensor:
        """The field of a frame of this height and width, as in `orientation`, with a margin: (1, 2, H + …, W + …)."""
        if self.degrees is not None:
            twice = math.radians(2 * self.degrees)
            values = torch.tensor((math.cos(twice), -math.sin(twice))).view(1, 2, 1, 1)
            return extended(values.expand(1, 2, *size))
        if self.picture is not None:
            return extended(_fitted(_doubled(self.picture), size))
        assert known is not None, "what moves is looked at first"
        return extended(_fitted(_spread(known), size))


def _along_edges(frame: Frame, size: tuple[int, int]) -> Tensor:
    return tensors(resize(frame.image, size), EDGE_SIGMA_PX, AROUND_PX)


def _along_motion(motion: Motion | None, small: tuple[int, int], size: tuple[int, int]) -> Tensor:
    if motion is None:
        return torch.zeros(1, 3, *small)
    flow = _fitted_flow(motion, small, size)
    across, down = flow[:, :1], flow[:, 1:]
    squares = across.square(), down.square()
    return blur_roughly(torch.cat((squares[0] - squares[1], 2 * across * down, squares[0] + squares[1]), 1), AROUND_PX)


def _fitted_flow(motion: Motion, small: tuple[int, int], size: tuple[int, int]) -> Tensor:
    flow = _fitted(motion.flow_to_previous, small)
    return flow * torch.tensor((small[1] / size[1], small[0] / size[0])).view(1, 2, 1, 1).to(flow)


def _doubled(picture: Tensor) -> Tensor:
    """Cosine and sine of an angle, (1, 2, H, W), against the clock, as a field of its double."""
    cosine, sine = picture[:, :1], picture[:, 1:]
    length = (cosine.square() + sine.square()).sqrt().clamp_min(LEAST_POWER)
    cosine, sine = cosine / length, -sine / length
    doubled = torch.cat((cosine.square() - sine.square(), 2 * cosine * sine), dim=1)
    return length.clamp_max(1) * doubled


def _spread(known: Tensor) -> Tensor:
    """Directions of length 1, and where there are none those of what lies around."""
    if not known[:, 2].max() > LEAST_POWER:
        return torch.zeros_like(known[:, :2])
    least = LEAST_SHARE * known[:, 2:].mean()
    filled, sigma = known, AROUND_PX
    for _ in range(RINGS):
        sigma *= WIDER
        filled = filled + least / (filled[:, 2:] + least) * blur_roughly(filled, sigma)
    return F.normalize(filled[:, :2], dim=1, eps=LEAST_POWER**2)


def _fitted(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Maps (1, C, h, w) of any range at another height and width."""
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=False, antialias=True)
