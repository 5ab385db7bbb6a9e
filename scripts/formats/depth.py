"""Ramps of 16 bits and edges of alpha through the deliveries that keep them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scripts.formats.footage import RATE, Encoder, Studio, constant, save_picture
from scripts.formats.inputs import FFV1, MUTE, PRORES
from scripts.formats.measures import decode, identity, largest_difference
from scripts.formats.report import Row
from stylevideo.errors import StyleVideoError

SIZE = (256, 96)
COUNT = 3
EXACT, TEN_BITS = (0, 0), (256, 64)
"""Largest errors of colours and of alpha in levels of 16 bits; one level of 10 bits is 64."""
BAR = (
    "not one of 24 576 levels is changed by PNG, TIFF and FFV1; ProRes 4444, which has 10 bits in YUV and compresses, "
    "is off by at most 256 in colours (four of its levels) and 64 in alpha (one)."
)
_FORMATS = {"png": "f.####.png", "tiff": "f.####.tif", "ffv1": "f.mkv", "prores-4444": "f.mov"}
_DELIVERIES = {
    "png16": ("film.####.png", EXACT),
    "tiff16": ("film.####.tif", EXACT),
    "ffv1": ("film.mkv", EXACT),
    "prores-4444": ("film.mov", TEN_BITS),
}


@dataclass(frozen=True)
class _Clip:
    """A source, and its pictures as they are in it: (n, h, w, 4) uint16."""

    path: Path
    pictures: np.ndarray


def ramps() -> np.ndarray:
    """Ramps through every level in three directions, and alpha with a soft and a hard edge: (n, h, w, 4) uint16."""
    width, height = SIZE
    levels = np.linspace(0, 65535, height * width).reshape(height, width).astype(np.uint16)
    alpha = np.zeros((height, width), np.uint16)
    alpha[20:76, 60:190] = 65535
    alpha[20:76, 40:60] = np.linspace(0, 65535, 20, dtype=np.uint16)
    planes = np.stack([levels, levels[::-1], levels[:, ::-1], alpha], axis=-1)
    return np.stack([np.roll(planes, 7 * i, axis=1) for i in range(COUNT)])


def check_depth(studio: Studio) -> Iterator[Row]:
    """A row for each kind of source and each delivery."""
    for kind in _FORMATS:
        clip = make_clip(kind, studio)
        for delivery in _DELIVERIES:
            yield check_levels(kind, clip, delivery, studio)


def make_clip(kind: str, studio: Studio) -> _Clip:
    """The ramps in one kind of file; ProRes changes them, so it is decoded."""
    path, pictures = studio.folder / _FORMATS[kind], ramps()
    if kind in ("png", "tiff"):
        for number, picture in enumerate(pictures, 1):
            save_picture(path.with_name(path.name.replace("####", f"{number:04}")), picture)
    elif kind == "ffv1":
        studio.encode(path, pictures, Encoder(FFV1, "gbrap16le", MUTE), constant())
    else:
        encoder = Encoder((*PRORES, "4444", "-alpha_bits", "16"), "yuva444p10le", MUTE)
        studio.encode(path, pictures, encoder, constant())
        pictures = decode(path, "rgba64le", SIZE)
    return _Clip(path, pictures)


def check_levels(kind: str, clip: _Clip, delivery: str, studio: Studio) -> Row:
    """Deliver the ramps, and compare every pixel."""
    what, (name, (colors, alpha)) = f"{kind} to {delivery}", _DELIVERIES[delivery]
    film = studio.folder / name
    try:
        identity(clip.path, film, delivery=delivery, overwrite=True, restart=True, rate=str(RATE))
    except StyleVideoError as error:
        return Row(what, {}, (f"refused: {error}",))
    made = decode(film, "rgba64le", SIZE)
    if len(made) != COUNT:
        return Row(what, {}, (f"{len(made)} frames instead of {COUNT}",))
    off = [largest_difference(made[..., part], clip.pictures[..., part]) for part in (slice(0, 3), slice(3, 4))]
    faults = [
        f"{n} off by {v}" for n, v, most in zip(("colours", "alpha"), off, (colors, alpha), strict=True) if v > most
    ]
    levels = [len(np.unique(made[..., part])) for part in (slice(0, 3), slice(3, 4))]
    figures = {"colours off": off[0], "their limit": colors, "alpha off": off[1], "its limit": alpha}
    return Row(what, figures | {"different levels in the film": levels[0]}, tuple(faults))
