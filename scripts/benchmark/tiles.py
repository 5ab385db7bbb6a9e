"""What tiles take of memory and time, and whether the picture is the same: each picture by a process of its own.

Knows the program's command line alone.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from scripts.benchmark.report import Bar, number, table

PEBBLES_PX = 8
"""Across, of the noise that stands for a picture."""
MOST_APART = 2
"""In 1/255: the largest difference of a pixel from the picture that was painted as one."""
ONE_FRAME = """
import resource, sys
from stylevideo.cli.main import main
code = main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
sys.exit(code)
"""


@dataclass(frozen=True, eq=False)
class Painted:
    """A frame: `picture` (H, W, 3), 16 bits; the process's peak resident memory, GiB; its seconds."""

    picture: np.ndarray
    peak_gib: float
    seconds: float


def check_tiles(
    size: tuple[int, int], tiles: Sequence[str], style: Path, values: Mapping[str, Any], most_gib: float
) -> Iterator[str]:
    """A table in Markdown of a shot's first frame with each kind of tiles, then what is asked of them.

    Args:
        size: height and width.
        tiles: as `--tile` takes them; the first is what the others' pictures are compared with.
        style: a picture.
        values: of settings, by name.
        most_gib: peak memory that is allowed; 0 for any.
    """
    rows, bars, first = [], [], None
    with tempfile.TemporaryDirectory() as name:
        frame = Path(name) / "frame.png"
        generator = np.random.default_rng(0)
        small = generator.integers(0, 256, (size[0] // PEBBLES_PX, size[1] // PEBBLES_PX, 3), np.uint8)
        cv2.imwrite(str(frame), cv2.resize(small, size[::-1], interpolation=cv2.INTER_CUBIC))
        for tile in tiles:
            painted = _paint(frame, style, {**values, "tile": tile}, frame.with_name(f"{tile}.png"))
            first = painted if first is None else first
            apart = np.abs(painted.picture.astype(float) - first.picture).max() / 257
            rows.append([tile, number(painted.peak_gib), number(painted.seconds), number(apart)])
            about = f"{size[1]}x{size[0]}, tiles of {tile}"
            if painted is not first:
                bars.append(Bar(f"{about}: largest difference from {tiles[0]}, 1/255", apart, most=MOST_APART))
            if most_gib:
                bars.append(Bar(f"{about}: peak memory, GiB", painted.peak_gib, most=most_gib))
    yield table([f"{size[1]}x{size[0]}", "peak memory, GiB", "seconds", f"1/255 from {tiles[0]}"], rows)
    yield from map(str, bars)


def _paint(frame: Path, style: Path, values: Mapping[str, Any], output: Path) -> Painted:
    """One frame by the program, with one thread. POSIX only."""
    words = {name: ",".join(value) if isinstance(value, tuple) else value for name, value in values.items()}
    flags = [f"--{name.replace('_', '-')}={word}" for name, word in words.items()]
    arguments = ["run", str(frame), "--style", str(style), "-o", str(output), "--delivery=png16", "--depth=16"]
    fixed = ["--threads=1", "--config=none", "--quiet", "--no-provenance"]
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", ONE_FRAME, *arguments, *flags, *fixed], stdout=subprocess.PIPE, text=True, check=True
    )
    seconds = time.perf_counter() - began
    picture = cv2.imread(str(output), cv2.IMREAD_UNCHANGED)
    assert picture is not None, "it was written"
    unit = 1 << 30 if sys.platform == "darwin" else 1 << 20
    return Painted(picture, int(done.stdout.split()[-1]) / unit, seconds)
