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
from fractions import Fraction
from functools import cached_property
from itertools import chain, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from stylevideo.errors import EncodeError, InputError, ShapeError, StorageError
from stylevideo.media.clock import all_in_use
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.tags import Chapter, FilmTags, compare_tags, film_tags, read_tags
from stylevideo.media.encode.delivery import (
    CONTAINERS,
    PIPE_FORMATS,
    Container,
    Encoding,
    check_encoding,
    choose_delivery,
    run_trial,
)
from stylevideo.media.encode.matroska import picture_header, stream_header
from stylevideo.media.encode.pipe import encode
from stylevideo.media.encode.plan import FilmPlan, plan_film
from stylevideo.media.encode.tracks import (
    TRACK_KINDS,
    TRIAL_SECONDS,
    Cut,
    Track,
    attached_covers,
    cut_arguments,
    packet_hashes,
    pair_tracks,
    stretch_of_time,
    title_arguments,
    track_arguments,
    track_inputs,
    tracks_of,
)
from stylevideo.media.ffmpeg import ffmpeg_path, file_url, reading_time_s
from stylevideo.media.hidden import part_folder
from stylevideo.media.images.pictures import check_writable
from stylevideo.text import counted, printable
from stylevideo.timeline.clip import StreamInfo, VideoInfo

logger = logging.getLogger(__name__)

TRACK_CLOCK_HZ = 90_000
FINEST_CLOCK_HZ = 1_000_000
LEAST_PATIENCE_S = Fraction(10)
LONGEST_NAME, MOST_NAMES = 60, 8
HELD_BACK_FRAMES = 240
"""More than any encoder looks ahead."""


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


def check_film(
    plan: FilmPlan, output: Path, info: VideoInfo, frames: range, encoding: Encoding, kind: tuple[tuple[int, ...], int]
) -> None:
    """Write the beginning of a film with one grey picture, as it will be written: what cannot be, is known before work.

    Args:
        plan, output, info, frames, encoding: as of `write_film`.
        kind: height, width and channels of its images, and bits a channel: 8 or 16.
    Raises:
        InputError: this film cannot be written.
        StorageError: the disk for temporary files is full.
    """
    shape, bits = kind
    tags, first = film_tags(plan.tags, encoding.comment), np.zeros(shape, np.uint8 if bits == 8 else np.uint16)
    with TemporaryDirectory(prefix="stylevideo-") as folder, attached_covers(plan.tracks, plan.covers) as covers:
        trial = Path(folder) / f"trial{output.suffix}"
        film = _Film(trial, output, info, frames, encoding, plan, tags, first)
        grey = f"color=gray:size={film.size[0]}x{film.size[1]}:rate={info.rate},format={film.pipe_format}"
        picture, tags_file = ["-f", "lavfi", "-i", grey], _write_tags(tags, Path(folder))
        # Of a track that begins later the first second tells nothing.
        for limits, more_s in (["-t", TRIAL_SECONDS], 0.0), ([], reading_time_s(info.path)):
            arguments = _arguments(film, picture, covers, tags_file, ["-frames:v:0", "1", *limits])
            said = run_trial(arguments, trial, more_s)
            if not said:
                return
    check_encoding(encoding, output, (shape[0], shape[1]), info.rate, bits, shape[2] == 4)
    raise InputError(
        f"{output.name}: ffmpeg cannot write this film with the clip's tracks, tags and timecode:\n  {said}\n  "
        "Choose another kind of output, such as .mkv; or mend --ffmpeg-args."
    )


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
    _check_image(first, first)
    plan = plan or plan_film(info, output, frames)
    tags = film_tags(plan.tags, encoding.comment)
    with part_folder(output) as folder, attached_covers(plan.tracks, plan.covers) as covers:
        part = folder / f"film{output.suffix}"
        film = _Film(part, output, info, frames, encoding, plan, tags, first)
        arguments = _arguments(film, _picture_input(film), covers, _write_tags(tags, folder))
        command = [ffmpeg_path(), "-hide_banner", *arguments]
        encode(command, _chunks(film, chain([first], stream)), output, stop)
        found = _check_film(film)
        before_naming()
        _publish(part, output)
    notes = (*plan.notes, *found, *_picture_notes(film))
    for note in notes:
        logger.info("%s: %s", output.name, note)
    return FilmReport(output, film.frame_count, notes)


