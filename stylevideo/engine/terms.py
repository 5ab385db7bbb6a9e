"""The parts of the style loss: what a layer's features should be like, each part at one layer.

A picture may be looked at tile by tile, so what a term must know of the whole is a sum over tiles; what those add in
which nothing moves is looked at once and then kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from stylevideo.ops.losses import Unit, add_gram_gradient, gram_matrix, shares
from stylevideo.ops.regions import counts_of
from stylevideo.ops.tiles import Tile
from stylevideo.settings.schema import shrink_of

AddGradientOfTile = Callable[[Tile, Tensor, Tensor], object]
"""(tile, features, gradient): adds, in place, a gradient by a tile's own features (1, C, h, w) to what is given."""
Survey = Mapping[str, Tensor]
"""Sums of a finder, see `PlaceFinder.survey`."""


class StyleTerm(Protocol):
    """One part of the style loss.

    Attributes:
        layer: of the network.
        weight: among the terms, which are averaged by it.
    """

    @property
    def layer(self) -> str: ...  # noqa: D102 - see above

    @property
    def weight(self) -> float: ...  # noqa: D102

    def statistics(self, tile: Tile, features: Tensor) -> Tensor:
        """What a tile adds to what must be known of the picture: of its own features (1, C, h, w)."""
        ...

    def evaluated(self, statistics: Tensor, unit: Unit, factor: float) -> tuple[Tensor, AddGradientOfTile]:
        """How far a layer's features are from what they should be like.

        Args:
            statistics: the sum over all tiles.
            unit: in what the square is measured.
            factor: of the gradient.
        Returns:
            The distance, a scalar, and what adds factor times its gradient by the features of any tile.
        """
        ...

    def within(self, part: Tensor, share: float) -> StyleTerm:
        """The same for a part of the picture (1, 1, H, W), which is this share of it: each place counts as before."""
        ...


@dataclass(frozen=True)
class GramTerm:
    """What a layer's channels have to do with each other should be as in the style, over the whole or over a region.

    Attributes:
        layer, weight: see `StyleTerm`.
        target: (1, C, C), the Gram matrix.
        region: (1, 1, H, W), 0..1, at the frame's size: where the term counts; None is everywhere.
    """

    layer: str
    target: Tensor
    weight: float = 1.0
    region: Tensor | None = None

    def statistics(self, tile: Tile, features: Tensor) -> Tensor:
        """Its part of the Gram matrix."""
        return gram_matrix(features, self._share(tile))

    def evaluated(self, statistics: Tensor, unit: Unit, factor: float) -> tuple[Tensor, AddGradientOfTile]:
        """Between the Gram matrices."""
        apart = statistics - self.target
        square = unit(self.target)

        def add(tile: Tile, features: Tensor, gradient: Tensor) -> None:
            add_gram_gradient(features, apart * (2 * factor / square), self._share(tile), gradient)

        return apart.square().sum() / square, add

    def within(self, part: Tensor, share: float) -> GramTerm:
        """As of `StyleTerm`."""
        return replace(self, region=part, weight=self.weight * share)

    def _share(self, tile: Tile) -> Tensor | int:
        """How much a tile's own places count; or, where all count alike, how many there are in the picture."""
        shrink = shrink_of(self.layer)
        size = tile.places(shrink)
        if self.region is None:
            return math.prod(size)
        return tile.own.of(shares(self.region.to(self.target.device), size), shrink).contiguous()


class PlaceSearch(Protocol):
    """Tells for each place of one picture what it should be like, which then holds while the picture changes.

    Attributes:
        layers: whose places are given a target.
    """

    @property
    def layers(self) -> tuple[str, ...]: ...  # noqa: D102

    def target(self, tile: Tile, layer: str, features: Mapping[str, Tensor]) -> Tensor:
        """What a tile's own places at a layer should be like, the same whenever it is asked: (1, C, h, w).

        Args:
            tile: of the picture.
            layer: one of these.
            features: as for `PlaceFinder.survey`, of the same picture.
        """
        ...


class PlaceFinder(Protocol):
    """Finds places in pictures.

    Attributes:
        layers: whose places are given a target.
    """

    @property
    def layers(self) -> tuple[str, ...]: ...  # noqa: D102

    def survey(self, tile: Tile, features: Mapping[str, Tensor], counts: Mapping[str, Tensor] | None = None) -> Survey:
        """What a tile adds to what must be known of the picture: sums, by names of the finder's own.

        Args:
            tile: of the picture.
            features: its own (1, C, h, w), at least of these layers.
            counts: how much each of its places counts, (1, 1, h, w) by layer; all alike if not given.
        """
        ...

    def search(self, survey: Survey, of_part: bool = False) -> PlaceSearch:
        """For the places of a picture of whose tiles this is the sum; or of those of its places that count."""
        ...

    def steered(self, field: Tensor) -> PlaceFinder:
        """The same for a picture whose strokes should run along a field, (1, 2, H, W), at the picture's size."""
        ...


