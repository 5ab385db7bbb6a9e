"""What is known of a clip's file before a frame is decoded, and its shots.

Rates and times are exact fractions. Frames have an *index*, counted from 0 over the whole source, and a
*number*, which is what the user sees and types (from 1 in a video file, as the files say in an image sequence).
Which frames are meant, and how those are counted, is `stylevideo.timeline.selection`'s. Reads no files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from stylevideo.rectangle import Rectangle

MARKS = (
    *("dub", "original", "comment", "lyrics", "karaoke", "forced", "hearing impaired", "visual impaired"),
    *("clean effects", "captions", "descriptions"),
)
"""What streams may be for, in ffmpeg's words."""
HDR_TRANSFERS = ("smpte2084", "arib-std-b67")
ALPHA_FORMATS = ("yuva", "rgba", "gbra", "bgra", "argb", "abgr", "ya", "ayuv", "vuya", "uyva")
"""How ffmpeg's names of pixel formats with an alpha channel begin."""
BITS_BY_NUMBER = {"9": 9, "10": 10, "12": 12, "14": 14, "20": 10, "30": 10, "36": 12} | dict.fromkeys(
    ("16", "32", "48", "64", "96", "128"), 16
)
"""Bits a channel, by the number at the end of ffmpeg's names; some count the bits of a pixel, or of two channels."""
_NUMBERED_FORMAT = re.compile(r"(?:[py][024]|[a-z])(\d+)x?(?:msb)?(?:le|be)$")
_START = re.compile(r", start (-?\d+\.\d+)")
_CLOCK_OF_USED_STREAMS = ("mpegts", "mpeg")
"""Formats that ffmpeg counts from the first of the streams that are used, instead of the first of all."""
_FLOAT_FORMAT = re.compile(r"f(16|32)(le|be)$")
_NO_YUV = re.compile(r"(?:x2)?[0a]?(?:rgb|bgr|gbr)|pal8|gray|ya|mono|xyz|bayer")
_GRAY = re.compile(r"gray|ya|mono")


def bits_of(pixel_format: str) -> int:
    """Bits a channel of one of ffmpeg's pixel formats: 8 to 16, or 32 for floating point."""
    if _FLOAT_FORMAT.search(pixel_format):
        return 32
    match = _NUMBERED_FORMAT.search(pixel_format)
    return BITS_BY_NUMBER.get(match[1], 8) if match else 8


@dataclass(frozen=True)
class StreamInfo:
    """One stream of a container that is not the main video.

    Attributes:
        index: its index in the container.
        kind: "audio", "subtitle", "cover" (a still picture), "video" (second angles), "data" or "attachment".
        codec: ffmpeg's name of the codec, e.g. "aac".
        language: ISO 639-2 code, or None.
        detail: the rest of what ffmpeg says of it, e.g. "48000 Hz, 5.1, fltp, 384 kb/s".
        title: its name for people, or "".
    """

    index: int
    kind: str
    codec: str
    language: str | None
    detail: str
    title: str = ""

    @property
    def start(self) -> Fraction:
        """Seconds on the container's own clock at which it begins, as ffmpeg lists it."""
        found = _START.search(self.detail)
        return Fraction(found[1]) if found else Fraction(0)

    @property
    def marks(self) -> tuple[str, ...]:
        """What the container says that it is for, such as "comment" or "forced"; not which one is the default."""
        return tuple(mark for mark in MARKS if f"({mark})" in self.detail)


@dataclass(frozen=True)
class Said:
    """What ffmpeg said of a video file when it was probed.

    Attributes:
        tags: the container's tags and chapters, as its `ffmetadata` muxer writes them.
        first_frame: remarks on the first frame that decodes, by its filter `showinfo`.
    """

    tags: bytes
    first_frame: str


