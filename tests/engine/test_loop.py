"""A clip that is played in a loop: the strokes meet where it closes, at the price that is said, and resumably."""

from __future__ import annotations

import itertools
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import CHEAP_PAINTER, LEAST, STYLE, flags_of
from image_fixtures import noise_image
from media_fixtures import make_video
from sequence_fixtures import deep_frame, save

import stylevideo
from stylevideo.engine.carry import BlendTarget, Carried, blended
from stylevideo.engine.given.legs import Backwards, Blends, Leg, begun_anew, legs_of, made_twice
from stylevideo.engine.given.loop import turning_frames, turns_of, with_one_picture
from stylevideo.engine.given.spread import blend_weight
from stylevideo.engine.optimizer import CarriedState
from stylevideo.engine.sequence import PaintedFrame
from stylevideo.errors import ResumeError, SettingsError, Stopped
from stylevideo.media.hidden import Places
from stylevideo.media.images.pictures import to_8_bits, to_image
from stylevideo.ops.margin import painted_size, with_margin
from stylevideo.ops.warp import warp
from stylevideo.planning.request import ClipRequest
from stylevideo.rectangle import Rectangle
from stylevideo.render.footage.source import read_backwards
from stylevideo.render.opening import Mode, open_job
from stylevideo.reports.events import Event, Forecast, FrameFinished, Planned
from stylevideo.reports.results import ClipResult
from stylevideo.settings.curves import LookTurn
from stylevideo.settings.presets import preset
from stylevideo.settings.sections import TemporalSettings
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style
from stylevideo.timeline.clip import Shot

HEIGHT, WIDTH = 64, 96
FRAMES, TURNING = 8, 4
STEP_PX = WIDTH // FRAMES
VALUES = {**CHEAP_PAINTER, "first_iterations": 6, "coarsest_size": 0, "iterations": 2, "new_iterations": 0}
PLAIN = Settings().with_values(**VALUES, detect_cuts=False)
LOOPED = PLAIN.with_values(loop=True)


