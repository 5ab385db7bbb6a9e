"""Mattes are named alike on the command line, in job files and in Python."""

from __future__ import annotations

from pathlib import Path

import pytest

from stylevideo.cli.main import build_parser, main
from stylevideo.cli.parser import given_styles
from stylevideo.errors import SettingsError
from stylevideo.planning.plan import plan_requests
from stylevideo.planning.request import Overrides
from stylevideo.settings.style import MatteName, Style


@pytest.mark.parametrize(
    ("text", "path", "channel", "inverted"),
    [
        ("roto.####.png", "roto.####.png", "", False),
        ("roto.####.png:inverted", "roto.####.png", "", True),
        ("a/b.exr:mask.R", "a/b.exr", "mask.R", False),
        ("b.exr:mask.R:inverted", "b.exr", "mask.R", True),
        ("b.tif:inverted:alpha", "b.tif", "alpha", True),
        ("C:\\mattes\\roto.####.png", "C:\\mattes\\roto.####.png", "", False),
        ("C:/mattes/roto.####.png:inverted", "C:/mattes/roto.####.png", "", True),
        ("C:roto.png", "C:roto.png", "", False),
    ],
)
def test_what_stands_behind_a_matte_is_read(text: str, path: str, channel: str, inverted: bool) -> None:
    name = MatteName.parse(text)
    assert name == MatteName(Path(path), channel, inverted)
    assert MatteName.parse(str(name)) == name


def test_a_file_of_the_whole_name_wins(tmp_path: Path) -> None:
    (tmp_path / "odd:inverted").touch()
    assert MatteName.parse(f"{tmp_path / 'odd:inverted'}") == MatteName(tmp_path / "odd:inverted")
    with pytest.raises(SettingsError, match="two channels"):
        MatteName.parse("b.exr:mask.R:G")


def test_all_three_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.mov").touch()
    job = tmp_path / "job.toml"
    job.write_text(
        '[defaults]\nstyles = [\n { picture = "a.jpg", matte = "roto.####.png" },\n "c.jpg:2",\n'
        ' { picture = "b.jpg", weight = 0.5, matte = "roto.####.png:inverted" },\n]\n'
        '[[clip]]\nsource = "a.mov"\noutput = "film.mov"\n'
    )
    (request,) = plan_requests([str(job)], Overrides())
    words = ["--style", "a.jpg", "--matte", "roto.####.png", "--style", "c.jpg:2"]
    words += ["--style", "b.jpg:0.5", "--matte", "roto.####.png:inverted"]
    options = build_parser().parse_args(["run", "a.mov", *words])
    (typed,) = plan_requests(["a.mov"], Overrides(styles=given_styles(options), output=Path("film.mov")))
    roto = str(tmp_path / "roto.####.png")
    assert (
        request.styles
        == typed.styles
        == (
            Style(tmp_path / "a.jpg", 1.0, roto),
            Style(tmp_path / "c.jpg", 2.0),
            Style(tmp_path / "b.jpg", 0.5, f"{roto}:inverted"),
        )
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--style", "a.jpg", "--matte", ""], "--matte '' names no file"),
        (["--matte", "m.png", "--style", "a.jpg"], "--matte m.png stands before any --style"),
        (["--style", "a.jpg", "--matte", "m.png", "--matte", "n.png"], "--style a.jpg has two mattes, m.png and n.png"),
        (["--style", "a.jpg", "--matte", "m.exr:R:G"], "names two channels"),
    ],
)
def test_mattes_in_the_wrong_place_are_refused(
    tmp_path: Path, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.mov").touch()
    try:
        code = main(["run", str(tmp_path / "a.mov"), *words, "-o", str(tmp_path / "film.mov")])
    except SystemExit as ended:
        code = int(str(ended.code))
    assert (code, says in capsys.readouterr().err) == (2, True)


@pytest.mark.parametrize(
    ("style", "says"),
    [
        ('{ picture = "a.jpg", mate = "m.png" }', "A style has no 'mate'. Did you mean matte?"),
        ('{ matte = "m.png" }', "A style's table has no picture"),
        ('{ picture = "a.jpg", weight = 0 }', "A style's weight must be a number above 0, not 0"),
        ('{ picture = "a.jpg", matte = 3 }', "matte takes words between quotation marks"),
    ],
)
def test_what_is_wrong_with_a_styles_table_is_said(tmp_path: Path, style: str, says: str) -> None:
    (tmp_path / "a.mov").touch()
    job = tmp_path / "job.toml"
    job.write_text(f'[[clip]]\nsource = "a.mov"\noutput = "film.mov"\nstyles = [{style}]\n')
    with pytest.raises(SettingsError) as told:
        plan_requests([str(job)], Overrides())
    assert says in str(told.value)
