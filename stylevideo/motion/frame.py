"""A frame of the source, as motion and painting see it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Frame:
    """A frame of the source.

    Attributes:
        index: among the frames that are meant, see `stylevideo.timeline.selection`.
        image: (1, 3, H, W), RGB, 0..1.
        repaired: whether the last good frame stands in for it, because it could not be decoded.
        notes: what was not as it should be in its file, as sentences.
    """

    index: int
    image: Tensor
    repaired: bool = False
    notes: tuple[str, ...] = ()
