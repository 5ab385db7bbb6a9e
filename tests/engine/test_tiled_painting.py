"""A picture that is painted in tiles is the one that is painted whole, with every painter and at any size."""

from __future__ import annotations

import weakref
from typing import Any

import pytest
import torch

from stylevideo.engine import looks as looks_module
from stylevideo.engine import optimizer as optimizer_module
from stylevideo.engine.looks import Looks, network_tiles
from stylevideo.engine.objective import Objective, TemporalTarget
from stylevideo.engine.optimizer import CarriedState, FrameOptimizer
from stylevideo.engine.targets import StyleAtSize, StylePicture, StyleTargets
from stylevideo.engine.terms import GramTerm
from stylevideo.models.vgg import VGG19
from stylevideo.ops.pyramid import resize
from stylevideo.settings.schema import VGG19_LAYERS, reach_of
from stylevideo.settings.settings import Settings

SHALLOW: dict[str, Any] = {
    "style_layers": ("relu1_1", "relu2_1"),
    "match_layers": ("relu1_2", "relu2_1"),
    "content_layers": ("relu2_2",),
}
"""Whose surroundings are small, so that small pictures have many tiles."""
PAINTERS: tuple[dict[str, Any], ...] = (
    {"painter": "gram"},
    {"painter": "match"},
    {"painter": "transport"},
    {"painter": "mixed"},
    {"painter": "mixed", "whole": "gram"},
    {"painter": "gram", "normalization": "raw"},
)


