"""Warping is exact where it can be, keeps detail, and visibility agrees with exact occlusion."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from image_fixtures import noise_image, to_image

from scripts.samples.scenes import render_shot
from stylevideo.errors import ShapeError
from stylevideo.motion.flow import DISFlow
from stylevideo.motion.visibility import deadband, visibility
from stylevideo.ops.warp import warp, warp_crisply, warp_smoothly


def constant_flow(x: float, y: float, height: int = 20, width: int = 24) -> torch.Tensor:
    return torch.tensor([float(x), float(y)]).view(1, 2, 1, 1).expand(1, 2, height, width).contiguous()


def test_zero_flow_is_the_identity() -> None:
    image = noise_image(20, 24)
    torch.testing.assert_close(warp(image, constant_flow(0, 0)), image, atol=1e-6, rtol=0)


@settings(max_examples=25)
@given(x=st.integers(-6, 6), y=st.integers(-6, 6))
def test_a_whole_pixel_flow_is_a_shift(x: int, y: int) -> None:
    image = noise_image(20, 24)
    shifted = torch.roll(image, (-y, -x), (2, 3))
    inside = (..., slice(max(0, -y), 20 - max(0, y)), slice(max(0, -x), 24 - max(0, x)))
    torch.testing.assert_close(warp(image, constant_flow(x, y))[inside], shifted[inside], atol=1e-5, rtol=0)


def test_flow_out_of_the_picture_repeats_its_border() -> None:
    image = noise_image(20, 24)
    warped = warp(image, constant_flow(100, 0))
    torch.testing.assert_close(warped, image[..., -1:].expand_as(warped), atol=1e-5, rtol=0)


def test_half_pixel_shifts_there_and_back_keep_most_of_the_detail() -> None:
    """Twenty resamplings: a bilinear kernel leaves under a tenth of this pattern's contrast."""
    row, column = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    image = 0.5 + 0.4 * torch.sin(column * 2 * torch.pi / 5).expand(1, 3, 64, 64) + 0 * row
    warped = image
    for turn in range(20):
        warped = warp(warped, constant_flow(0.5 if turn % 2 else -0.5, 0, 64, 64))
    middle = (..., slice(24, 40), slice(24, 40))
    assert warped[middle].std() > 0.8 * image[middle].std()


def strokes(height: int = 64, width: int = 64) -> torch.Tensor:
    """A picture whose finest strokes are one to two pixels wide."""
    small = noise_image(height * 5 // 8, width * 5 // 8)
    return torch.nn.functional.interpolate(small, size=(height, width), mode="bicubic").clamp(0, 1)


def there_and_back(
    image: torch.Tensor, carry: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], times: int
) -> float:
    """How much of the differences between neighbouring pixels is left after so many moves by parts of a pixel."""
    height, width = image.shape[2:]
    moved = image
    for turn in range(times):
        sign = 1 if turn % 2 else -1
        moved = carry(moved, constant_flow(0.5 * sign, 0.3 * sign, height, width))
    before, after = (picture[..., 12:-12, 12:-12].diff(dim=3).std() for picture in (image, moved))
    return float(after / before)


def test_crisp_warping_neither_loses_nor_adds_fine_contrast() -> None:
    assert there_and_back(strokes(), warp, 40) < 0.85
    assert 0.92 < there_and_back(strokes(), warp_crisply, 40) < 1.08


def test_no_wave_grows_by_being_warped_often() -> None:
    """Lanczos' own window makes this one 2.5 times as high, which is seen as a weave."""
    column = torch.arange(64.0).expand(1, 3, 64, 64)
    wave = 0.5 + 0.1 * torch.sin(column * 2 * torch.pi / 3.2)
    assert there_and_back(wave, warp, 60) < 1.02


def test_crisp_warping_leaves_plain_places_and_whole_pixels_alone() -> None:
    plain = torch.full((1, 3, 32, 32), 0.4)
    torch.testing.assert_close(warp_crisply(plain, constant_flow(0.5, 0.5, 32, 32)), plain, atol=1e-5, rtol=0)
    image = noise_image(32, 32)
    moved = warp_crisply(image, constant_flow(3, -2, 32, 32))
    torch.testing.assert_close(moved[..., 2:, :-3], image[..., :-2, 3:], atol=1e-5, rtol=0)


def test_smooth_warping_never_overshoots() -> None:
    """A second moment must stay positive, and at least the square of the first where it was so before."""
    first = torch.randn(1, 3, 20, 24, generator=torch.Generator().manual_seed(2)) * 1e-5
    flow = torch.randn(1, 2, 20, 24, generator=torch.Generator().manual_seed(3)) * 4
    moved, second = warp_smoothly(first, flow), warp_smoothly(first.square(), flow)
    assert second.min() >= first.square().min()
    assert second.max() <= first.square().max()
    assert (moved.square() <= second * (1 + 1e-4)).all()


def test_a_warp_refuses_flow_of_another_size() -> None:
    with pytest.raises(ShapeError):
        warp(noise_image(20, 24), constant_flow(0, 0, 20, 25))
    with pytest.raises(ShapeError):
        visibility(constant_flow(0, 0, 20, 24), constant_flow(0, 0, 20, 25))


def test_settle_stops_what_hardly_moves_and_leaves_motion_alone() -> None:
    assert deadband(constant_flow(0.01, 0.01)).abs().max() == 0
    torch.testing.assert_close(deadband(constant_flow(3, -2)), constant_flow(3, -2))
    assert 0 < float(deadband(constant_flow(0.04, 0))[0, 0, 0, 0]) < 0.04
    torch.testing.assert_close(deadband(constant_flow(0.1, 0)), constant_flow(0.1, 0))


def test_consistent_flow_is_visible_and_what_comes_from_outside_is_not() -> None:
    visible = visibility(constant_flow(4, 0), constant_flow(-4, 0))
    assert visible[..., :-4].min() == 1
    assert visible[..., -3:].max() == 0


def test_flow_that_does_not_return_is_hidden() -> None:
    assert visibility(constant_flow(1, 0), constant_flow(2, 0)).max() == 0


def test_visibility_agrees_with_exact_occlusion() -> None:
    """With estimated flow, of the pixels that are really hidden most are found, and few others."""
    engine = DISFlow()
    missed = np.array([], dtype=bool)
    for shot in ("flight", "balloon"):
        before, after = list(render_shot(shot, 2, 320, 180))
        back = engine.between(to_image(after.image), to_image(before.image))
        forth = engine.between(to_image(before.image), to_image(after.image))
        visible = visibility(back, forth)[0, 0].numpy() > 0
        false_alarms = (~visible & after.visible).mean()
        assert false_alarms < 0.15
        wrong = np.abs(back[0].permute(1, 2, 0).numpy() - after.flow_to_previous).max(2) > 1.5
        missed = np.append(missed, visible[~after.visible & wrong])
    assert len(missed) > 50
    assert missed.mean() < 0.5
