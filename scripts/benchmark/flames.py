"""A flame graph of an iteration: which of PyTorch's operations its time goes to, and which others they consist of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity, profile

AUTOMATIC = "autograd::engine::evaluate_function: "
LEAST_NAMED = 0.07
"""Part of the whole that has room for a name."""
COLORS = ("#d9534f", "#f0b775")
"""Of the levels that are drawn."""


class Flame(NamedTuple):
    """An operation's time in microseconds, and of what it consists, by name."""

    time: float
    parts: Mapping[str, Flame]


def flame_of(shorter: Callable[[], object], longer: Callable[[], object]) -> Flame:
    """What a longer work does more than a shorter one."""
    return _difference(_profiled(longer), _profiled(shorter))


def _profiled(work: Callable[[], object]) -> Flame:
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        work()
    events = profiled.events() or ()
    return _together([event for event in events if event.cpu_parent is None])


def _together(events: list[FunctionEvent]) -> Flame:
    named: dict[str, list[FunctionEvent]] = {}
    for event in events:
        named.setdefault(event.name, []).append(event)
    parts = {}
    for name, alike in named.items():
        within = _together([part for each in alike for part in each.cpu_children])
        parts[name] = Flame(sum(each.cpu_time_total for each in alike), within.parts)
    return Flame(sum(part.time for part in parts.values()), parts)


def _difference(whole: Flame, less: Flame) -> Flame:
    nothing = Flame(0, {})
    parts = {name: _difference(part, less.parts.get(name, nothing)) for name, part in whole.parts.items()}
    return Flame(whole.time - less.time, {name: part for name, part in parts.items() if part.time > 0})


def draw_flames(flames: Mapping[str, Flame], picture: Path) -> None:
    """One above the other, each as wide as its own time; an operation lies above those that it consists of."""
    figure = Figure(figsize=(11, 1.7 * len(flames)), layout="constrained")
    for axes, (title, flame) in zip(figure.subplots(len(flames), squeeze=False)[:, 0], flames.items(), strict=True):
        axes.set(xlim=(0, 1), ylim=(len(COLORS), 0), title=title)
        axes.axis("off")
        _draw(axes, flame, 0, 0, sum(part.time for part in flame.parts.values()))
    figure.savefig(picture, dpi=110)


def _draw(axes: Axes, flame: Flame, left: float, level: int, whole: float) -> None:
    if level == len(COLORS):
        return
    for name, part in sorted(flame.parts.items(), key=lambda item: -item[1].time):
        width = part.time / whole
        axes.barh(level + 0.5, width, 0.95, left, color=COLORS[level], edgecolor="white", linewidth=0.5)
        if width > LEAST_NAMED:
            label = f"{name.removeprefix(AUTOMATIC).removeprefix('aten::')} {100 * width:.0f} %"
            middle = left + width / 2
            axes.text(middle, level + 0.5, label, ha="center", va="center", fontsize=7, clip_on=True, in_layout=False)
        _draw(axes, part, left, level + 1, whole)
        left += width
