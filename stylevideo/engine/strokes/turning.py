"""Styles turned to several angles, with the way their strokes run at each place: what steered painters choose from.

Knows styles' pictures and the network; knows nothing of frames.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor

from stylevideo.models.vgg import VGG19
from stylevideo.ops.margin import with_margin
from stylevideo.ops.orientation import tensors
from stylevideo.settings.schema import shrink_of

TURNS = 4
"""Angles, evenly spread over half a turn, to which a style is turned: between them its own strokes vary."""
BINS = 8
"""Directions, evenly spread, by which places are told apart."""
SHARPNESS = 4.0
"""How strictly places are told apart by their direction."""
LINE_SIGMA_PX, LEAST_AROUND_PX = 1.0, 2.0
LEAST_POWER = 1e-6


@dataclass(frozen=True)
class TurnedStyle:
    """A style at one angle.

    Attributes:
        features: (1, C, h, w) by layer.
        lines: (1, 2, h, w) by layer: cosine and sine of twice the angle along which strokes run, as long as they agree.
    """

    features: Mapping[str, Tensor]
    lines: Mapping[str, Tensor]


@torch.no_grad()
def turned(image: Tensor, vgg: VGG19, layers: Sequence[str]) -> list[TurnedStyle]:
    """A style's picture (1, 3, H, W), 0..1, at each angle; what turns out of the picture is left out."""
    return [_told(_rotated(image, 180 * turn / TURNS), vgg, layers) for turn in range(TURNS)]


def aligned(lines: Tensor, wanted: Tensor) -> Tensor:
    """How well places suit directions, in times of a place that has none.

    exp(k l·w) / I0(k |l|): over all directions 1 in the mean.

    Args:
        lines: (N, 2), as of `TurnedStyle`.
        wanted: (M, 2), of length 1 or shorter.
    Returns:
        (N, M).
    """
    length = torch.linalg.vector_norm(lines, dim=1, keepdim=True)
    suits: Tensor = (SHARPNESS * lines @ wanted.T).exp() / torch.special.i0(SHARPNESS * length)
    return suits


def bins(device: torch.device) -> Tensor:
    """The directions of the bins: (BINS, 2)."""
    angles = torch.arange(BINS, device=device) * (2 * math.pi / BINS)
    return torch.stack((angles.cos(), angles.sin()), dim=1)


def shares_of_bins(field: Tensor) -> Tensor:
    """How much of a field (1, 2, H, W) runs each way: (BINS,), adding up to 1."""
    small = F.adaptive_avg_pool2d(field, 32).flatten(2)[0].T  # (n, 2)
    found = (SHARPNESS * small @ bins(field.device).T).softmax(dim=1)
    return found.mean(dim=0)


def _told(image: Tensor, vgg: VGG19, layers: Sequence[str]) -> TurnedStyle:
    shown = with_margin(image)
    lines = {layer: _lines(shown, shrink_of(layer)) for layer in layers}
    return TurnedStyle(vgg(shown, layers), lines)


def _lines(image: Tensor, shrink: int) -> Tensor:
    found = F.avg_pool2d(tensors(image, LINE_SIGMA_PX, max(LEAST_AROUND_PX, shrink / 2)), shrink)
    return found[:, :2] / found[:, 2:].clamp_min(LEAST_POWER)


def _rotated(image: Tensor, degrees: float) -> Tensor:
    """The largest part of the same shape of a turned picture that has no corner outside."""
    height, width = image.shape[2:]
    angle = math.radians(degrees)
    sine, cosine = abs(math.sin(angle)), abs(math.cos(angle))
    part = min(height / (height * cosine + width * sine), width / (width * cosine + height * sine))
    planes = image[0].permute(1, 2, 0).contiguous().cpu().numpy()
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    found = torch.from_numpy(
        cv2.warpAffine(planes, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    )
    rows, columns = (max(1, round(edge * part)) for edge in (height, width))
    top, left = (height - rows) // 2, (width - columns) // 2
    inner = found[top : top + rows, left : left + columns]
    return inner.permute(2, 0, 1)[None].clamp(0, 1).to(image.device)
