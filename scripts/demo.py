"""Set everything up and stylise the sample clip: `python3 scripts/demo.py [stylevideo run options]`."""

from __future__ import annotations

import sys
import time

from setup_venv import ROOT, prepare, run

CLIP = ROOT / "samples" / "lake.mp4"
STYLE = ROOT / "samples" / "styles" / "impasto.jpg"
FOLDER = ROOT / "demo"
LONG_EDGE_PX = 320


def main() -> int:
    """Returns: the exit status of stylevideo."""
    python = prepare()
    FOLDER.mkdir(exist_ok=True)
    film, sheet, report = FOLDER / "lake-impasto.mp4", FOLDER / "lake-impasto.png", FOLDER / "lake-impasto.json"
    print(
        f"[demo] Repainting {CLIP.name} in the style of {STYLE.name}, {LONG_EDGE_PX} pixels wide "
        "(a few minutes on two CPU cores)",
        flush=True,
    )
    began = time.monotonic()
    status = run(
        python,
        "-m",
        "stylevideo",
        "run",
        CLIP,
        "--style",
        STYLE,
        "--size",
        str(LONG_EDGE_PX),
        "-y",
        "--sheet",
        sheet,
        "--report",
        report,
        "-o",
        film,
        *sys.argv[1:],
    )
    if status == 0:
        print(f"[demo] Done in {time.monotonic() - began:.0f} s. The film, with its sound: {film}")
        print(f"[demo] Source above, result below: {sheet}")
    return status


if __name__ == "__main__":
    sys.exit(main())
