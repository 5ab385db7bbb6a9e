"""A picture's features, tile by tile: those of a single tile are there once, those of several one after the other.

Knows the network and tiles; knows nothing of losses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from stylevideo.models.vgg import VGG19, AddGradient, Trace
from stylevideo.ops.fine_structure import REACH_PX
from stylevideo.ops.tiles import Tile, tiles_of
from stylevideo.rectangle import Rectangle
from stylevideo.settings.schema import reach_of, shrink_of
from stylevideo.system.heartbeat import beat

LEAST_STEP_PX = 2
"""Of which corners of tiles are multiples, so that pictures made half as large have theirs at whole pixels."""


def network_tiles(
    size: tuple[int, int], edge: int, layers: Sequence[str], parts: Sequence[Rectangle] | None = None
) -> tuple[Tile, ...]:
    """Tiles whose own features, at any of these layers, are those of the whole picture.

    Args:
        size: height and width of the picture.
        edge: of a tile, as of `tiles_of`.
        layers: of the network.
        parts: of the picture that they cover, all of it if not given.
    """
    covered, around = (None,) if parts is None else parts, surroundings_of(layers)
    return tuple(tile for part in covered for tile in tiles_of(size, edge, step_of(layers), around, part))


def step_of(layers: Sequence[str]) -> int:
    """Pixels of which tiles' corners are multiples, where these layers are looked at."""
    return max((LEAST_STEP_PX, *map(shrink_of, layers)))


def surroundings_of(layers: Sequence[str]) -> int:
    """Pixels around a tile that decide its own features, where these layers are looked at, and its fine structure."""
    return max(reach_of(layers) if layers else 0, REACH_PX)


class Looks:
    """The features of a picture, as often as they are asked for.

    Those of the last tile that was looked at are kept; or those of all, where there is memory for that.

    Args:
        vgg: the network.
        image: (1, 3, H, W); it does not change meanwhile.
        tiles: of it.
        layers: that are looked at.
        is_traced: whether the way back to the picture is asked for, too.
        keeps_all: whether the features of all tiles are kept.
    Attributes:
        vgg, image, tiles, keeps_all: as they were given.
    """

    def __init__(
        self,
        vgg: VGG19,
        image: Tensor,
        tiles: Sequence[Tile],
        layers: Sequence[str],
        is_traced: bool = False,
        keeps_all: bool = False,
    ) -> None:
        self.vgg, self.image, self.tiles, self.keeps_all = vgg, image, tiles, keeps_all or len(tiles) == 1
        self._layers, self._is_traced = layers, is_traced
        self._kept: dict[Tile, tuple[Mapping[str, Tensor], Trace | None]] = {}

    def of(self, tile: Tile) -> Mapping[str, Tensor]:
        """A tile's own features (1, C, h, w) by layer."""
        return self._look(tile)[0]

    def trace(self, tile: Tile) -> Trace:
        """The features of all that a tile sees, with the way back from them, which can be gone once: it is not kept.

        Raises:
            ValueError: it is not asked for.
        """
        trace = self._look(tile)[1]
        if trace is None:
            raise ValueError("nobody asked for the way back")
        del self._kept[tile]
        return trace

    def forget(self) -> None:
        """Keep nothing."""
        self._kept.clear()

    def _look(self, tile: Tile) -> tuple[Mapping[str, Tensor], Trace | None]:
        if tile not in self._kept:
            beat()
            if not self.keeps_all:
                self.forget()
            seen = tile.seen_of(self.image)
            trace = self.vgg.trace(seen, self._layers) if self._is_traced else None
            features = trace.features if trace else self.vgg(seen, self._layers)
            self._kept[tile] = (_own(tile, features), trace)
        return self._kept[tile]


def _own(tile: Tile, features: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """A tile's own part of the features of all that it sees: a copy, since what sums them up reads whole maps."""
    if tile.is_whole:
        return features
    return {
        layer: tile.own_of(there, shrink_of(layer)).contiguous(memory_format=torch.channels_last)
        for layer, there in features.items()
    }


def back_to_seen(tile: Tile, layer: str, parts: Sequence[AddGradient]) -> Sequence[AddGradient]:
    """Of parts of a loss by a tile's own features those by the features of all that it sees."""
    if tile.is_whole or not parts:
        return parts

    def add(gradient: Tensor) -> None:
        own = tile.own_of(gradient, shrink_of(layer))
        sums = torch.zeros_like(own, memory_format=torch.channels_last)
        for part in parts:
            part(sums)
        own += sums

    return [add]
