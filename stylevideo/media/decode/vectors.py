"""A clip's motion vectors: which file belongs to which of its frames, read at the film's size.

A file belongs to the frame of its number. A pattern that states its numbers, such as `shot.vec.1001-1072####.exr`,
begins with the clip's first frame, whatever that one's number is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from stylevideo.errors import ANEW, InputError
from stylevideo.media.images.exr import check_openexr
from stylevideo.media.images.vectors import VectorPicture, VectorReading, read_vectors, vectors_size
from stylevideo.media.pattern import list_vectors, parse_pattern
from stylevideo.text import counted, listed
from stylevideo.timeline.clip import VideoInfo
from stylevideo.timeline.selection import FrameSelection

NAMES_SHOWN = 10
ASPECT_TOLERANCE_PX = 1.0
"""Vectors may be higher or lower than the clip's aspect wants by so many pixels, of the vectors or of the clip."""
_HELD = 3
"""Files in memory: a frame's, the one before, and one that is looked at for its notes."""


@dataclass(frozen=True)
class VectorFiles:
    """The files of a clip's vectors.

    Attributes:
        path: their pattern.
        files: by the index of the clip's frame; None where there is none.
        reading: how they are read.
        shown: height and width of the clip.
    """

    path: Path
    files: tuple[Path | None, ...]
    reading: VectorReading
    shown: tuple[int, int]


class VectorSource:
    """Reads a clip's vectors at a size, each file as it was when the work began.

    Args:
        found: the files.
        size: height and width of the film.
    """

    def __init__(self, found: VectorFiles, size: tuple[int, int]) -> None:
        self._found, self._size = found, size
        self._at_first = {file: _stamp(file) for file in found.files if file}
        self.read = lru_cache(_HELD)(self._read)
        """Vectors by the index of the clip's frame; None where there are none."""

    def notes(self, index: int) -> tuple[str, ...]:
        """What is wrong with a frame's vectors, alike for all frames."""
        picture = self.read(index)
        if picture is None or not picture.unknown_share:
            return ()
        return ("Vectors that are no numbers are taken as hidden: what they should move is painted anew.",)

    def _read(self, index: int) -> VectorPicture | None:
        file = self._found.files[index]
        if file is None:
            return None
        if _stamp(file) != self._at_first[file]:
            raise InputError(f"{file} has changed since the run began. Put back what it was. {ANEW}")
        return fitted(read_vectors(file, self._found.reading, self._found.shown), self._size)


def find_vectors(path: Path, reading: VectorReading, selection: FrameSelection) -> tuple[VectorFiles, tuple[str, ...]]:
    """Find a clip's vectors, look at their headers, and into the first.

    Args:
        path: their pattern, or a folder.
        reading: how they are read.
        selection: the clip's frames that are meant; its width and height are the source's.
    Returns:
        The files; and sentences on what is not as it should be.
    Raises:
        InputError: there are none for these frames; one cannot be read as is asked for, or has another aspect.
    """
    check_openexr()
    info, found = selection.info, list_vectors(path)
    parsed = parse_pattern(path)
    numbers = range(found.first_number, found.first_number + len(found.files))
    begin = numbers.start if parsed and parsed[1] else info.number(0)
    files = tuple(
        found.files[number - numbers.start] if number in numbers else None
        for number in range(begin, begin + info.frame_count)
    )
    needed = range(selection.chosen[0] + 1, selection.chosen[-1] + 1)  # those of the first frame lead out of the film
    there = [index for index in needed if files[index]]
    if needed and not there:
        raise InputError(
            f"{found.path.name} has the numbers {numbers.start}-{numbers.stop - 1}, none of them of frames "
            f"{info.number(needed[0])}-{info.number(needed[-1])}. State which belong to the clip's frames, the first "
            f"of them to its first: {_stating(found.path.name)}."
        )
    vectors = VectorFiles(found.path, files, reading, (info.height, info.width))
    return vectors, tuple(_notes(vectors, info, needed, there))


def _stating(name: str) -> str:
    """A pattern with numbers stated, as an example."""
    before, sign, after = name.partition("#")
    return f"{before}1001-1072{sign}{after}"


def _notes(found: VectorFiles, info: VideoInfo, needed: range, there: Sequence[int]) -> Iterable[str]:
    missing = [info.number(index) for index in needed if not found.files[index]]
    if missing:
        yield (
            f"{counted(len(missing), 'frame')} had no vectors; the motion found in the pictures took their place: "
            f"{listed(missing, NAMES_SHOWN)}."
        )
    if not there:
        return
    first = found.files[there[0]]
    assert first is not None, "it is there"
    if read_vectors(first, found.reading, found.shown).unknown_share == 1:
        raise InputError(f"{first} has no vector that is a number. Render it again.")
    read = filter(None, found.files[needed.start - 1 : needed.stop])
    for height, width in sorted({_size(file, found, info) for file in read} - {found.shown}):
        yield f"The vectors are of {width}x{height} pixels; they were scaled to the film's size."


def _size(file: Path, found: VectorFiles, info: VideoInfo) -> tuple[int, int]:
    """Of a file's vectors, which are those of the clip's picture."""
    height, width = vectors_size(file, found.reading, found.shown)
    scale = info.width / width
    if abs(height * scale - info.height) > ASPECT_TOLERANCE_PX * max(1, scale):
        raise InputError(
            f"{file} has vectors for {width}x{height} pixels, and {info.path.name} has {info.width}x{info.height}. "
            "Render them for the same picture."
        )
    return height, width


def fitted(picture: VectorPicture, size: tuple[int, int]) -> VectorPicture:
    """Vectors at another height and width: their lengths change with it; what is partly unknown is unknown."""
    if picture.size == size:
        return picture
    height, width = picture.size
    factors = np.array((size[1] / width, size[0] / height), np.float32)

    def fit(values: np.ndarray | None) -> np.ndarray | None:
        smaller = size[0] < height
        how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        return None if values is None else cv2.resize(values, (size[1], size[0]), interpolation=how)

    back, forth = fit(picture.to_previous), fit(picture.to_next)
    assert back is not None, "there are always vectors to the previous frame"
    return replace(
        picture,
        to_previous=back * factors,
        to_next=None if forth is None else forth * factors,
        depth=fit(picture.depth),
    )


def _stamp(file: Path) -> tuple[int, int] | None:
    """A file's size and the time of its last change; None where there is none."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
