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
from dataclasses import dataclass

import torch
from torch import Tensor

from stylevideo.ops.matching import (
    Parents,
    directions,
    mean_place,
    nearest,
    nearest_around,
    prices,
    square_means,
)
from stylevideo.ops.tiles import Tile, window_sums
from stylevideo.settings.schema import shrink_of

SEARCHED_PLACES = 1 << 12
"""Of a frame's deepest map; of a larger one, means over squares are searched, then around what is found."""
REACH = 2
"""Places each way that a finer layer looks at around its parent's."""


@dataclass(frozen=True)
class _Map:
    """One style's features at one layer.

    Attributes:
        directions: (h·w, C).
        size: h and w.
        start: how many places the styles before it have.
    """

    directions: Tensor
    size: tuple[int, int]
    start: int


@dataclass(frozen=True)
class _Layer:
    """All styles' features at one layer.

    Attributes:
        maps: of each style.
        features: (N, C), of one style after the other.
    """

    maps: tuple[_Map, ...]
    features: Tensor

    @classmethod
    def of(cls, styles: Sequence[Tensor]) -> _Layer:
        """From (1, C, h, w) of each style."""
        flat = [style[0].flatten(1).T for style in styles]
        counts = [len(places) for places in flat]
        maps = [_Map(directions(own), _size(own), sum(counts[:before])) for before, own in enumerate(styles)]
        return cls(tuple(maps), torch.cat(flat) if len(flat) > 1 else flat[0].contiguous())


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
        starts, widths = _starts_and_widths(layer.maps, self.styles.device)
        rows, columns = self.places.unbind(dim=2)
        numbers: Tensor = starts[self.styles] + rows * widths[self.styles] + columns
        return numbers.int()


