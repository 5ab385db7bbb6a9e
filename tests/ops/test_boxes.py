"""Boxes hold all that is marked, share no pixel, and are few."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from stylevideo.ops.boxes import boxes_of, cells_in
from stylevideo.ops.tiles import between
from stylevideo.rectangle import Rectangle

CELL_PX, AROUND = 8, 16


@given(
    height=st.integers(9, 200),
    width=st.integers(9, 200),
    part=st.sampled_from([0.0, 0.01, 0.05, 0.5, 1.0]),
    seed=st.integers(0, 99),
)
def test_boxes_hold_all_that_is_marked_and_what_lies_between_them_is_the_rest(
    height: int, width: int, part: float, seed: int
) -> None:
    shape = (-(-height // CELL_PX), -(-width // CELL_PX))
    cells = np.random.default_rng(seed).random(shape) < part
    boxes = boxes_of(cells, CELL_PX, (height, width), AROUND)
    times, beside = torch.zeros(1, 1, height, width), torch.zeros(1, 1, height, width)
    for box in boxes:
        box.of(times).add_(1)
    for rectangle in between(boxes, (height, width)):
        assert rectangle.pixels > 0
        rectangle.of(beside).add_(1)
    assert times.max() <= 1
    assert torch.equal(beside, 1 - times)
    marked = torch.from_numpy(cells)[None, None].repeat_interleave(CELL_PX, 2).repeat_interleave(CELL_PX, 3)
    assert bool((times.bool() | ~marked[..., :height, :width]).all())
    assert not (cells & ~cells_in(boxes, CELL_PX, shape)).any()
    assert bool(boxes) == bool(cells.any())


def test_what_is_far_apart_has_boxes_of_its_own_and_what_is_near_has_one() -> None:
    cells = np.zeros((40, 60), bool)
    cells[2:5, 3:6] = cells[30:33, 50:52] = True
    size = (320, 480)
    first, second = sorted(boxes_of(cells, CELL_PX, size, AROUND), key=lambda box: box.top)
    assert (first, second) == (Rectangle(16, 40, 24, 48), Rectangle(240, 264, 400, 416))
    cells[6, 7] = True
    assert Rectangle(16, 56, 24, 64) in boxes_of(cells, CELL_PX, size, AROUND)
    cells[::4, ::4] = True
    assert boxes_of(cells, CELL_PX, size, AROUND) == (Rectangle(0, 296, 0, 456),)
