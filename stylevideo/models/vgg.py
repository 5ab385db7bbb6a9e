"""VGG-19's convolution layers: features at named layers, and the way back from them. Knows nothing of files and losses.

K. Simonyan, A. Zisserman: Very deep convolutional networks for large-scale image recognition (2015).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.grad import conv2d_input

from stylevideo.settings.schema import VGG19_LAYERS

CHANNELS_PER_BLOCK = (64, 128, 256, 512, 512)
FIRST_OF_BLOCK = {f"relu{block}_1" for block in range(2, len(CHANNELS_PER_BLOCK) + 1)}
LAST_OF_BLOCK = {before for before, layer in pairwise(VGG19_LAYERS) if layer in FIRST_OF_BLOCK}

Convolution = tuple[Tensor, Tensor]
"""A layer's kernel (out, in, 3, 3) and bias (out,)."""
AddGradient = Callable[[Tensor], object]
"""Adds, in place, a loss's gradient by a layer's features to what is given, (1, C, h, w), and may return anything."""


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
        self.kernels.to(dtype).to(memory_format=torch.channels_last)
        self.biases.to(dtype)
        self.identity = _identity(convolutions)

    @torch.no_grad()
    def forward(self, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Compute the named layers' features, and no layer deeper than they need.

        Args:
            image: (1, 3, H, W), RGB, 0..1.
            layers: names such as "relu4_2"; see `VGG19_LAYERS`.
        Returns:
            The features (1, C, h, w) of each layer by name, after its ReLU; of the convolutions' type. No gradient
            passes through them: see `trace`.
        """
        features: dict[str, Tensor] = {}
        deepest = max(VGG19_LAYERS.index(layer) for layer in layers)
        x = self._padded(image)
        for position, layer in enumerate(VGG19_LAYERS[: deepest + 1]):
            if layer in FIRST_OF_BLOCK:
                x = F.max_pool2d(x, 2)
            x = self._convolved(x, position).relu_()
            if layer in layers:
                features[layer] = x
        return features

    @torch.no_grad()
    def trace(self, image: Tensor, layers: Sequence[str]) -> Trace:
        """As `forward`, keeping what the way back to the picture needs.

        That is less than automatic differentiation would keep or write: each ReLU works in place, and where nobody
        asks for the features before a pooling, after it, on a quarter of the numbers: the result is the same.
        """
        trace = Trace()
        deepest = max(VGG19_LAYERS.index(layer) for layer in layers)
        trace.pass_by(self._unpadded)
        x = self._padded(image)
        for position, layer in enumerate(VGG19_LAYERS[: deepest + 1]):
            kernel, size, padding = self.kernels[position], x.shape, _padding(position)
            trace.pass_by(partial(conv2d_input, size, kernel, padding=padding))
            x = self._convolved(x, position)
            is_pooled = layer in LAST_OF_BLOCK and position < deepest
            if layer in layers or not is_pooled:
                trace.pass_by(partial(_unless_zero, x.relu_()))
            if layer in layers:
                trace.stop_at(layer, x)
            if is_pooled:
                size = x.shape
                x, indices = F.max_pool2d(x, 2, return_indices=True)
                trace.pass_by(partial(_unpooled, indices, size))
                if layer not in layers:
                    trace.pass_by(partial(_unless_zero, x.relu_()))
        return trace

    def _padded(self, image: Tensor) -> Tensor:
        """As the first layer wants it, with a border of one pixel, of the convolutions' type."""
        x = (image * self.scale - self.mean).to(self.convolution_dtype, memory_format=torch.channels_last)
        return F.pad(x, (1, 1, 1, 1), mode="replicate")

    def _unpadded(self, gradient: Tensor) -> Tensor:
        """The way back to the picture: by hand, since `torch.autograd.grad` loads SymPy first, for half a second."""
        inside = gradient[..., 1:-1, 1:-1]  # of which the size alone is asked for
        within: Tensor = torch.ops.aten.replication_pad2d_backward(gradient, inside, [1, 1, 1, 1])
        return within.float() * self.scale

    def _convolved(self, x: Tensor, position: int) -> Tensor:
        return F.conv2d(x, self.kernels[position], self.biases[position], padding=_padding(position))


class Trace:
    """A picture's features, with the way back from them to the picture; it can be gone once.

    Attributes:
        features: (1, C, h, w) by layer, of the convolutions' type.
    """

    def __init__(self) -> None:
        self.features: dict[str, Tensor] = {}
        self._way: list[str | Callable[[Tensor], Tensor]] = []

    def pass_by(self, back: Callable[[Tensor], Tensor]) -> None:
        """Add a step, by what takes a gradient by its result to one by what it was given; it may work in place."""
        self._way.append(back)

    def stop_at(self, layer: str, features: Tensor) -> None:
        """Say that the way passes by a layer's features."""
        self.features[layer] = features
        self._way.append(layer)

    @torch.no_grad()
    def gradient(self, parts: Mapping[str, Sequence[AddGradient]]) -> Tensor:
        """A loss's gradient by the picture.

        Args:
            parts: of the loss, by the layer whose features they are of; at least one, of any layers that were asked
                for.
        Returns:
            (1, 3, H, W), float32.
        """
        gradient: Tensor | None = None
        while self._way:
            step = self._way.pop()  # what it kept is free from then on
            if not isinstance(step, str):
                gradient = None if gradient is None else step(gradient)
                continue
            for add in parts.get(step, ()):
                gradient = torch.zeros_like(self.features[step]) if gradient is None else gradient
                add(gradient)
        if gradient is None:
            raise ValueError("no part of the loss belongs to a layer that was asked for")
        return gradient


def _padding(position: int) -> int:
    return 1 if position else 0  # the picture brings its border


def _unless_zero(features: Tensor, gradient: Tensor) -> Tensor:
    """The way back through a ReLU, in place."""
    torch.ops.aten.threshold_backward.grad_input(gradient, features, 0, grad_input=gradient)
    return gradient


def _unpooled(indices: Tensor, size: torch.Size, gradient: Tensor) -> Tensor:
    """The way back through a pooling of 2x2, laid out as convolutions want it: `F.max_unpool2d` is not on a card."""
    found = torch.empty(size, dtype=gradient.dtype, device=gradient.device, memory_format=torch.channels_last)
    square = [2, 2]
    # What was pooled is asked for its size alone.
    torch.ops.aten.max_pool2d_with_indices_backward.grad_input(
        gradient, found, square, square, [0, 0], [1, 1], False, indices, grad_input=found
    )
    return found


def _identity(convolutions: Sequence[Convolution]) -> str:
    digest = hashlib.sha256()
    for kernel, bias in convolutions:
        digest.update(kernel.detach().cpu().contiguous().numpy().data)
        digest.update(bias.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()
