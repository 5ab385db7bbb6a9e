"""Many clips: what is done is left alone, the rest is checked first and then made, and none takes another along.

Tells what happens through events; prints nothing, and knows of those who do the work only that they are an `Executor`.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from stylevideo.batch.check import check_clips
from stylevideo.batch.executor import Executor, NotBegun
from stylevideo.batch.messages import Answer, Failed, Help, Make, MakeDone, Question, Task
from stylevideo.batch.outcomes import (
    BatchChecked,
    BatchListener,
    BatchOptions,
    ClipEnded,
    ClipEvent,
    Outcome,
    Waiting,
)
from stylevideo.batch.sharing import Assistance
from stylevideo.batch.up_to_date import confirm, made_meanwhile
from stylevideo.errors import LockedError, Stopped, WorkerError
from stylevideo.planning.request import ClipRequest
from stylevideo.reports.events import Checked, Event, Planned
from stylevideo.reports.results import ClipResult, Status
from stylevideo.system.folders import folders_for

logger = logging.getLogger(__name__)

LOCKED_RETRY_S = 2.0
"""Between two looks at a clip that another run is making."""


def make_clips(
    requests: Sequence[ClipRequest],
    options: BatchOptions,
    executor: Executor,
    on_event: BatchListener,
    stop: Callable[[], bool],
) -> tuple[Outcome, ...]:
    """Make the films of many clips, as `stylevideo.run_batch` does, by any executor.

    Raises:
        DeviceMemoryError: there is too little memory to load what makes films; nothing was begun.
    """
    checked = check_clips(requests, options, executor, stop)
    on_event(checked)
    batch = _Batch(requests, options, executor, on_event, stop)
    batch.begin(checked)
    if not (checked.problems and options.fail_fast):
        with folders_for(request.output for request in requests):
            batch.make()
    return batch.outcomes()


class _Batch:
    """The clips that are to be made, and what became of them; a `Client`."""

    def __init__(
        self,
        requests: Sequence[ClipRequest],
        options: BatchOptions,
        executor: Executor,
        on_event: BatchListener,
        stop: Callable[[], bool],
    ) -> None:
        self._requests, self._options, self._executor = requests, options, executor
        self._on_event, self._stop = on_event, stop
        self._attempts = dict.fromkeys(range(len(requests)), 0)
        self._reasons: dict[int, str] = {}
        self._outcomes: dict[int, Outcome] = {}
        self._waiting: deque[tuple[float, Make]] = deque()
        self._told_to_wait: set[int] = set()
        self._help = Assistance(requests)
        self._begun: set[int] = set()
        self._ended = False

    def begin(self, checked: BatchChecked) -> None:
        """Tell what became of clips that need no making, and put the others in line."""
        for index in checked.made:
            self._end(index, Status.ALREADY_MADE)
        for index, reason in checked.problems.items():
            self._end(index, Status.FAILED, reason)
        for index in checked.estimates:
            self._put_off(Make(index, self._requests[index]), 0)

    def make(self) -> None:
        """Make what is waiting, until nothing is."""
        while self._waiting and not self.is_stopping():
            for ended in self._executor.work(self):
                match ended.task:
                    case Help() as task:
                        self._take_help(ended.worker, task, ended.answer)
                    case Make() as task:
                        self._take(ended.worker, task, ended.answer)
            if self._waiting and not self.is_stopping():
                time.sleep(LOCKED_RETRY_S / 10)

    def outcomes(self) -> tuple[Outcome, ...]:
        """One for each clip; of those that wait for another attempt it is that they were stopped."""
        return tuple(
            self._outcomes.get(index)
            or Outcome(
                request,
                Status.STOPPED if self._attempts[index] else Status.NOT_BEGUN,
                self._attempts[index],
                self._reasons.get(index, ""),
            )
            for index, request in enumerate(self._requests)
        )

    def is_stopping(self) -> bool:
        return self._ended or self._stop()

    def next_task(self, worker: int) -> Make | Help | None:
        """The next clip whose time has come and that is not made meanwhile; else something to help with.

        None where the batch was asked to end while it was looked for.
        """
        for _ in range(len(self._waiting)):
            due, task = self._waiting.popleft()
            if not self._is_due(due, task):
                self._waiting.append((due, task))
            elif self._may_be_made(task.index) and made_meanwhile(task.request):
                self._end(task.index, Status.ALREADY_MADE)
            elif self.is_stopping():
                self._waiting.append((due, task))
                return None
            else:
                self._attempts[task.index] += 1
                return task
        return self._help.task(worker)

    def _may_be_made(self, index: int) -> bool:
        """Whether another run had time to make a clip."""
        return self._attempts[index] == 0 or index in self._told_to_wait

    def _is_due(self, due: float, task: Make) -> bool:
        """Whether a clip may be begun now; what is tried again waits until nobody helps with what was tried before."""
        return due <= time.monotonic() and not self._help.is_helped(task.index)

    def tell(self, worker: int, task: Task, event: Event) -> None:
        if isinstance(event, Checked):
            self._begun.add(task.index)
        if isinstance(event, Planned):
            self._help.begin(task.index, event)
        if task.index in self._outcomes:  # the last frame of somebody who helped
            return
        self._on_event(ClipEvent(task.index, worker, event))

    def reply(self, worker: int, task: Task, question: Question) -> bool:
        """Answer what a worker asks about its clip's shots."""
        waiting = [task.index for due, task in self._waiting if self._is_due(due, task)]
        others_wait = not self._told_to_wait.issuperset(waiting)
        yes, stopping = self._help.answer(worker, task, question, others_wait)
        self._executor.stop(stopping)
        return yes

    def _take_help(self, worker: int, task: Help, answer: Answer | NotBegun) -> None:
        """What a helper could not do, the clip's own worker does."""
        if isinstance(answer, Failed | NotBegun):
            logger.info("%s: a helper ended. %s", task.request.source.name, answer.reason)
        self._help.take(worker, task, answer)

    def _take(self, worker: int, task: Make, answer: Answer | NotBegun) -> None:
        """Take in how the making of a clip ended."""
        was_killed = isinstance(answer, Failed) and isinstance(answer.error, WorkerError)
        self._executor.stop(self._help.end(task.index, worker, was_killed))
        match answer:
            case MakeDone(result):
                self._end(task.index, Status.MADE, result=result)
            case NotBegun():
                self._attempts[task.index] -= 1
                self._put_off(task, 0)
            case Failed(Stopped()) if not self.is_stopping():
                self._take_failure(task, answer.unasked)
            case Failed():
                self._take_failure(task, answer)

    def _take_failure(self, task: Make, failed: Failed) -> None:
        index = task.index
        if made_meanwhile(self._requests[index]):  # as it was asked for: a retry no longer says `restart`
            self._end(index, Status.ALREADY_MADE)
        elif isinstance(failed.error, LockedError):
            self._attempts[index] -= 1
            if index not in self._told_to_wait:
                self._on_event(Waiting(index, failed.reason))
            self._told_to_wait.add(index)
            self._put_off(task, LOCKED_RETRY_S)
        elif isinstance(failed.error, Stopped):
            self._end(index, Status.STOPPED, failed.reason)
        elif self._options.allow_another(failed.error, self._attempts[index]):
            self._reasons[index] = failed.reason
            self._on_event(Waiting(index, f"{failed.reason} It will be tried again."))
            self._put_off(task, 0)
        else:
            self._end(index, Status.FAILED, failed.reason, failed.detail)
            self._ended = self._options.fail_fast

    def _put_off(self, task: Make, seconds: float) -> None:
        # A second attempt goes on from the frames of the first, whatever the settings say of the first.
        if task.index in self._begun and task.request.settings.output.restart:
            settings = task.request.settings.with_values(restart=False, overwrite=True)
            task = replace(task, request=replace(task.request, settings=settings))
        self._waiting.append((time.monotonic() + seconds, task))

    def _end(
        self, index: int, status: Status, reason: str = "", detail: str = "", result: ClipResult | None = None
    ) -> None:
        if status is Status.ALREADY_MADE:
            confirm(self._requests[index])
        outcome = Outcome(self._requests[index], status, self._attempts[index], reason, detail, result)
        self._outcomes[index] = outcome
        self._on_event(ClipEnded(index, outcome))
