"""Films by the workers of a Dask cluster: Dask carries tasks to machines, and on each our own supervisor does them.

An `Executor`, as the pool of processes is; so what a batch promises of failures, attempts, outcomes and reports holds
here too. All workers see one folder, which has everything that lasts: whatever dies, what is painted stays.
"""

from __future__ import annotations

import itertools
import logging
import pickle
import queue
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from operator import methodcaller
from pathlib import Path
from typing import Any

from distributed import Client as DaskClient
from distributed import Future

from stylevideo.batch.executor import Client, Ended, NotBegun
from stylevideo.batch.messages import Answer, Begun, Failed, Task, Told
from stylevideo.batch.outcomes import BatchListener, BatchOptions, Outcome
from stylevideo.batch.scheduler import make_clips
from stylevideo.errors import Stopped, WorkerError
from stylevideo.farm.host import TOPIC, FromHost, Work
from stylevideo.farm.roster import Member, Roster, connected
from stylevideo.limits import WORKERS
from stylevideo.planning.inputs import with_whole_paths
from stylevideo.planning.request import ClipRequest
from stylevideo.settings.settings import leaves
from stylevideo.settings.style import MatteName
from stylevideo.system.folders import nearest_folder
from stylevideo.system.heartbeat import broken_off_when

logger = logging.getLogger(__name__)

POLL_S = 0.1
LOOK_AGAIN_S = 1.0
NOBODY = -1
"""Stands for a worker's number where there is none."""
NOBODY_S = 300.0
"""So long a worker is waited for where none is left."""
STOP_S = 30.0
"""So long a worker has to end a task that it was asked to end."""
MOST_LOSSES = 3
"""So many workers may be lost over a task before that is the task's fault."""


def run_on_cluster(
    address: str,
    requests: Sequence[ClipRequest],
    options: BatchOptions,
    on_event: BatchListener,
    stop: Callable[[], bool],
) -> tuple[Outcome, ...]:
    """Make the films of many clips as `stylevideo.run_batch` does, by the workers of a Dask cluster.

    Args:
        address: of the cluster's scheduler.
        requests: the clips; this machine sees their files and folders under the same paths as all workers.
        options: how it is run; there are as many workers as the cluster has.
        on_event, stop: as for `run_batch`.
    Raises:
        SettingsError: the address is none.
        InputError: no scheduler answers, it has no workers, or some are unlike or do not see what is shared.
        Stopped: because of `stop`, before anything was begun.
    """
    everywhere = [_with_whole_paths(request) for request in requests]
    files = sorted({file for request, named in everywhere for file in named})
    requests = [request for request, _ in everywhere]
    folders = sorted({nearest_folder(request.output) for request in requests})
    devices = {request.settings.optimizer.device for request in requests}
    threads = any(request.settings.optimizer.threads == 0 for request in requests)
    with broken_off_when(stop), connected(address) as dask, Roster(dask, files, folders, devices, threads) as roster:
        options = replace(options, workers=max(2, min(len(roster.ready), WORKERS)))  # more may come
        return make_clips(requests, options, _Cluster(dask, roster, options), on_event, stop)


def _with_whole_paths(request: ClipRequest) -> tuple[ClipRequest, set[Path]]:
    """A film as it is asked for in any folder, and the files and folders that must be seen for it."""
    named = [request.source, *(style.path for style in request.all_styles)]
    named += [MatteName.parse(matte).path for matte in request.mattes]

    def write(_: str, path: Path) -> str:
        named.append(path)
        return str(path)

    settings = request.settings
    values = {leaf.name: with_whole_paths(leaf, settings.value(leaf.name), write) for leaf in leaves()}
    for table in request.shot:  # whose paths are whole
        own = table.settings(settings)
        for leaf in leaves():
            with_whole_paths(leaf, own.value(leaf.name), write)
    changed = {name: value for name, value in values.items() if value != settings.value(name)}
    seen = {path if path.exists() else path.parent for path in named}
    return replace(request, settings=settings.with_values(**changed)), {path for path in seen if path.exists()}


