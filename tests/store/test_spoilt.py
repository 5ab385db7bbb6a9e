"""Unfinished work that was spoilt is refused in a sentence, whatever was done to whichever of its files."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import STYLE

import stylevideo
from stylevideo.cli.main import main
from stylevideo.errors import ResumeError, Stopped
from stylevideo.media.hidden import Places
from stylevideo.planning.request import ClipRequest
from stylevideo.render.estimate import estimate_clip
from stylevideo.reports.events import Event, FrameFinished
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style

PLAIN = Settings().with_values(iterations=0, sheet="")
FILES = (
    *("job.json", "shots.json", "frames/00000001.json", "frames/00000001.png"),
    *("frames/00000012.json", "shots/00000.complete", "shots/00001.pt"),
)
SPARSE_BYTES = 1 << 28


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) * 2 // 3] ^= 4
    file.write_bytes(data)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a bit": _flip,
    "cut": lambda file: os.truncate(file, file.stat().st_size // 2),
    "empty": lambda file: os.truncate(file, 0),
    "a value": lambda file: file.write_text("[1, NaN]"),
    "too deep": lambda file: file.write_text("[" * 100_000),
    "a folder": _folder,
    "a pipe": _pipe,
    "gone": Path.unlink,
    "a bomb": lambda file: file.write_bytes(
        b'{"seal": "' + b"0" * 64 + b'",\n"value": [' + b"[]," * (4 << 20) + b"[]]}"
    ),
    "sparse": lambda file: os.truncate(file, SPARSE_BYTES),
}


@pytest.fixture(scope="module")
def begun(two_shot_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A clip, and the folder of an unfinished film of it: one shot is complete, the other begun."""
    made: list[Event] = []
    out = tmp_path_factory.mktemp("begun")
    with pytest.raises(Stopped):
        stylevideo.stylize(
            two_shot_clip,
            [STYLE],
            out / "film.mp4",
            PLAIN,
            made.append,
            lambda: sum(isinstance(event, FrameFinished) for event in made) >= 12,
        )
    return two_shot_clip, out


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *((name, "a bit") for name in FILES if not name.endswith(".pt")),  # see `tests/render/test_jobs.py`
        *zip(FILES[1:], list(DAMAGE)[1:7], strict=True),
        *((name, "sparse") for name in FILES),
        *((name, "gone") for name in FILES if name.startswith("frames")),
        ("job.json", "too deep"),
        ("job.json", "a bomb"),
        ("shots.json", "a bomb"),
        ("shots/00000.json", "a value"),
    ],
)
def test_spoilt_files_are_refused_before_there_is_more_of_the_film(
    begun: tuple[Path, Path], tmp_path: Path, name: str, damage: str
) -> None:
    if damage == "a pipe" and sys.platform == "win32":
        pytest.skip("no pipes there")
    clip, film = begun[0], tmp_path / "out" / "film.mp4"
    shutil.copytree(begun[1], tmp_path / "out")
    DAMAGE[damage](Places.of(film).work / name)
    before = _sizes(film.parent)
    tracemalloc.start()
    try:
        with pytest.raises(stylevideo.StyleVideoError) as refusal:
            stylevideo.stylize(clip, [STYLE], film, PLAIN)
        assert tracemalloc.get_traced_memory()[1] < SPARSE_BYTES / 2
    finally:
        tracemalloc.stop()
    assert Path(name).name in str(refusal.value)
    assert "--restart" in str(refusal.value) or "Move it away" in str(refusal.value)
    assert _sizes(film.parent) == before


def _sizes(folder: Path) -> dict[Path, int]:
    return {path: path.lstat().st_size for path in folder.rglob("*") if path.is_file()}


def test_that_what_is_kept_is_read_is_logged_before(
    begun: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It takes minutes for tens of gigabytes, in which nothing else is told."""
    film = tmp_path / "out" / "film.mp4"
    shutil.copytree(begun[1], tmp_path / "out")
    _flip(Places.of(film).work / "frames" / "00000001.png")
    with caplog.at_level(logging.INFO), pytest.raises(ResumeError):
        stylevideo.stylize(begun[0], [STYLE], film, PLAIN)
    assert any(line.startswith(f"Reading what is kept in {Places.of(film).work}: ") for line in caplog.messages)


@pytest.mark.parametrize(
    ("name", "damage"),
    [("frames/00000003.json", "a bit"), ("frames/00000003.png", "cut"), ("shots/00001.pt", "sparse")],
)
def test_what_is_spoilt_is_foreseen(begun: tuple[Path, Path], tmp_path: Path, name: str, damage: str) -> None:
    film = tmp_path / "out" / "film.mp4"
    shutil.copytree(begun[1], tmp_path / "out")
    DAMAGE[damage](Places.of(film).work / name)
    with pytest.raises(ResumeError, match=rf"{Path(name).name} is damaged"):
        estimate_clip(ClipRequest(begun[0], (Style(STYLE),), film, PLAIN))


def test_a_spoilt_record_ends_with_2_and_restart_helps(
    begun: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip, film = begun[0], tmp_path / "out" / "film.mp4"
    shutil.copytree(begun[1], tmp_path / "out")
    (Places.of(film).work / "job.json").write_text('{"form_of_unfinished_work": 2}')  # as it was in earlier versions
    command = ["run", str(clip), "--style", str(STYLE), "-o", str(film), "--iterations", "0", "-q"]
    assert main(command) == 2
    assert "not what this version of the program left there. Add --restart to begin" in capsys.readouterr().err
    assert main([*command, "--restart"]) == 0
