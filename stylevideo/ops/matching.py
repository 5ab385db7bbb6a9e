"""Which places of two feature maps are alike: each place of one gets its place of the other. Knows no networks.

Maps are `(1, C, h, w)`, places are counted row by row. Two places are as similar as the cosine of their features, each
map's features taken from that map's mean.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from stylevideo.ops.parts import places_at_once

CHUNK_ENTRIES = 1 << 22
"""So many similarities are held at once while the nearest places are looked for."""
PRICED_ENTRIES = 1 << 22
"""From so many similarities prices are found: of evenly chosen places where there are more."""
SHARPNESS = 50.0
"""Similarity in units in which transport is nearly all or nothing: one over the entropy's weight."""
PRICE_ROUNDS = 30
ROUNDS_AT_ONCE = 5
"""Rounds between two returns to logarithms, which keep numbers within the range of float32."""
MOST_BID_FACTOR = 1e10
"""By which a bid may change meanwhile."""
EPSILON = 1e-6


def directions(features: Tensor) -> Tensor:
    """Features from their mean, of length one: (1, C, h, w) to (h·w, C), float32."""
    flat = features.float().flatten(2)[0].T  # (N, C)
    centred = flat - flat.mean(dim=0)
    return F.normalize(centred, dim=1, eps=EPSILON)


def prices(wanting: Tensor, offered: Tensor, shares: Tensor) -> Tensor:
    """What each offered place costs, in units of similarity, so that all are chosen as often as they should be.

    The dual variables of entropic optimal transport between the two sets of places; without prices a plain surface
    chooses the few plainest places of a style, over and over.

    Args:
        wanting: (N, C), directions of those that choose.
        offered: (M, C), directions of those that are chosen.
        shares: (M,), how much of all choices each should get; they add up to 1.
    Returns:
        (M,).

    M. Cuturi: Sinkhorn distances (2013), arXiv:1306.0895; B. Schmitzer: Stabilized sparse scaling algorithms for
    entropy regularized transport problems (2019), arXiv:1610.06519, for going back to logarithms.
    """
    most = max(1, PRICED_ENTRIES // len(offered))
    chosen = torch.linspace(0, len(wanting) - 1, min(most, len(wanting)), device=wanting.device).long()
    kernel = SHARPNESS * wanting[chosen] @ offered.T  # (n, M)
    shares = shares.clamp_min(torch.finfo(shares.dtype).tiny)
    bids = torch.zeros_like(shares)
    for _ in range(PRICE_ROUNDS // ROUNDS_AT_ONCE):
        plan = (kernel + bids).softmax(dim=1) / len(chosen)  # who gets how much of what
        times = torch.ones_like(bids)
        for _ in range(ROUNDS_AT_ONCE):
            rows = 1 / (plan @ times * len(chosen))
            times = (shares / (rows @ plan)).clamp(1 / MOST_BID_FACTOR, MOST_BID_FACTOR)
        bids = bids + times.log()
    return -bids / SHARPNESS


def nearest(wanting: Tensor, offered: Tensor, price: Tensor) -> Tensor:
    """The most similar place for each, less what it costs; a part at a time, so that memory is bounded.

    Args:
        wanting: (N, C), directions.
        offered: (M, C), directions.
        price: (M,), as from `prices`.
    Returns:
        (N,), indices into `offered`.
    """
    rows = max(1, CHUNK_ENTRIES // len(offered))
    return torch.cat([(part @ offered.T - price).argmax(dim=1) for part in torch.split(wanting, rows)])


def nearest_around(wanting: Tensor, offered: Tensor, places: Tensor, size: tuple[int, int], reach: int) -> Tensor:
    """The most similar place for each in a square around a guess.

    Args:
        wanting: (N, C), directions.
        offered: (H·W, C), directions of one map.
        places: (N, 2), rows and columns of the guesses.
        size: H and W.
        reach: how far the square goes from its middle, in places.
    Returns:
        (N, 2), rows and columns.
    """
    at_once = places_at_once(wanting.shape[1], wanting.device)
    parts = zip(torch.split(wanting, at_once), torch.split(places, at_once), strict=True)
    return torch.cat([_nearest_around(part, offered, guesses, size, reach) for part, guesses in parts])


def _nearest_around(wanting: Tensor, offered: Tensor, places: Tensor, size: tuple[int, int], reach: int) -> Tensor:
    height, width = size
    steps = range(-reach, reach + 1)
    starts = [(places[:, 0] + down).clamp(0, height - 1) * width for down in steps]  # of rows
    columns = [(places[:, 1] + across).clamp(0, width - 1) for across in steps]
    best = wanting.new_full((len(wanting),), -torch.inf)
    found = starts[0]
    for start in starts:
        for column in columns:
            tried = start + column
            there = offered.index_select(0, tried)  # far faster than by brackets
            similarity = (wanting * there).sum(dim=1)
            is_better = similarity > best
            best = torch.where(is_better, similarity, best)
            found = torch.where(is_better, tried, found)
    return torch.stack((found // width, found % width), dim=1)


def refined(places: Tensor, finer: tuple[int, int], scale: tuple[float, float]) -> Tensor:
    """What places of a map mean for one with more places: each new place goes where its neighbour went, and beside it.

    Args:
        places: (h, w, 2), rows and columns of the other map.
        finer: height and width of the new map.
        scale: how many rows and columns the finer other map has for one of the coarse.
    Returns:
        (finer height · finer width, 2), rows and columns of the finer other map.
    """
    rows, rows_off = _parents(finer[0], places.shape[0], places.device)
    columns, columns_off = _parents(finer[1], places.shape[1], places.device)
    parents = places[rows][:, columns].float()  # (H, W, 2)
    offsets = torch.stack(torch.meshgrid(rows_off, columns_off, indexing="ij"), dim=2)
    middles = (parents + offsets + 0.5).unbind(dim=2)
    finer_places = [(middle * factor - 0.5).round().long() for middle, factor in zip(middles, scale, strict=True)]
    return torch.stack(finer_places, dim=2).flatten(0, 1)


def nearest_parents(values: Tensor, finer: tuple[int, int]) -> Tensor:
    """For each place of a finer map the value (h, w) of the place in which its middle lies."""
    rows, _ = _parents(finer[0], values.shape[0], values.device)
    columns, _ = _parents(finer[1], values.shape[1], values.device)
    return values[rows][:, columns]


def _parents(count: int, coarse: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Of each of `count` places in a row, the one of `coarse` in which its middle lies, and how far from its middle."""
    middles = (torch.arange(count, device=device) + 0.5) * coarse / count  # in coarse places
    parents = middles.long().clamp_max(coarse - 1)
    return parents, middles - 0.5 - parents
