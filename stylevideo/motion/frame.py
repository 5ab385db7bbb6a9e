"""A frame of the source, as motion and painting see it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from stylevideo.ops.regions import Regions


@dataclass(frozen=True)
class Frame:
    """A frame of the source.

    Attributes:
        index: among the frames that are meant, see `stylevideo.timeline.selection`.
        image: (1, 3, H, W), RGB, 0..1: what of it may be painted.
        repaired: whether the last good frame stands in for it, because it could not be decoded.
        notes: what was not as it should be in its file, as sentences.
        strength: how much of it is a picture, 0..1: less than 1 in a fade, 0 where it is black, white or of one colour.
        whole: (1, 3, H, W), with the bars around `image`; None where it has none.
        regions: where each look is painted on it; None where there is one look everywhere.
    """

    index: int
    image: Tensor
    repaired: bool = False
    notes: tuple[str, ...] = ()
    strength: float = 1.0
    whole: Tensor | None = None
    regions: Regions | None = None

    @property
    def is_blank(self) -> bool:
        """Whether it shows no picture, or none that is to be painted: it stays as it is, and no frame follows it."""
        return self.strength == 0 or (self.regions is not None and self.regions.is_empty)
