"""The command line: flags made from `Settings`, progress on stderr, results on stdout, exit codes.

Exit codes: 0 done; 1 failed on the way, or some clips of a batch did; 2 wrong usage, settings or input; 3 nothing to
do; 130 stopped by Ctrl-C. Only this module, `running` and `progress` print, and only this one configures logging or
exits; PyTorch is loaded when work starts, not before.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import json
import logging
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import stylevideo
from stylevideo.errors import (
    DeviceError,
    InputError,
    InstallationError,
    ResumeError,
    SettingsError,
    Stopped,
    StyleVideoError,
    VerificationError,
)
from stylevideo.settings import PRESETS, Leaf, Settings, Style, leaves

if TYPE_CHECKING:
    from stylevideo.cache import Unfinished

SECTION_TITLES = {
    "losses": "what counts",
    "optimizer": "how a frame is optimised",
    "weights": "the network's weights",
    "scales": "sizes",
    "temporal": "from frame to frame",
    "shots": "cuts",
    "footage": "what is read",
    "output": "what is written",
}
SHORT_FLAGS = {"overwrite": "-y"}
SHOWN_BY = ("frames", "start", "end", "handles", "rate")
"""Settings that say which of the source's frames a film shows."""
MEASURED_BY = (
    *(*SHOWN_BY, "alpha", "deinterlace", "tonemap", "view", "variable_rate"),
    *("style_weight", "content_weight", "tv_weight", "style_scale"),
    *("detect_cuts", "cut_threshold", "min_shot_frames", "weights", "device"),
)
"""Settings that `evaluate` takes too: as the film was made, so it is measured."""
USAGE_ERRORS = (InputError, SettingsError, DeviceError, ResumeError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: without the program's name; those of the process if not given.
    Returns:
        The exit code.
    """
    options = _parser().parse_args(arguments)
    _print_any_name()
    command: Callable[[argparse.Namespace], int | None] = options.command
    try:
        _configure_logging(options)
        return command(options) or 0
    except (KeyboardInterrupt, Stopped):
        kept = " The finished frames are kept: run the same command again to go on." if command is _run else ""
        print(f"Stopped.{kept}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 1 if command is _run else 0
    except StyleVideoError as error:
        if options.debug:
            raise
        print(f"stylevideo: {error}", file=sys.stderr)
        return 2 if isinstance(error, USAGE_ERRORS) else 1
    except Exception as error:
        if options.debug:
            raise
        notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
        kept = " The finished frames are kept." if command is _run else ""
        print(
            f"stylevideo: unexpected {type(error).__name__}: {error}{notes}.{kept} "
            "Run again with --debug and report what it shows.",
            file=sys.stderr,
        )
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="stylevideo", description="Repaint footage in the style of pictures, with strokes that stick."
    )
    parser.add_argument("--version", action="version", version=f"stylevideo {stylevideo.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_run(commands.add_parser("run", help="stylise a clip and write it with its sound"))
    _add_evaluate(commands.add_parser("evaluate", help="measure a finished film beside its source"))
    _add_verify(commands.add_parser("verify", help="check that a film has everything its source had"))
    probe = commands.add_parser("probe", help="show exactly what a video holds")
    _add_file_command(probe, _probe)
    shots = commands.add_parser("shots", help="show a video's shots")
    _add_file_command(shots, _shots)
    presets = commands.add_parser("presets", help="list the presets and what they mean")
    presets.set_defaults(command=_presets)
    _add_common(presets)
    deliveries = commands.add_parser("deliveries", help="list the forms in which a film can be written")
    deliveries.set_defaults(command=_deliveries)
    _add_common(deliveries)
    _add_init(commands.add_parser("init", help="write a commented job file to begin with"))
    _add_doctor(commands.add_parser("doctor", help="check that everything needed is there and works"))
    _add_cache(commands.add_parser("cache", help="show unfinished work, or throw it away"))
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_run)
    parser.add_argument(
        "clips",
        nargs="+",
        metavar="CLIP",
        help="videos, folders of them, patterns such as '*.mov'; image sequences: shot.####.exr or their folder; "
        "job files: job.toml",
    )
    style = "a picture to take the style from; may be given several times, then the styles are blended"
    _add_style(parser, style, required=False)  # a job file or the user file may name them
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
    parser.add_argument("--config", metavar="FILE.toml", help="your own defaults; 'none' for none")
    _add_batch(parser.add_argument_group("many clips"))
    _add_common(parser)
    groups = {name: parser.add_argument_group(title) for name, title in SECTION_TITLES.items()}
    for leaf in leaves():
        _add_leaf(groups[leaf.section], leaf)


def _add_batch(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--dry-run", action="store_true", help="only say what would be made, how long, how large")
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


def _add_init(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_init)
    parser.add_argument(
        "file", type=Path, nargs="?", default=Path("job.toml"), metavar="FILE", help="the job file (default: job.toml)"
    )
    _add_common(parser)


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_doctor)
    parser.add_argument("--json", action="store_true", help="for programs: JSON on stdout")
    _add_common(parser)


def _add_cache(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    shown = actions.add_parser("list", help="show the unfinished films, and what their frames take on disk")
    shown.set_defaults(command=_cache_list)
    shown.add_argument("--json", action="store_true", help="for programs: JSON on stdout")
    cleared = actions.add_parser("clear", help="throw away the frames of unfinished films")
    cleared.set_defaults(command=_cache_clear)
    cleared.add_argument("-y", "--yes", action="store_true", help="do not ask")
    for action in (shown, cleared):
        action.add_argument(
            "folders",
            type=Path,
            nargs="*",
            default=[Path()],
            metavar="FOLDER",
            help="where to look, also in all folders within (default: here)",
        )
        _add_common(action)


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_verify)
    parser.add_argument("source", type=Path, metavar="SOURCE", help="the video that was repainted")
    parser.add_argument("film", type=Path, metavar="FILM", help="what became of it")
    parser.add_argument("--json", action="store_true", help="for programs: JSON on stdout")
    _add_common(parser)
    _add_leaves(parser.add_argument_group("what the film shows"), SHOWN_BY)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_evaluate)
    parser.add_argument("source", type=Path, metavar="SOURCE", help="the video that was repainted")
    parser.add_argument("film", type=Path, metavar="FILM", help="what became of it")
    _add_style(parser, "a picture it was repainted with; as for `run`")
    parser.add_argument(
        "--reference",
        type=Path,
        metavar="FRAME_BY_FRAME_FILM",
        help="another film of the same frames, made with --no-carry: say how sharp FILM is beside it",
    )
    parser.add_argument("--json", action="store_true", help="for programs: JSON on stdout, with every frame's measures")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="also draw the measures over time")
    _add_common(parser)
    _add_leaves(parser.add_argument_group("how the film was made"), MEASURED_BY)


def _add_style(parser: argparse.ArgumentParser, help: str, required: bool = True) -> None:
    parser.add_argument("--style", action="append", required=required, metavar="PICTURE[:WEIGHT]", help=help)


def _add_leaves(group: argparse._ArgumentGroup, names: Sequence[str]) -> None:
    for leaf in leaves():
        if leaf.name in names:
            _add_leaf(group, leaf)


def _add_leaf(group: argparse._ArgumentGroup, leaf: Leaf) -> None:
    """Make a flag of a field; it is absent from the result unless the user gives it, so that presets count."""
    names = [SHORT_FLAGS[leaf.name], leaf.flag] if leaf.name in SHORT_FLAGS else [leaf.flag]
    text = _help(leaf).replace("%", "%%")
    if isinstance(leaf.default, bool):
        action = argparse.BooleanOptionalAction if leaf.default else "store_true"
        group.add_argument(*names, action=action, default=argparse.SUPPRESS, help=text)
    else:
        group.add_argument(*names, type=_reader(leaf), default=argparse.SUPPRESS, metavar=_metavar(leaf), help=text)


def _help(leaf: Leaf) -> str:
    default = ",".join(leaf.default) if isinstance(leaf.default, tuple) else leaf.default
    unit = f", {leaf.unit}" if leaf.unit else ""
    shown = "" if isinstance(leaf.default, bool) or default == "" else f" (default: {default}{unit})"
    return leaf.help + shown


def _metavar(leaf: Leaf) -> str:
    if leaf.metavar:
        return leaf.metavar
    if leaf.choices and not isinstance(leaf.default, tuple):
        return "{" + ",".join(leaf.choices) + "}"
    return "NAME,…" if isinstance(leaf.default, tuple) else type(leaf.default).__name__.upper()


def _reader(leaf: Leaf) -> Callable[[str], Any]:
    if isinstance(leaf.default, tuple):
        return lambda text: tuple(part.strip() for part in text.split(",") if part.strip())
    kind: Callable[[str], Any] = type(leaf.default)
    return kind


def _add_file_command(parser: argparse.ArgumentParser, command: Callable[[argparse.Namespace], None]) -> None:
    parser.set_defaults(command=command)
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="for programs: JSON on stdout")
    _add_common(parser)


def _add_common(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("messages")
    group.add_argument("-q", "--quiet", action="store_true", help="only errors")
    group.add_argument("-v", "--verbose", action="store_true", help="more about what is done")
    group.add_argument("--debug", action="store_true", help="show tracebacks")
    group.add_argument("--log-file", metavar="FILE", help="also write what happens to this file, with the time")


def _configure_logging(options: argparse.Namespace) -> None:
    level = logging.ERROR if options.quiet else logging.INFO if options.verbose else logging.WARNING
    if options.debug:
        level = logging.DEBUG
    console = _Console()
    console.setLevel(level)
    console.addFilter(lambda record: not getattr(record, "shown", False))
    handlers: list[logging.Handler] = [console]
    if options.log_file:
        handlers.append(_log_file(options.log_file))
        level = min(level, logging.INFO)
    logging.basicConfig(level=level, format="%(message)s", handlers=handlers, force=True)


class _Console(logging.Handler):
    """Standard error, above the bars that there may be."""

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm

        with suppress(OSError):  # nobody may be listening any more
            tqdm.write(self.format(record), file=sys.stderr)


def _log_file(name: str) -> logging.Handler:
    try:
        handler = logging.FileHandler(name, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise InputError(f"--log-file {name} cannot be written ({error.strerror}). Choose another place.") from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    return handler


def _print_any_name() -> None:
    """A name that is not UTF-8 comes out as it is; one that the terminal has no letters for, with backslashes."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        unicode = sys.stdout.encoding.lower().replace("-", "") == "utf8"
        sys.stdout.reconfigure(errors="surrogateescape" if unicode else "backslashreplace")


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """The settings' values that the user gave."""
    return {leaf.name: getattr(options, leaf.name) for leaf in leaves() if hasattr(options, leaf.name)}


def _run(options: argparse.Namespace) -> int:
    from stylevideo.batch import BatchOptions
    from stylevideo.planning import plan_requests
    from stylevideo.request import Given
    from stylevideo.running import RunOptions, run

    styles = tuple(options.style or ())
    given = Given(_given(options), styles, options.preset, options.output, options.out_dir, options.name)
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
        ),
    )


