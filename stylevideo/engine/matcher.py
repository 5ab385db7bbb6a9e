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
from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Tensor

from stylevideo.engine.terms import PlaceTerm
from stylevideo.ops.matching import directions, nearest, nearest_around, nearest_parents, prices, refined

SEARCHED_PLACES = 1 << 12
"""Of a frame's deepest map; of a larger one, means over squares are searched, then around what is found."""
REACH = 2
"""Places each way that a finer layer looks at around its parent's."""


@dataclass(frozen=True)
class _Map:
    """One style's features at one layer.

    Attributes:
        features: (h·w, C).
        directions: (h·w, C).
        size: h and w.
    """

    features: Tensor
    directions: Tensor
    size: tuple[int, int]

    @classmethod
    def of(cls, features: Tensor) -> _Map:
        return cls(features[0].flatten(1).T.contiguous(), directions(features), _size(features))


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


class Matcher:
    """Finds what each place of a frame should be like.

    Args:
        styles: of each style the features (1, C, h, w) by layer, at least those of the matched layers.
        weights: of the styles: as large a part of a frame's places gets each.
        layers: that are matched.
    Attributes:
        layers: likewise, the deepest first.
    """

    def __init__(self, styles: Sequence[Mapping[str, Tensor]], weights: Sequence[float], layers: Sequence[str]) -> None:
        self.layers = tuple(sorted(layers, reverse=True))  # from the deepest on
        self._maps = {layer: [_Map.of(style[layer]) for style in styles] for layer in self.layers}
        self._deepest = [style[self.layers[0]] for style in styles]
        self._shares = [weight / sum(weights) for weight in weights]

    @torch.no_grad()
    def terms(self, features: Mapping[str, Tensor], weight: float) -> list[PlaceTerm]:
        """As of `PlaceFinder`, the deepest layer first."""
        deepest = features[self.layers[0]]
        pooling = math.ceil(math.sqrt(deepest.shape[2] * deepest.shape[3] / SEARCHED_PLACES))
        maps = self._maps[self.layers[0]]
        if pooling > 1:
            maps = [_Map.of(_pooled(style, pooling)) for style in self._deepest]
        matches = self._searched(_pooled(deepest, pooling), maps)
        terms = []
        for layer in self.layers:
            reach = max(REACH, pooling) if layer == self.layers[0] else REACH
            matches = _descend(matches, maps, features[layer], self._maps[layer], reach)
            maps = self._maps[layer]
            terms.append(PlaceTerm(layer, _gathered(matches, maps), weight / len(self.layers)))
        return terms

    def _searched(self, wanted: Tensor, maps: Sequence[_Map]) -> _Matches:
        """The nearest places of all styles, at prices."""
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
        starts, widths = _on_device(wanted, (0, *accumulate(counts[:-1])), [style.size[1] for style in maps])
        styles = torch.bucketize(found, starts, right=True) - 1
        within = found - starts[styles]
        width = widths[styles]
        places = torch.stack((within // width, within % width), dim=1)
        size = _size(wanted)
        return _Matches(styles.view(size), places.view(*size, 2))


def _on_device(wanted: Tensor, *numbers: Sequence[int]) -> Tensor:
    """Rows of whole numbers where a map is; nobody waits until they are there."""
    return torch.tensor(numbers).to(wanted.device, non_blocking=True)


def _descend(
    coarse: _Matches, coarse_maps: Sequence[_Map], wanted: Tensor, maps: Sequence[_Map], reach: int
) -> _Matches:
    """Matches of a finer map: each place looks around where its parent is."""
    size = _size(wanted)
    wanting = directions(wanted)
    styles = nearest_parents(coarse.styles, size).flatten()
    places = torch.zeros(len(wanting), 2, dtype=torch.long, device=wanted.device)
    for number, (before, style) in enumerate(zip(coarse_maps, maps, strict=True)):
        scale = (style.size[0] / before.size[0], style.size[1] / before.size[1])
        chosen = (styles == number).nonzero()[:, 0] if len(maps) > 1 else slice(None)
        guesses = refined(coarse.places, size, scale)[chosen]
        places[chosen] = nearest_around(wanting[chosen], style.directions, guesses, style.size, reach)
    return _Matches(styles.view(size), places.view(*size, 2))


def _gathered(matches: _Matches, maps: Sequence[_Map]) -> Tensor:
    """The features (1, C, h, w) of the matched places."""
    styles, places = matches.styles.flatten(), matches.places.flatten(0, 1)
    target = maps[0].features.new_empty(len(styles), maps[0].features.shape[1])
    for number, style in enumerate(maps):
        chosen = (styles == number).nonzero()[:, 0] if len(maps) > 1 else slice(None)
        target[chosen] = style.features.index_select(0, places[chosen, 0] * style.size[1] + places[chosen, 1])
    return target.T.reshape(1, -1, *matches.size)


def _pooled(features: Tensor, factor: int) -> Tensor:
    """Means over squares; the features themselves where the factor is 1."""
    if factor == 1:
        return features
    height, width = (math.ceil(edge / factor) for edge in _size(features))
    return F.adaptive_avg_pool2d(features.float(), (height, width))


def _size(features: Tensor) -> tuple[int, int]:
    return features.shape[2], features.shape[3]
