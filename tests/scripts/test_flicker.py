"""Flicker costs JOD: none in a still film, more the more it flickers, and strokes that do not stick cost as well."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from conftest import ROOT
from image_fixtures import noise_image
from torch import Tensor

from scripts.benchmark.clips import BenchmarkClip, ExactMotion, load_clip
from scripts.benchmark.flicker import both_ways, flicker, inverted, steadied
from scripts.benchmark.methods import Film, picture_path
from scripts.benchmark.pictures import part
from scripts.benchmark.steady import SURFACES, judge
from stylevideo.media.images.pictures import to_picture, write_png
from stylevideo.motion.estimate import Motion
from stylevideo.motion.flow import FarnebackFlow
from stylevideo.motion.frame import Frame
from stylevideo.quality.measures import MeasuredFrame, motion_by
from stylevideo.quality.metrics import warping_error

HEIGHT, WIDTH, COUNT, SPEED = 64, 96, 6, 3
FARNEBACK = motion_by(FarnebackFlow())


def blobs(seed: int) -> Tensor:
    """(1, 3, 64, 192), 0..1."""
    return F.interpolate(noise_image(16, 48, seed), scale_factor=4.0, mode="bicubic").clamp(0, 1)


def pan(seed: int, speed: int = SPEED) -> list[Tensor]:
    """A camera over blobs, exactly so many pixels a frame."""
    return [blobs(seed)[..., index * speed : index * speed + WIDTH] for index in range(COUNT)]


def paired(source: list[Tensor], film: list[Tensor]) -> list[MeasuredFrame]:
    return [(Frame(index, image), picture) for index, (image, picture) in enumerate(zip(source, film, strict=True))]


def noisy(images: list[Tensor], sigma: float) -> list[Tensor]:
    generator = torch.Generator().manual_seed(7)
    return [(image + sigma * torch.randn(image.shape, generator=generator)).clamp(0, 1) for image in images]


def pan_motion() -> ExactMotion:
    flow = torch.zeros(1, 2, HEIGHT, WIDTH)
    flow[:, 0] = SPEED
    visible = torch.ones(1, 1, HEIGHT, WIDTH)
    visible[..., WIDTH - SPEED :] = 0
    return ExactMotion([Motion(flow, visible)] * COUNT)


def test_a_still_film_has_no_flicker_and_noise_costs_the_more_the_stronger_it_is() -> None:
    still = pan(1, speed=0)
    found = [flicker(paired(still, noisy(pan(2, speed=0), sigma)), FARNEBACK) for sigma in (0, 0.02, 0.05, 0.1)]
    films = [each.film for each in found]
    assert found[0].film > 9.99
    assert all(each.source > 9.99 for each in found)
    assert films == sorted(films, reverse=True)
    assert films[2] - films[3] > 0.1
    assert found[3].lost == pytest.approx(found[3].source - films[3])


@pytest.mark.parametrize("known", [True, False])
def test_strokes_that_stick_cost_nothing_and_strokes_that_stand_still_do(known: bool) -> None:
    between = both_ways(pan_motion()) if known else FARNEBACK
    sticking = flicker(paired(pan(1), pan(2)), between)
    standing = flicker(paired(pan(1), pan(2, speed=0)), between)
    assert min(sticking.film, sticking.source) > 9.8
    assert standing.lost > sticking.lost + 0.5


def test_a_cut_is_no_flicker() -> None:
    half = COUNT // 2
    source, film = ([*pan(a, speed=0)[:half], *pan(b, speed=0)[half:]] for a, b in ((1, 2), (3, 4)))
    cut = steadied(paired(source, film), FARNEBACK, shot_starts=(half,))
    assert torch.allclose(cut, torch.cat([torch.cat(source), torch.cat(film)], dim=1), atol=1e-3)


def test_a_median_takes_out_a_frame_that_jumps() -> None:
    film = pan(2)
    jumped = [*film[:3], film[3] * 0.5, *film[4:]]
    steady = steadied(paired(pan(1), jumped), both_ways(pan_motion()))[3:4, 3:]
    inside = slice(2 * SPEED, -2 * SPEED)
    assert torch.allclose(steady[..., inside], film[3][..., inside], atol=1e-5)


def test_a_known_motion_is_followed_both_ways() -> None:
    clip = load_clip("balloon", 96, 3, ROOT)
    assert clip.exact is not None
    earlier, later = clip.frames[0], clip.frames[2]
    back = inverted(clip.exact(earlier, later))
    unmoved = Motion(torch.zeros_like(back.flow_to_previous), back.visible)
    assert float(back.visible.mean()) > 0.5
    assert warping_error(later.image, earlier.image, back) < 0.1 * warping_error(later.image, earlier.image, unmoved)
    other_way = both_ways(clip.exact)(later, earlier)
    assert torch.equal(other_way.flow_to_previous, back.flow_to_previous)


@pytest.mark.parametrize("on_the_belly", [True, False])
def test_the_belly_boils_alone(on_the_belly: bool, tmp_path: Path) -> None:
    belly, still = SURFACES["bigbuckbunny"], pan(1, speed=0)[0]
    source, film = noisy([still] * 2, 0.01), [still, still.clone()]
    window = belly.window if on_the_belly else (0.6, 0.0, 1.0, 1.0)
    part(film[1], window).mul_(0.7)
    indices = (belly.earlier, belly.later)
    clip = BenchmarkClip("bigbuckbunny", tuple(map(Frame, indices, source)))
    for index, picture in zip(indices, film, strict=True):
        write_png(picture_path(tmp_path, index), to_picture(picture))
    found = judge(Film(clip, tmp_path, 0, 0.0, (0.0, 0.0), "")).surface
    assert found is not None
    assert found.visible > 0.5
    assert (found.times_the_source > 1.5) == on_the_belly


def test_a_clip_without_the_surface_is_not_asked_for_it(tmp_path: Path) -> None:
    images = noisy(pan(1)[:2], 0.01)
    for index, picture in enumerate(images):
        write_png(picture_path(tmp_path, index), to_picture(picture))
    clip = BenchmarkClip("bigbuckbunny", tuple(map(Frame, range(2), images)))
    assert judge(Film(clip, tmp_path, 0, 0.0, (0.0, 0.0), "")).surface is None
