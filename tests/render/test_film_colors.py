"""Whose colours a film has: the style's, its source's under painted brightness, or a palette fitted to the source's."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import QUICK, STYLE
from sequence_fixtures import save

import stylevideo
from scripts.samples.scenes import render_shot
from stylevideo.cli.main import main
from stylevideo.errors import ResumeError, SettingsError, Stopped
from stylevideo.media.decode.reader import open_clip, read_frames
from stylevideo.media.images.exr import read_exr, write_exr
from stylevideo.media.images.pictures import fit_picture, read_picture
from stylevideo.media.images.view import SRGB
from stylevideo.ops.color import LUMA_709
from stylevideo.reports.events import Event, FrameFinished
from stylevideo.settings.settings import Settings
from stylevideo.timeline.selection import FrameSelection

FRAMES = range(9, 14)
"""The last of the first shot, and four of the second."""
SMALL = Settings().with_values(**QUICK, size=64, frames="10-14", min_shot_frames=4)
SOURCE = SMALL.with_values(color="source")
MATCH = SMALL.with_values(color="match")


def luma(picture: np.ndarray) -> np.ndarray:
    weighted: np.ndarray = picture @ np.array(LUMA_709)
    return weighted


def chroma(picture: np.ndarray) -> np.ndarray:
    """Each channel's difference from luma: (H, W, 3)."""
    return picture - luma(picture)[..., None]


def made(clip: Path, folder: Path, settings: Settings, style: Path = STYLE) -> list[np.ndarray]:
    """The frames of a film of PNG files, 0..255."""
    folder.mkdir()
    stylevideo.stylize(clip, [style], folder / "film.####.png", settings)
    return frames_in(folder)


def frames_in(folder: Path) -> list[np.ndarray]:
    pictures = [cv2.imread(str(file)) for file in sorted(folder.glob("film.*.png"))]
    return [picture[..., ::-1].astype(float) for picture in pictures if picture is not None]


@pytest.fixture(scope="module")
def sources(two_shot_clip: Path) -> list[np.ndarray]:
    """What the films of this module show, at their size."""
    info = open_clip(two_shot_clip)
    decoded = read_frames(FrameSelection(info, FRAMES))
    return [fit_picture(frame.image, (44, 64)).astype(float) for frame in decoded]


