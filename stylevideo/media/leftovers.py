"""What an unfinished film leaves on disk beside its place: where it lies, and how it is thrown away.

Loads nothing heavy, so that a finished batch is known again at once.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from stylevideo.errors import StorageError
from stylevideo.media.pattern import plain_name


def store_folder(output: Path) -> Path:
    """Where the frames of an unfinished film are kept: `.film.mp4.stylevideo` beside `film.mp4`."""
    return output.with_name(f".{plain_name(output)}.stylevideo")


def throw_away(output: Path) -> None:
    """Delete what an interrupted run has left of a film.

    Raises:
        StorageError: it cannot be deleted.
    """
    folder = store_folder(output)
    if folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise StorageError(f"{folder} cannot be removed ({error.strerror}). Remove it by hand.") from error
