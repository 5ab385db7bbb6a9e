"""Tiles cover a picture once, and see what they should."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from stylevideo.ops.fine_structure import FineStructure
from stylevideo.ops.losses import color_variation, temporal_loss, total_variation, total_variation_sum
from stylevideo.ops.tiles import Tile, tiles_of, window_sums
from stylevideo.rectangle import Rectangle


@given(
    height=st.integers(1, 120),
    width=st.integers(1, 120),
    edge=st.integers(16, 40),
    step=st.sampled_from([2, 4, 8]),
    surroundings=st.integers(0, 9),
)
def test_tiles_cover_a_picture_once_and_see_around_them(
    height: int, width: int, edge: int, step: int, surroundings: int
) -> None:
    tiles = tiles_of((height, width), edge, step, surroundings)
    times = torch.zeros(1, 1, height, width)
    for tile in tiles:
        tile.own.of(times).add_(1)
        assert max(tile.own.bottom - tile.own.top, tile.own.right - tile.own.left) < edge + 2 * step or len(tiles) == 1
        for own, seen, most in (
            ((tile.own.top, tile.own.bottom), (tile.seen.top, tile.seen.bottom), height),
            ((tile.own.left, tile.own.right), (tile.seen.left, tile.seen.right), width),
        ):
            assert own[0] % step == seen[0] % step == 0
            assert seen[0] <= max(0, own[0] - surroundings)
            assert seen[1] >= min(most, own[1] + surroundings)
            assert own[1] - own[0] >= min(step, most), "each has a place at every layer"
    assert times.eq(1).all()


def test_a_small_picture_is_one() -> None:
    assert tiles_of((40, 50), 40, 2, 3) == (Tile.whole((40, 50)),) == tiles_of((40, 50), 0, 2, 3)
    assert len(tiles_of((50, 50), 40, 2, 3)) == 4


@pytest.mark.parametrize("size", [(20, 30), (21, 37)])
def test_what_tiles_lack_of_a_picture_adds_up_to_what_it_lacks(size: tuple[int, int]) -> None:
    """Values and gradients, at odd borders too."""
    image, other, held = (
        torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(n)).double() for n in range(3)
    )
    image.requires_grad_()
    tiles = tiles_of(size, 8, 2, 6)
    assert len(tiles) > 6

    def lacks(tile: Tile | None) -> torch.Tensor:
        its, source, target = (values if tile is None else tile.seen_of(values) for values in (image, other, held))
        return torch.stack(
            (
                total_variation(its, tile),
                total_variation_sum(its, tile),
                color_variation(its, tile),
                temporal_loss(its, target, source[:, :1], tile),
                FineStructure(source, tile).lost_in(its),
            )
        )

    whole, parts = lacks(None), torch.stack([lacks(tile) for tile in tiles]).sum(dim=0)
    torch.testing.assert_close(parts, whole)
    for one, of_parts in zip(whole, parts, strict=True):
        gradients = [torch.autograd.grad(value, image, retain_graph=True)[0] for value in (one, of_parts)]
        torch.testing.assert_close(*gradients)


def test_sums_over_squares_of_parts_add_up_to_those_of_the_whole() -> None:
    maps = torch.rand(1, 4, 11, 13, generator=torch.Generator().manual_seed(0))
    whole = window_sums(maps, (0, 0), 3, (4, 5))
    torch.testing.assert_close(whole[..., 3, 4], maps[..., 9:, 12:].sum(dim=(2, 3)))
    parts = [
        window_sums(maps[..., top : top + 5, left : left + 5], (top, left), 3, (4, 5))
        for top in (0, 5, 10)
        for left in (0, 5, 10)
    ]
    torch.testing.assert_close(torch.stack(parts).sum(dim=0), whole)


def test_tiles_cover_a_part_once() -> None:
    size, part = (100, 150), Rectangle(16, 100, 32, 110)
    for edge, least in ((0, 1), (24, 10)):
        times = torch.zeros(1, 1, *size)
        tiles = tiles_of(size, edge, 8, 5, part)
        for tile in tiles:
            tile.own.of(times).add_(1)
            assert tile.seen == tile.own.grown(8, size)
        assert len(tiles) >= least
        assert part.of(times).eq(1).all()
        assert times.sum() == part.pixels