@dataclass(frozen=True, eq=False)
class _Film:
    """All that is decided about a film before it is encoded.

    Attributes:
        part: the hidden file that it is written to.
        first: its first image, for size and kind.
    """

    part: Path
    output: Path
    info: VideoInfo
    frames: range
    encoding: Encoding
    plan: FilmPlan
    tags: FilmTags
    first: np.ndarray

    @property
    def container(self) -> Container:
        return CONTAINERS[self.output.suffix.lower()]

    @property
    def cut(self) -> Cut:
        return stretch_of_time(self.info, self.frames, self.container.timed)

    @property
    def keep_timestamps(self) -> bool:
        """Whether each frame has the source's time instead of being repeated at a constant rate."""
        return self.encoding.variable_rate and self.info.variable_rate

    @cached_property
    def repeats(self) -> tuple[int, ...]:
        return (
            (1,) * len(self.frames) if self.keep_timestamps else self.info.repeats(self.frames.start, self.frames.stop)
        )

    @property
    def frame_count(self) -> int:
        return sum(self.repeats)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.first.shape[1], self.first.shape[0]

    @property
    def pipe_format(self) -> str:
        return PIPE_FORMATS[8 * self.first.itemsize, self.first.shape[2] == 4]

    @property
    def pixel_format(self) -> str:
        alpha = self.first.shape[2] == 4 and self.encoding.delivery.has_alpha
        odd = any(edge % 2 for edge in self.size)
        return self.encoding.delivery.pixel_format(8 * self.first.itemsize, alpha, odd)


def _check_source(info: VideoInfo, output: Path) -> None:
    if info.is_sequence:
        return
    if not info.path.is_file():
        raise InputError(f"{info.path}: the source is no longer there. Put it back to give the film its sound.")
    if output.exists() and output.samefile(info.path):
        raise InputError(f"{output} is the source itself. Choose another output, or it would be overwritten.")


def _picture_notes(film: _Film) -> Iterator[str]:
    if film.pixel_format == film.encoding.delivery.odd_format:
        yield (
            f"The picture is {film.size[0]}x{film.size[1]}; to keep odd sides it was written as {film.pixel_format}, "
            "which VLC and mpv play but browsers and some hardware players do not."
        )
    if not film.container.says:
        yield f"{film.container.muxer} files hold no languages, chapters and tags; they are left out."
    if film.info.variable_rate and not film.keep_timestamps and set(film.repeats) != {1}:
        varies = "rate varies" if set(film.repeats[:-1]) - {1} else "last frame is held"
        yield (
            f"The source's {varies}; the film has a constant {float(film.info.rate):g} frames a second, "
            "in which frames are repeated to keep their time."
        )


def _check_image(image: np.ndarray, first: np.ndarray) -> None:
    is_known = image.dtype in (np.uint8, np.uint16) and image.ndim == 3 and image.shape[2] in (3, 4)
    if image.shape != first.shape or image.dtype != first.dtype or not is_known:
        raise ShapeError(
            "A film needs (h, w, 3) or (h, w, 4) uint8 or uint16 images of one size; "
            f"got {image.shape} {image.dtype}, the first was {first.shape} {first.dtype}."
        )


# -- the command -----------------------------------------------------------------------------------


