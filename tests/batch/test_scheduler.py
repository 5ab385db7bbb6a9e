"""The scheduler needs nothing but an executor: here one that does every task where it is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import accumulate
from pathlib import Path

import pytest
from batch_fixtures import make_clip
from conftest import STYLE

from scripts.trials.batch import contents
from stylevideo.batch.executor import Client, Ended, NotBegun
from stylevideo.batch.messages import Answer, Check, CheckDone, Failed, Make, Paint, PaintDone, Task
from stylevideo.batch.outcomes import BatchOptions, Outcome, Waiting
from stylevideo.batch.scheduler import make_clips
from stylevideo.batch.worker import answer
from stylevideo.errors import (
    DeviceMemoryError,
    InputError,
    LockedError,
    Stopped,
    StorageError,
    StyleVideoError,
    TimeLimitError,
    WorkerError,
    WorkerUndeadError,
)
from stylevideo.media.decode.reader import open_clip
from stylevideo.planning.request import ClipRequest
from stylevideo.render.stylize import stylize
from stylevideo.reports.estimate import Estimate
from stylevideo.reports.events import Planned
from stylevideo.reports.results import Status
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style
from stylevideo.timeline.clip import Shot
from stylevideo.timeline.selection import Clip, FrameSelection
from stylevideo.work import NO_WORK

ESTIMATE = Estimate(frames=2, width=64, height=48, finished=0, work=NO_WORK, bytes_needed=0, device="cpu")


class InProcess:
    """Does tasks one after another.

    Args:
        do: gives a task's answer; the real one if not given.
    """

    def __init__(self, do: Callable[[Task], Answer | NotBegun] | None = None) -> None:
        self._do = do
        self.done: list[Task] = []

    def prepare(self) -> None:
        """It can do whatever this process can."""

    def work(self, client: Client) -> Iterator[Ended]:
        while not client.is_stopping() and (task := client.next_task(0)):
            self.done.append(task)
            if self._do:
                yield Ended(0, task, self._do(task))
            else:
                yield Ended(0, task, answer(task, partial(client.tell, 0, task), client.is_stopping))

    def stop(self, workers: Iterable[int]) -> None:
        """Nobody is at work when it is asked."""


@pytest.fixture
def requests(tmp_path: Path) -> list[ClipRequest]:
    settings = Settings().with_values(iterations=0, device="cpu")
    clips = [make_clip(tmp_path / f"{name}.mp4", 2) for name in "ab"]
    return [ClipRequest(clip, (Style(STYLE),), tmp_path / "out" / clip.name, settings) for clip in clips]


def test_any_executor_makes_the_films(requests: list[ClipRequest], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "b.mp4").write_text("no video")
    executor, events = InProcess(), list[object]()
    good, bad = make_clips(requests, BatchOptions(), executor, events.append, lambda: False)
    assert (good.status, bad.status) == (Status.MADE, Status.FAILED)
    assert "is not a video" in bad.reason
    assert [(type(task), task.index) for task in executor.done] == [(Check, 0), (Check, 1), (Make, 0)]
    made = contents(tmp_path / "out")
    stylize(requests[0].source, requests[0].styles, tmp_path / "alone" / "a.mp4", requests[0].settings)
    assert made == contents(tmp_path / "alone")


@pytest.mark.parametrize(
    ("kind", "attempts"), [(InputError, 1), (WorkerUndeadError, 1), (TimeLimitError, 3), (StorageError, 3)]
)
@pytest.mark.parametrize("phase", [Check, Make])
def test_what_is_worth_it_is_tried_again(
    requests: list[ClipRequest], kind: type[StyleVideoError], attempts: int, phase: type[Check | Make]
) -> None:
    executor = InProcess(lambda task: Failed(kind("No.")) if isinstance(task, phase) else CheckDone(ESTIMATE))
    (outcome,) = make_clips(requests[:1], BatchOptions(retries=2), executor, lambda event: None, lambda: False)
    assert (outcome.status, outcome.reason) == (Status.FAILED, "No.")
    assert sum(isinstance(task, phase) for task in executor.done) == attempts


@pytest.mark.parametrize("phase", [Check, Make])
def test_a_worker_that_others_ask_to_end_is_no_end(requests: list[ClipRequest], phase: type[Check | Make]) -> None:
    executor = InProcess(lambda task: Failed(Stopped()) if isinstance(task, phase) else CheckDone(ESTIMATE))
    (outcome,) = make_clips(requests[:1], BatchOptions(retries=2), executor, lambda event: None, lambda: False)
    assert outcome.reason == "The process that worked on it was asked to end by another program."
    assert sum(isinstance(task, phase) for task in executor.done) == 3


def test_what_costs_no_attempt_is_given_out_again(requests: list[ClipRequest], monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run has the film's lock, or nobody was there to begin."""
    monkeypatch.setattr("stylevideo.batch.scheduler.LOCKED_RETRY_S", 0.0)
    answers: list[Answer | NotBegun] = [
        *(NotBegun("No process could be started for it."), CheckDone(ESTIMATE)),
        *(NotBegun("No process could be started for it."), Failed(LockedError("It is being made by another run."))),
        *(Failed(LockedError("It is being made by another run.")), Failed(StorageError("The disk is full."))),
    ]
    events: list[object] = []
    executor = InProcess(lambda task: answers.pop(0))
    (outcome,) = make_clips(requests[:1], BatchOptions(), executor, events.append, lambda: False)
    assert not answers
    assert (outcome.attempts, outcome.reason) == (1, "The disk is full.")
    assert [event.reason for event in events if isinstance(event, Waiting)] == ["It is being made by another run."]


