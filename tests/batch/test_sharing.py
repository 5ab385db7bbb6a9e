"""Several workers on one clip: each shot is painted once, the film is the same, who dies takes nothing along."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from batch_fixtures import OneTask, wait_until, workers
from conftest import LEAST, STYLE

from scripts.trials.batch import contents
from stylevideo.batch.messages import Make
from stylevideo.batch.outcomes import BatchOptions, ClipEnded, ClipEvent, Outcome, Waiting
from stylevideo.batch.pool import Pool
from stylevideo.batch.run import run_batch
from stylevideo.engine.sequence import stylize_sequence
from stylevideo.errors import DeviceMemoryError, EncodeError, ResumeError, Stopped, StorageError
from stylevideo.media.decode.ffmpeg import decode_with_ffmpeg
from stylevideo.media.decode.opencv import decode_with_opencv
from stylevideo.media.decode.reader import open_clip, read_frames
from stylevideo.media.hidden import Places, throw_away
from stylevideo.media.images.pictures import Reading
from stylevideo.planning.request import ClipRequest
from stylevideo.render import painter
from stylevideo.render.assemble import FinishedFrames
from stylevideo.render.footage import source
from stylevideo.render.hooks import Hooks
from stylevideo.render.job import Job
from stylevideo.render.shots import paint_free_shots, paint_shots
from stylevideo.render.stylize import make_film, stylize
from stylevideo.reports.events import Forecast, FrameFinished, Planned
from stylevideo.reports.results import Status
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style
from stylevideo.store.claims import ShotClaims, holders
from stylevideo.store.frames import FrameStore
from stylevideo.system import heartbeat

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc and signals that halt a process")
SETTINGS = Settings().with_values(**LEAST, device="cpu", threads=1, size=64)
STYLES = (Style(STYLE),)
PAINT = """
import pickle, sys
from stylevideo.render.hooks import Hooks
from stylevideo.render.shots import paint_free_shots, paint_shots
paint_shots(pickle.load(sys.stdin.buffer), lambda shots: shots[1:], Hooks())
"""


@pytest.fixture(scope="module")
def uninterrupted(two_shot_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one process makes in one go."""
    out = tmp_path_factory.mktemp("alone")
    stylize(two_shot_clip, STYLES, out / "film.mp4", SETTINGS)
    return contents(out)


@contextmanager
def held_by_another(film: Path, shot: int) -> Iterator[None]:
    """As if another process painted a shot of a film."""
    claims = ShotClaims(Places.of(film).work)
    assert claims.take(shot)
    yield
    claims.release(shot)


