"""Job files and the user file, both TOML: what stands in them, with every fault that they have.

A job file has one table `defaults` and a table `clip` for each clip; the user file has what `defaults` may have. Keys
are the settings' names and a few more. Paths are relative to the file. Finds no clips.
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import platformdirs

from stylevideo.errors import InputError, Problems, SettingsError
from stylevideo.limits import TOML_BYTES, TOML_DOTS, TOML_NESTING
from stylevideo.planning.inputs import absolute
from stylevideo.planning.naming import check_template, literal
from stylevideo.planning.request import Overrides, shot_place
from stylevideo.settings.curves import KEY, as_texts
from stylevideo.settings.over_time import SHOT_WAYS, ShotTable
from stylevideo.settings.places import PAINTED, PaintedPlace, painted_texts
from stylevideo.settings.presets import preset
from stylevideo.settings.schema import check_value
from stylevideo.settings.settings import check_keys, instead_of, leaves
from stylevideo.settings.style import MatteName, Style
from stylevideo.system.files import read_file
from stylevideo.text import did_you_mean, quoted

SUFFIX = ".toml"
CONFIG_VARIABLE = "STYLEVIDEO_CONFIG"
NO_FILE = ("", "none")
"""What stands for no user file."""
_TOO_DEEP = (
    f"{{path}} has lists or tables more than {TOML_NESTING} deep in one another. A job file needs no more than three."
)
LEAVES = {leaf.name: leaf for leaf in leaves()}
SHARED_KEYS = ("styles", "preset", "look", "out_dir", "name")
CLIP_KEYS = ("source", "output")
SHOT, SHOT_KEYS = "shot", ("styles", "look")
"""Under this key a clip has tables of shots, and what those may have beside settings."""
STYLE_KEYS = ("picture", "weight", "matte")


@dataclass(frozen=True)
class ShotWish:
    """One `[[clip.shot]]` of a job file.

    Attributes:
        place: to be shown: `job.toml, [[clip]] 2, [[clip.shot]] 1`.
        table: which shots it means.
        given: all else.
    """

    place: str
    table: ShotTable
    given: Overrides


@dataclass(frozen=True)
class ClipTable:
    """One `[[clip]]` of a job file.

    Attributes:
        place: to be shown: `job.toml, [[clip]] 2`.
        source: as it is written.
        given: all else.
        shots: its tables `[[clip.shot]]`.
    """

    place: str
    source: str
    given: Overrides
    shots: tuple[ShotWish, ...] = ()


@dataclass(frozen=True)
class JobFile:
    """A job file that was understood."""

    path: Path
    defaults: Overrides
    clips: tuple[ClipTable, ...]


def is_job_file(text: str) -> bool:
    """Whether a word on the command line means a job file."""
    return text.lower().endswith(SUFFIX)


def read_job_file(path: Path, problems: Problems) -> JobFile:
    """Read a job file.

    Args:
        path: of the file.
        problems: take all that is wrong with its tables; what is right of them is returned.
    Raises:
        InputError: it cannot be read.
        SettingsError: it has no such tables.
    """
    document, folder = read_document(path), path.absolute().parent
    for key in document:
        if problems.suffice:
            break
        with problems.noted(path.name):
            _check_top_key(key)
    defaults, tables = document.get("defaults", {}), document.get("clip", [])
    _check_shape(path.name, defaults, tables)
    given = read_table(defaults, SHARED_KEYS, folder, f"{path.name}, [defaults]", problems)
    clips = []
    for n, table in enumerate(tables, 1):
        if problems.suffice:
            break
        clips.append(_read_clip(table, folder, f"{path.name}, [[clip]] {n}", problems))
    return JobFile(path, given, tuple(clips))


def user_file() -> Path:
    """Where the user file is, if there is one."""
    return platformdirs.user_config_path("stylevideo", appauthor=False) / "config.toml"


def read_user_file(problems: Problems, name: str | None = None) -> Overrides:
    """Read what holds for all jobs of a user.

    Args:
        problems: take all that is wrong with it.
        name: of the file; if not given, what STYLEVIDEO_CONFIG says, or else the usual one, if it is there.
            See `NO_FILE`.
    Raises:
        InputError: it cannot be read.
    """
    path = find_user_file(name)
    if path is None:
        return Overrides()
    return read_table(read_document(path), SHARED_KEYS, path.absolute().parent, path.name, problems)


def find_user_file(name: str | None = None) -> Path | None:
    """Where what holds for all jobs of a user is read from; None where nothing is; see `read_user_file`."""
    named = os.environ.get(CONFIG_VARIABLE) if name is None else name
    path = user_file() if named is None else Path(named)
    return None if named in NO_FILE or (named is None and not path.exists()) else path


def read_document(path: Path) -> dict[str, Any]:
    """What a TOML file says.

    Raises:
        InputError: it cannot be read, or is none that anyone would write.
    """
    try:
        text = read_file(path, TOML_BYTES).decode("utf-8-sig")
        if any(line.count(".") > TOML_DOTS for line in text.splitlines()):  # Python takes the square of their number
            raise InputError(f"{path} has a line of more than {TOML_DOTS} dots. Write it in several lines.")
        document = tomllib.loads(text)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}). Check the name.") from error
    except ValueError as error:
        raise InputError(f"{path} is not valid TOML: {error}.") from error
    except RecursionError as error:
        raise InputError(_TOO_DEEP.format(path=path)) from error
    level: list[Any] = [document]
    for _ in range(TOML_NESTING):
        level = [inner for outer in level for inner in _inside(outer)]
    if level:
        raise InputError(_TOO_DEEP.format(path=path))
    return document


def _inside(value: object) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _check_top_key(key: str) -> None:
    if key in ("defaults", "clip"):
        return
    if key in (*SHARED_KEYS, *LEAVES):
        raise SettingsError(f"{key} stands before the first table. Put it into [defaults].")
    raise SettingsError(
        f"There is no table [{key}].{did_you_mean(key, ('defaults', 'clip'))} "
        "A job file has [defaults], and a [[clip]] for each clip."
    )


def _check_shape(name: str, defaults: object, tables: object) -> None:
    if not isinstance(defaults, dict):
        raise SettingsError(f"{name}: defaults must be a table: write [defaults].")
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise SettingsError(
            f"{name}: clip must be a list of tables: write [[clip]], with two brackets, before each clip."
        )


def _read_clip(table: Mapping[str, Any], folder: Path, place: str, problems: Problems) -> ClipTable:
    values = {key: value for key, value in table.items() if key not in ("source", SHOT)}
    given = read_table(values, (*CLIP_KEYS, *SHARED_KEYS), folder, place, problems)
    source = ""
    with problems.noted(place):
        if "source" not in table:
            raise SettingsError('There is no source. Add one, such as source = "clip.mp4".')
        source = str(absolute(_text("source", table["source"]), folder))
    tables, shots = table.get(SHOT, []), list[ShotWish]()
    with problems.noted(place):
        if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
            raise SettingsError("shot must be a list of tables: write [[clip.shot]], with two brackets, before each.")
        for n, each in enumerate(tables, 1):
            with problems.noted(f"{place}, {shot_place(n)}"):
                shots.append(_read_shot(each, folder, f"{place}, {shot_place(n)}", problems))
    return ClipTable(place, source, given, tuple(shots))


def _read_shot(table: Mapping[str, Any], folder: Path, place: str, problems: Problems) -> ShotWish:
    values = {key: value for key, value in table.items() if key not in SHOT_WAYS}
    given = read_table(values, SHOT_KEYS, folder, place, problems)
    return ShotWish(place, ShotTable(**{key: value for key, value in table.items() if key in SHOT_WAYS}), given)


def read_table(
    table: Mapping[str, Any], own_keys: Sequence[str], folder: Path, place: str, problems: Problems
) -> Overrides:
    """Understand a table as far as it can be; what cannot is noted.

    Args:
        table: values by their keys.
        own_keys: that it may have beside settings.
        folder: that its paths are relative to.
        place: to be shown.
        problems: take what is wrong.
    """
    settings: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for key, value in table.items():
        if problems.suffice:
            break
        with problems.noted(place):
            if key in LEAVES:
                settings[key] = _setting(key, value, folder)
            else:
                _check_key(key, own_keys)
                own[key] = _own_value(key, value, folder)
    own.pop("description", None)
    given = Overrides(settings=settings, **own)
    with problems.noted(place):
        given.require_one_place()
    return given


def _check_key(key: str, own_keys: Sequence[str]) -> None:
    if key in own_keys:
        return
    if key in (*CLIP_KEYS, SHOT):
        raise SettingsError(f"{key} is a clip's own. Put it into a [[clip]] of a job file.")
    near = instead_of(key) or did_you_mean(key, (*own_keys, *LEAVES))
    raise SettingsError(f"There is no setting {key!r}.{near}")


def _setting(name: str, value: Any, folder: Path) -> Any:
    leaf = LEAVES[name]
    if name == KEY:
        value = as_texts(value)
        check_value(leaf, value)
        check_keys(value)
    elif name == PAINTED:
        value = painted_texts(value)
    elif isinstance(leaf.default, tuple) and isinstance(value, list):
        value = tuple(value)
    check_value(leaf, value)
    if name == PAINTED:
        return tuple(
            str(replace(painted, path=absolute(painted.path, folder))) for painted in map(PaintedPlace.parse, value)
        )
    if leaf.names_a_file(value):
        return str(absolute(value, Path(literal(str(folder))) if name == "sheet" else folder))
    return value


def _own_value(key: str, value: Any, folder: Path) -> Any:
    match key:
        case "styles":
            return _styles(value, folder)
        case "output" | "out_dir":
            return absolute(_text(key, value), folder)
        case "preset":
            preset(_text(key, value))
        case "look" | "description":
            _text(key, value)
        case "name":
            check_template(_text(key, value))
    return value


def _styles(value: Any, folder: Path) -> tuple[Style, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(each, str | dict) and each for each in value):
        raise SettingsError(
            'styles takes a list such as ["waves.jpg", "ink.png:0.5"], or of tables such as '
            f'{{ picture = "waves.jpg", matte = "roto.####.png" }}, not {quoted(value)}.'
        )
    return tuple(_style(each if isinstance(each, dict) else {"picture": each}, folder) for each in value)


def _style(table: Mapping[str, Any], folder: Path) -> Style:
    for key in table:
        if key not in STYLE_KEYS:
            raise SettingsError(f"A style has no {quoted(key)}.{did_you_mean(key, STYLE_KEYS)}")
    if "picture" not in table:
        raise SettingsError('A style\'s table has no picture. Add one, such as picture = "waves.jpg".')
    style = Style.parse(str(absolute(_text("picture", table["picture"]), folder)))
    if "weight" in table:
        style = replace(style, weight=_weight(table["weight"]))
    if "matte" not in table:
        return style
    text = str(absolute(_text("matte", table["matte"]), folder))
    MatteName.parse(text)
    return replace(style, matte=text)


def _weight(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise SettingsError(f"A style's weight must be a number above 0, not {quoted(value)}.")
    return float(value)


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise SettingsError(f'{key} takes words between quotation marks, such as {key} = "…", not {quoted(value)}.')
    return value
