"""Bars around a picture: letterbox, pillarbox, both, or a line or two at a border.

A frame alone cannot tell: its sky may be black, its wall plain. So each frame says how far in from each side its lines
are of one colour, and a shot believes what stays the same: the same colour, up to the same straight edge, on opposite
sides alike. Knows pictures and numbers; knows nothing of clips.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import cv2
import numpy as np

from stylevideo.rectangle import Rectangle

SAME_COLOR = 10
"""Steps of 255 that a bar's pixels may differ from its colour, from line to line, and from frame to frame."""
STRAIGHT = 0.5
"""Part of the first line behind a bar that must not have its colour, or it is no edge but a dark place."""
SOFT_PX = 3
"""Lines over which an edge may be soft."""
LETTERED = 0.6
"""Part of a line that has a bar's colour although letters stand in it."""
SLACK_PX = 2
"""Lines by which a bar's edge may differ from frame to frame, and opposite bars from each other."""
TINY_PX = 3
"""A bar of so many lines, or of `TINY_SHARE` of the edge, needs none opposite: cameras and captures leave such."""
TINY_SHARE = 0.01
LINES_AT_ONCE = 32
LEAST_SHARE = 0.25
"""Part of each edge that a picture between bars has at least."""
ODD_SHARE = 0.05
"""Part of a shot's frames that may show something else where bars are, such as damage."""
FIRM_SHARE = 0.1
"""Part of a shot's frames that must show a bar's edge: the others may be dark there."""


@dataclass(frozen=True)
class Side:
    """What a frame shows at one of its sides.

    Attributes:
        lines: how many lines from there on are of one colour.
        lettered: how many are, but for letters in them.
        straight: whether the lines end at a straight edge.
        color: theirs, RGB, 0..255.
    """

    lines: int
    lettered: int
    straight: bool
    color: tuple[int, int, int]


@dataclass(frozen=True)
class Border:
    """What a frame shows at its sides.

    Attributes:
        top, bottom, left, right: each between the other two's edges.
    """

    top: Side
    bottom: Side
    left: Side
    right: Side

    def inner(self, size: tuple[int, int]) -> Rectangle:
        """What of a frame of this height and width is not of its sides' colours."""
        height, width = size
        return Rectangle(self.top.lines, height - self.bottom.lines, self.left.lines, width - self.right.lines)


@dataclass(frozen=True)
class Bars:
    """The bars of a shot.

    Attributes:
        active: the picture between them.
        color: of the widest one, RGB, 0..255.
    """

    active: Rectangle
    color: tuple[int, int, int]


def border_of(image: np.ndarray) -> Border | None:
    """What a frame shows at its sides; None where it is of one colour, or of two shades of it.

    Args:
        image: (H, W, 3) uint8.
    """
    top, bottom = _side(image), _side(image[::-1])
    if top.lines + bottom.lines >= len(image):
        return None
    # Between edges alone, since beside the letters of a title there are none; and first those of the narrower bars.
    left, right = _sides(_between(image, top, bottom).transpose(1, 0, 2))
    if left.straight or right.straight:
        top, bottom = _sides(_between(image.transpose(1, 0, 2), left, right).transpose(1, 0, 2))
    return Border(top, bottom, left, right)


def _sides(image: np.ndarray) -> tuple[Side, Side]:
    """What lies at the top and at the bottom of a picture (H, W, 3)."""
    sides = _side(image), _side(image[::-1])
    if sum(side.lines for side in sides) < len(image):
        return sides
    one, other = (Side(0, 0, False, side.color) for side in sides)  # such as of a white flash between bars
    return one, other


def _between(image: np.ndarray, *sides: Side) -> np.ndarray:
    """What lies between the edges at the top and at the bottom of a picture (H, W, 3), as far as there are any."""
    begin, end = (side.lines if side.straight else 0 for side in sides)
    return image[begin : len(image) - end]


def bars_of(borders: Sequence[Border], size: tuple[int, int]) -> Bars | None:
    """The bars of a shot; None where it has none.

    Args:
        borders: of its frames, without those that are of one colour all over.
        size: their height and width.
    """
    height, width = size
    top, bottom = _bars([border.top for border in borders], [border.bottom for border in borders], height)
    left, right = _bars([border.left for border in borders], [border.right for border in borders], width)
    active = Rectangle(top, height - bottom, left, width - right)
    is_enough = active.size[0] >= LEAST_SHARE * height and active.size[1] >= LEAST_SHARE * width
    if not is_enough or active.size == size:
        return None
    _, widest = max((top, "top"), (bottom, "bottom"), (left, "left"), (right, "right"))
    return Bars(active, _color([getattr(border, widest) for border in borders]))


