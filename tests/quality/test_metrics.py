"""The measures say what they promise: known values, what raises and lowers them, and nothing across a cut."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from image_fixtures import noise_image

from stylevideo.engine.objective import Objective
from stylevideo.engine.targets import StyleAtSize, StyleTargets
from stylevideo.engine.terms import GramTerm
from stylevideo.errors import ShapeError
from stylevideo.models.vgg import VGG19
from stylevideo.motion.estimate import Motion
from stylevideo.motion.flow import DISFlow, FarnebackFlow
from stylevideo.motion.frame import Frame
from stylevideo.ops.losses import gram_matrix
from stylevideo.quality.measures import (
    HELD_OUT_STYLE_LAYERS,
    LONG_STEP_FRAMES,
    FrameMeasures,
    MotionBetween,
    measure_frames,
    motion_by,
    summarize,
)
from stylevideo.quality.metrics import (
    brightness,
    coarse_sharpness,
    flicker,
    ratio,
    sharpness,
    style_distance,
    warping_error,
)
from stylevideo.settings.schema import VGG19_LAYERS
from stylevideo.settings.sections import LossSettings
from stylevideo.settings.settings import Settings

HEIGHT, WIDTH = 36, 48
PLAIN = Settings()
Maker = Callable[[Settings], StyleTargets]


def smooth_image(height: int = HEIGHT, width: int = WIDTH, seed: int = 0) -> torch.Tensor:
    small = noise_image(height // 8 + 1, width // 8 + 1, seed)
    return F.interpolate(small, size=(height, width), mode="bicubic").clamp(0, 1)


def grain(image: torch.Tensor, seed: int, strength: float = 0.05) -> torch.Tensor:
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(seed))
    return (image + strength * noise).clamp(0, 1)


def shift_motion(columns: int, height: int = HEIGHT, width: int = WIDTH) -> Motion:
    """What is at x now was at x + columns; what came in from beyond the border is hidden."""
    flow = torch.zeros(1, 2, height, width)
    flow[:, 0] = columns
    visible = torch.ones(1, 1, height, width)
    if columns:
        visible[..., -columns:] = 0
    return Motion(flow, visible)


def pan(count: int, step: int = 2) -> list[Frame]:
    """A camera that moves `step` pixels a frame over a picture with structure of several sizes."""
    wide = (smooth_image(HEIGHT, WIDTH + step * count) + noise_image(HEIGHT, WIDTH + step * count, 1) / 2) / 1.5
    return [Frame(i, wide[..., step * i : step * i + WIDTH]) for i in range(count)]


def pan_motion(earlier: Frame, later: Frame) -> Motion:
    return shift_motion(2 * (later.index - earlier.index))


def test_a_pan_carried_by_its_exact_flow_has_no_warping_error() -> None:
    for before, after in pairwise(pan(3, step=2)):
        assert warping_error(before.image, after.image, shift_motion(2)) == pytest.approx(0, abs=1e-10)
        assert warping_error(before.image, after.image, shift_motion(0)) > 1e-3


def test_the_warping_error_is_the_mean_square_over_what_is_visible() -> None:
    previous, still = torch.full((1, 3, HEIGHT, WIDTH), 0.5), shift_motion(0)
    image = previous.clone()
    image[..., WIDTH // 2 :] += 0.2
    assert warping_error(previous, image, still) == pytest.approx(0.02, rel=1e-4)
    half = still.visible.clone()
    half[..., : WIDTH // 2] = 0
    assert warping_error(previous, image, replace(still, visible=half)) == pytest.approx(0.04, rel=1e-4)
    assert math.isnan(warping_error(previous, image, replace(still, visible=torch.zeros_like(half))))
    with pytest.raises(ShapeError):
        warping_error(previous[..., 1:], image, still)


@given(
    seed=st.integers(0, 10_000),
    scale=st.floats(0.01, 4),
    flow=st.tuples(st.floats(-9, 9), st.floats(-9, 9)),
)
@settings(max_examples=25)
def test_the_warping_error_is_never_negative_and_grows_by_the_square(
    seed: int, scale: float, flow: tuple[float, float]
) -> None:
    previous, image = noise_image(9, 11, seed), noise_image(9, 11, seed + 1)
    visible = (noise_image(9, 11, seed + 2)[:, :1] > 0.3).float()
    motion = Motion(torch.tensor(flow).view(1, 2, 1, 1).expand(1, 2, 9, 11), visible)
    error = warping_error(previous, image, motion)
    assert error >= 0
    assert warping_error(previous * scale, image * scale, motion) == pytest.approx(error * scale**2, rel=1e-3)
    elsewhere = image + (1 - visible)
    assert warping_error(previous, elsewhere, motion) == pytest.approx(error, rel=1e-5)


def test_both_flows_explain_a_rendered_shot(flight_frames: list[Frame]) -> None:
    before, after = flight_frames[0], flight_frames[2]
    unmoved = float((after.image - before.image).square().mean())
    for motion in (motion_by(FarnebackFlow())(before, after), motion_by(DISFlow())(before, after)):
        assert float(motion.visible.mean()) > 0.5
        assert warping_error(before.image, after.image, motion) < unmoved / 3


def test_blur_lowers_both_sharpnesses_and_grain_hardly_the_coarse() -> None:
    image = smooth_image(96, 128)
    blurred = F.avg_pool2d(image, 7, stride=1, padding=3, count_include_pad=False)
    assert sharpness(blurred) < 0.7 * sharpness(image)
    assert coarse_sharpness(blurred) < 0.7 * coarse_sharpness(image)
    rise = sharpness(grain(image, 1, 0.02)) / sharpness(image)
    coarse_rise = coarse_sharpness(grain(image, 1, 0.02)) / coarse_sharpness(image)
    assert rise > 2
    assert coarse_rise - 1 < (rise - 1) / 10


def test_sharpness_of_known_pictures() -> None:
    assert sharpness(torch.full((1, 3, 10, 10), 0.3)) == pytest.approx(0, abs=1e-6)
    row, column = torch.meshgrid(torch.arange(32), torch.arange(32), indexing="ij")
    checkers = ((row + column) % 2).float().expand(1, 3, 32, 32)
    # Four neighbours of the other colour: the Laplacian is 4 * 255 one way or the other.
    assert sharpness(checkers) == pytest.approx((4 * 255) ** 2, rel=1e-5)
    assert coarse_sharpness(checkers) == pytest.approx(0, abs=1e-6)


@given(seed=st.integers(0, 10_000), contrast=st.floats(0.05, 1), offset=st.floats(0, 1))
@settings(max_examples=25)
def test_sharpness_goes_by_the_square_of_contrast_and_not_by_brightness(
    seed: int, contrast: float, offset: float
) -> None:
    image = noise_image(12, 14, seed)
    for measure in (sharpness, coarse_sharpness):
        assert measure(image * contrast + offset) == pytest.approx(contrast**2 * measure(image), rel=1e-2)


def test_brightness_is_mean_luma() -> None:
    green = torch.zeros(1, 3, 5, 7)
    green[:, 1] = 1
    assert brightness(green) == pytest.approx(0.587 * 255, rel=1e-5)
    assert brightness(torch.full((1, 3, 5, 7), 0.5)) == pytest.approx(127.5, rel=1e-5)


def test_flicker_is_the_change_of_what_stands_still() -> None:
    source = smooth_image()
    moved = source.clone()
    moved[..., WIDTH // 2 :] = 1 - moved[..., WIDTH // 2 :]
    previous, image = torch.full_like(source, 0.4), torch.full_like(source, 0.4)
    image[..., : WIDTH // 4] = 0.5
    image[..., WIDTH // 2 :] = 0.9  # moves in the source too: no flicker
    still_columns = WIDTH // 2 - 2  # the window is five pixels wide
    assert flicker(source, moved, previous, image) == pytest.approx(0.01 * (WIDTH // 4) / still_columns, rel=1e-2)
    assert flicker(source, grain(source, 5, 1 / 255), previous, previous) == 0
    assert math.isnan(flicker(source, (source + 0.5) % 1, previous, image))
    with pytest.raises(ShapeError):
        flicker(source, source, previous, image[..., 1:])


def test_independent_noise_is_seen_by_each_measure_of_unrest() -> None:
    source = smooth_image()
    calm, still = (source, source), shift_motion(0)
    noisy = (grain(source, 1), grain(source, 2))
    assert warping_error(*calm, still) == pytest.approx(0, abs=1e-12)
    assert flicker(*calm, *calm) == 0
    # Two independent grains of 0.05 differ by 2 * 0.05², less what is clamped.
    assert warping_error(*noisy, still) == pytest.approx(0.005, rel=0.15)
    assert flicker(*calm, *noisy) == pytest.approx(0.005, rel=0.15)
    assert sharpness(noisy[0]) > sharpness(calm[0])


def test_held_out_layers_are_not_optimised() -> None:
    losses = LossSettings()
    assert set(HELD_OUT_STYLE_LAYERS) <= set(VGG19_LAYERS)
    assert not set(HELD_OUT_STYLE_LAYERS) & {*losses.style_layers, *losses.content_layers}


def test_style_distance_is_the_optimisers_style_term(vgg: VGG19, make_targets: Maker) -> None:
    image, style = smooth_image(), make_targets(PLAIN).grams((HEIGHT, WIDTH))
    objective = Objective(vgg, image, StyleAtSize(style), None, PLAIN.losses)
    term = objective.value(image).numbers().style
    assert style_distance(vgg, image, style) == pytest.approx(term, rel=1e-5)


def test_a_region_is_judged_by_its_own_statistics(vgg: VGG19) -> None:
    layers = ("relu1_1", "relu2_1", "relu3_1")
    painted, plain = noise_image(64, 64, 3), torch.full((1, 3, 64, 64), 0.5)
    style = [GramTerm(layer, gram_matrix(feature)) for layer, feature in vgg(painted, layers).items()]
    image = painted.clone()
    image[..., 32:] = plain[..., 32:]
    left, everywhere = torch.zeros(1, 1, 64, 64), torch.ones(1, 1, 64, 64)
    left[..., :24] = 1
    whole = style_distance(vgg, image, style)
    assert style_distance(vgg, image, style, everywhere) == pytest.approx(whole, rel=1e-4)
    assert style_distance(vgg, image, style, everywhere / 2) == pytest.approx(whole, rel=1e-4)
    assert style_distance(vgg, image, style, left) < whole / 4
    assert style_distance(vgg, image, style, left.flip(3)) > 1.5 * whole
    assert math.isnan(style_distance(vgg, image, style, torch.zeros_like(left)))
    with pytest.raises(ShapeError):
        style_distance(vgg, image, style, left[..., 1:])


def test_a_film_equal_to_its_source_has_the_sources_unrest(vgg: VGG19, make_targets: Maker) -> None:
    frames = [Frame(frame.index, grain(frame.image, frame.index)) for frame in pan(LONG_STEP_FRAMES + 2)]
    pairs = [(frame, frame.image) for frame in frames]
    measures = list(measure_frames(pairs, vgg, make_targets(PLAIN), PLAIN, {"pan": pan_motion}))
    film = summarize(measures)
    assert film.frames == LONG_STEP_FRAMES + 2
    assert film.warping_short_ratio == film.warping_long_ratio == {"pan": 1}
    assert film.warping_short["pan"] == film.source_warping_short["pan"] > 0
    assert film.content == 0
    assert film.sharpness == film.source_sharpness


def test_the_loss_is_the_weighted_sum_of_its_terms(vgg: VGG19, make_targets: Maker) -> None:
    heavy = PLAIN.with_values(style_weight=3.0, content_weight=0.5, structure_weight=0.0, tv_weight=0.0)
    frame = Frame(0, smooth_image())
    (measures,) = measure_frames([(frame, grain(frame.image, 1))], vgg, make_targets(heavy), heavy, {})
    assert measures.content > 0
    assert measures.loss == pytest.approx(3 * measures.style + 0.5 * measures.content, rel=1e-5)


def recording(seen: list[tuple[int, int]]) -> MotionBetween:
    def between(earlier: Frame, later: Frame) -> Motion:
        seen.append((earlier.index, later.index))
        return pan_motion(earlier, later)

    return between


def test_nothing_is_compared_across_a_cut(vgg: VGG19, make_targets: Maker) -> None:
    first, cut, count = 5, 5 + LONG_STEP_FRAMES + 1, LONG_STEP_FRAMES + 4
    frames = [replace(frame, index=frame.index + first) for frame in pan(count)]
    seen: list[tuple[int, int]] = []
    pairs = [(frame, frame.image) for frame in frames]
    targets, motions = make_targets(PLAIN), {"pan": recording(seen)}
    measures = list(measure_frames(pairs, vgg, targets, PLAIN, motions, {first, cut}))
    assert [frame.index for frame in measures] == list(range(first, first + count))
    assert [frame.shot for frame in measures] == [0] * (LONG_STEP_FRAMES + 1) + [1] * 3
    starts = {first, cut}
    assert {later: earlier for earlier, later in seen if later - earlier == 1} == {
        index: index - 1 for index in range(first, first + count) if index not in starts
    }
    assert [pair for pair in seen if pair[1] - pair[0] != 1] == [(first, first + LONG_STEP_FRAMES)]
    for frame in measures:
        assert math.isnan(frame.flicker) or frame.index not in starts
        assert math.isnan(frame.warping_short["pan"]) == (frame.index in starts)
        assert math.isnan(frame.warping_long["pan"]) == (frame.index != first + LONG_STEP_FRAMES)
        assert math.isnan(frame.source_warping_long["pan"]) == (frame.index != first + LONG_STEP_FRAMES)


def test_a_pictures_and_its_frames_sizes_must_agree(vgg: VGG19, make_targets: Maker) -> None:
    pairs = [(Frame(0, smooth_image()), smooth_image()[..., 1:])]
    with pytest.raises(ShapeError):
        next(measure_frames(pairs, vgg, make_targets(PLAIN), PLAIN, {}))


def test_no_more_frames_are_held_than_the_long_error_needs(vgg: VGG19, make_targets: Maker) -> None:
    alive: list[weakref.ref[torch.Tensor]] = []
    most = 0

    def pairs() -> Iterator[tuple[Frame, torch.Tensor]]:
        nonlocal most
        for index in range(LONG_STEP_FRAMES + 6):
            source, film = smooth_image(32, 32, index), smooth_image(32, 32, index + 100)
            alive.extend((weakref.ref(source), weakref.ref(film)))
            most = max(most, sum(picture() is not None for picture in alive))
            yield Frame(index, source), film
            del source, film

    def still(earlier: Frame, later: Frame) -> Motion:
        return shift_motion(0, 32, 32)

    for _ in measure_frames(pairs(), vgg, make_targets(PLAIN), PLAIN, {"still": still}):
        pass
    assert most == 2 * (LONG_STEP_FRAMES + 1)


def measured(index: int, **values: object) -> FrameMeasures:
    """A frame's measures, 1 where nothing else is said."""
    ones = {field.name: {"pan": 1.0} if "warping" in field.name else 1.0 for field in fields(FrameMeasures)}
    return FrameMeasures(**{**ones, "index": index, "shot": 0, **values})


