"""Footage whose right result is known: numbered frames, a flash with a beep, a ramp of 16 bits, edges of alpha.

Every source is encoded by the bundled ffmpeg from the same raw pictures; stylevideo has no part in it.
"""

from __future__ import annotations

import subprocess
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from stylevideo.media.ffmpeg import ffmpeg_path, file_url

WIDTH, HEIGHT, FRAMES = 256, 144, 48
RATE = Fraction(24000, 1001)
SOUND_HZ = 48_000
NUMBER_ROWS, RAMP_ROWS, FLASH_ROWS = slice(0, 32), slice(32, 80), slice(80, HEIGHT)
NUMBER_BITS, BLOCK = 8, 32
BEEP_SECONDS = 0.04
BEEP_HZ = (600, 4000)
SCALER = "flags=lanczos+accurate_rnd+full_chroma_int+full_chroma_inp+bitexact"
BT709 = "colorspace=bt709:color_primaries=bt709:color_trc=bt709"


class FfmpegError(RuntimeError):
    """The bundled ffmpeg could not make or read test footage."""


@dataclass(frozen=True)
class Source:
    """A clip to be read, and what has to come of it.

    Attributes:
        path: a video file, or the pattern of an image sequence.
        numbers: what its frames show, in order.
        times: of the frames from the first one, in seconds.
        rate: frames a second; None where it varies.
        repaired: how many of its frames cannot be decoded.
    """

    path: Path
    numbers: tuple[int, ...]
    times: tuple[Fraction, ...]
    rate: Fraction | None
    repaired: int = 0


@dataclass(frozen=True)
class Encoder:
    """How a source is encoded.

    Attributes:
        video: ffmpeg's arguments for the picture.
        pixels: ffmpeg's name of the pixel format.
        audio: ffmpeg's arguments for the sound; no sound if empty.
        full_range: whether black and white are 0 and 255 in YUV too.
        filters: further ones, before the pixels are converted.
        container: further arguments for the file.
    """

    video: tuple[str, ...]
    pixels: str = "yuv420p"
    audio: tuple[str, ...] = ("-c:a", "aac", "-b:a", "192k")
    full_range: bool = False
    filters: tuple[str, ...] = ()
    container: tuple[str, ...] = ()

    @property
    def graph(self) -> str:
        """The filters, with a conversion that says what it did."""
        return ",".join((*self.filters, *conversion(self.pixels, self.full_range)))


def conversion(pixels: str, full_range: bool = False, matrix: str = "bt709") -> tuple[str, ...]:
    """Filters from RGB to a pixel format, tagged with what they did; none to no format."""
    if not pixels:
        return ()
    if not pixels.startswith("yuv"):
        return (f"format={pixels}",)
    span = "pc" if full_range else "tv"
    tags = BT709 if matrix == "bt709" else f"colorspace={matrix}:color_primaries={matrix}:color_trc=smpte170m"
    return (
        f"scale=out_color_matrix={matrix}:out_range={span}:{SCALER}",
        f"format={pixels}",
        f"setparams=range={span}:{tags}",
    )


@dataclass(frozen=True)
class Timing:
    """When frames are shown, and when sound begins.

    Attributes:
        times: of the frames from the first one, in seconds.
        rate: frames a second; None where it varies.
        late_picture: seconds from the file's start to its first frame.
        late_sound: seconds from the file's start to its first sound.
    """

    times: tuple[Fraction, ...]
    rate: Fraction | None
    late_picture: Fraction = Fraction(0)
    late_sound: Fraction = Fraction(0)

    @property
    def is_plain(self) -> bool:
        """Whether a constant rate from the file's start says it all."""
        return self.rate is not None and not self.late_picture

    @property
    def flashes(self) -> tuple[int, ...]:
        """The frames nearest to each half second; those have a flash and a beep."""
        halves = np.arange(0.5, float(self.times[-1]), 0.5)
        times = np.array(self.times, float)
        return tuple(int(np.abs(times - half).argmin()) for half in halves)


def constant(rate: Fraction = RATE, late_picture: Fraction = Fraction(0), late_sound: Fraction = Fraction(0)) -> Timing:
    return Timing(tuple(i / rate for i in range(FRAMES)), rate, late_picture, late_sound)


def halved() -> Timing:
    """Twenty-four frames a second, then twelve."""
    half = FRAMES // 2
    return Timing(tuple(Fraction(i + max(0, i - half), 24) for i in range(FRAMES)), None)


def handheld() -> Timing:
    """As telephones record: nearly thirty frames a second, none exactly, and now and then one is missing."""
    gaps = [3003 + 97 * ((i * 7) % 11 - 5) + (3003 if i % 13 == 12 else 0) for i in range(FRAMES)]
    return Timing(tuple(Fraction(sum(gaps[:i]), 90_000) for i in range(FRAMES)), None)


# -- pictures and sound ----------------------------------------------------------------------------


