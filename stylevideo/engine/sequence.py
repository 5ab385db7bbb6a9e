"""Frames in order: the picture and the optimiser's moments travel along the optical flow, shot by shot.

Knows frames with their motion; knows nothing of files, of flow, or of how cuts are found.

M. Ruder, A. Dosovitskiy, T. Brox: Artistic style transfer for videos (2016), arXiv:1604.08610, for the
warm start, the visibility and the temporal term. Carrying Adam's moments along is our own.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from stylevideo.engine.carry import BlendTarget, Carried, Reference, blended, carry, extended_motion
from stylevideo.engine.frame_losses import FrameLosses
from stylevideo.engine.given.spread import Spread, blend_weight
from stylevideo.engine.objective import TemporalTarget
from stylevideo.engine.optimizer import AdamNumbers, CarriedState, FrameOptimizer
from stylevideo.engine.resting import Resting, boxes_to_paint, cell_of, easing, moving_cells, put_to_rest
from stylevideo.engine.strokes.boil import stirred
from stylevideo.engine.targets import StyleTargets
from stylevideo.errors import PaintingError
from stylevideo.models.vgg import VGG19
from stylevideo.motion.estimate import REFERENCES, Motion, is_reference
from stylevideo.motion.frame import Frame
from stylevideo.ops.margin import with_margin, without_margin
from stylevideo.ops.pyramid import resize, scale_ladder
from stylevideo.settings.over_time import AsksFrames
from stylevideo.settings.schema import LARGEST_NUMBER
from stylevideo.settings.sections import OptimizerSettings
from stylevideo.settings.settings import Settings

NEIGHBOURS = 5
"""How many frames back the guard looks."""
RESTART_ABOVE_NEW = 0.75
"""A frame of which more than this part is new begins like a shot's first."""
HARDLY_NEW = 1e-3
"""Part of a frame up to which what is new is not painted while strokes are held: borders of what moves are soft."""
CONVERGED_AFTER = 160
"""Iterations after which a pixel is held in full."""
FIRM_STEP_SHARE = 0.25
"""Step of a pixel that is held in full, in parts of a new one's: a larger one only makes it waver."""

TURNING_HELD = 16.0
"""Temporal weight while one look turns into another, times as much: strokes of its own would be neither's."""


@dataclass(frozen=True)
class PaintedFrame:
    """A stylised frame.

    Attributes:
        index: among the frames that are meant.
        image: (1, 3, H, W), RGB, 0..1.
        losses: as last evaluated.
        iterations: VGG evaluations (forward and backward) it cost; the first frame of a turn, of looks or of a looped
            film, bears those of making the turn's frames backwards too.
        seconds: wall time it took, likewise.
        redone: whether the guard had it done a second time.
        repaired: whether its source could not be decoded and the last good frame stood in.
        notes: what was not as it should be in its source's file, as sentences.
    """

    index: int
    image: Tensor
    losses: FrameLosses
    iterations: int
    seconds: float
    redone: bool
    repaired: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SequenceState:
    """All that is needed in order to go on after a frame.

    Attributes:
        index: of the frame, among those that are meant.
        last_moved: index of the last frame that differed from the one it was compared with; the next one is compared
            with it.
        carried: the picture and its moments, margin included.
        convergence: (1, 1, H, W), margin included, the part of `CONVERGED_AFTER` iterations that each pixel has seen
            since it was new, as far as that is known: 1 after a cold start.
        losses: of the picture.
        recent_losses: appearance losses of the shot's last frames, oldest first, for the guard.
        references: older results of the shot, oldest first, for what reappears.
        resting: what must be known so that parts of the next frame may rest; None where none may.
        origin: index of the frame from which references are counted.
        spread: what the frame shows of a picture that was given; None where none was.
        strokes_changed: index of the last frame whose strokes changed, see `--hold-strokes`; None for this one.
        directions: as of `Directions.known`.
    """

    index: int
    last_moved: int
    carried: CarriedState
    convergence: Tensor
    losses: FrameLosses
    recent_losses: tuple[float, ...]
    references: tuple[Reference, ...] = ()
    resting: Resting | None = None
    origin: int = 0
    spread: Spread | None = None
    strokes_changed: int | None = None
    directions: Tensor | None = None

    def holds_strokes(self, index: int, frames: int) -> bool:
        """Whether the next frame, of this index, keeps its strokes, where they change every so many frames."""
        return abs(index - self.last_change) < frames

    @property
    def last_change(self) -> int:
        """Index of the last frame whose strokes changed."""
        return self.index if self.strokes_changed is None else self.strokes_changed


