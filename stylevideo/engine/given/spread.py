"""A picture that was given, spread over the frames that follow it: where each pixel lies in it, as long as it shows.

Ways from frame to frame are added up and the picture is moved once, so that no stroke fades by being resampled again
and again, and no step of an optimiser wears it off. Knows motion and pictures; knows nothing of losses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from stylevideo.engine.carry import BlendTarget, Carried, ColorMap, beside
from stylevideo.motion.estimate import Motion
from stylevideo.ops.margin import with_margin
from stylevideo.ops.warp import warp_crisply, warp_smoothly
from stylevideo.rectangle import Rectangle

GAIN = 0.5
"""How much of the difference between ways that were added up and one that was found at once is made up in a frame."""


@dataclass(frozen=True)
class Spread:
    """What a frame shows of a given picture; maps have the frame's margin.

    Attributes:
        index: of the frame whose result was given.
        picture: (1, 3, h, w), 0..1, without margin.
        flow: (1, 2, H, W), pixels, from this frame to the given one.
        share: (1, 1, H, W), 0..1, how surely each pixel is a part of it.
        light: (1, 3, H, W), how much brighter the source has become there since.
    """

    index: int
    picture: Tensor
    flow: Tensor
    share: Tensor
    light: Tensor

    @classmethod
    def begin(cls, index: int, picture: Tensor) -> Spread:
        """At the given frame itself."""
        image = with_margin(picture)
        return cls(
            index, picture, torch.zeros_like(image[:, :2]), torch.ones_like(image[:, :1]), torch.zeros_like(image)
        )

    def moved(self, motion: Motion) -> Spread:
        """One frame on, along a motion with a margin; what was hidden and shows again is found in the given frame."""
        flow = motion.flow_to_previous
        maps = warp_smoothly(torch.cat((self.flow, self.share, self.light), dim=1), flow)  # (1, 6, H, W)
        before, share, light = torch.split(maps, [2, 1, 3], dim=1)
        way, share = flow + before, share * motion.visible
        light = light if motion.change is None else light + motion.change
        anchor = (motion.anchor,) if motion.anchor else ()
        for match in (*motion.reference_matches, *anchor):
            if match.index == self.index:
                believed = match.seen * torch.where(match.seen > share, 1.0, GAIN)
                way, share = torch.lerp(way, match.flow, believed), torch.maximum(share, match.seen)
                light = torch.lerp(light, torch.zeros_like(light) if match.change is None else match.change, believed)
        return replace(self, flow=way, share=share, light=light)

    def maps(self) -> dict[str, Tensor]:
        """All that is not the given picture, by name."""
        return {"flow": self.flow, "share": self.share, "light": self.light}

    def within(self, boxes: Sequence[Rectangle], earlier: Spread) -> Spread:
        """The same in boxes; beside them, where a picture rests, as it was."""
        before, now = earlier.maps(), self.maps()
        return Spread(self.index, self.picture, **{name: beside(boxes, before[name], now[name]) for name in now})

    def over(self, carried: Carried, frame: Tensor) -> Carried:
        """What earlier frames say of a frame (1, 3, H, W) with its margin, with the given picture over it."""
        picture = warp_crisply(with_margin(self.picture), self.flow)
        picture = ColorMap.between(frame, picture, self.share).lit(picture, self.light)
        start = replace(carried.start, image=torch.lerp(carried.start.image, picture, self.share))
        return Carried(
            start,
            torch.lerp(carried.held, picture, self.share),
            torch.maximum(carried.coverage, self.share),
            torch.maximum(carried.convergence, self.share),
        )


def blend_weight(blend: BlendTarget, coverage: Tensor, spread: Spread | None) -> Tensor:
    """How much a frame takes of what it shall turn into, (1, 1, H, W), 0..1.

    What is new takes all of it, since it follows from nothing; of another look it takes as much as the frame has of
    that. Where both are parts of given pictures they fade into each other evenly from one given frame to the next;
    where only one is, it counts alone.

    Args:
        blend: what the frame shall turn into.
        coverage: (1, 1, H, W), how much of each pixel earlier frames show.
        spread: what the frame shows of a given picture, if it does.
    """
    weight = torch.full_like(coverage, blend.weight)
    if blend.share is not None and spread is not None:
        there = with_margin(blend.share.to(coverage.device)).float() / 255
        goal, own = blend.way * there, (1 - blend.way) * spread.share
        of_given = goal / (goal + own).clamp_min(1e-6)
        weight = torch.lerp(weight, of_given, torch.maximum(there, spread.share))
    of_new = blend.way if blend.is_look else 1.0
    return of_new - coverage * (of_new - weight)
