"""Parts of a picture that are looked at one after another, so that their features need not all be there at once.

A feature depends on the pixels around its place as far as convolutions reach. So a tile has a rectangle of its own,
and sees as much around it as decides what its own features are; at the picture's borders it ends with the picture,
where the network pads as it does for the whole. Knows no networks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from stylevideo.rectangle import Rectangle


@dataclass(frozen=True)
class Tile:
    """A part of a picture.

    Attributes:
        own: its rectangle, in pixels; no two tiles share a pixel.
        seen: the same with its surroundings, as far as the picture goes.
        size: height and width of the picture.
    """

    own: Rectangle
    seen: Rectangle
    size: tuple[int, int]

    @classmethod
    def whole(cls, size: tuple[int, int]) -> Tile:
        """The picture as one."""
        all_of_it = Rectangle(0, size[0], 0, size[1])
        return cls(all_of_it, all_of_it, size)

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole picture."""
        return self.own.size == self.size

    def seen_of(self, image: Tensor) -> Tensor:
        """What it sees of a picture (1, C, H, W); a view."""
        return image if self.is_whole else self.seen.of(image)

    def own_of(self, maps: Tensor, shrink: int = 1) -> Tensor:
        """Its own part of what was computed of what it sees, with one place for so many pixels each way; a view."""
        return maps if self.is_whole else self.own.within(self.seen).of(maps, shrink)

    def places(self, shrink: int) -> tuple[int, int]:
        """Rows and columns of the whole picture's map with one place for so many pixels, without rests."""
        return self.size[0] // shrink, self.size[1] // shrink


def tiles_of(
    size: tuple[int, int], edge: int, step: int, surroundings: int, part: Rectangle | None = None
) -> tuple[Tile, ...]:
    """Tiles that cover a picture, as equal as they can be, row by row.

    Args:
        size: height and width of the picture.
        edge: of a tile's own rectangle, about, at least two steps; 0 for all as one. What sees no more than such a
            tile with its surroundings is one too.
        step: pixels of which the rectangles' corners are multiples.
        surroundings: pixels that are seen around a tile's own, at least.
        part: of the picture that is covered, all of it if not given; its corners are multiples of the step too, or the
            picture's own.
    """
    part, around = part or Rectangle(0, size[0], 0, size[1]), math.ceil(surroundings / step) * step
    one = Tile(part, part.grown(around, size), size)
    if edge == 0 or one.seen.pixels <= (edge + 2 * around) ** 2:
        return (one,)
    rows, columns = (
        list(pairwise(_borders(*ends, edge, step))) for ends in ((part.top, part.bottom), (part.left, part.right))
    )
    owns = [Rectangle(*row, *column) for row in rows for column in columns]
    return tuple(Tile(own, own.grown(around, size), size) for own in owns)


def _borders(start: int, stop: int, edge: int, step: int) -> list[int]:
    length = stop - start
    count = math.ceil(length / edge)
    inner = (round(length * number / count / step) * step for number in range(1, count))
    return sorted({start, *(start + border for border in inner if step <= border <= length - step), stop})


def between(boxes: Sequence[Rectangle], size: tuple[int, int]) -> Iterator[Rectangle]:
    """Rectangles that cover what others, of which no two share a pixel, leave of a picture of this height and width."""
    rows = sorted({0, size[0], *(box.top for box in boxes), *(box.bottom for box in boxes)})
    for top, bottom in pairwise(rows):
        left = 0
        for box in sorted((box for box in boxes if box.top <= top < box.bottom), key=lambda box: box.left):
            if box.left > left:
                yield Rectangle(top, bottom, left, box.left)
            left = box.right
        if left < size[1]:
            yield Rectangle(top, bottom, left, size[1])


def window_sums(maps: Tensor, start: tuple[int, int], window: int, size: tuple[int, int]) -> Tensor:
    """What a part of a map adds to the sums over squares of the whole map.

    Sums add up to the same in whatever order, up to rounding; written as products of matrices, which are alike in each
    run on a card too.

    Args:
        maps: (1, C, h, w), the part.
        start: row and column of the whole map with which it begins.
        window: edge of a square, in places.
        size: rows and columns of squares in the whole map.
    Returns:
        (1, C, *size), float32.
    """
    rows, columns = (
        _is_in(first, first + count, window, squares, maps)
        for first, count, squares in zip(start, maps.shape[2:], size, strict=True)
    )
    return torch.einsum("rh,bchw,sw->bcrs", rows, maps.float(), columns)


def _is_in(start: int, stop: int, window: int, count: int, like: Tensor) -> Tensor:
    """(count, stop - start): 1 where a place lies in a window."""
    squares = torch.arange(start, stop, device=like.device) // window
    return (squares == torch.arange(count, device=like.device)[:, None]).float()
