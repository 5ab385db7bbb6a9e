"""The judges of a film's look: known values, what raises and lowers them, and what must not matter."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from image_fixtures import noise_image

from stylevideo.engine.targets import fit_style
from stylevideo.errors import ShapeError
from stylevideo.motion.frame import Frame
from stylevideo.quality.look import judge_film
from stylevideo.quality.patches import copied_extent, nearest_patches
from stylevideo.quality.regions import find_regions, plain
from stylevideo.quality.traits import color_dirt, legibility, stroke_width

HEIGHT, WIDTH = 60, 96


def texture(height: int = HEIGHT, width: int = WIDTH, seed: int = 0, grain_px: int = 4) -> torch.Tensor:
    """Blobs of colour, everywhere different."""
    small = noise_image(height // grain_px + 2, width // grain_px + 2, seed)
    return F.interpolate(small, size=(height, width), mode="bicubic").clamp(0, 1)


def flat(value: float = 0.5, height: int = HEIGHT, width: int = WIDTH) -> torch.Tensor:
    return torch.full((1, 3, height, width), value)


def stripes(width_px: float, height: int = 240, turn: float = 0.0) -> torch.Tensor:
    """Black and white, of a width, turned by an angle; their edges are as soft as a pixel."""
    y, x = np.mgrid[0:height, 0 : height * 4 // 3].astype(np.float64)
    across = np.sin(math.pi * (x * math.cos(turn) + y * math.sin(turn) + 0.25) / width_px)
    slope = math.pi / width_px
    values = np.clip(across / slope, -0.5, 0.5) + 0.5
    return torch.from_numpy(values.astype(np.float32)).expand(1, 3, -1, -1)


def drawing(height: int = HEIGHT, width: int = WIDTH) -> torch.Tensor:
    """A few shapes with strong edges."""
    picture = np.full((height, width, 3), 200, np.uint8)
    cv2.circle(picture, (width // 3, height // 2), height // 4, (40, 60, 50), -1)
    cv2.rectangle(picture, (width * 2 // 3, height // 4), (width * 8 // 9, height * 3 // 4), (90, 90, 160), -1)
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255


@pytest.mark.parametrize("patch", [7, 13])
def test_a_picture_is_like_itself(patch: int) -> None:
    image = texture()
    nearest = nearest_patches(image, image, patch)
    assert nearest.mean_difference() == 0
    assert not nearest.offsets.any()


def test_a_difference_of_one_lightness_is_one() -> None:
    """0.5 of sRGB is a lightness of 53.4; 0.5098 is one of 54.4."""
    nearest = nearest_patches(flat(0.5), flat(0.5098), 7)
    assert nearest.mean_difference() == pytest.approx(1, abs=0.02)


def test_a_shifted_style_is_found_where_it_is() -> None:
    style = texture(90, 130)
    image = style[..., 11 : 11 + HEIGHT, 23 : 23 + WIDTH]
    nearest = nearest_patches(image, style, 13)
    assert nearest.mean_difference() == 0
    assert (nearest.offsets == (11, 23)).all()


def test_the_nearest_is_the_nearest_of_all() -> None:
    image, style = texture(30, 40), texture(34, 30, seed=1)
    nearest = nearest_patches(image, style, 7)
    planes = [cv2.cvtColor(i[0].permute(1, 2, 0).numpy(), cv2.COLOR_RGB2LAB) for i in (image, style)]
    y, x = nearest.centers[3, 5]
    wanted = planes[0][y - 3 : y + 4, x - 3 : x + 4]
    every = [
        math.sqrt(((planes[1][r : r + 7, c : c + 7] - wanted) ** 2).sum(2).mean()) for r in range(28) for c in range(24)
    ]
    assert nearest.differences[3, 5] == pytest.approx(min(every), rel=1e-4)


def test_a_flat_film_finds_its_place_in_the_style_but_not_the_other_way() -> None:
    style = texture()
    style[..., :20, :20] = 0.5
    assert nearest_patches(flat(), style, 13).mean_difference() == pytest.approx(0, abs=1e-3)
    assert nearest_patches(style, flat(), 13).mean_difference() > 10


def test_differences_are_told_by_region() -> None:
    style, image = texture(), texture()
    image[..., WIDTH // 2 :] = flat(1.0)[..., WIDTH // 2 :]
    left = np.zeros((HEIGHT, WIDTH), bool)
    left[:, : WIDTH // 2 - 7] = True
    nearest = nearest_patches(image, style, 13)
    assert nearest.mean_difference(left) == 0
    assert nearest.mean_difference(~left) > 5
    assert math.isnan(nearest.mean_difference(np.zeros_like(left)))


@pytest.mark.parametrize("noise", [0.0, 0.04])
def test_a_copied_motif_is_found_with_its_size(noise: float) -> None:
    style, image = texture(90, 120, seed=3), texture(seed=4)
    image[..., 10:50, 20:80] = style[..., 40:80, 10:70]
    image = (image + noise * torch.randn(image.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    assert copied_extent(nearest_patches(image, style, 13)) == pytest.approx(60, abs=5)


def test_a_copied_motif_is_found_in_a_style_too_large_to_look_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    style, image = texture(180, 240, seed=3, grain_px=8), texture(seed=4, grain_px=8)
    image[..., 10:50, 20:80] = style[..., 40:80, 11:71]
    monkeypatch.setattr("stylevideo.quality.patches.KEPT_PLACES", 15000)
    nearest = nearest_patches(image, style, 13)
    assert nearest.spacing == 2
    assert copied_extent(nearest) == pytest.approx(60, abs=5)


def test_what_is_not_copied_has_no_motif() -> None:
    assert copied_extent(nearest_patches(texture(seed=4), texture(90, 120, seed=3), 13)) <= 16


def test_what_the_style_repeats_is_no_motif() -> None:
    """The same pixels are a motif of a style that has them once, and none of one that has them everywhere."""
    tile, image = texture(30, 40, seed=3), texture(seed=4)
    once, everywhere = texture(90, 120, seed=5), tile.repeat(1, 1, 3, 3)
    once[..., 40:70, 30:70] = tile
    image[..., 10:40, 20:60] = tile
    assert copied_extent(nearest_patches(image, once, 13)) == pytest.approx(40, abs=5)
    assert copied_extent(nearest_patches(image, everywhere, 13)) == 0


def test_the_difference_elsewhere_is_that_of_the_nearest_that_does_not_overlap() -> None:
    style = texture(40, 60)
    image = style[..., :20, :20]
    nearest = nearest_patches(image, style, 7)
    planes = [cv2.cvtColor(i[0].permute(1, 2, 0).numpy(), cv2.COLOR_RGB2LAB) for i in (image, style)]
    y, x = nearest.centers[4, 9]
    wanted = planes[0][y - 3 : y + 4, x - 3 : x + 4]
    others = [(r, c) for r in range(34) for c in range(54) if max(abs(r + 3 - y), abs(c + 3 - x)) >= 7]
    least = min(math.sqrt(((planes[1][r : r + 7, c : c + 7] - wanted) ** 2).sum(2).mean()) for r, c in others)
    assert nearest.differences[4, 9] == 0
    assert nearest.elsewhere[4, 9] == pytest.approx(least, rel=1e-4)


def test_noise_in_colour_alone_is_dirt() -> None:
    image = texture(grain_px=16)
    noise = 0.05 * torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    grey = noise.mean(1, keepdim=True)
    assert color_dirt(flat()) == 0
    assert color_dirt((image + noise - grey).clamp(0, 1)) > 5 * color_dirt((image + grey).clamp(0, 1))


def test_dirt_has_a_known_size_and_strokes_are_none() -> None:
    """Specks by b = 20 on every hundredth pixel: root mean square 20·sqrt(1/100) over a and b."""
    lab = np.zeros((100, 100, 3), np.float32)
    lab[..., 0] = 60
    strokes = lab.copy()
    lab[5::10, 5::10, 2] = 20
    strokes[:, 40:60, 2] = 20
    specks, stroke = (
        color_dirt(torch.from_numpy(cv2.cvtColor(some, cv2.COLOR_LAB2RGB)).permute(2, 0, 1)[None])
        for some in (lab, strokes)
    )
    assert specks == pytest.approx(20 * math.sqrt(1 / 200), rel=0.01)
    assert stroke == pytest.approx(0, abs=0.01)


def test_a_picture_keeps_its_own_edges() -> None:
    found = legibility(drawing(), drawing())
    assert found.recall == found.precision == 1
    assert found.above_chance > 0.85


def test_blur_and_strokes_hide_edges() -> None:
    """Strokes meet edges by chance: recall is high, and is not counted."""
    source = drawing()
    blurred = F.avg_pool2d(F.pad(source, (10,) * 4, mode="replicate"), 21, 1)
    strokes = (texture(grain_px=3) > 0.5).float()
    assert legibility(source, blurred).above_chance < 0.5
    hidden = legibility(source, strokes)
    assert hidden.recall > 0.3
    assert abs(hidden.above_chance) < 0.15
    assert legibility(source, 0.7 * source + 0.3 * strokes).above_chance > 0.3


def test_an_edge_in_another_direction_is_not_the_same_edge() -> None:
    lines = stripes(12, 72)
    across = lines.transpose(2, 3)[..., :72, :72]
    assert legibility(lines[..., :72], across).recall < 0.1


def test_without_edges_nothing_is_legible() -> None:
    found = legibility(flat(), drawing())
    assert math.isnan(found.recall)
    assert math.isnan(legibility(drawing(), flat()).precision)


@pytest.mark.parametrize("turn", [0.0, 0.5, 1.2])
@pytest.mark.parametrize("part", [1 / 40, 1 / 24, 1 / 15])
def test_stripes_have_their_width(part: float, turn: float) -> None:
    assert stroke_width(stripes(part * 240, turn=turn)) == pytest.approx(part, rel=0.15)


@pytest.mark.parametrize("height", [480, 1080])
def test_the_same_look_has_the_same_width_at_any_size(height: int) -> None:
    look = texture(240, 320, grain_px=6)
    larger = F.interpolate(look, size=(height, height * 4 // 3), mode="bicubic")
    assert stroke_width(larger) == pytest.approx(stroke_width(look), rel=0.05)


def test_twice_the_blur_is_twice_the_width_and_contrast_does_not_matter() -> None:
    noise = torch.randn(480, 640, generator=torch.Generator().manual_seed(0)).numpy()
    widths = []
    for sigma in (4, 8):
        blurred = cv2.GaussianBlur(noise, (0, 0), sigma)
        plane = torch.from_numpy(0.1 * blurred / blurred.std() + 0.5).expand(1, 3, -1, -1)
        widths.append(stroke_width(plane))
        assert widths[-1] * 480 == pytest.approx(1.8 * sigma, rel=0.15)
        assert stroke_width(0.5 * plane) == pytest.approx(widths[-1], rel=0.01)
    assert math.isnan(stroke_width(flat()))


def moved(by: int) -> list[Frame]:
    """A square that moves to the right over a textured ground, and a plain strip at the bottom."""
    ground = texture(seed=7)
    ground[..., 44:, :] = 0.4
    frames = []
    for index in range(5):
        image = ground.clone()
        image[..., 10:35, 10 + by * index : 40 + by * index] = texture(25, 30, seed=8)
        frames.append(Frame(index, image))
    return frames


def test_regions_say_what_moves_what_is_plain_and_what_is_new() -> None:
    frames = moved(3)
    found = find_regions(frames, 4)
    assert found.moving[15:30, 27:47].mean() > 0.9
    assert found.moving[:, 75:].mean() < 0.05
    assert found.plain[52:, 10:-10].all()
    assert not found.plain[:38].any()
    assert found.uncovered[15:30, 14:20].mean() > 0.7
    assert found.uncovered[:, 75:].mean() < 0.05
    assert not find_regions(frames, 0).uncovered.any()
    assert find_regions(frames, 0).moving[15:30, 15:35].mean() > 0.9


def test_a_camera_moves_nothing() -> None:
    world = texture(HEIGHT, WIDTH + 20, seed=9)
    frames = [Frame(index, world[..., 2 * index : 2 * index + WIDTH]) for index in range(2)]
    assert find_regions(frames, 1).moving[6:-6, 6:-12].mean() < 0.05


def test_a_frame_by_itself_stands_still() -> None:
    found = find_regions([Frame(0, texture())], 0)
    assert not found.moving.any()
    assert not found.uncovered.any()


def test_a_gradient_is_plain_and_noise_is_not() -> None:
    ramp = torch.linspace(0.3, 0.5, WIDTH).expand(1, 3, HEIGHT, -1)
    assert plain(ramp).all()
    assert not plain(texture(grain_px=2)).any()


def test_a_film_is_judged_at_its_ends_and_between() -> None:
    frames, style = moved(3), texture(150, 200, seed=5)
    images = [frame.image for frame in frames]
    look = judge_film(frames, images, style, judged=2)
    assert look.dirt_ratio == 1
    assert look.recall == look.precision == 1
    assert {name for name in look.to_style if name.startswith("7 px")} == {
        f"7 px, {region}" for region in ("whole", "moving", "still", "plain", "uncovered")
    }
    assert all(value > 0 for value in look.to_style.values())
    fitted = fit_style(style, (HEIGHT, WIDTH), 1.0)[..., :HEIGHT, :WIDTH]
    copied = judge_film(frames[:1], [fitted], style)
    assert copied.to_style["13 px, whole"] == copied.to_style["7 px, whole"] == 0
    assert copied.copied == pytest.approx(WIDTH / 120, abs=0.05)
    assert copied.dirt_ratio_to_style == pytest.approx(1, abs=0.1)
    assert math.isnan(copied.to_style["7 px, uncovered"])
    with pytest.raises(ShapeError):
        judge_film(frames, images[:2], style)
