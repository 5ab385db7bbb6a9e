"""Fixtures that many tests share: the real network, a real style, and a small clip with sound.

What is dear is made once for all tests that only look at it: the network is read from its file once, and a style's
Gram matrices are computed once for each size.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import platformdirs
import pytest
from image_fixtures import to_image
from media_fixtures import make_video, sine

from scripts.samples.scenes import render_shot
from stylevideo.engine.targets import StylePicture, StyleTargets
from stylevideo.media.images.pictures import read_picture
from stylevideo.models.vgg import VGG19
from stylevideo.models.weights import load_vgg19
from stylevideo.motion.frame import Frame
from stylevideo.planning.request import ClipRequest
from stylevideo.render.job import Job
from stylevideo.render.opening import Mode, open_job
from stylevideo.settings.sections import LossSettings
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style

hypothesis.settings.register_profile("untimed", deadline=None)  # what a machine is busy with is no fault of ours
hypothesis.settings.load_profile("untimed")

ROOT = Path(__file__).resolve().parent.parent
STYLE = ROOT / "samples" / "styles" / "impasto.jpg"
QUICK = {"first_iterations": 6, "coarse_iterations": 4, "iterations": 2, "new_iterations": 0}
"""Few iterations: enough to see what passes between frames, not to make them good."""


def check_job(source: Path, output: Path, settings: Settings) -> Job:
    """A job with the usual style, opened to be checked."""
    return open_job(ClipRequest(source, (Style(STYLE),), output, settings), Mode.CHECK)


@pytest.fixture(scope="session", autouse=True)
def _networks_are_read_once() -> Iterator[None]:
    """Jobs of this process share the network that the first of them reads from its file; `test_vgg` reads it anew."""
    with pytest.MonkeyPatch.context() as patch:
        read_once = functools.cache(load_vgg19)
        ours = (f"stylevideo.{name}" for name in ("render.opening", "quality.evaluate", "store.calibration"))
        for module in (*ours, "scripts.benchmark.__main__"):
            patch.setattr(f"{module}.load_vgg19", read_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_user_file() -> Iterator[None]:
    """What the user has chosen for all jobs is not what is tested."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STYLEVIDEO_CONFIG", "")
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_user_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is kept of this machine's speed is kept for these tests alone, and measured with tiny pictures."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))  # for processes that tests start
        patch.setattr(platformdirs, "user_cache_path", lambda name, appauthor: folder / name)
        patch.setattr("stylevideo.engine.pace.EDGES_PX", {"cpu": (64, 96)})
        patch.setattr("stylevideo.engine.pace.LONG_ENOUGH_S", 0.0)
        yield


@pytest.fixture(autouse=True)
def _logging_is_as_it_was() -> Iterator[None]:
    """The program decides for its process what is logged, as `--quiet` does."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:] = handlers


@pytest.fixture(scope="session")
def vgg() -> VGG19:
    """The installed weights."""
    return load_vgg19()


@pytest.fixture(scope="session")
def make_targets(vgg: VGG19) -> Callable[[Settings], StyleTargets]:
    """Targets of the sample style for given settings."""
    picture = StylePicture(to_image(read_picture(STYLE)), 1.0)

    @functools.cache
    def of(losses: LossSettings, stroke_size: float) -> StyleTargets:
        return StyleTargets(vgg, [picture], losses, stroke_size)

    return lambda settings: of(settings.losses, settings.strokes.stroke_size)


@pytest.fixture(scope="session")
def flight_frames() -> list[Frame]:
    """Six frames of the sample's first shot, 128x72."""
    return [Frame(i, to_image(f.image)) for i, f in enumerate(render_shot("flight", frames=6, width=128, height=72))]


@pytest.fixture(scope="session")
def two_shot_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of two rendered shots of ten frames, 96x64, 24 a second, with a tone."""
    images = [frame.image for name in ("flight", "balloon") for frame in render_shot(name, 10, 96, 64)]
    path = tmp_path_factory.mktemp("clips") / "two shots.mp4"
    encoder = ("-c:v", "libx264", "-qp", "12", "-pix_fmt", "yuv420p", "-c:a", "aac", "-shortest")
    return make_video(path, images, "24", encoder, sine(20 / 24))
