"""A whole look begins like a shot's first frame, and nothing from before it is left.

Where it comes evenly, the frames before lead into it: they are made backwards from it, and dissolve into that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
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
from stylevideo.render.opening import Mode, open_job
from stylevideo.reports.events import Event, FrameFinished
from stylevideo.settings.schema import LARGEST_NUMBER
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style

OTHER = STYLE.with_name("woodblock.jpg")
SMALL = Settings().with_values(
    **{**LEAST, "first_iterations": 5, "iterations": 2}, size=48, overwrite=True, provenance=False
)
COUNT, FIRST = 14, 9
"""Frames of the clip, which is one shot, and the number of the one at which the other look begins: a reference."""
AT_ONCE: dict[str, Any] = {"style_1": {1: 1, FIRST: "0:hold"}, "style_2": {1: 0, FIRST: "1:hold"}}
LAST = 4
"""Number of the last frame that is wholly in the first look, where it turns into the other one evenly."""
EVENLY: dict[str, Any] = {"style_1": {LAST: 1, FIRST: 0}, "style_2": {LAST: 0, FIRST: 1}}
THERE_AND_BACK: dict[str, Any] = {"style_1": {1: 1, 5: 0, 9: 1}, "style_2": {1: 0, 5: 1, 9: 0}}
both_ways = pytest.mark.parametrize("keys", [pytest.param(AT_ONCE, id="at-once"), pytest.param(EVENLY, id="evenly")])


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
    clip: Path, film: Path, settings: Settings = SMALL, stops_after: int = COUNT, keys: dict[str, Any] = AT_ONCE
) -> set[int]:
    """Make the film, or as much of it; the numbers of the frames that were painted."""
    finished: set[int] = set()

    def note(event: Event) -> None:
        if isinstance(event, FrameFinished):
            finished.add(event.record.number)

    stop: Callable[[], bool] = lambda: len(finished) >= stops_after < COUNT  # noqa: E731
    stylevideo.stylize(clip, [STYLE, OTHER], film, settings.with_values(key=keys), note, stop)
    return finished


Wholes = Callable[[dict[str, Any]], bytes]


@pytest.fixture(scope="module")
def wholes(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Wholes:
    """Films that nobody stopped, by their keys; each is made once."""
    known: dict[str, bytes] = {}

    def whole(keys: dict[str, Any]) -> bytes:
        if repr(keys) not in known:
            film = tmp_path_factory.mktemp("whole") / "film.mkv"
            make(clip, film, keys=keys)
            known[repr(keys)] = film.read_bytes()
        return known[repr(keys)]

    return whole


@both_ways
def test_from_its_frame_on_the_film_is_one_that_begins_there(
    clip: Path, wholly: list[PaintedFrame], keys: dict[str, Any]
) -> None:
    """Byte for byte; up to the turn it is one that is wholly in the first look."""
    made = painted(clip, SMALL.with_values(key=keys))
    assert difference(made[FIRST - 1 :], wholly) == [0.0] * len(wholly)
    assert [frame.iterations for frame in made[FIRST - 1 :]] == [frame.iterations for frame in wholly]
    last = FIRST - 1 if keys is AT_ONCE else LAST
    before = painted(clip, SMALL.with_values(frames=f"1-{last}"), [STYLE])
    assert difference(made[:last], before) == [0.0] * len(before)


def test_an_even_turn_arrives_step_by_step(clip: Path) -> None:
    """No step is much larger than an equal part of the one that comes at once."""
    at_once, evenly = (painted(clip, SMALL.with_values(key=keys)) for keys in (AT_ONCE, EVENLY))
    usual = difference(evenly[: LAST - 1], evenly[1:LAST])
    (whole,) = difference(at_once[FIRST - 2 : FIRST - 1], at_once[FIRST - 1 : FIRST])
    steps = difference(evenly[LAST - 1 : FIRST - 1], evenly[LAST:FIRST])
    assert whole > 3 * max(usual), "the looks differ"
    assert max(steps) < max(usual) + 2 * whole / len(steps)
    left = [difference([frame], evenly[FIRST - 1 : FIRST])[0] for frame in evenly[LAST - 1 : FIRST - 1]]
    assert left == sorted(left, reverse=True)
    assert evenly[LAST].iterations > 3 * SMALL.optimizer.iterations, "it bears what was made backwards"


def test_looks_turn_one_after_the_other_and_there_and_back(clip: Path) -> None:
    made = painted(clip, SMALL.with_values(key=THERE_AND_BACK))
    second = painted(clip, SMALL.with_values(frames="5-5"), [OTHER])
    third = painted(clip, SMALL.with_values(frames=f"9-{COUNT}"), [STYLE])
    assert difference(made[4:5], second) == [0.0]
    assert difference(made[8:], third) == [0.0] * len(third)


def test_a_film_that_ends_before_the_key_and_one_that_begins_behind_the_first_do_not_turn(clip: Path) -> None:
    """What would be turned into is no part of it, or it begins in some of both."""
    for frames in (f"1-{FIRST - 1}", f"{LAST + 2}-{COUNT}"):
        made = painted(clip, SMALL.with_values(key=EVENLY, frames=frames))
        assert [frame.iterations > SMALL.optimizer.iterations + 1 for frame in made] == [True] + [False] * (
            len(made) - 1
        )


def test_frames_that_follow_none_are_each_in_the_look_that_they_are_asked_for(clip: Path) -> None:
    made = painted(clip, SMALL.with_values(key=EVENLY, carry=False))
    last = painted(clip, SMALL.with_values(carry=False, frames=f"{FIRST}-{COUNT}"), [OTHER])
    assert difference(made[FIRST - 1 :], last) == [0.0] * len(last)
    assert {frame.iterations for frame in made} == {made[0].iterations}


def test_no_look_turns_where_frames_follow_none(clip: Path, tmp_path: Path) -> None:
    """So no frame counts as made twice where it is said how long the film will take."""
    for carry in (True, False):
        settings = SMALL.with_values(key=EVENLY, carry=carry)
        request = ClipRequest(clip, (Style(STYLE), Style(OTHER)), tmp_path / "film.mkv", settings)
        assert bool(open_job(request, Mode.CHECK).look_turns) == carry


def test_the_largest_temporal_weight_holds_frames_that_turn_too(clip: Path) -> None:
    made = painted(clip, SMALL.with_values(key=EVENLY, temporal_weight=LARGEST_NUMBER, frames=f"{LAST - 1}-{FIRST}"))
    assert len(made) == FIRST - LAST + 2


def test_what_is_left_of_making_one_turn_backwards_is_of_no_use_to_the_next(
    clip: Path, tmp_path: Path, wholes: Wholes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run may be killed, or another program may hold the file, before the state of a finished turn is removed."""
    film, whole = tmp_path / "film.mkv", wholes(THERE_AND_BACK)
    monkeypatch.setattr("stylevideo.render.painter.CHECKPOINT_S", 0.0)
    unlink = Path.unlink

    def held(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".back":
            raise PermissionError(path)
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", held)
        with pytest.raises(Stopped):
            make(clip, film, stops_after=10, keys=THERE_AND_BACK)
    make(clip, film, keys=THERE_AND_BACK)
    assert film.read_bytes() == whole


def test_a_look_in_one_matte_turns_into_one_in_another(clip: Path, tmp_path: Path) -> None:
    """What is made backwards is painted where the look is that it leads into, whatever counts in its own frames."""
    matte = str(tmp_path / "matte.png")
    styles = [Style(STYLE, 1.0, matte), Style(OTHER, 1.0, f"{matte}:inverted")]
    mask = np.zeros((32, 48), np.uint8)
    mask[:, :24] = 255
    cv2.imwrite(matte, mask)
    turning = SMALL.with_values(key=EVENLY)
    made = list(stylevideo.stylize_frames(clip, styles, turning))
    begun = list(stylevideo.stylize_frames(clip, styles, turning.with_values(frames=f"{FIRST}-{COUNT}")))
    assert max(difference(made[FIRST - 1 :], begun)) == 0
    assert made[LAST].iterations > 3 * SMALL.optimizer.iterations, "it bears what was made backwards"


def test_a_turn_from_one_frame_to_the_next_is_at_once(clip: Path, wholly: list[PaintedFrame]) -> None:
    """Nor does a style begin anew that counted before, or one that counts a little."""
    at_once = {"style_1": {FIRST - 1: 1, FIRST: 0}, "style_2": {FIRST - 1: 0, FIRST: 1}}
    assert max(difference(painted(clip, SMALL.with_values(key=at_once))[FIRST - 1 :], wholly)) == 0
    for keys in (
        {"style_1": {1: 1, FIRST: "0:hold"}, "style_2": {1: 0.01, FIRST: "1:hold"}},
        {"strength": {1: 0.5, FIRST: "0.9:hold"}},
    ):
        made = painted(clip, SMALL.with_values(key=keys))
        assert [frame.index for frame in made if frame.iterations > SMALL.optimizer.iterations + 1] == [0]


def test_looks_that_have_a_style_in_common_are_two_all_the_same(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hold and evenly; the same look, named again, is no other."""
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
    evenly = SMALL.with_values(key={"look": {1: "a", LAST: "a", FIRST: "b"}})
    assert max(difference(painted(clip, evenly, [])[FIRST - 1 :], wholly)) < 1e-5


def test_looks_that_differ_in_no_style_and_no_share_of_one_share_their_styles(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    style, other, third = (
        STYLE.with_name(name).as_posix() for name in ("impasto.jpg", "woodblock.jpg", "pointillism.jpg")
    )
    looks = {
        "one": f"styles = ['{style}']",
        "strong": f"styles = ['{style}']\nstrength = 0.9",
        "two": f"styles = ['{style}', '{other}']",
        "turned": f"styles = ['{other}:3', '{style}:3']",
        "uneven": f"styles = ['{style}:3', '{other}']",
        "three": f"styles = ['{style}:0.1', '{third}:0.2', '{other}:0.3']",
        "three-turned": f"styles = ['{other}:0.3', '{third}:0.2', '{style}:0.1']",
    }
    (tmp_path / "looks").mkdir()
    for name, text in looks.items():
        (tmp_path / "looks" / f"{name}.toml").write_text(text)
    for keyed, count in (
        (("one", "strong"), 1),
        (("one", "two"), 3),
        (("two", "turned"), 2),
        (("two", "uneven"), 4),
        (("three", "three-turned"), 3),
        (("one", "strong", "two:hold"), 3),
        (("one", "strong:hold", "two"), 4),
        (("one:hold", "strong"), 1),
    ):
        job = tmp_path / "job.toml"
        keys = ", ".join(f'{5 * place + 1} = "{name}"' for place, name in enumerate(keyed))
        job.write_text(f'[[clip]]\nsource = "{clip.as_posix()}"\noutput = "f.mp4"\nkey.look = {{ {keys} }}')
        (request,) = plan_requests([str(job)], Overrides())
        assert len(request.styles) == count, keyed


@pytest.mark.parametrize(
    ("keys", "stops_after"),
    [(AT_ONCE, FIRST - 1), (AT_ONCE, FIRST), (AT_ONCE, FIRST + 2)]
    + [(EVENLY, stops) for stops in (LAST, LAST + 1, FIRST - 1, FIRST, FIRST + 2)],
)
def test_a_film_that_was_stopped_near_it_is_resumed_byte_for_byte(
    clip: Path, tmp_path: Path, wholes: Wholes, keys: dict[str, Any], stops_after: int
) -> None:
    """What was painted before it does not come back."""
    film = tmp_path / "film.mkv"
    with pytest.raises(Stopped):
        make(clip, film, stops_after=stops_after, keys=keys)
    made = make(clip, film, keys=keys)
    assert 0 < len(made) <= COUNT - stops_after
    assert film.read_bytes() == wholes(keys)


LATER: dict[str, Any] = {name: {1: keys[1], FIRST + 2: keys[FIRST]} for name, keys in AT_ONCE.items()}
STEEPER: dict[str, Any] = {name: {**keys, FIRST: 2 * keys[FIRST]} for name, keys in EVENLY.items()}
IN_ITS_FRAME: dict[str, Any] = {**EVENLY, "strength": {FIRST - 1: 0.5, FIRST: 0.6}}
BEHIND_IT: dict[str, Any] = {**EVENLY, "strength": {FIRST + 1: 0.5, FIRST + 2: 0.6}}


@pytest.mark.parametrize(
    ("keys", "changed", "first"),
    [
        pytest.param(AT_ONCE, LATER, 7, id="at-once"),
        pytest.param(EVENLY, STEEPER, LAST, id="each-of-its-frames"),
        pytest.param(EVENLY, IN_ITS_FRAME, LAST, id="the-frame-that-they-are-made-from"),
        pytest.param(EVENLY, BEHIND_IT, 10, id="one-behind-it"),
    ],
)
def test_kept_frames_know_where_a_look_began_and_what_they_were_made_from(
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    keys: dict[str, Any],
    changed: dict[str, Any],
    first: int,
) -> None:
    monkeypatch.setattr("stylevideo.render.pipeline.KEPT_STATE_FRAMES", 3)
    film, anew = tmp_path / "film.mkv", tmp_path / "anew.mkv"
    make(clip, film, SMALL.with_values(keep_frames=True), keys=keys)
    assert make(clip, film, SMALL.with_values(keep_frames=True), keys=changed) == set(range(first, COUNT + 1))
    make(clip, anew, keys=changed)
    assert film.read_bytes() == anew.read_bytes()


def test_a_looped_film_turns_back_in_its_last_look_alone(clip: Path, wholly: list[PaintedFrame]) -> None:
    looped = SMALL.with_values(key=AT_ONCE, loop=True, loop_frames=7)
    made = painted(clip, looped)
    assert difference(made[FIRST - 1 : FIRST], wholly[:1]) == [0.0], "as it begins there, and not on its way back"
    assert made[FIRST].iterations > 2 * SMALL.optimizer.iterations, "it bears what was made backwards"


@both_ways
def test_a_dry_run_counts_the_frame_that_begins_anew_and_those_that_are_made_twice(
    clip: Path, tmp_path: Path, keys: dict[str, Any]
) -> None:
    settings = SMALL.with_values(key=keys, tolerance=0.0)
    request = ClipRequest(clip, (Style(STYLE), Style(OTHER)), tmp_path / "film.mkv", settings)
    for closely in (False, True):
        foreseen = estimate_clip(request, closely=closely).work.counts
        count = sum(number for (cost, _), number in foreseen.items() if cost == "evaluation")
        found = sum(frame.iterations for frame in painted(clip, settings))
        assert count == pytest.approx(found, rel=0.05)
