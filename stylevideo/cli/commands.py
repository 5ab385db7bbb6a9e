"""What each command does with its flags, and what it prints; PyTorch is loaded when work starts, not before."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import shlex
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from stylevideo.cli.parser import as_flag, taken_by
from stylevideo.errors import InstallationError, Problems, SettingsError, VerificationError
from stylevideo.settings.presets import PRESETS
from stylevideo.settings.settings import Settings, leaves
from stylevideo.settings.style import Style
from stylevideo.system.streams import bar_stream, print_json, print_line
from stylevideo.text import counted

if TYPE_CHECKING:
    from stylevideo.store.unfinished import Unfinished


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """The settings' values that the user gave."""
    return {leaf.name: getattr(options, leaf.name) for leaf in leaves() if hasattr(options, leaf.name)}


def _run(options: argparse.Namespace) -> int:
    from stylevideo.batch.outcomes import BatchOptions
    from stylevideo.cli.run import RunOptions, run
    from stylevideo.planning.plan import plan_requests
    from stylevideo.planning.request import Overrides

    styles = tuple(options.style or ())
    given = Overrides(_given(options), styles, options.preset, options.output, options.out_dir, options.name)
    requests = plan_requests(options.clips, given, options.config)
    return run(
        requests,
        RunOptions(
            BatchOptions(
                workers=options.workers or max(1, len(options.devices)),
                devices=options.devices,
                retries=options.retry,
                fail_fast=options.fail_fast,
                patience_s=60 * options.stall_minutes,
                log_level=logging.getLogger().level,
            ),
            dry_run=options.dry_run,
            quiet=options.quiet,
            if_nothing=options.exit_code_if_nothing,
        ),
    )


