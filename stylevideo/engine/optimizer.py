"""One picture at one size: the optimiser with its moments in our hands.

Knows one frame and its loss; knows nothing of videos, flow or files.

D. P. Kingma, J. Ba: Adam, a method for stochastic optimization (2015), arXiv:1412.6980.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from stylevideo.engine.frame_losses import FrameLosses
from stylevideo.engine.looks import network_tiles, step_of, surroundings_of
from stylevideo.engine.objective import LossTerms, Objective, TemporalTarget
from stylevideo.engine.targets import SourceShares, StrokeField, StyleTargets
from stylevideo.engine.terms import Rest
from stylevideo.models.vgg import VGG19
from stylevideo.ops.pyramid import resize
from stylevideo.ops.regions import Regions
from stylevideo.ops.tiles import Tile, between
from stylevideo.rectangle import Rectangle
from stylevideo.settings.direction import weighted_by
from stylevideo.settings.sections import OptimizerSettings
from stylevideo.settings.settings import Settings

CHECK_EVERY = 4
"""Iterations between two looks at the loss: each look makes a GPU wait for the host."""
REMATCH_EVERY = 20
"""Iterations after which a picture that is still changing is matched with the styles anew."""
LBFGS_HISTORY = 20


@dataclass(frozen=True)
class CarriedState:
    """What passes from one frame to the next.

    Attributes:
        image: (1, 3, H, W), the stylised frame, 0..1.
        first_moment: (1, 3, H, W), Adam's.
        second_moment: (1, 1, H, W), or (1, 3, H, W) with one for each channel.
        step: how many steps the moments have seen, for Adam's bias correction.
    """

    image: Tensor
    first_moment: Tensor
    second_moment: Tensor
    step: int

    @classmethod
    def fresh(cls, image: Tensor) -> CarriedState:
        """A picture without any history, whose moments take no memory."""
        nothing = image.new_zeros(()).expand_as(image)
        return cls(image, nothing, nothing, 0)

    def to(self, device: torch.device | str) -> CarriedState:
        """The same on another device."""
        return CarriedState(
            self.image.to(device), self.first_moment.to(device), self.second_moment.to(device), self.step
        )

    def resized(self, size: tuple[int, int]) -> CarriedState:
        """The same at another height and width.

        The loss is a mean over the picture, so a gradient shrinks as the number of pixels grows: the
        moments are scaled to what they would be at the new size.
        """
        if _size(self.image) == size:
            return self
        shrink = self.image[0, 0].numel() / (size[0] * size[1])
        return CarriedState(
            image=resize(self.image, size),
            first_moment=_interpolate(self.first_moment, size) * shrink,
            second_moment=_interpolate(self.second_moment, size) * shrink**2,
            step=self.step,
        )


@dataclass(frozen=True)
class Optimized:
    """A picture that is optimised.

    Attributes:
        state: the picture and its moments.
        losses: as last evaluated; not finite where anything of the state is not.
        iterations: VGG evaluations (forward and backward) it cost.
    """

    state: CarriedState
    losses: FrameLosses
    iterations: int


@dataclass(frozen=True)
class MovingParts:
    """What of a picture is to be optimised, and what remains.

    Attributes:
        boxes: no two share a pixel; their corners are multiples of what `step_of` says, or the picture's own.
        rest: of the remaining picture.
    """

    boxes: tuple[Rectangle, ...]
    rest: Rest


@dataclass(frozen=True)
class AdamNumbers:
    """Adam's own numbers (Kingma and Ba 2015, algorithm 1); the step may be one for each pixel, (1, 1, H, W)."""

    learning_rate: float | Tensor
    beta1: float
    beta2: float
    epsilon: float

    def within(self, box: Rectangle) -> AdamNumbers:
        """Those of a part of the picture."""
        rate = self.learning_rate
        return replace(self, learning_rate=box.of(rate) if isinstance(rate, Tensor) else rate)

    @classmethod
    def of_start(cls, settings: Settings) -> AdamNumbers:
        """For a frame that follows none."""
        options = settings.optimizer
        return cls(options.learning_rate, options.beta1, options.beta2, options.epsilon)

    @classmethod
    def of_following(cls, settings: Settings) -> AdamNumbers:
        """For a frame that follows another."""
        return replace(
            cls.of_start(settings),
            learning_rate=settings.temporal.following_learning_rate,
            beta1=settings.temporal.following_beta1,
        )