def _evaluate(options: argparse.Namespace) -> None:
    settings = Settings().with_values(**_given(options))
    styles = [Style.parse(text) for text in options.style]
    from tqdm import tqdm

    from stylevideo.evaluation import as_json, as_table, evaluate

    hidden = True if options.quiet else None  # None: hidden unless in a terminal
    with tqdm(unit="frame", file=sys.stderr, disable=hidden, dynamic_ncols=True) as bar:

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
        print(json.dumps(as_json(evaluation), indent=1))
        return
    for line in as_table(evaluation):
        print(line)


def _verify(options: argparse.Namespace) -> None:
    from stylevideo.verification import Verdict, verify

    shown = Settings().with_values(**_given(options)).footage
    found = verify(options.source, options.film, **{name: getattr(shown, name) for name in SHOWN_BY})
    if options.json:
        checks = [{**dataclasses.asdict(check), "verdict": check.verdict.value} for check in found.checks]
        print(json.dumps({"source": str(found.source), "film": str(found.film), "checks": checks}, indent=1))
    else:
        for check in found.checks:
            differs = check.film and check.verdict is not Verdict.SAME
            print(f"{check.verdict.value:<8} {check.what}: {check.source}{f' -> {check.film}' if differs else ''}")
    if found.wrong:
        raise VerificationError(f"{found.film.name} differs in: {', '.join(check.what for check in found.wrong)}.")


