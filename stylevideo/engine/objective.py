"""The loss of one frame at one size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from stylevideo.models.vgg import VGG19
from stylevideo.ops.losses import (
    gram_matrix,
    mean_square_error,
    relative_square_error,
    temporal_loss,
    total_variation,
    total_variation_sum,
)
from stylevideo.settings.sections import LossSettings
from stylevideo.system.heartbeat import beat


@dataclass(frozen=True)
class Guide:
    """What earlier frames say of this one.

    Attributes:
        held: (1, 3, H, W), earlier results where their things are now: what the frame is held to.
        firmness: (1, 1, H, W), 0..1, how firmly.
    """

    held: Tensor
    firmness: Tensor


@dataclass(frozen=True)
class FrameLosses:
    """A frame's loss, as last evaluated: before the last step was made.

    Attributes:
        total: what the optimiser saw: the terms by their weights, the temporal one included.
        appearance: the same without the temporal term; comparable between frames and methods.
        style, content, tv, temporal: the terms, without their weights.
    """

    total: float
    appearance: float
    style: float
    content: float
    tv: float
    temporal: float


class Objective:
    """The loss of one frame at one size.

    total = style_weight * style + content_weight * content + tv_weight * tv + temporal_weight * temporal;
    style and content are means over their layers.

    Args:
        vgg: the network.
        frame: (1, 3, H, W), the source's frame at the size of the picture to be optimised.
        style_grams: target Gram matrices by layer.
        guide: what earlier frames say, or None.
        settings: weights, layers and normalisation.
    """

    def __init__(
        self,
        vgg: VGG19,
        frame: Tensor,
        style_grams: Mapping[str, Tensor],
        guide: Guide | None,
        settings: LossSettings,
    ) -> None:
        self._vgg = vgg
        self._style_grams = style_grams
        self._guide = guide
        self._settings = settings
        self._distance = relative_square_error if settings.normalization == "target" else mean_square_error
        self._layers = tuple(dict.fromkeys((*style_grams, *settings.content_layers)))
        with torch.no_grad():
            features = vgg(frame, settings.content_layers) if settings.content_layers else {}
        self._content = {layer: feature.float() for layer, feature in features.items()}

    def terms(self, image: Tensor) -> Tensor:
        """Style, content, total variation and temporal term of a picture, without weights: (4,), float32."""
        beat()
        features = self._vgg(image, self._layers)
        zero = image.new_zeros(())
        styles = [self._distance(gram_matrix(features[layer]), gram) for layer, gram in self._style_grams.items()]
        contents = [self._distance(features[layer].float(), target) for layer, target in self._content.items()]
        return torch.stack(
            (
                torch.stack(styles).mean() if styles else zero,
                torch.stack(contents).mean() if contents else zero,
                self._total_variation(image),
                temporal_loss(image, self._guide.held, self._guide.firmness) if self._guide else zero,
            )
        )

    def weights(self) -> Tensor:
        """The terms' weights, in their order: (4,), on the CPU."""
        s = self._settings
        return torch.tensor((s.style_weight, s.content_weight, s.tv_weight, s.temporal_weight))

    def losses(self, terms: Tensor) -> FrameLosses:
        """Plain numbers from the tensor that `terms` returned; waits for the device."""
        numbers = terms.detach().cpu()
        weighted = (numbers * self.weights()).tolist()
        style, content, tv, temporal = numbers.tolist()
        return FrameLosses(sum(weighted), sum(weighted[:3]), style, content, tv, temporal)

    def _total_variation(self, image: Tensor) -> Tensor:
        return total_variation(image) if self._settings.normalization == "target" else total_variation_sum(image)
