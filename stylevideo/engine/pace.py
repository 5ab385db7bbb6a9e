"""How long painting takes on a device, measured by painting a few small made-up frames, and what work there is.

Knows costs that grow in a line with a picture's pixels; knows nothing of clips, files, decoding and encoding.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from stylevideo.engine.objective import Objective
from stylevideo.engine.optimizer import REMATCH_EVERY
from stylevideo.engine.sequence import stylize_sequence
from stylevideo.engine.targets import StylePicture, StyleTargets
from stylevideo.models.vgg import VGG19
from stylevideo.motion.estimate import Motion, following
from stylevideo.motion.flow import MotionSource
from stylevideo.motion.frame import Frame
from stylevideo.ops.margin import painted_size, with_margin
from stylevideo.ops.pyramid import scale_ladder
from stylevideo.settings.settings import Settings
from stylevideo.system.device import wait_for
from stylevideo.system.heartbeat import beat
from stylevideo.work import COSTS, Work

EDGES_PX = {"cpu": (128, 256)}
"""Long edges of the frames that are painted for it, by the device's type."""
LARGE_EDGES_PX = (384, 768)
"""Likewise on any other, which small pictures leave idle."""
EVALUATIONS = 5
LONG_ENOUGH_S = 3.0
MOST_ROUNDS = 5
"""Each time is the least of so many rounds; no other is begun once they have taken long enough."""
SHIFT_PX = 3
QUICK: dict[str, Any] = {
    **{"coarsest_size": 0, "new_iterations": 0, "tolerance": 0.0, "guard": 0.0, "start_noise": 0.0, "loop": False}
}


def cold_frame(settings: Settings, size: tuple[int, int]) -> Work:
    """A frame of this height and width that follows none, with as many iterations as it may have."""
    options = settings.optimizer
    *coarse, full = scale_ladder(*painted_size(*size), settings.scales.coarsest_size)
    counts: Counter[tuple[str, int]] = Counter()
    for each in coarse:
        counts.update(_optimisation(math.prod(each), settings.scales.coarse_iterations))
    counts.update(_optimisation(math.prod(full), options.first_iterations or options.iterations))
    return Work(counts)


def following_frame(settings: Settings, size: tuple[int, int], new: float) -> Work:
    """A frame of this height and width that follows another, of which this part is new."""
    pixels = math.prod(painted_size(*size))
    iterations = settings.optimizer.iterations + round(new * settings.optimizer.new_iterations)
    counts = _optimisation(pixels, iterations)
    del counts["start", pixels]
    return Work(counts | Counter({("following", pixels): 1, ("motion", pixels): 1}))


def targets_of(settings: Settings, size: tuple[int, int]) -> Work:
    """What the styles are asked for once in a clip of this height and width."""
    sizes = scale_ladder(*painted_size(*size), settings.scales.coarsest_size)
    return Work(Counter({("targets", math.prod(each)): 1 for each in sizes}))


def _optimisation(pixels: int, iterations: int) -> Counter[tuple[str, int]]:
    searches = max(0, math.ceil(iterations / REMATCH_EVERY) - 1)
    return Counter({("start", pixels): 1, ("search", pixels): searches, ("evaluation", pixels): iterations})


@dataclass(frozen=True)
class Pace:
    """How long each of `COSTS` takes.

    Attributes:
        lines: by cost, seconds whatever the size, and seconds more for each painted pixel.
    Raises:
        ValueError: a cost is missing or unknown, or its numbers are no times.
    """

    lines: Mapping[str, tuple[float, float]]

    def __post_init__(self) -> None:
        numbers = [number for line in self.lines.values() for number in line]
        if set(self.lines) != set(COSTS) or len(numbers) != 2 * len(COSTS):
            raise ValueError(f"costs are {', '.join(self.lines)}")
        if not all(isinstance(number, float) and 0 <= number < math.inf for number in numbers):
            raise ValueError("times are finite numbers from 0 on")

    def seconds(self, work: Work, motion_threads: int = 0) -> float:
        """How long work takes.

        Args:
            work: to be done.
            motion_threads: that find motion while frames are painted; 0 where both take the same cores by turns.
        """
        spent = dict.fromkeys(COSTS, 0.0)
        for (cost, pixels), count in work.counts.items():
            fixed, slope = self.lines[cost]
            spent[cost] += count * (fixed + slope * pixels)
        painting = sum(spent.values()) - spent["motion"]
        return max(painting, spent["motion"] / motion_threads) if motion_threads else painting + spent["motion"]