def _evaluate(options: argparse.Namespace) -> None:
    settings = Settings().with_values(**_given(options))
    styles = [Style.parse(text) for text in options.style]
    from tqdm import tqdm

    from stylevideo.quality.evaluate import evaluate
    from stylevideo.quality.tables import as_json, as_table

    hidden = True if options.quiet else None  # None: hidden unless in a terminal
    with tqdm(unit="frame", file=bar_stream(), disable=hidden, dynamic_ncols=True) as bar:

        def advance(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        evaluation = evaluate(
            options.source,
            options.film,
            styles,
            settings,
            reference=options.reference,
            plot=options.plot,
            on_frame=advance,
        )
    if options.json:
        print_json(as_json(evaluation))
        return
    for line in as_table(evaluation):
        print_line(line)


def _verify(options: argparse.Namespace) -> None:
    from stylevideo.quality.checks import Verdict
    from stylevideo.quality.verify import verify

    shown = Settings().with_values(**_given(options)).footage
    found = verify(options.source, options.film, **{name: getattr(shown, name) for name in taken_by("verify")})
    if options.json:
        checks = [{**dataclasses.asdict(check), "verdict": check.verdict.value} for check in found.checks]
        print_json({"source": str(found.source), "film": str(found.film), "checks": checks})
    else:
        for check in found.checks:
            differs = check.film and check.verdict is not Verdict.SAME
            print_line(f"{check.verdict.value:<8} {check.what}: {check.source}{f' -> {check.film}' if differs else ''}")
    if found.wrong:
        raise VerificationError(f"{found.film.name} differs in: {', '.join(check.what for check in found.wrong)}.")


def _probe(options: argparse.Namespace) -> None:
    from stylevideo.cli.description import as_json, as_lines
    from stylevideo.media.decode.reader import open_clip

    info = open_clip(options.file)
    if options.json:
        print_json(as_json(info))
        return
    for line in as_lines(info):
        print_line(line)


def _shots(options: argparse.Namespace) -> None:
    from stylevideo.cli.description import shot_as_json
    from stylevideo.media.decode.reader import open_clip
    from stylevideo.media.decode.shots import detect_shots

    info = open_clip(options.file)
    shots = [shot_as_json(info, shot) for shot in detect_shots(info, range(info.frame_count))]
    if options.json:
        print_json(shots)
        return
    for shot in shots:
        timecode = f", timecode {shot['timecode']}" if shot["timecode"] else ""
        print_line(
            f"shot {shot['shot']}: frames {shot['first']}-{shot['last']} ({shot['frames']}), "
            f"{shot['start_s']:.3f}-{shot['end_s']:.3f} s{timecode}"
        )


def _deliveries(options: argparse.Namespace) -> None:
    from stylevideo.media.encode.delivery import DELIVERIES

    for delivery in DELIVERIES.values():
        print_line(f"{delivery.name}: {delivery.description} ({', '.join(delivery.suffixes)})")


def _presets(options: argparse.Namespace) -> None:
    for entry in PRESETS.values():
        print_line(f"{entry.name}: {entry.description}")
        if entry.values:
            print_line(
                f"    {shlex.join(word for name, value in entry.values.items() for word in as_flag(name, value))}"
            )


def _init(options: argparse.Namespace) -> None:
    from stylevideo.planning.template import write_job_file

    write_job_file(options.file)
    print_line(options.file)


def _doctor(options: argparse.Namespace) -> None:
    from stylevideo.cli.doctor import State, examine

    findings = []
    for finding in examine():
        findings.append(finding)
        if not options.json:
            print_line(f"{finding.state:<4} {finding.what}: {finding.said}")
            sys.stdout.flush()
    if options.json:
        print_json([dataclasses.asdict(finding) for finding in findings])
    missing = dict.fromkeys(finding.what for finding in findings if finding.state is State.NO)
    if missing:
        raise InstallationError(f"Something that the program cannot work without is wrong: {', '.join(missing)}.")


def _cache_list(options: argparse.Namespace) -> None:
    from stylevideo.store.unfinished import find_unfinished

    found = find_unfinished(options.folders)
    if options.json:
        print_json([dataclasses.asdict(work) for work in found])
        return
    for work in found:
        print_line(_unfinished(work))
    if not options.quiet:
        print_line(f"{len(found)} unfinished, {_size(sum(work.bytes for work in found))}", sys.stderr)


def _cache_clear(options: argparse.Namespace) -> None:
    from stylevideo.store.unfinished import find_unfinished, remove_unfinished

    found = find_unfinished(options.folders)
    idle = [work for work in found if not work.in_use]
    for work in found:
        kept = "" if work in idle else " (kept)"
        print_line(f"{_unfinished(work)}{kept}", sys.stderr)
    if idle and not options.yes:
        _require_yes(f"Throw away what was made of {counted(len(idle), 'film')}? [y/N] ")
    problems = Problems()
    for work in idle:
        with problems.noted():
            if stays := remove_unfinished(work):
                print_line(stays, sys.stderr)
            else:
                print_line(work.folder)
    problems.raise_all()


def _require_yes(question: str) -> None:
    if not sys.stdin.isatty():
        raise SettingsError("Nothing was thrown away: add -y to say that it may be.")
    sys.stderr.write(question)
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise SettingsError("Nothing was thrown away.")


def _unfinished(work: Unfinished) -> str:
    touched = time.strftime("%Y-%m-%d %H:%M", time.localtime(work.touched))
    working = ", a run is working on it" if work.in_use else ""
    return (
        f"{work.film}: {counted(work.frames, 'frame')} finished, {_size(work.bytes)}, last touched {touched}{working}"
    )


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


COMMANDS: dict[str, Callable[[argparse.Namespace], int | None]] = {
    "run": _run,
    "evaluate": _evaluate,
    "verify": _verify,
    "probe": _probe,
    "shots": _shots,
    "deliveries": _deliveries,
    "presets": _presets,
    "init": _init,
    "doctor": _doctor,
    "cache list": _cache_list,
    "cache clear": _cache_clear,
}
"""What each command does: prints its results, and returns the exit code if it is not 0."""
