"""Mattes that go from black to white across the picture: of strength, and of the size of strokes.

Along a ramp of strength the distance to the source must rise, and be at both ends that of a whole frame of that
strength; along one of size strokes must become wider.
"""

from __future__ import annotations

import math
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from scripts.benchmark.clips import BenchmarkClip
from scripts.benchmark.mattes import Film, make_film
from scripts.benchmark.pictures import grid
from scripts.benchmark.report import Bar, Findings, number, table
from stylevideo.media.images.pictures import to_image, to_picture, write_png
from stylevideo.quality.metrics import ratio
from stylevideo.quality.traits import added_width
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style

TENTHS, THIRDS = 10, 3
END = 1 / TENTHS
"""Of the width, black at the one end of a ramp and white at the other."""
MOST_AWAY = 0.15
"""Of the distance of a whole frame of the full strength, by which an end may be away from what it should be."""
LEAST_RISE = -0.02
"""Of that distance, from one tenth of the width to the next: what a frame shows differs from place to place."""
STROKE_SIZE = 4.0
ENLARGED = 3


def check_ramps(clip: BenchmarkClip, style: Path, strength: float, values: Mapping[str, Any]) -> Findings:
    """Make a clip's film with both ramps, and what their ends should be.

    Args:
        clip: to be painted.
        style: a picture.
        strength: at white.
        values: of settings, by name.
    """
    settings = Settings().with_values(detect_cuts=False, provenance=False).with_values(**values)
    height, width = clip.size
    ramp = (((np.arange(width) + 0.5) / width - END) / (1 - 2 * END)).clip(0, 1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for place, frame in enumerate(clip.frames, 1):
            write_png(folder / f"source.{place:04d}.png", to_picture(frame.image))
        matte = np.rint(255 * np.repeat(ramp[None], height, 0)).astype(np.uint8)
        write_png(folder / "matte.png", np.dstack([matte] * 3))
        text = str(folder / "matte.png")
        wanted: dict[str, dict[str, Any]] = {
            "strength 0": {"strength": 0.0},
            "full strength": {"strength": strength},
            "strength matte": {"strength": strength, "strength_matte": text},
            "stroke size 1": {},
            "full size": {"stroke_size": STROKE_SIZE},
            "size matte": {"stroke_size": STROKE_SIZE, "stroke_size_matte": text},
        }
        films = {
            title: make_film(folder, title.replace(" ", "-"), [Style(style)], settings.with_values(**own))
            for title, own in wanted.items()
        }
    sources = [to_picture(frame.image) for frame in clip.frames]
    what = f"{clip.name}, {style.stem}"
    strengths, bars = _strengths(what, sources, films)
    sizes = _sizes(sources, films)
    heading = f"## {what}: {len(clip.frames)} frames, {width}x{height}"
    shown = [
        cv2.resize(pictures[-1], None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC)
        for pictures in (sources, *(film.pictures for film in films.values()))
    ]
    sheet = {f"ramps-{clip.name}-{style.stem}": grid([shown], ["source", *films], [clip.name])}
    return Findings(f"{heading}\n\n{strengths}\n\n{sizes}", bars, sheet)


def _strengths(what: str, sources: Sequence[np.ndarray], films: Mapping[str, Film]) -> tuple[str, tuple[Bar, ...]]:
    chosen = ("strength 0", "full strength", "strength matte")
    away = {
        title: [
            statistics.fmean(float(np.abs(mine.astype(float) - source)[:, part].mean()) for mine, source in pairs)
            for part in _parts(sources[0].shape[1], TENTHS)
        ]
        for title in chosen
        if (pairs := list(zip(films[title].pictures, sources, strict=True)))
    }
    black, white, found = (away[title] for title in chosen)
    parts = [ratio(mine - none, full - none) for mine, none, full in zip(found, black, white, strict=True)]
    rows = [[title, *map(number, away[title])] for title in chosen]
    rows.append(["part of the way", *map(number, parts)])
    told = f"{what}, strength matte"
    return table(["from the source by tenths of the width, 1/255", *map(str, range(1, TENTHS + 1))], rows), (
        Bar(f"{told}: black end, from strength 0 towards the full one", abs(parts[0]), most=MOST_AWAY),
        Bar(f"{told}: white end, away from the full strength", abs(parts[-1] - 1), most=MOST_AWAY),
        Bar(f"{told}: least rise from tenth to tenth", min(b - a for a, b in pairwise(parts)), least=LEAST_RISE),
    )


def _sizes(sources: Sequence[np.ndarray], films: Mapping[str, Film]) -> str:
    """Times the width at size 1, in the same part of the picture."""
    chosen = ("stroke size 1", "size matte", "full size")
    widths = {
        title: [_width(sources, films[title].pictures, part) for part in _parts(sources[0].shape[1], THIRDS)]
        for title in chosen
    }
    rows = [
        [title, *(number(ratio(*pair)) for pair in zip(own, widths[chosen[0]], strict=True))]
        for title, own in widths.items()
    ]
    return table(["width of strokes by thirds, times that at size 1", "1", "2", "3"], rows)


def _width(sources: Sequence[np.ndarray], pictures: Sequence[np.ndarray], part: slice) -> float:
    """Of what is added in a part of the width, the mean over frames."""
    found = [
        added_width(*(to_image(np.ascontiguousarray(image[:, part])) for image in pair))
        for pair in zip(sources, pictures, strict=True)
    ]
    return statistics.fmean(width for width in found if not math.isnan(width))


def _parts(width: int, count: int) -> list[slice]:
    ends = [round(width * place / count) for place in range(count + 1)]
    return [slice(*pair) for pair in pairwise(ends)]
