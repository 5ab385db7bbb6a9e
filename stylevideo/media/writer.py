"""The finished film: stylised frames encoded as H.264, with the source's sound, subtitles, chapters and tags.

ffmpeg encodes and muxes in one pass. The film appears under its own name only when it is whole; until then it
is a hidden `.part` file beside it. Equal inputs make byte-identical films.
"""

from __future__ import annotations

import logging
import os
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import IO

import numpy as np

from stylevideo.errors import EncodeError, InputError, ShapeError
from stylevideo.media.ffmpeg import cannot_start, ffmpeg_path, file_url, last_lines, own_session, run_ffmpeg
from stylevideo.media.pictures import check_writable
from stylevideo.media.probe import probe
from stylevideo.timeline import StreamInfo, VideoInfo

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Container:
    """What a kind of file is called by ffmpeg, and how streams it cannot copy are rewritten."""

    muxer: str
    audio: tuple[str, ...]
    subtitle: tuple[str, ...]
    attachment: tuple[str, ...] = ()


CONTAINERS = {
    ".mp4": _Container("mp4", audio=("aac",), subtitle=("mov_text",)),
    ".m4v": _Container("mp4", audio=("aac",), subtitle=("mov_text",)),
    ".mov": _Container("mov", audio=("aac",), subtitle=("mov_text",)),
    ".mkv": _Container("matroska", audio=("aac",), subtitle=("srt", "ass"), attachment=("copy",)),
}
_SPECIFIERS = {"audio": "a", "subtitle": "s", "attachment": "t"}
AUDIO_BIT_RATE = "256k"
# x264's result depends on its number of threads; the default follows the machine's.
ENCODER_THREADS = 8
# Of a track, this much is muxed to learn whether the container can hold it.
TRIAL_SECONDS = "1"
# Sound before the first frame shorter than this is not worth a shifted video track.
SHORTEST_LATE_START = Fraction(1, 1000)
TRACK_CLOCK_HZ = 90_000
STDERR_LINES_KEPT = 50
SCALER_FLAGS = "lanczos+accurate_rnd+full_chroma_int+bitexact"
TO_BT709 = f"scale=in_range=full:out_range=tv:out_color_matrix=bt709:flags={SCALER_FLAGS}"
COLOR_TAGS = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"


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


@dataclass(frozen=True)
class Track:
    """A stream of the source as it goes into the film: copied, or rewritten with `codec`."""

    stream: StreamInfo
    codec: str


def check_output(output: Path) -> None:
    """Refuse a film's name before any work is done for it.

    Raises:
        InputError: the kind of file is not supported, the folder is missing, or it cannot be written to.
    """
    _container(output)
    check_writable(output)


def write_film(images: Iterable[np.ndarray], output: Path, info: VideoInfo, frames: range, crf: int = 18) -> FilmReport:
    """Encode stylised frames and add the source's sound, subtitles, chapters and tags.

    The film has exactly the rate of the source; of a variable-rate source each frame is repeated to keep its
    time. Sound and subtitles are copied bit by bit where the container can hold them and rewritten, with a
    note, where not. Pictures with an odd side keep every pixel, as yuv444p.

    Args:
        images: (h, w, 3) uint8, RGB, sRGB, all of one size, which may differ from the source's; one per
            index of `frames`, in order.
        output: the film; its suffix decides the container. An existing file is replaced.
        info: of the source.
        frames: indices of the source's frames that are shown; consecutive. The sound is cut alike.
        crf: x264's constant rate factor, 0 (lossless) to 51.
    Raises:
        InputError: see `check_output`; or the source is gone, or is the output itself.
        ShapeError: an image has another shape than the first, or is not uint8.
        EncodeError: ffmpeg failed, the disk is full, or the images are not as many as `frames`.
    """
    check_output(output)
    _check_source(info.path, output)
    repeats = info.repeats(frames.start, frames.stop)
    stream = iter(images)
    first = next(stream, None)
    if first is None or not len(frames):
        raise EncodeError(f"{output.name}: there is no frame to write. Choose at least one frame.")
    _check_image(first, first.shape)
    tracks, track_notes = plan_tracks(info, output)
    with _part_file(output) as part:
        command = _command(part, first, output, info, frames, crf, tracks)
        _encode(command, chain([first], stream), repeats, output)
        _check_film(part, sum(repeats), output)
        _publish(part, output)
    notes = (*track_notes, *_picture_notes(first, info))
    for note in notes:
        logger.info("%s: %s", output.name, note)
    return FilmReport(output, sum(repeats), notes)


