"""ffmpeg's command for a film: its inputs, the tracks it takes from the source, filters, encoder, clocks and muxer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from stylevideo.errors import StorageError
from stylevideo.media.clock import all_in_use
from stylevideo.media.decode.tags import FilmTags
from stylevideo.media.encode.spec import FilmSpec
from stylevideo.media.encode.stretch import cut_arguments
from stylevideo.media.encode.track_arguments import title_arguments, track_arguments, track_inputs
from stylevideo.media.ffmpeg import file_url
from stylevideo.timeline.clip import StreamInfo

TRACK_CLOCK_HZ = 90_000
FINEST_CLOCK_HZ = 1_000_000
LEAST_PATIENCE_S = Fraction(10)
HELD_BACK_FRAMES = 240
"""More than any encoder looks ahead."""


def film_arguments(
    film: FilmSpec, picture: Sequence[str], covers: Sequence[str], tags_file: Path, limits: Sequence[str] = ()
) -> list[str]:
    """ffmpeg's arguments for a film whose pictures come from an input; limits come after all that limits the output."""
    container = film.container
    sources, maps = ([], []) if film.clip.info.is_sequence else _source_input(film)
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
            if film.clip.info.jumps and not limits
            else ()
        ),
    ]


def picture_input(film: FilmSpec) -> list[str]:
    """ffmpeg's arguments for the frames that come through its pipe."""
    if film.keep_timestamps:
        return ["-f", "matroska", "-i", "pipe:0"]
    size = f"{film.size[0]}x{film.size[1]}"
    shape = ["-f", "rawvideo", "-pix_fmt", film.pipe_format, "-s", size]
    return [*shape, "-framerate", str(film.clip.info.rate), "-i", "pipe:0"]


def _source_input(film: FilmSpec) -> tuple[list[str], list[str]]:
    """ffmpeg's arguments for the source as inputs, and for what of it the film has."""
    inputs, source = track_inputs(film.plan.tracks, film.clip.info, film.cut)
    tracks = track_arguments(film.plan.tracks, inputs, film.frame_count / film.clip.info.rate)
    return source, ["-map", "0:v:0", *_picture_words(film.clip.info.picture), *tracks, "-map_chapters", "1"]


def _picture_words(picture: StreamInfo | None) -> Iterator[str]:
    """What the source says of its picture's track; that of the film comes from a pipe, which says nothing."""
    if picture is not None:
        yield from title_arguments(picture, "v:0")
        if picture.language:
            yield from ("-metadata:s:v:0", f"language={picture.language}")


def _movflags(film: FilmSpec) -> str:
    """QuickTime's list of any tags takes the place of those that have a place of their own, which more players show."""
    held = film.container.tags
    return "+faststart" + ("" if held is None or film.tags.values.keys() <= held else "+use_metadata_tags")


def _filters(film: FilmSpec) -> Iterator[str]:
    width, height = film.clip.info.sample_aspect.as_integer_ratio()
    yield f"setsar=ratio={width}/{height}:max={max(width, height)}"
    if film.cut.late and not film.keep_timestamps:
        clock = _track_clock(film.clip.info.rate)
        yield f"settb=1/{clock}"
        yield f"setpts=PTS+{round(film.cut.late * clock)}"
    yield from film.encoding.filters(film.pixel_format, film.size, film.first.shape[2] == 4)


def _clock_arguments(film: FilmSpec) -> list[str]:
    """Encoder arguments that keep times which lie on no frame's grid."""
    if film.keep_timestamps:
        units = 1 / film.clip.info.time_base
        clock = str(units.numerator if units.denominator == 1 and units <= FINEST_CLOCK_HZ else FINEST_CLOCK_HZ)
        # MP4 says of the last packet how long it lasts, which has to be the last frame's.
        arguments = ["-force_key_frames:v:0", f"expr:eq(n,{film.frame_count - 1})"]
    elif film.cut.late:
        clock, arguments = str(_track_clock(film.clip.info.rate)), []
    else:
        return []
    track_clock = ["-video_track_timescale", clock] if film.container.muxer in ("mp4", "mov") else []
    return [*arguments, "-enc_time_base:v:0", f"1:{clock}", *track_clock]


def _track_clock(rate: Fraction) -> int:
    """Units a second, about 90 000 or more, of which every frame lasts a whole number."""
    return rate.numerator * -(-TRACK_CLOCK_HZ // rate.numerator)


def _patience_us(film: FilmSpec) -> int:
    """How far ffmpeg writes sound ahead of a track that may be over: farther than an encoder holds pictures back.

    With less, how a film is laid out would depend on how quickly its pictures come.
    """
    longest = 1 / film.clip.info.rate
    if film.keep_timestamps:
        longest = max([longest, *map(film.clip.selection.length, film.clip.frames[:-1])])
    return round(1_000_000 * max(LEAST_PATIENCE_S, HELD_BACK_FRAMES * longest))


def _timecode_arguments(film: FilmSpec) -> list[str]:
    if film.plan.timecode is None:
        return []
    if film.container.muxer in ("matroska", "webm"):
        return ["-metadata:s:v:0", f"timecode={film.plan.timecode}"]
    return ["-timecode", film.plan.timecode]


def write_tags(tags: FilmTags, folder: Path) -> Path:
    """A file for ffmpeg with what a film says of itself."""
    path = folder / "tags"
    try:
        path.write_bytes(tags.file)
    except OSError as error:
        raise StorageError(f"{path} cannot be written ({error.strerror}). Free some space.") from error
    return path
