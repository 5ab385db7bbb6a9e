"""What a man who walks across uncovers: whether it is painted, and whether what he had hidden looks as it did."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from scripts.benchmark.clips import BenchmarkClip
from scripts.benchmark.methods import ALONE, STANDARD, Film, Method, Workbench
from scripts.benchmark.pictures import BEHIND_THE_MAN, WALL, WALL_AFTER, WALL_BEFORE, Picture, crops, part
from scripts.benchmark.report import Bar, Findings, number, table
from stylevideo.motion.flow import DISFlow
from stylevideo.motion.frame import Frame
from stylevideo.ops.warp import warp_smoothly
from stylevideo.quality.measures import motion_by
from stylevideo.quality.metrics import style_distance

UNCOVERED_FOR = 3
"""Frames for which a place counts as newly uncovered."""
LEAST_UNCOVERED = 0.01


def check_uncovered(bench: Workbench, clip: BenchmarkClip, methods: Mapping[str, Method]) -> Findings:
    """Look behind the man in bikes; both films are taken as `methods` made them, if they are there."""
    whole = {name: replace(methods[name], ends_only=False) for name in (ALONE, STANDARD)}
    films = {name: bench.make(clip, method) for name, method in whole.items()}
    regions, wall = _regions(bench, clip, films), _wall(clip, films)
    return Findings(
        f"{regions.text}\n\n{wall.text}", (*regions.bars, *wall.bars), {**regions.pictures, **wall.pictures}
    )


def uncovered_regions(frames: Sequence[Frame]) -> Iterator[tuple[int, Tensor]]:
    """Each frame's index, and what was uncovered in it or in the two before: (1, 1, H, W), 0 or 1."""
    between = motion_by(DISFlow())
    recent: list[Tensor] = []
    for earlier, later in itertools.pairwise(frames):
        motion = between(earlier, later)
        moved = [warp_smoothly(region, motion.flow_to_previous) for region in recent[1 - UNCOVERED_FOR :]]
        recent = [*moved, 1 - motion.visible]
        yield later.index, (torch.stack(recent).amax(0) > 0.5).float()


def _regions(bench: Workbench, clip: BenchmarkClip, films: Mapping[str, Film]) -> Findings:
    style = bench.targets().grams(clip.size)
    regions = dict(uncovered_regions(clip.frames))
    found = {
        index: [style_distance(bench.vgg, film.picture(index), style, regions[index]) for film in films.values()]
        for index in range(WALL_BEFORE, WALL_AFTER + 1)
        if float(regions[index].mean()) >= LEAST_UNCOVERED
    }
    means = [float(np.mean(column)) for column in zip(*found.values(), strict=True)] or [math.nan, math.nan]
    rows = [[str(i), number(100 * float(regions[i].mean())), *_with_ratio(values)] for i, values in found.items()]
    columns: dict[str, Picture] = {
        "source": clip.image,
        "uncovered": lambda index: clip.image(index) * (0.2 + 0.8 * regions[index]),
        **{name: film.picture for name, film in films.items()},
    }
    headings = ["style distance in uncovered regions: frame", "uncovered, %", *films, "ratio"]
    return Findings(
        table(headings, [*rows, ["mean", "", *_with_ratio(means)]]),
        (Bar("style distance in uncovered regions over frame by frame's", means[1] / means[0], most=1.1),),
        {"uncovered": crops(clip.name, columns, BEHIND_THE_MAN)},
    )


def _with_ratio(values: Sequence[float]) -> list[str]:
    return [*map(number, values), number(values[1] / values[0])]


def _wall(clip: BenchmarkClip, films: Mapping[str, Film]) -> Findings:
    columns: dict[str, Picture] = {"source": clip.image, **{name: film.picture for name, film in films.items()}}
    colours = {
        name: [_mean_colour(part(picture(index), WALL)) for index in (WALL_BEFORE, WALL_AFTER)]
        for name, picture in columns.items()
    }
    change = {name: after - before for name, (before, after) in colours.items()}
    rows = [[name, *(_triple(colour) for colour in (*colours[name], change[name]))] for name in columns]
    headings = ["the wall's mean R, G, B in 1/255", f"frame {WALL_BEFORE}", f"frame {WALL_AFTER}", "change"]
    beyond = float((np.abs(change[STANDARD]) - np.abs(change["source"])).max())
    return Findings(
        table(headings, rows),
        (Bar("change of the wall's mean colour beyond the source's, worst channel, 1/255", beyond, most=6),),
        {"wall": crops(clip.name, columns, ((WALL_BEFORE, WALL), (WALL_AFTER, WALL)))},
    )


def _mean_colour(image: Tensor) -> np.ndarray:
    """(3,), 0..255."""
    colour: np.ndarray = 255 * image.mean((0, 2, 3)).numpy()
    return colour


def _triple(colour: np.ndarray) -> str:
    return ", ".join(f"{value:.1f}" for value in colour)
