"""Motion: what is new is told from what was seen, and what reappears is found again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from image_fixtures import noise_image, to_image
from torch import Tensor

from scripts.samples.scenes import render_shot
from stylevideo.motion.estimate import (
    REFERENCE_EVERY,
    REFERENCES,
    Following,
    Motion,
    earliest_reference,
    estimate_motion,
    following,
    is_reference,
    with_motion,
)
from stylevideo.motion.flow import DISFlow
from stylevideo.motion.frame import Frame
from stylevideo.ops.pyramid import enlarged
from stylevideo.ops.warp import warp
from stylevideo.system.background import worked_ahead

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
    return {frame.index: motion for frame, motion in with_motion(frames, DISFlow(), begin=begin)}


def test_what_is_uncovered_is_new() -> None:
    scene = list(render_shot("balloon", frames=4, width=256, height=144))
    motion = estimate_motion(DISFlow(), *(Frame(index, to_image(scene[index].image)) for index in (2, 3)))
    assert float(motion.visible.mean()) > 0.9
    moving = estimate_motion(DISFlow(), *someone_walks_past()[5:7])
    left = 10 * 5 - 20
    assert float(moving.visible[..., left + 2 : left + 8].mean()) < 0.5
    assert float(moving.visible[..., left + 60 :].mean()) > 0.95


class Known:
    """A source of motion that knows a camera's steps, as a renderer does, and notes what it is asked."""

    name = "known"

    def __init__(self, step_px: int) -> None:
        self.step = step_px / WIDTH
        self.asked: list[tuple[int, int]] = []

    def flow(self, frame: Frame, other: Frame) -> torch.Tensor:
        self.asked.append((frame.index, other.index))
        flow = torch.zeros_like(frame.image[:, :2])
        flow[:, 0] = self.step * flow.shape[3] * (frame.index - other.index)
        return flow


def test_motion_comes_from_the_source_that_is_put_in() -> None:
    """Noise of single pixels moves by more than any flow could find out."""
    wide = noise_image(HEIGHT, WIDTH + 120, 7)
    frames = [Frame(index, wide[..., 40 * index : 40 * index + WIDTH]) for index in range(3)]
    source = Known(40)
    (_, first), (_, second), _ = with_motion(frames, source)
    assert first is None and second is not None
    assert second.flow_to_previous[0, 0].unique().tolist() == [40.0]
    assert float(second.visible[..., : WIDTH - 48].min()) == 1
    assert float(second.visible[..., WIDTH - 32 :].max()) < 0.5
    assert {(1, 0), (0, 1), (2, 1), (2, 0)} <= set(source.asked)


def test_another_picture_is_all_new() -> None:
    motion = estimate_motion(DISFlow(), Frame(0, wall()), Frame(1, noise_image(HEIGHT, WIDTH, 5)))
    assert float(motion.visible.mean()) < 0.25


def test_grain_is_not_taken_for_something_new() -> None:
    grains = [(wall() + 0.06 * (noise_image(HEIGHT, WIDTH, seed) - 0.5)).clamp(0, 1) for seed in (11, 12)]
    assert (
        float(estimate_motion(DISFlow(), *(Frame(index, grain) for index, grain in enumerate(grains))).visible.mean())
        > 0.97
    )


def test_a_change_of_light_is_known_and_grain_is_none() -> None:
    grains = [0.06 * (noise_image(HEIGHT, WIDTH, seed) - 0.5) for seed in (11, 12)]
    dark, lit = (0.2 + 0.6 * wall() + grain + light for grain, light in zip(grains, (0.0, 0.02), strict=True))
    motion = estimate_motion(DISFlow(), Frame(8, dark), Frame(9, lit), [Frame(8, dark)])
    assert motion.anchor is not None
    for change in (motion.change, motion.anchor.change):
        assert change is not None
        assert float(change[..., 4:-4, 4:-4].mean()) == pytest.approx(0.02, abs=0.002)
        assert float(change[..., 4:-4, 4:-4].std()) < 0.006