def as_reference(result: PaintedFrame) -> Reference:
    """A result as the film has it, rounded to 8 bits by way of 16, as `to_picture` does; stays on its device."""
    deep = (result.image * 65535).round()
    return Reference(result.index, (deep + 128).div(257, rounding_mode="floor").byte())


def stylize_sequence(
    frames: Iterable[tuple[Frame, Motion | None]],
    state: SequenceState | None,
    vgg: VGG19,
    targets: StyleTargets,
    settings: AsksFrames,
    blends: Mapping[int, BlendTarget] | None = None,
    given: Mapping[int, Tensor] | None = None,
) -> Iterator[tuple[PaintedFrame, SequenceState]]:
    """Stylise frames in order; into a frame without motion nothing is carried, and a blank one stays as it is.

    Where the source stands still and no setting changes, the film repeats its frame; else a frame follows the one
    before, and if too much of it is new, such as behind a cut that nobody found, or its numbers are not finite, it
    begins like a shot's first.

    Args:
        frames: with their motion from the frames before, as `with_motion` gives them.
        state: where an earlier run stopped, or None. With a state, the first frame's motion, if it has
            one, must be from the state's frame.
        vgg, targets: as for `FrameOptimizer`.
        settings: what each frame is asked for, whole or over time.
        blends: what some frames shall turn into, by their index; a frame that begins like a shot's first is
            not blended, and the guard leaves a blended frame alone as long as its numbers are finite.
        given: pictures (1, 3, H, W), 0..1, that are the results of some frames, by their index; nothing of what was
            before is carried over such a frame, and references are counted from it.
    Yields:
        Each result, and the state to go on from; both are finite.
    Raises:
        PaintingError: a frame's loss, picture or moments are not finite although it follows none.
    """
    for frame, motion in frames:
        if frame.is_blank:
            result = _as_it_is(frame)
            state = _after_blank(result, state)
            yield result, state
            continue
        began = time.perf_counter()
        image = with_margin(frame.image.to(next(vgg.buffers()).device))
        regions = frame.regions and frame.regions.with_margin
        known, field = _directed(targets, frame, motion, state)
        blend = blends.get(frame.index) if blends else None
        optimizer = FrameOptimizer(vgg, targets, _asked(settings.at(frame.index), blend), regions, field)
        if motion is None:
            state = None  # nothing is carried over a cut
        painted = None
        if given and frame.index in given:
            state, painted = None, take(given[frame.index], frame.index, image, optimizer)
        if state is not None and motion is not None:
            where = max(frame.index, state.index)  # frames may go backwards
            changes = settings.changes_at(where) or (regions is not None and regions.changes)
            if changes:  # what rests has another look, and losses by other weights, or of less, are not compared
                state = replace(state, resting=None, recent_losses=())
            same = None if changes or _lives(state, frame, optimizer) else repeat(state, motion, blend)
            painted = same or follow(state, image, frame, motion, optimizer, blend)
        painted = painted or restart(image, frame.index, optimizer)
        if not painted.losses.is_finite:
            raise PaintingError(
                "its loss or its moments are not finite, not even where it is begun anew. Add --restart with "
                "--precision fp32, a smaller --learning-rate or smaller weights."
            )
        result = PaintedFrame(
            index=frame.index,
            image=without_margin(painted.state.image).contiguous(),
            losses=painted.losses,
            iterations=painted.iterations,
            seconds=time.perf_counter() - began,
            redone=painted.redone,
            repaired=frame.repaired,
            notes=frame.notes,
        )
        stands = state is not None and motion is not None and motion.still
        origin = frame.index if given and frame.index in given else state.origin if state else 0
        state = SequenceState(
            index=frame.index,
            last_moved=state.last_moved if state is not None and stands else frame.index,
            carried=painted.state,
            convergence=painted.convergence,
            losses=painted.losses,
            recent_losses=(*painted.before, painted.losses.appearance)[-NEIGHBOURS:],
            references=_referring_to(result, frame.strength, state.references if state else (), origin),
            resting=painted.resting or Resting.after(frame),
            origin=origin,
            spread=painted.spread,
            strokes_changed=state.last_change if state is not None and painted.holds else None,
            directions=known,
        )
        yield result, state


