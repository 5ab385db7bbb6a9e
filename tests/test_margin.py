"""The margin: mirrored or extended, cut off again; what lies next to a picture's border is painted like the rest."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from image_fixtures import noise_image

from stylevideo.models.vgg import VGG19
from stylevideo.motion import Frame
from stylevideo.ops.margin import MARGIN_PX, extended, with_margin, without_margin
from stylevideo.settings import Settings
from stylevideo.targets import StyleTargets
from stylevideo.temporal import stylize_sequence

PADDING = (MARGIN_PX,) * 4


@pytest.mark.parametrize("size", [(40, 24), (MARGIN_PX + 1, 64)])
def test_a_margin_mirrors_or_extends(size: tuple[int, int]) -> None:
    image = noise_image(*size)
    assert torch.equal(with_margin(image), F.pad(image, PADDING, mode="reflect"))
    assert torch.equal(extended(image), F.pad(image, PADDING, mode="replicate"))
    assert torch.equal(without_margin(with_margin(image)), image)


def test_bytes_and_tiny_pictures_get_a_margin_too() -> None:
    tiny = (noise_image(3, 1) * 255).byte()
    assert with_margin(tiny).shape == (1, 3, 3 + 2 * MARGIN_PX, 1 + 2 * MARGIN_PX)
    assert torch.equal(without_margin(with_margin(tiny)), tiny)


def test_no_rim_shows_at_the_border(vgg: VGG19, make_targets: Callable[[Settings], StyleTargets]) -> None:
    """The outermost two pixels stray from those two further in no more than those do from the next."""
    wide = F.interpolate(noise_image(16, 24), scale_factor=8.0, mode="bicubic").clamp(0, 1)
    settings = Settings().with_values(first_iterations=60)
    ((result, _),) = stylize_sequence([(Frame(0, wide), None)], None, vgg, make_targets(settings), settings)
    image = result.image

    def stray(row: int) -> float:
        near, far = (image[..., row + k : row + k + 2, :].mean(2) for k in (0, 2))
        return float((near - far).square().mean())

    inner = max(stray(row) for row in range(8, 24, 2))
    assert stray(0) < 1.5 * inner
