"""Frames that are kept when their film is complete: made again, it is painted only from where it has changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import LEAST, STYLE
from media_fixtures import make_video

import stylevideo
from scripts.samples.scenes import render_shot
from stylevideo.batch.up_to_date import already_made, confirm
from stylevideo.cli.main import main
from stylevideo.errors import InputError, ResumeError, Stopped
from stylevideo.media.hidden import Places
from stylevideo.planning.request import ClipRequest
from stylevideo.reports.events import FrameFinished
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style

SMALL = Settings().with_values(**LEAST, size=48, overwrite=True, provenance=False)
KEPT = SMALL.with_values(keep_frames=True)
SHOTS = ((1, 8), (9, 14))
"""Of the clip, as frames are numbered."""


@pytest.fixture(autouse=True, scope="module")
def _states_are_kept_often() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stylevideo.render.pipeline.KEPT_STATE_FRAMES", 3)
        yield


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shots = (("flight", 8), ("balloon", 6))
    images = [scene.image for name, count in shots for scene in render_shot(name, count, 48, 32)]
    return make_video(tmp_path_factory.mktemp("kept") / "clip.mkv", images, "24", ("-c:v", "ffv1"))


@pytest.fixture(scope="module")
def first(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    film = tmp_path_factory.mktemp("first") / "film.mkv"
    assert painted(clip, film, KEPT) == set(range(1, 15))
    return film


@pytest.fixture
def film(first: Path, tmp_path: Path) -> Path:
    """With its frames."""
    return Path(shutil.copytree(first.parent, tmp_path / "again")) / first.name


def painted(clip: Path, film: Path, settings: Settings, stop: Callable[[], bool] = lambda: False) -> set[int]:
    """Make a film; the numbers of the frames that were painted."""
    numbers = set()

    def note(event: object) -> None:
        if isinstance(event, FrameFinished):
            numbers.add(event.record.number)

    stylevideo.stylize(clip, [STYLE], film, settings, note, stop)
    return numbers


def test_what_is_asked_for_again_is_painted_by_nobody(clip: Path, film: Path) -> None:
    """Even in another form: frames are not painted anew to be encoded otherwise."""
    before = film.read_bytes()
    assert painted(clip, film, KEPT) == set()
    assert film.read_bytes() == before
    assert painted(clip, film, KEPT.with_values(crf=30)) == set()


@pytest.mark.parametrize("changed", [3, 6, 10])
def test_each_shot_is_painted_from_the_last_kept_state_before_a_change(clip: Path, film: Path, changed: int) -> None:
    """And the film is that of a run that begins anew."""
    other = KEPT.with_values(key={"strength": {1: 0.5, changed: "0.9:hold", changed + 1: "0.5:hold"}})
    begin, stop = next(shot for shot in SHOTS if changed <= shot[1])
    assert painted(clip, film, other) == set(range(begin + (changed - begin) // 3 * 3, stop + 1))
    anew = film.with_name("anew.mkv")
    painted(clip, anew, other.with_values(keep_frames=False))
    assert film.read_bytes() == anew.read_bytes()
    assert not Places.of(anew).work.exists()


def test_the_same_command_once_more_leaves_kept_frames(clip: Path, film: Path) -> None:
    recorded = KEPT.with_values(provenance=True)
    assert painted(clip, film, recorded) == set()
    before = sorted(path.name for path in Places.of(film).work.iterdir())
    request = ClipRequest(clip, (Style(STYLE),), film, recorded)
    assert already_made(request) and before
    confirm(request)
    assert sorted(path.name for path in Places.of(film).work.iterdir()) == before


def test_a_second_change_builds_on_the_first(clip: Path, film: Path) -> None:
    """And one that was stopped in the middle goes on."""
    once = KEPT.with_values(key={"strength": {7: 0.5, 8: "0.8:hold", 9: "0.5:hold"}})
    assert painted(clip, film, once) == {7, 8}
    twice = KEPT.with_values(key={"strength": {7: 0.5, 8: "0.8:hold", 9: "0.5:hold", 11: "1:hold"}})
    with pytest.raises(Stopped):
        painted(clip, film, twice, stop=lambda: True)
    painted(clip, film, twice)
    anew = film.with_name("anew.mkv")
    painted(clip, anew, twice.with_values(keep_frames=False))
    assert film.read_bytes() == anew.read_bytes()


def test_what_changes_everywhere_begins_anew(clip: Path, film: Path) -> None:
    """Without a word of frames that would be lost: the film was complete."""
    other = SMALL.with_values(start_noise=0.1)
    assert painted(clip, film, other) == set(range(1, 15))
    assert not Places.of(film).work.exists()
    anew = film.with_name("anew.mkv")
    painted(clip, anew, other)
    assert film.read_bytes() == anew.read_bytes()


def test_frames_of_a_run_that_was_stopped_are_not_given_up_for_another_look(clip: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.mkv"
    with pytest.raises(Stopped):
        painted(clip, film, KEPT, stop=lambda: True)
    with pytest.raises(ResumeError, match="seed"):
        painted(clip, film, KEPT.with_values(seed=3))


def test_what_has_taken_the_films_name_is_not_replaced_unasked(clip: Path, film: Path) -> None:
    """The frames are the program's own, and the film is the user's."""
    film.write_text("a grade")
    film.with_name(f"{film.name}.json").unlink(missing_ok=True)
    with pytest.raises(InputError, match="already there"):
        painted(clip, film, KEPT.with_values(seed=3, overwrite=False))
    assert film.read_text() == "a grade"


def test_kept_frames_are_shown_and_thrown_away(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "list", str(film.parent)]) == 0
    assert "film.mkv: 14 frames kept" in capsys.readouterr().out
    assert main(["cache", "clear", "-y", str(film.parent)]) == 0
    assert not Places.of(film).work.exists() and film.exists()


@pytest.mark.usefixtures("in_process")
def test_a_dry_run_of_another_look_says_nothing_against_kept_frames(clip: Path, film: Path) -> None:
    words = ["--dry-run", "--size=48", "--overwrite", "--keep-frames", "--key", "strength", "1=0.5,4=0.9:hold"]
    assert main(["run", str(clip), "--style", str(STYLE), "-o", str(film), *words]) == 0
    assert Places.of(film).work.exists()
