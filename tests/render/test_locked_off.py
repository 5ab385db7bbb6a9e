"""A film of a locked-off shot is the same whether it was made in one go or not, and only a part of it is painted."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import CHEAP_PAINTER, STYLE

import stylevideo
from scripts.benchmark.rest import MOVING_PART, waterfall
from stylevideo.errors import Stopped
from stylevideo.media.images.pictures import to_picture, write_png
from stylevideo.reports.events import Event, FrameFinished
from stylevideo.settings.settings import Settings

SETTINGS = Settings().with_values(**CHEAP_PAINTER, first_iterations=4, coarsest_size=0, iterations=2, new_iterations=0)
SIZE, FRAMES = (48, 240), 6


def shown(folder: Path) -> list[np.ndarray]:
    pictures = [cv2.imread(str(path)) for path in sorted(folder.glob("o.*.png"))]
    assert len(pictures) == FRAMES
    return [picture for picture in pictures if picture is not None]


def test_a_locked_off_shot_that_stops_and_is_resumed_is_the_same(tmp_path: Path) -> None:
    for frame in waterfall(SIZE, FRAMES):
        write_png(tmp_path / f"plate.{frame.index:04d}.png", to_picture(frame.image))
    plate, events = tmp_path / "plate.####.png", list[Event]()

    def is_third() -> bool:
        return sum(isinstance(event, FrameFinished) for event in events) >= 3

    stylevideo.stylize(plate, [STYLE], tmp_path / "whole" / "o.####.png", SETTINGS)
    with pytest.raises(Stopped):
        stylevideo.stylize(plate, [STYLE], tmp_path / "again" / "o.####.png", SETTINGS, events.append, is_third)
    events.clear()
    stylevideo.stylize(plate, [STYLE], tmp_path / "again" / "o.####.png", SETTINGS, events.append)
    assert 0 < sum(isinstance(event, FrameFinished) for event in events) < FRAMES
    whole, again = (shown(tmp_path / name) for name in ("whole", "again"))
    for one, other in zip(whole, again, strict=True):
        assert np.array_equal(one, other)
    for before, after in pairwise(whole):
        changed = (before != after).any(axis=(0, 2)).mean()
        assert MOVING_PART < changed < 0.6
