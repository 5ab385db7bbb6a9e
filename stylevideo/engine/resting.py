"""Which parts of a following frame rest: nothing moves in them and nothing is unfinished, so their picture stays.

Knows what a picture was painted for, and what moves; knows nothing of losses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stylevideo.engine.carry import Carried
from stylevideo.engine.optimizer import FrameOptimizer, MovingParts
from stylevideo.engine.terms import Rest
from stylevideo.motion.estimate import STILL, Motion, as_compared, change_since
from stylevideo.motion.frame import Frame
from stylevideo.motion.visibility import STILL_PX
from stylevideo.ops.boxes import boxes_of, cells_in
from stylevideo.ops.margin import extended, painted_size, without_margin
from stylevideo.ops.warp import warp_roughly
from stylevideo.rectangle import Rectangle

FINISHED = 0.99
"""Convergence from which on a pixel is finished."""
COVERED = 0.5
"""Coverage from which on a pixel that has not changed is what it was: borders of what is new are soft."""
LESS_ALIKE = 1 / 255
"""Difference of blurred pictures, 0..1, by which flow is disproved."""
LEAST_CELL_PX = 8
"""Edge of the cells that rest or do not; larger where the network's poolings ask for it."""
SLACK_PX = 16
"""Around what is to be painted, within its box: over so many pixels steps fall to nothing, so that no border shows."""
WORTH_IT = 0.8
"""A frame whose boxes cost more than this part of the whole's evaluations is painted as a whole."""
OUTDATED = 1 / 8
"""Part of the picture that may have begun to rest or to move before all that rests is looked at anew."""


@dataclass(frozen=True)
class Resting:
    """What must be known of a picture so that parts of it may rest.

    Attributes:
        source: (1, 3, h, w), uint8, on the CPU: what each pixel was last painted for, at the size at which frames are
            compared. Compared with that, the slowest fade is noticed once it has gone far enough to be seen.
        rest: what was at rest when it was looked at; None before that.
        looked_at: (rows, columns), bool, on the CPU: cells that have rested since.
        cells: how many there were.
    """

    source: Tensor
    rest: Rest | None = None
    looked_at: Tensor | None = None
    cells: int = 0

    @classmethod
    def after(cls, frame: Frame) -> Resting:
        """A frame that was painted as a whole."""
        return cls(_bytes(as_compared(frame)))

    def to(self, device: torch.device | str) -> Resting:
        """The same with its sums on another device."""
        return replace(self, rest=self.rest.to(device) if self.rest else None)

    def with_painted(self, frame: Frame, boxes: tuple[Rectangle, ...]) -> Resting:
        """After boxes, in a picture with its margin, were painted for a frame; where steps are eased they were not."""
        steps = without_margin(easing(boxes, torch.empty(1, 1, *painted_size(*frame.image.shape[2:]))))
        painted = F.interpolate(steps, size=self.source.shape[2:], mode="nearest") >= 1
        return replace(self, source=torch.where(painted, _bytes(as_compared(frame)), self.source))

    def without(self, moving: np.ndarray) -> Resting:
        """Since these cells no longer are what they were when they were looked at."""
        assert self.looked_at is not None, "some of it was looked at"
        return replace(self, looked_at=self.looked_at & torch.from_numpy(~moving))

    def known_beside(self, moving: np.ndarray) -> Rest | None:
        """What all adds that rests beside these moving cells; None where too little of that was looked at."""
        if self.rest is None or self.looked_at is None or self.looked_at.shape != moving.shape:
            return None
        resting, known = int((~moving).sum()), int((self.looked_at.numpy() & ~moving).sum())
        if self.cells - known + resting - known > OUTDATED * moving.size:
            return None
        return self.rest.times(resting / self.cells)


def moving_cells(
    resting: Resting,
    frame: Frame,
    motion: Motion,
    carried: Carried,
    convergence: Tensor,
    cell_px: int,
    painted: Tensor | None = None,
) -> Tensor | None:
    """Cells of a picture with its margin in which anything moves or is unfinished: (rows, columns), 0 or 1.

    None where nearly all of the source has changed, as under a moving camera: then no more is asked.

    Args:
        resting: after the previous frame.
        frame: of the source.
        motion: from the previous frame.
        carried: along that motion, with a margin.
        convergence: (1, 1, H, W), of the previous frame.
        cell_px: edge of a cell.
        painted: (1, 1, H, W), bool: nothing counts beside it; None where all of the frame is painted.
    """
    before = resting.source / 255
    change = change_since(before, frame)
    changed = ~(change < STILL)  # or no number
    if changed.cpu().numpy().mean() > WORTH_IT:
        return None
    moving = changed | _moves(before, change, frame, motion)
    seen = extended(F.interpolate(moving.float(), size=frame.image.shape[2:]).to(carried.held.device))
    unfinished = (carried.coverage < COVERED) | (convergence < FINISHED)
    restless = torch.maximum(seen, unfinished.float())
    return F.max_pool2d(restless if painted is None else restless * painted, cell_px, ceil_mode=True)[0, 0]


