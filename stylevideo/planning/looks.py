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
from stylevideo.settings.curves import KEY, LOOK, LookKey, name_of, read_look_keys, shown
from stylevideo.settings.direction import style_number
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
    """What a place says, over what the look says that it names, or over each of those of which it has keys.

    Raises:
        As `look`; SettingsError: a look of which it has keys does not go with what stands beside it.
    """
    texts = given.settings.get(KEY, ())
    keys = [key for text in texts if name_of(text) == LOOK for key in read_look_keys(text)]
    if not keys:
        return (
            replace(given, look=None).over(replace(look(given.look, beside).given, keyed=())) if given.look else given
        )
    settings = {**given.settings, KEY: tuple(text for text in texts if name_of(text) != LOOK)}
    own, problems, each = replace(given, settings=settings, look=None), Problems(), list[tuple[LookKey, Overrides]]()
    lower = look(given.look, beside).given if given.look else Overrides()
    for key in keys:
        with problems.noted(f"{shown(LOOK)} {key.place}"):
            named = look(key.name, beside)
            _require_apart(named, own)
            each.append((key, own.over(named.given).over(lower)))
    problems.raise_all()
    return replace(own.over(lower), keyed=tuple(each))


def _require_apart(named: Look, beside: Overrides) -> None:
    """Refuse keys of a setting beside those of a look that sets it."""
    said = {*named.given.settings, *map(name_of, named.given.settings.get(KEY, ()))}
    for name in map(name_of, beside.settings.get(KEY, ())):
        if name in said or style_number(name):
            what = "what styles weigh" if style_number(name) else f"--{name.replace('_', '-')}"
            raise SettingsError(f"the look {named.name} says {what}, and so does {shown(name)}. Leave one out.")


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
    if any(name_of(text) == LOOK for text in given.settings.get(KEY, ())):
        raise SettingsError(f"{path.name}: A look cannot have keys of looks. Write them where it is named.")
    if given.look:
        given = replace(given, look=None).over(_read(given.look, folders, (*before, name)).given)
    return Look(name, path, description, given)
