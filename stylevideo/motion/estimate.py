"""How a frame follows from those before it: where its pixels were, which of them are new, which were seen long ago.

Knows the source's frames alone, not what became of them; so it can run ahead of the optimiser.

M. Ruder, A. Dosovitskiy, T. Brox: Artistic style transfer for videos (2016), arXiv:1604.08610, for the
visibility and for looking back further than one frame.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from stylevideo.motion.camera import use_camera_motion
from stylevideo.motion.flow import MotionSource
from stylevideo.motion.frame import Frame
from stylevideo.motion.vectors import KnownMotion, VectorMotion
from stylevideo.motion.visibility import deadband, outside, visibility
from stylevideo.ops.filters import gaussian_blur
from stylevideo.ops.pyramid import fit_long_edge, resize
from stylevideo.ops.warp import warp_roughly

SAME_COLOR_TOLERANCE = 0.04
"""Difference of blurred pictures, 0..1, up to which two places are taken to show the same."""
UNDISPUTED_TOLERANCE = 0.01
"""Difference up to which they show the same although the flow there and back disagrees, as on soft surfaces."""
BLUR = 1 / 128
"""Blur for that comparison, in parts of the long edge: grain and small errors of the flow do not count."""
FEATHER = 1 / 170
"""Softness of the border between what was visible and what is new, in parts of the long edge."""
REFERENCE_EVERY = 8
"""Frames from one reference to the next."""
REFERENCES = 6
"""How many references are kept."""
REFERENCE_LONG_EDGE = 640
"""References are compared at this size at most, pixels."""
ENOUGH_HIDDEN = 1e-3
"""Part of the picture that must be hidden before the references are searched."""
STILL = 2.5 / 255
"""Greatest difference of blurred pictures, 0..1, up to which the source stands still."""
STILL_BLUR_PX = 3.0
"""Sigma of that blur, pixels: wide enough for coding noise of a repeated frame, narrow enough for a distant mouth."""


@dataclass(frozen=True)
class ReferenceMatch:
    """What an earlier frame shows of this one.

    Attributes:
        index: of the earlier frame, a reference.
        flow: (1, 2, H, W), pixels, from this frame to the earlier one.
        seen: (1, 1, H, W), 0..1, how much the earlier frame is to be believed.
        exact: whether a renderer says so.
    """

    index: int
    flow: Tensor
    seen: Tensor
    exact: bool = False


@dataclass(frozen=True)
class Motion:
    """How a frame follows from the one before, and from some long ago.

    Attributes:
        flow_to_previous: (1, 2, H, W), pixels.
        visible: (1, 1, H, W), 1 where the previous frame shows the same thing, 0 where it does not.
        reference_matches: what references show of the rest; what they are believed adds up to 1 at most.
        anchor: what the newest reference shows of this frame, hidden before or not; None before there is one.
        still: whether nothing has changed, so that the previous result can stand as it is.
    """

    flow_to_previous: Tensor
    visible: Tensor
    reference_matches: tuple[ReferenceMatch, ...] = ()
    anchor: ReferenceMatch | None = None
    still: bool = False


def is_reference(index: int) -> bool:
    """Whether a frame is kept for later frames to look back at."""
    return index % REFERENCE_EVERY == 0


def earliest_reference(index: int) -> int:
    """No frame from this index on looks back further than to the frame that is returned (which may be below 0)."""
    return (index - 1) // REFERENCE_EVERY * REFERENCE_EVERY - (REFERENCES - 1) * REFERENCE_EVERY


def with_motion(
    frames: Iterable[Frame],
    source: MotionSource | None,
    shot_starts: Collection[int] = (),
    begin: int = 0,
    last_moved: int | None = None,
) -> Iterator[tuple[Frame, Motion | None]]:
    """Pair each frame with its motion; None where nothing is to be carried.

    While the source stands still, frames are compared with the last one that moved, not with each other: so
    the slowest fade and the slowest pan are noticed once they have gone far enough to be seen.

    Args:
        frames: in order, of one size.
        source: of the motion; None where nothing is to be carried.
        shot_starts: indices of frames that follow a cut.
        begin: index of the first frame to be yielded; those before it are only looked back at.
        last_moved: index of the frame that the first one yielded is compared with; None is the one before it.
    """
    references: tuple[Frame, ...] = ()
    previous: Frame | None = None
    for frame in frames:
        if frame.index in shot_starts:
            previous, references = None, ()
        motion = None
        if frame.index >= begin:
            if source is not None and previous is not None:
                motion = estimate_motion(source, previous, frame, references)
            yield frame, motion
        if source is not None and is_reference(frame.index):
            references = (*references, _reduced(frame))[-REFERENCES:]
        moved = motion is None or not motion.still
        if moved and (frame.index >= begin or last_moved is None or frame.index <= last_moved):
            previous = frame


def estimate_motion(source: MotionSource, previous: Frame, frame: Frame, references: Sequence[Frame] = ()) -> Motion:
    """Find where a frame's pixels were in the previous one, and what the references show of it.

    A pixel counts as visible before where the previous frame, carried along the flow and blurred, looks the
    same. That is less strict than following the flow there and back, which also rejects much that is there,
    above all in footage with people or grain. What fails either test is looked for in the references, except what
    hardly differs: on a soft surface any flow is unsure, and an older picture in its place is a jump.

    Where a renderer's vectors say what is hidden, the pictures are asked only around that. They say it of the previous
    frame and of the newest reference; what is hidden is looked for in the references by the pictures, since no vectors
    lead to what was hidden in between.

    Args:
        source: finds the flow.
        previous, frame: neighbouring frames of the clip, on one device.
        references: older frames, oldest first, reduced to the size at which they are compared.
    """
    image = frame.image
    if _stands_still(previous.image, image):
        return Motion(torch.zeros_like(image[:, :2]), torch.ones_like(image[:, :1]), still=True)
    match = _known_match(source, frame, previous) or _match(source, frame, previous)
    hidden = _soft((~match.alike).float())
    believed = match.alike & (match.consistent | (match.difference < UNDISPUTED_TOLERANCE))
    reference_matches, anchor = _look_back(source, frame, ~believed, references)
    return Motion(match.flow_at((image.shape[2], image.shape[3])), 1 - hidden, reference_matches, anchor)


@dataclass(frozen=True)
class _Match:
    """How a frame matches another.

    Attributes:
        flow: (1, 2, H, W), pixels, to the other.
        difference: (1, 1, H, W), how unlike they are.
        consistent: (1, 1, H, W), bool: the flow there and back agrees, or is the camera's.
        known: what vectors say of it, if they do.
    """

    flow: Tensor
    difference: Tensor
    consistent: Tensor
    known: KnownMotion | None = None

    @property
    def alike(self) -> Tensor:
        same = (self.difference < SAME_COLOR_TOLERANCE) & ~outside(self.flow)
        if self.known and self.known.is_tested:
            return self.known.seen & (same | ~_around(~self.known.seen))
        return same

    def flow_at(self, size: tuple[int, int]) -> Tensor:
        """The flow at a height and width; without what is too small to have been found in pictures."""
        flow = _enlarged(self.flow, size)
        return flow if self.known else deadband(flow)


def _match(source: MotionSource, frame: Frame, other: Frame) -> _Match:
    """By the pictures."""
    there, back = source.flow(frame, other), source.flow(other, frame)
    agree = visibility(there, back)
    flow, of_camera = use_camera_motion(there, agree, frame.image, other.image)
    difference = _difference(warp_roughly(other.image, flow), frame.image)
    return _Match(flow, difference, (agree > 0) | (of_camera > 0.5))


def _known_match(source: MotionSource, frame: Frame, other: Frame) -> _Match | None:
    """By a renderer's vectors; None where there are none."""
    known = source.known(frame, other) if isinstance(source, VectorMotion) else None
    if known is None:
        return None
    difference = _difference(warp_roughly(other.image, known.flow), frame.image)
    return _Match(known.flow, difference, known.seen, known)


