"""Image sequences as clips: which files there are, what is known of them, their pictures in order.

The numbers in the names are the frames' numbers; one that is missing in between is a gap, not the end.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from dataclasses import replace
from difflib import get_close_matches
from fractions import Fraction
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np

from stylevideo.errors import DecodeError, InputError
from stylevideo.media.frame_file import FileFacts, file_facts, read_file
from stylevideo.media.pattern import CODECS, Pattern, numbers_of, parse_pattern, patterns_in
from stylevideo.media.pictures import WHITE, Picture, Reading
from stylevideo.timeline import VideoInfo

logger = logging.getLogger(__name__)

KINDS = "PNG, TIFF, JPEG, DPX or EXR"
# So many damaged files may stand at the beginning.
FILES_TRIED = 8
NAMES_SHOWN = 4


def is_sequence(path: Path) -> bool:
    """Whether a path means an image sequence: a folder, or a pattern such as `shot.####.png`.

    A file whose own name looks like a pattern is a file.

    Raises:
        InputError: it has a pattern with numbers that are not written `1001-1050`.
    """
    return path.is_dir() or (not path.exists() and parse_pattern(path) is not None)


def probe_sequence(path: Path, rate: Fraction) -> VideoInfo:
    """Find out everything about an image sequence.

    Args:
        path: a folder with one sequence; or a pattern, which may state the numbers: `shot.1001-1050####.tif`.
        rate: frames a second, which files do not tell.
    Returns:
        The facts of the first file that can be decoded; `files` has None for each number without a file.
    Raises:
        InputError: there is no such sequence, or more than one; or its first files cannot be decoded.
    """
    pattern, numbers, stated = _sequence_in(path) if path.is_dir() else _sequence_named(path)
    wanted = stated or range(numbers[0], numbers[-1] + 1)
    there = set(numbers)
    files = tuple(pattern.file(number) if number in there else None for number in wanted)
    facts = _first_facts(pattern, [file for file in files if file])
    return VideoInfo(
        path=pattern.folder / pattern.name,
        width=facts.width,
        height=facts.height,
        frame_count=len(files),
        rate=rate,
        time_base=1 / rate,
        pts=tuple(range(len(files))),
        variable_rate=False,
        sample_aspect=facts.sample_aspect,
        rotation=0,
        codec=CODECS[pattern.suffix],
        pixel_format=facts.pixel_format,
        color_matrix=None,
        streams=(),
        files=files,
        first_number=wanted.start,
    )


def named_files(path: Path) -> list[Path]:
    """The files that a folder or a pattern means, without opening any.

    Raises:
        InputError: there is no such sequence, or more than one.
    """
    pattern, numbers, stated = _sequence_in(path) if path.is_dir() else _sequence_named(path)
    return [pattern.file(number) for number in numbers if stated is None or number in stated]


def decode_sequence(info: VideoInfo, reading: Reading, first: int) -> Generator[tuple[int, Picture]]:
    """Read a sequence's pictures, one at a time.

    Args:
        info: from `probe_sequence`, whole or thinned.
        reading: how many bits to keep, what to do about alpha, and how light becomes a picture.
        first: the index to begin at.
    Yields:
        Index and picture of each file that can be read, in order; gaps and damaged files are left out.
    Raises:
        InputError: a picture has another size than the first; or see `read_file`.
    """
    keeps_alpha, one_differs = info.has_alpha and reading.alpha != "drop", False
    asked = reading if info.has_alpha else replace(reading, alpha="keep")
    for index, file in enumerate(info.files[first:], start=first):
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


def _sequence_in(folder: Path) -> tuple[Pattern, list[int], None]:
    """The only sequence in a folder, and its numbers."""
    found = patterns_in(folder, CODECS)
    if not found:
        raise InputError(f"{folder} holds no numbered pictures. Name a folder with {KINDS} files like shot.1001.png.")
    if len(found) > 1:
        raise InputError(
            f"{folder} holds {len(found)} sequences: {_listed([pattern.name for pattern in found])}. "
            "Give the pattern of one."
        )
    ((pattern, numbers),) = found.items()
    return pattern, numbers, None


def _sequence_named(path: Path) -> tuple[Pattern, list[int], range | None]:
    """What a pattern means: itself, the numbers that there are, and those that it states."""
    parsed = parse_pattern(path)
    if parsed is None:
        raise InputError(f"{path} is neither a folder nor a pattern. Write a pattern like shot.####.png.")
    pattern, stated = parsed
    if pattern.suffix not in CODECS:
        raise InputError(f"{path}: {pattern.suffix or 'this'} is no kind of picture that is read. Use {KINDS} files.")
    numbers = numbers_of(pattern, stated)
    if not numbers:
        raise InputError(f"{path}: no file is named like {pattern.file(1).name}.{_near(pattern)}")
    if stated and not numbers[0] <= stated.start < stated.stop <= numbers[-1] + 1:
        raise InputError(
            f"{path}: there are only the frames {numbers[0]}-{numbers[-1]} of {pattern.name}. Choose within that."
        )
    return pattern, numbers, stated


def _near(pattern: Pattern) -> str:
    """A sentence about what else the folder has."""
    names = sorted(other.name for other in patterns_in(pattern.folder, CODECS))
    near = get_close_matches(pattern.name, names, n=1)
    if near:
        return f" Did you mean {near[0]}?"
    return f" The folder has {_listed(names)}." if names else " The folder holds no numbered pictures."


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMES_SHOWN
    return ", ".join(sorted(names)[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _first_facts(pattern: Pattern, files: Sequence[Path]) -> FileFacts:
    reason = DecodeError("There is none.")
    for file in islice(files, FILES_TRIED):
        try:
            return file_facts(file)
        except DecodeError as error:
            reason = error
    raise InputError(f"{pattern.name}: the first pictures cannot be decoded. {reason}") from reason
