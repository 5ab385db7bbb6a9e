"""A film's measures drawn over time, one panel for each kind, with the cuts marked.

The only room that knows matplotlib; uses its figures without pyplot, which would keep a list of them.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from stylevideo.quality.measures import LONG_STEP_FRAMES, FrameMeasures
from stylevideo.store.sidecar import PLOT_MARK
from stylevideo.system.files import write_atomically
from stylevideo.timeline.selection import FrameSelection

SIZE_INCHES = (12.0, 15.0)
DOTS_PER_INCH = 100

Lines = Mapping[str, Sequence[float]]
"""Values for each frame, by what they are."""


def write_plot(path: Path, selection: FrameSelection, measures: Sequence[FrameMeasures], title: str) -> None:
    """Draw measures over the frames' numbers and write them as a PNG, whole or not at all.

    Args:
        path: ends in .png.
        selection: of the source; numbers the frames.
        measures: in order, at least one.
        title: stands above it all.
    Raises:
        StorageError: it cannot be written.
    """
    data = io.BytesIO()
    figure = draw_measures(selection, measures, title)
    figure.savefig(data, format="png", dpi=DOTS_PER_INCH, metadata={"Software": PLOT_MARK})
    write_atomically(path, data.getvalue())


def draw_measures(selection: FrameSelection, measures: Sequence[FrameMeasures], title: str) -> Figure:
    """The figure that `write_plot` writes."""
    panels = list(_panels(measures))
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    figure.suptitle(title)
    numbers = [selection.number(frame.index) for frame in measures]
    cuts = [selection.number(frame.index) - 0.5 for before, frame in pairwise(measures) if frame.shot != before.shot]
    column = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (label, logarithmic, lines) in zip(column, panels, strict=True):
        _draw(axes, numbers, lines, logarithmic)
        axes.set_ylabel(label)
        for cut in cuts:
            axes.axvline(cut, color="0.5", linestyle="--", linewidth=1)
    column[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.align_ylabels()
    column[-1].set_xlabel("frame" + (" (dashed: cut)" if cuts else ""))
    return figure


def _panels(measures: Sequence[FrameMeasures]) -> Iterator[tuple[str, bool, Lines]]:
    """Each panel's label, whether its scale is logarithmic, and its lines."""
    yield (
        "loss and distances",
        False,
        {
            "loss": [frame.loss for frame in measures],
            "style": [frame.style for frame in measures],
            "style, layers not optimised": [frame.held_out_style for frame in measures],
        },
    )
    short = _by_motion([frame.warping_short for frame in measures], [frame.source_warping_short for frame in measures])
    long = _by_motion([frame.warping_long for frame in measures], [frame.source_warping_long for frame in measures])
    yield "warping error, 1 frame", True, short
    yield f"warping error, {LONG_STEP_FRAMES} frames", True, long
    yield (
        "sharpness",
        False,
        {
            "film": [frame.sharpness for frame in measures],
            "film at half size": [frame.coarse_sharpness for frame in measures],
            "source": [frame.source_sharpness for frame in measures],
        },
    )
    yield (
        "mean luma, 0..255",
        False,
        {
            "film": [frame.brightness for frame in measures],
            "source": [frame.source_brightness for frame in measures],
        },
    )
    yield "flicker where still", True, {"film": [frame.flicker for frame in measures]}


def _by_motion(film: Sequence[Mapping[str, float]], source: Sequence[Mapping[str, float]]) -> Lines:
    return {
        f"{whose}, {name}": [frame[name] for frame in frames]
        for name in film[0]
        for whose, frames in (("film", film), ("source", source))
    }


def _draw(axes: Axes, numbers: Sequence[int], lines: Lines, logarithmic: bool) -> None:
    for label, values in lines.items():
        # A logarithm has no place for zero: such a frame is a gap.
        shown = [value if value > 0 else math.nan for value in values] if logarithmic else values
        line = ":" if label.startswith("source") else "-"
        axes.plot(numbers, shown, line, label=label, marker=".", markersize=3, linewidth=1)
    if logarithmic and any(value > 0 for values in lines.values() for value in values):
        axes.set_yscale("log")
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small")
