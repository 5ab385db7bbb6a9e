"""How much of a frame is a picture: by its exposure, not by how dark its places are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylevideo.media.images.exposure import exposure_of, full_exposure
from stylevideo.timeline.clip import Shot

SHOT = Shot(0, 0, 1)


def lamp(light: float) -> np.ndarray:
    """One lit place in the dark."""
    image = np.zeros((90, 160, 3), np.float32)
    image[40:50, 70:84] = light
    return image


def strength(image: np.ndarray, shot: Shot = SHOT) -> float:
    return exposure_of(image).strength(shot)


@pytest.mark.parametrize("level", [0, 16, 128, 255])
def test_what_is_of_one_colour_is_blank_with_its_noise(level: int) -> None:
    noise = np.random.default_rng(1).integers(-3, 4, (90, 160, 3))
    image = np.clip(level + noise, 0, 255).astype(np.uint8)
    assert exposure_of(image).is_blank
    assert strength(image) == 0


def test_a_lamp_in_the_dark_makes_a_picture_and_a_star_makes_none() -> None:
    star = np.zeros((90, 160, 3), np.uint8)
    star[40, 70] = 100
    assert strength(lamp(0.9)) == 1
    assert strength(1 - lamp(0.9)) == 1
    assert strength(star) == 0


def test_a_plain_sky_is_a_picture() -> None:
    shade = np.linspace(120, 132, 90)[:, None, None] + np.array((0, 20, 60))
    assert strength(np.broadcast_to(shade, (90, 160, 3)).astype(np.uint8).copy()) == 1


@given(light=st.lists(st.floats(0, 1), min_size=2, max_size=2).map(sorted))
def test_strength_grows_with_exposure_from_black_and_falls_towards_white(light: list[float]) -> None:
    less, more = light
    assert strength(lamp(less)) <= strength(lamp(more))
    assert strength(1 - lamp(less)) <= strength(1 - lamp(more))


def test_a_scene_that_is_dark_throughout_is_painted_in_full_and_one_that_is_black_is_not() -> None:
    dark = Shot(0, 0, 1, full_light=full_exposure([0.3] * 20))
    assert strength(lamp(0.3), dark) == 1 > strength(lamp(0.3))
    flashed = Shot(0, 0, 1, full_light=full_exposure([0.3] * 20 + [1.0]))
    assert strength(lamp(0.3), flashed) == 1
    black = Shot(0, 0, 1, full_light=full_exposure([0.09] * 20))
    assert strength(lamp(0.09), black) < 0.1
    assert full_exposure([]) == SHOT.full_light


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_all_kinds_of_pictures_have_the_same_exposure(kind: type) -> None:
    white = 1 if kind is np.float32 else np.iinfo(kind).max
    image: np.ndarray = (lamp(0.4) * white).astype(kind)
    assert exposure_of(image).light == pytest.approx(0.4, abs=0.01)
