"""What an unfinished film leaves on disk beside its place: where it lies, and how it is thrown away.

Loads nothing heavy, so that a finished batch is known again at once.
"""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

from stylevideo.errors import StorageError
from stylevideo.media.pattern import plain_name

SUFFIX = ".stylevideo"
REMOVALS, REMOVE_AGAIN_S = 5, 0.1
REQUEST_NAME = "request"
"""Under this name it is remembered what an unfinished film was asked for."""
JOB_NAME = "job"
"""Under this name there is everything that decides how its frames look; without it they are of no use."""


def store_folder(output: Path) -> Path:
    """Where the frames of an unfinished film are kept: `.film.mp4.stylevideo` beside `film.mp4`."""
    return output.with_name(f".{plain_name(output)}{SUFFIX}")


def finished_frames(output: Path) -> int:
    """How many frames of a film an interrupted run has left."""
    return len(list((store_folder(output) / "frames").glob("*.json")))


def throw_away(output: Path) -> None:
    """Delete what an interrupted run has left of a film.

    Raises:
        StorageError: it cannot be deleted.
    """
    folder, trials = store_folder(output), 0
    while folder.exists():
        try:
            for name in (REQUEST_NAME, JOB_NAME):  # first, so that what remains is known as a remnant
                (folder / f"{name}.json").unlink(missing_ok=True)
            shutil.rmtree(folder)
        except OSError as error:
            trials += 1  # somebody else may be about to close, or to rename, a file in it
            if trials == REMOVALS:
                raise StorageError(f"{folder} cannot be removed ({error.strerror}). Remove it by hand.") from error
            time.sleep(REMOVE_AGAIN_S)


def asked_for(output: Path) -> str | None:
    """What an unfinished film was asked for, as from `stylevideo.identity.request_key`; None where nothing says so."""
    try:
        asked = json.loads((store_folder(output) / f"{REQUEST_NAME}.json").read_bytes())
    except (OSError, ValueError):
        return None
    return asked if isinstance(asked, str) else None
