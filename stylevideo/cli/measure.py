"""The commands `evaluate` and `verify`: how good a finished film is, and whether it has all that its source had."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from tqdm import tqdm

from stylevideo.cli.parser import (
    Commands,
    Parser,
    add_common,
    add_json,
    add_leaves,
    add_style,
    given_settings,
    set_command,
    taken_by,
)
from stylevideo.errors import VerificationError
from stylevideo.media.check.findings import Verdict
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style
from stylevideo.system.streams import bar_stream, print_json, print_line


def add_parsers(commands: Commands) -> None:
    """Add both commands."""
    _add_evaluate(commands.add_parser("evaluate", help="measure a finished film beside its source"))
    _add_verify(commands.add_parser("verify", help="check that a film has everything its source had"))


def _add_evaluate(parser: Parser) -> None:
    set_command(parser, "evaluate", _evaluate, loads="stylevideo.quality.evaluate")
    _add_films(parser)
    add_style(parser, "a picture it was repainted with; as for `run`")
    parser.add_argument(
        "--reference",
        type=Path,
        metavar="FRAME_BY_FRAME_FILM",
        help="another film of the same frames, made with --no-carry: say how sharp FILM is beside it",
    )
    add_json(parser, ", with every frame's measures")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="also draw the measures over time")
    add_common(parser)
    add_leaves(parser.add_argument_group("how the film was made"), taken_by("evaluate"))


def _add_verify(parser: Parser) -> None:
    set_command(parser, "verify", _verify, loads="stylevideo.quality.verify")
    _add_films(parser)
    add_json(parser)
    add_common(parser)
    add_leaves(parser.add_argument_group("what the film shows"), taken_by("verify"))


def _add_films(parser: Parser) -> None:
    parser.add_argument("source", type=Path, metavar="SOURCE", help="the video that was repainted")
    parser.add_argument("film", type=Path, metavar="FILM", help="what became of it")


def _evaluate(options: argparse.Namespace) -> None:
    settings = Settings().with_values(**given_settings(options))
    styles = [Style.parse(text) for text in options.style]
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
    from stylevideo.quality.verify import verify

    shown = Settings().with_values(**given_settings(options)).footage
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
