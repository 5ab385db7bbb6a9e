"""What strokes may be told, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stylevideo.cli.main import main
from stylevideo.errors import SettingsError
from stylevideo.settings.settings import Settings, leaves

ANGLE = next(leaf for leaf in leaves() if leaf.name == "stroke_angle")


@pytest.mark.parametrize(
    ("angle", "degrees", "path"),
    [
        ("", None, None),
        ("45", 45, None),
        ("-22.5", -22.5, None),
        ("motion", None, None),
        ("f.png", None, Path("f.png")),
    ],
)
def test_an_angle_is_degrees_a_word_or_a_file(angle: str, degrees: float | None, path: Path | None) -> None:
    strokes = Settings().with_values(stroke_angle=angle).strokes
    assert (strokes.degrees, strokes.field_path) == (degrees, path)
    assert ANGLE.names_a_file(angle) == (path is not None)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"stroke_angle": "400"}, "-360 to 360"),
        ({"stroke_size": 0.2}, "--stroke-size must be at least 0.5 and at most 4"),
        ({"boil": 1.5}, "--boil must be at least 0 and at most 1"),
        ({"hold_strokes": 0}, "--hold-strokes must be at least 1"),
        ({"key": {"hold_strokes": {1: 2}}}, "--hold-strokes cannot change within a film"),
        ({"style_scale": 2.0}, "has become --stroke-size"),
    ],
)
def test_what_strokes_cannot_be_is_said_in_a_sentence(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        Settings().with_values(**values)


def test_boil_has_keys() -> None:
    assert Settings().with_values(key={"boil": {1: 0, 24: 1}}).direction.key


def test_the_flag_that_there_was_names_the_one_that_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["run", "a.mp4", "--style", "b.jpg", "-o", "c.mp4", "--style-scale", "2"])
    assert "It has become --stroke-size" in capsys.readouterr().err
