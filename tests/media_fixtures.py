"""Small videos made with the bundled ffmpeg, whose frames carry their number; and the shared media."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from stylevideo.media.decode.reader import read_frames
from stylevideo.media.ffmpeg import ffmpeg_path, file_url, run_ffmpeg
from stylevideo.timeline.clip import VideoInfo
from stylevideo.timeline.selection import FrameSelection

SHARED_MEDIA = Path(__file__).resolve().parents[2] / "shared" / "media"
BITS = 8
BLOCK = 16
SIZE = (BITS * BLOCK, 96)  # width, height


def shared(name: str) -> Path:
    """A file of the shared test media, or a skipped test."""
    path = SHARED_MEDIA / name
    if not path.exists():
        pytest.skip(f"the shared test media are not here: {path}")
    return path


def numbered_frame(number: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A dim gradient whose top rows show `number` as eight black or white blocks: (h, w, 3) uint8 RGB."""
    width, height = size
    image = np.empty((height, width, 3), np.uint8)
    image[..., 0] = np.linspace(60, 120, width, dtype=np.uint8)
    image[..., 1] = np.linspace(60, 120, height, dtype=np.uint8)[:, None]
    image[..., 2] = 90
    for bit in range(BITS):
        image[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 255 * (number >> bit & 1)
    return image


def number_in(image: np.ndarray) -> int:
    """The number that `numbered_frame` drew."""
    blocks = (image[4:12, bit * BLOCK + 4 : bit * BLOCK + 12] for bit in range(BITS))
    return sum(1 << bit for bit, block in enumerate(blocks) if block.mean() > 128)


def edge_number_in(image: np.ndarray) -> int:
    """The number in a frame of the shared edge files."""
    blocks = (image[20:30, 16 + 30 * bit : 28 + 30 * bit] for bit in range(10))
    return sum(1 << bit for bit, block in enumerate(blocks) if block.mean() > 128)


def ffmpeg(*arguments: str | Path) -> str:
    """Run the bundled ffmpeg and return what it printed; a failure fails the test."""
    run = run_ffmpeg(["-v", "error", "-y", *map(str, arguments)])
    assert run.status == 0, run.messages
    return run.output


def make_video(
    path: Path,
    images: Sequence[np.ndarray],
    rate: str = "24",
    encoder: Sequence[str] = ("-c:v", "libx264", "-preset", "ultrafast"),
    inputs: Sequence[str] = (),
) -> Path:
    """Encode images, with further inputs (sound, subtitles) beside them where given."""
    height, width = images[0].shape[:2]
    command = [
        ffmpeg_path(),
        "-v",
        "error",
        "-y",
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-s",
        f"{width}x{height}",
    ]
    command += ["-framerate", rate, "-i", "pipe:0", *inputs, *encoder, file_url(path)]
    subprocess.run(command, input=b"".join(image.tobytes() for image in images), check=True)
    return path


def numbered_video(path: Path, count: int = 12, rate: str = "24", encoder: Sequence[str] | None = None) -> Path:
    """A video of `count` numbered frames."""
    images = [numbered_frame(number) for number in range(count)]
    return make_video(path, images, rate, encoder or ("-c:v", "libx264", "-preset", "ultrafast"))


def sine(seconds: float, frequency: int = 440) -> list[str]:
    """Input arguments for a tone."""
    return ["-f", "lavfi", "-i", f"sine=frequency={frequency}:duration={seconds}"]


def stream_hashes(path: Path, specifier: str = "a") -> list[str]:
    """The MD5 of each stream's packets, as ffmpeg computes it without decoding."""
    output = ffmpeg(
        "-i", file_url(path), "-map", f"0:{specifier}", "-c", "copy", "-f", "streamhash", "-hash", "md5", "-"
    )
    return [line.split("=")[1] for line in output.split()]


def decoded_sound(path: Path, track: int = 0, rate: int = 8000) -> np.ndarray:
    """A track's samples in the film's own time, silence where there is none: (n,) float, -1..1."""
    command = [ffmpeg_path(), "-v", "error", "-i", file_url(path), "-map", f"0:a:{track}", "-ac", "1"]
    command += ["-af", "aresample=async=1:first_pts=0", "-ar", str(rate), "-f", "s16le", "-"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.int16) / 32768


def shown_numbers(info: VideoInfo) -> list[int]:
    """The numbers in a clip's frames, by whichever decoder reads it."""
    return [number_in(frame.image) for frame in read_frames(FrameSelection.whole(info))]
