"""What a preview shows: its rows, which are styles or looks, its columns, which are settings' values, and its cells.

A cell is asked for as `run` would be. Reads no clip and no picture.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stylevideo.errors import InputError, Problems, SettingsError
from stylevideo.media.pattern import is_still, names_in
from stylevideo.planning.inputs import absolute, clip_name, find_sources
from stylevideo.planning.jobfile import is_job_file, read_job_file
from stylevideo.planning.naming import literal
from stylevideo.planning.plan import plan_requests
from stylevideo.planning.request import ClipRequest, Overrides
from stylevideo.settings.curves import KEY, values_over
from stylevideo.settings.schema import Affects, Leaf
from stylevideo.settings.sections import COMPARING_COMMANDS
from stylevideo.settings.settings import leaves
from stylevideo.settings.style import Style
from stylevideo.text import counted, did_you_mean

MOST_VARIED = 2
MOST_CELLS = 64
"""More are no sheet that anyone could judge."""
SHEET_SUFFIXES = (".png", ".html")
_ODD = re.compile(r"[^\w.+-]+")
"""What does not go into a film's name."""


@dataclass(frozen=True)
class Row:
    """Styles or a look that is shown.

    Attributes:
        label: its name.
        given: what the command line would say.
    """

    label: str
    given: Overrides = field(default_factory=Overrides)


@dataclass(frozen=True)
class Column:
    """Values that are shown; none where nothing is varied."""

    values: Mapping[str, Any]
    label: str = ""


@dataclass(frozen=True)
class Cell:
    """One look of a preview.

    Attributes:
        row, column: where it stands.
        given: what the command line of its film would say.
        request: what that comes to.
    """

    row: Row
    column: Column
    given: Overrides
    request: ClipRequest


def find_rows(styles: Sequence[str], looks: Sequence[str]) -> tuple[Row, ...]:
    """The rows of a preview: each style and each look by itself; without any, one for what is said elsewhere.

    Args:
        styles: pictures, or folders of them.
        looks: names.
    Raises:
        InputError: a folder holds no picture, or cannot be read.
        SettingsError: a style has a weight of no use.
    """
    problems, paths = Problems(), dict[Path, None]()
    for text in styles:
        with problems.noted():
            paths |= dict.fromkeys(_pictures(text))
    problems.raise_all()
    names = {path: clip_name(path) for path in paths}
    counts = Counter(names.values())
    rows = [
        Row(name if counts[name] == 1 else f"{path.parent.name} {name}", Overrides(styles=(str(path),)))
        for path, name in names.items()
    ]
    rows += [Row(name, Overrides(look=name)) for name in dict.fromkeys(looks)]
    return tuple(rows) or (Row(""),)


def find_columns(varied: Sequence[tuple[str, Sequence[tuple[str, Any]]]]) -> tuple[Column, ...]:
    """The columns of a preview: every value, of two settings every pair.

    Args:
        varied: names of settings, with their values as they were written and as they were read.
    Raises:
        SettingsError: too many are varied, or one twice.
    """
    if len(varied) > MOST_VARIED:
        raise SettingsError(f"--vary is given {len(varied)} times, and a sheet shows {MOST_VARIED}. Leave some out.")
    names = [name for name, _ in varied]
    if len(set(names)) < len(names):
        raise SettingsError(f"--vary {names[0]} is given twice. Give all its values at once.")
    each = [[(name, text, value) for text, value in dict(values).items()] for name, values in varied]
    return tuple(
        Column(
            {name: value for name, _, value in chosen}, ", ".join(f"{_said(name)} {text}" for name, text, _ in chosen)
        )
        for chosen in itertools.product(*each)
    )


def varied_leaf(name: str) -> Leaf:
    """The setting that is varied.

    Raises:
        SettingsError: there is none of that name, or the pictures of a preview do not show its values.
    """
    known = {leaf.name: leaf for leaf in leaves()}
    leaf = known.get(name.removeprefix("--").replace("-", "_"))
    if leaf is None:
        raise SettingsError(f"--vary {name}: there is no such setting.{did_you_mean(name, known)}")
    if why := _why_not_shown(leaf):
        raise SettingsError(f"--vary {name}: {why}. Vary something else.")
    return leaf


