"""The finished film: stylised frames encoded, with the source's sound, subtitles, chapters, timecode and tags.

ffmpeg encodes and muxes in one pass, at whatever pace the frames come. The film appears under its own name only when
it is whole; until then it is in a hidden folder beside it. Equal inputs make byte-identical films.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from stylevideo.errors import EncodeError, InputError
from stylevideo.media.decode.account import packet_hashes
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.tags import Chapter, compare_tags, film_tags, read_tags
from stylevideo.media.encode.command import film_arguments, picture_input, write_tags
from stylevideo.media.encode.delivery import Encoding, choose_delivery
from stylevideo.media.encode.feed import check_image, chunks
from stylevideo.media.encode.pipe import encode
from stylevideo.media.encode.plan import FilmPlan, plan_film
from stylevideo.media.encode.spec import FilmSpec, film_notes
from stylevideo.media.encode.track_arguments import attached_covers
from stylevideo.media.encode.tracks import TRACK_KINDS, Track, pair_tracks, tracks_of
from stylevideo.media.ffmpeg import ffmpeg_path
from stylevideo.media.hidden import part_folder
from stylevideo.media.images.pictures import check_writable
from stylevideo.text import counted, listed, printable
from stylevideo.timeline.clip import StreamInfo, VideoInfo

logger = logging.getLogger(__name__)

LONGEST_NAME, MOST_NAMES = 60, 8


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


def check_output(output: Path) -> None:
    """Refuse a film's name before any work is done for it.

    Raises:
        InputError: the kind of file is not supported, the folder is missing, or it cannot be written to.
    """
    choose_delivery("auto", output)
    check_writable(output)


def write_film(
    images: Iterable[np.ndarray],
    output: Path,
    info: VideoInfo,
    frames: range,
    encoding: Encoding | None = None,
    before_naming: Callable[[], None] = lambda: None,
    stop: threading.Event | None = None,
    plan: FilmPlan | None = None,
) -> FilmReport:
    """Encode stylised frames and add the source's sound, subtitles, chapters, timecode and tags.

    The film has exactly the rate of the source; of a variable-rate source each frame is repeated to keep its
    time, unless its own times are kept. Sound and subtitles are copied bit by bit where the container can hold them
    and rewritten, with a note, where not. H.264 and HEVC keep every pixel of pictures with an odd side, as 4:4:4.

    Args:
        images: (h, w, 3), RGB, or (h, w, 4) with straight alpha; sRGB; uint8 or uint16; all of one kind and size,
            which may differ from the source's; one per index of `frames`, in order.
        output: the film; its suffix decides the container. An existing file is replaced.
        info: of the source.
        frames: indices of the source's frames that are shown; consecutive. The sound is cut alike.
        encoding: the delivery and its quality; what the suffix usually stands for if not given.
        before_naming: called when the film is complete, before it gets its name; what it raises comes through.
        stop: once it is set, by another thread, the encoder is killed.
        plan: what the film gets from its source; found out now if not given.
    Raises:
        InputError: see `check_output`; or the source is gone, or is the output itself.
        ShapeError: an image has another shape or kind than the first, or one that no film has.
        EncodeError: ffmpeg failed, the disk is full, the images are not as many as `frames`, or the film was not
            what it should be when it was read back.
    """
    check_output(output)
    _check_source(info, output)
    encoding = encoding or Encoding(choose_delivery("auto", output))
    stream = iter(images)
    first = next(stream, None)
    if first is None or not len(frames):
        raise EncodeError(f"{output.name}: there is no frame to write. Choose at least one frame.")
    check_image(first, first)
    plan = plan or plan_film(info, output, frames)
    tags = film_tags(plan.tags, encoding.comment)
    with part_folder(output) as folder, attached_covers(plan.tracks, plan.covers) as covers:
        part = folder / f"film{output.suffix}"
        film = FilmSpec(part, output, info, frames, encoding, plan, tags, first)
        arguments = film_arguments(film, picture_input(film), covers, write_tags(tags, folder))
        command = [ffmpeg_path(), "-hide_banner", *arguments]
        encode(command, chunks(film, chain([first], stream)), output, stop)
        found = _check_film(film)
        before_naming()
        _publish(part, output)
    notes = (*plan.notes, *found, *film_notes(film))
    for note in notes:
        logger.info("%s: %s", output.name, note)
    return FilmReport(output, film.frame_count, notes)


def _check_source(info: VideoInfo, output: Path) -> None:
    if info.is_sequence:
        return
    if not info.path.is_file():
        raise InputError(f"{info.path}: the source is no longer there. Put it back to give the film its sound.")
    if output.exists() and output.samefile(info.path):
        raise InputError(f"{output} is the source itself. Choose another output, or it would be overwritten.")


def _check_film(film: FilmSpec) -> list[str]:
    """Read the film back before it gets its name: an interrupted ffmpeg leaves a file that plays but is short.

    Returns:
        A sentence for each track whose copy is not what it was copied from, and for a timecode that is not kept.
    """
    name = film.output.name
    try:
        made = probe(film.part)
        if made.frame_count != film.frame_count:
            count = counted(made.frame_count, "frame")
            raise EncodeError(f"{name} came out with {count} instead of {film.frame_count}. Run it again.")
        checks = (_check_tracks, _check_tags, _check_timecode, _check_pixel_shape)
        return [note for check in checks for note in check(film, made)]
    except InputError as error:
        raise EncodeError(f"{name} was written but cannot be read back: {error}") from error


def _check_pixel_shape(film: FilmSpec, made: VideoInfo) -> Iterator[str]:
    """ffmpeg's MXF has a place for it only beside some codecs."""
    wanted, got = film.info.sample_aspect, made.sample_aspect
    if got != wanted:
        said = f"The source's pixels have the shape {wanted}; those of {film.output.name} are {got}"
        yield f"{said}: it has no place for it."


