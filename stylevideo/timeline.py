"""Clips, shots, frame ranges and their time: plain words that every other room shares.

Rates and times are exact fractions. Frames have an *index*, counted from 0 over the whole source, and a
*number*, which is what the user sees and types (from 1 in a video file). Reads no files.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from stylevideo.errors import InputError, SettingsError


@dataclass(frozen=True)
class StreamInfo:
    """One stream of a container that is not the main video.

    Attributes:
        index: its index in the container.
        kind: "audio", "subtitle", "video" (cover pictures, second angles), "data" or "attachment".
        codec: ffmpeg's name of the codec, e.g. "aac".
        language: ISO 639-2 code, or None.
        detail: the rest of what ffmpeg says of it, e.g. "48000 Hz, 5.1, fltp, 384 kb/s".
    """

    index: int
    kind: str
    codec: str
    language: str | None
    detail: str


@dataclass(frozen=True)
class VideoInfo:
    """What is exactly known of a video before a frame is decoded.

    Attributes:
        path: the file.
        width, height: pixels, as displayed: after rotation, before sample aspect.
        frame_count: frames that are shown (packets, less those marked as discarded).
        rate: frames a second. Of a variable-rate video, the rate of the constant-rate film that keeps
            every frame's time (see `repeats`).
        time_base: seconds per unit of `pts`.
        pts: each frame's presentation time in units of `time_base`, ascending.
        variable_rate: whether the frames are unevenly spaced in time.
        sample_aspect: width of a pixel over its height; 1 where unknown.
        rotation: degrees by which players turn the picture; already applied to width and height.
        codec: of the main video stream, e.g. "h264".
        pixel_format: e.g. "yuv420p10le".
        color_matrix: e.g. "bt709", or None where the file does not say.
        streams: the other streams, in the container's order.
        timed: whether the container gives each frame's time; where not (AVI, raw streams), `pts` are inferred.
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

    @property
    def start_time(self) -> Fraction:
        """Seconds from the start of the container's earliest stream to the first frame."""
        return self.pts[0] * self.time_base

    @property
    def duration(self) -> Fraction:
        """Seconds from the first frame's start to the last frame's end."""
        return (self.pts[-1] - self.pts[0]) * self.time_base + 1 / self.rate

    def audio(self) -> tuple[StreamInfo, ...]:
        """The audio streams."""
        return tuple(stream for stream in self.streams if stream.kind == "audio")

    def repeats(self, start: int, stop: int) -> tuple[int, ...]:
        """How often each frame of `start..stop` (indices, half-open) is written into a film of constant `rate`.

        All ones for a constant rate. For a variable rate the sum of the first k values is the time of
        frame `start + k` in frames of the film, rounded: no frame is more than half a frame off, and
        the error does not add up. A frame shown for less than half a film frame may be left out (0).
        """
        if not self.variable_rate:
            return (1,) * (stop - start)
        ticks = [round((pts - self.pts[start]) * self.time_base * self.rate) for pts in self.pts[start : stop + 1]]
        if stop == self.frame_count:
            ticks.append(ticks[-1] + 1)
        return tuple(after - before for before, after in itertools.pairwise(ticks))


@dataclass(frozen=True)
class FrameRange:
    """A stretch of frames by their numbers, inclusive at both ends, as in `--frames 1-48`."""

    first: int
    last: int

    @classmethod
    def parse(cls, text: str) -> FrameRange:
        """Read `7` or `1-48`.

        Raises:
            SettingsError: it is neither, or it runs backwards.
        """
        match = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", text)
        if match is None:
            raise SettingsError(f"--frames {text!r} is not a range of frames. Write it like 1-48, or 7 for one frame.")
        first = int(match[1])
        last = int(match[2]) if match[2] else first
        if last < first:
            raise SettingsError(f"--frames {text!r} runs backwards. Write the smaller number first: {last}-{first}.")
        return cls(first, last)

    def indices(self, info: VideoInfo) -> range:
        """The frames' indices in a video file, whose first frame has number 1 and index 0.

        Raises:
            InputError: the range is not wholly inside the clip.
        """
        if self.first < 1 or self.last > info.frame_count:
            raise InputError(
                f"{info.path.name}: frames {self} are outside the clip, which has frames 1-{info.frame_count}. "
                "Choose --frames within that."
            )
        return range(self.first - 1, self.last)

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


@dataclass(frozen=True)
class Shot:
    """Frames between two cuts; nothing is carried over its ends.

    Attributes:
        index: the shot's place in the clip, from 0.
        start, stop: frame indices in the source, half-open.
    """

    index: int
    start: int
    stop: int


@dataclass(frozen=True)
class Clip:
    """A job's source and film.

    Attributes:
        source: the video file.
        output: the film to be made.
        info: what is known of the source.
        frames: indices of the source's frames that are to be stylised.
    """

    source: Path
    output: Path
    info: VideoInfo
    frames: range


def frame_number(index: int) -> int:
    """The number by which a user knows the frame with this index in a video file."""
    return index + 1