class Clock:
    """The pool's time, which can be hurried."""

    def __init__(self) -> None:
        self.speed = 1
        self._now = self._before = time.monotonic()

    def monotonic(self) -> float:
        real = time.monotonic()
        self._now += (real - self._before) * self.speed
        self._before = real
        return self._now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Lets a test wait for a worker that hangs, and no longer than it must; one that loads libraries has its time."""
    clock = Clock()
    monkeypatch.setattr("stylevideo.batch.pool.time", clock)
    monkeypatch.setattr("stylevideo.batch.pool.POLL_S", 0.02)
    monkeypatch.setattr("stylevideo.batch.pool.LONGEST_LOOK_S", 0.4)
    return clock


def stop_after_a_frame(clip: Path, film: Path, settings: Settings = SETTINGS) -> None:
    """Leave what an interrupted run leaves."""
    asked: list[object] = []
    with pytest.raises(Stopped):
        stylize(clip, STYLES, film, settings, asked.append, lambda: any(isinstance(e, Planned) for e in asked))


class TestInOneProcess:
    """What painters do beside each other, step by step."""

    def test_who_makes_the_film_paints_what_another_did_not(
        self, two_shot_clip: Path, tmp_path: Path, uninterrupted: dict[str, bytes]
    ) -> None:
        film = tmp_path / "film.mp4"
        stop_after_a_frame(two_shot_clip, film)
        told: list[int] = []

        def tell(event: object) -> None:
            assert isinstance(event, FrameFinished)
            told.append(event.record.number)

        with held_by_another(film, 0):
            paint_free_shots(ClipRequest(two_shot_clip, STYLES, film, SETTINGS), Hooks(tell))
        assert told == list(range(11, 21))
        events: list[object] = []
        result = stylize(two_shot_clip, STYLES, film, SETTINGS, events.append)
        (forecast,) = [event.seconds for event in events if isinstance(event, Forecast)]
        assert forecast / result.frames[1].seconds == pytest.approx(8, abs=1), "of what is to do, one frame is made"
        (plan,) = [event for event in events if isinstance(event, Planned)]
        assert [shot.index for shot in plan.unfinished] == [0]
        assert plan.finished == 11
        assert [event.record.number for event in events if isinstance(event, FrameFinished)] == list(range(2, 11))
        assert [record.number for record in result.frames] == list(range(1, 21))
        assert contents(tmp_path) == uninterrupted

    def test_a_painter_that_ends_early_leaves_a_shot_to_go_on_with(
        self, two_shot_clip: Path, tmp_path: Path, uninterrupted: dict[str, bytes]
    ) -> None:
        film, told = tmp_path / "film.mp4", list[object]()
        stop_after_a_frame(two_shot_clip, film)
        stop = lambda: len(told) >= 3  # noqa: E731
        with held_by_another(film, 0):
            paint_free_shots(ClipRequest(two_shot_clip, STYLES, film, SETTINGS), Hooks(told.append, stop))
        made = len(list((Places.of(film).work / "frames").glob("*.png")))
        events: list[object] = []
        stylize(two_shot_clip, STYLES, film, SETTINGS, events.append)
        assert len([event for event in events if isinstance(event, FrameFinished)]) == 20 - made
        assert contents(tmp_path) == uninterrupted

    def test_who_makes_the_film_waits_for_a_shot_that_another_has(
        self, two_shot_clip: Path, tmp_path: Path, uninterrupted: dict[str, bytes]
    ) -> None:
        """While it waits, the other completes the shot, and the film is encoded from both."""
        film, waits = tmp_path / "film.mp4", threading.Event()
        request = ClipRequest(two_shot_clip, STYLES, film, SETTINGS)
        other = threading.Thread(
            target=lambda: paint_free_shots(request, Hooks(lambda event: waits.wait(60))), daemon=True
        )

        def watch(event: object) -> None:
            if isinstance(event, FrameFinished) and event.record.number == 1:
                other.start()
                wait_until(lambda: 1 in holders(Places.of(film)))
            if isinstance(event, FrameFinished) and event.record.number == 10:
                waits.set()

        result = make_film(request, Hooks(watch))
        other.join()
        assert result.waits.for_others > 0
        assert contents(tmp_path) == uninterrupted

    def test_a_film_that_cannot_be_written_is_not_waited_for(
        self, two_shot_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The encoder fails while there is nothing to do but to wait for another's shot."""

        def fail_late(job: Job, finished: FinishedFrames) -> object:
            finished.picture(9)
            time.sleep(0.5)
            raise EncodeError("The disk is full.")

        monkeypatch.setattr("stylevideo.render.pipeline.deliver", fail_late)
        film = tmp_path / "film.mp4"
        stop_after_a_frame(two_shot_clip, film)
        with (
            held_by_another(film, 1),
            pytest.raises(EncodeError, match=r"The disk is full\. The finished frames are kept"),
        ):
            stylize(two_shot_clip, STYLES, film, SETTINGS)

    def test_a_frame_that_cannot_be_saved_is_noticed_while_others_are_waited_for(
        self, two_shot_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = FrameStore.save

        def fail_late(store: FrameStore, number: int, *rest: Any) -> None:
            if number == 10:
                time.sleep(0.5)
                raise StorageError("The disk is full.")
            real(store, number, *rest)

        monkeypatch.setattr(FrameStore, "save", fail_late)
        film = tmp_path / "film.mp4"
        stop_after_a_frame(two_shot_clip, film)
        with (
            held_by_another(film, 1),
            pytest.raises(StorageError, match=r"The disk is full\. The finished frames are kept"),
        ):
            stylize(two_shot_clip, STYLES, film, SETTINGS)

    def test_what_others_still_use_costs_no_film(
        self, two_shot_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uninterrupted: dict[str, bytes]
    ) -> None:
        """A folder with an open file cannot be removed on all systems."""
        real = Path.rmdir

        def refuse(folder: Path) -> None:
            if folder == Places.of(tmp_path / "film.mp4").work:
                raise PermissionError(13, "Permission denied")
            real(folder)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "rmdir", refuse)
            result = stylize(two_shot_clip, STYLES, tmp_path / "film.mp4", SETTINGS)
        assert any("cannot be removed (Permission denied)" in warning for warning in result.warnings)
        request = ClipRequest(two_shot_clip, STYLES, tmp_path / "film.mp4", SETTINGS)
        (outcome,) = run_batch([request])
        assert outcome.status is Status.ALREADY_MADE
        assert contents(tmp_path) == uninterrupted, "the next run tidies up"

    def test_who_decodes_in_vain_can_be_stopped(
        self, two_shot_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Looking for cuts, or on the way to a shot that nobody has: either may take long."""
        film, asked = tmp_path / "film.mp4", list[bool]()

        def stop() -> bool:
            asked.append(True)
            return len(asked) > 5

        with pytest.raises(Stopped, match="while cuts were looked for"):
            stylize(two_shot_clip, STYLES, film, SETTINGS, stop=stop)
        stop_after_a_frame(two_shot_clip, film)
        asked.clear()
        real, told = read_frames, list[object]()

        def slow(*arguments: Any) -> Iterator[Any]:
            time.sleep(2)
            yield from real(*arguments)

        monkeypatch.setattr(source, "read_frames", slow)
        with held_by_another(film, 0):
            paint_free_shots(ClipRequest(two_shot_clip, STYLES, film, SETTINGS), Hooks(told.append, stop))
        assert not told

    def test_of_too_little_memory_for_several_nothing_is_given_up(
        self, two_shot_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uninterrupted: dict[str, bytes]
    ) -> None:
        """The others may use the same device; alone it goes on from what was painted, in the same tiles."""
        film, real, told = tmp_path / "film.mp4", stylize_sequence, list[object]()
        request = ClipRequest(two_shot_clip, STYLES, film, SETTINGS)

        def limited(*arguments: Any) -> Iterator[Any]:
            for result, state in real(*arguments):
                if result.index == 3:
                    raise torch.OutOfMemoryError("CUDA out of memory.")
                yield result, state

        with monkeypatch.context() as shared:
            shared.setattr(painter, "stylize_sequence", limited)
            with pytest.raises(DeviceMemoryError, match="has too little memory"):
                make_film(request, Hooks(), alone=False)
        make_film(request, Hooks(told.append))
        assert [event.finished for event in told if isinstance(event, Planned)] == [3], "what was made before stays"
        assert contents(tmp_path) == uninterrupted

    def test_of_several_painters_none_paints_what_another_has(
        self, two_shot_clip: Path, tmp_path: Path, uninterrupted: dict[str, bytes]
    ) -> None:
        """As on two machines, which nobody tells who paints what; who comes when all are taken ends at once."""
        film, told = tmp_path / "film.mp4", list[int]()
        stop_after_a_frame(two_shot_clip, film)
        request = ClipRequest(two_shot_clip, STYLES, film, SETTINGS)

        def tell(event: object) -> None:
            assert isinstance(event, FrameFinished)
            told.append(event.record.number)

        painters = [threading.Thread(target=lambda: paint_free_shots(request, Hooks(tell))) for _ in range(2)]
        for thread in painters:
            thread.start()
        for thread in painters:
            thread.join()
        assert sorted(told) == list(range(2, 21)), "each frame is painted once"
        paint_free_shots(request, Hooks(tell))
        stylize(two_shot_clip, STYLES, film, SETTINGS)
        assert contents(tmp_path) == uninterrupted

    @linux
    def test_what_a_halted_painter_had_is_taken_over_and_it_writes_no_more(
        self, two_shot_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uninterrupted: dict[str, bytes]
    ) -> None:
        film = tmp_path / "film.mp4"
        stop_after_a_frame(two_shot_clip, film)
        request = ClipRequest(two_shot_clip, STYLES, film, SETTINGS)
        frames = Places.of(film).work / "frames"
        command = [sys.executable, "-c", PAINT]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as halted:
            try:
                assert halted.stdin and halted.stderr
                halted.stdin.write(pickle.dumps(request))
                halted.stdin.flush()
                wait_until(lambda: (frames / "00000013.json").exists())
                halted.send_signal(signal.SIGSTOP)
                monkeypatch.setattr("stylevideo.store.claims.LEASE_S", 2.0)
                paint_shots(request, lambda shots: shots[1:], Hooks())
                halted.send_signal(signal.SIGCONT)
                said = halted.stderr.read().decode()
            finally:
                halted.kill()
        assert "LockedError: This process did nothing for 120 s or more" in said
        stylize(two_shot_clip, STYLES, film, SETTINGS)
        assert contents(tmp_path) == uninterrupted

    def test_who_finds_no_work_begins_none(self, two_shot_clip: Path, tmp_path: Path) -> None:
        request = ClipRequest(two_shot_clip, STYLES, tmp_path / "film.mp4", SETTINGS)
        paint_free_shots(request, Hooks())
        with pytest.raises(ResumeError, match="is gone"):
            paint_shots(request, lambda shots: shots, Hooks())
        assert not list(tmp_path.iterdir())

    def test_a_painter_makes_no_other_frames(self, two_shot_clip: Path, tmp_path: Path) -> None:
        film = tmp_path / "film.mp4"
        stop_after_a_frame(two_shot_clip, film)
        before = contents(tmp_path)
        with pytest.raises(ResumeError, match="iterations was 1 and is 2"):
            paint_free_shots(ClipRequest(two_shot_clip, STYLES, film, SETTINGS.with_values(iterations=2)), Hooks())
        assert contents(tmp_path) == before

    def test_a_painter_ends_when_the_film_is_begun_anew(self, two_shot_clip: Path, tmp_path: Path) -> None:
        """Frames made from other settings would get into the new one."""
        film = tmp_path / "film.mp4"
        stop_after_a_frame(two_shot_clip, film)
        other = SETTINGS.with_values(restart=True, iterations=2)

        def begin_anew(event: object) -> None:
            if not (Places.of(film).work / "anew.json").exists():
                throw_away(Places.of(film))  # as by hand: a run would refuse to
                stop_after_a_frame(two_shot_clip, film, other)
                (Places.of(film).work / "anew.json").touch()

        with pytest.raises(ResumeError, match="begun anew"):
            paint_free_shots(ClipRequest(two_shot_clip, STYLES, film, SETTINGS), Hooks(begin_anew))
        assert [path.name for path in (Places.of(film).work / "shots").iterdir()] == ["00000.pt"]


@linux
class TestInWorkers:
    """A batch of one clip and two workers; its maker is halted in its first shot until the other has a frame."""

    @pytest.fixture
    def shared(self, two_shot_clip: Path, tmp_path: Path) -> Callable[..., Outcome]:
        """Make the film; `then` is called with its maker's process and the other's once the other has a frame."""

        def make(then: Callable[[int, int], None] = lambda maker, other: None, **options: Any) -> Outcome:
            processes: list[int] = []
            self.painted: dict[int, list[int]] = {}

            def watch(event: object) -> None:
                self.events.append(event)
                if not isinstance(event, ClipEvent):
                    return
                if isinstance(event.event, Planned) and not processes:
                    processes.append(*workers())
                if isinstance(event.event, FrameFinished):
                    self.painted.setdefault(event.worker, []).append(event.event.record.number)
                    if self.painted == {0: [1]}:
                        os.kill(processes[0], signal.SIGSTOP)
                    if event.worker == 1 and len(processes) == 1:
                        processes.extend(set(workers()) - set(processes))
                        then(*processes)
                        os.kill(processes[0], signal.SIGCONT)

            request = ClipRequest(two_shot_clip, STYLES, tmp_path / "out" / "film.mp4", SETTINGS)
            (outcome,) = run_batch([request], BatchOptions(workers=2, **options), watch, lambda: self.stopping)
            return outcome

        self.stopping, self.events = False, list[object]()
        return make

    def test_two_make_the_same_film(
        self, shared: Callable[..., Outcome], tmp_path: Path, uninterrupted: dict[str, bytes]
    ) -> None:
        assert shared().status is Status.MADE
        assert self.painted == {0: list(range(1, 11)), 1: list(range(11, 21))}
        assert contents(tmp_path / "out") == uninterrupted

    def test_another_painter_that_dies_takes_nothing_along(
        self, shared: Callable[..., Outcome], tmp_path: Path, uninterrupted: dict[str, bytes]
    ) -> None:
        outcome = shared(lambda maker, other: os.kill(other, signal.SIGKILL))
        assert (outcome.status, outcome.attempts) == (Status.MADE, 1)
        assert 20 in self.painted[0]
        assert contents(tmp_path / "out") == uninterrupted

    def test_a_maker_that_dies_is_tried_again(
        self, shared: Callable[..., Outcome], tmp_path: Path, uninterrupted: dict[str, bytes]
    ) -> None:
        outcome = shared(lambda maker, other: os.kill(maker, signal.SIGKILL), retries=1)
        assert (outcome.status, outcome.attempts) == (Status.MADE, 2)
        assert contents(tmp_path / "out") == uninterrupted

    def test_nothing_is_told_of_a_clip_that_has_ended(self, shared: Callable[..., Outcome]) -> None:
        """The other is in the middle of a frame when the maker dies."""
        outcome = shared(lambda maker, other: os.kill(maker, signal.SIGKILL))
        assert (outcome.status, outcome.attempts) == (Status.FAILED, 1)
        assert "was killed" in outcome.reason
        assert isinstance(self.events[-1], ClipEnded)

    def test_both_end_when_they_are_asked_to(
        self, shared: Callable[..., Outcome], two_shot_clip: Path, tmp_path: Path, uninterrupted: dict[str, bytes]
    ) -> None:
        def stop(maker: int, other: int) -> None:
            self.stopping = True

        assert shared(stop).status is Status.STOPPED
        assert len(list((Places.of(tmp_path / "out" / "film.mp4").work / "frames").glob("*.png"))) < 20
        stylize(two_shot_clip, STYLES, tmp_path / "out" / "film.mp4", SETTINGS)
        assert contents(tmp_path / "out") == uninterrupted

    def test_a_worker_that_hangs_counts_as_crashed(self, two_shot_clip: Path, tmp_path: Path, clock: Clock) -> None:
        """It is halted after a frame and never goes on; the second attempt does, from that frame."""
        halted: list[int] = []

        def halt(event: object) -> None:
            if isinstance(event, ClipEvent) and isinstance(event.event, FrameFinished) and not halted:
                halted.extend(workers())
                os.kill(halted[0], signal.SIGSTOP)
                clock.speed = 10
            if isinstance(event, Waiting):
                clock.speed = 1

        request = ClipRequest(two_shot_clip, STYLES, tmp_path / "film.mp4", SETTINGS)
        waits: list[object] = []
        options = BatchOptions(retries=1, patience_s=20)
        (outcome,) = run_batch([request], options, lambda event: (halt(event), waits.append(event)))
        assert (outcome.status, outcome.attempts) == (Status.MADE, 2)
        assert any("did nothing for 20 s and was ended" in getattr(event, "reason", "") for event in waits)


@linux
def test_a_worker_that_hangs_does_not_halt_who_asks_it_to_stop(two_shot_clip: Path, tmp_path: Path) -> None:
    """It takes nothing out of its pipe, which holds 64 KiB."""
    task = Make(0, ClipRequest(two_shot_clip, STYLES, tmp_path / "film.mp4", SETTINGS))
    with Pool(1, (), logging.WARNING, 0) as pool:

        def hang(event: object) -> None:
            (process,) = workers()
            os.kill(process, signal.SIGSTOP)
            asking = threading.Thread(target=lambda: [pool.stop([0]) for _ in range(10_000)], daemon=True)
            asking.start()
            asking.join(20)
            os.kill(process, signal.SIGKILL)
            assert not asking.is_alive()

        answers = list(pool.work(OneTask(task, hang)))
    assert len(answers) == 1


@linux
def test_a_worker_that_cannot_even_be_killed_is_left_to_the_system(
    two_shot_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    """As one that waits for a disk that is gone."""
    monkeypatch.setattr("stylevideo.batch.process.LONGEST_DYING_S", 1.0)
    undead: list[subprocess.Popen[bytes]] = []
    hanging: list[int] = []

    def hang(event: object) -> None:
        if isinstance(event, ClipEvent) and not hanging:
            hanging.extend(workers())
            os.kill(hanging[0], signal.SIGSTOP)
            clock.speed = 10
            monkeypatch.setattr("subprocess.Popen.kill", lambda process: undead.append(process))

    request = ClipRequest(two_shot_clip, STYLES, tmp_path / "film.mp4", SETTINGS)
    (outcome,) = run_batch([request], BatchOptions(retries=1, patience_s=20), hang)
    os.kill(hanging[0], signal.SIGKILL)
    undead[0].wait()
    assert (outcome.status, outcome.attempts) == (Status.FAILED, 1), "it may hold the film's lock"
    assert outcome.reason == "The process that worked on it did nothing for 20 s and was ended."


def test_reading_and_painting_are_steps(two_shot_clip: Path, tmp_path: Path) -> None:
    """A frame that takes an hour is no hang."""
    info = open_clip(two_shot_clip)
    for decoded in (decode_with_opencv(info, 15), decode_with_ffmpeg(info, Reading(), 15)):
        before = heartbeat.steps()
        assert len(list(decoded)) == 5
        assert heartbeat.steps() >= before + 20, "those that are decoded in vain count too"
    counts: list[int] = []
    settings = SETTINGS.with_values(first_iterations=12, frames="1-1")
    before = heartbeat.steps()
    stylize(two_shot_clip, STYLES, tmp_path / "film.mp4", settings, lambda _: counts.append(heartbeat.steps()))
    assert counts[-1] >= before + 12
