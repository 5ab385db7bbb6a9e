"""What a run shows while it works, on standard error: bars in a terminal, plain lines elsewhere, all in the log."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from stylevideo.batch.outcomes import BatchChecked, BatchEvent, ClipEnded, ClipEvent, Outcome, Waiting
from stylevideo.cli.summary import checked_lines, outcome_line
from stylevideo.planning.request import ClipRequest, clip_names
from stylevideo.reports.events import Checked, Event, Forecast, FrameFinished, Planned
from stylevideo.system.streams import bar_stream, print_line
from stylevideo.text import counted, duration, printable, printable_message

if TYPE_CHECKING:
    from stylevideo.reports.estimate import Estimate

logger = logging.getLogger(__name__)

PLAIN_EVERY_S = 60.0
"""Between two plain lines on one clip, where there are no bars."""


class Bar:
    """A bar in a terminal; elsewhere, and where nobody is listening any more, nothing."""

    def __init__(self, quiet: bool, **options: Any) -> None:
        self._bar: tqdm[Any] | None = None
        with suppress(OSError):
            hidden = True if quiet else None  # None: hidden unless in a terminal
            self._bar = tqdm(file=bar_stream(), disable=hidden, dynamic_ncols=True, **options)

    @property
    def is_shown(self) -> bool:
        """Whether anybody sees it."""
        return self._bar is not None and not self._bar.disable

    def show(self, done: float, total: float, text: str = "") -> None:
        """Set how much is done of how much, and what is said behind it."""
        if self._bar is not None:
            with suppress(OSError):
                self._bar.total = total
                self._bar.set_postfix_str(text, refresh=False)
                self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Leave the terminal in order."""
        if self._bar is not None:
            with suppress(OSError):
                self._bar.close()


class ClipProgress:
    """Shows the events of one clip: a line for the plan, a forecast, and a bar of frames.

    Args:
        quiet: show nothing.
        name: of the clip; its file's if not given.
        place: of the bar, from the top.
        prefix: begins every line.
        foresee: tells how many seconds a plan will take; None where that is not known.
    Attributes:
        place: of the next bar.
    """

    def __init__(
        self,
        quiet: bool,
        name: str = "",
        place: int = 0,
        prefix: str = "",
        foresee: Callable[[Planned], float | None] = lambda plan: None,
    ) -> None:
        self.place, self._foresee = place, foresee
        self._quiet, self._prefix = quiet, prefix
        self._bar: Bar | None = None
        self._spoke = time.monotonic()
        self._given = self._name = name
        self._done = self._total = 0

    def __call__(self, event: Event) -> None:
        """Show what has happened."""
        match event:
            case Checked():
                self._name = self._given or event.clip.source.name
                light = f"scene-linear light, painted as {event.view}; " if event.view else ""
                self._say(f"{self._name}: {counted(len(event.clip.frames), 'frame')}; {light}looking for cuts")
            case Planned():
                self._start(event)
            case FrameFinished():
                self._advance(event)
            case Forecast():
                self._say(_forecast(event))

    def close(self) -> None:
        """Leave the terminal in order."""
        if self._bar is not None:
            self._bar.close()

    def _start(self, plan: Planned) -> None:
        self.close()  # of an attempt that had too little memory, or of another film
        self._name = self._given or plan.clip.source.name
        seconds = self._foresee(plan)
        about = "" if seconds is None else f", about {duration(seconds)}"
        self._say(f"{self._name}: {_plan(plan)}{about}")
        self._done, self._total = plan.finished, frames_of(plan)
        self._bar = Bar(
            self._quiet,
            desc=printable(self._name) if self._prefix else None,
            total=self._total,
            initial=plan.finished,
            unit="frame",
            position=self.place,
            leave=not self._prefix,
        )

    def _advance(self, event: FrameFinished) -> None:
        assert self._bar is not None, "the plan comes before the frames"
        self._done = min(self._done + 1, self._total)  # a frame may be made twice where somebody died
        loss = f"loss {event.record.losses.appearance:.4f}"
        self._bar.show(self._done, self._total, loss)
        if not self._bar.is_shown and time.monotonic() - self._spoke > PLAIN_EVERY_S:
            self._say(f"{self._name}: {self._done} of {self._total} frames, {loss}")

    def _say(self, line: str) -> None:
        self._spoke = time.monotonic()
        say(f"{self._prefix}{line}", self._quiet)


class OpenJDProgress:
    """Tells OpenJD's runners on standard output how far this process is; see `How-Jobs-Are-Run` of its specification.

    Args:
        films: how many there are.
    """

    def __init__(self, films: int) -> None:
        self._films, self._begun = films, 0
        self._done = self._total = 0

    def __call__(self, event: Event) -> None:
        """Tell what has happened."""
        match event:
            case Checked():
                self.status(f"{event.clip.source.name}: {counted(len(event.clip.frames), 'frame')}, looking for cuts")
            case Planned():
                self._begun, self._done, self._total = self._begun + 1, event.finished, frames_of(event)
                self.status(f"{event.clip.source.name}: {_plan(event)}")
            case FrameFinished():
                self._done = min(self._done + 1, self._total)
                self._tell()

    def status(self, text: str) -> None:
        """What is being done."""
        _print_now(f"openjd_status: {text}")

    def fail(self, reason: str) -> None:
        """Why it was not done."""
        _print_now(f"openjd_fail: {reason}")

    def end(self) -> None:
        """All is done."""
        _print_now("openjd_progress: 100")

    def _tell(self) -> None:
        part = self._done / self._total if self._total else 1.0
        _print_now(f"openjd_progress: {100 * (min(self._begun, self._films) - 1 + part) / self._films:.1f}")