@dataclass(frozen=True)
class VideoInfo:
    """What is exactly known of a video, or of an image sequence, before a frame is decoded.

    Attributes:
        path: the file; of a sequence its pattern, such as `shot.####.png`.
        width, height: pixels, as displayed: after rotation, before sample aspect.
        frame_count: frames that are shown (packets, less those marked as discarded).
        rate: frames a second. Of a variable-rate video, the rate of the constant-rate film that keeps
            every frame's time (see `FrameSelection.repeats`).
        time_base: seconds per unit of `pts`.
        pts: each frame's presentation time in units of `time_base`, ascending.
        variable_rate: whether the frames are unevenly spaced in time, or the last one lasts longer than one of `rate`.
        sample_aspect: width of a pixel over its height; 1 where unknown.
        rotation: degrees counterclockwise by which players turn the picture; already applied to width and height.
        mirrored: whether they exchange left and right before that.
        codec: of the main video stream, e.g. "h264"; of a sequence the kind of file, e.g. "png".
        pixel_format: e.g. "yuv420p10le".
        color_matrix, primaries, transfer: ffmpeg's names, e.g. "bt709"; None where the file does not say.
        streams: the other streams, in the container's order.
        timed: whether the container gives each frame's time; where not (AVI, raw streams), `pts` are inferred.
        interlaced: whether the file says that its frames are woven from two fields.
        timecode: of the first frame, e.g. "01:00:00:00", or None.
        demuxer: ffmpeg's name of a video file's format, e.g. "matroska"; whoever opens it again opens it as that.
        last_lasts: seconds for which the last frame is shown; one frame of `rate` where that is None.
        jumps: whether the file's clock jumps, so that its streams have one clock only if all are used together.
        orderly: whether the file begins with the first frame that is shown; where not, decoders disagree on the moment
            from which they count.
        files: of a sequence, or of a still, each frame's file; None where one is missing in between.
        first_number: the number of the frame with index 0.
        notes: what the file says and is not taken as it is, as sentences.
        picture: the main video stream of a video file.
        said: what else ffmpeg said of a video file; None where it has to be asked.
    """

    path: Path
    width: int
    height: int
    frame_count: int
    rate: Fraction
    time_base: Fraction
    pts: tuple[int, ...]
    variable_rate: bool
    sample_aspect: Fraction
    rotation: int
    codec: str
    pixel_format: str
    color_matrix: str | None
    streams: tuple[StreamInfo, ...]
    timed: bool = True
    transfer: str | None = None
    interlaced: bool = False
    timecode: str | None = None
    demuxer: str = ""
    last_lasts: Fraction | None = None
    orderly: bool = True
    jumps: bool = False
    files: tuple[Path | None, ...] = ()
    first_number: int = 1
    mirrored: bool = False
    primaries: str | None = None
    notes: tuple[str, ...] = ()
    picture: StreamInfo | None = None
    said: Said | None = field(default=None, repr=False, compare=False)

    @property
    def start_time(self) -> Fraction:
        """Seconds from the start of the container's earliest stream to the first frame."""
        return self.pts[0] * self.time_base

    def zero_of(self, streams: Iterable[StreamInfo]) -> Fraction:
        """Seconds from the container's start to where ffmpeg's clock begins if these streams alone are used."""
        used = [stream.start for stream in streams]
        if self.demuxer not in _CLOCK_OF_USED_STREAMS or self.jumps or not used or self.picture is None:
            return Fraction(0)
        return min(used) - min(stream.start for stream in (self.picture, *self.audio()))

    @property
    def zero_of_picture(self) -> Fraction:
        """The same where the picture alone is used."""
        return self.zero_of([self.picture] if self.picture else [])

    @property
    def duration(self) -> Fraction:
        """Seconds from the first frame's start to the last frame's end."""
        return (self.pts[-1] - self.pts[0]) * self.time_base + self.length_of_last

    @property
    def end_time(self) -> Fraction:
        """Seconds from the start of the container's earliest stream to the last frame's end."""
        return self.start_time + self.duration

    @property
    def length_of_last(self) -> Fraction:
        """Seconds for which the last frame is shown."""
        return 1 / self.rate if self.last_lasts is None else self.last_lasts

    @property
    def is_sequence(self) -> bool:
        """Whether each frame is a file of its own."""
        return bool(self.files)

    @property
    def is_still(self) -> bool:
        """Whether it is one picture whose name has no number."""
        return self.files == (self.path,)

    @property
    def missing(self) -> tuple[int, ...]:
        """The numbers of a sequence's frames that have no file."""
        return tuple(self.number(index) for index, file in enumerate(self.files) if file is None)

    @property
    def is_linear(self) -> bool:
        """Whether pixels hold scene-linear light, without an upper end."""
        return self.codec == "exr"

    @property
    def is_hdr(self) -> bool:
        """Whether the pixels are coded for high dynamic range (PQ or HLG, Rec. ITU-R BT.2100)."""
        return self.transfer in HDR_TRANSFERS

    @property
    def is_yuv(self) -> bool:
        """Whether pixels are brightness and two differences of colour, which a matrix makes into RGB."""
        return not _NO_YUV.match(self.pixel_format)

    @property
    def has_colors(self) -> bool:
        """Whether pixels are more than shades of grey."""
        return not _GRAY.match(self.pixel_format)

    @property
    def bits(self) -> int:
        """Bits a channel: 8 to 16, or 32 for floating point."""
        return bits_of(self.pixel_format)

    @property
    def has_alpha(self) -> bool:
        """Whether there is a fourth channel that says how opaque a pixel is."""
        return self.pixel_format.startswith(ALPHA_FORMATS)

    def number(self, index: int) -> int:
        """The number by which the user knows the frame with this index."""
        return self.first_number + index

    def source_files(self) -> list[Path]:
        """The video file, or the files of the sequence that are there."""
        return [file for file in self.files if file and file.is_file()] or [self.path]

    def audio(self) -> tuple[StreamInfo, ...]:
        """The audio streams."""
        return tuple(stream for stream in self.streams if stream.kind == "audio")


FULL_EXPOSURE = 0.5
"""Distance from black, and from white, 0..1, at which a frame's exposure is not that of a fade."""


@dataclass(frozen=True)
class Shot:
    """Frames between two cuts; nothing is carried over its ends.

    Attributes:
        index: the shot's place in the clip, from 0.
        start, stop: indices of frames of the selection, half-open.
        active: its picture without bars; None where it has none.
        full_light: how far from black, 0..1, the brightest place of a frame is that is not faded to black.
        full_shade: how far from white, 0..1, the darkest place of a frame is that is not faded to white.
        dissolving: how many of its last frames dissolve into the next shot, whose first frame shows nothing of it.
    """

    index: int
    start: int
    stop: int
    active: Rectangle | None = None
    full_light: float = FULL_EXPOSURE
    full_shade: float = FULL_EXPOSURE
    dissolving: int = 0