def test_a_fading_films_drift_is_what_was_put_in() -> None:
    fade = [
        measured(index, shot=index // 6, brightness=100 - 2.0 * (index % 6), source_brightness=40 + 50 * (index // 6))
        for index in range(12)
    ]
    film = summarize(fade)
    assert film.brightness_drift == 10
    assert film.source_brightness_drift == 0, "another shot is another brightness"


def test_a_summary_leaves_out_what_was_not_measured() -> None:
    nan = math.nan
    frames = [
        measured(0, flicker=nan, warping_short={"pan": nan}, warping_long={"pan": nan}, loss=1.0),
        measured(1, flicker=0.5, warping_short={"pan": 0.2}, warping_long={"pan": nan}, loss=4.0),
        measured(2, flicker=0.1, warping_short={"pan": 0.4}, warping_long={"pan": nan}, loss=1.0),
    ]
    film = summarize(frames)
    assert film.flicker == pytest.approx(0.3)
    assert film.warping_short["pan"] == pytest.approx(0.3)
    assert film.warping_short_ratio["pan"] == pytest.approx(0.3)
    assert (film.mean_loss, film.worst_loss) == (2, 4)
    assert math.isnan(film.warping_long["pan"])
    assert math.isnan(film.warping_long_ratio["pan"])
    assert math.isnan(ratio(1.0, 0.0))


def test_a_films_ends_are_its_first_and_last_five_frames() -> None:
    frames = [measured(index, sharpness=float(index), coarse_sharpness=2.0 * index) for index in range(20)]
    film = summarize(frames)
    assert (film.sharpness_first, film.sharpness, film.sharpness_last) == (2, 9.5, 17)
    assert (film.coarse_sharpness_first, film.coarse_sharpness_last) == (4, 34)
    short = summarize(frames[:3])
    assert short.sharpness_first == short.sharpness_last == short.sharpness == 1


@given(st.lists(st.tuples(st.floats(0, 255), st.one_of(st.floats(0, 1), st.just(math.nan))), min_size=1, max_size=30))
@settings(max_examples=50)
def test_a_summary_lies_within_what_was_measured(values: list[tuple[float, float]]) -> None:
    frames = [measured(i, brightness=light, flicker=unrest) for i, (light, unrest) in enumerate(values)]
    film = summarize(frames)
    lights = [light for light, _ in values]
    known = [unrest for _, unrest in values if not math.isnan(unrest)]
    assert 0 <= film.brightness_drift <= max(lights) - min(lights)
    if known:
        assert min(known) - 1e-9 <= film.flicker <= max(known) + 1e-9
    else:
        assert math.isnan(film.flicker)
