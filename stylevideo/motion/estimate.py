"""How a frame follows from those before it: where its pixels were, which of them are new, which were seen long ago.

Knows the source's frames alone, not what became of them; so it can run ahead of the optimiser.

M. Ruder, A. Dosovitskiy, T. Brox: Artistic style transfer for videos (2016), arXiv:1604.08610, for the
visibility and for looking back further than one frame.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from stylevideo.motion.camera import NOISE, use_camera_motion
from stylevideo.motion.flow import MotionSource, halvings
from stylevideo.motion.frame import Frame
from stylevideo.motion.vectors import KnownMotion, VectorMotion
from stylevideo.motion.visibility import deadband, outside, visibility
from stylevideo.ops.filters import blur_roughly
from stylevideo.ops.pyramid import enlarged, fit_long_edge, reduced
from stylevideo.ops.regions import kept_at_strength
from stylevideo.ops.warp import warp_roughly, warp_smoothly

SAME_COLOR_TOLERANCE = 0.04
"""Difference of blurred pictures, 0..1, up to which two places are taken to show the same."""
UNDISPUTED_TOLERANCE = 0.01
"""Difference up to which they show the same although the flow there and back disagrees, as on soft surfaces."""
BLUR = 1 / 128
"""Blur for that comparison, in parts of the long edge: grain and small errors of the flow do not count."""
LIGHT_BLUR = 1 / 64
"""Blur of what has become brighter or darker, likewise: wider than strokes, so that nothing fine shines through."""
LEAST_ALIKE = 0.25
"""Part of a place's surroundings from which on their change is believed in full."""
EDGE_SLACK = 1 / 256
"""How far the edge of a matte may lie beside where motion leads it, in parts of the long edge."""
FEATHER = 1 / 170
"""Softness of the border between what was visible and what is new, in parts of the long edge."""
REFERENCE_EVERY = 8
"""Frames from one reference to the next."""
REFERENCES = 6
"""How many references are kept."""
ANCHOR_LONG_EDGE = 640
"""The newest reference is matched at this size at most, pixels."""
REFERENCE_LONG_EDGE = 320
"""Older ones are searched at this size at most."""
BACK_HALVED_FROM = 640
"""Long edge from which on the flow back is found at half the size; on smaller pictures that costs steadiness."""
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
        change: (1, 3, H, W), how much brighter things are here than there, blurred; None for not at all.
    """

    index: int
    flow: Tensor
    seen: Tensor
    exact: bool = False
    change: Tensor | None = None


@dataclass(frozen=True)
class Motion:
    """How a frame follows from the one before, and from some long ago.

    Its maps may be smaller than the frame, each by itself; flow is in pixels of the frame all the same.

    Attributes:
        flow_to_previous: (1, 2, H, W), pixels.
        visible: (1, 1, H, W), 1 where the previous frame shows the same thing, 0 where it does not.
        reference_matches: what references show of the rest; what they are believed adds up to 1 at most.
        anchor: what the newest reference shows of this frame, hidden before or not; None before there is one.
        still: whether nothing has changed, so that the previous result can stand as it is.
        change: (1, 3, H, W), how much brighter things are than in the previous frame, blurred: light and shade go over
            them; None for not at all.
    """

    flow_to_previous: Tensor
    visible: Tensor
    reference_matches: tuple[ReferenceMatch, ...] = ()
    anchor: ReferenceMatch | None = None
    still: bool = False
    change: Tensor | None = None


def is_reference(index: int, strength: float = 1.0, origin: int = 0) -> bool:
    """Whether a frame is kept for those that follow to look back at, counted from an origin; a faded one is not."""
    return (index - origin) % REFERENCE_EVERY == 0 and strength == 1


def earliest_reference(index: int) -> int:
    """No frame from this index on looks back further than to the frame that is returned (which may be below 0)."""
    return (index - 1) // REFERENCE_EVERY * REFERENCE_EVERY - (REFERENCES - 1) * REFERENCE_EVERY


def with_motion(
    frames: Iterable[Frame],
    source: MotionSource | None,
    shot_starts: Collection[int] = (),
    begin: int = 0,
    last_moved: int | None = None,
    origin: int = 0,
) -> Iterator[tuple[Frame, Motion | None]]:
    """Pair each frame with its motion, one after another: as `following`, whose arguments these are.

    Args:
        source: of the motion; None where nothing is to be carried.
    """
    for pair in following(frames, source is not None, shot_starts, begin, last_moved, origin):
        yield pair.frame, pair.motion(source) if source is not None else None


@dataclass(frozen=True)
class Following:
    """A frame and those that its motion is found from.

    Attributes:
        frame: itself.
        previous: the one that it is compared with; None where nothing is carried, such as into a blank frame.
        references: older ones, oldest first, at the size at which they are compared.
        still: whether nothing has changed since the previous one.
    """

    frame: Frame
    previous: Frame | None
    references: tuple[Frame, ...] = ()
    still: bool = False

    def motion(self, source: MotionSource) -> Motion | None:
        """Find the motion; None where nothing is carried. Depends on these frames alone."""
        if self.previous is None:
            return None
        if self.still:
            image = self.frame.image
            return Motion(torch.zeros_like(image[:, :2]), torch.ones_like(image[:, :1]), still=True)
        motion = _estimate(source, self.previous, self.frame, self.references)
        return _within_looks(motion, self.frame, self.previous, self.references)


def following(
    frames: Iterable[Frame],
    carries: bool = True,
    shot_starts: Collection[int] = (),
    begin: int = 0,
    last_moved: int | None = None,
    origin: int = 0,
) -> Iterator[Following]:
    """Find out from which frames each frame's motion is to be found: little work beside finding it.

    While the source stands still, frames are compared with the last one that moved, not with each other: so
    the slowest fade and the slowest pan are noticed once they have gone far enough to be seen. No frame is compared
    with a blank one: behind a flash the picture follows the one before it.

    Args:
        frames: in order away from the origin, forwards or backwards, of one size.
        carries: whether anything is to be carried.
        shot_starts: indices of frames that follow a cut.
        begin: index of the first frame to be yielded; those before it are only looked back at.
        last_moved: index of the frame that the first one yielded is compared with; None is the one before it.
        origin: index of the frame that all others follow, and from which references are counted.
    """
    references: tuple[Frame, ...] = ()
    previous: Frame | None = None
    begins_after, moved_after = abs(begin - origin), None if last_moved is None else abs(last_moved - origin)
    for frame in frames:
        if frame.index in shot_starts:
            previous, references = None, ()
        after = abs(frame.index - origin)
        if frame.is_blank:
            if after >= begins_after:
                yield Following(frame, None)
            continue
        moved = True
        if after >= begins_after:
            regions_change = frame.regions is not None and frame.regions.changes
            moved = previous is None or regions_change or not _stands_still(previous, frame)
            earliest = earliest_reference(after)
            seen = tuple(older for older in references if abs(older.index - origin) >= earliest)
            yield Following(frame, previous, seen, not moved)
        if carries and is_reference(frame.index, frame.strength, origin):
            references = (*references, _as_reference(frame))[-REFERENCES:]
        if carries and moved and (after >= begins_after or moved_after is None or after <= moved_after):
            previous = frame


def _as_reference(frame: Frame) -> Frame:
    """What is kept of a frame that later ones look back at."""
    small = _fitted(replace(frame, whole=None), ANCHOR_LONG_EDGE)
    return replace(small, regions=frame.regions and frame.regions.fitted(_size_of(small)))


def as_compared(frame: Frame) -> Tensor:
    """A frame (1, 3, h, w), 0..1, at the size at which it is found out whether anything has changed."""
    return _matched(frame).image


def change_since(before: Tensor, frame: Frame) -> Tensor:
    """How far a frame differs from an earlier one, which is given as it is compared: (1, 1, h, w); see `STILL`."""
    now = as_compared(frame)
    sigma = STILL_BLUR_PX * now.shape[3] / frame.image.shape[3]
    return blur_roughly(now - before.to(now.device), sigma).abs().amax(1, keepdim=True)


def estimate_motion(source: MotionSource, previous: Frame, frame: Frame, references: Sequence[Frame] = ()) -> Motion:
    """Find where a frame's pixels were in the previous one, and what the references show of it.

    A pixel counts as visible before where the previous frame, carried along the flow and blurred, looks the
    same. That is less strict than following the flow there and back, which also rejects much that is there,
    above all in footage with people or grain. What fails either test is looked for in the references, except what
    hardly differs: on a soft surface any flow is unsure, and an older picture in its place is a jump.

    Large pictures are matched at the size down to which flow is found, and the references at a smaller one, the older
    ones only where something is hidden.

    Where a renderer's vectors say what is hidden, the pictures are asked only around that. They say it of the previous
    frame and of the newest reference; what is hidden is looked for in the references by the pictures, since no vectors
    lead to what was hidden in between.

    Args:
        source: finds the flow.
        previous, frame: neighbouring frames of the clip, on one device.
        references: older frames, oldest first, reduced to the size at which they are compared.
    """
    motion = Following(frame, previous, tuple(references), _stands_still(previous, frame)).motion(source)
    assert motion is not None, "there is a previous frame"
    return motion


def _estimate(source: MotionSource, previous: Frame, frame: Frame, references: Sequence[Frame]) -> Motion:
    size = _size_of(frame)
    small = _matched(frame)
    noise = NOISE * small.image.shape[3] / size[1]
    match = _known_match(source, frame, previous) or _match(source, small, _matched(previous), noise)
    hidden = _soft((~match.alike).float())
    believed = match.alike & (match.consistent | (match.difference < UNDISPUTED_TOLERANCE))
    reference_matches, anchor = _look_back(source, small, ~believed, references, size)
    return Motion(match.flow_in(size), 1 - hidden, reference_matches, anchor, change=match.change_of_light)


def _within_looks(motion: Motion, frame: Frame, previous: Frame, references: Sequence[Frame]) -> Motion:
    """Motion from what was painted in the same look alone, where frames have several, or are painted in part."""
    if frame.regions is None:
        return motion
    earlier = {other.index: other for other in (previous, *references)}

    def match_within(match: ReferenceMatch) -> ReferenceMatch:
        return replace(match, seen=match.seen * _same_look(frame, earlier[match.index], match.flow, match.seen))

    return replace(
        motion,
        visible=motion.visible * _same_look(frame, previous, motion.flow_to_previous, motion.visible),
        reference_matches=tuple(map(match_within, motion.reference_matches)),
        anchor=motion.anchor and match_within(motion.anchor),
    )


def _same_look(frame: Frame, other: Frame, flow: Tensor, like: Tensor) -> Tensor:
    """How much of each place was in the same look in an earlier frame, and as strong: 0..1, of another map's size.

    Mattes are drawn by hand, and motion is found: an edge that is a little off is the same edge.
    """
    if frame.regions is None or other.regions is None:
        return torch.ones_like(like)
    size = (like.shape[2], like.shape[3])
    here, there = frame.regions.fitted(size), other.regions.fitted(size)
    reach = max(1, round(EDGE_SLACK * max(size)))
    wide = F.max_pool2d(there.parts, 2 * reach + 1, stride=1, padding=reach)
    offsets = F.interpolate(flow, size=size, mode="bilinear")
    scale = offsets.new_tensor((size[1] / frame.image.shape[3], size[0] / frame.image.shape[2])).view(1, 2, 1, 1)
    offsets = (offsets * scale).to(wide.device)
    missing = (here.parts - warp_smoothly(wide, offsets)).clamp_min(0)
    same = (1 - missing.sum(1, keepdim=True)).clamp_min(0)
    if here.strength is not None and there.strength is not None:
        same = same * kept_at_strength(here.strength, warp_smoothly(there.strength, offsets))
    return same.to(like.device)


@dataclass(frozen=True)
class _Match:
    """How a frame matches another.

    Attributes:
        flow: (1, 2, H, W), pixels, to the other.
        change: (1, 3, H, W), how much brighter the frame is than the other moved along the flow, blurred.
        consistent: (1, 1, H, W), bool: the flow there and back agrees, or is the camera's.
        known: what vectors say of it, if they do.
    """

    flow: Tensor
    change: Tensor
    consistent: Tensor
    known: KnownMotion | None = None

    @property
    def difference(self) -> Tensor:
        """How unlike they are, that of the channel that differs most: (1, 1, H, W)."""
        return self.change.abs().amax(1, keepdim=True)

    @property
    def alike(self) -> Tensor:
        same = (self.difference < SAME_COLOR_TOLERANCE) & ~outside(self.flow)
        if self.known and self.known.is_tested:
            return self.known.seen & (same | ~_around(~self.known.seen))
        return same

    @property
    def change_of_light(self) -> Tensor:
        """The change of what is the same thing, without what is as fine as strokes: (1, 3, H, W)."""
        alike = self.alike.to(self.change.dtype)
        sums = blur_roughly(torch.cat((self.change * alike, alike), dim=1), LIGHT_BLUR * max(self.change.shape[2:]))
        return sums[:, :3] / sums[:, 3:].clamp_min(LEAST_ALIKE)

    def flow_in(self, size: tuple[int, int]) -> Tensor:
        """The flow in pixels of a frame of this height and width; without what is too small to have been found."""
        flow = _in_pixels_of(size, self.flow)
        return flow if self.known else deadband(flow)


def _match(source: MotionSource, frame: Frame, other: Frame, noise: float = NOISE) -> _Match:
    """By the pictures; the way back, which is compared alone, of large ones at half their size."""
    there = source.flow(frame, other)
    height, width = size = _size_of(frame)
    if max(size) >= BACK_HALVED_FROM:
        size = (-(-height // 2), -(-width // 2))
    back = source.flow(*(replace(seen, image=reduced(seen.image, size)) for seen in (other, frame)))
    agree = visibility(there, enlarged(_in_pixels_of(_size_of(frame), back), _size_of(frame)))
    flow, of_camera = use_camera_motion(there, agree, frame.image, other.image, noise)
    return _Match(flow, _change(frame, other, flow), (agree > 0) | (of_camera > 0.5))


def _known_match(source: MotionSource, frame: Frame, other: Frame) -> _Match | None:
    """By a renderer's vectors; None where there are none."""
    known = source.known(frame, other) if isinstance(source, VectorMotion) else None
    if known is None:
        return None
    return _Match(known.flow, _change(frame, other, known.flow), known.seen, known)


