"""Whether a first frame looks the same however many lines it has, all seen at the fewest lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from scripts.benchmark.clips import BenchmarkClip, load_clip
from scripts.benchmark.look import CLIPS, choose_frames
from scripts.benchmark.methods import Film, Method, Workbench
from scripts.benchmark.pictures import grid
from scripts.benchmark.report import Bar, Findings, number, table
from stylevideo.media.images.pictures import to_image, to_picture
from stylevideo.ops.pyramid import resize
from stylevideo.quality.look import Look, judge_film
from stylevideo.quality.metrics import ratio

ANY_SIZE = 64
"""A long edge at which a clip's proportions are seen."""
MOST_AWAY = 0.2
"""By which part strokes may be wider or narrower, in parts of the height, than at the fewest lines."""
SHOWN_LINES = 480


@dataclass(frozen=True, eq=False)
class AtSize:
    """A method's first frame at one size; `look` is that of the picture reduced to the fewest lines."""

    film: Film
    look: Look


def load_sizes(name: str, lines: Sequence[int], media: Path) -> Iterator[BenchmarkClip]:
    """A clip's frame that is worth a look, at so many lines each, the fewest first.

    Footage that has fewer lines is left out, and said to be.

    Raises:
        MissingClipError: it is not on this machine.
    """
    height, width = load_clip(name, ANY_SIZE, 1, media).size
    for count in sorted(lines):
        clip = load_clip(name, round(count * max(1, width / height)), CLIPS.get(name, 0) + 1, media)
        if abs(clip.size[0] - count) <= 1:
            yield replace(choose_frames(clip, 1), name=f"{name}-{count}")
        else:
            print(f"{name} has no {count} lines: that size is skipped", flush=True)


def check_sizes(bench: Workbench, clips: Sequence[BenchmarkClip], methods: Sequence[Method]) -> Findings:
    """Make each method's frame at each size in the workbench's style, and compare its strokes with the first size's."""
    rows, bars, lines = [], [], []
    for method in methods:
        made = [_at_size(bench, clip, clips[0], method) for clip in clips]
        widths = [ratio(found.look.stroke_width, made[0].look.stroke_width) for found in made]
        rows += [[method.name, *_row(found, width)] for found, width in zip(made, widths, strict=True)]
        bars += [
            Bar(f"{clip.name}, {method.name}: stroke width, away from {clips[0].name}'s", abs(width - 1), MOST_AWAY)
            for clip, width in zip(clips[1:], widths[1:], strict=True)
        ]
        lines.append([_shown(found.film) for found in made])
    style = bench.styles[0].style.path.stem
    headings = [
        *("method", "size", "evaluations", "seconds", "stroke width", "times the first"),
        *("7 px", "13 px", "style's, 7 px", "legible", "dirt"),
    ]
    sheet = grid(lines, [f"{clip.size[0]} lines" for clip in clips], [method.name for method in methods])
    name = f"{clips[0].name.rpartition('-')[0]}, {style}"
    pictures = {f"sizes-{name.replace(', ', '-')}": sheet}
    return Findings(f"## {name}\n\n{table(headings, rows)}", tuple(bars), pictures)


def _at_size(bench: Workbench, clip: BenchmarkClip, smallest: BenchmarkClip, method: Method) -> AtSize:
    film = bench.make(clip, method)
    picture = resize(film.picture(clip.frames[0].index), smallest.size)
    style = to_image(bench.styles[0].picture)
    return AtSize(film, judge_film(smallest.frames, [picture], style, stroke_size=method.settings.strokes.stroke_size))


def _row(found: AtSize, width: float) -> list[str]:
    film, look = found.film, found.look
    likeness = (look.to_style["7 px, whole"], look.to_style["13 px, whole"], look.from_style["7 px"])
    figures = (look.stroke_width, width, *likeness, look.legibility, look.dirt_ratio)
    height, across = film.clip.size
    return [f"{across}x{height}", str(film.evaluations), f"{film.seconds:.0f}", *map(number, figures)]


def _shown(film: Film) -> np.ndarray:
    """The picture at the height at which all are shown: (h, w, 3) uint8."""
    picture = film.picture(film.clip.frames[0].index)
    height, width = film.clip.size
    return to_picture(resize(picture, (SHOWN_LINES, round(width * SHOWN_LINES / height))))
