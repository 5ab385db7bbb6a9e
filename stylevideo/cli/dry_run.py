"""`run --dry-run`: what would be made, how long it would take, and how much memory and disk it needs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from stylevideo.batch.outcomes import BatchChecked, BatchOptions
from stylevideo.batch.run import check_batch
from stylevideo.cli.progress import say
from stylevideo.cli.summary import checked_lines
from stylevideo.errors import Stopped, StyleVideoError
from stylevideo.planning.request import ClipRequest, clip_names
from stylevideo.settings.settings import Settings
from stylevideo.system.streams import print_line
from stylevideo.text import bytes_in_words, counted, duration

if TYPE_CHECKING:
    from stylevideo.store.calibration import Calibrations
    from stylevideo.work import Work


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
            print_line(f"{'':<{width}}  {request.output}")


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
