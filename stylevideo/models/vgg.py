"""VGG-19's convolution layers: features at named layers. Knows nothing of files and of losses.

K. Simonyan, A. Zisserman: Very deep convolutional networks for large-scale image recognition (2015).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylevideo.settings.schema import VGG19_LAYERS

CHANNELS_PER_BLOCK = (64, 128, 256, 512, 512)
FIRST_OF_BLOCK = {f"relu{block}_1" for block in range(2, len(CHANNELS_PER_BLOCK) + 1)}

Convolution = tuple[Tensor, Tensor]
"""A layer's kernel (out, in, 3, 3) and bias (out,)."""


@dataclass(frozen=True)
class InputConvention:
    """How a network wants its pictures: picture * scale - mean, then perhaps the channels reversed.

    Attributes:
        scale: factors on the picture's 0..1, for red, green, blue.
        mean: what is subtracted after that, for red, green, blue.
        bgr: whether the first layer expects blue, green, red.
    """

    scale: tuple[float, float, float]
    mean: tuple[float, float, float]
    bgr: bool


class VGG19(nn.Module):
    """Frozen VGG-19 features.

    The first layer repeats the border's pixels instead of padding with zeros, which would darken the
    picture's edges and draw the optimiser's attention to them.

    Attributes:
        identity: SHA-256 of all kernels and biases: which weights these are, wherever they came from.
    """

    scale: Tensor
    mean: Tensor

    def __init__(
        self,
        convolutions: Sequence[Convolution],
        convention: InputConvention,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.convolution_dtype = dtype
        self.register_buffer("scale", torch.tensor(convention.scale).view(1, 3, 1, 1))
        self.register_buffer("mean", torch.tensor(convention.mean).view(1, 3, 1, 1))
        # Turning the first kernel once is cheaper than turning every picture.
        first = convolutions[0][0].flip(1) if convention.bgr else convolutions[0][0]
        kernels = [first, *(kernel for kernel, _ in convolutions[1:])]
        self.kernels = nn.ParameterList(nn.Parameter(kernel, requires_grad=False) for kernel in kernels)
        self.biases = nn.ParameterList(nn.Parameter(bias, requires_grad=False) for _, bias in convolutions)
        self.identity = _identity(convolutions)
        self.to(memory_format=torch.channels_last)

    def forward(self, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Compute the named layers' features, and no layer deeper than they need.

        Args:
            image: (1, 3, H, W), RGB, 0..1.
            layers: names such as "relu4_2"; see `VGG19_LAYERS`.
        Returns:
            The features (1, C, h, w) of each layer by name, after its ReLU; of the convolutions' type.
        """
        features: dict[str, Tensor] = {}
        deepest = max(VGG19_LAYERS.index(layer) for layer in layers)
        x = (image * self.scale - self.mean).contiguous(memory_format=torch.channels_last)
        x = F.pad(x, (1, 1, 1, 1), mode="replicate")
        with torch.autocast(image.device.type, self.convolution_dtype, enabled=self._reduced_precision()):
            for position, layer in enumerate(VGG19_LAYERS[: deepest + 1]):
                if layer in FIRST_OF_BLOCK:
                    x = F.max_pool2d(x, 2)
                padding = 0 if position == 0 else 1
                x = F.relu(F.conv2d(x, self.kernels[position], self.biases[position], padding=padding))
                if layer in layers:
                    features[layer] = x
        return features

    def _reduced_precision(self) -> bool:
        return self.convolution_dtype != torch.float32


def _identity(convolutions: Sequence[Convolution]) -> str:
    digest = hashlib.sha256()
    for kernel, bias in convolutions:
        digest.update(kernel.detach().cpu().contiguous().numpy().tobytes())
        digest.update(bias.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
