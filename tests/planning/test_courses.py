"""What the pictures of a clip that is a style count, at any time of the clip that is painted."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stylevideo.planning.style_clips import FOLLOWED_PICTURES, MEAN_PICTURES, Course, Following
from stylevideo.timeline.clip import VideoInfo


def clip(frames: int, rate: int = 1) -> VideoInfo:
    return VideoInfo(
        *(Path("ink.mkv"), 64, 48, frames, Fraction(rate), Fraction(1, rate), tuple(range(frames)), False),
        *(Fraction(1), 0, "ffv1", "bgr0", None, ()),
    )


def course(how: str, style: VideoInfo, lasts: int) -> Course:
    following = Following(how, Fraction(lasts))
    wanted = following.wanted(style)
    return following.course(style, wanted, range(len(wanted)))


def test_the_mean_is_of_all_pictures_and_of_those_that_are_alike_together() -> None:
    style = clip(4)
    assert course("mean", style, 10).at(7) == (0.25,) * 4
    assert Following("mean").course(style, (0, 1, 2, 3), (0, 1, 0, 0)).at(7) == (0.75, 0.25)


@pytest.mark.parametrize(
    ("how", "shown"),
    [
        ("stretch", {0: (1, 0, 0), 4: (0, 1, 0), 6: (0, 0.5, 0.5), 8: (0, 0, 1)}),
        ("hold", {0: (1, 0, 0), 1.25: (0, 0.75, 0.25), 2: (0, 0, 1), 8: (0, 0, 1)}),
        ("loop", {0: (1, 0, 0), 2: (0, 0, 1), 2.5: (0.5, 0, 0.5), 3: (1, 0, 0), 7.5: (0, 0.5, 0.5)}),
    ],
)
def test_a_clip_is_followed(how: str, shown: dict[float, tuple[float, ...]]) -> None:
    """Three seconds of it in a clip whose last frame begins after eight."""
    followed = course(how, clip(3), 8)
    assert {seconds: followed.at(seconds) for seconds in shown} == shown


def test_what_is_left_out_is_faded_over_and_what_comes_back_is_the_same_picture() -> None:
    followed = Following("loop", Fraction(20)).course(clip(8), (2, 4, 6), (0, 1, 0))
    assert followed.at(3) == (0.5, 0.5) and followed.at(6.5) == followed.at(0) == followed.at(9.5) == (1, 0)


@given(
    st.sampled_from(["mean", "stretch", "loop", "hold"]),
    st.integers(1, 200),
    st.integers(0, 300),
    st.floats(0, 1000),
)
def test_all_pictures_together_are_the_style(how: str, frames: int, lasts: int, seconds: float) -> None:
    """Two at most where it is followed, and no more than are known at once."""
    style = clip(frames)
    followed = course(how, style, lasts)
    shares = followed.at(seconds)
    assert sum(shares) == pytest.approx(1) and min(shares) >= 0
    assert len(shares) <= min(frames, MEAN_PICTURES if how == "mean" else FOLLOWED_PICTURES)
    assert how == "mean" or sum(share > 0 for share in shares) <= 2
