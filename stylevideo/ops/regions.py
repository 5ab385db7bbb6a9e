"""Which part of a picture each look has, as maps that add up to one at most. Knows no files and no networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from stylevideo.ops.margin import with_margin
from stylevideo.rectangle import Rectangle

MOSTLY = 0.5
"""In parts of a look's largest share: what a look has less of says nothing of it, being half a neighbour's."""


SAME_STRENGTH = 2 / 255
"""Parts of the strength that differ by so much are the same: mattes have noise."""
LEAST_GOING = 0.05
"""Of what is less than this part of a place, a change is counted as if it were as much: it is hardly seen."""


@dataclass(frozen=True)
class Regions:
    """Where each look of a frame is painted.

    Attributes:
        parts: (1, looks, H, W), 0..1, on the CPU: each look's share of a place; what they leave is not painted.
        identity: of the mattes that say so; equal for equal ones.
        changes: whether the frame before has others.
        strength: (1, 1, H, W), 0..1, on the CPU: at which part of the strength that is asked for each place is painted;
            None where that is all of it.
    """

    parts: Tensor
    identity: str = ""
    changes: bool = False
    strength: Tensor | None = None

    @property
    def cover(self) -> Tensor:
        """How much of each place is painted: (1, 1, H, W), 0..1."""
        return self.parts.sum(1, keepdim=True).clamp_max(1)

    @property
    def painted(self) -> Tensor:
        """How much of each place each look has repainted, in parts of what its strength would: (1, looks, H, W)."""
        return self.parts if self.strength is None else self.parts * self.strength

    @cached_property
    def is_empty(self) -> bool:
        """Whether nothing is painted."""
        return not bool(self.parts.any())

    @property
    def with_margin(self) -> Regions:
        """The same of a picture with its margin."""
        return self._each(with_margin)

    def to(self, device: torch.device) -> Regions:
        """The same on another device."""
        return self._each(lambda maps: maps.to(device))

    def of(self, active: Rectangle) -> Regions:
        """The same of a part of the picture."""
        return self._each(active.of)

    def fitted(self, size: tuple[int, int]) -> Regions:
        """The same at another height and width."""
        return self._each(lambda maps: at_size(maps, size))

    def at(self, size: tuple[int, int]) -> Tensor:
        """The parts at another height and width."""
        return at_size(self.parts, size)

    def _each(self, change: Callable[[Tensor], Tensor]) -> Regions:
        strength = None if self.strength is None else change(self.strength)
        return replace(self, parts=change(self.parts), strength=strength)


def at_size(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Maps (1, C, H, W) at another height and width: each place has the mean of what it covers."""
    return maps if maps.shape[2:] == size else F.interpolate(maps, size=size, mode="area")


def shares_of_looks(mattes: Tensor, weights: Sequence[float], rest: float | None = None) -> Tensor:
    """Each look's share of each place.

    Where mattes overlap, looks share by their weights. A look that weighs nothing has nothing.

    Args:
        mattes: (1, mattes, H, W), 0..1: where the looks that have one are painted.
        weights: of these looks.
        rest: weight of the look that has what the others leave; None where there is none.
    Returns:
        (1, looks, H, W), 0..1, the rest last; they add up to 1 at most.
    """
    counting = torch.tensor([float(weight > 0) for weight in weights]).view(1, -1, 1, 1)
    cover = (mattes * counting).sum(1, keepdim=True).clamp_max(1)
    weighed = mattes * torch.tensor(weights).view(1, -1, 1, 1)
    parts = cover * weighed / weighed.sum(1, keepdim=True).clamp_min(torch.finfo(mattes.dtype).tiny)
    return parts if rest is None else torch.cat((parts, (1 - cover) * float(rest > 0)), dim=1)


def shares_of_sizes(matte: Tensor, count: int) -> Tensor:
    """Each size's share of each place, from the size of black to that of white; a place has the two that are nearest.

    Args:
        matte: (1, 1, H, W), 0..1.
        count: of the sizes.
    Returns:
        (1, count, H, W), 0..1; they add up to 1.
    """
    numbers = torch.arange(count, dtype=matte.dtype, device=matte.device).view(1, -1, 1, 1)
    return (1 - ((count - 1) * matte - numbers).abs()).clamp_min(0)


def kept_at_strength(here: Tensor, before: Tensor) -> Tensor:
    """How much of each place goes on as it was, where its part of the strength was another one.

    As if the painting lay over the source: where it becomes less, as large a part of the painting goes; where it
    becomes more, of the source. So whatever way a place goes from one end to the other, nothing is left then.

    Args:
        here, before: (1, 1, H, W), 0..1, the parts of the strength.
    Returns:
        (1, 1, H, W), 0..1.
    """
    apart = ((here - before).abs() - SAME_STRENGTH).clamp_min(0)
    going = torch.where(here < before, before, 1 - before)
    return 1 - (apart / going.clamp_min(LEAST_GOING)).clamp_max(1)


def counts_of(part: Tensor) -> Tensor:
    """How much each place of a map says of a look with these shares, (1, 1, h, w); soft borders say nothing."""
    return torch.where(part >= MOSTLY * part.amax(), part, torch.zeros_like(part))