class FrameOptimizer:
    """Optimises frames: one network, one look.

    Args:
        vgg: the network, on its device.
        targets: the styles.
        settings: losses and optimiser.
        regions: where each look is painted, at the size of the frame; nothing beside them changes. None where
            all styles are one look everywhere.
        field: which way strokes should run, at the frame's size, as in `stylevideo.ops.orientation`; or None.
    Attributes:
        settings, regions: as they were given.
    """

    def __init__(
        self,
        vgg: VGG19,
        targets: StyleTargets,
        settings: Settings,
        regions: Regions | None = None,
        field: Tensor | None = None,
    ) -> None:
        self.settings, self.regions = settings, regions
        self._field = field
        self._vgg, self._targets = vgg, targets

    def optimize(
        self,
        frame: Tensor,
        start: CarriedState,
        guide: TemporalTarget | None,
        iterations: int,
        numbers: AdamNumbers | None = None,
        moving: MovingParts | None = None,
    ) -> Optimized:
        """Optimise one frame from a given start, at the start's size.

        Args:
            frame: (1, 3, H, W), the source's frame, 0..1.
            start: where to begin, with the moments to go on with.
            guide: what earlier frames say, or None.
            iterations: at most so many VGG evaluations; L-BFGS ends the line search it is in.
            numbers: Adam's; those of a frame that follows none if not given.
            moving: what of the frame is optimised, by Adam; the rest stays as it is. None is all of it.
        """
        boxes, rest = (moving.boxes, moving.rest) if moving else (None, None)
        objective = self._objective(frame, guide, boxes, rest)
        if self.settings.optimizer.optimizer == "lbfgs":
            return _optimize_lbfgs(objective, start, iterations)
        numbers = numbers or AdamNumbers.of_start(self.settings)
        boxes = boxes or (Tile.whole(_size(frame)).own,)
        return _optimize_adam(objective, start, numbers, self.settings.optimizer, iterations, boxes)

    def begun(self, state: CarriedState, frame: Tensor, known: Tensor | None = None) -> CarriedState:
        """What a frame begins with: beside what is painted, the source's frame.

        Args:
            state: of the frame's size.
            frame: (1, 3, H, W), the source's, 0..1.
            known: (1, 1, H, W), bool, what stays as it is though it is not painted now; nothing if not given.
        """
        painted = self.painted(_size(frame), frame.device)
        if painted is None:
            return state
        image = torch.where(painted if known is None else painted | known, state.image, frame)
        return replace(state, image=image, first_moment=state.first_moment * painted)

    def painted(self, size: tuple[int, int], device: torch.device) -> Tensor | None:
        """Where a frame of this height and width is painted: (1, 1, H, W), bool; None where it is everywhere."""
        if self.regions is None:
            return None
        return (self.regions.at(size).amax(1, keepdim=True) > 0).to(device, non_blocking=True)

    def at_rest(self, frame: Tensor, image: Tensor, boxes: Sequence[Rectangle]) -> Rest:
        """What of a picture (1, 3, H, W) adds to the loss that lies beside some boxes."""
        resting = tuple(between(boxes, _size(image)))
        return self._objective(frame, None, (*resting, *boxes)).at_rest(image, resting)

    def cost(self, size: tuple[int, int], boxes: Sequence[Rectangle]) -> float:
        """How much an evaluation of some boxes costs, in parts of one of a whole picture of this height and width."""
        seen, whole = (sum(tile.seen.pixels for tile in self._tiles(size, parts)) for parts in (boxes, None))
        return seen / whole

    @property
    def step_px(self) -> int:
        """Pixels of which boxes' corners are multiples."""
        return step_of(self.settings.losses.layers)

    @property
    def surroundings_px(self) -> int:
        """That are seen around a box."""
        return surroundings_of(self.settings.losses.layers)

    def _objective(
        self,
        frame: Tensor,
        guide: TemporalTarget | None,
        parts: Sequence[Rectangle] | None = None,
        rest: Rest | None = None,
    ) -> Objective:
        losses, direction, size = self.settings.losses, self.settings.direction, _size(frame)
        regions = self.regions.fitted(size) if self.regions else None
        looks = (regions.parts, regions.painted) if regions else ()
        style = self._targets.at(size, direction.style_weights, *looks)
        if regions and regions.strength is not None:
            strength = regions.strength.to(frame.device, non_blocking=True)
            style = replace(style, source=SourceShares.of(strength, direction.strength, losses))
            losses = weighted_by(0.0, losses)
        if strokes := self._strokes_at(frame):
            style = style.steered(strokes)
        return Objective(self._vgg, frame, style, guide, losses, self.settings.optimizer.tile_px, parts, rest)

    def _strokes_at(self, frame: Tensor) -> StrokeField | None:
        if self._field is None:
            return None
        field = _interpolate(self._field.to(frame.device), _size(frame))
        return StrokeField(field, self._targets.contrast(_size(frame), self.settings.direction.style_weights))

    def _tiles(self, size: tuple[int, int], parts: Sequence[Rectangle] | None) -> tuple[Tile, ...]:
        return network_tiles(size, self.settings.optimizer.tile_px, self.settings.losses.layers, parts)


