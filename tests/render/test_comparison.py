"""A film for comparison shows source and film frame by frame, and is there whenever the film is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import QUICK, STYLE
from media_fixtures import make_video, numbered_frame, sine

from stylevideo.errors import EncodeError, InputError
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.reader import read_frames
from stylevideo.media.images.pictures import write_png
from stylevideo.planning.inputs import find_sources
from stylevideo.planning.plan import plan_requests
from stylevideo.planning.request import Overrides
from stylevideo.render.stylize import stylize
from stylevideo.reports.comparison import compared
from stylevideo.reports.events import Event, FrameFinished
from stylevideo.settings.settings import Settings
from stylevideo.timeline.selection import FrameSelection

FRAMES = 3
SETTINGS = Settings().with_values(**{**QUICK, "first_iterations": 2, "coarse_iterations": 1, "iterations": 1})


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    images = [numbered_frame(number)[:64, :80] for number in range(FRAMES)]
    return make_video(tmp_path_factory.mktemp("compared") / "clip.mkv", images, inputs=sine(FRAMES / 24))


def images_of(path: Path) -> np.ndarray:
    return np.stack([frame.image for frame in read_frames(FrameSelection.whole(probe(path)))])


def test_halves_and_line_are_where_they_should_be() -> None:
    source, painted = np.zeros((4, 640, 3), np.uint16), np.full((4, 640, 3), 1000, np.uint16)
    assert (compared("side", source, painted, 0) == np.hstack((source, painted))).all()
    split = compared("split", source, painted, 0.9)[0, :, 0]
    assert set(split[:318]) == {0} and set(split[318:322]) >= {65535} and set(split[322:]) == {1000}
    first, middle, last = (compared("wipe", source, painted, place)[0, :, 0] for place in (0, 0.5, 1))
    assert set(first) == {0} and set(last) == {1000}
    assert (middle == split).all()
    assert not source.any() and (painted == 1000).all()


def test_it_shows_the_source_beside_the_film_with_its_sound(clip: Path, tmp_path: Path) -> None:
    """First it cannot be put in place; then it can, another kind of it is asked for, and nothing is painted again."""
    film, beside = tmp_path / "film.mkv", tmp_path / "film-compare.mkv"
    settings = SETTINGS.with_values(compare="split", delivery="ffv1")
    finished: list[int] = []

    def note(event: Event) -> None:
        if isinstance(event, FrameFinished):
            finished.append(event.record.number)
            beside.mkdir(exist_ok=True)

    with pytest.raises(EncodeError, match=r"film-compare\.mkv is a folder.*finished frames are kept"):
        stylize(clip, [STYLE], film, settings, note)
    assert finished == [1, 2, 3]
    beside.rmdir()
    events: list[Event] = []
    stylize(clip, [STYLE], film, settings.with_values(compare="side"), events.append)
    assert events and not [event for event in events if isinstance(event, FrameFinished)]
    both, painted, source = images_of(beside), images_of(film), images_of(clip)
    assert (both[:, :, 80:] == painted).all()
    assert (both[:, :, :80] == source).all()
    assert (painted != source).any()
    assert [stream.codec for stream in probe(beside).streams] == [stream.codec for stream in probe(film).streams]
    assert probe(beside).pts == probe(film).pts
    assert sorted(path.name for path in tmp_path.iterdir()) == [beside.name, film.name, f"{film.name}.json"]
    with pytest.raises(InputError, match="holds no video"):  # both are films of ours
        find_sources(str(tmp_path))


def test_beside_a_sequence_it_is_a_film(clip: Path, tmp_path: Path) -> None:
    settings = SETTINGS.with_values(compare="wipe", iterations=0)
    stylize(clip, [STYLE], tmp_path / "shot.####.exr", settings)
    assert len(list(tmp_path.glob("*.exr"))) == FRAMES
    info = probe(tmp_path / "shot-compare.mp4")
    assert (info.width, info.height, info.frame_count, info.rate) == (80, 64, FRAMES, 24)


def test_it_takes_the_place_of_nothing(clip: Path, tmp_path: Path) -> None:
    settings = SETTINGS.with_values(compare="wipe", iterations=0)
    (tmp_path / "film-compare.mp4").write_text("precious")
    with pytest.raises(InputError, match=r"film-compare\.mp4 is already there"):
        stylize(clip, [STYLE], tmp_path / "film.mp4", settings)
    assert (tmp_path / "film-compare.mp4").read_text() == "precious"
    job = tmp_path / "job.toml"
    lines = [f'[[clip]]\nsource = "{clip.as_posix()}"\noutput = "{name}.mp4"' for name in ("a", "a-compare")]
    job.write_text("\n".join(['[defaults]\nstyles = ["style.jpg"]\ncompare = "side"', *lines]))
    with pytest.raises(InputError, match=r"a-compare\.mp4 is another film of this batch"):
        plan_requests([str(job)], Overrides())


def test_of_a_still_there_is_none(tmp_path: Path) -> None:
    write_png(tmp_path / "still.png", numbered_frame(1))
    settings = SETTINGS.with_values(compare="side", iterations=0)
    result = stylize(tmp_path / "still.png", [STYLE], tmp_path / "painted.png", settings)
    assert any("--compare has no effect: a still is no film" in warning for warning in result.warnings)
    assert not list(tmp_path.glob("*compare*"))
