"""What is given up when a device's memory is too small, in this order: precision, then size where that is allowed.

A clip that went on with less is remembered beside its frames, so that a resumed run goes on alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch

from stylevideo.ops.margin import painted_size
from stylevideo.settings.settings import Settings
from stylevideo.system.device import choose_device, convolution_dtype, is_fast_with_bf16

SHRINK = 0.75
SMALLEST_EDGE_PX = 256
FALLBACK_NAME = "fallback"
"""Under this name a store remembers what was given up."""


BASE_BYTES = 900 * 2**20
"""Of a process that paints, with its libraries and the network, in a machine's own memory or a card's."""
PIXEL_BYTES = {torch.bfloat16: 3300, torch.float32: 4300}
"""More for each painted pixel, by the convolutions' type. Measured on a CPU, and rounded up: `docs/benchmark.md`."""


def memory_needed(settings: Settings, size: tuple[int, int]) -> int:
    """The most memory that painting frames of this height and width takes, on the device: about."""
    if not settings.optimizer.iterations:
        return BASE_BYTES
    dtype = convolution_dtype(settings.optimizer.precision, choose_device(settings.optimizer.device))
    return BASE_BYTES + PIXEL_BYTES[dtype] * math.prod(painted_size(*size))


def next_fallback(settings: Settings, long_edge: Callable[[], int]) -> dict[str, Any] | None:
    """What to give up next.

    Args:
        settings: with which the memory was too small.
        long_edge: finds that of the film then, in pixels.
    Returns:
        Settings' values; None where nothing is left to give up.
    """
    device = choose_device(settings.optimizer.device)
    is_full = convolution_dtype(settings.optimizer.precision, device) == torch.float32
    if is_full and is_fast_with_bf16(device):
        return {"precision": "bf16"}
    if settings.scales.allow_smaller:
        smaller = round(long_edge() * SHRINK / 2) * 2
        return {"size": smaller} if smaller >= SMALLEST_EDGE_PX else None
    return None


def in_words(given_up: Mapping[str, Any]) -> str:
    """What was given up, as a sentence for the owner of the film."""
    parts = []
    if "precision" in given_up:
        parts.append(f"convolutions were computed with {given_up['precision']}")
    if "size" in given_up:
        parts.append(f"the film is smaller, with a long edge of {given_up['size']} pixels")
    return f"There was too little memory: {' and '.join(parts)}."
