"""The parts of the style loss: what a layer's features should be like, each part at one layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from stylevideo.models.vgg import AddGradient
from stylevideo.ops.losses import Unit, add_gram_gradient, gram_matrix


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

    def evaluated(self, features: Tensor, unit: Unit, factor: float) -> tuple[Tensor, AddGradient]:
        """How far a layer's features (1, C, h, w) are from what they should be like.

        Args:
            features: of the network's type.
            unit: in what the square is measured.
            factor: of the gradient.
        Returns:
            The distance, a scalar, and what adds factor times its gradient by the features.
        """
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

    def evaluated(self, features: Tensor, unit: Unit, factor: float) -> tuple[Tensor, AddGradient]:
        """Between the Gram matrices."""
        apart = gram_matrix(features, self.region) - self.target
        square = unit(self.target)

        def add(gradient: Tensor) -> None:
            add_gram_gradient(features, apart * (2 * factor / square), self.region, gradient)

        return apart.square().sum() / square, add


@dataclass(frozen=True)
class PlaceTerm:
    """Each place of a layer should be like a target of its own.

    Attributes:
        layer, weight: see `StyleTerm`.
        target: (1, C, h, w).
    """

    layer: str
    target: Tensor
    weight: float = 1.0


class PlaceFinder(Protocol):
    """Finds for each place of a picture what it should be like; the targets then hold while the picture changes.

    Attributes:
        layers: whose places are given a target.
    """

    @property
    def layers(self) -> tuple[str, ...]: ...  # noqa: D102

    def terms(self, features: Mapping[str, Tensor], weight: float) -> Sequence[PlaceTerm]:
        """What a picture should become more like, place by place.

        Args:
            features: the picture's (1, C, h, w), at least of the finder's layers.
            weight: of all terms together.
        """
        ...
