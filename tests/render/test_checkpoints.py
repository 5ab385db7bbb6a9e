"""A state to resume from is saved every few seconds, and whenever a run ends in good order."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import STYLE
from store_fixtures import kept_frames

import stylevideo
from stylevideo.errors import Stopped
from stylevideo.media.hidden import Places
from stylevideo.reports.events import Event, FrameFinished, Planned
from stylevideo.settings.settings import Settings
from stylevideo.store.frames import FrameStore

PLAIN = Settings().with_values(iterations=0, detect_cuts=False)


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Indices of the frames whose states are saved."""
    real, indices = FrameStore.save_state, list[int]()

    def save_state(store: FrameStore, shot: int, state: Mapping[str, Any], kept_at: int | None = None) -> None:
        indices.append(state["index"])
        real(store, shot, state, kept_at)

    monkeypatch.setattr(FrameStore, "save_state", save_state)
    return indices


def frames_take(seconds: float, patch: pytest.MonkeyPatch) -> None:
    """Let a clock that is looked at once for each frame say so."""
    clock = itertools.count()
    now = SimpleNamespace(
        monotonic=lambda: 100 + seconds * next(clock), perf_counter=time.perf_counter, sleep=time.sleep
    )
    patch.setattr("stylevideo.render.pipeline.time", now)


def test_a_tenth_of_the_states_is_written_where_a_frame_takes_a_second(
    two_shot_clip: Path, tmp_path: Path, saved: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    frames_take(1.0, monkeypatch)
    stylevideo.stylize(two_shot_clip, [STYLE], tmp_path / "film.mp4", PLAIN)
    first, second = saved
    assert first == 0, "a run that is killed soon, and again, gets on"
    assert second >= 10


def test_no_state_is_waited_for(
    two_shot_clip: Path, tmp_path: Path, saved: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one is being saved, more frames are made than may wait, and the states that are due are left out."""
    frames_take(60.0, monkeypatch)
    real, written = FrameStore.save_state, threading.Event()

    def save_slowly(store: FrameStore, shot: int, state: Mapping[str, Any], kept_at: int | None = None) -> None:
        assert written.wait(30)
        real(store, shot, state, kept_at)

    def release(event: Event) -> None:
        if isinstance(event, FrameFinished) and event.record.number == 8:
            written.set()

    monkeypatch.setattr(FrameStore, "save_state", save_slowly)
    stylevideo.stylize(two_shot_clip, [STYLE], tmp_path / "film.mp4", PLAIN, release)
    assert saved[0] == 0
    assert all(index >= 8 for index in saved[1:])
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_state_that_is_saved_too_late_is_not_left_behind(tmp_path: Path) -> None:
    """Its shot was completed meanwhile."""
    store = FrameStore(Places.of(tmp_path / "film.mp4"), {})
    store.save_state(0, {"index": 1})
    store.complete(0, 3)
    store.save_state(0, {"index": 2})
    assert [path.name for path in (store.folder / "shots").iterdir()] == ["00000.complete"]


@pytest.mark.parametrize("reason", [Stopped, ValueError, KeyboardInterrupt])
def test_whoever_ends_in_good_order_paints_no_frame_again(
    two_shot_clip: Path, tmp_path: Path, reason: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not so whoever is told to end at once: Ctrl-C a second time."""
    film = tmp_path / "film.mp4"
    frames_take(0.1, monkeypatch)

    def end(event: Event) -> None:
        if isinstance(event, FrameFinished) and event.record.number == 3:
            raise reason

    with pytest.raises(reason):
        stylevideo.stylize(two_shot_clip, [STYLE], film, PLAIN, end)
    kept = kept_frames(film)
    assert len(kept) >= 3
    plans: list[Event] = []
    stylevideo.stylize(two_shot_clip, [STYLE], film, PLAIN, plans.append)
    finished = next(event.finished for event in plans if isinstance(event, Planned))
    assert finished == (1 if reason is KeyboardInterrupt else len(kept))
