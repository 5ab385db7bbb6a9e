"""Gives every place of a frame its own place of the styles: the target of the matched painter.

Knows features of styles and of a picture; knows nothing of frames or time. What a following frame begins with is
already painted, so its places find again what they were painted like, wherever they have moved.

C. Li, M. Wand: Combining Markov random fields and convolutional neural networks for image synthesis (2016),
arXiv:1601.04589, for matched features; N. Kolkin, J. Salavon, G. Shakhnarovich: Style transfer by relaxed optimal
transport and self-similarity (2019), arXiv:1904.12785, for transport between the two sets. Prices at the deepest layer,
and a search around the parents' places at the others, are our own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Tensor

from stylevideo.engine.strokes.turning import aligned, bins, shares_of_bins
from stylevideo.ops.matching import (
    Parents,
    directions,
    nearest,
    nearest_around,
    prices,
    square_means,
)
from stylevideo.ops.tiles import Tile, window_sums
from stylevideo.rectangle import Rectangle
from stylevideo.settings.schema import shrink_of

SEARCHED_PLACES = 1 << 12
"""Of a frame's deepest map; of a larger one, means over squares are searched, then around what is found."""
REACH = 2
"""Places each way that a finer layer looks at around its parent's."""
LINES_WEIGHT = 0.8
"""Of the way strokes run, beside features of length one: its square counts, as theirs does."""
SQUARES = "squares"
"""Under this name a survey has the deepest layer's sums over squares, under each layer's its sums over the whole."""


@dataclass(frozen=True)
class _Layer:
    """All styles' features at one layer, of one style's places after the other's.

    Attributes:
        sizes: height and width of each style's map.
        features: (N, C).
        directions: (N, C), each style's from its own mean; (N, C + 2) with the way of strokes.
    """

    sizes: tuple[tuple[int, int], ...]
    features: Tensor
    directions: Tensor

    @classmethod
    def of(cls, styles: Sequence[Tensor], lines: Sequence[Tensor] = ()) -> _Layer:
        """From (1, C, h, w) of each style; and the way its strokes run, (1, 2, h, w), where that counts."""
        each = [directions(style) for style in styles]
        if lines:
            each = [_with_lines(own, along) for own, along in zip(each, lines, strict=True)]
        return cls(tuple(map(_size, styles)), _joined([style[0].flatten(1).T for style in styles]), _joined(each))

    @property
    def counts(self) -> tuple[int, ...]:
        """Of each style's places."""
        return tuple(map(math.prod, self.sizes))

    def maps(self) -> Tensor:
        """Of each style's map the number of its first place, its height and width: (3, styles); nobody waits for it."""
        rows = (tuple(accumulate(self.counts[:-1], initial=0)), *zip(*self.sizes, strict=True))
        return torch.tensor(rows).to(self.features.device, non_blocking=True)


@dataclass(frozen=True)
class _Matches:
    """Which place of which style belongs to each place of a map.

    Attributes:
        styles: (h, w), indices.
        places: (h, w, 2), rows and columns.
    """

    styles: Tensor
    places: Tensor

    @property
    def size(self) -> tuple[int, int]:
        return self.styles.shape[0], self.styles.shape[1]

    def numbers(self, layer: _Layer) -> Tensor:
        """Of the matched places among all of the styles': (h, w), int32."""
        starts, _, widths = layer.maps().unbind()
        rows, columns = self.places.unbind(dim=2)
        numbers: Tensor = starts[self.styles] + rows * widths[self.styles] + columns
        return numbers.int()


