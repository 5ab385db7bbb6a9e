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
from stylevideo.settings.schema import reach_of, shrink_of
from stylevideo.system.heartbeat import beat

LEAST_STEP_PX = 2
"""Of which corners of tiles are multiples, so that pictures made half as large have theirs at whole pixels."""


def network_tiles(size: tuple[int, int], edge: int, layers: Sequence[str]) -> tuple[Tile, ...]:
    """Tiles whose own features, at any of these layers, are those of the whole picture.

    Args:
        size: height and width of the picture.
        edge: of a tile, as of `tiles_of`.
        layers: of the network.
    """
    step = max(map(shrink_of, layers), default=LEAST_STEP_PX)
    reach = reach_of(layers) if layers else 0
    return tiles_of(size, edge, max(step, LEAST_STEP_PX), max(reach, REACH_PX))


class Looks:
    """The features of a picture, as often as they are asked for; those of the last tile that was looked at are kept.

    Args:
        vgg: the network.
        image: (1, 3, H, W); it does not change meanwhile.
        tiles: of it.
        layers: that are looked at.
        is_traced: whether the way back to the picture is asked for, too.
    Attributes:
        vgg, image, tiles: as they were given.
    """

    def __init__(
        self, vgg: VGG19, image: Tensor, tiles: Sequence[Tile], layers: Sequence[str], is_traced: bool = False
    ) -> None:
        self.vgg, self.image, self.tiles = vgg, image, tiles
        self._layers, self._is_traced = layers, is_traced
        self._last: tuple[Tile, Mapping[str, Tensor], Trace | None] | None = None

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
        self.forget()
        return trace

    def forget(self) -> None:
        """Keep nothing."""
        self._last = None

    def _look(self, tile: Tile) -> tuple[Mapping[str, Tensor], Trace | None]:
        if self._last is None or self._last[0] != tile:
            beat()
            self.forget()
            seen = tile.seen_of(self.image)
            trace = self.vgg.trace(seen, self._layers) if self._is_traced else None
            features = trace.features if trace else self.vgg(seen, self._layers)
            self._last = (tile, _own(tile, features), trace)
        return self._last[1:]


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
