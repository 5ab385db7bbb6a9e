"""A picture gets another's colours and keeps its own brightness; palettes are fitted to each other."""

from __future__ import annotations

import pytest
import torch
from image_fixtures import noise_image

from stylevideo.ops.color import LUMA_709, Palette, brightness_709, fitted_to, with_colors_of

HEIGHT, WIDTH = 24, 32


def chroma(image: torch.Tensor) -> torch.Tensor:
    return image - brightness_709(image)


def test_brightness_is_the_paintings_and_colours_are_the_sources() -> None:
    source, painted = 0.4 + 0.2 * noise_image(HEIGHT, WIDTH, 1), 0.3 + 0.4 * noise_image(HEIGHT, WIDTH, 2)
    shown = with_colors_of(source, painted, 1.0)
    torch.testing.assert_close(brightness_709(shown), brightness_709(painted), atol=1e-6, rtol=0)
    torch.testing.assert_close(chroma(shown), chroma(source), atol=1e-6, rtol=0)
    half = with_colors_of(source, painted, 0.5)
    torch.testing.assert_close(brightness_709(half), brightness_709(painted), atol=1e-6, rtol=0)
    torch.testing.assert_close(chroma(half), (chroma(source) + chroma(painted)) / 2, atol=1e-6, rtol=0)


def test_beyond_the_gamut_brightness_gives_half_and_hue_nothing() -> None:
    """Colours of any kind under strokes of any brightness; no red is as bright as white, or as pink."""
    source, painted = noise_image(HEIGHT, WIDTH, 1).round(), noise_image(HEIGHT, WIDTH, 2)
    source[..., 0], painted[..., 0] = torch.tensor((1.0, 0, 0)).view(3, 1), 1
    shown = with_colors_of(source, painted, 1.0)
    assert shown.min() >= 0
    assert shown.max() <= 1
    between = (brightness_709(source) + brightness_709(painted)) / 2  # saturated in full, it fits at its own alone
    corners = source.amax(1, keepdim=True) > source.amin(1, keepdim=True)
    torch.testing.assert_close(brightness_709(shown)[corners], between[corners], atol=1e-6, rtol=0)
    wanted, found = chroma(source), chroma(shown)
    share = (found * wanted).sum(1, keepdim=True) / wanted.square().sum(1, keepdim=True).clamp_min(1e-9)
    torch.testing.assert_close(found, share * wanted, atol=1e-5, rtol=0)
    assert share[..., 0].min() > 0.4


def test_colours_of_many_brightnesses_are_kept_whatever_is_painted() -> None:
    """A dark green under black strokes, which are as dark as it can be; so no colour flickers that the source keeps."""
    source, painted = torch.tensor((0.2, 0.3, 0.1)).view(1, 3, 1, 1), torch.rand(1, 3, 8, 8).pow(8)
    shown = with_colors_of(source, painted, 1.0)
    torch.testing.assert_close(chroma(shown), chroma(source).expand_as(shown), atol=1e-6, rtol=0)
    assert shown.min() >= 0


def test_an_amount_of_zero_and_a_painting_like_its_source_change_nothing() -> None:
    source, painted = noise_image(HEIGHT, WIDTH, 1), noise_image(HEIGHT, WIDTH, 2)
    assert torch.equal(with_colors_of(source, painted, 0.0), painted)
    torch.testing.assert_close(with_colors_of(source, source, 1.0), source, atol=1e-6, rtol=0)


def test_a_plate_beyond_the_gamut_keeps_its_colours() -> None:
    source = 0.5 + 0.4 * noise_image(HEIGHT, WIDTH, 1)
    source[:, 2] = -0.1
    shown = with_colors_of(source, (source + 0.05).clamp(0, 1), 1.0)
    assert chroma(shown)[:, 2].min() < -0.5
    assert -0.1 - 1e-6 <= shown.min() < 0


def test_a_picture_gets_anothers_palette_with_the_least_movement() -> None:
    other = 0.3 + 0.3 * noise_image(HEIGHT, WIDTH, 1) @ torch.ones(WIDTH, WIDTH).div(WIDTH).add(torch.eye(WIDTH)).div(2)
    other[:, 0] += 0.2
    wanted, image = Palette.of(other), 0.2 + 0.5 * noise_image(HEIGHT, WIDTH, 2)
    assert wanted is not None
    fitted = Palette.of(fitted_to(wanted, image, 1.0))
    assert fitted is not None
    torch.testing.assert_close(fitted.mean, wanted.mean, atol=2e-3, rtol=0)
    torch.testing.assert_close(fitted.covariance, wanted.covariance, atol=3e-4, rtol=0)
    assert torch.equal(fitted_to(wanted, image, 0.0), image)
    own = Palette.of(image)
    assert own is not None
    torch.testing.assert_close(fitted_to(own, image, 1.0), image, atol=1e-3, rtol=0)


def test_what_is_transparent_does_not_count() -> None:
    image, opacity = noise_image(HEIGHT, WIDTH, 1), torch.ones(1, 1, HEIGHT, WIDTH)
    opacity[..., : WIDTH // 2] = 0
    seen, half = Palette.of(image, opacity), Palette.of(image[..., WIDTH // 2 :].contiguous())
    assert seen is not None
    assert half is not None
    torch.testing.assert_close(seen.mean, half.mean)
    torch.testing.assert_close(seen.covariance, half.covariance)
    assert Palette.of(image, torch.zeros_like(opacity)) is None


def test_palettes_together_are_that_of_the_pictures_side_by_side() -> None:
    images = [noise_image(HEIGHT, WIDTH, 1), 0.5 * noise_image(HEIGHT, WIDTH, 2)]
    together = Palette.together([palette for image in images if (palette := Palette.of(image))])
    whole = Palette.of(torch.cat(images, dim=3))
    assert whole is not None
    torch.testing.assert_close(together.mean, whole.mean)
    torch.testing.assert_close(together.covariance, whole.covariance)
    again = Palette.from_lists(*together.to_lists())
    assert torch.equal(again.mean, together.mean)
    assert torch.equal(again.covariance, together.covariance)


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_a_plain_palette_leaves_numbers(level: float) -> None:
    plain = Palette.of(torch.full((1, 3, HEIGHT, WIDTH), level))
    assert plain is not None
    fitted = fitted_to(plain, noise_image(HEIGHT, WIDTH, 2), 1.0)
    assert fitted.isfinite().all()
    assert (fitted - level).abs().mean() < 0.02


def test_weights_of_luma_add_up() -> None:
    assert sum(LUMA_709) == pytest.approx(1)
