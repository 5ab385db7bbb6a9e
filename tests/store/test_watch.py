"""Frames that were read while the clip was another are not kept for it; a clip that was only touched makes its film."""

from __future__ import annotations

import logging
import mmap
import os
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import STYLE
from media_fixtures import make_video
from sequence_fixtures import save_numbered

import stylevideo
from scripts.trials.batch import contents
from stylevideo.errors import EncodeError, InputError, Stopped, StyleVideoError, TouchedError
from stylevideo.media.decode.probe import probe
from stylevideo.media.decode.sequence import probe_sequence
from stylevideo.render.assemble import deliver
from stylevideo.reports.events import Event, FrameFinished, Planned
from stylevideo.reports.results import ClipResult
from stylevideo.settings.settings import Settings
from stylevideo.store.watch import SourceWatch
from stylevideo.system.heartbeat import broken_off_when
from stylevideo.timeline.selection import FrameSelection

PLAIN = Settings().with_values(iterations=0, detect_cuts=False)
FRAMES = 60
"""More than are decoded ahead."""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of which every frame is a file's part of its own, larger than what decoders read at once."""
    chance = np.random.default_rng(1)
    images = [chance.integers(0, 256, (64, 96, 3), np.uint8) for _ in range(FRAMES)]
    encoder = ("-c:v", "mjpeg", "-q:v", "1", "-pix_fmt", "yuvj444p", "-movflags", "+faststart")
    return make_video(tmp_path_factory.mktemp("clip") / "clip.mov", images, "24", encoder)


def make(source: Path, film: Path, on_event: Callable[[Event], None] = lambda event: None) -> ClipResult:
    return stylevideo.stylize(source, [STYLE], film, PLAIN, on_event)


