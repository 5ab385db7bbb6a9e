"""A clip is a style: by its mean, or followed in time; and as a style picture in all else."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from conftest import LIGHT, STYLE
from media_fixtures import make_video, number_in, numbered_video

import stylevideo
from scripts.samples.scenes import render_shot
from stylevideo.cli.main import main
from stylevideo.engine.sequence import PaintedFrame
from stylevideo.errors import InputError
from stylevideo.media.decode import samples
from stylevideo.media.images.pictures import read_picture, write_png
from stylevideo.planning.request import ClipRequest
from stylevideo.planning.style_clips import Following
from stylevideo.render.job import Job, manifest_of
from stylevideo.render.opening import Mode, open_job
from stylevideo.render.styles import read_styles
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style
from stylevideo.store.manifest import read_asked

LOSSLESS = ("-c:v", "ffv1", "-pix_fmt", "bgr0")
SMALL = Settings().with_values(**LIGHT, size=64, detect_cuts=False, device="cpu")
STROKES = cv2.resize(read_picture(STYLE), (96, 72), interpolation=cv2.INTER_AREA)


def tinted(red: float, blue: float) -> np.ndarray:
    """The strokes of a sample style, in another colour."""
    grey = STROKES.mean(axis=2, keepdims=True)
    return np.clip(grey * (red, 0.4, blue), 0, 255).astype(np.uint8)


RED, BLUE = tinted(1.2, 0.3), tinted(0.3, 1.2)
BLACK = np.zeros_like(RED)


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds in three frames, in which nothing moves."""
    image = next(render_shot("flight", 1, 64, 48)).image
    return make_video(tmp_path_factory.mktemp("source") / "still.mkv", [image] * 3, "1", LOSSLESS)


