"""The command `preview`: styles, looks and values beside each other, within two minutes, before a film is made."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylevideo.cli.parser import (
    Commands,
    Parser,
    add_common,
    add_leaf,
    add_settings,
    count,
    given_settings,
    set_command,
)
from stylevideo.cli.progress import Bar, say
from stylevideo.cli.run import time_of
from stylevideo.errors import SettingsError, Stopped
from stylevideo.planning.inputs import absolute, clip_name, with_whole_paths
from stylevideo.planning.preview import Cell, find_columns, find_rows, plan_cells, sheet_files, varied_leaf
from stylevideo.planning.request import Overrides
from stylevideo.settings.presets import PRESETS
from stylevideo.settings.settings import as_flag, leaves
from stylevideo.settings.style import Style
from stylevideo.system.environment import command_line
from stylevideo.system.folders import folder_for
from stylevideo.system.interrupts import Interrupts
from stylevideo.system.streams import print_line
from stylevideo.text import duration

if TYPE_CHECKING:
    from stylevideo.render.preview.paint import Chosen, Preview, Progress
    from stylevideo.reports.wedge import Wedge

USUAL_BUDGET_S = 120.0
USUAL_STILLS = 3
NOT_OF_FILMS = ("overwrite",)
"""Settings that mean the sheet, and stay out of the films' commands."""


def add_parsers(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "preview", help="show styles, looks and values beside each other before a film is made"
    )
    set_command(parser, "preview", _preview, loads="stylevideo.render.preview.paint")
    parser.add_argument("clip", metavar="CLIP", help="as for `run`: one clip, or a job file with one")
    parser.add_argument(
        "--style",
        nargs="+",
        action="extend",
        default=[],
        metavar="PICTURE",
        help="pictures or clips, or folders of pictures; each is shown by itself, in a row of its own",
    )
    parser.add_argument(
        "--look", nargs="+", action="extend", default=[], metavar="NAME", help="looks by their names, each in a row"
    )
    parser.add_argument(
        "--vary",
        action="append",
        default=[],
        metavar="SETTING=VALUE,…",
        help="a column for each value of a setting, such as strength=0.3,0.6,0.9; given twice, for each pair",
    )
    parser.add_argument(
        "--stills", type=count, default=USUAL_STILLS, metavar="N", help="so many frames, of different shots (3)"
    )
    parser.add_argument(
        "--budget", type=time_of, default=USUAL_BUDGET_S, metavar="TIME", help="how long it may take (2m)"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="SHEET.png",
        help="the sheet, with a page of the same name (beside the clip)",
    )
    parser.add_argument("--preset", metavar="NAME", help=f"{', '.join(PRESETS)} (default: standard)")
    parser.add_argument("--config", metavar="FILE.toml", help="your own defaults; 'none' for none")
    add_common(parser)
    add_settings(parser)


def _preview(options: argparse.Namespace) -> int:
    """Paint it, and write what there is of it."""
    began = time.monotonic()
    settings = given_settings(options)
    given = Overrides(settings, preset=options.preset)
    if options.stills == 0:
        raise SettingsError("--stills 0 shows nothing. Choose at least 1.")
    columns = find_columns([_varied(text) for text in options.vary])
    rows = find_rows(options.style, options.look)
    folder = absolute(options.output).parent if options.output else None
    cells = plan_cells(options.clip, rows, columns, given, options.config, folder)
    sheet, page = sheet_files(options.output, cells[0].request.source)
    with folder_for(sheet):
        from stylevideo.render.outputs import check_preview
        from stylevideo.render.preview.paint import paint_preview
        from stylevideo.reports.wedge import write_wedge

        check_preview((sheet, page), [cell.request for cell in cells], settings.get("overwrite", False))
        with Interrupts() as interrupts, _Shown(options.quiet) as shown:
            left = options.budget - (time.monotonic() - began)
            requests = [cell.request for cell in cells]
            preview = paint_preview(requests, options.stills, left, shown, interrupts.requested)
            write_wedge(_wedge(cells, len(columns), preview, absolute(options.clip), options.config), sheet, page)
    for note in preview.notes:
        say(f"Note: {note}", options.quiet)
    say(f"{duration(time.monotonic() - began)} in all.", options.quiet)
    print_line(sheet)
    print_line(page)
    return Stopped.exit_code if interrupts.requested() else 0


