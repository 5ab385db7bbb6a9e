"""The ladder of scales and resizing."""

from __future__ import annotations

import itertools
import math

import torch
from hypothesis import given
from hypothesis import strategies as st
from image_fixtures import noise_image

from stylevideo.ops.pyramid import LEAST_EDGE_PX, fit_long_edge, resize, scale_ladder

edges = st.integers(LEAST_EDGE_PX, 4000)


@given(height=edges, width=edges, coarsest=st.integers(0, 5000))
def test_a_ladder_rises_to_full_size_and_never_below_what_vgg_needs(height: int, width: int, coarsest: int) -> None:
    sizes = scale_ladder(height, width, coarsest)
    assert sizes[-1] == (height, width)
    assert all(min(size) >= LEAST_EDGE_PX for size in sizes)
    assert list(sizes) == sorted(set(sizes))
    assert coarsest or sizes == ((height, width),)


@given(long_edge=st.integers(2 * LEAST_EDGE_PX * 2, 8000), upright=st.booleans())
def test_large_pictures_begin_at_the_same_size_and_coarse_scales_are_cheap(long_edge: int, upright: bool) -> None:
    """Also those whose size is no doubling of it: what is seen whole at first is what decides the composition."""
    short_edge = round(long_edge * 9 / 16)
    shape = (long_edge, short_edge) if upright else (short_edge, long_edge)
    *coarse, full = scale_ladder(*shape, 220)
    assert max(coarse[0]) == min(220, round(long_edge / 2))
    for below, above in itertools.pairwise((*coarse, full)):
        assert 1.4 < max(above) / max(below) < 2.85
    assert sum(map(math.prod, coarse)) <= 0.51 * math.prod(full)


@given(height=edges, width=edges, long_edge=st.integers(LEAST_EDGE_PX, 2000))
def test_fitting_keeps_the_proportions(height: int, width: int, long_edge: int) -> None:
    fitted = fit_long_edge(height, width, long_edge)
    assert max(fitted) == long_edge
    assert abs(min(fitted) - min(height, width) * long_edge / max(height, width)) <= 0.5 or min(fitted) == 1


def test_resizing_keeps_range_and_mean_and_leaves_the_same_size_alone() -> None:
    image = noise_image(64, 96)
    small = resize(image, (16, 24))
    assert small.shape == (1, 3, 16, 24)
    assert small.min() >= 0
    assert small.max() <= 1
    assert abs(float(small.mean() - image.mean())) < 0.01
    assert torch.equal(resize(image, (64, 96)), image)
