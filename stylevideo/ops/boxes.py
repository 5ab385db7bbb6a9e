"""Few rectangles that hold all marked cells of a picture, so that little else is looked at."""

from __future__ import annotations

from itertools import combinations

import cv2
import numpy as np

from stylevideo.rectangle import Rectangle

MOST_BOXES = 24
"""Of more groups of cells than that all are put into one box: what is strewn over a picture is no cheaper in parts."""


def boxes_of(cells: np.ndarray, cell_px: int, size: tuple[int, int], around: int) -> tuple[Rectangle, ...]:
    """Rectangles that hold all marked cells; no two share a pixel.

    Two are one where that costs no more: a box costs the pixels that are seen for it.

    Args:
        cells: (rows, columns), bool.
        cell_px: edge of a cell.
        size: height and width of the picture, which may end within the last cells.
        around: pixels that are seen around a box.
    """
    reach = -(-around // cell_px)
    near = cv2.dilate(cells.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    count, labels = cv2.connectedComponents(near)
    groups = [cells] if count - 1 > MOST_BOXES else [cells & (labels == label) for label in range(1, count)]
    boxes = [_around(group, cell_px, size) for group in groups if group.any()]
    while (pair := _better_as_one(boxes, size, around)) is not None:
        first, second = pair
        boxes = [*(box for box in boxes if box not in pair), first.joined(second)]
    return tuple(boxes)


def cells_in(boxes: tuple[Rectangle, ...], cell_px: int, shape: tuple[int, int]) -> np.ndarray:
    """The cells (rows, columns), bool, that lie in boxes whose corners are cells' corners."""
    cells = np.zeros(shape, bool)
    for box in boxes:
        cells[box.top // cell_px : -(-box.bottom // cell_px), box.left // cell_px : -(-box.right // cell_px)] = True
    return cells


def _around(cells: np.ndarray, cell_px: int, size: tuple[int, int]) -> Rectangle:
    rows, columns = (np.flatnonzero(cells.any(axis=axis)) for axis in (1, 0))
    ends = [
        (int(marked[0]) * cell_px, min(edge, (int(marked[-1]) + 1) * cell_px))
        for marked, edge in zip((rows, columns), size, strict=True)
    ]
    return Rectangle(*ends[0], *ends[1])


def _better_as_one(boxes: list[Rectangle], size: tuple[int, int], around: int) -> tuple[Rectangle, Rectangle] | None:
    for first, second in combinations(boxes, 2):
        apart = sum(box.grown(around, size).pixels for box in (first, second))
        if _overlap(first, second) or first.joined(second).grown(around, size).pixels <= apart:
            return first, second
    return None


def _overlap(first: Rectangle, second: Rectangle) -> bool:
    return max(first.top, second.top) < min(first.bottom, second.bottom) and max(first.left, second.left) < min(
        first.right, second.right
    )
