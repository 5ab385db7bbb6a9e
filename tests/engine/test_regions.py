"""Several looks in one objective: as one where it is everywhere, the same in tiles, absent where nothing is white."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from stylevideo.engine.objective import Objective
from stylevideo.engine.optimizer import CarriedState, FrameOptimizer
from stylevideo.engine.targets import StylePicture, StyleTargets
from stylevideo.models.vgg import VGG19
from stylevideo.motion.estimate import Motion, ReferenceMatch, with_motion
from stylevideo.motion.flow import DISFlow
from stylevideo.motion.frame import Frame
from stylevideo.ops.pyramid import resize
from stylevideo.ops.regions import Regions, shares_of_looks
from stylevideo.ops.transport import cloud_of, moments, sums_about
from stylevideo.settings.settings import Settings

SHALLOW: dict[str, Any] = {
    "style_layers": ("relu1_1", "relu2_1"),
    "match_layers": ("relu1_2", "relu2_1"),
    "content_layers": ("relu2_2",),
}
PAINTERS: tuple[dict[str, Any], ...] = (
    {"painter": "gram"},
    {"painter": "mixed"},
    {"painter": "mixed", "whole": "gram"},
)
SIZE = (45, 61)


def picture(seed: int, size: tuple[int, int] = SIZE) -> torch.Tensor:
    small = torch.rand(1, 3, size[0] // 4, size[1] // 4, generator=torch.Generator().manual_seed(seed))
    return resize(small, size)


def targets(vgg: VGG19, settings: Settings) -> StyleTargets:
    styles = [StylePicture(picture(7, (64, 96)), 1.0, 0), StylePicture(picture(8, (83, 71)).square(), 0.5, 1)]
    return StyleTargets(vgg, styles, settings.losses, 1.0)


def soft_halves() -> torch.Tensor:
    """Two looks beside each other, mixed in the middle, and a strip of neither: (1, 2, H, W)."""
    ramp = ((torch.arange(SIZE[1]) - 25) / 10).clamp(0, 1).expand(1, 1, *SIZE).clone()
    parts = torch.cat((1 - ramp, ramp), dim=1)
    parts[..., :8, :] = 0
    return parts


@pytest.mark.parametrize("painter", PAINTERS, ids=lambda values: "-".join(values.values()))
def test_sums_over_tiles_are_those_of_the_whole(vgg: VGG19, painter: dict[str, Any]) -> None:
    """And nothing is to change where no look is."""
    settings = Settings().with_values(**{**SHALLOW, **painter})
    style = targets(vgg, settings).at(SIZE, (), soft_halves())
    whole, tiled = (Objective(vgg, picture(0), style, None, settings.losses, edge) for edge in (0, 20))
    for image in (picture(1), picture(2)):
        losses, gradient = whole.value_and_grad(image)
        found, its_gradient = tiled.value_and_grad(image)
        torch.testing.assert_close(found.terms, losses.terms, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(its_gradient, gradient, rtol=1e-3, atol=1e-4 * float(gradient.abs().max()))
        assert not gradient[..., :8, :].any() and gradient[..., 8:, :].all()


@pytest.mark.parametrize("painter", PAINTERS, ids=lambda values: "-".join(values.values()))
def test_a_look_that_is_everywhere_is_as_without_mattes(vgg: VGG19, painter: dict[str, Any]) -> None:
    """One whose matte is black counts nothing; what is little in a corner has a finite loss."""
    settings = Settings().with_values(**{**SHALLOW, **painter})
    alone = StyleTargets(vgg, [StylePicture(picture(7, (64, 96)), 1.0)], settings.losses, 1.0).at(SIZE)
    parts = torch.zeros(1, 2, *SIZE)
    parts[:, 0] = 1
    both = targets(vgg, settings).at(SIZE, (), parts)
    one, other = (
        Objective(vgg, picture(0), style, None, settings.losses).value_and_grad(picture(1)) for style in (alone, both)
    )
    torch.testing.assert_close(other[0].terms, one[0].terms, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(other[1], one[1], rtol=1e-3, atol=1e-3 * float(one[1].abs().max()))
    parts[:, 0], parts[:, 1, -1, -1] = 0, 0.1
    little = targets(vgg, settings).at(SIZE, (), parts)
    losses, gradient = Objective(vgg, picture(0), little, None, settings.losses).value_and_grad(picture(1))
    assert losses.terms.isfinite().all() and gradient.isfinite().all()


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_what_no_look_has_is_not_changed(vgg: VGG19, optimizer: str) -> None:
    settings = Settings().with_values(**SHALLOW, painter="gram", optimizer=optimizer, carry=False)
    frame = picture(0)
    painter = FrameOptimizer(vgg, targets(vgg, settings), settings, Regions(soft_halves()))
    start = painter.begun(CarriedState.fresh(picture(1)), frame)
    done = painter.optimize(frame, start, None, 4).state.image
    assert torch.equal(done[..., :8, :], frame[..., :8, :])
    assert (done - picture(1))[..., 8:, :].abs().mean() > 1 / 255


def test_shares_add_up_to_what_mattes_cover() -> None:
    mattes = torch.tensor([0.0, 0.5, 1.0, 1.0, 1.0]).view(1, 1, 1, 5)
    other = torch.tensor([0.0, 0.0, 0.0, 1.0, 0.5]).view(1, 1, 1, 5)
    both = torch.cat((mattes, other), dim=1)
    shares = shares_of_looks(both, (1.0, 1.0))
    torch.testing.assert_close(shares[0, 0, 0], torch.tensor([0, 0.5, 1, 0.5, 2 / 3]))
    torch.testing.assert_close(shares.sum(1)[0, 0], torch.tensor([0, 0.5, 1, 1, 1.0]))
    torch.testing.assert_close(shares_of_looks(both, (3.0, 1.0))[0, 0, 0, 3], torch.tensor(0.75))
    assert not shares_of_looks(both, (0.0, 0.0)).any()
    with_rest = shares_of_looks(both, (1.0, 0.0), 1.0)
    torch.testing.assert_close(with_rest[0, 2, 0], torch.tensor([1, 0.5, 0, 0, 0]))
    torch.testing.assert_close(with_rest.sum(1), torch.ones(1, 1, 5))


def test_moments_of_what_counts_are_those_of_a_part() -> None:
    features = torch.rand(1, 5, 6, 8, generator=torch.Generator().manual_seed(1))
    counts = torch.zeros(1, 1, 6, 8)
    counts[..., 2:5, 3:] = 2.5
    point = torch.rand(5)
    for found, known in zip(
        cloud_of(sums_about(features, point, counts), point), moments(features[..., 2:5, 3:].contiguous()), strict=True
    ):
        torch.testing.assert_close(found, known, rtol=1e-4, atol=1e-5)


def test_what_another_look_had_is_new(flight_frames: list[Frame]) -> None:
    """In what the previous frame shows, and the newest reference, but not along an edge that is a little off."""
    frames = []
    for place, edge in enumerate((40, 41, 80)):
        white = torch.zeros_like(flight_frames[0].image[:, :1])
        white[..., :edge] = 1
        regions = Regions(torch.cat((white, 1 - white), dim=1), str(edge), changes=place > 0)
        frames.append(Frame(place, flight_frames[0].image, regions=regions))
    _, creeping, jumped = (motion for _, motion in with_motion(iter(frames), DISFlow()))
    assert isinstance(creeping, Motion) and isinstance(jumped, Motion)
    assert creeping.visible.min() > 0.9
    assert jumped.visible[..., 45:76].max() < 0.1 and jumped.visible[..., :38].min() > 0.9
    assert isinstance(jumped.anchor, ReferenceMatch)
    assert jumped.anchor.seen[..., 45:76].max() < 0.1 and jumped.anchor.seen[..., 4:36].mean() > 0.9
