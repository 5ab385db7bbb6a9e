"""The command `run`: one clip in this process, or a batch in processes of its own; and what it says at the end."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from stylevideo.batch.outcomes import BatchChecked, BatchOptions, Outcome
from stylevideo.batch.run import check_batch, run_batch
from stylevideo.batch.up_to_date import already_made, confirm
from stylevideo.cli.progress import BatchProgress, ClipProgress, checked_lines, duration, named, say
from stylevideo.errors import SettingsError, Stopped, StyleVideoError
from stylevideo.media.hidden import finished_frames
from stylevideo.planning.request import ClipRequest, clip_names
from stylevideo.reports.results import Status
from stylevideo.system.folders import folders_for
from stylevideo.system.heartbeat import broken_off_when
from stylevideo.system.interrupts import Interrupts
from stylevideo.system.loading import PAINTING, load_at_once, require_memory_to_load
from stylevideo.system.streams import print_line
from stylevideo.text import bytes_in_words, counted

DONE, FAILED = 0, StyleVideoError.exit_code


@dataclass(frozen=True)
class RunOptions:
    """How the command was called, but for the clips.

    Attributes:
        batch: how a batch is run.
        dry_run: only say what would be made.
        quiet: only errors.
        if_nothing: the exit code where every film is up to date.
    """

    batch: BatchOptions
    dry_run: bool = False
    quiet: bool = False
    if_nothing: int = DONE


def run(requests: Sequence[ClipRequest], options: RunOptions) -> int:
    """Make the films, and say so.

    Returns:
        The exit code.
    Raises:
        StyleVideoError: the only clip cannot be made; a batch tells of failures in words.
    """
    with Interrupts() as interrupts, folders_for(request.output for request in requests):
        if options.dry_run:
            with broken_off_when(interrupts.requested):
                return _foretell(requests, options, interrupts)
        if len(requests) == 1 and not (options.batch.devices or options.batch.retries or options.batch.workers > 1):
            with broken_off_when(interrupts.requested):
                return _run_one(requests[0], options, interrupts)
        return _run_batch(requests, options, interrupts)


def _run_one(request: ClipRequest, options: RunOptions, interrupts: Interrupts) -> int:
    if already_made(request):
        confirm(request)
        say(f"{request.output} is already made from the same clip, styles and settings. --restart -y makes it anew.")
        print_line(request.output)
        return options.if_nothing
    require_memory_to_load(PAINTING)
    load_at_once(PAINTING)
    from stylevideo.render.stylize import stylize

    began, progress = time.monotonic(), ClipProgress(options.quiet)
    try:
        result = stylize(
            request.source, request.styles, request.output, request.settings, progress, interrupts.requested
        )
    except BaseException as error:
        _report_failure(request, error, time.monotonic() - began)
        raise
    finally:
        progress.close()
    for warning in result.warnings:
        say(f"Note: {warning}", options.quiet)
    say(
        f"{counted(len(result.frames), 'frame')} in {duration(result.seconds)}, "
        f"{counted(result.evaluations, 'VGG evaluation')}, "
        f"mean loss {result.mean_loss:.4f}",
        options.quiet,
    )
    print_line(result.output)
    return DONE


def _report_failure(request: ClipRequest, error: BaseException, seconds: float) -> None:
    """Write the report of a clip without a film, where the report is asked for and replaces nothing but a report."""
    from stylevideo.store.sidecar import is_report

    stopped = isinstance(error, Stopped | KeyboardInterrupt)
    reason = str(error) or ("It was stopped." if stopped else f"{type(error).__name__}.")
    outcome = Outcome(request, Status.STOPPED if stopped else Status.FAILED, 1, reason)
    with suppress(StyleVideoError):  # what is wrong with the clip is what its owner should hear
        path = _report_path([request])
        if path and (is_report(path) or not path.exists()):
            _write_report(path, [outcome], seconds)


def _run_batch(requests: Sequence[ClipRequest], options: RunOptions, interrupts: Interrupts) -> int:
    began, report = time.monotonic(), _report_path(requests)
    requests = [replace(request, settings=request.settings.with_values(report="")) for request in requests]
    progress = BatchProgress(requests, options.quiet)
    try:
        outcomes = run_batch(requests, options.batch, progress, interrupts.requested)
    finally:
        progress.close()
    counts = Counter(outcome.status for outcome in outcomes)
    for outcome in outcomes:
        if outcome.status.has_film:
            print_line(outcome.request.output)
    for line in _table(outcomes):
        say(line, options.quiet)
    for line in _summary(outcomes, time.monotonic() - began):
        say(line, options.quiet and not counts[Status.FAILED])
    if report:
        _write_report(report, outcomes, time.monotonic() - began)
    if interrupts.requested():
        return Stopped.exit_code
    if not all(outcome.status.has_film for outcome in outcomes):
        return FAILED
    return DONE if counts[Status.MADE] else options.if_nothing


def _report_path(requests: Sequence[ClipRequest]) -> Path | None:
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
        from stylevideo.store.sidecar import provenance_path

        path = Path(name).absolute()
        for request in requests:
            if path in (request.output, provenance_path(request.output)):
                raise SettingsError(f"{path} belongs to a film of this batch. Choose another --report.")
        check_report(path, any(request.settings.output.overwrite for request in requests))
        return path
    return None


def _write_report(path: Path, outcomes: Sequence[Outcome], seconds: float) -> None:
    from stylevideo.reports.report import describe_clip, describe_result, write_report

    def described(outcome: Outcome) -> dict[str, object]:
        request, status = outcome.request, outcome.status
        if outcome.result:
            return describe_result(outcome.result, status, outcome.attempts)
        return describe_clip(request.source, request.output, request.styles, status, outcome.attempts, outcome.reason)

    write_report(path, [described(outcome) for outcome in outcomes], seconds)


def _table(outcomes: Sequence[Outcome]) -> list[str]:
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


def _summary(outcomes: Sequence[Outcome], seconds: float) -> list[str]:
    """What became of a batch: the count of each outcome, and why there is no film where there is none."""
    counts = Counter(outcome.status for outcome in outcomes)
    shown = ", ".join(f"{counts[status]} {status.value}" for status in Status if counts[status])
    lines = [f"{counted(len(outcomes), 'clip')} in {duration(seconds)}: {shown}."]
    for outcome, name in zip(outcomes, clip_names([outcome.request for outcome in outcomes]), strict=True):
        if outcome.status is Status.FAILED:
            lines.append(f"  {named(outcome.request, name, outcome.reason)}")
            logging.getLogger(__name__).debug("%s", outcome.detail)
    without_film = [outcome for outcome in outcomes if not outcome.status.has_film]
    if any(finished_frames(outcome.request.output) for outcome in without_film):
        lines.append("Finished frames are kept: run the same command again to go on.")
    elif counts[Status.STOPPED] or counts[Status.NOT_BEGUN]:
        lines.append("Run the same command again to go on.")
    return lines


def _foretell(requests: Sequence[ClipRequest], options: RunOptions, interrupts: Interrupts) -> int:
    """Say what would be made, how long it would take and how much disk it needs."""
    checked = check_batch(requests, options.batch, interrupts.requested)
    if interrupts.requested():
        return Stopped.exit_code
    seconds = _pace(requests, checked, options.batch.devices)
    names = clip_names(requests)
    width = max(map(len, names))
    for index, request in enumerate(requests):
        estimate = checked.estimates.get(index)
        if estimate:
            took = (
                f"{counted(estimate.frames - estimate.finished, 'frame')} of {estimate.width}x{estimate.height}, about "
            )
            took += f"{duration(estimate.pixels * seconds)}, {bytes_in_words(estimate.bytes_needed)}"
        else:
            took = "already made" if index in checked.made else f"cannot be made: {checked.problems.get(index, '')}"
        print_line(f"{names[index]:<{width}}  {took}")
        if estimate:
            print_line(f"{'':<{width}}  {request.output}")
    pixels = sum(estimate.pixels for estimate in checked.estimates.values())
    needed = sum(estimate.bytes_needed for estimate in checked.estimates.values())
    print_line(checked_lines(requests, checked)[0].rstrip(":") + ".")
    if checked.estimates:
        print_line(
            f"About {duration(pixels * seconds / max(1, len(options.batch.devices)))} in all, by a measurement of this "
            f"machine with a small picture; cuts cost more. About {bytes_in_words(needed)} of disk space."
        )
    if checked.problems:
        return FAILED
    return DONE if checked.estimates else options.if_nothing


def _pace(requests: Sequence[ClipRequest], checked: BatchChecked, devices: Sequence[str]) -> float:
    """Seconds that one VGG evaluation takes here for each pixel, with the first clip's settings; 0 if none is due."""
    if not any(estimate.pixels for estimate in checked.estimates.values()):
        return 0.0
    from stylevideo.models.weights import load_vgg19
    from stylevideo.render.estimate import seconds_a_pixel
    from stylevideo.system.device import choose_device, convolution_dtype, cpu_threads

    settings = requests[next(iter(checked.estimates))].settings
    device = choose_device(devices[0] if devices else settings.optimizer.device)
    dtype = convolution_dtype(settings.optimizer.precision, device)
    with cpu_threads(settings.optimizer.threads):
        return seconds_a_pixel(load_vgg19(settings.weights.weights, device, dtype), settings)
