"""Make everything in samples/: the clip with its sound, and the pictures whose styles can be borrowed.

    python -m scripts.samples [--out samples] [--only clip|styles|vectors]

The clip's motion vectors, 72 EXR files, are made where they are asked for only, into the folder `vectors`.
All of it is computed from fixed seeds: the same command makes the same files.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import imageio_ffmpeg

from scripts import ROOT
from scripts.samples.paintings import PAINTINGS, paint
from scripts.samples.scenes import SHOT_FRAMES, SHOTS, render_shot
from scripts.samples.score import compose, save_wave
from scripts.samples.vectors import make_vectors

FRAME_RATE = 24
CLIP_WIDTH, CLIP_HEIGHT = 640, 360
CLIP_QUALITY = 20
LARGEST_PICTURE = 390_000


def make_clip(path: Path) -> None:
    """Render the shots one after the other into a film with sound."""
    seconds = sum(SHOT_FRAMES.values()) / FRAME_RATE
    cut = SHOT_FRAMES[SHOTS[0]] / FRAME_RATE
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "score.wav"
        save_wave(sound, compose(seconds, cut))
        encoder = subprocess.Popen(encoding_command(sound, path), stdin=subprocess.PIPE)
        assert encoder.stdin is not None
        for name in SHOTS:
            for frame in render_shot(name, width=CLIP_WIDTH, height=CLIP_HEIGHT):
                encoder.stdin.write(frame.image.tobytes())
        encoder.stdin.close()
        if encoder.wait() != 0:
            raise RuntimeError(f"ffmpeg could not write {path}")


def encoding_command(sound: Path, path: Path) -> list[str]:
    """The ffmpeg command that turns raw RGB frames on its standard input and a wave file into the clip."""
    colours = "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
    return [
        *(imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error"),
        *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{CLIP_WIDTH}x{CLIP_HEIGHT}", "-r", str(FRAME_RATE)),
        *("-i", "pipe:0", "-i", str(sound), "-map", "0:v", "-map", "1:a"),
        *("-vf", f"scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd,format=yuv420p,{colours}"),
        *("-c:v", "libx264", "-preset", "slow", "-crf", str(CLIP_QUALITY)),
        # One thread and no encoder's name or date in the file, so that it comes out the same every time.
        *("-threads", "1", "-map_metadata", "-1", "-fflags", "+bitexact"),
        *("-flags:v", "+bitexact", "-flags:a", "+bitexact"),
        *("-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart", str(path)),
    ]


def make_styles(folder: Path) -> None:
    """Paint every picture into a JPEG file of its name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PAINTINGS:
        started = time.monotonic()
        size = save_picture(folder / f"{name}.jpg", paint(name))
        print(f"{name}: {size / 1000:.0f} kB, {time.monotonic() - started:.0f} s")


def save_picture(path: Path, image: cv2.typing.MatLike) -> int:
    """Write an RGB picture at the best JPEG quality that keeps it small; return the file's size in bytes."""
    for quality in range(95, 40, -3):
        _, encoded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        if encoded.nbytes <= LARGEST_PICTURE:
            break
    path.write_bytes(encoded.tobytes())
    return encoded.nbytes


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        "python -m scripts.samples", description="Make the sample clip and the sample style pictures."
    )
    parser.add_argument("--out", type=Path, default=ROOT / "samples")
    parser.add_argument("--only", choices=("clip", "styles", "vectors"))
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    if options.only == "vectors":
        make_vectors(options.out / "vectors", CLIP_WIDTH, CLIP_HEIGHT)
        return
    if options.only != "styles":
        make_clip(options.out / "lake.mp4")
    if options.only != "clip":
        make_styles(options.out / "styles")


if __name__ == "__main__":
    main()
