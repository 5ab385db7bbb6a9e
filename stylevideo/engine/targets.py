"""What the optimiser aims for: the styles' terms at a given size.

Knows styles and the network; knows nothing of frames or time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stylevideo.models.vgg import VGG19
from stylevideo.ops.losses import gram_matrix
from stylevideo.ops.pyramid import LEAST_EDGE_PX, fit_long_edge, resize


@dataclass(frozen=True)
class StylePicture:
    """A style that has been read: (1, 3, H, W), 0..1, and its weight among the others."""

    image: Tensor
    weight: float


@dataclass(frozen=True)
class StyleTerm:
    """One part of the style loss: what a layer's statistics should be, and where.

    Attributes:
        layer: of the network.
        target: (1, C, C), the Gram matrix.
        weight: among the terms, which are averaged by it.
        region: (1, 1, H, W), 0..1, at the frame's size: where the term counts; None is everywhere.
    """

    layer: str
    target: Tensor
    weight: float = 1.0
    region: Tensor | None = None


class StyleTargets:
    """The style terms for a frame of a given size, computed once for each size.

    Several styles are blended by the weighted mean of their Gram matrices.

    Args:
        vgg: the network, on its device.
        pictures: at least one style.
        layers: the layers of the style term.
        style_scale: the styles' long edge relative to the frame's. A style is never enlarged beyond
            its own size, which would only teach the film blur, nor made too small for the network.
    """

    def __init__(self, vgg: VGG19, pictures: Sequence[StylePicture], layers: Sequence[str], style_scale: float) -> None:
        self._vgg = vgg
        self._pictures = tuple(pictures)
        self._layers = tuple(layers)
        self._style_scale = style_scale
        self._by_size: dict[tuple[int, int], tuple[StyleTerm, ...]] = {}

    def at(self, size: tuple[int, int]) -> tuple[StyleTerm, ...]:
        """The style terms for a frame of this height and width, one for each layer."""
        if size not in self._by_size:
            self._by_size[size] = tuple(StyleTerm(layer, gram) for layer, gram in self._blend(size).items())
        return self._by_size[size]

    def at_layers(self, layers: Sequence[str]) -> StyleTargets:
        """The same styles, seen by other layers."""
        return StyleTargets(self._vgg, self._pictures, layers, self._style_scale)

    @torch.no_grad()
    def _blend(self, size: tuple[int, int]) -> dict[str, Tensor]:
        total = sum(picture.weight for picture in self._pictures)
        blended: dict[str, Tensor] = {}
        for picture in self._pictures:
            for layer, gram in self._grams(picture.image, size).items():
                part = gram * (picture.weight / total)
                blended[layer] = blended[layer] + part if layer in blended else part
        return blended

    def _grams(self, image: Tensor, size: tuple[int, int]) -> dict[str, Tensor]:
        if not self._layers:
            return {}
        features = self._vgg(fit_style(image, size, self._style_scale), self._layers)
        return {layer: gram_matrix(feature) for layer, feature in features.items()}


def fit_style(image: Tensor, size: tuple[int, int], style_scale: float) -> Tensor:
    """A style's picture as it is shown to the painter of a frame.

    Args:
        image: (1, 3, H, W), 0..1.
        size: the frame's height and width.
        style_scale: as of `StyleTargets`.
    Returns:
        (1, 3, h, w), 0..1.
    """
    height, width = image.shape[2:]
    least = LEAST_EDGE_PX * max(height, width) / min(height, width)
    long_edge = min(max(size) * style_scale, max(height, width))
    return resize(image, fit_long_edge(height, width, math.ceil(max(least, long_edge))))
