"""What a film's means do not show: still frames that wear out, borders, cuts, memory."""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import Tensor

from scripts.benchmark.clips import BenchmarkClip
from scripts.benchmark.methods import ALONE, STANDARD, Film, Method, Workbench
from scripts.benchmark.pictures import WHOLE, Picture, Window, crops, part
from scripts.benchmark.report import Bar, Findings, number, table
from stylevideo.engine.terms import GramTerm
from stylevideo.media.decode.probe import probe
from stylevideo.media.ffmpeg import run_ffmpeg
from stylevideo.models.vgg import VGG19
from stylevideo.quality.metrics import brightness, sharpness, style_distance
from stylevideo.render.stylize import stylize
from stylevideo.settings.settings import Settings

MOST_WAITED = 3
"""Percent of the time in which the painting may stand still."""
STILL_NUMBERS = (1, 10, 100, 300)
BORDER = 0.08
RIGHT: tuple[Window, ...] = ((1 - BORDER, 0.0, 1.0, 1.0),)
ALL_ROUND: tuple[Window, ...] = (
    (0.0, 0.0, BORDER, 1.0),
    (1 - BORDER, 0.0, 1.0, 1.0),
    (BORDER, 0.0, 1 - BORDER, BORDER),
    (BORDER, 1 - BORDER, 1 - BORDER, 1.0),
)
CENTRE: tuple[Window, ...] = ((0.25, 0.25, 0.75, 0.75),)
LOOKED_AT = 4
"""Frames at the end of a camera's move whose borders are measured."""