def picture(seed: int, size: tuple[int, int]) -> torch.Tensor:
    """Blots of several pixels, no two alike."""
    small = torch.rand(1, 3, size[0] // 4, size[1] // 4, generator=torch.Generator().manual_seed(seed))
    return resize(small, size)


def targets(vgg: VGG19, settings: Settings) -> StyleTargets:
    """Of two styles of unlike size, which have more places than the pictures."""
    styles = [StylePicture(picture(7, (48, 64)), 1.0), StylePicture(picture(8, (59, 53)).square(), 0.5)]
    return StyleTargets(vgg, styles, settings.losses, 1.0)


def assert_alike(vgg: VGG19, size: tuple[int, int], tile: int, settings: Settings) -> None:
    """Losses and gradients, of the picture that places are found for and of another."""
    frame, image, other, held = (picture(seed, size) for seed in range(4))
    guide = TemporalTarget(held, held[:, :1])
    style = targets(vgg, settings).at(size)
    whole, tiled = (Objective(vgg, frame, style, guide, settings.losses, edge) for edge in (0, tile))
    assert len(network_tiles(size, tile, settings.losses.layers)) > 3
    for looked_at in (image, other):
        losses, gradient = whole.value_and_grad(looked_at)
        found, its_gradient = tiled.value_and_grad(looked_at)
        torch.testing.assert_close(found.terms, losses.terms, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(its_gradient, gradient, rtol=1e-3, atol=1e-4 * float(gradient.abs().max()))
        torch.testing.assert_close(tiled.value(looked_at).terms, losses.terms, rtol=1e-4, atol=1e-6)
        image.mul_(0.5)  # an optimiser changes its picture in place; its places stay what they were found to be


@pytest.mark.parametrize("painter", PAINTERS, ids=lambda values: "-".join(values.values()))
@pytest.mark.parametrize(("size", "tile"), [((40, 64), 16), ((45, 61), 20)])
def test_losses_and_gradients_are_those_of_the_whole(
    vgg: VGG19, painter: dict[str, Any], size: tuple[int, int], tile: int
) -> None:
    """Where tiles divide the picture, and where neither does anything divide anything."""
    assert_alike(vgg, size, tile, Settings().with_values(**{**SHALLOW, **painter}))


def test_it_is_so_with_the_painter_and_the_layers_that_are_usual(vgg: VGG19) -> None:
    assert_alike(vgg, (131, 141), 48, Settings())


def test_it_is_so_where_the_sources_pixels_count(vgg: VGG19) -> None:
    assert_alike(vgg, (45, 61), 20, Settings().with_values(**SHALLOW, source_weight=3.0))


def test_it_is_so_in_a_region_of_the_picture(vgg: VGG19) -> None:
    size, settings = (45, 61), Settings().with_values(**SHALLOW)
    region = picture(5, size)[:, :1]
    terms = [GramTerm(term.layer, term.target, 1.0, region) for term in targets(vgg, settings).grams(size)]
    objectives = (
        Objective(vgg, picture(0, size), StyleAtSize(tuple(terms)), None, settings.losses, n) for n in (0, 20)
    )
    whole, tiled = (objective.value_and_grad(picture(1, size)) for objective in objectives)
    torch.testing.assert_close(tiled[0].terms, whole[0].terms, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(tiled[1], whole[1], rtol=1e-3, atol=1e-4 * float(whole[1].abs().max()))


@pytest.mark.parametrize("painter", ["mixed", "gram"])
def test_what_is_painted_is_alike_when_places_were_found_anew(
    vgg: VGG19, painter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = (45, 61)
    monkeypatch.setattr(optimizer_module, "REMATCH_EVERY", 3)
    painted = []
    for tile in ("off", "16", "32"):
        settings = Settings().with_values(**SHALLOW, painter=painter, tile=tile, tolerance=0.0)
        optimizer = FrameOptimizer(vgg, targets(vgg, settings), settings)
        painted.append(optimizer.optimize(picture(0, size), CarriedState.fresh(picture(1, size)), None, 5).state.image)
    for other in painted[1:]:
        assert (other - painted[0]).abs().max() < 1 / 255


@pytest.mark.parametrize("deepest", ["relu1_1", "relu2_2", "relu3_1", "relu4_2"])
def test_a_tiles_own_features_are_those_of_the_whole_and_its_surroundings_are_no_larger_than_they_must_be(
    vgg: VGG19, deepest: str
) -> None:
    """A pixel as far away as is said decides a feature, and none that is further."""
    reach, place = reach_of([deepest]), 96
    image = picture(0, (2 * place, 2 * place)) * 0.5
    assert reach == {"relu1_1": 1, "relu2_2": 6, "relu3_1": 10, "relu4_2": 38}[deepest]
    shrink = 2 ** (int(deepest[4]) - 1)
    before = vgg(image, [deepest])[deepest][..., place // shrink, place // shrink]
    for distance, decides in ((reach, True), (reach + 1, False)):
        changed = image.clone()
        changed[..., : place - distance + 1, :] += 0.5
        after = vgg(changed, [deepest])[deepest][..., place // shrink, place // shrink]
        assert bool((after != before).any()) == decides


def test_of_a_picture_that_is_one_nothing_is_looked_at_twice(vgg: VGG19, monkeypatch: pytest.MonkeyPatch) -> None:
    """An iteration costs one way there and back, whatever must be known of the whole before."""
    seen: list[str] = []
    for name in ("trace", "forward"):
        real = getattr(VGG19, name)
        monkeypatch.setattr(VGG19, name, lambda *given, real=real, name=name: seen.append(name) or real(*given))
    settings = Settings().with_values(painter="mixed", whole="gram", **SHALLOW)
    style = targets(vgg, settings).at((24, 32))
    objective = Objective(vgg, picture(0, (24, 32)), style, None, settings.losses)
    seen.clear()
    objective.value_and_grad(picture(1, (24, 32)))
    assert seen == ["trace"]
    objective.value(picture(1, (24, 32)))
    assert seen == ["trace", "forward"]


def test_nothing_of_a_tile_is_left_when_the_next_is_looked_at(vgg: VGG19, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else there would have to be memory for more than one."""
    settings, size, left = Settings().with_values(painter="match", **SHALLOW), (64, 64), list[weakref.ref[Any]]()
    style = targets(vgg, settings).at(size)
    objective = Objective(vgg, picture(0, size), style, None, settings.losses, 16)
    objective.value_and_grad(picture(1, size))
    real_own, real_trace = looks_module._own, VGG19.trace

    def own(*given: Any) -> Any:
        features = real_own(*given)
        left.extend(map(weakref.ref, features.values()))
        return features

    def trace(*given: Any) -> Any:
        assert not any(each() is not None for each in left)
        return real_trace(*given)

    monkeypatch.setattr(looks_module, "_own", own)
    monkeypatch.setattr(VGG19, "trace", trace)
    objective.value_and_grad(picture(1, size))
    assert left


def test_the_way_back_is_not_kept_where_nobody_asks_for_it(vgg: VGG19) -> None:
    looks = Looks(vgg, picture(0, (24, 32)), network_tiles((24, 32), 0, VGG19_LAYERS[:2]), VGG19_LAYERS[:2])
    with pytest.raises(ValueError, match="way back"):
        looks.trace(looks.tiles[0])
