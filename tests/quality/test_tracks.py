"""Tracks tell strokes that stick from strokes that stand still, and boiling is what changes on a surface."""

from __future__ import annotations

import math
from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from image_fixtures import noise_image
from torch import Tensor

from stylevideo.errors import ShapeError
from stylevideo.motion.frame import Frame
from stylevideo.quality.boiling import boiling
from stylevideo.quality.measures import MeasuredFrame
from stylevideo.quality.tracks import Agreement, agreement, film_tracks, tracks_between

HEIGHT, WIDTH = 96, 160
COUNT = 6
SPEED = (2.3, 0.7)
"""Pixels a frame, x and y."""


def texture(seed: int) -> np.ndarray:
    """(192, 320, 3), 0..1: smooth blobs of several pixels."""
    blobs = F.interpolate(noise_image(48, 80, seed), size=(2 * HEIGHT, 2 * WIDTH), mode="bicubic").clamp(0, 1)
    return blobs[0].permute(1, 2, 0).contiguous().numpy()


def moved(picture: np.ndarray, x: float, y: float) -> Tensor:
    """A window of a picture, with everything shifted by so many pixels."""
    place = np.array([[1, 0, 40 - x], [0, 1, 40 - y]], np.float32)
    seen = cv2.warpAffine(picture, place, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)
    return torch.from_numpy(seen).permute(2, 0, 1)[None].clamp(0, 1)


def film(share: float, things: np.ndarray, strokes: np.ndarray) -> list[MeasuredFrame]:
    """A pan with exact motion, and strokes that move at a share of its speed."""
    ways = [(SPEED[0] * index, SPEED[1] * index) for index in range(COUNT)]
    return [
        (Frame(index, moved(things, x, y)), moved(strokes, share * x, share * y)) for index, (x, y) in enumerate(ways)
    ]


def judged(share: float, span: int = 1) -> Agreement:
    return agreement(list(film_tracks(film(share, texture(1), texture(2)), span)))


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("span", [1, 4])
def test_speed_is_that_of_strokes_over_that_of_things(share: float, span: int) -> None:
    found, speed = judged(share, span), math.hypot(*SPEED)
    assert found.tracks > 100
    assert found.speed == pytest.approx(share, abs=0.03)
    assert found.median == pytest.approx((1 - share) * speed * span, abs=0.15)
    assert found.worst_tenth < (1 - share) * speed * span + 0.5
    assert found.apart == pytest.approx(float(share < 1), abs=0.05)


def test_a_film_that_is_its_source_agrees_with_it_exactly() -> None:
    things = texture(1)
    found = agreement(list(film_tracks(film(1.0, things, things))))
    assert (found.median, found.worst_tenth, found.apart) == (0, 0, 0)


def test_half_of_the_strokes_left_behind_are_half_of_the_tracks() -> None:
    pairs = film(1.0, texture(1), texture(2))
    still = pairs[0][1]
    left_behind = [(frame, torch.cat([still[..., :80], image[..., 80:]], dim=3)) for frame, image in pairs]
    assert agreement(list(film_tracks(left_behind))).apart == pytest.approx(0.5, abs=0.15)


def test_strokes_that_wander_over_a_still_source_have_a_distance_and_no_speed() -> None:
    pairs = film(1.0, texture(1), texture(2))
    found = agreement(list(film_tracks([(Frame(frame.index, pairs[0][0].image), image) for frame, image in pairs])))
    assert math.isnan(found.speed)
    assert found.median == pytest.approx(math.hypot(*SPEED), abs=0.15)


def test_nothing_is_followed_over_a_cut() -> None:
    pairs = film(1.0, texture(1), texture(2))
    assert len(list(film_tracks(pairs))) == COUNT - 1
    assert len(list(film_tracks(pairs, shot_starts=(3,)))) == COUNT - 2
    assert len(list(film_tracks(pairs, span=4, shot_starts=(3,)))) == 0


@pytest.mark.parametrize("plain", ["source", "film", "both"])
def test_what_is_plain_cannot_be_followed(plain: str) -> None:
    grey = torch.full((1, 3, HEIGHT, WIDTH), 0.5)
    pairs = film(1.0, texture(1), texture(2))
    if plain != "film":
        pairs = [(Frame(frame.index, grey), image) for frame, image in pairs]
    if plain != "source":
        pairs = [(frame, grey) for frame, _ in pairs]
    found = agreement(list(film_tracks(pairs)))
    assert found.tracks == 0
    assert all(math.isnan(value) for value in (found.median, found.worst_tenth, found.apart, found.speed))


def test_a_film_has_the_size_of_its_source() -> None:
    (frame, image), later = film(1.0, texture(1), texture(2))[:2]
    with pytest.raises(ShapeError):
        tracks_between((frame, image[..., 2:]), later)


LEFT = torch.cat([torch.ones(1, 1, HEIGHT, WIDTH // 2), torch.zeros(1, 1, HEIGHT, WIDTH // 2)], dim=3)


def grainy(image: Tensor, sigma: float, seed: int) -> Tensor:
    return image + sigma * torch.randn(image.shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("sigma", [0.02, 0.05])
def test_boiling_is_what_changes_besides_what_moves(sigma: float) -> None:
    """Noise that is new in each frame changes by the root of two times its sigma, but for what the warp smoothes."""
    pairs = film(1.0, texture(1), texture(2))
    calm = [boiling(*both, LEFT) for both in pairwise(pairs)]
    boils = [
        boiling(*both, LEFT)
        for both in pairwise([(frame, grainy(image, sigma, frame.index)) for frame, image in pairs])
    ]
    for before, after in zip(calm, boils, strict=True):
        assert after.source == before.source
        assert after.visible > 0.5
        assert math.sqrt(after.film**2 - before.film**2) == pytest.approx(math.sqrt(2) * sigma, rel=0.1)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_soft_surface_is_followed_under_noise_that_stands_still(share: float) -> None:
    """Coding leaves faint surfaces such noise; strokes that slide over a surface are apart from it and do not boil."""
    noise = grainy(torch.zeros(1, 3, HEIGHT, WIDTH), 0.004, 7)
    pairs = film(share, 0.5 + 0.06 * (texture(1) - 0.5), texture(2))
    soft = [(Frame(frame.index, frame.image + noise), image) for frame, image in pairs]
    for before, after in zip(pairwise(pairs), pairwise(soft), strict=True):
        found = boiling(*after, LEFT)
        assert found.motion == pytest.approx(math.hypot(*SPEED), abs=0.3)
        assert found.apart == pytest.approx((1 - share) * math.hypot(*SPEED), abs=0.3)
        assert found.film == pytest.approx(boiling(*before, LEFT).film, rel=0.02)


@pytest.mark.parametrize(("region", "boils"), [(LEFT, False), (1 - LEFT, True)])
def test_boiling_is_looked_for_in_a_region_alone(region: Tensor, boils: bool) -> None:
    still = moved(texture(1), 0, 0)
    first, second = (grainy(still, 0.1, seed) * (1 - LEFT) + still * LEFT for seed in (0, 1))
    found = boiling((Frame(0, still), first), (Frame(1, still), second), region)
    assert (found.film > 0.1) == boils
    assert found.source < 1e-3
    assert found.times_the_source == pytest.approx(found.film / found.source)


def test_a_surface_that_is_not_there_does_not_boil() -> None:
    pairs = film(1.0, texture(1), texture(2))
    found = boiling(pairs[0], pairs[1], torch.zeros(1, 1, HEIGHT, WIDTH))
    assert all(math.isnan(value) for value in (found.film, found.source, found.visible))
