"""Colours of pictures: the brightness of one with the colours of another, and palettes, which are fitted to each other.

Knows pictures as they are painted, 0..1 and encoded for a display; knows no light, no styles and no videos.

L. A. Gatys, M. Bethge, A. Hertzmann, E. Shechtman: Preserving color in neural artistic style transfer (2016),
arXiv:1606.05897, for both ways: luminance alone, and a style whose palette is the content's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stylevideo.ops.transport import Transport, blended, moments

LUMA_709 = (0.2126, 0.7152, 0.0722)
"""Weights of ITU-R BT.709: what screens show as brightness."""
LEAST_WAY = 0.5
"""So far luma goes towards the one luma of a saturated primary."""


def brightness_709(image: Tensor) -> Tensor:
    """Luma of BT.709: (1, 3, H, W) to (1, 1, H, W), 0..1."""
    weights = image.new_tensor(LUMA_709).view(3, 1, 1)
    return (image * weights).sum(dim=1, keepdim=True)


def with_colors_of(source: Tensor, painted: Tensor, amount: float) -> Tensor:
    """A painted picture with its source's colours: the blend mode "color" of image editors.

    Each pixel has the painting's luma and the source's difference from grey. Where the gamut has no such colour, the
    nearest luma is taken at which it has one. Saturated primaries have one luma alone, and would not be painted at all:
    the fewer there are, the less of the way is gone, down to half of it, and the difference from grey is made smaller
    instead. Hues do not change.

    Args:
        source: (1, 3, H, W), 0..1; what a plate has beyond that is kept where the luma allows it.
        painted: (1, 3, H, W), 0..1.
        amount: 0 leaves the painting as it is; between 0 and 1 colours lie between the two.
    Returns:
        (1, 3, H, W), 0..1, or as far as the source goes.
    """
    difference = source - brightness_709(source)
    lowest, highest = source.amin(dim=1, keepdim=True).clamp_max(0), source.amax(dim=1, keepdim=True).clamp_min(1)
    darkest = lowest - difference.amin(dim=1, keepdim=True)
    lightest = highest - difference.amax(dim=1, keepdim=True)
    luma = brightness_709(painted)
    nearest = torch.minimum(torch.maximum(luma, darkest), lightest)
    luma = torch.lerp(luma, nearest, (LEAST_WAY + lightest - darkest).clamp_max(1))
    room = torch.where(difference > 0, highest - luma, luma - lowest)
    share = (room / difference.abs().clamp_min(torch.finfo(room.dtype).tiny)).amin(dim=1, keepdim=True).clamp_max(1)
    colored = torch.minimum(torch.maximum(luma + share * difference, lowest), highest)  # rounding leads beyond
    return torch.lerp(painted, colored, amount)


@dataclass(frozen=True)
class Palette:
    """How colours are spread.

    Attributes:
        mean: (3,), float32, 0..1.
        covariance: (3, 3), float32.
    """

    mean: Tensor
    covariance: Tensor

    @classmethod
    def of(cls, image: Tensor, opacity: Tensor | None = None) -> Palette | None:
        """Of a picture's pixels.

        Args:
            image: (1, 3, H, W), 0..1.
            opacity: (1, 1, H, W), 0..1, how much each pixel counts; alike if not given.
        Returns:
            None where nothing counts.
        """
        if opacity is None:
            return cls(*moments(image))
        weight = opacity.flatten().double()
        total = float(weight.sum())
        if total == 0:
            return None
        pixels = image[0].flatten(1).T.double()  # (N, 3)
        mean = weight @ pixels / total
        centred = pixels - mean
        return cls(mean.float(), (centred.T @ (weight[:, None] * centred) / total).float())

    @classmethod
    def together(cls, palettes: Sequence[Palette]) -> Palette:
        """Of several pictures, at least one, that count alike."""
        clouds = [(palette.mean, palette.covariance) for palette in palettes]
        return cls(*blended(clouds, [1 / len(clouds)] * len(clouds)))

    @classmethod
    def from_lists(cls, mean: list[float], covariance: list[list[float]]) -> Palette:
        """From what `to_lists` gave: exactly the same."""
        return cls(torch.tensor(mean), torch.tensor(covariance))

    def to_lists(self) -> tuple[list[float], list[list[float]]]:
        """Mean and covariance as plain numbers."""
        return self.mean.tolist(), self.covariance.tolist()


def fitted_to(palette: Palette, image: Tensor, amount: float) -> Tensor:
    """A picture whose colours are moved, each as little as possible, so that they are spread as a palette's.

    Args:
        palette: mean and covariance that are wanted.
        image: (1, 3, H, W), 0..1.
        amount: 0 leaves the picture as it is, 1 moves its colours all the way.
    Returns:
        (1, 3, H, W), 0..1.
    """
    wanted = (palette.mean.to(image.device), palette.covariance.to(image.device))
    moved = Transport.between(moments(image), wanted).of(image)
    return torch.lerp(image, moved.clamp(0, 1), amount)
