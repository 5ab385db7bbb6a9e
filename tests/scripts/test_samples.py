"""The sample files keep their promises, and the sample renderer's motion is exact."""

from __future__ import annotations

import itertools
import re
import subprocess
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pytest
import torch
from conftest import ROOT
from image_fixtures import to_image

from scripts.samples.frames import RenderedFrame
from scripts.samples.paintings import PAINTINGS, paint
from scripts.samples.scenes import SHOT_FRAMES, SHOTS, render_shot
from scripts.samples.score import PEAK, compose
from scripts.samples.vectors import save_vectors
from stylevideo.media.images.vectors import VectorReading, read_vectors
from stylevideo.motion.flow import DISFlow
from stylevideo.motion.frame import Frame
from stylevideo.motion.vectors import VectorMotion, Vectors

CLIP = ROOT / "samples" / "lake.mp4"
STYLES = sorted((ROOT / "samples" / "styles").glob("*.jpg"))
WIDTH, HEIGHT = 160, 90


@pytest.fixture(scope="module")
def shots() -> dict[str, list[RenderedFrame]]:
    return {name: list(render_shot(name, frames=4, width=WIDTH, height=HEIGHT, both_ways=True)) for name in SHOTS}


@pytest.fixture(scope="module")
def clip() -> np.ndarray:
    """The sample clip's frames, (frames, 360, 640, 3) uint8."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", str(CLIP)]
    command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, 360, 640, 3)


def fetch_along(previous: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """What the previous picture shows where the flow points to."""
    height, width = flow.shape[:2]
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    source = columns + flow[..., 0], rows + flow[..., 1]
    return cv2.remap(previous.astype(np.float32), *source, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def difference(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Mean absolute difference over the channels, (H, W) in 255ths."""
    apart: np.ndarray = np.abs(one.astype(np.float32) - other.astype(np.float32)).mean(axis=2)
    return apart


@pytest.mark.parametrize("name", SHOTS)
def test_frames_have_the_promised_form(shots: dict[str, list[RenderedFrame]], name: str) -> None:
    for frame in shots[name]:
        assert frame.image.shape == (HEIGHT, WIDTH, 3) and frame.image.dtype == np.uint8
        assert frame.flow_to_previous.shape == (HEIGHT, WIDTH, 2)
        assert frame.flow_to_previous.dtype == np.float32
        assert np.isfinite(frame.flow_to_previous).all()
        assert frame.visible.shape == (HEIGHT, WIDTH) and frame.visible.dtype == np.bool_
        assert frame.image.std() > 30


@pytest.mark.parametrize("name", SHOTS)
def test_first_frame_has_nothing_before_it(shots: dict[str, list[RenderedFrame]], name: str) -> None:
    first = shots[name][0]
    assert not first.flow_to_previous.any()
    assert not first.visible.any()


@pytest.mark.parametrize("name", SHOTS)
def test_flow_carries_the_previous_picture_onto_the_next(shots: dict[str, list[RenderedFrame]], name: str) -> None:
    frames = shots[name]
    for previous, frame in itertools.pairwise(frames):
        carried = difference(fetch_along(previous.image, frame.flow_to_previous), frame.image)
        left_still = difference(previous.image, frame.image)
        seen = frame.visible
        assert 0.85 < seen.mean() < 1.0
        assert carried[seen].mean() < 3.0
        assert carried[seen].mean() < 0.6 * left_still[seen].mean()
        assert carried[~seen].mean() > 1.6 * carried[seen].mean()


@pytest.mark.parametrize("name", SHOTS)
def test_its_vectors_say_what_is_hidden_and_lead_over_frames(
    shots: dict[str, list[RenderedFrame]], name: str, tmp_path: Path
) -> None:
    """Written as a renderer does, and read and joined as a run does."""
    rendered = shots[name]
    save_vectors(rendered, tmp_path, begin=1)
    read = [read_vectors(path, VectorReading("nuke")) for path in sorted(tmp_path.iterdir())]
    vectors = [
        Vectors(
            *(
                torch.from_numpy(way).permute(2, 0, 1)[None]
                for way in (found.to_previous, found.to_next)
                if way is not None
            )
        )
        for found in read
    ]
    frames = [Frame(index, to_image(frame.image)) for index, frame in enumerate(rendered)]
    source = VectorMotion(DISFlow(), dict(enumerate(vectors)).get, range(len(frames)))
    step, way = source.known(frames[3], frames[2]), source.known(frames[3], frames[0])
    assert step is not None and way is not None
    assert (step.seen[0, 0].numpy() != rendered[3].visible)[2:-2, 2:-2].mean() < 0.02
    seen = way.seen[0, 0].numpy()
    assert 0.85 < seen.mean() < step.seen.float().mean()
    carried = fetch_along(rendered[0].image, way.flow[0].permute(1, 2, 0).numpy())
    assert difference(carried, rendered[3].image)[seen].mean() < 4.0


