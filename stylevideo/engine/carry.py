"""What earlier frames say of a frame: picture and moments moved along the motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from stylevideo.engine.objective import TemporalTarget
from stylevideo.engine.optimizer import CarriedState
from stylevideo.motion.estimate import Motion, ReferenceMatch
from stylevideo.ops.margin import extended, with_margin, without_margin
from stylevideo.ops.pyramid import enlarged
from stylevideo.ops.regions import Regions
from stylevideo.ops.warp import warp_crisply, warp_smoothly
from stylevideo.rectangle import Rectangle

NEW_MOMENT_SHARE = 0.04
"""Second moment of what no frame has shown, in parts of the mean: the lower, the larger the first steps."""


@dataclass(frozen=True)
class Reference:
    """An older result, as the film has it.

    Attributes:
        index: of the frame, among those that are meant.
        picture: (1, 3, H, W), uint8.
    """

    index: int
    picture: Tensor


@dataclass(frozen=True)
class BlendTarget:
    """What a frame shall turn into, beside what it follows from.

    Attributes:
        picture: (1, 3, H, W), uint8, on any device.
        weight: 0 leaves what was seen before as it was, 1 puts the picture in its place.
        way: how far the frame is on its way from one given frame, or from one look, to the next, 0..1.
        share: (1, 1, H, W), uint8, how surely each pixel of the picture is a part of the next given frame's; None where
            it is not asked.
        is_look: whether the picture is in another look, and the frame in both, by its way.
    """

    picture: Tensor
    weight: float
    way: float = 0.0
    share: Tensor | None = None
    is_look: bool = False


@dataclass(frozen=True)
class Carried:
    """What earlier frames say of a frame, where things are now; all with a margin.

    Attributes:
        start: what the frame begins with.
        held: (1, 3, H, W), what it is held to: the start, or between that and the anchor.
        coverage: (1, 1, H, W), 0..1, how much of each pixel the previous frame, references and the anchor show.
        convergence: (1, 1, H, W), 0..1, how finished the start is, 0 where it is new.
    """

    start: CarriedState
    held: Tensor
    coverage: Tensor
    convergence: Tensor

    def within(self, boxes: Sequence[Rectangle], state: CarriedState, convergence: Tensor) -> Carried:
        """The same in boxes; beside them all is as it was."""
        start = CarriedState(
            beside(boxes, state.image, self.start.image),
            beside(boxes, state.first_moment, self.start.first_moment),
            beside(boxes, state.second_moment, self.start.second_moment),
            self.start.step,
        )
        held = beside(boxes, state.image, self.held)
        return replace(self, start=start, held=held, convergence=beside(boxes, convergence, self.convergence))


def beside(boxes: Sequence[Rectangle], before: Tensor, now: Tensor) -> Tensor:
    """Maps (1, C, H, W) that are new in boxes, and elsewhere what they were before."""
    maps = before.clone()
    for box in boxes:
        box.of(maps).copy_(box.of(now))
    return maps


def carry(
    state: CarriedState,
    convergence: Tensor,
    motion: Motion,
    frame: Tensor,
    references: tuple[Reference, ...] = (),
    anchor: float = 0.0,
    regions: Regions | None = None,
) -> Carried:
    """Move picture and moments to where things are now, and restart what was hidden.

    What the previous frame hid but a reference shows is taken from there, so that it looks as it did. What
    none shows begins with the source's colours, mapped to the style's. Where the previous frame is not to be
    believed the first moment begins at zero, since it belongs to another thing, and the second at its mean, or at a
    small part of that where no reference helps: otherwise a dozen frames would go by before new strokes show.

    The frame begins as the previous one, but is held to the anchor too: what each frame changes a little would
    add up otherwise (the long-term term of Ruder, section 4.2). The weighted sum of two squared differences is, but
    for a constant, that to the weighted mean.

    What a reference shows of what was hidden counts as finished.

    Where the source has become brighter or darker since, so has the picture, in its own colours: what is finished
    takes so small steps that a surface which turns into the light would stay dark.

    Where a renderer says how the anchor moved, what is finished begins as the anchor and is held to it alone: it has
    been resampled once since, not once a frame, and three steps of the optimiser lie between, not three a frame.

    Args:
        state: after the previous frame, with its margin.
        convergence: (1, 1, H, W), 0..1, how finished that is.
        motion: from the previous frame to this one, with a margin and on the state's device; see `extended_motion`.
        frame: (1, 3, H, W), the source's frame with its margin, 0..1.
        references: older results, without margin, on any device; among them those of the motion's matches and
            anchor.
        anchor: how much of what the frame is held to comes from the anchor, the rest from the previous frame.
        regions: where each look is painted, with the margin and on the state's device; None where one is everywhere.
            What is painted now and never was is new, and each look has colours of its own, as far as it is painted.
    """
    if regions is not None:
        motion = _where_painted(motion, convergence, regions.parts)
    visible = motion.visible
    seen_before = sum((match.seen for match in motion.reference_matches), torch.zeros_like(visible)).clamp_max(1)
    kept = torch.minimum(visible, 1 - seen_before)
    coverage = kept + seen_before
    warped = warp_crisply(state.image, motion.flow_to_previous)
    colors = colors_of(frame, warped, visible, regions.painted if regions else None)
    moments = (state.first_moment, state.second_moment, convergence)
    maps = warp_smoothly(torch.cat(moments, dim=1), motion.flow_to_previous)  # (1, 5, H, W), or 7
    first, second, convergence = torch.split(maps, [moment.shape[1] for moment in moments], dim=1)
    mapped = colors.of(frame)
    image = torch.lerp(mapped, colors.lit(warped, motion.change), kept)
    for match in motion.reference_matches:
        image = image + match.seen * (_looking_back(match, references, colors) - mapped)
    mean = state.second_moment.mean((2, 3), keepdim=True)  # (1, 1, 1, 1), or (1, 3, 1, 1)
    second = kept * second + (seen_before + NEW_MOMENT_SHARE * (1 - coverage)) * mean
    start = CarriedState(image, first * kept, second, state.step)
    convergence = kept * convergence + seen_before * torch.lerp(torch.ones_like(convergence), convergence, visible)
    if motion.anchor is None:
        return Carried(start, image, coverage, convergence)
    older = _looking_back(motion.anchor, references, colors)
    share = anchor * motion.anchor.seen
    if motion.anchor.exact and anchor > 0:
        finished = motion.anchor.seen * convergence
        start = replace(start, image=torch.lerp(image, older, finished))
        share = share + (1 - anchor) * finished
    coverage = share + (1 - share) * coverage
    return Carried(start, torch.lerp(image, older, share / coverage.clamp_min(1e-6)), coverage, convergence)


def extended_motion(motion: Motion, image: Tensor) -> Motion:
    """Motion at the size and on the device of a frame (1, 3, H, W) with its margin.

    What lies outside moves with the nearest pixel of the border.
    """
    height, width = without_margin(image).shape[2:]

    def extend(maps: Tensor) -> Tensor:
        return extended(enlarged(maps.to(image.device), (height, width)))

    def extend_change(change: Tensor | None) -> Tensor | None:
        return None if change is None else extend(change)

    def extend_match(match: ReferenceMatch) -> ReferenceMatch:
        change = extend_change(match.change)
        return replace(match, flow=extend(match.flow), seen=extend(match.seen), change=change)

    return replace(
        motion,
        flow_to_previous=extend(motion.flow_to_previous),
        visible=extend(motion.visible),
        reference_matches=tuple(map(extend_match, motion.reference_matches)),
        anchor=extend_match(motion.anchor) if motion.anchor else None,
        change=extend_change(motion.change),
    )


def _where_painted(motion: Motion, convergence: Tensor, parts: Tensor) -> Motion:
    """Motion from what the previous frame has painted: not where a look now is and none has ever been.

    References show nothing where nothing is painted now, so that it does not count as finished once it is.
    """
    known = warp_smoothly((convergence > 0).to(parts.dtype), motion.flow_to_previous)
    painted = parts.amax(1, keepdim=True) > 0
    same = torch.where(painted, known, torch.ones_like(known))
    return replace(
        motion,
        visible=motion.visible * same,
        reference_matches=tuple(replace(match, seen=match.seen * painted) for match in motion.reference_matches),
        anchor=motion.anchor and replace(motion.anchor, seen=motion.anchor.seen * same),
    )


def _looking_back(match: ReferenceMatch, references: tuple[Reference, ...], colors: Colors) -> Tensor:
    """A reference's picture (1, 3, H, W) where and as light as things are now, with a margin that mirrors it."""
    picture = next(reference.picture for reference in references if reference.index == match.index)
    return colors.lit(warp_crisply(with_margin(picture.to(match.flow.device)) / 255, match.flow), match.change)


