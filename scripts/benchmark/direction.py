"""What strength does to a film, step by step; and whether films that change over time are as steady as others."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from scripts.benchmark.clips import BenchmarkClip
from scripts.benchmark.methods import Film, Method, Painted, Row, Workbench, as_the_product_does, picture_path
from scripts.benchmark.pictures import WHOLE, crops
from scripts.benchmark.report import Bar, Findings, number, table
from stylevideo.engine.targets import StyleTargets
from stylevideo.media.images.pictures import to_picture, write_png
from stylevideo.models.vgg import VGG19
from stylevideo.ops.filters import gaussian_blur
from stylevideo.planning.keyed_looks import KeyedLook, blended
from stylevideo.planning.style_clips import MEAN, STRETCH, Course
from stylevideo.quality.measures import LONG_STEP_FRAMES
from stylevideo.quality.metrics import ratio
from stylevideo.render.styles import ReadStyle, style_targets
from stylevideo.render.stylize import stylize_frames
from stylevideo.settings.curves import Curve, LookKey, read_keys
from stylevideo.settings.over_time import SettingsOverTime
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style

FARNEBACK = "Farneback"
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
LEAST_STEP = 3.0
"""Mean difference between the pictures of two neighbouring strengths that is seen, 1/255."""
MOST_OF_SOURCE = 4.0
"""Mean difference of a film of strength 0 from its source, 1/255."""
OTHERS_STRENGTH = 0.7
"""Of the look that a film turns into."""
MOST_UNSTEADY = 1.2
"""Warping error of a film with keys, times that of one without."""
LEAST_OF_WAY = 0.8
"""How far a film has turned into another look in the frame of its key, 0..1."""
WAY_BLUR_PX = 4.0
"""Colours of broad places tell how far, not single strokes."""


def check_strength(bench: Workbench, clip: BenchmarkClip, base: Method, strengths: Sequence[float]) -> Findings:
    """Make a clip's film at each strength, and measure how far it is from the source and from the style."""
    rows = [
        bench.run(clip, Method(f"strength {s:g}", base.settings.with_values(strength=s), as_the_product_does))
        for s in strengths
    ]
    away = [_apart(row, None) for row in rows]
    steps = [_apart(row, before) for before, row in pairwise(rows)]
    lines = [
        [
            f"{strength:g}",
            *(
                number(value)
                for value in (row.summary.content, row.summary.style, row.summary.held_out_style, from_source)
            ),
            number(step),
            number(row.summary.warping_short_ratio[FARNEBACK]) if len(clip.frames) > 1 else "–",
        ]
        for strength, row, from_source, step in zip(strengths, rows, away, [float("nan"), *steps], strict=True)
    ]
    headings = ["strength", "content", "style", "held-out style", "from the source, 1/255", "from the last", "E_warp"]
    name = f"{clip.name}, {bench.styles[0].style.path.stem}"
    heading = f"## {name}: {len(clip.frames)} frames, {clip.size[1]}x{clip.size[0]}"
    columns = {"source": clip.image, **{row.method.name: row.film.picture for row in rows}}
    places = [(clip.frames[at].index, WHOLE) for at in (0, -1)]
    sheet = {f"strength-{clip.name}-{bench.styles[0].style.path.stem}": crops(clip.name, columns, places)}
    return Findings(f"{heading}\n\n{table(headings, lines)}", tuple(_bars(name, rows, away, steps)), sheet)


def _bars(name: str, rows: Sequence[Row], away: Sequence[float], steps: Sequence[float]) -> Iterator[Bar]:
    for (before, row), step in zip(pairwise(rows), steps, strict=True):
        what = f"{name}, {row.method.name}"
        yield Bar(f"{what}: content, times that before", row.summary.content / before.summary.content, least=1.0)
        yield Bar(f"{what}: style, times that before", row.summary.style / before.summary.style, most=1.0)
        yield Bar(f"{what}: apart from that before, 1/255", step, least=LEAST_STEP)
    if rows[0].method.settings.direction.strength == 0:
        yield Bar(f"{name}, {rows[0].method.name}: from the source, 1/255", away[0], most=MOST_OF_SOURCE)


def _apart(row: Row, other: Row | None) -> float:
    """Mean difference of a film's pictures from another's, or from their source's, 1/255."""
    differences = [
        float((picture - (other.film.picture(frame.index) if other else frame.image)).abs().mean())
        for frame, picture in row.film.pairs()
    ]
    return 255 * sum(differences) / len(differences)


