"""The folders of what is made: made when work begins, and removed again where nothing came of it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from stylevideo.errors import InputError, StorageError, StyleVideoError

DISK_FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})


@contextmanager
def folder_for(output: Path) -> Iterator[None]:
    """Make the folder of a film, with all above it that are missing; what is still empty in the end is removed.

    Raises:
        InputError: it cannot be made.
        StorageError: the disk is full.
    """
    missing = [folder for folder in output.parents if not os.path.lexists(folder)]
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        kind = StorageError if error.errno in DISK_FULL else InputError
        raise kind(
            f"{output}: the folder {output.parent} cannot be made ({error.strerror}). Choose another place."
        ) from error
    try:
        yield
    finally:
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()


@contextmanager
def folders_for(outputs: Iterable[Path]) -> Iterator[None]:
    """`folder_for` of many films that are made side by side; one that cannot be made is left to who wants it."""
    with ExitStack() as folders:
        for output in outputs:
            with suppress(StyleVideoError):
                folders.enter_context(folder_for(output))
        yield
