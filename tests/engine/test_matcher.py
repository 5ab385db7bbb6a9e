"""Matched places: what a picture of the style finds, several styles, large pictures, and how long matches hold."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from stylevideo.engine import matcher as module
from stylevideo.engine.matcher import Matcher
from stylevideo.engine.objective import Objective
from stylevideo.engine.optimizer import CarriedState, FrameOptimizer
from stylevideo.engine.targets import StylePicture, StyleTargets
from stylevideo.models.vgg import VGG19
from stylevideo.motion.frame import Frame
from stylevideo.ops.losses import relative_square_error
from stylevideo.ops.tiles import Tile
from stylevideo.settings.sections import LossSettings
from stylevideo.settings.settings import Settings

Maker = Callable[[Settings], StyleTargets]
LAYERS = ("relu2_1", "relu3_1", "relu4_1")


def noise(seed: int, height: int = 64, width: int = 64) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def distances(vgg: VGG19, matcher: Matcher, image: torch.Tensor) -> list[float]:
    features, whole = vgg(image, LAYERS), Tile.whole((image.shape[2], image.shape[3]))
    search = matcher.search(matcher.survey(whole, features))
    return [float(relative_square_error(features[layer], search.target(whole, layer, features))) for layer in LAYERS]


def test_a_picture_of_the_style_is_as_it_should_be(vgg: VGG19) -> None:
    """Each place is its own nearest, at every layer, and nothing is left to be done."""
    style = noise(0)
    assert distances(vgg, Matcher([vgg(style, LAYERS)], [1.0], LAYERS), style) == pytest.approx([0, 0, 0], abs=1e-9)


def test_places_of_several_styles_are_found_in_each(vgg: VGG19) -> None:
    """A picture of which each half is one of two styles finds both halves again, of different sizes."""
    left, right = noise(0), noise(1, 96, 96) * torch.tensor([0.2, 1.0, 0.3]).view(1, 3, 1, 1)
    both = torch.cat((left, right[..., :64, :64]), dim=3)
    matcher = Matcher([vgg(left, LAYERS), vgg(right, LAYERS)], [1.0, 1.0], LAYERS)
    alone = Matcher([vgg(left, LAYERS)], [1.0], LAYERS)
    assert max(distances(vgg, matcher, both)) < 0.5 * max(distances(vgg, alone, both))


def test_a_large_picture_is_searched_by_means_of_squares(vgg: VGG19, monkeypatch: pytest.MonkeyPatch) -> None:
    style = noise(0, 96, 128)
    monkeypatch.setattr(module, "SEARCHED_PLACES", 40)
    found = distances(vgg, Matcher([vgg(style, LAYERS)], [1.0], LAYERS), style)
    assert found == pytest.approx([0, 0, 0], abs=1e-6)


@pytest.mark.parametrize("painter", ["match", "transport"])
def test_targets_are_held_until_they_are_asked_for_anew(vgg: VGG19, flight_frames: list[Frame], painter: str) -> None:
    frame, other = flight_frames[0].image, flight_frames[0].image.flip(3).contiguous()
    losses = LossSettings(painter=painter, content_layers=())
    targets = StyleTargets(vgg, [StylePicture(noise(0, 72, 128), 1.0)], losses, 0.8)
    objective = Objective(vgg, frame, targets.at((72, 128)), None, losses)
    first = objective.value(frame).numbers().style
    held = objective.value(other).numbers().style
    objective.rematch()
    anew = objective.value(other).numbers().style
    assert anew < held
    assert objective.value(frame).numbers().style > first


@pytest.mark.parametrize(
    ("painter", "whole", "most"),
    [
        ("gram", "gram", 0.85),
        ("match", "gram", 0.85),
        ("transport", "gram", 0.85),
        ("mixed", "gram", 0.85),
        ("mixed", "transport", 0.9),
    ],
)
def test_every_painter_lowers_its_loss(
    vgg: VGG19, flight_frames: list[Frame], make_targets: Maker, painter: str, whole: str, most: float
) -> None:
    settings = Settings().with_values(painter=painter, whole=whole, tolerance=0.0)
    frame = flight_frames[0].image
    optimizer = FrameOptimizer(vgg, make_targets(settings), settings)
    short, long = (optimizer.optimize(frame, CarriedState.fresh(frame), None, count).losses for count in (1, 12))
    assert long.appearance < most * short.appearance


@pytest.mark.parametrize("whole", ["gram", "transport"])
def test_mixed_without_matches_is_its_whole(
    vgg: VGG19, flight_frames: list[Frame], make_targets: Maker, whole: str
) -> None:
    image = flight_frames[0].image
    alone, mixed = (
        Objective(vgg, image, make_targets(s).at((72, 128)), None, s.losses).value(image).numbers()
        for s in (
            Settings().with_values(painter=whole),
            Settings().with_values(painter="mixed", whole=whole, match_share=0.0),
        )
    )
    assert mixed == alone
