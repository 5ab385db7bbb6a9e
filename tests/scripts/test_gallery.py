"""The gallery's pictures, its page and its commands belong together; what is made is not made again."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import LEAST, ROOT, flags_of
from media_fixtures import shared
from PIL import Image

from scripts.gallery import __main__ as gallery
from scripts.gallery.chapters import (
    CHAPTERS,
    DIALS,
    DISSOLVE,
    DISSOLVE_FRAMES,
    MATTE,
    MEDIA,
    MOVING,
    PAINTED,
    SAMPLES,
    SOURCE,
    Cell,
    Chapter,
    outputs,
    run,
)
from scripts.gallery.drawing import (
    LARGEST_MOVING_BYTES,
    Folders,
    draw_figure_matte,
    draw_matte,
    frame_of,
    paint_over,
    write_dissolve,
)
from scripts.gallery.footage import BUNNY, CREDIT, FIGURE_MATTE, FOOTAGE, STRETCHING_FRAME
from scripts.gallery.page import page
from stylevideo.cli.main import build_parser, main
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.shots import detect_shots
from stylevideo.media.images.pictures import read_picture, write_png
from stylevideo.timeline.selection import FrameSelection

DOCS = ROOT / "docs"
ALL = (*CHAPTERS, DIALS, *FOOTAGE)
COMMANDS = [command for chapter in (*CHAPTERS, *FOOTAGE) for command in chapter.commands]
OF_FOOTAGE = [command for chapter in FOOTAGE for command in chapter.commands]


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
    assert sum(sizes[chapter.file] for chapter in FOOTAGE) < 600_000


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
    made = [MATTE, PAINTED, DISSOLVE, FIGURE_MATTE]
    made += [file for command in dict.fromkeys(COMMANDS) for file in outputs(command)]
    assert len(made) == len(set(made)), "a later file would take the place of an earlier one"
    shown = {cell.file for chapter in ALL for row in chapter.rows for cell in row}
    assert shown == {SOURCE, *made}, "no frame of other footage is shown as it is: it is no part of the project"


def test_every_picture_of_the_rabbit_says_whose_it_is() -> None:
    """Its licence asks for that, wherever a page shows one."""
    sections = re.split(r"^#+ ", page(), flags=re.MULTILINE)
    of_it = [section for section in sections if BUNNY in section and "![" in section]
    assert len(of_it) == sum(BUNNY in " ".join(chapter.commands) for chapter in FOOTAGE) > 0
    for section in of_it:
        assert CREDIT in section
    assert "© Blender Foundation" in CREDIT and "creativecommons.org/licenses/by/3.0/" in CREDIT
    light = re.findall(r"\(light\.jpg\)\n\n(.*)", (DOCS / "algorithm.md").read_text(encoding="utf-8"))
    assert light and "© Blender Foundation" in light[0] and "CC BY 3.0" in light[0]


@pytest.mark.parametrize("command", OF_FOOTAGE)
def test_every_command_of_other_footage_runs(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Small, with few iterations, and of the first frames alone; those that it asks for are there."""
    folders = Folders(tmp_path, shared("clips").parent)
    draw_figure_matte(folders.find(FIGURE_MATTE))
    asked, first_frames = command.rpartition(" ")[2], "1-4x3" if "x" in command.rpartition(" ")[2] else "1"
    command = command.replace("--size 320", "--size 64").removesuffix(asked) + first_frames
    _, verb, *words = command.split()
    words = [str(folders.find(word)) if word.startswith((SAMPLES, MEDIA)) else word for word in words]
    monkeypatch.chdir(tmp_path)
    assert main([verb, words[0], *flags_of(LEAST), *words[1:], "--config=none"]) == 0, capfd.readouterr().err
    assert all((tmp_path / file).stat().st_size for file in outputs(command))
    assert max(map(int, re.findall(r"\d+", asked))) <= probe(Path(words[0])).frame_count


def test_without_other_footage_its_pictures_stay_and_the_page_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    still = Chapter("still.jpg", "", "", "", (), ((Cell("source", SOURCE),),), 64)
    monkeypatch.setattr(gallery, "CHAPTERS", ())
    monkeypatch.setattr(gallery, "DIALS", still)
    picture = tmp_path / "docs" / FOOTAGE[0].file
    picture.parent.mkdir()
    picture.write_bytes(b"as it was")
    words = ["--films", str(tmp_path / "films"), "--out", str(tmp_path / "docs"), "--media", str(tmp_path / "none")]
    gallery.main(words)
    assert f"{picture.name}" in capsys.readouterr().out
    assert picture.read_bytes() == b"as it was"
    assert (tmp_path / "docs" / "still.jpg").exists()
    assert (tmp_path / "docs" / "gallery.md").read_text(encoding="utf-8") == page()
    with pytest.raises(SystemExit):
        gallery.main([*words, "--only", picture.name])
    assert f"{picture.name} need it" in capsys.readouterr().err


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


def test_the_matte_of_the_rabbit_lies_on_it(tmp_path: Path) -> None:
    """It is grey, and what is around it is not."""
    source = frame_of(Folders(tmp_path, shared("clips").parent).find(BUNNY), STRETCHING_FRAME)
    draw_figure_matte(tmp_path / FIGURE_MATTE)
    matte = read_picture(tmp_path / FIGURE_MATTE)[..., 0]
    small = cv2.resize(source, matte.shape[::-1], interpolation=cv2.INTER_AREA)
    saturation = cv2.cvtColor(small, cv2.COLOR_RGB2HSV)[..., 1]
    assert (saturation[matte > 200] < 90).mean() > 0.98
    assert (saturation[matte < 50] < 90).mean() < 0.4
    assert 0.1 < (matte > 200).mean() < 0.2
