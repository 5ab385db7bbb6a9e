"""Films by a renderer's vectors: gone on from as ever, refused where the vectors are others, told what they lack."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import LIGHT, STYLE, flags_of
from vector_fixtures import save_shift

import stylevideo
from stylevideo.cli.main import main
from stylevideo.errors import ResumeError, Stopped
from stylevideo.media.hidden import Places
from stylevideo.reports.events import Event, FrameFinished
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style
from stylevideo.store.manifest import read_asked

HEIGHT, WIDTH, STEP = 48, 64, 6
SETTINGS = Settings().with_values(**LIGHT, detect_cuts=False, vectors_format="nuke", device="cpu")


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    """A camera that travels over coarse noise, faster than its grain is wide, with vectors beside the pictures."""
    wide = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH + 60, 3), np.uint8)
    for number in range(1, 8):
        left = STEP * number
        cv2.imwrite(str(tmp_path / f"a.{number:04d}.png"), wide[:, left : left + WIDTH])
        save_shift(tmp_path / f"v.{number:04d}.exr", (HEIGHT, WIDTH), STEP, 0)
    return tmp_path


def make(folder: Path, name: str, stop_after: int = 1000, **values: object) -> list[bytes]:
    """A film of pictures; what its files hold."""
    saved: list[Event] = []
    stylevideo.stylize(
        folder / "a.####.png",
        [STYLE],
        folder / name / "b.####.png",
        SETTINGS.with_values(vectors=str(folder / "v.####.exr"), overwrite=True, **values),
        lambda event: saved.append(event) if isinstance(event, FrameFinished) else None,
        lambda: len(saved) >= stop_after,
    )
    return [path.read_bytes() for path in sorted((folder / name).glob("*.png"))]


def test_a_stopped_film_goes_on_byte_for_byte(shot: Path) -> None:
    """Of every second frame, along the vectors of all."""
    whole = make(shot, "whole", frames="1-7x2")
    with pytest.raises(Stopped):
        make(shot, "parts", stop_after=2, frames="1-7x2")
    assert make(shot, "parts", frames="1-7x2") == whole
    pictures = [cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).astype(float) for data in whole[:2]]
    carried = np.abs(pictures[1][8:-8, 8 : -8 - 2 * STEP] - pictures[0][8:-8, 8 + 2 * STEP : -8]).mean()
    left = np.abs(pictures[1] - pictures[0]).mean()
    assert carried < 0.4 * left, "strokes go where no flow could find them"


def test_other_vectors_are_refused_by_name_and_another_film(shot: Path) -> None:
    def key() -> str:
        settings = SETTINGS.with_values(vectors=str(shot / "v.####.exr"))
        return read_asked(shot / "a.####.png", [Style(STYLE)], settings).key

    before = key()
    with pytest.raises(Stopped):
        make(shot, "film", stop_after=1)
    save_shift(shot / "v.0007.exr", (HEIGHT, WIDTH), STEP + 1, 0)
    assert key() != before
    with pytest.raises(ResumeError, match="vectors was"):
        make(shot, "film")
    with pytest.raises(ResumeError, match=r"vectors was '.*' and is ''"):
        stylevideo.stylize(shot / "a.####.png", [STYLE], shot / "film" / "b.####.png", SETTINGS)


def test_what_vectors_lack_is_said(shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shot / "v.0003.exr").unlink()
    save_shift(shot / "v.0002.exr", (HEIGHT, WIDTH), float("nan"), 0)  # it leads out of the film
    save_shift(shot / "v.0004.exr", (HEIGHT, WIDTH), float("nan"), 0)
    save_shift(shot / "v.0005.exr", (2 * HEIGHT, 2 * WIDTH), 2 * STEP, 0)
    said = run(shot, capsys, "--vectors", str(shot / "v.####.exr"), "--frames", "3-5")
    assert said[0] == 2
    assert "v.0004.exr has no vector that is a number. Render it again." in said[1]
    (shot / "v.0004.exr").unlink()
    code, text = run(shot, capsys, "--vectors", str(shot / "v.####.exr"), "--frames", "2-5")
    assert code == 0
    assert "2 frames had no vectors; the motion found in the pictures took their place: 3, 4." in text
    assert "128x96 pixels; they were scaled" in text
    assert "taken as hidden" not in text
    save_shift(shot / "v.0003.exr", (HEIGHT, WIDTH), STEP, 0)
    save_shift(shot / "v.0004.exr", (HEIGHT, WIDTH), float("nan"), 0)
    assert "taken as hidden" in run(shot, capsys, "--vectors", str(shot / "v.####.exr"), "--frames", "2-4")[1]


def test_vectors_that_were_read_wrongly_are_told_in_the_end_too(shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Once, and in the report."""
    report = shot / "report.json"
    flags = ("--vectors", str(shot / "v.####.exr"), "--vectors-scale", "-1", "--frames", "1-4", "--report", str(report))
    assert run(shot, capsys, *flags)[0] == 0
    (film,) = json.loads(report.read_text())["clips"]
    doubts = [said for said in film["warnings"] if "The motion vectors fit the pictures better turned round" in said]
    assert len(doubts) == 1


def run(folder: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> tuple[int, str]:
    arguments = ["run", str(folder / "a.####.png"), "--style", str(STYLE), "-o", str(folder / "film.mp4")]
    code = main([*arguments, *flags_of(LIGHT), "--vectors-format", "nuke", "--no-detect-cuts", "-y", *flags])
    printed = capsys.readouterr()
    return code, printed.out + printed.err


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--vectors", "missing.####.exr"], "no file is named like missing.0001.exr"),
        (["--vectors", "a.####.png"], "motion vectors are read from EXR files"),
        (["--vectors", "v.0001.exr"], "v.0001.exr is one file. Name the vectors of all frames"),
        (["--vectors", "v.####.exr", "--vectors-format", "blender"], "as --vectors-format blender names them"),
        (["--vectors", "v.####.exr", "--vectors-format", "maya"], "Choose from: plain, blender"),
        (["--motion", "raft"], "--motion raft needs --raft-weights FILE: nothing is downloaded"),
        (["--motion", "raft", "--raft-weights", "v.0001.exr"], "v.0001.exr is not a PyTorch weights file"),
    ],
)
def test_what_cannot_be_read_is_refused_before_work(
    shot: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, flags: list[str], says: str
) -> None:
    monkeypatch.chdir(shot)
    code, text = run(shot, capsys, *flags)
    assert (code, says in text) == (2, True), text
    assert not Places.of(shot / "film.mp4").work.exists()


def test_no_film_takes_the_place_of_its_vectors(shot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vectors = str(shot / "v.####.exr")
    code, text = run(shot, capsys, "--vectors", vectors, "-o", vectors)
    assert (code, "vectors" in text) == (2, True), text
