"""Steadied flow: plain surfaces go with the camera, not with what passes in front of them."""

from __future__ import annotations

import pytest
import torch
from image_fixtures import noise_image
from torch import Tensor

from stylevideo.motion.camera import use_camera_motion
from stylevideo.motion.flow import DISFlow
from stylevideo.motion.visibility import visibility
from stylevideo.ops.warp import warp

HEIGHT, WIDTH = 96, 160
PLAIN = slice(88, 160)


def texture(height: int, width: int, seed: int) -> Tensor:
    small = noise_image(height // 4, width // 4, seed)
    return torch.nn.functional.interpolate(small, size=(height, width), mode="bicubic").clamp(0, 1)


def scene(camera_px: int, passer_px: int) -> Tensor:
    """A wall, rough on the left and plain on the right, seen through the camera; someone passes before it."""
    rough = texture(HEIGHT, 320, 1)[..., 40 + camera_px : 40 + camera_px + WIDTH]
    image = rough.clone()
    image[..., PLAIN] = 0.4
    left = 70 + passer_px
    image[..., 30:70, left : left + 28] = texture(40, 28, 2)
    return image


def flows(camera_px: int) -> tuple[Tensor, Tensor]:
    """Raw and steadied flow to the frame before."""
    before, now = scene(0, 0), scene(camera_px, 6)
    there, back = DISFlow().between(now, before), DISFlow().between(before, now)
    return there, use_camera_motion(there, visibility(there, back), now, before)[0]


@pytest.mark.parametrize("camera_px", [0, 2])
def test_a_plain_wall_goes_with_the_camera(camera_px: int) -> None:
    raw, steadied = flows(camera_px)
    wall = (0, 0, slice(20, 80), slice(116, 150))
    crawling, held = ((flow[wall] - camera_px).abs().mean() for flow in (raw, steadied))
    assert crawling > 0.3, "nothing to be mended"
    assert held < 0.1


@pytest.mark.parametrize("camera_px", [0, 2])
def test_who_passes_keeps_their_own_motion(camera_px: int) -> None:
    _, steadied = flows(camera_px)
    passer = (0, 0, slice(40, 60), slice(84, 96))
    assert float(steadied[passer].median()) == pytest.approx(-6, abs=0.5)


def test_without_structure_the_flow_stays_as_it_is() -> None:
    image = torch.full((1, 3, HEIGHT, WIDTH), 0.5)
    flow = torch.randn(1, 2, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(1))
    same, of_camera = use_camera_motion(flow, torch.zeros(1, 1, HEIGHT, WIDTH), image, image)
    assert torch.equal(same, flow)
    assert of_camera.max() == 0


def test_where_nobody_agrees_there_is_no_camera() -> None:
    """Water beside a plain wall: any motion explains the wall, but the water's is no camera's."""
    waves = torch.nn.functional.interpolate(20 * noise_image(6, 10, 4) - 10, size=(HEIGHT, WIDTH), mode="bicubic")
    before = texture(HEIGHT, WIDTH, 3)
    now = warp(before, waves[:, :2])
    now[..., PLAIN] = before[..., PLAIN] = 0.5
    same, _ = use_camera_motion(waves[:, :2], torch.ones(1, 1, HEIGHT, WIDTH), now, before)
    assert torch.equal(same, waves[:, :2])
