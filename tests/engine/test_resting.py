"""What does not move keeps its picture and costs nothing; what has changed, however slowly, is painted."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from image_fixtures import noise_image

from stylevideo.engine.objective import Objective, TemporalTarget
from stylevideo.engine.sequence import PaintedFrame, SequenceState, stylize_sequence
from stylevideo.engine.targets import StylePicture, StyleTargets
from stylevideo.engine.terms import Rest
from stylevideo.models.vgg import VGG19
from stylevideo.motion.estimate import STILL, Motion, with_motion
from stylevideo.motion.flow import DISFlow
from stylevideo.motion.frame import Frame
from stylevideo.ops.margin import MARGIN_PX, painted_size
from stylevideo.ops.pyramid import resize
from stylevideo.ops.tiles import between
from stylevideo.rectangle import Rectangle
from stylevideo.settings.settings import Settings

SHALLOW: dict[str, Any] = {
    "style_layers": ("relu1_1", "relu2_1"),
    "match_layers": ("relu2_1",),
    "content_layers": ("relu2_2",),
}
"""Whose surroundings are small, so that small pictures have places that rest."""
SIZE = 40, 200
QUICK = Settings().with_values(
    **SHALLOW, first_iterations=4, coarsest_size=0, iterations=2, new_iterations=0, tolerance=0.0, temporal_weight=0.0
)
CHEAP = QUICK.with_values(painter="gram")
MOVING = Rectangle(8, 24, 16, 40)
PAINTERS: tuple[dict[str, Any], ...] = (
    {"painter": "gram"},
    {"painter": "match"},
    {"painter": "transport"},
    {"painter": "mixed", "match_layers": ("relu1_2", "relu2_1")},
    {"painter": "mixed", "whole": "gram"},
    {"painter": "gram", "normalization": "raw"},
)
Made = tuple[PaintedFrame, SequenceState]


def blots(seed: int, size: tuple[int, int] = SIZE) -> torch.Tensor:
    """No two alike, of several pixels."""
    return resize(noise_image(size[0] // 4, size[1] // 4, seed), size).clamp(0, 1)


def locked_off(count: int, places: Sequence[Rectangle] = (MOVING,)) -> list[tuple[Frame, Motion | None]]:
    """Frames with their motion that differ only in the place of each, the same one over and over if there are fewer."""
    pairs: list[tuple[Frame, Motion | None]] = [(Frame(0, blots(0)), None)]
    for index in range(1, count):
        image, flow = blots(0), torch.zeros(1, 2, *SIZE)
        place = places[(index - 1) % len(places)]
        place.of(image).copy_(place.of(blots(index)))
        place.of(flow).fill_(1.0)
        pairs.append((Frame(index, image), Motion(flow, torch.ones(1, 1, *SIZE))))
    return pairs


def targets(vgg: VGG19, settings: Settings) -> StyleTargets:
    styles = [StylePicture(blots(7, (32, 48)), 1.0), StylePicture(blots(8, (44, 36)).square(), 0.5)]
    return StyleTargets(vgg, styles, settings.losses, 1.25)


def made(
    vgg: VGG19, pairs: Sequence[tuple[Frame, Motion | None]], settings: Settings, state: SequenceState | None = None
) -> list[Made]:
    return list(stylize_sequence(iter(pairs), state, vgg, targets(vgg, settings), settings))


def changed(before: Made, after: Made) -> torch.Tensor:
    """Where pictures differ: (H, W), bool."""
    return (before[0].image != after[0].image).any(1)[0]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Pixels that the network has seen, each way."""
    pixels: list[int] = []
    for name, ways in (("forward", 1), ("trace", 2)):
        real = getattr(VGG19, name)

        def look(self: VGG19, image: torch.Tensor, layers: Any, real: Any = real, ways: int = ways) -> Any:
            pixels.append(ways * image[0, 0].numel())
            return real(self, image, layers)

        monkeypatch.setattr(VGG19, name, look)
    return pixels


@pytest.mark.parametrize("painter", PAINTERS, ids=lambda values: "-".join(map(str, values.values())))
@pytest.mark.parametrize("tile", [0, 16])
def test_what_rests_adds_to_the_loss_what_it_did_when_it_was_looked_at(
    vgg: VGG19, painter: dict[str, Any], tile: int
) -> None:
    """Of boxes and what lies beside them the losses are those of the whole; deep within a box so are gradients."""
    settings = Settings().with_values(**{**SHALLOW, **painter})
    frame, image, held = (blots(seed) for seed in range(3))
    guide, style = TemporalTarget(held, torch.zeros_like(held[:, :1])), targets(vgg, settings).at(SIZE)
    boxes = (Rectangle(8, 32, 16, 64), Rectangle(0, 40, 120, 160))
    resting = tuple(between(boxes, SIZE))

    def objective(parts: Sequence[Rectangle] | None, rest: Rest | None) -> Objective:
        return Objective(vgg, frame, style, guide, settings.losses, tile, parts, rest)

    looking = objective((*resting, *boxes), None)
    rest = looking.at_rest(image, resting)
    whole, gradient = objective(None, None).value_and_grad(image)
    found, its_gradient = objective(boxes, rest).value_and_grad(image)
    torch.testing.assert_close(found.terms, whole.terms, rtol=1e-4, atol=1e-6)
    for deep in (Rectangle(22, 24, 30, 50), Rectangle(0, 40, 134, 146)):
        torch.testing.assert_close(
            deep.of(its_gradient), deep.of(gradient), rtol=1e-3, atol=1e-4 * float(gradient.abs().max())
        )
    assert float(between_of(its_gradient, boxes, 14)) == 0


