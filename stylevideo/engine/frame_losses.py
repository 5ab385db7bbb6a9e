"""A frame's loss as plain numbers, for those who report and keep it; loads no PyTorch."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class FrameLosses:
    """A frame's loss as plain numbers, as last evaluated: before the last step was made.

    Attributes:
        total: what the optimiser saw: the terms by their weights, the temporal one included.
        appearance: the same without the temporal term; comparable between frames and methods.
        style, content, structure, tv, temporal: the terms, without their weights.
        source, direction: likewise; 0 where they have no weight.
    """

    total: float
    appearance: float
    style: float
    content: float
    structure: float
    tv: float
    temporal: float
    source: float = 0.0
    direction: float = 0.0

    @property
    def is_finite(self) -> bool:
        """Whether all terms are numbers, those without weight too; else there is no picture that belongs to them."""
        return math.isfinite(self.total)  # 0 times what is not finite is not finite either
