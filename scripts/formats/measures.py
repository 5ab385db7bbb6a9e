"""What is measured of a film: the numbers that its frames show, flashes and beeps, levels.

The bundled ffmpeg decodes; of stylevideo only the probe is used, for the times of packets.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import stylevideo
from scripts import STYLE
from scripts.formats.footage import BLOCK, HEIGHT, NUMBER_BITS, SCALER, SOUND_HZ, WIDTH, beep, run, target
from stylevideo.media.decode.probe import probe
from stylevideo.media.ffmpeg import run_ffmpeg
from stylevideo.reports.results import ClipResult
from stylevideo.settings.settings import Settings
from stylevideo.timeline.clip import StreamInfo

CHANNELS = {"gray": 1, "rgb24": 3, "rgb48le": 3, "rgba64le": 4}
BEEP_LEVEL = 0.25
"""Of full loudness; a beep has 0.6, and lossy sound loses little of it."""
LOUDEST_APART_S = 0.1


def identity(source: Path, output: Path, **values: object) -> ClipResult:
    """A run that paints nothing."""
    return stylevideo.stylize(
        source, [STYLE], output, Settings().with_values(iterations=0, detect_cuts=False, **values)
    )


# -- pictures --------------------------------------------------------------------------------------


def decode(
    path: Path, pixels: str, size: tuple[int, int] = (WIDTH, HEIGHT), options: Sequence[str] = (), matrix: str = "auto"
) -> np.ndarray:
    """Every picture of a file or of numbered files: (n, h, w, channels).

    Args:
        path: of a sequence the pattern, with `####`.
        pixels: one of `CHANNELS`.
        size: width and height.
        options: ffmpeg's, before the file.
        matrix: what untagged pictures are taken for.
    """
    width, height = size
    graph = f"scale=in_color_matrix={matrix}:out_range=full:{SCALER},format={pixels}"
    if pixels.endswith("le") and "#" not in path.name and (info := probe(path)).is_yuv:
        # ffmpeg's own way to 16 bits ends 255 levels below white.
        told = f"setparams=colorspace={info.color_matrix or 'smpte170m'}"
        planar = "gbrap16le" if info.has_alpha else "gbrp16le"
        graph = f"{told},zscale=matrix=gbr:range=full:filter=bicubic,format={planar},{graph}"
    output = ["-map", "0:V:0", "-vf", graph, "-fps_mode", "passthrough", "-f", "rawvideo", "-"]
    data = run([*options, "-i", target(path), *output])
    kind = np.uint16 if pixels.endswith("le") else np.uint8
    return np.frombuffer(data, kind).reshape(-1, height, width, CHANNELS[pixels])


def shown_numbers(pictures: np.ndarray) -> list[int]:
    """The number in each picture (n, h, w, channels) of 8 or 16 bits."""
    middle = np.iinfo(pictures.dtype).max / 2
    blocks = [pictures[:, 8:24, i * BLOCK + 8 : (i + 1) * BLOCK - 8].mean(axis=(1, 2, 3)) for i in range(NUMBER_BITS)]
    return [int(sum(1 << i for i in range(NUMBER_BITS) if blocks[i][frame] > middle)) for frame in range(len(pictures))]


def flashing(pictures: np.ndarray) -> np.ndarray:
    """Which pictures show the flash: (n,) bool."""
    bright: np.ndarray = pictures[:, 96:128, 16:144].mean(axis=(1, 2, 3)) > 0.75 * np.iinfo(pictures.dtype).max
    return bright


def largest_difference(first: np.ndarray, second: np.ndarray) -> int:
    """In levels; arrays of unsigned integers of one shape."""
    return int(np.abs(first.astype(np.int64) - second).max())


# -- flash and beep --------------------------------------------------------------------------------


def nearest_beeps(path: Path) -> list[float]:
    """How long after each flash the nearest beep of the first track comes, in milliseconds, if it was not cut off."""
    flashes, beeps = _flashes(path), beep_moments(path, 0)
    nearest = [min((beep - flash for beep in beeps), key=abs) for flash in flashes]
    return [1000 * late for late in nearest if abs(late) < LOUDEST_APART_S]


def _flashes(path: Path, options: Sequence[str] = ()) -> list[float]:
    info = probe(path)
    times = [float(time * info.time_base) for time in info.pts]
    white = flashing(decode(path, "gray", (info.width, info.height), options))
    assert len(white) == len(times), f"{len(white)} pictures decode of {len(times)} packets"
    return [times[i] for i in range(len(white)) if white[i] and not (i and white[i - 1])]


def sync_errors(path: Path, options: Sequence[str] = ()) -> list[float]:
    """How long after its flash each beep comes, in milliseconds: of every flash, in every sound track.

    Raises:
        AssertionError: there are not as many beeps as flashes.
    """
    info, flashes = probe(path), _flashes(path, options)
    errors = []
    for track in range(len(info.audio())):
        beeps = beep_moments(path, track)
        assert len(beeps) == len(flashes), f"{len(beeps)} beeps for {len(flashes)} flashes in track {track + 1}"
        errors += [1000 * (heard - seen) for heard, seen in zip(beeps, flashes, strict=True)]
    return errors


def beep_moments(path: Path, track: int) -> list[float]:
    """When each beep begins, in seconds on the file's clock, by its likeness to the beep that was put in."""
    pad = ["-af", "aresample=async=1:first_pts=0", "-ac", "1", "-ar", str(SOUND_HZ), "-f", "s16le", "-"]
    samples = np.frombuffer(run(["-i", target(path), "-map", f"0:a:{track}", *pad]), np.int16) / 32768
    return loud_moments(samples, beep())


def loud_moments(samples: np.ndarray, tone: np.ndarray) -> list[float]:
    """Where in sound (n,) a tone begins, in seconds, by its likeness."""
    likeness = _correlation(samples, tone)
    moments = []
    while len(likeness) and likeness.max() > BEEP_LEVEL:
        place = int(likeness.argmax())
        moments.append(place / SOUND_HZ)
        near = round(LOUDEST_APART_S * SOUND_HZ)
        likeness[max(0, place - near) : place + near] = 0
    return sorted(moments)


def _correlation(samples: np.ndarray, tone: np.ndarray) -> np.ndarray:
    """How loud the tone is in the samples from each place on."""
    length = 1 << (len(samples) + len(tone)).bit_length()
    product = np.fft.rfft(samples, length) * np.fft.rfft(tone, length).conj()
    loudness: np.ndarray = np.fft.irfft(product, length)[: len(samples)] / (tone**2).sum()
    return loudness


def worst(errors: Sequence[float]) -> float | None:
    """The value farthest from zero, to a hundredth; None where there is none."""
    farthest: float | None = max(errors, key=abs, default=None)
    return None if farthest is None else round(farthest, 2)


# -- what ffmpeg says ------------------------------------------------------------------------------


def described(path: Path) -> str:
    """What the bundled ffmpeg prints of a file."""
    return run_ffmpeg(["-hide_banner", "-i", target(path)]).messages


def stream_hash(path: Path, stream: StreamInfo) -> str:
    """MD5 of a stream's packets, which are not decoded."""
    options = ["-map", f"0:{stream.index}", "-c", "copy", "-f", "streamhash", "-hash", "md5", "-"]
    return run(["-i", target(path), *options]).decode().strip().rpartition("=")[2]


def printed(pattern: str, text: str) -> list[str]:
    """What a pattern's group has in each line where it fits."""
    return re.findall(pattern, text, re.MULTILINE | re.IGNORECASE)
