"""Which part of a picture each look has, as maps that add up to one at most. Knows no files and no networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from stylevideo.ops.margin import with_margin
from stylevideo.rectangle import Rectangle

MOSTLY = 0.5
"""In parts of a look's largest share: what a look has less of says nothing of it, being half a neighbour's."""


@dataclass(frozen=True)
class Regions:
    """Where each look of a frame is painted.

    Attributes:
        parts: (1, looks, H, W), 0..1, on the CPU: each look's share of a place; what they leave is not painted.
        identity: of the mattes that say so; equal for equal ones.
        changes: whether the frame before has others.
    """

    parts: Tensor
    identity: str = ""
    changes: bool = False

    @property
    def cover(self) -> Tensor:
        """How much of each place is painted: (1, 1, H, W), 0..1."""
        return self.parts.sum(1, keepdim=True).clamp_max(1)

    @cached_property
    def is_empty(self) -> bool:
        """Whether nothing is painted."""
        return not bool(self.parts.any())

    @property
    def with_margin(self) -> Regions:
        """The same of a picture with its margin."""
        return replace(self, parts=with_margin(self.parts))

    def of(self, active: Rectangle) -> Regions:
        """The same of a part of the picture."""
        return replace(self, parts=active.of(self.parts))

    def fitted(self, size: tuple[int, int]) -> Regions:
        """The same at another height and width."""
        return replace(self, parts=self.at(size))

    def at(self, size: tuple[int, int]) -> Tensor:
        """The parts at another height and width: each place has the mean of what it covers."""
        return self.parts if self.parts.shape[2:] == size else F.interpolate(self.parts, size=size, mode="area")


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


def counts_of(part: Tensor) -> Tensor:
    """How much each place of a map says of a look with these shares, (1, 1, h, w); soft borders say nothing."""
    return torch.where(part >= MOSTLY * part.amax(), part, torch.zeros_like(part))
