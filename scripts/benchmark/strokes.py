"""Whether strokes are as wide as asked for, run where they should, live evenly, and stand where they are held."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from scripts.benchmark.clips import BenchmarkClip
from scripts.benchmark.methods import Film, Method, Workbench, as_the_product_does
from scripts.benchmark.pictures import WHOLE, Picture, crops
from scripts.benchmark.report import Bar, Findings, number, table
from stylevideo.motion.estimate import with_motion
from stylevideo.motion.flow import DISFlow
from stylevideo.ops.margin import without_margin
from stylevideo.ops.warp import warp
from stylevideo.quality.metrics import ratio
from stylevideo.quality.traits import added_width, misdirection
from stylevideo.render.styles import directions_of

WIDTHS = (0.5, 1.0, 2.0, 4.0)
ANGLES = ("", "0", "45", "gradient", "motion")
LIVES = ((0.0, 1), (0.5, 1), (1.0, 1), (0.5, 2))
"""Boil, and frames that strokes are held for."""
MOST_AWAY, MOST_DEGREES, MOST_UNEVEN, MOST_HELD = 0.2, 15.0, 2.0, 0.3
PARTS = (2, 3)
"""Rows and columns into which pictures are divided, to see whether they boil evenly."""
SURELY_SEEN = 0.9


@dataclass(frozen=True)
class Changes:
    """By how much each frame of a film differs from the one before it, moved along: root mean square, 1/255.

    Attributes:
        frames: of each frame but the first.
        parts: of each part of the picture, over all frames.
    """

    frames: tuple[float, ...]
    parts: tuple[float, ...]


def check_strokes(bench: Workbench, clip: BenchmarkClip, base: Method) -> Findings:
    """Make a clip's first frame at each width, and short films along each field and with each boil."""
    name = f"{clip.name}, {bench.styles[0].style.path.stem}"
    first = replace(clip, name=f"{clip.name}-first", frames=clip.frames[:1])

    def film(of: BenchmarkClip, title: str, **values: Any) -> Film:
        return bench.make(of, Method(title, base.settings.with_values(**values), as_the_product_does))

    sized = {width: film(first, f"stroke size {width:g}", stroke_size=width) for width in WIDTHS}
    angled = {word: film(clip, f"angle {word or 'none'}", stroke_angle=word) for word in ANGLES}
    living = {life: film(clip, f"boil {life[0]:g} on {life[1]}s", boil=life[0], hold_strokes=life[1]) for life in LIVES}
    size_rows, size_bars = _sizes(name, sized)
    angle_rows, angle_bars = _angles(name, angled, base)
    life_rows, life_bars = _lives(name, living)
    parts = [
        f"## {name}: {len(clip.frames)} frames, {clip.size[1]}x{clip.size[0]}",
        table(["stroke size", "width of what is added, thousandths of the height", "times that of 1"], size_rows),
        table(
            ["angle", "from the field, degrees, first frame", "last", "of the film without", "of the picture"],
            angle_rows,
        ),
        table(["boil", "on", "change beside motion, 1/255, by frame", "largest part, times the least"], life_rows),
    ]
    last = clip.frames[-1].index
    pictures = {
        "sizes": crops(first.name, {"source": first.image, **_shown(sized, "size")}, [(clip.frames[0].index, WHOLE)]),
        "angles": crops(clip.name, {"source": clip.image, **_shown(angled, "angle")}, [(last, WHOLE)]),
        "boil": crops(clip.name, _shown(living, "boil"), [(last - 1, WHOLE), (last, WHOLE)]),
    }
    stem = bench.styles[0].style.path.stem
    sheets = {f"strokes-{kind}-{clip.name}-{stem}": sheet for kind, sheet in pictures.items()}
    return Findings("\n\n".join(parts), (*size_bars, *angle_bars, *life_bars), sheets)


def _shown(films: Mapping[Any, Film], what: str) -> dict[str, Picture]:
    return {f"{what} {key}": film.picture for key, film in films.items()}