class Stop(Exception):
    """Ends a job from an event."""


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A camera that goes once round a picture without a seam: after the last frame comes the first."""
    tile = torch.cat([noise_image(8, 12, 4)] * 3, dim=3)
    wide = torch.nn.functional.interpolate(tile, scale_factor=8.0, mode="bicubic")[..., WIDTH : 2 * WIDTH].clamp(0, 1)
    turned = [torch.roll(wide, -STEP_PX * i, 3)[0].permute(1, 2, 0) for i in range(FRAMES)]
    images = [(image * 255).round().byte().numpy() for image in turned]
    path = tmp_path_factory.mktemp("ring") / "ring.mkv"
    return make_video(path, images, encoder=("-c:v", "ffv1", "-pix_fmt", "bgr0"))


@pytest.fixture(scope="module")
def plain(ring: Path) -> list[PaintedFrame]:
    return list(stylevideo.stylize_frames(ring, [STYLE], PLAIN))


@pytest.fixture(scope="module")
def looped(ring: Path) -> list[PaintedFrame]:
    return list(stylevideo.stylize_frames(ring, [STYLE], LOOPED))


@pytest.fixture(scope="module")
def film(ring: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[ClipResult, list[Event]]:
    """The looped film made in one go, with its events."""
    events: list[Event] = []
    output = tmp_path_factory.mktemp("film") / "film.mp4"
    return stylevideo.stylize(ring, [STYLE], output, LOOPED, events.append), events


def step_error(before: PaintedFrame, after: PaintedFrame) -> float:
    """Mean square difference from the frame before moved by the exact motion, away from the border."""
    flow = torch.zeros(1, 2, HEIGHT, WIDTH)
    flow[:, 0] = STEP_PX
    inside = (..., slice(8, -8), slice(8, -8 - STEP_PX))
    return float((after.image - warp(before.image, flow))[inside].square().mean())


def test_the_seam_is_a_step_like_any_other(plain: list[PaintedFrame], looped: list[PaintedFrame]) -> None:
    steps = [step_error(a, b) for a, b in itertools.pairwise(looped)]
    seam = step_error(looped[-1], looped[0])
    assert seam < 0.25 * step_error(plain[-1], plain[0])
    assert seam < 2 * np.mean(steps)
    assert max(steps) < 0.5 * step_error(plain[-1], plain[0]), "the jump is not merely put elsewhere"


def test_only_the_last_frames_turn(plain: list[PaintedFrame], looped: list[PaintedFrame]) -> None:
    same = [torch.equal(a.image, b.image) for a, b in zip(plain, looped, strict=True)]
    assert same == [True] * (FRAMES - TURNING) + [False] * TURNING


def test_the_frames_that_turn_stay_as_good(plain: list[PaintedFrame], looped: list[PaintedFrame]) -> None:
    before, after = (np.mean([r.losses.appearance for r in made[-TURNING:]]) for made in (plain, looped))
    assert after < 1.1 * before


def test_the_way_back_is_counted_once(
    plain: list[PaintedFrame], looped: list[PaintedFrame], film: tuple[ClipResult, list[Event]]
) -> None:
    """Each frame that turns is made twice; the first of them bears the first making of all."""
    extra = [b.iterations - a.iterations for a, b in zip(plain, looped, strict=True)]
    assert [i for i, n in enumerate(extra) if n] == [FRAMES - TURNING]
    assert extra[FRAMES - TURNING] == TURNING * LOOPED.optimizer.iterations
    result, _ = film
    assert [record.iterations for record in result.frames] == [r.iterations for r in looped]
    assert result.warnings == ()


def test_the_forecast_knows_of_the_way_back(film: tuple[ClipResult, list[Event]]) -> None:
    result, events = film
    (forecast,) = [event for event in events if isinstance(event, Forecast)]
    pace = result.frames[0].seconds / VALUES["first_iterations"]
    assert forecast.seconds == pytest.approx(pace * VALUES["iterations"] * (FRAMES - 1 + TURNING), rel=0.01)


def test_a_film_killed_on_its_way_back_and_stopped_in_its_turn_is_the_same(
    ring: Path, film: tuple[ClipResult, list[Event]], tmp_path: Path
) -> None:
    output = tmp_path / "film.mp4"
    command = [sys.executable, "-m", "stylevideo", "run", str(ring), "--style", str(STYLE), "-o", str(output)]
    running = subprocess.Popen([*command, *flags_of(VALUES), "--no-detect-cuts", "--loop"], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 240
    while not (Places.of(output).work / "backwards" / f"{FRAMES - 1:08d}.png").exists():
        assert running.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    running.kill() if sys.platform == "win32" else running.send_signal(signal.SIGKILL)
    running.wait()
    assert not (Places.of(output).work / "shots" / "00000.json").exists(), "killed too late to be a test"
    shutil.rmtree(Places.of(output).work / "backwards")
    with pytest.raises(Stopped):
        stylevideo.stylize(ring, [STYLE], output, LOOPED, stop=lambda: (Places.of(output).work / "backwards").exists())
    assert len(list((Places.of(output).work / "backwards").glob("*.png"))) == 1, "it ends on its way back too"

    def stop_in_the_turn(event: Event) -> None:
        if isinstance(event, Planned):
            assert FRAMES - TURNING - 2 <= event.finished <= FRAMES - TURNING, "two may not have been saved yet"
        if isinstance(event, FrameFinished) and event.record.number == FRAMES - 2:
            raise Stop

    with pytest.raises(Stop):
        stylevideo.stylize(ring, [STYLE], output, LOOPED, stop_in_the_turn)
    picture = Places.of(output).work / "backwards" / f"{FRAMES:08d}.png"
    kept = picture.read_bytes()
    picture.write_bytes(kept[:-1])
    with pytest.raises(ResumeError, match=rf"{picture.name} is damaged"):
        stylevideo.stylize(ring, [STYLE], output, LOOPED, stop_in_the_turn)
    picture.write_bytes(kept)
    events: list[Event] = []
    result = stylevideo.stylize(ring, [STYLE], output, LOOPED, events.append)
    (plan,) = [event for event in events if isinstance(event, Planned)]
    assert plan.finished >= FRAMES - 2, "what was handed over when it stopped was saved"
    told = [event.record.number for event in events if isinstance(event, FrameFinished)]
    assert told == list(range(plan.finished + 1, FRAMES + 1))
    whole, _ = film
    assert output.read_bytes() == whole.output.read_bytes()
    assert result.evaluations == whole.evaluations
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mp4", "film.mp4.json"]


def test_a_clip_whose_ends_do_not_meet_is_made_as_ever_and_says_so(two_shot_clip: Path, tmp_path: Path) -> None:
    settings = Settings().with_values(**{**LEAST, "first_iterations": 1}, frames="9-12", loop=True, guard=0)
    result = stylevideo.stylize(two_shot_clip, [STYLE], tmp_path / "film.mp4", settings)
    (warning,) = result.warnings
    assert "last frame does not lead into its first" in warning
    assert [record.iterations for record in result.frames] == [1, 1, 1, 1], "nothing is made backwards"


def test_a_film_of_one_frame_has_nothing_to_turn(ring: Path) -> None:
    settings = LOOPED.with_values(frames="1-1", first_iterations=1)
    assert [r.iterations for r in stylevideo.stylize_frames(ring, [STYLE], settings)] == [1]


@pytest.mark.parametrize(
    ("frames", "last_shot", "loop_frames", "turning"),
    [
        (range(100), Shot(0, 0, 100), 24, range(76, 100)),
        (range(38, 48), Shot(0, 38, 48), 24, range(43, 48)),
        (range(100), Shot(1, 91, 100), 24, range(96, 100)),
        (range(100), Shot(1, 99, 100), 24, range(99, 100)),
        (range(2), Shot(0, 0, 2), 24, range(1, 2)),
        (range(1), Shot(0, 0, 1), 24, range(1, 1)),
        (range(100), Shot(0, 0, 100), 1, range(99, 100)),
    ],
)
def test_the_last_frames_turn_but_at_most_half_a_shot(
    frames: range, last_shot: Shot, loop_frames: int, turning: range
) -> None:
    assert turning_frames(frames, last_shot, TemporalSettings(loop=True, loop_frames=loop_frames)) == turning
    nothing = turning_frames(frames, last_shot, TemporalSettings(loop_frames=loop_frames))
    assert (len(nothing), nothing.start) == (0, frames.stop)


def test_shots_that_lead_into_each_other_have_one_picture() -> None:
    high, wide = Rectangle(0, 40, 8, 56), Rectangle(4, 36, 0, 64)
    shots = (Shot(0, 0, 20, high, dissolving=6), Shot(1, 20, 40, wide), Shot(2, 40, 60, high))
    joined = Rectangle(0, 40, 0, 64)
    assert [shot.active for shot in with_one_picture(shots, TemporalSettings())] == [joined, joined, high]
    looped = with_one_picture(shots, TemporalSettings(loop=True))
    assert [shot.active for shot in looped] == [joined] * 3
    with_none = (*shots[:1], replace(shots[1], active=None), shots[2])
    assert [shot.active for shot in with_one_picture(with_none, TemporalSettings())] == [None, None, high]


def test_a_shot_that_dissolves_turns_where_anything_is_carried() -> None:
    shots = (Shot(0, 0, 20, dissolving=6), Shot(1, 20, 40))
    assert turns_of(shots, TemporalSettings()) == (Backwards(range(14, 20), 20), None)
    looped = turns_of(shots, TemporalSettings(loop=True, loop_frames=8))
    assert looped == (Backwards(range(14, 20), 20), Backwards(range(32, 40), 0))
    assert turns_of(shots, TemporalSettings(carry=False)) == (None, None)


def test_what_leads_out_of_a_shot_lies_behind_the_last_look_that_began_in_it() -> None:
    shots, looped = (Shot(0, 0, 20, dissolving=6), Shot(1, 20, 40)), TemporalSettings(loop=True, loop_frames=8)
    looks = [LookTurn(begin, (0.5,)) for begin in (3, 16, 20, 33)]
    assert turns_of(shots, looped, looks) == (Backwards(range(17, 20), 20), Backwards(range(34, 40), 0))
    assert turns_of(shots, looped, [LookTurn(19), LookTurn(39)]) == (None, None)
    painted = turns_of(shots, looped, looks, given=[4])
    assert painted == (Backwards(range(14, 20), 20), Backwards(range(34, 40), 0)), "none begins there"
    assert begun_anew(shots, [], looks[1:3]) == {0, 16, 20}
    assert begun_anew(shots, [4], looks[1:]) == {20, 33}, "where frames are given, their styles are painted"


def test_each_frame_goes_an_equal_part_of_the_way_that_is_left() -> None:
    leg = Leg(range(2, 10), backwards=Backwards(range(6, 10), into=2))
    blends = Blends(leg, lambda index: (torch.zeros(1, 3, 2, 2, dtype=torch.uint8), None))
    weights = {index: blend.weight for index, blend in blends.items()}
    assert weights == {6: 1 / 4, 7: 1 / 3, 8: 1 / 2, 9: 1.0}
    left = 1.0
    for index in sorted(weights):
        step, left = left * weights[index], left * (1 - weights[index])
        assert step == pytest.approx(1 / 4)


@pytest.mark.parametrize("ways", [(0.25, 0.5, 0.75), (0.15625, 0.5, 0.84375), (0.5, 0.5, 0.5), (0.0, 1.0, 1.0)])
def test_where_looks_turn_each_frame_goes_as_much_of_the_way_as_the_weights_do(ways: tuple[float, ...]) -> None:
    look = LookTurn(10, ways)
    (leg, behind) = legs_of(Shot(0, 0, 20), (), None, [look])
    assert (leg.frames, behind.frames, behind.backwards) == (range(10), range(10, 20), None)
    assert leg.backwards == Backwards(range(7, 10), 10, look)
    blends = Blends(leg, lambda index: (torch.zeros(1, 3, 2, 2, dtype=torch.uint8), None))
    left = 1.0
    for index, way in zip(blends, ways, strict=True):
        left *= 1 - blends[index].weight
        assert (1 - left, blends[index].way, blends[index].is_look) == (pytest.approx(way), way, True)


def test_looks_turn_within_a_shot_one_behind_the_other() -> None:
    """A turn begins behind the frame that the one before leads into; one over a cut is none."""
    looks = [LookTurn(6, (0.5,) * 3), LookTurn(7, (0.5,) * 2), LookTurn(10, (0.5,) * 3), LookTurn(22, (0.5,) * 4)]
    legs = legs_of(Shot(0, 2, 20), (), Backwards(range(15, 20), 20), looks)
    assert [leg.frames for leg in legs] == [range(2, 6), range(6, 7), range(7, 10), range(10, 20)]
    turns = [leg.backwards and leg.backwards.frames for leg in legs]
    assert turns == [range(3, 6), None, range(8, 10), range(15, 20)]
    assert [leg.frames for leg in legs_of(Shot(0, 18, 30), (), None, looks)] == [range(18, 30)], "it had begun before"
    assert made_twice([Shot(0, 2, 20)], [], [None], looks) == 5


def test_what_is_new_in_a_frame_of_two_looks_is_of_both() -> None:
    known = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2)
    picture = torch.zeros(1, 3, 1, 2, dtype=torch.uint8)
    of_both = blend_weight(BlendTarget(picture, 0.25, 0.75, is_look=True), known, None)
    assert of_both.flatten().tolist() == [0.75, 0.25]
    assert blend_weight(BlendTarget(picture, 0.25, 0.75), known, None).flatten().tolist() == [1.0, 0.25]


def test_what_was_seen_is_pulled_by_its_weight_and_what_is_new_at_once() -> None:
    start = CarriedState(*(noise_image(*painted_size(4, 6), seed) for seed in range(3)), step=7)
    picture = (noise_image(4, 6, 5) * 255).round().byte()
    known = torch.ones_like(start.image[:, :1])
    known[..., known.shape[3] // 2 :] = 0
    target = BlendTarget(picture, 0.25)
    after, guide = blended(Carried(start, start.image, known, known), target, blend_weight(target, known, None))
    goal = with_margin(picture) / 255
    torch.testing.assert_close(after.image, torch.where(known > 0, 0.75 * start.image + 0.25 * goal, goal))
    assert torch.equal(guide.held, after.image)
    assert float(guide.firmness.min()) == 1
    assert torch.equal(after.first_moment, start.first_moment)
    assert torch.equal(after.second_moment, start.second_moment)
    assert after.step == 7


def test_without_carry_nothing_can_turn() -> None:
    with pytest.raises(SettingsError, match=r"--loop .* --no-carry"):
        Settings().with_values(loop=True, carry=False)
    with pytest.raises(SettingsError, match="preset classic"):
        preset("classic").with_values(loop=True)


def test_a_looped_film_is_another_job() -> None:
    assert LOOPED.fingerprint() != PLAIN.fingerprint()
    assert LOOPED.fingerprint() != LOOPED.with_values(loop_frames=3).fingerprint()


def test_the_way_back_is_held_with_8_bits_a_few_frames_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stylevideo.render.footage.source.HELD_FRAMES", 2)
    monkeypatch.setattr("stylevideo.render.footage.source.HELD_BYTES", 1)
    for number in range(4):
        save(tmp_path / f"a.{number}.png", deep_frame(number))
    job = open_job(ClipRequest(tmp_path, (Style(STYLE),), tmp_path, LOOPED), Mode.FRAMES)
    assert job.reading.bits == 16
    frames = list(read_backwards(job, Shot(0, 0, 4), range(1, 4)))
    assert [frame.index for frame in frames] == [3, 2, 1]
    for frame in frames:
        assert torch.equal(frame.image, to_image(to_8_bits(deep_frame(frame.index))))
