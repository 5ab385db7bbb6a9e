"""The gallery's pictures, its page and its commands belong together; what is made is not made again."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from conftest import LEAST, ROOT, flags_of
from PIL import Image

from scripts.gallery import __main__ as gallery
from scripts.gallery.chapters import (
    CHAPTERS,
    DIALS,
    DISSOLVE,
    DISSOLVE_FRAMES,
    MATTE,
    MOVING,
    PAINTED,
    SOURCE,
    Cell,
    Chapter,
    outputs,
    page,
    run,
)
from scripts.gallery.drawing import LARGEST_MOVING_BYTES, draw_matte, paint_over, write_dissolve
from stylevideo.cli.main import build_parser
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.shots import detect_shots
from stylevideo.media.images.pictures import read_picture, write_png
from stylevideo.timeline.selection import FrameSelection

DOCS = ROOT / "docs"
ALL = (*CHAPTERS, DIALS)
COMMANDS = [command for chapter in CHAPTERS for command in chapter.commands]


def test_the_page_is_what_the_list_says() -> None:
    """`python -m scripts.gallery` writes it."""
    assert (DOCS / "gallery.md").read_text(encoding="utf-8") == page()


def test_the_readme_begins_with_the_moving_picture_and_the_strip() -> None:
    first_screen, _, _ = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## ")
    shown = [f"![{chapter.alt}](docs/{chapter.file})" for chapter in (MOVING, DIALS)]
    assert re.findall(r"!\[.*\)", first_screen) == shown


def test_its_pictures_are_small_enough_for_a_page() -> None:
    sizes = {chapter.file: (DOCS / chapter.file).stat().st_size for chapter in ALL}
    assert sizes["moving.webp"] <= LARGEST_MOVING_BYTES
    assert sum(sizes.values()) < 6_000_000


def test_the_moving_picture_goes_on_for_ever() -> None:
    with Image.open(DOCS / "moving.webp") as moving:
        assert moving.info["loop"] == 0
        assert 24 <= getattr(moving, "n_frames", 1) <= 72
        assert 480 <= moving.width <= 680
        moving.seek(20)
        later = np.asarray(moving.convert("RGB"), np.float32)
        moving.seek(0)
        assert np.abs(later - np.asarray(moving.convert("RGB"), np.float32)).mean() > 1


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_one_that_stylevideo_takes(command: str) -> None:
    program, *words = shlex.split(command)
    assert program == "stylevideo"
    build_parser().parse_args(words)
    assert all((ROOT / word).exists() for word in words if word.startswith("samples/"))


def test_every_cell_shows_what_a_command_makes() -> None:
    made = {SOURCE, MATTE, PAINTED, DISSOLVE} | {file for command in COMMANDS for file in outputs(command)}
    shown = {cell.file for chapter in ALL for row in chapter.rows for cell in row}
    assert shown == made


def test_what_is_made_is_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Until its command changes; and the picture shows what the command has made."""
    few = " ".join(flags_of(LEAST))
    command = run(f"--style samples/styles/impasto.jpg {few}", "small.png", 1).replace("--size 320", "--size 64")
    chapter = Chapter("small.jpg", "", "", "", (command,), ((Cell("source", SOURCE), Cell("small", "small.png")),), 64)
    monkeypatch.setattr(gallery, "CHAPTERS", (chapter,))
    words = ["--films", str(tmp_path / "films"), "--out", str(tmp_path / "docs"), "--only", "small.jpg"]
    gallery.main(words)
    assert f"$ {command}" in capfd.readouterr().out
    picture = read_picture(tmp_path / "docs" / "small.jpg")
    assert 2 * 64 < picture.shape[1] < 2 * 64 + 30
    right = picture[-36:-8, -64:-8].astype(float)
    small = read_picture(tmp_path / "films" / "small.png")[-36 + 6 : -2, -58:-2].astype(float)
    assert np.abs(right - small).mean() < 12
    gallery.main(words)
    assert "$ " not in capfd.readouterr().out
    assert (tmp_path / "docs" / "gallery.md").exists()


def test_the_dissolve_is_one_that_is_found(tmp_path: Path) -> None:
    write_dissolve(tmp_path / DISSOLVE)
    clip = probe(tmp_path / DISSOLVE)
    before, after = detect_shots(FrameSelection.whole(clip))
    assert clip.frame_count == probe(ROOT / SOURCE).frame_count - DISSOLVE_FRAMES
    assert abs(before.dissolving - DISSOLVE_FRAMES) <= 2 and after.dissolving == 0


def test_what_is_drawn_by_hand_lies_on_the_balloon(tmp_path: Path) -> None:
    grey = np.full((180, 320, 3), 90, np.uint8)
    write_png(tmp_path / "grey.png", grey)
    draw_matte(tmp_path / "matte.png")
    paint_over(tmp_path / "grey.png", tmp_path / "painted.png", 1)
    matte = read_picture(tmp_path / "matte.png")[..., 0]
    touched = (read_picture(tmp_path / "painted.png") != grey).any(axis=2)
    face = touched.copy()
    face[:40] = False
    assert face.sum() > 300
    assert (matte[face] == 255).mean() > 0.98
    assert touched[:40].any(), "the birds are in the sky"
