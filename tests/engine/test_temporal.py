"""One shot: state travels along the motion, saves iterations, calms flicker, and starts anew where it must."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch
from conftest import CHEAP_PAINTER, SHALLOW
from image_fixtures import noise_image

from scripts.benchmark.gpu import HostReads
from stylevideo.engine.carry import (
    NEW_MOMENT_SHARE,
    BlendTarget,
    Carried,
    ColorMap,
    Reference,
    carry,
    extended_motion,
)
from stylevideo.engine.objective import Objective, TemporalTarget
from stylevideo.engine.optimizer import CarriedState, FrameOptimizer
from stylevideo.engine.sequence import PaintedFrame, SequenceState, stylize_sequence
from stylevideo.engine.targets import StylePicture, StyleTargets
from stylevideo.errors import PaintingError
from stylevideo.models.vgg import VGG19
from stylevideo.motion.estimate import Motion, ReferenceMatch, with_motion
from stylevideo.motion.flow import DISFlow
from stylevideo.motion.frame import Frame
from stylevideo.ops.margin import MARGIN_PX, with_margin, without_margin
from stylevideo.ops.warp import warp
from stylevideo.quality.metrics import sharpness
from stylevideo.settings.settings import Settings

Maker = Callable[[Settings], StyleTargets]
Made = tuple[PaintedFrame, SequenceState]
HEIGHT, WIDTH = 64, 96
SMALL = 40, 64
"""Of frames whose looks do not count."""
FINISHED = torch.ones(1, 1, HEIGHT, WIDTH)
CHEAP = Settings().with_values(**CHEAP_PAINTER)
"""For what is asked of how frames follow each other."""
PAINTERS = (CHEAP, Settings().with_values(**SHALLOW, painter="mixed"))
by_painter = pytest.mark.parametrize("usual", PAINTERS, ids=lambda settings: settings.losses.painter)


def pan(count: int, step: int = 3, size: tuple[int, int] = (HEIGHT, WIDTH)) -> list[Frame]:
    """A camera that moves `step` pixels a frame over a smooth random picture."""
    wide = torch.nn.functional.interpolate(noise_image(12, 40), scale_factor=8.0, mode="bicubic").clamp(0, 1)
    height, width = size
    return [Frame(i, wide[..., 8 : 8 + height, 8 + step * i : 8 + step * i + width]) for i in range(count)]


def results(vgg: VGG19, frames: list[Frame], make_targets: Maker, settings: Settings) -> list[PaintedFrame]:
    paired = with_motion(frames, DISFlow() if settings.temporal.carry else None)
    return [result for result, _ in stylize_sequence(paired, None, vgg, make_targets(settings), settings)]


@pytest.fixture(scope="module")
def begun(vgg: VGG19, make_targets: Maker) -> Callable[[Settings], Made]:
    """A pan's first frame, made from nothing once for each settings: it is the same whatever the camera's speed."""

    @functools.cache
    def begin(settings: Settings) -> Made:
        (made,) = stylize_sequence([(pan(1)[0], None)], None, vgg, make_targets(settings), settings)
        return made

    return begin


def going_on(
    first: Made, frames: list[Frame], vgg: VGG19, make_targets: Maker, settings: Settings
) -> list[PaintedFrame]:
    """A pan's results, the first of which is made already."""
    result, state = first
    paired = with_motion(frames, DISFlow(), begin=1)
    return [result, *(r for r, _ in stylize_sequence(paired, state, vgg, make_targets(settings), settings))]


def older_picture() -> torch.Tensor:
    """A frame of a film that has the size `(HEIGHT, WIDTH)` with its margin."""
    return (noise_image(HEIGHT - 2 * MARGIN_PX, WIDTH - 2 * MARGIN_PX, 8) * 255).byte()


def warping_error(images: list[torch.Tensor], step: int = 3) -> float:
    """Mean square difference from the previous frame moved by the exact motion, away from the border."""
    flow = torch.zeros(1, 2, HEIGHT, WIDTH)
    flow[:, 0] = step
    inside = (..., slice(8, -8), slice(8, -8 - step))
    pairs = itertools.pairwise(images)
    return sum(float((b - warp(a, flow))[inside].square().mean()) for a, b in pairs) / (len(images) - 1)


