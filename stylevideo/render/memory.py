"""What is given up when a device's memory is too small, in this order: precision, then size where that is allowed.

A clip that went on with less is remembered beside its frames, so that a resumed run goes on alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from stylevideo.settings.settings import Settings
from stylevideo.system.device import choose_device, convolution_dtype, is_fast_with_bf16

SHRINK = 0.75
SMALLEST_EDGE_PX = 256
FALLBACK_NAME = "fallback"
"""Under this name a store remembers what was given up."""


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
