"""The loss of one frame at one size, with its gradient.

Knows one frame and what it should look like; knows nothing of optimisers, videos, flow or files.

L. A. Gatys, A. S. Ecker, M. Bethge: Image style transfer using convolutional neural networks (2016).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stylevideo.engine.frame_losses import FrameLosses
from stylevideo.engine.targets import StyleAtSize
from stylevideo.engine.terms import StyleTerm
from stylevideo.models.vgg import VGG19
from stylevideo.ops.fine_structure import FineStructure
from stylevideo.ops.losses import (
    mean_square_error,
    relative_square_error,
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
        terms = self.terms.cpu()
        weighted = (terms * self.weights.cpu()).tolist()
        return FrameLosses(sum(weighted), sum(weighted[:-1]), *terms.tolist())


class Objective:
    """The loss of one frame at one size.

    total = style_weight * style + content_weight * content + structure_weight * structure + tv_weight * tv
    + temporal_weight * temporal; style is the mean of its terms by their weights, content the mean over its layers,
    structure what is lost of the frame's fine structure. Targets of places are found for the first picture that is
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
        self._places: Sequence[StyleTerm] | None = None
        self._guide = guide
        self._settings = settings
        s = settings
        self._weights = torch.tensor(
            (s.style_weight, s.content_weight, s.structure_weight, s.tv_weight, s.temporal_weight), device=frame.device
        )
        self._distance = relative_square_error if settings.normalization == "target" else mean_square_error
        found = (layer for finder, _ in style.finders for layer in finder.layers)
        layers = (*(term.layer for term in style.terms), *found, *settings.content_layers)
        self._layers = tuple(dict.fromkeys(layers))
        with torch.no_grad():
            features = vgg(frame, settings.content_layers) if settings.content_layers else {}
        self._content = {layer: feature.float() for layer, feature in features.items()}
        self._structure = FineStructure(frame) if settings.structure_weight else None

    def rematch(self) -> None:
        """Find the targets of places anew for the next picture that is evaluated."""
        self._places = None

    def value(self, image: Tensor) -> LossTerms:
        """The loss of a picture (1, 3, H, W)."""
        with torch.no_grad():
            return LossTerms(self._terms(image), self._weights)

    def value_and_grad(self, image: Tensor) -> tuple[LossTerms, Tensor]:
        """The loss of a picture (1, 3, H, W) and its gradient, of the picture's shape; nothing waits for the device."""
        variable = image.detach().requires_grad_()
        terms = self._terms(variable)
        (gradient,) = torch.autograd.grad((terms * self._weights).sum(), variable)
        return LossTerms(terms.detach(), self._weights), gradient

    def _terms(self, image: Tensor) -> Tensor:
        beat()
        features = self._vgg(image, self._layers)
        zero = image.new_zeros(())
        contents = [self._distance(features[layer].float(), target) for layer, target in self._content.items()]
        return torch.stack(
            (
                self._style_term(features, zero),
                torch.stack(contents).mean() if contents else zero,
                self._structure.lost_in(image) if self._structure else zero,
                self._total_variation(image),
                temporal_loss(image, self._guide.held, self._guide.firmness) if self._guide else zero,
            )
        )

    def _style_term(self, features: Mapping[str, Tensor], zero: Tensor) -> Tensor:
        if self._places is None:
            finders = self._style.finders
            self._places = [term for finder, weight in finders for term in finder.terms(features, weight)]
        terms = (*self._style.terms, *self._places)
        weight = sum(term.weight for term in terms)
        parts = [term.distance(features[term.layer], self._distance) * (term.weight / weight) for term in terms]
        return torch.stack(parts).sum() if parts else zero

    def _total_variation(self, image: Tensor) -> Tensor:
        return total_variation(image) if self._settings.normalization == "target" else total_variation_sum(image)
