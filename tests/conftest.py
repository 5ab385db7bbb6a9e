"""Fixtures that many tests share: the real network, a real style, and a small clip with sound.

What is dear is made once for all tests that only look at it: the network is read from its file once, and a style's
Gram matrices are computed once for each size.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import hypothesis
import platformdirs
import pytest
from farm_fixtures import farm_words
from image_fixtures import to_image
from media_fixtures import make_video, sine

from scripts.samples.scenes import render_shot
from stylevideo.batch.outcomes import BatchChecked
from stylevideo.cli.log import _Console
from stylevideo.cli.main import main
from stylevideo.engine.targets import StylePicture, StyleTargets
from stylevideo.media.images.pictures import read_picture
from stylevideo.models.vgg import VGG19
from stylevideo.models.weights import load_vgg19
from stylevideo.motion.frame import Frame
from stylevideo.planning.request import ClipRequest
from stylevideo.render.estimate import estimate_clip
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
SHALLOW: dict[str, Any] = {
    "style_layers": ("relu1_1", "relu2_1"),
    "match_layers": ("relu2_1",),
    "content_layers": ("relu2_2",),
}
"""The usual painter, but by what the network finds first, which takes a third of the time."""
CHEAP_PAINTER = {name: SHALLOW[name] for name in ("style_layers", "content_layers")} | {"painter": "gram"}
"""The fastest: for what is asked of order, files and resuming, not of how frames look."""
LIGHT = {**QUICK, **CHEAP_PAINTER}
LEAST = {
    **{"first_iterations": 2, "iterations": 1, "new_iterations": 0, "coarsest_size": 0, "stroke_size": 0.5},
    **CHEAP_PAINTER,
}
"""As few iterations as carry anything from frame to frame."""


def flags_of(values: Mapping[str, Any]) -> list[str]:
    """Settings as a command takes them."""
    words = {name: ",".join(value) if isinstance(value, tuple) else value for name, value in values.items()}
    return [f"--{name.replace('_', '-')}={word}" for name, word in words.items()]


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


USUAL_LEVEL = logging.getLogger().level
"""Of what is logged, before any test."""


@pytest.fixture(autouse=True)
def _logging_is_as_it_was() -> Iterator[None]:
    """The program decides for its process what is logged, as `--quiet` does; also in fixtures of wider scope."""
    root = logging.getLogger()
    root.setLevel(USUAL_LEVEL)
    handlers = [handler for handler in root.handlers if not isinstance(handler, _Console)]
    yield
    root.setLevel(USUAL_LEVEL)
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:] = handlers


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clips are checked before work, or instead of it, without processes of their own, which take seconds to start."""

    def check(requests: Sequence[ClipRequest], *_: object) -> BatchChecked:
        return BatchChecked({i: estimate_clip(request, closely=True) for i, request in enumerate(requests)}, {}, ())

    monkeypatch.setattr("stylevideo.cli.foresee.check_batch", check)


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


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of three rendered shots of three frames, 64x48, with a tone."""
    images = [frame.image for name in ("flight", "balloon", "flight") for frame in render_shot(name, 3, 64, 48)]
    encoder = ("-c:v", "libx264", "-qp", "12", "-pix_fmt", "yuv420p", "-c:a", "aac", "-shortest")
    return make_video(tmp_path_factory.mktemp("tiny") / "clip.mp4", images, "24", encoder, sine(9 / 24))


@pytest.fixture(scope="session")
def tiny_film(tiny_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the film `film.mp4` that `run` makes of it."""
    folder = tmp_path_factory.mktemp("run")
    assert main(["run", *farm_words(tiny_clip, folder / "film.mp4"), "-q"]) == 0
    return folder