def plan_cells(
    clip: str, rows: Sequence[Row], columns: Sequence[Column], given: Overrides, config: str | None, folder: Path | None
) -> tuple[Cell, ...]:
    """All cells of a preview, row by row.

    Args:
        clip: as `run` takes it.
        rows, columns: of the preview.
        given: what the command line says of all of them.
        config: the user file; see `read_user_file`.
        folder: for the films that the cells stand for; the clip's own if not given.
    Raises:
        InputError, SettingsError: all that is wrong; or the clip is several.
    """
    if len(rows) * len(columns) > MOST_CELLS:
        raise SettingsError(
            f"{counted(len(rows), 'row')} of {counted(len(columns), 'column')} are more than {MOST_CELLS} looks. "
            "Leave out styles or values."
        )
    source = _only_clip(clip)
    out_dir = folder or source.parent
    problems, cells = Problems(), list[Cell]()
    for row, column in itertools.product(rows, columns):
        with problems.noted():
            cells.append(_cell(clip, row, column, given, config, out_dir))
    problems.raise_all()
    return tuple(cells)


def sheet_files(output: Path | None, source: Path) -> tuple[Path, Path]:
    """The PNG and the page that are written: those of this name, or beside the clip.

    Raises:
        InputError: the name ends in something else.
    """
    if output is None:
        output = source.with_name(f"{clip_name(source)}_preview.png")
    if output.suffix.lower() not in SHEET_SUFFIXES:
        raise InputError(
            f"{output}: a preview is written as .png and .html. Give it a name that ends in one of the two."
        )
    path = absolute(output)
    return path.with_suffix(".png"), path.with_suffix(".html")


def _cell(clip: str, row: Row, column: Column, given: Overrides, config: str | None, out_dir: Path) -> Cell:
    labels = [literal(_ODD.sub("-", label)) for label in (row.label, column.label) if label]
    own = replace(row.given, settings=values_over(column.values, given.settings), preset=given.preset, out_dir=out_dir)
    (request,) = plan_requests([clip], replace(own, name="_".join(["{name}", *labels]) + ".{ext}"), config)
    if request.shot:
        raise SettingsError(
            f"A preview shows one look in all shots, and {clip} has tables of shots. Name the clip itself, and the "
            "looks with --look."
        )
    return Cell(row, column, replace(own, output=request.output, out_dir=None), request)


def _only_clip(text: str) -> Path:
    """The clip that a word means.

    Raises:
        InputError, SettingsError: it cannot be found, or there are several.
    """
    words = [text]
    if is_job_file(text):
        problems = Problems()
        words = [clip.source for clip in read_job_file(Path(text), problems).clips]
        problems.raise_all()
    sources = [source for word in words for source in find_sources(word)]
    if len(sources) != 1:
        raise SettingsError(f"{text} means {counted(len(sources), 'clip')}, and a preview is of one. Name it.")
    return sources[0]


def _pictures(text: str) -> Iterator[Path]:
    path = absolute(Style.parse(text).path)
    if not path.is_dir():
        yield path
        return
    found = [path / name for name in sorted(names_in(path)) if not name.startswith(".")]
    pictures = list(filter(is_still, found))
    if not pictures:
        raise InputError(f"{path} holds no picture. Name a folder of pictures, or pictures.")
    yield from pictures


def _why_not_shown(leaf: Leaf) -> str:
    if leaf.name == KEY:
        return "keys say where a film changes; vary the setting itself"
    if leaf.section == "output" or leaf.affects is Affects.RUN:
        return "it changes no picture"
    return "it chooses frames, of which a preview shows some" if leaf.commands == COMPARING_COMMANDS else ""


def _said(name: str) -> str:
    return name.replace("_", "-")