def _check_source(source: Path, output: Path) -> None:
    if not source.is_file():
        raise InputError(f"{source}: the source is no longer there. Put it back to give the film its sound.")
    if output.exists() and output.samefile(source):
        raise InputError(f"{output} is the source itself. Choose another output, or it would be overwritten.")


def _picture_notes(first: np.ndarray, info: VideoInfo) -> Iterator[str]:
    height, width, _ = first.shape
    if _pixel_format(first) == "yuv444p":
        yield (
            f"The picture is {width}x{height}; to keep odd sides it was written as yuv444p, "
            "which VLC and mpv play but browsers and some hardware players do not."
        )
    if info.variable_rate:
        yield (
            f"The source's rate varies; the film has a constant {float(info.rate):g} frames a second, "
            "in which frames are repeated to keep their time."
        )


def _container(output: Path) -> _Container:
    container = CONTAINERS.get(output.suffix.lower())
    if container is None:
        kind = f"{output.suffix} files are" if output.suffix else "a name without a suffix is"
        raise InputError(f"{output.name}: {kind} not supported for films. Use one of {', '.join(CONTAINERS)}.")
    return container


def _check_image(image: np.ndarray, shape: tuple[int, ...]) -> None:
    if image.shape != shape or image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ShapeError(
            f"A film needs (h, w, 3) uint8 images of one size; got {image.shape} {image.dtype}, the first was {shape}."
        )


def _pixel_format(image: np.ndarray) -> str:
    height, width, _ = image.shape
    return "yuv444p" if height % 2 or width % 2 else "yuv420p"


# -- which streams of the source go along ----------------------------------------------------------


def plan_tracks(info: VideoInfo, output: Path) -> tuple[list[Track], list[str]]:
    """Choose for each stream whether it is copied, rewritten or left out, with notes on the last two.

    Args:
        info: of the source.
        output: the film; its suffix decides the container.
    Raises:
        InputError: that kind of file is not supported.
    """
    container = _container(output)
    choices = {
        "audio": ("copy", *container.audio),
        "subtitle": ("copy", *container.subtitle),
        "attachment": container.attachment,
    }
    tracks: list[Track] = []
    notes: list[str] = []
    numbers: dict[str, int] = {}
    for stream in info.streams:
        numbers[stream.kind] = numbers.get(stream.kind, 0) + 1
        name = f"{stream.kind.capitalize()} track {numbers[stream.kind]} ({stream.codec})"
        if stream.kind in ("data", "video"):
            notes += _note_on_unmapped(stream, name)
            continue
        codec = next((c for c in choices.get(stream.kind, ()) if _can_hold(info, container, stream, c)), None)
        if codec is None:
            notes.append(f"{name} was left out, because {container.muxer} cannot hold it in any form.")
            continue
        tracks.append(Track(stream, codec))
        if codec != "copy":
            notes.append(f"{name} was re-encoded as {codec}, because {container.muxer} cannot hold it as it is.")
    return tracks, notes


def _note_on_unmapped(stream: StreamInfo, name: str) -> list[str]:
    """Say so where something is lost; other data streams only repeat the chapters' titles."""
    if stream.kind == "video":
        return [f"{name} was left out: a film carries one picture and no cover."]
    return ["The timecode track was left out."] if "tmcd" in stream.detail else []


