"""Which way strokes run, and how far that is from a wanted one."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from stylevideo.ops.orientation import apart, astray, power, tensors
from stylevideo.ops.tiles import tiles_of

SIZE = (48, 64)


def stripes(degrees: float, width: float = 6.0) -> Tensor:
    """Grey lines that run at an angle against the clock: (1, 3, H, W)."""
    angle = math.radians(degrees)
    rows, columns = torch.meshgrid(*(torch.arange(edge, dtype=torch.float32) for edge in SIZE), indexing="ij")
    across = columns * math.sin(angle) + rows * math.cos(angle)
    return (0.5 + 0.4 * torch.sin(across * math.pi / width)).expand(1, 3, -1, -1)


def field_of(degrees: float) -> Tensor:
    twice = math.radians(2 * degrees)
    return torch.tensor((math.cos(twice), -math.sin(twice))).view(1, 2, 1, 1).expand(1, 2, *SIZE)


@pytest.mark.parametrize("degrees", [0, 30, 45, 90, 135])
def test_stripes_run_as_they_were_drawn(degrees: float) -> None:
    told = tensors(stripes(degrees), sigma=1.0, around=3.0)
    assert math.degrees(apart(told[:, :2], field_of(degrees)).median()) < 1.5
    assert math.degrees(apart(told[:, :2], field_of(degrees + 40)).median()) == pytest.approx(40, abs=1.5)


def test_strokes_along_the_field_are_not_astray_and_those_across_are() -> None:
    picture = stripes(30)
    along, across, askew = (astray(picture, field_of(degrees), power(picture)) for degrees in (30, 120, 75))
    assert along < 0.01
    assert across == pytest.approx(1, abs=0.05)
    assert askew == pytest.approx(0.5, abs=0.02)


def test_nothing_is_astray_where_there_is_no_direction() -> None:
    assert astray(stripes(30), torch.zeros(1, 2, *SIZE), power(stripes(30))) == 0


def test_what_is_astray_in_tiles_adds_up_to_the_whole() -> None:
    picture, field = stripes(20), field_of(60)
    parts = [
        astray(tile.seen_of(picture), tile.seen_of(field), power(picture), tile) for tile in tiles_of(SIZE, 16, 8, 8)
    ]
    assert len(parts) > 1
    assert sum(parts) == pytest.approx(float(astray(picture, field, power(picture))), rel=1e-5)