def measure_pace(
    vgg: VGG19, settings: Settings, source: MotionSource | None, clock: Callable[[], float] = time.perf_counter
) -> Pace:
    """Find out how long painting takes here: some seconds, on a card less.

    Args:
        vgg: the network, on its device.
        settings: by which is painted; sizes and numbers of iterations do not count.
        source: finds motion; None where nothing is carried.
        clock: tells seconds.
    """
    edges = EDGES_PX.get(vgg.mean.device.type, LARGE_EDGES_PX)
    sizes = [(round(edge * 9 / 16), edge) for edge in edges]
    spent = [_Measured(vgg, settings, source, clock, size).least() for size in sizes]
    pixels = [math.prod(painted_size(*size)) for size in sizes]
    return Pace({cost: _line(pixels, [each[cost] for each in spent]) for cost in COSTS})


class _Measured:
    """Frames of one size that are painted by the clock."""

    def __init__(
        self,
        vgg: VGG19,
        settings: Settings,
        source: MotionSource | None,
        clock: Callable[[], float],
        size: tuple[int, int],
    ) -> None:
        self._vgg, self._settings, self._source, self._clock = vgg, settings.with_values(**QUICK), source, clock
        self._device = vgg.mean.device
        plain = _texture(size)
        self._frames = [Frame(index, plain.roll(SHIFT_PX * index, dims=3)) for index in range(2)]
        self._style = StylePicture(_texture((2 * size[1], 2 * size[1])).to(self._device), 1.0)

    def least(self) -> dict[str, float]:
        """The least seconds of each cost."""
        self._warm_up()
        began, rounds = time.perf_counter(), list[dict[str, float]]()
        while not rounds or (len(rounds) < MOST_ROUNDS and time.perf_counter() - began < LONG_ENOUGH_S):
            rounds.append(self._round(self._targets()))
        return {cost: min(each[cost] for each in rounds) for cost in COSTS}

    def _warm_up(self) -> None:
        """What only the first frame of a size takes."""
        next(self._painted([(self._frames[0], None)], self._targets(), 1))

    def _targets(self) -> StyleTargets:
        return StyleTargets(self._vgg, [self._style], self._settings.losses, self._settings.strokes.stroke_size)

    def _round(self, targets: StyleTargets) -> dict[str, float]:
        image = with_margin(self._frames[0].image.to(self._device))
        of_targets, style = self._timed(lambda: targets.at((image.shape[2], image.shape[3])))
        motion, prepared = self._timed(self._with_motion)
        (cold, _), (follow, _) = self._painted(prepared, targets, 1)
        ((longer, iterations),) = self._painted(prepared[:1], targets, EVALUATIONS)
        evaluation = max(0.0, longer - cold) / max(1, iterations - 1)
        objective = Objective(self._vgg, image, style, None, self._settings.losses)
        searching, _ = self._timed(lambda: objective.value_and_grad(image))
        return {
            "targets": of_targets,
            "start": max(0.0, cold - evaluation),
            "search": max(0.0, searching - evaluation),
            "evaluation": evaluation,
            "following": max(0.0, follow - evaluation),
            "motion": motion if self._source else 0.0,
        }

    def _with_motion(self) -> list[tuple[Frame, Motion | None]]:
        """A frame, and one that follows it and looks back at it too."""
        first, second = following(self._frames, self._source is not None)
        return [(first.frame, None), (second.frame, second.motion(self._source) if self._source else None)]

    def _painted(
        self, prepared: list[tuple[Frame, Motion | None]], targets: StyleTargets, iterations: int
    ) -> Iterator[tuple[float, int]]:
        """Seconds and evaluations of each frame."""
        settings = self._settings.with_values(iterations=iterations, first_iterations=iterations)
        results = stylize_sequence(iter(prepared), None, self._vgg, targets, settings)
        for _ in prepared:
            seconds, (painted, _) = self._timed(lambda: next(results))
            yield seconds, painted.iterations

    def _timed(self, do: Callable[[], Any]) -> tuple[float, Any]:
        beat()
        wait_for(self._device)
        began = self._clock()
        result = do()
        wait_for(self._device)
        return self._clock() - began, result


def _texture(size: tuple[int, int]) -> torch.Tensor:
    """A made-up picture (1, 3, H, W), 0..1, with things of several sizes."""
    generator = torch.Generator().manual_seed(0)
    layers = []
    for step in (2, 8, 32):
        small = torch.rand(1, 3, *(max(2, edge // step) for edge in size), generator=generator)
        layers.append(F.interpolate(small, size=size, mode="bilinear", align_corners=False))
    return torch.stack(layers).mean(dim=0)


def _line(pixels: list[int], seconds: list[float]) -> tuple[float, float]:
    """Through two points, as far as both of its numbers are times; else from nothing through the larger one."""
    slope = (seconds[1] - seconds[0]) / (pixels[1] - pixels[0])
    fixed = seconds[0] - slope * pixels[0]
    return (fixed, slope) if min(fixed, slope) >= 0 else (0.0, seconds[1] / pixels[1])
