"""A picture that says which way strokes run."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from stylevideo.errors import InputError
from stylevideo.render.styles import directions_of
from stylevideo.settings.settings import Settings
from stylevideo.store.manifest import Asked, StyleContent


def written(path: Path, red: int, green: int, blue: int) -> Path:
    cv2.imwrite(str(path), np.full((8, 8, 3), (blue, green, red), np.uint8))
    return path


def asked(path: Path) -> str:
    return Asked.of("clip", [StyleContent("a", 1.0, "b")], Settings().with_values(stroke_angle=str(path))).key


def test_red_and_green_are_cosine_and_sine(tmp_path: Path) -> None:
    path = written(tmp_path / "field.png", red=128, green=255, blue=0)  # up
    directions = directions_of(Settings().with_values(stroke_angle=str(path)).strokes)
    assert directions is not None
    field = directions.field(None, (32, 32))
    assert field[0, 0].mean() == pytest.approx(-1, abs=0.01)
    assert field[0, 1].abs().max() < 0.02


def test_a_grey_picture_and_none_are_refused(tmp_path: Path) -> None:
    grey = written(tmp_path / "grey.png", 128, 128, 128)
    for angle, sentence in ((str(grey), "is grey, and holds no directions"), ("gradeint", "Did you mean gradient?")):
        with pytest.raises(InputError, match=re.escape(sentence)):
            directions_of(Settings().with_values(stroke_angle=angle).strokes)


def test_another_picture_under_the_same_name_asks_for_another_film(tmp_path: Path) -> None:
    path = tmp_path / "field.png"
    first = asked(written(path, 255, 128, 0))
    assert asked(written(path, 255, 128, 0)) == first
    assert asked(written(path, 128, 255, 0)) != first