@pytest.fixture(scope="module")
def styled(two_shot_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> list[np.ndarray]:
    """The same frames in the style's colours."""
    return made(two_shot_clip, tmp_path_factory.mktemp("styled") / "film", SMALL)


def test_colours_are_the_sources_and_brightness_is_what_is_painted(
    two_shot_clip: Path, tmp_path: Path, sources: list[np.ndarray], styled: list[np.ndarray]
) -> None:
    """Strokes go on from the painter's own colours: brightness is that of the film in the style's."""
    shown = made(two_shot_clip, tmp_path / "shown", SOURCE)
    for source, style, frame in zip(sources, styled, shown, strict=True):
        assert np.abs(chroma(frame) - chroma(source)).mean() < 2
        assert np.abs(chroma(style) - chroma(source)).mean() > 8, "else nothing is tested"
        assert np.abs(luma(frame) - luma(style)).mean() < 1
        assert np.abs(luma(frame) - luma(source)).mean() > 8
    halfway = made(two_shot_clip, tmp_path / "half", SOURCE.with_values(color_amount=0.5))
    for style, frame, half in zip(styled, shown, halfway, strict=True):
        assert np.abs(half - (style + frame) / 2).max() <= 1.5


@pytest.mark.parametrize("color", ["source", "match"])
def test_an_amount_of_zero_is_the_default(
    two_shot_clip: Path, tmp_path: Path, styled: list[np.ndarray], color: str
) -> None:
    settings = SMALL.with_values(color=color, color_amount=0)
    for frame, style in zip(made(two_shot_clip, tmp_path / "film", settings), styled, strict=True):
        np.testing.assert_array_equal(frame, style)


def test_the_amount_changes_by_its_keys(two_shot_clip: Path, tmp_path: Path, sources: list[np.ndarray]) -> None:
    keyed = made(two_shot_clip, tmp_path / "keyed", SOURCE.with_values(key={"color_amount": {10: 0, 14: 1}}))
    apart = [np.abs(chroma(frame) - chroma(source)).mean() for source, frame in zip(sources, keyed, strict=True)]
    assert apart[0] > 2 * apart[3] > 0, "three quarters of the way are gone"
    assert apart[4] < 2


def test_each_shot_is_painted_in_its_own_colours(
    two_shot_clip: Path, tmp_path: Path, sources: list[np.ndarray]
) -> None:
    """A style of one hue, which neither shot has."""
    green = np.array((40, 200, 60)) / 255 * read_picture(STYLE).mean(2, keepdims=True)
    style = save(tmp_path / "green.png", green.astype(np.uint8))
    shown, plain = (made(two_shot_clip, tmp_path / s.colors.color, s, style) for s in (MATCH, SMALL))
    for source, own, frame in zip(sources, plain, shown, strict=True):
        away, before = (np.abs(picture.mean((0, 1)) - source.mean((0, 1))).max() for picture in (frame, own))
        assert away < 0.3 * before


@pytest.mark.parametrize("settings", [SOURCE.with_values(loop=True), MATCH], ids=["source", "match"])
def test_a_film_that_was_stopped_is_the_same_byte_for_byte(
    two_shot_clip: Path, tmp_path: Path, settings: Settings
) -> None:
    events: list[Event] = []

    def is_in_second_shot() -> bool:
        return sum(isinstance(event, FrameFinished) for event in events) >= 2

    film = tmp_path / "film.mp4"
    with pytest.raises(Stopped):
        stylevideo.stylize(two_shot_clip, [STYLE], film, settings, events.append, is_in_second_shot)
    other = {"source": "match", "match": "source"}[settings.colors.color]
    with pytest.raises(ResumeError, match=f"color was '{settings.colors.color}' and is '{other}'"):
        stylevideo.stylize(two_shot_clip, [STYLE], film, settings.with_values(color=other))
    stylevideo.stylize(two_shot_clip, [STYLE], film, settings)
    whole = stylevideo.stylize(two_shot_clip, [STYLE], tmp_path / "whole.mp4", settings)
    assert film.read_bytes() == whole.output.read_bytes()


def test_in_python_and_on_the_sheet_frames_are_as_in_the_film(two_shot_clip: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    film = made(two_shot_clip, tmp_path / "film", SOURCE.with_values(sheet=str(sheet)))
    results = list(stylevideo.stylize_frames(two_shot_clip, [STYLE], SOURCE))
    assert [result.index for result in results] == list(FRAMES)
    for result, frame in zip(results, film, strict=True):
        apart = np.abs(255 * result.image[0].permute(1, 2, 0).numpy() - frame)
        assert apart.mean() < 0.4
        assert apart.max() < 4, "where the gamut ends rounding counts several times"
    drawn = cv2.imread(str(sheet))
    assert drawn is not None
    cell = drawn[..., ::-1][-50:-6, 6:70].astype(float)  # the first frame's result
    np.testing.assert_array_equal(cell, film[0])


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    """Two frames of a shot, (64, 96, 3) uint8."""
    return [frame.image for frame in render_shot("flight", 2, 96, 64)]


def test_a_plates_light_keeps_its_colours(tmp_path: Path, pictures: list[np.ndarray]) -> None:
    """Highlights too, at full precision: far more exactly than 8 bits could."""
    for number, picture in enumerate(pictures, 1):
        light = ((picture / 255) ** 2.2).astype(np.float32)
        light[10:20, 10:20] *= 9
        write_exr(tmp_path / f"plate.{number:04d}.exr", light)
    settings = SMALL.with_values(color="source", frames="", size=0)
    stylevideo.stylize(tmp_path / "plate.####.exr", [STYLE], tmp_path / "film.####.exr", settings)
    for number in (1, 2):
        plate, film = (read_exr(tmp_path / f"{name}.{number:04d}.exr").linear for name in ("plate", "film"))
        assert not np.allclose(plate, film, rtol=0.1)
        shown, gain = SRGB.encode(plate)
        painted = SRGB.forward(film / gain[..., None])
        error = np.linalg.norm(chroma(painted) - chroma(shown), axis=-1).mean()
        assert error < 0.01 * np.linalg.norm(chroma(shown), axis=-1).mean()
        assert np.abs(luma(painted) - luma(shown)).mean() > 0.03


@pytest.mark.parametrize("alpha", ["keep", "premultiply"])
def test_alpha_stays_beside_the_sources_colours(tmp_path: Path, pictures: list[np.ndarray], alpha: str) -> None:
    opacity = np.zeros((64, 96), np.uint8)
    opacity[8:56, 8:88], opacity[16:48, 16:80] = 128, 255
    for number, picture in enumerate(pictures, 1):
        save(tmp_path / f"plate.{number:04d}.png", np.dstack((picture, opacity)))
    settings = SMALL.with_values(color="source", frames="", size=0, alpha=alpha)
    stylevideo.stylize(tmp_path / "plate.####.png", [STYLE], tmp_path / "film.####.png", settings)
    for number, picture in enumerate(pictures, 1):
        film = cv2.imread(str(tmp_path / f"film.{number:04d}.png"), cv2.IMREAD_UNCHANGED)
        assert film is not None
        np.testing.assert_array_equal(film[..., 3], opacity)
        seen = opacity == 255
        error = chroma(film[..., 2::-1].astype(float)) - chroma(picture.astype(float))
        assert np.abs(error[seen]).mean() < 2


def test_a_palette_is_of_what_is_opaque(tmp_path: Path, pictures: list[np.ndarray]) -> None:
    """Whatever lies where nothing is seen, red or green, the film is the same there where something is."""
    films = []
    for name, hidden in (("red", (255, 0, 0)), ("green", (0, 255, 0))):
        opacity = np.zeros((64, 96), np.uint8)
        opacity[:, 48:] = 255
        picture = np.where(opacity[..., None] > 0, pictures[0], np.array(hidden, np.uint8))
        save(tmp_path / f"{name}.png", np.dstack((picture, opacity)))
        settings = MATCH.with_values(frames="")
        (result,) = stylevideo.stylize_frames(tmp_path / f"{name}.png", [STYLE], settings.with_values(alpha="keep"))
        films.append(result.image[..., -8:])
    assert (films[0] - films[1]).abs().mean() < 0.1


def test_a_black_shot_has_a_palette_that_can_be_painted(tmp_path: Path) -> None:
    save(tmp_path / "black.png", np.zeros((64, 96, 3), np.uint8))
    (result,) = stylevideo.stylize_frames(tmp_path / "black.png", [STYLE], MATCH.with_values(frames=""))
    assert result.image.isfinite().all()
    assert result.image.mean() < 0.2


def test_without_painting_the_source_stays_as_it_is(two_shot_clip: Path, tmp_path: Path) -> None:
    for color in ("source", "match"):
        shown = made(two_shot_clip, tmp_path / color, SMALL.with_values(color=color, iterations=0))
        plain = made(two_shot_clip, tmp_path / f"no {color}", SMALL.with_values(iterations=0))
        np.testing.assert_array_equal(shown, plain)


def test_what_makes_no_sense_is_told_in_a_sentence(
    two_shot_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SettingsError, match=r"--color cannot be 'sorce'\. Did you mean source\? Choose from: style,"):
        Settings().with_values(color="sorce")
    with pytest.raises(SettingsError, match=r"--color-amount must be at least 0 and at most 1, not 1\.5\."):
        Settings().with_values(color_amount=1.5)
    film = tmp_path / "film.mp4"
    flags = ["--size=64", "--frames=1-2", "--iterations=0", "--color-amount=0.5"]
    assert main(["run", str(two_shot_clip), "--style", str(STYLE), "-o", str(film), *flags]) == 0
    told = "--color-amount has no effect: --color style keeps none of the source's colours."
    assert told in capsys.readouterr().err


def mean_color(pictures: list[np.ndarray]) -> np.ndarray:
    mean: np.ndarray = np.mean(pictures, axis=(0, 1, 2))
    return mean


def test_a_palette_may_be_the_films_or_a_pictures(two_shot_clip: Path, tmp_path: Path) -> None:
    """The shots come nearer to each other by one palette than by their own, and go where a picture is."""
    red = save(tmp_path / "red.png", np.full((64, 96, 3), (200, 40, 30), np.uint8))
    own, film, like_red = (
        made(two_shot_clip, tmp_path / name, MATCH.with_values(palette=palette))
        for name, palette in (("own", "shot"), ("film", "film"), ("red", str(red)))
    )
    apart = [np.abs(mean_color(frames[:1]) - mean_color(frames[1:])).sum() for frames in (own, film)]
    assert apart[1] < 0.95 * apart[0]
    redness = [mean_color(frames) @ np.array([1, -0.5, -0.5]) for frames in (own, film, like_red)]
    assert redness[2] > max(redness[:2]) + 3


def test_a_palette_that_is_another_is_not_resumed(two_shot_clip: Path, tmp_path: Path) -> None:
    """Even under the same name."""
    picture, film = tmp_path / "like.png", tmp_path / "film.mkv"
    settings = MATCH.with_values(palette=str(save(picture, np.full((64, 96, 3), 90, np.uint8))))
    with pytest.raises(Stopped):
        stylevideo.stylize(two_shot_clip, [STYLE], film, settings, stop=lambda: True)
    save(picture, np.full((64, 96, 3), 160, np.uint8))
    with pytest.raises(ResumeError, match="palette"):
        stylevideo.stylize(two_shot_clip, [STYLE], film, settings)


def test_a_palette_that_cannot_be_read_is_said_before_work(
    two_shot_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--color", "match", "--palette", str(tmp_path / "gone.png"), "-o", str(tmp_path / "film.mp4")]
    assert main(["run", str(two_shot_clip), "--style", str(STYLE), *words]) == 2
    assert "gone.png" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