def _print_now(line: str) -> None:
    print_line(line)
    sys.stdout.flush()


class Tally:
    """How much of a batch is done, and how much there is to do: VGG evaluations times the pixels that each sees.

    What was foreseen counts until a clip has ended; then what it came to.

    Args:
        estimates: of the clips that will be made, by their index in the batch.
    """

    def __init__(self, estimates: Mapping[int, Estimate]) -> None:
        self._to_do = {index: estimate.pixels for index, estimate in estimates.items()}
        self._finished = {index: estimate.finished for index, estimate in estimates.items()}
        self._frame = {
            index: estimate.pixels / max(1, estimate.frames - estimate.finished)
            for index, estimate in estimates.items()
        }
        self._done = dict.fromkeys(estimates, 0.0)

    @property
    def total(self) -> float:
        """The work of all clips, in pixels that are painted."""
        return sum(self._to_do.values())

    @property
    def done(self) -> float:
        """Of `total`, what is behind us."""
        return max(0.0, sum(self._done.values()))

    def begin(self, index: int, finished: int) -> None:
        """A clip is begun, perhaps again: so many of its frames are finished, or less than were foreseen to be."""
        if index in self._frame:
            self._done[index] = self._frame[index] * (finished - self._finished[index])

    def add(self, index: int) -> None:
        """A frame of a clip is finished."""
        if index in self._frame:
            self._done[index] = min(self._done[index] + self._frame[index], self._to_do[index])

    def end(self, index: int) -> None:
        """A clip has ended, with a film or without: what it has not done, it will not do."""
        if index in self._frame:
            self._to_do[index] = self._done[index]


class BatchProgress:
    """Shows a batch: a bar of all its frames with the time that remains, and one for each clip that is being made.

    Args:
        requests: the batch.
        quiet: show nothing but failures.
    """

    def __init__(self, requests: Sequence[ClipRequest], quiet: bool) -> None:
        self._requests, self._names, self._quiet = requests, clip_names(requests), quiet
        self._bar: Bar | None = None
        self._clips: dict[int, ClipProgress] = {}
        self._tally = Tally({})
        self._began = self._spoke = time.monotonic()

    def __call__(self, event: BatchEvent) -> None:
        """Show what has happened."""
        match event:
            case BatchChecked():
                self._start(event)
            case ClipEvent():
                self._advance(event)
            case Waiting():
                say(f"{self._names[event.index]}: put off. {event.reason}", self._quiet)
            case ClipEnded():
                self._end(event.index, event.outcome)

    def close(self) -> None:
        """Leave the terminal in order."""
        for clip in self._clips.values():
            clip.close()
        if self._bar is not None:
            self._bar.close()

    def _start(self, checked: BatchChecked) -> None:
        for line in checked_lines(self._requests, checked):
            say(line, self._quiet)
        self._tally = Tally(checked.estimates)
        self._began = self._spoke = time.monotonic()
        self._bar = Bar(
            self._quiet or not self._tally.total,
            desc="batch",
            total=self._tally.total or None,
            bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed} gone, {remaining} left",
        )

    def _advance(self, event: ClipEvent) -> None:
        clip = self._clips.get(event.index)
        if clip is None:
            prefix = f"[{event.index + 1}/{len(self._requests)}] "
            clip = self._clips[event.index] = ClipProgress(self._quiet, self._names[event.index], prefix=prefix)
        if isinstance(event.event, Planned):
            clip.place = event.worker + 1  # of whoever makes the clip now
        clip(event.event)
        if isinstance(event.event, Planned):
            self._tally.begin(event.index, event.event.finished)
        if isinstance(event.event, FrameFinished):
            self._tally.add(event.index)
            self._show()

    def _show(self) -> None:
        if self._bar is None or not self._tally.total:
            return
        self._bar.show(self._tally.done, self._tally.total)
        if not self._bar.is_shown and time.monotonic() - self._spoke > PLAIN_EVERY_S and self._tally.done:
            self._spoke = time.monotonic()
            part = self._tally.done / self._tally.total
            remains = duration((self._spoke - self._began) * (1 - part) / part)
            say(f"The batch: {part:.0%}, about {remains} left", self._quiet)

    def _end(self, index: int, outcome: Outcome) -> None:
        clip = self._clips.pop(index, None)
        if clip is not None:
            clip.close()
        self._tally.end(index)
        if outcome.attempts:  # the rest was told when all were checked
            say(f"[{index + 1}/{len(self._requests)}] {outcome_line(outcome, self._names[index])}", self._quiet)
        for warning in outcome.result.warnings if outcome.result else ():
            say(f"Note: {self._names[index]}: {warning}", self._quiet)
        self._show()


def say(line: str, quiet: bool = False) -> None:
    """A line above the bars, and in the log."""
    logger.info("%s", line, extra={"shown": True})
    if not quiet:
        with suppress(OSError):  # nobody may be listening any more
            tqdm.write(printable_message(line), file=bar_stream())


def frames_of(plan: Planned) -> int:
    """How many frames the shots of a plan have."""
    return sum(shot.stop - shot.start for shot in plan.shots)


def _plan(plan: Planned) -> str:
    frames = counted(frames_of(plan), "frame")
    resumed = f", {plan.finished} of them already made" if plan.finished else ""
    shots = counted(len(plan.shots), "shot")
    return f"{plan.width}x{plan.height}, {frames}{resumed}, {shots}, on {plan.device}"


def _forecast(forecast: Forecast) -> str:
    return f"The rest will take about {duration(forecast.seconds)}."
