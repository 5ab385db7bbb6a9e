"""Motion: what is new is told from what was seen, and what reappears is found again."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from image_fixtures import noise_image, to_image
from sample_scenes import render_shot
from torch import Tensor

from stylevideo.models.flow import DISFlow
from stylevideo.motion import (
    REFERENCE_EVERY,
    REFERENCES,
    Frame,
    Motion,
    earliest_reference,
    estimate_motion,
    is_reference,
    with_motion,
)
from stylevideo.ops.warp import warp

HEIGHT, WIDTH = 72, 128
WALL_LEFT, WALL_RIGHT = 48, 80


def wall() -> Tensor:
    """A still picture with structure at several sizes."""
    return torch.nn.functional.interpolate(noise_image(9, 16, 3), size=(HEIGHT, WIDTH), mode="bicubic").clamp(0, 1)


def someone_walks_past(count: int = 14) -> list[Frame]:
    """A black-and-white post crosses the still wall from left to right, 10 pixels a frame."""
    frames = []
    for index in range(count):
        image = wall()
        left = max(0, 10 * index - 20)
        image[..., left : left + 20] = (torch.arange(HEIGHT) // 6 % 2).float().view(1, 1, HEIGHT, 1)
        frames.append(Frame(index, image if index else wall()))
    return frames


def motions(frames: list[Frame], begin: int = 0) -> dict[int, Motion | None]:
    return {frame.index: motion for frame, motion in with_motion(frames, True, begin=begin)}


def test_what_is_uncovered_is_new() -> None:
    scene = list(render_shot("balloon", frames=4, width=256, height=144))
    motion = estimate_motion(DISFlow(), to_image(scene[2].image), to_image(scene[3].image))
    assert float(motion.visible.mean()) > 0.9
    moving = estimate_motion(DISFlow(), *(frame.image for frame in someone_walks_past()[5:7]))
    left = 10 * 5 - 20
    assert float(moving.visible[..., left + 2 : left + 8].mean()) < 0.5
    assert float(moving.visible[..., left + 60 :].mean()) > 0.95


def test_another_picture_is_all_new() -> None:
    motion = estimate_motion(DISFlow(), wall(), noise_image(HEIGHT, WIDTH, 5))
    assert float(motion.visible.mean()) < 0.25


def test_grain_is_not_taken_for_something_new() -> None:
    grains = [(wall() + 0.06 * (noise_image(HEIGHT, WIDTH, seed) - 0.5)).clamp(0, 1) for seed in (11, 12)]
    assert float(estimate_motion(DISFlow(), *grains).visible.mean()) > 0.97


def test_what_reappears_is_found_in_the_reference_that_shows_it() -> None:
    frames = someone_walks_past()
    motion = motions(frames)[9]
    assert motion is not None
    uncovered = 10 * 8 - 20  # the post has just left it
    (sighting,) = (s for s in motion.sightings if float(s.seen[..., uncovered + 2 : uncovered + 8].mean()) > 0.5)
    assert sighting.index == 0
    error = (warp(frames[0].image, sighting.flow) - frames[9].image).abs() * sighting.seen
    assert float(error.sum() / (3 * sighting.seen.sum())) < 0.03


def test_no_two_references_claim_the_same_pixel() -> None:
    motion = motions(someone_walks_past())[13]
    assert motion is not None
    assert len(motion.sightings) > 0
    assert float(torch.cat([s.seen for s in motion.sightings]).sum(0).max()) == 1


def test_nothing_is_looked_back_at_across_a_cut() -> None:
    paired = {frame.index: motion for frame, motion in with_motion(someone_walks_past(), True, shot_starts={0, 4})}
    assert paired[4] is None
    uncovered = paired[7]
    assert uncovered is not None
    assert uncovered.sightings == ()


def test_going_on_looks_back_as_far_as_an_uninterrupted_run() -> None:
    frames = someone_walks_past(20)
    whole = motions(frames)
    resumed = motions(frames[max(0, earliest_reference(11)) :], begin=11)
    assert list(resumed) == list(range(11, 20))
    for index, motion in resumed.items():
        expected = whole[index]
        assert motion is not None and expected is not None
        assert torch.equal(motion.flow_to_previous, expected.flow_to_previous)
        assert torch.equal(motion.visible, expected.visible)
        assert [s.index for s in motion.sightings] == [s.index for s in expected.sightings]


@given(st.integers(0, 10_000))
def test_the_earliest_reference_is_the_oldest_that_is_kept(begin: int) -> None:
    kept = [index for index in range(begin) if is_reference(index)][-REFERENCES:]
    assert max(0, earliest_reference(begin)) == (kept[0] if kept else 0)
    assert begin - earliest_reference(begin) <= REFERENCES * REFERENCE_EVERY


@pytest.mark.parametrize("size", [(70, 1300), (800, 66)])
def test_large_pictures_are_looked_back_at_at_a_smaller_size(size: tuple[int, int]) -> None:
    """The flow that is found there is given in pixels of the full size."""
    height, width = size
    coarse = noise_image(height // 10, width // 10, 4)
    wide = torch.nn.functional.interpolate(coarse, size=(height + 20, width + 20), mode="bicubic").clamp(0, 1)
    old, image = wide[..., 8:-12, 8:-12], wide[..., 4:-16, 4:-16]
    motion = motions([Frame(0, old), Frame(1, torch.zeros_like(image)), Frame(2, image)])[2]
    assert motion is not None
    (sighting,) = motion.sightings
    flow = sighting.flow[..., 12:-12, 12:-12]
    seen = sighting.seen[..., 12:-12, 12:-12] > 0
    assert float(seen.float().mean()) > 0.5
    assert float(flow[:, :1][seen].median()) == pytest.approx(-4, abs=1)