def truncate(source: Path, original: Path) -> None:
    os.truncate(source, source.stat().st_size // 3)


def put_back(source: Path, original: Path) -> None:
    """Its size and its times are what they were."""
    truncate(source, original)
    shutil.copy2(original, source)


def replace(source: Path, original: Path) -> None:
    copy = source.with_suffix(".new")
    copy.write_bytes(original.read_bytes()[: original.stat().st_size // 3])
    copy.replace(source)


def remove(source: Path, original: Path) -> None:
    source.unlink()


@pytest.mark.parametrize(("change", "when"), [(truncate, 0), (replace, 3), (remove, 3)])
def test_no_frame_of_a_changed_clip_is_kept(
    original: Path, tmp_path: Path, change: Callable[[Path, Path], None], when: int
) -> None:
    """Neither when it is changed before the first frame, nor later; put back, the film is as without all that."""
    (tmp_path / "whole").mkdir()
    (tmp_path / "out").mkdir()
    source = Path(shutil.copy2(original, tmp_path / "clip.mov"))
    whole = make(source, tmp_path / "whole" / "film.mp4")
    seen: list[Event] = []

    def on_event(event: Event) -> None:
        if isinstance(event, FrameFinished | Planned):
            seen.append(event)
            if len(seen) == when + 1:
                change(source, original)

    says = r"clip\.mov can no longer be read: it is gone" if change is remove else "has changed since the run began"
    with pytest.raises((EncodeError, InputError), match=says):
        make(source, tmp_path / "out" / "film.mp4", on_event)
    shutil.copy2(original, source)
    result = make(source, tmp_path / "out" / "film.mp4")
    assert not [frame.number for frame in (*whole.frames, *result.frames) if frame.repaired]
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """One touch in vain is too many, and no time is let pass."""
    monkeypatch.setattr("stylevideo.render.stylize.TOUCH_PAUSE_S", 0)
    monkeypatch.setattr("stylevideo.render.stylize.MOST_TOUCHES", 1)
    return monkeypatch


@pytest.mark.parametrize("whole_bytes", [1 << 26, 0], ids=["small", "large"])
def test_a_clip_that_is_what_it_was_makes_its_film(
    original: Path, tmp_path: Path, whole_bytes: int, at_once: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """However often it is touched, as long as frames are saved in between."""
    at_once.setattr("stylevideo.store.identity.WHOLE_BYTES", whole_bytes)
    source = Path(shutil.copy2(original, tmp_path / "clip.mov"))
    touches = {3: lambda: put_back(source, original), 20: source.touch, 40: source.touch}

    def on_event(event: Event) -> None:
        if isinstance(event, FrameFinished):
            touches.pop(event.record.number, lambda: None)()

    with caplog.at_level(logging.WARNING):
        result = make(source, tmp_path / "film.mp4", on_event)
    assert not [frame.number for frame in result.frames if frame.repaired]
    assert len(result.frames) == FRAMES
    assert caplog.text.count("was touched while it was read. Going on from the last saved frame.") >= 2


@pytest.mark.usefixtures("at_once")
def test_only_what_is_written_to_for_ever_ends_the_run(original: Path, tmp_path: Path) -> None:
    """Not what gets links or rights, or is on a disk that changes its files' entries by itself."""
    source = Path(shutil.copy2(original, tmp_path / "clip.mov"))
    touches: list[Callable[[], object]] = [lambda: source.chmod(0o600), source.touch]

    def on_event(event: Event) -> None:
        if isinstance(event, Planned):
            touches[0]()

    assert make(source, tmp_path / "a.mp4", on_event).frames
    del touches[0]
    with pytest.raises(TouchedError, match="Run the same command again when nothing touches it"):
        make(source, tmp_path / "b.mp4", on_event)


def test_once_the_film_is_in_its_place_the_clip_may_change(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source = Path(shutil.copy2(original, tmp_path / "clip.mov"))

    def deliver_and_remove(*values: Any) -> tuple[str, ...]:
        notes = deliver(*values)
        source.unlink()
        return notes

    monkeypatch.setattr("stylevideo.render.pipeline.deliver", deliver_and_remove)
    assert make(source, tmp_path / "film.mp4").frames
    assert not caplog.text


def test_what_is_written_without_a_trace_is_found_before_the_film_is_named(original: Path, tmp_path: Path) -> None:
    """Through a map of memory: no time of the file tells of it yet."""
    source = Path(shutil.copy2(original, tmp_path / "clip.mov"))
    info = probe(source)
    with source.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[-1] ^= 1  # from now on the page counts as changed
        watch = SourceWatch(FrameSelection.whole(info))
        watch.require_unchanged()
        memory[-2] ^= 1
        with pytest.raises(InputError, match="has changed since the run began"):
            watch.require_unchanged()


def test_of_a_sequence_the_files_that_are_read_count(tmp_path: Path) -> None:
    files = save_numbered(tmp_path / "in", "a.{:04d}.png", range(1, 31))
    whole = make(tmp_path / "in" / "a.####.png", tmp_path / "whole.mp4")

    def on_event(event: Event) -> None:
        if isinstance(event, FrameFinished) and event.record.number == 2:
            files[0].touch()  # is read already
            files[25].write_bytes(cv2.imencode(".png", np.zeros((96, 128, 3), np.uint8))[1].tobytes())

    film = tmp_path / "film.mp4"
    before = files[25].read_bytes()
    with pytest.raises(StyleVideoError, match="has changed since the run began"):
        make(tmp_path / "in" / "a.####.png", film, on_event)
    files[25].write_bytes(before)
    events: list[Event] = []
    result = make(tmp_path / "in" / "a.####.png", film, events.append)
    assert next(event.finished for event in events if isinstance(event, Planned)) >= 20, "those before are kept"
    assert film.read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    assert [frame.repaired for frame in result.frames] == [frame.repaired for frame in whole.frames]


def test_a_look_at_all_files_hears_a_stop_and_none_follows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = save_numbered(tmp_path, "a.{:04d}.png", range(1, 4))
    watch = SourceWatch(FrameSelection(probe_sequence(tmp_path / "a.####.png", Fraction(24)), range(3)))
    monkeypatch.setattr("stylevideo.system.heartbeat.GRACE_S", 0.0)
    with broken_off_when(lambda: True), pytest.raises(Stopped):
        watch.require_untouched(files)
    monkeypatch.setattr("stylevideo.store.identity.WHOLE_BYTES", 0)
    large = SourceWatch(FrameSelection(probe_sequence(tmp_path / "a.####.png", Fraction(24)), range(3)))
    with broken_off_when(lambda: True), pytest.raises(Stopped):
        large.sha256()
    files[0].write_bytes(b"another")
    with pytest.raises(Stopped), watch.guard():
        raise Stopped
    files[0].unlink()
    with pytest.raises(InputError, match=r"a\.0001\.png can no longer be read"):
        large.sha256()
