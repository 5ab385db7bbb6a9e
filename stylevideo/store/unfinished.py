"""Unfinished work on disk: where it lies, how large it is, and how it is thrown away.

Each film that is not complete has a hidden folder beside it, see `stylevideo.store.frames`; complete ones have none,
unless their frames were to be kept, see `stylevideo.store.kept`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from stylevideo.errors import InputError, StorageError
from stylevideo.media.hidden import SUFFIX, Places, finished_frames, is_hidden_name
from stylevideo.store.claims import discard
from stylevideo.store.kept import WHOLE_FILE
from stylevideo.store.lock import is_locked, sole_run
from stylevideo.store.notes import JOB_FILE


@dataclass(frozen=True)
class Unfinished:
    """What was made of a film that is not complete; or what was kept of one that is.

    Attributes:
        folder: where it lies.
        film: that it will be, or is.
        frames: that are finished.
        bytes: on disk.
        touched: seconds since 1970; when anything in it was last written.
        is_whole: whether the film is complete.
        in_use: whether a run is working on it now, or somebody paints a shot of it.
    """

    folder: Path
    film: Path
    frames: int
    bytes: int
    touched: float
    is_whole: bool
    in_use: bool


def find_unfinished(folders: Iterable[Path]) -> list[Unfinished]:
    """Find the unfinished work in folders and all folders in them.

    Raises:
        InputError: there is no such folder.
    """
    found: dict[Path, None] = {}
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder} is no folder. Name one with films.")
        found |= dict.fromkeys(_store_folders(folder.absolute()))
    return [_look_into(folder) for folder in sorted(found)]


def remove_unfinished(work: Unfinished) -> str:
    """Delete the frames that were made of a film, and what there is of the film itself.

    Returns:
        What is to be said of what stays; see `stylevideo.media.hidden.throw_away`.
    Raises:
        InputError: it is not ours.
        LockedError: a run is working on it now, or somebody paints a shot of it.
        StorageError: it cannot be deleted.
    """
    places = Places.of(work.film)
    with sole_run(places):
        return discard(places)


def _store_folders(root: Path) -> Iterator[Path]:
    """Folders that have a job's file; a link is not followed."""
    if _is_store(root):
        yield root
        return
    for place, names, _ in os.walk(root):
        stores = [name for name in names if _is_store(Path(place, name))]
        names[:] = [name for name in names if name not in stores]
        yield from (Path(place, name) for name in stores)


def _is_store(folder: Path) -> bool:
    """Whether it is unfinished work that may be looked into; not that of another user, say."""
    try:
        return is_hidden_name(Path(folder.name)) and not folder.is_symlink() and (folder / JOB_FILE).is_file()
    except OSError:
        return False


def _look_into(folder: Path) -> Unfinished:
    film = folder.with_name(folder.name.removeprefix(".").removesuffix(SUFFIX))
    sizes, times = [0], [folder.stat().st_mtime]
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                status = Path(place, name).lstat()
            except OSError:  # a run has just replaced it
                continue
            sizes.append(status.st_size)
            times.append(status.st_mtime)
    places = Places.of(film)
    is_whole = (folder / WHOLE_FILE).exists()
    return Unfinished(folder, film, finished_frames(places), sum(sizes), max(times), is_whole, _in_use(places))


def _in_use(places: Places) -> bool:
    try:
        return is_locked(places)
    except (OSError, StorageError):  # somebody else's, which we may not try
        return True
