"""The command `run`: one clip in this process, or a batch in processes of its own; and what it says at the end."""

from __future__ import annotations

import argparse
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from stylevideo.batch.outcomes import BatchListener, BatchOptions, Outcome
from stylevideo.batch.run import run_batch
from stylevideo.batch.up_to_date import already_made, confirm
from stylevideo.cli.foresee import Budget, dry_run, propose
from stylevideo.cli.parser import (
    Commands,
    Parser,
    add_common,
    add_films,
    add_settings,
    add_stall,
    count,
    overrides,
    set_command,
)
from stylevideo.cli.progress import BatchProgress, ClipProgress, say
from stylevideo.cli.summary import report_path, summary, table, write_outcomes
from stylevideo.errors import InstallationError, Problems, SettingsError, Stopped, StyleVideoError
from stylevideo.planning.plan import plan_requests
from stylevideo.planning.request import ClipRequest
from stylevideo.reports.events import Planned
from stylevideo.reports.results import Status
from stylevideo.settings.settings import Settings
from stylevideo.store.sidecar import is_report
from stylevideo.system.heartbeat import broken_off_when
from stylevideo.system.interrupts import Interrupts
from stylevideo.system.loading import PAINTING, load_at_once, require_memory_to_load
from stylevideo.system.streams import print_line
from stylevideo.text import counted, duration, seconds_of

MOST_EXIT_CODE = 255
DONE, FAILED = 0, StyleVideoError.exit_code
Run = Callable[[Sequence[ClipRequest], BatchOptions, BatchListener, Callable[[], bool]], tuple[Outcome, ...]]
"""What makes the films of a batch, as `run_batch` does."""


@dataclass(frozen=True)
class RunOptions:
    """How the command was called, but for the clips.

    Attributes:
        batch: how a batch is run.
        quiet: only errors.
        if_nothing: the exit code where every film is up to date.
    """

    batch: BatchOptions
    quiet: bool
    if_nothing: int


def add_parsers(commands: Commands) -> None:
    """Add the command."""
    _add_run(commands.add_parser("run", help="stylise a clip and write it with its sound"))


def _add_run(parser: Parser) -> None:
    set_command(parser, "run", _run)
    add_films(parser)
    _add_batch(parser.add_argument_group("many clips"))
    add_common(parser)
    add_settings(parser)