def _arguments(
    film: _Film, picture: Sequence[str], covers: Sequence[str], tags_file: Path, limits: Sequence[str] = ()
) -> list[str]:
    """ffmpeg's arguments for a film whose pictures come from an input; limits come after all that limits the output."""
    container = film.container
    sources, maps = ([], []) if film.info.is_sequence else _source_input(film)
    inputs = [*picture, *sources]
    return [
        *("-v", "error", "-y"),
        *(*inputs, "-f", "ffmetadata", "-i", file_url(tags_file)),
        *(*maps, "-map_metadata", str(inputs.count("-i"))),
        *covers,
        *("-filter:v:0", ",".join(_filters(film)), "-fps_mode:v:0", "passthrough"),
        *film.encoding.arguments(container.muxer),
        *_clock_arguments(film),
        *("-max_interleave_delta", str(_patience_us(film))),
        *_timecode_arguments(film),
        *("-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"),
        *(("-movflags", _movflags(film)) if container.muxer in ("mp4", "mov") else ()),
        *film.encoding.last_arguments(),
        *(*cut_arguments(film.cut)[1], *limits, "-f", container.muxer, file_url(film.part)),
        *(
            [word for number in range(sources.count("-i")) for word in all_in_use(1 + number)]
            if film.info.jumps and not limits
            else ()
        ),
    ]


def _picture_input(film: _Film) -> list[str]:
    if film.keep_timestamps:
        return ["-f", "matroska", "-i", "pipe:0"]
    size = f"{film.size[0]}x{film.size[1]}"
    shape = ["-f", "rawvideo", "-pix_fmt", film.pipe_format, "-s", size]
    return [*shape, "-framerate", str(film.info.rate), "-i", "pipe:0"]


def _source_input(film: _Film) -> tuple[list[str], list[str]]:
    """ffmpeg's arguments for the source as inputs, and for what of it the film has."""
    inputs, source = track_inputs(film.plan.tracks, film.info, film.cut)
    tracks = track_arguments(film.plan.tracks, inputs, film.frame_count / film.info.rate)
    return source, ["-map", "0:v:0", *_picture_words(film.info.picture), *tracks, "-map_chapters", "1"]


def _picture_words(picture: StreamInfo | None) -> Iterator[str]:
    """What the source says of its picture's track; that of the film comes from a pipe, which says nothing."""
    if picture is not None:
        yield from title_arguments(picture, "v:0")
        if picture.language:
            yield from ("-metadata:s:v:0", f"language={picture.language}")


def _movflags(film: _Film) -> str:
    """QuickTime's list of any tags takes the place of those that have a place of their own, which more players show."""
    held = film.container.tags
    return "+faststart" + ("" if held is None or film.tags.values.keys() <= held else "+use_metadata_tags")


def _filters(film: _Film) -> Iterator[str]:
    width, height = film.info.sample_aspect.as_integer_ratio()
    yield f"setsar=ratio={width}/{height}:max={max(width, height)}"
    if film.cut.late and not film.keep_timestamps:
        clock = _track_clock(film.info.rate)
        yield f"settb=1/{clock}"
        yield f"setpts=PTS+{round(film.cut.late * clock)}"
    yield from film.encoding.filters(film.pixel_format, film.size, film.first.shape[2] == 4)


def _clock_arguments(film: _Film) -> list[str]:
    """Encoder arguments that keep times which lie on no frame's grid."""
    if film.keep_timestamps:
        units = 1 / film.info.time_base
        clock = str(units.numerator if units.denominator == 1 and units <= FINEST_CLOCK_HZ else FINEST_CLOCK_HZ)
        # MP4 says of the last packet how long it lasts, which has to be the last frame's.
        arguments = ["-force_key_frames:v:0", f"expr:eq(n,{film.frame_count - 1})"]
    elif film.cut.late:
        clock, arguments = str(_track_clock(film.info.rate)), []
    else:
        return []
    track_clock = ["-video_track_timescale", clock] if film.container.muxer in ("mp4", "mov") else []
    return [*arguments, "-enc_time_base:v:0", f"1:{clock}", *track_clock]


