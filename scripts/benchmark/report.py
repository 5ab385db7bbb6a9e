"""Puts the benchmark's figures into words: Markdown tables, bars met or not, and JSON."""

from __future__ import annotations

import json
import math
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from scripts.benchmark.methods import ALONE, STANDARD, Row
from stylevideo.media.images.pictures import write_png
from stylevideo.quality.measures import FilmMeasures
from stylevideo.quality.tables import without_nan
from stylevideo.system.device import cpu_name
from stylevideo.system.files import write_atomically

SHARPNESS = (("all", "sharpness"), ("first five", "sharpness_first"), ("last five", "sharpness_last"))
EVALUATIONS_CLIP = "bigbuckbunny"
LIMITS_BY_MOTION = {
    "Farneback": (1.5, ("bigbuckbunny", "bikes", "friday")),
    "exact": (1.3, ("flight", "balloon")),
}
"""Most times the source's own warping error, by what motion, on which clips."""
COSTS = ("frames", "VGG evaluations", "seconds")
LOSSES = ("optimised loss", "the film's mean loss", "its worst", "style", "held-out style", "content")


@dataclass(frozen=True)
class Bar:
    """A figure and what it should be; `most` and `least` as far as there is a limit."""

    what: str
    value: float
    most: float = math.inf
    least: float = -math.inf

    @property
    def met(self) -> bool:
        return self.least <= self.value <= self.most

    def __str__(self) -> str:
        limit = f"≤ {self.most:g}" if self.most < math.inf else f"≥ {self.least:g}"
        return f"- {self.what}: {number(self.value)} (bar: {limit}, {'met' if self.met else 'unmet'})"


@dataclass(frozen=True, eq=False)
class Findings:
    """What was found: Markdown, figures beside their bars, and pictures (H, W, 3) by the names of their files."""

    text: str
    bars: tuple[Bar, ...]
    pictures: Mapping[str, np.ndarray]


class Machine:
    """Where and when this run takes place; made at its start."""

    def __init__(self, root: Path, device: str) -> None:
        self.started = datetime.now(UTC).isoformat(timespec="seconds")
        self._device = device
        self._load = _load()
        self._commit = _git(root, "rev-parse", "--short", "HEAD") or "unknown"
        if _git(root, "status", "--porcelain", "--", "stylevideo", "scripts"):
            self._commit += " with changes"

    def facts(self) -> dict[str, Any]:
        """Load averages are of the last minute, at the start and now."""
        return {
            "cpu": cpu_name(),
            "cores": os.cpu_count(),
            "torch": torch.__version__,
            "device": self._device,
            "load_at_start": self._load,
            "load_at_end": _load(),
            "started": self.started,
            "commit": self._commit,
        }

    def __str__(self) -> str:
        facts = self.facts()
        load = f"load {facts['load_at_start']:.1f} at the start, {facts['load_at_end']:.1f} at the end"
        return (
            f"{facts['cpu']}, {facts['cores']} cores; torch {facts['torch']} on {facts['device']}; {load}; "
            f"begun {facts['started']}; commit {facts['commit']}."
        )


def tables(clip: str, rows: Sequence[Row]) -> str:
    """A clip's figures, a row for each method."""
    alone = next((row for row in rows if row.method.name == ALONE), None)
    whole = max(rows, key=lambda row: len(row.frames)).summary
    motions = list(whole.warping_short)
    spans = [f"{motion}, {span}" for motion in motions for span in ("short", "long")]
    kinds = [f"{kind}{span}" for kind in ("", "coarse: ") for span, _ in SHARPNESS]
    parts = [
        table(
            ["method", *COSTS, *LOSSES, "run begun"],
            [[label(row), *_costs(row), row.film.started] for row in rows],
        ),
        table(
            ["E_warp (times the source's)", *spans, "flicker"],
            [
                ["source", *_source_warping(whole, motions), ""],
                *([label(row), *_warping(row.summary, motions)] for row in rows),
            ],
        ),
        table(
            ["sharpness (of frame by frame's)", *kinds, "brightness drift, 1/255"],
            [
                ["source", *_source_sharpness(whole), "", "", "", number(whole.source_brightness_drift)],
                *([label(row), *_sharpness(row, alone)] for row in rows),
            ],
        ),
    ]
    heading = f"## {clip}: {whole.frames} frames, {rows[0].film.clip.size[1]}x{rows[0].film.clip.size[0]}"
    return "\n\n".join([heading, *parts])


def method_bars(clip: str, rows: Sequence[Row]) -> tuple[Bar, ...]:
    """What the issue asks of the preset standard, as far as these rows can tell."""
    by_name = {row.method.name: row for row in rows}
    standard, alone = by_name.get(STANDARD), by_name.get(ALONE)
    if standard is None:
        return ()
    bars = []
    for motion, (limit, clips) in LIMITS_BY_MOTION.items():
        if clip in clips:
            for span, ratios in (
                ("short", standard.summary.warping_short_ratio),
                ("long", standard.summary.warping_long_ratio),
            ):
                bars.append(Bar(f"{clip}: E_warp {span} by {motion}, times the source's", ratios[motion], most=limit))
    if alone is not None:
        bars += _bars_beside(clip, standard, alone)
    return tuple(bars)


