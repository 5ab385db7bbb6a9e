"""The folders of what is made: checked first, made when work begins, and removed again where nothing came of it."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from stylevideo.errors import InputError, StorageError, StyleVideoError
from stylevideo.system.files import real_path

DISK_FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})


def missing_folders(film: Path) -> tuple[Path, ...]:
    """The folders of a film that are not there, the nearest first."""
    return tuple(folder for folder in film.parents if not os.path.lexists(folder))


def nearest_folder(film: Path) -> Path:
    """The nearest folder of a film that is there."""
    return next(folder for folder in film.parents if os.path.lexists(folder))


def check_folder(film: Path) -> frozenset[Path]:
    """Refuse a film whose folder is not there and cannot be made; nothing is made.

    Returns:
        The folders that are to be made, without links and `..` in their paths.
    Raises:
        InputError: it cannot be made.
        StorageError: the disk is full.
    """
    try:
        _try_to_make(film)
    except OSError as error:
        raise _not_made(film, error) from error
    return folders_to_be_made([film])


def _try_to_make(film: Path) -> None:
    there = nearest_folder(film)
    for folder in (film.parent, *(there / missing.name for missing in missing_folders(film))):
        with suppress(FileNotFoundError):
            folder.stat()  # tells of names that are too long, and of files where folders should be
    if not there.is_dir():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    if there != film.parent:
        with tempfile.TemporaryFile(dir=there):
            pass


def _not_made(film: Path, error: OSError) -> StyleVideoError:
    kind = StorageError if error.errno in DISK_FULL else InputError
    return kind(f"{film}: the folder {film.parent} cannot be made ({error.strerror}). Choose another place.")


@contextmanager
def folder_for(output: Path) -> Iterator[None]:
    """Make the folder of a film, with all above it that are missing; what is still empty in the end is removed.

    Raises:
        InputError: it cannot be made.
        StorageError: the disk is full.
    """
    missing = missing_folders(output)
    try:
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _not_made(output, error) from error
        yield
    finally:
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()


def folders_to_be_made(films: Iterable[Path]) -> frozenset[Path]:
    """The folders of films that are not there, without links and `..` in their paths."""
    return frozenset(real_path(folder) for film in films for folder in missing_folders(film))


@contextmanager
def folders_for(outputs: Iterable[Path]) -> Iterator[None]:
    """`folder_for` of many films that are made side by side; one that cannot be made is left to who wants it."""
    with ExitStack() as folders:
        for output in outputs:
            with suppress(StyleVideoError):
                folders.enter_context(folder_for(output))
        yield
