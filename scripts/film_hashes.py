"""Print a hash of six small films, to compare them before and after a change that must not touch a pixel.

    python -m scripts.film_hashes

A film in h264, one of EXR plates, PNG files, a loop, two shots by two workers, and a film that was killed half-way and
resumed: each made by `stylevideo run` as a user would, on the CPU. The hashes are alike on one machine only.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from imageio_ffmpeg import get_ffmpeg_exe

from scripts import ROOT, STYLE

LAKE = str(ROOT / "samples" / "lake.mp4")
QUICK = (
    *("--style", str(STYLE), "--preset=draft", "--iterations=2"),
    *("--first-iterations=4", "--coarsest-size=0", "--stroke-size=0.5", "--device=cpu", "--threads=1"),
    *("--config=none", "--quiet"),
)
SCENES = ("testsrc2=s=96x64:r=12:d=0.5", "mandelbrot=s=96x64:r=12", "testsrc2=s=96x64:r=12:d=0.5")
TWO_SHOTS = "[0:v]trim=duration=0.5[a];[1:v]negate,trim=duration=0.5[b];[a][b]concat=n=2,format=yuv420p"


def command(*arguments: str) -> list[str]:
    """What makes a film of 96 pixels, if not told otherwise."""
    return [sys.executable, "-m", "stylevideo", "run", *arguments, *QUICK]


def make(*arguments: str) -> None:
    subprocess.run(command(*arguments), check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


def ffmpeg(*arguments: str) -> None:
    subprocess.run([get_ffmpeg_exe(), "-v", "error", *arguments], check=True)


def make_clips(folder: Path) -> None:
    """An EXR sequence of four frames, and a clip of two shots."""
    (folder / "plates").mkdir()
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=96x64:r=24", "-frames:v", "4", str(folder / "plates" / "plate.%04d.exr"))
    inputs = ("-f", "lavfi", "-i", SCENES[0], "-f", "lavfi", "-i", SCENES[1])
    ffmpeg(*inputs, "-filter_complex", TWO_SHOTS, "-c:v", "ffv1", "-fflags", "+bitexact", str(folder / "two.mkv"))


def make_resumed(film: Path) -> None:
    """Kill a run as soon as two frames are kept, and make it again."""
    arguments = (LAKE, "-o", str(film), "--size=96", "--frames=1-12")
    kept = film.parent / f".{film.name}.stylevideo" / "frames"
    running = subprocess.Popen(command(*arguments), cwd=ROOT, stdout=subprocess.DEVNULL)
    while running.poll() is None and len(list(kept.glob("*.json"))) < 2:
        time.sleep(0.01)
    if running.poll() is not None:
        raise SystemExit("The run that was to be killed was faster.")
    running.kill()
    running.wait()
    make(*arguments)


def hash_of(made: Path) -> str:
    """Of a file, or of all files of a folder in the order of their names."""
    files = sorted(made.iterdir()) if made.is_dir() else [made]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


def main() -> None:
    argparse.ArgumentParser("python -m scripts.film_hashes", description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_clips(folder)
        plate = ["--frames=1-4", "--size=96"]
        made = {label: folder / label / end for label, end in (
            ("h264", "film.mp4"), ("exr", ""), ("png", ""), ("loop", "film.mp4"), ("workers", "film.mp4"),
            ("resumed", "film.mp4"),
        )}  # fmt: skip
        make(LAKE, "-o", str(made["h264"]), *plate)
        make(str(folder / "plates"), "-o", str(made["exr"] / "####.exr"), "--no-provenance")
        make(LAKE, "-o", str(made["png"] / "####.png"), *plate, "--no-provenance")
        make(LAKE, "-o", str(made["loop"]), *plate, "--loop", "--loop-frames=2")
        make(str(folder / "two.mkv"), "-o", str(made["workers"]), "--workers=2", "--min-shot-frames=3")
        made["resumed"].parent.mkdir()
        make_resumed(made["resumed"])
        for label, path in made.items():
            print(f"{label:8} {hash_of(path)}")


if __name__ == "__main__":
    main()