def _can_hold(info: VideoInfo, container: _Container, stream: StreamInfo, codec: str) -> bool:
    """Find out by trying, because what a muxer accepts differs between versions of ffmpeg."""
    with tempfile.TemporaryDirectory(prefix="stylevideo-") as folder:
        trial = Path(folder) / "trial"
        source = ["-t", TRIAL_SECONDS, "-i", file_url(info.path), "-map", f"0:{stream.index}"]
        run = run_ffmpeg(["-v", "error", *source, "-c", codec, "-f", container.muxer, file_url(trial)])
    if run.status != 0:
        logger.debug("%s: stream %d as %s: %s", info.path.name, stream.index, codec, last_lines(run.messages))
    return run.status == 0


# -- the command -----------------------------------------------------------------------------------


def _command(
    part: Path,
    first: np.ndarray,
    output: Path,
    info: VideoInfo,
    frames: range,
    crf: int,
    tracks: Sequence[Track],
) -> list[str]:
    height, width, _ = first.shape
    container, cut = _container(output), stretch_of_time(info, frames)
    pipe_format = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}"]
    source_start = ["-ss", _seconds(cut.start)] if cut.start > 0 else []
    # Else a cut keeps sound and subtitles from before it. (`-copypriorss 0` spares rewritten subtitles, for
    # whose negative times mkv delays all else.) Without a cut this would drop what primes the decoder.
    from_zero = ["-ss", "0"] if cut.start > 0 else []
    film_length = ["-t", _seconds(cut.length)] if cut.length is not None else []
    encoder = ["-c:v", "libx264", "-crf", str(crf), "-threads:v", str(ENCODER_THREADS)]
    return [
        *(ffmpeg_path(), "-hide_banner", "-v", "error", "-y"),
        *(*pipe_format, "-framerate", str(info.rate), "-i", "pipe:0"),
        *(*source_start, "-i", file_url(info.path)),
        *("-map", "0:v:0", *_track_arguments(tracks), "-map_metadata", "1", "-map_chapters", "1"),
        *("-filter:v", ",".join(_filters(first, info, cut.late)), "-fps_mode", "passthrough"),
        *(*encoder, *_late_start_arguments(info.rate, cut.late, container)),
        *("-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"),
        *(("-movflags", "+faststart") if container.muxer in ("mp4", "mov") else ()),
        *(*from_zero, *film_length, "-f", container.muxer, file_url(part)),
    ]


@dataclass(frozen=True)
class Cut:
    """The stretch of the source's time that the film shows, in seconds.

    Attributes:
        start: where it begins, on the source's clock.
        length: None where it runs to the source's end.
        late: how long the film's sound runs before its first picture.
    """

    start: Fraction
    length: Fraction | None
    late: Fraction


def stretch_of_time(info: VideoInfo, frames: range) -> Cut:
    """The whole clip keeps sound from before its first picture; a stretch begins with its first frame."""
    if frames.start == 0 and frames.stop == info.frame_count:
        late = info.start_time if info.start_time >= SHORTEST_LATE_START else Fraction(0)
        return Cut(Fraction(0), None, late)
    start = info.pts[frames.start] * info.time_base
    stop = info.pts[frames.stop] * info.time_base if frames.stop < info.frame_count else None
    return Cut(start, None if stop is None else stop - start, Fraction(0))


def _seconds(time: Fraction) -> str:
    """Exact to the microsecond, which is as fine as ffmpeg reads it."""
    return f"{round(time * 1_000_000)}us"


def _track_arguments(tracks: Sequence[Track]) -> Iterator[str]:
    """Map each track and say how it is written."""
    counts = {"a": 0, "s": 0, "t": 0}
    for track in tracks:
        letter = _SPECIFIERS[track.stream.kind]
        place = f"{letter}:{counts[letter]}"
        counts[letter] += 1
        yield from ("-map", f"1:{track.stream.index}", f"-c:{place}", track.codec)
        if letter == "a" and track.codec != "copy":
            yield from (f"-b:{place}", AUDIO_BIT_RATE)


