"""What each place of a picture's layers should be like, held while the picture changes.

Knows features, tile by tile, and who finds targets for them; knows nothing of losses' weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from stylevideo.engine.looks import Looks
from stylevideo.engine.targets import StyleAtSize
from stylevideo.engine.terms import PlaceSearch, Rest, Survey, added
from stylevideo.models.vgg import VGG19
from stylevideo.ops.losses import SquareDistance, TargetSums, Unit
from stylevideo.ops.tiles import Tile


class PlaceTargets(Protocol):
    """Targets of places.

    Attributes:
        distances: from them, by layer.
    """

    @property
    def distances(self) -> Mapping[str, SquareDistance]: ...  # noqa: D102

    def of(self, tile: Tile, looks: Looks | None = None) -> Mapping[str, Tensor]:
        """What a tile's own places should be like: (1, C, h, w) by layer.

        Args:
            tile: one of those that the targets were made for.
            looks: of the picture that they were found for, if it has not changed since.
        """
        ...


@dataclass(frozen=True)
class KeptTargets:
    """Those that are there as they are.

    Attributes:
        distances: see `PlaceTargets`.
        kept: by tile and layer.
    """

    distances: Mapping[str, SquareDistance]
    kept: Mapping[Tile, Mapping[str, Tensor]]

    def of(self, tile: Tile, looks: Looks | None = None) -> Mapping[str, Tensor]:
        """As of `PlaceTargets`."""
        return self.kept[tile]


@dataclass(frozen=True)
class SoughtTargets:
    """Those that are made anew for each tile, since those of all tiles together would fill the memory.

    Attributes:
        distances: see `PlaceTargets`.
        searches: that found them, each with the weight of its targets together.
        reference: the picture that they were found for.
    """

    distances: Mapping[str, SquareDistance]
    searches: Sequence[PlaceSearch]
    reference: Looks

    def of(self, tile: Tile, looks: Looks | None = None) -> Mapping[str, Tensor]:
        """As of `PlaceTargets`."""
        features = _Unread(lambda: (looks or self.reference).of(tile))
        targets = {
            layer: distance.mean(targets_of(self.searches, tile, layer, features))
            for layer, distance in self.distances.items()
        }
        self.reference.forget()
        return targets


class _Unread(Mapping[str, Tensor]):
    """Features that are computed when the first of them is read."""

    def __init__(self, read: Callable[[], Mapping[str, Tensor]]) -> None:
        self._read = read

    def __getitem__(self, layer: str) -> Tensor:
        return self._read()[layer]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())


def source_targets(
    vgg: VGG19, frame: Tensor, tiles: Sequence[Tile], layers: Sequence[str], unit: Unit, rest: Rest | None = None
) -> KeptTargets:
    """A frame's own features: the content that a picture should have; with what rests beside the tiles."""
    looks = Looks(vgg, frame, tiles, layers)
    sums = {layer: TargetSums(unit, rest.content[layer] if rest else None) for layer in layers}
    kept = {tile: looks.of(tile) if layers else {} for tile in tiles}
    for features in kept.values():
        for layer, target in features.items():
            sums[layer].add([target])
    return KeptTargets({layer: SquareDistance.of(sums[layer], [1 / len(layers)]) for layer in layers}, kept)


def found_targets(looks: Looks, style: StyleAtSize, unit: Unit, rest: Rest | None = None) -> PlaceTargets:
    """What the places of a picture should become more like, as the style's finders say; with what rests beside them.

    All targets of a place are one. Where all features are kept, the targets are.
    """
    if not style.finders:
        return KeptTargets({}, {tile: {} for tile in looks.tiles})
    surveys = surveyed(looks, looks.tiles, style, rest.surveys if rest else None)
    searches = searches_of(style, surveys)
    layers = layers_of(searches)
    sums = {layer: TargetSums(unit, rest.places[layer] if rest else None) for layer in layers}
    if looks.keeps_all:
        return _kept(looks, style, searches, sums)
    for tile in looks.tiles:
        features = looks.of(tile)
        for layer in layers:
            sums[layer].add(targets_of(searches, tile, layer, features))
    distances = {layer: SquareDistance.of(sums[layer], _weights(style, layer)) for layer in layers}
    reference = Looks(looks.vgg, looks.image.clone(), looks.tiles, layers)
    return SoughtTargets(distances, searches, reference)


def _kept(
    looks: Looks, style: StyleAtSize, searches: Sequence[PlaceSearch], sums: Mapping[str, TargetSums]
) -> KeptTargets:
    """One layer after the other, so that the targets of one alone are there before they become one."""
    distances: dict[str, SquareDistance] = {}
    kept: dict[Tile, dict[str, Tensor]] = {tile: {} for tile in looks.tiles}
    for layer in sums:
        targets = {tile: targets_of(searches, tile, layer, looks.of(tile)) for tile in looks.tiles}
        for each in targets.values():
            sums[layer].add(each)
        distances[layer] = SquareDistance.of(sums[layer], _weights(style, layer))
        for tile, each in targets.items():
            kept[tile][layer] = distances[layer].mean(each)
    return KeptTargets(distances, kept)


def surveyed(
    looks: Looks, tiles: Sequence[Tile], style: StyleAtSize, others: Sequence[Survey] | None = None
) -> list[Survey]:
    """What the style's finders must know of a picture, each: of some of its tiles, and of others."""
    surveys: list[Survey | None] = list(others) if others is not None else [None] * len(style.finders)
    for tile in tiles if surveys else ():
        features = looks.of(tile)
        own = [finder.survey(tile, features) for finder, _ in style.finders]
        surveys = [added(before, more) for before, more in zip(surveys, own, strict=True)]
    return [survey for survey in surveys if survey is not None]


def searches_of(style: StyleAtSize, surveys: Sequence[Survey]) -> list[PlaceSearch]:
    """For the places of the picture that was surveyed."""
    return [finder.search(survey) for (finder, _), survey in zip(style.finders, surveys, strict=True)]


def layers_of(searches: Sequence[PlaceSearch]) -> tuple[str, ...]:
    """Whose places are given targets."""
    return tuple(dict.fromkeys(layer for search in searches for layer in search.layers))


def targets_of(searches: Sequence[PlaceSearch], tile: Tile, layer: str, features: Mapping[str, Tensor]) -> list[Tensor]:
    """Of a tile's own places at a layer: (1, C, h, w) of each search that has any."""
    return [search.target(tile, layer, features) for search in searches if layer in search.layers]


def _weights(style: StyleAtSize, layer: str) -> list[float]:
    """Of a layer's targets among all terms of the style."""
    return [weight / len(finder.layers) / style.weight for finder, weight in style.finders if layer in finder.layers]