@dataclass
class _Seat:
    """A worker with the task that it was given.

    Attributes:
        number: by which the batch knows it.
        member: the worker.
        task: that it was given; None while it is free.
        key: by which Dask knows that.
        future: of the task; None also where Dask did not take it.
        has_begun: whether it works on that.
        end_by: when it must have ended, once it was asked to.
    """

    number: int
    member: Member
    task: Task | None = None
    key: str = ""
    future: Future[Any] | None = None
    has_begun: bool = False
    end_by: float | None = None

    def begin(self, task: Task) -> None:
        """It is given a task."""
        self.task, self.key = task, f"stylevideo-{uuid.uuid4()}"
        self.future, self.has_begun, self.end_by = None, False, None

    def end(self, answer: Answer | NotBegun) -> Ended:
        """It is free again."""
        assert self.task is not None
        ended = Ended(self.number, self.task, answer)
        self.task = self.future = None
        self.key = ""
        return ended


@dataclass(frozen=True)
class _Over:
    """Dask says that a task is done with, as `status` has it."""

    status: str


class _Cluster:
    """See `Executor`."""

    def __init__(self, dask: DaskClient, roster: Roster, options: BatchOptions) -> None:
        self._dask, self._roster, self._options = dask, roster, options
        self._inbox: queue.Queue[tuple[str, FromHost | _Over]] = queue.Queue()
        self._seats: dict[str, _Seat] = {}
        self._losses: dict[Task, set[str]] = {}
        self._nobody_since: float | None = None
        self._numbers = itertools.count()
        dask.subscribe_topic(TOPIC, self._hear)

    def prepare(self) -> None:
        """Each worker finds out by itself whether it can do a task."""

    def work(self, client: Client) -> Iterator[Ended]:
        """Do a client's tasks until no worker is busy and there are no more; see `Executor`."""
        stopping = False
        while True:
            if client.is_stopping() and not stopping:
                stopping = True
                self.stop([seat.number for seat in self._seats.values()])
            yield from self._overdue()
            waits = False
            if not stopping:
                self._take_in_workers()
                self._share_out(client)
                is_idle = not any(seat.task for seat in self._seats.values())
                if self._nobody_since is not None and is_idle and (task := client.next_task(NOBODY)):
                    waits = True
                    yield Ended(NOBODY, task, self._without_workers(self._nobody_since))
            if not waits and not any(seat.task for seat in self._seats.values()):
                return
            yield from self._heard(client)

    def stop(self, workers: Iterable[int]) -> None:
        """Ask these workers to end their tasks within seconds: whose task is cancelled notices it."""
        numbers = set(workers)
        for seat in self._seats.values():
            if seat.task and seat.number in numbers and seat.end_by is None:
                seat.end_by = time.monotonic() + (STOP_S if seat.has_begun else 0)
                self._cancel(seat)

    def _take_in_workers(self) -> None:
        """Give a number to each worker that is there."""
        there = self._roster.ready
        addresses = {member.address for member in there}
        self._seats = {address: seat for address, seat in self._seats.items() if seat.task or address in addresses}
        for member in there:
            if member.address not in self._seats:
                self._seats[member.address] = _Seat(next(self._numbers), member)
        if there:
            self._nobody_since = None
        elif self._nobody_since is None:
            self._nobody_since = time.monotonic()

    def _share_out(self, client: Client) -> None:
        """Give each free worker a task."""
        for seat in self._seats.values():
            is_free = seat.task is None and self._roster.is_there(seat.member)
            if not is_free or client.is_stopping() or (task := client.next_task(seat.number)) is None:
                continue
            seat.begin(task)
            with suppress(Exception):  # of a scheduler that is gone: a task without a future is lost
                seat.future = self._submit(seat.key, seat.member, task)

    def _submit(self, key: str, member: Member, task: Task) -> Future[Any]:
        data = pickle.dumps(Work(task, self._options.log_level, self._options.patience_s))
        future = self._dask.submit(
            methodcaller("perform", data),
            member.module,
            key=key,
            workers=[member.address],
            resources=dict(member.taken) or None,
            retries=0,
            pure=False,
        )
        future.add_done_callback(lambda over: self._inbox.put((over.key, _Over(over.status))))
        return future

    def _cancel(self, seat: _Seat) -> None:
        if seat.future:
            with suppress(Exception):  # of a scheduler that is gone
                seat.future.cancel()

    def _without_workers(self, since: float) -> Failed | NotBegun:
        """What becomes of a task while there is no worker: it waits for one for some time."""
        what = "No worker of the cluster is left" if self._roster.is_reachable else "The scheduler does not answer"
        if time.monotonic() - since > NOBODY_S:
            return Failed(WorkerError(f"{what}."))
        time.sleep(LOOK_AGAIN_S)
        return NotBegun(f"{what}.")

    def _overdue(self) -> Iterator[Ended]:
        """Take tasks back from workers that are gone, or do not end what they were asked to end."""
        for seat in self._seats.values():
            if seat.task is None:
                continue
            if seat.future is None or not self._roster.is_there(seat.member):
                yield self._lose(seat, seat.task)
            elif seat.end_by is not None and time.monotonic() >= seat.end_by:
                yield seat.end(Failed(Stopped()) if seat.has_begun else NotBegun("It was not begun."))

    def _lose(self, seat: _Seat, task: Task) -> Ended:
        """A worker is gone: its task is given to another, but not for ever."""
        self._cancel(seat)
        lost = self._losses.setdefault(task, set())
        lost.add(seat.member.address)
        reason = f"The worker {seat.member} is gone."
        if seat.end_by is not None:
            return seat.end(Failed(Stopped()))
        if len(lost) >= MOST_LOSSES:
            return seat.end(Failed(WorkerError(f"{reason} It was the {MOST_LOSSES}rd that went while it was at this.")))
        logger.warning("%s What it was at is given to another.", reason)
        return seat.end(NotBegun(reason))

    def _hear(self, event: tuple[float, tuple[str, bytes]]) -> None:
        """Take in what a worker tells, in a thread of Dask's."""
        key, said = event[1]
        if any(seat.key == key for seat in list(self._seats.values())):
            self._inbox.put((key, pickle.loads(said)))

    def _heard(self, client: Client) -> Iterator[Ended]:
        """Take in one message, if there is one."""
        try:
            key, message = self._inbox.get(timeout=POLL_S)
        except queue.Empty:
            return
        seat = next((seat for seat in self._seats.values() if seat.key == key), None)
        if seat is None or seat.task is None:  # of a task that was taken back
            return
        match message:
            case Begun():
                seat.has_begun = True
            case Told(event):
                client.tell(seat.number, seat.task, event)
            case _Over("error"):
                error = seat.future.exception() if seat.future else None
                yield seat.end(Failed(WorkerError(f"The worker {seat.member} could not do it ({error}).")))
            case _Over("finished"):  # its answer would have come before
                yield seat.end(Failed(WorkerError(f"The worker {seat.member} has ended it without an answer.")))
            case _Over():
                if seat.end_by is None:
                    yield self._lose(seat, seat.task)
            case Failed():
                self._losses.pop(seat.task, None)
                yield seat.end(_on(seat.member.host, seat.task, message))
            case _:
                self._losses.pop(seat.task, None)
                yield seat.end(message)


def _on(host: str, task: Task, failed: Failed) -> Failed:
    """A failure with the name of its machine."""
    if isinstance(failed.error, Stopped):
        return failed
    error = type(failed.error)(f"On {host}: {failed.reason.removeprefix(f'{task.request.source.name}: ')}")
    error.sentences = failed.error.sentences
    return replace(failed, error=error)