def blended(carried: Carried, blend: BlendTarget, weight: Tensor) -> tuple[CarriedState, TemporalTarget]:
    """Turn a frame's start, and what it is held to, towards a picture; the moments stay as they were carried.

    Args:
        carried: what earlier frames say.
        blend: the picture.
        weight: (1, 1, H, W), how much of it each pixel takes; it is held to as much of that at least.
    """
    picture = with_margin(blend.picture.to(carried.coverage.device)) / 255
    image = torch.lerp(carried.start.image, picture, weight)
    return replace(carried.start, image=image), TemporalTarget(image, torch.maximum(carried.coverage, weight))


class Colors(Protocol):
    """Gives a source the colours of its stylised picture."""

    def of(self, frame: Tensor) -> Tensor:
        """Of a source's frame (1, 3, H, W), 0..1."""
        ...

    def lit(self, stylized: Tensor, change: Tensor | None) -> Tensor:
        """A stylised picture (1, 3, H, W), 0..1, whose source has become brighter by a change of that shape, if any."""
        ...


def colors_of(frame: Tensor, stylized: Tensor, visible: Tensor, parts: Tensor | None) -> Colors:
    """The colours that fit best where visible; see `ColorMap.between` and, for parts, `carry`."""
    if parts is None:
        return ColorMap.between(frame, stylized, visible)
    each = torch.split(parts, 1, dim=1)
    return LookColors(tuple((part, ColorMap.between(frame, stylized, visible * part, part)) for part in each))