class Matcher:
    """Finds what each place of a frame should be like.

    Args:
        styles: of each style the features (1, C, h, w) by layer, at least those of the matched layers.
        weights: of the styles, above 0: as large a part of a frame's places gets each.
        layers: that are matched.
        lines: of each style the way strokes run, as of `TurnedStyle`; none where no way is wanted. Then each of the
            weights is that of as many styles as there are of one picture.
    Attributes:
        layers: likewise, the deepest first.
        styles: their features at each layer.
    """

    def __init__(
        self,
        styles: Sequence[Mapping[str, Tensor]],
        weights: Sequence[float],
        layers: Sequence[str],
        lines: Sequence[Mapping[str, Tensor]] = (),
    ) -> None:
        self.layers = tuple(sorted(layers, reverse=True))  # from the deepest on
        self.styles = {
            layer: _Layer.of([style[layer] for style in styles], [own[layer] for own in lines]) for layer in self.layers
        }
        self._deepest = [style[self.layers[0]] for style in styles]
        self._lines = [own[self.layers[0]] for own in lines]
        self._shares = self._shares_by(weights)
        self._field: Tensor | None = None

    def weighted(self, weights: Sequence[float]) -> Matcher:
        """As of `WeighedFinder`."""
        other = copy(self)
        other._shares = self._shares_by(weights)
        return other

    def steered(self, field: Tensor) -> Matcher:
        """As of `WeighedFinder`."""
        other = copy(self)
        other._field = field
        return other

    def wanting(self, wanted: Tensor, mean: Tensor | None = None, part: Rectangle | None = None) -> Tensor:
        """What places of a map (1, C, h, w) are compared by, with the way strokes should run there, if it is known.

        Args:
            wanted: the map.
            mean: as of `directions`.
            part: of the picture that it is a map of; None for the whole.
        """
        own = directions(wanted, mean)
        if not self._lines:
            return own
        if self._field is None:
            return _with_lines(own, wanted.new_zeros(1, 2, *_size(wanted)))
        field = part.of(self._field) if part else self._field
        return _with_lines(own, F.adaptive_avg_pool2d(field.to(wanted.device), _size(wanted)))

    def _shares_by(self, weights: Sequence[float]) -> list[float]:
        each = len(self._deepest) // len(weights)
        return [weight / sum(weights) / each for weight in weights for _ in range(each)]

    @torch.no_grad()
    def survey(
        self, tile: Tile, features: Mapping[str, Tensor], counts: Mapping[str, Tensor] | None = None
    ) -> Mapping[str, Tensor]:
        """As of `PlaceFinder`: sums, the last of each the number of places; over squares (1, C + 1, rows, columns)."""
        deepest = features[self.layers[0]]
        shrink = shrink_of(self.layers[0])
        start = (tile.own.top // shrink, tile.own.left // shrink)
        counted = torch.cat((deepest.float(), torch.ones_like(deepest[:, :1], dtype=torch.float32)), dim=1)
        counted = counted * counts[self.layers[0]] if counts else counted
        squares = window_sums(counted, start, *_squares_of(tile.places(shrink)))
        sums = {layer: _place_sums(features[layer], counts[layer] if counts else None) for layer in self.layers}
        return {SQUARES: squares, **sums}

    @torch.no_grad()
    def search(self, survey: Mapping[str, Tensor], of_part: bool = False) -> MatchSearch:
        """As of `PlaceFinder`."""
        means = {layer: survey[layer][:-1] / survey[layer][-1] for layer in self.layers}
        squares, counts = survey[SQUARES][:, :-1], survey[SQUARES][:, -1:]
        if not of_part:
            return MatchSearch(self, means, squares / counts.clamp_min(1))
        return MatchSearch(self, means, squares / counts.where(counts > 0, 1), (counts > 0)[0, 0])

    def searched(self, wanted: Tensor, edge: int, part: Tensor | None = None) -> _Matches:
        """The nearest places of all styles, at prices.

        Args:
            wanted: (1, C, h, w), means over squares of the deepest map.
            edge: of a square.
            part: (h, w), bool, those that the prices are for; all if not given.
        """
        layer = self.styles[self.layers[0]]
        if edge > 1:
            lines = [square_means(own, edge) for own in self._lines]
            layer = _Layer.of([square_means(style, edge) for style in self._deepest], lines)
        offered = layer.directions
        if part is None:
            wanting = asking = self.wanting(wanted)
        else:
            wanting = self.wanting(wanted, wanted[0, :, part].float().mean(dim=1))
            asking = wanting[part.flatten()]
        share = torch.cat(
            [
                torch.full((count,), share / count, device=wanted.device)
                for share, count in zip(self._shares, layer.counts, strict=True)
            ]
        )
        if self._lines and self._field is not None:
            ways = shares_of_bins(self._field.to(offered.device))
            share = share * (aligned(offered[:, -2:] / LINES_WEIGHT, bins(offered.device)) @ ways)
            share = share / share.sum()
        found = nearest(wanting, offered, prices(asking, offered, share))
        starts, _, widths = layer.maps().unbind()
        styles = torch.bucketize(found, starts, right=True) - 1
        within = found - starts[styles]
        width = widths[styles]
        places = torch.stack((within // width, within % width), dim=1)
        size = _size(wanted)
        return _Matches(styles.view(size), places.view(*size, 2))


class MatchSearch:
    """A `PlaceSearch`: the places of one picture, and which of the styles' they should be like.

    Args:
        matcher: with the styles.
        means: (C,) of each layer.
        squares: (1, C, rows, columns), means over squares of the deepest layer, which are few; zero where none of a
            square's places were surveyed.
        part: (rows, columns), bool, squares of which any place counts; None where all do.
    Attributes:
        layers: of the matcher.
    """

    def __init__(
        self, matcher: Matcher, means: Mapping[str, Tensor], squares: Tensor, part: Tensor | None = None
    ) -> None:
        self.layers = matcher.layers
        self._part = part
        self._matcher = matcher
        self._means = means
        self._squares = squares
        self._searched: _Matches | None = None
        self._found: dict[tuple[Tile, str], Tensor] = {}

    @torch.no_grad()
    def target(self, tile: Tile, layer: str, features: Mapping[str, Tensor]) -> Tensor:
        """As of `PlaceSearch`."""
        if (tile, layer) not in self._found:
            self._descend(tile, features)
        numbers = self._found[tile, layer]
        places = self._matcher.styles[layer].features.index_select(0, numbers.flatten())
        return places.T.reshape(1, -1, *numbers.shape)

    def _descend(self, tile: Tile, features: Mapping[str, Tensor]) -> None:
        """Find a tile's places: each looks around where its parent is, from the deepest layer's squares on."""
        shrink = shrink_of(self.layers[0])
        edge, _ = _squares_of(tile.places(shrink))
        matches = self._matches_of_squares(edge)
        start, factor = (tile.own.top // shrink, tile.own.left // shrink), edge
        before = None  # of the squares the deepest layer has as many places as they have
        for layer in self.layers:
            wanted, factor = features[layer], factor * shrink // shrink_of(layer)
            parents = Parents.of(matches.size, _size(wanted), factor, wanted.device, start)
            reach = max(REACH, edge) if layer == self.layers[0] else REACH
            styles = self._matcher.styles[layer]
            scales = [
                (own[0] / last[0], own[1] / last[1]) if before else (edge, edge)
                for own, last in zip(styles.sizes, before or styles.sizes, strict=True)
            ]
            wanting = self._matcher.wanting(wanted, self._means[layer], tile.own)
            matches = _descended(matches, parents, wanting, styles, scales, reach)
            self._found[tile, layer] = matches.numbers(styles)
            shrink, start, factor, before = shrink_of(layer), (0, 0), 1, styles.sizes

    def _matches_of_squares(self, edge: int) -> _Matches:
        """Of the whole picture."""
        if self._searched is None:
            self._searched = self._matcher.searched(self._squares, edge, self._part)
        return self._searched


def _squares_of(places: tuple[int, int]) -> tuple[int, tuple[int, int]]:
    """Edge of the squares that divide a map of so many rows and columns, and the rows and columns of squares."""
    edge = math.ceil(math.sqrt(math.prod(places) / SEARCHED_PLACES))
    return edge, (math.ceil(places[0] / edge), math.ceil(places[1] / edge))


def _place_sums(features: Tensor, counts: Tensor | None) -> Tensor:
    """Over all places of a map (1, C, h, w), by how much they count, and how many they are: (C + 1,), float32."""
    if counts is not None:
        sums = (features.float() * counts).sum(dim=(0, 2, 3))
        return torch.cat((sums, counts.sum()[None]))
    sums = features.float().flatten(2)[0].T.sum(dim=0)
    return torch.cat((sums, sums.new_full((1,), math.prod(features.shape[2:]))))


def _descended(
    coarse: _Matches,
    parents: Parents,
    wanting: Tensor,
    layer: _Layer,
    scales: Sequence[tuple[float, float]],
    reach: int,
) -> _Matches:
    """Matches of a finer map: each place looks around where its parent is, in that one's style.

    Each style has a scale: how many rows and columns it has for one of the coarse.
    """
    styles = parents.values(coarse.styles)
    of_styles = torch.tensor(tuple(zip(*scales, strict=True)), dtype=torch.float32)
    rows, columns = of_styles.to(styles.device, non_blocking=True).unbind()
    guesses = parents.refined(coarse.places, (rows[styles], columns[styles]))
    places = nearest_around(wanting, layer.directions, guesses, layer.maps()[:, styles.flatten()], reach)
    return _Matches(styles, places.view(*styles.shape, 2))


def _with_lines(own: Tensor, lines: Tensor) -> Tensor:
    """Directions of features (N, C) and the way strokes run (1, 2, h, w), by its weight: (N, C + 2)."""
    return torch.cat((own, LINES_WEIGHT * lines.flatten(2)[0].T.to(own)), dim=1)


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return torch.cat(tuple(parts)) if len(parts) > 1 else parts[0].contiguous()


def _size(features: Tensor) -> tuple[int, int]:
    return features.shape[2], features.shape[3]