def _asked(settings: Settings, blend: BlendTarget | None) -> Settings:
    """What a frame is asked for; one that turns into another look is held to where it is on its way."""
    if blend is None or not blend.is_look:
        return settings
    held = settings.losses.temporal_weight * TURNING_HELD
    return settings.with_values(temporal_weight=min(held, LARGEST_NUMBER))


def _directed(
    targets: StyleTargets, frame: Frame, motion: Motion | None, state: SequenceState | None
) -> tuple[Tensor | None, Tensor | None]:
    """What is known of the way strokes should run in a frame, and the field for it; neither where any way is right."""
    if targets.directions is None:
        return None, None
    known = targets.directions.known(frame, motion, state.directions if state else None)
    return known, targets.directions.field(known, (frame.image.shape[2], frame.image.shape[3]))


@dataclass(frozen=True)
class PaintedWithMargin:
    """A painted frame, its margin included.

    Attributes:
        state, losses: as of `Optimized`.
        iterations: VGG evaluations it cost, at any scale.
        convergence: as of `SequenceState`.
        before: appearance losses of the frames that it continues, oldest first; none where it begins anew.
        redone: as of `PaintedFrame`.
        resting: as of `SequenceState`; None where the frame was painted as a whole.
        spread: as of `SequenceState`.
        holds: whether its strokes are those of the frame before.
    """

    state: CarriedState
    losses: FrameLosses
    iterations: int
    convergence: Tensor
    before: tuple[float, ...] = ()
    redone: bool = False
    resting: Resting | None = None
    spread: Spread | None = None
    holds: bool = False


def repeat(state: SequenceState, motion: Motion, blend: BlendTarget | None) -> PaintedWithMargin | None:
    """The previous result as it is, where the source stands still and nothing is blended in; else None."""
    if not motion.still or blend is not None:
        return None
    return _repeated(state)


def _repeated(state: SequenceState) -> PaintedWithMargin:
    return PaintedWithMargin(
        *(state.carried, state.losses, 0, state.convergence, state.recent_losses),
        resting=state.resting,
        spread=state.spread,
        holds=True,
    )


def _lives(state: SequenceState, frame: Frame, optimizer: FrameOptimizer) -> bool:
    """Whether a frame's strokes change although its source stands still."""
    strokes = optimizer.settings.strokes
    return strokes.boil > 0 and not state.holds_strokes(frame.index, strokes.hold_strokes)


def follow(
    state: SequenceState,
    image: Tensor,
    frame: Frame,
    motion: Motion,
    optimizer: FrameOptimizer,
    blend: BlendTarget | None,
) -> PaintedWithMargin | None:
    """A frame that follows another; None if too much of it is new.

    The more is new, the more iterations; what is not finished is held less, and takes larger steps, or it would stay
    as it is. Parts in which nothing moves and nothing is unfinished keep their picture and moments. Where strokes are
    held, what is not new is carried along and no more.
    """
    settings, strokes = optimizer.settings, optimizer.settings.strokes
    holds = blend is None and state.holds_strokes(frame.index, strokes.hold_strokes)
    if holds or strokes.boil:
        state = replace(state, resting=None)
    extended = extended_motion(motion, image)
    regions = optimizer.regions.to(image.device) if optimizer.regions else None
    anchor = settings.temporal.anchor
    carried = carry(state.carried, state.convergence, extended, image, state.references, anchor, regions)
    spread = state.spread.moved(extended) if state.spread else None
    finished = carried.convergence
    if strokes.boil and not holds and (blend is None or spread is not None):
        indices = (state.last_change, frame.index)
        carried = stirred(carried, strokes.boil, extended.flow_to_previous, indices, settings.optimizer.seed)
    if spread is not None:  # what is given stays where it is
        carried, finished = spread.over(carried, image), torch.maximum(finished, spread.share)
    painted = optimizer.painted(_size(image), image.device)
    carried = replace(carried, start=optimizer.begun(carried.start, image, carried.convergence > 0))
    new, moving = _told(carried, state if blend is None else None, frame, motion, optimizer)
    if not new <= RESTART_ABOVE_NEW:  # or no number
        return None
    if holds:
        return _held(state, carried, new, image, frame.index, optimizer)
    boxes = None if moving is None else boxes_to_paint(moving, (image.shape[2], image.shape[3]), optimizer)
    if boxes == ():
        return _repeated(state)
    resting, moving_parts = None, None
    if boxes is not None and state.resting is not None:
        carried = carried.within(boxes, state.carried, state.convergence)
        finished = carried.convergence
        spread = spread.within(boxes, state.spread) if spread and state.spread else None
        resting, moving_parts = put_to_rest(state.resting, boxes, frame, image, carried.start.image, optimizer)
    if blend is None:
        start, guide = carried.start, TemporalTarget(carried.held, carried.convergence)
    else:
        start, guide = blended(carried, blend, blend_weight(blend, carried.coverage, spread))
    iterations = settings.optimizer.iterations + round(new * settings.optimizer.new_iterations)
    numbers = AdamNumbers.of_following(settings)
    steps = numbers.learning_rate * (1 - (1 - FIRM_STEP_SHARE) * guide.firmness)  # (1, 1, H, W)
    if boxes is not None:
        steps = steps * easing(boxes, image)
    if spread is not None:
        steps = steps * (1 - spread.share)  # what is given stays as it is
    done = optimizer.optimize(image, start, guide, iterations, replace(numbers, learning_rate=steps), moving_parts)
    seen = done.iterations / CONVERGED_AFTER
    convergence = (finished + (seen if painted is None else seen * painted)).clamp_max(1)
    made = PaintedWithMargin(
        done.state, done.losses, done.iterations, convergence, state.recent_losses, resting=resting, spread=spread
    )
    return _guarded(made, image, frame.index, optimizer, is_blended=blend is not None)


