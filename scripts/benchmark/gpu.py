"""What a GPU makes of frames of 1080p, in one short run that a borrowed machine has time for.

Knows the path of a frame; knows nothing of files.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from scripts import STYLE
from scripts.benchmark.clips import BenchmarkClip, load_clip
from stylevideo.engine.sequence import stylize_sequence
from stylevideo.engine.targets import StyleTargets
from stylevideo.models.vgg import VGG19
from stylevideo.models.weights import load_vgg19
from stylevideo.motion.estimate import with_motion
from stylevideo.motion.flow import DISFlow
from stylevideo.render.styles import read_styles, style_targets
from stylevideo.settings.presets import preset
from stylevideo.settings.settings import Settings
from stylevideo.system.device import choose_device, convolution_dtype, describe

DRY = {"first_iterations": 2, "iterations": 1, "new_iterations": 0, "coarsest_size": 0}
READ_FRAMES = 2
"""In which reads are counted, apart from those that are timed: to count takes time."""


class HostReads(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts, as a context, how often numbers are read from the device, for each of which the host waits."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        source = args[1] if name == "copy_" else args[0] if name == "_to_copy" else None
        moved = isinstance(source, torch.Tensor) and source.device.type != "cpu" and result.device.type == "cpu"
        self.count += moved or name == "_local_scalar_dense"
        return result


def check_gpu(size: int, frames: int, media: Path, dry: bool) -> Iterator[str]:
    """Paint a rendered clip, and tell what it costs.

    Args:
        size: long edge, pixels.
        frames: of the clip, at least three.
        media: where `load_clip` may look.
        dry: whether on the CPU with few iterations, to try the trial itself.
    Raises:
        DeviceError: there is no CUDA GPU, and it is not `dry`.
    """
    device = choose_device("cpu" if dry else "cuda")
    yield f"device: {describe(device)}"
    settings = preset("standard").with_values(**(DRY if dry else {}))
    vgg = load_vgg19(device=device, dtype=convolution_dtype(settings.optimizer.precision, device))
    clip = load_clip("flight", size, frames, media)
    targets = style_targets(read_styles([STYLE]), vgg, settings)
    seconds = list(_seconds(clip, vgg, targets, settings, device))
    height, width = clip.size
    yield (
        f"{frames} frames of {width}x{height}: the first {seconds[0]:.2f} s, "
        f"the others {statistics.median(seconds[1:]):.3f} s (median), with their motion"
    )
    if device.type == "cuda":
        yield f"peak memory: {torch.cuda.max_memory_allocated(device) / 2**30:.2f} GiB"
    few = replace(clip, frames=clip.frames[:READ_FRAMES])
    with HostReads() as reads:
        for _ in _seconds(few, vgg, targets, settings, device):
            pass
    yield f"reads from the device: {reads.count} in {READ_FRAMES} frames"


def _seconds(
    clip: BenchmarkClip, vgg: VGG19, targets: StyleTargets, settings: Settings, device: torch.device
) -> Iterator[float]:
    """How long each frame took, until the device was done with it."""
    began = time.perf_counter()
    for _ in stylize_sequence(with_motion(clip.frames, DISFlow(), clip.shot_starts), None, vgg, targets, settings):
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        yield time.perf_counter() - began
        began = time.perf_counter()
