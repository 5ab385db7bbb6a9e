"""The finished film: stylised frames encoded, with the source's sound, subtitles, chapters, timecode and tags.

ffmpeg encodes and muxes in one pass, at whatever pace the frames come. The film appears under its own name only when
it is whole; until then it is in a hidden folder beside it. Equal inputs make byte-identical films.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np

from stylevideo.errors import EncodeError, InputError
from stylevideo.media.check.compare import compare
from stylevideo.media.check.pair import Pair
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.tags import film_tags
from stylevideo.media.encode.command import film_arguments, picture_input, write_tags
from stylevideo.media.encode.delivery import CONTAINERS, Encoding, choose_delivery
from stylevideo.media.encode.feed import check_image, chunks
from stylevideo.media.encode.pipe import encode
from stylevideo.media.encode.plan import FilmPlan, plan_film
from stylevideo.media.encode.spec import FilmSpec, film_notes
from stylevideo.media.encode.track_arguments import attached_covers
from stylevideo.media.ffmpeg import ffmpeg_path
from stylevideo.media.hidden import Places, part_folder
from stylevideo.media.images.pictures import check_writable
from stylevideo.timeline.selection import Clip

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FilmReport:
    """A film that was written whole.

    Attributes:
        path: the file.
        frames: how many it has; of a variable-rate source more than were stylised.
        notes: what differs from the source in a way its owner may want to know, as sentences.
    """

    path: Path
    frames: int
    notes: tuple[str, ...]


def write_film(
    images: Iterable[np.ndarray],
    clip: Clip,
    encoding: Encoding | None = None,
    plan: FilmPlan | None = None,
    before_naming: Callable[[], None] = lambda: None,
    stop: threading.Event | None = None,
    work: Places | None = None,
) -> FilmReport:
    """Encode stylised frames and add the source's sound, subtitles, chapters, timecode and tags.

    The film has exactly the rate of the source; of a variable-rate source each frame is repeated to keep its
    time, unless its own times are kept. Sound and subtitles are copied bit by bit where the container can hold them
    and rewritten, with a note, where not. H.264 and HEVC keep every pixel of pictures with an odd side, as 4:4:4.

    Args:
        images: (h, w, 3), RGB, or (h, w, 4) with straight alpha; sRGB; uint8 or uint16; all of one kind and size,
            which may differ from the source's; one for each of the clip's frames, in order.
        clip: the source and the film, whose suffix decides the container; a file of its name is replaced. The sound
            is cut as the frames are.
        encoding: the delivery and its quality; what the suffix usually stands for if not given.
        plan: what the film gets from its source; found out now if not given.
        before_naming: called when the film is complete, before it gets its name; what it raises comes through.
        stop: once it is set, by another thread, the encoder is killed.
        work: places of the film in whose unfinished work this one is written; its own if not given.
    Raises:
        InputError: the kind of file is not supported, its folder is missing, or cannot be written to; or the source is
            gone, or is the output itself.
        ShapeError: an image has another shape or kind than the first, or one that no film has.
        EncodeError: ffmpeg failed, the disk is full, the images are not as many as the clip's frames, or the film was
            not what it should be when it was read back.
    """
    output = clip.output
    if encoding is None or output.suffix.lower() not in CONTAINERS:
        encoding = Encoding(choose_delivery("auto", output))
    check_writable(output)
    _check_source(clip)
    stream = iter(images)
    first = next(stream, None)
    if first is None or not len(clip.frames):
        raise EncodeError(f"{output.name}: there is no frame to write. Choose at least one frame.")
    check_image(first, first)
    plan = plan or plan_film(clip)
    tags = film_tags(plan.tags, encoding.comment)
    with part_folder(work or Places.of(output)) as folder, attached_covers(plan.tracks, plan.covers) as covers:
        part = folder / f"film{output.suffix}"
        film = FilmSpec(part, clip, encoding, plan, tags, first)
        arguments = film_arguments(film, picture_input(film), covers, write_tags(tags, folder))
        command = [ffmpeg_path(), "-hide_banner", *arguments]
        encode(command, chunks(film, chain([first], stream)), output, stop)
        found = tuple(_check_film(film))
        before_naming()
        _publish(part, output)
    notes = (*plan.notes, *found, *film_notes(film))
    for note in notes:
        logger.info("%s: %s", output.name, note)
    return FilmReport(output, film.frame_count, notes)


def _check_source(clip: Clip) -> None:
    info, output = clip.info, clip.output
    if info.is_sequence:
        return
    if not info.path.is_file():
        raise InputError(f"{info.path}: the source is no longer there. Put it back to give the film its sound.")
    if output.exists() and output.samefile(info.path):
        raise InputError(f"{output} is the source itself. Choose another output, or it would be overwritten.")


def _check_film(film: FilmSpec) -> Iterator[str]:
    """Read the film back before it gets its name, and say what differs from the source.

    Raises:
        EncodeError: it is not the film that was to be written.
    """
    try:
        for finding in compare(_pair(film), decode=False):
            if finding.error:
                raise EncodeError(finding.error)
            yield from finding.notes
    except InputError as error:
        raise EncodeError(f"{film.clip.output.name} was written but cannot be read back: {error}") from error


def _pair(film: FilmSpec) -> Pair:
    own = film.encoding.extra.tags  # which the user gives in place of the source's
    tags = replace(film.tags, values={name: value for name, value in film.tags.values.items() if name not in own})
    made, name = probe(film.part), film.clip.output.name
    return Pair(film.clip.selection, made, film.plan, tags, name, frame_count=film.frame_count)


def _publish(part: Path, output: Path) -> None:
    """Give a complete film its name, once it is safe on the disk."""
    try:
        with part.open("rb+") as film:
            os.fsync(film.fileno())
        part.replace(output)
    except OSError as error:
        raise EncodeError(
            f"{output} could not be put in place ({error.strerror}). Close what uses it and run again."
        ) from error
