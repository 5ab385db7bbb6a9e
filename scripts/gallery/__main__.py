"""Make the pictures of README and docs/gallery.md by the commands that the page shows, and write the page.

    python -m scripts.gallery [--films build/gallery] [--out docs] [--media ../shared/media] [--only painted.jpg ...]

What a command has made stays in the folder `--films` and is not made again, unless the command has changed: whoever is
interrupted starts it again. All is made from `samples/`, but for "Other footage": its pictures are made where `--media`
is there, and stay as they are where it is not. The page is the same.
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
    MEDIA,
    PAINTED,
    SAMPLES,
    STYLE_SEQUENCE,
    Chapter,
    outputs,
)
from scripts.gallery.drawing import Folders, draw, draw_figure_matte, draw_matte, paint_over, write_dissolve
from scripts.gallery.footage import FIGURE_MATTE, FOOTAGE
from scripts.gallery.page import page


def make(command: str, folders: Folders) -> None:
    """Run a command in the folder of films, unless it has made its file there before."""
    folder = folders.films
    output = next(outputs(command))
    record = folder / f"{output}.command"
    if record.exists() and record.read_text(encoding="utf-8") == command and (folder / output).exists():
        return
    program, *words = shlex.split(command)
    print(f"$ {command}", flush=True)
    arguments = [str(folders.find(word)) if word.startswith((SAMPLES, MEDIA)) else word for word in words]
    subprocess.run([sys.executable, "-m", program, *arguments, "--overwrite", "--config=none"], cwd=folder, check=True)
    record.write_text(command, encoding="utf-8")


def make_chapter(chapter: Chapter, folders: Folders, path: Path) -> None:
    """Make what a chapter's commands read and write, and its picture."""
    folder = folders.films
    words = " ".join(chapter.commands)
    if "roto.####.png" in words and not (folder / MATTE).exists():
        draw_matte(folder / MATTE)
    if FIGURE_MATTE in words and not (folder / FIGURE_MATTE).exists():
        draw_figure_matte(folder / FIGURE_MATTE)
    if "--painted" in words and not (folder / PAINTED).exists():
        paint_over(folder / "impasto.mp4", folder / PAINTED)
    if "--style-clip" in words:
        for number, style in enumerate(STYLE_SEQUENCE, 1):
            shutil.copy(ROOT / style, folder / f"paint.{number:04d}.jpg")
    if DISSOLVE in words and not (folder / DISSOLVE).exists():
        write_dissolve(folder / DISSOLVE)
    for command in chapter.commands:
        make(command, folders)
    draw(chapter, folders, path)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser("python -m scripts.gallery", description="Make the documents' pictures.")
    parser.add_argument("--films", type=Path, default=ROOT / "build" / "gallery", help="where films lie and stay")
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="where pictures and page go")
    parser.add_argument(
        "--media",
        type=Path,
        default=ROOT.parent / "shared" / "media",
        help="other footage, in its folders clips and paintings; without it the pictures of that stay as they are",
    )
    chapters = {chapter.file: chapter for chapter in (*CHAPTERS, DIALS, *FOOTAGE)}
    parser.add_argument(
        "--only", nargs="+", choices=chapters, metavar="PICTURE", help=f"these alone, of {', '.join(chapters)}"
    )
    options = parser.parse_args(arguments)
    files = options.only or list(chapters)
    kept = [] if options.media.is_dir() else [chapter.file for chapter in FOOTAGE if chapter.file in files]
    if kept and options.only:
        parser.error(f"{options.media} is not there: {', '.join(kept)} need it; say --media FOLDER")
    if kept:
        print(f"{options.media} is not there: {', '.join(kept)} stay as they are", flush=True)
    files = [file for file in files if file not in kept]
    folders = Folders(options.films, options.media.resolve())
    for folder in (options.films, options.out):
        folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        make_chapter(chapters[file], folders, options.out / file)
    (options.out / "gallery.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
