"""ffmpeg's own account of a clip: its decoded frames with their times, what they show, and the beeps of its sound.

Nothing of stylevideo has a part in it but the place of the program: what its probe gets wrong cannot be wrong here in
the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from scripts.formats.footage import HEIGHT, SOUND_HZ, WIDTH, FfmpegError, beep, run
from scripts.formats.measures import flashing, loud_moments, shown_numbers
from stylevideo.media.ffmpeg import file_url

PASS = ("-map", "0:V:0", "-fps_mode", "passthrough", "-enc_time_base:v", "1:90000", "-avoid_negative_ts", "disabled")
"""Or else times are rounded to whole frames of the mean rate, and shifted to begin at zero."""
OWN_CLOCK = ("-copyts",)
"""Or else ffmpeg begins at the first of the streams that it decodes, which is another one for picture and sound."""
ALL_USED = ("-map", "0:V:0", "-map", "0:a?", "-c", "copy", "-bsf", "setts=ts=N", "-f", "null", "-")
"""A second output that is nothing: where a clock jumps, ffmpeg joins it by the first of the streams that are used."""
BY_ITS_TIMES = "aresample=async=1:min_hard_comp=0.002:first_pts=0"
"""Each piece of sound where the file says; of less than a tenth of a second ffmpeg would think nothing."""


@dataclass(frozen=True)
class Account:
    """A clip as ffmpeg decodes it.

    Attributes:
        times: of the frames, in seconds on the file's own clock.
        durations: of the frames, in seconds; 0 where ffmpeg does not know.
        numbers: that the frames show, as `scripts.formats.footage.numbered_picture` drew them.
        flashes, beeps: when the picture flashes, and when each beep of the first sound track begins, in seconds.
    """

    times: tuple[float, ...]
    durations: tuple[float, ...]
    numbers: tuple[int, ...]
    flashes: tuple[float, ...]
    beeps: tuple[float, ...]

    @property
    def end(self) -> float:
        """When the last frame has been shown."""
        return self.times[-1] + self.durations[-1]

    @property
    def sync(self) -> tuple[float, ...]:
        """How long after its flash each beep begins, in milliseconds; of flashes that have a beep within 0.3 s."""
        near = [min(self.beeps, key=lambda beep: abs(beep - flash), default=9e9) - flash for flash in self.flashes]
        return tuple(1000 * error for error in near if abs(error) < 0.3)


def account(path: Path, options: Sequence[str] = OWN_CLOCK) -> Account:
    """Decode a clip by ffmpeg.

    Args:
        path: of a video file.
        options: ffmpeg's, before the file.
    """
    times, durations = frame_times(path, options)
    pictures = pictures_of(path, options)
    if len(pictures) != len(times):
        raise FfmpegError(f"{path.name}: {len(times)} times, {len(pictures)} pictures")
    white = flashing(pictures)
    flashes = tuple(times[i] for i in range(len(times)) if white[i] and not (i and white[i - 1]))
    numbers = tuple(shown_numbers(pictures))
    return Account(times, durations, numbers, flashes, beeps(path, options))


def beeps(path: Path, options: Sequence[str] = OWN_CLOCK) -> tuple[float, ...]:
    """When each beep of the first sound track begins, in seconds; none where there is no sound."""
    samples = ["-map", "0:a:0", "-af", BY_ITS_TIMES, "-ac", "1", "-ar", str(SOUND_HZ)]
    try:
        data = run([*options, "-i", file_url(path), *samples, "-f", "s16le", "-", *ALL_USED])
    except FfmpegError:
        return ()
    return tuple(loud_moments(np.frombuffer(data, np.int16) / 32768, beep()))


def frame_times(path: Path, options: Sequence[str] = OWN_CLOCK) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Times and durations of decoded frames, in seconds."""
    lines = run([*options, "-i", file_url(path), *PASS, "-f", "framecrc", "-", *ALL_USED]).decode().splitlines()
    base = next(Fraction(line.split()[-1]) for line in lines if line.startswith("#tb 0"))
    rows = [line.split(",") for line in lines if line and not line.startswith("#")]
    return tuple(float(int(row[2]) * base) for row in rows), tuple(float(int(row[3]) * base) for row in rows)


def pictures_of(path: Path, options: Sequence[str] = OWN_CLOCK, pixels: str = "gray") -> np.ndarray:
    """Every decoded picture, brought to the size of the numbered frames: (n, h, w, 1)."""
    graph = f"scale={WIDTH}:{HEIGHT}:out_range=full:flags=neighbor,format={pixels}"
    data = run([*options, "-i", file_url(path), *PASS, "-vf", graph, "-f", "rawvideo", "-"])
    return np.frombuffer(data, np.uint8).reshape(-1, HEIGHT, WIDTH, 1 if pixels == "gray" else 3)


def pictures_decode(path: Path) -> bool:
    """Whether ffmpeg makes any picture of a clip."""
    try:
        return bool(frame_times(path)[0])
    except (FfmpegError, StopIteration):
        return False