def may_have(bars: Bars, borders: Sequence[Border], size: tuple[int, int]) -> bool:
    """Whether a shot that shows no edges, since it is dark, or a title, may have the bars that its clip has elsewhere.

    Args:
        bars: those.
        borders, size: as for `bars_of`.
    """
    (height, width), active = size, bars.active
    depths = (active.top, height - active.bottom, active.left, width - active.right)
    sides = zip(*((b.top, b.bottom, b.left, b.right) for b in borders), strict=True)
    return bool(borders) and all(
        not depth or (_stays(list(side), depth) and _apart(_color(list(side)), bars.color) <= SAME_COLOR)
        for depth, side in zip(depths, sides, strict=True)
    )


def _side(image: np.ndarray) -> Side:
    """What lies at the top of a picture (H, W, 3)."""
    color = np.median(image[0], axis=0).astype(int)  # (3,)
    shares = _leading_shares(image, color)
    lines, lettered = _leading(shares == 1), _leading(shares >= LETTERED)
    # A shade that grows from line to line leaves a colour too, but not by so much at once.
    behind = _shares(image[lines : lines + SOFT_PX], color, 2 * SAME_COLOR) if lines else shares
    return Side(lines, lettered, bool((behind <= 1 - STRAIGHT).any()), _rgb(color))


def _leading_shares(image: np.ndarray, color: np.ndarray) -> np.ndarray:
    """The part of each line of a picture (H, W, 3) that has a colour, at least until one that has not: (h,)."""
    shares, start, stop = [np.zeros(0)], 0, 1
    while start < len(image):
        shares.append(_shares(image[start:stop], color, SAME_COLOR))
        if shares[-1].min() < LETTERED:
            break
        start, stop = stop, stop + LINES_AT_ONCE
    return np.concatenate(shares)


def _shares(image: np.ndarray, color: np.ndarray, tolerance: int) -> np.ndarray:
    """The part of each line of a picture (H, W, 3) that has a colour: (H,)."""
    if not len(image):
        return np.zeros(0)
    least, most = (tuple(map(float, color + step)) for step in (-tolerance, tolerance))
    mask = cv2.inRange(np.ascontiguousarray(image), least, most)  # (H, W), 0 or 255
    sums: np.ndarray = cv2.reduce(mask, 1, cv2.REDUCE_SUM, dtype=cv2.CV_64F)  # (H, 1)
    shares: np.ndarray = sums[:, 0] / (255 * mask.shape[1])
    return shares


def _leading(are: np.ndarray) -> int:
    """How many are, before the first that is not."""
    return len(are) if are.all() else int(are.argmin())


def _bars(first: list[Side], second: list[Side], edge: int) -> tuple[int, int]:
    """How many lines the bars at two opposite sides have; 0 where there is none."""
    one, other = _edge(first), _edge(second)
    alike = not one or not other or _apart(_color(first), _color(second)) <= SAME_COLOR
    if one and other:
        return (one, other) if alike else (_tiny(one, edge), _tiny(other, edge))
    if one and _stays(second, one) and _apart(_color(first), _color(second)) <= SAME_COLOR:
        return one, one
    if other and _stays(first, other) and _apart(_color(first), _color(second)) <= SAME_COLOR:
        return other, other
    return _tiny(one, edge), _tiny(other, edge)


def _tiny(lines: int, edge: int) -> int:
    return lines if lines <= max(TINY_PX, TINY_SHARE * edge) else 0


def _edge(sides: list[Side]) -> int:
    """Where a bar's edge is: the most common one, if enough frames show it and nearly all are a bar up to there."""
    edges = Counter(side.lines for side in sides if side.straight and side.lines)
    if not edges:
        return 0
    lines = min(edges, key=lambda lines: (-edges[lines], lines))
    seen = sum(count for other, count in edges.items() if abs(other - lines) <= SLACK_PX)
    return lines if seen >= FIRM_SHARE * len(sides) and _stays(sides, lines) else 0


def _stays(sides: list[Side], lines: int) -> bool:
    """Whether so many lines have one colour, letters aside, in nearly all frames."""
    color = _color(sides)
    odd = sum(side.lettered < max(1, lines - SLACK_PX) or _apart(side.color, color) > SAME_COLOR for side in sides)
    return odd <= ODD_SHARE * len(sides)


def _color(sides: list[Side]) -> tuple[int, int, int]:
    """What the sides' colours are mostly."""
    return _rgb(np.array([median(channel) for channel in zip(*(side.color for side in sides), strict=True)]))


def _apart(color: tuple[int, int, int], other: tuple[int, int, int]) -> int:
    return max(abs(a - b) for a, b in zip(color, other, strict=True))


def _rgb(color: np.ndarray) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in color)
    return red, green, blue
