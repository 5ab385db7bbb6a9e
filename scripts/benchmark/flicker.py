"""Flicker as eyes see it: a film against what it would be without any, in just-objectionable differences (JOD).

Without flicker a film would be its own median over five frames, each carried to the middle one along the motion of the
source. ColorVideoVDP says how far the film is from that: 10 is no difference, and one less means that three of four
people would prefer the steadied film. Noise, boiling and strokes that do not move with their things cost alike.

The display is ColorVideoVDP's `standard_fhd`: 24 inches, 1920x1080, 200 cd/m² in an office's light, seen from twice
its height, which is 37.8 pixels a degree. A small picture is taken as it is, as a part of that display, at 24 frames a
second. Figures of films of other sizes are therefore not to be compared.

R. K. Mantiuk, P. Hanji, M. Ashraf, Y. Asano, A. Chapiro: ColorVideoVDP (2024), doi:10.1145/3658144.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from stylevideo.motion.estimate import Motion
from stylevideo.motion.frame import Frame
from stylevideo.motion.visibility import outside
from stylevideo.ops.warp import warp, warp_smoothly
from stylevideo.quality.measures import MeasuredFrame, MotionBetween

REACH = 2
"""Frames before and after the middle one of a median."""
DISPLAY = "standard_fhd"
FRAMES_PER_SECOND = 24.0
INVERSION_STEPS = 20
INVERTED_PX = 0.1


@dataclass(frozen=True)
class Flicker:
    """How near a film, and its source by the same motion, are to themselves without flicker: JOD, 10 at best."""

    film: float
    source: float

    @property
    def lost(self) -> float:
        """How much worse than its source the film is, JOD."""
        return self.source - self.film


def flicker(pairs: Sequence[MeasuredFrame], between: MotionBetween, shot_starts: Collection[int] = ()) -> Flicker:
    """Judge a film and its source.

    Args:
        pairs: the source's frames in order, each with the film's picture of it (1, 3, H, W), 0..1.
        between: the source's motion of one frame from another that may be earlier or later.
        shot_starts: indices of source frames that follow a cut; no median reaches over it.
    """
    steady = steadied(pairs, between, shot_starts)
    film = torch.cat([image for _, image in pairs])
    source = torch.cat([frame.image for frame, _ in pairs])
    return Flicker(difference(film, steady[:, 3:]), difference(source, steady[:, :3]))


def steadied(pairs: Sequence[MeasuredFrame], between: MotionBetween, shot_starts: Collection[int] = ()) -> Tensor:
    """The source's and the film's medians along the motion: (N, 6, H, W), the source's channels first.

    In place of what a neighbour does not show stands the middle frame's own: where nothing is known, nothing flickers.
    """
    both = [torch.cat([frame.image, image], dim=1) for frame, image in pairs]
    shots = _shots([frame for frame, _ in pairs], shot_starts)
    medians = []
    for middle, (frame, _) in enumerate(pairs):
        reached = range(max(0, middle - REACH), min(len(pairs), middle + REACH + 1))
        window = [both[middle]] * (2 * REACH + 1 - len(reached))
        for other in reached:
            if other == middle or shots[other] != shots[middle]:
                window.append(both[middle])
                continue
            motion = between(pairs[other][0], frame)
            carried = warp(both[other], motion.flow_to_previous).clamp(0, 1)
            window.append(torch.where(motion.visible > 0.5, carried, both[middle]))
        medians.append(torch.cat(window).median(0, keepdim=True).values)
    return torch.cat(medians)


def difference(film: Tensor, reference: Tensor) -> float:
    """ColorVideoVDP of two films (N, 3, H, W), RGB, 0..1: JOD, 10 where nobody sees a difference."""
    test, wanted = (frames.permute(1, 0, 2, 3)[None].contiguous() for frames in (film, reference))
    with torch.no_grad():
        jod, _ = _metric().predict(test, wanted, dim_order="BCFHW", frames_per_second=FRAMES_PER_SECOND)
    return float(jod)


def both_ways(exact: MotionBetween) -> MotionBetween:
    """Known motion of later frames from earlier ones, made to answer for earlier from later ones too."""

    def between(other: Frame, frame: Frame) -> Motion:
        return exact(other, frame) if other.index < frame.index else inverted(exact(frame, other))

    return between


def inverted(motion: Motion) -> Motion:
    """The way back of a motion: of the previous frame from the frame, visible where the two lead to one another."""
    back = motion.flow_to_previous
    forth = -back
    for _ in range(INVERSION_STEPS):
        forth = -warp_smoothly(back, forth)
    missed = (forth + warp_smoothly(back, forth)).square().sum(1, keepdim=True).sqrt()
    shown = (warp_smoothly(motion.visible, forth) > 0.999) & (missed < INVERTED_PX) & ~outside(forth)
    return Motion(forth, shown.to(back.dtype))


def _shots(frames: Sequence[Frame], shot_starts: Collection[int]) -> list[int]:
    """The number of each frame's shot."""
    return [sum(start <= frame.index for start in shot_starts) for frame in frames]


@cache
def _metric() -> Any:
    from pycvvdp import cvvdp  # takes seconds to load

    return cvvdp(display_name=DISPLAY, device=torch.device("cpu"), quiet=True)
