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
from stylevideo.engine.terms import PlaceSearch
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
            layer: distance.mean(_targets(self.searches, tile, layer, features))
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


def source_targets(vgg: VGG19, frame: Tensor, tiles: Sequence[Tile], layers: Sequence[str], unit: Unit) -> KeptTargets:
    """A frame's own features: the content that a picture should have."""
    looks, sums = Looks(vgg, frame, tiles, layers), {layer: TargetSums(unit) for layer in layers}
    kept = {tile: looks.of(tile) if layers else {} for tile in tiles}
    for features in kept.values():
        for layer, target in features.items():
            sums[layer].add([target])
    return KeptTargets({layer: SquareDistance.of(sums[layer], [1 / len(layers)]) for layer in layers}, kept)


def found_targets(looks: Looks, style: StyleAtSize, unit: Unit) -> PlaceTargets:
    """What the places of a picture should become more like, as the style's finders say.

    All targets of a place are one. Of a single tile they are kept.
    """
    searches = [finder.search() for finder, _ in style.finders]
    if not searches:
        return KeptTargets({}, {tile: {} for tile in looks.tiles})
    layers = tuple(dict.fromkeys(layer for search in searches for layer in search.layers))
    for tile in looks.tiles:
        features = looks.of(tile)
        for search in searches:
            search.survey(tile, features)
    sums = {layer: TargetSums(unit) for layer in layers}
    distances: dict[str, SquareDistance] = {}
    kept: dict[str, Tensor] = {}
    for tile in looks.tiles:
        features = looks.of(tile)
        for layer in layers:
            targets = _targets(searches, tile, layer, features)
            sums[layer].add(targets)
            if len(looks.tiles) == 1:
                distances[layer] = SquareDistance.of(sums[layer], _weights(style, layer))
                kept[layer] = distances[layer].mean(targets)
    if kept:
        return KeptTargets(distances, {looks.tiles[0]: kept})
    distances = {layer: SquareDistance.of(sums[layer], _weights(style, layer)) for layer in layers}
    reference = Looks(looks.vgg, looks.image.clone(), looks.tiles, layers)
    return SoughtTargets(distances, searches, reference)


def _targets(searches: Sequence[PlaceSearch], tile: Tile, layer: str, features: Mapping[str, Tensor]) -> list[Tensor]:
    return [search.target(tile, layer, features) for search in searches if layer in search.layers]


def _weights(style: StyleAtSize, layer: str) -> list[float]:
    """Of a layer's targets among all terms of the style."""
    return [weight / len(finder.layers) / style.weight for finder, weight in style.finders if layer in finder.layers]
