"""A job is opened once: a check writes nothing and refuses what a run refuses; nothing is found out twice."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import STYLE, check_job
from media_fixtures import numbered_video

import stylevideo
from scripts.structure import Tracer
from stylevideo.cli.main import main
from stylevideo.errors import InputError, StyleVideoError
from stylevideo.planning.request import ClipRequest
from stylevideo.render.estimate import estimate_clip
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style
from stylevideo.system.folders import check_folder, folders_to_be_made

PLAIN = Settings().with_values(iterations=0, device="cpu")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return numbered_video(tmp_path_factory.mktemp("clip") / "clip.mp4", 4)


@pytest.fixture
def made_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Every folder that is made in `tmp_path`, also those that are removed again."""
    made, real = list[str](), os.mkdir

    def mkdir(path: str | Path, *rest: int, **more: int) -> None:
        real(path, *rest, **more)
        if Path(path).is_relative_to(tmp_path):
            made.append(str(path))

    monkeypatch.setattr(os, "mkdir", mkdir)
    return made


@pytest.mark.parametrize("name", ["film.mp4", "new/film.mp4", "new/deeper/a.####.png", "new/../other/film.mov"])
def test_a_check_writes_nothing(clip: Path, tmp_path: Path, made_folders: list[str], name: str) -> None:
    output = tmp_path / name
    beside = PLAIN.with_values(sheet=str(output.parent / "sheet.png"), report=str(output.parent / "report.json"))
    assert estimate_clip(ClipRequest(clip, (Style(STYLE),), output, beside)).frames == 4
    assert not made_folders
    assert not list(tmp_path.iterdir())
    stylevideo.stylize(clip, [STYLE], output, beside)
    assert made_folders


def test_a_sheet_may_lie_in_the_folder_of_another_film(clip: Path, tmp_path: Path, made_folders: list[str]) -> None:
    request = ClipRequest(clip, (Style(STYLE),), tmp_path / "film.mp4", PLAIN.with_values(sheet=f"{tmp_path}/b/a.png"))
    with pytest.raises(InputError, match="does not exist"):
        estimate_clip(request)
    assert estimate_clip(request, folders_to_be_made([tmp_path / "b" / "other.mp4"])).frames == 4
    assert not made_folders


@pytest.mark.parametrize(
    "name", ["file/film.mp4", "file/deeper/film.mp4", "gone/film.mp4", f"new/{'n' * 300}/film.mp4", "loop/x/film.mp4"]
)
def test_a_check_refuses_the_folders_that_a_run_cannot_make(clip: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match="cannot be made") as checked:
        check_job(clip, tmp_path / name, PLAIN)
    with pytest.raises(InputError, match="cannot be made") as run:
        stylevideo.stylize(clip, [STYLE], tmp_path / name, PLAIN)
    assert str(checked.value) == str(run.value)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="who may write everywhere is refused nowhere")
def test_a_check_refuses_a_folder_in_one_that_is_read_only(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StyleVideoError, match=r"cannot be made \(Permission denied\)"):
        check_folder(tmp_path / "new" / "film.mp4")


COUNTED = ("choose_delivery", "read_source", "whole_hash", "content_hash")


@contextmanager
def traced() -> Iterator[Tracer]:
    tracer = Tracer()
    threading.setprofile(tracer)
    sys.setprofile(tracer)
    try:
        yield tracer
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


@pytest.mark.parametrize("output", ["film.mp4", "a.####.png"])
def test_what_a_film_needs_is_found_out_once(clip: Path, tmp_path: Path, output: str) -> None:
    with traced() as tracer:
        arguments = ["-o", str(tmp_path / output), "--style", str(STYLE), "--iterations=0", "--device=cpu", "-q"]
        assert main(["run", str(clip), *arguments]) == 0
    assert {name: tracer.calls[name] for name in COUNTED} == {
        "choose_delivery": 1,
        "read_source": 2,  # before the work and before the film gets its name
        "whole_hash": 0,  # the record has what the first look read
        "content_hash": 1,
    }
