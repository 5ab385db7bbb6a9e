"""The clips that a user's words mean: videos, stills, folders, globs, patterns of image sequences.

Looks at names alone; opens no clip.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from stylevideo.errors import InputError
from stylevideo.media.hidden import Places
from stylevideo.media.pattern import CODECS, is_dense, is_still, names_in, parse_pattern, patterns_in
from stylevideo.settings.places import PAINTED, PaintedPlace
from stylevideo.settings.schema import Leaf
from stylevideo.settings.style import FIELD_MATTES, MatteName
from stylevideo.store.sidecar import is_record
from stylevideo.system.files import real_path, refuse_address

VIDEO_SUFFIXES = frozenset(
    (
        *(".mp4", ".m4v", ".mov", ".qt", ".mkv", ".webm", ".mxf", ".avi", ".gif", ".y4m", ".ivf", ".dv", ".nut"),
        *(".ts", ".m2ts", ".mts", ".mpg", ".mpeg", ".m2v", ".vob", ".wmv", ".asf", ".flv", ".f4v", ".ogv", ".3gp"),
    )
)
"""Of the files that are taken for videos where none is named by itself."""
HERE = Path()
COMPARED = "-compare"
"""Ends the name of a film for comparison."""
FEWEST_PICTURES = 2
"""Of a sequence; a single numbered picture is a still."""
PathWriter = Callable[[str, Path], str]
"""Says how a path is written in a command; the path is known by a name."""


def absolute(text: str | Path, folder: Path = HERE) -> Path:
    """A path as it is written in a folder's file, or typed there; `~` is the user's home.

    Raises:
        InputError: it is none.
    """
    if "\0" in str(text) or not str(text):
        raise InputError(f"{str(text)!r} names no file. Check the name.")
    path = Path(text)
    with suppress(RuntimeError):  # a file whose name begins with ~
        path = path.expanduser()
    path = folder.absolute() / path
    return real_path(path) if ".." in path.parts else path


def with_whole_paths(leaf: Leaf, value: Any, write: PathWriter = lambda name, path: str(path)) -> Any:
    """A setting's value as a command has it that may be given in any folder.

    Args:
        leaf: the setting.
        value: of it.
        write: says how its absolute paths are written.
    """
    if leaf.name == PAINTED:
        numbered = enumerate(map(PaintedPlace.parse, value), 1)
        return tuple(
            str(replace(painted, path=Path(write(f"Painted{number}", absolute(painted.path)))))
            for number, painted in numbered
        )
    if leaf.name in FIELD_MATTES and value:
        matte = MatteName.parse(value)
        return str(replace(matte, path=Path(write(_title(leaf), absolute(matte.path)))))
    if leaf.names_a_file(value):
        return write(_title(leaf), absolute(value))
    return value


def _title(leaf: Leaf) -> str:
    """By which a setting's path is known."""
    return "".join(map(str.title, leaf.name.split("_")))


def find_sources(text: str, folder: Path = HERE) -> tuple[Path, ...]:
    """Find the clips that a word means.

    A folder means its videos and its image sequences, without those of folders in it; one that has none means its
    stills. A glob means the videos and stills that fit, and what the folders that fit mean. Hidden files and films
    that this program made are left out of both.

    Args:
        text: a video or a still, a folder, a glob, or the pattern of an image sequence.
        folder: where relative paths begin.
    Returns:
        Absolute and sorted; patterns for sequences. A file that is not there is returned as it is.
    Raises:
        InputError: a folder holds no clip or cannot be read, or no clip fits a glob.
    """
    path = absolute(text, folder)
    refuse_address(path)
    try:
        is_folder, is_there = path.is_dir(), path.exists()
    except OSError as error:  # such as a name that is too long
        raise InputError(f"{path} cannot be opened ({error.strerror}). Check the name.") from error
    if is_folder:
        return _clips_of(path)
    return (path,) if is_there else _clips_that_fit(path)


def clip_name(source: Path) -> str:
    """What a clip is called: a file's stem; a sequence's name without number, or else its folder's."""
    parsed = None if source.is_file() else parse_pattern(source)
    if parsed is None:
        return source.stem
    return parsed[0].before.rstrip("._- ") or source.parent.name


def _clips_of(folder: Path) -> tuple[Path, ...]:
    found = list(_clips_in(folder))
    if not found:
        raise InputError(
            f"{folder} holds no video and no picture that could be repainted. Name a folder with clips, or the clips."
        )
    return tuple(found)


def _clips_in(folder: Path) -> Iterator[Path]:
    paths = [folder / name for name in sorted(names_in(folder)) if not name.startswith(".")]
    videos = [path for path in paths if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file()]
    sequences = [
        folder / pattern.name
        for pattern, numbers in patterns_in(folder, CODECS).items()
        if len(numbers) >= FEWEST_PICTURES and is_dense(numbers)
    ]
    return _not_ours(sorted([*videos, *sequences]) or filter(is_still, paths))


def _clips_that_fit(path: Path) -> tuple[Path, ...]:
    there = next(folder for folder in path.parents if folder.is_dir())
    wanted = str(path.relative_to(there))
    if not glob.has_magic(wanted):
        return (path,)
    # Brackets in the names of folders that are there are brackets.
    found = _matches(f"{glob.escape(str(there))}{os.sep}{wanted}")
    if found:
        return found
    if parse_pattern(path):  # and so are those in a sequence's name
        return (path,)
    raise InputError(f"No clip fits {path}. Check the name.")


def _matches(text: str) -> tuple[Path, ...]:
    """What fits a glob; `**` means any folders."""
    found: list[Path] = []
    suffix = Path(text).suffix
    # pathlib's own would find hidden files.
    for match in sorted(map(Path, glob.glob(text, recursive=True))):  # noqa: PTH207
        if match.is_dir():
            found += _clips_in(match)
        elif match.suffix.lower() in VIDEO_SUFFIXES or match.suffix == suffix:
            found += _not_ours([match])
    return tuple(dict.fromkeys(found))


def _not_ours(clips: Iterable[Path]) -> Iterator[Path]:
    return (clip for clip in clips if not is_record(Places.of(clip).record) and not _is_comparison(clip))


def _is_comparison(clip: Path) -> bool:
    """Whether a clip is named like the film for comparison of one that this program made."""
    film = clip.stem.removesuffix(COMPARED)
    records = clip.parent.glob(f"{glob.escape(film)}.*.json") if film != clip.stem else ()
    return any(map(is_record, records))