def _probe(options: argparse.Namespace) -> None:
    from stylevideo.description import as_json, as_lines
    from stylevideo.media.reader import open_clip

    info = open_clip(options.file)
    if options.json:
        print(json.dumps(as_json(info), indent=1))
        return
    for line in as_lines(info):
        print(line)


def _shots(options: argparse.Namespace) -> None:
    from stylevideo.media.reader import open_clip
    from stylevideo.shots import detect_shots

    info = open_clip(options.file)
    shots = detect_shots(info, range(info.frame_count))
    rows = [(shot.index + 1, info.number(shot.start), info.number(shot.stop - 1)) for shot in shots]
    if options.json:
        print(json.dumps([{"shot": number, "first": first, "last": last} for number, first, last in rows], indent=1))
        return
    for number, first, last in rows:
        print(f"shot {number}: frames {first}-{last} ({last - first + 1})")


def _deliveries(options: argparse.Namespace) -> None:
    from stylevideo.media.delivery import DELIVERIES

    for delivery in DELIVERIES.values():
        print(f"{delivery.name}: {delivery.description} ({', '.join(delivery.suffixes)})")


def _presets(options: argparse.Namespace) -> None:
    for entry in PRESETS.values():
        print(f"{entry.name}: {entry.description}")
        for name, value in entry.values.items():
            shown = ",".join(value) if isinstance(value, tuple) else value
            print(f"    --{name.replace('_', '-')} {shown}")


