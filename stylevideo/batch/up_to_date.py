"""Which clips of a batch have their films already."""

from __future__ import annotations

import os
from contextlib import suppress

from stylevideo.errors import Stopped, StyleVideoError
from stylevideo.planning.keyed_looks import with_looks_blended
from stylevideo.planning.request import ClipRequest
from stylevideo.store.identity import is_made, made_files
from stylevideo.store.lock import remove_stale
from stylevideo.store.manifest import read_asked


def already_made(request: ClipRequest) -> bool:
    """Whether a clip's film is there, made from the same things, with the sheet and the report that are asked for.

    Raises:
        InputError: there is a film, and the source or a style cannot be read.
        Stopped: this thread's work is to be broken off.
    """
    if request.settings.output.restart or not all(file.exists() for file in request.files_beside):
        return False
    return is_made(request.places, lambda: _key(request))


def confirm(request: ClipRequest) -> None:
    """Throw away what was left of a clip whose film is made, and date its files to now, so that `make` sees it too.

    Frames that are to be kept stay.
    """
    with suppress(OSError):  # such as those of another user
        for file in made_files(request.places):
            os.utime(file)
    if request.settings.output.keep_frames:
        return
    with suppress(StyleVideoError, OSError, Stopped):
        remove_stale(request.places, lambda: _key(request))


def _key(request: ClipRequest) -> str:
    request = with_looks_blended(request)
    return read_asked(request.source, request.styles, request.settings, request.shot).key


def made_meanwhile(request: ClipRequest) -> bool:
    """Whether another run has made a clip since it was looked at first; false where there is no time to look."""
    try:
        return already_made(request)
    except (StyleVideoError, OSError, Stopped):
        return False
