"""Looks: styles and settings that have a name, each in a file of its own, `looks/NAME.toml`.

A look counts as if what it says stood where it is named. Its file has the keys of a job file's defaults that say how
frames look, a description, and the name of another look that it begins with. Paths are relative to the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stylevideo.errors import InputError, Problems, SettingsError, StyleVideoError
from stylevideo.planning.jobfile import read_document, read_table, user_file
from stylevideo.planning.request import Overrides
from stylevideo.settings.presets import preset
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style
from stylevideo.text import did_you_mean, quoted

FOLDER, SUFFIX = "looks", ".toml"
SAMPLES = Path(__file__).resolve().parents[2] / "samples" / FOLDER
"""Those that come along with the sample styles, where the program lies beside its samples."""
LOOK_KEYS = ("styles", "preset", "look", "description")
_NAME = re.compile(r"\w[\w -]{0,99}")


@dataclass(frozen=True)
class Look:
    """A look that was read.

    Attributes:
        name, path: of its file.
        description: in a line.
        given: what it says, with what it begins with.
    """

    name: str
    path: Path
    description: str
    given: Overrides

    @property
    def styles(self) -> tuple[Style, ...]:
        """Its pictures."""
        return tuple(map(Style.of, self.given.styles))

    @property
    def settings(self) -> Settings:
        """All settings, with those that it says."""
        return preset(self.given.preset or "standard").with_values(**self.given.settings)


def look(name: str, beside: Path | None = None) -> Look:
    """Read a look.

    Args:
        name: of the look.
        beside: a folder in whose folder `looks` it is looked for first; then come the user's, and those that come along
            with the samples.
    Raises:
        InputError: there is none of that name, or its file cannot be read.
        SettingsError: something that it says is wrong, or looks begin with each other in a circle.
    """
    return _read(name, _folders(beside), ())


def find_looks(beside: Path | None = None) -> dict[str, Path]:
    """The files of all looks, by name; see `look`."""
    return _found(_folders(beside))


def with_look(given: Overrides, beside: Path | None) -> Overrides:
    """What a place says, over what the look says that it names.

    Raises:
        As `look`.
    """
    return replace(given, look=None).over(look(given.look, beside).given) if given.look else given


def describe_looks(beside: Path | None = None) -> Iterator[tuple[str, str]]:
    """Each look's name, and its description or what is wrong with it."""
    for name in find_looks(beside):
        try:
            yield name, look(name, beside).description
        except StyleVideoError as error:
            yield name, str(error)


def _folders(beside: Path | None) -> tuple[Path, ...]:
    own = () if beside is None else (beside.absolute() / FOLDER,)
    return (*own, user_file().parent / FOLDER, SAMPLES)


def _found(folders: Sequence[Path]) -> dict[str, Path]:
    files = (file for folder in reversed(folders) for file in sorted(folder.glob(f"*{SUFFIX}")))
    return dict(sorted({file.stem: file for file in files if _NAME.fullmatch(file.stem)}.items()))


def _read(name: str, folders: Sequence[Path], before: tuple[str, ...]) -> Look:
    if name in before:
        circle = " -> ".join((*before[before.index(name) :], name))
        raise SettingsError(f"Looks begin with each other in a circle: {circle}. Take `look` out of one of them.")
    known = _found(folders)
    if name not in known:
        near, there = did_you_mean(name, known), f" There are: {', '.join(known)}." if known else ""
        raise InputError(f"There is no look {quoted(name)}.{near}{there}")
    path, problems = known[name], Problems()
    document = read_document(path)
    given = read_table(document, LOOK_KEYS, path.parent, path.name, problems)
    problems.raise_all()
    description = str(document.get("description", ""))
    if given.look:
        given = replace(given, look=None).over(_read(given.look, folders, (*before, name)).given)
    return Look(name, path, description, given)
