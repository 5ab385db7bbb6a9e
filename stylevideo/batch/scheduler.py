"""Many clips: what is done is left alone, the rest is checked first and then made, and none takes another along.

Tells what happens through events; prints nothing, and knows of those who do the work only that they are an `Executor`.
"""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from stylevideo.batch.check import check_clips
from stylevideo.batch.executor import Executor, NotBegun
from stylevideo.batch.messages import Answer, Failed, Make, MakeDone, Paint, Task
from stylevideo.batch.outcomes import (
    BatchChecked,
    BatchListener,
    BatchOptions,
    ClipEnded,
    ClipEvent,
    Outcome,
    Waiting,
)
from stylevideo.batch.up_to_date import confirm, made_meanwhile
from stylevideo.errors import DeviceMemoryError, LockedError, Stopped, WorkerError
from stylevideo.planning.request import ClipRequest
from stylevideo.reports.events import Checked, Event, Planned
from stylevideo.reports.results import ClipResult, Status
from stylevideo.system.folders import folders_for

logger = logging.getLogger(__name__)

LOCKED_RETRY_S = 2.0
"""Between two looks at a clip that another run is making."""
TOO_LITTLE_FOR_SEVERAL = "There is too little memory beside other workers. It will be tried again by one alone."


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
        self._begun: set[int] = set()
        self._painters: dict[int, int] = {}  # workers that paint shots of a clip that another one makes
        self._sent: dict[int, set[int]] = {}  # of clips that are being made: who was sent there once
        self._welcome: Counter[int] = Counter()  # of the same: how many more are of use
        self._ended = False

    def begin(self, checked: BatchChecked) -> None:
        """Tell what became of clips that need no making, and put the others in line."""
        for index in checked.made:
            self._end(index, Status.ALREADY_MADE)
        for index, reason in checked.problems.items():
            self._end(index, Status.FAILED, reason)
        for index in checked.estimates:
            self._put_off(Make(index, self._requests[index], self._is_made_alone(index)), 0)

    def make(self) -> None:
        """Make what is waiting, until nothing is."""
        while self._waiting and not self.is_stopping():
            for ended in self._executor.work(self):
                match ended.task:
                    case Paint() as task:
                        self._take_painted(ended.worker, task, ended.answer)
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
                Status.STOPPED if self._attempts[index] or index in self._begun else Status.NOT_BEGUN,
                self._attempts[index],
                self._reasons.get(index, ""),
            )
            for index, request in enumerate(self._requests)
        )

    def is_stopping(self) -> bool:
        return self._ended or self._stop()

    def _is_made_alone(self, index: int) -> bool:
        """Whether no more than one worker paints a clip, whoever is free.

        A looped film's end needs its beginning; what is not painted at all is sooner done than shared out.
        """
        settings = self._requests[index].settings
        return self._options.workers == 1 or settings.temporal.loop or not settings.optimizer.iterations

    def next_task(self, worker: int) -> Make | Paint | None:
        """The next clip whose time has come and that is not made meanwhile; else one of which shots can be painted.

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
        return self._to_paint(worker)

    def _may_be_made(self, index: int) -> bool:
        """Whether another run had time to make a clip."""
        return self._attempts[index] == 0 or index in self._told_to_wait

    def _is_due(self, due: float, task: Make) -> bool:
        """Whether a clip may be begun now; what is tried again waits until nobody paints what was tried before."""
        return due <= time.monotonic() and task.index not in self._painters.values()

    def _to_paint(self, worker: int) -> Paint | None:
        """The clip that is being made to which most workers more may come, if there is one that this one was not at.

        Nobody comes to a clip twice but who was stopped: who has ended there has found every shot taken, and whoever
        makes it does what others leave.
        """
        open_to_it = [index for index, sent in self._sent.items() if self._welcome[index] > 0 and worker not in sent]
        if not open_to_it:
            return None
        index = max(open_to_it, key=self._welcome.__getitem__)
        self._welcome[index] -= 1
        self._sent[index].add(worker)
        self._painters[worker] = index
        return Paint(index, self._requests[index])

    def tell(self, worker: int, task: Task, event: Event) -> None:
        if isinstance(event, Checked):
            self._begun.add(task.index)
        if isinstance(event, Planned) and isinstance(task, Make) and not task.alone:
            self._sent[task.index] = set()
            self._welcome[task.index] = len(event.unfinished) - 1
        if task.index in self._outcomes:  # the last frame of another painter
            return
        self._on_event(ClipEvent(task.index, worker, event))

    def _take_painted(self, worker: int, task: Paint, answer: Answer | NotBegun) -> None:
        """What was not painted, the clip's own worker paints."""
        del self._painters[worker]
        was_stopped = isinstance(answer, Failed) and isinstance(answer.error, Stopped)
        if was_stopped and task.index in self._sent:  # for a clip that came first: it may come back
            self._sent[task.index].discard(worker)
            self._welcome[task.index] += 1
        if isinstance(answer, Failed | NotBegun):
            logger.info("%s: another painter ended. %s", task.request.source.name, answer.reason)

    def _take(self, worker: int, task: Make, answer: Answer | NotBegun) -> None:
        """Take in how the making of a clip ended."""
        others = [painter for painter, index in self._painters.items() if index == task.index]
        self._executor.stop(others)
        self._sent.pop(task.index, None)
        match answer:
            case MakeDone(result):
                self._end(task.index, Status.MADE, result=result)
            case NotBegun():
                self._attempts[task.index] -= 1
                self._put_off(task, 0)
                self._executor.stop(list(self._painters)[:1])  # a clip that nobody makes comes first
            case Failed(DeviceMemoryError()) if not task.alone:  # which may suffice for one
                self._attempts[task.index] -= 1
                self._reasons[task.index] = answer.reason
                logger.info("%s", answer.reason)
                self._on_event(Waiting(task.index, TOO_LITTLE_FOR_SEVERAL))
                self._put_off(replace(task, alone=True), 0)
            case Failed(WorkerError()) if others:  # perhaps since there was too little memory for several
                self._take_failure(replace(task, alone=True), answer)
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