def _add_batch(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--dry-run", action="store_true", help="only say what would be made, how long, how large")
    group.add_argument(
        "--budget",
        type=time_of,
        metavar="TIME",
        help="only say by which preset and size all would be made in so much time, such as 2h, 90m or 1h30m",
    )
    group.add_argument(
        "--workers",
        type=count,
        default=0,
        metavar="N",
        help="clips, or shots of one, side by side (1, or one per device)",
    )
    group.add_argument(
        "--devices",
        type=lambda text: tuple(filter(None, text.split(","))),
        default=(),
        metavar="NAME,…",
        help="a device for each worker in turn, such as cuda:0,cuda:1",
    )
    group.add_argument(
        "--cluster",
        metavar="ADDRESS",
        default="",
        help="have the workers of this Dask scheduler make them: tcp://HEAD:8786, tls://… (docs/farm.md)",
    )
    group.add_argument(
        "--exit-code-if-nothing",
        type=_exit_code,
        default=0,
        metavar="N",
        help="end with this exit code where every film is up to date (0)",
    )
    group.add_argument(
        "--retry", type=count, default=0, metavar="N", help="try a clip that failed on the way so often again"
    )
    group.add_argument("--fail-fast", action="store_true", help="end with the first clip that cannot be made")
    add_stall(group, "a worker that makes no step for so long counts as crashed")


def time_of(text: str) -> float:
    """A time, in seconds."""
    try:
        return seconds_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _exit_code(text: str) -> int:
    """A number that every system can pass on."""
    number = count(text)
    if number > MOST_EXIT_CODE:
        raise argparse.ArgumentTypeError(f"{text} is above {MOST_EXIT_CODE}")
    return number


def _run(options: argparse.Namespace) -> int:
    """Make the films, and say so; a batch tells of failures in words."""
    given = overrides(options)
    run = _on_cluster(options) if options.cluster else run_batch
    requests, how = plan_requests(options.clips, given, options.config), _run_options(options)
    with Interrupts() as interrupts:
        if options.budget:
            with broken_off_when(interrupts.requested):
                return propose(requests, how.batch, interrupts.requested, Budget(options.budget, given, options.words))
        if options.dry_run:
            with broken_off_when(interrupts.requested):
                return dry_run(requests, how.batch, interrupts.requested, how.if_nothing)
        is_batch = how.batch.devices or how.batch.retries or how.batch.workers > 1 or options.cluster
        if len(requests) == 1 and not is_batch:
            with broken_off_when(interrupts.requested):
                return _run_one(requests[0], how, interrupts)
        return _run_batch(requests, how, interrupts, run)


def _on_cluster(options: argparse.Namespace) -> Run:
    """What runs a batch on a cluster.

    Raises:
        SettingsError: something does not go with that.
        InstallationError: Dask is not installed.
    """
    elsewhere = {
        "--workers": (options.workers, "a cluster has as many as were started"),
        "--devices": (options.devices, "each of its workers has its own"),
        "--dry-run": (options.dry_run, "it reckons for this machine"),
        "--budget": (options.budget, "it reckons for this machine"),
    }
    problems = Problems()
    for flag, (given, why) in elsewhere.items():
        with problems.noted():
            if given:
                raise SettingsError(f"{flag} does not go with --cluster: {why}. Leave one of them out.")
    problems.raise_all()
    try:
        from stylevideo.farm.cluster import run_on_cluster
    except ModuleNotFoundError as error:
        raise InstallationError(
            f'--cluster needs Dask ({error}). Install it with: pip install "stylevideo[cluster]".'
        ) from error
    for name in ("distributed", *filter(lambda name: name.startswith("distributed."), logging.root.manager.loggerDict)):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what goes wrong there is said here, in a sentence
    return partial(run_on_cluster, options.cluster)


def _run_options(options: argparse.Namespace) -> RunOptions:
    batch = BatchOptions(
        workers=options.workers or max(1, len(options.devices)),
        devices=options.devices,
        retries=options.retry,
        fail_fast=options.fail_fast,
        patience_s=60 * options.stall_minutes,
        log_level=logging.getLogger().level,
    )
    return RunOptions(batch, options.quiet, options.exit_code_if_nothing)


def _run_one(request: ClipRequest, options: RunOptions, interrupts: Interrupts) -> int:
    if already_made(request):
        confirm(request)
        say(f"{request.output} is already made from the same clip, styles and settings. --restart -y makes it anew.")
        print_line(request.output)
        return options.if_nothing
    require_memory_to_load(PAINTING)
    load_at_once(PAINTING)
    from stylevideo.render.hooks import Hooks
    from stylevideo.render.stylize import make_film

    progress = ClipProgress(options.quiet, foresee=partial(_foreseen, request.settings))
    began = time.monotonic()
    try:
        result = make_film(request, Hooks(progress, interrupts.requested))
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


def _foreseen(settings: Settings, plan: Planned) -> float | None:
    """How many seconds a film will take, where this machine's pace is known."""
    from stylevideo.render.estimate import painted_part, work_of
    from stylevideo.reports.estimate import Survey
    from stylevideo.store.calibration import Calibrations

    left = range(plan.clip.frames.start + plan.finished, plan.clip.frames.stop)
    size = (plan.height, plan.width)
    survey = Survey(plan.shots, painted=painted_part(plan.shots, size), look_turns=plan.look_turns)
    work = work_of(settings, size, left, survey)
    known = Calibrations().kept(settings)
    return known.seconds(work) if known and work.counts else None


def _report_failure(request: ClipRequest, error: BaseException, seconds: float) -> None:
    """Write the report of a clip without a film, where the report is asked for and replaces nothing but a report."""
    stopped = isinstance(error, Stopped | KeyboardInterrupt)
    reason = str(error) or ("It was stopped." if stopped else f"{type(error).__name__}.")
    outcome = Outcome(request, Status.STOPPED if stopped else Status.FAILED, 1, reason)
    with suppress(StyleVideoError):  # what is wrong with the clip is what its owner should hear
        path = report_path([request])
        if path and (is_report(path) or not path.exists()):
            write_outcomes(path, [outcome], seconds)


def _run_batch(requests: Sequence[ClipRequest], options: RunOptions, interrupts: Interrupts, run: Run) -> int:
    began, report = time.monotonic(), report_path(requests)
    requests = [replace(request, settings=request.settings.with_values(report="")) for request in requests]
    progress = BatchProgress(requests, options.quiet)
    try:
        outcomes = run(requests, options.batch, progress, interrupts.requested)
    finally:
        progress.close()
    counts = Counter(outcome.status for outcome in outcomes)
    for outcome in outcomes:
        if outcome.status.has_film:
            print_line(outcome.request.output)
    for line in table(outcomes):
        say(line, options.quiet)
    for line in summary(outcomes, time.monotonic() - began):
        say(line, options.quiet and not counts[Status.FAILED])
    if report:
        write_outcomes(report, outcomes, time.monotonic() - began)
    if interrupts.requested():
        return Stopped.exit_code
    if not all(outcome.status.has_film for outcome in outcomes):
        return FAILED
    return DONE if counts[Status.MADE] else options.if_nothing