def _bars_beside(clip: str, standard: Row, alone: Row) -> list[Bar]:
    bars = []
    if clip == EVALUATIONS_CLIP:
        fewer = alone.evaluations_per_frame / standard.evaluations_per_frame
        optimized = standard.film.optimized_loss(alone.film) / alone.film.optimized_loss(alone.film)
        loss = mean_over(alone, standard, "loss") / mean_over(alone, alone, "loss")
        bars = [
            Bar(f"{clip}: times fewer VGG evaluations than frame by frame", fewer, least=10),
            Bar(f"{clip}: the same, as a stretch", fewer, least=15),
            Bar(f"{clip}: mean loss, as optimised, over frame by frame's on the same frames", optimized, most=1),
            Bar(f"{clip}: mean loss, of the finished film, over frame by frame's on the same frames", loss, most=1),
        ]
    for span, name in SHARPNESS[1:]:
        percent = 100 * getattr(standard.summary, name) / getattr(alone.summary, name)
        bars.append(Bar(f"{clip}: sharpness of the {span} frames, % of frame by frame's", percent, least=90))
    return bars


def mean_over(frames_of: Row, row: Row, name: str) -> float:
    """Mean of a measure of a row, over the frames that another row has: one may have a clip's ends only."""
    wanted = {frame.index for frame in frames_of.frames}
    return float(np.mean([getattr(frame, name) for frame in row.frames if frame.index in wanted]))


def label(row: Row) -> str:
    return f"{row.method.name}, first and last five frames" if row.method.ends_only else row.method.name


def number(value: float) -> str:
    """Three digits that count; a dash for what could not be measured."""
    if math.isnan(value):
        return "–"
    before_point = math.floor(math.log10(abs(value))) + 1 if value else 1
    return f"{value:.{max(0, 3 - before_point)}f}"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _costs(row: Row) -> list[str]:
    s = row.summary
    optimized = row.film.optimized_loss(row.film)
    losses = (f"{value:.4f}" for value in (optimized, s.mean_loss, s.worst_loss, s.style, s.held_out_style, s.content))
    return [str(s.frames), str(row.film.evaluations), f"{row.film.seconds:.0f}", *losses]


def _source_warping(summary: FilmMeasures, motions: Sequence[str]) -> list[str]:
    spans = (summary.source_warping_short, summary.source_warping_long)
    return [number(span[motion]) for motion in motions for span in spans]


def _warping(summary: FilmMeasures, motions: Sequence[str]) -> list[str]:
    spans = (
        (summary.warping_short, summary.warping_short_ratio),
        (summary.warping_long, summary.warping_long_ratio),
    )
    cells = [_beside(errors[m], f"{number(ratios[m])}×") for m in motions for errors, ratios in spans]
    return [*cells, number(summary.flicker)]


def _beside(value: float, relative: str) -> str:
    return number(value) if math.isnan(value) else f"{number(value)} ({relative})"


def _source_sharpness(summary: FilmMeasures) -> list[str]:
    return [number(getattr(summary, f"source_{name}")) for _, name in SHARPNESS]


def _sharpness(row: Row, alone: Row | None) -> list[str]:
    cells = []
    for name in [f"{kind}{name}" for kind in ("", "coarse_") for _, name in SHARPNESS]:
        value = getattr(row.summary, name)
        # A whole film is not compared with a film's ends.
        if alone and (name.endswith(("first", "last")) or alone.method.ends_only == row.method.ends_only):
            cells.append(_beside(value, f"{100 * value / getattr(alone.summary, name):.0f} %"))
        else:
            cells.append(number(value))
    return [*cells, number(row.summary.brightness_drift)]


def to_json(rows: Mapping[str, Sequence[Row]], bars: Sequence[Bar], machine: Machine) -> str:
    """Everything that was measured, each frame included; null where there was nothing to measure."""
    clips = {
        clip: {
            row.method.name: {
                "ends_only": row.method.ends_only,
                "evaluations": row.film.evaluations,
                "seconds": row.film.seconds,
                "optimized_losses": row.film.losses,
                "run_begun": row.film.started,
                "settings": row.method.settings.fingerprint(),
                "film": asdict(row.summary),
                "frames": [asdict(frame) for frame in row.frames],
            }
            for row in found
        }
        for clip, found in rows.items()
    }
    asked = [{"what": bar.what, "value": bar.value, "met": bar.met} for bar in bars]
    return json.dumps(without_nan({"machine": machine.facts(), "bars": asked, "clips": clips}), indent=1)


def publish(output: Path, name: str, title: str, findings: Sequence[Findings], machine: Machine) -> None:
    """Print what was found, and write it as NAME.md beside its pictures."""
    for found in findings:
        for file, picture in found.pictures.items():
            write_png(output / f"{file}.png", picture)
    texts, bars = [found.text for found in findings], [str(bar) for found in findings for bar in found.bars]
    whole = "\n\n".join(part for part in (title, *texts, "\n".join(bars), str(machine)) if part)
    print(f"\n{whole}", flush=True)
    write_atomically(output / f"{name}.md", f"{whole}\n".encode())


def _load() -> float:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else math.nan


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.strip()
