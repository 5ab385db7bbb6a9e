"""Set everything up and stylise the sample clip: `python3 scripts/demo.py [--folder DIR] [stylevideo run options]`."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from setup_venv import ROOT, prepare, run

CLIP = ROOT / "samples" / "lake.mp4"
STYLE = ROOT / "samples" / "styles" / "impasto.jpg"
LONG_EDGE_PX = 256


def main() -> int:
    """Returns: the exit status of `stylevideo run`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "demo", help="where the film goes (default: demo)")
    options, others = parser.parse_known_args()
    python = prepare()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    film, sheet, report = (folder / f"lake-impasto.{suffix}" for suffix in ("mp4", "png", "json"))
    print(
        f"[demo] Repainting {CLIP.name} in the style of {STYLE.name}, {LONG_EDGE_PX} pixels wide "
        "(a few minutes on two CPU cores)",
        flush=True,
    )
    began = time.monotonic()
    clip = [CLIP, "--style", STYLE, "-o", film, "-y", "--size", str(LONG_EDGE_PX), "--sheet", sheet, "--report", report]
    status: int = run(python, "-m", "stylevideo", "run", *clip, *others)
    if status == 0:
        print(f"[demo] Done in {time.monotonic() - began:.0f} s. The film, with its sound: {film}")
        print(f"[demo] Source above, result below: {sheet}")
    return status


if __name__ == "__main__":
    sys.exit(main())
