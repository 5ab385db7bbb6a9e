"""The examples do what they say, with few iterations."""

from __future__ import annotations

import runpy
import shutil
import sys
from pathlib import Path

import pytest
from conftest import LIGHT, ROOT, STYLE

import stylevideo
from stylevideo.media.decode.probe import probe
from stylevideo.media.images.pictures import read_picture


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch, two_shot_clip: Path, tmp_path: Path) -> Path:
    """A folder with a clip and something that is none; what examples paint is small."""
    quick = stylevideo.preset("draft").with_values(**LIGHT, frames="9-12")

    class Small(stylevideo.Settings):
        """Keeps its size, whatever an example asks for."""

        def with_values(self, **values: object) -> stylevideo.Settings:
            return quick.with_values(**{**values, "size": 64})

    monkeypatch.setattr(stylevideo, "preset", lambda name: Small(), raising=False)
    (tmp_path / "clips").mkdir()
    shutil.copy(two_shot_clip, tmp_path / "clips" / "clip.mp4")
    return tmp_path


def run(name: str, *arguments: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start an example as the command line does."""
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    runpy.run_path(str(ROOT / "examples" / name), run_name="__main__")


def test_one_clip(example: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    film = example / "film.mp4"
    run("one_clip.py", example / "clips" / "clip.mp4", STYLE, film, monkeypatch=monkeypatch)
    assert probe(film).frame_count == 4
    told = capsys.readouterr().out
    assert "4 frames of 64x" in told and "frame 12: " in told and "mean loss" in told
    with pytest.raises(SystemExit, match=r"nothing\.mp4: there is no such file"):
        run("one_clip.py", example / "nothing.mp4", STYLE, film, monkeypatch=monkeypatch)


def test_frames(example: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run("frames.py", example / "clips" / "clip.mp4", STYLE, example / "mean.png", monkeypatch=monkeypatch)
    picture = read_picture(example / "mean.png")
    assert picture.shape[1] == 64 and 20 < picture.mean() < 235
    assert capsys.readouterr().out.count("style loss") == 4


def test_a_batch(example: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (example / "clips" / "text.mp4").write_text("no clip")
    with pytest.raises(SystemExit) as ended:
        run("batch.py", example / "clips", STYLE, example / "films", monkeypatch=monkeypatch)
    assert ended.value.code == 1
    told = capsys.readouterr().out
    assert "1 to paint, 0 up to date" in told and "clip.mp4: made" in told and "text.mp4: failed" in told
    assert probe(example / "films" / "clip.mp4").frame_count == 4


def test_every_example_is_tested() -> None:
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == {"one_clip.py", "frames.py", "batch.py"}
