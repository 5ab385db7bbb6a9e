"""The benchmark judges looks: a table for each clip and style, ratios to the first method, means, and pictures."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from batch_fixtures import make_clip
from conftest import ROOT

from scripts.benchmark import __main__ as benchmark
from scripts.benchmark.choices import read_method, read_setting
from scripts.benchmark.look import painted_styles
from scripts.benchmark.sizes import load_sizes
from stylevideo.media.images.pictures import read_picture

FEW = (
    "first_iterations=2,coarsest_size=0,iterations=1,new_iterations=0,"
    "style_layers=relu1_1+relu2_1,match_layers=relu2_1,content_layers=relu2_2"
)
STYLES = [str(ROOT / "samples" / "styles" / f"{name}.jpg") for name in ("impasto", "woodblock")]


def rows_of(printed: str) -> list[list[str]]:
    return [line.strip("| ").split(" | ") for line in printed.splitlines() if line.startswith("| ")]


def test_looks_are_compared_and_remembered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain, bare = f"gram=standard,{FEW},painter=gram", f"bare=standard,{FEW},style_weight=0.01"
    command = ["look", "--methods", plain, bare, "--clips", "flight", "friday", "--styles", *STYLES, "--media"]
    command += [str(tmp_path), "--long-edge=64", "--frames=2", "--output", str(tmp_path / "out")]
    benchmark.main(command)
    printed = capsys.readouterr().out
    assert "friday is skipped" in printed
    rows = rows_of(printed)
    names = [row[0] for row in rows if row[0] in ("gram", "bare")]
    assert names == ["gram", "bare"] * 3, "two films each, and the means"
    means = dict(zip(rows[-4], rows[-2], strict=True))
    assert means["7 px, whole"] == means["style's, 13 px"] == "1.00", "times itself"
    assert any(value != "1.00" for value in rows[-1][1:12]), "another painter is another distance away"
    assert "bare: patches, 7 px, moving: " in printed
    assert "gram: patches" not in printed, "nothing is asked of the first beside itself"
    assert "gram: dirt in colour" in printed
    sheet = read_picture(tmp_path / "out" / "look-flight-woodblock.png")
    assert sheet.shape[0] > 2 * 3 * 36
    assert sheet.shape[1] > 3 * 3 * 64
    benchmark.main(command)
    again = capsys.readouterr().out
    assert "VGG evaluations" not in again
    assert rows_of(again) == rows


def test_steadiness_is_judged_of_the_same_films_and_remembered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    methods = [f"gram=standard,{FEW},painter=gram", f"alone=standard,{FEW},carry=no"]
    common = ["--clips", "flight", "--styles", STYLES[0], "--media", str(tmp_path), "--size=64", "--frames=3"]
    command = ["steady", "--methods", *methods, *common, "--output", str(tmp_path / "out")]
    benchmark.main(command)
    printed = capsys.readouterr().out
    assert "## flight, impasto: 3 frames, 64x36" in printed
    rows = rows_of(printed)
    assert [row[0] for row in rows] == ["method", "---", "gram", "alone"]
    assert "flight, impasto, alone: flicker beyond the source's, JOD: " in printed
    benchmark.main(command)
    again = capsys.readouterr().out
    assert "VGG evaluations" not in again
    assert rows_of(again) == rows


def test_first_frames_of_several_sizes_are_compared_at_the_fewest_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--clips", "flight", "friday", "--styles", STYLES[0], "--media", str(tmp_path)]
    command = ["sizes", "--methods", f"now=standard,{FEW}", *common, "--lines", "36", "72"]
    command += ["--output", str(tmp_path / "out")]
    benchmark.main(command)
    printed = capsys.readouterr().out
    assert "friday is skipped" in printed
    heading, _, *rows = rows_of(printed)
    assert [row[:3] for row in rows] == [["now", "64x36", "2"], ["now", "128x72", "2"]]
    widths = [float(row[heading.index("stroke width")]) for row in rows]
    times = [float(row[heading.index("times the first")]) for row in rows]
    assert times == pytest.approx([1, widths[1] / widths[0]], rel=0.02)
    assert "flight-72, now: stroke width, away from flight-36's: " in printed
    sheet = read_picture(tmp_path / "out" / "sizes-flight-impasto.png")
    assert sheet.shape[0] > 480, "all are shown at one height"
    assert sheet.shape[1] > 2 * 853
    benchmark.main(command)
    again = capsys.readouterr().out
    assert "VGG evaluations" not in again
    assert rows_of(again)[2:] == rows


def test_sizes_begin_with_the_fewest_lines_and_those_that_footage_lacks_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_clip(tmp_path / "friday.mp4", 1)
    made = list(load_sizes("friday", [48, 4800, 24], tmp_path))
    assert [clip.name for clip in made] == ["friday-24", "friday-48"]
    assert "friday has no 4800 lines" in capsys.readouterr().out


def test_a_method_is_a_preset_and_settings() -> None:
    method = read_method("mine=draft,content_weight=0.3,carry=no,style_layers=relu1_1+relu2_1")
    assert (method.name, method.settings.optimizer.iterations) == ("mine", 2)
    assert method.settings.losses.content_weight == 0.3
    assert method.settings.losses.style_layers == ("relu1_1", "relu2_1")
    assert not method.settings.temporal.carry
    assert read_setting("style_layers=relu1_1,relu2_1") == ("style_layers", ("relu1_1", "relu2_1"))


@pytest.mark.parametrize("text", ["mine", "mine=nothing", "mine=standard,iterations=many", "mine=standard,nothing=3"])
def test_what_is_no_method_is_said(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no NAME=PRESET"):
        read_method(text)


def test_without_paintings_the_samples_are_the_styles(tmp_path: Path) -> None:
    found = painted_styles(tmp_path / "none", ROOT / "samples" / "styles")
    assert len(found) == 4
    assert all(path.is_file() for path in found)
