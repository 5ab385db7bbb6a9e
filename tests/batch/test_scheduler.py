"""The scheduler needs nothing but an executor: here one that does every task where it is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import pytest
from batch_fixtures import make_clip
from conftest import STYLE

from scripts.trials.batch import contents
from stylevideo.batch.executor import Client, Ended, NotBegun
from stylevideo.batch.messages import Answer, Check, CheckDone, Failed, Make, Task
from stylevideo.batch.outcomes import BatchOptions, Waiting
from stylevideo.batch.scheduler import make_clips
from stylevideo.batch.worker import answer
from stylevideo.errors import (
    InputError,
    LockedError,
    Stopped,
    StorageError,
    StyleVideoError,
    TimeLimitError,
    WorkerUndeadError,
)
from stylevideo.planning.request import ClipRequest
from stylevideo.render.claims import Alone
from stylevideo.render.stylize import stylize
from stylevideo.reports.estimate import Estimate
from stylevideo.reports.results import Status
from stylevideo.settings.settings import Settings
from stylevideo.settings.style import Style
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
                yield Ended(0, task, answer(task, partial(client.tell, 0, task), Alone(), client.is_stopping))

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
