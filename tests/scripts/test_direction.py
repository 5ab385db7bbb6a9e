"""What strength and keys do to films is measured as it is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import QUICK, STYLE

from scripts.benchmark import __main__ as benchmark

CHEAP = "painter=gram,style_layers=relu2_1,content_layers=relu2_2"
METHOD = f"quick=standard,{','.join(f'{name}={value}' for name, value in QUICK.items())},{CHEAP}"
QUICKEST = f"quick=standard,first_iterations=1,coarsest_size=0,iterations=1,new_iterations=0,{CHEAP}"
SMALL = ["--size=64", "--clips", "flight", "--styles", str(STYLE), "--methods", METHOD]


def test_strengths_are_compared_with_the_source_and_with_each_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    benchmark.main(["strength", *SMALL, "--frames=2", "--strengths", "0", "1", "--output", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "| strength | content | style |" in printed and "strength 1: content, times that before" in printed
    assert "strength 0: from the source, 1/255" in printed
    assert (tmp_path / f"strength-flight-{STYLE.stem}.png").exists()


def test_films_with_keys_are_compared_with_one_without(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    benchmark.main(["keys", *SMALL[:-1], QUICKEST, "--frames=3", "--output", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "| rising strength |" in printed and "strength at once: E_warp, times that of what stays" in printed
    assert "| strength at once, dissolved |" in printed and "| woodblock turning, dissolved |" in printed
    assert "| woodblock at once, but its step |" in printed
    assert "woodblock turning: E_warp, times that of what stays" in printed
    assert (tmp_path / f"keys-flight-{STYLE.stem}.png").exists()


def test_what_painted_frames_leave_is_compared_with_our_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--size=64", "--clips", "flight", "--frames=11", "--methods", QUICKEST, "--output", str(tmp_path)]
    benchmark.main(["painted", *words])
    printed = capsys.readouterr().out
    assert "| shapes |" in printed and "another style: 5 frames after, times our own one step away" in printed
    assert (tmp_path / "painted-flight.png").exists() and (tmp_path / "painted-two-flight.png").exists()
