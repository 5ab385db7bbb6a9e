"""Moves a frame's features, as a cloud, onto the styles': the target of the painter by transport.

Knows features of styles and of a picture; knows nothing of frames or time.

Y. Mroueh: Wasserstein style transfer (2020), arXiv:1905.12828, for Wasserstein-2 between Gaussians of features. Targets
that hold for a while, as those of matched places, are our own use of it: where they are found, the square of the way
to them has the distance's own gradient, and no root of a matrix is differentiated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from stylevideo.engine.terms import PlaceTerm
from stylevideo.ops.transport import blended, moments, transported


class Transporter:
    """Finds where each place of a frame belongs when all of them are spread like the styles' places.

    Args:
        styles: of each style the features (1, C, h, w) by layer, at least those of the given layers.
        weights: of the styles: as large a part of the cloud is each.
        layers: whose places are moved.
    Attributes:
        layers: likewise.
    """

    def __init__(self, styles: Sequence[Mapping[str, Tensor]], weights: Sequence[float], layers: Sequence[str]) -> None:
        self.layers = tuple(layers)
        parts = [weight / sum(weights) for weight in weights]
        self._clouds = {layer: blended([moments(style[layer]) for style in styles], parts) for layer in self.layers}

    @torch.no_grad()
    def terms(self, features: Mapping[str, Tensor], weight: float) -> list[PlaceTerm]:
        """As of `PlaceFinder`."""
        each = weight / len(self.layers)
        return [PlaceTerm(layer, transported(features[layer], *cloud), each) for layer, cloud in self._clouds.items()]
