"""Image sequences, and stills, as clips: which files there are, what is known of them, their pictures in order.

The numbers in the names are the frames' numbers; one that is missing in between is a gap, not the end.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np

from stylevideo.errors import DecodeError, InputError
from stylevideo.media.images.files import FileFacts, file_facts, read_file
from stylevideo.media.images.pictures import WHITE, Picture, Reading
from stylevideo.media.pattern import list_sequence
from stylevideo.timeline.clip import VideoInfo
from stylevideo.timeline.selection import FrameSelection

logger = logging.getLogger(__name__)

# So many damaged files may stand at the beginning.
FILES_TRIED = 8


def probe_sequence(path: Path, rate: Fraction) -> VideoInfo:
    """Find out everything about an image sequence.

    Args:
        path: a folder with one sequence; or a pattern, which may state the numbers: `shot.1001-1050####.tif`; or a
            still.
        rate: frames a second, which files do not tell.
    Returns:
        The facts of the first file that can be decoded; `files` has None for each number without a file.
    Raises:
        InputError: there is no such sequence, or more than one; or its first files cannot be decoded.
    """
    info = list_sequence(path, rate)
    facts = _first_facts(info)
    return replace(
        info,
        width=facts.width,
        height=facts.height,
        sample_aspect=facts.sample_aspect,
        pixel_format=facts.pixel_format,
    )


def decode_sequence(selection: FrameSelection, reading: Reading, first: int) -> Generator[tuple[int, Picture]]:
    """Read a sequence's pictures, one at a time.

    Args:
        selection: of frames of what `probe_sequence` returned.
        reading: how many bits to keep, what to do about alpha, and how light becomes a picture.
        first: the index in the selection to begin at; goes on to the last that is counted.
    Yields:
        Index and picture of each file that can be read, in order; gaps and damaged files are left out.
    Raises:
        InputError: a picture has another size than the first; or see `read_file`.
    """
    info = selection.info
    keeps_alpha, one_differs = info.has_alpha and reading.alpha != "drop", False
    asked = reading if info.has_alpha else replace(reading, alpha="keep")
    for index in range(first, len(selection.counted)):
        file = selection.file(index)
        if file is None:
            continue
        try:
            picture = read_file(file, asked)
        except DecodeError as error:
            logger.info("%s", error)
            continue
        _check_size(file, picture, info)
        if keeps_alpha != (picture.alpha is not None):
            picture, one_differs = _alike(picture, "" if one_differs else file.name), True
        for sentence in picture.notes:
            _warn_once(info.path, sentence)
        yield index, picture


def _alike(picture: Picture, name: str) -> Picture:
    """The picture with an opaque alpha channel, or without its own; a note says so if the file's name is given."""
    alpha, note = None, "an alpha channel: it is left out"
    if picture.alpha is None:
        image, note = picture.image, "no alpha channel: it is taken as opaque"
        alpha = np.full(image.shape[:2], WHITE[image.dtype], image.dtype)
    notes = (f"{name}, unlike the sequence's first file, has {note}.",) if name else ()
    return replace(picture, alpha=alpha, notes=(*picture.notes, *notes))


@cache
def _warn_once(sequence: Path, sentence: str) -> None:
    """A clip is read several times."""
    logger.warning("%s: %s", sequence, sentence)


def _check_size(file: Path, picture: Picture, info: VideoInfo) -> None:
    height, width = picture.image.shape[:2]
    if (width, height) != (info.width, info.height):
        raise InputError(
            f"{file} is {width}x{height}, but {info.path.name} begins with {info.width}x{info.height}. "
            "Make all pictures of one size, or choose --frames of one size."
        )


def _first_facts(info: VideoInfo) -> FileFacts:
    reason = DecodeError("There is none.")
    for file in islice(filter(None, info.files), FILES_TRIED):
        try:
            return file_facts(file)
        except DecodeError as error:
            reason = error
    what = "the picture" if info.is_still else "the first pictures"
    raise InputError(f"{info.path.name}: {what} cannot be decoded. {reason}") from reason
