"""How much memory frames take, into what tiles they are divided for that, and what is given up where it does not do.

In this order: smaller tiles, which cost time alone; precision; then size where that is allowed. A clip that went on
with less is remembered beside its frames, so that a resumed run goes on alike.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from typing import Any

import torch

from stylevideo.engine.looks import network_tiles
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
LEAST_CHOSEN_TILE_PX = 256
"""Smaller ones, which spare half a gigabyte at most and see up to four times their own pixels, are for frames that have
proved too large."""
USABLE = {"cuda": 0.85, "mps": 0.7, "cpu": 0.5}
"""How much of a device's memory painting may take, by its type: a machine's is for other programs too."""


BASE_BYTES = 900 * 2**20
"""Of a process that paints, with its libraries and the network, in a machine's own memory or a card's."""
PIXEL_BYTES = {torch.bfloat16: 3400, torch.float32: 4900}
"""More for each pixel that is painted at once, by the convolutions' type. Measured on a CPU, where frames of 640x360
take up to 9 % more than this says: `docs/benchmark.md`."""
FRAME_BYTES = 1200
"""More for each pixel of a frame in tiles: 230 of pictures, moments and content, the rest of films' motion."""


def memory_needed(settings: Settings, size: tuple[int, int]) -> int:
    """The most memory that painting frames of this height and width takes, on the device: about."""
    if not settings.optimizer.iterations:
        return BASE_BYTES
    dtype = convolution_dtype(settings.optimizer.precision, choose_device(settings.optimizer.device))
    painted = painted_size(*size)
    tiles = network_tiles(painted, settings.optimizer.tile_px, settings.losses.layers)
    seen = max((each.seen.bottom - each.seen.top) * (each.seen.right - each.seen.left) for each in tiles)
    of_frame = FRAME_BYTES * math.prod(painted) if len(tiles) > 1 else 0
    return BASE_BYTES + PIXEL_BYTES[dtype] * seen + of_frame


def with_tile(settings: Settings, size: tuple[int, int], device: torch.device) -> Settings:
    """Settings in which it is decided whether frames are painted in tiles, and in which.

    By all the memory there is, not by what is free: so a film is gone on with in the tiles in which it was begun.

    Args:
        settings: as they are asked for.
        size: height and width of the film.
        device: that paints.
    """
    if settings.optimizer.tile != "auto" or not settings.optimizer.iterations:
        return settings
    usable = memory_bytes(device) * USABLE[device.type]
    chosen = whole = settings.with_values(tile="off")
    tile = min(LARGEST_TILE_PX, max(painted_size(*size)) // TILE_STEP_PX * TILE_STEP_PX)
    least = max(LEAST_CHOSEN_TILE_PX, least_tile_px(settings.losses.layers))
    while memory_needed(chosen, size) > usable and tile >= least:
        chosen, tile = settings.with_values(tile=str(tile)), tile - TILE_STEP_PX
    if chosen is not whole:
        logger.info(
            "Frames of %dx%d are painted in tiles of %s pixels: whole they would take about %s, of %s there are on %s.",
            *(size[1], size[0], chosen.optimizer.tile),
            *(bytes_in_words(memory_needed(whole, size)), bytes_in_words(round(usable)), device),
        )
    return chosen


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
