"""Two looks in two mattes: how near each is to its style within its matte, and whether the rest is the source.

Style distances are those of `style_distance`, at layers that the painter sees (its own) and in the same region of a
film that the style has for itself; beside that, in all of that film.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from scripts.benchmark.clips import BenchmarkClip
from scripts.benchmark.pictures import grid
from scripts.benchmark.report import Bar, Findings, number, table
from scripts.samples.balloon import balloon_mattes
from stylevideo.engine.targets import StylePicture, StyleTargets
from stylevideo.media.images.pictures import read_picture, to_image, to_picture, write_png
from stylevideo.models.vgg import VGG19
from stylevideo.models.weights import load_vgg19
from stylevideo.quality.metrics import style_distance
from stylevideo.render.stylize import stylize
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style

MOST_AWAY = 1.15
"""Style distance within a matte, times that of the style's own film."""
SPEED = 1 / 128
"""Of an ellipse, in widths of the picture a frame."""
BAND_PX = 3
"""Each way from a matte's edge."""
ENLARGED, CROP_PX = 6, 48
HEADINGS = (
    *("style", "within its matte", "there in its own film", "times", "in all of its own film", "times"),
    *("seconds", "its own film's"),
)


@dataclass(frozen=True)
class Film:
    """What was made: pictures (H, W, 3) uint8, and the seconds of its frames."""

    pictures: tuple[np.ndarray, ...]
    seconds: float


def mattes_of(clip: BenchmarkClip) -> list[np.ndarray]:
    """Mattes (H, W) uint8: exactly the near balloon's; in footage an ellipse that moves across, soft by four pixels."""
    height, width = clip.size
    if clip.name == "balloon":
        count = clip.frames[-1].index + 1
        exact = list(balloon_mattes(count, width, height))
        return [np.rint(255 * exact[frame.index]).astype(np.uint8) for frame in clip.frames]
    return [_ellipse(height, width, place) for place in range(len(clip.frames))]


