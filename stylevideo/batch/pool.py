"""Workers side by side: tasks are handed out, answers come back, and a worker that dies is replaced.

An `Executor`. Knows processes and messages; what a task means is the business of its client and of
`stylevideo.batch.tasks`.
"""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Iterable, Iterator, Sequence

from stylevideo.batch.executor import Client, Ended, NotBegun
from stylevideo.batch.messages import (
    Alive,
    Begun,
    CheckDone,
    Configuration,
    Failed,
    Logged,
    MakeDone,
    PaintDone,
    Told,
)
from stylevideo.batch.process import LONGEST_DYING_S, LONGEST_LOOK_S, Gone, Inbox, WorkerProcess
from stylevideo.errors import WorkerError
from stylevideo.system.loading import PAINTING, require_memory_to_load
from stylevideo.text import duration

POLL_S = 0.1
START_AGAIN_S = 1.0
STARTS = 10
"""In vain and one after another for each worker, while none is at work: then a task cannot be done."""


class Pool:
    """Workers that share out tasks.

    Args:
        size: how many work side by side.
        devices: each worker takes one of them in turn; none leaves the clips' own.
        log_level: of what is passed on from their logs.
        patience_s: a worker that makes no step for so long is ended; 0 waits for ever.
    """

    def __init__(self, size: int, devices: Sequence[str], log_level: int, patience_s: float) -> None:
        self._inbox: Inbox = queue.Queue()
        self._configuration = Configuration(log_level)
        self._devices = devices
        self._workers: dict[int, WorkerProcess] = {}
        self._size, self._patience_s = size, patience_s
        self._looked_at = time.monotonic()
        self._in_vain = 0
        self._start_at: dict[int, float] = {}

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers.values():
            worker.kill()  # all of them, before one is waited for
        for worker in self._workers.values():
            worker.end()

    def prepare(self) -> None:
        """Find out, before the first task, whether a worker could load what makes films; see `Executor`."""
        require_memory_to_load(PAINTING)

    def work(self, client: Client) -> Iterator[Ended]:
        """Do a client's tasks until no worker is busy and there are no more; see `Executor`."""
        stopping = False
        while True:
            if client.is_stopping() and not stopping:
                stopping = True
                for worker in self._workers.values():
                    worker.stop()
            starts_later = self._starts_later()  # asked before, too, since the time may come in between
            if not stopping:
                yield from self._share_out(client)
            starts_later = not stopping and (starts_later or self._starts_later())
            if not starts_later and not any(worker.task for worker in self._workers.values()):
                return
            self._give_up_who_hangs()
            yield from self._heard(client)

    def stop(self, numbers: Iterable[int]) -> None:
        """Ask these workers to end their tasks within seconds."""
        for number in numbers:
            if number in self._workers:
                self._workers[number].stop()

    def _starts_later(self) -> bool:
        """Whether a worker that could not be started will be tried again."""
        return any(at > time.monotonic() for at in self._start_at.values())

    def _give_up_who_hangs(self) -> None:
        """Count how long each worker has been silent, but not the time in which this process itself was halted."""
        now = time.monotonic()
        passed_s, self._looked_at = min(now - self._looked_at, LONGEST_LOOK_S), now
        for worker in self._workers.values():
            worker.silent_s += passed_s
            if worker.is_given_up:
                if worker.silent_s > LONGEST_DYING_S:
                    self._inbox.put((worker, Gone()))
            elif worker.task and 0 < self._patience_s < worker.silent_s:
                worker.give_up(f"did nothing for {duration(worker.silent_s)} and was ended")

    def _share_out(self, client: Client) -> Iterator[Ended]:
        """Give each free worker a task; yields those for which no process can be started."""
        for number in range(self._size):
            is_busy = number in self._workers and self._workers[number].task
            if is_busy or self._start_at.get(number, 0) > time.monotonic():
                continue
            if client.is_stopping() or (task := client.next_task(number)) is None:
                continue
            try:
                self._worker(number).begin(task)
            except (OSError, MemoryError, RuntimeError) as error:
                why = getattr(error, "strerror", None) or str(error) or "there is too little memory"
                yield Ended(number, task, self._not_begun(number, f"No process could be started for it ({why})."))

    def _not_begun(self, number: int, reason: str) -> Failed | NotBegun:
        """What becomes of a task that no worker has begun: it is tried again, for ever while others are at work."""
        self._start_at[number] = time.monotonic() + START_AGAIN_S  # there may be room for it then
        at_work = any(worker.task and worker.has_begun for worker in self._workers.values())
        self._in_vain = 0 if at_work else self._in_vain + 1
        if self._in_vain < STARTS * self._size:
            return NotBegun(reason)
        self._in_vain = 0
        return Failed(WorkerError(reason))

    def _worker(self, number: int) -> WorkerProcess:
        """The worker with this number, which is started if there is none, or if it has died with nothing to do."""
        if number in self._workers and (self._workers[number].is_given_up or not self._workers[number].is_there):
            self._workers.pop(number).end()
        if number not in self._workers:
            device = self._devices[number % len(self._devices)] if self._devices else ""
            self._workers[number] = WorkerProcess(number, device, self._inbox, self._configuration)
        return self._workers[number]

    def _heard(self, client: Client) -> Iterator[Ended]:
        """Take in one message, if there is one."""
        try:
            worker, message = self._inbox.get(timeout=POLL_S)
        except queue.Empty:
            return
        if self._workers.get(worker.number) is not worker:  # it was replaced
            return
        worker.silent_s = 0.0
        match message:
            case Alive():
                pass
            case Logged(name, level, text):
                logging.getLogger(name).log(level, "%s", text)
            case Begun():
                worker.has_begun, self._in_vain = True, 0
            case Told(event):
                if worker.task:
                    client.tell(worker.number, worker.task, event)
            case Gone():
                yield from self._bury(worker)
            case CheckDone() | MakeDone() | PaintDone() | Failed():
                task, worker.task = worker.task, None
                if task:
                    yield Ended(worker.number, task, message)

    def _bury(self, worker: WorkerProcess) -> Iterator[Ended]:
        """Forget a worker that has gone, with the task that it may have been at."""
        del self._workers[worker.number]
        why = worker.why_gone()
        if worker.task:
            has_begun = worker.has_begun or worker.is_given_up
            yield Ended(worker.number, worker.task, why if has_begun else self._not_begun(worker.number, why.reason))
