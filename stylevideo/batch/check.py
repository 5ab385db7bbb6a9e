"""The check of a batch: what is wrong with any clip, and what the others will cost, before one is begun."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from stylevideo.batch.executor import Ended, Executor, NotBegun
from stylevideo.batch.messages import Check, CheckDone, Failed, Task
from stylevideo.batch.outcomes import BatchChecked, BatchOptions
from stylevideo.batch.up_to_date import already_made, made_meanwhile
from stylevideo.errors import Stopped, StyleVideoError
from stylevideo.planning.request import ClipRequest
from stylevideo.reports.events import Event
from stylevideo.system.files import real_path
from stylevideo.system.folders import folders_to_be_made

if TYPE_CHECKING:
    from stylevideo.reports.estimate import Estimate


def check_clips(
    requests: Sequence[ClipRequest],
    options: BatchOptions,
    executor: Executor,
    stop: Callable[[], bool],
    closely: bool = False,
) -> BatchChecked:
    """Check every clip of a batch, and begin none; a clip that ends its worker is a problem of that clip.

    Args:
        requests: the clips.
        options: how often a clip is tried.
        executor: does the checks.
        stop: asked all the time whether to end early.
        closely: decode the clips for what they will cost.
    Raises:
        DeviceMemoryError: there is too little memory to load what makes films.
    """
    check = _Checks(options, stop, closely, folders_to_be_made(request.output for request in requests))
    for index, request in enumerate(requests):
        if stop() or not check.look_at(index, request):
            break
    if check.waiting:
        with suppress(Stopped):
            executor.prepare()
    for ended in executor.work(check):
        check.take(ended)
    return check.result()


class _Checks:
    """The clips that are to be checked, and what was found; a `Client`."""

    def __init__(
        self, options: BatchOptions, stop: Callable[[], bool], closely: bool, to_be_made: frozenset[Path]
    ) -> None:
        self.is_stopping = stop
        self.waiting: deque[Check] = deque()
        self._options, self._closely, self._to_be_made = options, closely, to_be_made
        self._failures: Counter[int] = Counter()
        self._made: list[int] = []
        self._problems: dict[int, str] = {}
        self._estimates: dict[int, Estimate] = {}

    def look_at(self, index: int, request: ClipRequest) -> bool:
        """Find out whether a clip has to be checked; whether there was time to."""
        try:
            if already_made(request):
                self._made.append(index)
            else:
                self.waiting.append(self._check(index, request))
        except Stopped:
            return False
        except (StyleVideoError, OSError) as error:
            self._problems[index] = str(error)
        return True

    def next_task(self, worker: int) -> Check | None:
        return self.waiting.popleft() if self.waiting else None

    def tell(self, worker: int, task: Task, event: Event) -> None:
        """Nothing happens in a check that anybody wants to hear."""

    def take(self, ended: Ended) -> None:
        """Take in how a check ended."""
        index, request = ended.task.index, ended.task.request
        match ended.answer:
            case CheckDone(estimate):
                self._estimates[index] = estimate
            case NotBegun():
                self.waiting.appendleft(self._check(index, request))
            case Failed(Stopped()) if self.is_stopping():
                pass
            case Failed() if made_meanwhile(request):
                self._made.append(index)
            case Failed() as answer:
                failed = answer.unasked
                self._failures[index] += 1
                if self._options.allow_another(failed.error, self._failures[index]):
                    self.waiting.append(self._check(index, request))
                else:
                    self._problems[index] = failed.reason

    def _check(self, index: int, request: ClipRequest) -> Check:
        beside = frozenset(real_path(file.parent) for file in request.files_beside)
        return Check(index, request, beside & self._to_be_made, self._closely)

    def result(self) -> BatchChecked:
        """What was found, in the order of the clips."""
        in_order = dict(sorted(self._estimates.items())), dict(sorted(self._problems.items()))
        return BatchChecked(*in_order, tuple(sorted(self._made)))
