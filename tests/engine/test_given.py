"""In which legs a shot is painted around given frames, and how a given picture is moved."""

from __future__ import annotations

import pytest
import torch
from image_fixtures import noise_image

from stylevideo.engine.carry import BlendTarget
from stylevideo.engine.given.legs import Backwards, Blends, Leg, legs_of, made_twice
from stylevideo.engine.given.spread import Spread, blend_weight
from stylevideo.motion.estimate import Motion
from stylevideo.ops.margin import extended, with_margin, without_margin
from stylevideo.timeline.clip import Shot


def motion(shift_px: float) -> Motion:
    """By so many pixels to the left a frame, all seen, with a margin."""
    flow = torch.zeros(1, 2, 16, 24)
    flow[:, 0] = shift_px
    return Motion(extended(flow), extended(torch.ones_like(flow[:, :1])))


@pytest.mark.parametrize(
    ("given", "frames", "backwards"),
    [
        ([], [range(4, 12)], [None]),
        ([4], [range(4, 12)], [None]),
        ([11], [range(4, 11), range(11, 12)], [range(4, 11), None]),
        ([6, 9], [range(4, 6), range(6, 9), range(9, 12)], [range(4, 6), range(7, 9), None]),
        ([6, 7], [range(4, 6), range(6, 7), range(7, 12)], [range(4, 6), None, None]),
    ],
)
def test_a_shots_legs_go_from_one_given_frame_to_the_next(
    given: list[int], frames: list[range], backwards: list[range | None]
) -> None:
    legs = legs_of(Shot(1, 4, 12), given)
    assert [leg.frames for leg in legs] == frames
    assert [leg.backwards and leg.backwards.frames for leg in legs] == backwards
    assert [leg.is_taken for leg in legs] == [bool(given and given[0] > 4), *[False] * (len(legs) - 1)]
    twice = sum(len(turn) for leg, turn in zip(legs, backwards, strict=True) if turn and not leg.is_taken)
    assert made_twice([Shot(1, 4, 12)], given, [None]) == twice


def test_a_given_picture_is_resampled_once_however_far_it_has_moved() -> None:
    """Two half pixels are one whole: no blur is left of them."""
    picture = noise_image(16, 24)
    spread = Spread.begin(5, picture).moved(motion(0.5)).moved(motion(0.5))
    torch.testing.assert_close(without_margin(spread.flow)[0, :, 8, 8], torch.tensor([1.0, 0.0]))
    assert float(without_margin(spread.share).min()) > 0.999


def test_what_is_hidden_is_no_part_of_a_given_picture() -> None:
    still = motion(0)
    hidden = still.visible.clone()
    hidden[..., :10] = 0
    spread = Spread.begin(5, noise_image(16, 24)).moved(Motion(still.flow_to_previous, hidden))
    assert float(spread.share[..., :10].max()) == 0 and float(spread.share[..., 10:].min()) == 1


def test_two_given_pictures_fade_evenly_and_one_alone_counts() -> None:
    picture = noise_image(16, 24)
    spread = Spread.begin(2, picture)
    share = torch.full((1, 1, 16, 24), 255, dtype=torch.uint8)
    share[..., 12:] = 0
    covered = torch.ones_like(with_margin(picture)[:, :1])
    weight = without_margin(blend_weight(BlendTarget(picture, 1.0, way=0.25, share=share), covered, spread))
    torch.testing.assert_close(weight[..., :12], torch.full((1, 1, 16, 12), 0.25))
    assert float(weight[..., 12:].abs().max()) == 0, "the other shows nothing that was given there"
    leg = Leg(range(2, 6), 2, Backwards(range(3, 6)))
    ways = {index: blend.way for index, blend in Blends(leg, lambda index: (picture, share)).items()}
    assert ways == {3: 0.25, 4: 0.5, 5: 0.75}
