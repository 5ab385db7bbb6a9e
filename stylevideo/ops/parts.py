"""How much of a large map is read at once, so that what is computed of it on the way need not be as large."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

PART_ENTRIES = {"cpu": 1 << 20}
"""Entries of a map that are read at once, by the device's type; on a CPU they stay in its cache."""
LARGE_PART_ENTRIES = 1 << 26
"""Likewise on any other."""


def places_at_once(channels: int, device: torch.device) -> int:
    """So many places of a map of so many channels."""
    return max(1, PART_ENTRIES.get(device.type, LARGE_PART_ENTRIES) // channels)


def parts_of(*maps: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Maps (1, C, h, w) of one size as (places, C), so many places at a time; rows follow each other.

    They are views, into which may be written.

    Raises:
        RuntimeError: a map was cut out of another, so that its rows do not follow each other in memory.
    """
    rows = places_at_once(max(each.shape[1] for each in maps), maps[0].device)
    return zip(*(torch.split(each[0].view(each.shape[1], -1).T, rows) for each in maps), strict=True)
