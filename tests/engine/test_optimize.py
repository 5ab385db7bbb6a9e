"""One frame: the loss falls, equal runs give equal pixels, and each option does what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from stylevideo.engine.objective import Objective, TemporalTarget
from stylevideo.engine.optimizer import CarriedState, FrameOptimizer
from stylevideo.engine.sequence import restart
from stylevideo.engine.targets import StyleAtSize, StyleTargets
from stylevideo.engine.terms import GramTerm
from stylevideo.models.vgg import VGG19
from stylevideo.motion.frame import Frame
from stylevideo.ops.filters import luma
from stylevideo.ops.losses import total_variation
from stylevideo.quality.traits import color_dirt
from stylevideo.settings.presets import preset
from stylevideo.settings.sections import LossSettings
from stylevideo.settings.settings import Settings

Maker = Callable[[Settings], StyleTargets]


def loss_of(vgg: VGG19, image: torch.Tensor, frame: torch.Tensor, make_targets: Maker, settings: Settings) -> float:
    objective = Objective(vgg, frame, make_targets(settings).at(tuple(frame.shape[2:])), None, settings.losses)
    with torch.no_grad():
        return objective.value(image).numbers().appearance


def test_the_loss_falls_and_the_picture_stays_in_range(vgg, make_targets: Maker, flight_frames: list[Frame]) -> None:
    frame, settings = flight_frames[0].image, Settings().with_values(painter="gram")
    result = FrameOptimizer(vgg, make_targets(settings), settings).optimize(frame, CarriedState.fresh(frame), None, 12)
    before = loss_of(vgg, frame, frame, make_targets, settings)
    after = loss_of(vgg, result.state.image, frame, make_targets, settings)
    assert after < 0.5 * before
    assert result.iterations == 12
    assert 0 <= result.state.image.min() <= result.state.image.max() <= 1
    assert result.losses.total == pytest.approx(after, rel=0.2)


@pytest.mark.parametrize("source_weight", [0.0, 3.0])
def test_the_gradient_is_that_of_the_value(
    vgg, make_targets: Maker, flight_frames: list[Frame], source_weight: float
) -> None:
    """Along its own direction the loss changes by as much as it says, with every term at work."""
    frame, settings = flight_frames[0].image, Settings().with_values(source_weight=source_weight)
    guide = TemporalTarget(frame.flip(3), torch.full_like(frame[:, :1], 0.5))
    objective = Objective(vgg, frame, make_targets(settings).at(tuple(frame.shape[2:])), guide, settings.losses)
    image = frame.flip(2).contiguous()
    losses, gradient = objective.value_and_grad(image)
    assert losses.numbers() == objective.value(image).numbers()
    apart = (image - frame).square().mean() if source_weight else 0
    assert losses.numbers().source == pytest.approx(float(apart))
    assert not image.requires_grad
    step = 1e-2 * gradient / gradient.norm()
    ahead, behind = (float(objective.value(image + sign * step).total) for sign in (1, -1))
    assert (ahead - behind) / 2 == pytest.approx(float((gradient * step).sum()), rel=0.02)


def test_a_style_term_counts_by_its_weight_and_in_its_region(
    vgg, make_targets: Maker, flight_frames: list[Frame]
) -> None:
    frame, settings = flight_frames[0].image, Settings().with_values(content_layers=(), tv_weight=0.0)
    terms = make_targets(settings).grams(tuple(frame.shape[2:]))

    def style(*chosen: GramTerm, image: torch.Tensor = frame) -> float:
        return Objective(vgg, frame, StyleAtSize(chosen), None, settings.losses).value(image).numbers().style

    first, second = style(terms[0]), style(terms[1])
    assert style(*terms[:2]) == pytest.approx((first + second) / 2)
    assert style(replace(terms[0], weight=3 * terms[0].weight), terms[1]) == pytest.approx((3 * first + second) / 4)
    left = torch.zeros_like(frame[:, :1])
    left[..., : frame.shape[3] // 2] = 1
    black = frame.clone()
    black[..., frame.shape[3] * 3 // 4 :] = 0
    assert style(replace(terms[1], region=left), image=black) == pytest.approx(style(replace(terms[1], region=left)))
    assert style(terms[1], image=black) != pytest.approx(second, rel=0.01)
    assert style(replace(terms[1], region=torch.ones_like(left))) == pytest.approx(second, rel=1e-4)


def test_the_same_seed_gives_the_same_pixels_and_another_seed_others(
    vgg, make_targets: Maker, flight_frames: list[Frame]
) -> None:
    frame = flight_frames[0].image
    images = []
    for seed in (0, 0, 1):
        settings = Settings().with_values(seed=seed, start_noise=0.02, coarse_iterations=3, first_iterations=3)
        images.append(restart(frame, 0, FrameOptimizer(vgg, make_targets(settings), settings)).state.image)
    assert torch.equal(images[0], images[1])
    assert not torch.equal(images[0], images[2])


def test_stopping_and_going_on_with_the_moments_is_like_never_stopping(
    vgg, make_targets: Maker, flight_frames: list[Frame]
) -> None:
    """But for matched places, which are found anew."""
    frame, settings = flight_frames[0].image, Settings().with_values(tolerance=0.0, painter="gram")
    targets = make_targets(settings)
    whole = FrameOptimizer(vgg, targets, settings).optimize(frame, CarriedState.fresh(frame), None, 6)
    half = FrameOptimizer(vgg, targets, settings).optimize(frame, CarriedState.fresh(frame), None, 3)
    rest = FrameOptimizer(vgg, targets, settings).optimize(frame, half.state, None, 3)
    assert torch.equal(rest.state.image, whole.state.image)
    assert torch.equal(rest.state.second_moment, whole.state.second_moment)


@pytest.mark.parametrize("second_moment", ["pixel", "channel"])
def test_a_restarted_pixel_takes_a_first_step_of_the_learning_rate(
    vgg, make_targets: Maker, flight_frames: list[Frame], second_moment: str
) -> None:
    """Adam's bias correction: with no history a step is lr in the gradient's direction, whatever its size.

    With one second moment for a pixel it is the length of the step, as a root mean square, that is lr.
    """
    frame = flight_frames[0].image.clamp(0.2, 0.8)
    settings = Settings().with_values(second_moment=second_moment)
    result = FrameOptimizer(vgg, make_targets(settings), settings).optimize(frame, CarriedState.fresh(frame), None, 1)
    step = (result.state.image - frame).square()
    if second_moment == "pixel":
        step = step.mean(dim=1)
    assert float(step.sqrt().median()) == pytest.approx(settings.optimizer.learning_rate, rel=1e-3)


def test_a_frame_that_gains_nothing_stops_early_but_not_before_the_minimum(
    vgg, make_targets: Maker, flight_frames: list[Frame]
) -> None:
    frame = flight_frames[0].image
    settings = Settings().with_values(tolerance=1.0, min_iterations=10)
    result = FrameOptimizer(vgg, make_targets(settings), settings).optimize(frame, CarriedState.fresh(frame), None, 40)
    assert 10 <= result.iterations < 16


def test_the_temporal_term_holds_what_was_visible(vgg, make_targets: Maker, flight_frames: list[Frame]) -> None:
    frame = flight_frames[0].image
    settings = Settings().with_values(temporal_weight=1000.0)
    visible = torch.zeros_like(frame[:, :1])
    visible[..., :64] = 1
    guide = TemporalTarget(frame, visible)
    result = FrameOptimizer(vgg, make_targets(settings), settings).optimize(frame, CarriedState.fresh(frame), guide, 12)
    change = (result.state.image - frame).abs()
    assert change[..., :60].mean() < 0.3 * change[..., 68:].mean()


def test_colors_are_clean_and_strokes_stay(vgg, make_targets: Maker, flight_frames: list[Frame]) -> None:
    frame = flight_frames[0].image

    def painted(tv_color: float) -> torch.Tensor:
        settings = Settings().with_values(tv_color=tv_color)
        optimizer = FrameOptimizer(vgg, make_targets(settings), settings)
        return optimizer.optimize(frame, CarriedState.fresh(frame), None, 8).state.image

    clean, specked = painted(10.0), painted(0.0)
    assert color_dirt(clean) < 0.75 * color_dirt(specked)
    assert total_variation(luma(clean)[None, None]) > 0.9 * total_variation(luma(specked)[None, None])


def test_lbfgs_lowers_the_loss_within_its_evaluations(vgg, make_targets: Maker, flight_frames: list[Frame]) -> None:
    frame = flight_frames[0].image
    alone = {"carry": False, "first_iterations": 12, "coarsest_size": 0}
    settings = Settings().with_values(optimizer="lbfgs", painter="gram", **alone)
    result = restart(frame, 0, FrameOptimizer(vgg, make_targets(settings), settings))
    after = loss_of(vgg, result.state.image, frame, make_targets, settings)
    assert after < 0.7 * loss_of(vgg, frame, frame, make_targets, settings)
    assert result.iterations <= 14


def test_coarse_scales_come_first_and_are_counted(vgg, make_targets: Maker, flight_frames: list[Frame]) -> None:
    settings = Settings().with_values(coarse_iterations=5, first_iterations=3)
    result = restart(flight_frames[0].image, 0, FrameOptimizer(vgg, make_targets(settings), settings))
    assert result.iterations == 8
    assert result.state.image.shape == flight_frames[0].image.shape
    assert result.state.step == 8


def test_larger_stroke_size_asks_for_other_statistics(make_targets: Maker) -> None:
    small, large = (make_targets(Settings().with_values(stroke_size=scale)).grams((72, 128)) for scale in (0.5, 2.0))
    assert [term.layer for term in small] == list(Settings().losses.style_layers)
    assert not torch.allclose(small[2].target, large[2].target, rtol=0.05)


def test_styles_are_blended_by_their_weights(vgg, make_targets: Maker) -> None:
    from stylevideo.engine.targets import StylePicture

    black, white = torch.zeros(1, 3, 64, 64), torch.ones(1, 3, 64, 64)
    losses = LossSettings(style_layers=("relu1_1", "relu2_1"))
    alone = [StyleTargets(vgg, [StylePicture(image, 1.0)], losses, 1.0).grams((64, 64)) for image in (black, white)]
    both = StyleTargets(vgg, [StylePicture(black, 3.0), StylePicture(white, 1.0)], losses, 1.0).grams((64, 64))
    for mixed, of_black, of_white in zip(both, *alone, strict=True):
        torch.testing.assert_close(mixed.target, 0.75 * of_black.target + 0.25 * of_white.target)


def test_classic_takes_the_articles_first_step(vgg, make_targets: Maker, flight_frames: list[Frame]) -> None:
    """Adam with lr 5 and epsilon 0.1 on 0..255: where gradients are large the first step is 5 levels."""
    settings = preset("classic").with_values(iterations=1, first_iterations=0)
    frame = flight_frames[0].image.clamp(0.1, 0.9)
    step = (restart(frame, 0, FrameOptimizer(vgg, make_targets(settings), settings)).state.image - frame).abs() * 255
    assert float(step.max()) == pytest.approx(5, abs=0.05)
    assert float(step.median()) > 4
