"""Transport between Gaussians: maps that are known, statistics that are reached, and covariances that are singular."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from stylevideo.ops.transport import (
    RIDGE,
    Transport,
    blended,
    cloud_of,
    moments,
    sums_about,
    transport_matrix,
)


def features(seed: int, height: int = 24, width: int = 32, channels: int = 8) -> torch.Tensor:
    """Correlated ones."""
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(channels, channels, generator=generator)
    independent = torch.randn(channels, height * width, generator=generator)
    return (mixing @ independent + 5 * torch.randn(channels, 1, generator=generator)).view(1, channels, height, width)


def transported(features: torch.Tensor, cloud: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """Onto a cloud of this mean and covariance."""
    return Transport.between(moments(features), cloud).of(features)


def rotated(variances: list[float]) -> torch.Tensor:
    """A covariance with these eigenvalues; all of a length are turned alike."""
    generator = torch.Generator().manual_seed(len(variances))
    turn = torch.linalg.qr(torch.randn(len(variances), len(variances), generator=generator))[0]
    return turn @ torch.diag(torch.tensor(variances)) @ turn.T


def test_from_white_a_covariance_is_reached_by_its_root() -> None:
    """The known root of [[5, 4], [4, 5]] is [[2, 1], [1, 2]]."""
    root = transport_matrix(torch.eye(2), torch.tensor([[5.0, 4.0], [4.0, 5.0]]))
    torch.testing.assert_close(root, torch.tensor([[2.0, 1.0], [1.0, 2.0]]), atol=0.01, rtol=0)


def test_the_map_is_the_one_of_double_precision_and_eigenvalues() -> None:
    """Of 96 directions from 1 down to a millionth, with the same ridge."""
    source, target = rotated(torch.logspace(0, -6, 96).tolist()), moments(features(1, 8, 8, 96))[1]
    found = transport_matrix(source, target).double()
    ridge = RIDGE * (source.norm() + target.norm()).double() / 2 * torch.eye(96).double()
    source, target = source.double() + ridge, target.double() + ridge
    values, vectors = torch.linalg.eigh(target)
    root = vectors * values.sqrt() @ vectors.T
    values, vectors = torch.linalg.eigh(root @ source @ root)
    torch.testing.assert_close(found, root @ (vectors / values.sqrt() @ vectors.T) @ root, atol=1e-3, rtol=1e-3)


@given(seeds=st.tuples(st.integers(0, 99), st.integers(100, 199)), scale=st.floats(1e-3, 1e3))
def test_covariance_goes_to_covariance_and_the_map_is_symmetric(seeds: tuple[int, int], scale: float) -> None:
    """As far as the ridge allows: where the source has hardly anything, less."""
    source, target = moments(features(seeds[0]))[1], scale * moments(features(seeds[1]))[1]
    ridge = RIDGE * (source.norm() + target.norm()) / 2 * torch.eye(8)
    matrix = transport_matrix(source, target)
    reached = matrix @ (source + ridge) @ matrix
    torch.testing.assert_close(reached, target + ridge, atol=1e-3 * float(target.norm() + ridge[0, 0]), rtol=0)
    assert torch.equal(matrix, matrix.T)
    assert torch.linalg.eigvalsh(matrix).min() > 0


@given(variances=st.lists(st.floats(0, 1e6), min_size=1, max_size=40))
def test_equal_statistics_stay_also_where_they_are_singular(variances: list[float]) -> None:
    covariance = rotated(variances)
    torch.testing.assert_close(transport_matrix(covariance, covariance), torch.eye(len(variances)), atol=1e-4, rtol=0)


@given(
    variances=st.lists(
        st.tuples(st.sampled_from([0.0, 1e-9, 1.0, 1e8]), st.sampled_from([0.0, 1e-9, 1.0, 1e8])),
        min_size=1,
        max_size=24,
    )
)
def test_singular_covariances_give_bounded_maps(variances: list[tuple[float, float]]) -> None:
    source, target = (rotated(list(values)) for values in zip(*variances, strict=True))
    assert torch.linalg.matrix_norm(transport_matrix(source, target), 2) < 2 / RIDGE**0.5


def test_the_way_is_the_wasserstein_distance() -> None:
    """Of covariances that commute: the means' distance and that of the deviations, 3² + (2-1)² + (0.5-1)² + (6-3)²."""
    white = torch.linalg.qr(torch.randn(400, 4, generator=torch.Generator().manual_seed(0)))[0]
    white -= white.mean(dim=0)
    white = torch.linalg.qr(white)[0].T[:3] * 20  # (3, 400), of covariance one
    deviations, wanted = torch.tensor([1.0, 1.0, 3.0]), torch.tensor([2.0, 0.5, 6.0])
    places = (deviations[:, None] * white).view(1, 3, 20, 20)
    moved = transported(places, (torch.tensor([0.0, 3.0, 0.0]), torch.diag(wanted.square())))
    assert (moved - places).square().sum(dim=1).mean() == pytest.approx(9 + 1 + 0.25 + 9, rel=0.01)


def test_places_take_the_statistics_of_the_others() -> None:
    mean, covariance = moments(features(1))
    moved = transported(features(0), (mean, covariance))
    torch.testing.assert_close(moments(moved)[0], mean, atol=1e-3, rtol=1e-3)
    assert (moments(moved)[1] - covariance).norm() < 0.03 * covariance.norm()


def test_a_flat_map_goes_to_the_mean() -> None:
    mean, covariance = moments(features(1))
    moved = transported(torch.full((1, 8, 5, 5), 7.0), (mean, covariance))
    torch.testing.assert_close(moved, mean.view(1, 8, 1, 1).expand(1, 8, 5, 5), atol=1e-3, rtol=0)


def test_clouds_together_have_the_statistics_of_their_places_together() -> None:
    """Three times as many places of one as of the other."""
    one, other = features(0, 6, 30), features(1, 2, 30)
    mean, covariance = blended([moments(one), moments(other)], [0.75, 0.25])
    whole = moments(torch.cat((one, other), dim=2))
    torch.testing.assert_close(mean, whole[0], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(covariance, whole[1], atol=1e-3, rtol=1e-4)


def test_sums_of_parts_add_up_to_the_cloud_of_the_whole() -> None:
    """About any point that is near the mean."""
    whole = features(0)
    point = moments(whole)[0] + 0.5
    sums = sum((sums_about(part.contiguous(), point) for part in whole.split(9, dim=2)), torch.zeros(()))
    for own, expected in zip(cloud_of(sums, point), moments(whole), strict=True):
        torch.testing.assert_close(own, expected, rtol=1e-4, atol=1e-4)
