"""What is said of a batch in lines, rows and a report: what its check found, how a clip ended, what became of all."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from stylevideo.batch.outcomes import BatchChecked, Outcome
from stylevideo.errors import SettingsError
from stylevideo.media.hidden import finished_frames
from stylevideo.planning.request import ClipRequest, clip_names
from stylevideo.reports.report import describe_clip, describe_result, write_report
from stylevideo.reports.results import Status
from stylevideo.system.folders import folder_for, folders_to_be_made
from stylevideo.text import counted, duration


def checked_lines(requests: Sequence[ClipRequest], checked: BatchChecked) -> list[str]:
    """What the check of a batch found: every problem, and the sum of the rest."""
    names = clip_names(requests)
    problems = [f"  {_named(requests[index], names[index], reason)}" for index, reason in checked.problems.items()]
    frames = sum(estimate.frames - estimate.finished for estimate in checked.estimates.values())
    counts = f"{counted(len(checked.estimates), 'clip')} to be made, {counted(frames, 'frame')}"
    made = f"; {len(checked.made)} already made" if checked.made else ""
    cannot = f"; {len(problems)} cannot be made:" if problems else ""
    return [f"{counts}{made}{cannot}", *problems]


def outcome_line(outcome: Outcome, name: str) -> str:
    """How a clip ended, in a line."""
    status = outcome.status.value
    if outcome.result:
        return f"{name}: {status} in {duration(outcome.result.seconds)}: {outcome.request.output}"
    return f"{name}: {status}. {outcome.reason}"


def table(outcomes: Sequence[Outcome]) -> list[str]:
    """A row for each clip: how it ended, and what its film cost in this run."""
    rows = [("clip", "outcome", "attempts", "frames", "time", "loss", "warnings", "film")]
    for outcome, name in zip(outcomes, clip_names([outcome.request for outcome in outcomes]), strict=True):
        result, costs = outcome.result, ("", "", "", "")
        if result:
            warnings = str(len(result.warnings) or "")
            costs = (str(len(result.frames)), duration(result.seconds), f"{result.mean_loss:.4f}", warnings)
        attempts = str(outcome.attempts or "")
        rows.append((name, outcome.status.value, attempts, *costs, outcome.request.output.name if result else ""))
    columns = list(zip("<<>>>>><", (max(map(len, column)) for column in zip(*rows, strict=True)), strict=True))
    return [
        "  ".join(f"{text:{side}{width}}" for text, (side, width) in zip(row, columns, strict=True)).rstrip()
        for row in rows
    ]


def summary(outcomes: Sequence[Outcome], seconds: float) -> list[str]:
    """What became of a batch: the count of each outcome, and why there is no film where there is none."""
    counts = Counter(outcome.status for outcome in outcomes)
    shown = ", ".join(f"{counts[status]} {status.value}" for status in Status if counts[status])
    lines = [f"{counted(len(outcomes), 'clip')} in {duration(seconds)}: {shown}."]
    for outcome, name in zip(outcomes, clip_names([outcome.request for outcome in outcomes]), strict=True):
        if outcome.status is Status.FAILED:
            lines.append(f"  {_named(outcome.request, name, outcome.reason)}")
            logging.getLogger(__name__).debug("%s", outcome.detail)
    without_film = [outcome for outcome in outcomes if not outcome.status.has_film]
    if any(finished_frames(outcome.request.places) for outcome in without_film):
        lines.append("Finished frames are kept: run the same command again to go on.")
    elif counts[Status.STOPPED] or counts[Status.NOT_BEGUN]:
        lines.append("Run the same command again to go on.")
    return lines


def _named(request: ClipRequest, name: str, reason: str) -> str:
    """A reason with what the clip is called, unless it begins with it."""
    return reason if reason.startswith(name) else f"{name}: {reason.removeprefix(f'{request.source.name}: ')}"


def report_path(requests: Sequence[ClipRequest]) -> Path | None:
    """Where the report of a batch goes.

    Raises:
        InputError: it cannot be written, or is something else that is already there.
        SettingsError: the clips name different ones.
    """
    names = {request.settings.output.report for request in requests} - {""}
    if len(names) > 1:
        raise SettingsError(f"A batch has one report, and {len(names)} are named. Name one, with --report.")
    for name in names:
        from stylevideo.render.outputs import check_report

        path = Path(name).absolute()
        for request in requests:
            if path in (request.output, request.places.record):
                raise SettingsError(f"{path} belongs to a film of this batch. Choose another --report.")
        overwrite = any(request.settings.output.overwrite for request in requests)
        check_report(path, overwrite, folders_to_be_made(request.output for request in requests))
        return path
    return None


def write_outcomes(path: Path, outcomes: Sequence[Outcome], seconds: float) -> None:
    """Write the report of what became of films."""

    def described(outcome: Outcome) -> dict[str, object]:
        request, status = outcome.request, outcome.status
        if outcome.result:
            return describe_result(outcome.result, status, outcome.attempts)
        return describe_clip(request.source, request.output, request.styles, status, outcome.attempts, outcome.reason)

    with folder_for(path):
        write_report(path, [described(outcome) for outcome in outcomes], seconds)
