"""The command `run`: one clip in this process, or a batch in processes of its own; and what it says at the end."""

from __future__ import annotations

import argparse
import logging
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from stylevideo.batch.outcomes import BatchOptions, Outcome
from stylevideo.batch.run import run_batch
from stylevideo.batch.up_to_date import already_made, confirm
from stylevideo.cli.budget import Budget, propose
from stylevideo.cli.dry_run import dry_run
from stylevideo.cli.parser import Commands, Parser, add_common, add_leaf, add_style, given_settings, set_command
from stylevideo.cli.progress import BatchProgress, ClipProgress, say
from stylevideo.cli.summary import summary, table
from stylevideo.errors import SettingsError, Stopped, StyleVideoError
from stylevideo.planning.plan import plan_requests
from stylevideo.planning.request import ClipRequest, Overrides
from stylevideo.reports.events import Planned
from stylevideo.reports.report import describe_clip, describe_result, write_report
from stylevideo.reports.results import Status
from stylevideo.settings.presets import PRESETS
from stylevideo.settings.settings import Settings, leaves
from stylevideo.store.sidecar import is_report
from stylevideo.system.folders import folder_for, folders_to_be_made
from stylevideo.system.heartbeat import broken_off_when
from stylevideo.system.interrupts import Interrupts
from stylevideo.system.loading import PAINTING, load_at_once, require_memory_to_load
from stylevideo.system.streams import print_line
from stylevideo.text import counted, duration, seconds_of

SECTION_TITLES = {
    "direction": "the look, and how it changes",
    "strokes": "strokes",
    "losses": "what counts",
    "optimizer": "how a frame is optimised",
    "weights": "the network's weights",
    "scales": "sizes",
    "colors": "colours",
    "temporal": "from frame to frame",
    "motion": "where pixels were",
    "shots": "cuts",
    "footage": "what is read",
    "output": "what is written",
}
MOST_EXIT_CODE = 255
DONE, FAILED = 0, StyleVideoError.exit_code


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
    parser.add_argument(
        "clips",
        nargs="+",
        metavar="CLIP",
        help="videos, folders of them, patterns such as '*.mov'; image sequences: shot.####.exr or their folder; "
        "job files: job.toml",
    )
    style = "a picture to take the style from; may be given several times, then the styles are blended"
    add_style(parser, style, required=False)  # a job file or the user file may name them
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILM",
        help="the film to write, of one clip: .mp4, .mov, .mkv, .webm, .mxf; or an image sequence: out/shot.####.png",
    )
    parser.add_argument("--out-dir", type=Path, metavar="FOLDER", help="the folder for the films")
    parser.add_argument("--name", metavar="TEMPLATE", help="their names in it (default: {name}_{style}_{preset}.{ext})")
    parser.add_argument(
        "--preset", metavar="NAME", help=f"{', '.join(PRESETS)} (default: standard); see `stylevideo presets`"
    )
    parser.add_argument("--look", metavar="NAME", help="styles and settings by a name; see `stylevideo looks`")
    parser.add_argument("--config", metavar="FILE.toml", help="your own defaults; 'none' for none")
    _add_batch(parser.add_argument_group("many clips"))
    add_common(parser)
    groups = {name: parser.add_argument_group(title) for name, title in SECTION_TITLES.items()}
    for leaf in leaves():
        add_leaf(groups[leaf.section], leaf)


def _add_batch(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--dry-run", action="store_true", help="only say what would be made, how long, how large")
    group.add_argument(
        "--budget",
        type=_time,
        metavar="TIME",
        help="only say by which preset and size all would be made in so much time, such as 2h, 90m or 1h30m",
    )
    group.add_argument(
        "--workers",
        type=_count,
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
        "--exit-code-if-nothing",
        type=_exit_code,
        default=0,
        metavar="N",
        help="end with this exit code where every film is up to date (0)",
    )
    group.add_argument(
        "--retry", type=_count, default=0, metavar="N", help="try a clip that failed on the way so often again"
    )
    group.add_argument("--fail-fast", action="store_true", help="end with the first clip that cannot be made")
    group.add_argument(
        "--stall-minutes",
        type=_count,
        default=60,
        metavar="N",
        help="a worker that makes no step for so long counts as crashed (60; 0: wait for ever)",
    )


def _count(text: str) -> int:
    """A number that is not negative."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return number


def _time(text: str) -> float:
    """A time, in seconds."""
    try:
        return seconds_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _exit_code(text: str) -> int:
    """A number that every system can pass on."""
    number = _count(text)
    if number > MOST_EXIT_CODE:
        raise argparse.ArgumentTypeError(f"{text} is above {MOST_EXIT_CODE}")
    return number


def _run(options: argparse.Namespace) -> int:
    """Make the films, and say so; a batch tells of failures in words."""
    styles = tuple(options.style or ())
    given = Overrides(given_settings(options), styles, options.preset, options.output, options.out_dir, options.name)
    given = replace(given, look=options.look)
    requests, how = plan_requests(options.clips, given, options.config), _run_options(options)
    with Interrupts() as interrupts:
        if options.budget:
            with broken_off_when(interrupts.requested):
                return propose(requests, how.batch, interrupts.requested, Budget(options.budget, given, options.words))
        if options.dry_run:
            with broken_off_when(interrupts.requested):
                return dry_run(requests, how.batch, interrupts.requested, how.if_nothing)
        if len(requests) == 1 and not (how.batch.devices or how.batch.retries or how.batch.workers > 1):
            with broken_off_when(interrupts.requested):
                return _run_one(requests[0], how, interrupts)
        return _run_batch(requests, how, interrupts)


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
    from stylevideo.render.claims import Hooks
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
    from stylevideo.render.estimate import Survey, painted_part, work_of
    from stylevideo.store.calibration import Calibrations

    left = range(plan.clip.frames.start + plan.finished, plan.clip.frames.stop)
    size = (plan.height, plan.width)
    work = work_of(settings, size, left, Survey(plan.shots, painted=painted_part(plan.shots, size)))
    known = Calibrations().kept(settings)
    return known.seconds(work) if known and work.counts else None


def _report_failure(request: ClipRequest, error: BaseException, seconds: float) -> None:
    """Write the report of a clip without a film, where the report is asked for and replaces nothing but a report."""
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
    for line in table(outcomes):
        say(line, options.quiet)
    for line in summary(outcomes, time.monotonic() - began):
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

        path = Path(name).absolute()
        for request in requests:
            if path in (request.output, request.places.record):
                raise SettingsError(f"{path} belongs to a film of this batch. Choose another --report.")
        overwrite = any(request.settings.output.overwrite for request in requests)
        check_report(path, overwrite, folders_to_be_made(request.output for request in requests))
        return path
    return None


def _write_report(path: Path, outcomes: Sequence[Outcome], seconds: float) -> None:
    def described(outcome: Outcome) -> dict[str, object]:
        request, status = outcome.request, outcome.status
        if outcome.result:
            return describe_result(outcome.result, status, outcome.attempts)
        return describe_clip(request.source, request.output, request.styles, status, outcome.attempts, outcome.reason)

    with folder_for(path):
        write_report(path, [described(outcome) for outcome in outcomes], seconds)
