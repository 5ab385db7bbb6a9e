"""Small image sequences, whose pictures carry their number."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from media_fixtures import SIZE, ffmpeg, numbered_frame

from stylevideo.media.ffmpeg import file_url


def deep_frame(seed: int = 0, channels: int = 3) -> np.ndarray:
    """Every value by chance: (H, W, channels) uint16."""
    return np.random.default_rng(seed).integers(0, 65536, (SIZE[1], SIZE[0], channels), np.uint16)


def save(path: Path, pixels: np.ndarray) -> Path:
    """Write RGB, RGBA or gray pixels as they are, with OpenCV or, as DPX, with ffmpeg."""
    order = [2, 1, 0, 3][: pixels.shape[2]] if pixels.ndim == 3 else slice(None)
    kind = ".png" if path.suffix.lower() == ".dpx" else path.suffix
    coded, data = cv2.imencode(kind, pixels[..., order] if pixels.ndim == 3 else pixels)
    assert coded
    if kind == path.suffix:
        path.write_bytes(data.tobytes())
        return path
    between = path.with_name("between.png")
    between.write_bytes(data.tobytes())
    ffmpeg("-f", "png_pipe", "-i", file_url(between), "-c:v", "dpx", "-f", "image2", "-update", "1", file_url(path))
    between.unlink()
    return path


def save_numbered(folder: Path, name: str, numbers: Iterable[int]) -> list[Path]:
    """Files with numbered pictures; `name` has `{}`, or `{:04d}`, for the number."""
    folder.mkdir(exist_ok=True)
    return [save(folder / name.format(number), numbered_frame(number % 256)) for number in numbers]


def cut_short(path: Path) -> None:
    """Leave half of a file, as a full disk or a broken copy does."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