def _held(
    state: SequenceState, carried: Carried, new: float, image: Tensor, index: int, optimizer: FrameOptimizer
) -> PaintedWithMargin:
    """A frame whose strokes are those of the one before, carried along; what is new of it is painted."""
    settings = optimizer.settings
    if new < HARDLY_NEW:
        return PaintedWithMargin(carried.start, state.losses, 0, carried.convergence, state.recent_losses, holds=True)
    guide = TemporalTarget(carried.held, carried.coverage)
    numbers = AdamNumbers.of_following(settings)
    numbers = replace(numbers, learning_rate=numbers.learning_rate * (1 - carried.coverage))
    iterations = settings.optimizer.iterations + round(new * settings.optimizer.new_iterations)
    done = optimizer.optimize(image, carried.start, guide, iterations, numbers)
    seen = done.iterations / CONVERGED_AFTER * (1 - carried.coverage)
    there = optimizer.painted(_size(image), image.device)
    convergence = (carried.convergence + (seen if there is None else seen * there)).clamp_max(1)
    painted = PaintedWithMargin(done.state, done.losses, done.iterations, convergence, state.recent_losses, holds=True)
    return _guarded(painted, image, index, optimizer, is_blended=False)


def _told(
    carried: Carried, state: SequenceState | None, frame: Frame, motion: Motion, optimizer: FrameOptimizer
) -> tuple[float, np.ndarray | None]:
    """How much is new, and which cells move, (rows, columns), bool; the host waits for the device once, for both."""
    new, painted = 1 - without_margin(carried.coverage).mean(), None
    if optimizer.regions is not None:  # in parts of what is painted
        painted = optimizer.painted(_size(carried.coverage), carried.coverage.device)
        cover = without_margin(optimizer.regions.cover).to(carried.coverage.device)
        new = ((1 - without_margin(carried.coverage)) * cover).sum() / cover.sum()
    cells = None
    if state is not None and state.resting is not None:
        cells = moving_cells(state.resting, frame, motion, carried, state.convergence, cell_of(optimizer), painted)
    if cells is None:
        return float(new), None
    told = torch.cat((new[None], cells.flatten())).cpu()
    return float(told[0]), told[1:].view(cells.shape).numpy() > 0


def restart(image: Tensor, index: int, optimizer: FrameOptimizer) -> PaintedWithMargin:
    """A frame that follows none, from coarse to fine: coarse scales decide the composition.

    Begins with the source's frame, with noise where the settings ask for it.

    Args:
        image: (1, 3, H, W), the source's frame, 0..1.
        index: the frame's index, which varies the noise.
        optimizer: with the look of the frame.
    """
    scales, options = optimizer.settings.scales, optimizer.settings.optimizer
    *coarse_sizes, full_size = scale_ladder(image.shape[2], image.shape[3], scales.coarsest_size)
    state, spent = CarriedState.fresh(_with_noise(image, index, options)), 0
    for size in coarse_sizes:
        small = resize(image, size)
        coarse = optimizer.optimize(small, optimizer.begun(state.resized(size), small), None, scales.coarse_iterations)
        state, spent = coarse.state, spent + coarse.iterations
    begin, iterations = optimizer.begun(state.resized(full_size), image), options.first_iterations or options.iterations
    done = optimizer.optimize(image, begin, None, iterations)
    convergence, painted = torch.ones_like(image[:, :1]), optimizer.painted(full_size, image.device)
    if painted is not None:
        convergence = convergence * painted
    return PaintedWithMargin(done.state, done.losses, spent + done.iterations, convergence)