def _look_back(
    source: MotionSource, frame: Frame, hidden: Tensor, references: Sequence[Frame]
) -> tuple[tuple[ReferenceMatch, ...], ReferenceMatch | None]:
    """Find each hidden pixel in the reference that resembles it most, and all pixels in the newest reference.

    Softness makes single pixels, which would be specks, fade.
    """
    if not references:
        return (), None
    size = frame.image.shape[2], frame.image.shape[3]
    small, newest = _reduced(frame), references[-1]
    known = _known_match(source, small, newest)
    searched = references if float(hidden.float().mean()) >= ENOUGH_HIDDEN else references[-1:] if known is None else ()
    matches = {reference.index: _match(source, small, reference) for reference in searched}
    best = torch.full_like(small.image[:, :1], SAME_COLOR_TOLERANCE)
    choice = torch.full_like(best, -1)
    for index, match in matches.items():
        better = match.consistent & (match.difference < best)
        best, choice = torch.where(better, match.difference, best), torch.where(better, index, choice)
    choice = F.interpolate(choice, size=size, mode="nearest")
    reference_matches = tuple(
        ReferenceMatch(index, match.flow_at(size), _soft(seen.float()))
        for index, match in matches.items()
        if bool((seen := hidden & (choice == index)).any())
    )
    anchor = known or matches[newest.index]
    unsure = (~(anchor.alike & anchor.consistent)).float()
    sure = 1 - _soft(F.interpolate(unsure, size=size, mode="nearest"))
    return reference_matches, ReferenceMatch(newest.index, anchor.flow_at(size), sure, known is not None)


def _reduced(frame: Frame) -> Frame:
    """A frame at the size at which references are compared."""
    height, width = frame.image.shape[2:]
    if max(height, width) <= REFERENCE_LONG_EDGE:
        return frame
    return replace(frame, image=resize(frame.image, fit_long_edge(height, width, REFERENCE_LONG_EDGE)))


def _enlarged(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """Flow at another size: its values grow with it."""
    height, width = flow.shape[2:]
    if (height, width) == size:
        return flow
    scale = flow.new_tensor((size[1] / width, size[0] / height)).view(1, 2, 1, 1)
    return F.interpolate(flow, size=size, mode="bilinear", align_corners=False) * scale


def _difference(image: Tensor, other: Tensor) -> Tensor:
    """Largest difference of a channel after blurring: (1, 1, H, W)."""
    return gaussian_blur(image - other, BLUR * max(image.shape[2:])).abs().amax(1, keepdim=True)


def _around(mask: Tensor) -> Tensor:
    """A mask (1, 1, H, W), bool, with what blurred pictures mix with it: strokes reach beyond the edges of things."""
    reach = math.ceil(2 * BLUR * max(mask.shape[2:]))
    return F.max_pool2d(mask.float(), 2 * reach + 1, stride=1, padding=reach) > 0


def _soft(mask: Tensor) -> Tensor:
    """A mask with a soft border."""
    return gaussian_blur(mask, FEATHER * max(mask.shape[2:]))


def _stands_still(previous: Tensor, image: Tensor) -> bool:
    return float(gaussian_blur(image - previous, STILL_BLUR_PX).abs().max()) < STILL
