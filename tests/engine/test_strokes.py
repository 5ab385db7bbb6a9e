"""Which way strokes run, how wide they are, and how they live."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from conftest import STYLE
from torch import Tensor

from stylevideo.engine.sequence import SequenceState, stylize_sequence
from stylevideo.engine.strokes.directions import Directions
from stylevideo.engine.targets import StylePicture, StyleTargets, style_size
from stylevideo.media.images.pictures import read_picture, to_image
from stylevideo.models.vgg import VGG19
from stylevideo.motion.estimate import Motion, with_motion
from stylevideo.motion.flow import DISFlow
from stylevideo.motion.frame import Frame
from stylevideo.ops.margin import without_margin
from stylevideo.ops.orientation import apart, tensors
from stylevideo.ops.regions import Regions
from stylevideo.ops.warp import warp
from stylevideo.settings.settings import Settings
from stylevideo.store.checkpoint import state_to_dict

QUICK = Settings().with_values(
    first_iterations=10, iterations=1, new_iterations=4, coarsest_size=0, stroke_size=0.5, guard=0.0
)
LOOKS = ((0, "impasto"), (1, "woodblock"))
Maker = Callable[[Settings], StyleTargets]
Pairs = list[tuple[Frame, Motion | None]]


@pytest.fixture(scope="module")
def begun(vgg: VGG19, make_targets: Maker, flight_frames: list[Frame]) -> tuple[Pairs, Tensor, SequenceState]:
    """Frames with their motion, the first one's picture, and the state after it."""
    pairs = list(with_motion(flight_frames[:5], DISFlow()))
    ((first, state),) = stylize_sequence(pairs[:1], None, vgg, make_targets(QUICK), QUICK)
    return pairs, first.image, state


def beside_motion(pairs: Pairs, pictures: list[Tensor]) -> list[float]:
    """By how much each picture differs from the one before, moved along: root mean square, 1/255."""
    changes = []
    for (_, motion), before, now in zip(pairs[1:], pictures, pictures[1:], strict=False):
        assert motion is not None
        seen = (motion.visible > 0.9) & torch.ones_like(now, dtype=torch.bool)
        changes.append(255 * float((now - warp(before, motion.flow_to_previous))[seen].square().mean().sqrt()))
    return changes


def test_the_more_boil_the_more_strokes_change_and_held_ones_hardly(
    vgg: VGG19, make_targets: Maker, begun: tuple[Pairs, Tensor, SequenceState]
) -> None:
    pairs, first, state = begun

    def changes(**values: float) -> list[float]:
        settings = QUICK.with_values(**values)
        made = stylize_sequence(pairs[1:], state, vgg, make_targets(settings), settings)
        return beside_motion(pairs, [first, *(result.image for result, _ in made)])

    still, half, full, on_twos = changes(), changes(boil=0.5), changes(boil=1.0), changes(boil=0.5, hold_strokes=2)
    assert max(still) < 0.75 * min(half)
    assert max(half) < min(full)
    assert max(full) < 1.3 * min(full)
    held, changed = on_twos[0::2], on_twos[1::2]
    assert max(held) < 0.3 * min(changed)
    assert changed == pytest.approx(half[1::2], rel=0.35)


def test_a_film_on_twos_lives_where_the_source_stands_still_and_goes_on_as_if_never_stopped(
    vgg: VGG19, make_targets: Maker, begun: tuple[Pairs, Tensor, SequenceState]
) -> None:
    pairs, first, state = begun
    settings = QUICK.with_values(boil=1.0, hold_strokes=2)
    frames = [Frame(index, pairs[0][0].image) for index in range(5)]
    paired = list(with_motion(frames, DISFlow()))[1:]
    made = list(stylize_sequence(paired, state, vgg, make_targets(settings), settings))
    pictures = [first, *(result.image for result, _ in made)]
    stood = [torch.equal(before, now) for before, now in pairwise(pictures)]
    assert stood == [True, False, True, False]
    assert [state_to_dict(after)["strokes_changed"] for _, after in made] == [0, None, 2, None]
    rest = stylize_sequence(paired[1:], made[0][1], vgg, make_targets(settings), settings)
    assert all(torch.equal(now.image, then.image) for (now, _), (then, _) in zip(rest, made[1:], strict=True))


def test_strokes_run_at_an_angle(vgg: VGG19, flight_frames: list[Frame]) -> None:
    picture, frame = StylePicture(to_image(read_picture(STYLE)), 1.0), flight_frames[0]
    directions = Directions(degrees=60)
    field = without_margin(directions.field(None, (72, 128)))
    errors = []
    for wanted in (None, directions):
        targets = StyleTargets(vgg, [picture], QUICK.losses, 0.5, wanted)
        ((made, _),) = stylize_sequence([(frame, None)], None, vgg, targets, QUICK)
        told = tensors(made.image, sigma=1.0, around=3.0)
        errors.append(math.degrees(apart(told[:, :2], field).median()))
    without, steered = errors
    assert steered < 20
    assert without > 35