def _size(image: Tensor) -> tuple[int, int]:
    return image.shape[2], image.shape[3]


def take(picture: Tensor, index: int, image: Tensor, optimizer: FrameOptimizer) -> PaintedWithMargin:
    """A frame whose result is given. It is looked at, by steps of no length, as often as a frame that follows is.

    So it leaves what the next frame needs: its second moment says how large gradients are there; all of it is finished.

    Args:
        picture: (1, 3, H, W), 0..1, the result.
        index: of the frame.
        image: the source's frame, with its margin.
        optimizer: with the look of the frame.
    """
    options = optimizer.settings
    picture = picture.to(image.device)
    start = CarriedState.fresh(with_margin(picture))
    numbers = replace(AdamNumbers.of_following(options), learning_rate=0.0)
    done = optimizer.optimize(image, start, None, options.optimizer.iterations, numbers)
    state = replace(done.state, image=start.image, first_moment=torch.zeros_like(start.image))
    finished, spread = torch.ones_like(image[:, :1]), Spread.begin(index, picture)
    return PaintedWithMargin(state, done.losses, done.iterations, finished, spread=spread)


def _with_noise(image: Tensor, index: int, options: OptimizerSettings) -> Tensor:
    if options.start_noise == 0:
        return image
    generator = torch.Generator().manual_seed(options.seed + index)
    noise = torch.randn(image.shape, generator=generator).to(image)
    return (image + options.start_noise * noise).clamp(0, 1)


def _guarded(
    painted: PaintedWithMargin, image: Tensor, index: int, optimizer: FrameOptimizer, is_blended: bool
) -> PaintedWithMargin:
    """Where a frame's loss is not finite, or stands out among its neighbours', the better of it and of one anew.

    A blended frame's may stand out.
    """
    limit = 0 if is_blended else optimizer.settings.optimizer.guard
    stands_out = limit and painted.before and painted.losses.appearance > limit * statistics.median(painted.before)
    if painted.losses.is_finite and not stands_out:
        return painted
    anew = restart(image, index, optimizer)
    best = min(painted, anew, key=lambda made: made.losses.appearance if made.losses.is_finite else math.inf)
    return replace(best, iterations=painted.iterations + anew.iterations, before=painted.before, redone=True)


def leave_as_they_are(
    frames: Iterable[tuple[Frame, Motion | None]],
) -> Iterator[tuple[PaintedFrame, SequenceState]]:
    """Frames that nothing is painted on, for `--iterations 0`: what comes out is the source, pixel by pixel.

    Yields:
        As `stylize_sequence`, with losses of zero, since nothing is evaluated.
    """
    for frame, _ in frames:
        result = _as_it_is(frame)
        yield result, nothing_carried(result)


def nothing_carried(result: PaintedFrame) -> SequenceState:
    """The state after a frame that none is painted from."""
    carried = CarriedState.fresh(result.image[..., :1, :1].clone())  # nobody looks at it
    convergence = torch.ones_like(carried.image[:, :1])
    return SequenceState(result.index, result.index, carried, convergence, result.losses, recent_losses=())


def _as_it_is(frame: Frame) -> PaintedFrame:
    nothing = FrameLosses(total=0, appearance=0, style=0, content=0, structure=0, tv=0, temporal=0)
    return PaintedFrame(
        frame.index,
        frame.image,
        nothing,
        0,
        seconds=0,
        redone=False,
        repaired=frame.repaired,
        notes=frame.notes,
    )


def _after_blank(result: PaintedFrame, state: SequenceState | None) -> SequenceState:
    """The state to go on from after a frame that stays as it is: that of the picture before it, if there is one."""
    if state is not None:
        return replace(state, index=result.index)
    image = with_margin(result.image)
    fresh, convergence = CarriedState.fresh(image), torch.ones_like(image[:, :1])
    return SequenceState(result.index, result.index, fresh, convergence, result.losses, recent_losses=())


def _referring_to(
    result: PaintedFrame, strength: float, references: tuple[Reference, ...], origin: int
) -> tuple[Reference, ...]:
    """The references for the frames that follow."""
    kept = (*references, as_reference(result))[-REFERENCES:]
    return kept if is_reference(result.index, strength, origin) else references