def check_keys(bench: Workbench, clip: BenchmarkClip, base: Method, other: Path) -> Findings:
    """Make a clip's film without keys and with several, by a clip's mean and following it; compare their steadiness.

    Beside each keyed film stands the plainest that changes as much: a dissolve from the film that has its first look
    all along to that which has its last, frame by frame. It is no lower bound: strokes that stay can be steadier.

    Args:
        bench, clip: with its styles.
        base: without keys.
        other: picture of the look that a film turns into.
    """
    first, last = clip.frames[0].index, clip.frames[-1].index
    middle = (first + last) // 2
    plain = bench.run(clip, base)

    def steady(strength: float, of: Path | None = None) -> Row:
        settings = base.settings.with_values(strength=strength)
        styles = [Style(of)] if of else [read.style for read in bench.styles]
        name = f"{of.stem if of else 'strength'} {strength:g}"
        return bench.run(clip, Method(name, settings, partial(by_looks, styles)))

    changes = {
        "rising strength": (0.2, 0.9, last, "linear"),
        "falling strength": (0.9, 0.2, last, "smooth"),
        "strength at once": (0.3, 0.7, middle, "hold"),
    }
    lines, bars, shown = [_line(plain, plain)], [], [plain]
    name = f"{clip.name}, {bench.styles[0].style.path.stem}"

    def tell(row: Row, of: Row) -> None:
        shown.append(row)
        lines.append(_line(row, of))
        error = ratio(row.summary.warping_short[FARNEBACK], of.summary.warping_short[FARNEBACK])
        bars.append(Bar(f"{name}, {row.method.name}: E_warp, times that of what stays", error, most=MOST_UNSTEADY))

    def tell_dissolve(row: Row, ends: tuple[Row, Row], frame: int, easing: str) -> None:
        key = read_keys(f"strength {first}=0,{frame}=1:{easing}")
        share = Curve((first, frame), key.keys).at
        dissolve = partial(by_dissolving, ends[0].film, ends[1].film, share)
        lines.append(_line(bench.run(clip, Method(f"{row.method.name}, dissolved", base.settings, dissolve)), plain))

    for what, (begins, ends, frame, easing) in changes.items():
        keys = {"strength": {first: begins, frame: f"{ends:g}:{easing}"}}
        row = bench.run(clip, Method(what, base.settings.with_values(key=keys), by_keys))
        tell(row, plain)
        tell_dissolve(row, (steady(begins), steady(ends)), frame, easing)
    for what, frame, easing in (("turning", last, "linear"), ("at once", middle, "hold")):
        styles, settings = _turned(bench, base.settings, other, first, LookKey(str(frame), other.stem, easing))
        row = bench.run(clip, Method(f"{other.stem} {what}", settings, partial(by_looks, styles)))
        tell(row, plain)
        if easing == "hold":  # a step is asked for, which is no flicker
            beside, without = (_without_step(each, frame) for each in (row, plain))
            lines.append(
                _line(replace(beside, method=replace(row.method, name=f"{row.method.name}, but its step")), without)
            )
        both = plain, steady(OTHERS_STRENGTH, other)
        bars.append(Bar(f"{name}, {row.method.name}: of the way", _of_way(row, both, frame), least=LEAST_OF_WAY))
        tell_dissolve(row, both, frame, easing)
    style = _turning_blue(bench.styles[0], len(clip.frames))
    mean, followed = (
        bench.run(clip, Method(name, base.settings.with_values(style_clip=how), partial(by_clip, style)))
        for name, how in (("mean of a clip", MEAN), ("clip, stretched", STRETCH))
    )
    tell(mean, mean)
    tell(followed, mean)
    heading = f"## {name}: {len(clip.frames)} frames, {clip.size[1]}x{clip.size[0]}"
    columns = {"source": clip.image, **{row.method.name: row.film.picture for row in shown}}
    places = [(index, WHOLE) for index in (first, middle, last)]
    sheet = {f"keys-{clip.name}-{bench.styles[0].style.path.stem}": crops(clip.name, columns, places)}
    headings = ["what changes", "E_warp, times that of what stays", "10 frames", "evaluations", "style"]
    return Findings(f"{heading}\n\n{table(headings, lines)}", tuple(bars), sheet)