def test_moments_and_steps_follow_the_motion() -> None:
    state = CarriedState(*(noise_image(HEIGHT, WIDTH, seed) for seed in range(3)), step=7)
    flow = torch.zeros(1, 2, HEIGHT, WIDTH)
    flow[:, 0] = 5
    visible = torch.ones(1, 1, HEIGHT, WIDTH)
    visible[..., -5:] = 0
    carried = carry(state, FINISHED, Motion(flow, visible), noise_image(HEIGHT, WIDTH, 9))
    start = carried.start
    for name in ("image", "first_moment", "second_moment"):
        moved, before = getattr(start, name), getattr(state, name)
        torch.testing.assert_close(moved[..., :-5], before[..., 5:], atol=1e-5, rtol=0)
    assert start.first_moment[..., -5:].abs().max() == 0
    for channel in range(3):
        mean = state.second_moment[0, channel].mean()
        torch.testing.assert_close(start.second_moment[0, channel, :, -5:], (NEW_MOMENT_SHARE * mean).expand(HEIGHT, 5))
    assert start.step == 7
    assert torch.equal(carried.coverage, visible)


def test_what_is_carried_stays_as_sharp_as_it_was() -> None:
    """A camera that moves by parts of a pixel a frame: every frame is resampled from the one before."""
    noise = noise_image(HEIGHT * 5 // 8, WIDTH * 5 // 8)
    picture = torch.nn.functional.interpolate(noise, size=(HEIGHT, WIDTH), mode="bicubic")
    blank = torch.zeros(1, 3, HEIGHT, WIDTH)
    first = CarriedState(0.3 + 0.4 * picture.clamp(0, 1), blank, blank, step=7)
    motion = Motion(torch.full((1, 2, HEIGHT, WIDTH), 0.4), FINISHED)
    state = first
    for _ in range(12):
        state = carry(state, FINISHED, motion, first.image).start
    sharp, before = (sharpness(image[..., 8:-16, 8:-16]) for image in (state.image, first.image))
    assert 0.9 * before < sharp < 1.1 * before


def test_what_a_reference_shows_is_taken_from_it_and_held() -> None:
    state = CarriedState(*(noise_image(HEIGHT, WIDTH, seed) for seed in range(3)), step=7)
    still = torch.zeros(1, 2, HEIGHT, WIDTH)
    visible, seen = torch.ones(1, 1, HEIGHT, WIDTH), torch.zeros(1, 1, HEIGHT, WIDTH)
    visible[..., :20], seen[..., :12] = 0, 1
    older = older_picture()
    motion = Motion(still, visible, (ReferenceMatch(16, still, seen),))
    frame = noise_image(HEIGHT, WIDTH, 9)
    references = (Reference(8, torch.zeros_like(older)), Reference(16, older))
    carried = carry(state, FINISHED, motion, frame, references)
    start = carried.start
    torch.testing.assert_close(start.image[..., :12], with_margin(older)[..., :12] / 255, atol=1e-5, rtol=0)
    torch.testing.assert_close(start.image[..., 20:], state.image[..., 20:], atol=1e-5, rtol=0)
    assert carried.coverage[..., :12].min() == 1
    assert carried.coverage[..., 12:20].max() == 0
    assert start.first_moment[..., :20].abs().max() == 0


def test_between_the_previous_frame_and_a_reference_no_source_shines_through() -> None:
    """At a soft border each gives half of the picture, which is known and finished in full."""
    state = CarriedState(*(noise_image(HEIGHT, WIDTH, seed) for seed in range(3)), step=7)
    still, half = torch.zeros(1, 2, HEIGHT, WIDTH), torch.full((1, 1, HEIGHT, WIDTH), 0.5)
    older = older_picture()
    motion = Motion(still, half, (ReferenceMatch(16, still, half),))
    carried = carry(state, FINISHED, motion, noise_image(HEIGHT, WIDTH, 9), (Reference(16, older),))
    mean = (state.image + with_margin(older) / 255) / 2
    torch.testing.assert_close(carried.start.image, mean, atol=1e-5, rtol=0)
    assert carried.coverage.min() == 1
    assert carried.convergence.min() == 1


def test_what_is_new_is_not_finished_and_what_moves_keeps_its_age() -> None:
    state = CarriedState(*(noise_image(HEIGHT, WIDTH, seed) for seed in range(3)), step=7)
    convergence = noise_image(HEIGHT, WIDTH, 3)[:, :1]
    flow = torch.zeros(1, 2, HEIGHT, WIDTH)
    flow[:, 0] = 5
    visible, seen = torch.ones(1, 1, HEIGHT, WIDTH), torch.zeros(1, 1, HEIGHT, WIDTH)
    visible[..., -5:], seen[..., -2:] = 0, 1
    motion = Motion(flow, visible, (ReferenceMatch(0, flow, seen),))
    moved = carry(
        state, convergence, motion, noise_image(HEIGHT, WIDTH, 9), (Reference(0, older_picture()),)
    ).convergence
    torch.testing.assert_close(moved[..., :-5], convergence[..., 5:])
    assert moved[..., -5:-2].max() == 0
    assert moved[..., -2:].min() == 1


def test_what_enters_the_picture_gets_strokes(
    vgg: VGG19, make_targets: Maker, begun: Callable[[Settings], Made]
) -> None:
    """The right half, which entered over six frames, has as much structure as in a frame made by itself."""
    frames = pan(7, step=8)
    settings = CHEAP.with_values(first_iterations=30)
    last = going_on(begun(settings), frames, vgg, make_targets, settings)[-1].image
    alone = results(vgg, frames[-1:], make_targets, settings)[0].image
    entered = (..., slice(WIDTH // 2, None))
    assert sharpness(last[entered]) > 0.75 * sharpness(alone[entered])


def test_what_is_finished_takes_smaller_steps_than_what_is_new(
    vgg: VGG19, make_targets: Maker, begun: Callable[[Settings], Made]
) -> None:
    """So a surface that only moves is calm, though nothing holds it, and what is new is painted at once."""
    settings = CHEAP.with_values(first_iterations=30)
    first, state = begun(settings)
    settings = settings.with_values(temporal_weight=0.0)
    convergence = torch.ones_like(state.convergence)
    convergence[..., convergence.shape[3] // 2 :] = 0
    second = Frame(1, pan(1)[0].image * 0.97)
    motion = Motion(torch.zeros_like(second.image[:, :2]), torch.ones_like(second.image[:, :1]))
    unfinished = replace(state, convergence=convergence)
    ((made, _),) = stylize_sequence([(second, motion)], unfinished, vgg, make_targets(settings), settings)
    finished, new = (made.image - first.image).abs().split(WIDTH // 2, dim=3)
    assert float(finished.mean()) < 0.6 * float(new.mean())


def test_a_surface_that_a_shade_falls_on_becomes_darker(vgg: VGG19, make_targets: Maker) -> None:
    """As a frame made by itself does, though what is finished takes small steps and is held to earlier frames."""
    lit, half = pan(1, size=SMALL)[0].image, SMALL[1] // 2
    shade = torch.linspace(1.5, 0, SMALL[1]).clamp(0, 1)  # on the left half, with a soft edge
    frames = [Frame(index, (lit - 0.025 * index * shade).clamp(0, 1)) for index in range(11)]
    deeper = {"style_layers": ("relu1_1", "relu2_1", "relu3_1"), "content_layers": ("relu3_1",)}
    settings = CHEAP.with_values(**deeper, first_iterations=30, iterations=1)
    film = [result.image for result in results(vgg, frames, make_targets, settings)]
    alone = results(vgg, frames[-1:], make_targets, settings)[0].image
    darker, wanted = (float((film[0] - other)[..., :half].mean()) for other in (film[-1], alone))
    assert darker > 0.7 * wanted > 0.05


def test_what_reappears_in_the_shade_is_as_dark_as_the_rest() -> None:
    """The source's change goes into the reference's picture in the film's colours, here a third of it."""
    frame, first, second = (noise_image(HEIGHT, WIDTH, seed) for seed in range(3))
    state = CarriedState(frame / 3, first, second, step=7)
    still, seen = torch.zeros(1, 2, HEIGHT, WIDTH), torch.zeros(1, 1, HEIGHT, WIDTH)
    seen[..., :12] = 1
    older = 60 + older_picture() // 2
    match = ReferenceMatch(16, still, seen, change=torch.full_like(frame, -0.3))
    carried = carry(state, FINISHED, Motion(still, 1 - seen, (match,)), frame, (Reference(16, older),))
    darker = with_margin(older) / 255 - 0.1
    torch.testing.assert_close(carried.start.image[..., :12], darker[..., :12], atol=0.01, rtol=0)
    torch.testing.assert_close(carried.start.image[..., 12:], state.image[..., 12:], atol=1e-5, rtol=0)


def test_a_frame_is_held_to_the_anchor_too_but_begins_as_the_one_before() -> None:
    state = CarriedState(*(noise_image(HEIGHT, WIDTH, seed) for seed in range(3)), step=7)
    flow = torch.zeros(1, 2, HEIGHT, WIDTH)
    seen = torch.zeros(1, 1, HEIGHT, WIDTH)
    seen[..., 48:] = 1
    reference = Reference(8, older_picture())
    motion = Motion(flow, torch.ones_like(seen), anchor=ReferenceMatch(8, flow, seen))
    carried = carry(state, FINISHED, motion, noise_image(HEIGHT, WIDTH, 9), (reference,), anchor=0.5)
    torch.testing.assert_close(carried.start.image, state.image, atol=1e-5, rtol=0)
    between = (state.image + with_margin(reference.picture) / 255) / 2
    torch.testing.assert_close(carried.held[..., 48:], between[..., 48:], atol=1e-5, rtol=0)
    torch.testing.assert_close(carried.held[..., :48], state.image[..., :48], atol=1e-5, rtol=0)


def test_what_is_finished_begins_as_an_anchor_that_a_renderer_vouches_for() -> None:
    """And is held to it alone; what is not finished goes on from the frame before."""
    state = CarriedState.fresh(noise_image(HEIGHT, WIDTH, 1))
    reference = Reference(8, (noise_image(HEIGHT - 16, WIDTH - 16, 2) * 255).byte())
    flow, seen = torch.zeros(1, 2, HEIGHT, WIDTH), torch.ones(1, 1, HEIGHT, WIDTH)
    convergence = FINISHED.clone()
    convergence[..., : WIDTH // 2] = 0
    motion = Motion(flow, seen, anchor=ReferenceMatch(8, flow, seen, exact=True))
    carried = carry(state, convergence, motion, noise_image(HEIGHT, WIDTH, 9), (reference,), anchor=0.5)
    older = with_margin(reference.picture) / 255
    finished, unfinished = (..., slice(WIDTH // 2 + 8, -8)), (..., slice(8, WIDTH // 2))
    for picture in (carried.start.image, carried.held):
        assert float((picture[finished] - older[finished]).abs().max()) < 1e-5
    assert float((carried.start.image[unfinished] - state.image[unfinished]).abs().max()) < 1e-5
    mean = (state.image + older)[unfinished] / 2
    assert float((carried.held[unfinished] - mean).abs().max()) < 1e-5


def test_the_anchor_counts_for_what_it_shows_and_no_more() -> None:
    """Where the previous frame shows nothing, the anchor alone is known, by its share; without one nothing is."""
    state = CarriedState(*(noise_image(HEIGHT, WIDTH, seed) for seed in range(3)), step=7)
    flow, half = torch.zeros(1, 2, HEIGHT, WIDTH), torch.full((1, 1, HEIGHT, WIDTH), 0.5)
    seen = torch.ones_like(half)
    reference = Reference(8, older_picture())
    frame = noise_image(HEIGHT, WIDTH, 9)

    def carried(visible: torch.Tensor, anchor: float) -> Carried:
        motion = Motion(flow, visible, anchor=ReferenceMatch(8, flow, seen))
        return carry(state, FINISHED, motion, frame, (reference,), anchor)

    hidden = carried(torch.zeros_like(half), 0.4)
    torch.testing.assert_close(hidden.held, with_margin(reference.picture) / 255)
    torch.testing.assert_close(hidden.coverage, 0.4 * seen)
    assert hidden.convergence.max() == 0, "it begins anew, so nothing holds it yet"
    without = carry(state, FINISHED, Motion(flow, half), frame)
    torch.testing.assert_close(carried(half, 0.0).held, without.held)
    torch.testing.assert_close(carried(half, 0.0).coverage, without.coverage)


def test_a_hidden_cut_is_made_once_and_not_measured_by_the_shot_before(vgg: VGG19, make_targets: Maker) -> None:
    """Behind it, the guard knows nothing of the losses before it, though they were far lower."""
    calm = pan(3, size=SMALL)
    rough = [Frame(i, (noise_image(*SMALL, 6).roll(i, 3) > 0.5).float()) for i in (3, 4)]
    settings = CHEAP.with_values(
        first_iterations=6, coarsest_size=0, iterations=1, new_iterations=0, tolerance=0.0, guard=1.2
    )
    made = results(vgg, [*calm, *rough], make_targets, settings)
    assert made[3].losses.appearance > 1.5 * made[2].losses.appearance, "no test of the guard otherwise"
    assert made[3].iterations == 6
    assert not any(result.redone for result in made[3:])


def test_the_more_is_new_the_more_iterations(
    vgg: VGG19, make_targets: Maker, begun: Callable[[Settings], Made]
) -> None:
    """A part adds its share; a frame that has nothing of the one before begins like a shot's first."""
    frames = pan(3)
    slightly = frames[0].image * 0.96
    partly = frames[1].image.clone()
    partly[..., WIDTH // 2 :] = noise_image(HEIGHT, WIDTH // 2, 7)
    other = Frame(1, (noise_image(HEIGHT, WIDTH, 6) > 0.5).float())
    settings = CHEAP.with_values(
        first_iterations=5, coarsest_size=0, iterations=1, new_iterations=8, guard=0.0, tolerance=0.0
    )
    counts = [
        going_on(begun(settings), [frames[0], second], vgg, make_targets, settings)[1].iterations
        for second in (Frame(1, slightly), Frame(1, partly), other)
    ]
    assert counts[0] == 1
    assert 3 <= counts[1] <= 6
    assert counts[2] == 5


def test_with_the_moments_fewer_iterations_reach_the_same_loss(
    vgg: VGG19, make_targets: Maker, begun: Callable[[Settings], Made]
) -> None:
    """One iteration with what was carried beats four with the same picture and a fresh optimiser."""
    first, second = pan(2, step=1)
    settings = CHEAP.with_values(first_iterations=30)
    targets = make_targets(settings)
    _, state = begun(settings)
    motion = list(with_motion([first, second], DISFlow()))[1][1]
    assert motion is not None
    frame = with_margin(second.image)
    moved = extended_motion(motion, frame)
    carried = carry(state.carried, state.convergence, moved, frame, state.references)
    start, guide = carried.start, TemporalTarget(carried.held, carried.convergence)
    objective = Objective(vgg, frame, targets.at((frame.shape[2], frame.shape[3])), None, settings.losses)

    def loss_after(begin: CarriedState, iterations: int) -> float:
        done = FrameOptimizer(vgg, targets, settings).optimize(frame, begin, guide, iterations)
        with torch.no_grad():
            return objective.value(done.state.image).numbers().appearance

    assert loss_after(start, 1) < loss_after(CarriedState.fresh(start.image), 4)


@by_painter
def test_a_pan_flickers_less_than_independent_frames(
    vgg: VGG19, make_targets: Maker, begun: Callable[[Settings], Made], usual: Settings
) -> None:
    frames = pan(4)
    settings = usual.with_values(first_iterations=15, coarse_iterations=10)
    first, _ = begun(settings)
    carried = going_on(begun(settings), frames, vgg, make_targets, settings)
    alone = [first, *results(vgg, frames[1:], make_targets, settings.with_values(carry=False))]
    assert sum(result.iterations for result in carried) < 0.5 * sum(result.iterations for result in alone)
    assert warping_error([r.image for r in carried]) < 0.2 * warping_error([r.image for r in alone])


def test_behind_a_flash_everything_looks_as_before(
    vgg: VGG19, make_targets: Maker, begun: Callable[[Settings], Made]
) -> None:
    frames = pan(5, step=1)
    frames[3] = replace(frames[3], image=0.9 + 0.1 * frames[3].image)
    settings = CHEAP.with_values(first_iterations=15, coarse_iterations=10)
    shown = [r.image for r in going_on(begun(settings), frames, vgg, make_targets, settings)]
    alone = results(vgg, frames[4:], make_targets, settings)[0].image
    assert warping_error([shown[2], shown[4]], step=2) < 0.2 * warping_error([shown[2], alone], step=2)


@by_painter
def test_a_shot_that_is_gone_on_with_is_the_same_as_an_uninterrupted_one(
    vgg: VGG19, make_targets: Maker, usual: Settings
) -> None:
    frames = pan(4, size=SMALL)
    settings = usual.with_values(first_iterations=5, coarse_iterations=4, iterations=2)
    targets = make_targets(settings)
    whole = list(stylize_sequence(with_motion(frames, DISFlow()), None, vgg, targets, settings))
    _, state = whole[1]
    paired = with_motion(frames, DISFlow(), begin=2)
    rest = list(stylize_sequence(paired, state, vgg, targets, settings))
    assert [r.index for r, _ in rest] == [2, 3]
    assert torch.equal(rest[-1][0].image, whole[-1][0].image)


def test_while_the_source_stands_still_so_does_the_film(vgg: VGG19, make_targets: Maker) -> None:
    """Frames 2 to 4 repeat frame 1; frame 5 moves on. A run that stops among them ends the same."""
    first, second, third = pan(3, size=SMALL)
    frames = [first, second, *(replace(second, index=i) for i in (2, 3, 4)), replace(third, index=5)]
    settings = CHEAP.with_values(first_iterations=5, coarse_iterations=4, iterations=2, new_iterations=0)
    targets = make_targets(settings)
    whole = list(stylize_sequence(with_motion(frames, DISFlow()), None, vgg, targets, settings))
    for result, state in whole[2:5]:
        assert torch.equal(result.image, whole[1][0].image)
        assert result.losses == whole[1][0].losses
        assert result.iterations == 0
        assert (state.index, state.last_moved) == (result.index, 1)
    assert whole[5][0].iterations >= 2
    assert whole[5][1].last_moved == 5
    for stopped in (1, 2, 3, 4):
        state = whole[stopped][1]
        paired = with_motion(frames, DISFlow(), (), stopped + 1, state.last_moved)
        *_, (last, _) = stylize_sequence(paired, state, vgg, targets, settings)
        assert torch.equal(last.image, whole[5][0].image)


def test_a_still_frame_that_is_to_turn_into_something_is_made(vgg: VGG19, make_targets: Maker) -> None:
    frame = pan(1, size=SMALL)[0]
    settings = CHEAP.with_values(first_iterations=3, coarsest_size=0, iterations=2)
    blends = {1: BlendTarget(torch.zeros_like(frame.image).byte(), 0.5)}
    paired = with_motion([frame, replace(frame, index=1)], DISFlow())
    made = list(stylize_sequence(paired, None, vgg, make_targets(settings), settings, blends))
    assert made[1][0].iterations == 2
    assert made[1][0].image.mean() < 0.8 * made[0][0].image.mean()
    assert made[1][1].last_moved == 0


def test_what_is_uncovered_while_a_loop_turns_takes_the_steps_of_what_is_held(
    vgg: VGG19, make_targets: Maker, begun: Callable[[Settings], Made]
) -> None:
    """It begins as the backward picture has it, which is finished; what is uncovered otherwise takes larger steps."""
    settings = CHEAP.with_values(first_iterations=5, coarse_iterations=4, iterations=2, new_iterations=0)
    _, state = begun(settings)
    settings = settings.with_values(temporal_weight=0.0, guard=0.0)
    second = Frame(1, pan(1)[0].image * 0.97)
    visible = torch.ones_like(second.image[:, :1])
    visible[..., WIDTH * 3 // 4 :] = 0
    motion = Motion(torch.zeros_like(second.image[:, :2]), visible)
    moved = extended_motion(motion, with_margin(second.image))
    carried = carry(state.carried, state.convergence, moved, with_margin(second.image))
    start = without_margin(carried.start.image)
    targets = make_targets(settings)

    def steps(blends: dict[int, BlendTarget]) -> float:
        ((made, _),) = stylize_sequence([(second, motion)], state, vgg, targets, settings, blends)
        return float((made.image - start)[..., WIDTH * 3 // 4 :].abs().mean())

    backward = BlendTarget((start * 255).round().byte(), 0.5)
    assert steps({1: backward}) < 0.6 * steps({})


def test_a_frame_between_two_looks_stays_nearer_to_where_it_is_on_its_way(
    vgg: VGG19, make_targets: Maker, begun: Callable[[Settings], Made]
) -> None:
    """Than one that is blended into a picture of its own look: strokes of its own would be neither's."""
    settings = CHEAP.with_values(first_iterations=5, coarse_iterations=4, iterations=4, new_iterations=0)
    first, state = begun(settings)
    frame = replace(pan(1)[0], index=1)
    motion = Motion(torch.zeros_like(frame.image[:, :2]), torch.ones_like(frame.image[:, :1]))
    picture = (first.image.flip(1) * 255).round().byte()
    half_way = torch.lerp(first.image, picture / 255, 0.5)

    def away(blend: BlendTarget) -> float:
        ((made, _),) = stylize_sequence([(frame, motion)], state, vgg, make_targets(settings), settings, {1: blend})
        return float((made.image - half_way).abs().mean())

    assert away(BlendTarget(picture, 0.5, 0.5, is_look=True)) < 0.8 * away(BlendTarget(picture, 0.5, 0.5))


def test_the_guard_does_a_frame_again_that_stands_out(
    vgg: VGG19, make_targets: Maker, begun: Callable[[Settings], Made]
) -> None:
    """A state whose neighbours had a far lower loss makes the next frame stand out; alone it does not."""
    frames = pan(2)
    settings = CHEAP.with_values(first_iterations=5, coarse_iterations=4, iterations=2, new_iterations=0)
    targets = make_targets(settings)
    _, state = begun(settings)
    paired = list(with_motion(frames, DISFlow()))[1:]
    ((usual, _),) = stylize_sequence(paired, state, vgg, targets, settings)
    assert not usual.redone
    spoilt = replace(state, recent_losses=(1e-6, 1e-6))
    ((guarded, _),) = stylize_sequence(paired, spoilt, vgg, targets, settings)
    assert guarded.redone
    assert guarded.iterations == usual.iterations + 9
    assert guarded.losses.appearance <= usual.losses.appearance
    ((unguarded, _),) = stylize_sequence(paired, spoilt, vgg, targets, settings.with_values(guard=0.0))
    assert not unguarded.redone


@pytest.mark.parametrize(
    ("part", "value", "blends"),
    [
        ("image", float("nan"), {}),
        ("first_moment", float("inf"), {}),
        ("second_moment", float("inf"), {}),
        ("second_moment", float("nan"), {1: BlendTarget(noise_image(*SMALL, 3).byte(), 0.5)}),
    ],
)
def test_a_frame_that_is_not_finite_begins_anew(
    vgg: VGG19, make_targets: Maker, part: str, value: float, blends: dict[int, BlendTarget]
) -> None:
    """Also without the guard, and where only a moment is not: nothing of it passes to the next frame."""
    settings = Settings().with_values(first_iterations=2, coarsest_size=0, new_iterations=0, guard=0.0)
    targets = make_targets(settings)
    first, *later = with_motion(pan(2, size=SMALL), DISFlow())
    ((_, state),) = stylize_sequence([first], None, vgg, targets, settings)
    spoilt = replace(state.carried, **{part: torch.full_like(getattr(state.carried, part), value)})
    ((made, after),) = stylize_sequence(later, replace(state, carried=spoilt), vgg, targets, settings, blends)
    assert made.redone
    assert made.losses.is_finite
    assert all(maps.isfinite().all() for maps in (made.image, *list(vars(after.carried).values())[:3]))


@pytest.mark.parametrize(("part", "value"), [("first_moment", float("nan")), ("second_moment", float("inf"))])
def test_losses_tell_of_the_state_that_the_last_step_left(
    vgg: VGG19, make_targets: Maker, part: str, value: float
) -> None:
    """They were finite before it; an infinite second moment even leaves the picture as it was."""
    settings, image = Settings(), noise_image(*SMALL)
    optimizer, start = FrameOptimizer(vgg, make_targets(settings), settings), CarriedState.fresh(image)
    assert optimizer.optimize(image, start, None, 1).losses.is_finite
    spoilt = replace(start, **{part: torch.full_like(image, value)})
    assert not optimizer.optimize(image, spoilt, None, 1).losses.is_finite


def test_a_frame_that_is_not_finite_either_when_it_begins_anew_ends_the_work(vgg: VGG19, make_targets: Maker) -> None:
    settings = Settings().with_values(first_iterations=2, coarsest_size=0)
    (frame,) = pan(1, size=SMALL)
    frame.image[0, 1, 8, 8] = float("nan")
    with pytest.raises(PaintingError, match=r"not finite.*--precision fp32"):
        next(stylize_sequence([(frame, None)], None, vgg, make_targets(settings), settings))


@pytest.mark.parametrize("styles", [1, 2])
def test_the_host_waits_for_a_following_frame_at_most_twice(vgg: VGG19, styles: int) -> None:
    """Once for how much of it is new, once for its losses; on a CPU the second is not counted."""
    settings = Settings().with_values(first_iterations=2, coarsest_size=0, new_iterations=0)
    frames = iter(list(with_motion(pan(2, size=SMALL), DISFlow())))
    pictures = [StylePicture(noise_image(*SMALL), 1.0), StylePicture(noise_image(*SMALL).flip(3), 0.5)][:styles]
    targets = StyleTargets(vgg, pictures, settings.losses, settings.strokes.stroke_size)
    painting = stylize_sequence(frames, None, vgg, targets, settings)
    next(painting)
    with HostReads() as reads:
        result, _ = next(painting)
    assert result.iterations == settings.optimizer.iterations
    assert reads.count <= 2


def test_frames_by_themselves_do_not_depend_on_each_other(vgg: VGG19, make_targets: Maker) -> None:
    frames = pan(3, size=SMALL)
    settings = CHEAP.with_values(carry=False, first_iterations=3, coarse_iterations=3)
    together = results(vgg, frames, make_targets, settings)
    alone = results(vgg, frames[2:], make_targets, settings)
    assert torch.equal(together[2].image, alone[0].image)


def test_colors_are_mapped_by_what_is_visible() -> None:
    frame = noise_image(32, 32)
    matrix = torch.tensor([[0.2, 0.5, 0.1], [0.3, 0.1, 0.2], [0.1, 0.2, 0.4]])
    stylized = torch.einsum("bchw,cd->bdhw", frame, matrix) + 0.1
    visible = torch.ones(1, 1, 32, 32)
    visible[..., 16:] = 0
    broken = torch.where(visible > 0, stylized, torch.zeros_like(stylized))
    torch.testing.assert_close(ColorMap.between(frame, broken, visible).of(frame), stylized, atol=0.01, rtol=0)
    assert torch.equal(ColorMap.between(frame, broken, torch.zeros_like(visible)).of(frame), frame)


def test_nothing_of_the_frames_before_is_kept_alive() -> None:
    """Frames are paired one at a time, so that a long shot needs no more memory than a short one."""
    made = 0

    def frames() -> Iterator[Frame]:
        nonlocal made
        for frame in pan(5):
            made += 1
            yield frame

    paired = with_motion(frames(), DISFlow())
    next(paired)
    assert made == 1
    _, motion = next(paired)
    assert made == 2
    assert motion is not None
    assert float(motion.flow_to_previous[:, 0].median()) == pytest.approx(3, abs=0.3)


def test_a_state_keeps_only_the_last_losses(vgg: VGG19, make_targets: Maker) -> None:
    settings = CHEAP.with_values(first_iterations=1, coarsest_size=0, iterations=1, new_iterations=0)
    states: list[SequenceState] = [
        state
        for _, state in stylize_sequence(
            with_motion(pan(8, size=SMALL), DISFlow()), None, vgg, make_targets(settings), settings
        )
    ]
    assert len(states[-1].recent_losses) == 5
    assert states[-1].index == 7


def test_each_frame_is_asked_for_its_own_settings(
    vgg: VGG19, make_targets: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = CHEAP.with_values(first_iterations=2, coarsest_size=0, new_iterations=0, tolerance=0.0)
    monkeypatch.setattr(Settings, "at", lambda self, frame: self.with_values(iterations=1 + frame))
    assert [result.iterations for result in results(vgg, pan(4, size=SMALL), make_targets, settings)] == [2, 2, 3, 4]
