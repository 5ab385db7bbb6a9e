"""Strength, and the size of strokes, by place: as everywhere where they are the same, and the same in tiles."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
import torch

from stylevideo.engine.objective import Objective
from stylevideo.engine.optimizer import CarriedState, FrameOptimizer
from stylevideo.engine.targets import SourceShares, StylePicture, StyleTargets
from stylevideo.models.vgg import VGG19
from stylevideo.motion.estimate import Motion, with_motion
from stylevideo.motion.flow import DISFlow
from stylevideo.motion.frame import Frame
from stylevideo.ops.pyramid import resize
from stylevideo.ops.regions import Regions, kept_at_strength, shares_of_sizes
from stylevideo.ops.tiles import between
from stylevideo.rectangle import Rectangle
from stylevideo.settings.direction import weighted_by
from stylevideo.settings.settings import Settings

SHALLOW: dict[str, Any] = {
    "style_layers": ("relu1_1", "relu2_1"),
    "match_layers": ("relu1_2", "relu2_1"),
    "content_layers": ("relu2_2",),
}
LOSSES = Settings().with_values(**SHALLOW).losses
SIZE = (45, 61)
STRENGTH = 0.8


def picture(seed: int, size: tuple[int, int] = SIZE) -> torch.Tensor:
    small = torch.rand(1, 3, size[0] // 4, size[1] // 4, generator=torch.Generator().manual_seed(seed))
    return resize(small, size)


def targets(vgg: VGG19, **values: Any) -> StyleTargets:
    return StyleTargets(vgg, [StylePicture(picture(7, (128, 192)), 1.0)], LOSSES, values.pop("size", 1.0), **values)


def by_place(vgg: VGG19, matte: torch.Tensor, tile: int = 0, parts: Any = None, rest: Any = None) -> Objective:
    """The loss of a frame with a strength matte."""
    style = replace(targets(vgg).at(SIZE), source=SourceShares.of(matte, STRENGTH, LOSSES))
    return Objective(vgg, picture(0), style, None, weighted_by(0.0, LOSSES), tile, parts, rest)


def ramp() -> torch.Tensor:
    return torch.linspace(0, 1, SIZE[1]).expand(1, 1, *SIZE).contiguous()


@pytest.mark.parametrize("white", [0.0, 0.3, 1.0])
def test_an_even_matte_is_a_strength_of_the_whole_frame(vgg: VGG19, white: float) -> None:
    """Loss and gradient."""
    usual = Objective(vgg, picture(0), targets(vgg).at(SIZE), None, weighted_by(white * STRENGTH, LOSSES))
    losses, gradient = usual.value_and_grad(picture(1))
    found, its_gradient = by_place(vgg, torch.full((1, 1, *SIZE), white)).value_and_grad(picture(1))
    torch.testing.assert_close(found.total, losses.total, rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(its_gradient, gradient, rtol=2e-3, atol=1e-3 * float(gradient.abs().max()))


def test_a_gradient_is_that_of_the_loss_and_the_same_in_tiles(vgg: VGG19) -> None:
    """Along a ramp: a small step against it makes the loss less by as much as it says."""
    image = picture(1)
    losses, gradient = by_place(vgg, ramp()).value_and_grad(image)
    found, its_gradient = by_place(vgg, ramp(), tile=20).value_and_grad(image)
    torch.testing.assert_close(found.terms, losses.terms, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(its_gradient, gradient, rtol=1e-3, atol=1e-4 * float(gradient.abs().max()))
    objective = by_place(vgg, ramp())
    before = float(objective.value_and_grad(image)[0].total)
    step = 1e-3 / float(gradient.abs().max())
    after = float(objective.value(image - step * gradient).total)
    assert before - after == pytest.approx(step * float(gradient.square().sum()), rel=0.1)


def test_what_rests_adds_what_it_did(vgg: VGG19) -> None:
    boxes, image = (Rectangle(8, 32, 8, 32),), picture(1)
    resting = tuple(between(boxes, SIZE))
    rest = by_place(vgg, ramp(), parts=(*resting, *boxes)).at_rest(image, resting)
    whole = by_place(vgg, ramp()).value(image)
    found = by_place(vgg, ramp(), parts=boxes, rest=rest).value(image)
    torch.testing.assert_close(found.terms, whole.terms, rtol=1e-4, atol=1e-6)


def test_a_place_that_changes_its_strength_goes_on_in_part_and_at_last_not_at_all() -> None:
    """Of what fades nothing is left at its end, whatever way it goes; noise is none."""
    for values in ((1.0, 0.9, 0.5, 0.2, 0.0), (1.0, 0.0), (0.0, 0.1, 0.8, 1.0)):
        left = 1.0
        for before, here in itertools.pairwise(values):
            left *= float(kept_at_strength(torch.tensor(here), torch.tensor(before)))
        assert left < 0.02
    noise = torch.tensor([0.0, 1 / 255, 2 / 255])
    assert (kept_at_strength(noise, noise.flip(0)) == 1).all()
    assert float(kept_at_strength(torch.tensor(0.5), torch.tensor(0.55))) > 0.9


def test_what_was_as_strong_is_carried_and_what_was_not_is_new(flight_frames: list[Frame]) -> None:
    """Weaker or stronger, seen from the frame before and from the reference."""
    frames = []
    for place, edge in enumerate((40, 40, 80)):
        white = torch.zeros_like(flight_frames[0].image[:, :1])
        white[..., :edge] = 1
        strength = white if place < 2 else 1 - white
        regions = Regions(torch.ones_like(white), f"{place}", changes=place > 0, strength=strength)
        frames.append(Frame(place, flight_frames[0].image, regions=regions))
    _, same, other = (motion for _, motion in with_motion(iter(frames), DISFlow()))
    assert isinstance(same, Motion) and isinstance(other, Motion) and other.anchor
    assert same.visible.min() > 0.9
    assert other.visible[..., :38].max() < 0.1 and other.visible[..., 84:].max() < 0.1
    assert other.visible[..., 44:76].min() > 0.9, "black before and now"
    assert other.anchor.seen[..., :36].max() < 0.1


def test_sizes_share_places_and_an_even_matte_is_one_size_everywhere(vgg: VGG19) -> None:
    matte = ramp()
    shares = shares_of_sizes(matte, 3)
    torch.testing.assert_close(shares.sum(1, keepdim=True), torch.ones_like(matte))
    assert ((shares > 0).sum(1) <= 2).all() and shares[0, 2, 0, -1] == 1 and shares[0, 0, 0, 0] == 1
    sizes = Settings().with_values(stroke_size=2.0, stroke_size_matte="size.png").strokes.sizes
    for white, size in ((0.0, 1.0), (1.0, 2.0)):
        several = targets(vgg, size=2.0, sizes=sizes)
        parts = shares_of_sizes(torch.full((1, 1, *SIZE), white), len(sizes))
        objectives = (
            Objective(vgg, picture(0), style, None, LOSSES)
            for style in (several.at(SIZE, (), parts), targets(vgg, size=size).at(SIZE))
        )
        found, usual = (objective.value_and_grad(picture(1)) for objective in objectives)
        torch.testing.assert_close(found[0].terms, usual[0].terms, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(found[1], usual[1], rtol=1e-3, atol=1e-3 * float(usual[1].abs().max()))


def test_strokes_are_wider_where_the_matte_is_white(vgg: VGG19) -> None:
    """Of a style of blots, half a picture each way: what is painted is smoother at the right."""
    settings = Settings().with_values(**SHALLOW, content_weight=0.0, structure_weight=0.0)
    blots = StylePicture(resize(torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)), (256, 256)), 1.0)
    styles = StyleTargets(vgg, [blots], settings.losses, 3.0, sizes=(1.0, 3.0))
    white = (torch.arange(96) >= 48).float().expand(1, 1, 48, 96)
    painter = FrameOptimizer(vgg, styles, settings, Regions(shares_of_sizes(white, 2)))
    begin = 0.4 + 0.2 * torch.rand(1, 3, 48, 96, generator=torch.Generator().manual_seed(2))
    made = painter.optimize(begin, CarriedState.fresh(begin), None, 25).state.image
    across = made.diff(dim=3).abs()
    fine, coarse = (float(across[..., part].mean() / made[..., part].std()) for part in (slice(0, 40), slice(56, 95)))
    assert coarse < 0.8 * fine
