"""A whole look that comes at once begins like a shot's first frame, and nothing from before it is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import LEAST, STYLE
from media_fixtures import make_video

import stylevideo
from scripts.samples.scenes import render_shot
from stylevideo.engine.sequence import PaintedFrame
from stylevideo.errors import Stopped
from stylevideo.planning.plan import plan_requests
from stylevideo.planning.request import ClipRequest, Overrides
from stylevideo.render.estimate import estimate_clip
from stylevideo.reports.events import Event, FrameFinished
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style

OTHER = STYLE.with_name("woodblock.jpg")
SMALL = Settings().with_values(
    **{**LEAST, "first_iterations": 5, "iterations": 2}, size=48, overwrite=True, provenance=False
)
COUNT, FIRST = 14, 9
"""Frames of the clip, which is one shot, and the number of the one at which the other look begins: a reference."""
STYLES: dict[str, Any] = {"style_1": {1: 1, FIRST: "0:hold"}, "style_2": {1: 0, FIRST: "1:hold"}}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    images = [scene.image for scene in render_shot("flight", COUNT, 48, 32)]
    return make_video(tmp_path_factory.mktemp("at-once") / "clip.mkv", images, "24", ("-c:v", "ffv1"))


def painted(clip: Path, settings: Settings, styles: Sequence[Path] = (STYLE, OTHER)) -> list[PaintedFrame]:
    return list(stylevideo.stylize_frames(clip, styles, settings))


def difference(some: Sequence[PaintedFrame], others: Sequence[PaintedFrame]) -> list[float]:
    return [float((one.image - other.image).abs().mean()) for one, other in zip(some, others, strict=True)]


@pytest.fixture(scope="module")
def wholly(clip: Path) -> list[PaintedFrame]:
    """The film that is in the other look, and begins where it begins."""
    return painted(clip, SMALL.with_values(frames=f"{FIRST}-{COUNT}"), [OTHER])


def make(
    clip: Path, film: Path, settings: Settings = SMALL, stops_after: int = COUNT, keys: dict[str, Any] = STYLES
) -> set[int]:
    """Make the film, or as much of it; the numbers of the frames that were painted."""
    finished: set[int] = set()

    def note(event: Event) -> None:
        if isinstance(event, FrameFinished):
            finished.add(event.record.number)

    stop: Callable[[], bool] = lambda: len(finished) >= stops_after < COUNT  # noqa: E731
    stylevideo.stylize(clip, [STYLE, OTHER], film, settings.with_values(key=keys), note, stop)
    return finished


def test_from_its_frame_on_the_film_is_one_that_begins_there(clip: Path, wholly: list[PaintedFrame]) -> None:
    """Byte for byte; up to there it is one that is wholly in the first look."""
    made = painted(clip, SMALL.with_values(key=STYLES))
    assert difference(made[FIRST - 1 :], wholly) == [0.0] * len(wholly)
    assert [frame.iterations for frame in made[FIRST - 1 :]] == [frame.iterations for frame in wholly]
    before = painted(clip, SMALL.with_values(frames=f"1-{FIRST - 1}"), [STYLE])
    assert difference(made[: FIRST - 1], before) == [0.0] * len(before)


def test_a_turn_from_one_frame_to_the_next_is_at_once_and_a_longer_one_is_not(
    clip: Path, wholly: list[PaintedFrame]
) -> None:
    """Nor does a style begin anew that counted before, or one that counts a little."""
    at_once = {"style_1": {FIRST - 1: 1, FIRST: 0}, "style_2": {FIRST - 1: 0, FIRST: 1}}
    assert max(difference(painted(clip, SMALL.with_values(key=at_once))[FIRST - 1 :], wholly)) == 0
    for keys in (
        {"style_1": {FIRST - 2: 1, FIRST: 0}, "style_2": {FIRST - 2: 0, FIRST: 1}},
        {"style_1": {1: 1, FIRST: "0:hold"}, "style_2": {1: 0.01, FIRST: "1:hold"}},
        {"strength": {1: 0.5, FIRST: "0.9:hold"}},
    ):
        made = painted(clip, SMALL.with_values(key=keys))
        assert [frame.index for frame in made if frame.iterations > SMALL.optimizer.iterations + 1] == [0]


def test_looks_that_have_a_style_in_common_are_two_all_the_same(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the second comes at once; and the same look, named again, is no other."""
    monkeypatch.chdir(tmp_path)
    for name, styles in (("a", [STYLE]), ("b", [STYLE, OTHER])):
        path = tmp_path / "looks" / f"{name}.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"styles = {[style.as_posix() for style in styles]}")
    keys = {"look": {1: "a", 5: "a:hold", FIRST: "b:hold"}}
    made = painted(clip, SMALL.with_values(key=keys), [])
    wholly = painted(clip, SMALL.with_values(frames=f"{FIRST}-{COUNT}"), [STYLE, OTHER])
    assert max(difference(made[FIRST - 1 :], wholly)) < 1e-5
    assert [frame.index for frame in made if frame.iterations > SMALL.optimizer.iterations + 1] == [0, FIRST - 1]
    job = tmp_path / "job.toml"
    job.write_text(f'[[clip]]\nsource = "{clip.as_posix()}"\noutput = "f.mp4"\nkey.look = {{ 1 = "a", 9 = "b" }}')
    (request,) = plan_requests([str(job)], Overrides())
    assert request.styles == (Style(STYLE), Style(OTHER)), "looks that come evenly share their styles"