def test_what_reappears_is_found_in_the_reference_that_shows_it() -> None:
    frames = someone_walks_past()
    motion = motions(frames)[9]
    assert motion is not None
    uncovered = 10 * 8 - 20  # the post has just left it
    (match,) = (s for s in motion.reference_matches if float(s.seen[..., uncovered + 2 : uncovered + 8].mean()) > 0.5)
    assert match.index == 0
    error = (warp(frames[0].image, match.flow) - frames[9].image).abs() * match.seen
    assert float(error.sum() / (3 * match.seen.sum())) < 0.03


def test_references_together_claim_a_pixel_at_most_once() -> None:
    motion = motions(someone_walks_past())[13]
    assert motion is not None
    assert len(motion.reference_matches) > 0
    assert float(torch.cat([s.seen for s in motion.reference_matches]).sum(0).max()) == pytest.approx(1, abs=1e-5)


def test_what_references_show_leaves_no_specks() -> None:
    frames = someone_walks_past()
    grainy = [
        replace(f, image=(f.image + 0.1 * (noise_image(HEIGHT, WIDTH, 50 + f.index) - 0.5)).clamp(0, 1)) for f in frames
    ]
    motion = motions(grainy)[13]
    assert motion is not None
    assert motion.reference_matches
    for match in motion.reference_matches:
        around = torch.nn.functional.avg_pool2d(match.seen, 3, stride=1, padding=1, count_include_pad=False)
        assert float((match.seen - around).max()) < 0.5


class Unsure:
    """A source of motion that contradicts itself between neighbours, as on a soft surface, and is sure of the rest."""

    name = "unsure"

    def flow(self, frame: Frame, other: Frame) -> torch.Tensor:
        flow = torch.zeros_like(frame.image[:, :2])
        flow[:, 0] = 2.0 * (abs(frame.index - other.index) == 1)
        return flow


@pytest.mark.parametrize(
    ("previous", "reference", "taken"), [(0.008, 0.002, 0.0), (0.03, 0.02, 1.0), (0.06, 0.03, 1.0)]
)
def test_what_looks_the_same_is_kept_though_the_flow_is_unsure(previous: float, reference: float, taken: float) -> None:
    """An older picture takes its place only where the previous one differs."""
    soft = torch.full((1, 3, HEIGHT, WIDTH), 0.5)
    earlier, frame, oldest = Frame(8, soft + previous), Frame(9, soft), Frame(0, soft + reference)
    motion = estimate_motion(Unsure(), earlier, frame, [oldest])
    inside = (..., slice(8, -8))
    seen = sum((match.seen for match in motion.reference_matches), torch.zeros(1, 1, HEIGHT, WIDTH))
    assert float((seen[inside] - taken).abs().max()) < 1e-5
    assert float((motion.visible[inside] - float(previous < 0.04)).abs().max()) < 1e-5


def test_nothing_is_looked_back_at_across_a_cut() -> None:
    paired = {frame.index: motion for frame, motion in with_motion(someone_walks_past(), DISFlow(), shot_starts={0, 4})}
    assert paired[4] is None
    uncovered = paired[7]
    assert uncovered is not None
    assert uncovered.reference_matches == ()


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
        looked_back = [[s for s in (*m.reference_matches, m.anchor) if s] for m in (motion, expected)]
        for seen, wanted in zip(*looked_back, strict=True):
            assert seen.index == wanted.index
            assert torch.equal(seen.flow, wanted.flow)
            assert torch.equal(seen.seen, wanted.seen)


def sliding(count: int, step: float) -> list[Frame]:
    """The wall, under a camera that moves `step` pixels a frame."""
    flow = torch.zeros(1, 2, HEIGHT, WIDTH)
    flow[:, 0] = step
    return [Frame(index, warp(wall(), flow * index)) for index in range(count)]


