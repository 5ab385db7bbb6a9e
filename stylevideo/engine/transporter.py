"""Moves a frame's features, as a cloud, onto the styles': the target of the painter by transport.

Knows features of styles and of a picture; knows nothing of frames or time.

Y. Mroueh: Wasserstein style transfer (2020), arXiv:1905.12828, for Wasserstein-2 between Gaussians of features. Targets
that hold for a while, as those of matched places, are our own use of it: where they are found, the square of the way
to them has the distance's own gradient, and no root of a matrix is differentiated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy

import torch
from torch import Tensor

from stylevideo.ops.tiles import Tile
from stylevideo.ops.transport import RIDGE, Transport, blended, cloud_of, moments, ridge_of, sums_about

Cloud = tuple[Tensor, Tensor]
"""Mean (C,) and covariance (C, C)."""


class Transporter:
    """Finds where each place of a frame belongs when all of them are spread like the styles' places.

    Args:
        styles: of each style the mean and covariance of features by layer, at least of the given layers.
        weights: of the styles: as large a part of the cloud is each.
        layers: whose places are moved.
    Attributes:
        layers: likewise.
    """

    def __init__(self, styles: Sequence[Mapping[str, Tensor]], weights: Sequence[float], layers: Sequence[str]) -> None:
        self.layers = tuple(layers)
        self._styles = {layer: [moments(style[layer]) for style in styles] for layer in self.layers}
        self._clouds = self._blended(weights)

    def weighted(self, weights: Sequence[float]) -> Transporter:
        """As of `WeighedFinder`."""
        other = copy(self)
        other._clouds = self._blended(weights)
        return other

    @torch.no_grad()
    def survey(
        self, tile: Tile, features: Mapping[str, Tensor], counts: Mapping[str, Tensor] | None = None
    ) -> Mapping[str, Tensor]:
        """As of `PlaceFinder`: sums about the styles' means."""
        return {
            layer: sums_about(features[layer], mean, counts[layer] if counts else None)
            for layer, (mean, _) in self._clouds.items()
        }

    @torch.no_grad()
    def search(self, survey: Mapping[str, Tensor], of_part: bool = False) -> TransportSearch:
        """As of `PlaceFinder`."""
        own = {layer: cloud_of(survey[layer], mean) for layer, (mean, _) in self._clouds.items()}
        ridges = {layer: ridge_of(survey[layer][0, 0], len(own[layer][0])) if of_part else RIDGE for layer in own}
        ways = {layer: Transport.between(own[layer], self._clouds[layer], ridges[layer]) for layer in self.layers}
        return TransportSearch(ways)

    def _blended(self, weights: Sequence[float]) -> dict[str, Cloud]:
        parts = [weight / sum(weights) for weight in weights]
        return {layer: blended(clouds, parts) for layer, clouds in self._styles.items()}


class TransportSearch:
    """A `PlaceSearch`: where the places of one picture belong.

    Args:
        ways: there, by layer.
    Attributes:
        layers: likewise.
    """

    def __init__(self, ways: Mapping[str, Transport]) -> None:
        self.layers = tuple(ways)
        self._ways = ways

    @torch.no_grad()
    def target(self, tile: Tile, layer: str, features: Mapping[str, Tensor]) -> Tensor:
        """As of `PlaceSearch`."""
        return self._ways[layer].of(features[layer])
