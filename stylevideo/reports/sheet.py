"""A contact sheet: some frames of the source above what became of them, for a judgement at one glance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from stylevideo.errors import InputError, ShapeError
from stylevideo.media.images.pictures import write_png

COLUMNS = 6
WIDEST_SHEET = 2000
GUTTER = 6
LABEL_HEIGHT = 22
BACKGROUND = 24
INK = 210


def write_sheet(
    path: Path,
    pairs: Sequence[tuple[np.ndarray, np.ndarray]],
    labels: Sequence[str],
    parts: Path | None = None,
) -> None:
    """Write pairs of source and result as a PNG: one column a pair, source above, at most six in a row.

    Args:
        path: ends in .png; replaced whole or not at all.
        pairs: source and result, each (h, w, 3) uint8, RGB, sRGB; all are scaled to the first result's size.
        labels: one per pair, shown above it.
        parts: see `write_atomically`.
    Raises:
        InputError: the name does not end in .png.
        StorageError: it cannot be written.
        ShapeError: there is no pair, or not one label for each.
    """
    if path.suffix.lower() != ".png":
        raise InputError(f"{path.name}: a contact sheet is a PNG. Give it a name that ends in .png.")
    if not pairs or len(pairs) != len(labels):
        raise ShapeError(f"A contact sheet needs one label per pair of frames; got {len(labels)} for {len(pairs)}.")
    columns = min(COLUMNS, len(pairs))
    width, height = _cell_size(pairs[0][1], columns)
    cells = [_cell(pair, label, width, height) for pair, label in zip(pairs, labels, strict=True)]
    write_png(path, _arranged(cells, columns), parts)


def _cell_size(result: np.ndarray, columns: int) -> tuple[int, int]:
    """Width and height in pixels of one picture, such that the sheet is not too wide."""
    height, width = result.shape[:2]
    room = (WIDEST_SHEET - GUTTER * (columns + 1)) // columns
    factor = min(1.0, room / width)
    return max(1, round(width * factor)), max(1, round(height * factor))


def _cell(pair: tuple[np.ndarray, np.ndarray], label: str, width: int, height: int) -> np.ndarray:
    """Label, source and result below one another, with a gutter to the right and below: (h, w, 3) uint8."""
    cell = np.full((LABEL_HEIGHT + 2 * (height + GUTTER), width + GUTTER, 3), BACKGROUND, np.uint8)
    cv2.putText(cell, label, (2, LABEL_HEIGHT - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (INK, INK, INK), 1, cv2.LINE_AA)
    for place, image in enumerate(pair):
        top = LABEL_HEIGHT + place * (height + GUTTER)
        cell[top : top + height, :width] = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return cell


def _arranged(cells: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """The cells in rows, on the dark background, with a gutter all around: (h, w, 3) uint8."""
    blank = np.full_like(cells[0], BACKGROUND)
    rows = [_filled(cells[first : first + columns], columns, blank) for first in range(0, len(cells), columns)]
    sheet = np.vstack([np.hstack(list(row)) for row in rows])
    return np.pad(sheet, ((GUTTER, 0), (GUTTER, 0), (0, 0)), constant_values=BACKGROUND)


def _filled(row: Sequence[np.ndarray], columns: int, blank: np.ndarray) -> Iterator[np.ndarray]:
    yield from row
    yield from [blank] * (columns - len(row))
