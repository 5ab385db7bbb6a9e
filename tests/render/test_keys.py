"""What has keys changes within a film, by the clip's own frame numbers, and everything else stays as it was."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from conftest import QUICK, STYLE
from media_fixtures import make_video

import stylevideo
from scripts.samples.scenes import render_shot
from stylevideo.cli.main import build_parser, main
from stylevideo.cli.parser import as_flag, given_settings
from stylevideo.engine.sequence import PaintedFrame
from stylevideo.errors import ResumeError, StyleVideoError
from stylevideo.media.hidden import Places
from stylevideo.planning.plan import plan_requests
from stylevideo.planning.request import ClipRequest, Overrides
from stylevideo.render.opening import Mode, open_job
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style

OTHER = STYLE.with_name("woodblock.jpg")
SMALL = Settings().with_values(**QUICK, size=64, frames="3-7", detect_cuts=False)
KEYED = {"strength": {4: 0.1, 7: "1:smooth"}, "style_2": {"0:00.125": 0, 7: 1}}


def painted(clip: Path, settings: Settings, styles: tuple[Style, ...] = (Style(STYLE),)) -> list[PaintedFrame]:
    return list(stylevideo.stylize_frames(clip, styles, settings))


def difference(first: PaintedFrame, second: PaintedFrame) -> float:
    return float((first.image - second.image).abs().mean())


@pytest.fixture(scope="module")
def plain(two_shot_clip: Path) -> list[PaintedFrame]:
    return painted(two_shot_clip, SMALL)


def test_keys_that_say_what_is_so_anyway_change_no_bit(two_shot_clip: Path, plain: list[PaintedFrame]) -> None:
    keys = {"strength": {1: 0.5}, "content_weight": {"0.1s": 0.1}, "style_1": {3: 2.5}}
    for made, usual in zip(painted(two_shot_clip, SMALL.with_values(key=keys)), plain, strict=True):
        assert torch.equal(made.image, usual.image)


def test_frames_change_from_the_key_on_that_they_are_numbered_by(
    two_shot_clip: Path, plain: list[PaintedFrame]
) -> None:
    keyed = painted(two_shot_clip, SMALL.with_values(key={"content_weight": {1: 0.1, 5: "5:hold"}}))
    assert [difference(made, usual) > 0 for made, usual in zip(keyed, plain, strict=True)] == [False] * 2 + [True] * 3


def test_losses_by_other_weights_are_not_compared(two_shot_clip: Path) -> None:
    """A frame that is asked for more has a larger loss, and is not painted a second time for it."""
    keys = {"content_weight": {1: 0.1, 5: "10:hold"}}
    first, *later = painted(two_shot_clip, SMALL.with_values(guard=1.5, key=keys))
    assert later[1].losses.appearance > 1.5 * first.losses.appearance
    assert not any(made.redone for made in later)


def test_a_style_without_weight_counts_nothing(two_shot_clip: Path, plain: list[PaintedFrame]) -> None:
    """And one that gets the weight takes over."""
    both = (Style(STYLE), Style(OTHER))
    first = painted(two_shot_clip, SMALL.with_values(key={"style_2": {1: 0}}), both)
    second = painted(
        two_shot_clip, SMALL.with_values(key={"style_2": {4: 0, 5: "1:hold"}, "style_1": {4: 1, 5: 0}}), both
    )
    assert max(difference(made, usual) for made, usual in zip(first, plain, strict=True)) < 1e-4
    changed = [difference(made, usual) for made, usual in zip(second, plain, strict=True)]
    assert max(changed[:2]) < 1e-4 and changed[2] > 1e-3 and changed[4] > changed[2]


def test_the_stronger_the_look_the_farther_from_the_source(two_shot_clip: Path) -> None:
    """In the first frame and in those that follow; without strength they are almost the source."""
    shown = painted(two_shot_clip, SMALL.with_values(iterations=0))
    settings = SMALL.with_values(first_iterations=30, iterations=3, frames="3-5")
    away = []
    for strength in (0.0, 0.5, 1.0):
        frames = painted(two_shot_clip, settings.with_values(strength=strength))
        away.append([difference(made, source) for made, source in zip(frames, shown, strict=False)])
    for none, usual, full in zip(*away, strict=True):
        assert none < 4 / 255 < usual < full


def test_what_stands_still_changes_where_keys_say_so(tmp_path: Path) -> None:
    image = next(render_shot("flight", 1, 96, 64)).image
    clip = make_video(tmp_path / "still.mkv", [image] * 5, "24", ("-c:v", "ffv1"))
    frames = painted(clip, SMALL.with_values(frames="", key={"strength": {2: 0.5, 4: 1}}))
    assert [frame.iterations > 0 for frame in frames] == [True, False, True, True, False]
    assert difference(frames[2], frames[1]) > 0 and difference(frames[4], frames[3]) == 0


def test_a_keyed_film_that_was_killed_is_resumed_byte_for_byte(two_shot_clip: Path, tmp_path: Path) -> None:
    """And not by other keys."""
    settings, styles, film = SMALL.with_values(key=KEYED), [STYLE, OTHER], tmp_path / "film.mp4"
    whole = stylevideo.stylize(two_shot_clip, styles, tmp_path / "whole.mp4", settings).output
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in QUICK.items()]
    flags += ["--size=64", "--frames=3-7", "--no-detect-cuts", *as_flag("key", settings.direction.key)]
    command = [sys.executable, "-m", "stylevideo", "run", str(two_shot_clip), "-o", str(film), *flags]
    command += [word for style in styles for word in ("--style", str(style))]
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not (Places.of(film).work / "frames" / f"{5:08d}.png").exists():
        assert running.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    running.kill()
    running.wait()
    assert not film.exists()
    with pytest.raises(ResumeError, match="key"):
        stylevideo.stylize(two_shot_clip, styles, film, settings.with_values(key={"strength": {4: 0.2}}))
    stylevideo.stylize(two_shot_clip, styles, film, settings)
    assert film.read_bytes() == whole.read_bytes()


def test_command_line_job_file_and_python_say_the_same(two_shot_clip: Path, tmp_path: Path) -> None:
    job = tmp_path / "job.toml"
    job.write_text(
        f'[defaults]\nstyles = ["{STYLE.as_posix()}", "{OTHER.as_posix()}"]\nstrength = 0.7\n'
        "key.anchor = { 1 = 0.1 }\nkey.strength = { 4 = 0.1, 7 = 0.3 }\n"
        f'[[clip]]\nsource = "{two_shot_clip.as_posix()}"\noutput = "film.mp4"\n'
        'key.strength = { 4 = 0.1, 7 = "1:smooth" }\nkey.style_2 = { "0:00.125" = 0, 7 = 1 }\n'
    )
    (request,) = plan_requests([str(job)], Overrides())
    python = Settings().with_values(strength=0.7, key={"anchor": {1: 0.1}, **KEYED})
    assert request.settings == python
    words = ["--strength", "0.7", *as_flag("key", python.direction.key)]
    options = build_parser().parse_args(["run", "clip.mp4", *words])
    assert Settings().with_values(**given_settings(options)) == python
    assert words[2:5] == ["--key", "anchor", "1=0.1"]


def test_a_value_on_the_command_line_ends_the_keys_of_a_job_file(two_shot_clip: Path, tmp_path: Path) -> None:
    job = tmp_path / "job.toml"
    job.write_text(
        f'[defaults]\nstyles = ["{STYLE.as_posix()}"]\nkey.anchor = {{ 1 = 0.1 }}\nkey.strength = {{ 4 = 0.1 }}\n'
        f'[[clip]]\nsource = "{two_shot_clip.as_posix()}"\noutput = "film.mp4"\n'
    )
    (request,) = plan_requests([str(job)], Overrides({"strength": 0.3}))
    assert request.settings.direction.key == ("anchor 1=0.1",)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"strength": {21: 1}}, "frame 21 is outside the clip, which has frames 1-20"),
        ({"strength": {0: 1}}, "frame 0 is outside the clip"),
        ({"strength": {"0:02": 1}}, "0:02 is behind the clip's end. The clip lasts 0.833 s"),
        ({"strength": {"1:2:3:4:5": 1}}, "'1:2:3:4:5' is no time"),
        ({"strength": {"0.125s": 1, 4: 1}}, "has two keys for frame 4: 0.125s and 4"),
        ({"style_2": {4: 1}}, "--key style_2: there is 1 style"),
        ({"style_1": {4: 0}}, "frame 3: by the keys no style has a weight above 0"),
    ],
)
def test_keys_that_the_clip_does_not_have_are_refused(
    two_shot_clip: Path, keys: dict[str, dict[int | str, float]], message: str
) -> None:
    request = ClipRequest(two_shot_clip, (Style(STYLE),), Path("film.mp4"), SMALL.with_values(key=keys))
    with pytest.raises(StyleVideoError, match=message):
        open_job(request, Mode.CHECK)


def test_all_that_is_wrong_is_said_at_once_before_work(
    two_shot_clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--key", "strength", "30=1,0:09=0", "--key", "style_3", "4=1"]
    assert main(["run", str(two_shot_clip), "--style", str(STYLE), "-o", str(tmp_path / "film.mp4"), *words]) == 2
    told = capsys.readouterr().err
    assert "3 things are wrong." in told and "frame 30" in told and "0:09" in told and "style_3" in told
    assert list(tmp_path.iterdir()) == []