def _ellipse(height: int, width: int, place: int) -> np.ndarray:
    matte, middle = np.zeros((height, width), np.uint8), (round(width * (0.4 + SPEED * place)), height // 2)
    cv2.ellipse(matte, middle, (width // 4, round(height * 0.4)), 0, 0, 360, 255, -1, cv2.LINE_AA)
    return cv2.blur(matte, (5, 5))


def check_mattes(clip: BenchmarkClip, styles: tuple[Path, Path], values: Mapping[str, Any]) -> Findings:
    """Make a clip's film in two looks, in one of them, and in each style alone.

    Args:
        clip: to be painted.
        styles: pictures: of the matte, and of its inverse.
        values: of settings, by name.
    """
    settings = Settings().with_values(detect_cuts=False, provenance=False).with_values(**values)
    mattes, (first, second) = mattes_of(clip), styles
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for place, (frame, matte) in enumerate(zip(clip.frames, mattes, strict=True), 1):
            write_png(folder / f"source.{place:04d}.png", to_picture(frame.image))
            write_png(folder / f"matte.{place:04d}.png", np.dstack([matte] * 3))
        text = str(folder / "matte.####.png")
        films = {
            "both": make_film(folder, "both", [Style(first, 1, text), Style(second, 1, f"{text}:inverted")], settings),
            "one": make_film(folder, "one", [Style(first, 1, text)], settings),
            first.stem: make_film(folder, "first", [Style(first)], settings),
            second.stem: make_film(folder, "second", [Style(second)], settings),
        }
    vgg = load_vgg19()
    rows, bars = [], list[Bar]()
    for style, parts in ((first, [m / 255 for m in mattes]), (second, [1 - m / 255 for m in mattes])):
        within, there, everywhere = _distances(vgg, films["both"], films[style.stem], style, parts, settings)
        seconds = [f"{films[made].seconds:.1f}" for made in ("both", style.stem)]
        figures = (within, there, within / there, everywhere, within / everywhere)
        rows.append([style.stem, *map(number, figures), *seconds])
        what = f"{clip.name}, {style.stem}: style distance within its matte"
        bars.append(Bar(f"{what}, times that there in its own film", within / there, most=MOST_AWAY))
        bars.append(Bar(f"{what}, times that of all of its own film", within / everywhere, most=MOST_AWAY))
    sources = [to_picture(frame.image) for frame in clip.frames]
    off = sum(
        int((made[matte == 0] != source[matte == 0]).sum())
        for made, source, matte in zip(films["one"].pictures, sources, mattes, strict=True)
    )
    bars.append(Bar(f"{clip.name}: values of uncovered pixels that are not the source's", off, most=0))
    heading = f"## {clip.name}: {len(clip.frames)} frames, {clip.size[1]}x{clip.size[0]}"
    alone = f"One look in its matte: {films['one'].seconds:.1f} s; without: {films[first.stem].seconds:.1f} s."
    sheet = {f"mattes-{clip.name}": _sheet(clip, sources, mattes, films)}
    return Findings(f"{heading}\n\n{table(list(HEADINGS), rows)}\n\n{alone}", tuple(bars), sheet)


def make_film(folder: Path, name: str, styles: Sequence[Style], settings: Settings) -> Film:
    """Of `source.####.png` in a folder, as the program makes it."""
    began = time.perf_counter()
    stylize(folder / "source.####.png", styles, folder / f"{name}.####.png", settings)
    pictures = tuple(read_picture(file) for file in sorted(folder.glob(f"{name}.*.png")))
    return Film(pictures, time.perf_counter() - began)


def _distances(
    vgg: VGG19, both: Film, alone: Film, style: Path, parts: Sequence[np.ndarray], settings: Settings
) -> tuple[float, float, float]:
    """Within its matte, there in the style's own film, and in all of that; means over frames in which it is."""
    targets = StyleTargets(
        vgg, [StylePicture(to_image(read_picture(style)), 1.0)], settings.losses, settings.strokes.stroke_size
    )
    height, width = both.pictures[0].shape[:2]
    terms = targets.grams((height, width))
    found: list[tuple[float, float, float]] = []
    for mixed, own, part in zip(both.pictures, alone.pictures, parts, strict=True):
        region = torch.from_numpy(part.astype(np.float32))[None, None]
        if region.any():
            images: list[Tensor] = [to_image(mixed), to_image(own)]
            within, there = (style_distance(vgg, image, terms, region) for image in images)
            found.append((within, there, style_distance(vgg, images[1], terms)))
    within, there, everywhere = (statistics.fmean(each) for each in zip(*found, strict=True))
    return within, there, everywhere


def _sheet(
    clip: BenchmarkClip, sources: Sequence[np.ndarray], mattes: Sequence[np.ndarray], films: Mapping[str, Film]
) -> np.ndarray:
    """The first and the last frame, and the band along the edge enlarged, in all films."""
    lines, names = [], []
    columns = ["source", *films]
    for place in (0, len(sources) - 1):
        shown = [sources[place], *(film.pictures[place] for film in films.values())]
        lines.append([cv2.resize(picture, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC) for picture in shown])
        names.append(f"{clip.name} {clip.frames[place].index}"[:24])
        for where in _edges(mattes[place]):
            lines.append([_enlarged(picture[where], mattes[place][where]) for picture in shown])
            names.append("edge")
    return grid(lines, columns, names)


def _edges(matte: np.ndarray) -> Iterator[tuple[slice, slice]]:
    """Two places of a matte's edge, at its left and its top."""
    white = matte >= 128
    rows, columns = np.nonzero(white & ~cv2.erode(white.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool))
    for at in (int(columns.argmin()), int(rows.argmin())) if len(rows) else ():
        corner = [
            int(np.clip(middle - CROP_PX // 2, 0, max(0, length - CROP_PX)))
            for middle, length in zip((rows[at], columns[at]), matte.shape, strict=True)
        ]
        yield slice(corner[0], corner[0] + CROP_PX), slice(corner[1], corner[1] + CROP_PX)


def _enlarged(picture: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """A part of a picture, with what is further than the band from the edge at half its brightness."""
    white = (matte >= 128).astype(np.uint8)
    kernel = np.ones((2 * BAND_PX + 1,) * 2, np.uint8)
    band = cv2.dilate(white, kernel) != cv2.erode(white, kernel)
    shown = np.where(band[..., None], picture, picture // 2)
    enlarged: np.ndarray = cv2.resize(shown, None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_NEAREST)
    return enlarged