def check_still(bench: Workbench, clip: BenchmarkClip, methods: Mapping[str, Method]) -> Findings:
    """Whether a film of one frame over and over drifts, gains noise or wears out, measured on the clip as it began."""
    film, count = bench.make(clip, methods[STANDARD]), len(clip.frames)
    shown = sorted({min(frame_number, count) - 1 for frame_number in STILL_NUMBERS})
    measured = list(bench.measure(((clip.frames[i], film.picture(i)) for i in shown), {}, shown))
    drift = max(abs(brightness(film.picture(i)) - measured[0].brightness) for i in range(count))
    noise = _frame_to_frame_noise(film, count)
    span = max(1, count // 10)
    growth = float(np.mean(noise[-span:]) - np.mean(noise[: 2 * span][-span:]))
    rows = [
        [
            str(frame.index + 1),
            *map(number, (frame.loss, frame.sharpness, frame.coarse_sharpness, frame.brightness)),
            number(noise[frame.index - 1] if frame.index else math.nan),
        ]
        for frame in measured
    ]
    first, last = measured[0], measured[-1]
    return Findings(
        f"## {clip.name}\n\n"
        + table(["frame", "loss", "sharpness", "coarse sharpness", "brightness", "change from the frame before"], rows),
        (
            Bar(f"{clip.name}: brightness drift, 1/255", drift, most=1),
            Bar(
                f"{clip.name}: growth of frame-to-frame noise from the second {span} frames to the last, 1/255",
                growth,
                most=0.1,
            ),
            Bar(f"{clip.name}: loss at the end over that at the start", last.loss / first.loss, most=1),
            Bar(
                f"{clip.name}: sharpness at the end, % of that at the start",
                100 * last.sharpness / first.sharpness,
                least=90,
            ),
        ),
        {clip.name: crops(clip.name, {"source": clip.image, STANDARD: film.picture}, ((0, WHOLE), (count - 1, WHOLE)))},
    )


def _frame_to_frame_noise(film: Film, count: int) -> list[float]:
    """Root mean square of the change from each frame to the next, in 1/255."""
    pictures = (film.picture(index) for index in range(count))
    previous, noise = next(pictures), []
    for picture in pictures:
        noise.append(255 * float((picture - previous).square().mean().sqrt()))
        previous = picture
    return noise


def check_borders(
    bench: Workbench, clip: BenchmarkClip, border: tuple[Window, ...], methods: Mapping[str, Method]
) -> Findings:
    """Whether what a moving camera brings into the picture is painted as well as its middle.

    The last frames are also made one by one, since parts of a picture differ by themselves. The issue asks for no
    number here; the limits are those of its points 3 and 5.

    Args:
        border: where new things come in.
    """
    last = replace(clip, frames=clip.frames[-LOOKED_AT:])
    columns: dict[str, Picture] = {
        "source": clip.image,
        ALONE: bench.make(last, replace(methods[ALONE], ends_only=False)).picture,
        STANDARD: bench.make(clip, methods[STANDARD]).picture,
    }
    style = bench.targets().grams(clip.size)
    indices = [frame.index for frame in last.frames]
    found = {
        name: [
            np.mean([_look(bench.vgg, picture(i), where, style) for i in indices], axis=0) for where in (border, CENTRE)
        ]
        for name, picture in columns.items()
    }
    rows = [
        [name, *(number(v) for pair in zip(*figures, strict=True) for v in pair)] for name, figures in found.items()
    ]
    measures = ("style distance", "brightness", "sharpness")
    headings = [clip.name, *(f"{measure}, {place}" for measure in measures for place in ("border", "centre"))]
    style, _, sharp = found[STANDARD][0] / found[ALONE][0]
    return Findings(
        table(headings, rows),
        (
            Bar(f"{clip.name}: style distance at the border over frame by frame's", style, most=1.1),
            Bar(f"{clip.name}: sharpness at the border, % of frame by frame's", 100 * sharp, least=90),
        ),
        {f"borders-{clip.name}": crops(clip.name, columns, [(indices[-1], WHOLE)])},
    )


def _look(
    vgg: VGG19, image: Tensor, where: tuple[Window, ...], style: Sequence[GramTerm]
) -> tuple[float, float, float]:
    """Style distance, brightness and sharpness inside some windows of a picture."""
    mask = image.new_zeros(1, 1, *image.shape[2:])
    for window in where:
        part(mask, window).fill_(1)
    inside = [part(image, window) for window in where]
    areas = [piece[0, 0].numel() for piece in inside]
    return (
        style_distance(vgg, image, style, mask),
        float(np.average([brightness(piece) for piece in inside], weights=areas)),
        float(np.average([sharpness(piece) for piece in inside], weights=areas)),
    )


def check_shots(bench: Workbench, clip: BenchmarkClip, methods: Mapping[str, Method]) -> Findings:
    """Whether a shot in a long film is the same, pixel by pixel, as the shot by itself."""
    film = bench.make(clip, methods[STANDARD])
    stops = (*clip.shot_starts[1:], len(clip.frames))
    differences = []
    for place, (start, stop) in enumerate(zip(clip.shot_starts, stops, strict=True), 1):
        shot = BenchmarkClip(f"{clip.name}-{place}", clip.frames[start:stop])
        alone = bench.make(shot, methods[STANDARD])
        worst = max(float((film.picture(f.index) - image).abs().max()) for f, image in alone.pairs())
        differences.append(255 * worst)
    rows = [
        [str(place), str(start), number(value)]
        for place, (start, value) in enumerate(zip(clip.shot_starts, differences, strict=True), 1)
    ]
    return Findings(
        table(["shot", "first frame", "largest difference from the shot alone, 1/255"], rows),
        (Bar("largest difference of any shot from itself alone, 1/255", max(differences), most=0),),
        {},
    )


def check_line(clip: Path, style: Path, frames: int, sizes: Sequence[int], iterations: int) -> Iterator[str]:
    """The share of a run's time, at each size, in which the painting waits for decoding, flow, saving or encoding."""
    few = {"iterations": iterations, "first_iterations": iterations, "new_iterations": 0, "coarsest_size": 0}
    for size in sizes:
        settings = Settings().with_values(size=size, frames=f"1-{frames}", **few)
        with tempfile.TemporaryDirectory() as folder:
            result = stylize(clip, [style], Path(folder) / "film.mp4", settings)
        waits = result.waits
        parts = f"frames {waits.for_frames:.2f} s, saving {waits.for_saving:.2f} s, the end {waits.for_film:.2f} s"
        name = f"{clip.name} at {result.width}x{result.height}, {frames} frames of {iterations} iterations, % waited"
        yield f"{Bar(name, 100 * waits.share, most=MOST_WAITED)}: {parts} of {waits.of:.1f} s"


def check_memory(clip: Path, style: Path, counts: tuple[int, int], size: int) -> str:
    """The peak memory of a short and of a long run; a clip that is too short is repeated."""
    with tempfile.TemporaryDirectory() as folder:
        if probe(clip).frame_count < max(counts):
            repeated = Path(folder) / "repeated.mp4"
            loop = ["-stream_loop", "-1", "-i", str(clip), "-frames:v", str(max(counts)), "-an"]
            made = run_ffmpeg(["-v", "error", *loop, "-c:v", "libx264", str(repeated)], 3600)
            assert made.status == 0, made.messages
            clip = repeated
        short, long = (_peak_memory_mib(clip, style, count, size) for count in counts)
    return (
        f"peak memory: {counts[0]} frames {short:.0f} MiB, {counts[1]} frames {long:.0f} MiB, "
        f"{100 * (long / short - 1):+.1f} %"
    )


def _peak_memory_mib(clip: Path, style: Path, count: int, size: int) -> float:
    """Peak resident memory of a whole `stylevideo run`, with one iteration a frame: MiB. POSIX only."""
    code = (
        "import resource, sys, tempfile, pathlib\n"
        "from stylevideo.cli.main import main\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    assert main([*sys.argv[1:], '-o', str(pathlib.Path(folder) / 'film.mp4')]) == 0\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    arguments = ["run", str(clip), "--style", str(style), "--size", str(size), "--frames", f"1-{count}"]
    once = {"iterations": 1, "first-iterations": 1, "new-iterations": 0, "coarsest-size": 0}
    few = [f"--{name}={value}" for name, value in once.items()]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments, *few, "-q"], capture_output=True, text=True, check=True
    )
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return int(done.stdout.splitlines()[-1]) / unit