@pytest.mark.parametrize("stops_after", [FIRST - 1, FIRST, FIRST + 2])
def test_a_film_that_was_stopped_near_it_is_resumed_byte_for_byte(clip: Path, tmp_path: Path, stops_after: int) -> None:
    """What was painted before it does not come back."""
    whole, film = tmp_path / "whole.mkv", tmp_path / "film.mkv"
    make(clip, whole)
    with pytest.raises(Stopped):
        make(clip, film, stops_after=stops_after)
    made = make(clip, film)
    assert 0 < len(made) <= COUNT - stops_after
    assert film.read_bytes() == whole.read_bytes()


def test_kept_frames_know_where_a_look_began(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stylevideo.render.pipeline.KEPT_STATE_FRAMES", 3)
    film, anew = tmp_path / "film.mkv", tmp_path / "anew.mkv"
    make(clip, film, SMALL.with_values(keep_frames=True))
    later = {name: {1: keys[1], FIRST + 2: keys[FIRST]} for name, keys in STYLES.items()}
    assert make(clip, film, SMALL.with_values(keep_frames=True), keys=later) == set(range(7, COUNT + 1))
    make(clip, anew, keys=later)
    assert film.read_bytes() == anew.read_bytes()


def test_a_looped_film_turns_back_in_its_last_look_alone(clip: Path, wholly: list[PaintedFrame]) -> None:
    looped = SMALL.with_values(key=STYLES, loop=True, loop_frames=7)
    made = painted(clip, looped)
    assert difference(made[FIRST - 1 : FIRST], wholly[:1]) == [0.0], "as it begins there, and not on its way back"
    assert made[FIRST].iterations > 2 * SMALL.optimizer.iterations, "it bears what was made backwards"


def test_a_dry_run_counts_the_frame_that_begins_anew(clip: Path, tmp_path: Path) -> None:
    settings = SMALL.with_values(key=STYLES, tolerance=0.0)
    request = ClipRequest(clip, (Style(STYLE), Style(OTHER)), tmp_path / "film.mkv", settings)
    for closely in (False, True):
        foreseen = estimate_clip(request, closely=closely).work.counts
        count = sum(number for (cost, _), number in foreseen.items() if cost == "evaluation")
        found = sum(frame.iterations for frame in painted(clip, settings))
        assert count == pytest.approx(found, rel=0.05)
