"""Motion that a renderer knows: its vectors from frame to frame, joined over several frames.

A place counts as seen before where the way there and back ends where it began: this frame's vectors to the previous one
against the previous frame's to this one, or, where those are not written, the two frames' depths. Over several frames
the steps are added up along the way, and what any step hides stays hidden. Knows no files.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stylevideo.motion.flow import MotionSource
from stylevideo.motion.frame import Frame
from stylevideo.motion.visibility import outside
from stylevideo.ops.warp import warp_roughly, warp_smoothly

logger = logging.getLogger(__name__)

MOST_STEPS = 64
"""Frames of the clip that vectors are joined over; what lies further apart is matched by the pictures."""
RETURNED_PX = 0.3
"""How near the way there and back must end to where it began, pixels, and beyond that 5 % of its length."""
RETURNED_SHARE = 0.05
MOVING_PX = 1.0
MARGIN_PX = 8
FITS_BETTER = 0.7
"""Vectors are doubted, once, where things move so far on average and another reading leaves so much of the error."""
READINGS = {
    "if nothing moved": (0.0, 0.0),
    "turned round (--vectors-scale times -1)": (-1.0, -1.0),
    "with y the other way (--vectors-y)": (1.0, -1.0),
    "turned round with y the other way (--vectors-scale times -1, --vectors-y)": (-1.0, 1.0),
    "at twice their length (--vectors-scale times 2)": (2.0, 2.0),
    "at half their length (--vectors-scale times 0.5)": (0.5, 0.5),
}
"""Mistakes that are easily made, and by what x and y of the vectors are to be multiplied then."""
NEARER = 0.9
"""What lies in the way is nearer to the camera than this part of the distance."""


@dataclass(frozen=True)
class Vectors:
    """What a renderer says of a frame.

    Attributes:
        to_previous: (1, 2, H, W), pixels, x then y down: the pixel at p was at p + to_previous(p); NaN: unknown.
        to_next: likewise, where it will be; None where it is not said.
        depth: (1, 1, H, W), the distance from the camera; None where it is not said.
    """

    to_previous: Tensor
    to_next: Tensor | None = None
    depth: Tensor | None = None


@dataclass(frozen=True)
class KnownMotion:
    """The way from a frame to an earlier one.

    Attributes:
        flow: (1, 2, H, W), pixels.
        seen: (1, 1, H, W), bool, where the earlier frame shows the same, as far as the vectors say.
        is_tested: whether they say what is hidden; else only the border and what is unknown is not `seen`.
    """

    flow: Tensor
    seen: Tensor
    is_tested: bool


class VectorMotion:
    """A renderer's vectors as a source of motion, and another source for what they do not say.

    Args:
        pictures: finds motion in the pictures.
        read: the vectors of a frame by its index in the clip, all of one size; None where there are none.
        counted: the clip's index of each frame's index: between two frames that are painted others may lie.
    """

    def __init__(self, pictures: MotionSource, read: Callable[[int], Vectors | None], counted: Sequence[int]) -> None:
        self.pictures, self._read, self._counted = pictures, read, counted
        self._steps: dict[tuple[int, tuple[int, int]], KnownMotion | None] = {}
        self._recent: deque[tuple[int, tuple[int, int]]] = deque(maxlen=2)
        self._is_judged, self._notes = False, list[str]()

    @property
    def name(self) -> str:
        """By what it is known; the vectors' content is known apart."""
        return f"vectors, else {self.pictures.name}"

    def flow(self, frame: Frame, other: Frame) -> Tensor:
        """As of `MotionSource`, by the pictures: of pairs that `known` does not know."""
        return self.pictures.flow(frame, other)

    def known(self, frame: Frame, other: Frame) -> KnownMotion | None:
        """The way from a frame to an earlier one.

        Args:
            frame, other: of one size, the vectors' or smaller.
        Returns:
            None where the vectors do not say it: `other` is later, too far away, or a frame between has none.
        """
        here, there = self._counted[frame.index], self._counted[other.index]
        if not 0 < here - there <= MOST_STEPS:
            return None
        size = (frame.image.shape[2], frame.image.shape[3])
        self._forget(there, size)
        way = self._step(here, size)
        for index in range(here - 1, there, -1):
            step = self._step(index, size)
            if way is None or step is None:
                return None
            way = _joined(way, step)
        if way is None:
            return None
        if not self._is_judged and float(way.flow.square().sum(1).sqrt().mean()) > MOVING_PX:
            self._is_judged = True
            if doubt := better_reading(frame.image.cpu(), other.image.cpu(), way):
                self._notes.append(f"The motion vectors fit the pictures better {doubt}.")
                logger.warning("%s", self._notes[-1])
        return KnownMotion(way.flow.to(frame.image.device), way.seen.to(frame.image.device), way.is_tested)

    def take_notes(self) -> tuple[str, ...]:
        """What has come to light of the vectors since this was called last, as sentences."""
        taken, self._notes = tuple(self._notes), []
        return taken

    def _forget(self, there: int, size: tuple[int, int]) -> None:
        """Steps that the last two questions, to the previous frame and to a reference, did not need."""
        self._recent.append((there, size))
        self._steps = {
            key: step
            for key, step in self._steps.items()
            if any(key[1] == size and key[0] > there for there, size in self._recent)
        }

    def _step(self, index: int, size: tuple[int, int]) -> KnownMotion | None:
        if (index, size) not in self._steps:
            found = (self._read(index), self._read(index - 1))
            here, before = (None if vectors is None else _at(vectors, size) for vectors in found)
            self._steps[index, size] = None if here is None else _step_of(here, before)
        return self._steps[index, size]