def numbered_picture(number: int, flash: bool) -> np.ndarray:
    """A frame: its number in black and white, a grey ramp, and a field that may flash: (H, W, 4) uint16 RGBA."""
    picture = np.full((HEIGHT, WIDTH, 4), 65535, np.uint16)
    for bit in range(NUMBER_BITS):
        picture[NUMBER_ROWS, bit * BLOCK : (bit + 1) * BLOCK, :3] = 65535 * (number >> bit & 1)
    rows = RAMP_ROWS.stop - RAMP_ROWS.start
    ramp = np.linspace(3000, 62000, WIDTH * rows).reshape(WIDTH, rows).T
    picture[RAMP_ROWS, :, :3] = np.rint(ramp)[..., None]
    if not flash:
        picture[FLASH_ROWS, :, :3] = np.array((26000, 18000, 12000), np.uint16)
    picture[FLASH_ROWS, 160:180, 3] = np.linspace(65535, 0, 20).astype(np.uint16)
    picture[FLASH_ROWS, 180:224, 3] = 0
    return picture


def beep() -> np.ndarray:
    """A short rising tone, whose place in other sound is found to a sample: (n,) float, -1..1."""
    time = np.arange(round(BEEP_SECONDS * SOUND_HZ)) / SOUND_HZ
    low, high = BEEP_HZ
    tone = np.sin(2 * np.pi * (low * time + (high - low) * time**2 / (2 * BEEP_SECONDS)))
    edge = np.minimum(1, np.minimum(time, time[::-1]) / 0.002)
    return tone * edge


def write_sound(path: Path, moments: Sequence[float], seconds: float) -> Path:
    """A WAV file with a beep at each moment, in seconds."""
    samples, tone = np.zeros(round(seconds * SOUND_HZ)), 0.6 * beep()
    for moment in moments:
        begin = round(moment * SOUND_HZ)
        samples[begin : begin + len(tone)] += tone[: len(samples) - begin]
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SOUND_HZ, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


# -- encoding --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Studio:
    """A folder in which sources are made."""

    folder: Path

    def shoot(self, name: str, encoder: Encoder, timing: Timing) -> Source:
        """Encode the numbered frames, with a beep at each flash."""
        path = self.folder / name
        pictures = [numbered_picture(number, number in timing.flashes) for number in range(FRAMES)]
        self.encode(path, np.stack(pictures), encoder, timing)
        return Source(path, tuple(range(FRAMES)), timing.times, timing.rate)

    def encode(self, path: Path, pictures: np.ndarray, encoder: Encoder, timing: Timing) -> Path:
        """Encode pictures (n, h, w, 4) uint16 RGBA."""
        _, height, width, _ = pictures.shape
        rate = timing.rate or 24
        raw = ["-f", "rawvideo", "-pix_fmt", "rgba64le", "-s", f"{width}x{height}", "-framerate", str(rate)]
        sound = self._sound_input(timing) if encoder.audio else []
        maps = ["-map", "0:v", *(["-map", "1:a"] if encoder.audio else [])]
        filters = encoder.graph if timing.is_plain else f"{encoder.graph},{_own_times(timing)}"
        clock = [] if timing.is_plain else ["-fps_mode", "passthrough", "-enc_time_base:v", "1:90000"]
        arguments = [*raw, "-i", "-", *sound, *maps, "-vf", filters, *clock]
        run([*arguments, *encoder.video, *encoder.audio, *encoder.container, target(path)], pictures.tobytes())
        return path

    def _sound_input(self, timing: Timing) -> list[str]:
        """A beep at each flash, from where the sound begins."""
        moments = [float(timing.late_picture + timing.times[i]) for i in timing.flashes]
        seconds = float(timing.late_picture + timing.times[-1]) + 1 / 24
        path = write_sound(self.folder / "beeps.wav", moments, seconds)
        late = str(float(timing.late_sound))
        return [*(["-itsoffset", late, "-ss", late] if timing.late_sound else []), "-i", file_url(path)]


def _own_times(timing: Timing) -> str:
    """A filter that gives each frame its time, in units of 1/90000 s."""
    ticks = [round((timing.late_picture + time) * 90_000) for time in timing.times]
    steps = "+".join(f"gte(N\\,{i})*{after - before}" for i, (before, after) in enumerate(pairwise(ticks), 1))
    return f"settb=1/90000,setpts={ticks[0]}+{steps}"


def target(path: Path) -> str:
    """How ffmpeg is told to read or write a file, or numbered files: `shot.####.png` or `shot.%04d.png`."""
    return file_url(path).replace("####", "%04d")


def run(arguments: Sequence[str], data: bytes | None = None) -> bytes:
    """Run the bundled ffmpeg and return what it wrote to standard output.

    Raises:
        FfmpegError: it failed.
    """
    done = subprocess.run([ffmpeg_path(), "-v", "error", "-y", *arguments], input=data, capture_output=True)
    if done.returncode:
        raise FfmpegError(done.stderr.decode(errors="replace")[-1000:])
    return done.stdout


def save_picture(path: Path, pixels: np.ndarray) -> Path:
    """Write one file of RGB or RGBA, (h, w, 3 or 4), with OpenCV."""
    order = [2, 1, 0, 3][: pixels.shape[2]]
    if not cv2.imwrite(str(path), pixels[..., order]):
        raise FfmpegError(f"OpenCV could not write {path}.")
    return path
