"""What a run shows while it works, on standard error: bars in a terminal, plain lines elsewhere, all in the log."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm

    from stylevideo.batch import BatchChecked, BatchEvent, ClipEvent, Outcome
    from stylevideo.request import ClipRequest
    from stylevideo.results import Event, Forecast, FrameFinished, Planned

logger = logging.getLogger(__name__)

PLAIN_EVERY_S = 60.0
"""Between two plain lines on one clip, where there are no bars."""


class ClipProgress:
    """Shows the events of one clip: a line for the plan, a forecast, and a bar of frames.

    Args:
        quiet: show nothing.
        place: of the bar, from the top.
        prefix: begins every line.
    """

    def __init__(self, quiet: bool, place: int = 0, prefix: str = "") -> None:
        self._quiet, self._place, self._prefix = quiet, place, prefix
        self._bar: tqdm[Any] | None = None
        self._spoke = time.monotonic()
        self._name = ""

    def __call__(self, event: Event) -> None:
        from stylevideo.results import Checked, Forecast, FrameFinished, Planned

        match event:
            case Checked():
                self._name = event.clip.source.name
                self._say(f"{self._name}: {len(event.clip.frames)} frames; looking for cuts")
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
        from tqdm import tqdm

        self._say(_plan(plan))
        self._bar = tqdm(
            desc=self._name if self._prefix else None,
            total=len(plan.clip.frames),
            initial=plan.finished,
            unit="frame",
            file=sys.stderr,
            disable=True if self._quiet else None,
            dynamic_ncols=True,
            position=self._place,
            leave=not self._prefix,
        )
        self._done = plan.finished

    def _advance(self, event: FrameFinished) -> None:
        assert self._bar is not None, "the plan comes before the frames"
        self._done += 1
        loss = f"loss {event.record.losses.appearance:.4f}"
        self._bar.set_postfix_str(loss, refresh=False)
        self._bar.update()
        if self._bar.disable and time.monotonic() - self._spoke > PLAIN_EVERY_S:
            self._say(f"{self._name}: {self._done} of {self._bar.total} frames, {loss}")

    def _say(self, line: str) -> None:
        self._spoke = time.monotonic()
        say(f"{self._prefix}{line}", self._quiet)


class BatchProgress:
    """Shows a batch: a bar of all its frames with the time that remains, and one for each clip that is being made.

    Args:
        requests: the batch.
        quiet: show nothing but failures.
    """

    def __init__(self, requests: Sequence[ClipRequest], quiet: bool) -> None:
        self._requests, self._quiet = requests, quiet
        self._bar: tqdm[Any] | None = None
        self._clips: dict[int, ClipProgress] = {}
        self._weights: dict[int, float] = {}
        self._ended = 0
        self._made = self._total = 0.0
        self._began = self._spoke = time.monotonic()

    def __call__(self, event: BatchEvent) -> None:
        from stylevideo.batch import BatchChecked, ClipEnded, ClipEvent, Waiting

        match event:
            case BatchChecked():
                self._start(event)
            case ClipEvent():
                self._advance(event)
            case Waiting():
                say(f"{self._requests[event.index].source.name}: put off. {event.reason}", self._quiet)
            case ClipEnded():
                self._end(event.index, event.outcome)

    def close(self) -> None:
        """Leave the terminal in order."""
        for clip in self._clips.values():
            clip.close()
        if self._bar is not None:
            self._bar.close()

    def _start(self, checked: BatchChecked) -> None:
        from tqdm import tqdm

        for line in checked_lines(self._requests, checked):
            say(line, self._quiet)
        self._weights = {
            index: prospect.pixels / max(1, prospect.frames - prospect.finished)
            for index, prospect in checked.prospects.items()
        }
        self._total = total = sum(prospect.pixels for prospect in checked.prospects.values())
        self._began = self._spoke = time.monotonic()
        self._bar = tqdm(
            desc="batch",
            total=total or None,
            file=sys.stderr,
            disable=True if self._quiet or not total else None,
            dynamic_ncols=True,
            bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed} gone, {remaining} left",
        )

    def _advance(self, event: ClipEvent) -> None:
        from stylevideo.results import FrameFinished

        clip = self._clips.get(event.index)
        if clip is None:
            prefix = f"[{event.index + 1}/{len(self._requests)}] "
            clip = self._clips[event.index] = ClipProgress(self._quiet, event.worker + 1, prefix)
        clip(event.event)
        if isinstance(event.event, FrameFinished) and self._bar is not None:
            self._bar.update(self._weights.get(event.index, 0))
            self._made += self._weights.get(event.index, 0)
            if self._total and self._bar.disable and time.monotonic() - self._spoke > PLAIN_EVERY_S:
                self._say_what_remains()

    def _say_what_remains(self) -> None:
        self._spoke = time.monotonic()
        part = self._made / self._total
        remains = duration((self._spoke - self._began) * (1 - part) / part)
        say(f"The batch: {part:.0%}, about {remains} left", self._quiet)

    def _end(self, index: int, outcome: Outcome) -> None:
        clip = self._clips.pop(index, None)
        if clip is not None:
            clip.close()
        self._ended += 1
        if outcome.attempts:  # the rest was told when all were checked
            say(f"[{self._ended}/{len(self._requests)}] {outcome_line(outcome)}", self._quiet)
        for warning in outcome.result.warnings if outcome.result else ():
            say(f"Note: {outcome.request.source.name}: {warning}", self._quiet)


def say(line: str, quiet: bool = False) -> None:
    """A line above the bars, and in the log."""
    from tqdm import tqdm

    logger.info("%s", line, extra={"shown": True})
    if not quiet:
        with suppress(OSError):  # nobody may be listening any more
            tqdm.write(line, file=sys.stderr)


def checked_lines(requests: Sequence[ClipRequest], checked: BatchChecked) -> list[str]:
    """What the check of a batch found: every problem, and the sum of the rest."""
    problems = [f"  {named(requests[index], reason)}" for index, reason in checked.problems.items()]
    frames = sum(prospect.frames - prospect.finished for prospect in checked.prospects.values())
    counts = f"{len(checked.prospects)} clips to be made, {frames} frames"
    made = f"; {len(checked.made)} already made" if checked.made else ""
    cannot = f"; {len(problems)} cannot be made:" if problems else ""
    return [f"{counts}{made}{cannot}", *problems]


def outcome_line(outcome: Outcome) -> str:
    """How a clip ended, in a line."""
    name, status = outcome.request.source.name, outcome.status.value
    if outcome.result:
        return f"{name}: {status} in {duration(outcome.result.seconds)}: {outcome.request.output}"
    return f"{name}: {status}. {outcome.reason}"


def named(request: ClipRequest, reason: str) -> str:
    """A reason with the clip's name, unless it begins with it."""
    name = request.source.name
    return reason if reason.startswith(name) else f"{name}: {reason}"


def duration(seconds: float) -> str:
    """A time for people."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def _plan(plan: Planned) -> str:
    name, frames = plan.clip.source.name, len(plan.clip.frames)
    resumed = f", {plan.finished} of them already made" if plan.finished else ""
    shots = f"{len(plan.shots)} shot{'s' if len(plan.shots) != 1 else ''}"
    return f"{name}: {plan.width}x{plan.height}, {frames} frames{resumed}, {shots}, on {plan.device}"


def _forecast(forecast: Forecast) -> str:
    return f"The rest will take about {duration(forecast.seconds)}."