def _look_back(
    source: MotionSource, frame: Frame, hidden: Tensor, references: Sequence[Frame], size: tuple[int, int]
) -> tuple[tuple[ReferenceMatch, ...], ReferenceMatch | None]:
    """Find each hidden pixel in the reference that resembles it most, and all pixels in the newest reference.

    Softness makes single pixels, which would be specks, fade.

    Args:
        source: finds the flow.
        frame: at the size at which it is matched.
        hidden: (1, 1, H, W), bool, of any size, which is that of what is seen.
        references: oldest first.
        size: of the frame in whose pixels flow is given.
    """
    if not references:
        return (), None
    *older, newest = references
    small, is_searched = _fitted(frame, ANCHOR_LONG_EDGE), float(hidden.float().mean()) >= ENOUGH_HIDDEN
    known = _known_match(source, small, newest)
    matches = {}
    if is_searched:
        smaller = _fitted(small, REFERENCE_LONG_EDGE)
        matches = {other.index: _match(source, smaller, _fitted(other, REFERENCE_LONG_EDGE)) for other in older}
    if is_searched or known is None:
        matches[newest.index] = _match(source, small, newest)
    anchor = known or matches[newest.index]
    unsure = (~(anchor.alike & anchor.consistent)).float()
    sure = 1 - _soft(_repeated(unsure, hidden))
    seen = _seen_by(matches, hidden) if is_searched else {}
    return (
        tuple(
            ReferenceMatch(
                index, matches[index].flow_in(size), _soft(mask.float()), change=matches[index].change_of_light
            )
            for index, mask in seen.items()
        ),
        ReferenceMatch(newest.index, anchor.flow_in(size), sure, known is not None, anchor.change_of_light),
    )


