"""Bars are found where they are, to the line, and a dark scene has none."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import Generator, default_rng

from stylevideo.media.images.bars import Bars, Border, bars_of, border_of, may_have
from stylevideo.rectangle import Rectangle

SIZE = (72, 96)
FRAMES = 12


def scene(random: Generator, size: tuple[int, int], light: float = 1.0) -> list[np.ndarray]:
    """Soft shapes of any colour that pan, darker by `light`: (H, W, 3) uint8 each."""
    height, width = size
    coarse = random.integers(0, 256, (9, 24, 3), np.uint8)
    wide = cv2.resize(coarse, (width + 4 * FRAMES, height), interpolation=cv2.INTER_CUBIC)
    pans = (wide[:, 4 * place : 4 * place + width] for place in range(FRAMES))
    return [(pan * light).astype(np.uint8) for pan in pans]


def framed(
    picture: np.ndarray, noise: np.ndarray | int, active: Rectangle, color: tuple[int, int, int] = (0, 0, 0)
) -> np.ndarray:
    """A picture between bars, with noise over all."""
    whole = np.empty((*SIZE, 3), np.int16)
    whole[:] = color
    whole[active.rows, active.columns] = picture
    return np.clip(whole + noise, 0, 255).astype(np.uint8)


def found_in(frames: Sequence[np.ndarray]) -> Bars | None:
    borders = [border for frame in frames if (border := border_of(frame))]
    return bars_of(borders, (frames[0].shape[0], frames[0].shape[1])) if borders else None


ACTIVE = st.builds(
    lambda across, along: Rectangle(across, SIZE[0] - across, along, SIZE[1] - along),
    st.integers(0, 16),
    st.integers(0, 32),
)
COLORS = st.sampled_from([(0, 0, 0), (16, 16, 16), (255, 255, 255), (200, 30, 90)])


@settings(deadline=None, max_examples=60)
@given(active=ACTIVE, color=COLORS, seed=st.integers(0, 999), loud=st.integers(0, 3))
def test_bars_of_any_width_and_colour_are_found_to_the_line(
    active: Rectangle, color: tuple[int, int, int], seed: int, loud: int
) -> None:
    random = default_rng(seed)
    pictures = scene(random, active.size)
    noises = [random.integers(-loud, loud + 1, (*SIZE, 3)) for _ in pictures]
    found = found_in([framed(*pair, active, color) for pair in zip(pictures, noises, strict=True)])
    if active.size == SIZE:
        assert found is None
    else:
        assert found is not None
        assert found.active == active
        assert max(abs(a - b) for a, b in zip(found.color, color, strict=True)) <= loud


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 999), light=st.floats(0.02, 1), dark=st.integers(0, 40), drift=st.integers(1, 3))
def test_a_dark_scene_is_not_taken_for_bars(seed: int, light: float, dark: int, drift: int) -> None:
    """Nor where all around something that moves is black."""
    frames = scene(default_rng(seed), SIZE, light)
    for place, frame in enumerate(frames):
        rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
        middle = (SIZE[0] / 2 + drift * (place - FRAMES / 2), SIZE[1] / 2)
        frame[np.hypot(rows - middle[0], columns - middle[1]) > 60 - dark] = 0
    assert found_in(frames) is None


def test_a_fade_from_black_has_the_bars_of_its_pictures() -> None:
    active = Rectangle(10, 62, 0, 96)
    lights = [0, 0, 0, *np.linspace(0.02, 1, FRAMES - 3)]
    lit = zip(scene(default_rng(1), active.size), lights, strict=True)
    pictures = [(picture * light).astype(np.uint8) for picture, light in lit]
    frames = [framed(picture, 0, active) for picture in pictures]
    assert border_of(frames[0]) is None
    found = found_in(frames)
    assert found is not None
    assert found.active == active


@pytest.mark.parametrize("shown", [3, FRAMES])
def test_lettering_in_a_bar_leaves_it_one(shown: int) -> None:
    active = Rectangle(12, 60, 0, 96)
    frames = [framed(picture, 0, active) for picture in scene(default_rng(2), active.size)]
    for frame in frames[:shown]:
        cv2.putText(frame, "words", (34, 69), cv2.FONT_HERSHEY_PLAIN, 0.6, (255, 255, 255))
    found = found_in(frames)
    assert found is not None
    assert found.active == active


def test_a_title_on_black_has_no_bars_of_its_own_but_may_have_those_of_its_clip() -> None:
    title = np.zeros((*SIZE, 3), np.uint8)
    cv2.putText(title, "THE END", (16, 40), cv2.FONT_HERSHEY_PLAIN, 1, (255, 255, 255))
    borders = [border for border in [border_of(title)] * FRAMES if border]
    assert bars_of(borders, SIZE) is None
    assert may_have(Bars(Rectangle(10, 62, 0, 96), (0, 0, 0)), borders, SIZE)
    assert not may_have(Bars(Rectangle(10, 62, 0, 96), (255, 255, 255)), borders, SIZE)
    bright = [border_of(frame) for frame in scene(default_rng(3), SIZE)]
    assert not may_have(Bars(Rectangle(10, 62, 0, 96), (0, 0, 0)), [border for border in bright if border], SIZE)


@pytest.mark.parametrize(
    ("active", "expected"),
    {
        "a line at one border": (Rectangle(0, 72, 0, 95), Rectangle(0, 72, 0, 95)),
        "three lines": (Rectangle(3, 72, 0, 96), Rectangle(3, 72, 0, 96)),
        "a black floor": (Rectangle(0, 50, 0, 96), None),
        "different bars": (Rectangle(10, 50, 0, 96), Rectangle(10, 50, 0, 96)),
        "a slit": (Rectangle(30, 42, 0, 96), None),
    }.values(),
)
def test_what_lies_at_one_border_alone_is_a_bar_only_if_it_is_tiny(
    active: Rectangle, expected: Rectangle | None
) -> None:
    found = found_in([framed(picture, 0, active) for picture in scene(default_rng(4), active.size)])
    assert (found.active if found else None) == expected


def test_bars_that_come_and_go_are_none() -> None:
    pictures = scene(default_rng(5), SIZE)
    active = Rectangle(10, 62, 0, 96)
    half = [framed(frame[active.rows], 0, active) for frame in pictures[:6]]
    assert found_in([*half, *pictures[6:]]) is None


def test_shades_are_no_bars() -> None:
    """Which grow from line to line, alike above and below."""
    height, width = SIZE
    shade = 60 * np.sin(np.linspace(0, np.pi, height))[:, None, None]
    frame = np.broadcast_to(shade, (height, width, 3)).astype(np.uint8)
    assert found_in([frame] * FRAMES) is None


def test_a_flash_between_bars_shows_them() -> None:
    flash = framed(np.full((52, 96, 3), 255, np.uint8), 0, Rectangle(10, 62, 0, 96))
    border = border_of(flash)
    assert isinstance(border, Border)
    assert border.inner(SIZE) == Rectangle(10, 62, 0, 96)


@given(
    top=st.integers(0, 300),
    height=st.integers(1, 400),
    to=st.integers(1, 900),
)
def test_a_part_at_another_size_has_every_pixel_that_shows_some_of_it(top: int, height: int, to: int) -> None:
    whole = top + height + 7
    fitted = Rectangle(top, top + height, 0, 5).fitted((whole, 5), (to, 5))
    assert 0 <= fitted.top < fitted.bottom <= to
    assert fitted.top * whole <= top * to
    assert fitted.bottom * whole >= (top + height) * to
    assert Rectangle(top, top + height, 0, 5).fitted((whole, 5), (whole, 5)) == Rectangle(top, top + height, 0, 5)
