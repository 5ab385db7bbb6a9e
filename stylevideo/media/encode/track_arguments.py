"""ffmpeg's arguments for the tracks that a film takes from its source, and for covers that are attached as files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction

from stylevideo.errors import DecodeError, InputError, StorageError
from stylevideo.limits import COVERS_BYTES
from stylevideo.media.encode.stretch import Cut, cut_arguments
from stylevideo.media.encode.tracks import COVER_FILES, Track, sound_arguments
from stylevideo.media.ffmpeg import TooLongAnswerError, ffmpeg_output, file_url, reading_time_s, source_input
from stylevideo.system.files import temporary_folder
from stylevideo.timeline.clip import StreamInfo, VideoInfo

_SPECIFIERS = {"audio": "a", "subtitle": "s", "attachment": "t", "cover": "v", "data": "d"}
LONGEST_TITLE = 1000
UNREADABLE = "\N{REPLACEMENT CHARACTER}"


def track_inputs(tracks: Sequence[Track], info: VideoInfo, cut: Cut) -> tuple[dict[str, int], list[str]]:
    """The number of the input from which ffmpeg takes each kind of track, and the arguments for these inputs.

    All are the source. Subtitles and data have inputs of their own: for the sake of one that is far away ffmpeg reads
    sound far ahead of the picture, and how far would decide how the film is laid out. Covers stand at its uncut
    beginning.
    """
    file = source_input(info.path, info.demuxer)

    def begin(*kinds: str) -> list[str]:
        zero = info.zero_of(track.stream for track in tracks if track.stream.kind in kinds)
        return cut_arguments(cut, zero, info.jumps)[0]

    numbers, inputs = {"audio": 1, "attachment": 1}, [*begin("audio", "attachment"), *file]
    for kind in ("subtitle", "data", "cover"):
        if any(track.stream.kind == kind for track in tracks):
            numbers[kind] = 1 + inputs.count("-i")
            inputs += [*([] if kind == "cover" else begin(kind)), *file]
    return numbers, inputs


def track_arguments(tracks: Sequence[Track], inputs: Mapping[str, int], seconds: Fraction) -> Iterator[str]:
    """Map each track from its input, and say how it is written; the film's picture is the first video.

    Args:
        tracks: as planned.
        inputs: the number of each kind's.
        seconds: how long the picture lasts.
    """
    counts = {"a": 0, "s": 0, "t": 0, "d": 0, "v": 1}
    for track in tracks:
        if track.codec == "attach":
            continue
        letter = _SPECIFIERS[track.stream.kind]
        place = f"{letter}:{counts[letter]}"
        counts[letter] += 1
        yield from ("-map", f"{inputs[track.stream.kind]}:{track.stream.index}", f"-c:{place}", track.codec)
        yield from title_arguments(track.stream, place)
        if letter == "a":
            yield from sound_arguments(track.codec, f":{place}", seconds)
        if letter == "v":
            yield from (f"-disposition:{place}", "attached_pic")


def title_arguments(stream: StreamInfo, place: str) -> Iterator[str]:
    """Name a track: ffmpeg reads QuickTime's names of tracks under another word than it writes them from."""
    if 0 < len(stream.title) <= LONGEST_TITLE and UNREADABLE not in stream.title:
        yield from (f"-metadata:s:{place}", f"title={stream.title}")


@contextmanager
def attached_covers(tracks: Sequence[Track], data: Sequence[bytes]) -> Iterator[list[str]]:
    """ffmpeg's arguments for covers that are attached as files; these last as long as the context.

    Args:
        tracks: as planned.
        data: what is in the files.
    Raises:
        StorageError: the disk for temporary files is full.
    """
    covers = [track.stream for track in tracks if track.codec == "attach"]
    if not covers:
        yield []
        return
    before = sum(track.stream.kind == "attachment" for track in tracks)
    arguments: list[str] = []
    with temporary_folder() as folder:
        for number, stream in enumerate(covers):
            suffix, mime_type = COVER_FILES[stream.codec]
            file = folder / f"cover{number + 1 if number else ''}.{suffix}"
            try:
                file.write_bytes(data[number])
            except OSError as error:
                raise StorageError(f"{file} cannot be written ({error.strerror}). Free some space.") from error
            arguments += ["-attach", file_url(file), f"-metadata:s:t:{before + number}", f"mimetype={mime_type}"]
        yield arguments


def covers_data(info: VideoInfo, tracks: Sequence[Track]) -> tuple[bytes, ...]:
    """What is in the files of the covers that are attached, in their order.

    Raises:
        InputError: one cannot be read, or they are too large.
    """
    found: list[bytes] = []
    for track in tracks:
        if track.codec == "attach":
            found.append(_cover_data(info, track.stream, COVERS_BYTES - sum(map(len, found))))
    return tuple(found)


def _cover_data(info: VideoInfo, stream: StreamInfo, most_bytes: int) -> bytes:
    only = ["-map", f"0:{stream.index}", "-c", "copy", "-frames:v", "1", "-f", "image2pipe", "-"]
    command = ["-v", "error", *source_input(info.path, info.demuxer), *only]
    try:
        return ffmpeg_output(command, reading_time_s(info.path), most_bytes)
    except TooLongAnswerError as error:
        raise InputError(
            f"{info.path.name} has covers of more than {COVERS_BYTES:,} bytes. Copy it without them first: "
            "ffmpeg -i CLIP -map 0 -map -0:v -map 0:V -c copy COPY"
        ) from error
    except DecodeError as error:
        raise InputError(f"{info.path.name}: its cover cannot be read: {error}.") from error