def _optimize_adam(
    objective: Objective,
    start: CarriedState,
    numbers: AdamNumbers,
    options: OptimizerSettings,
    iterations: int,
    boxes: Sequence[Rectangle],
) -> Optimized:
    """Adam (algorithm 1) within boxes, going on with the moments and the step count that the start brings."""
    image, first = start.image.clone().contiguous(), start.first_moment.clone()
    if options.second_moment == "pixel":
        second = start.second_moment.mean(dim=1, keepdim=True)  # (1, 1, H, W)
    else:
        second = start.second_moment.clone()
    looked_at, looked_after = torch.tensor(torch.inf), 0
    for done in range(1, iterations + 1):
        if done % REMATCH_EVERY == 1:
            objective.rematch()
        losses, gradient = objective.value_and_grad(image)
        if objective.evenness is not None:
            gradient *= objective.evenness
        for box in boxes:
            own = [box.of(maps) for maps in (image, first, second, gradient)]
            _step(own[0], own[1], own[2], own[3], numbers.within(box), start.step + done)
        del gradient  # a large picture's is as large as the picture, and not needed while the next is found
        if options.tolerance > 0 and (done == 1 or done % CHECK_EVERY == 0):
            total = losses.total
            if done >= options.min_iterations and done > 1:
                gain = float((looked_at - total) / looked_at) / (done - looked_after)
                if 0 <= gain < options.tolerance:  # a loss that rises is still on its way
                    break
            looked_at, looked_after = total, done
    return _optimized(CarriedState(image, first, second, start.step + done), losses, done)


def _step(image: Tensor, first: Tensor, second: Tensor, gradient: Tensor, numbers: AdamNumbers, count: int) -> None:
    """Change a picture and its moments, in place, by a gradient: the step with this number, from 1 on.

    The second moment is one for each channel, as the picture, or (1, 1, H, W).
    """
    first.lerp_(gradient, 1 - numbers.beta1)
    square = gradient.square()
    second.lerp_(square if second.shape == square.shape else square.mean(dim=1, keepdim=True), 1 - numbers.beta2)
    step = torch.div(first, 1 - numbers.beta1**count, out=square)
    step *= numbers.learning_rate
    step /= (second / (1 - numbers.beta2**count)).sqrt_().add_(numbers.epsilon)
    image -= step
    image.clamp_(0, 1)


def _optimize_lbfgs(objective: Objective, start: CarriedState, iterations: int) -> Optimized:
    """L-BFGS with a strong-Wolfe line search; keeps no moments."""
    image = start.image.clone().contiguous().requires_grad_()
    optimizer = torch.optim.LBFGS(
        [image],
        max_iter=iterations,
        max_eval=iterations,
        history_size=LBFGS_HISTORY,
        line_search_fn="strong_wolfe",
        tolerance_grad=0,
        tolerance_change=0,
    )
    evaluations = 0

    def closure() -> Tensor:
        nonlocal evaluations
        losses, image.grad = objective.value_and_grad(image)
        evaluations += 1
        return losses.total

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    finished = image.detach().clamp_(0, 1)
    return _optimized(CarriedState.fresh(finished), objective.value(finished), evaluations)


def _optimized(state: CarriedState, losses: LossTerms, iterations: int) -> Optimized:
    """What was reached. The host waits for the device once, for the losses, which tell of the state too.

    They are those before the last step, and a moment that is infinite leaves the picture as it is.
    """
    maps = (state.image, state.first_moment, state.second_moment)
    largest = torch.stack([torch.linalg.vector_norm(values, torch.inf) for values in maps])  # NaN if any value is
    beyond = (0 * largest).sum()  # NaN where any value is not finite
    return Optimized(state, replace(losses, terms=losses.terms + beyond).numbers(), iterations)


def _interpolate(values: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize maps of any range without overshoot."""
    return values if _size(values) == size else F.interpolate(values, size=size, mode="bilinear", align_corners=False)


def _size(image: Tensor) -> tuple[int, int]:
    return image.shape[2], image.shape[3]