FULL = Failed(StorageError("The disk is full."))
Play = Callable[[Client, Make], Iterator[Ended]]


class Played:
    """Workers that a test plays, from the first clip that is handed out on; every check is passed."""

    def __init__(self, play: Play) -> None:
        self._play, self.stopped = play, list[int]()

    def prepare(self) -> None:
        """There is nothing to load."""

    def work(self, client: Client) -> Iterator[Ended]:
        while isinstance(task := client.next_task(0), Check):
            yield Ended(0, task, CheckDone(ESTIMATE))
        if isinstance(task, Make):
            yield from self._play(client, task)

    def stop(self, workers: Iterable[int]) -> None:
        self.stopped += workers


def plan(make: Make, *lengths: int) -> Planned:
    """A clip with shots of these lengths, of which nothing is painted yet."""
    request, ends = make.request, list(accumulate(lengths))
    shots = tuple(Shot(k, end - lengths[k], end) for k, end in enumerate(ends))
    clip = Clip(request.source, request.output, FrameSelection(open_clip(request.source), range(ends[-1])))
    return Planned(clip, 64, 48, shots, shots, "cpu", 0)


class TestSharing:
    """Who has no clip of its own paints shots of one that another worker makes."""

    @pytest.fixture
    def played(self, requests: list[ClipRequest]) -> Callable[..., list[Outcome]]:
        """Play a batch of clips."""

        def outcomes(play: Play, clips: int = 1, workers: int = 4, **settings: object) -> list[Outcome]:
            asked = [
                replace(request, settings=request.settings.with_values(**{"iterations": 1, **settings}))
                for request in requests[:clips]
            ]
            self.executor = Played(play)
            options = BatchOptions(workers, retries=1)
            return list(make_clips(asked, options, self.executor, lambda event: None, lambda: False))

        return outcomes

    def test_who_is_free_is_sent_where_shots_are_left(self, played: Callable[..., list[Outcome]]) -> None:
        def play(client: Client, first: Make) -> Iterator[Ended]:
            second = client.next_task(1)
            assert isinstance(second, Make) and client.next_task(2) is None, "no cuts are known yet"
            client.tell(0, first, plan(first, 10, 10))
            client.tell(1, second, plan(second, 10, 10, 10, 10))
            sent = client.next_task(2)
            assert isinstance(sent, Paint) and sent.index == 1
            yield Ended(2, sent, PaintDone())
            other = client.next_task(2)
            assert isinstance(other, Paint) and other.index == 0, "nobody is sent to a clip twice"
            yield Ended(2, other, FULL)
            assert client.next_task(2) is None
            more = [client.next_task(worker) for worker in (3, 4, 5)]
            assert [type(task) for task in more] == [Paint, Paint, type(None)], "one shot is for each"
            yield Ended(1, second, Failed(InputError("No.")))
            assert self.executor.stopped == [3, 4]
            for worker, task in zip((3, 4), more, strict=False):
                assert task
                yield Ended(worker, task, PaintDone())
            assert client.next_task(3) is None
            yield Ended(0, first, Failed(InputError("No.")))

        assert {outcome.status for outcome in played(play, clips=2)} == {Status.FAILED}

    @pytest.mark.parametrize(
        ("lengths", "more"),
        [([10], {}), ([5, 5], {"loop": True}), ([5, 5], {"iterations": 0}), ([5, 5], {"workers": 1})],
        ids=["one shot", "a loop", "not painted", "one worker"],
    )
    def test_not_every_clip_is_shared(
        self, played: Callable[..., list[Outcome]], lengths: list[int], more: dict[str, object]
    ) -> None:
        def play(client: Client, first: Make) -> Iterator[Ended]:
            assert first.alone == bool(more)
            client.tell(0, first, plan(first, *lengths))
            assert client.next_task(1) is None
            yield Ended(0, first, Failed(InputError("No.")))

        played(play, **more)

    @pytest.mark.parametrize(
        ("error", "others", "attempts"),
        [(DeviceMemoryError("Little."), 1, 1), (WorkerError("Killed."), 1, 2), (WorkerError("Killed."), 0, 2)],
        ids=["memory is too small", "killed beside another", "killed alone"],
    )
    def test_what_may_have_been_too_much_for_several_is_tried_by_one_alone(
        self, played: Callable[..., list[Outcome]], error: StyleVideoError, others: int, attempts: int
    ) -> None:
        def play(client: Client, first: Make) -> Iterator[Ended]:
            client.tell(0, first, plan(first, 10, 10, 10))
            sent = client.next_task(1) if others else None
            yield Ended(0, first, Failed(error))
            if sent:
                assert self.executor.stopped == [1]
                assert client.next_task(0) is None, "the other has not ended"
                yield Ended(1, sent, PaintDone())
            again = client.next_task(0)
            assert isinstance(again, Make) and again.alone == bool(others)
            client.tell(0, again, plan(again, 10, 10, 10))
            assert (client.next_task(1) is None) == bool(others)
            yield Ended(0, again, Failed(InputError("No.")))

        (outcome,) = played(play)
        assert (outcome.status, outcome.attempts, outcome.reason) == (Status.FAILED, attempts, "No.")

    def test_a_clip_that_nobody_makes_comes_first(self, played: Callable[..., list[Outcome]]) -> None:
        """The process that was to make it cannot be started."""

        def play(client: Client, first: Make) -> Iterator[Ended]:
            second = client.next_task(1)
            assert isinstance(second, Make)
            client.tell(0, first, plan(first, 10, 10))
            sent = client.next_task(2)
            assert isinstance(sent, Paint)
            yield Ended(1, second, NotBegun("No process could be started for it."))
            assert self.executor.stopped == [2]
            yield Ended(2, sent, PaintDone())
            assert client.next_task(2) == second
            yield Ended(2, second, Failed(InputError("No.")))
            yield Ended(0, first, Failed(InputError("No.")))

        assert [outcome.attempts for outcome in played(play, clips=2)] == [1, 1]