def _filters(first: np.ndarray, info: VideoInfo, late: Fraction) -> Iterator[str]:
    yield TO_BT709
    yield f"format={_pixel_format(first)}"
    width, height = info.sample_aspect.as_integer_ratio()
    yield f"setsar=ratio={width}/{height}:max={max(width, height)}"
    if late:
        clock = _track_clock(info.rate)
        yield f"settb=1/{clock}"
        yield f"setpts=PTS+{round(late * clock)}"
    yield COLOR_TAGS


def _late_start_arguments(rate: Fraction, late: Fraction, container: _Container) -> list[str]:
    """Encoder arguments that keep the shifted times as they are, in a clock that divides the rate exactly."""
    if not late:
        return []
    clock = str(_track_clock(rate))
    track_clock = [] if container.muxer == "matroska" else ["-video_track_timescale", clock]
    return ["-enc_time_base", f"1:{clock}", *track_clock]


def _track_clock(rate: Fraction) -> int:
    """Units a second, about 90 000 or more, of which every frame lasts a whole number."""
    return rate.numerator * -(-TRACK_CLOCK_HZ // rate.numerator)


# -- running it ------------------------------------------------------------------------------------


@contextmanager
def _part_file(output: Path) -> Iterator[Path]:
    """A hidden name beside the film; whatever is left under it is removed."""
    part = output.with_name(f".{output.stem}.part{output.suffix}")
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def _encode(command: Sequence[str], images: Iterable[np.ndarray], repeats: Sequence[int], output: Path) -> None:
    """Feed every image to ffmpeg as often as `repeats` says and wait for its end; it never outlives us."""
    logger.debug("running %s", subprocess.list2cmdline(command))
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **own_session()
        )
    except OSError as error:
        raise cannot_start(error) from error
    assert process.stdin is not None and process.stderr is not None
    messages: deque[str] = deque(maxlen=STDERR_LINES_KEPT)
    drain = threading.Thread(target=_drain, args=(process.stderr, messages), daemon=True)
    drain.start()
    try:
        broken = _feed(process.stdin, images, repeats, output)
        status = process.wait()
    finally:
        process.kill()
        process.wait()
        with suppress(OSError):
            process.stdin.close()
        drain.join()
        process.stderr.close()
    if status != 0 or broken is not None:
        raise _encode_error(output, "\n".join(messages)) from broken


def _feed(pipe: IO[bytes], images: Iterable[np.ndarray], repeats: Sequence[int], output: Path) -> OSError | None:
    """Write the images to ffmpeg and close the pipe; returns the error where ffmpeg closed it first."""
    shape, fed = None, 0
    for image in images:
        shape = shape or image.shape
        _check_image(image, shape)
        if fed == len(repeats):
            raise EncodeError(f"{output.name}: more than the {fed} frames asked for came to be written.")
        pixels = np.ascontiguousarray(image).data
        try:
            for _ in range(repeats[fed]):
                pipe.write(pixels)
        except OSError as error:
            return error
        fed += 1
    if fed < len(repeats):
        raise EncodeError(f"{output.name}: only {fed} of {len(repeats)} frames came to be written.")
    try:
        pipe.close()
    except OSError as error:
        return error
    return None


def _drain(pipe: IO[bytes], messages: deque[str]) -> None:
    for line in pipe:
        messages.append(line.decode("utf-8", errors="replace").rstrip())


def _encode_error(output: Path, messages: str) -> EncodeError:
    if "No space left on device" in messages:
        return EncodeError(f"{output.name} could not be written, because the disk is full. Free some space and resume.")
    return EncodeError(f"ffmpeg could not write {output.name}:\n{last_lines(messages)}")


def _check_film(part: Path, frame_count: int, output: Path) -> None:
    """Count the film's frames, because an interrupted ffmpeg leaves a file that plays but is short."""
    try:
        written = probe(part).frame_count
    except InputError as error:
        raise EncodeError(f"{output.name} was written but cannot be read back: {error}") from error
    if written != frame_count:
        raise EncodeError(f"{output.name} came out with {written} frames instead of {frame_count}. Run it again.")


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