def _check_tracks(film: FilmSpec, made: VideoInfo) -> Iterator[str]:
    name = film.output.name
    for kind in TRACK_KINDS:
        planned = [track for track in film.plan.tracks if track.stream.kind == kind]
        found = tracks_of(made.streams, kind)
        if len(found) != len(planned):
            said = f"{name} came out with {len(found)} {kind} tracks instead of {len(planned)}."
            if film.cut.is_whole and kind not in ("cover", "data"):
                raise EncodeError(said)
            yield said if kind in ("cover", "data") else f"{said} The others have nothing in this stretch."
        pairs = pair_tracks(planned, found)
        if kind == "audio" and film.cut.is_whole:
            yield from _check_sound(film.info, made, pairs)
        for number, (track, stream) in enumerate(pairs, 1):
            yield from _check_words(film, f"{kind} track {number}", track.stream, stream)
    if film.info.picture and made.picture:
        yield from _check_words(film, "picture's track", film.info.picture, made.picture)


def _check_sound(info: VideoInfo, made: VideoInfo, pairs: Sequence[tuple[Track, StreamInfo]]) -> Iterator[str]:
    copied = [(number, track.stream, stream) for number, (track, stream) in enumerate(pairs, 1) if track.is_copied]
    if not copied:
        return
    hashes = packet_hashes([pair for _, had, has in copied for pair in ((info, had), (made, has))])
    for (number, *_), had, has in zip(copied, hashes[::2], hashes[1::2], strict=True):
        if had != has:
            yield f"Audio track {number} was copied, but its packets are not the source's. Listen to it."


def _check_words(film: FilmSpec, what: str, source: StreamInfo, made: StreamInfo) -> Iterator[str]:
    """What the source says of a track and the film does not; what the user says instead is no matter."""
    if not film.container.says or source.kind in ("cover", "attachment"):
        return
    lost = [f"title {printable(source.title)!r}"] if source.title and not made.title else []
    lost += [f"language {source.language}"] if source.language and not made.language else []
    lost += [f"mark as {mark}" for mark in source.marks if mark not in made.marks]
    if lost:
        yield f"The {what} lost its {' and its '.join(lost)}: {film.container.muxer} has no place for it."


def _check_tags(film: FilmSpec, made: VideoInfo) -> Iterator[str]:
    if not film.container.says:
        return
    if film.tags.too_long:
        yield f"What the source says in the {_listed('tag', film.tags.too_long)} is too long for a film, and left out."
    written, changed = read_tags(made), film.encoding.extra.tags
    wanted = {name: value for name, value in film.tags.values.items() if name not in changed}
    lost, other = compare_tags(wanted, written.values)
    if lost:
        yield f"{film.container.muxer} has no place for the source's {_listed('tag', lost)}: left out."
    if other:
        held = f"{film.container.muxer} cannot hold what the source says in the {_listed('tag', other)}"
        yield f"{held}: the film says something else there."
    if film.info.is_sequence:
        return
    had, has = film.plan.chapters, written.chapters
    if film.cut.is_whole and len(has) < len(had):
        yield f"{film.output.name} came out with {counted(len(has), 'chapter')} instead of {len(had)}."
    lost, _ = compare_tags(_others(had), _others(has))
    if lost and has:
        yield f"{film.container.muxer} has no place for what chapters say beside their titles ({_listed('tag', lost)})."


def _others(chapters: Sequence[Chapter]) -> dict[str, str]:
    return dict.fromkeys((name for chapter in chapters for name in chapter.others), "")


def _listed(noun: str, names: Sequence[str]) -> str:
    shown = listed([printable(name)[:LONGEST_NAME] for name in names], MOST_NAMES)
    return f"{noun}{'s' if len(names) > 1 else ''} {shown}"


def _check_timecode(film: FilmSpec, made: VideoInfo) -> Iterator[str]:
    if film.plan.timecode and made.timecode != film.plan.timecode:
        yield f"The film should begin at the timecode {film.plan.timecode}, but says {made.timecode or 'none'}."


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