def _sizes(name: str, films: dict[float, Film]) -> tuple[list[list[str]], list[Bar]]:
    widths = {}
    for width, film in films.items():
        frame = film.clip.frames[0]
        widths[width] = added_width(frame.image, film.picture(frame.index))
    times = {width: ratio(found, widths[1.0]) for width, found in widths.items()}
    rows = [[f"{width:g}", number(1000 * widths[width]), number(times[width])] for width in films]
    bars = [
        Bar(f"{name}, stroke size {width:g}: width, away from asked", abs(times[width] / width - 1), MOST_AWAY)
        for width in films
        if width != 1
    ]
    return rows, bars


def _angles(name: str, films: dict[str, Film], base: Method) -> tuple[list[list[str]], list[Bar]]:
    rows, bars, plain = [], [], films[""]
    for word, film in films.items():
        if not word:
            continue
        fields = fields_of(film.clip, base, word)
        ends = (film.clip.frames[0].index, film.clip.frames[-1].index)
        first, last = (misdirection(film.picture(index), fields[index]) for index in ends)
        without, _ = misdirection(plain.picture(ends[1]), fields[ends[1]])
        rows.append([word, *map(number, (first[0], last[0], without, last[1]))])
        bars.append(Bar(f"{name}, angle {word}: median of what strokes are off, degrees", last[0], MOST_DEGREES))
    return rows, bars


def fields_of(clip: BenchmarkClip, base: Method, word: str) -> dict[int, Tensor]:
    """The field of each frame, by its index, as the film's own."""
    directions = directions_of(base.settings.with_values(stroke_angle=word).strokes)
    assert directions is not None, "a word says a direction"
    fields, known = {}, None
    for frame, motion in with_motion(clip.frames, DISFlow()):
        known = directions.known(frame, motion, known)
        fields[frame.index] = without_margin(directions.field(known, clip.size))
    return fields


def _lives(name: str, films: dict[tuple[float, int], Film]) -> tuple[list[list[str]], list[Bar]]:
    found = {life: changes_of(film) for life, film in films.items()}
    rows = [
        [f"{boil:g}", str(held), " ".join(f"{value:.1f}" for value in told.frames), number(_uneven(told.parts))]
        for (boil, held), told in found.items()
    ]
    still, half, full = (statistics.fmean(found[boil, 1].frames) for boil in (0.0, 0.5, 1.0))
    on_twos, alone = found[0.5, 2].frames, found[0.5, 1].frames
    held, changed = on_twos[0::2], on_twos[1::2]
    bars = [
        Bar(f"{name}: change by a boil of 0.5, times that of none", ratio(half, still), least=1.25),
        Bar(f"{name}: change by a boil of 1, times that of 0.5", ratio(full, half), least=1.25),
        Bar(f"{name}, boil 1: most changed frame, times the least", _uneven(found[1.0, 1].frames), most=MOST_UNEVEN),
        Bar(f"{name}, boil 1: most changed part, times the least", _uneven(found[1.0, 1].parts), most=MOST_UNEVEN),
        Bar(f"{name}, on twos: held frames, times those that change", ratio(max(held), min(changed)), most=MOST_HELD),
        Bar(
            f"{name}, on twos: how much more or less frames change than on ones",
            abs(ratio(statistics.fmean(changed), statistics.fmean(alone[1::2])) - 1),
            MOST_HELD,
        ),
    ]
    return rows, bars


def changes_of(film: Film) -> Changes:
    """What changes in a film beside its source's motion."""
    frames, squares = [], []
    before: Tensor | None = None
    for frame, motion in with_motion(film.clip.frames, DISFlow()):
        now = film.picture(frame.index)
        if before is not None and motion is not None:
            seen = (motion.visible > SURELY_SEEN).float()
            apart = (255 * (now - warp(before, motion.flow_to_previous))).square().mean(dim=1, keepdim=True) * seen
            frames.append(float(apart.sum() / seen.sum()) ** 0.5)
            squares.append(F.adaptive_avg_pool2d(apart, PARTS) / F.adaptive_avg_pool2d(seen, PARTS).clamp_min(1e-3))
        before = now
    parts = torch.stack(squares).mean(dim=0).sqrt().flatten()
    return Changes(tuple(frames), tuple(parts.tolist()))


def _uneven(values: Sequence[float]) -> float:
    return ratio(max(values), min(values))