def between_of(gradient: torch.Tensor, boxes: Sequence[Rectangle], away: int) -> torch.Tensor:
    """The largest of what is further from all boxes."""
    far = gradient.abs().clone()
    for box in boxes:
        box.grown(away, SIZE).of(far).zero_()
    return far.max()


@pytest.mark.parametrize("tile", ["off", "32"])
@pytest.mark.parametrize("painter", ["mixed", "gram"])
def test_what_does_not_move_stays_byte_for_byte_and_costs_nothing(
    vgg: VGG19, painter: str, tile: str, seen: list[int]
) -> None:
    settings, pairs = QUICK.with_values(painter=painter, tile=tile), locked_off(4)
    costs, results = [], list[Made]()
    for result in stylize_sequence(iter(pairs), None, vgg, targets(vgg, settings), settings):
        costs.append(sum(seen))
        seen.clear()
        results.append(result)
    far = torch.ones(SIZE, dtype=torch.bool)
    far[: MOVING.bottom + 40, : MOVING.right + 40] = False
    for before, after in itertools.pairwise(results):
        differs = changed(before, after)
        assert differs[MOVING.top : MOVING.bottom, MOVING.left : MOVING.right].float().mean() > 0.9
        assert not differs[far].any()
        for name in ("image", "first_moment", "second_moment"):
            ours, its = (getattr(state.carried, name)[..., MARGIN_PX + 88 :] for _, state in (before, after))
            assert torch.equal(ours, its)
        assert after[0].losses.appearance < 1.5 * results[1][0].losses.appearance
    whole = made(vgg, [pairs[0], (pairs[1][0], unsure(pairs[1][1]))], settings)
    usual = sum(seen) - costs[0]
    assert len(whole) == 2
    assert costs[2] < 0.6 * usual
    assert costs[3] == costs[2]


def unsure(motion: Motion | None) -> Motion | None:
    """Motion of which nothing is quite sure, so that nothing rests."""
    return motion and replace(motion, visible=motion.visible * 0.9)


def test_a_slow_fade_is_painted_once_it_can_be_seen(vgg: VGG19) -> None:
    """Each frame differs from the one before by less than counts, and each is compared with what was painted last."""
    step, pairs = STILL * 0.4, locked_off(6)
    faded = []
    for frame, motion in pairs:
        image = frame.image * 0.9
        image[..., 120:] += step * frame.index
        faded.append((replace(frame, image=image), motion))
    results = made(vgg, faded, CHEAP)
    fades = [bool(changed(*pair)[:, 140:].any()) for pair in itertools.pairwise(results)]
    assert fades == [False, False, True, False, False]


def test_what_moves_elsewhere_wakes_what_it_touches(vgg: VGG19) -> None:
    """It also paints what it has left, as long as that is not as it was painted."""
    there = Rectangle(16, 32, 150, 174)
    results = made(vgg, locked_off(4, (MOVING, there)), CHEAP)
    first, second, third = (changed(*pair) for pair in itertools.pairwise(results))
    assert first[12:20, 20:36].all()
    assert not first[:, 100:].any()
    for both in (second, third):
        assert both[12:20, 20:36].float().mean() > 0.9
        assert both[20:28, 154:170].float().mean() > 0.9
        assert not both[:, 90:120].any()


def test_what_is_not_finished_does_not_rest(vgg: VGG19) -> None:
    pairs = locked_off(3)
    frame, motion = pairs[1]
    assert motion is not None
    hidden = motion.visible.clone()
    hidden[..., 150:170] = 0
    pairs[1] = (frame, replace(motion, visible=hidden))
    results = made(vgg, pairs, CHEAP)
    assert changed(results[0], results[1])[:, 150:170].float().mean() > 0.9
    assert changed(results[1], results[2])[:, 150:170].float().mean() > 0.9
    assert not changed(results[1], results[2])[:, 90:120].any()


def test_a_moving_camera_costs_no_look_more(vgg: VGG19, seen: list[int]) -> None:
    wide, painted = blots(0, (40, 240)), painted_size(*SIZE)
    frames = [Frame(index, wide[..., 4 * index : 4 * index + SIZE[1]]) for index in range(3)]
    made(vgg, list(with_motion(frames, DISFlow())), QUICK)
    pixels = painted[0] * painted[1]
    assert sum(seen[-6:]) == 2 * (1 + 2 * 2) * pixels
    assert set(seen[-6:]) == {pixels, 2 * pixels}


@pytest.mark.parametrize("painter", ["mixed", "gram"])
def test_a_run_that_goes_on_among_frames_that_rest_is_the_same(vgg: VGG19, painter: str) -> None:
    settings, pairs = QUICK.with_values(painter=painter), locked_off(5, (MOVING, Rectangle(8, 24, 32, 56)))
    whole = made(vgg, pairs, settings)
    for stopped in (0, 2):
        *_, (last, _) = made(vgg, pairs[stopped + 1 :], settings, whole[stopped][1])
        assert torch.equal(last.image, whole[-1][0].image)
        assert last.losses == whole[-1][0].losses