def _track_clock(rate: Fraction) -> int:
    """Units a second, about 90 000 or more, of which every frame lasts a whole number."""
    return rate.numerator * -(-TRACK_CLOCK_HZ // rate.numerator)


def _patience_us(film: _Film) -> int:
    """How far ffmpeg writes sound ahead of a track that may be over: farther than an encoder holds pictures back.

    With less, how a film is laid out would depend on how quickly its pictures come.
    """
    longest = 1 / film.info.rate
    if film.keep_timestamps:
        shown = film.info.pts[film.frames.start : film.frames.stop]
        gaps = [(after - before) * film.info.time_base for before, after in pairwise(shown)]
        longest = max([longest, *gaps])
    return round(1_000_000 * max(LEAST_PATIENCE_S, HELD_BACK_FRAMES * longest))


def _timecode_arguments(film: _Film) -> list[str]:
    if film.plan.timecode is None:
        return []
    if film.container.muxer in ("matroska", "webm"):
        return ["-metadata:s:v:0", f"timecode={film.plan.timecode}"]
    return ["-timecode", film.plan.timecode]


# -- running it ------------------------------------------------------------------------------------


def _write_tags(tags: FilmTags, folder: Path) -> Path:
    """A file for ffmpeg with what a film says of itself."""
    path = folder / "tags"
    try:
        path.write_bytes(tags.file)
    except OSError as error:
        raise StorageError(f"{path} cannot be written ({error.strerror}). Free some space.") from error
    return path


def _chunks(film: _Film, images: Iterable[np.ndarray]) -> Iterator[memoryview | bytes]:
    """All that is written into ffmpeg's pipe; the images must be as many as the film's frames."""
    if film.keep_timestamps:
        yield stream_header(*film.size, film.pipe_format)
    wanted, fed = len(film.frames), 0
    for image in images:
        _check_image(image, film.first)
        if fed == wanted:
            raise EncodeError(f"{film.output.name}: more than the {fed} frames asked for came to be written.")
        yield from _pieces(film, fed, np.ascontiguousarray(image))
        fed += 1
    if fed < wanted:
        raise EncodeError(f"{film.output.name}: only {fed} of {wanted} frames came to be written.")


def _pieces(film: _Film, place: int, image: np.ndarray) -> Iterator[memoryview | bytes]:
    """What is written for the image at a place: as often as it is repeated, or once with its time."""
    if film.keep_timestamps:
        info, first = film.info, film.frames.start
        index = first + place
        time = (info.pts[index] - info.pts[first]) * info.time_base + film.cut.late
        is_last = index + 1 == info.frame_count
        length = info.length_of_last if is_last else (info.pts[index + 1] - info.pts[index]) * info.time_base
        yield picture_header(time, length, image.nbytes)
    for _ in range(film.repeats[place]):
        yield image.data


def _check_film(film: _Film) -> list[str]:
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


def _check_pixel_shape(film: _Film, made: VideoInfo) -> Iterator[str]:
    """ffmpeg's MXF has a place for it only beside some codecs."""
    wanted, got = film.info.sample_aspect, made.sample_aspect
    if got != wanted:
        said = f"The source's pixels have the shape {wanted}; those of {film.output.name} are {got}"
        yield f"{said}: it has no place for it."


def _check_tracks(film: _Film, made: VideoInfo) -> Iterator[str]:
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


def _check_words(film: _Film, what: str, source: StreamInfo, made: StreamInfo) -> Iterator[str]:
    """What the source says of a track and the film does not; what the user says instead is no matter."""
    if not film.container.says or source.kind in ("cover", "attachment"):
        return
    lost = [f"title {printable(source.title)!r}"] if source.title and not made.title else []
    lost += [f"language {source.language}"] if source.language and not made.language else []
    lost += [f"mark as {mark}" for mark in source.marks if mark not in made.marks]
    if lost:
        yield f"The {what} lost its {' and its '.join(lost)}: {film.container.muxer} has no place for it."


def _check_tags(film: _Film, made: VideoInfo) -> Iterator[str]:
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
    shown = ", ".join(printable(name)[:LONGEST_NAME] for name in names[:MOST_NAMES])
    return f"{noun}{'s' if len(names) > 1 else ''} {shown}{' and others' if len(names) > MOST_NAMES else ''}"


def _check_timecode(film: _Film, made: VideoInfo) -> Iterator[str]:
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
