"""How much memory frames take, into what tiles they are divided for that, and what is given up where it does not do.

In this order: smaller tiles, which cost time alone; precision; then size where that is allowed. A clip that went on
with less is remembered beside its frames, so that a resumed run goes on alike.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from stylevideo.engine.looks import network_tiles
from stylevideo.engine.targets import style_size
from stylevideo.ops.margin import painted_size
from stylevideo.settings.schema import TILE_STEP_PX, least_tile_px
from stylevideo.settings.settings import Settings
from stylevideo.system.device import choose_device, convolution_dtype, is_fast_with_bf16, memory_bytes
from stylevideo.text import bytes_in_words

logger = logging.getLogger(__name__)

SHRINK = 0.75
SMALLEST_EDGE_PX = 256
FALLBACK_NAME = "fallback"
"""Under this name a store remembers what was given up."""
LARGEST_TILE_PX = 2048
"""Larger ones save no time that is worth it."""
USABLE = {"cuda": 0.85, "mps": 0.7, "cpu": 0.5}
"""How much of a device's memory painting may take, by its type: a machine's is for other programs too."""


@dataclass(frozen=True)
class Need:
    """What painting takes, in bytes: a tenth more than `python -m scripts.benchmark tiles` found in fp32; bf16 is reckoned.

    Attributes:
        fixed: program, libraries and network.
        frame: for each pixel of a frame, of pictures and moments.
        style: for each pixel of a style, of features that are kept.
        tile: for each pixel that a tile sees, of features and gradients.
    """

    fixed: int
    frame: int
    style: int
    tile: int

    def of(self, frame_px: float, style_px: float, tile_px: float) -> float:
        """Of so many pixels."""
        return self.fixed + self.frame * frame_px + self.style * style_px + self.tile * tile_px


NEEDS = {torch.float32: Need(700 << 20, 240, 700, 4000), torch.bfloat16: Need(700 << 20, 220, 500, 2200)}


def with_tile(
    settings: Settings, size: tuple[int, int], styles: Sequence[tuple[int, int]], device: torch.device
) -> Settings:
    """Settings in which it is decided whether frames are painted in tiles, and in which.

    By all the memory there is, not by what is free: so a film is gone on with in the tiles in which it was begun.

    Args:
        settings: as they are asked for.
        size: height and width of the film.
        styles: height and width of each style's picture.
        device: that paints.
    """
    if settings.optimizer.tile != "auto" or not settings.optimizer.iterations:
        return settings
    need = NEEDS[convolution_dtype(settings.optimizer.precision, device)]
    painted, usable = painted_size(*size), memory_bytes(device) * USABLE[device.type]
    frame_px = math.prod(painted)
    style_px = sum(math.prod(style_size(style, painted, settings.scales.style_scale)) for style in styles)
    if (whole := need.of(frame_px, style_px, frame_px)) <= usable:
        return settings.with_values(tile="off")
    tile = min(LARGEST_TILE_PX, max(painted) // TILE_STEP_PX * TILE_STEP_PX)
    least = least_tile_px(settings.losses.layers)
    while tile > least and need.of(frame_px, style_px, _seen_px(painted, tile, settings)) > usable:
        tile -= TILE_STEP_PX
    logger.info(
        "Frames of %dx%d are painted in tiles of %d pixels: whole they would take about %s, of %s there are on %s.",
        *(size[1], size[0], tile, bytes_in_words(round(whole)), bytes_in_words(round(usable)), device),
    )
    return settings.with_values(tile=str(tile))


def _seen_px(size: tuple[int, int], tile: int, settings: Settings) -> int:
    """Pixels that the largest tile sees."""
    return max(
        (each.seen.bottom - each.seen.top) * (each.seen.right - each.seen.left)
        for each in network_tiles(size, tile, settings.losses.layers)
    )


def smaller_tile(settings: Settings, size: tuple[int, int]) -> int | None:
    """Half the edge of a film's tiles, or of a frame that was painted as one; None where they can be no smaller.

    Args:
        settings: with which the memory was too small.
        size: height and width of the film.
    """
    painted, layers = painted_size(*size), settings.losses.layers
    tile, least = settings.optimizer.tile_px or max(painted), least_tile_px(layers)
    while tile > least:
        tile = max(least, tile // 2 // TILE_STEP_PX * TILE_STEP_PX)
        if len(network_tiles(painted, tile, layers)) > 1:
            return tile
    return None


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
    """What to give up next, where tiles can be no smaller.

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


def changed_parts(given_up: Mapping[str, Any]) -> dict[str, Any]:
    """What is another in the resume key of a film that goes on with its frames although something was given up."""
    changed = {}
    if "tile" in given_up:
        changed["tile"] = given_up["tile"]
    if "precision" in given_up:
        changed["convolution_dtype"] = str(torch.bfloat16)
    return changed


def in_words(given_up: Mapping[str, Any]) -> str:
    """What was given up, as a sentence for the owner of the film."""
    parts = []
    if "tile" in given_up:
        parts.append(f"frames were painted in tiles of {given_up['tile']} pixels")
    if "precision" in given_up:
        parts.append(f"convolutions were computed with {given_up['precision']}")
    if "size" in given_up:
        parts.append(f"the film is smaller, with a long edge of {given_up['size']} pixels")
    return f"There was too little memory: {' and '.join(parts)}."
