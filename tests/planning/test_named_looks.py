"""A look counts as if what it says stood where it is named."""

from __future__ import annotations

import re
from pathlib import Path

import platformdirs
import pytest
from conftest import ROOT

import stylevideo
from stylevideo.cli.main import main
from stylevideo.errors import Problems, StyleVideoError
from stylevideo.planning.jobfile import read_job_file
from stylevideo.planning.looks import find_looks, look
from stylevideo.planning.plan import plan_requests
from stylevideo.planning.request import ClipRequest, Overrides
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style

STYLES = ROOT / "samples" / "styles"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a clip; the user's own folder is empty."""
    monkeypatch.setattr(platformdirs, "user_config_path", lambda name, appauthor: tmp_path / "user")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clip.mp4").touch()
    return tmp_path


def write_look(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def planned(folder: Path, defaults: str, clip: str = "", given: Overrides = Overrides()) -> ClipRequest:  # noqa: B008
    job = folder / "job.toml"
    job.write_text(
        f'[defaults]\nout_dir = "films"\n{defaults}\n[[clip]]\nsource = "clip.mp4"\n{clip}\n', encoding="utf-8"
    )
    (request,) = plan_requests([str(job)], given)
    return request


def test_five_looks_come_along_with_the_samples() -> None:
    assert list(find_looks()) == ["dots", "oil", "print", "storm", "window"]
    for name in find_looks():
        found = look(name)
        assert found.description and found.settings != Settings()
        assert all(style.path.resolve().parent == STYLES for style in found.styles)
    storm = stylevideo.look("storm")
    assert (storm.settings.direction.strength, storm.settings.strokes.stroke_size) == (0.98, 1.2)
    assert [style.weight for style in storm.styles] == [1.0, 0.5]


def test_a_look_beside_the_job_file_comes_before_the_users_and_those_that_come_along(folder: Path) -> None:
    write_look(folder / "user" / "looks" / "oil.toml", 'styles = ["a.png"]\nstrength = 0.1')
    assert look("oil").styles == (Style(folder / "user" / "looks" / "a.png"),)
    write_look(folder / "looks" / "oil.toml", 'styles = ["b.png"]\nstrength = 0.2')
    request = planned(folder, 'look = "oil"')
    assert request.styles == (Style(folder / "looks" / "b.png"),)
    assert request.settings == Settings().with_values(strength=0.2)


def test_what_stands_beside_a_look_wins_and_so_does_a_higher_place(folder: Path) -> None:
    write_look(
        folder / "looks" / "mine.toml", 'styles = ["b.png"]\nstrength = 0.2\ntv_weight = 0.1\nkey.anchor = { 1 = 0.3 }'
    )
    look_of_defaults = planned(folder, 'look = "mine"\nstrength = 0.3', "tv_weight = 0.4")
    assert look_of_defaults.settings == Settings().with_values(strength=0.3, tv_weight=0.4, key={"anchor": {1: 0.3}})
    of_command_line = planned(folder, 'styles = ["c.png"]\nstrength = 0.3', "", Overrides({"anchor": 0.1}, look="mine"))
    assert of_command_line.settings == Settings().with_values(strength=0.2, tv_weight=0.1, anchor=0.1)
    assert of_command_line.styles == (Style(folder / "looks" / "b.png"),)


@pytest.mark.parametrize(
    ("looks", "message"),
    [
        ({}, "There is no look 'mine'. There are: dots, oil, print, storm, window"),
        ({"mime": ""}, "Did you mean mime"),
        ({"mine": 'look = "mine"'}, "in a circle: mine -> mine"),
        ({"mine": 'look = "a"', "a": 'look = "b"', "b": 'look = "a"'}, "in a circle: a -> b -> a"),
        ({"mine": "strenght = 1"}, "mine.toml: There is no setting 'strenght'. Did you mean strength"),
        ({"mine": "strength = 3\ntv_weight = -1"}, "2 things are wrong"),
        ({"mine": 'out_dir = "x"'}, "mine.toml: There is no setting 'out_dir'"),
        ({"mine": "look = 3"}, "look takes words"),
        ({"mine": "="}, "is not valid TOML"),
    ],
)
def test_looks_that_make_no_sense_are_refused(folder: Path, looks: dict[str, str], message: str) -> None:
    for name, text in looks.items():
        write_look(folder / "looks" / f"{name}.toml", text)
    with pytest.raises(StyleVideoError, match=message):
        planned(folder, 'look = "mine"')


def test_looks_are_listed_with_what_is_wrong_with_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_look(folder / "job" / "looks" / "mine.toml", 'description = "all mine"')
    write_look(folder / "job" / "looks" / "odd.toml", 'look = "odd"')
    assert main(["looks", "job/job.toml"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert "mine: all mine" in listed and any(line.startswith("odd: Looks begin with each other") for line in listed)
    assert main(["looks"]) == 0
    assert "oil: thick oil, broad strokes" in capsys.readouterr().out.splitlines()


def test_the_files_in_the_document_are_understood(folder: Path) -> None:
    page = (ROOT / "docs" / "direction.md").read_text(encoding="utf-8")
    *jobs, look_file, shots = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (folder / "job.toml").write_text(shots, encoding="utf-8")
    (folder / "styles").mkdir()
    (folder / "plates").mkdir()
    (folder / "plates" / "reel.mov").touch()
    (request,) = plan_requests([str(folder / "job.toml")], Overrides())
    assert [table.where for table in request.shot] == ["shot 2", "frame 01:00:12:00", "frames 1201-1450"]
    assert [dict(table.values) for table in request.shot[1:]] == [{"stroke_angle": "45"}, {"strength": 0.8}]
    given = []
    for job in jobs:
        (folder / "job.toml").write_text(job, encoding="utf-8")
        problems = Problems()
        file = read_job_file(folder / "job.toml", problems)
        problems.raise_all()
        given.append(file.clips[0].given if file.clips else file.defaults)
    keyed, painted, matted = given
    assert ["sh020.####.exr:mask.R" in Style.of(style).matte for style in matted.styles] == [True, True]
    assert [text.split()[0] for text in keyed.settings["key"]] == ["content_weight", "strength"]
    assert painted.settings["painted"][0] == f"1001={folder / 'paint' / 'frame1001.png'}"
    assert look_file == (ROOT / "samples" / "looks" / "storm.toml").read_text(encoding="utf-8")
