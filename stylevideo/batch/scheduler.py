"""Many clips: what is done is left alone, the rest is checked first and then made, and none takes another along.

Tells what happens through events; prints nothing.
"""

from __future__ import annotations

import logging
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from stylevideo.batch.messages import CHECK, HELP, MAKE, Asked, Done, Failed, Task
from stylevideo.batch.outcomes import (
    BatchChecked,
    BatchListener,
    BatchOptions,
    ClipEnded,
    ClipEvent,
    Outcome,
    Waiting,
)
from stylevideo.batch.pool import Pool
from stylevideo.batch.process import NotBegun
from stylevideo.batch.sharing import Assistance
from stylevideo.errors import LockedError, Stopped, StyleVideoError, WorkerError
from stylevideo.planning.request import ClipRequest
from stylevideo.reports.events import Checked, Planned
from stylevideo.reports.results import ClipResult, Status
from stylevideo.store.identity import is_made, made_files, request_key
from stylevideo.store.lock import remove_stale
from stylevideo.system.folders import folders_for
from stylevideo.system.heartbeat import broken_off_when
from stylevideo.system.loading import PAINTING, require_memory_to_load

logger = logging.getLogger(__name__)

LOCKED_RETRY_S = 2.0
"""Between two looks at a clip that another run is making."""


def check_batch(
    requests: Sequence[ClipRequest],
    options: BatchOptions = BatchOptions(),
    stop: Callable[[], bool] = lambda: False,
) -> BatchChecked:
    """Check every clip of a batch, and begin none; a clip that ends the process is a problem of that clip.

    Args:
        requests: the clips.
        options: how many are checked side by side.
        stop: asked all the time whether to end early.
    Raises:
        DeviceMemoryError: there is too little memory to load what makes films.
    """
    with folders_for(request.output for request in requests), _pool(options) as pool, broken_off_when(stop):
        return _check(requests, options, pool, stop)


