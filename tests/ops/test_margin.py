"""The margin: mirrored or extended, cut off again; what lies next to a picture's border is painted like the rest."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from image_fixtures import noise_image

from stylevideo.engine.carry import extended_motion
from stylevideo.engine.sequence import stylize_sequence
from stylevideo.engine.targets import StyleTargets
from stylevideo.models.vgg import VGG19
from stylevideo.motion.estimate import Motion, ReferenceMatch
from stylevideo.motion.frame import Frame
from stylevideo.ops.margin import MARGIN_PX, extended, with_margin, without_margin
from stylevideo.settings.settings import Settings

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


def test_outside_all_moves_as_at_the_border() -> None:
    flow, visible = noise_image(40, 24)[:, :2] * 5, noise_image(40, 24, 1)[:, :1]
    match = ReferenceMatch(8, -flow, 1 - visible)
    motion = extended_motion(Motion(flow, visible, (match,), match), with_margin(noise_image(40, 24)))
    for values, wide in ((flow, motion.flow_to_previous), (visible, motion.visible)):
        assert torch.equal(wide, F.pad(values, PADDING, mode="replicate"))
    for seen in (*motion.reference_matches, motion.anchor):
        assert seen is not None
        assert torch.equal(seen.flow, -motion.flow_to_previous)
        assert torch.equal(seen.seen, 1 - motion.visible)


def test_no_rim_shows_at_the_border(vgg: VGG19, make_targets: Callable[[Settings], StyleTargets]) -> None:
    """On no side do the outermost two lines of pixels differ much from the next two, as some such pairs further in do.

    By at most 0.36 times as much as those; without the margin by 1.2, 0.8 and 0.6 times on three sides.
    """
    wide = F.interpolate(noise_image(8, 12), scale_factor=8.0, mode="bicubic").clamp(0, 1)
    settings = Settings().with_values(first_iterations=60)
    ((result, _),) = stylize_sequence([(Frame(0, wide), None)], None, vgg, make_targets(settings), settings)
    image = result.image
    for side in (image, image.flip(2), image.transpose(2, 3), image.transpose(2, 3).flip(2)):
        strays = [stray(side, line) for line in range(0, 24, 2)]
        assert strays[0] < 0.5 * max(strays[4:])


def stray(image: torch.Tensor, line: int) -> float:
    """Mean square difference of the mean of two lines from that of the next two."""
    near, far = (image[..., line + k : line + k + 2, :].mean(2) for k in (0, 2))
    return float((near - far).square().mean())
