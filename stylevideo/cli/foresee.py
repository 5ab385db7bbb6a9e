"""What a run would take: `run --dry-run` says it, `run --budget` by which preset and at which size it would fit.

The budget only says it, with the command: what a film looks like is not chosen unasked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from stylevideo.batch.outcomes import BatchChecked, BatchOptions
from stylevideo.batch.run import check_batch
from stylevideo.cli.progress import say
from stylevideo.cli.summary import checked_lines
from stylevideo.errors import SettingsError, Stopped, StyleVideoError
from stylevideo.planning.request import ClipRequest, Overrides, clip_names
from stylevideo.settings.curves import values_over
from stylevideo.settings.presets import preset
from stylevideo.settings.settings import Settings
from stylevideo.system.environment import command_line
from stylevideo.system.streams import print_line
from stylevideo.text import bytes_in_words, counted, duration

if TYPE_CHECKING:
    from stylevideo.reports.estimate import Estimate
    from stylevideo.store.calibration import Calibrations
    from stylevideo.work import Work

STANDARD_SIZES = (3840, 2560, 1920, 1600, 1280, 1080, 960, 854, 720, 640, 512, 448, 384)
DRAFT_SIZES = (384, 320, 256)
"""Long edges that are proposed, pixels."""
DROPPED = {"--budget": True, "--preset": True, "--size": True, "--dry-run": False}
"""Flags that the command which is proposed has no more, or otherwise, and whether a value follows."""


def dry_run(requests: Sequence[ClipRequest], options: BatchOptions, stop: Callable[[], bool], if_nothing: int) -> int:
    """Say what would be made, how long it would take and how much memory and disk it needs.

    Args:
        requests: the clips.
        options: how the batch would be run.
        stop: asked all the time whether to end early.
        if_nothing: the exit code where every film is up to date.
    Returns:
        The exit code.
    """
    checked = check_batch(requests, options, stop)
    if stop():
        return Stopped.exit_code
    times = Times(options)
    seconds = {index: times.of(requests[index].settings, made.work) for index, made in checked.estimates.items()}
    _say_each(requests, checked, seconds)
    print_line(checked_lines(requests, checked)[0].rstrip(":") + ".")
    if checked.estimates:
        print_line(_in_all(checked, seconds, times))
    if checked.problems:
        return StyleVideoError.exit_code
    return 0 if checked.estimates else if_nothing


def _say_each(requests: Sequence[ClipRequest], checked: BatchChecked, seconds: Mapping[int, float]) -> None:
    names = clip_names(requests)
    width = max(map(len, names))
    for index, request in enumerate(requests):
        estimate = checked.estimates.get(index)
        if estimate:
            frames = counted(estimate.frames - estimate.finished, "frame")
            room = f"{bytes_in_words(estimate.memory_bytes)} of memory, {bytes_in_words(estimate.bytes_needed)} of disk"
            took = f"{frames} of {estimate.width}x{estimate.height}, about {duration(seconds[index])}, {room}"
        else:
            took = "already made" if index in checked.made else f"cannot be made: {checked.problems.get(index, '')}"
        print_line(f"{names[index]:<{width}}  {took}")
        if estimate:
            for line in (*estimate.shots, request.output, *estimate.style_clips):
                print_line(f"{'':<{width}}  {line}")


def _in_all(checked: BatchChecked, seconds: Mapping[int, float], times: Times) -> str:
    estimates = checked.estimates.values()
    measured = f", as this machine painted on {times.measured}" if times.measured else ""
    memory = max(estimate.memory_bytes for estimate in estimates) * times.side_by_side(checked)
    disk = sum(estimate.bytes_needed for estimate in estimates)
    return (
        f"About {duration(sum(seconds.values()) / times.side_by_side(checked))} in all{measured}. "
        f"About {bytes_in_words(memory)} of memory and {bytes_in_words(disk)} of disk space."
    )


class Times:
    """How long painting takes on this machine, which is measured once where that is not known.

    Args:
        options: of the batch.
    Attributes:
        measured: when it was, in words; empty where nobody has asked.
    """

    def __init__(self, options: BatchOptions) -> None:
        self._options = options
        self._threads: set[int] = set()
        self.measured = ""

    @cached_property
    def _calibrations(self) -> Calibrations:
        from stylevideo.store.calibration import Calibrations  # with PyTorch, where there is something to time

        return Calibrations(self._options.devices)

    def of(self, settings: Settings, work: Work) -> float:
        """Seconds that one process takes for work."""
        if not work.counts:
            return 0.0
        kept = self._calibrations.kept(settings)
        if kept is None:
            say("Measuring how fast this machine paints: once, for some seconds.")
            kept = self._calibrations.of(settings)
        self.measured = kept.measured
        self._threads.add(kept.threads)
        return kept.seconds(work)

    def side_by_side(self, checked: BatchChecked) -> int:
        """How many times as much gets done as by one process: a CPU's workers share its cores, and a card is one."""
        shots = sum(len(estimate.survey.shots) for estimate in checked.estimates.values() if estimate.survey)
        devices = len(set(self._options.devices))
        threads = max(self._threads, default=0)
        at_once = max(1, (os.cpu_count() or 1) // threads) if threads else max(1, devices)
        return max(1, min(at_once, self._options.workers, shots))


@dataclass(frozen=True)
class Look:
    """How a film could be made.

    Attributes:
        preset: its name.
        size: long edge at most, pixels; 0 leaves that as it was asked for.
    """

    preset: str
    size: int = 0


@dataclass(frozen=True)
class Budget:
    """What is asked for.

    Attributes:
        seconds: within which all is to be made.
        given: what the command line says of all clips.
        words: the command line.
    """

    seconds: float
    given: Overrides
    words: Sequence[str]


def looks(long_edge: int) -> tuple[Look, ...]:
    """The looks that may be proposed for films of this long edge, the best first.

    `fine` and `standard` at the size that is asked for; `standard` at smaller sizes, down to where `draft` begins;
    `draft`.
    """
    smaller = tuple(Look("standard", size) for size in STANDARD_SIZES if size < long_edge)
    drafts = tuple(Look("draft", size) for size in DRAFT_SIZES if size < long_edge)
    return (Look("fine"), Look("standard"), *smaller, *(drafts or (Look("draft"),)))


def best_within(budget: float, ordered: Sequence[Look], seconds: Callable[[Look], float]) -> Look | None:
    """The first look that takes no more than a budget, in seconds; None where none does."""
    return next((look for look in ordered if seconds(look) <= budget), None)


def propose(requests: Sequence[ClipRequest], options: BatchOptions, stop: Callable[[], bool], budget: Budget) -> int:
    """Say by which look all would be made within a budget, and by which command; nothing is painted.

    Returns:
        The exit code.
    Raises:
        SettingsError: not even the least look would be made within it.
    """
    checked = check_batch(requests, options, stop)
    if stop():
        return Stopped.exit_code
    if checked.problems:
        for line in checked_lines(requests, checked):
            print_line(line)
        return StyleVideoError.exit_code
    if not checked.estimates:
        print_line("Every film is already made.")
        return 0
    plans = _Plans(requests, checked, Times(options), budget.given)
    ordered = looks(plans.long_edge)
    found = best_within(budget.seconds, ordered, plans.seconds)
    if found is None:
        raise SettingsError(_too_little(budget, plans, ordered[-1]))
    print_line(plans.told(found))
    print_line(command_line(["stylevideo", *command(budget.words, found)]))
    return 0


def command(words: Sequence[str], look: Look) -> list[str]:
    """A command line that makes a look of what another asks for, without the program's name."""
    clips = words.index("--") if "--" in words else len(words)  # behind which nothing is a flag
    left, kept = list(words[:clips]), list[str]()
    while left:
        word = left.pop(0)
        flag, joined, _ = word.partition("=")
        if flag in DROPPED and not (flag == "--size" and not look.size):
            if DROPPED[flag] and not joined and left:
                left.pop(0)
        else:
            kept.append(word)
    size = ["--size", str(look.size)] if look.size else []
    return [*kept, "--preset", look.preset, *size, *words[clips:]]


class _Plans:
    """All clips of a batch by one look or another.

    Args:
        requests: the batch.
        checked: it, with a look at the clips.
        times: of this machine.
        given: what the command line says of all clips, which no preset undoes.
    """

    def __init__(self, requests: Sequence[ClipRequest], checked: BatchChecked, times: Times, given: Overrides) -> None:
        self._clips = [(requests[index], estimate) for index, estimate in checked.estimates.items()]
        self._checked, self._times, self._given = checked, times, given

    @property
    def long_edge(self) -> int:
        """The largest of all films as they are asked for, pixels."""
        return max(max(size) for _, _, size in self._planned(Look("standard")))

    @property
    def frames(self) -> int:
        """Of all clips."""
        return sum(estimate.frames for _, estimate in self._clips)

    def seconds(self, look: Look) -> float:
        """How long all take, each from its beginning."""
        from stylevideo.render.estimate import work_of

        total = 0.0
        for estimate, settings, size in self._planned(look):
            assert estimate.survey is not None, "a clip that is to be made was looked at"
            shots = estimate.survey.shots
            work = work_of(settings, size, range(shots[0].start, shots[-1].stop), estimate.survey)
            total += self._times.of(settings, work)
        return total / self._times.side_by_side(self._checked)

    def told(self, look: Look) -> str:
        """What a look means, in a line."""
        from stylevideo.render.memory import memory_needed, with_tile
        from stylevideo.system.device import choose_device

        memory = disk = 0
        for estimate, settings, (height, width) in self._planned(look):
            tiled = with_tile(settings, (height, width), choose_device(settings.optimizer.device))
            memory = max(memory, memory_needed(tiled, (height, width)))
            disk += round(estimate.bytes_needed * height * width / (estimate.height * estimate.width))
        sizes = sorted({f"{width}x{height}" for _, _, (height, width) in self._planned(look)})
        memory *= self._times.side_by_side(self._checked)
        return (
            f"{look.preset} at {', '.join(sizes)}: about {duration(self.seconds(look))} for "
            f"{counted(self.frames, 'frame')}, {bytes_in_words(memory)} of memory, {bytes_in_words(disk)} of disk."
        )

    def _planned(self, look: Look) -> Iterator[tuple[Estimate, Settings, tuple[int, int]]]:
        from stylevideo.render.opening import reduced_size

        for request, estimate in self._clips:
            settings = _settings_of(request, look, self._given.settings)
            yield estimate, settings, reduced_size(*estimate.source_size, settings.scales.size)


def _settings_of(request: ClipRequest, look: Look, given: Mapping[str, Any]) -> Settings:
    """What a clip would be made with by a look: what was said of it beside its preset goes on to count."""
    before, asked = preset(request.preset).to_dict(), request.settings.to_dict()
    said = {name: value for name, value in asked.items() if value != before[name]}
    sized = {"size": look.size} if look.size else {}
    return preset(look.preset).with_values(**{**values_over(given, said), **sized})


def _too_little(budget: Budget, plans: _Plans, least: Look) -> str:
    size = f" at {least.size} pixels" if least.size else ""
    return (
        f"--budget {duration(budget.seconds)}: even the preset {least.preset}{size} takes about "
        f"{duration(plans.seconds(least))} here for {counted(plans.frames, 'frame')}. "
        "Allow more time, or choose fewer --frames."
    )