@pytest.mark.parametrize("name", SHOTS)
def test_speed_is_noticeable_but_moderate(shots: dict[str, list[RenderedFrame]], name: str) -> None:
    speed = np.linalg.norm(shots[name][2].flow_to_previous, axis=2)
    assert speed.max() > 1.0
    assert speed.max() < 0.1 * WIDTH


def test_balloon_uncovers_hillside_behind_it(shots: dict[str, list[RenderedFrame]]) -> None:
    """Where the near balloon has moved on, the hillside was hidden: a good few pixels off the border."""
    inner = ~shots["balloon"][2].visible[5:-5, 5:-5]
    assert inner.sum() > 60


@pytest.mark.parametrize("name", SHOTS)
def test_rendering_is_deterministic(shots: dict[str, list[RenderedFrame]], name: str) -> None:
    again = list(render_shot(name, frames=2, width=WIDTH, height=HEIGHT))
    for frame, repeated in zip(shots[name], again, strict=False):
        np.testing.assert_array_equal(frame.image, repeated.image)
        np.testing.assert_array_equal(frame.flow_to_previous, repeated.flow_to_previous)
        np.testing.assert_array_equal(frame.visible, repeated.visible)


def test_painting_repeats_the_sample_picture() -> None:
    picture = paint("stained-glass")
    assert picture.shape == (768, 1024, 3) and picture.dtype == np.uint8
    saved = cv2.imread(str(ROOT / "samples" / "styles" / "stained-glass.jpg"))
    assert saved is not None
    assert difference(picture, saved[..., ::-1]).mean() < 6.0


def test_score_is_stereo_and_does_not_clip() -> None:
    sound = compose(3.0, 40 / 24)
    assert sound.shape == (3 * 48_000, 2)
    assert np.abs(sound).max() == pytest.approx(PEAK)
    assert np.abs(sound[0]).max() < 0.01 and np.abs(sound[-1]).max() < 0.01
    assert not np.allclose(sound[:, 0], sound[:, 1], atol=0.01)
    np.testing.assert_array_equal(sound, compose(3.0, 40 / 24))


def test_clip_file_is_small_and_has_picture_and_sound() -> None:
    assert CLIP.stat().st_size < 1_000_000
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(CLIP)]
    report = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    assert re.search(r"Video: h264.*yuv420p\(tv, bt709.*640x360.* 24 fps", report)
    assert re.search(r"Audio: aac.* stereo", report)


def test_clip_cuts_hard_between_the_shots(clip: np.ndarray) -> None:
    assert len(clip) == sum(SHOT_FRAMES.values()) == 72
    steps = np.array([difference(a, b).mean() for a, b in itertools.pairwise(clip)])
    cut = SHOT_FRAMES[SHOTS[0]] - 1
    assert steps.argmax() == cut
    assert steps[cut] > 2.0 * np.delete(steps, cut).max()


def test_clip_shows_what_the_renderer_renders(clip: np.ndarray) -> None:
    start = SHOT_FRAMES["flight"]
    rendered = next(render_shot("balloon", frames=1)).image
    assert difference(clip[start], rendered).mean() < 6.0


def test_there_is_a_picture_of_every_painting() -> None:
    assert [path.stem for path in STYLES] == sorted(PAINTINGS)
    assert len(STYLES) >= 5


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.stem)
def test_style_picture_is_large_and_its_file_small(path: Path) -> None:
    assert path.stat().st_size < 400_000
    picture = cv2.imread(str(path))
    assert picture is not None
    assert min(picture.shape[:2]) >= 768
    # Bright and dark, and not grey: a style worth borrowing.
    assert picture.std() > 35
