"""What films take, beside what was foreseen: by the clock, and by the seconds that the process computed."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts import ROOT
from scripts.benchmark.clips import MissingClipError
from scripts.benchmark.report import table
from stylevideo import Style, stylize
from stylevideo.engine.pace import Pace, measure_pace
from stylevideo.models.weights import load_vgg19
from stylevideo.motion.flow import DISFlow
from stylevideo.planning.request import ClipRequest
from stylevideo.render.estimate import estimate_clip
from stylevideo.settings.presets import preset
from stylevideo.settings.settings import Settings
from stylevideo.store.calibration import Calibrations
from stylevideo.system.device import choose_device, convolution_dtype
from stylevideo.text import bytes_in_words

MOST_OFF = 0.2
SAMPLE = "lake"
HEADINGS = (
    *("clip", "preset", "pixels", "frames", "seconds: foreseen", "found", "found / foreseen"),
    *("of the processor: foreseen", "found", "found / foreseen", "memory foreseen", "load"),
)


@dataclass(frozen=True)
class Film:
    """A film that is made for it: a clip of the media or the sample, preset, long edge and frames."""

    clip: str
    preset: str
    size: int
    frames: int

    @classmethod
    def parse(cls, text: str) -> Film:
        """Of `CLIP=PRESET,SIZE,FRAMES`."""
        clip, _, rest = text.partition("=")
        name, size, frames = rest.split(",")
        return cls(clip, name, int(size), int(frames))


FILMS = ("bigbuckbunny=standard,256,40", "flower=draft,512,24", f"{SAMPLE}=fine,192,32")


def check_forecast(runs: Sequence[Film], style: Path, media: Path) -> Iterator[str]:
    """A table of films, and whether each took what was foreseen.

    Where other programs compute too, seconds of the processor say more: those of this process alone.
    """
    rows, worst = [], 0.0
    for run in runs:
        row, off = _row(run, style, media)
        rows.append(row)
        worst = max(worst, off)
    yield table(list(HEADINGS), rows)
    met = "met" if worst <= MOST_OFF else "missed"
    yield f"Seconds of the processor, at most off by: {worst:.0%} (bar {MOST_OFF:.0%}, {met})."


def _row(run: Film, style: Path, media: Path) -> tuple[list[str], float]:
    clip = (ROOT / "samples" if run.clip == SAMPLE else media) / f"{run.clip}.mp4"
    if not clip.exists():
        raise MissingClipError(f"{clip} is not there.")
    settings = preset(run.preset).with_values(size=run.size, frames=f"1-{run.frames}")
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        estimate = estimate_clip(ClipRequest(clip, (Style(style),), film, settings, run.preset), closely=True)
        by_clock = Calibrations().of(settings).seconds(estimate.work)
        by_processor = _pace(settings, time.process_time).seconds(estimate.work)
        began, spent = time.perf_counter(), time.process_time()
        stylize(clip, [style], film, settings)
        seconds, computed = time.perf_counter() - began, time.process_time() - spent
    off = abs(computed / by_processor - 1)
    figures = (by_clock, seconds, seconds / by_clock, by_processor, computed, computed / by_processor)
    words = [f"{figure:.2f}" if place % 3 == 2 else f"{figure:.0f}" for place, figure in enumerate(figures)]
    size, load = f"{estimate.width}x{estimate.height}", f"{os.getloadavg()[0]:.1f}"
    return [run.clip, run.preset, size, str(run.frames), *words, bytes_in_words(estimate.memory_bytes), load], off


def _pace(settings: Settings, clock: Callable[[], float]) -> Pace:
    device = choose_device(settings.optimizer.device)
    vgg = load_vgg19(settings.weights.weights, device, convolution_dtype(settings.optimizer.precision, device))
    return measure_pace(vgg, settings, DISFlow() if settings.temporal.carry else None, clock)
