"""What an iteration takes over its network: the time of the losses, their gradients and Adam.

Knows the engine; knows nothing of films and files.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from operator import sub, truediv

import torch
import torch.nn.functional as F
from torch import Tensor

from scripts.benchmark.flames import Flame, flame_of
from scripts.benchmark.methods import Method
from scripts.benchmark.report import Bar, number, table
from stylevideo.engine.objective import TemporalTarget
from stylevideo.engine.optimizer import AdamNumbers, CarriedState, FrameOptimizer
from stylevideo.models.vgg import FIRST_OF_BLOCK, VGG19
from stylevideo.ops.pyramid import resize
from stylevideo.render.styles import ReadStyle, style_targets
from stylevideo.settings.schema import VGG19_LAYERS
from stylevideo.system.memory import freed_memory_stays

MOST_TIMES = {torch.float32: 1.08, torch.bfloat16: 1.12}
MORE_ITERATIONS = 3
"""By which one frame's are more than the other's: the difference is theirs alone."""
PEBBLES_PX = 8
"""Across, of the noise that stands for a picture."""


def check_iteration(
    vgg: VGG19, styles: Sequence[ReadStyle], size: tuple[int, int], methods: Sequence[Method], rounds: int
) -> Iterator[str]:
    """A table of methods in Markdown, then what is asked of each.

    A frame of one iteration and one of more are painted, by turns with the bare network to the method's deepest
    layer and back; what a frame takes once, its matches and its source's features, is told for itself.

    Args:
        vgg, styles: as the product reads them.
        size: height and width.
        methods: each is compared with the bare network.
        rounds: of which the median counts; one more goes before.
    """
    frame = pebbles(size).to(next(vgg.buffers()).device)
    tasks: dict[str, Callable[[], object]] = {}
    for method in methods:
        deepest = _deepest(method)
        tasks.setdefault(deepest, _bare(vgg, frame, deepest))
        tasks[method.name] = painting(vgg, styles, frame, method, 1)
        tasks[f"{method.name}, more"] = painting(vgg, styles, frame, method, 1 + MORE_ITERATIONS)
    with freed_memory_stays():  # as a run does; the bare network too
        taken = [{name: _seconds(task, frame.device) for name, task in tasks.items()} for _ in range(rounds + 1)][1:]
    rows, bars = [], []
    for method in methods:
        bare, one, more = (
            [times[name] for times in taken] for name in (_deepest(method), method.name, f"{method.name}, more")
        )
        iteration = [(longer - shorter) / MORE_ITERATIONS for longer, shorter in zip(more, one, strict=True)]
        over = statistics.median(map(truediv, iteration, bare))
        once = statistics.median(map(truediv, map(sub, one, iteration), bare))
        seconds = (statistics.median(bare), statistics.median(iteration))
        rows.append([method.name, _deepest(method), *map(number, (*seconds, over, once))])
        most = MOST_TIMES[vgg.convolution_dtype]
        bars.append(Bar(f"{method.name}: an iteration in times of the bare network", over, most=most))
    title = f"{size[1]}x{size[0]}, {str(vgg.convolution_dtype).removeprefix('torch.')}"
    yield table([title, "down to", "bare network, s", "iteration, s", "its times", "once a frame, its times"], rows)
    yield from map(str, bars)


def flame_of_iteration(vgg: VGG19, styles: Sequence[ReadStyle], size: tuple[int, int], method: Method) -> Flame:
    """Where an iteration's time goes, at a height and width."""
    frame = pebbles(size).to(next(vgg.buffers()).device)
    one, more = (painting(vgg, styles, frame, method, count) for count in (1, 1 + MORE_ITERATIONS))
    one()
    return flame_of(one, more)


def _deepest(method: Method) -> str:
    losses = method.settings.losses
    return max((*losses.layers_of_style, *losses.content_layers), key=VGG19_LAYERS.index)


def pebbles(size: tuple[int, int]) -> Tensor:
    """What stands for a picture of this height and width: (1, 3, H, W), 0..1, always the same."""
    small = torch.rand(1, 3, size[0] // PEBBLES_PX, size[1] // PEBBLES_PX, generator=torch.Generator().manual_seed(0))
    return resize(small, size).clamp(0, 1)


def painting(
    vgg: VGG19, styles: Sequence[ReadStyle], frame: Tensor, method: Method, iterations: int
) -> Callable[[], Tensor]:
    """Paints a following frame, with so many iterations."""
    settings = method.settings.with_values(tolerance=0.0)
    optimizer = FrameOptimizer(vgg, style_targets(styles, vgg, settings), settings)
    start = replace(CarriedState.fresh(frame), step=1)
    guide = TemporalTarget(frame, torch.ones_like(frame[:, :1]))
    numbers = AdamNumbers.of_following(settings)
    return lambda: optimizer.optimize(frame, start, guide, iterations, numbers).state.image


def _bare(vgg: VGG19, frame: Tensor, deepest: str) -> Callable[[], object]:
    """The network's layers and their automatic differentiation, with no loss."""
    layers = VGG19_LAYERS[: VGG19_LAYERS.index(deepest) + 1]

    def go() -> Tensor:
        picture = frame.detach().requires_grad_()
        x = (picture * vgg.scale - vgg.mean).to(vgg.convolution_dtype, memory_format=torch.channels_last)
        x = F.pad(x, (1, 1, 1, 1), mode="replicate")
        for position, layer in enumerate(layers):
            x = F.max_pool2d(x, 2) if layer in FIRST_OF_BLOCK else x
            x = F.relu(F.conv2d(x, vgg.kernels[position], vgg.biases[position], padding=int(position > 0)))
        (gradient,) = torch.autograd.grad(x, picture, torch.ones_like(x))
        return gradient

    return go


def _seconds(task: Callable[[], object], device: torch.device) -> float:
    """Of the processor where it computes itself, so that other work on the machine counts less."""
    if device.type == "cpu":
        began = time.process_time()
        task()
        return time.process_time() - began
    began = time.perf_counter()
    task()
    getattr(torch, device.type).synchronize()
    return time.perf_counter() - began