def test_a_repeated_frame_stands_still_though_it_was_encoded_anew() -> None:
    blocks = torch.nn.functional.interpolate(noise_image(HEIGHT // 8, WIDTH // 8, 5), scale_factor=8.0, mode="nearest")
    noise = noise_image(HEIGHT, WIDTH, 6) - 0.5 + 0.15 * (blocks - 0.5)
    again = wall() + 6 / 255 * noise
    (motion,) = [m for m in motions([Frame(0, wall()), Frame(1, again)]).values() if m]
    assert motion.still
    assert float(motion.visible.min()) == 1
    assert float(motion.flow_to_previous.abs().max()) == 0


def test_a_mouth_that_moves_in_a_still_picture_is_no_still_picture() -> None:
    moved = wall()
    moved[..., 40:44, 60:68] += 0.15
    (motion,) = [m for m in motions([Frame(0, wall()), Frame(1, moved)]).values() if m]
    assert not motion.still


@pytest.mark.parametrize("step", [0.3, 0.6, 1.1])
def test_a_slow_fade_is_noticed_before_it_has_gone_far(step: float) -> None:
    """Each frame differs from the next by hardly a level; nowhere does the film stay further behind than 2.5."""
    frames = [Frame(index, wall() * 0.8 + step * index / 255) for index in range(16)]
    shown = 0
    for index, motion in motions(frames).items():
        if motion is None or not motion.still:
            shown = index
        assert step * (index - shown) <= 2.5
    assert shown > 0


def test_a_slow_pan_is_measured_from_the_last_frame_that_moved() -> None:
    """What is left out while the picture stands still is made up for once it moves."""
    moved, stood = 0.0, 0
    for index, motion in motions(sliding(25, 0.04)).items():
        if motion is not None and not motion.still:
            moved += float(motion.flow_to_previous[:, 0, 12:-12, 12:-12].median())
            last = index
        stood += motion is not None and motion.still
    assert stood > 3
    assert moved == pytest.approx(0.04 * last, rel=0.25)


def test_going_on_compares_with_the_frame_that_moved_last() -> None:
    frames = sliding(14, 0.04)
    whole = motions(frames)
    moved = [index for index, motion in whole.items() if motion is None or not motion.still]
    begin = next(index for index in range(2, 14) if index - 1 not in moved)
    last_moved = max(index for index in moved if index < begin)
    resumed = {frame.index: motion for frame, motion in with_motion(frames, DISFlow(), (), begin, last_moved)}
    assert list(resumed) == list(range(begin, 14))
    for index, motion in resumed.items():
        expected = whole[index]
        assert motion is not None and expected is not None
        assert motion.still == expected.still
        assert torch.equal(motion.flow_to_previous, expected.flow_to_previous)


def test_the_newest_reference_is_the_anchor() -> None:
    """Forwards and backwards; what it does not show is left out."""
    frames = someone_walks_past(20)
    for order in (frames, frames[::-1]):
        anchors = {frame.index: m.anchor for frame, m in with_motion(order, DISFlow()) if m and not m.still}
        passed = [frame.index for frame in order]
        for index, anchor in anchors.items():
            references = [i for i in passed[: passed.index(index)] if is_reference(i)]
            assert (anchor.index if anchor else None) == (references[-1] if references else None)
    forwards = motions(frames)[12]
    assert forwards is not None and forwards.anchor is not None
    left = 10 * 12 - 20
    assert float(forwards.anchor.seen[..., left + 4 : left + 16].mean()) < 0.2
    assert float(forwards.anchor.seen[..., :30].mean()) > 0.9


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
    (match,) = motion.reference_matches
    flow, seen = (enlarged(maps, size)[..., 12:-12, 12:-12] for maps in (match.flow, match.seen))
    seen = seen > 0.5
    assert float(seen.float().mean()) > 0.5
    assert float(flow[:, :1][seen].median()) == pytest.approx(-4, abs=1)


def test_motion_is_the_same_for_any_number_of_threads() -> None:
    frames = someone_walks_past(12)
    chosen = [frames[0], *frames[7:]]

    def in_a_thread() -> Callable[[Following], Motion | None]:
        source = DISFlow()
        return lambda pair: pair.motion(source)

    alone, *shared = (list(worked_ahead(following(chosen), in_a_thread, threads)) for threads in (1, 2, 4))
    assert sum(bool(maps_of(motion)) for motion in alone) == 5
    for found in shared:
        for motion, expected in zip(found, alone, strict=True):
            for one, other in zip(maps_of(motion), maps_of(expected), strict=True):
                assert torch.equal(one, other)


def maps_of(motion: Motion | None) -> list[Tensor]:
    """All of them."""
    if motion is None:
        return []
    looked_back = [match for match in (*motion.reference_matches, motion.anchor) if match]
    seen = [maps for match in looked_back for maps in (match.flow, match.seen)]
    return [motion.flow_to_previous, motion.visible, *seen]