def better_reading(image: Tensor, other: Tensor, way: KnownMotion) -> str:
    """How vectors should have been read, if the pictures say so.

    Args:
        image, other: (1, 3, H, W), 0..1.
        way: from the first to the other.
    Returns:
        One of `READINGS`; empty where the vectors fit best, or nearly so.
    """

    def error(factors: tuple[float, float]) -> float:
        flow = way.flow * way.flow.new_tensor(factors).view(1, 2, 1, 1)
        return float((warp_roughly(other, flow) - image).abs()[..., MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX].mean())

    errors = {reading: error(factors) for reading, factors in READINGS.items()}
    best = min(errors, key=lambda reading: errors[reading])
    return best if errors[best] < FITS_BETTER * error((1.0, 1.0)) else ""


def _step_of(here: Vectors, before: Vectors | None) -> KnownMotion:
    """From a frame to the one before it."""
    known = here.to_previous.isfinite().all(1, keepdim=True)
    flow = torch.where(known, here.to_previous, 0)
    seen, is_tested = known & ~outside(flow), False
    if before is not None and before.to_next is not None:
        forth = warp_smoothly(before.to_next, flow)  # NaN, and so not returned, near what is unknown
        missed = (forth + flow).square().sum(1, keepdim=True).sqrt()
        seen = seen & (missed <= RETURNED_PX + RETURNED_SHARE * flow.square().sum(1, keepdim=True).sqrt())
        is_tested = True
    elif before is not None and before.depth is not None and here.depth is not None:
        seen = seen & (warp_smoothly(before.depth, flow) >= NEARER * here.depth)
        is_tested = True
    return KnownMotion(flow, seen, is_tested)


def _joined(way: KnownMotion, step: KnownMotion) -> KnownMotion:
    """A way, and one step further back."""
    # A mean of seen and hidden neighbours is hidden: its vector is a mean of two things' vectors.
    seen = way.seen & (warp_smoothly(step.seen.to(way.flow.dtype), way.flow) > 0.999) & ~outside(way.flow)
    flow = way.flow + warp_smoothly(step.flow, way.flow)
    return KnownMotion(flow, seen & ~outside(flow), way.is_tested and step.is_tested)


def _at(vectors: Vectors, size: tuple[int, int]) -> Vectors:
    """Vectors at another height and width; what is partly unknown is unknown."""
    height, width = vectors.to_previous.shape[2:]
    if (height, width) == size:
        return vectors
    scale = vectors.to_previous.new_tensor((size[1] / width, size[0] / height)).view(1, 2, 1, 1)

    def fit(values: Tensor) -> Tensor:
        return F.interpolate(values, size=size, mode="area")

    return Vectors(
        fit(vectors.to_previous) * scale,
        None if vectors.to_next is None else fit(vectors.to_next) * scale,
        None if vectors.depth is None else fit(vectors.depth),
    )
