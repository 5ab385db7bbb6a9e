"""An evaluation as a table and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from stylevideo.quality.evaluate import Evaluation
from stylevideo.quality.measures import END_FRAMES, LONG_STEP_FRAMES, FilmMeasures, FrameMeasures
from stylevideo.quality.metrics import ratio
from stylevideo.text import counted
from stylevideo.timeline.selection import FrameSelection
from stylevideo.version import __version__


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """An evaluation as JSON values: frames and shots by the numbers that users know, null where nothing was measured.

    Returns:
        Versions, files, size, shots by their first and last frame's number, the summary with the ratios of film to
        source, the reference, and the measures of each frame.
    """
    summary, selection = evaluation.summary, evaluation.selection
    reference = evaluation.reference and {**asdict(evaluation.reference), "film": str(evaluation.reference.film)}
    ratios = {"warping_short_ratio": summary.warping_short_ratio, "warping_long_ratio": summary.warping_long_ratio}
    values = {
        "stylevideo": __version__,
        "source": str(evaluation.source),
        "film": str(evaluation.film),
        "width": evaluation.width,
        "height": evaluation.height,
        "shots": [[selection.number(shot.start), selection.number(shot.stop - 1)] for shot in evaluation.shots],
        "summary": {**asdict(summary), **ratios},
        "reference": reference,
        "frames": [_frame_as_json(selection, frame) for frame in evaluation.frames],
    }
    return {name: without_nan(value) for name, value in values.items()}


def as_table(evaluation: Evaluation) -> Iterator[str]:
    """The lines of a table for people: the film's measures beside the source's own."""
    yield (
        f"{evaluation.film.name} beside {evaluation.source.name}: {evaluation.width}x{evaluation.height}, "
        f"{counted(evaluation.summary.frames, 'frame')}, {counted(len(evaluation.shots), 'shot')}"
    )
    rows = list(_rows(evaluation.summary))
    width = max(len(label) for label, _, _ in rows)
    yield f"{'':{width}}  {'film':>10}  {'source':>10}  {'ratio':>7}"
    for label, film, source in rows:
        own = "" if source is None else f"  {_shown(source):>10}  {_shown(ratio(film, source), '.2f'):>7}"
        yield f"{label:{width}}  {_shown(film):>10}{own}"
    if evaluation.reference:
        yield (
            "sharpness relative to the frame-by-frame result: "
            f"{_shown(evaluation.reference.relative_sharpness, '.2f')}, "
            f"at half size {_shown(evaluation.reference.relative_coarse_sharpness, '.2f')}"
        )


def _rows(summary: FilmMeasures) -> Iterator[tuple[str, float, float | None]]:
    """What it is and in which unit, the film's value, and the source's where it has one."""
    yield "loss, mean", summary.mean_loss, None
    yield "loss, worst frame", summary.worst_loss, None
    yield "style distance", summary.style, None
    yield "style distance, layers not optimised", summary.held_out_style, None
    yield "content distance", summary.content, None
    yield "sharpness (variance of Laplacian)", summary.sharpness, summary.source_sharpness
    yield f"  first {END_FRAMES} frames", summary.sharpness_first, summary.source_sharpness_first
    yield f"  last {END_FRAMES} frames", summary.sharpness_last, summary.source_sharpness_last
    yield "sharpness at half size", summary.coarse_sharpness, None
    yield f"  first {END_FRAMES} frames", summary.coarse_sharpness_first, None
    yield f"  last {END_FRAMES} frames", summary.coarse_sharpness_last, None
    yield "brightness drift (1/255)", summary.brightness_drift, summary.source_brightness_drift
    yield "flicker where still (squared, of 0..1)", summary.flicker, None
    for distance, film, source in (
        ("1 frame", summary.warping_short, summary.source_warping_short),
        (f"{LONG_STEP_FRAMES} frames", summary.warping_long, summary.source_warping_long),
    ):
        for name in film:
            yield f"warping error, {distance}, {name} (squared, of 0..1)", film[name], source[name]


def _shown(value: float, form: str = ".4g") -> str:
    return "-" if math.isnan(value) else format(value, form)


def _frame_as_json(selection: FrameSelection, measures: FrameMeasures) -> dict[str, Any]:
    values = asdict(measures)
    return {"number": selection.number(values.pop("index")), **values, "shot": measures.shot + 1}


def without_nan(value: Any) -> Any:
    """A value for JSON, which knows neither NaN nor infinity: null in their place, however deep."""
    if isinstance(value, dict):
        return {name: without_nan(part) for name, part in value.items()}
    if isinstance(value, list):
        return [without_nan(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