def _line(row: Row, of: Row) -> list[str]:
    short = ratio(row.summary.warping_short[FARNEBACK], of.summary.warping_short[FARNEBACK])
    long = ratio(row.summary.warping_long[FARNEBACK], of.summary.warping_long[FARNEBACK])
    return [row.method.name, number(short), number(long), str(row.film.evaluations), number(row.summary.style)]


def _of_way(row: Row, ends: tuple[Row, Row], frame: int) -> float:
    """How far a frame is on its way from one film's picture to the other's, of all that differs in these."""
    before, after, made = (gaussian_blur(each.film.picture(frame), WAY_BLUR_PX) for each in (*ends, row))
    whole = after - before
    return float(((made - before) * whole).sum() / whole.square().sum())


def _without_step(row: Row, frame: int) -> Row:
    """A film whose pictures before a frame of this index are not compared with it and those behind it."""
    nothing = {name: float("nan") for name in row.frames[0].warping_short}
    frames = []
    for made in row.frames:
        after = made.index - frame
        short = nothing if after == 0 else made.warping_short
        long = nothing if 0 <= after < LONG_STEP_FRAMES else made.warping_long
        frames.append(replace(made, warping_short=short, warping_long=long))
    return replace(row, frames=tuple(frames))


def _turned(
    bench: Workbench, base: Settings, other: Path, first: int, key: LookKey
) -> tuple[tuple[Style, ...], Settings]:
    """Styles and keys of a film that turns from its own look into a stronger one of another picture, at its key."""
    own = KeyedLook(LookKey(str(first), "own"), tuple(read.style for read in bench.styles), base)
    return blended([own, KeyedLook(key, (Style(other),), base.with_values(strength=OTHERS_STRENGTH))])


def by_looks(
    styles: Sequence[Style], clip: BenchmarkClip, vgg: VGG19, targets: StyleTargets, settings: Settings
) -> Iterator[Painted]:
    """By the product itself, from files of 8 bits, with keys at the indices of a clip's frames and any styles."""
    with tempfile.TemporaryDirectory() as folder:
        for frame in clip.frames:
            write_png(picture_path(Path(folder), frame.index), to_picture(frame.image))
        source = Path(folder) / "######.png"
        results = stylize_frames(source, styles, settings.with_values(size=max(clip.size)))
        for frame, result in zip(clip.frames, results, strict=True):
            yield replace(Painted.of(result), index=frame.index)


def by_keys(clip: BenchmarkClip, vgg: VGG19, targets: StyleTargets, settings: Settings) -> Iterator[Painted]:
    """As the product does, with keys at the indices of a clip's frames."""
    curves = {
        keys.name: Curve(tuple(int(key.place) for key in keys.keys), keys.keys)
        for keys in map(read_keys, settings.direction.key)
    }
    yield from as_the_product_does(clip, vgg, targets, SettingsOverTime(settings, curves, (), lambda index: index))


def by_dissolving(
    before: Film,
    after: Film,
    share: Callable[[int], float],
    clip: BenchmarkClip,
    vgg: VGG19,
    targets: StyleTargets,
    settings: Settings,
) -> Iterator[Painted]:
    """Nothing is painted: one film's pictures give way to another's, of which so large a share is seen at a frame."""
    for frame in clip.frames:
        part = share(frame.index)
        picture = (1 - part) * before.picture(frame.index) + part * after.picture(frame.index)
        yield Painted(frame.index, picture, 0, 0.0)


def _turning_blue(style: ReadStyle, frames: int) -> ReadStyle:
    """A clip as a style whose colours turn into those with red and blue exchanged, over so many frames."""
    exchanged = np.ascontiguousarray(style.picture[..., ::-1])
    course = Course((0.5, 0.5), (0.0, 1.0), (0, 1), pace=1 / (frames - 1))
    return replace(style, pictures=(style.picture, exchanged), course=course)


def by_clip(
    style: ReadStyle, clip: BenchmarkClip, vgg: VGG19, _: StyleTargets, settings: Settings
) -> Iterator[Painted]:
    """As the product does, by a clip's mean or following it over all frames."""
    first, targets = clip.frames[0].index, style_targets([style], vgg, settings)
    over_time = SettingsOverTime(
        settings, {}, (1.0,), lambda index: index, (lambda index: style.course.at(index - first),)
    )
    yield from as_the_product_does(clip, vgg, targets, settings if settings.direction.style_clip == MEAN else over_time)
