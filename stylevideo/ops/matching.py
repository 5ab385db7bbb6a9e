"""Which places of two feature maps are alike: each place of one gets its place of the other. Knows no networks.

Maps are `(1, C, h, w)`, places are counted row by row. Two places are as similar as the cosine of their features, each
map's features taken from that map's mean.
"""

from __future__ import annotations

from dataclasses import dataclass

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


def mean_place(features: Tensor) -> Tensor:
    """(1, C, h, w) to (C,), float32."""
    return features.float().flatten(2)[0].T.mean(dim=0)


def directions(features: Tensor, mean: Tensor | None = None) -> Tensor:
    """Features from a mean (C,), their own if not given, of length one: (1, C, h, w) to (h·w, C), float32."""
    flat = features.float().flatten(2)[0].T  # (N, C)
    return F.normalize(flat - (mean_place(features) if mean is None else mean), dim=1, eps=EPSILON)


def square_means(features: Tensor, edge: int) -> Tensor:
    """Means over squares of so many places each way, of as much of them as there is: (1, C, h, w), float32."""
    if edge == 1:
        return features.float()
    return F.avg_pool2d(features.float(), edge, ceil_mode=True, count_include_pad=False)


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


def nearest_around(wanting: Tensor, offered: Tensor, places: Tensor, maps: Tensor, reach: int) -> Tensor:
    """The most similar place for each in a square around a guess.

    Args:
        wanting: (N, C), directions.
        offered: (M, C), directions of one map's places after the other's.
        places: (N, 2), rows and columns of the guesses.
        maps: (3, N), of the map in which each is looked for: which of the offered is its first, its height and width.
        reach: how far the square goes from its middle, in places.
    Returns:
        (N, 2), rows and columns.
    """
    at_once = places_at_once(wanting.shape[1], wanting.device)
    each = (torch.split(wanting, at_once), torch.split(places, at_once), torch.split(maps, at_once, dim=1))
    parts = zip(*each, strict=True)
    return torch.cat([_nearest_around(part, offered, guesses, own, reach) for part, guesses, own in parts])


def _nearest_around(wanting: Tensor, offered: Tensor, places: Tensor, maps: Tensor, reach: int) -> Tensor:
    (first, height, width), (row, column) = maps.unbind(), places.unbind(dim=1)
    steps = range(-reach, reach + 1)
    starts = [first + (row + down).clamp_min(0).minimum(height - 1) * width for down in steps]  # of rows
    columns = [(column + across).clamp_min(0).minimum(width - 1) for across in steps]
    best = wanting.new_full((len(wanting),), -torch.inf)
    found = starts[0]
    for start in starts:
        for across in columns:
            tried = start + across
            there = offered.index_select(0, tried)  # far faster than by brackets
            similarity = (wanting * there).sum(dim=1)
            is_better = similarity > best
            best = torch.where(is_better, similarity, best)
            found = torch.where(is_better, tried, found)
    return torch.stack(((found - first) // width, (found - first) % width), dim=1)


@dataclass(frozen=True)
class Parents:
    """Which place of a coarse map each place of a part of a finer one lies in.

    A pooling leaves out what its squares do not cover: such places have the last one, and lie beyond it.

    Attributes:
        rows, columns: (H,) and (W,), of the coarse map.
        below, beside: (H,) and (W,), how far each place is from its parent's first one.
        factor: places of the finer map, each way, for one of the coarse.
    """

    rows: Tensor
    columns: Tensor
    below: Tensor
    beside: Tensor
    factor: int

    @classmethod
    def of(
        cls,
        coarse: tuple[int, int],
        finer: tuple[int, int],
        factor: int,
        device: torch.device,
        start: tuple[int, int] = (0, 0),
    ) -> Parents:
        """Of a part with a height and width, which begins at a row and column of the finer map."""
        places = [torch.arange(first, first + count, device=device) for first, count in zip(start, finer, strict=True)]
        rows, columns = ((own // factor).clamp_max(count - 1) for own, count in zip(places, coarse, strict=True))
        return cls(rows, columns, places[0] - factor * rows, places[1] - factor * columns, factor)

    def values(self, coarse: Tensor) -> Tensor:
        """The parents' values, (h, w, ...) to (H, W, ...)."""
        return coarse[self.rows][:, self.columns]

    def refined(self, coarse: Tensor, scale: tuple[Tensor, Tensor]) -> Tensor:
        """Where the finer places go: beside where their parents went, as they lie beside them here.

        Args:
            coarse: (h, w, 2), rows and columns of another map.
            scale: how many rows and columns that map's finer one has for one of the coarse: (H, W) each, or scalars.
        Returns:
            (H·W, 2), rows and columns of that map's finer one.
        """
        middles = [(within + 0.5) / self.factor for within in (self.below, self.beside)]  # in coarse places
        offsets = torch.meshgrid(*middles, indexing="ij")
        parents = self.values(coarse).float().unbind(dim=2)
        places = [
            ((parent + offset) * factor - 0.5).round().long()
            for parent, offset, factor in zip(parents, offsets, scale, strict=True)
        ]
        return torch.stack(places, dim=2).flatten(0, 1)