def run_batch(
    requests: Sequence[ClipRequest],
    options: BatchOptions = BatchOptions(),
    on_event: BatchListener = lambda event: None,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[Outcome, ...]:
    """Make the films of many clips.

    Films that are already made from the same things are left alone; frames that an interrupted run left are gone on
    from; a clip that another run is making is waited for.

    Args:
        requests: the clips.
        options: how it is run.
        on_event: told when all are checked, of each clip's events, and of its end.
        stop: asked all the time whether to end early; clips that were begun end within seconds.
    Returns:
        An outcome for each request, in order. Failures are outcomes, not exceptions.
    Raises:
        DeviceMemoryError: there is too little memory to load what makes films; nothing was begun.
    """
    with folders_for(request.output for request in requests), _pool(options) as pool, broken_off_when(stop):
        checked = _check(requests, options, pool, stop)
        on_event(checked)
        batch = _Batch(requests, options, checked, on_event)
        if not (checked.problems and options.fail_fast):
            batch.make(pool, stop)
    return batch.outcomes()


def _pool(options: BatchOptions) -> Pool:
    return Pool(options.workers, options.devices, options.log_level, options.patience_s)


def _check(
    requests: Sequence[ClipRequest], options: BatchOptions, pool: Pool, stop: Callable[[], bool]
) -> BatchChecked:
    made, problems, estimates = [], {}, {}
    failures: Counter[int] = Counter()
    tasks: deque[Task] = deque()
    for index, request in enumerate(requests):
        if stop():
            break
        try:
            if already_made(request):
                made.append(index)
            else:
                tasks.append(Task(CHECK, index, request))
        except Stopped:
            break
        except (StyleVideoError, OSError) as error:
            problems[index] = str(error)
    if tasks:
        with suppress(Stopped):
            require_memory_to_load(PAINTING)
    for _, task, answer in pool.work(lambda _: tasks.popleft() if tasks else None, lambda *_: None, stop):
        if isinstance(answer, NotBegun):
            tasks.appendleft(task)
        elif isinstance(answer, Failed) and isinstance(answer.error, Stopped) and stop():
            continue
        elif isinstance(answer, Failed) and _made_meanwhile(task.request):
            made.append(task.index)
        elif isinstance(answer, Failed):
            failures[task.index] += 1
            if _is_worth_another(answer, failures[task.index], options):
                tasks.append(task)
            else:
                problems[task.index] = answer.reason
        else:
            estimates[task.index] = answer.answer
    return BatchChecked(dict(sorted(estimates.items())), dict(sorted(problems.items())), tuple(sorted(made)))


def _is_worth_another(failed: Failed, attempts: int, options: BatchOptions) -> bool:
    return isinstance(failed.error, StyleVideoError) and failed.error.retryable and attempts <= options.retries


def already_made(request: ClipRequest) -> bool:
    """Whether a clip's film is there, made from the same things, with the sheet and the report that are asked for.

    Raises:
        InputError: there is a film, and the source or a style cannot be read.
        Stopped: this thread's work is to be broken off.
    """
    options = request.settings.output
    if options.restart or not all(Path(path).exists() for path in (options.sheet, options.report) if path):
        return False
    return is_made(request.output, lambda: _key(request))


def confirm(request: ClipRequest) -> None:
    """Throw away what was left of a clip whose film is made, and date its files to now, so that `make` sees it too."""
    with suppress(OSError):  # such as those of another user
        for file in made_files(request.output):
            os.utime(file)
    with suppress(StyleVideoError, OSError, Stopped):
        remove_stale(request.output, lambda: _key(request))


def _key(request: ClipRequest) -> str:
    return request_key(request.source, request.styles, request.settings)


def _made_meanwhile(request: ClipRequest) -> bool:
    """Whether another run has made a clip since it was looked at first; as far as there is time to look."""
    try:
        return already_made(request)
    except (StyleVideoError, OSError, Stopped):
        return False


class _Batch:
    """The clips that are to be made, and what became of them."""

    def __init__(
        self, requests: Sequence[ClipRequest], options: BatchOptions, checked: BatchChecked, on_event: BatchListener
    ) -> None:
        self._requests, self._options, self._on_event = requests, options, on_event
        self._attempts = dict.fromkeys(range(len(requests)), 0)
        self._reasons: dict[int, str] = {}
        self._outcomes: dict[int, Outcome] = {}
        self._waiting: deque[tuple[float, Task]] = deque()
        self._told_to_wait: set[int] = set()
        self._help = Assistance(requests)
        self._begun: set[int] = set()
        self._ended = False
        self._stop: Callable[[], bool] = lambda: False
        for index in checked.made:
            self._end(index, Status.ALREADY_MADE)
        for index, reason in checked.problems.items():
            self._end(index, Status.FAILED, reason)
        for index in checked.estimates:
            self._put_off(Task(MAKE, index, requests[index]), 0)

    def make(self, pool: Pool, stop: Callable[[], bool]) -> None:
        """Make what is waiting, until nothing is."""
        self._stop = stop
        while self._waiting and not self._ends():
            for worker, task, answer in pool.work(self._next, self._tell, self._ends, partial(self._reply, pool)):
                if task.kind == HELP:
                    self._take_help(worker, task, answer)
                else:
                    was_killed = isinstance(answer, Failed) and isinstance(answer.error, WorkerError)
                    pool.stop(self._help.end(task.index, worker, was_killed))
                    self._take(task, answer)
            if self._waiting and not self._ends():
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

    def _ends(self) -> bool:
        return self._ended or self._stop()

    def _next(self, worker: int) -> Task | None:
        """The next clip whose time has come and that is not made meanwhile; else something to help with.

        None where the batch was asked to end while it was looked for.
        """
        for _ in range(len(self._waiting)):
            due, task = self._waiting.popleft()
            if not self._is_due(due, task):
                self._waiting.append((due, task))
            elif self._may_be_made(task.index) and _made_meanwhile(task.request):
                self._end(task.index, Status.ALREADY_MADE)
            elif self._ends():
                self._waiting.append((due, task))
                return None
            else:
                self._attempts[task.index] += 1
                return task
        return self._help.task(worker)

    def _may_be_made(self, index: int) -> bool:
        """Whether another run had time to make a clip."""
        return self._attempts[index] == 0 or index in self._told_to_wait

    def _is_due(self, due: float, task: Task) -> bool:
        """Whether a clip may be begun now; what is tried again waits until nobody helps with what was tried before."""
        return due <= time.monotonic() and not self._help.is_helped(task.index)

    def _tell(self, worker: int, task: Task, event: Any) -> None:
        if isinstance(event, Checked):
            self._begun.add(task.index)
        if isinstance(event, Planned):
            self._help.begin(task.index, event)
        if task.index in self._outcomes:  # the last frame of somebody who helped
            return
        self._on_event(ClipEvent(task.index, worker, event))

    def _reply(self, pool: Pool, worker: int, task: Task, asked: Asked) -> bool:
        """Answer what a worker asks about its clip's shots."""
        waiting = [task.index for due, task in self._waiting if self._is_due(due, task)]
        others_wait = not self._told_to_wait.issuperset(waiting)
        yes, stopping = self._help.answer(worker, task, asked, others_wait)
        pool.stop(stopping)
        return yes

    def _take_help(self, worker: int, task: Task, answer: Done | Failed | NotBegun) -> None:
        """What a helper could not do, the clip's own worker does."""
        if not isinstance(answer, Done):
            logger.info("%s: a helper ended. %s", task.request.source.name, answer.reason)
        self._help.take(worker, task, answer)

    def _take(self, task: Task, answer: Done | Failed | NotBegun) -> None:
        index = task.index
        if isinstance(answer, Failed) and isinstance(answer.error, Stopped) and not self._ends():
            answer = Failed(WorkerError("The process that worked on it was asked to end by another program."))
        if isinstance(answer, Done):
            self._end(index, Status.MADE, result=answer.answer)
        elif isinstance(answer, NotBegun):
            self._attempts[index] -= 1
            self._put_off(task, 0)
        elif _made_meanwhile(self._requests[index]):  # as it was asked for: a retry no longer says `restart`
            self._end(index, Status.ALREADY_MADE)
        elif isinstance(answer.error, LockedError):
            self._attempts[index] -= 1
            if index not in self._told_to_wait:
                self._on_event(Waiting(index, answer.reason))
            self._told_to_wait.add(index)
            self._put_off(task, LOCKED_RETRY_S)
        elif isinstance(answer.error, Stopped):
            self._end(index, Status.STOPPED, answer.reason)
        elif _is_worth_another(answer, self._attempts[index], self._options):
            self._reasons[index] = answer.reason
            self._on_event(Waiting(index, f"{answer.reason} It will be tried again."))
            self._put_off(task, 0)
        else:
            self._end(index, Status.FAILED, answer.reason, answer.detail)
            self._ended = self._options.fail_fast

    def _put_off(self, task: Task, seconds: float) -> None:
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
