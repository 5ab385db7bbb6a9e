"""The loss terms have known values, known gradients, and refuse what does not fit."""

from __future__ import annotations

import pytest
import torch

from stylevideo.errors import ShapeError
from stylevideo.ops import parts
from stylevideo.ops.losses import (
    SquareDistance,
    TargetSums,
    Unit,
    add_gram_gradient,
    color_variation,
    entries,
    gram_matrix,
    own_square,
    relative_square_error,
    shares,
    source_loss,
    square_distance,
    temporal_loss,
    total_variation,
    total_variation_sum,
)


def double(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()


def test_gram_matrix_of_known_features() -> None:
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])  # two channels, two locations
    assert gram_matrix(features).tolist() == [[[2.5, 5.5], [5.5, 12.5]]]


def test_gram_matrix_does_not_depend_on_the_size() -> None:
    features = torch.rand(1, 5, 4, 6)
    torch.testing.assert_close(gram_matrix(features.repeat(1, 1, 3, 2)), gram_matrix(features))


def test_gram_matrix_of_half_precision_features_does_not_overflow() -> None:
    gram = gram_matrix(torch.full((1, 2, 8, 8), 30_000.0, dtype=torch.float16))
    assert gram.dtype == torch.float32
    assert gram.isfinite().all()


def test_gram_matrix_of_a_region_is_that_of_its_features() -> None:
    features = torch.rand(1, 5, 4, 6)
    left = torch.zeros(1, 1, 8, 12)
    left[..., :6] = 1
    there = gram_matrix(features[..., :3].contiguous())
    torch.testing.assert_close(gram_matrix(features, shares(left, (4, 6))), there)
    torch.testing.assert_close(gram_matrix(features, shares(left / 2, (4, 6))), there)
    assert not gram_matrix(features, shares(torch.zeros_like(left), (4, 6))).any()


def test_a_map_that_was_cut_out_of_another_is_not_summed_into() -> None:
    """What is written into a copy is lost."""
    features, gradient = torch.rand(1, 5, 4, 3), torch.zeros(1, 5, 8, 6)
    with pytest.raises(RuntimeError, match="view"):
        add_gram_gradient(features, gram_matrix(features), None, gradient[..., :4, :3])


def test_relative_square_error_is_zero_at_the_target_and_one_for_nothing() -> None:
    target = torch.rand(1, 4, 4)
    assert relative_square_error(target, target) == 0
    assert relative_square_error(torch.zeros_like(target), target) == 1
    torch.testing.assert_close(relative_square_error(7 * target * 1.5, 7 * target), torch.tensor(0.25))


def distance(targets: list[torch.Tensor], weights: list[float], unit: Unit) -> SquareDistance:
    """Of targets that come in two parts."""
    sums, rows = TargetSums(unit), targets[0].shape[2]
    for part in (slice(0, rows // 2), slice(rows // 2, rows)):
        if part.stop > part.start:
            sums.add([target[:, :, part].contiguous() for target in targets])
    return SquareDistance.of(sums, weights)


def test_distances_are_told_in_a_unit() -> None:
    value, target = torch.tensor([1.0, 5.0]).view(1, 1, 1, 2), torch.tensor([2.0, 2.0]).view(1, 1, 1, 2)
    square = square_distance(value, target)
    mean, relative = distance([target], [1.0], entries), distance([target], [0.5], own_square)
    assert (float(mean.value(square)), float(relative.value(square))) == pytest.approx((5, 0.625))


@pytest.mark.parametrize("part", [1, 1 << 20])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_closed_gradients_are_those_of_automatic_differentiation(
    monkeypatch: pytest.MonkeyPatch, part: int, layout: torch.memory_format
) -> None:
    """Whatever is read at once, and however maps lie in memory."""
    monkeypatch.setattr(parts, "PART_ENTRIES", {"cpu": part})
    features = double(1, 3, 4, 5).detach().contiguous(memory_format=layout).requires_grad_()
    one, other = features.detach().flip(2) + 1, features.detach().flip(3) * 2
    region = double(1, 1, 4, 5).detach()
    together = distance([one, other], [0.3, 0.7], own_square)
    target = together.mean([one, other])
    apart = 0.3 * relative_square_error(features, one) + 0.7 * relative_square_error(features, other)
    torch.testing.assert_close(together.value(square_distance(features.detach(), target)), apart.detach())
    begun = torch.rand_like(features)
    found = begun.clone()
    together.add_gradient(features.detach(), target, 2.0, found)
    torch.testing.assert_close(found, begun + 2 * torch.autograd.grad(apart, features)[0])
    for where in (None, region):
        by_gram = gram_matrix(one)
        flat = features.flatten(2)
        share = torch.full_like(flat[:, :1], 1 / 20) if where is None else where.flatten(2) / where.sum()
        gram = flat * share @ flat.transpose(1, 2)
        counts = None if where is None else shares(where, (4, 5))
        torch.testing.assert_close(gram_matrix(features.detach(), counts), gram.detach())
        found = begun.clone()
        add_gram_gradient(features.detach(), by_gram, counts, found)
        torch.testing.assert_close(found, begun + torch.autograd.grad((gram * by_gram).sum(), features)[0])


def test_total_variation_of_a_step() -> None:
    image = torch.zeros(1, 3, 2, 4)
    image[..., 2:] = 0.5  # one step of 0.5 in each of 2 rows and 3 channels
    assert total_variation_sum(image) == 3
    assert total_variation(image) == 3 / 24
    assert total_variation(torch.full((1, 3, 5, 5), 0.3)) == 0


def test_colors_vary_where_brightness_does_not_count() -> None:
    """A step of 0.5 in red alone is one of 1/3 in red and of 1/6 in green and blue beside its mean."""
    image = torch.zeros(1, 3, 2, 4)
    image[:, 0, :, 2:] = 0.5
    assert color_variation(image) == pytest.approx(2 * (1 / 3 + 2 / 6) / 24)
    assert color_variation(image[:, :1].expand(1, 3, 2, 4)) == 0


def test_temporal_loss_counts_visible_pixels_only() -> None:
    image, warped = torch.ones(1, 3, 2, 2), torch.zeros(1, 3, 2, 2)
    visible = torch.tensor([[[[1.0, 0.0], [0.0, 0.0]]]])
    assert temporal_loss(image, warped, visible) == 0.25
    assert temporal_loss(image, warped, torch.zeros_like(visible)) == 0


def test_gradients_agree_with_finite_differences() -> None:
    target, visible = double(1, 3, 4, 5).detach() + 2, double(1, 1, 4, 5).detach()
    image = double(1, 3, 4, 5)
    for term in (
        lambda x: relative_square_error(x, target),
        lambda x: temporal_loss(x, target, visible),
        lambda x: source_loss(x, target),
        total_variation,
        total_variation_sum,
        color_variation,
    ):
        assert torch.autograd.gradcheck(term, (image,))


def test_different_shapes_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"\(1, 3\).*\(3, 1\)"):
        relative_square_error(torch.rand(1, 3), torch.rand(3, 1))
    with pytest.raises(ShapeError):
        temporal_loss(torch.rand(1, 3, 4, 4), torch.rand(1, 3, 4, 4), torch.rand(1, 1, 4, 5))
    with pytest.raises(ShapeError):
        source_loss(torch.rand(1, 3, 4, 4), torch.rand(1, 3, 4, 5))
