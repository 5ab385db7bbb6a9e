"""Part of a picture, in pixels: what lies between bars, a tile of it, a box that is painted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Rectangle:
    """Rows from `top` to before `bottom`, columns from `left` to before `right`."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.bottom - self.top, self.right - self.left

    @property
    def pixels(self) -> int:
        """How many it has."""
        height, width = self.size
        return height * width

    @property
    def rows(self) -> slice:
        """Of an array or a tensor."""
        return slice(self.top, self.bottom)

    @property
    def columns(self) -> slice:
        """Of an array or a tensor."""
        return slice(self.left, self.right)

    def of(self, maps: Tensor, shrink: int = 1) -> Tensor:
        """This part of maps (1, C, h, w) that have one place for so many pixels each way; a view."""
        rows, columns = (slice(side.start // shrink, -(-side.stop // shrink)) for side in (self.rows, self.columns))
        return maps[..., rows, columns]

    def within(self, other: Rectangle) -> Rectangle:
        """The same, counted from the corner of another."""
        top, left = other.top, other.left
        return Rectangle(self.top - top, self.bottom - top, self.left - left, self.right - left)

    def grown(self, by: int, size: tuple[int, int]) -> Rectangle:
        """With so many pixels more each way, as far as a picture of this height and width goes."""
        return Rectangle(
            max(0, self.top - by), min(size[0], self.bottom + by), max(0, self.left - by), min(size[1], self.right + by)
        )

    def joined(self, other: Rectangle) -> Rectangle:
        """The smallest one that contains both."""
        return Rectangle(
            min(self.top, other.top),
            max(self.bottom, other.bottom),
            min(self.left, other.left),
            max(self.right, other.right),
        )

    def fitted(self, size: tuple[int, int], to: tuple[int, int]) -> Rectangle:
        """The same part of the picture at another size: every pixel that shows anything of it.

        Args:
            size: height and width of the picture that it is part of.
            to: those of the other.
        """
        (height, width), (new_height, new_width) = size, to
        return Rectangle(
            self.top * new_height // height,
            -(-self.bottom * new_height // height),
            self.left * new_width // width,
            -(-self.right * new_width // width),
        )
