"""Make the pictures of README and docs/gallery.md by the commands that the page shows, and write the page.

    python -m scripts.gallery [--films build/gallery] [--out docs] [--only painted.jpg ...]

What a command has made stays in the folder `--films` and is not made again, unless the command has changed: whoever is
interrupted starts it again. All is made from `samples/`.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts import ROOT
from scripts.gallery.chapters import (
    CHAPTERS,
    DIALS,
    DISSOLVE,
    MATTE,
    PAINTED,
    STYLE_SEQUENCE,
    Chapter,
    outputs,
    page,
)
from scripts.gallery.drawing import draw, draw_matte, paint_over, write_dissolve


def make(command: str, folder: Path) -> None:
    """Run a command in the folder, unless it has made its file there before."""
    output = next(outputs(command))
    record = folder / f"{output}.command"
    if record.exists() and record.read_text(encoding="utf-8") == command and (folder / output).exists():
        return
    program, *words = shlex.split(command)
    print(f"$ {command}", flush=True)
    arguments = [str(ROOT / word) if word.startswith("samples/") else word for word in words]
    subprocess.run([sys.executable, "-m", program, *arguments, "--overwrite", "--config=none"], cwd=folder, check=True)
    record.write_text(command, encoding="utf-8")


def make_chapter(chapter: Chapter, folder: Path, path: Path) -> None:
    """Make what a chapter's commands read and write, and its picture."""
    words = " ".join(chapter.commands)
    if "roto.####.png" in words and not (folder / MATTE).exists():
        draw_matte(folder / MATTE)
    if "--painted" in words and not (folder / PAINTED).exists():
        paint_over(folder / "impasto.mp4", folder / PAINTED)
    if "--style-clip" in words:
        for number, style in enumerate(STYLE_SEQUENCE, 1):
            shutil.copy(ROOT / style, folder / f"paint.{number:04d}.jpg")
    if DISSOLVE in words and not (folder / DISSOLVE).exists():
        write_dissolve(folder / DISSOLVE)
    for command in chapter.commands:
        make(command, folder)
    draw(chapter, folder, path)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser("python -m scripts.gallery", description="Make the documents' pictures.")
    parser.add_argument("--films", type=Path, default=ROOT / "build" / "gallery", help="where films lie and stay")
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="where pictures and page go")
    chapters = {chapter.file: chapter for chapter in (*CHAPTERS, DIALS)}
    parser.add_argument(
        "--only",
        nargs="+",
        choices=chapters,
        default=list(chapters),
        metavar="PICTURE",
        help=f"these alone, of {', '.join(chapters)}",
    )
    options = parser.parse_args(arguments)
    for folder in (options.films, options.out):
        folder.mkdir(parents=True, exist_ok=True)
    for file in options.only:
        make_chapter(chapters[file], options.films, options.out / file)
    (options.out / "gallery.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