class Matcher:
    """Finds what each place of a frame should be like.

    Args:
        styles: of each style the features (1, C, h, w) by layer, at least those of the matched layers.
        weights: of the styles: as large a part of a frame's places gets each.
        layers: that are matched.
    Attributes:
        layers: likewise, the deepest first.
        styles: their features at each layer.
    """

    def __init__(self, styles: Sequence[Mapping[str, Tensor]], weights: Sequence[float], layers: Sequence[str]) -> None:
        self.layers = tuple(sorted(layers, reverse=True))  # from the deepest on
        self.styles = {layer: _Layer.of([style[layer] for style in styles]) for layer in self.layers}
        self._deepest = [style[self.layers[0]] for style in styles]
        self._shares = [weight / sum(weights) for weight in weights]

    def search(self) -> MatchSearch:
        """As of `PlaceFinder`."""
        return MatchSearch(self)

    def searched(self, wanted: Tensor, edge: int) -> _Matches:
        """The nearest places of all styles, at prices.

        Args:
            wanted: (1, C, h, w), means over squares of the deepest map.
            edge: of a square.
        """
        maps = self.styles[self.layers[0]].maps
        if edge > 1:
            maps = _Layer.of([square_means(style, edge) for style in self._deepest]).maps
        wanting = directions(wanted)
        offered = torch.cat([style.directions for style in maps])
        counts = [len(style.directions) for style in maps]
        share = torch.cat(
            [
                torch.full((count,), share / count, device=wanted.device)
                for share, count in zip(self._shares, counts, strict=True)
            ]
        )
        found = nearest(wanting, offered, prices(wanting, offered, share))
        starts, widths = _starts_and_widths(maps, wanted.device)
        styles = torch.bucketize(found, starts, right=True) - 1
        within = found - starts[styles]
        width = widths[styles]
        places = torch.stack((within // width, within % width), dim=1)
        size = _size(wanted)
        return _Matches(styles.view(size), places.view(*size, 2))


def _starts_and_widths(maps: Sequence[_Map], device: torch.device) -> Tensor:
    """Two rows of whole numbers, one for each style; nobody waits until they are there."""
    rows = ([style.start for style in maps], [style.size[1] for style in maps])
    return torch.tensor(rows).to(device, non_blocking=True)


class MatchSearch:
    """A `PlaceSearch`: the places of one picture, and which of the styles' they should be like.

    Args:
        matcher: with the styles.
    Attributes:
        layers: of the matcher.
    """

    def __init__(self, matcher: Matcher) -> None:
        self.layers = matcher.layers
        self._matcher = matcher
        self._means: dict[str, Tensor] = {}
        self._squares: Tensor | None = None
        self._searched: _Matches | None = None
        self._found: dict[tuple[Tile, str], Tensor] = {}

    @torch.no_grad()
    def survey(self, tile: Tile, features: Mapping[str, Tensor]) -> None:
        """As of `PlaceSearch`: the means, and means over squares of the deepest layer, which are few."""
        for layer in self.layers:
            places = math.prod(tile.places(shrink_of(layer)))
            part = mean_place(features[layer]) * (math.prod(features[layer].shape[2:]) / places)
            self._means[layer] = self._means[layer] + part if layer in self._means else part
        size, edge, shrink = self._squares_of(tile), self._edge(tile), shrink_of(self.layers[0])
        start = (tile.own.top // shrink, tile.own.left // shrink)
        sums = window_sums(features[self.layers[0]], start, edge, size)
        self._squares = sums if self._squares is None else self._squares + sums

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
        matches, edge = self._matches_of_squares(tile), self._edge(tile)
        shrink = shrink_of(self.layers[0])
        start, factor = (tile.own.top // shrink, tile.own.left // shrink), edge
        before = None  # of the squares the deepest layer has as many places as they have
        for layer in self.layers:
            wanted, factor = features[layer], factor * shrink // shrink_of(layer)
            parents = Parents.of(matches.size, _size(wanted), factor, wanted.device, start)
            reach = max(REACH, edge) if layer == self.layers[0] else REACH
            styles = self._matcher.styles[layer]
            scales = [
                (own.size[0] / last.size[0], own.size[1] / last.size[1]) if before else (edge, edge)
                for own, last in zip(styles.maps, before or styles.maps, strict=True)
            ]
            wanting = directions(wanted, self._means[layer])
            matches = _descended(matches, parents, wanting, list(zip(styles.maps, scales, strict=True)), reach)
            self._found[tile, layer] = matches.numbers(styles)
            shrink, start, factor, before = shrink_of(layer), (0, 0), 1, styles.maps

    def _matches_of_squares(self, tile: Tile) -> _Matches:
        """Of the whole picture."""
        if self._searched is None:
            assert self._squares is not None, "all tiles were surveyed"
            shrink, edge, device = shrink_of(self.layers[0]), self._edge(tile), self._squares.device
            one = torch.ones(1, 1, *tile.places(shrink), device=device)
            counts = window_sums(one, (0, 0), edge, self._squares_of(tile))
            self._searched = self._matcher.searched(self._squares / counts, edge)
            self._squares = None
        return self._searched

    def _edge(self, tile: Tile) -> int:
        """Of the squares, in places of the deepest layer."""
        return math.ceil(math.sqrt(math.prod(tile.places(shrink_of(self.layers[0]))) / SEARCHED_PLACES))

    def _squares_of(self, tile: Tile) -> tuple[int, int]:
        """Rows and columns of squares in the whole picture."""
        rows, columns = tile.places(shrink_of(self.layers[0]))
        return math.ceil(rows / self._edge(tile)), math.ceil(columns / self._edge(tile))


def _descended(
    coarse: _Matches,
    parents: Parents,
    wanting: Tensor,
    maps: Sequence[tuple[_Map, tuple[float, float]]],
    reach: int,
) -> _Matches:
    """Matches of a finer map: each place looks around where its parent is.

    Each style's map comes with the rows and columns that it has for one of the coarse.
    """
    styles = parents.values(coarse.styles)
    chosen_by = styles.flatten()
    places = torch.zeros(len(wanting), 2, dtype=torch.long, device=wanting.device)
    for number, (style, scale) in enumerate(maps):
        chosen = (chosen_by == number).nonzero()[:, 0] if len(maps) > 1 else slice(None)
        guesses = parents.refined(coarse.places, scale)[chosen]
        places[chosen] = nearest_around(wanting[chosen], style.directions, guesses, style.size, reach)
    return _Matches(styles, places.view(*styles.shape, 2))


def _size(features: Tensor) -> tuple[int, int]:
    return features.shape[2], features.shape[3]
