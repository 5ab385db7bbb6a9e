"""Features moved as a cloud: what a picture of the style keeps, what is reached, and several styles."""

from __future__ import annotations

import pytest
import torch

from stylevideo.engine.transporter import Transporter
from stylevideo.models.vgg import VGG19
from stylevideo.ops.losses import relative_square_error
from stylevideo.ops.tiles import Tile
from stylevideo.ops.transport import moments

LAYERS = ("relu1_1", "relu3_1")


def noise(seed: int, height: int = 64, width: int = 64) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def targets(transporter: Transporter, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Of a picture of 64x64."""
    whole = Tile.whole((64, 64))
    search = transporter.search(transporter.survey(whole, features))
    return {layer: search.target(whole, layer, features) for layer in transporter.layers}


def distances(transporter: Transporter, features: dict[str, torch.Tensor]) -> list[float]:
    there = targets(transporter, features)
    return [float(relative_square_error(features[layer], target)) for layer, target in there.items()]


def test_a_picture_of_the_style_is_as_it_should_be(vgg: VGG19) -> None:
    style = vgg(noise(0), LAYERS)
    assert distances(Transporter([style], [1.0], LAYERS), style) == pytest.approx([0, 0], abs=1e-8)


def test_where_a_feature_lies_does_not_matter(vgg: VGG19) -> None:
    """Statistics know no places; another picture's are others."""
    style = vgg(noise(0), LAYERS)
    transporter = Transporter([style], [1.0], LAYERS)
    assert distances(transporter, {layer: own.flip(2, 3) for layer, own in style.items()}) == pytest.approx(
        [0, 0], abs=1e-8
    )
    assert min(distances(transporter, vgg(0.3 * noise(1), LAYERS))) > 0.1


def test_targets_have_the_styles_moments(vgg: VGG19) -> None:
    style = vgg(noise(0) * torch.tensor([0.2, 1.0, 0.3]).view(1, 3, 1, 1), LAYERS)
    for layer, target in targets(Transporter([style], [1.0], LAYERS), vgg(noise(1), LAYERS)).items():
        mean, covariance = moments(style[layer])
        reached_mean, reached = moments(target)
        torch.testing.assert_close(reached_mean, mean, atol=1e-2, rtol=1e-3)
        assert (reached - covariance).norm() < 0.05 * covariance.norm()


@pytest.mark.parametrize("weights", [(1.0, 3.0), (1.0, 0.0)])
def test_several_styles_are_blended_by_their_weights(vgg: VGG19, weights: tuple[float, float]) -> None:
    """As if there were as many places of each."""
    styles = [vgg(noise(seed) * factor, ("relu2_1",)) for seed, factor in ((0, 1.0), (1, 0.3))]
    target = targets(Transporter(styles, weights, ("relu2_1",)), vgg(noise(2), ("relu2_1",)))["relu2_1"]
    places = [style["relu2_1"].repeat(1, 1, int(weight), 1) for style, weight in zip(styles, weights, strict=True)]
    mean, covariance = moments(torch.cat(places, dim=2))
    torch.testing.assert_close(moments(target)[0], mean, atol=1e-2, rtol=1e-3)
    assert (moments(target)[1] - covariance).norm() < 0.05 * covariance.norm()
