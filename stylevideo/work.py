"""What work there is, counted. Loads no PyTorch: who hands work out only hears of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

COSTS = ("targets", "start", "search", "evaluation", "following", "motion")
"""What takes time, each in seconds by pixels: the styles' targets, once for a size; an optimisation's start, with its
first search for places; each further search; an evaluation, with the optimiser's step; what a frame that follows
another takes beside its evaluations; and its motion."""


@dataclass(frozen=True)
class Work:
    """What is to be painted.

    Attributes:
        counts: how often there is each of `COSTS`, with the painted pixels of the picture: a mean may be no whole
            number.
    """

    counts: Mapping[tuple[str, int], float]

    def __add__(self, other: Work) -> Work:
        costs = {**self.counts, **other.counts}
        return Work({cost: self.counts.get(cost, 0) + other.counts.get(cost, 0) for cost in costs})

    def times(self, factor: float) -> Work:
        """So many times as much."""
        return Work({cost: factor * count for cost, count in self.counts.items()})

    @property
    def evaluated_pixels(self) -> float:
        """VGG evaluations, each times the pixels it sees: by far the most of the work."""
        return sum(count * pixels for (cost, pixels), count in self.counts.items() if cost == "evaluation")


NO_WORK = Work({})