def _moves(before: Tensor, change: Tensor, frame: Frame, motion: Motion) -> Tensor:
    """Where a frame has come from elsewhere in an earlier one, given as it is compared: (1, 1, h, w), bool.

    That may look the same, as a plain sky does under a camera that pans. But flow that leads to what is less alike than
    what was at the place itself is none: near things that move it is theirs.
    """
    size, scale = before.shape[2:], before.shape[3] / frame.image.shape[3]
    flow = scale * F.interpolate(motion.flow_to_previous.to(before.device), size=size, mode="bilinear")
    moves = (flow.abs() > scale * STILL_PX).amax(1, keepdim=True)
    return moves & (change_since(warp_roughly(before, flow), frame) < change + LESS_ALIKE)


def boxes_to_paint(
    moving: np.ndarray, size: tuple[int, int], optimizer: FrameOptimizer
) -> tuple[Rectangle, ...] | None:
    """What is to be painted of a picture of this height and width in which these cells move: boxes with slack in them.

    Returns:
        As of `boxes_of`; None where to paint the whole picture costs hardly more.
    """
    cell_px = cell_of(optimizer)
    reach = -(-SLACK_PX // cell_px)
    wide = F.max_pool2d(torch.from_numpy(moving)[None, None].float(), 2 * reach + 1, stride=1, padding=reach)
    boxes = boxes_of(wide[0, 0].numpy() > 0, cell_px, size, optimizer.surroundings_px)
    return boxes if not boxes or optimizer.cost(size, boxes) <= WORTH_IT else None


def put_to_rest(
    resting: Resting,
    boxes: tuple[Rectangle, ...],
    frame: Frame,
    image: Tensor,
    start: Tensor,
    optimizer: FrameOptimizer,
) -> tuple[Resting, MovingParts]:
    """Paint boxes alone; what lies beside them is looked at where it must be.

    Args:
        resting: after the previous frame.
        boxes: that are painted.
        frame: of the source.
        image, start: (1, 3, H, W), the frame with its margin, and the picture that it begins with.
        optimizer: with the look of the frame.
    Returns:
        What is known after the frame, and what is painted.
    """
    cell_px = cell_of(optimizer)
    moving = cells_in(boxes, cell_px, (-(-image.shape[2] // cell_px), -(-image.shape[3] // cell_px)))
    rest = resting.known_beside(moving)
    if rest is not None:
        after = resting.without(moving)
    else:
        rest = optimizer.at_rest(image, start, boxes)
        after = replace(resting, rest=rest, looked_at=torch.from_numpy(~moving), cells=int((~moving).sum()))
    return after.with_painted(frame, boxes), MovingParts(boxes, rest)


def cell_of(optimizer: FrameOptimizer) -> int:
    """Edge of the cells that rest or do not, pixels."""
    return max(optimizer.step_px, LEAST_CELL_PX)


def easing(boxes: Sequence[Rectangle], image: Tensor) -> Tensor:
    """By how much steps count, so that they fall to nothing at boxes' borders within a picture: (1, 1, H, W), 0..1."""
    size = (image.shape[2], image.shape[3])
    factors = torch.zeros_like(image[:, :1])
    for box in boxes:
        rows = _ramp(box.top, box.bottom, size[0], image)
        columns = _ramp(box.left, box.right, size[1], image)
        box.of(factors).copy_(torch.minimum(rows[:, None], columns))
    return factors


def _ramp(start: int, stop: int, length: int, like: Tensor) -> Tensor:
    """0..1 from the one end and from the other, as far as they lie within the picture."""
    places = torch.arange(stop - start, device=like.device) + 0.5
    rising = places / SLACK_PX if start > 0 else torch.ones_like(places)
    falling = (stop - start - places) / SLACK_PX if stop < length else torch.ones_like(places)
    return torch.minimum(rising, falling).clamp_max(1)


def _bytes(image: Tensor) -> Tensor:
    return (image.cpu() * 255).round().byte()
