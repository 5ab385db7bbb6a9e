"""The loss of one frame at one size, with its gradient.

Knows one frame and what it should look like; knows nothing of optimisers, videos, flow or files.

L. A. Gatys, A. S. Ecker, M. Bethge: Image style transfer using convolutional neural networks (2016).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from stylevideo.engine.frame_losses import FrameLosses
from stylevideo.engine.targets import StyleAtSize
from stylevideo.engine.terms import PlaceTerm
from stylevideo.models.vgg import VGG19, AddGradient
from stylevideo.ops.fine_structure import FineStructure
from stylevideo.ops.losses import (
    SquareDistance,
    color_variation,
    entries,
    own_square,
    temporal_loss,
    total_variation,
    total_variation_sum,
)
from stylevideo.settings.sections import LossSettings
from stylevideo.system.heartbeat import beat


@dataclass(frozen=True)
class TemporalTarget:
    """What earlier frames say of this one.

    Attributes:
        held: (1, 3, H, W), earlier results where their things are now: what the frame is held to.
        firmness: (1, 1, H, W), 0..1, how firmly.
    """

    held: Tensor
    firmness: Tensor


@dataclass(frozen=True)
class LossTerms:
    """A frame's loss where it was computed; to read it as numbers makes the host wait for the device.

    Attributes:
        terms: (5,), float32: style, content, structure, total variation and temporal term, without their weights.
        weights: (5,), on the same device.
    """

    terms: Tensor
    weights: Tensor

    @property
    def total(self) -> Tensor:
        """What is minimised, a scalar on the device."""
        return (self.terms * self.weights).sum()

    def numbers(self) -> FrameLosses:
        """The same as plain numbers."""
        terms, weights = torch.stack((self.terms, self.weights)).tolist()
        weighted = [term * weight for term, weight in zip(terms, weights, strict=True)]
        return FrameLosses(sum(weighted), sum(weighted[:-1]), *terms)


class Objective:
    """The loss of one frame at one size.

    total = style_weight * style + content_weight * content + structure_weight * structure + tv_weight * tv
    + temporal_weight * temporal; style is the mean of its terms by their weights, content the mean over its layers,
    structure what is lost of the frame's fine structure, tv the variation of the picture and, by a factor, that of its
    colours. Targets of places are found for the first picture that is
    evaluated, and stay what they are until `rematch`.

    Args:
        vgg: the network.
        frame: (1, 3, H, W), the source's frame at the size of the picture to be optimised.
        style: what it should look like.
        guide: what earlier frames say, or None.
        settings: weights, layers and normalisation.
    """

    def __init__(
        self,
        vgg: VGG19,
        frame: Tensor,
        style: StyleAtSize,
        guide: TemporalTarget | None,
        settings: LossSettings,
    ) -> None:
        self._vgg = vgg
        self._style = style
        self._places: dict[str, SquareDistance] | None = None
        self._guide = guide
        self._settings = settings
        s = settings
        weights = (s.style_weight, s.content_weight, s.structure_weight, s.tv_weight, s.temporal_weight)
        self._weights = torch.tensor(weights).to(frame.device, non_blocking=True)
        self._unit = own_square if settings.normalization == "target" else entries
        found = (layer for finder, _ in style.finders for layer in finder.layers)
        layers = (*(term.layer for term in style.terms), *found, *settings.content_layers)
        self._layers = tuple(dict.fromkeys(layers))
        features = vgg(frame, settings.content_layers) if settings.content_layers else {}
        each = [1 / max(1, len(features))]
        self._content = {
            layer: SquareDistance.of([target], each, self._unit, like=target) for layer, target in features.items()
        }
        self._structure = FineStructure(frame) if settings.structure_weight else None

    def rematch(self) -> None:
        """Find the targets of places anew for the next picture that is evaluated."""
        self._places = None

    @torch.no_grad()
    def value(self, image: Tensor) -> LossTerms:
        """The loss of a picture (1, 3, H, W)."""
        beat()
        style, content, _ = self._of_features(self._vgg(image, self._layers))
        return LossTerms(torch.stack((style, content, *self._of_picture(image))), self._weights)

    def value_and_grad(self, image: Tensor) -> tuple[LossTerms, Tensor]:
        """The loss of a picture (1, 3, H, W) and its gradient, of the picture's shape; nothing waits for the device."""
        beat()
        trace = self._vgg.trace(image, self._layers)
        with torch.no_grad():
            style, content, parts = self._of_features(trace.features)
        variable = image.detach().requires_grad_()
        others = torch.stack(self._of_picture(variable))
        (gradient,) = torch.autograd.grad((others * self._weights[2:]).sum(), variable, materialize_grads=True)
        gradient += trace.gradient(parts)
        return LossTerms(torch.cat((torch.stack((style, content)), others.detach())), self._weights), gradient

    def _of_features(self, features: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, dict[str, list[AddGradient]]]:
        """The style and the content term, and what adds the loss's gradient by each layer's features."""
        parts: dict[str, list[AddGradient]] = {layer: [] for layer in self._layers}
        if self._places is None:
            self._places = self._found(features)
        style = self._weights.new_zeros(())
        weight = self._settings.style_weight
        for term in self._style.terms:
            part = term.weight / self._style.weight
            value, add = term.evaluated(features[term.layer], self._unit, weight * part)
            style = style + part * value
            parts[term.layer].append(add)
        style = style + self._squares(self._places, features, weight, parts)
        return style, self._squares(self._content, features, self._settings.content_weight, parts), parts

    def _squares(
        self,
        distances: Mapping[str, SquareDistance],
        features: Mapping[str, Tensor],
        weight: float,
        parts: Mapping[str, list[AddGradient]],
    ) -> Tensor:
        """The sum of distances by layer; adds what goes back from it, times a weight, to the parts of the loss."""
        total = self._weights.new_zeros(())
        for layer, distance in distances.items():
            total = total + distance.value(features[layer])
            parts[layer].append(partial(distance.add_gradient, features[layer], weight))
        return total

    def _found(self, features: Mapping[str, Tensor]) -> dict[str, SquareDistance]:
        """Of each layer all targets of its places as one."""
        terms: dict[str, list[PlaceTerm]] = {}
        for finder, weight in self._style.finders:
            for term in finder.terms(features, weight):
                terms.setdefault(term.layer, []).append(term)
        whole = self._style.weight
        return {
            layer: SquareDistance.of(
                [term.target for term in there],
                [term.weight / whole for term in there],
                self._unit,
                like=features[layer],
            )
            for layer, there in terms.items()
        }

    def _of_picture(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What is lost of fine structure, total variation and temporal term."""
        zero = self._weights.new_zeros(())
        return (
            self._structure.lost_in(image) if self._structure else zero,
            self._total_variation(image),
            temporal_loss(image, self._guide.held, self._guide.firmness) if self._guide else zero,
        )

    def _total_variation(self, image: Tensor) -> Tensor:
        if self._settings.normalization == "raw":
            return total_variation_sum(image)
        factor = self._settings.tv_color
        return total_variation(image) + factor * color_variation(image) if factor else total_variation(image)