class _Shown:
    """A line on what was chosen, and a bar of pictures; a context."""

    def __init__(self, quiet: bool) -> None:
        self._quiet, self._total = quiet, 0
        self._bar: Bar | None = None

    def __enter__(self) -> _Shown:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.close()

    def __call__(self, event: Chosen | Progress) -> None:
        from stylevideo.render.preview.paint import Chosen, told_scale

        if isinstance(event, Chosen):
            say(told_scale(event), self._quiet)
            self._total, self._bar = event.pictures, Bar(self._quiet, total=event.pictures, unit="picture")
        elif self._bar:
            self._bar.show(event.pictures, self._total)


def _varied(text: str) -> tuple[str, list[tuple[str, Any]]]:
    """A setting's name with its values, as they were written and as `run` reads them.

    Raises:
        SettingsError: there are none, or no such setting.
    """
    name, sign, values = text.partition("=")
    leaf = varied_leaf(name.strip())
    texts = [part.strip() for part in values.split(",") if part.strip()]
    if not sign or not texts:
        raise SettingsError(f"--vary {text}: there are no values. Write it like strength=0.3,0.6,0.9.")
    return leaf.name, [(each, _read(leaf.name, each)) for each in texts]


def _read(name: str, text: str) -> Any:
    """A value as `run` reads it behind the setting's flag, with the same words where it cannot."""
    (leaf,) = (leaf for leaf in leaves() if leaf.name == name)
    if isinstance(leaf.default, bool):
        if text not in ("true", "false"):
            raise SettingsError(f"{leaf.flag} takes true or false, not {text!r}.")
        return text == "true"
    parser = Parser(prog="stylevideo preview")
    add_leaf(parser.add_argument_group(), leaf)
    return given_settings(parser.parse_args([f"{leaf.flag}={text}"]))[name]


def _wedge(cells: Sequence[Cell], columns: int, preview: Preview, clip: Path, config: str | None) -> Wedge:
    """The sheet: values in columns, the stills below one another; or, where nothing is varied, stills in columns."""
    from stylevideo.reports.wedge import Wedge, WedgeCell, WedgeRow

    stills = [f"frame {number}" for number in preview.numbers]
    varies, rows = bool(cells[0].column.label), list[WedgeRow]()
    for first in range(0, len(cells), columns):
        row, looks = cells[first : first + columns], preview.looks[first : first + columns]
        commands = [run_command(cell, clip, config) for cell in row]
        shown = [[*look.pictures, *[None] * (len(stills) - len(look.pictures))] for look in looks]
        costs = [f"{sum(look.seconds) / len(look.seconds):.1f} s a frame" if look.seconds else "" for look in looks]
        if varies:
            beside = [WedgeCell("source", preview.sources)]
            each = zip(row, shown, costs, commands, strict=True)
            beside += [
                WedgeCell(cell.column.label, tuple(pictures), cost, command) for cell, pictures, cost, command in each
            ]
        else:
            each_still = zip(stills, shown[0], looks[0].seconds + [None] * len(stills), strict=False)
            beside = [
                WedgeCell(name, (picture,), f"{seconds:.1f} s" if seconds is not None else "", commands[0])
                for name, picture, seconds in each_still
            ]
        label = row[0].row.label or " + ".join(clip_name(style.path) for style in row[0].request.styles)
        rows.append(WedgeRow(label, looks[0].styles, tuple(beside)))
    if not varies:
        sources = tuple(WedgeCell(name, (image,)) for name, image in zip(stills, preview.sources, strict=True))
        rows.insert(0, WedgeRow("source", (), sources))
    part = "" if preview.iterations == 1 else f" with {preview.iterations:.0%} of the iterations"
    width, height = preview.size
    subtitle = f"Painted at {width}x{height}{part}, each frame as the first of its shot."
    return Wedge(cells[0].request.source.name, subtitle, tuple(stills) if varies else (), tuple(rows), preview.notes)


def run_command(cell: Cell, clip: Path, config: str | None) -> str:
    """The command that makes the film of a cell, for this system's shell; it can be given in any folder.

    Args:
        cell: of the preview.
        clip: with its whole path.
        config: as it was given.
    """
    known = {leaf.name: leaf for leaf in leaves()}
    words = ["stylevideo", "run", str(clip)]
    for style in map(Style.of, cell.given.styles):
        words += ["--style", style.text, *(["--matte", style.matte] if style.matte else [])]
    words += ["--look", cell.given.look] if cell.given.look else []
    words += ["--preset", cell.given.preset] if cell.given.preset else []
    for name, value in cell.given.settings.items():
        if name not in NOT_OF_FILMS:
            words += as_flag(name, with_whole_paths(known[name], value))
    words += ["--config", config if config == "none" else str(absolute(config))] if config else []
    return command_line([*words, "-o", str(cell.request.output)])
