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

from stylevideo.engine.strokes.turning import BINS, aligned, bins, shares_of_bins
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
        lines: of each style the way strokes run, as of `TurnedStyle`; none where no way is wanted. Then each of the
            weights is that of as many styles as there are of one picture.
    Attributes:
        layers: likewise.
    """

    def __init__(
        self,
        styles: Sequence[Mapping[str, Tensor]],
        weights: Sequence[float],
        layers: Sequence[str],
        lines: Sequence[Mapping[str, Tensor]] = (),
    ) -> None:
        self.layers = tuple(layers)
        self._weights, self._ways = tuple(weights), [1.0]
        if lines:
            self._ways = [1 / BINS] * BINS
            each = len(styles) // len(weights)
            pairs = list(zip(styles, lines, strict=True))
            grouped = [pairs[first : first + each] for first in range(0, len(pairs), each)]
            self._styles = {
                layer: [cloud for group in grouped for cloud in _by_way(group, layer)] for layer in self.layers
            }
        else:
            self._styles = {layer: [moments(style[layer]) for style in styles] for layer in self.layers}
        self._clouds = self._blended()

    def weighted(self, weights: Sequence[float]) -> Transporter:
        """As of `WeighedFinder`."""
        other = copy(self)
        other._weights = tuple(weights)
        other._clouds = other._blended()
        return other

    def steered(self, field: Tensor) -> Transporter:
        """As of `WeighedFinder`."""
        other = copy(self)
        other._ways = shares_of_bins(field).tolist()
        other._clouds = other._blended()
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

    def _blended(self) -> dict[str, Cloud]:
        parts = [weight / sum(self._weights) * way for weight in self._weights for way in self._ways]
        return {layer: blended(clouds, parts) for layer, clouds in self._styles.items()}


def _by_way(group: Sequence[tuple[Mapping[str, Tensor], Mapping[str, Tensor]]], layer: str) -> list[Cloud]:
    """Of a picture at several angles, the cloud of the places whose strokes run each way."""
    sums: Tensor | float = 0.0
    middle = torch.stack([features[layer].float().mean(dim=(0, 2, 3)) for features, _ in group]).mean(dim=0)
    for features, lines in group:
        places = features[layer].float().flatten(2)[0].T - middle
        places = torch.cat((torch.ones_like(places[:, :1]), places), dim=1)
        suits = aligned(lines[layer].flatten(2)[0].T.float(), bins(places.device))
        sums = sums + torch.stack([(places * own[:, None]).T @ places for own in suits.unbind(dim=1)])
    assert isinstance(sums, Tensor), "a picture has angles"
    return [cloud_of(own, middle) for own in sums]


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
