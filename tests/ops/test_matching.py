"""Places that are alike: what is nearest, what prices do, and how a finer map follows a coarse one."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from stylevideo.ops import matching
from stylevideo.ops.matching import Parents, directions, nearest, nearest_around, prices, square_means


def features(seed: int, height: int = 6, width: int = 8, channels: int = 16) -> torch.Tensor:
    return torch.randn(1, channels, height, width, generator=torch.Generator().manual_seed(seed))


def even(count: int) -> torch.Tensor:
    return torch.full((count,), 1 / count)


def test_directions_do_not_know_brightness_or_contrast() -> None:
    image = features(0)
    torch.testing.assert_close(directions(3 * image + 5), directions(image), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(directions(image).norm(dim=1), torch.ones(48))


def test_a_flat_map_has_no_direction_and_no_nan() -> None:
    assert directions(torch.ones(1, 4, 3, 3)).eq(0).all()


def test_every_place_of_a_map_finds_itself_and_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    places = directions(features(1))
    free = torch.zeros(len(places))
    assert nearest(places, places, free).tolist() == list(range(48))
    monkeypatch.setattr(matching, "CHUNK_ENTRIES", 100)
    assert nearest(places, places, free).tolist() == list(range(48))


def test_prices_keep_many_from_choosing_one() -> None:
    """Forty places like the first style place and one like each: free, the first is chosen by most."""
    style = directions(features(2, height=2, width=4))
    noise = 0.3 * torch.randn(40, 16, generator=torch.Generator().manual_seed(3))
    wanting = torch.nn.functional.normalize(torch.cat((style[:1] + noise, style)), dim=1)

    def most_chosen(price: torch.Tensor) -> int:
        return int(nearest(wanting, style, price).bincount().max())

    assert most_chosen(torch.zeros(8)) >= 30
    assert most_chosen(prices(wanting, style, even(8))) <= 48 / 8 + 4


@pytest.mark.parametrize("apart", [False, True])
def test_prices_are_those_of_thirty_rounds_in_logarithms(apart: bool) -> None:
    """Also where two groups have next to nothing to do with each other, so that their plan is beyond float32."""
    wanting, style = directions(features(6, 10, 12)), directions(features(7, 4, 5))
    if apart:
        wanting[:100], style[:10] = style[0] + 0.01 * wanting[:100], -style[0] + 0.01 * style[:10]
        wanting, style = (torch.nn.functional.normalize(places, dim=1) for places in (wanting, style))
    shares = even(20)
    kernel, bids = matching.SHARPNESS * wanting @ style.T, torch.zeros(20)
    for _ in range(matching.PRICE_ROUNDS):
        asked = -torch.logsumexp(kernel + bids, dim=1, keepdim=True) - math.log(len(wanting))
        bids = shares.log() - torch.logsumexp(kernel + asked, dim=0)
    torch.testing.assert_close(prices(wanting, style, shares), -bids / matching.SHARPNESS, atol=1e-3, rtol=0)


def test_a_style_that_shall_have_nothing_leaves_prices_to_the_others() -> None:
    wanting, style = directions(features(6, 10, 12)), directions(features(7, 2, 4))
    shares = torch.tensor([0.0] * 4 + [0.25] * 4)
    price = prices(wanting, style, shares)
    assert price.isfinite().all()
    assert nearest(wanting, style, price).min() >= 4


def test_who_shall_have_more_is_chosen_more_often() -> None:
    wanting, style = directions(features(4, 12, 16)), directions(features(5, 2, 4))
    shares = torch.tensor([0.3] * 2 + [0.4 / 6] * 6)
    counts = nearest(wanting, style, prices(wanting, style, shares)).bincount(minlength=8) / len(wanting)
    torch.testing.assert_close(counts, shares, atol=0.06, rtol=0)


def test_prices_of_a_part_of_the_places_are_those_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    wanting, style = directions(features(6, 40, 40)), directions(features(7, 2, 4))
    whole = prices(wanting, style, even(8))
    monkeypatch.setattr(matching, "PRICED_ENTRIES", 8 * 400)
    torch.testing.assert_close(prices(wanting, style, even(8)), whole, atol=0.03, rtol=0)


def test_a_square_is_searched_and_no_more_of_it_than_there_is() -> None:
    style = features(8)
    places = directions(style)
    there = torch.stack(torch.meshgrid(torch.arange(6), torch.arange(8), indexing="ij"), dim=2).flatten(0, 1)
    guesses, maps = there + torch.tensor((1, -1)), torch.tensor((0, 6, 8))[:, None].expand(3, 48)
    assert torch.equal(nearest_around(places, places, guesses, maps, 1), there)
    missed = nearest_around(places, places, there + torch.tensor((3, 0)), maps, 1)
    assert missed.min() >= 0
    assert not torch.equal(missed, there)


def test_each_place_is_looked_for_in_its_own_map() -> None:
    """Of several of unlike sizes, one after the other; a square that reaches beyond one ends there."""
    sizes = ((6, 8), (3, 5))
    offered = torch.cat([directions(features(9 + number, *size)) for number, size in enumerate(sizes)])
    there = torch.cat([torch.cartesian_prod(*map(torch.arange, size)) for size in sizes])
    maps = torch.tensor([(0, 6, 8)] * 48 + [(48, 3, 5)] * 15).T
    assert torch.equal(nearest_around(offered, offered, there + torch.tensor((-1, 1)), maps, 1), there)
    others = torch.tensor([(48, 3, 5)] * 48 + [(0, 6, 8)] * 15).T
    found = nearest_around(offered, offered, there, others, 8)
    assert (found >= 0).all() and (found < others[1:].T).all()


@given(
    height=st.integers(1, 7),
    width=st.integers(1, 7),
    factor=st.integers(1, 3),
    more=st.integers(0, 2),
    cut=st.integers(0, 6),
)
def test_a_finer_map_follows_the_coarse_one(height: int, width: int, factor: int, more: int, cut: int) -> None:
    """Where each coarse place went to its own row and column, each finer one goes to its own; parts too."""
    places = torch.stack(torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij"), dim=2)
    finer, scale = (height * factor + more, width * factor), (torch.tensor(factor), torch.tensor(factor))
    parents = Parents.of((height, width), finer, factor, places.device)
    found = parents.refined(places, scale).view(*finer, 2)
    there = torch.stack(torch.meshgrid(torch.arange(finer[0]), torch.arange(finer[1]), indexing="ij"), dim=2)
    assert torch.equal(found, there)
    assert torch.equal(parents.values(places), (there // factor).clamp_max(torch.tensor([height - 1, width - 1])))
    cut = min(cut, finer[0] - 1)
    part = Parents.of((height, width), (finer[0] - cut, finer[1]), factor, places.device, (cut, 0))
    assert torch.equal(part.refined(places, scale).view(-1, finer[1], 2), found[cut:])


@pytest.mark.parametrize("edge", [1, 3])
def test_means_over_squares_count_what_there_is(edge: int) -> None:
    values = features(0, 7, 8, 2)
    means = square_means(values, edge)
    assert means.shape == (1, 2, math.ceil(7 / edge), math.ceil(8 / edge))
    torch.testing.assert_close(means[..., -1, -1], values[..., 6 // edge * edge :, 7 // edge * edge :].mean(dim=(2, 3)))
