"""Parts of finished frames side by side, enlarged and labelled, for the eye to judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np
from torch import Tensor

from scripts.benchmark.clips import BenchmarkClip
from stylevideo.media.images.pictures import to_picture

Window = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of the picture, in parts of its width and height."""
Picture = Callable[[int], Tensor]
"""A frame's picture (1, 3, H, W) by its index."""
WHOLE: Window = (0.0, 0.0, 1.0, 1.0)
MIDDLE: Window = (0.3, 0.15, 0.7, 0.85)
WALL: Window = (0.76, 0.18, 0.96, 0.85)
WALL_BEFORE, WALL_AFTER = 192, 217
"""Frames of bikes before and after a man hides that part of the wall."""
BEHIND_THE_MAN = (
    (199, (0.2, 0.05, 0.6, 0.95)),
    (204, (0.4, 0.05, 0.8, 0.95)),
    (209, (0.5, 0.05, 0.9, 0.95)),
    (214, (0.6, 0.05, 1.0, 0.95)),
)
"""Frames of bikes, and what he has just uncovered there."""
ENLARGED = 3
LABEL_HEIGHT, GUTTER, BACKGROUND, INK = 18, 4, 24, 210
FONT = (cv2.FONT_HERSHEY_SIMPLEX, 0.4, 1)


def windows(clip: BenchmarkClip) -> list[tuple[int, Window]]:
    """Which parts of which frames are worth a look: of all clips the middle, early, half way and at the end."""
    indices = [frame.index for frame in clip.frames]
    chosen = [indices[min(2, len(indices) - 1)], indices[len(indices) // 2], indices[-1]]
    behind = [(index, window) for index, window in BEHIND_THE_MAN if clip.name == "bikes" and index in indices]
    return [*((index, MIDDLE) for index in dict.fromkeys(chosen)), *behind]


def crops(clip: str, columns: Mapping[str, Picture], places: Sequence[tuple[int, Window]]) -> np.ndarray:
    """Parts of pictures side by side: a column for each way to make them, a line for each place."""
    lines = [[cut(picture(index), window) for picture in columns.values()] for index, window in places]
    return grid(lines, list(columns), [f"{clip} {index}" for index, _ in places])


def part(image: Tensor, window: Window) -> Tensor:
    """What is inside a window of a picture (1, C, H, W)."""
    height, width = image.shape[2:]
    left, right = (round(edge * width) for edge in window[::2])
    top, bottom = (round(edge * height) for edge in window[1::2])
    return image[..., top:bottom, left:right]


def cut(image: Tensor, window: Window) -> np.ndarray:
    """What is inside a window of a picture (1, 3, H, W), enlarged: (h, w, 3) uint8."""
    inside = to_picture(part(image, window))
    return cv2.resize(inside, None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC)


def grid(lines: Sequence[Sequence[np.ndarray]], columns: Sequence[str], names: Sequence[str]) -> np.ndarray:
    """Pictures in lines and columns, of one size in each line, with the line's and the column's name above each."""
    strips = [
        np.hstack([_labelled(picture, f"{name}: {column}") for picture, column in zip(line, columns, strict=True)])
        for line, name in zip(lines, names, strict=True)
    ]
    widest = max(strip.shape[1] for strip in strips)
    padded = [np.pad(s, ((0, 0), (0, widest - s.shape[1]), (0, 0)), constant_values=BACKGROUND) for s in strips]
    return np.vstack(padded)


def _labelled(picture: np.ndarray, label: str) -> np.ndarray:
    """A picture with a line of text above it, widened where the text needs it."""
    (text_width, _), _ = cv2.getTextSize(label, *FONT)
    right = max(GUTTER, text_width + GUTTER - picture.shape[1])
    cell = np.pad(picture, ((LABEL_HEIGHT, GUTTER), (GUTTER, right), (0, 0)), constant_values=BACKGROUND)
    face, scale, thickness = FONT
    cv2.putText(cell, label, (GUTTER, LABEL_HEIGHT - 5), face, scale, (INK,) * 3, thickness, cv2.LINE_AA)
    return cell