@pytest.fixture(scope="module")
def ink(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip that begins red and ends blue."""
    return make_video(tmp_path_factory.mktemp("style") / "ink.mkv", [RED, RED, BLUE, BLUE], "4", LOSSLESS)


def painted(clip: Path, settings: Settings, *styles: Path | Style) -> list[PaintedFrame]:
    return list(stylevideo.stylize_frames(clip, styles, settings))


def opened(clip: Path, settings: Settings, *styles: Path | Style) -> Job:
    request = ClipRequest(clip, tuple(map(Style.of, styles)), clip, settings)
    return open_job(request, Mode.FRAMES)


def weights(job: Job, count: int = 3) -> list[tuple[float, ...]]:
    return [job.over_time.at(index).direction.style_weights for index in range(count)]


def redness(frame: PaintedFrame) -> float:
    return float((frame.image[:, 0] - frame.image[:, 2]).mean())


def test_a_followed_clip_changes_the_film_where_it_changes(still: Path, ink: Path) -> None:
    """Its mean lies between, and does not change; a frame has the same style whichever frames are made."""
    settings = SMALL.with_values(carry=False)
    first, middle, last = painted(still, settings.with_values(style_clip="stretch"), ink)
    assert redness(first) > redness(middle) + 0.005 > redness(last) + 0.01
    mean, _, same = painted(still, settings, ink)
    assert redness(first) > redness(mean) > redness(last) and torch.equal(mean.image, same.image)
    (alone,) = painted(still, settings.with_values(style_clip="stretch", frames="3"), ink)
    assert torch.equal(last.image, alone.image)


def test_strokes_follow_a_clip_from_frame_to_frame(still: Path, ink: Path) -> None:
    """Also where the source stands still; by a clip's mean what stands still is not painted again."""
    first, middle, last = painted(still, SMALL.with_values(style_clip="stretch"), ink)
    assert redness(first) > redness(middle) > redness(last)
    mean = painted(still, SMALL, ink)
    assert torch.equal(mean[0].image, mean[2].image)


@pytest.mark.parametrize("how", ["mean", "loop"])
def test_a_clip_that_stands_still_is_its_picture(still: Path, tmp_path: Path, how: str) -> None:
    write_png(tmp_path / "red.png", RED)
    write_png(tmp_path / "one.0007.png", RED)
    clip = make_video(tmp_path / "red.mkv", [RED] * 9, "4", LOSSLESS)
    settings = SMALL.with_values(frames="1-2")
    usual = painted(still, settings, tmp_path / "red.png")
    for style in (clip, tmp_path / "one.####.png"):
        made = painted(still, settings.with_values(style_clip=how), style)
        assert all(torch.equal(one.image, other.image) for one, other in zip(made, usual, strict=True))


def test_keys_of_a_style_are_of_the_whole_clip(still: Path, ink: Path) -> None:
    """As is the weight that it is named with; other styles count beside it as ever."""
    styles = (Style(STYLE), Style(ink, 0.5))
    assert weights(opened(still, SMALL, *styles)) == [()] * 3
    key = {"style_2": {1: 1, 3: 3}, "style_1": {1: 2}}
    assert weights(opened(still, SMALL.with_values(key=key), *styles)) == [(2, 0.5, 0.5), (2, 1, 1), (2, 1.5, 1.5)]
    stretched = SMALL.with_values(style_clip="stretch")
    assert weights(opened(still, stretched, *styles)) == [(1, 0.5, 0), (1, 0.25, 0.25), (1, 0, 0.5)]
    job = opened(still, stretched.with_values(key=key), *styles)
    assert weights(job) == [(2, 1, 0), (2, 1, 1), (2, 0, 3)]
    assert [job.over_time.changes_at(index) for index in range(3)] == [False, True, True]


def test_a_clip_is_painted_in_its_matte(still: Path, ink: Path, tmp_path: Path) -> None:
    matte = np.zeros((48, 64, 3), np.uint8)
    matte[:, :32] = 255
    write_png(tmp_path / "matte.png", matte)
    styles = Style(ink, matte=str(tmp_path / "matte.png")), Style(STYLE, matte=f"{tmp_path / 'matte.png'}:inverted")
    settings = SMALL.with_values(carry=False, style_clip="stretch")
    first, _, last = painted(still, settings, *styles)
    change = (first.image - last.image).abs().mean(dim=(0, 1, 2))
    assert change[:24].mean() > 5 * change[40:].mean()


def test_what_a_clip_holds_decides_what_is_gone_on_with(still: Path, ink: Path, tmp_path: Path) -> None:
    """A finished film of it is up to date; unfinished work of another clip, or of another way, is not gone on with."""
    clip = tmp_path / "ink.mkv"
    clip.write_bytes(ink.read_bytes())
    for place, image in enumerate((RED, BLUE)):
        write_png(tmp_path / f"ink.{place}.png", image)
    settings = SMALL.with_values(style_clip="stretch")
    for style in (clip, tmp_path / "ink.#.png"):
        asked = read_asked(still, [Style(style)], settings)
        assert opened(still, settings, style).asked.key == asked.key
    job = opened(still, settings, clip)
    make_video(clip, [RED, RED, RED, BLUE], "4", LOSSLESS)
    for other in (opened(still, settings, clip), opened(still, SMALL, ink)):
        assert manifest_of(other).resume_key["styles"] != manifest_of(job).resume_key["styles"]
        assert other.asked.key != job.asked.key


def pictures(path: Path, how: str = "mean", lasts: int = 100) -> Sequence[np.ndarray]:
    (read,) = read_styles([path], Following(how, Fraction(lasts)))
    return read.pictures


def test_what_shows_nothing_new_is_no_picture_of_a_clip(tmp_path: Path) -> None:
    """Nor is what shows nothing at all; bars are cut off."""
    wide = [np.pad(image, ((20, 20), (0, 0), (0, 0))) for image in (RED, BLUE, RED)]
    clip = make_video(tmp_path / "bars.mkv", [np.zeros_like(wide[0]), *wide, np.zeros_like(wide[0])], "4", LOSSLESS)
    for how in ("mean", "stretch", "loop"):
        found = pictures(clip, how)
        assert len(found) == 2
        assert np.array_equal(found[0], RED) and np.array_equal(found[1], BLUE)


def test_of_a_clip_at_its_own_pace_no_more_is_looked_at_than_is_shown(tmp_path: Path) -> None:
    clip = numbered_video(tmp_path / "numbers.mkv", 240, encoder=("-c:v", "ffv1"))
    assert [number_in(image) for image in pictures(clip, "hold", 0)] == [0]
    assert max(number_in(image) for image in pictures(clip, "loop", 1)) == 24
    assert max(number_in(image) for image in pictures(clip, "stretch", 1)) == 239
    assert [number_in(image) for image in pictures(clip)] == [15, 45, 75, 105, 135, 165, 195, 225]


def test_pictures_of_a_long_clip_are_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, without decoding what lies between."""
    clip = numbered_video(tmp_path / "numbers.mp4", 240)
    whole = [number_in(image) for image in pictures(clip)]
    shutil.copy(clip, copy := tmp_path / "copy.mp4")
    monkeypatch.setattr(samples, "DECODED_PIXELS", 0)
    monkeypatch.setattr(samples, "read_frames", None)
    assert [number_in(image) for image in pictures(copy)] == whole


def test_a_clip_of_black_frames_is_refused_with_all_else(still: Path, tmp_path: Path) -> None:
    black = make_video(tmp_path / "black.mkv", [BLACK] * 3, "4", LOSSLESS)
    with pytest.raises(InputError, match=r"black\.mkv shows nothing: the 3 frames [\s\S]*no\.jpg") as raised:
        opened(still, SMALL, black, tmp_path / "no.jpg")
    assert len(raised.value.sentences) == 2


def test_the_style_is_no_place_for_the_film(still: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in (1, 2):
        write_png(tmp_path / f"ink.{number}.png", RED)
    words = ["run", str(still), "--style", str(tmp_path / "ink.#.png"), "-y", "-q", "--config=none"]
    assert main([*words, "-o", str(tmp_path / "a.mp4"), "--sheet", str(tmp_path / "ink.2.png")]) == 2
    assert "ink.2.png is a style" in capsys.readouterr().err


@pytest.mark.usefixtures("in_process")
def test_a_dry_run_says_how_much_of_a_clip_is_used(
    still: Path, ink: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", str(still), "--size=64", "--iterations=0", "--config=none", "--dry-run", "--style"]
    assert main([*words, str(ink), "--style-clip=loop", "-o", str(tmp_path / "a.mp4")]) == 0
    assert "The style ink.mkv is 2 pictures of the clip: followed at its own pace" in capsys.readouterr().out
    notes = opened(still, SMALL.with_values(style_clip="loop"), STYLE).notes
    assert "--style-clip has no effect: no style is a clip." in notes


def test_the_clip_itself_may_be_its_style(still: Path) -> None:
    assert len(painted(still, SMALL.with_values(frames="1"), still)) == 1
