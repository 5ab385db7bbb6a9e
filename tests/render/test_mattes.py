"""Styles are painted where their mattes are white, each as it would be alone; the rest is the source, bit by bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from conftest import QUICK, STYLE
from media_fixtures import make_video

import stylevideo
from scripts.samples.scenes import render_shot
from stylevideo.cli.main import main
from stylevideo.engine.targets import StylePicture, StyleTargets
from stylevideo.errors import InputError, ResumeError, Stopped, StyleVideoError
from stylevideo.media.images.exr import read_exr, write_exr
from stylevideo.media.images.pictures import read_picture, to_image
from stylevideo.models.vgg import VGG19
from stylevideo.quality.metrics import style_distance
from stylevideo.reports.events import Event, FrameFinished
from stylevideo.reports.results import ClipResult
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style

OTHER = STYLE.with_name("woodblock.jpg")
HEIGHT, WIDTH = 48, 64
SHALLOW = {"painter": "gram", "style_layers": ("relu1_1", "relu2_1"), "content_layers": ("relu2_1",)}
"""Two blocks of the network, since where is painted, not what, is asked."""
SETTINGS = Settings().with_values(**QUICK, **SHALLOW, detect_cuts=False, device="cpu", overwrite=True, coarsest_size=0)


def ellipse(left: float) -> np.ndarray:
    """A matte with soft edges, as high as the picture but for some lines."""
    matte = np.zeros((HEIGHT, WIDTH), np.uint8)
    return cv2.ellipse(matte, (round(left), HEIGHT // 2), (20, 18), 0, 0, 360, 255, -1, cv2.LINE_AA)


def save(path: Path, *mattes: np.ndarray, first: int = 1001) -> str:
    """A sequence of pictures; its pattern."""
    for number, matte in enumerate(mattes, first):
        cv2.imwrite(str(path.with_name(f"{path.name}.{number}.png")), matte)
    return f"{path}.####.png"


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four frames of a rendered shot, from number 1001 on, and a matte that moves."""
    folder = tmp_path_factory.mktemp("shot")
    save(folder / "a", *(frame.image[..., ::-1] for frame in render_shot("flight", 4, WIDTH, HEIGHT)))
    save(folder / "m", *(ellipse(24 + 2 * place) for place in range(4)))
    return folder


def paint(
    shot: Path,
    out: Path,
    *styles: Style,
    settings: Settings = SETTINGS,
    on_event: Callable[[Event], None] = lambda event: None,
    stop: Callable[[], bool] = lambda: False,
) -> ClipResult:
    return stylevideo.stylize(shot / "a.####.png", styles, out / "b.####.png", settings, on_event, stop)


def pictures(folder: Path, name: str = "b") -> list[np.ndarray]:
    return [read_picture(path) for path in sorted(folder.glob(f"{name}.*.png"))]


def mattes_of(shot: Path, name: str = "m") -> list[np.ndarray]:
    return [picture[..., 0] for picture in pictures(shot, name)]


def matte(shot: Path, more: str = "", style: Path = STYLE, name: str = "m.####.png") -> Style:
    return Style(style, matte=f"{shot / name}{more}")


def assert_painted_within(shot: Path, out: Path, mattes: list[np.ndarray]) -> None:
    """And nowhere else."""
    for source, made, white in zip(pictures(shot, "a"), pictures(out), mattes, strict=True):
        assert np.array_equal(made[white == 0], source[white == 0])
        if (white == 255).any():
            assert np.abs(made[white == 255].astype(float) - source[white == 255]).mean() > 3


def test_what_no_matte_covers_is_the_source_to_the_last_bit(shot: Path, tmp_path: Path) -> None:
    """Of a sequence, by its numbers; of its inverse."""
    for more, name in (("", "white"), (":inverted", "black")):
        result = paint(shot, tmp_path / name, matte(shot, more))
        assert_painted_within(shot, tmp_path / name, [255 - m if more else m for m in mattes_of(shot)])
        assert not any("matte" in warning for warning in result.warnings)


@pytest.mark.parametrize("painter", ["mixed", "gram"])
def test_two_looks_are_each_as_alone(shot: Path, tmp_path: Path, vgg: VGG19, painter: str) -> None:
    """By the distance to each style within its matte, with as many iterations; a style without matte has the rest.

    At layers that do not see the whole of so small a picture from everywhere.
    """
    layers = {"painter": painter, "match_layers": ("relu2_1",)}
    settings = SETTINGS.with_values(**layers, first_iterations=20, frames="1001")
    first, second = matte(shot), matte(shot, ":inverted", OTHER)
    paint(shot, tmp_path / "both", first, second, settings=settings)
    paint(shot, tmp_path / "rest", Style(OTHER), first, settings=settings)
    white = torch.from_numpy(mattes_of(shot)[0] / np.float32(255))[None, None]
    made = {name: to_image(pictures(tmp_path / name)[0]) for name in ("both", "rest")}
    assert (made["both"] - made["rest"]).abs().mean() < 1 / 255
    for style, part in ((STYLE, white), (OTHER, 1 - white)):
        targets = StyleTargets(vgg, [StylePicture(to_image(read_picture(style)), 1.0)], settings.losses, 0.8)
        terms = targets.grams((HEIGHT, WIDTH))
        alone = tmp_path / style.stem
        paint(shot, alone, Style(style), settings=settings)
        whole = style_distance(vgg, to_image(pictures(alone)[0]), terms, part)
        assert style_distance(vgg, made["both"], terms, part) < 1.15 * whole


