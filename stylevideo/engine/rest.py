"""What the parts of a picture that rest add to what must be known of all of it, looked at once and then kept.

Knows sums; knows nothing of networks, of losses, or of which parts rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from stylevideo.ops.tiles import Rectangle

Survey = Mapping[str, Tensor]
"""Sums of a finder, see `PlaceFinder.survey`."""


@dataclass(frozen=True)
class Rest:
    """What resting parts add to sums over a picture.

    Attributes:
        statistics: of the style's terms.
        surveys: of the style's finders.
        places: of targets of places and of distances from them, by layer, as of `resting_sums`.
        content: likewise of the source's features.
        others: (3,), of fine structure, total variation and temporal term.
    """

    statistics: tuple[Tensor, ...]
    surveys: tuple[Survey, ...]
    places: Mapping[str, Tensor]
    content: Mapping[str, Tensor]
    others: Tensor

    def times(self, factor: float) -> Rest:
        """Of so many times as large parts that are like these."""
        return self._each(lambda sums: sums * factor)

    def to(self, device: torch.device | str) -> Rest:
        """The same on another device."""
        return self._each(lambda sums: sums.to(device))

    def _each(self, change: Callable[[Tensor], Tensor]) -> Rest:
        def changed(sums: Survey) -> Survey:
            return {name: change(own) for name, own in sums.items()}

        return Rest(
            tuple(map(change, self.statistics)),
            tuple(map(changed, self.surveys)),
            changed(self.places),
            changed(self.content),
            change(self.others),
        )


@dataclass(frozen=True)
class MovingParts:
    """What of a picture is to be optimised, and what remains.

    Attributes:
        boxes: no two share a pixel; their corners are multiples of what `step_of` says, or the picture's own.
        rest: of the remaining picture.
    """

    boxes: tuple[Rectangle, ...]
    rest: Rest


def added(sums: Survey | None, more: Survey) -> Survey:
    """Sums by name and what is to be added; None before there are any."""
    return more if sums is None else {name: sums[name] + own for name, own in more.items()}