def test_strokes_run_at_an_angle_in_each_matte_and_what_none_covers_stays(
    vgg: VGG19, flight_frames: list[Frame]
) -> None:
    white = torch.zeros(1, 2, 72, 128)
    white[:, 0, :, :56], white[:, 1, :, 56:112] = 1, 1
    frame = replace(flight_frames[0], regions=Regions(white))
    styles = [StylePicture(to_image(read_picture(STYLE.with_name(f"{name}.jpg"))), 1.0, look) for look, name in LOOKS]
    directions = Directions(degrees=60)
    field = without_margin(directions.field(None, (72, 128)))
    errors = []
    for wanted in (None, directions):
        targets = StyleTargets(vgg, styles, QUICK.losses, 0.5, wanted)
        ((made, _),) = stylize_sequence([(frame, None)], None, vgg, targets, QUICK)
        off = apart(tensors(made.image, sigma=1.0, around=3.0)[:, :2], field)
        errors.append([math.degrees(off[..., first : first + 48].median()) for first in (4, 60)])
        assert torch.equal(made.image[..., 112:], frame.image[..., 112:])
    without, steered = errors
    assert max(steered) < 25
    assert min(without) > 35


def test_what_somebody_painted_does_not_boil(
    vgg: VGG19, make_targets: Maker, begun: tuple[Pairs, Tensor, SequenceState]
) -> None:
    pairs, first, _ = begun
    made = []
    for boil in (0.01, 1.0):
        settings = QUICK.with_values(boil=boil)
        made.append(
            list(stylize_sequence(pairs[:4], None, vgg, make_targets(settings), settings, given={0: first.flip(1)}))
        )
    for (calm, state), (boiled, _) in list(zip(*made, strict=True))[1:]:
        assert state.spread is not None
        shown = (without_margin(state.spread.share) > 0.9999).expand_as(calm.image)
        assert shown.float().mean() > 0.5
        assert (calm.image - boiled.image)[shown].abs().max() < 1 / 255


def test_strokes_along_edges_and_motion_follow_what_the_source_shows() -> None:
    rows = torch.arange(64.0).view(1, 1, 64, 1)
    lying = (0.5 + 0.4 * torch.sin(rows / 2)).expand(1, 3, 64, 96).clone()
    lying[..., 60:] = 0.5  # a plain part takes the direction from beside it
    edges = Directions()
    frame = Frame(0, lying)
    field = without_margin(edges.field(edges.known(frame, None, None), (64, 96)))
    level = torch.tensor((1.0, 0.0)).view(1, 2, 1, 1).expand_as(field)
    assert math.degrees(apart(field, level).max()) < 12
    flow = torch.tensor((3.0, -3.0)).view(1, 2, 1, 1).expand(1, 2, 64, 96)
    moved = Directions(by_motion=True)
    known = moved.known(frame, Motion(flow, torch.ones(1, 1, 64, 96)), None)
    rising = torch.tensor((0.0, -1.0)).view(1, 2, 1, 1).expand_as(field)
    assert math.degrees(apart(without_margin(moved.field(known, (64, 96))), rising).max()) < 1
    still = moved.known(frame, Motion(0 * flow, torch.ones(1, 1, 64, 96)), known)
    assert math.degrees(apart(without_margin(moved.field(still, (64, 96))), rising).max()) < 1, "it is remembered"


def test_a_picture_of_directions_is_cosine_and_sine_against_the_clock() -> None:
    angle = math.radians(30)
    picture = torch.tensor((math.cos(angle), math.sin(angle))).view(1, 2, 1, 1).expand(1, 2, 8, 8)
    given = Directions(picture=picture).field(None, (64, 96))
    torch.testing.assert_close(given, Directions(degrees=30).field(None, (64, 96)))
    torch.testing.assert_close(Directions(picture=-picture).field(None, (64, 96)), given)


@pytest.mark.parametrize("lines", [120, 240])
def test_a_style_is_as_much_larger_as_strokes_are_wider_but_not_than_it_is(lines: int) -> None:
    frame = (lines, lines * 4 // 3)
    usual = style_size((768, 1024), frame, 1.0)
    for width in (0.5, 2.0):
        assert style_size((768, 1024), frame, width)[0] == pytest.approx(width * usual[0], rel=0.02)
    assert style_size((768, 1024), (1080, 1440), 4.0) == (768, 1024)
