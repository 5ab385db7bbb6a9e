"""What a frame that follows another takes by each method, by turns in one run, so that other work meets all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from scripts.benchmark.clips import BenchmarkClip
from scripts.benchmark.methods import STANDARD, Method, Painted
from scripts.benchmark.report import Bar, number, table
from stylevideo.models.vgg import VGG19
from stylevideo.render.styles import ReadStyle, style_targets

AS_IT_WAS = (
    "painter=gram,structure_weight=0,tv_color=0,second_moment=channel,"
    "style_layers=relu1_1+relu2_1+relu3_1+relu4_1+relu5_1"
)
GRAM, GRAM_DRAFT, DRAFT = "gram", "gram-draft", "draft"
CHOSEN = (f"{GRAM}=standard,{AS_IT_WAS}", f"{STANDARD}=standard", f"{GRAM_DRAFT}=draft,{AS_IT_WAS}", f"{DRAFT}=draft")
"""The presets, each beside what it was with Gram matrices alone."""
MOST_TIMES = {(STANDARD, GRAM): 1.3, (DRAFT, GRAM_DRAFT): 1.0}
"""How many times the seconds of the second of two methods the first may take."""
UNTIMED = 2
"""Frames at the beginning: the first, and one to warm up, whose multiply-adds are counted."""
SHORT_START = {"first_iterations": 2, "coarsest_size": 0}


@dataclass(frozen=True)
class Speed:
    """What a method took for each of the same frames.

    Attributes:
        seconds: motion included, reading and writing not.
        evaluations: of VGG-19, forward and backward.
        multiply_adds: of an evaluation, with the frame's search for targets shared out: convolutions and products
            of matrices.
    """

    seconds: tuple[float, ...]
    evaluations: tuple[int, ...]
    multiply_adds: float

    def times(self, other: Speed) -> float:
        """Median of how many times the other's seconds each frame took."""
        return statistics.median(mine / its for mine, its in zip(self.seconds, other.seconds, strict=True))


def check_speed(
    vgg: VGG19, styles: Sequence[ReadStyle], clip: BenchmarkClip, methods: Sequence[Method]
) -> Iterator[str]:
    """A table of methods in Markdown, then what is asked of those that are there.

    Args:
        vgg, styles: as the product reads them.
        clip: all frames but the first two are timed.
        methods: the others are compared with the first.
    """
    found = following_speeds(vgg, styles, clip, methods)
    first, height, width = methods[0].name, *clip.size
    size = f"{clip.name} at {width}x{height}"
    headings = [size, "seconds a frame: best", "median", "times", "evaluations a frame", "multiply-adds of one, 10⁹"]
    headings[3] += f" {first}'s, by frame"
    yield table(headings, [_row(name, speed, found[first]) for name, speed in found.items()])
    for (name, other), most in MOST_TIMES.items():
        if {name, other} <= found.keys():
            yield str(Bar(f"{size}, {name}: times {other}'s seconds", found[name].times(found[other]), most=most))


def _row(name: str, speed: Speed, first: Speed) -> list[str]:
    figures = (min(speed.seconds), statistics.median(speed.seconds), speed.times(first))
    return [name, *map(number, (*figures, statistics.fmean(speed.evaluations), speed.multiply_adds / 1e9))]


def following_speeds(
    vgg: VGG19, styles: Sequence[ReadStyle], clip: BenchmarkClip, methods: Sequence[Method]
) -> Mapping[str, Speed]:
    """Paint a clip by all methods at once: each frame by each of them, before the next is painted.

    The first frame is hardly painted, since what follows takes as long after it.
    """
    painting = {method.name: _begun(vgg, styles, clip, method) for method in methods}
    for frames in painting.values():
        next(frames)
    multiply_adds = {name: _multiply_adds(frames) for name, frames in painting.items()}
    seconds: dict[str, list[float]] = {name: [] for name in painting}
    evaluations: dict[str, list[int]] = {name: [] for name in painting}
    for _ in clip.frames[UNTIMED:]:
        for name, frames in painting.items():
            began = time.perf_counter()
            painted = next(frames)
            seconds[name].append(time.perf_counter() - began)
            evaluations[name].append(painted.evaluations)
    return {name: Speed(tuple(seconds[name]), tuple(evaluations[name]), multiply_adds[name]) for name in painting}


def _begun(vgg: VGG19, styles: Sequence[ReadStyle], clip: BenchmarkClip, method: Method) -> Iterator[Painted]:
    settings = method.settings.with_values(**SHORT_START)
    return method.stylize(clip, vgg, style_targets(styles, vgg, settings), settings)


def _multiply_adds(frames: Iterator[Painted]) -> float:
    """Of an evaluation of the next frame."""
    counted = _MultiplyAdds()
    with counted:
        painted = next(frames)
    return counted.count / painted.evaluations


class _MultiplyAdds(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts them as a context; `FlopCounterMode` would put hooks on the network, which `autograd.grad` refuses."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        operations = flop_registry.get(func.overloadpacket)
        if operations is not None:
            self.count += operations(*args, **(kwargs or {}), out_val=result) // 2
        return result