def test_holes_come_and_go_and_mattes_vanish_and_come_back(shot: Path, tmp_path: Path) -> None:
    moving = ellipse(28)
    holed = moving.copy()
    holed[16:26, 20:34] = 0
    chosen = [moving, holed, np.zeros_like(moving), moving]
    text = save(tmp_path / "m", *chosen)
    result = paint(shot, tmp_path / "film", Style(STYLE, matte=text))
    assert_painted_within(shot, tmp_path / "film", chosen)
    assert [frame.iterations > 0 for frame in result.frames] == [True, True, False, True]
    came_back, before = pictures(tmp_path / "film")[3], pictures(tmp_path / "film")[0]
    away = np.abs(came_back.astype(float) - before)[moving == 255].mean()
    assert away < np.abs(came_back.astype(float) - pictures(shot, "a")[3])[moving == 255].mean()


def test_where_a_matte_grows_is_painted_at_once(shot: Path, tmp_path: Path) -> None:
    """As strongly as a frame that is painted by itself; what was painted before stays."""
    left = np.zeros((HEIGHT, WIDTH), np.uint8)
    left[:, : WIDTH // 2] = 255
    still = Path(save(tmp_path / "a", *[cv2.imread(str(shot / "a.1001.png"))] * 3)).parent
    text = save(tmp_path / "m", left, np.full_like(left, 255), np.full_like(left, 255))
    settings = SETTINGS.with_values(first_iterations=20, new_iterations=40)
    result = paint(still, tmp_path / "film", Style(STYLE, matte=text), settings=settings)
    made, source = pictures(tmp_path / "film"), pictures(still, "a")[0].astype(float)
    grown, kept = np.abs(made[1] - source)[:, WIDTH // 2 + 4 :].mean(), np.abs(made[0] - source)[:, : WIDTH // 2].mean()
    assert grown > 0.5 * kept
    assert np.abs(made[1].astype(float) - made[0])[:, : WIDTH // 2 - 8].mean() < 0.5 * kept
    assert result.frames[1].iterations > SETTINGS.optimizer.iterations + 10
    assert result.frames[2].iterations <= SETTINGS.optimizer.iterations + 1, "what was grown is no longer new"


def test_a_matte_is_a_picture_a_clip_an_alpha_channel_or_a_channel_of_light(shot: Path, tmp_path: Path) -> None:
    """All say the same of one frame, and so does a picture of twice the size."""
    white, settings = (
        255 * (ellipse(30) > 127).astype(np.uint8),
        SETTINGS.with_values(frames="1001", coarse_iterations=1, first_iterations=2),
    )
    cv2.imwrite(str(tmp_path / "held.png"), white)
    cv2.imwrite(str(tmp_path / "alpha.png"), np.dstack([np.full((HEIGHT, WIDTH, 3), 255, np.uint8), white]))
    make_video(tmp_path / "clip.mkv", [np.dstack([white] * 3)] * 4, "24", ("-c:v", "ffv1", "-pix_fmt", "bgr0"))
    light = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    write_exr(tmp_path / "light.exr", light, alpha=white / np.float32(255))
    light[..., 1] = white / np.float32(255)
    write_exr(tmp_path / "green.exr", light)
    big = cv2.resize(white, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    cv2.imwrite(str(tmp_path / "big.png"), big)
    made = {}
    for name in ("held.png", "alpha.png:alpha", "clip.mkv", "light.exr:alpha", "green.exr:G", "big.png"):
        result = paint(shot, tmp_path / name[:4], matte(tmp_path, name=name), settings=settings)
        made[name] = pictures(tmp_path / name[:4])[0]
        assert any("128x96 pixels; it was scaled" in said for said in result.warnings) == (name == "big.png")
    for name, picture in made.items():
        assert np.array_equal(picture, made["held.png"]), name


def test_a_plate_of_light_stays_as_it_is_beside_its_matte(shot: Path, tmp_path: Path) -> None:
    linear = np.random.default_rng(1).random((HEIGHT, WIDTH, 3), np.float32) ** 2 * 4
    write_exr(tmp_path / "a.1001.exr", linear)
    settings = SETTINGS.with_values(first_iterations=2)
    stylevideo.stylize(tmp_path / "a.####.exr", [matte(shot)], tmp_path / "b.####.exr", settings)
    source, made = (read_exr(tmp_path / f"{name}.1001.exr").linear for name in ("a", "b"))
    black = mattes_of(shot)[0] == 0
    assert np.array_equal(source[black], made[black]) and not np.array_equal(source[~black], made[~black])


def test_a_changed_matte_repaints_what_follows_and_nothing_else(tmp_path: Path) -> None:
    """Of a film that keeps its frames: the shot before stays. Every other frame is as it was, byte for byte."""
    images = [frame.image[..., ::-1] for name in ("flight", "balloon") for frame in render_shot(name, 6, WIDTH, HEIGHT)]
    save(tmp_path / "a", *images)
    text = save(tmp_path / "m", *[ellipse(30)] * 12)
    settings = SETTINGS.with_values(detect_cuts=True, min_shot_frames=2, provenance=False, first_iterations=2)
    style, painted = Style(STYLE, matte=text), list[Event]()

    def count(event: Event) -> None:
        painted.extend([event] if isinstance(event, FrameFinished) else [])

    def files(name: str) -> list[bytes]:
        return [path.read_bytes() for path in sorted((tmp_path / name).glob("b.*.png"))]

    kept = settings.with_values(keep_frames=True)
    paint(tmp_path, tmp_path / "film", style, settings=kept)
    before = files("film")
    save(tmp_path / "m", ellipse(40), ellipse(40), first=1008)
    paint(tmp_path, tmp_path / "film", style, settings=kept, on_event=count)
    assert len(painted) == 6, "the second shot is painted again"
    paint(tmp_path, tmp_path / "anew", style, settings=settings)
    assert files("film") == files("anew")
    assert [mine == old for mine, old in zip(files("anew"), before, strict=True)] == [True] * 7 + [False] * 5


def test_work_that_was_stopped_is_not_gone_on_from_in_other_mattes(shot: Path, tmp_path: Path) -> None:
    text, finished = save(tmp_path / "m", *[ellipse(30)] * 4), list[Event]()
    with pytest.raises(Stopped):
        paint(shot, tmp_path / "film", Style(STYLE, matte=text), on_event=finished.append, stop=lambda: bool(finished))
    save(tmp_path / "m", ellipse(40), first=1002)
    with pytest.raises(ResumeError, match="mattes was"):
        paint(shot, tmp_path / "film", Style(STYLE, matte=text))


def test_a_film_whose_matte_has_changed_is_another(
    shot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = save(tmp_path / "m", *[ellipse(30)] * 4)
    words = ["run", str(shot / "a.####.png"), "--style", str(STYLE), "--matte", text, "-o", str(tmp_path / "f.mkv")]
    words += [f"--{name.replace('_', '-')}={value}" for name, value in QUICK.items()]
    words += ["--frames=1001-1002", "-y", "--no-detect-cuts", "--coarsest-size=0"]
    assert main(words) == 0 and main(words) == 0
    assert "already made" in capsys.readouterr().err
    save(tmp_path / "m", ellipse(32), first=1002)
    assert main(words) == 0
    assert "already made" not in capsys.readouterr().err


def refused(shot: Path, *mattes: str, **values: object) -> str:
    styles = [Style(STYLE, matte=text) for text in mattes]
    with pytest.raises(StyleVideoError) as told:
        paint(shot, shot / "refused", *styles, settings=SETTINGS.with_values(**values))
    assert not (shot / "refused").exists()
    return str(told.value)


def test_what_is_wrong_with_mattes_is_said_at_once_before_work(shot: Path, tmp_path: Path) -> None:
    short = save(tmp_path / "short", ellipse(30), ellipse(30))
    high = save(tmp_path / "high", *[np.full((64, 64), 255, np.uint8)] * 4)
    black = save(tmp_path / "black", *[np.zeros((HEIGHT, WIDTH), np.uint8)] * 4)
    write_exr(tmp_path / "light.exr", np.ones((HEIGHT, WIDTH, 3), np.float32))
    said = refused(shot, short, high, f"{black}:alhpa", f"{tmp_path / 'light.exr'}:r", str(tmp_path / "none.####.png"))
    assert "5 things are wrong" in said
    assert "has the numbers 1001-1002, and none for 2 frames of a.####.png: 1003-1004. Render the rest" in said
    assert "has 64x64 pixels, another aspect than the clip, which has 64x48" in said
    assert "has no channel alhpa. It has: R, G, B" in said
    assert "has no channel r. It has: B, G, R" in said
    assert "no file is named like none.0001.png" in said
    assert "There is nothing to paint" in refused(shot, black)
    result = paint(shot, tmp_path / "film", Style(STYLE, matte=black), matte(shot, "", OTHER))
    assert any(
        f"The matte {black} is black in all frames: its style is painted nowhere." == said for said in result.warnings
    )


def test_a_clip_as_matte_is_shorter(shot: Path, tmp_path: Path) -> None:
    clip = make_video(tmp_path / "clip.mkv", [np.dstack([ellipse(30)] * 3)] * 2, "24", ("-c:v", "ffv1"))
    assert "has 2 frames, and none for 2 frames of a.####.png: 1003-1004" in refused(shot, str(clip))
    assert "has no channel alpha" in refused(shot, f"{clip}:alpha", frames="1001-1002")


def test_no_film_takes_the_place_of_its_matte(shot: Path) -> None:
    with pytest.raises(InputError, match="one of the clip's mattes"):
        stylevideo.stylize(shot / "a.####.png", [matte(shot)], shot / "m.####.png", SETTINGS)
