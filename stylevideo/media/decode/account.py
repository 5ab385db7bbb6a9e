"""What ffmpeg itself makes of a file: pictures and their times, sound, subtitles, packets.

For who checks what was written: none of it comes from the probe or the reader.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from stylevideo.errors import DecodeError, InputError
from stylevideo.media.clock import one_clock
from stylevideo.media.ffmpeg import ffmpeg_output, file_url, reading_time_s, run_ffmpeg, source_input
from stylevideo.media.framecrc import parse_framecrc
from stylevideo.system.files import temporary_folder
from stylevideo.timeline.clip import StreamInfo, VideoInfo

SMALL_WIDTH, SMALL_HEIGHT = 32, 18
SOUND_HZ = 8000
LEAST_GAP_S = 0.005
"""Of sound that is not where its times say, as after a jump; less is rounding of the container's clock."""
SLOWEST_FRAME_S = 1.0
"""That decoding a frame may take."""
SPARE_BYTES = 2**26
_CUE = re.compile(r"^(\d+):(\d\d):(\d\d),(\d{3}) --> (\d+):(\d\d):(\d\d),(\d{3})", re.MULTILINE)
_COLORS = re.compile(r"color_range:(\S+) color_space:(\S+) color_primaries:(\S+) color_trc:(\S+)")


@dataclass(frozen=True)
class Account:
    """The pictures that decode.

    Attributes:
        times: when each is shown, in seconds from the container's start.
        lasts: seconds for which the last one is shown; 0 where that is not known.
        unit: seconds that the container's clock can tell apart.
        pictures: (n, 18, 32) uint8, grey and tiny.
    """

    times: tuple[Fraction, ...]
    lasts: Fraction
    unit: Fraction
    pictures: np.ndarray


def decode_picture(info: VideoInfo) -> Account:
    """Decode the whole picture once, and list when each frame is shown and roughly what it shows.

    Raises:
        DecodeError: ffmpeg cannot decode it.
        InputError: it has far more frames than the probe found.
        StorageError: no folder for temporary files can be made.
    """
    with temporary_folder() as folder:
        path = folder / "times"
        clock = ["-fps_mode", "passthrough", "-enc_time_base", "demux", "-f", "framecrc", file_url(path)]
        graph = f"scale={SMALL_WIDTH}:{SMALL_HEIGHT}:flags=area,format=gray"
        small = ["-map", "0:V:0", "-vf", graph, "-fps_mode", "passthrough", "-f", "rawvideo", "-"]
        command = [*_quietly(info), "-map", "0:V:0", *clock, *small, *one_clock(info)]
        most_bytes = SPARE_BYTES + 2 * info.frame_count * SMALL_WIDTH * SMALL_HEIGHT
        data = ffmpeg_output(command, _patience_s(info), most_bytes)
        listing = parse_framecrc(path.read_text())
    pictures = np.frombuffer(data, np.uint8).reshape(-1, SMALL_HEIGHT, SMALL_WIDTH)
    if listing is None:
        return Account((), Fraction(0), Fraction(0), pictures)
    times = tuple(row.pts * listing.time_base + info.zero_of_picture for row in listing.rows if row.pts is not None)
    return Account(times, listing.rows[-1].duration * listing.time_base, listing.time_base, pictures)


def decoded_sound(info: VideoInfo, stream: StreamInfo) -> np.ndarray:
    """A track, silence where it has none, from `info.zero_of` it on: (n,) int16, 8000 samples a second.

    Raises:
        DecodeError: ffmpeg cannot decode it.
    """
    graph = f"aresample={SOUND_HZ}:async=1:min_hard_comp={LEAST_GAP_S}:first_pts=0"
    shape = ["-map", f"0:{stream.index}", "-af", graph, "-ac", "1", "-f", "s16le", "-", *one_clock(info)]
    most_bytes = SPARE_BYTES + round(float(info.duration) * 4 * SOUND_HZ)
    return np.frombuffer(ffmpeg_output([*_quietly(info), *shape], _patience_s(info), most_bytes), np.dtype("<i2"))


def cues(info: VideoInfo, stream: StreamInfo) -> list[tuple[Fraction, Fraction]] | None:
    """When each subtitle of a track comes and goes, in seconds from the container's start; None if it has no text."""
    text = ["-map", f"0:{stream.index}", "-c:s", "srt", "-f", "srt", "-", *one_clock(info)]
    run = run_ffmpeg([*_quietly(info), *text], _patience_s(info))
    if run.status:
        return None
    found = ([int(number) for number in groups] for groups in _CUE.findall(run.output))
    zero = info.zero_of([stream])
    return [(zero + _seconds(*numbers[:4]), zero + _seconds(*numbers[4:])) for numbers in found]


def _seconds(hours: int, minutes: int, seconds: int, milliseconds: int) -> Fraction:
    return 3600 * hours + 60 * minutes + seconds + Fraction(milliseconds, 1000)


def packet_sums(info: VideoInfo, stream: StreamInfo) -> list[str]:
    """A checksum of each packet of a track, without the headers that transport streams put before AAC."""
    bare = ["-bsf", "aac_adtstoasc"] if stream.codec == "aac" else []
    copied = ["-map", f"0:{stream.index}", "-c", "copy", *bare, "-f", "framecrc", "-"]
    listing = parse_framecrc(run_ffmpeg([*_quietly(info), *copied], _patience_s(info)).output)
    return [row.crc for row in listing.rows] if listing else []


def packet_hashes(streams: Sequence[tuple[VideoInfo, StreamInfo]]) -> list[str]:
    """MD5 of the packets of each of some streams, without decoding them.

    AAC has a header before each packet in transport streams, and none elsewhere; it is left out.

    Args:
        streams: each with its file.
    Raises:
        InputError: ffmpeg cannot read them.
    """
    files = {info.path: info for info, _ in streams}
    inputs = {path: number for number, path in enumerate(files)}
    command = [word for info in files.values() for word in source_input(info.path, info.demuxer)]
    for place, (info, stream) in enumerate(streams):
        command += ["-map", f"{inputs[info.path]}:{stream.index}"]
        command += [f"-bsf:{place}", "aac_adtstoasc"] if stream.codec == "aac" else []
    limit_s = sum(map(reading_time_s, files))
    try:
        printed = ffmpeg_output(
            ["-v", "error", *command, "-c", "copy", "-f", "streamhash", "-hash", "md5", "-"], limit_s
        )
    except DecodeError as error:
        names = " or ".join(path.name for path in files)
        raise InputError(f"{names} could not be examined by ffmpeg: {error}.") from error
    return re.findall(r"=(\w+)$", printed.decode(), re.MULTILINE)


def shown_colors(info: VideoInfo) -> tuple[str, str, str, str]:
    """What the first decoded frame says of its range, matrix, primaries and transfer; "unknown" where it does not."""
    one = ["-map", "0:V:0", "-vf", "showinfo=checksum=0", "-frames:v", "1", "-f", "null", "-"]
    command = ["-v", "info", *source_input(info.path, info.demuxer), *one]
    found = _COLORS.search(info.said.first_frame if info.said else run_ffmpeg(command).remarks)
    return (found[1], found[2], found[3], found[4]) if found else ("unknown",) * 4


def _quietly(info: VideoInfo) -> list[str]:
    """ffmpeg's arguments to read it, however much of it is damaged."""
    return ["-v", "error", "-max_error_rate", "1", *source_input(info.path, info.demuxer)]


def _patience_s(info: VideoInfo) -> float:
    return reading_time_s(info.path) + SLOWEST_FRAME_S * info.frame_count