@dataclass(frozen=True)
class LookColors:
    """`Colors` of several looks, each in its part of the picture (1, 1, H, W); beside them they stay as they are."""

    looks: tuple[tuple[Tensor, ColorMap], ...]

    def of(self, frame: Tensor) -> Tensor:
        """As of `Colors`."""
        return frame + torch.stack([part * (colors.of(frame) - frame) for part, colors in self.looks]).sum(dim=0)

    def lit(self, stylized: Tensor, change: Tensor | None) -> Tensor:
        """As of `Colors`."""
        if change is None:
            return stylized
        changed = [part * (colors.lit(stylized, change) - stylized) for part, colors in self.looks]
        return (stylized + torch.stack(changed).sum(dim=0)).clamp(0, 1)


@dataclass(frozen=True)
class ColorMap:
    """Gives a source the colours of its stylised picture.

    Attributes:
        matrix: (4, 3), affine: of red, green, blue and one.
    """

    matrix: Tensor

    @classmethod
    def between(cls, frame: Tensor, stylized: Tensor, visible: Tensor, part: Tensor | None = None) -> ColorMap:
        """The map that fits best where visible.

        Args:
            frame, stylized: (1, 3, H, W), 0..1.
            visible: (1, 1, H, W); with hardly a visible pixel colours stay as they are.
            part: (1, 1, H, W), 0..1, that is asked for; all of the picture if not given.
        """
        weight = visible.flatten()  # (N,)
        colors = torch.cat((frame, torch.ones_like(frame[:, :1])), dim=1).flatten(2)[0].T  # (N, 4)
        weighted = colors * weight[:, None]
        as_they_are = torch.eye(4, device=frame.device)
        ridge = (1e-4 * weight.sum() + torch.finfo(weight.dtype).tiny) * as_they_are
        matrix = _solved(weighted.T @ colors + ridge, weighted.T @ stylized.flatten(2)[0].T)  # (4, 3)
        asked = 1 if part is None else part.mean()
        return cls(torch.where(weight.mean() < 0.01 * asked, as_they_are[:, :3], matrix))  # the device decides

    def of(self, frame: Tensor) -> Tensor:
        """Of a source's frame (1, 3, H, W), 0..1."""
        return (self._turned(frame) + self.matrix[3].view(1, 3, 1, 1)).clamp(0, 1)

    def lit(self, stylized: Tensor, change: Tensor | None) -> Tensor:
        """A stylised picture (1, 3, H, W), 0..1, whose source has become brighter by a change of that shape, if any."""
        return stylized if change is None else (stylized + self._turned(change)).clamp(0, 1)

    def _turned(self, colors: Tensor) -> Tensor:
        return (colors.flatten(2)[0].T @ self.matrix[:3]).T.reshape(colors.shape)


def _solved(matrix: Tensor, right: Tensor) -> Tensor:
    """X with matrix X = right, by Gauss and Jordan: a positive definite matrix needs no other pivots, nobody is asked.

    Args:
        matrix: (n, n), symmetric, positive definite.
        right: (n, m).
    Returns:
        (n, m).
    """
    rows = torch.cat((matrix, right), dim=1)
    for number in range(len(matrix)):
        pivot = rows[number] / rows[number, number]
        rows = rows - rows[:, number, None] * pivot
        rows[number] = pivot
    return rows[:, len(matrix) :]