def _init(options: argparse.Namespace) -> None:
    from stylevideo.new_job import write_job_file

    write_job_file(options.file)
    print(options.file)


def _doctor(options: argparse.Namespace) -> None:
    from stylevideo.doctor import State, examine

    findings = []
    for finding in examine():
        findings.append(finding)
        if not options.json:
            print(f"{finding.state:<4} {finding.what}: {finding.said}", flush=True)
    if options.json:
        print(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=1))
    missing = dict.fromkeys(finding.what for finding in findings if finding.state is State.NO)
    if missing:
        raise InstallationError(f"Something that the program cannot work without is wrong: {', '.join(missing)}.")


def _cache_list(options: argparse.Namespace) -> None:
    from stylevideo.cache import find_unfinished

    found = find_unfinished(options.folders)
    if options.json:
        print(json.dumps([dataclasses.asdict(work) for work in found], indent=1, default=str))
        return
    for work in found:
        print(_unfinished(work))
    if not options.quiet:
        print(f"{len(found)} unfinished, {_size(sum(work.bytes for work in found))}", file=sys.stderr)


def _cache_clear(options: argparse.Namespace) -> None:
    from stylevideo.cache import find_unfinished, remove_unfinished

    found = find_unfinished(options.folders)
    idle = [work for work in found if not work.in_use]
    for work in found:
        kept = "" if work in idle else " (kept)"
        print(f"{_unfinished(work)}{kept}", file=sys.stderr)
    if idle and not options.yes:
        _require_yes(f"Throw away what was made of {len(idle)} film{'s' if len(idle) > 1 else ''}? [y/N] ")
    for work in idle:
        remove_unfinished(work)
        print(work.folder)


def _require_yes(question: str) -> None:
    if not sys.stdin.isatty():
        raise SettingsError("Nothing was thrown away: add -y to say that it may be.")
    print(question, end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise SettingsError("Nothing was thrown away.")


def _unfinished(work: Unfinished) -> str:
    touched = time.strftime("%Y-%m-%d %H:%M", time.localtime(work.touched))
    working = ", a run is working on it" if work.in_use else ""
    return f"{work.film}: {work.frames} frames finished, {_size(work.bytes)}, last touched {touched}{working}"


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