class WeighedFinder(PlaceFinder, Protocol):
    """Finds places by styles that weigh something."""

    def weighted(self, weights: Sequence[float]) -> WeighedFinder:
        """The same for styles of other weights, all above 0; nothing of the styles is found anew."""
        ...


@dataclass(frozen=True)
class LookFinder:
    """Finds the places of one look.

    Attributes:
        finder: of its styles.
        part: (1, 1, H, W), 0..1, at the picture's size: where it is painted; it is somewhere.
        says: likewise, how much each place says of it.
    """

    finder: PlaceFinder
    part: Tensor
    says: Tensor

    def shares(self, tile: Tile, layer: str) -> Tensor:
        """Its share of each of a tile's own places at a layer: (1, 1, h, w)."""
        return _own(tile, layer, _at(tile, layer, self.part))

    def counts(self, tile: Tile) -> dict[str, Tensor]:
        """How much each of a tile's own places says of it, by layer: (1, 1, h, w)."""
        return {layer: _own(tile, layer, counts_of(_at(tile, layer, self.says))) for layer in self.finder.layers}


class RegionalFinder:
    """A `PlaceFinder` of several looks, all of one kind.

    Args:
        looks: at least one.
    Attributes:
        layers: as each of them has them.
    """

    def __init__(self, looks: Sequence[LookFinder]) -> None:
        self.layers = looks[0].finder.layers
        self._looks = tuple(looks)

    @torch.no_grad()
    def survey(
        self, tile: Tile, features: Mapping[str, Tensor], counts: Mapping[str, Tensor] | None = None
    ) -> Mapping[str, Tensor]:
        """As of `PlaceFinder`: each look's own sums; what counts of a tile, the looks say."""
        return {
            f"{place} {name}": sums
            for place, look in enumerate(self._looks)
            for name, sums in look.finder.survey(tile, features, look.counts(tile)).items()
        }

    def search(self, survey: Survey, of_part: bool = True) -> RegionalSearch:
        """As of `PlaceFinder`."""
        searches = []
        for place, look in enumerate(self._looks):
            begin = f"{place} "
            own = {name.removeprefix(begin): sums for name, sums in survey.items() if name.startswith(begin)}
            searches.append((look, look.finder.search(own, of_part=True)))
        return RegionalSearch(searches)

    def steered(self, field: Tensor) -> RegionalFinder:
        """As of `PlaceFinder`."""
        return RegionalFinder([replace(look, finder=look.finder.steered(field)) for look in self._looks])


class RegionalSearch:
    """A `PlaceSearch` of several looks.

    Args:
        searches: of each look.
    Attributes:
        layers: whose places are given a target.
    """

    def __init__(self, searches: Sequence[tuple[LookFinder, PlaceSearch]]) -> None:
        self.layers = searches[0][1].layers
        self._searches = tuple(searches)

    @torch.no_grad()
    def target(self, tile: Tile, layer: str, features: Mapping[str, Tensor]) -> Tensor:
        """As of `PlaceSearch`: on the way from what is there to each look's target as far as its share goes."""
        own = features[layer]
        target = own.clone()
        for look, search in self._searches:
            share = look.shares(tile, layer).to(own.dtype)
            target += share * (search.target(tile, layer, features) - own)
        return target


def _at(tile: Tile, layer: str, part: Tensor) -> Tensor:
    """A part of the whole picture at the size of a layer's map."""
    return F.interpolate(part, size=tile.places(shrink_of(layer)), mode="area")


def _own(tile: Tile, layer: str, maps: Tensor) -> Tensor:
    return tile.own.of(maps, shrink_of(layer)).contiguous()


@dataclass(frozen=True)
class Rest:
    """What resting parts add to sums over a picture.

    Attributes:
        statistics: of the style's terms.
        surveys: of the style's finders.
        places: of targets of places and of distances from them, by layer, as of `resting_sums`.
        content: likewise of the source's features.
        others: (n,), of the terms of `LossTerms` behind style and content.
    """

    statistics: tuple[Tensor, ...]
    surveys: tuple[Survey, ...]
    places: Mapping[str, Tensor]
    content: Mapping[str, Tensor]
    others: Tensor

    def times(self, factor: float) -> Rest:
        """Of so many times as large parts that are like these."""
        return self._each(lambda sums: sums * factor)

    def to(self, device: torch.device | str) -> Rest:
        """The same on another device."""
        return self._each(lambda sums: sums.to(device))

    def _each(self, change: Callable[[Tensor], Tensor]) -> Rest:
        def changed(sums: Survey) -> Survey:
            return {name: change(own) for name, own in sums.items()}

        return Rest(
            tuple(map(change, self.statistics)),
            tuple(map(changed, self.surveys)),
            changed(self.places),
            changed(self.content),
            change(self.others),
        )


def added(sums: Survey | None, more: Survey) -> Survey:
    """Sums by name and what is to be added; None before there are any."""
    return more if sums is None else {name: sums[name] + own for name, own in more.items()}
