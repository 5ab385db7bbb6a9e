"""Frames in order: the picture and the optimiser's moments travel along the optical flow, shot by shot.

Knows frames and where shots begin; knows nothing of files, or of how cuts are found.

M. Ruder, A. Dosovitskiy, T. Brox: Artistic style transfer for videos (2016), arXiv:1604.08610, for the
warm start, the visibility and the temporal term. Carrying Adam's moments along is our own.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stylevideo.models.flow import DISFlow
from stylevideo.models.vgg import VGG19
from stylevideo.ops.warp import settle, visibility, warp, warp_smoothly
from stylevideo.optimize import CarriedState, FrameLosses, Guide, Optimized, optimize_cold, optimize_frame
from stylevideo.settings import Settings
from stylevideo.targets import StyleTargets

NEIGHBOURS = 5
"""How many frames back the guard looks."""
STROKE_SIZE = 1 / 16
"""Structure finer than this part of the long edge counts as strokes."""


@dataclass(frozen=True)
class Frame:
    """A frame of the source.

    Attributes:
        index: in the clip, from 0.
        image: (1, 3, H, W), RGB, 0..1.
        repaired: whether the last good frame stands in for it, because it could not be decoded.
    """

    index: int
    image: Tensor
    repaired: bool = False


@dataclass(frozen=True)
class Motion:
    """How a frame follows from the one before.

    Attributes:
        flow_to_previous: (1, 2, H, W), pixels.
        visible: (1, 1, H, W), 1 where the previous frame shows the same thing.
    """

    flow_to_previous: Tensor
    visible: Tensor


@dataclass(frozen=True)
class FrameResult:
    """A stylised frame.

    Attributes:
        index: its index in the source.
        image: (1, 3, H, W), RGB, 0..1.
        losses: as last evaluated.
        iterations: VGG evaluations (forward and backward) it cost.
        seconds: wall time it took.
        redone: whether the guard had it done a second time.
        repaired: whether its source could not be decoded and the last good frame stood in.
    """

    index: int
    image: Tensor
    losses: FrameLosses
    iterations: int
    seconds: float
    redone: bool
    repaired: bool


@dataclass(frozen=True)
class SequenceState:
    """All that is needed in order to go on after a frame.

    Attributes:
        index: the frame's index in the source.
        carried: the picture and its moments.
        recent_losses: appearance losses of the shot's last frames, oldest first, for the guard.
    """

    index: int
    carried: CarriedState
    recent_losses: tuple[float, ...]


def with_motion(
    frames: Iterable[Frame], carry: bool, shot_starts: Collection[int] = ()
) -> Iterator[tuple[Frame, Motion | None]]:
    """Pair each frame with its motion from the one before; None where nothing is to be carried.

    Args:
        frames: in order, of one size.
        carry: whether motion is wanted at all.
        shot_starts: indices of frames that follow a cut.
    """
    engine = DISFlow() if carry else None
    previous: Frame | None = None
    for frame in frames:
        if engine is None or previous is None or frame.index in shot_starts:
            yield frame, None
        else:
            yield frame, estimate_motion(engine, previous.image, frame.image)
        previous = frame


def estimate_motion(engine: DISFlow, previous: Tensor, image: Tensor) -> Motion:
    """Flow both ways between neighbouring frames (1, 3, H, W), and what of the later one was visible before."""
    back = engine.between(image, previous)
    forth = engine.between(previous, image)
    return Motion(settle(back), visibility(back, forth))


def carry(state: CarriedState, motion: Motion, frame: Tensor) -> tuple[CarriedState, Guide]:
    """Move picture and moments to where things are now, and restart what was hidden.

    Newly uncovered regions begin with the source's shapes and colours, mapped to the style's, under the
    strokes that were there before. Their first moment begins at zero, since it belongs to another thing;
    the second is kept, since it knows how large gradients are thereabouts.

    Args:
        state: after the previous frame.
        motion: from the previous frame to this one, on any device.
        frame: (1, 3, H, W), the source's frame, 0..1.
    Returns:
        The start for this frame, and the guide that holds it to what was visible.
    """
    flow, visible = motion.flow_to_previous.to(frame.device), motion.visible.to(frame.device)
    image = warp(state.image, flow).clamp(0, 1)
    moments = torch.cat((state.first_moment, state.second_moment), dim=1)  # (1, 6, H, W)
    first, second = torch.split(warp_smoothly(moments, flow), 3, dim=1)
    fill = repaint(map_colors(frame, image, visible), image)
    start = CarriedState(
        image=torch.where(visible > 0, image, fill),
        first_moment=first * visible,
        second_moment=second,
        step=state.step,
    )
    return start, Guide(image, visible)


def repaint(picture: Tensor, strokes: Tensor) -> Tensor:
    """Put one picture's fine structure on another's shapes and colours.

    Args:
        picture: (1, 3, H, W), 0..1: gives all that is larger than a stroke.
        strokes: (1, 3, H, W), 0..1: gives the rest.
    Returns:
        (1, 3, H, W), 0..1.
    """
    height, width = picture.shape[2:]
    stroke_px = STROKE_SIZE * max(height, width)
    small = (max(1, round(height / stroke_px)), max(1, round(width / stroke_px)))
    coarse = F.interpolate(picture - strokes, size=small, mode="bilinear", antialias=True)
    smooth = F.interpolate(coarse, size=(height, width), mode="bilinear")
    return (strokes + smooth).clamp(0, 1)


def map_colors(frame: Tensor, stylized: Tensor, visible: Tensor) -> Tensor:
    """Give a source frame the colours of its stylised picture, by the affine map that fits best where visible.

    Args:
        frame, stylized: (1, 3, H, W), 0..1.
        visible: (1, 1, H, W); with hardly a visible pixel the frame is returned as it is.
    Returns:
        (1, 3, H, W), 0..1.
    """
    weight = visible.flatten()  # (N,)
    if float(weight.sum()) < 0.01 * weight.numel():
        return frame
    colors = torch.cat((frame, torch.ones_like(frame[:, :1])), dim=1).flatten(2)[0].T  # (N, 4)
    weighted = colors * weight[:, None]
    ridge = 1e-4 * weight.sum() * torch.eye(4, device=frame.device)
    normal = weighted.T @ colors + ridge  # (4, 4)
    right = weighted.T @ stylized.flatten(2)[0].T  # (4, 3)
    matrix: Tensor = torch.linalg.solve(normal.cpu(), right.cpu()).to(frame.device)  # (4, 3)
    return (colors @ matrix).clamp(0, 1).T.reshape(frame.shape)


def stylize_sequence(
    frames: Iterable[tuple[Frame, Motion | None]],
    state: SequenceState | None,
    vgg: VGG19,
    targets: StyleTargets,
    settings: Settings,
) -> Iterator[tuple[FrameResult, SequenceState]]:
    """Stylise frames in order; into a frame without motion nothing is carried.

    Args:
        frames: with their motion from the frame before, as `with_motion` gives them.
        state: where an earlier run stopped, or None. With a state, the first frame's motion, if it has
            one, must be from the state's frame.
        vgg, targets, settings: as for `optimize_frame`.
    Yields:
        Each result, and the state to go on from.
    """
    for frame, motion in frames:
        began = time.perf_counter()
        image = frame.image.to(next(vgg.buffers()).device)
        neighbours: tuple[float, ...] = ()
        if state is None or motion is None:
            optimized = optimize_cold(vgg, image, frame.index, targets, settings)
        else:
            neighbours = state.recent_losses
            start, guide = carry(state.carried, motion, image)
            optimized = optimize_frame(vgg, image, start, guide, targets, settings, settings.optimizer.iterations)
        redone = _stands_out(optimized.losses, neighbours, settings.optimizer.guard)
        if redone:
            optimized = _better(optimized, optimize_cold(vgg, image, frame.index, targets, settings))
        result = FrameResult(
            index=frame.index,
            image=optimized.state.image,
            losses=optimized.losses,
            iterations=optimized.iterations,
            seconds=time.perf_counter() - began,
            redone=redone,
            repaired=frame.repaired,
        )
        losses = (*neighbours, optimized.losses.appearance)[-NEIGHBOURS:]
        state = SequenceState(frame.index, optimized.state, losses)
        yield result, state


def _stands_out(losses: FrameLosses, neighbours: tuple[float, ...], guard: float) -> bool:
    return bool(guard and neighbours) and losses.appearance > guard * statistics.median(neighbours)


def _better(first: Optimized, second: Optimized) -> Optimized:
    """The one with the lower loss, at the cost of both."""
    best = min(first, second, key=lambda optimized: optimized.losses.appearance)
    return Optimized(best.state, best.losses, first.iterations + second.iterations)