def _seen_by(matches: Mapping[int, _Match], hidden: Tensor) -> dict[int, Tensor]:
    """What of the hidden is to be taken from which reference, (1, 1, H, W), bool, of those that something is."""
    unlike = [
        _repeated(torch.where(match.consistent, match.difference, SAME_COLOR_TOLERANCE), hidden)
        for match in matches.values()
    ]
    least, choice = torch.cat(unlike, dim=1).min(1, keepdim=True)
    taken = hidden & (least < SAME_COLOR_TOLERANCE)
    found = {index: taken & (choice == place) for place, index in enumerate(matches)}
    return {index: seen for index, seen in found.items() if bool(seen.any())}


def _in_pixels_of(size: tuple[int, int], flow: Tensor) -> Tensor:
    """Flow (1, 2, h, w), whose values are in its own pixels, in those of another height and width."""
    height, width = flow.shape[2:]
    return flow * flow.new_tensor((size[1] / width, size[0] / height)).view(1, 2, 1, 1)


def _repeated(values: Tensor, like: Tensor) -> Tensor:
    """Maps at another's size, no value being mixed."""
    return F.interpolate(values, size=like.shape[2:], mode="nearest")


def _matched(frame: Frame) -> Frame:
    """A frame at the size down to which flow is found."""
    height, width = _size_of(frame)
    step = 2 ** halvings(height, width)
    return replace(frame, image=reduced(frame.image, (-(-height // step), -(-width // step))))


def _fitted(frame: Frame, long_edge: int) -> Frame:
    """A frame of this long edge at most."""
    height, width = _size_of(frame)
    if max(height, width) <= long_edge:
        return frame
    return replace(frame, image=reduced(frame.image, fit_long_edge(height, width, long_edge)))


def _size_of(frame: Frame) -> tuple[int, int]:
    return frame.image.shape[2], frame.image.shape[3]


def _change(frame: Frame, other: Frame, flow: Tensor) -> Tensor:
    """How much brighter a frame is than another moved along the flow (1, 2, H, W), blurred: (1, 3, H, W)."""
    return blur_roughly(frame.image - warp_roughly(other.image, flow), BLUR * max(frame.image.shape[2:]))


def _around(mask: Tensor) -> Tensor:
    """A mask (1, 1, H, W), bool, with what blurred pictures mix with it: strokes reach beyond the edges of things."""
    reach = math.ceil(2 * BLUR * max(mask.shape[2:]))
    return F.max_pool2d(mask.float(), 2 * reach + 1, stride=1, padding=reach) > 0


def _soft(mask: Tensor) -> Tensor:
    """A mask with a soft border."""
    return blur_roughly(mask, FEATHER * max(mask.shape[2:]))


def _stands_still(previous: Frame, frame: Frame) -> bool:
    return float(change_since(as_compared(previous), frame).max()) < STILL
