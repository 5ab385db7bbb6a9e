"""Fine structure is what is read: it survives other colours and contrasts, not other places."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from stylevideo.errors import ShapeError
from stylevideo.ops.fine_structure import HALF_WEIGHT_VARIANCE, STRUCTURE_C3, FineStructure


@pytest.fixture(scope="module")
def letters() -> torch.Tensor:
    """A bright H on a dark ground."""
    image = torch.full((1, 3, 40, 60), 0.1)
    image[..., 8:32, 16:22] = image[..., 8:32, 38:44] = image[..., 17:23, 16:44] = 0.9
    return image


def test_nothing_is_lost_in_the_picture_itself_nor_in_other_colours_of_it(letters: torch.Tensor) -> None:
    structure = FineStructure(letters)
    colours = torch.tensor([0.9, 0.5, 0.2]).view(1, 3, 1, 1)
    assert float(structure.lost_in(letters)) < 0.001
    assert float(structure.lost_in(letters * colours + 0.1)) < 0.01


def test_what_is_gone_turned_over_or_elsewhere_is_lost(letters: torch.Tensor) -> None:
    structure = FineStructure(letters)
    flat, beside = torch.full_like(letters, 0.5), letters.roll(5, dims=3)
    noise = torch.rand(letters.shape, generator=torch.Generator().manual_seed(1))
    faint, unlike = float(structure.lost_in(letters * 0.25)), float(structure.lost_in(1 - letters))
    for other in (flat, beside, noise):
        assert faint < float(structure.lost_in(other)) / 4 < unlike / 4


def test_a_plain_picture_has_no_structure_to_lose() -> None:
    noise = torch.rand(1, 3, 20, 30, generator=torch.Generator().manual_seed(1))
    assert FineStructure(torch.full((1, 3, 20, 30), 0.3)).lost_in(noise) < 1e-6


def test_following_the_gradient_brings_structure_back_without_colour(letters: torch.Tensor) -> None:
    structure = FineStructure(letters)
    image = torch.full_like(letters, 0.5) + 0.02 * torch.rand(letters.shape, generator=torch.Generator().manual_seed(1))
    before = image.clone()
    for _ in range(60):
        image = image.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(structure.lost_in(image), image)
        assert gradient.isfinite().all()
        image = image.detach() - 0.02 * gradient / gradient.abs().max()
    assert structure.lost_in(image) < structure.lost_in(before) / 2
    change = image - before
    torch.testing.assert_close(change, change.mean(dim=1, keepdim=True).expand_as(change))


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 3), (7, 7), (33, 65)])
def test_pictures_of_any_size_have_a_loss_and_a_gradient(size: tuple[int, int]) -> None:
    image = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1))
    variable = torch.full_like(image, 0.5).requires_grad_()
    (gradient,) = torch.autograd.grad(FineStructure(image).lost_in(variable), variable)
    assert gradient.isfinite().all()


def test_the_gradient_is_that_of_the_loss() -> None:
    image, other = (torch.rand(1, 3, 9, 11, generator=torch.Generator().manual_seed(n)).double() for n in (1, 2))
    assert torch.autograd.gradcheck(FineStructure(image).lost_in, other.requires_grad_())


def test_windows_are_those_of_pooling() -> None:
    """Of 7 pixels, and at the picture's edge of as many of them as lie within it: known values."""

    def means(plane: torch.Tensor) -> torch.Tensor:
        return F.avg_pool2d(plane, 7, stride=1, padding=3, count_include_pad=False)

    def lost(wanted: torch.Tensor, found: torch.Tensor) -> torch.Tensor:
        variances = [means(plane.square()) - means(plane).square() for plane in (wanted, found)]
        together = means(wanted * found) - means(wanted) * means(found)
        apart = (variances[0] * variances[1]).sqrt()
        share = variances[0] / (variances[0] + HALF_WEIGHT_VARIANCE)
        return (share * (1 - (together + STRUCTURE_C3) / (apart + STRUCTURE_C3))).mean()

    pictures = [torch.rand(1, 3, 19, 24, generator=torch.Generator().manual_seed(n)).double() for n in (1, 2)]
    planes = [picture.mean(1, keepdim=True) for picture in pictures]
    expected = lost(*planes) + lost(*(F.avg_pool2d(plane, 2, ceil_mode=True) for plane in planes))
    torch.testing.assert_close(FineStructure(pictures[0]).lost_in(pictures[1]), expected, rtol=1e-5, atol=0)


def test_another_size_is_refused(letters: torch.Tensor) -> None:
    with pytest.raises(ShapeError):
        FineStructure(letters).lost_in(letters[..., 1:])
